// SPDX-License-Identifier: GPL-2.0-only
/*
 * The write buffer, power-loss protection and power cuts (hw.md section 7), on
 * state files: a child process works until its power is gone, the parent opens
 * what it left.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test_model_rig.h"

#define CUT_STATUS	42
#define STREAMS		8	/* AUs that a child writes to: two on each die */

static char path[64];

/* What a child tells its parent about its progress. */
static struct shared {
	u32 acked[STREAMS];	/* units completed */
	u32 issued[STREAMS];	/* units submitted */
} *shared;

static int setup(void **state)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/test_model_XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	memset(shared, 0, sizeof(*shared));
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return 0;
}

static struct rig *power_up(enum fio_plp plp, enum nand_timing timing)
{
	struct vcard_config cfg;
	struct rig *r;

	rig_config(&cfg);
	cfg.state_path = path;
	cfg.plp = plp;
	cfg.timing = timing;
	cfg.buffer_units = 128;
	r = rig_new(&cfg);
	r->exit_on_cut = CUT_STATUS;
	rig_up(r);
	return r;
}

/* Return: the child's exit status. */
static int in_child(void (*fn)(void *arg), void *arg)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		fn(arg);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static u64 stream_au(u32 s)
{
	return rig_addr(s % 4, 10 + s / 4, 0);
}

static u32 unit_seed(u32 s, u32 i)
{
	return s * 1000 + i;
}

static void append_to(struct rig *r, u32 s, u8 flags)
{
	u64 addr = stream_au(s);
	u32 i = shared->issued[s]++;

	assert_int_equal(rig_append(r, &addr, 1, unit_seed(s, i), flags, NULL), FIO_SC_OK);
	assert_int_equal(addr, stream_au(s) + i);
	shared->acked[s]++;
}

static u32 read_unit(struct rig *r, u32 s, u32 i)
{
	u64 addr = stream_au(s) + i;
	u32 status = rig_read(r, &addr, 1, 0, NULL);

	if (!status)
		assert_true(rig_pattern_ok(r, 0, unit_seed(s, i)));
	return status;
}

/* Units of a stream that are there, from the first on; nothing lies behind a gap. */
static u32 survivors(struct rig *r, u32 s)
{
	u32 n = 0, i, pages = le32_to_cpu(r->geo.pages);

	while (n < pages && read_unit(r, s, n) == FIO_SC_OK)
		n++;
	for (i = n + 1; i < min(n + 20, pages); i++)
		assert_int_equal(read_unit(r, s, i), FIO_SC_ERASED);
	return n;
}

/* ---- without a power cut command: the process just dies ---- */

struct dying {
	enum fio_plp plp;
	u32 units;
	u8 flags;
	bool sync;
};

static void append_and_die(void *arg)
{
	const struct dying *d = arg;
	struct rig *r = power_up(d->plp, NAND_TIMING_NONE);
	u32 i;

	for (i = 0; i < d->units; i++)
		append_to(r, i % STREAMS, d->flags);
	if (d->sync)
		assert_int_equal(rig_sync(r), FIO_SC_OK);
}

static void die_and_look(struct dying *d, bool all)
{
	struct fio_au_report rep;
	struct rig *r;
	u32 s;

	assert_int_equal(in_child(append_and_die, d), 0);
	r = power_up(d->plp, NAND_TIMING_NONE);
	for (s = 0; s < STREAMS; s++) {
		assert_int_equal(survivors(r, s), all ? shared->acked[s] : 0);
		rig_report(r, stream_au(s), &rep);
		assert_int_equal(rep.state, all ? FIO_AU_SUSPECT : FIO_AU_FREE);
		assert_int_equal(rep.flags, all ? FIO_AU_WP_UNKNOWN : 0);
	}
	assert_int_equal(rig_stat(r, "unsafe_shutdowns"), 1);
	assert_int_equal(rig_stat(r, "power_cycles"), 2);
	rig_free(r);
}

static void completed_is_durable_with_plp(void **state)
{
	die_and_look(&(struct dying){ .plp = FIO_PLP_OK, .units = 40 }, true);
}

static void completed_is_volatile_without(void **state)
{
	die_and_look(&(struct dying){ .plp = FIO_PLP_NONE, .units = 40 }, false);
}

static void failed_is_like_none(void **state)
{
	die_and_look(&(struct dying){ .plp = FIO_PLP_FAILED, .units = 40 }, false);
}

static void sync_makes_durable(void **state)
{
	die_and_look(&(struct dying){ .plp = FIO_PLP_NONE, .units = 40, .sync = true }, true);
}

static void fua_makes_durable(void **state)
{
	die_and_look(&(struct dying){ .plp = FIO_PLP_NONE, .units = 40, .flags = FIO_SQE_FUA },
		     true);
}

static void shut_down_and_die(void *arg)
{
	struct rig *r = power_up(FIO_PLP_NONE, NAND_TIMING_NONE);

	append_to(r, 0, 0);
	rig_wr(r, FIO_REG_CTRL, FIO_CTRL_EN | FIO_CTRL_SHUTDOWN);
	rig_run(r);
	if (!arg)
		return;
	/* enabled again, it is at risk again */
	rig_wr(r, FIO_REG_RESET, FIO_RESET_KEY);
	rig_run(r);
	rig_enable(r);
}

static void shutdown_is_orderly(void **state)
{
	struct fio_au_report rep;
	struct rig *r;
	int again;

	for (again = 0; again < 2; again++) {
		setup(state);
		assert_int_equal(in_child(shut_down_and_die, again ? path : NULL), 0);
		r = power_up(FIO_PLP_NONE, NAND_TIMING_NONE);
		assert_int_equal(rig_stat(r, "unsafe_shutdowns"), again);
		rig_report(r, stream_au(0), &rep);
		assert_int_equal(rep.state, again ? FIO_AU_SUSPECT : FIO_AU_OPEN);
		assert_int_equal(survivors(r, 0), 1);
		rig_free(r);
		unlink(path);
	}
}

/* Appending to what a cut left open is an error, until it is reset. */
static void suspect_until_reset(void **state)
{
	struct dying d = { .plp = FIO_PLP_OK, .units = 8 };
	u64 addr = stream_au(0);
	struct rig *r;

	assert_int_equal(in_child(append_and_die, &d), 0);
	r = power_up(FIO_PLP_OK, NAND_TIMING_NONE);
	assert_int_equal(rig_append(r, &addr, 1, 0, 0, NULL), FIO_SC_AU_STATE);
	assert_int_equal(rig_stat(r, "violations"), 1);
	assert_int_equal(rig_on_aus(r, FIO_OP_RESET, addr), FIO_SC_OK);
	assert_int_equal(rig_append(r, &addr, 1, 0, 0, NULL), FIO_SC_OK);
	rig_free(r);
	/* ... which an orderly end keeps */
	r = power_up(FIO_PLP_OK, NAND_TIMING_NONE);
	addr = stream_au(1);
	assert_int_equal(rig_append(r, &addr, 1, 0, 0, NULL), FIO_SC_AU_STATE);
	addr = stream_au(0);
	assert_int_equal(rig_append(r, &addr, 1, 0, 0, NULL), FIO_SC_OK);
	assert_int_equal(addr, stream_au(0) + 1);
	assert_int_equal(rig_stat(r, "violations"), 2);
	rig_free(r);
}

static void orderly_end(void **state)
{
	struct rig *r = power_up(FIO_PLP_NONE, NAND_TIMING_NONE);
	struct fio_au_report rep;
	u32 i;

	for (i = 0; i < 40; i++)
		append_to(r, i % STREAMS, 0);
	assert_int_equal(rig_on_aus(r, FIO_OP_FINISH, stream_au(1)), FIO_SC_OK);
	assert_int_equal(rig_on_aus(r, FIO_OP_RETIRE, stream_au(2)), FIO_SC_OK);
	rig_free(r);
	r = power_up(FIO_PLP_NONE, NAND_TIMING_NONE);
	assert_int_equal(survivors(r, 0), 5);
	rig_report(r, stream_au(0), &rep);
	assert_int_equal(rep.state, FIO_AU_OPEN);
	assert_int_equal(le32_to_cpu(rep.write_ptr), 5);
	rig_report(r, stream_au(1), &rep);
	assert_int_equal(rep.state, FIO_AU_CLOSED);
	rig_report(r, stream_au(2), &rep);
	assert_int_equal(rep.state, FIO_AU_BAD);
	append_to(r, 0, 0);
	assert_int_equal(rig_stat(r, "unsafe_shutdowns"), 0);
	assert_int_equal(rig_stat(r, "open_aus"), STREAMS - 2);
	rig_free(r);
	r = power_up(FIO_PLP_NONE, NAND_TIMING_NONE);
	assert_int_equal(rig_stat(r, "bytes_written"), 41 * 4096);
	rig_free(r);
}

/* ---- power cuts ---- */

struct cut {
	enum fio_plp plp;
	u32 units, seed, after;
};

static void append_and_cut(void *arg)
{
	const struct cut *k = arg;
	struct rig *r = power_up(k->plp, NAND_TIMING_NONE);
	char cmd[64];
	u32 i;

	snprintf(cmd, sizeof(cmd), "power-cut seed=%u,after=%u", k->seed, k->after);
	if (k->after)
		rig_control(r, cmd);
	for (i = 0; i < k->units; i++)
		append_to(r, i * 7 % STREAMS, 0);
	rig_control(r, cmd);
}

/*
 * Without protection each die keeps a prefix. Streams s and s + 4 share a die and
 * were written alternately, so their survivors differ by one at most, plus a unit
 * that the cut tore.
 */
static void cut_leaves_prefixes(void **state)
{
	u32 seed, s, torn = 0, lost = 0, uneven = 0, first = 0;
	struct rig *r;
	u32 n[STREAMS];

	for (seed = 1; seed <= 24; seed++) {
		struct cut k = { .plp = FIO_PLP_NONE, .units = 64, .seed = seed };

		setup(state);
		assert_int_equal(in_child(append_and_cut, &k), CUT_STATUS);
		r = power_up(FIO_PLP_NONE, NAND_TIMING_NONE);
		for (s = 0; s < STREAMS; s++) {
			n[s] = survivors(r, s);
			assert_true(n[s] <= shared->issued[s]);
			lost += shared->acked[s] - n[s];
			torn += read_unit(r, s, n[s]) == FIO_SC_UNCORRECTABLE;
		}
		for (s = 0; s < 4; s++)
			assert_true(n[s] <= n[s + 4] + 2 && n[s + 4] <= n[s] + 2);
		for (s = 1; s < 4; s++)
			uneven += n[s] != n[0];
		first += n[0];
		rig_free(r);
		unlink(path);
	}
	/* the draws are not all the same */
	assert_true(torn > 5);
	assert_true(lost > 100);
	assert_true(uneven > 20);
	assert_in_range(first, 24, 24 * 7);
}

/* With protection whatever completed is there, wherever the cut falls. */
static void cut_with_plp_loses_nothing(void **state)
{
	u32 after, s, extra = 0, torn = 0;
	struct rig *r;

	for (after = 1; after <= 30; after++) {
		struct cut k = { .plp = FIO_PLP_OK, .units = 40, .seed = after, .after = after };

		setup(state);
		assert_int_equal(in_child(append_and_cut, &k), CUT_STATUS);
		r = power_up(FIO_PLP_OK, NAND_TIMING_NONE);
		for (s = 0; s < STREAMS; s++) {
			u32 n = survivors(r, s);

			assert_true(n >= shared->acked[s] && n <= shared->issued[s]);
			extra += n - shared->acked[s];
			torn += read_unit(r, s, n) == FIO_SC_UNCORRECTABLE;
		}
		rig_free(r);
		unlink(path);
	}
	assert_true(extra > 0);
	assert_true(torn > 0);
}

/* Commands under way: slow flash, many appends and resets in flight. */
static void overlap_and_cut(void *arg)
{
	const struct cut *k = arg;
	struct rig *r = power_up(k->plp, NAND_TIMING_MLC);
	struct fio_sqe sqe = rig_sqe(FIO_OP_APPEND, 1);
	char cmd[64];
	u32 i;

	sqe.flags = FIO_SQE_FUA;
	rig_pattern(r, 1, 7);
	for (i = 0; i < 12; i++) {
		sqe.opcode = i % 3 == 2 ? FIO_OP_RESET : FIO_OP_APPEND;
		sqe.addr = cpu_to_le64(rig_addr(i % 2, i % 3 == 2 ? 40 + i : 20, 0));
		rig_push(r, 0, &sqe);
	}
	rig_doorbell(r, 0, FIO_DB_SQ_TAIL, r->q[0].sq_tail);
	rig_run(r);
	assert_true(rig_stat(r, "outstanding") > 4);
	snprintf(cmd, sizeof(cmd), "power-cut seed=%u", k->seed);
	rig_control(r, cmd);
}

static void cut_tears_what_is_outstanding(void **state)
{
	u32 seed, i, counts[7] = { 0 }, suspects = 0;

	for (seed = 1; seed <= 24; seed++) {
		struct cut k = { .plp = FIO_PLP_NONE, .seed = seed };
		struct fio_au_report rep;
		struct rig *r;
		u64 addr;

		setup(state);
		assert_int_equal(in_child(overlap_and_cut, &k), CUT_STATUS);
		r = power_up(FIO_PLP_NONE, NAND_TIMING_NONE);
		for (i = 0; i < 6; i++) {
			addr = rig_addr(0, 20, i);
			if (rig_read(r, &addr, 1, 0, NULL))
				break;
			assert_true(rig_pattern_ok(r, 0, 7));
		}
		counts[i]++;
		for (i = 2; i < 12; i += 3) {
			rig_report(r, rig_addr(i % 2, 40 + i, 0), &rep);
			suspects += rep.state == FIO_AU_SUSPECT;
		}
		rig_free(r);
		unlink(path);
	}
	for (i = 0, seed = 0; i < 7; i++)
		seed += !!counts[i];
	assert_true(seed >= 3);
	assert_true(suspects > 0);
}

/* ---- protection changes, destaging ---- */

static void degrading_programs_first(void **state)
{
	struct rig *r = power_up(FIO_PLP_NONE, NAND_TIMING_NONE);
	struct fio_event *ring = (struct fio_event *)(r->mem + RIG_EVENTS);
	struct fio_mb_event_queue q = {
		.addr = cpu_to_le64(RIG_IOVA + RIG_EVENTS), .depth_log2 = 4,
	};

	assert_int_equal(rig_mbox(r, FIO_MB_EVENT_QUEUE, &q, sizeof(q), NULL, NULL), 0);
	append_to(r, 0, 0);
	assert_int_equal(rig_stat(r, "buffered"), 1);
	assert_int_equal(rig_control(r, "plp ok"), 0);
	assert_int_equal(rig_stat(r, "buffered"), 0);
	append_to(r, 0, 0);
	assert_int_equal(rig_stat(r, "buffered"), 0);
	assert_int_equal(rig_control(r, "plp failed"), 0);
	append_to(r, 0, 0);
	assert_int_equal(rig_stat(r, "buffered"), 1);
	rig_run(r);
	assert_int_equal(le16_to_cpu(ring[0].type), FIO_EV_PLP);
	assert_int_equal(le32_to_cpu(ring[0].value), FIO_PLP_OK);
	assert_int_equal(le32_to_cpu(ring[1].value), FIO_PLP_FAILED);
	assert_int_equal(rig_control(r, "plp perhaps"), -EINVAL);
	rig_free(r);
}

static void destages_by_itself(void **state)
{
	struct rig *r = power_up(FIO_PLP_NONE, NAND_TIMING_NONE);
	u64 buffered;
	u32 i;

	append_to(r, 0, 0);
	assert_int_equal(read_unit(r, 0, 0), FIO_SC_OK);
	assert_int_equal(rig_stat(r, "buffer_reads"), 1);
	/* it sleeps until then */
	assert_true(rig_run(r) > 1000000);
	rig_run_until_idle(r);
	assert_int_equal(rig_stat(r, "buffered"), 0);
	assert_int_equal(read_unit(r, 0, 0), FIO_SC_OK);
	assert_int_equal(rig_stat(r, "buffer_reads"), 1);
	for (i = 0; i < 400; i++)
		append_to(r, i % STREAMS, 0);
	buffered = rig_stat(r, "buffered");
	assert_in_range(buffered, 64, 128);
	for (i = 0; i < 400; i++)
		assert_int_equal(read_unit(r, i % STREAMS, i / STREAMS), FIO_SC_OK);
	rig_free(r);
}

static void destaging_fails(void **state)
{
	struct rig *r = power_up(FIO_PLP_NONE, NAND_TIMING_NONE);
	u64 addr = stream_au(0);
	u32 i;

	for (i = 0; i < 4; i++)
		append_to(r, 0, 0);
	append_to(r, 1, 0);
	assert_int_equal(rig_control(r, "fail-program die=0,page=1"), 0);
	assert_int_equal(rig_sync(r), FIO_SC_PROGRAM_FAIL);
	assert_int_equal(rig_sync(r), FIO_SC_PROGRAM_FAIL);
	assert_non_null(strstr(r->log, "AU_RETIRE"));
	for (i = 0; i < 4; i++)
		assert_int_equal(read_unit(r, 0, i), FIO_SC_OK);
	assert_int_equal(read_unit(r, 1, 0), FIO_SC_OK);
	assert_int_equal(rig_append(r, &addr, 1, 0, 0, NULL), FIO_SC_AU_STATE);
	assert_int_equal(rig_stat(r, "violations"), 0);
	assert_int_equal(rig_on_aus(r, FIO_OP_RETIRE, addr), FIO_SC_OK);
	assert_int_equal(rig_sync(r), FIO_SC_OK);
	assert_int_equal(rig_stat(r, "stranded"), 0);
	rig_free(r);
}

static void die_dies_with_buffered_data(void **state)
{
	struct rig *r = power_up(FIO_PLP_NONE, NAND_TIMING_NONE);

	append_to(r, 0, 0);
	append_to(r, 1, 0);
	assert_int_equal(rig_control(r, "die-offline 0"), 0);
	assert_int_equal(rig_sync(r), FIO_SC_DIE_OFFLINE);
	assert_int_equal(read_unit(r, 0, 0), FIO_SC_OK);
	assert_int_equal(rig_on_aus(r, FIO_OP_RETIRE, stream_au(0)), FIO_SC_OK);
	assert_int_equal(rig_sync(r), FIO_SC_OK);
	rig_free(r);
}

static void resets_keep_the_buffer(void **state)
{
	struct rig *r = power_up(FIO_PLP_NONE, NAND_TIMING_NONE);

	append_to(r, 0, 0);
	vcard_reset(r->c, VCARD_RESET_FLR);
	assert_int_equal(rig_stat(r, "buffered"), 1);
	rig_up(r);
	assert_int_equal(read_unit(r, 0, 0), FIO_SC_OK);
	append_to(r, 0, 0);
	rig_free(r);
}

/* What a reset left behind keeps the promise of protection. */
static void resets_protect_the_buffer(void **state)
{
	struct rig *r = power_up(FIO_PLP_OK, NAND_TIMING_MLC);
	struct fio_sqe sqe = rig_sqe(FIO_OP_APPEND, 64);
	__le64 *list = (__le64 *)(r->mem + RIG_LIST);
	u32 i;

	for (i = 0; i < 64; i++)
		list[i] = cpu_to_le64(stream_au(0));
	rig_push(r, 0, &sqe);
	rig_doorbell(r, 0, FIO_DB_SQ_TAIL, r->q[0].sq_tail);
	rig_run(r);
	assert_int_equal(rig_stat(r, "outstanding"), 1);
	assert_int_equal(rig_stat(r, "buffered"), 64);
	vcard_reset(r->c, VCARD_RESET_BUS);
	assert_int_equal(rig_stat(r, "outstanding"), 0);
	assert_int_equal(rig_stat(r, "buffered"), 0);
	rig_free(r);
}

/* A reset of an AU never passes what was appended to its die before. */
static void erase_comes_after(void **state)
{
	struct rig *r = power_up(FIO_PLP_NONE, NAND_TIMING_NONE);

	append_to(r, 0, 0);
	append_to(r, 1, 0);
	assert_int_equal(rig_on_aus(r, FIO_OP_RESET, rig_addr(0, 50, 0)), FIO_SC_OK);
	assert_int_equal(rig_stat(r, "buffered"), 1);
	assert_int_equal(rig_on_aus(r, FIO_OP_RESET, stream_au(1)), FIO_SC_OK);
	assert_int_equal(read_unit(r, 1, 0), FIO_SC_ERASED);
	rig_free(r);
}

/* ---- state files that do not fit ---- */

static void bad_serials(void **state)
{
	static const struct vcard_front none;
	struct vcard_config cfg = { .state_path = path, .user_bytes = 1ULL << 30 };
	static const char *const bad[] = { "", "a b", "\"", "123456789012345678901234" };
	char err[256];
	struct rig *r;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		cfg.serial = bad[i];
		assert_null(vcard_create(&cfg, &none, NULL, err, sizeof(err)));
		assert_non_null(strstr(err, "serial number"));
	}
	rig_config(&cfg);
	cfg.serial = "12345678901234567890123";
	r = rig_new(&cfg);
	assert_int_equal(rig_control(r, "stats"), 0);
	assert_non_null(strstr(rig_answer(), cfg.serial));
	rig_free(r);
}

static void refused(u64 bytes, u32 dies, u32 queues, const char *why)
{
	static const struct vcard_front none;
	struct vcard_config cfg = {
		.state_path = path, .user_bytes = bytes, .dies = dies, .queues = queues,
	};
	char err[256] = "";

	assert_null(vcard_create(&cfg, &none, NULL, err, sizeof(err)));
	if (!strstr(err, why))
		fail_msg("\"%s\" does not say \"%s\"", err, why);
}

static void wrong_state_files(void **state)
{
	FILE *f;

	refused(0, 0, 0, "does not exist");
	refused(1 << 20, 0, 0, "1 GiB to 1 TiB");
	refused(1ULL << 41, 0, 0, "1 GiB to 1 TiB");
	refused((1ULL << 30) + 512, 0, 0, "units of 4096");
	refused(1ULL << 30, 3, 0, "dies");
	refused(1ULL << 30, 65, 0, "dies");
	refused(1ULL << 30, 0, 9, "queues");
	assert_int_not_equal(access(path, F_OK), 0);
	rig_free(power_up(FIO_PLP_OK, NAND_TIMING_NONE));
	refused(2ULL << 30, 0, 0, "holds a card of 1073741824 bytes");
	refused(0, 8, 0, "holds a card of 4 dies");
	f = fopen(path, "w");
	fputs("this is a letter to my mother, and not a flash card at all", f);
	fclose(f);
	refused(0, 0, 0, path);
}

static void geometries(void **state)
{
	static const struct {
		u64 gib;
		u32 dies, pages;
	} want[] = {
		{ 1, 4, 256 }, { 2, 8, 256 }, { 8, 16, 256 }, { 64, 32, 256 }, { 200, 32, 256 },
		{ 256, 64, 512 }, { 1024, 64, 2048 },
	};
	struct vcard_config cfg;
	struct rig *r;
	u64 raw;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		rig_config(&cfg);
		cfg.user_bytes = want[i].gib << 30;
		cfg.state_path = path;
		r = rig_new(&cfg);
		rig_up(r);
		assert_int_equal(le32_to_cpu(r->geo.dies), want[i].dies);
		assert_int_equal(le32_to_cpu(r->geo.pages), want[i].pages);
		assert_true(le32_to_cpu(r->geo.dies) * le32_to_cpu(r->geo.aus) <= 1 << 18);
		raw = (u64)want[i].dies * le32_to_cpu(r->geo.aus) * want[i].pages * 4096;
		assert_true(raw >= cfg.user_bytes / 100 * 128);
		rig_free(r);
		unlink(path);
	}
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(completed_is_durable_with_plp), T(completed_is_volatile_without),
		T(failed_is_like_none), T(sync_makes_durable), T(fua_makes_durable),
		T(suspect_until_reset), T(orderly_end), T(shutdown_is_orderly),
		T(cut_leaves_prefixes),
		T(cut_with_plp_loses_nothing), T(cut_tears_what_is_outstanding),
		T(degrading_programs_first), T(destages_by_itself), T(destaging_fails),
		T(die_dies_with_buffered_data), T(resets_keep_the_buffer),
		T(resets_protect_the_buffer), T(erase_comes_after),
		T(wrong_state_files), T(bad_serials), T(geometries),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
