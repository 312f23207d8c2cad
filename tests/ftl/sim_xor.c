// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sums of rows of the simulated medium (MEDIA_F_XOR, MEDIA_F_PARITY in media.h).
 *
 * Owns: which stripes have sums and what is in them. Does not know: commands, when a
 * unit counts, what survives a power cut (sim_media.c).
 */
#include <stdlib.h>

#include "sim_priv.h"

struct sum {
	u32 count;
	bool stored;	/* on flash, as it was then */
	struct fio_tag tag;
	u8 data[FIO_MEDIA_UNIT];
};

struct group {
	bool open;
	u32 au;
	struct sum *row;
};

struct sim_sums {
	u32 groups, pages;
	struct group group[];
};

struct sim_sums *sim_sums_new(u32 groups, u32 pages)
{
	struct sim_sums *x = sim_alloc(sizeof(*x) + groups * sizeof(x->group[0]));

	x->groups = groups;
	x->pages = pages;
	return x;
}

void sim_sums_free(struct sim_sums *x)
{
	u32 i;

	for (i = 0; i < x->groups; i++)
		free(x->group[i].row);
	free(x);
}

static struct group *find(struct sim_sums *x, u32 au)
{
	u32 i;

	for (i = 0; i < x->groups; i++)
		if (x->group[i].open && x->group[i].au == au)
			return &x->group[i];
	return NULL;
}

bool sim_sums_open(struct sim_sums *x, u32 au)
{
	return find(x, au);
}

/* Find or open; false: too many are open. */
bool sim_sums_begin(struct sim_sums *x, u32 au)
{
	struct group *g = find(x, au);
	u32 i;

	for (i = 0; !g && i < x->groups; i++)
		if (!x->group[i].open)
			g = &x->group[i];
	if (!g)
		return false;
	if (!g->open)
		g->row = sim_alloc(x->pages * sizeof(*g->row));
	g->open = true;
	g->au = au;
	return true;
}

void sim_sums_end(struct sim_sums *x, u32 au)
{
	struct group *g = find(x, au);

	if (!g)
		return;
	free(g->row);
	*g = (struct group){ false, 0, NULL };
}

/*
 * @by: 1 adds the page, -1 takes it out. False: parity was stored before, and does not
 * say so: the host did not wait for the appends of the row.
 */
bool sim_sums_mix(struct sim_sums *x, u32 au, u32 page, const void *data,
		  const struct fio_tag *tag, s32 by)
{
	struct group *g = find(x, au);
	struct sum *s;
	u32 i;

	if (!g)
		return true;
	s = &g->row[page];
	for (i = 0; i < FIO_MEDIA_UNIT; i++)
		s->data[i] ^= ((const u8 *)data)[i];
	for (i = 0; i < FIO_MEDIA_TAG; i++)
		((u8 *)&s->tag)[i] ^= ((const u8 *)tag)[i];
	s->count += by;
	return !s->stored;
}

/* @tag: the host's in, unless @raw; a struct fio_parity_tag without its CRC out. */
bool sim_sums_get(struct sim_sums *x, u32 au, u32 page, void *data, struct fio_tag *tag,
		  bool raw)
{
	struct group *g = find(x, au);
	struct fio_parity_tag *p = (struct fio_parity_tag *)tag;
	struct sum *s;

	if (!g)
		return false;
	s = &g->row[page];
	s->stored |= !raw;
	if (data)
		memcpy(data, s->data, FIO_MEDIA_UNIT);
	if (raw)
		memcpy(tag, &s->tag, offsetof(struct fio_tag, crc));
	p->lba = s->tag.lba;
	p->seq = s->tag.seq;
	p->flags = s->tag.flags;
	p->group = s->tag.group;
	p->group_index = s->tag.group_index;
	p->group_len = s->tag.group_len;
	p->interval = s->tag.interval;
	memcpy(p->reserved, s->tag.reserved0, sizeof(p->reserved));
	p->clock = s->tag.clock;
	p->unit_crc = s->tag.crc;
	p->unit_type = s->tag.type;
	p->unit_stream = s->tag.stream;
	p->count = cpu_to_le16((u16)s->count);
	return true;
}
