// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wear levelling: which stripe is erased next, and when cold data must move.
 *
 * Owns: erase counts of stripes, the order in which free ones are erased and
 * erased ones are opened, the patrol that finds stripes left behind. Does not know:
 * how a stripe is erased (stripe.c), opened (frontier.c) or emptied (gc.c).
 *
 * Dynamic: the least worn is used next, but for data that will stay for long: it
 * gets the most worn of those that are erased, and seldom has to move for wear later.
 * Two binary heaps, of free and of erased stripes, so that a pick costs O(log n) on
 * media of any size. Of victims that promise about as much the less worn is taken.
 *
 * Static: a stripe full of data that nobody overwrites never becomes free, and its
 * cycles are lost to the others. A hand walks over the stripes, LOOK of them for
 * each stripe erased; a closed one that lags behind the most worn by three quarters
 * of the bound (5 % of the mean, at least 16) is evacuated. The next stripe opened
 * for collected data is then one that is worn already, or cold data would travel
 * from one little worn stripe to the next; the stripe that it leaves is the least
 * worn free one and takes the writes until it has caught up. At most one evacuation
 * for PACE erases, so that a medium which was filled once and then half forgotten is
 * levelled a little at a time. A stripe that is open is left alone: its turn comes
 * when it closes.
 */
#include "ftl_priv.h"

#define LOOK	64
#define PACE	4
#define SPREAD	16
#define LEAVES	32
#define FAVOUR	96		/* of a score's logarithm: two fifths more */

/** ftl_wear_mean() - mean erase count of stripes; any context */
u32 ftl_wear_mean(const struct ftl *f)
{
	return f->erase_stripes ? (u32)(f->erase_sum / f->erase_stripes) : 0;
}

/**
 * ftl_wear_bound() - how far erase counts may be apart
 * @f: the instance
 *
 * Context: any.
 * Return: cycles.
 */
u32 ftl_wear_bound(const struct ftl *f)
{
	return max_t(u32, ftl_wear_mean(f) / 20, SPREAD);
}

/* Moving takes a while: begin before the bound is reached. */
static u32 lag_limit(const struct ftl *f)
{
	return ftl_wear_bound(f) * 3 / 4;
}

/**
 * ftl_wear_favour() - how much rather a stripe is collected for each cycle it lags
 * @f: the instance
 *
 * Context: any.
 * Return: to add to its score, 8 fraction bits.
 */
u32 ftl_wear_favour(const struct ftl *f)
{
	return (FAVOUR << 8) / lag_limit(f);
}

/* ---- heaps of stripes: lock held ------------------------------------------------- */

static bool less_worn(const struct ftl *f, u32 a, u32 b)
{
	const struct ftl_stripe *x = &f->stripe[a], *y = &f->stripe[b];

	return x->erases != y->erases ? x->erases < y->erases : a < b;
}

static void swap_at(u32 *a, u32 *b)
{
	u32 t = *a;

	*a = *b;
	*b = t;
}

static void sift_up(struct ftl *f, u32 *h, u32 i)
{
	for (; i && less_worn(f, h[i], h[(i - 1) / 2]); i = (i - 1) / 2)
		swap_at(&h[i], &h[(i - 1) / 2]);
}

static void sift_down(struct ftl *f, u32 *h, u32 n, u32 i)
{
	u32 child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && less_worn(f, h[child + 1], h[child]))
			child++;
		if (!less_worn(f, h[child], h[i]))
			break;
		swap_at(&h[child], &h[i]);
		i = child;
	}
}

static void heap_remove(struct ftl *f, struct ftl_heap *h, u32 at)
{
	f->stripe[h->item[at]].queued = 0;
	ftl_store(&h->count, h->count - 1);
	h->item[at] = h->item[h->count];
	if (at == h->count)
		return;
	sift_down(f, h->item, h->count, at);
	sift_up(f, h->item, at);
}

/**
 * ftl_heap_put() - a stripe joins those that are free, or ready
 * @f: the instance
 * @h: ftl.free_heap or ftl.ready_heap
 * @s: stripe; one that is in a heap already stays there
 *
 * Context: lock held.
 */
void ftl_heap_put(struct ftl *f, struct ftl_heap *h, u32 s)
{
	if (f->stripe[s].queued)
		return;
	f->stripe[s].queued = 1;
	h->item[h->count] = s;
	sift_up(f, h->item, h->count);
	ftl_store(&h->count, h->count + 1);
}

/* The most worn of the last, which are leaves: near enough, and bounded. Not empty. */
static u32 heap_worst(const struct ftl *f, const struct ftl_heap *h)
{
	u32 i, at = h->count - 1, end = h->count > LEAVES ? h->count - LEAVES : 0;

	for (i = h->count; i-- > end;)
		if (less_worn(f, h->item[at], h->item[i]))
			at = i;
	return at;
}

static u32 heap_take(struct ftl *f, struct ftl_heap *h, bool worst)
{
	u32 at = worst ? heap_worst(f, h) : 0;
	u32 s = h->item[at];

	heap_remove(f, h, at);
	return s;
}

/* Is an erased stripe at hand that cold data may stay on? */
static bool worn_is_ready(const struct ftl *f)
{
	const struct ftl_heap *h = &f->ready_heap;

	return h->count && f->stripe[h->item[heap_worst(f, h)]].erases +
			   lag_limit(f) > f->erase_max;
}

/**
 * ftl_wear_next_free() - which free stripe is erased next
 * @f: the instance
 *
 * The least worn; a worn one when cold data is about to move.
 *
 * Context: lock held.
 * Return: stripe, not in the heap any more, or FTL_NONE.
 */
u32 ftl_wear_next_free(struct ftl *f)
{
	if (!f->free_heap.count)
		return FTL_NONE;
	return heap_take(f, &f->free_heap, f->wear_cold && !worn_is_ready(f));
}

/**
 * ftl_wear_next_ready() - which erased stripe is opened next
 * @f: the instance
 * @gc: for collected data
 * @stays: for data that is expected to stay for more than two rounds
 *
 * Context: lock held; there is one.
 * Return: stripe, not in the heap any more.
 */
u32 ftl_wear_next_ready(struct ftl *f, bool gc, bool stays)
{
	bool cold = gc && f->wear_cold;

	f->wear_cold -= cold;
	return heap_take(f, &f->ready_heap, cold || stays);
}

/**
 * ftl_heap_drop() - a stripe is neither free nor ready any more
 * @f: the instance
 * @s: stripe, in a heap or not
 *
 * Rare: its last append unit went bad. Hence the search.
 *
 * Context: lock held.
 */
void ftl_heap_drop(struct ftl *f, u32 s)
{
	struct ftl_heap *heap[] = { &f->free_heap, &f->ready_heap };
	u32 i, k;

	for (k = 0; k < ARRAY_SIZE(heap); k++)
		for (i = 0; f->stripe[s].queued && i < heap[k]->count; i++)
			if (heap[k]->item[i] == s)
				heap_remove(f, heap[k], i);
}

/* ---- counts ------------------------------------------------------------------------ */

/**
 * ftl_wear_count() - how worn is a stripe, as the medium reported
 * @f: the instance
 * @s: stripe
 *
 * As its least worn append unit: all are erased together but those that were spare
 * for a superblock once.
 *
 * Context: attach, before any stripe becomes free.
 */
void ftl_wear_count(struct ftl *f, u32 s)
{
	u32 die, i, least = FTL_NONE;

	for (die = 0; f->au_erases && die < f->geo.dies; die++) {
		i = ftl_au_index(f, s, die);
		if (!(f->au[i] & (FTL_AU_BAD | FTL_AU_SYSTEM)))
			least = min(least, f->au_erases[i]);
	}
	f->stripe[s].erases = least == FTL_NONE ? 0 : least;
}

static void scan_counts(struct ftl *f)
{
	u32 i, n = 0, least = FTL_NONE, most = 0;
	unsigned long flags;
	u64 sum = 0;

	for (i = 0; i < f->geo.aus; i++) {
		const struct ftl_stripe *s = &f->stripe[i];

		if (!s->size)
			continue;
		n++;
		sum += s->erases;
		most = max(most, s->erases);
		least = min(least, s->erases);
	}
	flags = ftl_lock(&f->lock);
	f->erase_max = most;
	f->erase_min = n ? least : 0;
	f->erase_sum = sum;
	f->erase_stripes = n;
	ftl_unlock(&f->lock, flags);
}

/**
 * ftl_wear_init() - all counts are known
 * @f: the instance
 *
 * Context: attach.
 */
void ftl_wear_init(struct ftl *f)
{
	scan_counts(f);
}

/**
 * ftl_wear_erased() - a stripe has been erased
 * @f: the instance
 * @s: stripe
 *
 * Context: lock held.
 */
void ftl_wear_erased(struct ftl *f, u32 s)
{
	struct ftl_stripe *st = &f->stripe[s];

	st->erases++;
	f->erase_sum++;
	f->erase_max = max(f->erase_max, st->erases);
	f->wear_todo++;
}

/* ---- static levelling ---------------------------------------------------------------- */

static bool lags(const struct ftl *f, u32 s)
{
	const struct ftl_stripe *st = &f->stripe[s];

	return st->state == FTL_S_CLOSED && ftl_load(&st->valid) &&
	       !(st->flags & FTL_SF_EVACUATE) && !ftl_load(&st->stuck) &&
	       f->erase_max >= st->erases + lag_limit(f);
}

/* Lock held: the next stripe under the hand that lags behind. */
static u32 move_hand(struct ftl *f, u32 steps)
{
	u32 s;

	for (; steps; steps--) {
		s = f->wear_hand;
		f->wear_hand = s + 1 < f->geo.aus ? s + 1 : 0;
		if (lags(f, s))
			return s;
	}
	return FTL_NONE;
}

/**
 * ftl_wear_step() - look for cold data on little worn flash
 * @f: the instance
 *
 * Context: worker.
 * Return: true when a stripe is to be evacuated.
 */
bool ftl_wear_step(struct ftl *f)
{
	unsigned long flags;
	u32 s, hand = f->wear_hand;

	if (f->wear_todo < PACE || ftl_load(&f->read_only))
		return false;
	f->wear_todo -= PACE;
	flags = ftl_lock(&f->lock);
	s = move_hand(f, min_t(u32, LOOK * PACE, f->geo.aus));
	if (s != FTL_NONE) {
		ftl_evacuate(f, s);
		f->wear_cold = 1;
		f->st.stripes_levelled++;
	}
	ftl_unlock(&f->lock, flags);
	/* Once a round; only the worker changes what is counted. */
	if (f->wear_hand <= hand)
		scan_counts(f);
	return s != FTL_NONE;
}
