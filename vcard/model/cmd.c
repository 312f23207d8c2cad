// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a command: fetched, checked, started, finished, completed.
 *
 * Owns: the checks that all opcodes share, the vector of addresses, scatter and
 * gather, the list of commands that complete later, the completion entry.
 * Does not know: what an opcode does (ops.c).
 *
 * Every field of an entry is hostile. What a command needs is read from host
 * memory once and then used from the copy; the data list of a read, which is used
 * at completion, is read and checked again then.
 */
#include <stdlib.h>

#include "vcard/model/card.h"

#define KNOWN_FLAGS	(FIO_SQE_ADDR_LIST | FIO_SQE_FUA | FIO_SQE_CRC | FIO_SQE_LOW | \
			 FIO_SQE_XOR | FIO_SQE_PARITY)

/**
 * cmd_init() - make room for outstanding commands
 * @c: the card
 *
 * Return: 0 or -ENOMEM.
 */
int cmd_init(struct vcard *c)
{
	u32 i;

	c->cmds = calloc(VCARD_MAX_CMDS, sizeof(*c->cmds));
	if (!c->cmds)
		return -ENOMEM;
	for (i = 0; i < VCARD_MAX_CMDS; i++) {
		c->cmds[i].next = c->free_cmds;
		c->free_cmds = &c->cmds[i];
	}
	c->pending.next = &c->pending;
	c->pending.prev = &c->pending;
	return 0;
}

/**
 * cmd_room() - may another command be fetched
 * @c: the card
 *
 * Context: the card is locked.
 */
bool cmd_room(const struct vcard *c)
{
	return c->free_cmds && !(reg_get(&c->regs.status) & FIO_STATUS_FATAL) && !c->dead;
}

static struct vcard_cmd *cmd_get(struct vcard *c)
{
	struct vcard_cmd *cmd = c->free_cmds;

	c->free_cmds = cmd->next;
	memset(cmd, 0, sizeof(*cmd));
	return cmd;
}

static void cmd_put(struct vcard *c, struct vcard_cmd *cmd)
{
	cmd->next = c->free_cmds;
	c->free_cmds = cmd;
}

/* Few are outstanding, and most belong at the end. */
static void pend(struct vcard *c, struct vcard_cmd *cmd)
{
	struct vcard_cmd *at = c->pending.prev;

	while (at != &c->pending && at->due > cmd->due)
		at = at->prev;
	cmd->prev = at;
	cmd->next = at->next;
	at->next->prev = cmd;
	at->next = cmd;
	c->nr_pending++;
}

static void unpend(struct vcard *c, struct vcard_cmd *cmd)
{
	cmd->prev->next = cmd->next;
	cmd->next->prev = cmd->prev;
	c->nr_pending--;
}

/*
 * The greater number is the worse status, but a failed program outranks the
 * AU_STATE of the units behind it, which is only its consequence.
 */
static u8 worse(u8 a, u8 b)
{
	if (a == FIO_SC_PROGRAM_FAIL && b == FIO_SC_AU_STATE)
		return a;
	if (b == FIO_SC_PROGRAM_FAIL && a == FIO_SC_AU_STATE)
		return b;
	return max(a, b);
}

static void fill_cqe(struct vcard *c, struct vcard_cmd *cmd, struct fio_cqe *cqe)
{
	u8 worst = cmd->refused;
	u64 failed = 0;
	u32 i;

	for (i = 0; i < cmd->sqe.units && i < FIO_MAX_UNITS; i++) {
		if (cmd->refused || cmd->status[i])
			failed |= BIT_ULL(i);
		worst = worse(worst, cmd->status[i]);
	}
	c->stats.unit_errors += __builtin_popcountll(failed);
	*cqe = (struct fio_cqe){
		.failed = cpu_to_le64(failed),
		.corrected = cpu_to_le32(cmd->corrected),
		.cid = cmd->sqe.cid,
		.status = cpu_to_le16(worst),
	};
	if (cmd->sqe.opcode == FIO_OP_APPEND && cmd->sqe.units == 1 && !cmd->refused)
		cqe->addr = cpu_to_le64(cmd->addr[0]);
}

static void complete(struct vcard *c, struct vcard_cmd *cmd)
{
	struct vcard_queue *q = cmd->queue;
	struct fio_cqe cqe;

	if (cmd->refused)
		c->stats.refused++;
	if (q && q->live && !c->dead) {
		fill_cqe(c, cmd, &cqe);
		ring_post(c, q, &cqe);
	}
	cmd_put(c, cmd);
}

static void finish(struct vcard *c, struct vcard_cmd *cmd)
{
	if (!cmd->refused && cmd->op->finish)
		cmd->refused = cmd->op->finish(c, cmd);
	complete(c, cmd);
}

static u8 read_vector(struct vcard *c, struct vcard_cmd *cmd)
{
	u32 i, units = cmd->sqe.units;
	__le64 list[FIO_MAX_UNITS];

	if (!(cmd->sqe.flags & FIO_SQE_ADDR_LIST)) {
		cmd->addr[0] = le64_to_cpu(cmd->sqe.addr);
		return units <= 1 ? FIO_SC_OK : FIO_SC_INVALID_FIELD;
	}
	if (c->front.dma_read(c->ctx, le64_to_cpu(cmd->sqe.addr), list,
			      units * sizeof(list[0])))
		return FIO_SC_DMA;
	for (i = 0; i < units; i++)
		cmd->addr[i] = le64_to_cpu(list[i]);
	return FIO_SC_OK;
}

/* A flag only counts where it means something. */
static bool feature_off(const struct vcard *c, const struct fio_sqe *sqe)
{
	u8 crc = 0, xor = 0;

	switch (sqe->opcode) {
	case FIO_OP_APPEND:
		crc = FIO_SQE_CRC;
		xor = FIO_SQE_XOR | FIO_SQE_PARITY;
		break;
	case FIO_OP_READ:
		crc = FIO_SQE_CRC;
		xor = FIO_SQE_PARITY;
		break;
	case FIO_OP_FINISH:
		xor = FIO_SQE_XOR;
		break;
	}
	return (sqe->flags & crc && !(c->features & FIO_FEAT_CRC)) ||
	       (sqe->flags & xor && !(c->features & FIO_FEAT_XOR));
}

static u8 check(struct vcard *c, struct vcard_cmd *cmd)
{
	bool sync = cmd->sqe.opcode == FIO_OP_SYNC;
	u8 flags = cmd->sqe.flags;
	u8 status;

	if (!cmd->op)
		return FIO_SC_INVALID_OPCODE;
	if (flags & ~KNOWN_FLAGS || cmd->sqe.units > FIO_MAX_UNITS || !cmd->sqe.units != sync)
		return FIO_SC_INVALID_FIELD;
	if (feature_off(c, &cmd->sqe))
		return FIO_SC_INVALID_FIELD;
	status = cmd->op->check ? cmd->op->check(c, cmd) : FIO_SC_OK;
	return status ? status : read_vector(c, cmd);
}

/**
 * cmd_submit() - take a fetched entry
 * @c: the card, with cmd_room()
 * @q: where it came from
 * @sqe: the entry
 *
 * Context: the card is locked.
 */
void cmd_submit(struct vcard *c, struct vcard_queue *q, const struct fio_sqe *sqe)
{
	struct vcard_cmd *cmd;

	if (fault_swallow(c, sqe->opcode)) {
		c->stats.swallowed++;
		return;
	}
	cmd = cmd_get(c);
	cmd->sqe = *sqe;
	cmd->queue = q;
	cmd->op = op_find(sqe->opcode);
	cmd->due = c->now;
	cmd->refused = check(c, cmd);
	if (!cmd->refused) {
		c->stats.commands[sqe->opcode]++;
		c->stats.units[sqe->opcode] += sqe->units;
		cmd->refused = cmd->op->start ? cmd->op->start(c, cmd) : FIO_SC_OK;
	}
	if (!cmd->refused && (cmd->due > c->now || sqe->flags & FIO_SQE_LOW))
		pend(c, cmd);
	else
		finish(c, cmd);
}

/**
 * cmd_run_due() - finish what is due
 * @c: the card
 * @until: the time up to which
 *
 * Context: the card is locked.
 */
void cmd_run_due(struct vcard *c, u64 until)
{
	struct vcard_cmd *cmd;

	while (c->nr_pending && c->pending.next->due <= until && !c->dead) {
		cmd = c->pending.next;
		unpend(c, cmd);
		finish(c, cmd);
	}
}

/**
 * cmd_finish_queue() - finish all commands of a queue pair that goes away
 * @c: the card
 * @q: the queue pair
 *
 * Context: the card is locked.
 */
void cmd_finish_queue(struct vcard *c, struct vcard_queue *q)
{
	struct vcard_cmd *cmd, *next;

	for (cmd = c->pending.next; cmd != &c->pending; cmd = next) {
		next = cmd->next;
		if (cmd->queue != q)
			continue;
		unpend(c, cmd);
		finish(c, cmd);
	}
}

/*
 * A reset forgets the host, not flash: what a command has put into the write
 * buffer stays, as if the command had happened, and with the same promise: a
 * host that reads it after the reset must not lose it to a power cut.
 */
static void forget(struct vcard *c, struct vcard_cmd *cmd)
{
	u32 i;

	if (c->plp == FIO_PLP_OK)
		buffer_drain_cmd(c, cmd);
	else
		buffer_ack_cmd(c, cmd);
	for (i = 0; i < cmd->sqe.units; i++)
		if (addr_valid(c, cmd->addr[i], false))
			au_of(c, addr_die(cmd->addr[i]), addr_au(cmd->addr[i]))->flags &=
				~AU_ERASING;
	cmd_put(c, cmd);
}

/**
 * cmd_forget() - outstanding commands vanish without a completion
 * @c: the card
 *
 * Context: the card is locked.
 */
void cmd_forget(struct vcard *c)
{
	u64 i, aus = (u64)c->geo->dies * c->geo->blocks;
	struct vcard_cmd *cmd;

	if (!c->nr_pending)
		return;
	while (c->nr_pending) {
		cmd = c->pending.next;
		unpend(c, cmd);
		forget(c, cmd);
	}
	for (i = 0; i < aus; i++)
		c->aus[i].busy = 0;
}

static u8 read_list(struct vcard *c, const struct fio_sgl *sgl, u32 *nr)
{
	u32 len = le32_to_cpu(sgl->len);

	if (!len || len % sizeof(*sgl) || len / sizeof(*sgl) > VCARD_MAX_SGL)
		return FIO_SC_INVALID_FIELD;
	*nr = len / sizeof(*sgl);
	if (c->front.dma_read(c->ctx, le64_to_cpu(sgl->addr), c->sgl, len))
		return FIO_SC_DMA;
	return FIO_SC_OK;
}

/**
 * cmd_segs() - read and check the description of a data buffer
 * @c: the card; c->segs receives the pieces
 * @sgl: the descriptor in the entry
 * @want: bytes it must add up to
 * @reads: DISCARD is allowed
 * @status: receives the status when it is wrong
 *
 * Context: the card is locked.
 * Return: the number of pieces, 0 when it is wrong.
 */
int cmd_segs(struct vcard *c, const struct fio_sgl *sgl, u64 want, bool reads, u8 *status)
{
	u64 total = 0;
	u32 i, nr = 1;

	c->seg_at = 0;
	*status = FIO_SC_OK;
	if (sgl->type == FIO_SGL_LIST)
		*status = read_list(c, sgl, &nr);
	else
		c->sgl[0] = *sgl;
	for (i = 0; i < nr && !*status; i++) {
		u8 type = c->sgl[i].type;

		c->segs[i].iova = le64_to_cpu(c->sgl[i].addr);
		c->segs[i].len = le32_to_cpu(c->sgl[i].len);
		c->segs[i].discard = type == FIO_SGL_DISCARD;
		total += c->segs[i].len;
		if (type != FIO_SGL_DATA && !(reads && type == FIO_SGL_DISCARD))
			*status = FIO_SC_INVALID_FIELD;
	}
	if (!*status && total != want)
		*status = FIO_SC_INVALID_FIELD;
	return *status ? 0 : (int)nr;
}

/**
 * cmd_gather() - copy the next bytes of a data buffer from host memory
 * @c: the card; the pieces in c->segs are consumed
 * @buf: receives the bytes
 * @len: how many; there are that many left
 *
 * Context: the card is locked.
 * Return: 0 or -EFAULT.
 */
int cmd_gather(struct vcard *c, void *buf, u32 len)
{
	struct vcard_seg *s = &c->segs[c->seg_at];
	u8 *to = buf;
	u32 n;

	while (len) {
		n = min(len, s->len);
		if (n && c->front.dma_read(c->ctx, s->iova, to, n))
			return -EFAULT;
		s->iova += n;
		s->len -= n;
		to += n;
		len -= n;
		if (!s->len)
			s = &c->segs[++c->seg_at];
	}
	return 0;
}

/**
 * cmd_scatter() - copy to a data buffer in host memory
 * @c: the card
 * @nr: pieces in c->segs
 * @buf: the bytes
 *
 * Context: the card is locked.
 * Return: 0 or -EFAULT.
 */
int cmd_scatter(struct vcard *c, u32 nr, const void *buf)
{
	const u8 *from = buf;
	u32 i;

	for (i = 0; i < nr; i++) {
		if (c->segs[i].len && !c->segs[i].discard &&
		    c->front.dma_write(c->ctx, c->segs[i].iova, from, c->segs[i].len))
			return -EFAULT;
		from += c->segs[i].len;
	}
	return 0;
}
