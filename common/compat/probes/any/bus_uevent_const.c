// SPDX-License-Identifier: GPL-2.0-only
/*
 * bus_type.uevent takes a const device.
 * 6.3, "driver core: make struct bus_type.uevent() take a const *".
 */
#include <linux/device.h>

#if PROBE_NEW
static int probe_uevent(const struct device *dev, struct kobj_uevent_env *env)
#else
static int probe_uevent(struct device *dev, struct kobj_uevent_env *env)
#endif
{
	return dev && env ? 0 : -EINVAL;
}

const struct bus_type fio_probe = { .uevent = probe_uevent };
