// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the core makes of a medium or an environment that fails it: unreadable
 * units, retry levels, exhausted memory, append units that go bad, damaged
 * checkpoints.
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

static int get(struct rig *r, u64 lu, u8 *with)
{
	u8 data[UNIT];
	int err = rig_io(r, FTL_READ, lu, 1, data);

	*with = data[0];
	assert_int_equal(data[0], data[UNIT - 1]);
	return err;
}

static void expect(struct rig *r, u64 lu, u8 with)
{
	u8 got;

	assert_int_equal(get(r, lu, &got), 0);
	assert_int_equal(got, with);
}

static void break_unit(struct rig *r, u64 lu, enum nand_fault fault, s32 count)
{
	u32 unit = ftl_lookup(r->f, lu), au = unit / r->cfg.pages;

	assert_int_equal(nand_set_fault(sim_nand(r->sim), fault, au % r->cfg.dies,
					au / r->cfg.dies, unit % r->cfg.pages, 0, count), 0);
}

static void collect_all(struct rig *r)
{
	u32 i;

	for (i = 0; i < 4 * r->cfg.aus; i++)
		ftl_force_gc(r->f);
	sim_drive(&r->env, r->f);
}

/* An error, never other data; gone with the next write. */
static void test_unreadable(void **state)
{
	struct sim_config cfg = rig_small();
	struct ftl_stats st;
	struct rig r;
	u8 got;

	rig_start(&r, &cfg, 4096, 0, 0);
	assert_int_equal(put(&r, 5, 1), 0);
	break_unit(&r, 5, NAND_FAULT_READ, -1);
	assert_int_equal(get(&r, 5, &got), -ENODATA);
	ftl_get_stats(r.f, &st);
	assert_true(st.media_errors > 0);
	assert_int_equal(put(&r, 5, 2), 0);
	expect(&r, 5, 2);
	rig_stop(&r);
}

/* Collection cannot save it, nor does it get stuck; the loss survives a cut. */
static void test_lost(void **state)
{
	struct sim_config cfg = rig_small();
	u64 seed = 3, lu;
	struct rig r;
	u8 got;

	rig_start(&r, &cfg, 4096, 200, 0);
	for (lu = 0; lu < 32; lu++)
		assert_int_equal(put(&r, lu, 1), 0);
	break_unit(&r, 5, NAND_FAULT_READ, -1);
	for (lu = 0; lu < 32; lu += 2)
		assert_int_equal(put(&r, lu, 2), 0);
	collect_all(&r);
	assert_true(sim_env_logged(&r.env, "logical unit 5 is lost"));
	nand_set_fault(sim_nand(r.sim), NAND_FAULT_READ, -1, -1, -1, 0, 0);
	assert_int_equal(get(&r, 5, &got), -ENODATA);
	rig_cut(&r, &seed);
	assert_int_equal(get(&r, 5, &got), -ENODATA);
	expect(&r, 7, 1);
	assert_int_equal(rig_io(&r, FTL_TRIM, 5, 1, NULL), 0);
	expect(&r, 5, 0);
	rig_check(&r, true);
	rig_stop(&r);
}

static void test_retry(void **state)
{
	struct sim_config cfg = rig_small();
	struct ftl_stats st;
	struct rig r;

	cfg.read_retries = 3;
	rig_start(&r, &cfg, 4096, 0, 0);
	assert_int_equal(put(&r, 5, 1), 0);
	break_unit(&r, 5, NAND_FAULT_RETRY, -1);
	expect(&r, 5, 1);
	ftl_get_stats(r.f, &st);
	assert_true(st.read_retries > 0);
	assert_int_equal(st.media_errors, 0);
	rig_detach(&r);
	assert_int_equal(rig_attach(&r, FTL_ATTACH_RESCAN), 0);
	expect(&r, 5, 1);
	rig_stop(&r);
}

/* Data that is not what was programmed, with ECC silent. */
static void test_corrupt(void **state)
{
	struct sim_config cfg = rig_small();
	struct rig r;
	u8 got;

	rig_start(&r, &cfg, 4096, 0, 0);
	assert_int_equal(put(&r, 5, 1), 0);
	break_unit(&r, 5, NAND_FAULT_CORRUPT, -1);
	assert_int_equal(get(&r, 5, &got), -ENODATA);
	rig_stop(&r);
}

/* Every allocation of format and attach fails once. */
static void test_memory(void **state)
{
	struct sim_config cfg = rig_small();
	struct rig r;
	s64 n;
	int err;

	rig_start(&r, &cfg, 4096, 0, 0);
	assert_int_equal(put(&r, 5, 1), 0);
	rig_detach(&r);
	for (n = 0, err = -1; err; n++) {
		r.env.fail_alloc = n;
		err = ftl_attach(sim_media(r.sim), &r.env.env,
				 n & 1 ? FTL_ATTACH_RESCAN : 0, &r.f);
		if (err)
			assert_int_equal(r.env.allocs, 0);
		assert_true(!err || err == -ENOMEM);
		assert_true(n < 1000);
	}
	assert_true(n > 5);
	r.env.fail_alloc = -1;
	ftl_get_info(r.f, &r.info);
	expect(&r, 5, 1);
	rig_stop(&r);
}

/* The map needs memory when a part of it is first written. */
static void test_map_memory(void **state)
{
	struct sim_config cfg = rig_small();
	struct rig r;

	rig_start(&r, &cfg, 4096, 0, 0);
	r.env.fail_alloc = 0;
	assert_int_equal(put(&r, 5, 1), -EIO);
	assert_true(sim_env_logged(&r.env, "out of memory for the map"));
	r.env.fail_alloc = -1;
	assert_int_equal(put(&r, 5, 1), 0);
	expect(&r, 5, 1);
	rig_stop(&r);
}

/* Ever more allocations succeed, until it is the map that there is no room for. */
static int attach_short_of_memory(struct rig *r)
{
	int err;

	for (r->env.fail_alloc = 4;; r->env.fail_alloc++) {
		s64 n = r->env.fail_alloc;

		err = rig_attach(r, FTL_ATTACH_PREALLOCATE);
		if (!err || sim_env_logged(&r->env, "preallocate the map"))
			return err;
		r->env.fail_alloc = n;
	}
}

/* With everything allocated at attach, nothing is needed later. */
static void test_preallocate(void **state)
{
	struct sim_config cfg = rig_small();
	struct ftl_stats st;
	struct rig r;
	u64 i, bytes;

	cfg.pages = 64;
	rig_start(&r, &cfg, 4096, 0, 0);
	ftl_get_stats(r.f, &st);
	assert_false(st.preallocated);
	bytes = st.mem[FTL_MEM_MAP];
	rig_detach(&r);
	assert_int_equal(attach_short_of_memory(&r), -ENOMEM);
	assert_int_equal(r.env.allocs, 0);
	r.env.fail_alloc = -1;
	assert_int_equal(rig_attach(&r, FTL_ATTACH_PREALLOCATE), 0);
	ftl_get_stats(r.f, &st);
	assert_true(st.preallocated);
	assert_int_equal(st.mem[FTL_MEM_MAP] - bytes, (r.info.user_units + 1023) / 1024 * 4096);
	r.env.fail_alloc = 0;
	for (i = 0; i < 3 * r.info.user_units; i++) {
		assert_int_equal(put(&r, i % r.info.user_units, (u8)i), 0);
		if (i % 50 == 0)
			assert_int_equal(rig_io(&r, FTL_TRIM, i % r.info.user_units, 1, NULL), 0);
	}
	assert_int_equal(ftl_force_checkpoint(r.f), 0);
	ftl_get_stats(r.f, &st);
	assert_true(st.gc_victims > 0);
	r.env.fail_alloc = -1;
	rig_stop(&r);
}

/* Append units fail until the spare is used up: read-only, and readable. */
static void test_worn_out(void **state)
{
	struct sim_config cfg = rig_small();
	struct ftl_stats st;
	struct rig r;
	u64 lu = 0, i;
	int err = 0;

	rig_start(&r, &cfg, 4096, 0, 0);
	for (lu = 0; lu < r.info.user_units; lu++)
		assert_int_equal(put(&r, lu, 1), 0);
	for (i = 0; i < 100000 && !err; i++) {
		if (i % 64 == 0)
			sim_fail_programs(r.sim, 1);
		err = put(&r, i % r.info.user_units, 1);
	}
	assert_true(err == -EROFS || err == -EIO);
	ftl_get_stats(r.f, &st);
	assert_true(st.read_only);
	assert_non_null(st.read_only_reason);
	assert_int_equal(st.reserve_permille, 0);
	for (lu = 0; lu < r.info.user_units; lu++)
		expect(&r, lu, 1);
	assert_int_equal(ftl_detach(r.f), -EROFS);
	r.f = NULL;
	assert_int_equal(r.env.allocs, 0);
	rig_stop(&r);
}

/* A checkpoint page that cannot be read: the scan finds everything. */
static void test_damaged_checkpoint(void **state)
{
	struct sim_config cfg = rig_small();
	struct ftl_recovery rec;
	struct rig r;
	u32 page;

	rig_start(&r, &cfg, 4096, 0, 0);
	assert_int_equal(put(&r, 5, 1), 0);
	ftl_force_checkpoint(r.f);
	page = r.f->leaf_unit[0];
	assert_int_not_equal(page, FIO_UNIT_NONE);
	rig_detach(&r);
	nand_set_fault(sim_nand(r.sim), NAND_FAULT_READ, page / cfg.pages % cfg.dies,
		       page / cfg.pages / cfg.dies, page % cfg.pages, 0, -1);
	assert_int_equal(rig_attach(&r, FTL_ATTACH_CLEAN_ONLY), -EUCLEAN);
	assert_int_equal(rig_attach(&r, 0), 0);
	ftl_get_recovery(r.f, &rec);
	assert_false(rec.clean);
	nand_set_fault(sim_nand(r.sim), NAND_FAULT_READ, -1, -1, -1, 0, 0);
	expect(&r, 5, 1);
	if (!r.f->read_only)
		rig_check(&r, true);
	ftl_detach(r.f);
	r.f = NULL;
	rig_stop(&r);
}

/* A die stops answering: what it holds is an error, the rest is there. */
static void test_die_offline(void **state)
{
	struct sim_config cfg = rig_small();
	struct rig r;
	u64 lu;
	u8 got;

	rig_start(&r, &cfg, 4096, 60, 0);
	for (lu = 0; lu < 32; lu++)
		assert_int_equal(put(&r, lu, 1), 0);
	nand_set_die_offline(sim_nand(r.sim), 1, true);
	for (lu = 0; lu < 32; lu++) {
		bool there = ftl_lookup(r.f, lu) / cfg.pages % cfg.dies == 1;

		assert_int_equal(get(&r, lu, &got), there ? -EIO : 0);
	}
	nand_set_die_offline(sim_nand(r.sim), 1, false);
	for (lu = 0; lu < 32; lu++)
		expect(&r, lu, 1);
	rig_stop(&r);
}

/*
 * After a cut one copy of the newest superblock cannot be read, whichever: the one before
 * it would be a disk without the data.
 */
static void test_super_copy_fades(void **state)
{
	struct sim_config cfg = rig_small();
	struct rig r;
	u32 m, au, die;

	for (m = 0; m < 2; m++) {
		rig_start(&r, &cfg, 4096, 60, 0);
		assert_int_equal(put(&r, 5, 7), 0);
		assert_int_equal(r.f->sys_mirrors, 2);
		au = r.f->sys_au[r.f->sys_pair];
		die = r.f->sys_die[m];
		ftl_destroy(r.f);
		assert_int_equal(nand_set_fault(sim_nand(r.sim), NAND_FAULT_READ, die, au, -1, 0,
						-1), 0);
		assert_int_equal(rig_attach(&r, 0), 0);
		expect(&r, 5, 7);
		rig_check(&r, true);
		rig_stop(&r);
	}
}

static void test_capacity_rule(void **state)
{
	struct media_geometry g = {
		.dies = 16, .aus = 640, .pages = 256, .max_open = 128, .max_units = 64,
	};
	u64 all = 16ULL * 640 * 256, most = ftl_max_user_units(&g, 0);

	assert_true(most > all * 9 / 10 && most < all);
	assert_true(ftl_max_user_units(&g, 100) < most);
	assert_int_equal(ftl_max_user_units(&g, 16 * 640), 0);
	g.aus = 3;
	assert_int_equal(ftl_max_user_units(&g, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_map_memory),
		cmocka_unit_test(test_preallocate),
		cmocka_unit_test(test_worn_out),
		cmocka_unit_test(test_damaged_checkpoint),
		cmocka_unit_test(test_die_offline),
		cmocka_unit_test(test_super_copy_fades),
		cmocka_unit_test(test_capacity_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
