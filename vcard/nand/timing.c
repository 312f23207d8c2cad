// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long operations take.
 *
 * Owns: the timing profiles and the profile in force.
 *
 * Does not know: clocks. The model above decides what to do with a duration.
 */
#include "nand_priv.h"

/* Nanoseconds; the bus carries a page and its OOB to or from the die. */
struct timing {
	u64 op[3];
	u64 bus_per_kib;
};

/* Ordinary parts of each kind: array times, and a bus of 200 and 400 MB/s. */
static const struct timing timings[] = {
	[NAND_TIMING_NONE] = { { 0, 0, 0 }, 0 },
	[NAND_TIMING_SLC] = {
		.op = {
			[NAND_READ] = 25000,
			[NAND_PROGRAM] = 250000,
			[NAND_ERASE] = 1500000,
		},
		.bus_per_kib = 5000,
	},
	[NAND_TIMING_MLC] = {
		.op = {
			[NAND_READ] = 60000,
			[NAND_PROGRAM] = 900000,
			[NAND_ERASE] = 3500000,
		},
		.bus_per_kib = 2500,
	},
};

u64 nand_op_ns(const struct nand *n, enum nand_op op)
{
	const struct timing *t = &timings[n->timing];
	u64 bytes = (u64)n->geo.page_bytes + n->geo.oob_bytes;

	if (op == NAND_ERASE)
		return t->op[op];
	return t->op[op] + bytes * t->bus_per_kib / 1024;
}

void nand_set_timing(struct nand *n, enum nand_timing t)
{
	n->timing = t < ARRAY_SIZE(timings) ? t : NAND_TIMING_NONE;
}
