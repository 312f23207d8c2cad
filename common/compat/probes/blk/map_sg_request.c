// SPDX-License-Identifier: GPL-2.0-only
/*
 * Building a scatter list needs the request only.
 * 6.15, "block: remove the q argument from blk_rq_map_sg".
 */
#include <linux/blk-mq.h>

int fio_probe(struct request *rq, struct scatterlist *sg);
int fio_probe(struct request *rq, struct scatterlist *sg)
{
#if PROBE_NEW
	return blk_rq_map_sg(rq, sg);
#else
	return blk_rq_map_sg(rq->q, rq, sg);
#endif
}
