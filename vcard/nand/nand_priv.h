/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the NAND model share, and nobody else includes.
 *
 * The state of the array is four tables: a record per die, block and page, and
 * the page contents. The tables' memory belongs to a store (heap or mapped
 * file); the rules work on the records directly and reach contents through
 * struct nand_store_ops.
 *
 * Because a mapped file outlives the process, every change to a record is a
 * step that a kill may follow immediately. Such changes go through
 * nand_publish(), in an order that lets nand_power_cut() interpret whatever
 * prefix of the steps it finds; the order is explained in array.c.
 */
#ifndef VCARD_NAND_PRIV_H
#define VCARD_NAND_PRIV_H

#include <fio/types.h>

#include "nand.h"

enum nand_page_state {
	NAND_PG_ERASED,		/* zero, so that a hole in a file is an erased page */
	NAND_PG_WRITTEN,
	NAND_PG_READS_ONCE,	/* torn program: one good read is left in it */
	NAND_PG_GARBAGE,	/* reads uncorrectable */
};

/**
 * struct nand_page_rec - state of a page
 * @hash: hash of data and OOB, unless the store keeps it; meaningless while they are
 *	not reachable
 * @state: enum nand_page_state
 * @reserved: zero
 */
struct nand_page_rec {
	u64 hash;
	u32 state;
	u32 reserved;
};

#define NAND_BLK_BAD		0x1
#define NAND_BLK_FACTORY	0x2
#define NAND_BLK_TORN		0x4

/* State of a block; the fields are those of struct nand_block_info. */
struct nand_block_rec {
	u32 write_ptr;
	u32 erase_count;
	u32 read_count;
	u32 flags;
};

/* What a die is doing, as a kill would find it. */
enum nand_intent_op {
	NAND_INTENT_NONE,
	NAND_INTENT_PROGRAM,	/* content is being stored: incomplete */
	NAND_INTENT_STAGED,	/* content is stored: any outcome can be had */
	NAND_INTENT_ERASE,	/* nothing has changed yet */
	NAND_INTENT_ERASING,	/* some page records may be gone */
};

/**
 * struct nand_intent - the operation under way on a die
 * @op: enum nand_intent_op, published last when it begins
 * @block: its block
 * @page: its page; of an erase, the erase count that the block will have
 * @reserved: keeps dies on cache lines of their own
 */
struct nand_intent {
	u32 op;
	u32 block;
	u32 page;
	u32 reserved[13];
};

/* Run-time state of a die, lost with the process. */
struct nand_die {
	struct nand_stats stats;
	bool offline;
};

/**
 * struct nand_fault_slot - an armed fault; see nand_set_fault()
 * @armed: slot is in use
 */
struct nand_fault_slot {
	enum nand_fault fault;
	s32 die;
	s32 block;
	s32 page;
	s32 skip;
	s32 count;
	bool armed;
};

#define NAND_MAX_FAULTS	16
#define NAND_SENTENCE	192

/**
 * struct nand_store_ops - where page contents live
 * @reserve: make sure the record of a page, and its content if wanted, can be
 *	written; called before anything changes, so that a full disk is an error
 *	and not a signal. The first page stands for the records of its block.
 *	May be NULL.
 * @put: store a page's content, -errno when that is impossible
 * @get: fetch it; either buffer may be NULL
 * @hash: hash of a page's content, made when it is first asked for; NULL: the page's
 *	record has it from the start
 * @drop: a page's content is no longer reachable
 * @drop_block: so are those of a whole block, given by its first page
 * @destroy: free the array
 */
struct nand_store_ops {
	int (*reserve)(struct nand *n, u64 page, bool content);
	int (*put)(struct nand *n, u64 page, const void *data, const void *oob);
	void (*get)(const struct nand *n, u64 page, void *data, void *oob);
	u64 (*hash)(const struct nand *n, u64 page);
	void (*drop)(struct nand *n, u64 page);
	void (*drop_block)(struct nand *n, u64 first);
	void (*destroy)(struct nand *n);
};

/**
 * struct nand - an array
 * @geo: its shape
 * @ops: its store
 * @dies: run-time state, per die
 * @intents: operation under way, per die
 * @blocks: record per block, die by die
 * @pages: record per page, block by block
 * @seed: where torn outcomes, wear and bit flips draw their chance from
 * @seed_store: where a file keeps @seed, or NULL
 * @user: the caller's persistent bytes, or NULL
 * @flips_ppm: bit flips per million bytes read
 * @ecc_bits: flips per page that are corrected
 * @timing: profile in force
 * @is_new: made by this process
 * @was_cut: opening it tore operations
 * @was_closed: the last user closed it, or there was none
 * @said: a rule has been broken; @sentence tells which
 * @lock: serialises @sentence and @faults, which all dies share
 * @nr_faults: armed slots; read without @lock
 * @faults: armed faults
 * @sentence: last broken rule
 */
struct nand {
	struct nand_geometry geo;
	const struct nand_store_ops *ops;
	struct nand_die *dies;
	struct nand_intent *intents;
	struct nand_block_rec *blocks;
	struct nand_page_rec *pages;
	u64 seed;
	u64 *seed_store;
	void *user;
	u32 flips_ppm;
	u32 ecc_bits;
	enum nand_timing timing;
	bool is_new;
	bool was_cut;
	bool was_closed;
	bool said;
	bool lock;
	u32 nr_faults;
	struct nand_fault_slot faults[NAND_MAX_FAULTS];
	char sentence[NAND_SENTENCE];
};

static inline struct nand_block_rec *nand_blk(const struct nand *n, u32 die, u32 block)
{
	return &n->blocks[(u64)die * n->geo.blocks + block];
}

static inline u64 nand_page_index(const struct nand *n, u32 die, u32 block, u32 page)
{
	return ((u64)die * n->geo.blocks + block) * n->geo.pages + page;
}

static inline u64 nand_nr_blocks(const struct nand_geometry *geo)
{
	return (u64)geo->dies * geo->blocks;
}

static inline u64 nand_nr_pages(const struct nand_geometry *geo)
{
	return nand_nr_blocks(geo) * geo->pages;
}

static inline void nand_lock(struct nand *n)
{
	while (__atomic_test_and_set(&n->lock, __ATOMIC_ACQUIRE))
		;
}

static inline void nand_unlock(struct nand *n)
{
	__atomic_clear(&n->lock, __ATOMIC_RELEASE);
}

/* array.c */
int nand_reserve(struct nand *n, u64 page, bool content);
enum nand_result nand_begin_erase(struct nand *n, u32 die, u32 block);
int nand_stage_program(struct nand *n, u32 die, u32 block, u32 page,
		       const void *data, const void *oob);
void nand_commit_program(struct nand *n, u32 die, u32 block, u32 page,
			 enum nand_page_state state);
void nand_commit_erase(struct nand *n, u32 die, u32 block);
void nand_intend(struct nand *n, u32 die, enum nand_intent_op op, u32 block, u32 page);

/* publish.c */
void nand_publish(u32 *field, u32 value);

/* rules.c */
enum nand_result nand_check_geometry(const struct nand_geometry *geo);
enum nand_result nand_check_program(struct nand *n, u32 die, u32 block, u32 page);
enum nand_result nand_check_erase(struct nand *n, u32 die, u32 block);
enum nand_result nand_check_read(struct nand *n, u32 die, u32 block, u32 page);
enum nand_result nand_check_finish(struct nand *n, u32 die);
enum nand_result nand_break_rule(struct nand *n, u32 die, const char *fmt, ...)
	__printf(3, 4);

/* torn.c */
void nand_mangle_block(struct nand *n, u32 die, u32 block);

/* fault.c */
bool nand_fault_hit(struct nand *n, enum nand_fault f, u32 die, u32 block, u32 page);
bool nand_worn(const struct nand *n, enum nand_op op, u32 die, u32 block, u32 page);
u32 nand_draw_flips(const struct nand *n, u32 die, u32 block, u32 page, u32 retry);
void nand_corrupt(const struct nand *n, u64 page, void *data, void *oob);
void nand_garbage(const struct nand *n, u64 page, void *data, void *oob);

/* hash.c */
u64 nand_mix(u64 a, u64 b);
u64 nand_hash_content(const struct nand *n, const void *data, const void *oob);
u64 nand_content_hash(const struct nand *n, u64 page);

#endif /* VCARD_NAND_PRIV_H */
