// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel as the FTL core's environment (ftl/env.h).
 *
 * Owns: the worker that runs the core's background work, its memory account,
 * its locks. Does not know what the core does with any of them.
 *
 * The worker is in the path of write-back: its workqueue has a rescuer and its
 * allocations do no I/O.
 */

#include <linux/crc32c.h>
#include <linux/ktime.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "card.h"
#include "chan.h"

/* The core reserves room for a lock; ours must fit, debugging kernels included. */
static_assert(sizeof(spinlock_t) <= sizeof(struct ftl_lock));

static spinlock_t *spinlock_of(struct ftl_lock *l)
{
	return (spinlock_t *)l->opaque;
}

/**
 * ftl_lock_init() - see ftl/env.h
 * @l: the lock
 */
void ftl_lock_init(struct ftl_lock *l)
{
	spin_lock_init(spinlock_of(l));
}

/**
 * ftl_lock() - take a lock, interrupts off
 * @l: the lock
 * Return: what ftl_unlock() wants back.
 */
unsigned long ftl_lock(struct ftl_lock *l)
	__acquires(spinlock_of(l))
{
	unsigned long flags;

	spin_lock_irqsave(spinlock_of(l), flags);
	return flags;
}

/**
 * ftl_unlock() - release a lock
 * @l: the lock
 * @flags: from ftl_lock()
 */
void ftl_unlock(struct ftl_lock *l, unsigned long flags)
	__releases(spinlock_of(l))
{
	spin_unlock_irqrestore(spinlock_of(l), flags);
}

/**
 * ftl_crc32c() - Castagnoli CRC, inversions inside
 * @crc: 0, or the result for what lies before @p
 * @p: bytes
 * @len: how many
 * Return: the CRC.
 */
u32 ftl_crc32c(u32 crc, const void *p, size_t len)
{
	return ~crc32c(~crc, p, len);
}

/**
 * ftl_format_line() - snprintf, which the core does not have
 * @buf: receives the line
 * @len: room
 * @fmt: format
 * Return: as vsnprintf().
 */
int ftl_format_line(char *buf, size_t len, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, len, fmt, args);
	va_end(args);
	return n;
}

/**
 * fio_env_account() - the FTL has taken or given back memory
 * @card: the card
 * @bytes: taken; negative: given back
 * Context: any.
 */
void fio_env_account(struct fio_card *card, s64 bytes)
{
	s64 now = atomic64_add_return(bytes, &card->ftl_mem);
	s64 peak = atomic64_read(&card->ftl_mem_peak);

	while (now > peak && !atomic64_try_cmpxchg(&card->ftl_mem_peak, &peak, now))
		;
}

static void *env_alloc(void *ctx, size_t bytes)
{
	struct fio_card *card = ctx;
	void *p = kvzalloc(bytes, GFP_KERNEL);

	if (p)
		fio_env_account(card, bytes);
	return p;
}

static void env_free(void *ctx, void *p, size_t bytes)
{
	struct fio_card *card = ctx;

	if (!p)
		return;
	kvfree(p);
	fio_env_account(card, -(s64)bytes);
}

static void env_log(void *ctx, enum ftl_log_level level, const char *line)
{
	struct fio_card *card = ctx;

	switch (level) {
	case FTL_ERR:
		fio_err_limited(card, "%s", line);
		break;
	case FTL_WARN:
		fio_warn_limited(card, "%s", line);
		break;
	case FTL_INFO:
		fio_info(card, "%s", line);
		break;
	default:
		fio_dbg(card, "%s", line);
	}
}

static void env_kick(void *ctx)
{
	fio_env_kick(ctx);
}

static u64 env_now_ns(void *ctx)
{
	return ktime_get_ns();
}

static u64 env_now_sec(void *ctx)
{
	return ktime_get_real_seconds();
}

static bool is_dead(struct fio_card *card)
{
	return fio_card_state(card) == FIO_CARD_DEAD;
}

/* Ends: commands complete or the watchdog resets the card, which aborts them. */
static int env_wait(void *ctx, bool (*cond)(void *arg), void *arg)
{
	struct fio_card *card = ctx;

	wait_event_idle(card->ftl_wait, cond(arg) || is_dead(card));
	if (cond(arg))
		return 0;
	/* after -ENODEV the core frees what its commands point to */
	fio_chan_flush(card);
	return cond(arg) ? 0 : -ENODEV;
}

static void env_wake(void *ctx)
{
	fio_env_wake(ctx);
}

static void env_progress(void *ctx, u32 percent)
{
	fio_progress_set(ctx, percent);
}

/* An operation that holds the mutex kicks when it lets go: nothing is lost. */
static void ftl_work(struct work_struct *work)
{
	struct fio_card *card = container_of(work, struct fio_card, ftl_work);
	unsigned int noio;

	if (!mutex_trylock(&card->ftl_mutex))
		return;
	noio = memalloc_noio_save();
	if (card->ftl)
		ftl_run(card->ftl);
	memalloc_noio_restore(noio);
	mutex_unlock(&card->ftl_mutex);
}

/**
 * fio_env_kick() - run the FTL's background work soon
 * @card: the card
 * Context: any.
 */
void fio_env_kick(struct fio_card *card)
{
	queue_work(card->ftl_workqueue, &card->ftl_work);
}

/**
 * fio_env_wake() - let sleepers in ftl_env.wait look again
 * @card: the card
 * Context: any.
 */
void fio_env_wake(struct fio_card *card)
{
	wake_up_all(&card->ftl_wait);
}

static void later_work(struct work_struct *work)
{
	fio_env_kick(container_of(to_delayed_work(work), struct fio_card, ftl_later));
}

static void env_kick_later(void *ctx, u64 ns)
{
	struct fio_card *card = ctx;

	/* Rounded up: the core looks at the clock again. */
	mod_delayed_work(card->ftl_workqueue, &card->ftl_later, nsecs_to_jiffies(ns) + 1);
}

static void env_health(void *ctx)
{
	struct fio_card *card = ctx;

	schedule_work(&card->notify_work);
}

static const struct ftl_env env_ops = {
	.alloc = env_alloc,
	.free = env_free,
	.log = env_log,
	.kick = env_kick,
	.now_ns = env_now_ns,
	.now_sec = env_now_sec,
	.wait = env_wait,
	.wake = env_wake,
	.progress = env_progress,
	.kick_later = env_kick_later,
	.health = env_health,
};

/**
 * fio_env_setup() - prepare a card for an FTL instance
 * @card: the card
 * Context: process. Return: 0 or -ENOMEM.
 */
int fio_env_setup(struct fio_card *card)
{
	card->env = env_ops;
	card->env.ctx = card;
	init_rwsem(&card->ftl_rwsem);
	mutex_init(&card->ftl_mutex);
	init_waitqueue_head(&card->ftl_wait);
	INIT_WORK(&card->ftl_work, ftl_work);
	INIT_DELAYED_WORK(&card->ftl_later, later_work);
	card->ftl_workqueue = alloc_workqueue("fio-ftl-%s", WQ_MEM_RECLAIM | WQ_UNBOUND,
					      1, card->name);
	return card->ftl_workqueue ? 0 : -ENOMEM;
}

/**
 * fio_env_free() - the counterpart; there is no instance any more
 * @card: the card
 * Context: process.
 */
void fio_env_free(struct fio_card *card)
{
	if (!card->ftl_workqueue)
		return;
	cancel_delayed_work_sync(&card->ftl_later);
	destroy_workqueue(card->ftl_workqueue);
	card->ftl_workqueue = NULL;
	if (atomic64_read(&card->ftl_mem))
		fio_warn(card, "%lld bytes of FTL memory were not freed",
			 (long long)atomic64_read(&card->ftl_mem));
}
