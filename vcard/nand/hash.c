// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hashes: of a page's content, of the whole image, and of a few numbers when
 * chance is wanted that is the same every time.
 *
 * Owns: the 64-bit mixing function and what counts as part of an image.
 *
 * Does not know: where contents are stored. The hash of a content is kept in
 * the page's record, or with the content by a store that shares contents among arrays:
 * hashing an image reads no contents twice.
 *
 * The values are for comparison within one program run and for draws from a
 * stored seed; they are no checksum and no defence against an adversary.
 */
#include "nand_priv.h"

#define MIX_A 0x9e3779b97f4a7c15ULL	/* 2^64 / golden ratio */
#define MIX_B 0xff51afd7ed558ccdULL	/* an odd multiplier with a good avalanche */

/**
 * nand_mix() - a well spread function of two numbers
 * @a: one
 * @b: the other; the order matters
 *
 * Context: any.
 * Return: 64 bits, each depending on all bits of both.
 */
u64 nand_mix(u64 a, u64 b)
{
	u64 x = a * MIX_A + b + MIX_B;

	x ^= x >> 32;
	x *= MIX_B;
	x ^= x >> 29;
	x *= MIX_A;
	x ^= x >> 32;
	return x;
}

static u64 rotate(u64 x, unsigned int by)
{
	return x << by | x >> (64 - by);
}

/* Four lanes, so that the multiplications of a page overlap. */
static u64 hash_bytes(u64 h, const void *buf, size_t len)
{
	u64 lane[4] = { h, h + MIX_A, h ^ MIX_B, h - MIX_B };
	const u8 *p = buf;
	u64 word[4];
	size_t tail;
	int i;

	for (tail = len; tail; tail -= min_t(size_t, tail, sizeof(word))) {
		memset(word, 0, sizeof(word));
		memcpy(word, p + len - tail, min_t(size_t, tail, sizeof(word)));
		for (i = 0; i < 4; i++)
			lane[i] = rotate((lane[i] ^ word[i]) * MIX_A, 31) + MIX_B;
	}
	h = nand_mix(len, lane[0]);
	for (i = 1; i < 4; i++)
		h = nand_mix(h, lane[i]);
	return h;
}

/**
 * nand_hash_content() - hash of what a page holds
 * @n: the array
 * @data: page_bytes
 * @oob: oob_bytes
 *
 * Context: any.
 * Return: the hash.
 */
u64 nand_hash_content(const struct nand *n, const void *data, const void *oob)
{
	return hash_bytes(hash_bytes(0, data, n->geo.page_bytes), oob, n->geo.oob_bytes);
}

/**
 * nand_content_hash() - hash of what a page holds, from where it is kept
 * @n: the array
 * @page: index of a page with content
 *
 * Context: any.
 * Return: the hash.
 */
u64 nand_content_hash(const struct nand *n, u64 page)
{
	return n->ops->hash ? n->ops->hash(n, page) : n->pages[page].hash;
}

static u64 hash_page(const struct nand *n, u64 h, u64 page)
{
	u32 state = n->pages[page].state;
	bool content = state == NAND_PG_WRITTEN || state == NAND_PG_READS_ONCE;

	return nand_mix(h + state, content ? nand_content_hash(n, page) : 0);
}

static u64 hash_block(const struct nand *n, u64 h, u64 block)
{
	const struct nand_block_rec *blk = &n->blocks[block];
	u32 pages = blk->flags & NAND_BLK_TORN ? n->geo.pages : blk->write_ptr;
	u32 i;

	if (!pages && !blk->flags)
		return h;
	h = nand_mix(h, block);
	h = nand_mix(h, (u64)blk->flags << 32 | blk->write_ptr);
	for (i = 0; i < pages; i++)
		h = hash_page(n, h, block * n->geo.pages + i);
	return h;
}

/*
 * Erase and read counts are left out: they tell how an image came about, and
 * the crash runner must recognise images that came about in different ways.
 */
u64 nand_hash(const struct nand *n)
{
	u64 blocks = nand_nr_blocks(&n->geo);
	u64 h = hash_bytes(0, &n->geo, sizeof(n->geo));
	u64 i;

	for (i = 0; i < blocks; i++)
		h = hash_block(n, h, i);
	return h;
}
