# SPDX-License-Identifier: GPL-2.0-only
# What the FTL core costs in user space; `make bench` runs it.
ifneq ($(filter libfioftl,$(host-libs)),)
host-progs += fio-ftlbench
fio-ftlbench-srcs := tests/perf/ftl_bench.c tests/perf/null_media.c
fio-ftlbench-libs := libfioftl
endif
