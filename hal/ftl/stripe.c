// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stripes: the append units of one number on all dies, and their lives.
 *
 * Owns: states, valid counts, free space, erasing, the durability that must
 * come before an erase. Does not know: who is collected (gc.c), what is in them.
 *
 * CLOSED with nothing valid -> reclaim: readers gone, SYNC -> FREE -> erased
 * -> READY -> OPEN by a frontier -> full and all appends complete -> CLOSED.
 * Stale content stays on flash in a FREE stripe; recovery knows it by its
 * sequence numbers.
 */
#include "ftl_priv.h"

static void add_bad(struct ftl *f, u32 stripe, u32 die)
{
	u8 *au = &f->au[ftl_au_index(f, stripe, die)];
	struct ftl_stripe *s = &f->stripe[stripe];

	u32 size = s->size;

	if (*au & FTL_AU_BAD)
		return;
	*au |= FTL_AU_BAD;
	f->bad_aus++;
	s->size = ftl_stripe_size(f, stripe);
	f->usable_units -= size - s->size;
	if (s->state == FTL_S_FREE || s->state == FTL_S_READY)
		f->free_units -= size - s->size;
	if (!s->size && (s->state == FTL_S_FREE || s->state == FTL_S_READY)) {
		s->state = FTL_S_UNUSABLE;
		ftl_heap_drop(f, stripe);
	}
}

/**
 * ftl_au_lost() - an append unit is on a die that does not answer any more
 * @f: the instance
 * @s: its stripe
 * @die: its die
 *
 * Context: lock held.
 */
void ftl_au_lost(struct ftl *f, u32 s, u32 die)
{
	struct ftl_stripe *st = &f->stripe[s];

	if (st->state == FTL_S_OPEN)
		ftl_stop_au(f, s, die);
	add_bad(f, s, die);
	ftl_store(&st->stuck, 0);
	ftl_evacuate(f, s);
}

/**
 * ftl_stripe_init() - size a stripe from the append units it has
 * @f: the instance, ftl.au[] filled
 * @s: stripe
 *
 * Context: attach.
 */
void ftl_stripe_init(struct ftl *f, u32 s)
{
	struct ftl_stripe *st = &f->stripe[s];

	st->size = ftl_stripe_size(f, s);
	ftl_wear_count(f, s);
	f->usable_units += st->size;
	st->state = st->size ? FTL_S_CLOSED : FTL_S_UNUSABLE;
}

/* One more unit of a stripe is referred to. Any context. */
void ftl_stripe_get(struct ftl *f, u32 unit)
{
	ftl_add(&f->stripe[ftl_unit_stripe(f, unit)].valid, 1);
}

/* A unit is no longer referred to. Any context; who calls it looks at kicks. */
void ftl_stripe_put(struct ftl *f, u32 unit)
{
	struct ftl_stripe *s = &f->stripe[ftl_unit_stripe(f, unit)];

	if (unlikely(ftl_load(&s->stuck)))
		ftl_store(&s->stuck, 0);
	/* The count before the look at the state; pairs with ftl_stripe_settle(). */
	if (unlikely(!__atomic_sub_fetch(&s->valid, 1, __ATOMIC_ACQ_REL)) &&
	    ftl_load(&s->state) == FTL_S_CLOSED)
		ftl_kick_later(f);
}

/* Lock held: CLOSED to FREE, or what attach finds. */
void ftl_stripe_set_free(struct ftl *f, u32 s, u8 state)
{
	struct ftl_stripe *st = &f->stripe[s];

	if (st->flags & FTL_SF_FINISH)
		ftl_store(&f->unfinished, f->unfinished - 1);
	ftl_store(&st->state, state);
	st->flags &= FTL_SF_OLD_SUMS;
	ftl_store(&st->stuck, 0);
	f->free_units += st->size;
	if (state == FTL_S_FREE)
		ftl_heap_put(f, &f->free_heap, s);
	else if (state == FTL_S_READY)
		ftl_heap_put(f, &f->ready_heap, s);
}

/* Is everything written so far durable without doing anything? */
bool ftl_needs_sync(const struct ftl *f)
{
	return !ftl_load(&f->m->durable) || ftl_load(&f->volatile_gen) != ftl_load(&f->synced_gen);
}

/**
 * ftl_stripe_settle() - the last append of a full stripe may have completed
 * @f: the instance
 * @s: stripe
 *
 * Context: lock held.
 */
void ftl_stripe_settle(struct ftl *f, u32 s)
{
	struct ftl_stripe *st = &f->stripe[s];
	struct ftl_frontier *fr = &f->front[st->stream];

	if (st->state != FTL_S_OPEN || ftl_load_acquire(&st->inflight) || fr->stripe == s)
		return;
	ftl_store(&st->state, FTL_S_CLOSED);
	st->born = ftl_load(&f->hour);
	f->open_stripes--;
	if (st->flags & FTL_SF_SUMS) {
		ftl_store(&f->rows_due, 1);
	} else if (!ftl_needs_sync(f)) {
		st->flags &= ~FTL_SF_UNSEALED;
		fr->unsealed--;
	}
	ftl_kick_later(f);
}

/* One SYNC; what it covers is in *@gen, and atomic writes in *@groups. The worker. */
static int exec_sync(struct ftl *f, u64 *gen, u32 *groups, u8 *status)
{
	struct media_cmd *cmd = ftl_exec_get(f);
	unsigned long flags;
	int err;

	if (!cmd)
		return -ENODEV;
	flags = ftl_lock(&f->lock);
	*gen = ftl_load_acquire(&f->volatile_gen);
	*groups = f->group.unsynced;
	ftl_unlock(&f->lock, flags);
	ftl_cmd_init(cmd, MEDIA_SYNC, 0);
	err = ftl_exec(f);
	*status = cmd->status;
	ftl_exec_put(f);
	return err;
}

/**
 * ftl_sync() - everything completed so far is durable afterwards
 * @f: the instance
 *
 * Context: worker.
 * Return: 0 or -errno.
 */
int ftl_sync(struct ftl *f)
{
	unsigned long flags;
	u32 groups = 0;
	u8 status = 0;
	u64 gen = 0;
	int err;

	if (!ftl_needs_sync(f))
		return 0;
	err = exec_sync(f, &gen, &groups, &status);
	if (err && status == MEDIA_PROGRAM_FAIL)
		ftl_sync_failed(f);
	/* Every further SYNC fails as well, and writes would wait for one for ever. */
	if (err && status == MEDIA_DIE_OFFLINE)
		ftl_set_read_only(f, "flash did not take what the card had acknowledged");
	if (err)
		return err;
	flags = ftl_lock(&f->lock);
	ftl_store(&f->synced_gen, gen);
	ftl_store(&f->group.unsynced, f->group.unsynced - groups);
	ftl_unlock(&f->lock, flags);
	return 0;
}

/**
 * ftl_sync_rest() - durable is everything but what flash did not take
 * @f: the instance
 *
 * Context: worker.
 * Return: 0, also when SYNC fails with PROGRAM_FAIL (repair.c); or -errno.
 */
int ftl_sync_rest(struct ftl *f)
{
	int err = ftl_sync(f);

	return err == -EIO && ftl_load(&f->sync_broken) ? 0 : err;
}

/* Which closed stripes a SYNC that starts now will seal: marked by PINNED. */
static u32 mark_unsealed(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 i, n = 0;

	for (i = 0; i < f->geo.aus; i++) {
		struct ftl_stripe *s = &f->stripe[i];

		if (s->state != FTL_S_CLOSED ||
		    (s->flags & (FTL_SF_UNSEALED | FTL_SF_SUMS)) != FTL_SF_UNSEALED)
			continue;
		s->flags |= FTL_SF_PINNED;
		n++;
	}
	ftl_unlock(&f->lock, flags);
	return n;
}

static void unmark_unsealed(struct ftl *f, bool sealed)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 i;

	for (i = 0; i < f->geo.aus; i++) {
		struct ftl_stripe *s = &f->stripe[i];

		if (!(s->flags & FTL_SF_PINNED))
			continue;
		s->flags &= ~FTL_SF_PINNED;
		if (!sealed)
			continue;
		s->flags &= ~FTL_SF_UNSEALED;
		f->front[s->stream].unsealed--;
	}
	ftl_unlock(&f->lock, flags);
}

static bool any_unsealed(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 i, n = 0;

	for (i = 0; i < FTL_STREAMS; i++)
		n += f->front[i].unsealed;
	ftl_unlock(&f->lock, flags);
	return n;
}

/**
 * ftl_seal() - make the ends of closed stripes durable
 * @f: the instance
 *
 * Recovery takes the last pages of the two youngest stripes of each stream for
 * possibly torn, and no others: a frontier opens a stripe only while at most one
 * closed one of its stream is not sealed. Parity is part of that end; stripes that
 * wait for it are left for later.
 *
 * Context: worker.
 * Return: 1: sealed something; 0; or -errno.
 */
int ftl_seal(struct ftl *f)
{
	int err;

	if (!any_unsealed(f) || !mark_unsealed(f))
		return 0;
	/* What flash did not take is in no page, torn or not: nothing to seal there. */
	err = ftl_sync_rest(f);
	unmark_unsealed(f, !err);
	return err ? err : 1;
}

/**
 * ftl_seal_all() - the same for all closed stripes, once their parity is written
 * @f: the instance
 *
 * Context: worker, not from within a pipe.
 * Return: 1: sealed something; 0; or -errno.
 */
int ftl_seal_all(struct ftl *f)
{
	int did = ftl_parity_close(f), err = did < 0 ? did : ftl_seal(f);

	return err ? err : did;
}

/* Prepare an operation on the AUs of @stripe from die *@die on. */
static u32 list_aus(struct ftl *f, u32 stripe, u32 *die, u8 skip, u8 need, u32 *unit)
{
	u32 n = 0;

	for (; *die < f->geo.dies && n < f->geo.max_units; ++*die) {
		u8 au = f->au[ftl_au_index(f, stripe, *die)];

		if (au & skip || (au & need) != need)
			continue;
		unit[n++] = ftl_au_index(f, stripe, *die) * f->geo.pages;
	}
	return n;
}

static void au_failed(struct ftl *f, u32 unit, bool retire)
{
	u32 stripe = ftl_unit_stripe(f, unit), die = ftl_unit_die(f, unit);
	unsigned long flags = ftl_lock(&f->lock);

	add_bad(f, stripe, die);
	if (retire)
		f->au[ftl_au_index(f, stripe, die)] |= FTL_AU_RETIRE;
	f->st.erase_fails++;
	ftl_unlock(&f->lock, flags);
	ftl_say(f, FTL_WARN, "append unit %u of die %u cannot be erased, not used any more",
		stripe, die);
}

/* A reset has failed: which append units are to blame? */
static int judge_reset(struct ftl *f, const struct media_cmd *cmd)
{
	u64 failed = cmd->failed ? cmd->failed : ~0ULL;
	bool offline = cmd->status == MEDIA_DIE_OFFLINE;
	u32 i;

	/* What a dying or restarting card answers says nothing of them. */
	if (!offline && cmd->status != MEDIA_ERASE_FAIL && cmd->status != MEDIA_AU_STATE)
		return cmd->status == MEDIA_GONE ? -ENODEV : -EIO;
	for (i = 0; i < cmd->n; i++)
		if (failed >> i & 1)
			au_failed(f, cmd->unit[i], !offline);
	return 0;
}

/**
 * ftl_au_list_op() - RESET, RETIRE or FINISH append units of a stripe
 * @f: the instance
 * @stripe: stripe
 * @op: what to do; a failed reset makes an append unit bad
 * @need: only append units with all these FTL_AU_ flags
 * @skip: and none of these
 *
 * Context: worker.
 * Return: 0; -EIO: a reset did not happen; -ENODEV.
 */
int ftl_au_list_op(struct ftl *f, u32 stripe, enum media_op op, u8 need, u8 skip)
{
	u32 die = 0, n;
	int err = 0;

	skip |= FTL_AU_SYSTEM | (op == MEDIA_RETIRE ? 0 : FTL_AU_BAD);
	while (!err && die < f->geo.dies) {
		struct media_cmd *cmd = ftl_exec_get(f);

		if (!cmd)
			return -ENODEV;
		n = list_aus(f, stripe, &die, skip, need, cmd->unit);
		if (n) {
			ftl_cmd_init(cmd, op, n);
			err = ftl_exec(f);
			if (err == -EIO)
				err = op == MEDIA_RESET ? judge_reset(f, cmd) : 0;
		}
		ftl_exec_put(f);
	}
	return err;
}

static void clear_au_flags(struct ftl *f, u32 s, u8 mask)
{
	u32 d;

	for (d = 0; d < f->geo.dies; d++)
		f->au[ftl_au_index(f, s, d)] &= ~mask;
}

/**
 * ftl_retire_aus() - bad for good, after failed programs
 * @f: the instance
 * @s: stripe; nothing in it is needed
 *
 * Context: worker.
 */
void ftl_retire_aus(struct ftl *f, u32 s)
{
	unsigned long flags;
	u32 d, n = 0;

	for (d = 0; d < f->geo.dies; d++)
		n += !!(f->au[ftl_au_index(f, s, d)] & FTL_AU_RETIRE);
	if (!n)
		return;
	ftl_au_list_op(f, s, MEDIA_RETIRE, FTL_AU_RETIRE, 0);
	flags = ftl_lock(&f->lock);
	for (d = 0; d < f->geo.dies; d++)
		if (f->au[ftl_au_index(f, s, d)] & FTL_AU_RETIRE) {
			f->au[ftl_au_index(f, s, d)] &= ~FTL_AU_RETIRE;
			add_bad(f, s, d);
		}
	ftl_unlock(&f->lock, flags);
	ftl_say(f, FTL_WARN, "stripe %u: retired %u append units after failed programs", s, n);
	ftl_check_spare(f);
}

/**
 * ftl_erase_stripe() - FREE to READY
 * @f: the instance
 * @s: a FREE stripe
 *
 * Context: worker. Everything that made its content superfluous is durable.
 * Return: 0; -EIO: not erased, still FREE; -ENODEV.
 */
int ftl_erase_stripe(struct ftl *f, u32 s)
{
	u32 bad = f->bad_aus;
	unsigned long flags;
	int err = ftl_au_list_op(f, s, MEDIA_RESET, 0, 0);

	if (err)
		return err;
	if (f->bad_aus != bad) {
		/* Those that just failed: tell the medium's bad table. */
		ftl_au_list_op(f, s, MEDIA_RETIRE, FTL_AU_RETIRE | FTL_AU_BAD, 0);
		clear_au_flags(f, s, FTL_AU_RETIRE);
		ftl_check_spare(f);
	}
	flags = ftl_lock(&f->lock);
	clear_au_flags(f, s, FTL_AU_STOP | FTL_AU_SUSPECT | FTL_AU_OPENED | FTL_AU_ERASED);
	f->sums -= !!(f->stripe[s].flags & FTL_SF_OLD_SUMS);
	f->stripe[s].flags &= ~FTL_SF_OLD_SUMS;
	f->st.erases++;
	ftl_wear_erased(f, s);
	if (f->stripe[s].state == FTL_S_FREE) {
		ftl_store(&f->stripe[s].state, FTL_S_READY);
		ftl_heap_put(f, &f->ready_heap, s);
	}
	ftl_unlock(&f->lock, flags);
	return 0;
}

static u32 next_unfinished(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 s;

	for (s = 0; s < f->geo.aus; s++)
		if (f->stripe[s].state == FTL_S_CLOSED &&
		    (f->stripe[s].flags & (FTL_SF_FINISH | FTL_SF_SUMS)) == FTL_SF_FINISH)
			break;
	if (s < f->geo.aus) {
		f->stripe[s].flags &= ~FTL_SF_FINISH;
		ftl_store(&f->unfinished, f->unfinished - 1);
	}
	ftl_unlock(&f->lock, flags);
	return s;
}

/**
 * ftl_finish_step() - tell the medium which append units get nothing more
 * @f: the instance
 *
 * Those of stripes that were closed before they were full: they would count as
 * open until they are erased.
 *
 * Context: worker.
 * Return: true when there were any.
 */
bool ftl_finish_step(struct ftl *f)
{
	u32 s = ftl_load(&f->unfinished) ? next_unfinished(f) : f->geo.aus;

	if (s == f->geo.aus)
		return false;
	ftl_au_list_op(f, s, MEDIA_FINISH, 0, FTL_AU_SUSPECT);
	return true;
}

static u32 count_ready(const struct ftl *f)
{
	return ftl_load(&f->ready_heap.count);
}

static u32 next_free(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 s = ftl_wear_next_free(f);

	ftl_unlock(&f->lock, flags);
	return s;
}

static void still_free(struct ftl *f, u32 s)
{
	unsigned long flags = ftl_lock(&f->lock);

	if (f->stripe[s].state == FTL_S_FREE)
		ftl_heap_put(f, &f->free_heap, s);
	ftl_unlock(&f->lock, flags);
}

/**
 * ftl_prepare() - have erased stripes at hand
 * @f: the instance
 * @stripes: how many
 *
 * Context: worker.
 * Return: 1: erased something; 0: nothing to do or nothing free; -ENODEV.
 */
int ftl_prepare(struct ftl *f, u32 stripes)
{
	int err = 0, did = 0;
	u32 s;

	while (!err && count_ready(f) < stripes) {
		s = next_free(f);
		if (s == FTL_NONE)
			break;
		err = ftl_erase_stripe(f, s);
		if (err)
			still_free(f, s);
		did |= !err;
	}
	return err == -ENODEV ? err : did;
}

/* @proved: may its pages of atomic writes be erased? */
static u32 next_dead(const struct ftl *f, u32 from, bool proved)
{
	for (; from < f->geo.aus; from++) {
		const struct ftl_stripe *s = &f->stripe[from];

		if (s->state == FTL_S_CLOSED && !ftl_load(&s->valid) && s->size &&
		    !(s->flags & FTL_SF_SUMS) && ftl_group_proved(f, from) == proved)
			return from;
	}
	return FTL_NONE;
}

/* Those that cannot be proved now stay as they are. */
static void prove_dead(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 s = f->group.max ? next_dead(f, 0, false) : FTL_NONE;

	ftl_unlock(&f->lock, flags);
	if (s != FTL_NONE)
		ftl_group_prove(f, false);
}

/* Nothing refers to them since before the grace period and the sync. */
static void release_marked(struct ftl *f)
{
	unsigned long flags;
	bool marked;
	u32 i;

	for (i = 0; i < f->geo.aus; i++) {
		flags = ftl_lock(&f->lock);
		marked = f->stripe[i].flags & FTL_SF_PINNED;
		ftl_unlock(&f->lock, flags);
		if (!marked)
			continue;
		ftl_retire_aus(f, i);
		flags = ftl_lock(&f->lock);
		if (f->stripe[i].flags & FTL_SF_UNSEALED)
			f->front[f->stripe[i].stream].unsealed--;
		ftl_stripe_set_free(f, i, f->stripe[i].size ? FTL_S_FREE : FTL_S_UNUSABLE);
		ftl_unlock(&f->lock, flags);
	}
}

static void drop_marks(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 i;

	for (i = 0; i < f->geo.aus; i++)
		f->stripe[i].flags &= ~FTL_SF_PINNED;
	ftl_unlock(&f->lock, flags);
}

/**
 * ftl_reclaim() - closed stripes without valid units become free
 * @f: the instance
 *
 * First every reader that could have seen an old map finishes; then a SYNC makes
 * whatever superseded their content durable (I5, I6). Pages of atomic writes must not be
 * needed any more to show that those are whole (I7). Those whose parity is not written
 * yet are left for later.
 *
 * Context: worker.
 * Return: true when there is more room than before.
 */
bool ftl_reclaim(struct ftl *f)
{
	unsigned long flags;
	u32 s, n = 0;

	prove_dead(f);
	flags = ftl_lock(&f->lock);
	for (s = next_dead(f, 0, true); s != FTL_NONE; s = next_dead(f, s + 1, true)) {
		f->stripe[s].flags |= FTL_SF_PINNED;
		n++;
	}
	ftl_unlock(&f->lock, flags);
	if (!n)
		return false;
	if (ftl_grace(f) || ftl_sync(f)) {
		drop_marks(f);
		return false;
	}
	release_marked(f);
	return true;
}

struct report {
	u32 next;
};

static bool report_fill(struct ftl *f, struct ftl_slot *s, void *arg)
{
	struct report *r = arg;
	u32 total = f->geo.aus * f->geo.dies;
	u32 i, n;

	n = min(total - r->next, f->geo.max_units);
	if (!n)
		return false;
	for (i = 0; i < n; i++)
		s->cmd->unit[i] = (r->next + i) * f->geo.pages;
	s->key = r->next;
	r->next += n;
	ftl_cmd_init(s->cmd, MEDIA_REPORT, n);
	return true;
}

static u8 au_flags(const struct media_au *a)
{
	switch (a->state) {
	case MEDIA_AU_FREE:
		return FTL_AU_ERASED;
	case MEDIA_AU_OPEN:
		return FTL_AU_OPENED | (a->wp_unknown ? FTL_AU_SUSPECT : 0);
	case MEDIA_AU_CLOSED:
		return a->wp_unknown ? FTL_AU_SUSPECT : 0;
	case MEDIA_AU_SUSPECT:
		return FTL_AU_SUSPECT;
	case MEDIA_AU_OFFLINE:
		return FTL_AU_BAD | FTL_AU_OFFLINE;
	default:
		return FTL_AU_BAD;
	}
}

static void note_offline(struct ftl *f, u32 au)
{
	u32 die = au % f->geo.dies;

	f->offline_aus++;
	f->die_offline[die / 64] |= BIT_ULL(die % 64);
}

static int report_reap(struct ftl *f, struct ftl_slot *s, void *arg)
{
	u32 i;

	if (s->cmd->status)
		return ftl_status_errno(s->cmd->status);
	for (i = 0; i < s->cmd->n; i++) {
		u8 flags = au_flags(&s->cmd->au[i]);

		f->au[s->key + i] = flags;
		if (f->au_wp)
			f->au_wp[s->key + i] = min(s->cmd->au[i].write_ptr, f->geo.pages);
		f->bad_aus += !!(flags & FTL_AU_BAD);
		if (f->au_erases)
			f->au_erases[s->key + i] = s->cmd->au[i].erase_count;
		if (s->cmd->au[i].state == MEDIA_AU_OFFLINE)
			note_offline(f, s->key + i);
	}
	return 0;
}

/**
 * ftl_report_aus() - ask the medium for the state of every append unit
 * @f: the instance
 *
 * Context: worker.
 * Return: 0 or -errno.
 */
int ftl_report_aus(struct ftl *f)
{
	static const struct ftl_pipe pipe = { report_fill, report_reap };
	struct report r = { 0 };
	int err = ftl_pipe_run(f, &pipe, &r);

	if (err)
		ftl_say(f, FTL_ERR, "the medium does not report its append units (%d)", err);
	return err;
}
