// SPDX-License-Identifier: GPL-2.0-only
/*
 * See load.h. Skewed workloads draw a rank from an alias table (Walker 1977:
 * one draw, two loads, however many ranks) and a permutation says which unit has
 * that rank; changes of a workload are changes of the permutation.
 */
#include <math.h>
#include <stdlib.h>

#include "load.h"
#include "store.h"
#include "trace.h"

/* ---- random numbers: xoshiro256**, Blackman and Vigna 2018 -------------- */

static u64 rotl(u64 x, int k)
{
	return x << k | x >> (64 - k);
}

u64 load_random(struct load *l)
{
	u64 *s = l->rng, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

/* splitmix64 spreads a small seed over the state */
static void seed_random(struct load *l, u64 seed)
{
	u64 z;
	u32 i;

	for (i = 0; i < 4; i++) {
		seed += 0x9e3779b97f4a7c15ull;
		z = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9ull;
		z = (z ^ z >> 27) * 0x94d049bb133111ebull;
		l->rng[i] = z ^ z >> 31;
	}
}

/* in [0, 1) */
static double unit_random(struct load *l)
{
	return ldexp(load_random(l) >> 11, -53);
}

static u32 below(struct load *l, u32 n)
{
	return (u32)((load_random(l) >> 32) * n >> 32);
}

/* ---- ranks and permutations --------------------------------------------- */

static void make_alias(struct load *l)
{
	double *p = must_alloc(l->ranks, sizeof(*p));
	u32 *todo = must_alloc(l->ranks, sizeof(*todo));
	u32 i, small = 0, large = l->ranks, s, g;

	l->alias = must_alloc(l->ranks, sizeof(u32));
	l->cut = must_alloc(l->ranks, sizeof(u32));
	/* Those with too little from the front, those with too much from the back. */
	for (i = 0; i < l->ranks; i++) {
		p[i] = l->share[i] * l->ranks;
		if (p[i] < 1)
			todo[small++] = i;
		else
			todo[--large] = i;
	}
	while (small && large < l->ranks) {
		s = todo[--small];
		g = todo[large];
		l->cut[s] = (u32)(p[s] * 4294967295.0);
		l->alias[s] = g;
		p[g] -= 1 - p[s];
		if (p[g] < 1) {
			large++;
			todo[small++] = g;
		}
	}
	while (small)
		l->cut[todo[--small]] = 0xffffffffu;
	for (; large < l->ranks; large++)
		l->cut[todo[large]] = 0xffffffffu;
	free(todo);
	free(p);
}

static u32 draw_rank(struct load *l)
{
	u64 r = load_random(l);
	u32 i = (u32)((r >> 32) * l->ranks >> 32);

	return (u32)r <= l->cut[i] ? i : l->alias[i];
}

static void make_shares(struct load *l, u32 ranks, double s)
{
	double sum = 0;
	u32 i;

	l->ranks = ranks;
	l->share = must_alloc(ranks, sizeof(*l->share));
	for (i = 0; i < ranks; i++) {
		l->share[i] = pow(i + 1.0, -s);
		sum += l->share[i];
	}
	for (i = 0; i < ranks; i++)
		l->share[i] /= sum;
	make_alias(l);
}

static void shuffle(struct load *l)
{
	u32 i, j, lba;

	for (i = l->ranks - 1; i; i--) {
		j = below(l, i + 1);
		lba = l->perm[i];
		l->perm[i] = l->perm[j];
		l->perm[j] = lba;
	}
	for (i = 0; i < l->ranks; i++)
		l->rank[l->perm[i]] = i;
}

static void make_perm(struct load *l)
{
	u32 i;

	l->perm = must_alloc(l->ranks, sizeof(u32));
	l->rank = must_alloc(l->ranks, sizeof(u32));
	for (i = 0; i < l->ranks; i++)
		l->perm[i] = i;
	shuffle(l);
}

/* ---- uniform, sequential ------------------------------------------------ */

static void start_nothing(struct load *l)
{
}

static void next_uniform(struct load *l)
{
	l->lba = below(l, l->n);
}

static double rate_uniform(const struct load *l, u32 lba)
{
	return 1.0 / l->n;
}

static void next_seq(struct load *l)
{
	l->lba = l->seq;
	l->seq = l->seq + 1 < l->n ? l->seq + 1 : 0;
}

/* ---- Zipf, and how it changes ------------------------------------------- */

static void start_zipf(struct load *l)
{
	make_shares(l, l->n, l->kind->param);
	make_perm(l);
}

static void next_zipf(struct load *l)
{
	l->lba = l->perm[draw_rank(l)];
}

static double rate_zipf(const struct load *l, u32 lba)
{
	return l->share[l->rank[lba]];
}

#define ZIPF_CHANGING	0.99

static void start_changing(struct load *l)
{
	make_shares(l, l->n, ZIPF_CHANGING);
	make_perm(l);
	l->next_change = (u64)(l->kind->param * l->n);
}

static void next_jump(struct load *l)
{
	if (l->t >= l->next_change) {
		shuffle(l);
		l->next_change += (u64)(l->kind->param * l->n);
	}
	next_zipf(l);
}

static void swap_ranks(struct load *l, u32 i, u32 j)
{
	u32 a = l->perm[i], b = l->perm[j];

	l->perm[i] = b;
	l->perm[j] = a;
	l->rank[b] = i;
	l->rank[a] = j;
}

/* Two units change places every 8 writes: each once in 4 N. */
static void next_drift(struct load *l)
{
	if (!(l->t & 7))
		swap_ranks(l, below(l, l->n), below(l, l->n));
	next_zipf(l);
}

static u32 origin(const struct load *l)
{
	return (u32)(l->t / 8 % l->n);
}

/* The pattern moves on by one unit in 8 writes: a unit has its rank that long. */
static void next_slide(struct load *l)
{
	l->lba = (u32)(((u64)l->perm[draw_rank(l)] + origin(l)) % l->n);
}

static double rate_slide(const struct load *l, u32 lba)
{
	return l->share[l->rank[(lba + l->n - origin(l)) % l->n]];
}

/* Ranks in order of address: a hot spot wanders, units warm up before it comes. */
static void start_sweep(struct load *l)
{
	make_shares(l, l->n, ZIPF_CHANGING);
}

static void next_sweep(struct load *l)
{
	l->lba = (u32)(((u64)draw_rank(l) + origin(l)) % l->n);
}

static double rate_sweep(const struct load *l, u32 lba)
{
	return l->share[(lba + l->n - origin(l)) % l->n];
}

/* ---- hot and cold: param of the writes go to 1 - param of the units ----- */

static void start_hot(struct load *l)
{
	l->hot = (u32)(l->n * (1 - l->kind->param) + 0.5);
	l->ranks = l->n;
	make_perm(l);
}

static void next_hot(struct load *l)
{
	bool hot = unit_random(l) < l->kind->param;

	l->lba = l->perm[hot ? below(l, l->hot) : l->hot + below(l, l->n - l->hot)];
}

static double rate_hot(const struct load *l, u32 lba)
{
	if (l->rank[lba] < l->hot)
		return l->kind->param / l->hot;
	return (1 - l->kind->param) / (l->n - l->hot);
}

static void next_hot_jump(struct load *l)
{
	if (l->t >= l->next_change) {
		if (l->t)
			shuffle(l);
		l->next_change = l->t + 2ull * l->n;
	}
	next_hot(l);
}

/* Nothing tells units apart at first; then there is a hot set. */
static void next_onset(struct load *l)
{
	if (l->t < 4ull * l->n)
		next_uniform(l);
	else
		next_hot(l);
}

/* ---- JESD219 enterprise: three ranges, mixed sizes ---------------------- */

/*
 * Half of the accesses go to 5 % of the addresses, 30 % to the next 15 %, the
 * rest to the other 80 %, as contiguous ranges. Sizes: 512 to 3584 bytes 10 % in
 * all (here a whole unit: the row measures placement, not read-modify-write),
 * 4 KiB 67 %, 8 KiB 10 %, 16 KiB 7 %, 32 KiB 3 %, 64 KiB 3 %.
 */
static const struct {
	double access, space;
} jesd_range[] = { { .5, .05 }, { .3, .15 }, { .2, .80 } };

static u32 jesd_size(struct load *l)
{
	u32 p = below(l, 100);

	return p < 77 ? 1 : p < 87 ? 2 : p < 94 ? 4 : p < 97 ? 8 : 16;
}

/* Range @i of three: its first unit and its units. */
static u32 jesd_from(const struct load *l, u32 i, u32 *size)
{
	u32 k, from = 0;

	for (k = 0; k < i; k++)
		from += (u32)(jesd_range[k].space * l->n);
	*size = i == 2 ? l->n - from : (u32)(jesd_range[i].space * l->n);
	return from;
}

static void next_jesd(struct load *l)
{
	double x = unit_random(l);
	u32 i, from, size, count = jesd_size(l);

	for (i = 0; i < 2 && x >= jesd_range[i].access; i++)
		x -= jesd_range[i].access;
	from = jesd_from(l, i, &size);
	l->count = min(count, size);
	l->lba = from + below(l, size - l->count + 1);
}

static double rate_jesd(const struct load *l, u32 lba)
{
	u32 i = 0, size, from = jesd_from(l, 0, &size);

	while (lba >= from + size)
		from = jesd_from(l, ++i, &size);
	return jesd_range[i].access / size;
}

/* ---- a database, and everything at once --------------------------------- */

/* A log that goes round in a sixteenth of the space, pages in the rest. */
static void start_db(struct load *l)
{
	l->base = l->n / 16;
	make_shares(l, l->n - l->base, ZIPF_CHANGING);
	make_perm(l);
}

static void next_db(struct load *l)
{
	if (load_random(l) >> 63) {
		l->lba = l->seq;
		l->seq = l->seq + 1 < l->base ? l->seq + 1 : 0;
	} else {
		l->lba = l->base + l->perm[draw_rank(l)];
	}
}

static double rate_db(const struct load *l, u32 lba)
{
	return lba < l->base ? 0.5 / l->base : 0.5 * l->share[l->rank[lba - l->base]];
}

static void next_mixed(struct load *l)
{
	u32 p = load_random(l) >> 62;

	if (p == 0)
		next_seq(l);
	else if (p == 1)
		next_uniform(l);
	else
		next_zipf(l);
}

static double rate_mixed(const struct load *l, u32 lba)
{
	return 0.5 / l->n + 0.5 * rate_zipf(l, lba);
}

const struct load_kind load_kinds[] = {
	{ "uniform", "uniform random", LOAD_UNIFORM, start_nothing, next_uniform, rate_uniform, 0 },
	{ "zipf0.9", "Zipf 0.9, ranks in random order", LOAD_SKEWED,
	  start_zipf, next_zipf, rate_zipf, 0.9 },
	{ "zipf0.99", "Zipf 0.99", LOAD_SKEWED, start_zipf, next_zipf, rate_zipf, 0.99 },
	{ "zipf1.0", "Zipf 1.0", LOAD_SKEWED, start_zipf, next_zipf, rate_zipf, 1.0 },
	{ "zipf1.2", "Zipf 1.2", LOAD_SKEWED, start_zipf, next_zipf, rate_zipf, 1.2 },
	{ "hc80", "80 % of writes to 20 % of units", LOAD_SKEWED,
	  start_hot, next_hot, rate_hot, 0.8 },
	{ "hc90", "90 % of writes to 10 % of units", LOAD_SKEWED,
	  start_hot, next_hot, rate_hot, 0.9 },
	{ "jesd219", "JESD219 enterprise ranges and sizes, in whole units", LOAD_SKEWED,
	  start_nothing, next_jesd, rate_jesd, 0 },
	{ "zipf-jump0.5", "Zipf 0.99, all ranks drawn again every 0.5 N writes", LOAD_CHANGING,
	  start_changing, next_jump, rate_zipf, 0.5 },
	{ "zipf-jump2", "Zipf 0.99, all ranks drawn again every 2 N writes", LOAD_CHANGING,
	  start_changing, next_jump, rate_zipf, 2 },
	{ "hc90-jump", "90/10, another hot set every 2 N writes", LOAD_CHANGING,
	  start_hot, next_hot_jump, rate_hot, 0.9 },
	{ "onset", "uniform for 4 N writes, then 90/10", LOAD_CHANGING,
	  start_hot, next_onset, rate_hot, 0.9 },
	{ "zipf-drift", "Zipf 0.99, each unit gets another rank once in 4 N", LOAD_CHANGING,
	  start_changing, next_drift, rate_zipf, 0 },
	{ "slide", "Zipf 0.99, the whole pattern moves one unit in 8 writes", LOAD_CHANGING,
	  start_changing, next_slide, rate_slide, 0 },
	{ "sweep", "Zipf 0.99 in order of address, its origin moves one unit in 8 writes",
	  LOAD_CHANGING, start_sweep, next_sweep, rate_sweep, 0 },
	{ "seq", "sequential with wrap", LOAD_SEQUENTIAL,
	  start_nothing, next_seq, rate_uniform, 0 },
	{ "db", "half a circular log of N/16, half Zipf 0.99 pages", LOAD_CHANGING,
	  start_db, next_db, rate_db, 0 },
	{ "mixed", "quarter sequential, quarter uniform, half Zipf 0.99", LOAD_CHANGING,
	  start_zipf, next_mixed, rate_mixed, 0.99 },
};

const u32 load_kind_count = ARRAY_SIZE(load_kinds);

/* ---- traces ------------------------------------------------------------- */

static void start_trace(struct load *l)
{
	const struct trace *t = l->trace;
	u64 i;
	u32 k;

	l->ranks = l->n;
	l->share = must_alloc(l->n, sizeof(*l->share));
	for (i = 0; i < t->count; i++)
		for (k = 0; k < t->req[i].count; k++)
			l->share[t->req[i].unit + k] += 1.0 / t->units;
}

static void next_trace(struct load *l)
{
	const struct trace_req *r = &l->trace->req[l->pos];

	l->lba = r->unit;
	l->count = r->count;
	l->pos = l->pos + 1 < l->trace->count ? l->pos + 1 : 0;
}

static double rate_trace(const struct load *l, u32 lba)
{
	return l->share[lba] > 0 ? l->share[lba] : 1.0 / l->trace->units;
}

static const struct load_kind trace_kind = {
	"trace", "a recorded trace", LOAD_OTHER, start_trace, next_trace, rate_trace, 0,
};

/* ---- all of them -------------------------------------------------------- */

const struct load_kind *load_find(const char *name)
{
	u32 i;

	for (i = 0; i < load_kind_count; i++)
		if (!strcmp(load_kinds[i].name, name))
			return &load_kinds[i];
	return NULL;
}

struct load *load_open(const struct load_kind *kind, const struct trace *trace, u32 n, u64 seed)
{
	struct load *l = must_alloc(1, sizeof(*l));

	l->kind = trace ? &trace_kind : kind;
	l->trace = trace;
	l->n = n;
	seed_random(l, seed);
	l->kind->start(l);
	return l;
}

void load_close(struct load *l)
{
	free(l->alias);
	free(l->cut);
	free(l->perm);
	free(l->rank);
	free(l->share);
	free(l);
}

void load_next(struct load *l)
{
	l->count = 1;
	l->kind->next(l);
	l->t += l->count;
}

double load_rate(const struct load *l, u32 lba)
{
	return l->kind->rate(l, lba);
}

u64 load_length(const struct load *l, u32 passes)
{
	return l->trace ? l->trace->units : (u64)passes * l->n;
}
