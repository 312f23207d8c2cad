// SPDX-License-Identifier: GPL-2.0-only
/*
 * See hist.h. Values below 64 have a bucket each; above, the six bits behind the
 * leading one choose among the 64 buckets of its power of two.
 */
#include "hist.h"

static u32 bucket_of(u64 ns)
{
	u32 top;

	if (ns < HIST_SUB)
		return (u32)ns;
	top = 63 - __builtin_clzll(ns);
	return (top - 5) * HIST_SUB + (u32)(ns >> (top - 6) & (HIST_SUB - 1));
}

static u64 bucket_end(u32 b)
{
	u32 top = b / HIST_SUB + 5;

	if (b < HIST_SUB)
		return b;
	return ((u64)(HIST_SUB + b % HIST_SUB + 1) << (top - 6)) - 1;
}

void hist_add(struct hist *h, u64 ns)
{
	h->bucket[bucket_of(ns)]++;
	h->count++;
	h->highest = ns > h->highest ? ns : h->highest;
}

u64 hist_percentile(const struct hist *h, double share)
{
	double want = share * h->count;
	u64 seen = 0, end;
	u32 b;

	for (b = 0; b < HIST_BUCKETS && h->count; b++) {
		seen += h->bucket[b];
		if (seen < want || !h->bucket[b])
			continue;
		end = bucket_end(b);
		return end < h->highest ? end : h->highest;
	}
	return h->highest;
}
