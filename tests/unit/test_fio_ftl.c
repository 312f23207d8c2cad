// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-ftl over card images of which everything is known: written by the FTL core over
 * a simulated medium in a state file, damaged on purpose, then checked, explained and
 * exported. Each answer is compared with what was written, and the image with what it
 * was before.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/ftl/sim_env.h"
#include "utils/fio-ftl/fio-ftl.h"
#include "vcard/model/card.h"

#define UNITS	600

static char dir[32], image[64], out_path[64], map_path[64], text_path[64];

/* What the disk holds: a number in every byte of a unit; 0: trimmed or never written. */
static u8 want[UNITS];

/* ---- making images ------------------------------------------------------------------ */

static struct sim_config shape = {
	.dies = 4, .aus = 40, .pages = 16, .max_units = 16, .write_units = 2,
	.policy = SIM_IMMEDIATE,
};

struct maker {
	struct sim *sim;
	struct sim_env env;
	struct ftl *f;
	u64 seed;
};

static u32 draw(struct maker *m, u32 below)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return (u32)((m->seed >> 20) % below);
}

/* What a card would have in its part of the file. */
static void make_card(struct nand *n)
{
	struct vcard_persist *p = nand_user(n);

	p->version = VCARD_PERSIST_VERSION;
	p->user_bytes = UNITS * 4096ULL;
	p->clean = 1;
	snprintf(p->serial, sizeof(p->serial), "123456");
	p->magic = VCARD_PERSIST_MAGIC;
}

static void power_on(struct maker *m)
{
	const struct nand_geometry geo = {
		.dies = shape.dies, .blocks = shape.aus, .pages = shape.pages,
		.page_bytes = FIO_MEDIA_UNIT, .oob_bytes = FIO_MEDIA_TAG, .endurance = 100000,
	};
	char err[256];
	struct nand *n = nand_open_file(image, &geo, VCARD_USER_BYTES, err, sizeof(err));

	if (!n)
		fail_msg("%s", err);
	make_card(n);
	m->sim = sim_over(&shape, n);
	sim_env_init(&m->env, m->sim);
}

static void start(struct maker *m, u64 seed)
{
	struct ftl_format_params p = {
		.lba_bytes = 4096, .user_units = UNITS, .default_units = UNITS,
		.uuid = "rescue me please", .seq_base = -200ULL,
		.parity = shape.xor_groups ? FTL_PARITY_ON : FTL_PARITY_OFF,
	};

	memset(m, 0, sizeof(*m));
	memset(want, 0, sizeof(want));
	m->seed = seed * 0x9e3779b97f4a7c15ULL;
	unlink(image);
	power_on(m);
	assert_int_equal(ftl_format(sim_media(m->sim), &m->env.env, &p), 0);
	assert_int_equal(ftl_attach(sim_media(m->sim), &m->env.env, 0, &m->f), 0);
	sim_drive(&m->env, m->f);
}

static void put(struct maker *m, u64 lu, u8 value)
{
	u8 page[FIO_MEDIA_UNIT];

	memset(page, value, sizeof(page));
	assert_int_equal(sim_do(&m->env, m->f, value ? FTL_WRITE : FTL_TRIM, 0, lu, 1, page), 0);
	want[lu] = value;
}

static void write_much(struct maker *m, u32 count)
{
	while (count--)
		put(m, draw(m, UNITS), draw(m, 8) ? 1 + draw(m, 255) : 0);
}

/* The bytes that the card keeps per append unit, as after a kill. */
static void note_open_aus(struct nand *n)
{
	struct vcard_persist *p = nand_user(n);
	u8 *au = (u8 *)p + VCARD_PERSIST_HEADER;
	struct nand_block_info info;
	u32 i;

	for (i = 0; i < shape.dies * shape.aus; i++) {
		nand_block_info(n, i / shape.aus, i % shape.aus, &info);
		au[i] = !info.write_ptr ? 0 : info.write_ptr == shape.pages ? P_CLOSED : P_OPEN;
	}
	p->clean = 0;
}

static void cut(struct maker *m)
{
	note_open_aus(sim_nand(m->sim));
	ftl_destroy(m->f);
	sim_destroy(m->sim);
}

static void stop(struct maker *m)
{
	assert_int_equal(ftl_detach(m->f), 0);
	sim_destroy(m->sim);
}

/* Where the core has a unit now. */
static u32 place(struct maker *m, u64 lu)
{
	u32 unit = ftl_lookup(m->f, lu);

	assert_true(unit != FIO_UNIT_NONE);
	return unit;
}

/* Where a page's data and tag are in the file: the last two areas, die by die. */
static void find_page(FILE *f, u32 unit, u64 *data, u64 *tag)
{
	u64 pages = (u64)shape.dies * shape.aus * shape.pages;
	u32 au = unit / shape.pages;
	u64 nr = ((u64)(au % shape.dies) * shape.aus + au / shape.dies) * shape.pages +
		 unit % shape.pages;
	struct stat st;

	assert_int_equal(fstat(fileno(f), &st), 0);
	*data = st.st_size - pages * FIO_MEDIA_UNIT;
	*tag = *data - (pages * FIO_MEDIA_TAG + 4095) / 4096 * 4096 + nr * FIO_MEDIA_TAG;
	*data += nr * FIO_MEDIA_UNIT;
}

static void read_page(u32 unit, u8 *data, struct fio_tag *tag)
{
	struct source s;

	assert_true(source_open(&s, image, true));
	assert_int_equal(source_read(&s, unit, data, tag), MEDIA_OK);
	source_close(&s);
}

/*
 * What is stored is changed behind the model's back. The model has no way to make a
 * page of a file unreadable for good, but a page with a wrong CRC is as bad.
 */
static void patch(u32 unit, const u8 *data, const struct fio_tag *tag)
{
	u8 have[FIO_MEDIA_UNIT], want_data[FIO_MEDIA_UNIT];
	struct fio_tag have_tag, want_tag;
	u64 data_at, tag_at;
	FILE *f;

	read_page(unit, want_data, &want_tag);
	f = fopen(image, "r+");
	assert_non_null(f);
	find_page(f, unit, &data_at, &tag_at);
	assert_int_equal(fseek(f, data_at, SEEK_SET), 0);
	assert_int_equal(fread(have, sizeof(have), 1, f), 1);
	assert_memory_equal(have, want_data, sizeof(have));
	assert_int_equal(fseek(f, tag_at, SEEK_SET), 0);
	assert_int_equal(fread(&have_tag, sizeof(have_tag), 1, f), 1);
	assert_memory_equal(&have_tag, &want_tag, sizeof(have_tag));
	assert_int_equal(fseek(f, data_at, SEEK_SET), 0);
	assert_int_equal(fwrite(data, FIO_MEDIA_UNIT, 1, f), 1);
	assert_int_equal(fseek(f, tag_at, SEEK_SET), 0);
	assert_int_equal(fwrite(tag, sizeof(*tag), 1, f), 1);
	assert_int_equal(fclose(f), 0);
}

static void damage(u32 unit)
{
	u8 data[FIO_MEDIA_UNIT];
	struct fio_tag tag;

	read_page(unit, data, &tag);
	data[99] ^= 0x10;
	patch(unit, data, &tag);
}

/* A page that says something else, and well: its CRC is right. */
static void forge(u32 unit, const u8 *data, struct fio_tag *tag)
{
	u32 crc = ftl_crc32c(0, data, FIO_MEDIA_UNIT);

	tag->crc = cpu_to_le32(ftl_crc32c(crc, tag, offsetof(struct fio_tag, crc)));
	patch(unit, data, tag);
}

/* ---- running the tool ------------------------------------------------------------------ */

static void slurp(const char *path, u8 **bytes, size_t *len)
{
	struct stat st;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	*len = st.st_size;
	*bytes = malloc(*len + 1);
	assert_non_null(*bytes);
	assert_int_equal(fread(*bytes, 1, *len, f), *len);
	(*bytes)[*len] = '\0';
	fclose(f);
}

/* Standard output and error of the tool into text_path; its exit code. */
static int call(int argc, char **argv)
{
	int out, err, ret;

	fflush(stdout);
	fflush(stderr);
	out = dup(STDOUT_FILENO);
	err = dup(STDERR_FILENO);
	assert_non_null(freopen(text_path, "w", stdout));
	dup2(STDOUT_FILENO, STDERR_FILENO);
	ret = fio_ftl_main(argc, argv);
	fflush(stdout);
	fflush(stderr);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	return ret;
}

/* The image must be the same afterwards, byte for byte. */
static int tool(const char *arg, ...)
{
	char *argv[12] = { "fio-ftl", (char *)arg };
	size_t before_len, after_len;
	u8 *before, *after;
	int argc = 2, ret;
	va_list ap;

	va_start(ap, arg);
	while ((argv[argc] = va_arg(ap, char *)))
		argc++;
	va_end(ap);
	slurp(image, &before, &before_len);
	ret = call(argc, argv);
	slurp(image, &after, &after_len);
	assert_int_equal(before_len, after_len);
	assert_memory_equal(before, after, after_len);
	free(before);
	free(after);
	return ret;
}

static void expect_code(int got, int expected)
{
	u8 *text;
	size_t len;

	if (got == expected)
		return;
	slurp(text_path, &text, &len);
	fputs((char *)text, stderr);
	free(text);
	fail_msg("exit code %d instead of %d", got, expected);
}

static void said(const char *words)
{
	size_t len;
	u8 *text;

	slurp(text_path, &text, &len);
	if (!strstr((char *)text, words))
		fail_msg("not a word of '%s' in:\n%s", words, text);
	free(text);
}

static struct json_object *answer(void)
{
	size_t len;
	u8 *text;
	struct json_object *o;

	slurp(text_path, &text, &len);
	o = json_tokener_parse((char *)text);
	if (!o)
		fail_msg("not JSON:\n%s", text);
	free(text);
	return o;
}

static struct json_object *member(struct json_object *o, const char *name)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, name, &v))
		fail_msg("the answer has no '%s'", name);
	return v;
}

static const char *check_verdict(struct json_object *o, const char *id)
{
	struct json_object *list = member(o, "checks"), *c;
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		c = json_object_array_get_idx(list, i);
		if (!strcmp(json_object_get_string(member(c, "id")), id))
			return json_object_get_string(member(c, "result"));
	}
	return "absent";
}

/* @lost: units that may be anything but wrong: they are zero. */
static void expect_contents(const u8 *lost)
{
	u8 *bytes, page[FIO_MEDIA_UNIT];
	size_t len;
	u32 lu;

	slurp(out_path, &bytes, &len);
	assert_int_equal(len, UNITS * FIO_MEDIA_UNIT);
	for (lu = 0; lu < UNITS; lu++) {
		memset(page, lost && lost[lu] ? 0 : want[lu], sizeof(page));
		if (memcmp(page, bytes + lu * FIO_MEDIA_UNIT, sizeof(page)))
			fail_msg("unit %u holds %02x instead of %02x", lu,
				 bytes[lu * FIO_MEDIA_UNIT], page[0]);
	}
	free(bytes);
	unlink(out_path);
}

static void expect_sound(void)
{
	struct json_object *o;

	expect_code(tool("check", "-j", image, NULL), FIO_EXIT_OK);
	o = answer();
	assert_string_equal(json_object_get_string(member(o, "result")), "ok");
	assert_string_equal(check_verdict(o, "I1"), "ok");
	assert_string_equal(check_verdict(o, "I1n"), "ok");
	assert_string_equal(check_verdict(o, "I8"), "ok");
	assert_string_equal(check_verdict(o, "SRC"), "ok");
	json_object_put(o);
	expect_code(tool("export", "-q", image, out_path, NULL), FIO_EXIT_OK);
	expect_contents(NULL);
	expect_code(tool("export", "-q", "--scan", image, out_path, NULL), FIO_EXIT_OK);
	expect_contents(NULL);
	expect_code(tool("export", "-q", "--raw", image, out_path, NULL), FIO_EXIT_OK);
	expect_contents(NULL);
}

/* ---- tests -------------------------------------------------------------------------------- */

static void test_clean(void **state)
{
	struct maker m;

	start(&m, 1);
	write_much(&m, 3000);
	stop(&m);
	expect_sound();
}

static void test_cut(void **state)
{
	struct maker m;
	u64 seed;

	for (seed = 1; seed <= 6; seed++) {
		start(&m, seed);
		write_much(&m, 500 * seed);
		cut(&m);
		expect_sound();
	}
}

/* Four units from @lu on, as one. */
static void put_atomic(struct maker *m, u64 lu, u8 value)
{
	u8 pages[4 * FIO_MEDIA_UNIT];

	memset(pages, value, sizeof(pages));
	assert_int_equal(sim_do(&m->env, m->f, FTL_WRITE, FTL_IO_ATOMIC, lu, 4, pages), 0);
	memset(&want[lu], value, 4);
}

/* Of an atomic write a page is missing: what was there before it counts, for both readers. */
static void test_atomic(void **state)
{
	struct json_object *o;
	struct maker m;
	u64 seed;
	u32 i, lost;

	for (seed = 1; seed < 5; seed++) {
		start(&m, seed);
		write_much(&m, 600);
		for (i = 0; i < 40; i++)
			put_atomic(&m, draw(&m, UNITS - 4), 1 + draw(&m, 255));
		write_much(&m, 600);
		put_atomic(&m, 40, 7);
		put_atomic(&m, 40, 9);
		lost = place(&m, 40 + draw(&m, 4));
		memset(&want[40], 7, 4);
		cut(&m);
		damage(lost);
		expect_sound();
		expect_code(tool("check", "-j", image, NULL), FIO_EXIT_OK);
		o = answer();
		assert_int_equal(json_object_get_int(member(o, "atomic_writes_cut_off")), 1);
		json_object_put(o);
	}
}

static void test_empty(void **state)
{
	struct maker m;

	start(&m, 1);
	stop(&m);
	expect_code(tool("check", image, NULL), FIO_EXIT_OK);
	said("result: ok");
	expect_code(tool("export", "-q", image, out_path, NULL), FIO_EXIT_OK);
	expect_contents(NULL);
	expect_code(tool("explain", image, "3", NULL), FIO_EXIT_OK);
	said("never written");
}

/* The @nth version, leaving out map pages that only name another. */
static struct json_object *fact_row(struct json_object *list, u32 nth)
{
	struct json_object *v;
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		v = json_object_array_get_idx(list, i);
		if (strcmp(json_object_get_string(member(v, "what")), "map: mapped") && !nth--)
			return v;
	}
	return NULL;
}

/* A block that was written, trimmed and written: three facts, and the last wins. */
static void test_explain(void **state)
{
	struct json_object *o, *list, *first;
	struct maker m;
	u32 unit;

	start(&m, 2);
	put(&m, 77, 1);
	put(&m, 77, 0);
	put(&m, 77, 3);
	put(&m, 78, 4);
	put(&m, 78, 0);
	unit = place(&m, 77);
	cut(&m);
	expect_code(tool("explain", "-j", image, "77", NULL), FIO_EXIT_OK);
	o = answer();
	assert_string_equal(json_object_get_string(member(o, "holds")), "data");
	assert_true(json_object_get_boolean(member(o, "map_agrees")));
	list = member(o, "versions");
	first = fact_row(list, 0);
	assert_int_equal(json_object_get_int64(member(first, "unit")), unit);
	assert_string_equal(json_object_get_string(member(first, "what")), "data");
	assert_string_equal(json_object_get_string(member(first, "verdict")), "WINS: the newest");
	assert_string_equal(json_object_get_string(member(fact_row(list, 1), "what")), "trimmed");
	assert_string_equal(json_object_get_string(member(fact_row(list, 2), "what")), "data");
	assert_string_equal(json_object_get_string(member(fact_row(list, 2), "verdict")),
			    "older by 3");
	assert_null(fact_row(list, 3));
	json_object_put(o);
	expect_code(tool("explain", image, "78", NULL), FIO_EXIT_OK);
	said("zeroes: it was trimmed");
	said("map agrees: yes");
	expect_code(tool("explain", image, "600", NULL), FIO_EXIT_USAGE);
	said("outside the disk: it has 600 blocks");
}

/* After a clean detach the map names pages that are gone: named, and nothing else. */
static void test_lost_pages(void **state)
{
	u8 lost[UNITS] = { 0 };
	u32 unit[2];
	struct json_object *o;
	struct maker m;
	size_t len;
	u8 *text;

	start(&m, 3);
	write_much(&m, 400);
	put(&m, 10, 7);
	put(&m, 500, 8);
	unit[0] = place(&m, 10);
	unit[1] = place(&m, 500);
	stop(&m);
	damage(unit[0]);
	damage(unit[1]);
	lost[10] = 1;
	lost[500] = 1;
	expect_code(tool("check", "-j", image, NULL), FIO_EXIT_DEGRADED);
	o = answer();
	assert_string_equal(check_verdict(o, "I1"), "VIOLATED");
	assert_string_equal(check_verdict(o, "READ"), "VIOLATED");
	assert_string_equal(check_verdict(o, "I2"), "ok");
	json_object_put(o);
	expect_code(tool("export", image, out_path, "-m", map_path, NULL), FIO_EXIT_DEGRADED);
	said("2 lost");
	expect_contents(lost);
	slurp(map_path, &text, &len);
	assert_non_null(strstr((char *)text, "0x000000A000  0x0000001000  -\n"));
	assert_non_null(strstr((char *)text, "0x00001F4000  0x0000001000  -\n"));
	free(text);
}

static void find_supers(u32 *unit, u32 *n)
{
	u8 data[FIO_MEDIA_UNIT];
	struct fio_tag tag;
	struct source s;
	u32 u;

	assert_true(source_open(&s, image, true));
	for (u = 0, *n = 0; u < 8 * shape.dies * shape.pages; u++)
		if (!source_read(&s, u, data, &tag) && tag.type == FIO_TAG_SUPER && *n < 32)
			unit[(*n)++] = u;
	source_close(&s);
}

/* No superblock at all: check and plain export say so, --raw brings it all back. */
static void test_no_superblock(void **state)
{
	u32 unit[32], n, i;
	struct maker m;
	size_t len;
	u8 *bytes;
	u32 lu;

	start(&m, 4);
	for (lu = 0; lu < UNITS; lu++)
		put(&m, lu, 1 + lu % 255);
	write_much(&m, 1000);
	put(&m, UNITS - 1, 5);
	cut(&m);
	find_supers(unit, &n);
	assert_true(n >= 2);
	for (i = 0; i < n; i++)
		damage(unit[i]);
	expect_code(tool("check", image, NULL), FIO_EXIT_ERROR);
	said("not formatted");
	said("--raw");
	expect_code(tool("dump", image, NULL), FIO_EXIT_DEGRADED);
	expect_code(tool("export", image, out_path, NULL), FIO_EXIT_ERROR);
	expect_code(tool("export", "--raw", image, out_path, NULL), FIO_EXIT_OK);
	said("are a guess");
	slurp(out_path, &bytes, &len);
	assert_int_equal(len, UNITS * FIO_MEDIA_UNIT);
	free(bytes);
	expect_contents(NULL);
	expect_code(tool("explain", image, "5", NULL), FIO_EXIT_OK);
	said("could not attach");
}

/* The checkpoint names two units in each other's place: no CRC can tell. */
static void test_wrong_map(void **state)
{
	u8 data[FIO_MEDIA_UNIT];
	struct fio_map_leaf *leaf = (void *)data;
	struct json_object *o;
	struct fio_tag tag;
	struct maker m;
	__le32 swap;
	u32 unit;

	start(&m, 8);
	write_much(&m, 900);
	put(&m, 10, 1);
	put(&m, 11, 2);
	assert_int_equal(ftl_force_checkpoint(m.f), 0);
	unit = ftl_get_snapshot(m.f, 0);
	stop(&m);
	read_page(unit, data, &tag);
	assert_int_equal(tag.type, FIO_TAG_MAP);
	swap = leaf->unit[10];
	leaf->unit[10] = leaf->unit[11];
	leaf->unit[11] = swap;
	forge(unit, data, &tag);
	expect_code(tool("check", "-j", image, NULL), FIO_EXIT_DEGRADED);
	o = answer();
	assert_string_equal(check_verdict(o, "I1"), "VIOLATED");
	assert_string_equal(check_verdict(o, "I1n"), "VIOLATED");
	assert_string_equal(check_verdict(o, "I8"), "VIOLATED");
	assert_string_equal(check_verdict(o, "I2"), "ok");
	assert_string_equal(check_verdict(o, "META"), "ok");
	json_object_put(o);
	expect_code(tool("explain", image, "10", NULL), FIO_EXIT_OK);
	said("map agrees: no");
	/* The driver does not give out another block's data; scanning finds the right. */
	expect_code(tool("export", "-q", image, out_path, NULL), FIO_EXIT_DEGRADED);
	unlink(out_path);
	expect_code(tool("export", "-q", "--scan", image, out_path, NULL), FIO_EXIT_OK);
	expect_contents(NULL);
}

/* To a pipe everything goes, zeroes too. */
static void test_export_stdout(void **state)
{
	struct maker m;
	size_t len;
	u8 *bytes;
	u32 lu;

	start(&m, 9);
	write_much(&m, 300);
	stop(&m);
	expect_code(tool("export", "-q", image, "-", NULL), FIO_EXIT_OK);
	slurp(text_path, &bytes, &len);
	assert_int_equal(len, UNITS * FIO_MEDIA_UNIT);
	for (lu = 0; lu < UNITS; lu++)
		assert_int_equal(bytes[lu * FIO_MEDIA_UNIT + 7], want[lu]);
	free(bytes);
}

static bool same_row(u32 a, u32 b)
{
	return a / shape.pages / shape.dies == b / shape.pages / shape.dies &&
	       a % shape.pages == b % shape.pages;
}

/* One page of a row lost: computed from the others. Two of one row: gone, and named. */
static void test_parity(void **state)
{
	u8 lost[UNITS] = { 0 };
	struct json_object *o;
	u32 unit, lu, other;
	struct maker m;

	shape.xor_groups = 16;
	start(&m, 7);
	for (lu = 0; lu < UNITS; lu++)
		put(&m, lu, 1 + lu % 255);
	unit = place(&m, 60);
	for (other = 0, lu = unit; other < UNITS && (lu == unit || !same_row(lu, unit)); )
		lu = place(&m, other++);
	assert_true(same_row(lu, unit) && lu != unit);
	other--;
	stop(&m);
	expect_sound();
	damage(unit);
	expect_code(tool("export", "--raw", image, out_path, NULL), FIO_EXIT_OK);
	said("0 lost");
	expect_contents(NULL);
	expect_code(tool("explain", image, "60", NULL), FIO_EXIT_OK);
	said("WINS: the newest; computed from parity");
	tool("check", "-j", image, NULL);
	o = answer();
	assert_int_equal(json_object_get_int64(member(o, "pages_computed_from_parity")), 1);
	assert_string_equal(check_verdict(o, "I1n"), "ok");
	json_object_put(o);
	damage(lu);
	lost[60] = 1;
	lost[other] = 1;
	expect_code(tool("export", image, out_path, NULL), FIO_EXIT_DEGRADED);
	said("2 lost");
	expect_contents(lost);
	shape.xor_groups = 0;
}

static void check_dump(struct json_object *o)
{
	struct json_object *card = member(o, "card"), *stripes = member(o, "stripes");
	s64 valid = 0;
	size_t i;

	assert_int_equal(json_object_get_int64(member(card, "dies")), shape.dies);
	assert_string_equal(json_object_get_string(member(card, "serial")), "123456");
	assert_int_equal(json_object_array_length(stripes), shape.aus);
	for (i = 0; i < json_object_array_length(stripes); i++)
		valid += json_object_get_int64(member(json_object_array_get_idx(stripes, i),
						      "valid"));
	assert_true(valid >= json_object_get_int64(member(member(o, "state"), "units_mapped")));
	assert_true(json_object_array_length(member(o, "superblocks")) >= 2);
	assert_true(json_object_array_length(member(o, "checkpoint")) >= 1);
}

static void test_dump(void **state)
{
	struct json_object *o;
	char number[16];
	struct maker m;
	u32 unit;

	start(&m, 5);
	write_much(&m, 800);
	put(&m, 42, 9);
	unit = place(&m, 42);
	stop(&m);
	expect_code(tool("dump", "--json", image, NULL), FIO_EXIT_OK);
	o = answer();
	check_dump(o);
	json_object_put(o);
	snprintf(number, sizeof(number), "%u", unit);
	expect_code(tool("dump", "-j", "-u", number, image, NULL), FIO_EXIT_OK);
	o = answer();
	assert_int_equal(json_object_get_int64(member(o, "lba")), 42);
	assert_string_equal(json_object_get_string(member(o, "type")), "data");
	json_object_put(o);
	snprintf(number, sizeof(number), "%u:%u", unit / shape.pages % shape.dies,
		 unit / shape.pages / shape.dies);
	expect_code(tool("dump", "-a", number, image, NULL), FIO_EXIT_OK);
	said("data");
	expect_code(tool("dump", image, NULL), FIO_EXIT_OK);
	said("stripes free");
}

static void test_refuses(void **state)
{
	struct maker m;

	start(&m, 6);
	write_much(&m, 100);
	/* The card is still running. */
	expect_code(tool("check", image, NULL), FIO_EXIT_ERROR);
	said("in use by a running fio-vcard");
	stop(&m);
	expect_code(tool("export", image, image, NULL), FIO_EXIT_USAGE);
	said("is the image itself");
	expect_code(tool("export", "--force", image, out_path, "-m", image, NULL), FIO_EXIT_USAGE);
	expect_code(tool("export", "-q", image, out_path, NULL), FIO_EXIT_OK);
	expect_code(tool("export", "-q", image, out_path, NULL), FIO_EXIT_ERROR);
	said("--force");
	expect_code(tool("export", "-q", "-f", image, out_path, NULL), FIO_EXIT_OK);
	expect_contents(NULL);
	expect_code(tool("check", "--map", "x", image, NULL), FIO_EXIT_USAGE);
	expect_code(tool("check", NULL), FIO_EXIT_USAGE);
	expect_code(tool("explain", image, "one", NULL), FIO_EXIT_USAGE);
	expect_code(tool("dump", "-u", "99999999", image, NULL), FIO_EXIT_USAGE);
	expect_code(tool("mend", image, NULL), FIO_EXIT_USAGE);
	said("not a command");
	expect_code(tool("check", "/nowhere/card", NULL), FIO_EXIT_ERROR);
	said("cannot be opened");
	expect_code(tool("--help", NULL), FIO_EXIT_OK);
	expect_code(tool("export", "--help", NULL), FIO_EXIT_OK);
	said("--raw");
}

/* ---- a card, made up from an image ------------------------------------------------- */

static struct {
	struct source behind;
	int busy;		/* errno of FIO_IOC_MEDIA, 0: detached */
	u32 calls;
} fake;

static int fake_open(const char *path)
{
	if (strcmp(path, "/dev/fct0"))
		return -ENOENT;
	return source_open(&fake.behind, image, true) ? 100 : -EBUSY;
}

static void fake_close(int fd)
{
	source_close(&fake.behind);
}

static void fake_unit(struct fio_ioc_media *m, u32 i, u32 unit)
{
	u8 data[FIO_MEDIA_UNIT] = { 0 };
	struct fio_tag tag = { 0 };
	u8 status = m->op == FIO_MEDIA_SUMS ? fake.behind.ops->sum(&fake.behind, unit, data, &tag) :
		    fake.behind.ops->read(&fake.behind, unit, m->retry, data, &tag);

	if (status) {
		m->failed |= BIT_ULL(i);
		m->status = max_t(u32, m->status, status);
	}
	memcpy((u8 *)(uintptr_t)m->data + i * sizeof(data), data, sizeof(data));
	memcpy((struct fio_tag *)(uintptr_t)m->tags + i, &tag, sizeof(tag));
}

static void fake_report(const struct fio_ioc_media *m, u32 i, u32 unit)
{
	struct media_au au = source_au(&fake.behind, unit / shape.pages);

	((struct fio_media_au *)(uintptr_t)m->data)[i] = (struct fio_media_au){
		.state = au.state, .write_ptr = au.wp_unknown ? FIO_NO_VALUE : au.write_ptr,
	};
}

static int fake_ioctl(int fd, unsigned long req, void *arg)
{
	const struct media_geometry *g = &fake.behind.media.geo;
	struct fio_ioc_media *m = arg;
	u32 i;

	if (req == FIO_IOC_INFO)
		return -EOPNOTSUPP;
	assert_int_equal(req, FIO_IOC_MEDIA);
	assert_int_equal(m->size, sizeof(*m));
	if (fake.busy)
		return fake.busy;
	fake.calls++;
	m->dies = g->dies;
	m->aus = g->aus;
	m->pages = g->pages;
	m->max_units = 8;
	m->max_open = g->max_open;
	m->read_retries = g->read_retries;
	m->xor_groups = g->xor_groups;
	for (i = 0; i < m->count; i++) {
		u32 unit = ((u32 *)(uintptr_t)m->units)[i];

		assert_true(unit < g->dies * g->aus * g->pages && m->count <= m->max_units);
		if (m->op == FIO_MEDIA_REPORT)
			fake_report(m, i, unit);
		else
			fake_unit(m, i, unit);
	}
	return 0;
}

static const struct fio_sys fake_machine = {
	.open = fake_open, .close = fake_close, .ioctl = fake_ioctl,
};

static void test_device(void **state)
{
	const struct fio_sys *real = fio_sys;
	struct maker m;
	u32 calls;

	start(&m, 10);
	write_much(&m, 1500);
	put(&m, 42, 9);
	cut(&m);
	fio_sys = &fake_machine;
	expect_code(tool("check", "/dev/fct0", NULL), FIO_EXIT_OK);
	said("result: ok");
	expect_code(tool("export", "-q", "/dev/fct0", out_path, NULL), FIO_EXIT_OK);
	expect_contents(NULL);
	calls = fake.calls;
	expect_code(tool("export", "-q", "--raw", "/dev/fct0", out_path, NULL), FIO_EXIT_OK);
	expect_contents(NULL);
	/* In order means together: far fewer calls than there are pages, twice over. */
	assert_true(fake.calls - calls < shape.dies * shape.aus * shape.pages);
	expect_code(tool("explain", "/dev/fct0", "42", NULL), FIO_EXIT_OK);
	said("map agrees: yes");
	fake.busy = -EBUSY;
	expect_code(tool("check", "/dev/fct0", NULL), FIO_EXIT_ERROR);
	said("run 'fio-detach /dev/fct0' first");
	fake.busy = 0;
	fio_sys = real;
}

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/test_fio_ftl.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(image, sizeof(image), "%s/card", dir);
	snprintf(out_path, sizeof(out_path), "%s/out", dir);
	snprintf(map_path, sizeof(map_path), "%s/map", dir);
	snprintf(text_path, sizeof(text_path), "%s/text", dir);
	return 0;
}

static int remove_files(void **state)
{
	unlink(image);
	unlink(out_path);
	unlink(map_path);
	unlink(text_path);
	return 0;
}

static int remove_dir(void **state)
{
	return rmdir(dir);
}

#define CASE(f) cmocka_unit_test_teardown(f, remove_files)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_clean), CASE(test_cut), CASE(test_atomic), CASE(test_empty),
		CASE(test_explain),
		CASE(test_lost_pages), CASE(test_no_superblock), CASE(test_parity),
		CASE(test_wrong_map), CASE(test_export_stdout),
		CASE(test_dump), CASE(test_refuses), CASE(test_device),
	};

	return cmocka_run_group_tests_name("fio-ftl", tests, make_dir, remove_dir);
}
