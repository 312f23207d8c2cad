// SPDX-License-Identifier: GPL-2.0-only
/*
 * An array in memory, made to be copied a million times.
 *
 * Owns: the memory of an array that is not in a file.
 *
 * Does not know: rules, states, faults.
 *
 * All tables live in one allocation, so that a fork is one copy of it plus one
 * reference per page with content; a content is written once, before anybody
 * else can hold it, and never changes. Its hash is made when it is first asked for: most
 * pages are erased before that. Forks may live in different threads.
 */
#ifndef __KERNEL__
#include <stdlib.h>
#endif

#include "nand_priv.h"

#define MEM_SEED 0x666c617368ULL

struct content {
	u64 hash;	/* 0: not made */
	u32 refs;
	u8 bytes[];
};

/**
 * struct mem - the one allocation
 * @n: the array; its tables follow
 * @size: bytes of the allocation
 * @content: content per page, NULL when it has none
 */
struct mem {
	struct nand n;
	size_t size;
	struct content **content;
};

static struct mem *to_mem(const struct nand *n)
{
	return container_of(n, struct mem, n);
}

static void content_put(struct content *c)
{
	if (c && !__atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		free(c);
}

static void mem_drop(struct nand *n, u64 page)
{
	struct mem *m = to_mem(n);

	content_put(m->content[page]);
	m->content[page] = NULL;
}

static void mem_drop_block(struct nand *n, u64 first)
{
	u32 i;

	for (i = 0; i < n->geo.pages; i++)
		mem_drop(n, first + i);
}

static int mem_put(struct nand *n, u64 page, const void *data, const void *oob)
{
	struct content *c = malloc(sizeof(*c) + n->geo.page_bytes + n->geo.oob_bytes);

	if (!c)
		return -ENOMEM;
	c->hash = 0;
	c->refs = 1;
	memcpy(c->bytes, data, n->geo.page_bytes);
	if (n->geo.oob_bytes)
		memcpy(c->bytes + n->geo.page_bytes, oob, n->geo.oob_bytes);
	mem_drop(n, page);
	to_mem(n)->content[page] = c;
	return 0;
}

static void mem_get(const struct nand *n, u64 page, void *data, void *oob)
{
	const struct content *c = to_mem(n)->content[page];

	if (data)
		memcpy(data, c->bytes, n->geo.page_bytes);
	if (oob && n->geo.oob_bytes)
		memcpy(oob, c->bytes + n->geo.page_bytes, n->geo.oob_bytes);
}

/* Whoever else makes it makes the same. */
static u64 mem_hash(const struct nand *n, u64 page)
{
	struct content *c = to_mem(n)->content[page];
	u64 hash = __atomic_load_n(&c->hash, __ATOMIC_RELAXED);

	if (hash)
		return hash;
	hash = nand_hash_content(n, c->bytes, c->bytes + n->geo.page_bytes);
	hash |= !hash;
	__atomic_store_n(&c->hash, hash, __ATOMIC_RELAXED);
	return hash;
}

static void mem_destroy(struct nand *n)
{
	struct mem *m = to_mem(n);
	u64 pages = nand_nr_pages(&n->geo);
	u64 i;

	for (i = 0; i < pages; i++)
		content_put(m->content[i]);
	free(m);
}

static const struct nand_store_ops mem_ops = {
	.put = mem_put,
	.get = mem_get,
	.hash = mem_hash,
	.drop = mem_drop,
	.drop_block = mem_drop_block,
	.destroy = mem_destroy,
};

/* Hands out the tables, or only counts when @base is NULL. */
static void *carve(char *base, size_t *at, u64 count, size_t each)
{
	char *table = base ? base + *at : NULL;

	*at += (count * each + 15) & ~(size_t)15;
	return table;
}

/* Points @m at its tables, wherever it has been copied to. */
static size_t lay_out(struct mem *m, const struct nand_geometry *geo)
{
	size_t at = 0;
	struct mem none;
	char *base = (char *)m;

	carve(base, &at, 1, sizeof(*m));
	if (!m)
		m = &none;
	m->n.dies = carve(base, &at, geo->dies, sizeof(*m->n.dies));
	m->n.intents = carve(base, &at, geo->dies, sizeof(*m->n.intents));
	m->n.blocks = carve(base, &at, nand_nr_blocks(geo), sizeof(*m->n.blocks));
	m->n.pages = carve(base, &at, nand_nr_pages(geo), sizeof(*m->n.pages));
	m->content = carve(base, &at, nand_nr_pages(geo), sizeof(*m->content));
	return at;
}

struct nand *nand_create_mem(const struct nand_geometry *geo)
{
	enum nand_result r = nand_check_geometry(geo);
	struct mem *m;
	size_t size;

	if (r) {
		errno = -r;
		return NULL;
	}
	size = lay_out(NULL, geo);
	m = calloc(1, size);
	if (!m)
		return NULL;
	m->size = size;
	m->n.geo = *geo;
	m->n.ops = &mem_ops;
	m->n.seed = MEM_SEED;
	m->n.is_new = true;
	m->n.was_closed = true;
	lay_out(m, geo);
	return &m->n;
}

struct nand *nand_fork(const struct nand *n)
{
	const struct mem *m = to_mem(n);
	u64 pages = nand_nr_pages(&n->geo);
	struct mem *copy;
	u64 i;

	if (n->ops != &mem_ops) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	copy = malloc(m->size);
	if (!copy)
		return NULL;
	memcpy(copy, m, m->size);
	lay_out(copy, &n->geo);
	for (i = 0; i < pages; i++)
		if (copy->content[i])
			__atomic_add_fetch(&copy->content[i]->refs, 1, __ATOMIC_RELAXED);
	return &copy->n;
}
