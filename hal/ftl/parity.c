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
#define MAX_GROUPS	128U	/* more have no use: two for each stream */
#define MAX_BANDS	32U

/**
 * ftl_can_have_parity() - can a medium carry a format with parity
 * @g: its geometry
 *
 * Context: any.
 */
bool ftl_can_have_parity(const struct media_geometry *g)
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

	g.xor_groups = on ? min(f->m->geo.xor_groups, MAX_GROUPS) : 0;
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

/* ---- rows ------------------------------------------------------------------------ */

/*
 * A row is complete when each append unit with data has its page, by a command that
 * has completed: only then will its sum never change again. Which page an append got
 * is in its completion, and those come in any order. So units are counted by the page
 * they got, in bands of a few rows, one atomic for each run of them. A failed append
 * leaves its band open for good: the rest of that stripe has to wait until it closes,
 * and everything in it has completed.
 */
static u32 band_of(const struct ftl *f, u32 unit)
{
	return unit % f->geo.pages >> f->band_shift;
}

static u32 band_end(const struct ftl *f, u32 band)
{
	return min((band + 1) << f->band_shift, f->geo.pages);
}

static u32 band_full(const struct ftl *f, const struct ftl_bank *b, u32 band)
{
	return (band_end(f, band) - (band << f->band_shift)) * b->members;
}

/**
 * ftl_rows_begin() - the medium sums the rows of a stripe from now on
 * @f: the instance
 * @s: the stripe, about to be written
 *
 * Context: lock held. There is a bank as long as the medium has sums to give.
 */
void ftl_rows_begin(struct ftl *f, u32 s)
{
	struct ftl_stripe *st = &f->stripe[s];
	struct ftl_bank *b = f->bank;

	while (b < &f->bank[f->banks - 1] && b->stripe != FTL_NONE)
		b++;
	st->parity = ftl_parity_die(f, s);
	st->flags = FTL_SF_SUMS;
	st->rows = f->geo.pages;
	st->bank = b - f->bank;
	b->stripe = s;
	b->members = st->size / f->geo.pages;
	b->next = 0;
	b->tries = 0;
	b->failed = false;
	memset(b->stored, 0, f->bands * sizeof(*b->stored));
	f->sums++;
}

/**
 * ftl_rows_stored() - units of a stripe have been appended
 * @f: the instance, with parity
 * @s: the stripe; they still count as under way in it
 * @unit: where they are
 * @n: how many
 *
 * Context: any, no lock needed; ftl_look() follows.
 */
void ftl_rows_stored(struct ftl *f, u32 s, const u32 *unit, u32 n)
{
	struct ftl_bank *b = &f->bank[f->stripe[s].bank];
	u32 i, run, band;

	for (i = 0; i < n; i += run) {
		band = band_of(f, unit[i]);
		for (run = 1; i + run < n && band_of(f, unit[i + run]) == band; run++)
			;
		/* All completions of a band come before the append that relies on them. */
		if (__atomic_add_fetch(&b->stored[band], run, __ATOMIC_ACQ_REL) ==
		    band_full(f, b, band))
			ftl_store(&f->rows_due, 1);
	}
}

/* Lock held: rows from the first on that will not change any more. */
static u32 rows_complete(const struct ftl *f, const struct ftl_bank *b)
{
	const struct ftl_stripe *st = &f->stripe[b->stripe];
	u32 band = b->next >> f->band_shift;

	if (st->state == FTL_S_CLOSED)
		return st->rows;
	while (band < f->bands && ftl_load_acquire(&b->stored[band]) == band_full(f, b, band))
		band++;
	return band ? band_end(f, band - 1) : 0;
}

/*
 * All that is to be written of a closed stripe is, or cannot be: then it stays in the
 * medium's memory until its data has been moved to where there is parity. Lock held.
 */
static void release(struct ftl *f, struct ftl_bank *b)
{
	struct ftl_stripe *st = &f->stripe[b->stripe];

	st->flags &= ~FTL_SF_SUMS;
	if (b->failed)
		st->flags |= FTL_SF_OLD_SUMS | FTL_SF_EVACUATE;
	else
		f->sums--;
	b->stripe = FTL_NONE;
	/* ftl_stripe_settle() left that to us. */
	if (!ftl_needs_sync(f) && st->flags & FTL_SF_UNSEALED) {
		st->flags &= ~FTL_SF_UNSEALED;
		f->front[st->stream].unsealed--;
	}
	ftl_kick_later(f);
}

struct claim {
	struct ftl_bank *bank;
	u32 stripe, parity, row, n;	/* n 0: nothing left, the sums may go */
	bool urgent;	/* the stripe has closed: who needs the next one may wait for that */
};

/* Lock held: is there anything to do for a bank now? It is then busy. */
static bool claim_bank(struct ftl *f, struct ftl_bank *b, struct claim *c)
{
	const struct ftl_stripe *st = &f->stripe[b->stripe];
	u32 rows;

	if (b->failed) {
		if (st->state == FTL_S_CLOSED)
			release(f, b);
		return false;
	}
	rows = rows_complete(f, b);
	if (rows <= b->next && st->state != FTL_S_CLOSED)
		return false;
	*c = (struct claim){
		.bank = b, .stripe = b->stripe, .parity = st->parity, .row = b->next,
		.n = rows > b->next ? min(rows - b->next, f->geo.max_units) : 0,
		.urgent = st->state == FTL_S_CLOSED,
	};
	b->busy = true;
	ftl_add(&f->rows_active, 1);
	return true;
}

static bool claim_next(struct ftl *f, u32 *i, struct claim *c)
{
	unsigned long flags = ftl_lock(&f->lock);
	bool found = false;

	for (; !found && *i < f->banks; ++*i) {
		struct ftl_bank *b = &f->bank[*i];

		found = b->stripe != FTL_NONE && !b->busy && claim_bank(f, b, c);
	}
	ftl_unlock(&f->lock, flags);
	return found;
}

/* No command for it: the worker has a reserve of them. */
static void unclaim(struct ftl *f, const struct claim *c)
{
	unsigned long flags = ftl_lock(&f->lock);

	c->bank->busy = false;
	ftl_unlock(&f->lock, flags);
	ftl_add(&f->rows_active, -1);
	ftl_store(&f->rows_due, 1);
	ftl_kick(f);
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

static void bank_done(struct media_cmd *cmd);

/* Of a bank one command at a time is under way: those of two might change places. */
static void start(struct ftl *f, const struct claim *c, struct media_cmd *cmd)
{
	u32 unit = ftl_au_index(f, c->stripe, c->parity) * f->geo.pages;

	if (c->n) {
		fill_tags(f, cmd, unit, c->row, c->n);
		ftl_cmd_init(cmd, MEDIA_APPEND, c->n);
		cmd->len = 0;
		cmd->flags = MEDIA_F_PARITY | (c->urgent ? 0 : MEDIA_F_LOW);
	} else {
		cmd->unit[0] = unit;
		ftl_cmd_init(cmd, MEDIA_FINISH, 1);
		cmd->flags = MEDIA_F_XOR;
	}
	cmd->done = bank_done;
	cmd->priv = c->bank;
	f->m->ops->submit(f->m, cmd);
}

/**
 * ftl_parity_pump() - write the parity of rows that are complete
 * @f: the instance
 * @worker: the caller is the worker, and may use its commands
 *
 * Context: any, no lock held.
 * Return: false: there was no command for some.
 */
bool ftl_parity_pump(struct ftl *f, bool worker)
{
	struct media_cmd *cmd = NULL;
	struct claim c;
	u32 i = 0, n;

	ftl_store(&f->rows_due, 0);
	/* Before the look at the rows; pairs with those who set it. */
	ftl_fence();
	if (ftl_load(&f->gone))
		return true;
	for (n = 0; claim_next(f, &i, &c); n++) {
		cmd = f->m->ops->get(f->m, 0, worker);
		if (!cmd) {
			unclaim(f, &c);
			break;
		}
		start(f, &c, cmd);
	}
	if (n)
		f->m->ops->commit(f->m, 0);
	return i == f->banks;
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

/* Lock held. */
static void rows_written(struct ftl *f, struct ftl_bank *b, const struct media_cmd *cmd)
{
	u32 unit = ftl_au_index(f, b->stripe, f->stripe[b->stripe].parity) * f->geo.pages;
	u32 stored = rows_stored(cmd, unit, b->next);

	ftl_note_volatile(f);
	b->next += stored;
	f->st.units_written_life += stored;
	f->st.parity_units_written += stored;
	b->failed = stored < cmd->n && cmd->status != MEDIA_GONE;
	if (cmd->status == MEDIA_PROGRAM_FAIL)
		f->au[ftl_unit_au(f, unit)] |= FTL_AU_RETIRE | FTL_AU_STOP;
	if (cmd->status == MEDIA_DIE_OFFLINE)
		ftl_die_silent(f, unit);
}

/* A card reset ended a FINISH: it may be repeated, unlike an append. */
static bool repeat(struct ftl *f, struct ftl_bank *b, struct media_cmd *cmd)
{
	if (cmd->op != MEDIA_FINISH || cmd->status != MEDIA_ABORTED || ftl_load(&f->gone) ||
	    b->tries++ >= FTL_ABORT_TRIES)
		return false;
	cmd->status = MEDIA_OK;
	cmd->failed = 0;
	f->m->ops->submit(f->m, cmd);
	f->m->ops->commit(f->m, 0);
	return true;
}

static void account(struct ftl *f, struct ftl_bank *b, const struct media_cmd *cmd)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 s = b->stripe;
	bool failed;

	b->busy = false;
	if (cmd->op == MEDIA_APPEND)
		rows_written(f, b, cmd);
	failed = b->failed;
	if (cmd->op == MEDIA_FINISH && cmd->status != MEDIA_GONE)
		release(f, b);
	ftl_unlock(&f->lock, flags);
	if (failed)
		ftl_say(f, FTL_WARN, "stripe %u: its parity cannot be written to die %u, its data moves to another stripe",
			s, f->stripe[s].parity);
}

static void bank_done(struct media_cmd *cmd)
{
	struct ftl_bank *b = cmd->priv;
	struct ftl *f = b->f;
	void (*wake)(void *ctx) = f->env.wake;
	void *ctx = f->env.ctx;

	if (cmd->status == MEDIA_GONE)
		ftl_set_gone(f);
	if (repeat(f, b, cmd))
		return;
	account(f, b, cmd);
	f->m->ops->put(f->m, cmd);
	ftl_store(&f->rows_due, 1);
	ftl_pump(f);
	/* After that the instance may be gone: ftl_parity_rest(). */
	__atomic_sub_fetch(&f->rows_active, 1, __ATOMIC_RELEASE);
	wake(ctx);
}

/* Of closed stripes, without those whose parity could not be written. */
static bool any_pending(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	bool any = false;
	u32 i;

	for (i = 0; i < f->banks && !any; i++)
		any = f->bank[i].stripe != FTL_NONE &&
		      f->stripe[f->bank[i].stripe].state == FTL_S_CLOSED;
	ftl_unlock(&f->lock, flags);
	return any;
}

static bool nothing_pending(void *arg)
{
	struct ftl *f = arg;

	return ftl_load(&f->rows_due) || !any_pending(f);
}

/**
 * ftl_parity_close() - wait for the parity of stripes that have closed
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
	bool did = false;

	if (!ftl_has_parity(f))
		return 0;
	for (; any_pending(f); did = true) {
		if (ftl_load(&f->gone))
			return -ENODEV;
		if (ftl_parity_pump(f, true)) {
			if (ftl_wait(f, nothing_pending, f))
				return -ENODEV;
			continue;
		}
		/* All of the worker's are in use as well, by parity itself. */
		if (!ftl_exec_get(f))
			return -ENODEV;
		ftl_exec_put(f);
	}
	return did;
}

static bool at_rest(void *arg)
{
	return !ftl_load_acquire(&((struct ftl *)arg)->rows_active);
}

/**
 * ftl_parity_rest() - wait until no command of ours is under way
 * @f: the instance, about to be destroyed
 *
 * Also when the card is gone: the environment then ends what is left.
 *
 * Context: worker; no request is under way.
 */
void ftl_parity_rest(struct ftl *f)
{
	ftl_wait(f, at_rest, f);
}

/**
 * ftl_parity_step() - rows for which there was no command
 * @f: the instance
 *
 * Context: worker.
 * Return: false: it makes no work for others.
 */
bool ftl_parity_step(struct ftl *f)
{
	if (ftl_load(&f->rows_due))
		ftl_parity_pump(f, true);
	return false;
}

static size_t counters(const struct ftl *f)
{
	return (size_t)f->banks * f->bands * sizeof(u32);
}

/**
 * ftl_parity_init() - count rows of as many stripes as the medium can sum
 * @f: the instance
 *
 * Context: worker; may sleep.
 * Return: 0 or -ENOMEM.
 */
int ftl_parity_init(struct ftl *f)
{
	const struct media_geometry *g = &f->m->geo;
	u32 i;

	if (!ftl_can_have_parity(g))
		return 0;
	f->banks = min(g->xor_groups, MAX_GROUPS);
	while (1U << f->band_shift < max(g->write_units, g->pages / MAX_BANDS))
		f->band_shift++;
	f->bands = DIV_ROUND_UP(g->pages, 1U << f->band_shift);
	f->bank = ftl_alloc(f, f->banks * sizeof(*f->bank), FTL_MEM_CORE);
	f->stored = ftl_alloc(f, counters(f), FTL_MEM_CORE);
	if (!f->bank || !f->stored)
		return -ENOMEM;
	for (i = 0; i < f->banks; i++) {
		f->bank[i].f = f;
		f->bank[i].stripe = FTL_NONE;
		f->bank[i].stored = f->stored + i * f->bands;
	}
	return 0;
}

void ftl_parity_free(struct ftl *f)
{
	ftl_free(f, f->stored, counters(f), FTL_MEM_CORE);
	ftl_free(f, f->bank, f->banks * sizeof(*f->bank), FTL_MEM_CORE);
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
	/* Of what recovery wrote: from here on nobody else touches stripes. */
	ftl_parity_rest(f);
	leave_dies(f);
	err = ftl_pipe_run(f, &look, &l);
	/* Once more: a torn page may have read well the first time. */
	l.next = 0;
	if (!err && !f->rec.clean)
		err = ftl_pipe_run(f, &look, &l);
	l = (struct look){ .sums = true };
	if (!err)
		err = ftl_pipe_run(f, &look, &l);
	return err ? err : ftl_parity_settle(f);
}

/**
 * ftl_parity_settle() - which stripes are free is known
 * @f: the instance
 *
 * Context: attach; worker, when the map has come later than that.
 * Return: 0 or -ENODEV.
 */
int ftl_parity_settle(struct ftl *f)
{
	if (!ftl_has_parity(f) || f->rec.clean || f->inspect)
		return 0;
	return erase_free(f);
}

static bool any_free_sums(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	bool any = false;
	u32 s;

	for (s = 0; !any && f->sums + FTL_SUMS_KEPT >= f->geo.xor_groups && s < f->geo.aus; s++)
		any = f->stripe[s].state == FTL_S_FREE &&
		      f->stripe[s].flags & FTL_SF_OLD_SUMS;
	ftl_unlock(&f->lock, flags);
	return any;
}

/**
 * ftl_sums_step() - free stripes must not keep the medium's sums from others
 * @f: the instance
 *
 * They have them until they are erased, and which free stripe is erased next depends on
 * wear alone: writes could wait for ever.
 *
 * Context: worker.
 * Return: true when there were any.
 */
bool ftl_sums_step(struct ftl *f)
{
	if (!ftl_has_parity(f) || !any_free_sums(f) || erase_free(f))
		return false;
	ftl_pump(f);
	return true;
}
