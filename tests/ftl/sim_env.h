/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The FTL core's environment for tests: exact accounting of memory, the log in
 * a ring, a clock that counts calls, waiting by stepping the medium.
 *
 * Does not know: what the core does with it. ftl_lock() and its kin, which are
 * linked and not called through pointers, are in sim_env.c as well; the lock
 * aborts when it is taken twice, and allocating or waiting under it aborts.
 */
#ifndef TESTS_SIM_ENV_H
#define TESTS_SIM_ENV_H

#include "sim_media.h"

#define SIM_LOG_LINES	64
#define SIM_LOG_LEN	160

/**
 * struct sim_env - an environment
 * @env: what the core is given
 * @sim: the medium that waiting steps
 * @allocs: blocks of memory held
 * @bytes: their size
 * @peak: the largest @bytes has been
 * @fail_alloc: so many allocations succeed and all later ones fail; -1 never
 * @clock: nanoseconds, one more at each look
 * @later: when the core asked to be kicked, 0: not; see sim_env_timer()
 * @health_changes: calls of env.health
 * @kicked: the core asked for ftl_run()
 * @idle_runs: ftl_run() calls since the medium last had something to do
 * @hung: the core waited for something that cannot happen
 * @progress: last percentage; must not fall within an operation
 * @errors: lines logged as FTL_ERR
 * @lines: how many were logged; the last SIM_LOG_LINES are in @log
 * @on_wait: called before each step within a wait: where interrupts and other
 *	threads would come in; may submit requests
 * @wait_ctx: its argument
 * @verbose: print the log to stderr
 */
struct sim_env {
	struct ftl_env env;
	struct sim *sim;
	u64 allocs, bytes, peak;
	s64 fail_alloc;
	u64 clock, later;
	u32 health_changes;
	bool kicked, hung;
	u32 idle_runs;
	u32 progress;
	u32 errors, lines;
	void (*on_wait)(void *ctx);
	void *wait_ctx;
	bool verbose;
	char log[SIM_LOG_LINES][SIM_LOG_LEN];
};

/** sim_env_init() - an environment whose waits step @sim (may be set later) */
void sim_env_init(struct sim_env *e, struct sim *sim);

/**
 * sim_env_timer() - give the core a timer; before format and attach
 *
 * Without one it paces by work alone. Time passes by sim_env_pass(), and in
 * sim_do() when nothing else can happen: then up to what the core waits for.
 */
void sim_env_timer(struct sim_env *e);

/** sim_env_pass() - let so many nanoseconds pass */
void sim_env_pass(struct sim_env *e, u64 ns);

/** sim_env_logged() - was a line containing @text logged (and is still kept) */
bool sim_env_logged(const struct sim_env *e, const char *text);

/** sim_env_dump() - print the kept log lines to stderr */
void sim_env_dump(const struct sim_env *e);

/* Background work that asks for itself so often, with the medium idle, is stuck. */
#define SIM_MAX_IDLE_RUNS 1000

/**
 * sim_advance() - background work if it was asked for, then a step of the medium
 * @f: the core, attached; NULL: the medium alone
 * Return: false when there was nothing to do.
 */
bool sim_advance(struct sim_env *e, struct ftl *f);

/**
 * sim_drive() - step the medium and run the core until there is nothing to do
 * @f: the core, attached; NULL: the medium alone
 */
void sim_drive(struct sim_env *e, struct ftl *f);

/**
 * sim_do() - one request from beginning to end
 * @f: the core, attached over e->sim
 * @data: count logical blocks, or NULL
 * Return: what the request completed with; -ETIME: it never did.
 */
int sim_do(struct sim_env *e, struct ftl *f, enum ftl_op op, u8 flags, u64 lba,
	   u32 count, void *data);

#endif /* TESTS_SIM_ENV_H */
