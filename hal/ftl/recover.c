// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recovery, second half: a map from what the flash says, after a cut.
 *
 * Owns: the rules by which one version of a unit wins, what is done about pages that
 * a cut may have torn. Does not know: how facts are found (scan.c), how a clean attach
 * works.
 *
 * Everything on flash is a fact with a sequence number: "unit l was written at
 * s, here" (a data tag), "l was unmapped at s" (a trim record, or a snapshot
 * whose entry is empty). The newest fact about a unit wins, so that the order in
 * which facts are found does not matter and repeating the scan is harmless.
 *
 * With a root (rolling.c) facts are looked for only where something was written since
 * the round began that it ends; the rest is in the snapshots of the map, whose entries
 * then count as well: "at S unit l was here, or somewhere newer". An entry may be an old
 * address, its stripe erased since. That shows, for the stripe was opened again after
 * the snapshot, or an append unit of it is not as it was; whatever superseded the entry
 * is a recent fact then. If ever it is not, a root was believed that should not have
 * been, and everything is scanned.
 *
 * Torn pages. The last page of an append unit that was open at the cut may read
 * well now and never again. Only the two youngest stripes of a stream can have
 * such (ftl_seal()); their last pages are read once, kept in memory, and
 * judged in a second round, after it is known which stripes the first round
 * needs. None of those is erased before every kept page that is still needed
 * has been written to a fresh stripe. So whatever becomes of the torn pages,
 * and wherever another cut comes, the next recovery finds a complete state.
 */
#include "rec.h"

#define SEQ_GAP		65536	/* between what was seen and what comes */
#define HOLE		(FIO_UNIT_NONE - 1)	/* an old address, and nothing newer found so far */

/* ---- facts --------------------------------------------------------------- */

void ftl_rec_see(struct rec *r, u64 seq)
{
	if (ftl_seq_after(seq, r->max_seq))
		r->max_seq = seq;
}

/* What came from a snapshot alone is as old as that, or newer. */
static int need_leaf(struct rec *r, u32 leaf)
{
	struct ftl *f = r->f;
	u64 seq = f->leaf[leaf] ? r->snap_seq[leaf] : r->never;
	u32 i;

	if (r->seq[leaf])
		return 0;
	r->seq[leaf] = ftl_alloc(f, FIO_MAP_FANOUT * sizeof(u64), FTL_MEM_SCAN);
	if (!r->seq[leaf] || ftl_map_add_leaf(f, leaf))
		return -ENOMEM;
	for (i = 0; i < FIO_MAP_FANOUT; i++)
		r->seq[leaf][i] = seq;
	return 0;
}

/*
 * Of two equal copies, is the one at @unit to be taken rather than @other? The one
 * in the older stripe: a copy that a cut interrupted then leaves nothing that is
 * needed in the stripe it went to, so that no number of cuts uses up the free
 * stripes. But not out of an append unit that may have been half erased.
 */
static bool better_copy(const struct rec *r, u32 unit, u32 other)
{
	u32 a = ftl_unit_au(r->f, unit), b = ftl_unit_au(r->f, other);
	bool bad_a = r->f->au[a] & FTL_AU_SUSPECT, bad_b = r->f->au[b] & FTL_AU_SUSPECT;

	if (bad_a != bad_b)
		return bad_b;
	return ftl_seq_after(r->probe[b].stripe_seq, r->probe[a].stripe_seq);
}

/* Unit @lu was written at @seq. */
static int fact_data(struct rec *r, u64 lu, u64 seq, u32 unit)
{
	u32 leaf = (u32)(lu >> 10), e = lu & (FIO_MAP_FANOUT - 1), old;

	if (lu >= r->f->user_units)
		return 0;
	if (need_leaf(r, leaf))
		return -ENOMEM;
	old = r->f->leaf[leaf][e];
	if (old != HOLE && !ftl_seq_after(seq, r->seq[leaf][e]) &&
	    (seq != r->seq[leaf][e] || old == FIO_UNIT_NONE || !better_copy(r, unit, old)))
		return 0;
	r->seq[leaf][e] = seq;
	r->f->leaf[leaf][e] = unit;
	return 0;
}

/* For ftl_regroup: a page of an atomic write counts. */
static int take_member(void *arg, u64 lu, u64 seq, u32 unit)
{
	return fact_data(arg, lu, seq, unit);
}

/* An atomic write's page may not count; but what unmaps it later must find its leaf. */
static int fact_page(struct rec *r, const struct fio_tag *tag, u32 unit)
{
	u64 lba = le64_to_cpu(tag->lba);
	int later = tag->group ? ftl_regroup_fact(&r->groups, tag, unit) : 0;

	if (!later)
		return fact_data(r, lba, le64_to_cpu(tag->seq), unit);
	return later < 0 ? later : need_leaf(r, (u32)(lba >> 10));
}

/* Unit @e of @leaf was not mapped as of @seq. */
static void fact_none(struct rec *r, u32 leaf, u32 e, u64 seq)
{
	if (!r->seq[leaf] || ftl_seq_after(r->seq[leaf][e], seq))
		return;
	r->seq[leaf][e] = seq;
	r->f->leaf[leaf][e] = FIO_UNIT_NONE;
}

static int fact_map(struct rec *r, u64 leaf, u64 seq, u32 unit)
{
	struct ftl *f = r->f;
	u32 old;

	if (leaf >= f->nleaves)
		return 0;
	old = f->leaf_unit[leaf];
	if (old != FIO_UNIT_NONE && !ftl_seq_after(seq, r->snap_seq[leaf]) &&
	    (seq != r->snap_seq[leaf] || !better_copy(r, unit, old)))
		return 0;
	f->leaf_unit[leaf] = unit;
	r->snap_seq[leaf] = seq;
	return 0;
}

static int fact_journal(struct rec *r, u64 nr, u32 unit)
{
	struct ftl *f = r->f;
	u32 cap = r->jcap ? r->jcap * 2 : 64;
	u32 *more;

	if (!ftl_seq_after(f->journal_nr, nr))
		f->journal_nr = nr + 1;
	if (r->jcount < r->jcap) {
		r->junit[r->jcount++] = unit;
		return 0;
	}
	more = ftl_alloc(f, cap * sizeof(u32), FTL_MEM_SCAN);
	if (!more)
		return -ENOMEM;
	if (r->jcount)
		memcpy(more, r->junit, r->jcount * sizeof(u32));
	ftl_free(f, r->junit, r->jcap * sizeof(u32), FTL_MEM_SCAN);
	r->junit = more;
	r->jcap = cap;
	r->junit[r->jcount++] = unit;
	return 0;
}

static void begin_set(struct rec *r, struct root_set *s, u64 seq)
{
	u32 i;

	s->seq = seq;
	s->count = 0;
	for (i = 0; i < r->f->root_cap; i++)
		s->unit[i] = FIO_UNIT_NONE;
}

/* The newest may be a half: then the one before is whole, for it was still needed. */
static void fact_root(struct rec *r, u64 index, u64 seq, u32 unit)
{
	struct root_set *s = r->root;

	if (index >= r->f->root_cap)
		return;
	if (!s[0].count || ftl_seq_after(seq, s[0].seq)) {
		swap(s[0], s[1]);
		begin_set(r, &s[0], seq);
	} else if (seq != s[0].seq) {
		s++;
		if (!s->count || ftl_seq_after(seq, s->seq))
			begin_set(r, s, seq);
		else if (seq != s->seq)
			return;
	}
	s->count += s->unit[index] == FIO_UNIT_NONE;
	s->unit[index] = unit;
}

/* A page that is certain. */
int ftl_rec_fact(struct rec *r, const struct fio_tag *tag, u32 unit)
{
	u64 lba = le64_to_cpu(tag->lba), seq = le64_to_cpu(tag->seq);

	/* a parity page's numbers are sums */
	if (tag->type == FIO_TAG_PARITY || le32_to_cpu(tag->media_id) != r->f->media_id ||
	    !ftl_seq_after(seq, r->never))
		return 0;
	ftl_rec_see(r, seq);
	ftl_rec_see(r, le64_to_cpu(tag->stripe_seq));
	ftl_place_learn(r->f, unit, tag);
	switch (tag->type) {
	case FIO_TAG_DATA:
		return fact_page(r, tag, unit);
	case FIO_TAG_MAP:
		return fact_map(r, lba, seq, unit);
	case FIO_TAG_JOURNAL:
		return fact_journal(r, lba, unit);
	case FIO_TAG_ROOT:
		fact_root(r, lba, seq, unit);
		return 0;
	case FIO_TAG_GROUP:
		ftl_regroup_found(&r->groups, tag, unit);
		return 0;
	default:
		return 0;
	}
}

int ftl_rec_keep(struct rec *r, u32 unit, const struct fio_tag *tag, const void *data)
{
	u64 lba = le64_to_cpu(tag->lba);
	struct kept *k;

	if (tag->type == FIO_TAG_PARITY || le32_to_cpu(tag->media_id) != r->f->media_id)
		return 0;
	/* Trims are applied before it is looked at: they must find its leaf. */
	if (tag->type == FIO_TAG_DATA && lba < r->f->user_units && need_leaf(r, (u32)(lba >> 10)))
		return -ENOMEM;
	k = ftl_alloc(r->f, sizeof(*k), FTL_MEM_SCAN);
	if (!k)
		return -ENOMEM;
	k->unit = unit;
	k->tag = *tag;
	memcpy(k->data, data, sizeof(k->data));
	ftl_list_add_tail(&k->link, &r->kept);
	return 0;
}

void ftl_rec_drop(struct rec *r, struct kept *k)
{
	ftl_list_del(&k->link);
	ftl_free(r->f, k, sizeof(*k), FTL_MEM_SCAN);
}

/* ---- pass 3: metadata pages ---------------------------------------------- */

/* Unit @e of @leaf was at @unit as of @seq; what is known is of pages' tags. */
static void fact_entry(struct rec *r, u32 leaf, u32 e, u64 seq, u32 unit, bool there)
{
	u32 *at = &r->f->leaf[leaf][e];

	if (r->seq[leaf] && ftl_seq_after(r->seq[leaf][e], seq))
		return;
	/* A copy that was made before is all there is left, or one that will be found. */
	if (!there && *at != FIO_UNIT_NONE)
		return;
	*at = there ? unit : HOLE;
	if (r->seq[leaf])
		r->seq[leaf][e] = seq;
}

static bool on_medium(const struct ftl *f, u32 unit)
{
	return unit < f->total_units && !(f->au[ftl_unit_au(f, unit)] & FTL_AU_SYSTEM);
}

/* Entries count where facts are not complete. */
static int apply_entries(struct rec *r, u32 leaf, const struct fio_map_leaf *page, u32 span)
{
	u64 seq = r->snap_seq[leaf], limit = seq + max(span, 1U);
	struct ftl *f = r->f;
	u32 e, unit;

	if (ftl_map_add_leaf(f, leaf))
		return -ENOMEM;
	for (e = 0; e < FIO_MAP_FANOUT; e++) {
		unit = le32_to_cpu(page->unit[e]);
		if (unit == FIO_UNIT_NONE)
			continue;
		if (!on_medium(f, unit) || ((u64)leaf << 10) + e >= f->user_units)
			return -EUCLEAN;
		fact_entry(r, leaf, e, seq, unit, ftl_rec_there(r, unit, limit));
	}
	return 0;
}

static void apply_gaps(struct rec *r, u32 leaf, const struct fio_map_leaf *page)
{
	u32 e;

	for (e = 0; r->seq[leaf] && e < FIO_MAP_FANOUT; e++)
		if (le32_to_cpu(page->unit[e]) == FIO_UNIT_NONE)
			fact_none(r, leaf, e, r->snap_seq[leaf]);
}

static int apply_snapshot(struct rec *r, u32 leaf, const struct fio_map_leaf *page,
			  const struct fio_tag *tag)
{
	apply_gaps(r, leaf, page);
	return r->bounded ? apply_entries(r, leaf, page, le32_to_cpu(tag->group)) : 0;
}

/* All tags together still know what is where, but not what was trimmed. */
static int lost_meta(struct rec *r, const char *what, u32 unit)
{
	if (r->bounded)
		return -EUCLEAN;
	ftl_say(r->f, FTL_ERR, "%s at unit %u cannot be read: trimmed data may reappear", what,
		unit);
	ftl_set_read_only(r->f, "metadata was lost to the medium");
	return 0;
}

/* A snapshot that failed in the vector, by itself. */
static int snapshot_alone(struct rec *r, u32 leaf)
{
	struct ftl *f = r->f;
	u32 unit = f->leaf_unit[leaf];
	int err;

	if (!ftl_exec_get(f))
		return -ENODEV;
	err = ftl_fetch(f, unit);
	if (!err)
		err = apply_snapshot(r, leaf, f->xslot.buf.va, &f->xslot.cmd->tag[0]);
	ftl_exec_put(f);
	return err == -ENODATA || err == -EIO ? lost_meta(r, "a snapshot of the map", unit) : err;
}

/* A leaf that was to come later is needed now. */
static int have_leaf(struct rec *r, u32 leaf)
{
	if (!r->late || r->f->leaf[leaf] || r->f->leaf_unit[leaf] == FIO_UNIT_NONE)
		return 0;
	return snapshot_alone(r, leaf);
}

/* Parts of a trim in one leaf; true: the journal still speaks for that leaf. */
static bool apply_trim(struct rec *r, u32 leaf, u64 from, u64 to, u64 seq)
{
	u64 base = (u64)leaf << 10, lu;

	if (r->f->leaf_unit[leaf] != FIO_UNIT_NONE && !ftl_seq_after(seq, r->snap_seq[leaf]))
		return false;
	if (!r->err)
		r->err = have_leaf(r, leaf);
	if (!r->f->leaf[leaf])
		return false;
	if (!r->err)
		r->err = need_leaf(r, leaf);
	if (r->err)
		return false;
	for (lu = max(from, base); lu < min(to, base + FIO_MAP_FANOUT); lu++)
		fact_none(r, leaf, lu & (FIO_MAP_FANOUT - 1), seq);
	ftl_map_mark(r->f, leaf, FTL_LEAF_TRIMMED);
	return true;
}

static bool apply_record(struct rec *r, const struct fio_journal_rec *rec)
{
	struct ftl *f = r->f;
	u64 from = le64_to_cpu(rec->lba), count = le64_to_cpu(rec->count);
	u64 seq = le64_to_cpu(rec->seq);
	bool needed = false;
	u32 leaf;

	if (rec->type != FIO_JREC_TRIM || from >= f->user_units || !count ||
	    count > f->user_units - from || !ftl_seq_after(seq, r->never))
		return false;
	ftl_rec_see(r, seq);
	for (leaf = (u32)(from >> 10); leaf <= (from + count - 1) >> 10; leaf++)
		needed |= apply_trim(r, leaf, from, from + count, seq);
	return needed;
}

/* True: the page is needed until snapshots replace it. */
static bool apply_journal(struct rec *r, struct fio_journal *j)
{
	u32 i, count = le32_to_cpu(j->count);
	bool needed = false;

	if (le64_to_cpu(j->magic) != FIO_JOURNAL_MAGIC || count > FIO_JOURNAL_RECS ||
	    le32_to_cpu(j->crc) != ftl_journal_crc(j))
		return false;
	for (i = 0; i < count; i++)
		needed |= apply_record(r, &j->rec[i]);
	r->f->rec.journal_pages++;
	return needed;
}

static bool snapshots_fill(struct ftl *f, struct ftl_slot *s, void *arg)
{
	struct rec *r = arg;
	u32 n = 0;

	for (; r->leaf < f->nleaves && n < f->geo.max_units; r->leaf++) {
		if (f->leaf_unit[r->leaf] == FIO_UNIT_NONE || (r->late && !r->seq[r->leaf]))
			continue;
		s->old[n] = r->leaf;
		s->cmd->unit[n++] = f->leaf_unit[r->leaf];
	}
	if (!n)
		return false;
	ftl_cmd_init(s->cmd, MEDIA_READ, n);
	s->cmd->buf = &s->buf;
	return true;
}

static int snapshots_reap(struct ftl *f, struct ftl_slot *s, void *arg)
{
	const struct fio_map_leaf *page = s->buf.va;
	u64 failed = failed_units(s->cmd);
	u32 i;
	int err = 0;

	if (s->cmd->status == MEDIA_GONE)
		return -ENODEV;
	f->rec.bytes_read += s->cmd->n * (FIO_MEDIA_UNIT + FIO_MEDIA_TAG);
	f->rec.leaves_loaded += s->cmd->n;
	for (i = 0; !err && i < s->cmd->n; i++) {
		if (failed >> i & 1 || !ftl_crc_ok(&page[i], &s->cmd->tag[i]))
			err = snapshot_alone(arg, s->old[i]);
		else
			err = apply_snapshot(arg, s->old[i], &page[i], &s->cmd->tag[i]);
	}
	return err;
}

static int load_snapshots(struct rec *r)
{
	static const struct ftl_pipe pipe = { snapshots_fill, snapshots_reap };

	r->leaf = 0;
	return ftl_pipe_run(r->f, &pipe, r);
}

/* Leaves in junit[] only the pages that are needed. */
static int load_journal(struct rec *r)
{
	struct ftl *f = r->f;
	u32 i, n = 0;
	int err = 0;

	for (i = 0; !err && i < r->jcount; i++) {
		if (!ftl_exec_get(f))
			return -ENODEV;
		err = ftl_fetch(f, r->junit[i]);
		f->rec.bytes_read += FIO_MEDIA_UNIT;
		memcpy(r->page_of_journal, f->xslot.buf.va, FIO_MEDIA_UNIT);
		ftl_exec_put(f);
		if (!err && apply_journal(r, (void *)r->page_of_journal))
			r->junit[n++] = r->junit[i];
		if (err && err != -ENODEV)
			err = lost_meta(r, "a journal page", r->junit[i]);
	}
	r->jcount = n;
	return err ? err : r->err;
}

/* ---- second round: pages that may be torn -------------------------------- */

static void pin(struct ftl *f, u32 unit)
{
	if (unit < f->total_units)
		f->stripe[ftl_unit_stripe(f, unit)].flags |= FTL_SF_PINNED;
}

/* What the first round needs must outlive the refresh. */
static void pin_first_round(struct rec *r)
{
	struct ftl *f = r->f;
	u32 leaf, e, i;

	for (leaf = 0; leaf < f->nleaves; leaf++) {
		pin(f, f->leaf_unit[leaf]);
		for (e = 0; f->leaf[leaf] && e < FIO_MAP_FANOUT; e++)
			pin(f, f->leaf[leaf][e]);
	}
	for (i = 0; i < r->jcount; i++)
		pin(f, r->junit[i]);
	pin(f, r->groups.page);
	pin(f, r->groups.pin);
}

/* What counts so far; without the list nobody can tell. */
static int settle_groups(struct rec *r)
{
	int err = ftl_regroup_settle(&r->groups);

	if (err != -ENODATA)
		return err;
	err = lost_meta(r, "the list of atomic writes", r->groups.page);
	return err ? err : ftl_regroup_settle(&r->groups);
}

/* What counts without pages that may be torn; of those, only what is true anyway. */
static int groups_first_round(struct rec *r)
{
	struct ftl_link *l;

	for (l = r->kept.next; l != &r->kept; l = l->next) {
		struct kept *k = container_of(l, struct kept, link);

		if (k->tag.type == FIO_TAG_GROUP)
			ftl_regroup_page(&r->groups, &k->tag, k->unit, (void *)k->data);
	}
	return settle_groups(r);
}

static int groups_second_round(struct rec *r)
{
	int err = settle_groups(r);

	return err ? err : ftl_regroup_end(&r->groups);
}

/* Is a snapshot of @leaf known that is the one the root knew, or newer? */
static bool snapshot_known(const struct rec *r, u32 leaf)
{
	if (r->age[leaf] == FIO_UNIT_NONE)
		return true;
	return r->f->leaf_unit[leaf] != FIO_UNIT_NONE &&
	       ((u32)r->snap_seq[leaf] == r->age[leaf] ||
		ftl_seq_after(r->snap_seq[leaf], r->root_seq));
}

/*
 * Snapshots written before the root were durable before it, torn or not as the pages
 * of their append units may look: the root counts on them. One behind it is complete if
 * the one before has been erased.
 */
static int kept_snapshots(struct rec *r, bool behind)
{
	struct ftl_link *l;
	int err = 0;

	for (l = r->kept.next; !err && l != &r->kept; l = l->next) {
		struct kept *k = container_of(l, struct kept, link);
		u64 leaf = le64_to_cpu(k->tag.lba);

		if (k->tag.type != FIO_TAG_MAP || leaf >= r->f->nleaves)
			continue;
		if (ftl_seq_after(le64_to_cpu(k->tag.seq), r->root_seq) == behind &&
		    (!behind || !snapshot_known(r, (u32)leaf)))
			err = ftl_rec_fact(r, &k->tag, k->unit);
	}
	return err;
}

/* All that the root counts on; else it is of no use. */
static int find_snapshots(struct rec *r)
{
	int err = kept_snapshots(r, false);
	u32 leaf;

	if (!err)
		err = kept_snapshots(r, true);
	for (leaf = 0; !err && leaf < r->f->nleaves; leaf++)
		err = snapshot_known(r, leaf) ? 0 : -EUCLEAN;
	return err;
}

/*
 * Of a snapshot behind the root only the gaps are news, for they may stand for trims
 * whose records were forgotten; where everything else is has been found without it.
 */
static int kept_fact(struct rec *r, const struct kept *k)
{
	u64 lba = le64_to_cpu(k->tag.lba), leaf;
	int err = 0;

	if (k->tag.type != FIO_TAG_DATA && k->tag.type != FIO_TAG_MAP)
		return 0;
	leaf = k->tag.type == FIO_TAG_DATA ? lba >> 10 : lba;
	if (leaf < r->f->nleaves)
		err = have_leaf(r, (u32)leaf);
	if (!err && k->tag.type == FIO_TAG_MAP && leaf < r->f->nleaves && r->f->leaf[leaf])
		err = need_leaf(r, (u32)leaf);
	return err ? err : ftl_rec_fact(r, &k->tag, k->unit);
}

static int second_round(struct rec *r)
{
	struct ftl_link *l;
	int err = 0;

	for (l = r->kept.next; !err && l != &r->kept; l = l->next) {
		struct kept *k = container_of(l, struct kept, link);

		err = kept_fact(r, k);
		ftl_rec_see(r, le64_to_cpu(k->tag.seq));
		ftl_rec_see(r, le64_to_cpu(k->tag.stripe_seq));
	}
	for (l = r->kept.next; l != &r->kept; l = l->next) {
		struct kept *k = container_of(l, struct kept, link);
		u64 lba = le64_to_cpu(k->tag.lba);

		if (k->tag.type == FIO_TAG_MAP && lba < r->f->nleaves &&
		    r->f->leaf_unit[lba] == k->unit)
			apply_gaps(r, (u32)lba, (const void *)k->data);
	}
	for (l = r->kept.next; !err && l != &r->kept; l = l->next) {
		struct kept *k = container_of(l, struct kept, link);

		if (k->tag.type == FIO_TAG_JOURNAL && apply_journal(r, (void *)k->data))
			err = ftl_rec_fact(r, &k->tag, k->unit);
	}
	return err ? err : r->err;
}

/* An address that nothing has superseded: the root was not to be believed. */
static int no_holes(struct rec *r)
{
	struct ftl *f = r->f;
	u32 leaf, e;

	for (leaf = 0; leaf < f->nleaves; leaf++)
		for (e = 0; f->leaf[leaf] && e < FIO_MAP_FANOUT; e++)
			if (f->leaf[leaf][e] == HOLE)
				return -EUCLEAN;
	return 0;
}

/* ---- taking over --------------------------------------------------------- */

static int adopt_journal(struct rec *r)
{
	struct ftl *f = r->f;
	u32 i;

	f->journal_cap = r->jcount + f->journal_max + 8;
	f->journal = ftl_alloc(f, f->journal_cap * sizeof(u32), FTL_MEM_CORE);
	if (!f->journal)
		return -ENOMEM;
	for (i = 0; i < r->jcount; i++)
		ftl_journal_add(f, r->junit[i]);
	return 0;
}

static void count_valid(struct rec *r)
{
	struct ftl *f = r->f;
	u32 leaf, e, i;

	for (i = 0; r->bounded && i < r->root[0].count; i++)
		ftl_root_add(f, r->root[0].unit[i]);
	ftl_root_settle(f, true);
	if (f->group.page != FIO_UNIT_NONE)
		ftl_stripe_get(f, f->group.page);
	for (leaf = 0; leaf < f->nleaves; leaf++) {
		if (f->leaf_unit[leaf] != FIO_UNIT_NONE) {
			ftl_stripe_get(f, f->leaf_unit[leaf]);
			f->leaf_age[leaf] = (u32)r->snap_seq[leaf];
		}
		if (!f->leaf[leaf])
			continue;
		if (!r->bounded || r->seq[leaf])
			ftl_map_mark(f, leaf, FTL_LEAF_DIRTY);
		for (e = 0; e < FIO_MAP_FANOUT; e++) {
			if (f->leaf[leaf][e] == FIO_UNIT_NONE)
				continue;
			ftl_stripe_get(f, f->leaf[leaf][e]);
			f->st.units_mapped++;
		}
	}
}

static void sort_stripes(struct rec *r)
{
	struct ftl *f = r->f;
	u32 s, d;

	for (s = 0; s < f->geo.aus; s++) {
		struct ftl_stripe *st = &f->stripe[s];
		bool erased = true;

		if (st->state == FTL_S_UNUSABLE)
			continue;
		for (d = 0; d < f->geo.dies; d++) {
			u32 au = ftl_au_index(f, s, d);

			if (scannable(f, au))
				erased = false;
			if (r->probe[au].ok && r->probe[au].ours) {
				st->seq = r->probe[au].stripe_seq;
				st->stream = r->probe[au].stream < FTL_STREAMS ?
					     r->probe[au].stream : FTL_GC;
			}
		}
		if (r->late && !erased)
			st->flags |= FTL_SF_UNCOUNTED;
		else if (!st->valid && !(st->flags & FTL_SF_PINNED))
			ftl_stripe_set_free(f, s, erased ? FTL_S_READY : FTL_S_FREE);
	}
}

/* ---- refresh ------------------------------------------------------------- */

static bool still_needed(const struct ftl *f, const struct kept *k)
{
	u64 lba = le64_to_cpu(k->tag.lba);

	switch (k->tag.type) {
	case FIO_TAG_DATA:
		return lba < f->user_units && ftl_lookup(f, lba) == k->unit;
	case FIO_TAG_MAP:
		return lba < f->nleaves && f->leaf_unit[lba] == k->unit;
	case FIO_TAG_JOURNAL:
		return ftl_journal_live(f, k->unit);
	case FIO_TAG_GROUP:
		return ftl_group_live(f, k->unit);
	default:
		return false;
	}
}

/* Lock held. */
static void moved(struct ftl *f, const struct kept *k, u32 to)
{
	u64 lba = le64_to_cpu(k->tag.lba);

	if (k->tag.type == FIO_TAG_DATA) {
		ftl_map_relocate(f, lba, k->unit, to);
	} else if (k->tag.type == FIO_TAG_JOURNAL) {
		ftl_journal_relocate(f, k->unit, to);
	} else if (k->tag.type == FIO_TAG_GROUP) {
		ftl_group_relocate(f, k->unit, to);
	} else {
		f->leaf_unit[lba] = to;
		ftl_stripe_get(f, to);
		ftl_stripe_put(f, k->unit);
	}
}

/* One attempt at writing a kept page to the collector's frontier, durably. */
static int rewrite_once(struct ftl *f, const struct kept *k)
{
	struct media_cmd *cmd;
	unsigned long flags;
	int err = ftl_prepare(f, 1);

	cmd = err < 0 ? NULL : ftl_exec_get(f);
	if (!cmd)
		return -ENODEV;
	flags = ftl_lock(&f->lock);
	err = ftl_reserve(f, FTL_GC, 1, cmd->unit) ? 0 : -ENOSPC;
	ftl_unlock(&f->lock, flags);
	if (err)
		goto out;
	memcpy(f->xslot.buf.va, k->data, FIO_MEDIA_UNIT);
	ftl_tag_fill(f, &cmd->tag[0], k->tag.type, le64_to_cpu(k->tag.lba),
		     le64_to_cpu(k->tag.seq), cmd->unit[0]);
	cmd->tag[0].flags = k->tag.flags;
	cmd->tag[0].group = k->tag.group;
	cmd->tag[0].group_index = k->tag.group_index;
	cmd->tag[0].group_len = k->tag.group_len;
	ftl_cmd_init(cmd, MEDIA_APPEND, 1);
	cmd->buf = &f->xslot.buf;
	cmd->flags = MEDIA_F_FUA | ftl_append_flags(f);
	err = ftl_exec(f);
	if (err == -ENODEV)
		goto out;
	flags = ftl_lock(&f->lock);
	if (ftl_unit_appended(f, cmd, 0)) {
		moved(f, k, cmd->unit[0]);
		ftl_append_ok(f, cmd->unit[0]);
	} else {
		ftl_append_failed(f, cmd->unit[0], cmd->status);
		err = -EIO;
	}
	ftl_unlock(&f->lock, flags);
out:
	ftl_exec_put(f);
	return err;
}

static int rewrite(struct ftl *f, const struct kept *k)
{
	u32 tries;
	int err = -EIO;

	for (tries = 0; err == -EIO && tries < FTL_APPEND_TRIES; tries++)
		err = rewrite_once(f, k);
	if (!err)
		f->rec.units_rewritten++;
	return err;
}

/* The collector needs a free stripe to begin with: what recovery must not take. */
static bool may_rewrite(const struct ftl *f)
{
	return f->front[FTL_GC].room || f->free_units >= 2 * (u64)f->stripe_data;
}

/* Before anything is erased: afterwards its unit may hold something else. */
static void drop_dead(struct rec *r)
{
	struct ftl_link *l, *next;

	for (l = r->kept.next; l != &r->kept; l = next) {
		struct kept *k = container_of(l, struct kept, link);

		next = l->next;
		if (!still_needed(r->f, k))
			ftl_rec_drop(r, k);
	}
}

static void unpin_all(struct ftl *f)
{
	u32 s;

	for (s = 0; s < f->geo.aus; s++)
		f->stripe[s].flags &= ~FTL_SF_PINNED;
}

/*
 * Pages written in the moment of a cut may be weak, so they are written again
 * where there is room; they have been confirmed, so nothing is lost where not.
 */
static int refresh(struct rec *r)
{
	struct ftl *f = r->f;
	struct ftl_link *l;
	u32 left = 0;
	int err = 0;

	drop_dead(r);
	for (l = r->kept.next; err != -ENODEV && l != &r->kept; l = l->next) {
		err = may_rewrite(f) ? rewrite(f, container_of(l, struct kept, link)) : -ENOSPC;
		left += !!err;
	}
	if (left && err != -ENODEV)
		ftl_say(f, FTL_WARN, "%u units written when the power was cut stay where they are for lack of room; they read well",
			left);
	if (err != -ENODEV)
		err = ftl_sync(f);
	unpin_all(f);
	/* Nothing that shows which atomic writes are whole has been erased till now. */
	if (!err && r->groups.fresh)
		err = ftl_group_commit(f);
	return err;
}

static u32 dies_offline(const struct ftl *f)
{
	u32 d, au, n = 0;

	for (d = 0; d < f->geo.dies; d++) {
		for (au = d; au < nr_aus(f) && !(f->au[au] & FTL_AU_OFFLINE); au += f->geo.dies)
			;
		n += au < nr_aus(f);
	}
	return n;
}

/* ---- all of it ----------------------------------------------------------- */

static int rec_init(struct rec *r, struct ftl *f)
{
	r->f = f;
	ftl_list_init(&r->kept);
	ftl_regroup_begin(&r->groups, f, take_member, r);
	r->never = le64_to_cpu(f->super->seq_base) - 1;
	r->max_seq = le64_to_cpu(f->super->seq);
	r->seq = ftl_alloc(f, f->nleaves * sizeof(*r->seq), FTL_MEM_SCAN);
	r->snap_seq = ftl_alloc(f, f->nleaves * sizeof(u64), FTL_MEM_SCAN);
	r->probe = ftl_alloc(f, nr_aus(f) * sizeof(*r->probe), FTL_MEM_SCAN);
	r->recent = ftl_alloc(f, f->geo.aus, FTL_MEM_SCAN);
	r->plain = ftl_alloc(f, f->geo.aus, FTL_MEM_SCAN);
	r->age = ftl_alloc(f, f->nleaves * sizeof(u32), FTL_MEM_SCAN);
	r->root[0].unit = ftl_alloc(f, f->root_cap * sizeof(u32), FTL_MEM_SCAN);
	r->root[1].unit = ftl_alloc(f, f->root_cap * sizeof(u32), FTL_MEM_SCAN);
	return r->seq && r->snap_seq && r->probe && r->recent && r->plain && r->age &&
	       r->root[0].unit && r->root[1].unit ? 0 : -ENOMEM;
}

void ftl_rec_free(struct rec *r)
{
	struct ftl *f = r->f;
	u32 i;

	while (!ftl_list_empty(&r->kept))
		ftl_rec_drop(r, container_of(r->kept.next, struct kept, link));
	for (i = 0; r->seq && i < f->nleaves; i++)
		ftl_free(f, r->seq[i], FIO_MAP_FANOUT * sizeof(u64), FTL_MEM_SCAN);
	ftl_free(f, r->seq, f->nleaves * sizeof(*r->seq), FTL_MEM_SCAN);
	ftl_free(f, r->snap_seq, f->nleaves * sizeof(u64), FTL_MEM_SCAN);
	ftl_free(f, r->probe, nr_aus(f) * sizeof(*r->probe), FTL_MEM_SCAN);
	ftl_free(f, r->recent, f->geo.aus, FTL_MEM_SCAN);
	ftl_free(f, r->plain, f->geo.aus, FTL_MEM_SCAN);
	ftl_free(f, r->age, f->nleaves * sizeof(u32), FTL_MEM_SCAN);
	ftl_free(f, r->root[0].unit, f->root_cap * sizeof(u32), FTL_MEM_SCAN);
	ftl_free(f, r->root[1].unit, f->root_cap * sizeof(u32), FTL_MEM_SCAN);
	ftl_free(f, r->junit, r->jcap * sizeof(u32), FTL_MEM_SCAN);
	ftl_regroup_free(&r->groups);
	ftl_free(f, r, sizeof(*r), FTL_MEM_SCAN);
}

static u64 now(const struct ftl *f)
{
	return f->env.now_ns(f->env.ctx);
}

/*
 * What recovery writes (pages that may be torn, the list of atomic writes) goes to
 * erased stripes only while it is not known which others hold nothing. A stripe for
 * copies, one for metadata, and one more of each if an append fails.
 */
#define LATE_STRIPES	4

static bool enough_erased(const struct ftl *f)
{
	u32 s, d, n = 0;

	for (s = 0; s < f->geo.aus && n < LATE_STRIPES; s++) {
		for (d = 0; d < f->geo.dies && !scannable(f, ftl_au_index(f, s, d)); d++)
			;
		n += d == f->geo.dies && f->stripe[s].size;
	}
	return n == LATE_STRIPES;
}

static int resolve(struct rec *r)
{
	int err = r->bounded ? find_snapshots(r) : 0;

	r->late &= enough_erased(r->f);
	if (!err)
		err = load_snapshots(r);
	if (!err)
		err = load_journal(r);
	if (!err)
		err = groups_first_round(r);
	if (err)
		return err;
	pin_first_round(r);
	err = second_round(r);
	if (!err)
		err = groups_second_round(r);
	if (!err)
		err = no_holes(r);
	if (!err)
		err = adopt_journal(r);
	if (err)
		return err;
	count_valid(r);
	sort_stripes(r);
	r->f->seq = r->max_seq + SEQ_GAP;
	r->f->trim_seq = r->max_seq;
	return 0;
}

static int recover(struct rec *r)
{
	struct ftl *f = r->f;
	u64 t0 = now(f), t1, t2;
	int err = ftl_scan(r);

	if (!err)
		err = ftl_scan_missing_die(r);
	t1 = now(f);
	f->rec.ns_scan = t1 - t0;
	if (!err)
		err = resolve(r);
	t2 = now(f);
	if (f->inspect)
		unpin_all(f);
	else if (!err)
		err = refresh(r);
	if (!err)
		ftl_group_attach(f, r->groups.fresh && !f->inspect ? f->group.proved :
							   r->groups.proof);
	f->rec.ns_refresh = now(f) - t2;
	if (r->unreadable)
		ftl_say(f, FTL_WARN, "%u units could not be read during recovery; those a power cut interrupted are meant to be dropped",
			r->unreadable);
	return err;
}

/* Whatever the attempt left. */
static void forget_attempt(struct ftl *f)
{
	u64 bytes = f->rec.bytes_read;

	unpin_all(f);
	ftl_map_reset(f);
	memset(&f->rec, 0, sizeof(f->rec));
	f->rec.bytes_read = bytes;
}

static int attempt(struct ftl *f, bool bounded, bool late)
{
	struct rec *r = ftl_alloc(f, sizeof(*r), FTL_MEM_SCAN);
	int err;

	if (!r)
		return -ENOMEM;
	err = rec_init(r, f);
	r->bounded = bounded;
	r->late = late;
	if (!err)
		err = recover(r);
	f->rec.bounded = r->bounded;
	if (!err && r->late && r->bounded)
		err = ftl_late_begin(f, r);
	if (!f->late)
		ftl_rec_free(r);
	return err;
}

/**
 * ftl_recover() - rebuild the map from the medium
 * @f: the instance, map empty, append units reported
 * @all: look at everything, whatever a root says
 * @late: snapshots that nothing is known to contradict may be read later
 *
 * Context: attach; sleeps.
 * Return: 0 or -errno.
 */
int ftl_recover(struct ftl *f, bool all, bool late)
{
	int err;

	if (f->offline_aus && (!ftl_has_parity(f) || dies_offline(f) > 1)) {
		ftl_say(f, FTL_ERR, "%u append units are on a die that does not answer: recovery would present old data as new; bring the die back",
			f->offline_aus);
		return -EIO;
	}
	err = attempt(f, !all && !f->offline_aus, late);
	if (err == -EUCLEAN) {
		ftl_say(f, FTL_WARN, "the checkpoint does not tell all: scanning everything");
		forget_attempt(f);
		err = attempt(f, false, false);
	}
	if (!err)
		ftl_say(f, FTL_INFO, "recovered%s: %llu units scanned, %llu hold data, %llu refreshed, %llu journal pages",
			f->rec.bounded ? " from the checkpoint" : "",
			(unsigned long long)f->rec.units_scanned,
			(unsigned long long)f->st.units_mapped,
			(unsigned long long)f->rec.units_rewritten,
			(unsigned long long)f->rec.journal_pages);
	return err;
}
