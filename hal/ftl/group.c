// SPDX-License-Identifier: GPL-2.0-only
/*
 * Atomic writes: several units that a cut leaves all of, or none.
 *
 * Owns: which atomic writes are under way, what is known to be whole, the page on
 * flash that says so. Does not know: how writes get to the medium (write.c), what a
 * scan makes of it (regroup.c).
 *
 * An atomic write of more than one unit is a group: one command, one sequence number,
 * and in each tag how many pages there are and which one this is. It is published in
 * one piece or not at all; a failed attempt is repeated as a whole. Recovery counts
 * a group only when it finds all its pages.
 *
 * Proof. Pages of a group are overwritten one by one later, and erased. So before
 * a stripe with such a page is given up, a page (FIO_TAG_GROUP) says durably: all
 * groups below this number are whole. That is true when every one of them has been
 * published or given up, and a SYNC came after. One such page serves all stripes that
 * were closed when it was written, so it costs one append for each victim or less, and
 * nothing while nobody writes atomically.
 *
 * Attempts that failed may have left some of their pages. As long as the write that
 * replaces them is not published the page names them. So does it those that recovery has
 * found not to be whole; until each of their units has a newer version: the
 * worker writes what was there before again, under a new number.
 *
 * The page has room for so many, so admission counts: writes that are under way, those
 * that no SYNC has covered yet, and what is named.
 */
#include "ftl_priv.h"

#define PROVE_AFTER	4096U	/* groups; what a scan has to keep in mind */
#define BUSY_NS		1000000ULL

/* ---- writes; all with the lock held ------------------------------------------------ */

/**
 * ftl_group_room() - may another atomic write begin
 * @f: the instance
 *
 * Context: lock held. If not, the worker is called.
 */
bool ftl_group_room(struct ftl *f)
{
	struct ftl_groups *g = &f->group;

	if (g->active + g->unsynced + g->drops < FIO_GROUP_DROPS)
		return true;
	ftl_store(&g->wanted, 1);
	ftl_kick_later(f);
	return false;
}

/* Lock held: it holds its units. */
void ftl_group_admit(struct ftl *f, struct ftl_write *w)
{
	f->group.active++;
}

/* Lock held: an attempt has got its number. */
void ftl_group_number(struct ftl *f, struct ftl_write *w)
{
	if (ftl_list_empty(&w->grp))
		ftl_list_add_tail(&w->grp, &f->group.writes);
}

/* Make one group of pages that are about to be appended. */
void ftl_group_tags(struct fio_tag *tag, u32 n)
{
	u32 i, id = (u32)le64_to_cpu(tag[0].seq);

	for (i = 0; i < n; i++) {
		tag[i].group = cpu_to_le32(id ? id : 1);
		tag[i].group_index = cpu_to_le16(i);
		tag[i].group_len = cpu_to_le16(n);
	}
}

static void holds(struct ftl *f, u32 unit, u64 seq)
{
	struct ftl_stripe *st = &f->stripe[ftl_unit_stripe(f, unit)];

	if (ftl_seq_after(seq, st->group_seq))
		st->group_seq = seq;
}

static void published(struct ftl *f, struct ftl_write *w)
{
	struct ftl_groups *g = &f->group;

	w->group = FTL_GROUP_WHOLE;
	if (ftl_seq_after(w->seq, g->newest))
		g->newest = w->seq;
	if (!ftl_load(&f->m->durable))
		ftl_store(&g->unsynced, g->unsynced + 1);
	if (++g->since >= PROVE_AFTER)
		ftl_kick_later(f);
	f->st.groups_written++;
	f->st.user_units_written += w->units;
}

static void failed(struct ftl_write *w)
{
	if (w->group == FTL_GROUP_WHOLE)
		w->first = w->seq;
	w->last = w->seq;
	w->group = FTL_GROUP_RETRY;
}

/**
 * ftl_group_publish() - the command of an atomic write has ended
 * @f: the instance
 * @w: the write
 * @cmd: its command
 *
 * Context: lock held.
 * Return: true: all of it is published; false: nothing is, all has to be placed again.
 */
bool ftl_group_publish(struct ftl *f, struct ftl_write *w, const struct media_cmd *cmd)
{
	bool whole = true;
	u32 i;

	for (i = 0; i < cmd->n; i++)
		whole &= ftl_unit_appended(f, cmd, i);
	ftl_note_volatile(f);
	for (i = 0; i < cmd->n; i++) {
		if (whole) {
			holds(f, cmd->unit[i], w->seq);
			ftl_map_publish(f, w->lu + i, cmd->unit[i]);
		}
		if (whole || ftl_unit_appended(f, cmd, i))
			ftl_append_ok(f, cmd->unit[i]);
		else
			ftl_append_failed(f, cmd->unit[i], cmd->status);
	}
	if (whole)
		published(f, w);
	else
		failed(w);
	return whole;
}

/**
 * ftl_group_end() - an atomic write is over
 * @f: the instance
 * @w: the write
 *
 * One that has failed may have left pages that nothing replaces: nothing from its
 * first attempt on may be proved any more. The medium is read-only then, or gone.
 *
 * Context: lock held.
 */
void ftl_group_end(struct ftl *f, struct ftl_write *w)
{
	struct ftl_groups *g = &f->group;

	ftl_list_del(&w->grp);
	g->active--;
	if (w->group != FTL_GROUP_RETRY)
		return;
	if (!g->stuck || ftl_seq_after(g->stuck_seq, w->first))
		g->stuck_seq = w->first;
	g->stuck = true;
}

/**
 * ftl_group_proved() - can a stripe be erased as far as groups are concerned
 * @f: the instance
 * @s: a stripe to which nothing is appended any more
 *
 * Context: lock held or worker.
 */
bool ftl_group_proved(const struct ftl *f, u32 s)
{
	return !f->group.max || ftl_seq_after(f->group.proved, f->stripe[s].group_seq);
}

/* ---- the page ------------------------------------------------------------------------ */

/* Over the whole page with the field itself zero. */
u32 ftl_group_crc(struct fio_group_page *p)
{
	__le32 kept = p->crc;
	u32 crc;

	p->crc = 0;
	crc = ftl_crc32c(0, p, sizeof(*p));
	p->crc = kept;
	return crc;
}

/* Worker or lock held. */
bool ftl_group_live(const struct ftl *f, u32 unit)
{
	return f->group.page == unit && unit != FIO_UNIT_NONE;
}

/* Lock held: the page was copied. */
bool ftl_group_relocate(struct ftl *f, u32 from, u32 to)
{
	if (!ftl_group_live(f, from))
		return false;
	f->group.page = to;
	ftl_stripe_get(f, to);
	ftl_stripe_put(f, from);
	return true;
}

/* Lock held: what is in @victim cannot be read. */
void ftl_group_lost(struct ftl *f, u32 victim)
{
	u32 unit = f->group.page;

	if (unit != FIO_UNIT_NONE && ftl_unit_stripe(f, unit) == victim)
		f->group.rewrite = true;
}

static void put_drop(struct fio_group_page *p, u32 n, u64 first, u64 last, u64 lu, u32 len)
{
	p->drop[n].first = cpu_to_le64(first);
	p->drop[n].last = cpu_to_le64(last);
	p->drop[n].lba = cpu_to_le32((u32)lu);
	p->drop[n].len = cpu_to_le16((u16)len);
}

/* Lock held: what does not count. Returns how many; never more than there is room for. */
static u32 put_drops(struct ftl *f, struct fio_group_page *p)
{
	const struct ftl_groups *g = &f->group;
	const struct ftl_link *l;
	u32 n;

	for (n = 0; n < g->drops; n++)
		put_drop(p, n, g->drop[n].first, g->drop[n].last, g->drop[n].lu,
			 g->drop[n].len);
	for (l = g->writes.next; l != &g->writes && n < FIO_GROUP_DROPS; l = l->next) {
		const struct ftl_write *w = container_of(l, struct ftl_write, grp);

		if (w->group == FTL_GROUP_RETRY)
			put_drop(p, n++, w->first, w->last, w->lu, w->units);
	}
	return n;
}

/* Lock held: all groups below this number have ended, or are named. */
static u64 proof(const struct ftl *f)
{
	const struct ftl_groups *g = &f->group;
	const struct ftl_link *l;
	u64 seq = f->seq;

	for (l = g->writes.next; l != &g->writes; l = l->next) {
		const struct ftl_write *w = container_of(l, struct ftl_write, grp);

		if (w->cmds && ftl_seq_after(seq, w->seq))
			seq = w->seq;
	}
	return g->stuck && ftl_seq_after(seq, g->stuck_seq) ? g->stuck_seq : seq;
}

/* Lock held: the state as it is now, for a page to come. */
static void draft(struct ftl *f)
{
	struct fio_group_page *p = f->group.draft;

	memset(p, 0, sizeof(*p));
	p->magic = cpu_to_le64(FIO_GROUP_MAGIC);
	p->proof = cpu_to_le64(proof(f));
	p->count = cpu_to_le32(put_drops(f, p));
	p->crc = cpu_to_le32(ftl_group_crc(p));
}

/* Lock held. Metadata's room, or if there is none, that of copies. */
static u32 reserve(struct ftl *f, u32 *unit)
{
	u32 got = ftl_reserve(f, FTL_META, 1, unit);

	return got ? got : ftl_reserve(f, FTL_GC, 1, unit);
}

/* Lock held: the page is on flash. */
static void adopt(struct ftl *f, u32 unit)
{
	struct ftl_groups *g = &f->group;
	u32 old = g->page;

	g->page = unit;
	ftl_stripe_get(f, unit);
	if (old != FIO_UNIT_NONE)
		ftl_stripe_put(f, old);
	g->page_drops = le32_to_cpu(g->draft->count);
	g->proved = le64_to_cpu(g->draft->proof);
	g->rewrite = false;
	f->st.group_proofs++;
	f->st.meta_units_written++;
}

static int append_once(struct ftl *f)
{
	struct media_cmd *cmd = ftl_exec_get(f);
	unsigned long flags;
	int err;
	u64 seq;

	if (!cmd)
		return -ENODEV;
	flags = ftl_lock(&f->lock);
	err = reserve(f, cmd->unit) ? 0 : -ENOSPC;
	seq = f->seq++;
	ftl_unlock(&f->lock, flags);
	if (err)
		goto out;
	memcpy(f->xslot.buf.va, f->group.draft, FIO_MEDIA_UNIT);
	ftl_tag_fill(f, &cmd->tag[0], FIO_TAG_GROUP, le64_to_cpu(f->group.draft->proof), seq,
		     cmd->unit[0]);
	ftl_cmd_init(cmd, MEDIA_APPEND, 1);
	cmd->buf = &f->xslot.buf;
	cmd->flags = MEDIA_F_FUA | ftl_append_flags(f);
	err = ftl_exec(f);
	if (err == -ENODEV)
		goto out;
	flags = ftl_lock(&f->lock);
	if (ftl_unit_appended(f, cmd, 0)) {
		adopt(f, cmd->unit[0]);
		ftl_append_ok(f, cmd->unit[0]);
		err = 0;
	} else {
		ftl_append_failed(f, cmd->unit[0], cmd->status);
		err = -EIO;
	}
	ftl_unlock(&f->lock, flags);
out:
	ftl_exec_put(f);
	return err;
}

/* Nothing is collected for it: collection may be waiting for it. */
static int append_page(struct ftl *f)
{
	u32 tries;
	int err = -EIO, r;

	for (tries = 0; (err == -EIO || err == -ENOSPC) && tries < FTL_APPEND_TRIES; tries++) {
		r = err == -ENOSPC ? ftl_seal_all(f) : 0;
		if (r >= 0)
			r = ftl_prepare(f, 2);
		err = r == -ENODEV ? r : append_once(f);
	}
	return err;
}

/* Has all that is to be proved ended? It does so without the worker. */
static bool ended(void *arg)
{
	struct ftl *f = arg;
	unsigned long flags = ftl_lock(&f->lock);
	bool yes = f->group.stuck || ftl_seq_after(proof(f), f->group.newest);

	ftl_unlock(&f->lock, flags);
	return yes;
}

static int wait_ended(struct ftl *f)
{
	int err;

	ftl_store(&f->wake_writes, 1);
	ftl_fence();
	err = ftl_wait(f, ended, f);
	ftl_store(&f->wake_writes, f->trim_active);
	return err;
}

/**
 * ftl_group_prove() - say durably that all groups published so far are whole
 * @f: the instance
 * @rest: SYNC fails; what flash did not take has been stored elsewhere
 *
 * What is published while this runs may be left out. Collects nothing.
 *
 * Context: worker, not from within a pipe.
 * Return: 0; -EBUSY: @rest, and more has failed meanwhile; another -errno.
 */
int ftl_group_prove(struct ftl *f, bool rest)
{
	struct ftl_groups *g = &f->group;
	unsigned long flags;
	u32 since;
	int err;

	if (ftl_load(&f->read_only))
		return -EROFS;
	err = wait_ended(f);
	if (err)
		return err;
	flags = ftl_lock(&f->lock);
	draft(f);
	since = g->since;
	ftl_unlock(&f->lock, flags);
	err = rest ? ftl_sync_rest(f) : ftl_sync(f);
	if (!err && rest && ftl_repair_busy(f))
		err = -EBUSY;
	if (!err)
		err = append_page(f);
	if (err)
		return err;
	flags = ftl_lock(&f->lock);
	g->since -= since;
	ftl_unlock(&f->lock, flags);
	return 0;
}

/* Has any been published since the last proof? Worker. */
bool ftl_group_since(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	bool any = f->group.since;

	ftl_unlock(&f->lock, flags);
	return any;
}

/**
 * ftl_group_unsafe() - may a cut take back what was read
 * @f: the instance
 * @tag: its tag
 *
 * If it is of an atomic write that may not be durable, whatever is built on it under a
 * number of its own could survive a cut that the rest does not.
 *
 * Context: any.
 * Return: true: a SYNC has to come first.
 */
bool ftl_group_unsafe(const struct ftl *f, const struct fio_tag *tag)
{
	return unlikely(tag->type == FIO_TAG_DATA && tag->group) && ftl_load(&f->group.unsynced);
}

/**
 * ftl_group_secure() - all atomic writes that have ended are durable
 * @f: the instance
 *
 * Context: worker.
 * Return: false: not now, and writes wait for that.
 */
bool ftl_group_secure(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	bool wait = f->group.unsynced && !ftl_list_empty(&f->lost_rmw);

	ftl_unlock(&f->lock, flags);
	if (!wait || ftl_load(&f->gone) || ftl_load(&f->read_only) || !ftl_sync(f))
		return true;
	/* repair.c is at it */
	ftl_later(f, BUSY_NS);
	return ftl_load(&f->gone) || ftl_load(&f->read_only);
}

/* ---- what was not whole ----------------------------------------------------------------- */

/* Store xslot.buf as the newest version of @lu, which nobody else changes meanwhile. */
static int store(struct ftl *f, u64 lu, __le16 lost)
{
	struct media_cmd *cmd = f->xslot.cmd;
	unsigned long flags = ftl_lock(&f->lock);
	u64 seq = f->seq++;
	int err = ftl_reserve(f, FTL_GC, 1, cmd->unit) ? 0 : -ENOSPC;

	ftl_unlock(&f->lock, flags);
	if (err)
		return err;
	ftl_tag_fill(f, &cmd->tag[0], FIO_TAG_DATA, lu, seq, cmd->unit[0]);
	cmd->tag[0].flags = lost;
	ftl_cmd_init(cmd, MEDIA_APPEND, 1);
	cmd->buf = &f->xslot.buf;
	cmd->flags = MEDIA_F_FUA | ftl_append_flags(f);
	err = ftl_exec(f);
	if (err == -ENODEV)
		return err;
	flags = ftl_lock(&f->lock);
	if (ftl_unit_appended(f, cmd, 0)) {
		ftl_map_publish(f, lu, cmd->unit[0]);
		ftl_append_ok(f, cmd->unit[0]);
		f->st.gc_units_written++;
		err = 0;
	} else {
		ftl_append_failed(f, cmd->unit[0], cmd->status);
		err = -EIO;
	}
	ftl_unlock(&f->lock, flags);
	return err;
}

/* The version that counts, into xslot.buf; 1: it is newer than @last already. */
static int load(struct ftl *f, u64 lu, u64 last, __le16 *lost)
{
	const struct fio_tag *tag = &f->xslot.cmd->tag[0];
	u32 unit = ftl_lookup(f, lu);
	int err;

	*lost = 0;
	if (unit == FIO_UNIT_NONE) {
		memset(f->xslot.buf.va, 0, FIO_MEDIA_UNIT);
		return 0;
	}
	err = ftl_fetch(f, unit);
	if (err)
		return err;
	*lost = tag->flags;
	return ftl_seq_after(le64_to_cpu(tag->seq), last);
}

/* Give @lu a version that is newer than @last, with the content it has. */
static int renew_unit(struct ftl *f, u64 lu, u64 last)
{
	__le16 lost = 0;
	/* This may move the unit. */
	int err = ftl_make_room(f, FTL_GC, 1);

	if (!err)
		err = ftl_map_add_leaf(f, (u32)(lu >> 10));
	if (err)
		return err;
	if (!ftl_exec_get(f))
		return -ENODEV;
	if (!ftl_inflight_take(f, lu, 1)) {
		ftl_exec_put(f);
		return -EBUSY;
	}
	err = load(f, lu, last, &lost);
	if (!err)
		err = store(f, lu, lost);
	ftl_inflight_clear(f, lu, 1);
	ftl_exec_put(f);
	return min(err, 0);
}

/* An append that fails is no reason to fail. */
static int renew(struct ftl *f, const struct ftl_drop *d)
{
	u32 i, tries;
	int err = 0;

	for (i = 0; !err && i < d->len; i++) {
		err = -EIO;
		for (tries = 0; err == -EIO && tries < FTL_APPEND_TRIES; tries++)
			err = renew_unit(f, d->lu + i, d->last);
	}
	return err;
}

/* One of those that recovery has found. */
static bool renew_step(struct ftl *f)
{
	struct ftl_groups *g = &f->group;
	unsigned long flags;
	int err = -EAGAIN;
	u32 i;

	for (i = g->drops; i && err && err != -ENODEV; i--) {
		err = renew(f, &g->drop[i - 1]);
		if (err == -EBUSY)
			ftl_later(f, BUSY_NS);
	}
	if (err)
		return false;
	flags = ftl_lock(&f->lock);
	g->drop[i] = g->drop[--g->drops];
	ftl_unlock(&f->lock, flags);
	ftl_pump(f);
	return true;
}

/* ---- the worker's part ------------------------------------------------------------------ */

/* Writes wait until a SYNC has covered others. */
static bool sync_step(struct ftl *f)
{
	struct ftl_groups *g = &f->group;

	if (!ftl_load(&g->wanted))
		return false;
	ftl_store(&g->wanted, 0);
	if (!g->unsynced || ftl_sync(f))
		return false;
	ftl_pump(f);
	return true;
}

/* Does the page name what is past, or must it be written for another reason? */
static bool page_is_old(struct ftl *f)
{
	struct ftl_groups *g = &f->group;
	unsigned long flags = ftl_lock(&f->lock);
	bool old = g->rewrite || g->since >= PROVE_AFTER;
	const struct ftl_link *l;
	u32 n = g->drops;

	for (l = g->writes.next; l != &g->writes; l = l->next)
		n += container_of(l, struct ftl_write, grp)->group == FTL_GROUP_RETRY;
	old |= g->page_drops && !n;
	ftl_unlock(&f->lock, flags);
	return old;
}

/**
 * ftl_group_step() - proofs, and what recovery has left to do
 * @f: the instance
 *
 * Context: worker.
 * Return: true when something was done.
 */
bool ftl_group_step(struct ftl *f)
{
	if (!f->group.max || ftl_load(&f->read_only))
		return false;
	if (sync_step(f) || renew_step(f))
		return true;
	return page_is_old(f) && !ftl_group_prove(f, false);
}

/* ---- attach and detach -------------------------------------------------------------------- */

/* A new format: from the first number on. */
void ftl_group_format(struct ftl *f)
{
	f->super->features.incompat |= cpu_to_le32(FIO_INCOMPAT_GROUPS);
	f->group.proved = f->seq;
}

/**
 * ftl_group_init() - can the format have atomic writes
 * @f: the instance, superblock found
 *
 * A group must fit into any stripe that can be opened, however many of its append
 * units are bad: else it could wait for ever.
 *
 * Context: attach; may sleep.
 * Return: 0 or -ENOMEM.
 */
int ftl_group_init(struct ftl *f)
{
	struct ftl_groups *g = &f->group;

	if (!(le32_to_cpu(f->super->features.incompat) & FIO_INCOMPAT_GROUPS))
		return 0;
	g->draft = ftl_alloc(f, sizeof(*g->draft), FTL_MEM_CORE);
	g->max = min(min((u32)FTL_MAX_UNITS, f->geo.max_units), f->geo.pages);
	return g->draft ? 0 : -ENOMEM;
}

void ftl_group_free(struct ftl *f)
{
	ftl_free(f, f->group.draft, sizeof(*f->group.draft), FTL_MEM_CORE);
}

/**
 * ftl_group_attach() - the map is known
 * @f: the instance
 * @proved: all groups below count, except for those in f->group.drop
 *
 * Context: attach.
 */
void ftl_group_attach(struct ftl *f, u64 proved)
{
	u32 s;

	f->group.proved = proved;
	f->group.newest = proved - 1;
	for (s = 0; s < f->geo.aus; s++)
		f->stripe[s].group_seq = proved - 1;
}

/**
 * ftl_group_commit() - after a recovery: what it has decided stays so
 * @f: the instance; what the map names is durable
 *
 * Context: attach.
 * Return: 0 or -errno.
 */
int ftl_group_commit(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	int err;

	draft(f);
	ftl_unlock(&f->lock, flags);
	err = append_page(f);
	if (err && err != -ENODEV)
		ftl_say(f, FTL_ERR, "recovery cannot write down which atomic writes are whole (%d): attach again, or attach read-only to save the data",
			err);
	return err;
}

/**
 * ftl_group_detach() - everything is whole
 * @f: the instance; nothing is under way, the map is on flash, SYNC is done
 *
 * Context: worker.
 * Return: 0; -EBUSY: something that is not whole has not been overwritten: the next attach
 * has to look.
 */
int ftl_group_detach(struct ftl *f)
{
	struct ftl_groups *g = &f->group;

	if (g->drops || g->stuck)
		return -EBUSY;
	g->proved = f->seq;
	return 0;
}
