// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O path between personality and FTL.
 *
 * Owns: the gate that requests pass on their way in, DMA mapping around their
 * life, the translation of struct fio_io into struct ftl_io. Does not know the
 * block layer above or the flash below.
 *
 * The gate is a percpu_ref: live while the unit accepts requests, killed before
 * detach, and empty when no request is inside any more. Everything a request
 * needs is in the struct fio_io that the caller provides: nothing is allocated.
 */

#include "card.h"
#include "chan.h"

#define MAX_DISCARD_BYTES	(128ULL << 20)
#define QUEUE_DEPTH		64

static const u8 ftl_ops[] = {
	[FIO_IO_READ] = FTL_READ,
	[FIO_IO_WRITE] = FTL_WRITE,
	[FIO_IO_FLUSH] = FTL_FLUSH,
	[FIO_IO_DISCARD] = FTL_TRIM,
	[FIO_IO_WRITE_ZEROES] = FTL_ZEROES,
};

static void io_done(struct ftl_io *ftl, int err)
{
	struct fio_req *req = container_of(ftl, struct fio_req, ftl);
	struct fio_io *io = fio_io_of(ftl);
	struct fio_card *card = req->card;

	fio_dma_unmap(card, io);
	io->err = err;
	WRITE_ONCE(req->finished, true);
	/* from here on the request may be gone, or in use again */
	io->done(io, err);
	percpu_ref_put(&card->gate);
}

static_assert(FIO_WRITE_STREAMS == FTL_WRITE_STREAMS);

static void fill(struct fio_card *card, struct fio_io *io, bool last)
{
	struct fio_req *req = fio_req_of(io);

	req->card = card;
	req->mapped = 0;
	WRITE_ONCE(req->finished, false);
	req->ftl.op = ftl_ops[io->op];
	req->ftl.flags = (io->flags & FIO_IO_FUA ? FTL_IO_FUA : 0) |
			 (io->flags & FIO_IO_ATOMIC ? FTL_IO_ATOMIC : 0) |
			 (last ? 0 : FTL_IO_MORE);
	req->ftl.queue = io->queue;
	req->ftl.lba = io->lba;
	req->ftl.count = io->blocks;
	req->ftl.stream = io->stream;
	req->ftl.done = io_done;
}

static bool acceptable(struct fio_card *card, const struct fio_io *io)
{
	return io->op < ARRAY_SIZE(ftl_ops) && io->queue < card->chan->queues &&
	       io->nents <= FIO_SEGMENTS_MAX;
}

static int start(struct fio_card *card, struct fio_io *io, bool last)
{
	int err;

	if (!acceptable(card, io))
		return -EINVAL;
	fill(card, io, last);
	if (io->op == FIO_IO_READ || io->op == FIO_IO_WRITE) {
		err = fio_dma_map(card, io);
		if (err)
			return err;
	}
	ftl_submit(card->ftl, &fio_req_of(io)->ftl);
	return 0;
}

/**
 * fio_submit() - see fio/hal.h
 * @u: the unit
 * @io: the request
 * @last: nothing follows at once
 * Context: any.
 * Return: 0, -EAGAIN, -ENODEV, or -EINVAL: malformed.
 */
int fio_submit(struct fio_unit *u, struct fio_io *io, bool last)
{
	struct fio_card *card = u->card;
	int err;

	if (!percpu_ref_tryget_live(&card->gate))
		return -ENODEV;
	err = start(card, io, last);
	if (!err)
		return 0;	/* io_done() drops the reference, or did already */
	/* those before this one may have been told that more follows */
	if (io->queue < card->chan->queues)
		ftl_commit(card->ftl, io->queue);
	percpu_ref_put(&card->gate);
	return err;
}

/**
 * fio_commit() - see fio/hal.h
 * @u: the unit
 * @queue: submission queue
 * Context: any.
 */
void fio_commit(struct fio_unit *u, u32 queue)
{
	struct fio_card *card = u->card;

	if (!percpu_ref_tryget(&card->gate))
		return;
	if (queue < card->chan->queues)
		ftl_commit(card->ftl, queue);
	percpu_ref_put(&card->gate);
}

/**
 * fio_poll() - see fio/hal.h
 * @u: the unit
 * @queue: submission queue
 * Context: any.
 * Return: completions taken in.
 */
int fio_poll(struct fio_unit *u, u32 queue)
{
	struct fio_card *card = u->card;
	int n = 0;

	if (!percpu_ref_tryget(&card->gate))
		return 0;
	if (queue < card->chan->queues)
		n = fio_queue_reap(&card->chan->queue[queue]);
	percpu_ref_put(&card->gate);
	return n;
}

/**
 * fio_timeout() - see fio/hal.h
 * @u: the unit
 * @io: the request
 *
 * A request can be old because flash is slow or the FTL makes room. Only a
 * command that the card does not answer is a fault, and fio_card_check() knows
 * how old those are.
 *
 * Context: process.
 * Return: enum fio_timeout_action.
 */
enum fio_timeout_action fio_timeout(struct fio_unit *u, struct fio_io *io)
{
	struct fio_card *card = u->card;

	if (!percpu_ref_tryget(&card->gate))
		return FIO_TIMEOUT_DONE;
	if (fio_card_state(card) != FIO_CARD_DEAD)
		fio_card_check(card);
	fio_chan_reap_all(card);
	percpu_ref_put(&card->gate);
	return READ_ONCE(fio_req_of(io)->finished) ? FIO_TIMEOUT_DONE :
						     FIO_TIMEOUT_WAIT;
}

/**
 * fio_queue_cpus() - see fio/hal.h
 * @u: the unit
 * @queue: submission queue
 * Return: a mask or NULL.
 */
const struct cpumask *fio_queue_cpus(struct fio_unit *u, u32 queue)
{
	return fio_irq_queue_cpus(u->card, queue);
}

static void limits(struct fio_card *card, const struct ftl_info *ftl,
		   struct fio_unit_info *info)
{
	size_t mapping = dma_max_mapping_size(&card->pdev->dev);

	info->lba_bytes = ftl->lba_bytes;
	info->physical_bytes = FIO_UNIT_BYTES;
	info->blocks = ftl->blocks;
	info->max_bytes = ftl->max_blocks * ftl->lba_bytes;
	info->atomic_bytes = ftl->atomic_blocks * ftl->lba_bytes;
	info->max_discard_bytes = MAX_DISCARD_BYTES;
	info->discard_granularity = FIO_UNIT_BYTES;
	info->max_segments = FIO_SEGMENTS_MAX;
	/* a bounce buffer holds so much in one piece */
	info->max_segment_bytes = min_t(size_t, mapping, info->max_bytes);
	info->max_segment_bytes = max_t(u32, info->max_segment_bytes & PAGE_MASK, PAGE_SIZE);
	info->dma_alignment = 3;
}

/**
 * fio_unit_info() - see fio/hal.h
 * @u: the unit
 * @info: filled
 * Context: process.
 */
void fio_unit_info(struct fio_unit *u, struct fio_unit_info *info)
{
	struct fio_card *card = u->card;
	struct ftl_info ftl = { .lba_bytes = FIO_UNIT_BYTES };

	memset(info, 0, sizeof(*info));
	info->index = card->index;
	strscpy(info->name, card->name, sizeof(info->name));
	down_read(&card->ftl_rwsem);
	if (card->ftl)
		ftl_get_info(card->ftl, &ftl);
	up_read(&card->ftl_rwsem);
	memcpy(info->uuid, ftl.uuid, sizeof(info->uuid));
	limits(card, &ftl, info);
	info->queues = card->queues;
	info->depth = QUEUE_DEPTH;
	info->volatile_cache = READ_ONCE(card->plp) != FIO_PLP_OK;
	info->io_bytes = sizeof(struct fio_io) + sizeof(struct fio_req);
	info->node = dev_to_node(&card->pdev->dev);
}

static void gate_released(struct percpu_ref *ref)
{
	complete(&container_of(ref, struct fio_card, gate)->gate_drained);
}

/**
 * fio_io_init() - make the gate, closed
 * @card: zeroed card
 * Context: process. Return: 0 or -ENOMEM.
 */
int fio_io_init(struct fio_card *card)
{
	init_completion(&card->gate_drained);
	return percpu_ref_init(&card->gate, gate_released, PERCPU_REF_INIT_DEAD,
			       GFP_KERNEL);
}

/**
 * fio_io_exit() - the counterpart
 * @card: the card
 */
void fio_io_exit(struct fio_card *card)
{
	percpu_ref_exit(&card->gate);
}

/**
 * fio_io_open() - requests may come
 * @card: the card; card->ftl is set
 * Context: process; operations exclude each other.
 */
void fio_io_open(struct fio_card *card)
{
	reinit_completion(&card->gate_drained);
	percpu_ref_reinit(&card->gate);
	card->gate_open = true;
}

/**
 * fio_io_close() - refuse requests, wait for those inside
 * @card: the card; closed already is fine
 *
 * Ends: requests complete, or a fault aborts them, or the card dies.
 *
 * Context: process; operations exclude each other.
 */
void fio_io_close(struct fio_card *card)
{
	if (!card->gate_open)
		return;
	card->gate_open = false;
	percpu_ref_kill(&card->gate);
	wait_for_completion(&card->gate_drained);
}
