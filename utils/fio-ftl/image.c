// SPDX-License-Identifier: GPL-2.0-only
/*
 * A source that is the state file of a card which is switched off.
 *
 * Owns: addresses in the card model's flash, its answers in the core's words. Does not
 * know: retries, CRCs, the core.
 */
#include "utils/fio-ftl/fio-ftl.h"

static void image_close(struct source *s)
{
	vcard_image_close(s->card);
}

static u8 from_nand(enum nand_result r)
{
	switch ((int)r) {
	case NAND_OK:
		return MEDIA_OK;
	case NAND_ERASED:
		return MEDIA_ERASED;
	case NAND_UNCORRECTABLE:
		return MEDIA_UNCORRECTABLE;
	case NAND_BAD_BLOCK:
		return MEDIA_AU_STATE;
	case NAND_DIE_OFFLINE:
		return MEDIA_DIE_OFFLINE;
	default:
		return MEDIA_INVALID;
	}
}

static u8 image_read(struct source *s, u32 unit, u32 retry, void *data, struct fio_tag *tag)
{
	const struct media_geometry *g = &s->media.geo;
	u32 au = unit / g->pages;

	return from_nand(nand_read(s->nand, au % g->dies, au / g->dies, unit % g->pages, data,
				   tag, retry, NULL));
}

static u8 image_sum(struct source *s, u32 unit, void *data, struct fio_tag *tag)
{
	const struct media_geometry *g = &s->media.geo;

	return vcard_image_sum(s->card, unit / g->pages / g->dies, unit % g->pages, data, tag) ?
	       MEDIA_OK : MEDIA_ERASED;
}

static struct media_au image_au(struct source *s, u32 au)
{
	static const u8 state[] = {
		[FIO_AU_FREE] = MEDIA_AU_FREE, [FIO_AU_OPEN] = MEDIA_AU_OPEN,
		[FIO_AU_CLOSED] = MEDIA_AU_CLOSED, [FIO_AU_SUSPECT] = MEDIA_AU_SUSPECT,
		[FIO_AU_BAD] = MEDIA_AU_BAD, [FIO_AU_OFFLINE] = MEDIA_AU_OFFLINE,
	};
	const struct media_geometry *g = &s->media.geo;
	struct fio_au_report r;
	bool unknown;

	vcard_image_report(s->card, au % g->dies, au / g->dies, &r);
	unknown = r.flags & FIO_AU_WP_UNKNOWN;
	return (struct media_au){
		.state = r.state < ARRAY_SIZE(state) ? state[r.state] : MEDIA_AU_OFFLINE,
		.wp_unknown = unknown,
		.write_ptr = unknown ? g->pages : le32_to_cpu(r.write_ptr),
		.erase_count = le32_to_cpu(r.erase_count),
		.read_count = le32_to_cpu(r.read_count),
	};
}

static const struct source_ops image_ops = {
	.close = image_close, .read = image_read, .sum = image_sum, .au = image_au,
};

bool image_open(struct source *s, const char *path)
{
	const struct nand_geometry *g;
	char err[512];

	s->card = vcard_image_open(path, err, sizeof(err));
	if (!s->card) {
		fio_error("%s", err);
		return false;
	}
	s->ops = &image_ops;
	s->nand = vcard_image_nand(s->card);
	vcard_image_info(s->card, &s->info);
	g = nand_geometry(s->nand);
	s->media.geo = (struct media_geometry){
		.dies = g->dies, .aus = g->blocks, .pages = g->pages,
		.max_open = max(64U, 8 * g->dies), .read_retries = s->info.read_retries,
		.xor_groups = s->info.xor_groups, .endurance = g->endurance,
	};
	return true;
}
