// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control commands: grammar, answers, environment. What each fault does to
 * commands and mailbox is tested beside those.
 */
#include <stdio.h>

#include "tests/unit/test_model_rig.h"

static s32 temperature(struct rig *r)
{
	struct fio_mb_health h;
	u32 len = sizeof(h);

	assert_int_equal(rig_mbox(r, FIO_MB_HEALTH, NULL, 0, &h, &len), FIO_MBOX_OK);
	return (s32)le32_to_cpu(h.temp_mc);
}

static void health(struct rig *r, struct fio_mb_health *h)
{
	u32 len = sizeof(*h);

	assert_int_equal(rig_mbox(r, FIO_MB_HEALTH, NULL, 0, h, &len), FIO_MBOX_OK);
}

static void help_names_every_command(void **state)
{
	static const char *const names[] = {
		"help", "stats", "power-cut", "die-offline", "temp", "voltage", "plp",
		"mailbox-hang", "timeout", "fail-program", "fail-erase", "fail-read", "corrupt",
		"retry-read", "bitflips", "gone", "fatal", "ready-delay", "identify-absurd",
		"short-answer", "no-irq", "event",
	};
	struct rig *r = *state;
	char key[64];
	u32 i;

	assert_int_equal(rig_control(r, "help"), 0);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(key, sizeof(key), "{\"name\":\"%s\"", names[i]);
		if (!strstr(rig_answer(), key))
			fail_msg("help does not name %s", names[i]);
	}
}

static void bad_commands(void **state)
{
	static const char *const bad[] = {
		"", " ", "nonsense", "temp", "temp warm", "temp 1000", "die-offline",
		"die-offline 4", "die-offline -1", "die-offline 0 maybe", "fail-program die=4",
		"fail-program count=x", "fail-program page=256", "fail-erase au=999999",
		"bitflips ppm=-1", "mailbox-hang count=-2", "fatal 0", "fatal", "event",
		"event NONSENSE", "event HEALTH die=77", "ready-delay", "identify-absurd",
		"short-answer op=65536", "power-cut seed=abc", "voltage", "plp",
		"stats 1 2 3 4 5 6 7 8 9", "no-irq count=", "\"quoted\\", "temp 0x",
	};
	struct rig *r = *state;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (rig_control(r, bad[i]) != -EINVAL)
			fail_msg("\"%s\" is taken", bad[i]);
		assert_non_null(strstr(rig_answer(), "{\"ok\":false,\"error\":\""));
	}
	assert_int_equal(r->cuts, 0);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), FIO_STATUS_RDY);
}

static void long_command(void **state)
{
	struct rig *r = *state;
	char cmd[400], tiny[8];

	memset(cmd, 'x', sizeof(cmd));
	cmd[sizeof(cmd) - 1] = '\0';
	assert_int_equal(rig_control(r, cmd), -EINVAL);
	cmd[255] = '\0';
	assert_int_equal(rig_control(r, cmd), -EINVAL);
	assert_int_equal(vcard_control(r->c, "help", tiny, sizeof(tiny)), 0);
	assert_int_equal(strlen(tiny), 7);
	assert_int_equal(vcard_control(r->c, "help", tiny, 0), -EINVAL);
}

static void stats_is_json(void **state)
{
	struct rig *r = *state;
	u64 addr[2] = { rig_addr(0, 0, 0), rig_addr(0, 0, 0) };
	const char *p;
	s32 depth = 0;

	rig_append(r, addr, 2, 0, 0, NULL);
	rig_read(r, addr, 2, 0, NULL);
	assert_int_equal(rig_control(r, "stats"), 0);
	assert_non_null(strstr(rig_answer(), "\"append\":{\"commands\":1,\"units\":2}"));
	assert_non_null(strstr(rig_answer(), "\"read\":{\"commands\":1,\"units\":2}"));
	assert_non_null(strstr(rig_answer(), "\"serial\":\"112345\""));
	for (p = rig_answer(); *p; p++) {
		depth += (*p == '{') - (*p == '}');
		assert_true(depth > 0 || !p[1]);
		assert_false(*p == ',' && (p[1] == '}' || p[1] == ','));
	}
	assert_int_equal(depth, 0);
	assert_int_equal(rig_stat(r, "destaged"), 2);
}

static void temperature_moves_with_load(void **state)
{
	struct rig *r = *state;
	u64 addr[FIO_MAX_UNITS];
	struct fio_mb_health h;
	s32 idle, busy;
	u32 i;

	for (i = 0; i < 60; i++) {
		r->now += 100000000;
		rig_run(r);
	}
	idle = temperature(r);
	for (i = 0; i < FIO_MAX_UNITS; i++)
		addr[i] = rig_addr(i % 4, 0, 0);
	rig_append(r, addr, FIO_MAX_UNITS, 0, 0, NULL);
	/* 300 * 256 KiB in each of 40 tenths of a second would be more than it can */
	for (i = 0; i < 40; i++) {
		u32 n;

		for (n = 0; n < 60; n++)
			rig_read(r, addr, FIO_MAX_UNITS, 0, NULL);
		r->now += 100000000;
	}
	rig_run(r);
	busy = temperature(r);
	assert_true(busy > idle + 500);
	health(r, &h);
	assert_true((s32)le32_to_cpu(h.temp_max_mc) >= busy);
	assert_true(le32_to_cpu(h.bus_max_ma) > le32_to_cpu(h.bus_ma));
}

static void forced_temperature(void **state)
{
	struct fio_mb_health h;
	struct rig *r = *state;

	assert_int_equal(rig_control(r, "temp 92"), 0);
	assert_int_equal(temperature(r), 92000);
	assert_non_null(strstr(r->log, "TEMPERATURE"));
	health(r, &h);
	assert_int_equal(h.throttle, 0);
	assert_int_equal(rig_control(r, "temp 97"), 0);
	health(r, &h);
	assert_int_equal(h.throttle, 2);
	assert_int_equal(rig_stat(r, "events"), 2);
	assert_int_equal(rig_control(r, "temp 40"), 0);
	assert_int_equal(temperature(r), 40000);
	assert_int_equal(rig_stat(r, "events"), 3);
	assert_int_equal(rig_control(r, "temp auto"), 0);
	r->now += 1000000000;
	assert_int_not_equal(temperature(r), 40000);
	assert_int_equal(rig_control(r, "temp 120"), 0);
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_FATAL), FIO_FATAL_TEMPERATURE);
}

static void forced_voltage(void **state)
{
	struct fio_mb_health h;
	struct rig *r = *state;

	assert_int_equal(rig_control(r, "voltage 10800"), 0);
	rig_run(r);
	health(r, &h);
	assert_int_equal(le32_to_cpu(h.bus_min_mv), 10800);
	assert_true(le32_to_cpu(h.bus_mv) > 10800);
}

static void power_cut_ends_the_card(void **state)
{
	struct rig *r = *state;
	u32 writes;

	assert_int_equal(rig_control(r, "power-cut seed=3"), 0);
	assert_int_equal(r->cuts, 1);
	writes = r->writes;
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), ~0U);
	assert_int_equal(rig_run(r), -1);
	assert_int_equal(r->writes, writes);
	assert_non_null(strstr(r->log, "seed 3"));
}

#define T(f)	cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(help_names_every_command), T(bad_commands), T(long_command), T(stats_is_json),
		T(temperature_moves_with_load), T(forced_temperature), T(forced_voltage),
		T(power_cut_ends_the_card),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
