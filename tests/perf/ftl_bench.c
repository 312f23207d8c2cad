// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-ftlbench: what the FTL core costs per operation, in nanoseconds, beside
 * the floor that memory sets: a chain of dependent loads from an array as large
 * as the map. Prints lines "name value peer peer-value".
 *
 * The medium is the tests' simulated one in its immediate mode, so a write is
 * the core's work plus a copy into an array in memory, with nothing waiting.
 *
 * It knows the core's public face and nothing behind it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hal/ftl/ftl.h"
#include "tests/ftl/sim_env.h"

#define UNITS		65536u		/* 256 MiB, a power of two */
#define OPS		200000u
#define FILL_UNITS	64u
#define ROUNDS		5

static const struct sim_config shape = {
	.dies = 8, .aus = 48, .pages = 256, .max_units = FILL_UNITS,
	.policy = SIM_IMMEDIATE, .seed = 1,
};

static u8 data[FILL_UNITS * 4096] __aligned(4096);

/* What is measured must not be optimised away. */
static void keep(u64 value)
{
	__asm__ __volatile__("" : : "r"(value));
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

/* One cycle through all slots, in random order: each load needs the one before. */
static double load_ns(struct ftl *f)
{
	u32 *order = calloc(UNITS, sizeof(*order)), *chain = calloc(UNITS, sizeof(*chain));
	u32 i, j, swap, seed = 1;
	u64 t0;

	(void)f;
	must(!order || !chain, "memory");
	for (i = 0; i < UNITS; i++)
		order[i] = i;
	for (i = UNITS - 1; i; i--) {
		j = next_random(&seed) % (i + 1);
		swap = order[i];
		order[i] = order[j];
		order[j] = swap;
	}
	for (i = 0; i < UNITS; i++)
		chain[order[i]] = order[(i + 1) % UNITS];
	t0 = now_ns();
	for (i = 0, j = 0; i < OPS; i++)
		j = chain[j];
	keep(j);
	t0 = now_ns() - t0;
	free(order);
	free(chain);
	return (double)t0 / OPS;
}

/* The answer of one lookup chooses the next, as in the chain. */
static double lookup_ns(struct ftl *f)
{
	u32 i, lu = 0, seed = 1;
	u64 t0 = now_ns();

	for (i = 0; i < OPS; i++)
		lu = (ftl_lookup(f, lu) ^ next_random(&seed)) % UNITS;
	keep(lu);
	return (double)(now_ns() - t0) / OPS;
}

static struct sim_env env;

static double do_ns(struct ftl *f, enum ftl_op op)
{
	u32 i, seed = 7;
	u64 t0 = now_ns();

	for (i = 0; i < OPS / 10; i++)
		must(sim_do(&env, f, op, 0, next_random(&seed) % UNITS, 1, data), "a request");
	return (double)(now_ns() - t0) / (OPS / 10);
}

static double write_ns(struct ftl *f)
{
	return do_ns(f, FTL_WRITE);
}

static double read_ns(struct ftl *f)
{
	return do_ns(f, FTL_READ);
}

static int compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return (d > 0) - (d < 0);
}

static double median(double (*measure)(struct ftl *f), struct ftl *f)
{
	double got[ROUNDS];
	u32 i;

	for (i = 0; i < ROUNDS; i++)
		got[i] = measure(f);
	qsort(got, ROUNDS, sizeof(got[0]), compare);
	return got[ROUNDS / 2];
}

int main(void)
{
	const struct ftl_format_params params = {
		.lba_bytes = 4096, .user_units = UNITS, .default_units = UNITS, .uuid = { 1 },
	};
	struct sim *sim = sim_create(&shape);
	struct ftl *f;
	double floor;
	u32 lu;

	sim_env_init(&env, sim);
	must(ftl_format(sim_media(sim), &env.env, &params), "format");
	must(ftl_attach(sim_media(sim), &env.env, 0, &f), "attach");
	for (lu = 0; lu < UNITS; lu += FILL_UNITS)
		must(sim_do(&env, f, FTL_WRITE, 0, lu, FILL_UNITS, data), "fill");
	floor = median(load_ns, f);
	printf("ftl-lookup %.1f memory-load %.1f\n", median(lookup_ns, f), floor);
	printf("ftl-read %.1f memory-load %.1f\n", median(read_ns, f), floor);
	printf("ftl-write %.1f memory-load %.1f\n", median(write_ns, f), floor);
	must(ftl_detach(f), "detach");
	sim_destroy(sim);
	return 0;
}
