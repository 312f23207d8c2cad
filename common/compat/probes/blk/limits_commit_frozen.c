// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of a live queue are committed with the queue frozen by the helper itself.
 * 6.14, "block: add a queue_limits_commit_update_frozen helper".
 */
#include <linux/blkdev.h>

#if PROBE_NEW
int fio_probe(struct request_queue *q, struct queue_limits *lim);
int fio_probe(struct request_queue *q, struct queue_limits *lim)
{
	return queue_limits_commit_update_frozen(q, lim);
}
#else
#include <linux/blk-mq.h>

void fio_probe(struct request_queue *q);
void fio_probe(struct request_queue *q)
{
	blk_mq_freeze_queue(q);
	blk_mq_unfreeze_queue(q);
}
#endif
