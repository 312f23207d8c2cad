// SPDX-License-Identifier: GPL-2.0-only
/*
 * del_gendisk() drains and ends the disk's queue; blk_cleanup_queue() is gone.
 * 6.0, "block: simplify disk shutdown".
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>

#if PROBE_NEW
enum { blk_cleanup_queue = 1 };

int fio_probe = blk_cleanup_queue;
#else
void fio_probe(struct request_queue *q);
void fio_probe(struct request_queue *q)
{
	blk_cleanup_queue(q);
}
#endif
