// SPDX-License-Identifier: GPL-2.0-only
/*
 * Atomic writes, read by docs/spec/media.md (4.2) and by nothing else.
 *
 * Owns: pages of groups until it is known which groups count. Does not know: the
 * core's code, what a page that counts is good for (facts.c).
 */
#include <errno.h>
#include <stdlib.h>

#include "utils/fio-ftl/fio-ftl.h"

#define MOST	64	/* pages of a group */

bool group_page_valid(const struct fio_group_page *p)
{
	static const __le32 zero;
	size_t at = offsetof(struct fio_group_page, crc);
	u32 crc = ftl_crc32c(0, p, at);

	crc = ftl_crc32c(crc, &zero, sizeof(zero));
	crc = ftl_crc32c(crc, (const u8 *)p + at + sizeof(zero), sizeof(*p) - at - sizeof(zero));
	return le64_to_cpu(p->magic) == FIO_GROUP_MAGIC && crc == le32_to_cpu(p->crc) &&
	       le32_to_cpu(p->count) <= FIO_GROUP_DROPS;
}

void groups_begin(struct groups *g, const struct identity *id)
{
	memset(g, 0, sizeof(*g));
	g->proof = id->known ? id->group_seq : id->never + 1;
}

void groups_free(struct groups *g)
{
	free(g->page);
	g->page = NULL;
}

bool is_group_page(const struct fio_tag *tag, u64 user_units)
{
	u32 len = le16_to_cpu(tag->group_len), index = le16_to_cpu(tag->group_index);
	u64 lu = le64_to_cpu(tag->lba);

	return tag->type == FIO_TAG_DATA && tag->group && len > 1 && len <= MOST &&
	       index < len && lu >= index && lu - index + len <= user_units;
}

int groups_add(struct groups *g, const struct fio_tag *tag, u32 unit)
{
	struct group_member *more;

	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 256;
		more = realloc(g->page, g->cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		g->page = more;
	}
	g->page[g->n++] = (struct group_member){
		.seq = le64_to_cpu(tag->seq), .lu = le64_to_cpu(tag->lba), .unit = unit,
		.index = le16_to_cpu(tag->group_index), .len = le16_to_cpu(tag->group_len),
	};
	return 0;
}

void groups_list(struct groups *g, const struct fio_tag *tag, const struct fio_group_page *p)
{
	if (!group_page_valid(p) || (g->known && !seq_after(le64_to_cpu(tag->seq), g->seq)))
		return;
	g->known = true;
	g->seq = le64_to_cpu(tag->seq);
	g->list = *p;
	if (seq_after(le64_to_cpu(p->proof), g->proof))
		g->proof = le64_to_cpu(p->proof);
}

static bool listed(const struct groups *g, const struct group_member *m)
{
	u32 i;

	for (i = 0; g->known && i < le32_to_cpu(g->list.count); i++) {
		const struct fio_group_drop *d = &g->list.drop[i];

		if (le32_to_cpu(d->lba) == m->lu - m->index && le16_to_cpu(d->len) == m->len &&
		    !seq_after(le64_to_cpu(d->first), m->seq) &&
		    !seq_after(m->seq, le64_to_cpu(d->last)))
			return true;
	}
	return false;
}

static int by_seq(const void *a, const void *b)
{
	const struct group_member *x = a, *y = b;

	return x->seq == y->seq ? 0 : seq_after(x->seq, y->seq) ? 1 : -1;
}

/* Behind the pages of the group that begins at @from; *@whole: each index is there. */
static u32 group_end(const struct groups *g, u32 from, bool *whole)
{
	const struct group_member *m = &g->page[from];
	bool have[MOST] = { false };
	u32 i, n = 0;

	for (i = from; i < g->n && g->page[i].seq == m->seq; i++) {
		n += !have[g->page[i].index];
		have[g->page[i].index] = true;
	}
	*whole = n == m->len;
	return i;
}

u64 groups_each(struct groups *g, void (*fn)(void *ctx, const struct group_member *m), void *ctx)
{
	u32 i = 0, end;
	u64 cut = 0;
	bool whole;

	if (g->n)
		qsort(g->page, g->n, sizeof(*g->page), by_seq);
	for (; i < g->n; i = end) {
		const struct group_member *m = &g->page[i];

		end = group_end(g, i, &whole);
		if (listed(g, m) || (!whole && !seq_after(g->proof, m->seq))) {
			cut++;
			continue;
		}
		for (; m < &g->page[end]; m++)
			fn(ctx, m);
	}
	return cut;
}
