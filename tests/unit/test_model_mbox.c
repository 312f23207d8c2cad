// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mailbox (hw.md section 4) and the events' log (section 6).
 */
#include "tests/unit/test_model_rig.h"

static const struct {
	const char *name;
	u16 op;
	u16 in, out;
} commands[] = {
#define ROW(nr, name, in, out) { #name, nr, in, out },
	FIO_MBOX_COMMANDS(ROW)
#undef ROW
};

static u8 in[FIO_MBOX_PAYLOAD_LEN], out[FIO_MBOX_PAYLOAD_LEN];

static void wrong_lengths(void **state)
{
	struct rig *r = *state;
	u32 i, len;

	rig_enable(r);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		u32 n = commands[i].in;

		if (rig_mbox(r, commands[i].op, in, n + 1, NULL, &len) != FIO_MBOX_INVALID_LENGTH)
			fail_msg("%s takes %u bytes", commands[i].name, n + 1);
		assert_int_equal(len, 0);
		assert_int_equal(rig_mbox(r, commands[i].op, in, 0xffff, NULL, NULL),
				 FIO_MBOX_INVALID_LENGTH);
		if (n)
			assert_int_equal(rig_mbox(r, commands[i].op, in, n - 1, NULL, NULL),
					 FIO_MBOX_INVALID_LENGTH);
	}
}

static void unknown_opcodes(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_mbox(r, 0, NULL, 0, NULL, NULL), FIO_MBOX_UNSUPPORTED);
	assert_int_equal(rig_mbox(r, 0x000b, NULL, 0, NULL, NULL), FIO_MBOX_UNSUPPORTED);
	assert_int_equal(rig_mbox(r, 0xffff, NULL, 0, NULL, NULL), FIO_MBOX_UNSUPPORTED);
	assert_int_equal(rig_stat(r, "mailbox_errors"), 3);
}

static void before_ready(void **state)
{
	static const u16 need[] = {
		FIO_MB_FEATURES, FIO_MB_CREATE_QP, FIO_MB_DELETE_QP, FIO_MB_EVENT_QUEUE,
	};
	struct rig *r = *state;
	u32 i, j, code;

	memset(in, 0, sizeof(in));
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		code = FIO_MBOX_OK;
		for (j = 0; j < ARRAY_SIZE(need); j++)
			if (commands[i].op == need[j])
				code = FIO_MBOX_WRONG_STATE;
		assert_int_equal(rig_mbox(r, commands[i].op, in, commands[i].in, NULL, NULL), code);
	}
}

static void identify(void **state)
{
	struct fio_mb_identify *id = (void *)out;
	struct rig *r = *state;
	u32 len = sizeof(out);

	assert_int_equal(rig_mbox(r, FIO_MB_IDENTIFY, NULL, 0, out, &len), FIO_MBOX_OK);
	assert_int_equal(len, sizeof(*id));
	assert_int_equal(le64_to_cpu(id->user_bytes), 1ULL << 30);
	assert_int_equal(le32_to_cpu(id->max_units), FIO_MAX_UNITS);
	assert_int_equal(le64_to_cpu(id->features),
			 FIO_FEAT_CRC | FIO_FEAT_READ_NULL | FIO_FEAT_XOR);
	assert_string_equal(id->serial, "112345");
	assert_string_equal(id->adapter_product_number, "FVC-1-001-VM");
	assert_true(strlen(id->product) && strlen(id->adapter_product) && strlen(id->slot_name));
}

static void geometry(void **state)
{
	struct fio_mb_geometry *g = (void *)out;
	struct rig *r = *state;
	u32 len = sizeof(out);
	u64 raw;

	assert_int_equal(rig_mbox(r, FIO_MB_GEOMETRY, NULL, 0, out, &len), FIO_MBOX_OK);
	assert_int_equal(len, sizeof(*g));
	assert_int_equal(le32_to_cpu(g->dies), 4);
	assert_int_equal(le32_to_cpu(g->pages), 256);
	assert_int_equal(le32_to_cpu(g->unit_bytes), 4096);
	assert_int_equal(le32_to_cpu(g->tag_bytes), 64);
	assert_int_equal(le32_to_cpu(g->keep_behind), 0);
	assert_true(le32_to_cpu(g->max_open) >= 64);
	raw = 4096ULL * le32_to_cpu(g->dies) * le32_to_cpu(g->aus) * le32_to_cpu(g->pages);
	assert_true(raw >= (1ULL << 30) / 100 * 128);
	assert_true(raw < (1ULL << 30) / 100 * 130);
}

static void features(void **state)
{
	struct fio_mb_features f = { cpu_to_le64(FIO_FEAT_CRC) }, got;
	struct rig *r = *state;
	u32 len = sizeof(got);

	rig_enable(r);
	assert_int_equal(rig_mbox(r, FIO_MB_FEATURES, &f, sizeof(f), &got, &len), FIO_MBOX_OK);
	assert_int_equal(le64_to_cpu(got.features), FIO_FEAT_CRC);
	f.features = cpu_to_le64(FIO_FEAT_CRC | FIO_FEAT_COPY);
	assert_int_equal(rig_mbox(r, FIO_MB_FEATURES, &f, sizeof(f), NULL, NULL),
			 FIO_MBOX_INVALID_INPUT);
}

static void health(void **state)
{
	struct fio_mb_health *h = (void *)out;
	u64 addr[4] = {
		rig_addr(0, 0, 0), rig_addr(1, 0, 0), rig_addr(2, 0, 0), rig_addr(3, 0, 0),
	};
	struct rig *r = *state;
	u32 len = sizeof(out);

	rig_up(r);
	rig_append(r, addr, 4, 0, 0, NULL);
	rig_read(r, addr, 3, 0, NULL);
	rig_on_aus(r, FIO_OP_RESET, addr[0]);
	rig_on_aus(r, FIO_OP_RETIRE, addr[1]);
	r->now += 5000000000ULL;
	assert_int_equal(rig_mbox(r, FIO_MB_HEALTH, NULL, 0, out, &len), FIO_MBOX_OK);
	assert_int_equal(len, sizeof(*h));
	assert_int_equal(le64_to_cpu(h->bytes_written), 4 * 4096);
	assert_int_equal(le64_to_cpu(h->bytes_read), 3 * 4096);
	assert_int_equal(le64_to_cpu(h->erase_total), 1);
	assert_int_equal(le32_to_cpu(h->erase_max), 1);
	assert_int_equal(le32_to_cpu(h->erase_min), 0);
	assert_int_equal(le32_to_cpu(h->bad_aus_grown), 1);
	assert_int_equal(le32_to_cpu(h->power_cycles), 1);
	assert_int_equal(le64_to_cpu(h->power_on_seconds), 5);
	assert_int_equal(h->plp, FIO_PLP_OK);
	assert_in_range(le32_to_cpu(h->temp_mc), 30000, 80000);
	assert_true(le32_to_cpu(h->temp_max_mc) >= le32_to_cpu(h->temp_mc));
	assert_in_range(le32_to_cpu(h->vccint_mv), 950, 1080);
	assert_in_range(le32_to_cpu(h->vccaux_mv), 2400, 2560);
	assert_in_range(le32_to_cpu(h->bus_mv), le32_to_cpu(h->bus_min_mv),
			le32_to_cpu(h->bus_max_mv));
	assert_in_range(le32_to_cpu(h->bus_mw), 5000, 25000);
}

static void beacon(void **state)
{
	struct fio_mb_beacon b = { .op = 1, .on = 1 };
	struct rig *r = *state;
	u32 len = sizeof(b);

	assert_int_equal(rig_mbox(r, FIO_MB_BEACON, &b, sizeof(b), &b, &len), FIO_MBOX_OK);
	b = (struct fio_mb_beacon){ .op = 0 };
	assert_int_equal(rig_mbox(r, FIO_MB_BEACON, &b, sizeof(b), &b, &len), FIO_MBOX_OK);
	assert_int_equal(b.on, 1);
	b = (struct fio_mb_beacon){ .op = 2 };
	assert_int_equal(rig_mbox(r, FIO_MB_BEACON, &b, sizeof(b), NULL, NULL),
			 FIO_MBOX_INVALID_INPUT);
}

static u32 ask_bad(struct rig *r, u32 die, u32 first)
{
	struct fio_mb_bad_aus_in q = { cpu_to_le32(die), cpu_to_le32(first) };
	u32 len = sizeof(out), code;

	code = rig_mbox(r, FIO_MB_BAD_AUS, &q, sizeof(q), out, &len);
	if (!code)
		assert_int_equal(len, 16 + 4 * le32_to_cpu(((struct fio_mb_bad_aus *)out)->count));
	return code;
}

static void bad_table(void **state)
{
	struct fio_mb_bad_aus *t = (void *)out;
	struct rig *r = *state;

	rig_up(r);
	assert_int_equal(ask_bad(r, 2, 0), FIO_MBOX_OK);
	assert_int_equal(le32_to_cpu(t->count), 0);
	rig_on_aus(r, FIO_OP_RETIRE, rig_addr(2, 17, 0));
	rig_on_aus(r, FIO_OP_RETIRE, rig_addr(2, 5, 0));
	rig_on_aus(r, FIO_OP_RETIRE, rig_addr(1, 6, 0));
	assert_int_equal(ask_bad(r, 2, 0), FIO_MBOX_OK);
	assert_int_equal(le32_to_cpu(t->count), 2);
	assert_int_equal(le32_to_cpu(t->au[0]), 5);
	assert_int_equal(le32_to_cpu(t->au[1]), 17);
	assert_int_equal(le32_to_cpu(t->next_au), 0);
	assert_int_equal(ask_bad(r, 2, 6), FIO_MBOX_OK);
	assert_int_equal(le32_to_cpu(t->count), 1);
	assert_int_equal(ask_bad(r, 4, 0), FIO_MBOX_INVALID_INPUT);
	assert_int_equal(ask_bad(r, 0, 1 << 20), FIO_MBOX_INVALID_INPUT);
}

/* More than fits into one answer. */
static void long_bad_table(void **state)
{
	struct fio_mb_bad_aus *t = (void *)out;
	struct vcard_config cfg;
	u32 i, next = 0, total = 0, last = 0;
	struct rig *r;

	rig_config(&cfg);
	cfg.user_bytes = 8ULL << 30;
	cfg.dies = 4;
	cfg.factory_bad_permille = 500;
	r = rig_new(&cfg);
	do {
		assert_int_equal(ask_bad(r, 0, next), FIO_MBOX_OK);
		next = le32_to_cpu(t->next_au);
		for (i = 0; i < le32_to_cpu(t->count); i++) {
			u32 nr = le32_to_cpu(t->au[i]) & (u32)FIO_MB_BAD_AU_NR;

			assert_true(le32_to_cpu(t->au[i]) & FIO_MB_BAD_AU_FACTORY);
			assert_true(nr > last);
			last = nr;
		}
		total += le32_to_cpu(t->count);
	} while (next);
	assert_in_range(total, 1100, 1500);
	rig_free(r);
}

static void queue_pairs(void **state)
{
	struct fio_mb_create_qp good = {
		.qid = cpu_to_le16(3),
		.depth_log2 = 4,
		.sq_addr = cpu_to_le64(RIG_IOVA),
		.cq_addr = cpu_to_le64(RIG_IOVA + 0x10000),
	}, bad[9];
	struct fio_mb_delete_qp del = { .qid = cpu_to_le16(3) };
	struct rig *r = *state;
	u32 i;

	rig_enable(r);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = good;
	bad[0].qid = cpu_to_le16(4);
	bad[1].depth_log2 = 1;
	bad[2].depth_log2 = 11;
	bad[3].sq_addr = cpu_to_le64(RIG_IOVA + 64);
	bad[4].cq_addr = cpu_to_le64(RIG_IOVA + 2048);
	bad[5].vector = cpu_to_le16(5);
	bad[6].sq_addr = 0;
	bad[7].flags = 0x80;
	bad[8].depth_log2 = 200;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(rig_mbox(r, FIO_MB_CREATE_QP, &bad[i], sizeof(good), NULL, NULL),
				 FIO_MBOX_INVALID_INPUT);
	assert_int_equal(rig_mbox(r, FIO_MB_DELETE_QP, &del, sizeof(del), NULL, NULL),
			 FIO_MBOX_INVALID_INPUT);
	assert_int_equal(rig_mbox(r, FIO_MB_CREATE_QP, &good, sizeof(good), NULL, NULL), 0);
	assert_int_equal(rig_mbox(r, FIO_MB_CREATE_QP, &good, sizeof(good), NULL, NULL),
			 FIO_MBOX_WRONG_STATE);
	assert_int_equal(rig_mbox(r, FIO_MB_DELETE_QP, &del, sizeof(del), NULL, NULL), 0);
	assert_int_equal(rig_mbox(r, FIO_MB_CREATE_QP, &good, sizeof(good), NULL, NULL), 0);
	del.qid = cpu_to_le16(0xffff);
	assert_int_equal(rig_mbox(r, FIO_MB_DELETE_QP, &del, sizeof(del), NULL, NULL),
			 FIO_MBOX_INVALID_INPUT);
}

static u32 event_queue(struct rig *r, u64 addr, u8 depth_log2)
{
	struct fio_mb_event_queue q = { .addr = cpu_to_le64(addr), .depth_log2 = depth_log2 };

	return rig_mbox(r, FIO_MB_EVENT_QUEUE, &q, sizeof(q), NULL, NULL);
}

static void events(void **state)
{
	struct fio_event *ring;
	struct rig *r = *state;
	u32 i, irqs;

	rig_enable(r);
	ring = (struct fio_event *)(r->mem + RIG_EVENTS);
	assert_int_equal(event_queue(r, RIG_IOVA + 8, 4), FIO_MBOX_INVALID_INPUT);
	assert_int_equal(event_queue(r, RIG_IOVA, 3), FIO_MBOX_INVALID_INPUT);
	assert_int_equal(event_queue(r, RIG_IOVA, 13), FIO_MBOX_INVALID_INPUT);
	rig_control(r, "event HEALTH");		/* nobody listens yet */
	assert_int_equal(event_queue(r, RIG_IOVA + RIG_EVENTS, 4), FIO_MBOX_OK);
	rig_wr(r, FIO_REG_INT_CAUSE, ~0U);
	irqs = r->irqs[0];
	for (i = 0; i < 18; i++) {
		assert_int_equal(rig_control(r, "event AU_REFRESH value=9,die=2,au=3"), 0);
		rig_run(r);
	}
	assert_int_equal(r->irqs[0], irqs + 1);
	assert_int_equal(rig_rd(r, FIO_REG_INT_CAUSE), FIO_INT_EVENT);
	assert_int_equal(le64_to_cpu(ring[2].seq), 3);
	assert_int_equal(le64_to_cpu(ring[1].seq), 18);
	assert_int_equal(le16_to_cpu(ring[2].phase), 1);
	assert_int_equal(le16_to_cpu(ring[1].phase), 0);
	assert_int_equal(le16_to_cpu(ring[1].type), FIO_EV_AU_REFRESH);
	assert_int_equal(le64_to_cpu(ring[1].addr), rig_addr(2, 3, 0));
	assert_int_equal(le32_to_cpu(ring[1].value), 9);
	/* the phase comes in a write of its own */
	assert_int_equal(r->last_len, 2);
	assert_int_equal(event_queue(r, 0, 0), FIO_MBOX_OK);
	irqs = r->writes;
	rig_control(r, "event HEALTH");
	rig_run(r);
	assert_int_equal(r->writes, irqs);
}

static void events_end_with_a_reset(void **state)
{
	struct rig *r = *state;
	u32 writes;

	rig_enable(r);
	assert_int_equal(event_queue(r, RIG_IOVA + RIG_EVENTS, 4), FIO_MBOX_OK);
	rig_wr(r, FIO_REG_RESET, FIO_RESET_KEY);
	rig_run(r);
	rig_enable(r);
	writes = r->writes;
	rig_control(r, "event HEALTH");
	rig_run(r);
	assert_int_equal(r->writes, writes);
	assert_int_equal(rig_rd(r, FIO_REG_INT_CAUSE), 0);
}

static void too_many_events(void **state)
{
	struct fio_event *ring;
	struct rig *r = *state;
	u32 i;

	rig_enable(r);
	ring = (struct fio_event *)(r->mem + RIG_EVENTS);
	assert_int_equal(event_queue(r, RIG_IOVA + RIG_EVENTS, 12), FIO_MBOX_OK);
	for (i = 0; i < 300; i++)
		rig_control(r, "event HEALTH");
	rig_run(r);
	assert_int_equal(le64_to_cpu(ring[0].seq), 45);
	assert_int_equal(le16_to_cpu(ring[255].type), FIO_EV_OVERFLOW);
	assert_int_equal(le32_to_cpu(ring[255].value), 45);
	assert_int_equal(le16_to_cpu(ring[256].type), 0);
}

static void unreachable_events(void **state)
{
	struct rig *r = *state;

	rig_enable(r);
	assert_int_equal(event_queue(r, 0x1000, 4), FIO_MBOX_OK);
	rig_control(r, "event HEALTH");
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_FATAL), FIO_FATAL_DMA);
}

static void event_log(void **state)
{
	struct fio_mb_event_log *log = (void *)out;
	struct fio_event *ev = (struct fio_event *)(log + 1);
	struct fio_mb_event_log_in q = { 0 };
	struct rig *r = *state;
	u32 i, len = sizeof(out);

	for (i = 0; i < 300; i++)
		rig_control(r, "event HEALTH");
	assert_int_equal(rig_mbox(r, FIO_MB_EVENT_LOG, &q, sizeof(q), out, &len), FIO_MBOX_OK);
	assert_int_equal(le64_to_cpu(log->first), 44);
	assert_int_equal(le64_to_cpu(log->next), 300);
	assert_int_equal(le32_to_cpu(log->count), 127);
	assert_int_equal(len, sizeof(*log) + 127 * sizeof(*ev));
	assert_int_equal(le64_to_cpu(ev[126].seq), 170);
	q.first = cpu_to_le64(298);
	assert_int_equal(rig_mbox(r, FIO_MB_EVENT_LOG, &q, sizeof(q), out, &len), FIO_MBOX_OK);
	assert_int_equal(le32_to_cpu(log->count), 2);
	assert_int_equal(le64_to_cpu(ev[0].seq), 298);
	q.first = cpu_to_le64(~0ULL);
	assert_int_equal(rig_mbox(r, FIO_MB_EVENT_LOG, &q, sizeof(q), out, &len), FIO_MBOX_OK);
	assert_int_equal(le32_to_cpu(log->count), 0);
}

static void hang(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_control(r, "mailbox-hang count=1"), 0);
	assert_int_equal(rig_mbox(r, FIO_MB_IDENTIFY, NULL, 0, NULL, NULL), ~0U);
	/* its registers belong to the card */
	rig_wr(r, FIO_REG_MBOX_CMD, 0x1234);
	rig_wr(r, FIO_REG_MBOX_CTRL, 0);
	rig_wr(r, FIO_REG_MBOX_PAYLOAD, 0x55);
	assert_int_equal(rig_rd(r, FIO_REG_MBOX_CMD), FIO_MB_IDENTIFY);
	assert_int_equal(rig_rd(r, FIO_REG_MBOX_PAYLOAD), 0);
	r->now += 10000000000ULL;
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_MBOX_CTRL),
			 FIO_MBOX_CTRL_DOORBELL | FIO_MBOX_CTRL_IRQ);
	rig_wr(r, FIO_REG_RESET, FIO_RESET_KEY);
	rig_run(r);
	assert_int_equal(rig_mbox(r, FIO_MB_IDENTIFY, NULL, 0, NULL, NULL), FIO_MBOX_OK);
}

static void short_answer(void **state)
{
	struct rig *r = *state;
	u32 len = 0;

	assert_int_equal(rig_control(r, "short-answer op=2 count=1"), 0);
	rig_mbox(r, FIO_MB_IDENTIFY, NULL, 0, NULL, &len);
	assert_int_equal(len, sizeof(struct fio_mb_identify));
	rig_mbox(r, FIO_MB_GEOMETRY, NULL, 0, NULL, &len);
	assert_int_equal(len, sizeof(struct fio_mb_geometry) / 2);
	rig_mbox(r, FIO_MB_GEOMETRY, NULL, 0, NULL, &len);
	assert_int_equal(len, sizeof(struct fio_mb_geometry));
}

static void absurd_geometry(void **state)
{
	struct fio_mb_geometry *g = (void *)out;
	struct rig *r = *state;
	u32 len = sizeof(out);

	assert_int_equal(rig_control(r, "identify-absurd dies=0,pages=0xffffffff"), 0);
	rig_mbox(r, FIO_MB_GEOMETRY, NULL, 0, out, &len);
	assert_int_equal(le32_to_cpu(g->dies), 0);
	assert_int_equal(le32_to_cpu(g->pages), 0xffffffff);
	assert_int_equal(le32_to_cpu(g->unit_bytes), 4096);
	assert_int_equal(rig_control(r, "identify-absurd read_retries=77,tag_bytes=1"), 0);
	rig_mbox(r, FIO_MB_GEOMETRY, NULL, 0, out, &len);
	assert_int_equal(le32_to_cpu(g->read_retries), 77);
	assert_int_equal(le32_to_cpu(g->tag_bytes), 1);
	assert_int_equal(rig_control(r, "identify-absurd off"), 0);
	rig_mbox(r, FIO_MB_GEOMETRY, NULL, 0, out, &len);
	assert_int_equal(le32_to_cpu(g->dies), 4);
	assert_int_equal(rig_control(r, "identify-absurd nonsense=1"), -EINVAL);
	assert_int_equal(rig_control(r, "identify-absurd dies=4294967296"), -EINVAL);
}

static void interrupt_only_when_asked(void **state)
{
	struct rig *r = *state;

	rig_wr(r, FIO_REG_MBOX_CMD, FIO_MB_IDENTIFY);
	rig_wr(r, FIO_REG_MBOX_CTRL, FIO_MBOX_CTRL_DOORBELL);
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_MBOX_CTRL), 0);
	assert_int_equal(rig_rd(r, FIO_REG_INT_CAUSE), 0);
	assert_int_equal(r->irqs[0], 0);
	rig_mbox(r, FIO_MB_IDENTIFY, NULL, 0, NULL, NULL);
	assert_int_equal(r->irqs[0], 1);
}

static int setup_off(void **state)
{
	struct vcard_config cfg;

	rig_config(&cfg);
	*state = rig_new(&cfg);
	return 0;
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup_off, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(wrong_lengths), T(unknown_opcodes), T(before_ready), T(identify), T(geometry),
		T(features), T(health), T(beacon), T(bad_table), cmocka_unit_test(long_bad_table),
		T(queue_pairs), T(events), T(events_end_with_a_reset), T(too_many_events),
		T(unreachable_events),
		T(event_log), T(hang), T(short_answer), T(absurd_geometry),
		T(interrupt_only_when_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
