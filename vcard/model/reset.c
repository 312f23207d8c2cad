// SPDX-License-Identifier: GPL-2.0-only
/*
 * Enable, shutdown and the resets (hw.md sections 3.1, 3.2, 9).
 *
 * Owns: what each kind of reset forgets and keeps. What it keeps is everything
 * about flash: the write buffer and the state of append units. From ready to the
 * end of a shutdown the state file says "unclean": that is when a loss of power
 * may interrupt something.
 */
#include "vcard/model/card.h"

static void forget_host(struct vcard *c)
{
	cmd_forget(c);
	ring_delete_all(c);
	event_ring(c, 0, 0);
	c->features = 0;
	c->fault.mbox_stuck = false;
	c->ready_at = 0;
}

/**
 * reset_do() - perform resets
 * @c: the card
 * @wanted: BIT(enum vcard_reset), at least one
 *
 * Context: the card is locked.
 */
void reset_do(struct vcard *c, u32 wanted)
{
	forget_host(c);
	regs_clear(c);
	if (wanted & ~BIT(VCARD_RESET_REG))
		config_reset(c);
	c->stats.resets++;
	__atomic_fetch_and(&c->regs.reset_wanted, ~wanted, __ATOMIC_ACQ_REL);
}

void vcard_reset(struct vcard *c, enum vcard_reset kind)
{
	pthread_mutex_lock(&c->lock);
	if (!c->dead)
		reset_do(c, BIT(kind) | reg_get(&c->regs.reset_wanted));
	pthread_mutex_unlock(&c->lock);
}

static void run_enable(struct vcard *c)
{
	if (!c->ready_at)
		c->ready_at = c->now + c->fault.ready_delay_ns;
	if (c->now < c->ready_at)
		return;
	c->persist->clean = 0;
	reg_set(&c->regs.status, reg_get(&c->regs.status) | FIO_STATUS_RDY);
}

static void run_shutdown(struct vcard *c)
{
	cmd_run_due(c, VCARD_NEVER);
	ring_delete_all(c);
	buffer_drain_all(c);
	vcard_save_life(c);
	c->persist->clean = 1;
	reg_set(&c->regs.status, reg_get(&c->regs.status) | FIO_STATUS_SHUTDOWN_DONE);
}

/**
 * ctrl_run() - do what register CTRL asks for
 * @c: the card
 *
 * Context: the card is locked.
 */
void ctrl_run(struct vcard *c)
{
	u32 ctrl = reg_get(&c->regs.ctrl);
	u32 status = reg_get(&c->regs.status);

	if (status & FIO_STATUS_FATAL)
		return;
	if (ctrl & FIO_CTRL_SHUTDOWN && !(status & FIO_STATUS_SHUTDOWN_DONE))
		run_shutdown(c);
	else if (ctrl & FIO_CTRL_EN && !(status & FIO_STATUS_RDY))
		run_enable(c);
}
