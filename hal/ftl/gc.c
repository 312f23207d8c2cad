// SPDX-License-Identifier: GPL-2.0-only
/*
 * Collection: valid units move out of a stripe so that it can be erased.
 *
 * Owns: choice of victims, copying with verification, what becomes of units
 * that cannot be read any more. Does not know: the paths of user data.
 *
 * A copy keeps the sequence number of its data and is published by compare and
 * swap: a write or trim in between wins. The victim stays intact until reclaim
 * has made everything durable, so that a cut at any time finds one of the two.
 *
 * Why it always ends: see overhead_units() in core.c.
 */
#include "ftl_priv.h"

#define PICK_STRIPES	8192U	/* looked at under one hold of the lock */
#define MAX_LAG		4096U	/* cycles; more count as so many */
#define MAX_FAVOUR	128U	/* of a score's logarithm: half an octave */

/* ---- what is still needed ------------------------------------------------------ */

/* Lock held or worker. */
static bool unit_live(const struct ftl *f, const struct fio_tag *tag, u32 unit)
{
	u64 lba = le64_to_cpu(tag->lba);

	if (le32_to_cpu(tag->media_id) != f->media_id)
		return false;
	switch (tag->type) {
	case FIO_TAG_DATA:
		return lba < f->user_units && ftl_lookup(f, lba) == unit;
	case FIO_TAG_MAP:
		return lba < f->nleaves && f->leaf_unit[lba] == unit;
	case FIO_TAG_JOURNAL:
		return ftl_journal_live(f, unit);
	case FIO_TAG_ROOT:
		return ftl_root_live(f, unit);
	case FIO_TAG_GROUP:
		return ftl_group_live(f, unit);
	default:
		return false;
	}
}

/* Lock held. */
static bool relocate(struct ftl *f, const struct fio_tag *tag, u32 from, u32 to)
{
	u64 lba = le64_to_cpu(tag->lba);

	switch (tag->type) {
	case FIO_TAG_DATA:
		return ftl_map_relocate(f, lba, from, to);
	case FIO_TAG_MAP:
		if (f->leaf_unit[lba] != from)
			return false;
		f->leaf_unit[lba] = to;
		ftl_stripe_get(f, to);
		ftl_stripe_put(f, from);
		return true;
	case FIO_TAG_ROOT:
		return ftl_root_relocate(f, from, to);
	case FIO_TAG_GROUP:
		return ftl_group_relocate(f, from, to);
	default:
		return ftl_journal_relocate(f, from, to);
	}
}

/* ---- pace ---------------------------------------------------------------------------------- */

/*
 * While room is short each unit that users write is bought by collection: a victim
 * with v of its s units valid gains s - v when v have been copied, so each copy lets
 * (s - v) / v units in. Users then write as fast as room is made, all the time,
 * instead of until there is none and then not at all. Some of it is kept back while
 * there is less room than there should be, an eighth for each stripe, so that errors
 * do not add up. What users wait for is under way: the pace ends with the step that
 * finds nothing to collect, and then the reserve alone decides.
 */

/*
 * Stripes to have above the reserve. What lies idle is spare that collection lacks;
 * but small media, which have no ladder, may lose a stripe at once to a failed program.
 */
static u32 stripes_ahead(const struct ftl *f)
{
	return f->rungs ? 2 : 3;
}

/* Lock held. Is room so short that collection should go on? */
static bool room_is_short(const struct ftl *f)
{
	return f->free_units < f->reserve + stripes_ahead(f) * (u64)f->stripe_data;
}

/* Lock held: stripes that users have less than they should, those begun included. */
static u32 missing_stripes(const struct ftl *f)
{
	u64 have = f->free_units + ftl_user_room(f);
	u32 n = 0, most = stripes_ahead(f);

	while (n < most && have + n * (u64)f->stripe_data <
			   f->reserve + most * (u64)f->stripe_data)
		n++;
	return n;
}

/* Lock held: @victim is collected next. */
static void pace_begin(struct ftl *f, u32 victim)
{
	const struct ftl_stripe *s = &f->stripe[victim];
	u32 valid, gain;

	if (victim == FTL_NONE)
		return;
	valid = min(ftl_load(&s->valid), s->size);
	gain = s->size - valid;
	f->pace_gain = gain - gain / 8 * missing_stripes(f);
	f->pace_cost = max(valid, 1U);
	f->pace_part = 0;
	/* Nobody need wait for the first copy, nor save for long. */
	f->pace_credit = f->paced ? min(f->pace_credit, f->stripe_data) : f->geo.max_units;
	f->paced = room_is_short(f);
}

/* Lock held: so many units have been copied. */
static void pace_copied(struct ftl *f, u32 units)
{
	if (!f->paced)
		return;
	for (; units; units--)
		for (f->pace_part += f->pace_gain; f->pace_part >= f->pace_cost; f->pace_credit++)
			f->pace_part -= f->pace_cost;
}

static void pace_end(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);

	f->paced = false;
	ftl_unlock(&f->lock, flags);
}

/* ---- first pass: tags of the whole stripe --------------------------------------- */

struct scan {
	u32 unit, end;
	u32 parity;	/* append unit to which parity is still being written, or FTL_NONE */
};

static bool tags_fill(struct ftl *f, struct ftl_slot *s, void *arg)
{
	struct scan *c = arg;
	u32 n = 0;

	while (c->unit < c->end && n < f->geo.max_units) {
		u8 au = f->au[ftl_unit_au(f, c->unit)];

		if (au & (FTL_AU_SYSTEM | FTL_AU_ERASED) ||
		    ftl_unit_au(f, c->unit) == c->parity) {
			c->unit += f->geo.pages;
			continue;
		}
		s->old[n] = c->unit;
		s->cmd->unit[n++] = c->unit++;
	}
	if (!n)
		return false;
	ftl_cmd_init(s->cmd, MEDIA_READ, n);
	s->cmd->flags = MEDIA_F_LOW;
	return true;
}

/* Weak pages are read at higher levels before they count as unreadable. */
static bool next_level(struct ftl *f, struct ftl_slot *s)
{
	if (s->cmd->status != MEDIA_UNCORRECTABLE && s->cmd->status != MEDIA_CRC)
		return false;
	if (s->tries++ >= f->geo.read_retries)
		return false;
	s->cmd->retry++;
	s->cmd->status = MEDIA_OK;
	s->cmd->failed = 0;
	ftl_add(&f->st.read_retries, 1);
	return true;
}

/* Not readable: parity may know what it was. */
static void note_lost(struct ftl *f, u32 unit)
{
	if (ftl_has_parity(f) && f->gc_count + f->gc_lost < f->stripe_units)
		f->gc_units[f->stripe_units - ++f->gc_lost] = unit;
	else
		f->gc_bad++;
}

static int tags_reap(struct ftl *f, struct ftl_slot *s, void *arg)
{
	u64 failed;
	u32 i;

	if (s->cmd->status == MEDIA_GONE)
		return -ENODEV;
	if (next_level(f, s))
		return FTL_AGAIN;
	failed = s->cmd->failed;
	if (s->cmd->status && !failed)
		failed = ~0ULL;
	for (i = 0; i < s->cmd->n; i++) {
		if (failed >> i & 1) {
			if (ftl_has_parity(f))
				note_lost(f, s->old[i]);
			continue;
		}
		if (unit_live(f, &s->cmd->tag[i], s->old[i]) && f->gc_count < f->stripe_units)
			f->gc_units[f->gc_count++] = s->old[i];
	}
	return 0;
}

/* ---- second pass: copy ------------------------------------------------------------ */

enum { STEP_READ, STEP_APPEND };

static bool copy_fill(struct ftl *f, struct ftl_slot *s, void *arg)
{
	u32 *end = arg;
	u32 n = min(*end - f->gc_next, f->geo.max_units);
	u32 i;

	if (!n)
		return false;
	for (i = 0; i < n; i++) {
		s->old[i] = f->gc_units[f->gc_next + i];
		s->cmd->unit[i] = s->old[i];
	}
	f->gc_next += n;
	ftl_cmd_init(s->cmd, MEDIA_READ, n);
	s->cmd->flags = MEDIA_F_LOW;
	s->cmd->buf = &s->buf;
	s->step = STEP_READ;
	return true;
}

static bool unit_good(const struct ftl_slot *s, u64 failed, u32 i)
{
	const u8 *data = (const u8 *)s->buf.va + i * FIO_MEDIA_UNIT;

	return !(failed >> i & 1) && ftl_crc_ok(data, &s->cmd->tag[i]);
}

/* Move the good and still needed units to the front; returns how many. */
static u32 squeeze(struct ftl *f, struct ftl_slot *s)
{
	u64 failed = s->cmd->failed;
	u8 *data = s->buf.va;
	u32 i, n = 0;

	if (s->cmd->status && !failed)
		failed = ~0ULL;
	for (i = 0; i < s->cmd->n; i++) {
		if (!unit_good(s, failed, i)) {
			note_lost(f, s->old[i]);
			continue;
		}
		if (!unit_live(f, &s->cmd->tag[i], s->old[i]))
			continue;
		if (n != i) {
			memcpy(data + n * FIO_MEDIA_UNIT, data + i * FIO_MEDIA_UNIT,
			       FIO_MEDIA_UNIT);
			s->cmd->tag[n] = s->cmd->tag[i];
			s->old[n] = s->old[i];
		}
		n++;
	}
	return n;
}

static int start_append(struct ftl *f, struct ftl_slot *s, u32 n)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 got = ftl_reserve_copies(f, s->cmd->tag, s->old, n, s->cmd->unit);
	u32 i;

	ftl_unlock(&f->lock, flags);
	if (!got)
		return -ENOSPC;
	for (i = 0; i < got; i++) {
		struct ftl_stripe *st = &f->stripe[ftl_unit_stripe(f, s->cmd->unit[i])];

		s->cmd->tag[i].stripe_seq = cpu_to_le64(st->seq);
		s->cmd->tag[i].stream = st->stream;
		ftl_place_tag(f, &s->cmd->tag[i], st);
	}
	ftl_cmd_init(s->cmd, MEDIA_APPEND, got);
	s->cmd->buf = &s->buf;
	s->cmd->flags = MEDIA_F_LOW | ftl_append_flags(f);
	/* No SYNC will tell whether a copy is on flash: repair.c */
	if (ftl_load(&f->sync_broken))
		s->cmd->flags |= MEDIA_F_FUA;
	s->step = STEP_APPEND;
	return FTL_AGAIN;
}

static int reap_read(struct ftl *f, struct ftl_slot *s)
{
	u32 n;

	if (s->cmd->status == MEDIA_GONE)
		return -ENODEV;
	if (next_level(f, s))
		return FTL_AGAIN;
	n = squeeze(f, s);
	return n ? start_append(f, s, n) : 0;
}

/* What failed stays where it was and is found again. */
static int reap_append(struct ftl *f, struct ftl_slot *s)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 i;

	for (i = 0; i < s->cmd->n; i++) {
		if (!ftl_unit_appended(f, s->cmd, i)) {
			ftl_append_failed(f, s->cmd->unit[i], s->cmd->status);
			continue;
		}
		relocate(f, &s->cmd->tag[i], s->old[i], s->cmd->unit[i]);
		ftl_append_ok(f, s->cmd->unit[i]);
		f->st.gc_units_written++;
	}
	pace_copied(f, s->cmd->n);
	ftl_unlock(&f->lock, flags);
	return s->cmd->status == MEDIA_GONE ? -ENODEV : 0;
}

static int copy_reap(struct ftl *f, struct ftl_slot *s, void *arg)
{
	return s->step == STEP_READ ? reap_read(f, s) : reap_append(f, s);
}

/* ---- what only parity knows ---------------------------------------------------------- */

/* One unit, computed if it must be; 0 also when there is nothing to save. */
static int restore(struct ftl *f, u32 unit)
{
	struct ftl_slot *s = &f->xslot;
	unsigned long flags;
	bool live;
	int err;

	if (!ftl_exec_get(f))
		return -ENODEV;
	err = ftl_fetch(f, unit);
	flags = ftl_lock(&f->lock);
	live = !err && unit_live(f, &s->cmd->tag[0], unit);
	ftl_unlock(&f->lock, flags);
	if (err && err != -ENODEV && s->cmd->status != MEDIA_ERASED)
		f->gc_bad++;
	if (live) {
		s->old[0] = unit;
		err = start_append(f, s, 1);
		if (err == FTL_AGAIN && ftl_exec(f) != -ENODEV)
			err = reap_append(f, s);
	}
	ftl_exec_put(f);
	return err == -ENODEV || err == -ENOSPC ? err : 0;
}

static void restore_all(struct ftl *f)
{
	u32 i;

	for (i = 0; i < f->gc_lost; i++)
		if (restore(f, f->gc_units[f->stripe_units - 1 - i]))
			break;
}

/* ---- what cannot be read ------------------------------------------------------------- */

/**
 * ftl_rewrite() - store xslot.buf as a new version of a unit
 * @f: the instance
 * @lu: logical unit, mapped to @old
 * @old: its present place
 * @flags: FIO_TAG_LOST
 * @closed: the caller keeps writes away from @lu
 *
 * Context: worker, room for one unit of FTL_GC was made.
 * Return: 0; -EBUSY: a write is under way; -errno.
 */
int ftl_rewrite(struct ftl *f, u64 lu, u32 old, u16 flags, bool closed)
{
	struct media_cmd *cmd = ftl_exec_get(f);
	unsigned long irq;
	u64 seq;
	int err = 0;

	if (!cmd)
		return -ENODEV;
	irq = ftl_lock(&f->lock);
	if (!closed && !ftl_inflight_take(f, lu, 1)) {
		err = -EBUSY;
	} else if (!ftl_reserve(f, FTL_GC, 1, cmd->unit)) {
		err = -ENOSPC;
		if (!closed)
			ftl_inflight_clear(f, lu, 1);
	}
	seq = f->seq++;
	ftl_unlock(&f->lock, irq);
	if (err)
		goto out;
	ftl_tag_fill(f, &cmd->tag[0], FIO_TAG_DATA, lu, seq, cmd->unit[0]);
	cmd->tag[0].flags = cpu_to_le16(flags);
	ftl_cmd_init(cmd, MEDIA_APPEND, 1);
	cmd->buf = &f->xslot.buf;
	cmd->flags = MEDIA_F_FUA | ftl_append_flags(f);
	err = ftl_exec(f);
	if (err == -ENODEV)
		goto out;
	irq = ftl_lock(&f->lock);
	if (ftl_unit_appended(f, cmd, 0)) {
		ftl_map_relocate(f, lu, old, cmd->unit[0]);
		ftl_append_ok(f, cmd->unit[0]);
	} else {
		ftl_append_failed(f, cmd->unit[0], cmd->status);
	}
	if (!closed)
		ftl_inflight_clear(f, lu, 1);
	ftl_unlock(&f->lock, irq);
out:
	ftl_exec_put(f);
	return err;
}

/*
 * Replace a unit that cannot be read by one that says so, for ever. One that can,
 * at a level of its own that no vector of many was read at, is saved.
 */
static void give_up(struct ftl *f, u64 lu, u32 unit)
{
	struct media_cmd *cmd = ftl_exec_get(f);
	bool unsafe;
	u16 flags;
	int err;

	if (!cmd)
		return;
	err = ftl_fetch(f, unit);
	flags = le16_to_cpu(cmd->tag[0].flags);
	unsafe = !err && ftl_group_unsafe(f, &cmd->tag[0]);
	if (!err && !unit_live(f, &cmd->tag[0], unit))
		err = -EIO;
	ftl_exec_put(f);
	if (!err && unsafe)
		err = ftl_sync(f);
	if (!err)
		ftl_rewrite(f, lu, unit, flags, false);
	if (err != -ENODATA)
		return;
	ftl_add(&f->st.media_errors, 1);
	ftl_say(f, FTL_ERR, "logical unit %llu is lost: unit %u cannot be read; reads of it fail until it is written or trimmed",
		(unsigned long long)lu, unit);
	memset(f->xslot.buf.va, 0, FIO_MEDIA_UNIT);
	ftl_rewrite(f, lu, unit, FIO_TAG_LOST, false);
}

static void give_up_data(struct ftl *f, u32 victim)
{
	u64 lu;
	u32 unit;

	for (lu = 0; lu < f->user_units && ftl_load(&f->stripe[victim].valid); lu++) {
		if (!f->leaf[lu >> 10]) {
			lu |= FIO_MAP_FANOUT - 1;
			continue;
		}
		unit = ftl_lookup(f, lu);
		if (unit != FIO_UNIT_NONE && ftl_unit_stripe(f, unit) == victim)
			give_up(f, lu, unit);
	}
}

/* Metadata is written again from memory. */
static void give_up_meta(struct ftl *f, u32 victim)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 i;

	for (i = 0; i < f->nleaves; i++)
		if (f->leaf_unit[i] != FIO_UNIT_NONE &&
		    ftl_unit_stripe(f, f->leaf_unit[i]) == victim) {
			ftl_map_mark(f, i, FTL_LEAF_DIRTY | FTL_LEAF_TRIMMED);
			f->want_snapshot = true;
		}
	for (i = 0; i < f->journal_count; i++)
		if (ftl_unit_stripe(f, f->journal[i]) == victim)
			f->want_snapshot = true;
	f->meta_lost |= f->want_snapshot;
	ftl_root_forget(f, victim);
	ftl_group_lost(f, victim);
	ftl_unlock(&f->lock, flags);
}

/*
 * What cannot be read now may be readable later: a die may answer again, flash may
 * cool down, the next patrol may be luckier. So a stripe that cannot be emptied is
 * left alone, and units are given up only when there is no other way to make room.
 */
static bool get_desperate(struct ftl *f)
{
	unsigned long flags;
	u32 i, n = 0;

	if (f->gc_desperate)
		return false;
	flags = ftl_lock(&f->lock);
	for (i = 0; i < f->geo.aus; i++) {
		n += !!ftl_load(&f->stripe[i].stuck);
		ftl_store(&f->stripe[i].stuck, 0);
	}
	ftl_unlock(&f->lock, flags);
	f->gc_desperate = n;
	return n;
}

static void mark_stuck(struct ftl *f, u32 victim)
{
	unsigned long flags = ftl_lock(&f->lock);

	if (ftl_load(&f->stripe[victim].valid))
		ftl_store(&f->stripe[victim].stuck, 1);
	ftl_unlock(&f->lock, flags);
}

/* ---- room for copies ------------------------------------------------------------------ */

#define STEP_UNITS(f)	(FTL_SLOTS * (f)->geo.max_units)	/* copied in one step */

/*
 * Lock held: might a frontier want to open a stripe in the next step, and not be
 * allowed to? Copies would go where they do not belong.
 */
static bool is_blocked(const struct ftl *f, const struct ftl_frontier *fr)
{
	return fr->room < STEP_UNITS(f) && fr->unsealed > (fr->stripe == FTL_NONE);
}

/* The copies may close stripes and begin others. */
static int open_the_way(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	bool blocked = false;
	u32 i;

	for (i = 0; i < FTL_STREAMS && !blocked; i++)
		blocked = i != FTL_USER && is_blocked(f, &f->front[i]);
	ftl_unlock(&f->lock, flags);
	return blocked ? min(ftl_seal_all(f), 0) : 0;
}

/* ---- collecting -------------------------------------------------------------------------- */

/* Look for what is valid in a victim. */
static int begin_victim(struct ftl *f, u32 victim)
{
	static const struct ftl_pipe tags = { tags_fill, tags_reap };
	struct scan c = {
		.unit = victim * f->stripe_units, .end = (victim + 1) * f->stripe_units,
	};
	unsigned long flags;
	int err;

	err = ftl_prepare(f, f->rungs ? f->ready_goal : 2);
	if (err < 0)
		return err;
	flags = ftl_lock(&f->lock);
	f->gc_victim = victim;
	f->gc_seq = f->stripe[victim].seq;
	f->gc_before = ftl_load(&f->stripe[victim].valid);
	f->gc_count = 0;
	f->gc_next = 0;
	f->gc_lost = 0;
	f->gc_bad = 0;
	f->gc_active = true;
	c.parity = f->stripe[victim].flags & FTL_SF_SUMS ?
		   ftl_au_index(f, victim, f->stripe[victim].parity) : FTL_NONE;
	f->st.gc_victims++;
	f->st.gc_victim_units += f->stripe[victim].size;
	f->st.gc_victim_valid += f->gc_before;
	ftl_unlock(&f->lock, flags);
	return ftl_pipe_run(f, &tags, &c);
}

/* All has been copied that could be. */
static void end_victim(struct ftl *f)
{
	const u32 *valid = &f->stripe[f->gc_victim].valid;

	f->gc_active = false;
	restore_all(f);
	if (ftl_load(valid) && (f->gc_bad || f->gc_count < f->gc_before)) {
		if (f->gc_desperate)
			give_up_data(f, f->gc_victim);
		give_up_meta(f, f->gc_victim);
	}
	if (ftl_load(valid) == f->gc_before || (ftl_load(valid) && f->gc_bad))
		mark_stuck(f, f->gc_victim);
}

/* Copy up to so many units of the victim. 0, also when all is done; -errno. */
static int copy_some(struct ftl *f, u32 most)
{
	static const struct ftl_pipe copy = { copy_fill, copy_reap };
	u32 end = f->gc_next + min(most, f->gc_count - f->gc_next);
	int err = open_the_way(f);

	return err ? err : ftl_pipe_run(f, &copy, &end);
}

/**
 * ftl_gc_collect() - empty a stripe
 * @f: the instance
 * @victim: a closed stripe whose valid units fit into the room of FTL_GC
 *
 * A victim that was being collected step by step is left as it is.
 *
 * Context: worker.
 * Return: 0, also when some units had to stay; -ENODEV.
 */
int ftl_gc_collect(struct ftl *f, u32 victim)
{
	int err = begin_victim(f, victim);

	if (!err)
		err = copy_some(f, ~0U);
	if (err && err != -ENOSPC) {
		f->gc_active = false;
		return err;
	}
	end_victim(f);
	return ftl_load(&f->gone) ? -ENODEV : 0;
}

/* ---- choosing -------------------------------------------------------------------------- */

struct pick {
	u32 stripe;
	s32 score;
	u64 room;
	u32 favour;	/* ftl_wear_favour() */
	bool evacuate, gentle;
};

/* Only what fits and gains something. */
static bool collectable(const struct ftl *f, const struct ftl_stripe *s, u32 valid,
			const struct pick *p)
{
	if (s->state != FTL_S_CLOSED || !valid || valid > p->room || ftl_load(&s->stuck))
		return false;
	if (s->flags & FTL_SF_EVACUATE)
		return true;
	return valid < s->size && (f->rungs || !p->gentle || valid <= s->size / 4 * 3);
}

static s32 score_of(const struct ftl *f, const struct pick *p, const struct ftl_stripe *s,
		    u32 valid)
{
	u32 lag = f->erase_max - min(s->erases, f->erase_max);

	if (!f->rungs)
		return -(s32)valid;
	lag = min(lag, MAX_LAG) * p->favour >> 8;
	return ftl_place_score(f, s, valid) + (s32)min(lag, MAX_FAVOUR);
}

/* Without a ladder the stripe with the fewest valid units, the older of equals. */
static void consider(const struct ftl *f, struct pick *p, u32 i)
{
	const struct ftl_stripe *s = &f->stripe[i];
	bool evacuate = s->flags & FTL_SF_EVACUATE;
	u32 valid = ftl_load(&s->valid);
	s32 score;

	if (!collectable(f, s, valid, p) || (p->evacuate && !evacuate))
		return;
	score = score_of(f, p, s, valid);
	if (p->stripe != FTL_NONE && evacuate == p->evacuate &&
	    (score < p->score || (score == p->score &&
				  !ftl_seq_after(f->stripe[p->stripe].seq, s->seq))))
		return;
	p->stripe = i;
	p->score = score;
	p->evacuate = evacuate;
}

/*
 * Of very many stripes some are looked at each time, and the best of earlier looks
 * that were not taken. Scores change slowly.
 */
static u32 pick_some(struct ftl *f, struct pick *p)
{
	u32 i, *old = &f->gc_old[f->gc_cursor / PICK_STRIPES % FTL_CANDIDATES];
	u32 end = min(f->gc_cursor + PICK_STRIPES, f->geo.aus);

	for (i = f->gc_cursor; i < end; i++)
		consider(f, p, i);
	f->gc_cursor = end < f->geo.aus ? end : 0;
	*old = p->stripe == FTL_NONE ? 0 : p->stripe;
	for (i = 0; i < FTL_CANDIDATES; i++)
		consider(f, p, f->gc_old[i]);
	return p->stripe;
}

/* Lock held: the best stripe; one with a failed append unit before all others. */
static u32 pick_victim(struct ftl *f, bool gentle)
{
	struct pick p = {
		.stripe = FTL_NONE, .room = ftl_room(f, FTL_GC), .gentle = gentle,
		.favour = ftl_wear_favour(f),
	};
	u32 i;

	if (f->geo.aus > PICK_STRIPES)
		for (i = 0; i < f->geo.aus && pick_some(f, &p) == FTL_NONE; i += PICK_STRIPES)
			;
	else
		for (i = 0; i < f->geo.aus; i++)
			consider(f, &p, i);
	return p.stripe;
}

/* Lock held. */
static bool any_evacuate(const struct ftl *f)
{
	u32 i;

	for (i = 0; i < f->geo.aus; i++)
		if (f->stripe[i].state == FTL_S_CLOSED && ftl_load(&f->stripe[i].valid) &&
		    f->stripe[i].flags & FTL_SF_EVACUATE && !ftl_load(&f->stripe[i].stuck))
			return true;
	return false;
}

/*
 * What the victim holds of atomic writes is proved before it is copied: afterwards there
 * may be no room for that. If it cannot be proved it will not be erased either. So where
 * the copies go no proof is needed.
 */
static u32 choose_victim(struct ftl *f, bool gentle)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 victim = pick_victim(f, gentle);
	bool proved = victim == FTL_NONE || ftl_group_proved(f, victim);

	ftl_unlock(&f->lock, flags);
	if (proved)
		return victim;
	ftl_group_prove(f, false);
	flags = ftl_lock(&f->lock);
	victim = pick_victim(f, gentle);
	ftl_unlock(&f->lock, flags);
	return victim;
}

/* Collect one victim and free it; false: there is none, or the card is gone. */
static bool collect_one(struct ftl *f, bool gentle)
{
	u32 victim = choose_victim(f, gentle);

	if (victim == FTL_NONE || ftl_gc_collect(f, victim))
		return false;
	ftl_reclaim(f);
	ftl_prepare(f, f->ready_goal);
	ftl_pump(f);
	return true;
}

/* Has anything happened to the victim since the last step? */
static bool still_victim(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	const struct ftl_stripe *s = &f->stripe[f->gc_victim];
	bool still = f->gc_active && s->state == FTL_S_CLOSED && s->seq == f->gc_seq &&
		     ftl_load(&s->valid) && ftl_load(&s->valid) <= ftl_room(f, FTL_GC);

	f->gc_active = still;
	ftl_unlock(&f->lock, flags);
	return still;
}

/*
 * One step of a collection, so that other work gets its turn: choose a victim, or
 * copy some of it. False: there is nothing to collect, or the card is gone.
 */
static bool collect_some(struct ftl *f, bool gentle)
{
	unsigned long flags;
	u32 victim;
	int err;

	if (!still_victim(f)) {
		victim = choose_victim(f, gentle);
		flags = ftl_lock(&f->lock);
		pace_begin(f, victim);
		ftl_unlock(&f->lock, flags);
		if (victim == FTL_NONE || begin_victim(f, victim))
			return false;
	}
	err = copy_some(f, STEP_UNITS(f));
	if (err && err != -ENOSPC)
		return false;
	if (!err && f->gc_next < f->gc_count)
		return true;
	end_victim(f);
	ftl_reclaim(f);
	ftl_prepare(f, f->ready_goal);
	ftl_pump(f);
	return true;
}

/**
 * ftl_make_room() - room for units of an internal stream
 * @f: the instance
 * @stream: FTL_GC or FTL_META
 * @units: how many
 *
 * Context: worker, not from within a pipe.
 * Return: 0 or -errno.
 */
int ftl_make_room(struct ftl *f, enum ftl_stream stream, u64 units)
{
	unsigned long flags;
	bool sealed;
	u64 room;
	int err;

	for (;;) {
		flags = ftl_lock(&f->lock);
		sealed = ftl_frontier(f, stream)->unsealed <= 1;
		ftl_unlock(&f->lock, flags);
		err = sealed ? 0 : ftl_seal_all(f);
		if (err < 0 || ftl_load(&f->gone))
			return err < 0 ? err : -ENODEV;
		flags = ftl_lock(&f->lock);
		room = ftl_room(f, stream);
		ftl_unlock(&f->lock, flags);
		if (room >= units)
			break;
		if (!ftl_reclaim(f) && !collect_one(f, false) && ftl_parity_close(f) <= 0 &&
		    !get_desperate(f)) {
			f->gc_desperate = false;
			return ftl_load(&f->gone) ? -ENODEV : -ENOSPC;
		}
	}
	f->gc_desperate = false;
	err = ftl_prepare(f, 1 + (u32)(units / f->stripe_data));
	return err < 0 ? err : 0;
}

static bool writes_wait(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	bool wait = !ftl_list_empty(&f->waiting) && !f->paced && !ftl_user_room(f);

	ftl_unlock(&f->lock, flags);
	return wait;
}

/**
 * ftl_gc_step() - collect some if room is getting short
 * @f: the instance
 *
 * Context: worker.
 * Return: true when something was done.
 */
bool ftl_gc_step(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	bool starved = ftl_user_starved(f);
	bool low = room_is_short(f);
	bool evacuate = !low && any_evacuate(f), did = false;

	ftl_unlock(&f->lock, flags);
	f->gc_desperate &= starved;
	if (!ftl_load(&f->read_only) && (starved || low || evacuate))
		did = collect_some(f, !starved);
	if (!did || !low)
		pace_end(f);
	if (did || !starved || ftl_load(&f->read_only) || !writes_wait(f) ||
	    !ftl_user_starved(f) || ftl_reclaim(f) || ftl_load(&f->gone))
		return did;
	if (ftl_parity_close(f) > 0 || get_desperate(f))
		return true;
	ftl_set_read_only(f, "no stripe can be collected to make room");
	return false;
}

/**
 * ftl_force_gc() - collect the best victim now, giving up what cannot be read
 * @f: the instance
 *
 * Context: worker, not while ftl_run() runs.
 * Return: 0; -ENOENT: nothing to collect; -ENODEV.
 */
int ftl_force_gc(struct ftl *f)
{
	bool did;
	int err = ftl_late_finish(f);

	if (err)
		return err;
	f->gc_desperate = true;
	did = collect_one(f, false);
	f->gc_desperate = false;
	if (did || ftl_reclaim(f))
		return 0;
	return ftl_load(&f->gone) ? -ENODEV : -ENOENT;
}
