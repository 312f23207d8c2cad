// SPDX-License-Identifier: GPL-2.0-only
/*
 * Epochs: when nobody can still be reading what the map no longer refers to.
 *
 * Owns: two counters per queue and the parity in use. Does not know: what is
 * read or erased.
 *
 * A reader counts itself under the current parity, then loads the map, and
 * leaves when its media command is done. The worker, having taken a stripe's
 * last reference away, flips the parity and waits for the old one to drain,
 * twice: a reader that looked at the parity just before a flip and counted
 * itself just after is caught by the second round.
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
