/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What fio-wa found, for people and for programs.
 *
 * Owns: rows (a workload at one over-provisioning, all policies, all seeds),
 * what each is measured against, the table, JSON and plots. Does not know: how
 * the figures came about.
 */
#ifndef TESTS_WA_REPORT_H
#define TESTS_WA_REPORT_H

#include "wa.h"

#define WA_MAX_SEEDS	16

/**
 * struct wa_row - a line of the table
 * @result: by policy and seed; @ran: how many seeds ran
 * @wa: means over seeds, 0 where a policy did not run
 * @spread: of the driver over its seeds: (highest - lowest) / mean
 * @theory: 0: none is known
 * @limit: a target of its own for this row, or 0
 */
struct wa_row {
	const char *name, *about;
	enum load_class class;
	double op;
	u32 lbas, unit_pages, passes;
	bool parity;
	struct wa_result *result[WA_POLICIES][WA_MAX_SEEDS];
	u32 ran[WA_POLICIES];
	double wa[WA_POLICIES];
	double spread, theory, limit;
};

extern const char *const wa_policy_names[WA_POLICIES];

/** report_row() - means, spread and theory from the results */
void report_row(struct wa_row *row);

/**
 * report_target() - highest write amplification that counts as reached, 0: no target
 *
 * Without parity and metadata, which the others do not have: see report_data().
 */
double report_target(const struct wa_row *row);

/**
 * report_data() - the part of the driver's write amplification that is judged
 *
 * Without parity and metadata; of sequential writes metadata is all there is to judge.
 */
double report_data(const struct wa_row *row);

void report_head(void);
void report_line(const struct wa_row *row);

/** report_misses() - which rows missed their target, and by how much; returns how many */
u32 report_misses(const struct wa_row *row, u32 rows);

/**
 * report_check() - is the core's write amplification what it must be at least
 *
 * Uniform: from 3 % below to 15 % above theory (small devices have small spare,
 * of which reserves take a large share). Sequential: at most 2 % of metadata.
 * Anything else: better than greedy collection with one frontier.
 *
 * Return: how many rows are not, each with a line.
 */
u32 report_check(const struct wa_row *row, u32 rows);

/** report_json(), report_plots() - Return: 0 or -errno, with a message */
int report_json(const struct wa_row *row, u32 rows, const char *path);
int report_plots(const struct wa_row *row, u32 rows, const char *dir);

#endif /* TESTS_WA_REPORT_H */
