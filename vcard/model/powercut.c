// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a power cut leaves behind (hw.md section 7).
 *
 * Owns: the draw of how far each die had got, and of the state of the operation
 * that was under way on it. Does not know: how a torn page looks (nand).
 *
 * Each die is cut on its own: a prefix of what was queued is done, the next
 * operation is torn, the rest never happened. After the queued programs come the
 * resets that had not completed.
 */
#include "vcard/model/card.h"

struct cut {
	struct vcard *c;
	u64 rng;
};

static u32 draw(struct cut *cut, u32 below)
{
	cut->rng ^= cut->rng << 13;
	cut->rng ^= cut->rng >> 7;
	cut->rng ^= cut->rng << 17;
	return (u32)((cut->rng >> 33) % below);
}

static void tear_program(struct cut *cut, const struct vcard_unit *u)
{
	struct vcard *c = cut->c;
	u8 *p = au_persist_of(c, u->die, u->au);
	enum nand_torn outcome = draw(cut, NAND_TORN_COUNT);

	if (au_of(c, u->die, u->au)->flags & AU_FAILED)
		return;
	if (!(*p & (P_OPEN | P_CLOSED)))
		*p |= P_OPEN;
	nand_tear(c->nand, NAND_PROGRAM, u->die, u->au, u->page, u->data, u->tag, outcome);
}

/* Return: the die has done everything that was queued. */
static bool cut_queue(struct cut *cut, u32 die, bool torn_now)
{
	struct vcard *c = cut->c;
	struct vcard_die *d = &c->dies[die];
	u32 done = torn_now ? 0 : draw(cut, d->queued + 1);
	struct vcard_unit *u = d->head;

	for (; done; done--, u = u->next)
		buffer_program(c, u);
	if (u)
		tear_program(cut, u);
	return !u;
}

static void tear_erase(struct cut *cut, u32 die, u32 au)
{
	struct vcard *c = cut->c;

	if (au_of(c, die, au)->flags & AU_BAD || c->dies[die].offline)
		return;
	*au_persist_of(c, die, au) = P_OPEN;
	nand_tear(c->nand, NAND_ERASE, die, au, 0, NULL, NULL, draw(cut, NAND_TORN_COUNT));
}

/* The first reset under way on a die that got so far. */
static void cut_resets(struct cut *cut, u32 die)
{
	struct vcard *c = cut->c;
	struct vcard_cmd *cmd;
	u32 i;

	for (cmd = c->pending.next; cmd != &c->pending; cmd = cmd->next)
		for (i = 0; i < cmd->sqe.units && cmd->sqe.opcode == FIO_OP_RESET; i++)
			if (cmd->marked & BIT_ULL(i) && addr_die(cmd->addr[i]) == die) {
				tear_erase(cut, die, addr_au(cmd->addr[i]));
				return;
			}
}

/**
 * power_cut() - the lights go out
 * @c: the card
 * @seed: for the draws; 0: the card's own
 * @torn_die: the head of this die's queue is the operation under way; -1: draw
 *
 * Does not return to the guest. If the front end does return, the card is dead.
 *
 * Context: the card is locked.
 */
void power_cut(struct vcard *c, u64 seed, s32 torn_die)
{
	struct cut cut = { .c = c, .rng = seed ? seed : vcard_random(c) | 1 };
	u32 die;

	for (die = 0; die < 8; die++)
		draw(&cut, 2);
	vcard_log(c, "power cut, seed %llu, %u units in the write buffer",
		  (unsigned long long)(seed ? seed : cut.rng), c->buf.nr_queued);
	c->fault.cut_after = 0;
	for (die = 0; die < c->geo->dies; die++)
		if (cut_queue(&cut, die, torn_die == (s32)die))
			cut_resets(&cut, die);
	vcard_save_life(c);
	c->dead = true;
	reg_set(&c->regs.gone, 1);
	c->front.power_cut(c->ctx);
}
