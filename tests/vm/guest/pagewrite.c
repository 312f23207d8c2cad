// SPDX-License-Identifier: GPL-2.0-only
/*
 * A database's pages, each written in one piece, and the judge of what a power cut
 * left of them.
 *
 *	pagewrite limits DEV
 *	pagewrite write DEV OFFSET PAGES SEED PORT TAG
 *	pagewrite verify DEV OFFSET PAGES SEED TAG=NUMBER...
 *
 * `limits` prints which writes the kernel says are atomic, or that it knows none.
 * `write` writes PAGE bytes at a time with RWF_ATOMIC and O_DSYNC: what comes back is
 * durable. Operation n of a TAG goes to a page that follows from SEED, TAG and n; one
 * letter is one process, and A to D have pages of their own. Each number is
 * then sent over a serial PORT as "TAG number" before the next operation.
 *
 * `verify` reads all pages: each must be of one operation from the first byte to the
 * last, of the newest acknowledged for that page or of the one that was in doubt.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#define PAGE		16384u
#define WORDS		(PAGE / sizeof(uint64_t))
#define TAGS		4u
#define ATOMIC		0x40	/* RWF_ATOMIC */
#define STATX_ATOMIC	0x10000	/* STATX_WRITE_ATOMIC */
#define MAGIC		0x6761705f6f6966ULL

struct area {
	int fd;
	uint64_t offset, pages, seed;
};

static void die(const char *what)
{
	fprintf(stderr, "pagewrite: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint64_t page_of(const struct area *a, unsigned int tag, uint64_t op)
{
	return mix(a->seed ^ mix(op * TAGS + tag)) % (a->pages / TAGS) * TAGS + tag;
}

static void fill(uint64_t *w, uint64_t seed, uint64_t page, uint64_t op)
{
	uint64_t key = mix(seed ^ mix(page ^ mix(op)));
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		w[i] = key + i;
	/* in each part that could be torn off */
	for (i = 0; i < WORDS; i += 512 / sizeof(*w)) {
		w[i] = MAGIC;
		w[i + 1] = page;
		w[i + 2] = op;
	}
}

static struct area open_area(char **argv, int flags)
{
	struct area a = {
		.fd = open(argv[2], flags | O_DIRECT),
		.offset = strtoull(argv[3], NULL, 0), .pages = strtoull(argv[4], NULL, 0),
		.seed = strtoull(argv[5], NULL, 0),
	};

	if (a.fd < 0)
		die(argv[2]);
	return a;
}

static uint64_t *page_buffer(void)
{
	void *p;

	errno = posix_memalign(&p, 4096, PAGE);
	if (errno)
		die("memory");
	return p;
}

static int open_port(const char *path)
{
	int fd = open(path, O_WRONLY | O_NOCTTY);
	struct termios t;

	if (fd < 0)
		die(path);
	if (!tcgetattr(fd, &t)) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

static void load(char **argv)
{
	struct area a = open_area(argv, O_WRONLY | O_DSYNC);
	unsigned int tag = argv[7][0] - 'A';
	uint64_t *buf = page_buffer(), op;
	int port = open_port(argv[6]);
	char line[32];

	for (op = 1;; op++) {
		uint64_t page = page_of(&a, tag, op);
		struct iovec v = { buf, PAGE };
		ssize_t n;

		fill(buf, a.seed, page, op);
		/* glibc refuses flags that it does not know */
		n = syscall(SYS_pwritev2, a.fd, &v, 1, (long)(a.offset + page * PAGE), 0L, ATOMIC);
		if (n != PAGE)
			die("write");
		n = snprintf(line, sizeof(line), "%s %llu\n", argv[7], (unsigned long long)op);
		/* only what has left the machine was acknowledged */
		if (write(port, line, n) != n || tcdrain(port))
			die(argv[6]);
	}
}

/* Where a page stops to be of operation @op; PAGE: nowhere. */
static unsigned int torn_at(const struct area *a, const uint64_t *got, uint64_t page, uint64_t op)
{
	static uint64_t *want;
	unsigned int i;

	want = want ? want : page_buffer();
	fill(want, a->seed, page, op);
	for (i = 0; i < WORDS && got[i] == want[i]; i++)
		;
	return i * sizeof(uint64_t);
}

static int judge(const struct area *a, const uint64_t *got, uint64_t page, uint64_t newest,
		 uint64_t doubtful)
{
	unsigned int i, at;

	if (!newest && got[0] != MAGIC) {
		for (i = 0; i < WORDS && !got[i]; i++)
			;
		if (i == WORDS)
			return 0;
	}
	at = torn_at(a, got, page, got[2]);
	if (at < PAGE)
		printf("page %llu: torn at byte %u: of operation %llu before it\n",
		       (unsigned long long)page, at, (unsigned long long)got[2]);
	else if (got[2] != newest && got[2] != doubtful)
		printf("page %llu: of operation %llu, acknowledged was %llu\n",
		       (unsigned long long)page, (unsigned long long)got[2],
		       (unsigned long long)newest);
	else
		return 0;
	return 1;
}

static int verify(int argc, char **argv)
{
	struct area a = open_area(argv, O_RDONLY);
	uint64_t *newest = calloc(a.pages, sizeof(*newest));
	uint64_t *doubt = calloc(a.pages, sizeof(*doubt));
	uint64_t *buf = page_buffer(), page, op, acked, written = 0, wrong = 0;
	int i;

	if (!newest || !doubt)
		die("memory");
	for (i = 6; i < argc; i++) {
		acked = strtoull(argv[i] + 2, NULL, 0);
		for (op = 1; op <= acked; op++)
			newest[page_of(&a, argv[i][0] - 'A', op)] = op;
		doubt[page_of(&a, argv[i][0] - 'A', op)] = op;
	}
	for (page = 0; page < a.pages; page++) {
		if (pread(a.fd, buf, PAGE, a.offset + page * PAGE) != PAGE)
			die("read");
		wrong += judge(&a, buf, page, newest[page], doubt[page]);
		written += !!newest[page];
	}
	printf("%llu pages, %llu of them written, %llu wrong\n", (unsigned long long)a.pages,
	       (unsigned long long)written, (unsigned long long)wrong);
	return wrong > 0;
}

/* The fields are younger than the headers that this is built with. */
static int limits(const char *path)
{
	union {
		struct statx x;
		uint32_t word[64];
	} s;

	memset(&s, 0, sizeof(s));
	if (syscall(SYS_statx, AT_FDCWD, path, 0, STATX_ATOMIC, &s))
		die(path);
	if (!(s.x.stx_mask & STATX_ATOMIC)) {
		printf("no atomic writes\n");
		return 0;
	}
	/* stx_atomic_write_unit_min, _max and stx_atomic_write_segments_max */
	printf("%u to %u bytes, %u segments\n", s.word[0xa8 / 4], s.word[0xac / 4],
	       s.word[0xb0 / 4]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "limits"))
		return limits(argv[2]);
	if (argc == 8 && !strcmp(argv[1], "write"))
		load(argv);
	if (argc >= 7 && !strcmp(argv[1], "verify"))
		return verify(argc, argv);
	fprintf(stderr, "usage: pagewrite limits|write|verify ... (see the head of the source)\n");
	return 2;
}
