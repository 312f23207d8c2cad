// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver can take a plugged list of requests at once.
 * 5.17, "block: add mq_ops->queue_rqs hook".
 */
#include <linux/blk-mq.h>

const struct blk_mq_ops fio_probe = {
#if PROBE_NEW
	.queue_rqs = NULL,
#else
	.commit_rqs = NULL,
#endif
};
