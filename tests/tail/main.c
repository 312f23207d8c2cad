// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-tail: how long a read at queue depth 1 takes while the FTL core writes and
 * collects at full rate, on dies that take as long as MLC flash does.
 *
 * Time is virtual: results repeat exactly, on any machine.
 */
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tail.h"
#include "tests/wa/store.h"

#define TARGET_US	50000.0

static const char usage_text[] =
	"usage: fio-tail [options]\n"
	"Latency of reads at queue depth 1 under full-rate random overwrite.\n\n"
	"  --reads N     timed reads per load (1000000)\n"
	"  --lbas N      logical units of 4 KiB (131072)\n"
	"  --op PERCENT  over-provisioning: physical / logical - 1 (28)\n"
	"  --dies N      dies (16)\n"
	"  --pages N     units of an append unit (64)\n"
	"  --depth N     writes under way (32)\n"
	"  --seed N      of the addresses (1)\n"
	"  --parity on|off|both  formats with parity, or without; --op is that of what is\n"
	"                left then (both)\n"
	"  --json FILE   results as an array of objects\n"
	"  --check       fail when an I/O takes longer than 50 ms\n"
	"  --help        this text\n";

enum { WITHOUT = 1, WITH = 2 };

struct options {
	struct tail_options t;
	const char *json;
	bool check;
	u32 parity;
};

/* What loads without and with parity wrote a second. */
struct rates {
	double plain[TAIL_LOADS], parity[TAIL_LOADS];
};

static u32 number(const char *text, u32 low, u32 high)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (!*text || *end || v < low || v > high) {
		fprintf(stderr, "fio-tail: a number from %u to %u is wanted, not '%s'\n", low, high,
			text);
		exit(2);
	}
	return (u32)v;
}

static u32 which_parity(const char *text)
{
	static const char *const name[] = {
		[WITHOUT] = "off", [WITH] = "on", [WITHOUT | WITH] = "both",
	};
	u32 i;

	for (i = 1; i < ARRAY_SIZE(name); i++)
		if (!strcmp(text, name[i]))
			return i;
	fprintf(stderr, "fio-tail: --parity takes on, off or both, not '%s'\n", text);
	exit(2);
}

static void take_option(struct options *o, int c)
{
	switch (c) {
	case 'r':
		o->t.reads = number(optarg, 1, 1u << 30);
		break;
	case 'n':
		o->t.lbas = number(optarg, 4096, 1u << 24);
		break;
	case 'o':
		o->t.op = number(optarg, 1, 400) / 100.0;
		break;
	case 'd':
		o->t.shape.dies = number(optarg, 1, 256);
		break;
	case 'p':
		o->t.shape.pages = number(optarg, 4, 4096);
		break;
	case 'q':
		o->t.depth = number(optarg, 1, 256);
		break;
	case 's':
		o->t.seed = number(optarg, 0, ~0u);
		break;
	case 'J':
		o->json = optarg;
		break;
	case 'x':
		o->parity = which_parity(optarg);
		break;
	case 'c':
		o->check = true;
		break;
	case 'h':
		fputs(usage_text, stdout);
		exit(0);
	default:
		exit(2);
	}
}

static void parse(struct options *o, int argc, char **argv)
{
	static const struct option names[] = {
		{ "reads", 1, NULL, 'r' }, { "lbas", 1, NULL, 'n' }, { "op", 1, NULL, 'o' },
		{ "dies", 1, NULL, 'd' }, { "pages", 1, NULL, 'p' }, { "depth", 1, NULL, 'q' },
		{ "seed", 1, NULL, 's' }, { "json", 1, NULL, 'J' }, { "check", 0, NULL, 'c' },
		{ "parity", 1, NULL, 'x' }, { "help", 0, NULL, 'h' }, { 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		take_option(o, c);
	if (optind == argc)
		return;
	fprintf(stderr, "fio-tail: unknown argument '%s'; see fio-tail --help\n", argv[optind]);
	exit(2);
}

/* ---- output -------------------------------------------------------------- */

static const struct {
	const char *name;
	double share;
} columns[] = {
	{ "p50_us", .5 }, { "p99_us", .99 }, { "p999_us", .999 }, { "p9999_us", .9999 },
	{ "p999999_us", .999999 }, { "max_us", 1 },
};

static void head(void)
{
	u32 i;

	printf("%-18s %9s %9s", "load", "I/Os", "per s");
	for (i = 0; i < ARRAY_SIZE(columns); i++)
		printf(" %10s", columns[i].name);
	printf("\n");
}

static void line(struct json_object *all, const char *name, const struct hist *h,
		 const struct tail_result *r)
{
	struct json_object *o = json_object_new_object();
	double us;
	char text[32];
	u32 i;

	json_object_object_add(o, "load", json_object_new_string(name));
	printf("%-18s %9llu %9.0f", name, (unsigned long long)h->count, h->count / r->seconds);
	for (i = 0; i < ARRAY_SIZE(columns); i++) {
		us = hist_percentile(h, columns[i].share) / 1e3;
		snprintf(text, sizeof(text), "%.1f", us);
		json_object_object_add(o, columns[i].name, json_object_new_double_s(us, text));
		printf(" %10s", text);
	}
	json_object_object_add(o, "ios", json_object_new_int64(h->count));
	json_object_object_add(o, "per_s", json_object_new_int64((s64)(h->count / r->seconds)));
	json_object_object_add(o, "stripes_collected", json_object_new_int64(r->victims));
	json_object_array_add(all, o);
	printf("\n");
}

static u32 judge(const char *name, const char *what, const struct hist *h)
{
	double us = h->highest / 1e3;

	if (us <= TARGET_US)
		return 0;
	printf("missed: %s, %s: the longest took %.1f ms, the target is %.0f ms: %.1f times that\n",
	       name, what, us / 1e3, TARGET_US / 1e3, us / TARGET_US);
	return 1;
}

static int write_json(struct json_object *all, const char *path)
{
	if (!json_object_to_file_ext(path, all, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED))
		return 0;
	fprintf(stderr, "fio-tail: cannot write %s: %s\n", path, json_util_get_last_err());
	return 1;
}

/* Returns how many histograms were above the target, -1: the run failed. */
static int one_load(const struct options *o, enum tail_load load, bool parity,
		    struct rates *rates, struct json_object *all)
{
	struct tail_result *r = must_alloc(1, sizeof(*r));
	struct tail_options t = o->t;
	char name[32], writes[40];
	int missed = -1;

	t.shape.xor_groups = parity ? 64 : 0;
	snprintf(name, sizeof(name), "%s%s", parity ? "parity-" : "", tail_names[load]);
	snprintf(writes, sizeof(writes), "%s-write", name);
	tail_run(&t, load, r);
	if (r->error[0]) {
		fprintf(stderr, "fio-tail: %s: %s\n", name, r->error);
	} else {
		line(all, name, &r->read, r);
		if (r->write.count)
			line(all, writes, &r->write, r);
		missed = judge(name, "reads", &r->read) + judge(name, "writes", &r->write);
		(parity ? rates->parity : rates->plain)[load] = r->write.count / r->seconds;
	}
	fflush(stdout);
	free(r);
	return missed;
}

/* An idle device is read alike with parity and without. Returns as one_load(). */
static int all_loads(const struct options *o, struct rates *rates, struct json_object *all)
{
	int load, n, missed = 0;
	bool failed = false, parity;
	u32 i;

	for (i = WITHOUT; i <= WITH; i++)
		for (load = 0; load < TAIL_LOADS && o->parity & i; load++) {
			parity = i == WITH;
			if (parity && load == TAIL_IDLE && o->parity & WITHOUT)
				continue;
			n = one_load(o, load, parity, rates, all);
			failed |= n < 0;
			missed += n > 0 ? n : 0;
		}
	return failed ? -1 : missed;
}

static void show_rates(const struct rates *rates)
{
	int load;

	for (load = 0; load < TAIL_LOADS; load++)
		if (rates->plain[load] && rates->parity[load])
			printf("%s: %.2f x the writes a second with parity\n", tail_names[load],
			       rates->parity[load] / rates->plain[load]);
}

int main(int argc, char **argv)
{
	struct options o = {
		.t = {
			.shape = { .dies = 16, .pages = 64, .planes = 4, .buffer = 16 },
			.op = .28, .lbas = 131072, .depth = 32, .reads = 1000000, .seed = 1,
		},
		.parity = WITHOUT | WITH,
	};
	struct json_object *all = json_object_new_array();
	struct rates rates = { 0 };
	int missed;
	bool failed;

	o.t.timing = flash_mlc;
	parse(&o, argc, argv);
	head();
	missed = all_loads(&o, &rates, all);
	failed = missed < 0;
	show_rates(&rates);
	printf("no I/O above %.0f ms: %s\n", TARGET_US / 1e3,
	       failed ? "not known" : missed ? "missed" : "reached");
	if (o.json)
		failed |= write_json(all, o.json);
	json_object_put(all);
	return failed || (o.check && missed);
}
