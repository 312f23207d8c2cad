/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A histogram of latencies: buckets of 1.6 % of their value, the maximum exact.
 *
 * Owns: counting and percentiles. Does not know: what was timed.
 */
#ifndef TESTS_TAIL_HIST_H
#define TESTS_TAIL_HIST_H

#include <fio/types.h>

#define HIST_SUB	64
#define HIST_BUCKETS	(HIST_SUB * 60)

struct hist {
	u64 bucket[HIST_BUCKETS];
	u64 count, highest;
};

void hist_add(struct hist *h, u64 ns);

/**
 * hist_percentile() - what a share of all values does not exceed
 * @h: histogram
 * @share: 0 to 1
 *
 * Return: upper end of the bucket, never above the highest value; 0: no values.
 */
u64 hist_percentile(const struct hist *h, double share);

#endif /* TESTS_TAIL_HIST_H */
