// SPDX-License-Identifier: GPL-2.0-only
/*
 * Always true: if this does not compile, the flags are wrong and every other
 * answer would be a lie. It has no old form on purpose.
 */
#include <linux/module.h>
#include <linux/device.h>

#if PROBE_NEW
int fio_probe(struct device *dev);
int fio_probe(struct device *dev)
{
	return dev_name(dev) ? 0 : -ENODEV;
}
#else
#error "there is no old form"
#endif
