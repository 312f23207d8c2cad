// SPDX-License-Identifier: GPL-2.0-only
/*
 * One powered card with the FTL core on it; see rig.h.
 *
 * Requests that belong to one step may be under way together; a step ends when
 * all of its requests have completed. Background work is left for the next step
 * to meet, unless rig_settle() is called.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "rig.h"

#define CHURN_COARSE 7
#define DIE 1	/* the one that stops answering: it holds a superblock */

struct span {
	u32 lba, count;
};

struct rig_request {
	struct sim_io sio;
	struct rig *rig;
	struct oracle_op op;
	bool durable, done;
	int err;
	u8 data[];
};

static const struct {
	const char *name, *text;
} steps[] = {
	[STEP_WRITE_A] = { "wa", "write a" },
	[STEP_WRITE_B] = { "wb", "write b" },
	[STEP_WRITE_AB] = { "wr", "write a to b" },
	[STEP_TRIM_A] = { "ta", "trim a" },
	[STEP_TRIM_AB] = { "tr", "trim a to b" },
	[STEP_ZERO_AB] = { "za", "write zeroes a to b" },
	[STEP_FLUSH] = { "fl", "flush" },
	[STEP_FUA_A] = { "fa", "write a, force unit access" },
	[STEP_GC] = { "gc", "collect one victim" },
	[STEP_CHECKPOINT] = { "cp", "checkpoint" },
	[STEP_PROGRAM_FAIL] = { "pf", "the next program fails" },
	[STEP_ERASE_FAIL] = { "ef", "the next erase fails" },
	[STEP_REATTACH] = { "dt", "detach in order, attach again" },
	[STEP_PLP] = { "pl", "power-loss protection fails, or is back" },
	[STEP_WRITE_TWICE] = { "ww", "two writes of a at once" },
	[STEP_WRITE_TRIM] = { "wt", "write a and trim a at once" },
	[STEP_WRITE_GC] = { "wg", "write a to b while collecting" },
	[STEP_TRIM_GC] = { "tg", "trim a to b while collecting" },
	[STEP_WRITE_CP] = { "wc", "write a while a checkpoint is taken" },
	[STEP_ZERO_BESIDE] = { "zb", "write beside a while zeroing a to b" },
	[STEP_CHURN] = { "ch", "trim and overwrite all but a to b, again and again" },
	[STEP_TRIM_INTO] = { "tw", "write a while a to b is being trimmed" },
	[STEP_READ_INTO] = { "rd", "read a to b while it is being written" },
	[STEP_ATOMIC] = { "at", "write from a on atomically" },
	[STEP_ATOMIC_GC] = { "ag", "write from a on atomically while collecting" },
	[STEP_ATOMIC_OVER] = { "ao", "the same, then all but the last, others again and again" },
	[STEP_DIE] = { "di", "a die stops answering, or is back" },
};

const char *rig_step_name(enum rig_step step)
{
	return steps[step].name;
}

const char *rig_step_text(enum rig_step step)
{
	return steps[step].text;
}

bool rig_fail(struct rig *r, const char *fmt, ...)
{
	va_list ap;

	if (r->why[0])
		return false;
	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	if (r->verbose)
		fprintf(stderr, "  WRONG: %s\n", r->why);
	return false;
}

static void maybe_cut(void *ctx)
{
	struct rig *r = ctx;

	if (r->coarse && ++r->skipped % r->coarse)
		return;
	if (r->cut_point && !r->why[0])
		r->cut_point(r, r->ctx);
}

void rig_on(struct rig *r, const struct setup *setup, const struct sim_image *img,
	    struct oracle *o, bool verbose)
{
	memset(r, 0, sizeof(*r));
	r->setup = setup;
	r->o = o;
	r->verbose = verbose;
	r->sim = img ? sim_power_on(&setup->sim, img) : sim_create(&setup->sim);
	sim_trace(r->sim, verbose);
	sim_env_init(&r->env, r->sim);
	r->env.verbose = verbose;
	sim_set_hook(r->sim, maybe_cut, r);
	r->data = malloc((size_t)rig_blocks(setup) * setup->lba_bytes);
	if (!r->data)
		abort();
}

void rig_off(struct rig *r)
{
	if (r->f)
		ftl_destroy(r->f);
	r->f = NULL;
	if (r->env.allocs)
		rig_fail(r, "the core leaks %llu bytes in %llu blocks",
			 (unsigned long long)r->env.bytes, (unsigned long long)r->env.allocs);
	sim_destroy(r->sim);
	free(r->data);
}

static bool medium_ok(struct rig *r)
{
	if (sim_violation(r->sim))
		return rig_fail(r, "contract broken: %s", sim_violation(r->sim));
	if (r->env.hung)
		return rig_fail(r, "the core waits for something that cannot happen");
	return !r->why[0];
}

bool rig_format(struct rig *r, u64 seq_base)
{
	struct ftl_format_params p = {
		.lba_bytes = r->setup->lba_bytes,
		.user_units = r->setup->units,
		.default_units = r->setup->units,
		.uuid = "crash runner",
		.seq_base = seq_base,
		.parity = r->setup->parity ? FTL_PARITY_ON : FTL_PARITY_OFF,
	};
	int err = ftl_format(sim_media(r->sim), &r->env.env, &p);

	if (err)
		return rig_fail(r, "format: error %d", err);
	return medium_ok(r);
}

bool rig_attach(struct rig *r)
{
	bool armed = sim_faults_armed(r->sim);
	struct ftl_info info;
	int err = ftl_attach(sim_media(r->sim), &r->env.env, 0, &r->f);

	/* Both faults at once can hit both copies of the superblock; they are over now. */
	if (err == -EIO && armed)
		err = ftl_attach(sim_media(r->sim), &r->env.env, 0, &r->f);
	/* It may want the die back, rather than show old data as new. */
	if (err == -EIO && nand_die_is_offline(sim_nand(r->sim), DIE)) {
		sim_set_die_offline(r->sim, DIE, false);
		err = ftl_attach(sim_media(r->sim), &r->env.env, 0, &r->f);
	}
	if (!medium_ok(r))
		return false;
	if (err) {
		r->f = NULL;
		return rig_fail(r, "attach: error %d", err);
	}
	if (r->setup->roll)
		ftl_set_roll(r->f, r->setup->roll);
	ftl_get_info(r->f, &info);
	r->max_blocks = info.max_blocks;
	r->atomic_blocks = info.atomic_blocks;
	if (info.blocks != rig_blocks(r->setup))
		return rig_fail(r, "attach: %llu blocks, formatted were %u",
				(unsigned long long)info.blocks, rig_blocks(r->setup));
	return true;
}

bool rig_detach(struct rig *r)
{
	struct oracle_flush flush;
	int err;

	oracle_flush_issue(r->o, &flush);
	err = ftl_detach(r->f);
	r->f = NULL;
	if (!medium_ok(r))
		return false;
	if (err)
		return rig_fail(r, "detach: error %d", err);
	oracle_flush_ack(r->o, &flush);
	if (sim_cmds_busy(r->sim))
		return rig_fail(r, "detach: %u commands are not put back",
				sim_cmds_busy(r->sim));
	return true;
}

/* ---- requests ---------------------------------------------------------------- */

static void request_done(struct ftl_io *io, int err)
{
	struct rig_request *q = container_of(io, struct rig_request, sio.io);

	if (q->done) {
		rig_fail(q->rig, "a request completed twice");
		return;
	}
	q->done = true;
	q->err = err;
	if (!err && io->op != FTL_READ && io->op != FTL_FLUSH)
		oracle_ack(q->rig->o, &q->op, q->durable);
}

static struct rig_request *request_new(struct rig *r, enum ftl_op op, u8 flags, u32 lba,
				       u32 count)
{
	size_t bytes = op == FTL_WRITE ? (size_t)count * r->setup->lba_bytes : 0;
	struct rig_request *q = malloc(sizeof(*q) + bytes);

	if (!q)
		abort();
	memset(q, 0, sizeof(*q));
	q->rig = r;
	q->sio.data = q->data;
	q->durable = ftl_load(&sim_media(r->sim)->durable) || flags & FTL_IO_FUA;
	q->sio.io = (struct ftl_io){
		.op = op, .flags = flags, .lba = lba, .count = count,
		.done = request_done,
	};
	return q;
}

/* A discard need not reach the blocks of units that it covers in part. */
static void excuse_partial(struct rig *r, const struct oracle_op *op)
{
	u32 per = FIO_MEDIA_UNIT / r->setup->lba_bytes;
	u32 end = op->lba + op->count;
	u32 first = DIV_ROUND_UP(op->lba, per) * per, last = end / per * per;
	u32 lba;

	for (lba = op->lba; lba < end; lba++)
		if (lba < first || lba >= last)
			oracle_may_ignore(r->o, op, lba);
}

static struct rig_request *submit_change(struct rig *r, enum ftl_op op, u8 flags,
					 struct span s, u32 queue)
{
	struct rig_request *q = request_new(r, op, flags, s.lba, s.count);

	q->sio.io.queue = queue;
	oracle_issue(r->o, &q->op, s.lba, s.count, op == FTL_WRITE ? q->data : NULL);
	if (op == FTL_TRIM)
		excuse_partial(r, &q->op);
	if (flags & FTL_IO_ATOMIC)
		oracle_atomic(r->o, &q->op);
	ftl_submit(r->f, &q->sio.io);
	return q;
}

static bool advance(struct rig *r)
{
	return sim_advance(&r->env, r->f) && medium_ok(r);
}

static const char *op_text(u8 op)
{
	static const char *const name[] = {
		"read", "write", "flush", "trim", "write zeroes"
	};

	return name[op];
}

/* Waits and frees; a request that never ends stays with the core. */
static bool finish(struct rig *r, struct rig_request *q)
{
	u8 op = q->sio.io.op;
	int err;

	while (!q->done && advance(r))
		;
	if (!medium_ok(r))
		return false;
	if (!q->done)
		return rig_fail(r, "%s of %llu never completes", op_text(op),
				(unsigned long long)q->sio.io.lba);
	err = q->err;
	if (err)
		rig_fail(r, "%s of block %llu, %u blocks: error %d", op_text(op),
			 (unsigned long long)q->sio.io.lba, q->sio.io.count, err);
	free(q);
	return !err;
}

struct rig_request *rig_submit(struct rig *r, enum ftl_op op, u8 flags, u32 lba, u32 count,
			       u32 queue)
{
	return submit_change(r, op, flags, (struct span){ lba, count }, queue);
}

bool rig_finish(struct rig *r, struct rig_request *q)
{
	return finish(r, q);
}

static bool change(struct rig *r, enum ftl_op op, u8 flags, u32 lba, u32 count)
{
	u32 most = op == FTL_WRITE ? r->max_blocks : count;
	u32 n;

	for (; count; lba += n, count -= n) {
		n = min(count, most);
		if (!finish(r, submit_change(r, op, flags, (struct span){ lba, n }, 0)))
			return false;
		maybe_cut(r);
	}
	return true;
}

bool rig_write(struct rig *r, u32 lba, u32 count, u8 flags)
{
	return change(r, FTL_WRITE, flags, lba, count);
}

bool rig_trim(struct rig *r, u32 lba, u32 count)
{
	return change(r, FTL_TRIM, 0, lba, count);
}

bool rig_flush(struct rig *r)
{
	struct oracle_flush flush;
	struct rig_request *q = request_new(r, FTL_FLUSH, 0, 0, 0);

	oracle_flush_issue(r->o, &flush);
	ftl_submit(r->f, &q->sio.io);
	if (!finish(r, q))
		return false;
	oracle_flush_ack(r->o, &flush);
	maybe_cut(r);
	return true;
}

static bool read_blocks(struct rig *r, u32 lba, u32 count, bool cut)
{
	struct rig_request *q = request_new(r, FTL_READ, 0, lba, count);
	const char *wrong = NULL;
	u32 i;

	memset(r->data, 0xee, (size_t)count * r->setup->lba_bytes);
	q->sio.data = r->data;
	ftl_submit(r->f, &q->sio.io);
	if (!finish(r, q))
		return false;
	for (i = 0; i < count && !wrong; i++)
		wrong = oracle_read(r->o, lba + i, r->data + (size_t)i * r->setup->lba_bytes, cut);
	return wrong ? rig_fail(r, "%s", wrong) : true;
}

bool rig_read_all(struct rig *r, bool cut)
{
	u32 blocks = rig_blocks(r->setup);
	u32 per = min(r->max_blocks, FIO_MEDIA_UNIT / r->setup->lba_bytes);
	const char *wrong;
	u32 lba;

	for (lba = 0; lba < blocks; lba += per)
		if (!read_blocks(r, lba, min(per, blocks - lba), cut))
			return false;
	wrong = cut ? oracle_untorn(r->o) : NULL;
	return wrong ? rig_fail(r, "%s", wrong) : true;
}

bool rig_settle(struct rig *r)
{
	while (advance(r))
		;
	if (!medium_ok(r))
		return false;
	if (r->env.idle_runs >= SIM_MAX_IDLE_RUNS)
		return rig_fail(r, "background work asks for itself for ever");
	maybe_cut(r);
	return true;
}

bool rig_check(struct rig *r)
{
	int err;

	if (!rig_settle(r))
		return false;
	err = ftl_check(r->f, true);
	if (!medium_ok(r))
		return false;
	if (err)
		return rig_fail(r, "invariants: error %d: %s", err,
				r->env.lines ? r->env.log[(r->env.lines - 1) % SIM_LOG_LINES] : "");
	return true;
}

/* ---- steps -------------------------------------------------------------------- */

/* With 512-byte blocks a is within a unit and b across two. */
static struct span span_a(const struct rig *r)
{
	return r->setup->lba_bytes == 512 ? (struct span){ 11, 2 } : (struct span){ 1, 1 };
}

static struct span span_b(const struct rig *r)
{
	return r->setup->lba_bytes == 512 ? (struct span){ 46, 4 } : (struct span){ 5, 1 };
}

static struct span span_ab(const struct rig *r)
{
	struct span a = span_a(r), b = span_b(r);

	return (struct span){ a.lba, b.lba + b.count - a.lba };
}

/* Whole units from that of a on, as many as one atomic write can have. */
static struct span span_atomic(const struct rig *r)
{
	u32 per = FIO_MEDIA_UNIT / r->setup->lba_bytes;

	return (struct span){ per, r->atomic_blocks };
}

static bool change_span(struct rig *r, enum ftl_op op, u8 flags, struct span s)
{
	return change(r, op, flags, s.lba, s.count);
}

/* Who won is decided by a read, and must stay so. */
static bool two_at_once(struct rig *r, enum ftl_op op1, enum ftl_op op2)
{
	struct span a = span_a(r);
	struct rig_request *q1 = submit_change(r, op1, 0, a, 0);
	struct rig_request *q2 = submit_change(r, op2, 0, a, r->setup->sim.queues - 1);
	bool ok = finish(r, q1);

	ok = finish(r, q2) && ok;
	if (!ok || !read_blocks(r, a.lba, a.count, false))
		return false;
	maybe_cut(r);
	return true;
}

static bool quiet_call(struct rig *r, int (*call)(struct ftl *f), const char *name)
{
	int err = call(r->f);

	if (!medium_ok(r))
		return false;
	/* Nothing worth collecting is no failure. */
	if (err && err != -ENOENT && err != -EAGAIN)
		return rig_fail(r, "%s: error %d", name, err);
	maybe_cut(r);
	return true;
}

/* A change that is submitted while the core waits for something else. */
struct intruder {
	struct rig *rig;
	struct rig_request *q;
	enum ftl_op op;
	u8 flags;
	struct span span;
	u32 countdown;
};

static void intrude(struct intruder *in)
{
	in->q = submit_change(in->rig, in->op, in->flags, in->span, in->rig->setup->sim.queues - 1);
}

static void on_wait(void *ctx)
{
	struct intruder *in = ctx;

	if (!in->q && !in->countdown--)
		intrude(in);
}

static void expect_intruder(struct rig *r, struct intruder *in, enum ftl_op op, u8 flags,
			    struct span s, u32 countdown)
{
	*in = (struct intruder){
		.rig = r, .op = op, .flags = flags, .span = s, .countdown = countdown,
	};
	r->env.wait_ctx = in;
	r->env.on_wait = on_wait;
}

static bool finish_intruder(struct rig *r, struct intruder *in)
{
	r->env.on_wait = NULL;
	if (!in->q)
		intrude(in);
	return finish(r, in->q);
}

/* Early, in the middle, late. */
static const u32 moments[] = { 0, 3, 8 };

static bool change_during(struct rig *r, enum ftl_op op, u8 flags, struct span s,
			  int (*call)(struct ftl *f), const char *name)
{
	struct intruder in;
	u32 i;

	if (op == FTL_WRITE)
		s.count = min(s.count, r->max_blocks);
	for (i = 0; i < ARRAY_SIZE(moments); i++) {
		bool ok;

		expect_intruder(r, &in, op, flags, s, moments[i]);
		ok = quiet_call(r, call, name);
		if (!finish_intruder(r, &in) || !ok)
			return false;
		maybe_cut(r);
	}
	return true;
}

/* A long change, and a write in the middle of it; a read shows what they came to. */
static bool write_into(struct rig *r, enum ftl_op op, struct span write)
{
	struct intruder in;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(moments); i++) {
		struct rig_request *q = submit_change(r, op, 0, span_ab(r), 0);
		bool ok;

		expect_intruder(r, &in, FTL_WRITE, 0, write, moments[i]);
		ok = finish(r, q);
		if (!finish_intruder(r, &in) || !ok || !rig_read_all(r, false))
			return false;
		maybe_cut(r);
	}
	return true;
}

/* With 512-byte blocks both touch the same unit, and neither may undo the other. */
static struct span span_beside(const struct rig *r)
{
	return (struct span){ span_a(r).lba - 1, 1 };
}

/* Before or after, but nothing else and no error. */
static bool read_into(struct rig *r)
{
	struct span s = span_ab(r);
	struct rig_request *write, *read;
	struct oracle then;
	const char *wrong = NULL;
	bool ok;
	u32 i;

	s.count = min(s.count, r->max_blocks);
	write = submit_change(r, FTL_WRITE, 0, s, 0);
	then = *r->o;
	read = request_new(r, FTL_READ, 0, s.lba, s.count);
	read->sio.io.queue = r->setup->sim.queues - 1;
	read->sio.data = r->data;
	ftl_submit(r->f, &read->sio.io);
	ok = finish(r, read);
	for (i = 0; ok && i < s.count && !wrong; i++)
		wrong = oracle_read(&then, s.lba + i,
				    r->data + (size_t)i * r->setup->lba_bytes, false);
	if (wrong)
		rig_fail(r, "%s", wrong);
	return finish(r, write) && ok && !wrong;
}

/*
 * What was trimmed before must stay so when its record has been collected. The
 * step is long, and what happens in it happens in the others too.
 */
static bool churn(struct rig *r)
{
	u32 per = FIO_MEDIA_UNIT / r->setup->lba_bytes;
	u32 i, unit;

	r->coarse = CHURN_COARSE;
	for (i = 0; i < 3; i++)
		if (!rig_trim(r, 7 * per, per))
			return false;
	for (i = 0; i < 4; i++)
		for (unit = 8; unit < r->setup->units; unit++)
			if (!rig_write(r, unit * per, per, 0))
				return false;
	r->coarse = 0;
	return rig_settle(r);
}

/*
 * All but the last page of an atomic write are overwritten, and its stripe collected and
 * erased: the last page must still count.
 */
static bool atomic_over(struct rig *r)
{
	u32 per = FIO_MEDIA_UNIT / r->setup->lba_bytes;
	struct span s = span_atomic(r), but_last = { s.lba, s.count - per };
	u32 i, unit;

	if (!change_span(r, FTL_WRITE, FTL_IO_ATOMIC, s) ||
	    !change_span(r, FTL_WRITE, 0, but_last))
		return false;
	r->coarse = CHURN_COARSE;
	for (i = 0; i < 4; i++)
		for (unit = 6; unit < r->setup->units; unit++)
			if (!rig_write(r, unit * per, per, 0))
				return false;
	r->coarse = 0;
	return rig_settle(r);
}

static bool reattach(struct rig *r)
{
	return rig_settle(r) && rig_detach(r) && rig_attach(r);
}

/* And everybody finds out before anything else happens. */
static bool toggle_die(struct rig *r)
{
	struct nand *nand = sim_nand(r->sim);

	if (!ftl_load(&sim_media(r->sim)->durable))
		return true;
	sim_set_die_offline(r->sim, DIE, !nand_die_is_offline(nand, DIE));
	maybe_cut(r);
	return rig_read_all(r, false) && rig_settle(r);
}

static bool do_step(struct rig *r, enum rig_step step)
{
	switch (step) {
	case STEP_WRITE_A:
		return change_span(r, FTL_WRITE, 0, span_a(r));
	case STEP_WRITE_B:
		return change_span(r, FTL_WRITE, 0, span_b(r));
	case STEP_WRITE_AB:
		return change_span(r, FTL_WRITE, 0, span_ab(r));
	case STEP_TRIM_A:
		return change_span(r, FTL_TRIM, 0, span_a(r));
	case STEP_TRIM_AB:
		return change_span(r, FTL_TRIM, 0, span_ab(r));
	case STEP_ZERO_AB:
		return change_span(r, FTL_ZEROES, 0, span_ab(r));
	case STEP_FLUSH:
		return rig_flush(r);
	case STEP_FUA_A:
		return change_span(r, FTL_WRITE, FTL_IO_FUA, span_a(r));
	case STEP_GC:
		return quiet_call(r, ftl_force_gc, "collection");
	case STEP_CHECKPOINT:
		return quiet_call(r, ftl_force_checkpoint, "checkpoint");
	case STEP_PROGRAM_FAIL:
		sim_fail_programs(r->sim, 1);
		return true;
	case STEP_ERASE_FAIL:
		sim_fail_erases(r->sim, 1);
		return true;
	case STEP_REATTACH:
		return reattach(r);
	case STEP_DIE:
		return toggle_die(r);
	case STEP_PLP:
		/* two faults at once: what a dead die had not on flash is lost */
		if (nand_die_is_offline(sim_nand(r->sim), DIE))
			return true;
		sim_set_durable(r->sim, !ftl_load(&sim_media(r->sim)->durable));
		return true;
	case STEP_WRITE_TWICE:
		return two_at_once(r, FTL_WRITE, FTL_WRITE);
	case STEP_WRITE_TRIM:
		return two_at_once(r, FTL_WRITE, FTL_TRIM);
	case STEP_WRITE_GC:
		return change_during(r, FTL_WRITE, 0, span_ab(r), ftl_force_gc, "collection");
	case STEP_TRIM_GC:
		return change_during(r, FTL_TRIM, 0, span_ab(r), ftl_force_gc, "collection");
	case STEP_WRITE_CP:
		return change_during(r, FTL_WRITE, 0, span_a(r), ftl_force_checkpoint,
				     "checkpoint");
	case STEP_ZERO_BESIDE:
		return write_into(r, FTL_ZEROES, span_beside(r));
	case STEP_CHURN:
		return churn(r);
	case STEP_TRIM_INTO:
		return write_into(r, FTL_TRIM, span_a(r));
	case STEP_READ_INTO:
		return read_into(r);
	case STEP_ATOMIC:
		return change_span(r, FTL_WRITE, FTL_IO_ATOMIC, span_atomic(r));
	case STEP_ATOMIC_GC:
		return change_during(r, FTL_WRITE, FTL_IO_ATOMIC, span_atomic(r), ftl_force_gc,
				     "collection");
	case STEP_ATOMIC_OVER:
		return atomic_over(r);
	default:
		return rig_fail(r, "no such step");
	}
}

bool rig_do(struct rig *r, enum rig_step step)
{
	if (r->verbose)
		fprintf(stderr, "  step %s: %s\n", rig_step_name(step), rig_step_text(step));
	return do_step(r, step) && medium_ok(r);
}
