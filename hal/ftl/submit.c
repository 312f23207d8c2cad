// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests enter here: checks, spans, and who waits for what.
 *
 * Owns: ftl_submit(), the pump that
 * lets waiting requests go on, the end of everything when the card is gone.
 * Does not know: how reads, writes and trims are done.
 */
#include "ftl_priv.h"

int ftl_status_errno(u8 status)
{
	switch (status) {
	case MEDIA_OK:
		return 0;
	case MEDIA_ERASED:
	case MEDIA_UNCORRECTABLE:
	case MEDIA_CRC:
		return -ENODATA;
	case MEDIA_GONE:
		return -ENODEV;
	default:
		return -EIO;
	}
}

/* Whole units, and not more than one command can carry. */
static bool atomic_possible(const struct ftl *f, const struct ftl_io *io)
{
	u64 mask = (1ULL << f->lba_shift) - 1;

	return io->op == FTL_WRITE && !((io->lba | io->count) & mask) &&
	       io->count >> f->lba_shift <= f->group.max;
}

static int check_io(const struct ftl *f, const struct ftl_io *io)
{
	u64 blocks = f->user_units << f->lba_shift;

	if (ftl_load(&f->gone))
		return -ENODEV;
	if (io->queue >= f->geo.queues || io->op > FTL_ZEROES)
		return -EINVAL;
	if (io->op == FTL_FLUSH)
		return 0;
	if (!io->count || io->lba >= blocks || io->count > blocks - io->lba)
		return -EINVAL;
	if (io->op != FTL_READ && ftl_load_acquire(&f->read_only))
		return -EROFS;
	if (io->op <= FTL_WRITE && io->count > (u32)FTL_MAX_UNITS << f->lba_shift)
		return -EINVAL;
	if (unlikely(io->flags & FTL_IO_ATOMIC) && !atomic_possible(f, io))
		return -EINVAL;
	return 0;
}

/**
 * ftl_submit() - start a request
 * @f: the instance
 * @io: request
 *
 * Context: any; does not sleep.
 */
void ftl_submit(struct ftl *f, struct ftl_io *io)
{
	int err = check_io(f, io);

	if (err) {
		io->done(io, err);
		return;
	}
	switch (io->op) {
	case FTL_READ:
		ftl_submit_read(f, io);
		break;
	case FTL_WRITE:
		ftl_submit_write(f, io);
		break;
	case FTL_FLUSH:
		ftl_submit_flush(f, io);
		break;
	default:
		ftl_submit_trim(f, io);
	}
}

void ftl_commit(struct ftl *f, u32 queue)
{
	f->m->ops->commit(f->m, queue);
}

/**
 * ftl_attend() - wake and carry on those who wait
 * @f: the instance
 *
 * Context: any, no lock held.
 */
void ftl_attend(struct ftl *f)
{
	if (ftl_load(&f->want_cmd))
		f->env.wake(f->env.ctx);
	if (ftl_load(&f->rows_due))
		ftl_parity_pump(f, false);
	if (ftl_load(&f->nwait)) {
		ftl_read_pump(f);
		ftl_write_pump(f);
	}
	if (ftl_load(&f->kicks) && ftl_swap(&f->kicks, 0))
		ftl_kick(f);
}

/**
 * ftl_pump() - something has become free: let waiting requests go on
 * @f: the instance
 *
 * Context: any, no lock held.
 */
void ftl_pump(struct ftl *f)
{
	/* The command given back before the look; pairs with wait_cmd(). */
	ftl_fence();
	ftl_look(f);
}

static struct ftl_io *take_first(struct ftl_link *list)
{
	struct ftl_link *l;

	if (ftl_list_empty(list))
		return NULL;
	l = list->next;
	ftl_list_del(l);
	/* "wait" is the first member of every private area. */
	return ftl_io_of(l);
}

static struct ftl_io *take_unstarted(struct ftl *f)
{
	struct ftl_io *io = take_first(&f->parked);

	if (io) {
		ftl_count_waiting(f, -1);
		return io;
	}
	return take_first(&f->trims);
}

/**
 * ftl_fail_all() - end requests that have not begun
 * @f: the instance, gone or read-only
 *
 * Those that have begun end by themselves when they try to go on.
 *
 * Context: worker.
 */
void ftl_fail_all(struct ftl *f)
{
	int err = ftl_load(&f->gone) ? -ENODEV : -EROFS;
	struct ftl_io *io;
	unsigned long flags;

	for (;;) {
		flags = ftl_lock(&f->lock);
		io = take_unstarted(f);
		ftl_unlock(&f->lock, flags);
		if (!io)
			break;
		io->done(io, err);
	}
	ftl_flush_end(f, err == -ENODEV ? -ENODEV : -EIO);
	if (f->trim_active && err == -ENODEV)
		ftl_trim_end(f, err);
	ftl_pump(f);
}
