/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Power cuts at every point of a workload, and all that must hold afterwards.
 *
 * Owns: the base image of a variant, cut points, the choice of what each cut
 * leaves, what makes two states the same, the checks after a cut, case IDs.
 *
 * Does not know: how workloads are chosen and spread over processes (main.c).
 */
#ifndef TESTS_CRASH_EXPLORE_H
#define TESTS_CRASH_EXPLORE_H

#include "rig.h"
#include "seen.h"

#define CASE_LEN	192

/**
 * struct variant - a setup with the habits of its medium
 * @setup: complete, its sim part included
 * @name: first part of case IDs
 */
struct variant {
	struct setup setup;
	char name[32];
};

/**
 * struct cut - a power cut: where, and what it leaves
 * @nr: number of the cut point, from 1; 0: no cut
 */
struct cut {
	u32 nr;
	struct sim_choice choice[RIG_MAX_DIES];
};

/**
 * struct crash_case - one path through the tree
 * @steps: the workload, @nr_steps long
 * @cut: a cut of the workload, and a cut of the recovery from it
 */
struct crash_case {
	enum rig_step steps[RIG_MAX_STEPS];
	u32 nr_steps;
	struct cut cut[2];
};

/**
 * struct explore_stats - what was done
 * @points: cut points met
 * @states: distinct images (with what may be found in them) recovered
 * @seen: images left out because they had been recovered before
 * @again: second cuts right behind an attach; @again_seen: left out likewise
 * @capped: cut points with more combinations than are tried
 * @violations: cases that failed
 */
struct explore_stats {
	u64 workloads, points, states, nested, seen, again, again_seen, capped, violations;
};

#define NESTED_DRAWN	(~0U)

/**
 * struct nested - how recovery is cut, by length of the workload
 * @every: at every so manieth of its operations; 0: never; NESTED_DRAWN: at one, drawn
 *	from the seed and the state that is being recovered
 * @outcomes: at most so many of each cut
 */
struct nested {
	u32 every, outcomes;
};

/**
 * struct explore_options - how thorough
 * @combinations: at most so many per cut point
 * @nested: by length of the workload
 * @seed: of what is drawn
 * @again: look at states again that are in @seen; they are not counted again
 * @seen: states looked at, also by others
 * @verbose: print everything that happens
 * @announce: told the case about to be run; may be NULL
 * @report: told a failed case and why
 */
struct explore_options {
	u32 combinations;
	struct nested nested[RIG_MAX_STEPS + 1];
	u64 seed;
	struct seen_set *seen;
	bool again, verbose;
	void (*announce)(const char *id);
	void (*report)(const char *id, const char *why);
};

struct explore;

/** explore_new() - prepare a variant: format and fill a card, detach it in order */
struct explore *explore_new(const struct variant *v, const struct explore_options *opt);
void explore_free(struct explore *x);

/**
 * explore_workload() - cut everywhere within the last of @nr steps
 *
 * What comes before the last step is covered by the shorter workloads.
 */
void explore_workload(struct explore *x, const enum rig_step *steps, u32 nr);

/** explore_case() - run one path and nothing else */
void explore_case(struct explore *x, const struct crash_case *c);

/** explore_allows() - does this step make sense on such a card */
bool explore_allows(const struct variant *v, enum rig_step step);

/** explore_again() - set explore_options.again */
void explore_again(struct explore *x, bool again);

const struct explore_stats *explore_stats(const struct explore *x);

/** case_parse() - @id behind the name of the variant; Return: 0 or -EINVAL */
int case_parse(const char *id, struct crash_case *c);

#endif /* TESTS_CRASH_EXPLORE_H */
