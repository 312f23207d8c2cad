// SPDX-License-Identifier: GPL-2.0-only
/*
 * What may be read; see oracle.h.
 *
 * The rules, for each block: a change may be found from the moment it is issued.
 * When it is durable, all that had completed before it was issued may no longer
 * be found. Changes that overlap in time have no order until a read shows who
 * won; from then on the winner supersedes the losers.
 */
#include <stdio.h>
#include <stdlib.h>

#include "hal/ftl/env.h"
#include "oracle.h"

#define PAYLOAD_MAGIC 0x4c594150u

/* At the start of every block that was written; the rest is filler of one byte. */
struct payload {
	u32 magic;
	u32 lba;
	u32 version;
	u32 filler;
};

void oracle_init(struct oracle *o, u32 blocks, u32 block_bytes)
{
	u32 i;

	if (blocks > ORACLE_BLOCKS)
		abort();
	memset(o, 0, sizeof(*o));
	o->blocks = blocks;
	o->block_bytes = block_bytes;
	for (i = 0; i < blocks; i++)
		o->block[i] = (struct oracle_block){
			.next = 1, .zero = 1, .current = 1, .durable = 1, .allowed = 1,
		};
}

static struct payload payload_of(u32 lba, u32 version)
{
	return (struct payload){
		.magic = PAYLOAD_MAGIC, .lba = lba, .version = version,
		.filler = 0x01010101 * ((lba * 7 + version * 31) & 0xff),
	};
}

static void fill(const struct oracle *o, u8 *data, u32 lba, u32 version)
{
	struct payload p = payload_of(lba, version);

	memset(data, (u8)p.filler, o->block_bytes);
	memcpy(data, &p, sizeof(p));
}

/* Every byte of it, and cheaper than a checksum: millions of blocks are read. */
static bool is_whole(const struct oracle *o, const struct payload *p, const u8 *data)
{
	const struct payload own = payload_of(p->lba, p->version);
	u32 at = sizeof(*p) - 1;	/* the last byte of it is filler */

	return !memcmp(p, &own, sizeof(own)) &&
	       !memcmp(data + at, data + at + 1, o->block_bytes - at - 1);
}

static void issue_block(struct oracle_block *b, u32 version, bool zero)
{
	u32 bit = BIT(version);

	b->before[version] = (bit - 1) & ~b->inflight;
	b->inflight |= bit;
	b->allowed |= bit;
	if (zero)
		b->zero |= bit;
}

void oracle_issue(struct oracle *o, struct oracle_op *op, u32 lba, u32 count,
		  u8 *data)
{
	u32 i;

	op->lba = lba;
	op->count = count;
	for (i = 0; i < count; i++) {
		struct oracle_block *b = &o->block[lba + i];

		if (b->next == ORACLE_VERSIONS) {
			fprintf(stderr, "oracle: block %u was changed too often\n", lba + i);
			abort();
		}
		op->version[i] = b->next++;
		issue_block(b, op->version[i], !data);
		if (data)
			fill(o, data + (size_t)i * o->block_bytes, lba + i, op->version[i]);
	}
}

void oracle_atomic(struct oracle *o, const struct oracle_op *op)
{
	struct oracle_atomic *a = &o->atomic[o->atomics++];

	if (o->atomics > ORACLE_ATOMICS) {
		fprintf(stderr, "oracle: too many atomic changes\n");
		abort();
	}
	a->lba = op->lba;
	a->count = op->count;
	memcpy(a->version, op->version, op->count);
}

void oracle_may_ignore(struct oracle *o, const struct oracle_op *op, u32 lba)
{
	o->block[lba].before[op->version[lba - op->lba]] = 0;
}

static void settle(struct oracle_block *b, u32 version)
{
	b->durable |= BIT(version);
	b->allowed &= ~b->before[version];
}

void oracle_ack(struct oracle *o, const struct oracle_op *op, bool durable)
{
	u32 i;

	for (i = 0; i < op->count; i++) {
		struct oracle_block *b = &o->block[op->lba + i];
		u32 v = op->version[i];

		b->inflight &= ~BIT(v);
		b->current = (b->current & ~b->before[v]) | BIT(v);
		if (durable)
			settle(b, v);
	}
}

void oracle_flush_issue(const struct oracle *o, struct oracle_flush *f)
{
	u32 i;

	for (i = 0; i < o->blocks; i++)
		f->current[i] = o->block[i].current;
}

/* One of @versions is durable; which one may not be known. */
static void settle_one_of(struct oracle_block *b, u32 versions)
{
	u32 common = ~0u;
	u32 v;

	for (v = 0; v < ORACLE_VERSIONS; v++)
		if (versions & BIT(v))
			common &= b->before[v];
	b->durable |= versions;
	b->allowed &= ~common;
}

void oracle_flush_ack(struct oracle *o, const struct oracle_flush *f)
{
	u32 i;

	for (i = 0; i < o->blocks; i++)
		settle_one_of(&o->block[i], f->current[i]);
}

void oracle_cut(struct oracle *o)
{
	u32 i;

	for (i = 0; i < o->blocks; i++) {
		o->block[i].inflight = 0;
		o->block[i].current = o->block[i].allowed;
	}
}

static bool is_zero(const u8 *data, u32 len)
{
	return !data[0] && !memcmp(data, data + 1, len - 1);
}

/* Versions of block @lba that look like @data; 0 and *why: none. */
static u32 recognise(const struct oracle *o, u32 lba, const u8 *data, char *why,
		     size_t len)
{
	const struct oracle_block *b = &o->block[lba];
	struct payload p;

	if (is_zero(data, o->block_bytes))
		return b->zero;
	memcpy(&p, data, sizeof(p));
	if (!is_whole(o, &p, data))
		snprintf(why, len, "block %u: what was read was never written", lba);
	else if (p.lba != lba)
		snprintf(why, len, "block %u: version %u of block %u was read", lba,
			 p.version, p.lba);
	else if (p.version >= b->next || b->zero & BIT(p.version))
		snprintf(why, len, "block %u: version %u was read but never issued",
			 lba, p.version);
	else
		return BIT(p.version);
	return 0;
}

/* What was seen of overlapping changes decides their order. */
static void narrow(struct oracle_block *b, u32 seen)
{
	u32 lost = b->current & ~seen;
	u32 v;

	if (b->inflight || !lost)
		return;
	b->current &= seen;
	for (v = 0; v < ORACLE_VERSIONS; v++) {
		if (!(b->current & BIT(v)))
			continue;
		b->before[v] |= lost;
		if (b->durable & BIT(v))
			settle(b, v);
	}
}

const char *oracle_read(struct oracle *o, u32 lba, const u8 *data, bool cut)
{
	static char why[160];
	struct oracle_block *b = &o->block[lba];
	u32 may = cut ? b->allowed : b->current | b->inflight;
	u32 seen = recognise(o, lba, data, why, sizeof(why));

	if (!seen)
		return why;
	if (!(seen & may)) {
		snprintf(why, sizeof(why),
			 "block %u: versions %#x were read (zeroes: %#x), allowed are %#x of %u issued",
			 lba, seen, b->zero, may, b->next - 1);
		return why;
	}
	if (cut) {
		b->seen = seen & b->allowed;
		b->allowed &= seen;
		b->current = b->allowed;
		b->durable |= b->allowed;
	} else {
		narrow(b, seen);
	}
	return NULL;
}

/*
 * A block that holds an older version has none of the change. One that holds a newer
 * version, or one that was under way at the same time, says nothing.
 */
static bool is_older(const struct oracle_block *b, u32 version)
{
	return b->seen && !(b->seen & ~b->before[version]);
}

const char *oracle_untorn(const struct oracle *o)
{
	static char why[160];
	u32 i, k, has, lacks;

	for (i = 0; i < o->atomics; i++) {
		const struct oracle_atomic *a = &o->atomic[i];

		has = ORACLE_BLOCKS;
		lacks = ORACLE_BLOCKS;
		for (k = 0; k < a->count; k++) {
			const struct oracle_block *b = &o->block[a->lba + k];

			if (b->seen == BIT(a->version[k]))
				has = a->lba + k;
			else if (is_older(b, a->version[k]))
				lacks = a->lba + k;
		}
		if (has == ORACLE_BLOCKS || lacks == ORACLE_BLOCKS)
			continue;
		snprintf(why, sizeof(why),
			 "atomic write %u of blocks %u to %u is torn: block %u has it, block %u has not",
			 i, a->lba, a->lba + a->count - 1, has, lacks);
		return why;
	}
	return NULL;
}

static u64 mix(u64 h, u64 x)
{
	h = (h ^ x) * 0x9e3779b97f4a7c15ULL;
	return h ^ h >> 29;
}

/* Those of which something may be found. */
static u64 atomic_hash(const struct oracle *o)
{
	u64 h = 0;
	u32 i, k, may;

	for (i = 0; i < o->atomics; i++) {
		const struct oracle_atomic *a = &o->atomic[i];

		for (k = 0, may = 0; k < a->count; k++)
			may |= o->block[a->lba + k].allowed & BIT(a->version[k]);
		for (k = 0; may && k < a->count; k++)
			h = mix(h, (u64)(a->lba + k) << 8 | a->version[k]);
	}
	return h;
}

u64 oracle_hash(const struct oracle *o)
{
	u64 h = o->blocks;
	u32 i;

	for (i = 0; i < o->blocks; i++) {
		const struct oracle_block *b = &o->block[i];

		h = mix(h, (u64)b->allowed << 32 | (b->zero & b->allowed));
	}
	return mix(h, atomic_hash(o));
}

void oracle_print(const struct oracle *o)
{
	u32 i;

	for (i = 0; i < o->blocks; i++) {
		const struct oracle_block *b = &o->block[i];

		if (b->next > 1)
			fprintf(stderr, "    block %u: issued %u, may be found %#x, zeroes %#x\n",
				i, b->next - 1, b->allowed, b->zero);
	}
}
