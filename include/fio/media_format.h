/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lies on the flash. docs/spec/media.md explains each structure and, for
 * each, what a power cut can leave of it. All little-endian; every structure is
 * a whole unit of 4096 bytes with a CRC of its own or is covered by its page tag.
 *
 * Everything is a page with a tag, written once, found again by its tag: user
 * data, pieces of the map, the journal and the superblock. The newest sequence
 * number wins. Nothing is ever overwritten in place.
 */
#ifndef FIO_MEDIA_FORMAT_H
#define FIO_MEDIA_FORMAT_H

#include <fio/types.h>

#define FIO_MEDIA_UNIT		4096
#define FIO_MEDIA_TAG		64

/*
 * 1: the beginning. 2: ROOT pages, and the span of a MAP page's tag, which make the
 * map's entries and not only its gaps good for recovery. 1 is read, and becomes 2
 * with the first attach that may write.
 */
#define FIO_MEDIA_VERSION	2
#define FIO_MEDIA_VERSION_OLDEST 1

/*
 * Units are numbered in 32 bits: ((au * dies) + die) * pages + page, so that one
 * stripe (the AUs of one number on all dies) is one run of numbers.
 */
#define FIO_UNIT_NONE		0xffffffffu	/* unmapped: reads zero */

enum fio_tag_type {
	FIO_TAG_DATA	= 1,	/* lba: logical unit */
	FIO_TAG_MAP	= 2,	/* lba: map leaf number; struct fio_map_leaf */
	FIO_TAG_DIR	= 3,	/* lba: directory page number; same layout, points to leaves */
	FIO_TAG_JOURNAL	= 4,	/* lba: running number; struct fio_journal */
	FIO_TAG_SUPER	= 5,	/* lba: 0; struct fio_super */
	FIO_TAG_PAD	= 6,	/* filler, no content */
	FIO_TAG_ROOT	= 7,	/* lba: index; struct fio_root */
	FIO_TAG_PARITY	= 8,	/* struct fio_parity_tag: sum of a row */
	FIO_TAG_GROUP	= 9,	/* lba: the proof; struct fio_group_page */
};

/**
 * struct fio_tag - out-of-band bytes of every page
 * @lba: what the page holds, by @type
 * @seq: version of the content. A relocated copy keeps the sequence of its data:
 *	else it would outlive a trim or a newer write that happened in between
 * @stripe_seq: sequence at which the stripe was opened: tells the lives of a
 *	stripe apart and names the stripes that were open at a cut
 * @media_id: from the format's UUID: pages of an earlier format are foreign
 * @group: DATA: not 0: the page is number @group_index of @group_len that were written
 *	as one, all with the same @seq, whose low bits this is (1 instead of 0). MAP: the span, so
 *	many sequence numbers after @seq the map was copied; see struct fio_map_leaf
 * @interval: mean interval between updates of what the stripe holds, in user units:
 *	8 log2 of it, plus 1; 0: not known. A hint for placement
 * @clock: user units written over the life of the format, in 256, modulo 2^32
 * @crc: CRC32C (Castagnoli) over the 4096 data bytes and the 60 tag bytes before
 *	this field, as stored: computed by the card
 */
struct fio_tag {
	__le64 lba;
	__le64 seq;
	__le64 stripe_seq;
	__le32 media_id;
	__u8 type;
	__u8 stream;
	__le16 flags;
	__le32 group;
	__le16 group_index;
	__le16 group_len;
	__u8 interval;
	__u8 reserved0[3];
	__le32 clock;
	__u8 reserved[12];
	__le32 crc;
} __packed;

/**
 * struct fio_parity_tag - out-of-band bytes of a parity page
 * @lba: XOR of the tags' @lba in the row; the same for @seq, @flags, @group,
 *	@group_index, @group_len, @interval, @clock, @unit_crc (their @crc), @unit_type,
 *	@unit_stream
 * @seq: see @lba
 * @stripe_seq: as in struct fio_tag; equal in all pages of a stripe
 * @media_id: as in struct fio_tag
 * @type: FIO_TAG_PARITY
 * @stream: as in struct fio_tag
 * @count: pages in the sum
 * @row: page number
 * @crc: of this page
 *
 * A struct fio_tag with other bytes in its reserved end, which members of a row
 * write zero: what a medium makes of a host's tag when it stores a sum.
 */
struct fio_parity_tag {
	__le64 lba;
	__le64 seq;
	__le64 stripe_seq;
	__le32 media_id;
	__u8 type;
	__u8 stream;
	__le16 flags;
	__le32 group;
	__le16 group_index;
	__le16 group_len;
	__u8 interval;
	__u8 reserved[3];
	__le32 clock;
	__le32 unit_crc;
	__u8 unit_type;
	__u8 unit_stream;
	__le16 count;
	__le32 row;
	__le32 crc;
} __packed;

/* One map leaf covers this many consecutive logical units. */
#define FIO_MAP_FANOUT		1024

/**
 * struct fio_map_leaf - a piece of the map as it was
 *
 * The tag's seq S says: every operation with a sequence <= S is reflected here.
 * Entries may be newer than S (the snapshot is fuzzy); none is older. All stripes
 * that entries lie in were opened before S + span: one that says it was opened
 * later has been erased since, and the entry is nothing but an old address.
 */
struct fio_map_leaf {
	__le32 unit[FIO_MAP_FANOUT];
} __packed;

/* fio_tag.flags */
#define FIO_TAG_LOST	0x0001	/* DATA: the content was lost to the medium: reads fail */

enum fio_journal_type {
	FIO_JREC_TRIM	= 1,	/* lba, count: unmapped as of seq */
	FIO_JREC_OPEN	= 2,	/* lba: stripe opened at seq, arg: stream */
};

struct fio_journal_rec {
	__u8 type;
	__u8 reserved0[3];
	__le32 arg;
	__le64 seq;
	__le64 lba;
	__le64 count;
} __packed;

#define FIO_JOURNAL_MAGIC	0x4c4e524a4f4946ULL	/* "FIOJRNL" */
#define FIO_JOURNAL_RECS	126

/**
 * struct fio_journal - one journal page
 * @complete_seq: every operation with a sequence below this was complete when
 *	the page was written
 * @crc: CRC32C of the page with this field zero
 */
struct fio_journal {
	__le64 magic;
	__le64 complete_seq;
	__le32 count;
	__u8 reserved[40];
	__le32 crc;
	struct fio_journal_rec rec[FIO_JOURNAL_RECS];
} __packed;

#define FIO_ROOT_MAGIC		0x544f4f524f4946ULL	/* "FIOROOT" */
#define FIO_ROOT_WORDS		1008
#define FIO_ROOT_STRIPES	256

/**
 * struct fio_root - how far back a recovery has to look; one of @pages pages
 * @from: a sequence number. When the root was written there was, on flash, of every
 *	leaf of the map either a MAP page with a seq of at least @from, or its newest one and
 *	no change since
 * @pages: of this root, all with the same seq in their tags, which have their index as lba
 * @stripes: at the beginning of the words: numbers of stripes that were open when @from
 *	was the next number, and of others that hold MAP or JOURNAL pages outside the stream
 *	of metadata; at most FIO_ROOT_STRIPES
 * @leaves: the words behind, one for each leaf: low half of the seq of its newest MAP page
 *	when the root was written, all ones when it had none
 * @crc: CRC32C of the page with this field zero
 * @word: this page's part of all words
 *
 * So what the MAP pages do not say is in stripes listed here or opened at @from or
 * later, and whether a MAP page is missing can be seen. Any root is true for ever, a
 * newer one only says more.
 */
struct fio_root {
	__le64 magic;
	__le64 from;
	__le32 pages;
	__le32 stripes;
	__le32 leaves;
	__u8 reserved[32];
	__le32 crc;
	__le32 word[FIO_ROOT_WORDS];
} __packed;

/**
 * struct fio_group_drop - an atomic write that did not come to its end
 * @first: sequence number of its first attempt
 * @last: of its last one
 * @lba: first logical unit
 * @len: logical units
 *
 * Pages of groups of this range with a number from @first to @last do not count.
 */
struct fio_group_drop {
	__le64 first;
	__le64 last;
	__le32 lba;
	__le16 len;
	__u8 reserved[2];
} __packed;

#define FIO_GROUP_MAGIC		0x50554f52474f4946ULL	/* "FIOGROUP" */
#define FIO_GROUP_DROPS		168

/**
 * struct fio_group_page - which atomic writes count; the newest page says all
 * @proof: all groups with a number below this count, however many of their pages are
 *	still there, except for those that drop[] names
 * @count: entries of @drop in use
 * @crc: CRC32C of the page with this field zero
 */
struct fio_group_page {
	__le64 magic;
	__le64 proof;
	__le32 count;
	__u8 reserved[40];
	__le32 crc;
	struct fio_group_drop drop[FIO_GROUP_DROPS];
} __packed;

/*
 * What an implementation that does not know a feature bit may do.
 * compat: everything. ro_compat: read only. incompat: nothing.
 */
struct fio_compat {
	__le32 compat;
	__le32 ro_compat;
	__le32 incompat;
} __packed;

/* fio_compat.incompat */
#define FIO_INCOMPAT_PARITY	0x00000001	/* an append unit of each stripe holds parity */
#define FIO_INCOMPAT_GROUPS	0x00000002	/* pages of atomic writes may not count */
#define FIO_INCOMPAT_KNOWN	(FIO_INCOMPAT_PARITY | FIO_INCOMPAT_GROUPS)

#define FIO_SUPER_MAGIC		0x5245505553464946ULL	/* "FIFSUPER" */
#define FIO_SUPER_DIRS		896

enum fio_super_state {
	FIO_SUPER_DIRTY	= 1,	/* attached: recovery must scan */
	FIO_SUPER_CLEAN	= 2,	/* detached in order: dir[] is complete */
	FIO_SUPER_FORMATTING = 3,	/* a format did not finish */
};

/**
 * struct fio_super - identity of a format and the newest checkpoint
 *
 * Lives in the system append units: at format the first two AU numbers below 8
 * that are good on the first two dies that have such (mirrors). They are recorded
 * here, since append units may go bad later. Each attach erases the older of the
 * pair and continues there, so that nothing is appended behind a possibly torn
 * page. The highest generation with a good CRC wins; it grows over formats too,
 * where sequence numbers may start anywhere. Each is written twice, one copy
 * after the other (to both mirrors, or twice to one); a copy that is the last
 * thing programmed in its append unit and has no second one is ignored.
 */
struct fio_super {
	__le64 magic;
	__le32 version;
	struct fio_compat features;
	__u8 uuid[16];
	__le32 media_id;
	__le32 dies;
	__le32 aus;
	__le32 pages;
	__le32 lba_bytes;	/* logical block, 512 or 4096 */
	__le32 state;		/* enum fio_super_state */
	__le64 user_units;	/* logical capacity, 4 KiB units */
	__le64 seq;		/* next sequence number, a bound from above when clean */
	__le64 seq_base;	/* first sequence number of this format */
	__le64 format_time;	/* seconds since the epoch */
	__le64 attach_count;
	__le64 user_units_written;	/* over the life of the format */
	__le64 units_written;
	__le64 generation;	/* of this structure */
	__le32 dirs;		/* entries of dir[] in use */
	__u8 label[32];
	__le32 sys_au[2];	/* AU numbers of the pair */
	__le32 sys_die[2];	/* dies of the mirrors; both the same: only one */
	__le32 root;		/* CLEAN, from version 2: a DIR page behind those of dir[], which
				 * holds the units of the newest root's pages
				 */
	__le64 group_seq;	/* as fio_group_page.proof; with FIO_INCOMPAT_GROUPS */
	__le32 group_drops;	/* entries that the newest fio_group_page had then */
	__u8 reserved[312];
	__le32 crc;		/* CRC32C of the page with this field zero */
	__le32 dir[FIO_SUPER_DIRS];	/* units of the directory pages */
} __packed;

static_assert(sizeof(struct fio_tag) == FIO_MEDIA_TAG);
static_assert(sizeof(struct fio_parity_tag) == FIO_MEDIA_TAG);
static_assert(offsetof(struct fio_parity_tag, clock) == offsetof(struct fio_tag, clock));
static_assert(offsetof(struct fio_parity_tag, unit_crc) == offsetof(struct fio_tag, reserved));
static_assert(offsetof(struct fio_parity_tag, unit_crc) == 48);
static_assert(offsetof(struct fio_parity_tag, row) == 56);
static_assert(sizeof(struct fio_map_leaf) == FIO_MEDIA_UNIT);
static_assert(sizeof(struct fio_journal_rec) == 32);
static_assert(sizeof(struct fio_journal) == FIO_MEDIA_UNIT);
static_assert(sizeof(struct fio_root) == FIO_MEDIA_UNIT);
static_assert(sizeof(struct fio_group_page) == FIO_MEDIA_UNIT);
static_assert(sizeof(struct fio_super) == FIO_MEDIA_UNIT);

#endif /* FIO_MEDIA_FORMAT_H */
