// SPDX-License-Identifier: GPL-2.0-only
/*
 * See thread_media.h.
 *
 * Owns: also the linked services of the core (locks, CRC32C, line formatting).
 *
 * Pages are written by the thread that completes an append and read by others.
 * What orders the two is the core: its publication of the address. So no lock
 * here does, and a missing barrier there is a race that ThreadSanitizer sees.
 */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "thread_media.h"

#define FAIL_ODDS	2000	/* one unit in so many fails to program */
#define ABORT_ODDS	500	/* one read in so many is aborted */
#define PENDING		256

struct thread_cmd {
	struct media_cmd cmd;
	struct thread_cmd *next;
	u32 home;
	u32 unit[FTL_MAX_UNITS], asked[FTL_MAX_UNITS];
	struct fio_tag tag[FTL_MAX_UNITS];
	struct media_au au[FTL_MAX_UNITS];
};

/* The last queue is the worker's: it has commands of its own. */
struct thread_queue {
	struct thread_media *t;
	pthread_t id;
	pthread_mutex_t lock;
	pthread_cond_t come;
	struct thread_cmd *cmds, *idle;
	struct thread_cmd *held[PENDING], *ready[PENDING];
	u32 nheld, nready;
	u64 seed;
	bool stop, working, idler;
	pthread_cond_t rest;
} __aligned(64);

/* @busy: commands submitted and not complete, by kind */
struct thread_au {
	u32 wp, state;
	u32 appends, reads;
};

struct thread_page {
	u8 data[FIO_MEDIA_UNIT] __aligned(8);
	struct fio_tag tag;
	u32 written;
};

struct thread_media {
	struct media media;
	struct ftl_env env;
	struct thread_shape shape;
	struct thread_queue *queue;
	struct thread_au *au;
	struct thread_page *page;
	u32 fails;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	u32 wakes;
	bool kicked, stop;
};

void thread_die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "fio-stress: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	abort();
}

u64 thread_random(u64 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void *must_alloc(size_t n, size_t size)
{
	void *p = aligned_alloc(64, (n * size + 63) & ~(size_t)63);

	if (!p)
		thread_die("out of memory");
	return memset(p, 0, n * size);
}

static struct thread_media *to_thread(struct media *m)
{
	return container_of(m, struct thread_media, media);
}

/* ---- services ----------------------------------------------------------------- */

void ftl_lock_init(struct ftl_lock *l)
{
	l->opaque[0] = 0;
}

unsigned long ftl_lock(struct ftl_lock *l)
{
	while (__atomic_exchange_n(&l->opaque[0], 1UL, __ATOMIC_ACQUIRE))
		sched_yield();
	return 0x10c;
}

void ftl_unlock(struct ftl_lock *l, unsigned long flags)
{
	if (flags != 0x10c)
		thread_die("a lock is released with foreign flags");
	__atomic_store_n(&l->opaque[0], 0UL, __ATOMIC_RELEASE);
}

static u32 crc_table[8][256];

__attribute__((constructor)) static void crc_init(void)
{
	u32 i, j, c;

	for (i = 0; i < 256; i++) {
		for (c = i, j = 0; j < 8; j++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
		crc_table[0][i] = c;
	}
	for (j = 1; j < 8; j++)
		for (i = 0; i < 256; i++)
			crc_table[j][i] = crc_table[j - 1][i] >> 8 ^
					  crc_table[0][crc_table[j - 1][i] & 0xff];
}

/* Eight bytes at a time by tables: checked often, and under a sanitizer. */
u32 ftl_crc32c(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;
	u32 i, c;
	u64 w;

	for (crc = ~crc; len >= 8; len -= 8, p += 8) {
		memcpy(&w, p, 8);
		w = le64toh(w) ^ crc;
		for (i = 0, c = 0; i < 8; i++)
			c ^= crc_table[7 - i][w >> 8 * i & 0xff];
		crc = c;
	}
	for (; len; len--)
		crc = crc >> 8 ^ crc_table[0][(crc ^ *p++) & 0xff];
	return ~crc;
}

int ftl_format_line(char *buf, size_t len, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, len, fmt, ap);
	va_end(ap);
	return n;
}

/* ---- environment ---------------------------------------------------------------- */

static void *env_alloc(void *ctx, size_t bytes)
{
	return must_alloc(1, bytes);
}

static void env_free(void *ctx, void *p, size_t bytes)
{
	free(p);
}

static void env_log(void *ctx, enum ftl_log_level level, const char *line)
{
	if (level == FTL_ERR)
		thread_die("the core says: %s", line);
}

static void wake_worker(struct thread_media *t, bool kick)
{
	pthread_mutex_lock(&t->lock);
	t->kicked |= kick;
	t->wakes++;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
}

static void env_kick(void *ctx)
{
	wake_worker(ctx, true);
}

static void env_wake(void *ctx)
{
	wake_worker(ctx, false);
}

static u64 env_now_ns(void *ctx)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static u64 env_now_sec(void *ctx)
{
	return time(NULL);
}

static int env_wait(void *ctx, bool (*cond)(void *arg), void *arg)
{
	struct thread_media *t = ctx;
	u32 seen;

	for (;;) {
		pthread_mutex_lock(&t->lock);
		seen = t->wakes;
		pthread_mutex_unlock(&t->lock);
		if (cond(arg))
			return 0;
		pthread_mutex_lock(&t->lock);
		while (t->wakes == seen)
			pthread_cond_wait(&t->wake, &t->lock);
		pthread_mutex_unlock(&t->lock);
	}
}

static void env_progress(void *ctx, u32 percent)
{
}

void thread_work(struct thread_media *t, struct ftl *f)
{
	bool stop = false;

	while (!stop) {
		pthread_mutex_lock(&t->lock);
		while (!t->kicked && !t->stop)
			pthread_cond_wait(&t->wake, &t->lock);
		t->kicked = false;
		stop = t->stop;
		pthread_mutex_unlock(&t->lock);
		ftl_run(f);
	}
	t->stop = false;
}

void thread_work_stop(struct thread_media *t)
{
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
}

/* ---- what commands do --------------------------------------------------------------- */

static bool odds(struct thread_queue *q, u32 n)
{
	return !(thread_random(&q->seed) % n);
}

static void fail(struct media_cmd *cmd, u32 i, u8 status)
{
	cmd->failed |= BIT_ULL(i);
	cmd->status = max(cmd->status, status);
}

static bool may_fail(struct thread_media *t, const struct media_cmd *cmd, struct thread_queue *q)
{
	/* Not the superblock: it has its own tests. */
	return cmd->tag[0].type != FIO_TAG_SUPER && odds(q, FAIL_ODDS) &&
	       ftl_add(&t->fails, 1) <= t->shape.fails;
}

static void mix(void *to, const void *from, u32 bytes)
{
	u32 i;

	for (i = 0; i < bytes / sizeof(u64); i++)
		((u64 *)to)[i] ^= ((const u64 *)from)[i];
}

/*
 * The sum of a row, made when it is stored, of pages that other threads have written: a
 * core that does not wait for them is a race.
 */
static void sum_row(struct thread_media *t, struct thread_page *to, const struct fio_tag *tag,
		    u32 unit)
{
	struct fio_parity_tag *par = (struct fio_parity_tag *)&to->tag;
	u32 stripe = t->shape.dies * t->shape.pages, page, n = 0;
	struct fio_tag sum = { 0 };

	memset(to->data, 0, FIO_MEDIA_UNIT);
	for (page = unit / stripe * stripe + unit % t->shape.pages; page / stripe == unit / stripe;
	     page += t->shape.pages) {
		struct thread_page *p = &t->page[page];

		/* One that could not be erased has pages of an earlier life. */
		if (page == unit || !ftl_load(&p->written) ||
		    p->tag.stripe_seq != tag->stripe_seq)
			continue;
		mix(to->data, p->data, FIO_MEDIA_UNIT);
		mix(&sum, &p->tag, FIO_MEDIA_TAG);
		n++;
	}
	to->tag = *tag;
	par->lba = sum.lba;
	par->seq = sum.seq;
	par->flags = sum.flags;
	par->group = sum.group;
	par->group_index = sum.group_index;
	par->group_len = sum.group_len;
	par->interval = sum.interval;
	par->clock = sum.clock;
	par->unit_crc = sum.crc;
	par->unit_type = sum.type;
	par->unit_stream = sum.stream;
	par->count = cpu_to_le16((u16)n);
}

static void store(struct thread_media *t, struct media_cmd *cmd, u32 i, u32 unit)
{
	struct thread_page *p = &t->page[unit];
	u32 crc;

	p->tag = cmd->tag[i];
	if (cmd->flags & MEDIA_F_PARITY)
		sum_row(t, p, &cmd->tag[i], unit);
	else if (cmd->io)
		memcpy(p->data, thread_io_data(cmd->io) + cmd->io_off + i * FIO_MEDIA_UNIT,
		       FIO_MEDIA_UNIT);
	else
		memcpy(p->data, (u8 *)cmd->buf->va + cmd->buf_off + i * FIO_MEDIA_UNIT,
		       FIO_MEDIA_UNIT);
	crc = ftl_crc32c(0, p->data, FIO_MEDIA_UNIT);
	p->tag.crc = cpu_to_le32(ftl_crc32c(crc, &p->tag, offsetof(struct fio_tag, crc)));
	/* A core that names a page too early finds no content, not a race here. */
	ftl_store(&p->written, 1);
	cmd->unit[i] = unit;
}

static void do_append(struct thread_media *t, struct thread_queue *q, struct media_cmd *cmd)
{
	u32 pages = t->shape.pages, i, au, wp;

	for (i = 0; i < cmd->n; i++) {
		au = cmd->unit[i] / pages;
		if (ftl_load(&t->au[au].state) == MEDIA_AU_BAD) {
			fail(cmd, i, MEDIA_AU_STATE);
			continue;
		}
		wp = ftl_add(&t->au[au].wp, 1) - 1;
		if (wp >= pages)
			thread_die("append to append unit %u, which is full", au);
		if (may_fail(t, cmd, q)) {
			ftl_store(&t->au[au].state, MEDIA_AU_BAD);
			fail(cmd, i, MEDIA_PROGRAM_FAIL);
			continue;
		}
		store(t, cmd, i, au * pages + wp);
	}
}

static void load_data(struct media_cmd *cmd, u32 i, const u8 *data)
{
	u32 from = i * FIO_MEDIA_UNIT, to = from + FIO_MEDIA_UNIT;
	u32 end = cmd->skip + cmd->len;

	if (cmd->buf) {
		memcpy((u8 *)cmd->buf->va + cmd->buf_off + from, data, FIO_MEDIA_UNIT);
		return;
	}
	if (!cmd->io)
		return;
	if (from < cmd->skip) {
		data += cmd->skip - from;
		from = cmd->skip;
	}
	to = min(to, end);
	if (to > from)
		memcpy(thread_io_data(cmd->io) + cmd->io_off + from - cmd->skip, data, to - from);
}

static void do_read(struct thread_media *t, struct thread_queue *q, struct media_cmd *cmd)
{
	static const u8 zeroes[FIO_MEDIA_UNIT];
	u32 i;

	if (odds(q, ABORT_ODDS)) {
		cmd->status = MEDIA_ABORTED;
		return;
	}
	/* There are no sums but those that are stored. */
	if (cmd->flags & MEDIA_F_PARITY) {
		cmd->status = MEDIA_ERASED;
		return;
	}
	for (i = 0; i < cmd->n; i++) {
		struct thread_page *p = &t->page[cmd->unit[i]];

		if (cmd->unit[i] == FIO_UNIT_NONE) {
			load_data(cmd, i, zeroes);
		} else if (!ftl_load(&p->written)) {
			fail(cmd, i, MEDIA_ERASED);
		} else {
			cmd->tag[i] = p->tag;
			load_data(cmd, i, p->data);
		}
	}
}

/* Pages keep their bytes: a read that comes too late is told by @written. */
static void do_reset(struct thread_media *t, u32 au)
{
	u32 i;

	if (ftl_load(&t->au[au].appends) || ftl_load(&t->au[au].reads))
		thread_die("reset of append unit %u with %u appends and %u reads under way", au,
			   ftl_load(&t->au[au].appends), ftl_load(&t->au[au].reads));
	for (i = 0; i < t->shape.pages; i++)
		ftl_store(&t->page[au * t->shape.pages + i].written, 0);
	ftl_store(&t->au[au].wp, 0);
}

static void do_others(struct thread_media *t, struct media_cmd *cmd)
{
	u32 i, au;

	for (i = 0; i < cmd->n; i++) {
		au = cmd->unit[i] / t->shape.pages;
		if (cmd->op == MEDIA_RESET && ftl_load(&t->au[au].state) == MEDIA_AU_BAD)
			fail(cmd, i, MEDIA_ERASE_FAIL);
		else if (cmd->op == MEDIA_RESET)
			do_reset(t, au);
		else if (cmd->op == MEDIA_RETIRE)
			ftl_store(&t->au[au].state, MEDIA_AU_BAD);
		cmd->au[i] = (struct media_au){ .write_ptr = ftl_load(&t->au[au].wp) };
		cmd->au[i].state = ftl_load(&t->au[au].state);
		if (cmd->au[i].state != MEDIA_AU_BAD)
			cmd->au[i].state = cmd->au[i].write_ptr ? MEDIA_AU_CLOSED : MEDIA_AU_FREE;
	}
}

static u32 *counter_of(struct thread_media *t, const struct media_cmd *cmd, u32 unit)
{
	struct thread_au *au = &t->au[unit / t->shape.pages];

	return cmd->op == MEDIA_APPEND ? &au->appends : &au->reads;
}

static void count(struct thread_media *t, struct thread_cmd *c, int by)
{
	u32 i;

	if (c->cmd.op != MEDIA_APPEND && c->cmd.op != MEDIA_READ)
		return;
	for (i = 0; i < c->cmd.n; i++)
		if (c->asked[i] != FIO_UNIT_NONE)
			ftl_add(counter_of(t, &c->cmd, c->asked[i]), by);
}

static void execute(struct thread_queue *q, struct thread_cmd *c)
{
	struct thread_media *t = q->t;

	c->cmd.status = MEDIA_OK;
	c->cmd.failed = 0;
	if (c->cmd.op == MEDIA_APPEND)
		do_append(t, q, &c->cmd);
	else if (c->cmd.op == MEDIA_READ)
		do_read(t, q, &c->cmd);
	else
		do_others(t, &c->cmd);
	count(t, c, -1);
	c->cmd.done(&c->cmd);
}

/* ---- queues ------------------------------------------------------------------------- */

static struct thread_cmd *next_ready(struct thread_queue *q)
{
	struct thread_cmd *c = NULL;
	u32 i;

	pthread_mutex_lock(&q->lock);
	q->working = false;
	if (q->idler)
		pthread_cond_signal(&q->rest);
	while (!q->nready && !q->stop)
		pthread_cond_wait(&q->come, &q->lock);
	if (q->nready) {
		i = thread_random(&q->seed) % q->nready;
		c = q->ready[i];
		q->ready[i] = q->ready[--q->nready];
		q->working = true;
	}
	pthread_mutex_unlock(&q->lock);
	return c;
}

static void *serve(void *arg)
{
	struct thread_queue *q = arg;
	struct thread_cmd *c;

	while ((c = next_ready(q)))
		execute(q, c);
	return NULL;
}

void thread_quiesce(struct thread_media *t)
{
	u32 i;

	for (i = 0; i <= t->shape.queues; i++) {
		struct thread_queue *q = &t->queue[i];

		pthread_mutex_lock(&q->lock);
		q->idler = true;
		while (q->working)
			pthread_cond_wait(&q->rest, &q->lock);
		q->idler = false;
		pthread_mutex_unlock(&q->lock);
	}
}

static struct media_cmd *media_get(struct media *m, u32 queue, bool internal)
{
	struct thread_media *t = to_thread(m);
	u32 home = internal ? t->shape.queues : queue;
	struct thread_queue *q = &t->queue[home];
	struct thread_cmd *c;

	pthread_mutex_lock(&q->lock);
	c = q->idle;
	if (c)
		q->idle = c->next;
	pthread_mutex_unlock(&q->lock);
	if (!c)
		return NULL;
	c->home = home;
	c->cmd.queue = queue;
	return &c->cmd;
}

static void media_put(struct media *m, struct media_cmd *cmd)
{
	struct thread_cmd *c = container_of(cmd, struct thread_cmd, cmd);
	struct thread_queue *q = &to_thread(m)->queue[c->home];

	pthread_mutex_lock(&q->lock);
	c->next = q->idle;
	q->idle = c;
	pthread_mutex_unlock(&q->lock);
}

static void media_submit(struct media *m, struct media_cmd *cmd)
{
	struct thread_media *t = to_thread(m);
	struct thread_cmd *c = container_of(cmd, struct thread_cmd, cmd);
	struct thread_queue *q = &t->queue[c->home];

	memcpy(c->asked, c->unit, cmd->n * sizeof(u32));
	count(t, c, 1);
	pthread_mutex_lock(&q->lock);
	q->held[q->nheld++] = c;
	pthread_mutex_unlock(&q->lock);
}

static void release_held(struct thread_queue *q)
{
	pthread_mutex_lock(&q->lock);
	while (q->nheld)
		q->ready[q->nready++] = q->held[--q->nheld];
	if (q->nready)
		pthread_cond_signal(&q->come);
	pthread_mutex_unlock(&q->lock);
}

static void media_commit(struct media *m, u32 queue)
{
	struct thread_media *t = to_thread(m);

	release_held(&t->queue[queue]);
	/* The worker's commands are for queue 0, as is the commit behind them. */
	if (!queue)
		release_held(&t->queue[t->shape.queues]);
}

static void media_copy(struct media *m, struct ftl_io *io, u32 off, void *va, u32 len, bool to_io)
{
	if (to_io)
		memcpy(thread_io_data(io) + off, va, len);
	else
		memcpy(va, thread_io_data(io) + off, len);
}

static void media_zero(struct media *m, struct ftl_io *io, u32 off, u32 len)
{
	memset(thread_io_data(io) + off, 0, len);
}

static int buf_alloc(struct media *m, u32 units, struct media_buf *buf)
{
	buf->va = must_alloc(units, FIO_MEDIA_UNIT);
	buf->units = units;
	return 0;
}

static void buf_free(struct media *m, struct media_buf *buf)
{
	free(buf->va);
	buf->va = NULL;
}

static const struct media_ops thread_ops = {
	.get = media_get, .put = media_put, .submit = media_submit, .commit = media_commit,
	.io_copy = media_copy, .io_zero = media_zero,
	.buf_alloc = buf_alloc, .buf_free = buf_free,
};

static void start_queue(struct thread_media *t, u32 i)
{
	struct thread_queue *q = &t->queue[i];
	u32 n;

	q->t = t;
	q->seed = t->shape.seed + i + 1;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->come, NULL);
	pthread_cond_init(&q->rest, NULL);
	q->cmds = must_alloc(PENDING, sizeof(*q->cmds));
	for (n = 0; n < (i < t->shape.queues ? t->shape.cmds : 16); n++) {
		struct thread_cmd *c = &q->cmds[n];

		c->cmd.unit = c->unit;
		c->cmd.tag = c->tag;
		c->cmd.au = c->au;
		c->next = q->idle;
		q->idle = c;
	}
	if (pthread_create(&q->id, NULL, serve, q))
		thread_die("a thread cannot be started");
}

static void stop_queue(struct thread_queue *q)
{
	pthread_mutex_lock(&q->lock);
	if (q->nheld)
		thread_die("%u commands were submitted and never committed", q->nheld);
	q->stop = true;
	pthread_cond_signal(&q->come);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->id, NULL);
	free(q->cmds);
}

static void init_env(struct thread_media *t)
{
	t->env = (struct ftl_env){
		.ctx = t, .alloc = env_alloc, .free = env_free, .log = env_log,
		.kick = env_kick, .now_ns = env_now_ns, .now_sec = env_now_sec,
		.wait = env_wait, .wake = env_wake, .progress = env_progress,
	};
}

struct thread_media *thread_media_create(const struct thread_shape *shape)
{
	struct thread_media *t = must_alloc(1, sizeof(*t));
	u32 i, aus = shape->dies * shape->aus;

	t->shape = *shape;
	t->media.ops = &thread_ops;
	t->media.durable = 1;
	t->media.geo = (struct media_geometry){
		.dies = shape->dies, .aus = shape->aus, .pages = shape->pages,
		.write_units = 2, .max_units = 16, .max_open = ~0U, .read_retries = 2,
		.queues = shape->queues, .xor_groups = shape->xor_groups,
	};
	init_env(t);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->wake, NULL);
	t->au = must_alloc(aus, sizeof(*t->au));
	t->page = must_alloc((size_t)aus * shape->pages, sizeof(*t->page));
	t->queue = must_alloc(shape->queues + 1, sizeof(*t->queue));
	for (i = 0; i <= shape->queues; i++)
		start_queue(t, i);
	return t;
}

void thread_media_destroy(struct thread_media *t)
{
	u32 i;

	for (i = 0; i <= t->shape.queues; i++)
		stop_queue(&t->queue[i]);
	free(t->queue);
	free(t->page);
	free(t->au);
	free(t);
}

struct media *thread_media(struct thread_media *t)
{
	return &t->media;
}

struct ftl_env *thread_env(struct thread_media *t)
{
	return &t->env;
}

void thread_set_durable(struct thread_media *t, bool durable)
{
	ftl_store(&t->media.durable, durable);
}
