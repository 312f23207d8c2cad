// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-ftl export: the logical contents of a card, as much as can be had.
 *
 * Owns: where contents come from (the core's map, or the facts when --raw), the output
 * file or pipe, the map file that says what is missing. Does not know: how either
 * reader finds a block.
 *
 * What cannot be read is left as a hole and named; it never ends the export. The map
 * file is in the form that GNU ddrescue writes, so that tools for those can show it,
 * or fill the gaps from another copy.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "utils/fio-ftl/fio-ftl.h"

#define BATCH	FTL_MAX_UNITS

/**
 * struct export - one under way
 * @f: the core, or NULL when --raw, then
 * @facts: says where things are
 * @fd: output; @pipe: it cannot be sought in
 * @run_from, @run_bad: map file: the run of equal status that is growing
 * @good, @bad, @holes: units
 */
struct export {
	struct source *s;
	const struct options *o;
	struct ftl *f;
	struct facts facts;
	u64 units;
	int fd;
	bool pipe;
	FILE *map;
	u64 run_from;
	bool run_bad;
	u64 good, bad, holes;
	u32 percent;
	u8 *buf;
};

/* ---- where contents come from ----------------------------------------------------------- */

static u32 where(const struct export *x, u64 lu)
{
	return x->f ? ftl_lookup(x->f, lu) : x->facts.lu[lu].unit;
}

static int read_raw(struct export *x, u64 lu, void *data)
{
	struct fio_tag tag;

	if (source_fetch(x->s, where(x, lu), data, &tag, NULL) || tag.type != FIO_TAG_DATA ||
	    le64_to_cpu(tag.lba) != lu || le16_to_cpu(tag.flags) & FIO_TAG_LOST)
		return -ENODATA;
	return 0;
}

static int read_units(struct export *x, u64 lu, u32 n, void *data)
{
	u32 i;
	int err = 0;

	if (x->f)
		return source_get_units(x->s, x->f, lu, n, data);
	for (i = 0; !err && i < n; i++)
		err = read_raw(x, lu + i, (u8 *)data + i * FIO_MEDIA_UNIT);
	return err;
}

/* ---- where they go -------------------------------------------------------------------------- */

static int write_all(int fd, const u8 *p, size_t len)
{
	ssize_t n;

	for (; len; p += n, len -= n) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return -errno;
	}
	return 0;
}

static bool all_zero(const u8 *p, size_t len)
{
	return !p[0] && !memcmp(p, p + 1, len - 1);
}

/* A hole where nothing but zeroes would be; a pipe gets them. */
static int put_units(struct export *x, u32 n, const void *data)
{
	size_t len = (size_t)n * FIO_MEDIA_UNIT;

	if (!x->pipe && all_zero(data, len))
		return lseek(x->fd, (off_t)len, SEEK_CUR) < 0 ? -errno : 0;
	return write_all(x->fd, data, len);
}

static void end_run(struct export *x, u64 to)
{
	if (x->map && to > x->run_from)
		fprintf(x->map, "0x%010llX  0x%010llX  %c\n",
			(unsigned long long)x->run_from * FIO_MEDIA_UNIT,
			(unsigned long long)(to - x->run_from) * FIO_MEDIA_UNIT,
			x->run_bad ? '-' : '+');
	x->run_from = to;
}

static void note(struct export *x, u64 lu, u32 n, bool bad)
{
	if (bad != x->run_bad)
		end_run(x, lu);
	x->run_bad = bad;
	*(bad ? &x->bad : &x->good) += n;
}

/* ---- the work -------------------------------------------------------------------------------- */

static void progress(struct export *x, u64 lu)
{
	u32 pct = (u32)(lu * 100 / x->units);

	if (x->o->verbosity != FIO_PROGRESS || (pct == x->percent && lu))
		return;
	x->percent = pct;
	fprintf(stderr, "\rExporting: %3u%%", pct);
	if (lu == x->units)
		fputc('\n', stderr);
}

/* How many units from @lu on are alike: mapped, or not. */
static u32 alike(const struct export *x, u64 lu)
{
	bool none = where(x, lu) == FIO_UNIT_NONE;
	u32 n = 1;

	while (n < BATCH && lu + n < x->units && (where(x, lu + n) == FIO_UNIT_NONE) == none)
		n++;
	return n;
}

/* Together if that works, else one by one: a batch fails as a whole. */
static int export_mapped(struct export *x, u64 lu, u32 n)
{
	u32 i;
	int err = read_units(x, lu, n, x->buf);

	if (!err) {
		note(x, lu, n, false);
		return put_units(x, n, x->buf);
	}
	for (i = 0, err = 0; !err && i < n; i++) {
		bool bad = read_units(x, lu + i, 1, x->buf);

		if (bad)
			memset(x->buf, 0, FIO_MEDIA_UNIT);
		note(x, lu + i, 1, bad);
		err = put_units(x, 1, x->buf);
	}
	return err;
}

static int export_all(struct export *x)
{
	u64 lu;
	u32 n;
	int err = 0;

	for (lu = 0; !err && lu < x->units; lu += n) {
		progress(x, lu);
		n = alike(x, lu);
		if (where(x, lu) != FIO_UNIT_NONE) {
			err = export_mapped(x, lu, n);
			continue;
		}
		memset(x->buf, 0, (size_t)n * FIO_MEDIA_UNIT);
		note(x, lu, n, false);
		x->good -= n;
		x->holes += n;
		err = put_units(x, n, x->buf);
	}
	if (!err && !x->pipe && ftruncate(x->fd, (off_t)x->units * FIO_MEDIA_UNIT))
		err = -errno;
	if (!err)
		progress(x, x->units);
	end_run(x, lu);
	return err;
}

/* ---- setting out ------------------------------------------------------------------------ */

static int open_output(struct export *x)
{
	const char *path = x->o->output;
	struct stat st;

	x->fd = STDOUT_FILENO;
	if (strcmp(path, "-")) {
		x->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC |
			     (x->o->force ? O_TRUNC : O_EXCL), 0666);
		if (x->fd < 0 && errno == EEXIST)
			fio_error("%s exists: give --force to overwrite it", path);
		else if (x->fd < 0)
			fio_error("%s cannot be created: %s", path, strerror(errno));
		if (x->fd < 0)
			return FIO_EXIT_ERROR;
	} else if (isatty(STDOUT_FILENO)) {
		fio_error("not written to a terminal: redirect the output");
		return FIO_EXIT_USAGE;
	}
	x->pipe = fstat(x->fd, &st) || !S_ISREG(st.st_mode) || !strcmp(path, "-");
	return FIO_EXIT_OK;
}

static int open_map(struct export *x)
{
	if (!x->o->map)
		return FIO_EXIT_OK;
	x->map = fopen(x->o->map, x->o->force ? "we" : "wxe");
	if (!x->map) {
		fio_error("%s cannot be created: %s", x->o->map, strerror(errno));
		return FIO_EXIT_ERROR;
	}
	fprintf(x->map, "# Mapfile. Created by fio-ftl, which exported %s\n"
		"# current_pos  current_status  current_pass\n0x%010llX     +     1\n"
		"#      pos        size  status\n", x->s->path,
		(unsigned long long)x->units * FIO_MEDIA_UNIT);
	return FIO_EXIT_OK;
}

/* The output is opened with O_TRUNC: it must not be what is read. */
static bool same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return b && !stat(a, &sa) && !stat(b, &sb) && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

static int find_contents_raw(struct export *x)
{
	struct identity id;
	int err = identity_find(x->s, &id);

	if (!err)
		err = facts_read(x->s, &id, &x->facts);
	if (err) {
		fio_error("%s: %s", x->s->path, err == -ENOMEDIUM ?
			  "no page of data was found" : strerror(-err));
		return FIO_EXIT_ERROR;
	}
	x->units = id.user_units;
	if (!id.known)
		fio_error("%s: no superblock can be read: format and size (%llu bytes) are a guess from the pages",
			  x->s->path, (unsigned long long)x->units * FIO_MEDIA_UNIT);
	if (x->facts.unreadable || x->facts.lost_meta)
		fio_error("%s: %llu pages and %u of metadata cannot be read: blocks last written there show older contents, and trimmed ones may show any",
			  x->s->path, (unsigned long long)x->facts.unreadable,
			  x->facts.lost_meta);
	return FIO_EXIT_OK;
}

static int find_contents(struct export *x)
{
	struct ftl_info info;
	int err;

	if (x->o->raw)
		return find_contents_raw(x);
	x->f = source_attach(x->s, x->o->scan ? FTL_ATTACH_RESCAN : 0, &err);
	if (!x->f) {
		fio_error("%s: cannot be attached (%s): --raw goes without superblocks and checks",
			  x->s->path, strerror(-err));
		return FIO_EXIT_ERROR;
	}
	ftl_get_info(x->f, &info);
	x->units = info.user_units;
	return FIO_EXIT_OK;
}

static int finish(struct export *x, int err)
{
	if (x->map && fclose(x->map) && !err)
		err = -errno;
	x->map = NULL;
	if (x->fd != STDOUT_FILENO && close(x->fd) && !err)
		err = -errno;
	if (err) {
		fio_error("%s cannot be written: %s", x->o->output, strerror(-err));
		return FIO_EXIT_ERROR;
	}
	if (x->o->verbosity != FIO_QUIET)
		fprintf(stderr, "%s: %llu units of 4096 bytes: %llu with data, %llu never written or trimmed, %llu lost\n",
			x->s->path, (unsigned long long)x->units, (unsigned long long)x->good,
			(unsigned long long)x->holes, (unsigned long long)x->bad);
	return x->bad ? FIO_EXIT_DEGRADED : FIO_EXIT_OK;
}

int cmd_export(struct source *s, const struct options *o)
{
	struct export x = { .s = s, .o = o, .percent = 101 };
	int ret;

	if (same_file(s->path, o->output) || same_file(s->path, o->map)) {
		fio_error("%s is the image itself: it is not written to", s->path);
		return FIO_EXIT_USAGE;
	}
	x.buf = malloc(BATCH * FIO_MEDIA_UNIT);
	ret = x.buf ? find_contents(&x) : FIO_EXIT_ERROR;
	if (ret == FIO_EXIT_OK)
		ret = open_output(&x);
	if (ret == FIO_EXIT_OK)
		ret = open_map(&x);
	if (ret == FIO_EXIT_OK)
		ret = finish(&x, export_all(&x));
	if (x.f)
		ftl_destroy(x.f);
	facts_free(&x.facts);
	free(x.buf);
	return ret;
}
