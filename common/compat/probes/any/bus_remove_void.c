// SPDX-License-Identifier: GPL-2.0-only
/*
 * bus_type.remove returns nothing.
 * 5.15, "bus: Make remove callback return void".
 */
#include <linux/device.h>

#if PROBE_NEW
static void probe_remove(struct device *dev)
{
}
#else
static int probe_remove(struct device *dev)
{
	return 0;
}
#endif

const struct bus_type fio_probe = { .remove = probe_remove };
