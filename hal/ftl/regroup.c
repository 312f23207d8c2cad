// SPDX-License-Identifier: GPL-2.0-only
/*
 * Atomic writes in recovery: which of them count.
 *
 * Owns: pages of groups that a scan finds, until it is known whether they are facts.
 * Does not know: what a fact does (recover.c), how groups come to flash (group.c).
 *
 * The newest page of type GROUP has a number, the proof, and a list. A page of a group
 * below the proof counts unless the list names the group; one of a later group counts
 * if all pages of the group, or copies of them, are found. The proof is in the tag as
 * well, so that the scan, which reads only tags, learns it; the list is read after.
 *
 * Twice: first without the pages that a cut may have torn, then with them. That
 * only makes more groups whole. What a page of type GROUP says was true before it was
 * written, so one that may be torn is believed from the beginning.
 */
#include "ftl_priv.h"

#define FIRST_CAP	1024U
#define TRIM_AT		65536U	/* pages in mind before the list is read during the scan */

/**
 * ftl_regroup_begin() - prepare for a scan
 * @g: zeroed
 * @f: the instance
 * @take: told each page that counts
 * @arg: for @take
 *
 * Context: attach.
 */
void ftl_regroup_begin(struct ftl_regroup *g, struct ftl *f, ftl_group_take take, void *arg)
{
	/* of an attempt before */
	f->group.drops = 0;
	f->group.page = FIO_UNIT_NONE;
	f->group.page_drops = 0;
	f->st.groups_dropped = 0;
	g->f = f;
	g->take = take;
	g->arg = arg;
	g->page = FIO_UNIT_NONE;
	g->pin = FIO_UNIT_NONE;
	g->proof = le64_to_cpu(f->super->group_seq);
	g->sure = !f->super->group_drops;
	g->sure_seq = g->proof;
}

void ftl_regroup_free(struct ftl_regroup *g)
{
	ftl_free(g->f, g->m, g->cap * sizeof(*g->m), FTL_MEM_SCAN);
}

static int grow(struct ftl_regroup *g)
{
	u32 cap = g->cap ? 2 * g->cap : FIRST_CAP;
	struct ftl_member *m = ftl_alloc(g->f, cap * sizeof(*m), FTL_MEM_SCAN);

	if (!m)
		return -ENOMEM;
	if (g->n)
		memcpy(m, g->m, g->n * sizeof(*m));
	ftl_regroup_free(g);
	g->m = m;
	g->cap = cap;
	return 0;
}

/* What could not have been written so is taken for an ordinary page. */
static bool is_member(const struct ftl_regroup *g, const struct fio_tag *tag)
{
	u32 len = le16_to_cpu(tag->group_len), index = le16_to_cpu(tag->group_index);
	u64 lu = le64_to_cpu(tag->lba);

	return g->f->group.max && tag->group && len > 1 && len <= FTL_MAX_UNITS && index < len &&
	       lu >= index && lu - index + len <= g->f->user_units;
}

/**
 * ftl_regroup_fact() - a DATA page was found
 * @g: the scan
 * @tag: its tag
 * @unit: where it is
 *
 * Context: attach; also while xslot is in use.
 * Return: 0: it counts; 1: not yet, or never; -ENOMEM.
 */
int ftl_regroup_fact(struct ftl_regroup *g, const struct fio_tag *tag, u32 unit)
{
	if (!is_member(g, tag))
		return 0;
	/* The list names none of those, whatever page it is on. */
	if (g->sure && ftl_seq_after(g->sure_seq, le64_to_cpu(tag->seq)))
		return 0;
	if (g->n == g->cap && grow(g))
		return -ENOMEM;
	g->m[g->n++] = (struct ftl_member){
		.seq = le64_to_cpu(tag->seq), .unit = unit, .lu = (u32)le64_to_cpu(tag->lba),
		.index = le16_to_cpu(tag->group_index), .len = le16_to_cpu(tag->group_len),
	};
	return 1;
}

/* ---- pages of type GROUP ----------------------------------------------------------- */

/* Is this the newest so far? Of equal copies any will do. */
static bool is_newer(const struct ftl_regroup *g, u64 seq)
{
	return g->page == FIO_UNIT_NONE || ftl_seq_after(seq, g->seq);
}

static void found(struct ftl_regroup *g, const struct fio_tag *tag, u32 unit)
{
	g->page = unit;
	g->seq = le64_to_cpu(tag->seq);
	if (ftl_seq_after(le64_to_cpu(tag->lba), g->proof))
		g->proof = le64_to_cpu(tag->lba);
}

/**
 * ftl_regroup_found() - a page of type GROUP was found
 * @g: the scan
 * @tag: its tag
 * @unit: where it is
 *
 * Context: attach; also while xslot is in use.
 */
void ftl_regroup_found(struct ftl_regroup *g, const struct fio_tag *tag, u32 unit)
{
	if (!g->f->group.max || !is_newer(g, le64_to_cpu(tag->seq)))
		return;
	found(g, tag, unit);
	g->unread = true;
}

static bool page_good(struct fio_group_page *p)
{
	return le64_to_cpu(p->magic) == FIO_GROUP_MAGIC &&
	       le32_to_cpu(p->count) <= FIO_GROUP_DROPS &&
	       le32_to_cpu(p->crc) == ftl_group_crc(p);
}

/* The list of the newest page is all there is. */
static bool take_list(struct ftl_regroup *g, struct fio_group_page *p)
{
	struct ftl_groups *to = &g->f->group;
	u32 i;

	if (!page_good(p))
		return false;
	to->drops = le32_to_cpu(p->count);
	for (i = 0; i < to->drops; i++)
		to->drop[i] = (struct ftl_drop){
			.first = le64_to_cpu(p->drop[i].first),
			.last = le64_to_cpu(p->drop[i].last),
			.lu = le32_to_cpu(p->drop[i].lba), .len = le16_to_cpu(p->drop[i].len),
		};
	to->page_drops = to->drops;
	return true;
}

/**
 * ftl_regroup_page() - a page of type GROUP, with its content, that may be torn
 * @g: the scan, after all others
 * @tag: its tag
 * @unit: where it is
 * @p: content
 *
 * Context: attach.
 */
void ftl_regroup_page(struct ftl_regroup *g, const struct fio_tag *tag, u32 unit,
		      struct fio_group_page *p)
{
	if (!g->f->group.max || !is_newer(g, le64_to_cpu(tag->seq)) || !page_good(p))
		return;
	/* what there is without it must stay as well */
	g->pin = g->page;
	take_list(g, p);
	found(g, tag, unit);
	g->unread = false;
}

/* xslot is free. */
static int read_list(struct ftl_regroup *g)
{
	struct ftl *f = g->f;
	bool good;
	int err;

	if (!g->unread)
		return 0;
	if (!ftl_exec_get(f))
		return -ENODEV;
	err = ftl_fetch(f, g->page);
	f->rec.bytes_read += FIO_MEDIA_UNIT;
	good = !err && take_list(g, f->xslot.buf.va);
	ftl_exec_put(f);
	g->unread = false;
	return err == -ENODEV ? err : good ? 0 : -ENODATA;
}

/* Does the list name the group? It is not the proof that decides this. */
static bool is_named(const struct ftl_regroup *g, const struct ftl_member *m)
{
	const struct ftl_groups *to = &g->f->group;
	u32 i;

	for (i = 0; i < to->drops; i++) {
		const struct ftl_drop *d = &to->drop[i];

		if (d->lu == m->lu - m->index && d->len == m->len &&
		    !ftl_seq_after(d->first, m->seq) && !ftl_seq_after(m->seq, d->last))
			return true;
	}
	return false;
}

/* Groups below the proof, which are most of what an old medium has. */
static int take_proved(struct ftl_regroup *g)
{
	u32 i, n = 0;
	int err = 0;

	for (i = 0; i < g->n; i++) {
		const struct ftl_member *m = &g->m[i];

		if (err || !ftl_seq_after(g->proof, m->seq))
			g->m[n++] = *m;
		else if (!is_named(g, m))
			err = g->take(g->arg, m->lu, m->seq, m->unit);
	}
	g->n = n;
	return err;
}

/**
 * ftl_regroup_trim() - keep the memory that a scan needs short
 * @g: the scan
 *
 * Context: attach, xslot is free.
 * Return: 0 or -errno.
 */
int ftl_regroup_trim(struct ftl_regroup *g)
{
	int err;

	if (g->n < TRIM_AT || !g->unread)
		return 0;
	/* If it cannot be read that is said later. */
	err = read_list(g);
	g->unread = err == -ENODATA;
	return err == -ENODATA ? 0 : err ? err : take_proved(g);
}

/* ---- groups ------------------------------------------------------------------------------- */

static bool is_before(const struct ftl_member *a, const struct ftl_member *b)
{
	if (a->seq != b->seq)
		return ftl_seq_after(b->seq, a->seq);
	return a->index < b->index;
}

static void sift(struct ftl_member *m, u32 i, u32 n)
{
	struct ftl_member x = m[i];
	u32 c;

	for (; (c = 2 * i + 1) < n; i = c) {
		if (c + 1 < n && is_before(&m[c], &m[c + 1]))
			c++;
		if (!is_before(&x, &m[c]))
			break;
		m[i] = m[c];
	}
	m[i] = x;
}

/* By number, then by index. */
static void sort(struct ftl_member *m, u32 n)
{
	struct ftl_member x;
	u32 i;

	for (i = n / 2; i; i--)
		sift(m, i - 1, n);
	for (i = n; i > 1; i--) {
		x = m[0];
		m[0] = m[i - 1];
		m[i - 1] = x;
		sift(m, 0, i - 1);
	}
}

/* Where the group that begins at @from ends, and whether all its pages are there. */
static u32 group_end(const struct ftl_regroup *g, u32 from, bool *whole)
{
	const struct ftl_member *m = &g->m[from];
	u64 have = 0;
	u32 i;

	for (i = from; i < g->n && g->m[i].seq == m->seq; i++)
		if (g->m[i].len == m->len && g->m[i].lu - g->m[i].index == m->lu - m->index)
			have |= BIT_ULL(g->m[i].index);
	*whole = have == ~0ULL >> (64 - m->len);
	return i;
}

static int take_group(struct ftl_regroup *g, u32 from, u32 to)
{
	u32 i;
	int err = 0;

	for (i = from; !err && i < to; i++) {
		struct ftl_member *m = &g->m[i];

		g->f->stripe[ftl_unit_stripe(g->f, m->unit)].flags |= FTL_SF_PINNED;
		if (!m->done)
			err = g->take(g->arg, m->lu, m->seq, m->unit);
		m->done = true;
	}
	g->whole = true;
	return err;
}

/**
 * ftl_regroup_settle() - take what counts of all that was found so far
 * @g: the scan
 *
 * Pins the stripes that hold groups which count only because all their pages are there.
 *
 * Context: attach, xslot is free.
 * Return: 0; -ENODATA: the list cannot be read, call again to go on without; or -errno.
 */
int ftl_regroup_settle(struct ftl_regroup *g)
{
	int err = read_list(g);
	u32 i, end;
	bool whole;

	if (!err)
		err = take_proved(g);
	if (err)
		return err;
	sort(g->m, g->n);
	for (i = 0; !err && i < g->n; i = end) {
		end = group_end(g, i, &whole);
		if (whole && !is_named(g, &g->m[i]))
			err = take_group(g, i, end);
	}
	return err;
}

/*
 * Add a group to the list. Attempts at the same write that follow each other share an
 * entry: nothing that counts is between them.
 */
static int name_group(struct ftl_regroup *g, const struct ftl_member *m, u32 from)
{
	struct ftl_groups *to = &g->f->group;
	u32 i, lu = m->lu - m->index;

	for (i = from; i < to->drops; i++) {
		if (to->drop[i].lu != lu || to->drop[i].len != m->len)
			continue;
		to->drop[i].last = m->seq;
		return 0;
	}
	if (to->drops == FIO_GROUP_DROPS) {
		ftl_say(g->f, FTL_ERR, "more than %u atomic writes are not whole: attach read-only to save the data",
			FIO_GROUP_DROPS);
		return -EIO;
	}
	to->drop[to->drops++] = (struct ftl_drop){
		.first = m->seq, .last = m->seq, .lu = lu, .len = m->len,
	};
	return 0;
}

/* A group that counts ends the entry of earlier attempts at its range. */
static void close_entry(struct ftl_regroup *g, const struct ftl_member *m, u32 *from)
{
	struct ftl_groups *to = &g->f->group;
	struct ftl_drop d;
	u32 i;

	for (i = *from; i < to->drops; i++) {
		if (to->drop[i].lu != m->lu - m->index || to->drop[i].len != m->len)
			continue;
		d = to->drop[i];
		to->drop[i] = to->drop[*from];
		to->drop[(*from)++] = d;
		return;
	}
}

/**
 * ftl_regroup_end() - all has been found: what is left does not count
 * @g: the scan
 *
 * Context: attach.
 * Return: 0 or -errno.
 */
int ftl_regroup_end(struct ftl_regroup *g)
{
	struct ftl_groups *to = &g->f->group;
	u32 i, end, from = to->drops;
	bool whole;
	int err = 0;

	for (i = 0; !err && i < g->n; i = end) {
		const struct ftl_member *m = &g->m[i];

		end = group_end(g, i, &whole);
		if (is_named(g, m))
			continue;
		if (whole) {
			close_entry(g, m, &from);
			continue;
		}
		err = name_group(g, m, from);
		g->f->st.groups_dropped++;
	}
	g->fresh = g->whole || g->f->st.groups_dropped;
	to->page = g->page;
	if (g->f->st.groups_dropped)
		ftl_say(g->f, FTL_INFO, "%llu atomic writes were cut off: what was there before them counts",
			(unsigned long long)g->f->st.groups_dropped);
	return err;
}
