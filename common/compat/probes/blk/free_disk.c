// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver hears when the last reference to its disk is gone.
 * 5.18, "block: add a ->free_disk method".
 */
#include <linux/blkdev.h>

static void probe_free(struct gendisk *disk)
{
}

const struct block_device_operations fio_probe = {
#if PROBE_NEW
	.free_disk = probe_free,
#endif
};

#if !PROBE_NEW
/* what stands in for it: the release of the disk's device */
void fio_probe_set(struct gendisk *disk);
void fio_probe_set(struct gendisk *disk)
{
	probe_free(disk);
	disk_to_dev(disk)->release = NULL;
}
#endif
