// SPDX-License-Identifier: GPL-2.0-only
/*
 * A list of requests is a struct with head and tail, no longer a bare pointer.
 * 6.13, "block: add a rq_list type". Whether there are lists at all: queue_rqs.c.
 */
#include <linux/blk-mq.h>

#if PROBE_NEW
void fio_probe(struct rq_list *list);
void fio_probe(struct rq_list *list)
{
	rq_list_add_tail(list, rq_list_pop(list));
}
#else
struct rq_list {
	struct request *only_where_the_kernel_has_none;
};
#endif
