// SPDX-License-Identifier: GPL-2.0-only
/*
 * See ref.h. One store, four policies: a policy says to which stream a page
 * goes, and gives each segment the two numbers of its score. All scores have the
 * form weight(valid) * (now + key(segment)), so that finding a victim is one pass
 * over two arrays.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ref.h"
#include "store.h"

#define NONE		0xffffffffu
#define MAX_STREAMS	64
#define CLOSED_NEVER	(-1e300)

struct ref;

/**
 * struct class - ladder: what became of pages in segments of a class
 * @died: overwritten, @died_age: sum of their ages, in intervals of their segment
 * @age: the same of all that left, @age2, @age3: half of squares, a third of cubes
 * @due: deaths to be expected
 * @spread, @scale: what follows for the next
 */
struct class {
	double died, died_age, age, age2, age3, due, spread, scale;
};

struct policy {
	u32 streams;
	u32 reserve;			/* free segments to keep */
	double (*weight)(double u);
	void (*start)(struct ref *r);
	u32 (*user)(struct ref *r, u32 lba, u32 old);
	u32 (*copy)(struct ref *r, u32 lba, u32 from);
	void (*placed)(struct ref *r, u32 seg);
	void (*closed)(struct ref *r, u32 seg);
	void (*collected)(struct ref *r, u32 seg);
	void (*tick)(struct ref *r);
};

/**
 * struct seg - a segment
 * @fill: pages written
 * @inverse: ladder: sum of 1 / interval over them
 */
struct seg {
	u64 open, close;
	u32 fill;
	u8 stream;
	bool free, is_open;
	double inverse;
};

struct ref {
	const struct policy *policy;
	struct load *load;
	u32 n, b, nseg, nfree, reserve, streams;
	u32 *map, *lba;		/* page of each unit, unit of each page */
	u32 *valid;
	double *key, *weight;
	struct seg *seg;
	u32 *free;
	u32 open[MAX_STREAMS];
	u64 used[MAX_STREAMS];	/* when a stream was last written */
	u64 now, written;
	/* SepBIT */
	u64 *last;
	double ell, life_sum;
	u32 lives;
	/* ladder */
	double interval;	/* of the page about to be placed */
	u8 fmap[MAX_STREAMS];
	struct class class[MAX_STREAMS];
	u64 next_remap;
	/* oracle */
	double most;
};

/* ---- the store ---------------------------------------------------------- */

static void close_segment(struct ref *r, u32 stream)
{
	u32 s = r->open[stream];

	if (s == NONE)
		return;
	r->open[stream] = NONE;
	r->seg[s].close = r->now;
	r->seg[s].is_open = false;
	r->key[s] = -(double)r->now;
	if (r->policy->closed)
		r->policy->closed(r, s);
}

static void open_segment(struct ref *r, u32 stream)
{
	u32 s = r->free[--r->nfree];

	r->seg[s] = (struct seg){ .open = r->now, .stream = stream, .is_open = true };
	r->valid[s] = 0;
	r->key[s] = CLOSED_NEVER;
	r->open[stream] = s;
}

/* The stream, or when no segment is free the nearest that has room. */
static u32 with_room(struct ref *r, u32 stream)
{
	u32 d;

	if (r->open[stream] != NONE)
		return stream;
	if (r->nfree) {
		open_segment(r, stream);
		return stream;
	}
	for (d = 1; d < MAX_STREAMS; d++) {
		if (stream >= d && r->open[stream - d] != NONE)
			return stream - d;
		if (stream + d < MAX_STREAMS && r->open[stream + d] != NONE)
			return stream + d;
	}
	fprintf(stderr, "a reference policy has run out of segments\n");
	abort();
}

static void put(struct ref *r, u32 lba, u32 stream)
{
	struct seg *g;
	u32 s;

	stream = with_room(r, stream);
	s = r->open[stream];
	g = &r->seg[s];
	r->lba[(u64)s * r->b + g->fill] = lba;
	r->map[lba] = s * r->b + g->fill;
	g->fill++;
	r->valid[s]++;
	r->written++;
	r->used[stream] = r->now;
	if (r->policy->placed)
		r->policy->placed(r, s);
	if (g->fill == r->b)
		close_segment(r, stream);
}

static u32 pick(const struct ref *r)
{
	double best = 0, score, now = (double)r->now;
	u32 s, victim = NONE;

	for (s = 0; s < r->nseg; s++) {
		score = r->weight[r->valid[s]] * (now + r->key[s]);
		if (score > best) {
			best = score;
			victim = s;
		}
	}
	return victim;
}

static void collect(struct ref *r, u32 v)
{
	u64 page = (u64)v * r->b;
	u32 i, lba;

	if (r->policy->collected)
		r->policy->collected(r, v);
	for (i = 0; i < r->seg[v].fill && r->valid[v]; i++) {
		lba = r->lba[page + i];
		if (r->map[lba] != page + i)
			continue;
		put(r, lba, r->policy->copy(r, lba, (u32)(page + i)));
		r->valid[v]--;
	}
	r->seg[v].free = true;
	r->valid[v] = r->b;
	r->key[v] = CLOSED_NEVER;
	r->free[r->nfree++] = v;
}

static void user_write(struct ref *r, u32 lba)
{
	u32 victim, stream, old = r->map[lba];

	stream = r->policy->user(r, lba, old);
	if (old != NONE)
		r->valid[old / r->b]--;
	put(r, lba, stream);
	r->now++;
	while (r->nfree < r->reserve) {
		victim = pick(r);
		if (victim == NONE)
			break;
		collect(r, victim);
	}
	if (r->policy->tick)
		r->policy->tick(r);
}

/* ---- greedy ------------------------------------------------------------- */

static u32 one_stream(struct ref *r, u32 lba, u32 page)
{
	return 0;
}

/* Steep enough that age only decides between equals. */
static double greedy_weight(double u)
{
	return u < 1 ? exp2(-600 * u) : 0;
}

/* ---- cost-benefit: (1 - u) / 2u times the age --------------------------- */

static double benefit_weight(double u)
{
	return u > 0 ? (1 - u) / (2 * u) : 1e30;
}

/* ---- SepBIT ------------------------------------------------------------- */

#define SEPBIT_LIVES	16

static void sepbit_start(struct ref *r)
{
	r->last = must_alloc(r->n, sizeof(*r->last));
	r->ell = INFINITY;
}

static u32 sepbit_user(struct ref *r, u32 lba, u32 old)
{
	double life = old == NONE ? INFINITY : (double)(r->now - r->last[lba]);

	r->last[lba] = r->now;
	return life < r->ell ? 0 : 1;
}

static u32 sepbit_copy(struct ref *r, u32 lba, u32 from)
{
	double age = (double)(r->now - r->last[lba]);

	if (!r->seg[from / r->b].stream)
		return 2;
	return age < 4 * r->ell ? 3 : age < 16 * r->ell ? 4 : 5;
}

/* How long segments of short-lived pages live says what short is. */
static void sepbit_collected(struct ref *r, u32 seg)
{
	if (r->seg[seg].stream)
		return;
	r->life_sum += (double)(r->now - r->seg[seg].open);
	if (++r->lives < SEPBIT_LIVES)
		return;
	r->ell = r->life_sum / r->lives;
	r->lives = 0;
	r->life_sum = 0;
}

/* ---- oracle ------------------------------------------------------------- */

#define ORACLE_GROUPS	32

/* Groups of factors of two below the highest rate. */
static u32 oracle_group(struct ref *r, u32 lba, u32 page)
{
	double g = floor(log2(r->most / load_rate(r->load, lba)));

	return g < 0 ? 0 : g > ORACLE_GROUPS - 1 ? ORACLE_GROUPS - 1 : (u32)g;
}

static void oracle_start(struct ref *r)
{
	double rate;
	u32 lba;

	for (lba = 0; lba < r->n; lba++) {
		rate = load_rate(r->load, lba);
		r->most = rate > r->most ? rate : r->most;
	}
}

/* ---- the interval ladder ------------------------------------------------ */

#define LADDER_KAPPA	0.2
#define LADDER_ACC	1.5
#define LADDER_RESERVE	8u
#define LADDER_SPREAD	(1. / 3)
#define LADDER_CAUTION	0.3
#define LADDER_SLOWER	0.1375	/* log2 1.1 */
#define LADDER_OLDEST	16
#define LADDER_DISTANCE	0.35

static double ladder_weight(double u)
{
	if (u <= 0)
		return 1e30;
	return u < 1 ? ((1 - u) / u + log(u)) / (LADDER_KAPPA - log(u)) : 0;
}

static double seg_interval(const struct ref *r, u32 s)
{
	return r->seg[s].fill / r->seg[s].inverse;
}

static double exposure(const struct ref *r, u32 page)
{
	const struct seg *g = &r->seg[page / r->b];
	double end = g->is_open ? (double)r->now : (double)g->close;
	double at = g->open + (double)(page % r->b) / g->fill * (end - g->open);

	return r->now - at;
}

static u32 ladder_class(double interval)
{
	double f = floor(1.5 * log2(interval) + 0.5);

	return f < 0 ? 0 : f > MAX_STREAMS - 1 ? MAX_STREAMS - 1 : (u32)f;
}

/* What to expect of a page that leaves a segment, and what that says of its class. */
static u32 ladder_leave(struct ref *r, u32 page, bool died)
{
	double interval = seg_interval(r, page / r->b), age = fmax(exposure(r, page), 1) / interval;
	struct class *c = &r->class[ladder_class(interval)];
	double weight = c->spread * (died ? 1.5 : 0.75);

	r->interval = interval * (c->scale + weight * age) / (died ? 1 + weight : 1);
	age = fmin(age, LADDER_OLDEST);
	c->age += age;
	c->age2 += age * age / 2;
	c->age3 += age * age * age / 3;
	c->due += log(1 + c->spread * age) / c->spread;
	c->died += died;
	c->died_age += died ? age : 0;
	return r->fmap[ladder_class(r->interval)];
}

static u32 ladder_user(struct ref *r, u32 lba, u32 old)
{
	if (old != NONE)
		return ladder_leave(r, old, true);
	r->interval = r->n;
	return r->fmap[ladder_class(r->interval)];
}

static u32 ladder_copy(struct ref *r, u32 lba, u32 from)
{
	return ladder_leave(r, from, false);
}

/* See place.c. */
static void ladder_learn(struct class *c)
{
	double mean, hazard, variance, seen = 0, weight = 0, log_scale;

	if (c->died > 0 && c->age > 0) {
		mean = c->age2 / c->age;
		variance = c->age3 / c->age - mean * mean;
		hazard = c->died / c->age;
		weight = fmax(hazard * hazard * variance * c->died, 0);
		if (weight > 0)
			seen = (mean - c->died_age / c->died) / (hazard * variance);
	}
	log_scale = LADDER_CAUTION * log2((c->due + 8) / (c->died + 8));
	c->scale = exp2(fmax(-4, fmin(log_scale, LADDER_SLOWER)));
	c->spread = fmax(0.2, fmin((10 * LADDER_SPREAD + seen * weight) / (10 + weight), 2));
	if (seen < 0 && seen * seen * weight > 4) {
		c->spread = LADDER_SPREAD;
		c->scale = 1;
	}
	c->died *= 0.75;
	c->died_age *= 0.75;
	c->age *= 0.75;
	c->age2 *= 0.75;
	c->age3 *= 0.75;
	c->due *= 0.75;
}

static void ladder_placed(struct ref *r, u32 seg)
{
	r->seg[seg].inverse += 1 / r->interval;
}

static void ladder_closed(struct ref *r, u32 s)
{
	const struct seg *g = &r->seg[s];

	r->key[s] = LADDER_KAPPA * seg_interval(r, s) - ((double)g->open + g->close) / 2;
}

static void ladder_reserve(struct ref *r)
{
	r->reserve = 2 + (r->streams + 1) / 2;
	r->reserve = max(3u, min(r->reserve, LADDER_RESERVE));
}

/* Valid pages by class of their segment, and the sum of their logarithms. */
static void ladder_census(const struct ref *r, u64 *pages, double *sum)
{
	double interval;
	u32 s, f;

	memset(pages, 0, MAX_STREAMS * sizeof(*pages));
	memset(sum, 0, MAX_STREAMS * sizeof(*sum));
	for (s = 0; s < r->nseg; s++) {
		if (r->seg[s].free || !r->seg[s].fill)
			continue;
		interval = seg_interval(r, s);
		f = ladder_class(interval);
		pages[f] += r->valid[s];
		sum[f] += r->valid[s] * log2(interval);
	}
}

/* Streams anew: each gets classes that hold a segment and a half, at a distance. */
static void ladder_remap(struct ref *r)
{
	double sum[MAX_STREAMS], acc = 0, total = 0;
	u32 f, stream = 0, before = r->streams;
	u64 pages[MAX_STREAMS];

	ladder_census(r, pages, sum);
	for (f = 0; f < MAX_STREAMS; f++) {
		ladder_learn(&r->class[f]);
		if (acc >= LADDER_ACC * r->b && pages[f] &&
		    sum[f] / pages[f] >= total / acc + LADDER_DISTANCE) {
			stream++;
			acc = 0;
			total = 0;
		}
		r->fmap[f] = stream;
		acc += pages[f];
		total += sum[f];
	}
	/* What is left over at the end is too little for a stream. */
	if (stream && acc < LADDER_ACC * r->b) {
		for (f = 0; f < MAX_STREAMS; f++)
			r->fmap[f] = min_t(u32, r->fmap[f], stream - 1);
		stream--;
	}
	r->streams = stream + 1;
	for (f = r->streams; f < before; f++)
		close_segment(r, f);
	for (f = 0; f < r->streams; f++)
		if (r->open[f] != NONE && r->now - r->used[f] > r->n / 2)
			close_segment(r, f);
	ladder_reserve(r);
}

static void ladder_start(struct ref *r)
{
	u32 f;

	for (f = 0; f < MAX_STREAMS; f++)
		ladder_learn(&r->class[f]);
	r->next_remap = r->n / 16;
	ladder_reserve(r);
}

static void ladder_tick(struct ref *r)
{
	if (r->now < r->next_remap)
		return;
	r->next_remap += r->n / 16;
	ladder_remap(r);
}

static const struct policy policies[WA_POLICIES] = {
	[WA_GREEDY] = {
		.streams = 1, .reserve = 3, .weight = greedy_weight,
		.user = one_stream, .copy = one_stream,
	},
	[WA_SEPBIT] = {
		.streams = 6, .reserve = 8, .weight = benefit_weight, .start = sepbit_start,
		.user = sepbit_user, .copy = sepbit_copy, .collected = sepbit_collected,
	},
	[WA_ORACLE] = {
		.streams = ORACLE_GROUPS, .reserve = 8, .weight = benefit_weight,
		.start = oracle_start, .user = oracle_group, .copy = oracle_group,
	},
	[WA_LADDER] = {
		.streams = 1, .reserve = 3, .weight = ladder_weight, .start = ladder_start,
		.user = ladder_user, .copy = ladder_copy, .placed = ladder_placed,
		.closed = ladder_closed, .tick = ladder_tick,
	},
};

/* ---- running ------------------------------------------------------------ */

static void set_up(struct ref *r, const struct wa_job *job)
{
	u32 i;

	r->policy = &policies[job->policy];
	r->b = job->unit_pages;
	if (job->parity)
		r->b -= r->b / WA_PARITY_DIES;
	r->nseg = (u32)(job->lbas * (1 + job->op) / r->b + 0.5);
	r->n = (u32)((double)r->nseg * r->b / (1 + job->op));
	r->streams = r->policy->streams;
	r->reserve = r->policy->reserve;
	r->map = must_alloc(r->n, sizeof(u32));
	memset(r->map, 0xff, r->n * sizeof(u32));
	r->lba = must_alloc((size_t)r->nseg * r->b, sizeof(u32));
	r->valid = must_alloc(r->nseg, sizeof(u32));
	r->key = must_alloc(r->nseg, sizeof(double));
	r->seg = must_alloc(r->nseg, sizeof(*r->seg));
	r->free = must_alloc(r->nseg, sizeof(u32));
	r->weight = must_alloc(r->b + 1, sizeof(double));
	for (i = 0; i <= r->b; i++)
		r->weight[i] = r->policy->weight((double)i / r->b);
	for (i = 0; i < r->nseg; i++) {
		r->free[r->nfree++] = r->nseg - 1 - i;
		r->seg[i].free = true;
		r->key[i] = CLOSED_NEVER;
	}
	for (i = 0; i < MAX_STREAMS; i++)
		r->open[i] = NONE;
}

static void tear_down(struct ref *r)
{
	load_close(r->load);
	free(r->map);
	free(r->lba);
	free(r->valid);
	free(r->key);
	free(r->seg);
	free(r->free);
	free(r->weight);
	free(r->last);
}

static void run(struct ref *r, u32 passes, struct wa_result *res)
{
	u64 length = load_length(r->load, passes), before = r->written, half = 0, t0, k;
	u32 w;

	for (w = 0; w < WA_WINDOWS; w++) {
		t0 = r->load->t;
		half = w == WA_WINDOWS / 2 ? t0 : half;
		if (w == WA_WINDOWS / 2)
			res->gc = r->written;
		while (r->load->t < length * (w + 1) / WA_WINDOWS) {
			load_next(r->load);
			for (k = 0; k < r->load->count; k++)
				user_write(r, r->load->lba + k);
		}
		if (r->load->t > t0)
			res->curve[w] = (double)(r->written - before) / (r->load->t - t0);
		before = r->written;
	}
	res->wa = (r->written - res->gc) / (r->load->t - half);
	res->user = 1;
	res->gc = res->wa - 1;
	res->windows = WA_WINDOWS;
	res->writes = r->load->t;
}

void ref_run(const struct wa_job *job, struct wa_result *res)
{
	struct ref r = { 0 };
	clock_t t0 = clock();
	u32 lba;

	set_up(&r, job);
	r.load = load_open(job->load, job->trace, r.n, job->seed);
	if (r.policy->start)
		r.policy->start(&r);
	for (lba = 0; lba < r.n; lba++)
		user_write(&r, lba);
	run(&r, job->passes, res);
	res->lbas = r.n;
	res->streams = r.streams;
	tear_down(&r);
	res->seconds = (double)(clock() - t0) / CLOCKS_PER_SEC;
}

/* ---- theory ------------------------------------------------------------- */

double ref_theory(u32 pages, double op)
{
	double b = pages, rho = 1 / (1 + op), sum = 0, q;
	u32 j;

	/* From the top: sum holds 1/i for i = j + 2 .. b. */
	for (j = pages - 1; j--; ) {
		sum += j + 2 <= pages ? 1.0 / (j + 2) : 0;
		q = (b - j - 1 - b * rho * sum) / (b * rho / (j + 1) - 1);
		if (q >= 0 && q <= 1)
			return b / (b - j - 1 + q);
	}
	return 1;
}
