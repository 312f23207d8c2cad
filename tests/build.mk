# SPDX-License-Identifier: GPL-2.0-only
# Tests that need more than one C file, and the parts they share.

# --- a medium and an environment for the FTL core, single-stepped ---------------
host-libs += libftlsim
libftlsim-srcs := $(addprefix tests/ftl/, sim_drive.c sim_env.c sim_image.c sim_media.c sim_xor.c)

unit-tests += test_sim
test_sim-srcs := tests/ftl/test_sim.c
test_sim-libs := libftlsim libnand

# --- fio-crash: power cuts everywhere, see tests/crash/main.c -------------------
unit-tests += test_oracle
test_oracle-srcs := tests/crash/test_oracle.c tests/crash/oracle.c
test_oracle-libs := libftlsim libnand

unit-tests += test_progress
test_progress-srcs := $(addprefix tests/crash/, test_progress.c progress.c seen.c)

host-progs += fio-crash
fio-crash-srcs := $(addprefix tests/crash/, main.c explore.c oracle.c progress.c rig.c seen.c)
fio-crash-libs := libfioftl libftlsim libnand
