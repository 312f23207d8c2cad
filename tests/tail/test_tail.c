// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parts of fio-tail: the histogram, the flash's clock, and the three loads
 * on a small device.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/tail/tail.h"
#include "tests/wa/store.h"

#define PAGES	16
#define LINK	3000

static void test_hist(void **state)
{
	struct hist *h = must_alloc(1, sizeof(*h));
	u64 ns, p;

	assert_int_equal(hist_percentile(h, .5), 0);
	for (ns = 1; ns <= 1000000; ns++)
		hist_add(h, ns);
	p = hist_percentile(h, .5);
	assert_true(p >= 500000 && p < 508000);
	p = hist_percentile(h, .9999);
	assert_true(p >= 999900 && p <= 1000000);
	assert_int_equal(hist_percentile(h, 1), 1000000);
	hist_add(h, 7000000000ull);
	assert_int_equal(hist_percentile(h, 1), 7000000000ull);
	assert_true(hist_percentile(h, .999999) < 1100000);
	free(h);
}

/* ---- the flash alone ----------------------------------------------------- */

static u64 over_at[4];
static u32 overs;

static void cmd_done(struct media_cmd *cmd)
{
	struct flash *f = cmd->priv;

	assert_int_equal(cmd->status, MEDIA_OK);
	over_at[overs++] = flash_now(f);
	flash_media(f)->ops->put(flash_media(f), cmd);
}

static void issue(struct flash *f, enum media_op op, u8 flags, u32 unit, u32 n)
{
	static struct media_buf buf;
	struct media *m = flash_media(f);
	struct media_cmd *cmd = m->ops->get(m, 0, false);
	u32 i;

	if (!buf.va)
		assert_int_equal(m->ops->buf_alloc(m, 8, &buf), 0);
	assert_non_null(cmd);
	cmd->op = op;
	cmd->n = n;
	cmd->flags = flags;
	cmd->io = NULL;
	cmd->buf = &buf;
	cmd->buf_off = 0;
	cmd->done = cmd_done;
	cmd->priv = f;
	for (i = 0; i < n; i++) {
		cmd->unit[i] = unit + (op == MEDIA_READ ? i : 0);
		memset(&cmd->tag[i], 0, sizeof(cmd->tag[i]));
		cmd->tag[i].type = FIO_TAG_DATA;
	}
	m->ops->submit(m, cmd);
}

static struct flash *make_flash(void)
{
	const struct flash_shape shape = {
		.dies = 2, .aus = 8, .pages = PAGES, .planes = 4, .buffer = 4,
	};

	overs = 0;
	return flash_create(&shape, &flash_mlc);
}

static void run_dry(struct flash *f)
{
	while (flash_step(f))
		;
}

/* A buffer takes what it has room for at once; reads of it do not wait for a die. */
static void test_flash_buffer(void **state)
{
	struct flash *f = make_flash();
	u64 program = flash_mlc.program + 4 * flash_mlc.bus;

	issue(f, MEDIA_APPEND, 0, 0, 8);
	issue(f, MEDIA_READ, 0, 0, 1);
	run_dry(f);
	assert_int_equal(overs, 2);
	assert_int_equal(over_at[0], LINK);
	/* the second four are absorbed when the first four have left */
	assert_true(over_at[1] >= program + LINK && over_at[1] < 2 * program);
	assert_true(flash_now(f) >= 2 * flash_mlc.program);
	flash_destroy(f);
}

/* A read overtakes programs that wait, not the one under way, nor an erase. */
static void test_flash_order(void **state)
{
	struct flash *f = make_flash();
	u64 t0;

	issue(f, MEDIA_APPEND, 0, 0, 4);
	run_dry(f);
	overs = 0;
	t0 = flash_now(f);
	issue(f, MEDIA_RESET, 0, 2 * PAGES * 2, 1);
	issue(f, MEDIA_APPEND, MEDIA_F_LOW, 2 * PAGES, 4);
	issue(f, MEDIA_READ, 0, 0, 4);
	run_dry(f);
	assert_int_equal(overs, 3);
	/* the append first: its units are in the buffer; then the erase; then the read */
	assert_int_equal(over_at[0] - t0, LINK);
	assert_int_equal(over_at[1] - t0, flash_mlc.erase + LINK);
	assert_int_equal(over_at[2] - t0, flash_mlc.erase + flash_mlc.read +
			 4 * flash_mlc.bus + 4 * LINK);
	flash_destroy(f);
}

/* ---- with the core ------------------------------------------------------- */

static struct tail_result *run_load(enum tail_load load)
{
	const struct tail_options o = {
		.shape = { .dies = 4, .pages = PAGES, .planes = 4, .buffer = 16 },
		.timing = flash_mlc, .op = .28, .lbas = 4096, .depth = 8, .reads = 1500,
		.seed = 1,
	};
	struct tail_result *r = must_alloc(1, sizeof(*r));

	tail_run(&o, load, r);
	assert_string_equal(r->error, "");
	assert_int_equal(r->read.count, o.reads);
	return r;
}

static void test_idle(void **state)
{
	struct tail_result *r = run_load(TAIL_IDLE);

	assert_int_equal(r->read.highest, flash_mlc.read + flash_mlc.bus + LINK);
	assert_int_equal(hist_percentile(&r->read, 0), r->read.highest);
	assert_int_equal(r->write.count, 0);
	free(r);
}

/* Nothing is collected: a read waits for no more than a program and an erase. */
static void test_fresh(void **state)
{
	struct tail_result *r = run_load(TAIL_FRESH);

	assert_int_equal(r->victims, 0);
	assert_true(r->write.count > 0);
	assert_true(r->read.highest < 2 * flash_mlc.erase);
	free(r);
}

/* Everything is collected, and each run is like the other. */
static void test_full(void **state)
{
	struct tail_result *a = run_load(TAIL_FULL), *b = run_load(TAIL_FULL);

	assert_true(a->victims > 10);
	assert_memory_equal(a, b, sizeof(*a));
	assert_true(a->read.highest < 50000000);
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hist),
		cmocka_unit_test(test_flash_buffer),
		cmocka_unit_test(test_flash_order),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
