/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A NAND array: dies, erase blocks, pages with out-of-band bytes, and what can
 * go wrong with them.
 *
 * Owns: the rules of flash (program in order, erase before program), the state
 * of every page and block, wear counters, injected faults, what a power cut
 * leaves behind, and where all that is stored (a sparse file or memory).
 *
 * Does not know: commands, queues, DMA, buffers, tags, the FTL. Every call is
 * synchronous; time is only reported (nand_op_ns), never waited for. It is the
 * one model under the virtual card, the FTL's tests and the crash runner.
 *
 * Not thread-safe per die: callers serialise operations on one die; different
 * dies may be operated on concurrently.
 */
#ifndef VCARD_NAND_H
#define VCARD_NAND_H

#include <fio/types.h>

struct nand;

/**
 * struct nand_geometry - shape of the array
 * @dies: independent units of operation, 1..256
 * @blocks: erase blocks per die, 1..2^20
 * @pages: pages per erase block, 1..4096
 * @page_bytes: data bytes of a page
 * @oob_bytes: out-of-band bytes of a page
 * @endurance: erase cycles before a block may wear out
 */
struct nand_geometry {
	u32 dies;
	u32 blocks;
	u32 pages;
	u32 page_bytes;
	u32 oob_bytes;
	u32 endurance;
};

/* What an operation came to. Negative values are -errno of the host. */
enum nand_result {
	NAND_OK = 0,
	NAND_ERASED,		/* read of a page that was never programmed */
	NAND_UNCORRECTABLE,	/* read: more flipped bits than ECC corrects */
	NAND_PROGRAM_FAIL,	/* status fail: the page's content is undefined */
	NAND_ERASE_FAIL,
	NAND_BAD_BLOCK,		/* block is marked bad */
	NAND_DIE_OFFLINE,
	NAND_RULE,		/* the caller broke a rule of flash; see nand_violation() */
	NAND_HOST_ERROR = -4095,	/* lowest -errno; makes the type a signed one */
};

enum nand_op { NAND_READ, NAND_PROGRAM, NAND_ERASE };

/* Timing profiles; nand_op_ns() answers from these. */
enum nand_timing { NAND_TIMING_NONE, NAND_TIMING_SLC, NAND_TIMING_MLC };

/*
 * Torn outcomes of the operation a power cut caught at the head of a die
 * (ftl design: crash model).
 */
enum nand_torn {
	NAND_TORN_NOT_STARTED,
	NAND_TORN_PARTIAL,	/* program: uncorrectable; erase: mixed garbage */
	NAND_TORN_READS_ONCE,	/* program: first read is good, later ones are not */
	NAND_TORN_DONE,		/* finished, nobody was told */
	NAND_TORN_COUNT,
};

struct nand_block_info {
	u32 write_ptr;		/* next page to program; == pages: full */
	u32 erase_count;
	u32 read_count;
	bool bad;		/* factory or grown */
	bool factory_bad;
	bool torn_erase;	/* an erase was interrupted: needs erasing */
};

struct nand_stats {
	u64 reads, programs, erases;
	u64 bytes_read, bytes_written;
	u64 corrected_bits, uncorrectable;
	u64 program_fails, erase_fails;
	u64 violations;
};

/**
 * nand_create_mem() - an array in memory
 * @geo: shape
 * Return: the array, or NULL with errno set (EINVAL: absurd geometry).
 *
 * Pages are copy-on-write so that nand_fork() is cheap: the crash runner forks
 * at every media operation.
 */
struct nand *nand_create_mem(const struct nand_geometry *geo);

/**
 * nand_open_file() - an array in a sparse file
 * @path: state file; created when @geo is given and the file does not exist
 * @geo: shape for a new file, or NULL to require an existing one
 * @user_bytes: room for the caller's own persistent state (see nand_user())
 * @err: receives a sentence for the user on failure
 * @err_len: size of @err
 *
 * The file is exclusively locked. A truncated, foreign or newer file, or one of
 * another geometry, is refused with a sentence that says so. If the last user
 * died without nand_close(), operations that were under way are torn now,
 * by the seed stored in the file.
 *
 * The state survives the death of the process at any instruction. It does not
 * survive a crash or power failure of the host: nothing is synced to its disk.
 *
 * Return: the array or NULL.
 */
struct nand *nand_open_file(const char *path, const struct nand_geometry *geo,
			    size_t user_bytes, char *err, size_t err_len);

/**
 * nand_open_image() - an array in a state file that must stay as it is
 * @path: state file
 * @user_bytes: as in nand_open_file()
 * @err: receives a sentence for the user on failure
 * @err_len: size of @err
 *
 * For tools that examine. The file is opened read-only and locked shared: it is
 * refused while a card uses it, and no card can start while it is looked at. What
 * opening and reading change (operations that were under way are torn, pages that
 * read well only once are spent, counters) is changed in this process only; each
 * opening begins with the file as it is. Programs and erases answer -EROFS.
 *
 * Return: the array or NULL.
 */
struct nand *nand_open_image(const char *path, size_t user_bytes, char *err, size_t err_len);

/**
 * nand_user() - the caller's persistent bytes in the state file
 *
 * Return: user_bytes bytes, zero when new, 64-byte aligned and kept over the
 * death of the process; NULL for an array in memory.
 */
void *nand_user(struct nand *n);

/** nand_is_new() - was the file created, or the array made, by this process */
bool nand_is_new(const struct nand *n);

/** nand_was_cut() - did opening find operations that a power cut tore */
bool nand_was_cut(const struct nand *n);

/** nand_was_closed() - did the last user of the file close it, or was it killed */
bool nand_was_closed(const struct nand *n);

/**
 * nand_close() - the last call on an array; NULL is fine
 *
 * An operation begun with nand_begin() and not finished is torn, as a power cut
 * would, when a file is next opened.
 */
void nand_close(struct nand *n);

/** nand_fork() - an independent copy-on-write copy of a memory array, or NULL */
struct nand *nand_fork(const struct nand *n);

/**
 * nand_hash() - a hash of everything a reader could ever see; equal images hash equal
 *
 * It covers page contents and states, write pointers, bad and torn blocks; not
 * erase and read counts, faults, dies offline, or operations under way.
 */
u64 nand_hash(const struct nand *n);

/** nand_page_is_true() - would a read that succeeds give just what was programmed */
bool nand_page_is_true(const struct nand *n, u32 die, u32 block, u32 page);

/**
 * nand_page_hash() - identity of what a page holds, without reading it
 *
 * Return: a hash of data and OOB; 0 when a read would not give just these:
 * erased, garbage, good for one read only, or content faults are armed.
 */
u64 nand_page_hash(const struct nand *n, u32 die, u32 block, u32 page);

const struct nand_geometry *nand_geometry(const struct nand *n);

/**
 * nand_program() - program the next page of a block
 * @page: must be the block's write pointer: else NAND_RULE
 * @data: page_bytes, @oob: oob_bytes
 *
 * After NAND_PROGRAM_FAIL the page reads uncorrectable and the write pointer
 * has advanced; the block is not marked bad, that is for the caller to do.
 */
enum nand_result nand_program(struct nand *n, u32 die, u32 block, u32 page,
			      const void *data, const void *oob);

/**
 * nand_read() - read a page
 * @data: page_bytes or NULL, @oob: oob_bytes or NULL
 * @retry: read-retry level, 0 first; a level may correct what a lower one could not
 * @flips: receives the number of corrected bits, may be NULL
 *
 * A page that is NAND_ERASED fills the buffers with 0xff, one that is
 * NAND_UNCORRECTABLE with garbage. Reading a page that was never programmed
 * breaks no rule.
 */
enum nand_result nand_read(struct nand *n, u32 die, u32 block, u32 page,
			   void *data, void *oob, u32 retry, u32 *flips);

/**
 * nand_peek() - the content of a page, for a card that had it in its own memory
 *
 * Nothing is counted, worn or spent, faults do not show, and a die that is offline
 * answers as well.
 *
 * Return: NAND_OK; NAND_ERASED; NAND_UNCORRECTABLE: it cannot be read for good.
 */
enum nand_result nand_peek(const struct nand *n, u32 die, u32 block, u32 page,
			   void *data, void *oob);

/**
 * nand_erase() - erase a block
 *
 * After NAND_ERASE_FAIL the block is as after a torn erase: its pages are a mix
 * and it accepts nothing but another erase.
 */
enum nand_result nand_erase(struct nand *n, u32 die, u32 block);

/** nand_mark_bad() - grown bad block: every later program or erase answers NAND_BAD_BLOCK */
void nand_mark_bad(struct nand *n, u32 die, u32 block);

void nand_block_info(const struct nand *n, u32 die, u32 block,
		     struct nand_block_info *info);

/**
 * nand_tear() - leave an operation as a power cut would
 * @op: NAND_PROGRAM or NAND_ERASE, not yet performed
 * @outcome: for an erase READS_ONCE means PARTIAL
 *
 * For a program, @page, @data and @oob as in nand_program().
 */
enum nand_result nand_tear(struct nand *n, enum nand_op op, u32 die, u32 block,
			   u32 page, const void *data, const void *oob,
			   enum nand_torn outcome);

/**
 * nand_begin() - start a program or an erase that takes its time
 * @op: NAND_PROGRAM or NAND_ERASE; other parameters as for nand_program()
 *
 * nand_program() and nand_erase() are instantaneous: the death of the process
 * hardly ever catches them. A card that models time begins the operation when
 * the die gets busy and finishes it when the time is over; a death or
 * nand_power_cut() in between leaves any of the torn outcomes. The die accepts
 * no other program or erase meanwhile; reads do not yet see the effect.
 *
 * Return: NAND_OK when the operation is under way, else why it was refused.
 */
enum nand_result nand_begin(struct nand *n, enum nand_op op, u32 die, u32 block,
			    u32 page, const void *data, const void *oob);

/**
 * nand_finish() - complete the operation that nand_begin() started on a die
 * Return: what nand_program() or nand_erase() would have.
 */
enum nand_result nand_finish(struct nand *n, u32 die);

/**
 * nand_power_cut() - tear every operation under way, by the array's seed
 *
 * The seed moves on, so that the same operation may fare otherwise next time.
 *
 * Return: how many were torn.
 */
u32 nand_power_cut(struct nand *n);

/**
 * nand_set_seed() - where torn outcomes, wear and bit flips draw chance from
 *
 * A new file has a random seed, an array in memory always the same one. The
 * seed of a file is stored in it.
 */
void nand_set_seed(struct nand *n, u64 seed);

/** nand_violation() - the last broken rule as a sentence, or NULL */
const char *nand_violation(const struct nand *n);

void nand_get_stats(const struct nand *n, struct nand_stats *st);

/** nand_op_ns() - how long @op takes under the profile, in nanoseconds */
u64 nand_op_ns(const struct nand *n, enum nand_op op);
void nand_set_timing(struct nand *n, enum nand_timing t);

/*
 * Faults. All are run-time settings; die or block -1 means any. A fault with a
 * count disarms itself after so many hits; count 0 clears it, -1 is for ever.
 */
enum nand_fault {
	NAND_FAULT_PROGRAM,	/* program status fail */
	NAND_FAULT_ERASE,	/* erase status fail */
	NAND_FAULT_READ,	/* uncorrectable read, every retry level */
	NAND_FAULT_RETRY,	/* uncorrectable at level 0, good at a higher level */
	NAND_FAULT_CORRUPT,	/* data differs from what was programmed, ECC silent */
	NAND_FAULT_COUNT,
};

/**
 * nand_set_fault() - arm or clear a fault
 * @page: page within the block or -1
 * @skip: let so many matching operations pass first
 * Return: 0, or -ENOSPC when too many faults are armed.
 */
int nand_set_fault(struct nand *n, enum nand_fault f, s32 die, s32 block,
		   s32 page, s32 skip, s32 count);

/** nand_set_bitflips() - flips per million reads' bytes and the ECC budget per page */
void nand_set_bitflips(struct nand *n, u32 per_million, u32 ecc_bits);

/** nand_set_die_offline() - a dead die answers NAND_DIE_OFFLINE to everything */
void nand_set_die_offline(struct nand *n, u32 die, bool offline);

/** nand_die_is_offline() - was the last nand_set_die_offline() for @die one with true */
bool nand_die_is_offline(const struct nand *n, u32 die);

/**
 * nand_set_factory_bad() - before first use: mark @permille of all blocks bad, by @seed
 *
 * Block 0 of every die stays good, as vendors guarantee. Factory bad blocks
 * answer NAND_BAD_BLOCK to reads too; blocks gone bad later remain readable.
 *
 * Return: 0, -EINVAL (over 1000 permille) or -EBUSY (the array has been used).
 */
int nand_set_factory_bad(struct nand *n, u32 permille, u64 seed);

#endif /* VCARD_NAND_H */
