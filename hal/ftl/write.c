// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes: from a request to published units.
 *
 * Owns: admission, sequence numbers, read-modify-write of partial units, what
 * happens when an append fails. Does not know: where frontiers write, what is
 * collected meanwhile.
 *
 * Admission takes everything a write needs but room: its units in the in-flight
 * table and its private buffers. Room and a sequence number are taken command
 * by command, so that whatever holds a sequence number is on its way to the
 * medium and ends without anybody's help. A write that finds no room waits on
 * ftl.waiting; one that is not admitted waits on ftl.parked.
 *
 * Most writes find nothing in their way and go the short way at the end of this
 * file: pinned instead of listed, published without the lock. As soon as anything
 * is not as usual they are listed and continue like the others.
 *
 * A failed append is placed again under a new sequence number: the first attempt
 * may have reached the flash with other bytes, since the owner may change its
 * buffer under DMA.
 *
 * An atomic write of several units is one command or none: it finds room for all of
 * them or waits, and is published in one piece (group.c).
 */
#include "ftl_priv.h"

enum claim_kind {
	CLAIM_NONE,	/* nothing to do now */
	CLAIM_WAIT,	/* no room or no command: on a list */
	CLAIM_READ,	/* begin a read-modify-write */
	CLAIM_APPEND,
};

struct claim {
	enum claim_kind kind;
	struct ftl_rmw *rmw;
	u32 index, n;
	u64 seq;
	bool more;	/* come back for more */
	bool last;	/* nothing is left, not even commands: complete */
};

static u32 io_bytes(const struct ftl_io *io, const struct ftl *f)
{
	return io->count * f->lba_bytes;
}

static bool has_work(const struct ftl_write *w)
{
	u32 i;

	for (i = 0; i < 2; i++)
		if (w->rmw[i] && (w->rmw[i]->state == FTL_RMW_START ||
				  w->rmw[i]->state == FTL_RMW_READY))
			return true;
	return w->todo[0] || w->todo[1];
}

static void drop_work(struct ftl_write *w)
{
	u32 i;

	w->todo[0] = 0;
	w->todo[1] = 0;
	for (i = 0; i < 2; i++)
		if (w->rmw[i] && w->rmw[i]->state != FTL_RMW_READING)
			w->rmw[i]->state = FTL_RMW_APPEND;
}

/* ---- admission; all with the lock held ------------------------------------- */

static bool leaves_exist(struct ftl *f, const struct ftl_write *w)
{
	u64 lu;

	for (lu = w->lu >> 10; lu <= (w->lu + w->units - 1) >> 10; lu++)
		if (!ftl_load_acquire(&f->leaf[lu]))
			return false;
	return true;
}

static void lend_rmw(struct ftl *f, struct ftl_io *io, u32 which, u32 index)
{
	struct ftl_write *w = ftl_priv_of(io, ftl_write);
	struct ftl_rmw *r = container_of(f->rmw_free.next, struct ftl_rmw, link);

	ftl_list_del(&r->link);
	f->rmw_count--;
	r->io = io;
	r->index = index;
	r->state = FTL_RMW_START;
	w->rmw[which] = r;
	w->todo[index >> 6] &= ~BIT_ULL(index & 63);
}

static void set_todo(struct ftl_write *w)
{
	u32 i;

	for (i = 0; i < w->units; i++)
		w->todo[i >> 6] |= BIT_ULL(i & 63);
}

/* Its units are taken: from now on it holds them and is listed. */
static void list_admitted(struct ftl *f, struct ftl_write *w)
{
	ftl_list_add_tail(&w->adm, &f->admitted);
	set_todo(w);
	w->pending = 1;
}

/* 1: admitted; 0: not yet; -errno. */
static int admit(struct ftl *f, struct ftl_io *io)
{
	struct ftl_write *w = ftl_priv_of(io, ftl_write);
	u32 end = w->head + io_bytes(io, f);
	bool tail = end % FIO_MEDIA_UNIT && w->units > 1;
	bool head = w->head || (w->units == 1 && end != FIO_MEDIA_UNIT);

	if (f->gone)
		return -ENODEV;
	if (f->read_only)
		return -EROFS;
	if (ftl_trim_overlaps(f, w->lu, w->lu + w->units))
		return 0;
	if (f->rmw_count < (u32)head + tail || (w->group && !ftl_group_room(f)))
		return 0;
	if (!leaves_exist(f, w)) {
		ftl_kick_later(f);
		return 0;
	}
	if (!ftl_inflight_take(f, w->lu, w->units))
		return 0;
	if (!ftl_brake_admits(f, w->units)) {
		ftl_inflight_clear(f, w->lu, w->units);
		return 0;
	}
	list_admitted(f, w);
	if (w->group)
		ftl_group_admit(f, w);
	if (head)
		lend_rmw(f, io, 0, 0);
	if (tail)
		lend_rmw(f, io, 1, w->units - 1);
	return 1;
}

static void enlist(struct ftl *f, struct ftl_write *w, struct ftl_link *list, bool first)
{
	/* Another context may have parked this request already. */
	if (!ftl_list_empty(&w->wait))
		return;
	if (first)
		ftl_list_add(&w->wait, list);
	else
		ftl_list_add_tail(&w->wait, list);
	ftl_count_waiting(f, 1);
	ftl_kick_later(f);
}

/* Another context has done what this request waited for. */
static void delist(struct ftl *f, struct ftl_write *w)
{
	if (ftl_list_empty(&w->wait))
		return;
	ftl_list_del(&w->wait);
	ftl_count_waiting(f, -1);
}

/* ---- claims; all with the lock held ------------------------------------------ */

/* One more command of the write is numbered and on its way. */
static void list_sequenced(struct ftl *f, struct ftl_write *w, u64 seq)
{
	w->pending++;
	if (w->cmds++)
		return;
	w->seq = seq;
	ftl_list_add_tail(&w->sq, &f->sequenced);
}

static void take_seq(struct ftl *f, struct ftl_write *w, struct claim *c)
{
	c->seq = f->seq++;
	c->kind = CLAIM_APPEND;
	list_sequenced(f, w, c->seq);
	if (w->group)
		ftl_group_number(f, w);
}

static bool claim_rmw(struct ftl *f, struct ftl_write *w, struct media_cmd *cmd,
		      struct claim *c)
{
	struct ftl_rmw *r;
	u32 i;

	for (i = 0; i < 2; i++) {
		r = w->rmw[i];
		if (!r || (r->state != FTL_RMW_START && r->state != FTL_RMW_READY))
			continue;
		c->rmw = r;
		c->index = r->index;
		c->n = 1;
		if (r->state == FTL_RMW_START) {
			r->state = FTL_RMW_READING;
			c->kind = CLAIM_READ;
			w->pending++;
		} else if (ftl_reserve_user(f, w->lu + r->index, r->io->stream, 1, cmd->unit)) {
			r->state = FTL_RMW_APPEND;
			take_seq(f, w, c);
		} else {
			c->kind = CLAIM_WAIT;
		}
		return true;
	}
	return false;
}

static u32 first_todo(const struct ftl_write *w)
{
	u32 i = 0;

	while (!(w->todo[i >> 6] >> (i & 63) & 1))
		i++;
	return i;
}

/* @got units from c->index on have room. */
static void claim_units(struct ftl *f, struct ftl_write *w, u32 got, struct claim *c)
{
	u32 i;

	c->n = got;
	if (!got) {
		c->kind = CLAIM_WAIT;
		return;
	}
	for (i = c->index; i < c->index + got; i++)
		w->todo[i >> 6] &= ~BIT_ULL(i & 63);
	take_seq(f, w, c);
}

static void claim_run(struct ftl *f, struct ftl_write *w, struct media_cmd *cmd,
		      struct claim *c)
{
	u32 i, n = 0;

	c->index = first_todo(w);
	for (i = c->index; i < w->units && w->todo[i >> 6] >> (i & 63) & 1; i++)
		n++;
	n = min(n, f->geo.max_units);
	if (!w->group)
		n = ftl_reserve_user(f, w->lu + c->index, ftl_io_of(w)->stream, n, cmd->unit);
	else if (!ftl_reserve_group(f, w->lu, ftl_io_of(w)->stream, n, cmd->unit))
		n = 0;
	claim_units(f, w, n, c);
}

static void check_alive(struct ftl *f, struct ftl_write *w)
{
	if (!w->err && f->gone)
		w->err = -ENODEV;
	else if (!w->err && f->read_only)
		w->err = -EROFS;
	if (w->err)
		drop_work(w);
}

static void unlink_write(struct ftl *f, struct ftl_write *w)
{
	u32 i;

	ftl_list_del(&w->adm);
	if (w->group)
		ftl_group_end(f, w);
	ftl_inflight_clear(f, w->lu, w->units);
	for (i = 0; i < 2; i++)
		if (w->rmw[i]) {
			ftl_list_add(&w->rmw[i]->link, &f->rmw_free);
			f->rmw_count++;
		}
}

/* The caller has done its part. True: nothing is left of the request. */
static bool drop_hold(struct ftl *f, struct ftl_write *w)
{
	if (--w->pending || has_work(w))
		return false;
	unlink_write(f, w);
	return true;
}

/* What follows from a claim for the lists. */
static void end_claim(struct ftl *f, struct ftl_write *w, bool first, struct claim *c)
{
	if (c->kind == CLAIM_WAIT)
		enlist(f, w, &f->waiting, first);
	if (!has_work(w))
		delist(f, w);
	c->more = c->kind > CLAIM_WAIT && has_work(w);
	if (!c->more)
		c->last = drop_hold(f, w);
}

static void claim(struct ftl *f, struct ftl_io *io, struct media_cmd *cmd, bool first,
		  struct claim *c)
{
	struct ftl_write *w = ftl_priv_of(io, ftl_write);

	memset(c, 0, sizeof(*c));
	check_alive(f, w);
	if (!has_work(w))
		c->kind = CLAIM_NONE;
	else if (!cmd)
		c->kind = CLAIM_WAIT;
	else if (!claim_rmw(f, w, cmd, c))
		claim_run(f, w, cmd, c);
	end_claim(f, w, first, c);
}

/* ---- doing what was claimed --------------------------------------------------- */

static void write_done(struct media_cmd *cmd);
static bool write_run(struct ftl *f, struct ftl_io *io, struct media_cmd *cmd, bool first);

static void submit_append(struct ftl *f, struct ftl_io *io, struct media_cmd *cmd,
			  const struct claim *c, void (*done)(struct media_cmd *cmd))
{
	struct ftl_write *w = ftl_priv_of(io, ftl_write);
	u32 i;

	for (i = 0; i < c->n; i++)
		ftl_tag_fill(f, &cmd->tag[i], FIO_TAG_DATA, w->lu + c->index + i, c->seq,
			     cmd->unit[i]);
	if (unlikely(io->flags & FTL_IO_ATOMIC) && c->n > 1)
		ftl_group_tags(cmd->tag, c->n);
	ftl_cmd_init(cmd, MEDIA_APPEND, c->n);
	if (c->rmw) {
		cmd->buf = &c->rmw->buf;
	} else {
		cmd->io = io;
		cmd->io_off = c->index * FIO_MEDIA_UNIT - w->head;
	}
	cmd->flags = ftl_append_flags(f);
	if (io->flags & FTL_IO_FUA)
		cmd->flags |= MEDIA_F_FUA;
	cmd->done = done;
	cmd->priv = io;
	f->m->ops->submit(f->m, cmd);
}

/* Lay the request's bytes over the old content of a partial unit. */
static void merge(struct ftl *f, struct ftl_rmw *r)
{
	struct ftl_write *w = ftl_priv_of(r->io, ftl_write);
	u32 base = r->index * FIO_MEDIA_UNIT;
	u32 end = w->head + io_bytes(r->io, f);
	u32 from = r->index ? 0 : w->head;
	u32 to = min(end - base, (u32)FIO_MEDIA_UNIT);

	f->m->ops->io_copy(f->m, r->io, base + from - w->head, (u8 *)r->buf.va + from,
			   to - from, false);
}

/* The old content is there, or not to be had: go on with the request. */
static void rmw_ready(struct ftl *f, struct ftl_rmw *r, int err)
{
	struct ftl_io *io = r->io;
	struct ftl_write *w = ftl_priv_of(io, ftl_write);
	unsigned long flags;

	ftl_unpin(f, io->queue, r->pin);
	if (!err)
		merge(f, r);
	flags = ftl_lock(&f->lock);
	r->state = FTL_RMW_READY;
	if (err && !w->err)
		w->err = err;
	ftl_unlock(&f->lock, flags);
	/* The pending count of the read is the hold of this run. */
	write_run(f, io, NULL, false);
}

static int check_old(struct ftl *f, const struct media_cmd *cmd, u64 lu)
{
	const struct fio_tag *tag = &cmd->tag[0];
	int err = ftl_status_errno(cmd->status);

	if (err)
		return err;
	if (tag->type != FIO_TAG_DATA || le64_to_cpu(tag->lba) != lu)
		return -EIO;
	return le16_to_cpu(tag->flags) & FIO_TAG_LOST ? -ENODATA : 0;
}

static void rmw_read_done(struct media_cmd *cmd)
{
	struct ftl_rmw *r = cmd->priv;
	struct ftl *f = r->f;
	struct ftl_write *w = ftl_priv_of(r->io, ftl_write);
	bool again = cmd->status == MEDIA_ABORTED && !ftl_load(&f->gone) &&
		     ++w->tries <= FTL_ABORT_TRIES;
	u32 queue = cmd->queue;
	int err;

	if (cmd->status == MEDIA_GONE)
		ftl_set_gone(f);
	if ((cmd->status == MEDIA_UNCORRECTABLE || cmd->status == MEDIA_CRC) &&
	    cmd->retry < f->geo.read_retries) {
		cmd->retry++;
		again = true;
	}
	if (again) {
		ftl_add(&f->st.read_retries, 1);
		cmd->failed = 0;
		cmd->status = MEDIA_OK;
		f->m->ops->submit(f->m, cmd);
		f->m->ops->commit(f->m, queue);
		return;
	}
	if (ftl_rebuildable(f, cmd->status)) {
		if (cmd->status == MEDIA_DIE_OFFLINE)
			ftl_die_silent(f, cmd->unit[0]);
		ftl_unpin(f, r->io->queue, r->pin);
		f->m->ops->put(f->m, cmd);
		ftl_pump(f);
		ftl_rebuild_later(f, &r->link, true);
		return;
	}
	if (!cmd->status && ftl_group_unsafe(f, &cmd->tag[0])) {
		ftl_unpin(f, r->io->queue, r->pin);
		f->m->ops->put(f->m, cmd);
		ftl_pump(f);
		ftl_rebuild_later(f, &r->link, true);
		return;
	}
	err = check_old(f, cmd, w->lu + r->index);
	if (err)
		ftl_add(&f->st.media_errors, 1);
	f->m->ops->put(f->m, cmd);
	ftl_pump(f);
	rmw_ready(f, r, err);
}

/**
 * ftl_rmw_rebuilt() - the old content of a unit has been computed, or not
 * @f: the instance
 * @r: its buffer holds the content
 * @err: 0 or -errno
 *
 * Context: worker.
 */
void ftl_rmw_rebuilt(struct ftl *f, struct ftl_rmw *r, int err)
{
	r->pin = ftl_pin(f, r->io->queue, 0);
	rmw_ready(f, r, err);
}

/* False: @cmd was not needed. */
static bool start_rmw(struct ftl *f, struct ftl_rmw *r, struct media_cmd *cmd)
{
	struct ftl_write *w = ftl_priv_of(r->io, ftl_write);
	u32 old;

	r->pin = ftl_pin(f, r->io->queue, 0);
	old = ftl_lookup(f, w->lu + r->index);
	if (old == FIO_UNIT_NONE) {
		memset(r->buf.va, 0, FIO_MEDIA_UNIT);
		return false;
	}
	cmd->unit[0] = old;
	ftl_cmd_init(cmd, MEDIA_READ, 1);
	cmd->buf = &r->buf;
	cmd->done = rmw_read_done;
	cmd->priv = r;
	f->m->ops->submit(f->m, cmd);
	return true;
}

static void end_write(struct ftl_io *io)
{
	io->done(io, ftl_priv_of(io, ftl_write)->err);
}

/* Do one claim; returns @cmd if it was not used. */
static struct media_cmd *do_claim(struct ftl *f, struct ftl_io *io, struct media_cmd *cmd,
				  const struct claim *c)
{
	if (c->kind == CLAIM_APPEND) {
		submit_append(f, io, cmd, c, write_done);
		return NULL;
	}
	if (c->kind == CLAIM_READ) {
		if (start_rmw(f, c->rmw, cmd))
			return NULL;
		rmw_ready(f, c->rmw, 0);
	}
	if (c->last) {
		ftl_wake_writes(f);
		end_write(io);
	}
	return cmd;
}

/*
 * Carry a write as far as it goes now. The caller owns one pending count, which
 * this uses up. @cmd: a command, or NULL. Returns false when nothing was done.
 */
static bool write_run(struct ftl *f, struct ftl_io *io, struct media_cmd *cmd, bool first)
{
	u32 queue = io->queue;
	bool progress = false;
	unsigned long flags;
	struct claim c;

	do {
		if (!cmd)
			cmd = f->m->ops->get(f->m, queue, false);
		flags = ftl_lock(&f->lock);
		claim(f, io, cmd, first, &c);
		ftl_unlock(&f->lock, flags);
		progress |= c.kind != CLAIM_WAIT;
		cmd = do_claim(f, io, cmd, &c);
	} while (c.more);
	if (cmd)
		f->m->ops->put(f->m, cmd);
	f->m->ops->commit(f->m, queue);
	return progress;
}

/* ---- completion ------------------------------------------------------------------ */

static void place_again(struct ftl *f, struct ftl_write *w, struct ftl_rmw *r, u32 index)
{
	if (r)
		r->state = FTL_RMW_READY;
	else
		w->todo[index >> 6] |= BIT_ULL(index & 63);
}

/* Lock held. Returns whether something failed. */
static bool publish(struct ftl *f, struct ftl_write *w, struct media_cmd *cmd, u32 index,
		    struct ftl_rmw *r)
{
	bool failed = false;
	u32 i;

	if (w->group) {
		failed = !ftl_group_publish(f, w, cmd);
		if (failed)
			set_todo(w);
		return failed;
	}
	ftl_note_volatile(f);
	for (i = 0; i < cmd->n; i++) {
		if (ftl_unit_appended(f, cmd, i)) {
			ftl_map_publish(f, w->lu + index + i, cmd->unit[i]);
			ftl_append_ok(f, cmd->unit[i]);
			f->st.user_units_written++;
			continue;
		}
		failed = true;
		ftl_append_failed(f, cmd->unit[i], cmd->status);
		place_again(f, w, r, index + i);
	}
	return failed;
}

static void judge(struct ftl *f, struct ftl_write *w, u8 status)
{
	if (status == MEDIA_GONE)
		w->err = -ENODEV;
	else if (status == MEDIA_INVALID || status == MEDIA_OK ||
		 ++w->tries > FTL_APPEND_TRIES)
		w->err = -EIO;
}

static void write_done(struct media_cmd *cmd)
{
	struct ftl_io *io = cmd->priv;
	struct ftl_write *w = ftl_priv_of(io, ftl_write);
	struct ftl *f = w->f;
	struct ftl_rmw *r = cmd->buf ? container_of(cmd->buf, struct ftl_rmw, buf) : NULL;
	u32 index = r ? r->index : (cmd->io_off + w->head) / FIO_MEDIA_UNIT;
	unsigned long flags;
	bool more, last = false, hopeless;

	if (cmd->status == MEDIA_GONE)
		ftl_set_gone(f);
	flags = ftl_lock(&f->lock);
	if (publish(f, w, cmd, index, r))
		judge(f, w, cmd->status);
	hopeless = w->err == -EIO;
	if (!--w->cmds)
		ftl_list_del(&w->sq);
	more = has_work(w);
	if (!more)
		last = drop_hold(f, w);
	ftl_unlock(&f->lock, flags);
	f->m->ops->put(f->m, cmd);
	if (hopeless)
		ftl_set_read_only(f, "appends fail again and again");
	ftl_wake_writes(f);
	/* The last done() may be the last that is heard of the instance. */
	ftl_pump(f);
	if (last)
		end_write(io);
	else if (more)
		write_run(f, io, NULL, false);
}

/* ---- entry and waiting -------------------------------------------------------------- */

static void init_write(struct ftl *f, struct ftl_io *io)
{
	struct ftl_write *w = ftl_priv_of(io, ftl_write);
	u64 units;
	u32 head;

	memset(w, 0, sizeof(*w));
	ftl_list_init(&w->wait);
	ftl_list_init(&w->adm);
	ftl_list_init(&w->sq);
	ftl_list_init(&w->grp);
	w->f = f;
	ftl_span(f, io, &w->lu, &head, &units);
	w->head = head;
	w->units = units;
	if (io->flags & FTL_IO_ATOMIC && units > 1)
		w->group = FTL_GROUP_WHOLE;
}

/*
 * Do what was claimed first. A request that waits for more may be complete before
 * this begins, so its queue and whether more follow are handed over.
 */
static void begin_write(struct ftl *f, struct ftl_io *io, struct media_cmd *cmd,
			const struct claim *c, u32 queue, bool more)
{
	cmd = do_claim(f, io, cmd, c);
	if (cmd)
		f->m->ops->put(f->m, cmd);
	if (c->more)
		write_run(f, io, NULL, false);
	else if (!more)
		f->m->ops->commit(f->m, queue);
	if (c->kind != CLAIM_APPEND || ftl_load(&f->kicks))
		ftl_pump(f);
}

/* The long way: everything under the lock. */
static void submit_listed(struct ftl *f, struct ftl_io *io)
{
	struct media_cmd *cmd = f->m->ops->get(f->m, io->queue, false);
	struct claim c = { .kind = CLAIM_NONE };
	bool more = io->flags & FTL_IO_MORE;
	u32 queue = io->queue;
	unsigned long flags;
	int r = 0;

	init_write(f, io);
	flags = ftl_lock(&f->lock);
	if (ftl_list_empty(&f->parked) && ftl_list_empty(&f->waiting))
		r = admit(f, io);
	if (r > 0)
		claim(f, io, cmd, false, &c);
	else if (!r)
		enlist(f, ftl_priv_of(io, ftl_write), &f->parked, false);
	ftl_unlock(&f->lock, flags);
	if (r < 0) {
		if (cmd)
			f->m->ops->put(f->m, cmd);
		ftl_commit(f, queue);
		ftl_pump(f);
		io->done(io, r);
		return;
	}
	begin_write(f, io, cmd, &c, queue, more);
}

/* ---- the short way ------------------------------------------------------------------- */

/* Lock held: a pinned write continues on the lists, its command still under way. */
static void list_pinned(struct ftl *f, struct ftl_io *io, u64 seq)
{
	struct ftl_write *w = ftl_priv_of(io, ftl_write);

	init_write(f, io);
	list_admitted(f, w);
	w->todo[0] = 0;
	w->todo[1] = 0;
	w->pending = 0;
	list_sequenced(f, w, seq);
}

/* Something has failed: as a listed write it can be placed again. */
static void pinned_failed(struct ftl *f, struct media_cmd *cmd)
{
	struct ftl_io *io = cmd->priv;
	struct ftl_write *w = ftl_priv_of(io, ftl_write);
	u8 pin = w->pin;
	unsigned long flags = ftl_lock(&f->lock);

	list_pinned(f, io, w->seq);
	ftl_unlock(&f->lock, flags);
	ftl_write_unpin(f, io->queue, pin, 0);
	write_done(cmd);
}

static bool all_appended(const struct ftl *f, const struct media_cmd *cmd)
{
	u32 i;

	for (i = 0; i < cmd->n; i++)
		if (!ftl_unit_appended(f, cmd, i))
			return false;
	return true;
}

static void settle(struct ftl *f, u32 stripe)
{
	unsigned long flags = ftl_lock(&f->lock);

	ftl_stripe_settle(f, stripe);
	ftl_unlock(&f->lock, flags);
}

/*
 * Units of one stripe after the other: into the map, then counted as valid. Until
 * then they count as under way, so that their stripe stays open and nobody else
 * looks at them: writes and trims of the same units wait, the collector takes
 * closed stripes.
 */
static void publish_pinned(struct ftl *f, u64 lu, const u32 *unit, u32 n)
{
	u32 i, s, first = 0;

	while (first < n) {
		s = ftl_unit_stripe(f, unit[first]);
		for (i = first; i < n && unit[i] - s * f->stripe_units < f->stripe_units; i++) {
			u32 *leaf = f->leaf[(lu + i) >> 10];

			ftl_map_put_old(f, lu + i, ftl_swap(&leaf[(lu + i) & (FIO_MAP_FANOUT - 1)],
							    unit[i]));
		}
		if (ftl_has_parity(f))
			ftl_rows_stored(f, s, &unit[first], i - first);
		if (unlikely(ftl_appended(f, s, i - first)))
			settle(f, s);
		first = i;
	}
}

static void pinned_done(struct media_cmd *cmd)
{
	struct ftl_io *io = cmd->priv;
	struct ftl_write *w = ftl_priv_of(io, ftl_write);
	struct ftl *f = w->f;
	u32 n = cmd->n;

	if (unlikely(cmd->status) || unlikely(!all_appended(f, cmd))) {
		pinned_failed(f, cmd);
		return;
	}
	ftl_note_volatile(f);
	publish_pinned(f, w->lu, cmd->unit, n);
	ftl_inflight_clear(f, w->lu, n);
	f->m->ops->put(f->m, cmd);
	/* Behind this atomic the looks at who waits for any of it. */
	ftl_write_unpin(f, io->queue, w->pin, n);
	ftl_wake_writes(f);
	ftl_look(f);
	io->done(io, 0);
}

/* Of leaves that exist. The first entry will be exchanged: fetch its line till then. */
static bool find_leaves(const struct ftl *f, u64 lu, u32 units)
{
	u32 *leaf = ftl_map_leaf(f, lu);

	if (!leaf)
		return false;
	ftl_prefetch_write(&leaf[lu & (FIO_MAP_FANOUT - 1)]);
	return units == 1 || ftl_map_leaf(f, lu + units - 1);
}

/* Whole units in one command, and nobody is waiting. */
static bool is_simple(const struct ftl *f, const struct ftl_io *io)
{
	u64 mask = (1ULL << f->lba_shift) - 1;
	u32 units = io->count >> f->lba_shift;

	return !((io->lba | io->count) & mask) && units <= f->geo.max_units &&
	       !(io->flags & FTL_IO_ATOMIC && units > 1) &&
	       !ftl_load(&f->nwait) && !ftl_load(&f->braked) &&
	       find_leaves(f, io->lba >> f->lba_shift, units);
}

/* Pinned, with its units taken; or neither. */
static bool pin_write(struct ftl *f, struct ftl_io *io, struct ftl_write *w)
{
	w->pin = ftl_write_pin(f, io->queue);
	if (likely(!ftl_load(&f->trim_active)) &&
	    likely(ftl_inflight_take(f, w->lu, w->units)))
		return true;
	ftl_write_unpin(f, io->queue, w->pin, 0);
	return false;
}

/*
 * Lock held: there was room for @got units only. The write is listed as if it had
 * been admitted, and goes on as such.
 */
static void list_partly(struct ftl *f, struct ftl_io *io, u32 got, struct claim *c)
{
	struct ftl_write *w = ftl_priv_of(io, ftl_write);

	init_write(f, io);
	list_admitted(f, w);
	claim_units(f, w, got, c);
	end_claim(f, w, false, c);
}

/* Room and a number for a pinned write, and off it goes. */
static void submit_pinned(struct ftl *f, struct ftl_io *io, struct media_cmd *cmd)
{
	struct ftl_write *w = ftl_priv_of(io, ftl_write);
	struct claim c = { .kind = CLAIM_APPEND };
	bool more = io->flags & FTL_IO_MORE;
	u32 queue = io->queue;
	u8 pin = w->pin;
	unsigned long flags;

	/* Placement asks where the old version is: miss the cache before the lock. */
	ftl_map_find(f, w->lu);
	flags = ftl_lock(&f->lock);
	c.n = ftl_reserve_user(f, w->lu, io->stream, w->units, cmd->unit);
	if (unlikely(c.n < w->units)) {
		list_partly(f, io, c.n, &c);
		ftl_unlock(&f->lock, flags);
		ftl_write_unpin(f, queue, pin, 0);
		begin_write(f, io, cmd, &c, queue, more);
		return;
	}
	c.seq = f->seq++;
	ftl_unlock(&f->lock, flags);
	w->seq = c.seq;
	submit_append(f, io, cmd, &c, pinned_done);
	if (!more)
		f->m->ops->commit(f->m, queue);
	if (unlikely(ftl_load(&f->kicks)))
		ftl_pump(f);
}

/**
 * ftl_submit_write() - start a write
 * @f: the instance
 * @io: request, checked
 *
 * Context: any; does not sleep.
 */
void ftl_submit_write(struct ftl *f, struct ftl_io *io)
{
	struct ftl_write *w = ftl_priv_of(io, ftl_write);
	struct media_cmd *cmd;

	w->f = f;
	w->lu = io->lba >> f->lba_shift;
	w->units = io->count >> f->lba_shift;
	w->head = 0;
	cmd = is_simple(f, io) ? f->m->ops->get(f->m, io->queue, false) : NULL;
	if (likely(cmd)) {
		if (likely(pin_write(f, io, w))) {
			submit_pinned(f, io, cmd);
			return;
		}
		f->m->ops->put(f->m, cmd);
	}
	submit_listed(f, io);
}

static struct ftl_io *first_waiting(struct ftl *f)
{
	if (!ftl_list_empty(&f->waiting))
		return ftl_io_of(f->waiting.next);
	if (!ftl_list_empty(&f->parked))
		return ftl_io_of(f->parked.next);
	return NULL;
}

static bool waiting_queue(struct ftl *f, u32 *queue)
{
	unsigned long flags = ftl_lock(&f->lock);
	struct ftl_io *io = first_waiting(f);

	if (io)
		*queue = io->queue;
	ftl_unlock(&f->lock, flags);
	return io;
}

/* Lock held. 1: *@io may run; 0: nobody may; -errno: *@io has failed. */
static int take_waiting(struct ftl *f, u32 queue, struct ftl_io **io)
{
	struct ftl_write *w;
	int r = 1;

	*io = first_waiting(f);
	if (!*io || (*io)->queue != queue)
		return 0;
	w = ftl_priv_of(*io, ftl_write);
	if (!ftl_list_empty(&f->waiting))
		w->pending++;
	else
		r = admit(f, *io);
	if (r) {
		ftl_list_del(&w->wait);
		ftl_count_waiting(f, -1);
	}
	return r;
}

/**
 * ftl_write_pump() - let waiting writes go on
 * @f: the instance
 *
 * First those that are admitted and lack room or a command, then, in order,
 * those that are not. A command is asked for while the request is on a list.
 *
 * Context: any, no lock held.
 */
void ftl_write_pump(struct ftl *f)
{
	struct media_cmd *cmd;
	struct ftl_io *io;
	unsigned long flags;
	u32 queue;
	int r;

	while (waiting_queue(f, &queue)) {
		cmd = f->m->ops->get(f->m, queue, false);
		if (!cmd)
			return;
		flags = ftl_lock(&f->lock);
		r = take_waiting(f, queue, &io);
		ftl_unlock(&f->lock, flags);
		if (r <= 0)
			f->m->ops->put(f->m, cmd);
		if (r < 0)
			io->done(io, r);
		if (!r || (r > 0 && !write_run(f, io, cmd, true)))
			return;
	}
}

/* Lock held: the first leaf that the first parked write lacks. */
static u32 missing_leaf(struct ftl *f)
{
	struct ftl_write *w;
	u64 l;

	if (ftl_list_empty(&f->parked))
		return FTL_NONE;
	w = container_of(f->parked.next, struct ftl_write, wait);
	for (l = w->lu >> 10; l <= (w->lu + w->units - 1) >> 10; l++)
		if (!f->leaf[l])
			return (u32)l;
	return FTL_NONE;
}

static void fail_first_parked(struct ftl *f)
{
	struct ftl_io *io = NULL;
	unsigned long flags = ftl_lock(&f->lock);

	if (!ftl_list_empty(&f->parked)) {
		io = ftl_io_of(f->parked.next);
		ftl_list_del(f->parked.next);
		ftl_count_waiting(f, -1);
	}
	ftl_unlock(&f->lock, flags);
	if (io)
		io->done(io, -EIO);
}

/**
 * ftl_write_alloc_leaf() - give the first parked write the leaf it lacks
 * @f: the instance
 *
 * Context: worker; may sleep.
 * Return: true if there was something to do.
 */
bool ftl_write_alloc_leaf(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 leaf = missing_leaf(f);

	ftl_unlock(&f->lock, flags);
	if (leaf == FTL_NONE)
		return false;
	if (ftl_late_leaf(f, leaf)) {
		fail_first_parked(f);
	} else if (ftl_map_add_leaf(f, leaf)) {
		ftl_say(f, FTL_ERR, "out of memory for the map: a write failed; free memory or detach");
		fail_first_parked(f);
	} else {
		/* Even if nothing gets mapped: an append that failed may be on flash. */
		flags = ftl_lock(&f->lock);
		ftl_map_mark(f, leaf, FTL_LEAF_DIRTY);
		ftl_unlock(&f->lock, flags);
	}
	ftl_pump(f);
	return true;
}
