// SPDX-License-Identifier: GPL-2.0-only
/*
 * The NAND model in memory: rules, torn outcomes, faults, forks, hashes.
 */
#include <pthread.h>

#include "test_nand_util.h"

static int make(void **state)
{
	*state = nand_create_mem(&tiny);
	return *state ? 0 : -1;
}

static int destroy(void **state)
{
	assert_sound(*state);
	nand_close(*state);
	return 0;
}

/* The call broke a rule, and the sentence has @words in it. */
static void assert_rule(struct nand *n, enum nand_result r, const char *words)
{
	assert_int_equal(r, NAND_RULE);
	assert_non_null(nand_violation(n));
	if (!strstr(nand_violation(n), words))
		fail_msg("\"%s\" does not say \"%s\"", nand_violation(n), words);
}

static u64 violations(const struct nand *n)
{
	struct nand_stats st;

	nand_get_stats(n, &st);
	return st.violations;
}

static void test_geometry(void **state)
{
	static const struct nand_geometry absurd[] = {
		{ 0, 1, 1, 512, 0, 1 },
		{ 257, 1, 1, 512, 0, 1 },
		{ 1, 0, 1, 512, 0, 1 },
		{ 1, (1 << 20) + 1, 1, 512, 0, 1 },
		{ 1, 1, 0, 512, 0, 1 },
		{ 1, 1, 4097, 512, 0, 1 },
		{ 1, 1, ~0U, 512, 0, 1 },
		{ 1, 1, 1, 0, 0, 1 },
		{ 1, 1, 1, 513, 0, 1 },
		{ 1, 1, 1, 512, 513, 1 },
		{ 256, 1 << 20, 4096, 1 << 20, 0, 1 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(absurd); i++) {
		errno = 0;
		assert_null(nand_create_mem(&absurd[i]));
		assert_int_equal(errno, EINVAL);
	}
	assert_memory_equal(nand_geometry(*state), &tiny, sizeof(tiny));
	assert_true(nand_is_new(*state));
	assert_false(nand_was_cut(*state));
	assert_null(nand_user(*state));
}

static void test_program_read_erase(void **state)
{
	struct nand *n = *state;
	struct page p, ones;

	memset(&ones, 0xff, sizeof(ones));
	assert_int_equal(read_page(n, 1, 2, 0, &p), NAND_ERASED);
	assert_memory_equal(&p, &ones, sizeof(p));
	fill(n, 1, 2, PAGES, 7);
	assert_int_equal(info_of(n, 1, 2).write_ptr, PAGES);
	for (u32 i = 0; i < PAGES; i++)
		assert_true(holds(n, 1, 2, i, 7));
	assert_int_equal(info_of(n, 1, 2).read_count, PAGES + 1);
	assert_int_equal(nand_erase(n, 1, 2), NAND_OK);
	assert_int_equal(info_of(n, 1, 2).write_ptr, 0);
	assert_int_equal(info_of(n, 1, 2).erase_count, 1);
	assert_int_equal(info_of(n, 1, 2).read_count, 0);
	assert_int_equal(read_page(n, 1, 2, 0, &p), NAND_ERASED);
	fill(n, 1, 2, PAGES, 8);
	assert_true(holds(n, 1, 2, 3, 8));
	assert_int_equal(violations(n), 0);
	assert_null(nand_violation(n));
}

static void test_read_parts(void **state)
{
	struct nand *n = *state;
	struct page want = make_page(0, 0, 0, 1), got;

	fill(n, 0, 0, 1, 1);
	assert_int_equal(nand_read(n, 0, 0, 0, got.data, NULL, 0, NULL), NAND_OK);
	assert_memory_equal(got.data, want.data, PAGE_BYTES);
	assert_int_equal(nand_read(n, 0, 0, 0, NULL, got.oob, 0, NULL), NAND_OK);
	assert_memory_equal(got.oob, want.oob, OOB_BYTES);
}

static void test_program_order(void **state)
{
	struct nand *n = *state;

	assert_rule(n, program(n, 0, 1, 1, 1), "out of order");
	fill(n, 0, 1, 3, 1);
	assert_rule(n, program(n, 0, 1, 4, 1), "the next page is 3");
	assert_rule(n, program(n, 0, 1, 2, 2), "page 2 programmed twice");
	assert_true(holds(n, 0, 1, 2, 1));
	assert_int_equal(info_of(n, 0, 1).write_ptr, 3);
	assert_int_equal(violations(n), 3);
}

static void test_full_block(void **state)
{
	struct nand *n = *state;

	fill(n, 0, 1, PAGES, 1);
	assert_rule(n, program(n, 0, 1, 0, 2), "erase the block first");
	assert_rule(n, program(n, 0, 1, PAGES, 2), "a block has 8 pages");
}

static void test_addresses(void **state)
{
	struct nand *n = *state;
	struct page p;

	assert_rule(n, program(n, DIES, 0, 0, 1), "die 2 does not exist");
	assert_rule(n, nand_erase(n, 0, BLOCKS), "block 6 does not exist");
	assert_rule(n, read_page(n, 0, 0, PAGES, &p), "page 8 does not exist");
	assert_rule(n, read_page(n, ~0U, 0, 0, &p), "does not exist");
	nand_mark_bad(n, 0, BLOCKS);
	assert_true(info_of(n, 0, BLOCKS).bad);
	nand_set_die_offline(n, DIES, true);
	assert_int_equal(violations(n), 6);
}

static void test_bad_block(void **state)
{
	struct nand *n = *state;

	fill(n, 0, 3, 2, 1);
	nand_mark_bad(n, 0, 3);
	assert_true(info_of(n, 0, 3).bad);
	assert_false(info_of(n, 0, 3).factory_bad);
	assert_int_equal(program(n, 0, 3, 2, 1), NAND_BAD_BLOCK);
	assert_int_equal(nand_erase(n, 0, 3), NAND_BAD_BLOCK);
	assert_int_equal(tear(n, NAND_ERASE, 0, 3, 0, 0, NAND_TORN_DONE), NAND_BAD_BLOCK);
	assert_true(holds(n, 0, 3, 1, 1));
}

static u32 count_factory_bad(const struct nand *n)
{
	u32 bad = 0;

	for (u32 d = 0; d < DIES; d++)
		for (u32 b = 0; b < BLOCKS; b++)
			bad += info_of(n, d, b).factory_bad && info_of(n, d, b).bad;
	return bad;
}

static u64 factory_image(u32 permille, u64 seed, u32 bad)
{
	struct nand *n = nand_create_mem(&tiny);
	u64 hash;

	assert_int_equal(nand_set_factory_bad(n, permille, seed), 0);
	assert_int_equal(count_factory_bad(n), bad);
	assert_false(info_of(n, 0, 0).bad);
	assert_false(info_of(n, 1, 0).bad);
	hash = nand_hash(n);
	nand_close(n);
	return hash;
}

static void test_factory_bad(void **state)
{
	struct nand *n = *state;
	struct page p;

	assert_int_equal(factory_image(250, 1, 3), factory_image(250, 1, 3));
	assert_int_not_equal(factory_image(250, 1, 3), factory_image(250, 2, 3));
	factory_image(0, 1, 0);
	assert_int_equal(nand_set_factory_bad(n, 1001, 1), -EINVAL);
	assert_int_equal(nand_set_factory_bad(n, 1000, 1), 0);
	assert_int_equal(count_factory_bad(n), DIES * (BLOCKS - 1));
	assert_int_equal(read_page(n, 0, 1, 0, &p), NAND_BAD_BLOCK);
	assert_int_equal(program(n, 0, 1, 0, 1), NAND_BAD_BLOCK);
	assert_int_equal(program(n, 0, 0, 0, 1), NAND_OK);
	assert_int_equal(nand_set_factory_bad(n, 10, 1), -EBUSY);
}

static void test_die_offline(void **state)
{
	struct nand *n = *state;
	struct page p;

	fill(n, 1, 0, 1, 1);
	nand_set_die_offline(n, 1, true);
	assert_int_equal(program(n, 1, 0, 1, 1), NAND_DIE_OFFLINE);
	assert_int_equal(nand_erase(n, 1, 0), NAND_DIE_OFFLINE);
	assert_int_equal(read_page(n, 1, 0, 0, &p), NAND_DIE_OFFLINE);
	assert_int_equal(program(n, 0, 0, 0, 1), NAND_OK);
	nand_set_die_offline(n, 1, false);
	assert_true(holds(n, 1, 0, 0, 1));
}

/* --- torn outcomes --- */

static void test_torn_program_not_started(void **state)
{
	struct nand *n = *state;
	u64 before;
	struct page p;

	fill(n, 0, 1, 2, 1);
	before = nand_hash(n);
	assert_int_equal(tear(n, NAND_PROGRAM, 0, 1, 2, 1, NAND_TORN_NOT_STARTED), NAND_OK);
	assert_int_equal(nand_hash(n), before);
	assert_int_equal(read_page(n, 0, 1, 2, &p), NAND_ERASED);
	assert_int_equal(program(n, 0, 1, 2, 2), NAND_OK);
}

static void test_torn_program_partial(void **state)
{
	struct nand *n = *state;
	struct page p, want = make_page(0, 1, 2, 1);

	fill(n, 0, 1, 2, 1);
	assert_int_equal(tear(n, NAND_PROGRAM, 0, 1, 2, 1, NAND_TORN_PARTIAL), NAND_OK);
	assert_int_equal(info_of(n, 0, 1).write_ptr, 3);
	assert_int_equal(read_page(n, 0, 1, 2, &p), NAND_UNCORRECTABLE);
	assert_memory_not_equal(p.data, want.data, PAGE_BYTES);
	assert_int_equal(nand_read(n, 0, 1, 2, p.data, p.oob, 9, NULL), NAND_UNCORRECTABLE);
	assert_rule(n, program(n, 0, 1, 2, 2), "programmed twice");
	assert_int_equal(program(n, 0, 1, 3, 2), NAND_OK);
	assert_true(holds(n, 0, 1, 1, 1));
}

static void test_torn_program_reads_once(void **state)
{
	struct nand *n = *state;
	struct nand *other;
	struct page p;

	assert_int_equal(tear(n, NAND_PROGRAM, 0, 1, 0, 1, NAND_TORN_READS_ONCE), NAND_OK);
	assert_int_equal(info_of(n, 0, 1).write_ptr, 1);
	other = nand_fork(n);
	assert_true(holds(n, 0, 1, 0, 1));
	assert_int_equal(read_page(n, 0, 1, 0, &p), NAND_UNCORRECTABLE);
	assert_int_equal(nand_read(n, 0, 1, 0, NULL, p.oob, 3, NULL), NAND_UNCORRECTABLE);
	/* one read of either part is all there is, and another copy has its own */
	assert_int_equal(nand_read(other, 0, 1, 0, NULL, p.oob, 0, NULL), NAND_OK);
	assert_int_equal(nand_read(other, 0, 1, 0, p.data, NULL, 0, NULL), NAND_UNCORRECTABLE);
	assert_int_equal(nand_hash(n), nand_hash(other));
	nand_close(other);
}

static void test_torn_program_done(void **state)
{
	struct nand *n = *state;
	struct nand *plain = nand_fork(n);

	assert_int_equal(tear(n, NAND_PROGRAM, 0, 1, 0, 1, NAND_TORN_DONE), NAND_OK);
	assert_true(holds(n, 0, 1, 0, 1));
	assert_true(holds(n, 0, 1, 0, 1));
	fill(plain, 0, 1, 1, 1);
	assert_int_equal(nand_hash(n), nand_hash(plain));
	nand_close(plain);
}

static void test_torn_erase_partial(void **state)
{
	struct nand *n = *state;
	u32 seen[3] = { 0 };

	for (u64 seed = 0; seed < 8; seed++) {
		struct nand *copy = nand_fork(n);

		nand_set_seed(copy, seed);
		fill(copy, 0, 1, PAGES, 1);
		assert_int_equal(tear(copy, NAND_ERASE, 0, 1, 0, 0, NAND_TORN_PARTIAL), NAND_OK);
		assert_true(info_of(copy, 0, 1).torn_erase);
		assert_int_equal(info_of(copy, 0, 1).write_ptr, PAGES);
		for (u32 i = 0; i < PAGES; i++) {
			struct page p;
			enum nand_result r = read_page(copy, 0, 1, i, &p);

			assert_in_range(r, NAND_OK, NAND_UNCORRECTABLE);
			if (r == NAND_OK)
				assert_true(holds(copy, 0, 1, i, 1));
			seen[r]++;
		}
		nand_close(copy);
	}
	assert_int_not_equal(seen[NAND_OK], 0);
	assert_int_not_equal(seen[NAND_ERASED], 0);
	assert_int_not_equal(seen[NAND_UNCORRECTABLE], 0);
}

static void test_torn_erase_needs_erase(void **state)
{
	struct nand *n = *state;
	struct nand *clean = nand_fork(n);

	fill(n, 0, 1, 3, 1);
	assert_int_equal(tear(n, NAND_ERASE, 0, 1, 0, 0, NAND_TORN_READS_ONCE), NAND_OK);
	assert_true(info_of(n, 0, 1).torn_erase);
	assert_rule(n, program(n, 0, 1, 3, 2), "after an incomplete erase");
	assert_rule(n, program(n, 0, 1, 0, 2), "erase the block again");
	assert_int_equal(nand_erase(n, 0, 1), NAND_OK);
	assert_sound(n);
	assert_false(info_of(n, 0, 1).torn_erase);
	assert_int_equal(nand_hash(n), nand_hash(clean));
	fill(n, 0, 1, PAGES, 3);
	nand_close(clean);
}

static void test_torn_erase_other(void **state)
{
	struct nand *n = *state;
	u64 empty = nand_hash(n), full;

	fill(n, 0, 1, 3, 1);
	full = nand_hash(n);
	assert_int_equal(tear(n, NAND_ERASE, 0, 1, 0, 0, NAND_TORN_NOT_STARTED), NAND_OK);
	assert_int_equal(nand_hash(n), full);
	assert_int_equal(info_of(n, 0, 1).erase_count, 0);
	assert_int_equal(tear(n, NAND_ERASE, 0, 1, 0, 0, NAND_TORN_DONE), NAND_OK);
	assert_int_equal(nand_hash(n), empty);
	assert_int_equal(info_of(n, 0, 1).erase_count, 1);
}

static void test_tear_obeys_rules(void **state)
{
	struct nand *n = *state;

	assert_rule(n, tear(n, NAND_PROGRAM, 0, 1, 4, 1, NAND_TORN_PARTIAL), "out of order");
	assert_rule(n, tear(n, NAND_READ, 0, 1, 0, 1, NAND_TORN_PARTIAL), "only programs");
	assert_rule(n, tear(n, NAND_ERASE, 0, 1, 0, 1, NAND_TORN_COUNT), "no torn outcome");
	assert_int_equal(info_of(n, 0, 1).write_ptr, 0);
}

/* --- operations that take time --- */

static void test_begin_finish(void **state)
{
	struct nand *n = *state;
	struct page p = make_page(0, 1, 0, 5), got;

	assert_int_equal(nand_begin(n, NAND_PROGRAM, 0, 1, 0, p.data, p.oob), NAND_OK);
	assert_int_equal(read_page(n, 0, 1, 0, &got), NAND_ERASED);
	assert_rule(n, program(n, 0, 2, 0, 1), "busy with block 1");
	assert_rule(n, nand_erase(n, 0, 2), "busy");
	assert_int_equal(program(n, 1, 2, 0, 1), NAND_OK);
	assert_int_equal(nand_finish(n, 0), NAND_OK);
	assert_true(holds(n, 0, 1, 0, 5));
	assert_rule(n, nand_finish(n, 0), "nothing to finish");
	assert_int_equal(nand_begin(n, NAND_ERASE, 0, 1, 0, NULL, NULL), NAND_OK);
	assert_true(holds(n, 0, 1, 0, 5));
	assert_int_equal(nand_finish(n, 0), NAND_OK);
	assert_int_equal(read_page(n, 0, 1, 0, &got), NAND_ERASED);
	assert_rule(n, nand_begin(n, NAND_READ, 0, 1, 0, NULL, NULL), "only programs and erases");
}

static enum nand_torn classify_program(struct nand *n)
{
	struct page p;

	if (!info_of(n, 0, 1).write_ptr) {
		assert_int_equal(read_page(n, 0, 1, 0, &p), NAND_ERASED);
		return NAND_TORN_NOT_STARTED;
	}
	if (!holds(n, 0, 1, 0, 1))
		return NAND_TORN_PARTIAL;
	return holds(n, 0, 1, 0, 1) ? NAND_TORN_DONE : NAND_TORN_READS_ONCE;
}

static void test_power_cut(void **state)
{
	struct page p = make_page(0, 1, 0, 1);
	u32 seen[NAND_TORN_COUNT] = { 0 };

	assert_int_equal(nand_power_cut(*state), 0);
	for (u64 seed = 0; seed < 40; seed++) {
		struct nand *n = nand_fork(*state);

		nand_set_seed(n, seed);
		fill(n, 1, 1, PAGES, 1);
		assert_int_equal(nand_begin(n, NAND_PROGRAM, 0, 1, 0, p.data, p.oob), NAND_OK);
		assert_int_equal(nand_begin(n, NAND_ERASE, 1, 1, 0, NULL, NULL), NAND_OK);
		assert_int_equal(nand_power_cut(n), 2);
		assert_int_equal(nand_power_cut(n), 0);
		seen[classify_program(n)]++;
		nand_close(n);
	}
	for (int i = 0; i < NAND_TORN_COUNT; i++)
		assert_int_not_equal(seen[i], 0);
}

/* --- forks and hashes --- */

static void test_fork_isolation(void **state)
{
	struct nand *a = *state, *b, *c;
	u64 base;

	fill(a, 0, 1, 4, 1);
	base = nand_hash(a);
	b = nand_fork(a);
	assert_int_equal(nand_hash(b), base);
	assert_int_equal(program(b, 0, 1, 4, 2), NAND_OK);
	assert_int_equal(nand_hash(a), base);
	assert_int_equal(program(a, 0, 1, 4, 3), NAND_OK);
	assert_true(holds(a, 0, 1, 4, 3));
	assert_true(holds(b, 0, 1, 4, 2));
	c = nand_fork(b);
	assert_int_equal(nand_erase(b, 0, 1), NAND_OK);
	nand_close(b);
	for (u32 i = 0; i < 4; i++)
		assert_true(holds(c, 0, 1, i, 1));
	assert_true(holds(c, 0, 1, 4, 2));
	nand_set_fault(c, NAND_FAULT_READ, -1, -1, -1, 0, -1);
	assert_false(holds(c, 0, 1, 0, 1));
	assert_true(holds(a, 0, 1, 0, 1));
	nand_close(c);
}

static void test_hash_equal(void **state)
{
	struct nand *a = *state, *b = nand_fork(a);
	struct page p;

	/* another way to the same image */
	fill(a, 0, 1, 2, 1);
	fill(a, 1, 0, 1, 1);
	fill(b, 1, 0, PAGES, 9);
	assert_int_equal(nand_erase(b, 1, 0), NAND_OK);
	fill(b, 1, 0, 1, 1);
	fill(b, 0, 1, 2, 1);
	read_page(b, 0, 1, 1, &p);
	assert_int_equal(nand_hash(a), nand_hash(b));
	nand_close(b);
}

static void assert_changes_hash(struct nand *n, u64 *last)
{
	u64 hash = nand_hash(n);

	assert_int_not_equal(hash, *last);
	*last = hash;
}

static void test_hash_differs(void **state)
{
	struct nand *n = *state, *other = nand_fork(n);
	struct page p;
	u64 last = nand_hash(n);

	fill(n, 0, 1, 1, 1);
	assert_changes_hash(n, &last);
	fill(other, 0, 1, 1, 2);
	assert_int_not_equal(nand_hash(other), last);
	fill(n, 0, 2, 1, 1);
	assert_changes_hash(n, &last);
	tear(n, NAND_PROGRAM, 0, 1, 1, 1, NAND_TORN_READS_ONCE);
	assert_changes_hash(n, &last);
	read_page(n, 0, 1, 1, &p);
	assert_changes_hash(n, &last);
	nand_mark_bad(n, 1, 1);
	assert_changes_hash(n, &last);
	tear(n, NAND_ERASE, 0, 2, 0, 0, NAND_TORN_PARTIAL);
	assert_changes_hash(n, &last);
	nand_close(other);
}

static u32 readable_pages(struct nand *n)
{
	u32 pages = 0;
	struct page p;

	for (u32 i = 0; i < PAGES; i++)
		if (read_page(n, 0, 1, i, &p) != NAND_UNCORRECTABLE)
			pages |= 1U << i;
	return pages;
}

/* What an interrupted erase does to pages that were never programmed counts too. */
static void test_hash_sees_torn_erase(void **state)
{
	struct nand *n[2];
	u32 differ = 0;

	for (u64 seed = 0; seed < 4; seed++) {
		for (int i = 0; i < 2; i++) {
			n[i] = nand_fork(*state);
			nand_set_seed(n[i], seed + i);
			tear(n[i], NAND_ERASE, 0, 1, 0, 0, NAND_TORN_PARTIAL);
		}
		if (readable_pages(n[0]) != readable_pages(n[1])) {
			assert_int_not_equal(nand_hash(n[0]), nand_hash(n[1]));
			differ++;
		}
		nand_close(n[0]);
		nand_close(n[1]);
	}
	assert_int_not_equal(differ, 0);
}

static void test_hash_sees_every_byte(void **state)
{
	struct page p = make_page(0, 0, 0, 1);
	u8 *byte = (u8 *)&p;
	u64 base, hash;

	for (u32 i = 0; i <= sizeof(p); i++) {
		struct nand *n = nand_fork(*state);

		if (i)
			byte[i - 1] ^= 0x10;
		assert_int_equal(nand_program(n, 0, 0, 0, p.data, p.oob), NAND_OK);
		if (i)
			byte[i - 1] ^= 0x10;
		hash = nand_hash(n);
		if (!i)
			base = hash;
		else
			assert_int_not_equal(hash, base);
		nand_close(n);
	}
}

/* --- faults --- */

static void test_program_fault(void **state)
{
	struct nand *n = *state;
	struct nand_stats st;
	struct page p;

	assert_int_equal(nand_set_fault(n, NAND_FAULT_PROGRAM, 0, 2, 3, 0, 1), 0);
	fill(n, 0, 2, 3, 1);
	assert_int_equal(program(n, 0, 2, 3, 1), NAND_PROGRAM_FAIL);
	assert_int_equal(read_page(n, 0, 2, 3, &p), NAND_UNCORRECTABLE);
	assert_int_equal(program(n, 0, 2, 4, 1), NAND_OK);
	assert_true(holds(n, 0, 2, 2, 1));
	nand_get_stats(n, &st);
	assert_int_equal(st.program_fails, 1);
	assert_int_equal(st.programs, 5);
	assert_int_equal(st.bytes_written, 4 * PAGE_BYTES);
}

static void test_erase_fault(void **state)
{
	struct nand *n = *state;

	fill(n, 1, 2, PAGES, 1);
	assert_int_equal(nand_set_fault(n, NAND_FAULT_ERASE, 1, -1, 5, 0, 1), 0);
	assert_int_equal(nand_erase(n, 0, 2), NAND_OK);
	assert_int_equal(nand_erase(n, 1, 2), NAND_ERASE_FAIL);
	assert_true(info_of(n, 1, 2).torn_erase);
	assert_rule(n, program(n, 1, 2, 0, 1), "incomplete erase");
	assert_int_equal(nand_erase(n, 1, 2), NAND_OK);
	fill(n, 1, 2, PAGES, 2);
}

static void test_read_faults(void **state)
{
	struct nand *n = *state;
	struct page p, want = make_page(0, 1, 1, 1);

	fill(n, 0, 1, 3, 1);
	assert_int_equal(nand_set_fault(n, NAND_FAULT_READ, 0, 1, 1, 0, 2), 0);
	assert_true(holds(n, 0, 1, 0, 1));
	assert_int_equal(nand_read(n, 0, 1, 1, p.data, p.oob, 0, NULL), NAND_UNCORRECTABLE);
	assert_memory_not_equal(p.data, want.data, PAGE_BYTES);
	assert_int_equal(nand_read(n, 0, 1, 1, p.data, p.oob, 5, NULL), NAND_UNCORRECTABLE);
	assert_true(holds(n, 0, 1, 1, 1));
	assert_int_equal(nand_set_fault(n, NAND_FAULT_RETRY, -1, -1, -1, 0, -1), 0);
	assert_int_equal(nand_read(n, 0, 1, 1, p.data, p.oob, 0, NULL), NAND_UNCORRECTABLE);
	assert_int_equal(nand_read(n, 0, 1, 1, p.data, p.oob, 1, NULL), NAND_OK);
	assert_memory_equal(&p, &want, sizeof(p));
}

static void test_corrupt_fault(void **state)
{
	struct nand *n = *state;
	struct page p, want = make_page(0, 1, 0, 1);
	u32 bits = 0;

	fill(n, 0, 1, 1, 1);
	assert_int_equal(nand_set_fault(n, NAND_FAULT_CORRUPT, 0, 1, 0, 0, 1), 0);
	assert_int_equal(read_page(n, 0, 1, 0, &p), NAND_OK);
	for (u32 i = 0; i < PAGE_BYTES; i++)
		bits += __builtin_popcount(p.data[i] ^ want.data[i]);
	assert_int_equal(bits, 1);
	assert_true(holds(n, 0, 1, 0, 1));
}

static void test_fault_skip_count(void **state)
{
	static const enum nand_result want[] = {
		NAND_OK, NAND_OK, NAND_UNCORRECTABLE, NAND_UNCORRECTABLE, NAND_OK, NAND_OK,
	};
	struct nand *n = *state;
	struct page p;

	fill(n, 0, 0, 1, 1);
	nand_set_fault(n, NAND_FAULT_READ, 0, -1, -1, 2, 2);
	for (u32 i = 0; i < ARRAY_SIZE(want); i++)
		assert_int_equal(read_page(n, 0, 0, 0, &p), want[i]);
	nand_set_fault(n, NAND_FAULT_READ, 0, -1, -1, 0, -1);
	for (u32 i = 0; i < 10; i++)
		assert_int_equal(read_page(n, 0, 0, 0, &p), NAND_UNCORRECTABLE);
	nand_set_fault(n, NAND_FAULT_READ, 0, -1, -1, 0, 0);
	assert_int_equal(read_page(n, 0, 0, 0, &p), NAND_OK);
}

static void test_fault_slots(void **state)
{
	struct nand *n = *state;
	int armed = 0;

	while (!nand_set_fault(n, NAND_FAULT_PROGRAM, 0, 1, armed, 0, 1))
		assert_in_range(++armed, 1, 1000);
	assert_int_equal(nand_set_fault(n, NAND_FAULT_READ, 0, 1, 1, 0, 1), -ENOSPC);
	/* the same target is the same fault */
	assert_int_equal(nand_set_fault(n, NAND_FAULT_PROGRAM, 0, 1, 0, 0, 2), 0);
	assert_int_equal(nand_set_fault(n, NAND_FAULT_PROGRAM, 0, 1, 1, 0, 0), 0);
	assert_int_equal(nand_set_fault(n, NAND_FAULT_READ, 0, 1, 1, 0, 1), 0);
}

static void test_bitflips(void **state)
{
	struct nand *n = *state;
	struct nand_stats st;
	u32 bad = 0, total = 0, flips;
	struct page p;

	fill(n, 0, 0, 1, 1);
	/* 512 bytes at 1 in 128: 4 on average, 0 to 8 */
	nand_set_bitflips(n, 7813, 6);
	for (u32 i = 0; i < 1000; i++) {
		enum nand_result r = nand_read(n, 0, 0, 0, p.data, p.oob, 0, &flips);

		assert_in_range(flips, 0, 6);
		total += flips;
		bad += r == NAND_UNCORRECTABLE;
		if (r == NAND_UNCORRECTABLE)
			assert_int_equal(flips, 0);
		/* half the flips are within the budget always */
		assert_int_equal(nand_read(n, 0, 0, 0, p.data, p.oob, 1, NULL), NAND_OK);
	}
	assert_in_range(bad, 100, 350);
	assert_in_range(total, 1500, 3500);
	nand_get_stats(n, &st);
	assert_int_equal(st.uncorrectable, bad);
	assert_true(st.corrected_bits > total);
	nand_set_bitflips(n, 0, 0);
	assert_true(holds(n, 0, 0, 0, 1));
}

static void test_wear(void **state)
{
	struct nand_geometry geo = tiny;
	u32 erase_fails = 0, program_fails = 0;
	struct nand *n;

	geo.endurance = 20;
	n = nand_create_mem(&geo);
	for (u32 i = 0; i < 20; i++) {
		fill(n, 0, 1, PAGES, i);
		assert_int_equal(nand_erase(n, 0, 1), NAND_OK);
	}
	for (u32 i = 0; i < 200; i++) {
		enum nand_result r = nand_erase(n, 0, 1);

		erase_fails += r == NAND_ERASE_FAIL;
		if (r)
			continue;
		r = program(n, 0, 1, 0, i);
		assert_true(r == NAND_OK || r == NAND_PROGRAM_FAIL);
		program_fails += r == NAND_PROGRAM_FAIL;
	}
	assert_in_range(erase_fails, 50, 150);
	assert_in_range(program_fails, 20, 100);
	assert_int_equal(info_of(n, 0, 1).erase_count, 220);
	nand_close(n);
}

static void test_timing(void **state)
{
	struct nand *n = *state;

	assert_int_equal(nand_op_ns(n, NAND_ERASE), 0);
	nand_set_timing(n, NAND_TIMING_MLC);
	assert_true(nand_op_ns(n, NAND_READ) < nand_op_ns(n, NAND_PROGRAM));
	assert_true(nand_op_ns(n, NAND_PROGRAM) < nand_op_ns(n, NAND_ERASE));
	assert_int_equal(nand_op_ns(n, NAND_ERASE), 3500000);
	nand_set_timing(n, NAND_TIMING_SLC);
	assert_int_equal(nand_op_ns(n, NAND_ERASE), 1500000);
	nand_set_timing(n, NAND_TIMING_NONE);
	assert_int_equal(nand_op_ns(n, NAND_READ), 0);
}

struct job {
	struct nand *n;
	u32 die;
	u32 failed;
};

static void *work_on_die(void *arg)
{
	struct job *job = arg;

	for (u32 i = 0; i < 200; i++) {
		job->failed += program(job->n, job->die, 0, PAGES, i) != NAND_RULE;
		for (u32 page = 0; page < PAGES; page++)
			job->failed += program(job->n, job->die, 0, page, i) == NAND_PROGRAM_FAIL;
		job->failed += nand_erase(job->n, job->die, 0) != NAND_OK;
	}
	return NULL;
}

static void test_dies_in_parallel(void **state)
{
	struct nand *n = *state;
	struct job job[DIES];
	pthread_t thread[DIES];

	nand_set_fault(n, NAND_FAULT_PROGRAM, -1, -1, -1, 100, 50);
	for (u32 i = 0; i < DIES; i++) {
		job[i] = (struct job){ .n = n, .die = i };
		assert_int_equal(pthread_create(&thread[i], NULL, work_on_die, &job[i]), 0);
	}
	for (u32 i = 0; i < DIES; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(job[0].failed + job[1].failed, 50);
	assert_int_equal(violations(n), DIES * 200);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_geometry),
		CASE(test_program_read_erase),
		CASE(test_read_parts),
		CASE(test_program_order),
		CASE(test_full_block),
		CASE(test_addresses),
		CASE(test_bad_block),
		CASE(test_factory_bad),
		CASE(test_die_offline),
		CASE(test_torn_program_not_started),
		CASE(test_torn_program_partial),
		CASE(test_torn_program_reads_once),
		CASE(test_torn_program_done),
		CASE(test_torn_erase_partial),
		CASE(test_torn_erase_needs_erase),
		CASE(test_torn_erase_other),
		CASE(test_tear_obeys_rules),
		CASE(test_begin_finish),
		CASE(test_power_cut),
		CASE(test_fork_isolation),
		CASE(test_hash_equal),
		CASE(test_hash_differs),
		CASE(test_hash_sees_torn_erase),
		CASE(test_hash_sees_every_byte),
		CASE(test_program_fault),
		CASE(test_erase_fault),
		CASE(test_read_faults),
		CASE(test_corrupt_fault),
		CASE(test_fault_skip_count),
		CASE(test_fault_slots),
		CASE(test_bitflips),
		CASE(test_wear),
		CASE(test_timing),
		CASE(test_dies_in_parallel),
	};

	return cmocka_run_group_tests_name("nand", tests, NULL, NULL);
}
