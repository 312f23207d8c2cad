// SPDX-License-Identifier: GPL-2.0-only
/*
 * The timeout handler is told the request, and no longer whether it is reserved.
 * 6.0, "blk-mq: Drop blk_mq_ops.timeout 'reserved' arg".
 */
#include <linux/blk-mq.h>

#if PROBE_NEW
static enum blk_eh_timer_return probe_timeout(struct request *rq)
#else
static enum blk_eh_timer_return probe_timeout(struct request *rq, bool reserved)
#endif
{
	return BLK_EH_RESET_TIMER;
}

const struct blk_mq_ops fio_probe = { .timeout = probe_timeout };
