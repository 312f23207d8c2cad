/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What of a run has been done: shared by all worker processes and, for long runs, kept
 * in a file that the next run goes on from.
 *
 * Owns: which workloads are new, under way and done, the sums, the states seen.
 *
 * Does not know: workloads, except by number.
 *
 * Everything is mapped: what a killed run had done is there. A state is remembered
 * before it is looked at, so a workload that was under way is done again with all its
 * states. The files do not outlive a crash of the machine.
 */
#ifndef TESTS_CRASH_PROGRESS_H
#define TESTS_CRASH_PROGRESS_H

#include "explore.h"

enum work_state { WORK_NEW, WORK_BEGUN, WORK_DONE };

/**
 * struct progress - a run
 * @key: of the program and all that decides what it does
 * @sessions: how many runs this is the sum of
 * @next: the first workload that nobody has looked at in this one
 * @stop: nobody is to take another
 * @total: of the workloads done
 * @state: enum work_state of each
 */
struct progress {
	u64 magic, key;
	u32 nr_work, sessions;
	u32 next, stop;
	u64 seconds;
	struct explore_stats total;
	struct seen_set *seen;
	u8 state[];
};

/**
 * progress_new() - before the workers are forked
 * @path: file to keep it in, beside one with ".seen" at its end; NULL: in memory
 * @key: must be the one of the file
 * @keys: states to remember
 *
 * Ends the program when the file is of another run, in use, or cannot be had.
 */
struct progress *progress_new(const char *path, u64 key, u32 nr_work, u64 keys);

/** progress_key() - of this program's file and @text */
u64 progress_key(const char *text);

/**
 * progress_take() - the next workload that is not done
 * @again: one that another run had begun
 * Return: its number; nr_work: there is none, or @stop.
 */
u32 progress_take(struct progress *p, bool *again);

/** progress_add() - workload @nr was done, with these sums of it alone */
void progress_add(struct progress *p, u32 nr, const struct explore_stats *of_it);

/** progress_done() - how many workloads are done */
u32 progress_done(const struct progress *p);

#endif /* TESTS_CRASH_PROGRESS_H */
