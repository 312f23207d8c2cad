// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-ftl check: does the state on the flash hold together.
 *
 * Owns: the list of what is looked at, and how: the core's own invariants on the
 * recovered state, the core's map against the one that facts.c finds, and a second
 * recovery against the first. Does not know: how a damaged card is mended.
 */
#include <errno.h>
#include <stdlib.h>

#include "utils/fio-ftl/fio-ftl.h"

#define EXAMPLES 20	/* blocks that are named one by one */

struct checking {
	struct source *s;
	struct ftl *f;
	u32 *map;		/* of the first attach */
	u64 units;
	struct json_object *out, *checks, *examples;
	bool bad;
};

static void result(void *ctx, const struct ftl_check_result *r)
{
	struct json_object *o = json_object_new_object();
	struct checking *c = ctx;

	out_str(o, "id", r->id);
	out_str(o, "result", r->violations ? "VIOLATED" : "ok");
	out_u64(o, "examined", r->examined);
	out_u64(o, "violations", r->violations);
	out_str(o, "what", r->what);
	json_object_array_add(c->checks, o);
	c->bad |= r->violations;
}

static void tell(struct checking *c, const char *id, const char *what, u64 examined, u64 bad)
{
	const struct ftl_check_result r = {
		.id = id, .what = what, .examined = examined, .violations = bad,
	};

	result(c, &r);
}

static void example(struct checking *c, u64 lu, const char *what, u32 core, u32 other)
{
	struct json_object *o;

	if (json_object_array_length(c->examples) >= EXAMPLES)
		return;
	o = json_object_new_object();
	out_u64(o, "logical_unit", lu);
	out_unit(o, "map", core);
	out_unit(o, "found", other);
	out_str(o, "what", what);
	json_object_array_add(c->examples, o);
}

static int copy_map(struct checking *c)
{
	struct ftl_info info;
	u64 lu;

	ftl_get_info(c->f, &info);
	c->units = info.user_units;
	c->map = malloc(c->units * sizeof(*c->map));
	if (!c->map)
		return -ENOMEM;
	for (lu = 0; lu < c->units; lu++)
		c->map[lu] = ftl_lookup(c->f, lu);
	return 0;
}

static void note_recovery(struct checking *c)
{
	struct json_object *o = json_object_new_object();
	struct ftl_recovery rec;
	struct ftl_stats st;

	ftl_get_recovery(c->f, &rec);
	ftl_get_stats(c->f, &st);
	out_str(o, "superblock", rec.clean ? "clean" : "dirty: recovered by scanning");
	out_u64(o, "units_scanned", rec.units_scanned);
	out_u64(o, "journal_pages", rec.journal_pages);
	out_u64(o, "map_pages_loaded", rec.leaves_loaded);
	out_u64(o, "units_mapped", st.units_mapped);
	out_u64(o, "bad_append_units", st.stripes_bad_aus);
	json_object_object_add(c->out, "attach", o);
}

/* Everything that is mapped comes back through the driver's own read path. */
static void check_readable(struct checking *c)
{
	u8 data[FIO_MEDIA_UNIT];
	u64 lu, examined = 0, bad = 0;

	for (lu = 0; lu < c->units; lu++) {
		if (c->map[lu] == FIO_UNIT_NONE)
			continue;
		examined++;
		if (!source_get_units(c->s, c->f, lu, 1, data))
			continue;
		bad++;
		example(c, lu, "cannot be read", c->map[lu], FIO_UNIT_NONE);
	}
	tell(c, "READ", "every logical unit that is mapped can be read", examined, bad);
}

/*
 * The same version, in two places? A copy that collection made is as good as the
 * page it was made from, as long as that has not been erased.
 */
static bool same_version(struct source *s, u32 a, u32 b)
{
	u8 data[FIO_MEDIA_UNIT];
	struct fio_tag ta, tb;

	if (a == b)
		return true;
	return a != FIO_UNIT_NONE && b != FIO_UNIT_NONE && !source_fetch(s, a, data, &ta, NULL) &&
	       !source_fetch(s, b, data, &tb, NULL) && ta.lba == tb.lba && ta.seq == tb.seq &&
	       ta.media_id == tb.media_id && ta.type == tb.type;
}

/* I1 to the end: among all that is on the flash, the map names the newest. */
static int check_newest(struct checking *c)
{
	u64 lu, bad = 0;
	struct identity id = { .known = true };
	const struct fio_super *super = ftl_get_super(c->f);
	struct facts facts;
	int err;

	id.media_id = le32_to_cpu(super->media_id);
	id.user_units = c->units;
	id.never = le64_to_cpu(super->seq_base) - 1;
	id.group_seq = le64_to_cpu(super->group_seq);
	err = facts_read(c->s, &id, &facts);
	if (err)
		return err;
	for (lu = 0; lu < c->units; lu++) {
		if (same_version(c->s, c->map[lu], facts.lu[lu].unit))
			continue;
		bad++;
		example(c, lu, "not the newest on flash", c->map[lu], facts.lu[lu].unit);
	}
	tell(c, "I1n", "the map names the newest version, counting trims, of what is on flash",
	     c->units, bad);
	tell(c, "META", "every map and journal page that is needed can be read",
	     facts.pages[FIO_TAG_MAP] + facts.pages[FIO_TAG_JOURNAL], facts.lost_meta);
	out_u64(c->out, "unreadable_pages", facts.unreadable);
	out_u64(c->out, "pages_computed_from_parity", facts.rebuilt);
	out_u64(c->out, "pages_of_other_formats", facts.foreign);
	out_u64(c->out, "atomic_writes_cut_off", facts.cut_groups);
	facts_free(&facts);
	return 0;
}

/* Once more, by scanning even when the superblock is clean. */
static int check_repeat(struct checking *c)
{
	struct ftl *again;
	u64 lu, bad = 0;
	int err;

	again = source_attach(c->s, FTL_ATTACH_RESCAN, &err);
	for (lu = 0; lu < c->units; lu++) {
		if (again && same_version(c->s, c->map[lu], ftl_lookup(again, lu)))
			continue;
		bad++;
		example(c, lu, "a second recovery differs", c->map[lu],
			again ? ftl_lookup(again, lu) : FIO_UNIT_NONE);
	}
	if (again)
		ftl_destroy(again);
	tell(c, "I8", "a recovery, done again, finds the same map", c->units, bad);
	return err == -ENOMEM ? err : 0;
}

static int check_all(struct checking *c)
{
	int err = copy_map(c);

	if (err)
		return err;
	note_recovery(c);
	err = ftl_check_each(c->f, true, result, c);
	if (err && err != -EUCLEAN)
		return err;
	check_readable(c);
	err = check_newest(c);
	if (!err)
		err = check_repeat(c);
	tell(c, "SRC", "nothing tried to change the image", 1, c->s->refused);
	return err;
}

int cmd_check(struct source *s, const struct options *o)
{
	struct checking c = { .s = s };
	int err;

	c.f = source_attach(s, o->scan ? FTL_ATTACH_RESCAN : 0, &err);
	if (!c.f) {
		fio_error("%s: cannot be attached (%s); 'fio-ftl export --raw' may still save data",
			  s->path, strerror(-err));
		return FIO_EXIT_ERROR;
	}
	c.out = json_object_new_object();
	c.checks = json_object_new_array();
	c.examples = json_object_new_array();
	err = check_all(&c);
	out_str(c.out, "result", err ? "not finished" : c.bad ? "PROBLEMS FOUND" : "ok");
	json_object_object_add(c.out, "checks", c.checks);
	json_object_object_add(c.out, "examples", c.examples);
	json_object_object_add(c.out, "log", json_object_get(s->log));
	if (o->verbosity != FIO_QUIET || o->json)
		out_print(c.out, o->json);
	json_object_put(c.out);
	free(c.map);
	ftl_destroy(c.f);
	if (!err)
		return c.bad ? FIO_EXIT_DEGRADED : FIO_EXIT_OK;
	fio_error("%s: the check did not finish: %s", s->path, strerror(-err));
	return FIO_EXIT_ERROR;
}
