// SPDX-License-Identifier: GPL-2.0-only
/*
 * Atomic writes as a database sees them: pages of several units, each written as one,
 * many at a time, on a medium that is full and collects; whatever is cut, torn, or
 * fails, a page is never found in part, and never older than it may be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig_ftl.h"
#include "hal/ftl/ftl_priv.h"

#define UNIT		FIO_MEDIA_UNIT
#define MAX_LEN		8
#define MAX_PAGES	128
#define UNDER_WAY	6

/* A page of the database; @busy: a write of it is under way. */
struct page {
	u32 issued, acked, durable;
	bool busy;
};

struct db;

struct write {
	struct sim_io sio;
	struct db *db;
	u32 page, version;
	u8 data[MAX_LEN * UNIT];
};

struct db {
	struct rig r;
	u32 len, pages;		/* units of a page; pages */
	u64 seed;
	u32 under_way, failed;
	bool fua;
	struct page page[MAX_PAGES];
	struct write *write[MAX_PAGES];
};

static u32 stamp(u32 lu, u32 version)
{
	return (lu * 0x9e3779b1u) ^ (version * 0x85ebca6bu);
}

static void fill(u8 *data, u32 lu, u32 version)
{
	u32 *w = (u32 *)data, i;

	w[0] = version;
	for (i = 1; i < UNIT / 4; i++)
		w[i] = stamp(lu, version) + i;
}

/* The version of a unit, 0: zeroes. */
static u32 version_of(const u8 *data, u32 lu)
{
	const u32 *w = (const u32 *)data;
	u32 i;

	for (i = 1; i < UNIT / 4; i++)
		if (w[i] != (w[0] ? stamp(lu, w[0]) + i : 0))
			fail_msg("unit %u holds what was never written to it", lu);
	return w[0];
}

static void write_done(struct ftl_io *io, int err)
{
	struct write *w = container_of(io, struct write, sio.io);
	struct page *p = &w->db->page[w->page];

	w->db->under_way--;
	w->db->failed += !!err;
	p->busy = false;
	if (err)
		return;
	p->acked = w->version;
	if (ftl_load(&sim_media(w->db->r.sim)->durable))
		p->durable = w->version;
}

static void submit(struct db *db, u32 page)
{
	struct write *w = db->write[page];
	u32 i;

	if (db->page[page].busy)
		return;
	w->db = db;
	w->page = page;
	w->version = ++db->page[page].issued;
	db->page[page].busy = true;
	for (i = 0; i < db->len; i++)
		fill(w->data + i * UNIT, page * db->len + i, w->version);
	w->sio.data = w->data;
	w->sio.io = (struct ftl_io){
		.op = FTL_WRITE, .flags = FTL_IO_ATOMIC | (db->fua ? FTL_IO_FUA : 0),
		.lba = (u64)page * db->len, .count = db->len, .queue = page & 1, .done = write_done,
	};
	db->under_way++;
	ftl_submit(db->r.f, &w->sio.io);
}

static void drive_below(struct db *db, u32 most)
{
	while (db->under_way > most)
		if (!sim_advance(&db->r.env, db->r.f))
			fail_msg("%u atomic writes never complete", db->under_way);
}

static u32 read_page(struct db *db, u32 page)
{
	u8 data[MAX_LEN * UNIT];
	u32 i, version;

	assert_int_equal(rig_io(&db->r, FTL_READ, (u64)page * db->len, db->len, data), 0);
	version = version_of(data, page * db->len);
	for (i = 1; i < db->len; i++)
		if (version_of(data + i * UNIT, page * db->len + i) != version)
			fail_msg("page %u is torn: unit 0 is of version %u, unit %u is not", page,
				 version, i);
	return version;
}

/* After a cut: what is found is there to stay. */
static void check_pages(struct db *db)
{
	u32 i, version;

	for (i = 0; i < db->pages; i++) {
		struct page *p = &db->page[i];

		version = read_page(db, i);
		if (version < p->durable || version > p->issued)
			fail_msg("page %u: version %u, durable was %u of %u", i, version,
				 p->durable, p->issued);
		p->acked = version;
		p->durable = version;
		p->busy = false;
	}
	db->under_way = 0;
}

static void flush(struct db *db)
{
	u32 i;

	drive_below(db, 0);
	assert_int_equal(rig_io(&db->r, FTL_FLUSH, 0, 0, NULL), 0);
	for (i = 0; i < db->pages; i++)
		db->page[i].durable = db->page[i].acked;
}

/* @units: capacity; 0: the largest. As many pages as fit are written. */
static void start_with(struct db *db, const struct sim_config *cfg, u32 len, u64 seed, u64 units)
{
	u32 i;

	memset(db, 0, sizeof(*db));
	db->seed = seed * 77 + 5;
	db->len = len;
	rig_start(&db->r, cfg, 4096, units, seed & 1 ? 0 - 40ULL : 0);
	assert_true(db->r.info.atomic_blocks >= len);
	db->pages = min((u32)(db->r.info.blocks / len), (u32)MAX_PAGES);
	for (i = 0; i < db->pages; i++) {
		db->write[i] = calloc(1, sizeof(*db->write[i]));
		submit(db, i);
		drive_below(db, UNDER_WAY);
	}
	drive_below(db, 0);
}

/* The medium collects all the time. */
static void start(struct db *db, const struct sim_config *cfg, u32 len, u64 seed)
{
	start_with(db, cfg, len, seed, 0);
}

static void stop(struct db *db)
{
	u32 i;

	assert_int_equal(db->failed, 0);
	rig_stop(&db->r);
	for (i = 0; i < db->pages; i++)
		free(db->write[i]);
}

static void some_writes(struct db *db, u32 n)
{
	while (n--) {
		submit(db, (u32)(rig_random(&db->seed) % db->pages));
		drive_below(db, (u32)(rig_random(&db->seed) % UNDER_WAY));
	}
}

static struct sim_config config(bool plp, enum sim_policy policy, u64 seed)
{
	struct sim_config cfg = rig_small();

	cfg.aus = 20;
	cfg.volatile_buffer = !plp;
	cfg.policy = policy;
	cfg.buffer_units = 6;
	cfg.seed = seed;
	return cfg;
}

static void cut_again_and_again(const struct sim_config *cfg, u32 len, u64 seed, u32 rounds)
{
	static struct db db;

	start(&db, cfg, len, seed);
	while (rounds--) {
		some_writes(&db, 1 + (u32)(rig_random(&db.seed) % 60));
		if (!(rig_random(&db.seed) & 3))
			flush(&db);
		rig_cut(&db.r, &db.seed);
		check_pages(&db);
		if (rig_random(&db.seed) & 1)
			sim_drive(&db.r.env, db.r.f);
		/* and at once again */
		rig_cut(&db.r, &db.seed);
		check_pages(&db);
		rig_check(&db.r, true);
	}
	drive_below(&db, 0);
	stop(&db);
}

static void test_cuts(void **state)
{
	static const enum sim_policy policy[] = { SIM_IMMEDIATE, SIM_LAZY, SIM_EAGER, SIM_RANDOM };
	u32 i, len, plp;
	u64 seed = 1;

	for (plp = 0; plp < 2; plp++)
		for (i = 0; i < ARRAY_SIZE(policy); i++)
			for (len = 2; len <= MAX_LEN; len += 2, seed++) {
				struct sim_config cfg = config(plp, policy[i], seed);

				cut_again_and_again(&cfg, len, seed, 12);
			}
}

static void test_cuts_with_parity(void **state)
{
	u64 seed;

	for (seed = 1; seed < 7; seed++) {
		struct sim_config cfg = config(seed & 1, SIM_RANDOM, seed);

		cfg.aus = 40;
		cfg.xor_groups = 24;
		cut_again_and_again(&cfg, 4, seed, 10);
	}
}

/* A page whose program fails is repeated as a whole, and its first attempt never seen. */
static void test_failing_programs(void **state)
{
	static struct db db;
	u64 seed;
	u32 i;

	for (seed = 1; seed < 20; seed++) {
		struct sim_config cfg = config(seed & 1, seed & 2 ? SIM_RANDOM : SIM_LAZY, seed);

		start_with(&db, &cfg, 4, seed, 240);
		for (i = 0; i < 2; i++) {
			sim_skip_faults(db.r.sim, (u32)(rig_random(&db.seed) % 9));
			sim_fail_programs(db.r.sim, 1);
			some_writes(&db, 1 + (u32)(rig_random(&db.seed) % 12));
			rig_cut(&db.r, &db.seed);
			check_pages(&db);
			some_writes(&db, 30);
		}
		drive_below(&db, 0);
		rig_check(&db.r, true);
		stop(&db);
	}
}

static void told(void *ctx, u32 unit)
{
	struct db *db = ctx;

	ftl_media_event(db->r.f, FTL_EV_RETIRE, unit);
}

/* Acknowledged, and then not taken by flash: what was flushed stays whole all the same. */
static void test_late_failures(void **state)
{
	static struct db db;
	u64 seed;

	for (seed = 1; seed < 16; seed++) {
		struct sim_config cfg = config(false, SIM_LAZY, seed);

		cfg.aus = 24;
		start(&db, &cfg, 4, seed);
		flush(&db);
		sim_fail_destages(db.r.sim, 1, told, &db);
		some_writes(&db, 20);
		flush(&db);
		some_writes(&db, 3);
		rig_cut(&db.r, &db.seed);
		check_pages(&db);
		some_writes(&db, 60);
		drive_below(&db, 0);
		rig_check(&db.r, true);
		stop(&db);
	}
}

/* More at once than the list has room for: they wait for each other, and for a SYNC. */
static void test_more_than_fit(void **state)
{
	static struct db db;
	struct sim_config cfg = config(false, SIM_LAZY, 3);
	u32 i, k;

	cfg.aus = 40;
	start(&db, &cfg, 2, 2);
	for (i = 0; i < 8; i++)
		for (k = 0; k < db.pages; k++)
			submit(&db, k);
	drive_below(&db, 0);
	flush(&db);
	rig_cut(&db.r, &db.seed);
	check_pages(&db);
	stop(&db);
}

static u64 proofs(struct rig *r)
{
	struct ftl_stats st;

	ftl_get_stats(r->f, &st);
	return st.group_proofs;
}

/* Who does not write atomically pays nothing; who does, one append for each victim. */
static void test_proofs(void **state)
{
	static struct db db;
	struct sim_config cfg = config(true, SIM_IMMEDIATE, 1);
	struct ftl_stats st;
	u8 data[UNIT] = { 1 };
	u64 before, victims;
	u32 i;

	start(&db, &cfg, 4, 2);
	sim_drive(&db.r.env, db.r.f);
	before = proofs(&db.r);
	for (i = 0; i < 400; i++)
		assert_int_equal(rig_io(&db.r, FTL_WRITE, i * 7 % db.r.info.blocks, 1, data), 0);
	/* the first victims hold what start() wrote */
	assert_in_range(proofs(&db.r), before, before + 1);
	for (i = 0; i < db.pages; i++)
		db.page[i].busy = false;
	ftl_get_stats(db.r.f, &st);
	victims = st.gc_victims + st.erases;
	before = proofs(&db.r);
	some_writes(&db, 300);
	drive_below(&db, 0);
	ftl_get_stats(db.r.f, &st);
	assert_in_range(st.group_proofs, before + 1, before + st.gc_victims + st.erases - victims);
	stop(&db);
}

/* Dropped is dropped: what a cut has undone does not come back when much time has passed. */
static void test_dropped_stays_so(void **state)
{
	static struct db db;
	u64 seed, dropped = 0;
	u32 i;

	for (seed = 1; seed < 24; seed++) {
		struct sim_config cfg = config(false, SIM_LAZY, seed);
		struct ftl_stats st;

		start(&db, &cfg, 4, seed);
		flush(&db);
		for (i = 0; i < 5; i++)
			submit(&db, i * 3);
		drive_below(&db, 1);
		rig_cut(&db.r, &db.seed);
		ftl_get_stats(db.r.f, &st);
		dropped += st.groups_dropped;
		check_pages(&db);
		some_writes(&db, 80);
		flush(&db);
		rig_cut(&db.r, &db.seed);
		check_pages(&db);
		/* and when a detach lies in between */
		rig_detach(&db.r);
		assert_int_equal(rig_attach(&db.r, 0), 0);
		some_writes(&db, 10);
		rig_cut(&db.r, &db.seed);
		check_pages(&db);
		stop(&db);
	}
	assert_true(dropped > 10);
}

static bool waits_for_room(struct db *db)
{
	return db->r.f->waiting.next != &db->r.f->waiting;
}

/* A proof while an attempt has failed and there is no room for the next one. */
static void test_proof_between_attempts(void **state)
{
	static struct db db;
	u64 seed;

	for (seed = 1; seed < 30; seed++) {
		struct sim_config cfg = config(true, SIM_LAZY, seed);

		start_with(&db, &cfg, 4, seed, 240);
		submit(&db, 1);
		drive_below(&db, 0);
		sim_drive(&db.r.env, db.r.f);
		sim_skip_faults(db.r.sim, (u32)(seed & 3));
		sim_fail_programs(db.r.sim, 1);
		submit(&db, 7);
		db.r.f->paced = true;
		db.r.f->pace_credit = 0;
		while (!waits_for_room(&db) && sim_step(db.r.sim))
			;
		assert_true(waits_for_room(&db));
		assert_int_equal(ftl_group_prove(db.r.f, false), 0);
		rig_cut(&db.r, &db.seed);
		check_pages(&db);
		some_writes(&db, 100);
		drive_below(&db, 0);
		rig_check(&db.r, true);
		stop(&db);
	}
}

/* A proof while another write is under way must not speak for that. */
static void test_proof_beside_a_write(void **state)
{
	static struct db db;
	u64 seed;

	for (seed = 1; seed < 30; seed++) {
		struct sim_config cfg = config(true, SIM_LAZY, seed);

		start(&db, &cfg, 4, seed);
		submit(&db, 1);
		drive_below(&db, 0);
		sim_drive(&db.r.env, db.r.f);
		/* complete only when it is on flash */
		db.fua = true;
		submit(&db, 7);
		db.fua = false;
		assert_int_equal(ftl_group_prove(db.r.f, false), 0);
		rig_cut(&db.r, &db.seed);
		check_pages(&db);
		some_writes(&db, 30);
		drive_below(&db, 0);
		stop(&db);
	}
}

static int atomic(struct rig *r, u64 lba, u32 count)
{
	static u8 data[FTL_MAX_UNITS * UNIT];

	return sim_do(&r->env, r->f, FTL_WRITE, FTL_IO_ATOMIC, lba, count, data);
}

/* What cannot be atomic is refused, never split. */
static void test_limits(void **state)
{
	struct sim_config cfg = rig_small();
	struct rig r;

	rig_start(&r, &cfg, 4096, 0, 0);
	assert_int_equal(r.info.atomic_blocks, 8);
	assert_int_equal(atomic(&r, 1, 1), 0);
	assert_int_equal(atomic(&r, 1, 8), 0);
	assert_int_equal(atomic(&r, 1, 9), -EINVAL);
	assert_int_equal(sim_do(&r.env, r.f, FTL_TRIM, FTL_IO_ATOMIC, 0, 1, NULL), -EINVAL);
	rig_stop(&r);

	rig_start(&r, &cfg, 512, 0, 0);
	assert_int_equal(r.info.atomic_blocks, 64);
	assert_int_equal(atomic(&r, 8, 16), 0);
	assert_int_equal(atomic(&r, 8, 15), -EINVAL);
	assert_int_equal(atomic(&r, 4, 16), -EINVAL);
	assert_int_equal(atomic(&r, 4, 4), -EINVAL);
	rig_stop(&r);

	cfg.pages = 64;
	cfg.max_units = 64;
	rig_start(&r, &cfg, 4096, 0, 0);
	assert_int_equal(r.info.atomic_blocks * 4096, 256 << 10);
	assert_int_equal(atomic(&r, 3, 64), 0);
	rig_stop(&r);
}

/* Trims and ordinary writes of part of what was written atomically are as always. */
static void test_parts(void **state)
{
	static struct db db;
	u64 seed;

	for (seed = 1; seed < 9; seed++) {
		struct sim_config cfg = config(seed & 1, SIM_LAZY, seed);
		u8 data[UNIT], got[4 * UNIT];

		start(&db, &cfg, 4, seed);
		flush(&db);
		fill(data, 1, 9);
		assert_int_equal(rig_io(&db.r, FTL_WRITE, 1, 1, data), 0);
		assert_int_equal(rig_io(&db.r, FTL_TRIM, 2, 1, NULL), 0);
		assert_int_equal(rig_io(&db.r, FTL_FLUSH, 0, 0, NULL), 0);
		db.page[0].busy = true;
		some_writes(&db, 100);
		flush(&db);
		rig_cut(&db.r, &db.seed);
		assert_int_equal(rig_io(&db.r, FTL_READ, 0, 4, got), 0);
		assert_int_equal(version_of(got, 0), 1);
		assert_int_equal(version_of(got + UNIT, 1), 9);
		assert_int_equal(version_of(got + 2 * UNIT, 2), 0);
		assert_int_equal(version_of(got + 3 * UNIT, 3), 1);
		db.under_way = 0;
		stop(&db);
	}
}

#define BLOCK 512

/*
 * Part of a unit is written over, durably, while the atomic write that it is part of is
 * not durable: the rest of the unit must not survive alone.
 */
static void test_part_written_over(void **state)
{
	struct sim_config cfg = config(false, SIM_LAZY, 1);
	u8 old[16 * BLOCK], new[16 * BLOCK], got[16 * BLOCK];
	struct rig r;
	u64 seed;

	memset(old, 1, sizeof(old));
	memset(new, 2, sizeof(new));
	for (seed = 1; seed < 40; seed++) {
		u64 cut = seed;

		rig_start(&r, &cfg, BLOCK, 0, 0);
		assert_int_equal(rig_io(&r, FTL_WRITE, 0, 16, old), 0);
		assert_int_equal(rig_io(&r, FTL_FLUSH, 0, 0, NULL), 0);
		assert_int_equal(sim_do(&r.env, r.f, FTL_WRITE, FTL_IO_ATOMIC, 0, 16, new), 0);
		if (seed & 1)
			assert_int_equal(sim_do(&r.env, r.f, FTL_WRITE, FTL_IO_FUA, 3, 1, old), 0);
		else
			assert_int_equal(rig_io(&r, FTL_ZEROES, 3, 1, NULL), 0);
		rig_cut(&r, &cut);
		assert_int_equal(rig_io(&r, FTL_READ, 0, 16, got), 0);
		assert_int_equal(got[0], got[sizeof(got) - 1]);
		rig_stop(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_proofs),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_cuts_with_parity),
		cmocka_unit_test(test_failing_programs),
		cmocka_unit_test(test_late_failures),
		cmocka_unit_test(test_more_than_fit),
		cmocka_unit_test(test_dropped_stays_so),
		cmocka_unit_test(test_proof_between_attempts),
		cmocka_unit_test(test_proof_beside_a_write),
		cmocka_unit_test(test_part_written_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
