// SPDX-License-Identifier: GPL-2.0-only
/*
 * The card's state, its progress counter, and who is told of changes.
 *
 * Owns: the table of what may follow what, and the only code that writes
 * card->state. Does not know why a state is entered or what has to be done then:
 * callers ask for a change, and go on only if they got it. So of two that race
 * (a fault and the end of an attach, say) exactly one wins and the other sees it.
 *
 * A reset may come in the middle of attach, detach or format: RESETTING
 * remembers the state it interrupted in card->resume, and an operation that ends
 * meanwhile changes what will be resumed.
 */

#include "card.h"

#define TO(name) BIT(FIO_CARD_##name)

/* What may follow; DELETING is entered only when nothing runs any more. */
static const u32 successors[] = {
	[FIO_CARD_NEW] = TO(PROBING) | TO(MINIMAL) | TO(DELETING),
	[FIO_CARD_PROBING] = TO(MINIMAL) | TO(DETACHED) | TO(DELETING),
	[FIO_CARD_MINIMAL] = TO(DEAD) | TO(DELETING),
	[FIO_CARD_DETACHED] = TO(ATTACHING) | TO(FORMATTING) | TO(RESETTING) |
		TO(DEAD) | TO(DELETING),
	[FIO_CARD_ATTACHING] = TO(LIVE) | TO(DETACHED) | TO(RESETTING) | TO(DEAD),
	[FIO_CARD_LIVE] = TO(DETACHING) | TO(RESETTING) | TO(DEAD),
	[FIO_CARD_DETACHING] = TO(DETACHED) | TO(RESETTING) | TO(DEAD),
	[FIO_CARD_FORMATTING] = TO(DETACHED) | TO(RESETTING) | TO(DEAD),
	[FIO_CARD_RESETTING] = TO(DETACHED) | TO(ATTACHING) | TO(LIVE) |
		TO(DETACHING) | TO(FORMATTING) | TO(DEAD),
	[FIO_CARD_DEAD] = TO(DELETING),
	[FIO_CARD_DELETING] = 0,
};

/* Long operations: progress starts at 0 when they start. */
#define OPERATIONS (TO(ATTACHING) | TO(DETACHING) | TO(FORMATTING))

/* States that say why the card is in them. */
#define REASONED (TO(MINIMAL) | TO(DETACHED) | TO(DEAD))

static void changed(struct fio_card *card)
{
	lockdep_assert_held(&card->state_lock);
	card->progress.change++;
	wake_up_all(&card->state_wq);
	schedule_work(&card->notify_work);
}

static void enter(struct fio_card *card, enum fio_card_state to,
		  enum fio_reason reason)
{
	lockdep_assert_held(&card->state_lock);
	if (to == FIO_CARD_RESETTING)
		card->resume = card->state;
	else if (BIT(to) & REASONED)
		card->reason = reason;
	else if (to != FIO_CARD_DELETING)
		card->reason = FIO_REASON_NONE;
	WRITE_ONCE(card->state, to);
	changed(card);
}

static void log_change(struct fio_card *card, enum fio_card_state from,
		       enum fio_card_state to, enum fio_reason reason)
{
	if (reason == FIO_REASON_NONE || reason == FIO_REASON_USER)
		fio_info(card, "%s -> %s", fio_state_name(from), fio_state_name(to));
	else
		fio_warn(card, "%s -> %s: %s", fio_state_name(from),
			 fio_state_name(to), fio_reason_text(reason));
}

static bool may_enter(struct fio_card *card, enum fio_card_state to)
{
	return successors[card->state] & BIT(to);
}

/**
 * fio_state_change() - enter a state, if it may follow the one the card is in
 * @card: the card
 * @to: state wanted
 * @reason: kept where @to explains itself, else only logged
 *
 * Context: any.
 * Return: true when the card is in @to because of this call.
 */
bool fio_state_change(struct fio_card *card, enum fio_card_state to,
		      enum fio_reason reason)
{
	enum fio_card_state from;
	unsigned long flags;
	bool ok;

	spin_lock_irqsave(&card->state_lock, flags);
	from = card->state;
	ok = may_enter(card, to);
	if (ok) {
		if (BIT(to) & OPERATIONS) {
			card->progress.percent = 0;
			card->progress.result = 0;
			card->progress.busy = true;
		}
		enter(card, to, reason);
	}
	spin_unlock_irqrestore(&card->state_lock, flags);
	if (ok)
		log_change(card, from, to, reason);
	return ok;
}

/**
 * fio_state_settle() - an operation has ended
 * @card: the card
 * @to: LIVE or DETACHED
 * @reason: why DETACHED
 * @result: 0 or -errno, for who waits for the operation
 *
 * During a reset, @to is entered when the reset has succeeded.
 *
 * Context: any.
 * Return: false when the card died meanwhile: its end takes care of the rest.
 */
bool fio_state_settle(struct fio_card *card, enum fio_card_state to,
		      enum fio_reason reason, int result)
{
	enum fio_card_state from;
	unsigned long flags;
	bool ok = true;

	spin_lock_irqsave(&card->state_lock, flags);
	from = card->state;
	if (from == FIO_CARD_RESETTING) {
		card->resume = to;
		card->reason = reason;
	} else if (may_enter(card, to)) {
		enter(card, to, reason);
	} else {
		ok = false;
	}
	card->progress.busy = false;
	card->progress.result = result;
	card->progress.percent = 100;
	changed(card);
	spin_unlock_irqrestore(&card->state_lock, flags);
	if (ok && from != FIO_CARD_RESETTING)
		log_change(card, from, to, reason);
	return ok;
}

/**
 * fio_state_resume() - a reset has succeeded
 * @card: the card, in RESETTING
 *
 * Context: the reset worker.
 * Return: the state that was resumed.
 */
enum fio_card_state fio_state_resume(struct fio_card *card)
{
	enum fio_card_state to;
	unsigned long flags;

	spin_lock_irqsave(&card->state_lock, flags);
	to = card->resume;
	if (may_enter(card, to)) {
		WRITE_ONCE(card->state, to);
		changed(card);
	}
	spin_unlock_irqrestore(&card->state_lock, flags);
	log_change(card, FIO_CARD_RESETTING, to, FIO_REASON_NONE);
	return to;
}

/**
 * fio_progress_set() - report how far the operation under way is
 * @card: the card
 * @percent: 0..100
 * Context: any.
 */
void fio_progress_set(struct fio_card *card, u32 percent)
{
	unsigned long flags;

	percent = min_t(u32, percent, 100);
	spin_lock_irqsave(&card->state_lock, flags);
	if (card->progress.busy && card->progress.percent != percent) {
		card->progress.percent = percent;
		changed(card);
	}
	spin_unlock_irqrestore(&card->state_lock, flags);
}

static u64 read_change(struct fio_card *card)
{
	unsigned long flags;
	u64 change;

	spin_lock_irqsave(&card->state_lock, flags);
	change = card->progress.change;
	spin_unlock_irqrestore(&card->state_lock, flags);
	return change;
}

static void read_progress(struct fio_card *card, struct fio_ioc_progress *p)
{
	unsigned long flags;

	spin_lock_irqsave(&card->state_lock, flags);
	p->change = card->progress.change;
	p->state = card->state;
	p->reason = card->reason;
	p->percent = card->progress.percent;
	p->result = card->progress.result;
	p->busy = card->progress.busy;
	spin_unlock_irqrestore(&card->state_lock, flags);
}

/**
 * fio_card_progress() - what FIO_IOC_PROGRESS answers
 * @card: the card
 * @p: @seen and @timeout_ms in, the rest out
 *
 * Waits until something differs from @seen, or the time is over.
 *
 * Context: process.
 * Return: 0 or -ERESTARTSYS.
 */
int fio_card_progress(struct fio_card *card, struct fio_ioc_progress *p)
{
	long left = 1;

	if (p->timeout_ms)
		left = wait_event_interruptible_timeout(card->state_wq,
							read_change(card) != p->seen,
							msecs_to_jiffies(p->timeout_ms));
	if (left < 0)
		return -ERESTARTSYS;
	read_progress(card, p);
	return 0;
}

static void notify_work(struct work_struct *work)
{
	fio_sysfs_notify(container_of(work, struct fio_card, notify_work));
}

/**
 * fio_state_init() - a card begins in NEW
 * @card: zeroed card
 */
void fio_state_init(struct fio_card *card)
{
	spin_lock_init(&card->state_lock);
	init_waitqueue_head(&card->state_wq);
	INIT_WORK(&card->notify_work, notify_work);
	card->state = FIO_CARD_NEW;
	card->reason = FIO_REASON_NONE;
}
