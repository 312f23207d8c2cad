// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-ftl dump: what is where.
 *
 * Owns: the sections of the answer. Superblocks and single pages are shown also when
 * the core cannot attach; stripes, checkpoint and live journal are the core's view.
 * Does not know: whether any of it is right (check), or why (explain).
 */
#include <errno.h>
#include <stdlib.h>

#include "utils/fio-ftl/fio-ftl.h"

#define SYSTEM_AUS	8

static const char *const status_names[] = {
	[MEDIA_OK] = "good", [MEDIA_ERASED] = "erased",
	[MEDIA_UNCORRECTABLE] = "uncorrectable", [MEDIA_CRC] = "wrong CRC",
};

static const char *const au_names[] = {
	[MEDIA_AU_FREE] = "free", [MEDIA_AU_OPEN] = "open", [MEDIA_AU_CLOSED] = "closed",
	[MEDIA_AU_SUSPECT] = "suspect", [MEDIA_AU_BAD] = "bad", [MEDIA_AU_OFFLINE] = "offline",
};

static const char *status_name(u8 status)
{
	return status < ARRAY_SIZE(status_names) && status_names[status] ?
	       status_names[status] : "not readable";
}

static void add_place(struct json_object *o, const struct source *s, u32 unit)
{
	const struct media_geometry *g = &s->media.geo;

	out_unit(o, "unit", unit);
	out_unit(o, "stripe", unit / g->pages / g->dies);
	out_unit(o, "die", unit / g->pages % g->dies);
	out_unit(o, "page", unit % g->pages);
}

static void add_tag(struct json_object *o, const struct fio_tag *t)
{
	char id[16];

	snprintf(id, sizeof(id), "%08x", le32_to_cpu(t->media_id));
	out_str(o, "type", tag_type_name(t->type));
	out_u64(o, "lba", le64_to_cpu(t->lba));
	out_u64(o, "sequence", le64_to_cpu(t->seq));
	out_u64(o, "stripe_sequence", le64_to_cpu(t->stripe_seq));
	out_u64(o, "stream", t->stream);
	out_u64(o, "flags", le16_to_cpu(t->flags));
	out_u64(o, "group", le32_to_cpu(t->group));
	out_u64(o, "interval", t->interval);
	out_str(o, "media_id", id);
}

/* ---- the card, its superblocks ------------------------------------------------------- */

static struct json_object *card_section(struct source *s)
{
	const struct media_geometry *g = &s->media.geo;
	struct json_object *o = json_object_new_object();

	out_str(o, "image", s->path);
	out_str(o, "serial", s->info.serial);
	out_u64(o, "advertised_bytes", s->info.user_bytes);
	out_u64(o, "dies", g->dies);
	out_u64(o, "append_units_per_die", g->aus);
	out_u64(o, "units_per_append_unit", g->pages);
	out_u64(o, "power_cycles", s->info.power_cycles);
	out_u64(o, "unsafe_shutdowns", s->info.unsafe_shutdowns);
	out_u64(o, "bad_from_the_factory", s->info.factory_bad);
	out_u64(o, "gone_bad", s->info.grown_bad);
	out_bool(o, "switched_off_in_order", s->info.clean);
	return o;
}

static void add_super(struct json_object *list, const struct source *s, u32 unit,
		      const struct fio_super *super)
{
	struct json_object *o = json_object_new_object();
	char uuid[40];
	u32 i;

	for (i = 0; i < 16; i++)
		snprintf(uuid + 2 * i, 3, "%02x", super->uuid[i]);
	add_place(o, s, unit);
	out_bool(o, "valid", super_valid(super));
	out_u64(o, "generation", le64_to_cpu(super->generation));
	out_str(o, "state", super_state_name(le32_to_cpu(super->state)));
	out_u64(o, "version", le32_to_cpu(super->version));
	out_u64(o, "incompat", le32_to_cpu(super->features.incompat));
	out_u64(o, "user_units", le64_to_cpu(super->user_units));
	out_u64(o, "block_bytes", le32_to_cpu(super->lba_bytes));
	out_u64(o, "next_sequence", le64_to_cpu(super->seq));
	out_u64(o, "directories", le32_to_cpu(super->dirs));
	out_u64(o, "attaches", le64_to_cpu(super->attach_count));
	out_str(o, "uuid", uuid);
	json_object_array_add(list, o);
}

static struct json_object *super_section(struct source *s)
{
	const struct media_geometry *g = &s->media.geo;
	struct json_object *list = json_object_new_array();
	u32 unit, end = min_t(u32, g->aus, SYSTEM_AUS) * g->dies * g->pages;
	u8 data[FIO_MEDIA_UNIT];
	struct fio_tag tag;

	for (unit = 0; unit < end; unit++)
		if (!source_read(s, unit, data, &tag) && tag.type == FIO_TAG_SUPER)
			add_super(list, s, unit, (const void *)data);
	return list;
}

/* ---- the core's view ------------------------------------------------------------------- */

static struct json_object *state_section(struct ftl *f)
{
	struct json_object *o = json_object_new_object();
	struct ftl_recovery rec;
	struct ftl_stats st;

	ftl_get_recovery(f, &rec);
	ftl_get_stats(f, &st);
	out_bool(o, "clean", rec.clean);
	out_u64(o, "units_scanned", rec.units_scanned);
	out_u64(o, "bytes_read", rec.bytes_read);
	out_u64(o, "units_mapped", st.units_mapped);
	out_u64(o, "stripes", st.stripes);
	out_u64(o, "stripes_free", st.stripes_free);
	out_u64(o, "bad_append_units", st.stripes_bad_aus);
	out_u64(o, "reserve_permille", st.reserve_permille);
	return o;
}

static struct json_object *stripes_section(struct ftl *f)
{
	struct json_object *list = json_object_new_array(), *o;
	struct ftl_stripe_info info;
	u32 i;

	for (i = 0; !ftl_get_stripe(f, i, &info); i++) {
		o = json_object_new_object();
		out_u64(o, "stripe", i);
		out_str(o, "state", info.state);
		out_u64(o, "sequence", info.seq);
		out_u64(o, "stream", info.stream);
		out_u64(o, "valid", info.valid);
		out_u64(o, "size", info.size);
		out_u64(o, "bad", info.bad_aus);
		out_u64(o, "system", info.system_aus);
		out_u64(o, "suspect", info.suspect_aus);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *checkpoint_section(struct source *s, struct ftl *f)
{
	struct json_object *list = json_object_new_array(), *o;
	u8 data[FIO_MEDIA_UNIT];
	struct ftl_info info;
	struct fio_tag tag;
	u32 leaf, unit;
	u8 status;

	ftl_get_info(f, &info);
	for (leaf = 0; leaf < DIV_ROUND_UP(info.user_units, FIO_MAP_FANOUT); leaf++) {
		unit = ftl_get_snapshot(f, leaf);
		if (unit == FIO_UNIT_NONE)
			continue;
		status = source_read(s, unit, data, &tag);
		o = json_object_new_object();
		out_u64(o, "leaf", leaf);
		out_u64(o, "first_logical_unit", (u64)leaf * FIO_MAP_FANOUT);
		add_place(o, s, unit);
		out_u64(o, "sequence", status ? 0 : le64_to_cpu(tag.seq));
		out_str(o, "page_is", status_name(status));
		json_object_array_add(list, o);
	}
	return list;
}

static void add_records(struct json_object *list, u32 unit, const struct fio_journal *j)
{
	struct json_object *o;
	u32 i;

	for (i = 0; i < le32_to_cpu(j->count); i++) {
		o = json_object_new_object();
		out_unit(o, "unit", unit);
		out_u64(o, "record", i);
		out_str(o, "type", j->rec[i].type == FIO_JREC_TRIM ? "trim" : "open");
		out_u64(o, "sequence", le64_to_cpu(j->rec[i].seq));
		out_u64(o, "logical_unit", le64_to_cpu(j->rec[i].lba));
		out_u64(o, "count", le64_to_cpu(j->rec[i].count));
		json_object_array_add(list, o);
	}
}

static struct json_object *journal_section(struct source *s, struct ftl *f)
{
	struct json_object *list = json_object_new_array();
	u8 data[FIO_MEDIA_UNIT];
	struct fio_tag tag;
	u32 i, unit;

	for (i = 0; (unit = ftl_get_journal(f, i)) != FIO_UNIT_NONE; i++)
		if (!source_read(s, unit, data, &tag) && journal_valid((const void *)data))
			add_records(list, unit, (const void *)data);
	return list;
}

/* ---- one unit, one append unit ------------------------------------------------------------ */

static void hex_lines(struct json_object *o, const u8 *data)
{
	struct json_object *list = json_object_new_array();
	char line[80];
	u32 at, i, n;

	for (at = 0; at < FIO_MEDIA_UNIT; at += 32) {
		n = snprintf(line, sizeof(line), "%03x  ", at);
		for (i = 0; i < 32; i++)
			n += snprintf(line + n, sizeof(line) - n, "%02x", data[at + i]);
		json_object_array_add(list, json_object_new_string(line));
	}
	json_object_object_add(o, "content", list);
}

static int dump_unit(struct source *s, u32 unit, struct json_object *out)
{
	u8 data[FIO_MEDIA_UNIT];
	struct fio_tag tag;
	u8 status;

	if (unit / s->media.geo.pages >= s->media.geo.aus * s->media.geo.dies) {
		fio_error("%s: unit %u is outside the medium", s->path, unit);
		return FIO_EXIT_USAGE;
	}
	status = source_read(s, unit, data, &tag);
	add_place(out, s, unit);
	out_str(out, "page_is", status_name(status));
	if (!status) {
		add_tag(out, &tag);
		hex_lines(out, data);
	}
	return FIO_EXIT_OK;
}

static int dump_au(struct source *s, u32 die, u64 nr, struct json_object *out)
{
	const struct media_geometry *g = &s->media.geo;
	struct json_object *list = json_object_new_array(), *o;
	u8 data[FIO_MEDIA_UNIT], status;
	struct media_au au;
	struct fio_tag tag;
	u32 page, first;

	json_object_object_add(out, "pages", list);
	if (die >= g->dies || nr >= g->aus) {
		fio_error("%s: append unit %u:%llu is outside the medium", s->path, die,
			  (unsigned long long)nr);
		return FIO_EXIT_USAGE;
	}
	au = source_au(s, (u32)nr * g->dies + die);
	out_str(out, "state", au_names[au.state]);
	out_unit(out, "write_pointer", au.wp_unknown ? FIO_UNIT_NONE : au.write_ptr);
	out_u64(out, "erase_count", au.erase_count);
	first = ((u32)nr * g->dies + die) * g->pages;
	for (page = 0; page < g->pages; page++) {
		status = source_read(s, first + page, data, &tag);
		if (status == MEDIA_ERASED)
			continue;
		o = json_object_new_object();
		out_unit(o, "unit", first + page);
		out_u64(o, "page", page);
		out_str(o, "is", status_name(status));
		if (!status)
			add_tag(o, &tag);
		json_object_array_add(list, o);
	}
	return FIO_EXIT_OK;
}

static int dump_all(struct source *s, const struct options *o, struct json_object *out)
{
	struct ftl *f;
	int err;

	json_object_object_add(out, "card", card_section(s));
	json_object_object_add(out, "superblocks", super_section(s));
	f = source_attach(s, o->scan ? FTL_ATTACH_RESCAN : 0, &err);
	if (!f) {
		fio_error("%s: cannot be attached (%s): only superblocks are shown", s->path,
			  strerror(-err));
		return FIO_EXIT_DEGRADED;
	}
	json_object_object_add(out, "state", state_section(f));
	json_object_object_add(out, "stripes", stripes_section(f));
	json_object_object_add(out, "checkpoint", checkpoint_section(s, f));
	json_object_object_add(out, "journal", journal_section(s, f));
	ftl_destroy(f);
	return FIO_EXIT_OK;
}

int cmd_dump(struct source *s, const struct options *o)
{
	struct json_object *out = json_object_new_object();
	int ret;

	if (o->unit != FIO_UNIT_NONE)
		ret = dump_unit(s, o->unit, out);
	else if (o->die >= 0)
		ret = dump_au(s, (u32)o->die, (u64)o->au, out);
	else
		ret = dump_all(s, o, out);
	if (ret == FIO_EXIT_OK || ret == FIO_EXIT_DEGRADED)
		out_print(out, o->json);
	json_object_put(out);
	return ret;
}
