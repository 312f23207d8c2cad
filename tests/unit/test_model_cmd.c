// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vector commands (hw.md section 5): what each does, and what refuses it.
 */
#include "tests/unit/test_model_rig.h"

static u32 cqe_status(const struct fio_cqe *cqe)
{
	return FIELD_GET(FIO_CQE_STATUS, le16_to_cpu(cqe->status));
}

static void append_then_read(void **state)
{
	struct rig *r = *state;
	u64 addr[4] = { rig_addr(0, 1, 77), rig_addr(1, 1, 0), rig_addr(0, 1, 0), rig_addr(0, 2, 0) };
	struct fio_cqe cqe;
	u32 i;

	assert_int_equal(rig_append(r, addr, 4, 10, FIO_SQE_CRC, &cqe), FIO_SC_OK);
	assert_int_equal(le64_to_cpu(cqe.failed), 0);
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
	assert_int_equal(le64_to_cpu(cqe.failed), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(append_then_read, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(single_form, rig_setup, rig_teardown),
	};

	(void)cqe_status;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
