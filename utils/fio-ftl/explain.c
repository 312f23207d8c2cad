// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-ftl explain: the history of a logical block, as far as the flash still has it.
 *
 * Owns: finding every version, data, trims and empty map entries alike, and the words
 * for why one of them counts. Does not know: the core, except to ask what its map says.
 */
#include <errno.h>
#include <stdlib.h>

#include "utils/fio-ftl/fio-ftl.h"

/* In the order in which they win at equal numbers. */
enum kind { SNAPSHOT_NONE, TRIM, DATA, SNAPSHOT_UNIT };

static const char *const kind_names[] = {
	[SNAPSHOT_NONE] = "map: not mapped", [TRIM] = "trimmed", [DATA] = "data",
	[SNAPSHOT_UNIT] = "map: mapped",
};

/**
 * struct version - one thing that the flash says about the unit
 * @unit: the page that says it
 * @named: SNAPSHOT_UNIT: the unit that it names
 * @from, @count: TRIM: the whole range
 */
struct version {
	enum kind kind;
	u64 seq, stripe_seq;
	u32 unit, named;
	u64 from, count;
	u8 stream;
	u16 flags;
	bool suspect, bad_au, foreign, rebuilt;
};

struct story {
	struct source *s;
	struct identity id;
	u64 lu;
	struct version *v;
	u32 n, cap;
	u64 unreadable;
};

static struct version *add(struct story *st, const struct page *p, enum kind kind)
{
	struct version *v;

	if (st->n == st->cap) {
		st->cap = st->cap ? 2 * st->cap : 16;
		v = realloc(st->v, st->cap * sizeof(*v));
		if (!v)
			return NULL;
		st->v = v;
	}
	v = &st->v[st->n++];
	*v = (struct version){
		.kind = kind, .seq = le64_to_cpu(p->tag.seq), .unit = p->unit,
		.stripe_seq = le64_to_cpu(p->tag.stripe_seq), .named = FIO_UNIT_NONE,
		.stream = p->tag.stream, .flags = le16_to_cpu(p->tag.flags),
		.suspect = p->suspect_au, .bad_au = p->bad_au, .rebuilt = p->rebuilt,
	};
	v->foreign = le32_to_cpu(p->tag.media_id) != st->id.media_id ||
		     !seq_after(v->seq, st->id.never);
	return v;
}

static int story_data(struct story *st, const struct page *p)
{
	return le64_to_cpu(p->tag.lba) != st->lu || add(st, p, DATA) ? 0 : -ENOMEM;
}

static int story_map(struct story *st, const struct page *p)
{
	const struct fio_map_leaf *leaf = (const void *)p->data;
	struct version *v;
	u32 unit;

	if (le64_to_cpu(p->tag.lba) != st->lu / FIO_MAP_FANOUT)
		return 0;
	unit = le32_to_cpu(leaf->unit[st->lu % FIO_MAP_FANOUT]);
	v = add(st, p, unit == FIO_UNIT_NONE ? SNAPSHOT_NONE : SNAPSHOT_UNIT);
	if (!v)
		return -ENOMEM;
	v->named = unit;
	return 0;
}

static int story_journal(struct story *st, const struct page *p)
{
	const struct fio_journal *j = (const void *)p->data;
	struct version *v;
	u64 from, count;
	u32 i;

	for (i = 0; journal_valid(j) && i < le32_to_cpu(j->count); i++) {
		from = le64_to_cpu(j->rec[i].lba);
		count = le64_to_cpu(j->rec[i].count);
		if (j->rec[i].type != FIO_JREC_TRIM || st->lu < from || st->lu - from >= count)
			continue;
		v = add(st, p, TRIM);
		if (!v)
			return -ENOMEM;
		v->seq = le64_to_cpu(j->rec[i].seq);
		v->from = from;
		v->count = count;
	}
	return 0;
}

static int (*const tellers[])(struct story *st, const struct page *p) = {
	[FIO_TAG_DATA] = story_data,
	[FIO_TAG_MAP] = story_map,
	[FIO_TAG_JOURNAL] = story_journal,
};

static int story_page(void *ctx, const struct page *p)
{
	struct story *st = ctx;

	if (p->status) {
		st->unreadable++;
		return 0;
	}
	if (p->tag.type >= ARRAY_SIZE(tellers) || !tellers[p->tag.type])
		return 0;
	return tellers[p->tag.type](st, p);
}

/* Does this say anything about what the unit is now, or only confirm another page? */
static bool counts(const struct version *v)
{
	return !v->foreign && !v->bad_au && v->kind != SNAPSHOT_UNIT;
}

/* Newest first; of equal numbers "unmapped" first, then the better copy. */
static int newest_first(const void *a, const void *b)
{
	const struct version *x = a, *y = b;

	if (x->seq != y->seq)
		return seq_after(x->seq, y->seq) ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return better_copy(x->suspect, x->stripe_seq, y->suspect, y->stripe_seq) ? -1 : 1;
}

static const struct version *find_winner(const struct story *st)
{
	u32 i;

	for (i = 0; i < st->n; i++)
		if (counts(&st->v[i]))
			return &st->v[i];
	return NULL;
}

static void verdict(const struct version *v, const struct version *w, char *buf, size_t len)
{
	if (v == w)
		snprintf(buf, len, "WINS: the newest%s",
			 v->flags & FIO_TAG_LOST ? ", and says that its content was lost" : "");
	else if (v->foreign)
		snprintf(buf, len, "ignored: of another format");
	else if (v->bad_au)
		snprintf(buf, len, "ignored: its append unit is bad");
	else if (v->kind == SNAPSHOT_UNIT)
		snprintf(buf, len, "says only that unit %u was current or newer", v->named);
	else if (v->seq != w->seq)
		snprintf(buf, len, "older by %llu", (unsigned long long)(w->seq - v->seq));
	else if (w->kind < DATA && v->kind == DATA)
		snprintf(buf, len, "of equal numbers, not mapped wins");
	else if (v->kind != w->kind)
		snprintf(buf, len, "says the same");
	else
		snprintf(buf, len, "a copy: %s", v->suspect && !w->suspect ?
			 "its append unit is suspect" : "the one in the older stripe counts");
}

static struct json_object *version_json(const struct story *st, const struct version *v,
					const struct version *w)
{
	const struct media_geometry *g = &st->s->media.geo;
	struct json_object *o = json_object_new_object();
	u32 au = v->unit / g->pages;
	char buf[128];

	out_u64(o, "sequence", v->seq);
	out_str(o, "what", kind_names[v->kind]);
	out_unit(o, "unit", v->unit);
	out_unit(o, "stripe", au / g->dies);
	out_unit(o, "die", au % g->dies);
	out_unit(o, "page", v->unit % g->pages);
	out_u64(o, "stripe_sequence", v->stripe_seq);
	out_u64(o, "stream", v->stream);
	if (v->kind == TRIM)
		snprintf(buf, sizeof(buf), "%llu+%llu", (unsigned long long)v->from,
			 (unsigned long long)v->count);
	out_str(o, "range", v->kind == TRIM ? buf : NULL);
	verdict(v, w, buf, 96);
	if (v->rebuilt)
		strcat(buf, "; computed from parity");
	out_str(o, "verdict", buf);
	return o;
}

static void note_map(struct json_object *o, struct source *s, const struct story *st,
		     const struct version *w)
{
	bool found = w && w->kind == DATA;
	struct ftl *f;
	u32 unit;
	int err;

	f = source_attach(s, 0, &err);
	if (!f) {
		out_str(o, "map_says", "nothing: the driver could not attach this card");
		return;
	}
	unit = ftl_lookup(f, st->lu);
	out_unit(o, "map_says", unit);
	out_bool(o, "map_agrees", unit == (found ? w->unit : FIO_UNIT_NONE));
	ftl_destroy(f);
}

static int tell_story(struct source *s, const struct options *o, struct story *st)
{
	struct json_object *out = json_object_new_object(), *list = json_object_new_array();
	const struct version *w;
	u32 i;

	if (st->n)
		qsort(st->v, st->n, sizeof(*st->v), newest_first);
	w = find_winner(st);
	out_u64(out, "block", o->lba);
	out_u64(out, "logical_unit", st->lu);
	note_map(out, s, st, w);
	out_str(out, "holds", !w ? "zeroes: it was never written" :
		w->kind == DATA ? "data" : "zeroes: it was trimmed");
	for (i = 0; i < st->n; i++)
		json_object_array_add(list, version_json(st, &st->v[i], w));
	json_object_object_add(out, "versions", list);
	out_u64(out, "pages_that_cannot_be_read", st->unreadable);
	out_print(out, o->json);
	json_object_put(out);
	return FIO_EXIT_OK;
}

int cmd_explain(struct source *s, const struct options *o)
{
	struct story st = { .s = s };
	int ret, err = identity_find(s, &st.id);

	if (err) {
		fio_error("%s: %s", s->path, err == -ENOMEDIUM ?
			  "there is neither a superblock nor data: nothing to explain" :
			  strerror(-err));
		return FIO_EXIT_ERROR;
	}
	st.lu = o->lba / (FIO_MEDIA_UNIT / st.id.lba_bytes);
	if (st.lu >= st.id.user_units) {
		fio_error("%s: block %llu is outside the disk: it has %llu blocks of %u bytes",
			  s->path, (unsigned long long)o->lba,
			  (unsigned long long)st.id.user_units * FIO_MEDIA_UNIT / st.id.lba_bytes,
			  st.id.lba_bytes);
		return FIO_EXIT_USAGE;
	}
	err = source_walk(s, story_page, &st);
	if (err)
		fio_error("%s: %s", s->path, strerror(-err));
	ret = err ? FIO_EXIT_ERROR : tell_story(s, o, &st);
	free(st.v);
	return ret;
}
