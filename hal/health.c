// SPDX-License-Identifier: GPL-2.0-only
/*
 * Telemetry, kept for a moment so that many readers cost one mailbox command.
 *
 * Owns: the copy and its age. Does not know who shows it or what the card means
 * by it.
 */

#include <linux/jiffies.h>

#include "card.h"

#define MAX_AGE HZ

/**
 * fio_health_init() - nothing is known yet
 * @card: zeroed card
 */
void fio_health_init(struct fio_card *card)
{
	mutex_init(&card->health.lock);
	WRITE_ONCE(card->health.stale, true);
}

/**
 * fio_health_stale() - what is kept is out of date
 * @card: the card
 * Context: any.
 */
void fio_health_stale(struct fio_card *card)
{
	WRITE_ONCE(card->health.stale, true);
}

static int refresh(struct fio_card *card)
{
	struct fio_health fresh;
	int err;

	lockdep_assert_held(&card->health.lock);
	/* before the question, so that a change during it is not missed */
	WRITE_ONCE(card->health.stale, false);
	err = fio_mbox_health(card, &fresh);
	if (err) {
		WRITE_ONCE(card->health.stale, true);
		return err;
	}
	card->health.now = fresh;
	card->health.when = jiffies;
	return 0;
}

/**
 * fio_health_get() - telemetry, at most a second old
 * @card: the card
 * @health: filled on success
 * Context: process; may wait for the mailbox.
 * Return: 0; -ENODEV: the card cannot be asked; or as fio_mbox_health().
 */
int fio_health_get(struct fio_card *card, struct fio_health *health)
{
	int err = 0;

	mutex_lock(&card->health.lock);
	if (READ_ONCE(card->health.stale) ||
	    time_after(jiffies, card->health.when + MAX_AGE))
		err = refresh(card);
	if (!err)
		*health = card->health.now;
	mutex_unlock(&card->health.lock);
	return err;
}
