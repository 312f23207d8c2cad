// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host of the model's tests. Owns: guest memory, the counters of what the
 * card did to its front end, the driver's half of rings and mailbox.
 */
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/test_model_rig.h"

#define STEP_NS		1000

static char answer[16384];

static bool reachable(struct rig *r, u64 iova, size_t len)
{
	if (r->deny_at && iova <= r->deny_at && iova + len > r->deny_at)
		return false;
	return iova >= RIG_IOVA && iova - RIG_IOVA <= RIG_MEM &&
	       len <= RIG_MEM - (iova - RIG_IOVA);
}

static int front_read(void *ctx, u64 iova, void *buf, size_t len)
{
	struct rig *r = ctx;

	if (!reachable(r, iova, len))
		return -EFAULT;
	memcpy(buf, r->mem + (iova - RIG_IOVA), len);
	return 0;
}

static int front_write(void *ctx, u64 iova, const void *buf, size_t len)
{
	struct rig *r = ctx;

	r->writes++;
	r->last_iova = iova;
	r->last_len = len;
	if (!reachable(r, iova, len))
		return -EFAULT;
	memcpy(r->mem + (iova - RIG_IOVA), buf, len);
	return 0;
}

static void front_irq(void *ctx, u32 vector)
{
	struct rig *r = ctx;

	assert_true(vector < RIG_VECTORS);
	r->irqs[vector]++;
}

static void front_kick(void *ctx)
{
	((struct rig *)ctx)->kicks++;
}

static void front_log(void *ctx, const char *line)
{
	struct rig *r = ctx;

	r->logs++;
	snprintf(r->log, sizeof(r->log), "%s", line);
}

static void front_power_cut(void *ctx)
{
	struct rig *r = ctx;

	r->cuts++;
	if (r->exit_on_cut >= 0)
		_exit(r->exit_on_cut);
}

static const struct vcard_front front = {
	.dma_read = front_read,
	.dma_write = front_write,
	.irq = front_irq,
	.kick = front_kick,
	.log = front_log,
	.power_cut = front_power_cut,
};

void rig_config(struct vcard_config *cfg)
{
	*cfg = (struct vcard_config){
		.user_bytes = 1ULL << 30,
		.queues = 4,
		.plp = FIO_PLP_OK,
		.seed = 12345,
	};
}

struct rig *rig_new(const struct vcard_config *cfg)
{
	struct rig *r = calloc(1, sizeof(*r));
	char err[256] = "";

	assert_non_null(r);
	r->mem = calloc(1, RIG_MEM);
	assert_non_null(r->mem);
	r->exit_on_cut = -1;
	r->now = 1000000000;
	r->cfg = *cfg;
	r->c = vcard_create(cfg, &front, r, err, sizeof(err));
	if (!r->c)
		fail_msg("vcard_create: %s", err);
	return r;
}

void rig_free(struct rig *r)
{
	vcard_close(r->c);
	free(r->mem);
	free(r);
}

u32 rig_rd(struct rig *r, u32 off)
{
	__le32 val;

	assert_int_equal(vcard_bar_read(r->c, 0, off, &val, sizeof(val)), 0);
	return le32_to_cpu(val);
}

void rig_wr(struct rig *r, u32 off, u32 val)
{
	__le32 v = cpu_to_le32(val);

	assert_int_equal(vcard_bar_write(r->c, 0, off, &v, sizeof(v)), 0);
}

s64 rig_run(struct rig *r)
{
	r->now += STEP_NS;
	return vcard_run(r->c, r->now);
}

/* Lets time pass as the card asks until only a kick would wake it. */
void rig_run_until_idle(struct rig *r)
{
	s64 wait;
	u32 runs = 0;

	while ((wait = rig_run(r)) >= 0) {
		r->now += (u64)wait;
		assert_true(++runs < 100000);
	}
}

void rig_enable(struct rig *r)
{
	rig_wr(r, FIO_REG_CTRL, FIO_CTRL_EN);
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), FIO_STATUS_RDY);
}

static void put_payload(struct rig *r, const void *in, u32 len)
{
	u32 i, word;

	for (i = 0; i < len; i += 4) {
		word = 0;
		memcpy(&word, (const u8 *)in + i, min(len - i, 4U));
		rig_wr(r, FIO_REG_MBOX_PAYLOAD + i, le32_to_cpu(word));
	}
}

static void get_payload(struct rig *r, void *out, u32 len)
{
	u32 i, word;

	for (i = 0; i < len; i += 4) {
		word = cpu_to_le32(rig_rd(r, FIO_REG_MBOX_PAYLOAD + i));
		memcpy((u8 *)out + i, &word, min(len - i, 4U));
	}
}

/* Return: the mailbox code; -1 when the card did not answer. */
u32 rig_mbox(struct rig *r, u16 op, const void *in, u32 in_len, void *out, u32 *out_len)
{
	static u32 seq;
	u32 status, len;

	put_payload(r, in, min_t(u32, in_len, FIO_MBOX_PAYLOAD_LEN));
	rig_wr(r, FIO_REG_MBOX_CMD, FIELD_PREP(FIO_MBOX_CMD_OPCODE, op) |
	       FIELD_PREP(FIO_MBOX_CMD_LEN, in_len));
	rig_wr(r, FIO_REG_MBOX_SEQ, ++seq);
	rig_wr(r, FIO_REG_MBOX_CTRL, FIO_MBOX_CTRL_DOORBELL | FIO_MBOX_CTRL_IRQ);
	rig_run(r);
	if (rig_rd(r, FIO_REG_MBOX_CTRL) & FIO_MBOX_CTRL_DOORBELL)
		return ~0U;
	assert_int_equal(rig_rd(r, FIO_REG_MBOX_ECHO), seq);
	status = rig_rd(r, FIO_REG_MBOX_STATUS);
	len = FIELD_GET(FIO_MBOX_STATUS_LEN, status);
	if (out)
		get_payload(r, out, min(len, *out_len));
	if (out_len)
		*out_len = len;
	return FIELD_GET(FIO_MBOX_STATUS_CODE, status);
}

u32 rig_create_qp(struct rig *r, u32 qid, u32 depth_log2, u32 vector)
{
	struct fio_mb_create_qp in = {
		.qid = cpu_to_le16(qid),
		.depth_log2 = (u8)depth_log2,
		.flags = FIO_MB_QP_IRQ,
		.vector = cpu_to_le16(vector),
		.sq_addr = cpu_to_le64(RIG_IOVA + RIG_SQ(qid)),
		.cq_addr = cpu_to_le64(RIG_IOVA + RIG_CQ(qid)),
	};

	r->q[qid] = (struct rig_queue){ .depth = 1U << depth_log2, .phase = 1 };
	memset(r->mem + RIG_CQ(qid), 0, 0x10000);
	return rig_mbox(r, FIO_MB_CREATE_QP, &in, sizeof(in), NULL, NULL);
}

void rig_up(struct rig *r)
{
	struct fio_mb_features f = {
		cpu_to_le64(FIO_FEAT_CRC | FIO_FEAT_READ_NULL | FIO_FEAT_XOR)
	};
	u32 len = sizeof(r->geo);

	rig_enable(r);
	assert_int_equal(rig_mbox(r, FIO_MB_GEOMETRY, NULL, 0, &r->geo, &len), FIO_MBOX_OK);
	assert_int_equal(rig_mbox(r, FIO_MB_FEATURES, &f, sizeof(f), NULL, NULL), FIO_MBOX_OK);
	assert_int_equal(rig_create_qp(r, 0, 4, 1), FIO_MBOX_OK);
}

int rig_setup(void **state)
{
	struct vcard_config cfg;
	struct rig *r;

	rig_config(&cfg);
	r = rig_new(&cfg);
	rig_up(r);
	*state = r;
	return 0;
}

int rig_teardown(void **state)
{
	rig_free(*state);
	return 0;
}

void rig_doorbell(struct rig *r, u32 qid, u32 which, u32 val)
{
	rig_wr(r, FIO_REGS_LEN + qid * FIO_DB_STRIDE(0) + which, val);
}

/* Puts an entry into the ring; the doorbell is the caller's. */
u16 rig_push(struct rig *r, u32 qid, const struct fio_sqe *sqe)
{
	struct rig_queue *q = &r->q[qid];
	struct fio_sqe *at = (struct fio_sqe *)(r->mem + RIG_SQ(qid)) + q->sq_tail;

	*at = *sqe;
	at->cid = cpu_to_le16(q->next_cid);
	q->sq_tail = (q->sq_tail + 1) & (q->depth - 1);
	return q->next_cid++;
}

bool rig_peek(struct rig *r, u32 qid, struct fio_cqe *cqe)
{
	struct rig_queue *q = &r->q[qid];

	*cqe = ((struct fio_cqe *)(r->mem + RIG_CQ(qid)))[q->cq_head];
	return !!(le16_to_cpu(cqe->status) & FIO_CQE_PHASE) == q->phase;
}

bool rig_reap(struct rig *r, u32 qid, struct fio_cqe *cqe)
{
	struct rig_queue *q = &r->q[qid];

	if (!rig_peek(r, qid, cqe))
		return false;
	q->cq_head = (q->cq_head + 1) & (q->depth - 1);
	if (!q->cq_head)
		q->phase = !q->phase;
	rig_doorbell(r, qid, FIO_DB_CQ_HEAD, q->cq_head);
	return true;
}

u32 rig_do(struct rig *r, struct fio_sqe *sqe, struct fio_cqe *cqe)
{
	struct fio_cqe local;
	u16 cid = rig_push(r, 0, sqe);

	cqe = cqe ? cqe : &local;
	rig_doorbell(r, 0, FIO_DB_SQ_TAIL, r->q[0].sq_tail);
	rig_run(r);
	if (!rig_peek(r, 0, cqe))
		rig_run_until_idle(r);
	assert_true(rig_reap(r, 0, cqe));
	assert_int_equal(le16_to_cpu(cqe->cid), cid);
	return FIELD_GET(FIO_CQE_STATUS, le16_to_cpu(cqe->status));
}

u64 rig_addr(u32 die, u32 au, u32 page)
{
	return FIELD_PREP(FIO_ADDR_DIE, (u64)die) | FIELD_PREP(FIO_ADDR_AU, (u64)au) |
	       FIELD_PREP(FIO_ADDR_PAGE, (u64)page);
}

static u8 pattern(u32 seed, u32 i)
{
	u32 v = (seed * 2654435761U) ^ (i * 2246822519U);

	return (u8)(v ^ v >> 15);
}

void rig_pattern(struct rig *r, u32 units, u32 seed)
{
	u32 u, i;

	for (u = 0; u < units; u++) {
		for (i = 0; i < FIO_UNIT_BYTES; i++)
			r->mem[RIG_DATA + u * FIO_UNIT_BYTES + i] = pattern(seed + u, i);
		for (i = 0; i < FIO_TAG_BYTES; i++)
			r->mem[RIG_TAGS + u * FIO_TAG_BYTES + i] = pattern(~(seed + u), i);
	}
}

/* The tag's last bytes may be the CRC. */
bool rig_pattern_ok(struct rig *r, u32 unit, u32 seed)
{
	u32 i;

	for (i = 0; i < FIO_UNIT_BYTES; i++)
		if (r->mem[RIG_DATA + unit * FIO_UNIT_BYTES + i] != pattern(seed, i))
			return false;
	for (i = 0; i < FIO_TAG_CRC_OFFSET; i++)
		if (r->mem[RIG_TAGS + unit * FIO_TAG_BYTES + i] != pattern(~seed, i))
			return false;
	return true;
}

struct fio_sqe rig_sqe(u8 opcode, u8 units)
{
	return (struct fio_sqe){
		.opcode = opcode,
		.flags = FIO_SQE_ADDR_LIST,
		.units = units,
		.addr = cpu_to_le64(RIG_IOVA + RIG_LIST),
		.tags = cpu_to_le64(RIG_IOVA + RIG_TAGS),
		.sgl = {
			.addr = cpu_to_le64(RIG_IOVA + RIG_DATA),
			.len = cpu_to_le32(units * FIO_UNIT_BYTES),
		},
	};
}

static void put_list(struct rig *r, const u64 *addr, u32 units)
{
	__le64 *list = (__le64 *)(r->mem + RIG_LIST);
	u32 i;

	for (i = 0; i < units; i++)
		list[i] = cpu_to_le64(addr[i]);
}

u32 rig_append(struct rig *r, u64 *addr, u32 units, u32 seed, u8 flags, struct fio_cqe *cqe)
{
	struct fio_sqe sqe = rig_sqe(FIO_OP_APPEND, (u8)units);
	__le64 *list = (__le64 *)(r->mem + RIG_LIST);
	u32 status, i;

	sqe.flags |= flags;
	put_list(r, addr, units);
	rig_pattern(r, units, seed);
	status = rig_do(r, &sqe, cqe);
	for (i = 0; i < units; i++)
		addr[i] = le64_to_cpu(list[i]);
	return status;
}

u32 rig_read(struct rig *r, const u64 *addr, u32 units, u8 flags, struct fio_cqe *cqe)
{
	struct fio_sqe sqe = rig_sqe(FIO_OP_READ, (u8)units);

	sqe.flags |= flags;
	put_list(r, addr, units);
	memset(r->mem + RIG_DATA, 0xee, units * FIO_UNIT_BYTES);
	memset(r->mem + RIG_TAGS, 0xee, units * FIO_TAG_BYTES);
	return rig_do(r, &sqe, cqe);
}

u32 rig_on_aus(struct rig *r, u8 opcode, u64 addr)
{
	struct fio_sqe sqe = { .opcode = opcode, .units = 1, .addr = cpu_to_le64(addr) };

	return rig_do(r, &sqe, NULL);
}

u32 rig_sync(struct rig *r)
{
	struct fio_sqe sqe = { .opcode = FIO_OP_SYNC };

	return rig_do(r, &sqe, NULL);
}

void rig_report(struct rig *r, u64 addr, struct fio_au_report *rep)
{
	struct fio_sqe sqe = {
		.opcode = FIO_OP_REPORT,
		.units = 1,
		.addr = cpu_to_le64(addr),
		.sgl = {
			.addr = cpu_to_le64(RIG_IOVA + RIG_DATA),
			.len = cpu_to_le32(sizeof(*rep)),
		},
	};

	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_OK);
	memcpy(rep, r->mem + RIG_DATA, sizeof(*rep));
}

int rig_control(struct rig *r, const char *cmd)
{
	return vcard_control(r->c, cmd, answer, sizeof(answer));
}

const char *rig_answer(void)
{
	return answer;
}

u64 rig_stat(struct rig *r, const char *name)
{
	char key[64];
	char *at;

	assert_int_equal(rig_control(r, "stats"), 0);
	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(answer, key);
	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 0);
}
