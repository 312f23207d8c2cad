# SPDX-License-Identifier: GPL-2.0-only
# The tools. libfioutil is their common part; unit tests link it with a made-up
# machine in place of the real one.

host-libs += libfioutil
libfioutil-srcs := utils/lib/sys.c utils/lib/capacity.c utils/lib/secure.c utils/lib/status.c \
	utils/lib/status_text.c utils/lib/status_tree.c common/decode/decode.c

host-progs += fio-status fio-attach fio-detach fio-format
fio-status-srcs := utils/fio-status.c
fio-attach-srcs := utils/fio-attach.c
fio-detach-srcs := utils/fio-detach.c
fio-format-srcs := utils/fio-format.c
$(foreach t,fio-status fio-attach fio-detach fio-format,$(eval $(t)-libs := libfioutil))
$(foreach t,fio-status fio-attach fio-detach fio-format,$(eval $(t)-ldlibs := -ljson-c))

# --- fio-ftl: looks at card images, with the driver's own FTL core ----------------
# env.c is what the core links; a test links that of its simulator instead.
host-libs += libfioftltool
libfioftltool-srcs := $(addprefix utils/fio-ftl/, check.c cmdline.c device.c dump.c explain.c groups.c \
	export.c facts.c image.c out.c rebuild.c source.c)
host-progs += fio-ftl
fio-ftl-srcs := utils/fio-ftl/main.c utils/fio-ftl/env.c
fio-ftl-libs := libfioftltool libfioutil libfioftl libvcard libnand
fio-ftl-ldlibs := -ljson-c

# --- what is installed: each has a manual page utils/man/NAME.8 --------------------
util-progs := fio-status fio-attach fio-detach fio-format fio-ftl
tools: $(addprefix $(HOST_DIR)/,$(util-progs))
print-tools:
	@echo $(util-progs)
.PHONY: tools print-tools

# --- tests ------------------------------------------------------------------------
unit-tests += test_utils test_fio_ftl
test_fio_ftl-srcs := tests/unit/test_fio_ftl.c
test_fio_ftl-libs := libfioftltool libfioutil libfioftl libftlsim libvcard libnand
test_fio_ftl-ldlibs := -ljson-c
test_utils-srcs := tests/unit/test_utils.c
test_utils-libs := libfioutil
test_utils-ldlibs := -ljson-c

CFLAGS_utils/lib/sys.c := -DFIO_VERSION='"$(shell cat VERSION)"'
