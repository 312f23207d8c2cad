// SPDX-License-Identifier: GPL-2.0-only
/*
 * The write buffer and power-loss protection (hw.md section 7).
 *
 * Owns: units between the host and flash, the order in which a die programs them,
 * when they are programmed, what happens to those that cannot be. The only place
 * that programs flash. Does not know: rings, how a command completes.
 *
 * Every appended unit passes through here. With protection a command only
 * completes after its units are programmed: the buffer of a protected card is
 * as good as flash, and a state file has nothing better than flash. Without
 * protection units are acknowledged while they are here, in memory that dies with the
 * process, which is exactly what may be lost.
 *
 * A die's units are a queue. Nothing overtakes on a die; that is the promise that
 * makes a power cut leave a prefix.
 */
#include <stdlib.h>

#include "vcard/model/card.h"

#define MIN_UNITS	128
#define DEFAULT_UNITS	1024
#define IDLE_NS		10000000ULL	/* lies so long before it is programmed */

static u32 hash_of(const struct vcard *c, u64 addr)
{
	return (u32)((addr * 0x9e3779b97f4a7c15ULL) >> 40) & c->buf.hash_mask;
}

static u64 unit_addr(const struct vcard_unit *u)
{
	return addr_make(u->die, u->au, u->page);
}

/**
 * buffer_init() - an empty buffer
 * @c: the card, with its geometry
 *
 * Return: 0 or -ENOMEM.
 */
int buffer_init(struct vcard *c)
{
	u32 wanted = c->cfg.buffer_units ? c->cfg.buffer_units : DEFAULT_UNITS;
	struct vcard_buffer *b = &c->buf;
	u32 i, buckets = 256;

	wanted = max_t(u32, wanted, MIN_UNITS);
	b->threshold = wanted / 4 * 3;
	b->nr_units = wanted + FIO_MAX_UNITS;
	while (buckets < b->nr_units)
		buckets *= 2;
	b->hash_mask = buckets - 1;
	b->units = calloc(b->nr_units, sizeof(*b->units));
	b->hash = calloc(buckets, sizeof(struct vcard_unit *));
	c->dies = calloc(c->geo->dies, sizeof(*c->dies));
	if (!b->units || !b->hash || !c->dies)
		return -ENOMEM;
	for (i = 0; i < c->geo->dies; i++)
		c->dies[i].tail = &c->dies[i].head;
	for (i = 0; i < b->nr_units; i++)
		buffer_put(c, &b->units[i]);
	return 0;
}

void buffer_free(struct vcard *c)
{
	free(c->buf.units);
	free(c->buf.hash);
	free(c->dies);
}

/**
 * buffer_get() - a free unit, to be filled and given to buffer_queue()
 * @c: the card, after buffer_make_room()
 */
struct vcard_unit *buffer_get(struct vcard *c)
{
	struct vcard_unit *u = c->buf.free;

	c->buf.free = u->next;
	c->buf.nr_free--;
	u->next = NULL;
	u->cmd = NULL;
	u->stranded = 0;
	u->added = 0;
	return u;
}

void buffer_put(struct vcard *c, struct vcard_unit *u)
{
	u->next = c->buf.free;
	c->buf.free = u;
	c->buf.nr_free++;
}

static void hash_add(struct vcard *c, struct vcard_unit *u)
{
	struct vcard_unit **at = &c->buf.hash[hash_of(c, unit_addr(u))];

	u->hash_next = *at;
	*at = u;
}

static void hash_del(struct vcard *c, struct vcard_unit *u)
{
	struct vcard_unit **at = &c->buf.hash[hash_of(c, unit_addr(u))];

	while (*at != u)
		at = &(*at)->hash_next;
	*at = u->hash_next;
}

/**
 * buffer_find() - the unit with an address, if it is here
 * @c: the card
 * @addr: valid address
 */
struct vcard_unit *buffer_find(struct vcard *c, u64 addr)
{
	struct vcard_unit *u = c->buf.hash[hash_of(c, addr)];

	while (u && unit_addr(u) != addr)
		u = u->hash_next;
	return u;
}

/**
 * buffer_queue() - put a filled unit at the end of its die's queue
 * @c: the card
 * @u: the unit
 *
 * Context: the card is locked.
 */
void buffer_queue(struct vcard *c, struct vcard_unit *u)
{
	struct vcard_die *d = &c->dies[u->die];

	u->next = NULL;
	*d->tail = u;
	d->tail = &u->next;
	d->queued++;
	c->buf.nr_queued++;
	c->buf.idle_at = c->now + IDLE_NS;
	hash_add(c, u);
}

static void unqueue(struct vcard *c, struct vcard_unit *u)
{
	struct vcard_die *d = &c->dies[u->die];

	d->head = u->next;
	if (!d->head)
		d->tail = &d->head;
	d->queued--;
	c->buf.nr_queued--;
}

static u8 from_nand(struct vcard *c, enum nand_result r)
{
	switch (r) {
	case NAND_OK:
		return FIO_SC_OK;
	case NAND_PROGRAM_FAIL:
		return FIO_SC_PROGRAM_FAIL;
	case NAND_BAD_BLOCK:
		return FIO_SC_AU_BAD;
	case NAND_DIE_OFFLINE:
		return FIO_SC_DIE_OFFLINE;
	case NAND_RULE:
		vcard_log(c, "flash refused a program: %s", nand_violation(c->nand));
		return FIO_SC_INTERNAL;
	default:
		vcard_log(c, "state storage failed: %s", strerror(-(int)r));
		card_fatal(c, FIO_FATAL_MEDIA);
		return FIO_SC_INTERNAL;
	}
}

/*
 * After a failure in an AU the rest of it is not programmed: a command that can
 * still be told is told, and what was acknowledged must not leave a hole.
 */
static u8 cannot_program(struct vcard *c, const struct vcard_unit *u)
{
	struct nand_block_info info;

	if (!(au_of(c, u->die, u->au)->flags & AU_FAILED))
		return FIO_SC_OK;
	nand_block_info(c->nand, u->die, u->au, &info);
	return u->cmd || info.write_ptr != u->page ? FIO_SC_AU_STATE : FIO_SC_OK;
}

/**
 * buffer_program() - program a unit
 * @c: the card
 * @u: the head of its die's queue
 *
 * Context: the card is locked.
 * Return: enum fio_status.
 */
u8 buffer_program(struct vcard *c, struct vcard_unit *u)
{
	u8 *p = au_persist_of(c, u->die, u->au);
	u8 status = cannot_program(c, u);

	if (status)
		return status;
	if (!(*p & (P_OPEN | P_CLOSED)))
		*p |= P_OPEN;
	status = from_nand(c, nand_program(c->nand, u->die, u->au, u->page, u->data, u->tag));
	if (!status && u->page + 1 == c->geo->pages)
		*p = P_CLOSED | (*p & P_XOR);
	c->stats.destaged++;
	return status;
}

static void strand(struct vcard *c, struct vcard_unit *u)
{
	if (c->buf.nr_stranded >= MIN_UNITS / 2) {
		vcard_log(c, "die %u AU %u page %u is lost: too much cannot be programmed",
			  u->die, u->au, u->page);
		hash_del(c, u);
		buffer_put(c, u);
		return;
	}
	u->stranded = 1;
	u->next = c->buf.stranded;
	c->buf.stranded = u;
	c->buf.nr_stranded++;
}

static void program_failed(struct vcard *c, struct vcard_unit *u, u8 status)
{
	bool first = !(au_of(c, u->die, u->au)->flags & AU_FAILED);

	if (first)
		au_close(c, u->die, u->au, AU_FAILED);
	if (status == FIO_SC_PROGRAM_FAIL)
		event_raise(c, FIO_EV_AU_RETIRE, addr_make(u->die, u->au, 0), 1);
}

/* A command learns what became of its unit. */
static void tell(struct vcard_unit *u, u8 status)
{
	struct vcard_cmd *cmd = u->cmd;

	if (!cmd)
		return;
	cmd->status[u->index] = status;
	if (!status || status == FIO_SC_PROGRAM_FAIL)
		cmd->addr[u->index] = unit_addr(u);
	cmd->unit[u->index] = NULL;
	u->cmd = NULL;
}

static void destage_head(struct vcard *c, u32 die)
{
	struct vcard_unit *u = c->dies[die].head;
	bool told = u->cmd;
	u8 status;

	if (c->fault.cut_after && !--c->fault.cut_after)
		power_cut(c, c->fault.cut_seed, (s32)die);
	if (c->dead)
		return;
	status = buffer_program(c, u);
	unqueue(c, u);
	if (status)
		program_failed(c, u, status);
	if (status && told)
		xor_take_out(c, u);
	tell(u, status);
	if (status && !told) {
		strand(c, u);
		return;
	}
	hash_del(c, u);
	buffer_put(c, u);
}

static u32 longest_queue(const struct vcard *c)
{
	u32 i, longest = 0;

	for (i = 1; i < c->geo->dies; i++)
		if (c->dies[i].queued > c->dies[longest].queued)
			longest = i;
	return longest;
}

/**
 * buffer_make_room() - program until so many units are free
 * @c: the card
 * @units: wanted, at most FIO_MAX_UNITS
 *
 * Context: the card is locked.
 */
void buffer_make_room(struct vcard *c, u32 units)
{
	while (c->buf.nr_free < units && c->buf.nr_queued && !c->dead)
		destage_head(c, longest_queue(c));
}

/**
 * buffer_drain_die() - program everything queued for a die
 * @c: the card
 * @die: the die
 *
 * Context: the card is locked.
 */
void buffer_drain_die(struct vcard *c, u32 die)
{
	while (c->dies[die].head && !c->dead)
		destage_head(c, die);
}

/* The worst that a SYNC has to tell: acknowledged data that flash did not take. */
static u8 stranded_status(struct vcard *c)
{
	struct vcard_unit *u;
	u8 worst = FIO_SC_OK;

	for (u = c->buf.stranded; u; u = u->next)
		worst = max(worst, c->dies[u->die].offline ? (u8)FIO_SC_DIE_OFFLINE :
							    (u8)FIO_SC_PROGRAM_FAIL);
	return worst;
}

/**
 * buffer_drain_all() - program everything
 * @c: the card
 *
 * Context: the card is locked.
 * Return: OK, or why something acknowledged is not on flash.
 */
u8 buffer_drain_all(struct vcard *c)
{
	u32 i;

	for (i = 0; i < c->geo->dies; i++)
		buffer_drain_die(c, i);
	return stranded_status(c);
}

/**
 * buffer_drain_cmd() - program the units of a command, and what is before them
 * @c: the card
 * @cmd: an append
 *
 * Context: the card is locked. Statuses and addresses are in @cmd afterwards.
 */
void buffer_drain_cmd(struct vcard *c, struct vcard_cmd *cmd)
{
	u32 i;

	for (i = 0; i < cmd->sqe.units; i++)
		while (cmd->unit[i] && !c->dead)
			destage_head(c, cmd->unit[i]->die);
}

/**
 * buffer_ack_cmd() - the units of a command count as written from now on
 * @c: the card
 * @cmd: any command
 *
 * Context: the card is locked.
 */
void buffer_ack_cmd(struct vcard *c, struct vcard_cmd *cmd)
{
	u32 i;

	for (i = 0; i < cmd->sqe.units && i < FIO_MAX_UNITS; i++)
		if (cmd->unit[i])
			tell(cmd->unit[i], FIO_SC_OK);
	while (c->buf.nr_queued > c->buf.threshold && !c->dead)
		destage_head(c, longest_queue(c));
}

/**
 * buffer_forget() - an AU is erased or retired: drop what could not be programmed
 * @c: the card
 * @die: die
 * @au: append unit of it
 *
 * Context: the card is locked; the die's queue is empty.
 */
void buffer_forget(struct vcard *c, u32 die, u32 au)
{
	struct vcard_unit **at = &c->buf.stranded, *u;

	while ((u = *at)) {
		if (u->die != die || u->au != au) {
			at = &u->next;
			continue;
		}
		*at = u->next;
		c->buf.nr_stranded--;
		hash_del(c, u);
		buffer_put(c, u);
	}
}

/**
 * buffer_idle() - program what has been lying for a while
 * @c: the card
 *
 * Context: the card is locked.
 */
void buffer_idle(struct vcard *c)
{
	if (c->buf.nr_queued && c->plp != FIO_PLP_OK && c->now >= c->buf.idle_at)
		buffer_drain_all(c);
}

/**
 * plp_set() - power-loss protection changes
 * @c: the card
 * @plp: to what
 *
 * The buffer is programmed before the host is told, whichever way it changes: what
 * was acknowledged under the old rule keeps it, and the new one starts clean.
 *
 * Context: the card is locked.
 */
void plp_set(struct vcard *c, enum fio_plp plp)
{
	if (c->plp == plp)
		return;
	buffer_drain_all(c);
	c->plp = plp;
	c->persist->plp = plp;
	event_raise(c, FIO_EV_PLP, FIO_ADDR_NULL, plp);
}
