// SPDX-License-Identifier: GPL-2.0-only
/*
 * The invariants, verified on a quiet instance.
 *
 * Owns: one function per invariant of docs/spec/media.md. Does not know: how
 * they came to hold, or not.
 */
#include "ftl_priv.h"

struct check {
	u8 *used;	/* bit per unit */
	u32 *valid;	/* by stripe */
};

#define violated(f, ...) ({ ftl_say(f, FTL_ERR, "check: " __VA_ARGS__); -EUCLEAN; })

/* I2, I4: a unit that something refers to: in range, once, in a stripe with content. */
static int check_unit(struct ftl *f, struct check *c, u32 unit, const char *what, u64 nr)
{
	u32 s = unit / f->stripe_units;
	u8 state;

	if (unit >= f->total_units)
		return violated(f, "%s %llu is at unit %u, outside the medium", what,
				(unsigned long long)nr, unit);
	state = f->stripe[s].state;
	if (state != FTL_S_OPEN && state != FTL_S_CLOSED)
		return violated(f, "I4: %s %llu is at unit %u, its stripe %u is in state %u", what,
				(unsigned long long)nr, unit, s, state);
	if (f->au[ftl_unit_au(f, unit)] & FTL_AU_SYSTEM)
		return violated(f, "%s %llu is at unit %u, in a system append unit", what,
				(unsigned long long)nr, unit);
	if (c->used[unit >> 3] >> (unit & 7) & 1)
		return violated(f, "I2: unit %u is referred to twice, by %s %llu last", unit, what,
				(unsigned long long)nr);
	c->used[unit >> 3] |= 1 << (unit & 7);
	c->valid[s]++;
	return 0;
}

static int check_map(struct ftl *f, struct check *c)
{
	u64 lu, mapped = 0;
	u32 unit;
	int err = 0;

	for (lu = 0; !err && lu < f->user_units; lu++) {
		unit = ftl_lookup(f, lu);
		if (unit == FIO_UNIT_NONE)
			continue;
		mapped++;
		err = check_unit(f, c, unit, "logical unit", lu);
	}
	if (!err && mapped != f->st.units_mapped)
		err = violated(f, "%llu units are mapped, the count says %llu",
			       (unsigned long long)mapped,
			       (unsigned long long)f->st.units_mapped);
	return err;
}

static int check_meta(struct ftl *f, struct check *c)
{
	u32 i;
	int err = 0;

	for (i = 0; !err && i < f->nleaves; i++)
		if (f->leaf_unit[i] != FIO_UNIT_NONE)
			err = check_unit(f, c, f->leaf_unit[i], "snapshot of leaf", i);
	for (i = 0; !err && i < f->journal_count; i++)
		err = check_unit(f, c, f->journal[i], "journal page", i);
	return err;
}

static u32 good_units(const struct ftl *f, u32 s)
{
	u32 d, n = 0;

	for (d = 0; d < f->geo.dies; d++)
		if (!(f->au[ftl_au_index(f, s, d)] & (FTL_AU_BAD | FTL_AU_SYSTEM)))
			n += f->geo.pages;
	return n;
}

/* I3: valid counts; I10: sizes, and free units add up. */
static int check_stripes(struct ftl *f, struct check *c)
{
	u64 free_units = 0, usable = 0;
	u32 s;

	for (s = 0; s < f->geo.aus; s++) {
		const struct ftl_stripe *st = &f->stripe[s];

		if (st->valid != c->valid[s])
			return violated(f, "I3: stripe %u has %u valid units, its count says %u", s,
					c->valid[s], st->valid);
		if (st->size != good_units(f, s))
			return violated(f, "I10: stripe %u has %u usable units, its size says %u",
					s, good_units(f, s), st->size);
		if (st->state == FTL_S_FREE || st->state == FTL_S_READY)
			free_units += st->size;
		usable += st->size;
	}
	if (free_units != f->free_units || usable != f->usable_units)
		return violated(f, "I10: %llu units are free of %llu, the counts say %llu of %llu",
				(unsigned long long)free_units, (unsigned long long)usable,
				(unsigned long long)f->free_units,
				(unsigned long long)f->usable_units);
	return 0;
}

/* I1 as far as one page can tell: the tag of the place names the unit. */
static int check_tags(struct ftl *f)
{
	struct media_cmd *cmd;
	u64 lu;
	u32 unit;
	int err = 0;

	for (lu = 0; !err && lu < f->user_units; lu++) {
		unit = ftl_lookup(f, lu);
		if (unit == FIO_UNIT_NONE)
			continue;
		cmd = ftl_exec_get(f);
		if (!cmd)
			return -ENODEV;
		err = ftl_exec_read(f, unit, true);
		if (err)
			err = violated(f, "I1: logical unit %llu at unit %u cannot be read (%d)",
				       (unsigned long long)lu, unit, err);
		else if (cmd->tag[0].type != FIO_TAG_DATA || le64_to_cpu(cmd->tag[0].lba) != lu)
			err = violated(f, "I1: logical unit %llu is at unit %u, whose tag says %llu",
				       (unsigned long long)lu, unit,
				       (unsigned long long)le64_to_cpu(cmd->tag[0].lba));
		ftl_exec_put(f);
	}
	return err;
}

int ftl_check(struct ftl *f, bool deep)
{
	size_t bits = f->total_units / 8 + 1, words = f->geo.aus * sizeof(u32);
	struct check c = {
		.used = ftl_alloc(f, bits, FTL_MEM_SCAN),
		.valid = ftl_alloc(f, words, FTL_MEM_SCAN),
	};
	int err = c.used && c.valid ? 0 : -ENOMEM;

	if (!err)
		err = check_map(f, &c);
	if (!err)
		err = check_meta(f, &c);
	if (!err)
		err = check_stripes(f, &c);
	if (!err && deep)
		err = check_tags(f);
	ftl_free(f, c.used, bits, FTL_MEM_SCAN);
	ftl_free(f, c.valid, words, FTL_MEM_SCAN);
	return err;
}
