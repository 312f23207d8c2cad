# SPDX-License-Identifier: GPL-2.0-only
#
# Rules for everything that runs on the build machine: tools, the virtual card,
# the FTL as a library, unit tests. A folder's build.mk only fills lists:
#
#   host-libs  += libx        libx-srcs  := a.c b.c
#   host-progs += fio-x       fio-x-srcs := m.c     fio-x-libs := libx   fio-x-ldlibs := -ljson-c
#   unit-tests += test_x      test_x-srcs := t.c    test_x-libs := libx  (cmocka, sanitizers)
#   tsan-progs += fio-y       fio-y-srcs := m.c     fio-y-libs := libx  (ThreadSanitizer)
#
# Optional for each: NAME-cflags. Objects never mix with kernel objects: they
# live in build/host (as shipped), build/asan (ASan+UBSan, for tests) and
# build/tsan (ThreadSanitizer).

CC ?= gcc
AR ?= ar
HOST_DIR := build/host
ASAN_DIR := build/asan
TSAN_DIR := build/tsan

# Packages set WERROR= (a compiler that did not exist yet warns of more) and their
# distribution's CPPFLAGS, CFLAGS and LDFLAGS, which hold for what is shipped.
WERROR ?= -Werror
HOST_CPPFLAGS := -Iinclude -Iinclude/uapi -I. -D_GNU_SOURCE
HOST_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Wmissing-prototypes \
	-Wstrict-prototypes -Wno-unused-parameter $(WERROR) -MMD -MP
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer

# It does not see what fences order, and says so; the core's fences only order a
# store before a load of another atomic, which it needs not see.
TSANITIZE := -fsanitize=thread -Wno-tsan -fno-omit-frame-pointer

host-libs :=
host-progs :=
unit-tests :=
tsan-progs :=

include $(sort $(wildcard vcard/build.mk utils/build.mk tests/build.mk \
	tests/*/build.mk hal/ftl/build.mk common/build.mk))

$(HOST_DIR)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CPPFLAGS) $(CPPFLAGS) $(HOST_CFLAGS) $(CFLAGS) $(CFLAGS_$(<)) -c -o $@ $<

$(ASAN_DIR)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CPPFLAGS) $(HOST_CFLAGS) $(SANITIZE) $(CFLAGS_$(<)) -c -o $@ $<

$(TSAN_DIR)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CPPFLAGS) $(HOST_CFLAGS) $(TSANITIZE) $(CFLAGS_$(<)) -c -o $@ $<

# $(1) name
define lib-rule
$(HOST_DIR)/$(1).a: $(patsubst %.c,$(HOST_DIR)/%.o,$($(1)-srcs))
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
$(ASAN_DIR)/$(1).a: $(patsubst %.c,$(ASAN_DIR)/%.o,$($(1)-srcs))
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
$(TSAN_DIR)/$(1).a: $(patsubst %.c,$(TSAN_DIR)/%.o,$($(1)-srcs))
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
all-objs += $(foreach d,$(HOST_DIR) $(ASAN_DIR) $(TSAN_DIR),$(patsubst %.c,$(d)/%.o,$($(1)-srcs)))
endef

# $(1) name, $(2) directory, $(3) link flags
define prog-rule
$(2)/$(1): $(patsubst %.c,$(2)/%.o,$($(1)-srcs)) $(patsubst %,$(2)/%.a,$($(1)-libs))
	$$(Q)$$(CC) $$(HOST_CFLAGS) $(3) -o $$@ $(patsubst %.c,$(2)/%.o,$($(1)-srcs)) \
		-Wl,--start-group $(patsubst %,$(2)/%.a,$($(1)-libs)) -Wl,--end-group $($(1)-ldlibs) -lpthread
all-objs += $(patsubst %.c,$(2)/%.o,$($(1)-srcs))
endef

$(foreach l,$(host-libs),$(eval $(call lib-rule,$(l))))
$(foreach p,$(host-progs),$(eval $(call prog-rule,$(p),$(HOST_DIR),$(CFLAGS) $(LDFLAGS))))
$(foreach p,$(host-progs),$(eval $(call prog-rule,$(p),$(ASAN_DIR),$(SANITIZE))))
$(foreach t,$(unit-tests),$(eval $(t)-ldlibs += -lcmocka))
$(foreach t,$(unit-tests),$(eval $(call prog-rule,$(t),$(ASAN_DIR),$(SANITIZE))))
$(foreach p,$(tsan-progs),$(eval $(call prog-rule,$(p),$(TSAN_DIR),$(TSANITIZE))))

-include $(wildcard $(all-objs:.o=.d))

host: $(addprefix $(HOST_DIR)/,$(host-progs) $(addsuffix .a,$(host-libs)))
unit-build: $(addprefix $(ASAN_DIR)/,$(unit-tests))
tsan-build: $(addprefix $(TSAN_DIR)/,$(tsan-progs))
.PHONY: host unit-build tsan-build

print-unit-tests:
	@echo $(unit-tests)
.PHONY: print-unit-tests
