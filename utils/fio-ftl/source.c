// SPDX-License-Identifier: GPL-2.0-only
/*
 * A card image, or a card, as a medium for the FTL core; see fio-ftl.h.
 *
 * Owns: commands (done at submit, completed by source_pump()), page CRCs, the retry
 * ladder, the environment. Does not know: where pages come from (image.c, device.c),
 * what they mean.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "utils/fio-ftl/fio-ftl.h"

#define CMDS	64

struct source_cmd {
	struct media_cmd cmd;
	u32 unit[FTL_MAX_UNITS];
	struct fio_tag tag[FTL_MAX_UNITS];
	struct media_au au[FTL_MAX_UNITS];
	struct source_cmd *next;
};

static struct source *to_source(struct media *m)
{
	return container_of(m, struct source, media);
}

static struct source_cmd *to_cmd(struct media_cmd *cmd)
{
	return container_of(cmd, struct source_cmd, cmd);
}

/* ---- pages ----------------------------------------------------------------------- */

static u32 page_crc(const void *data, const struct fio_tag *tag)
{
	u32 crc = ftl_crc32c(0, data, FIO_MEDIA_UNIT);

	return ftl_crc32c(crc, tag, offsetof(struct fio_tag, crc));
}

static u8 read_level(struct source *s, u32 unit, u32 retry, void *data, struct fio_tag *tag)
{
	u8 status = s->ops->read(s, unit, retry, data, tag);

	if (!status && le32_to_cpu(tag->crc) != page_crc(data, tag))
		return MEDIA_CRC;
	return status;
}

u8 source_read(struct source *s, u32 unit, void *data, struct fio_tag *tag)
{
	u32 retry = 0;
	u8 status;

	do {
		status = read_level(s, unit, retry, data, tag);
	} while ((status == MEDIA_UNCORRECTABLE || status == MEDIA_CRC) &&
		 retry++ < s->media.geo.read_retries);
	return status;
}

struct media_au source_au(struct source *s, u32 au)
{
	return s->ops->au(s, au);
}

/* ---- commands --------------------------------------------------------------------- */

static struct media_cmd *source_get(struct media *m, u32 queue, bool internal)
{
	struct source *s = to_source(m);
	struct source_cmd *c = s->idle;

	if (!c)
		return NULL;
	s->idle = c->next;
	c->cmd = (struct media_cmd){
		.queue = queue, .unit = c->unit, .tag = c->tag, .au = c->au,
	};
	return &c->cmd;
}

static void source_put(struct media *m, struct media_cmd *cmd)
{
	struct source *s = to_source(m);
	struct source_cmd *c = to_cmd(cmd);

	c->next = s->idle;
	s->idle = c;
}

/* The part of unit @i that lies within skip and len. */
static void copy_out(const struct media_cmd *cmd, u32 i, const u8 *data)
{
	u32 from = max(i * FIO_MEDIA_UNIT, cmd->skip);
	u32 to = min((i + 1) * FIO_MEDIA_UNIT, cmd->skip + cmd->len);
	u8 *dst;

	if (from >= to || (!cmd->io && !cmd->buf))
		return;
	if (cmd->io)
		dst = container_of(cmd->io, struct source_io, io)->data + cmd->io_off;
	else
		dst = (u8 *)cmd->buf->va + cmd->buf_off;
	memcpy(dst + (from - cmd->skip), data + from % FIO_MEDIA_UNIT, to - from);
}

static void unit_failed(struct media_cmd *cmd, u32 i, u8 status)
{
	cmd->failed |= BIT_ULL(i);
	cmd->status = max(cmd->status, status);
}

static u8 read_one(struct source *s, const struct media_cmd *cmd, u32 i, void *data)
{
	if (cmd->unit[i] == FIO_UNIT_NONE) {
		memset(data, 0, FIO_MEDIA_UNIT);
		memset(&cmd->tag[i], 0, sizeof(cmd->tag[i]));
		return MEDIA_OK;
	}
	if (cmd->flags & MEDIA_F_PARITY)
		return s->ops->sum(s, cmd->unit[i], data, &cmd->tag[i]);
	return read_level(s, cmd->unit[i], cmd->retry, data, &cmd->tag[i]);
}

static void do_read(struct source *s, struct media_cmd *cmd)
{
	u8 data[FIO_MEDIA_UNIT] = { 0 };
	u8 status;
	u32 i;

	for (i = 0; i < cmd->n; i++) {
		status = read_one(s, cmd, i, data);
		if (status)
			unit_failed(cmd, i, status);
		else
			copy_out(cmd, i, data);
	}
}

static void do_cmd(struct source *s, struct media_cmd *cmd)
{
	u32 i;

	switch (cmd->op) {
	case MEDIA_READ:
		do_read(s, cmd);
		break;
	case MEDIA_REPORT:
		for (i = 0; i < cmd->n; i++)
			cmd->au[i] = source_au(s, cmd->unit[i] / s->media.geo.pages);
		break;
	case MEDIA_SYNC:
		break;
	default:
		s->refused++;
		cmd->status = MEDIA_INVALID;
		cmd->failed = ~0ULL;
	}
}

static void source_submit(struct media *m, struct media_cmd *cmd)
{
	struct source *s = to_source(m);
	struct source_cmd *c = to_cmd(cmd);

	cmd->status = MEDIA_OK;
	cmd->failed = 0;
	do_cmd(s, cmd);
	c->next = NULL;
	*s->done_tail = c;
	s->done_tail = &c->next;
}

u32 source_pump(struct source *s)
{
	struct source_cmd *c;
	u32 n = 0;

	for (c = s->done; c; c = s->done, n++) {
		s->done = c->next;
		if (!s->done)
			s->done_tail = &s->done;
		c->cmd.done(&c->cmd);
	}
	return n;
}

static void source_commit(struct media *m, u32 queue)
{
}

static void source_copy(struct media *m, struct ftl_io *io, u32 off, void *va, u32 len, bool to_io)
{
	u8 *data = container_of(io, struct source_io, io)->data + off;

	if (to_io)
		memcpy(data, va, len);
	else
		memcpy(va, data, len);
}

static void source_zero(struct media *m, struct ftl_io *io, u32 off, u32 len)
{
	memset(container_of(io, struct source_io, io)->data + off, 0, len);
}

static int source_buf_alloc(struct media *m, u32 units, struct media_buf *buf)
{
	buf->va = calloc(units, FIO_MEDIA_UNIT);
	buf->dma = 0;
	buf->units = units;
	return buf->va ? 0 : -ENOMEM;
}

static void source_buf_free(struct media *m, struct media_buf *buf)
{
	free(buf->va);
	buf->va = NULL;
}

static const struct media_ops source_ops = {
	.get = source_get, .put = source_put, .submit = source_submit, .commit = source_commit,
	.io_copy = source_copy, .io_zero = source_zero,
	.buf_alloc = source_buf_alloc, .buf_free = source_buf_free,
};

/* ---- environment --------------------------------------------------------------------- */

static void *env_alloc(void *ctx, size_t bytes)
{
	return calloc(1, bytes ? bytes : 1);
}

static void env_free(void *ctx, void *p, size_t bytes)
{
	free(p);
}

static void env_log(void *ctx, enum ftl_log_level level, const char *line)
{
	struct source *s = ctx;

	json_object_array_add(s->log, json_object_new_string(line));
	if (level <= FTL_WARN && !s->quiet)
		fio_error("%s: %s", s->path, line);
}

static void env_nothing(void *ctx)
{
}

static u64 env_now_ns(void *ctx)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static u64 env_now_sec(void *ctx)
{
	return time(NULL);
}

static int env_wait(void *ctx, bool (*cond)(void *arg), void *arg)
{
	while (!cond(arg))
		if (!source_pump(ctx) && !cond(arg))
			return -ENODEV;
	return 0;
}

static void env_progress(void *ctx, u32 percent)
{
}

/* ---- life ------------------------------------------------------------------------------ */

static int make_cmds(struct source *s)
{
	u32 i;

	s->cmds = calloc(CMDS, sizeof(*s->cmds));
	s->log = json_object_new_array();
	if (!s->cmds || !s->log)
		return -ENOMEM;
	for (i = 0; i < CMDS; i++)
		source_put(&s->media, &s->cmds[i].cmd);
	s->done_tail = &s->done;
	return 0;
}

static void fill_in(struct source *s)
{
	s->media.ops = &source_ops;
	s->media.durable = 1;
	s->media.geo.write_units = 1;
	s->media.geo.max_units = FTL_MAX_UNITS;
	s->media.geo.queues = 1;
	s->env = (struct ftl_env){
		.ctx = s, .alloc = env_alloc, .free = env_free, .log = env_log,
		.kick = env_nothing, .now_ns = env_now_ns, .now_sec = env_now_sec,
		.wait = env_wait, .wake = env_nothing, .progress = env_progress,
	};
}

/* By its name as well, so that one that is not there is missed as what it is. */
static bool is_device(const char *path)
{
	struct stat st;

	return !strncmp(path, "/dev/fct", 8) || (!stat(path, &st) && S_ISCHR(st.st_mode));
}

bool source_open(struct source *s, const char *path, bool quiet)
{
	memset(s, 0, sizeof(*s));
	s->path = path;
	s->quiet = quiet;
	if (!(is_device(path) ? device_open(s, path) : image_open(s, path)))
		return false;
	fill_in(s);
	if (!make_cmds(s))
		return true;
	fio_error("%s: out of memory", path);
	source_close(s);
	return false;
}

void source_close(struct source *s)
{
	free(s->cmds);
	json_object_put(s->log);
	s->ops->close(s);
	memset(s, 0, sizeof(*s));
}

struct ftl *source_attach(struct source *s, u32 flags, int *err)
{
	struct ftl *f;

	*err = ftl_attach(&s->media, &s->env, flags | FTL_ATTACH_READ_ONLY, &f);
	return *err ? NULL : f;
}

static void io_done(struct ftl_io *io, int err)
{
	struct source_io *sio = container_of(io, struct source_io, io);

	sio->done = true;
	sio->err = err;
}

int source_get_units(struct source *s, struct ftl *f, u64 lu, u32 units, void *data)
{
	struct source_io sio = { .data = data };
	struct ftl_info info;

	ftl_get_info(f, &info);
	sio.io.op = FTL_READ;
	sio.io.lba = lu * (FIO_MEDIA_UNIT / info.lba_bytes);
	sio.io.count = units * (FIO_MEDIA_UNIT / info.lba_bytes);
	sio.io.done = io_done;
	ftl_submit(f, &sio.io);
	while (!sio.done && source_pump(s))
		;
	return sio.done ? sio.err : -EIO;
}
