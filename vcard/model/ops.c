// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vector commands (hw.md sections 5.4 to 5.8).
 *
 * Owns: what each opcode does to its units, in a table. Does not know: rings,
 * completion entries, how the write buffer destages.
 *
 * A command starts when it is fetched: that is where appends get their pages, in
 * fetch order. It finishes when the dies involved would have: that is where reads
 * read and resets erase, so that a power cut in between finds them not done.
 */
#include "vcard/model/card.h"

static struct vcard_au *unit_au(struct vcard *c, u64 addr)
{
	return au_of(c, addr_die(addr), addr_au(addr));
}

static void mark(struct vcard *c, struct vcard_cmd *cmd, u32 i)
{
	unit_au(c, cmd->addr[i])->busy++;
	cmd->marked |= BIT_ULL(i);
}

static void unmark(struct vcard *c, struct vcard_cmd *cmd)
{
	u32 i;

	for (i = 0; i < cmd->sqe.units; i++)
		if (cmd->marked & BIT_ULL(i))
			unit_au(c, cmd->addr[i])->busy--;
}

static u64 data_bytes(const struct vcard_cmd *cmd)
{
	return (u64)cmd->sqe.units * FIO_UNIT_BYTES;
}

/* ---- APPEND ---- */

static bool is_parity(const struct vcard_cmd *cmd)
{
	return cmd->sqe.flags & FIO_SQE_PARITY;
}

static u8 append_check(struct vcard *c, struct vcard_cmd *cmd)
{
	if (!cmd->sqe.tags)
		return FIO_SC_INVALID_FIELD;
	if (is_parity(cmd) && (cmd->sqe.sgl.len || cmd->sqe.flags & FIO_SQE_XOR))
		return FIO_SC_INVALID_FIELD;
	return FIO_SC_OK;
}

static void append_unload(struct vcard *c, struct vcard_cmd *cmd)
{
	u32 i;

	for (i = 0; i < cmd->sqe.units; i++) {
		if (cmd->unit[i])
			buffer_put(c, cmd->unit[i]);
		cmd->unit[i] = NULL;
	}
}

/* Straight from host memory into the units that will be programmed. */
static u8 append_load(struct vcard *c, struct vcard_cmd *cmd)
{
	u64 tags = le64_to_cpu(cmd->sqe.tags);
	u32 i, units = cmd->sqe.units;
	u8 status = FIO_SC_OK;

	if (!is_parity(cmd))
		cmd_segs(c, &cmd->sqe.sgl, data_bytes(cmd), false, &status);
	if (status)
		return status;
	buffer_make_room(c, units);
	for (i = 0; i < units; i++) {
		struct vcard_unit *u = buffer_get(c);

		cmd->unit[i] = u;
		if ((!is_parity(cmd) && cmd_gather(c, u->data, sizeof(u->data))) ||
		    c->front.dma_read(c->ctx, tags + i * FIO_TAG_BYTES, u->tag, sizeof(u->tag))) {
			append_unload(c, cmd);
			return FIO_SC_DMA;
		}
	}
	return FIO_SC_OK;
}

static u32 tag_crc(const u8 *data, const u8 *tag)
{
	return crc32c(crc32c(0, data, FIO_UNIT_BYTES), tag, FIO_TAG_CRC_OFFSET);
}

static void seal_unit(struct vcard_unit *u)
{
	__le32 crc = cpu_to_le32(tag_crc(u->data, u->tag));

	memcpy(u->tag + FIO_TAG_CRC_OFFSET, &crc, sizeof(crc));
}

static bool volatile_append(const struct vcard *c, const struct vcard_cmd *cmd)
{
	return c->plp != FIO_PLP_OK && !(cmd->sqe.flags & FIO_SQE_FUA);
}

static u8 append_place(struct vcard *c, struct vcard_cmd *cmd, u32 i)
{
	bool absorbed = c->plp == FIO_PLP_OK || volatile_append(c, cmd);
	struct vcard_unit *u = cmd->unit[i];
	u64 addr = cmd->addr[i];
	u8 status = FIO_SC_INVALID_ADDR;
	u32 page;

	if (addr_valid(c, addr, false))
		status = xor_allowed(c, addr, cmd->sqe.flags);
	if (!status)
		status = au_take_page(c, addr, &page);
	if (status) {
		cmd->unit[i] = NULL;
		buffer_put(c, u);
		return status;
	}
	u->die = addr_die(addr);
	u->au = addr_au(addr);
	u->page = page;
	u->cmd = cmd;
	u->index = (u8)i;
	if (is_parity(cmd))
		xor_get(c, u->au, page, u->data, u->tag, false);
	if (cmd->sqe.flags & FIO_SQE_CRC)
		seal_unit(u);
	if (cmd->sqe.flags & FIO_SQE_XOR)
		xor_add(c, u);
	buffer_queue(c, u);
	mark(c, cmd, i);
	cmd->due = max(cmd->due, timing_program(c, u->die, absorbed));
	return FIO_SC_OK;
}

static u8 append_start(struct vcard *c, struct vcard_cmd *cmd)
{
	u8 status = append_load(c, cmd);
	u32 i;

	if (status)
		return status;
	for (i = 0; i < cmd->sqe.units; i++)
		cmd->status[i] = append_place(c, cmd, i);
	return FIO_SC_OK;
}

static u8 append_finish(struct vcard *c, struct vcard_cmd *cmd)
{
	__le64 list[FIO_MAX_UNITS];
	u32 i;

	unmark(c, cmd);
	if (volatile_append(c, cmd))
		buffer_ack_cmd(c, cmd);
	else
		buffer_drain_cmd(c, cmd);
	if (!(cmd->sqe.flags & FIO_SQE_ADDR_LIST))
		return FIO_SC_OK;
	for (i = 0; i < cmd->sqe.units; i++)
		list[i] = cpu_to_le64(cmd->addr[i]);
	if (c->front.dma_write(c->ctx, le64_to_cpu(cmd->sqe.addr), list,
			       cmd->sqe.units * sizeof(list[0])))
		return FIO_SC_DMA;
	return FIO_SC_OK;
}

/* ---- READ ---- */

static u8 read_check(struct vcard *c, struct vcard_cmd *cmd)
{
	bool wanted = cmd->sqe.sgl.len || cmd->sqe.tags ||
		      (cmd->sqe.flags & FIO_SQE_CRC && !is_parity(cmd));

	if (!wanted || cmd->sqe.retry > VCARD_READ_RETRIES)
		return FIO_SC_INVALID_FIELD;
	return FIO_SC_OK;
}

static u8 read_segs(struct vcard *c, struct vcard_cmd *cmd, int *nr)
{
	u8 status = FIO_SC_OK;

	*nr = 0;
	if (cmd->sqe.sgl.len)
		*nr = cmd_segs(c, &cmd->sqe.sgl, data_bytes(cmd), true, &status);
	return status;
}

static u8 read_start(struct vcard *c, struct vcard_cmd *cmd)
{
	int nr;
	u8 status = read_segs(c, cmd, &nr);
	u32 i;

	for (i = 0; i < cmd->sqe.units && !status; i++) {
		u64 addr = cmd->addr[i];

		if (!addr_valid(c, addr, true) || is_parity(cmd))
			continue;
		mark(c, cmd, i);
		if (!buffer_find(c, addr))
			cmd->due = max(cmd->due, timing_read(c, addr_die(addr)));
	}
	return status;
}

static u8 from_nand(struct vcard *c, enum nand_result r)
{
	switch (r) {
	case NAND_OK:
		return FIO_SC_OK;
	case NAND_ERASED:
		return FIO_SC_ERASED;
	case NAND_UNCORRECTABLE:
		return FIO_SC_UNCORRECTABLE;
	case NAND_BAD_BLOCK:
		return FIO_SC_AU_BAD;
	case NAND_DIE_OFFLINE:
		return FIO_SC_DIE_OFFLINE;
	default:
		return FIO_SC_INTERNAL;
	}
}

/* Three quarters of what ECC can do: said once, until the AU is erased. */
static void ask_refresh(struct vcard *c, u64 addr, u32 flips)
{
	struct vcard_au *au = unit_au(c, addr);

	if (flips * 4 < c->fault.ecc_bits * 3 || !flips || au->flags & AU_REFRESH_TOLD)
		return;
	au->flags |= AU_REFRESH_TOLD;
	event_raise(c, FIO_EV_AU_REFRESH, addr_make(addr_die(addr), addr_au(addr), 0), flips);
}

static u8 read_flash(struct vcard *c, struct vcard_cmd *cmd, u64 addr, u8 *data, u8 *tag)
{
	enum nand_result r;
	u32 flips = 0;

	r = nand_read(c->nand, addr_die(addr), addr_au(addr), addr_page(addr), data, tag,
		      cmd->sqe.retry, &flips);
	cmd->corrected += flips;
	if (r == NAND_OK)
		ask_refresh(c, addr, flips);
	return from_nand(c, r);
}

static u8 read_buffer(struct vcard *c, const struct vcard_unit *u, u8 *data, u8 *tag)
{
	if (data)
		memcpy(data, u->data, FIO_UNIT_BYTES);
	if (tag)
		memcpy(tag, u->tag, FIO_TAG_BYTES);
	c->stats.buffer_reads++;
	return FIO_SC_OK;
}

static u8 check_crc(struct vcard *c, const u8 *data, const u8 *tag)
{
	__le32 stored;

	memcpy(&stored, tag + FIO_TAG_CRC_OFFSET, sizeof(stored));
	if (le32_to_cpu(stored) == tag_crc(data, tag))
		return FIO_SC_OK;
	c->stats.crc_errors++;
	return FIO_SC_CRC;
}

static u8 read_unit(struct vcard *c, struct vcard_cmd *cmd, u32 i)
{
	bool crc = cmd->sqe.flags & FIO_SQE_CRC && !is_parity(cmd);
	u8 *data = cmd->sqe.sgl.len || crc ? c->bounce + i * FIO_UNIT_BYTES : NULL;
	u8 *tag = cmd->sqe.tags || crc ? c->tags + i * FIO_TAG_BYTES : NULL;
	u64 addr = cmd->addr[i];
	struct vcard_unit *u;
	u8 status = FIO_SC_INVALID_ADDR;

	if (addr == FIO_ADDR_NULL && c->features & FIO_FEAT_READ_NULL) {
		crc = false;
		status = FIO_SC_ERASED;
	} else if (addr_valid(c, addr, true) && is_parity(cmd)) {
		if (tag)
			memset(tag, 0, FIO_TAG_BYTES);
		status = xor_get(c, addr_au(addr), addr_page(addr), data, tag, true);
	} else if (addr_valid(c, addr, true)) {
		u = buffer_find(c, addr);
		status = u ? read_buffer(c, u, data, tag) : read_flash(c, cmd, addr, data, tag);
		if (!status && crc)
			status = check_crc(c, data, tag);
	}
	if (status && data)
		memset(data, 0, FIO_UNIT_BYTES);
	if (status && tag)
		memset(tag, 0, FIO_TAG_BYTES);
	return addr == FIO_ADDR_NULL && status == FIO_SC_ERASED ? FIO_SC_OK : status;
}

static u8 read_finish(struct vcard *c, struct vcard_cmd *cmd)
{
	u32 i;
	int nr;
	u8 status;

	unmark(c, cmd);
	for (i = 0; i < cmd->sqe.units; i++)
		cmd->status[i] = read_unit(c, cmd, i);
	status = read_segs(c, cmd, &nr);
	if (status)
		return status;
	if (cmd_scatter(c, nr, c->bounce))
		return FIO_SC_DMA;
	if (cmd->sqe.tags && c->front.dma_write(c->ctx, le64_to_cpu(cmd->sqe.tags), c->tags,
						cmd->sqe.units * FIO_TAG_BYTES))
		return FIO_SC_DMA;
	return FIO_SC_OK;
}

/* ---- RESET, FINISH, RETIRE ---- */

static u8 reset_mark(struct vcard *c, struct vcard_cmd *cmd, u32 i)
{
	u64 addr = cmd->addr[i];
	struct vcard_au *au;

	if (!addr_valid(c, addr, false))
		return FIO_SC_INVALID_ADDR;
	au = unit_au(c, addr);
	if (au->busy)
		return FIO_SC_AU_BUSY;
	au->flags |= AU_ERASING;
	mark(c, cmd, i);
	cmd->due = max(cmd->due, timing_erase(c, addr_die(addr)));
	return FIO_SC_OK;
}

static u8 reset_start(struct vcard *c, struct vcard_cmd *cmd)
{
	u32 i;

	for (i = 0; i < cmd->sqe.units; i++)
		cmd->status[i] = reset_mark(c, cmd, i);
	return FIO_SC_OK;
}

static u8 reset_finish(struct vcard *c, struct vcard_cmd *cmd)
{
	u32 i;

	unmark(c, cmd);
	for (i = 0; i < cmd->sqe.units; i++) {
		if (!(cmd->marked & BIT_ULL(i)))
			continue;
		unit_au(c, cmd->addr[i])->flags &= ~AU_ERASING;
		cmd->status[i] = au_erase(c, addr_die(cmd->addr[i]), addr_au(cmd->addr[i]));
	}
	return FIO_SC_OK;
}

static u8 finish_au(struct vcard *c, u64 addr, bool group)
{
	u32 die = addr_die(addr), nr = addr_au(addr);
	struct vcard_au *au;

	if (!addr_valid(c, addr, false))
		return FIO_SC_INVALID_ADDR;
	if (group)
		xor_end(c, nr);
	au = au_of(c, die, nr);
	if (c->dies[die].offline)
		return FIO_SC_DIE_OFFLINE;
	if (au->flags & AU_BAD)
		return FIO_SC_AU_BAD;
	if (au->flags & AU_ERASING)
		return FIO_SC_AU_BUSY;
	if (au->flags & AU_SUSPECT)
		return FIO_SC_AU_STATE;
	buffer_drain_die(c, die);
	if (!(au->flags & AU_FAILED))
		au_close(c, die, nr, AU_CLOSED);
	return FIO_SC_OK;
}

static u8 retire_au(struct vcard *c, u64 addr)
{
	if (!addr_valid(c, addr, false))
		return FIO_SC_INVALID_ADDR;
	return au_retire(c, addr_die(addr), addr_au(addr));
}

static u8 finish_finish(struct vcard *c, struct vcard_cmd *cmd)
{
	u32 i;

	for (i = 0; i < cmd->sqe.units; i++)
		cmd->status[i] = finish_au(c, cmd->addr[i], cmd->sqe.flags & FIO_SQE_XOR);
	return FIO_SC_OK;
}

static u8 retire_finish(struct vcard *c, struct vcard_cmd *cmd)
{
	u32 i;

	for (i = 0; i < cmd->sqe.units; i++)
		cmd->status[i] = retire_au(c, cmd->addr[i]);
	return FIO_SC_OK;
}

/* ---- REPORT, SYNC ---- */

static u8 report_finish(struct vcard *c, struct vcard_cmd *cmd)
{
	struct fio_au_report *r = (struct fio_au_report *)c->bounce;
	u8 status;
	u32 i;
	int nr = cmd_segs(c, &cmd->sqe.sgl, cmd->sqe.units * sizeof(*r), true, &status);

	if (status)
		return status;
	memset(r, 0, cmd->sqe.units * sizeof(*r));
	for (i = 0; i < cmd->sqe.units; i++) {
		if (addr_valid(c, cmd->addr[i], false))
			au_report(c, cmd->addr[i], &r[i]);
		else
			cmd->status[i] = FIO_SC_INVALID_ADDR;
	}
	return cmd_scatter(c, nr, r) ? FIO_SC_DMA : FIO_SC_OK;
}

static u8 sync_start(struct vcard *c, struct vcard_cmd *cmd)
{
	cmd->due = timing_sync(c);
	return FIO_SC_OK;
}

static u8 sync_finish(struct vcard *c, struct vcard_cmd *cmd)
{
	return buffer_drain_all(c);
}

static const struct vcard_op ops[] = {
	{ FIO_OP_APPEND, "append", append_check, append_start, append_finish },
	{ FIO_OP_READ, "read", read_check, read_start, read_finish },
	{ FIO_OP_RESET, "reset", NULL, reset_start, reset_finish },
	{ FIO_OP_FINISH, "finish", NULL, NULL, finish_finish },
	{ FIO_OP_REPORT, "report", NULL, NULL, report_finish },
	{ FIO_OP_SYNC, "sync", NULL, sync_start, sync_finish },
	{ FIO_OP_RETIRE, "retire", NULL, NULL, retire_finish },
};

/**
 * op_find() - an opcode's row
 * @opcode: any byte
 *
 * Return: the row or NULL.
 */
const struct vcard_op *op_find(u8 opcode)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (ops[i].opcode == opcode)
			return &ops[i];
	return NULL;
}

/**
 * op_find_name() - an opcode's row by its name
 * @name: any string
 *
 * Return: the row or NULL.
 */
const struct vcard_op *op_find_name(const char *name)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (!strcmp(ops[i].name, name))
			return &ops[i];
	return NULL;
}
