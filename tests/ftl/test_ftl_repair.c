// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data that was acknowledged into a volatile buffer and that flash then does not
 * take: it moves, the append unit goes, flushes end well, and a cut right after a
 * flush finds everything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig_ftl.h"
#include "hal/ftl/ftl_priv.h"

#define UNIT FIO_MEDIA_UNIT

struct fixture {
	struct rig r;
	bool mute;		/* the medium keeps its events for itself */
	u32 told;
};

static void told(void *ctx, u32 unit)
{
	struct fixture *x = ctx;

	x->told++;
	if (!x->mute)
		ftl_media_event(x->r.f, FTL_EV_RETIRE, unit);
}

static int put(struct fixture *x, u64 lu, u8 with)
{
	u8 data[UNIT];

	memset(data, with, sizeof(data));
	return rig_io(&x->r, FTL_WRITE, lu, 1, data);
}

static void expect(struct fixture *x, u64 lu, u8 with)
{
	u8 data[UNIT];

	assert_int_equal(rig_io(&x->r, FTL_READ, lu, 1, data), 0);
	assert_int_equal(data[0], with);
	assert_int_equal(data[UNIT - 1], with);
}

static void start(struct fixture *x, enum sim_policy policy)
{
	struct sim_config cfg = rig_small();

	memset(x, 0, sizeof(*x));
	cfg.aus = 24;
	cfg.volatile_buffer = true;
	cfg.policy = policy;
	cfg.seed = 5;
	rig_start(&x->r, &cfg, 4096, 200, 0);
}

static int flush(struct fixture *x)
{
	return rig_io(&x->r, FTL_FLUSH, 0, 0, NULL);
}

/* Write all, the @nth acknowledged program fails, flush, cut: all is there. */
static void one_failure(enum sim_policy policy, u32 nth)
{
	u64 seed = 11 + nth, lu;
	struct ftl_stats st;
	struct fixture x;

	start(&x, policy);
	for (lu = 0; lu < 120; lu++) {
		if (lu == nth)
			sim_fail_destages(x.r.sim, 1, told, &x);
		assert_int_equal(put(&x, lu, (u8)lu), 0);
	}
	assert_int_equal(flush(&x), 0);
	assert_int_equal(flush(&x), 0);
	assert_true(x.told > 0);
	ftl_get_stats(x.r.f, &st);
	assert_false(st.read_only);
	assert_int_equal(st.stripes_bad_aus, 1);
	assert_int_equal(st.program_fails, 1);
	for (lu = 0; lu < 120; lu++)
		expect(&x, lu, (u8)lu);
	sim_drive(&x.r.env, x.r.f);
	rig_check(&x.r, true);
	rig_cut(&x.r, &seed);
	for (lu = 0; lu < 120; lu++)
		expect(&x, lu, (u8)lu);
	rig_stop(&x.r);
}

static void test_one(void **state)
{
	static const enum sim_policy policy[] = { SIM_IMMEDIATE, SIM_LAZY, SIM_EAGER, SIM_RANDOM };
	u32 i, nth;

	for (i = 0; i < ARRAY_SIZE(policy); i++)
		for (nth = 0; nth < 110; nth += 9)
			one_failure(policy[i], nth);
}

/* Until it is repaired, what could not be programmed is read from the buffer. */
static void test_readable_meanwhile(void **state)
{
	struct fixture x;
	u64 lu;

	start(&x, SIM_IMMEDIATE);
	x.mute = true;
	sim_fail_destages(x.r.sim, 3, told, &x);
	for (lu = 0; lu < 120; lu++)
		assert_int_equal(put(&x, lu, (u8)lu), 0);
	assert_true(x.told >= 3);
	for (lu = 0; lu < 120; lu++)
		expect(&x, lu, (u8)lu);
	ftl_destroy(x.r.f);
	x.r.f = NULL;
	rig_stop(&x.r);
}

/* A card that does not say which one it was: an error, not a hang and not a lie. */
static void test_mute(void **state)
{
	struct fixture x;
	u64 lu;

	start(&x, SIM_IMMEDIATE);
	x.mute = true;
	for (lu = 0; lu < 60; lu++) {
		/* the last: a further append would find out */
		if (lu == 59)
			sim_fail_destages(x.r.sim, 1, told, &x);
		assert_int_equal(put(&x, lu, (u8)lu), 0);
	}
	assert_int_equal(flush(&x), -EIO);
	assert_true(x.r.f->read_only);
	for (lu = 0; lu < 60; lu++)
		expect(&x, lu, (u8)lu);
	ftl_destroy(x.r.f);
	x.r.f = NULL;
	rig_stop(&x.r);
}

/* Again and again, with collection and trims under way: model of versions. */
static void test_many(void **state)
{
	u8 model[200] = { 0 }, version = 1;
	u64 seed = 77, i, lu;
	struct fixture x;

	start(&x, SIM_RANDOM);
	for (i = 0; i < 2500; i++) {
		lu = rig_random(&seed) % 200;
		if (i % 150 == 0)
			sim_fail_destages(x.r.sim, 1, told, &x);
		if (i % 40 == 7) {
			assert_int_equal(rig_io(&x.r, FTL_TRIM, lu, 1, NULL), 0);
			model[lu] = 0;
		} else {
			version = version == 255 ? 1 : version + 1;
			assert_int_equal(put(&x, lu, version), 0);
			model[lu] = version;
		}
		if (i % 100 == 99)
			assert_int_equal(flush(&x), 0);
	}
	assert_int_equal(flush(&x), 0);
	assert_true(x.told >= 10);
	rig_cut(&x.r, &seed);
	for (lu = 0; lu < 200; lu++)
		expect(&x, lu, model[lu]);
	rig_stop(&x.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_readable_meanwhile),
		cmocka_unit_test(test_mute),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
