# SPDX-License-Identifier: GPL-2.0-only
# The virtual card: libraries, programs and their unit tests, a section each.

# --- nand: the NAND array -----------------------------------------------------
host-libs += libnand
libnand-srcs := $(addprefix vcard/nand/, array.c fault.c hash.c publish.c rules.c \
	store_mem.c timing.c torn.c)

# --- model: the card around it ------------------------------------------------

# --- vfio-user: fio-vcard, fio-vcardctl ---------------------------------------
