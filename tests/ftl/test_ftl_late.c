// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests are served before the map is in memory: what they find, what has to wait,
 * and what happens when a piece of the map cannot be had any more.
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
#define UNITS 6000
#define LEAVES 6

struct disk {
	struct rig r;
	u32 version[UNITS];
	u64 seed;
};

static struct sim_config config(void)
{
	struct sim_config cfg = rig_small();

	cfg.aus = 384;
	cfg.max_units = 4;
	cfg.xor_groups = 32;
	return cfg;
}

static void put(struct disk *d, u32 lu)
{
	u32 data[UNIT / sizeof(u32)] = { lu, ++d->version[lu] };

	assert_int_equal(rig_io(&d->r, FTL_WRITE, lu, 1, data), 0);
}

static void expect(struct disk *d, u32 lu)
{
	u32 data[UNIT / sizeof(u32)];

	assert_int_equal(rig_io(&d->r, FTL_READ, lu, 1, data), 0);
	assert_int_equal(data[1], d->version[lu]);
}

static void expect_all(struct disk *d)
{
	u32 lu;

	for (lu = 0; lu < UNITS; lu++)
		expect(d, lu);
}

static void start(struct disk *d)
{
	struct sim_config cfg = config();
	u32 lu;

	memset(d, 0, sizeof(*d));
	d->seed = 11;
	rig_start(&d->r, &cfg, 4096, UNITS, 0);
	assert_true(d->r.info.parity);
	for (lu = 0; lu < UNITS; lu++)
		put(d, lu);
	rig_detach(&d->r);
}

/* Attach, the worker has not run yet. */
static void attach(struct disk *d, u32 flags)
{
	assert_int_equal(ftl_attach(sim_media(d->r.sim), &d->r.env.env, flags, &d->r.f), 0);
}

static u32 leaves_here(const struct disk *d)
{
	u32 i, n = 0;

	for (i = 0; i < LEAVES; i++)
		n += !!d->r.f->leaf[i];
	return n;
}

/* A request that is looked at when it completes. */
struct watch {
	struct sim_io sio;
	struct disk *d;
	u32 leaves;
	bool done;
	int err;
	u8 data[8 * UNIT];
};

static void watched(struct ftl_io *io, int err)
{
	struct watch *w = container_of(io, struct watch, sio.io);

	w->leaves = leaves_here(w->d);
	w->err = err;
	w->done = true;
}

static void submit(struct disk *d, struct watch *w, enum ftl_op op, u32 lu, u32 n)
{
	memset(w, 0, sizeof(*w));
	w->d = d;
	w->sio.data = w->data;
	w->sio.io = (struct ftl_io){ .op = op, .lba = lu, .count = n, .done = watched };
	ftl_submit(d->r.f, &w->sio.io);
}

static void await(struct disk *d, struct watch *w)
{
	while (!w->done && sim_advance(&d->r.env, d->r.f))
		;
	assert_true(w->done);
}

/* The read gets the leaf that it needs, and that one first. */
static void test_read(void **state)
{
	struct ftl_recovery rec;
	struct watch w;
	struct disk d;

	start(&d);
	attach(&d, 0);
	ftl_get_recovery(d.r.f, &rec);
	assert_true(rec.clean);
	assert_int_equal(rec.leaves_loaded, 0);
	assert_int_equal(leaves_here(&d), 0);
	submit(&d, &w, FTL_READ, 4 * 1024 + 7, 1);
	assert_false(w.done);
	await(&d, &w);
	assert_int_equal(w.err, 0);
	assert_int_equal(((u32 *)w.data)[0], 4 * 1024 + 7);
	assert_true(w.leaves >= 1);
	expect_all(&d);
	assert_int_equal(leaves_here(&d), LEAVES);
	rig_check(&d.r, true);
	rig_stop(&d.r);
}

/* Over the border of two leaves, while neither is there. */
static void test_border(void **state)
{
	struct watch w;
	struct disk d;

	start(&d);
	attach(&d, 0);
	submit(&d, &w, FTL_READ, 3 * 1024 - 4, 8);
	await(&d, &w);
	assert_int_equal(w.err, 0);
	assert_int_equal(((u32 *)(w.data + 3 * UNIT))[0], 3 * 1024 - 1);
	assert_int_equal(((u32 *)(w.data + 4 * UNIT))[0], 3 * 1024);
	rig_stop(&d.r);
}

/* Writes and trims before the map is there take effect on what is there. */
static void test_change(void **state)
{
	u32 data[UNIT / sizeof(u32)] = { 5000, 77 };
	struct watch w, t;
	struct disk d;

	start(&d);
	attach(&d, 0);
	submit(&d, &w, FTL_WRITE, 5000, 1);
	memcpy(w.data, data, UNIT);
	submit(&d, &t, FTL_TRIM, 2000, 100);
	await(&d, &w);
	await(&d, &t);
	assert_int_equal(w.err, 0);
	assert_int_equal(t.err, 0);
	d.version[5000] = 77;
	memset(&d.version[2000], 0, 100 * sizeof(u32));
	expect_all(&d);
	rig_check(&d.r, true);
	rig_detach(&d.r);
	attach(&d, 0);
	expect_all(&d);
	rig_stop(&d.r);
}

/* Nothing is erased before it is known what is needed, however much is written. */
static void test_full(void **state)
{
	struct disk d;
	u32 i, round;

	start(&d);
	for (round = 0; round < 4; round++) {
		attach(&d, 0);
		for (i = 0; i < 1500; i++)
			put(&d, (u32)(rig_random(&d.seed) % UNITS));
		expect_all(&d);
		rig_check(&d.r, true);
		rig_detach(&d.r);
	}
	attach(&d, 0);
	rig_stop(&d.r);
}

/* After a cut: leaves of which something was found come at once, others later. */
static void test_after_cut(void **state)
{
	struct ftl_recovery rec;
	struct disk d;
	u32 i;

	start(&d);
	attach(&d, 0);
	sim_drive(&d.r.env, d.r.f);
	for (i = 0; i < 30; i++) {
		u32 n = 1 + (u32)(rig_random(&d.seed) % 40);

		while (n--)
			put(&d, 1024 * (i % LEAVES) + (u32)(rig_random(&d.seed) % 512));
		if (i % 3 == 0)
			assert_int_equal(ftl_force_checkpoint(d.r.f), 0);
		rig_cut(&d.r, &d.seed);
		ftl_get_recovery(d.r.f, &rec);
		assert_true(rec.bounded);
		expect_all(&d);
		rig_check(&d.r, true);
	}
	rig_stop(&d.r);
}

/* Power goes before the map is there. */
static void test_cut_again(void **state)
{
	struct ftl_recovery rec;
	struct disk d;
	u32 i;

	start(&d);
	for (i = 0; i < 8; i++) {
		attach(&d, 0);
		rig_cut(&d.r, &d.seed);
		ftl_get_recovery(d.r.f, &rec);
		assert_true(rec.bounded);
		put(&d, 700 * i);
		expect_all(&d);
		rig_detach(&d.r);
	}
	attach(&d, 0);
	rig_stop(&d.r);
}

/* The card is gone while a read waits for the map. */
static void test_gone(void **state)
{
	struct watch w;
	struct disk d;

	start(&d);
	attach(&d, 0);
	submit(&d, &w, FTL_READ, 100, 1);
	sim_set_gone(d.r.sim);
	await(&d, &w);
	assert_int_equal(w.err, -ENODEV);
	ftl_destroy(d.r.f);
	d.r.f = NULL;
	rig_stop(&d.r);
}

static void break_unit(struct disk *d, u32 unit, s32 count)
{
	u32 au = unit / d->r.cfg.pages;

	assert_int_equal(nand_set_fault(sim_nand(d->r.sim), NAND_FAULT_READ, au % d->r.cfg.dies,
					au / d->r.cfg.dies, unit % d->r.cfg.pages, 0, count), 0);
}

/* Parity brings one page back. */
static void test_page_lost(void **state)
{
	struct disk d;

	start(&d);
	attach(&d, 0);
	break_unit(&d, d.r.f->leaf_unit[2], -1);
	expect_all(&d);
	rig_stop(&d.r);
}

/* Two of a row are too many: that leaf fails, loudly; all is back after a rescan. */
static void test_leaf_lost(void **state)
{
	u32 data[UNIT / sizeof(u32)], unit, other, lu;
	struct disk d;

	start(&d);
	attach(&d, 0);
	unit = d.r.f->leaf_unit[2];
	other = unit + (unit / 8 % 4 < 3 ? 8 : -24);	/* the next die's page of the row */
	break_unit(&d, unit, -1);
	break_unit(&d, other, -1);
	sim_drive(&d.r.env, d.r.f);
	assert_true(sim_env_logged(&d.r.env, "fio-attach -r"));
	assert_false(sim_env_logged(&d.r.env, "the map is in memory"));
	assert_int_equal(rig_io(&d.r, FTL_READ, 2 * 1024 + 3, 1, data), -EIO);
	expect(&d, 1024 + 3);
	assert_int_equal(rig_io(&d.r, FTL_WRITE, 5, 1, data), -EROFS);
	assert_int_equal(rig_io(&d.r, FTL_TRIM, 5, 1, NULL), -EROFS);
	assert_int_equal(ftl_force_gc(d.r.f), -EIO);
	assert_int_equal(ftl_detach(d.r.f), -EROFS);
	d.r.f = NULL;
	attach(&d, FTL_ATTACH_RESCAN);
	for (lu = 2 * 1024; lu < 3 * 1024; lu++)
		expect(&d, lu);
	ftl_detach(d.r.f);
	d.r.f = NULL;
	break_unit(&d, unit, 0);
	break_unit(&d, other, 0);
	rig_stop(&d.r);
}

/* Who wants all memory now, or could not repair what is found late, has it all at once. */
static void test_at_once(void **state)
{
	struct sim_config cfg = config();
	struct disk d;
	u32 lu;

	start(&d);
	attach(&d, FTL_ATTACH_PREALLOCATE);
	assert_int_equal(leaves_here(&d), LEAVES);
	assert_int_equal(d.r.f->late_on, 0);
	rig_detach(&d.r);
	attach(&d, FTL_ATTACH_READ_ONLY);
	assert_int_equal(leaves_here(&d), LEAVES);
	rig_stop(&d.r);

	cfg.xor_groups = 0;
	memset(d.version, 0, sizeof(d.version));
	rig_start(&d.r, &cfg, 4096, UNITS, 0);
	for (lu = 0; lu < UNITS; lu += 5)
		put(&d, lu);
	rig_detach(&d.r);
	attach(&d, 0);
	assert_int_equal(leaves_here(&d), LEAVES);
	expect_all(&d);
	rig_stop(&d.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_border),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_after_cut),
		cmocka_unit_test(test_cut_again),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_page_lost),
		cmocka_unit_test(test_leaf_lost),
		cmocka_unit_test(test_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
