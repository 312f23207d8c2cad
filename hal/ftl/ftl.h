/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The FTL core's public face: format, attach, I/O, detach.
 *
 * Owns: the mapping of logical to physical units, placement, collection,
 * recovery. Does not know: the kernel, PCI, the card, the block layer, whose
 * memory the data is in.
 *
 * Contexts: ftl_submit() and completions of media commands run anywhere,
 * interrupt handlers included, and never sleep or allocate. ftl_format(),
 * ftl_attach(), ftl_detach() and ftl_run() may sleep (env->wait) and are called
 * by one worker, never at the same time.
 */
#ifndef FTL_H
#define FTL_H

#include "env.h"
#include "media.h"

struct ftl;

enum ftl_op { FTL_READ, FTL_WRITE, FTL_FLUSH, FTL_TRIM, FTL_ZEROES };

#define FTL_WRITE_STREAMS 4	/* that a user can tell the core to keep apart */

#define FTL_IO_FUA	BIT(0)
#define FTL_IO_MORE	BIT(1)	/* more follow at once: ftl_commit() comes after the last */
/*
 * WRITE of whole 4 KiB units, at most ftl_info.atomic_blocks: a cut leaves all of it or
 * nothing. -EINVAL when it cannot be done so; it is never done otherwise. A read beside
 * it may see it in part.
 */
#define FTL_IO_ATOMIC	BIT(2)

/**
 * struct ftl_io - one request
 * @op: enum ftl_op
 * @flags: FTL_IO_*
 * @queue: the submitter's queue, below media geo.queues
 * @lba: first logical block (of ftl_info.lba_bytes)
 * @count: logical blocks; READ and WRITE at most ftl_info.max_blocks
 * @stream: WRITE: 1 to FTL_WRITE_STREAMS: keep apart from data of other streams, where
 *	the medium is large enough for that; 0, and anything else: the core decides
 * @done: called exactly once, any context, not from inside ftl_submit() unless
 *	the request never reaches the medium. @err: 0 or -errno: -EIO, -ENODATA
 *	(uncorrectable medium error), -ENODEV, -EROFS, -EINVAL (outside the device)
 * @priv: the core's; the owner only provides the room
 */
struct ftl_io {
	u8 op;
	u8 flags;
	u16 queue;
	u32 count;
	u64 lba;
	u8 stream;
	void (*done)(struct ftl_io *io, int err);
	u64 priv[24];
};

/**
 * struct ftl_format_params - choices at format
 * @lba_bytes: 512 or 4096
 * @user_units: logical capacity in 4 KiB units, 0: default (what the medium
 *	advertises, given by the caller in @default_units)
 * @default_units: advertised capacity
 * @uuid: identity of the new format
 * @seq_base: first sequence number; 0 except in tests of wrap-around
 * @parity: enum ftl_parity: survive the loss of a die, for an append unit per stripe.
 *	By default where there are at least 4 dies and the capacity allows it
 */
enum ftl_parity { FTL_PARITY_DEFAULT, FTL_PARITY_OFF, FTL_PARITY_ON };

struct ftl_format_params {
	u32 lba_bytes;
	u64 user_units;
	u64 default_units;
	u8 uuid[16];
	u64 seq_base;
	u8 parity;
};

/**
 * ftl_format() - erase the medium and lay down an empty format
 * Return: 0; -EINVAL: a parameter or the geometry is out of range (logged);
 * -ENOSPC: too many bad AUs for that capacity; -EIO; -ENODEV.
 *
 * A format that is cut leaves FIO_SUPER_FORMATTING or nothing: attach refuses.
 */
int ftl_format(struct media *m, const struct ftl_env *env,
	       const struct ftl_format_params *p);

/** ftl_max_user_units() - the largest capacity of a medium with @bad_aus bad append units */
u64 ftl_max_user_units(const struct media_geometry *g, u64 bad_aus);

/** ftl_can_have_parity() - can a medium carry a format with parity */
bool ftl_can_have_parity(const struct media_geometry *g);

#define FTL_ATTACH_CLEAN_ONLY	BIT(0)	/* fail with -EUCLEAN rather than recover */
#define FTL_ATTACH_RESCAN	BIT(1)	/* scan even when clean */
#define FTL_ATTACH_READ_ONLY	BIT(2)	/* look only: no command that changes the medium */
#define FTL_ATTACH_PREALLOCATE	BIT(3)	/* allocate all of the map now, nothing later */

/**
 * ftl_attach() - bring a formatted medium up, recovering if it was not detached
 * @out: receives the instance
 *
 * With FTL_ATTACH_READ_ONLY the medium sees reads, reports and syncs only, in the
 * whole life of the instance: pages that a cut may have torn are judged but not
 * written again, no superblock says that somebody was here, writes and trims end
 * with -EROFS. For tools that rescue or examine.
 *
 * Return: 0; -ENODEV (gone); -ENOMEDIUM: not formatted; -EUCLEAN; -EPROTONOSUPPORT:
 * a newer or unknown format; -EINVAL: geometry differs or is absurd; -EIO.
 */
int ftl_attach(struct media *m, const struct ftl_env *env, u32 flags,
	       struct ftl **out);

/**
 * ftl_detach() - checkpoint and mark clean; frees @f whatever happens
 * All I/O must have completed, and no completion of a media command be running
 * still. Return: 0, or the error that kept it from being clean.
 * One that was attached with FTL_ATTACH_READ_ONLY is only freed.
 */
int ftl_detach(struct ftl *f);

/** ftl_destroy() - free without touching the medium (the card is dead) */
void ftl_destroy(struct ftl *f);

/** ftl_submit() - start a request; @io->done follows always */
void ftl_submit(struct ftl *f, struct ftl_io *io);

/** ftl_expect() - a hint: a request for @lba will be submitted soon */
void ftl_expect(const struct ftl *f, u64 lba);

/** ftl_commit() - requests submitted to @queue with FTL_IO_MORE reach the medium now */
void ftl_commit(struct ftl *f, u32 queue);

/** ftl_run() - do background work until there is none that can be done now */
void ftl_run(struct ftl *f);

/** struct ftl_info - constants of an attached unit */
struct ftl_info {
	u8 uuid[16];
	u32 lba_bytes;
	u32 max_blocks;		/* in one READ or WRITE */
	u32 atomic_blocks;	/* in one WRITE with FTL_IO_ATOMIC; 0: the format has none */
	u64 blocks;		/* logical capacity in logical blocks */
	u64 user_units;
	u32 format_version;
	bool parity;
	u64 format_time;
	u64 attach_count;
};

/* What the last attach had to do. Times in nanoseconds. */
struct ftl_recovery {
	bool clean;
	bool bounded;			/* by a root: older stripes were not looked at */
	u64 units_scanned;
	u64 units_rewritten;	/* refreshed from append units the cut may have torn */
	u64 journal_pages;
	u64 leaves_loaded;
	u64 bytes_read;
	u64 ns_total, ns_super, ns_scan, ns_map, ns_refresh;
	u64 ns_late;			/* behind the attach, until all of the map was in memory */
};

struct ftl_stats {
	u64 user_units_written, user_units_read;
	u64 gc_units_written, meta_units_written, parity_units_written;
	u64 units_rebuilt;		/* computed from parity */
	u64 units_trimmed;
	u64 units_written_life;		/* every append, over the life of the format */
	u64 units_mapped;		/* logical units that hold data */
	u64 stripes, stripes_free, stripes_open, stripes_bad_aus;
	u64 gc_victims, erases;
	u64 gc_victim_units, gc_victim_valid;	/* of victims, when they were chosen */
	u64 pad_units;			/* of stripes closed before they were full */
	u64 units_misplaced;		/* for lack of room where they belonged */
	u64 stripes_levelled;		/* evacuated because they were worn less than others */
	u64 scrub_passes, scrub_units;	/* whole passes of the patrol; pages it has read */
	u64 scrub_refreshes;		/* stripes evacuated because their data began to fade */
	u64 program_fails, erase_fails, read_retries, media_errors;
	u64 groups_written;		/* atomic writes of more than one unit */
	u64 groups_dropped;		/* not whole at the last attach */
	u64 group_proofs;		/* pages that say which are whole */
	u64 mem[FTL_MEM_KINDS], mem_peak;
	u64 mem_kind_peak[FTL_MEM_KINDS];
	u32 reserve_permille;		/* as ftl_health.reserve */
	bool read_only;
	bool preallocated;		/* nothing will be allocated any more */
	const char *read_only_reason;
};

/* Each state includes what those before it allow; data is readable in all. */
enum ftl_health_state { FTL_HEALTHY, FTL_WARNING, FTL_WRITE_REDUCED, FTL_READ_ONLY };

#define FTL_WHY_RESERVE_LOW	BIT(0)	/* at most ftl_health.warn_at is left */
#define FTL_WHY_RESERVE_OUT	BIT(1)	/* write-reduced */
#define FTL_WHY_WEAR		BIT(2)	/* 90 % of the rated erase cycles */
#define FTL_WHY_METADATA	BIT(3)	/* a copy was lost, or there is only one */
#define FTL_WHY_DIE		BIT(4)	/* one die does not answer */
#define FTL_WHY_DIES		BIT(5)	/* more than one: write-reduced */
#define FTL_WHY_PLP		BIT(6)	/* media.durable is off */

/**
 * struct ftl_health - the medium's health
 * @state: enum ftl_health_state
 * @reasons: FTL_WHY_*, all that hold
 * @reserve: flash beyond what the capacity needs, of what there was when no append
 *	unit was bad, in hundredths of a per cent
 * @warn_at: reserve at which FTL_WARNING begins
 * @erase_min, @erase_max, @erase_mean: erase cycles of stripes
 * @endurance: rated erase cycles, 0: not known
 * @text: why, the gravest cause; NULL when healthy
 */
struct ftl_health {
	u32 state;
	u32 reasons;
	u32 reserve, warn_at;
	u32 erase_min, erase_max, erase_mean;
	u32 endurance;
	const char *text;
};

enum ftl_media_event {
	FTL_EV_REFRESH,		/* data of an append unit should be written anew */
	FTL_EV_RETIRE,		/* a program failed after its append was complete */
	FTL_EV_DIE_OFFLINE,
	FTL_EV_DIE_ONLINE,
};

/** ftl_media_event() - the medium reports something unasked; @unit names AU or die. Any context */
void ftl_media_event(struct ftl *f, enum ftl_media_event event, u32 unit);

/**
 * struct ftl_scrub - patrol and refresh; 0 turns each of them off
 * @pass_seconds: time in which all data is read once
 * @corrected: bits corrected in one page from which on its stripe is refreshed;
 *	0: the medium knows its ECC and reports FTL_EV_REFRESH
 * @reads: of an append unit since its erase
 * @age_hours: since the data was written or found at attach
 */
struct ftl_scrub {
	u32 pass_seconds;
	u32 corrected;
	u32 reads;
	u32 age_hours;
};

/* Two weeks, as charge is lost over months; read disturb of MLC; a quarter. */
#define FTL_SCRUB_DEFAULT { .pass_seconds = 14 * 86400, .reads = 100000, .age_hours = 90 * 24 }

void ftl_set_scrub(struct ftl *f, const struct ftl_scrub *p);

/*
 * Units written, by whomever, for each page of the map that the checkpoint writes as it
 * rolls; 0: it does not. The more, the longer a recovery: it looks at what was written
 * since the last time but one that the whole map had its turn.
 */
#define FTL_ROLL_DEFAULT 64

void ftl_set_roll(struct ftl *f, u32 units);
void ftl_get_health(struct ftl *f, struct ftl_health *h);
void ftl_get_info(const struct ftl *f, struct ftl_info *info);
void ftl_get_stats(struct ftl *f, struct ftl_stats *st);
void ftl_get_recovery(const struct ftl *f, struct ftl_recovery *rec);

/**
 * ftl_check() - verify the invariants of docs/spec/media.md on a quiet instance
 * @deep: also read every mapped page's tag from the medium
 * Return: 0, or -EUCLEAN with the first violation logged. Worker context.
 */
int ftl_check(struct ftl *f, bool deep);

/**
 * struct ftl_check_result - what came of one invariant
 * @id: its name in docs/spec/media.md; I0: what all others take for granted
 * @what: what it says
 * @examined: things that were looked at
 * @violations: those of them for which it does not hold
 */
struct ftl_check_result {
	const char *id, *what;
	u64 examined, violations;
};

typedef void (*ftl_check_report)(void *ctx, const struct ftl_check_result *r);

/** ftl_check_each() - ftl_check(), telling @report about every invariant */
int ftl_check_each(struct ftl *f, bool deep, ftl_check_report report, void *ctx);

/**
 * struct ftl_stripe_info - a stripe as a tool sees it
 * @seq: when it was opened
 * @valid: units in it that are named
 * @size: units of its usable append units
 * @stream: the frontier that wrote it
 * @state: in a word
 */
struct ftl_stripe_info {
	u64 seq;
	u32 valid, size;
	u32 bad_aus, system_aus, suspect_aus;
	u8 stream;
	const char *state;
};

/* For tools, worker context: stripes, map snapshots, journal pages, the superblock. */
int ftl_get_stripe(struct ftl *f, u32 s, struct ftl_stripe_info *info);
u32 ftl_get_snapshot(const struct ftl *f, u32 leaf);
u32 ftl_get_journal(const struct ftl *f, u32 i);
const struct fio_super *ftl_get_super(const struct ftl *f);

/* For tests and tools: force collection of one victim; write the checkpoint now. */
int ftl_force_gc(struct ftl *f);
int ftl_force_checkpoint(struct ftl *f);

/** ftl_lookup() - where logical unit @lu is, FIO_UNIT_NONE if unmapped */
u32 ftl_lookup(const struct ftl *f, u64 lu);

#endif /* FTL_H */
