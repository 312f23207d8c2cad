// SPDX-License-Identifier: GPL-2.0-only
/*
 * See null_media.h. Locks and CRC32C are here too, as plain as the kernel's.
 */
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "null_media.h"

#define CMDS		256	/* of each queue, of all inboxes and of the worker */
#define NOBODY		0xffffffffU

struct null_pool;

struct null_cmd {
	struct media_cmd cmd;
	struct null_pool *home;
	struct null_cmd *next;
	u32 unit[FTL_MAX_UNITS];
	struct fio_tag tag[FTL_MAX_UNITS];
	struct media_au au[FTL_MAX_UNITS];
};

struct null_pool {
	struct null_cmd *idle;
	struct null_cmd *cmds;
} __aligned(64);

/* Submitted commands, first in first out. */
struct null_fifo {
	struct null_cmd *head, **tail;
};

/* @pool and @fifo are the owner's; the rest is under the lock. */
struct null_queue {
	struct null_pool pool;
	struct null_fifo fifo;
	u32 mail;	/* in the inbox; looked at without the lock */
	struct null_fifo inbox __aligned(64);
	pthread_cond_t come;
} __aligned(64);

/* Threads of one append unit share its write pointer and nothing else. */
struct null_au {
	u32 wp;
} __aligned(64);

struct null_media {
	struct media media;
	struct ftl_env env;
	const void *crc_data;
	u64 *page;	/* logical unit, and the type in the top byte */
	struct null_au *au;
	struct null_queue *queue;
	u32 media_id;
	u8 super[FIO_MEDIA_UNIT];
	struct null_pool internal;	/* aligned, and so is what follows it */
	struct null_fifo worker;
	struct null_pool visitors;	/* commands for a foreign queue */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	u32 asleep, wakes;
	bool kicked, stop;
};

static __thread u32 my_queue = NOBODY;

static void *must_alloc(size_t n, size_t size)
{
	void *p = aligned_alloc(64, (n * size + 63) & ~(size_t)63);

	if (!p) {
		fprintf(stderr, "null_media: out of memory\n");
		exit(1);
	}
	return memset(p, 0, n * size);
}

static struct null_media *to_null(struct media *m)
{
	return container_of(m, struct null_media, media);
}

static void fifo_add(struct null_fifo *fifo, struct null_cmd *c)
{
	c->next = NULL;
	*fifo->tail = c;
	fifo->tail = &c->next;
}

static struct null_cmd *fifo_take(struct null_fifo *fifo)
{
	struct null_cmd *c = fifo->head;

	if (c)
		fifo->head = c->next;
	if (!fifo->head)
		fifo->tail = &fifo->head;
	return c;
}

/* ---- environment --------------------------------------------------------- */

/* A holder that lost its CPU gets it back sooner when others do not spin for ever. */
static void cpu_relax(void)
{
	static __thread u32 spins;

	if (++spins % 1024)
		__builtin_ia32_pause();
	else
		sched_yield();
}

void ftl_lock_init(struct ftl_lock *l)
{
	l->opaque[0] = 0;
}

unsigned long ftl_lock(struct ftl_lock *l)
{
	while (__atomic_exchange_n(&l->opaque[0], 1UL, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&l->opaque[0], __ATOMIC_RELAXED))
			cpu_relax();
	return 0;
}

void ftl_unlock(struct ftl_lock *l, unsigned long flags)
{
	__atomic_store_n(&l->opaque[0], 0UL, __ATOMIC_RELEASE);
}

static u32 crc_table[256];

__attribute__((constructor)) static void crc_init(void)
{
	u32 i, j, c;

	for (i = 0; i < 256; i++) {
		for (c = i, j = 0; j < 8; j++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
		crc_table[i] = c;
	}
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static u32 crc_words(u32 crc, const u8 *p, size_t words)
{
	u64 c = crc, w;

	for (; words; words--, p += 8) {
		memcpy(&w, p, 8);
		c = __builtin_ia32_crc32di(c, w);
	}
	return (u32)c;
}
#endif

u32 ftl_crc32c(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

	crc = ~crc;
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2")) {
		crc = crc_words(crc, p, len / 8);
		p += len & ~(size_t)7;
		len &= 7;
	}
#endif
	for (; len; len--)
		crc = crc >> 8 ^ crc_table[(crc ^ *p++) & 0xff];
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

static void *env_alloc(void *ctx, size_t bytes)
{
	return calloc(1, bytes);
}

static void env_free(void *ctx, void *p, size_t bytes)
{
	free(p);
}

static void env_log(void *ctx, enum ftl_log_level level, const char *line)
{
	if (level <= FTL_WARN)
		fprintf(stderr, "ftl: %s\n", line);
}

static void env_kick(void *ctx)
{
	struct null_media *n = ctx;

	if (ftl_load(&n->kicked))
		return;
	pthread_mutex_lock(&n->lock);
	ftl_store(&n->kicked, true);
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
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

static bool reap_worker(struct null_media *n)
{
	struct null_cmd *c = fifo_take(&n->worker);

	if (c)
		c->cmd.done(&c->cmd);
	return c;
}

/* A wake between the look at the condition and the sleep has been counted. */
static int env_wait(void *ctx, bool (*cond)(void *arg), void *arg)
{
	struct null_media *n = ctx;
	u32 seen;

	for (;;) {
		ftl_store(&n->asleep, 1);
		ftl_fence();
		seen = ftl_load(&n->wakes);
		if (cond(arg))
			break;
		if (reap_worker(n))
			continue;
		pthread_mutex_lock(&n->lock);
		while (n->wakes == seen)
			pthread_cond_wait(&n->wake, &n->lock);
		pthread_mutex_unlock(&n->lock);
	}
	ftl_store(&n->asleep, 0);
	return 0;
}

static void env_wake(void *ctx)
{
	struct null_media *n = ctx;

	ftl_fence();
	if (!ftl_load(&n->asleep))
		return;
	pthread_mutex_lock(&n->lock);
	ftl_store(&n->wakes, n->wakes + 1);
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
}

static void env_progress(void *ctx, u32 percent)
{
}

void null_work(struct null_media *n, struct ftl *f)
{
	for (;;) {
		pthread_mutex_lock(&n->lock);
		while (!n->kicked && !n->stop)
			pthread_cond_wait(&n->wake, &n->lock);
		ftl_store(&n->kicked, false);
		pthread_mutex_unlock(&n->lock);
		if (n->stop)
			break;
		ftl_run(f);
	}
}

void null_stop(struct null_media *n)
{
	pthread_mutex_lock(&n->lock);
	n->stop = true;
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
}

/* ---- commands ---------------------------------------------------------------- */

static struct media_cmd *pool_get(struct null_pool *pool, u32 queue)
{
	struct null_cmd *c = pool->idle;

	if (!c)
		return NULL;
	pool->idle = c->next;
	c->cmd.queue = queue;
	return &c->cmd;
}

static struct media_cmd *null_get(struct media *m, u32 queue, bool internal)
{
	struct null_media *n = to_null(m);
	struct media_cmd *cmd;

	if (internal)
		return pool_get(&n->internal, queue);
	if (queue == my_queue)
		return pool_get(&n->queue[queue].pool, queue);
	pthread_mutex_lock(&n->lock);
	cmd = pool_get(&n->visitors, queue);
	pthread_mutex_unlock(&n->lock);
	return cmd;
}

static void null_put(struct media *m, struct media_cmd *cmd)
{
	struct null_media *n = to_null(m);
	struct null_cmd *c = container_of(cmd, struct null_cmd, cmd);
	bool visitor = c->home == &n->visitors;

	if (visitor)
		pthread_mutex_lock(&n->lock);
	c->next = c->home->idle;
	c->home->idle = c;
	if (visitor)
		pthread_mutex_unlock(&n->lock);
}

static void do_append(struct null_media *n, struct media_cmd *cmd)
{
	u32 i, au, crc;

	for (i = 0; i < cmd->n; i++) {
		struct fio_tag *tag = &cmd->tag[i];

		au = cmd->unit[i] / n->media.geo.pages;
		cmd->unit[i] = au * n->media.geo.pages + ftl_add(&n->au[au].wp, 1) - 1;
		n->page[cmd->unit[i]] = le64_to_cpu(tag->lba) | (u64)tag->type << 56;
		if (tag->type == FIO_TAG_SUPER)
			memcpy(n->super, cmd->buf->va, sizeof(n->super));
		if (!n->crc_data)
			continue;
		crc = ftl_crc32c(0, n->crc_data, FIO_MEDIA_UNIT);
		tag->crc = cpu_to_le32(ftl_crc32c(crc, tag, offsetof(struct fio_tag, crc)));
	}
	if (n->media_id != le32_to_cpu(cmd->tag[0].media_id))
		n->media_id = le32_to_cpu(cmd->tag[0].media_id);
}

/*
 * Of data nothing is kept: whatever is in the buffer is called right. The one
 * superblock is, for the attach behind a format.
 */
static void read_page(struct null_media *n, struct media_cmd *cmd, u32 i)
{
	u64 page = n->page[cmd->unit[i]];
	struct fio_tag *tag = &cmd->tag[i];
	u8 *data;

	memset(tag, 0, sizeof(*tag));
	tag->lba = cpu_to_le64(page & ~(0xffULL << 56));
	tag->media_id = cpu_to_le32(n->media_id);
	tag->type = page >> 56;
	if (!cmd->buf)
		return;
	data = (u8 *)cmd->buf->va + i * FIO_MEDIA_UNIT;
	if (tag->type == FIO_TAG_SUPER)
		memcpy(data, n->super, sizeof(n->super));
	tag->crc = cpu_to_le32(ftl_crc32c(ftl_crc32c(0, data, FIO_MEDIA_UNIT), tag,
					  offsetof(struct fio_tag, crc)));
}

/*
 * To a user the answer is always right, and costs no look at the table of pages:
 * a card would not miss our cache. Logical blocks are of 4 KiB.
 */
static void read_user(struct null_media *n, struct media_cmd *cmd)
{
	u64 lba = cmd->io->lba + cmd->io_off / FIO_MEDIA_UNIT;
	u32 i;

	for (i = 0; i < cmd->n; i++) {
		struct fio_tag *tag = &cmd->tag[i];

		memset(tag, 0, sizeof(*tag));
		tag->lba = cpu_to_le64(lba + i);
		tag->media_id = cpu_to_le32(n->media_id);
		tag->type = FIO_TAG_DATA;
	}
}

static void do_read(struct null_media *n, struct media_cmd *cmd)
{
	u32 i;

	if (cmd->io) {
		read_user(n, cmd);
		return;
	}

	for (i = 0; i < cmd->n; i++) {
		u32 unit = cmd->unit[i];

		if (unit == FIO_UNIT_NONE)
			continue;
		if (n->page[unit]) {
			read_page(n, cmd, i);
			continue;
		}
		cmd->status = MEDIA_ERASED;
		cmd->failed |= BIT_ULL(i);
	}
}

static void do_others(struct null_media *n, struct media_cmd *cmd)
{
	u32 pages = n->media.geo.pages;
	u32 i, au;

	for (i = 0; i < cmd->n; i++) {
		au = cmd->unit[i] / pages;
		if (cmd->op == MEDIA_RESET) {
			n->au[au].wp = 0;
			memset(&n->page[au * pages], 0, pages * sizeof(*n->page));
		}
		cmd->au[i].state = n->au[au].wp ? MEDIA_AU_CLOSED : MEDIA_AU_FREE;
		cmd->au[i].write_ptr = n->au[au].wp;
		cmd->au[i].wp_unknown = false;
	}
}

static void mail(struct null_media *n, struct null_queue *q, struct null_cmd *c)
{
	pthread_mutex_lock(&n->lock);
	fifo_add(&q->inbox, c);
	ftl_store(&q->mail, q->mail + 1);
	pthread_cond_signal(&q->come);
	pthread_mutex_unlock(&n->lock);
}

static void null_submit(struct media *m, struct media_cmd *cmd)
{
	struct null_media *n = to_null(m);
	struct null_cmd *c = container_of(cmd, struct null_cmd, cmd);
	struct null_queue *q = &n->queue[cmd->queue];

	if (cmd->op == MEDIA_READ)
		do_read(n, cmd);
	else if (cmd->op == MEDIA_APPEND)
		do_append(n, cmd);
	else
		do_others(n, cmd);
	if (c->home == &n->internal)
		fifo_add(&n->worker, c);
	else if (cmd->queue == my_queue)
		fifo_add(&q->fifo, c);
	else
		mail(n, q, c);
}

static u32 reap_inbox(struct null_media *n, struct null_queue *q)
{
	struct null_cmd *c;
	u32 count = 0;

	for (;;) {
		pthread_mutex_lock(&n->lock);
		c = fifo_take(&q->inbox);
		ftl_store(&q->mail, q->mail - !!c);
		pthread_mutex_unlock(&n->lock);
		if (!c)
			return count;
		c->cmd.done(&c->cmd);
		count++;
	}
}

u32 null_reap(struct null_media *n, u32 queue)
{
	struct null_queue *q = &n->queue[queue];
	struct null_cmd *c;
	u32 count = 0;

	for (c = fifo_take(&q->fifo); c; c = fifo_take(&q->fifo)) {
		c->cmd.done(&c->cmd);
		count++;
	}
	if (ftl_load(&q->mail))
		count += reap_inbox(n, q);
	return count;
}

void null_sleep(struct null_media *n, u32 queue)
{
	struct null_queue *q = &n->queue[queue];

	pthread_mutex_lock(&n->lock);
	while (!q->mail)
		pthread_cond_wait(&q->come, &n->lock);
	pthread_mutex_unlock(&n->lock);
}

void null_own(u32 queue)
{
	my_queue = queue;
}

static void null_commit(struct media *m, u32 queue)
{
}

static void null_copy(struct media *m, struct ftl_io *io, u32 off, void *va, u32 len, bool to_io)
{
}

static void null_zero(struct media *m, struct ftl_io *io, u32 off, u32 len)
{
}

static int null_buf_alloc(struct media *m, u32 units, struct media_buf *buf)
{
	buf->va = must_alloc(units, FIO_MEDIA_UNIT);
	buf->units = units;
	return 0;
}

static void null_buf_free(struct media *m, struct media_buf *buf)
{
	free(buf->va);
	buf->va = NULL;
}

static const struct media_ops null_ops = {
	.get = null_get, .put = null_put, .submit = null_submit, .commit = null_commit,
	.io_copy = null_copy, .io_zero = null_zero,
	.buf_alloc = null_buf_alloc, .buf_free = null_buf_free,
};

static void fill_pool(struct null_pool *pool)
{
	u32 i;

	pool->cmds = must_alloc(CMDS, sizeof(*pool->cmds));
	for (i = 0; i < CMDS; i++) {
		struct null_cmd *c = &pool->cmds[i];

		c->cmd.unit = c->unit;
		c->cmd.tag = c->tag;
		c->cmd.au = c->au;
		c->home = pool;
		c->next = pool->idle;
		pool->idle = c;
	}
}

static void init_queues(struct null_media *n, u32 queues)
{
	u32 i;

	n->queue = must_alloc(queues, sizeof(*n->queue));
	for (i = 0; i < queues; i++) {
		struct null_queue *q = &n->queue[i];

		fill_pool(&q->pool);
		q->fifo.tail = &q->fifo.head;
		q->inbox.tail = &q->inbox.head;
		pthread_cond_init(&q->come, NULL);
	}
	fill_pool(&n->internal);
	fill_pool(&n->visitors);
	n->worker.tail = &n->worker.head;
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->wake, NULL);
}

struct null_media *null_create(u32 dies, u32 aus, u32 pages, u32 queues)
{
	struct null_media *n = must_alloc(1, sizeof(*n));

	n->media.ops = &null_ops;
	n->media.geo = (struct media_geometry){
		.dies = dies, .aus = aus, .pages = pages, .write_units = 4,
		.max_units = FTL_MAX_UNITS, .max_open = ~0U, .queues = queues,
	};
	n->media.durable = 1;
	n->env = (struct ftl_env){
		.ctx = n, .alloc = env_alloc, .free = env_free, .log = env_log,
		.kick = env_kick, .now_ns = env_now_ns, .now_sec = env_now_sec,
		.wait = env_wait, .wake = env_wake, .progress = env_progress,
	};
	n->page = must_alloc((size_t)dies * aus * pages, sizeof(*n->page));
	n->au = must_alloc((size_t)dies * aus, sizeof(*n->au));
	init_queues(n, queues);
	return n;
}

void null_destroy(struct null_media *n)
{
	u32 i;

	for (i = 0; i < n->media.geo.queues; i++)
		free(n->queue[i].pool.cmds);
	free(n->internal.cmds);
	free(n->visitors.cmds);
	free(n->queue);
	free(n->page);
	free(n->au);
	free(n);
}

struct media *null_media(struct null_media *n)
{
	return &n->media;
}

struct ftl_env *null_env(struct null_media *n)
{
	return &n->env;
}

void null_set_crc(struct null_media *n, const void *data)
{
	n->crc_data = data;
}
