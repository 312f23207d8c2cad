// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-fuzz-media: attach to media that somebody tampered with.
 *
 * Owns: a card in use, the edits made to a copy of it, with all checksums made
 * good again, so that the core sees absurd contents and not merely bad CRCs.
 *
 * Does not know: what the core should make of it. It may refuse to attach or
 * return any data; it must not crash, spin, leak, reach outside its memory
 * (run the sanitized build) or break the rules of the medium.
 *
 * An input is a list of edits of EDIT_BYTES bytes each; LLVMFuzzerTestOneInput()
 * takes one from a fuzzing engine (clang -fsanitize=fuzzer -DFUZZ_ENGINE), main()
 * draws them from a seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/ftl/sim_env.h"

#define DIES 2
#define AUS 12
#define PAGES 4
#define ALL_PAGES (DIES * AUS * PAGES)
#define UNITS 12
#define EDIT_BYTES 6
#define MAX_EDITS 16
#define RUN_SECONDS 20	/* of CPU time */

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct page {
	bool written;
	struct fio_tag tag;
	u8 data[FIO_MEDIA_UNIT];
};

enum edit_kind { SET_BYTE, SET_32, SET_64, DROP_PAGE, COPY_PAGE, EDIT_KINDS };

static const struct sim_config config = {
	.dies = DIES, .aus = AUS, .pages = PAGES, .max_units = 4,
	.host_cmds = 6, .internal_cmds = 4, .buffer_units = 2,
};

static struct page base[2][ALL_PAGES];	/* dirty, clean */
static u64 attached;

static void give_up(const char *what)
{
	fprintf(stderr, "fio-fuzz-media: %s\n", what);
	abort();
}

/* ---- the card before ----------------------------------------------------------- */

static void save(struct sim *s, struct page *to)
{
	u32 i;

	for (i = 0; i < ALL_PAGES; i++) {
		u32 die = i / PAGES / AUS, block = i / PAGES % AUS, page = i % PAGES;

		to[i].written = nand_read(sim_nand(s), die, block, page, to[i].data,
					  &to[i].tag, 0, NULL) == NAND_OK;
	}
}

static void must(int err, const char *what)
{
	if (err)
		give_up(what);
}

static void use(struct sim_env *e, struct ftl *f)
{
	static u8 data[FIO_MEDIA_UNIT];
	u64 lu;

	for (lu = 0; lu < UNITS; lu++) {
		memset(data, (int)lu + 1, sizeof(data));
		must(sim_do(e, f, FTL_WRITE, 0, lu, 1, data), "write");
	}
	must(sim_do(e, f, FTL_TRIM, 0, 2, 3, NULL), "trim");
	must(ftl_force_checkpoint(f), "checkpoint");
	must(sim_do(e, f, FTL_WRITE, 0, 3, 1, data), "write");
	must(sim_do(e, f, FTL_TRIM, 0, 8, 1, NULL), "trim");
	sim_drive(e, f);
}

static void make_base(void)
{
	struct ftl_format_params p = {
		.lba_bytes = 4096, .user_units = UNITS, .default_units = UNITS,
		.uuid = "fuzz",
	};
	struct sim *s = sim_create(&config);
	struct sim_env e;
	struct ftl *f;

	sim_env_init(&e, s);
	must(ftl_format(sim_media(s), &e.env, &p), "format");
	must(ftl_attach(sim_media(s), &e.env, 0, &f), "attach");
	use(&e, f);
	save(s, base[0]);
	must(ftl_detach(f), "detach");
	sim_drive(&e, NULL);
	save(s, base[1]);
	sim_destroy(s);
}

/* ---- edits ---------------------------------------------------------------------- */

static u64 interesting(u8 which)
{
	static const u64 number[] = {
		0, 1, 2, 3, 7, 8, 11, 12, 13, 63, 64, 65, 125, 126, 127, 895, 896, 897,
		1023, 1024, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x100000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffffffe,
		0xffffffffffffffff, ALL_PAGES - 1, ALL_PAGES, ALL_PAGES + 1,
	};

	return number[which % ARRAY_SIZE(number)];
}

/* A page's bytes are its data and then its tag. */
static void poke(struct page *p, u32 off, const void *bytes, u32 len)
{
	const u8 *b = bytes;

	for (; len; len--, b++, off++) {
		if (off < FIO_MEDIA_UNIT)
			p->data[off] = *b;
		else if (off < FIO_MEDIA_UNIT + FIO_MEDIA_TAG)
			((u8 *)&p->tag)[off - FIO_MEDIA_UNIT] = *b;
	}
}

/* Every other edit aims at the first bytes or the tag, where the structure is. */
static u32 aim(u32 off)
{
	off %= 2 * FIO_MEDIA_UNIT;
	if (off < FIO_MEDIA_UNIT)
		return off;
	off -= FIO_MEDIA_UNIT;
	return off & 1 ? FIO_MEDIA_UNIT + off / 2 % FIO_MEDIA_TAG : off / 2 % 640;
}

static bool counts(const struct page *p, bool meta)
{
	return p->written && (!meta || p->tag.type != FIO_TAG_DATA);
}

/* One of the pages; half of the time one of metadata, which are few. */
static u32 choose(const struct page *pages, u8 n)
{
	bool meta = n & 0x80;
	u32 i, total = 0;

	for (i = 0; i < ALL_PAGES; i++)
		total += counts(&pages[i], meta);
	if (!total)
		return 0;
	for (i = 0, n = (n & 0x7f) % total; !counts(&pages[i], meta) || n--; i++)
		;
	return i;
}

static void edit(struct page *pages, const u8 *e)
{
	struct page *p = &pages[choose(pages, e[0])];
	u32 off = aim((u32)e[1] << 8 | e[2]);
	u64 n = cpu_to_le64(interesting(e[4]));

	switch (e[3] % EDIT_KINDS) {
	case SET_BYTE:
		poke(p, off, &e[4], 1);
		break;
	case SET_32:
		poke(p, off & ~3u, &n, 4);
		break;
	case SET_64:
		poke(p, off & ~7u, &n, 8);
		break;
	case DROP_PAGE:
		p->written = false;
		break;
	default:
		*p = pages[choose(pages, e[4])];
	}
}

/* Structures carry a CRC of their own besides that of the tag. */
static void mend(struct page *p)
{
	struct fio_super *super = (struct fio_super *)p->data;
	struct fio_journal *journal = (struct fio_journal *)p->data;
	u32 crc;

	if (p->tag.type == FIO_TAG_SUPER) {
		super->crc = 0;
		super->crc = cpu_to_le32(ftl_crc32c(0, super, sizeof(*super)));
	} else if (p->tag.type == FIO_TAG_JOURNAL) {
		journal->crc = 0;
		journal->crc = cpu_to_le32(ftl_crc32c(0, journal, sizeof(*journal)));
	}
	crc = ftl_crc32c(0, p->data, FIO_MEDIA_UNIT);
	p->tag.crc = cpu_to_le32(ftl_crc32c(crc, &p->tag, offsetof(struct fio_tag, crc)));
}

static struct sim *build(struct page *pages)
{
	const struct nand_geometry geo = {
		.dies = DIES, .blocks = AUS, .pages = PAGES, .page_bytes = FIO_MEDIA_UNIT,
		.oob_bytes = FIO_MEDIA_TAG, .endurance = 1000000,
	};
	struct nand *nand = nand_create_mem(&geo);
	u32 i, wp = 0;

	if (!nand)
		give_up("out of memory");
	for (i = 0; i < ALL_PAGES; i++) {
		wp = i % PAGES ? wp : 0;
		if (!pages[i].written)
			continue;	/* what follows in the block moves up */
		mend(&pages[i]);
		nand_program(nand, i / PAGES / AUS, i / PAGES % AUS, wp++,
			     pages[i].data, &pages[i].tag);
	}
	return sim_over(&config, nand);
}

/* ---- one input --------------------------------------------------------------------- */

static void read_and_write(struct sim_env *e, struct ftl *f)
{
	static u8 data[8 * FIO_MEDIA_UNIT];
	struct ftl_info info;
	u64 lba;

	ftl_get_info(f, &info);
	for (lba = 0; lba < min_t(u64, info.blocks, 256); lba++)
		sim_do(e, f, FTL_READ, 0, lba, 1, data);
	for (lba = 0; lba < min_t(u64, info.blocks, 24); lba++)
		if (sim_do(e, f, FTL_WRITE, 0, lba, 1, data))
			break;
	sim_do(e, f, FTL_TRIM, 0, 0, min_t(u64, info.blocks, 4), NULL);
}

static void try_attach(struct sim *s)
{
	struct sim_env e;
	struct ftl *f = NULL;
	int err;

	sim_env_init(&e, s);
	err = ftl_attach(sim_media(s), &e.env, 0, &f);
	if (!err) {
		attached++;
		read_and_write(&e, f);
		if (sim_cmds_busy(s))
			sim_drive(&e, f);
		ftl_detach(f);
	}
	if (e.hung || sim_violation(s) || e.allocs) {
		sim_env_dump(&e);
		give_up(e.hung ? "the core waits for something that cannot happen" :
			sim_violation(s) ? sim_violation(s) : "the core leaks memory");
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct page pages[ALL_PAGES];
	static bool made;
	struct sim *s;
	u32 i;

	if (!made)
		make_base();
	made = true;
	if (!size)
		return 0;
	memcpy(pages, base[data[0] & 1], sizeof(pages));
	for (i = 0; i < MAX_EDITS && 1 + (i + 1) * EDIT_BYTES <= size; i++)
		edit(pages, data + 1 + i * EDIT_BYTES);
	s = build(pages);
	try_attach(s);
	sim_destroy(s);
	return 0;
}

#ifndef FUZZ_ENGINE
static u64 next(u64 *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x * 0x2545f4914f6cdd1dULL;
}

static u64 parse_number(const char *text)
{
	char *end;
	u64 n = strtoull(text, &end, 10);

	if (*end || end == text) {
		fprintf(stderr, "usage: fio-fuzz-media [RUNS [SEED [ONLY]]]\n");
		exit(2);
	}
	return n;
}

/* One run per number, so that any of them can be had again alone. */
static void one_run(u64 seed, u64 run)
{
	u8 input[1 + MAX_EDITS * EDIT_BYTES];
	u64 x = (seed << 32 | run) * 0x9e3779b97f4a7c15ULL | 1;
	u32 i, n = 1 + (1 + next(&x) % MAX_EDITS) * EDIT_BYTES;

	for (i = 0; i < n; i++)
		input[i] = next(&x) >> 40;
	LLVMFuzzerTestOneInput(input, n);
}

/* A run that spins is as bad as one that crashes. */
static void limit_cpu(void)
{
	struct itimerval it = { .it_value.tv_sec = RUN_SECONDS };

	setitimer(ITIMER_VIRTUAL, &it, NULL);
}

struct shared {
	u64 run, attached;
};

static int child(u64 seed, u64 first, u64 last, struct shared *s)
{
	for (s->run = first; s->run <= last; s->run++) {
		limit_cpu();
		one_run(seed, s->run);
		s->attached = attached;
	}
	return 0;
}

int main(int argc, char **argv)
{
	u64 runs = argc > 1 ? parse_number(argv[1]) : 2000;
	u64 seed = argc > 2 ? parse_number(argv[2]) : 1;
	u64 only = argc > 3 ? parse_number(argv[3]) : 0;
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t pid;

	if (s == MAP_FAILED) {
		perror("fio-fuzz-media: mmap");
		return 2;
	}
	pid = fork();
	if (!pid)
		_exit(child(seed, only ? only : 1, only ? only : runs, s));
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		perror("fio-fuzz-media");
		return 2;
	}
	if (status) {
		printf("VIOLATION damaged medium %llu of seed %llu did harm\n"
		       "    reproduce: %s 1 %llu %llu\n", (unsigned long long)s->run,
		       (unsigned long long)seed, argv[0], (unsigned long long)seed,
		       (unsigned long long)s->run);
		return 1;
	}
	printf("fuzz: %llu damaged media, seed %llu: %llu attached, none did harm\n",
	       (unsigned long long)(only ? 1 : runs), (unsigned long long)seed,
	       (unsigned long long)s->attached);
	return 0;
}
#endif
