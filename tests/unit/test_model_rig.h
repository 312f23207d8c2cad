/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host for the card model, single-stepped: guest memory is an array, the
 * driver's part is a few lines, time is a counter. Nothing runs by itself;
 * every step that makes the card work takes "rig_run" in its name or says so.
 */
#ifndef TEST_MODEL_RIG_H
#define TEST_MODEL_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <fio/hw_desc.h>
#include <fio/hw_mbox.h>
#include <fio/hw_regs.h>
#include <fio/types.h>

#include "vcard/model/model.h"

#define RIG_IOVA	0x10000000ULL
#define RIG_MEM		(4U << 20)
#define RIG_VECTORS	16
/* Where things lie in guest memory, from RIG_IOVA. */
#define RIG_SQ(q)	(0x000000 + (q) * 0x20000)
#define RIG_CQ(q)	(0x010000 + (q) * 0x20000)
#define RIG_EVENTS	0x100000
#define RIG_LIST	0x120000
#define RIG_TAGS	0x130000
#define RIG_SGL		0x140000
#define RIG_DATA	0x200000

struct rig_queue {
	u32 depth, sq_tail, cq_head;
	u16 next_cid;
	u8 phase;
};

struct rig {
	struct vcard *c;
	struct vcard_config cfg;
	u8 *mem;
	u64 now;
	u32 irqs[RIG_VECTORS];
	u32 kicks, logs, cuts, writes;
	u64 last_iova;		/* of the last write */
	size_t last_len;
	char log[512];
	u64 deny_at;		/* DMA that touches this iova fails; 0: none */
	int exit_on_cut;	/* status to _exit() with, -1: come back */
	struct rig_queue q[8];
	struct fio_mb_geometry geo;
};

struct rig *rig_new(const struct vcard_config *cfg);
void rig_config(struct vcard_config *cfg);
void rig_free(struct rig *r);

/* A memory card that is enabled, has its features on and queue pair 0 of 16 entries. */
int rig_setup(void **state);
int rig_teardown(void **state);

u32 rig_rd(struct rig *r, u32 off);
void rig_wr(struct rig *r, u32 off, u32 val);
s64 rig_run(struct rig *r);
void rig_run_until_idle(struct rig *r);
void rig_enable(struct rig *r);
u32 rig_mbox(struct rig *r, u16 op, const void *in, u32 in_len, void *out, u32 *out_len);
u32 rig_create_qp(struct rig *r, u32 qid, u32 depth_log2, u32 vector);
void rig_up(struct rig *r);

void rig_doorbell(struct rig *r, u32 qid, u32 which, u32 val);
u16 rig_push(struct rig *r, u32 qid, const struct fio_sqe *sqe);
bool rig_peek(struct rig *r, u32 qid, struct fio_cqe *cqe);
bool rig_reap(struct rig *r, u32 qid, struct fio_cqe *cqe);
/* Submit one command on queue 0, run, reap its completion. */
u32 rig_do(struct rig *r, struct fio_sqe *sqe, struct fio_cqe *cqe);

u64 rig_addr(u32 die, u32 au, u32 page);
/* Data of a unit that tells its number; tag likewise. */
void rig_pattern(struct rig *r, u32 units, u32 seed);
bool rig_pattern_ok(struct rig *r, u32 unit, u32 seed);
struct fio_sqe rig_sqe(u8 opcode, u8 units);
/* Append or read @units; addresses in and out of @addr. */
u32 rig_append(struct rig *r, u64 *addr, u32 units, u32 seed, u8 flags, struct fio_cqe *cqe);
u32 rig_read(struct rig *r, const u64 *addr, u32 units, u8 flags, struct fio_cqe *cqe);
u32 rig_on_aus(struct rig *r, u8 opcode, u64 addr);
u32 rig_sync(struct rig *r);
void rig_report(struct rig *r, u64 addr, struct fio_au_report *rep);
int rig_control(struct rig *r, const char *cmd);
const char *rig_answer(void);
u64 rig_stat(struct rig *r, const char *name);

#endif /* TEST_MODEL_RIG_H */
