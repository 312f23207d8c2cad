// SPDX-License-Identifier: GPL-2.0-only
/*
 * XOR accumulators (hw.md section 5.9).
 *
 * Owns: which groups are open, what has been added to each row, how the tag of an
 * accumulator lies in 64 bytes. Does not know: what a tag means, which unit of a
 * group is parity.
 *
 * Accumulators are memory of the card, under the same capacitors as the write
 * buffer. This card has no memory that outlives its process but the state file, so
 * after a cut that they survive it adds up again what flash holds: of units that
 * had not been acknowledged that is a legal outcome, and the others are on flash.
 */
#include <stdlib.h>

#include "vcard/model/card.h"

struct vcard_xor_row {
	u16 count;
	u8 data[FIO_UNIT_BYTES];
	u8 tag[FIO_TAG_BYTES];
};

/**
 * xor_init() - room for the rows of all groups
 * @c: the card, with its geometry
 *
 * Return: 0 or -ENOMEM.
 */
int xor_init(struct vcard *c)
{
	u32 i;

	for (i = 0; i < VCARD_XOR_GROUPS; i++) {
		c->xor_groups[i].row = calloc(c->geo->pages, sizeof(*c->xor_groups[i].row));
		if (!c->xor_groups[i].row)
			return -ENOMEM;
	}
	return 0;
}

static void drop_rows(struct vcard *c, struct vcard_xor_group *g)
{
	u32 i;

	for (i = 0; g->row && i < c->geo->pages; i++) {
		free(g->row[i]);
		g->row[i] = NULL;
	}
	g->open = false;
}

void xor_free(struct vcard *c)
{
	u32 i;

	for (i = 0; i < VCARD_XOR_GROUPS; i++) {
		if (c->geo)
			drop_rows(c, &c->xor_groups[i]);
		free(c->xor_groups[i].row);
	}
}

static struct vcard_xor_group *group_find(struct vcard *c, u32 au)
{
	u32 i;

	for (i = 0; i < VCARD_XOR_GROUPS; i++)
		if (c->xor_groups[i].open && c->xor_groups[i].au == au)
			return &c->xor_groups[i];
	return NULL;
}

/* The group of an AU number, or room for it, or NULL. */
static struct vcard_xor_group *group_room(struct vcard *c, u32 au)
{
	struct vcard_xor_group *g = group_find(c, au);
	u32 i;

	for (i = 0; !g && i < VCARD_XOR_GROUPS; i++)
		if (!c->xor_groups[i].open)
			g = &c->xor_groups[i];
	return g;
}

/**
 * xor_allowed() - may such an append go to an append unit
 * @c: the card
 * @addr: valid address of the AU
 * @flags: of the command
 *
 * Context: the card is locked.
 * Return: enum fio_status.
 */
u8 xor_allowed(struct vcard *c, u64 addr, u8 flags)
{
	struct vcard_au *au = au_of(c, addr_die(addr), addr_au(addr));
	bool adds = flags & FIO_SQE_XOR;

	if (flags & FIO_SQE_PARITY && !group_find(c, addr_au(addr)))
		return FIO_SC_AU_STATE;
	if (au->wp && (adds != !!(au->flags & AU_XOR) ||
		       (adds && !group_find(c, addr_au(addr))))) {
		violation(c, addr, FIO_SC_AU_STATE,
			  "append of units that are added among such as are not");
		return FIO_SC_AU_STATE;
	}
	return !adds || group_room(c, addr_au(addr)) ? FIO_SC_OK : FIO_SC_MAX_OPEN;
}

static void mix(struct vcard_xor_row *restrict row, const u8 *restrict data,
		const u8 *restrict tag)
{
	u32 i;

	for (i = 0; i < FIO_UNIT_BYTES; i++)
		row->data[i] ^= data[i];
	for (i = 0; i < FIO_TAG_BYTES; i++)
		row->tag[i] ^= tag[i];
}

static bool add(struct vcard *c, u32 au, u32 page, const u8 *data, const u8 *tag)
{
	struct vcard_xor_group *g = group_room(c, au);

	if (!g)
		return false;
	g->open = true;
	g->au = au;
	if (!g->row[page])
		g->row[page] = calloc(1, sizeof(*g->row[page]));
	if (!g->row[page])
		return false;
	mix(g->row[page], data, tag);
	g->row[page]->count++;
	return true;
}

/**
 * xor_add() - a unit has got its page
 * @c: the card
 * @u: the unit, as it will be programmed
 *
 * Context: the card is locked; xor_allowed() was asked.
 */
void xor_add(struct vcard *c, struct vcard_unit *u)
{
	au_of(c, u->die, u->au)->flags |= AU_XOR;
	*au_persist_of(c, u->die, u->au) |= P_XOR;
	u->added = add(c, u->au, u->page, u->data, u->tag);
	if (!u->added)
		vcard_log(c, "no memory for the accumulator of AU %u page %u", u->au, u->page);
}

/**
 * xor_take_out() - the host is told that a unit was not stored
 * @c: the card
 * @u: the unit
 *
 * Context: the card is locked.
 */
void xor_take_out(struct vcard *c, struct vcard_unit *u)
{
	struct vcard_xor_group *g = group_find(c, u->au);

	if (!u->added || !g || !g->row[u->page])
		return;
	mix(g->row[u->page], u->data, u->tag);
	g->row[u->page]->count--;
	u->added = 0;
}

/* The rule of hw.md 5.9; @tag holds what the host gave. */
static void fold(const struct vcard_xor_row *row, u8 *tag)
{
	struct fio_xor_tag *t = (struct fio_xor_tag *)tag;

	memcpy(t->fold0, row->tag, sizeof(t->fold0));
	memcpy(t->fold30, row->tag + 30, sizeof(t->fold30));
	memcpy(t->fold60, row->tag + 60, sizeof(t->fold60));
	memcpy(t->fold28, row->tag + 28, sizeof(t->fold28));
	t->count = cpu_to_le16(row->count);
}

/**
 * xor_get() - an accumulator
 * @c: the card
 * @au: append unit number of the group
 * @page: row
 * @data: receives the data, may be NULL
 * @tag: the host's tag in, struct fio_xor_tag out; may be NULL
 *
 * @raw: the fields that are the host's are the sum's own bytes
 *
 * Context: the card is locked.
 * Return: enum fio_status, ERASED when the group is not open.
 */
u8 xor_get(struct vcard *c, u32 au, u32 page, u8 *data, u8 *tag, bool raw)
{
	static const struct vcard_xor_row nothing;
	struct vcard_xor_group *g = group_find(c, au);
	const struct vcard_xor_row *row;

	if (!g)
		return FIO_SC_ERASED;
	row = g->row[page] ? g->row[page] : &nothing;
	if (data)
		memcpy(data, row->data, FIO_UNIT_BYTES);
	if (tag && raw)
		memcpy(tag, row->tag, FIO_TAG_CRC_OFFSET);
	if (tag)
		fold(row, tag);
	return FIO_SC_OK;
}

/**
 * xor_end() - forget a group
 * @c: the card
 * @au: append unit number
 *
 * Context: the card is locked.
 */
void xor_end(struct vcard *c, u32 au)
{
	struct vcard_xor_group *g = group_find(c, au);
	u32 die;

	for (die = 0; die < c->geo->dies; die++)
		*au_persist_of(c, die, au) &= ~P_XOR;
	if (g)
		drop_rows(c, g);
}

static void load_au(struct vcard *c, u32 die, u32 nr)
{
	u8 data[FIO_UNIT_BYTES], tag[FIO_TAG_BYTES];
	u32 page;

	au_of(c, die, nr)->flags |= AU_XOR;
	for (page = 0; page < c->geo->pages; page++)
		if (nand_peek(c->nand, die, nr, page, data, tag) == NAND_OK)
			add(c, nr, page, data, tag);
}

/**
 * xor_load() - what the capacitors have kept
 * @c: the card, with its append units
 * @kept: they were good, or power went in an orderly way
 */
void xor_load(struct vcard *c, bool kept)
{
	u32 die, nr;

	for (die = 0; die < c->geo->dies; die++)
		for (nr = 0; nr < c->geo->blocks; nr++) {
			if (!(*au_persist_of(c, die, nr) & P_XOR))
				continue;
			if (kept)
				load_au(c, die, nr);
			else
				*au_persist_of(c, die, nr) &= ~P_XOR;
		}
}
