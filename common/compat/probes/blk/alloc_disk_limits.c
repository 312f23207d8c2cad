// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk is allocated with its limits; a queue without a disk needs them too.
 * 6.9, "block: pass a queue_limits argument to blk_mq_alloc_disk".
 */
#include <linux/blk-mq.h>

#if PROBE_NEW
struct gendisk *fio_probe(struct blk_mq_tag_set *set);
struct gendisk *fio_probe(struct blk_mq_tag_set *set)
{
	struct queue_limits lim = { };

	return blk_mq_alloc_disk(set, &lim, NULL);
}
#else
struct request_queue *fio_probe(struct blk_mq_tag_set *set);
struct request_queue *fio_probe(struct blk_mq_tag_set *set)
{
	return blk_mq_init_queue(set);
}
#endif
