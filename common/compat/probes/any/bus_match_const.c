// SPDX-License-Identifier: GPL-2.0-only
/*
 * bus_type.match takes a const driver.
 * 6.11, "driver core: have match() callback in struct bus_type take a const *".
 */
#include <linux/device.h>

#if PROBE_NEW
static int probe_match(struct device *dev, const struct device_driver *drv)
#else
static int probe_match(struct device *dev, struct device_driver *drv)
#endif
{
	return dev && drv;
}

const struct bus_type fio_probe = { .match = probe_match };
