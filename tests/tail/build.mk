# SPDX-License-Identifier: GPL-2.0-only
# Latency of reads beside full-rate overwrite, in virtual time; `make tail` runs it.
host-progs += fio-tail
fio-tail-srcs := $(addprefix tests/tail/, main.c tail.c flash.c hist.c) tests/wa/store.c
fio-tail-libs := libfioftl
fio-tail-ldlibs := -lm -ljson-c

unit-tests += test_tail
test_tail-srcs := $(addprefix tests/tail/, test_tail.c tail.c flash.c hist.c) tests/wa/store.c
test_tail-libs := libfioftl
