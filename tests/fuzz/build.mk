# SPDX-License-Identifier: GPL-2.0-only
# Fuzzing: libFuzzer, so clang, with ASan and UBSan; `make fuzz-build` and
# tests/fuzz/run-fuzz. Everything is compiled anew, under build/fuzz.
FUZZ_DIR := build/fuzz
FUZZ_CC ?= clang
FUZZ_FLAGS := -std=gnu11 -O1 -g -Wall -Wno-unused-parameter -Wno-c2x-extensions -Werror -MMD -MP \
	-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer

fuzz-targets := ops media journal checkpoint label
fuzz-ops-srcs := $(addprefix tests/, fuzz/fuzz_ops.c crash/oracle.c crash/rig.c)
fuzz-media-srcs := $(addprefix tests/fuzz/, fuzz_media.c card.c)
fuzz-journal-srcs := $(addprefix tests/fuzz/, fuzz_journal.c fuzz_page.c card.c)
fuzz-checkpoint-srcs := $(addprefix tests/fuzz/, fuzz_checkpoint.c fuzz_page.c card.c)
fuzz-label-srcs := $(addprefix tests/fuzz/, fuzz_label.c fuzz_page.c card.c)

# libraries' lists are complete when a recipe runs, not yet here
.SECONDEXPANSION:
fuzz-objs = $(patsubst %.c,$(FUZZ_DIR)/%.o,$(fuzz-$(1)-srcs) $(libfioftl-srcs) \
	$(libftlsim-srcs) $(libnand-srcs))

$(FUZZ_DIR)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(HOST_CPPFLAGS) $(FUZZ_FLAGS) -c -o $@ $<

$(addprefix $(FUZZ_DIR)/fuzz-,$(fuzz-targets)): $(FUZZ_DIR)/fuzz-%: $$(call fuzz-objs,%)
	$(Q)$(FUZZ_CC) -fsanitize=address,undefined,fuzzer -o $@ $^ -lpthread

fuzz-build: $(addprefix $(FUZZ_DIR)/fuzz-,$(fuzz-targets))
.PHONY: fuzz-build

-include $(shell find $(FUZZ_DIR) -name '*.d' 2>/dev/null)
