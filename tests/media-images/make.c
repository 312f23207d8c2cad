// SPDX-License-Identifier: GPL-2.0-only
/*
 * The states that golden images are kept of, and how a card gets into them; see make.h.
 *
 * Owns: the recipes, and a model of each block: versions count up, and what a cut may
 * leave is any that was issued at or after the last one that was made durable. What the
 * core finds in an image is written into its text only if that model allows it.
 *
 * Does not know: files and texts (image.c).
 *
 * Everything repeats exactly: no clock, chance from seeds, memory poisoned (main.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "make.h"

#define MAX_VERSIONS	256
#define MAX_COUNT	4	/* blocks in a request */

/**
 * struct model - what may be in a block
 * @last: version issued last; 0: never written
 * @floor: the oldest that may be found after a cut
 * @zero: bit per version that reads as zeroes
 * @lost: the medium has lost it
 */
struct model {
	u32 last, floor;
	u64 zero[MAX_VERSIONS / 64];
	bool lost;
};

/**
 * struct maker - an image being made
 * @cut_in: power goes before the so manieth operation of the flash; 0: it does not
 * @dead: power is gone
 * @stream: of what is written
 * @seed: of the work, and of what the cut leaves
 */
struct maker {
	struct image im;
	char path[256];
	struct card c;
	struct model *model;
	u32 cut_in;
	bool dead;
	u8 stream;
	u64 seed;
};

static __attribute__((noreturn)) void bad(struct maker *m, const char *what, long long n)
{
	fprintf(stderr, "%s: %s (%lld)\n", m->im.name, what, n);
	sim_env_dump(&m->c.env);
	exit(2);
}

static u32 draw(struct maker *m, u32 below)
{
	m->seed = m->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(m->seed >> 33) % below;
}

/* ---- model ----------------------------------------------------------------------- */

static bool reads_zero(const struct model *b, u32 version)
{
	return !version || b->zero[version / 64] >> (version % 64) & 1;
}

static u32 issue(struct maker *m, u32 block, bool zero)
{
	struct model *b = &m->model[block];

	if (++b->last >= MAX_VERSIONS)
		bad(m, "a block is changed too often", block);
	if (zero)
		b->zero[b->last / 64] |= 1ULL << (b->last % 64);
	return b->last;
}

static void is_durable(struct maker *m, u32 block, u32 count)
{
	for (; count--; block++)
		m->model[block].floor = m->model[block].last;
}

static bool allowed(const struct model *b, const struct image_block *found)
{
	u32 v;

	if (found->state == BLOCK_LOST)
		return b->lost;
	if (found->state == BLOCK_DATA)
		return found->version >= b->floor && found->version <= b->last &&
		       !reads_zero(b, found->version);
	for (v = b->floor; v <= b->last; v++)
		if (reads_zero(b, v))
			return true;
	return false;
}

/* ---- what is done to a card --------------------------------------------------------- */

static void maybe_cut(void *ctx)
{
	struct maker *m = ctx;

	if (!m->cut_in || --m->cut_in)
		return;
	sim_power_cut(m->c.sim, m->seed);
	m->dead = true;
}

static int format(struct maker *m, u64 seq_base)
{
	const struct ftl_format_params p = {
		.lba_bytes = m->im.block_bytes, .user_units = m->im.units,
		.default_units = m->im.units, .uuid = "golden images", .seq_base = seq_base,
		.parity = m->im.parity ? FTL_PARITY_ON : FTL_PARITY_OFF,
	};

	return ftl_format(sim_media(m->c.sim), &m->c.env.env, &p);
}

static void power_on(struct maker *m)
{
	if (card_on(&m->c, &m->im, m->path))
		exit(2);
	sim_set_hook(m->c.sim, maybe_cut, m);
}

static void attach(struct maker *m)
{
	int err = ftl_attach(sim_media(m->c.sim), &m->c.env.env, 0, &m->c.f);

	if (err)
		bad(m, "attach", err);
	sim_drive(&m->c.env, m->c.f);
}

static void start(struct maker *m, u64 seq_base)
{
	int err;

	power_on(m);
	err = format(m, seq_base);
	if (err)
		bad(m, "format", err);
	attach(m);
}

/* One that met the cut has been issued and is not acknowledged. */
static bool acknowledged(struct maker *m, int err)
{
	if (err && !m->dead)
		bad(m, "a request ends", err);
	return !err;
}

struct request {
	struct sim_io sio;
	bool done;
	int err;
};

static void request_done(struct ftl_io *io, int err)
{
	struct request *q = container_of(io, struct request, sio.io);

	q->done = true;
	q->err = err;
}

static int request(struct maker *m, struct ftl_io io, void *data)
{
	struct request q = { .sio = { .io = io, .data = data } };

	q.sio.io.done = request_done;
	ftl_submit(m->c.f, &q.sio.io);
	while (!q.done && sim_advance(&m->c.env, m->c.f))
		;
	if (!q.done)
		bad(m, "a request never ends", io.op);
	return q.err;
}

static void change(struct maker *m, enum ftl_op op, u8 flags, u32 block, u32 count)
{
	const struct ftl_io io = {
		.op = op, .flags = flags, .lba = block, .count = count, .stream = m->stream,
	};
	u8 data[MAX_COUNT * FIO_MEDIA_UNIT];
	u32 i, version;

	if (m->dead)
		return;
	for (i = 0; i < count; i++) {
		version = issue(m, block + i, op != FTL_WRITE);
		if (op == FTL_WRITE)
			image_fill(&m->im, block + i, version, data + i * m->im.block_bytes);
	}
	if (acknowledged(m, request(m, io, data)) &&
	    (!m->im.weak || flags & FTL_IO_FUA))
		is_durable(m, block, count);
}

static void flush(struct maker *m)
{
	if (!m->dead && acknowledged(m, sim_do(&m->c.env, m->c.f, FTL_FLUSH, 0, 0, 0, NULL)))
		is_durable(m, 0, image_blocks(&m->im));
}

static u32 per_unit(const struct maker *m)
{
	return FIO_MEDIA_UNIT / m->im.block_bytes;
}

static void fill(struct maker *m)
{
	u32 block, per = min_t(u32, per_unit(m), MAX_COUNT);

	for (block = 0; block < image_blocks(&m->im); block += per)
		change(m, FTL_WRITE, 0, block, per);
}

/* Discards name whole units: what becomes of parts is anybody's choice. */
static void discard_something(struct maker *m)
{
	u32 unit = draw(m, m->im.units - 2), n = 1 + draw(m, 3);

	change(m, FTL_TRIM, 0, unit * per_unit(m), n * per_unit(m));
}

static void work(struct maker *m, u32 times)
{
	u32 block, count;

	while (times-- && !m->dead) {
		count = 1 + draw(m, MAX_COUNT);
		block = draw(m, image_blocks(&m->im) - count + 1);
		switch (draw(m, 10)) {
		case 0:
			discard_something(m);
			break;
		case 1:
			change(m, FTL_ZEROES, 0, block, count);
			break;
		case 2:
			change(m, FTL_WRITE, FTL_IO_FUA, block, count);
			break;
		case 3:
			flush(m);
			break;
		default:
			change(m, FTL_WRITE, 0, block, count);
		}
	}
}

/* Blocks of 4 KiB, several at a time: all of them are new, or none. */
static void work_atomic(struct maker *m, u32 times)
{
	struct ftl_info info;
	u32 count;

	if (!m->dead)
		ftl_get_info(m->c.f, &info);
	while (times-- && !m->dead) {
		count = 2 + draw(m, min_t(u32, info.atomic_blocks, MAX_COUNT) - 1);
		change(m, FTL_WRITE, FTL_IO_ATOMIC, draw(m, image_blocks(&m->im) - count + 1),
		       count);
		work(m, draw(m, 3));
	}
}

static void collect(struct maker *m)
{
	if (!m->dead)
		ftl_force_gc(m->c.f);
	if (!m->dead)
		sim_drive(&m->c.env, m->c.f);
}

static void stop(struct maker *m)
{
	int err = ftl_detach(m->c.f);

	if (err)
		bad(m, "detach", err);
	is_durable(m, 0, image_blocks(&m->im));
	sim_drive(&m->c.env, NULL);
	card_off(&m->c, true);
}

static void cut(struct maker *m)
{
	if (!m->dead)
		sim_power_cut(m->c.sim, m->seed);
	ftl_destroy(m->c.f);
	card_off(&m->c, false);
	m->im.attach = IMAGE_RECOVERED;
}

/* Power goes within the next @ops operations of the flash. */
static void cut_within(struct maker *m, u32 ops)
{
	m->cut_in = 1 + draw(m, ops);
}

/* ---- superblocks that say something else ----------------------------------------------- */

typedef void (*forgery)(struct fio_super *s);

static void seal_super(struct fio_super *s, struct fio_tag *tag)
{
	u32 crc;

	s->crc = 0;
	s->crc = cpu_to_le32(ftl_crc32c(0, s, sizeof(*s)));
	crc = ftl_crc32c(0, s, sizeof(*s));
	tag->crc = cpu_to_le32(ftl_crc32c(crc, tag, offsetof(struct fio_tag, crc)));
}

/* Every copy in an append unit: it is erased, and programmed as if by another driver. */
static void forge_au(struct maker *m, struct nand *n, u32 die, u32 au, forgery change)
{
	struct fio_super super[16];
	struct fio_tag tag[16];
	u32 page, pages = 0;

	while (pages < min(m->im.pages, 16U) &&
	       nand_read(n, die, au, pages, &super[pages], &tag[pages], 0, NULL) == NAND_OK)
		pages++;
	if (!pages || tag[0].type != FIO_TAG_SUPER)
		return;
	nand_erase(n, die, au);
	for (page = 0; page < pages; page++) {
		change(&super[page]);
		if (super[page].magic)
			seal_super(&super[page], &tag[page]);
		if (nand_program(n, die, au, page, &super[page], &tag[page]) != NAND_OK)
			bad(m, "a superblock cannot be forged in append unit", au);
	}
}

static void forge(struct maker *m, forgery change)
{
	struct card c;
	u32 die, au;

	if (card_on(&c, &m->im, m->path))
		exit(2);
	for (die = 0; die < m->im.dies; die++)
		for (au = 0; au < 8; au++)
			forge_au(m, sim_nand(c.sim), die, au, change);
	card_off(&c, true);
}

/* Bits and numbers that no version will ever give a meaning to. */
static void unknown_compat(struct fio_super *s)
{
	s->features.compat |= cpu_to_le32(0x80000000);
}

static void unknown_ro_compat(struct fio_super *s)
{
	s->features.ro_compat |= cpu_to_le32(0x80000000);
}

static void unknown_incompat(struct fio_super *s)
{
	s->features.incompat |= cpu_to_le32(0x80000000);
}

static void far_future(struct fio_super *s)
{
	s->version = cpu_to_le32(0x7fffffff);
}

static void other_geometry(struct fio_super *s)
{
	s->aus = cpu_to_le32(le32_to_cpu(s->aus) + 1);
}

static void damaged(struct fio_super *s)
{
	s->magic = 0;
}

/* ---- recipes ---------------------------------------------------------------------------- */

static void make_formatted(struct maker *m)
{
	power_on(m);
	if (format(m, 0))
		bad(m, "format", 0);
	card_off(&m->c, true);
}

static void make_empty(struct maker *m)
{
	start(m, 0);
	stop(m);
}

static void make_clean(struct maker *m)
{
	start(m, 0);
	fill(m);
	work(m, 120);
	stop(m);
}

/* Attached several times, the last time for nothing. */
static void make_clean_again(struct maker *m)
{
	u32 i;

	make_clean(m);
	for (i = 0; i < 3; i++) {
		power_on(m);
		attach(m);
		work(m, 20 - i * 10);
		stop(m);
	}
}

/* Sequence numbers wrap half-way. */
static void make_wrap(struct maker *m)
{
	start(m, -100ULL);
	fill(m);
	work(m, 120);
	cut(m);
}

static void make_dirty(struct maker *m)
{
	start(m, 0);
	fill(m);
	work(m, 60);
	collect(m);
	work(m, 60);
	cut_within(m, 12);
	work(m, 60);
	cut(m);
}

/* Cut, recovered, used, cut again. */
static void make_twice(struct maker *m)
{
	make_dirty(m);
	m->dead = false;
	power_on(m);
	attach(m);
	work(m, 30);
	cut_within(m, 12);
	work(m, 60);
	cut(m);
}

/* A checkpoint that was written while attached, trims after it. */
static void make_checkpoint(struct maker *m)
{
	start(m, 0);
	fill(m);
	work(m, 40);
	if (ftl_force_checkpoint(m->c.f))
		bad(m, "checkpoint", 0);
	discard_something(m);
	work(m, 10);
	cut(m);
}

/* Programs and erases fail: append units are closed, evacuated, retired. */
static void make_failures(struct maker *m)
{
	start(m, 0);
	fill(m);
	sim_fail_programs(m->c.sim, 2);
	work(m, 60);
	sim_fail_erases(m->c.sim, 1);
	work(m, 120);
	cut(m);
}

/* What fades is moved as what it is: lost. */
static void lose(struct maker *m, u32 lu)
{
	u32 unit = ftl_lookup(m->c.f, lu), p = m->im.pages, i;
	struct nand *n = sim_nand(m->c.sim);

	sim_drive(&m->c.env, m->c.f);	/* out of the buffer */
	nand_set_fault(n, NAND_FAULT_READ, unit / p % m->im.dies, unit / p / m->im.dies,
		       unit % p, 0, -1);
	for (i = 0; i < 100 && ftl_lookup(m->c.f, lu) == unit; i++) {
		change(m, FTL_WRITE, 0, i % 3, 1);
		collect(m);
	}
	nand_set_fault(n, NAND_FAULT_READ, unit / p % m->im.dies, unit / p / m->im.dies,
		       unit % p, 0, 0);
	m->model[lu].lost = true;
}

static void make_lost(struct maker *m)
{
	start(m, 0);
	fill(m);
	work(m, 20);
	change(m, FTL_WRITE, FTL_IO_FUA, 3, 1);
	change(m, FTL_WRITE, FTL_IO_FUA, 8, 1);
	lose(m, 3);
	lose(m, 8);
	m->im.check = 4;
	m->im.export = 4;
}

static void make_lost_clean(struct maker *m)
{
	make_lost(m);
	stop(m);
}

static void make_lost_dirty(struct maker *m)
{
	make_lost(m);
	cut(m);
}

/* Several map leaves, and streams that users name: small media do not keep them apart. */
static void make_large(struct maker *m)
{
	u32 i;

	start(m, 0);
	for (i = 0; i < 40; i++) {
		m->stream = i % 4;
		change(m, FTL_WRITE, 0, i * 97 % (image_blocks(&m->im) - MAX_COUNT), MAX_COUNT);
		work(m, 1);
	}
	change(m, FTL_TRIM, 0, 900, 300);
	work(m, 20);
}

static void make_large_clean(struct maker *m)
{
	make_large(m);
	stop(m);
}

static void make_large_dirty(struct maker *m)
{
	make_large(m);
	cut(m);
}

static void make_atomic_clean(struct maker *m)
{
	start(m, 0);
	fill(m);
	work_atomic(m, 60);
	stop(m);
}

static void make_atomic_dirty(struct maker *m)
{
	start(m, 0);
	fill(m);
	work_atomic(m, 20);
	collect(m);
	work_atomic(m, 20);
	cut_within(m, 12);
	work_atomic(m, 40);
	cut(m);
}

/* The old format is gone, the new one is not there yet. */
static void make_formatting(struct maker *m)
{
	make_clean(m);
	power_on(m);
	m->cut_in = 16;
	if (!format(m, 0) || !m->dead)
		bad(m, "the format was not cut", 0);
	card_off(&m->c, false);
}

static void make_forged(struct maker *m, forgery change)
{
	make_clean(m);
	forge(m, change);
}

static void make_compat(struct maker *m)
{
	make_forged(m, unknown_compat);
}

static void make_ro_compat(struct maker *m)
{
	make_forged(m, unknown_ro_compat);
}

static void make_incompat(struct maker *m)
{
	make_forged(m, unknown_incompat);
}

static void make_future(struct maker *m)
{
	make_forged(m, far_future);
}

static void make_geometry(struct maker *m)
{
	make_forged(m, other_geometry);
}

static void make_damaged(struct maker *m)
{
	make_forged(m, damaged);
}

#define SHAPE(d, a, p, b, u) \
	.dies = (d), .aus = (a), .pages = (p), .block_bytes = (b), .units = (u)
#define TWO_DIES	SHAPE(2, 12, 4, 4096, 12)
#define SECTORS		SHAPE(2, 12, 4, 512, 12)
#define PARITY		SHAPE(3, 22, 4, 4096, 12), .parity = 1
#define LADDER		SHAPE(1, 36, 4, 4096, 56)
#define LARGE		SHAPE(4, 40, 16, 4096, 1500)
#define REFUSED(e)	.attach = IMAGE_REFUSED, .error = e, .check = 1, .export = 1

/* The seeds are such that cuts tear programs and erases. */
static const struct recipe {
	struct image im;
	void (*make)(struct maker *m);
	u64 seed;
} recipes[] = {
	{ { .name = "formatted", TWO_DIES }, make_formatted, 1 },
	{ { .name = "empty", TWO_DIES }, make_empty, 1 },
	{ { .name = "clean", TWO_DIES }, make_clean, 1 },
	{ { .name = "clean-again", TWO_DIES }, make_clean_again, 2 },
	{ { .name = "clean-512", SECTORS }, make_clean, 3 },
	{ { .name = "clean-parity", PARITY }, make_clean, 4 },
	{ { .name = "clean-ladder", LADDER }, make_clean, 5 },
	{ { .name = "clean-large", LARGE }, make_large_clean, 6 },
	{ { .name = "clean-lost", TWO_DIES }, make_lost_clean, 7 },
	{ { .name = "dirty", TWO_DIES }, make_dirty, 108 },
	{ { .name = "dirty-twice", TWO_DIES }, make_twice, 509 },
	{ { .name = "dirty-wrap", TWO_DIES }, make_wrap, 10 },
	{ { .name = "dirty-512", SECTORS }, make_dirty, 111 },
	{ { .name = "dirty-parity", PARITY }, make_dirty, 12 },
	{ { .name = "dirty-ladder", LADDER }, make_dirty, 1013 },
	{ { .name = "dirty-large", LARGE }, make_large_dirty, 14 },
	{ { .name = "dirty-lost", TWO_DIES }, make_lost_dirty, 15 },
	{ { .name = "dirty-checkpoint", TWO_DIES }, make_checkpoint, 16 },
	{ { .name = "dirty-failures", PARITY }, make_failures, 17 },
	{ { .name = "weak", TWO_DIES, .weak = 1 }, make_dirty, 318 },
	{ { .name = "weak-twice", TWO_DIES, .weak = 1 }, make_twice, 519 },
	{ { .name = "weak-512", SECTORS, .weak = 1 }, make_dirty, 20 },
	{ { .name = "weak-parity", PARITY, .weak = 1 }, make_dirty, 421 },
	{ { .name = "weak-ladder", LADDER, .weak = 1 }, make_dirty, 22 },
	{ { .name = "clean-atomic", TWO_DIES }, make_atomic_clean, 30 },
	{ { .name = "dirty-atomic", TWO_DIES }, make_atomic_dirty, 431 },
	{ { .name = "dirty-atomic-parity", PARITY }, make_atomic_dirty, 332 },
	{ { .name = "weak-atomic", TWO_DIES, .weak = 1 }, make_atomic_dirty, 233 },
	{ { .name = "weak-atomic-parity", PARITY, .weak = 1 }, make_atomic_dirty, 234 },
	{ { .name = "unknown-compat", TWO_DIES }, make_compat, 23 },
	{ { .name = "unknown-ro-compat", TWO_DIES, .attach = IMAGE_READ_ONLY }, make_ro_compat,
	  24 },
	{ { .name = "unknown-incompat", TWO_DIES, REFUSED(EPROTONOSUPPORT) }, make_incompat, 25 },
	{ { .name = "future-version", TWO_DIES, REFUSED(EPROTONOSUPPORT) }, make_future, 26 },
	{ { .name = "foreign-geometry", TWO_DIES, REFUSED(EINVAL) }, make_geometry, 27 },
	{ { .name = "no-superblock", TWO_DIES, REFUSED(ENOMEDIUM) }, make_damaged, 28 },
	{ { .name = "formatting", TWO_DIES, REFUSED(ENOMEDIUM) }, make_formatting, 29 },
};

/* ---- what the core finds ------------------------------------------------------------------ */

static void copy_file(struct maker *m, const char *to)
{
	FILE *in = fopen(m->path, "r"), *out = fopen(to, "w");
	char buf[4096];
	size_t n;

	if (!in || !out)
		bad(m, "cannot be copied", errno);
	while ((n = fread(buf, 1, sizeof(buf), in)))
		fwrite(buf, 1, n, out);
	fclose(in);
	if (fclose(out))
		bad(m, "cannot be copied", errno);
}

static void look_at(struct maker *m, struct card *c, u32 nr)
{
	struct image_block *b = &m->im.block[nr];
	u8 data[FIO_MEDIA_UNIT];
	int err = sim_do(&c->env, c->f, FTL_READ, 0, nr, 1, data);

	b->version = err ? 0 : image_version(&m->im, nr, data);
	if (err == -ENODATA)
		b->state = BLOCK_LOST;
	else if (err)
		bad(m, "a block cannot be read", err);
	else if (ftl_lookup(c->f, nr / per_unit(m)) == FIO_UNIT_NONE)
		b->state = BLOCK_UNMAPPED;
	else
		b->state = b->version ? BLOCK_DATA : BLOCK_ZERO;
	b->crc = ftl_crc32c(0, data, m->im.block_bytes);
	if (!b->version && !err && (data[0] || memcmp(data, data + 1, m->im.block_bytes - 1)))
		bad(m, "the core found what was never written, block", nr);
	if (!allowed(&m->model[nr], b))
		bad(m, "the core found a version that cannot be, block", nr);
}

/* Traces of the cut. */
static void count_torn(struct maker *m, struct card *c)
{
	struct nand_block_info info;
	u32 die, au, page;

	for (die = 0; die < m->im.dies; die++)
		for (au = 0; au < m->im.aus; au++) {
			nand_block_info(sim_nand(c->sim), die, au, &info);
			m->im.torn_erases += info.torn_erase;
			for (page = 0; page < info.write_ptr && !info.torn_erase; page++)
				m->im.torn_pages += nand_peek(sim_nand(c->sim), die, au, page,
							      NULL, NULL) != NAND_OK;
		}
}

/* In a copy: to look is to change. */
static void look(struct maker *m)
{
	bool scan = m->im.attach == IMAGE_RECOVERED;
	struct ftl_recovery rec;
	struct ftl_stats st;
	char path[300];
	struct card c;
	int err;
	u32 i;

	snprintf(path, sizeof(path), "%s.copy", m->path);
	copy_file(m, path);
	if (card_on(&c, &m->im, path))
		exit(2);
	count_torn(m, &c);
	err = ftl_attach(sim_media(c.sim), &c.env.env, 0, &c.f);
	if (err != -m->im.error)
		bad(m, "attach ends otherwise than it should", err);
	if (!err) {
		ftl_get_recovery(c.f, &rec);
		ftl_get_stats(c.f, &st);
		m->im.refreshed = (u32)rec.units_rewritten;
		m->im.dropped = (u32)st.groups_dropped;
		if (rec.clean == scan)
			bad(m, "clean, or not, against all expectation", rec.clean);
		m->im.block = calloc(image_blocks(&m->im), sizeof(*m->im.block));
		for (i = 0; m->im.block && i < image_blocks(&m->im); i++)
			look_at(m, &c, i);
		ftl_destroy(c.f);
	}
	card_off(&c, false);
	unlink(path);
}

static void make_one(const struct recipe *r, const char *dir)
{
	struct maker m = { .im = r->im, .seed = r->seed * 0x9e3779b97f4a7c15ULL };
	char text[300];

	snprintf(m.path, sizeof(m.path), "%s/%s.img", dir, r->im.name);
	snprintf(text, sizeof(text), "%s/%s.txt", dir, r->im.name);
	m.im.version = FIO_MEDIA_VERSION;
	m.model = calloc(image_blocks(&m.im), sizeof(*m.model));
	if (!m.model)
		abort();
	unlink(m.path);
	r->make(&m);
	look(&m);
	m.im.crc = image_crc(m.path);
	image_write_text(&m.im, text);
	image_free(&m.im);
	free(m.model);
}

u32 images_make(const char *dir)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(recipes); i++)
		make_one(&recipes[i], dir);
	return ARRAY_SIZE(recipes);
}
