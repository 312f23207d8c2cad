// SPDX-License-Identifier: GPL-2.0-only
/*
 * The little JSON that the card's programs need.
 *
 * The printer walks the text once and never builds a tree: an opening bracket
 * indents, a comma ends a line, quotes are taken off. It is lenient on purpose:
 * its input is our own server's answer, and whatever arrives is better shown
 * than refused.
 */
#include <ctype.h>

#include "vcard/vfio-user/json.h"

/* Longest escape is \u00XX and the NUL after it. */
#define ESCAPE_ROOM 7

static size_t escape_one(char *out, unsigned char c)
{
	if (c == '"' || c == '\\')
		return sprintf(out, "\\%c", c);
	if (c < 0x20 || c == 0x7f)
		return sprintf(out, "\\u%04x", c);
	*out = c;
	return 1;
}

size_t vfu_json_escape(char *out, size_t out_len, const char *text)
{
	size_t len = 0;

	while (*text && len + ESCAPE_ROOM < out_len)
		len += escape_one(out + len, *text++);
	out[len] = '\0';
	return len;
}

void vfu_json_one_line(char *text)
{
	for (; *text; text++)
		if (*text == '\n' || *text == '\r')
			*text = ' ';
}

#define MAX_DEPTH 32

/**
 * struct printer - where vfu_json_print() is
 * @f: output
 * @p: next character
 * @depth: brackets open
 * @open: which ones, outermost first; deeper than the array counts as objects
 * @scalar: the last value was not an object or an array
 * @fresh: nothing is on the current line yet
 */
struct printer {
	FILE *f;
	const char *p;
	int depth;
	char open[MAX_DEPTH];
	bool scalar;
	bool fresh;
};

static void new_line(struct printer *pr)
{
	if (!pr->fresh)
		fputc('\n', pr->f);
	pr->fresh = true;
}

/* An object of an array: a row of a table, printed on one line. */
static bool in_row(const struct printer *pr)
{
	return pr->depth > 1 && pr->depth <= MAX_DEPTH &&
	       pr->open[pr->depth - 1] == '{' && pr->open[pr->depth - 2] == '[';
}

/* The outermost brackets are not worth an indentation, nor are those of a row. */
static void start(struct printer *pr)
{
	int levels = pr->depth - 1 - in_row(pr);

	pr->scalar = true;
	if (!pr->fresh)
		return;
	fprintf(pr->f, "%*s", levels > 0 ? levels * 2 : 0, "");
	pr->fresh = false;
}

static void print_string(struct printer *pr)
{
	start(pr);
	for (pr->p++; *pr->p && *pr->p != '"'; pr->p++) {
		if (*pr->p == '\\' && (pr->p[1] == '"' || pr->p[1] == '\\'))
			pr->p++;
		fputc(*pr->p, pr->f);
	}
	if (*pr->p)
		pr->p++;
}

static bool in_array(const struct printer *pr)
{
	return pr->depth > 0 && pr->depth <= MAX_DEPTH &&
	       pr->open[pr->depth - 1] == '[';
}

/* Scalars of an array share a line, as do members of a row; all else gets its own. */
static void print_comma(struct printer *pr)
{
	if ((in_array(pr) && pr->scalar) || in_row(pr))
		fputs(", ", pr->f);
	else
		new_line(pr);
	pr->p++;
}

static void print_bracket(struct printer *pr)
{
	if (*pr->p == '{' || *pr->p == '[') {
		if (*pr->p == '{')
			new_line(pr);
		if (pr->depth < MAX_DEPTH)
			pr->open[pr->depth] = *pr->p;
		pr->depth++;
	} else if (pr->depth) {
		pr->depth--;
		pr->scalar = false;
	}
	pr->p++;
}

static void print_other(struct printer *pr)
{
	start(pr);
	fputc(*pr->p, pr->f);
	if (*pr->p == ':' && !strchr("{ ", pr->p[1]) && strncmp(pr->p, ":[{", 3))
		fputc(' ', pr->f);
	pr->p++;
}

void vfu_json_print(FILE *f, const char *text)
{
	struct printer pr = { .f = f, .p = text, .fresh = true };

	while (*pr.p) {
		if (*pr.p == '"')
			print_string(&pr);
		else if (strchr("{}[]", *pr.p))
			print_bracket(&pr);
		else if (*pr.p == ',')
			print_comma(&pr);
		else if (isspace((unsigned char)*pr.p))
			pr.p++;
		else
			print_other(&pr);
	}
	new_line(&pr);
}
