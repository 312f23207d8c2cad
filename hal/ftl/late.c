// SPDX-License-Identifier: GPL-2.0-only
/*
 * The map comes into memory while requests are served already.
 *
 * Owns: leaves that are on flash and not yet in memory, requests that wait for one of
 * them, what has to wait until all are there. Does not know: how an attach finds out
 * where snapshots are.
 *
 * A read of a leaf that is not there waits for it, and the worker fetches leaves that
 * somebody waits for before others. Until all are there nobody knows which stripes hold
 * nothing: nothing is collected, erased or trimmed, and writes have the erased stripes
 * only that attach found. That takes as long as reading the map does.
 *
 * What is only found out then can be repaired no more: an attach that is in doubt of a
 * snapshot scans everything, this one cannot. So formats without parity, where one page
 * that cannot be read is a doubt already, load the map before anything is served; with
 * parity two pages of a row have to be lost. Then the units of that leaf fail, nothing is
 * written any more, and an attach with a rescan finds them again.
 */
#include "rec.h"

#define BATCH	(4 * FTL_SLOTS)	/* commands between two looks at who waits */

/**
 * struct ftl_late - leaves to come
 * @rec: the recovery that found them, NULL behind a clean detach
 * @next: leaf where it goes on
 * @end: of the present batch
 * @lost: leaves that cannot be had
 * @began: when
 * @valid: by stripe: units that leaves name that have come
 */
struct ftl_late {
	struct rec *rec;
	u32 next, end, lost;
	u64 began;
	u32 *valid;
};

/* Is it on flash only? Any context. */
static bool is_late(const struct ftl *f, u64 leaf)
{
	return !ftl_load_acquire(&f->leaf[leaf]) &&
	       ftl_load(&f->leaf_unit[leaf]) != FIO_UNIT_NONE;
}

/**
 * ftl_may_be_late() - may the map come after attach
 * @f: the instance, its superblock known
 *
 * Context: attach.
 */
bool ftl_may_be_late(const struct ftl *f)
{
	return ftl_has_parity(f) && !f->inspect && !f->offline_aus;
}

/**
 * ftl_late_begin() - leaves that are not in memory come from now on
 * @f: the instance; leaf_unit[] complete
 * @r: the recovery, which is freed when it is over; NULL: all entries are as they were
 *
 * Context: attach.
 * Return: 0 or -ENOMEM: then @r is the caller's still.
 */
int ftl_late_begin(struct ftl *f, struct rec *r)
{
	struct ftl_late *late = ftl_alloc(f, sizeof(*late), FTL_MEM_SCAN);

	if (!late)
		return -ENOMEM;
	late->valid = ftl_alloc(f, f->geo.aus * sizeof(u32), FTL_MEM_SCAN);
	if (!late->valid) {
		ftl_free(f, late, sizeof(*late), FTL_MEM_SCAN);
		return -ENOMEM;
	}
	late->rec = r;
	late->began = f->env.now_ns(f->env.ctx);
	f->late = late;
	ftl_store(&f->late_on, 1);
	return 0;
}

void ftl_late_free(struct ftl *f)
{
	struct ftl_late *late = f->late;

	if (!late)
		return;
	if (late->rec)
		ftl_rec_free(late->rec);
	ftl_free(f, late->valid, f->geo.aus * sizeof(u32), FTL_MEM_SCAN);
	ftl_free(f, late, sizeof(*late), FTL_MEM_SCAN);
	f->late = NULL;
}

/* ---- requests ----------------------------------------------------------------- */

/* 0: all leaves of a request are there; 1: one is to come; -EIO: one never will. */
static int look_at(const struct ftl *f, u64 lu, u64 units)
{
	u64 leaf;

	for (leaf = lu >> 10; leaf <= (lu + units - 1) >> 10; leaf++)
		if (is_late(f, leaf))
			return ftl_load(&f->leaf_state[leaf]) & FTL_LEAF_LOST ? -EIO : 1;
	return 0;
}

/**
 * ftl_late_read() - does a read have to wait for the map
 * @f: the instance, ftl.late_on was seen
 * @io: the read
 *
 * Context: any.
 * Return: true: it is taken care of.
 */
bool ftl_late_read(struct ftl *f, struct ftl_io *io)
{
	struct ftl_read *r = ftl_priv_of(io, ftl_read);
	unsigned long flags = ftl_lock(&f->lock);
	u64 units;
	u32 head;
	int what;

	ftl_span(f, io, &r->lu, &head, &units);
	what = look_at(f, r->lu, units);
	if (what > 0 && f->gone)
		what = -ENODEV;
	if (what > 0)
		ftl_list_add_tail(&r->wait, &f->late_reads);
	ftl_unlock(&f->lock, flags);
	if (what > 0)
		ftl_kick(f);
	else if (what < 0)
		io->done(io, what);
	return what;
}

static struct ftl_io *first_read(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	struct ftl_io *io = NULL;

	if (!ftl_list_empty(&f->late_reads)) {
		io = ftl_io_of(f->late_reads.next);
		ftl_list_del(f->late_reads.next);
	}
	ftl_unlock(&f->lock, flags);
	return io;
}

/* ---- leaves ------------------------------------------------------------------- */

static void lose(struct ftl *f, u32 leaf)
{
	if (ftl_load(&f->leaf_state[leaf]) & FTL_LEAF_LOST)
		return;
	ftl_store(&f->leaf_state[leaf], FTL_LEAF_LOST);
	f->late->lost++;
	f->meta_lost = true;
	ftl_say(f, FTL_ERR, "logical units %llu to %llu: where they are cannot be read from unit %u: they fail until the next attach, which has to scan everything (fio-attach -r)",
		(unsigned long long)leaf << 10, ((unsigned long long)leaf << 10) + 1023,
		f->leaf_unit[leaf]);
	ftl_set_read_only(f, "a page of the map was lost to the medium");
}

/*
 * Is @unit, of stripe @s, what it was? A recovery knows; behind a clean detach all are,
 * but nothing may name a system append unit. Once for every unit of the card: all but a
 * few stripes are judged as a whole.
 */
static bool entry_good(const struct ftl *f, const struct rec *r, u32 unit, u32 s, u64 limit)
{
	if (r)
		return likely(r->plain[s]) || ftl_rec_there(r, unit, limit);
	return likely(s >= FTL_SYSTEM_AUS) || !(f->au[ftl_unit_au(f, unit)] & FTL_AU_SYSTEM);
}

/* The leaf as a page says, counted; NULL: it says nonsense. */
static u32 *make_leaf(struct ftl *f, u32 leaf, const struct fio_map_leaf *page, u64 limit)
{
	const struct rec *r = f->late->rec;
	u32 *at = ftl_alloc(f, FIO_MAP_FANOUT * sizeof(u32), FTL_MEM_MAP), e, mapped = 0;
	u32 in_leaf = (u32)min_t(u64, FIO_MAP_FANOUT, f->user_units - ((u64)leaf << 10));
	u32 s = 0;

	for (e = 0; at && e < FIO_MAP_FANOUT; e++) {
		at[e] = le32_to_cpu(page->unit[e]);
		if (at[e] == FIO_UNIT_NONE)
			continue;
		if (e >= in_leaf || at[e] >= f->total_units)
			break;
		if (at[e] - s * f->stripe_units >= f->stripe_units)
			s = ftl_unit_stripe(f, at[e]);
		if (!entry_good(f, r, at[e], s, limit))
			break;
		f->late->valid[s]++;
		mapped++;
	}
	if (!at || e == FIO_MAP_FANOUT) {
		ftl_add(&f->st.units_mapped, mapped);
		return at;
	}
	while (e--)
		if (at[e] != FIO_UNIT_NONE)
			f->late->valid[ftl_unit_stripe(f, at[e])]--;
	ftl_free(f, at, FIO_MAP_FANOUT * sizeof(u32), FTL_MEM_MAP);
	return NULL;
}

static void install(struct ftl *f, u32 leaf, const struct fio_map_leaf *page,
		    const struct fio_tag *tag)
{
	u64 seq = le64_to_cpu(tag->seq);
	u32 *at = NULL;

	if (tag->type == FIO_TAG_MAP && le64_to_cpu(tag->lba) == leaf &&
	    le32_to_cpu(tag->media_id) == f->media_id && ftl_crc_ok(page, tag))
		at = make_leaf(f, leaf, page, seq + max(le32_to_cpu(tag->group), 1U));
	if (!at) {
		lose(f, leaf);
		return;
	}
	f->leaf_age[leaf] = (u32)seq;
	f->rec.leaves_loaded++;
	ftl_store_release(&f->leaf[leaf], at);
}

/**
 * ftl_late_leaf() - have one leaf now
 * @f: the instance
 * @leaf: one that may be late
 *
 * Context: worker, also from within a pipe: it needs a single command.
 * Return: 0; -EIO: it is lost; -ENODEV.
 */
int ftl_late_leaf(struct ftl *f, u32 leaf)
{
	int err;

	if (!f->late || !is_late(f, leaf))
		return 0;
	if (ftl_load(&f->leaf_state[leaf]) & FTL_LEAF_LOST)
		return -EIO;
	if (!ftl_exec_get(f))
		return -ENODEV;
	err = ftl_fetch(f, f->leaf_unit[leaf]);
	f->rec.bytes_read += FIO_MEDIA_UNIT + FIO_MEDIA_TAG;
	if (!err)
		install(f, leaf, f->xslot.buf.va, &f->xslot.cmd->tag[0]);
	ftl_exec_put(f);
	if (err && err != -ENODEV)
		lose(f, leaf);
	return err == -ENODEV ? err : is_late(f, leaf) ? -EIO : 0;
}

static bool leaves_fill(struct ftl *f, struct ftl_slot *s, void *arg)
{
	struct ftl_late *late = arg;
	u32 n = 0;

	for (; late->next < late->end && n < f->geo.max_units; late->next++) {
		if (!is_late(f, late->next))
			continue;
		s->old[n] = late->next;
		s->cmd->unit[n++] = f->leaf_unit[late->next];
	}
	if (!n)
		return false;
	ftl_cmd_init(s->cmd, MEDIA_READ, n);
	s->cmd->buf = &s->buf;
	return true;
}

static int leaves_reap(struct ftl *f, struct ftl_slot *s, void *arg)
{
	const struct fio_map_leaf *page = s->buf.va;
	u64 failed = failed_units(s->cmd);
	u32 i;
	int err = 0;

	if (s->cmd->status == MEDIA_GONE)
		return -ENODEV;
	f->rec.bytes_read += s->cmd->n * (FIO_MEDIA_UNIT + FIO_MEDIA_TAG);
	for (i = 0; !err && i < s->cmd->n; i++) {
		if (failed >> i & 1 || !ftl_crc_ok(&page[i], &s->cmd->tag[i]))
			err = ftl_late_leaf(f, s->old[i]);
		else
			install(f, s->old[i], &page[i], &s->cmd->tag[i]);
	}
	return err == -ENODEV ? err : 0;
}

/* ---- the end ------------------------------------------------------------------ */

/* Now it is known what each stripe holds. */
static void settle_stripes(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 s;

	for (s = 0; s < f->geo.aus; s++) {
		struct ftl_stripe *st = &f->stripe[s];

		ftl_add(&st->valid, f->late->valid[s]);
		if (st->state == FTL_S_CLOSED && st->flags & FTL_SF_UNCOUNTED && !st->valid)
			ftl_stripe_set_free(f, s, FTL_S_FREE);
		st->flags &= ~FTL_SF_UNCOUNTED;
	}
	ftl_unlock(&f->lock, flags);
}

static void end_late(struct ftl *f)
{
	u64 ns = f->env.now_ns(f->env.ctx) - f->late->began;
	unsigned long flags;
	u32 lost = f->late->lost;

	if (!lost) {
		settle_stripes(f);
		ftl_say(f, FTL_INFO, "the map is in memory: %llu units hold data, %llu ms after attach",
			(unsigned long long)ftl_load(&f->st.units_mapped),
			(unsigned long long)ns / 1000000);
	}
	f->rec.ns_late = ns;
	ftl_late_free(f);
	/* With a leaf lost reads have to be told which: that goes on. */
	flags = ftl_lock(&f->lock);
	ftl_store(&f->late_on, lost);
	ftl_unlock(&f->lock, flags);
	if (!lost && ftl_parity_settle(f) == -ENODEV)
		ftl_set_gone(f);
}

/* Reads that wait: each gets what it waits for, and goes its way. */
static void serve_reads(struct ftl *f)
{
	struct ftl_io *io;
	u64 lu, units, leaf;
	u32 head;
	int err;

	while ((io = first_read(f))) {
		ftl_span(f, io, &lu, &head, &units);
		for (err = 0, leaf = lu >> 10; !err && leaf <= (lu + units - 1) >> 10; leaf++)
			err = ftl_late_leaf(f, (u32)leaf);
		if (err || ftl_load(&f->gone))
			io->done(io, ftl_load(&f->gone) ? -ENODEV : err);
		else
			ftl_submit_read(f, io);
	}
}

/**
 * ftl_late_step() - more of the map
 * @f: the instance
 *
 * Context: worker.
 * Return: true: there is still some to come, and other work has to wait for it.
 */
bool ftl_late_step(struct ftl *f)
{
	static const struct ftl_pipe pipe = { leaves_fill, leaves_reap };
	struct ftl_late *late = f->late;

	serve_reads(f);
	if (!late)
		return false;
	late->end = (u32)min_t(u64, f->nleaves, late->next + (u64)BATCH * f->geo.max_units);
	if (ftl_pipe_run(f, &pipe, late) || ftl_load(&f->gone))
		return false;
	if (late->next < f->nleaves)
		return true;
	end_late(f);
	serve_reads(f);
	return false;
}

/**
 * ftl_late_finish() - have all of the map, now
 * @f: the instance
 *
 * Context: worker, not while ftl_run() runs.
 * Return: 0; -EIO: some of it is lost; -ENODEV.
 */
int ftl_late_finish(struct ftl *f)
{
	while (f->late && !ftl_load(&f->gone))
		ftl_late_step(f);
	return ftl_load(&f->gone) ? -ENODEV : ftl_load(&f->late_on) ? -EIO : 0;
}
