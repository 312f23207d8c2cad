// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes wrong: armed faults, worn blocks, flipped bits, dead dies, blocks
 * that were bad from the factory.
 *
 * Owns: whether an operation fails, and what a reader gets who ignores that.
 *
 * Does not know: what an operation does to the state when it fails.
 *
 * Chance is drawn from the array's seed and the address and age of the block,
 * not from a generator with a state: the same operation on the same image has
 * the same fate, which is what makes a failing test run repeatable.
 */
#include "nand_priv.h"

/* Keeps the draws for different purposes apart. */
enum draw_for { DRAW_WEAR, DRAW_FLIPS, DRAW_GARBAGE, DRAW_CORRUPT };

static u64 draw(const struct nand *n, enum draw_for use, u64 what, u64 when)
{
	return nand_mix(nand_mix(n->seed + use, what), when);
}

static bool matches(s32 wanted, u32 actual)
{
	return wanted < 0 || (u32)wanted == actual;
}

/* Erases have no page. */
static bool slot_matches(const struct nand_fault_slot *slot, enum nand_fault f,
			 u32 die, u32 block, u32 page)
{
	return slot->armed && slot->fault == f && matches(slot->die, die) &&
	       matches(slot->block, block) &&
	       (f == NAND_FAULT_ERASE || matches(slot->page, page));
}

static void disarm(struct nand *n, struct nand_fault_slot *slot)
{
	slot->armed = false;
	__atomic_sub_fetch(&n->nr_faults, 1, __ATOMIC_RELAXED);
}

static bool slot_hit(struct nand *n, struct nand_fault_slot *slot)
{
	if (slot->skip > 0) {
		slot->skip--;
		return false;
	}
	if (slot->count > 0 && !--slot->count)
		disarm(n, slot);
	return true;
}

/**
 * nand_fault_hit() - does an armed fault strike this operation
 * @n: the array
 * @f: kind of fault
 * @die: die of the operation
 * @block: its block
 * @page: its page; not looked at for erases
 *
 * Every matching fault takes note of the operation, whichever strikes.
 *
 * Context: any; may spin for another die doing the same.
 * Return: true when it must fail.
 */
bool nand_fault_hit(struct nand *n, enum nand_fault f, u32 die, u32 block, u32 page)
{
	bool hit = false;
	int i;

	if (likely(!__atomic_load_n(&n->nr_faults, __ATOMIC_RELAXED)))
		return false;
	nand_lock(n);
	for (i = 0; i < NAND_MAX_FAULTS; i++)
		if (slot_matches(&n->faults[i], f, die, block, page))
			hit |= slot_hit(n, &n->faults[i]);
	nand_unlock(n);
	return hit;
}

static bool same_target(const struct nand_fault_slot *a, const struct nand_fault_slot *b)
{
	return a->fault == b->fault && a->die == b->die && a->block == b->block &&
	       a->page == b->page;
}

static int set_slot(struct nand *n, const struct nand_fault_slot *wanted)
{
	struct nand_fault_slot *unused = NULL;
	int i;

	for (i = 0; i < NAND_MAX_FAULTS; i++) {
		struct nand_fault_slot *slot = &n->faults[i];

		if (slot->armed && same_target(slot, wanted))
			disarm(n, slot);
		if (!slot->armed && !unused)
			unused = slot;
	}
	if (!wanted->count)
		return 0;
	if (!unused)
		return -ENOSPC;
	*unused = *wanted;
	__atomic_add_fetch(&n->nr_faults, 1, __ATOMIC_RELAXED);
	return 0;
}

int nand_set_fault(struct nand *n, enum nand_fault f, s32 die, s32 block,
		   s32 page, s32 skip, s32 count)
{
	struct nand_fault_slot wanted = {
		.fault = f,
		.die = die,
		.block = block,
		.page = page,
		.skip = skip,
		.count = count,
		.armed = true,
	};
	int err;

	nand_lock(n);
	err = set_slot(n, &wanted);
	nand_unlock(n);
	return err;
}

/**
 * nand_worn() - does wear make this operation fail
 * @n: the array
 * @op: program or erase
 * @die: die of the operation
 * @block: its block
 * @page: its page
 *
 * Up to the endurance never; then with a chance that grows with every cycle and
 * is one half at one and a half times the endurance, where it stays.
 *
 * Context: any.
 * Return: true when it must fail.
 */
bool nand_worn(const struct nand *n, enum nand_op op, u32 die, u32 block, u32 page)
{
	u32 cycles = nand_blk(n, die, block)->erase_count;
	u32 over, half = n->geo.endurance / 2 + 1;
	u64 chance;

	if (!n->geo.endurance || cycles < n->geo.endurance)
		return false;
	over = min(cycles - n->geo.endurance + 1, half);
	chance = (u64)over * 0x80000000ULL / half;
	return draw(n, DRAW_WEAR, nand_page_index(n, die, block, page) * 2 + (op == NAND_ERASE),
		    cycles) >> 32 < chance;
}

/**
 * nand_draw_flips() - how many bits are flipped in this read
 * @n: the array
 * @die: die of the page
 * @block: its block
 * @page: the page
 * @retry: read-retry level; each one meets half as many flips as the one before
 *
 * Evenly between none and twice the mean that nand_set_bitflips() asked for.
 *
 * Context: any.
 * Return: flipped bits.
 */
u32 nand_draw_flips(const struct nand *n, u32 die, u32 block, u32 page, u32 retry)
{
	u64 reads = nand_blk(n, die, block)->read_count;
	u64 twice, chance;

	if (!n->flips_ppm)
		return 0;
	/* twice the mean, in 1/2^16 flips; times a number in [0, 1) of 32 bits */
	twice = ((u64)n->geo.page_bytes * n->flips_ppm * 2 << 16) / 1000000;
	chance = draw(n, DRAW_FLIPS, nand_page_index(n, die, block, page), reads) >> 32;
	return (u32)(((twice >> 16) * chance + ((twice & 0xffff) * chance >> 16) +
		      0x80000000ULL) >> 32 >> min(retry, 31U));
}

/**
 * nand_corrupt() - flip one bit that ECC does not notice
 * @n: the array
 * @page: index of the page
 * @data: its data, or NULL: then the OOB is hit
 * @oob: its OOB or NULL
 *
 * Context: any.
 */
void nand_corrupt(const struct nand *n, u64 page, void *data, void *oob)
{
	u32 len = data ? n->geo.page_bytes : n->geo.oob_bytes;
	u8 *buf = data ? data : oob;
	u64 at = draw(n, DRAW_CORRUPT, page, 0);

	if (buf && len)
		buf[(at >> 3) % len] ^= 1U << (at & 7);
}

static void scribble(u64 seed, u8 *buf, u32 len)
{
	u32 i;

	for (i = 0; buf && i < len; i++) {
		if (!(i % 8))
			seed = nand_mix(seed, i);
		buf[i] = (u8)(seed >> (i % 8 * 8));
	}
}

/**
 * nand_garbage() - what a reader gets who ignores an uncorrectable read
 * @n: the array
 * @page: index of the page
 * @data: page_bytes or NULL
 * @oob: oob_bytes or NULL
 *
 * Context: any.
 */
void nand_garbage(const struct nand *n, u64 page, void *data, void *oob)
{
	u64 seed = draw(n, DRAW_GARBAGE, page, 0);

	scribble(seed, data, n->geo.page_bytes);
	scribble(~seed, oob, n->geo.oob_bytes);
}

void nand_set_bitflips(struct nand *n, u32 per_million, u32 ecc_bits)
{
	n->flips_ppm = min(per_million, 1000000U);
	n->ecc_bits = ecc_bits;
}

void nand_set_die_offline(struct nand *n, u32 die, bool offline)
{
	if (die < n->geo.dies)
		n->dies[die].offline = offline;
	else
		nand_break_rule(n, die, "die %u cannot be taken offline: it does not exist", die);
}

bool nand_die_is_offline(const struct nand *n, u32 die)
{
	return die < n->geo.dies && n->dies[die].offline;
}

static bool is_used(const struct nand *n)
{
	u64 blocks = nand_nr_blocks(&n->geo);
	u64 i;

	for (i = 0; i < blocks; i++)
		if (n->blocks[i].write_ptr || n->blocks[i].erase_count || n->blocks[i].flags)
			return true;
	return false;
}

/*
 * Selection sampling: each eligible block is taken with the chance that makes
 * the number come out exactly.
 */
int nand_set_factory_bad(struct nand *n, u32 permille, u64 seed)
{
	u64 blocks = nand_nr_blocks(&n->geo);
	u64 left = blocks - n->geo.dies;
	u64 want = min(blocks * permille / 1000, left);
	u64 i;

	if (permille > 1000)
		return -EINVAL;
	if (is_used(n))
		return -EBUSY;
	for (i = 0; i < blocks && want; i++) {
		if (!(i % n->geo.blocks))
			continue;
		if (nand_mix(seed, i) % left < want) {
			nand_publish(&n->blocks[i].flags, NAND_BLK_BAD | NAND_BLK_FACTORY);
			want--;
		}
		left--;
	}
	return 0;
}
