// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ring pairs (hw.md section 5.1): phase, wrap, room, doorbells, interrupts.
 */
#include "tests/unit/test_model_rig.h"

static void push_read(struct rig *r, u32 qid)
{
	struct fio_sqe sqe = rig_sqe(FIO_OP_READ, 1);

	sqe.flags = 0;
	sqe.addr = cpu_to_le64(rig_addr(0, 0, 0));
	rig_push(r, qid, &sqe);
}

static void ring_up(struct rig *r, u32 qid)
{
	rig_doorbell(r, qid, FIO_DB_SQ_TAIL, r->q[qid].sq_tail);
}

static u32 reap_all(struct rig *r, u32 qid)
{
	struct fio_cqe cqe;
	u32 n = 0;

	while (rig_reap(r, qid, &cqe))
		n++;
	return n;
}

static void wrap_and_phase(void **state)
{
	struct rig *r = *state;
	struct fio_cqe cqe;
	u32 i, cid = 0, sent = 0, head = 0;

	assert_int_equal(rig_create_qp(r, 1, 2, 2), FIO_MBOX_OK);
	for (i = 0; i < 50; i++) {
		for (u32 n = 0; n < 1 + i % 3; n++, sent++)
			push_read(r, 1);
		ring_up(r, 1);
		rig_run(r);
		while (rig_reap(r, 1, &cqe)) {
			assert_int_equal(le16_to_cpu(cqe.cid), cid++);
			head = le16_to_cpu(cqe.sq_head);
			assert_int_equal(le16_to_cpu(cqe.status) & FIO_CQE_STATUS, FIO_SC_ERASED);
		}
		assert_int_equal(cid, sent);
		assert_int_equal(head, sent % 4);
	}
}

/* The card waits for room instead of overwriting what was not consumed. */
static void never_beyond_the_head(void **state)
{
	struct rig *r = *state;
	struct fio_cqe *cq = (struct fio_cqe *)(r->mem + RIG_CQ(1)), first, cqe;
	u32 i;

	assert_int_equal(rig_create_qp(r, 1, 2, 2), FIO_MBOX_OK);
	for (i = 0; i < 3; i++)
		push_read(r, 1);
	ring_up(r, 1);
	rig_run(r);
	assert_int_equal(le16_to_cpu(cq[2].status) >> 15, 1);
	first = cq[0];
	for (i = 0; i < 3; i++)
		push_read(r, 1);
	ring_up(r, 1);
	rig_run(r);
	assert_int_equal(le16_to_cpu(cq[3].status), 0);
	assert_memory_equal(&cq[0], &first, sizeof(first));
	/* room for one is room for one */
	assert_true(rig_reap(r, 1, &cqe));
	rig_run(r);
	assert_int_equal(le16_to_cpu(cq[3].status) >> 15, 1);
	assert_memory_equal(&cq[0], &first, sizeof(first));
	assert_int_equal(reap_all(r, 1), 3);
	rig_run(r);
	assert_int_equal(reap_all(r, 1), 2);
}

static void phase_is_written_last(void **state)
{
	struct rig *r = *state;

	push_read(r, 0);
	ring_up(r, 0);
	rig_run(r);
	assert_int_equal(r->last_iova, RIG_IOVA + RIG_CQ(0) + 28);
	assert_int_equal(r->last_len, 4);
}

static void hostile_doorbells(void **state)
{
	struct rig *r = *state;
	u32 bad[] = { 16, 17, 0x8000, ~0U }, i, which;

	/* a queue pair that does not exist */
	rig_doorbell(r, 3, FIO_DB_SQ_TAIL, 5);
	rig_doorbell(r, 3, FIO_DB_CQ_HEAD, ~0U);
	rig_doorbell(r, 900, FIO_DB_SQ_TAIL, 5);
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), FIO_STATUS_RDY);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		for (which = 0; which <= FIO_DB_CQ_HEAD; which += FIO_DB_CQ_HEAD) {
			rig_doorbell(r, 0, which, bad[i]);
			rig_run(r);
			assert_int_equal(rig_rd(r, FIO_REG_FATAL), FIO_FATAL_RING);
			rig_wr(r, FIO_REG_RESET, FIO_RESET_KEY);
			rig_run(r);
			rig_up(r);
		}
}

/* A doorbell left from an earlier life of the queue pair does not count. */
static void stale_doorbell(void **state)
{
	struct rig *r = *state;
	struct fio_cqe cqe;

	rig_doorbell(r, 1, FIO_DB_SQ_TAIL, 3);
	assert_int_equal(rig_create_qp(r, 1, 2, 2), FIO_MBOX_OK);
	rig_run(r);
	assert_false(rig_peek(r, 1, &cqe));
}

static void garbage_entries(void **state)
{
	struct rig *r = *state;
	u32 seed = 1, i;

	for (i = 0; i < 16 * sizeof(struct fio_sqe); i++) {
		seed = seed * 1103515245 + 12345;
		r->mem[RIG_SQ(0) + i] = (u8)(seed >> 16);
	}
	rig_doorbell(r, 0, FIO_DB_SQ_TAIL, 15);
	rig_run(r);
	assert_int_equal(reap_all(r, 0), 15);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), FIO_STATUS_RDY);
	/* a head beyond what was posted stalls, and does no harm */
	rig_doorbell(r, 0, FIO_DB_CQ_HEAD, 3);
	rig_doorbell(r, 0, FIO_DB_SQ_TAIL, 14);
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), FIO_STATUS_RDY);
}

static void unreachable_rings(void **state)
{
	struct rig *r = *state;

	r->deny_at = RIG_IOVA + RIG_SQ(0) + 70;
	push_read(r, 0);
	push_read(r, 0);
	ring_up(r, 0);
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_FATAL), FIO_FATAL_DMA);
	r->deny_at = RIG_IOVA + RIG_CQ(0) + 29;
	rig_wr(r, FIO_REG_RESET, FIO_RESET_KEY);
	rig_run(r);
	rig_up(r);
	push_read(r, 0);
	ring_up(r, 0);
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_FATAL), FIO_FATAL_DMA);
}

static void vectors(void **state)
{
	struct rig *r = *state;
	u32 i;

	assert_int_equal(rig_create_qp(r, 1, 4, 3), FIO_MBOX_OK);
	assert_int_equal(rig_create_qp(r, 2, 4, 4), FIO_MBOX_OK);
	memset(r->irqs, 0, sizeof(r->irqs));
	for (i = 0; i < 5; i++)
		push_read(r, 1);
	push_read(r, 2);
	ring_up(r, 1);
	ring_up(r, 2);
	rig_run(r);
	assert_int_equal(r->irqs[1], 0);
	assert_int_equal(r->irqs[3], 1);
	assert_int_equal(r->irqs[4], 1);
	assert_int_equal(reap_all(r, 1), 5);
	rig_run(r);
	assert_int_equal(r->irqs[3], 1);
}

static void create(struct rig *r, u8 flags, u32 us, u32 count)
{
	struct fio_mb_create_qp in = {
		.qid = cpu_to_le16(1),
		.depth_log2 = 5,
		.flags = flags,
		.vector = cpu_to_le16(2),
		.coalesce_us = cpu_to_le16(us),
		.coalesce_count = cpu_to_le16(count),
		.sq_addr = cpu_to_le64(RIG_IOVA + RIG_SQ(1)),
		.cq_addr = cpu_to_le64(RIG_IOVA + RIG_CQ(1)),
	};

	r->q[1] = (struct rig_queue){ .depth = 32, .phase = 1 };
	assert_int_equal(rig_mbox(r, FIO_MB_CREATE_QP, &in, sizeof(in), NULL, NULL), FIO_MBOX_OK);
	r->irqs[2] = 0;
}

static void no_interrupts(void **state)
{
	struct rig *r = *state;

	create(r, 0, 0, 0);
	push_read(r, 1);
	ring_up(r, 1);
	assert_int_equal(rig_run(r), -1);
	assert_int_equal(r->irqs[2], 0);
	assert_int_equal(reap_all(r, 1), 1);
}

static void coalesced_by_time(void **state)
{
	struct rig *r = *state;
	s64 wait;

	create(r, FIO_MB_QP_IRQ, 100, 8);
	push_read(r, 1);
	ring_up(r, 1);
	wait = rig_run(r);
	assert_int_equal(r->irqs[2], 0);
	assert_int_equal(wait, 100000);
	r->now += 50000;
	wait = rig_run(r);
	assert_int_equal(r->irqs[2], 0);
	assert_in_range(wait, 1, 50000);
	r->now += (u64)wait;
	rig_run(r);
	assert_int_equal(r->irqs[2], 1);
	r->now += 1000000;
	rig_run(r);
	assert_int_equal(r->irqs[2], 1);
}

static void coalesced_by_count(void **state)
{
	struct rig *r = *state;
	u32 i;

	create(r, FIO_MB_QP_IRQ, 100, 8);
	for (i = 0; i < 8; i++) {
		assert_int_equal(r->irqs[2], 0);
		push_read(r, 1);
		ring_up(r, 1);
		rig_run(r);
	}
	assert_int_equal(r->irqs[2], 1);
}

static void lost_interrupts(void **state)
{
	struct rig *r = *state;

	memset(r->irqs, 0, sizeof(r->irqs));
	assert_int_equal(rig_control(r, "no-irq count=1"), 0);
	push_read(r, 0);
	ring_up(r, 0);
	rig_run(r);
	assert_int_equal(r->irqs[1], 0);
	assert_int_equal(reap_all(r, 0), 1);
	push_read(r, 0);
	ring_up(r, 0);
	rig_run(r);
	assert_int_equal(r->irqs[1], 1);
	assert_int_equal(rig_stat(r, "irqs_lost"), 1);
}

static void swallowed_commands(void **state)
{
	struct rig *r = *state;
	u64 addr = rig_addr(1, 1, 0);
	struct fio_cqe cqe;

	assert_int_equal(rig_control(r, "timeout op=read,count=2"), 0);
	assert_int_equal(rig_append(r, &addr, 1, 0, 0, NULL), FIO_SC_OK);
	push_read(r, 0);
	push_read(r, 0);
	push_read(r, 0);
	ring_up(r, 0);
	rig_run(r);
	assert_true(rig_reap(r, 0, &cqe));
	assert_int_equal(le16_to_cpu(cqe.cid), 3);
	assert_false(rig_peek(r, 0, &cqe));
	assert_int_equal(rig_stat(r, "swallowed"), 2);
	assert_int_equal(rig_control(r, "timeout op=any"), 0);
	addr = rig_addr(1, 1, 0);
	push_read(r, 0);
	ring_up(r, 0);
	rig_run(r);
	assert_false(rig_peek(r, 0, &cqe));
	assert_int_equal(rig_control(r, "timeout op=nonsense"), -EINVAL);
}

/* Outstanding commands complete before DELETE_QP answers, and nothing does after. */
static void delete_queue(void **state)
{
	struct fio_mb_delete_qp del = { 0 };
	struct vcard_config cfg;
	struct fio_cqe cqe;
	struct rig *r;

	rig_config(&cfg);
	cfg.timing = NAND_TIMING_SLC;
	r = rig_new(&cfg);
	rig_up(r);
	push_read(r, 0);
	ring_up(r, 0);
	rig_run(r);
	assert_int_equal(rig_stat(r, "outstanding"), 1);
	assert_int_equal(rig_mbox(r, FIO_MB_DELETE_QP, &del, sizeof(del), NULL, NULL), 0);
	assert_int_equal(rig_stat(r, "outstanding"), 0);
	assert_true(rig_reap(r, 0, &cqe));
	push_read(r, 0);
	ring_up(r, 0);
	rig_run_until_idle(r);
	assert_false(rig_peek(r, 0, &cqe));
	rig_free(r);
}

static void many_queues(void **state)
{
	struct rig *r = *state;
	u32 q, i;

	for (q = 1; q < 4; q++)
		assert_int_equal(rig_create_qp(r, q, 10, q), FIO_MBOX_OK);
	for (q = 0; q < 4; q++) {
		for (i = 0; i + 1 < r->q[q].depth; i++)
			push_read(r, q);
		ring_up(r, q);
	}
	rig_run_until_idle(r);
	for (q = 0; q < 4; q++)
		assert_int_equal(reap_all(r, q), r->q[q].depth - 1);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(wrap_and_phase), T(never_beyond_the_head), T(phase_is_written_last),
		T(hostile_doorbells), T(stale_doorbell), T(garbage_entries), T(unreachable_rings),
		T(vectors), T(no_interrupts), T(coalesced_by_time), T(coalesced_by_count),
		T(lost_interrupts), T(swallowed_commands), cmocka_unit_test(delete_queue),
		T(many_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
