// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and flushes.
 *
 * Owns: the lock-free path from a logical unit to its data, the retry ladder,
 * the check that what came is what was asked for. Does not know: writes.
 */
#include "ftl_priv.h"

/*
 * One command of a request is done with. Who finds itself alone is the last one
 * and spares itself the atomic. Returns whether the caller has to call done().
 */
static bool read_part_done(struct ftl_read *r)
{
	return ftl_load_acquire(&r->pending) == 1 ||
	       !__atomic_sub_fetch(&r->pending, 1, __ATOMIC_ACQ_REL);
}

/* All of them: the last thing that is done with the instance. */
static void read_end(struct ftl *f, struct ftl_io *io)
{
	struct ftl_read *r = ftl_priv_of(io, ftl_read);
	int err = r->err;

	/* Behind this atomic, the command given back and then the look. */
	ftl_unpin(f, io->queue, r->pin);
	ftl_look(f);
	if (unlikely(r->lost[0] | r->lost[1]) && !err)
		ftl_rebuild_later(f, &r->wait, false);
	else
		io->done(io, err);
}

static void note_error(struct ftl_read *r, int err)
{
	if (err)
		ftl_store(&r->err, err);
}

/* Is unit @i of a completed read the logical unit it should be? */
static int check_unit(struct ftl *f, const struct media_cmd *cmd, u32 i, u64 lu)
{
	const struct fio_tag *tag = &cmd->tag[i];

	if (cmd->unit[i] == FIO_UNIT_NONE)
		return 0;
	if (tag->type != FIO_TAG_DATA || le64_to_cpu(tag->lba) != lu ||
	    le32_to_cpu(tag->media_id) != f->media_id) {
		ftl_say(f, FTL_ERR, "unit %u should hold logical unit %llu, its tag says type %u lba %llu",
			cmd->unit[i], (unsigned long long)lu, tag->type,
			(unsigned long long)le64_to_cpu(tag->lba));
		return -EIO;
	}
	return le16_to_cpu(tag->flags) & FIO_TAG_LOST ? -ENODATA : 0;
}

static int check_read(struct ftl *f, const struct media_cmd *cmd, u64 lu)
{
	int err = ftl_status_errno(cmd->status);
	u32 i;

	for (i = 0; !err && i < cmd->n; i++)
		err = check_unit(f, cmd, i, lu + i);
	return err;
}

/* Units of which only parity may still know something; the others must be right. */
static int note_lost(struct ftl *f, struct ftl_read *r, const struct media_cmd *cmd, u64 lu)
{
	u64 failed = cmd->failed ? cmd->failed : ~0ULL;
	u32 i, nr = (u32)(lu - r->lu);
	int err = 0;

	for (i = 0; !err && i < cmd->n; i++, nr++) {
		if (!(failed >> i & 1)) {
			err = check_unit(f, cmd, i, lu + i);
			continue;
		}
		__atomic_fetch_or(&r->lost[nr >> 6], BIT_ULL(nr & 63), __ATOMIC_RELAXED);
		if (cmd->status == MEDIA_DIE_OFFLINE && cmd->unit[i] < f->total_units)
			ftl_die_silent(f, cmd->unit[i]);
	}
	return err;
}

/* A card reset ended the command: it may be repeated, but not for ever. */
static bool was_aborted(struct ftl *f, struct ftl_read *r, const struct media_cmd *cmd)
{
	return cmd->status == MEDIA_ABORTED && !ftl_load(&f->gone) &&
	       ftl_add(&r->aborts, 1) <= FTL_ABORT_TRIES;
}

static void submit_again(struct ftl *f, struct media_cmd *cmd)
{
	u32 queue = cmd->queue;

	cmd->failed = 0;
	cmd->status = MEDIA_OK;
	f->m->ops->submit(f->m, cmd);
	f->m->ops->commit(f->m, queue);
}

static bool read_again(struct ftl *f, struct ftl_read *r, struct media_cmd *cmd)
{
	bool weak = cmd->status == MEDIA_UNCORRECTABLE || cmd->status == MEDIA_CRC;

	if (weak && cmd->retry < f->geo.read_retries)
		cmd->retry++;
	else if (!was_aborted(f, r, cmd))
		return false;
	ftl_add(&f->st.read_retries, 1);
	submit_again(f, cmd);
	return true;
}

static void read_done(struct media_cmd *cmd)
{
	struct ftl_io *io = cmd->io;
	struct ftl *f = cmd->priv;
	struct ftl_read *r = ftl_priv_of(io, ftl_read);
	u64 lu;
	int err;

	if (cmd->status == MEDIA_GONE)
		ftl_set_gone(f);
	if (cmd->status && read_again(f, r, cmd))
		return;
	lu = r->lu + ((cmd->io_off + r->head) / FIO_MEDIA_UNIT);
	if (ftl_rebuildable(f, cmd->status))
		err = note_lost(f, r, cmd, lu);
	else
		err = check_read(f, cmd, lu);
	if (err == -ENODATA || err == -EIO)
		ftl_add(&f->st.media_errors, 1);
	note_error(r, err);
	f->m->ops->put(f->m, cmd);
	if (likely(read_part_done(r)))
		read_end(f, io);
	else
		ftl_pump(f);
}

/* Look units @first.. of the request up; true: at least one is stored. */
static bool look_up(struct ftl *f, const struct ftl_read *r, u32 first, u32 n, u32 *unit)
{
	bool any = false;
	u32 i;

	for (i = 0; i < n; i++) {
		unit[i] = ftl_map_find(f, r->lu + first + i);
		any |= unit[i] != FIO_UNIT_NONE;
	}
	return any;
}

/*
 * Units @first to @first + @n as one command; false: there was nothing to read, it
 * was not used. Once it is submitted the request may be complete.
 */
static bool issue_read(struct ftl *f, struct ftl_io *io, struct media_cmd *cmd, u32 first, u32 n)
{
	struct ftl_read *r = ftl_priv_of(io, ftl_read);
	u32 skip = first ? 0 : r->head;
	u32 off = first ? first * FIO_MEDIA_UNIT - r->head : 0;
	u32 len = min(n * FIO_MEDIA_UNIT - skip, r->bytes - off);

	if (!look_up(f, r, first, n, cmd->unit)) {
		f->m->ops->io_zero(f->m, io, off, len);
		return false;
	}
	ftl_cmd_init(cmd, MEDIA_READ, n);
	cmd->io = io;
	cmd->io_off = off;
	cmd->skip = skip;
	cmd->len = len;
	cmd->done = read_done;
	cmd->priv = f;
	f->m->ops->submit(f->m, cmd);
	return true;
}

static void wait_for_cmd(struct ftl *f, struct ftl_link *wait, bool first)
{
	unsigned long flags = ftl_lock(&f->lock);

	if (first)
		ftl_list_add(wait, &f->cmd_wait);
	else
		ftl_list_add_tail(wait, &f->cmd_wait);
	ftl_count_waiting(f, 1);
	ftl_unlock(&f->lock, flags);
}

/*
 * Issue until all is under way; false: out of commands. @cmd: the first one, or
 * NULL. When it is true the request may be complete.
 */
static bool read_run(struct ftl *f, struct ftl_io *io, struct media_cmd *cmd)
{
	struct ftl_read *r = ftl_priv_of(io, ftl_read);
	u32 units = r->units, first = r->next, n, queue = io->queue;

	for (; first < units; first += n) {
		n = min(units - first, f->geo.max_units);
		cmd = cmd ? cmd : f->m->ops->get(f->m, queue, false);
		if (!cmd)
			return false;
		r->next = first + n;
		if (likely(!ftl_load(&f->gone))) {
			if (issue_read(f, io, cmd, first, n)) {
				cmd = NULL;
				continue;
			}
		} else {
			note_error(r, -ENODEV);
		}
		if (read_part_done(r))
			read_end(f, io);
	}
	if (cmd)
		f->m->ops->put(f->m, cmd);
	return true;
}

/* Commands that a request will need. */
static u32 read_parts(const struct ftl *f, u32 units)
{
	return units <= f->geo.max_units ? 1 : (units - 1) / f->geo.max_units + 1;
}

/**
 * ftl_submit_read() - start a read
 * @f: the instance
 * @io: request, checked
 *
 * Context: any; lock-free while the medium has commands.
 */
void ftl_submit_read(struct ftl *f, struct ftl_io *io)
{
	struct ftl_read *r = ftl_priv_of(io, ftl_read);
	bool more = io->flags & FTL_IO_MORE;
	u32 queue = io->queue;
	u64 units;

	if (unlikely(ftl_load(&f->late_on)) && ftl_late_read(f, io))
		return;
	ftl_span(f, io, &r->lu, &r->head, &units);
	r->units = (u32)units;
	r->bytes = io->count * f->lba_bytes;
	r->next = 0;
	r->err = 0;
	r->aborts = 0;
	r->lost[0] = 0;
	r->lost[1] = 0;
	r->pending = read_parts(f, r->units);
	r->pin = ftl_pin(f, queue, r->units);
	if (!read_run(f, io, NULL)) {
		wait_for_cmd(f, &r->wait, false);
		/* One may have come back between asking and waiting. */
		ftl_read_pump(f);
		return;
	}
	if (!more)
		f->m->ops->commit(f->m, queue);
}

static void flush_done(struct media_cmd *cmd)
{
	struct ftl_io *io = cmd->io;
	struct ftl *f = cmd->priv;
	int err = ftl_status_errno(cmd->status);
	bool again;

	if (cmd->status == MEDIA_GONE)
		ftl_set_gone(f);
	if (was_aborted(f, ftl_priv_of(io, ftl_read), cmd)) {
		submit_again(f, cmd);
		return;
	}
	again = cmd->status == MEDIA_PROGRAM_FAIL && ftl_flush_wait(f, io);
	f->m->ops->put(f->m, cmd);
	ftl_pump(f);
	if (!again)
		io->done(io, err);
}

static bool flush_run(struct ftl *f, struct ftl_io *io, struct media_cmd *cmd)
{
	u32 queue = io->queue;

	cmd = cmd ? cmd : f->m->ops->get(f->m, queue, false);
	if (!cmd)
		return false;
	ftl_cmd_init(cmd, MEDIA_SYNC, 0);
	cmd->io = io;
	cmd->done = flush_done;
	cmd->priv = f;
	f->m->ops->submit(f->m, cmd);
	f->m->ops->commit(f->m, queue);
	return true;
}

/**
 * ftl_submit_flush() - everything acknowledged becomes durable
 * @f: the instance
 * @io: request
 *
 * Nothing to do while acknowledged means durable.
 *
 * Context: any.
 */
void ftl_submit_flush(struct ftl *f, struct ftl_io *io)
{
	struct ftl_read *r = ftl_priv_of(io, ftl_read);

	if (!ftl_needs_sync(f)) {
		io->done(io, 0);
		return;
	}
	r->aborts = 0;
	if (flush_run(f, io, NULL))
		return;
	wait_for_cmd(f, &r->wait, false);
	ftl_read_pump(f);
}

static bool run_one(struct ftl *f, struct ftl_io *io, struct media_cmd *cmd)
{
	u32 queue = io->queue;

	if (io->op == FTL_FLUSH)
		return flush_run(f, io, cmd);
	if (!read_run(f, io, cmd))
		return false;
	f->m->ops->commit(f->m, queue);
	return true;
}

/* The queue that the first waiting request needs a command of; false: none waits. */
static bool first_queue(struct ftl *f, u32 *queue)
{
	unsigned long flags = ftl_lock(&f->lock);
	bool any = !ftl_list_empty(&f->cmd_wait);

	if (any)
		*queue = ftl_io_of(f->cmd_wait.next)->queue;
	ftl_unlock(&f->lock, flags);
	return any;
}

static struct ftl_io *take_first(struct ftl *f, u32 queue)
{
	struct ftl_io *io = NULL;
	unsigned long flags = ftl_lock(&f->lock);
	struct ftl_link *l = f->cmd_wait.next;

	if (l != &f->cmd_wait && ftl_io_of(l)->queue == queue) {
		ftl_list_del(l);
		ftl_count_waiting(f, -1);
		io = ftl_io_of(l);
	}
	ftl_unlock(&f->lock, flags);
	return io;
}

/**
 * ftl_read_pump() - let reads and flushes that wait for a command go on
 * @f: the instance
 *
 * A command is asked for while the request is on the list: if there is none, one
 * of ours is under way, and its completion finds the request there.
 *
 * Context: any, no lock held.
 */
void ftl_read_pump(struct ftl *f)
{
	struct media_cmd *cmd;
	struct ftl_io *io;
	u32 queue;

	while (first_queue(f, &queue)) {
		cmd = f->m->ops->get(f->m, queue, false);
		if (!cmd)
			return;
		io = take_first(f, queue);
		if (!io)
			f->m->ops->put(f->m, cmd);
		else if (!run_one(f, io, cmd))
			wait_for_cmd(f, (struct ftl_link *)io->priv, true);
	}
}
