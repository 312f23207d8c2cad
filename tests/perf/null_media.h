/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A medium that does nothing, as fast as possible, and the environment to match:
 * what remains of the time of a request is the FTL core's own.
 *
 * Stores no data, only what the core verifies: the logical unit of each page.
 * Completions wait for null_reap(), as interrupts would.
 *
 * Threads. One thread owns each queue and pays nothing for that; commands that
 * others submit to a queue (a request that waited for room is carried on by
 * whoever made it) go through an inbox with a lock. One more thread is the
 * worker.
 */
#ifndef TESTS_NULL_MEDIA_H
#define TESTS_NULL_MEDIA_H

#include "hal/ftl/ftl.h"

struct null_media;

/** null_create() - a medium of that shape, erased */
struct null_media *null_create(u32 dies, u32 aus, u32 pages, u32 queues);
void null_destroy(struct null_media *n);
struct media *null_media(struct null_media *n);
struct ftl_env *null_env(struct null_media *n);

/**
 * null_set_crc() - compute the page tag's CRC32C of each unit written, as a card would
 * @data: what units are written from; NULL: do not
 */
void null_set_crc(struct null_media *n, const void *data);

/** null_own() - the calling thread is the owner of @queue from now on */
void null_own(u32 queue);

/** null_reap() - complete everything that is in @queue; returns how many commands */
u32 null_reap(struct null_media *n, u32 queue);

/** null_sleep() - until something is in the inbox of @queue; by its owner */
void null_sleep(struct null_media *n, u32 queue);

/** null_work() - the worker: run @f whenever it asks for it, until null_stop() */
void null_work(struct null_media *n, struct ftl *f);
void null_stop(struct null_media *n);

#endif /* TESTS_NULL_MEDIA_H */
