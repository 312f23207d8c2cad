/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Golden images: card state files of every version of the media format, and beside
 * each a text that says what it holds.
 *
 * Owns: a state file as a medium for the FTL core, the text, the bytes of a block.
 *
 * Does not know: how images come about (make.c), what is asked of them (test_golden.c).
 *
 * A text is lines of "key value" and one line per logical block, "NUMBER what":
 *
 *	-		its unit is not mapped
 *	0		zeroes, in a unit that is mapped
 *	vN CRC		version N of it; CRC32C of its bytes
 *	lost		reads end with -ENODATA
 */
#ifndef TESTS_IMAGE_H
#define TESTS_IMAGE_H

#include "tests/ftl/sim_env.h"

enum block_state { BLOCK_UNMAPPED, BLOCK_ZERO, BLOCK_DATA, BLOCK_LOST };

struct image_block {
	enum block_state state;
	u32 version, crc;
};

/* What an attach makes of it. */
enum image_attach {
	IMAGE_CLEAN,		/* by the checkpoint */
	IMAGE_RECOVERED,	/* by scanning */
	IMAGE_READ_ONLY,	/* and nothing on flash changes */
	IMAGE_REFUSED,		/* with @error */
};

/**
 * struct image - a state file and what is known of it
 * @version: of the media format
 * @block_bytes: size of a logical block
 * @units: logical capacity, in units
 * @weak: power-loss protection was not healthy
 * @error: errno of an attach that is refused, else 0
 * @check, @export: exit codes of fio-ftl
 * @torn_pages: programs that a cut interrupted, as far as it shows; @torn_erases: likewise
 * @refreshed: units that the recovery of its version wrote anew
 * @dropped: atomic writes that were not whole
 * @crc: of the state file
 * @block: what the logical blocks hold; image_free() frees it
 */
struct image {
	char name[32];
	u32 version;
	u32 dies, aus, pages;
	u32 block_bytes, units;
	u32 parity, weak;
	enum image_attach attach;
	int error;
	u32 check, export;
	u32 torn_pages, torn_erases, refreshed, dropped;
	u32 crc;
	struct image_block *block;
};

static inline u32 image_blocks(const struct image *im)
{
	return im->units * (FIO_MEDIA_UNIT / im->block_bytes);
}

/* Both end the program when that is impossible. */
void image_read_text(struct image *im, const char *path);
void image_write_text(const struct image *im, const char *path);
void image_free(struct image *im);

/** image_fill() - the bytes of a version of a block */
void image_fill(const struct image *im, u32 block, u32 version, u8 *data);
/** image_version() - the version that @data, a block, says it is; 0: zeroes, or none */
u32 image_version(const struct image *im, u32 block, const u8 *data);
/** image_crc() - of a file */
u32 image_crc(const char *path);

/**
 * struct card - a state file, switched on
 * @f: the core; whoever attaches it, detaches or destroys it
 */
struct card {
	const struct image *im;
	struct sim *sim;
	struct sim_env env;
	struct ftl *f;
};

/**
 * card_on() - switch a card on
 * @path: its state file; one that does not exist is made
 * Return: 0; -EIO after a message.
 */
int card_on(struct card *c, const struct image *im, const char *path);
/** card_off() - power goes; @clean: in order, else by sim_power_cut() before */
void card_off(struct card *c, bool clean);

#endif /* TESTS_IMAGE_H */
