// SPDX-License-Identifier: GPL-2.0-only
/*
 * The worker: what runs when ftl_run() is called, and how it talks to the
 * medium.
 *
 * Owns: command slots with private buffers, the pipe that keeps several under
 * way, waiting, the order of background jobs. Does not know: what the jobs do.
 *
 * Everything here may sleep in env->wait(). What it waits for is always a media
 * command, a reader or a sequenced write: none of them needs the worker.
 */
#include "ftl_priv.h"

/**
 * ftl_cmd_init() - set every field that a command's owner sets
 * @cmd: from get()
 * @op: operation
 * @n: units
 *
 * unit[] and tag[] are left alone.
 *
 * Context: any.
 */
void ftl_cmd_init(struct media_cmd *cmd, enum media_op op, u32 n)
{
	cmd->op = op;
	cmd->n = n;
	cmd->flags = 0;
	cmd->retry = 0;
	cmd->io = NULL;
	cmd->io_off = 0;
	cmd->buf = NULL;
	cmd->buf_off = 0;
	cmd->skip = 0;
	cmd->len = n * FIO_MEDIA_UNIT;
	cmd->status = MEDIA_OK;
	cmd->failed = 0;
	cmd->corrected = 0;
}

/**
 * ftl_wait() - sleep until a condition holds
 * @f: the instance
 * @cond: condition
 * @arg: its argument
 *
 * Context: worker.
 * Return: 0 or -ENODEV.
 */
int ftl_wait(struct ftl *f, bool (*cond)(void *arg), void *arg)
{
	int err;

	if (cond(arg))
		return 0;
	err = f->env.wait(f->env.ctx, cond, arg);
	if (err)
		ftl_set_gone(f);
	return err;
}

static void slot_done(struct media_cmd *cmd)
{
	struct ftl_slot *s = cmd->priv;
	struct ftl *f = s->f;

	if (cmd->status == MEDIA_GONE)
		ftl_set_gone(f);
	ftl_store_release(&s->state, FTL_SLOT_DONE);
	f->env.wake(f->env.ctx);
}

static void slot_submit(struct ftl *f, struct ftl_slot *s)
{
	s->cmd->done = slot_done;
	s->cmd->priv = s;
	s->state = FTL_SLOT_BUSY;
	f->m->ops->submit(f->m, s->cmd);
}

/* A condition may be looked at again after it was true. */
static bool slot_get_cmd(void *arg)
{
	struct ftl_slot *s = arg;

	if (!s->cmd)
		s->cmd = s->f->m->ops->get(s->f->m, 0, true);
	return s->cmd;
}

/*
 * A card reset ended the operation. All but an append may be repeated; what an
 * append left behind is for its owner to judge.
 */
static bool slot_repeat(struct ftl *f, struct ftl_slot *s)
{
	if (s->cmd->status != MEDIA_ABORTED || s->cmd->op == MEDIA_APPEND ||
	    ftl_load(&f->gone) || s->aborts++ >= FTL_ABORT_TRIES)
		return false;
	s->cmd->status = MEDIA_OK;
	s->cmd->failed = 0;
	slot_submit(f, s);
	f->m->ops->commit(f->m, 0);
	return true;
}

static bool slot_is_done(void *arg)
{
	struct ftl_slot *s = arg;

	return ftl_load_acquire(&s->state) == FTL_SLOT_DONE;
}

/*
 * A request that found no command may wait with an epoch pinned, and the worker
 * for that epoch: the worker's commands have to wake it as requests' do.
 */
static void give_back(struct ftl *f, struct media_cmd *cmd)
{
	f->m->ops->put(f->m, cmd);
	ftl_pump(f);
}

static void slot_put(struct ftl *f, struct ftl_slot *s)
{
	struct media_cmd *cmd = s->cmd;

	s->cmd = NULL;
	s->state = FTL_SLOT_IDLE;
	give_back(f, cmd);
}

/* None of ours is under way: requests give theirs back, see ftl_pump(). */
static int wait_cmd(struct ftl *f, struct ftl_slot *s)
{
	int err;

	if (slot_get_cmd(s))
		return 0;
	ftl_store(&f->want_cmd, 1);
	ftl_fence();
	err = ftl_wait(f, slot_get_cmd, s);
	ftl_store(&f->want_cmd, 0);
	return err;
}

/**
 * ftl_slot_begin() - get a command for a slot that no pipe is using
 * @f: the instance
 * @s: slot
 *
 * Context: worker.
 * Return: the command, or NULL when the card is gone.
 */
struct media_cmd *ftl_slot_begin(struct ftl *f, struct ftl_slot *s)
{
	if (ftl_load(&f->gone) || wait_cmd(f, s))
		return NULL;
	return s->cmd;
}

/**
 * ftl_slot_exec() - perform the prepared operation of a slot
 * @f: the instance
 * @s: slot
 *
 * Context: worker.
 * Return: 0 or -errno; details are in the command.
 */
int ftl_slot_exec(struct ftl *f, struct ftl_slot *s)
{
	int err;

	s->aborts = 0;
	slot_submit(f, s);
	f->m->ops->commit(f->m, 0);
	do {
		err = ftl_wait(f, slot_is_done, s);
	} while (!err && slot_repeat(f, s));
	return err ? err : ftl_status_errno(s->cmd->status);
}

void ftl_slot_end(struct ftl *f, struct ftl_slot *s)
{
	if (ftl_load(&s->state) == FTL_SLOT_BUSY)
		return;		/* gone while under way: left to ftl_destroy() */
	slot_put(f, s);
}

/*
 * Single operations have a slot of their own, also from within a pipe;
 * ftl_exec_put() before the next ftl_exec_get(). Worker.
 */
struct media_cmd *ftl_exec_get(struct ftl *f)
{
	return ftl_slot_begin(f, &f->xslot);
}

int ftl_exec(struct ftl *f)
{
	return ftl_slot_exec(f, &f->xslot);
}

void ftl_exec_put(struct ftl *f)
{
	ftl_slot_end(f, &f->xslot);
}

/**
 * ftl_exec_read() - read one unit, through the retry levels
 * @f: the instance
 * @unit: where
 * @data: into xslot.buf as well; else the tag only
 *
 * Context: worker, between ftl_exec_get() and ftl_exec_put().
 * Return: 0 or -errno.
 */
int ftl_exec_read(struct ftl *f, u32 unit, bool data)
{
	struct media_cmd *cmd = f->xslot.cmd;
	u32 level;
	int err = -ENODATA;

	for (level = 0; err == -ENODATA && level <= f->geo.read_retries; level++) {
		cmd->unit[0] = unit;
		ftl_cmd_init(cmd, MEDIA_READ, 1);
		cmd->retry = level;
		if (data)
			cmd->buf = &f->xslot.buf;
		err = ftl_exec(f);
		if (cmd->status == MEDIA_ERASED)
			break;
		if (!err && data && !ftl_crc_ok(f->xslot.buf.va, &cmd->tag[0]))
			err = -ENODATA;
	}
	return err;
}

/* The CRC that the card stored with a page, over the data that we got. */
bool ftl_crc_ok(const void *data, const struct fio_tag *tag)
{
	u32 crc = ftl_crc32c(0, data, FIO_MEDIA_UNIT);

	crc = ftl_crc32c(crc, tag, offsetof(struct fio_tag, crc));
	return crc == le32_to_cpu(tag->crc);
}

static bool any_done(void *arg)
{
	struct ftl *f = arg;
	u32 i;

	for (i = 0; i < FTL_SLOTS; i++)
		if (slot_is_done(&f->slot[i]))
			return true;
	return false;
}

/*
 * reap() may need a command for itself and cannot wait for those of the pipe:
 * nobody looks at them meanwhile.
 */
static bool one_is_left(struct ftl *f)
{
	struct media_cmd *cmd = f->m->ops->get(f->m, 0, true), *more;
	bool yes = cmd;

	/* One to read with, one for the rest of the row. */
	if (cmd && ftl_has_parity(f)) {
		more = f->m->ops->get(f->m, 0, true);
		yes = more;
		if (more)
			give_back(f, more);
	}
	if (cmd)
		give_back(f, cmd);
	return yes;
}

/* Start idle slots while there is work; returns how many were started. */
static u32 pipe_fill(struct ftl *f, const struct ftl_pipe *pipe, void *arg, u32 busy,
		     bool *more)
{
	u32 i, n = 0;

	for (i = 0; i < FTL_SLOTS && *more; i++) {
		struct ftl_slot *s = &f->slot[i];

		if (ftl_load(&s->state) != FTL_SLOT_IDLE)
			continue;
		if (!s->cmd && !slot_get_cmd(s))
			break;
		if (n + busy && !one_is_left(f)) {
			slot_put(f, s);
			break;
		}
		s->step = 0;
		s->tries = 0;
		s->aborts = 0;
		if (!pipe->fill(f, s, arg)) {
			slot_put(f, s);
			*more = false;
			break;
		}
		slot_submit(f, s);
		n++;
	}
	f->m->ops->commit(f->m, 0);
	return n;
}

/* Look at finished slots; returns how many became idle. */
static u32 pipe_reap(struct ftl *f, const struct ftl_pipe *pipe, void *arg, int *err)
{
	u32 i, n = 0;
	int r;

	for (i = 0; i < FTL_SLOTS; i++) {
		struct ftl_slot *s = &f->slot[i];

		if (!slot_is_done(s) || slot_repeat(f, s))
			continue;
		r = pipe->reap(f, s, arg);
		if (r == FTL_AGAIN) {
			slot_submit(f, s);
			continue;
		}
		slot_put(f, s);
		n++;
		if (r && !*err)
			*err = r;
	}
	f->m->ops->commit(f->m, 0);
	return n;
}

/**
 * ftl_pipe_run() - many commands, several at a time
 * @f: the instance
 * @pipe: how to prepare one and what to do with its answer
 * @arg: for both
 *
 * After the first error no more are prepared; those under way are reaped.
 *
 * Context: worker; not from within a pipe.
 * Return: 0 or the first error.
 */
int ftl_pipe_run(struct ftl *f, const struct ftl_pipe *pipe, void *arg)
{
	bool more = true;
	u32 busy = 0;
	int err = 0;

	for (;;) {
		if (err || ftl_load(&f->gone))
			more = false;
		busy += pipe_fill(f, pipe, arg, busy, &more);
		if (!busy && !more)
			break;
		if (!busy) {
			if (wait_cmd(f, &f->slot[0]))
				return -ENODEV;
			continue;
		}
		if (ftl_wait(f, any_done, f))
			return -ENODEV;
		busy -= pipe_reap(f, pipe, arg, &err);
	}
	return err ? err : ftl_load(&f->gone) ? -ENODEV : 0;
}

static int init_rmw(struct ftl *f)
{
	u32 i;

	f->rmw = ftl_alloc(f, FTL_RMW_UNITS * sizeof(*f->rmw), FTL_MEM_BUFFER);
	if (!f->rmw)
		return -ENOMEM;
	for (i = 0; i < FTL_RMW_UNITS; i++) {
		struct ftl_rmw *r = &f->rmw[i];

		if (f->m->ops->buf_alloc(f->m, 1, &r->buf))
			return -ENOMEM;
		ftl_account_buffer(f, FIO_MEDIA_UNIT);
		r->f = f;
		ftl_list_add_tail(&r->link, &f->rmw_free);
		f->rmw_count++;
	}
	return 0;
}

static int init_slot(struct ftl *f, struct ftl_slot *s)
{
	int err = f->m->ops->buf_alloc(f->m, f->geo.max_units, &s->buf);

	s->f = f;
	if (!err)
		ftl_account_buffer(f, f->geo.max_units * FIO_MEDIA_UNIT);
	return err;
}

/**
 * ftl_slots_init() - buffers for the worker and for read-modify-write
 * @f: the instance
 *
 * Context: worker; may sleep.
 * Return: 0 or -errno.
 */
int ftl_slots_init(struct ftl *f)
{
	u32 i;
	int err = init_slot(f, &f->xslot);

	if (!err && ftl_can_have_parity(&f->m->geo)) {
		f->sum = ftl_alloc(f, FIO_MEDIA_UNIT, FTL_MEM_BUFFER);
		err = f->sum ? init_slot(f, &f->pslot) : -ENOMEM;
	}
	for (i = 0; !err && i < FTL_SLOTS; i++)
		err = init_slot(f, &f->slot[i]);
	return err ? err : init_rmw(f);
}

static void free_slot(struct ftl *f, struct ftl_slot *s)
{
	if (s->cmd && s->state != FTL_SLOT_BUSY)
		slot_put(f, s);
	if (s->buf.va)
		f->m->ops->buf_free(f->m, &s->buf);
}

void ftl_slots_free(struct ftl *f)
{
	u32 i;

	for (i = 0; f->rmw && i < FTL_RMW_UNITS; i++)
		if (f->rmw[i].buf.va)
			f->m->ops->buf_free(f->m, &f->rmw[i].buf);
	ftl_free(f, f->rmw, FTL_RMW_UNITS * sizeof(*f->rmw), FTL_MEM_BUFFER);
	for (i = 0; i < FTL_SLOTS; i++)
		free_slot(f, &f->slot[i]);
	free_slot(f, &f->xslot);
	free_slot(f, &f->pslot);
	ftl_free(f, f->sum, FIO_MEDIA_UNIT, FTL_MEM_BUFFER);
}

/* Erased stripes to keep at hand: one for each that may need one soon. */
static bool prepare_step(struct ftl *f)
{
	if (ftl_prepare(f, f->ready_goal) != 1)
		return false;
	ftl_pump(f);
	return true;
}

static bool reclaim_step(struct ftl *f)
{
	return ftl_reclaim(f);
}

static bool seal_step(struct ftl *f)
{
	if (ftl_seal(f) != 1)
		return false;
	ftl_pump(f);
	return true;
}

/**
 * ftl_later() - run the worker again after a while, if the environment can
 * @f: the instance
 * @ns: how long; of several wishes within one run the shortest counts
 *
 * Context: worker, within ftl_run().
 */
void ftl_later(struct ftl *f, u64 ns)
{
	ns = max_t(u64, ns, 1);
	if (!f->later_ns || ns < f->later_ns)
		f->later_ns = ns;
}

static void set_timer(struct ftl *f)
{
	if (f->later_ns && f->env.kick_later && !ftl_load(&f->gone))
		f->env.kick_later(f->env.ctx, f->later_ns);
	f->later_ns = 0;
}

/* In order of urgency; each returns true when it did something. */
static bool (*const jobs[])(struct ftl *f) = {
	ftl_health_step,
	ftl_parity_step,
	ftl_rebuild_step,
	ftl_die_step,
	ftl_write_alloc_leaf,
	reclaim_step,
	ftl_sums_step,
	prepare_step,
	seal_step,
	ftl_trim_step,
	ftl_finish_step,
	ftl_place_step,
	ftl_gc_step,
	ftl_repair_step,
	ftl_group_step,
	ftl_compact_step,
	ftl_roll_step,
	ftl_wear_step,
	ftl_scrub_step,
	ftl_brake_step,
};

/**
 * ftl_run() - do background work until there is none that can be done now
 * @f: the instance
 *
 * Context: worker; sleeps.
 */
void ftl_run(struct ftl *f)
{
	bool did;
	u32 i;

	while (ftl_late_step(f)) {
		ftl_rebuild_step(f);
		ftl_write_alloc_leaf(f);
	}
	do {
		did = false;
		for (i = 0; i < ARRAY_SIZE(jobs); i++) {
			if (ftl_load(&f->gone) || f->inspect || ftl_load(&f->late_on))
				break;
			did |= jobs[i](f);
		}
	} while (did && !ftl_load(&f->gone));
	ftl_rebuild_step(f);
	if (ftl_load(&f->gone) || ftl_load(&f->read_only))
		ftl_fail_all(f);
	ftl_health_step(f);
	ftl_pump(f);
	set_timer(f);
}
