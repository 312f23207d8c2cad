/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One powered card with the FTL core on it, and the things done to it.
 *
 * Owns: an instance from power on to power off, its requests, the steps that
 * workloads are made of.
 *
 * Does not know: where power is cut (explore.c is called back at each media
 * operation) nor what may be found afterwards (oracle.h).
 */
#ifndef TESTS_CRASH_RIG_H
#define TESTS_CRASH_RIG_H

#include "oracle.h"
#include "tests/ftl/sim_env.h"

#define RIG_MAX_DIES	4
#define RIG_MAX_STEPS	4

/**
 * struct setup - a card and a format
 * @units: logical capacity
 * @no_faults: no append unit can be spared: the steps that make one fail are left out
 * @parity: the format has parity
 * @roll: units written for each leaf of the map that follows; 0: the default
 * @wrap: sequence numbers wrap around within the workload, else they begin at 0
 */
struct setup {
	const char *name;
	struct sim_config sim;
	u32 units;
	u32 lba_bytes;
	u32 roll;
	bool wrap, no_faults, parity;
};

/**
 * struct rig - a powered card
 * @f: the core, NULL unless attached
 * @o: what may be read
 * @cut_point: called when power could be cut; may be NULL
 * @coarse: power is cut at every so manieth possible point only; 0: at all
 * @skipped: points left out, modulo @coarse
 * @why: first thing that went wrong
 */
struct rig {
	const struct setup *setup;
	struct sim *sim;
	struct sim_env env;
	struct ftl *f;
	struct oracle *o;
	void (*cut_point)(struct rig *r, void *ctx);
	void *ctx;
	u32 max_blocks, atomic_blocks;
	u32 coarse, skipped;
	bool verbose;
	u8 *data;
	char why[256];
};

/* What workloads are made of. Also known by two letters, in case IDs. */
enum rig_step {
	STEP_WRITE_A,
	STEP_WRITE_B,
	STEP_WRITE_AB,
	STEP_TRIM_A,
	STEP_TRIM_AB,
	STEP_ZERO_AB,
	STEP_FLUSH,
	STEP_FUA_A,
	STEP_GC,
	STEP_CHECKPOINT,
	STEP_PROGRAM_FAIL,
	STEP_ERASE_FAIL,
	STEP_REATTACH,
	STEP_PLP,
	STEP_WRITE_TWICE,
	STEP_WRITE_TRIM,
	STEP_WRITE_GC,
	STEP_TRIM_GC,
	STEP_WRITE_CP,
	STEP_ZERO_BESIDE,
	STEP_CHURN,
	STEP_TRIM_INTO,
	STEP_READ_INTO,
	STEP_DIE,
	STEP_ATOMIC,
	STEP_ATOMIC_GC,
	STEP_ATOMIC_OVER,
	STEP_COUNT
};

const char *rig_step_name(enum rig_step step);
const char *rig_step_text(enum rig_step step);

/** rig_on() - power on over a copy of @img; NULL: a fresh card */
void rig_on(struct rig *r, const struct setup *setup, const struct sim_image *img,
	    struct oracle *o, bool verbose);
/** rig_off() - power off; a core that is attached is destroyed. Checks for leaks */
void rig_off(struct rig *r);

/* All of these return false when something went wrong; r->why says what. */
bool rig_fail(struct rig *r, const char *fmt, ...) __printf(2, 3);
bool rig_format(struct rig *r, u64 seq_base);
bool rig_attach(struct rig *r);
bool rig_detach(struct rig *r);
bool rig_do(struct rig *r, enum rig_step step);
/** rig_settle() - let background work end */
bool rig_settle(struct rig *r);
bool rig_write(struct rig *r, u32 lba, u32 count, u8 flags);
bool rig_trim(struct rig *r, u32 lba, u32 count);
bool rig_flush(struct rig *r);

struct rig_request;

/**
 * rig_submit() - start a change and leave it under way
 * @op: FTL_WRITE, FTL_TRIM or FTL_ZEROES
 * @lba: within the device, as is @lba + @count; a write not above max_blocks
 * Return: for rig_finish(); or for free(), once the rig is off.
 */
struct rig_request *rig_submit(struct rig *r, enum ftl_op op, u8 flags, u32 lba, u32 count,
			       u32 queue);
/** rig_finish() - wait for it and free it */
bool rig_finish(struct rig *r, struct rig_request *q);

/** rig_read_all() - read every block; @cut: first look after a power cut */
bool rig_read_all(struct rig *r, bool cut);
/** rig_check() - the core's own invariants, and what the medium complains of */
bool rig_check(struct rig *r);

static inline u32 rig_blocks(const struct setup *s)
{
	return s->units * (FIO_MEDIA_UNIT / s->lba_bytes);
}

#endif /* TESTS_CRASH_RIG_H */
