// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults of the card, as opposed to faults of flash (nand/fault.c).
 *
 * Owns: the settings and what they do to an answer, an interrupt, a command.
 * Does not know: how they are named on the control socket (control.c). Counts go
 * down with each hit; -1 is for ever; 0 is off.
 */
#include "vcard/model/card.h"

static bool strike(s32 *count)
{
	if (!*count)
		return false;
	if (*count > 0)
		--*count;
	return true;
}

/**
 * fault_swallow() - does this command disappear
 * @c: the card
 * @opcode: its opcode
 */
bool fault_swallow(struct vcard *c, u8 opcode)
{
	if (c->fault.swallow_op && c->fault.swallow_op != opcode)
		return false;
	return strike(&c->fault.swallow);
}

/**
 * fault_mbox_hang() - does the command in the mailbox hang
 * @c: the card
 *
 * One that hangs does so until a reset.
 */
bool fault_mbox_hang(struct vcard *c)
{
	if (!c->fault.mbox_stuck && strike(&c->fault.mbox_hang))
		c->fault.mbox_stuck = true;
	return c->fault.mbox_stuck;
}

/**
 * fault_lost_irq() - is this interrupt lost
 * @c: the card
 */
bool fault_lost_irq(struct vcard *c)
{
	return strike(&c->fault.no_irq);
}

/**
 * fault_short_answer() - how long a mailbox answer is
 * @c: the card
 * @op: the command
 * @len: how long it should be
 */
u32 fault_short_answer(struct vcard *c, u16 op, u32 len)
{
	if (!len || (c->fault.short_op && c->fault.short_op != op))
		return len;
	return strike(&c->fault.short_answers) ? len / 2 : len;
}

static const char *const geometry_fields[] = {
	"dies", "aus", "pages", "unit_bytes", "tag_bytes", "write_units", "keep_behind",
	"max_open", "endurance", "read_retries", "xor_groups",
};

static_assert(ARRAY_SIZE(geometry_fields) <= 16);

/**
 * fault_absurd() - lie about the geometry
 * @c: the card
 * @g: the truth, whose first fields are in the order of geometry_fields[]
 */
void fault_absurd(struct vcard *c, struct fio_mb_geometry *g)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(geometry_fields); i++) {
		__le32 lie = cpu_to_le32(c->fault.absurd[i]);

		if (c->fault.absurd_set & BIT(i))
			memcpy((u8 *)g + i * sizeof(lie), &lie, sizeof(lie));
	}
}

/**
 * fault_absurd_set() - arrange a lie
 * @c: the card
 * @field: field of the geometry
 * @value: what it will say
 *
 * Return: 0, or -EINVAL for an unknown field or a value that does not fit.
 */
int fault_absurd_set(struct vcard *c, const char *field, u64 value)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(geometry_fields); i++) {
		if (strcmp(geometry_fields[i], field))
			continue;
		if (value > UINT32_MAX)
			return -EINVAL;
		c->fault.absurd[i] = (u32)value;
		c->fault.absurd_set |= BIT(i);
		return 0;
	}
	return -EINVAL;
}

/**
 * fault_die_offline() - a die stops answering, or answers again
 * @c: the card
 * @die: which
 * @offline: whether it stops
 *
 * Context: the card is locked.
 */
void fault_die_offline(struct vcard *c, u32 die, bool offline)
{
	struct vcard_die *d = &c->dies[die];

	if (d->offline == offline)
		return;
	d->offline = offline;
	c->dies_offline += offline ? 1 : -1;
	nand_set_die_offline(c->nand, die, offline);
	event_raise(c, FIO_EV_DIE_OFFLINE, addr_make(die, 0, 0), offline);
}
