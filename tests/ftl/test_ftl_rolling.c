// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checkpoint that rolls, and recoveries that build on it: how far back they look,
 * and what they do when what they build on is not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hal/ftl/ftl_priv.h"
#include "rig_ftl.h"

#define UNIT FIO_MEDIA_UNIT

struct disk {
	struct rig r;
	u32 units;
	u32 version[4096];
	u64 seed;
};

static void put(struct disk *d, u32 lu)
{
	u32 data[UNIT / sizeof(u32)] = { lu, ++d->version[lu] };

	assert_int_equal(rig_io(&d->r, FTL_WRITE, lu, 1, data), 0);
}

static void expect_all(struct disk *d)
{
	u32 data[UNIT / sizeof(u32)], lu;

	for (lu = 0; lu < d->units; lu++) {
		assert_int_equal(rig_io(&d->r, FTL_READ, lu, 1, data), 0);
		assert_int_equal(data[1], d->version[lu]);
		if (data[1])
			assert_int_equal(data[0], lu);
	}
	rig_check(&d->r, true);
}

/* Four leaves, two in a batch, metadata with a frontier of its own. */
static void start(struct disk *d)
{
	struct sim_config cfg = rig_small();
	u32 lu;

	cfg.aus = 256;
	cfg.max_units = 2;
	memset(d, 0, sizeof(*d));
	d->seed = 7;
	d->units = 4000;
	rig_start(&d->r, &cfg, 4096, d->units, 0);
	ftl_set_roll(d->r.f, 16);
	for (lu = 0; lu < d->units; lu++)
		put(d, lu);
}

static void overwrite(struct disk *d, u32 times)
{
	u32 i;

	for (i = 0; i < times; i++)
		put(d, rig_random(&d->seed) % d->units);
}

static struct ftl_recovery cut(struct disk *d)
{
	struct ftl_recovery rec;

	rig_cut(&d->r, &d->seed);
	ftl_set_roll(d->r.f, 16);
	ftl_get_recovery(d->r.f, &rec);
	return rec;
}

/* However much was written before: two rounds, what they cost, and the youngest stripes. */
static void test_bounded(void **state)
{
	u32 round = 4 * 16, most = 16 * round, i;
	struct ftl_recovery rec;
	struct disk d;

	start(&d);
	for (i = 1; i <= 4; i++) {
		overwrite(&d, i * 1500);
		rec = cut(&d);
		assert_true(rec.bounded);
		assert_in_range(rec.units_scanned, 1, most);
		expect_all(&d);
	}
	rig_stop(&d.r);
}

static void trim(struct disk *d, u32 lu, u32 n)
{
	assert_int_equal(rig_io(&d->r, FTL_TRIM, lu, n, NULL), 0);
	memset(&d->version[lu], 0, n * sizeof(u32));
}

/* Power goes at any moment of a round, the core restarts with what it has recovered. */
static void test_every_moment(void **state)
{
	struct ftl_recovery rec;
	struct disk d;
	u32 i;

	start(&d);
	overwrite(&d, 500);
	for (i = 0; i < 60; i++) {
		overwrite(&d, 5 + rig_random(&d.seed) % 200);
		if (i % 9 == 0)
			trim(&d, i * 16, 16);
		rec = cut(&d);
		assert_true(rec.bounded);
		expect_all(&d);
	}
	rig_stop(&d.r);
}

static void overwrite_leaf(struct disk *d, u32 leaf, u32 times)
{
	u32 i, units = min(d->units - leaf * 1024, 1024U);

	for (i = 0; i < times; i++)
		put(d, leaf * 1024 + rig_random(&d->seed) % units);
}

/*
 * What recovery found in one leaf outlives rounds that were only about another: its
 * snapshot does not say it yet.
 */
static void test_recovered_leaf(void **state)
{
	struct ftl_recovery rec;
	struct disk d;
	u32 i;

	start(&d);
	for (i = 0; i < 12; i++) {
		assert_int_equal(ftl_force_checkpoint(d.r.f), 0);
		ftl_set_roll(d.r.f, 0);
		overwrite_leaf(&d, i % 4, 40);
		/* the pages that may be torn are another's */
		overwrite_leaf(&d, (i + 1) % 4, 40);
		rec = cut(&d);
		assert_true(rec.bounded);
		overwrite_leaf(&d, (i + 1) % 4, 300);
		assert_int_equal(ftl_force_checkpoint(d.r.f), 0);
		overwrite_leaf(&d, (i + 1) % 4, 300);
		rec = cut(&d);
		assert_true(rec.bounded);
		expect_all(&d);
	}
	rig_stop(&d.r);
}

/* A round in which a snapshot was not written proves nothing. */
static void test_failed_snapshot(void **state)
{
	struct ftl_stats before, after;
	struct disk d;
	u32 i;

	start(&d);
	for (i = 0; i < 12; i++) {
		assert_int_equal(ftl_force_checkpoint(d.r.f), 0);
		ftl_set_roll(d.r.f, 0);
		overwrite_leaf(&d, 3, 70);
		overwrite_leaf(&d, 0, 70);
		/* Credit for two leaves: one of their snapshots fails, behind one more write. */
		ftl_set_roll(d.r.f, 60);
		d.r.f->roll.rest = 0;
		d.r.f->roll.credit = 0;
		ftl_get_stats(d.r.f, &before);
		sim_skip_faults(d.r.sim, 1 + i % 2);
		sim_fail_programs(d.r.sim, 1);
		overwrite_leaf(&d, 0, 1);
		ftl_run(d.r.f);
		ftl_get_stats(d.r.f, &after);
		assert_int_equal(after.program_fails, before.program_fails + 1);
		overwrite_leaf(&d, 1, 20);
		cut(&d);
		expect_all(&d);
	}
	rig_stop(&d.r);
}

/* A clean detach leaves one for the cut after the next attach. */
static void test_root_of_detach(void **state)
{
	struct ftl_recovery rec;
	struct disk d;

	start(&d);
	rig_detach(&d.r);
	assert_int_equal(rig_attach(&d.r, 0), 0);
	ftl_get_recovery(d.r.f, &rec);
	assert_true(rec.clean);
	overwrite(&d, 10);
	rec = cut(&d);
	assert_true(rec.bounded);
	assert_in_range(rec.units_scanned, 1, d.units / 4);
	expect_all(&d);
	rig_stop(&d.r);
}

static void break_unit(struct disk *d, u32 unit)
{
	u32 au = unit / d->r.cfg.pages;

	assert_int_equal(nand_set_fault(sim_nand(d->r.sim), NAND_FAULT_READ, au % d->r.cfg.dies,
					au / d->r.cfg.dies, unit % d->r.cfg.pages, 0, -1), 0);
}

static void power_cycle_with_broken(struct disk *d, u32 unit)
{
	struct sim_image *img = sim_snapshot(d->r.sim), *done;
	struct sim_choice none[4] = { };
	u32 die;

	for (die = 0; die < d->r.cfg.dies; die++)
		none[die].prefix = sim_image_queued(img, die);
	ftl_destroy(d->r.f);
	sim_destroy(d->r.sim);
	done = sim_image_cut(img, none);
	d->r.sim = sim_power_on(&d->r.cfg, done);
	d->r.env.sim = d->r.sim;
	sim_image_free(img);
	sim_image_free(done);
	break_unit(d, unit);
	assert_int_equal(rig_attach(&d->r, 0), 0);
}

/* Without the newest root an older one will do, or everything is looked at. */
static void test_root_lost(void **state)
{
	struct ftl_recovery rec;
	struct disk d;

	start(&d);
	overwrite(&d, 2000);
	assert_int_equal(ftl_force_checkpoint(d.r.f), 0);
	overwrite(&d, 20);
	power_cycle_with_broken(&d, d.r.f->root[0]);
	ftl_get_recovery(d.r.f, &rec);
	expect_all(&d);
	assert_false(rec.bounded && rec.units_scanned < 20);
	rig_stop(&d.r);
}

/* A snapshot that cannot be read is missed, whichever leaf it is of: all tags are read. */
static void test_snapshot_lost(void **state)
{
	struct ftl_recovery rec;
	struct disk d;
	u32 leaf;

	for (leaf = 0; leaf < 4; leaf++) {
		start(&d);
		overwrite(&d, 100);
		assert_int_equal(ftl_force_checkpoint(d.r.f), 0);
		/* no new snapshot of it so far: that would do as well */
		ftl_set_roll(d.r.f, 0);
		overwrite(&d, 100);
		power_cycle_with_broken(&d, ftl_get_snapshot(d.r.f, leaf));
		ftl_get_recovery(d.r.f, &rec);
		assert_false(rec.bounded);
		expect_all(&d);
		rig_stop(&d.r);
	}
}

/* Who asks for everything gets it. */
static void test_rescan(void **state)
{
	struct ftl_recovery rec;
	struct disk d;

	start(&d);
	rig_detach(&d.r);
	assert_int_equal(rig_attach(&d.r, FTL_ATTACH_RESCAN), 0);
	ftl_get_recovery(d.r.f, &rec);
	assert_false(rec.clean || rec.bounded);
	assert_true(rec.units_scanned >= d.units);
	expect_all(&d);
	rig_stop(&d.r);
}

/* What the checkpoint costs: a page in so many, and the root. */
static void test_cost(void **state)
{
	struct ftl_stats before, after;
	struct disk d;
	u64 meta;

	start(&d);
	ftl_set_roll(d.r.f, 64);
	overwrite(&d, 1000);
	ftl_get_stats(d.r.f, &before);
	overwrite(&d, 6400);
	ftl_get_stats(d.r.f, &after);
	meta = after.meta_units_written - before.meta_units_written;
	assert_in_range(meta, 6400 / 64 / 2, 2 * 6400 / 64);
	rig_stop(&d.r);
}

/* Off, nothing is written, and a recovery looks at everything. */
static void test_off(void **state)
{
	struct ftl_stats st;
	struct ftl_recovery rec;
	struct sim_config cfg = rig_small();
	struct disk d;

	memset(&d, 0, sizeof(d));
	d.seed = 3;
	d.units = 100;
	rig_start(&d.r, &cfg, 4096, d.units, 0);
	ftl_set_roll(d.r.f, 0);
	overwrite(&d, 1000);
	ftl_get_stats(d.r.f, &st);
	assert_int_equal(st.meta_units_written, 0);
	rec = cut(&d);
	assert_false(rec.bounded);
	expect_all(&d);
	rig_stop(&d.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_every_moment),
		cmocka_unit_test(test_recovered_leaf),
		cmocka_unit_test(test_failed_snapshot),
		cmocka_unit_test(test_root_of_detach),
		cmocka_unit_test(test_root_lost),
		cmocka_unit_test(test_snapshot_lost),
		cmocka_unit_test(test_rescan),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
