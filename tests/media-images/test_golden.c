// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every version of the media format, as cards were left by the core of its time: each
 * image is checked and exported by fio-ftl and attached by the core of today. What is
 * found must be what the text beside it says. Then the card is written to, cut, and
 * detached like any other.
 *
 * The images are kept, compressed, in tests/media-images/vN; those of the version that
 * the core writes are made anew as well, so that the program that makes them works on
 * the day when it is needed.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "make.h"
#include "utils/fio-ftl/fio-ftl.h"

#define KEPT	"tests/media-images"

static char dir[64];		/* of this run */
static char work_img[96];	/* the copy that is worked on */

/* ---- files ------------------------------------------------------------------------- */

static void run(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (system(command))
		fail_msg("failed: %s", command);
}

static void slurp(const char *path, u8 **bytes, size_t *len)
{
	struct stat st;
	FILE *f = fopen(path, "r");

	if (!f || fstat(fileno(f), &st))
		fail_msg("%s: %s", path, strerror(errno));
	*len = st.st_size;
	*bytes = malloc(*len + 1);
	assert_non_null(*bytes);
	assert_int_equal(fread(*bytes, 1, *len, f), *len);
	(*bytes)[*len] = '\0';
	fclose(f);
}

/* ---- what a block must hold ------------------------------------------------------------ */

/* False: it must be lost. */
static bool expected(const struct image *im, u32 nr, u8 *data)
{
	const struct image_block *b = &im->block[nr];

	memset(data, 0, im->block_bytes);
	if (b->state == BLOCK_DATA) {
		image_fill(im, nr, b->version, data);
		if (ftl_crc32c(0, data, im->block_bytes) != b->crc)
			fail_msg("%s: the text contradicts itself about block %u", im->name, nr);
	}
	return b->state != BLOCK_LOST;
}

/* How many blocks differ. */
static u32 compare(struct card *c, const struct image *im)
{
	u32 nr, per = FIO_MEDIA_UNIT / im->block_bytes, wrong = 0;
	u8 data[FIO_MEDIA_UNIT], want[FIO_MEDIA_UNIT];
	int err;

	for (nr = 0; nr < image_blocks(im); nr++) {
		bool unmapped = ftl_lookup(c->f, nr / per) == FIO_UNIT_NONE;
		bool ought = im->block[nr].state == BLOCK_UNMAPPED;
		bool there = expected(im, nr, want);

		err = sim_do(&c->env, c->f, FTL_READ, 0, nr, 1, data);
		if (err == (there ? 0 : -ENODATA) &&
		    (err || !memcmp(data, want, im->block_bytes)) &&
		    unmapped == ought)
			continue;
		wrong++;
		print_error("%s: block %u: error %d, version %u, %smapped; expected version %u\n",
			    im->name, nr, err, err ? 0 : image_version(im, nr, data),
			    unmapped ? "not " : "", im->block[nr].version);
	}
	return wrong;
}

/* ---- the tool ------------------------------------------------------------------------- */

/* Its exit code; what it says goes to a file. */
static u32 tool(const char *command, const char *out_path)
{
	char *argv[6] = { "fio-ftl", (char *)command, "-q", work_img, (char *)out_path };
	char text[96];
	int out, err, ret;

	snprintf(text, sizeof(text), "%s/text", dir);
	fflush(stdout);
	fflush(stderr);
	out = dup(STDOUT_FILENO);
	err = dup(STDERR_FILENO);
	assert_non_null(freopen(text, "w", stdout));
	dup2(STDOUT_FILENO, STDERR_FILENO);
	ret = fio_ftl_main(out_path ? 5 : 4, argv);
	fflush(stdout);
	fflush(stderr);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	return ret;
}

static void compare_export(const struct image *im, const char *path)
{
	u8 want[FIO_MEDIA_UNIT], *bytes;
	size_t len;
	u32 nr;

	slurp(path, &bytes, &len);
	assert_int_equal(len, (size_t)im->units * FIO_MEDIA_UNIT);
	for (nr = 0; nr < image_blocks(im); nr++) {
		expected(im, nr, want);
		if (memcmp(bytes + (size_t)nr * im->block_bytes, want, im->block_bytes))
			fail_msg("%s: fio-ftl exports something else of block %u", im->name, nr);
	}
	free(bytes);
}

static void try_tool(const struct image *im)
{
	char out[96];

	snprintf(out, sizeof(out), "%s/out", dir);
	if (tool("check", NULL) != im->check)
		fail_msg("%s: fio-ftl check ends otherwise than with %u", im->name, im->check);
	if (tool("export", out) != im->export)
		fail_msg("%s: fio-ftl export ends otherwise than with %u", im->name, im->export);
	if (im->attach != IMAGE_REFUSED)
		compare_export(im, out);
	unlink(out);
	if (image_crc(work_img) != im->crc)
		fail_msg("%s: fio-ftl has changed it", im->name);
}

/* ---- the core ---------------------------------------------------------------------------- */

static void must(struct card *c, int got, int want, const char *what)
{
	if (got == want)
		return;
	sim_env_dump(&c->env);
	fail_msg("%s: %s: %d, expected %d", c->im->name, what, got, want);
}

static void on(struct card *c, const struct image *im)
{
	if (card_on(c, im, work_img))
		fail_msg("%s: no card", im->name);
}

static void attach(struct card *c, int want)
{
	must(c, ftl_attach(sim_media(c->sim), &c->env.env, 0, &c->f), want, "attach");
	if (!want)
		sim_drive(&c->env, c->f);
}

static void whole(struct card *c)
{
	if (compare(c, c->im))
		fail_msg("%s: does not hold what the text says", c->im->name);
	must(c, ftl_check(c->f, true), 0, "ftl_check");
	if (sim_violation(c->sim))
		fail_msg("%s: the core broke a rule: %s", c->im->name, sim_violation(c->sim));
}

static void off(struct card *c, bool clean)
{
	if (clean)
		must(c, ftl_detach(c->f), 0, "detach");
	else
		ftl_destroy(c->f);
	assert_int_equal(c->env.allocs, 0);
	card_off(c, clean);
}

static void put(struct card *c, struct image *im, u32 nr)
{
	struct image_block *b = &im->block[nr];
	u8 data[FIO_MEDIA_UNIT];

	b->state = BLOCK_DATA;
	b->version++;
	image_fill(im, nr, b->version, data);
	b->crc = ftl_crc32c(0, data, im->block_bytes);
	must(c, sim_do(&c->env, c->f, FTL_WRITE, 0, nr, 1, data), 0, "write");
}

/* The rest of a unit that is written in part is zero if it was not mapped. */
static void mapped(struct image *im, u32 unit, enum block_state state)
{
	u32 per = FIO_MEDIA_UNIT / im->block_bytes, nr;

	for (nr = unit * per; nr < (unit + 1) * per; nr++)
		if (state == BLOCK_UNMAPPED || im->block[nr].state == BLOCK_UNMAPPED)
			im->block[nr].state = state;
}

/* Everything at least once, some of it often enough for collection. */
static void write_much(struct card *c, struct image *im)
{
	u32 per = FIO_MEDIA_UNIT / im->block_bytes, i, nr;

	for (i = 0; i < image_blocks(im) + 40; i++) {
		nr = i * 7 % image_blocks(im);
		mapped(im, nr / per, BLOCK_ZERO);
		put(c, im, nr);
	}
	mapped(im, 1, BLOCK_UNMAPPED);
	must(c, sim_do(&c->env, c->f, FTL_TRIM, 0, per, per, NULL), 0, "trim");
	must(c, sim_do(&c->env, c->f, FTL_FLUSH, 0, 0, 0, NULL), 0, "flush");
}

static void read_only(struct card *c)
{
	u8 data[FIO_MEDIA_UNIT] = { 0 };

	must(c, sim_do(&c->env, c->f, FTL_WRITE, 0, 1, 1, data), -EROFS, "write");
	must(c, sim_do(&c->env, c->f, FTL_TRIM, 0, 1, 1, NULL), -EROFS, "trim");
}

/* Used, cut, recovered, used, detached, and still the same. */
static void live_on(struct card *c, struct image *im)
{
	struct ftl_recovery rec;

	write_much(c, im);
	whole(c);
	sim_power_cut(c->sim, 1);
	off(c, false);
	on(c, im);
	attach(c, 0);
	whole(c);
	write_much(c, im);
	off(c, true);
	on(c, im);
	attach(c, 0);
	ftl_get_recovery(c->f, &rec);
	assert_true(rec.clean);
	whole(c);
	off(c, true);
}

static u64 flash_hash(struct card *c)
{
	return nand_hash(sim_nand(c->sim));
}

static void try_core(struct image *im)
{
	struct ftl_recovery rec;
	struct card c;
	u64 before;

	on(&c, im);
	before = flash_hash(&c);
	attach(&c, -im->error);
	if (im->attach == IMAGE_REFUSED) {
		assert_true(flash_hash(&c) == before);
		card_off(&c, true);
		return;
	}
	ftl_get_recovery(c.f, &rec);
	must(&c, rec.clean, im->attach != IMAGE_RECOVERED, "attached by the checkpoint");
	whole(&c);
	if (im->attach == IMAGE_READ_ONLY) {
		read_only(&c);
		assert_true(flash_hash(&c) == before);
		off(&c, false);
		return;
	}
	live_on(&c, im);
}

/* ---- which ones ----------------------------------------------------------------------------- */

static void try_image(const char *from, const char *name)
{
	char path[512];
	struct image im;

	snprintf(path, sizeof(path), "%s/%s.txt", from, name);
	image_read_text(&im, path);
	snprintf(im.name, sizeof(im.name), "%.31s", name);
	if (image_crc(work_img) != im.crc)
		fail_msg("%s: the image is not the one that the text is about", name);
	try_tool(&im);
	try_core(&im);
	image_free(&im);
	unlink(work_img);
}

static int is_text(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && !strcmp(dot, ".txt");
}

/* @unpack: a command, given the image without its end and the copy. */
static u32 try_all(const char *from, const char *unpack)
{
	struct dirent **list;
	int i, n = scandir(from, &list, is_text, alphasort);
	char name[256];

	if (n < 0)
		fail_msg("%s: %s: run this at the top of the tree", from, strerror(errno));
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%.*s", (int)strlen(list[i]->d_name) - 4,
			 list[i]->d_name);
		run(unpack, from, name, work_img);
		try_image(from, name);
		free(list[i]);
	}
	free(list);
	return n;
}

static void test_kept(void **state)
{
	u32 version, n;
	char from[64];

	for (version = 1; version <= FIO_MEDIA_VERSION; version++) {
		snprintf(from, sizeof(from), KEPT "/v%u", version);
		if (version == FIO_MEDIA_VERSION && access(from, F_OK)) {
			print_message("version %u: none kept yet, " KEPT "/make-images makes them\n",
				      version);
			continue;
		}
		n = try_all(from, "xz -dc %s/%s.img.xz >%s");
		print_message("version %u: %u images\n", version, n);
		assert_true(n >= 20);
	}
}

static void test_new(void **state)
{
	char from[80];
	u32 made;

	snprintf(from, sizeof(from), "%s/new", dir);
	assert_int_equal(mkdir(from, 0777), 0);
	made = images_make(from);
	assert_int_equal(try_all(from, "cp %s/%s.img %s"), made);
	run("rm -r %s", from);
}

/* One byte of one page that the map names. */
static void spoil(const struct image *im)
{
	u8 page[FIO_MEDIA_UNIT], *bytes;
	size_t len, at;
	FILE *f;

	expected(im, 0, page);
	slurp(work_img, &bytes, &len);
	for (at = 0; at < len; at += FIO_MEDIA_UNIT)
		if (!memcmp(bytes + at, page, sizeof(page)))
			break;
	assert_true(at < len);
	f = fopen(work_img, "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, at + 1000, SEEK_SET), 0);
	assert_int_equal(fputc(bytes[at + 1000] ^ 1, f), bytes[at + 1000] ^ 1);
	assert_int_equal(fclose(f), 0);
	free(bytes);
}

/* This test would notice. */
static void test_spoilt(void **state)
{
	struct image im;
	struct card c;

	run("xz -dc %s/v1/clean.img.xz >%s", KEPT, work_img);
	image_read_text(&im, KEPT "/v1/clean.txt");
	assert_int_equal(im.block[0].state, BLOCK_DATA);
	snprintf(im.name, sizeof(im.name), "clean, spoilt");
	assert_int_equal(image_crc(work_img), im.crc);
	spoil(&im);
	assert_int_not_equal(image_crc(work_img), im.crc);
	assert_int_equal(tool("check", NULL), FIO_EXIT_DEGRADED);
	on(&c, &im);
	attach(&c, 0);
	assert_int_equal(compare(&c, &im), 1);
	off(&c, true);
	image_free(&im);
	unlink(work_img);
}

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/test_golden.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(work_img, sizeof(work_img), "%s/card", dir);
	return 0;
}

static int remove_dir(void **state)
{
	char text[96];

	snprintf(text, sizeof(text), "%s/text", dir);
	unlink(text);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept), cmocka_unit_test(test_new),
		cmocka_unit_test(test_spoilt),
	};

	return cmocka_run_group_tests_name("golden images", tests, make_dir, remove_dir);
}
