// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bringing the card up, taking it down, and everything that goes wrong.
 *
 * Owns: register access, the one bring-up (probe and every reset use it), the one
 * fault function, the reset worker, the watchdog, death. Does not know why
 * somebody saw a fault, nor what the FTL and personalities do with aborted
 * commands.
 *
 * A fault: the state table lets exactly one caller turn a running card into a
 * RESETTING one, and that one queues the worker. The worker stops the queues,
 * resets the card (registers first, the whole function if that does not help),
 * brings it up again and lets commands flow: those that were outstanding end as
 * ABORTED, those that came meanwhile go out. If the card does not come back it is
 * DEAD: bus mastering is off, every command ends as GONE, the unit is removed.
 *
 * The worker takes no lock that somebody holds who waits for I/O: it is what such
 * waits end by. In particular it calls personalities only at death, after all
 * commands have ended.
 *
 * While card->frozen is set (error recovery, a reset by the user) nobody touches
 * registers; the worker waits for the end of that first.
 */

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/sched/mm.h>

#include "card.h"
#include "chan.h"
#include "fio_compat_pci.h"

#define WATCHDOG_PERIOD		HZ
#define LOST_IRQ_AGE		(2 * HZ)
#define THAW_TIMEOUT		(60 * HZ)

/* More resets than this in the window, and the card is beyond help. */
#define RESETS_MAX		10
#define RESETS_WINDOW		(600 * HZ)

#define FEATURES_NEEDED		(FIO_FEAT_CRC | FIO_FEAT_READ_NULL)
#define FEATURES_USED		FIO_FEAT_XOR	/* if the card has them */

static const char * const fatal_texts[] = {
	[FIO_FATAL_NONE] = "no reason given",
	[FIO_FATAL_INTERNAL] = "internal error",
	[FIO_FATAL_DMA] = "it could not reach host memory",
	[FIO_FATAL_RING] = "a doorbell value was outside its ring",
	[FIO_FATAL_MEDIA] = "its state storage failed",
	[FIO_FATAL_TEMPERATURE] = "it is too hot",
	[FIO_FATAL_POWER] = "power",
};

/* ---- registers ---- */

static void lost(struct fio_card *card)
{
	if (READ_ONCE(card->frozen) || READ_ONCE(card->gone))
		return;
	WRITE_ONCE(card->gone, true);
	fio_card_fault(card, FIO_REASON_GONE, "registers read all-ones");
}

/**
 * fio_reg_read() - read a register
 * @card: the card; its windows are mapped
 * @reg: FIO_REG_*
 *
 * No register reads all-ones but on a card that is gone: that is a fault.
 *
 * Context: any.
 * Return: its value.
 */
u32 fio_reg_read(struct fio_card *card, u32 reg)
{
	u32 value = readl(card->regs + reg);

	if (unlikely(value == ~0U))
		lost(card);
	return value;
}

/**
 * fio_reg_write() - write a register
 * @card: the card; its windows are mapped
 * @reg: FIO_REG_*
 * @value: the value
 * Context: any.
 */
void fio_reg_write(struct fio_card *card, u32 reg, u32 value)
{
	writel(value, card->regs + reg);
}

static int wait_status(struct fio_card *card, u32 mask, u32 want)
{
	unsigned long end = jiffies + card->timeout;
	u32 status;

	for (;;) {
		status = fio_reg_read(card, FIO_REG_STATUS);
		if (READ_ONCE(card->gone) || READ_ONCE(card->frozen))
			return -ENODEV;
		if ((status & mask) == want)
			return 0;
		if (time_after(jiffies, end))
			break;
		usleep_range(500, 1000);
	}
	fio_err(card, "status is %#x, not %#x of %#x, after %u ms", status, want,
		mask, jiffies_to_msecs(card->timeout));
	return -ETIMEDOUT;
}

/* ---- faults ---- */

/**
 * fio_card_fault() - something is wrong with the card: reset it
 * @card: the card
 * @reason: enum fio_reason
 * @what: what was seen, for the log
 *
 * Does nothing when a reset is under way, or none is possible in this state: the
 * caller's command fails then.
 *
 * Context: any.
 */
void fio_card_fault(struct fio_card *card, enum fio_reason reason,
		    const char *what)
{
	if (!fio_state_change(card, FIO_CARD_RESETTING, reason))
		return;
	fio_err(card, "%s, resetting the card", what);
	queue_work(fio_reset_workqueue, &card->reset_work);
}

/**
 * fio_card_fatal() - the card says that it has stopped
 * @card: the card
 * Context: any.
 */
void fio_card_fatal(struct fio_card *card)
{
	u32 fatal = fio_reg_read(card, FIO_REG_FATAL);

	if (READ_ONCE(card->gone))
		return;
	fio_err_limited(card, "the card reports fatal error %u: %s", fatal,
			fatal < ARRAY_SIZE(fatal_texts) ? fatal_texts[fatal] : "unknown");
	fio_card_fault(card, FIO_REASON_FATAL, "fatal error");
}

static void check_queue(struct fio_card *card, struct fio_queue *q)
{
	unsigned long age;

	fio_queue_commit(q);
	age = fio_queue_oldest(q, jiffies);
	if (age < LOST_IRQ_AGE)
		return;
	if (fio_queue_reap(q)) {
		fio_warn_limited(card, "queue %u: completion without an interrupt", q->id);
		age = fio_queue_oldest(q, jiffies);
	}
	if (age > (unsigned long)fio_command_timeout * HZ) {
		fio_err(card, "queue %u: a command is outstanding for %u ms", q->id,
			jiffies_to_msecs(age));
		fio_card_fault(card, FIO_REASON_GONE, "command timeout");
	}
}

/**
 * fio_card_check() - look for lost interrupts, overdue commands, a dead card
 * @card: the card
 * Context: any that may take a while.
 */
void fio_card_check(struct fio_card *card)
{
	u32 status, i;

	if (READ_ONCE(card->frozen) || fio_card_state(card) == FIO_CARD_RESETTING)
		return;
	status = fio_reg_read(card, FIO_REG_STATUS);
	if (READ_ONCE(card->gone))
		return;
	if (status & FIO_STATUS_FATAL) {
		fio_card_fatal(card);
		return;
	}
	for (i = 0; i < card->chan->queues; i++)
		check_queue(card, &card->chan->queue[i]);
}

static void watchdog(struct work_struct *work)
{
	struct fio_card *card = container_of(to_delayed_work(work),
					     struct fio_card, watchdog);

	if (fio_card_state(card) == FIO_CARD_DEAD)
		return;
	fio_card_check(card);
	schedule_delayed_work(&card->watchdog, WATCHDOG_PERIOD);
}

/* ---- bring-up ---- */

static int reset_registers(struct fio_card *card)
{
	fio_reg_write(card, FIO_REG_RESET, FIO_RESET_KEY);
	return wait_status(card, FIO_STATUS_RESETTING | FIO_STATUS_RDY, 0);
}

static int enable(struct fio_card *card)
{
	fio_reg_write(card, FIO_REG_CTRL, FIO_CTRL_EN);
	return wait_status(card, FIO_STATUS_RDY, FIO_STATUS_RDY);
}

static int check_interface(struct fio_card *card)
{
	u32 signature = fio_reg_read(card, FIO_REG_SIGNATURE);
	u32 version = fio_reg_read(card, FIO_REG_VERSION);

	if (READ_ONCE(card->gone))
		return -ENODEV;
	if (signature == FIO_SIGNATURE && version == card->iface.version)
		return 0;
	fio_err(card, "registers say signature %#x, version %#x; config space said %#x, %#x",
		signature, version, FIO_SIGNATURE, card->iface.version);
	return -EPROTONOSUPPORT;
}

static bool same_card(struct fio_card *card, const struct fio_identity *id,
		      const struct fio_geometry *geo)
{
	if (!strcmp(id->serial, card->id.serial) && !memcmp(geo, &card->geo, sizeof(*geo)))
		return true;
	fio_err(card, "after the reset this is another card: serial %s, was %s",
		id->serial, card->id.serial);
	return false;
}

static int identify(struct fio_card *card)
{
	struct fio_geometry geo = {};
	struct fio_identity id = {};
	int err;

	err = fio_mbox_identify(card, &id);
	/* a card with an absurd geometry still has a name to show */
	if (!err && !card->identified)
		card->id = id;
	if (!err)
		err = fio_mbox_geometry(card, &geo);
	if (err)
		return err;
	if (card->identified)
		return same_card(card, &id, &geo) ? 0 : -ENXIO;
	card->geo = geo;
	card->identified = true;
	fio_chan_set_geometry(card);
	return 0;
}

static int enable_features(struct fio_card *card)
{
	u64 want = FEATURES_NEEDED | (card->id.features & FEATURES_USED);
	u64 enabled = 0;
	int err;

	if ((card->id.features & FEATURES_NEEDED) == FEATURES_NEEDED) {
		err = fio_mbox_features(card, want, &enabled);
		if (err)
			return err;
	}
	if ((enabled & want) == want)
		return 0;
	fio_err(card, "features %#llx are needed, the card has %#llx and enabled %#llx",
		(u64)FEATURES_NEEDED, card->id.features, enabled);
	return -EOPNOTSUPP;
}

static int read_plp(struct fio_card *card)
{
	struct fio_health health;
	int err;

	fio_health_stale(card);
	err = fio_health_get(card, &health);
	if (!err)
		fio_set_plp(card, health.plp);
	return err;
}

/**
 * fio_card_bring_up() - from any hardware state to queues that the card serves
 * @card: the card: mapped, with channel, event ring and interrupts
 *
 * Resets the card first. Commands do not flow before fio_chan_start().
 *
 * Context: process; one caller at a time (probe, or the reset worker).
 * Return: 0; -ENODEV: it is gone; -ENXIO: it is another one; or -errno.
 */
int fio_card_bring_up(struct fio_card *card)
{
	int err;

	err = reset_registers(card);
	if (!err)
		err = check_interface(card);
	if (err)
		return err;
	pci_set_master(card->pdev);
	err = enable(card);
	if (!err)
		err = identify(card);
	if (!err)
		err = enable_features(card);
	if (!err)
		err = fio_events_start(card);
	if (!err)
		err = read_plp(card);
	if (!err)
		err = fio_chan_open(card);
	return err;
}

/**
 * fio_card_tear_down() - the card stops and touches no memory afterwards
 * @card: the card, however far its bring-up came
 * Context: process.
 */
void fio_card_tear_down(struct fio_card *card)
{
	fio_chan_stop(card);
	if (card->regs && !READ_ONCE(card->gone) && !READ_ONCE(card->frozen))
		reset_registers(card);
	/* Whatever the reset did: without this bit there is no DMA. */
	pci_clear_master(card->pdev);
}

/**
 * fio_card_shutdown_hw() - orderly power off: let the card write out its buffer
 * @card: a detached card
 * Context: process.
 */
void fio_card_shutdown_hw(struct fio_card *card)
{
	enum fio_card_state state = fio_card_state(card);

	if (!card->regs || state == FIO_CARD_DEAD || state == FIO_CARD_MINIMAL ||
	    READ_ONCE(card->gone) || READ_ONCE(card->frozen))
		return;
	fio_reg_write(card, FIO_REG_CTRL, FIO_CTRL_EN | FIO_CTRL_SHUTDOWN);
	if (wait_status(card, FIO_STATUS_SHUTDOWN_DONE, FIO_STATUS_SHUTDOWN_DONE))
		fio_warn(card, "the card did not confirm its shutdown");
}

/* ---- the reset worker ---- */

/* Resets that somebody else asked for say nothing about the card. */
static bool too_often(struct fio_card *card)
{
	if (card->thawed) {
		card->thawed = false;
		return false;
	}
	if (!card->resets ||
	    time_after(jiffies, card->resets_since + RESETS_WINDOW)) {
		card->resets_since = jiffies;
		card->resets = 0;
	}
	if (++card->resets <= RESETS_MAX)
		return false;
	fio_err(card, "%u resets within %u seconds, giving up", card->resets - 1,
		RESETS_WINDOW / HZ);
	return true;
}

static int reset_function(struct fio_card *card)
{
	int err;

	fio_warn(card, "the register reset did not help, resetting the function");
	pci_clear_master(card->pdev);
	err = pcie_reset_flr(card->pdev, PCI_RESET_DO_RESET);
	if (err)
		return err;
	pci_restore_state(card->pdev);
	/* restoring consumes what was saved, and the next reset wants it again */
	pci_save_state(card->pdev);
	return 0;
}

static int recover(struct fio_card *card)
{
	int err;

	WRITE_ONCE(card->gone, false);
	err = fio_card_bring_up(card);
	if (!err || READ_ONCE(card->frozen) || !pci_device_is_present(card->pdev))
		return err;
	WRITE_ONCE(card->gone, false);
	err = reset_function(card);
	return err ? err : fio_card_bring_up(card);
}

static enum fio_reason reason_of_death(struct fio_card *card, int err)
{
	if (err == -ENODEV || READ_ONCE(card->gone))
		return FIO_REASON_GONE;
	return FIO_REASON_RESET_FAILED;
}

static void die(struct fio_card *card, enum fio_reason reason)
{
	WRITE_ONCE(card->gone, true);
	pci_clear_master(card->pdev);
	/* first, because who sees DEAD takes it that nothing is in flight */
	fio_chan_kill(card);
	fio_state_change(card, FIO_CARD_DEAD, reason);
	fio_env_wake(card);
	fio_env_kick(card);
	fio_attach_abandon(card);
	fio_err(card, "the card is dead: unbind the driver and bind it again, or reboot, to try once more");
}

static int wait_thawed(struct fio_card *card)
{
	/* Pairs with fio_card_thaw(). */
	if (wait_event_timeout(card->state_wq, !smp_load_acquire(&card->frozen),
			       THAW_TIMEOUT))
		return 0;
	fio_err(card, "PCI error recovery did not end within %u seconds",
		THAW_TIMEOUT / HZ);
	return -ENODEV;
}

static void reset_card(struct fio_card *card)
{
	u32 freezes;
	int err;

	fio_chan_stop(card);
	do {
		freezes = READ_ONCE(card->freezes);
		err = wait_thawed(card);
		if (!err)
			err = too_often(card) ? -EIO : recover(card);
		/* frozen while it came up: another round */
	} while (err && freezes != READ_ONCE(card->freezes) &&
		 card->resets <= RESETS_MAX);
	if (err) {
		die(card, reason_of_death(card, err));
		return;
	}
	/* in this order: a fault from here on must find a state it can leave */
	fio_state_resume(card);
	fio_chan_start(card);
	fio_env_kick(card);
	fio_info(card, "the card is back");
}

static void reset_work(struct work_struct *work)
{
	struct fio_card *card = container_of(work, struct fio_card, reset_work);
	unsigned int noio = memalloc_noio_save();

	if (fio_card_state(card) == FIO_CARD_RESETTING)
		reset_card(card);
	memalloc_noio_restore(noio);
}

/**
 * fio_card_freeze() - nobody touches the card's registers until the thaw
 * @card: the card
 *
 * PCI error recovery, or a reset from outside, is at work. Whatever the card was
 * doing has to be started again afterwards, so this is a fault as well.
 *
 * Context: process.
 */
void fio_card_freeze(struct fio_card *card)
{
	WRITE_ONCE(card->freezes, card->freezes + 1);
	WRITE_ONCE(card->frozen, true);
	fio_card_fault(card, FIO_REASON_NONE, "PCI takes the card away for a moment");
}

/**
 * fio_card_thaw() - the card may be touched again
 * @card: the card
 * Context: process.
 */
void fio_card_thaw(struct fio_card *card)
{
	card->thawed = true;
	/* Pairs with wait_thawed(): who sees the thaw sees whose doing it was. */
	smp_store_release(&card->frozen, false);
	wake_up_all(&card->state_wq);
}

/**
 * fio_reset_init() - prepare faults; nothing runs yet
 * @card: zeroed card
 */
void fio_reset_init(struct fio_card *card)
{
	INIT_WORK(&card->reset_work, reset_work);
	INIT_DELAYED_WORK(&card->watchdog, watchdog);
}

/**
 * fio_reset_start() - start the watchdog over a card that works
 * @card: the card
 */
void fio_reset_start(struct fio_card *card)
{
	schedule_delayed_work(&card->watchdog, WATCHDOG_PERIOD);
}

static bool not_resetting(struct fio_card *card)
{
	return fio_card_state(card) != FIO_CARD_RESETTING;
}

/**
 * fio_reset_stop() - no reset runs and none begins: the card enters DELETING
 * @card: a card without unit and operation
 * Context: process.
 */
void fio_reset_stop(struct fio_card *card)
{
	do {
		/* ends: the worker does, one way or the other */
		wait_event(card->state_wq, not_resetting(card));
	} while (!fio_state_change(card, FIO_CARD_DELETING, FIO_REASON_NONE));
	cancel_delayed_work_sync(&card->watchdog);
	flush_work(&card->reset_work);
}
