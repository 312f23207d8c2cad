// SPDX-License-Identifier: GPL-2.0-only
/*
 * Long random histories against a shadow: every status, address and byte is
 * predicted. TEST_SEED=N repeats one history; a failure prints it.
 */
#include <stdio.h>

#include "tests/unit/test_model_rig.h"

#define DIES	4
#define PER_DIE	3
#define AUS	(DIES * PER_DIE)
#define PAGES	256
#define STEPS	1500

struct shadow {
	u32 n;			/* units appended */
	u32 seed[PAGES];
	bool closed, failed, bad;
};

static struct history {
	struct rig *r;
	u64 rng;
	u32 next_seed;
	struct shadow au[AUS];
} h;

/* What all histories of a test did, to see that they did everything. */
static u64 counts[7];

static u32 draw(u32 below)
{
	h.rng ^= h.rng << 13;
	h.rng ^= h.rng >> 7;
	h.rng ^= h.rng << 17;
	return (u32)((h.rng >> 33) % below);
}

static u64 au_addr(u32 i)
{
	return rig_addr(i % DIES, 5 + i / DIES, 0);
}

static u32 worse(u32 a, u32 b)
{
	return a > b ? a : b;
}

static u8 expect_append(struct shadow *s, u32 seed)
{
	if (s->bad)
		return FIO_SC_AU_BAD;
	if (s->failed)
		return FIO_SC_AU_STATE;
	if (s->n == PAGES)
		return FIO_SC_AU_FULL;
	if (s->closed)
		return FIO_SC_AU_STATE;
	s->seed[s->n++] = seed;
	return FIO_SC_OK;
}

static void do_append(void)
{
	u32 units = 1 + draw(draw(4) ? 8 : 64), i, worst = 0, base = h.next_seed;
	u64 addr[FIO_MAX_UNITS], want[FIO_MAX_UNITS], failed = 0;
	struct fio_cqe cqe;
	u8 flags = (draw(2) ? FIO_SQE_CRC : 0) | (draw(8) ? 0 : FIO_SQE_FUA) |
		   (draw(8) ? 0 : FIO_SQE_LOW);

	h.next_seed += units;
	for (i = 0; i < units; i++) {
		u32 nr = draw(AUS);
		u8 status = expect_append(&h.au[nr], base + i);

		addr[i] = au_addr(nr);
		want[i] = status ? addr[i] : addr[i] + h.au[nr].n - 1;
		failed |= status ? BIT_ULL(i) : 0;
		worst = worse(worst, status);
	}
	assert_int_equal(rig_append(h.r, addr, units, base, flags, &cqe), worst);
	assert_true(le64_to_cpu(cqe.failed) == failed);
	for (i = 0; i < units; i++)
		assert_true(addr[i] == want[i]);
	counts[0] += units - __builtin_popcountll(failed);
}

static void do_read(void)
{
	u32 units = 1 + draw(draw(4) ? 8 : 64), i, worst = 0;
	u64 addr[FIO_MAX_UNITS], failed = 0;
	u32 nr[FIO_MAX_UNITS], page[FIO_MAX_UNITS];
	struct fio_cqe cqe;

	for (i = 0; i < units; i++) {
		nr[i] = draw(AUS);
		page[i] = draw(min_t(u32, h.au[nr[i]].n + 2, PAGES));
		addr[i] = draw(30) ? au_addr(nr[i]) + page[i] : FIO_ADDR_NULL;
		if (addr[i] != FIO_ADDR_NULL && page[i] >= h.au[nr[i]].n) {
			failed |= BIT_ULL(i);
			worst = FIO_SC_ERASED;
		}
	}
	assert_int_equal(rig_read(h.r, addr, units, 0, &cqe), worst);
	assert_true(le64_to_cpu(cqe.failed) == failed);
	for (i = 0; i < units; i++) {
		if (addr[i] == FIO_ADDR_NULL || failed & BIT_ULL(i)) {
			assert_int_equal(h.r->mem[RIG_DATA + i * FIO_UNIT_BYTES + 77], 0);
			continue;
		}
		assert_true(rig_pattern_ok(h.r, i, h.au[nr[i]].seed[page[i]]));
		counts[1]++;
	}
}

static void do_reset(void)
{
	u32 nr = draw(AUS);
	struct shadow *s = &h.au[nr];

	assert_int_equal(rig_on_aus(h.r, FIO_OP_RESET, au_addr(nr)),
			 s->bad ? FIO_SC_AU_BAD : FIO_SC_OK);
	if (!s->bad)
		*s = (struct shadow){ 0 };
	counts[2]++;
}

static void do_finish(void)
{
	u32 nr = draw(AUS);

	assert_int_equal(rig_on_aus(h.r, FIO_OP_FINISH, au_addr(nr)),
			 h.au[nr].bad ? FIO_SC_AU_BAD : FIO_SC_OK);
	h.au[nr].closed = true;
	counts[3]++;
}

static void do_retire(void)
{
	u32 nr = draw(AUS);

	if (draw(20))
		return;
	assert_int_equal(rig_on_aus(h.r, FIO_OP_RETIRE, au_addr(nr)), FIO_SC_OK);
	h.au[nr].bad = true;
	counts[4]++;
}

static void do_report(void)
{
	u32 nr = draw(AUS);
	struct shadow *s = &h.au[nr];
	struct fio_au_report rep;
	u32 state = FIO_AU_OPEN;

	if (s->bad)
		state = FIO_AU_BAD;
	else if (s->closed || s->failed || s->n == PAGES)
		state = FIO_AU_CLOSED;
	else if (!s->n)
		state = FIO_AU_FREE;
	rig_report(h.r, au_addr(nr), &rep);
	assert_int_equal(rep.state, state);
	assert_int_equal(rep.flags, 0);
	if (!s->bad)
		assert_int_equal(le32_to_cpu(rep.write_ptr), s->n);
}

/* A program fails in an append of one unit, so that it is clear which. */
static void do_failing_append(void)
{
	u32 nr = draw(AUS);
	struct shadow *s = &h.au[nr];
	u64 addr = au_addr(nr);
	char cmd[64];

	if (s->bad || s->closed || s->failed || s->n == PAGES || draw(3))
		return;
	assert_int_equal(rig_sync(h.r), FIO_SC_OK);
	snprintf(cmd, sizeof(cmd), "fail-program die=%u,au=%u,page=%u", nr % DIES, 5 + nr / DIES,
		 s->n);
	assert_int_equal(rig_control(h.r, cmd), 0);
	assert_int_equal(rig_append(h.r, &addr, 1, 0, FIO_SQE_FUA, NULL), FIO_SC_PROGRAM_FAIL);
	assert_true(addr == au_addr(nr) + s->n);
	/* the page is spent and unreadable: leave it out of the reads by an erase */
	s->failed = true;
	assert_int_equal(rig_read(h.r, &addr, 1, 0, NULL), FIO_SC_UNCORRECTABLE);
	addr = au_addr(nr);
	assert_int_equal(rig_append(h.r, &addr, 1, 0, 0, NULL), FIO_SC_AU_STATE);
	assert_int_equal(rig_on_aus(h.r, FIO_OP_RESET, au_addr(nr)), FIO_SC_OK);
	*s = (struct shadow){ 0 };
	counts[5]++;
}

static void do_environment(void)
{
	static const char *const plps[] = { "plp ok", "plp failed", "plp none" };

	switch (draw(4)) {
	case 0:
		assert_int_equal(rig_control(h.r, plps[draw(3)]), 0);
		break;
	case 1:
		assert_int_equal(rig_sync(h.r), FIO_SC_OK);
		break;
	case 2:
		rig_run_until_idle(h.r);
		break;
	default:
		if (draw(10))
			break;
		if (draw(2))
			vcard_reset(h.r->c, VCARD_RESET_BUS);
		else
			rig_wr(h.r, FIO_REG_RESET, FIO_RESET_KEY);
		rig_run(h.r);
		rig_up(h.r);
		counts[6]++;
	}
}

static void step(void)
{
	switch (draw(16)) {
	case 0 ... 5:
		do_append();
		break;
	case 6 ... 10:
		do_read();
		break;
	case 11:
		do_reset();
		break;
	case 12:
		if (draw(2))
			do_finish();
		else
			do_retire();
		break;
	case 13:
		do_report();
		break;
	case 14:
		do_failing_append();
		break;
	default:
		do_environment();
	}
}

static void run_history(u64 seed, enum nand_timing timing)
{
	struct vcard_config cfg;
	u32 i;

	memset(&h, 0, sizeof(h));
	h.rng = seed * 0x9e3779b97f4a7c15ULL | 1;
	rig_config(&cfg);
	cfg.timing = timing;
	cfg.buffer_units = 200;
	cfg.seed = seed;
	h.r = rig_new(&cfg);
	rig_up(h.r);
	print_message("history of seed %llu, timing %d\n", (unsigned long long)seed, timing);
	for (i = 0; i < STEPS; i++)
		step();
	assert_int_equal(rig_rd(h.r, FIO_REG_STATUS), FIO_STATUS_RDY);
	rig_free(h.r);
}

static void run_histories(u64 first, u32 nr, enum nand_timing timing)
{
	const char *only = getenv("TEST_SEED");
	u64 seed;
	u32 i;

	memset(counts, 0, sizeof(counts));
	if (only) {
		run_history(strtoull(only, NULL, 0), timing);
		return;
	}
	for (seed = first; seed < first + nr; seed++)
		run_history(seed, timing);
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		assert_true(counts[i] > 0);
}

static void histories(void **state)
{
	run_histories(1, 5, NAND_TIMING_NONE);
}

static void histories_slc(void **state)
{
	run_histories(100, 3, NAND_TIMING_SLC);
}

static void histories_mlc(void **state)
{
	run_histories(200, 3, NAND_TIMING_MLC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histories), cmocka_unit_test(histories_slc),
		cmocka_unit_test(histories_mlc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
