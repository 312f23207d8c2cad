// SPDX-License-Identifier: GPL-2.0-only
/*
 * A card that is switched off, seen through its state file.
 *
 * Owns: opening a state file only to look at it, and the append unit states and sums
 * that the card would have at its next start. Does not know: hosts, commands; there is
 * no power here, so nothing runs.
 *
 * They are made by the same functions that a start uses. Those change persistent
 * bytes, which is harmless: the file is mapped privately.
 */
#include <stdlib.h>

#include "vcard/model/card.h"
#include "vcard/model/image.h"

/* What is the same at a start; as there, bad capacitors keep no sums. */
static int wake(struct vcard *c)
{
	bool unclean = !c->persist->clean;

	c->dies = calloc(c->geo->dies, sizeof(*c->dies));
	if (!c->dies || xor_init(c) || au_load(c, unclean))
		return -ENOMEM;
	xor_load(c, !unclean || c->persist->plp == FIO_PLP_OK);
	return 0;
}

static int load(struct vcard *c, const char *path, char *err, size_t err_len)
{
	c->nand = nand_open_image(path, VCARD_USER_BYTES, err, err_len);
	if (!c->nand)
		return -EIO;
	c->geo = nand_geometry(c->nand);
	c->persist = nand_user(c->nand);
	c->au_persist = (u8 *)c->persist + VCARD_PERSIST_HEADER;
	if (c->persist->magic != VCARD_PERSIST_MAGIC ||
	    c->persist->version != VCARD_PERSIST_VERSION ||
	    c->geo->page_bytes != FIO_UNIT_BYTES || c->geo->oob_bytes != FIO_TAG_BYTES ||
	    (u64)c->geo->dies * c->geo->blocks > VCARD_MAX_AUS) {
		snprintf(err, err_len, "state file %s was not made by this version of fio-vcard",
			 path);
		return -EINVAL;
	}
	if (!wake(c))
		return 0;
	snprintf(err, err_len, "no memory for the %u dies of %s", c->geo->dies, path);
	return -ENOMEM;
}

struct vcard *vcard_image_open(const char *path, char *err, size_t err_len)
{
	struct vcard *c = calloc(1, sizeof(*c));

	if (!c) {
		snprintf(err, err_len, "no memory for a card");
		return NULL;
	}
	if (!load(c, path, err, err_len)) {
		nand_set_bitflips(c->nand, 0, VCARD_ECC_BITS);
		return c;
	}
	vcard_image_close(c);
	return NULL;
}

void vcard_image_close(struct vcard *c)
{
	if (!c)
		return;
	xor_free(c);
	nand_close(c->nand);
	free(c->dies);
	free(c->aus);
	free(c);
}

struct nand *vcard_image_nand(struct vcard *c)
{
	return c->nand;
}

void vcard_image_info(const struct vcard *c, struct vcard_image_info *info)
{
	*info = (struct vcard_image_info){
		.user_bytes = c->persist->user_bytes,
		.power_cycles = c->persist->power_cycles,
		.unsafe_shutdowns = c->persist->unsafe_shutdowns,
		.factory_bad = c->persist->factory_bad,
		.grown_bad = c->persist->grown_bad,
		.read_retries = VCARD_READ_RETRIES,
		.xor_groups = VCARD_XOR_GROUPS,
		.clean = c->persist->clean,
	};
	memcpy(info->serial, c->persist->serial, sizeof(info->serial) - 1);
}

bool vcard_image_sum(struct vcard *c, u32 au, u32 page, void *data, void *tag)
{
	return xor_get(c, au, page, data, tag, true) == FIO_SC_OK;
}

void vcard_image_report(struct vcard *c, u32 die, u32 au, struct fio_au_report *r)
{
	memset(r, 0, sizeof(*r));
	au_report(c, addr_make(die, au, 0), r);
}
