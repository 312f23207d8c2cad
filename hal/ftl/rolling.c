// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checkpoint that rolls: the map goes to flash bit by bit, all the time, so that
 * a recovery need only look at what was written lately.
 *
 * Owns: the pace of snapshots, rounds over the map, ROOT pages. Does not know: how a
 * snapshot is written (checkpoint.c), what recovery makes of a root (recover.c).
 *
 * A round begins by noting the next sequence number and the stripes that are open.
 * Then every leaf that differs from its snapshot is written, some for each share of
 * what is written otherwise. When the round is over a ROOT page says so. What was
 * complete when the round began is in a snapshot then; all that came later lies in
 * stripes that were open then or were opened since. So that, and the snapshots, is
 * what recovery needs, however long the history.
 *
 * A leaf that has not changed since its snapshot is passed over. A write that was
 * under way when the round began, and is published behind its leaf's turn, lies in a
 * stripe that was open.
 *
 * Rounds cost the more the more of the map changes, one page in @every at most, and
 * are the shorter the less does.
 */
#include "ftl_priv.h"

#define PATIENCE	8	/* batches, until room is made for one */
#define COPIES		16	/* that count as one unit written */

/* Over the whole page with the field itself zero. */
u32 ftl_root_crc(struct fio_root *r)
{
	__le32 kept = r->crc;
	u32 crc;

	r->crc = 0;
	crc = ftl_crc32c(0, r, sizeof(*r));
	r->crc = kept;
	return crc;
}

/**
 * ftl_set_roll() - set the pace
 * @f: the instance
 * @units: written for each leaf that is; 0: none is
 *
 * Context: any, between requests.
 */
void ftl_set_roll(struct ftl *f, u32 units)
{
	f->roll.every = units;
}

/**
 * ftl_roll_init() - may the checkpoint roll at all
 * @f: the instance, stripes sized
 *
 * The pages of two roots need room for good. A full format of version 1, which had
 * none, or one whose spare has gone bad, goes without.
 *
 * Context: attach.
 */
void ftl_roll_init(struct ftl *f)
{
	if (f->usable_units >= f->user_units + ftl_meta_units(f->user_units) +
			       ftl_overhead_units(f))
		return;
	ftl_say(f, FTL_INFO, "no room for a checkpoint that rolls: a power cut will be followed by a scan of everything");
	f->roll.every = 0;
}

/* Lock held: @s is listed; false: the list is full. */
static bool list_stripe(struct ftl_roll *r, u32 s)
{
	if (r->count == FIO_ROOT_STRIPES)
		return false;
	r->stripe[r->count++] = s;
	return true;
}

/**
 * ftl_roll_begin() - a round begins, the one under way is forgotten
 * @f: the instance
 *
 * Context: worker.
 */
void ftl_roll_begin(struct ftl *f)
{
	struct ftl_roll *r = &f->roll;
	unsigned long flags = ftl_lock(&f->lock);
	u32 s;

	r->active = true;
	r->failed = false;
	r->next = 0;
	r->count = 0;
	r->from = f->seq;
	for (s = 0; s < f->geo.aus; s++)
		if (f->stripe[s].state == FTL_S_OPEN)
			r->failed |= !list_stripe(r, s);
	ftl_unlock(&f->lock, flags);
}

/* Is @s opened at the beginning of the round or later, or listed? */
static bool is_recent(const struct ftl *f, u32 s)
{
	const struct ftl_roll *r = &f->roll;
	u32 i;

	if (!ftl_seq_after(r->from, f->stripe[s].seq))
		return true;
	for (i = 0; i < r->count; i++)
		if (r->stripe[i] == s)
			return true;
	return false;
}

/*
 * Recovery reads all tags of the stream of metadata. What went elsewhere, for lack of
 * room there, must be listed to be found. False: too much did.
 */
static bool list_misplaced(struct ftl *f, u32 unit)
{
	u32 s;

	if (unit == FIO_UNIT_NONE)
		return true;
	s = ftl_unit_stripe(f, unit);
	if (f->streams <= FTL_META || f->stripe[s].stream == FTL_META || is_recent(f, s))
		return true;
	return list_stripe(&f->roll, s);
}

static bool list_all_misplaced(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	bool all = true;
	u32 i;

	for (i = 0; all && i < f->journal_count; i++)
		all = list_misplaced(f, f->journal[i]);
	all = all && list_misplaced(f, f->group.page);
	ftl_unlock(&f->lock, flags);
	/* Only we change these. */
	for (i = 0; all && i < f->nleaves; i++)
		all = list_misplaced(f, f->leaf_unit[i]);
	return all;
}

static u32 root_pages(const struct ftl *f)
{
	return DIV_ROUND_UP(f->roll.count + f->nleaves, FIO_ROOT_WORDS);
}

static void fill_root(const struct ftl *f, struct fio_root *page, u32 index)
{
	const struct ftl_roll *r = &f->roll;
	u32 i, at = index * FIO_ROOT_WORDS;

	memset(page, 0, sizeof(*page));
	page->magic = cpu_to_le64(FIO_ROOT_MAGIC);
	page->from = cpu_to_le64(r->from);
	page->pages = cpu_to_le32(root_pages(f));
	page->stripes = cpu_to_le32(r->count);
	page->leaves = cpu_to_le32(f->nleaves);
	for (i = 0; i < FIO_ROOT_WORDS && at < r->count + f->nleaves; i++, at++)
		page->word[i] = cpu_to_le32(at < r->count ? r->stripe[at] :
					    f->leaf_age[at - r->count]);
	page->crc = cpu_to_le32(ftl_root_crc(page));
}

/* ---- the root's pages; lock held but for the worker's reading ------------------- */

/* Of the root that counts, or of the one that is being written. */
static u32 *find_page(const struct ftl *f, u32 unit)
{
	u32 i;

	for (i = 0; i < f->root_count; i++)
		if (f->root[i] == unit)
			return &f->root[i];
	for (i = 0; i < f->root_fresh; i++)
		if (f->root[f->root_cap + i] == unit)
			return &f->root[f->root_cap + i];
	return NULL;
}

bool ftl_root_live(const struct ftl *f, u32 unit)
{
	return find_page(f, unit);
}

/* The page was copied. */
bool ftl_root_relocate(struct ftl *f, u32 from, u32 to)
{
	u32 *at = find_page(f, from);

	if (!at)
		return false;
	ftl_stripe_get(f, to);
	ftl_stripe_put(f, from);
	*at = to;
	return true;
}

static void put_pages(struct ftl *f, const u32 *unit, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		ftl_stripe_put(f, unit[i]);
}

/* One more page of the root that is being written. */
void ftl_root_add(struct ftl *f, u32 unit)
{
	f->root[f->root_cap + f->root_fresh++] = unit;
	ftl_stripe_get(f, unit);
}

/**
 * ftl_root_settle() - the root that was being written is complete, or will not be
 * @f: the instance
 * @complete: it counts from now on, and the one before does not
 *
 * Context: worker or attach, lock held.
 */
void ftl_root_settle(struct ftl *f, bool complete)
{
	u32 *fresh = f->root + f->root_cap;

	if (complete) {
		put_pages(f, f->root, f->root_count);
		memcpy(f->root, fresh, f->root_fresh * sizeof(u32));
		f->root_count = f->root_fresh;
	} else {
		put_pages(f, fresh, f->root_fresh);
	}
	f->root_fresh = 0;
}

/* What is left of a root that has a page in @stripe is no use. */
void ftl_root_forget(struct ftl *f, u32 stripe)
{
	u32 i;

	for (i = 0; i < f->root_count; i++)
		if (ftl_unit_stripe(f, f->root[i]) == stripe) {
			put_pages(f, f->root, f->root_count);
			f->root_count = 0;
		}
}

/* Pages from where it is on, in one command. They are needed as soon as they are there. */
static int append_pages(struct ftl *f, u32 n, u64 seq)
{
	struct media_cmd *cmd = ftl_exec_get(f);
	u32 unit[FTL_MAX_UNITS], i;
	unsigned long flags;
	int err;

	if (!cmd)
		return -ENODEV;
	for (i = 0; i < n; i++) {
		fill_root(f, (struct fio_root *)f->xslot.buf.va + i, f->root_fresh + i);
		cmd->tag[i].type = FIO_TAG_ROOT;
		cmd->tag[i].lba = cpu_to_le64(f->root_fresh + i);
	}
	err = ftl_meta_append(f, n, unit, seq);
	ftl_exec_put(f);
	flags = ftl_lock(&f->lock);
	for (i = 0; !err && i < n; i++)
		ftl_root_add(f, unit[i]);
	ftl_unlock(&f->lock, flags);
	return err;
}

/* All pages, behind those of the root that still counts. */
static int append_root(struct ftl *f)
{
	u32 n, pages = root_pages(f);
	unsigned long flags = ftl_lock(&f->lock);
	u64 seq = f->seq++;
	int err = 0;

	ftl_unlock(&f->lock, flags);
	while (!err && f->root_fresh < pages) {
		n = min(pages - f->root_fresh, ftl_batch_size(f));
		err = ftl_make_room(f, FTL_META, n);
		if (!err)
			err = append_pages(f, n, seq);
	}
	return err;
}

/* ---- the end of a round ------------------------------------------------------------ */

/**
 * ftl_roll_end() - all leaves have had their turn: say so on flash
 * @f: the instance
 *
 * All that was complete when the round began must be durable, also where no snapshot
 * had to be written: recovery takes none of it for torn. And atomic writes must count
 * without a look at all their pages.
 *
 * Context: worker.
 * Return: 0, also when the round proves nothing; or -errno.
 */
int ftl_roll_end(struct ftl *f)
{
	unsigned long flags;
	int err;

	f->roll.active = false;
	if (f->roll.failed)
		return 0;
	err = ftl_group_since(f) ? ftl_group_prove(f, false) : 0;
	if (err || !list_all_misplaced(f))
		return err == -ENODEV ? err : 0;
	err = ftl_sync(f);
	if (!err)
		err = append_root(f);
	flags = ftl_lock(&f->lock);
	ftl_root_settle(f, !err);
	ftl_unlock(&f->lock, flags);
	/* Without it the next recovery is longer, that is all. */
	return err == -ENODEV ? err : 0;
}

/*
 * What users write sets the pace. Copies count for little: snapshots need room, and to
 * make it causes copies. But flash that is refreshed while nobody writes counts too.
 */
static u64 units_written(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	u64 units = f->st.user_units_written + f->st.gc_units_written / COPIES;

	ftl_unlock(&f->lock, flags);
	return units + ftl_units_fast(f);
}

static void count_credit(struct ftl *f)
{
	struct ftl_roll *r = &f->roll;
	u64 now = units_written(f);
	u64 units = now - r->mark + r->rest;

	r->mark = now;
	r->rest = (u32)(units % r->every);
	r->credit = (u32)min_t(u64, r->credit + units / r->every, f->nleaves + 1);
}

static bool has_room(struct ftl *f, u32 units)
{
	unsigned long flags = ftl_lock(&f->lock);
	bool room = ftl_room(f, FTL_META) >= units;

	ftl_unlock(&f->lock, flags);
	return room;
}

/**
 * ftl_roll_step() - write a batch of snapshots if it is time to
 * @f: the instance
 *
 * Context: worker.
 * Return: true when something was written.
 */
bool ftl_roll_step(struct ftl *f)
{
	struct ftl_roll *r = &f->roll;
	u32 most, took = 0;
	int err;

	if (!r->every || ftl_load(&f->read_only) || ftl_load(&f->sync_broken))
		return false;
	count_credit(f);
	most = min(ftl_batch_size(f), f->nleaves);
	if (r->credit < most || (!r->active && !ftl_load(&f->dirty_leaves)))
		return false;
	if (!has_room(f, most) && r->credit < most * PATIENCE && r->credit <= f->nleaves)
		return false;
	err = ftl_make_room(f, FTL_META, most);
	if (err)
		return false;
	if (!r->active)
		ftl_roll_begin(f);
	err = ftl_snapshot_some(f, &r->next, most, &took);
	r->failed |= !!err;
	r->credit -= min(r->credit, max(took, 1U));
	if (!err && r->next == f->nleaves) {
		err = ftl_roll_end(f);
		/* Of a short round the root is a large part. */
		r->credit -= min(r->credit, root_pages(f));
	}
	return err != -ENODEV;
}
