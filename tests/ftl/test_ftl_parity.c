// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parity: any page, and any die, may be lost and nothing is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig_ftl.h"
#include "hal/ftl/ftl_priv.h"

#define UNITS	60

static struct sim_config config(void)
{
	struct sim_config cfg = rig_small();

	cfg.xor_groups = 12;
	return cfg;
}

/* What logical unit @lu holds after it was written the @version'th time. */
static void fill(u8 *data, u32 lu, u32 version)
{
	u32 i;

	for (i = 0; i < FIO_MEDIA_UNIT; i++)
		data[i] = (u8)(lu * 31 + version * 7 + i + (i >> 8));
}

static void write_all(struct rig *r, u32 version)
{
	u8 data[FIO_MEDIA_UNIT];
	u32 lu;

	for (lu = 0; lu < UNITS; lu++) {
		fill(data, lu, version);
		assert_int_equal(rig_io(r, FTL_WRITE, lu, 1, data), 0);
	}
}

static void must_hold(struct rig *r, u32 lu, u32 version)
{
	u8 want[FIO_MEDIA_UNIT], got[FIO_MEDIA_UNIT];

	fill(want, lu, version);
	memset(got, 0xee, sizeof(got));
	assert_int_equal(rig_io(r, FTL_READ, lu, 1, got), 0);
	assert_memory_equal(got, want, sizeof(want));
}

static void all_hold(struct rig *r, u32 version)
{
	u32 lu;

	for (lu = 0; lu < UNITS; lu++)
		must_hold(r, lu, version);
}

static struct ftl_stats stats(struct rig *r)
{
	struct ftl_stats st;

	ftl_get_stats(r->f, &st);
	return st;
}

static void start(struct rig *r, const struct sim_config *cfg, u32 lba_bytes)
{
	rig_start(r, cfg, lba_bytes, UNITS, 0);
	assert_true(r->info.parity);
}

/* ---- format ----------------------------------------------------------------- */

static void format_decides(void **state)
{
	struct sim_config cfg = config();
	struct ftl_format_params p = { .lba_bytes = 4096, .user_units = UNITS };
	struct rig r;
	u64 most;

	rig_power(&r, &cfg);
	most = ftl_max_user_units(&sim_media(r.sim)->geo, 0);
	assert_int_equal(rig_format(&r, 4096, most + 1, 0), 0);
	assert_int_equal(rig_attach(&r, 0), 0);
	assert_false(r.info.parity);	/* there is no room for it */
	rig_detach(&r);
	p.parity = FTL_PARITY_OFF;
	assert_int_equal(ftl_format(sim_media(r.sim), &r.env.env, &p), 0);
	assert_int_equal(rig_attach(&r, 0), 0);
	assert_false(r.info.parity);
	rig_detach(&r);
	p.parity = FTL_PARITY_ON;
	p.user_units = most + 1;
	assert_int_equal(ftl_format(sim_media(r.sim), &r.env.env, &p), -ENOSPC);
	rig_stop(&r);
	cfg.xor_groups = 0;
	rig_power(&r, &cfg);
	assert_int_equal(ftl_format(sim_media(r.sim), &r.env.env, &p), -EINVAL);
	rig_stop(&r);
}

/* A medium that cannot sum rows must not write to such a format. */
static void medium_must_be_able(void **state)
{
	struct sim_config cfg = config();
	struct rig r;

	start(&r, &cfg, 4096);
	rig_detach(&r);
	sim_media(r.sim)->geo.xor_groups = 0;
	assert_int_equal(rig_attach(&r, 0), -EPROTONOSUPPORT);
	sim_media(r.sim)->geo.xor_groups = cfg.xor_groups;
	assert_int_equal(rig_attach(&r, 0), 0);
	rig_stop(&r);
}

/* ---- a page ----------------------------------------------------------------- */

static void break_page(struct rig *r, u32 unit, s32 count)
{
	u32 au = unit / r->cfg.pages;

	assert_int_equal(nand_set_fault(sim_nand(r->sim), NAND_FAULT_READ, au % r->cfg.dies,
					au / r->cfg.dies, unit % r->cfg.pages, 0, count), 0);
}

/* In the stripe that is open as well as in those that are closed. */
static void any_page_may_be_lost(void **state)
{
	struct sim_config cfg = config();
	struct rig r;
	u32 lu, unit;

	start(&r, &cfg, 4096);
	write_all(&r, 1);
	for (lu = 0; lu < UNITS; lu++) {
		unit = ftl_lookup(r.f, lu);
		break_page(&r, unit, -1);
		must_hold(&r, lu, 1);
		break_page(&r, unit, 0);
	}
	assert_true(stats(&r).units_rebuilt >= UNITS);
	assert_int_equal(stats(&r).media_errors, 0);
	sim_drive(&r.env, r.f);
	all_hold(&r, 1);
	rig_check(&r, true);
	rig_stop(&r);
}

/* What was computed once is moved, so that the next loss is again the first. */
static void lost_pages_move(void **state)
{
	struct sim_config cfg = config();
	struct rig r;
	u32 unit;

	start(&r, &cfg, 4096);
	write_all(&r, 1);
	unit = ftl_lookup(r.f, 3);
	break_page(&r, unit, -1);
	must_hold(&r, 3, 1);
	sim_drive(&r.env, r.f);
	assert_int_not_equal(ftl_lookup(r.f, 3), unit);
	must_hold(&r, 3, 1);
	rig_check(&r, true);
	rig_stop(&r);
}

static void part_of_a_lost_page_is_written(void **state)
{
	struct sim_config cfg = config();
	u8 want[FIO_MEDIA_UNIT], got[FIO_MEDIA_UNIT], block[512];
	struct rig r;
	u32 unit;

	start(&r, &cfg, 512);
	fill(want, 5, 1);
	assert_int_equal(rig_io(&r, FTL_WRITE, 5 * 8, 8, want), 0);
	unit = ftl_lookup(r.f, 5);
	break_page(&r, unit, -1);
	memset(block, 0x77, sizeof(block));
	memcpy(want + 3 * 512, block, sizeof(block));
	assert_int_equal(rig_io(&r, FTL_WRITE, 5 * 8 + 3, 1, block), 0);
	assert_int_equal(rig_io(&r, FTL_READ, 5 * 8, 8, got), 0);
	assert_memory_equal(got, want, sizeof(want));
	/* and read: from the middle of one unit into another */
	break_page(&r, ftl_lookup(r.f, 5), -1);
	assert_int_equal(rig_io(&r, FTL_READ, 5 * 8 + 2, 3, got), 0);
	assert_memory_equal(got, want + 2 * 512, 3 * 512);
	rig_stop(&r);
}

/* Two pages of a row: that is too much, and must not be hidden. */
static void two_pages_of_a_row_are_an_error(void **state)
{
	struct sim_config cfg = config();
	u8 data[FIO_MEDIA_UNIT];
	struct rig r;
	u32 lu, a, b = 0;

	start(&r, &cfg, 4096);
	write_all(&r, 1);
	/* not the first: a stripe without system units has three that hold data */
	a = ftl_lookup(r.f, UNITS / 2);
	for (lu = UNITS / 2 + 1; lu < UNITS; lu++) {
		b = ftl_lookup(r.f, lu);
		if (b / (cfg.dies * cfg.pages) == a / (cfg.dies * cfg.pages) &&
		    b % cfg.pages == a % cfg.pages)
			break;
	}
	assert_true(lu < UNITS);
	break_page(&r, a, -1);
	break_page(&r, b, -1);
	assert_int_equal(rig_io(&r, FTL_READ, UNITS / 2, 1, data), -ENODATA);
	break_page(&r, b, 0);
	must_hold(&r, UNITS / 2, 1);
	rig_stop(&r);
}

/* ---- a die -------------------------------------------------------------------- */

static void die_dies(struct rig *r, u32 die)
{
	sim_set_die_offline(r->sim, die, true);
}

static void any_die_may_be_lost(void **state)
{
	struct sim_config cfg = config();
	struct rig r;
	u32 die;

	for (die = 0; die < cfg.dies; die++) {
		start(&r, &cfg, 4096);
		write_all(&r, 1);
		die_dies(&r, die);
		all_hold(&r, 1);
		write_all(&r, 2);
		sim_drive(&r.env, r.f);
		all_hold(&r, 2);
		assert_false(stats(&r).read_only);
		rig_check(&r, true);
		rig_stop(&r);
	}
}

/* After that everything is on the others, with parity of its own. */
static void what_a_die_held_moves(void **state)
{
	struct sim_config cfg = config();
	struct rig r;
	u32 lu, unit;

	start(&r, &cfg, 4096);
	write_all(&r, 1);
	die_dies(&r, 2);
	must_hold(&r, 0, 1);
	write_all(&r, 1);
	sim_drive(&r.env, r.f);
	for (lu = 0; lu < UNITS; lu++) {
		unit = ftl_lookup(r.f, lu);
		assert_int_not_equal(unit / cfg.pages % cfg.dies, 2);
		break_page(&r, unit, -1);
		must_hold(&r, lu, 1);
		break_page(&r, unit, 0);
	}
	rig_stop(&r);
}

static void attach_without_a_die(void **state)
{
	struct sim_config cfg = config();
	struct rig r;
	u32 die, rescan;

	for (die = 0; die < cfg.dies; die++)
		for (rescan = 0; rescan < 2; rescan++) {
			start(&r, &cfg, 4096);
			write_all(&r, 1);
			write_all(&r, 2);
			rig_io(&r, FTL_TRIM, 7, 3, NULL);
			rig_detach(&r);
			die_dies(&r, die);
			assert_int_equal(rig_attach(&r, rescan ? FTL_ATTACH_RESCAN : 0), 0);
			must_hold(&r, 6, 2);
			must_hold(&r, 10, 2);
			assert_int_equal(ftl_lookup(r.f, 8), FIO_UNIT_NONE);
			write_all(&r, 3);
			sim_drive(&r.env, r.f);
			all_hold(&r, 3);
			rig_check(&r, true);
			rig_detach(&r);
			assert_int_equal(rig_attach(&r, 0), 0);
			all_hold(&r, 3);
			rig_stop(&r);
		}
}

/* Cut power, and the die does not come back with it. */
static void cut_and_lose(struct rig *r, u32 die)
{
	struct sim_choice choice[4];
	struct sim_image *img = sim_snapshot(r->sim), *cut;
	u32 d;

	ftl_destroy(r->f);
	r->f = NULL;
	sim_destroy(r->sim);
	for (d = 0; d < r->cfg.dies; d++)
		sim_image_choice(img, d, 0, &choice[d]);
	cut = sim_image_cut(img, choice);
	r->sim = sim_power_on(&r->cfg, cut);
	r->env.sim = r->sim;
	sim_image_free(img);
	sim_image_free(cut);
	die_dies(r, die);
}

static void die_is_missing_after_a_cut(void **state)
{
	struct sim_config cfg = config();
	struct rig r;
	u32 die, lu, n;
	u8 data[FIO_MEDIA_UNIT];

	for (die = 0; die < cfg.dies; die++)
		for (n = 0; n < UNITS; n += 7) {
			start(&r, &cfg, 4096);
			write_all(&r, 1);
			for (lu = 0; lu < n; lu++) {
				fill(data, lu, 2);
				assert_int_equal(rig_io(&r, FTL_WRITE, lu, 1, data), 0);
			}
			cut_and_lose(&r, die);
			assert_int_equal(rig_attach(&r, 0), 0);
			for (lu = 0; lu < UNITS; lu++)
				must_hold(&r, lu, lu < n ? 2 : 1);
			write_all(&r, 3);
			sim_drive(&r.env, r.f);
			all_hold(&r, 3);
			rig_check(&r, true);
			rig_stop(&r);
		}
}

/* The die went first, and the driver had taken it out of use when the power went. */
static void die_is_lost_before_a_cut(void **state)
{
	struct sim_config cfg = config();
	u8 data[FIO_MEDIA_UNIT];
	u32 die, lu, n;
	struct rig r;

	for (die = 0; die < cfg.dies; die++)
		for (n = 1; n < 3 * UNITS; n += 7) {
			start(&r, &cfg, 4096);
			write_all(&r, 1);
			die_dies(&r, die);
			for (lu = 0; lu < n; lu++) {
				fill(data, lu % UNITS, 2 + lu / UNITS);
				assert_int_equal(rig_io(&r, FTL_WRITE, lu % UNITS, 1, data), 0);
			}
			cut_and_lose(&r, die);
			assert_int_equal(rig_attach(&r, 0), 0);
			for (lu = 0; lu < UNITS; lu++)
				must_hold(&r, lu, 1 + n / UNITS + (lu < n % UNITS));
			write_all(&r, 7);
			sim_drive(&r.env, r.f);
			all_hold(&r, 7);
			rig_check(&r, true);
			rig_stop(&r);
		}
}

/* Without power-loss protection the sums are gone: that must not be hidden. */
static void no_sums_no_attach(void **state)
{
	struct sim_config cfg = config();
	struct rig r;
	u32 die = 0;

	cfg.volatile_buffer = true;
	start(&r, &cfg, 4096);
	write_all(&r, 1);
	rig_io(&r, FTL_FLUSH, 0, 0, NULL);
	while (ftl_lookup(r.f, UNITS - 1) / cfg.pages % cfg.dies != die)
		die++;
	cut_and_lose(&r, die);
	assert_int_equal(rig_attach(&r, 0), -EIO);
	sim_set_die_offline(r.sim, die, false);
	assert_int_equal(rig_attach(&r, 0), 0);
	all_hold(&r, 1);
	rig_stop(&r);
}

/* ---- parity itself ---------------------------------------------------------------- */

/* As soon as a row is complete, and not when its stripe closes. */
static void parity_keeps_pace(void **state)
{
	struct sim_config cfg = config();
	u8 data[FIO_MEDIA_UNIT];
	u32 lu, members = 1;
	struct rig r;

	cfg.write_units = 1;
	start(&r, &cfg, 4096);
	for (lu = 0; lu < members * cfg.pages; lu++) {
		fill(data, lu, 1);
		assert_int_equal(rig_io(&r, FTL_WRITE, lu, 1, data), 0);
		sim_drive(&r.env, r.f);
		if (!lu)
			members = r.f->stripe[ftl_unit_stripe(r.f, ftl_lookup(r.f, 0))].size /
				  cfg.pages;
		assert_int_equal(stats(&r).parity_units_written, (lu + 1) / members);
	}
	rig_stop(&r);
}

/*
 * Of the second row. The medium's sums protect the stripe from then on, until its data has
 * moved to where parity is.
 */
static void a_row_cannot_be_written(void **state)
{
	struct sim_config cfg = config();
	u32 lu, unit, members = 1;
	u8 data[FIO_MEDIA_UNIT];
	struct rig r;

	cfg.write_units = 1;
	start(&r, &cfg, 4096);
	for (lu = 0; lu < UNITS; lu++) {
		if (lu && lu == 2 * members - 1) {
			sim_fail_programs(r.sim, 1);
			sim_skip_faults(r.sim, 1);
		}
		fill(data, lu, 1);
		assert_int_equal(rig_io(&r, FTL_WRITE, lu, 1, data), 0);
		sim_drive(&r.env, r.f);
		if (!lu)
			members = r.f->stripe[ftl_unit_stripe(r.f, ftl_lookup(r.f, 0))].size /
				  cfg.pages;
	}
	assert_true(sim_env_logged(&r.env, "its parity cannot be written"));
	for (lu = 0; lu < UNITS; lu++) {
		unit = ftl_lookup(r.f, lu);
		break_page(&r, unit, -1);
		must_hold(&r, lu, 1);
		break_page(&r, unit, 0);
	}
	rig_check(&r, true);
	rig_stop(&r);
}

/* The card vanishes with parity on its way: nothing is left behind, nobody waits. */
static void card_goes_under_parity(void **state)
{
	struct sim_config cfg = config();
	u32 steps;
	struct rig r;

	for (steps = 0; steps < 40; steps++) {
		start(&r, &cfg, 4096);
		write_all(&r, 1);
		write_all(&r, 2);
		for (u32 i = 0; i < steps; i++)
			sim_step(r.sim);
		sim_set_gone(r.sim);
		assert_int_equal(ftl_detach(r.f), -ENODEV);
		assert_int_equal(r.env.allocs, 0);
		sim_destroy(r.sim);
	}
}

static void parity_cannot_be_written(void **state)
{
	struct sim_config cfg = config();
	struct rig r;
	u64 seed = 1;

	start(&r, &cfg, 4096);
	write_all(&r, 1);
	/* every program of one append unit fails: sooner or later that of parity */
	for (u32 i = 0; i < 40; i++) {
		if (i % 4 == 3)
			sim_fail_programs(r.sim, 1);
		write_all(&r, (u32)rig_random(&seed) & 7);
	}
	write_all(&r, 3);
	sim_drive(&r.env, r.f);
	all_hold(&r, 3);
	rig_check(&r, true);
	assert_true(stats(&r).parity_units_written > 100);
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_decides),
		cmocka_unit_test(medium_must_be_able),
		cmocka_unit_test(any_page_may_be_lost),
		cmocka_unit_test(lost_pages_move),
		cmocka_unit_test(part_of_a_lost_page_is_written),
		cmocka_unit_test(two_pages_of_a_row_are_an_error),
		cmocka_unit_test(any_die_may_be_lost),
		cmocka_unit_test(what_a_die_held_moves),
		cmocka_unit_test(attach_without_a_die),
		cmocka_unit_test(die_is_missing_after_a_cut),
		cmocka_unit_test(die_is_lost_before_a_cut),
		cmocka_unit_test(no_sums_no_attach),
		cmocka_unit_test(parity_keeps_pace),
		cmocka_unit_test(a_row_cannot_be_written),
		cmocka_unit_test(card_goes_under_parity),
		cmocka_unit_test(parity_cannot_be_written),
	};

	return cmocka_run_group_tests_name("parity", tests, NULL, NULL);
}
