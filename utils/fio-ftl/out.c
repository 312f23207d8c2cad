// SPDX-License-Identifier: GPL-2.0-only
/*
 * One answer, two forms: what the commands put into a JSON object is printed as such,
 * or as text: members as "name: value", arrays of objects as tables. A member that a
 * later format adds shows up in both by being added once.
 *
 * Does not know: what any of it means.
 */
#include <stdlib.h>
#include <string.h>

#include "utils/fio-ftl/fio-ftl.h"

#define MAX_COLUMNS	16
#define NAME_LEN	32

void out_u64(struct json_object *o, const char *name, u64 v)
{
	json_object_object_add(o, name, json_object_new_uint64(v));
}

void out_unit(struct json_object *o, const char *name, u32 unit)
{
	json_object_object_add(o, name, unit == FIO_UNIT_NONE ? NULL : json_object_new_int64(unit));
}

void out_str(struct json_object *o, const char *name, const char *v)
{
	json_object_object_add(o, name, v ? json_object_new_string(v) : NULL);
}

void out_bool(struct json_object *o, const char *name, bool v)
{
	json_object_object_add(o, name, json_object_new_boolean(v));
}

static const char *words(const char *name, char *buf)
{
	u32 i;

	for (i = 0; name[i] && i < NAME_LEN - 1; i++)
		buf[i] = name[i] == '_' ? ' ' : name[i];
	buf[i] = '\0';
	return buf;
}

static const char *value_text(struct json_object *v)
{
	if (!v)
		return "-";
	if (json_object_is_type(v, json_type_boolean))
		return json_object_get_boolean(v) ? "yes" : "no";
	return json_object_get_string(v);
}

static bool is_number(struct json_object *v)
{
	return json_object_is_type(v, json_type_int);
}

struct column {
	const char *name;
	int width;
};

static u32 find_columns(struct json_object *rows, struct column *col)
{
	size_t i, n = json_object_array_length(rows);
	char buf[NAME_LEN];
	u32 cols = 0, c;

	json_object_object_foreach(json_object_array_get_idx(rows, 0), name, first) {
		if (cols == MAX_COLUMNS)
			break;
		col[cols].name = name;
		col[cols++].width = (int)strlen(words(name, buf));
		(void)first;
	}
	for (i = 0; i < n; i++)
		for (c = 0; c < cols; c++) {
			struct json_object *v = NULL, *row = json_object_array_get_idx(rows, i);

			json_object_object_get_ex(row, col[c].name, &v);
			col[c].width = max_t(int, col[c].width, strlen(value_text(v)));
		}
	return cols;
}

static void print_row(struct json_object *row, const struct column *col, u32 cols)
{
	u32 c;

	for (c = 0; c < cols; c++) {
		struct json_object *v = NULL;
		char buf[NAME_LEN];
		const char *text;
		int width = col[c].width;

		if (row)
			json_object_object_get_ex(row, col[c].name, &v);
		text = row ? value_text(v) : words(col[c].name, buf);
		if (row && is_number(v))
			printf("  %*s", width, text);
		else if (c + 1 < cols)
			printf("  %-*s", width, text);
		else
			printf("  %s", text);
	}
	putchar('\n');
}

static void print_table(struct json_object *rows)
{
	size_t i, n = json_object_array_length(rows);
	struct column col[MAX_COLUMNS];
	u32 cols;

	if (!n) {
		puts("  none");
		return;
	}
	if (!json_object_is_type(json_object_array_get_idx(rows, 0), json_type_object)) {
		for (i = 0; i < n; i++)
			printf("  %s\n", value_text(json_object_array_get_idx(rows, i)));
		return;
	}
	cols = find_columns(rows, col);
	print_row(NULL, col, cols);
	for (i = 0; i < n; i++)
		print_row(json_object_array_get_idx(rows, i), col, cols);
}

static void print_member(const char *name, struct json_object *v, int indent)
{
	char buf[NAME_LEN];

	if (json_object_is_type(v, json_type_object)) {
		printf("%*s%s:\n", indent, "", words(name, buf));
		json_object_object_foreach(v, key, inner)
			print_member(key, inner, indent + 2);
	} else if (json_object_is_type(v, json_type_array)) {
		printf("%*s%s:\n", indent, "", words(name, buf));
		print_table(v);
	} else {
		printf("%*s%s: %s\n", indent, "", words(name, buf), value_text(v));
	}
}

void out_print(struct json_object *o, bool json)
{
	if (json) {
		puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
		return;
	}
	json_object_object_foreach(o, name, v)
		print_member(name, v, 0);
}
