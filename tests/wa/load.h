/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workloads: what is written next, and how often a unit is really written.
 *
 * Owns: the random generator, the distributions, how they change over time.
 * Does not know: who is asked to write.
 */
#ifndef TESTS_WA_LOAD_H
#define TESTS_WA_LOAD_H

#include <fio/types.h>

struct trace;
struct load;

/* What a row is measured against. */
enum load_class { LOAD_UNIFORM, LOAD_SKEWED, LOAD_CHANGING, LOAD_SEQUENTIAL, LOAD_OTHER };

/** struct load_kind - a workload by name */
struct load_kind {
	const char *name;
	const char *about;
	enum load_class class;
	void (*start)(struct load *l);
	void (*next)(struct load *l);
	double (*rate)(const struct load *l, u32 lba);
	double param;
};

/**
 * struct load - one in progress
 * @lba: first unit of the request that load_next() chose, @count: units
 * @t: user units written so far
 */
struct load {
	const struct load_kind *kind;
	const struct trace *trace;
	u32 n;
	u32 lba, count;
	u64 t;
	u64 rng[4];
	/* the distributions' own */
	u32 *alias, *cut, *perm, *rank;
	double *share;
	u32 ranks, base, seq, hot;
	u64 next_change, pos;
};

extern const struct load_kind load_kinds[];
extern const u32 load_kind_count;

/** load_find() - a workload's description, NULL: there is no such */
const struct load_kind *load_find(const char *name);

/**
 * load_open() - begin a workload
 * @kind: from load_find(), or NULL: replay @trace
 * @n: logical units
 * @seed: two loads of equal kind, n and seed are equal
 */
struct load *load_open(const struct load_kind *kind, const struct trace *trace, u32 n, u64 seed);
void load_close(struct load *l);

/** load_next() - choose the next request, into @l->lba and @l->count */
void load_next(struct load *l);

/** load_rate() - the true chance that a written unit is @lba, now */
double load_rate(const struct load *l, u32 lba);

/** load_length() - user units of a whole run: @passes times n, or the trace once */
u64 load_length(const struct load *l, u32 passes);

u64 load_random(struct load *l);

#endif /* TESTS_WA_LOAD_H */
