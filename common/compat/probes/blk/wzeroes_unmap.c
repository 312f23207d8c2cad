// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write-zeroes that unmaps has a limit of its own.
 * 6.17, "block: introduce max_{hw|user}_wzeroes_unmap_sectors to queue limits".
 */
#include <linux/blkdev.h>

unsigned int fio_probe(struct queue_limits *lim);
unsigned int fio_probe(struct queue_limits *lim)
{
#if PROBE_NEW
	return lim->max_hw_wzeroes_unmap_sectors;
#else
	return lim->max_write_zeroes_sectors;
#endif
}
