// SPDX-License-Identifier: GPL-2.0-only
/*
 * The map: where each logical unit is.
 *
 * Owns: the leaves, their publication rules, which leaves differ from their
 * snapshot on flash. Does not know: who moves a unit or why.
 *
 * A leaf of 1024 entries appears when one of its units is first written and
 * never goes away while attached. Entries are single 32-bit words: readers load
 * them without a lock; writers exchange them, collection compares and swaps.
 */
#include "ftl_priv.h"

static size_t leaf_bytes(void)
{
	return FIO_MAP_FANOUT * sizeof(u32);
}

/**
 * ftl_map_alloc_tables() - the upper level of the map
 * @f: the instance, user_units known
 *
 * Context: worker; may sleep.
 * Return: 0 or -ENOMEM.
 */
int ftl_map_alloc_tables(struct ftl *f)
{
	u32 i;

	f->nleaves = (u32)((f->user_units + FIO_MAP_FANOUT - 1) >> 10);
	f->ndirs = (f->nleaves + FIO_MAP_FANOUT - 1) >> 10;
	f->journal_max = ftl_journal_max(f->user_units);
	f->leaf = ftl_alloc(f, f->nleaves * sizeof(*f->leaf), FTL_MEM_MAP);
	f->leaf_unit = ftl_alloc(f, f->nleaves * sizeof(u32), FTL_MEM_MAP);
	f->leaf_age = ftl_alloc(f, f->nleaves * sizeof(u32), FTL_MEM_MAP);
	f->leaf_state = ftl_alloc(f, f->nleaves, FTL_MEM_MAP);
	f->root_cap = (f->nleaves + FIO_ROOT_STRIPES) / FIO_ROOT_WORDS + 1;
	f->root = ftl_alloc(f, 2 * f->root_cap * sizeof(u32), FTL_MEM_MAP);
	if (!f->leaf || !f->leaf_unit || !f->leaf_age || !f->leaf_state || !f->root)
		return -ENOMEM;
	for (i = 0; i < f->nleaves; i++) {
		f->leaf_unit[i] = FIO_UNIT_NONE;
		f->leaf_age[i] = FIO_UNIT_NONE;
	}
	return ftl_inflight_init(f);
}

/**
 * ftl_map_add_leaf() - give a leaf its memory
 * @f: the instance
 * @leaf: number
 *
 * Context: worker; may sleep.
 * Return: 0 or -ENOMEM.
 */
int ftl_map_add_leaf(struct ftl *f, u32 leaf)
{
	u32 *entry;
	u32 i;

	if (f->leaf[leaf])
		return 0;
	entry = ftl_alloc(f, leaf_bytes(), FTL_MEM_MAP);
	if (!entry)
		return -ENOMEM;
	for (i = 0; i < FIO_MAP_FANOUT; i++)
		entry[i] = FIO_UNIT_NONE;
	ftl_store_release(&f->leaf[leaf], entry);
	return 0;
}

/* Attach: forget what was loaded. */
void ftl_map_reset(struct ftl *f)
{
	u32 i;

	for (i = 0; i < f->nleaves; i++) {
		ftl_free(f, f->leaf[i], leaf_bytes(), FTL_MEM_MAP);
		f->leaf[i] = NULL;
		f->leaf_unit[i] = FIO_UNIT_NONE;
		f->leaf_age[i] = FIO_UNIT_NONE;
		f->leaf_state[i] = 0;
	}
	f->root_count = 0;
	f->root_fresh = 0;
	for (i = 0; i < f->geo.aus; i++)
		f->stripe[i].valid = 0;
	f->st.units_mapped = 0;
	f->dirty_leaves = 0;
	f->trimmed_leaves = 0;
}

void ftl_map_free(struct ftl *f)
{
	u32 i;

	for (i = 0; f->leaf && i < f->nleaves; i++)
		ftl_free(f, f->leaf[i], leaf_bytes(), FTL_MEM_MAP);
	ftl_free(f, f->leaf, f->nleaves * sizeof(*f->leaf), FTL_MEM_MAP);
	ftl_free(f, f->leaf_unit, f->nleaves * sizeof(u32), FTL_MEM_MAP);
	ftl_free(f, f->leaf_age, f->nleaves * sizeof(u32), FTL_MEM_MAP);
	ftl_free(f, f->root, 2 * f->root_cap * sizeof(u32), FTL_MEM_MAP);
	ftl_free(f, f->leaf_state, f->nleaves, FTL_MEM_MAP);
	ftl_free(f, f->inflight, ((size_t)f->inflight_mask + 1) / 8, FTL_MEM_CORE);
	ftl_free(f, f->journal, f->journal_cap * sizeof(u32), FTL_MEM_CORE);
}

/**
 * ftl_lookup() - where a logical unit is
 * @f: the instance
 * @lu: logical unit, below user_units
 *
 * Context: any, lock-free. The answer may be stale at once; it stays readable
 * for who has pinned an epoch before.
 * Return: the unit, FIO_UNIT_NONE when nothing is stored.
 */
u32 ftl_lookup(const struct ftl *f, u64 lu)
{
	return ftl_map_find(f, lu);
}

/**
 * ftl_expect() - a request will be submitted soon
 * @f: the instance
 * @lba: its first logical block
 *
 * Brings its entry of the map near: in a batch, the misses of all requests then
 * overlap. A hint; any @lba is allowed.
 *
 * Context: any, lock-free.
 */
void ftl_expect(const struct ftl *f, u64 lba)
{
	u64 lu = lba >> f->lba_shift;
	const u32 *leaf = lu < f->user_units ? ftl_map_leaf(f, lu) : NULL;

	if (leaf)
		ftl_prefetch(&leaf[lu & (FIO_MAP_FANOUT - 1)]);
}

/**
 * ftl_map_mark() - a leaf is no longer what its snapshot says
 * @f: the instance
 * @leaf: number
 * @state: FTL_LEAF_ marks
 *
 * Behind a change of the map: either whoever takes a snapshot has cleared the mark
 * before this looks at it, or it sees the change when it copies the leaf.
 *
 * Context: any.
 */
void ftl_map_mark(struct ftl *f, u32 leaf, u8 state)
{
	u8 add = state & ~ftl_load(&f->leaf_state[leaf]);

	if (likely(!add))
		return;
	add &= ~__atomic_fetch_or(&f->leaf_state[leaf], add, __ATOMIC_ACQ_REL);
	if (add & FTL_LEAF_DIRTY)
		ftl_add(&f->dirty_leaves, 1);
	if (add & FTL_LEAF_TRIMMED)
		ftl_add(&f->trimmed_leaves, 1);
}

/* What a write has replaced loses its claim to its stripe. Any context. */
void ftl_map_put_old(struct ftl *f, u64 lu, u32 old)
{
	if (likely(old != FIO_UNIT_NONE))
		ftl_stripe_put(f, old);
	else
		ftl_add(&f->st.units_mapped, 1);
	ftl_map_mark(f, lu >> 10, FTL_LEAF_DIRTY);
}

/**
 * ftl_map_publish() - a completed write becomes what readers see
 * @f: the instance
 * @lu: logical unit, its leaf exists
 * @unit: where its data is
 *
 * The release half of the exchange orders the data before the address. The
 * place that held the old version loses its claim to its stripe.
 *
 * Context: lock held.
 */
void ftl_map_publish(struct ftl *f, u64 lu, u32 unit)
{
	ftl_stripe_get(f, unit);
	ftl_map_put_old(f, lu, ftl_swap(&f->leaf[lu >> 10][lu & (FIO_MAP_FANOUT - 1)], unit));
}

/**
 * ftl_map_relocate() - a copy replaces its original, if that is still current
 * @f: the instance
 * @lu: logical unit
 * @from: the original
 * @to: the copy
 *
 * Context: lock held.
 * Return: false: written or trimmed meanwhile, the copy is dead.
 */
bool ftl_map_relocate(struct ftl *f, u64 lu, u32 from, u32 to)
{
	u32 *leaf = f->leaf[lu >> 10];

	if (!leaf)
		return false;
	/* Counted before anybody can find and replace it. */
	ftl_stripe_get(f, to);
	if (!ftl_cas(&leaf[lu & (FIO_MAP_FANOUT - 1)], from, to)) {
		ftl_stripe_put(f, to);
		return false;
	}
	ftl_stripe_put(f, from);
	ftl_map_mark(f, lu >> 10, FTL_LEAF_DIRTY);
	return true;
}

/* Lock held. */
void ftl_map_unmap(struct ftl *f, u64 lu)
{
	u32 *leaf = f->leaf[lu >> 10];
	u32 old;

	if (!leaf)
		return;
	old = ftl_swap(&leaf[lu & (FIO_MAP_FANOUT - 1)], FIO_UNIT_NONE);
	if (old == FIO_UNIT_NONE)
		return;
	ftl_stripe_put(f, old);
	ftl_map_mark(f, lu >> 10, FTL_LEAF_DIRTY);
	ftl_add(&f->st.units_mapped, -1);
	f->st.units_trimmed++;
}
