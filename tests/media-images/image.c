// SPDX-License-Identifier: GPL-2.0-only
/*
 * Golden images: the state file, the text beside it; see image.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "image.h"
#include "vcard/model/card.h"

#define SEED	0x676f6c64656eULL	/* of the flash: the same in every image */

static const char *const attach_name[] = {
	[IMAGE_CLEAN] = "clean", [IMAGE_RECOVERED] = "recovered",
	[IMAGE_READ_ONLY] = "read-only",
};

static __attribute__((noreturn)) void give_up(const char *path, const char *what)
{
	fprintf(stderr, "%s: %s\n", path, what);
	exit(2);
}

/* ---- bytes of a block ------------------------------------------------------------ */

struct payload {
	__le32 block, version;
};

void image_fill(const struct image *im, u32 block, u32 version, u8 *data)
{
	struct payload p = { cpu_to_le32(block), cpu_to_le32(version) };
	u32 i;

	for (i = 0; i < im->block_bytes; i += sizeof(p))
		memcpy(data + i, &p, sizeof(p));
}

u32 image_version(const struct image *im, u32 block, const u8 *data)
{
	u8 expected[FIO_MEDIA_UNIT];
	struct payload p;

	memcpy(&p, data, sizeof(p));
	image_fill(im, block, le32_to_cpu(p.version), expected);
	return memcmp(data, expected, im->block_bytes) ? 0 : le32_to_cpu(p.version);
}

/* ---- text ------------------------------------------------------------------------ */

static const struct {
	const char *key;
	size_t offset;
} numbers[] = {
	{ "version", offsetof(struct image, version) },
	{ "dies", offsetof(struct image, dies) },
	{ "aus", offsetof(struct image, aus) },
	{ "pages", offsetof(struct image, pages) },
	{ "block", offsetof(struct image, block_bytes) },
	{ "units", offsetof(struct image, units) },
	{ "parity", offsetof(struct image, parity) },
	{ "weak", offsetof(struct image, weak) },
	{ "torn-pages", offsetof(struct image, torn_pages) },
	{ "torn-erases", offsetof(struct image, torn_erases) },
	{ "refreshed", offsetof(struct image, refreshed) },
	{ "dropped", offsetof(struct image, dropped) },
	{ "check", offsetof(struct image, check) },
	{ "export", offsetof(struct image, export) },
};

static u32 *number(const struct image *im, u32 i)
{
	return (u32 *)((char *)im + numbers[i].offset);
}

static void write_block(FILE *f, u32 nr, const struct image_block *b)
{
	switch (b->state) {
	case BLOCK_UNMAPPED:
		fprintf(f, "%u -\n", nr);
		break;
	case BLOCK_ZERO:
		fprintf(f, "%u 0\n", nr);
		break;
	case BLOCK_LOST:
		fprintf(f, "%u lost\n", nr);
		break;
	default:
		fprintf(f, "%u v%u %08x\n", nr, b->version, b->crc);
	}
}

void image_write_text(const struct image *im, const char *path)
{
	FILE *f = fopen(path, "w");
	u32 i;

	if (!f)
		give_up(path, "cannot be written");
	fprintf(f, "# SPDX-%s: GPL-2.0-only\n# What is in this image: see tests/media-images/image.h\n",
		"License-Identifier");
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		fprintf(f, "%s %u\n", numbers[i].key, *number(im, i));
	if (im->attach == IMAGE_REFUSED)
		fprintf(f, "attach -%s\n", strerrorname_np(im->error));
	else
		fprintf(f, "attach %s\n", attach_name[im->attach]);
	fprintf(f, "image %08x\n", im->crc);
	for (i = 0; im->block && i < image_blocks(im); i++)
		write_block(f, i, &im->block[i]);
	if (fclose(f))
		give_up(path, "cannot be written");
}

static bool take_attach(struct image *im, const char *value)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(attach_name); i++)
		if (!strcmp(value, attach_name[i])) {
			im->attach = i;
			return true;
		}
	im->attach = IMAGE_REFUSED;
	for (im->error = 1; im->error < 200; im->error++)
		if (*value == '-' && strerrorname_np(im->error) &&
		    !strcmp(value + 1, strerrorname_np(im->error)))
			return true;
	return false;
}

static bool take_block(struct image *im, u32 nr, const char *value)
{
	struct image_block *b;

	if (!im->block_bytes || !im->units || nr >= image_blocks(im))
		return false;
	if (!im->block)
		im->block = calloc(image_blocks(im), sizeof(*im->block));
	if (!im->block)
		return false;
	b = &im->block[nr];
	if (sscanf(value, "v%u %x", &b->version, &b->crc) == 2)
		b->state = BLOCK_DATA;
	else if (!strcmp(value, "0"))
		b->state = BLOCK_ZERO;
	else if (!strcmp(value, "lost"))
		b->state = BLOCK_LOST;
	else
		return !strcmp(value, "-");
	return true;
}

static bool take_number(struct image *im, const char *key, u32 n)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!strcmp(key, numbers[i].key)) {
			*number(im, i) = n;
			return true;
		}
	return false;
}

static bool take_line(struct image *im, const char *line)
{
	char key[16], value[32];
	u32 n;

	if (*line == '#')
		return true;
	if (sscanf(line, "%15s %31[^\n]", key, value) != 2)
		return false;
	if (sscanf(key, "%u", &n) == 1)
		return take_block(im, n, value);
	if (!strcmp(key, "attach"))
		return take_attach(im, value);
	if (!strcmp(key, "image"))
		return sscanf(value, "%x", &im->crc) == 1;
	return take_number(im, key, (u32)strtoul(value, NULL, 10));
}

void image_read_text(struct image *im, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[64];

	memset(im, 0, sizeof(*im));
	if (!f)
		give_up(path, "cannot be read");
	while (fgets(line, sizeof(line), f))
		if (!take_line(im, line))
			give_up(path, line);
	fclose(f);
	if (!im->block && im->attach != IMAGE_REFUSED)
		give_up(path, "says nothing of any block");
}

void image_free(struct image *im)
{
	free(im->block);
	im->block = NULL;
}

u32 image_crc(const char *path)
{
	FILE *f = fopen(path, "r");
	u8 buf[4096];
	u32 crc = 0;
	size_t n;

	if (!f)
		give_up(path, "cannot be read");
	while ((n = fread(buf, 1, sizeof(buf), f)))
		crc = ftl_crc32c(crc, buf, n);
	fclose(f);
	return crc;
}

/* ---- a state file as a medium ------------------------------------------------------- */

static void make_persist(struct vcard_persist *p, const struct image *im)
{
	if (p->magic == VCARD_PERSIST_MAGIC)
		return;
	p->version = VCARD_PERSIST_VERSION;
	p->user_bytes = (u64)im->units * FIO_MEDIA_UNIT;
	p->plp = im->weak ? FIO_PLP_FAILED : FIO_PLP_OK;
	p->clean = 1;
	snprintf(p->serial, sizeof(p->serial), "golden");
	p->magic = VCARD_PERSIST_MAGIC;
}

/* As the card does when it starts (vcard/model/au.c). */
static u8 from_stored(u8 stored, bool clean)
{
	u8 flags = stored & P_XOR ? SIM_AU_XOR : 0;

	if (stored & P_CLOSED)
		flags |= SIM_AU_FINISHED;
	if (stored & P_SUSPECT || (!clean && (stored & (P_OPEN | P_CLOSED)) == P_OPEN))
		flags |= SIM_AU_SUSPECT;
	return flags;
}

static u8 to_stored(struct card *c, u32 die, u32 au)
{
	u8 flags = sim_au_flags(c->sim, die, au);
	u8 stored = flags & SIM_AU_XOR ? P_XOR : 0;
	struct nand_block_info info;

	nand_block_info(sim_nand(c->sim), die, au, &info);
	if (flags & SIM_AU_SUSPECT)
		return stored | P_SUSPECT;
	if (flags & SIM_AU_FINISHED || info.write_ptr == c->im->pages)
		return stored | P_CLOSED;
	return info.write_ptr ? stored | P_OPEN : 0;
}

static struct sim_config shape(const struct image *im)
{
	return (struct sim_config){
		.dies = im->dies, .aus = im->aus, .pages = im->pages, .max_units = 4,
		.queues = 2, .host_cmds = 4, .internal_cmds = 4, .buffer_units = 2,
		.xor_groups = im->parity ? 10 : 0, .volatile_buffer = im->weak,
		.policy = SIM_LAZY,
	};
}

int card_on(struct card *c, const struct image *im, const char *path)
{
	const struct nand_geometry geo = {
		.dies = im->dies, .blocks = im->aus, .pages = im->pages,
		.page_bytes = FIO_MEDIA_UNIT, .oob_bytes = FIO_MEDIA_TAG, .endurance = 100000,
	};
	struct sim_config cfg = shape(im);
	u32 i, aus = im->dies * im->aus;
	struct vcard_persist *p;
	struct nand *n;
	char err[256];
	u8 *au;

	memset(c, 0, sizeof(*c));
	n = nand_open_file(path, &geo, VCARD_USER_BYTES, err, sizeof(err));
	if (!n) {
		fprintf(stderr, "%s\n", err);
		return -EIO;
	}
	if (nand_is_new(n))
		nand_set_seed(n, SEED);
	p = nand_user(n);
	make_persist(p, im);
	au = calloc(aus, 1);
	if (!au)
		abort();
	for (i = 0; i < aus; i++)
		au[i] = from_stored(((u8 *)p)[VCARD_PERSIST_HEADER + i], p->clean);
	c->im = im;
	c->sim = sim_over_used(&cfg, n, au);
	free(au);
	sim_env_init(&c->env, c->sim);
	p->clean = 0;
	p->power_cycles++;
	return 0;
}

void card_off(struct card *c, bool clean)
{
	struct vcard_persist *p = nand_user(sim_nand(c->sim));
	u8 *au = (u8 *)p + VCARD_PERSIST_HEADER;
	u32 die, nr;

	for (die = 0; die < c->im->dies; die++)
		for (nr = 0; nr < c->im->aus; nr++)
			*au++ = to_stored(c, die, nr);
	p->clean = clean;
	sim_destroy(c->sim);
}
