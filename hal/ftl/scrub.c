// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scrub: data is read before it fades, and written anew when it begins to.
 *
 * Owns: the patrol that reads every closed stripe once in a while, the four
 * reasons to refresh one, what the medium reports unasked. Does not know: how a
 * stripe is emptied: it marks, collection does the rest (FTL_SF_EVACUATE).
 *
 * A stripe is refreshed when a page of it needed a retry level or more corrected
 * bits than allowed, when one of its append units was read so often that reading
 * disturbs the neighbours, when its data is old (flash loses charge with time),
 * or when the medium asks. Age counts from closing, or from attach for what was
 * there already: nothing on flash tells the time.
 *
 * The pace follows from the time that a whole pass may take: BATCH pages, read at
 * low priority, then a pause (env->kick_later). Pages that were never programmed
 * are no finding; a page that no retry level reads is one, and what collection
 * makes of it is collection's business.
 */
#include "ftl_priv.h"

#define BATCH		32
#define NS_PER_SEC	1000000000ULL
#define HOUR		3600

/* ---- marking ------------------------------------------------------------------------ */

/**
 * ftl_evacuate() - have a stripe emptied and erased, whatever is in it
 * @f: the instance
 * @s: stripe; one that is neither closed nor open needs nothing
 *
 * Context: lock held.
 * Return: true when it was not marked before.
 */
bool ftl_evacuate(struct ftl *f, u32 s)
{
	struct ftl_stripe *st = &f->stripe[s];

	if (st->flags & FTL_SF_EVACUATE ||
	    (st->state != FTL_S_CLOSED && st->state != FTL_S_OPEN))
		return false;
	st->flags |= FTL_SF_EVACUATE;
	ftl_kick_later(f);
	return true;
}

static void refresh(struct ftl *f, u32 s)
{
	unsigned long flags = ftl_lock(&f->lock);

	if (ftl_evacuate(f, s))
		f->st.scrub_refreshes++;
	ftl_unlock(&f->lock, flags);
}

/* ---- what the medium reports ------------------------------------------------------------ */

static void set_offline(struct ftl *f, u32 die, bool offline)
{
	u64 *word = &f->die_offline[die / 64 % ARRAY_SIZE(f->die_offline)];

	if (offline)
		ftl_store(word, *word | BIT_ULL(die % 64));
	else
		ftl_store(word, *word & ~BIT_ULL(die % 64));
}

/*
 * A program failed of which nobody could be told any more. What the append unit
 * holds can be read from the medium's buffer; it must go elsewhere.
 */
static void retire(struct ftl *f, u32 unit)
{
	u8 *au = &f->au[ftl_unit_au(f, unit)];
	u32 s = ftl_unit_stripe(f, unit);

	if (*au & (FTL_AU_BAD | FTL_AU_SYSTEM | FTL_AU_RETIRE))
		return;
	f->st.program_fails++;
	*au |= FTL_AU_RETIRE;
	if (f->stripe[s].state == FTL_S_OPEN)
		ftl_stop_au(f, s, ftl_unit_die(f, unit));
	ftl_evacuate(f, s);
}

/**
 * ftl_media_event() - the medium reports something unasked
 * @f: the instance
 * @event: what
 * @unit: any unit of the append unit, or of the die, that it is about
 *
 * Context: any.
 */
void ftl_media_event(struct ftl *f, enum ftl_media_event event, u32 unit)
{
	unsigned long flags;

	if (unit >= f->total_units)
		return;
	flags = ftl_lock(&f->lock);
	switch (event) {
	case FTL_EV_REFRESH:
		if (ftl_evacuate(f, ftl_unit_stripe(f, unit)))
			f->st.scrub_refreshes++;
		break;
	case FTL_EV_RETIRE:
		retire(f, unit);
		break;
	case FTL_EV_DIE_OFFLINE:
	case FTL_EV_DIE_ONLINE:
		set_offline(f, ftl_unit_die(f, unit), event == FTL_EV_DIE_OFFLINE);
		break;
	}
	ftl_unlock(&f->lock, flags);
	ftl_kick(f);
}

/* ---- patrol -------------------------------------------------------------------------------- */

struct patrol {
	u32 unit, end;
	u32 read;
	bool weak;
};

static bool patrol_fill(struct ftl *f, struct ftl_slot *s, void *arg)
{
	struct patrol *p = arg;

	while (p->unit < p->end &&
	       f->au[ftl_unit_au(f, p->unit)] & (FTL_AU_SYSTEM | FTL_AU_ERASED))
		p->unit++;
	if (p->unit >= p->end)
		return false;
	s->cmd->unit[0] = p->unit++;
	ftl_cmd_init(s->cmd, MEDIA_READ, 1);
	s->cmd->flags = MEDIA_F_LOW;
	return true;
}

static bool is_weak(const struct ftl *f, const struct media_cmd *cmd)
{
	u32 most = ftl_load(&f->scrub.corrected);

	switch (cmd->status) {
	case MEDIA_OK:
		return cmd->retry || (most && cmd->corrected >= most);
	case MEDIA_UNCORRECTABLE:
	case MEDIA_CRC:
		return true;
	default:
		return false;
	}
}

static int patrol_reap(struct ftl *f, struct ftl_slot *s, void *arg)
{
	struct patrol *p = arg;

	if (s->cmd->status == MEDIA_GONE)
		return -ENODEV;
	p->read++;
	p->weak |= is_weak(f, s->cmd);
	return 0;
}

/* True: what was read begins to fade. */
static bool read_batch(struct ftl *f, u32 s)
{
	static const struct ftl_pipe pipe = { patrol_fill, patrol_reap };
	u32 first = s * f->stripe_units;
	struct patrol p = {
		.unit = first + f->scrub_at,
		.end = first + min(f->scrub_at + BATCH, f->stripe_units),
	};
	unsigned long flags;

	ftl_pipe_run(f, &pipe, &p);
	f->scrub_at = p.end - first;
	flags = ftl_lock(&f->lock);
	f->st.scrub_units += p.read;
	ftl_unlock(&f->lock, flags);
	return p.weak;
}

/* Has any append unit of the stripe been read too often? */
static bool is_disturbed(struct ftl *f, u32 s)
{
	u32 most = ftl_load(&f->scrub.reads), die = 0, i, n;
	struct media_cmd *cmd;
	bool hit = false;

	while (most && !hit && die < f->geo.dies) {
		cmd = ftl_exec_get(f);
		if (!cmd)
			return false;
		n = min(f->geo.dies - die, f->geo.max_units);
		for (i = 0; i < n; i++)
			cmd->unit[i] = ftl_au_index(f, s, die + i) * f->geo.pages;
		ftl_cmd_init(cmd, MEDIA_REPORT, n);
		if (!ftl_exec(f))
			for (i = 0; i < n; i++)
				hit |= !(f->au[ftl_au_index(f, s, die + i)] & FTL_AU_SYSTEM) &&
				       cmd->au[i].read_count >= most;
		ftl_exec_put(f);
		die += n;
	}
	return hit;
}

static bool is_old(const struct ftl *f, u32 s)
{
	u32 most = ftl_load(&f->scrub.age_hours);

	return most && f->hour - f->stripe[s].born >= most;
}

static bool to_patrol(struct ftl *f, u32 s)
{
	unsigned long flags = ftl_lock(&f->lock);
	const struct ftl_stripe *st = &f->stripe[s];
	bool yes = st->state == FTL_S_CLOSED && ftl_load(&st->valid) &&
		   !(st->flags & (FTL_SF_EVACUATE | FTL_SF_SUMS));

	ftl_unlock(&f->lock, flags);
	return yes;
}

static void next_stripe(struct ftl *f)
{
	unsigned long flags;

	f->scrub_at = 0;
	if (++f->scrub_stripe < f->geo.aus)
		return;
	f->scrub_stripe = 0;
	flags = ftl_lock(&f->lock);
	f->st.scrub_passes++;
	ftl_unlock(&f->lock, flags);
}

/* Time for BATCH pages, if all of the medium takes the time of a pass. */
static u64 pause_ns(const struct ftl *f)
{
	u64 pass = ftl_load(&f->scrub.pass_seconds) * NS_PER_SEC;

	return max_t(u64, pass / max_t(u64, f->usable_units, 1) * BATCH, 1);
}

static bool is_due(struct ftl *f)
{
	u64 now = f->env.now_ns(f->env.ctx), next = ftl_load(&f->scrub_next);
	bool due = next && now >= next;

	if (!next || due) {
		next = now + pause_ns(f);
		ftl_store(&f->scrub_next, next);
	}
	ftl_later(f, next - now);
	return due;
}

/**
 * ftl_scrub_step() - read on, if it is time
 * @f: the instance
 *
 * A stripe without data costs no time, but only so many are passed over at once.
 *
 * Context: worker.
 * Return: true when a stripe is to be refreshed.
 */
bool ftl_scrub_step(struct ftl *f)
{
	u32 looked, s;
	bool weak;

	ftl_store(&f->hour, (u32)(f->env.now_sec(f->env.ctx) / HOUR));
	if (!ftl_load(&f->scrub.pass_seconds) || ftl_load(&f->read_only) || !is_due(f))
		return false;
	for (looked = 0; looked < BATCH && !to_patrol(f, f->scrub_stripe); looked++)
		next_stripe(f);
	s = f->scrub_stripe;
	if (looked == BATCH)
		return false;
	weak = !f->scrub_at && (is_old(f, s) || is_disturbed(f, s));
	weak = weak || read_batch(f, s);
	if (weak)
		refresh(f, s);
	if (weak || f->scrub_at == f->stripe_units)
		next_stripe(f);
	return weak;
}

/**
 * ftl_set_scrub() - how often and how strictly
 * @f: the instance
 * @p: wishes
 *
 * Context: any; holds from the next step on.
 */
void ftl_set_scrub(struct ftl *f, const struct ftl_scrub *p)
{
	ftl_store(&f->scrub.pass_seconds, p->pass_seconds);
	ftl_store(&f->scrub.corrected, p->corrected);
	ftl_store(&f->scrub.reads, p->reads);
	ftl_store(&f->scrub.age_hours, p->age_hours);
	ftl_store(&f->scrub_next, 0);
	ftl_kick(f);
}

/**
 * ftl_scrub_init() - defaults; data that is there already is as old as the attach
 * @f: the instance
 *
 * Context: attach.
 */
void ftl_scrub_init(struct ftl *f)
{
	u32 i;

	f->scrub = (struct ftl_scrub)FTL_SCRUB_DEFAULT;
	f->hour = (u32)(f->env.now_sec(f->env.ctx) / HOUR);
	for (i = 0; i < f->geo.aus; i++)
		f->stripe[i].born = f->hour;
}
