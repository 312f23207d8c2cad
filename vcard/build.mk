# SPDX-License-Identifier: GPL-2.0-only
# The virtual card: libraries, programs and their unit tests, a section each.

# --- nand: the NAND array -----------------------------------------------------
host-libs += libnand
libnand-srcs := $(addprefix vcard/nand/, array.c fault.c hash.c publish.c rules.c \
	store_file.c store_mem.c timing.c torn.c)

unit-tests += test_nand test_nand_file
test_nand-srcs := tests/unit/test_nand.c
test_nand-libs := libnand
# The test ends the process at every step of an operation.
test_nand_file-srcs := tests/unit/test_nand_file.c
test_nand_file-libs := libnand
test_nand_file-ldlibs := -Wl,--wrap=nand_publish

# --- model: the card around it ------------------------------------------------

# --- vfio-user: fio-vcard, fio-vcardctl ---------------------------------------
