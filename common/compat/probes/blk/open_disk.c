// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening passes the disk and a blk_mode_t, releasing passes the disk alone.
 * 6.5, "block: replace fmode_t with a block-specific type for block open flags".
 */
#include <linux/blkdev.h>

#if PROBE_NEW
static int probe_open(struct gendisk *disk, blk_mode_t mode)
{
	return disk && mode ? 0 : -ENXIO;
}

static void probe_release(struct gendisk *disk)
{
}
#else
static int probe_open(struct block_device *bdev, fmode_t mode)
{
	return bdev->bd_disk && mode ? 0 : -ENXIO;
}

static void probe_release(struct gendisk *disk, fmode_t mode)
{
}
#endif

const struct block_device_operations fio_probe = {
	.open = probe_open,
	.release = probe_release,
};
