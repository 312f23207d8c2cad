// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core's life, one property per test: format, attach, I/O, detach, refusals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig_ftl.h"

#define UNIT FIO_MEDIA_UNIT

static void fill(u8 *p, u32 len, u8 seed)
{
	u32 i;

	for (i = 0; i < len; i++)
		p[i] = (u8)(seed + i * 7 + i / 256);
}

static void expect(struct rig *r, u64 lba, u32 count, u8 seed)
{
	u8 got[16 * UNIT], want[16 * UNIT];
	u32 len = count * r->info.lba_bytes;

	fill(want, len, seed);
	assert_int_equal(rig_io(r, FTL_READ, lba, count, got), 0);
	assert_memory_equal(got, want, len);
}

static void expect_zero(struct rig *r, u64 lba, u32 count)
{
	u8 got[16 * UNIT];
	u32 i;

	memset(got, 0xff, sizeof(got));
	assert_int_equal(rig_io(r, FTL_READ, lba, count, got), 0);
	for (i = 0; i < count * r->info.lba_bytes; i++)
		assert_int_equal(got[i], 0);
}

static void put(struct rig *r, u64 lba, u32 count, u8 seed)
{
	u8 data[16 * UNIT];

	fill(data, count * r->info.lba_bytes, seed);
	assert_int_equal(rig_io(r, FTL_WRITE, lba, count, data), 0);
}

static void test_write_read(void **state)
{
	struct sim_config cfg = rig_small();
	struct rig r;

	rig_start(&r, &cfg, 4096, 0, 0);
	expect_zero(&r, 0, 16);
	put(&r, 3, 5, 1);
	expect(&r, 3, 5, 1);
	expect_zero(&r, 0, 3);
	expect_zero(&r, 8, 8);
	rig_check(&r, true);
	rig_stop(&r);
}

static void test_clean_attach(void **state)
{
	struct sim_config cfg = rig_small();
	struct ftl_recovery rec;
	struct rig r;

	rig_start(&r, &cfg, 4096, 0, 0);
	put(&r, 3, 5, 1);
	rig_detach(&r);
	assert_int_equal(rig_attach(&r, FTL_ATTACH_CLEAN_ONLY), 0);
	ftl_get_recovery(r.f, &rec);
	assert_true(rec.clean);
	assert_int_equal(rec.units_scanned, 0);
	expect(&r, 3, 5, 1);
	rig_check(&r, true);
	rig_stop(&r);
}

static void test_rescan(void **state)
{
	struct sim_config cfg = rig_small();
	struct ftl_recovery rec;
	struct rig r;

	rig_start(&r, &cfg, 4096, 0, -3ULL);
	put(&r, 3, 5, 1);
	put(&r, 3, 2, 9);
	assert_int_equal(rig_io(&r, FTL_TRIM, 6, 1, NULL), 0);
	rig_detach(&r);
	assert_int_equal(rig_attach(&r, FTL_ATTACH_RESCAN), 0);
	ftl_get_recovery(r.f, &rec);
	assert_false(rec.clean);
	assert_true(rec.units_scanned > 0);
	expect(&r, 3, 2, 9);
	expect_zero(&r, 6, 1);
	rig_check(&r, true);
	rig_stop(&r);
}

static void test_sub_unit(void **state)
{
	struct sim_config cfg = rig_small();
	struct rig r;

	rig_start(&r, &cfg, 512, 0, 0);
	put(&r, 3, 2, 1);
	expect(&r, 3, 2, 1);
	expect_zero(&r, 0, 3);
	expect_zero(&r, 5, 11);
	put(&r, 6, 20, 2);
	expect(&r, 6, 20, 2);
	expect(&r, 3, 2, 1);
	assert_int_equal(rig_io(&r, FTL_ZEROES, 7, 10, NULL), 0);
	expect_zero(&r, 7, 10);
	expect(&r, 3, 2, 1);
	expect(&r, 6, 1, 2);
	rig_check(&r, true);
	rig_stop(&r);
}

/* A trim is at 4 KiB granularity; what it covers in part is left alone. */
static void test_trim_edges(void **state)
{
	struct sim_config cfg = rig_small();
	struct rig r;

	rig_start(&r, &cfg, 512, 0, 0);
	put(&r, 0, 32, 1);
	assert_int_equal(rig_io(&r, FTL_TRIM, 1, 22, NULL), 0);
	expect_zero(&r, 8, 8);
	expect(&r, 0, 8, 1);
	assert_int_equal(rig_io(&r, FTL_TRIM, 1, 6, NULL), 0);
	expect(&r, 0, 8, 1);
	rig_check(&r, true);
	rig_stop(&r);
}

static void test_cut(void **state)
{
	struct sim_config cfg = rig_small();
	u64 seed = 7;
	struct rig r;

	rig_start(&r, &cfg, 4096, 0, -3ULL);
	put(&r, 3, 5, 1);
	put(&r, 4, 1, 2);
	assert_int_equal(rig_io(&r, FTL_TRIM, 6, 1, NULL), 0);
	rig_cut(&r, &seed);
	expect(&r, 4, 1, 2);
	expect(&r, 3, 1, 1);
	expect_zero(&r, 6, 1);
	rig_check(&r, true);
	rig_cut(&r, &seed);
	expect(&r, 4, 1, 2);
	expect_zero(&r, 6, 1);
	rig_stop(&r);
}

/* Every unit of the largest capacity written over and over: never stuck. */
static void full(u32 lba_bytes, bool plp, u32 pages)
{
	struct sim_config cfg = rig_small();
	u64 lu, i, seed = 11;
	struct ftl_stats st;
	u8 data[UNIT];
	struct rig r;

	cfg.volatile_buffer = !plp;
	cfg.pages = pages;
	rig_start(&r, &cfg, lba_bytes, 0, 0);
	for (i = 0; i < r.info.user_units * 12; i++) {
		lu = i < r.info.user_units ? i : rig_random(&seed) % r.info.user_units;
		fill(data, UNIT, (u8)lu);
		assert_int_equal(rig_io(&r, FTL_WRITE, lu * (UNIT / lba_bytes),
					UNIT / lba_bytes, data), 0);
	}
	rig_check(&r, true);
	ftl_get_stats(r.f, &st);
	assert_int_equal(st.units_mapped, r.info.user_units);
	assert_true(st.gc_victims > 0);
	assert_false(st.read_only);
	rig_stop(&r);
}

static void test_full(void **state)
{
	full(4096, true, 8);
	full(4096, false, 8);
	full(512, true, 8);
	full(4096, true, 5);
}

static void test_refusals(void **state)
{
	struct sim_config cfg = rig_small();
	struct rig r;

	rig_power(&r, &cfg);
	assert_int_equal(rig_attach(&r, 0), -ENOMEDIUM);
	assert_true(sim_env_logged(&r.env, "not formatted"));
	assert_int_equal(rig_format(&r, 1000, 0, 0), -EINVAL);
	assert_true(sim_env_logged(&r.env, "1000 bytes"));
	assert_int_equal(rig_format(&r, 4096, 1 << 20, 0), -ENOSPC);
	assert_int_equal(rig_format(&r, 4096, 0, 0), 0);
	assert_int_equal(rig_attach(&r, 0), 0);
	assert_int_equal(rig_io(&r, FTL_READ, r.info.blocks, 1, NULL), -EINVAL);
	assert_int_equal(rig_io(&r, FTL_TRIM, 0, r.info.blocks + 1, NULL), -EINVAL);
	assert_int_equal(rig_io(&r, FTL_READ, ~0ULL, 1, NULL), -EINVAL);
	rig_stop(&r);
}

static void refuse(struct media_geometry g, const char *field)
{
	struct sim_config cfg = rig_small();
	struct media_geometry kept;
	struct ftl *f;
	struct rig r;

	rig_power(&r, &cfg);
	kept = sim_media(r.sim)->geo;
	sim_media(r.sim)->geo = g;
	assert_int_equal(ftl_attach(sim_media(r.sim), &r.env.env, 0, &f), -EINVAL);
	assert_true(sim_env_logged(&r.env, field));
	assert_int_equal(rig_format(&r, 4096, 10, 0), -EINVAL);
	assert_int_equal(r.env.allocs, 0);
	sim_media(r.sim)->geo = kept;
	rig_stop(&r);
}

static void test_geometry(void **state)
{
	const struct media_geometry good = {
		.dies = 4, .aus = 16, .pages = 8, .write_units = 1, .max_units = 16,
		.max_open = 64, .queues = 1,
	};
	struct media_geometry g;

	g = good;
	g.dies = 0;
	refuse(g, "0 dies");
	g = good;
	g.pages = ~0U;
	refuse(g, "4294967295 units per append unit");
	g = good;
	g.dies = 256;
	g.aus = 1 << 20;
	g.pages = 65536;
	g.max_open = 4096;
	refuse(g, "2^32");
	g = good;
	g.max_units = 65;
	refuse(g, "65 units in one command");
	g = good;
	g.max_units = 0;
	refuse(g, "0 units in one command");
	g = good;
	g.aus = 3;
	refuse(g, "3 append units per die");
	g = good;
	g.max_open = 7;
	refuse(g, "7 open append units");
	g = good;
	g.queues = 0;
	refuse(g, "0 queues");
}

/* A failed program is invisible outside; the append unit is retired. */
static void test_program_fail(void **state)
{
	struct sim_config cfg = rig_small();
	struct ftl_stats st;
	struct rig r;
	u64 lba;

	rig_start(&r, &cfg, 4096, 60, 0);
	put(&r, 0, 8, 1);
	sim_fail_programs(r.sim, 1);
	put(&r, 8, 8, 2);
	expect(&r, 0, 8, 1);
	expect(&r, 8, 8, 2);
	/* Retired once its stripe is full and has been emptied. */
	for (lba = 16; lba < 48; lba++)
		put(&r, lba, 1, 3);
	sim_drive(&r.env, r.f);
	ftl_get_stats(r.f, &st);
	assert_int_equal(st.program_fails, 1);
	assert_int_equal(st.stripes_bad_aus, 1);
	rig_check(&r, true);
	rig_detach(&r);
	assert_int_equal(rig_attach(&r, 0), 0);
	expect(&r, 8, 8, 2);
	rig_stop(&r);
}

static void test_gone(void **state)
{
	struct sim_config cfg = rig_small();
	u8 data[UNIT] = { 0 };
	struct rig r;

	rig_start(&r, &cfg, 4096, 0, 0);
	put(&r, 0, 8, 1);
	sim_set_gone(r.sim);
	assert_int_equal(rig_io(&r, FTL_WRITE, 0, 1, data), -ENODEV);
	assert_int_equal(rig_io(&r, FTL_READ, 0, 1, data), -ENODEV);
	assert_int_equal(rig_io(&r, FTL_TRIM, 0, 1, NULL), -ENODEV);
	assert_int_equal(rig_io(&r, FTL_FLUSH, 0, 0, NULL), -ENODEV);
	assert_int_equal(ftl_detach(r.f), -ENODEV);
	assert_int_equal(r.env.allocs, 0);
	r.f = NULL;
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_read),
		cmocka_unit_test(test_clean_attach),
		cmocka_unit_test(test_rescan),
		cmocka_unit_test(test_sub_unit),
		cmocka_unit_test(test_trim_edges),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_geometry),
		cmocka_unit_test(test_program_fail),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
