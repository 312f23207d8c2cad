# SPDX-License-Identifier: GPL-2.0-only
# The FTL core among threads, under ThreadSanitizer; `make stress` runs it longer.
ifneq ($(filter libfioftl,$(host-libs)),)
tsan-progs += fio-stress
fio-stress-srcs := tests/stress/stress.c tests/stress/thread_media.c
fio-stress-libs := libfioftl
endif
