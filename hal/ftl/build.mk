# SPDX-License-Identifier: GPL-2.0-only
# The FTL core in user space. Its environment (locks, CRC32C, formatting) comes
# from whoever links it.

host-libs += libfioftl
libfioftl-srcs := $(sort $(wildcard hal/ftl/*.c))

# --- tests: over the simulated medium of tests/ftl ---------------------------------
ftl-tests := test_ftl_basic test_ftl_faults test_ftl_health test_ftl_look test_ftl_model test_ftl_parity test_ftl_place test_ftl_scrub test_ftl_wear
unit-tests += $(ftl-tests)
$(foreach t,$(ftl-tests),$(eval $(t)-srcs := tests/ftl/$(t).c tests/ftl/rig_ftl.c) \
	$(eval $(t)-libs := libfioftl libftlsim libnand))
