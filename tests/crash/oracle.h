/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What may be read: the truth that the crash runner holds against the FTL.
 *
 * Owns: for each logical block the versions that were issued, which of them a
 * running unit may return, which of them may be found after a power cut, and
 * the payload that tells versions apart.
 *
 * Does not know: the FTL, the medium. Versions are bits: version 0 is "never
 * written", a trim or write-zeroes is a version that reads as zeroes.
 */
#ifndef TESTS_CRASH_ORACLE_H
#define TESTS_CRASH_ORACLE_H

#include <fio/types.h>

#define ORACLE_BLOCKS	96
#define ORACLE_VERSIONS	32
#define ORACLE_ATOMICS	32

/**
 * struct oracle_block - one logical block
 * @next: version to be issued next
 * @zero: versions that read as zeroes
 * @inflight: issued, not completed
 * @current: what a read may return now, besides @inflight
 * @durable: known to have been made durable
 * @allowed: what may be found after a cut now
 * @before: per version, those that it supersedes for certain
 * @seen: versions that the last look after a cut may have been of
 */
struct oracle_block {
	u32 next;
	u32 zero, inflight, current, durable, allowed;
	u32 before[ORACLE_VERSIONS];
	u32 seen;
};

/* A change that a cut leaves all of, or nothing: the version of each of its blocks. */
struct oracle_atomic {
	u8 lba, count;
	u8 version[ORACLE_BLOCKS];
};

struct oracle {
	u32 blocks, block_bytes;
	struct oracle_block block[ORACLE_BLOCKS];
	struct oracle_atomic atomic[ORACLE_ATOMICS];
	u32 atomics;
};

/* A change under way: the version of each of its blocks. */
struct oracle_op {
	u32 lba, count;
	u8 version[ORACLE_BLOCKS];
};

/* A flush under way: what it must make durable. */
struct oracle_flush {
	u32 current[ORACLE_BLOCKS];
};

void oracle_init(struct oracle *o, u32 blocks, u32 block_bytes);

/**
 * oracle_issue() - a change is about to be submitted
 * @data: receives the payload; NULL: the change writes zeroes
 */
void oracle_issue(struct oracle *o, struct oracle_op *op, u32 lba, u32 count,
		  u8 *data);
/** oracle_atomic() - @op, just issued, must not be found in part */
void oracle_atomic(struct oracle *o, const struct oracle_op *op);
/** oracle_may_ignore() - block @lba of @op, a discard of part of a unit, may stay */
void oracle_may_ignore(struct oracle *o, const struct oracle_op *op, u32 lba);
/** oracle_ack() - it completed; @durable: and cannot be lost any more */
void oracle_ack(struct oracle *o, const struct oracle_op *op, bool durable);

void oracle_flush_issue(const struct oracle *o, struct oracle_flush *f);
void oracle_flush_ack(struct oracle *o, const struct oracle_flush *f);

/** oracle_cut() - power is gone and back */
void oracle_cut(struct oracle *o);

/**
 * oracle_read() - a block was read
 * @cut: first look after a cut: what is seen is there to stay
 * Return: NULL, or what is wrong with it (in a static buffer).
 */
const char *oracle_read(struct oracle *o, u32 lba, const u8 *data, bool cut);

/**
 * oracle_untorn() - all blocks were read after a cut: was an atomic change found in part?
 * Return: NULL, or what is wrong (in a static buffer).
 */
const char *oracle_untorn(const struct oracle *o);

/** oracle_hash() - equal for oracles that accept the same after a cut */
u64 oracle_hash(const struct oracle *o);

/** oracle_print() - the blocks' sets to stderr */
void oracle_print(const struct oracle *o);

#endif /* TESTS_CRASH_ORACLE_H */
