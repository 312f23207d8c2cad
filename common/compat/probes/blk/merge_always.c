// SPDX-License-Identifier: GPL-2.0-only
/*
 * Merging is not a choice of the driver any more; BLK_MQ_F_SHOULD_MERGE is gone.
 * 6.14, "block: remove BLK_MQ_F_SHOULD_MERGE". An enum: #ifdef cannot see it.
 */
#include <linux/blk-mq.h>

#if PROBE_NEW
enum { BLK_MQ_F_SHOULD_MERGE = 1 };

int fio_probe = BLK_MQ_F_SHOULD_MERGE;
#else
unsigned int fio_probe = BLK_MQ_F_SHOULD_MERGE;
#endif
