// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small card for fuzzing; see card.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "card.h"

static const struct sim_config config = {
	.dies = CARD_DIES, .aus = CARD_AUS, .pages = CARD_PAGES, .max_units = 4,
	.host_cmds = 6, .internal_cmds = 4, .buffer_units = 2,
};

static struct card_page base[2][CARD_ALL_PAGES];	/* dirty, clean */

void card_give_up(const char *what)
{
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

/* ---- the card before ----------------------------------------------------------- */

static void save(struct sim *s, struct card_page *to)
{
	u32 i;

	for (i = 0; i < CARD_ALL_PAGES; i++) {
		u32 au = i / CARD_PAGES;

		to[i].written = nand_read(sim_nand(s), au / CARD_AUS, au % CARD_AUS,
					  i % CARD_PAGES, to[i].data, &to[i].tag, 0,
					  NULL) == NAND_OK;
	}
}

static void must(int err, const char *what)
{
	if (err)
		card_give_up(what);
}

static void use(struct sim_env *e, struct ftl *f)
{
	static u8 data[FIO_MEDIA_UNIT];
	u64 lu;

	for (lu = 0; lu < CARD_UNITS; lu++) {
		memset(data, (int)lu + 1, sizeof(data));
		must(sim_do(e, f, FTL_WRITE, 0, lu, 1, data), "write");
	}
	must(sim_do(e, f, FTL_TRIM, 0, 2, 3, NULL), "trim");
	must(ftl_force_checkpoint(f), "checkpoint");
	must(sim_do(e, f, FTL_WRITE, 0, 3, 1, data), "write");
	must(sim_do(e, f, FTL_TRIM, 0, 8, 1, NULL), "trim");
	sim_drive(e, f);
}

static void make_base(void)
{
	struct ftl_format_params p = {
		.lba_bytes = 4096, .user_units = CARD_UNITS, .default_units = CARD_UNITS,
		.uuid = "fuzz",
	};
	struct sim *s = sim_create(&config);
	struct sim_env e;
	struct ftl *f;

	sim_env_init(&e, s);
	must(ftl_format(sim_media(s), &e.env, &p), "format");
	must(ftl_attach(sim_media(s), &e.env, 0, &f), "attach");
	use(&e, f);
	save(s, base[0]);
	must(ftl_detach(f), "detach");
	sim_drive(&e, NULL);
	save(s, base[1]);
	sim_destroy(s);
}

void card_copy(struct card_page *pages, bool clean)
{
	static bool made;

	if (!made)
		make_base();
	made = true;
	memcpy(pages, base[clean], sizeof(base[clean]));
}

/* ---- the card after ------------------------------------------------------------- */

/* Structures carry a CRC of their own besides that of the tag. */
static void mend(struct card_page *p)
{
	struct fio_super *super = (struct fio_super *)p->data;
	struct fio_journal *journal = (struct fio_journal *)p->data;
	u32 crc;

	if (p->tag.type == FIO_TAG_SUPER) {
		super->crc = 0;
		super->crc = cpu_to_le32(ftl_crc32c(0, super, sizeof(*super)));
	} else if (p->tag.type == FIO_TAG_JOURNAL) {
		journal->crc = 0;
		journal->crc = cpu_to_le32(ftl_crc32c(0, journal, sizeof(*journal)));
	}
	crc = ftl_crc32c(0, p->data, FIO_MEDIA_UNIT);
	p->tag.crc = cpu_to_le32(ftl_crc32c(crc, &p->tag, offsetof(struct fio_tag, crc)));
}

static struct sim *build(struct card_page *pages)
{
	const struct nand_geometry geo = {
		.dies = CARD_DIES, .blocks = CARD_AUS, .pages = CARD_PAGES,
		.page_bytes = FIO_MEDIA_UNIT, .oob_bytes = FIO_MEDIA_TAG,
		.endurance = 1000000,
	};
	struct nand *nand = nand_create_mem(&geo);
	u32 i, wp = 0;

	if (!nand)
		card_give_up("out of memory");
	for (i = 0; i < CARD_ALL_PAGES; i++) {
		wp = i % CARD_PAGES ? wp : 0;
		if (!pages[i].written)
			continue;	/* what follows in the block moves up */
		mend(&pages[i]);
		nand_program(nand, i / CARD_PAGES / CARD_AUS, i / CARD_PAGES % CARD_AUS, wp++,
			     pages[i].data, &pages[i].tag);
	}
	return sim_over(&config, nand);
}

static void read_and_write(struct sim_env *e, struct ftl *f)
{
	static u8 data[8 * FIO_MEDIA_UNIT];
	struct ftl_info info;
	u64 lba;

	ftl_get_info(f, &info);
	for (lba = 0; lba < min_t(u64, info.blocks, 256); lba++)
		sim_do(e, f, FTL_READ, 0, lba, 1, data);
	for (lba = 0; lba < min_t(u64, info.blocks, 24); lba++)
		if (sim_do(e, f, FTL_WRITE, 0, lba, 1, data))
			break;
	sim_do(e, f, FTL_TRIM, 0, 0, min_t(u64, info.blocks, 4), NULL);
}

static void no_harm(const struct sim_env *e, struct sim *s)
{
	if (!e->hung && !sim_violation(s) && !e->allocs)
		return;
	sim_env_dump(e);
	card_give_up(e->hung ? "the core waits for something that cannot happen" :
		     sim_violation(s) ? sim_violation(s) : "the core leaks memory");
}

bool card_try(struct card_page *pages)
{
	struct sim *s = build(pages);
	struct ftl *f = NULL;
	struct sim_env e;
	bool attached;

	sim_env_init(&e, s);
	attached = !ftl_attach(sim_media(s), &e.env, 0, &f);
	if (attached) {
		read_and_write(&e, f);
		if (sim_cmds_busy(s))
			sim_drive(&e, f);
		ftl_detach(f);
	}
	no_harm(&e, s);
	sim_destroy(s);
	return attached;
}
