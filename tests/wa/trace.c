// SPDX-License-Identifier: GPL-2.0-only
/*
 * See trace.h. Requests are first kept with their addresses as in the file, the
 * device in the upper bits; when all are known the addresses in use are sorted
 * and replaced by their positions.
 */
#include <stdlib.h>

#include "store.h"
#include "trace.h"

#define FIELDS		8
#define SHOWN		20
#define DEVICE_SHIFT	44	/* units of a device: 2^44 * 4 KiB */
#define MAX_BYTES	BIT_ULL(30)

struct raw {
	u64 at;		/* device and unit */
	u32 count;
};

struct loader {
	struct trace *t;
	struct raw *raw;
	u64 count, room;
};

struct line {
	bool write;
	u64 device, offset, bytes;
};

/* ---- lines -------------------------------------------------------------- */

static u32 split(char *text, char **field)
{
	u32 n = 0;

	text[strcspn(text, "\r\n")] = 0;
	while (n < FIELDS) {
		field[n++] = text;
		text = strchr(text, ',');
		if (!text)
			break;
		*text++ = 0;
	}
	return n;
}

static const char *number(const char *text, u64 *value)
{
	char *end;

	while (*text == ' ')
		text++;
	if (*text < '0' || *text > '9')
		return "not a number";
	errno = 0;
	*value = strtoull(text, &end, 10);
	while (*end == ' ')
		end++;
	return errno ? "a number out of range" : *end ? "not a number" : NULL;
}

static const char *direction(const char *text, bool *write)
{
	while (*text == ' ')
		text++;
	if (*text != 'R' && *text != 'W' && *text != 'r' && *text != 'w')
		return "neither a read nor a write";
	*write = *text == 'W' || *text == 'w';
	return NULL;
}

/* Which field is what. */
static const struct layout {
	u32 fields, device, type, offset, bytes;
} layouts[] = {
	[TRACE_MSR] = { 7, 2, 3, 4, 5 },
	[TRACE_ALIBABA] = { 5, 0, 1, 2, 3 },
};

/* NULL, or what is wrong. */
static const char *parse(char *text, const struct layout *f, struct line *l)
{
	char *field[FIELDS];
	const char *wrong = NULL;

	if (split(text, field) != f->fields)
		return "another number of fields";
	wrong = direction(field[f->type], &l->write);
	if (!wrong)
		wrong = number(field[f->device], &l->device);
	if (!wrong)
		wrong = number(field[f->offset], &l->offset);
	if (!wrong)
		wrong = number(field[f->bytes], &l->bytes);
	if (wrong)
		return wrong;
	if (!l->bytes || l->bytes > MAX_BYTES)
		return "a length of nothing or of more than 1 GiB";
	if (l->offset >> (DEVICE_SHIFT + 12) || l->device >> (64 - DEVICE_SHIFT))
		return "an address that no device has";
	return NULL;
}

/* ---- requests ----------------------------------------------------------- */

static void add(struct loader *ld, const struct line *l)
{
	u64 first = l->offset / FIO_MEDIA_UNIT;
	u64 end = (l->offset + l->bytes + FIO_MEDIA_UNIT - 1) / FIO_MEDIA_UNIT;

	for (; first < end; first += TRACE_MAX_UNITS) {
		if (ld->count == ld->room) {
			ld->room = ld->room ? ld->room * 2 : 1024;
			ld->raw = realloc(ld->raw, ld->room * sizeof(*ld->raw));
			if (!ld->raw) {
				fprintf(stderr, "out of memory: the trace is too long\n");
				exit(1);
			}
		}
		ld->raw[ld->count++] = (struct raw){
			.at = l->device << DEVICE_SHIFT | first,
			.count = (u32)min_t(u64, end - first, TRACE_MAX_UNITS),
		};
	}
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

static u64 unique(u64 *at, u64 n)
{
	u64 i, k = 0;

	qsort(at, n, sizeof(*at), compare);
	for (i = 0; i < n; i++)
		if (!k || at[i] != at[k - 1])
			at[k++] = at[i];
	return k;
}

static u32 position(const u64 *at, u64 n, u64 key)
{
	const u64 *p = bsearch(&key, at, n, sizeof(*at), compare);

	return (u32)(p - at);
}

/* Neighbours are neighbours afterwards: a request stays one run. */
static void pack(struct loader *ld)
{
	struct trace *t = ld->t;
	u64 i, n = 0, k, *at;

	for (i = 0; i < ld->count; i++)
		t->units += ld->raw[i].count;
	at = must_alloc(t->units, sizeof(*at));
	for (i = 0; i < ld->count; i++)
		for (k = 0; k < ld->raw[i].count; k++)
			at[n++] = ld->raw[i].at + k;
	n = unique(at, n);
	t->lbas = (u32)n;
	t->count = ld->count;
	t->req = must_alloc(ld->count, sizeof(*t->req));
	for (i = 0; i < ld->count; i++)
		t->req[i] = (struct trace_req){ position(at, n, ld->raw[i].at), ld->raw[i].count };
	free(at);
}

/* A line, or its beginning: what is too long for any trace cannot be parsed anyway. */
static bool read_line(FILE *in, char *text, size_t size)
{
	int c;

	if (!fgets(text, size, in))
		return false;
	if (!strchr(text, '\n'))
		for (c = getc(in); c != EOF && c != '\n'; )
			c = getc(in);
	return true;
}

int trace_load(FILE *in, const char *name, enum trace_format format, struct trace *t, FILE *err)
{
	struct loader ld = { .t = t };
	const char *wrong;
	char text[256];
	struct line l;

	memset(t, 0, sizeof(*t));
	while (read_line(in, text, sizeof(text))) {
		t->lines++;
		wrong = parse(text, &layouts[format], &l);
		if (!wrong && l.write)
			add(&ld, &l);
		else if (!wrong)
			t->reads++;
		else if (++t->bad <= SHOWN && err)
			fprintf(err, "%s:%llu: %s: left out\n", name,
				(unsigned long long)t->lines, wrong);
	}
	if (ld.count)
		pack(&ld);
	free(ld.raw);
	if (ld.count && t->bad * 2 <= t->lines)
		return 0;
	trace_free(t);
	return -EINVAL;
}

void trace_free(struct trace *t)
{
	free(t->req);
	t->req = NULL;
	t->count = 0;
}
