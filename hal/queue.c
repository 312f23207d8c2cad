// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue pairs: rings, the slots that fill them, and what happens to both when
 * the card is reset or dies.
 *
 * Owns: ring memory and indices, the life of a slot from get to put. Does not
 * know what a command means (chan.c) or where its data is (dma.c).
 *
 * A slot is free, taken by the FTL, in flight, held or ending. While the card is
 * being reset submissions are held, not failed: they go out when the queue runs
 * again, so nobody above has to retry in a loop. What was in flight is handed to
 * the caller of fio_queue_stop(), which repeats or ends it once the card can no
 * longer touch its memory. A dead queue ends everything from a work item, because
 * done() must never be called from inside submit.
 *
 * There is one slot less than ring entries, so neither ring can overflow.
 */

#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "card.h"
#include "chan.h"

#define REAP_BATCH	32

/* A command's number: slot index below, count of its uses above. */
#define CID_INDEX	GENMASK(9, 0)
#define CID_LIFE	GENMASK(15, 10)

static u32 ring_mask(const struct fio_queue *q)
{
	return (1U << q->depth_log2) - 1;
}

static u16 cid_of(const struct fio_slot *slot)
{
	return FIELD_PREP(CID_INDEX, slot->index) |
	       FIELD_PREP(CID_LIFE, slot->life & FIELD_MAX(CID_LIFE));
}

/**
 * fio_queue_get() - take a free slot
 * @q: the queue
 * @internal: may draw from the reserve
 * Context: any.
 * Return: a slot in state TAKEN, or NULL.
 */
struct fio_slot *fio_queue_get(struct fio_queue *q, bool internal)
{
	struct fio_slot *slot = NULL;
	unsigned long flags;

	spin_lock_irqsave(&q->sq_lock, flags);
	if (q->free_count > (internal ? 0 : q->reserve)) {
		slot = list_first_entry(&q->free, struct fio_slot, link);
		list_del(&slot->link);
		q->free_count--;
		slot->state = FIO_SLOT_TAKEN;
	}
	spin_unlock_irqrestore(&q->sq_lock, flags);
	return slot;
}

/**
 * fio_queue_put() - give a slot back
 * @slot: in state TAKEN, or ENDING from inside its done()
 * Context: any.
 */
void fio_queue_put(struct fio_slot *slot)
{
	struct fio_queue *q = slot->queue;
	unsigned long flags;

	spin_lock_irqsave(&q->sq_lock, flags);
	if (slot->state == FIO_SLOT_TAKEN || slot->state == FIO_SLOT_ENDING) {
		slot->state = FIO_SLOT_FREE;
		/* last in, first out: its memory is warm */
		list_add(&slot->link, &q->free);
		q->free_count++;
	} else {
		WARN_ON_ONCE(1);
	}
	spin_unlock_irqrestore(&q->sq_lock, flags);
}

static void place(struct fio_queue *q, struct fio_slot *slot)
{
	lockdep_assert_held(&q->sq_lock);
	slot->life++;
	slot->sqe.cid = cpu_to_le16(cid_of(slot));
	q->sq[q->sq_tail] = slot->sqe;
	q->sq_tail = (q->sq_tail + 1) & ring_mask(q);
	slot->issued = jiffies;
	WRITE_ONCE(slot->state, FIO_SLOT_INFLIGHT);
}

static void ring_doorbell(struct fio_queue *q)
{
	lockdep_assert_held(&q->sq_lock);
	if (q->sq_rung == q->sq_tail)
		return;
	/* The entries must be in memory before the card is told of them. */
	dma_wmb();
	writel(q->sq_tail, q->db + FIO_DB_SQ_TAIL);
	WRITE_ONCE(q->sq_rung, q->sq_tail);
}

static void end_later(struct fio_queue *q, struct fio_slot *slot,
		      enum media_status status)
{
	lockdep_assert_held(&q->sq_lock);
	slot->cmd.status = status;
	slot->state = FIO_SLOT_ENDING;
	list_add_tail(&slot->link, &q->ended);
	queue_work(fio_end_workqueue, &q->end_work);
}

static void hand_over(struct fio_queue *q, struct fio_slot *slot)
{
	lockdep_assert_held(&q->sq_lock);
	switch (q->state) {
	case FIO_QUEUE_RUNNING:
		place(q, slot);
		break;
	case FIO_QUEUE_STOPPED:
		slot->state = FIO_SLOT_HELD;
		list_add_tail(&slot->link, &q->held);
		break;
	default:
		end_later(q, slot, MEDIA_GONE);
	}
}

/**
 * fio_queue_submit() - send a command on its way
 * @slot: in state TAKEN or, from inside its done(), ENDING
 *
 * The card is not told before fio_queue_commit().
 *
 * Context: any. done() follows, never from inside this call.
 */
void fio_queue_submit(struct fio_slot *slot)
{
	enum media_status status = fio_chan_prepare(slot);
	struct fio_queue *q = slot->queue;
	unsigned long flags;

	slot->repeats = 0;
	spin_lock_irqsave(&q->sq_lock, flags);
	if (status == MEDIA_OK)
		hand_over(q, slot);
	else
		end_later(q, slot, status);
	spin_unlock_irqrestore(&q->sq_lock, flags);
}

/**
 * fio_queue_repeat() - send a command again that a reset has taken back
 * @slot: in state ENDING, in no list
 * Context: any.
 */
void fio_queue_repeat(struct fio_slot *slot)
{
	struct fio_queue *q = slot->queue;
	unsigned long flags;

	slot->repeats++;
	spin_lock_irqsave(&q->sq_lock, flags);
	hand_over(q, slot);
	spin_unlock_irqrestore(&q->sq_lock, flags);
}

/**
 * fio_queue_commit() - tell the card of all that was submitted
 * @q: the queue
 * Context: any.
 */
void fio_queue_commit(struct fio_queue *q)
{
	unsigned long flags;

	if (READ_ONCE(q->sq_rung) == READ_ONCE(q->sq_tail))
		return;
	spin_lock_irqsave(&q->sq_lock, flags);
	if (q->state == FIO_QUEUE_RUNNING)
		ring_doorbell(q);
	spin_unlock_irqrestore(&q->sq_lock, flags);
}

static void end_list(struct list_head *list)
{
	struct fio_slot *slot, *next;

	/* done() may put the slot, which links it elsewhere */
	list_for_each_entry_safe(slot, next, list, link) {
		list_del_init(&slot->link);
		slot->cmd.done(&slot->cmd);
	}
}

static void end_work(struct work_struct *work)
{
	struct fio_queue *q = container_of(work, struct fio_queue, end_work);
	LIST_HEAD(list);

	spin_lock_irq(&q->sq_lock);
	list_splice_init(&q->ended, &list);
	spin_unlock_irq(&q->sq_lock);
	end_list(&list);
	fio_queue_commit(q);
}

static bool cqe_ready(struct fio_queue *q)
{
	u16 status = le16_to_cpu(READ_ONCE(q->cq[q->cq_head].status));

	return (status & FIO_CQE_PHASE) == q->phase;
}

static void advance_cq(struct fio_queue *q)
{
	q->cq_head = (q->cq_head + 1) & ring_mask(q);
	if (!q->cq_head)
		q->phase ^= FIO_CQE_PHASE;
}

/* Which command is this the end of? NULL if none: the card is not believed. */
static struct fio_slot *accept_cqe(struct fio_queue *q)
{
	const struct fio_cqe *cqe = &q->cq[q->cq_head];
	u16 cid = le16_to_cpu(READ_ONCE(cqe->cid));
	u32 index = FIELD_GET(CID_INDEX, cid);
	struct fio_slot *slot;

	if (index >= q->slots)
		goto unknown;
	slot = &q->slot[index];
	if (READ_ONCE(slot->state) != FIO_SLOT_INFLIGHT || cid_of(slot) != cid)
		goto unknown;
	slot->cqe = *cqe;
	WRITE_ONCE(slot->state, FIO_SLOT_ENDING);
	return slot;

unknown:
	fio_warn_limited(q->card, "queue %u: completion of command %#x, which is not outstanding",
			 q->id, cid);
	return NULL;
}

/* Returns how many entries were consumed, at most REAP_BATCH. */
static u32 reap_batch(struct fio_queue *q)
{
	struct fio_slot *slots[REAP_BATCH];
	unsigned long flags;
	u32 seen = 0, n = 0, i;

	spin_lock_irqsave(&q->cq_lock, flags);
	while (q->state == FIO_QUEUE_RUNNING && seen < REAP_BATCH && cqe_ready(q)) {
		/* Nothing else of the entry is read before its phase. */
		dma_rmb();
		slots[n] = accept_cqe(q);
		if (slots[n])
			n++;
		seen++;
		advance_cq(q);
	}
	if (seen)
		writel(q->cq_head, q->db + FIO_DB_CQ_HEAD);
	spin_unlock_irqrestore(&q->cq_lock, flags);
	for (i = 0; i < n; i++) {
		fio_chan_finish(slots[i]);
		slots[i]->cmd.done(&slots[i]->cmd);
	}
	return seen;
}

/**
 * fio_queue_reap() - take in completions
 * @q: the queue
 *
 * Ends after one lap even when the card completes faster than we can take it.
 *
 * Context: any.
 * Return: entries consumed.
 */
int fio_queue_reap(struct fio_queue *q)
{
	u32 seen, total = 0;

	do {
		seen = reap_batch(q);
		total += seen;
	} while (seen == REAP_BATCH && total <= ring_mask(q));
	if (total)
		fio_queue_commit(q);
	return total;
}

/**
 * fio_queue_oldest() - how long has the oldest command been outstanding?
 * @q: the queue
 * @now: jiffies
 * Return: jiffies; 0 when nothing is.
 */
unsigned long fio_queue_oldest(struct fio_queue *q, unsigned long now)
{
	unsigned long flags, age = 0;
	u32 i;

	spin_lock_irqsave(&q->sq_lock, flags);
	for (i = 0; i < q->slots; i++) {
		struct fio_slot *slot = &q->slot[i];

		if (READ_ONCE(slot->state) == FIO_SLOT_INFLIGHT &&
		    time_after(now, slot->issued))
			age = max(age, now - slot->issued);
	}
	spin_unlock_irqrestore(&q->sq_lock, flags);
	return age;
}

static void take_inflight(struct fio_queue *q, struct list_head *list)
{
	u32 i;

	lockdep_assert_held(&q->cq_lock);
	lockdep_assert_held(&q->sq_lock);
	for (i = 0; i < q->slots; i++) {
		struct fio_slot *slot = &q->slot[i];

		if (slot->state != FIO_SLOT_INFLIGHT)
			continue;
		slot->state = FIO_SLOT_ENDING;
		list_add_tail(&slot->link, list);
	}
}

static void set_state(struct fio_queue *q, enum fio_queue_state state,
		      struct list_head *inflight)
{
	unsigned long flags;

	spin_lock_irqsave(&q->cq_lock, flags);
	spin_lock(&q->sq_lock);
	q->state = state;
	if (inflight)
		take_inflight(q, inflight);
	if (state == FIO_QUEUE_DEAD)
		list_splice_tail_init(&q->held, inflight);
	spin_unlock(&q->sq_lock);
	spin_unlock_irqrestore(&q->cq_lock, flags);
}

/**
 * fio_queue_stop() - from now on hold submissions and take no completion
 * @q: the queue
 * @aborted: receives the commands in flight; the card may still touch their
 *	memory until it has been reset
 * Context: any.
 */
void fio_queue_stop(struct fio_queue *q, struct list_head *aborted)
{
	set_state(q, FIO_QUEUE_STOPPED, aborted);
}

/**
 * fio_queue_start() - send what was held, and go on
 * @q: a stopped queue that the card knows (CREATE_QP)
 * Context: any.
 */
void fio_queue_start(struct fio_queue *q)
{
	struct fio_slot *slot, *next;
	unsigned long flags;

	set_state(q, FIO_QUEUE_RUNNING, NULL);
	spin_lock_irqsave(&q->sq_lock, flags);
	list_for_each_entry_safe(slot, next, &q->held, link) {
		list_del_init(&slot->link);
		hand_over(q, slot);
	}
	if (q->state == FIO_QUEUE_RUNNING)
		ring_doorbell(q);
	spin_unlock_irqrestore(&q->sq_lock, flags);
}

/**
 * fio_queue_kill() - the card will never answer again
 * @q: the queue
 * @gone: receives all that is in flight or held
 * Context: any.
 */
void fio_queue_kill(struct fio_queue *q, struct list_head *gone)
{
	set_state(q, FIO_QUEUE_DEAD, gone);
}

/**
 * fio_queue_end_all() - end commands that never completed
 * @list: of slots, emptied
 * @status: enum media_status
 * Context: any, no lock of a queue held.
 */
void fio_queue_end_all(struct list_head *list, enum media_status status)
{
	struct fio_slot *slot;

	list_for_each_entry(slot, list, link)
		slot->cmd.status = status;
	end_list(list);
}

static bool none_ending(struct fio_queue *q)
{
	unsigned long flags;
	bool none;

	spin_lock_irqsave(&q->sq_lock, flags);
	none = list_empty(&q->ended);
	spin_unlock_irqrestore(&q->sq_lock, flags);
	return none;
}

/**
 * fio_queue_flush() - wait until commands that never reached the card have ended
 * @q: the queue
 * Context: process, but not from inside a done().
 */
void fio_queue_flush(struct fio_queue *q)
{
	/* done() may submit once more; the FTL stops when it hears GONE */
	do {
		flush_work(&q->end_work);
	} while (!none_ending(q));
}

/**
 * fio_queue_recycle() - free what the FTL did not give back
 * @q: a queue nobody uses: the FTL instance is gone
 * Context: process.
 * Return: how many slots that were.
 */
u32 fio_queue_recycle(struct fio_queue *q)
{
	u32 i, n = 0;

	fio_queue_flush(q);
	for (i = 0; i < q->slots; i++) {
		struct fio_slot *slot = &q->slot[i];

		if (slot->state != FIO_SLOT_TAKEN && slot->state != FIO_SLOT_ENDING)
			continue;
		fio_queue_put(slot);
		n++;
	}
	return n;
}

/**
 * fio_queue_rewind() - empty rings, as the card expects at CREATE_QP
 * @q: a stopped queue
 */
void fio_queue_rewind(struct fio_queue *q)
{
	memset(q->sq, 0, sizeof(*q->sq) << q->depth_log2);
	memset(q->cq, 0, sizeof(*q->cq) << q->depth_log2);
	q->sq_tail = 0;
	q->sq_rung = 0;
	q->cq_head = 0;
	q->phase = FIO_CQE_PHASE;
}

static int init_slot(struct fio_queue *q, struct dma_pool *pool, u32 index)
{
	struct fio_slot *slot = &q->slot[index];

	slot->dma = dma_pool_zalloc(pool, GFP_KERNEL, &slot->dma_addr);
	if (!slot->dma)
		return -ENOMEM;
	slot->queue = q;
	slot->index = index;
	slot->cmd.unit = slot->unit;
	slot->cmd.au = slot->au;
	slot->cmd.tag = (struct fio_tag *)slot->dma->tags;
	list_add_tail(&slot->link, &q->free);
	q->free_count++;
	q->slots++;
	return 0;
}

static int alloc_rings(struct fio_queue *q)
{
	struct device *dev = &q->card->pdev->dev;

	q->sq = dma_alloc_coherent(dev, sizeof(*q->sq) << q->depth_log2,
				   &q->sq_dma, GFP_KERNEL);
	q->cq = dma_alloc_coherent(dev, sizeof(*q->cq) << q->depth_log2,
				   &q->cq_dma, GFP_KERNEL);
	return q->sq && q->cq ? 0 : -ENOMEM;
}

/**
 * fio_queue_init() - allocate a queue pair, stopped
 * @chan: the channel; its pool exists
 * @id: queue number
 * Context: process.
 * Return: 0 or -ENOMEM; fio_queue_exit() cleans up after both.
 */
int fio_queue_init(struct fio_chan *chan, u32 id)
{
	u32 slots = (1U << chan->depth_log2) - 1, i;
	struct fio_queue *q = &chan->queue[id];
	int err;

	q->card = chan->card;
	q->id = id;
	q->depth_log2 = chan->depth_log2;
	q->db = chan->card->db + id * FIO_DB_STRIDE(FIELD_GET(FIO_CAP_DB_STRIDE_LOG2,
							      chan->card->cap));
	q->reserve = slots / 4;
	spin_lock_init(&q->sq_lock);
	spin_lock_init(&q->cq_lock);
	INIT_LIST_HEAD(&q->free);
	INIT_LIST_HEAD(&q->held);
	INIT_LIST_HEAD(&q->ended);
	INIT_WORK(&q->end_work, end_work);
	err = alloc_rings(q);
	if (err)
		return err;
	fio_queue_rewind(q);
	q->slot = kvcalloc(slots, sizeof(*q->slot), GFP_KERNEL);
	if (!q->slot)
		return -ENOMEM;
	for (i = 0; i < slots && !err; i++)
		err = init_slot(q, chan->pool, i);
	return err;
}

/**
 * fio_queue_exit() - free a queue pair, however far its making came
 * @q: the queue; zeroed memory will do
 * Context: process.
 */
void fio_queue_exit(struct fio_queue *q)
{
	struct device *dev;
	u32 i;

	if (!q->card)
		return;
	dev = &q->card->pdev->dev;
	flush_work(&q->end_work);
	for (i = 0; i < q->slots; i++)
		dma_pool_free(q->card->chan->pool, q->slot[i].dma, q->slot[i].dma_addr);
	kvfree(q->slot);
	if (q->cq)
		dma_free_coherent(dev, sizeof(*q->cq) << q->depth_log2, q->cq, q->cq_dma);
	if (q->sq)
		dma_free_coherent(dev, sizeof(*q->sq) << q->depth_log2, q->sq, q->sq_dma);
}
