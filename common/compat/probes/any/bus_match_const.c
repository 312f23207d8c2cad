// SPDX-License-Identifier: GPL-2.0-only
/*
 * bus_type.match takes a const driver.
 * 6.11, "driver core: have match() callback in struct bus_type take a const *".
 */
#include <linux/device.h>

#if PROBE_NEW
typedef const struct device_driver probe_driver;
#else
typedef struct device_driver probe_driver;
#endif

static int probe_match(struct device *dev, probe_driver *drv)
{
	return dev && drv;
}

const struct bus_type fio_probe = { .match = probe_match };
