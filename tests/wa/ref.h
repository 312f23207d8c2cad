/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reference policies over a model of a log-structured store, to compare with.
 *
 * Not the driver: segments and pages in arrays, no metadata, no medium, floating
 * point. What the core reaches beside a policy's own model is what its
 * implementation costs; what policies reach beside each other is what they are
 * worth.
 *
 *   greedy  one frontier, fewest valid pages first
 *   SepBIT  Wang et al., FAST'22: by the lifespan of what a write replaces,
 *	     and by age when collected; cost-benefit victims
 *   oracle  by the true rate of each unit, in groups of factors of two;
 *	     cost-benefit victims
 *   ladder  the interval ladder, its state in floating point
 */
#ifndef TESTS_WA_REF_H
#define TESTS_WA_REF_H

#include "wa.h"

/** ref_run() - one workload through the model of job->policy; it has no parity */
void ref_run(const struct wa_job *job, struct wa_result *r);

/**
 * ref_theory() - write amplification of greedy collection under uniform writes
 * @pages: units collected as one
 * @op: physical / logical - 1
 *
 * A = b / (b - j - 1 + q) with A rho (q / (j + 1) + sum of 1/i over i = j + 2 .. b)
 * = 1, rho = 1 / (1 + op): victims have j or j + 1 valid units, a share q has j.
 */
double ref_theory(u32 pages, double op);

#endif /* TESTS_WA_REF_H */
