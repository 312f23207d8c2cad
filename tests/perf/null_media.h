/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A medium that does nothing, as fast as possible, and the environment to match:
 * what remains of the time of a request is the FTL core's own.
 *
 * Stores no data, only what the core verifies: the logical unit of each page.
 * Completions wait for null_reap(), as interrupts would. One thread.
 */
#ifndef TESTS_NULL_MEDIA_H
#define TESTS_NULL_MEDIA_H

#include "hal/ftl/ftl.h"

struct null_media;

/**
 * null_create() - a medium of that shape, erased
 * @crc: compute the page tag's CRC32C of each unit written, as a card would
 */
struct null_media *null_create(u32 dies, u32 aus, u32 pages, bool crc);
void null_destroy(struct null_media *n);
struct media *null_media(struct null_media *n);
struct ftl_env *null_env(struct null_media *n);

/* What units are written from, with crc. */
void null_set_source(struct null_media *n, const void *data);
void null_set_crc(struct null_media *n, bool crc);

/** null_reap() - complete everything submitted; returns how many commands */
u32 null_reap(struct null_media *n);

/** null_kicked() - did the core ask for ftl_run() since the last call */
bool null_kicked(struct null_media *n);

#endif /* TESTS_NULL_MEDIA_H */
