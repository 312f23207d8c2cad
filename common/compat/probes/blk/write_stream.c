// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bio names a write stream, of which a disk says how many it has.
 * 6.16, "block: expose write streams for block device nodes".
 */
#include <linux/blkdev.h>

int fio_probe(struct bio *bio, struct queue_limits *lim);
int fio_probe(struct bio *bio, struct queue_limits *lim)
{
#if PROBE_NEW
	return bio->bi_write_stream < lim->max_write_streams;
#else
	return bio->bi_ioprio < lim->max_segments;
#endif
}
