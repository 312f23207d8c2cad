/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recorded block traces: the writes of CSV files, as units of 4 KiB.
 *
 * Owns: the two formats, errors by line number, the packing of a sparse address
 * space. Does not know: what is done with them.
 *
 *   msr      MSR Cambridge: timestamp,host,disk,Read|Write,offset,bytes,latency
 *   alibaba  Alibaba block: device,R|W,offset,bytes,timestamp
 *
 * Units that are never written do not exist: the others keep their order, so
 * that neighbours stay neighbours, and are numbered without gaps.
 */
#ifndef TESTS_WA_TRACE_H
#define TESTS_WA_TRACE_H

#include <stdio.h>

#include <fio/types.h>

#define TRACE_MAX_UNITS	64	/* longer writes are several requests */

enum trace_format { TRACE_MSR, TRACE_ALIBABA };

struct trace_req {
	u32 unit, count;
};

/**
 * struct trace - writes in order
 * @req, @count: requests
 * @units: units written in all, @lbas: different ones
 * @reads: lines that were reads, @bad: lines that could not be understood
 */
struct trace {
	struct trace_req *req;
	u64 count, units;
	u32 lbas;
	u64 lines, reads, bad;
};

/**
 * trace_load() - read a trace
 * @in: the file, @name: what to call it in messages
 * @format: of its lines
 * @t: receives the writes
 * @err: where each bad line is reported, with its number (the first 20), or NULL
 *
 * Return: 0; -EINVAL: not a single write in it, or more bad lines than good ones.
 */
int trace_load(FILE *in, const char *name, enum trace_format format, struct trace *t, FILE *err);
void trace_free(struct trace *t);

#endif /* TESTS_WA_TRACE_H */
