// SPDX-License-Identifier: GPL-2.0-only
/*
 * Snapshots of the map on flash, and their directory.
 *
 * Owns: MAP and DIR pages: writing them while the map changes, finding them
 * again after a clean detach, the append that all metadata uses. Does not know:
 * when a snapshot is wanted.
 *
 * A snapshot is fuzzy: it is at least as new as its sequence number says and may
 * be newer. A clean detach takes one of everything with nothing under way, so
 * that one is exact.
 */
#include "ftl_priv.h"

/* ---- metadata append --------------------------------------------------------- */

/* Lock held. Returns the first error; places that took are in @unit. */
static int settle_units(struct ftl *f, struct media_cmd *cmd, u32 n, u32 *unit)
{
	int err = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		if (ftl_unit_appended(f, cmd, i)) {
			unit[i] = cmd->unit[i];
			f->st.meta_units_written++;
			ftl_append_ok(f, cmd->unit[i]);
			continue;
		}
		unit[i] = FIO_UNIT_NONE;
		ftl_append_failed(f, cmd->unit[i], cmd->status);
		if (!err)
			err = cmd->status == MEDIA_GONE ? -ENODEV : -EIO;
	}
	return err;
}

static void fill_tags(struct ftl *f, struct media_cmd *cmd, u32 n, u64 seq)
{
	__le32 span;
	u32 i;

	for (i = 0; i < n; i++) {
		span = cmd->tag[i].type == FIO_TAG_MAP ? cmd->tag[i].group : 0;
		ftl_tag_fill(f, &cmd->tag[i], cmd->tag[i].type, le64_to_cpu(cmd->tag[i].lba),
			     seq, cmd->unit[i]);
		cmd->tag[i].group = span;
	}
}

/**
 * ftl_meta_append() - append pages of metadata from xslot.buf, durably
 * @f: the instance
 * @n: units; type and lba are set in the tags of xslot.cmd, and the span of MAP pages
 * @unit: receives where each went, FIO_UNIT_NONE for one that failed
 * @seq: for their tags
 *
 * Context: worker, between ftl_exec_get() and ftl_exec_put(), room was made.
 * Return: 0; -ENOSPC; -EIO: some failed, try those again; -ENODEV.
 */
int ftl_meta_append(struct ftl *f, u32 n, u32 *unit, u64 seq)
{
	struct media_cmd *cmd = f->xslot.cmd;
	unsigned long flags = ftl_lock(&f->lock);
	u32 got = ftl_reserve(f, FTL_META, n, cmd->unit);
	int err;

	ftl_unlock(&f->lock, flags);
	fill_tags(f, cmd, got, seq);
	if (got) {
		ftl_cmd_init(cmd, MEDIA_APPEND, got);
		cmd->buf = &f->xslot.buf;
		cmd->flags = MEDIA_F_FUA | ftl_append_flags(f);
		err = ftl_exec(f);
		if (err == -ENODEV)
			return err;
	}
	flags = ftl_lock(&f->lock);
	err = settle_units(f, cmd, got, unit);
	ftl_unlock(&f->lock, flags);
	for (; got < n; got++) {
		unit[got] = FIO_UNIT_NONE;
		err = err ? err : -ENOSPC;
	}
	return err;
}

/* ---- snapshots of leaves ------------------------------------------------------- */

#define LOOK_AT_ONCE	16384U	/* leaves, under one hold of the lock */

struct batch {
	u32 n;
	u32 leaf[FTL_MAX_UNITS];
	u32 unit[FTL_MAX_UNITS];
	u64 seq;
	u32 span;
};

static_assert(sizeof(struct batch) <= sizeof(((struct ftl *)0)->snap_mem));

static void clear_marks(struct ftl *f, u32 leaf)
{
	/* Pairs with ftl_map_mark(): the marks, then the content. */
	u8 old = ftl_swap(&f->leaf_state[leaf], 0);

	ftl_fence_after_atomic();
	if (old & FTL_LEAF_DIRTY)
		ftl_add(&f->dirty_leaves, -1);
	if (old & FTL_LEAF_TRIMMED)
		ftl_add(&f->trimmed_leaves, -1);
}

/*
 * Pick leaves from *@next on; their marks go before their content is looked at. The
 * batch gets a number of its own: of two snapshots the one with the higher is newer.
 */
static void pick(struct ftl *f, struct batch *b, u32 *next, u8 mask, u32 most)
{
	unsigned long flags;
	u32 end;

	b->n = 0;
	while (*next < f->nleaves && b->n < most) {
		flags = ftl_lock(&f->lock);
		end = min(f->nleaves, *next + LOOK_AT_ONCE);
		for (; *next < end && b->n < most; ++*next) {
			if (!(ftl_load(&f->leaf_state[*next]) & mask))
				continue;
			clear_marks(f, *next);
			b->leaf[b->n++] = *next;
		}
		b->seq = f->seq;
		f->seq += !!b->n;
		ftl_unlock(&f->lock, flags);
	}
}

struct past {
	struct ftl *f;
	u64 seq;
};

static bool all_complete(void *arg)
{
	struct past *p = arg;
	unsigned long flags = ftl_lock(&p->f->lock);
	bool yes = !ftl_seq_after(p->seq, ftl_complete_seq(p->f));

	ftl_unlock(&p->f->lock, flags);
	return yes;
}

/* Until every operation up to @seq is complete. They are on their way: none needs us. */
static int wait_complete(struct ftl *f, u64 seq)
{
	struct past p = { f, seq };
	int err;

	ftl_store(&f->wake_writes, 1);
	ftl_fence();
	err = ftl_wait(f, all_complete, &p);
	ftl_store(&f->wake_writes, f->trim_active);
	return err;
}

/*
 * Nothing is erased meanwhile, for that is our work: so all that is copied lies in
 * stripes that live now, which is what the span tells recovery.
 */
static void copy_leaves(struct ftl *f, struct batch *b)
{
	struct fio_map_leaf *page = f->xslot.buf.va;
	unsigned long flags;
	u32 i, e;

	for (i = 0; i < b->n; i++) {
		const u32 *leaf = f->leaf[b->leaf[i]];

		for (e = 0; e < FIO_MAP_FANOUT; e++)
			page[i].unit[e] = cpu_to_le32(ftl_load(&leaf[e]));
	}
	flags = ftl_lock(&f->lock);
	b->span = (u32)(f->seq - b->seq);
	ftl_unlock(&f->lock, flags);
}

static void adopt(struct ftl *f, const struct batch *b)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 i;

	for (i = 0; i < b->n; i++) {
		u32 *at = &f->leaf_unit[b->leaf[i]];

		if (b->unit[i] == FIO_UNIT_NONE) {
			ftl_map_mark(f, b->leaf[i], FTL_LEAF_DIRTY | FTL_LEAF_TRIMMED);
			continue;
		}
		if (*at != FIO_UNIT_NONE)
			ftl_stripe_put(f, *at);
		*at = b->unit[i];
		f->leaf_age[b->leaf[i]] = (u32)b->seq;
		ftl_stripe_get(f, *at);
	}
	ftl_unlock(&f->lock, flags);
}

static int append_batch(struct ftl *f, struct batch *b)
{
	struct media_cmd *cmd = ftl_exec_get(f);
	u32 i;
	int err;

	if (!cmd)
		return -ENODEV;
	for (i = 0; i < b->n; i++) {
		cmd->tag[i].group = cpu_to_le32(b->span);
		cmd->tag[i].type = FIO_TAG_MAP;
		cmd->tag[i].lba = cpu_to_le64(b->leaf[i]);
	}
	err = ftl_meta_append(f, b->n, b->unit, b->seq);
	ftl_exec_put(f);
	return err;
}

/*
 * A snapshot makes older trims forgettable even where it names a newer write. So
 * what it names must be durable first, or a cut that takes that write away would
 * bring back what was there before the trim.
 */
static int write_batch(struct ftl *f, struct batch *b)
{
	u32 i;
	int err;

	for (i = 0; i < b->n; i++)
		b->unit[i] = FIO_UNIT_NONE;
	err = wait_complete(f, b->seq);
	if (err)
		return err;
	copy_leaves(f, b);
	err = ftl_sync(f);
	if (!err)
		err = append_batch(f, b);
	adopt(f, b);
	return err;
}

/* Leaves in one command. */
u32 ftl_batch_size(const struct ftl *f)
{
	return min(f->geo.max_units, max(1U, f->stripe_units / 4));
}

/* One pass over all leaves; -EIO: some failed and are still marked. */
static int snapshot_pass(struct ftl *f, struct batch *b, u8 mask)
{
	u32 next = 0, most = ftl_batch_size(f);
	int err, worst = 0;

	while (next < f->nleaves) {
		err = ftl_make_room(f, FTL_META, most);
		if (err)
			return err;
		pick(f, b, &next, mask, most);
		if (!b->n)
			break;
		err = write_batch(f, b);
		if (err == -ENODEV)
			return err;
		worst = err ? err : worst;
	}
	return worst;
}

/**
 * ftl_snapshot() - write snapshots of marked leaves
 * @f: the instance
 * @mask: FTL_LEAF_ marks of interest
 *
 * Context: worker. No trim is numbered but not applied.
 * Return: 0 or -errno.
 */
int ftl_snapshot(struct ftl *f, u8 mask)
{
	struct batch *b = (void *)f->snap_mem;
	u32 tries;
	int err = -EIO;

	for (tries = 0; (err == -EIO || err == -ENOSPC) && tries < FTL_APPEND_TRIES; tries++)
		err = snapshot_pass(f, b, mask);
	if (err && err != -ENODEV && !ftl_load(&f->sync_broken))
		ftl_set_read_only(f, "snapshots of the map cannot be written");
	return err;
}

/**
 * ftl_snapshot_some() - write snapshots of a few leaves
 * @f: the instance
 * @next: leaf to begin with; receives where to go on
 * @most: leaves, at most a batch
 * @took: receives how many were written, or tried
 *
 * For the checkpoint that rolls: room was made.
 *
 * Context: worker. No trim is numbered but not applied.
 * Return: 0; -EIO, -ENOSPC: some failed and are marked again; -ENODEV.
 */
int ftl_snapshot_some(struct ftl *f, u32 *next, u32 most, u32 *took)
{
	struct batch *b = (void *)f->snap_mem;

	pick(f, b, next, FTL_LEAF_DIRTY | FTL_LEAF_TRIMMED, most);
	*took = b->n;
	return b->n ? write_batch(f, b) : 0;
}

/**
 * ftl_force_checkpoint() - snapshots of all that changed, and a root, now
 * @f: the instance
 *
 * Context: worker, not while ftl_run() runs.
 * Return: 0 or -errno.
 */
int ftl_force_checkpoint(struct ftl *f)
{
	int err = ftl_late_finish(f);

	if (!err)
		err = ftl_compact(f);
	if (err)
		return err;
	if (f->roll.every)
		ftl_roll_begin(f);
	err = ftl_snapshot(f, FTL_LEAF_DIRTY | FTL_LEAF_TRIMMED);
	return err || !f->roll.active ? err : ftl_roll_end(f);
}

/* ---- directory -------------------------------------------------------------------- */

/* Directory page ndirs is that of the root. */
static void fill_dir(struct ftl *f, struct fio_map_leaf *page, u32 dir)
{
	u32 e, leaf;

	for (e = 0; dir == f->ndirs && e < FIO_MAP_FANOUT; e++)
		page->unit[e] = cpu_to_le32(e < f->root_count ? f->root[e] : FIO_UNIT_NONE);
	if (dir == f->ndirs)
		return;
	for (e = 0; e < FIO_MAP_FANOUT; e++) {
		leaf = dir * FIO_MAP_FANOUT + e;
		page->unit[e] = cpu_to_le32(leaf < f->nleaves ? f->leaf_unit[leaf] :
					    FIO_UNIT_NONE);
	}
}

static int write_dir(struct ftl *f, u32 dir)
{
	struct media_cmd *cmd = ftl_exec_get(f);
	u32 unit = FIO_UNIT_NONE, tries;
	int err = -EIO;

	if (!cmd)
		return -ENODEV;
	for (tries = 0; err == -EIO && tries < FTL_APPEND_TRIES; tries++) {
		fill_dir(f, f->xslot.buf.va, dir);
		cmd->tag[0].type = FIO_TAG_DIR;
		cmd->tag[0].lba = cpu_to_le64(dir);
		err = ftl_meta_append(f, 1, &unit, f->seq - 1);
	}
	ftl_exec_put(f);
	if (dir == f->ndirs)
		f->super->root = cpu_to_le32(unit);
	else
		f->super->dir[dir] = cpu_to_le32(unit);
	return err;
}

/**
 * ftl_checkpoint() - put the whole map on flash and its directory into the super
 * @f: the instance, quiet
 *
 * Context: worker.
 * Return: 0 or -errno.
 */
int ftl_checkpoint(struct ftl *f)
{
	u32 d;
	int err;

	for (d = 0; d < FTL_APPEND_TRIES; d++) {
		err = ftl_force_checkpoint(f);
		if (err || (ftl_room(f, FTL_META) > f->ndirs && !f->dirty_leaves))
			break;
		/* Collecting for this room may change leaves again: want more. */
		ftl_make_room(f, FTL_META, f->ndirs + 1 + f->geo.pages + f->nleaves);
	}
	if (!err)
		err = ftl_make_room(f, FTL_META, f->ndirs + 1);
	if (!err && f->dirty_leaves)
		err = -ENOSPC;
	for (d = 0; !err && d < f->ndirs + !!f->root_count; d++)
		err = write_dir(f, d);
	if (err)
		return err;
	f->super->dirs = cpu_to_le32(f->ndirs);
	if (!f->root_count)
		f->super->root = cpu_to_le32(FIO_UNIT_NONE);
	return ftl_sync(f);
}

/* ---- loading ------------------------------------------------------------------------ */

struct loader {
	u8 *used;		/* bit per unit: referred to already; NULL: nobody looks */
	const u32 *list;	/* where the pages are */
	u32 count, next;
	u8 type;
};

/* A unit that a page on flash names: in range, in a stripe, named once. */
static int claim_unit(struct ftl *f, struct loader *l, u32 unit)
{
	u8 au;

	if (unit >= f->total_units)
		return -EUCLEAN;
	au = f->au[ftl_unit_au(f, unit)];
	if (au & (FTL_AU_SYSTEM | FTL_AU_ERASED) ||
	    (l->used && l->used[unit >> 3] >> (unit & 7) & 1))
		return -EUCLEAN;
	if (l->used)
		l->used[unit >> 3] |= 1 << (unit & 7);
	ftl_stripe_get(f, unit);
	return 0;
}

static int take_dir(struct ftl *f, struct loader *l, u32 dir, const struct fio_map_leaf *page)
{
	u32 e, leaf, unit;

	for (e = 0; e < FIO_MAP_FANOUT; e++) {
		leaf = dir * FIO_MAP_FANOUT + e;
		unit = le32_to_cpu(page->unit[e]);
		if (leaf >= f->nleaves || unit == FIO_UNIT_NONE)
			continue;
		if (claim_unit(f, l, unit))
			return -EUCLEAN;
		f->leaf_unit[leaf] = unit;
	}
	return 0;
}

/* They are not read: that there is a root, and where, is for the next recovery. */
static int take_root(struct ftl *f, struct loader *l, const struct fio_map_leaf *page)
{
	u32 e, unit;

	for (e = 0; e < min_t(u32, f->root_cap, FIO_MAP_FANOUT); e++) {
		unit = le32_to_cpu(page->unit[e]);
		if (unit == FIO_UNIT_NONE)
			break;
		if (claim_unit(f, l, unit))
			return -EUCLEAN;
		f->root[f->root_count++] = unit;
	}
	return 0;
}

static int take_leaf(struct ftl *f, struct loader *l, u32 leaf, const struct fio_map_leaf *page)
{
	u64 lu = (u64)leaf * FIO_MAP_FANOUT;
	u32 e, unit;

	if (ftl_map_add_leaf(f, leaf))
		return -ENOMEM;
	for (e = 0; e < FIO_MAP_FANOUT; e++) {
		unit = le32_to_cpu(page->unit[e]);
		if (unit == FIO_UNIT_NONE)
			continue;
		if (lu + e >= f->user_units || claim_unit(f, l, unit))
			return -EUCLEAN;
		f->leaf[leaf][e] = unit;
		f->st.units_mapped++;
	}
	f->rec.leaves_loaded++;
	return 0;
}

static bool load_fill(struct ftl *f, struct ftl_slot *s, void *arg)
{
	struct loader *l = arg;
	u32 n = 0;

	s->key = l->next;
	/* Consecutive entries, so that slot and entry stay in step. */
	for (; l->next < l->count && n < f->geo.max_units; l->next++) {
		if (l->list[l->next] == FIO_UNIT_NONE) {
			if (n)
				break;
			s->key = l->next + 1;
			continue;
		}
		s->cmd->unit[n++] = l->list[l->next];
	}
	if (!n)
		return false;
	ftl_cmd_init(s->cmd, MEDIA_READ, n);
	s->cmd->buf = &s->buf;
	return true;
}

static int load_page(struct ftl *f, struct loader *l, struct ftl_slot *s, u32 i)
{
	const struct fio_map_leaf *page = (const struct fio_map_leaf *)s->buf.va + i;
	const struct fio_tag *tag = &s->cmd->tag[i];
	u32 nr = (u32)s->key + i;

	if (tag->type != l->type || le64_to_cpu(tag->lba) != nr ||
	    le32_to_cpu(tag->media_id) != f->media_id || !ftl_crc_ok(page, tag))
		return -EUCLEAN;
	if (l->type == FIO_TAG_DIR)
		return nr == f->ndirs ? take_root(f, l, page) : take_dir(f, l, nr, page);
	f->leaf_age[nr] = (u32)le64_to_cpu(tag->seq);
	return take_leaf(f, l, nr, page);
}

/* Put what failed in a vector into its place in the slot's buffer. */
static int mend(struct ftl *f, struct ftl_slot *s)
{
	u64 failed = s->cmd->failed ? s->cmd->failed : ~0ULL;
	u32 i;
	int err = 0;

	for (i = 0; !err && i < s->cmd->n; i++) {
		if (!(failed >> i & 1))
			continue;
		if (!ftl_exec_get(f))
			return -ENODEV;
		err = ftl_fetch(f, s->cmd->unit[i]);
		memcpy((u8 *)s->buf.va + i * FIO_MEDIA_UNIT, f->xslot.buf.va, FIO_MEDIA_UNIT);
		s->cmd->tag[i] = f->xslot.cmd->tag[0];
		ftl_exec_put(f);
	}
	return err == -ENODEV || !err ? err : -EUCLEAN;
}

static int load_reap(struct ftl *f, struct ftl_slot *s, void *arg)
{
	u32 i;
	int err = 0;

	if (s->cmd->status && s->tries++ < f->geo.read_retries) {
		s->cmd->retry++;
		s->cmd->status = MEDIA_OK;
		s->cmd->failed = 0;
		return FTL_AGAIN;
	}
	if (s->cmd->status == MEDIA_GONE)
		return -ENODEV;
	if (s->cmd->status)
		err = mend(f, s);
	f->rec.bytes_read += s->cmd->n * (FIO_MEDIA_UNIT + FIO_MEDIA_TAG);
	for (i = 0; !err && i < s->cmd->n; i++)
		err = load_page(f, arg, s, i);
	return err;
}

static int load_pages(struct ftl *f, struct loader *l, u8 type, const u32 *list, u32 count)
{
	static const struct ftl_pipe pipe = { load_fill, load_reap };
	u32 i;

	for (i = 0; i < count; i++)
		if (list[i] != FIO_UNIT_NONE && list[i] >= f->total_units)
			return -EUCLEAN;
	l->type = type;
	l->list = list;
	l->count = count;
	l->next = 0;
	return ftl_pipe_run(f, &pipe, l);
}

static int load_all(struct ftl *f, struct loader *l)
{
	u32 *dir = ftl_alloc(f, (f->ndirs + 1) * sizeof(u32), FTL_MEM_SCAN);
	bool old = le32_to_cpu(f->super->version) == 1;
	u32 i;
	int err = -ENOMEM;

	if (dir) {
		for (i = 0; i < f->ndirs; i++)
			dir[i] = le32_to_cpu(f->super->dir[i]);
		dir[i] = old ? FIO_UNIT_NONE : le32_to_cpu(f->super->root);
		err = load_pages(f, l, FIO_TAG_DIR, dir, f->ndirs + 1);
		if (!err && l->used)
			err = load_pages(f, l, FIO_TAG_MAP, f->leaf_unit, f->nleaves);
		else if (!err)
			err = ftl_late_begin(f, NULL);
	}
	ftl_free(f, dir, (f->ndirs + 1) * sizeof(u32), FTL_MEM_SCAN);
	return err;
}

/**
 * ftl_load_checkpoint() - the map as a clean detach left it
 * @f: the instance, stripes initialised and empty
 * @late: only where its pieces are; they come when the instance is attached
 *
 * Context: attach.
 * Return: 0; -EUCLEAN: what is on flash contradicts itself, scan instead;
 * another -errno.
 */
int ftl_load_checkpoint(struct ftl *f, bool late)
{
	size_t bytes = f->total_units / 8 + 1;
	struct loader l = { .used = late ? NULL : ftl_alloc(f, bytes, FTL_MEM_SCAN) };
	u32 dirs = le32_to_cpu(f->super->dirs);
	int err = -ENOMEM;

	if (late || l.used)
		err = !dirs ? 0 : dirs == f->ndirs ? load_all(f, &l) : -EUCLEAN;
	ftl_free(f, l.used, bytes, FTL_MEM_SCAN);
	return err;
}
