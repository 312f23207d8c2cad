/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio-ftl's parts: a card image, or a card, as a medium for the FTL core, an own reader
 * of what lies on the flash, and the commands over both.
 *
 * Two readers on purpose. The core is the driver's own and says what the driver would
 * make of the card. facts.c is written from docs/spec/media.md alone; check holds the
 * one against the other, and explain and --raw work when the core gives up.
 *
 * Nobody here changes the source: the image is mapped privately, the ioctl can only
 * read, the core is attached with FTL_ATTACH_READ_ONLY, and the medium refuses what is
 * not a read.
 */
#ifndef FIO_FTL_TOOL_H
#define FIO_FTL_TOOL_H

#include <json-c/json.h>
#include <stdio.h>

#include "hal/ftl/ftl.h"
#include "utils/lib/sys.h"
#include "vcard/model/image.h"

/* ---- source.c: a card image as a medium --------------------------------------- */

struct source_cmd;
struct source;

/**
 * struct source_ops - what kind of source it is: image.c, device.c
 * @read: one page at one retry level; enum media_status. The CRC is checked by others
 * @sum: what the card has of the row of a unit; MEDIA_ERASED: nothing
 * @au: report of an append unit, numbered as in unit / pages
 */
struct source_ops {
	void (*close)(struct source *s);
	u8 (*read)(struct source *s, u32 unit, u32 retry, void *data, struct fio_tag *tag);
	u8 (*sum)(struct source *s, u32 unit, void *data, struct fio_tag *tag);
	struct media_au (*au)(struct source *s, u32 au);
};

/**
 * struct source - an open card image or card
 * @media: what the core is given
 * @env: with it
 * @path: state file or control node
 * @ops: which of both
 * @card: image: the card in it, @nand: its flash
 * @device: control node: the descriptor and what was read ahead
 * @info: what the card keeps of itself
 * @idle: commands nobody has got, @done: those that wait for source_pump()
 * @refused: commands that would have changed the medium; always 0
 * @log: what the core said, an array of strings
 * @quiet: do not print what the core says
 */
struct source {
	struct media media;
	struct ftl_env env;
	const char *path;
	const struct source_ops *ops;
	struct vcard *card;
	struct nand *nand;
	struct device *device;
	struct vcard_image_info info;
	struct source_cmd *cmds, *idle, *done, **done_tail;
	u64 refused;
	struct json_object *log;
	bool quiet;
};

/** source_open() - open a state file or a control node; false after a message */
bool source_open(struct source *s, const char *path, bool quiet);
void source_close(struct source *s);
/* The two ways to begin; false after a message. They set ops, info and media.geo. */
bool image_open(struct source *s, const char *path);
bool device_open(struct source *s, const char *path);

/** source_pump() - complete what was submitted; returns how many commands */
u32 source_pump(struct source *s);

/**
 * source_read() - one page, through all retry levels, CRC checked
 * @data: FIO_MEDIA_UNIT bytes, @tag: receive the page
 * Return: enum media_status.
 */
u8 source_read(struct source *s, u32 unit, void *data, struct fio_tag *tag);

/**
 * source_fetch() - source_read(), and if that fails the page computed from its row
 * @rebuilt: set when it was computed; may be NULL
 * Return: enum media_status of the read, MEDIA_OK when it was computed.
 */
u8 source_fetch(struct source *s, u32 unit, void *data, struct fio_tag *tag, bool *rebuilt);

/** source_au() - what the card would say of an append unit, numbered as in unit / pages */
struct media_au source_au(struct source *s, u32 au);

/** source_attach() - the core over @s, read-only; NULL after its messages */
struct ftl *source_attach(struct source *s, u32 flags, int *err);

/** struct source_io - a request of the core's and its memory */
struct source_io {
	struct ftl_io io;
	u8 *data;
	bool done;
	int err;
};

/** source_get_units() - read logical units through the core; 0 or -errno */
int source_get_units(struct source *s, struct ftl *f, u64 lu, u32 units, void *data);

/* ---- rebuild.c: parity, read by the book ------------------------------------------ */

/** page_rebuild() - compute the page of @unit from the others of its row; false: impossible */
bool page_rebuild(struct source *s, u32 unit, void *data, struct fio_tag *tag);

/* ---- facts.c: what lies on the flash, read by the book ------------------------- */

/**
 * struct page - a programmed page
 * @status: MEDIA_OK, or why it cannot be read; then nothing else is valid
 * @au: unit / pages
 * @rebuilt: it cannot be read, and was computed from parity
 */
struct page {
	u32 unit, au;
	u8 status;
	bool bad_au, suspect_au, rebuilt;
	struct fio_tag tag;
	u8 data[FIO_MEDIA_UNIT];
};

/** source_walk() - call @fn for every page that was programmed, in unit order */
int source_walk(struct source *s, int (*fn)(void *ctx, const struct page *p), void *ctx);

/**
 * struct identity - the format that is looked for
 * @known: from a superblock; else guessed from the pages
 * @group_seq: all atomic writes below it are whole, the superblock says
 */
struct identity {
	bool known;
	u32 media_id, lba_bytes, state;
	u64 user_units, never, generation;
	u64 group_seq;
};

/** identity_find() - from the newest readable superblock, or by the look of the pages */
int identity_find(struct source *s, struct identity *id);

#define FACT_NONE	0	/* never written */
#define FACT_WRITTEN	1
#define FACT_TRIMMED	2	/* by a journal record */
#define FACT_SNAPSHOT	3	/* by an empty entry of a MAP page */

/**
 * struct fact - the newest that is known of a logical unit
 * @seq: its number
 * @unit: FIO_UNIT_NONE when it is not mapped
 * @kind: FACT_*
 */
struct fact {
	u64 seq;
	u32 unit;
	u8 kind;
};

/**
 * struct facts - everything
 * @lu: by logical unit
 * @pages: by tag type; @foreign: of other formats, @unreadable: no one knows,
 *	@rebuilt: computed from parity
 * @cut_groups: atomic writes that do not count
 */
struct facts {
	struct identity id;
	struct fact *lu;
	u64 pages[16], foreign, unreadable, rebuilt, max_seq, cut_groups;
	u32 lost_meta;
};

/** facts_read() - read it all; 0 or -errno */
int facts_read(struct source *s, const struct identity *id, struct facts *f);
void facts_free(struct facts *f);

/** better_copy() - of two pages with the same content, is @a the one that counts */
bool better_copy(bool suspect_a, u64 stripe_a, bool suspect_b, u64 stripe_b);

const char *tag_type_name(u8 type);
bool journal_valid(const struct fio_journal *j);
bool super_valid(const struct fio_super *s);
const char *super_state_name(u32 state);

static inline bool seq_after(u64 a, u64 b)
{
	return (s64)(a - b) > 0;
}

/* ---- groups.c: which pages of atomic writes count ------------------------------ */

struct group_member {
	u64 seq, lu;
	u32 unit;
	u16 index, len;
};

/**
 * struct groups - all pages of groups, and the page that says which count
 * @list: the newest of type GROUP, if @known; its number is @seq
 */
struct groups {
	struct group_member *page;
	u32 n, cap;
	bool known;
	u64 proof, seq;
	struct fio_group_page list;
};

void groups_begin(struct groups *g, const struct identity *id);
void groups_free(struct groups *g);
/** is_group_page() - of an atomic write of several units */
bool is_group_page(const struct fio_tag *tag, u64 user_units);
/** groups_add() - a page of a group was found; 0 or -ENOMEM */
int groups_add(struct groups *g, const struct fio_tag *tag, u32 unit);
/** groups_list() - a page of type GROUP was found */
void groups_list(struct groups *g, const struct fio_tag *tag, const struct fio_group_page *p);
/** groups_each() - call @fn for each page that counts; returns how many groups do not */
u64 groups_each(struct groups *g, void (*fn)(void *ctx, const struct group_member *m), void *ctx);
bool group_page_valid(const struct fio_group_page *p);

/* ---- output (out.c) ------------------------------------------------------------ */

/** out_print() - an object as "key: value" lines, arrays of objects as tables; or JSON */
void out_print(struct json_object *o, bool json);

/* Add a member; the text output takes the name with _ as a space. */
void out_u64(struct json_object *o, const char *name, u64 v);
void out_unit(struct json_object *o, const char *name, u32 unit);
void out_str(struct json_object *o, const char *name, const char *v);
void out_bool(struct json_object *o, const char *name, bool v);

/* ---- commands ------------------------------------------------------------------ */

/**
 * struct options - of all commands
 * @lba: explain
 * @output: export; "-": standard output
 * @map: export: where the map file goes, or NULL
 * @unit: dump: one unit, FIO_UNIT_NONE: none
 * @die, @au: dump: one append unit; @die -1: none
 */
struct options {
	enum fio_verbosity verbosity;
	bool json, scan, raw, force, deep;
	u64 lba;
	const char *output, *map;
	u32 unit;
	s64 die, au;
};

int cmd_check(struct source *s, const struct options *o);
int cmd_dump(struct source *s, const struct options *o);
int cmd_explain(struct source *s, const struct options *o);
int cmd_export(struct source *s, const struct options *o);

/** fio_ftl_main() - the program; apart from main() so that a test can call it */
int fio_ftl_main(int argc, char **argv);

#endif /* FIO_FTL_TOOL_H */
