// SPDX-License-Identifier: GPL-2.0-only
/*
 * Health of the medium: how much spare is left, and what follows from it.
 *
 * Owns: the judgement (healthy, warning, write-reduced, read-only), its reasons
 * and texts, one log line and one call of env->health per change, the brake on
 * writes while write-reduced. Does not know: who shows it, nor how room is made.
 *
 * Reserve is the flash beyond what the promised capacity needs to keep collection
 * going at the worst valid ratio (ftl_overhead_units()). Its last eighth is not
 * counted: when the percentage reads zero there is still something to lose before
 * writing has to end, and that stretch is write-reduced. What ends writing is
 * read-only; nothing but a dead card ends reading.
 *
 * The brake is a bucket that the worker fills, one row of the dies at a time and
 * only after it has done its other jobs: collection, evacuation and scrub go
 * before new data, and a write is delayed but never refused. Where the environment
 * has a timer (env->kick_later) the rows come at a rate besides, see reduced_ns().
 */
#include "ftl_priv.h"

#define WARN_AT		1000	/* hundredths of a per cent */
#define WORN_PERCENT	90	/* of the rated erase cycles */
#define UNCOUNTED	8	/* 1/8 of the reserve is not counted */
#define NS_PER_SEC	1000000000ULL
#define DAY_SECONDS	86400U
#define LEAST_RATE	2560U	/* units a second: 10 MiB/s */

static const struct cause {
	u32 reason;
	u32 state;
	const char *text;
} causes[] = {
	{ FTL_WHY_RESERVE_OUT, FTL_WRITE_REDUCED,
	  "the reserve is used up: writes are slowed down, replace the card" },
	{ FTL_WHY_DIES, FTL_WRITE_REDUCED,
	  "several dies do not answer: writes are slowed down, replace the card" },
	{ FTL_WHY_RESERVE_LOW, FTL_WARNING,
	  "little of the reserve is left: plan to replace the card" },
	{ FTL_WHY_DIE, FTL_WARNING, "a die does not answer" },
	{ FTL_WHY_WEAR, FTL_WARNING,
	  "erased nearly as often as the flash is rated for" },
	{ FTL_WHY_METADATA, FTL_WARNING, "a copy of metadata was lost" },
	{ FTL_WHY_PLP, FTL_WARNING,
	  "no power-loss protection: data not flushed may be lost in a cut" },
};

static const char *const state_name[] = {
	"healthy", "warning", "write-reduced", "read-only",
};

static u64 need_units(const struct ftl *f)
{
	return f->user_units + ftl_meta_units(f->user_units) + ftl_overhead_units(f);
}

/* Spare there would be if no append unit were bad. */
static u64 spare_units(const struct ftl *f)
{
	u64 all = (u64)f->stripe_data * f->geo.aus - 2ULL * f->sys_mirrors * f->geo.pages;
	u64 need = need_units(f);

	return all > need ? all - need : 0;
}

/**
 * ftl_reserve_left() - the reserve in hundredths of a per cent
 * @f: the instance
 *
 * Context: any; bad append units may be found meanwhile.
 * Return: 0..10000.
 */
u32 ftl_reserve_left(const struct ftl *f)
{
	u64 spare = spare_units(f), need = need_units(f);
	u64 keep = spare / UNCOUNTED;
	u64 left = f->usable_units > need ? f->usable_units - need : 0;

	return left > keep ? (u32)((left - keep) * 10000 / (spare - keep)) : 0;
}

/**
 * ftl_check_spare() - is there still enough flash for the promised capacity
 * @f: the instance
 *
 * Context: worker.
 */
void ftl_check_spare(struct ftl *f)
{
	if (f->usable_units < need_units(f))
		ftl_set_read_only(f, "too many append units have gone bad, the spare is used up");
}

/**
 * ftl_set_read_only() - no write will succeed any more
 * @f: the instance
 * @reason: constant text
 *
 * Context: any.
 */
void ftl_set_read_only(struct ftl *f, const char *reason)
{
	if (f->read_only)
		return;
	f->read_only_reason = reason;
	ftl_store_release(&f->read_only, true);
	ftl_say(f, FTL_ERR, "read-only from now on: %s; data stays readable, copy it elsewhere",
		reason);
	ftl_kick(f);
}

static u32 dies_offline(const struct ftl *f)
{
	u32 i, n = 0;
	u64 bits;

	for (i = 0; i < ARRAY_SIZE(f->die_offline); i++)
		for (bits = ftl_load(&f->die_offline[i]); bits; bits &= bits - 1)
			n++;
	return n;
}

static bool is_worn(const struct ftl *f)
{
	return f->geo.endurance &&
	       ftl_wear_mean(f) >= (u64)f->geo.endurance * WORN_PERCENT / 100;
}

static u32 find_reasons(const struct ftl *f)
{
	u32 reserve = ftl_reserve_left(f), dies = dies_offline(f), why = 0;

	if (!reserve)
		why |= FTL_WHY_RESERVE_OUT;
	else if (reserve <= WARN_AT)
		why |= FTL_WHY_RESERVE_LOW;
	if (dies)
		why |= dies > 1 ? FTL_WHY_DIES : FTL_WHY_DIE;
	if (is_worn(f))
		why |= FTL_WHY_WEAR;
	if (f->sys_mirrors < 2 || f->meta_lost)
		why |= FTL_WHY_METADATA;
	if (!ftl_load(&f->m->durable))
		why |= FTL_WHY_PLP;
	return why;
}

/* The state that follows from @why, and the text of its first cause. */
static u32 judge(const struct ftl *f, u32 why, const char **text)
{
	u32 i;

	*text = NULL;
	if (ftl_load_acquire(&f->read_only)) {
		*text = f->read_only_reason;
		return FTL_READ_ONLY;
	}
	for (i = 0; i < ARRAY_SIZE(causes); i++)
		if (why & causes[i].reason) {
			*text = causes[i].text;
			return causes[i].state;
		}
	return FTL_HEALTHY;
}

static void say_change(struct ftl *f, u32 from, u32 to, const char *text)
{
	/* ftl_set_read_only() has said it already, in more words. */
	if (to == FTL_READ_ONLY)
		return;
	ftl_say(f, to > from ? FTL_WARN : FTL_INFO, "media health: %s -> %s%s%s; reserve %u.%02u%%",
		state_name[from], state_name[to], text ? ": " : "", text ? text : "",
		ftl_reserve_left(f) / 100, ftl_reserve_left(f) % 100);
}

static void set_brake(struct ftl *f, bool on)
{
	unsigned long flags = ftl_lock(&f->lock);

	ftl_store(&f->braked, on);
	f->credit = 0;
	ftl_unlock(&f->lock, flags);
	if (!on)
		ftl_pump(f);
}

/**
 * ftl_health_step() - judge anew; tell of a change
 * @f: the instance
 *
 * Context: worker.
 * Return: false: it makes no work for others.
 */
bool ftl_health_step(struct ftl *f)
{
	u32 why = find_reasons(f), from = f->health, to;
	const char *text;

	to = judge(f, why, &text);
	if (to == from && why == f->health_why)
		return false;
	if (to != from) {
		ftl_store(&f->health, to);
		say_change(f, from, to, text);
		set_brake(f, to == FTL_WRITE_REDUCED);
	}
	ftl_store(&f->health_why, why);
	if (f->env.health)
		f->env.health(f->env.ctx);
	return false;
}

/**
 * ftl_get_health() - health as last judged
 * @f: the instance
 * @h: filled
 *
 * Context: any.
 */
void ftl_get_health(struct ftl *f, struct ftl_health *h)
{
	unsigned long flags = ftl_lock(&f->lock);

	memset(h, 0, sizeof(*h));
	h->reasons = ftl_load(&f->health_why);
	h->state = judge(f, h->reasons, &h->text);
	h->reserve = ftl_reserve_left(f);
	h->warn_at = WARN_AT;
	h->erase_min = f->erase_min;
	h->erase_max = f->erase_max;
	h->erase_mean = ftl_wear_mean(f);
	h->endurance = f->geo.endurance;
	ftl_unlock(&f->lock, flags);
}

/* ---- the brake -------------------------------------------------------------------- */

/* One row: what all dies can take at once. */
static u32 row_units(const struct ftl *f)
{
	return f->geo.dies * f->geo.write_units;
}

/*
 * Time between two rows: the whole capacity in a day, as disks are rated, but
 * never less than a host needs to copy its data away and to finish what it does.
 */
static u64 reduced_ns(const struct ftl *f)
{
	u64 rate = max_t(u64, f->user_units / DAY_SECONDS, LEAST_RATE);

	return row_units(f) * NS_PER_SEC / rate;
}

/**
 * ftl_brake_admits() - may a write begin
 * @f: the instance
 * @units: its size
 *
 * A write larger than what is left goes into debt, so that no size waits for ever.
 *
 * Context: lock held; when all else allows the write to begin.
 * Return: false: it waits, and the worker has been asked for more.
 */
bool ftl_brake_admits(struct ftl *f, u32 units)
{
	if (likely(!ftl_load(&f->braked)))
		return true;
	if (f->credit <= 0) {
		ftl_kick_later(f);
		return false;
	}
	f->credit -= units;
	return true;
}

static bool row_is_due(struct ftl *f)
{
	u64 now = f->env.now_ns(f->env.ctx), next = f->row_ns + reduced_ns(f);

	if (f->env.kick_later && now < next) {
		ftl_later(f, next - now);
		return false;
	}
	f->row_ns = now;
	return true;
}

/**
 * ftl_brake_step() - let another row of writes begin
 * @f: the instance
 *
 * Last of the worker's jobs: the others come before new data.
 *
 * Context: worker.
 * Return: true when writes were let in.
 */
bool ftl_brake_step(struct ftl *f)
{
	unsigned long flags;
	bool wanted;

	if (!ftl_load(&f->braked))
		return false;
	flags = ftl_lock(&f->lock);
	wanted = f->credit <= 0 && !ftl_list_empty(&f->parked);
	ftl_unlock(&f->lock, flags);
	if (!wanted || !row_is_due(f))
		return false;
	flags = ftl_lock(&f->lock);
	f->credit += row_units(f);
	ftl_unlock(&f->lock, flags);
	ftl_pump(f);
	return true;
}
