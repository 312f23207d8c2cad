// SPDX-License-Identifier: GPL-2.0-only
/*
 * What lies on the flash, read by docs/spec/media.md and by nothing else.
 *
 * Owns: walking over all pages that were programmed, telling which format is meant,
 * and the newest fact about every logical unit. Does not know: the core's code; that
 * both come to the same map is what `check` is about.
 *
 * Every page is read in full, so that its CRC says whether it exists. A page that a
 * cut tore counts as far as it can be read now; the core, which ran before, has read
 * it twice already.
 */
#include <errno.h>
#include <stdlib.h>

#include "utils/fio-ftl/fio-ftl.h"

#define SYSTEM_AUS	8	/* superblocks are below this append unit number */

static const char *const type_names[] = {
	[FIO_TAG_DATA] = "data", [FIO_TAG_MAP] = "map", [FIO_TAG_DIR] = "directory",
	[FIO_TAG_JOURNAL] = "journal", [FIO_TAG_SUPER] = "superblock", [FIO_TAG_PAD] = "padding",
	[FIO_TAG_PARITY] = "parity", [FIO_TAG_GROUP] = "atomic list",
};

const char *tag_type_name(u8 type)
{
	return type < ARRAY_SIZE(type_names) && type_names[type] ? type_names[type] : "unknown";
}

const char *super_state_name(u32 state)
{
	static const char *const name[] = {
		[FIO_SUPER_DIRTY] = "dirty", [FIO_SUPER_CLEAN] = "clean",
		[FIO_SUPER_FORMATTING] = "formatting",
	};

	return state < ARRAY_SIZE(name) && name[state] ? name[state] : "unknown";
}

/* CRC32C of a page whose field at @at is zero while it is computed. */
static u32 crc_without(const void *page, size_t at)
{
	static const __le32 zero;
	u32 crc = ftl_crc32c(0, page, at);

	crc = ftl_crc32c(crc, &zero, sizeof(zero));
	return ftl_crc32c(crc, (const u8 *)page + at + sizeof(zero),
			  FIO_MEDIA_UNIT - at - sizeof(zero));
}

bool journal_valid(const struct fio_journal *j)
{
	return le64_to_cpu(j->magic) == FIO_JOURNAL_MAGIC &&
	       le32_to_cpu(j->count) <= FIO_JOURNAL_RECS &&
	       le32_to_cpu(j->crc) == crc_without(j, offsetof(struct fio_journal, crc));
}

bool super_valid(const struct fio_super *s)
{
	return le64_to_cpu(s->magic) == FIO_SUPER_MAGIC &&
	       le32_to_cpu(s->crc) == crc_without(s, offsetof(struct fio_super, crc));
}

bool better_copy(bool suspect_a, u64 stripe_a, bool suspect_b, u64 stripe_b)
{
	if (suspect_a != suspect_b)
		return suspect_b;
	return seq_after(stripe_b, stripe_a);
}

/* ---- walking ------------------------------------------------------------------------ */

static int walk_au(struct source *s, struct page *p, int (*fn)(void *ctx, const struct page *p),
		   void *ctx)
{
	struct media_au au = source_au(s, p->au);
	u32 page, first = p->au * s->media.geo.pages, end = au.write_ptr;
	int err = 0;

	if (au.state == MEDIA_AU_FREE || au.state == MEDIA_AU_OFFLINE)
		return 0;
	p->bad_au = au.state == MEDIA_AU_BAD;
	p->suspect_au = au.state == MEDIA_AU_SUSPECT;
	/* Of a bad one the write pointer is not told, and some pages may still be good. */
	if (p->bad_au || p->suspect_au)
		end = s->media.geo.pages;
	for (page = 0; !err && page < end; page++) {
		p->unit = first + page;
		p->rebuilt = false;
		p->status = source_fetch(s, p->unit, p->data, &p->tag, &p->rebuilt);
		if (p->status != MEDIA_ERASED && p->status != MEDIA_AU_STATE)
			err = fn(ctx, p);
	}
	return err;
}

int source_walk(struct source *s, int (*fn)(void *ctx, const struct page *p), void *ctx)
{
	struct page *p = calloc(1, sizeof(*p));
	u32 aus = s->media.geo.aus * s->media.geo.dies;
	int err = p ? 0 : -ENOMEM;

	for (; !err && p->au < aus; p->au++)
		err = walk_au(s, p, fn, ctx);
	free(p);
	return err;
}

/* ---- which format ------------------------------------------------------------------- */

struct guess {
	struct source *s;
	struct identity *id;
	struct {
		u32 media_id;
		u64 pages, top, first_seq;
	} seen[16];
	u32 n;
};

static void take_super(struct identity *id, const struct fio_super *s)
{
	if (!super_valid(s) || (id->known && !seq_after(le64_to_cpu(s->generation),
							id->generation)))
		return;
	id->known = true;
	id->generation = le64_to_cpu(s->generation);
	id->media_id = le32_to_cpu(s->media_id);
	id->lba_bytes = le32_to_cpu(s->lba_bytes) == 512 ? 512 : FIO_MEDIA_UNIT;
	id->state = le32_to_cpu(s->state);
	id->user_units = min_t(u64, le64_to_cpu(s->user_units), FIO_UNIT_NONE);
	id->never = le64_to_cpu(s->seq_base) - 1;
	id->group_seq = le64_to_cpu(s->group_seq);
}

/* Data pages vote: the format with most of them, and as large as its largest number. */
static void vote(struct guess *g, const struct page *p)
{
	u64 lba = le64_to_cpu(p->tag.lba), seq = le64_to_cpu(p->tag.seq);
	u32 id = le32_to_cpu(p->tag.media_id), i;

	if (p->tag.type != FIO_TAG_DATA || lba >= FIO_UNIT_NONE)
		return;
	for (i = 0; i < g->n && g->seen[i].media_id != id; i++)
		;
	if (i == ARRAY_SIZE(g->seen))
		return;
	if (i == g->n) {
		g->n++;
		g->seen[i].media_id = id;
		g->seen[i].first_seq = seq;
	}
	g->seen[i].pages++;
	g->seen[i].top = max(g->seen[i].top, lba);
	if (seq_after(g->seen[i].first_seq, seq))
		g->seen[i].first_seq = seq;
}

static int look(void *ctx, const struct page *p)
{
	struct guess *g = ctx;

	if (p->status)
		return 0;
	if (p->tag.type == FIO_TAG_SUPER)
		take_super(g->id, (const void *)p->data);
	else
		vote(g, p);
	return 0;
}

static void decide(struct guess *g)
{
	u32 i, best = 0;

	for (i = 1; i < g->n; i++)
		if (g->seen[i].pages > g->seen[best].pages)
			best = i;
	*g->id = (struct identity){
		.media_id = g->seen[best].media_id,
		.lba_bytes = FIO_MEDIA_UNIT,
		.user_units = g->seen[best].top + 1,
		.never = g->seen[best].first_seq - 1,
	};
}

int identity_find(struct source *s, struct identity *id)
{
	struct guess g = { .s = s, .id = id };
	int err;

	memset(id, 0, sizeof(*id));
	err = source_walk(s, look, &g);
	if (err || id->known)
		return err;
	if (!g.n)
		return -ENOMEDIUM;
	decide(&g);
	return 0;
}

/* ---- facts ---------------------------------------------------------------------------- */

/* A page of metadata, to be read again when all are known. */
struct meta {
	u32 unit;
	u64 seq, stripe_seq;
	bool suspect;
};

struct reader {
	struct source *s;
	struct facts *f;
	u64 *stripe_seq;	/* by append unit */
	bool *suspect;
	struct meta *map;	/* by leaf; unit FIO_UNIT_NONE: none */
	u32 leaves;
	struct meta *journal;
	u32 njournal, cap;
	struct groups groups;
};

static void see(struct facts *f, u64 seq)
{
	if (seq_after(seq, f->max_seq))
		f->max_seq = seq;
}

/* Of equal numbers "unmapped" wins over "written". */
static void fact_none(struct facts *f, u64 lu, u64 seq, u8 kind)
{
	struct fact *x = &f->lu[lu];

	if (seq_after(x->seq, seq) || (x->seq == seq && x->unit == FIO_UNIT_NONE))
		return;
	*x = (struct fact){ .seq = seq, .unit = FIO_UNIT_NONE, .kind = kind };
}

static void fact_data(struct reader *r, u32 unit, u64 lu, u64 seq)
{
	struct fact *x = &r->f->lu[lu];
	u32 au = unit / r->s->media.geo.pages, other = x->unit / r->s->media.geo.pages;

	if (!seq_after(seq, x->seq) &&
	    (seq != x->seq || x->unit == FIO_UNIT_NONE ||
	     !better_copy(r->suspect[au], r->stripe_seq[au], r->suspect[other],
			  r->stripe_seq[other])))
		return;
	*x = (struct fact){ .seq = seq, .unit = unit, .kind = FACT_WRITTEN };
}

static void fact_member(void *ctx, const struct group_member *m)
{
	fact_data(ctx, m->unit, m->lu, m->seq);
}

static int fact_map(struct reader *r, const struct page *p, u64 leaf, u64 seq)
{
	struct meta *m = &r->map[leaf];
	u64 stripe = le64_to_cpu(p->tag.stripe_seq);

	if (m->unit == FIO_UNIT_NONE || seq_after(seq, m->seq) ||
	    (seq == m->seq && better_copy(p->suspect_au, stripe, m->suspect, m->stripe_seq)))
		*m = (struct meta){ p->unit, seq, stripe, p->suspect_au };
	return 0;
}

static int fact_journal(struct reader *r, const struct page *p, u64 seq)
{
	struct meta *more;

	if (r->njournal == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 64;
		more = realloc(r->journal, r->cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		r->journal = more;
	}
	r->journal[r->njournal++] = (struct meta){ .unit = p->unit, .seq = seq };
	return 0;
}

/* Superblocks live by their generation, and the numbers of parity are sums. */
static bool has_seq(u8 type)
{
	return type != FIO_TAG_SUPER && type != FIO_TAG_PARITY;
}

static bool is_foreign(const struct facts *f, const struct page *p)
{
	if (p->tag.type == FIO_TAG_SUPER)
		return false;
	return le32_to_cpu(p->tag.media_id) != f->id.media_id ||
	       (has_seq(p->tag.type) && !seq_after(le64_to_cpu(p->tag.seq), f->id.never));
}

static int take_page(void *ctx, const struct page *p)
{
	u64 lba = le64_to_cpu(p->tag.lba), seq = le64_to_cpu(p->tag.seq);
	struct reader *r = ctx;
	struct facts *f = r->f;

	if (p->bad_au)
		return 0;
	if (p->status) {
		f->unreadable++;
		return 0;
	}
	if (is_foreign(f, p)) {
		f->foreign++;
		return 0;
	}
	f->rebuilt += p->rebuilt;
	f->pages[p->tag.type & 15]++;
	r->stripe_seq[p->au] = le64_to_cpu(p->tag.stripe_seq);
	r->suspect[p->au] = p->suspect_au;
	if (!has_seq(p->tag.type))
		return 0;
	see(f, seq);
	see(f, le64_to_cpu(p->tag.stripe_seq));
	if (p->tag.type == FIO_TAG_GROUP)
		groups_list(&r->groups, &p->tag, (const void *)p->data);
	if (is_group_page(&p->tag, f->id.user_units))
		return groups_add(&r->groups, &p->tag, p->unit);
	if (p->tag.type == FIO_TAG_DATA && lba < f->id.user_units)
		fact_data(r, p->unit, lba, seq);
	if (p->tag.type == FIO_TAG_MAP && lba < r->leaves)
		return fact_map(r, p, lba, seq);
	return p->tag.type == FIO_TAG_JOURNAL ? fact_journal(r, p, seq) : 0;
}

static void apply_map(struct reader *r, u32 leaf, const struct fio_map_leaf *page)
{
	u64 lu = (u64)leaf * FIO_MAP_FANOUT;
	u32 e;

	for (e = 0; e < FIO_MAP_FANOUT && lu + e < r->f->id.user_units; e++)
		if (le32_to_cpu(page->unit[e]) == FIO_UNIT_NONE)
			fact_none(r->f, lu + e, r->map[leaf].seq, FACT_SNAPSHOT);
}

static void apply_journal(struct reader *r, const struct fio_journal *j)
{
	u64 lu, from, count, seq, units = r->f->id.user_units;
	u32 i;

	for (i = 0; journal_valid(j) && i < le32_to_cpu(j->count); i++) {
		from = le64_to_cpu(j->rec[i].lba);
		count = le64_to_cpu(j->rec[i].count);
		seq = le64_to_cpu(j->rec[i].seq);
		if (j->rec[i].type != FIO_JREC_TRIM || from >= units || count > units - from ||
		    !seq_after(seq, r->f->id.never))
			continue;
		see(r->f, seq);
		for (lu = from; lu < from + count; lu++)
			fact_none(r->f, lu, seq, FACT_TRIMMED);
	}
}

static void apply_meta(struct reader *r)
{
	u8 data[FIO_MEDIA_UNIT];
	struct fio_tag tag;
	u32 i;

	for (i = 0; i < r->leaves; i++) {
		if (r->map[i].unit == FIO_UNIT_NONE)
			continue;
		if (source_fetch(r->s, r->map[i].unit, data, &tag, NULL))
			r->f->lost_meta++;
		else
			apply_map(r, i, (const void *)data);
	}
	for (i = 0; i < r->njournal; i++) {
		if (source_fetch(r->s, r->journal[i].unit, data, &tag, NULL))
			r->f->lost_meta++;
		else
			apply_journal(r, (const void *)data);
	}
}

static int reader_init(struct reader *r)
{
	u32 aus = r->s->media.geo.aus * r->s->media.geo.dies, i;
	struct facts *f = r->f;
	u64 lu;

	r->leaves = DIV_ROUND_UP(f->id.user_units, FIO_MAP_FANOUT);
	r->stripe_seq = calloc(aus, sizeof(*r->stripe_seq));
	r->suspect = calloc(aus, sizeof(*r->suspect));
	r->map = calloc(r->leaves, sizeof(*r->map));
	f->lu = calloc(f->id.user_units, sizeof(*f->lu));
	if (!r->stripe_seq || !r->suspect || !r->map || !f->lu)
		return -ENOMEM;
	for (i = 0; i < r->leaves; i++)
		r->map[i].unit = FIO_UNIT_NONE;
	for (lu = 0; lu < f->id.user_units; lu++)
		f->lu[lu] = (struct fact){ .seq = f->id.never, .unit = FIO_UNIT_NONE };
	f->max_seq = f->id.never;
	return 0;
}

int facts_read(struct source *s, const struct identity *id, struct facts *f)
{
	struct reader r = { .s = s, .f = f };
	int err;

	memset(f, 0, sizeof(*f));
	f->id = *id;
	groups_begin(&r.groups, id);
	err = reader_init(&r);
	if (!err)
		err = source_walk(s, take_page, &r);
	if (!err)
		f->cut_groups = groups_each(&r.groups, fact_member, &r);
	if (!err)
		apply_meta(&r);
	groups_free(&r.groups);
	free(r.stripe_seq);
	free(r.suspect);
	free(r.map);
	free(r.journal);
	if (err)
		facts_free(f);
	return err;
}

void facts_free(struct facts *f)
{
	free(f->lu);
	f->lu = NULL;
}
