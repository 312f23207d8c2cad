// SPDX-License-Identifier: GPL-2.0-only
/*
 * Placement: what is updated alike lies together and stays so over attaches, rungs
 * keep to the medium's limits, and a full medium with a ladder never jams.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig_ftl.h"
#include "hal/ftl/ftl_priv.h"

#define UNIT	FIO_MEDIA_UNIT
#define UNITS	700
#define HOT	40
#define JUMPED	(15 * 64)	/* logarithms: four octaves less a bit */

static struct sim_config shape(void)
{
	return (struct sim_config){
		.dies = 2, .aus = 72, .pages = 8, .max_units = 16, .write_units = 2,
		.queues = 1, .policy = SIM_IMMEDIATE,
	};
}

static void put(struct rig *r, u64 lu)
{
	static u8 data[UNIT];

	memcpy(data, &lu, sizeof(lu));
	assert_int_equal(rig_io(r, FTL_WRITE, lu, 1, data), 0);
}

static void expect_all(struct rig *r, u64 units)
{
	static u8 data[UNIT];
	u64 lu, found;

	for (lu = 0; lu < units; lu++) {
		assert_int_equal(rig_io(r, FTL_READ, lu, 1, data), 0);
		memcpy(&found, data, sizeof(found));
		assert_int_equal(found, lu);
	}
}

static void fill(struct rig *r, u64 units)
{
	u64 lu;

	for (lu = 0; lu < units; lu++)
		put(r, lu);
}

static u32 hot_shift;	/* where the hot set is: a jump makes as many others hot */

/* Nine of ten writes to few units, which are spread over all the others. */
static u64 skewed(u64 *seed)
{
	u64 n = rig_random(seed) >> 20;

	return n % 10 ? n / 10 % HOT * (UNITS / HOT) + hot_shift : n / 10 % UNITS;
}

static bool is_hot(u64 lu)
{
	return lu % (UNITS / HOT) == hot_shift && lu / (UNITS / HOT) < HOT;
}

static void churn(struct rig *r, u64 *seed, u32 writes)
{
	while (writes--)
		put(r, skewed(seed));
	sim_drive(&r->env, r->f);
}

static const struct ftl_stripe *stripe_of(struct rig *r, u64 lu)
{
	return &r->f->stripe[ftl_unit_stripe(r->f, ftl_lookup(r->f, lu))];
}

/* Mean logarithm of the interval of the stripes that hold hot units, or cold ones. */
static u32 mean_interval(struct rig *r, bool hot)
{
	u32 sum = 0, n = 0;
	u64 lu;

	for (lu = 0; lu < UNITS; lu++) {
		if (is_hot(lu) != hot)
			continue;
		sum += stripe_of(r, lu)->interval;
		n++;
	}
	return sum / n;
}

/* Hot units share few stripes with cold ones. */
static u32 hot_among_cold(struct rig *r)
{
	u32 cold[72] = { }, n = 0;
	u64 lu;

	for (lu = 0; lu < UNITS; lu++)
		cold[stripe_of(r, lu) - r->f->stripe] += !is_hot(lu);
	for (lu = 0; lu < UNITS; lu++)
		n += is_hot(lu) && cold[stripe_of(r, lu) - r->f->stripe] > 8;
	return n;
}

static void start_skewed(struct rig *r, u64 *seed)
{
	struct sim_config cfg = shape();

	hot_shift = 0;
	rig_start(r, &cfg, 4096, UNITS, 0);
	assert_true(r->f->rungs >= 4);
	fill(r, UNITS);
	churn(r, seed, 12 * UNITS);
}

static void test_apart(void **state)
{
	struct ftl_stats st;
	u64 seed = 12345;
	struct rig r;

	start_skewed(&r, &seed);
	ftl_get_stats(r.f, &st);
	print_message("hot 2^%.1f, cold 2^%.1f, %u of %u hot units among cold ones, %.2f copies a write, %.4f misplaced\n",
		      mean_interval(&r, true) / 256., mean_interval(&r, false) / 256.,
		      hot_among_cold(&r), HOT,
		      (double)st.gc_units_written / st.user_units_written,
		      (double)st.units_misplaced / st.user_units_written);
	/* Hot ones are written 40 times as often: more than five octaves; ask for three. */
	assert_true(mean_interval(&r, false) > mean_interval(&r, true) + 3 * 256);
	assert_true(hot_among_cold(&r) < HOT / 4);
	assert_true(st.gc_victims && st.gc_victim_valid < st.gc_victim_units);
	assert_true(st.units_misplaced * 20 < st.user_units_written);
	rig_check(&r, true);
	expect_all(&r, UNITS);
	rig_stop(&r);
}

/* What was hot is forgotten, what has become hot is found, in half a round. */
static void test_jump(void **state)
{
	u64 seed = 2468;
	struct rig r;

	start_skewed(&r, &seed);
	hot_shift = UNITS / HOT / 2;
	print_message("before: hot 2^%.1f, cold 2^%.1f\n", mean_interval(&r, true) / 256.,
		      mean_interval(&r, false) / 256.);
	churn(&r, &seed, UNITS / 2);
	print_message("after: hot 2^%.1f, cold 2^%.1f, %u of %u hot units among cold ones\n",
		      mean_interval(&r, true) / 256., mean_interval(&r, false) / 256.,
		      hot_among_cold(&r), HOT);
	assert_true(mean_interval(&r, false) > mean_interval(&r, true) + JUMPED);
	rig_check(&r, true);
	expect_all(&r, UNITS);
	rig_stop(&r);
}

/* Without skew two rungs do at most; skew that comes later is seen all the same. */
static void test_even(void **state)
{
	struct sim_config cfg = shape();
	u64 seed = 1357;
	struct rig r;
	u32 i, rungs = 0;

	hot_shift = 0;
	rig_start(&r, &cfg, 4096, UNITS, 0);
	fill(&r, UNITS);
	for (i = 0; i < 10 * UNITS; i++) {
		put(&r, rig_random(&seed) % UNITS);
		rungs += i >= 6 * UNITS ? r.f->place.used : 0;
	}
	print_message("%.2f rungs without skew\n", rungs / (4. * UNITS));
	assert_true(rungs <= 2 * 4 * UNITS);
	churn(&r, &seed, 6 * UNITS);
	print_message("%u rungs with, hot 2^%.1f, cold 2^%.1f\n", r.f->place.used,
		      mean_interval(&r, true) / 256., mean_interval(&r, false) / 256.);
	assert_true(mean_interval(&r, false) > mean_interval(&r, true) + 3 * 256);
	assert_true(hot_among_cold(&r) < HOT / 4);
	rig_check(&r, true);
	expect_all(&r, UNITS);
	rig_stop(&r);
}

/* Intervals are stored with an eighth of an octave, of the last page. */
static void expect_known(struct rig *r, const u32 *was)
{
	u32 s;

	for (s = 0; s < r->cfg.aus; s++) {
		const struct ftl_stripe *st = &r->f->stripe[s];

		if (!was[s] || st->state != FTL_S_CLOSED)
			continue;
		assert_in_range(st->interval, was[s] > 160 ? was[s] - 160 : 0, was[s] + 160);
	}
}

static void note(struct rig *r, u32 *interval)
{
	u32 s;

	for (s = 0; s < r->cfg.aus; s++) {
		const struct ftl_stripe *st = &r->f->stripe[s];

		interval[s] = st->state == FTL_S_CLOSED && st->valid && st->stream >= FTL_LADDER ?
			      st->interval : 0;
	}
}

static void test_remembered(void **state)
{
	u32 interval[72];
	u64 seed = 777, clock;
	struct rig r;

	start_skewed(&r, &seed);
	note(&r, interval);
	clock = r.f->place.clock;
	rig_detach(&r);
	assert_int_equal(rig_attach(&r, 0), 0);
	assert_true(ftl_load(&r.f->rec.clean));
	churn(&r, &seed, 1);
	assert_true(r.f->place.clock == clock + 1);
	expect_known(&r, interval);
	churn(&r, &seed, UNITS);
	note(&r, interval);
	clock = r.f->place.clock;
	rig_cut(&r, &seed);
	assert_true(r.f->place.clock + 512 > clock);
	expect_known(&r, interval);
	rig_check(&r, true);
	rig_stop(&r);
}

/* As many append units open as the ladder needs, no more: the medium would refuse. */
static void test_open_limit(void **state)
{
	struct sim_config cfg = shape();
	struct ftl_stats st;
	u64 seed = 4242;
	struct rig r;
	u32 i;

	cfg.max_open = 2 * 2 * (4 + 2) + 2;
	rig_start(&r, &cfg, 4096, UNITS, 0);
	assert_int_equal(r.f->rungs, 4);
	fill(&r, UNITS);
	for (i = 0; i < 6; i++) {
		u32 writes = 2 * UNITS;

		churn(&r, &seed, 2 * UNITS);
		/* Without skew there is no use for most rungs. */
		while (writes--)
			put(&r, rig_random(&seed) % UNITS);
	}
	ftl_get_stats(r.f, &st);
	print_message("%llu units left in stripes closed early\n",
		      (unsigned long long)st.pad_units);
	assert_true(st.pad_units);
	assert_int_equal(st.program_fails, 0);
	assert_int_equal(st.stripes_bad_aus, 0);
	rig_check(&r, true);
	expect_all(&r, UNITS);
	rig_stop(&r);
}

/* Not a unit to spare, and power is cut in between. */
static void test_full(void **state)
{
	struct sim_config cfg = shape();
	u64 seed = 99, units;
	struct rig r;
	u32 i, n;

	cfg.aus = 112;
	rig_start(&r, &cfg, 4096, 0, 0);
	units = r.info.user_units;
	print_message("%llu units, %u rungs\n", (unsigned long long)units, r.f->rungs);
	assert_true(r.f->rungs >= 2);
	fill(&r, units);
	for (i = 0; i < 6; i++) {
		for (n = 0; n < units; n++)
			put(&r, rig_random(&seed) % (i & 1 ? units : 60));
		sim_drive(&r.env, r.f);
		rig_check(&r, false);
		rig_cut(&r, &seed);
		assert_true(r.f->rungs >= 2);
	}
	expect_all(&r, units);
	rig_stop(&r);
}

/* ---- streams that users name -------------------------------------------------- */

static void named_done(struct ftl_io *io, int err)
{
	assert_int_equal(err, 0);
	io->op = FTL_FLUSH;	/* seen */
}

static void put_named(struct rig *r, u64 lu, u8 stream)
{
	static u8 data[UNIT];
	static struct sim_io sio;

	memcpy(data, &lu, sizeof(lu));
	sio.data = data;
	sio.io = (struct ftl_io){
		.op = FTL_WRITE, .lba = lu, .count = 1, .stream = stream, .done = named_done,
	};
	ftl_submit(r->f, &sio.io);
	while (sio.io.op == FTL_WRITE && sim_advance(&r->env, r->f))
		;
	assert_int_equal(sio.io.op, FTL_FLUSH);
}

/* Whatever is collected in between, and by whom. */
static void test_named(void **state)
{
	struct sim_config cfg = shape();
	u32 holds[72][3] = { };
	u64 seed = 31, lu;
	struct rig r;
	u32 i;

	rig_start(&r, &cfg, 4096, UNITS, 0);
	for (lu = 0; lu < UNITS; lu++)
		put_named(&r, lu, lu % 3);
	for (i = 0; i < 6 * UNITS; i++) {
		lu = rig_random(&seed) % UNITS;
		put_named(&r, lu, lu % 3);
	}
	sim_drive(&r.env, r.f);
	for (lu = 0; lu < UNITS; lu++)
		holds[stripe_of(&r, lu) - r.f->stripe][lu % 3]++;
	for (i = 0; i < 72; i++)
		assert_true(!!holds[i][0] + !!holds[i][1] + !!holds[i][2] <= 1);
	assert_true(r.f->st.gc_units_written);
	assert_int_equal(r.f->st.units_misplaced, 0);
	rig_check(&r, true);
	rig_cut(&r, &seed);
	expect_all(&r, UNITS);
	rig_check(&r, true);
	rig_stop(&r);
}

/* ---- pace ---------------------------------------------------------------------- */

#define DEPTH	32

struct writer {
	struct rig *rig;
	struct sim_io sio[DEPTH];
	u64 seed, copied, gap;
	u32 left, under_way;
};

static void write_next(struct writer *w, struct ftl_io *io);

/* How much is copied from one completion to the next? */
static void written(struct ftl_io *io, int err)
{
	struct sim_io *sio = container_of(io, struct sim_io, io);
	struct writer *w = *(struct writer **)sio->data;
	u64 now = w->rig->f->st.gc_units_written;

	assert_int_equal(err, 0);
	w->gap = max(w->gap, now - w->copied);
	w->copied = now;
	w->under_way--;
	if (w->left)
		write_next(w, io);
}

static void write_next(struct writer *w, struct ftl_io *io)
{
	w->left--;
	w->under_way++;
	memset(io, 0, sizeof(*io));
	io->op = FTL_WRITE;
	io->lba = rig_random(&w->seed) % w->rig->info.user_units;
	io->count = 1;
	io->done = written;
	ftl_submit(w->rig->f, io);
}

static void test_pace(void **state)
{
	struct sim_config cfg = shape();
	static u8 data[UNIT];
	static struct writer w;
	struct writer *self = &w;
	struct rig r;
	u32 i;

	cfg.pages = 256;
	cfg.aus = 40;
	rig_start(&r, &cfg, 4096, 14000, 0);
	fill(&r, 14000);
	for (i = 0; i < 14000; i++)
		put(&r, (u64)i * 6151 % 14000);
	w = (struct writer){ .rig = &r, .seed = 5, .left = 14000 };
	w.copied = r.f->st.gc_units_written;
	memcpy(data, &self, sizeof(self));
	for (i = 0; i < DEPTH; i++) {
		w.sio[i].data = data;
		write_next(&w, &w.sio[i].io);
	}
	while (w.under_way && sim_advance(&r.env, r.f))
		;
	assert_int_equal(w.left + w.under_way, 0);
	print_message("at most %llu units were copied between two completions, stripes have %u\n",
		      (unsigned long long)w.gap, r.f->stripe_data);
	assert_true(w.gap <= 2 * FTL_SLOTS * r.f->geo.max_units);
	sim_drive(&r.env, r.f);
	rig_check(&r, false);
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_jump),
		cmocka_unit_test(test_even),
		cmocka_unit_test(test_remembered),
		cmocka_unit_test(test_open_limit),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
