// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wear levelling: erase counts stay together whatever is written where, and what
 * that costs is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig_ftl.h"
#include "hal/ftl/ftl_priv.h"

#define UNIT FIO_MEDIA_UNIT

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

/* What the flash itself counted, not the core's book. */
static u32 erases_of(struct rig *r, u32 s)
{
	struct nand_block_info info;
	u32 d, least = FTL_NONE;

	for (d = 0; d < r->cfg.dies; d++) {
		if (r->f->au[ftl_au_index(r->f, s, d)] & (FTL_AU_SYSTEM | FTL_AU_BAD))
			continue;
		nand_block_info(sim_nand(r->sim), d, s, &info);
		least = min(least, info.erase_count);
	}
	return least;
}

struct spread {
	u32 least, most, mean;
};

/* Stripes that are open have not had their turn. */
static struct spread spread_of(struct rig *r)
{
	struct spread w = { .least = FTL_NONE };
	u32 s, n = 0, e;
	u64 sum = 0;

	for (s = 0; s < r->cfg.aus; s++) {
		if (!r->f->stripe[s].size || r->f->stripe[s].state == FTL_S_OPEN)
			continue;
		e = erases_of(r, s);
		w.least = min(w.least, e);
		w.most = max(w.most, e);
		sum += e;
		n++;
	}
	w.mean = (u32)(sum / n);
	return w;
}

static void check_spread(struct rig *r)
{
	struct spread w = spread_of(r);
	u32 bound = max_t(u32, w.mean / 20, 16);

	if (w.most - w.least > bound)
		fail_msg("erase counts from %u to %u, mean %u: more than %u apart",
			 w.least, w.most, w.mean, bound);
}

/* @hot of the units get all writes after the first fill, until @cycles on average. */
static void run_skewed(struct rig *r, u64 hot, u32 cycles, u64 *written)
{
	u64 seed = 7, i;

	for (i = 0; i < r->info.user_units; i++)
		put(r, i, 1);
	for (i = 0; ftl_wear_mean(r->f) < cycles; i++) {
		put(r, rig_random(&seed) % hot, 2);
		if (i % 1024 == 0 && i)
			check_spread(r);
	}
	*written = i;
}

static void skewed(u64 hot, u32 cycles)
{
	struct sim_config cfg = { .dies = 2, .aus = 48, .pages = 8, .max_units = 16,
				  .policy = SIM_IMMEDIATE };
	struct ftl_stats st;
	struct spread w;
	struct rig r;
	u64 written, i;

	rig_start(&r, &cfg, 4096, 450, 0);
	run_skewed(&r, hot, cycles, &written);
	check_spread(&r);
	w = spread_of(&r);
	ftl_get_stats(r.f, &st);
	print_message("%3u of %3u units hot: cycles %u to %u, mean %u; %u stripes levelled, %u.%02u moved per unit written\n",
		      (u32)hot, (u32)r.info.user_units, w.least, w.most, w.mean,
		      (u32)st.stripes_levelled,
		      (u32)(st.gc_units_written / written),
		      (u32)(st.gc_units_written * 100 / written % 100));
	assert_true(st.stripes_levelled > 0);
	/* The cost of levelling alone, were every levelled stripe full: an upper bound. */
	assert_true(st.stripes_levelled * r.f->stripe_units * 6 < written);
	for (i = hot; i < r.info.user_units; i++)
		expect(&r, i, 1);
	rig_check(&r, true);
	rig_stop(&r);
}

static void test_one_hot(void **state)
{
	skewed(1, 120);
}

static void test_tenth_hot(void **state)
{
	skewed(45, 400);
}

static void test_half_hot(void **state)
{
	skewed(225, 120);
}

/* Counts survive a power cycle: they are the flash's. */
static void test_counts_at_attach(void **state)
{
	struct sim_config cfg = rig_small();
	u64 seed = 3, i;
	struct rig r;
	u32 s;

	rig_start(&r, &cfg, 4096, 200, 0);
	for (i = 0; i < 4000; i++)
		put(&r, i % 50, 1);
	rig_cut(&r, &seed);
	for (s = 0; s < cfg.aus; s++)
		if (r.f->stripe[s].size)
			assert_int_equal(r.f->stripe[s].erases, erases_of(&r, s));
	assert_true(ftl_wear_mean(r.f) > 5);
	rig_stop(&r);
}

/* The least worn first, also when one goes bad in between or is put back. */
static void test_heap(void **state)
{
	struct sim_config cfg = rig_small();
	struct rig r;
	u32 s, last = 0, n = 0;
	struct ftl_heap *h;

	rig_start(&r, &cfg, 4096, 60, 0);
	h = &r.f->free_heap;
	while (ftl_wear_next_free(r.f) != FTL_NONE)
		;
	while (r.f->ready_heap.count)
		ftl_wear_next_ready(r.f, false, false);
	for (s = 2; s < cfg.aus; s++) {
		r.f->stripe[s].erases = s * 7 % 11;
		r.f->stripe[s].state = FTL_S_FREE;
		ftl_heap_put(r.f, h, s);
		ftl_heap_put(r.f, h, s);
	}
	ftl_heap_drop(r.f, 5);
	ftl_heap_drop(r.f, 5);
	while ((s = ftl_wear_next_free(r.f)) != FTL_NONE) {
		assert_int_not_equal(s, 5);
		assert_true(r.f->stripe[s].erases >= last);
		last = r.f->stripe[s].erases;
		n++;
	}
	assert_int_equal(n, cfg.aus - 3);
	/* Data that stays gets the most worn, all other the least. */
	for (s = 2; s < 7; s++)
		ftl_heap_put(r.f, &r.f->ready_heap, s);
	assert_int_equal(ftl_wear_next_ready(r.f, false, true), 3);
	assert_int_equal(ftl_wear_next_ready(r.f, false, false), 5);
	assert_int_equal(ftl_wear_next_ready(r.f, true, false), 2);
	assert_int_equal(ftl_wear_next_ready(r.f, true, true), 6);
	ftl_destroy(r.f);
	r.f = NULL;
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_hot),
		cmocka_unit_test(test_tenth_hot),
		cmocka_unit_test(test_half_hot),
		cmocka_unit_test(test_counts_at_attach),
		cmocka_unit_test(test_heap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
