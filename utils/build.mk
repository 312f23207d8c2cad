# SPDX-License-Identifier: GPL-2.0-only
# The tools. libfioutil is their common part; unit tests link it with a made-up
# machine in place of the real one.

host-libs += libfioutil
libfioutil-srcs := utils/lib/sys.c utils/lib/status.c utils/lib/status_text.c \
	utils/lib/status_tree.c common/decode/decode.c

host-progs += fio-status fio-attach fio-detach fio-format
fio-status-srcs := utils/fio-status.c
fio-attach-srcs := utils/fio-attach.c
fio-detach-srcs := utils/fio-detach.c
fio-format-srcs := utils/fio-format.c
$(foreach t,fio-status fio-attach fio-detach fio-format,$(eval $(t)-libs := libfioutil))
$(foreach t,fio-status fio-attach fio-detach fio-format,$(eval $(t)-ldlibs := -ljson-c))

unit-tests += test_utils
test_utils-srcs := tests/unit/test_utils.c
test_utils-libs := libfioutil
test_utils-ldlibs := -ljson-c

CFLAGS_utils/lib/sys.c := -DFIO_VERSION='"$(shell cat VERSION)"'
