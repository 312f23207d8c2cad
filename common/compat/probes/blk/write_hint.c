// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bio carries how long its data is expected to live.
 * 6.9, "block, fs: Restore the per-bio/request data lifetime fields".
 */
#include <linux/bio.h>

int fio_probe(struct bio *bio);
int fio_probe(struct bio *bio)
{
#if PROBE_NEW
	return bio->bi_write_hint;
#else
	return bio->bi_ioprio;
#endif
}
