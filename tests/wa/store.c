// SPDX-License-Identifier: GPL-2.0-only
/*
 * See store.h. Owns: pages, their tags, the core's locks and checksum for
 * single-threaded simulations.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store.h"

void *must_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p) {
		fprintf(stderr, "out of memory: %zu bytes; choose fewer --lbas or --jobs\n",
			n * size);
		exit(1);
	}
	return p;
}

/* ---- what the core links ------------------------------------------------ */

void ftl_lock_init(struct ftl_lock *l)
{
	l->opaque[0] = 0;
}

/* One thread: a lock that is held twice is a bug of the core. */
unsigned long ftl_lock(struct ftl_lock *l)
{
	if (l->opaque[0]) {
		fprintf(stderr, "the core takes a lock that it holds\n");
		abort();
	}
	l->opaque[0] = 1;
	return 0;
}

void ftl_unlock(struct ftl_lock *l, unsigned long flags)
{
	l->opaque[0] = 0;
}

static u64 mix(u64 h, u64 word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 32;
}

static u64 mix_bytes(u64 h, const u8 *p, size_t len)
{
	u64 w;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&w, p, 8);
		h = mix(h, w);
	}
	for (; len; len--)
		h = mix(h, *p++);
	return h;
}

/*
 * Not CRC32C: nothing is corrupted here, and collection checks every page that
 * it copies. The ends of a page and its length tell as much at a tenth of the
 * time; whatever the core compares, both sides come from here.
 */
u32 ftl_crc32c(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;
	u64 h = mix(crc, len);

	if (len <= 128)
		return (u32)mix_bytes(h, p, len);
	return (u32)mix_bytes(mix_bytes(h, p, 64), p + len - 64, 64);
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

/* ---- environment -------------------------------------------------------- */

void *plain_alloc(void *ctx, size_t bytes)
{
	return calloc(1, bytes);
}

void plain_free(void *ctx, void *p, size_t bytes)
{
	free(p);
}

void plain_log(void *ctx, enum ftl_log_level level, const char *line)
{
	if (level <= FTL_WARN)
		fprintf(stderr, "ftl: %s\n", line);
}

void plain_progress(void *ctx, u32 percent)
{
}

void plain_wake(void *ctx)
{
}

/* Runs repeat exactly: no clock of this world. */
u64 plain_now_sec(void *ctx)
{
	return 1;
}

int plain_buf_alloc(struct media *m, u32 units, struct media_buf *buf)
{
	buf->va = must_alloc(units, FIO_MEDIA_UNIT);
	buf->units = units;
	return 0;
}

void plain_buf_free(struct media *m, struct media_buf *buf)
{
	free(buf->va);
	buf->va = NULL;
}

void plain_copy(struct media *m, struct ftl_io *io, u32 off, void *va, u32 len, bool to_io)
{
}

void plain_zero(struct media *m, struct ftl_io *io, u32 off, u32 len)
{
}

/* ---- pages -------------------------------------------------------------- */

void store_init(struct store *s, const struct media_geometry *g)
{
	memset(s, 0, sizeof(*s));
	s->pages = g->pages;
	s->total = g->dies * g->aus * g->pages;
	s->tag = must_alloc(s->total, sizeof(*s->tag));
	s->content = must_alloc(s->total, sizeof(*s->content));
	s->wp = must_alloc((size_t)g->dies * g->aus, sizeof(*s->wp));
	s->rich = must_alloc((size_t)g->dies * g->aus, 1);
}

static void erase(struct store *s, u32 au)
{
	u32 i, unit = au * s->pages;

	s->wp[au] = 0;
	s->erases++;
	if (!s->rich[au])
		return;
	for (i = unit; i < unit + s->pages; i++) {
		free(s->content[i]);
		s->content[i] = NULL;
	}
	s->rich[au] = 0;
}

void store_free(struct store *s)
{
	u32 au;

	for (au = 0; au < s->total / s->pages; au++)
		erase(s, au);
	free(s->tag);
	free(s->content);
	free(s->wp);
	free(s->rich);
}

u64 store_units(const struct store *s)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < STORE_TYPES; i++)
		sum += i == FIO_TAG_SUPER ? 0 : s->appended[i];
	return sum;
}

static bool has_content(u8 type)
{
	return type != FIO_TAG_DATA && type != FIO_TAG_PAD;
}

static void keep(struct store *s, u32 unit, const struct media_cmd *cmd, u32 i)
{
	const u8 *from = (const u8 *)cmd->buf->va + cmd->buf_off + i * FIO_MEDIA_UNIT;

	s->content[unit] = must_alloc(1, FIO_MEDIA_UNIT);
	memcpy(s->content[unit], from, FIO_MEDIA_UNIT);
	s->rich[unit / s->pages] = 1;
}

static void append(struct store *s, struct media_cmd *cmd)
{
	u32 i, au, unit;

	for (i = 0; i < cmd->n; i++) {
		au = cmd->unit[i] / s->pages;
		if (s->wp[au] >= s->pages) {
			cmd->status = MEDIA_AU_STATE;
			cmd->failed |= BIT_ULL(i);
			continue;
		}
		unit = au * s->pages + s->wp[au]++;
		cmd->unit[i] = unit;
		s->tag[unit] = cmd->tag[i];
		s->appended[cmd->tag[i].type & (STORE_TYPES - 1)]++;
		if (cmd->buf && has_content(cmd->tag[i].type))
			keep(s, unit, cmd, i);
	}
}

/* Whatever is in the buffer is called the data that was stored there. */
static void read_unit(struct store *s, struct media_cmd *cmd, u32 i)
{
	u32 unit = cmd->unit[i], crc;
	struct fio_tag *tag = &cmd->tag[i];
	u8 *data;

	*tag = s->tag[unit];
	if (!cmd->buf)
		return;
	data = (u8 *)cmd->buf->va + cmd->buf_off + i * FIO_MEDIA_UNIT;
	if (s->content[unit])
		memcpy(data, s->content[unit], FIO_MEDIA_UNIT);
	crc = ftl_crc32c(0, data, FIO_MEDIA_UNIT);
	tag->crc = cpu_to_le32(ftl_crc32c(crc, tag, offsetof(struct fio_tag, crc)));
}

static void read_units(struct store *s, struct media_cmd *cmd)
{
	u32 i, unit;

	for (i = 0; i < cmd->n; i++) {
		unit = cmd->unit[i];
		if (unit == FIO_UNIT_NONE)
			continue;
		if (unit % s->pages < s->wp[unit / s->pages]) {
			read_unit(s, cmd, i);
			continue;
		}
		cmd->status = MEDIA_ERASED;
		cmd->failed |= BIT_ULL(i);
	}
}

static void report(struct store *s, struct media_cmd *cmd)
{
	u32 i, wp;

	for (i = 0; i < cmd->n; i++) {
		wp = s->wp[cmd->unit[i] / s->pages];
		cmd->au[i] = (struct media_au){
			.state = !wp ? MEDIA_AU_FREE :
				 wp < s->pages ? MEDIA_AU_OPEN : MEDIA_AU_CLOSED,
			.write_ptr = wp,
		};
	}
}

void store_do(struct store *s, struct media_cmd *cmd)
{
	u32 i;

	cmd->status = MEDIA_OK;
	cmd->failed = 0;
	switch (cmd->op) {
	case MEDIA_APPEND:
		append(s, cmd);
		break;
	case MEDIA_READ:
		read_units(s, cmd);
		break;
	case MEDIA_RESET:
		for (i = 0; i < cmd->n; i++)
			erase(s, cmd->unit[i] / s->pages);
		break;
	case MEDIA_REPORT:
		report(s, cmd);
		break;
	default:
		break;
	}
}
