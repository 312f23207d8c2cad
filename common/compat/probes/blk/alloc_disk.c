// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disk and queue are allocated together.
 * 5.14, "blk-mq: add the blk_mq_alloc_disk APIs". A macro, of which only the
 * arguments have changed since.
 */
#include <linux/blk-mq.h>

#if PROBE_NEW
#ifndef blk_mq_alloc_disk
#error "no blk_mq_alloc_disk()"
#endif
#else
struct request_queue *fio_probe(struct blk_mq_tag_set *set);
struct request_queue *fio_probe(struct blk_mq_tag_set *set)
{
	struct gendisk *disk = alloc_disk_node(0, set->numa_node);

	disk->flags |= GENHD_FL_EXT_DEVT;
	return blk_mq_init_queue(set);
}
#endif
