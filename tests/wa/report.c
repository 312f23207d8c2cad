// SPDX-License-Identifier: GPL-2.0-only
/*
 * See report.h; plots are in plot.c. The targets here are the project's, set
 * before there were figures: a row that misses one says so.
 */
#include <json-c/json.h>
#include <stdio.h>

#include "ref.h"
#include "report.h"

const char *const wa_policy_names[WA_POLICIES] = {
	[WA_DRIVER] = "driver", [WA_LADDER] = "ladder", [WA_GREEDY] = "greedy",
	[WA_SEPBIT] = "sepbit", [WA_ORACLE] = "oracle",
};

/* Of the metadata, a rolling checkpoint may cost so much; sequential writes see only that. */
#define CHECKPOINT_SHARE	0.016

static double mean_of(const struct wa_row *row, size_t offset)
{
	double sum = 0;
	u32 i;

	for (i = 0; i < row->ran[WA_DRIVER]; i++)
		sum += *(double *)((char *)row->result[WA_DRIVER][i] + offset);
	return row->ran[WA_DRIVER] ? sum / row->ran[WA_DRIVER] : 0;
}

#define MEAN(row, part)	mean_of(row, offsetof(struct wa_result, part))

double report_data(const struct wa_row *row)
{
	double data = row->wa[WA_DRIVER] - MEAN(row, parity);

	return row->class == LOAD_SEQUENTIAL ? data : data - MEAN(row, meta);
}

static u32 data_pages(const struct wa_row *row)
{
	return row->unit_pages - (row->parity ? row->unit_pages / WA_PARITY_DIES : 0);
}

void report_row(struct wa_row *row)
{
	double lowest = 1e30, highest = 0, wa;
	u32 p, i;

	for (p = 0; p < WA_POLICIES; p++) {
		for (i = 0; i < row->ran[p]; i++) {
			wa = row->result[p][i]->wa;
			row->wa[p] += wa / row->ran[p];
			if (p != WA_DRIVER)
				continue;
			lowest = wa < lowest ? wa : lowest;
			highest = wa > highest ? wa : highest;
		}
	}
	if (row->ran[WA_DRIVER])
		row->spread = (highest - lowest) / row->wa[WA_DRIVER];
	if (row->class == LOAD_UNIFORM)
		row->theory = ref_theory(data_pages(row), row->op);
	else if (row->class == LOAD_SEQUENTIAL)
		row->theory = 1;
}

double report_target(const struct wa_row *row)
{
	if (row->limit > 0)
		return row->limit;
	switch (row->class) {
	case LOAD_UNIFORM:
		return 1.01 * row->theory;
	case LOAD_SKEWED:
		return 1.10 * row->wa[WA_ORACLE];
	case LOAD_CHANGING:
		return row->wa[WA_SEPBIT];
	case LOAD_SEQUENTIAL:
		return row->theory + CHECKPOINT_SHARE;
	default:
		return 0;
	}
}

static const char *target_name(const struct wa_row *row)
{
	if (row->limit > 0)
		return "a published figure";
	switch (row->class) {
	case LOAD_UNIFORM:
		return "1.01 x theory";
	case LOAD_SKEWED:
		return "1.10 x oracle";
	case LOAD_CHANGING:
		return "SepBIT";
	default:
		return "theory and 1.6 % of metadata";
	}
}

/* ---- table -------------------------------------------------------------- */

void report_head(void)
{
	printf("%-13s %5s %5s  %7s = %5s + %6s + %6s + %6s + %5s  %7s %7s %7s %7s %7s %7s %6s  %s\n",
	       "workload", "op %", "unit", "driver", "user", "gc", "parity", "meta", "pad",
	       "theory", "oracle", "sepbit", "ladder", "greedy", "spread", "level", "driver to target");
}

static void cell(double value)
{
	if (value > 0)
		printf(" %7.3f", value);
	else
		printf(" %7s", "-");
}

void report_line(const struct wa_row *row)
{
	double target = report_target(row), wa = row->wa[WA_DRIVER], data = report_data(row);

	printf("%-13s %5.1f %5u  %7.3f = %5.3f + %6.3f + %6.3f + %6.3f + %5.3f ", row->name,
	       row->op * 100, row->unit_pages, wa, MEAN(row, user), MEAN(row, gc),
	       MEAN(row, parity), MEAN(row, meta), MEAN(row, pad));
	cell(row->theory);
	cell(row->wa[WA_ORACLE]);
	cell(row->wa[WA_SEPBIT]);
	cell(row->wa[WA_LADDER]);
	cell(row->wa[WA_GREEDY]);
	printf(" %6.2f%% %5.1f%%", row->spread * 100, MEAN(row, levelled) * 100);
	if (target > 0 && wa > 0)
		printf("  %.3f %s", data / target, data > target ? "MISS" : "ok");
	printf("\n");
	fflush(stdout);
}

u32 report_misses(const struct wa_row *row, u32 rows)
{
	u32 i, missed = 0, judged = 0;
	double target, data;

	for (i = 0; i < rows; i++) {
		target = report_target(&row[i]);
		data = report_data(&row[i]);
		if (target <= 0 || data <= 0)
			continue;
		judged++;
		if (data <= target)
			continue;
		missed++;
		printf("missed: %s at %.1f %%: %.3f, the target is %.3f (%s): %.1f %% above\n",
		       row[i].name, row[i].op * 100, data, target, target_name(&row[i]),
		       (data / target - 1) * 100);
	}
	printf("%u of %u rows reach their target\n", judged - missed, judged);
	return missed;
}

static bool within(const struct wa_row *row)
{
	double wa = report_data(row);

	if (wa <= 0)
		return true;
	if (row->class == LOAD_UNIFORM)
		return wa > .97 * row->theory && wa < 1.15 * row->theory;
	if (row->class == LOAD_SEQUENTIAL)
		return wa >= 1 && wa < 1.02;
	return row->wa[WA_GREEDY] <= 0 || wa < row->wa[WA_GREEDY];
}

u32 report_check(const struct wa_row *row, u32 rows)
{
	u32 i, bad = 0;

	for (i = 0; i < rows; i++) {
		if (within(&row[i]))
			continue;
		bad++;
		printf("wrong: %s at %.1f %%: %.3f cannot be right; theory %.3f, greedy %.3f\n",
		       row[i].name, row[i].op * 100, row[i].wa[WA_DRIVER], row[i].theory,
		       row[i].wa[WA_GREEDY]);
	}
	return bad;
}

/* ---- JSON --------------------------------------------------------------- */

static void add_number(struct json_object *o, const char *key, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.4f", value);
	json_object_object_add(o, key, json_object_new_double_s(value, text));
}

/* null where nothing is known or nothing ran */
static void add_known(struct json_object *o, const char *key, double value)
{
	if (value > 0)
		add_number(o, key, value);
	else
		json_object_object_add(o, key, NULL);
}

static struct json_object *parts(const struct wa_row *row)
{
	struct json_object *o = json_object_new_object();

	add_number(o, "user", MEAN(row, user));
	add_number(o, "gc", MEAN(row, gc));
	add_number(o, "parity", MEAN(row, parity));
	add_number(o, "meta", MEAN(row, meta));
	add_number(o, "pad", MEAN(row, pad));
	return o;
}

static struct json_object *json_row(const struct wa_row *row)
{
	struct json_object *o = json_object_new_object();
	double target = report_target(row);
	u32 p;

	json_object_object_add(o, "workload", json_object_new_string(row->name));
	add_number(o, "op", row->op * 100);
	json_object_object_add(o, "unit_pages", json_object_new_int(row->unit_pages));
	json_object_object_add(o, "with_parity", json_object_new_boolean(row->parity));
	json_object_object_add(o, "lbas", json_object_new_int(row->lbas));
	add_known(o, "wa", row->wa[WA_DRIVER]);
	json_object_object_add(o, "parts", parts(row));
	add_known(o, "theory", row->theory);
	for (p = WA_DRIVER + 1; p < WA_POLICIES; p++)
		add_known(o, wa_policy_names[p], row->wa[p]);
	json_object_object_add(o, "seeds", json_object_new_int(row->ran[WA_DRIVER]));
	add_number(o, "spread", row->spread);
	add_number(o, "levelled", MEAN(row, levelled));
	add_known(o, "target", target);
	if (target > 0 && row->wa[WA_DRIVER] > 0)
		json_object_object_add(o, "reached",
				       json_object_new_boolean(report_data(row) <= target));
	return o;
}

int report_json(const struct wa_row *row, u32 rows, const char *path)
{
	struct json_object *all = json_object_new_array();
	int err;
	u32 i;

	for (i = 0; i < rows; i++)
		json_object_array_add(all, json_row(&row[i]));
	err = json_object_to_file_ext(path, all, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
	json_object_put(all);
	if (!err)
		return 0;
	fprintf(stderr, "fio-wa: cannot write %s: %s\n", path, json_util_get_last_err());
	return -EIO;
}
