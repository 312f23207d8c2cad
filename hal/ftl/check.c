// SPDX-License-Identifier: GPL-2.0-only
/*
 * The invariants, verified on a quiet instance.
 *
 * Owns: looking at each invariant of docs/spec/media.md that a state at rest can
 * show, and saying of each whether it holds. Does not know: how they came to hold,
 * or not. I5, I6, I8 and I12 are about what happens, not about what is: the crash
 * runner has those.
 *
 * One pass over the map finds what several invariants forbid, so violations are
 * counted by invariant, and the first of each is logged.
 */
#include "ftl_priv.h"

enum invariant { RANGE, I1, I2, I3, I4, I9, I10, I11, INVARIANTS };

static const struct {
	const char *id;
	const char *what;
	bool deep;	/* can only be seen with the medium's help */
} invariants[INVARIANTS] = {
	[RANGE] = { "I0", "every unit that is named is on the medium and not a system's" },
	[I1] = { "I1", "every page that the map names can be read and names its logical unit",
		 true },
	[I2] = { "I2", "no unit is named twice" },
	[I3] = { "I3", "the valid count of a stripe is the number of its units that are named" },
	[I4] = { "I4", "a free stripe holds nothing that is named" },
	[I9] = { "I9", "a page of a closed stripe with parity is what the rest of its row says",
		 true },
	[I10] = { "I10", "usable = free + open + closed; bad and system units are counted out" },
	[I11] = { "I11", "the next sequence number is after every one in use" },
};

struct check {
	u8 *used;	/* bit per unit */
	u32 *valid;	/* by stripe */
	u64 examined[INVARIANTS];
	u64 bad[INVARIANTS];
};

#define violated(f, c, inv, fmt, ...) do {					\
	if (!(c)->bad[inv]++)							\
		ftl_say(f, FTL_ERR, "check: %s: " fmt, invariants[inv].id, __VA_ARGS__); \
} while (0)

/* A unit that something refers to: in range, once, in a stripe with content. */
static void check_unit(struct ftl *f, struct check *c, u32 unit, const char *what, u64 nr)
{
	u32 s = unit / f->stripe_units;
	u8 state;

	c->examined[RANGE]++;
	if (unit >= f->total_units || f->au[ftl_unit_au(f, unit)] & FTL_AU_SYSTEM) {
		violated(f, c, RANGE, "%s %llu is at unit %u", what, (unsigned long long)nr, unit);
		return;
	}
	state = f->stripe[s].state;
	c->examined[I4]++;
	if (state != FTL_S_OPEN && state != FTL_S_CLOSED)
		violated(f, c, I4, "%s %llu is at unit %u, its stripe %u is in state %u", what,
			 (unsigned long long)nr, unit, s, state);
	c->examined[I2]++;
	if (c->used[unit >> 3] >> (unit & 7) & 1)
		violated(f, c, I2, "unit %u is referred to twice, by %s %llu last", unit, what,
			 (unsigned long long)nr);
	c->used[unit >> 3] |= 1 << (unit & 7);
	c->valid[s]++;
}

static void check_map(struct ftl *f, struct check *c)
{
	u64 lu, mapped = 0;
	u32 unit;

	for (lu = 0; lu < f->user_units; lu++) {
		unit = ftl_lookup(f, lu);
		if (unit == FIO_UNIT_NONE)
			continue;
		mapped++;
		check_unit(f, c, unit, "logical unit", lu);
	}
	if (mapped != f->st.units_mapped)
		violated(f, c, I3, "%llu units are mapped, the count says %llu",
			 (unsigned long long)mapped, (unsigned long long)f->st.units_mapped);
}

static void check_meta(struct ftl *f, struct check *c)
{
	u32 i;

	for (i = 0; i < f->nleaves; i++)
		if (f->leaf_unit[i] != FIO_UNIT_NONE)
			check_unit(f, c, f->leaf_unit[i], "snapshot of leaf", i);
	for (i = 0; i < f->journal_count; i++)
		check_unit(f, c, f->journal[i], "journal page", i);
	for (i = 0; i < f->root_count; i++)
		check_unit(f, c, f->root[i], "root page", i);
	if (f->group.page != FIO_UNIT_NONE)
		check_unit(f, c, f->group.page, "list of atomic writes", 0);
}

/* Counted in another way than ftl_stripe_size() does. */
static u32 good_units(const struct ftl *f, u32 s)
{
	u32 d, n = 0;

	for (d = 0; d < f->geo.dies; d++)
		if (!(f->au[ftl_au_index(f, s, d)] & (FTL_AU_BAD | FTL_AU_SYSTEM)))
			n += f->geo.pages;
	return ftl_has_parity(f) && n ? n - f->geo.pages : n;
}

static void check_stripe(struct ftl *f, struct check *c, u32 s)
{
	const struct ftl_stripe *st = &f->stripe[s];

	if (st->valid != c->valid[s])
		violated(f, c, I3, "stripe %u has %u valid units, its count says %u", s,
			 c->valid[s], st->valid);
	if (st->size != good_units(f, s))
		violated(f, c, I10, "stripe %u has %u usable units, its size says %u", s,
			 good_units(f, s), st->size);
	if ((st->state == FTL_S_OPEN || st->state == FTL_S_CLOSED) && st->seq &&
	    !ftl_seq_after(f->seq, st->seq))
		violated(f, c, I11, "stripe %u was opened at %llx, the next number is %llx", s,
			 (unsigned long long)st->seq, (unsigned long long)f->seq);
	c->examined[I3]++;
	c->examined[I10]++;
	c->examined[I11]++;
}

static void check_stripes(struct ftl *f, struct check *c)
{
	u64 free_units = 0, usable = 0;
	u32 s;

	for (s = 0; s < f->geo.aus; s++) {
		const struct ftl_stripe *st = &f->stripe[s];

		check_stripe(f, c, s);
		if (st->state == FTL_S_FREE || st->state == FTL_S_READY)
			free_units += st->size;
		usable += st->size;
	}
	if (free_units != f->free_units || usable != f->usable_units)
		violated(f, c, I10, "%llu units are free of %llu, the counts say %llu of %llu",
			 (unsigned long long)free_units, (unsigned long long)usable,
			 (unsigned long long)f->free_units, (unsigned long long)f->usable_units);
}

/* I1 as far as one page can tell: the tag of the place names the unit. */
static int check_tag(struct ftl *f, struct check *c, u64 lu, u32 unit)
{
	struct media_cmd *cmd = ftl_exec_get(f);
	const struct fio_tag *tag;
	int err;

	if (!cmd)
		return -ENODEV;
	tag = &cmd->tag[0];
	err = ftl_fetch(f, unit);
	c->examined[I1]++;
	if (err)
		violated(f, c, I1, "logical unit %llu at unit %u cannot be read (%d)",
			 (unsigned long long)lu, unit, err);
	else if (tag->type != FIO_TAG_DATA || le64_to_cpu(tag->lba) != lu)
		violated(f, c, I1, "logical unit %llu is at unit %u, whose tag says %llu",
			 (unsigned long long)lu, unit, (unsigned long long)le64_to_cpu(tag->lba));
	else if (!ftl_seq_after(f->seq, le64_to_cpu(tag->seq)))
		violated(f, c, I11, "logical unit %llu was written at %llx, the next number is %llx",
			 (unsigned long long)lu, (unsigned long long)le64_to_cpu(tag->seq),
			 (unsigned long long)f->seq);
	ftl_exec_put(f);
	return err == -ENODEV ? err : 0;
}

static int check_tags(struct ftl *f, struct check *c)
{
	u64 lu;
	u32 unit;
	int err = 0;

	for (lu = 0; !err && lu < f->user_units; lu++) {
		unit = ftl_lookup(f, lu);
		if (unit != FIO_UNIT_NONE && unit < f->total_units)
			err = check_tag(f, c, lu, unit);
	}
	return err;
}

/* Left on a die that was missing while its stripe got another life: it is in no sum. */
static bool is_stale(const struct ftl *f, const struct fio_tag *tag, u32 unit)
{
	return le64_to_cpu(tag->stripe_seq) != f->stripe[ftl_unit_stripe(f, unit)].seq;
}

/* One page: as read, and as computed. */
static int check_computed(struct ftl *f, struct check *c, u32 unit)
{
	struct fio_tag tag;
	int err, ret;

	if (!ftl_exec_get(f))
		return -ENODEV;
	err = ftl_exec_read(f, unit, true);
	ret = err == -ENODEV ? err : ftl_rebuild(f, unit, &tag);
	if (ret != -ENODEV)
		c->examined[I9]++;
	if (!err && f->xslot.cmd->tag[0].type == FIO_TAG_PARITY)
		err = -ENOENT;	/* where it was written when a die was missing */
	if (!err && !ret && (memcmp(f->sum, f->xslot.buf.va, FIO_MEDIA_UNIT) ||
			     memcmp(&tag, &f->xslot.cmd->tag[0], sizeof(tag))))
		violated(f, c, I9, "unit %u is not what the rest of its row says", unit);
	else if (!err && ret && !(ret == -ENOENT && is_stale(f, &f->xslot.cmd->tag[0], unit)))
		violated(f, c, I9, "unit %u cannot be computed from its row (%d)", unit, ret);
	ftl_exec_put(f);
	return ret == -ENODEV ? ret : 0;
}

/* A page of each row, on another die each time; what is to be moved need not hold. */
static int check_parity(struct ftl *f, struct check *c)
{
	u32 s, row, die;
	int err = 0;

	for (s = 0; !err && ftl_has_parity(f) && s < f->geo.aus; s++) {
		const struct ftl_stripe *st = &f->stripe[s];

		if (st->state != FTL_S_CLOSED || st->flags & (FTL_SF_EVACUATE | FTL_SF_SUMS))
			continue;
		for (row = 0; !err && row < f->geo.pages; row++) {
			die = (s + row) % f->geo.dies;
			if (die != ftl_parity_die(f, s) &&
			    !(f->au[ftl_au_index(f, s, die)] & (FTL_AU_BAD | FTL_AU_SYSTEM)))
				err = check_computed(f, c, ftl_au_index(f, s, die) *
						     f->geo.pages + row);
		}
	}
	return err;
}

static int tell(const struct check *c, bool deep, ftl_check_report report, void *ctx)
{
	struct ftl_check_result r;
	int i, err = 0;

	for (i = 0; i < INVARIANTS; i++) {
		if (invariants[i].deep && !deep)
			continue;
		r.id = invariants[i].id;
		r.what = invariants[i].what;
		r.examined = c->examined[i];
		r.violations = c->bad[i];
		if (report)
			report(ctx, &r);
		if (r.violations)
			err = -EUCLEAN;
	}
	return err;
}

/**
 * ftl_check_each() - verify the invariants and tell about each
 * @f: the instance, quiet
 * @deep: also read every mapped page from the medium
 * @report: called once per invariant; may be NULL
 * @ctx: for @report
 *
 * Context: worker; sleeps.
 * Return: 0; -EUCLEAN: at least one does not hold, the first violation of each was
 * logged; -ENOMEM; -ENODEV.
 */
int ftl_check_each(struct ftl *f, bool deep, ftl_check_report report, void *ctx)
{
	size_t bits = f->total_units / 8 + 1, words = f->geo.aus * sizeof(u32);
	struct check *c = ftl_alloc(f, sizeof(*c), FTL_MEM_SCAN);
	int err = -ENOMEM;

	if (!c)
		return err;
	ftl_late_finish(f);
	c->used = ftl_alloc(f, bits, FTL_MEM_SCAN);
	c->valid = ftl_alloc(f, words, FTL_MEM_SCAN);
	if (c->used && c->valid) {
		check_map(f, c);
		check_meta(f, c);
		check_stripes(f, c);
		err = deep ? check_tags(f, c) : 0;
		if (!err && deep)
			err = check_parity(f, c);
	}
	if (!err)
		err = tell(c, deep, report, ctx);
	ftl_free(f, c->used, bits, FTL_MEM_SCAN);
	ftl_free(f, c->valid, words, FTL_MEM_SCAN);
	ftl_free(f, c, sizeof(*c), FTL_MEM_SCAN);
	return err;
}

int ftl_check(struct ftl *f, bool deep)
{
	return ftl_check_each(f, deep, NULL, NULL);
}
