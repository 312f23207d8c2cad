// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-recovery: how long an attach takes, against capacity and history.
 *
 * Brings a medium of a given capacity into a given state by running the FTL core on
 * it, cuts its power, and measures the attach that recovers (dirty); then detaches and
 * measures the attach behind that (clean). Prints one JSON object.
 *
 * Owns: histories, what is measured and when. Does not know: how the core recovers.
 *
 * A time is the processor's, measured here, plus the medium's, modelled: bytes
 * transferred at media_gbps. A driver overlaps the two, so the sum is a bound from
 * above. The simulator's own work is in the processor's time.
 *
 * After each attach a sample of logical units is read back and its tags checked: a
 * recovery that is fast and wrong must not look good here.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "compact_media.h"

#define GIB_UNITS	262144ULL
#define MEDIA_GBPS	3.0
#define BATCH		64
#define SAMPLES		20000
#define SPARE_PERCENT	28
#define MAX_AUS		0x40000		/* of a card; above, append units get larger */

/* What a request needs. */
struct request {
	struct ftl_io io;
	struct bench *b;
};

struct bench {
	struct compact *m;
	struct ftl *f;
	u64 units, seed;
	u32 outstanding;
	int err;
	double first_cpu;	/* when the first read completed */
	u64 first_bytes;
	struct request req[BATCH], *idle[BATCH];
	u32 nidle;
};

/**
 * struct figures - of one attach
 * @attach_s: until requests are taken
 * @cpu_s, @bytes: until all of the map is in memory
 * @first_cpu_s, @first_bytes: up to the end of the first read
 */
struct figures {
	double attach_s, cpu_s, first_cpu_s;
	u64 bytes, first_bytes;
	u64 scanned, journal, leaves;
	double peak_gib, held_gib;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "fio-recovery: %s: error %d\n", what, err);
	exit(1);
}

static double cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static u64 draw(struct bench *b, u64 below)
{
	b->seed ^= b->seed << 13;
	b->seed ^= b->seed >> 7;
	b->seed ^= b->seed << 17;
	return (b->seed >> 11) % below;
}

static double seconds(double cpu, u64 bytes)
{
	return cpu + (double)bytes / (MEDIA_GBPS * 1e9);
}

/* ---- requests ---------------------------------------------------------------------- */

static void request_done(struct ftl_io *io, int err)
{
	struct request *r = container_of(io, struct request, io);
	struct bench *b = r->b;

	if (!b->first_bytes) {
		b->first_cpu = cpu_now();
		b->first_bytes = compact_bytes_read(b->m);
	}
	b->idle[b->nidle++] = r;
	b->outstanding--;
	b->err = err ? err : b->err;
}

/* Complete what can be, and let the worker work if it wants to. */
static bool turn(struct bench *b)
{
	bool any = compact_pump(b->m) > 0;

	if (compact_kicked(b->m)) {
		ftl_run(b->f);
		any = true;
	}
	return any;
}

static void settle(struct bench *b)
{
	ftl_commit(b->f, 0);
	while (b->outstanding)
		if (!turn(b))
			die("a request does not end", -ETIME);
	if (b->err)
		die("a request failed", b->err);
}

static void request(struct bench *b, enum ftl_op op, u64 lba, u32 count)
{
	struct request *r;

	if (!b->nidle)
		settle(b);
	r = b->idle[--b->nidle];
	b->outstanding++;
	r->io.op = op;
	r->io.flags = FTL_IO_MORE;
	r->io.queue = 0;
	r->io.lba = lba;
	r->io.count = count;
	r->io.done = request_done;
	ftl_submit(b->f, &r->io);
}

/* ---- histories --------------------------------------------------------------------- */

static void fill(struct bench *b)
{
	u64 lu;

	for (lu = 0; lu < b->units; lu += FTL_MAX_UNITS)
		request(b, FTL_WRITE, lu, (u32)min_t(u64, FTL_MAX_UNITS, b->units - lu));
	settle(b);
}

static void overwrite(struct bench *b, u32 times)
{
	u64 i;

	for (i = 0; i < times * b->units; i++)
		request(b, FTL_WRITE, draw(b, b->units), 1);
	settle(b);
}

static void history_filled(struct bench *b)
{
	fill(b);
}

static void history_over1(struct bench *b)
{
	fill(b);
	overwrite(b, 1);
}

static void history_over4(struct bench *b)
{
	fill(b);
	overwrite(b, 4);
}

/* Half of it, in ranges of a mebibyte, in random order. */
static void history_trimmed(struct bench *b)
{
	u64 i, ranges = b->units / 256;

	fill(b);
	for (i = 0; i < ranges / 2; i++)
		request(b, FTL_TRIM, draw(b, ranges) * 256, 256);
	settle(b);
}

static const struct history {
	const char *name;
	void (*make)(struct bench *b);
} histories[] = {
	{ "filled", history_filled }, { "over1", history_over1 },
	{ "over4", history_over4 }, { "trimmed", history_trimmed },
};

/* ---- the state that must be found again ----------------------------------------------- */

/* Which units of a sample are mapped, and the sample itself read: its tags are checked. */
static u64 sample(struct bench *b, u64 seed)
{
	u64 kept = b->seed, sum = 0, lu;
	u32 i;

	b->seed = seed;
	for (i = 0; i < SAMPLES; i++) {
		lu = draw(b, b->units);
		if (ftl_lookup(b->f, lu) != FIO_UNIT_NONE)
			sum = sum * 31 + lu;
		request(b, FTL_READ, lu, 1);
	}
	settle(b);
	b->seed = kept;
	return sum;
}

/* ---- measuring ----------------------------------------------------------------------- */

static double held_gib(const struct ftl_stats *st)
{
	u64 bytes = 0;
	u32 i;

	for (i = 0; i < FTL_MEM_KINDS; i++)
		bytes += st->mem[i];
	return (double)bytes / (1 << 30);
}

/* The worker need do no more for it than it has to; then all of the map. */
static void first_read(struct bench *b)
{
	b->first_bytes = 0;
	request(b, FTL_READ, b->units / 2, 1);
	settle(b);
	while (turn(b))
		;
}

static void measure(struct bench *b, struct figures *fig)
{
	u64 bytes = compact_bytes_read(b->m);
	double t0 = cpu_now();
	struct ftl_recovery rec;
	struct ftl_stats st;
	int err = ftl_attach(compact_media(b->m), compact_env(b->m), 0, &b->f);

	if (err)
		die("attach", err);
	fig->attach_s = cpu_now() - t0 + seconds(0, compact_bytes_read(b->m) - bytes);
	first_read(b);
	fig->first_cpu_s = b->first_cpu - t0;
	fig->first_bytes = b->first_bytes - bytes;
	ftl_get_stats(b->f, &st);
	ftl_get_recovery(b->f, &rec);
	/* The clock of compact_env() is the processor's time. */
	fig->cpu_s = (double)(rec.ns_total + rec.ns_late) / 1e9;
	fig->bytes = rec.bytes_read;
	fig->scanned = rec.units_scanned;
	fig->journal = rec.journal_pages;
	fig->leaves = rec.leaves_loaded;
	fig->peak_gib = (double)st.mem_peak / (1 << 30);
	fig->held_gib = held_gib(&st);
}

static void print(const struct bench *b, const char *history, const struct figures *dirty,
		  const struct figures *clean)
{
	double tib = (double)b->units / (1 << 28);

	printf("{\"tib\": %.6g, \"history\": \"%s\", \"dirty_s\": %.6g, \"first_read_s\": %.6g, \"clean_s\": %.6g, \"bytes_read\": %llu, \"ram_gib_per_tib\": %.4g, \"media_gbps\": %g,\n",
	       tib, history, seconds(dirty->cpu_s, dirty->bytes),
	       seconds(dirty->first_cpu_s, dirty->first_bytes), clean->attach_s,
	       (unsigned long long)dirty->bytes, dirty->held_gib / tib, MEDIA_GBPS);
	printf(" \"dirty_cpu_s\": %.6g, \"dirty_media_s\": %.6g, \"first_cpu_s\": %.6g, \"first_bytes\": %llu, \"clean_cpu_s\": %.6g, \"clean_bytes\": %llu,\n",
	       dirty->cpu_s, seconds(0, dirty->bytes), dirty->first_cpu_s,
	       (unsigned long long)dirty->first_bytes, clean->cpu_s,
	       (unsigned long long)clean->bytes);
	printf(" \"dirty_attach_s\": %.6g, \"clean_all_s\": %.6g,\n", dirty->attach_s,
	       seconds(clean->cpu_s, clean->bytes));
	printf(" \"units_scanned\": %llu, \"journal_pages\": %llu, \"leaves_loaded\": %llu, \"peak_gib_per_tib\": %.4g, \"clean_peak_gib_per_tib\": %.4g}\n",
	       (unsigned long long)dirty->scanned, (unsigned long long)dirty->journal,
	       (unsigned long long)dirty->leaves, dirty->peak_gib / tib, clean->peak_gib / tib);
}

/* ---- set-up ----------------------------------------------------------------------------- */

/* The shape that a virtual card of this capacity has (hw.md section 12). */
static void make_medium(struct bench *b)
{
	u32 dies = b->units < 2 * GIB_UNITS ? 4 : b->units < 8 * GIB_UNITS ? 8 :
		   b->units < 64 * GIB_UNITS ? 16 : b->units < 256 * GIB_UNITS ? 32 : 64;
	u64 raw = b->units * (100 + SPARE_PERCENT) / 100, aus;
	u32 pages = 256;

	while ((aus = DIV_ROUND_UP(raw, (u64)pages * dies)) * dies > MAX_AUS)
		pages *= 2;
	b->m = compact_create(dies, (u32)aus, pages);
	if (!b->m)
		die("no memory for a medium of this capacity", -ENOMEM);
}

static void start(struct bench *b)
{
	const struct ftl_format_params p = {
		.lba_bytes = 4096, .user_units = b->units, .default_units = b->units,
		.uuid = { 1, 2, 3 },
	};
	u32 i;
	int err;

	for (i = 0; i < BATCH; i++) {
		b->req[i].b = b;
		b->idle[b->nidle++] = &b->req[i];
	}
	err = ftl_format(compact_media(b->m), compact_env(b->m), &p);
	if (!err)
		err = ftl_attach(compact_media(b->m), compact_env(b->m), 0, &b->f);
	if (err)
		die("format and attach", err);
}

static void run(struct bench *b, const struct history *h)
{
	struct figures dirty, clean;
	u64 before;
	int err;

	make_medium(b);
	start(b);
	h->make(b);
	before = sample(b, 99);
	ftl_destroy(b->f);
	compact_cut(b->m);
	measure(b, &dirty);
	if (sample(b, 99) != before)
		die("the recovered map is not the one before the cut", -EUCLEAN);
	err = ftl_detach(b->f);
	if (err)
		die("detach", err);
	measure(b, &clean);
	if (sample(b, 99) != before)
		die("the loaded map is not the one before the detach", -EUCLEAN);
	if (compact_violation(b->m))
		die(compact_violation(b->m), -EINVAL);
	print(b, h->name, &dirty, &clean);
	ftl_destroy(b->f);
	compact_destroy(b->m);
}

static int usage(void)
{
	fputs("Usage: fio-recovery --gib N [--history filled|over1|over4|trimmed]\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "gib", required_argument, NULL, 'g' },
		{ "history", required_argument, NULL, 'h' },
		{ }
	};
	static struct bench b = { .seed = 0x9e3779b97f4a7c15ULL };
	const char *history = "filled";
	u32 i;
	int c;

	while ((c = getopt_long(argc, argv, "g:h:", options, NULL)) != -1) {
		if (c == 'g')
			b.units = (u64)(strtod(optarg, NULL) * GIB_UNITS);
		else if (c == 'h')
			history = optarg;
		else
			return usage();
	}
	for (i = 0; i < ARRAY_SIZE(histories); i++)
		if (!strcmp(histories[i].name, history))
			break;
	if (i == ARRAY_SIZE(histories) || b.units < GIB_UNITS / 4)
		return usage();
	run(&b, &histories[i]);
	return 0;
}
