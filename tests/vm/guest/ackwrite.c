// SPDX-License-Identifier: GPL-2.0-only
/*
 * A write load that a power cut may hit at any moment, and the judge of what is
 * found afterwards.
 *
 *	ackwrite write DEV OFFSET BLOCKS SEED PORT TAG SYNC ACKS
 *	ackwrite verify DEV OFFSET BLOCKS SEED ACKS
 *	ackwrite files DIR SEED PORT TAG
 *	ackwrite checkfiles DIR SEED COUNT
 *
 * Every operation follows from SEED and its number alone: which blocks, write
 * or discard, and every byte. So all that the host has to remember is one number:
 * the last operation acknowledged, sent over a serial PORT as "TAG number"
 * before the next batch is issued. At most BATCH operations are ever in doubt.
 * SYNC says what acknowledged means: `fsync` (written and flushed) or `done`
 * (completed: for a card whose power-loss protection makes that durable).
 *
 * ACKS is the list of those numbers, one per power cut so far, 0 for none
 * acknowledged, "-" before the first cut. Numbers run on over the cuts: the round
 * after a cut at A starts at A + BATCH + 1, and first rewrites what the BATCH
 * operations in doubt touched, so that no doubt is left behind.
 *
 * `verify` reads the whole region: each block must hold, byte for byte, an
 * operation that was issued, aimed at that very block, and is not older than
 * the last one acknowledged for it. Anything else is lost, stale or foreign.
 *
 * It knows nothing of the card: any block device and any file system will do.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define BLOCK		4096u
#define WORDS		(BLOCK / sizeof(uint64_t))
#define BATCH		8u
#define MAX_RUN		16u
#define MAX_ROUNDS	16u
#define MAGIC		0x6b63615f6f6966ULL

struct plan {
	int fd;
	uint64_t offset;
	uint64_t blocks;
	uint64_t seed;
	unsigned int rounds;
	uint64_t acked[MAX_ROUNDS];
};

struct target {
	uint64_t block;
	unsigned int count;
	bool discard;
};

struct verdict {
	uint64_t written, zero, doubtful, wrong;
};

static void die(const char *what)
{
	fprintf(stderr, "ackwrite: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint64_t first_of(const struct plan *p, unsigned int round)
{
	return round ? p->acked[round - 1] + BATCH + 1 : 1;
}

/* Does this operation rewrite what the cut before its round left in doubt? */
static bool is_repair(const struct plan *p, uint64_t op)
{
	unsigned int r;

	for (r = 1; r <= p->rounds; r++)
		if (op >= first_of(p, r) && op < first_of(p, r) + BATCH)
			return true;
	return false;
}

static struct target target_of(const struct plan *p, uint64_t op)
{
	struct target t = { 0 };
	uint64_t h;

	if (is_repair(p, op)) {
		t = target_of(p, op - BATCH);
		t.discard = false;
		return t;
	}
	h = mix(p->seed ^ mix(op));
	t.count = h & 1 ? 1 : 1 + (h >> 8) % MAX_RUN;
	t.discard = (h >> 16) % 16 == 0;
	t.block = (h >> 24) % (p->blocks - t.count + 1);
	return t;
}

static void fill(uint64_t *words, uint64_t seed, uint64_t block, uint64_t op)
{
	uint64_t key = mix(seed ^ mix(block ^ mix(op)));
	unsigned int i;

	words[0] = MAGIC;
	words[1] = block;
	words[2] = op;
	for (i = 3; i < WORDS; i++)
		words[i] = mix(key + i);
}

/* A plain file serves as a device for the test of this program itself. */
static void discard(const struct plan *p, uint64_t range[2])
{
	if (!ioctl(p->fd, BLKDISCARD, range))
		return;
	if (errno != ENOTTY ||
	    fallocate(p->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range[0], range[1]))
		die("discard");
}

static void do_op(const struct plan *p, uint64_t op, uint64_t *buf)
{
	struct target t = target_of(p, op);
	uint64_t range[2] = { p->offset + t.block * BLOCK, (uint64_t)t.count * BLOCK };
	unsigned int i;

	if (t.discard) {
		discard(p, range);
		return;
	}
	for (i = 0; i < t.count; i++)
		fill(buf + i * WORDS, p->seed, t.block + i, op);
	if (pwrite(p->fd, buf, range[1], range[0]) != (ssize_t)range[1])
		die("write");
}

static void report(int port, const char *tag, uint64_t number)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%s %llu\n", tag, (unsigned long long)number);

	/*
	 * Out of the machine, not only in its tty buffer: what the power cut takes
	 * with it would leave more in doubt than the judge allows.
	 */
	if (write(port, line, n) != n || (tcdrain(port) && errno != ENOTTY && errno != EINVAL))
		die("report");
}

static uint64_t *aligned(size_t size)
{
	void *p;

	if (posix_memalign(&p, BLOCK, size))
		die("memory");
	return p;
}

static void parse_acks(struct plan *p, const char *list)
{
	char *end;

	while (*list && *list != '-') {
		if (p->rounds == MAX_ROUNDS) {
			fprintf(stderr, "ackwrite: more than %u cuts\n", MAX_ROUNDS);
			exit(2);
		}
		p->acked[p->rounds++] = strtoull(list, &end, 10);
		list = *end == ',' ? end + 1 : end;
	}
}

static struct plan open_plan(char **argv, int flags)
{
	struct plan p = {
		.fd = open(argv[0], flags | O_DIRECT),
		.offset = strtoull(argv[1], NULL, 0),
		.blocks = strtoull(argv[2], NULL, 0),
		.seed = strtoull(argv[3], NULL, 0),
	};

	if (p.fd < 0)
		die(argv[0]);
	return p;
}

/* Runs until the power goes or the device fails. */
static int cmd_write(char **argv)
{
	struct plan p = open_plan(argv, O_RDWR);
	int port = open(argv[4], O_WRONLY | O_NOCTTY);
	bool sync = !strcmp(argv[6], "fsync");
	uint64_t *buf = aligned(MAX_RUN * BLOCK);
	uint64_t op;

	if (port < 0)
		die(argv[4]);
	parse_acks(&p, argv[7]);
	for (op = first_of(&p, p.rounds); op; op++) {
		do_op(&p, op, buf);
		if ((op - first_of(&p, p.rounds) + 1) % BATCH)
			continue;
		if (sync && fdatasync(p.fd))
			die("fdatasync");
		report(port, argv[5], op);
	}
	return 1;
}

static bool was_issued(const struct plan *p, uint64_t op)
{
	unsigned int r;

	for (r = 0; r < p->rounds; r++)
		if (op >= first_of(p, r) && op <= p->acked[r] + BATCH)
			return true;
	return false;
}

static bool was_acked(const struct plan *p, uint64_t op)
{
	unsigned int r;

	for (r = 0; r < p->rounds; r++)
		if (op >= first_of(p, r) && op <= p->acked[r])
			return true;
	return false;
}

static bool covers(struct target t, uint64_t block)
{
	return block >= t.block && block < t.block + t.count;
}

/* For each block the last acknowledged operation, 0 for none. */
static uint64_t *last_acked(const struct plan *p)
{
	uint64_t *last = calloc(p->blocks, sizeof(*last));
	uint64_t op, end = p->rounds ? p->acked[p->rounds - 1] : 0;
	struct target t;
	unsigned int i;

	if (!last)
		die("memory");
	for (op = 1; op <= end; op++) {
		if (!was_acked(p, op))
			continue;
		t = target_of(p, op);
		for (i = 0; i < t.count; i++)
			last[t.block + i] = op;
	}
	return last;
}

static bool is_zero(const uint64_t *words)
{
	return !words[0] && !memcmp(words, words + 1, BLOCK - sizeof(*words));
}

/* Zeroes are right when never written, discarded, or a discard is in doubt. */
static bool zero_is_right(const struct plan *p, uint64_t block, uint64_t last)
{
	struct target t;
	unsigned int i;
	uint64_t op;

	if (!last || target_of(p, last).discard)
		return true;
	for (i = 0; i < p->rounds * BATCH; i++) {
		op = p->acked[i / BATCH] + 1 + i % BATCH;
		t = target_of(p, op);
		if (op > last && t.discard && covers(t, block))
			return true;
	}
	return false;
}

static const char *judge(const struct plan *p, const uint64_t *words, uint64_t block,
			 uint64_t last, struct verdict *v)
{
	static uint64_t want[WORDS];
	uint64_t op = words[2];

	if (is_zero(words)) {
		v->zero++;
		return zero_is_right(p, block, last) ? NULL : "lost: reads zero";
	}
	if (words[0] != MAGIC)
		return "not a block of this load";
	if (words[1] != block)
		return "another block's data";
	fill(want, p->seed, block, op);
	if (memcmp(want, words, BLOCK))
		return "torn or damaged";
	if (!was_issued(p, op) || !covers(target_of(p, op), block) || target_of(p, op).discard)
		return "an operation that was never issued";
	if (op < last)
		return "older than what was acknowledged";
	v->written++;
	v->doubtful += op > last;
	return NULL;
}

static void read_run(const struct plan *p, uint64_t block, uint64_t *buf)
{
	uint64_t left = p->blocks - block;
	ssize_t bytes = (left < MAX_RUN ? left : MAX_RUN) * BLOCK;

	if (pread(p->fd, buf, bytes, p->offset + block * BLOCK) != bytes)
		die("read");
}

static void complain(uint64_t block, const char *wrong, uint64_t last, const uint64_t *words)
{
	printf("block %llu: %s\n", (unsigned long long)block, wrong);
	printf("  last acknowledged: operation %llu; found: magic %llx, block %llu, operation %llu\n",
	       (unsigned long long)last, (unsigned long long)words[0],
	       (unsigned long long)words[1], (unsigned long long)words[2]);
}

static int cmd_verify(char **argv)
{
	struct plan p = open_plan(argv, O_RDONLY);
	uint64_t *buf = aligned(MAX_RUN * BLOCK);
	struct verdict v = { 0 };
	uint64_t b, *last;

	parse_acks(&p, argv[4]);
	last = last_acked(&p);
	for (b = 0; b < p.blocks; b++) {
		uint64_t *words = buf + b % MAX_RUN * WORDS;
		const char *wrong;

		if (b % MAX_RUN == 0)
			read_run(&p, b, buf);
		wrong = judge(&p, words, b, last[b], &v);
		if (wrong && v.wrong++ < 10)
			complain(b, wrong, last[b], words);
	}
	printf("%llu blocks: %llu written, %llu zero, %llu newer than acked, %llu wrong\n",
	       (unsigned long long)p.blocks, (unsigned long long)v.written,
	       (unsigned long long)v.zero, (unsigned long long)v.doubtful,
	       (unsigned long long)v.wrong);
	return v.wrong != 0;
}

static size_t file_size(uint64_t seed, uint64_t i)
{
	return 1 + mix(seed ^ mix(~i)) % (MAX_RUN * BLOCK);
}

static void file_content(uint64_t *buf, uint64_t seed, uint64_t i)
{
	unsigned int b;

	for (b = 0; b < MAX_RUN; b++)
		fill(buf + b * WORDS, seed, b, i);
}

/* Writes, syncs file and directory, reports: until the power goes. */
static int cmd_files(char **argv)
{
	uint64_t seed = strtoull(argv[1], NULL, 0), i;
	int port = open(argv[2], O_WRONLY | O_NOCTTY);
	int dir = open(argv[0], O_RDONLY | O_DIRECTORY);
	uint64_t *buf = aligned(MAX_RUN * BLOCK);
	char name[32];

	if (port < 0 || dir < 0)
		die(port < 0 ? argv[2] : argv[0]);
	for (i = 1; i; i++) {
		size_t size = file_size(seed, i);
		int fd;

		snprintf(name, sizeof(name), "f%06llu", (unsigned long long)i);
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		file_content(buf, seed, i);
		if (fd < 0 || write(fd, buf, size) != (ssize_t)size || fsync(fd) || fsync(dir))
			die(name);
		close(fd);
		report(port, argv[3], i);
	}
	return 1;
}

static bool file_is_right(int dir, uint64_t seed, uint64_t i, uint64_t *want, uint64_t *got)
{
	size_t size = file_size(seed, i);
	struct stat st;
	char name[32];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "f%06llu", (unsigned long long)i);
	fd = openat(dir, name, O_RDONLY);
	if (fd < 0)
		return false;
	file_content(want, seed, i);
	n = read(fd, got, MAX_RUN * BLOCK);
	if (fstat(fd, &st))
		die(name);
	close(fd);
	return n == (ssize_t)size && st.st_size == n && !memcmp(want, got, size);
}

static int cmd_checkfiles(char **argv)
{
	int dir = open(argv[0], O_RDONLY | O_DIRECTORY);
	uint64_t seed = strtoull(argv[1], NULL, 0), count = strtoull(argv[2], NULL, 0), i;
	uint64_t *want = aligned(MAX_RUN * BLOCK), *got = aligned(MAX_RUN * BLOCK);
	uint64_t wrong = 0;

	if (dir < 0)
		die(argv[0]);
	for (i = 1; i <= count; i++) {
		if (file_is_right(dir, seed, i, want, got))
			continue;
		if (wrong++ < 10)
			printf("file %llu: lost or wrong\n", (unsigned long long)i);
	}
	printf("%llu files: %llu wrong\n", (unsigned long long)count, (unsigned long long)wrong);
	return wrong != 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*run)(char **argv);
	} commands[] = {
		{ "write", 8, cmd_write },
		{ "verify", 5, cmd_verify },
		{ "files", 4, cmd_files },
		{ "checkfiles", 3, cmd_checkfiles },
	};
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc == commands[i].args + 2 && !strcmp(argv[1], commands[i].name))
			return commands[i].run(argv + 2);
	fprintf(stderr, "usage: ackwrite write|verify|files|checkfiles ...; see its source\n");
	return 2;
}
