/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A formatted medium with the core attached, for the core's unit tests.
 *
 * Does not know: what is tested.
 */
#ifndef TESTS_RIG_FTL_H
#define TESTS_RIG_FTL_H

#include "sim_env.h"

struct rig {
	struct sim_config cfg;
	struct sim_env env;
	struct sim *sim;
	struct ftl *f;
	struct ftl_info info;
};

/* A small medium: 4 dies x 16 append units x 8 pages. */
struct sim_config rig_small(void);

/* Format and attach; fails the test otherwise. @units 0: as many as possible. */
void rig_start(struct rig *r, const struct sim_config *cfg, u32 lba_bytes, u64 units,
	       u64 seq_base);
/* Only the medium and the environment. */
void rig_power(struct rig *r, const struct sim_config *cfg);
int rig_format(struct rig *r, u32 lba_bytes, u64 units, u64 seq_base);
int rig_attach(struct rig *r, u32 flags);
void rig_detach(struct rig *r);
/* Power off at once: what the seed chooses is torn, then power on and attach. */
void rig_cut(struct rig *r, u64 *seed);
/* Detach, check for leaks and broken rules, power off. */
void rig_stop(struct rig *r);
void rig_check(struct rig *r, bool deep);

/* One request, to its end. */
int rig_io(struct rig *r, enum ftl_op op, u64 lba, u32 count, void *data);
u64 rig_random(u64 *seed);

#endif /* TESTS_RIG_FTL_H */
