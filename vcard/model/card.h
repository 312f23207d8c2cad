/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the card model share, and nobody else includes.
 *
 * One struct vcard. Its parts have one owner each, named in the comment above
 * the part; other files go through that owner's functions, which are declared
 * below the struct in the order of the layers: config space and registers on
 * top, then mailbox and rings, then commands, then the write buffer, which alone
 * programs flash.
 */
#ifndef VCARD_CARD_H
#define VCARD_CARD_H

#include <pthread.h>
#include <stdio.h>

#include <fio/hw_desc.h>
#include <fio/hw_mbox.h>
#include <fio/hw_regs.h>
#include <fio/types.h>

#include "vcard/model/model.h"
#include "vcard/nand/nand.h"

#define VCARD_MAX_QUEUES	8
#define VCARD_QDEPTH_LOG2	10
#define VCARD_DB_STRIDE_LOG2	0
#define VCARD_DB_OFFSET		FIO_REGS_LEN
#define VCARD_BAR0_SIZE		0x4000
#define VCARD_BAR2_SIZE		0x1000
#define VCARD_PBA_OFFSET	0x800
#define VCARD_MSI_VECTORS	8
#define VCARD_TIMEOUT_100MS	100
#define VCARD_MAX_CMDS		1024
#define VCARD_MAX_SGL		1024
#define VCARD_MAX_AUS		0x40000
#define VCARD_READ_RETRIES	3
#define VCARD_WRITE_UNITS	4
#define VCARD_ECC_BITS		40
#define VCARD_LOG_EVENTS	256
#define VCARD_XOR_GROUPS	32
#define VCARD_FEATURES		(FIO_FEAT_CRC | FIO_FEAT_READ_NULL | FIO_FEAT_XOR)
#define VCARD_NEVER		(~0ULL)

/* ---- persistent state, in nand_user() (card.c) ---- */
#define VCARD_PERSIST_MAGIC	0x3144524143494f46ULL	/* "FOICARD1" */
#define VCARD_PERSIST_VERSION	1
#define VCARD_PERSIST_HEADER	4096
#define VCARD_USER_BYTES	(VCARD_PERSIST_HEADER + VCARD_MAX_AUS)

/* Lifetime counters, as HEALTH shows them. */
struct vcard_life {
	u64 bytes_written, bytes_read;
	u64 corrected_bits, uncorrectable;
	u64 program_fails, erase_fails;
	u64 violations;
	u64 power_on_seconds;
};

/**
 * struct vcard_persist - header of the card's part of the state file
 * @magic: written last when a card is made
 * @clean: a loss of power now would interrupt nothing (reset.c)
 * @life: sums up to @life of this power cycle's start, rewritten as it grows
 *
 * One byte per AU (P_*) follows at VCARD_PERSIST_HEADER, die by die.
 */
struct vcard_persist {
	u64 magic;
	u32 version;
	u32 clean;
	u64 user_bytes;
	u64 seed;
	char serial[24];
	u32 plp;
	u32 spare_percent;
	u32 power_cycles;
	u32 unsafe_shutdowns;
	u32 factory_bad;
	u32 grown_bad;
	struct vcard_life life;
};

static_assert(sizeof(struct vcard_persist) <= VCARD_PERSIST_HEADER);

#define P_OPEN		0x1	/* may hold programmed units, and more may come */
#define P_CLOSED	0x2	/* full, finished, or a program failed */
#define P_SUSPECT	0x4	/* must be erased before the next append */
#define P_XOR		0x8	/* its units are in the accumulators of an open group */

/* ---- append units (au.c) ---- */
#define AU_OPEN		0x01	/* counted in vcard.open_aus */
#define AU_CLOSED	0x02	/* finished */
#define AU_SUSPECT	0x04
#define AU_FAILED	0x08	/* closed because a program failed */
#define AU_BAD		0x10
#define AU_ERASING	0x20	/* a RESET is outstanding */
#define AU_WP_UNKNOWN	0x40
#define AU_REFRESH_TOLD	0x80	/* event AU_REFRESH was sent */
#define AU_XOR		0x100	/* its units were added to their rows */

/**
 * struct vcard_au - what the card knows about an append unit
 * @wp: next page that an append gets; flash may be behind (write buffer)
 * @busy: units of outstanding commands that concern it
 * @flags: AU_*
 */
struct vcard_au {
	u32 wp;
	u32 busy;
	u16 flags;
};

/* ---- write buffer (buffer.c) ---- */
struct vcard_cmd;

/**
 * struct vcard_unit - a unit in the write buffer
 * @next: in its die's queue, or among the free
 * @hash_next: in the address table
 * @cmd: the command that has not completed yet, or NULL
 * @index: unit of @cmd
 * @stranded: programming it failed after its command had completed
 * @added: it is in the accumulator of its row
 */
struct vcard_unit {
	struct vcard_unit *next;
	struct vcard_unit *hash_next;
	struct vcard_cmd *cmd;
	u32 die, au, page;
	u8 index;
	u8 stranded;
	u8 added;
	u8 tag[FIO_TAG_BYTES];
	u8 data[FIO_UNIT_BYTES];
};

struct vcard_die {
	struct vcard_unit *head, **tail;
	u32 queued;
	u64 busy_until;	/* when its last program or erase is over */
	u64 read_until;	/* when its last read is */
	bool offline;
};

struct vcard_buffer {
	struct vcard_unit *units;
	struct vcard_unit *free;
	struct vcard_unit **hash;
	struct vcard_unit *stranded;
	u32 nr_units, nr_free, nr_queued, nr_stranded;
	u32 hash_mask;
	u32 threshold;
	u64 idle_at;	/* when to destage what lies there */
};

/* ---- accumulators (xor.c) ---- */

/**
 * struct vcard_xor_group - a group
 * @au: its append unit number, while @open
 * @row: per page; NULL: nothing was added
 */
struct vcard_xor_group {
	struct vcard_xor_row **row;
	u32 au;
	bool open;
};

/* ---- commands (cmd.c, ops.c) ---- */
struct vcard_queue;

/**
 * struct vcard_cmd - a command between fetch and completion
 * @next, @prev: in the list of pending commands, by @due
 * @sqe: copy of the entry
 * @queue: where to complete it; NULL: a reset forgot it
 * @due: when it completes
 * @addr: the vector; appends replace the addresses
 * @refused: status of a command that fails as a whole
 * @marked: units that count in their AU's busy
 * @status: per unit
 * @unit: per unit of an append, while it is in the buffer and not acknowledged
 */
struct vcard_cmd {
	struct vcard_cmd *next, *prev;
	const struct vcard_op *op;
	struct fio_sqe sqe;
	struct vcard_queue *queue;
	u64 due;
	u32 corrected;
	u8 refused;
	u64 marked;
	u64 addr[FIO_MAX_UNITS];
	u8 status[FIO_MAX_UNITS];
	struct vcard_unit *unit[FIO_MAX_UNITS];
};

/**
 * struct vcard_op - an opcode
 * @check: 0 or the status that refuses the command
 * @start: at fetch, in fetch order; sets cmd->due
 * @finish: at completion
 */
struct vcard_op {
	u8 opcode;
	const char *name;
	u8 (*check)(struct vcard *c, struct vcard_cmd *cmd);
	u8 (*start)(struct vcard *c, struct vcard_cmd *cmd);
	u8 (*finish)(struct vcard *c, struct vcard_cmd *cmd);
};

/* One piece of a data buffer in host memory. */
struct vcard_seg {
	u64 iova;
	u32 len;
	bool discard;
};

/* ---- rings (ring.c) ---- */
struct vcard_queue {
	bool live, irq;
	u16 qid, vector, coalesce_us, coalesce_count;
	u32 depth;
	u64 sq, cq;
	u32 sq_head, cq_tail;
	u32 outstanding;
	u32 unsignalled;	/* completions since the last interrupt */
	u64 irq_at;
	u8 phase;
};

/* ---- registers (regs.c): atomics, any thread ---- */
struct vcard_regs {
	u32 ctrl, status, fatal;
	u32 mbox_cmd, mbox_seq, mbox_ctrl, mbox_status, mbox_echo;
	u32 int_cause;
	u32 reset_wanted;	/* BIT(enum vcard_reset) */
	u32 gone;
	u32 sq_tail[VCARD_MAX_QUEUES], cq_head[VCARD_MAX_QUEUES];
	u32 payload[FIO_MBOX_PAYLOAD_LEN / 4];
};

/* ---- config space (config.c): atomics, any thread ---- */
struct vcard_cfg_space {
	u8 val[VCARD_CONFIG_SPACE];
	u8 writable[VCARD_CONFIG_SPACE];
	u8 reset_val[VCARD_CONFIG_SPACE];
};

/* ---- events (events.c) ---- */
struct vcard_events {
	struct fio_event log[VCARD_LOG_EVENTS];
	u64 next;		/* sequence number of the next event */
	u64 posted;		/* next to be put into the host's ring */
	u64 ring;
	u32 depth, index;
	u16 phase;
};

/* ---- telemetry (telemetry.c) ---- */
struct vcard_gauge {
	s64 now, min, max, sum;
	u64 samples;
};

struct vcard_telemetry {
	struct vcard_gauge temp, board, vccint, vccaux, bus_mv, bus_ma, bus_mw;
	u64 next_sample;
	u64 last_bytes;
	s64 load_permille;
	s32 forced_temp_mc;	/* INT32_MIN: none */
	s32 forced_bus_mv;
	u32 level;		/* 0 cool, 1 warning, 2 throttling, 3 shut off */
	bool over_power;
	bool beacon;
};

/* ---- faults (fault.c) ---- */
struct vcard_faults {
	s32 mbox_hang, no_irq, short_answers;	/* -1: for ever */
	bool mbox_stuck;
	u16 short_op;		/* 0: any */
	s32 swallow;
	u8 swallow_op;		/* enum fio_opcode, 0: any */
	u32 absurd_set;		/* BIT(field) */
	u32 absurd[16];
	u64 ready_delay_ns;
	u32 ecc_bits;
	u64 cut_after;		/* programs until the lights go out, 0: never */
	u64 cut_seed;
};

struct vcard_stats {
	u64 commands[16], units[16], unit_errors, refused;
	u64 swallowed, irqs, irqs_lost, mbox, mbox_errors, resets;
	u64 destaged, buffer_reads, violations, crc_errors, dma_errors;
};

/**
 * struct vcard - a card
 * @lock: excludes vcard_run(), vcard_control(), vcard_reset(), vcard_close();
 *	protects everything but @regs and @space, which are atomics
 * @now: the time vcard_run() was called with
 * @pending: commands that complete later, by due time
 */
struct vcard {
	struct vcard_front front;
	void *ctx;
	struct vcard_config cfg;
	pthread_mutex_t lock;

	struct vcard_regs regs;
	struct vcard_cfg_space space;

	struct nand *nand;
	const struct nand_geometry *geo;
	void *mem_user;			/* stands in for nand_user() without a file */
	struct vcard_persist *persist;
	u8 *au_persist;
	struct vcard_life life_base;

	struct vcard_au *aus;
	struct vcard_die *dies;
	u32 open_aus, max_open;
	u32 dies_offline;
	u32 plp;			/* enum fio_plp */
	struct vcard_buffer buf;
	struct vcard_xor_group xor_groups[VCARD_XOR_GROUPS];

	struct vcard_queue queues[VCARD_MAX_QUEUES];
	struct vcard_cmd *cmds, *free_cmds;
	struct vcard_cmd pending;	/* list head */
	u32 nr_pending;

	struct vcard_events ev;
	struct vcard_telemetry tele;
	struct vcard_faults fault;
	struct vcard_stats stats;
	u64 features;
	u64 now, started, ready_at;
	u64 rng;
	bool dead;			/* power is off */

	struct vcard_seg segs[VCARD_MAX_SGL + 1];
	u32 seg_at;			/* where cmd_gather() goes on */
	struct fio_sgl sgl[VCARD_MAX_SGL];
	u8 bounce[FIO_MAX_UNITS * FIO_UNIT_BYTES];
	u8 tags[FIO_MAX_UNITS * FIO_TAG_BYTES];
};

static inline u32 reg_get(const u32 *reg)
{
	return __atomic_load_n(reg, __ATOMIC_ACQUIRE);
}

static inline void reg_set(u32 *reg, u32 val)
{
	__atomic_store_n(reg, val, __ATOMIC_RELEASE);
}

/* card.c */
void vcard_log(struct vcard *c, const char *fmt, ...) __printf(2, 3);
u64 vcard_random(struct vcard *c);
void vcard_life(struct vcard *c, struct vcard_life *life);
void vcard_save_life(struct vcard *c);
void vcard_power_off(struct vcard *c);

/* geometry.c */
int vcard_plan_geometry(const struct vcard_config *cfg, struct nand_geometry *geo,
			char *err, size_t err_len);

/* config.c */
void config_init(struct vcard *c);
void config_reset(struct vcard *c);

/* regs.c */
void regs_init(struct vcard *c);
void regs_clear(struct vcard *c);
void regs_cause(struct vcard *c, u32 bits);
void card_fatal(struct vcard *c, enum fio_fatal why);
bool card_ready(const struct vcard *c);

/* reset.c */
void reset_do(struct vcard *c, u32 wanted);
void ctrl_run(struct vcard *c);

/* mbox.c */
void mbox_run(struct vcard *c);

/* ring.c */
u8 ring_create(struct vcard *c, const struct fio_mb_create_qp *in);
u8 ring_delete(struct vcard *c, u32 qid);
void ring_delete_all(struct vcard *c);
bool ring_run(struct vcard *c, struct vcard_queue *q);
void ring_post(struct vcard *c, struct vcard_queue *q, struct fio_cqe *cqe);
void ring_interrupt(struct vcard *c, struct vcard_queue *q);
void vcard_irq(struct vcard *c, u32 vector);

/* cmd.c */
int cmd_init(struct vcard *c);
bool cmd_room(const struct vcard *c);
void cmd_submit(struct vcard *c, struct vcard_queue *q, const struct fio_sqe *sqe);
void cmd_run_due(struct vcard *c, u64 until);
void cmd_finish_queue(struct vcard *c, struct vcard_queue *q);
void cmd_forget(struct vcard *c);
int cmd_segs(struct vcard *c, const struct fio_sgl *sgl, u64 want, bool reads, u8 *status);
int cmd_gather(struct vcard *c, void *buf, u32 len);
int cmd_scatter(struct vcard *c, u32 nr, const void *buf);
const struct vcard_op *op_find(u8 opcode);
const struct vcard_op *op_find_name(const char *name);

/* au.c */
bool addr_valid(const struct vcard *c, u64 addr, bool page);
struct vcard_au *au_of(struct vcard *c, u32 die, u32 au);
u8 *au_persist_of(struct vcard *c, u32 die, u32 au);
int au_load(struct vcard *c, bool unclean);
enum fio_au_state au_state(struct vcard *c, u32 die, u32 au);
u8 au_take_page(struct vcard *c, u64 addr, u32 *page);
void au_close(struct vcard *c, u32 die, u32 au, u16 flag);
u8 au_erase(struct vcard *c, u32 die, u32 au);
u8 au_retire(struct vcard *c, u32 die, u32 au);
void au_report(struct vcard *c, u64 addr, struct fio_au_report *r);
void violation(struct vcard *c, u64 addr, u8 status, const char *what);

/* buffer.c */
int buffer_init(struct vcard *c);
void buffer_free(struct vcard *c);
void buffer_make_room(struct vcard *c, u32 units);
struct vcard_unit *buffer_get(struct vcard *c);
void buffer_put(struct vcard *c, struct vcard_unit *u);
void buffer_queue(struct vcard *c, struct vcard_unit *u);
struct vcard_unit *buffer_find(struct vcard *c, u64 addr);
void buffer_drain_die(struct vcard *c, u32 die);
u8 buffer_program(struct vcard *c, struct vcard_unit *u);
u8 buffer_drain_all(struct vcard *c);
void buffer_drain_cmd(struct vcard *c, struct vcard_cmd *cmd);
void buffer_ack_cmd(struct vcard *c, struct vcard_cmd *cmd);
void buffer_forget(struct vcard *c, u32 die, u32 au);
void buffer_idle(struct vcard *c);
void plp_set(struct vcard *c, enum fio_plp plp);

/* xor.c */
int xor_init(struct vcard *c);
void xor_free(struct vcard *c);
void xor_load(struct vcard *c, bool kept);
u8 xor_allowed(struct vcard *c, u64 addr, u8 flags);
void xor_add(struct vcard *c, struct vcard_unit *u);
void xor_take_out(struct vcard *c, struct vcard_unit *u);
u8 xor_get(struct vcard *c, u32 au, u32 page, u8 *data, u8 *tag, bool raw);
void xor_end(struct vcard *c, u32 au);

/* powercut.c */
void power_cut(struct vcard *c, u64 seed, s32 torn_die);

/* timing.c */
u64 timing_read(struct vcard *c, u32 die);
u64 timing_program(struct vcard *c, u32 die, bool absorbed);
u64 timing_erase(struct vcard *c, u32 die);
u64 timing_sync(const struct vcard *c);

/* events.c */
void event_raise(struct vcard *c, enum fio_event_type type, u64 addr, u32 value);
void event_ring(struct vcard *c, u64 addr, u32 depth);
void event_post(struct vcard *c);
u32 event_read_log(struct vcard *c, u64 first, struct fio_mb_event_log *out, u32 room);
int event_by_name(const char *name);

/* telemetry.c */
void telemetry_init(struct vcard *c);
void telemetry_run(struct vcard *c);
void telemetry_health(struct vcard *c, struct fio_mb_health *h);

/* fault.c */
bool fault_swallow(struct vcard *c, u8 opcode);
bool fault_mbox_hang(struct vcard *c);
bool fault_lost_irq(struct vcard *c);
u32 fault_short_answer(struct vcard *c, u16 op, u32 len);
void fault_absurd(struct vcard *c, struct fio_mb_geometry *g);
int fault_absurd_set(struct vcard *c, const char *field, u64 value);
void fault_die_offline(struct vcard *c, u32 die, bool offline);

/* crc32c.c */
u32 crc32c(u32 crc, const void *buf, size_t len);

static inline u64 addr_make(u32 die, u32 au, u32 page)
{
	return FIELD_PREP(FIO_ADDR_DIE, (u64)die) | FIELD_PREP(FIO_ADDR_AU, (u64)au) |
	       FIELD_PREP(FIO_ADDR_PAGE, (u64)page);
}

static inline u32 addr_die(u64 addr)
{
	return FIELD_GET(FIO_ADDR_DIE, addr);
}

static inline u32 addr_au(u64 addr)
{
	return FIELD_GET(FIO_ADDR_AU, addr);
}

static inline u32 addr_page(u64 addr)
{
	return FIELD_GET(FIO_ADDR_PAGE, addr);
}

#endif /* VCARD_CARD_H */
