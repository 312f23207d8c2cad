# SPDX-License-Identifier: GPL-2.0-only
# How long an attach takes, against capacity and history; `make recovery` runs it.
host-progs += fio-recovery
fio-recovery-srcs := tests/recovery/recovery.c tests/recovery/compact_media.c
fio-recovery-libs := libfioftl libftlsim libnand
