// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz-journal, fuzz-checkpoint, fuzz-label: one kind of metadata page, any content.
 *
 * Owns: the overlays. An input is a byte that chooses the card and a list of
 * overlays: which page of that kind, where in it (data, then tag), how many bytes,
 * the bytes.
 *
 * Does not know: which kind (the other file of the program says that), nor what
 * the core should make of it (card.h says what it must not).
 */
#include "fuzz_page.h"

#define HEAD_BYTES 4

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static bool chosen(const struct card_page *p)
{
	return p->written && fuzz_page_is_target(p->tag.type);
}

static struct card_page *find(struct card_page *pages, u32 nr)
{
	u32 i, total = 0;

	for (i = 0; i < CARD_ALL_PAGES; i++)
		total += chosen(&pages[i]);
	if (!total)
		return NULL;
	for (i = 0, nr %= total; !chosen(&pages[i]) || nr--; i++)
		;
	return &pages[i];
}

static void put(struct card_page *p, u32 off, u8 byte)
{
	off %= FIO_MEDIA_UNIT + FIO_MEDIA_TAG;
	if (off < FIO_MEDIA_UNIT)
		p->data[off] = byte;
	else
		((u8 *)&p->tag)[off - FIO_MEDIA_UNIT] = byte;
}

/* Returns how much of the input it took. */
static size_t overlay(struct card_page *pages, const u8 *in, size_t size)
{
	struct card_page *p = find(pages, in[0]);
	u32 off = in[1] | (u32)in[2] << 8;
	size_t len = min_t(size_t, in[3], size - HEAD_BYTES);
	size_t i;

	for (i = 0; p && i < len; i++)
		put(p, off + (u32)i, in[HEAD_BYTES + i]);
	return HEAD_BYTES + len;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct card_page pages[CARD_ALL_PAGES];
	size_t at = 1;

	if (!size)
		return 0;
	card_copy(pages, data[0] & 1);
	while (at + HEAD_BYTES < size)
		at += overlay(pages, data + at, size - at);
	card_try(pages);
	return 0;
}
