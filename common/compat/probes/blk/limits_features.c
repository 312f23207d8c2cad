// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write cache, FUA and rotation are features in struct queue_limits; the setters
 * and the queue flags are gone.
 * 6.11, "block: move cache control settings out of queue->flags".
 */
#include <linux/blkdev.h>

#if PROBE_NEW
void fio_probe(struct queue_limits *lim);
void fio_probe(struct queue_limits *lim)
{
	lim->features = BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA;
}
#else
void fio_probe(struct request_queue *q);
void fio_probe(struct request_queue *q)
{
	blk_queue_write_cache(q, true, true);
	blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
	blk_queue_max_hw_sectors(q, 8);
}
#endif
