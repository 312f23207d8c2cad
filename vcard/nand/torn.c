// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a power cut leaves of the operation it catches.
 *
 * Owns: the torn outcomes, and which of them are still possible for an
 * operation that was found under way.
 *
 * Does not know: when power fails. nand_tear() is told by a test,
 * nand_power_cut() by whoever opens a file that was not closed.
 *
 * Everything here may itself be cut and done again by the next one: the outcome
 * is drawn from the seed and the address, and the intent is cleared last.
 */
#include "nand_priv.h"

/**
 * nand_mangle_block() - leave a block as an incomplete erase does
 * @n: the array
 * @die: die of the block
 * @block: the block, its records reserved
 *
 * By chance each page is erased, uncorrectable, or as it was. The write pointer
 * stays; nothing but another erase is accepted.
 *
 * Context: caller serialises the die; may sleep.
 */
void nand_mangle_block(struct nand *n, u32 die, u32 block)
{
	u64 first = nand_page_index(n, die, block, 0);
	struct nand_block_rec *blk = nand_blk(n, die, block);
	u64 chance = nand_mix(n->seed, first);
	u32 i;

	nand_intend(n, die, NAND_INTENT_ERASING, block, n->intents[die].page);
	chance = nand_mix(chance, n->intents[die].page);
	for (i = 0; i < n->geo.pages; i++) {
		u64 fate = nand_mix(chance, i) % 3;

		if (fate == 2)
			continue;
		nand_publish(&n->pages[first + i].state, fate ? NAND_PG_GARBAGE : NAND_PG_ERASED);
		n->ops->drop(n, first + i);
	}
	nand_publish(&blk->flags, blk->flags | NAND_BLK_TORN);
	nand_publish(&blk->erase_count, n->intents[die].page);
	nand_intend(n, die, NAND_INTENT_NONE, 0, 0);
}

static void tear_program(struct nand *n, u32 die, u32 block, u32 page, enum nand_torn outcome)
{
	u64 index = nand_page_index(n, die, block, page);

	switch (outcome) {
	case NAND_TORN_PARTIAL:
		nand_commit_program(n, die, block, page, NAND_PG_GARBAGE);
		break;
	case NAND_TORN_READS_ONCE:
		nand_commit_program(n, die, block, page, NAND_PG_READS_ONCE);
		break;
	case NAND_TORN_DONE:
		nand_commit_program(n, die, block, page, NAND_PG_WRITTEN);
		break;
	default:
		nand_publish(&nand_blk(n, die, block)->write_ptr, page);
		nand_publish(&n->pages[index].state, NAND_PG_ERASED);
		n->ops->drop(n, index);
		nand_intend(n, die, NAND_INTENT_NONE, 0, 0);
	}
}

static void tear_erase(struct nand *n, u32 die, u32 block, enum nand_torn outcome)
{
	switch (outcome) {
	case NAND_TORN_PARTIAL:
	case NAND_TORN_READS_ONCE:
		nand_mangle_block(n, die, block);
		break;
	case NAND_TORN_DONE:
		nand_commit_erase(n, die, block);
		break;
	default:
		nand_intend(n, die, NAND_INTENT_NONE, 0, 0);
	}
}

enum nand_result nand_tear(struct nand *n, enum nand_op op, u32 die, u32 block,
			   u32 page, const void *data, const void *oob,
			   enum nand_torn outcome)
{
	enum nand_result r;

	if (outcome >= NAND_TORN_COUNT)
		return nand_break_rule(n, die, "die %u: %d is no torn outcome", die, (int)outcome);
	r = nand_begin(n, op, die, block, page, data, oob);
	if (r)
		return r;
	if (op == NAND_ERASE)
		tear_erase(n, die, block, outcome);
	else
		tear_program(n, die, block, page, outcome);
	return NAND_OK;
}

/* The later the step an operation had reached, the more outcomes are possible. */
static void tear_intent(struct nand *n, u32 die)
{
	const struct nand_intent *intent = &n->intents[die];
	u32 block = intent->block, page = intent->page;
	u64 chance = nand_mix(nand_mix(n->seed, (u64)die << 32 | block), page);

	chance = nand_mix(chance, nand_blk(n, die, block)->erase_count) >> 16;
	switch (intent->op) {
	case NAND_INTENT_PROGRAM:
		tear_program(n, die, block, page,
			     chance % 2 ? NAND_TORN_PARTIAL : NAND_TORN_NOT_STARTED);
		break;
	case NAND_INTENT_STAGED:
		tear_program(n, die, block, page, chance % NAND_TORN_COUNT);
		break;
	case NAND_INTENT_ERASING:
		tear_erase(n, die, block, chance % 2 ? NAND_TORN_PARTIAL : NAND_TORN_DONE);
		break;
	default:
		tear_erase(n, die, block, chance % NAND_TORN_COUNT);
	}
}

u32 nand_power_cut(struct nand *n)
{
	u32 torn = 0;
	u32 die;

	for (die = 0; die < n->geo.dies; die++) {
		if (!n->intents[die].op)
			continue;
		tear_intent(n, die);
		torn++;
	}
	if (torn)
		nand_set_seed(n, nand_mix(n->seed, torn));
	return torn;
}
