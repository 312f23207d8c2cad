// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers and doorbells: what BAR accesses read and change.
 *
 * Owns: the register map, which of it may be written when, INT_CAUSE, the fatal
 * state. Does not know: what a mailbox command or a ring entry means; a write
 * only leaves a value and kicks the thread that runs the card.
 *
 * Accesses come from any thread while the card runs, and never wait for it:
 * registers are atomics, stored with release and loaded with acquire, so that a
 * doorbell carries the payload that was written before it.
 */
#include "vcard/model/card.h"

static const struct {
	u32 off;
	size_t field;
} plain[] = {
	{ FIO_REG_CTRL, offsetof(struct vcard_regs, ctrl) },
	{ FIO_REG_STATUS, offsetof(struct vcard_regs, status) },
	{ FIO_REG_FATAL, offsetof(struct vcard_regs, fatal) },
	{ FIO_REG_MBOX_CMD, offsetof(struct vcard_regs, mbox_cmd) },
	{ FIO_REG_MBOX_SEQ, offsetof(struct vcard_regs, mbox_seq) },
	{ FIO_REG_MBOX_CTRL, offsetof(struct vcard_regs, mbox_ctrl) },
	{ FIO_REG_MBOX_STATUS, offsetof(struct vcard_regs, mbox_status) },
	{ FIO_REG_MBOX_ECHO, offsetof(struct vcard_regs, mbox_echo) },
	{ FIO_REG_INT_CAUSE, offsetof(struct vcard_regs, int_cause) },
};

static u32 *reg_find(struct vcard *c, u64 off)
{
	u32 i;

	if (off >= FIO_REG_MBOX_PAYLOAD && off < FIO_REG_MBOX_PAYLOAD + FIO_MBOX_PAYLOAD_LEN)
		return &c->regs.payload[(off - FIO_REG_MBOX_PAYLOAD) / 4];
	for (i = 0; i < ARRAY_SIZE(plain); i++)
		if (plain[i].off == off)
			return (u32 *)((u8 *)&c->regs + plain[i].field);
	return NULL;
}

static u32 version(const struct vcard *c)
{
	return FIELD_PREP(FIO_VERSION_MAJOR, c->cfg.if_major) |
	       FIELD_PREP(FIO_VERSION_MINOR, FIO_IF_MINOR);
}

static u32 capabilities(const struct vcard *c)
{
	return FIELD_PREP(FIO_CAP_QP_MAX, c->cfg.queues) |
	       FIELD_PREP(FIO_CAP_QDEPTH_LOG2, VCARD_QDEPTH_LOG2) |
	       FIELD_PREP(FIO_CAP_DB_STRIDE_LOG2, VCARD_DB_STRIDE_LOG2) |
	       FIELD_PREP(FIO_CAP_TIMEOUT, VCARD_TIMEOUT_100MS);
}

static u32 reg_read(struct vcard *c, u64 off)
{
	bool resetting = reg_get(&c->regs.reset_wanted);
	u32 *reg;

	switch (off) {
	case FIO_REG_SIGNATURE:
		return FIO_SIGNATURE;
	case FIO_REG_VERSION:
		return version(c);
	case FIO_REG_CAP:
		return capabilities(c);
	case FIO_REG_STATUS:
		return resetting ? FIO_STATUS_RESETTING : reg_get(&c->regs.status);
	}
	reg = resetting ? NULL : reg_find(c, off);
	return reg ? reg_get(reg) : 0;
}

static void want_reset(struct vcard *c)
{
	__atomic_fetch_or(&c->regs.reset_wanted, BIT(VCARD_RESET_REG), __ATOMIC_ACQ_REL);
	c->front.kick(c->ctx);
}

static void write_ctrl(struct vcard *c, u32 val)
{
	val &= FIO_CTRL_EN | FIO_CTRL_SHUTDOWN;
	if (reg_get(&c->regs.ctrl) & FIO_CTRL_EN && !(val & FIO_CTRL_EN)) {
		want_reset(c);
		return;
	}
	reg_set(&c->regs.ctrl, val);
	c->front.kick(c->ctx);
}

/* While a command is under way its registers belong to the card. */
static void write_mbox(struct vcard *c, u64 off, u32 val)
{
	u32 *reg = reg_find(c, off);

	if (!reg || reg_get(&c->regs.mbox_ctrl) & FIO_MBOX_CTRL_DOORBELL)
		return;
	if (off == FIO_REG_MBOX_STATUS || off == FIO_REG_MBOX_ECHO)
		return;
	if (off == FIO_REG_MBOX_CTRL)
		val &= FIO_MBOX_CTRL_DOORBELL | FIO_MBOX_CTRL_IRQ;
	reg_set(reg, val);
	if (off == FIO_REG_MBOX_CTRL && val & FIO_MBOX_CTRL_DOORBELL)
		c->front.kick(c->ctx);
}

static void reg_write(struct vcard *c, u64 off, u32 val)
{
	if (off == FIO_REG_RESET) {
		if (val == FIO_RESET_KEY)
			want_reset(c);
		return;
	}
	if (reg_get(&c->regs.reset_wanted))
		return;
	if (off == FIO_REG_CTRL)
		write_ctrl(c, val);
	else if (off == FIO_REG_INT_CAUSE)
		__atomic_fetch_and(&c->regs.int_cause, ~val, __ATOMIC_ACQ_REL);
	else if (off >= FIO_REG_MBOX_CMD)
		write_mbox(c, off, val);
}

static void doorbell_write(struct vcard *c, u64 off, u32 val)
{
	u32 stride = FIO_DB_STRIDE(VCARD_DB_STRIDE_LOG2);
	u32 qid = off / stride;

	if (qid >= c->cfg.queues || reg_get(&c->regs.reset_wanted))
		return;
	if (off % stride == FIO_DB_SQ_TAIL)
		reg_set(&c->regs.sq_tail[qid], val);
	else if (off % stride == FIO_DB_CQ_HEAD)
		reg_set(&c->regs.cq_head[qid], val);
	c->front.kick(c->ctx);
}

u64 vcard_bar_size(const struct vcard *c, u32 bar)
{
	if (bar == 0)
		return VCARD_BAR0_SIZE;
	return bar == 2 && c->cfg.irq_mode == VCARD_IRQ_MSIX ? VCARD_BAR2_SIZE : 0;
}

static bool access_ok(const struct vcard *c, u32 bar, u64 off, u32 len)
{
	u64 size = vcard_bar_size(c, bar);

	if (off >= size || !len || len > size - off)
		return false;
	return bar == 2 ? len <= 8 : len == 4 && off % 4 == 0;
}

int vcard_bar_read(struct vcard *c, u32 bar, u64 off, void *buf, u32 len)
{
	__le32 val;

	if (!access_ok(c, bar, off, len))
		return -EINVAL;
	if (reg_get(&c->regs.gone)) {
		memset(buf, 0xff, len);
		return 0;
	}
	/* The MSI-X table lives in the front end; nothing is ever pending here. */
	memset(buf, 0, len);
	if (bar == 0 && off < FIO_REGS_LEN) {
		val = cpu_to_le32(reg_read(c, off));
		memcpy(buf, &val, sizeof(val));
	}
	return 0;
}

int vcard_bar_write(struct vcard *c, u32 bar, u64 off, const void *buf, u32 len)
{
	__le32 val;

	if (!access_ok(c, bar, off, len))
		return -EINVAL;
	if (bar != 0 || reg_get(&c->regs.gone))
		return 0;
	memcpy(&val, buf, sizeof(val));
	if (off < FIO_REGS_LEN)
		reg_write(c, off, le32_to_cpu(val));
	else
		doorbell_write(c, off - VCARD_DB_OFFSET, le32_to_cpu(val));
	return 0;
}

/**
 * regs_clear() - registers as after a reset
 * @c: the card
 *
 * Context: the card is locked.
 */
void regs_clear(struct vcard *c)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(plain); i++)
		reg_set(reg_find(c, plain[i].off), 0);
	for (i = 0; i < VCARD_MAX_QUEUES; i++) {
		reg_set(&c->regs.sq_tail[i], 0);
		reg_set(&c->regs.cq_head[i], 0);
	}
	for (i = 0; i < ARRAY_SIZE(c->regs.payload); i++)
		reg_set(&c->regs.payload[i], 0);
}

/**
 * regs_cause() - tell the host through vector 0
 * @c: the card
 * @bits: FIO_INT_*
 *
 * Context: the card is locked.
 */
void regs_cause(struct vcard *c, u32 bits)
{
	u32 old = __atomic_fetch_or(&c->regs.int_cause, bits, __ATOMIC_ACQ_REL);

	if (bits & ~old)
		vcard_irq(c, 0);
}

/**
 * card_fatal() - stop for a reason that concerns no single command
 * @c: the card
 * @why: register FATAL
 *
 * Context: the card is locked.
 */
void card_fatal(struct vcard *c, enum fio_fatal why)
{
	u32 status = reg_get(&c->regs.status);

	if (status & FIO_STATUS_FATAL)
		return;
	vcard_log(c, "fatal error %u: the card stops until it is reset", why);
	reg_set(&c->regs.fatal, why);
	reg_set(&c->regs.status, status | FIO_STATUS_FATAL);
	regs_cause(c, FIO_INT_FATAL);
}

/**
 * card_ready() - are rings and events in operation
 * @c: the card
 *
 * Context: any thread.
 */
bool card_ready(const struct vcard *c)
{
	u32 status = reg_get(&c->regs.status);

	return status & FIO_STATUS_RDY && !(status & (FIO_STATUS_FATAL | FIO_STATUS_SHUTDOWN_DONE));
}
