// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk is allocated with its limits.
 * 6.9, "block: pass a queue_limits argument to blk_mq_alloc_disk".
 */
#include <linux/blk-mq.h>

struct gendisk *fio_probe(struct blk_mq_tag_set *set);
struct gendisk *fio_probe(struct blk_mq_tag_set *set)
{
#if PROBE_NEW
	struct queue_limits lim = { };

	return blk_mq_alloc_disk(set, &lim, NULL);
#else
	return blk_mq_alloc_disk(set, NULL);
#endif
}
