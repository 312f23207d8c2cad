// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which logical units have a write under way.
 *
 * Owns: a bitmap, hashed by unit and changed by atomics, and what can be said
 * from the lists of writes. Does not know: what the writes do.
 *
 * A write holds its units from admission to completion and a second one to the
 * same unit waits, so that versions of a unit are published in the order of
 * their sequence numbers: the runtime and recovery agree on the winner. Two
 * units that share a bit only cost a needless wait.
 */
#include "ftl_priv.h"

#define MIN_BITS	64
#define MAX_BITS	262144U

/**
 * ftl_inflight_init() - allocate the table
 * @f: the instance, user_units known
 *
 * Context: worker; may sleep.
 * Return: 0 or -ENOMEM.
 */
int ftl_inflight_init(struct ftl *f)
{
	u32 bits = MIN_BITS;

	while (bits < MAX_BITS && bits < f->user_units)
		bits <<= 1;
	f->inflight = ftl_alloc(f, bits / 8, FTL_MEM_CORE);
	if (!f->inflight)
		return -ENOMEM;
	f->inflight_mask = bits - 1;
	return 0;
}

/*
 * Where 64 units in a row, aligned, have their bits: one word. Neighbours have
 * words of their own; far units with equal low bits are spread.
 */
static u64 *word_of(const struct ftl *f, u64 lu)
{
	u32 high = (u32)(lu >> 18) * 0x9e3779b1u;

	return &f->inflight[(((u32)lu ^ (high >> 8)) & f->inflight_mask) >> 6];
}

/* The bits of @units from @lu on that are in the word of @lu. */
static u64 bits_of(u64 lu, u32 units)
{
	u32 first = lu & 63, n = min(units, 64 - first);

	return (~0ULL >> (64 - n)) << first;
}

/**
 * ftl_inflight_take() - take units for a write
 * @f: the instance
 * @lu: first
 * @units: how many, at least one
 *
 * One atomic per 64 units. What it took before it met a unit that is taken, it
 * gives back; somebody may have seen that, so who fails calls ftl_pump() once it
 * waits.
 *
 * Context: any.
 * Return: false: one of them is taken; nothing is changed.
 */
bool ftl_inflight_take(struct ftl *f, u64 lu, u32 units)
{
	u64 at = lu, end = lu + units, old, bits;

	for (; at < end; at = (at | 63) + 1) {
		bits = bits_of(at, (u32)(end - at));
		old = __atomic_fetch_or(word_of(f, at), bits, __ATOMIC_ACQUIRE);
		if (likely(!(old & bits)))
			continue;
		__atomic_fetch_and(word_of(f, at), ~(bits & ~old), __ATOMIC_RELEASE);
		if (at > lu)
			ftl_inflight_clear(f, lu, (u32)(at - lu));
		return false;
	}
	return true;
}

/* Give them back; whoever waits for them is looked for by the caller. */
void ftl_inflight_clear(struct ftl *f, u64 lu, u32 units)
{
	u64 end = lu + units;

	for (; lu < end; lu = (lu | 63) + 1)
		__atomic_fetch_and(word_of(f, lu), ~bits_of(lu, (u32)(end - lu)),
				   __ATOMIC_RELEASE);
}

/**
 * ftl_inflight_overlaps() - does a listed write touch a range
 * @f: the instance
 * @from: first unit
 * @to: behind the last
 *
 * Context: lock held. Exact, and linear in the writes listed: for trims, which ask
 * about pinned writes otherwise.
 * Return: true if so.
 */
bool ftl_inflight_overlaps(const struct ftl *f, u64 from, u64 to)
{
	const struct ftl_link *l;
	const struct ftl_write *w;

	for (l = f->admitted.next; l != &f->admitted; l = l->next) {
		w = container_of(l, struct ftl_write, adm);
		if (w->lu < to && w->lu + w->units > from)
			return true;
	}
	return false;
}

/**
 * ftl_complete_seq() - a sequence number with nothing under way up to it
 * @f: the instance
 *
 * Context: lock held.
 * Return: S: every operation with a sequence <= S is complete. The last such number
 * when no write is pinned, else it may lag; see ftl_drain_writes().
 */
u64 ftl_complete_seq(struct ftl *f)
{
	const struct ftl_link *l;
	const struct ftl_write *w;
	u64 seq;

	ftl_drain_writes(f);
	seq = f->drained_seq;
	for (l = f->sequenced.next; l != &f->sequenced; l = l->next) {
		w = container_of(l, struct ftl_write, sq);
		if (!ftl_seq_after(w->seq, seq))
			seq = w->seq - 1;
	}
	return seq;
}

/**
 * ftl_wake_writes() - a write has ended: whoever waits for that may go on
 * @f: the instance
 *
 * Context: any, no lock held.
 */
void ftl_wake_writes(struct ftl *f)
{
	if (!ftl_load(&f->wake_writes))
		return;
	f->env.wake(f->env.ctx);
	ftl_kick(f);
}
