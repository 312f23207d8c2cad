// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core's judgement of its medium: states in order, each said once, writes
 * slowed down but never refused before the end, data readable after it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig_ftl.h"
#include "hal/ftl/ftl_priv.h"

#define UNIT FIO_MEDIA_UNIT

static int put(struct rig *r, u64 lu, u8 with)
{
	u8 data[UNIT];

	memset(data, with, sizeof(data));
	return rig_io(r, FTL_WRITE, lu, 1, data);
}

static void expect(struct rig *r, u64 lu, u8 with)
{
	u8 data[UNIT];

	assert_int_equal(rig_io(r, FTL_READ, lu, 1, data), 0);
	assert_int_equal(data[0], with);
	assert_int_equal(data[UNIT - 1], with);
}

static struct ftl_health health(struct rig *r)
{
	struct ftl_health h;

	ftl_get_health(r->f, &h);
	return h;
}

static u32 logged(const struct rig *r, const char *text)
{
	u32 i, n = 0;

	for (i = 0; i < min_t(u32, r->env.lines, SIM_LOG_LINES); i++)
		n += !!strstr(r->env.log[i], text);
	return n;
}

/* Room to lose: 4 dies x 40 append units x 8 pages, a third of it promised. */
static struct sim_config roomy(void)
{
	struct sim_config cfg = rig_small();

	cfg.aus = 40;
	return cfg;
}

static void fill(struct rig *r, u8 with)
{
	u64 lu;

	for (lu = 0; lu < r->info.user_units; lu++)
		assert_int_equal(put(r, lu, with), 0);
}

/* Write, with an append unit lost now and then, until @state or an error. */
static int wear_until(struct rig *r, u32 state)
{
	u64 i;
	int err = 0;

	for (i = 0; i < 200000 && !err && health(r).state < state; i++) {
		if (i % 128 == 0)
			sim_fail_programs(r->sim, 1);
		err = put(r, i % r->info.user_units, 1);
	}
	return err;
}

static void test_order(void **state)
{
	struct sim_config cfg = roomy();
	struct ftl_health h;
	struct rig r;
	u64 lu;

	rig_start(&r, &cfg, 4096, 400, 0);
	fill(&r, 1);
	h = health(&r);
	assert_int_equal(h.state, FTL_HEALTHY);
	assert_null(h.text);
	assert_int_equal(h.reserve, 10000);

	assert_int_equal(wear_until(&r, FTL_WARNING), 0);
	h = health(&r);
	assert_int_equal(h.state, FTL_WARNING);
	assert_true(h.reasons & FTL_WHY_RESERVE_LOW);
	assert_true(h.reserve && h.reserve <= h.warn_at);
	assert_non_null(h.text);

	assert_int_equal(wear_until(&r, FTL_WRITE_REDUCED), 0);
	h = health(&r);
	assert_int_equal(h.state, FTL_WRITE_REDUCED);
	assert_true(h.reasons & FTL_WHY_RESERVE_OUT);
	assert_int_equal(h.reserve, 0);
	fill(&r, 1);

	wear_until(&r, FTL_READ_ONLY);
	assert_int_equal(put(&r, 0, 2), -EROFS);
	assert_int_equal(health(&r).state, FTL_READ_ONLY);
	assert_string_equal(health(&r).text, r.f->read_only_reason);
	for (lu = 0; lu < r.info.user_units; lu++)
		expect(&r, lu, 1);
	assert_int_equal(logged(&r, "healthy -> warning"), 1);
	assert_int_equal(logged(&r, "warning -> write-reduced"), 1);
	assert_int_equal(logged(&r, "read-only from now on"), 1);
	assert_true(r.env.health_changes >= 3);
	assert_int_equal(ftl_detach(r.f), -EROFS);
	r.f = NULL;
	rig_stop(&r);
}

/* With a timer, a row per interval; the time that a write of 16 units took. */
static void test_brake(void **state)
{
	struct sim_config cfg = roomy();
	u64 before, row_ns;
	struct rig r;
	u32 i;

	rig_power(&r, &cfg);
	sim_env_timer(&r.env);
	assert_int_equal(rig_format(&r, 4096, 400, 0), 0);
	assert_int_equal(rig_attach(&r, 0), 0);
	before = r.env.clock;
	for (i = 0; i < 64; i++)
		assert_int_equal(put(&r, i, 1), 0);
	row_ns = 8ULL * 1000000000 / 2560;	/* 4 dies x 2 units at 2560 a second */
	assert_true(r.env.clock - before < row_ns);

	assert_int_equal(wear_until(&r, FTL_WRITE_REDUCED), 0);
	before = r.env.clock;
	for (i = 0; i < 64; i++)
		assert_int_equal(put(&r, i, 2), 0);
	assert_in_range(r.env.clock - before, 7 * row_ns, 9 * row_ns);
	/* reads do not wait */
	before = r.env.clock;
	for (i = 0; i < 64; i++)
		expect(&r, i, 2);
	assert_true(r.env.clock - before < row_ns);
	rig_stop(&r);
}

/* A request larger than a row must not starve. */
static void test_brake_large(void **state)
{
	struct sim_config cfg = roomy();
	static u8 data[64 * UNIT];
	struct rig r;
	u32 i;

	rig_start(&r, &cfg, 4096, 400, 0);
	assert_int_equal(wear_until(&r, FTL_WRITE_REDUCED), 0);
	memset(data, 5, sizeof(data));
	for (i = 0; i < 4; i++)
		assert_int_equal(rig_io(&r, FTL_WRITE, i * 64, 64, data), 0);
	assert_int_equal(health(&r).state, FTL_WRITE_REDUCED);
	expect(&r, 200, 5);
	rig_stop(&r);
}

static void test_power_loss_protection(void **state)
{
	struct sim_config cfg = rig_small();
	struct rig r;

	rig_start(&r, &cfg, 4096, 0, 0);
	assert_int_equal(health(&r).state, FTL_HEALTHY);
	sim_set_durable(r.sim, false);
	ftl_run(r.f);
	assert_int_equal(health(&r).state, FTL_WARNING);
	assert_int_equal(health(&r).reasons, FTL_WHY_PLP);
	assert_int_equal(logged(&r, "healthy -> warning"), 1);
	sim_set_durable(r.sim, true);
	ftl_run(r.f);
	assert_int_equal(health(&r).state, FTL_HEALTHY);
	assert_int_equal(logged(&r, "warning -> healthy"), 1);
	assert_int_equal(r.env.health_changes, 2);
	rig_stop(&r);
}

/* Nine tenths of the rated cycles: a warning, and no brake. */
static void test_worn(void **state)
{
	struct sim_config cfg = rig_small();
	struct ftl_health h;
	struct rig r;
	u64 i;

	cfg.endurance = 40;
	rig_start(&r, &cfg, 4096, 200, 0);
	h = health(&r);
	for (i = 0; i < 100000 && h.state == FTL_HEALTHY; i++) {
		assert_int_equal(put(&r, i % 200, 1), 0);
		h = health(&r);
	}
	assert_int_equal(h.state, FTL_WARNING);
	assert_true(h.reasons & FTL_WHY_WEAR);
	assert_int_equal(h.endurance, 40);
	assert_int_equal(h.erase_mean, 36);
	rig_stop(&r);
}

/* A checkpoint that could not be read is said, and data is all there. */
static void test_metadata(void **state)
{
	struct sim_config cfg = rig_small();
	struct rig r;
	u32 page;

	rig_start(&r, &cfg, 4096, 0, 0);
	assert_int_equal(put(&r, 5, 1), 0);
	ftl_force_checkpoint(r.f);
	page = r.f->leaf_unit[0];
	rig_detach(&r);
	nand_set_fault(sim_nand(r.sim), NAND_FAULT_READ, page / cfg.pages % cfg.dies,
		       page / cfg.pages / cfg.dies, page % cfg.pages, 0, -1);
	assert_int_equal(rig_attach(&r, 0), 0);
	assert_true(health(&r).state >= FTL_WARNING);
	assert_true(health(&r).reasons & FTL_WHY_METADATA);
	expect(&r, 5, 1);
	ftl_detach(r.f);
	r.f = NULL;
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_brake),
		cmocka_unit_test(test_brake_large),
		cmocka_unit_test(test_power_loss_protection),
		cmocka_unit_test(test_worn),
		cmocka_unit_test(test_metadata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
