// SPDX-License-Identifier: GPL-2.0-only
/*
 * Units that cannot be read are computed from their rows.
 *
 * Owns: the computation and its proof, requests that wait for it, what follows when
 * a die stops answering. Does not know: how parity came to be (parity.c), how data is
 * moved (gc.c).
 *
 * Nothing of the instance says where the parity of a row is: the page says so
 * itself. So a computation needs no state that could be wrong: it reads the row, and
 * the count in the parity page, or in the medium's sums while there is none, says
 * whether one page is missing, and only one; the CRC says that it came out right.
 *
 * Reads that need it are rare: they go to the worker.
 */
#include "ftl_priv.h"

#define TRIES	8	/* while appends to the row are under way */

/* ---- computing ---------------------------------------------------------------- */

/**
 * struct row - a row being summed up
 * @unit: the page that is missing
 * @seq: stripe_seq of the pages that count, or of the last one that was seen
 * @fixed: the former
 * @mixed: pages with different ones were seen
 * @found: there is parity, or the medium's sum
 * @par: its tag
 * @members: pages that are not parity
 * @tag: XOR of their tags
 */
struct row {
	u32 unit;
	u64 seq;
	bool fixed, mixed, found;
	u32 members;
	struct fio_parity_tag par;
	u64 tag[FIO_MEDIA_TAG / sizeof(u64)];
};

static void mix(u64 *to, const void *from, u32 bytes)
{
	const u64 *p = from;
	u32 i;

	for (i = 0; i < bytes / sizeof(u64); i++)
		to[i] ^= p[i];
}

static void add_page(struct ftl *f, struct row *r, const void *data, const struct fio_tag *tag)
{
	u64 seq = le64_to_cpu(tag->stripe_seq);

	if (!ftl_crc_ok(data, tag) || le32_to_cpu(tag->media_id) != f->media_id)
		return;
	if (r->fixed && seq != r->seq)
		return;
	if (!r->fixed && (r->members || r->found))
		r->mixed |= seq != r->seq;
	r->seq = seq;
	if (tag->type == FIO_TAG_PARITY) {
		/* A die that was missing for a while may have one of an earlier life. */
		if (!r->found || ftl_seq_after(seq, le64_to_cpu(r->par.stripe_seq)))
			memcpy(&r->par, tag, sizeof(r->par));
		r->found = true;
	} else {
		mix(r->tag, tag, FIO_MEDIA_TAG);
		r->members++;
	}
	mix((u64 *)f->sum, data, FIO_MEDIA_UNIT);
}

/* The retry levels for all: those that were good are so at the next level. */
static int read_pages(struct ftl *f, struct media_cmd *cmd, u32 n, u8 flags)
{
	u32 level;
	int err = -ENODATA;

	for (level = 0; err == -ENODATA && level <= f->geo.read_retries; level++) {
		ftl_cmd_init(cmd, MEDIA_READ, n);
		cmd->buf = &f->pslot.buf;
		cmd->flags = flags;
		cmd->retry = level;
		err = ftl_slot_exec(f, &f->pslot);
	}
	return err == -ENODEV ? err : 0;
}

static u32 list_row(const struct ftl *f, const struct row *r, u32 *die, u32 *unit)
{
	u32 s = ftl_unit_stripe(f, r->unit), page = r->unit % f->geo.pages, n = 0;

	for (; *die < f->geo.dies && n < f->geo.max_units; ++*die) {
		u32 au = ftl_au_index(f, s, *die);

		if (au != ftl_unit_au(f, r->unit) && !(f->au[au] & FTL_AU_SYSTEM))
			unit[n++] = au * f->geo.pages + page;
	}
	return n;
}

static int read_row(struct ftl *f, struct row *r)
{
	u32 die = 0, i, n;
	int err = 0;

	memset(f->sum, 0, FIO_MEDIA_UNIT);
	while (!err && die < f->geo.dies) {
		struct media_cmd *cmd = ftl_slot_begin(f, &f->pslot);
		u64 failed;

		if (!cmd)
			return -ENODEV;
		n = list_row(f, r, &die, cmd->unit);
		err = n ? read_pages(f, cmd, n, 0) : 0;
		failed = cmd->status && !cmd->failed ? ~0ULL : cmd->failed;
		for (i = 0; !err && i < n; i++)
			if (!(failed >> i & 1))
				add_page(f, r, (u8 *)f->pslot.buf.va + i * FIO_MEDIA_UNIT,
					 &cmd->tag[i]);
		ftl_slot_end(f, &f->pslot);
	}
	return err;
}

/* No parity page: the medium may still have the sum of the row. */
static int read_sum(struct ftl *f, struct row *r)
{
	struct media_cmd *cmd = ftl_slot_begin(f, &f->pslot);
	int err;

	if (!cmd)
		return -ENODEV;
	cmd->unit[0] = r->unit;
	err = read_pages(f, cmd, 1, MEDIA_F_PARITY);
	if (!err && cmd->status == MEDIA_OK) {
		memcpy(&r->par, &cmd->tag[0], sizeof(r->par));
		r->par.media_id = cpu_to_le32(f->media_id);
		/* The only page of its row is its sum. */
		if (r->members || r->fixed)
			r->par.stripe_seq = cpu_to_le64(r->seq);
		mix((u64 *)f->sum, f->pslot.buf.va, FIO_MEDIA_UNIT);
		r->found = true;
	}
	ftl_slot_end(f, &f->pslot);
	return err;
}

/* The tag of the missing page: what the sum has and the others do not. */
static void make_tag(const struct row *r, struct fio_tag *tag)
{
	const struct fio_tag *others = (const struct fio_tag *)r->tag;
	const struct fio_parity_tag *par = &r->par;

	memset(tag, 0, sizeof(*tag));
	tag->lba = par->lba ^ others->lba;
	tag->seq = par->seq ^ others->seq;
	tag->stripe_seq = par->stripe_seq;
	tag->media_id = par->media_id;
	tag->type = par->unit_type ^ others->type;
	tag->stream = par->unit_stream ^ others->stream;
	tag->flags = par->flags ^ others->flags;
	tag->group = par->group ^ others->group;
	tag->group_index = par->group_index ^ others->group_index;
	tag->group_len = par->group_len ^ others->group_len;
	tag->interval = par->interval ^ others->interval;
	tag->clock = par->clock ^ others->clock;
	tag->crc = par->unit_crc ^ others->crc;
}

static int sum_up(struct ftl *f, struct row *r)
{
	int err = read_row(f, r);

	/* What is left of an earlier life does not count. */
	if (!err && r->mixed && r->found) {
		u64 seq = le64_to_cpu(r->par.stripe_seq);

		*r = (struct row){ .unit = r->unit, .seq = seq, .fixed = true };
		err = read_row(f, r);
	}
	return err || r->found ? err : read_sum(f, r);
}

static bool summed(struct ftl *f, const struct ftl_stripe *st)
{
	unsigned long flags = ftl_lock(&f->lock);
	bool yes = st->flags & FTL_SF_SUMS;

	ftl_unlock(&f->lock, flags);
	return yes;
}

/*
 * Attach: was the stripe left before it came to this row? Its parity append unit is
 * closed when all rows in use have their parity, unless a program failed in it: then
 * the medium has the sums of the others, if it keeps them through a cut.
 */
static bool never_used(const struct ftl *f, u32 unit)
{
	u32 s = ftl_unit_stripe(f, unit), au = ftl_au_index(f, s, ftl_parity_die(f, s));

	return f->au_wp && ftl_load(&f->m->durable) && f->au_wp[au] <= unit % f->geo.pages &&
	       !(f->au[au] & (FTL_AU_BAD | FTL_AU_ERASED | FTL_AU_OPENED | FTL_AU_SUSPECT));
}

static int compute(struct ftl *f, u32 unit, struct fio_tag *tag)
{
	const struct ftl_stripe *st = &f->stripe[ftl_unit_stripe(f, unit)];
	struct row r = { .unit = unit };
	bool sums = summed(f, st);
	u32 count;
	int err;

	if (ftl_load(&st->state) == FTL_S_OPEN) {
		r.fixed = true;
		r.seq = st->seq;
	}
	err = sum_up(f, &r);
	if (err)
		return err;
	if (!r.found && !r.members && never_used(f, unit))
		return -ENOENT;
	/* Its parity may have been written, and the sums ended, after we read the row. */
	if (!r.found)
		return sums ? -EAGAIN : -ENODATA;
	count = le16_to_cpu(r.par.count);
	if (count != r.members + 1)
		return count == r.members ? -ENOENT : -EAGAIN;
	make_tag(&r, tag);
	return ftl_crc_ok(f->sum, tag) ? 0 : -ENODATA;
}

/**
 * ftl_rebuild() - compute a unit from the others of its row
 * @f: the instance
 * @unit: the unit, which cannot be read
 * @tag: receives its tag
 *
 * Its data is in f->sum, until the next call.
 *
 * Context: worker; xslot may be in use.
 * Return: 0; -ENOENT: nothing was stored there; -ENODATA: it cannot be computed;
 * -ENODEV.
 */
int ftl_rebuild(struct ftl *f, u32 unit, struct fio_tag *tag)
{
	u32 i;
	int err = -ENODATA;

	if (!ftl_has_parity(f))
		return err;
	for (i = 0; i < TRIES; i++) {
		err = compute(f, unit, tag);
		if (err != -EAGAIN)
			break;
	}
	if (!err)
		f->st.units_rebuilt++;
	return err == -EAGAIN ? -ENODATA : err;
}

/**
 * ftl_fetch() - read a unit into xslot.buf and its tag, or compute it
 * @f: the instance
 * @unit: where
 *
 * Context: worker, between ftl_exec_get() and ftl_exec_put().
 * Return: 0, -ENODEV, or the error of the read if it cannot be computed.
 */
int ftl_fetch(struct ftl *f, u32 unit)
{
	struct media_cmd *cmd = f->xslot.cmd;
	int ret, err = ftl_exec_read(f, unit, true);

	if (!err || err == -ENODEV || cmd->status == MEDIA_ERASED)
		return err;
	ret = ftl_rebuild(f, unit, &cmd->tag[0]);
	if (ret)
		return ret == -ENODEV ? ret : err;
	memcpy(f->xslot.buf.va, f->sum, FIO_MEDIA_UNIT);
	return 0;
}

/* ---- requests ----------------------------------------------------------------- */

/* Could a unit that ended so be computed? Any context. */
bool ftl_rebuildable(const struct ftl *f, u8 status)
{
	return ftl_has_parity(f) &&
	       (status == MEDIA_UNCORRECTABLE || status == MEDIA_CRC ||
		status == MEDIA_DIE_OFFLINE || status == MEDIA_ERASED);
}

/**
 * ftl_rebuild_later() - have the worker compute what a request lacks, or read it again
 * @f: the instance
 * @wait: of its struct ftl_read, or the link of its struct ftl_rmw
 * @rmw: the latter. It must not have an epoch pinned: the worker may wait for that
 *
 * Context: any.
 */
void ftl_rebuild_later(struct ftl *f, struct ftl_link *wait, bool rmw)
{
	unsigned long flags = ftl_lock(&f->lock);

	ftl_list_add_tail(wait, rmw ? &f->lost_rmw : &f->lost);
	ftl_unlock(&f->lock, flags);
	ftl_kick(f);
}

static struct ftl_link *take(struct ftl *f, struct ftl_link *list)
{
	unsigned long flags = ftl_lock(&f->lock);
	struct ftl_link *l = list->next;

	if (l != list)
		ftl_list_del(l);
	ftl_unlock(&f->lock, flags);
	return l == list ? NULL : l;
}

/* One page of a stripe is weak: its data goes elsewhere before more are. */
static void move_away(struct ftl *f, u32 unit)
{
	unsigned long flags = ftl_lock(&f->lock);

	ftl_evacuate(f, ftl_unit_stripe(f, unit));
	ftl_unlock(&f->lock, flags);
}

static int check_tag(const struct ftl *f, const struct fio_tag *tag, u64 lu)
{
	if (tag->type != FIO_TAG_DATA || le64_to_cpu(tag->lba) != lu ||
	    le32_to_cpu(tag->media_id) != f->media_id)
		return -EIO;
	return le16_to_cpu(tag->flags) & FIO_TAG_LOST ? -ENODATA : 0;
}

/* Into xslot.buf, from wherever the unit is by now. */
static int fetch_unit(struct ftl *f, u64 lu)
{
	u32 unit = ftl_lookup(f, lu);
	int err;

	if (unit == FIO_UNIT_NONE) {
		memset(f->xslot.buf.va, 0, FIO_MEDIA_UNIT);
		return 0;
	}
	if (!ftl_exec_get(f))
		return -ENODEV;
	err = ftl_fetch(f, unit);
	if (!err)
		err = check_tag(f, &f->xslot.cmd->tag[0], lu);
	ftl_exec_put(f);
	if (!err)
		move_away(f, unit);
	else
		ftl_add(&f->st.media_errors, 1);
	return err;
}

static int fill_unit(struct ftl *f, struct ftl_io *io, u32 i)
{
	struct ftl_read *r = ftl_priv_of(io, ftl_read);
	u32 off = i ? i * FIO_MEDIA_UNIT - r->head : 0;
	u32 skip = i ? 0 : r->head;
	int err = fetch_unit(f, r->lu + i);

	if (!err)
		f->m->ops->io_copy(f->m, io, off, (u8 *)f->xslot.buf.va + skip,
				   min(FIO_MEDIA_UNIT - skip, r->bytes - off), true);
	return err;
}

static void end_read(struct ftl *f, struct ftl_io *io)
{
	struct ftl_read *r = ftl_priv_of(io, ftl_read);
	u32 i;
	int err = 0;

	for (i = 0; !err && i < r->units; i++)
		if (r->lost[i >> 6] >> (i & 63) & 1)
			err = ftl_load(&f->gone) ? -ENODEV : fill_unit(f, io, i);
	io->done(io, err);
}

static void end_rmw(struct ftl *f, struct ftl_rmw *r)
{
	struct ftl_write *w = ftl_priv_of(r->io, ftl_write);
	int err = ftl_load(&f->gone) ? -ENODEV : fetch_unit(f, w->lu + r->index);

	if (!err)
		memcpy(r->buf.va, f->xslot.buf.va, FIO_MEDIA_UNIT);
	ftl_rmw_rebuilt(f, r, err);
}

/**
 * ftl_rebuild_step() - end the requests that wait for units to be computed
 * @f: the instance
 *
 * Context: worker.
 * Return: true if there were any.
 */
bool ftl_rebuild_step(struct ftl *f)
{
	struct ftl_link *l;
	bool did = false;

	for (; (l = take(f, &f->lost)); did = true)
		end_read(f, ftl_io_of(container_of(l, struct ftl_read, wait)));
	/* Some may wait for that only: ftl_group_unsafe(). */
	if (!ftl_group_secure(f))
		return did;
	for (; (l = take(f, &f->lost_rmw)); did = true)
		end_rmw(f, container_of(l, struct ftl_rmw, link));
	return did;
}

/* ---- a die that is gone ------------------------------------------------------- */

/**
 * ftl_die_silent() - it seems that a die did not answer
 * @f: the instance
 * @unit: a unit of it
 *
 * A command has one status for all of its units: the worker asks the die itself.
 *
 * Context: any; ftl_pump() follows.
 */
void ftl_die_silent(struct ftl *f, u32 unit)
{
	u32 die = ftl_unit_die(f, unit);

	if (!ftl_has_parity(f) || ftl_load(&f->silent[die >> 6]) >> (die & 63) & 1)
		return;
	__atomic_fetch_or(&f->silent[die >> 6], BIT_ULL(die & 63), __ATOMIC_RELAXED);
	ftl_kick_later(f);
}

static bool answers(struct ftl *f, u32 die)
{
	struct media_cmd *cmd = ftl_exec_get(f);
	bool yes;

	if (!cmd)
		return true;
	cmd->unit[0] = die * f->geo.pages;
	ftl_cmd_init(cmd, MEDIA_REPORT, 1);
	ftl_exec(f);
	yes = cmd->status != MEDIA_DIE_OFFLINE &&
	      (cmd->status || cmd->au[0].state != MEDIA_AU_OFFLINE);
	ftl_exec_put(f);
	return yes;
}

static void lose_die(struct ftl *f, u32 die)
{
	unsigned long flags;
	u32 s;

	ftl_say(f, FTL_ERR, "die %u does not answer: reads of what it holds are computed from parity, and its data moves to the other dies",
		die);
	/* Those have rows with a hole: they move as well, and not when they are full. */
	ftl_leave_stripes(f);
	for (s = 0; s < f->geo.aus; s++) {
		flags = ftl_lock(&f->lock);
		ftl_au_lost(f, s, die);
		ftl_unlock(&f->lock, flags);
	}
	ftl_media_event(f, FTL_EV_DIE_OFFLINE, die * f->geo.pages);
	ftl_check_spare(f);
}

/**
 * ftl_die_step() - take dies that do not answer out of use
 * @f: the instance
 *
 * Context: worker.
 * Return: true if there was one.
 */
bool ftl_die_step(struct ftl *f)
{
	bool did = false;
	u32 die;

	for (die = 0; ftl_has_parity(f) && die < f->geo.dies; die++) {
		u64 bit = BIT_ULL(die & 63), *lost = &f->lost_dies[die >> 6];
		u64 seems = ftl_load(&f->silent[die >> 6]) | ftl_load(&f->die_offline[die >> 6]);

		if (!(seems & ~*lost & bit))
			continue;
		__atomic_fetch_and(&f->silent[die >> 6], ~bit, __ATOMIC_RELAXED);
		if (answers(f, die))
			continue;
		*lost |= bit;
		lose_die(f, die);
		did = true;
	}
	return did;
}
