// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes of which a power cut leaves all or nothing, and limits that say how large.
 * 6.11, "block: Add core atomic write support".
 */
#include <linux/blk-mq.h>

bool fio_probe(struct request *rq, struct queue_limits *lim);
bool fio_probe(struct request *rq, struct queue_limits *lim)
{
#if PROBE_NEW
	lim->atomic_write_hw_max = lim->atomic_write_hw_unit_max;
	lim->atomic_write_hw_unit_min = 4096;
	return rq->cmd_flags & REQ_ATOMIC;
#else
	return rq->cmd_flags & REQ_FUA && lim->max_hw_sectors;
#endif
}
