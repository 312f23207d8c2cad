# SPDX-License-Identifier: GPL-2.0-only
# Write amplification of the core by simulation; `make wa` runs it.
host-progs += fio-wa
fio-wa-srcs := $(addprefix tests/wa/, main.c drive.c store.c load.c ref.c trace.c report.c plot.c cache.c)
fio-wa-libs := libfioftl
fio-wa-ldlibs := -lm -ljson-c

unit-tests += test_wa
test_wa-srcs := $(addprefix tests/wa/, test_wa.c drive.c store.c load.c ref.c trace.c cache.c)
test_wa-libs := libfioftl
test_wa-ldlibs := -lm
