// SPDX-License-Identifier: GPL-2.0-only
/*
 * The card as the FTL's medium (ftl/media.h).
 *
 * Owns: the translation between the core's commands and ring entries: unit
 * numbers and flash addresses, opcodes, status codes. Does not know rings
 * (queue.c), buffers (dma.c) or what the core wants to achieve.
 *
 * What the card answers is checked here: an append may only have gone to the
 * append unit that was named, a report may only say what the geometry allows.
 */

#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "card.h"
#include "chan.h"

#define REPEATS_MAX	3

static struct fio_chan *chan_of(struct media *m)
{
	return container_of(m, struct fio_chan, media);
}

static struct fio_slot *slot_of(struct media_cmd *cmd)
{
	return container_of(cmd, struct fio_slot, cmd);
}

static struct fio_queue *queue_of(struct media *m, u32 queue)
{
	struct fio_chan *chan = chan_of(m);

	return &chan->queue[queue < chan->queues ? queue : 0];
}

/* ---- addresses ---- */

static u64 addr_of(const struct media_geometry *g, u32 unit)
{
	u32 row = unit / g->pages;

	return FIELD_PREP(FIO_ADDR_PAGE, (u64)(unit % g->pages)) |
	       FIELD_PREP(FIO_ADDR_DIE, (u64)(row % g->dies)) |
	       FIELD_PREP(FIO_ADDR_AU, (u64)(row / g->dies));
}

/* The unit that @addr names, if it lies in the append unit of @unit; else NONE. */
static u32 unit_near(const struct media_geometry *g, u32 unit, u64 addr)
{
	u64 page = FIELD_GET(FIO_ADDR_PAGE, addr);

	if ((addr & ~FIO_ADDR_PAGE) != (addr_of(g, unit) & ~FIO_ADDR_PAGE) ||
	    page >= g->pages)
		return FIO_UNIT_NONE;
	return unit - unit % g->pages + (u32)page;
}

/* ---- from command to ring entry ---- */

static const u8 opcodes[] = {
	[MEDIA_APPEND] = FIO_OP_APPEND,
	[MEDIA_READ] = FIO_OP_READ,
	[MEDIA_RESET] = FIO_OP_RESET,
	[MEDIA_REPORT] = FIO_OP_REPORT,
	[MEDIA_SYNC] = FIO_OP_SYNC,
	[MEDIA_RETIRE] = FIO_OP_RETIRE,
	[MEDIA_FINISH] = FIO_OP_FINISH,
};

static u8 sqe_flags(const struct media_cmd *cmd)
{
	bool sums = cmd->op == MEDIA_READ && cmd->flags & MEDIA_F_PARITY;
	u8 flags = 0;

	if (cmd->op == MEDIA_APPEND || (cmd->op == MEDIA_READ && (cmd->io || cmd->buf) && !sums))
		flags |= FIO_SQE_CRC;
	if (cmd->flags & MEDIA_F_FUA)
		flags |= FIO_SQE_FUA;
	if (cmd->flags & MEDIA_F_LOW)
		flags |= FIO_SQE_LOW;
	if (cmd->flags & MEDIA_F_XOR)
		flags |= FIO_SQE_XOR;
	if (cmd->flags & MEDIA_F_PARITY)
		flags |= FIO_SQE_PARITY;
	if (cmd->n > 1)
		flags |= FIO_SQE_ADDR_LIST;
	return flags;
}

static bool well_formed(const struct fio_chan *chan, const struct media_cmd *cmd)
{
	if (cmd->op >= ARRAY_SIZE(opcodes))
		return false;
	if (cmd->flags & (MEDIA_F_XOR | MEDIA_F_PARITY) && !chan->media.geo.xor_groups)
		return false;
	if (cmd->op == MEDIA_SYNC)
		return !cmd->n;
	return cmd->n && cmd->n <= chan->media.geo.max_units;
}

static int fill_addresses(struct fio_slot *slot, const struct fio_chan *chan)
{
	const struct media_geometry *g = &chan->media.geo;
	struct media_cmd *cmd = &slot->cmd;
	u32 i;

	for (i = 0; i < cmd->n; i++) {
		u64 addr = FIO_ADDR_NULL;

		if (cmd->unit[i] != FIO_UNIT_NONE || cmd->op != MEDIA_READ) {
			if (cmd->unit[i] >= chan->units)
				return -EINVAL;
			addr = addr_of(g, cmd->unit[i]);
		}
		slot->dma->addr[i] = cpu_to_le64(addr);
	}
	if (cmd->n == 1)
		slot->sqe.addr = slot->dma->addr[0];
	else if (cmd->n)
		slot->sqe.addr = cpu_to_le64(slot->dma_addr +
					     offsetof(struct fio_slot_dma, addr));
	return 0;
}

/**
 * fio_chan_prepare() - turn a slot's command into a ring entry
 * @slot: the slot; its sqe, address list and descriptors are filled
 * Context: any.
 * Return: MEDIA_OK, or MEDIA_INVALID: the command makes no sense to this card.
 */
enum media_status fio_chan_prepare(struct fio_slot *slot)
{
	struct fio_chan *chan = slot->queue->card->chan;
	struct media_cmd *cmd = &slot->cmd;
	struct fio_sqe *sqe = &slot->sqe;

	memset(sqe, 0, sizeof(*sqe));
	if (!well_formed(chan, cmd) || fill_addresses(slot, chan) ||
	    fio_dma_fill(slot)) {
		fio_err_limited(chan->card, "command refused: op %u, %u units, %u + %u bytes",
				cmd->op, cmd->n, cmd->skip, cmd->len);
		return MEDIA_INVALID;
	}
	sqe->opcode = opcodes[cmd->op];
	sqe->flags = sqe_flags(cmd);
	sqe->units = cmd->n;
	sqe->retry = cmd->retry;
	if (cmd->op == MEDIA_APPEND || cmd->op == MEDIA_READ)
		sqe->tags = cpu_to_le64(slot->dma_addr +
					offsetof(struct fio_slot_dma, tags));
	return MEDIA_OK;
}

/* ---- from ring entry to answer ---- */

/* An error that says nothing about the flash is taken as the flash's. */
static enum media_status worst_of(const struct media_cmd *cmd)
{
	switch (cmd->op) {
	case MEDIA_READ:
		return MEDIA_UNCORRECTABLE;
	case MEDIA_RESET:
		return MEDIA_ERASE_FAIL;
	case MEDIA_REPORT:
		return MEDIA_DIE_OFFLINE;
	default:
		return MEDIA_PROGRAM_FAIL;
	}
}

static enum media_status status_of(const struct media_cmd *cmd, u32 status)
{
	switch (status) {
	case FIO_SC_OK:
		return MEDIA_OK;
	case FIO_SC_ABORTED:
		return MEDIA_ABORTED;
	case FIO_SC_INVALID_OPCODE:
	case FIO_SC_INVALID_FIELD:
	case FIO_SC_INVALID_ADDR:
	case FIO_SC_DMA:
		return MEDIA_INVALID;
	case FIO_SC_ERASED:
		return MEDIA_ERASED;
	case FIO_SC_UNCORRECTABLE:
		return MEDIA_UNCORRECTABLE;
	case FIO_SC_CRC:
		return MEDIA_CRC;
	case FIO_SC_PROGRAM_FAIL:
		return MEDIA_PROGRAM_FAIL;
	case FIO_SC_ERASE_FAIL:
		return MEDIA_ERASE_FAIL;
	case FIO_SC_AU_FULL:
	case FIO_SC_AU_STATE:
	case FIO_SC_MAX_OPEN:
	case FIO_SC_AU_BAD:
	case FIO_SC_AU_BUSY:
		return MEDIA_AU_STATE;
	case FIO_SC_DIE_OFFLINE:
		return MEDIA_DIE_OFFLINE;
	default:
		return worst_of(cmd);
	}
}

static u64 all_units(const struct media_cmd *cmd)
{
	return cmd->n ? GENMASK_ULL(cmd->n - 1, 0) : 0;
}

static void distrust(struct fio_slot *slot, u32 i, const char *what)
{
	fio_err_limited(slot->queue->card, "queue %u: %s of unit %u is not what was asked for",
			slot->queue->id, what, slot->cmd.unit[i]);
	slot->cmd.failed |= BIT_ULL(i);
	slot->cmd.status = max_t(u8, slot->cmd.status, worst_of(&slot->cmd));
}

static void take_addresses(struct fio_slot *slot)
{
	const struct media_geometry *g = &slot->queue->card->chan->media.geo;
	struct media_cmd *cmd = &slot->cmd;
	u32 i;

	for (i = 0; i < cmd->n; i++) {
		__le64 addr = cmd->n == 1 ? slot->cqe.addr : slot->dma->addr[i];
		u32 unit;

		if (cmd->failed & BIT_ULL(i))
			continue;
		unit = unit_near(g, cmd->unit[i], le64_to_cpu(addr));
		if (unit == FIO_UNIT_NONE)
			distrust(slot, i, "address");
		else
			cmd->unit[i] = unit;
	}
}

static const u8 au_states[] = {
	[FIO_AU_FREE] = MEDIA_AU_FREE,
	[FIO_AU_OPEN] = MEDIA_AU_OPEN,
	[FIO_AU_CLOSED] = MEDIA_AU_CLOSED,
	[FIO_AU_SUSPECT] = MEDIA_AU_SUSPECT,
	[FIO_AU_BAD] = MEDIA_AU_BAD,
	[FIO_AU_OFFLINE] = MEDIA_AU_OFFLINE,
};

static void take_reports(struct fio_slot *slot)
{
	const struct media_geometry *g = &slot->queue->card->chan->media.geo;
	struct media_cmd *cmd = &slot->cmd;
	u32 i;

	for (i = 0; i < cmd->n; i++) {
		struct fio_au_report r = slot->dma->report[i];
		struct media_au *au = &cmd->au[i];

		memset(au, 0, sizeof(*au));
		au->state = MEDIA_AU_OFFLINE;
		if (cmd->failed & BIT_ULL(i))
			continue;
		if (r.state >= ARRAY_SIZE(au_states) ||
		    le32_to_cpu(r.write_ptr) > g->pages ||
		    unit_near(g, cmd->unit[i], le64_to_cpu(r.addr)) == FIO_UNIT_NONE) {
			distrust(slot, i, "report");
			continue;
		}
		au->state = au_states[r.state];
		au->wp_unknown = r.flags & FIO_AU_WP_UNKNOWN;
		au->write_ptr = le32_to_cpu(r.write_ptr);
		au->erase_count = le32_to_cpu(r.erase_count);
		au->read_count = le32_to_cpu(r.read_count);
	}
}

static void log_status(struct fio_slot *slot, u32 status)
{
	if (slot->cmd.status == MEDIA_INVALID)
		fio_err_limited(slot->queue->card, "queue %u: command %#x refused with status %#x",
				slot->queue->id, slot->sqe.opcode, status);
	else if (slot->cmd.status == worst_of(&slot->cmd) && status == FIO_SC_INTERNAL)
		fio_err_limited(slot->queue->card, "queue %u: card error in command %#x",
				slot->queue->id, slot->sqe.opcode);
}

/**
 * fio_chan_finish() - turn a slot's completion into the answer of its command
 * @slot: the slot; its cqe is filled
 * Context: any.
 */
void fio_chan_finish(struct fio_slot *slot)
{
	u32 status = FIELD_GET(FIO_CQE_STATUS, le16_to_cpu(slot->cqe.status));
	struct media_cmd *cmd = &slot->cmd;

	cmd->status = status_of(cmd, status);
	cmd->corrected = le32_to_cpu(slot->cqe.corrected);
	cmd->failed = le64_to_cpu(slot->cqe.failed) & all_units(cmd);
	if (cmd->status == MEDIA_OK && cmd->failed)
		cmd->status = worst_of(cmd);
	else if (cmd->status != MEDIA_OK && !cmd->failed)
		cmd->failed = all_units(cmd);
	if (cmd->status != MEDIA_OK)
		log_status(slot, status);
	if (cmd->op == MEDIA_APPEND)
		take_addresses(slot);
	else if (cmd->op == MEDIA_REPORT)
		take_reports(slot);
}

/* ---- struct media_ops ---- */

static struct media_cmd *media_get(struct media *m, u32 queue, bool internal)
{
	struct fio_slot *slot = fio_queue_get(queue_of(m, queue), internal);
	struct media_cmd *cmd;

	if (!slot)
		return NULL;
	cmd = &slot->cmd;
	cmd->op = MEDIA_SYNC;
	cmd->n = 0;
	cmd->queue = slot->queue->id;
	cmd->flags = 0;
	cmd->retry = 0;
	cmd->io = NULL;
	cmd->io_off = 0;
	cmd->buf = NULL;
	cmd->buf_off = 0;
	cmd->skip = 0;
	cmd->len = 0;
	cmd->done = NULL;
	cmd->priv = NULL;
	cmd->status = MEDIA_OK;
	cmd->failed = 0;
	cmd->corrected = 0;
	return cmd;
}

static void media_put(struct media *m, struct media_cmd *cmd)
{
	fio_queue_put(slot_of(cmd));
}

static void media_submit(struct media *m, struct media_cmd *cmd)
{
	fio_queue_submit(slot_of(cmd));
}

static void media_commit(struct media *m, u32 queue)
{
	fio_queue_commit(queue_of(m, queue));
}

static void media_io_copy(struct media *m, struct ftl_io *io, u32 io_off,
			  void *va, u32 len, bool to_io)
{
	fio_dma_copy(chan_of(m)->card, fio_io_of(io), io_off, va, len, to_io);
}

static void media_io_zero(struct media *m, struct ftl_io *io, u32 io_off, u32 len)
{
	fio_dma_zero(chan_of(m)->card, fio_io_of(io), io_off, len);
}

static int media_buf_alloc(struct media *m, u32 units, struct media_buf *buf)
{
	struct fio_card *card = chan_of(m)->card;
	size_t bytes = (size_t)units * FIO_UNIT_BYTES;
	dma_addr_t dma;

	buf->va = dma_alloc_coherent(&card->pdev->dev, bytes, &dma, GFP_KERNEL);
	if (!buf->va)
		return -ENOMEM;
	buf->dma = dma;
	buf->units = units;
	fio_env_account(card, bytes);
	return 0;
}

static void media_buf_free(struct media *m, struct media_buf *buf)
{
	struct fio_card *card = chan_of(m)->card;
	size_t bytes = (size_t)buf->units * FIO_UNIT_BYTES;

	if (!buf->va)
		return;
	dma_free_coherent(&card->pdev->dev, bytes, buf->va, buf->dma);
	fio_env_account(card, -(s64)bytes);
	buf->va = NULL;
}

static const struct media_ops media_ops = {
	.get = media_get,
	.put = media_put,
	.submit = media_submit,
	.commit = media_commit,
	.io_copy = media_io_copy,
	.io_zero = media_io_zero,
	.buf_alloc = media_buf_alloc,
	.buf_free = media_buf_free,
};

/* ---- the channel as a whole ---- */

/**
 * fio_chan_create() - allocate queue pairs and slots
 * @card: the card
 * @queues: how many
 * @depth_log2: ring entries
 * Context: process.
 * Return: 0 or -ENOMEM; fio_chan_destroy() cleans up after both.
 */
int fio_chan_create(struct fio_card *card, u32 queues, u32 depth_log2)
{
	struct fio_chan *chan;
	int err = 0;
	u32 i;

	chan = kvzalloc(struct_size(chan, queue, queues), GFP_KERNEL);
	if (!chan)
		return -ENOMEM;
	card->chan = chan;
	chan->card = card;
	chan->media.ops = &media_ops;
	chan->depth_log2 = depth_log2;
	INIT_LIST_HEAD(&chan->aborted);
	chan->pool = dma_pool_create("fio-slot", &card->pdev->dev,
				     sizeof(struct fio_slot_dma), PAGE_SIZE, 0);
	if (!chan->pool)
		return -ENOMEM;
	for (i = 0; i < queues && !err; i++) {
		err = fio_queue_init(chan, i);
		chan->queues = i + 1;
	}
	card->queues = queues;
	card->queue_slots = (1U << depth_log2) - 1;
	card->chan_bytes = (u64)queues * card->queue_slots *
			   (sizeof(struct fio_slot) + sizeof(struct fio_slot_dma));
	return err;
}

/**
 * fio_chan_destroy() - free it all, however far its making came
 * @card: the card; nobody uses the channel any more
 * Context: process.
 */
void fio_chan_destroy(struct fio_card *card)
{
	struct fio_chan *chan = card->chan;
	u32 i;

	if (!chan)
		return;
	for (i = 0; i < chan->queues; i++)
		fio_queue_exit(&chan->queue[i]);
	dma_pool_destroy(chan->pool);
	kvfree(chan);
	card->chan = NULL;
}

/**
 * fio_chan_set_geometry() - tell the FTL's medium its shape
 * @card: identified card
 */
void fio_chan_set_geometry(struct fio_card *card)
{
	struct media_geometry *g = &card->chan->media.geo;

	g->dies = card->geo.dies;
	g->aus = card->geo.aus;
	g->pages = card->geo.pages;
	g->write_units = min(card->geo.write_units, card->id.max_units);
	g->max_units = card->id.max_units;
	g->max_open = card->geo.max_open;
	g->read_retries = card->geo.read_retries;
	g->queues = card->chan->queues;
	g->endurance = card->geo.endurance == U32_MAX ? 0 : card->geo.endurance;
	g->xor_groups = card->id.features & FIO_FEAT_XOR ? card->geo.xor_groups : 0;
	card->chan->units = g->dies * g->aus * g->pages;
}

/**
 * fio_chan_open() - make the queue pairs known to the card
 * @card: an enabled card
 * Context: process.
 * Return: 0 or as fio_mbox_call().
 */
int fio_chan_open(struct fio_card *card)
{
	struct fio_chan *chan = card->chan;
	int err = 0;
	u32 i;

	for (i = 0; i < chan->queues && !err; i++) {
		struct fio_queue *q = &chan->queue[i];

		fio_queue_rewind(q);
		err = fio_mbox_create_qp(card, i, q->depth_log2,
					 fio_irq_queue_vector(card, i),
					 q->sq_dma, q->cq_dma);
	}
	return err;
}

/*
 * All but an append can be done twice: a reset need not be seen above. The limit
 * is for a command that makes the card fall over each time.
 */
static void repeat_aborted(struct list_head *aborted)
{
	struct fio_slot *slot, *next;

	list_for_each_entry_safe(slot, next, aborted, link) {
		if (slot->cmd.op == MEDIA_APPEND || slot->repeats == REPEATS_MAX)
			continue;
		list_del_init(&slot->link);
		fio_queue_repeat(slot);
	}
}

/**
 * fio_chan_start() - let commands flow
 * @card: a card whose queue pairs exist
 *
 * What a reset took back is done again, but for appends: nobody knows whether
 * those happened, they end as ABORTED.
 *
 * Context: process.
 */
void fio_chan_start(struct fio_card *card)
{
	LIST_HEAD(aborted);
	u32 i;

	list_splice_init(&card->chan->aborted, &aborted);
	repeat_aborted(&aborted);
	for (i = 0; i < card->chan->queues; i++)
		fio_queue_start(&card->chan->queue[i]);
	fio_queue_end_all(&aborted, MEDIA_ABORTED);
	for (i = 0; i < card->chan->queues; i++)
		fio_queue_commit(&card->chan->queue[i]);
}

/**
 * fio_chan_stop() - hold commands from now on
 * @card: the card; no channel is fine
 * Context: process; one caller at a time.
 */
void fio_chan_stop(struct fio_card *card)
{
	u32 i;

	for (i = 0; card->chan && i < card->chan->queues; i++)
		fio_queue_stop(&card->chan->queue[i], &card->chan->aborted);
}

/**
 * fio_chan_kill() - end everything with MEDIA_GONE, now and later
 * @card: a card that can no longer touch memory
 * Context: process.
 */
void fio_chan_kill(struct fio_card *card)
{
	LIST_HEAD(gone);
	u32 i;

	if (!card->chan)
		return;
	list_splice_init(&card->chan->aborted, &gone);
	for (i = 0; i < card->chan->queues; i++)
		fio_queue_kill(&card->chan->queue[i], &gone);
	fio_queue_end_all(&gone, MEDIA_GONE);
}

/**
 * fio_chan_flush() - all that was submitted to a dead card has ended
 * @card: the card, dead
 * Context: process, but not from inside a done().
 */
void fio_chan_flush(struct fio_card *card)
{
	u32 i;

	for (i = 0; i < card->chan->queues; i++)
		fio_queue_flush(&card->chan->queue[i]);
}

/**
 * fio_chan_recycle() - take back what an FTL instance that is gone still held
 * @card: the card
 * Context: process.
 */
void fio_chan_recycle(struct fio_card *card)
{
	u32 i, n = 0;

	for (i = 0; i < card->chan->queues; i++)
		n += fio_queue_recycle(&card->chan->queue[i]);
	if (n)
		fio_warn(card, "%u commands were not given back", n);
}

/**
 * fio_chan_reap_all() - take in completions of all queues
 * @card: the card; no channel is fine
 * Context: any.
 * Return: entries consumed.
 */
int fio_chan_reap_all(struct fio_card *card)
{
	int n = 0;
	u32 i;

	for (i = 0; card->chan && i < card->chan->queues; i++)
		n += fio_queue_reap(&card->chan->queue[i]);
	return n;
}
