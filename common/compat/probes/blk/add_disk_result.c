// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adding a disk can fail, and says so.
 * 5.15, "block: add error handling for device_add_disk / add_disk".
 */
#include <linux/blkdev.h>

int fio_probe(struct device *parent, struct gendisk *disk);
int fio_probe(struct device *parent, struct gendisk *disk)
{
#if PROBE_NEW
	return device_add_disk(parent, disk, NULL);
#else
	device_add_disk(parent, disk, NULL);
	return 0;
#endif
}
