// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core against a flat array: random requests, many at a time, with faults,
 * collections, checkpoints, detaches and power cuts in between.
 *
 * Requests under way never overlap, so that what each must see is known when it
 * is submitted. Everything is flushed before a cut: exactly the array must come
 * back. What may come back of unflushed data is the crash runner's business.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig_ftl.h"

#define DEPTH	12
#define MAX_BLOCKS 24

struct slot {
	struct sim_io sio;
	bool busy;
	u32 version;
	struct model *m;
	u8 data[16 * FIO_MEDIA_UNIT];
};

struct model {
	struct rig r;
	u64 seed;
	u32 *version;		/* by block; 0: zeroes */
	bool *busy;
	struct slot slot[DEPTH];
	u32 in_flight, next_version;
	u64 done;
};

static u32 roll(struct model *m, u32 n)
{
	return (u32)((rig_random(&m->seed) >> 11) % n);
}

/* Content of a block is derived from where it is and its version. */
static void block_fill(struct model *m, u64 lba, u32 version, u8 *p)
{
	u32 len = m->r.info.lba_bytes, i;
	u64 word[2] = { lba, version };

	memset(p, 0, len);
	for (i = 0; version && i < len; i += sizeof(word))
		memcpy(p + i, word, sizeof(word));
}

static void block_check(struct model *m, u64 lba, const u8 *p)
{
	u8 want[FIO_MEDIA_UNIT];
	u64 got[2];

	block_fill(m, lba, m->version[lba], want);
	if (!memcmp(p, want, m->r.info.lba_bytes))
		return;
	memcpy(got, p, sizeof(got));
	sim_env_dump(&m->r.env);
	fail_msg("block %llu: version %u expected, found block %llu version %llu",
		 (unsigned long long)lba, m->version[lba], (unsigned long long)got[0],
		 (unsigned long long)got[1]);
}

static void set_version(struct model *m, u64 lba, u32 version)
{
	m->version[lba] = version;
}

/* A trim takes whole units only. */
static void apply_trim(struct model *m, u64 lba, u32 count)
{
	u32 per = FIO_MEDIA_UNIT / m->r.info.lba_bytes;
	u64 from = (lba + per - 1) / per * per, to = (lba + count) / per * per;

	for (; from < to; from++)
		set_version(m, from, 0);
}

static void slot_done(struct ftl_io *io, int err)
{
	struct slot *s = container_of(io, struct slot, sio.io);
	struct model *m = s->m;
	u32 i;

	assert_true(s->busy);
	if (err)
		sim_env_dump(&m->r.env);
	assert_int_equal(err, 0);
	for (i = 0; i < io->count; i++) {
		if (io->op == FTL_READ)
			block_check(m, io->lba + i, s->data + i * m->r.info.lba_bytes);
		if (io->op == FTL_WRITE || io->op == FTL_ZEROES)
			set_version(m, io->lba + i, io->op == FTL_WRITE ? s->version : 0);
		m->busy[io->lba + i] = false;
	}
	if (io->op == FTL_TRIM)
		apply_trim(m, io->lba, io->count);
	s->busy = false;
	m->in_flight--;
	m->done++;
}

static bool claim_range(struct model *m, u64 lba, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (m->busy[lba + i])
			return false;
	for (i = 0; i < count; i++)
		m->busy[lba + i] = true;
	return true;
}

static u8 pick_op(struct model *m)
{
	static const u8 op[] = {
		FTL_WRITE, FTL_WRITE, FTL_WRITE, FTL_WRITE, FTL_READ, FTL_READ,
		FTL_TRIM, FTL_ZEROES, FTL_FLUSH,
	};

	return op[roll(m, ARRAY_SIZE(op))];
}

static void start(struct model *m, struct slot *s)
{
	u32 i, count = 1 + roll(m, MAX_BLOCKS);
	u8 op = pick_op(m);
	u64 lba;

	count = min(count, (u32)(sizeof(s->data) / m->r.info.lba_bytes));
	lba = roll(m, (u32)m->r.info.blocks - count + 1);
	if (op == FTL_FLUSH)
		count = 0;
	if (!claim_range(m, lba, count))
		return;
	s->busy = true;
	s->m = m;
	s->version = ++m->next_version;
	for (i = 0; i < count; i++)
		block_fill(m, lba + i, s->version, s->data + i * m->r.info.lba_bytes);
	if (op == FTL_READ)
		memset(s->data, 0xee, sizeof(s->data));
	s->sio.data = s->data;
	s->sio.io = (struct ftl_io){
		.op = op, .lba = lba, .count = count, .done = slot_done,
		.queue = roll(m, m->r.cfg.queues), .flags = roll(m, 8) ? 0 : FTL_IO_FUA,
	};
	m->in_flight++;
	ftl_submit(m->r.f, &s->sio.io);
}

static void settle(struct model *m)
{
	while (m->in_flight && sim_advance(&m->r.env, m->r.f))
		;
	if (m->in_flight)
		sim_env_dump(&m->r.env);
	assert_int_equal(m->in_flight, 0);
	sim_drive(&m->r.env, m->r.f);
}

static void verify(struct model *m)
{
	u8 data[FIO_MEDIA_UNIT];
	u64 lba;

	for (lba = 0; lba < m->r.info.blocks; lba++) {
		assert_int_equal(rig_io(&m->r, FTL_READ, lba, 1, data), 0);
		block_check(m, lba, data);
	}
	rig_check(&m->r, true);
}

static void reattach(struct model *m, u32 flags)
{
	rig_detach(&m->r);
	assert_int_equal(rig_attach(&m->r, flags), 0);
}

/* Now and then something else than a request. */
static void disturb(struct model *m, bool faults)
{
	settle(m);
	switch (roll(m, faults ? 8 : 6)) {
	case 0:
		reattach(m, FTL_ATTACH_CLEAN_ONLY);
		break;
	case 1:
		reattach(m, FTL_ATTACH_RESCAN);
		break;
	case 2:
	case 3:
		assert_int_equal(rig_io(&m->r, FTL_FLUSH, 0, 0, NULL), 0);
		rig_cut(&m->r, &m->seed);
		break;
	case 4:
		ftl_force_gc(m->r.f);
		break;
	case 5:
		assert_int_equal(ftl_force_checkpoint(m->r.f), 0);
		break;
	case 6:
		sim_fail_programs(m->r.sim, 1);
		break;
	default:
		sim_fail_erases(m->r.sim, 1);
	}
	rig_check(&m->r, false);
	if (!roll(m, 4))
		verify(m);
}

static void run(const struct sim_config *cfg, u32 lba_bytes, u64 units, u32 ops, u64 seed,
		u32 faults)
{
	struct model *m = calloc(1, sizeof(*m));
	u32 i;

	m->seed = seed;
	rig_start(&m->r, cfg, lba_bytes, units, -100ULL);
	m->version = calloc(m->r.info.blocks, sizeof(*m->version));
	m->busy = calloc(m->r.info.blocks, sizeof(*m->busy));
	while (m->done < ops) {
		for (i = 0; i < DEPTH; i++)
			if (!m->slot[i].busy && !roll(m, 2))
				start(m, &m->slot[i]);
		for (i = roll(m, 40); i; i--)
			sim_advance(&m->r.env, m->r.f);
		if (!roll(m, 60)) {
			disturb(m, faults);
			faults -= !!faults;
		}
	}
	settle(m);
	verify(m);
	rig_stop(&m->r);
	free(m->version);
	free(m->busy);
	free(m);
}

static struct sim_config random_medium(bool plp)
{
	struct sim_config cfg = rig_small();

	cfg.policy = SIM_RANDOM;
	cfg.volatile_buffer = !plp;
	cfg.seed = 5;
	return cfg;
}

static void test_durable_4k(void **state)
{
	struct sim_config cfg = random_medium(true);

	run(&cfg, 4096, 0, 4000, 1, 0);
}

static void test_durable_512(void **state)
{
	struct sim_config cfg = random_medium(true);

	run(&cfg, 512, 0, 4000, 2, 0);
}

static void test_volatile_4k(void **state)
{
	struct sim_config cfg = random_medium(false);

	run(&cfg, 4096, 0, 4000, 3, 0);
}

static void test_volatile_512(void **state)
{
	struct sim_config cfg = random_medium(false);

	run(&cfg, 512, 0, 4000, 4, 0);
}

static void test_faults(void **state)
{
	struct sim_config cfg = random_medium(true);

	run(&cfg, 4096, 240, 3000, 5, 8);
	cfg.volatile_buffer = true;
	run(&cfg, 512, 240, 3000, 6, 8);
}

/* Metadata on a frontier of its own, odd shapes, commands in short supply. */
static void test_shapes(void **state)
{
	struct sim_config cfg = random_medium(true);

	cfg.aus = 40;
	cfg.host_cmds = 2;
	cfg.internal_cmds = 1;
	run(&cfg, 512, 0, 3000, 7, 0);
	cfg.dies = 3;
	cfg.pages = 5;
	cfg.max_units = 3;
	cfg.volatile_buffer = true;
	run(&cfg, 512, 0, 3000, 8, 0);
	cfg.dies = 1;
	cfg.pages = 16;
	cfg.aus = 24;
	run(&cfg, 4096, 0, 2000, 9, 0);
}

/* Rows fill up in any order; parity follows them, and says nothing too early. */
static void test_parity(void **state)
{
	struct sim_config cfg = random_medium(true);

	cfg.xor_groups = 12;
	run(&cfg, 4096, 200, 4000, 10, 0);
	run(&cfg, 512, 200, 3000, 11, 8);
	cfg.aus = 40;
	cfg.pages = 32;
	cfg.dies = 5;
	cfg.host_cmds = 2;
	cfg.internal_cmds = 2;
	run(&cfg, 4096, 2000, 4000, 12, 0);
	cfg.volatile_buffer = true;
	run(&cfg, 4096, 2000, 4000, 13, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durable_4k),
		cmocka_unit_test(test_durable_512),
		cmocka_unit_test(test_volatile_4k),
		cmocka_unit_test(test_volatile_512),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_parity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
