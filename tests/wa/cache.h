/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs that are over are kept in files, so that an interrupted table goes on.
 *
 * Owns: the names of these files and what is in them. Does not know: what a run is
 * but its job and its result. A file is good for the very program that wrote it.
 */
#ifndef TESTS_WA_CACHE_H
#define TESTS_WA_CACHE_H

#include "wa.h"

/**
 * cache_open() - keep results in a directory
 * @dir: made if it is missing; results of other programs in it are deleted
 *
 * Return: 0 or -errno, with a line on stderr.
 */
int cache_open(const char *dir);

/** cache_load() - the result of an earlier run of the same job; false: there is none */
bool cache_load(const struct wa_job *job, struct wa_result *r);

/** cache_store() - remember a result; one with an error, or of a trace, is not kept */
void cache_store(const struct wa_job *job, const struct wa_result *r);

#endif /* TESTS_WA_CACHE_H */
