// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power cuts of the simulated medium: snapshots, and everything that a cut can
 * make of one.
 *
 * Owns: the crash model. Each die keeps a prefix of its queue, independently of
 * the others, and the operation behind the prefix is torn in one of the ways of
 * enum nand_torn. What was acknowledged as durable is always in the prefix.
 *
 * Does not know: commands, the FTL, what is right.
 *
 * What was torn is suspect from then on until it is erased, and so is every
 * append unit that was open, unless the card is one that keeps them open: then it
 * cannot tell an operation that was not started from one that never was.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim_priv.h"

static struct sim_image *image_new(u32 dies, u32 aus, const struct nand *nand)
{
	struct sim_image *img = sim_alloc(sizeof(*img));

	img->dies = dies;
	img->aus = aus;
	img->au = sim_alloc((size_t)dies * aus);
	img->queue = sim_alloc(dies * sizeof(*img->queue));
	img->nand = nand_fork(nand);
	if (!img->nand) {
		perror("sim_image");
		abort();
	}
	return img;
}

static void copy_queue(struct sim_queue *to, const struct sim_queue *from)
{
	u32 i;

	for (i = 0; i < from->len; i++) {
		struct sim_op op = from->op[i];

		op.cmd = NULL;
		op.owner = NULL;
		if (op.content)
			op.content->refs++;
		sim_queue_push(to, &op);
	}
}

static struct sim_image *image_copy(const struct sim_image *from, bool queues)
{
	struct sim_image *img = image_new(from->dies, from->aus, from->nand);
	u32 d;

	memcpy(img->au, from->au, (size_t)from->dies * from->aus);
	img->fail_programs = from->fail_programs;
	img->fail_erases = from->fail_erases;
	img->keeps_open = from->keeps_open;
	for (d = 0; queues && d < from->dies; d++)
		copy_queue(&img->queue[d], &from->queue[d]);
	return img;
}

struct sim_image *sim_snapshot(const struct sim *s)
{
	struct sim_image view;

	sim_view(s, &view);
	return image_copy(&view, true);
}

void sim_image_free(struct sim_image *img)
{
	u32 d, i;

	if (!img)
		return;
	for (d = 0; d < img->dies; d++) {
		for (i = 0; i < img->queue[d].len; i++)
			sim_page_put(img->queue[d].op[i].content);
		free(img->queue[d].op);
	}
	nand_close(img->nand);
	free(img->queue);
	free(img->au);
	free(img);
}

static u32 must_prefix(const struct sim_queue *q)
{
	u32 i = q->len;

	while (i && !q->op[i - 1].must)
		i--;
	return i;
}

/* Outcomes worth telling apart: bit per enum nand_torn. */
static u32 outcomes(const struct sim_op *op)
{
	if (op->kind == SIM_RETIRE)
		return BIT(NAND_TORN_NOT_STARTED);
	if (op->kind == SIM_ERASE)
		return BIT(NAND_TORN_NOT_STARTED) | BIT(NAND_TORN_PARTIAL) |
		       BIT(NAND_TORN_DONE);
	if (op->fail)
		return BIT(NAND_TORN_NOT_STARTED) | BIT(NAND_TORN_PARTIAL);
	return BIT(NAND_TORN_COUNT) - 1;
}

bool sim_image_choice(const struct sim_image *img, u32 die, u32 i,
		      struct sim_choice *choice)
{
	const struct sim_queue *q = &img->queue[die];
	u32 prefix, torn;

	for (prefix = must_prefix(q); prefix < q->len; prefix++)
		for (torn = 0; torn < NAND_TORN_COUNT; torn++) {
			if (!(outcomes(&q->op[prefix]) & BIT(torn)) || i--)
				continue;
			*choice = (struct sim_choice){ prefix, torn };
			return true;
		}
	*choice = (struct sim_choice){ q->len, NAND_TORN_NOT_STARTED };
	return !i;
}

u32 sim_image_queued(const struct sim_image *img, u32 die)
{
	return img->queue[die].len;
}

static u8 *au_flags(struct sim_image *img, u32 die, u32 block)
{
	return &img->au[die * img->aus + block];
}

static void finish_op(struct sim_image *img, u32 die, const struct sim_op *op)
{
	switch (op->kind) {
	case SIM_PROGRAM:
		if (op->fail)
			nand_set_fault(img->nand, NAND_FAULT_PROGRAM, die, op->block, -1, 0, 1);
		nand_program(img->nand, die, op->block, op->page, op->content->data,
			     &op->content->tag);
		break;
	case SIM_ERASE:
		if (op->fail)
			nand_set_fault(img->nand, NAND_FAULT_ERASE, die, op->block, -1, 0, 1);
		if (nand_erase(img->nand, die, op->block) == NAND_OK)
			*au_flags(img, die, op->block) = 0;
		break;
	default:
		nand_mark_bad(img->nand, die, op->block);
	}
}

static void tear_op(struct sim_image *img, u32 die, const struct sim_op *op,
		    enum nand_torn torn)
{
	if (torn == NAND_TORN_NOT_STARTED || nand_die_is_offline(img->nand, die))
		return;
	if (op->kind == SIM_PROGRAM)
		nand_tear(img->nand, NAND_PROGRAM, die, op->block, op->page,
			  op->content->data, &op->content->tag, torn);
	else
		nand_tear(img->nand, NAND_ERASE, die, op->block, 0, NULL, NULL, torn);
	if (op->kind == SIM_ERASE)
		*au_flags(img, die, op->block) &= ~SIM_AU_XOR;
	*au_flags(img, die, op->block) |= SIM_AU_SUSPECT;
}

/* Not bad, not empty, not full, not closed in another way. */
static bool was_open(const struct sim_image *img, u32 die, u32 block, u32 pages)
{
	struct nand_block_info info;

	nand_block_info(img->nand, die, block, &info);
	return !info.bad && info.write_ptr && info.write_ptr < pages &&
	       !(img->au[die * img->aus + block] & SIM_AU_FINISHED);
}

static void suspect_open_aus(struct sim_image *img)
{
	u32 pages = nand_geometry(img->nand)->pages;
	u32 d, b;

	for (d = 0; d < img->dies; d++)
		for (b = 0; b < img->aus; b++)
			if (was_open(img, d, b, pages))
				*au_flags(img, d, b) |= SIM_AU_SUSPECT;
}

/* What is left of what @die had queued goes to @img, which may be where it is queued. */
static void cut_die(struct sim_image *img, const struct sim_queue *q, u32 die,
		    const struct sim_choice *choice)
{
	u32 i;

	for (i = 0; i < choice->prefix; i++)
		finish_op(img, die, &q->op[i]);
	if (i < q->len)
		tear_op(img, die, &q->op[i], choice->torn);
}

struct sim_image *sim_image_cut(const struct sim_image *img,
				const struct sim_choice *choice)
{
	struct sim_image *cut = image_copy(img, false);
	u32 d;

	for (d = 0; d < img->dies; d++)
		cut_die(cut, &img->queue[d], d, &choice[d]);
	if (!cut->keeps_open)
		suspect_open_aus(cut);
	return cut;
}

static struct sim_choice draw_choice(const struct sim_image *img, u32 die, u64 *seed)
{
	struct sim_choice c;
	u32 n = 0;

	while (sim_image_choice(img, die, n, &c))
		n++;
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	sim_image_choice(img, die, (u32)(*seed >> 33) % n, &c);
	return c;
}

void sim_power_cut(struct sim *s, u64 seed)
{
	struct sim_image view;
	struct sim_choice choice;
	u32 d;

	sim_view(s, &view);
	for (d = 0; d < view.dies; d++) {
		choice = draw_choice(&view, d, &seed);
		cut_die(&view, &view.queue[d], d, &choice);
	}
	if (!view.keeps_open)
		suspect_open_aus(&view);
	sim_set_gone(s);
}

struct sim_image *sim_power_off(const struct sim *s)
{
	struct sim_image view;
	u32 d;

	sim_view(s, &view);
	for (d = 0; d < view.dies; d++)
		if (view.queue[d].len) {
			fprintf(stderr, "power off: die %u has operations queued\n", d);
			abort();
		}
	return image_copy(&view, false);
}

u64 sim_image_hash(const struct sim_image *img)
{
	u64 h = nand_hash(img->nand);
	u32 i;

	for (i = 0; i < img->dies; i++)
		h = (h ^ nand_die_is_offline(img->nand, i)) * 0x100000001b3ULL;
	for (i = 0; i < img->dies * img->aus; i++)
		h = (h ^ img->au[i]) * 0x100000001b3ULL;
	h = (h ^ img->fail_programs) * 0x100000001b3ULL;
	return (h ^ img->fail_erases) * 0x100000001b3ULL;
}

struct sim *sim_power_on(const struct sim_config *cfg, const struct sim_image *img)
{
	struct nand *nand = nand_fork(img->nand);
	struct sim *s;

	if (!nand) {
		perror("sim_power_on");
		abort();
	}
	s = sim_new(cfg, nand);
	sim_load(s, img);
	return s;
}
