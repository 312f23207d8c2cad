// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal: records of what page tags cannot say, which is trims.
 *
 * Owns: journal pages, the list of those still needed, when they may be
 * forgotten. Does not know: who trims, how snapshots are written.
 *
 * A record may be forgotten when every leaf that it touches has a snapshot that
 * is newer than it. So compaction writes snapshots of all leaves that were
 * touched and drops all pages at once.
 */
#include "ftl_priv.h"

/* Over the whole page with the field itself zero. */
u32 ftl_journal_crc(struct fio_journal *j)
{
	__le32 kept = j->crc;
	u32 crc;

	j->crc = 0;
	crc = ftl_crc32c(0, j, sizeof(*j));
	j->crc = kept;
	return crc;
}

/* Worker or lock held. */
bool ftl_journal_live(const struct ftl *f, u32 unit)
{
	u32 i;

	for (i = 0; i < f->journal_count; i++)
		if (f->journal[i] == unit)
			return true;
	return false;
}

/**
 * ftl_journal_add() - a page is needed from now on
 * @f: the instance
 * @unit: where it is
 *
 * Context: worker, lock held.
 * Return: 0, or -ENOSPC: the list is full.
 */
int ftl_journal_add(struct ftl *f, u32 unit)
{
	if (f->journal_count == f->journal_cap)
		return -ENOSPC;
	f->journal[f->journal_count++] = unit;
	ftl_stripe_get(f, unit);
	return 0;
}

/* Lock held: a page was copied. */
bool ftl_journal_relocate(struct ftl *f, u32 from, u32 to)
{
	u32 i;

	for (i = 0; i < f->journal_count; i++) {
		if (f->journal[i] != from)
			continue;
		f->journal[i] = to;
		ftl_stripe_get(f, to);
		ftl_stripe_put(f, from);
		return true;
	}
	return false;
}

static void forget(struct ftl *f, u32 count)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 i;

	for (i = 0; i < count; i++)
		ftl_stripe_put(f, f->journal[i]);
	f->journal_count -= count;
	for (i = 0; i < f->journal_count; i++)
		f->journal[i] = f->journal[i + count];
	ftl_unlock(&f->lock, flags);
}

/**
 * ftl_compact() - replace the journal by snapshots
 * @f: the instance
 *
 * Context: worker; no trim is numbered but not applied.
 * Return: 0 or -errno.
 */
int ftl_compact(struct ftl *f)
{
	u32 count = f->journal_count;
	int err;

	if (!count)
		return 0;
	/* Numbered after every trim that was applied, and complete up to there. */
	err = ftl_snapshot(f, FTL_LEAF_TRIMMED);
	if (err)
		return err;
	forget(f, count);
	return 0;
}

/**
 * ftl_compact_step() - keep the journal short
 * @f: the instance
 *
 * Context: worker.
 * Return: true when something was done.
 */
bool ftl_compact_step(struct ftl *f)
{
	bool full = f->journal_count >= f->journal_max;

	if ((!full && !f->want_snapshot) || ftl_load(&f->read_only) ||
	    ftl_load(&f->sync_broken))
		return false;
	f->want_snapshot = false;
	return !ftl_compact(f) && !ftl_snapshot(f, FTL_LEAF_TRIMMED);
}

/**
 * ftl_journal_prepare() - room for one more page
 * @f: the instance
 *
 * Context: worker, before trims are numbered.
 * Return: 0 or -errno.
 */
int ftl_journal_prepare(struct ftl *f)
{
	int err = 0;

	if (f->journal_count >= f->journal_max)
		err = ftl_compact(f);
	if (!err)
		err = ftl_make_room(f, FTL_META, 1);
	return err == -ENOSPC ? -EIO : err;
}

/* Nothing was ever written where no leaf is: no record is needed there. */
static bool needs_record(const struct ftl *f, const struct ftl_trim *t)
{
	u64 l;

	for (l = t->lu >> 10; t->units && l <= (t->lu + t->units - 1) >> 10; l++)
		if (f->leaf[l])
			return true;
	return false;
}

static u32 fill_page(struct ftl *f, struct fio_journal *j, const struct ftl_link *group)
{
	const struct ftl_link *l;
	const struct ftl_trim *t;
	u32 n = 0;

	memset(j, 0, sizeof(*j));
	for (l = group->next; l != group && n < FIO_JOURNAL_RECS; l = l->next) {
		t = container_of(l, struct ftl_trim, wait);
		if (!needs_record(f, t))
			continue;
		j->rec[n].type = FIO_JREC_TRIM;
		j->rec[n].seq = cpu_to_le64(t->seq);
		j->rec[n].lba = cpu_to_le64(t->lu);
		j->rec[n].count = cpu_to_le64(t->units);
		n++;
	}
	j->magic = cpu_to_le64(FIO_JOURNAL_MAGIC);
	j->count = cpu_to_le32(n);
	return n;
}

static u64 complete_below(struct ftl *f, const struct ftl_link *group)
{
	const struct ftl_trim *t = container_of(group->next, struct ftl_trim, wait);
	unsigned long flags = ftl_lock(&f->lock);
	u64 s = ftl_complete_seq(f) + 1;

	ftl_unlock(&f->lock, flags);
	return ftl_seq_after(s, t->seq) ? t->seq : s;
}

/* One attempt; *@unit is FIO_UNIT_NONE when there was nothing to record. */
static int write_page(struct ftl *f, struct ftl_link *group, u32 *unit)
{
	struct fio_journal *j = f->xslot.buf.va;
	struct media_cmd *cmd = ftl_exec_get(f);
	int err = 0;

	*unit = FIO_UNIT_NONE;
	if (!cmd)
		return -ENODEV;
	if (fill_page(f, j, group)) {
		j->complete_seq = cpu_to_le64(complete_below(f, group));
		j->crc = cpu_to_le32(ftl_journal_crc(j));
		memset(&cmd->tag[0], 0, sizeof(cmd->tag[0]));
		cmd->tag[0].type = FIO_TAG_JOURNAL;
		cmd->tag[0].lba = cpu_to_le64(f->journal_nr);
		err = ftl_meta_append(f, 1, unit, f->trim_seq);
	}
	ftl_exec_put(f);
	return err;
}

/* An append that fails takes its append unit along: there may be no room left. */
static int write_page_again(struct ftl *f, struct ftl_link *group, u32 *unit)
{
	u32 tries;
	int err = -EIO;

	for (tries = 0; err == -EIO && tries < FTL_APPEND_TRIES; tries++) {
		err = write_page(f, group, unit);
		if (err == -ENOSPC && !ftl_make_room(f, FTL_META, 1))
			err = -EIO;
	}
	return err == -ENOSPC ? -EIO : err;
}

/**
 * ftl_journal_write() - make the records of a group of trims durable
 * @f: the instance
 * @group: numbered trims, at most FIO_JOURNAL_RECS
 *
 * Context: worker, after ftl_journal_prepare().
 * Return: 0 or -errno.
 */
int ftl_journal_write(struct ftl *f, struct ftl_link *group)
{
	unsigned long flags;
	u32 unit;
	int err = write_page_again(f, group, &unit);

	f->journal_nr++;
	if (err) {
		ftl_set_read_only(f, "the journal cannot be written");
		return err;
	}
	if (unit == FIO_UNIT_NONE)
		return 0;
	flags = ftl_lock(&f->lock);
	err = ftl_journal_add(f, unit);
	ftl_unlock(&f->lock, flags);
	return err;
}
