/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of fio-wa tell each other: a job and its result.
 *
 * Time is counted in user units written after the fill. A run writes @passes
 * times the logical capacity; its write amplification is that of the second half.
 */
#ifndef TESTS_WA_H
#define TESTS_WA_H

#include <fio/types.h>

#include "load.h"

#define WA_PASSES	16	/* unless told otherwise */
#define WA_PARITY_DIES	16	/* 15 + 1 */
#define WA_WINDOWS	32	/* points of the curve over time */

enum wa_policy { WA_DRIVER, WA_LADDER, WA_GREEDY, WA_SEPBIT, WA_ORACLE, WA_POLICIES };

/**
 * struct wa_job - one simulation
 * @load: workload, by name; or @trace
 * @op: over-provisioning: physical / logical - 1, in units that user data and
 *	its copies can use: not the system append units, nor the place of one
 *	snapshot of the map
 * @lbas: logical units wanted; up to 0.1 % away, so that @op is exact
 * @unit_pages: units collected as one (a stripe), parity included
 * @passes: times the logical capacity that are written
 * @parity: format with parity; @op is that of what is left then
 */
struct wa_job {
	const struct load_kind *load;
	const struct trace *trace;
	enum wa_policy policy;
	double op;
	u64 seed;
	u32 lbas, unit_pages, passes;
	bool parity;
};

/**
 * struct wa_result - its outcome
 * @wa: media writes per user write in the second half; @user ... @pad its parts
 * @curve: write amplification in each of @windows equal windows
 * @lbas: logical units used
 * @unaccounted: units on the medium that no counter of the core names
 * @levelled: share of the stripes collected that only wear levelling asked for
 * @streams: places that were written at the same time, at the end (references)
 * @seconds: of CPU
 * @error: empty when all went well
 * @over: this is all final
 */
struct wa_result {
	double wa, user, gc, parity, meta, pad, levelled;
	float curve[WA_WINDOWS];
	u32 windows, lbas, streams;
	u64 writes;
	s64 unaccounted;
	double seconds;
	char error[160];
	bool over;
};

#endif /* TESTS_WA_H */
