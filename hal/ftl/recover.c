// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recovery: the map from page tags alone, after a cut.
 *
 * Owns: the scan, the rules by which one version of a unit wins, what is done
 * about pages that a cut may have torn. Does not know: how a clean attach works.
 *
 * Everything on flash is a fact with a sequence number: "unit l was written at
 * s, here" (a data tag), "l was unmapped at s" (a trim record, or a snapshot
 * whose entry is empty). The newest fact about a unit wins, so that the order in
 * which facts are found does not matter and repeating the scan is harmless.
 *
 * Torn pages. The last page of an append unit that was open at the cut may read
 * well now and never again. Only the two youngest stripes of a stream can have
 * such (ftl_seal()); their last pages are read once, kept in memory, and
 * judged in a second round, after it is known which stripes the first round
 * needs. None of those is erased before every kept page that is still needed
 * has been written to a fresh stripe. So whatever becomes of the torn pages,
 * and wherever another cut comes, the next recovery finds a complete state.
 */
#include "ftl_priv.h"

#define TAG_STREAMS	32	/* stream numbers that tags can be told apart by */
static_assert(FTL_STREAMS <= TAG_STREAMS);

#define SEQ_GAP		65536	/* between what was seen and what comes */

/* What the first page of an append unit tells. */
struct probe {
	u64 stripe_seq;
	u8 stream;
	bool ok;
	bool ours;
};

/* A page that may be torn, read once. */
struct kept {
	struct ftl_link link;
	u32 unit;
	struct fio_tag tag;
	u8 data[FIO_MEDIA_UNIT];
};

struct rec {
	struct ftl *f;
	u64 never;		/* older than every sequence number of this format */
	u64 max_seq;
	u64 **seq;		/* by leaf: version of each unit */
	u64 *snap_seq;		/* by leaf: version of leaf_unit[] */
	struct probe *probe;
	u64 top[TAG_STREAMS][2];
	u32 ntop[TAG_STREAMS];
	struct ftl_link kept;
	u32 *junit;		/* journal pages found, or needed */
	u32 jcount, jcap;
	u32 au, page, leaf;	/* cursors */
	u32 unreadable;
	u32 percent;
};

static u32 nr_aus(const struct ftl *f)
{
	return f->geo.aus * f->geo.dies;
}

/* ---- facts --------------------------------------------------------------- */

static void see(struct rec *r, u64 seq)
{
	if (ftl_seq_after(seq, r->max_seq))
		r->max_seq = seq;
}

static int need_leaf(struct rec *r, u32 leaf)
{
	struct ftl *f = r->f;
	u32 i;

	if (r->seq[leaf])
		return 0;
	r->seq[leaf] = ftl_alloc(f, FIO_MAP_FANOUT * sizeof(u64), FTL_MEM_SCAN);
	if (!r->seq[leaf] || ftl_map_add_leaf(f, leaf))
		return -ENOMEM;
	for (i = 0; i < FIO_MAP_FANOUT; i++)
		r->seq[leaf][i] = r->never;
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
	if (!ftl_seq_after(seq, r->seq[leaf][e]) &&
	    (seq != r->seq[leaf][e] || old == FIO_UNIT_NONE || !better_copy(r, unit, old)))
		return 0;
	r->seq[leaf][e] = seq;
	r->f->leaf[leaf][e] = unit;
	return 0;
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

/* A page that is certain. */
static int fact(struct rec *r, const struct fio_tag *tag, u32 unit)
{
	u64 lba = le64_to_cpu(tag->lba), seq = le64_to_cpu(tag->seq);

	/* a parity page's numbers are sums */
	if (tag->type == FIO_TAG_PARITY || le32_to_cpu(tag->media_id) != r->f->media_id ||
	    !ftl_seq_after(seq, r->never))
		return 0;
	see(r, seq);
	see(r, le64_to_cpu(tag->stripe_seq));
	ftl_place_learn(r->f, unit, tag);
	switch (tag->type) {
	case FIO_TAG_DATA:
		return fact_data(r, lba, seq, unit);
	case FIO_TAG_MAP:
		return fact_map(r, lba, seq, unit);
	case FIO_TAG_JOURNAL:
		return fact_journal(r, lba, unit);
	default:
		return 0;
	}
}

static int keep(struct rec *r, u32 unit, const struct fio_tag *tag, const void *data)
{
	struct kept *k;

	if (tag->type == FIO_TAG_PARITY || le32_to_cpu(tag->media_id) != r->f->media_id)
		return 0;
	k = ftl_alloc(r->f, sizeof(*k), FTL_MEM_SCAN);
	if (!k)
		return -ENOMEM;
	k->unit = unit;
	k->tag = *tag;
	memcpy(k->data, data, sizeof(k->data));
	ftl_list_add_tail(&k->link, &r->kept);
	return 0;
}

static void drop_kept(struct rec *r, struct kept *k)
{
	ftl_list_del(&k->link);
	ftl_free(r->f, k, sizeof(*k), FTL_MEM_SCAN);
}

/* ---- pass 1: the first page of every append unit ------------------------- */

static bool scannable(const struct ftl *f, u32 au)
{
	return !(f->au[au] & (FTL_AU_BAD | FTL_AU_SYSTEM | FTL_AU_ERASED));
}

static bool probe_fill(struct ftl *f, struct ftl_slot *s, void *arg)
{
	struct rec *r = arg;
	u32 n = 0;

	for (; r->au < nr_aus(f) && n < f->geo.max_units; r->au++) {
		if (!scannable(f, r->au))
			continue;
		s->old[n] = r->au;
		s->cmd->unit[n++] = r->au * f->geo.pages;
	}
	if (!n)
		return false;
	ftl_cmd_init(s->cmd, MEDIA_READ, n);
	s->cmd->buf = &s->buf;
	return true;
}

/* May the first page be the last, that is: torn? */
static bool lonely(const struct ftl *f, u32 au)
{
	return f->au[au] & FTL_AU_SUSPECT || f->au_wp[au] <= 1;
}

static int probed(struct rec *r, u32 au, const struct fio_tag *tag, const void *data)
{
	struct ftl *f = r->f;
	struct probe *p = &r->probe[au];

	if (!ftl_crc_ok(data, tag))
		return 0;
	p->ok = true;
	p->ours = le32_to_cpu(tag->media_id) == f->media_id;
	p->stripe_seq = le64_to_cpu(tag->stripe_seq);
	p->stream = tag->stream & (TAG_STREAMS - 1);
	return lonely(f, au) ? keep(r, au * f->geo.pages, tag, data) : 0;
}

/* A page that failed in a vector, by itself and through the retry levels. */
static int probe_alone(struct rec *r, u32 au)
{
	struct ftl *f = r->f;
	struct media_cmd *cmd = ftl_exec_get(f);
	int err;

	if (!cmd)
		return -ENODEV;
	err = ftl_exec_read(f, au * f->geo.pages, true);
	if (!err)
		err = probed(r, au, &cmd->tag[0], f->xslot.buf.va);
	ftl_exec_put(f);
	return err == -ENODATA || err == -EIO ? 0 : err;
}

static u64 failed_units(const struct media_cmd *cmd)
{
	return cmd->status && !cmd->failed ? ~0ULL : cmd->status ? cmd->failed : 0;
}

static int probe_reap(struct ftl *f, struct ftl_slot *s, void *arg)
{
	u64 failed = failed_units(s->cmd);
	u32 i;
	int err = 0;

	if (s->cmd->status == MEDIA_GONE)
		return -ENODEV;
	f->rec.bytes_read += s->cmd->n * (FIO_MEDIA_UNIT + FIO_MEDIA_TAG);
	for (i = 0; !err && i < s->cmd->n; i++) {
		const u8 *data = (const u8 *)s->buf.va + i * FIO_MEDIA_UNIT;

		if (failed >> i & 1)
			err = probe_alone(arg, s->old[i]);
		else
			err = probed(arg, s->old[i], &s->cmd->tag[i], data);
	}
	return err;
}

/* ---- which append units were open at the cut ----------------------------- */

static void rank(struct rec *r, u32 stream, u64 seq)
{
	u64 *top = r->top[stream];
	u32 *n = &r->ntop[stream];

	if ((*n > 0 && top[0] == seq) || (*n > 1 && top[1] == seq))
		return;
	if (*n == 0 || ftl_seq_after(seq, top[0])) {
		top[1] = top[0];
		top[0] = seq;
		*n = min(*n + 1, 2U);
	} else if (*n == 1 || ftl_seq_after(seq, top[1])) {
		top[1] = seq;
		*n = 2;
	}
}

static void rank_all(struct rec *r)
{
	u32 au;

	for (au = 0; au < nr_aus(r->f); au++)
		if (r->probe[au].ok && r->probe[au].ours)
			rank(r, r->probe[au].stream, r->probe[au].stripe_seq);
}

static bool suspect(const struct rec *r, u32 au)
{
	const struct probe *p = &r->probe[au];
	const u64 *top = r->top[p->stream];

	if (r->f->au[au] & FTL_AU_SUSPECT || !p->ok)
		return true;
	return (r->ntop[p->stream] > 0 && p->stripe_seq == top[0]) ||
	       (r->ntop[p->stream] > 1 && p->stripe_seq == top[1]);
}

static u32 pages_of(const struct ftl *f, u32 au)
{
	return f->au[au] & FTL_AU_SUSPECT ? f->geo.pages : f->au_wp[au];
}

/* ---- pass 2: tags -------------------------------------------------------- */

static void progress(struct rec *r)
{
	u32 pct = (u32)((u64)r->au * 90 / nr_aus(r->f));

	if (pct > r->percent)
		r->f->env.progress(r->f->env.ctx, pct);
	r->percent = max(pct, r->percent);
}

static bool scan_fill(struct ftl *f, struct ftl_slot *s, void *arg)
{
	struct rec *r = arg;
	u32 n = 0;

	while (r->au < nr_aus(f) && n < f->geo.max_units) {
		if (!scannable(f, r->au) || suspect(r, r->au) || !r->probe[r->au].ours ||
		    r->page >= f->au_wp[r->au]) {
			r->au++;
			r->page = 0;
			continue;
		}
		s->old[n] = r->au * f->geo.pages + r->page++;
		s->cmd->unit[n] = s->old[n];
		n++;
	}
	progress(r);
	if (!n)
		return false;
	ftl_cmd_init(s->cmd, MEDIA_READ, n);
	return true;
}

/* A page that cannot be read, but perhaps computed; 0: known, if only not to exist. */
static int scan_computed(struct rec *r, u32 unit)
{
	struct fio_tag tag;
	int err = ftl_rebuild(r->f, unit, &tag);

	if (!err)
		return fact(r, &tag, unit);
	if (err == -ENODATA)
		r->unreadable++;
	return err == -ENOENT ? 0 : err;
}

static int scan_alone(struct rec *r, u32 unit)
{
	struct ftl *f = r->f;
	struct media_cmd *cmd = ftl_exec_get(f);
	int err;

	if (!cmd)
		return -ENODEV;
	err = ftl_exec_read(f, unit, false);
	if (!err)
		err = fact(r, &cmd->tag[0], unit);
	else if (cmd->status != MEDIA_ERASED)
		err = scan_computed(r, unit);
	ftl_exec_put(f);
	return err == -ENODATA || err == -EIO ? 0 : err;
}

static int scan_reap(struct ftl *f, struct ftl_slot *s, void *arg)
{
	u64 failed = failed_units(s->cmd);
	u32 i;
	int err = 0;

	if (s->cmd->status == MEDIA_GONE)
		return -ENODEV;
	f->rec.units_scanned += s->cmd->n;
	f->rec.bytes_read += s->cmd->n * FIO_MEDIA_TAG;
	for (i = 0; !err && i < s->cmd->n; i++)
		err = failed >> i & 1 ? scan_alone(arg, s->old[i]) :
					fact(arg, &s->cmd->tag[i], s->old[i]);
	return err;
}

/*
 * An append unit that may end in a torn page: data and tag in one read, each page
 * once, always holding the last good page back until it is known not to be the
 * last one programmed.
 */
struct tail {
	u32 unit;
	struct fio_tag tag;
	bool held;
};

/* A page was programmed behind the one held: that one is complete. */
static int tail_settle(struct rec *r, struct tail *t)
{
	if (!t->held)
		return 0;
	t->held = false;
	return fact(r, &t->tag, t->unit);
}

/* A good page: it is held now. */
static int tail_good(struct rec *r, struct tail *t, u32 unit, const struct fio_tag *tag,
		     u8 *held, const void *data)
{
	int err = tail_settle(r, t);

	t->held = true;
	t->unit = unit;
	t->tag = *tag;
	memcpy(held, data, FIO_MEDIA_UNIT);
	return err ? err : 1;
}

/* A page that failed in the vector. 1: go on; 0: behind the last page; -errno. */
static int tail_alone(struct rec *r, struct tail *t, u32 unit, u8 *held)
{
	struct ftl *f = r->f;
	struct media_cmd *cmd = ftl_exec_get(f);
	int err;

	if (!cmd)
		return -ENODEV;
	err = ftl_exec_read(f, unit, true);
	if (err == -ENODEV || cmd->status == MEDIA_ERASED) {
		err = err == -ENODEV ? err : 0;
	} else if (!err) {
		err = tail_good(r, t, unit, &cmd->tag[0], held, f->xslot.buf.va);
	} else {
		r->unreadable++;
		err = tail_settle(r, t);
		err = err ? err : 1;
	}
	ftl_exec_put(f);
	return err;
}

/* Several pages in one command. 1: go on; 0: behind the last page; -errno. */
static int tail_vector(struct rec *r, struct tail *t, u32 unit, u32 n, u8 *held)
{
	struct ftl *f = r->f;
	struct ftl_slot *s = &f->slot[0];
	struct media_cmd *cmd = ftl_slot_begin(f, s);
	u64 failed;
	u32 i;
	int err;

	if (!cmd)
		return -ENODEV;
	for (i = 0; i < n; i++)
		cmd->unit[i] = unit + i;
	ftl_cmd_init(cmd, MEDIA_READ, n);
	cmd->buf = &s->buf;
	err = ftl_slot_exec(f, s) == -ENODEV ? -ENODEV : 1;
	failed = failed_units(cmd);
	for (i = 0; err == 1 && i < n; i++) {
		const u8 *data = (const u8 *)s->buf.va + i * FIO_MEDIA_UNIT;

		if (failed >> i & 1 || !ftl_crc_ok(data, &cmd->tag[i]))
			err = tail_alone(r, t, unit + i, held);
		else
			err = tail_good(r, t, unit + i, &cmd->tag[i], held, data);
	}
	f->rec.units_scanned += n;
	f->rec.bytes_read += n * (FIO_MEDIA_UNIT + FIO_MEDIA_TAG);
	ftl_slot_end(f, s);
	return err;
}

static struct kept *find_kept(struct rec *r, u32 unit)
{
	struct ftl_link *l;

	for (l = r->kept.next; l != &r->kept; l = l->next)
		if (container_of(l, struct kept, link)->unit == unit)
			return container_of(l, struct kept, link);
	return NULL;
}

/* The first page was kept by the probe; it need not read well a second time. */
static void tail_begin(struct rec *r, struct tail *t, u32 au, u8 *data)
{
	struct kept *k = find_kept(r, au * r->f->geo.pages);

	memset(t, 0, sizeof(*t));
	if (!k)
		return;
	t->held = true;
	t->unit = k->unit;
	t->tag = k->tag;
	memcpy(data, k->data, FIO_MEDIA_UNIT);
	drop_kept(r, k);
}

static int scan_tail(struct rec *r, u32 au, u8 *data)
{
	struct ftl *f = r->f;
	u32 page, n, first = au * f->geo.pages;
	struct tail t;
	int err = 1;

	tail_begin(r, &t, au, data);
	for (page = t.held; err == 1 && page < pages_of(f, au); page += n) {
		n = min(pages_of(f, au) - page, f->geo.max_units);
		err = tail_vector(r, &t, first + page, n, data);
	}
	if (err >= 0 && t.held)
		err = keep(r, t.unit, &t.tag, data);
	return err < 0 ? err : 0;
}

static int scan_tails(struct rec *r)
{
	struct ftl *f = r->f;
	u8 *data = ftl_alloc(f, FIO_MEDIA_UNIT, FTL_MEM_SCAN);
	u32 au;
	int err = data ? 0 : -ENOMEM;

	for (au = 0; !err && au < nr_aus(f); au++)
		if (scannable(f, au) && suspect(r, au))
			err = scan_tail(r, au, data);
	ftl_free(f, data, FIO_MEDIA_UNIT, FTL_MEM_SCAN);
	return err;
}

/* A lonely first page of a stripe that is sealed is not torn: a fact. */
static int release_lonely(struct rec *r)
{
	struct ftl_link *l, *next;

	for (l = r->kept.next; l != &r->kept; l = next) {
		struct kept *k = container_of(l, struct kept, link);

		next = l->next;
		if (!suspect(r, ftl_unit_au(r->f, k->unit)))
			drop_kept(r, k);
	}
	return 0;
}

static int scan(struct rec *r)
{
	static const struct ftl_pipe probe = { probe_fill, probe_reap };
	static const struct ftl_pipe tags = { scan_fill, scan_reap };
	int err;

	r->au = 0;
	err = ftl_pipe_run(r->f, &probe, r);
	if (err)
		return err;
	rank_all(r);
	release_lonely(r);
	r->au = 0;
	r->page = 0;
	err = ftl_pipe_run(r->f, &tags, r);
	return err ? err : scan_tails(r);
}

/*
 * A page that is torn may read well once. One that reads well again was programmed
 * to its end; one that does not never was, whatever we saw, and is forgotten before
 * anything is built on it.
 */
static int confirm(struct rec *r, struct kept *k, bool *good)
{
	struct ftl *f = r->f;
	int err;

	if (!ftl_exec_get(f))
		return -ENODEV;
	err = ftl_exec_read(f, k->unit, true);
	*good = !err && !memcmp(&f->xslot.cmd->tag[0], &k->tag, sizeof(k->tag)) &&
		!memcmp(f->xslot.buf.va, k->data, sizeof(k->data));
	ftl_exec_put(f);
	return err == -ENODEV ? err : 0;
}

static int confirm_kept(struct rec *r)
{
	struct ftl_link *l, *next;
	bool good = false;
	int err = 0;

	for (l = r->kept.next; !err && l != &r->kept; l = next) {
		struct kept *k = container_of(l, struct kept, link);

		next = l->next;
		err = confirm(r, k, &good);
		if (err || good)
			continue;
		r->unreadable++;
		drop_kept(r, k);
	}
	return err;
}

/* ---- a die that does not answer ------------------------------------------ */

/* Stripes of ours with anything on the other dies, and how they were called. */
static bool name_stripe(struct rec *r, u32 s, u32 *rows, bool *tail)
{
	struct ftl *f = r->f;
	bool ours = false;
	u32 d;

	*rows = 0;
	*tail = false;
	for (d = 0; d < f->geo.dies; d++) {
		u32 au = ftl_au_index(f, s, d);

		if (!scannable(f, au) || !r->probe[au].ok || !r->probe[au].ours)
			continue;
		ours = true;
		f->stripe[s].seq = r->probe[au].stripe_seq;
		*rows = max(*rows, pages_of(f, au));
		*tail |= suspect(r, au);
	}
	return ours;
}

/* From @row on the other dies hold nothing of ours: each page is the sum of its row. */
static int scan_sums(struct rec *r, u32 s, u32 au, u32 row)
{
	struct fio_tag tag;
	int err = 0;

	for (; !err && row < r->f->geo.pages; row++) {
		err = ftl_rebuild(r->f, au * r->f->geo.pages + row, &tag);
		if (err)
			break;
		r->f->stripe[s].seq = le64_to_cpu(tag.stripe_seq);
		r->probe[au] = (struct probe){ .stripe_seq = r->f->stripe[s].seq, .ok = true };
		err = fact(r, &tag, au * r->f->geo.pages + row);
	}
	return err == -ENOENT || err == -ENODATA ? 0 : err;
}

/* What the append unit held comes from the rows of its stripe. */
static int scan_missing(struct rec *r, u32 s, u32 au)
{
	struct ftl *f = r->f;
	u32 row, rows, unknown = r->unreadable;
	bool tail;
	int err = 0;

	if (ftl_held_parity(f, s, au % f->geo.dies))
		return 0;
	if (!name_stripe(r, s, &rows, &tail))
		return scan_sums(r, s, au, 0);
	for (row = 0; !err && row < rows; row++) {
		err = scan_computed(r, au * f->geo.pages + row);
		err = err == -ENODATA ? 0 : err;
	}
	r->probe[au] = (struct probe){ .stripe_seq = f->stripe[s].seq, .ok = true };
	if (!err)
		err = scan_sums(r, s, au, rows);
	if (err || !tail || r->unreadable == unknown)
		return err;
	ftl_say(f, FTL_ERR, "stripe %u was written when the power was cut, and its part on the die that does not answer is lost: recovery would present old data as new; bring the die back",
		s);
	return -EIO;
}

static int scan_missing_die(struct rec *r)
{
	struct ftl *f = r->f;
	u32 au;
	int err = 0;

	for (au = 0; f->offline_aus && !err && au < nr_aus(f); au++)
		if (f->au[au] & FTL_AU_OFFLINE && !(f->au[au] & FTL_AU_SYSTEM))
			err = scan_missing(r, au / f->geo.dies, au);
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

/* ---- pass 3: metadata pages ---------------------------------------------- */

static void apply_snapshot(struct rec *r, u32 leaf, const struct fio_map_leaf *page)
{
	u32 e;

	for (e = 0; e < FIO_MAP_FANOUT; e++)
		if (le32_to_cpu(page->unit[e]) == FIO_UNIT_NONE)
			fact_none(r, leaf, e, r->snap_seq[leaf]);
}

/* Parts of a trim in one leaf; true: the journal still speaks for that leaf. */
static bool apply_trim(struct rec *r, u32 leaf, u64 from, u64 to, u64 seq)
{
	u64 base = (u64)leaf << 10, lu;

	if (!r->seq[leaf])
		return false;
	if (r->f->leaf_unit[leaf] != FIO_UNIT_NONE && !ftl_seq_after(seq, r->snap_seq[leaf]))
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
	see(r, seq);
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

static int lost_meta(struct rec *r, const char *what, u32 unit)
{
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
		apply_snapshot(r, leaf, f->xslot.buf.va);
	ftl_exec_put(f);
	return err && err != -ENODEV ? lost_meta(r, "a snapshot of the map", unit) : err;
}

static bool snapshots_fill(struct ftl *f, struct ftl_slot *s, void *arg)
{
	struct rec *r = arg;
	u32 n = 0;

	for (; r->leaf < f->nleaves && n < f->geo.max_units; r->leaf++) {
		if (f->leaf_unit[r->leaf] == FIO_UNIT_NONE)
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
			apply_snapshot(arg, s->old[i], &page[i]);
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
		if (!err && apply_journal(r, f->xslot.buf.va))
			r->junit[n++] = r->junit[i];
		ftl_exec_put(f);
		if (err && err != -ENODEV)
			err = lost_meta(r, "a journal page", r->junit[i]);
	}
	r->jcount = n;
	return err;
}

/* ---- second round: pages that may be torn -------------------------------- */

static void pin(struct ftl *f, u32 unit)
{
	if (unit != FIO_UNIT_NONE)
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
}

static int second_round(struct rec *r)
{
	struct ftl_link *l;
	int err = 0;

	for (l = r->kept.next; !err && l != &r->kept; l = l->next) {
		struct kept *k = container_of(l, struct kept, link);

		if (k->tag.type == FIO_TAG_DATA || k->tag.type == FIO_TAG_MAP)
			err = fact(r, &k->tag, k->unit);
		see(r, le64_to_cpu(k->tag.seq));
		see(r, le64_to_cpu(k->tag.stripe_seq));
	}
	for (l = r->kept.next; l != &r->kept; l = l->next) {
		struct kept *k = container_of(l, struct kept, link);
		u64 lba = le64_to_cpu(k->tag.lba);

		if (k->tag.type == FIO_TAG_MAP && lba < r->f->nleaves &&
		    r->f->leaf_unit[lba] == k->unit)
			apply_snapshot(r, (u32)lba, (const void *)k->data);
	}
	for (l = r->kept.next; !err && l != &r->kept; l = l->next) {
		struct kept *k = container_of(l, struct kept, link);

		if (k->tag.type == FIO_TAG_JOURNAL && apply_journal(r, (void *)k->data))
			err = fact(r, &k->tag, k->unit);
	}
	return err;
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
	u32 leaf, e;

	for (leaf = 0; leaf < f->nleaves; leaf++) {
		if (f->leaf_unit[leaf] != FIO_UNIT_NONE)
			ftl_stripe_get(f, f->leaf_unit[leaf]);
		if (!f->leaf[leaf])
			continue;
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
		if (!st->valid && !(st->flags & FTL_SF_PINNED))
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
			drop_kept(r, k);
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
	return err;
}

/* ---- all of it ----------------------------------------------------------- */

static int rec_init(struct rec *r, struct ftl *f)
{
	r->f = f;
	ftl_list_init(&r->kept);
	r->never = le64_to_cpu(f->super->seq_base) - 1;
	r->max_seq = le64_to_cpu(f->super->seq);
	r->seq = ftl_alloc(f, f->nleaves * sizeof(*r->seq), FTL_MEM_SCAN);
	r->snap_seq = ftl_alloc(f, f->nleaves * sizeof(u64), FTL_MEM_SCAN);
	r->probe = ftl_alloc(f, nr_aus(f) * sizeof(*r->probe), FTL_MEM_SCAN);
	return r->seq && r->snap_seq && r->probe ? 0 : -ENOMEM;
}

static void rec_free(struct rec *r)
{
	struct ftl *f = r->f;
	u32 i;

	while (!ftl_list_empty(&r->kept))
		drop_kept(r, container_of(r->kept.next, struct kept, link));
	for (i = 0; r->seq && i < f->nleaves; i++)
		ftl_free(f, r->seq[i], FIO_MAP_FANOUT * sizeof(u64), FTL_MEM_SCAN);
	ftl_free(f, r->seq, f->nleaves * sizeof(*r->seq), FTL_MEM_SCAN);
	ftl_free(f, r->snap_seq, f->nleaves * sizeof(u64), FTL_MEM_SCAN);
	ftl_free(f, r->probe, nr_aus(f) * sizeof(*r->probe), FTL_MEM_SCAN);
	ftl_free(f, r->junit, r->jcap * sizeof(u32), FTL_MEM_SCAN);
}

static u64 now(const struct ftl *f)
{
	return f->env.now_ns(f->env.ctx);
}

static int resolve(struct rec *r)
{
	int err = load_snapshots(r);

	if (!err)
		err = load_journal(r);
	if (err)
		return err;
	pin_first_round(r);
	err = second_round(r);
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
	int err = scan(r);

	if (!err)
		err = confirm_kept(r);
	if (!err)
		err = scan_missing_die(r);
	t1 = now(f);
	f->rec.ns_scan = t1 - t0;
	if (!err)
		err = resolve(r);
	t2 = now(f);
	if (f->inspect)
		unpin_all(f);
	else if (!err)
		err = refresh(r);
	f->rec.ns_refresh = now(f) - t2;
	if (r->unreadable)
		ftl_say(f, FTL_WARN, "%u units could not be read during recovery; those a power cut interrupted are meant to be dropped",
			r->unreadable);
	return err;
}

/**
 * ftl_recover() - rebuild the map from the medium
 * @f: the instance, map empty, append units reported
 *
 * Context: attach; sleeps.
 * Return: 0 or -errno.
 */
int ftl_recover(struct ftl *f)
{
	struct rec *r;
	int err;

	if (f->offline_aus && (!ftl_has_parity(f) || dies_offline(f) > 1)) {
		ftl_say(f, FTL_ERR, "%u append units are on a die that does not answer: recovery would present old data as new; bring the die back",
			f->offline_aus);
		return -EIO;
	}
	r = ftl_alloc(f, sizeof(*r), FTL_MEM_SCAN);
	if (!r)
		return -ENOMEM;
	err = rec_init(r, f);
	if (!err)
		err = recover(r);
	rec_free(r);
	ftl_free(f, r, sizeof(*r), FTL_MEM_SCAN);
	if (!err)
		ftl_say(f, FTL_INFO, "recovered: %llu units scanned, %llu hold data, %llu refreshed, %llu journal pages",
			(unsigned long long)f->rec.units_scanned,
			(unsigned long long)f->st.units_mapped,
			(unsigned long long)f->rec.units_rewritten,
			(unsigned long long)f->rec.journal_pages);
	return err;
}
