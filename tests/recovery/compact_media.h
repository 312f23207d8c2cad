/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A medium of terabytes in gigabytes: page tags of data in 8 bytes, no data at all,
 * metadata pages in full.
 *
 * What is kept of a data page is what tells it from another of its append unit: the
 * logical unit and the sequence number. The rest of its tag is the append unit's.
 * A page with anything more in its tag (an atomic group, a flag) is kept in full, as
 * are pages of all other types, known or not, but parity: of that the tag is kept, and
 * nobody must want to compute a page from it. Data reads as zeroes, with a CRC that is
 * right.
 *
 * Counts what a card would transfer: 64 bytes for a tag, 4160 for a page.
 * Completions wait for compact_pump(). One thread.
 */
#ifndef TESTS_COMPACT_MEDIA_H
#define TESTS_COMPACT_MEDIA_H

#include "hal/ftl/ftl.h"

struct compact;

/** compact_create() - an erased medium; NULL: not enough memory */
struct compact *compact_create(u32 dies, u32 aus, u32 pages);
void compact_destroy(struct compact *c);
struct media *compact_media(struct compact *c);
struct ftl_env *compact_env(struct compact *c);

/** compact_pump() - complete everything submitted; returns how many commands */
u32 compact_pump(struct compact *c);

/** compact_kicked() - did the core ask for ftl_run() since the last call */
bool compact_kicked(struct compact *c);

/** compact_cut() - power is lost and comes back: append units that were open are suspect */
void compact_cut(struct compact *c);

/** compact_bytes_read() - transferred by reads since the medium was made */
u64 compact_bytes_read(const struct compact *c);

/** compact_violation() - the first broken rule of the contract, or NULL */
const char *compact_violation(const struct compact *c);

/** compact_metadata_pages() - pages that are kept in full now */
u64 compact_metadata_pages(const struct compact *c);

#endif /* TESTS_COMPACT_MEDIA_H */
