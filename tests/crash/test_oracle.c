// SPDX-License-Identifier: GPL-2.0-only
/*
 * The oracle itself: it must accept every legal outcome and no other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "oracle.h"

#define BYTES 512

struct fixture {
	struct oracle o;
	struct oracle_op op[4];
	u8 data[4][BYTES];
	u8 zero[BYTES];
};

static struct fixture x;

static int fresh(void **state)
{
	memset(&x, 0, sizeof(x));
	oracle_init(&x.o, 4, BYTES);
	return 0;
}

static void issue(u32 i, u32 lba)
{
	oracle_issue(&x.o, &x.op[i], lba, 1, x.data[i]);
}

static void found(const u8 *data, bool cut)
{
	struct oracle o = x.o;

	if (cut)
		oracle_cut(&o);
	assert_null(oracle_read(&o, 1, data, cut));
}

static void not_found(const u8 *data, bool cut)
{
	struct oracle o = x.o;

	if (cut)
		oracle_cut(&o);
	assert_non_null(oracle_read(&o, 1, data, cut));
}

static void durable_is_never_lost(void **state)
{
	issue(0, 1);
	found(x.zero, true);
	found(x.data[0], true);
	oracle_ack(&x.o, &x.op[0], true);
	found(x.data[0], true);
	not_found(x.zero, true);
	not_found(x.zero, false);
}

static void volatile_may_be_lost_until_flush(void **state)
{
	struct oracle_flush f;

	issue(0, 1);
	oracle_ack(&x.o, &x.op[0], false);
	not_found(x.zero, false);
	found(x.zero, true);
	oracle_flush_issue(&x.o, &f);
	issue(1, 1);
	oracle_ack(&x.o, &x.op[1], false);
	oracle_flush_ack(&x.o, &f);
	not_found(x.zero, true);
	found(x.data[0], true);
	found(x.data[1], true);
}

static void later_issued_may_be_found(void **state)
{
	issue(0, 1);
	oracle_ack(&x.o, &x.op[0], true);
	issue(1, 1);
	found(x.data[0], true);
	found(x.data[1], true);
	not_found(x.zero, true);
}

static void what_was_found_stays(void **state)
{
	issue(0, 1);
	issue(1, 1);
	oracle_cut(&x.o);
	assert_null(oracle_read(&x.o, 1, x.data[0], true));
	not_found(x.data[1], true);
	not_found(x.zero, true);
	found(x.data[0], true);
}

static void overlapping_order_is_what_a_read_saw(void **state)
{
	issue(0, 1);
	issue(1, 1);
	oracle_ack(&x.o, &x.op[1], true);
	oracle_ack(&x.o, &x.op[0], true);
	found(x.data[0], true);
	found(x.data[1], true);
	not_found(x.zero, true);
	assert_null(oracle_read(&x.o, 1, x.data[0], false));
	not_found(x.data[1], false);
	not_found(x.data[1], true);
	found(x.data[0], true);
}

static void trim_reads_zero_and_stays(void **state)
{
	issue(0, 1);
	oracle_ack(&x.o, &x.op[0], true);
	oracle_issue(&x.o, &x.op[1], 1, 1, NULL);
	oracle_ack(&x.o, &x.op[1], true);
	found(x.zero, true);
	not_found(x.data[0], true);
}

static void ignored_discard_is_legal(void **state)
{
	issue(0, 1);
	oracle_ack(&x.o, &x.op[0], true);
	oracle_issue(&x.o, &x.op[1], 1, 1, NULL);
	oracle_may_ignore(&x.o, &x.op[1], 1);
	oracle_ack(&x.o, &x.op[1], true);
	found(x.zero, true);
	found(x.data[0], true);
	found(x.data[0], false);
}

static void foreign_and_damaged_data_is_refused(void **state)
{
	issue(0, 1);
	issue(1, 2);
	oracle_ack(&x.o, &x.op[0], true);
	oracle_ack(&x.o, &x.op[1], true);
	not_found(x.data[1], false);	/* block 2's */
	x.data[0][BYTES - 1] ^= 1;
	not_found(x.data[0], false);
	x.data[0][BYTES - 1] ^= 1;
	found(x.data[0], false);
}

static void never_issued_version_is_refused(void **state)
{
	struct oracle before = x.o;

	issue(0, 1);
	x.o = before;
	not_found(x.data[0], false);
	not_found(x.data[0], true);
}

/* What an atomic write left: @first, @second as read; is it torn? */
static bool torn(const u8 *first, const u8 *second)
{
	struct oracle o = x.o;

	oracle_cut(&o);
	assert_null(oracle_read(&o, 1, first, true));
	assert_null(oracle_read(&o, 2, second, true));
	return oracle_untorn(&o);
}

static void atomic_is_whole(void **state)
{
	static u8 pair[2 * BYTES];

	oracle_issue(&x.o, &x.op[0], 1, 2, pair);
	oracle_atomic(&x.o, &x.op[0]);
	assert_false(torn(x.zero, x.zero));
	assert_false(torn(pair, pair + BYTES));
	assert_true(torn(pair, x.zero));
	assert_true(torn(x.zero, pair + BYTES));
	/* a later write of one block says nothing of the other */
	oracle_ack(&x.o, &x.op[0], false);
	issue(1, 1);
	assert_false(torn(x.data[1], x.zero));
	assert_false(torn(x.data[1], pair + BYTES));
	assert_true(torn(x.zero, pair + BYTES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(durable_is_never_lost, fresh),
		cmocka_unit_test_setup(volatile_may_be_lost_until_flush, fresh),
		cmocka_unit_test_setup(atomic_is_whole, fresh),
		cmocka_unit_test_setup(later_issued_may_be_found, fresh),
		cmocka_unit_test_setup(what_was_found_stays, fresh),
		cmocka_unit_test_setup(overlapping_order_is_what_a_read_saw, fresh),
		cmocka_unit_test_setup(trim_reads_zero_and_stays, fresh),
		cmocka_unit_test_setup(ignored_discard_is_legal, fresh),
		cmocka_unit_test_setup(foreign_and_damaged_data_is_refused, fresh),
		cmocka_unit_test_setup(never_issued_version_is_refused, fresh),
	};

	return cmocka_run_group_tests_name("oracle", tests, NULL, NULL);
}
