# SPDX-License-Identifier: GPL-2.0-only
# Tests that need more than one C file, and the parts they share.

# --- a medium and an environment for the FTL core, single-stepped ---------------
host-libs += libftlsim
libftlsim-srcs := $(addprefix tests/ftl/, sim_env.c sim_image.c sim_media.c)
