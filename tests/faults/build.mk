# SPDX-License-Identifier: GPL-2.0-only
# Every fault of the medium at every place; `make faults` runs it.
host-progs += fio-faults
fio-faults-srcs := tests/faults/main.c tests/crash/oracle.c tests/crash/rig.c
fio-faults-libs := libfioftl libftlsim libnand
