// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping CPUs to queues cannot fail.
 * 6.1, "block: change the return type of blk_mq_map_queues into void".
 */
#include <linux/blk-mq.h>

#if PROBE_NEW
static void probe_map(struct blk_mq_tag_set *set)
{
}
#else
static int probe_map(struct blk_mq_tag_set *set)
{
	return 0;
}
#endif

const struct blk_mq_ops fio_probe = { .map_queues = probe_map };
