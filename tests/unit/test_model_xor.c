// SPDX-License-Identifier: GPL-2.0-only
/*
 * XOR accumulators (hw.md section 5.9): what is in them, what parity stores, when
 * they go, and what a power cut leaves of them.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test_model_rig.h"

#define CUT_STATUS	42

struct unit {
	u8 data[FIO_UNIT_BYTES];
	u8 tag[FIO_TAG_BYTES];
};

static void xor_unit(struct unit *a, const struct unit *b)
{
	u32 i;

	for (i = 0; i < sizeof(*a); i++)
		((u8 *)a)[i] ^= ((const u8 *)b)[i];
}

static void fetch(struct rig *r, u32 i, struct unit *u)
{
	memcpy(u->data, r->mem + RIG_DATA + i * FIO_UNIT_BYTES, FIO_UNIT_BYTES);
	memcpy(u->tag, r->mem + RIG_TAGS + i * FIO_TAG_BYTES, FIO_TAG_BYTES);
}

static u32 load(struct rig *r, u64 addr, u8 flags, struct unit *u)
{
	u32 status = rig_read(r, &addr, 1, flags, NULL);

	fetch(r, 0, u);
	return status;
}

/* One unit with the pattern of @seed. */
static u32 put(struct rig *r, u32 die, u32 au, u32 seed, u8 flags)
{
	u64 addr = rig_addr(die, au, 0);

	return rig_append(r, &addr, 1, seed, FIO_SQE_CRC | flags, NULL);
}

/* Parity of @n rows from where the AU is; the host's tag is all 0x5a. */
static u32 put_parity(struct rig *r, u64 au, u32 n, struct fio_cqe *cqe)
{
	struct fio_sqe sqe = rig_sqe(FIO_OP_APPEND, (u8)n);
	__le64 *list = (__le64 *)(r->mem + RIG_LIST);
	u32 i;

	for (i = 0; i < n; i++)
		list[i] = cpu_to_le64(au);
	memset(r->mem + RIG_TAGS, 0x5a, n * FIO_TAG_BYTES);
	sqe.flags |= FIO_SQE_PARITY | FIO_SQE_CRC;
	sqe.sgl = (struct fio_sgl){ 0 };
	return rig_do(r, &sqe, cqe);
}

static u32 count_of(const struct unit *u)
{
	return le16_to_cpu(((const struct fio_xor_tag *)u->tag)->count);
}

static u32 row_count(struct rig *r, u32 au, u32 page)
{
	struct unit u;

	assert_int_equal(load(r, rig_addr(0, au, page), FIO_SQE_PARITY, &u), FIO_SC_OK);
	return count_of(&u);
}

static u32 end_group(struct rig *r, u64 addr)
{
	struct fio_sqe sqe = {
		.opcode = FIO_OP_FINISH, .flags = FIO_SQE_XOR, .units = 1,
		.addr = cpu_to_le64(addr),
	};

	return rig_do(r, &sqe, NULL);
}

/* ---- content --------------------------------------------------------------- */

static bool same_fold(const struct unit *sum, const struct fio_xor_tag *t)
{
	return !memcmp(t->fold0, sum->tag, 16) && !memcmp(t->fold30, sum->tag + 30, 18) &&
	       !memcmp(t->fold60, sum->tag + 60, 4) && !memcmp(t->fold28, sum->tag + 28, 2);
}

static bool all_5a(const u8 *p, u32 n)
{
	while (n--)
		if (*p++ != 0x5a)
			return false;
	return true;
}

/* Rows of unequal length: a row sums what is there. */
static void parity_is_the_xor_of_what_is_stored(void **state)
{
	struct rig *r = *state;
	struct unit u, sum, parity;
	const struct fio_xor_tag *t = (const struct fio_xor_tag *)parity.tag;
	u64 addr[3] = { rig_addr(0, 5, 0), rig_addr(0, 5, 0), rig_addr(0, 5, 0) };
	u32 die, page;

	assert_int_equal(rig_append(r, addr, 3, 100, FIO_SQE_XOR | FIO_SQE_CRC, NULL), 0);
	assert_int_equal(put(r, 1, 5, 200, FIO_SQE_XOR), 0);
	assert_int_equal(put(r, 2, 5, 300, FIO_SQE_XOR), 0);
	assert_int_equal(put(r, 2, 5, 301, FIO_SQE_XOR), 0);
	assert_int_equal(put_parity(r, rig_addr(3, 5, 0), 4, NULL), 0);
	for (page = 0; page < 4; page++) {
		memset(&sum, 0, sizeof(sum));
		for (die = 0; die < 3; die++)
			if (!load(r, rig_addr(die, 5, page), FIO_SQE_CRC, &u))
				xor_unit(&sum, &u);
		assert_int_equal(load(r, rig_addr(3, 5, page), FIO_SQE_CRC, &parity), 0);
		assert_memory_equal(parity.data, sum.data, FIO_UNIT_BYTES);
		assert_true(same_fold(&sum, t));
		assert_true(all_5a(t->host0, sizeof(t->host0)));
		assert_true(all_5a(t->host56, sizeof(t->host56)));
		assert_int_equal(le16_to_cpu(t->count), page == 0 ? 3 : page == 1 ? 2 : page == 2);
	}
}

/* A unit and its tag come back from the others, CRC included. */
static void lost_unit_comes_back(void **state)
{
	struct rig *r = *state;
	struct unit want, u, sum;
	const struct fio_xor_tag *t = (const struct fio_xor_tag *)sum.tag;
	u32 die;

	for (die = 0; die < 3; die++)
		assert_int_equal(put(r, die, 6, 10 + die, FIO_SQE_XOR), 0);
	assert_int_equal(put_parity(r, rig_addr(3, 6, 0), 1, NULL), 0);
	load(r, rig_addr(1, 6, 0), 0, &want);
	assert_int_equal(rig_control(r, "die-offline 1"), 0);
	assert_int_equal(load(r, rig_addr(1, 6, 0), 0, &u), FIO_SC_DIE_OFFLINE);
	load(r, rig_addr(3, 6, 0), FIO_SQE_CRC, &sum);
	for (die = 0; die < 3; die += 2) {
		load(r, rig_addr(die, 6, 0), FIO_SQE_CRC, &u);
		/* lay the tag out as the parity's is */
		memcpy(u.tag + 48, u.tag + 60, 4);
		memcpy(u.tag + 52, u.tag + 28, 2);
		xor_unit(&sum, &u);
	}
	assert_memory_equal(sum.data, want.data, FIO_UNIT_BYTES);
	assert_memory_equal(t->fold0, want.tag, 16);
	assert_memory_equal(t->fold28, want.tag + 28, 2);
	assert_memory_equal(t->fold30, want.tag + 30, 18);
	assert_memory_equal(t->fold60, want.tag + 60, 4);
}

static void failed_units_are_taken_out(void **state)
{
	struct rig *r = *state;
	struct unit a, row;
	u64 addr[2] = { rig_addr(0, 7, 0), rig_addr(1, 7, 0) };

	assert_int_equal(rig_control(r, "fail-program die=1,au=7"), 0);
	assert_int_equal(rig_append(r, addr, 2, 1, FIO_SQE_XOR | FIO_SQE_CRC, NULL),
			 FIO_SC_PROGRAM_FAIL);
	assert_int_equal(load(r, rig_addr(0, 7, 0), FIO_SQE_CRC, &a), 0);
	assert_int_equal(load(r, rig_addr(3, 7, 0), FIO_SQE_PARITY, &row), 0);
	assert_memory_equal(row.data, a.data, FIO_UNIT_BYTES);
	assert_int_equal(count_of(&row), 1);
	assert_int_equal(row_count(r, 7, 1), 0);
}

/* Completed, then the program fails: the accumulator is what is left of it. */
static void stranded_units_stay_in(void **state)
{
	struct rig *r;
	struct vcard_config cfg;
	struct unit row, want;

	rig_config(&cfg);
	cfg.plp = FIO_PLP_NONE;
	r = rig_new(&cfg);
	rig_up(r);
	assert_int_equal(rig_control(r, "fail-program die=1,au=7"), 0);
	assert_int_equal(put(r, 1, 7, 4, FIO_SQE_XOR), FIO_SC_OK);
	assert_int_equal(rig_sync(r), FIO_SC_PROGRAM_FAIL);
	assert_int_equal(load(r, rig_addr(1, 7, 0), FIO_SQE_CRC, &want), FIO_SC_OK);
	assert_int_equal(load(r, rig_addr(0, 7, 0), FIO_SQE_PARITY, &row), FIO_SC_OK);
	assert_memory_equal(row.data, want.data, FIO_UNIT_BYTES);
	assert_int_equal(count_of(&row), 1);
	rig_free(r);
}

/* ---- rules ------------------------------------------------------------------- */

static void malformed_commands(void **state)
{
	struct fio_mb_features some = { cpu_to_le64(FIO_FEAT_CRC) };
	struct rig *r = *state;
	struct fio_sqe sqe = rig_sqe(FIO_OP_APPEND, 1);
	struct unit u;

	assert_int_equal(put(r, 0, 3, 0, FIO_SQE_XOR | FIO_SQE_PARITY), FIO_SC_INVALID_FIELD);
	assert_int_equal(put(r, 0, 3, 0, FIO_SQE_PARITY), FIO_SC_INVALID_FIELD);
	sqe.flags |= FIO_SQE_PARITY;
	sqe.sgl.len = 0;
	sqe.tags = 0;
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_INVALID_FIELD);
	assert_int_equal(put_parity(r, rig_addr(0, 3, 0), 1, NULL), FIO_SC_AU_STATE);
	assert_int_equal(load(r, rig_addr(0, 3, 0), FIO_SQE_PARITY, &u), FIO_SC_ERASED);
	assert_int_equal(load(r, rig_addr(9, 3, 0), FIO_SQE_PARITY, &u), FIO_SC_INVALID_ADDR);
	assert_int_equal(rig_stat(r, "violations"), 0);
	assert_int_equal(rig_mbox(r, FIO_MB_FEATURES, &some, sizeof(some), NULL, NULL), 0);
	assert_int_equal(put(r, 0, 3, 0, FIO_SQE_XOR), FIO_SC_INVALID_FIELD);
	assert_int_equal(put_parity(r, rig_addr(0, 3, 0), 1, NULL), FIO_SC_INVALID_FIELD);
	assert_int_equal(load(r, rig_addr(0, 3, 0), FIO_SQE_PARITY, &u), FIO_SC_INVALID_FIELD);
	assert_int_equal(end_group(r, rig_addr(0, 3, 0)), FIO_SC_INVALID_FIELD);
	/* the flags mean nothing to others */
	sqe = (struct fio_sqe){
		.opcode = FIO_OP_RESET, .flags = FIO_SQE_XOR | FIO_SQE_PARITY, .units = 1,
		.addr = cpu_to_le64(rig_addr(0, 3, 0)),
	};
	assert_int_equal(rig_do(r, &sqe, NULL), FIO_SC_OK);
}

static void kinds_do_not_mix(void **state)
{
	struct rig *r = *state;

	assert_int_equal(put(r, 0, 3, 0, FIO_SQE_XOR), 0);
	assert_int_equal(put(r, 0, 3, 1, 0), FIO_SC_AU_STATE);
	assert_int_equal(put_parity(r, rig_addr(0, 3, 0), 1, NULL), FIO_SC_AU_STATE);
	assert_int_equal(put(r, 1, 3, 2, 0), 0);
	assert_int_equal(put(r, 1, 3, 3, FIO_SQE_XOR), FIO_SC_AU_STATE);
	assert_int_equal(rig_stat(r, "violations"), 3);
	assert_int_equal(put(r, 0, 3, 4, FIO_SQE_XOR), 0);
	assert_int_equal(row_count(r, 3, 0), 1);
	assert_int_equal(row_count(r, 3, 1), 1);
}

static void groups_are_limited(void **state)
{
	struct rig *r = *state;
	u32 limit = le32_to_cpu(r->geo.xor_groups), i;

	assert_true(limit >= 8);
	for (i = 0; i < limit; i++)
		assert_int_equal(put(r, i % 4, i, i, FIO_SQE_XOR), 0);
	assert_int_equal(put(r, 0, limit, 0, FIO_SQE_XOR), FIO_SC_MAX_OPEN);
	assert_int_equal(put(r, 0, 2, 0, FIO_SQE_XOR), 0);
	assert_int_equal(end_group(r, rig_addr(1, 2, 0)), 0);
	assert_int_equal(put(r, 0, limit, 0, FIO_SQE_XOR), 0);
	assert_int_equal(rig_stat(r, "violations"), 0);
}

static void a_group_ends(void **state)
{
	struct rig *r = *state;
	struct unit u;

	assert_int_equal(put(r, 0, 3, 0, FIO_SQE_XOR), 0);
	assert_int_equal(put(r, 1, 3, 0, FIO_SQE_XOR), 0);
	/* not by an AU that gave nothing */
	assert_int_equal(rig_on_aus(r, FIO_OP_RESET, rig_addr(2, 3, 0)), 0);
	assert_int_equal(rig_on_aus(r, FIO_OP_FINISH, rig_addr(1, 3, 0)), 0);
	assert_int_equal(row_count(r, 3, 0), 2);
	assert_int_equal(rig_on_aus(r, FIO_OP_RESET, rig_addr(1, 3, 0)), 0);
	assert_int_equal(load(r, rig_addr(0, 3, 0), FIO_SQE_PARITY, &u), FIO_SC_ERASED);
	/* what was added before cannot be added to */
	assert_int_equal(put(r, 0, 3, 1, FIO_SQE_XOR), FIO_SC_AU_STATE);
	assert_int_equal(rig_on_aus(r, FIO_OP_RESET, rig_addr(0, 3, 0)), 0);
	assert_int_equal(put(r, 0, 3, 1, FIO_SQE_XOR), 0);
	assert_int_equal(row_count(r, 3, 0), 1);
	assert_int_equal(rig_on_aus(r, FIO_OP_RETIRE, rig_addr(0, 3, 0)), 0);
	assert_int_equal(load(r, rig_addr(0, 3, 0), FIO_SQE_PARITY, &u), FIO_SC_ERASED);
}

static void reset_keeps_accumulators(void **state)
{
	struct rig *r = *state;

	assert_int_equal(put(r, 0, 3, 0, FIO_SQE_XOR), 0);
	vcard_reset(r->c, VCARD_RESET_FLR);
	rig_up(r);
	assert_int_equal(put(r, 1, 3, 0, FIO_SQE_XOR), 0);
	assert_int_equal(row_count(r, 3, 0), 2);
}

/* ---- power --------------------------------------------------------------------- */

static char path[64];

static int setup_path(void **state)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/test_model_XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	return 0;
}

static int teardown_path(void **state)
{
	unlink(path);
	return 0;
}

static struct rig *power_up(enum fio_plp plp)
{
	struct vcard_config cfg;
	struct rig *r;

	rig_config(&cfg);
	cfg.state_path = path;
	cfg.plp = plp;
	r = rig_new(&cfg);
	r->exit_on_cut = CUT_STATUS;
	rig_up(r);
	return r;
}

/* A child appends four units to two rows and loses power. */
static void append_and_cut(enum fio_plp plp)
{
	pid_t pid = fork();
	int status;
	u32 i;

	assert_true(pid >= 0);
	if (!pid) {
		struct rig *r = power_up(plp);

		for (i = 0; i < 4; i++)
			assert_int_equal(put(r, i % 2, 3, 50 + i, FIO_SQE_XOR), 0);
		if (plp != FIO_PLP_OK)
			assert_int_equal(rig_sync(r), 0);
		rig_control(r, "power-cut");
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CUT_STATUS);
}

static void capacitors_keep_accumulators(void **state)
{
	struct unit a, b, row;
	struct rig *r;
	u32 page;

	append_and_cut(FIO_PLP_OK);
	r = power_up(FIO_PLP_NONE);
	for (page = 0; page < 2; page++) {
		assert_int_equal(load(r, rig_addr(0, 3, page), FIO_SQE_CRC, &a), 0);
		assert_int_equal(load(r, rig_addr(1, 3, page), FIO_SQE_CRC, &b), 0);
		xor_unit(&a, &b);
		assert_int_equal(load(r, rig_addr(0, 3, page), FIO_SQE_PARITY, &row), 0);
		assert_memory_equal(row.data, a.data, FIO_UNIT_BYTES);
		assert_int_equal(count_of(&row), 2);
	}
	rig_free(r);
	/* an orderly end keeps them as well */
	r = power_up(FIO_PLP_NONE);
	assert_int_equal(row_count(r, 3, 1), 2);
	rig_free(r);
}

static void without_capacitors_they_are_gone(void **state)
{
	struct unit u;
	struct rig *r;

	append_and_cut(FIO_PLP_NONE);
	r = power_up(FIO_PLP_OK);
	assert_int_equal(load(r, rig_addr(0, 3, 0), 0, &u), FIO_SC_OK);
	assert_int_equal(load(r, rig_addr(0, 3, 0), FIO_SQE_PARITY, &u), FIO_SC_ERASED);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
		T(parity_is_the_xor_of_what_is_stored),
		T(lost_unit_comes_back),
		T(failed_units_are_taken_out),
		cmocka_unit_test(stranded_units_stay_in),
		T(malformed_commands),
		T(kinds_do_not_mix),
		T(groups_are_limited),
		T(a_group_ends),
		T(reset_keeps_accumulators),
#undef T
#define P(f) cmocka_unit_test_setup_teardown(f, setup_path, teardown_path)
		P(capacitors_keep_accumulators),
		P(without_capacitors_they_are_gone),
#undef P
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
