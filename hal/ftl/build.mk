# SPDX-License-Identifier: GPL-2.0-only
# The FTL core in user space. Its environment (locks, CRC32C, formatting) comes
# from whoever links it.

host-libs += libfioftl
libfioftl-srcs := $(sort $(wildcard hal/ftl/*.c))
