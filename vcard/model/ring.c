// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ring pairs (hw.md section 5.1).
 *
 * Owns: fetching submission entries, posting completions with their phase, the
 * promise never to post beyond the host's head, interrupt coalescing.
 * Does not know: what an entry means.
 *
 * A command is only fetched when its completion has a place: completions never
 * wait, so nothing behind this file has to queue them.
 */
#include "vcard/model/card.h"

#define FETCH_BATCH	16
#define MIN_DEPTH_LOG2	2

static bool vector_ok(const struct vcard *c, u32 vector)
{
	return vector < vcard_irq_count(c, c->cfg.irq_mode);
}

static bool create_ok(const struct vcard *c, const struct fio_mb_create_qp *in)
{
	u64 sq = le64_to_cpu(in->sq_addr), cq = le64_to_cpu(in->cq_addr);

	return le16_to_cpu(in->qid) < c->cfg.queues && in->depth_log2 >= MIN_DEPTH_LOG2 &&
	       in->depth_log2 <= VCARD_QDEPTH_LOG2 && !(in->flags & ~FIO_MB_QP_IRQ) &&
	       vector_ok(c, le16_to_cpu(in->vector)) && sq && cq && !(sq % 4096) && !(cq % 4096);
}

/**
 * ring_create() - mailbox command CREATE_QP
 * @c: the card
 * @in: the host's wishes, unchecked
 *
 * Context: the card is locked.
 * Return: enum fio_mbox_code.
 */
u8 ring_create(struct vcard *c, const struct fio_mb_create_qp *in)
{
	struct vcard_queue *q;

	if (!create_ok(c, in))
		return FIO_MBOX_INVALID_INPUT;
	q = &c->queues[le16_to_cpu(in->qid)];
	if (q->live)
		return FIO_MBOX_WRONG_STATE;
	*q = (struct vcard_queue){
		.live = true,
		.irq = in->flags & FIO_MB_QP_IRQ,
		.qid = le16_to_cpu(in->qid),
		.vector = le16_to_cpu(in->vector),
		.coalesce_us = le16_to_cpu(in->coalesce_us),
		.coalesce_count = le16_to_cpu(in->coalesce_count),
		.depth = 1U << in->depth_log2,
		.sq = le64_to_cpu(in->sq_addr),
		.cq = le64_to_cpu(in->cq_addr),
		.phase = 1,
	};
	reg_set(&c->regs.sq_tail[q->qid], 0);
	reg_set(&c->regs.cq_head[q->qid], 0);
	return FIO_MBOX_OK;
}

/**
 * ring_delete() - mailbox command DELETE_QP
 * @c: the card
 * @qid: the queue pair, unchecked
 *
 * Context: the card is locked.
 * Return: enum fio_mbox_code.
 */
u8 ring_delete(struct vcard *c, u32 qid)
{
	struct vcard_queue *q;

	if (qid >= c->cfg.queues || !c->queues[qid].live)
		return FIO_MBOX_INVALID_INPUT;
	q = &c->queues[qid];
	cmd_finish_queue(c, q);
	q->live = false;
	return FIO_MBOX_OK;
}

/**
 * ring_delete_all() - no queue pairs any more
 * @c: the card
 *
 * Context: the card is locked; commands are finished or forgotten.
 */
void ring_delete_all(struct vcard *c)
{
	memset(c->queues, 0, sizeof(c->queues));
}

/**
 * vcard_irq() - raise a vector, unless a fault loses it
 * @c: the card
 * @vector: as the host named it
 *
 * Context: the card is locked.
 */
void vcard_irq(struct vcard *c, u32 vector)
{
	if (reg_get(&c->regs.gone) || fault_lost_irq(c)) {
		c->stats.irqs_lost++;
		return;
	}
	c->stats.irqs++;
	c->front.irq(c->ctx, vector);
}

/**
 * ring_interrupt() - interrupt for completions, now or when coalescing says so
 * @c: the card
 * @q: the queue pair
 *
 * Context: the card is locked.
 */
void ring_interrupt(struct vcard *c, struct vcard_queue *q)
{
	if (!q->live || !q->irq || !q->unsignalled)
		return;
	if (q->coalesce_us && q->unsignalled < q->coalesce_count && c->now < q->irq_at)
		return;
	q->unsignalled = 0;
	vcard_irq(c, q->vector);
}

/**
 * ring_post() - post a completion
 * @c: the card
 * @q: the queue pair, with a place for it: see ring_run()
 * @cqe: everything but sq_head and phase
 *
 * The last 4 bytes are a write of their own, behind a release fence: a host that
 * sees the phase sees the rest.
 *
 * Context: the card is locked.
 */
void ring_post(struct vcard *c, struct vcard_queue *q, struct fio_cqe *cqe)
{
	const size_t body = offsetof(struct fio_cqe, cid);
	u64 at = q->cq + (u64)q->cq_tail * sizeof(*cqe);
	int err;

	cqe->sq_head = cpu_to_le16(q->sq_head);
	cqe->status = cpu_to_le16(le16_to_cpu(cqe->status) | (q->phase ? FIO_CQE_PHASE : 0));
	err = c->front.dma_write(c->ctx, at, cqe, body);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (!err)
		err = c->front.dma_write(c->ctx, at + body, (u8 *)cqe + body, sizeof(*cqe) - body);
	q->outstanding--;
	if (err) {
		card_fatal(c, FIO_FATAL_DMA);
		return;
	}
	q->cq_tail = (q->cq_tail + 1) & (q->depth - 1);
	if (!q->cq_tail)
		q->phase = !q->phase;
	if (!q->unsignalled++)
		q->irq_at = c->now + q->coalesce_us * 1000ULL;
}

/* How many commands may be fetched: what was submitted, and what has a place. */
static u32 fetchable(struct vcard *c, struct vcard_queue *q, u32 tail, u32 head)
{
	u32 mask = q->depth - 1;
	u32 submitted = (tail - q->sq_head) & mask;
	u32 used = ((q->cq_tail - head) & mask) + q->outstanding;

	return used >= mask ? 0 : min(submitted, mask - used);
}

static int fetch(struct vcard *c, struct vcard_queue *q, struct fio_sqe *sqe, u32 n)
{
	u64 at = q->sq + (u64)q->sq_head * sizeof(*sqe);

	if (!c->front.dma_read(c->ctx, at, sqe, n * sizeof(*sqe)))
		return 0;
	card_fatal(c, FIO_FATAL_DMA);
	return -EFAULT;
}

/**
 * ring_run() - fetch and start a batch of commands
 * @c: the card
 * @q: a live queue pair
 *
 * Context: the card is locked.
 * Return: something was fetched.
 */
bool ring_run(struct vcard *c, struct vcard_queue *q)
{
	u32 tail = reg_get(&c->regs.sq_tail[q->qid]);
	u32 head = reg_get(&c->regs.cq_head[q->qid]);
	struct fio_sqe sqe[FETCH_BATCH];
	u32 n, i;

	if (tail >= q->depth || head >= q->depth) {
		card_fatal(c, FIO_FATAL_RING);
		return false;
	}
	n = min(fetchable(c, q, tail, head), q->depth - q->sq_head);
	n = min_t(u32, n, FETCH_BATCH);
	if (!n || fetch(c, q, sqe, n))
		return false;
	for (i = 0; i < n && cmd_room(c); i++) {
		q->sq_head = (q->sq_head + 1) & (q->depth - 1);
		q->outstanding++;
		cmd_submit(c, q, &sqe[i]);
	}
	return i;
}
