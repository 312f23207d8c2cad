// SPDX-License-Identifier: GPL-2.0-only
/*
 * Append units: their state, and the rules for appending to them.
 *
 * Owns: write pointers as the host sees them, open / closed / suspect / bad, the
 * persistent byte per AU, what a start after a power cut makes of it, violations.
 * Does not know: what is in the write buffer, except that an erase comes after it.
 *
 * The persistent byte is written so that dying after any step is safe:
 * P_OPEN before the first program, P_CLOSED after the last; P_OPEN alone before an
 * erase and nothing after it. A start that finds P_OPEN after an unclean end
 * makes the AU suspect, unless flash says that nothing is programmed in it.
 */
#include <stdlib.h>

#include "vcard/model/card.h"

#define MIN_OPEN		64
#define OPEN_PER_DIE		32
#define LOGGED_VIOLATIONS	32

/**
 * addr_valid() - is an address inside the geometry
 * @c: the card
 * @addr: any number
 * @page: the page counts too
 */
bool addr_valid(const struct vcard *c, u64 addr, bool page)
{
	return !(addr >> 56) && addr_die(addr) < c->geo->dies && addr_au(addr) < c->geo->blocks &&
	       (!page || addr_page(addr) < c->geo->pages);
}

static u64 au_index(const struct vcard *c, u32 die, u32 au)
{
	return (u64)die * c->geo->blocks + au;
}

struct vcard_au *au_of(struct vcard *c, u32 die, u32 au)
{
	return &c->aus[au_index(c, die, au)];
}

u8 *au_persist_of(struct vcard *c, u32 die, u32 au)
{
	return &c->au_persist[au_index(c, die, au)];
}

static void load_one(struct vcard *c, u32 die, u32 nr, bool unclean)
{
	struct vcard_au *au = au_of(c, die, nr);
	u8 *p = au_persist_of(c, die, nr);
	struct nand_block_info info;

	nand_block_info(c->nand, die, nr, &info);
	au->wp = info.write_ptr;
	if (info.bad) {
		au->flags = AU_BAD;
		return;
	}
	if (!info.write_ptr || info.torn_erase)
		*p &= ~P_XOR;
	if (info.torn_erase)
		*p = P_SUSPECT;
	else if (!info.write_ptr && *p & P_OPEN)
		*p = 0;
	else if (unclean && (*p & (P_OPEN | P_CLOSED)) == P_OPEN)
		*p = P_SUSPECT | (*p & P_XOR);
	if (*p & P_SUSPECT)
		au->flags = AU_SUSPECT | AU_WP_UNKNOWN;
	else if (*p & P_CLOSED)
		au->flags = AU_CLOSED;
	else if (au->wp && au->wp < c->geo->pages)
		au->flags = AU_OPEN;
	c->open_aus += !!(au->flags & AU_OPEN);
}

/**
 * au_load() - know all append units at power-on
 * @c: the card, with flash and persistent state
 * @unclean: power was lost without a warning
 *
 * Return: 0 or -ENOMEM.
 */
int au_load(struct vcard *c, bool unclean)
{
	u32 die, nr;

	c->aus = calloc((size_t)c->geo->dies * c->geo->blocks, sizeof(*c->aus));
	if (!c->aus)
		return -ENOMEM;
	c->max_open = max((u32)MIN_OPEN, c->geo->dies * OPEN_PER_DIE);
	for (die = 0; die < c->geo->dies; die++)
		for (nr = 0; nr < c->geo->blocks; nr++)
			load_one(c, die, nr, unclean);
	return 0;
}

/**
 * au_state() - the state that REPORT shows
 * @c: the card
 * @die: die
 * @nr: append unit of it
 */
enum fio_au_state au_state(struct vcard *c, u32 die, u32 nr)
{
	struct vcard_au *au = au_of(c, die, nr);

	if (c->dies[die].offline)
		return FIO_AU_OFFLINE;
	if (au->flags & AU_BAD)
		return FIO_AU_BAD;
	if (au->flags & AU_SUSPECT)
		return FIO_AU_SUSPECT;
	if (au->flags & (AU_CLOSED | AU_FAILED) || au->wp >= c->geo->pages)
		return FIO_AU_CLOSED;
	return au->wp ? FIO_AU_OPEN : FIO_AU_FREE;
}

/**
 * violation() - the host broke a rule of flash
 * @c: the card
 * @addr: where
 * @status: what it is told
 * @what: for the log
 *
 * Context: the card is locked.
 */
void violation(struct vcard *c, u64 addr, u8 status, const char *what)
{
	c->stats.violations++;
	if (c->stats.violations <= LOGGED_VIOLATIONS)
		vcard_log(c, "violation: die %u AU %u: %s", addr_die(addr), addr_au(addr), what);
	if (c->stats.violations == LOGGED_VIOLATIONS)
		vcard_log(c, "more violations are counted, but not logged");
	event_raise(c, FIO_EV_VIOLATION, addr, status);
}

static u8 refuse(struct vcard *c, u64 addr, u8 status, const char *what)
{
	violation(c, addr, status, what);
	return status;
}

static u8 append_allowed(struct vcard *c, u64 addr, const struct vcard_au *au)
{
	if (c->dies[addr_die(addr)].offline)
		return FIO_SC_DIE_OFFLINE;
	if (au->flags & AU_BAD)
		return refuse(c, addr, FIO_SC_AU_BAD, "append to a bad append unit");
	if (au->flags & AU_ERASING)
		return refuse(c, addr, FIO_SC_AU_BUSY, "append while it is being reset");
	if (au->flags & AU_FAILED)
		return FIO_SC_AU_STATE;
	if (au->flags & AU_SUSPECT)
		return refuse(c, addr, FIO_SC_AU_STATE, "append to a suspect append unit");
	if (au->wp >= c->geo->pages)
		return refuse(c, addr, FIO_SC_AU_FULL, "append to a full append unit");
	if (au->flags & AU_CLOSED)
		return refuse(c, addr, FIO_SC_AU_STATE, "append to a finished append unit");
	if (!(au->flags & AU_OPEN) && c->open_aus >= c->max_open)
		return FIO_SC_MAX_OPEN;
	return FIO_SC_OK;
}

static void not_open(struct vcard *c, struct vcard_au *au)
{
	if (au->flags & AU_OPEN)
		c->open_aus--;
	au->flags &= ~AU_OPEN;
}

/**
 * au_take_page() - the page that an append gets
 * @c: the card
 * @addr: valid address of the AU
 * @page: receives the page
 *
 * Context: the card is locked.
 * Return: enum fio_status.
 */
u8 au_take_page(struct vcard *c, u64 addr, u32 *page)
{
	struct vcard_au *au = au_of(c, addr_die(addr), addr_au(addr));
	u8 status = append_allowed(c, addr, au);

	if (status)
		return status;
	if (!(au->flags & AU_OPEN)) {
		au->flags |= AU_OPEN;
		c->open_aus++;
	}
	*page = au->wp++;
	if (au->wp == c->geo->pages)
		not_open(c, au);
	return FIO_SC_OK;
}

/**
 * au_close() - no more appends
 * @c: the card
 * @die: die
 * @nr: append unit of it
 * @flag: why: AU_CLOSED or AU_FAILED
 *
 * Context: the card is locked. What was appended before is on flash or given up.
 */
void au_close(struct vcard *c, u32 die, u32 nr, u16 flag)
{
	struct vcard_au *au = au_of(c, die, nr);
	struct nand_block_info info;

	not_open(c, au);
	au->flags |= flag;
	nand_block_info(c->nand, die, nr, &info);
	au->wp = info.write_ptr;
	*au_persist_of(c, die, nr) = P_CLOSED | (*au_persist_of(c, die, nr) & P_XOR);
}

static u8 erase_failed(struct vcard *c, u32 die, u32 nr)
{
	struct vcard_au *au = au_of(c, die, nr);

	not_open(c, au);
	au->flags = AU_SUSPECT | AU_WP_UNKNOWN;
	*au_persist_of(c, die, nr) = P_SUSPECT;
	event_raise(c, FIO_EV_AU_RETIRE, addr_make(die, nr, 0), 2);
	return FIO_SC_ERASE_FAIL;
}

/**
 * au_erase() - RESET of an append unit
 * @c: the card
 * @die: die
 * @nr: append unit of it
 *
 * What was appended to the die before is programmed first: a power cut leaves a
 * prefix of a die's operations, never a later one without an earlier.
 *
 * Context: the card is locked.
 * Return: enum fio_status.
 */
u8 au_erase(struct vcard *c, u32 die, u32 nr)
{
	struct vcard_au *au = au_of(c, die, nr);
	enum nand_result r;

	if (c->dies[die].offline)
		return FIO_SC_DIE_OFFLINE;
	if (au->flags & AU_BAD)
		return FIO_SC_AU_BAD;
	buffer_drain_die(c, die);
	buffer_forget(c, die, nr);
	if (*au_persist_of(c, die, nr) & P_XOR)
		xor_end(c, nr);
	*au_persist_of(c, die, nr) = P_OPEN;
	r = nand_erase(c->nand, die, nr);
	if (r == NAND_ERASE_FAIL)
		return erase_failed(c, die, nr);
	if (r) {
		*au_persist_of(c, die, nr) = P_SUSPECT;
		return r == NAND_DIE_OFFLINE ? FIO_SC_DIE_OFFLINE : FIO_SC_INTERNAL;
	}
	not_open(c, au);
	au->flags = 0;
	au->wp = 0;
	*au_persist_of(c, die, nr) = 0;
	return FIO_SC_OK;
}

/**
 * au_retire() - enter an append unit into the bad table
 * @c: the card
 * @die: die
 * @nr: append unit of it
 *
 * Works on a die that does not answer: the table is not on it.
 *
 * Context: the card is locked.
 * Return: enum fio_status.
 */
u8 au_retire(struct vcard *c, u32 die, u32 nr)
{
	struct vcard_au *au = au_of(c, die, nr);

	if (au->flags & AU_BAD)
		return FIO_SC_OK;
	if (au->busy)
		return FIO_SC_AU_BUSY;
	buffer_drain_die(c, die);
	buffer_forget(c, die, nr);
	if (*au_persist_of(c, die, nr) & P_XOR)
		xor_end(c, nr);
	nand_mark_bad(c->nand, die, nr);
	not_open(c, au);
	au->flags = AU_BAD;
	c->persist->grown_bad++;
	return FIO_SC_OK;
}

/**
 * au_report() - fill a report
 * @c: the card
 * @addr: valid address of the AU
 * @r: zeroed
 *
 * Context: the card is locked.
 */
void au_report(struct vcard *c, u64 addr, struct fio_au_report *r)
{
	u32 die = addr_die(addr), nr = addr_au(addr);
	struct vcard_au *au = au_of(c, die, nr);
	struct nand_block_info info;

	r->addr = cpu_to_le64(addr_make(die, nr, 0));
	r->state = au_state(c, die, nr);
	if (r->state == FIO_AU_OFFLINE || r->state == FIO_AU_BAD)
		return;
	nand_block_info(c->nand, die, nr, &info);
	r->flags = au->flags & AU_WP_UNKNOWN ? FIO_AU_WP_UNKNOWN : 0;
	r->write_ptr = cpu_to_le32(au->wp);
	r->erase_count = cpu_to_le32(info.erase_count);
	r->read_count = cpu_to_le32(info.read_count);
}
