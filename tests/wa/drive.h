/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's own FTL core over a medium that completes everything at once.
 *
 * Owns: the medium, the geometry that gives a wanted over-provisioning, carrying
 * requests through the core and reading off its counters. Does not know: what
 * the workload is.
 */
#ifndef TESTS_WA_DRIVE_H
#define TESTS_WA_DRIVE_H

#include "wa.h"

/**
 * drive_run() - one workload through the core
 * @job: what to run
 * @r: receives write amplification by parts and over time, or an error text
 */
void drive_run(const struct wa_job *job, struct wa_result *r);

#endif /* TESTS_WA_DRIVE_H */
