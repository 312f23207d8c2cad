# SPDX-License-Identifier: GPL-2.0-only
# The FTL core in user space. Its environment (locks, CRC32C, formatting) comes
# from whoever links it.

host-libs += libfioftl
libfioftl-srcs := $(sort $(wildcard hal/ftl/*.c))

# --- tests: over the simulated medium of tests/ftl ---------------------------------
ftl-tests := $(patsubst tests/ftl/%.c,%,$(sort $(wildcard tests/ftl/test_ftl_*.c)))
unit-tests += $(ftl-tests)
$(foreach t,$(ftl-tests),$(eval $(t)-srcs := tests/ftl/$(t).c tests/ftl/rig_ftl.c) \
	$(eval $(t)-libs := libfioftl libftlsim libnand))
