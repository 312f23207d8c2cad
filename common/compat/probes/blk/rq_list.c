// SPDX-License-Identifier: GPL-2.0-only
/*
 * A list of requests is a struct with head and tail, no longer a bare pointer.
 * 6.13, "block: add a rq_list type".
 */
#include <linux/blk-mq.h>

#if PROBE_NEW
static void probe_queue_rqs(struct rq_list *list)
{
	rq_list_add_tail(list, rq_list_pop(list));
}
#else
static void probe_queue_rqs(struct request **list)
{
	rq_list_add(list, rq_list_pop(list));
}
#endif

const struct blk_mq_ops fio_probe = { .queue_rqs = probe_queue_rqs };
