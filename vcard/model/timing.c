// SPDX-License-Identifier: GPL-2.0-only
/*
 * When operations are over.
 *
 * Owns: a clock per die that runs ahead of time by the work it has been given.
 * Does not know: when anything is really done; commands merely complete no
 * sooner than these clocks say. Under profile "none" everything is over at once.
 */
#include "vcard/model/card.h"

/* Programs go to several planes at a time. */
static u64 program_ns(const struct vcard *c)
{
	return nand_op_ns(c->nand, NAND_PROGRAM) / VCARD_WRITE_UNITS;
}

static u64 occupy(struct vcard *c, u32 die, u64 ns)
{
	struct vcard_die *d = &c->dies[die];

	d->busy_until = max(c->now, d->busy_until) + ns;
	return d->busy_until;
}

/**
 * timing_read() - a die reads a page
 * @c: the card
 * @die: the die
 *
 * A read waits for other reads, and for one program at most: the card suspends
 * its backlog of programs for it.
 *
 * Return: when it is over.
 */
u64 timing_read(struct vcard *c, u32 die)
{
	struct vcard_die *d = &c->dies[die];
	u64 ns = nand_op_ns(c->nand, NAND_READ);
	u64 start = max(c->now, d->read_until);

	if (d->busy_until > start) {
		start += min(d->busy_until - start, program_ns(c));
		d->busy_until += ns;
	}
	d->read_until = start + ns;
	return d->read_until;
}

/**
 * timing_program() - a die programs a unit
 * @c: the card
 * @die: the die
 * @absorbed: the command is complete once the unit is in the write buffer
 *
 * Return: when its command may complete.
 */
u64 timing_program(struct vcard *c, u32 die, bool absorbed)
{
	u64 over = occupy(c, die, program_ns(c));
	u64 backlog = c->buf.threshold / c->geo->dies * program_ns(c);

	if (!absorbed)
		return over;
	return over > c->now + backlog ? over - backlog : c->now;
}

/**
 * timing_erase() - a die erases a block
 * @c: the card
 * @die: the die
 *
 * Return: when it is over.
 */
u64 timing_erase(struct vcard *c, u32 die)
{
	return occupy(c, die, nand_op_ns(c->nand, NAND_ERASE));
}

/**
 * timing_sync() - everything that was begun
 * @c: the card
 *
 * Return: when it is over.
 */
u64 timing_sync(const struct vcard *c)
{
	u64 over = c->now;
	u32 i;

	if (c->plp == FIO_PLP_OK)
		return over;
	for (i = 0; i < c->geo->dies; i++)
		over = max(over, c->dies[i].busy_until);
	return over;
}
