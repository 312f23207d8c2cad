// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach, detach, format: the long operations, in a worker, one at a time.
 *
 * Owns: which operation runs, the life of the FTL instance and of the unit made
 * from it. Does not know how the FTL does its part, nor who waits for the end:
 * fio_card_progress() is for them.
 *
 * An operation always ends: the FTL waits for media commands only, and those
 * complete, or are aborted by a reset, or end as GONE on a dead card. What an
 * operation leaves on a card that died under it is removed by
 * fio_attach_abandon(), which first waits for the operation.
 */

#include <linux/sched/mm.h>
#include <linux/uuid.h>

#include "card.h"
#include "chan.h"

static struct fio_card *card_of(struct work_struct *work)
{
	return container_of(work, struct fio_card, op.work);
}

static void publish(struct fio_card *card, struct ftl *ftl)
{
	down_write(&card->ftl_rwsem);
	card->ftl = ftl;
	up_write(&card->ftl_rwsem);
}

static struct ftl *unpublish(struct fio_card *card)
{
	struct ftl *ftl;

	down_write(&card->ftl_rwsem);
	ftl = card->ftl;
	card->ftl = NULL;
	up_write(&card->ftl_rwsem);
	return ftl;
}

static enum fio_reason reason_of(int err)
{
	switch (err) {
	case 0:
		return FIO_REASON_NONE;
	case -ENOMEDIUM:
		return FIO_REASON_NOT_FORMATTED;
	case -EPROTONOSUPPORT:
		return FIO_REASON_FORMAT_UNKNOWN;
	case -ENOMEM:
		return FIO_REASON_MEMORY;
	case -ENODEV:
		return FIO_REASON_GONE;
	case -EUCLEAN:
		return FIO_REASON_USER;
	default:
		return FIO_REASON_MEDIA;
	}
}

/* Takes away what attach made; a card that is dead is left as it is. */
static int take_down(struct fio_card *card)
{
	unsigned int noio = memalloc_noio_save();
	struct ftl *ftl;
	int err = 0;

	fio_io_close(card);
	mutex_lock(&card->ftl_mutex);
	ftl = unpublish(card);
	if (ftl && fio_card_state(card) == FIO_CARD_DEAD) {
		/* the last commands of a dead card end from a work item */
		fio_chan_flush(card);
		ftl_destroy(ftl);
		err = -ENODEV;
	} else if (ftl) {
		err = ftl_detach(ftl);
	}
	mutex_unlock(&card->ftl_mutex);
	fio_chan_recycle(card);
	memalloc_noio_restore(noio);
	return err;
}

static void set_scrub(struct ftl *ftl)
{
	struct ftl_scrub scrub = FTL_SCRUB_DEFAULT;

	scrub.pass_seconds = fio_scrub_days * 86400;
	ftl_set_scrub(ftl, &scrub);
}

static int attach(struct fio_card *card)
{
	struct ftl *ftl = NULL;
	int err;

	mutex_lock(&card->ftl_mutex);
	err = ftl_attach(&card->chan->media, &card->env, card->op.flags, &ftl);
	if (!err) {
		set_scrub(ftl);
		publish(card, ftl);
	}
	mutex_unlock(&card->ftl_mutex);
	if (err) {
		fio_chan_recycle(card);
		return err;
	}
	fio_env_kick(card);
	fio_io_open(card);
	err = fio_unit_create(card);
	if (err)
		fio_err(card, "no unit for personalities can be made (%d)", err);
	return err;
}

static void run_attach(struct fio_card *card)
{
	int err = attach(card);

	if (err && card->ftl)
		take_down(card);
	/* what failed has been logged by who knows */
	fio_state_settle(card, err ? FIO_CARD_DETACHED : FIO_CARD_LIVE,
			 reason_of(err), err);
}

static void run_detach(struct fio_card *card, bool keep_unit)
{
	int err;

	if (!keep_unit)
		fio_unit_destroy(card);
	err = take_down(card);
	if (err)
		fio_warn(card, "detach was not clean (%d): the next attach recovers", err);
	fio_state_settle(card, FIO_CARD_DETACHED, FIO_REASON_USER, err);
}

static void run_format(struct fio_card *card)
{
	const struct fio_ioc_format *f = &card->op.format;
	struct ftl_format_params p = {
		.lba_bytes = f->lba_bytes,
		.user_units = div_u64(f->user_bytes, FIO_UNIT_BYTES),
		.default_units = div_u64(card->id.user_bytes, FIO_UNIT_BYTES),
		.parity = f->parity,
	};
	int err;

	static_assert(FIO_PARITY_OFF == (int)FTL_PARITY_OFF);
	static_assert(FIO_PARITY_ON == (int)FTL_PARITY_ON);
	memcpy(p.uuid, f->uuid, sizeof(p.uuid));
	if (!memchr_inv(p.uuid, 0, sizeof(p.uuid)))
		generate_random_uuid(p.uuid);
	mutex_lock(&card->ftl_mutex);
	err = ftl_format(&card->chan->media, &card->env, &p);
	mutex_unlock(&card->ftl_mutex);
	fio_chan_recycle(card);
	if (!err)
		fio_info(card, "formatted with blocks of %u bytes, UUID %pUb",
			 p.lba_bytes, p.uuid);
	fio_state_settle(card, FIO_CARD_DETACHED,
			 err ? reason_of(err) : FIO_REASON_USER, err);
}

static void op_work(struct work_struct *work)
{
	struct fio_card *card = card_of(work);
	enum fio_op_kind kind = card->op.kind;

	/* The next one may be asked for as soon as this one has settled. */
	WRITE_ONCE(card->op.kind, FIO_OP_NONE);
	switch (kind) {
	case FIO_OP_ATTACH:
		run_attach(card);
		break;
	case FIO_OP_DETACH:
	case FIO_OP_SHUTDOWN:
		run_detach(card, kind == FIO_OP_SHUTDOWN);
		break;
	case FIO_OP_FORMAT:
		run_format(card);
		break;
	case FIO_OP_NONE:
		break;
	}
}

/* Why an operation cannot start in the state the card is in. */
static int refusal(struct fio_card *card)
{
	if (card->op.closed)
		return -ENODEV;
	switch (fio_card_state(card)) {
	case FIO_CARD_MINIMAL:
		return -EOPNOTSUPP;
	case FIO_CARD_DEAD:
	case FIO_CARD_DELETING:
		return -ENODEV;
	case FIO_CARD_DETACHED:
	case FIO_CARD_LIVE:
		return -EALREADY;
	default:
		return -EBUSY;
	}
}

static int begin(struct fio_card *card, enum fio_op_kind kind,
		 enum fio_card_state state)
{
	lockdep_assert_held(&card->op.lock);
	if (!fio_state_change(card, state, FIO_REASON_USER))
		return refusal(card);
	WRITE_ONCE(card->op.kind, kind);
	queue_work(fio_op_workqueue, &card->op.work);
	return 0;
}

/*
 * True when the card is detached and no operation runs: parameters may be set.
 * An operation that has settled may not have returned yet, hence the flush.
 */
static bool is_idle(struct fio_card *card)
{
	lockdep_assert_held(&card->op.lock);
	if (card->op.closed || fio_card_state(card) != FIO_CARD_DETACHED)
		return false;
	flush_work(&card->op.work);
	return true;
}

/**
 * fio_hold_detached() - keep a card detached and idle
 * @card: the card
 * Context: process; ends with fio_release_detached(), soon.
 * Return: 0, or why it is not so: -EBUSY, -EOPNOTSUPP, -ENODEV.
 */
int fio_hold_detached(struct fio_card *card)
{
	int err;

	mutex_lock(&card->op.lock);
	if (is_idle(card))
		return 0;
	err = refusal(card);
	mutex_unlock(&card->op.lock);
	return err == -EALREADY ? -EBUSY : err;
}

/**
 * fio_release_detached() - what fio_hold_detached() kept may change
 * @card: the card
 * Context: process.
 */
void fio_release_detached(struct fio_card *card)
{
	mutex_unlock(&card->op.lock);
}

/**
 * fio_attach_start() - begin to attach
 * @card: the card
 * @flags: FIO_ATTACH_*
 * Context: process.
 * Return: 0, or as card.h says.
 */
int fio_attach_start(struct fio_card *card, u32 flags)
{
	int err = 0;

	static_assert(FIO_ATTACH_CLEAN_ONLY == FTL_ATTACH_CLEAN_ONLY);
	static_assert(FIO_ATTACH_RESCAN == FTL_ATTACH_RESCAN);
	static_assert(FIO_ATTACH_PREALLOCATE == FTL_ATTACH_PREALLOCATE);
	if (flags & ~FIO_ATTACH_FLAGS)
		return -EINVAL;
	if (fio_preallocate)
		flags |= FIO_ATTACH_PREALLOCATE;
	mutex_lock(&card->op.lock);
	if (is_idle(card)) {
		card->op.flags = flags;
		err = begin(card, FIO_OP_ATTACH, FIO_CARD_ATTACHING);
	} else {
		err = refusal(card);
	}
	mutex_unlock(&card->op.lock);
	return err;
}

static int claim_and_begin(struct fio_card *card)
{
	int err;

	lockdep_assert_held(&card->op.lock);
	if (card->op.closed || fio_card_state(card) != FIO_CARD_LIVE)
		return refusal(card);
	err = fio_unit_claim_idle(card);
	if (err)
		return err;
	err = begin(card, FIO_OP_DETACH, FIO_CARD_DETACHING);
	if (err)
		fio_unit_release_idle(card);
	return err;
}

/**
 * fio_detach_start() - begin to detach, if nobody uses the unit
 * @card: the card
 * Context: process.
 * Return: 0, or as card.h says.
 */
int fio_detach_start(struct fio_card *card)
{
	int err;

	mutex_lock(&card->op.lock);
	err = claim_and_begin(card);
	mutex_unlock(&card->op.lock);
	return err;
}

static bool valid_format(const struct fio_ioc_format *f)
{
	return (f->lba_bytes == 512 || f->lba_bytes == 4096) &&
	       !(f->user_bytes % FIO_UNIT_BYTES) && f->parity <= FIO_PARITY_ON && !f->pad;
}

/**
 * fio_format_start() - begin a low-level format: all data is lost
 * @card: the card, detached
 * @f: parameters
 * Context: process.
 * Return: 0, or as card.h says.
 */
int fio_format_start(struct fio_card *card, const struct fio_ioc_format *f)
{
	int err;

	if (!valid_format(f))
		return -EINVAL;
	mutex_lock(&card->op.lock);
	if (is_idle(card)) {
		card->op.format = *f;
		err = begin(card, FIO_OP_FORMAT, FIO_CARD_FORMATTING);
	} else {
		err = refusal(card);
		/* attached: in the way, but not what was asked for */
		if (err == -EALREADY)
			err = -EBUSY;
	}
	mutex_unlock(&card->op.lock);
	return err;
}

/**
 * fio_attach_init() - no operation runs
 * @card: zeroed card
 */
void fio_attach_init(struct fio_card *card)
{
	mutex_init(&card->op.lock);
	INIT_WORK(&card->op.work, op_work);
}

/* True when a detach was begun, or none is needed; false: a reset is under way. */
static bool begin_last_detach(struct fio_card *card, enum fio_op_kind kind)
{
	if (fio_state_change(card, FIO_CARD_DETACHING, FIO_REASON_USER)) {
		WRITE_ONCE(card->op.kind, kind);
		queue_work(fio_op_workqueue, &card->op.work);
		return true;
	}
	return fio_card_state(card) != FIO_CARD_LIVE &&
	       fio_card_state(card) != FIO_CARD_RESETTING;
}

static void close_operations(struct fio_card *card)
{
	mutex_lock(&card->op.lock);
	card->op.closed = true;
	mutex_unlock(&card->op.lock);
	flush_work(&card->op.work);
}

/* Through the worker, so that a card that dies meanwhile finds it there. */
static void last_detach(struct fio_card *card, enum fio_op_kind kind)
{
	while (!begin_last_detach(card, kind))
		wait_event(card->state_wq,
			   fio_card_state(card) != FIO_CARD_RESETTING);
	flush_work(&card->op.work);
}

/**
 * fio_attach_close() - the card goes: detach it, used or not
 * @card: the card
 *
 * The personality lets go of the unit as it would of one that is unplugged; a card
 * that still works gets its checkpoint.
 *
 * Context: process.
 */
void fio_attach_close(struct fio_card *card)
{
	close_operations(card);
	last_detach(card, FIO_OP_DETACH);
}

/**
 * fio_attach_quiesce() - the machine goes down: checkpoint, keep the unit
 * @card: the card
 *
 * File systems may still be mounted; what they ask for from now on fails.
 *
 * Context: process.
 */
void fio_attach_quiesce(struct fio_card *card)
{
	close_operations(card);
	fio_unit_quiesce(card, true);
	last_detach(card, FIO_OP_SHUTDOWN);
}

/**
 * fio_attach_abandon() - the card has died: remove what was attached
 * @card: a dead card whose commands have all ended
 * Context: the reset worker.
 */
void fio_attach_abandon(struct fio_card *card)
{
	close_operations(card);
	fio_unit_dead(card);
	fio_unit_destroy(card);
	take_down(card);
}
