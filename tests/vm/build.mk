# SPDX-License-Identifier: GPL-2.0-only
# Programs that run inside the test guest: static, for the guest's libraries are
# another distribution's.
host-progs += agent ackwrite pagewrite waitdev
$(foreach p,agent ackwrite pagewrite waitdev,$(eval $(p)-srcs := tests/vm/guest/$(p).c))
$(foreach p,agent ackwrite pagewrite waitdev,$(eval $(p)-ldlibs := -static))
