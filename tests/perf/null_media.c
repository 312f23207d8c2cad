// SPDX-License-Identifier: GPL-2.0-only
/*
 * See null_media.h. Locks and CRC32C are here too, as plain as the kernel's.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "null_media.h"

#define CMDS	256

struct null_cmd {
	struct media_cmd cmd;
	u32 unit[FTL_MAX_UNITS];
	struct fio_tag tag[FTL_MAX_UNITS];
	struct media_au au[FTL_MAX_UNITS];
	struct null_cmd *next;
};

/* What is kept of a page: enough for the core to recognise it. */
struct null_page {
	u64 lba, seq;
	u8 type;
};

struct null_media {
	struct media media;
	struct ftl_env env;
	struct null_cmd cmds[CMDS];
	struct null_cmd *idle, *head, **tail;
	struct null_page *page;
	u32 *wp;
	u32 media_id;
	u8 super[4096];
	const void *source;
	bool crc, kicked;
};

static void *must_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p) {
		fprintf(stderr, "null_media: out of memory\n");
		exit(1);
	}
	return p;
}

static struct null_media *to_null(struct media *m)
{
	return container_of(m, struct null_media, media);
}

/* ---- environment --------------------------------------------------------- */

void ftl_lock_init(struct ftl_lock *l)
{
	l->opaque[0] = 0;
}

unsigned long ftl_lock(struct ftl_lock *l)
{
	while (__atomic_exchange_n(&l->opaque[0], 1UL, __ATOMIC_ACQUIRE))
		;
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

	n->kicked = true;
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
	while (!cond(arg))
		if (!null_reap(ctx) && !cond(arg))
			return -ENODEV;
	return 0;
}

static void env_wake(void *ctx)
{
}

static void env_progress(void *ctx, u32 percent)
{
}

/* ---- commands ---------------------------------------------------------------- */

static struct media_cmd *null_get(struct media *m, u32 queue, bool internal)
{
	struct null_media *n = to_null(m);
	struct null_cmd *c = n->idle;

	if (!c)
		return NULL;
	n->idle = c->next;
	c->cmd.queue = queue;
	return &c->cmd;
}

static void null_put(struct media *m, struct media_cmd *cmd)
{
	struct null_media *n = to_null(m);
	struct null_cmd *c = container_of(cmd, struct null_cmd, cmd);

	c->next = n->idle;
	n->idle = c;
}

static void do_append(struct null_media *n, struct media_cmd *cmd)
{
	u32 i, au, crc;

	for (i = 0; i < cmd->n; i++) {
		struct fio_tag *tag = &cmd->tag[i];

		au = cmd->unit[i] / n->media.geo.pages;
		cmd->unit[i] = au * n->media.geo.pages + n->wp[au]++;
		n->page[cmd->unit[i]] = (struct null_page){
			le64_to_cpu(tag->lba), le64_to_cpu(tag->seq), tag->type,
		};
		if (tag->type == FIO_TAG_SUPER)
			memcpy(n->super, cmd->buf->va, sizeof(n->super));
		if (!n->crc)
			continue;
		crc = ftl_crc32c(0, n->source, FIO_MEDIA_UNIT);
		tag->crc = cpu_to_le32(ftl_crc32c(crc, tag, offsetof(struct fio_tag, crc)));
	}
	n->media_id = le32_to_cpu(cmd->tag[0].media_id);
}

/*
 * Of data nothing is kept: whatever is in the buffer is called right. The one
 * superblock is, for the attach behind a format.
 */
static void read_page(struct null_media *n, struct media_cmd *cmd, u32 i)
{
	const struct null_page *page = &n->page[cmd->unit[i]];
	struct fio_tag *tag = &cmd->tag[i];
	u8 *data;

	memset(tag, 0, sizeof(*tag));
	tag->lba = cpu_to_le64(page->lba);
	tag->seq = cpu_to_le64(page->seq);
	tag->media_id = cpu_to_le32(n->media_id);
	tag->type = page->type;
	if (!cmd->buf)
		return;
	data = (u8 *)cmd->buf->va + i * FIO_MEDIA_UNIT;
	if (tag->type == FIO_TAG_SUPER)
		memcpy(data, n->super, sizeof(n->super));
	tag->crc = cpu_to_le32(ftl_crc32c(ftl_crc32c(0, data, FIO_MEDIA_UNIT), tag,
					  offsetof(struct fio_tag, crc)));
}

static void do_read(struct null_media *n, struct media_cmd *cmd)
{
	u32 i;

	for (i = 0; i < cmd->n; i++) {
		u32 unit = cmd->unit[i];

		if (unit == FIO_UNIT_NONE)
			continue;
		if (unit % n->media.geo.pages >= n->wp[unit / n->media.geo.pages]) {
			cmd->status = MEDIA_ERASED;
			cmd->failed |= BIT_ULL(i);
			continue;
		}
		read_page(n, cmd, i);
	}
}

static void do_cmd(struct null_media *n, struct media_cmd *cmd)
{
	u32 i, au;

	for (i = 0; i < cmd->n && cmd->op != MEDIA_APPEND && cmd->op != MEDIA_READ; i++) {
		au = cmd->unit[i] / n->media.geo.pages;
		if (cmd->op == MEDIA_RESET)
			n->wp[au] = 0;
		cmd->au[i].state = n->wp[au] ? MEDIA_AU_CLOSED : MEDIA_AU_FREE;
		cmd->au[i].write_ptr = n->wp[au];
		cmd->au[i].wp_unknown = false;
	}
	if (cmd->op == MEDIA_APPEND)
		do_append(n, cmd);
	else if (cmd->op == MEDIA_READ)
		do_read(n, cmd);
}

static void null_submit(struct media *m, struct media_cmd *cmd)
{
	struct null_media *n = to_null(m);
	struct null_cmd *c = container_of(cmd, struct null_cmd, cmd);

	cmd->status = MEDIA_OK;
	cmd->failed = 0;
	do_cmd(n, cmd);
	c->next = NULL;
	*n->tail = c;
	n->tail = &c->next;
}

u32 null_reap(struct null_media *n)
{
	struct null_cmd *c;
	u32 count = 0;

	for (c = n->head; c; c = n->head) {
		n->head = c->next;
		if (!n->head)
			n->tail = &n->head;
		c->cmd.done(&c->cmd);
		count++;
	}
	return count;
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

static void init_cmds(struct null_media *n)
{
	u32 i;

	for (i = 0; i < CMDS; i++) {
		struct null_cmd *c = &n->cmds[i];

		c->cmd.unit = c->unit;
		c->cmd.tag = c->tag;
		c->cmd.au = c->au;
		c->next = n->idle;
		n->idle = c;
	}
	n->tail = &n->head;
}

struct null_media *null_create(u32 dies, u32 aus, u32 pages, bool crc)
{
	struct null_media *n = must_alloc(1, sizeof(*n));

	n->media.ops = &null_ops;
	n->media.geo = (struct media_geometry){
		.dies = dies, .aus = aus, .pages = pages, .write_units = 4,
		.max_units = FTL_MAX_UNITS, .max_open = ~0U, .queues = 1,
	};
	n->media.durable = 1;
	n->env = (struct ftl_env){
		.ctx = n, .alloc = env_alloc, .free = env_free, .log = env_log,
		.kick = env_kick, .now_ns = env_now_ns, .now_sec = env_now_sec,
		.wait = env_wait, .wake = env_wake, .progress = env_progress,
	};
	n->page = must_alloc((size_t)dies * aus * pages, sizeof(*n->page));
	n->wp = must_alloc((size_t)dies * aus, sizeof(*n->wp));
	n->crc = crc;
	n->source = n->super;
	init_cmds(n);
	return n;
}

void null_destroy(struct null_media *n)
{
	free(n->page);
	free(n->wp);
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

void null_set_source(struct null_media *n, const void *data)
{
	n->source = data;
}

void null_set_crc(struct null_media *n, bool crc)
{
	n->crc = crc;
}

bool null_kicked(struct null_media *n)
{
	bool kicked = n->kicked;

	n->kicked = false;
	return kicked;
}
