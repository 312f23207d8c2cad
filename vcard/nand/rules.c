// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of flash, and the sentences for those who break them.
 *
 * Owns: what geometry is sane; whether an operation is allowed in the state
 * the array is in; the text and the count of violations.
 *
 * Does not know: how operations change the state.
 *
 * A broken rule is a bug of the caller, never an event of the medium: real
 * flash would silently store garbage. So it is refused, counted and explained.
 */
#ifndef __KERNEL__
#include <stdarg.h>
#include <stdio.h>
#endif

#include "nand_priv.h"

#define MAX_DIES	256
#define MAX_BLOCKS	0x100000
#define MAX_PAGES	4096
#define MIN_PAGE_BYTES	16
#define MAX_PAGE_BYTES	0x100000
#define MAX_TOTAL_BYTES	0x400000000000ULL	/* must fit into an address space */

static bool in_range(u32 value, u32 lowest, u32 highest)
{
	return value >= lowest && value <= highest;
}

/**
 * nand_check_geometry() - could there be such an array
 * @geo: shape in question
 *
 * Context: any.
 * Return: NAND_OK or -EINVAL.
 */
enum nand_result nand_check_geometry(const struct nand_geometry *geo)
{
	u64 page = (u64)geo->page_bytes + geo->oob_bytes;

	if (!in_range(geo->dies, 1, MAX_DIES) ||
	    !in_range(geo->blocks, 1, MAX_BLOCKS) ||
	    !in_range(geo->pages, 1, MAX_PAGES) ||
	    !in_range(geo->page_bytes, MIN_PAGE_BYTES, MAX_PAGE_BYTES) ||
	    geo->page_bytes % 8 || geo->oob_bytes > geo->page_bytes ||
	    page * nand_nr_pages(geo) > MAX_TOTAL_BYTES)
		return (enum nand_result)-EINVAL;
	return NAND_OK;
}

/**
 * nand_break_rule() - say what rule was broken
 * @n: the array
 * @die: the die it is counted on; one that does not exist is counted on die 0
 * @fmt: the sentence
 *
 * Context: any; may spin for another die doing the same.
 * Return: NAND_RULE.
 */
enum nand_result nand_break_rule(struct nand *n, u32 die, const char *fmt, ...)
{
	va_list ap;

	nand_lock(n);
	va_start(ap, fmt);
	vsnprintf(n->sentence, sizeof(n->sentence), fmt, ap);
	va_end(ap);
	n->said = true;
	nand_unlock(n);
	n->dies[die < n->geo.dies ? die : 0].stats.violations++;
	return NAND_RULE;
}

const char *nand_violation(const struct nand *n)
{
	return n->said ? n->sentence : NULL;
}

static enum nand_result check_address(struct nand *n, u32 die, u32 block, u32 page)
{
	if (die >= n->geo.dies)
		return nand_break_rule(n, die, "die %u does not exist: the array has %u dies",
				       die, n->geo.dies);
	if (block >= n->geo.blocks)
		return nand_break_rule(n, die,
				       "die %u: block %u does not exist: a die has %u blocks",
				       die, block, n->geo.blocks);
	if (page >= n->geo.pages)
		return nand_break_rule(n, die,
				       "die %u block %u: page %u does not exist: a block has %u pages",
				       die, block, page, n->geo.pages);
	if (n->dies[die].offline)
		return NAND_DIE_OFFLINE;
	return NAND_OK;
}

/* Common to all that changes a block. */
static enum nand_result check_change(struct nand *n, u32 die, u32 block, u32 page)
{
	enum nand_result r = check_address(n, die, block, page);

	if (r)
		return r;
	if (n->intents[die].op)
		return nand_break_rule(n, die,
				       "die %u is busy with block %u: finish that operation first",
				       die, n->intents[die].block);
	if (nand_blk(n, die, block)->flags & NAND_BLK_BAD)
		return NAND_BAD_BLOCK;
	return NAND_OK;
}

/**
 * nand_check_program() - may this page be programmed now
 * @n: the array
 * @die: die of the page
 * @block: block of the page
 * @page: the page
 *
 * Context: caller serialises the die.
 * Return: NAND_OK or the answer for the caller.
 */
enum nand_result nand_check_program(struct nand *n, u32 die, u32 block, u32 page)
{
	enum nand_result r = check_change(n, die, block, page);
	const struct nand_block_rec *blk;

	if (r)
		return r;
	blk = nand_blk(n, die, block);
	if (blk->flags & NAND_BLK_TORN)
		return nand_break_rule(n, die,
				       "die %u block %u: program of page %u after an incomplete erase: erase the block again first",
				       die, block, page);
	if (page < blk->write_ptr)
		return nand_break_rule(n, die,
				       "die %u block %u: page %u programmed twice (write pointer %u): erase the block first",
				       die, block, page, blk->write_ptr);
	if (page > blk->write_ptr)
		return nand_break_rule(n, die,
				       "die %u block %u: page %u programmed out of order: the next page is %u",
				       die, block, page, blk->write_ptr);
	return NAND_OK;
}

/**
 * nand_check_erase() - may this block be erased now
 * @n: the array
 * @die: die of the block
 * @block: the block
 *
 * Context: caller serialises the die.
 * Return: NAND_OK or the answer for the caller.
 */
enum nand_result nand_check_erase(struct nand *n, u32 die, u32 block)
{
	return check_change(n, die, block, 0);
}

/**
 * nand_check_read() - may this page be read
 * @n: the array
 * @die: die of the page
 * @block: block of the page
 * @page: the page
 *
 * Context: caller serialises the die.
 * Return: NAND_OK or the answer for the caller.
 */
enum nand_result nand_check_read(struct nand *n, u32 die, u32 block, u32 page)
{
	enum nand_result r = check_address(n, die, block, page);

	if (r)
		return r;
	if (nand_blk(n, die, block)->flags & NAND_BLK_FACTORY)
		return NAND_BAD_BLOCK;
	return NAND_OK;
}

/**
 * nand_check_finish() - has this die something to finish
 * @n: the array
 * @die: the die
 *
 * Context: caller serialises the die.
 * Return: NAND_OK or the answer for the caller.
 */
enum nand_result nand_check_finish(struct nand *n, u32 die)
{
	enum nand_result r = check_address(n, die, 0, 0);

	if (r)
		return r;
	if (!n->intents[die].op)
		return nand_break_rule(n, die,
				       "die %u: nothing to finish: no operation was begun", die);
	return NAND_OK;
}
