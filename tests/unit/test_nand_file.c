// SPDX-License-Identifier: GPL-2.0-only
/*
 * The NAND model in a file: what is kept, which files are refused and how, and
 * what a death of the process leaves at every step of every operation.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_nand_util.h"

#define USER_BYTES 100

static char dir[32], path[64], err[512];

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/test_nand_file.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/card", dir);
	return 0;
}

static int remove_dir(void **state)
{
	return rmdir(dir);
}

static int remove_file(void **state)
{
	unlink(path);
	return 0;
}

static struct nand *open_card(void)
{
	struct nand *n = nand_open_file(path, &tiny, USER_BYTES, err, sizeof(err));

	if (!n)
		fail_msg("%s", err);
	return n;
}

/* Opening fails with a sentence that names the file and has @words in it. */
static void assert_refused(const struct nand_geometry *geo, size_t user_bytes, const char *words)
{
	memset(err, 0, sizeof(err));
	assert_null(nand_open_file(path, geo, user_bytes, err, sizeof(err)));
	if (!strstr(err, words) || !strstr(err, path))
		fail_msg("\"%s\" does not say \"%s\"", err, words);
}

static void test_keeps_everything(void **state)
{
	struct nand *n = open_card();
	struct page p;
	u64 hash;

	assert_true(nand_is_new(n));
	assert_true(nand_was_closed(n));
	assert_int_equal(((char *)nand_user(n))[USER_BYTES - 1], 0);
	assert_int_equal(nand_set_factory_bad(n, 200, 3), 0);
	memset(nand_user(n), 0x77, USER_BYTES);
	fill(n, 0, 0, PAGES, 1);
	fill(n, 1, 0, 3, 2);
	tear(n, NAND_PROGRAM, 1, 0, 3, 2, NAND_TORN_READS_ONCE);
	hash = nand_hash(n);
	nand_close(n);

	n = nand_open_file(path, NULL, USER_BYTES, err, sizeof(err));
	assert_non_null(n);
	assert_false(nand_is_new(n));
	assert_false(nand_was_cut(n));
	assert_true(nand_was_closed(n));
	assert_int_equal(nand_hash(n), hash);
	assert_memory_equal(nand_geometry(n), &tiny, sizeof(tiny));
	assert_int_equal(((u8 *)nand_user(n))[USER_BYTES - 1], 0x77);
	assert_int_equal(nand_set_factory_bad(n, 10, 1), -EBUSY);
	assert_true(holds(n, 0, 0, PAGES - 1, 1));
	assert_true(holds(n, 1, 0, 3, 2));
	nand_close(n);

	/* the only good read is gone for the next process too */
	n = open_card();
	assert_int_equal(read_page(n, 1, 0, 3, &p), NAND_UNCORRECTABLE);
	assert_true(holds(n, 1, 0, 2, 2));
	nand_close(n);
}

static void test_same_as_memory(void **state)
{
	struct nand *file = open_card(), *mem = nand_create_mem(&tiny);
	struct nand *both[] = { file, mem };

	for (int i = 0; i < 2; i++) {
		nand_set_seed(both[i], 5);
		fill(both[i], 0, 1, PAGES, 1);
		fill(both[i], 1, 1, 2, 1);
		tear(both[i], NAND_ERASE, 0, 1, 0, 0, NAND_TORN_PARTIAL);
		tear(both[i], NAND_PROGRAM, 1, 1, 2, 1, NAND_TORN_PARTIAL);
		assert_int_equal(nand_erase(both[i], 1, 2), NAND_OK);
	}
	assert_int_equal(nand_hash(file), nand_hash(mem));
	errno = 0;
	assert_null(nand_fork(file));
	assert_int_equal(errno, EOPNOTSUPP);
	nand_close(mem);
	nand_close(file);
}

static u64 bytes_on_disk(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (u64)st.st_blocks * 512;
}

/* A terabyte, of which hardly anything exists; what is erased goes again. */
static void test_sparse(void **state)
{
	static const struct nand_geometry large = { 32, 1 << 15, 256, 4096, 64, 3000 };
	static u8 data[4096] = { 1 }, oob[64] = { 2 }, got[4096];
	struct nand *n = nand_open_file(path, &large, 0, err, sizeof(err));
	u64 empty, full;

	if (!n)
		fail_msg("%s", err);
	assert_null(nand_user(n));
	empty = bytes_on_disk();
	assert_in_range(empty, 0, 32 << 20);
	for (u32 page = 0; page < 256; page++)
		assert_int_equal(nand_program(n, 31, (1 << 15) - 1, page, data, oob), NAND_OK);
	full = bytes_on_disk();
	assert_in_range(full, empty + (1 << 20), empty + (1 << 20) + (256 << 10));
	assert_int_equal(nand_read(n, 31, (1 << 15) - 1, 255, got, NULL, 0, NULL), NAND_OK);
	assert_memory_equal(got, data, sizeof(data));
	assert_int_equal(nand_erase(n, 31, (1 << 15) - 1), NAND_OK);
	assert_in_range(bytes_on_disk(), empty, full - (1 << 20));
	nand_close(n);
}

/* --- files that are refused --- */

static void make_card(void)
{
	struct nand *n = open_card();

	fill(n, 0, 1, 2, 1);
	nand_close(n);
}

static void patch(off_t at, const void *bytes, size_t len)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, at), len);
	close(fd);
}

static void test_missing(void **state)
{
	assert_refused(NULL, 0, "cannot be opened: No such file");
	assert_int_equal(access(path, F_OK), -1);
}

static void test_uncreatable(void **state)
{
	char there[64];

	memcpy(there, path, sizeof(path));
	snprintf(path, sizeof(path), "%s/nowhere/card", dir);
	assert_refused(&tiny, 0, "cannot be created: No such file");
	memcpy(path, dir, sizeof(dir));
	assert_refused(&tiny, 0, "cannot be opened: Is a directory");
	memcpy(path, there, sizeof(path));
}

static void test_truncated(void **state)
{
	make_card();
	assert_int_equal(truncate(path, 20000), 0);
	assert_refused(&tiny, USER_BYTES, "is truncated: 20000 bytes of");
	assert_int_equal(truncate(path, 100), 0);
	assert_refused(&tiny, USER_BYTES, "100 bytes are not even a header");
	assert_int_equal(truncate(path, 0), 0);
	assert_refused(&tiny, USER_BYTES, "0 bytes are not even a header");
}

static void test_appended(void **state)
{
	struct stat st;

	make_card();
	assert_int_equal(stat(path, &st), 0);
	patch(st.st_size, "x", 1);
	assert_refused(&tiny, USER_BYTES, "something was appended");
}

static void test_foreign(void **state)
{
	char text[8192], after[8192];
	int fd;

	memset(text, 'z', sizeof(text));
	patch(0, text, sizeof(text));
	assert_refused(&tiny, USER_BYTES, "is not a state file of fio-vcard");
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, after, sizeof(after)), sizeof(after));
	assert_memory_equal(text, after, sizeof(text));
	close(fd);
}

static void test_versions(void **state)
{
	u32 version = 2;

	make_card();
	patch(8, &version, sizeof(version));
	assert_refused(&tiny, USER_BYTES, "has version 2, this program knows up to 1");
	version = 0;
	patch(8, &version, sizeof(version));
	assert_refused(&tiny, USER_BYTES, "version 0");
	version = 0x04030201;
	patch(12, &version, sizeof(version));
	assert_refused(&tiny, USER_BYTES, "other byte order");
}

static void test_damaged_header(void **state)
{
	u32 dies = 3;

	make_card();
	patch(16, &dies, sizeof(dies));
	assert_refused(&tiny, USER_BYTES, "is damaged: its header has CRC");
}

static void test_other_geometry(void **state)
{
	struct nand_geometry other = tiny;

	make_card();
	other.blocks++;
	assert_refused(&other, USER_BYTES, "7 x 8 of 512+32");
	assert_refused(&tiny, USER_BYTES + 1, "user area of 100 bytes, but 101");
	nand_close(open_card());
}

static u32 crc32c_of(const u8 *p, size_t len)
{
	u32 crc = ~0U;

	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* A header that is sound in itself but claims nonsense. */
static void patch_header(off_t at, const void *bytes, size_t len)
{
	u8 header[108];
	u32 crc;
	int fd = open(path, O_RDWR);

	assert_int_equal(pread(fd, header, sizeof(header), 0), sizeof(header));
	memcpy(header + at, bytes, len);
	crc = crc32c_of(header, 104);
	memcpy(header + 104, &crc, sizeof(crc));
	assert_int_equal(pwrite(fd, header, sizeof(header), 0), sizeof(header));
	close(fd);
}

static void test_absurd_geometry(void **state)
{
	static const struct nand_geometry absurd = { 0, 1, 1, 512, 0, 1 };
	u32 pages = ~0U, zero = 0, eight = 8;
	u64 far = 1ULL << 60;

	assert_refused(&absurd, 0, "absurd geometry: 0 dies");
	assert_int_equal(access(path, F_OK), -1);
	make_card();
	patch_header(24, &pages, sizeof(pages));
	assert_refused(NULL, USER_BYTES, "absurd geometry: 2 dies, 6 blocks, 4294967295 pages");
	patch_header(24, &eight, sizeof(eight));
	patch_header(16, &zero, sizeof(zero));
	assert_refused(NULL, USER_BYTES, "absurd geometry: 0 dies");
	patch_header(16, &(u32){ DIES }, sizeof(u32));
	nand_close(open_card());
	patch_header(88, &far, sizeof(far));
	assert_refused(NULL, USER_BYTES, "its layout does not follow");
}

static void test_damaged_tables(void **state)
{
	const u32 huge = 1000;
	u64 layout[3];
	int fd;

	make_card();
	fd = open(path, O_RDONLY);
	assert_int_equal(pread(fd, layout, sizeof(layout), 48), sizeof(layout));
	close(fd);
	patch(layout[2] + 16, &huge, sizeof(huge));
	assert_refused(&tiny, USER_BYTES, "die 0 block 1 has write pointer 1000 of 8");
	patch(layout[1] + 64, &huge, sizeof(huge));
	assert_refused(&tiny, USER_BYTES, "die 1 was doing operation 1000");
	patch(layout[1] + 64, (u32[]){ 3, BLOCKS, 0 }, 12);
	assert_refused(&tiny, USER_BYTES, "on block 6");
}

static void test_in_use(void **state)
{
	struct nand *n = open_card();

	assert_refused(&tiny, USER_BYTES, "is in use by another fio-vcard, or a tool");
	nand_close(n);
	nand_close(open_card());
}

static void file_bytes(u8 **bytes, size_t *len)
{
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	*len = ftell(f);
	*bytes = malloc(*len);
	assert_non_null(*bytes);
	rewind(f);
	assert_int_equal(fread(*bytes, 1, *len, f), *len);
	fclose(f);
}

static struct nand *open_image(void)
{
	struct nand *n = nand_open_image(path, USER_BYTES, err, sizeof(err));

	if (!n)
		fail_msg("%s", err);
	return n;
}

static void image_refused(const char *words)
{
	memset(err, 0, sizeof(err));
	assert_null(nand_open_image(path, USER_BYTES, err, sizeof(err)));
	if (!strstr(err, words))
		fail_msg("\"%s\" does not say \"%s\"", err, words);
}

/* A state with all that opening and reading would change. */
static void leave_traces(void)
{
	struct nand *n = open_card();
	struct page p;

	fill(n, 0, 0, PAGES, 1);
	fill(n, 1, 0, 3, 2);
	tear(n, NAND_PROGRAM, 1, 0, 3, 2, NAND_TORN_READS_ONCE);
	p = make_page(0, 1, 0, 3);
	assert_int_equal(nand_begin(n, NAND_PROGRAM, 0, 1, 0, p.data, p.oob), NAND_OK);
	nand_close(n);
}

static void look_at_image(void)
{
	struct nand *n = open_image();
	struct page p;

	assert_true(nand_was_cut(n));
	assert_int_equal(read_page(n, 1, 0, 3, &p), NAND_OK);
	assert_int_equal(read_page(n, 1, 0, 3, &p), NAND_UNCORRECTABLE);
	assert_true(holds(n, 0, 0, PAGES - 1, 1));
	assert_int_equal(nand_program(n, 1, 2, 0, p.data, p.oob), -EROFS);
	assert_int_equal(nand_erase(n, 1, 2), -EROFS);
	assert_int_equal(nand_erase(n, 0, 0), -EROFS);
	assert_refused(&tiny, USER_BYTES, "or a tool is looking at it");
	nand_close(open_image());
	nand_close(n);
}

static void test_image(void **state)
{
	size_t before_len, after_len;
	u8 *before, *after;
	struct nand *n;

	image_refused("cannot be opened");
	leave_traces();
	file_bytes(&before, &before_len);
	look_at_image();
	look_at_image();
	file_bytes(&after, &after_len);
	assert_int_equal(before_len, after_len);
	assert_memory_equal(before, after, after_len);
	n = open_card();
	image_refused("is in use by a running fio-vcard");
	nand_close(n);
	free(before);
	free(after);
}

static void test_short_error_buffer(void **state)
{
	char small[8] = "1234567";

	assert_null(nand_open_file(path, NULL, 0, small, 4));
	assert_int_equal(small[3], 0);
	assert_string_equal(small + 4, "567");
}

/* --- death at every step --- */

/*
 * Two moments to die for each step: with all the work up to the next one done,
 * and with none of it. -1: live for ever.
 */
static int moments_left = -1;

static void pass_moment(void)
{
	if (!moments_left)
		kill(getpid(), SIGKILL);
	if (moments_left > 0)
		moments_left--;
}

void __wrap_nand_publish(u32 *field, u32 value)
{
	pass_moment();
	__real_nand_publish(field, value);
	pass_moment();
}

/* What dies, and what may be found afterwards. */
struct victim {
	const char *name;
	void (*prepare)(struct nand *n);
	void (*act)(struct nand *n);
	u32 (*judge)(struct nand *n);	/* a bit for what was found; 0: impossible */
	u32 all;			/* everything that must be found at some time */
};

/* Runs @fn in a process that dies at @moment. Return: did it die? */
static bool dies_at(int moment, u64 seed, void (*fn)(struct nand *n))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		struct nand *n = nand_open_file(path, NULL, USER_BYTES, err, sizeof(err));

		if (!n)
			_exit(1);
		nand_set_seed(n, seed);
		moments_left = moment;
		fn(n);
		/* survived: the file stays open, as if killed later */
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return true;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

/* A survivor that must have torn its operation by the time it is opened again. */
static void check_survivors(struct nand *n)
{
	assert_true(holds(n, 0, 0, PAGES - 1, 9));
	assert_true(holds(n, 1, 1, 2, 9));
	assert_int_equal(info_of(n, 1, 1).write_ptr, 3);
}

static u32 judge_and_repeat(const struct victim *v)
{
	struct nand *n = open_card();
	u64 hash = nand_hash(n);
	u32 found;

	assert_false(nand_was_closed(n));
	nand_close(n);
	n = open_card();
	assert_false(nand_was_cut(n));
	assert_int_equal(nand_hash(n), hash);
	assert_sound(n);
	found = v->judge(n);
	check_survivors(n);
	assert_int_equal(nand_erase(n, 0, 1), NAND_OK);
	fill(n, 0, 1, PAGES, 4);
	assert_null(nand_violation(n));
	nand_close(n);
	return found;
}

static void prepare(const struct victim *v)
{
	struct nand *n;

	unlink(path);
	n = open_card();
	fill(n, 0, 0, PAGES, 9);
	fill(n, 1, 1, 3, 9);
	v->prepare(n);
	nand_close(n);
}

static void kill_everywhere(const struct victim *v)
{
	u32 found = 0, one;
	int deaths = 0;

	for (u64 seed = 0; seed < 12; seed++) {
		bool died = true;

		for (int moment = 0; died; moment++) {
			prepare(v);
			died = dies_at(moment, seed, v->act);
			deaths += died;
			one = judge_and_repeat(v);
			if (!one)
				fail_msg("%s: impossible state after seed %llu moment %d", v->name,
					 (unsigned long long)seed, moment);
			found |= one;
		}
	}
	assert_true(deaths >= 2 * 12);
	if (found != v->all)
		fail_msg("%s: found %#x of %#x", v->name, found, v->all);
}

static void three_pages(struct nand *n)
{
	fill(n, 0, 1, 3, 1);
}

static void full_block(struct nand *n)
{
	fill(n, 0, 1, PAGES, 1);
}

static void torn_block(struct nand *n)
{
	fill(n, 0, 1, PAGES, 1);
	tear(n, NAND_ERASE, 0, 1, 0, 0, NAND_TORN_PARTIAL);
}

static void weak_page(struct nand *n)
{
	three_pages(n);
	tear(n, NAND_PROGRAM, 0, 1, 3, 2, NAND_TORN_READS_ONCE);
}

static void program_fourth(struct nand *n)
{
	program(n, 0, 1, 3, 2);
}

static void program_fourth_fails(struct nand *n)
{
	nand_set_fault(n, NAND_FAULT_PROGRAM, 0, 1, 3, 0, 1);
	program(n, 0, 1, 3, 2);
}

static void begin_fourth(struct nand *n)
{
	struct page p = make_page(0, 1, 3, 2);

	nand_begin(n, NAND_PROGRAM, 0, 1, 3, p.data, p.oob);
}

static void begin_erase(struct nand *n)
{
	nand_begin(n, NAND_ERASE, 0, 1, 0, NULL, NULL);
}

static void erase(struct nand *n)
{
	nand_erase(n, 0, 1);
}

static void erase_fails(struct nand *n)
{
	nand_set_fault(n, NAND_FAULT_ERASE, 0, 1, -1, 0, 1);
	nand_erase(n, 0, 1);
}

static void read_fourth(struct nand *n)
{
	struct page p;

	read_page(n, 0, 1, 3, &p);
}

/* Opening is what may die here: it tears what the one before left. */
static void nothing(struct nand *n)
{
}

#define BIT_OF(torn) (1U << (torn))
#define ALL_TORN (BIT_OF(NAND_TORN_COUNT) - 1)

static u32 judge_program(struct nand *n)
{
	struct page p;

	for (u32 i = 0; i < 3; i++)
		if (!holds(n, 0, 1, i, 1))
			return 0;
	if (info_of(n, 0, 1).write_ptr == 3)
		return read_page(n, 0, 1, 3, &p) == NAND_ERASED ?
		       BIT_OF(NAND_TORN_NOT_STARTED) : 0;
	if (info_of(n, 0, 1).write_ptr != 4)
		return 0;
	if (!holds(n, 0, 1, 3, 2))
		return read_page(n, 0, 1, 3, &p) == NAND_UNCORRECTABLE ?
		       BIT_OF(NAND_TORN_PARTIAL) : 0;
	if (holds(n, 0, 1, 3, 2))
		return BIT_OF(NAND_TORN_DONE);
	return BIT_OF(NAND_TORN_READS_ONCE);
}

/* How many pages of the block are programmed and good, erased, uncorrectable? */
static void count_pages(struct nand *n, u32 count[3])
{
	struct page p;

	memset(count, 0, 3 * sizeof(count[0]));
	for (u32 i = 0; i < PAGES; i++) {
		enum nand_result r = read_page(n, 0, 1, i, &p);

		assert_in_range(r, NAND_OK, NAND_UNCORRECTABLE);
		if (r == NAND_OK)
			assert_true(holds(n, 0, 1, i, 1));
		count[r]++;
	}
}

static u32 judge_erase_from(struct nand *n, u32 cycles)
{
	struct nand_block_info info = info_of(n, 0, 1);
	u32 count[3];

	count_pages(n, count);
	if (info.erase_count > cycles + 1)
		return 0;
	if (info.torn_erase && !info.write_ptr)
		return count[NAND_OK] ? 0 : BIT_OF(NAND_TORN_PARTIAL);
	if (info.torn_erase)
		return info.write_ptr == PAGES ? BIT_OF(NAND_TORN_PARTIAL) : 0;
	if (info.write_ptr == PAGES)
		return count[NAND_OK] == PAGES && info.erase_count == cycles ?
		       BIT_OF(NAND_TORN_NOT_STARTED) : 0;
	return !info.write_ptr && count[NAND_ERASED] == PAGES && info.erase_count == cycles + 1 ?
	       BIT_OF(NAND_TORN_DONE) : 0;
}

static u32 judge_erase(struct nand *n)
{
	return judge_erase_from(n, 0);
}

/* The block was torn before: not started looks like partly done. */
static u32 judge_second_erase(struct nand *n)
{
	return judge_erase_from(n, 1);
}

#define ERASE_TORN (BIT_OF(NAND_TORN_NOT_STARTED) | BIT_OF(NAND_TORN_PARTIAL) | \
		    BIT_OF(NAND_TORN_DONE))

static const struct victim victims[] = {
	{ "program", three_pages, program_fourth, judge_program, ALL_TORN },
	{ "program that is under way", three_pages, begin_fourth, judge_program, ALL_TORN },
	{ "program that fails", three_pages, program_fourth_fails, judge_program, ALL_TORN },
	{ "only good read", weak_page, read_fourth, judge_program,
	  BIT_OF(NAND_TORN_READS_ONCE) | BIT_OF(NAND_TORN_PARTIAL) },
	{ "erase", full_block, erase, judge_erase, ERASE_TORN },
	{ "erase that is under way", full_block, begin_erase, judge_erase, ERASE_TORN },
	{ "erase that fails", full_block, erase_fails, judge_erase, ERASE_TORN },
	{ "second erase", torn_block, erase, judge_second_erase,
	  BIT_OF(NAND_TORN_PARTIAL) | BIT_OF(NAND_TORN_DONE) },
};

static void test_kill_at_every_step(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(victims); i++)
		kill_everywhere(&victims[i]);
}

/* Opens the file in a process that dies at @moment of that. */
static bool dies_opening_at(int moment)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		moments_left = moment;
		_exit(!nand_open_file(path, NULL, USER_BYTES, err, sizeof(err)));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || !WEXITSTATUS(status));
	return WIFSIGNALED(status);
}

/* Die in the operation, then at every step of tearing it. */
static void kill_in_recovery(const struct victim *v, u64 seed)
{
	bool died = true;

	for (int moment = 0; died; moment++) {
		prepare(v);
		assert_false(dies_at(-1, seed, v->act));
		died = dies_opening_at(moment);
		if (!judge_and_repeat(v))
			fail_msg("%s: impossible state after seed %llu, opening moment %d", v->name,
				 (unsigned long long)seed, moment);
	}
}

static void test_kill_in_recovery(void **state)
{
	for (u64 seed = 0; seed < 12; seed++) {
		kill_in_recovery(&victims[1], seed);
		kill_in_recovery(&victims[5], seed);
	}
}

static void test_was_cut(void **state)
{
	const struct victim idle = { "nothing", three_pages, nothing, NULL, 0 };
	struct nand *n;

	prepare(&idle);
	assert_false(dies_at(-1, 1, begin_fourth));
	n = open_card();
	assert_true(nand_was_cut(n));
	assert_false(nand_was_closed(n));
	nand_close(n);
	prepare(&idle);
	assert_false(dies_at(-1, 1, nothing));
	n = open_card();
	assert_false(nand_was_cut(n));
	assert_false(nand_was_closed(n));
	/* what is begun and not finished is not closed */
	begin_erase(n);
	nand_close(n);
	n = open_card();
	assert_true(nand_was_cut(n));
	assert_false(nand_was_closed(n));
	nand_close(n);
}

/* --- death at any moment --- */

static u32 block_of(u32 seq)
{
	return seq / PAGES % BLOCKS;
}

/* Programs round and round, telling of every page that is done. */
static void write_and_tell(int fd)
{
	struct nand *n = nand_open_file(path, NULL, USER_BYTES, err, sizeof(err));

	for (u32 seq = 0; n; seq++) {
		if (!(seq % PAGES) && seq >= PAGES * BLOCKS && nand_erase(n, 0, block_of(seq)))
			_exit(2);
		if (program(n, 0, block_of(seq), seq % PAGES, seq) ||
		    write(fd, &seq, sizeof(seq)) != sizeof(seq))
			_exit(3);
	}
	_exit(4);
}

/* Kills the writer after @acks pages. Return: the last page it told of. */
static u32 kill_writer(u32 acks)
{
	int pipefd[2], status;
	u32 seq, last = 0;
	pid_t pid;

	assert_int_equal(pipe(pipefd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		write_and_tell(pipefd[1]);
	close(pipefd[1]);
	while (acks-- && read(pipefd[0], &seq, sizeof(seq)) == sizeof(seq))
		last = seq;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while (read(pipefd[0], &seq, sizeof(seq)) == sizeof(seq))
		last = seq;
	close(pipefd[0]);
	return last;
}

static void test_kill_at_any_moment(void **state)
{
	for (u32 round = 0; round < 60; round++) {
		u32 last, first;
		struct nand *n;

		unlink(path);
		nand_close(open_card());
		last = kill_writer(1 + round * 7);
		n = open_card();
		/* the block after the last may be erased already: look at this round's only */
		first = last / PAGES < BLOCKS - 1 ? 0 : (last / PAGES - (BLOCKS - 2)) * PAGES;
		for (u32 seq = first; seq <= last; seq++)
			if (!holds(n, 0, block_of(seq), seq % PAGES, seq))
				fail_msg("round %u: page %u of %u..%u is lost", round, seq, first,
					 last);
		nand_close(n);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, remove_file, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_keeps_everything),
		CASE(test_same_as_memory),
		CASE(test_sparse),
		CASE(test_missing),
		CASE(test_uncreatable),
		CASE(test_truncated),
		CASE(test_appended),
		CASE(test_foreign),
		CASE(test_versions),
		CASE(test_damaged_header),
		CASE(test_other_geometry),
		CASE(test_absurd_geometry),
		CASE(test_damaged_tables),
		CASE(test_in_use),
		CASE(test_image),
		CASE(test_short_error_buffer),
		CASE(test_kill_at_every_step),
		CASE(test_kill_in_recovery),
		CASE(test_was_cut),
		CASE(test_kill_at_any_moment),
	};

	return cmocka_run_group_tests_name("nand file", tests, make_dir, remove_dir);
}
