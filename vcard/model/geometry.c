// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a capacity to the shape of the flash.
 *
 * Owns: the limits of what a virtual card may be, the default number of dies,
 * the size of an append unit (hw.md section 12). Does not know the state file.
 */
#include "vcard/model/card.h"

#define GIB		0x40000000ULL
#define MIN_BYTES	GIB
#define MAX_BYTES	(1024 * GIB)
#define MIN_PAGES	256
#define ENDURANCE	10000
#define DEFAULT_SPARE	28
#define MIN_SPARE	7
#define MAX_SPARE	400
#define MIN_DIES	4
#define MAX_DIES	64

static u32 default_dies(u64 bytes)
{
	if (bytes < 2 * GIB)
		return 4;
	if (bytes < 8 * GIB)
		return 8;
	if (bytes < 64 * GIB)
		return 16;
	return bytes < 256 * GIB ? 32 : 64;
}

static bool in(u64 v, u64 lo, u64 hi)
{
	return v >= lo && v <= hi;
}

static int check(const struct vcard_config *cfg, u32 spare, u32 dies, char *err, size_t len)
{
	if (!in(cfg->user_bytes, MIN_BYTES, MAX_BYTES) || cfg->user_bytes % FIO_UNIT_BYTES)
		snprintf(err, len, "capacity of %llu bytes: give 1 GiB to 1 TiB, in units of 4096",
			 (unsigned long long)cfg->user_bytes);
	else if (!in(dies, MIN_DIES, MAX_DIES))
		snprintf(err, len, "%u dies: give %u to %u", dies, MIN_DIES, MAX_DIES);
	else if (!in(spare, MIN_SPARE, MAX_SPARE))
		snprintf(err, len, "%u %% spare: give %u to %u", spare, MIN_SPARE, MAX_SPARE);
	else
		return 0;
	return -EINVAL;
}

/**
 * vcard_plan_geometry() - the flash that a new card gets
 * @cfg: what the user asked for
 * @geo: receives the shape
 * @err: receives a sentence for the user when that is impossible
 * @err_len: size of @err
 *
 * Append units are 1 MiB so long as there are not too many of them; a host keeps a
 * descriptor of each in memory.
 *
 * Return: 0 or -EINVAL.
 */
int vcard_plan_geometry(const struct vcard_config *cfg, struct nand_geometry *geo,
			char *err, size_t err_len)
{
	u32 spare = cfg->spare_percent ? cfg->spare_percent : DEFAULT_SPARE;
	u32 dies = cfg->dies ? cfg->dies : default_dies(cfg->user_bytes);
	u64 raw_units, aus;
	u32 pages = MIN_PAGES;

	if (check(cfg, spare, dies, err, err_len))
		return -EINVAL;
	raw_units = cfg->user_bytes / FIO_UNIT_BYTES * (100 + spare) / 100;
	while ((aus = DIV_ROUND_UP(raw_units, (u64)pages * dies)) * dies > VCARD_MAX_AUS)
		pages *= 2;
	*geo = (struct nand_geometry){
		.dies = dies,
		.blocks = (u32)aus,
		.pages = pages,
		.page_bytes = FIO_UNIT_BYTES,
		.oob_bytes = FIO_TAG_BYTES,
		.endurance = ENDURANCE,
	};
	return 0;
}
