// SPDX-License-Identifier: GPL-2.0-only
/*
 * See compact_media.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "compact_media.h"

#define CMDS		256
#define FULL		0xffffffffu	/* brief.lba: brief.seq is an index into full[] */

struct compact_cmd {
	struct media_cmd cmd;
	u32 unit[FTL_MAX_UNITS];
	struct fio_tag tag[FTL_MAX_UNITS];
	struct media_au au[FTL_MAX_UNITS];
	struct compact_cmd *next;
};

/* A page in short. */
struct brief {
	u32 lba;
	u32 seq;	/* low half; the high half is the append unit's */
};

/* A page in full. */
struct full {
	struct fio_tag tag;
	u8 data[FIO_MEDIA_UNIT];
};

/**
 * struct au - an append unit
 * @common: tag of its first data page: what all of them share
 * @fulls: pages kept in full
 * @parity: all its pages are sums of their rows, of which nothing is kept
 */
struct au {
	struct fio_tag common;
	u32 wp, fulls;
	bool has_common, closed, suspect, bad, parity;
};

struct compact {
	struct media media;
	struct ftl_env env;
	struct compact_cmd cmds[CMDS];
	struct compact_cmd *idle, *head, **tail;
	struct brief *page;
	struct au *au;
	bool *sums;		/* by stripe: rows are being summed */
	struct full **full;
	u32 nfull, full_cap, *full_idle, nidle;
	u32 zero_crc;
	u64 bytes_read;
	bool kicked;
	const char *violation;
};

static struct compact *to_compact(struct media *m)
{
	return container_of(m, struct compact, media);
}

static void violate(struct compact *c, const char *what)
{
	c->violation = c->violation ? c->violation : what;
}

/* ---- environment ----------------------------------------------------------------- */

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
	if (level <= FTL_WARN)
		fprintf(stderr, "ftl: %s\n", line);
}

static void env_kick(void *ctx)
{
	struct compact *c = ctx;

	c->kicked = true;
}

static u64 env_now_ns(void *ctx)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static u64 env_now_sec(void *ctx)
{
	return 1700000000;
}

static int env_wait(void *ctx, bool (*cond)(void *arg), void *arg)
{
	while (!cond(arg))
		if (!compact_pump(ctx) && !cond(arg))
			return -ENODEV;
	return 0;
}

static void env_nothing(void *ctx)
{
}

static void env_progress(void *ctx, u32 percent)
{
}

/* ---- pages ------------------------------------------------------------------------- */

static u32 full_slot(struct compact *c)
{
	if (c->nidle)
		return c->full_idle[--c->nidle];
	if (c->nfull == c->full_cap) {
		c->full_cap = c->full_cap ? 2 * c->full_cap : 1024;
		c->full = realloc(c->full, c->full_cap * sizeof(struct full *));
		c->full_idle = realloc(c->full_idle, c->full_cap * sizeof(u32));
		if (!c->full || !c->full_idle)
			abort();
	}
	return c->nfull++;
}

static void keep_full(struct compact *c, struct au *au, u32 unit, const struct fio_tag *tag,
		      const void *data)
{
	struct full *f = calloc(1, sizeof(*f));
	u32 slot = full_slot(c);

	if (!f)
		abort();
	f->tag = *tag;
	if (data)
		memcpy(f->data, data, FIO_MEDIA_UNIT);
	f->tag.crc = cpu_to_le32(ftl_crc32c(ftl_crc32c(0, f->data, FIO_MEDIA_UNIT), &f->tag,
					    offsetof(struct fio_tag, crc)));
	c->full[slot] = f;
	c->page[unit] = (struct brief){ FULL, slot };
	au->fulls++;
}

/*
 * Does a tag say nothing but what its append unit, a number and a sequence say? Hints
 * for placement are nearly the same in all of an append unit; the first page's serve.
 */
static bool is_brief(const struct au *au, const struct fio_tag *tag)
{
	struct fio_tag t = *tag;

	if (tag->type != FIO_TAG_DATA || le64_to_cpu(tag->lba) >= FULL)
		return false;
	if (!au->has_common)
		return true;
	t.lba = au->common.lba;
	t.crc = au->common.crc;
	t.interval = au->common.interval;
	t.clock = au->common.clock;
	if (le64_to_cpu(t.seq) >> 32 != le64_to_cpu(au->common.seq) >> 32)
		return false;
	t.seq = au->common.seq;
	return !memcmp(&t, &au->common, sizeof(t));
}

static void keep(struct compact *c, u32 unit, const struct fio_tag *tag, const void *data)
{
	struct au *au = &c->au[unit / c->media.geo.pages];

	if (!is_brief(au, tag)) {
		keep_full(c, au, unit, tag, data);
		return;
	}
	if (!au->has_common)
		au->common = *tag;
	au->has_common = true;
	c->page[unit] = (struct brief){
		(u32)le64_to_cpu(tag->lba), (u32)le64_to_cpu(tag->seq),
	};
}

static void fetch_tag(struct compact *c, u32 unit, struct fio_tag *tag)
{
	const struct au *au = &c->au[unit / c->media.geo.pages];
	const struct brief *b = &c->page[unit];

	if (au->parity) {
		*tag = au->common;
		((struct fio_parity_tag *)tag)->row = cpu_to_le32(unit % c->media.geo.pages);
		return;
	}
	if (b->lba == FULL) {
		*tag = c->full[b->seq]->tag;
		return;
	}
	*tag = au->common;
	tag->lba = cpu_to_le64(b->lba);
	tag->seq = cpu_to_le64((le64_to_cpu(au->common.seq) & ~0xffffffffULL) | b->seq);
}

static void fetch_data(struct compact *c, u32 unit, struct fio_tag *tag, u8 *data)
{
	const struct brief *b = &c->page[unit];

	if (b->lba == FULL && !c->au[unit / c->media.geo.pages].parity) {
		memcpy(data, c->full[b->seq]->data, FIO_MEDIA_UNIT);
		return;
	}
	memset(data, 0, FIO_MEDIA_UNIT);
	tag->crc = cpu_to_le32(ftl_crc32c(c->zero_crc, tag, offsetof(struct fio_tag, crc)));
}

static void reset_au(struct compact *c, u32 nr)
{
	u32 unit, first = nr * c->media.geo.pages;
	struct au *au = &c->au[nr];

	for (unit = first; au->fulls && unit < first + au->wp; unit++) {
		if (c->page[unit].lba != FULL)
			continue;
		free(c->full[c->page[unit].seq]);
		c->full[c->page[unit].seq] = NULL;
		c->full_idle[c->nidle++] = c->page[unit].seq;
		au->fulls--;
	}
	*au = (struct au){ .bad = au->bad };
	c->sums[nr / c->media.geo.dies] = false;
}

/* ---- commands ------------------------------------------------------------------------ */

static struct media_cmd *compact_get(struct media *m, u32 queue, bool internal)
{
	struct compact *c = to_compact(m);
	struct compact_cmd *cmd = c->idle;

	if (!cmd)
		return NULL;
	c->idle = cmd->next;
	cmd->cmd = (struct media_cmd){
		.queue = queue, .unit = cmd->unit, .tag = cmd->tag, .au = cmd->au,
	};
	return &cmd->cmd;
}

static void compact_put(struct media *m, struct media_cmd *cmd)
{
	struct compact *c = to_compact(m);
	struct compact_cmd *cc = container_of(cmd, struct compact_cmd, cmd);

	cc->next = c->idle;
	c->idle = cc;
}

static void unit_failed(struct media_cmd *cmd, u32 i, u8 status)
{
	cmd->failed |= BIT_ULL(i);
	cmd->status = max(cmd->status, status);
}

static void do_append(struct compact *c, struct media_cmd *cmd)
{
	u32 i, nr, pages = c->media.geo.pages;

	for (i = 0; i < cmd->n; i++) {
		const u8 *data = cmd->buf ? (u8 *)cmd->buf->va + cmd->buf_off + i * FIO_MEDIA_UNIT :
					    NULL;
		struct au *au;

		nr = cmd->unit[i] / pages;
		au = &c->au[nr];
		if (au->wp >= pages || au->closed || au->suspect || au->bad) {
			violate(c, "append to an append unit that takes none");
			unit_failed(cmd, i, MEDIA_AU_STATE);
			continue;
		}
		cmd->unit[i] = nr * pages + au->wp++;
		if (cmd->flags & MEDIA_F_XOR)
			c->sums[nr / c->media.geo.dies] = true;
		if (cmd->flags & MEDIA_F_PARITY) {
			au->parity = true;
			au->common = cmd->tag[i];
		} else {
			keep(c, cmd->unit[i], &cmd->tag[i], data);
		}
	}
}

/* Whether a stripe has sums is all that anyone asks here. */
static bool read_sum(struct compact *c, struct media_cmd *cmd, u32 i)
{
	if (!(cmd->flags & MEDIA_F_PARITY))
		return false;
	if (!c->sums[cmd->unit[i] / c->media.geo.pages / c->media.geo.dies])
		unit_failed(cmd, i, MEDIA_ERASED);
	return true;
}

static void do_read(struct compact *c, struct media_cmd *cmd)
{
	u32 i, pages = c->media.geo.pages;

	for (i = 0; i < cmd->n; i++) {
		u32 unit = cmd->unit[i];

		if (unit == FIO_UNIT_NONE || read_sum(c, cmd, i))
			continue;
		c->bytes_read += FIO_MEDIA_TAG + (cmd->buf || cmd->io ? FIO_MEDIA_UNIT : 0);
		if (unit % pages >= c->au[unit / pages].wp) {
			unit_failed(cmd, i, MEDIA_ERASED);
			continue;
		}
		fetch_tag(c, unit, &cmd->tag[i]);
		if (cmd->buf)
			fetch_data(c, unit, &cmd->tag[i], (u8 *)cmd->buf->va + cmd->buf_off +
							  i * FIO_MEDIA_UNIT);
	}
}

static void report(const struct compact *c, const struct au *au, struct media_au *r)
{
	u32 pages = c->media.geo.pages;

	*r = (struct media_au){ .write_ptr = au->suspect ? pages : au->wp,
				.wp_unknown = au->suspect };
	if (au->bad)
		r->state = MEDIA_AU_BAD;
	else if (au->suspect)
		r->state = MEDIA_AU_SUSPECT;
	else if (au->closed || au->wp == pages)
		r->state = MEDIA_AU_CLOSED;
	else
		r->state = au->wp ? MEDIA_AU_OPEN : MEDIA_AU_FREE;
}

static void do_au(struct compact *c, struct media_cmd *cmd)
{
	u32 i;

	for (i = 0; i < cmd->n; i++) {
		u32 nr = cmd->unit[i] / c->media.geo.pages;

		switch (cmd->op) {
		case MEDIA_RESET:
			reset_au(c, nr);
			break;
		case MEDIA_RETIRE:
			c->au[nr].bad = true;
			break;
		case MEDIA_FINISH:
			if (cmd->flags & MEDIA_F_XOR)
				c->sums[nr / c->media.geo.dies] = false;
			else
				c->au[nr].closed = true;
			break;
		case MEDIA_REPORT:
			report(c, &c->au[nr], &cmd->au[i]);
			break;
		case MEDIA_SYNC:
			break;
		default:
			violate(c, "an unknown command");
			unit_failed(cmd, i, MEDIA_INVALID);
		}
	}
}

static void compact_submit(struct media *m, struct media_cmd *cmd)
{
	struct compact_cmd *cc = container_of(cmd, struct compact_cmd, cmd);
	struct compact *c = to_compact(m);

	cmd->status = MEDIA_OK;
	cmd->failed = 0;
	if (cmd->op == MEDIA_APPEND)
		do_append(c, cmd);
	else if (cmd->op == MEDIA_READ)
		do_read(c, cmd);
	else
		do_au(c, cmd);
	cc->next = NULL;
	*c->tail = cc;
	c->tail = &cc->next;
}

u32 compact_pump(struct compact *c)
{
	struct compact_cmd *cc;
	u32 n = 0;

	for (cc = c->head; cc; cc = c->head, n++) {
		c->head = cc->next;
		if (!c->head)
			c->tail = &c->head;
		cc->cmd.done(&cc->cmd);
	}
	return n;
}

static void compact_commit(struct media *m, u32 queue)
{
}

static void compact_copy(struct media *m, struct ftl_io *io, u32 off, void *va, u32 len,
			 bool to_io)
{
	if (!to_io)
		memset(va, 0, len);
}

static void compact_zero(struct media *m, struct ftl_io *io, u32 off, u32 len)
{
}

static int compact_buf_alloc(struct media *m, u32 units, struct media_buf *buf)
{
	buf->va = calloc(units, FIO_MEDIA_UNIT);
	buf->units = units;
	return buf->va ? 0 : -ENOMEM;
}

static void compact_buf_free(struct media *m, struct media_buf *buf)
{
	free(buf->va);
	buf->va = NULL;
}

static const struct media_ops compact_ops = {
	.get = compact_get, .put = compact_put, .submit = compact_submit,
	.commit = compact_commit, .io_copy = compact_copy, .io_zero = compact_zero,
	.buf_alloc = compact_buf_alloc, .buf_free = compact_buf_free,
};

/* ---- life ---------------------------------------------------------------------------- */

static void fill_in(struct compact *c, u32 dies, u32 aus, u32 pages)
{
	static const u8 zeroes[FIO_MEDIA_UNIT];
	u32 i;

	c->media.ops = &compact_ops;
	c->media.durable = 1;
	c->media.geo = (struct media_geometry){
		.dies = dies, .aus = aus, .pages = pages, .write_units = 4,
		.max_units = FTL_MAX_UNITS, .max_open = max(64U, 8 * dies), .queues = 1,
		.xor_groups = 32,
	};
	c->env = (struct ftl_env){
		.ctx = c, .alloc = env_alloc, .free = env_free, .log = env_log,
		.kick = env_kick, .now_ns = env_now_ns, .now_sec = env_now_sec,
		.wait = env_wait, .wake = env_nothing, .progress = env_progress,
	};
	c->zero_crc = ftl_crc32c(0, zeroes, sizeof(zeroes));
	c->tail = &c->head;
	for (i = 0; i < CMDS; i++)
		compact_put(&c->media, &c->cmds[i].cmd);
}

struct compact *compact_create(u32 dies, u32 aus, u32 pages)
{
	struct compact *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->page = calloc((size_t)dies * aus * pages, sizeof(*c->page));
	c->au = calloc((size_t)dies * aus, sizeof(*c->au));
	c->sums = calloc(aus, sizeof(*c->sums));
	if (!c->page || !c->au || !c->sums) {
		compact_destroy(c);
		return NULL;
	}
	fill_in(c, dies, aus, pages);
	return c;
}

void compact_destroy(struct compact *c)
{
	u32 i;

	for (i = 0; i < c->nfull; i++)
		free(c->full[i]);
	free(c->full);
	free(c->full_idle);
	free(c->page);
	free(c->au);
	free(c->sums);
	free(c);
}

struct media *compact_media(struct compact *c)
{
	return &c->media;
}

struct ftl_env *compact_env(struct compact *c)
{
	return &c->env;
}

bool compact_kicked(struct compact *c)
{
	bool kicked = c->kicked;

	c->kicked = false;
	return kicked;
}

void compact_cut(struct compact *c)
{
	u32 i, aus = c->media.geo.dies * c->media.geo.aus;

	for (i = 0; i < aus; i++)
		if (c->au[i].wp && c->au[i].wp < c->media.geo.pages && !c->au[i].closed)
			c->au[i].suspect = true;
}

u64 compact_bytes_read(const struct compact *c)
{
	return c->bytes_read;
}

const char *compact_violation(const struct compact *c)
{
	return c->violation;
}

u64 compact_metadata_pages(const struct compact *c)
{
	return c->nfull - c->nidle;
}
