// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frontiers: where each stream writes next.
 *
 * Owns: opening stripes, reserving room, spreading it over the dies in chunks,
 * what a failed append does to its append unit. Does not know: what is written.
 *
 * The host counts the room of each append unit and names the unit; which page
 * an append gets is the medium's choice and comes with the completion.
 */
#include "ftl_priv.h"

/* Where the halves of ftl_stripe.counts lie: one valid more, one under way less. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define COUNT_PUBLISHED		(1 - (1ULL << 32))
#define COUNT_INFLIGHT(counts)	((u32)((counts) >> 32))
#else
#define COUNT_PUBLISHED		((1ULL << 32) - 1)
#define COUNT_INFLIGHT(counts)	((u32)(counts))
#endif

static_assert(offsetof(struct ftl_stripe, valid) + 4 == offsetof(struct ftl_stripe, inflight));

/* Metadata may have to share the frontier of copies. */
struct ftl_frontier *ftl_frontier(struct ftl *f, enum ftl_stream stream)
{
	return &f->front[stream == FTL_META && f->streams <= FTL_META ? FTL_GC : stream];
}

/* Free units that a stream leaves to those who make room for it. */
static u64 floor_of(const struct ftl *f, enum ftl_stream stream)
{
	switch (stream) {
	case FTL_GC:
		return 0;
	case FTL_META:
		return f->meta_reserve;
	default:
		return f->reserve;
	}
}

/*
 * Less above the floor than a whole stripe is no room: which stripe will be ready
 * is not known, and a large one could not be opened. Without a floor any will do.
 */
static bool could_open(const struct ftl *f, u64 low)
{
	return low ? f->free_units >= low + f->stripe_data : f->free_units;
}

/**
 * ftl_room() - units a stream could write without anything being collected
 * @f: the instance
 * @stream: stream
 *
 * Context: lock held or worker.
 * Return: units.
 */
u64 ftl_room(struct ftl *f, enum ftl_stream stream)
{
	const struct ftl_frontier *fr = ftl_frontier(f, stream);
	u64 low = floor_of(f, stream);

	return fr->room + (could_open(f, low) ? f->free_units - low : 0);
}

/* Does user data wait until something is collected? Lock held or worker. */
bool ftl_user_starved(const struct ftl *f)
{
	return f->free_units < f->reserve + f->stripe_data;
}

/* Lock held or worker. Units that user data can have without opening a stripe. */
u64 ftl_user_room(const struct ftl *f)
{
	u64 room = f->front[FTL_USER].room;
	u32 i;

	for (i = FTL_LADDER; i < FTL_STREAMS; i++)
		room += f->front[i].room;
	return room;
}

static bool may_open(const struct ftl *f, u32 s, u64 low)
{
	const struct ftl_stripe *st = &f->stripe[s];

	return st->state == FTL_S_READY && f->free_units >= low + st->size;
}

static void start_stripe(struct ftl *f, struct ftl_frontier *fr, u32 s)
{
	struct ftl_stripe *st = &f->stripe[s];
	u32 d;

	ftl_store(&st->state, FTL_S_OPEN);
	st->stream = fr - f->front;
	st->seq = f->seq++;
	st->group_seq = f->group.proved - 1;
	st->flags = 0;
	ftl_store(&st->stuck, 0);
	f->free_units -= st->size;
	f->open_stripes++;
	ftl_store(&fr->stripe, s);
	fr->room = st->size;
	fr->die = f->geo.dies - 1;
	fr->chunk = 0;
	ftl_place_open(f, fr, s);
	for (d = 0; d < f->geo.dies; d++) {
		u8 *au = &f->au[ftl_au_index(f, s, d)];

		*au &= ~FTL_AU_ERASED;
		fr->used[d] = *au & (FTL_AU_BAD | FTL_AU_SYSTEM) ? f->geo.pages : 0;
	}
	if (!ftl_has_parity(f))
		return;
	ftl_rows_begin(f, s);
	fr->used[st->parity] = f->geo.pages;
}

/* The medium sums rows of so many stripes; copies and metadata must find room. */
static bool no_sums(const struct ftl *f, const struct ftl_frontier *fr)
{
	bool internal = fr == &f->front[FTL_GC] || fr == &f->front[FTL_META];

	return ftl_has_parity(f) && f->sums + (internal ? 0 : FTL_SUMS_KEPT) >= f->geo.xor_groups;
}

/* Copies and metadata must find room for two open stripes each on the medium. */
static bool too_many_open(const struct ftl *f)
{
	return (f->open_stripes + 5ULL) * f->geo.dies + 2 > f->geo.max_open;
}

/* Does what goes there stay for long? */
static bool is_cold(const struct ftl *f, const struct ftl_frontier *fr)
{
	return fr == &f->front[FTL_GC] || fr == &f->front[FTL_LADDER + f->place.used - 1];
}

/* Is it not for lack of room that a frontier cannot open a stripe? */
static bool too_many(const struct ftl *f, const struct ftl_frontier *fr)
{
	return no_sums(f, fr) || (fr >= &f->front[FTL_LADDER] && too_many_open(f));
}

/*
 * Could it open one now, or as soon as it has filled the one it has? User data and the
 * ladder leave one erased stripe to the others: they must not have to wait for an erase
 * in the middle of making room.
 */
static bool can_open(const struct ftl *f, const struct ftl_frontier *fr, u64 low)
{
	bool user = fr >= &f->front[FTL_LADDER] || fr == &f->front[FTL_USER];
	u32 s = ftl_heap_top(&f->ready_heap);

	return fr->unsealed + (fr->stripe != FTL_NONE) <= 1 && s != FTL_NONE &&
	       may_open(f, s, low) && !too_many(f, fr) && f->ready_heap.count >= 1U + user;
}

static bool open_next(struct ftl *f, struct ftl_frontier *fr, u64 low, struct ftl_spot at)
{
	if (!can_open(f, fr, low))
		return false;
	start_stripe(f, fr, ftl_wear_next_ready(f, is_cold(f, fr), ftl_place_stays(f, at)));
	ftl_kick_later(f);
	return true;
}

/* The frontier has no more room; its stripe closes with its last append. */
static void leave_stripe(struct ftl *f, struct ftl_frontier *fr)
{
	u32 s = fr->stripe;

	/* Before the look at what is under way; pairs with ftl_appended(). */
	ftl_store(&fr->stripe, FTL_NONE);
	ftl_fence();
	fr->unsealed++;
	f->stripe[s].flags |= FTL_SF_UNSEALED;
	ftl_stripe_settle(f, s);
}

static u32 rows_used(const struct ftl *f, const struct ftl_frontier *fr)
{
	const struct ftl_stripe *st = &f->stripe[fr->stripe];
	u32 d, rows = 0;

	for (d = 0; d < f->geo.dies; d++)
		if (d != st->parity && !(f->au[ftl_au_index(f, fr->stripe, d)] &
					 (FTL_AU_BAD | FTL_AU_SYSTEM)))
			rows = max(rows, fr->used[d]);
	return rows;
}

static void leave_early(struct ftl *f, struct ftl_frontier *fr)
{
	if (fr->stripe == FTL_NONE)
		return;
	f->stripe[fr->stripe].rows = rows_used(f, fr);
	f->st.pad_units += fr->room;
	fr->room = 0;
	leave_stripe(f, fr);
}

/**
 * ftl_leave_stripes() - all open stripes close as they are
 * @f: the instance; nothing is written any more
 *
 * Context: worker.
 */
void ftl_leave_stripes(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 i;

	for (i = 0; i < FTL_STREAMS; i++)
		leave_early(f, &f->front[i]);
	ftl_unlock(&f->lock, flags);
}

/**
 * ftl_frontier_close() - write no more to a frontier's open stripe
 * @f: the instance
 * @stream: whose
 *
 * Context: lock held.
 */
void ftl_frontier_close(struct ftl *f, enum ftl_stream stream)
{
	struct ftl_frontier *fr = &f->front[stream];

	if (fr->stripe == FTL_NONE)
		return;
	f->stripe[fr->stripe].flags |= FTL_SF_FINISH;
	ftl_store(&f->unfinished, f->unfinished + 1);
	leave_early(f, fr);
}

static void next_die(struct ftl *f, struct ftl_frontier *fr)
{
	do {
		fr->die = fr->die + 1 < f->geo.dies ? fr->die + 1 : 0;
	} while (fr->used[fr->die] >= f->geo.pages);
	fr->chunk = min(f->geo.write_units, f->geo.pages - fr->used[fr->die]);
}

static u32 take_unit(struct ftl *f, struct ftl_frontier *fr)
{
	u32 s = fr->stripe;
	u32 unit;

	if (!fr->chunk || fr->used[fr->die] >= f->geo.pages)
		next_die(f, fr);
	unit = ftl_au_index(f, s, fr->die) * f->geo.pages;
	fr->used[fr->die]++;
	fr->chunk--;
	ftl_add(&f->stripe[s].inflight, 1);
	if (!--fr->room)
		leave_stripe(f, fr);
	return unit;
}

static bool take(struct ftl *f, struct ftl_frontier *fr, u64 low, struct ftl_spot at, u32 *unit)
{
	if (fr->stripe == FTL_NONE && !open_next(f, fr, low, at))
		return false;
	*unit = take_unit(f, fr);
	if (f->rungs)
		ftl_place_put(f, fr, ftl_unit_stripe(f, *unit), at);
	return true;
}

/*
 * The rung with room that is nearest to @rung, the colder of two; streams that users
 * name count as further rungs. FTL_STREAMS: none has any.
 */
static u32 nearest_room(const struct ftl *f, u32 stream)
{
	u32 d;

	for (d = 1; d < FTL_STREAMS - FTL_LADDER; d++) {
		if (stream + d < FTL_STREAMS && f->front[stream + d].room)
			return stream + d;
		if (stream >= FTL_LADDER + d && f->front[stream - d].room)
			return stream - d;
	}
	return FTL_STREAMS;
}

/* See overhead_units() in core.c for why another rung will do. */
static bool take_rung(struct ftl *f, struct ftl_spot at, u32 *unit)
{
	u32 other;

	if (take(f, &f->front[at.stream], f->reserve, at, unit))
		return true;
	if (at.stream < FTL_LADDER)
		return false;
	other = nearest_room(f, at.stream);
	if (other == FTL_STREAMS)
		return false;
	f->st.units_misplaced++;
	return take(f, &f->front[other], f->reserve, at, unit);
}

/**
 * ftl_reserve_user() - room for user data
 * @f: the instance
 * @lu: logical unit of the first
 * @named: ftl_io.stream
 * @want: units
 * @unit: receives the append unit of each, as its first unit
 *
 * Context: lock held.
 * Return: units reserved, fewer than wanted when no stripe can be opened.
 */
u32 ftl_reserve_user(struct ftl *f, u64 lu, u8 named, u32 want, u32 *unit)
{
	u32 n;

	for (n = 0; n < want && (!f->paced || f->pace_credit); n++) {
		if (!take_rung(f, ftl_place_user(f, lu + n, named), &unit[n]))
			break;
		f->pace_credit -= f->paced;
		ftl_place_tick(f);
	}
	return n;
}

/*
 * No open stripe has room for an atomic write, and so many are open that there will be
 * no other: what is left in them is given up: nobody else would use it.
 */
static void leave_crumbs(struct ftl *f, const struct ftl_frontier *fr)
{
	u32 i, s = ftl_heap_top(&f->ready_heap);

	if (s == FTL_NONE || !may_open(f, s, f->reserve) || !too_many(f, fr))
		return;
	ftl_frontier_close(f, FTL_USER);
	for (i = FTL_LADDER; i < FTL_STREAMS; i++)
		ftl_frontier_close(f, i);
}

/**
 * ftl_reserve_group() - room for user data that goes in one piece, or none
 * @f: the instance
 * @lu: logical unit of the first
 * @named: ftl_io.stream
 * @n: units, no more than an append unit has pages
 * @unit: receives the append unit of each, as its first unit
 *
 * What is open has room for all of it, or the stripe that is opened on the way has.
 *
 * Context: lock held.
 * Return: false: not now, and nothing was taken.
 */
bool ftl_reserve_group(struct ftl *f, u64 lu, u8 named, u32 n, u32 *unit)
{
	struct ftl_spot at = ftl_place_user(f, lu, named);
	const struct ftl_frontier *fr = &f->front[at.stream];
	u32 i;

	if (f->paced && f->pace_credit < n)
		return false;
	if (ftl_user_room(f) < n && !can_open(f, fr, f->reserve)) {
		leave_crumbs(f, fr);
		return false;
	}
	for (i = 0; i < n && take_rung(f, at, &unit[i]); i++)
		ftl_place_tick(f);
	f->pace_credit -= f->paced ? n : 0;
	return i == n;
}

static bool take_copy(struct ftl *f, struct ftl_spot at, u32 *unit)
{
	if (at.stream == FTL_META &&
	    take(f, ftl_frontier(f, FTL_META), f->meta_reserve, at, unit))
		return true;
	if (at.stream >= FTL_LADDER && take_rung(f, at, unit))
		return true;
	f->st.units_misplaced += at.stream >= FTL_LADDER;
	return take(f, &f->front[FTL_GC], 0, at, unit);
}

/**
 * ftl_reserve_copies() - room for units that the collector moves
 * @f: the instance
 * @tag: their tags
 * @from: where they are
 * @want: units
 * @unit: receives the append unit of each, as its first unit
 *
 * Context: lock held.
 * Return: units reserved.
 */
u32 ftl_reserve_copies(struct ftl *f, const struct fio_tag *tag, const u32 *from, u32 want,
		       u32 *unit)
{
	u32 n;

	for (n = 0; n < want; n++)
		if (!take_copy(f, ftl_place_copy(f, &tag[n], from[n]), &unit[n]))
			break;
	return n;
}

/**
 * ftl_reserve() - room for units of a stream other than user data
 * @f: the instance
 * @stream: stream
 * @want: units
 * @unit: receives the append unit of each, as its first unit
 *
 * Context: lock held.
 * Return: units reserved, fewer than wanted when no stripe can be opened.
 */
u32 ftl_reserve(struct ftl *f, enum ftl_stream stream, u32 want, u32 *unit)
{
	struct ftl_frontier *fr = ftl_frontier(f, stream);
	struct ftl_spot at = ftl_place_internal(f, stream);
	u64 low = floor_of(f, stream);
	u32 n = 0;

	while (n < want && take(f, fr, low, at, &unit[n]))
		n++;
	return n;
}

/**
 * ftl_tag_fill() - the tag of a unit about to be appended
 * @f: the instance
 * @tag: to fill
 * @type: enum fio_tag_type
 * @lba: what it holds
 * @seq: version of the content
 * @unit: reserved place
 *
 * Context: any; the stripe of @unit is open.
 */
void ftl_tag_fill(struct ftl *f, struct fio_tag *tag, u8 type, u64 lba, u64 seq, u32 unit)
{
	const struct ftl_stripe *s = &f->stripe[ftl_unit_stripe(f, unit)];

	memset(tag, 0, sizeof(*tag));
	tag->lba = cpu_to_le64(lba);
	tag->seq = cpu_to_le64(seq);
	tag->stripe_seq = cpu_to_le64(s->seq);
	tag->media_id = cpu_to_le32(f->media_id);
	tag->type = type;
	tag->stream = s->stream;
	ftl_place_tag(f, tag, s);
}

/**
 * ftl_unit_appended() - did unit @i of an append get a place, and one of ours
 * @f: the instance
 * @cmd: completed append
 * @i: unit
 *
 * Context: any; the stripe stays open as long as the unit counts as under way.
 * Return: true if cmd->unit[i] can be published.
 */
bool ftl_unit_appended(const struct ftl *f, const struct media_cmd *cmd, u32 i)
{
	const struct ftl_stripe *s;

	if (cmd->status && (!cmd->failed || cmd->failed >> i & 1))
		return false;
	if (cmd->unit[i] >= f->total_units)
		return false;
	s = &f->stripe[ftl_unit_stripe(f, cmd->unit[i])];
	return ftl_load(&s->state) == FTL_S_OPEN && s->seq == le64_to_cpu(cmd->tag[i].stripe_seq);
}

/* Lock held: a reserved unit has been written. */
void ftl_append_ok(struct ftl *f, u32 unit)
{
	u32 s = ftl_unit_stripe(f, unit);

	ftl_note_volatile(f);
	f->st.units_written_life++;
	if (ftl_has_parity(f))
		ftl_rows_stored(f, s, &unit, 1);
	ftl_add(&f->stripe[s].inflight, -1);
	ftl_stripe_settle(f, s);
}

/**
 * ftl_appended() - units of one stripe have been written and published
 * @f: the instance
 * @stripe: stripe
 * @units: how many
 *
 * One atomic makes them valid and no longer under way.
 *
 * Context: any, no lock needed.
 * Return: true if it may have been the last of a full stripe: the caller takes the
 * lock and settles it.
 */
bool ftl_appended(struct ftl *f, u32 stripe, u32 units)
{
	struct ftl_stripe *s = &f->stripe[stripe];
	const struct ftl_frontier *fr = &f->front[s->stream];

	/* Neither half is ever below what is taken from it: no carry, no borrow. */
	if (COUNT_INFLIGHT(__atomic_add_fetch(&s->counts, (u64)units * COUNT_PUBLISHED,
					      __ATOMIC_ACQ_REL)))
		return false;
	/* The count before the look at the frontier; pairs with leave_stripe(). */
	ftl_fence_after_atomic();
	return ftl_load(&fr->stripe) != stripe;
}

/* Lock held: nothing more is appended to an open stripe. False: it was full. */
bool ftl_leave_open(struct ftl *f, u32 s)
{
	struct ftl_frontier *fr = &f->front[f->stripe[s].stream];

	if (fr->stripe != s)
		return false;
	fr->room = 0;
	leave_stripe(f, fr);
	return true;
}

/* Lock held: nothing more is appended to an append unit of an open stripe. */
void ftl_stop_au(struct ftl *f, u32 s, u32 die)
{
	struct ftl_frontier *fr = &f->front[f->stripe[s].stream];
	u8 *au = &f->au[ftl_au_index(f, s, die)];

	if (*au & FTL_AU_STOP)
		return;
	*au |= FTL_AU_STOP;
	if (fr->stripe != s)
		return;
	fr->room -= f->geo.pages - fr->used[die];
	fr->used[die] = f->geo.pages;
	if (!fr->room)
		leave_stripe(f, fr);
}

/**
 * ftl_append_failed() - a reserved unit was not written, or maybe was
 * @f: the instance
 * @unit: names the append unit
 * @status: enum media_status
 *
 * Nothing more is appended to that append unit, and its stripe is collected
 * before others. After a failed program it is retired once empty.
 *
 * Context: lock held.
 */
void ftl_append_failed(struct ftl *f, u32 unit, u8 status)
{
	u32 s;

	if (unit >= f->total_units)
		return;
	s = ftl_unit_stripe(f, unit);
	if (f->stripe[s].state != FTL_S_OPEN || !ftl_load(&f->stripe[s].inflight))
		return;
	/* AU_STATE: an earlier unit, maybe of this very command, failed there. */
	if (status == MEDIA_PROGRAM_FAIL || status == MEDIA_AU_STATE) {
		u8 *au = &f->au[ftl_unit_au(f, unit)];

		f->st.program_fails += !(*au & FTL_AU_RETIRE);
		*au |= FTL_AU_RETIRE;
	}
	if (status == MEDIA_DIE_OFFLINE)
		ftl_die_silent(f, unit);
	if (status != MEDIA_GONE) {
		f->stripe[s].flags |= FTL_SF_EVACUATE;
		ftl_stop_au(f, s, ftl_unit_die(f, unit));
	}
	ftl_add(&f->stripe[s].inflight, -1);
	ftl_stripe_settle(f, s);
	ftl_kick_later(f);
}
