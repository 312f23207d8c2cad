// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trim and write-zeroes.
 *
 * Owns: the queue of requests that unmap, their order among writes, the zeroing
 * of partial units. Does not know: how records reach the flash (journal.c).
 *
 * The worker takes all that is queued as one group. From then on newer writes
 * that overlap it wait, and it waits for older ones; not by blocking, because
 * they may need the worker to make room. Then the records are written, and only
 * when they are durable is anything unmapped and acknowledged. A trim is never
 * undone by recovery: its sequence number is above all it removed.
 */
#include "ftl_priv.h"

/* Lock held. */
bool ftl_trim_overlaps(const struct ftl *f, u64 from, u64 to)
{
	const struct ftl_link *l;
	const struct ftl_trim *t;

	if (!f->trim_active)
		return false;
	for (l = f->trim_group.next; l != &f->trim_group; l = l->next) {
		t = container_of(l, struct ftl_trim, wait);
		if (t->from < to && t->to > from)
			return true;
	}
	return false;
}

/* A trim only takes whole units; write-zeroes fills the edges too. */
static void set_range(const struct ftl *f, const struct ftl_io *io, struct ftl_trim *t)
{
	u32 mask = (1U << f->lba_shift) - 1;
	u64 end = io->lba + io->count;
	u64 first = (io->lba + mask) >> f->lba_shift;
	u64 behind = end >> f->lba_shift;

	t->lu = first;
	t->units = behind > first ? behind - first : 0;
	t->from = io->lba >> f->lba_shift;
	t->to = (end + mask) >> f->lba_shift;
	if (io->op == FTL_TRIM) {
		t->from = first;
		t->to = first + t->units;
	}
}

/**
 * ftl_submit_trim() - queue a trim or write-zeroes
 * @f: the instance
 * @io: request, checked
 *
 * Context: any.
 */
void ftl_submit_trim(struct ftl *f, struct ftl_io *io)
{
	struct ftl_trim *t = ftl_priv_of(io, ftl_trim);
	unsigned long flags;

	set_range(f, io, t);
	if (t->from == t->to) {
		io->done(io, 0);
		return;
	}
	flags = ftl_lock(&f->lock);
	ftl_list_add_tail(&t->wait, &f->trims);
	ftl_unlock(&f->lock, flags);
	ftl_kick(f);
}

static void form_group(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 n = 0;

	while (!f->trim_active && n < FTL_TRIM_BATCH && !ftl_list_empty(&f->trims)) {
		struct ftl_link *l = f->trims.next;

		ftl_list_del(l);
		ftl_list_add_tail(l, &f->trim_group);
		n++;
	}
	if (n) {
		ftl_store(&f->trim_active, 1);
		/* Then the look at the epoch; pairs with ftl_write_pin(). */
		ftl_fence();
		f->trim_epoch = f->write_epoch;
	}
	ftl_unlock(&f->lock, flags);
}

/*
 * Lock held. Older writes are out of the way: give the group its numbers. The
 * numbers are taken now and not before, so that they are above theirs.
 */
static bool number_group(struct ftl *f)
{
	struct ftl_link *l;
	struct ftl_trim *t;

	/* Pinned writes that have not looked for trims, whatever their units. */
	ftl_drain_writes(f);
	if ((s32)(f->drained_epoch - f->trim_epoch) < 0)
		return false;
	for (l = f->trim_group.next; l != &f->trim_group; l = l->next) {
		t = container_of(l, struct ftl_trim, wait);
		if (ftl_inflight_overlaps(f, t->from, t->to))
			return false;
	}
	for (l = f->trim_group.next; l != &f->trim_group; l = l->next) {
		t = container_of(l, struct ftl_trim, wait);
		t->seq = f->seq++;
		f->trim_seq = t->seq;
	}
	return true;
}

/* One leaf at a time under the lock. */
static void unmap_range(struct ftl *f, u64 lu, u64 units)
{
	u64 end = lu + units, stop;
	unsigned long flags;

	while (lu < end) {
		stop = min((lu | (FIO_MAP_FANOUT - 1)) + 1, end);
		if (f->leaf[lu >> 10]) {
			flags = ftl_lock(&f->lock);
			ftl_map_mark(f, (u32)(lu >> 10), FTL_LEAF_TRIMMED);
			for (; lu < stop; lu++)
				ftl_map_unmap(f, lu);
			ftl_unlock(&f->lock, flags);
		}
		lu = stop;
	}
}

/*
 * Zero the bytes [from, to) of a unit. Its range is closed to writes, so that
 * nobody else changes it. The new version is written by the collector's stream,
 * which has room whatever user data has left.
 */
static int zero_part_once(struct ftl *f, u64 lu, u32 from, u32 to)
{
	struct media_cmd *cmd;
	bool unsafe;
	u32 old;
	/* This may move the unit. */
	int err = ftl_make_room(f, FTL_GC, 1);

	if (err)
		return err;
	old = ftl_lookup(f, lu);
	cmd = ftl_exec_get(f);
	if (!cmd)
		return -ENODEV;
	err = ftl_fetch(f, old);
	if (!err && le16_to_cpu(cmd->tag[0].flags) & FIO_TAG_LOST)
		err = -ENODATA;
	unsafe = !err && ftl_group_unsafe(f, &cmd->tag[0]);
	ftl_exec_put(f);
	if (unsafe)
		err = ftl_sync(f);
	if (err)
		return err;
	memset((u8 *)f->xslot.buf.va + from, 0, to - from);
	return ftl_rewrite(f, lu, old, 0, true);
}

/* An append that fails is no reason to fail: its append unit is closed now. */
static int zero_part(struct ftl *f, u64 lu, u32 from, u32 to)
{
	u32 tries;
	int err = -EIO;

	if (ftl_lookup(f, lu) == FIO_UNIT_NONE)
		return 0;
	for (tries = 0; err == -EIO && tries < FTL_APPEND_TRIES; tries++)
		err = zero_part_once(f, lu, from, to);
	return err;
}

static int zero_edges(struct ftl *f, struct ftl_io *io, const struct ftl_trim *t)
{
	u32 bytes = f->lba_bytes, mask = (1U << f->lba_shift) - 1;
	u64 end = io->lba + io->count;
	u32 head = ((u32)io->lba & mask) * bytes;
	u32 tail = ((u32)end & mask) * bytes;
	int err = 0;

	if (io->op == FTL_TRIM)
		return 0;
	if (t->to - t->from == 1 && !t->units)
		return zero_part(f, t->from, head, tail ? tail : FIO_MEDIA_UNIT);
	if (head)
		err = zero_part(f, t->from, head, FIO_MEDIA_UNIT);
	if (!err && tail)
		err = zero_part(f, t->to - 1, 0, tail);
	return err;
}

static struct ftl_trim *pop_group(struct ftl *f)
{
	struct ftl_trim *t = NULL;
	unsigned long flags = ftl_lock(&f->lock);

	if (!ftl_list_empty(&f->trim_group)) {
		t = container_of(f->trim_group.next, struct ftl_trim, wait);
		ftl_list_del(&t->wait);
	} else {
		ftl_store(&f->trim_active, 0);
	}
	ftl_unlock(&f->lock, flags);
	return t;
}

/* Edges after all of the group is unmapped: their new versions are newer. */
static void apply_group(struct ftl *f)
{
	struct ftl_link *l;
	struct ftl_trim *t;

	for (l = f->trim_group.next; l != &f->trim_group; l = l->next) {
		t = container_of(l, struct ftl_trim, wait);
		unmap_range(f, t->lu, t->units);
	}
	for (l = f->trim_group.next; l != &f->trim_group; l = l->next) {
		t = container_of(l, struct ftl_trim, wait);
		t->err = zero_edges(f, ftl_io_of(t), t);
	}
}

/**
 * ftl_trim_end() - the group's records are durable, or it has failed
 * @f: the instance
 * @err: 0 or -errno
 *
 * A range that leaves the group is open to writes again, so all is done before
 * the first request is acknowledged.
 *
 * Context: worker.
 */
void ftl_trim_end(struct ftl *f, int err)
{
	struct ftl_trim *t;

	if (!err)
		apply_group(f);
	for (t = pop_group(f); t; t = pop_group(f))
		ftl_io_of(t)->done(ftl_io_of(t), err ? err : t->err);
	ftl_pump(f);
}

static bool group_ready(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	bool ready;

	/* A write that ends behind the look sees that somebody waits. */
	ftl_store(&f->wake_writes, 1);
	ftl_fence();
	ready = f->trim_active && number_group(f);
	ftl_store(&f->wake_writes, f->trim_active && !ready);
	ftl_unlock(&f->lock, flags);
	return ready;
}

/**
 * ftl_trim_step() - commit a group of trims, if older writes let it
 * @f: the instance
 *
 * Context: worker.
 * Return: true when a group was committed.
 */
bool ftl_trim_step(struct ftl *f)
{
	int err;

	form_group(f);
	if (!f->trim_active)
		return false;
	/* Before numbers are given: snapshots say what is complete by number. */
	err = ftl_load(&f->read_only) ? -EROFS : ftl_journal_prepare(f);
	if (!err && !group_ready(f))
		return false;
	if (!err)
		err = ftl_journal_write(f, &f->trim_group);
	ftl_trim_end(f, err);
	return true;
}
