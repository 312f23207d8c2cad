// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk, not its queue, is declared dead.
 * 5.17, "block: fix surprise removal for drivers calling blk_set_queue_dying".
 */
#include <linux/blkdev.h>

void fio_probe(struct gendisk *disk);
void fio_probe(struct gendisk *disk)
{
#if PROBE_NEW
	blk_mark_disk_dead(disk);
#else
	blk_set_queue_dying(disk->queue);
#endif
}
