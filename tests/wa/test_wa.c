// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parts of fio-wa: traces, workloads, theory, reference policies, and the
 * core over the fast medium. Small, under sanitizers; `make wa` has the figures.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/wa/cache.h"
#include "tests/wa/drive.h"
#include "tests/wa/ref.h"
#include "tests/wa/store.h"
#include "tests/wa/trace.h"

#define LBAS	16384
#define TINY	.000000001

static int load_text(const char *text, enum trace_format format, struct trace *t, char **said)
{
	FILE *in = fmemopen((void *)text, strlen(text), "r");
	size_t size;
	FILE *err;
	int r;

	*said = NULL;
	err = open_memstream(said, &size);
	r = trace_load(in, "sample", format, t, err);
	fclose(in);
	fclose(err);
	return r;
}

static void assert_req(const struct trace *t, u64 i, u32 unit, u32 count)
{
	assert_true(i < t->count);
	assert_int_equal(t->req[i].unit, unit);
	assert_int_equal(t->req[i].count, count);
}

/* Timestamp, host, disk, type, offset, bytes, latency. */
static void test_trace_msr(void **state)
{
	static const char text[] =
		"128166372003061629,usr,0,Write,8192,4096,333\n"
		"128166372003061630,usr,0,Read,0,65536,12\n"
		"128166372003061631,usr,0,Write,409600,12288,333\r\n"
		"128166372003061632,usr,0,Write,512,512,1\n"
		"128166372003061633,usr,1,Write,8192,8192,1\n";
	struct trace t;
	char *said;

	assert_int_equal(load_text(text, TRACE_MSR, &t, &said), 0);
	assert_string_equal(said, "");
	assert_int_equal(t.count, 4);
	assert_int_equal(t.units, 7);
	assert_int_equal(t.reads, 1);
	/* units 0, 2, 100 to 102 of disk 0, then 2 and 3 of disk 1 */
	assert_int_equal(t.lbas, 7);
	assert_req(&t, 0, 1, 1);
	assert_req(&t, 1, 2, 3);
	assert_req(&t, 2, 0, 1);
	assert_req(&t, 3, 5, 2);
	trace_free(&t);
	free(said);
}

/* Device, type, offset, bytes, timestamp; a partial unit is a whole one. */
static void test_trace_alibaba(void **state)
{
	static const char text[] =
		"419,W,8792731648,16384,1577808144360767\n"
		"725,R,59110326272,4096,1577808144360813\n"
		"419,W,8792735743,2,1577808144360852\n"
		"12,W,0,524288,1577808144360853\n";
	struct trace t;
	char *said;

	assert_int_equal(load_text(text, TRACE_ALIBABA, &t, &said), 0);
	assert_int_equal(t.count, 4);
	assert_int_equal(t.lbas, 4 + 128);
	assert_req(&t, 0, 128, 4);
	assert_req(&t, 1, 128, 2);
	assert_req(&t, 2, 0, 64);
	assert_req(&t, 3, 64, 64);
	trace_free(&t);
	free(said);
}

/* Bad lines are named by number and left out. */
static void test_trace_bad_lines(void **state)
{
	static const char text[] =
		"1,W,0,4096,1\n"
		"1,W,0,4096\n"
		"1,X,0,4096,1\n"
		"1,W,-4096,4096,1\n"
		"1,W,4096,4096,1\n"
		"1,W,4096,0,1\n"
		"1,W,8192,4096,1\n"
		"1,W,99999999999999999999,4096,1\n"
		"1,R,0,4096,1\n1,R,0,4096,1\n1,R,0,4096,1\n";
	struct trace t;
	char *said;

	assert_int_equal(load_text(text, TRACE_ALIBABA, &t, &said), 0);
	assert_int_equal(t.bad, 5);
	assert_int_equal(t.count, 3);
	assert_string_equal(said,
			    "sample:2: another number of fields: left out\n"
			    "sample:3: neither a read nor a write: left out\n"
			    "sample:4: not a number: left out\n"
			    "sample:6: a length of nothing or of more than 1 GiB: left out\n"
			    "sample:8: a number out of range: left out\n");
	trace_free(&t);
	free(said);
}

/* A line beyond any length is one line, and bad. */
static void test_trace_long_line(void **state)
{
	char text[2048] = "1,W,0,4096,1\n";
	struct trace t;
	char *said;

	memset(text + strlen(text), 'x', 1500);
	strcat(text, "\n1,W,4096,4096,1\nbad\n1,W,0,4096,1\n");
	assert_int_equal(load_text(text, TRACE_ALIBABA, &t, &said), 0);
	assert_int_equal(t.lines, 5);
	assert_int_equal(t.count, 3);
	assert_string_equal(said, "sample:2: another number of fields: left out\n"
				  "sample:4: another number of fields: left out\n");
	trace_free(&t);
	free(said);
}

static void test_trace_other_format(void **state)
{
	struct trace t;
	char *said;

	assert_int_equal(load_text("1,W,0,4096,1\n1,W,0,4096,1\n", TRACE_MSR, &t, &said), -EINVAL);
	free(said);
	assert_int_equal(load_text("", TRACE_MSR, &t, &said), -EINVAL);
	free(said);
	assert_int_equal(load_text("1,R,0,4096,1\n", TRACE_ALIBABA, &t, &said), -EINVAL);
	free(said);
}

/* What is drawn is what load_rate() says, for every workload that stays as it is. */
static void test_load_rates(void **state)
{
	static const char *const names[] = {
		"uniform", "zipf0.9", "zipf1.2", "hc80", "hc90", "jesd219", "db", "mixed",
	};
	const u32 n = 2048, draws = 1600000;
	u32 *seen, i, k, lba;
	double sum, rate, far;
	struct load *l;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		l = load_open(load_find(names[i]), NULL, n, 3);
		seen = must_alloc(n, sizeof(*seen));
		while (l->t < draws) {
			load_next(l);
			assert_true(l->count && l->lba + l->count <= n);
			for (k = 0; k < l->count; k++)
				seen[l->lba + k]++;
		}
		for (lba = 0, sum = 0, far = 0; lba < n; lba++) {
			rate = load_rate(l, lba);
			sum += rate;
			far += fabs((double)seen[lba] / l->t - rate);
		}
		assert_float_equal(sum, 1, .000001);
		/* JESD219's requests are longer than a unit: the edges of its ranges get less */
		assert_true(far < (strcmp(names[i], "jesd219") ? 0.04 : 0.15));
		free(seen);
		load_close(l);
	}
}

static void test_load_repeats(void **state)
{
	struct load *a, *b, *c;
	u32 i, k, differ;

	for (i = 0; i < load_kind_count; i++) {
		a = load_open(&load_kinds[i], NULL, 1000, 5);
		b = load_open(&load_kinds[i], NULL, 1000, 5);
		c = load_open(&load_kinds[i], NULL, 1000, 6);
		for (k = 0, differ = 0; k < 5000; k++) {
			load_next(a);
			load_next(b);
			load_next(c);
			assert_int_equal(a->lba, b->lba);
			differ += a->lba != c->lba;
		}
		assert_true(differ || load_kinds[i].class == LOAD_SEQUENTIAL);
		load_close(a);
		load_close(b);
		load_close(c);
	}
}

/* Published values of the formula. */
static void test_theory(void **state)
{
	static const double op[] = { .07, .125, .20, .28 };
	static const u32 pages[] = { 64, 256, 1024, 4096 };
	static const double known[4][4] = {
		{ 7.01, 7.60, 7.76, 7.80 }, { 4.39, 4.60, 4.66, 4.68 },
		{ 3.05, 3.15, 3.18, 3.19 }, { 2.40, 2.46, 2.48, 2.48 },
	};
	u32 i, k;

	for (i = 0; i < 4; i++)
		for (k = 0; k < 4; k++)
			assert_float_equal(ref_theory(pages[k], op[i]), known[i][k], .006);
}

static struct wa_result run(const char *load, enum wa_policy policy, double op, u32 pages)
{
	struct wa_job job = {
		.load = load_find(load), .policy = policy, .op = op, .seed = 1, .lbas = LBAS,
		.unit_pages = pages, .passes = WA_PASSES,
	};
	struct wa_result r = { 0 };

	if (policy == WA_DRIVER)
		drive_run(&job, &r);
	else
		ref_run(&job, &r);
	assert_string_equal(r.error, "");
	assert_true(r.wa >= 1);
	return r;
}

/* The models against theory, and against what their authors report: who is better. */
static void test_references(void **state)
{
	double theory = ref_theory(16, .28);
	double oracle = run("zipf0.99", WA_ORACLE, .28, 16).wa;
	double ladder = run("zipf0.99", WA_LADDER, .28, 16).wa;
	double sepbit = run("zipf0.99", WA_SEPBIT, .28, 16).wa;
	double greedy = run("zipf0.99", WA_GREEDY, .28, 16).wa;

	assert_true(fabs(run("uniform", WA_GREEDY, .28, 16).wa / theory - 1) < .02);
	assert_true(oracle < ladder && ladder < sepbit && sepbit < greedy);
	assert_true(ladder < 1.10 * oracle);
	assert_float_equal(run("seq", WA_SEPBIT, .28, 16).wa, 1, TINY);
}

static void assert_parts(const struct wa_result *r)
{
	assert_int_equal(r->unaccounted, 0);
	assert_float_equal(r->user + r->gc + r->parity + r->meta + r->pad, r->wa, TINY);
}

/* What is written in order is invalidated in order: nothing is worth a copy. */
static void test_driver_sequential(void **state)
{
	struct wa_result r = run("seq", WA_DRIVER, .28, 64);

	assert_parts(&r);
	assert_true(r.wa < 1.02);
}

/* Reserves are a tenth of the spare of so small a device: within 12 % of theory. */
static void test_driver_uniform(void **state)
{
	struct wa_result r = run("uniform", WA_DRIVER, .28, 16);
	double theory = ref_theory(16, .28);

	assert_parts(&r);
	assert_true(r.gc > 1);
	assert_true(r.wa > .97 * theory && r.wa < 1.12 * theory);
}

static void test_driver_repeats(void **state)
{
	struct wa_result a = run("hc90", WA_DRIVER, .28, 64), b = run("hc90", WA_DRIVER, .28, 64);

	assert_parts(&a);
	assert_float_equal(a.wa, b.wa, 0);
	assert_true(a.wa < run("hc90", WA_GREEDY, .28, 64).wa);
}

/* One unit in sixteen is parity, whatever else is written. */
static void test_driver_parity(void **state)
{
	struct wa_job job = {
		.load = load_find("uniform"), .policy = WA_DRIVER, .op = .28, .seed = 1,
		.lbas = LBAS, .unit_pages = 64, .passes = 4, .parity = true,
	};
	struct wa_result r = { 0 };

	drive_run(&job, &r);
	assert_string_equal(r.error, "");
	assert_parts(&r);
	assert_float_equal(r.parity * (WA_PARITY_DIES - 1), r.wa - r.parity, .01 * r.wa);
}

/* What cannot be is refused with words, not tried. */
static void test_driver_too_tight(void **state)
{
	struct wa_job job = {
		.load = load_find("seq"), .policy = WA_DRIVER, .op = .01, .seed = 1, .lbas = 4096,
		.unit_pages = 256, .passes = WA_PASSES,
	};
	struct wa_result r = { 0 };

	drive_run(&job, &r);
	assert_non_null(strstr(r.error, "do not fit"));
}

/* An interrupted table goes on with the runs that were over, and with no others. */
static void test_cache(void **state)
{
	struct wa_job job = {
		.load = load_find("uniform"), .policy = WA_GREEDY, .op = .28, .seed = 1,
		.lbas = LBAS, .unit_pages = 16, .passes = 2,
	}, other = job;
	struct wa_result r = { .wa = 2.5, .windows = 3 }, found = { 0 };
	char dir[] = "/tmp/fio-wa-cache-XXXXXX", stale[64], cmd[64];

	assert_false(cache_load(&job, &found));
	assert_non_null(mkdtemp(dir));
	snprintf(stale, sizeof(stale), "%s/0123456789abcdef-uniform.run", dir);
	fclose(fopen(stale, "w"));
	assert_int_equal(cache_open(dir), 0);
	assert_int_not_equal(access(stale, F_OK), 0);
	assert_false(cache_load(&job, &found));
	cache_store(&job, &r);
	assert_true(cache_load(&job, &found));
	assert_memory_equal(&found, &r, sizeof(r));
	other.seed = 2;
	assert_false(cache_load(&other, &found));
	strcpy(r.error, "it failed");
	cache_store(&other, &r);
	assert_false(cache_load(&other, &found));
	snprintf(cmd, sizeof(cmd), "truncate -s -1 %s/*.run", dir);
	assert_int_equal(system(cmd), 0);
	assert_false(cache_load(&job, &found));
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
	assert_int_not_equal(cache_open("/nonexistent/dir"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace_msr),
		cmocka_unit_test(test_trace_alibaba),
		cmocka_unit_test(test_trace_bad_lines),
		cmocka_unit_test(test_trace_long_line),
		cmocka_unit_test(test_trace_other_format),
		cmocka_unit_test(test_load_rates),
		cmocka_unit_test(test_load_repeats),
		cmocka_unit_test(test_theory),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_driver_sequential),
		cmocka_unit_test(test_driver_uniform),
		cmocka_unit_test(test_driver_repeats),
		cmocka_unit_test(test_driver_parity),
		cmocka_unit_test(test_driver_too_tight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
