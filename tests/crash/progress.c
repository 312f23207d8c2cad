// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of a run has been done; see progress.h.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "progress.h"

#define MAGIC	0x3148534152434f46ULL	/* "FOCRASH1" */

static __attribute__((noreturn)) void give_up(const char *path, const char *why)
{
	fprintf(stderr, "fio-crash: %s: %s\n", path, why);
	exit(2);
}

static void *map(size_t bytes, int fd, const char *path)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		give_up(path, strerror(errno));
	return p;
}

/* The lock is held until the last process of the run has ended. */
static struct progress *map_file(const char *path, size_t bytes)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		give_up(path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB))
		give_up(path, "another run is using it");
	if (ftruncate(fd, (off_t)bytes))
		give_up(path, strerror(errno));
	return map(bytes, fd, path);
}

struct progress *progress_new(const char *path, u64 key, u32 nr_work, u64 keys)
{
	size_t bytes = sizeof(struct progress) + nr_work;
	struct progress *p = path ? map_file(path, bytes) : map(bytes, -1, "memory");
	char seen_path[512];

	if (p->magic && (p->magic != MAGIC || p->key != key || p->nr_work != nr_work))
		give_up(path, "left by another program, or with other options: remove it, and the file with .seen at its end, to begin anew");
	p->key = key;
	p->nr_work = nr_work;
	p->sessions++;
	p->next = 0;
	p->stop = 0;
	if (path)
		snprintf(seen_path, sizeof(seen_path), "%s.seen", path);
	if (path && !p->magic)
		unlink(seen_path);	/* of what nobody knows any more */
	p->seen = path ? seen_open(seen_path, keys) : seen_new(keys);
	p->magic = MAGIC;
	return p;
}

static u64 mix(u64 h, const u8 *data, size_t len)
{
	while (len--)
		h = (h ^ *data++) * 0x100000001b3ULL;
	return h;
}

u64 progress_key(const char *text)
{
	u64 h = mix(0xcbf29ce484222325ULL, (const u8 *)text, strlen(text));
	FILE *f = fopen("/proc/self/exe", "r");
	u8 buf[4096];
	size_t n;

	while (f && (n = fread(buf, 1, sizeof(buf), f)))
		h = mix(h, buf, n);
	if (f)
		fclose(f);
	return h;
}

u32 progress_take(struct progress *p, bool *again)
{
	u32 i;

	do {
		i = __atomic_fetch_add(&p->next, 1, __ATOMIC_RELAXED);
		if (i >= p->nr_work || __atomic_load_n(&p->stop, __ATOMIC_RELAXED))
			return p->nr_work;
	} while (p->state[i] == WORK_DONE);
	*again = p->state[i] == WORK_BEGUN;
	p->state[i] = WORK_BEGUN;
	return i;
}

static void add(u64 *to, u64 by)
{
	__atomic_add_fetch(to, by, __ATOMIC_RELAXED);
}

/* Done first: after a kill in between the sums are too low rather than too high. */
void progress_add(struct progress *p, u32 nr, const struct explore_stats *of_it)
{
	__atomic_store_n(&p->state[nr], WORK_DONE, __ATOMIC_RELEASE);
	add(&p->total.workloads, of_it->workloads);
	add(&p->total.points, of_it->points);
	add(&p->total.states, of_it->states);
	add(&p->total.nested, of_it->nested);
	add(&p->total.seen, of_it->seen);
	add(&p->total.again, of_it->again);
	add(&p->total.again_seen, of_it->again_seen);
	add(&p->total.capped, of_it->capped);
	add(&p->total.violations, of_it->violations);
}

u32 progress_done(const struct progress *p)
{
	u32 i, n = 0;

	for (i = 0; i < p->nr_work; i++)
		n += __atomic_load_n(&p->state[i], __ATOMIC_RELAXED) == WORK_DONE;
	return n;
}
