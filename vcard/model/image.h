/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A card that is switched off, seen through its state file, for tools that examine
 * or rescue.
 *
 * Owns: the contract for looking: the file is opened read-only, is refused while a
 * card runs on it, and is the same, byte for byte, afterwards. Pages are read with
 * nand_read(). Does not know: what is on the flash.
 *
 * Not thread-safe.
 */
#ifndef VCARD_IMAGE_H
#define VCARD_IMAGE_H

#include <fio/hw_desc.h>
#include <fio/types.h>
#include "vcard/nand/nand.h"

struct vcard;

/**
 * struct vcard_image_info - what the card keeps of itself
 * @user_bytes: advertised capacity
 * @read_retries: retry levels above 0 that nand_read() knows
 * @xor_groups: stripes whose sums the card can have open
 * @clean: it was switched off in order, or when nothing was under way
 */
struct vcard_image_info {
	char serial[24];
	u64 user_bytes;
	u32 power_cycles, unsafe_shutdowns;
	u32 factory_bad, grown_bad;
	u32 read_retries, xor_groups;
	bool clean;
};

/**
 * vcard_image_open() - look at a state file
 * @path: the file
 * @err: receives a sentence for the user on failure
 * @err_len: size of @err
 *
 * Return: the card, for the functions below only, or NULL.
 */
struct vcard *vcard_image_open(const char *path, char *err, size_t err_len);
void vcard_image_close(struct vcard *c);

/** vcard_image_nand() - its flash; programs and erases answer -EROFS */
struct nand *vcard_image_nand(struct vcard *c);

void vcard_image_info(const struct vcard *c, struct vcard_image_info *info);

/** vcard_image_report() - what REPORT would say of an append unit after the next start */
void vcard_image_report(struct vcard *c, u32 die, u32 au, struct fio_au_report *r);

/**
 * vcard_image_sum() - what the accumulator of a row would hold after the next start
 * @au: append unit number, @page: row
 * @data: receives the sum; may be NULL
 * @tag: the host's tag in, the sum's out; may be NULL
 *
 * Return: false: there is none.
 */
bool vcard_image_sum(struct vcard *c, u32 au, u32 page, void *data, void *tag);

#endif /* VCARD_IMAGE_H */
