// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which logical units have a write under way.
 *
 * Owns: a bitmap, hashed by unit, and what can be said from the lists of
 * writes. Does not know: what the writes do.
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

/* Neighbours stay apart; far units with equal low bits are spread. */
static u32 slot_of(const struct ftl *f, u64 lu)
{
	u32 high = (u32)(lu >> 18) * 0x9e3779b1u;

	return ((u32)lu ^ (high >> 8)) & f->inflight_mask;
}

/* Lock held, for this and the next two. */
bool ftl_inflight_busy(const struct ftl *f, u64 lu, u32 units)
{
	u32 i, s;

	for (i = 0; i < units; i++) {
		s = slot_of(f, lu + i);
		if (f->inflight[s >> 6] >> (s & 63) & 1)
			return true;
	}
	return false;
}

void ftl_inflight_set(struct ftl *f, u64 lu, u32 units)
{
	u32 i, s;

	for (i = 0; i < units; i++) {
		s = slot_of(f, lu + i);
		f->inflight[s >> 6] |= BIT_ULL(s & 63);
	}
}

void ftl_inflight_clear(struct ftl *f, u64 lu, u32 units)
{
	u32 i, s;

	for (i = 0; i < units; i++) {
		s = slot_of(f, lu + i);
		f->inflight[s >> 6] &= ~BIT_ULL(s & 63);
	}
}

/**
 * ftl_inflight_overlaps() - does an admitted write touch a range
 * @f: the instance
 * @from: first unit
 * @to: behind the last
 *
 * Context: lock held. Exact, and linear in the writes under way: for trims.
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
 * ftl_complete_seq() - the last sequence number with nothing under way below
 * @f: the instance
 *
 * Context: lock held.
 * Return: S: every operation with a sequence <= S is complete.
 */
u64 ftl_complete_seq(const struct ftl *f)
{
	if (ftl_list_empty(&f->sequenced))
		return f->seq - 1;
	return container_of(f->sequenced.next, struct ftl_write, sq)->seq - 1;
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
