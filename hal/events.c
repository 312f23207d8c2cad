// SPDX-License-Identifier: GPL-2.0-only
/*
 * Async events: what the card tells without being asked.
 *
 * Owns: the event ring, and power-loss protection as the rest of the driver sees
 * it (media.durable). Does not know what a personality does about either.
 *
 * The card never waits for us, so events can be lost; their numbers tell. None
 * of them is needed for correctness: what matters (power-loss protection) is
 * read from HEALTH again whenever events may be missing. What is about flash is
 * passed on to the FTL; a refresh that gets lost, the patrol finds again.
 */

#include <linux/dma-mapping.h>

#include <fio/hw_desc.h>

#include "card.h"
#include "chan.h"

#define RING_LOG2	7
#define RING_ENTRIES	((u32)BIT(RING_LOG2))
#define RING_BYTES	(RING_ENTRIES * sizeof(struct fio_event))
#define EVENT_PHASE	BIT(0)
#define EVENT_PROGRAM_FAILED 1	/* value of AU_RETIRE */

/* NULL: an event of a later minor version. */
static const char *event_text(u16 type)
{
	switch (type) {
#define EVENT_TEXT(nr, name, text) case nr: return text;
	FIO_EVENTS(EVENT_TEXT)
#undef EVENT_TEXT
	}
	return NULL;
}

static void cache_work(struct work_struct *work)
{
	fio_unit_cache_changed(container_of(work, struct fio_card, cache_work));
}

/**
 * fio_set_plp() - power-loss protection is in this state
 * @card: the card; its channel exists
 * @plp: enum fio_plp
 *
 * Decides whether completion means durable. Personalities are told from a work
 * item: the caller may be the reset worker, which must not wait for them.
 *
 * Context: any.
 */
void fio_set_plp(struct fio_card *card, u32 plp)
{
	u32 durable = plp == FIO_PLP_OK;

	if (plp != READ_ONCE(card->plp))
		fio_info(card, "power-loss protection: %s, completed writes are %s",
			 fio_plp_text(plp),
			 durable ? "durable" : "durable only after a flush");
	WRITE_ONCE(card->plp, plp);
	if (ftl_swap(&card->chan->media.durable, durable) == durable)
		return;
	schedule_work(&card->cache_work);
	/* the core judges the medium's health anew */
	fio_env_kick(card);
}

static void reread_plp(struct fio_card *card)
{
	struct fio_health health;

	fio_health_stale(card);
	if (!fio_health_get(card, &health))
		fio_set_plp(card, health.plp);
}

static void log_event(struct fio_card *card, const struct fio_event *e,
		      const char *text)
{
	u64 addr = le64_to_cpu(e->addr);
	u32 value = le32_to_cpu(e->value);

	if (addr == FIO_ADDR_NULL)
		fio_warn_limited(card, "%s (%u)", text, value);
	else
		fio_warn_limited(card, "%s: die %llu, append unit %llu (%u)",
				 text, FIELD_GET(FIO_ADDR_DIE, addr),
				 FIELD_GET(FIO_ADDR_AU, addr), value);
}

static void check_number(struct fio_card *card, const struct fio_event *e)
{
	u64 seq = le64_to_cpu(e->seq);

	lockdep_assert_held(&card->event_lock);
	if (card->event_seq && seq != card->event_seq)
		fio_warn_limited(card, "events were lost: got number %llu, expected %llu",
				 seq, card->event_seq);
	card->event_seq = seq + 1;
}

static void tell_ftl(struct fio_card *card, const struct fio_event *e,
		     enum ftl_media_event event)
{
	u64 addr = le64_to_cpu(e->addr);
	u64 die = FIELD_GET(FIO_ADDR_DIE, addr), au = FIELD_GET(FIO_ADDR_AU, addr);
	const struct fio_geometry *g = &card->geo;

	if (addr == FIO_ADDR_NULL || die >= g->dies || au >= g->aus)
		return;
	down_read(&card->ftl_rwsem);
	if (card->ftl)
		ftl_media_event(card->ftl, event, (u32)(au * g->dies + die) * g->pages);
	up_read(&card->ftl_rwsem);
}

static void flash_event(struct fio_card *card, const struct fio_event *e, u16 type)
{
	u32 value = le32_to_cpu(e->value);

	switch (type) {
	case FIO_EV_AU_REFRESH:
		tell_ftl(card, e, FTL_EV_REFRESH);
		break;
	case FIO_EV_AU_RETIRE:
		/* a failed erase has an erase that failed: the FTL knows */
		if (value == EVENT_PROGRAM_FAILED)
			tell_ftl(card, e, FTL_EV_RETIRE);
		break;
	case FIO_EV_DIE_OFFLINE:
		tell_ftl(card, e, value ? FTL_EV_DIE_OFFLINE : FTL_EV_DIE_ONLINE);
		break;
	}
}

static void handle_event(struct fio_card *card, const struct fio_event *e)
{
	u16 type = le16_to_cpu(e->type);
	const char *text = event_text(type);

	fio_health_stale(card);
	flash_event(card, e, type);
	if (text && type != FIO_EV_HEALTH && type != FIO_EV_AU_REFRESH)
		log_event(card, e, type == FIO_EV_DIE_OFFLINE && !e->value ?
			  "a die answers again" : text);
	/* the health page is the truth, the event only says that it changed */
	if (type == FIO_EV_PLP || type == FIO_EV_OVERFLOW)
		reread_plp(card);
}

static bool next_event(struct fio_card *card, struct fio_event *e)
{
	const struct fio_event *entry = &card->events[card->event_head % RING_ENTRIES];
	u16 lap = (card->event_head / RING_ENTRIES) & 1 ? 0 : EVENT_PHASE;

	if ((le16_to_cpu(READ_ONCE(entry->phase)) & EVENT_PHASE) != lap)
		return false;
	/* Nothing else of the entry is read before its phase. */
	dma_rmb();
	*e = *entry;
	card->event_head++;
	check_number(card, e);
	return true;
}

static bool take_event(struct fio_card *card, struct fio_event *e)
{
	bool got;

	mutex_lock(&card->event_lock);
	got = card->events && next_event(card, e);
	mutex_unlock(&card->event_lock);
	return got;
}

static void event_work(struct work_struct *work)
{
	struct fio_card *card = container_of(work, struct fio_card, event_work);
	struct fio_event e;
	u32 n;

	/* handled without the lock: the FTL's is outside of it */
	for (n = 0; n < RING_ENTRIES && take_event(card, &e); n++)
		handle_event(card, &e);
	if (n == RING_ENTRIES)
		schedule_work(&card->event_work);
}

/**
 * fio_events_setup() - allocate the ring
 * @card: the card
 * Context: process. Return: 0 or -ENOMEM.
 */
int fio_events_setup(struct fio_card *card)
{
	card->events = dma_alloc_coherent(&card->pdev->dev, RING_BYTES,
					  &card->events_dma, GFP_KERNEL);
	return card->events ? 0 : -ENOMEM;
}

/**
 * fio_events_init() - make the parts that need no hardware
 * @card: zeroed card
 */
void fio_events_init(struct fio_card *card)
{
	mutex_init(&card->event_lock);
	INIT_WORK(&card->event_work, event_work);
	INIT_WORK(&card->cache_work, cache_work);
	card->plp = U32_MAX;
}

/**
 * fio_events_start() - let the card send events into an empty ring
 * @card: an enabled card
 * Context: process. Return: 0 or as fio_mbox_call().
 */
int fio_events_start(struct fio_card *card)
{
	mutex_lock(&card->event_lock);
	memset(card->events, 0, RING_BYTES);
	card->event_head = 0;
	card->event_seq = 0;
	mutex_unlock(&card->event_lock);
	return fio_mbox_event_queue(card, card->events_dma, RING_LOG2);
}

/**
 * fio_events_free() - free the ring
 * @card: a card that can no longer write to memory
 * Context: process.
 */
void fio_events_free(struct fio_card *card)
{
	cancel_work_sync(&card->event_work);
	cancel_work_sync(&card->cache_work);
	if (card->events)
		dma_free_coherent(&card->pdev->dev, RING_BYTES, card->events,
				  card->events_dma);
	card->events = NULL;
}
