// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz-media: attach to media that somebody tampered with.
 *
 * Owns: the edits. An input is a byte that chooses the card and a list of edits of
 * EDIT_BYTES bytes each: numbers that are worth trying, at any place of any page,
 * pages that are lost, pages that are copies of others.
 *
 * Does not know: what the core should make of it (card.h says what it must not).
 */
#include "card.h"

#define EDIT_BYTES 6
#define MAX_EDITS 16

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum edit_kind { SET_BYTE, SET_32, SET_64, DROP_PAGE, COPY_PAGE, EDIT_KINDS };

static u64 interesting(u8 which)
{
	static const u64 number[] = {
		0, 1, 2, 3, 7, 8, 11, 12, 13, 63, 64, 65, 125, 126, 127, 895, 896, 897,
		1023, 1024, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x100000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffffffe,
		0xffffffffffffffff, CARD_ALL_PAGES - 1, CARD_ALL_PAGES, CARD_ALL_PAGES + 1,
	};

	return number[which % ARRAY_SIZE(number)];
}

/* A page's bytes are its data and then its tag. */
static void poke(struct card_page *p, u32 off, const void *bytes, u32 len)
{
	const u8 *b = bytes;

	for (; len; len--, b++, off++) {
		if (off < FIO_MEDIA_UNIT)
			p->data[off] = *b;
		else if (off < FIO_MEDIA_UNIT + FIO_MEDIA_TAG)
			((u8 *)&p->tag)[off - FIO_MEDIA_UNIT] = *b;
	}
}

/* Every other edit aims at the first bytes or the tag, where the structure is. */
static u32 aim(u32 off)
{
	off %= 2 * FIO_MEDIA_UNIT;
	if (off < FIO_MEDIA_UNIT)
		return off;
	off -= FIO_MEDIA_UNIT;
	return off & 1 ? FIO_MEDIA_UNIT + off / 2 % FIO_MEDIA_TAG : off / 2 % 640;
}

static bool counts(const struct card_page *p, bool meta)
{
	return p->written && (!meta || p->tag.type != FIO_TAG_DATA);
}

/* One of the pages; half of the time one of metadata, which are few. */
static u32 choose(const struct card_page *pages, u8 n)
{
	bool meta = n & 0x80;
	u32 i, total = 0;

	for (i = 0; i < CARD_ALL_PAGES; i++)
		total += counts(&pages[i], meta);
	if (!total)
		return 0;
	for (i = 0, n = (n & 0x7f) % total; !counts(&pages[i], meta) || n--; i++)
		;
	return i;
}

static void edit(struct card_page *pages, const u8 *e)
{
	struct card_page *p = &pages[choose(pages, e[0])];
	u32 off = aim((u32)e[1] << 8 | e[2]);
	u64 n = cpu_to_le64(interesting(e[4]));

	switch (e[3] % EDIT_KINDS) {
	case SET_BYTE:
		poke(p, off, &e[4], 1);
		break;
	case SET_32:
		poke(p, off & ~3u, &n, 4);
		break;
	case SET_64:
		poke(p, off & ~7u, &n, 8);
		break;
	case DROP_PAGE:
		p->written = false;
		break;
	default:
		*p = pages[choose(pages, e[4])];
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct card_page pages[CARD_ALL_PAGES];
	u32 i;

	if (!size)
		return 0;
	card_copy(pages, data[0] & 1);
	for (i = 0; i < MAX_EDITS && 1 + (i + 1) * EDIT_BYTES <= size; i++)
		edit(pages, data + 1 + i * EDIT_BYTES);
	card_try(pages);
	return 0;
}
