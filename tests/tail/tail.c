// SPDX-License-Identifier: GPL-2.0-only
/*
 * See tail.h. The reader and each writer submit their next request as soon as
 * the last has completed, through an event, so that nothing is submitted from
 * within the core. The worker runs when it is asked for; while it waits, time
 * passes and the others go on.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tail.h"
#include "tests/wa/store.h"

#define MAX_DEPTH	256
#define WARM_PASSES	2	/* overwrites before the full device is timed */

const char *const tail_names[TAIL_LOADS] = {
	[TAIL_IDLE] = "idle", [TAIL_FRESH] = "fresh", [TAIL_FULL] = "full",
};

struct tail;

struct client {
	struct ftl_io io;
	struct tail *t;
	u64 begun;
	bool reader, busy;
};

struct tail {
	const struct tail_options *o;
	struct tail_result *r;
	enum tail_load load;
	struct flash *flash;
	struct ftl *ftl;
	struct client client[MAX_DEPTH + 1];	/* [0] reads */
	u64 rng, left;		/* reads, or writes when nobody reads */
	u32 n, next_fill;
	u32 busy;
	bool filling, timing, stop;
	int err;
};

/* splitmix64 */
static u64 random_number(struct tail *t)
{
	u64 z = t->rng += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static u32 random_unit(struct tail *t)
{
	return (u32)((random_number(t) >> 32) * t->n >> 32);
}

/* ---- clients ------------------------------------------------------------- */

static void io_done(struct ftl_io *io, int err);

/* A writer's next unit; false: the fill is over. */
static bool next_unit(struct tail *t, struct client *c)
{
	if (!t->filling) {
		c->io.lba = random_unit(t);
		return true;
	}
	c->io.lba = t->next_fill++;
	return c->io.lba < t->n;
}

static void submit(void *arg)
{
	struct client *c = arg;
	struct tail *t = c->t;

	if (t->stop || t->err || !next_unit(t, c)) {
		c->busy = false;
		t->busy--;
		return;
	}
	c->io.op = c->reader ? FTL_READ : FTL_WRITE;
	c->io.flags = 0;
	c->io.queue = c->reader ? 0 : 1;
	c->io.count = 1;
	c->io.done = io_done;
	c->begun = flash_now(t->flash);
	ftl_submit(t->ftl, &c->io);
}

static void count_down(struct tail *t)
{
	if (t->left && !--t->left)
		t->stop = true;
}

static void io_done(struct ftl_io *io, int err)
{
	struct client *c = container_of(io, struct client, io);
	struct tail *t = c->t;
	u64 took = flash_now(t->flash) - c->begun;

	if (err && !t->err)
		t->err = err;
	if (t->timing)
		hist_add(c->reader ? &t->r->read : &t->r->write, took);
	if (c->reader == t->timing)
		count_down(t);
	flash_call(t->flash, 0, submit, c);
}

static void begin(struct tail *t, u32 from, u32 to)
{
	u32 i;

	t->stop = false;
	for (i = from; i < to; i++) {
		t->client[i].busy = true;
		t->busy++;
		flash_call(t->flash, 0, submit, &t->client[i]);
	}
}

/* Until all clients have stopped. */
static bool go_on(struct tail *t)
{
	while (t->busy) {
		if (flash_kicked(t->flash)) {
			ftl_run(t->ftl);
		} else if (!flash_step(t->flash)) {
			snprintf(t->r->error, sizeof(t->r->error),
				 "%u requests never complete: the core waits for nothing", t->busy);
			return false;
		}
	}
	while (flash_kicked(t->flash))
		ftl_run(t->ftl);
	if (t->err)
		snprintf(t->r->error, sizeof(t->r->error), "a request failed: %d", t->err);
	return !t->err;
}

/* ---- phases -------------------------------------------------------------- */

static u32 aus_for(const struct tail_options *o)
{
	u32 stripe = (o->shape.dies - !!o->shape.xor_groups) * o->shape.pages;
	u64 map = DIV_ROUND_UP(o->lbas, FIO_MAP_FANOUT) + 1;

	return (u32)DIV_ROUND_UP((u64)(o->lbas * (1 + o->op)) + map + 4 * o->shape.pages, stripe);
}

static bool bring_up(struct tail *t)
{
	struct flash_shape shape = t->o->shape;
	const struct ftl_format_params params = {
		.lba_bytes = FIO_MEDIA_UNIT, .user_units = t->o->lbas,
		.default_units = t->o->lbas, .uuid = { 1 },
		.parity = t->o->shape.xor_groups ? FTL_PARITY_ON : FTL_PARITY_OFF,
	};
	int err;
	u32 i;

	shape.aus = aus_for(t->o);
	t->flash = flash_create(&shape, &t->o->timing);
	err = ftl_format(flash_media(t->flash), flash_env(t->flash), &params);
	if (!err)
		err = ftl_attach(flash_media(t->flash), flash_env(t->flash), 0, &t->ftl);
	if (err) {
		snprintf(t->r->error, sizeof(t->r->error),
			 "format or attach: error %d; is there room for --op and --lbas?", err);
		return false;
	}
	t->n = t->o->lbas;
	for (i = 0; i <= MAX_DEPTH; i++) {
		t->client[i].t = t;
		t->client[i].reader = !i;
	}
	return true;
}

static void tear_down(struct tail *t)
{
	if (t->ftl)
		ftl_destroy(t->ftl);
	t->ftl = NULL;
	flash_destroy(t->flash);
}

/* @writes: random ones, or 0: each unit once in order */
static bool write_all(struct tail *t, u64 writes)
{
	t->filling = !writes;
	t->next_fill = 0;
	t->left = writes;
	begin(t, 1, t->o->depth + 1);
	return go_on(t);
}

static u64 victims(struct tail *t)
{
	struct ftl_stats st;

	ftl_get_stats(t->ftl, &st);
	return st.gc_victims;
}

/* The reader and, unless the device is to be idle, all writers. */
static bool time_reads(struct tail *t, u64 reads)
{
	u64 t0, before = victims(t);
	bool ok;

	/* What is left of the fill is no part of an idle device. */
	while (t->load == TAIL_IDLE && flash_step(t->flash))
		;
	t0 = flash_now(t->flash);
	t->filling = false;
	t->timing = true;
	t->left = reads;
	begin(t, 0, t->load == TAIL_IDLE ? 1 : t->o->depth + 1);
	ok = go_on(t);
	t->timing = false;
	t->r->seconds += (flash_now(t->flash) - t0) / 1e9;
	t->r->victims += victims(t) - before;
	return ok;
}

/*
 * A fresh device has room for a while: the time in which half of the spare is
 * written. Then there is another fresh device.
 */
static bool run_fresh(struct tail *t)
{
	u64 units = (u64)(t->o->lbas * t->o->op / 2), ns, reads;
	u64 rate_ns = (t->o->timing.program / t->o->shape.planes + t->o->timing.bus) /
		      t->o->shape.dies;

	while (t->r->read.count < t->o->reads) {
		if (!t->ftl && !bring_up(t))
			return false;
		if (!write_all(t, 0))
			return false;
		ns = units * rate_ns;
		reads = max_t(u64, ns / (t->o->timing.program + t->o->timing.read), 1);
		if (!time_reads(t, min(reads, t->o->reads - t->r->read.count)))
			return false;
		tear_down(t);
	}
	return bring_up(t);
}

void tail_run(const struct tail_options *o, enum tail_load load, struct tail_result *r)
{
	struct tail *t = must_alloc(1, sizeof(*t));
	bool ok;

	t->o = o;
	t->r = r;
	t->load = load;
	t->rng = o->seed;
	ok = bring_up(t);
	if (ok && load == TAIL_FRESH) {
		run_fresh(t);
	} else if (ok && write_all(t, 0)) {
		ok = load == TAIL_IDLE || write_all(t, (u64)WARM_PASSES * o->lbas);
		if (ok)
			time_reads(t, o->reads);
	}
	tear_down(t);
	free(t);
}
