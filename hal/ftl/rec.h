/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two halves of recovery tell each other: scan.c finds facts, recover.c makes
 * a map of them.
 */
#ifndef FTL_REC_H
#define FTL_REC_H

#include "ftl_priv.h"

#define TAG_STREAMS	32	/* stream numbers that tags can be told apart by */
static_assert(FTL_STREAMS <= TAG_STREAMS);

/* What the first page of an append unit tells. */
struct probe {
	u64 stripe_seq;
	u32 pages;	/* that are certain: what a MAP page says of others is not believed */
	u8 stream;
	bool ok;
	bool ours;
};

/* A page that may be torn, read twice. */
struct kept {
	struct ftl_link link;
	u32 unit;
	struct fio_tag tag;
	u8 data[FIO_MEDIA_UNIT];
};

/**
 * struct root_set - pages of a root
 * @seq: its number
 * @count: pages found
 * @unit: by index, room for ftl.root_cap
 */
struct root_set {
	u64 seq;
	u32 count;
	u32 *unit;
};

/**
 * struct rec - a recovery
 * @never: older than every sequence number of this format
 * @max_seq: the newest number seen
 * @seq: by leaf: version of each unit; no array where no fact was found
 * @snap_seq: by leaf: version of leaf_unit[]
 * @probe: by append unit
 * @top: the youngest stripes of each stream, @ntop: how many of them are known
 * @kept: pages that may be torn
 * @groups: pages of atomic writes
 * @junit: journal pages found, later those that are needed
 * @bounded: only what was written since a root is looked at; MAP pages say the rest
 * @root: pages of the two newest roots found, the newest first
 * @root_seq: number of the root that is used
 * @age: by leaf: what it says of the newest snapshot; FIO_UNIT_NONE: nothing
 * @from: a stripe opened at this number or later is recent
 * @recent: by stripe: it is, or is listed in the root
 * @plain: by stripe: whatever a MAP page says of it is so
 * @late: leaves of which nothing is known but their snapshot come later
 * @page_of_journal: while leaves are read that it is about
 */
struct rec {
	struct ftl *f;
	u64 never;
	u64 max_seq;
	u64 **seq;
	u64 *snap_seq;
	struct probe *probe;
	u64 top[TAG_STREAMS][2];
	u32 ntop[TAG_STREAMS];
	struct ftl_link kept;
	struct ftl_regroup groups;
	u32 *junit;
	u32 jcount, jcap;
	bool bounded;
	struct root_set root[2];
	u64 root_seq, from;
	u32 *age;
	u8 *recent;
	u8 *plain;
	bool late;
	u8 page_of_journal[FIO_MEDIA_UNIT];
	u32 au, page, leaf;	/* cursors */
	u8 pass;		/* scan.c's, as the next */
	bool copies;		/* the stream of copies is looked at by itself */
	u32 unreadable;
	bool meta_lost;		/* a page of metadata cannot be read, and is not torn */
	int err;		/* of something that can return none */
	u32 percent;
};

static inline u32 nr_aus(const struct ftl *f)
{
	return f->geo.aus * f->geo.dies;
}

/* Does an append unit hold anything to look at? */
static inline bool scannable(const struct ftl *f, u32 au)
{
	return !(f->au[au] & (FTL_AU_BAD | FTL_AU_SYSTEM | FTL_AU_ERASED));
}

static inline u64 failed_units(const struct media_cmd *cmd)
{
	return cmd->status && !cmd->failed ? ~0ULL : cmd->status ? cmd->failed : 0;
}

/* recover.c */
void ftl_rec_free(struct rec *r);
void ftl_rec_see(struct rec *r, u64 seq);
int ftl_rec_fact(struct rec *r, const struct fio_tag *tag, u32 unit);
int ftl_rec_keep(struct rec *r, u32 unit, const struct fio_tag *tag, const void *data);
void ftl_rec_drop(struct rec *r, struct kept *k);

/* Is a unit that a snapshot names, copied before @limit was given, what it was then? */
static inline bool ftl_rec_there(const struct rec *r, u32 unit, u64 limit)
{
	const struct ftl *f = r->f;
	const struct probe *p;

	if (r->plain[ftl_unit_stripe(f, unit)])
		return true;
	p = &r->probe[ftl_unit_au(f, unit)];
	return unit % f->geo.pages < p->pages && ftl_seq_after(limit, p->stripe_seq);
}

/* scan.c */
int ftl_scan(struct rec *r);
int ftl_scan_missing_die(struct rec *r);

#endif /* FTL_REC_H */
