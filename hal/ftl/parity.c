// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parity: one append unit of each stripe holds, page by page, the XOR of the
 * others' pages of the same number.
 *
 * Owns: which append unit that is, when it is written, how a unit is computed from
 * its row. Does not know: how the medium comes by its sums, who needs the unit.
 *
 * The sums are the medium's (MEDIA_F_XOR): what the host could compute may differ
 * from what was stored. While a stripe is written they are in the medium's memory; when
 * it has closed they are appended to its parity append unit, and the stripe counts
 * as sealed only when that is done. After a power cut a stripe that was not so far
 * has no parity on flash: it is collected before others.
 */
#include "ftl_priv.h"

#define MIN_DIES	3
#define MIN_GROUPS	(FTL_SUMS_KEPT + 3)

/**
 * ftl_parity_possible() - can a medium carry a format with parity
 * @g: its geometry
 *
 * Context: any.
 */
bool ftl_parity_possible(const struct media_geometry *g)
{
	return g->dies >= MIN_DIES && g->xor_groups >= MIN_GROUPS;
}

/**
 * ftl_set_parity() - the format has parity, or has not
 * @f: the instance
 * @on: which; f->geo.xor_groups tells from now on
 *
 * Context: attach, format; before stripes are sized.
 */
void ftl_set_parity(struct ftl *f, bool on)
{
	struct media_geometry g = f->geo;

	g.xor_groups = on ? f->m->geo.xor_groups : 0;
	ftl_set_shape(f, &g);
}

static bool au_good(const struct ftl *f, u32 s, u32 die)
{
	return !(f->au[ftl_au_index(f, s, die)] & (FTL_AU_BAD | FTL_AU_SYSTEM));
}

/**
 * ftl_stripe_size() - units of a stripe that frontiers may fill
 * @f: the instance
 * @s: stripe
 *
 * With parity a stripe of one good append unit has none: nothing could protect it.
 *
 * Context: lock held or worker.
 */
u32 ftl_stripe_size(const struct ftl *f, u32 s)
{
	u32 d, n = 0;

	for (d = 0; d < f->geo.dies; d++)
		n += au_good(f, s, d);
	if (ftl_has_parity(f) && n)
		n--;
	return n * f->geo.pages;
}

/**
 * ftl_parity_die() - where the parity of a stripe goes
 * @f: the instance
 * @s: a stripe with a good append unit
 *
 * Rotates with the number of the stripe, so that reads of data load all dies alike.
 *
 * Context: lock held or worker.
 */
u32 ftl_parity_die(const struct ftl *f, u32 s)
{
	u32 i, die = s % f->geo.dies;

	for (i = 0; i < f->geo.dies && !au_good(f, s, die); i++)
		die = die + 1 < f->geo.dies ? die + 1 : 0;
	return die;
}

/**
 * ftl_held_parity() - would an append unit that cannot be asked have held parity?
 * @f: the instance, append units reported
 * @s: stripe
 * @die: a die that does not answer
 *
 * If it was bad it was passed over, and holds nothing either.
 *
 * Context: attach.
 */
bool ftl_held_parity(const struct ftl *f, u32 s, u32 die)
{
	u32 i, d = s % f->geo.dies;

	for (i = 0; i < f->geo.dies && d != die && !au_good(f, s, d); i++)
		d = d + 1 < f->geo.dies ? d + 1 : 0;
	return d == die;
}

/* ---- closing ------------------------------------------------------------------ */

static u32 next_pending(struct ftl *f, u32 from)
{
	unsigned long flags = ftl_lock(&f->lock);

	while (from < f->geo.aus && (f->stripe[from].state != FTL_S_CLOSED ||
				     !(f->stripe[from].flags & FTL_SF_SUMS)))
		from++;
	ftl_unlock(&f->lock, flags);
	return from;
}

static void fill_tags(struct ftl *f, struct media_cmd *cmd, u32 unit, u32 row, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		struct fio_parity_tag *tag = (struct fio_parity_tag *)&cmd->tag[i];

		cmd->unit[i] = unit;
		ftl_tag_fill(f, &cmd->tag[i], FIO_TAG_PARITY, 0, 0, unit);
		tag->row = cpu_to_le32(row + i);
	}
}

/* Units at the front that went to the rows they are for. */
static u32 rows_stored(const struct media_cmd *cmd, u32 unit, u32 row)
{
	u64 failed = cmd->status && !cmd->failed ? ~0ULL : cmd->failed;
	u32 i;

	for (i = 0; i < cmd->n; i++)
		if (failed >> i & 1 || cmd->unit[i] != unit + row + i)
			break;
	return i;
}

/* Rows @row and up; returns how many were stored, or -errno. */
static int write_rows(struct ftl *f, u32 s, u32 row)
{
	u32 unit = ftl_au_index(f, s, f->stripe[s].parity) * f->geo.pages;
	u32 n = min(f->stripe[s].rows - row, f->geo.max_units), stored;
	struct media_cmd *cmd = ftl_exec_get(f);
	unsigned long flags;
	int err;

	if (!cmd)
		return -ENODEV;
	fill_tags(f, cmd, unit, row, n);
	ftl_cmd_init(cmd, MEDIA_APPEND, n);
	cmd->len = 0;
	cmd->flags = MEDIA_F_PARITY;
	err = ftl_exec(f);
	stored = rows_stored(cmd, unit, row);
	flags = ftl_lock(&f->lock);
	if (!ftl_load(&f->m->durable))
		ftl_add(&f->volatile_gen, 1);
	f->st.units_written_life += stored;
	f->st.parity_units_written += stored;
	if (err == -EIO && cmd->status == MEDIA_PROGRAM_FAIL)
		f->au[ftl_unit_au(f, unit)] |= FTL_AU_RETIRE | FTL_AU_STOP;
	ftl_unlock(&f->lock, flags);
	ftl_exec_put(f);
	return err == -ENODEV || stored == n ? (err == -ENODEV ? err : (int)n) : -EIO;
}

/* The medium may forget the sums of a stripe. */
static int end_sums(struct ftl *f, u32 s)
{
	struct media_cmd *cmd = ftl_exec_get(f);
	int err;

	if (!cmd)
		return -ENODEV;
	cmd->unit[0] = ftl_au_index(f, s, f->stripe[s].parity) * f->geo.pages;
	ftl_cmd_init(cmd, MEDIA_FINISH, 1);
	cmd->flags = MEDIA_F_XOR;
	err = ftl_exec(f);
	ftl_exec_put(f);
	return err == -ENODEV ? err : 0;
}

/*
 * What could not be written stays in the medium's memory until its data has been
 * moved to where there is parity. Lock held.
 */
static void closed(struct ftl *f, u32 s, bool failed)
{
	struct ftl_stripe *st = &f->stripe[s];

	st->flags &= ~FTL_SF_SUMS;
	if (failed) {
		st->flags |= FTL_SF_OLD_SUMS | FTL_SF_EVACUATE;
		ftl_kick_later(f);
	} else {
		f->sums--;
	}
	/* ftl_stripe_settle() left that to us. */
	if (!ftl_needs_sync(f) && st->flags & FTL_SF_UNSEALED) {
		st->flags &= ~FTL_SF_UNSEALED;
		f->front[st->stream].unsealed--;
	}
}

static int close_one(struct ftl *f, u32 s)
{
	struct ftl_stripe *st = &f->stripe[s];
	unsigned long flags;
	u32 row = 0;
	int n = 0, err = 0;

	while (n >= 0 && row < st->rows) {
		n = write_rows(f, s, row);
		row += n > 0 ? n : 0;
	}
	if (n >= 0)
		err = end_sums(f, s);
	if (err || n == -ENODEV)
		return -ENODEV;
	if (n < 0)
		ftl_say(f, FTL_WARN, "stripe %u: its parity cannot be written to die %u, its data moves to another stripe",
			s, st->parity);
	flags = ftl_lock(&f->lock);
	closed(f, s, n < 0);
	ftl_unlock(&f->lock, flags);
	return 0;
}

/**
 * ftl_parity_close() - write the parity of stripes that have closed
 * @f: the instance
 *
 * Also of one of which nothing is needed any more: until it is erased, a recovery
 * with a die missing must be able to see that.
 *
 * Context: worker, not from within a pipe.
 * Return: 1: there was some to write; 0; -ENODEV.
 */
int ftl_parity_close(struct ftl *f)
{
	u32 s, n = 0;
	int err = 0;

	if (!ftl_has_parity(f))
		return 0;
	for (s = next_pending(f, 0); !err && s < f->geo.aus; s = next_pending(f, s + 1)) {
		err = close_one(f, s);
		n++;
	}
	return err ? err : !!n;
}

/* ---- what attach finds ---------------------------------------------------------- */

/*
 * Does the append unit with the parity of a closed stripe reach as far as the others?
 * A cut may also have taken pages of those that are in it.
 */
static bool long_enough(const struct ftl *f, u32 s, u32 parity)
{
	u8 cut = f->rec.clean ? 0 : FTL_AU_SUSPECT | FTL_AU_OPENED;
	u32 d, at = ftl_au_index(f, s, parity);

	if (f->au[at] & (FTL_AU_SUSPECT | FTL_AU_ERASED))
		return false;
	for (d = 0; d < f->geo.dies; d++) {
		u32 au = ftl_au_index(f, s, d);

		if (au_good(f, s, d) && (f->au[au] & cut || f->au_wp[au] > f->au_wp[at]))
			return false;
	}
	return true;
}

struct look {
	u32 next;
	bool sums;	/* look for sums in the medium, else for parity on flash */
};

/* What a cut may have torn. Its sum is asked for at any page. */
static u32 last_page(const struct ftl *f, u32 au)
{
	return au * f->geo.pages + (f->au_wp[au] ? f->au_wp[au] - 1 : 0);
}

/* For parity: at closed stripes. For sums: at those that have none, and at free ones. */
static bool to_look(const struct ftl_stripe *st, bool sums)
{
	if (st->state == FTL_S_CLOSED)
		return !sums || st->flags & FTL_SF_EVACUATE;
	return sums && st->state == FTL_S_FREE;
}

static bool look_fill(struct ftl *f, struct ftl_slot *slot, void *arg)
{
	struct look *l = arg;
	u32 n = 0;

	for (; l->next < f->geo.aus && n < f->geo.max_units; l->next++) {
		const struct ftl_stripe *st = &f->stripe[l->next];

		if (!to_look(st, l->sums))
			continue;
		slot->old[n] = l->next;
		slot->cmd->unit[n++] = last_page(f, ftl_au_index(f, l->next,
								 ftl_parity_die(f, l->next)));
	}
	if (!n)
		return false;
	ftl_cmd_init(slot->cmd, MEDIA_READ, n);
	slot->cmd->flags = l->sums ? MEDIA_F_PARITY : 0;
	return true;
}

static int look_reap(struct ftl *f, struct ftl_slot *slot, void *arg)
{
	const struct look *l = arg;
	u64 failed = slot->cmd->status && !slot->cmd->failed ? ~0ULL : slot->cmd->failed;
	u32 i;

	for (i = 0; i < slot->cmd->n; i++) {
		const struct fio_tag *tag = &slot->cmd->tag[i];
		u32 s = slot->old[i], die = ftl_unit_die(f, slot->cmd->unit[i]);
		bool found = !(failed >> i & 1);

		if (l->sums && found) {
			f->stripe[s].flags |= FTL_SF_OLD_SUMS;
			f->sums++;
		} else if (!l->sums && (!found || tag->type != FIO_TAG_PARITY ||
					le32_to_cpu(tag->media_id) != f->media_id ||
					!long_enough(f, s, die))) {
			f->stripe[s].flags |= FTL_SF_EVACUATE;
		}
	}
	return slot->cmd->status == MEDIA_GONE ? -ENODEV : 0;
}

/*
 * Free stripes with sums: an earlier life did not come to end them. Erased they are
 * out of the way of a recovery that would ask for their parity, and end them.
 */
static int erase_free(struct ftl *f)
{
	u32 s;
	int err = 0;

	for (s = 0; err != -ENODEV && s < f->geo.aus; s++)
		if (f->stripe[s].state == FTL_S_FREE && f->stripe[s].flags & FTL_SF_OLD_SUMS) {
			ftl_heap_drop(f, s);
			err = ftl_erase_stripe(f, s);
			if (f->stripe[s].state == FTL_S_FREE)
				ftl_heap_put(f, &f->free_heap, s);
		}
	return err == -ENODEV ? err : 0;
}

/* Dies that did not answer at attach: what they hold moves to the others. */
static void leave_dies(struct ftl *f)
{
	u32 s, d;

	for (d = 0; d < f->geo.dies; d++) {
		for (s = 0; s < f->geo.aus; s++)
			if (f->au[ftl_au_index(f, s, d)] & FTL_AU_OFFLINE)
				f->stripe[s].flags |= FTL_SF_EVACUATE;
		if (!(f->au[d] & FTL_AU_OFFLINE))
			continue;
		f->lost_dies[d >> 6] |= BIT_ULL(d & 63);
		ftl_media_event(f, FTL_EV_DIE_OFFLINE, d * f->geo.pages);
	}
}

/**
 * ftl_parity_attach() - which stripes are not protected
 * @f: the instance, stripes sorted, append units reported
 *
 * Those are collected first. The medium's sums may protect them until then.
 *
 * Context: attach.
 * Return: 0 or -ENODEV.
 */
int ftl_parity_attach(struct ftl *f)
{
	static const struct ftl_pipe look = { look_fill, look_reap };
	struct look l = { 0 };
	int err;

	if (!ftl_has_parity(f))
		return 0;
	leave_dies(f);
	err = ftl_pipe_run(f, &look, &l);
	/* Once more: a torn page may have read well the first time. */
	l.next = 0;
	if (!err && !f->rec.clean)
		err = ftl_pipe_run(f, &look, &l);
	l = (struct look){ .sums = true };
	if (!err)
		err = ftl_pipe_run(f, &look, &l);
	if (!err && !f->rec.clean && !f->inspect)
		err = erase_free(f);
	return err;
}
