// SPDX-License-Identifier: GPL-2.0-only
/*
 * See drive.h. Completions wait until the core has returned from submit(), as
 * interrupts would; ftl_run() is called whenever the core asks for it. One
 * request is under way at a time, so that a run repeats exactly.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "drive.h"
#include "store.h"

#define CMDS		64
#define XOR_GROUPS	64
#define SYSTEM_AUS	4	/* two mirrors, two append units each: docs/spec/media.md */

struct drive_cmd {
	struct media_cmd cmd;
	u32 unit[FTL_MAX_UNITS];
	struct fio_tag tag[FTL_MAX_UNITS];
	struct media_au au[FTL_MAX_UNITS];
	struct drive_cmd *next;
};

struct drive {
	struct media media;
	struct ftl_env env;
	struct store store;
	struct drive_cmd cmds[CMDS];
	struct drive_cmd *idle, *head, **tail;
	struct ftl *ftl;
	struct ftl_io io;
	u64 clock;
	u32 n;			/* logical units */
	int err;
	bool kicked, done;
};

static struct drive *to_drive(struct media *m)
{
	return container_of(m, struct drive, media);
}

/* ---- medium ------------------------------------------------------------- */

static struct media_cmd *drive_get(struct media *m, u32 queue, bool internal)
{
	struct drive *d = to_drive(m);
	struct drive_cmd *c = d->idle;

	if (!c)
		return NULL;
	d->idle = c->next;
	c->cmd.queue = queue;
	return &c->cmd;
}

static void drive_put(struct media *m, struct media_cmd *cmd)
{
	struct drive *d = to_drive(m);
	struct drive_cmd *c = container_of(cmd, struct drive_cmd, cmd);

	c->next = d->idle;
	d->idle = c;
}

static void drive_submit(struct media *m, struct media_cmd *cmd)
{
	struct drive *d = to_drive(m);
	struct drive_cmd *c = container_of(cmd, struct drive_cmd, cmd);

	store_do(&d->store, cmd);
	c->next = NULL;
	*d->tail = c;
	d->tail = &c->next;
}

static void drive_commit(struct media *m, u32 queue)
{
}

static u32 reap(struct drive *d)
{
	struct drive_cmd *c;
	u32 count = 0;

	for (c = d->head; c; c = d->head) {
		d->head = c->next;
		if (!d->head)
			d->tail = &d->head;
		c->cmd.done(&c->cmd);
		count++;
	}
	return count;
}

static const struct media_ops drive_ops = {
	.get = drive_get, .put = drive_put, .submit = drive_submit, .commit = drive_commit,
	.io_copy = plain_copy, .io_zero = plain_zero,
	.buf_alloc = plain_buf_alloc, .buf_free = plain_buf_free,
};

/* ---- environment -------------------------------------------------------- */

static void env_kick(void *ctx)
{
	struct drive *d = ctx;

	d->kicked = true;
}

static u64 env_now_ns(void *ctx)
{
	struct drive *d = ctx;

	return d->clock += 1000;
}

static int env_wait(void *ctx, bool (*cond)(void *arg), void *arg)
{
	while (!cond(arg))
		if (!reap(ctx) && !cond(arg))
			return -ENODEV;
	return 0;
}

/* ---- geometry ----------------------------------------------------------- */

/*
 * A full snapshot of the map and its directory have their place beside user data. As
 * the checkpoint rolls there is a stripe besides, half of it not yet written, half of
 * the oldest superseded.
 */
static u64 map_units(u64 n, u32 stripe)
{
	u64 leaves = DIV_ROUND_UP(n, FIO_MAP_FANOUT);

	return leaves + DIV_ROUND_UP(leaves, FIO_MAP_FANOUT) + stripe;
}

/* As many dies as give append units of at least 16 pages, 16 at most. */
static u32 choose_dies(const struct wa_job *job)
{
	u32 dies = 4;

	if (job->parity)
		return WA_PARITY_DIES;
	while (dies < 16 && job->unit_pages / dies > 32)
		dies *= 2;
	return dies;
}

static void set_geometry(struct drive *d, const struct wa_job *job)
{
	struct media_geometry *g = &d->media.geo;
	u32 stripe, fixed;

	g->dies = choose_dies(job);
	g->pages = job->unit_pages / g->dies;
	g->write_units = min(4u, g->pages);
	g->max_units = FTL_MAX_UNITS;
	g->max_open = ~0U;
	g->queues = 1;
	g->xor_groups = job->parity ? XOR_GROUPS : 0;
	/* units of a stripe that hold data, and what lies in stripes but is no user data */
	stripe = (g->dies - job->parity) * g->pages;
	fixed = (u32)map_units(job->lbas, stripe) + SYSTEM_AUS * g->pages;
	g->aus = (u32)DIV_ROUND_UP((u64)(job->lbas * (1 + job->op)) + fixed, stripe);
	d->n = (u32)((double)((u64)g->aus * stripe - fixed) / (1 + job->op));
}

static void init_media(struct drive *d)
{
	u32 i;

	d->media.ops = &drive_ops;
	d->media.durable = 1;
	store_init(&d->store, &d->media.geo);
	d->env = (struct ftl_env){
		.ctx = d, .alloc = plain_alloc, .free = plain_free, .log = plain_log,
		.kick = env_kick, .now_ns = env_now_ns, .now_sec = plain_now_sec,
		.wait = env_wait, .wake = plain_wake, .progress = plain_progress,
	};
	for (i = 0; i < CMDS; i++) {
		struct drive_cmd *c = &d->cmds[i];

		c->cmd.unit = c->unit;
		c->cmd.tag = c->tag;
		c->cmd.au = c->au;
		c->next = d->idle;
		d->idle = c;
	}
	d->tail = &d->head;
}

static bool bring_up(struct drive *d, const struct wa_job *job, struct wa_result *r)
{
	const struct ftl_format_params params = {
		.lba_bytes = FIO_MEDIA_UNIT, .user_units = d->n, .default_units = d->n,
		.uuid = { 1 }, .parity = job->parity ? FTL_PARITY_ON : FTL_PARITY_OFF,
	};
	u64 most = ftl_max_user_units(&d->media.geo, 0);
	int err;

	if (d->n > most) {
		snprintf(r->error, sizeof(r->error),
			 "%u logical units do not fit beside the core's reserves, %llu do: more --lbas or a larger --op",
			 d->n, (unsigned long long)most);
		return false;
	}
	err = ftl_format(&d->media, &d->env, &params);
	if (!err)
		err = ftl_attach(&d->media, &d->env, 0, &d->ftl);
	if (err)
		snprintf(r->error, sizeof(r->error), "format or attach: error %d", err);
	return !err;
}

/* ---- requests ----------------------------------------------------------- */

static void io_done(struct ftl_io *io, int err)
{
	struct drive *d = container_of(io, struct drive, io);

	d->err = err;
	d->done = true;
}

static bool write_units(struct drive *d, u32 lba, u32 count, struct wa_result *r)
{
	d->io.op = FTL_WRITE;
	d->io.flags = 0;
	d->io.queue = 0;
	d->io.lba = lba;
	d->io.count = count;
	d->io.done = io_done;
	d->done = false;
	ftl_submit(d->ftl, &d->io);
	do {
		if (!reap(d) && !d->kicked && !d->done) {
			snprintf(r->error, sizeof(r->error),
				 "the core neither ends a write of unit %u nor asks to be run",
				 lba);
			return false;
		}
		if (d->kicked) {
			d->kicked = false;
			ftl_run(d->ftl);
		}
	} while (!d->done);
	if (d->err)
		snprintf(r->error, sizeof(r->error), "a write of unit %u failed: %d", lba,
			 d->err);
	return !d->err;
}

struct count {
	u64 user, gc, meta, parity, pad, medium;
	u64 victims, levelled;
};

/* What the core says that it wrote, and what the medium was given. */
static struct count counts(struct drive *d)
{
	struct ftl_stats st;
	struct count c;

	ftl_get_stats(d->ftl, &st);
	c.user = st.user_units_written;
	c.gc = st.gc_units_written;
	c.meta = st.meta_units_written;
	c.parity = st.parity_units_written;
	c.pad = d->store.appended[FIO_TAG_PAD];
	c.medium = store_units(&d->store);
	c.victims = st.gc_victims;
	c.levelled = st.stripes_levelled;
	return c;
}

static void conclude(const struct count *a, const struct count *b, struct wa_result *r)
{
	double user = b->user - a->user;

	r->wa = (b->medium - a->medium) / user;
	r->user = 1;
	r->gc = (b->gc - a->gc) / user;
	r->meta = (b->meta - a->meta) / user;
	r->parity = (b->parity - a->parity) / user;
	r->pad = (b->pad - a->pad) / user;
	if (b->victims > a->victims)
		r->levelled = (double)(b->levelled - a->levelled) / (b->victims - a->victims);
	r->unaccounted = (s64)(b->medium - a->medium) - (s64)(b->user - a->user) -
			 (s64)(b->gc - a->gc) - (s64)(b->meta - a->meta) -
			 (s64)(b->parity - a->parity) - (s64)(b->pad - a->pad);
}

static bool run_windows(struct drive *d, struct load *l, u64 length, struct wa_result *r)
{
	struct count before = counts(d), half = before, now;
	u32 w;

	for (w = 0; w < WA_WINDOWS; w++) {
		while (l->t < length * (w + 1) / WA_WINDOWS) {
			load_next(l);
			if (!write_units(d, l->lba, l->count, r))
				return false;
		}
		now = counts(d);
		r->curve[w] = (double)(now.medium - before.medium) / (now.user - before.user);
		before = now;
		if (w + 1 == WA_WINDOWS / 2)
			half = now;
	}
	conclude(&half, &before, r);
	r->windows = WA_WINDOWS;
	r->writes = l->t;
	return true;
}

static bool fill(struct drive *d, struct wa_result *r)
{
	u32 lba;

	for (lba = 0; lba < d->n; lba++)
		if (!write_units(d, lba, 1, r))
			return false;
	return true;
}

void drive_run(const struct wa_job *job, struct wa_result *r)
{
	struct drive *d = must_alloc(1, sizeof(*d));
	clock_t t0 = clock();
	struct load *l;

	set_geometry(d, job);
	init_media(d);
	r->lbas = d->n;
	if (bring_up(d, job, r) && fill(d, r)) {
		l = load_open(job->load, job->trace, d->n, job->seed);
		run_windows(d, l, load_length(l, job->passes), r);
		load_close(l);
	}
	if (d->ftl)
		ftl_destroy(d->ftl);
	store_free(&d->store);
	free(d);
	r->seconds = (double)(clock() - t0) / CLOCKS_PER_SEC;
}
