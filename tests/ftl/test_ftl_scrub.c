// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scrub and what the medium reports unasked: weak, disturbed and old data is
 * written anew before it is lost, at the pace that was asked for, and a program
 * that failed too late costs nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig_ftl.h"
#include "hal/ftl/ftl_priv.h"

#define UNIT FIO_MEDIA_UNIT
#define SEC 1000000000ULL

static void put(struct rig *r, u64 lu, u8 with)
{
	u8 data[UNIT];

	memset(data, with, sizeof(data));
	assert_int_equal(rig_io(r, FTL_WRITE, lu, 1, data), 0);
}

static void expect(struct rig *r, u64 lu, u8 with)
{
	u8 data[UNIT];

	assert_int_equal(rig_io(r, FTL_READ, lu, 1, data), 0);
	assert_int_equal(data[0], with);
	assert_int_equal(data[UNIT - 1], with);
}

static struct ftl_stats stats(struct rig *r)
{
	struct ftl_stats st;

	ftl_get_stats(r->f, &st);
	return st;
}

/* 200 units of data, of which the last stripe is still open. */
static void start(struct rig *r, const struct ftl_scrub *scrub)
{
	struct sim_config cfg = rig_small();
	u64 lu;

	cfg.read_retries = 2;
	rig_power(r, &cfg);
	sim_env_timer(&r->env);
	assert_int_equal(rig_format(r, 4096, 200, 0), 0);
	assert_int_equal(rig_attach(r, 0), 0);
	for (lu = 0; lu < 200; lu++)
		put(r, lu, (u8)lu);
	ftl_set_scrub(r->f, scrub);
	sim_drive(&r->env, r->f);
}

static void pass(struct rig *r, u64 seconds)
{
	u64 i;

	for (i = 0; i < 10 * seconds; i++) {
		sim_env_pass(&r->env, SEC / 10);
		sim_drive(&r->env, r->f);
	}
}

static void check_all(struct rig *r)
{
	u64 lu;

	for (lu = 0; lu < 200; lu++)
		expect(r, lu, (u8)lu);
	rig_check(r, true);
}

static void locate(struct rig *r, u64 lu, s32 *die, s32 *block, s32 *page)
{
	u32 unit = ftl_lookup(r->f, lu), au = unit / r->cfg.pages;

	*die = (s32)(au % r->cfg.dies);
	*block = (s32)(au / r->cfg.dies);
	*page = (s32)(unit % r->cfg.pages);
}

/* A pass takes its time, reads every page of closed stripes, changes nothing. */
static void test_pace(void **state)
{
	struct ftl_scrub scrub = { .pass_seconds = 1000 };
	struct rig r;
	u64 units;

	start(&r, &scrub);
	pass(&r, 100);
	units = stats(&r).scrub_units;
	/* a tenth of the medium in a tenth of the time, give or take a batch */
	assert_in_range(units, r.f->usable_units / 10 - 32, r.f->usable_units / 10 + 64);
	pass(&r, 1000);
	assert_true(stats(&r).scrub_passes >= 1);
	assert_int_equal(stats(&r).scrub_refreshes, 0);
	check_all(&r);
	/* never, when told so */
	scrub.pass_seconds = 0;
	ftl_set_scrub(r.f, &scrub);
	units = stats(&r).scrub_units;
	pass(&r, 500);
	assert_int_equal(stats(&r).scrub_units, units);
	rig_stop(&r);
}

/* A page that needs a retry level is elsewhere after a pass, its neighbours too. */
static void test_retry_level(void **state)
{
	struct ftl_scrub scrub = { .pass_seconds = 100 };
	s32 die, block, page;
	struct rig r;

	start(&r, &scrub);
	locate(&r, 20, &die, &block, &page);
	nand_set_fault(sim_nand(r.sim), NAND_FAULT_RETRY, die, block, page, 0, -1);
	pass(&r, 200);
	assert_int_equal(stats(&r).scrub_refreshes, 1);
	assert_int_not_equal(ftl_lookup(r.f, 20) / r.f->stripe_units, (u32)block);
	assert_int_equal(stats(&r).media_errors, 0);
	check_all(&r);
	rig_stop(&r);
}

static void test_corrected_bits(void **state)
{
	struct ftl_scrub scrub = { .pass_seconds = 100, .corrected = 30 };
	struct rig r;

	start(&r, &scrub);
	/* about 12 bits in a page of 4096 bytes, 40 can be corrected */
	nand_set_bitflips(sim_nand(r.sim), 3000, 40);
	pass(&r, 200);
	assert_int_equal(stats(&r).scrub_refreshes, 0);
	nand_set_bitflips(sim_nand(r.sim), 4500, 40);
	pass(&r, 200);
	assert_true(stats(&r).scrub_refreshes > 0);
	nand_set_bitflips(sim_nand(r.sim), 0, 0);
	check_all(&r);
	rig_stop(&r);
}

/* One block read again and again: refreshed before its neighbours suffer. */
static void test_read_disturb(void **state)
{
	struct ftl_scrub scrub = { .pass_seconds = 100, .reads = 500 };
	s32 die, block, page;
	struct rig r;
	u32 i;

	start(&r, &scrub);
	locate(&r, 20, &die, &block, &page);
	for (i = 0; i < 400; i++)
		expect(&r, 20, 20);
	pass(&r, 100);
	assert_int_equal(stats(&r).scrub_refreshes, 0);
	for (i = 0; i < 200; i++)
		expect(&r, 20, 20);
	pass(&r, 150);
	assert_true(stats(&r).scrub_refreshes >= 1);
	assert_int_not_equal(ftl_lookup(r.f, 20) / r.f->stripe_units, (u32)block);
	check_all(&r);
	rig_stop(&r);
}

static void test_age(void **state)
{
	struct ftl_scrub scrub = { .pass_seconds = 3600, .age_hours = 3 };
	struct rig r;
	u32 before;

	start(&r, &scrub);
	before = ftl_lookup(r.f, 20);
	pass(&r, 2 * 3600);
	assert_int_equal(stats(&r).scrub_refreshes, 0);
	pass(&r, 3 * 3600);
	assert_true(stats(&r).scrub_refreshes > 0);
	assert_int_not_equal(ftl_lookup(r.f, 20), before);
	check_all(&r);
	rig_stop(&r);
}

/* The card asks: at once, without a patrol. Twice is once. */
static void test_refresh_event(void **state)
{
	struct ftl_scrub scrub = { };
	struct rig r;
	u32 unit;

	start(&r, &scrub);
	unit = ftl_lookup(r.f, 20);
	ftl_media_event(r.f, FTL_EV_REFRESH, unit);
	ftl_media_event(r.f, FTL_EV_REFRESH, unit ^ 1);
	sim_drive(&r.env, r.f);
	assert_int_equal(stats(&r).scrub_refreshes, 1);
	assert_int_not_equal(ftl_lookup(r.f, 20), unit);
	assert_int_equal(r.f->stripe[unit / r.f->stripe_units].valid, 0);
	ftl_media_event(r.f, FTL_EV_REFRESH, 0xfffffffe);
	check_all(&r);
	rig_stop(&r);
}

/* Unreadable now is not lost: a refresh must not make it so. */
static void test_refresh_gives_nothing_up(void **state)
{
	struct ftl_scrub scrub = { .pass_seconds = 100 };
	s32 die, block, page;
	struct rig r;
	u32 unit;
	u64 lu;

	start(&r, &scrub);
	locate(&r, 20, &die, &block, &page);
	unit = ftl_lookup(r.f, 20);
	nand_set_fault(sim_nand(r.sim), NAND_FAULT_READ, die, block, page, 0, -1);
	pass(&r, 300);
	ftl_media_event(r.f, FTL_EV_REFRESH, unit);
	sim_drive(&r.env, r.f);
	assert_int_equal(ftl_lookup(r.f, 20), unit);
	/* what could be read has moved */
	assert_int_equal(r.f->stripe[unit / r.f->stripe_units].valid, 1);
	assert_false(sim_env_logged(&r.env, "is lost"));
	nand_set_fault(sim_nand(r.sim), NAND_FAULT_READ, die, block, page, 0, 0);
	expect(&r, 20, 20);
	ftl_media_event(r.f, FTL_EV_REFRESH, unit);
	for (lu = 0; lu < 200; lu++)
		put(&r, lu, (u8)lu);
	sim_drive(&r.env, r.f);
	check_all(&r);
	rig_stop(&r);
}

/* Without room, it is given up in the end: one unit, not the whole card. */
static void test_given_up_for_room(void **state)
{
	struct sim_config cfg = rig_small();
	s32 die, block, page;
	u64 seed = 3, lu, i;
	u8 data[UNIT];
	struct rig r;

	rig_start(&r, &cfg, 4096, 0, 0);
	for (lu = 0; lu < r.info.user_units; lu++)
		put(&r, lu, (u8)lu);
	for (i = 0; i < 20; i++) {
		lu = rig_random(&seed) % r.info.user_units;
		locate(&r, lu, &die, &block, &page);
		nand_set_fault(sim_nand(r.sim), NAND_FAULT_READ, die, block, -1, 0, -1);
		for (lu = 0; lu < 3 * r.info.user_units; lu++)
			put(&r, rig_random(&seed) % r.info.user_units, 1);
		nand_set_fault(sim_nand(r.sim), NAND_FAULT_READ, die, block, -1, 0, 0);
	}
	assert_false(r.f->read_only);
	for (i = 0, lu = 0; lu < r.info.user_units; lu++) {
		int err = rig_io(&r, FTL_READ, lu, 1, data);

		assert_true(!err || err == -ENODATA);
		i += !!err;
		put(&r, lu, 3);
	}
	assert_true(i < r.info.user_units / 4);
	rig_check(&r, true);
	rig_stop(&r);
}

/* A program failed after its append was complete: empty and retire. */
static void retire_event(u64 lu)
{
	struct ftl_scrub scrub = { };
	struct nand_block_info info;
	s32 die, block, page;
	struct rig r;
	u32 unit;

	start(&r, &scrub);
	unit = ftl_lookup(r.f, lu);
	locate(&r, lu, &die, &block, &page);
	ftl_media_event(r.f, FTL_EV_RETIRE, unit);
	sim_drive(&r.env, r.f);
	/* an open stripe first has to fill up without that append unit */
	for (unit = 0; unit < 100; unit++)
		put(&r, unit, (u8)unit);
	sim_drive(&r.env, r.f);
	nand_block_info(sim_nand(r.sim), (u32)die, (u32)block, &info);
	assert_true(info.bad);
	assert_int_equal(stats(&r).program_fails, 1);
	assert_int_equal(stats(&r).stripes_bad_aus, 1);
	assert_false(r.f->read_only);
	check_all(&r);
	rig_stop(&r);
}

static void test_retire_event_closed(void **state)
{
	retire_event(20);
}

static void test_retire_event_open(void **state)
{
	retire_event(199);
}

static void test_die_event(void **state)
{
	struct ftl_scrub scrub = { };
	struct ftl_health h;
	struct rig r;

	start(&r, &scrub);
	ftl_media_event(r.f, FTL_EV_DIE_OFFLINE, 1 * r.cfg.pages);
	sim_drive(&r.env, r.f);
	ftl_get_health(r.f, &h);
	assert_int_equal(h.state, FTL_WARNING);
	assert_int_equal(h.reasons, FTL_WHY_DIE);
	ftl_media_event(r.f, FTL_EV_DIE_OFFLINE, 3 * r.cfg.pages);
	sim_drive(&r.env, r.f);
	ftl_get_health(r.f, &h);
	assert_int_equal(h.state, FTL_WRITE_REDUCED);
	assert_int_equal(h.reasons, FTL_WHY_DIES);
	ftl_media_event(r.f, FTL_EV_DIE_ONLINE, 1 * r.cfg.pages);
	ftl_media_event(r.f, FTL_EV_DIE_ONLINE, 3 * r.cfg.pages);
	sim_drive(&r.env, r.f);
	ftl_get_health(r.f, &h);
	assert_int_equal(h.state, FTL_HEALTHY);
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pace),
		cmocka_unit_test(test_retry_level),
		cmocka_unit_test(test_corrected_bits),
		cmocka_unit_test(test_read_disturb),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_refresh_event),
		cmocka_unit_test(test_refresh_gives_nothing_up),
		cmocka_unit_test(test_given_up_for_room),
		cmocka_unit_test(test_retire_event_closed),
		cmocka_unit_test(test_retire_event_open),
		cmocka_unit_test(test_die_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
