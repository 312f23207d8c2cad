// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vector commands (hw.md section 5): what each does, and what refuses it.
 */
#include "tests/unit/test_model_rig.h"

static u64 failed(const struct fio_cqe *cqe)
{
	return le64_to_cpu(cqe->failed);
}

static bool all_bytes(const u8 *p, u8 val, u32 len)
{
	while (len--)
		if (*p++ != val)
			return false;
	return true;
}

static u8 state_of(struct rig *r, u64 addr)
{
	struct fio_au_report rep;

	rig_report(r, addr, &rep);
	return rep.state;
}

/* Appends until the AU has @units units. */
static void fill(struct rig *r, u64 au, u32 units)
{
	u64 addr[FIO_MAX_UNITS];
	u32 i, n, done;

	for (done = 0; done < units; done += n) {
		n = min(units - done, 64U);
		for (i = 0; i < n; i++)
			addr[i] = au;
		assert_int_equal(rig_append(r, addr, n, done, 0, NULL), FIO_SC_OK);
		assert_int_equal(addr[n - 1], au + done + n - 1);
	}
}

static void append_then_read(void **state)
{
	struct rig *r = *state;
	u64 addr[4] = {
		rig_addr(0, 1, 77), rig_addr(1, 1, 0), rig_addr(0, 1, 0), rig_addr(0, 2, 0),
	};
	struct fio_cqe cqe;
	u32 i;

	assert_int_equal(rig_append(r, addr, 4, 10, FIO_SQE_CRC, &cqe), FIO_SC_OK);
	assert_int_equal(failed(&cqe), 0);
	assert_int_equal(addr[0], rig_addr(0, 1, 0));
	assert_int_equal(addr[1], rig_addr(1, 1, 0));
	assert_int_equal(addr[2], rig_addr(0, 1, 1));
	assert_int_equal(addr[3], rig_addr(0, 2, 0));
	assert_int_equal(rig_read(r, addr, 4, FIO_SQE_CRC, &cqe), FIO_SC_OK);
	for (i = 0; i < 4; i++)
		assert_true(rig_pattern_ok(r, i, 10 + i));
	assert_false(rig_pattern_ok(r, 0, 11));
}

static void single_form(void **state)
{
	struct rig *r = *state;
	struct fio_sqe sqe = rig_sqe(FIO_OP_APPEND, 1);
	struct fio_cqe cqe;

	rig_pattern(r, 1, 3);
	sqe.flags = 0;
	sqe.addr = cpu_to_le64(rig_addr(2, 5, 0));
	assert_int_equal(rig_do(r, &sqe, &cqe), FIO_SC_OK);
	assert_int_equal(rig_do(r, &sqe, &cqe), FIO_SC_OK);
	assert_int_equal(le64_to_cpu(cqe.addr), rig_addr(2, 5, 1));
	sqe.opcode = FIO_OP_READ;
	sqe.addr = cqe.addr;
	memset(r->mem + RIG_DATA, 0, FIO_UNIT_BYTES);
	assert_int_equal(rig_do(r, &sqe, &cqe), FIO_SC_OK);
	assert_true(rig_pattern_ok(r, 0, 3));
	sqe.units = 2;
	sqe.sgl.len = cpu_to_le32(2 * FIO_UNIT_BYTES);
	assert_int_equal(rig_do(r, &sqe, &cqe), FIO_SC_INVALID_FIELD);
	assert_int_equal(failed(&cqe), 3);
}

/* The stored CRC is over data and tag, at the end of the tag. */
static void crc_is_stored(void **state)
{
	static const u8 zeroes[FIO_UNIT_BYTES];
	struct rig *r = *state;
	struct fio_sqe sqe = rig_sqe(FIO_OP_APPEND, 1);
	__le32 crc, crc2;

	sqe.flags = FIO_SQE_CRC;
	sqe.addr = cpu_to_le64(rig_addr(0, 0, 0));
	memset(r->mem + RIG_DATA, 0, FIO_UNIT_BYTES);
	memset(r->mem + RIG_TAGS, 0, FIO_TAG_BYTES);
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_OK);
	sqe.opcode = FIO_OP_READ;
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_OK);
	assert_memory_equal(r->mem + RIG_DATA, zeroes, FIO_UNIT_BYTES);
	memcpy(&crc, r->mem + RIG_TAGS + FIO_TAG_CRC_OFFSET, sizeof(crc));
	/* CRC32C of 4156 zero bytes, computed bit by bit */
	crc2 = ~0U;
	for (u32 i = 0; i < (FIO_UNIT_BYTES + FIO_TAG_CRC_OFFSET) * 8; i++)
		crc2 = crc2 & 1 ? crc2 >> 1 ^ 0x82f63b78 : crc2 >> 1;
	assert_int_equal(le32_to_cpu(crc), ~crc2);
}

static void crc_needs_feature(void **state)
{
	struct fio_mb_features none = { 0 };
	struct rig *r = *state;
	u64 addr[1] = { rig_addr(0, 0, 0) };

	assert_int_equal(rig_append(r, addr, 1, 1, FIO_SQE_CRC, NULL), FIO_SC_OK);
	assert_int_equal(rig_mbox(r, FIO_MB_FEATURES, &none, sizeof(none), NULL, NULL), 0);
	assert_int_equal(rig_append(r, addr, 1, 1, FIO_SQE_CRC, NULL), FIO_SC_INVALID_FIELD);
	assert_int_equal(rig_read(r, addr, 1, FIO_SQE_CRC, NULL), FIO_SC_INVALID_FIELD);
	assert_int_equal(rig_read(r, addr, 1, 0, NULL), FIO_SC_OK);
}

static void crc_catches_corruption(void **state)
{
	struct rig *r = *state;
	u64 addr[3] = { rig_addr(0, 0, 0), rig_addr(0, 0, 0), rig_addr(0, 0, 0) };
	struct fio_cqe cqe;

	assert_int_equal(rig_append(r, addr, 3, 1, FIO_SQE_CRC, NULL), FIO_SC_OK);
	assert_int_equal(rig_control(r, "corrupt die=0,au=0,page=1"), 0);
	assert_int_equal(rig_read(r, addr, 3, FIO_SQE_CRC, &cqe), FIO_SC_CRC);
	assert_int_equal(failed(&cqe), 2);
	assert_true(rig_pattern_ok(r, 0, 1));
	assert_true(rig_pattern_ok(r, 2, 3));
	assert_true(all_bytes(r->mem + RIG_DATA + FIO_UNIT_BYTES, 0, FIO_UNIT_BYTES));
	assert_true(all_bytes(r->mem + RIG_TAGS + FIO_TAG_BYTES, 0, FIO_TAG_BYTES));
	assert_int_equal(rig_stat(r, "crc_errors"), 1);
	assert_int_equal(rig_read(r, addr, 3, FIO_SQE_CRC, &cqe), FIO_SC_OK);
}

static void tags_only(void **state)
{
	struct rig *r = *state;
	u64 addr[2] = { rig_addr(0, 0, 0), rig_addr(1, 0, 0) };
	struct fio_sqe sqe = rig_sqe(FIO_OP_READ, 2);
	u8 tag[FIO_TAG_BYTES];

	assert_int_equal(rig_append(r, addr, 2, 5, 0, NULL), FIO_SC_OK);
	memcpy(tag, r->mem + RIG_TAGS + FIO_TAG_BYTES, sizeof(tag));
	memset(r->mem + RIG_TAGS, 0, 2 * FIO_TAG_BYTES);
	memset(r->mem + RIG_DATA, 0xee, 2 * FIO_UNIT_BYTES);
	sqe.sgl.len = 0;
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_OK);
	assert_memory_equal(r->mem + RIG_TAGS + FIO_TAG_BYTES, tag, sizeof(tag));
	assert_true(all_bytes(r->mem + RIG_DATA, 0xee, 2 * FIO_UNIT_BYTES));
	sqe.tags = 0;
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_INVALID_FIELD);
	sqe.sgl.len = cpu_to_le32(2 * FIO_UNIT_BYTES);
	memset(r->mem + RIG_TAGS, 0xdd, FIO_TAG_BYTES);
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_OK);
	assert_true(all_bytes(r->mem + RIG_TAGS, 0xdd, FIO_TAG_BYTES));
}

static void null_address(void **state)
{
	struct fio_mb_features none = { 0 };
	struct rig *r = *state;
	u64 addr[2] = { FIO_ADDR_NULL, rig_addr(0, 0, 0) };
	u64 unit[1] = { rig_addr(0, 0, 0) };
	struct fio_cqe cqe;

	assert_int_equal(rig_append(r, unit, 1, 9, FIO_SQE_CRC, NULL), FIO_SC_OK);
	assert_int_equal(rig_read(r, addr, 2, FIO_SQE_CRC, &cqe), FIO_SC_OK);
	assert_true(all_bytes(r->mem + RIG_DATA, 0, FIO_UNIT_BYTES));
	assert_true(all_bytes(r->mem + RIG_TAGS, 0, FIO_TAG_BYTES));
	assert_true(rig_pattern_ok(r, 1, 9));
	assert_int_equal(rig_append(r, addr, 1, 9, 0, NULL), FIO_SC_INVALID_ADDR);
	assert_int_equal(rig_mbox(r, FIO_MB_FEATURES, &none, sizeof(none), NULL, NULL), 0);
	assert_int_equal(rig_read(r, addr, 2, 0, &cqe), FIO_SC_INVALID_ADDR);
	assert_int_equal(failed(&cqe), 1);
}

static void bad_addresses(void **state)
{
	struct rig *r = *state;
	u32 dies = le32_to_cpu(r->geo.dies), aus = le32_to_cpu(r->geo.aus);
	u32 pages = le32_to_cpu(r->geo.pages), i;
	const u64 bad[] = {
		rig_addr(dies, 0, 0), rig_addr(0, aus, 0), rig_addr(0, 0, 0) | 1ULL << 56,
		rig_addr(0xffff, 0xffffff, 0xffff),
	};
	struct fio_cqe cqe;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		u64 addr[3] = { rig_addr(0, 3, 0), bad[i], rig_addr(1, 3, 0) };

		assert_int_equal(rig_append(r, addr, 3, i, 0, &cqe), FIO_SC_INVALID_ADDR);
		assert_int_equal(failed(&cqe), 2);
		assert_int_equal(addr[1], bad[i]);
		assert_int_equal(addr[2], rig_addr(1, 3, i));
		assert_int_equal(rig_read(r, addr, 3, 0, &cqe), FIO_SC_INVALID_ADDR);
		assert_true(rig_pattern_ok(r, 2, i + 2));
		assert_int_equal(rig_on_aus(r, FIO_OP_RESET, bad[i]), FIO_SC_INVALID_ADDR);
		assert_int_equal(rig_on_aus(r, FIO_OP_FINISH, bad[i]), FIO_SC_INVALID_ADDR);
		assert_int_equal(rig_on_aus(r, FIO_OP_RETIRE, bad[i]), FIO_SC_INVALID_ADDR);
	}
	assert_int_equal(rig_read(r, (u64[]){ rig_addr(0, 3, pages) }, 1, 0, NULL),
			 FIO_SC_INVALID_ADDR);
	/* the page bits of an AU address do not count */
	assert_int_equal(rig_on_aus(r, FIO_OP_RESET, rig_addr(0, 3, 0xffff)), FIO_SC_OK);
}

static void bad_entries(void **state)
{
	struct rig *r = *state;
	struct fio_sqe good = rig_sqe(FIO_OP_APPEND, 1), sqe;
	struct fio_cqe cqe;

	rig_append(r, (u64[]){ rig_addr(0, 0, 0) }, 1, 0, 0, NULL);
	sqe = good;
	sqe.opcode = 0;
	assert_int_equal(rig_do(r, &sqe, &cqe), FIO_SC_INVALID_OPCODE);
	assert_int_equal(failed(&cqe), 1);
	sqe.opcode = 0xff;
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_INVALID_OPCODE);
	sqe = good;
	sqe.flags |= 0x80;
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_INVALID_FIELD);
	sqe = good;
	sqe.units = 0;
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_INVALID_FIELD);
	sqe.units = FIO_MAX_UNITS + 1;
	assert_int_equal(rig_do(r, &sqe, &cqe), FIO_SC_INVALID_FIELD);
	assert_true(failed(&cqe) == ~0ULL);
	sqe.units = 255;
	assert_int_equal(rig_do(r, &sqe, &cqe), FIO_SC_INVALID_FIELD);
	sqe = good;
	sqe.tags = 0;
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_INVALID_FIELD);
	sqe = good;
	sqe.opcode = FIO_OP_SYNC;
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_INVALID_FIELD);
	sqe = good;
	sqe.opcode = FIO_OP_READ;
	sqe.retry = 200;
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_INVALID_FIELD);
	assert_int_equal(rig_stat(r, "refused"), 9);
}

static u32 with_sgl(struct rig *r, u8 opcode, u64 addr, u32 len, u8 type)
{
	struct fio_sqe sqe = rig_sqe(opcode, 1);

	*(__le64 *)(r->mem + RIG_LIST) = cpu_to_le64(rig_addr(0, 9, 0));
	sqe.sgl.addr = cpu_to_le64(addr);
	sqe.sgl.len = cpu_to_le32(len);
	sqe.sgl.type = type;
	return rig_do(r, &sqe, NULL);
}

static void set_sgl(struct rig *r, u32 i, u64 addr, u32 len, u8 type)
{
	((struct fio_sgl *)(r->mem + RIG_SGL))[i] = (struct fio_sgl){
		.addr = cpu_to_le64(addr), .len = cpu_to_le32(len), .type = type,
	};
}

static void hostile_data(void **state)
{
	struct rig *r = *state;
	u64 data = RIG_IOVA + RIG_DATA, list = RIG_IOVA + RIG_SGL;
	u8 append = FIO_OP_APPEND;

	assert_int_equal(with_sgl(r, append, data, 4095, FIO_SGL_DATA), FIO_SC_INVALID_FIELD);
	assert_int_equal(with_sgl(r, append, data, 4097, FIO_SGL_DATA), FIO_SC_INVALID_FIELD);
	assert_int_equal(with_sgl(r, append, data, ~0U, FIO_SGL_DATA), FIO_SC_INVALID_FIELD);
	assert_int_equal(with_sgl(r, append, data, 4096, FIO_SGL_DISCARD), FIO_SC_INVALID_FIELD);
	assert_int_equal(with_sgl(r, append, data, 4096, 77), FIO_SC_INVALID_FIELD);
	assert_int_equal(with_sgl(r, append, 0x1000, 4096, FIO_SGL_DATA), FIO_SC_DMA);
	assert_int_equal(with_sgl(r, append, ~0ULL, 4096, FIO_SGL_DATA), FIO_SC_DMA);
	assert_int_equal(with_sgl(r, append, list, 0, FIO_SGL_LIST), FIO_SC_INVALID_FIELD);
	assert_int_equal(with_sgl(r, append, list, 24, FIO_SGL_LIST), FIO_SC_INVALID_FIELD);
	assert_int_equal(with_sgl(r, append, list, 16 * 1025, FIO_SGL_LIST), FIO_SC_INVALID_FIELD);
	assert_int_equal(with_sgl(r, append, 0x1000, 16, FIO_SGL_LIST), FIO_SC_DMA);
	set_sgl(r, 0, list, 16, FIO_SGL_LIST);
	assert_int_equal(with_sgl(r, append, list, 16, FIO_SGL_LIST), FIO_SC_INVALID_FIELD);
	set_sgl(r, 0, data, 0xffffffff, FIO_SGL_DATA);
	set_sgl(r, 1, data, 0x1001, FIO_SGL_DATA);
	assert_int_equal(with_sgl(r, append, list, 32, FIO_SGL_LIST), FIO_SC_INVALID_FIELD);
	/* none of them appended anything */
	assert_int_equal(state_of(r, rig_addr(0, 9, 0)), FIO_AU_FREE);
	assert_int_equal(with_sgl(r, FIO_OP_READ, data, 4096, 77), FIO_SC_INVALID_FIELD);
	assert_int_equal(with_sgl(r, append, data, 4096, FIO_SGL_DATA), FIO_SC_OK);
	assert_int_equal(with_sgl(r, FIO_OP_READ, 0x1000, 4096, FIO_SGL_DATA), FIO_SC_DMA);
}

static void unreachable_memory(void **state)
{
	struct rig *r = *state;
	u64 addr[2] = { rig_addr(0, 0, 0), rig_addr(0, 0, 0) };
	const u64 places[] = { RIG_LIST + 8, RIG_TAGS + 100, RIG_DATA + 5000 };
	struct fio_cqe cqe;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		r->deny_at = RIG_IOVA + places[i];
		assert_int_equal(rig_append(r, addr, 2, 0, 0, &cqe), FIO_SC_DMA);
		assert_int_equal(failed(&cqe), 3);
	}
	r->deny_at = 0;
	assert_int_equal(state_of(r, addr[0]), FIO_AU_FREE);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), FIO_STATUS_RDY);
	assert_int_equal(rig_append(r, addr, 2, 0, 0, NULL), FIO_SC_OK);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		r->deny_at = RIG_IOVA + places[i];
		assert_int_equal(rig_read(r, addr, 2, 0, &cqe), FIO_SC_DMA);
	}
}

/* Odd pieces at odd addresses, some dropped. */
static void scattered_data(void **state)
{
	struct rig *r = *state;
	u64 addr[2] = { rig_addr(3, 0, 0), rig_addr(3, 0, 0) };
	struct fio_sqe sqe = rig_sqe(FIO_OP_READ, 2);
	u64 away = RIG_IOVA + RIG_DATA + 0x10001;

	assert_int_equal(rig_append(r, addr, 2, 21, 0, NULL), FIO_SC_OK);
	memset(r->mem + RIG_DATA + 0x10000, 0xaa, 0x3000);
	set_sgl(r, 0, away, 1, FIO_SGL_DATA);
	set_sgl(r, 1, away + 1, 4094, FIO_SGL_DATA);
	set_sgl(r, 2, 0, 2, FIO_SGL_DISCARD);
	set_sgl(r, 3, away + 4095, 0, FIO_SGL_DATA);
	set_sgl(r, 4, away + 4095, 4095, FIO_SGL_DATA);
	sqe.sgl.addr = cpu_to_le64(RIG_IOVA + RIG_SGL);
	sqe.sgl.len = cpu_to_le32(5 * 16);
	sqe.sgl.type = FIO_SGL_LIST;
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_OK);
	assert_memory_equal(r->mem + RIG_DATA, r->mem + RIG_DATA + 0x10001, 4095);
	assert_memory_equal(r->mem + RIG_DATA + 4097, r->mem + RIG_DATA + 0x10001 + 4095, 4095);
	assert_int_equal(r->mem[RIG_DATA + 0x10000], 0xaa);
	assert_int_equal(r->mem[RIG_DATA + 0x10001 + 8190], 0xaa);
	/* the same pieces as source */
	set_sgl(r, 2, RIG_IOVA + RIG_DATA + 4095, 2, FIO_SGL_DATA);
	sqe.opcode = FIO_OP_APPEND;
	((__le64 *)(r->mem + RIG_LIST))[0] = cpu_to_le64(rig_addr(2, 2, 0));
	((__le64 *)(r->mem + RIG_LIST))[1] = cpu_to_le64(rig_addr(1, 2, 0));
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_OK);
	addr[0] = rig_addr(2, 2, 0);
	addr[1] = rig_addr(1, 2, 0);
	assert_int_equal(rig_read(r, addr, 2, 0, NULL), FIO_SC_OK);
	assert_true(rig_pattern_ok(r, 0, 21));
	assert_true(rig_pattern_ok(r, 1, 22));
}

static void full_au(void **state)
{
	struct rig *r = *state;
	u32 pages = le32_to_cpu(r->geo.pages);
	u64 addr[4] = {
		rig_addr(0, 7, 0), rig_addr(0, 7, 0), rig_addr(0, 7, 0), rig_addr(1, 7, 0),
	};
	struct fio_cqe cqe;

	fill(r, addr[0], pages - 2);
	assert_int_equal(state_of(r, addr[0]), FIO_AU_OPEN);
	assert_int_equal(rig_append(r, addr, 4, 1, 0, &cqe), FIO_SC_AU_FULL);
	assert_int_equal(failed(&cqe), 4);
	assert_int_equal(addr[1], rig_addr(0, 7, pages - 1));
	assert_int_equal(addr[3], rig_addr(1, 7, 0));
	assert_int_equal(state_of(r, rig_addr(0, 7, 0)), FIO_AU_CLOSED);
	assert_int_equal(rig_stat(r, "open_aus"), 1);
	assert_int_equal(rig_stat(r, "violations"), 1);
	assert_non_null(strstr(r->log, "die 0 AU 7"));
}

static void finished_au(void **state)
{
	struct rig *r = *state;
	u64 addr[1] = { rig_addr(0, 7, 0) };

	fill(r, addr[0], 3);
	assert_int_equal(rig_on_aus(r, FIO_OP_FINISH, addr[0]), FIO_SC_OK);
	assert_int_equal(state_of(r, addr[0]), FIO_AU_CLOSED);
	assert_int_equal(rig_append(r, addr, 1, 0, 0, NULL), FIO_SC_AU_STATE);
	assert_int_equal(rig_stat(r, "violations"), 1);
	assert_int_equal(rig_on_aus(r, FIO_OP_FINISH, addr[0]), FIO_SC_OK);
	assert_int_equal(rig_read(r, addr, 1, 0, NULL), FIO_SC_OK);
	assert_int_equal(rig_on_aus(r, FIO_OP_RESET, addr[0]), FIO_SC_OK);
	assert_int_equal(state_of(r, addr[0]), FIO_AU_FREE);
	assert_int_equal(rig_read(r, addr, 1, 0, NULL), FIO_SC_ERASED);
	assert_true(all_bytes(r->mem + RIG_DATA, 0, FIO_UNIT_BYTES));
	assert_int_equal(rig_append(r, addr, 1, 0, 0, NULL), FIO_SC_OK);
	assert_int_equal(addr[0], rig_addr(0, 7, 0));
}

static void open_limit(void **state)
{
	struct rig *r = *state;
	u32 limit = le32_to_cpu(r->geo.max_open), i;
	u64 addr[1];

	for (i = 0; i < limit; i++) {
		addr[0] = rig_addr(i % 4, i / 4, 0);
		assert_int_equal(rig_append(r, addr, 1, i, 0, NULL), FIO_SC_OK);
	}
	addr[0] = rig_addr(0, 200, 0);
	assert_int_equal(rig_append(r, addr, 1, i, 0, NULL), FIO_SC_MAX_OPEN);
	assert_int_equal(rig_stat(r, "violations"), 0);
	assert_int_equal(rig_on_aus(r, FIO_OP_FINISH, rig_addr(1, 0, 0)), FIO_SC_OK);
	assert_int_equal(rig_append(r, addr, 1, i, 0, NULL), FIO_SC_OK);
	assert_int_equal(rig_stat(r, "open_aus"), limit);
}

static void program_fails(void **state)
{
	struct rig *r = *state;
	u64 addr[5], again[1] = { rig_addr(0, 4, 0) };
	struct fio_au_report rep;
	struct fio_cqe cqe;
	u32 i;

	for (i = 0; i < 5; i++)
		addr[i] = rig_addr(i == 4, 4, 0);
	assert_int_equal(rig_control(r, "fail-program die=0,au=4,page=2"), 0);
	assert_int_equal(rig_append(r, addr, 5, 30, 0, &cqe), FIO_SC_PROGRAM_FAIL);
	assert_int_equal(failed(&cqe), 0xc);
	assert_int_equal(addr[2], rig_addr(0, 4, 2));
	assert_int_equal(addr[3], rig_addr(0, 4, 0));
	assert_int_equal(addr[4], rig_addr(1, 4, 0));
	rig_report(r, again[0], &rep);
	assert_int_equal(rep.state, FIO_AU_CLOSED);
	assert_int_equal(le32_to_cpu(rep.write_ptr), 3);
	assert_int_equal(rig_append(r, again, 1, 0, 0, NULL), FIO_SC_AU_STATE);
	assert_int_equal(rig_stat(r, "violations"), 0);
	assert_int_equal(rig_stat(r, "program_fails"), 1);
	assert_int_equal(rig_read(r, addr, 2, 0, NULL), FIO_SC_OK);
	assert_true(rig_pattern_ok(r, 1, 31));
	assert_int_equal(rig_read(r, addr + 2, 1, 0, NULL), FIO_SC_UNCORRECTABLE);
	assert_int_equal(rig_on_aus(r, FIO_OP_RETIRE, again[0]), FIO_SC_OK);
	assert_int_equal(state_of(r, again[0]), FIO_AU_BAD);
	assert_int_equal(rig_read(r, addr, 2, 0, NULL), FIO_SC_OK);
}

static void bad_aus(void **state)
{
	struct rig *r = *state;
	u64 addr[1] = { rig_addr(2, 4, 0) };

	assert_int_equal(rig_on_aus(r, FIO_OP_RETIRE, addr[0]), FIO_SC_OK);
	assert_int_equal(rig_on_aus(r, FIO_OP_RETIRE, addr[0]), FIO_SC_OK);
	assert_int_equal(rig_append(r, addr, 1, 0, 0, NULL), FIO_SC_AU_BAD);
	assert_int_equal(rig_stat(r, "violations"), 1);
	assert_int_equal(rig_on_aus(r, FIO_OP_RESET, addr[0]), FIO_SC_AU_BAD);
	assert_int_equal(rig_on_aus(r, FIO_OP_FINISH, addr[0]), FIO_SC_AU_BAD);
}

static void erase_fails(void **state)
{
	struct rig *r = *state;
	u64 addr[1] = { rig_addr(2, 4, 0) };
	struct fio_au_report rep;

	assert_int_equal(rig_append(r, addr, 1, 0, 0, NULL), FIO_SC_OK);
	assert_int_equal(rig_control(r, "fail-erase die=2"), 0);
	assert_int_equal(rig_on_aus(r, FIO_OP_RESET, addr[0]), FIO_SC_ERASE_FAIL);
	rig_report(r, addr[0], &rep);
	assert_int_equal(rep.state, FIO_AU_SUSPECT);
	assert_int_equal(rep.flags, FIO_AU_WP_UNKNOWN);
	assert_int_equal(rig_append(r, addr, 1, 0, 0, NULL), FIO_SC_AU_STATE);
	assert_int_equal(rig_stat(r, "violations"), 1);
	assert_int_equal(rig_on_aus(r, FIO_OP_FINISH, addr[0]), FIO_SC_AU_STATE);
	assert_int_equal(rig_on_aus(r, FIO_OP_RESET, addr[0]), FIO_SC_OK);
	assert_int_equal(rig_stat(r, "erase_fails"), 1);
	assert_int_equal(state_of(r, addr[0]), FIO_AU_FREE);
}

static void offline_die(void **state)
{
	struct rig *r = *state;
	u64 addr[2] = { rig_addr(1, 4, 0), rig_addr(2, 4, 0) };
	struct fio_cqe cqe;

	assert_int_equal(rig_append(r, addr, 2, 0, 0, NULL), FIO_SC_OK);
	assert_int_equal(rig_control(r, "die-offline 1"), 0);
	assert_int_equal(rig_read(r, addr, 2, 0, &cqe), FIO_SC_DIE_OFFLINE);
	assert_int_equal(failed(&cqe), 1);
	assert_true(rig_pattern_ok(r, 1, 1));
	assert_int_equal(rig_append(r, addr, 2, 0, 0, &cqe), FIO_SC_DIE_OFFLINE);
	assert_int_equal(failed(&cqe), 1);
	assert_int_equal(state_of(r, addr[0]), FIO_AU_OFFLINE);
	assert_int_equal(rig_on_aus(r, FIO_OP_RESET, addr[0]), FIO_SC_DIE_OFFLINE);
	assert_int_equal(rig_on_aus(r, FIO_OP_FINISH, addr[0]), FIO_SC_DIE_OFFLINE);
	assert_int_equal(rig_stat(r, "violations"), 0);
	assert_int_equal(rig_control(r, "die-offline 1 on"), 0);
	assert_int_equal(state_of(r, addr[0]), FIO_AU_OPEN);
	assert_int_equal(rig_append(r, addr, 1, 0, 0, &cqe), FIO_SC_OK);
	assert_int_equal(addr[0], rig_addr(1, 4, 1));
}

static void read_retry(void **state)
{
	struct rig *r = *state;
	u64 addr[2] = { rig_addr(1, 4, 0), rig_addr(2, 4, 0) };
	struct fio_sqe sqe = rig_sqe(FIO_OP_READ, 2);
	struct fio_cqe cqe;

	assert_int_equal(rig_append(r, addr, 2, 0, 0, NULL), FIO_SC_OK);
	assert_int_equal(rig_control(r, "retry-read die=2,count=-1"), 0);
	assert_int_equal(rig_read(r, addr, 2, 0, &cqe), FIO_SC_UNCORRECTABLE);
	assert_int_equal(failed(&cqe), 2);
	assert_true(all_bytes(r->mem + RIG_DATA + FIO_UNIT_BYTES, 0, FIO_UNIT_BYTES));
	sqe.retry = 1;
	assert_int_equal(rig_do(r, &sqe, &cqe), FIO_SC_OK);
	assert_int_equal(rig_control(r, "fail-read die=1,count=1"), 0);
	assert_int_equal(rig_do(r, &sqe, &cqe), FIO_SC_UNCORRECTABLE);
	assert_int_equal(rig_do(r, &sqe, &cqe), FIO_SC_OK);
}

static void bit_flips(void **state)
{
	struct rig *r = *state;
	u64 addr[8];
	struct fio_cqe cqe;
	u32 i;

	for (i = 0; i < 8; i++)
		addr[i] = rig_addr(i % 4, 0, 0);
	assert_int_equal(rig_append(r, addr, 8, 0, 0, NULL), FIO_SC_OK);
	assert_int_equal(rig_control(r, "bitflips ppm=2000 ecc=100"), 0);
	assert_int_equal(rig_read(r, addr, 8, 0, &cqe), FIO_SC_OK);
	assert_true(le32_to_cpu(cqe.corrected) > 0);
	assert_int_equal(rig_stat(r, "corrected_bits"), le32_to_cpu(cqe.corrected));
	assert_true(rig_pattern_ok(r, 7, 7));
	/* at most 16 of 100 bits: nothing to worry about; then one event per AU */
	assert_int_equal(rig_stat(r, "events"), 0);
	assert_int_equal(rig_control(r, "bitflips ppm=20000 ecc=200"), 0);
	for (i = 0; i < 60; i++)
		assert_int_equal(rig_read(r, addr, 8, 0, &cqe), FIO_SC_OK);
	assert_int_equal(rig_stat(r, "events"), 4);
	assert_non_null(strstr(r->log, "AU_REFRESH"));
	assert_int_equal(rig_control(r, "bitflips ppm=100000 ecc=1"), 0);
	assert_int_equal(rig_read(r, addr, 8, 0, &cqe), FIO_SC_UNCORRECTABLE);
	assert_true(rig_stat(r, "uncorrectable") > 0);
}

static void reports(void **state)
{
	struct rig *r = *state;
	struct fio_sqe sqe = rig_sqe(FIO_OP_REPORT, 3);
	struct fio_au_report *rep = (struct fio_au_report *)(r->mem + RIG_DATA);
	__le64 *list = (__le64 *)(r->mem + RIG_LIST);
	struct fio_cqe cqe;

	fill(r, rig_addr(1, 6, 0), 5);
	assert_int_equal(rig_on_aus(r, FIO_OP_RESET, rig_addr(2, 6, 0)), FIO_SC_OK);
	list[0] = cpu_to_le64(rig_addr(1, 6, 99));
	list[1] = cpu_to_le64(rig_addr(99, 6, 0));
	list[2] = cpu_to_le64(rig_addr(2, 6, 0));
	memset(rep, 0xff, 3 * sizeof(*rep));
	sqe.sgl.len = cpu_to_le32(3 * sizeof(*rep));
	assert_int_equal(rig_do(r, &sqe, &cqe), FIO_SC_INVALID_ADDR);
	assert_int_equal(failed(&cqe), 2);
	assert_int_equal(le64_to_cpu(rep[0].addr), rig_addr(1, 6, 0));
	assert_int_equal(rep[0].state, FIO_AU_OPEN);
	assert_int_equal(le32_to_cpu(rep[0].write_ptr), 5);
	assert_true(all_bytes((u8 *)&rep[1], 0, sizeof(*rep)));
	assert_int_equal(rep[2].state, FIO_AU_FREE);
	assert_int_equal(le32_to_cpu(rep[2].erase_count), 1);
	sqe.sgl.len = cpu_to_le32(3 * sizeof(*rep) + 1);
	assert_int_equal(rig_do(r, &sqe, &cqe), FIO_SC_INVALID_FIELD);
}

static void vector_of_resets(void **state)
{
	struct rig *r = *state;
	struct fio_sqe sqe = rig_sqe(FIO_OP_RESET, 3);
	__le64 *list = (__le64 *)(r->mem + RIG_LIST);
	struct fio_cqe cqe;

	list[0] = cpu_to_le64(rig_addr(0, 6, 0));
	list[1] = cpu_to_le64(rig_addr(1, 6, 0));
	list[2] = cpu_to_le64(rig_addr(0, 6, 0));
	assert_int_equal(rig_do(r, &sqe, &cqe), FIO_SC_AU_BUSY);
	assert_int_equal(failed(&cqe), 4);
}

static void push_single(struct rig *r, u8 opcode, u64 addr, u8 flags)
{
	struct fio_sqe sqe = rig_sqe(opcode, 1);

	sqe.flags = flags;
	sqe.addr = cpu_to_le64(addr);
	rig_push(r, 0, &sqe);
}

static u32 next_status(struct rig *r, u16 cid)
{
	struct fio_cqe cqe;

	assert_true(rig_reap(r, 0, &cqe));
	assert_int_equal(le16_to_cpu(cqe.cid), cid);
	return FIELD_GET(FIO_CQE_STATUS, le16_to_cpu(cqe.status));
}

/* With flash that takes its time, commands overlap. */
static int setup_slow(void **state)
{
	struct vcard_config cfg;
	struct rig *r;

	rig_config(&cfg);
	cfg.timing = NAND_TIMING_MLC;
	r = rig_new(&cfg);
	rig_up(r);
	*state = r;
	return 0;
}

static void busy_au(void **state)
{
	struct rig *r = *state;
	u64 au = rig_addr(0, 6, 0);

	rig_append(r, &au, 1, 0, 0, NULL);
	push_single(r, FIO_OP_READ, rig_addr(0, 6, 0), 0);
	push_single(r, FIO_OP_RESET, au, 0);
	push_single(r, FIO_OP_RESET, rig_addr(1, 6, 0), 0);
	push_single(r, FIO_OP_APPEND, rig_addr(1, 6, 0), 0);
	push_single(r, FIO_OP_RETIRE, rig_addr(1, 6, 0), 0);
	rig_doorbell(r, 0, FIO_DB_SQ_TAIL, r->q[0].sq_tail);
	assert_true(rig_run(r) > 0);
	assert_int_equal(next_status(r, 2), FIO_SC_AU_BUSY);
	assert_int_equal(next_status(r, 4), FIO_SC_AU_BUSY);
	assert_int_equal(next_status(r, 5), FIO_SC_AU_BUSY);
	assert_int_equal(rig_stat(r, "violations"), 1);
	assert_int_equal(rig_stat(r, "outstanding"), 2);
	rig_run_until_idle(r);
	assert_int_equal(next_status(r, 1), FIO_SC_OK);
	assert_int_equal(next_status(r, 3), FIO_SC_OK);
}

static void time_passes(void **state)
{
	struct rig *r = *state;
	u64 au = rig_addr(0, 6, 0), start;
	struct fio_cqe cqe;

	rig_append(r, &au, 1, 0, 0, NULL);
	push_single(r, FIO_OP_READ, rig_addr(0, 6, 0), 0);
	rig_doorbell(r, 0, FIO_DB_SQ_TAIL, r->q[0].sq_tail);
	start = r->now;
	assert_true(rig_run(r) > 0);
	assert_false(rig_peek(r, 0, &cqe));
	rig_run_until_idle(r);
	assert_int_equal(next_status(r, 1), FIO_SC_OK);
	assert_true(r->now - start >= 60000);
}

static void low_priority(void **state)
{
	struct rig *r = *state;
	u64 au = rig_addr(0, 6, 0);

	rig_append(r, &au, 1, 0, 0, NULL);
	push_single(r, FIO_OP_READ, rig_addr(0, 6, 0), FIO_SQE_LOW);
	push_single(r, FIO_OP_READ, rig_addr(0, 6, 0), 0);
	rig_doorbell(r, 0, FIO_DB_SQ_TAIL, r->q[0].sq_tail);
	rig_run(r);
	assert_int_equal(next_status(r, 2), FIO_SC_OK);
	assert_int_equal(next_status(r, 1), FIO_SC_OK);
}

#define T(f)		cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
#define T_SLOW(f)	cmocka_unit_test_setup_teardown(f, setup_slow, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(append_then_read), T(single_form), T(crc_is_stored), T(crc_needs_feature),
		T(crc_catches_corruption), T(tags_only), T(null_address), T(bad_addresses),
		T(bad_entries), T(hostile_data), T(unreachable_memory), T(scattered_data),
		T(full_au), T(finished_au), T(open_limit), T(program_fails), T(bad_aus),
		T(erase_fails), T(offline_die), T(read_retry), T(bit_flips), T(reports),
		T(vector_of_resets), T(low_priority), T_SLOW(busy_au), T_SLOW(time_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
