/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The FTL core's own structures, seen by hal/ftl only.
 *
 * Owns: the instance and what its files tell each other. Does not know: who
 * calls ftl_submit(), what carries media commands.
 *
 * Locks. There is one, ftl.lock, held briefly, never while a function of the
 * medium, of the environment or of a request's owner is called. It protects the
 * states of stripes, frontiers, numbering, and everything that waits. Without it:
 *
 *   reads      pin an epoch, load the map, unpin when their command is done;
 *   writes     of whole units in one command that find nothing in their way: they
 *              pin an epoch of writes, take their units in the in-flight table,
 *              take the lock for room and a number only, and are published without
 *              it. Who finds something in its way (a write to the same unit, a
 *              trim, others waiting, a failed append) is listed under the lock,
 *              and only then unpins: so every write that is numbered is either
 *              on a list or pinned;
 *   the map    is changed by exchange (writes, which own their unit in the
 *              in-flight table; trims, which have waited for writes) and by
 *              compare and swap (the collector). Valid counts follow the map, so
 *              that of a closed stripe they may be too large for a moment, never too small.
 *
 * Who runs. ftl_submit() and media completions run anywhere and concurrently.
 * The worker (ftl_run(), attach, detach) is one thread; only it opens the way
 * for others by erasing, collects, journals and waits. What it waits for
 * (media commands, writes that hold a sequence number) never needs the worker.
 */
#ifndef FTL_PRIV_H
#define FTL_PRIV_H

#include "ftl.h"

struct ftl_link {
	struct ftl_link *next, *prev;
};

static inline void ftl_list_init(struct ftl_link *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool ftl_list_empty(const struct ftl_link *l)
{
	return l->next == l;
}

static inline void ftl_list_add_tail(struct ftl_link *l, struct ftl_link *head)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

static inline void ftl_list_add(struct ftl_link *l, struct ftl_link *head)
{
	ftl_list_add_tail(l, head->next);
}

static inline void ftl_list_del(struct ftl_link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	ftl_list_init(l);
}

#define FTL_NONE	0xffffffffu
#define FTL_SYSTEM_AUS	8U	/* superblocks are below this number of every die */

/*
 * Streams, each with a frontier. Their numbers are stored in page tags. A medium
 * with few stripes has one stream for user data and one for copies. Others have
 * the rungs of a ladder, FTL_LADDER on, each for data of like age, written by
 * users and by the collector; then FTL_USER is not used and FTL_GC is where copies
 * go for which no rung has room. Behind the rungs are the streams that users name
 * themselves; for room and reserve they are like rungs.
 */
#define FTL_RUNGS	13

enum ftl_stream {
	FTL_USER, FTL_GC, FTL_META, FTL_LADDER,
	FTL_NAMED = FTL_LADDER + FTL_RUNGS,
	FTL_STREAMS = FTL_NAMED + FTL_WRITE_STREAMS,
};

enum ftl_stripe_state {
	FTL_S_UNUSABLE,	/* no good append unit */
	FTL_S_FREE,	/* nothing in it is needed; erased when next wanted */
	FTL_S_READY,	/* erased */
	FTL_S_OPEN,	/* a frontier writes to it, or its last appends are under way */
	FTL_S_CLOSED,
};

/* ftl_stripe.flags */
#define FTL_SF_EVACUATE	BIT(0)	/* an append failed in it: collect it first */
#define FTL_SF_PINNED	BIT(1)	/* attach: its content may still be needed */
#define FTL_SF_UNSEALED	BIT(2)	/* its end may be in a volatile buffer */
#define FTL_SF_UNCOUNTED BIT(3)	/* attach: the map that tells what it holds is to come */
#define FTL_SF_SUMS	BIT(4)	/* the medium sums its rows; not all its parity is written */
#define FTL_SF_OLD_SUMS	BIT(5)	/* the medium has sums until it is erased, flash no parity */
#define FTL_SF_FINISH	BIT(6)	/* closed before it was full: the medium does not know */

/**
 * struct ftl_stripe - the append units of one number on all dies
 * @seq: sequence number at opening
 * @valid: units that the map, the directory or the journal list refers to
 * @inflight: units reserved whose append has not completed
 * @size: units of its usable append units, without that of parity
 * @opened: when its first unit was given away, @closed: its last; see place.c
 * @interval: between updates of what is in it, a logarithm; 0: not known
 * @erases: how often it was erased
 * @born: ftl.hour when it closed, or at attach
 * @queued: it is in a heap
 * @stuck: could not be emptied; not a victim until something in it changes
 * @group_seq: newest atomic write with a page in it; see group.c
 * @parity: die of its parity, if it has any; good while it is open or has sums
 * @rows: rows in use, while it has sums
 * @bank: where those are counted
 *
 * The lock protects it, but for @valid, @inflight and @stuck: those are atomics,
 * changed by writes that complete. @inflight only reaches 0 for good when no
 * frontier is on the stripe any more; who takes it there closes it.
 */
struct ftl_stripe {
	u64 seq;
	union {
		struct {
			u32 valid;
			u32 inflight;
		};
		u64 counts;	/* both, for one atomic */
	};
	u32 size;
	u32 erases;
	u32 born;
	u32 opened, closed;
	u16 interval;
	u8 state;
	u8 stream;
	u8 flags;
	u8 queued;
	u8 stuck;
	u16 parity;
	u16 bank;
	u32 rows;
	u64 group_seq;
};

/**
 * struct ftl_heap - stripes, the least worn on top
 * @item: room for all stripes
 * @count: in use
 */
struct ftl_heap {
	u32 *item;
	u32 count;
};

static inline u32 ftl_heap_top(const struct ftl_heap *h)
{
	return h->count ? h->item[0] : FTL_NONE;
}

/* ftl.au[]: what is known of one append unit */
#define FTL_AU_BAD	BIT(0)
#define FTL_AU_SYSTEM	BIT(1)	/* holds superblocks, belongs to no stripe */
#define FTL_AU_STOP	BIT(2)	/* no more appends in this life */
#define FTL_AU_RETIRE	BIT(3)	/* a program failed: bad as soon as it is empty */
#define FTL_AU_ERASED	BIT(4)	/* attach: reported free */
#define FTL_AU_OPENED	BIT(5)	/* attach: reported open */
#define FTL_AU_SUSPECT	BIT(6)	/* attach: suspect, or write pointer unknown */
#define FTL_AU_OFFLINE	BIT(7)	/* attach: on a die that does not answer; BAD as well */

/**
 * struct ftl_frontier - where a stream writes
 * @stripe: open stripe or FTL_NONE
 * @room: units that can still be reserved
 * @die: die of the current chunk, @chunk: units left in it
 * @unsealed: closed stripes of this stream that are not sealed
 * @used: units reserved, by die
 * @placed: units given away of the stripe, @inverse: sum of 1 / interval; see place.c
 */
struct ftl_frontier {
	u32 stripe;
	u32 room;
	u32 die, chunk;
	u32 unsealed;
	u32 *used;
	u32 placed;
	u64 inverse;
};

/**
 * struct ftl_bank - a stripe whose rows the medium sums; see parity.c
 * @stripe: which, or FTL_NONE
 * @members: its append units with data
 * @next: rows before it have their parity on flash
 * @tries: of a command that card resets ended
 * @busy: a command is under way
 * @failed: its parity cannot be written
 * @stored: units appended, by band of rows
 *
 * The lock protects it, but for @stored: those are atomics.
 */
struct ftl_bank {
	struct ftl *f;
	u32 stripe;
	u32 members;
	u32 next;
	u32 tries;
	bool busy, failed;
	u32 *stored;
};

#define FTL_CLASSES	46	/* of intervals, three for two octaves up to 2^30 */

/**
 * struct ftl_spot - where to write a unit
 * @stream: there
 * @died: its last version has been overwritten there, it is no copy
 * @class: of the stripe that it was in, FTL_CLASSES: of none
 * @interval: to expect of it
 * @age: that it had, in intervals of that stripe, 8 fraction bits
 */
struct ftl_spot {
	u8 stream;
	bool died;
	u8 class;
	u16 interval;
	u32 age;
};

/**
 * struct ftl_class - what became of the units in stripes of a class; see place.c
 * @died: units that users overwrote
 * @died_age: sum of their ages, in intervals of their stripe, 8 fraction bits
 * @age: the same of all units that left, those that were copied included
 * @age2: of half the squares of these ages, 16 fraction bits
 * @age3: of a third of the cubes, 24 fraction bits
 * @due: deaths that there should have been, 8 fraction bits
 * @spread: of the rates in a stripe, 8 fraction bits
 * @scale: how much longer than their interval units live, 8 fraction bits
 * @weight: of the age of a unit that was copied, and one that died, 8 fraction bits
 * @less: logarithm of what the sum is divided by then
 */
struct ftl_class {
	u64 died, died_age, age, age2, age3, due;
	u16 spread, scale;
	u16 weight[2], less[2];
};

static_assert(sizeof(struct ftl_class) <= 64);

/**
 * struct ftl_place - what placement knows; see place.c
 * @clock: user units written over the life of the format
 * @shift: a tick is so many of them, as a power of two
 * @round: ticks to write everything once
 * @next: tick when rungs are shared out again, @due: it is
 * @learned: stripes whose tags have been asked
 * @rung: by class, below @used
 * @row_part: of the time that a stripe took to fill, of each row, times 2^16
 * @ended: units that left a stripe; classes hear of one of @sample + 1
 * @class: by class
 */
struct ftl_place {
	u64 clock;
	u32 shift;
	u32 round;
	u32 next;
	bool due;
	u32 learned;
	u32 used;
	u32 row_part;
	u32 ended, sample;
	u8 rung[FTL_CLASSES];
	struct ftl_class class[FTL_CLASSES];
};

/**
 * struct ftl_roll - the checkpoint that rolls; see rolling.c
 * @every: units written for each leaf
 * @mark: units written when @credit was counted last, @rest: not yet worth a leaf
 * @credit: leaves that may be written
 * @active: a round is under way
 * @failed: a snapshot of this round was not written: it proves nothing
 * @next: leaf where it goes on
 * @from, @count, @stripe: struct fio_root's, as they were when it began
 */
struct ftl_roll {
	u32 every;
	u64 mark;
	u32 rest, credit;
	bool active, failed;
	u32 next;
	u64 from;
	u32 count;
	u32 stripe[FIO_ROOT_STRIPES];
};

/* ftl.leaf_state[] */
#define FTL_LEAF_DIRTY	BIT(0)	/* differs from its snapshot */
#define FTL_LEAF_TRIMMED BIT(1)	/* the journal still speaks for it */
#define FTL_LEAF_LOST	BIT(2)	/* on flash, and cannot be had: see late.c */

/* A private unit for a read-modify-write, lent to one request. */
enum ftl_rmw_state { FTL_RMW_START, FTL_RMW_READING, FTL_RMW_READY, FTL_RMW_APPEND };

struct ftl_rmw {
	struct ftl_link link;
	struct ftl *f;
	struct media_buf buf;
	struct ftl_io *io;
	u32 index;	/* unit within the request */
	u8 state;
	u8 pin;
};

/* A write request's private area. */
struct ftl_write {
	struct ftl_link wait;	/* ftl.parked or ftl.waiting */
	struct ftl_link adm;	/* ftl.admitted: holds its units in the in-flight table */
	struct ftl_link sq;	/* ftl.sequenced: commands under way */
	struct ftl *f;
	u64 lu;			/* first unit */
	u64 seq;		/* of the oldest command under way */
	u64 todo[2];		/* units still to append from the request's buffer */
	struct ftl_rmw *rmw[2];
	u32 units;
	u32 pending;		/* commands and holders; completes at 0 */
	u16 cmds;		/* appends under way */
	u16 head;		/* bytes before the first block in the first unit */
	u16 tries;
	s16 err;
	u8 pin;			/* from ftl_write_pin(), while it is not on ftl.admitted */
	u8 group;		/* enum ftl_group_state */
	struct ftl_link grp;	/* ftl_groups.writes: since its first attempt */
	u64 first, last;	/* numbers of the first and last attempt that failed */
};

/* An atomic write of several units: none of its attempts has failed, or some have. */
enum ftl_group_state { FTL_GROUP_NONE, FTL_GROUP_WHOLE, FTL_GROUP_RETRY };

/* A read's or a flush's private area. */
struct ftl_read {
	struct ftl_link wait;	/* ftl.cmd_wait */
	u64 lu;
	u32 units;
	u32 next;		/* first unit not yet in a command */
	u32 head;
	u32 bytes;		/* of the request */
	u32 pending;
	u32 aborts;		/* commands that a card reset ended */
	s32 err;
	u8 pin;
	u64 lost[2];		/* units that have to be computed */
};

/* A trim's or write-zeroes' private area; @lu, @units: what it unmaps. */
struct ftl_trim {
	struct ftl_link wait;	/* ftl.trims */
	u64 lu, units;		/* whole units */
	u64 from, to;		/* units touched, edges included: [from, to) */
	u64 seq;
	s32 err;
};

static_assert(sizeof(struct ftl_write) <= sizeof(((struct ftl_io *)0)->priv));
static_assert(sizeof(struct ftl_read) <= sizeof(((struct ftl_io *)0)->priv));
static_assert(sizeof(struct ftl_trim) <= sizeof(((struct ftl_io *)0)->priv));

#define ftl_priv_of(io, type) ((struct type *)(io)->priv)
#define ftl_io_of(p) container_of((void *)(p), struct ftl_io, priv)

/* A command slot of the worker. */
enum ftl_slot_state { FTL_SLOT_IDLE, FTL_SLOT_BUSY, FTL_SLOT_DONE };

#define FTL_SLOTS	8

struct ftl_slot {
	struct ftl *f;
	struct media_cmd *cmd;
	struct media_buf buf;
	u32 state;
	u32 step;
	u32 tries, aborts;
	u32 old[FTL_MAX_UNITS];	/* where the units in @buf came from */
	u64 key;
};

/* fill() prepares slot->cmd, false: nothing more; reap() looks at the answer. */
#define FTL_AGAIN	1	/* reap() prepared the slot's next command */

struct ftl_pipe {
	bool (*fill)(struct ftl *f, struct ftl_slot *s, void *arg);
	int (*reap)(struct ftl *f, struct ftl_slot *s, void *arg);
};

/*
 * Readers of a queue, by parity of the epoch in which they came: the low bits say
 * how many there are, the rest counts the units that were read, so that a read
 * pays one atomic for both. Requests of a queue are fewer than fit by far.
 */
#define FTL_PIN_BITS	20
#define FTL_PIN_MASK	((1ULL << FTL_PIN_BITS) - 1)

struct ftl_pins {
	u64 count[2];
	u64 writes[2];	/* likewise, of writes: see ftl_write_pin() */
} __aligned(64);

#define FTL_SUMS_KEPT	5	/* stripes with sums that users leave to others */
#define FTL_RMW_UNITS	64
#define FTL_CANDIDATES	32
#define FTL_TRIM_BATCH	FIO_JOURNAL_RECS
#define FTL_APPEND_TRIES 8
#define FTL_ABORT_TRIES	16

/* struct fio_group_drop in memory. */
struct ftl_drop {
	u64 first, last;
	u32 lu;
	u16 len;
};

/**
 * struct ftl_groups - atomic writes; see group.c
 * @max: units of one at most; 0: the format has none
 * @active: admitted and not ended, @unsynced: ended, but not known to be durable
 * @wanted: somebody waits for one of these to become less
 * @writes: those that have a number
 * @newest: number of the newest that is published
 * @since: published since the last proof
 * @proved: as fio_group_page.proof
 * @stuck: one failed for good, at @stuck_seq: no proof beyond
 * @page: where the page is that counts, or FIO_UNIT_NONE; @page_drops: its entries
 * @draft: the next one
 * @drop: what recovery found not to be whole and is not overwritten yet, @drops of them
 * @rewrite: the page was lost to the medium
 */
struct ftl_groups {
	u32 max;
	u32 active, unsynced;
	u32 wanted;
	struct ftl_link writes;
	u64 newest;
	u32 since;
	u64 proved;
	bool stuck;
	u64 stuck_seq;
	u32 page, page_drops;
	struct fio_group_page *draft;
	struct ftl_drop drop[FIO_GROUP_DROPS];
	u32 drops;
	bool rewrite;
};

/*
 * What changes with each write is kept at a distance from what every request
 * reads: the pads are as long as a cache line, wherever the instance begins.
 */
struct ftl {
	struct media *m;
	struct ftl_env env;
	struct media_geometry geo;

	/* looked at by every request, without the lock; changed seldom */
	u32 gone;
	u32 nwait;		/* requests on parked, waiting and cmd_wait */
	u32 wake_writes;	/* the worker waits for writes to complete */
	u32 want_cmd;		/* the worker waits for a command */
	u32 kicks;		/* the worker is to be called as soon as the lock is free */
	u32 epoch;
	u32 epoch_waiter;
	u32 write_epoch;
	u32 trim_active;	/* there is a group of trims */
	u32 rows_due;		/* rows may be complete whose parity is not on its way */
	u32 late_on;		/* of the map there is something on flash only */
	struct ftl_pins *pins;

	u8 pad0[64];
	struct ftl_lock lock;
	u8 pad1[64];

	/* shape */
	u32 stripe_units;	/* of a stripe without bad AUs */
	u32 stripe_data;	/* of those, not parity */
	u32 total_units;
	u32 streams;		/* below the ladder; 2: metadata shares the GC frontier */
	u32 rungs;		/* streams of the ladder, 0: there is none */
	u32 ready_goal;		/* erased stripes to keep at hand */
	u64 reserve;		/* units that user data never opens */
	u64 meta_reserve;	/* units that metadata never opens */

	/* identity, from the superblock */
	struct fio_super *super;	/* as last read or written */
	u32 media_id;
	u32 lba_bytes, lba_shift;	/* blocks per unit, as a shift */
	u64 user_units;
	u32 sys_au[2], sys_die[2], sys_mirrors;
	u32 sys_found;		/* AU number of the newest superblock */
	u32 sys_pair;		/* where superblocks are appended now */
	u32 sys_page;		/* superblocks appended there */
	u64 sys_gen;		/* highest generation ever seen */
	bool sys_proven;	/* that pair holds one that counts */

	/* map: leaves appear when first written, read without a lock */
	u32 nleaves, ndirs;
	u32 **leaf;
	u32 *leaf_unit;		/* snapshot of each leaf */
	struct ftl_late *late;	/* what is to come; the worker's */
	struct ftl_link late_reads;
	u32 *leaf_age;		/* low half of its number, FIO_UNIT_NONE: there is none */
	u8 *leaf_state;
	u32 dirty_leaves, trimmed_leaves;
	u64 *inflight;		/* bit per hashed unit */
	u32 inflight_mask;
	u64 snap_mem[80];	/* ftl_snapshot()'s: it must not need memory */

	/* media */
	u8 *au;
	u32 *au_wp;		/* attach only, as the next */
	u32 *au_erases;
	struct ftl_stripe *stripe;
	u8 pad2[64];
	struct ftl_frontier front[FTL_STREAMS];
	u32 sums;		/* stripes with FTL_SF_SUMS or FTL_SF_OLD_SUMS */
	struct ftl_bank *bank;
	u32 *stored;		/* theirs, of all */
	u32 banks, bands, band_shift;
	u32 rows_active;	/* commands under way for them */
	struct ftl_place place;
	u32 *front_used;	/* theirs, by stream and die */
	u32 open_stripes;
	u32 unfinished;		/* with FTL_SF_FINISH */
	u64 free_units;		/* FREE and READY */
	u64 usable_units;	/* all stripes, without parity */
	u32 bad_aus, offline_aus;

	/* wear: FREE and READY stripes, least worn first; erase counts of usable stripes */
	struct ftl_heap free_heap, ready_heap;
	u32 erase_min, erase_max, erase_stripes;
	u64 erase_sum;
	u32 wear_hand, wear_todo;
	u32 wear_cold;		/* cold data is on the move: to a worn stripe */

	/* repair: SYNC fails until something is retired; flushes that wait for it */
	u32 sync_broken, sync_tries;
	struct ftl_link flushes;

	/* scrub: where the patrol is, and when it goes on; hours since the epoch */
	struct ftl_scrub scrub;
	u32 scrub_stripe, scrub_at;
	u64 scrub_next;
	u32 hour;

	/* health: as judged last; dies that do not answer, a bit each */
	u32 health, health_why;
	u64 die_offline[4];
	bool meta_lost;
	u32 braked;		/* writes begin only as the worker lets them */
	s64 credit;		/* units that may begin now */
	u64 row_ns;		/* when some were last let in */
	u64 later_ns;		/* the worker wants to run again in so long; 0: no */

	u8 pad4[64];

	/* sequence and durability */
	u64 seq;		/* next */
	u64 volatile_gen;	/* appends completed while the medium was volatile */
	u64 synced_gen;

	/* writes without the lock: what is known of those that have ended */
	u32 drained_epoch;	/* all of it and before have ended */
	u64 drained_seq;	/* all with a number up to this have */
	u64 drain_next;		/* what drained_seq becomes with the next epoch */
	u32 trim_epoch;		/* writes up to it know nothing of the group of trims */

	/* writes */
	struct ftl_link parked, waiting, admitted, sequenced;
	struct ftl_link rmw_free;
	u32 rmw_count;
	struct ftl_rmw *rmw;
	struct ftl_link cmd_wait;
	u8 pad3[64];

	/* trims: queued, and the group being committed */
	struct ftl_link trims, trim_group;

	/* journal */
	u32 *journal;		/* live pages */
	u32 journal_count, journal_max, journal_cap;
	u64 journal_nr;
	u64 trim_seq;		/* newest trim */
	bool want_snapshot;	/* a page of metadata was lost to the medium */

	/* the newest root: its pages; the worker */
	u32 *root;
	u32 root_count, root_cap, root_fresh;
	struct ftl_roll roll;
	struct ftl_groups group;

	/* epochs */
	void *pins_mem;

	/* worker */
	struct ftl_slot slot[FTL_SLOTS];
	struct ftl_slot xslot;	/* single commands, also from within a pipe */
	struct ftl_slot pslot;	/* rows, also while xslot is in use */
	u8 *sum;		/* a unit computed from its row */
	struct ftl_link lost, lost_rmw;	/* requests with units that have to be computed */
	u64 silent[4];		/* dies that may have stopped answering, a bit each */
	u64 lost_dies[4];	/* those that have, and are out of use */
	u32 *gc_units;		/* live ones from the front, unreadable ones from the end */
	u32 gc_count;
	u32 gc_lost;
	u32 gc_bad;
	bool gc_active;		/* a victim is being collected step by step */
	u32 gc_victim, gc_before, gc_next;
	u64 gc_seq;
	bool paced;		/* users write as fast as collection makes room */
	u32 pace_credit;	/* units that they may write now */
	u32 pace_gain, pace_cost, pace_part;
	u32 gc_cursor;
	u32 gc_old[FTL_CANDIDATES];	/* the best victims of earlier looks */
	bool gc_desperate;	/* no room without giving up units that cannot be read */

	bool inspect;		/* attached read-only: nothing may change the medium */
	bool read_only;
	const char *read_only_reason;
	struct ftl_recovery rec;
	struct ftl_stats st;
	u64 mem_now;
};

/* core.c: memory, log, health of the instance */
void *ftl_alloc(struct ftl *f, size_t bytes, enum ftl_mem kind);
void ftl_free(struct ftl *f, void *p, size_t bytes, enum ftl_mem kind);
#define ftl_say(f, level, ...) do {					\
	char _line[160];						\
	ftl_format_line(_line, sizeof(_line), __VA_ARGS__);		\
	(f)->env.log((f)->env.ctx, level, _line);			\
} while (0)
void ftl_account_buffer(struct ftl *f, size_t bytes);
int ftl_check_geometry(const struct media_geometry *g, const struct ftl_env *env);
void ftl_set_shape(struct ftl *f, const struct media_geometry *g);
void ftl_set_rungs(struct ftl *f);
struct ftl *ftl_create(struct media *m, const struct ftl_env *env);
void ftl_set_gone(struct ftl *f);
void ftl_kick(struct ftl *f);
int ftl_alloc_unit_state(struct ftl *f);
u64 ftl_overhead_units(const struct ftl *f);
u64 ftl_meta_units(u64 user_units);
u32 ftl_journal_max(u64 user_units);

/* ftl_look() will call the worker. */
static inline void ftl_kick_later(struct ftl *f)
{
	ftl_store(&f->kicks, 1);
}

/* Lock held. Looked at without it, by those who only want to know if any waits. */
static inline void ftl_count_waiting(struct ftl *f, s32 by)
{
	ftl_store(&f->nwait, f->nwait + by);
}

static inline bool ftl_seq_after(u64 a, u64 b)
{
	return (s64)(a - b) > 0;
}

/* addresses */
static inline u32 ftl_unit_stripe(const struct ftl *f, u32 unit)
{
	return unit / f->stripe_units;
}

static inline u32 ftl_unit_au(const struct ftl *f, u32 unit)
{
	return unit / f->geo.pages;
}

static inline u32 ftl_unit_die(const struct ftl *f, u32 unit)
{
	return ftl_unit_au(f, unit) % f->geo.dies;
}

static inline u32 ftl_au_index(const struct ftl *f, u32 stripe, u32 die)
{
	return stripe * f->geo.dies + die;
}

/* map.c */
int ftl_map_alloc_tables(struct ftl *f);
int ftl_map_add_leaf(struct ftl *f, u32 leaf);
void ftl_map_free(struct ftl *f);
void ftl_map_publish(struct ftl *f, u64 lu, u32 unit);
void ftl_map_put_old(struct ftl *f, u64 lu, u32 old);
bool ftl_map_relocate(struct ftl *f, u64 lu, u32 from, u32 to);
void ftl_map_unmap(struct ftl *f, u64 lu);
void ftl_map_mark(struct ftl *f, u32 leaf, u8 state);

/* The leaf of a unit or NULL; pairs with the release in ftl_map_add_leaf(). */
static inline u32 *ftl_map_leaf(const struct ftl *f, u64 lu)
{
	return ftl_load_acquire(&f->leaf[lu >> 10]);
}

/* ftl_lookup(), for the path of reads */
static inline u32 ftl_map_find(const struct ftl *f, u64 lu)
{
	const u32 *leaf = ftl_map_leaf(f, lu);

	/* Pairs with the exchange in ftl_map_publish(): the place, then its content. */
	return leaf ? ftl_load_acquire(&leaf[lu & (FIO_MAP_FANOUT - 1)]) : FIO_UNIT_NONE;
}

/* epoch.c */
u8 ftl_pin(struct ftl *f, u32 queue, u32 units);
void ftl_unpin(struct ftl *f, u32 queue, u8 pin);
int ftl_grace(struct ftl *f);
u64 ftl_units_read(const struct ftl *f);
u8 ftl_write_pin(struct ftl *f, u32 queue);
void ftl_write_unpin(struct ftl *f, u32 queue, u8 pin, u32 units);
u64 ftl_units_fast(const struct ftl *f);
void ftl_drain_writes(struct ftl *f);

/* stripe.c */
void ftl_stripe_init(struct ftl *f, u32 s);
void ftl_au_lost(struct ftl *f, u32 s, u32 die);
void ftl_stripe_get(struct ftl *f, u32 unit);
void ftl_stripe_put(struct ftl *f, u32 unit);
void ftl_stripe_settle(struct ftl *f, u32 s);
void ftl_stripe_set_free(struct ftl *f, u32 s, u8 state);
bool ftl_finish_step(struct ftl *f);
int ftl_erase_stripe(struct ftl *f, u32 s);
int ftl_prepare(struct ftl *f, u32 stripes);
bool ftl_reclaim(struct ftl *f);
int ftl_sync(struct ftl *f);
int ftl_sync_rest(struct ftl *f);
void ftl_retire_aus(struct ftl *f, u32 s);
int ftl_seal(struct ftl *f);
int ftl_seal_all(struct ftl *f);
bool ftl_needs_sync(const struct ftl *f);

/*
 * Something that was appended may be in a volatile buffer: before it is published,
 * for whoever finds it in the map asks ftl_needs_sync() then.
 */
static inline void ftl_note_volatile(struct ftl *f)
{
	if (!ftl_load(&f->m->durable))
		__atomic_add_fetch(&f->volatile_gen, 1, __ATOMIC_RELEASE);
}

int ftl_au_list_op(struct ftl *f, u32 stripe, enum media_op op, u8 need, u8 skip);
int ftl_report_aus(struct ftl *f);

/* health.c */
void ftl_set_read_only(struct ftl *f, const char *reason);
void ftl_check_spare(struct ftl *f);
u32 ftl_reserve_left(const struct ftl *f);
bool ftl_health_step(struct ftl *f);
bool ftl_brake_admits(struct ftl *f, u32 units);
bool ftl_brake_step(struct ftl *f);

/* wear.c */
void ftl_heap_put(struct ftl *f, struct ftl_heap *h, u32 s);
void ftl_heap_drop(struct ftl *f, u32 s);
u32 ftl_wear_next_free(struct ftl *f);
u32 ftl_wear_next_ready(struct ftl *f, bool gc, bool stays);
u32 ftl_wear_favour(const struct ftl *f);
void ftl_wear_count(struct ftl *f, u32 s);
void ftl_wear_init(struct ftl *f);
void ftl_wear_erased(struct ftl *f, u32 s);
u32 ftl_wear_mean(const struct ftl *f);
u32 ftl_wear_bound(const struct ftl *f);
bool ftl_wear_step(struct ftl *f);

/* repair.c */
void ftl_sync_failed(struct ftl *f);
bool ftl_flush_wait(struct ftl *f, struct ftl_io *io);
void ftl_flush_end(struct ftl *f, int err);
bool ftl_repair_step(struct ftl *f);
bool ftl_repair_busy(struct ftl *f);

/* scrub.c */
bool ftl_evacuate(struct ftl *f, u32 s);
bool ftl_scrub_step(struct ftl *f);
void ftl_scrub_init(struct ftl *f);

/* frontier.c */
void ftl_stop_au(struct ftl *f, u32 s, u32 die);
bool ftl_leave_open(struct ftl *f, u32 s);
u32 ftl_reserve(struct ftl *f, enum ftl_stream stream, u32 want, u32 *unit);
u32 ftl_reserve_user(struct ftl *f, u64 lu, u8 named, u32 want, u32 *unit);
bool ftl_reserve_group(struct ftl *f, u64 lu, u8 named, u32 n, u32 *unit);
u32 ftl_reserve_copies(struct ftl *f, const struct fio_tag *tag, const u32 *from, u32 want,
		       u32 *unit);
u64 ftl_room(struct ftl *f, enum ftl_stream stream);
u64 ftl_user_room(const struct ftl *f);
void ftl_frontier_close(struct ftl *f, enum ftl_stream stream);
void ftl_append_ok(struct ftl *f, u32 unit);
bool ftl_appended(struct ftl *f, u32 stripe, u32 units);
void ftl_append_failed(struct ftl *f, u32 unit, u8 status);
struct ftl_frontier *ftl_frontier(struct ftl *f, enum ftl_stream stream);
void ftl_tag_fill(struct ftl *f, struct fio_tag *tag, u8 type, u64 lba, u64 seq, u32 unit);
bool ftl_unit_appended(const struct ftl *f, const struct media_cmd *cmd, u32 i);
bool ftl_user_starved(const struct ftl *f);
void ftl_leave_stripes(struct ftl *f);

/* inflight.c */
int ftl_inflight_init(struct ftl *f);
bool ftl_inflight_take(struct ftl *f, u64 lu, u32 units);
void ftl_inflight_clear(struct ftl *f, u64 lu, u32 units);
bool ftl_inflight_overlaps(const struct ftl *f, u64 from, u64 to);
u64 ftl_complete_seq(struct ftl *f);

/* write.c, read.c, submit.c */
void ftl_submit_write(struct ftl *f, struct ftl_io *io);
void ftl_write_pump(struct ftl *f);
void ftl_rmw_rebuilt(struct ftl *f, struct ftl_rmw *r, int err);
bool ftl_write_alloc_leaf(struct ftl *f);
void ftl_submit_read(struct ftl *f, struct ftl_io *io);
void ftl_submit_flush(struct ftl *f, struct ftl_io *io);
void ftl_read_pump(struct ftl *f);
void ftl_pump(struct ftl *f);
void ftl_attend(struct ftl *f);
void ftl_fail_all(struct ftl *f);
int ftl_status_errno(u8 status);

/**
 * ftl_span() - the units a request touches
 * @f: the instance
 * @io: request
 * @lu: receives the first unit
 * @head: receives the bytes before the request in it
 * @units: receives how many units
 *
 * Context: any.
 */
static inline void ftl_span(const struct ftl *f, const struct ftl_io *io, u64 *lu, u32 *head,
			    u64 *units)
{
	u32 mask = (1U << f->lba_shift) - 1;
	u64 last = io->lba + io->count - 1;

	*lu = io->lba >> f->lba_shift;
	*head = ((u32)io->lba & mask) * f->lba_bytes;
	*units = (last >> f->lba_shift) - *lu + 1;
}

/**
 * ftl_look() - is anybody waiting for what has become free
 * @f: the instance
 *
 * Context: any, no lock held, behind an atomic that is behind what became free.
 */
static inline void ftl_look(struct ftl *f)
{
	if (unlikely(ftl_load(&f->want_cmd) | ftl_load(&f->nwait) | ftl_load(&f->kicks) |
		     ftl_load(&f->rows_due)))
		ftl_attend(f);
}

/* worker.c */
int ftl_pipe_run(struct ftl *f, const struct ftl_pipe *pipe, void *arg);
struct media_cmd *ftl_slot_begin(struct ftl *f, struct ftl_slot *s);
int ftl_slot_exec(struct ftl *f, struct ftl_slot *s);
void ftl_slot_end(struct ftl *f, struct ftl_slot *s);
struct media_cmd *ftl_exec_get(struct ftl *f);
int ftl_exec(struct ftl *f);
void ftl_exec_put(struct ftl *f);
void ftl_cmd_init(struct media_cmd *cmd, enum media_op op, u32 n);
int ftl_wait(struct ftl *f, bool (*cond)(void *arg), void *arg);
void ftl_later(struct ftl *f, u64 ns);
int ftl_slots_init(struct ftl *f);
void ftl_slots_free(struct ftl *f);
int ftl_exec_read(struct ftl *f, u32 unit, bool data);
bool ftl_crc_ok(const void *data, const struct fio_tag *tag);

/* trim.c, journal.c, checkpoint.c */
void ftl_submit_trim(struct ftl *f, struct ftl_io *io);
bool ftl_trim_step(struct ftl *f);
bool ftl_trim_overlaps(const struct ftl *f, u64 from, u64 to);
void ftl_trim_end(struct ftl *f, int err);
int ftl_journal_prepare(struct ftl *f);
int ftl_journal_write(struct ftl *f, struct ftl_link *group);
void ftl_wake_writes(struct ftl *f);
bool ftl_journal_live(const struct ftl *f, u32 unit);
bool ftl_journal_relocate(struct ftl *f, u32 from, u32 to);
int ftl_journal_add(struct ftl *f, u32 unit);
bool ftl_compact_step(struct ftl *f);
int ftl_compact(struct ftl *f);
int ftl_snapshot(struct ftl *f, u8 mask);
int ftl_checkpoint(struct ftl *f);
int ftl_load_checkpoint(struct ftl *f, bool late);
u32 ftl_journal_crc(struct fio_journal *j);
u32 ftl_batch_size(const struct ftl *f);
int ftl_snapshot_some(struct ftl *f, u32 *next, u32 most, u32 *took);

/* late.c */
struct rec;
bool ftl_may_be_late(const struct ftl *f);
int ftl_late_begin(struct ftl *f, struct rec *r);
void ftl_late_free(struct ftl *f);
bool ftl_late_read(struct ftl *f, struct ftl_io *io);
int ftl_late_leaf(struct ftl *f, u32 leaf);
bool ftl_late_step(struct ftl *f);
int ftl_late_finish(struct ftl *f);

/* rolling.c */
void ftl_roll_init(struct ftl *f);
void ftl_roll_begin(struct ftl *f);
int ftl_roll_end(struct ftl *f);
bool ftl_roll_step(struct ftl *f);
bool ftl_root_live(const struct ftl *f, u32 unit);
bool ftl_root_relocate(struct ftl *f, u32 from, u32 to);
void ftl_root_forget(struct ftl *f, u32 stripe);
void ftl_root_add(struct ftl *f, u32 unit);
void ftl_root_settle(struct ftl *f, bool complete);
u32 ftl_root_crc(struct fio_root *r);

/* group.c: while the unit is attached */
bool ftl_group_room(struct ftl *f);
void ftl_group_admit(struct ftl *f, struct ftl_write *w);
void ftl_group_number(struct ftl *f, struct ftl_write *w);
void ftl_group_tags(struct fio_tag *tag, u32 n);
bool ftl_group_publish(struct ftl *f, struct ftl_write *w, const struct media_cmd *cmd);
void ftl_group_end(struct ftl *f, struct ftl_write *w);
bool ftl_group_proved(const struct ftl *f, u32 s);
int ftl_group_prove(struct ftl *f, bool rest);
bool ftl_group_since(struct ftl *f);
bool ftl_group_unsafe(const struct ftl *f, const struct fio_tag *tag);
bool ftl_group_secure(struct ftl *f);
bool ftl_group_step(struct ftl *f);
bool ftl_group_live(const struct ftl *f, u32 unit);
bool ftl_group_relocate(struct ftl *f, u32 from, u32 to);
void ftl_group_lost(struct ftl *f, u32 victim);
void ftl_group_format(struct ftl *f);
int ftl_group_init(struct ftl *f);
void ftl_group_free(struct ftl *f);
void ftl_group_attach(struct ftl *f, u64 proved);
int ftl_group_commit(struct ftl *f);
int ftl_group_detach(struct ftl *f);
u32 ftl_group_crc(struct fio_group_page *p);

/* regroup.c: what a scan finds of groups */
typedef int (*ftl_group_take)(void *arg, u64 lu, u64 seq, u32 unit);

struct ftl_member {
	u64 seq;
	u32 unit, lu;
	u16 index, len;
	bool done;	/* taken */
};

/**
 * struct ftl_regroup - pages of groups that a scan has found
 * @take: told each page that counts, with @arg
 * @proof: as fio_group_page.proof, the highest so far
 * @page: the newest page of type GROUP, FIO_UNIT_NONE: none; @seq: its number
 * @unread: its list is not read yet
 * @pin: the newest one that cannot be torn, if that is another
 * @sure: groups below @sure_seq count, all of them: the superblock says so
 * @m: pages of groups that may count, @n of them, room for @cap
 * @whole: some count because all their pages are there
 * @fresh: something was decided that no page on flash says
 */
struct ftl_regroup {
	struct ftl *f;
	ftl_group_take take;
	void *arg;
	u64 proof, seq;
	u32 page, pin;
	bool unread, whole, fresh, sure;
	u64 sure_seq;
	struct ftl_member *m;
	u32 n, cap;
};

void ftl_regroup_begin(struct ftl_regroup *g, struct ftl *f, ftl_group_take take, void *arg);
int ftl_regroup_fact(struct ftl_regroup *g, const struct fio_tag *tag, u32 unit);
void ftl_regroup_found(struct ftl_regroup *g, const struct fio_tag *tag, u32 unit);
void ftl_regroup_page(struct ftl_regroup *g, const struct fio_tag *tag, u32 unit,
		      struct fio_group_page *p);
int ftl_regroup_trim(struct ftl_regroup *g);
int ftl_regroup_settle(struct ftl_regroup *g);
int ftl_regroup_end(struct ftl_regroup *g);
void ftl_regroup_free(struct ftl_regroup *g);

/* parity.c */
void ftl_set_parity(struct ftl *f, bool on);
u32 ftl_stripe_size(const struct ftl *f, u32 s);
u32 ftl_parity_die(const struct ftl *f, u32 s);
bool ftl_held_parity(const struct ftl *f, u32 s, u32 die);
void ftl_rows_begin(struct ftl *f, u32 s);
void ftl_rows_stored(struct ftl *f, u32 s, const u32 *unit, u32 n);
bool ftl_parity_pump(struct ftl *f, bool worker);
int ftl_parity_close(struct ftl *f);
void ftl_parity_rest(struct ftl *f);
bool ftl_parity_step(struct ftl *f);
int ftl_parity_init(struct ftl *f);
void ftl_parity_free(struct ftl *f);
int ftl_parity_attach(struct ftl *f);
int ftl_parity_settle(struct ftl *f);
bool ftl_sums_step(struct ftl *f);

/* rebuild.c */
int ftl_rebuild(struct ftl *f, u32 unit, struct fio_tag *tag);
int ftl_fetch(struct ftl *f, u32 unit);
bool ftl_rebuildable(const struct ftl *f, u8 status);
void ftl_rebuild_later(struct ftl *f, struct ftl_link *wait, bool rmw);
bool ftl_rebuild_step(struct ftl *f);
void ftl_die_silent(struct ftl *f, u32 unit);
bool ftl_die_step(struct ftl *f);

static inline bool ftl_has_parity(const struct ftl *f)
{
	return f->geo.xor_groups;
}

/* What all appends to stripes have set, besides others. */
static inline u8 ftl_append_flags(const struct ftl *f)
{
	return ftl_has_parity(f) ? MEDIA_F_XOR : 0;
}

/* place.c */
void ftl_place_init(struct ftl *f);
bool ftl_place_step(struct ftl *f);
bool ftl_place_stays(const struct ftl *f, struct ftl_spot at);
struct ftl_spot ftl_place_user(const struct ftl *f, u64 lu, u8 named);
struct ftl_spot ftl_place_copy(const struct ftl *f, const struct fio_tag *tag, u32 from);
struct ftl_spot ftl_place_internal(const struct ftl *f, enum ftl_stream stream);
void ftl_place_open(struct ftl *f, struct ftl_frontier *fr, u32 s);
void ftl_place_put(struct ftl *f, struct ftl_frontier *fr, u32 s, struct ftl_spot at);
void ftl_place_tick(struct ftl *f);
s32 ftl_place_score(const struct ftl *f, const struct ftl_stripe *st, u32 valid);
void ftl_place_tag(const struct ftl *f, struct fio_tag *tag, const struct ftl_stripe *st);
void ftl_place_learn(struct ftl *f, u32 unit, const struct fio_tag *tag);

/* gc.c */
bool ftl_gc_step(struct ftl *f);
int ftl_gc_collect(struct ftl *f, u32 victim);
int ftl_make_room(struct ftl *f, enum ftl_stream stream, u64 units);
int ftl_rewrite(struct ftl *f, u64 lu, u32 old, u16 flags, bool closed);

/* super.c, recover.c */
int ftl_super_find(struct ftl *f);
int ftl_super_write(struct ftl *f, enum fio_super_state state);
int ftl_super_begin(struct ftl *f);
int ftl_super_place(struct ftl *f);
void ftl_super_claim(struct ftl *f);
int ftl_super_check(struct ftl *f);
void ftl_map_reset(struct ftl *f);
int ftl_recover(struct ftl *f, bool all, bool late);
int ftl_meta_append(struct ftl *f, u32 n, u32 *unit, u64 seq);

#endif /* FTL_PRIV_H */
