// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach and detach.
 *
 * Owns: the order in which an instance comes up and goes down. Does not know:
 * how a map is recovered (recover.c) or loaded (checkpoint.c).
 */
#include "ftl_priv.h"

struct attach {
	struct ftl *f;
	u32 flags;
};

static size_t wp_bytes(const struct ftl *f)
{
	return (size_t)f->geo.aus * f->geo.dies * sizeof(u32);
}

static int step_report(struct attach *a)
{
	struct ftl *f = a->f;

	f->au_wp = ftl_alloc(f, wp_bytes(f), FTL_MEM_SCAN);
	f->au_erases = ftl_alloc(f, wp_bytes(f), FTL_MEM_SCAN);
	return f->au_wp && f->au_erases ? ftl_report_aus(f) : -ENOMEM;
}

static int step_super(struct attach *a)
{
	struct ftl *f = a->f;
	int err = ftl_super_find(f);

	if (err == -ENOMEDIUM)
		ftl_say(f, FTL_ERR, "no superblock found: the medium is not formatted");
	if (!err)
		err = ftl_super_check(f);
	if (!err && f->super->features.ro_compat) {
		ftl_set_read_only(f, "the format has features that only a newer driver can write");
		f->inspect = true;	/* not even a superblock: what it says may mean more */
	}
	return err;
}

static int step_tables(struct attach *a)
{
	struct ftl *f = a->f;
	u32 s;

	ftl_super_claim(f);
	for (s = 0; s < f->geo.aus; s++)
		ftl_stripe_init(f, s);
	ftl_set_rungs(f);
	ftl_place_init(f);
	return ftl_group_init(f) ? -ENOMEM : ftl_map_alloc_tables(f);
}

/* Version 1 has to have all of the map to write all of it. */
static bool may_be_late(const struct attach *a)
{
	return !(a->flags & FTL_ATTACH_PREALLOCATE) && le32_to_cpu(a->f->super->version) > 1 &&
	       ftl_may_be_late(a->f);
}

static int recover(struct attach *a)
{
	if (a->flags & FTL_ATTACH_CLEAN_ONLY) {
		ftl_say(a->f, FTL_ERR, "not detached cleanly, and recovery was not asked for");
		return -EUCLEAN;
	}
	ftl_map_reset(a->f);
	/* Who looks only, or asks for it, wants the flash itself to speak. */
	return ftl_recover(a->f, a->flags & (FTL_ATTACH_RESCAN | FTL_ATTACH_READ_ONLY),
			   may_be_late(a));
}

/* Version 1 knew no span: no root may count on its snapshots. */
static void mark_all(struct ftl *f)
{
	u32 leaf;

	for (leaf = 0; leaf < f->nleaves; leaf++)
		if (f->leaf[leaf])
			ftl_map_mark(f, leaf, FTL_LEAF_DIRTY);
}

static int step_map(struct attach *a)
{
	struct ftl *f = a->f;
	bool clean = le32_to_cpu(f->super->state) == FIO_SUPER_CLEAN;
	int err;

	if (!clean || a->flags & FTL_ATTACH_RESCAN)
		return recover(a);
	err = ftl_load_checkpoint(f, may_be_late(a));
	if (err == -EUCLEAN) {
		ftl_say(f, FTL_WARN, "the checkpoint of the last detach is damaged: scanning instead");
		f->meta_lost = true;
		return recover(a);
	}
	f->rec.clean = !err;
	if (!err && le32_to_cpu(f->super->version) == 1)
		mark_all(f);
	if (!err)
		ftl_group_attach(f, le64_to_cpu(f->super->group_seq));
	return err;
}

static bool all_erased(const struct ftl *f, u32 s)
{
	u32 d;

	for (d = 0; d < f->geo.dies; d++) {
		u8 au = f->au[ftl_au_index(f, s, d)];

		if (!(au & (FTL_AU_BAD | FTL_AU_SYSTEM | FTL_AU_ERASED)))
			return false;
	}
	return true;
}

/* After recovery the stripes have been sorted already, those in use excepted. */
static int step_stripes(struct attach *a)
{
	struct ftl *f = a->f;
	unsigned long flags;
	u32 s;

	for (s = 0; s < f->geo.aus; s++) {
		struct ftl_stripe *st = &f->stripe[s];

		if (st->state != FTL_S_CLOSED || st->valid || st->flags & FTL_SF_UNCOUNTED)
			continue;
		if (f->late && !all_erased(f, s)) {
			st->flags |= FTL_SF_UNCOUNTED;
			continue;
		}
		flags = ftl_lock(&f->lock);
		ftl_stripe_set_free(f, s, all_erased(f, s) ? FTL_S_READY : FTL_S_FREE);
		ftl_unlock(&f->lock, flags);
	}
	ftl_check_spare(f);
	ftl_roll_init(f);
	ftl_wear_init(f);
	ftl_scrub_init(f);
	return 0;
}

/* Open append units get nothing more: do not let them count as open. */
static int step_finish(struct attach *a)
{
	struct ftl *f = a->f;
	u32 s, d;

	for (s = 0; s < f->geo.aus && !f->inspect; s++) {
		for (d = 0; d < f->geo.dies; d++)
			if (f->au[ftl_au_index(f, s, d)] & FTL_AU_OPENED &&
			    f->stripe[s].state != FTL_S_OPEN)
				break;
		if (d < f->geo.dies)
			ftl_au_list_op(f, s, MEDIA_FINISH, FTL_AU_OPENED, FTL_AU_SUSPECT);
	}
	return ftl_load(&f->gone) ? -ENODEV : 0;
}

static int step_parity(struct attach *a)
{
	return ftl_parity_attach(a->f);
}

static int step_journal(struct attach *a)
{
	struct ftl *f = a->f;

	if (f->journal)
		return 0;
	f->journal_cap = f->journal_max + 8;
	f->journal = ftl_alloc(f, f->journal_cap * sizeof(u32), FTL_MEM_CORE);
	return f->journal ? 0 : -ENOMEM;
}

static int step_preallocate(struct attach *a)
{
	struct ftl *f = a->f;
	u32 leaf;
	int err = 0;

	for (leaf = 0; !err && leaf < f->nleaves && a->flags & FTL_ATTACH_PREALLOCATE; leaf++)
		err = ftl_map_add_leaf(f, leaf);
	if (err)
		ftl_say(f, FTL_ERR, "not enough memory to preallocate the map: %llu MiB are needed in all; free memory, or attach without",
			(unsigned long long)f->nleaves * sizeof(u32) * FIO_MAP_FANOUT >> 20);
	f->st.preallocated = !err && a->flags & FTL_ATTACH_PREALLOCATE;
	return err;
}

/* From here on a cut needs recovery. Nothing is written before this is durable. */
static int step_dirty(struct attach *a)
{
	struct ftl *f = a->f;
	int err;

	if (f->inspect)
		return 0;
	f->super->attach_count = cpu_to_le64(le64_to_cpu(f->super->attach_count) + 1);
	err = ftl_super_begin(f);
	return err ? err : ftl_super_write(f, FIO_SUPER_DIRTY);
}

static const struct step {
	const char *name;
	int (*action)(struct attach *a);
	size_t ns;	/* offset of its time in struct ftl_recovery */
} steps[] = {
	{ "ask for append units", step_report, offsetof(struct ftl_recovery, ns_super) },
	{ "find the superblock", step_super, offsetof(struct ftl_recovery, ns_super) },
	{ "allocate tables", step_tables, offsetof(struct ftl_recovery, ns_super) },
	{ "finish open append units", step_finish, offsetof(struct ftl_recovery, ns_super) },
	{ "load the map", step_map, offsetof(struct ftl_recovery, ns_map) },
	{ "sort stripes", step_stripes, offsetof(struct ftl_recovery, ns_map) },
	{ "look for parity", step_parity, offsetof(struct ftl_recovery, ns_map) },
	{ "prepare the journal", step_journal, offsetof(struct ftl_recovery, ns_map) },
	{ "preallocate memory", step_preallocate, offsetof(struct ftl_recovery, ns_map) },
	{ "mark as attached", step_dirty, offsetof(struct ftl_recovery, ns_super) },
};

static int run_steps(struct attach *a)
{
	struct ftl *f = a->f;
	u64 start = f->env.now_ns(f->env.ctx), now = start, last;
	u32 i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(steps); i++) {
		last = now;
		err = steps[i].action(a);
		now = f->env.now_ns(f->env.ctx);
		*(u64 *)((char *)&f->rec + steps[i].ns) += now - last;
		if (err)
			ftl_say(f, FTL_ERR, "attach failed: could not %s (%d)", steps[i].name, err);
	}
	f->rec.ns_total = now - start;
	if (f->rec.ns_map > f->rec.ns_scan + f->rec.ns_refresh)
		f->rec.ns_map -= f->rec.ns_scan + f->rec.ns_refresh;
	ftl_free(f, f->au_wp, wp_bytes(f), FTL_MEM_SCAN);
	ftl_free(f, f->au_erases, wp_bytes(f), FTL_MEM_SCAN);
	f->au_wp = NULL;
	f->au_erases = NULL;
	return err;
}

/* Said nowhere in the log: it is what the caller asked for, and no fault. */
static void look_only(struct ftl *f)
{
	f->inspect = true;
	f->read_only_reason = "attached read-only";
	f->read_only = true;
}

int ftl_attach(struct media *m, const struct ftl_env *env, u32 flags, struct ftl **out)
{
	struct attach a = { .flags = flags };
	int err = ftl_check_geometry(&m->geo, env);

	*out = NULL;
	if (err)
		return err;
	a.f = ftl_create(m, env);
	if (!a.f)
		return -ENOMEM;
	if (flags & FTL_ATTACH_READ_ONLY)
		look_only(a.f);
	err = run_steps(&a);
	if (err) {
		ftl_parity_rest(a.f);
		ftl_destroy(a.f);
		return err;
	}
	env->progress(env->ctx, 100);
	ftl_kick(a.f);
	*out = a.f;
	return 0;
}

static int shut_down(struct ftl *f)
{
	int err;

	if (ftl_load(&f->gone))
		return -ENODEV;
	if (f->inspect)
		return 0;
	ftl_run(f);
	if (f->read_only)
		return -EROFS;
	err = ftl_checkpoint(f);
	if (!err && ftl_has_parity(f)) {
		ftl_leave_stripes(f);
		err = min(ftl_seal_all(f), 0);
	}
	if (!err)
		err = ftl_group_detach(f);
	return err ? err : ftl_super_write(f, FIO_SUPER_CLEAN);
}

/**
 * ftl_detach() - checkpoint, mark clean, free
 * @f: the instance, all requests complete
 *
 * Context: worker; sleeps.
 * Return: 0, or the error that kept it from being clean.
 */
int ftl_detach(struct ftl *f)
{
	int err = shut_down(f);

	if (err)
		ftl_say(f, FTL_WARN, "detached, but not clean (%d): the next attach has to scan",
			err);
	ftl_parity_rest(f);
	ftl_destroy(f);
	return err;
}
