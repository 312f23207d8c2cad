// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-ftlbench: what the FTL core costs per operation, in nanoseconds, each
 * figure beside its floor, measured in the same round:
 *
 *   lookup, read, write   a chain of dependent random loads from a table as large
 *                         as the map
 *   write-crc             the CRC32C of 4 KiB, which the null medium computes in
 *                         the card's place
 *   worker                memcpy of 4 KiB: erasing and collecting, per unit that
 *                         a user writes
 *
 * "medium" is the same load on the bare null medium (null_media.h), so that what
 * the core adds is the difference. A thread has a queue of its own; a batch is
 * announced with ftl_expect(), submitted with FTL_IO_MORE, committed, and reaped as a whole.
 *
 * Time is the CPU time of the submitting threads, per operation: it contains
 * what they spin for locks and wait for cache lines, and not what other programs
 * take. So linear scaling is the same figure for any number of threads. Medians
 * of several rounds.
 */
#include <getopt.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "null_media.h"

#define DIES		16
#define AU_PAGES	256
#define MAX_BATCH	32
#define MAX_THREADS	64
#define MAX_ROUNDS	9
#define MAX_FIGURES	512

struct bench;

struct request {
	struct ftl_io io;
	struct thread *t;
};

enum counter { CYCLES, INSTRUCTIONS, COUNTERS };

struct thread {
	struct bench *b;
	pthread_t id;
	u32 queue, seed, outstanding;
	u32 unit;	/* bare medium: where the next append goes */
	enum ftl_op op;
	struct request req[MAX_BATCH];
	u64 ns, count[COUNTERS];
} __aligned(64);

/* What one round, or the median of all, gave; per operation. */
struct sample {
	double ns, floor_ns, medium_ns, count[COUNTERS];
};

struct figure {
	const char *op, *floor;
	u32 threads, batch;
	struct sample s;
};

struct bench {
	struct null_media *n, *bare;
	struct ftl *f;
	u32 units, ops, rounds, max_threads;
	u32 *chain;
	u32 seed;
	pthread_t worker;
	clockid_t worker_clock;
	pthread_barrier_t start;
	void (*body)(struct thread *t);
	u32 threads, batch;
	struct thread thread[MAX_THREADS];
	struct figure figure[MAX_FIGURES];
	u32 figures;
};

static u8 page[4096] __aligned(64), copy[4096] __aligned(64);

/* What is measured must not be optimised away. */
static void keep(u64 value)
{
	__asm__ __volatile__("" : : "r"(value) : "memory");
}

static u64 clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static u64 cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static u32 next_random(u32 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "fio-ftlbench: %s: error %d\n", what, err);
	exit(1);
}

/* ---- counters of the processor, where the machine lends them -------------------- */

static int open_counter(u64 config)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr), .type = PERF_TYPE_HARDWARE, .config = config,
		.exclude_kernel = 1, .exclude_hv = 1,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static void open_counters(int *fd)
{
	fd[CYCLES] = open_counter(PERF_COUNT_HW_CPU_CYCLES);
	fd[INSTRUCTIONS] = open_counter(PERF_COUNT_HW_INSTRUCTIONS);
}

static void close_counters(struct thread *t, const int *fd)
{
	u32 i;

	for (i = 0; i < COUNTERS; i++) {
		t->count[i] = 0;
		if (fd[i] < 0)
			continue;
		if (read(fd[i], &t->count[i], sizeof(t->count[i])) != sizeof(t->count[i]))
			t->count[i] = 0;
		close(fd[i]);
	}
}

/* ---- floors; each returns ns per operation ---------------------------------------- */

/* One cycle through all slots in random order (Sattolo): each load needs the last. */
static void make_chain(struct bench *b)
{
	u32 i, j, swap;

	b->chain = calloc(b->units, sizeof(*b->chain));
	must(!b->chain, "memory");
	for (i = 0; i < b->units; i++)
		b->chain[i] = i;
	for (i = b->units - 1; i; i--) {
		j = next_random(&b->seed) % i;
		swap = b->chain[i];
		b->chain[i] = b->chain[j];
		b->chain[j] = swap;
	}
}

static double load_ns(struct bench *b)
{
	u64 t0 = cpu_ns();
	u32 i, j = 0;

	for (i = 0; i < b->ops; i++)
		j = b->chain[j];
	keep(j);
	return (double)(cpu_ns() - t0) / b->ops;
}

static double memcpy_ns(struct bench *b)
{
	u64 t0 = cpu_ns();
	u32 i;

	for (i = 0; i < b->ops; i++) {
		memcpy(copy, page, sizeof(copy));
		keep((u64)(uintptr_t)copy);
	}
	return (double)(cpu_ns() - t0) / b->ops;
}

static double crc_ns(struct bench *b)
{
	u64 t0 = cpu_ns();
	u32 i, crc = 0;

	for (i = 0; i < b->ops; i++)
		crc = ftl_crc32c(crc, page, sizeof(page));
	keep(crc);
	return (double)(cpu_ns() - t0) / b->ops;
}

/* ---- loads of a thread ---------------------------------------------------------------- */

static void io_done(struct ftl_io *io, int err)
{
	must(err, "a request");
	container_of(io, struct request, io)->t->outstanding--;
}

static void request(struct thread *t, u32 k, u64 lba, u8 flags)
{
	struct ftl_io *io = &t->req[k].io;

	io->op = t->op;
	io->flags = flags;
	io->queue = t->queue;
	io->count = 1;
	io->lba = lba;
	io->done = io_done;
	t->req[k].t = t;
	t->outstanding++;
	ftl_submit(t->b->f, io);
}

/* Those that wait for room come back through the inbox. */
static void reap_all(struct thread *t)
{
	while (t->outstanding)
		if (!null_reap(t->b->n, t->queue) && t->outstanding)
			null_sleep(t->b->n, t->queue);
}

static void core_load(struct thread *t)
{
	struct bench *b = t->b;
	u8 flags = b->batch > 1 ? FTL_IO_MORE : 0;
	u64 lba[MAX_BATCH];
	u32 i, k;

	for (i = 0; i < b->ops; i += b->batch) {
		for (k = 0; k < b->batch; k++) {
			lba[k] = next_random(&t->seed) % b->units;
			if (flags)
				ftl_expect(b->f, lba[k]);
		}
		for (k = 0; k < b->batch; k++)
			request(t, k, lba[k], flags);
		if (flags)
			ftl_commit(b->f, t->queue);
		reap_all(t);
	}
}

static void bare_done(struct media_cmd *cmd)
{
	struct media *m = null_media(((struct thread *)cmd->priv)->b->bare);

	m->ops->put(m, cmd);
}

static void bare_submit(struct thread *t, struct media *m, enum media_op op, u32 unit)
{
	struct media_cmd *cmd = m->ops->get(m, t->queue, false);

	memset(&cmd->tag[0], 0, sizeof(cmd->tag[0]));
	cmd->tag[0].lba = cpu_to_le64(unit);
	cmd->tag[0].type = FIO_TAG_DATA;
	cmd->unit[0] = unit;
	cmd->op = op;
	cmd->n = 1;
	cmd->io = &t->req[0].io;
	cmd->buf = NULL;
	cmd->done = bare_done;
	cmd->priv = t;
	cmd->status = MEDIA_OK;
	cmd->failed = 0;
	m->ops->submit(m, cmd);
}

/* Append to one append unit of the thread's own after the other, from AU 0 on. */
static void bare_append(struct thread *t, struct media *m)
{
	u32 stride = t->b->threads * AU_PAGES, end = m->geo.dies * m->geo.aus * AU_PAGES;

	if (!(t->unit % AU_PAGES)) {
		t->unit = t->unit < end ? t->unit : t->queue * AU_PAGES;
		bare_submit(t, m, MEDIA_RESET, t->unit);
	}
	bare_submit(t, m, MEDIA_APPEND, t->unit / AU_PAGES * AU_PAGES);
	if (!(++t->unit % AU_PAGES))
		t->unit += stride - AU_PAGES;
}

static void bare_load(struct thread *t)
{
	struct bench *b = t->b;
	struct media *m = null_media(b->bare);
	u32 i, k;

	t->unit = t->queue * AU_PAGES;
	for (i = 0; i < b->ops; i += b->batch) {
		for (k = 0; k < b->batch; k++) {
			if (t->op == FTL_WRITE)
				bare_append(t, m);
			else
				bare_submit(t, m, MEDIA_READ, next_random(&t->seed) % b->units);
		}
		m->ops->commit(m, t->queue);
		null_reap(b->bare, t->queue);
	}
}

static void *run_thread(void *arg)
{
	struct thread *t = arg;
	int fd[COUNTERS];
	u64 t0;

	null_own(t->queue);
	open_counters(fd);
	pthread_barrier_wait(&t->b->start);
	t0 = cpu_ns();
	t->b->body(t);
	t->ns = cpu_ns() - t0;
	close_counters(t, fd);
	return NULL;
}

/* The mean over b->threads threads of what @body costs per operation. */
static double load(struct bench *b, void (*body)(struct thread *t), enum ftl_op op,
		   double *count)
{
	double ns = 0, all = (double)b->ops * b->threads;
	u32 i, k;

	b->body = body;
	memset(count, 0, COUNTERS * sizeof(*count));
	pthread_barrier_init(&b->start, NULL, b->threads);
	for (i = 0; i < b->threads; i++) {
		b->thread[i].op = op;
		must(pthread_create(&b->thread[i].id, NULL, run_thread, &b->thread[i]), "thread");
	}
	for (i = 0; i < b->threads; i++) {
		pthread_join(b->thread[i].id, NULL);
		ns += b->thread[i].ns;
		for (k = 0; k < COUNTERS; k++)
			count[k] += b->thread[i].count[k] / all;
	}
	pthread_barrier_destroy(&b->start);
	return ns / all;
}

/* ---- rounds ------------------------------------------------------------------------------ */

static struct sample io_round(struct bench *b, enum ftl_op op)
{
	struct sample s = { .floor_ns = load_ns(b) };

	s.medium_ns = load(b, bare_load, op, s.count);
	s.ns = load(b, core_load, op, s.count);
	return s;
}

static struct sample read_round(struct bench *b)
{
	return io_round(b, FTL_READ);
}

static struct sample write_round(struct bench *b)
{
	return io_round(b, FTL_WRITE);
}

static struct sample crc_round(struct bench *b)
{
	struct sample s;

	null_set_crc(b->n, page);
	null_set_crc(b->bare, page);
	s = io_round(b, FTL_WRITE);
	null_set_crc(b->n, NULL);
	null_set_crc(b->bare, NULL);
	s.floor_ns = crc_ns(b);
	return s;
}

static struct sample worker_round(struct bench *b)
{
	struct sample s = { .floor_ns = memcpy_ns(b) };
	double unused[COUNTERS];
	u64 before = clock_ns(b->worker_clock);

	load(b, core_load, FTL_WRITE, unused);
	s.ns = (double)(clock_ns(b->worker_clock) - before) / b->ops;
	return s;
}

/* The answer of one lookup is part of the next question, as in the chain. */
static struct sample lookup_round(struct bench *b)
{
	struct sample s = { .floor_ns = load_ns(b) };
	u64 t0 = cpu_ns();
	u32 i, lu = 0, seed = 7;

	for (i = 0; i < b->ops; i++)
		lu = (ftl_lookup(b->f, lu) * 2654435761u ^ next_random(&seed)) % b->units;
	keep(lu);
	s.ns = (double)(cpu_ns() - t0) / b->ops;
	return s;
}

static int compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return (d > 0) - (d < 0);
}

/* The median of each field by itself: a sample is nothing but doubles. */
static struct sample median(const struct sample *s, u32 n)
{
	struct sample out;
	double v[MAX_ROUNDS];
	size_t at;
	u32 i;

	for (at = 0; at < sizeof(out); at += sizeof(double)) {
		for (i = 0; i < n; i++)
			v[i] = *(const double *)((const char *)&s[i] + at);
		qsort(v, n, sizeof(v[0]), compare);
		*(double *)((char *)&out + at) = v[n / 2];
	}
	return out;
}

/* ---- output -------------------------------------------------------------------------------- */

static void show(const struct figure *g)
{
	const struct sample *s = &g->s;

	printf("%-10s %7u %6u %9.1f", g->op, g->threads, g->batch, s->ns);
	if (s->medium_ns)
		printf(" %9.1f %9.1f", s->medium_ns, s->ns - s->medium_ns);
	else
		printf(" %9s %9s", "-", "-");
	printf(" %9.1f %8.2f  %s\n", s->floor_ns, s->ns / s->floor_ns, g->floor);
	fflush(stdout);
}

static void measure(struct bench *b, const char *op, const char *floor,
		    struct sample (*round)(struct bench *b), u32 threads, u32 batch)
{
	struct figure *g = &b->figure[b->figures++];
	struct sample got[MAX_ROUNDS];
	u32 i;

	b->threads = threads;
	b->batch = batch;
	for (i = 0; i < b->rounds; i++)
		got[i] = round(b);
	*g = (struct figure){ op, floor, threads, batch, median(got, b->rounds) };
	show(g);
}

static void write_figure(FILE *out, const struct figure *g)
{
	const struct sample *s = &g->s;

	fprintf(out, "{\"op\": \"%s\", \"threads\": %u, \"batch\": %u, \"ns\": %.1f, ",
		g->op, g->threads, g->batch, s->ns);
	fprintf(out, "\"floor\": \"%s\", \"floor_ns\": %.1f, \"ratio\": %.3f",
		g->floor, s->floor_ns, s->ns / s->floor_ns);
	if (s->medium_ns)
		fprintf(out, ", \"medium_ns\": %.1f, \"added_ns\": %.1f", s->medium_ns,
			s->ns - s->medium_ns);
	if (s->count[CYCLES])
		fprintf(out, ", \"cycles\": %.0f", s->count[CYCLES]);
	if (s->count[INSTRUCTIONS])
		fprintf(out, ", \"instructions\": %.0f", s->count[INSTRUCTIONS]);
	fprintf(out, "}");
}

static void write_json(const struct bench *b, const char *path)
{
	FILE *out = fopen(path, "w");
	u32 i;

	if (!out) {
		perror(path);
		exit(1);
	}
	for (i = 0; i < b->figures; i++) {
		fprintf(out, i ? ",\n " : "[\n ");
		write_figure(out, &b->figure[i]);
	}
	fprintf(out, "\n]\n");
	must(fclose(out), "writing the JSON file");
}

/* ---- the whole ------------------------------------------------------------------- */

static void *run_worker(void *arg)
{
	struct bench *b = arg;

	null_work(b->n, b->f);
	return NULL;
}

/* Twice as much flash as units: collecting is little, and timed by itself. */
static void set_up(struct bench *b)
{
	const struct ftl_format_params params = {
		.lba_bytes = 4096, .user_units = b->units, .default_units = b->units,
		.uuid = { 1 },
	};
	u32 aus = 2 * b->units / (DIES * AU_PAGES) + 16, i;
	u32 lu;

	b->n = null_create(DIES, aus, AU_PAGES, b->max_threads);
	b->bare = null_create(DIES, aus, AU_PAGES, b->max_threads);
	must(ftl_format(null_media(b->n), null_env(b->n), &params), "format");
	must(ftl_attach(null_media(b->n), null_env(b->n), 0, &b->f), "attach");
	must(pthread_create(&b->worker, NULL, run_worker, b), "thread");
	must(pthread_getcpuclockid(b->worker, &b->worker_clock), "the worker's clock");
	for (i = 0; i < b->max_threads; i++) {
		b->thread[i].b = b;
		b->thread[i].queue = i;
		b->thread[i].seed = i + 1;
	}
	null_own(0);
	b->thread[0].op = FTL_WRITE;
	for (lu = 0; lu < b->units; lu++) {
		request(&b->thread[0], 0, lu, 0);
		reap_all(&b->thread[0]);
	}
	b->threads = 1;
	b->batch = 1;
	for (lu = 0; lu < b->units; lu++) {
		bare_append(&b->thread[0], null_media(b->bare));
		null_reap(b->bare, 0);
	}
}

static void tear_down(struct bench *b)
{
	null_stop(b->n);
	pthread_join(b->worker, NULL);
	must(ftl_detach(b->f), "detach");
	null_destroy(b->n);
	null_destroy(b->bare);
	free(b->chain);
}

static void measure_threads(struct bench *b, u32 threads)
{
	static const u32 batch[] = { 1, 8, MAX_BATCH };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(batch); i++)
		measure(b, "read", "memory-load", read_round, threads, batch[i]);
	for (i = 0; i < ARRAY_SIZE(batch); i++)
		measure(b, "write", "memory-load", write_round, threads, batch[i]);
}

/* 1, 2, 4 ... and all of them. */
static void run(struct bench *b)
{
	u32 threads;

	printf("%-10s %7s %6s %9s %9s %9s %9s %8s  %s\n", "op", "threads", "batch", "ns",
	       "medium", "added", "floor", "ratio", "of");
	measure(b, "lookup", "memory-load", lookup_round, 1, 1);
	for (threads = 1; threads < b->max_threads; threads *= 2)
		measure_threads(b, threads);
	measure_threads(b, b->max_threads);
	measure(b, "write-crc", "crc32c-4k", crc_round, 1, 1);
	measure(b, "worker", "memcpy-4k", worker_round, 1, 1);
}

static const char *parse(struct bench *b, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", required_argument, NULL, 'j' },
		{ "threads", required_argument, NULL, 't' },
		{ "quick", no_argument, NULL, 'q' },
		{ },
	};
	const char *json = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'j') {
			json = optarg;
		} else if (c == 't') {
			b->max_threads = strtoul(optarg, NULL, 10);
		} else if (c == 'q') {
			b->units = 65536;
			b->ops = 8192;
			b->rounds = 1;
		} else {
			fprintf(stderr, "usage: fio-ftlbench [--json FILE] [--threads N] [--quick]\n");
			exit(2);
		}
	}
	if (!b->max_threads || b->max_threads > MAX_THREADS)
		b->max_threads = MAX_THREADS;
	return json;
}

int main(int argc, char **argv)
{
	static struct bench b = { .units = 1048576, .ops = 131072, .rounds = 7, .seed = 1 };
	const char *json;

	b.max_threads = sysconf(_SC_NPROCESSORS_ONLN);
	json = parse(&b, argc, argv);
	make_chain(&b);
	set_up(&b);
	run(&b);
	if (json)
		write_json(&b, json);
	tear_down(&b);
	return 0;
}
