// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations: program, read, erase, mark bad.
 *
 * Owns: how operations change the state, and in what order.
 *
 * Does not know: what is allowed (rules.c), what goes wrong (fault.c), what a
 * cut leaves behind (torn.c), where it is all kept (store_*.c).
 *
 * Order of a program, so that a death after any step can be interpreted:
 *
 *	intent PROGRAM	content may be incomplete from here on
 *	content, hash	not reachable: the page's record still says erased
 *	intent STAGED	content is complete; everything up to here may be undone
 *	page state	the page is programmed
 *	write pointer
 *	intent NONE
 *
 * and of an erase:
 *
 *	intent ERASE	nothing has changed
 *	intent ERASING	it can no longer be undone
 *	page records	each is either as it was or erased
 *	content		dropped only when no record refers to it
 *	block record
 *	intent NONE
 */
#include "nand_priv.h"

/**
 * nand_reserve() - make room for a page that is about to change
 * @n: the array
 * @page: index of the page; the first of a block reserves the records of all
 * @content: will it have content
 *
 * Context: caller serialises the die; may sleep.
 * Return: 0 or -errno, and then nothing must change.
 */
int nand_reserve(struct nand *n, u64 page, bool content)
{
	return n->ops->reserve ? n->ops->reserve(n, page, content) : 0;
}

/**
 * nand_intend() - record what a die is about to do
 * @n: the array
 * @die: the die
 * @op: the operation; NAND_INTENT_NONE when it is over
 * @block: its block
 * @page: its page
 *
 * Context: caller serialises the die.
 */
void nand_intend(struct nand *n, u32 die, enum nand_intent_op op, u32 block, u32 page)
{
	struct nand_intent *intent = &n->intents[die];

	if (op) {
		intent->block = block;
		intent->page = page;
	}
	nand_publish(&intent->op, op);
}

/**
 * nand_stage_program() - store a page's content without programming the page
 * @n: the array
 * @die: die of the page
 * @block: block of the page
 * @page: the page, checked
 * @data: page_bytes
 * @oob: oob_bytes
 *
 * Context: caller serialises the die; may sleep.
 * Return: 0, or -errno and nothing has changed.
 */
int nand_stage_program(struct nand *n, u32 die, u32 block, u32 page,
		       const void *data, const void *oob)
{
	u64 index = nand_page_index(n, die, block, page);
	int err = nand_reserve(n, index, true);

	if (err)
		return err;
	nand_intend(n, die, NAND_INTENT_PROGRAM, block, page);
	err = n->ops->put(n, index, data, oob);
	if (err) {
		nand_intend(n, die, NAND_INTENT_NONE, 0, 0);
		return err;
	}
	if (!n->ops->hash)
		n->pages[index].hash = nand_hash_content(n, data, oob);
	nand_intend(n, die, NAND_INTENT_STAGED, block, page);
	return 0;
}

/**
 * nand_commit_program() - a program has come to its end
 * @n: the array
 * @die: die of the page
 * @block: block of the page
 * @page: the page, staged or, for NAND_PG_GARBAGE, at least reserved
 * @state: what became of the page
 *
 * Context: caller serialises the die.
 */
void nand_commit_program(struct nand *n, u32 die, u32 block, u32 page,
			 enum nand_page_state state)
{
	u64 index = nand_page_index(n, die, block, page);

	nand_publish(&n->pages[index].state, state);
	if (state == NAND_PG_GARBAGE)
		n->ops->drop(n, index);
	nand_publish(&nand_blk(n, die, block)->write_ptr, page + 1);
	nand_intend(n, die, NAND_INTENT_NONE, 0, 0);
}

static enum nand_result end_program(struct nand *n, u32 die, u32 block, u32 page)
{
	struct nand_stats *stats = &n->dies[die].stats;
	bool fail = nand_fault_hit(n, NAND_FAULT_PROGRAM, die, block, page) ||
		    nand_worn(n, NAND_PROGRAM, die, block, page);

	nand_commit_program(n, die, block, page, fail ? NAND_PG_GARBAGE : NAND_PG_WRITTEN);
	stats->programs++;
	if (fail) {
		stats->program_fails++;
		return NAND_PROGRAM_FAIL;
	}
	stats->bytes_written += n->geo.page_bytes;
	return NAND_OK;
}

enum nand_result nand_program(struct nand *n, u32 die, u32 block, u32 page,
			      const void *data, const void *oob)
{
	enum nand_result r = nand_begin(n, NAND_PROGRAM, die, block, page, data, oob);

	return r ? r : end_program(n, die, block, page);
}

/**
 * nand_commit_erase() - an erase has come to its end
 * @n: the array
 * @die: die of the block
 * @block: the block, as in the die's intent
 *
 * Context: caller serialises the die; may sleep.
 */
void nand_commit_erase(struct nand *n, u32 die, u32 block)
{
	u64 first = nand_page_index(n, die, block, 0);
	struct nand_block_rec *blk = nand_blk(n, die, block);
	u32 i;

	nand_intend(n, die, NAND_INTENT_ERASING, block, n->intents[die].page);
	for (i = 0; i < n->geo.pages; i++) {
		/* Records beyond the write pointer are only written by torn erases. */
		if (i >= blk->write_ptr && !(blk->flags & NAND_BLK_TORN))
			break;
		nand_publish(&n->pages[first + i].state, NAND_PG_ERASED);
	}
	if (i)
		n->ops->drop_block(n, first);
	nand_publish(&blk->flags, blk->flags & ~NAND_BLK_TORN);
	nand_publish(&blk->write_ptr, 0);
	nand_publish(&blk->read_count, 0);
	nand_publish(&blk->erase_count, n->intents[die].page);
	nand_intend(n, die, NAND_INTENT_NONE, 0, 0);
}

static enum nand_result end_erase(struct nand *n, u32 die, u32 block)
{
	struct nand_stats *stats = &n->dies[die].stats;

	stats->erases++;
	if (nand_fault_hit(n, NAND_FAULT_ERASE, die, block, 0) ||
	    nand_worn(n, NAND_ERASE, die, block, 0)) {
		stats->erase_fails++;
		nand_mangle_block(n, die, block);
		return NAND_ERASE_FAIL;
	}
	nand_commit_erase(n, die, block);
	return NAND_OK;
}

/**
 * nand_begin_erase() - check an erase and record that it is under way
 * @n: the array
 * @die: die of the block
 * @block: the block
 *
 * The intent carries the erase count to be, so that completing the erase twice
 * does not count it twice.
 *
 * Context: caller serialises the die; may sleep.
 * Return: NAND_OK or the answer for the caller.
 */
enum nand_result nand_begin_erase(struct nand *n, u32 die, u32 block)
{
	enum nand_result r = nand_check_erase(n, die, block);
	int err;

	if (r)
		return r;
	/* It may fail, and failing writes the records of all pages. */
	err = nand_reserve(n, nand_page_index(n, die, block, 0), false);
	if (err)
		return (enum nand_result)err;
	nand_intend(n, die, NAND_INTENT_ERASE, block, nand_blk(n, die, block)->erase_count + 1);
	return NAND_OK;
}

enum nand_result nand_erase(struct nand *n, u32 die, u32 block)
{
	enum nand_result r = nand_begin_erase(n, die, block);

	return r ? r : end_erase(n, die, block);
}

enum nand_result nand_begin(struct nand *n, enum nand_op op, u32 die, u32 block,
			    u32 page, const void *data, const void *oob)
{
	enum nand_result r;

	if (op == NAND_ERASE)
		return nand_begin_erase(n, die, block);
	if (op != NAND_PROGRAM)
		return nand_break_rule(n, die, "die %u: only programs and erases can be begun",
				       die);
	r = nand_check_program(n, die, block, page);
	if (r)
		return r;
	return (enum nand_result)nand_stage_program(n, die, block, page, data, oob);
}

enum nand_result nand_finish(struct nand *n, u32 die)
{
	enum nand_result r = nand_check_finish(n, die);
	const struct nand_intent *intent;

	if (r)
		return r;
	intent = &n->intents[die];
	if (intent->op == NAND_INTENT_ERASE)
		return end_erase(n, die, intent->block);
	return end_program(n, die, intent->block, intent->page);
}

/* Records are written by programs and torn erases only: elsewhere all is erased. */
static enum nand_page_state page_state(const struct nand *n, u32 die, u32 block, u32 page)
{
	const struct nand_block_rec *blk = nand_blk(n, die, block);

	if (page >= blk->write_ptr && !(blk->flags & NAND_BLK_TORN))
		return NAND_PG_ERASED;
	return n->pages[nand_page_index(n, die, block, page)].state;
}

bool nand_page_is_true(const struct nand *n, u32 die, u32 block, u32 page)
{
	return !__atomic_load_n(&n->nr_faults, __ATOMIC_RELAXED) &&
	       page_state(n, die, block, page) == NAND_PG_WRITTEN;
}

u64 nand_page_hash(const struct nand *n, u32 die, u32 block, u32 page)
{
	if (!nand_page_is_true(n, die, block, page))
		return 0;
	return nand_content_hash(n, nand_page_index(n, die, block, page));
}

static enum nand_result read_erased(const struct nand *n, void *data, void *oob)
{
	if (data)
		memset(data, 0xff, n->geo.page_bytes);
	if (oob)
		memset(oob, 0xff, n->geo.oob_bytes);
	return NAND_ERASED;
}

static enum nand_result read_uncorrectable(struct nand *n, u32 die, u64 index,
					   void *data, void *oob)
{
	n->dies[die].stats.uncorrectable++;
	nand_garbage(n, index, data, oob);
	return NAND_UNCORRECTABLE;
}

/* The content is fetched before it is spent: a death in between is no read. */
static void spend_only_read(struct nand *n, u64 index)
{
	nand_publish(&n->pages[index].state, NAND_PG_GARBAGE);
	n->ops->drop(n, index);
}

static enum nand_result read_content(struct nand *n, u32 die, u32 block, u32 page,
				     void *data, void *oob)
{
	u64 index = nand_page_index(n, die, block, page);

	n->ops->get(n, index, data, oob);
	if (n->pages[index].state == NAND_PG_READS_ONCE)
		spend_only_read(n, index);
	if (nand_fault_hit(n, NAND_FAULT_CORRUPT, die, block, page))
		nand_corrupt(n, index, data, oob);
	if (data)
		n->dies[die].stats.bytes_read += n->geo.page_bytes;
	return NAND_OK;
}

static bool read_fails(struct nand *n, u32 die, u32 block, u32 page, u32 retry)
{
	if (nand_fault_hit(n, NAND_FAULT_READ, die, block, page))
		return true;
	return !retry && nand_fault_hit(n, NAND_FAULT_RETRY, die, block, page);
}

enum nand_result nand_read(struct nand *n, u32 die, u32 block, u32 page,
			   void *data, void *oob, u32 retry, u32 *flips)
{
	enum nand_result r = nand_check_read(n, die, block, page);
	enum nand_page_state state;
	u32 bits;

	if (flips)
		*flips = 0;
	if (r)
		return r;
	n->dies[die].stats.reads++;
	nand_blk(n, die, block)->read_count++;
	state = page_state(n, die, block, page);
	bits = nand_draw_flips(n, die, block, page, retry);
	if (read_fails(n, die, block, page, retry) || state >= NAND_PG_GARBAGE)
		return read_uncorrectable(n, die, nand_page_index(n, die, block, page), data, oob);
	if (state == NAND_PG_ERASED)
		return read_erased(n, data, oob);
	if (bits > n->ecc_bits)
		return read_uncorrectable(n, die, nand_page_index(n, die, block, page), data, oob);
	n->dies[die].stats.corrected_bits += bits;
	if (flips)
		*flips = bits;
	return read_content(n, die, block, page, data, oob);
}

enum nand_result nand_peek(const struct nand *n, u32 die, u32 block, u32 page,
			   void *data, void *oob)
{
	enum nand_page_state state;

	if (die >= n->geo.dies || block >= n->geo.blocks || page >= n->geo.pages)
		return NAND_ERASED;
	state = page_state(n, die, block, page);
	if (state == NAND_PG_ERASED)
		return NAND_ERASED;
	if (state != NAND_PG_WRITTEN)
		return NAND_UNCORRECTABLE;
	n->ops->get(n, nand_page_index(n, die, block, page), data, oob);
	return NAND_OK;
}

void nand_mark_bad(struct nand *n, u32 die, u32 block)
{
	struct nand_block_rec *blk;

	if (die >= n->geo.dies || block >= n->geo.blocks) {
		nand_break_rule(n, die, "die %u: block %u cannot be marked bad: it does not exist",
				die, block);
		return;
	}
	blk = nand_blk(n, die, block);
	nand_publish(&blk->flags, blk->flags | NAND_BLK_BAD);
}

void nand_block_info(const struct nand *n, u32 die, u32 block,
		     struct nand_block_info *info)
{
	const struct nand_block_rec *blk;

	memset(info, 0, sizeof(*info));
	if (die >= n->geo.dies || block >= n->geo.blocks) {
		info->bad = true;
		return;
	}
	blk = nand_blk(n, die, block);
	info->write_ptr = blk->write_ptr;
	info->erase_count = blk->erase_count;
	info->read_count = blk->read_count;
	info->bad = blk->flags & NAND_BLK_BAD;
	info->factory_bad = blk->flags & NAND_BLK_FACTORY;
	info->torn_erase = blk->flags & NAND_BLK_TORN;
}

const struct nand_geometry *nand_geometry(const struct nand *n)
{
	return &n->geo;
}

bool nand_is_new(const struct nand *n)
{
	return n->is_new;
}

bool nand_was_cut(const struct nand *n)
{
	return n->was_cut;
}

bool nand_was_closed(const struct nand *n)
{
	return n->was_closed;
}

void *nand_user(struct nand *n)
{
	return n->user;
}

void nand_set_seed(struct nand *n, u64 seed)
{
	n->seed = seed;
	if (n->seed_store)
		__atomic_store_n(n->seed_store, seed, __ATOMIC_RELEASE);
}

void nand_get_stats(const struct nand *n, struct nand_stats *st)
{
	u32 i;

	memset(st, 0, sizeof(*st));
	for (i = 0; i < n->geo.dies; i++) {
		const struct nand_stats *s = &n->dies[i].stats;

		st->reads += s->reads;
		st->programs += s->programs;
		st->erases += s->erases;
		st->bytes_read += s->bytes_read;
		st->bytes_written += s->bytes_written;
		st->corrected_bits += s->corrected_bits;
		st->uncorrectable += s->uncorrectable;
		st->program_fails += s->program_fails;
		st->erase_fails += s->erase_fails;
		st->violations += s->violations;
	}
}

void nand_close(struct nand *n)
{
	if (n)
		n->ops->destroy(n);
}
