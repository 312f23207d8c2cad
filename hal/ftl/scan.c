// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recovery, first half: what the flash says.
 *
 * Owns: which pages are read and how often, which of them a cut may have torn, the
 * newest root. Does not know: what the facts add up to (recover.c).
 *
 * Without a root every tag is read. With one, those of the stream of metadata, which
 * holds the root, the snapshots of the map and the journal, and of the stripes that
 * were written to since the round that the root ends began.
 */
#include "rec.h"

/* rec.pass: what the pipes look at */
enum {
	PROBE,		/* first pages that are certain */
	PROBE_LONELY,	/* and those that are not */
	TAGS_META,	/* append units of the stream of metadata */
	TAGS_COPIES,	/* of that of copies, where a root may have gone for lack of room */
	TAGS_REST,	/* others: all, or recent ones */
};

/* ---- pass 1: the first page of every append unit ------------------------- */

/* May the first page be the last, that is: torn? */
static bool lonely(const struct ftl *f, u32 au)
{
	return f->au[au] & FTL_AU_SUSPECT || f->au_wp[au] <= 1;
}

/*
 * Where the first page may be torn its data is read along, so that a page that reads
 * well once is caught whole; else the tag says all.
 */
static bool probe_fill(struct ftl *f, struct ftl_slot *s, void *arg)
{
	struct rec *r = arg;
	bool data = r->pass == PROBE_LONELY;
	u32 n = 0;

	for (; r->au < nr_aus(f) && n < f->geo.max_units; r->au++) {
		if (!scannable(f, r->au) || lonely(f, r->au) != data)
			continue;
		s->old[n] = r->au;
		s->cmd->unit[n++] = r->au * f->geo.pages;
	}
	if (!n)
		return false;
	ftl_cmd_init(s->cmd, MEDIA_READ, n);
	s->cmd->buf = data ? &s->buf : NULL;
	return true;
}

/* @data: NULL where the page is certain. */
static int probed(struct rec *r, u32 au, const struct fio_tag *tag, const void *data)
{
	struct ftl *f = r->f;
	struct probe *p = &r->probe[au];

	if (data && !ftl_crc_ok(data, tag))
		return 0;
	p->ok = true;
	p->ours = le32_to_cpu(tag->media_id) == f->media_id;
	p->stripe_seq = le64_to_cpu(tag->stripe_seq);
	p->stream = tag->stream & (TAG_STREAMS - 1);
	return data ? ftl_rec_keep(r, au * f->geo.pages, tag, data) : 0;
}

/* A page that failed in a vector, by itself and through the retry levels. */
static int probe_alone(struct rec *r, u32 au)
{
	struct ftl *f = r->f;
	bool data = r->pass == PROBE_LONELY;
	struct media_cmd *cmd = ftl_exec_get(f);
	int err;

	if (!cmd)
		return -ENODEV;
	err = ftl_exec_read(f, au * f->geo.pages, data);
	if (!err)
		err = probed(r, au, &cmd->tag[0], data ? f->xslot.buf.va : NULL);
	ftl_exec_put(f);
	return err == -ENODATA || err == -EIO ? 0 : err;
}

static int probe_reap(struct ftl *f, struct ftl_slot *s, void *arg)
{
	struct rec *r = arg;
	bool lone = r->pass == PROBE_LONELY;
	u64 failed = failed_units(s->cmd);
	u32 i;
	int err = 0;

	if (s->cmd->status == MEDIA_GONE)
		return -ENODEV;
	f->rec.bytes_read += s->cmd->n * (FIO_MEDIA_TAG + (lone ? FIO_MEDIA_UNIT : 0));
	for (i = 0; !err && i < s->cmd->n; i++) {
		const u8 *data = (const u8 *)s->buf.va + i * FIO_MEDIA_UNIT;

		if (failed >> i & 1)
			err = probe_alone(r, s->old[i]);
		else
			err = probed(r, s->old[i], &s->cmd->tag[i], lone ? data : NULL);
	}
	return err;
}

static int probe_all(struct rec *r)
{
	static const struct ftl_pipe pipe = { probe_fill, probe_reap };
	int err = 0;

	for (r->pass = PROBE; !err && r->pass <= PROBE_LONELY; r->pass++) {
		r->au = 0;
		err = ftl_pipe_run(r->f, &pipe, r);
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

/* Of the stream that metadata is in, unless a root lists the stripe? */
static bool is_meta(const struct rec *r, u32 au)
{
	const struct ftl *f = r->f;

	return r->probe[au].stream == (f->streams > FTL_META ? FTL_META : FTL_GC);
}

static bool is_recent(const struct rec *r, u32 au)
{
	return !r->bounded || r->recent[au / r->f->geo.dies] ||
	       !ftl_seq_after(r->from, r->probe[au].stripe_seq);
}

/* Is it looked at in this pass? */
static bool in_pass(const struct rec *r, u32 au)
{
	if (!scannable(r->f, au))
		return false;
	if (is_meta(r, au) && r->probe[au].ok)
		return r->pass == TAGS_META;
	if (r->copies && r->probe[au].stream == FTL_GC && r->probe[au].ok)
		return r->pass == TAGS_COPIES;
	return r->pass == TAGS_REST &&
	       (is_recent(r, au) || !r->probe[au].ok || r->f->au[au] & FTL_AU_SUSPECT);
}

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
		if (!in_pass(r, r->au) || suspect(r, r->au) || !r->probe[r->au].ours ||
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
		return ftl_rec_fact(r, &tag, unit);
	if (err == -ENODATA) {
		r->unreadable++;
		r->meta_lost |= r->pass == TAGS_META;
	}
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
		err = ftl_rec_fact(r, &cmd->tag[0], unit);
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
					ftl_rec_fact(arg, &s->cmd->tag[i], s->old[i]);
	return err ? err : ftl_regroup_trim(&((struct rec *)arg)->groups);
}

/*
 * An append unit that may end in a torn page: always holding the last good page back
 * until it is known not to be the last one programmed. Of that one the data is read
 * as well, when all tags have been: if it does not come it never was there.
 */
struct tail {
	u32 unit;
	struct fio_tag tag;
	bool held;
	u32 gaps;		/* pages before the next one cannot be read */
	struct kept *kept;	/* the probe had it */
};

/* A page was programmed behind the one held: that one is complete. */
static int tail_settle(struct rec *r, struct tail *t)
{
	int err = t->held ? ftl_rec_fact(r, &t->tag, t->unit) : 0;

	if (t->kept)
		ftl_rec_drop(r, t->kept);
	t->kept = NULL;
	t->held = false;
	return err;
}

/* A good page: it is held now. */
static int tail_good(struct rec *r, struct tail *t, u32 unit, const struct fio_tag *tag)
{
	int err = tail_settle(r, t);

	/* What was programmed behind a page says that it is not torn, but lost. */
	for (; !err && t->gaps; t->gaps--) {
		err = scan_computed(r, unit - t->gaps);
		err = err == -ENODATA || err == -EIO ? 0 : err;
	}
	t->held = true;
	t->unit = unit;
	t->tag = *tag;
	return err ? err : 1;
}

/* A page that failed in the vector. 1: go on; 0: behind the last page; -errno. */
static int tail_alone(struct rec *r, struct tail *t, u32 unit)
{
	struct ftl *f = r->f;
	struct media_cmd *cmd = ftl_exec_get(f);
	int err;

	if (!cmd)
		return -ENODEV;
	err = ftl_exec_read(f, unit, false);
	if (err == -ENODEV || cmd->status == MEDIA_ERASED) {
		err = err == -ENODEV ? err : 0;
	} else if (!err) {
		err = tail_good(r, t, unit, &cmd->tag[0]);
	} else {
		t->gaps++;
		err = tail_settle(r, t);
		err = err ? err : 1;
	}
	ftl_exec_put(f);
	return err;
}

/* Several pages in one command. 1: go on; 0: behind the last page; -errno. */
static int tail_vector(struct rec *r, struct tail *t, u32 unit, u32 n)
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
	err = ftl_slot_exec(f, s) == -ENODEV ? -ENODEV : 1;
	failed = failed_units(cmd);
	for (i = 0; err == 1 && i < n; i++)
		err = failed >> i & 1 ? tail_alone(r, t, unit + i) :
					tail_good(r, t, unit + i, &cmd->tag[i]);
	f->rec.units_scanned += n;
	f->rec.bytes_read += n * FIO_MEDIA_TAG;
	ftl_slot_end(f, s);
	return err;
}

/* The last page: tag and data together, or nothing. */
static int tail_end(struct rec *r, const struct tail *t)
{
	struct ftl *f = r->f;
	struct fio_tag *tag;
	int err;

	if (!t->held || t->kept)
		return 0;
	if (!ftl_exec_get(f))
		return -ENODEV;
	tag = &f->xslot.cmd->tag[0];
	err = ftl_exec_read(f, t->unit, true);
	f->rec.bytes_read += FIO_MEDIA_UNIT + FIO_MEDIA_TAG;
	/* The CRC has been found right, this time. */
	if (!err && !memcmp(tag, &t->tag, offsetof(struct fio_tag, crc)))
		err = ftl_rec_keep(r, t->unit, tag, f->xslot.buf.va);
	else
		r->unreadable++;
	ftl_exec_put(f);
	return err == -ENODATA || err == -EIO ? 0 : err;
}

static struct kept *find_kept(struct rec *r, u32 unit)
{
	struct ftl_link *l;

	for (l = r->kept.next; l != &r->kept; l = l->next)
		if (container_of(l, struct kept, link)->unit == unit)
			return container_of(l, struct kept, link);
	return NULL;
}

static int scan_tail(struct rec *r, u32 au)
{
	struct ftl *f = r->f;
	u32 page, n, first = au * f->geo.pages;
	struct tail t = { .kept = find_kept(r, first) };
	int err = 1;

	if (t.kept) {
		t.held = true;
		t.unit = first;
		t.tag = t.kept->tag;
	}
	for (page = t.held; err == 1 && page < pages_of(f, au); page += n) {
		n = min(pages_of(f, au) - page, f->geo.max_units);
		err = tail_vector(r, &t, first + page, n);
	}
	r->unreadable += t.gaps;
	return err < 0 ? err : tail_end(r, &t);
}

static int scan_tails(struct rec *r)
{
	u32 au;
	int err = 0;

	for (au = 0; !err && au < nr_aus(r->f); au++)
		if (in_pass(r, au) && suspect(r, au))
			err = scan_tail(r, au);
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
			ftl_rec_drop(r, k);
	}
	return 0;
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
		ftl_rec_drop(r, k);
	}
	return err;
}

static int scan_pass(struct rec *r, u8 pass)
{
	static const struct ftl_pipe tags = { scan_fill, scan_reap };
	int err;

	r->pass = pass;
	r->au = 0;
	r->page = 0;
	err = ftl_pipe_run(r->f, &tags, r);
	return err ? err : scan_tails(r);
}

/* ---- the root -------------------------------------------------------------- */

static bool root_good(const struct ftl *f, const struct root_set *s, struct fio_root *page)
{
	u32 stripes = le32_to_cpu(page->stripes);

	return le64_to_cpu(page->magic) == FIO_ROOT_MAGIC && stripes <= FIO_ROOT_STRIPES &&
	       le32_to_cpu(page->leaves) == f->nleaves &&
	       le32_to_cpu(page->pages) == s->count &&
	       s->count == DIV_ROUND_UP(stripes + f->nleaves, FIO_ROOT_WORDS) &&
	       le32_to_cpu(page->crc) == ftl_root_crc(page);
}

/*
 * One that may be torn is as good as any, since what it says was true before it was
 * written. It need not be there next time.
 */
static int find_kept_root(struct rec *r)
{
	struct ftl_link *l;
	int err = 0;

	for (l = r->kept.next; !err && l != &r->kept; l = l->next) {
		const struct kept *k = container_of(l, struct kept, link);

		if (k->tag.type == FIO_TAG_ROOT)
			err = ftl_rec_fact(r, &k->tag, k->unit);
	}
	return err;
}

/* Words of page @index: stripes first, then leaves. */
static int take_words(struct rec *r, const struct fio_root *page, u32 index)
{
	u32 stripes = le32_to_cpu(page->stripes), at = index * FIO_ROOT_WORDS, i, word;

	for (i = 0; i < FIO_ROOT_WORDS && at < stripes + r->f->nleaves; i++, at++) {
		word = le32_to_cpu(page->word[i]);
		if (at >= stripes)
			r->age[at - stripes] = word;
		else if (word < r->f->geo.aus)
			r->recent[word] = true;
		else
			return -ENOENT;
	}
	r->from = le64_to_cpu(page->from);
	return 0;
}

/* A set of pages that is not a whole root: -ENOENT. */
static int load_set(struct rec *r, const struct root_set *s)
{
	struct ftl *f = r->f;
	struct fio_root *page = f->xslot.buf.va;
	u32 i;
	int err = s->count ? 0 : -ENOENT;

	memset(r->recent, 0, f->geo.aus);
	for (i = 0; !err && i < s->count; i++) {
		if (s->unit[i] == FIO_UNIT_NONE)
			return -ENOENT;
		if (!ftl_exec_get(f))
			return -ENODEV;
		err = ftl_fetch(f, s->unit[i]);
		f->rec.bytes_read += FIO_MEDIA_UNIT + FIO_MEDIA_TAG;
		if (!err && root_good(f, s, page))
			err = take_words(r, page, i);
		else if (err != -ENODEV)
			err = -ENOENT;
		ftl_exec_put(f);
	}
	r->root_seq = s->seq;
	return err;
}

/* Stripes of which a MAP page need not be asked whether it is out of date. */
static void find_plain(struct rec *r)
{
	struct ftl *f = r->f;
	u32 i;

	memset(r->plain, true, f->geo.aus);
	for (i = 0; i < nr_aus(f); i++) {
		if (scannable(f, i) && !(f->au[i] & FTL_AU_SUSPECT) && r->probe[i].ours)
			r->probe[i].pages = f->au_wp[i];
		if (r->probe[i].pages < f->geo.pages || is_recent(r, i))
			r->plain[i / f->geo.dies] = false;
	}
}

static int find_root(struct rec *r)
{
	int err = find_kept_root(r);

	if (err || r->root[0].count)
		return err;
	r->copies = true;
	err = scan_pass(r, TAGS_COPIES);
	return err ? err : find_kept_root(r);
}

static int load_root(struct rec *r)
{
	int err = find_root(r);

	if (!err)
		err = load_set(r, &r->root[0]);
	if (err == -ENOENT) {
		r->root[0].count = 0;
		swap(r->root[0], r->root[1]);
		err = load_set(r, &r->root[0]);
	}
	if (!err)
		find_plain(r);
	if (err == -ENOENT) {
		r->bounded = false;
		err = 0;
	}
	return err;
}

/**
 * ftl_scan() - find the facts that are on flash
 * @r: the recovery; @r->bounded: as few as the newest root allows, if there is one
 *
 * Context: attach; sleeps.
 * Return: 0 or -errno.
 */
int ftl_scan(struct rec *r)
{
	int err = probe_all(r);

	if (err)
		return err;
	rank_all(r);
	release_lonely(r);
	err = scan_pass(r, TAGS_META);
	/* It may have been the newest snapshot of a leaf: only all tags know then. */
	r->bounded &= !r->meta_lost;
	if (!err && r->bounded)
		err = load_root(r);
	r->late &= r->bounded;
	if (!err)
		err = scan_pass(r, TAGS_REST);
	return err ? err : confirm_kept(r);
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
		err = ftl_rec_fact(r, &tag, au * r->f->geo.pages + row);
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

/**
 * ftl_scan_missing_die() - compute what was on a die that does not answer
 * @r: the recovery, everything else scanned
 *
 * Context: attach; sleeps.
 * Return: 0; -EIO: it cannot be, and old data would be taken for new; -errno.
 */
int ftl_scan_missing_die(struct rec *r)
{
	struct ftl *f = r->f;
	u32 au;
	int err = 0;

	for (au = 0; f->offline_aus && !err && au < nr_aus(f); au++)
		if (f->au[au] & FTL_AU_OFFLINE && !(f->au[au] & FTL_AU_SYSTEM))
			err = scan_missing(r, au / f->geo.dies, au);
	return err;
}
