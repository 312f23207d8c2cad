// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz-ops: requests, faults and power cuts in any order, against the oracle.
 *
 * Owns: the meaning of an input. Its first byte chooses the card, then each two
 * bytes are a step and its argument. Requests are left under way until a step
 * asks for their end, so that they overlap in every way.
 *
 * Does not know: what may be read (oracle.h), how power is cut (sim_media.h).
 *
 * Lost, old or foreign data, a broken rule of the medium, a core that hangs or
 * leaks: all end in abort(), which a fuzzing engine takes for a find.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/crash/rig.h"

#define MAX_UNDERWAY	4
#define MAX_FAULTS	1	/* two in a row take both copies of the superblock */
#define MAX_OPS		300
#define UNITS		12

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum fuzz_step {
	DO_WRITE, DO_TRIM, DO_ZERO, DO_FLUSH, DO_READ, DO_FINISH, DO_STEP_MEDIUM, DO_CUT,
	DO_GC, DO_CHECKPOINT, DO_REATTACH, DO_PLP, DO_FAIL_PROGRAM, DO_FAIL_ERASE,
	DO_FUA, DO_RUN, DO_COUNT
};

/**
 * struct fuzz - one input under way
 * @set: its card
 * @faults: programs and erases made to fail
 */
struct fuzz {
	struct setup set;
	struct oracle o;
	struct rig r;
	struct rig_request *under_way[MAX_UNDERWAY];
	u32 nr, faults;
};

static const struct sim_config shapes[] = {
	{ .dies = 2, .aus = 12, .pages = 4, .max_units = 4, .queues = 2,
	  .host_cmds = 4, .internal_cmds = 4, .buffer_units = 2 },
	{ .dies = 3, .aus = 10, .pages = 4, .max_units = 4, .queues = 2,
	  .host_cmds = 4, .internal_cmds = 4, .buffer_units = 1 },
	{ .dies = 2, .aus = 12, .pages = 6, .max_units = 3, .queues = 1,
	  .host_cmds = 2, .internal_cmds = 4, .buffer_units = 3 },
	{ .dies = 4, .aus = 12, .pages = 4, .max_units = 8, .queues = 2,
	  .host_cmds = 6, .internal_cmds = 4, .buffer_units = 2 },
};

static void must(struct fuzz *z, bool ok)
{
	if (ok && !z->r.why[0])
		return;
	fprintf(stderr, "fuzz-ops: %s\n", z->r.why);
	sim_env_dump(&z->r.env);
	abort();
}

static void choose_card(struct fuzz *z, u8 n)
{
	z->set = (struct setup){
		.name = "fuzz", .units = UNITS, .lba_bytes = n & 4 ? 512 : 4096,
		.sim = shapes[n & 3],
	};
	z->set.sim.volatile_buffer = n & 8;
	z->set.sim.keeps_open = n & 16;
	z->set.sim.policy = n & 32 ? SIM_RANDOM : n & 64 ? SIM_EAGER : SIM_LAZY;
	z->set.sim.seed = 1 + (n >> 7);
}

static void power_on(struct fuzz *z, const struct sim_image *img)
{
	rig_on(&z->r, &z->set, img, &z->o, getenv("FUZZ_VERBOSE"));
	if (!img)
		must(z, rig_format(&z->r, 0));
	must(z, rig_attach(&z->r));
	if (img)
		must(z, rig_read_all(&z->r, true));
}

static void power_off(struct fuzz *z)
{
	rig_off(&z->r);
	must(z, true);
}

static void finish_all(struct fuzz *z)
{
	u32 i;

	for (i = 0; i < z->nr; i++)
		must(z, rig_finish(&z->r, z->under_way[i]));
	z->nr = 0;
}

/* Nobody will hear of them again. */
static void forget_all(struct fuzz *z)
{
	u32 i;

	for (i = 0; i < z->nr; i++)
		free(z->under_way[i]);
	z->nr = 0;
}

/* How many versions of a block the oracle can tell apart is limited. */
static bool has_version(const struct fuzz *z, u32 lba, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (z->o.block[lba + i].next == ORACLE_VERSIONS)
			return false;
	return true;
}

/* Half of the writes are of whole units and atomic. */
static bool make_atomic(const struct fuzz *z, u32 *lba, u32 *count)
{
	u32 per = FIO_MEDIA_UNIT / z->set.lba_bytes;

	*lba = *lba / per * per;
	*count = min(DIV_ROUND_UP(*count, per) * per, rig_blocks(&z->set) - *lba);
	*count = min(*count, z->r.atomic_blocks);
	return z->o.atomics < ORACLE_ATOMICS;
}

static void change(struct fuzz *z, enum ftl_op op, u8 flags, u8 arg)
{
	u32 blocks = rig_blocks(&z->set);
	u32 lba = arg * 13 % blocks;
	u32 count = 1 + (arg >> 4) % 6 * (z->set.lba_bytes == 512 ? 5 : 1);

	count = min(count, blocks - lba);
	if (op == FTL_WRITE)
		count = min(count, z->r.max_blocks);
	if (op == FTL_WRITE && arg & 0x80 && make_atomic(z, &lba, &count))
		flags |= FTL_IO_ATOMIC;
	if (!has_version(z, lba, count))
		return;
	if (z->nr == MAX_UNDERWAY)
		finish_all(z);
	z->under_way[z->nr++] = rig_submit(&z->r, op, flags, lba, count,
					   arg % z->set.sim.queues);
}

/* Each die keeps what the argument says of its queue. */
static void cut(struct fuzz *z, u8 arg)
{
	struct sim_image *snap = sim_snapshot(z->r.sim), *left;
	struct sim_choice choice[RIG_MAX_DIES], unused;
	u32 d, n;

	for (d = 0; d < z->set.sim.dies; d++) {
		for (n = 1; sim_image_choice(snap, d, n, &unused);)
			n++;
		sim_image_choice(snap, d, (arg >> d) % n, &choice[d]);
	}
	left = sim_image_cut(snap, choice);
	sim_image_free(snap);
	power_off(z);
	forget_all(z);
	oracle_cut(&z->o);
	power_on(z, left);
	sim_image_free(left);
}

/* Without anything under way, as these calls may be made. */
static void quiet(struct fuzz *z, enum rig_step step)
{
	finish_all(z);
	must(z, rig_do(&z->r, step));
}

static void fault(struct fuzz *z, enum fuzz_step step)
{
	if (z->faults++ >= MAX_FAULTS)
		return;
	must(z, rig_do(&z->r, step == DO_FAIL_PROGRAM ? STEP_PROGRAM_FAIL : STEP_ERASE_FAIL));
}

static void do_step(struct fuzz *z, enum fuzz_step step, u8 arg)
{
	u32 i;

	switch (step) {
	case DO_WRITE:
		return change(z, FTL_WRITE, 0, arg);
	case DO_FUA:
		return change(z, FTL_WRITE, FTL_IO_FUA, arg);
	case DO_TRIM:
		return change(z, FTL_TRIM, 0, arg);
	case DO_ZERO:
		return change(z, FTL_ZEROES, 0, arg);
	case DO_FLUSH:
		return must(z, rig_flush(&z->r));
	case DO_READ:
		finish_all(z);	/* what is under way may end before or after a read */
		return must(z, rig_read_all(&z->r, false));
	case DO_STEP_MEDIUM:
		for (i = 0; i < 1u + arg % 8; i++)
			sim_step(z->r.sim);
		return;
	case DO_RUN:
		for (i = 0; i < 1u + arg % 16; i++)
			sim_advance(&z->r.env, z->r.f);
		return;
	case DO_CUT:
		return cut(z, arg);
	case DO_GC:
		return quiet(z, STEP_GC);
	case DO_CHECKPOINT:
		return quiet(z, STEP_CHECKPOINT);
	case DO_REATTACH:
		return quiet(z, STEP_REATTACH);
	case DO_PLP:
		return must(z, rig_do(&z->r, STEP_PLP));
	case DO_FAIL_PROGRAM:
	case DO_FAIL_ERASE:
		return fault(z, step);
	default:
		return finish_all(z);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct fuzz z;
	size_t i;

	if (!size)
		return 0;
	memset(&z, 0, sizeof(z));
	choose_card(&z, data[0]);
	oracle_init(&z.o, rig_blocks(&z.set), z.set.lba_bytes);
	power_on(&z, NULL);
	for (i = 1; i + 1 < size && i < 2 * MAX_OPS; i += 2)
		do_step(&z, data[i] % DO_COUNT, data[i + 1]);
	finish_all(&z);
	must(&z, rig_check(&z.r) && rig_read_all(&z.r, false) && rig_detach(&z.r) &&
	     rig_attach(&z.r) && rig_read_all(&z.r, false));
	power_off(&z);
	return 0;
}
