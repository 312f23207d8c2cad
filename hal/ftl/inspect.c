// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a tool may see of the inside of an instance.
 *
 * Owns: read-only views of stripes, snapshots, the journal and the superblock,
 * for a worker that holds the instance still. Does not know: what the tool makes
 * of them. Nothing here is on any path of I/O.
 */
#include "ftl_priv.h"

static const char *const state_names[] = {
	[FTL_S_UNUSABLE] = "unusable",
	[FTL_S_FREE] = "free",
	[FTL_S_READY] = "erased",
	[FTL_S_OPEN] = "open",
	[FTL_S_CLOSED] = "closed",
};

/**
 * ftl_get_stripe() - what is known of a stripe
 * @f: the instance
 * @s: number
 * @info: receives it
 *
 * Context: worker.
 * Return: 0, or -EINVAL: there is no such stripe.
 */
int ftl_get_stripe(struct ftl *f, u32 s, struct ftl_stripe_info *info)
{
	unsigned long flags;
	u32 d;

	if (s >= f->geo.aus)
		return -EINVAL;
	memset(info, 0, sizeof(*info));
	flags = ftl_lock(&f->lock);
	info->seq = f->stripe[s].seq;
	info->valid = ftl_load(&f->stripe[s].valid);
	info->size = f->stripe[s].size;
	info->stream = f->stripe[s].stream;
	info->state = state_names[f->stripe[s].state];
	ftl_unlock(&f->lock, flags);
	for (d = 0; d < f->geo.dies; d++) {
		u8 au = f->au[ftl_au_index(f, s, d)];

		info->bad_aus += !!(au & FTL_AU_BAD);
		info->system_aus += !!(au & FTL_AU_SYSTEM);
		info->suspect_aus += !!(au & FTL_AU_SUSPECT);
	}
	return 0;
}

/**
 * ftl_get_snapshot() - where the newest MAP page of a leaf is
 * @f: the instance
 * @leaf: number; covers logical units from @leaf * FIO_MAP_FANOUT on
 *
 * Context: worker.
 * Return: the unit; FIO_UNIT_NONE: there is none, or no such leaf.
 */
u32 ftl_get_snapshot(const struct ftl *f, u32 leaf)
{
	return leaf < f->nleaves ? f->leaf_unit[leaf] : FIO_UNIT_NONE;
}

/**
 * ftl_get_journal() - where a live JOURNAL page is
 * @f: the instance
 * @i: from 0 on
 *
 * Context: worker.
 * Return: the unit; FIO_UNIT_NONE: there are no more.
 */
u32 ftl_get_journal(const struct ftl *f, u32 i)
{
	return i < f->journal_count ? f->journal[i] : FIO_UNIT_NONE;
}

/**
 * ftl_get_super() - the superblock that counts
 * @f: the instance
 *
 * Context: worker.
 * Return: valid as long as the instance.
 */
const struct fio_super *ftl_get_super(const struct ftl *f)
{
	return f->super;
}
