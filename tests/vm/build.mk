# SPDX-License-Identifier: GPL-2.0-only
# Programs that run inside the test guest: static, for the guest's libraries are
# another distribution's.
host-progs += agent ackwrite
agent-srcs := tests/vm/guest/agent.c
agent-ldlibs := -static
ackwrite-srcs := tests/vm/guest/ackwrite.c
ackwrite-ldlibs := -static
