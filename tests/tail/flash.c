// SPDX-License-Identifier: GPL-2.0-only
/*
 * See flash.h. What a command does to pages happens when it is submitted (the
 * core never looks before its completion); when it is complete is decided by
 * operations, one per run of units on a die, and by events in a heap.
 */
#include <stdio.h>
#include <stdlib.h>

#include "flash.h"
#include "tests/wa/store.h"

#define CMDS		512
#define FOR_WORKER	64	/* that host I/O cannot take */

const struct flash_timing flash_mlc = {
	.read = 60000, .program = 900000, .erase = 3500000,
	.bus = (FIO_MEDIA_UNIT + FIO_MEDIA_TAG) * 2500ull / 1024, .link = 3000,
};

/* In the order in which a die takes them. */
enum queue { Q_READ, Q_HOST, Q_LOW_READ, Q_LOW, QUEUES };

enum op_kind { OP_READ, OP_PROGRAM, OP_ERASE };

struct flash_cmd {
	struct media_cmd cmd;
	u32 unit[FTL_MAX_UNITS];
	struct fio_tag tag[FTL_MAX_UNITS];
	struct media_au au[FTL_MAX_UNITS];
	struct flash_cmd *next;
	u32 left;		/* operations, or units not in the buffer */
};

/* An operation waiting for a die, or under way; programs are single units here. */
struct op {
	struct op *next;
	struct flash_cmd *cmd;	/* NULL: nobody waits for it */
	u32 unit, units;
	u8 kind;
	bool data;
};

struct fifo {
	struct op *head, **tail;
};

struct die {
	struct flash *f;
	struct fifo queue[QUEUES];
	struct fifo outside;	/* programs that found no room in the buffer */
	struct op *busy;	/* list */
	u32 buffered;
};

struct event {
	u64 time, order;
	void (*fn)(void *arg);
	void *arg;
};

struct flash {
	struct media media;
	struct ftl_env env;
	struct store store;
	struct flash_shape shape;
	struct flash_timing t;
	struct flash_cmd cmds[CMDS];
	struct flash_cmd *idle;
	u32 idle_count;
	struct die *die;
	struct op *spare;
	u8 *in_buffer;
	struct event *heap;
	u32 events, room;
	u64 now, order;
	bool kicked;
};

static struct flash *to_flash(struct media *m)
{
	return container_of(m, struct flash, media);
}

/* ---- time ---------------------------------------------------------------- */

static bool earlier(const struct event *a, const struct event *b)
{
	return a->time != b->time ? a->time < b->time : a->order < b->order;
}

void flash_call(struct flash *f, u64 delay, void (*fn)(void *arg), void *arg)
{
	struct event e = { f->now + delay, f->order++, fn, arg };
	u32 i = f->events++, up;

	if (f->events > f->room) {
		f->room = f->room ? f->room * 2 : 256;
		f->heap = realloc(f->heap, f->room * sizeof(*f->heap));
		if (!f->heap)
			abort();
	}
	for (; i; i = up) {
		up = (i - 1) / 2;
		if (!earlier(&e, &f->heap[up]))
			break;
		f->heap[i] = f->heap[up];
	}
	f->heap[i] = e;
}

static struct event pop(struct flash *f)
{
	struct event first = f->heap[0], last = f->heap[--f->events];
	u32 i = 0, down;

	for (; (down = 2 * i + 1) < f->events; i = down) {
		if (down + 1 < f->events && earlier(&f->heap[down + 1], &f->heap[down]))
			down++;
		if (!earlier(&f->heap[down], &last))
			break;
		f->heap[i] = f->heap[down];
	}
	f->heap[i] = last;
	return first;
}

bool flash_step(struct flash *f)
{
	struct event e;

	if (!f->events)
		return false;
	e = pop(f);
	f->now = e.time;
	e.fn(e.arg);
	return true;
}

u64 flash_now(const struct flash *f)
{
	return f->now;
}

bool flash_kicked(struct flash *f)
{
	bool kicked = f->kicked;

	f->kicked = false;
	return kicked;
}

/* ---- operations and dies ------------------------------------------------- */

static void push(struct fifo *q, struct op *op)
{
	op->next = NULL;
	*q->tail = op;
	q->tail = &op->next;
}

static struct op *take(struct fifo *q)
{
	struct op *op = q->head;

	q->head = op->next;
	if (!q->head)
		q->tail = &q->head;
	return op;
}

static struct op *new_op(struct flash *f, u8 kind, struct flash_cmd *cmd, u32 unit)
{
	struct op *op = f->spare;

	if (op)
		f->spare = op->next;
	else
		op = must_alloc(1, sizeof(*op));
	*op = (struct op){ .cmd = cmd, .unit = unit, .units = 1, .kind = kind };
	return op;
}

static void free_op(struct flash *f, struct op *op)
{
	op->next = f->spare;
	f->spare = op;
}

static struct die *die_of(struct flash *f, u32 unit)
{
	return &f->die[unit / f->shape.pages % f->shape.dies];
}

static void cmd_over(void *arg)
{
	struct flash_cmd *c = arg;

	c->cmd.done(&c->cmd);
}

static void part_over(struct flash *f, struct flash_cmd *c, u64 delay)
{
	if (!--c->left)
		flash_call(f, delay, cmd_over, c);
}

static void start(struct die *d);

/* Programs wait outside the buffer, in the order in which they came. */
static void absorb(struct die *d)
{
	struct flash *f = d->f;
	struct op *op;

	while (d->outside.head && d->buffered < f->shape.buffer) {
		op = take(&d->outside);
		d->buffered++;
		f->in_buffer[op->unit] = 1;
		part_over(f, op->cmd, f->t.link);
		push(&d->queue[op->cmd->cmd.flags & MEDIA_F_LOW ? Q_LOW : Q_HOST], op);
		op->cmd = NULL;
	}
}

static void die_over(void *arg)
{
	struct die *d = arg;
	struct flash *f = d->f;
	struct op *op;

	while ((op = d->busy)) {
		d->busy = op->next;
		if (op->kind == OP_PROGRAM) {
			d->buffered--;
			f->in_buffer[op->unit] = 0;
		} else {
			part_over(f, op->cmd, op->data ? f->t.link * op->units : f->t.link);
		}
		free_op(f, op);
	}
	absorb(d);
	start(d);
}

/* What follows in the same append unit goes to the other planes. */
static u32 gather(struct die *d, struct fifo *q)
{
	u32 n = 1, pages = d->f->shape.pages;
	struct op **end = &d->busy->next;

	while (n < d->f->shape.planes && q->head && q->head->kind == OP_PROGRAM &&
	       q->head->unit / pages == d->busy->unit / pages) {
		*end = take(q);
		end = &(*end)->next;
		*end = NULL;
		n++;
	}
	return n;
}

static void start(struct die *d)
{
	const struct flash_timing *t = &d->f->t;
	struct op *op;
	u32 q = 0;
	u64 ns;

	if (d->busy)
		return;
	while (q < QUEUES && !d->queue[q].head)
		q++;
	if (q == QUEUES)
		return;
	op = take(&d->queue[q]);
	op->next = NULL;
	d->busy = op;
	if (op->kind == OP_PROGRAM)
		ns = t->program + gather(d, &d->queue[q]) * t->bus;
	else if (op->kind == OP_READ)
		ns = t->read + (op->data ? op->units * t->bus : 0);
	else
		ns = t->erase;
	flash_call(d->f, ns, die_over, d);
}

/* ---- commands ------------------------------------------------------------ */

static void submit_append(struct flash *f, struct flash_cmd *c)
{
	struct media_cmd *cmd = &c->cmd;
	struct die *d;
	u32 i;

	c->left = cmd->n;
	for (i = 0; i < cmd->n; i++) {
		d = die_of(f, cmd->unit[i]);
		push(&d->outside, new_op(f, OP_PROGRAM, c, cmd->unit[i]));
	}
	for (i = 0; i < cmd->n; i++) {
		d = die_of(f, cmd->unit[i]);
		absorb(d);
		start(d);
	}
}

/* Does unit @i go on where the one before it ended, in the same operation? */
static bool continues(const struct flash *f, const struct media_cmd *cmd, u32 i,
		      const struct op *op)
{
	u32 next = op->unit + op->units;

	return cmd->unit[i] == next && op->units < f->shape.planes && next % f->shape.pages;
}

static void submit_read(struct flash *f, struct flash_cmd *c)
{
	struct media_cmd *cmd = &c->cmd;
	u32 i, q = cmd->flags & MEDIA_F_LOW ? Q_LOW_READ : Q_READ;
	struct op *op = NULL;

	c->left = 1;
	for (i = 0; i < cmd->n; i++) {
		u32 unit = cmd->unit[i];

		if (unit == FIO_UNIT_NONE || f->in_buffer[unit]) {
			op = NULL;
			continue;
		}
		if (op && continues(f, cmd, i, op)) {
			op->units++;
			continue;
		}
		op = new_op(f, OP_READ, c, unit);
		op->data = cmd->io || cmd->buf;
		c->left++;
		push(&die_of(f, unit)->queue[q], op);
	}
	for (i = 0; i < cmd->n; i++)
		if (cmd->unit[i] != FIO_UNIT_NONE)
			start(die_of(f, cmd->unit[i]));
	part_over(f, c, f->t.link);
}

static void submit_erase(struct flash *f, struct flash_cmd *c)
{
	u32 i, q = c->cmd.flags & MEDIA_F_LOW ? Q_LOW : Q_HOST;

	c->left = c->cmd.n;
	for (i = 0; i < c->cmd.n; i++) {
		struct die *d = die_of(f, c->cmd.unit[i]);

		push(&d->queue[q], new_op(f, OP_ERASE, c, c->cmd.unit[i]));
		start(d);
	}
}

static void flash_submit(struct media *m, struct media_cmd *cmd)
{
	struct flash *f = to_flash(m);
	struct flash_cmd *c = container_of(cmd, struct flash_cmd, cmd);

	store_do(&f->store, cmd);
	if (cmd->status || !cmd->n || cmd->op > MEDIA_RESET)
		flash_call(f, f->t.link, cmd_over, c);
	else if (cmd->op == MEDIA_APPEND)
		submit_append(f, c);
	else if (cmd->op == MEDIA_READ)
		submit_read(f, c);
	else
		submit_erase(f, c);
}

static struct media_cmd *flash_get(struct media *m, u32 queue, bool internal)
{
	struct flash *f = to_flash(m);
	struct flash_cmd *c = f->idle;

	if (!c || (!internal && f->idle_count <= FOR_WORKER))
		return NULL;
	f->idle = c->next;
	f->idle_count--;
	c->cmd.queue = queue;
	return &c->cmd;
}

static void flash_put(struct media *m, struct media_cmd *cmd)
{
	struct flash *f = to_flash(m);
	struct flash_cmd *c = container_of(cmd, struct flash_cmd, cmd);

	c->next = f->idle;
	f->idle = c;
	f->idle_count++;
}

static void flash_commit(struct media *m, u32 queue)
{
}

static const struct media_ops flash_ops = {
	.get = flash_get, .put = flash_put, .submit = flash_submit, .commit = flash_commit,
	.io_copy = plain_copy, .io_zero = plain_zero,
	.buf_alloc = plain_buf_alloc, .buf_free = plain_buf_free,
};

/* ---- environment --------------------------------------------------------- */

static void env_kick(void *ctx)
{
	struct flash *f = ctx;

	f->kicked = true;
}

static u64 env_now_ns(void *ctx)
{
	return flash_now(ctx);
}

static int env_wait(void *ctx, bool (*cond)(void *arg), void *arg)
{
	while (!cond(arg))
		if (!flash_step(ctx))
			return -ENODEV;
	return 0;
}

/* ---- making one ---------------------------------------------------------- */

static void init_dies(struct flash *f)
{
	u32 i, q;

	f->die = must_alloc(f->shape.dies, sizeof(*f->die));
	for (i = 0; i < f->shape.dies; i++) {
		struct die *d = &f->die[i];

		d->f = f;
		for (q = 0; q < QUEUES; q++)
			d->queue[q].tail = &d->queue[q].head;
		d->outside.tail = &d->outside.head;
	}
}

static void init_cmds(struct flash *f)
{
	u32 i;

	for (i = 0; i < CMDS; i++) {
		struct flash_cmd *c = &f->cmds[i];

		c->cmd.unit = c->unit;
		c->cmd.tag = c->tag;
		c->cmd.au = c->au;
		flash_put(&f->media, &c->cmd);
	}
}

struct flash *flash_create(const struct flash_shape *s, const struct flash_timing *t)
{
	struct flash *f = must_alloc(1, sizeof(*f));

	f->shape = *s;
	f->t = *t;
	f->media.ops = &flash_ops;
	f->media.durable = 1;
	f->media.geo = (struct media_geometry){
		.dies = s->dies, .aus = s->aus, .pages = s->pages, .write_units = s->planes,
		.max_units = FTL_MAX_UNITS, .max_open = ~0U, .queues = 2,
		.xor_groups = s->xor_groups,
	};
	f->env = (struct ftl_env){
		.ctx = f, .alloc = plain_alloc, .free = plain_free, .log = plain_log,
		.kick = env_kick, .now_ns = env_now_ns, .now_sec = plain_now_sec,
		.wait = env_wait, .wake = plain_wake, .progress = plain_progress,
	};
	store_init(&f->store, &f->media.geo);
	f->in_buffer = must_alloc(f->store.total, 1);
	init_dies(f);
	init_cmds(f);
	return f;
}

static void free_ops(struct op *op)
{
	struct op *next;

	for (; op; op = next) {
		next = op->next;
		free(op);
	}
}

/* Operations may be under way: nobody waits for them any more. */
void flash_destroy(struct flash *f)
{
	u32 i, q;

	for (i = 0; i < f->shape.dies; i++) {
		for (q = 0; q < QUEUES; q++)
			free_ops(f->die[i].queue[q].head);
		free_ops(f->die[i].outside.head);
		free_ops(f->die[i].busy);
	}
	free_ops(f->spare);
	store_free(&f->store);
	free(f->in_buffer);
	free(f->die);
	free(f->heap);
	free(f);
}

struct media *flash_media(struct flash *f)
{
	return &f->media;
}

struct ftl_env *flash_env(struct flash *f)
{
	return &f->env;
}
