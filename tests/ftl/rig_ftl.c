// SPDX-License-Identifier: GPL-2.0-only
/*
 * See rig_ftl.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig_ftl.h"

struct sim_config rig_small(void)
{
	return (struct sim_config){
		.dies = 4, .aus = 16, .pages = 8, .max_units = 16, .write_units = 2,
		.queues = 2, .policy = SIM_IMMEDIATE,
	};
}

void rig_power(struct rig *r, const struct sim_config *cfg)
{
	memset(r, 0, sizeof(*r));
	r->cfg = *cfg;
	r->sim = sim_create(cfg);
	sim_env_init(&r->env, r->sim);
}

int rig_format(struct rig *r, u32 lba_bytes, u64 units, u64 seq_base)
{
	struct ftl_format_params p = {
		.lba_bytes = lba_bytes, .user_units = units, .seq_base = seq_base,
		.default_units = ftl_max_user_units(&sim_media(r->sim)->geo, 0),
		.uuid = "0123456789abcde",
	};

	return ftl_format(sim_media(r->sim), &r->env.env, &p);
}

int rig_attach(struct rig *r, u32 flags)
{
	int err = ftl_attach(sim_media(r->sim), &r->env.env, flags, &r->f);

	if (!err) {
		ftl_get_info(r->f, &r->info);
		sim_drive(&r->env, r->f);
	}
	return err;
}

static void must(struct rig *r, int got, int want, const char *what)
{
	if (got == want)
		return;
	sim_env_dump(&r->env);
	fail_msg("%s: %d, expected %d", what, got, want);
}

void rig_start(struct rig *r, const struct sim_config *cfg, u32 lba_bytes, u64 units,
	       u64 seq_base)
{
	rig_power(r, cfg);
	must(r, rig_format(r, lba_bytes, units, seq_base), 0, "format");
	must(r, rig_attach(r, 0), 0, "attach");
}

void rig_check(struct rig *r, bool deep)
{
	must(r, ftl_check(r->f, deep), 0, "check");
	if (sim_violation(r->sim))
		fail_msg("the core broke a rule: %s", sim_violation(r->sim));
}

void rig_detach(struct rig *r)
{
	must(r, ftl_detach(r->f), 0, "detach");
	r->f = NULL;
	assert_int_equal(r->env.allocs, 0);
	assert_int_equal(sim_cmds_busy(r->sim), 0);
}

void rig_stop(struct rig *r)
{
	if (r->f)
		rig_detach(r);
	if (sim_violation(r->sim))
		fail_msg("the core broke a rule: %s", sim_violation(r->sim));
	sim_destroy(r->sim);
}

u64 rig_random(u64 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void choose(const struct sim_image *img, u32 die, u64 *seed, struct sim_choice *c)
{
	u32 n = 0;

	while (sim_image_choice(img, die, n, c))
		n++;
	sim_image_choice(img, die, (u32)(rig_random(seed) % n), c);
}

void rig_cut(struct rig *r, u64 *seed)
{
	struct sim_image *img = sim_snapshot(r->sim), *cut;
	struct sim_choice choice[256];
	u32 die;

	ftl_destroy(r->f);
	sim_destroy(r->sim);
	for (die = 0; die < r->cfg.dies; die++)
		choose(img, die, seed, &choice[die]);
	cut = sim_image_cut(img, choice);
	r->sim = sim_power_on(&r->cfg, cut);
	r->env.sim = r->sim;
	sim_image_free(img);
	sim_image_free(cut);
	must(r, rig_attach(r, 0), 0, "attach after a cut");
}

int rig_io(struct rig *r, enum ftl_op op, u64 lba, u32 count, void *data)
{
	return sim_do(&r->env, r->f, op, 0, lba, count, data);
}
