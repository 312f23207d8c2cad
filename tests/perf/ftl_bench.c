// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-ftlbench: what the FTL core costs per operation, in nanoseconds, each
 * figure beside its floor, measured in the same run:
 *
 *   lookup  a chain of dependent random loads from a table as large as the map
 *   read    the same
 *   write   the same; with CRC also the CRC32C of 4 KiB, which the null medium
 *           computes in the card's place
 *
 * The medium does nothing (null_media.h). Background work (erasing, collecting)
 * is timed apart, per user unit written. One thread, medians of three rounds.
 *
 * Default output: lines "name value peer peer-value"; --json: an array of
 * {op, threads, batch, ns, floor_ns, ratio}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "null_media.h"

#define UNITS	1048576u	/* 4 GiB; the map is 4 MiB */
#define OPS	200000u
#define ROUNDS	3
#define BATCH	32

struct bench {
	struct null_media *n;
	struct ftl *f;
	u32 *chain;
	u32 seed, batch;
	struct ftl_io io[BATCH];
	u64 worker_ns;
	bool json;
	u32 printed;
};

static u8 page[4096] __aligned(64), copy[4096] __aligned(64);

/* What is measured must not be optimised away. */
static void keep(u64 value)
{
	__asm__ __volatile__("" : : "r"(value) : "memory");
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
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

static void io_done(struct ftl_io *io, int err)
{
	must(err, "a request");
}

static void work(struct bench *b)
{
	u64 t0;

	if (!null_kicked(b->n))
		return;
	t0 = now_ns();
	ftl_run(b->f);
	b->worker_ns += now_ns() - t0;
}

static void request(struct bench *b, struct ftl_io *io, enum ftl_op op, u64 lba)
{
	io->op = op;
	io->flags = FTL_IO_MORE;
	io->queue = 0;
	io->count = 1;
	io->lba = lba;
	io->done = io_done;
	ftl_submit(b->f, io);
}

/* ---- what is measured; each returns ns per operation -------------------------- */

/* One cycle through all slots in random order (Sattolo): each load needs the last. */
static void make_chain(struct bench *b)
{
	u32 i, j, swap;

	b->chain = calloc(UNITS, sizeof(*b->chain));
	must(!b->chain, "memory");
	for (i = 0; i < UNITS; i++)
		b->chain[i] = i;
	for (i = UNITS - 1; i; i--) {
		j = next_random(&b->seed) % i;
		swap = b->chain[i];
		b->chain[i] = b->chain[j];
		b->chain[j] = swap;
	}
}

static double load_ns(struct bench *b)
{
	u64 t0 = now_ns();
	u32 i, j = 0;

	for (i = 0; i < OPS; i++)
		j = b->chain[j];
	keep(j);
	return (double)(now_ns() - t0) / OPS;
}

/* The answer of one lookup is part of the next question, as in the chain. */
static double lookup_ns(struct bench *b)
{
	u64 t0 = now_ns();
	u32 i, lu = 0, seed = 7;

	for (i = 0; i < OPS; i++)
		lu = (ftl_lookup(b->f, lu) * 2654435761u ^ next_random(&seed)) % UNITS;
	keep(lu);
	return (double)(now_ns() - t0) / OPS;
}

static double io_ns(struct bench *b, enum ftl_op op)
{
	u64 t0 = now_ns(), worker = b->worker_ns;
	u32 i, k;

	for (i = 0; i < OPS; i += b->batch) {
		for (k = 0; k < b->batch; k++)
			request(b, &b->io[k], op, next_random(&b->seed) % UNITS);
		ftl_commit(b->f, 0);
		null_reap(b->n);
		work(b);
		/* Those that waited for room have it now. */
		while (null_reap(b->n))
			work(b);
	}
	return (double)(now_ns() - t0 - (b->worker_ns - worker)) / OPS;
}

static double read_ns(struct bench *b)
{
	return io_ns(b, FTL_READ);
}

static double write_ns(struct bench *b)
{
	return io_ns(b, FTL_WRITE);
}

static double worker_ns(struct bench *b)
{
	u64 before = b->worker_ns;

	io_ns(b, FTL_WRITE);
	return (double)(b->worker_ns - before) / OPS;
}

static double memcpy_ns(struct bench *b)
{
	u64 t0 = now_ns();
	u32 i;

	for (i = 0; i < OPS; i++) {
		memcpy(copy, page, sizeof(copy));
		keep((u64)(uintptr_t)copy);
	}
	return (double)(now_ns() - t0) / OPS;
}

static double crc_ns(struct bench *b)
{
	u64 t0 = now_ns();
	u32 i, crc = 0;

	for (i = 0; i < OPS; i++)
		crc = ftl_crc32c(crc, page, sizeof(page));
	keep(crc);
	return (double)(now_ns() - t0) / OPS;
}

static int compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return (d > 0) - (d < 0);
}

static double median(struct bench *b, double (*measure)(struct bench *b))
{
	double got[ROUNDS];
	u32 i;

	for (i = 0; i < ROUNDS; i++)
		got[i] = measure(b);
	qsort(got, ROUNDS, sizeof(got[0]), compare);
	return got[ROUNDS / 2];
}

/* ---- output ---------------------------------------------------------------------- */

static void show(struct bench *b, const char *op, u32 batch, double ns, const char *peer,
		 double peer_ns)
{
	if (b->json)
		printf("%s\n  {\"op\": \"%s\", \"threads\": 1, \"batch\": %u, \"ns\": %.1f, \"floor\": \"%s\", \"floor_ns\": %.1f, \"ratio\": %.3f}",
		       b->printed ? "," : "[", op, batch, ns, peer, peer_ns, ns / peer_ns);
	else if (batch > 1)
		printf("ftl-%s-batch%u %.1f %s %.1f\n", op, batch, ns, peer, peer_ns);
	else
		printf("ftl-%s %.1f %s %.1f\n", op, ns, peer, peer_ns);
	b->printed++;
}

/* Erase, format, attach, and write every unit once. */
static void set_up(struct bench *b)
{
	const struct ftl_format_params params = {
		.lba_bytes = 4096, .user_units = UNITS, .default_units = UNITS, .uuid = { 1 },
	};
	u32 lu;

	b->n = null_create(16, 330, 256, false);
	must(ftl_format(null_media(b->n), null_env(b->n), &params), "format");
	must(ftl_attach(null_media(b->n), null_env(b->n), 0, &b->f), "attach");
	work(b);
	for (lu = 0; lu < UNITS; lu++) {
		request(b, &b->io[0], FTL_WRITE, lu);
		do {
			null_reap(b->n);
			work(b);
		} while (ftl_lookup(b->f, lu) == FIO_UNIT_NONE);
	}
}

static void run(struct bench *b)
{
	double floor = median(b, load_ns), crc = median(b, crc_ns);

	show(b, "lookup", 1, median(b, lookup_ns), "memory-load", floor);
	for (b->batch = 1; b->batch <= BATCH; b->batch *= BATCH)
		show(b, "read", b->batch, median(b, read_ns), "memory-load", floor);
	for (b->batch = 1; b->batch <= BATCH; b->batch *= BATCH)
		show(b, "write", b->batch, median(b, write_ns), "memory-load", floor);
	b->batch = 1;
	null_set_source(b->n, page);
	null_set_crc(b->n, true);
	show(b, "write-crc", 1, median(b, write_ns), "crc32c-4k", crc);
	null_set_crc(b->n, false);
	show(b, "worker", 1, worker_ns(b), "memcpy-4k", median(b, memcpy_ns));
}

int main(int argc, char **argv)
{
	static struct bench b = { .seed = 1, .batch = 1 };

	b.json = argc == 2 && !strcmp(argv[1], "--json");
	if (argc > 1 && !b.json) {
		fprintf(stderr, "usage: fio-ftlbench [--json]\n");
		return 2;
	}
	make_chain(&b);
	set_up(&b);
	run(&b);
	if (b.json)
		printf("\n]\n");
	ftl_destroy(b.f);
	null_destroy(b.n);
	free(b.chain);
	return 0;
}
