// SPDX-License-Identifier: GPL-2.0-only
/*
 * Epochs: when nobody can still be reading what the map no longer refers to, and
 * when writes that took no lock have ended.
 *
 * Owns: the counters of each queue and the parities in use. Does not know: what is
 * read or erased.
 *
 * A reader counts itself under the current parity, then loads the map, and
 * leaves when its media command is done. The worker, having taken a stripe's
 * last reference away, flips the parity and waits for the old one to drain,
 * twice: a reader that looked at the parity just before a flip and counted
 * itself just after is caught by the second round.
 *
 * Writes have an epoch of their own, and look at it again once they are counted,
 * so that one round is enough: nobody may wait for them, the worker only asks
 * whether they have ended (ftl_drain_writes()).
 */
#include "ftl_priv.h"

/**
 * ftl_pin() - what the map names from now on stays readable
 * @f: the instance
 * @queue: the caller's
 * @units: for the count of units read
 *
 * Context: any.
 * Return: for ftl_unpin().
 */
u8 ftl_pin(struct ftl *f, u32 queue, u32 units)
{
	u8 parity = ftl_load(&f->epoch) & 1;

	ftl_add(&f->pins[queue].count[parity], 1 + ((u64)units << FTL_PIN_BITS));
	/* The count before the load of the map; pairs with the fence in drain(). */
	ftl_fence_after_atomic();
	return parity;
}

/**
 * ftl_unpin() - the media command is done
 * @f: the instance
 * @queue: as for ftl_pin()
 * @pin: from ftl_pin()
 *
 * A fence between what the caller did before and what it does then.
 *
 * Context: any.
 */
void ftl_unpin(struct ftl *f, u32 queue, u8 pin)
{
	__atomic_sub_fetch(&f->pins[queue].count[pin], 1, __ATOMIC_RELEASE);
	/* The count before the look at the waiter; pairs with ftl_grace(). */
	ftl_fence_after_atomic();
	if (ftl_load(&f->epoch_waiter))
		f->env.wake(f->env.ctx);
}

static bool drained(void *arg)
{
	struct ftl *f = arg;
	u32 old = (ftl_load(&f->epoch) + 1) & 1;
	u32 i;

	for (i = 0; i < f->geo.queues; i++)
		if (ftl_load_acquire(&f->pins[i].count[old]) & FTL_PIN_MASK)
			return false;
	return true;
}

u64 ftl_units_read(const struct ftl *f)
{
	u64 n = 0;
	u32 i;

	for (i = 0; i < f->geo.queues; i++)
		n += (ftl_load(&f->pins[i].count[0]) >> FTL_PIN_BITS) +
		     (ftl_load(&f->pins[i].count[1]) >> FTL_PIN_BITS);
	return n;
}

static int drain(struct ftl *f)
{
	/* Removal of references, then the flip, then the look at the counts. */
	ftl_fence();
	ftl_store(&f->epoch, f->epoch + 1);
	ftl_fence();
	return ftl_wait(f, drained, f);
}

/**
 * ftl_grace() - wait until every reader that could have seen an old map is done
 * @f: the instance
 *
 * Context: worker.
 * Return: 0 or -ENODEV.
 */
int ftl_grace(struct ftl *f)
{
	int err;

	ftl_store(&f->epoch_waiter, 1);
	ftl_fence();
	err = drain(f);
	if (!err)
		err = drain(f);
	ftl_store(&f->epoch_waiter, 0);
	return err;
}

/* ---- writes ------------------------------------------------------------------- */

/**
 * ftl_write_pin() - a write begins that will be on no list
 * @f: the instance
 * @queue: the caller's
 *
 * From here to ftl_write_unpin() it must not wait for anything but its command.
 *
 * Context: any.
 * Return: for ftl_write_unpin().
 */
u8 ftl_write_pin(struct ftl *f, u32 queue)
{
	u64 *writes = f->pins[queue].writes;
	u32 epoch;

	for (;;) {
		epoch = ftl_load(&f->write_epoch);
		ftl_add(&writes[epoch & 1], 1);
		/* The count before the looks at epoch and trims; pairs with next_epoch(). */
		ftl_fence_after_atomic();
		if (likely(ftl_load(&f->write_epoch) == epoch))
			return epoch & 1;
		ftl_add(&writes[epoch & 1], -1);
	}
}

/**
 * ftl_write_unpin() - the write has ended, or is on a list
 * @f: the instance
 * @queue: as for ftl_write_pin()
 * @pin: from ftl_write_pin()
 * @units: written and published
 *
 * A fence between what the caller did before and what it does then.
 *
 * Context: any.
 */
void ftl_write_unpin(struct ftl *f, u32 queue, u8 pin, u32 units)
{
	__atomic_add_fetch(&f->pins[queue].writes[pin], ((u64)units << FTL_PIN_BITS) - 1,
			   __ATOMIC_RELEASE);
	ftl_fence_after_atomic();
}

/* Units written by pinned writes. */
u64 ftl_units_fast(const struct ftl *f)
{
	u64 n = 0;
	u32 i;

	for (i = 0; i < f->geo.queues; i++)
		n += (ftl_load(&f->pins[i].writes[0]) >> FTL_PIN_BITS) +
		     (ftl_load(&f->pins[i].writes[1]) >> FTL_PIN_BITS);
	return n;
}

/* Have all writes of the epoch before this one ended? */
static bool last_epoch_drained(struct ftl *f)
{
	u32 old = f->write_epoch - 1;
	u32 i;

	for (i = 0; f->drained_epoch != old && i < f->geo.queues; i++)
		if (ftl_load_acquire(&f->pins[i].writes[old & 1]) & FTL_PIN_MASK)
			return false;
	f->drained_epoch = old;
	f->drained_seq = f->drain_next;
	return true;
}

/* Every write numbered so far is of this epoch, or has ended. */
static void next_epoch(struct ftl *f)
{
	f->drain_next = f->seq - 1;
	ftl_fence();
	ftl_store(&f->write_epoch, f->write_epoch + 1);
	ftl_fence();
}

/**
 * ftl_drain_writes() - bring drained_epoch and drained_seq up to date
 * @f: the instance
 *
 * When no pinned write is under way, drained_seq is then the last number given.
 * Otherwise it lags: calling it again and again, whenever a write has ended,
 * brings it past any number that was given before the first call.
 *
 * Context: lock held.
 */
void ftl_drain_writes(struct ftl *f)
{
	u32 rounds;

	for (rounds = 0; rounds < 2 && last_epoch_drained(f); rounds++)
		next_epoch(f);
	last_epoch_drained(f);
}
