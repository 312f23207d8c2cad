// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests: struct request in, struct fio_io down to the unit, status back up.
 *
 * Owns: the tag set, the mapping of CPUs to the unit's queues, the translation
 * of operations, sectors and errors. Does not know what a unit does with an I/O,
 * nor how a disk comes and goes (main.c).
 *
 * A request's private area is the fio_io itself, with hal's room behind it and
 * the scatter list behind that, so the path allocates nothing. The order in
 * queue_rq is fixed: gate (is the card there?), prepare, start, submit. From
 * submit on the request may be complete at any moment and is not touched.
 *
 * The unit has no interrupt-free queue pairs, so there are no poll queues here.
 */
#include <linux/log2.h>

#include "blk.h"

/* Time before the unit is asked what became of a request. */
#define FIO_BLK_TIMEOUT		(30 * HZ)

static struct scatterlist *fio_blk_sg(const struct fio_blk *b, struct fio_io *io)
{
	return (struct scatterlist *)((u8 *)io + b->sg_offset);
}

/*
 * -EAGAIN becomes RESOURCE, not DEV_RESOURCE: what frees room may be a
 * completion on another queue, which the block layer does not take as a reason
 * to run this one again. RESOURCE also runs it after a delay.
 */
static blk_status_t fio_blk_status(int err)
{
	switch (err) {
	case 0:
		return BLK_STS_OK;
	case -EAGAIN:
		return BLK_STS_RESOURCE;
	case -ENODATA:
		return BLK_STS_MEDIUM;
	case -ENODEV:
		return BLK_STS_OFFLINE;
	default:
		return errno_to_blk_status(err);
	}
}

/* Any context, perhaps before fio_submit() has returned; hal has set io->err. */
static void fio_blk_done(struct fio_io *io, int err)
{
	struct request *rq = blk_mq_rq_from_pdu(io);

	if (likely(!blk_should_fake_timeout(rq->q)))
		blk_mq_complete_request(rq);
}

/* On the CPU that the submitter wants to see it on. */
static void fio_blk_complete(struct request *rq)
{
	struct fio_io *io = blk_mq_rq_to_pdu(rq);

	blk_mq_end_request(rq, fio_blk_status(io->err));
}

static void fio_blk_map_data(struct fio_blk *b, struct request *rq,
			     struct fio_io *io)
{
	io->sg = fio_blk_sg(b, io);
	sg_init_table(io->sg, blk_rq_nr_phys_segments(rq));
	io->nents = fio_compat_map_sg(rq, io->sg);
}

static blk_status_t fio_blk_set_op(struct fio_blk *b, struct request *rq,
				   struct fio_io *io)
{
	switch (req_op(rq)) {
	case REQ_OP_READ:
		io->op = FIO_IO_READ;
		fio_blk_map_data(b, rq, io);
		return BLK_STS_OK;
	case REQ_OP_WRITE:
		io->op = FIO_IO_WRITE;
		io->stream = fio_compat_write_stream(rq, FIO_WRITE_STREAMS);
		fio_blk_map_data(b, rq, io);
		return BLK_STS_OK;
	case REQ_OP_FLUSH:
		io->op = FIO_IO_FLUSH;
		return BLK_STS_OK;
	case REQ_OP_DISCARD:
		io->op = FIO_IO_DISCARD;
		return BLK_STS_OK;
	case REQ_OP_WRITE_ZEROES:
		/* REQ_NOUNMAP asks for space to stay reserved; here it always is */
		io->op = FIO_IO_WRITE_ZEROES;
		return BLK_STS_OK;
	default:
		return BLK_STS_NOTSUPP;
	}
}

/* Called again when a request is queued again, so it sets every field. */
static blk_status_t fio_blk_prepare(struct fio_blk *b, struct request *rq)
{
	struct fio_io *io = blk_mq_rq_to_pdu(rq);

	io->flags = (rq->cmd_flags & REQ_FUA ? FIO_IO_FUA : 0) |
		    (fio_compat_is_atomic(rq) ? FIO_IO_ATOMIC : 0);
	io->queue = rq->mq_hctx->queue_num;
	io->err = 0;
	io->stream = 0;
	io->nents = 0;
	io->sg = NULL;
	io->done = fio_blk_done;
	/* an empty flush has no position */
	io->lba = blk_rq_sectors(rq) ? blk_rq_pos(rq) >> b->lba_shift : 0;
	io->blocks = blk_rq_sectors(rq) >> b->lba_shift;
	return fio_blk_set_op(b, rq, io);
}

static blk_status_t fio_blk_start(struct fio_blk *b, struct request *rq)
{
	blk_status_t status;

	if (unlikely(READ_ONCE(b->dead)))
		return BLK_STS_OFFLINE;
	status = fio_blk_prepare(b, rq);
	if (likely(status == BLK_STS_OK))
		blk_mq_start_request(rq);
	return status;
}

static blk_status_t fio_blk_queue_rq(struct blk_mq_hw_ctx *hctx,
				     const struct blk_mq_queue_data *bd)
{
	struct fio_blk *b = hctx->queue->queuedata;
	blk_status_t status = fio_blk_start(b, bd->rq);

	if (unlikely(status != BLK_STS_OK))
		return status;
	return fio_blk_status(fio_submit(b->unit, blk_mq_rq_to_pdu(bd->rq),
					 bd->last));
}

/* The last request of a batch did not get through: ring for those before it. */
static void fio_blk_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	struct fio_blk *b = hctx->queue->queuedata;

	fio_commit(b->unit, hctx->queue_num);
}

/*
 * One of a plugged list. What cannot even be started goes back to the list, and
 * the block layer sends it through queue_rq; what was started and refused is
 * ours to queue again or to end.
 */
static bool fio_blk_queue_one(struct fio_blk *b, struct request *rq, bool last)
{
	u32 queue = rq->mq_hctx->queue_num;
	int err;

	if (unlikely(fio_blk_start(b, rq) != BLK_STS_OK)) {
		fio_commit(b->unit, queue);
		return false;
	}
	err = fio_submit(b->unit, blk_mq_rq_to_pdu(rq), last);
	if (likely(!err))
		return true;
	if (err == -EAGAIN)
		blk_mq_requeue_request(rq, true);
	else
		blk_mq_end_request(rq, fio_blk_status(err));
	fio_commit(b->unit, queue);
	return true;
}

/* One doorbell for a plugged list, or one per queue that it spans. */
static void __maybe_unused fio_blk_queue_rqs(fio_rq_list *list)
{
	struct request *rq, *next, *back = NULL;

	while ((rq = rq_list_pop(list))) {
		next = rq_list_peek(list);
		if (!fio_blk_queue_one(rq->q->queuedata, rq,
				       !next || next->mq_hctx != rq->mq_hctx)) {
			back = rq;
			break;
		}
	}
	if (back)
		fio_rq_list_push(list, back);
}

/* Every fault ends in the one function of hal: a lost interrupt, or a reset. */
static enum blk_eh_timer_return fio_blk_timeout(struct request *rq)
{
	struct fio_blk *b = rq->q->queuedata;

	switch (fio_timeout(b->unit, blk_mq_rq_to_pdu(rq))) {
	case FIO_TIMEOUT_DONE:
		return BLK_EH_DONE;
	case FIO_TIMEOUT_WAIT:
		break;
	}
	/* done() comes; until then the card may still write into this memory */
	return BLK_EH_RESET_TIMER;
}

FIO_TIMEOUT_OP(fio_blk_timeout)

/* A CPU submits to the queue whose interrupt it serves. */
static void fio_blk_map_queues(struct blk_mq_tag_set *set)
{
	struct blk_mq_queue_map *map = &set->map[HCTX_TYPE_DEFAULT];
	struct fio_blk *b = set->driver_data;
	const struct cpumask *cpus;
	unsigned int queue, cpu;

	/* what no queue claims keeps the block layer's own spread */
	blk_mq_map_queues(map);
	for (queue = 0; queue < map->nr_queues; queue++) {
		cpus = fio_queue_cpus(b->unit, queue);
		if (!cpus)
			continue;
		for_each_cpu(cpu, cpus)
			map->mq_map[cpu] = map->queue_offset + queue;
	}
}

FIO_MAP_QUEUES_OP(fio_blk_map_queues)

static const struct blk_mq_ops fio_blk_mq_ops = {
	.queue_rq	= fio_blk_queue_rq,
	FIO_QUEUE_RQS(fio_blk_queue_rqs)
	.commit_rqs	= fio_blk_commit_rqs,
	.complete	= fio_blk_complete,
	.timeout	= fio_blk_timeout_op,
	.map_queues	= fio_blk_map_queues_op,
};

/**
 * fio_blk_queue_init() - make the tag set
 * @b: with @info and @segments filled
 *
 * Context: may sleep.
 * Return: 0 or -errno.
 */
int fio_blk_queue_init(struct fio_blk *b)
{
	struct blk_mq_tag_set *set = &b->set;

	b->lba_shift = ilog2(b->info.lba_bytes) - SECTOR_SHIFT;
	b->sg_offset = ALIGN(b->info.io_bytes, __alignof__(struct scatterlist));
	set->ops = &fio_blk_mq_ops;
	set->nr_hw_queues = b->info.queues;
	set->queue_depth = min_t(u32, b->info.depth, BLK_MQ_MAX_DEPTH);
	set->numa_node = b->info.node;
	set->cmd_size = b->sg_offset + b->segments * sizeof(struct scatterlist);
	set->timeout = FIO_BLK_TIMEOUT;
	set->flags = FIO_MQ_FLAGS;
	set->driver_data = b;
	return blk_mq_alloc_tag_set(set);
}

/**
 * fio_blk_queue_exit() - free the tag set; the disk's queue has ended
 * @b: the disk
 */
void fio_blk_queue_exit(struct fio_blk *b)
{
	blk_mq_free_tag_set(&b->set);
}
