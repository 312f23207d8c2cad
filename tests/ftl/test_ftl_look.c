// SPDX-License-Identifier: GPL-2.0-only
/*
 * FTL_ATTACH_READ_ONLY: everything can be seen and nothing is changed.
 *
 * The medium before and after is compared as an image, append unit states
 * included, over clean, dirty and torn states. Pages that read well only once are
 * left out of the cuts: reading them is a change, and the flash's, not ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig_ftl.h"

#define UNITS 96

/* What the disk holds: a number per unit in each of its bytes. */
struct disk {
	u8 want[UNITS];
};

static void write_some(struct rig *r, struct disk *d, u64 *seed, u32 count)
{
	u8 page[FIO_MEDIA_UNIT];
	u32 i, lu;

	for (i = 0; i < count; i++) {
		lu = rig_random(seed) % UNITS;
		d->want[lu] = rig_random(seed) % 8 ? (u8)(rig_random(seed) | 1) : 0;
		memset(page, d->want[lu], sizeof(page));
		assert_int_equal(rig_io(r, d->want[lu] ? FTL_WRITE : FTL_TRIM, lu, 1, page), 0);
	}
}

static void expect(struct rig *r, const struct disk *d)
{
	u8 page[FIO_MEDIA_UNIT], want[FIO_MEDIA_UNIT];
	u32 lu;

	for (lu = 0; lu < UNITS; lu++) {
		memset(want, d->want[lu], sizeof(want));
		assert_int_equal(rig_io(r, FTL_READ, lu, 1, page), 0);
		assert_memory_equal(page, want, sizeof(page));
	}
}

static void refuse_changes(struct rig *r)
{
	u8 page[FIO_MEDIA_UNIT] = { 0 };

	assert_int_equal(rig_io(r, FTL_WRITE, 1, 1, page), -EROFS);
	assert_int_equal(rig_io(r, FTL_TRIM, 1, 1, NULL), -EROFS);
	assert_int_equal(rig_io(r, FTL_ZEROES, 1, 1, NULL), -EROFS);
	assert_int_equal(rig_io(r, FTL_FLUSH, 0, 0, NULL), 0);
}

static u64 medium_hash(const struct sim *sim)
{
	struct sim_image *img = sim_power_off(sim);
	u64 hash = sim_image_hash(img);

	sim_image_free(img);
	return hash;
}

/* Attach to look, look, leave; the medium is what it was. */
static void look(struct rig *r, const struct disk *d, u32 flags)
{
	u64 before = medium_hash(r->sim), ops = sim_ops(r->sim);

	assert_int_equal(rig_attach(r, FTL_ATTACH_READ_ONLY | flags), 0);
	expect(r, d);
	refuse_changes(r);
	rig_check(r, true);
	sim_drive(&r->env, r->f);
	rig_detach(r);
	assert_int_equal(sim_ops(r->sim), ops);
	assert_true(medium_hash(r->sim) == before);
}

static void choose(const struct sim_image *img, u32 die, u64 *seed, struct sim_choice *c)
{
	u32 n = 0;

	while (sim_image_choice(img, die, n, c))
		n++;
	do {
		sim_image_choice(img, die, (u32)(rig_random(seed) % n), c);
	} while (c->torn == NAND_TORN_READS_ONCE);
}

/* Power off at once, on again, and nobody attaches. */
static void cut(struct rig *r, u64 *seed)
{
	struct sim_image *img = sim_snapshot(r->sim), *after;
	struct sim_choice choice[8];
	u32 die;

	ftl_destroy(r->f);
	sim_destroy(r->sim);
	for (die = 0; die < r->cfg.dies; die++)
		choose(img, die, seed, &choice[die]);
	after = sim_image_cut(img, choice);
	r->sim = sim_power_on(&r->cfg, after);
	r->env.sim = r->sim;
	sim_image_free(img);
	sim_image_free(after);
}

static void test_clean(void **state)
{
	struct sim_config cfg = rig_small();
	struct disk d = { { 0 } };
	struct rig r;
	u64 seed = 5;

	rig_start(&r, &cfg, 4096, UNITS, 0);
	write_some(&r, &d, &seed, 500);
	rig_detach(&r);
	look(&r, &d, 0);
	look(&r, &d, FTL_ATTACH_RESCAN);
	assert_int_equal(rig_attach(&r, 0), 0);
	expect(&r, &d);
	rig_stop(&r);
}

/* With healthy power-loss protection all that was acknowledged is there. */
static void test_cuts(void **state)
{
	struct sim_config cfg = rig_small();
	struct disk d = { { 0 } };
	struct rig r;
	u64 seed;

	cfg.policy = SIM_LAZY;
	cfg.buffer_units = 8;
	for (seed = 1; seed <= 40; seed++) {
		u64 s = seed * 0x9e3779b97f4a7c15ULL;

		memset(&d, 0, sizeof(d));
		rig_start(&r, &cfg, 4096, UNITS, 0);
		write_some(&r, &d, &s, 300 + seed);
		cut(&r, &s);
		look(&r, &d, 0);
		look(&r, &d, 0);
		assert_int_equal(rig_attach(&r, 0), 0);
		expect(&r, &d);
		rig_stop(&r);
	}
}

/* A recovery that found nothing to attach to has not touched anything either. */
static void test_unformatted(void **state)
{
	struct sim_config cfg = rig_small();
	struct rig r;
	u64 before;

	rig_power(&r, &cfg);
	before = medium_hash(r.sim);
	assert_int_equal(rig_attach(&r, FTL_ATTACH_READ_ONLY), -ENOMEDIUM);
	assert_true(medium_hash(r.sim) == before);
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_unformatted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
