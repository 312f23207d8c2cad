// SPDX-License-Identifier: GPL-2.0-only
/*
 * The states that have been looked at; see seen.h.
 *
 * Open addressing with linear probing, a compare-and-swap per insertion, never a
 * deletion: whoever swaps a key in is the one that looks at the state. A set that
 * is nearly full stops remembering, which costs time and nothing else.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "seen.h"

struct seen_set {
	u64 slots, used, forgotten;
	u64 slot[];
};

static size_t bytes_of(u64 slots)
{
	return sizeof(struct seen_set) + slots * sizeof(u64);
}

static u64 slots_for(u64 keys)
{
	u64 slots = 1 << 12;

	while (slots < 2 * keys)
		slots *= 2;
	return slots;
}

static struct seen_set *map(u64 slots, int fd, int flags)
{
	struct seen_set *s = mmap(NULL, bytes_of(slots), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_NORESERVE | flags, fd, 0);

	if (s == MAP_FAILED) {
		perror("fio-crash: memory for the states seen");
		exit(2);
	}
	s->slots = slots;
	return s;
}

struct seen_set *seen_new(u64 keys)
{
	return map(slots_for(keys), -1, MAP_ANONYMOUS);
}

struct seen_set *seen_open(const char *path, u64 keys)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	struct seen_set *s;

	if (fd < 0 || ftruncate(fd, (off_t)bytes_of(slots_for(keys)))) {
		perror(path);
		exit(2);
	}
	s = map(slots_for(keys), fd, 0);
	close(fd);
	return s;
}

void seen_free(struct seen_set *s)
{
	if (s)
		munmap(s, bytes_of(s->slots));
}

/* Long chains would be next. */
static bool is_full(struct seen_set *s)
{
	return __atomic_load_n(&s->used, __ATOMIC_RELAXED) > s->slots - s->slots / 8;
}

bool seen_add(struct seen_set *s, u64 key)
{
	u64 at, found;

	key |= !key;	/* zero means free */
	for (at = key & (s->slots - 1);; at = (at + 1) & (s->slots - 1)) {
		found = __atomic_load_n(&s->slot[at], __ATOMIC_RELAXED);
		if (!found && is_full(s)) {
			__atomic_add_fetch(&s->forgotten, 1, __ATOMIC_RELAXED);
			return true;
		}
		if (!found && __atomic_compare_exchange_n(&s->slot[at], &found, key, false,
							  __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			break;
		if (found == key)
			return false;
	}
	__atomic_add_fetch(&s->used, 1, __ATOMIC_RELAXED);
	return true;
}

u64 seen_full(const struct seen_set *s)
{
	return __atomic_load_n(&s->forgotten, __ATOMIC_RELAXED);
}
