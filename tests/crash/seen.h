/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The states that have been looked at, shared by all worker processes.
 *
 * Owns: a set of 64-bit keys in memory that survives fork().
 *
 * Does not know: what the keys stand for.
 */
#ifndef TESTS_CRASH_SEEN_H
#define TESTS_CRASH_SEEN_H

#include <fio/types.h>

struct seen_set;

/**
 * seen_new() - an empty set, before the workers are forked
 * @keys: how many it must hold; more are not remembered
 * Return: the set; ends the program when there is no memory.
 */
struct seen_set *seen_new(u64 keys);
/** seen_open() - likewise, kept in a file; @keys is the same each time */
struct seen_set *seen_open(const char *path, u64 keys);
void seen_free(struct seen_set *s);

/**
 * seen_add() - add a key
 *
 * Context: any process; lock-free.
 * Return: false when the key was there. True when it is new, or when the set is
 * full: then the same key is new again.
 */
bool seen_add(struct seen_set *s, u64 key);

/** seen_full() - keys that were new and could not be kept */
u64 seen_full(const struct seen_set *s);

#endif /* TESTS_CRASH_SEEN_H */
