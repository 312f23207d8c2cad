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
host-libs += libvcard
libvcard-srcs := $(addprefix vcard/model/, au.c buffer.c card.c cmd.c config.c control.c \
	crc32c.c events.c fault.c geometry.c image.c mbox.c ops.c powercut.c regs.c reset.c ring.c \
	telemetry.c timing.c xor.c)

model-tests := $(addprefix test_model_, cmd control mbox plp random regs ring xor)
unit-tests += $(model-tests)
$(foreach t,$(model-tests),$(eval $(t)-srcs := tests/unit/$(t).c tests/unit/test_model_rig.c) \
	$(eval $(t)-libs := libvcard libnand))

# --- vfio-user: fio-vcard, fio-vcardctl ---------------------------------------
CFLAGS_vcard/vfio-user/options.c := -DFIO_VERSION='"$(file <VERSION)"'
CFLAGS_vcard/vfio-user/ctl.c := $(CFLAGS_vcard/vfio-user/options.c)

host-libs += libvfu
libvfu-srcs := $(addprefix vcard/vfio-user/, control.c dma.c front.c irq.c json.c \
	listen.c log.c msg.c options.c server.c worker.c)

host-progs += fio-vcard fio-vcardctl
fio-vcard-srcs := vcard/vfio-user/main.c
fio-vcard-libs := libvfu libvcard libnand
fio-vcardctl-srcs := vcard/vfio-user/ctl.c
fio-vcardctl-libs := libvfu

# The first two run against a card made for the test, not against the model.
unit-tests += test_vfu test_vfu_parts test_vfu_model
test_vfu_model-srcs := $(addprefix tests/unit/, test_vfu_model.c test_vfu_client.c)
test_vfu_model-libs := libvfu libvcard libnand
test_vfu-srcs := $(addprefix tests/unit/, test_vfu.c test_vfu_card.c test_vfu_client.c)
test_vfu-libs := libvfu
test_vfu_parts-srcs := $(addprefix tests/unit/, test_vfu_parts.c test_vfu_card.c \
	test_vfu_client.c)
test_vfu_parts-libs := libvfu
