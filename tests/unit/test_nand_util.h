/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the NAND model share: a tiny geometry, page contents that
 * tell where they belong, and the headers that cmocka wants in its order.
 */
#ifndef TEST_NAND_UTIL_H
#define TEST_NAND_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "vcard/nand/nand_priv.h"

/* The linker puts the first in the place of nand_publish(): see ld --wrap. */
void __wrap_nand_publish(u32 *field, u32 value);
void __real_nand_publish(u32 *field, u32 value);

enum {
	DIES = 2,
	BLOCKS = 6,
	PAGES = 8,
	PAGE_BYTES = 512,
	OOB_BYTES = 32,
};

static const struct nand_geometry tiny = {
	.dies = DIES,
	.blocks = BLOCKS,
	.pages = PAGES,
	.page_bytes = PAGE_BYTES,
	.oob_bytes = OOB_BYTES,
	.endurance = 1000,
};

struct page {
	u8 data[PAGE_BYTES];
	u8 oob[OOB_BYTES];
};

static inline struct page make_page(u32 die, u32 block, u32 page, u32 version)
{
	const u32 tag[4] = { die, block, page, version };
	struct page p;
	u32 i;

	for (i = 0; i < PAGE_BYTES; i++)
		p.data[i] = (u8)(((const u8 *)tag)[i % sizeof(tag)] + i);
	for (i = 0; i < OOB_BYTES; i++)
		p.oob[i] = (u8)(((const u8 *)tag)[i % sizeof(tag)] ^ 0x5a);
	return p;
}

static inline enum nand_result program(struct nand *n, u32 die, u32 block, u32 page, u32 version)
{
	struct page p = make_page(die, block, page, version);

	return nand_program(n, die, block, page, p.data, p.oob);
}

static inline void fill(struct nand *n, u32 die, u32 block, u32 pages, u32 version)
{
	u32 i;

	for (i = 0; i < pages; i++)
		assert_int_equal(program(n, die, block, i, version), NAND_OK);
}

static inline enum nand_result tear(struct nand *n, enum nand_op op, u32 die, u32 block, u32 page,
				    u32 version, enum nand_torn outcome)
{
	struct page p = make_page(die, block, page, version);

	return nand_tear(n, op, die, block, page, p.data, p.oob, outcome);
}

static inline enum nand_result read_page(struct nand *n, u32 die, u32 block, u32 page,
					 struct page *p)
{
	return nand_read(n, die, block, page, p->data, p->oob, 0, NULL);
}

static inline bool holds(struct nand *n, u32 die, u32 block, u32 page, u32 version)
{
	struct page want = make_page(die, block, page, version);
	struct page got;

	return read_page(n, die, block, page, &got) == NAND_OK && !memcmp(&want, &got, sizeof(got));
}

static inline struct nand_block_info info_of(const struct nand *n, u32 die, u32 block)
{
	struct nand_block_info info;

	nand_block_info(n, die, block, &info);
	return info;
}

/* Records agree with write pointers wherever an erase has not been interrupted. */
static inline void assert_sound(const struct nand *n)
{
	for (u64 b = 0; b < nand_nr_blocks(&n->geo); b++) {
		const struct nand_page_rec *rec = &n->pages[b * n->geo.pages];

		if (n->blocks[b].flags & NAND_BLK_TORN)
			continue;
		for (u32 i = 0; i < n->geo.pages; i++)
			assert_int_equal(rec[i].state != NAND_PG_ERASED,
					 i < n->blocks[b].write_ptr);
	}
	for (u32 die = 0; die < n->geo.dies; die++)
		assert_int_equal(n->intents[die].op, NAND_INTENT_NONE);
}

#endif /* TEST_NAND_UTIL_H */
