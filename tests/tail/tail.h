/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Latency of a reader at queue depth 1 beside writers at full rate.
 *
 * Owns: the loads, who submits what when. Does not know: how long flash takes.
 */
#ifndef TESTS_TAIL_H
#define TESTS_TAIL_H

#include "flash.h"
#include "hist.h"

enum tail_load {
	TAIL_IDLE,	/* reads alone, of a full device */
	TAIL_FRESH,	/* random writes to a device that has room: nothing is collected */
	TAIL_FULL,	/* random overwrites of a full device: everything is collected */
	TAIL_LOADS,
};

/**
 * struct tail_options - one run
 * @op: physical / logical - 1; @lbas: logical units
 * @depth: writes under way, of 4 KiB each
 * @reads: to be timed
 */
struct tail_options {
	struct flash_shape shape;
	struct flash_timing timing;
	double op;
	u32 lbas, depth;
	u64 reads, seed;
};

/**
 * struct tail_result - what came out
 * @read, @write: latencies
 * @seconds: virtual, while reads were timed
 * @victims: stripes collected meanwhile
 */
struct tail_result {
	struct hist read, write;
	double seconds;
	u64 victims;
	char error[160];
};

extern const char *const tail_names[TAIL_LOADS];

/** tail_run() - one load; r->error says what went wrong, if anything did */
void tail_run(const struct tail_options *o, enum tail_load load, struct tail_result *r);

#endif /* TESTS_TAIL_H */
