// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data that was acknowledged and that flash then did not take.
 *
 * Owns: what happens between a SYNC that fails with PROGRAM_FAIL and the next one
 * that does not; flushes that wait for it. Does not know: how data moves (gc.c).
 *
 * A card without power-loss protection acknowledges into a buffer. When a program
 * fails later, the data is still read from there, the card says which append unit
 * it was (FTL_EV_RETIRE), and every SYNC fails until that is retired or erased
 * (docs/spec/hw.md 5.8); all else has been made durable by the SYNC that failed.
 * So: the stripe is emptied, with copies that are complete when durable; then,
 * with nothing left that needs it and no reader on it, the append unit is retired;
 * then SYNC works again, and the flushes that waited are done with it.
 *
 * If the card never says which one it was, or it cannot be emptied, the medium is
 * read-only after TRIES: a flush must not wait for ever, and must not lie.
 */
#include "ftl_priv.h"

#define TRIES		64
#define PAUSE_NS	50000000ULL

/**
 * ftl_sync_failed() - a SYNC ended with PROGRAM_FAIL
 * @f: the instance
 *
 * Context: any, no lock held.
 */
void ftl_sync_failed(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);

	ftl_store(&f->sync_broken, 1);
	ftl_kick_later(f);
	ftl_unlock(&f->lock, flags);
}

/**
 * ftl_flush_wait() - a flush waits until SYNC works again
 * @f: the instance
 * @io: its SYNC failed with PROGRAM_FAIL
 *
 * Context: any, no lock held.
 * Return: false when it must fail: nothing will work again.
 */
bool ftl_flush_wait(struct ftl *f, struct ftl_io *io)
{
	struct ftl_read *r = ftl_priv_of(io, ftl_read);
	unsigned long flags = ftl_lock(&f->lock);
	bool wait = !f->read_only && !ftl_load(&f->gone);

	if (wait) {
		ftl_list_add_tail(&r->wait, &f->flushes);
		ftl_store(&f->sync_broken, 1);
		ftl_kick_later(f);
	}
	ftl_unlock(&f->lock, flags);
	return wait;
}

static struct ftl_io *next_flush(struct ftl *f, struct ftl_link *from)
{
	unsigned long flags = ftl_lock(&f->lock);
	struct ftl_io *io = NULL;

	if (!ftl_list_empty(from)) {
		io = ftl_io_of(from->next);
		ftl_list_del(from->next);
	}
	ftl_unlock(&f->lock, flags);
	return io;
}

/**
 * ftl_flush_end() - flushes that wait are over
 * @f: the instance, gone or read-only
 * @err: what they end with
 *
 * Context: worker.
 */
void ftl_flush_end(struct ftl *f, int err)
{
	struct ftl_io *io;

	while ((io = next_flush(f, &f->flushes)))
		io->done(io, err);
}

/* Those that wait now; one that fails again waits on the list again. */
static void retry_flushes(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	struct ftl_link now;
	struct ftl_io *io;

	ftl_list_init(&now);
	if (!ftl_list_empty(&f->flushes)) {
		ftl_list_add(&now, &f->flushes);
		ftl_list_del(&f->flushes);
	}
	ftl_unlock(&f->lock, flags);
	while ((io = next_flush(f, &now)))
		ftl_submit_flush(f, io);
}

/* ---- the append units it was ------------------------------------------------------ */

static bool has_failed(const struct ftl *f, u32 s)
{
	u32 d;

	for (d = 0; d < f->geo.dies; d++)
		if ((f->au[ftl_au_index(f, s, d)] & (FTL_AU_RETIRE | FTL_AU_BAD)) == FTL_AU_RETIRE)
			return true;
	return false;
}

/*
 * An open stripe would wait for writes that may never come. Only where the medium
 * can have one more of them open: what it has of it is finished after.
 */
static void close_open(struct ftl *f, u32 s)
{
	unsigned long flags = ftl_lock(&f->lock);
	bool left = f->stripe[s].state == FTL_S_OPEN &&
		    f->geo.max_open >= (f->streams + 1) * f->geo.dies &&
		    ftl_leave_open(f, s);

	ftl_unlock(&f->lock, flags);
	if (left)
		ftl_au_list_op(f, s, MEDIA_FINISH, 0, FTL_AU_STOP);
}

/* How many stripes have a failed append unit; those that are still needed: @busy. */
static u32 look(struct ftl *f, u32 *busy)
{
	u32 s, n = 0;

	*busy = 0;
	for (s = 0; s < f->geo.aus; s++) {
		if (!has_failed(f, s))
			continue;
		close_open(f, s);
		n++;
		*busy += ftl_load(&f->stripe[s].state) == FTL_S_OPEN ||
			 ftl_load(&f->stripe[s].valid);
	}
	return n;
}

/* Have append units failed that are still needed? Worker. */
bool ftl_repair_busy(struct ftl *f)
{
	u32 busy;

	look(f, &busy);
	return busy;
}

/* Lost with what failed are pages of atomic writes that are past: say that those count. */
static bool prove_groups(struct ftl *f)
{
	u32 s;

	for (s = 0; s < f->geo.aus; s++)
		if (has_failed(f, s) && !ftl_group_proved(f, s))
			return !ftl_group_prove(f, true);
	return true;
}

static bool try_later(struct ftl *f)
{
	if (++f->sync_tries > TRIES)
		ftl_set_read_only(f, "flash did not take what the card had acknowledged");
	else if (f->env.kick_later)
		ftl_later(f, PAUSE_NS);
	else
		ftl_kick(f);
	return false;
}

/**
 * ftl_repair_step() - if all that failed has been emptied, make SYNC work again
 * @f: the instance
 *
 * After collection: that empties.
 *
 * Context: worker.
 * Return: true when SYNC works again.
 */
bool ftl_repair_step(struct ftl *f)
{
	u32 s, busy;

	if (!ftl_load(&f->sync_broken) || ftl_load(&f->read_only))
		return false;
	/* What superseded the content is durable after this, readers have gone. */
	if (!look(f, &busy) || busy || ftl_grace(f) || ftl_sync_rest(f) || !prove_groups(f))
		return try_later(f);
	for (s = 0; s < f->geo.aus; s++)
		if (has_failed(f, s))
			ftl_retire_aus(f, s);
	ftl_store(&f->sync_broken, 0);
	if (ftl_sync(f))
		return try_later(f);
	f->sync_tries = 0;
	ftl_say(f, FTL_INFO, "data that flash had not taken was stored elsewhere");
	retry_flushes(f);
	return true;
}
