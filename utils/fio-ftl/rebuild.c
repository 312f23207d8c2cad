// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page that cannot be read, computed from the others of its row: section 4.1 of
 * docs/spec/media.md.
 *
 * Owns: that computation, and when it must not be believed. Does not know: the core's,
 * nor which append unit should hold the parity; a page says that it does.
 */
#include <stdlib.h>

#include "utils/fio-ftl/fio-ftl.h"

/**
 * struct row - the sum so far
 * @parity: the parity page's tag, once it was found
 * @members: pages of the row that are not parity
 * @data, @tag: XOR; of @tag the fields that parity sums
 */
struct row {
	struct fio_parity_tag parity;
	bool found;
	u32 members;
	u8 data[FIO_MEDIA_UNIT];
	struct fio_tag tag;
};

static void mix(void *to, const void *from, size_t len)
{
	const u8 *src = from;
	u8 *dst = to;

	while (len--)
		*dst++ ^= *src++;
}

/* The parity of a tag lies in its own fields, but CRC, type and stream of a member. */
static void mix_tag(struct row *r, const struct fio_tag *t)
{
	const size_t from = offsetof(struct fio_tag, group_len) + sizeof(t->group_len);
	const size_t to = offsetof(struct fio_parity_tag, unit_crc);
	const struct fio_parity_tag *p = (const void *)t;
	struct fio_tag add = *t;

	if (t->type == FIO_TAG_PARITY) {
		add.crc = p->unit_crc;
		add.type = p->unit_type;
		add.stream = p->unit_stream;
	}
	mix(&r->tag.lba, &add.lba, sizeof(add.lba));
	mix(&r->tag.seq, &add.seq, sizeof(add.seq));
	mix(&r->tag.flags, &add.flags, sizeof(add.flags));
	mix(&r->tag.group, &add.group, sizeof(add.group));
	mix(&r->tag.group_index, &add.group_index, sizeof(add.group_index));
	mix(&r->tag.group_len, &add.group_len, sizeof(add.group_len));
	/* what lies between, whatever a version of the format calls it */
	mix((u8 *)&r->tag + from, (u8 *)&add + from, to - from);
	mix(&r->tag.crc, &add.crc, sizeof(add.crc));
	r->tag.type ^= add.type;
	r->tag.stream ^= add.stream;
}

/* The page of the row in one append unit; false: there is none that can be read. */
static bool row_page(struct source *s, u32 unit, u32 die, void *data, struct fio_tag *tag)
{
	const struct media_geometry *g = &s->media.geo;
	u32 au = unit / g->pages / g->dies * g->dies + die;

	return au != unit / g->pages &&
	       !source_read(s, au * g->pages + unit % g->pages, data, tag);
}

static void find_parity(struct source *s, u32 unit, struct row *r)
{
	struct fio_tag tag;
	u8 data[FIO_MEDIA_UNIT];
	u32 die;

	for (die = 0; die < s->media.geo.dies && !r->found; die++) {
		if (!row_page(s, unit, die, data, &tag) || tag.type != FIO_TAG_PARITY)
			continue;
		memcpy(&r->parity, &tag, sizeof(tag));
		r->found = true;
	}
}

static void add_row(struct source *s, u32 unit, struct row *r)
{
	struct fio_tag tag;
	u8 data[FIO_MEDIA_UNIT];
	u32 die;

	for (die = 0; die < s->media.geo.dies; die++) {
		if (!row_page(s, unit, die, data, &tag) ||
		    tag.stripe_seq != r->parity.stripe_seq || tag.media_id != r->parity.media_id)
			continue;
		r->members += tag.type != FIO_TAG_PARITY;
		mix(r->data, data, sizeof(data));
		mix_tag(r, &tag);
	}
}

bool page_rebuild(struct source *s, u32 unit, void *data, struct fio_tag *tag)
{
	struct row r = { .found = false };
	u32 crc;

	find_parity(s, unit, &r);
	if (!r.found)
		return false;
	add_row(s, unit, &r);
	if (le16_to_cpu(r.parity.count) != r.members + 1)
		return false;
	r.tag.stripe_seq = r.parity.stripe_seq;
	r.tag.media_id = r.parity.media_id;
	crc = ftl_crc32c(ftl_crc32c(0, r.data, sizeof(r.data)), &r.tag,
			 offsetof(struct fio_tag, crc));
	if (le32_to_cpu(r.tag.crc) != crc)
		return false;
	memcpy(data, r.data, sizeof(r.data));
	*tag = r.tag;
	return true;
}

u8 source_fetch(struct source *s, u32 unit, void *data, struct fio_tag *tag, bool *rebuilt)
{
	u8 status = source_read(s, unit, data, tag);

	if (status != MEDIA_UNCORRECTABLE && status != MEDIA_CRC)
		return status;
	if (!page_rebuild(s, unit, data, tag))
		return status;
	if (rebuilt)
		*rebuilt = true;
	return MEDIA_OK;
}
