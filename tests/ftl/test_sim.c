// SPDX-License-Identifier: GPL-2.0-only
/*
 * The simulated medium itself: if it lost or kept too much, every test above it
 * would prove nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "sim_env.h"

#define DIES 2
#define PAGES 4
#define AUS 4

static u32 completions;

static void done(struct media_cmd *cmd)
{
	completions++;
}

static struct sim_config config(bool volatile_buffer)
{
	return (struct sim_config){
		.dies = DIES, .aus = AUS, .pages = PAGES, .max_units = 4,
		.host_cmds = 2, .internal_cmds = 1, .volatile_buffer = volatile_buffer,
	};
}

static u32 unit(u32 die, u32 au, u32 page)
{
	return (au * DIES + die) * PAGES + page;
}

static struct media_cmd *start(struct sim *s, enum media_op op, u32 n, const u32 *units,
			       u8 flags, struct media_buf *buf)
{
	struct media *m = sim_media(s);
	struct media_cmd *cmd = m->ops->get(m, 0, true);

	assert_non_null(cmd);
	cmd->op = op;
	cmd->n = n;
	cmd->flags = flags;
	cmd->buf = buf;
	cmd->len = buf ? n * FIO_MEDIA_UNIT : 0;
	cmd->done = done;
	if (n)
		memcpy(cmd->unit, units, n * sizeof(*units));
	m->ops->submit(m, cmd);
	return cmd;
}

static void finish(struct sim *s, struct media_cmd *cmd, u32 before)
{
	struct media *m = sim_media(s);

	while (completions == before)
		assert_true(sim_step(s));
	m->ops->put(m, cmd);
}

static enum media_status append(struct sim *s, u32 die, u32 au, u8 fill, u8 flags)
{
	static u8 data[FIO_MEDIA_UNIT];
	struct media_buf buf = { .va = data, .units = 1 };
	u32 u = unit(die, au, 3), before = completions;
	struct media_cmd *cmd;

	memset(data, fill, sizeof(data));
	cmd = start(s, MEDIA_APPEND, 1, &u, flags, &buf);
	finish(s, cmd, before);
	return cmd->status;
}

static enum media_status simple(struct sim *s, enum media_op op, u32 die, u32 au)
{
	u32 u = unit(die, au, 0), before = completions;
	struct media_cmd *cmd = start(s, op, op == MEDIA_SYNC ? 0 : 1, &u, 0, NULL);

	finish(s, cmd, before);
	return cmd->status;
}

static enum media_status read_byte(struct sim *s, u32 u, u8 *byte)
{
	u8 data[FIO_MEDIA_UNIT];
	struct media_buf buf = { .va = data, .units = 1 };
	u32 before = completions;
	struct media_cmd *cmd = start(s, MEDIA_READ, 1, &u, 0, &buf);

	finish(s, cmd, before);
	*byte = data[17];
	return cmd->status;
}

static struct sim *cut(struct sim *s, const struct sim_config *cfg, u32 choice)
{
	struct sim_choice c[DIES];
	struct sim_image *snap = sim_snapshot(s), *img;
	struct sim *on;
	u32 d;

	for (d = 0; d < DIES; d++)
		sim_image_choice(snap, d, choice, &c[d]);
	img = sim_image_cut(snap, c);
	on = sim_power_on(cfg, img);
	sim_image_free(img);
	sim_image_free(snap);
	sim_destroy(s);
	return on;
}

static void reads_what_was_appended(void **state)
{
	struct sim_config cfg = config(false);
	struct sim *s = sim_create(&cfg);
	u32 none = FIO_UNIT_NONE;
	u8 byte;

	assert_int_equal(append(s, 1, 2, 0x55, 0), MEDIA_OK);
	assert_int_equal(sim_ops(s), 0);	/* still in the buffer */
	assert_int_equal(read_byte(s, unit(1, 2, 0), &byte), MEDIA_OK);
	assert_int_equal(byte, 0x55);
	while (sim_step(s))
		;
	assert_int_equal(sim_ops(s), 1);
	assert_int_equal(read_byte(s, unit(1, 2, 0), &byte), MEDIA_OK);
	assert_int_equal(byte, 0x55);
	assert_int_equal(read_byte(s, unit(1, 2, 1), &byte), MEDIA_ERASED);
	assert_int_equal(read_byte(s, none, &byte), MEDIA_OK);
	assert_int_equal(byte, 0);
	assert_null(sim_violation(s));
	assert_int_equal(sim_cmds_busy(s), 0);
	sim_destroy(s);
}

static void durable_survives(void **state)
{
	struct sim_config cfg = config(false);
	struct sim *s = sim_create(&cfg);
	u8 byte;

	append(s, 0, 1, 0x77, 0);
	s = cut(s, &cfg, 0);
	assert_int_equal(read_byte(s, unit(0, 1, 0), &byte), MEDIA_OK);
	assert_int_equal(byte, 0x77);
	sim_destroy(s);
}

static void volatile_is_lost_until_sync(void **state)
{
	struct sim_config cfg = config(true);
	struct sim *s = sim_create(&cfg);
	u8 byte;

	append(s, 0, 1, 1, 0);
	simple(s, MEDIA_SYNC, 0, 0);
	append(s, 0, 1, 2, MEDIA_F_FUA);
	append(s, 0, 1, 3, 0);
	s = cut(s, &cfg, 0);
	assert_int_equal(read_byte(s, unit(0, 1, 0), &byte), MEDIA_OK);
	assert_int_equal(read_byte(s, unit(0, 1, 1), &byte), MEDIA_OK);
	assert_int_equal(byte, 2);
	assert_int_equal(read_byte(s, unit(0, 1, 2), &byte), MEDIA_ERASED);
	assert_null(sim_violation(s));
	sim_destroy(s);
}

static void torn_page_makes_its_unit_suspect(void **state)
{
	struct sim_config cfg = config(true);
	struct sim *s = sim_create(&cfg);
	u8 byte;

	append(s, 0, 1, 1, 0);
	s = cut(s, &cfg, 2);	/* die 0: nothing done, the first reads once */
	assert_int_equal(read_byte(s, unit(0, 1, 0), &byte), MEDIA_OK);
	assert_int_equal(byte, 1);
	assert_int_equal(read_byte(s, unit(0, 1, 0), &byte), MEDIA_UNCORRECTABLE);
	s = cut(s, &cfg, 0);	/* it is still suspect after another cut */
	assert_int_equal(append(s, 0, 1, 2, 0), MEDIA_AU_STATE);
	assert_non_null(sim_violation(s));
	sim_destroy(s);
}

static void reset_cures_a_suspect_unit(void **state)
{
	struct sim_config cfg = config(true);
	struct sim *s = sim_create(&cfg);

	append(s, 0, 1, 1, 0);
	s = cut(s, &cfg, 1);
	assert_int_equal(simple(s, MEDIA_RESET, 0, 1), MEDIA_OK);
	assert_int_equal(append(s, 0, 1, 2, 0), MEDIA_OK);
	assert_null(sim_violation(s));
	sim_destroy(s);
}

static void faults_strike_and_bad_units_refuse(void **state)
{
	struct sim_config cfg = config(false);
	struct sim *s = sim_create(&cfg);

	sim_fail_programs(s, 1);
	assert_int_equal(append(s, 0, 1, 1, 0), MEDIA_PROGRAM_FAIL);
	assert_int_equal(append(s, 0, 1, 1, 0), MEDIA_AU_STATE);	/* closed */
	assert_null(sim_violation(s));
	sim_fail_erases(s, 1);
	assert_int_equal(simple(s, MEDIA_RESET, 0, 1), MEDIA_ERASE_FAIL);
	assert_int_equal(simple(s, MEDIA_RETIRE, 0, 1), MEDIA_OK);
	s = cut(s, &cfg, 0);
	assert_null(sim_violation(s));
	assert_int_equal(append(s, 0, 1, 2, 0), MEDIA_AU_STATE);
	assert_non_null(sim_violation(s));
	sim_destroy(s);
}

static void finish_closes(void **state)
{
	struct sim_config cfg = config(false);
	struct sim *s = sim_create(&cfg);

	assert_int_equal(append(s, 0, 1, 1, 0), MEDIA_OK);
	assert_int_equal(simple(s, MEDIA_FINISH, 0, 1), MEDIA_OK);
	s = cut(s, &cfg, 0);
	assert_int_equal(append(s, 0, 1, 1, 0), MEDIA_AU_STATE);
	assert_non_null(sim_violation(s));
	sim_destroy(s);
}

static void open_units_are_suspect_after_a_cut(void **state)
{
	struct sim_config cfg = config(false);
	struct sim *s = sim_create(&cfg);

	assert_int_equal(append(s, 0, 1, 1, 0), MEDIA_OK);
	s = cut(s, &cfg, 0);
	assert_int_equal(append(s, 1, 1, 1, 0), MEDIA_OK);
	assert_null(sim_violation(s));
	assert_int_equal(append(s, 0, 1, 1, 0), MEDIA_AU_STATE);
	assert_non_null(sim_violation(s));
	sim_destroy(s);
	cfg.keeps_open = true;
	s = sim_create(&cfg);
	assert_int_equal(append(s, 0, 1, 1, 0), MEDIA_OK);
	s = cut(s, &cfg, 0);
	assert_int_equal(append(s, 0, 1, 1, 0), MEDIA_OK);
	assert_null(sim_violation(s));
	sim_destroy(s);
}

static void full_unit_refuses(void **state)
{
	struct sim_config cfg = config(false);
	struct sim *s = sim_create(&cfg);
	u32 i;

	for (i = 0; i < PAGES; i++)
		assert_int_equal(append(s, 0, 1, i, 0), MEDIA_OK);
	assert_null(sim_violation(s));
	assert_int_equal(append(s, 0, 1, 9, 0), MEDIA_AU_STATE);
	assert_non_null(sim_violation(s));
	sim_destroy(s);
}

/* ---- sums of rows ---- */

static struct sim_config sums_config(bool volatile_buffer)
{
	struct sim_config cfg = config(volatile_buffer);

	cfg.xor_groups = 1;
	return cfg;
}

/* READ or APPEND of a sum; the first byte and the count. */
static enum media_status sum(struct sim *s, enum media_op op, u32 u, u8 *byte, u32 *count)
{
	static u8 data[FIO_MEDIA_UNIT];
	struct media_buf buf = { .va = data, .units = 1 };
	const struct fio_parity_tag *tag;
	u32 before = completions;
	struct media_cmd *cmd;

	cmd = start(s, op, 1, &u, MEDIA_F_PARITY, op == MEDIA_READ ? &buf : NULL);
	finish(s, cmd, before);
	tag = (const struct fio_parity_tag *)&cmd->tag[0];
	*count = le16_to_cpu(tag->count);
	*byte = data[0];
	return cmd->status;
}

static void sums_are_kept_and_stored(void **state)
{
	struct sim_config cfg = sums_config(false);
	struct sim *s = sim_create(&cfg);
	u32 count;
	u8 byte;

	assert_int_equal(sum(s, MEDIA_READ, unit(0, 1, 0), &byte, &count), MEDIA_ERASED);
	assert_int_equal(append(s, 0, 1, 0x55, MEDIA_F_XOR), MEDIA_OK);
	sim_fail_programs(s, 1);
	assert_int_equal(append(s, 1, 1, 0x0f, MEDIA_F_XOR), MEDIA_PROGRAM_FAIL);
	assert_int_equal(sum(s, MEDIA_READ, unit(0, 1, 0), &byte, &count), MEDIA_OK);
	assert_int_equal(byte, 0x55);
	assert_int_equal(count, 1);
	assert_int_equal(append(s, 0, 1, 0x33, MEDIA_F_XOR), MEDIA_OK);
	/* only what the capacitors could save */
	s = cut(s, &cfg, 0);
	assert_int_equal(sum(s, MEDIA_READ, unit(1, 1, 1), &byte, &count), MEDIA_OK);
	assert_int_equal(byte, 0x33);
	assert_int_equal(count, 1);
	/* an AU that gave nothing ends nothing, one that did does */
	assert_int_equal(simple(s, MEDIA_RESET, 1, 1), MEDIA_OK);
	assert_int_equal(sum(s, MEDIA_APPEND, unit(1, 1, 0), &byte, &count), MEDIA_AU_STATE);
	assert_null(sim_violation(s));
	sim_destroy(s);
}

static void a_stored_sum_gives_the_other_back(void **state)
{
	struct sim_config cfg = sums_config(false);
	struct sim *s = sim_create(&cfg);
	u32 count;
	u8 byte;

	assert_int_equal(append(s, 0, 1, 0x55, MEDIA_F_XOR), MEDIA_OK);
	assert_int_equal(sum(s, MEDIA_APPEND, unit(1, 1, 0), &byte, &count), MEDIA_OK);
	assert_int_equal(read_byte(s, unit(1, 1, 0), &byte), MEDIA_OK);
	assert_int_equal(byte, 0x55);
	assert_null(sim_violation(s));
	/* one stripe at a time is all that this medium has memory for */
	assert_int_equal(append(s, 0, 2, 1, MEDIA_F_XOR), MEDIA_AU_STATE);
	assert_non_null(sim_violation(s));
	sim_destroy(s);
}

static void volatile_sums_are_lost(void **state)
{
	struct sim_config cfg = sums_config(true);
	struct sim *s = sim_create(&cfg);
	u32 count;
	u8 byte;

	assert_int_equal(append(s, 0, 1, 0x55, MEDIA_F_XOR), MEDIA_OK);
	simple(s, MEDIA_SYNC, 0, 0);
	s = cut(s, &cfg, 0);
	assert_int_equal(sum(s, MEDIA_READ, unit(0, 1, 0), &byte, &count), MEDIA_ERASED);
	assert_null(sim_violation(s));
	sim_destroy(s);
}

static void kinds_of_units_do_not_mix(void **state)
{
	struct sim_config cfg = sums_config(false);
	struct sim *s = sim_create(&cfg);

	assert_int_equal(append(s, 0, 1, 1, MEDIA_F_XOR), MEDIA_OK);
	assert_int_equal(append(s, 0, 1, 1, 0), MEDIA_AU_STATE);
	assert_non_null(sim_violation(s));
	sim_destroy(s);
}

static void commands_run_out_and_come_back(void **state)
{
	struct sim_config cfg = config(false);
	struct sim *s = sim_create(&cfg);
	struct media *m = sim_media(s);
	struct media_cmd *a = m->ops->get(m, 0, false), *b = m->ops->get(m, 0, false);

	assert_non_null(a);
	assert_non_null(b);
	assert_null(m->ops->get(m, 0, false));
	assert_non_null(m->ops->get(m, 0, true));
	assert_null(m->ops->get(m, 0, true));
	m->ops->put(m, a);
	assert_ptr_equal(m->ops->get(m, 0, false), a);
	assert_null(sim_violation(s));
	m->ops->put(m, a);
	m->ops->put(m, a);
	assert_non_null(sim_violation(s));
	sim_destroy(s);
}

static void crc32c_matches_the_standard(void **state)
{
	u8 page[3 * FIO_MEDIA_UNIT + 5];
	u32 i, crc = 0;

	assert_int_equal(ftl_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(ftl_crc32c(ftl_crc32c(0, "12345", 5), "6789", 4), 0xe3069283);
	/* however a page is divided, the answer is the same */
	for (i = 0; i < sizeof(page); i++)
		page[i] = i * 31 + (i >> 7);
	for (i = 0; i < sizeof(page); i++)
		crc = ftl_crc32c(crc, page + i, 1);
	assert_int_equal(ftl_crc32c(0, page, sizeof(page)), crc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_was_appended),
		cmocka_unit_test(durable_survives),
		cmocka_unit_test(volatile_is_lost_until_sync),
		cmocka_unit_test(torn_page_makes_its_unit_suspect),
		cmocka_unit_test(reset_cures_a_suspect_unit),
		cmocka_unit_test(faults_strike_and_bad_units_refuse),
		cmocka_unit_test(finish_closes),
		cmocka_unit_test(open_units_are_suspect_after_a_cut),
		cmocka_unit_test(full_unit_refuses),
		cmocka_unit_test(sums_are_kept_and_stored),
		cmocka_unit_test(a_stored_sum_gives_the_other_back),
		cmocka_unit_test(volatile_sums_are_lost),
		cmocka_unit_test(kinds_of_units_do_not_mix),
		cmocka_unit_test(commands_run_out_and_come_back),
		cmocka_unit_test(crc32c_matches_the_standard),
	};

	return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
