/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A medium whose commands complete from threads of its own, one per queue, and
 * the environment to match: locks that spin, a worker that sleeps.
 *
 * It keeps data and tags, picks commands of a queue in random order, fails
 * programs and aborts reads now and then, and ends the program when the core
 * breaks a rule: resets an append unit that commands are under way to, appends
 * to one that is full, bad or not its own, forgets a commit (which shows as a
 * hang, ended by SIGALRM).
 *
 * It synchronises as little as hardware would, one lock per queue, so that
 * ThreadSanitizer is not led to believe that threads of different queues know
 * of each other.
 */
#ifndef TESTS_THREAD_MEDIA_H
#define TESTS_THREAD_MEDIA_H

#include <pthread.h>

#include "hal/ftl/ftl.h"

struct thread_media;

struct thread_shape {
	u32 dies, aus, pages, queues;
	u32 cmds;	/* per queue; few, so that requests wait for them */
	u32 fails;	/* programs that may fail, in all */
	u32 xor_groups;	/* as media_geometry.xor_groups */
	u64 seed;
};

struct thread_media *thread_media_create(const struct thread_shape *shape);
/* Every command complete. */
void thread_media_destroy(struct thread_media *t);
struct media *thread_media(struct thread_media *t);
struct ftl_env *thread_env(struct thread_media *t);

/** thread_set_durable() - power-loss protection healthy or not */
void thread_set_durable(struct thread_media *t, bool durable);

/** thread_work() - be the core's worker until thread_work_stop() */
void thread_work(struct thread_media *t, struct ftl *f);
void thread_work_stop(struct thread_media *t);

/** thread_quiesce() - every command is complete: wait until its done() has returned */
void thread_quiesce(struct thread_media *t);

/* The buffer of a request; by whoever makes requests. */
u8 *thread_io_data(struct ftl_io *io);

void thread_die(const char *fmt, ...) __printf(1, 2) __attribute__((noreturn));
u64 thread_random(u64 *seed);

#endif /* TESTS_THREAD_MEDIA_H */
