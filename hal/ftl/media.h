/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The medium as the FTL core sees it: append units on dies.
 *
 * Owns: the contract between the core and what carries its commands (the
 * channel in the kernel, a simulator in tests). Does not know: rings, PCI, NAND.
 *
 * Native write is append: the core names an append unit (AU), the medium picks
 * the page and the completion tells it. Order across commands does not exist;
 * within one command units of one AU go in vector order.
 */
#ifndef FTL_MEDIA_H
#define FTL_MEDIA_H

#include <fio/media_format.h>

#define FTL_MAX_UNITS	64	/* in one command */

struct ftl_io;
struct media;
struct media_cmd;

/**
 * struct media_geometry - shape and abilities of a medium, validated by ftl_attach()
 * @dies: 1..256
 * @aus: per die
 * @pages: units per AU
 * @write_units: optimal append to one die
 * @max_units: in one command, 1..64
 * @max_open: AUs open at once, whole medium
 * @read_retries: levels above 0
 * @queues: submission queues of the channel
 * @xor_groups: stripes that the medium sums rows of at once (MEDIA_F_XOR), 0: none
 * @endurance: rated erase cycles, 0: not known
 */
struct media_geometry {
	u32 dies;
	u32 aus;
	u32 pages;
	u32 write_units;
	u32 max_units;
	u32 max_open;
	u32 read_retries;
	u32 queues;
	u32 xor_groups;
	u32 endurance;
};

enum media_op {
	MEDIA_APPEND,	/* unit[i]: in any unit of the AU, out where it went */
	MEDIA_READ,	/* unit[i] or FIO_UNIT_NONE for zeroes */
	MEDIA_RESET,	/* erase the AUs of unit[] */
	MEDIA_REPORT,	/* au[i] for the AUs of unit[] */
	MEDIA_SYNC,	/* n = 0: all completed before is durable afterwards */
	MEDIA_RETIRE,	/* the AUs of unit[] are bad for good */
	MEDIA_FINISH,	/* no more appends to the AUs of unit[] until reset */
};

enum media_status {
	MEDIA_OK,
	MEDIA_ERASED,		/* never programmed */
	MEDIA_UNCORRECTABLE,
	MEDIA_CRC,		/* stored CRC does not match */
	MEDIA_PROGRAM_FAIL,	/* close and empty this AU, then retire it */
	MEDIA_ERASE_FAIL,
	MEDIA_AU_STATE,		/* full, bad, suspect, busy: the core lost track */
	MEDIA_DIE_OFFLINE,
	MEDIA_ABORTED,		/* card was reset: it may or may not have happened */
	MEDIA_GONE,		/* no card: nothing will work again */
	MEDIA_INVALID,		/* refused as malformed */
};

enum media_au_state {
	MEDIA_AU_FREE,
	MEDIA_AU_OPEN,
	MEDIA_AU_CLOSED,
	MEDIA_AU_SUSPECT,	/* a cut interrupted it: never append before reset */
	MEDIA_AU_BAD,
	MEDIA_AU_OFFLINE,
};

struct media_au {
	u8 state;		/* enum media_au_state */
	bool wp_unknown;
	u32 write_ptr;
	u32 erase_count;
	u32 read_count;
};

/* A private buffer the medium can reach; at least @units * 4096 bytes. */
struct media_buf {
	void *va;
	u64 dma;		/* the medium's business */
	u32 units;
};

#define MEDIA_F_FUA	BIT(0)	/* append: complete when durable */
#define MEDIA_F_LOW	BIT(1)	/* background */
/*
 * Rows. The pages of one number in the AUs of one number are a row; the medium
 * sums (XORs) what it stores in a row, tags and CRCs included, and counts it.
 *
 * F_XOR: an APPEND adds its units; a unit that fails is not in the sum. All units of
 * an AU are added or none. FINISH: the sums of these stripes are forgotten.
 *
 * F_PARITY: an APPEND without a buffer stores sums: a unit that gets page p of its AU
 * holds the sum of row p as it is then, its tag is a struct fio_parity_tag whose
 * fields that are the host's come from @tag. A READ gets the sums of the rows of
 * unit[] (of any AU of the stripe), all fields of their tags included; MEDIA_ERASED
 * when there are none. RESET of an AU whose units were added forgets the sums; a
 * card reset does not, a power cut may.
 */
#define MEDIA_F_XOR	BIT(2)
#define MEDIA_F_PARITY	BIT(3)

/**
 * struct media_cmd - one command; owned by the medium, lent by get()
 * @op: enum media_op
 * @n: units in use
 * @queue: submission queue it was got for
 * @flags: MEDIA_F_*
 * @retry: read retry level
 * @unit: addresses, see enum media_op; room for max_units. APPEND overwrites the
 *	entries of units that succeeded only: a failed one still names its AU
 * @tag: tags, in to append, out of read; room for max_units. In memory that the
 *	medium reaches without a copy
 * @au: REPORT's answers, room for max_units
 * @io: data is in the buffer of this I/O, from byte @io_off; or
 * @buf: data is in this private buffer, from byte @buf_off; neither: tags only
 * @skip: READ: drop so many bytes first, then deliver @len bytes
 * @len: bytes delivered or taken: n * 4096, less for a partial READ
 * @done: called once, from any context but never from inside submit()
 * @priv: the caller's
 * @status: worst of all units
 * @failed: bit i: unit i failed
 * @corrected: bits ECC corrected
 */
struct media_cmd {
	u8 op;
	u8 n;
	u16 queue;
	u8 flags;
	u8 retry;
	u32 *unit;
	struct fio_tag *tag;
	struct media_au *au;
	struct ftl_io *io;
	u32 io_off;
	struct media_buf *buf;
	u32 buf_off;
	u32 skip;
	u32 len;
	void (*done)(struct media_cmd *cmd);
	void *priv;
	/* answer */
	u8 status;
	u64 failed;
	u32 corrected;
};

/**
 * struct media_ops - what a medium does
 *
 * All but buf_alloc/buf_free may be called from any context and do not sleep.
 */
struct media_ops {
	/*
	 * A command for @queue, or NULL: none is free now; the core tries again
	 * when one of its commands completes. @internal draws from a reserve that
	 * host I/O cannot exhaust.
	 */
	struct media_cmd *(*get)(struct media *m, u32 queue, bool internal);
	void (*put)(struct media *m, struct media_cmd *cmd);
	/* Issue; done() follows always. */
	void (*submit)(struct media *m, struct media_cmd *cmd);
	/* Everything submitted to @queue so far reaches the medium now. */
	void (*commit)(struct media *m, u32 queue);
	/* Copy between @io's buffer and @va: @to_io says which way. */
	void (*io_copy)(struct media *m, struct ftl_io *io, u32 io_off, void *va,
			u32 len, bool to_io);
	/* Fill part of @io's buffer with zeroes. */
	void (*io_zero)(struct media *m, struct ftl_io *io, u32 io_off, u32 len);
	/* May sleep; attach time only. */
	int (*buf_alloc)(struct media *m, u32 units, struct media_buf *buf);
	void (*buf_free)(struct media *m, struct media_buf *buf);
};

/**
 * struct media - a medium; the provider embeds it
 * @ops: operations
 * @geo: shape
 * @durable: completion of an append means durable (power-loss protection is
 *	healthy); may change at run time, read with ftl_load()
 */
struct media {
	const struct media_ops *ops;
	struct media_geometry geo;
	u32 durable;
};

#endif /* FTL_MEDIA_H */
