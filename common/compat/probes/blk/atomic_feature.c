// SPDX-License-Identifier: GPL-2.0-only
/*
 * A feature flag says that the limits for atomic writes are meant.
 * 6.13, "block: Add BLK_FEAT_ATOMIC_WRITES flag".
 */
#include <linux/blkdev.h>

void fio_probe(struct queue_limits *lim);
void fio_probe(struct queue_limits *lim)
{
#if PROBE_NEW
	lim->features |= BLK_FEAT_ATOMIC_WRITES;
#else
	lim->max_hw_sectors |= 1;
#endif
}
