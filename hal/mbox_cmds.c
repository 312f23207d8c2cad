// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailbox commands as functions with types.
 *
 * Owns: the conversion between the wire's structures and the driver's, and the
 * check of every value the firmware gives: this is the only place that sees
 * them raw. A firmware is not trusted more than a network peer is: a value out
 * of range is named in the log and the command fails with -ERANGE, before
 * anything has been sized or indexed by it.
 * Does not know how a command travels (mbox.c) or what its answer is used for.
 */

#include <linux/ctype.h>
#include <linux/math64.h>
#include <linux/slab.h>

#include <fio/hw_desc.h>

#include "card.h"

#define MAX_DIES	256
#define MAX_AUS		BIT(20)
#define MAX_PAGES	65536
#define MIN_OPEN	64
#define MAX_RETRIES	255

/* Wire strings are NUL-padded, not always terminated, and end up in a terminal. */
static void copy_string(char *to, size_t room, const char *from, size_t len)
{
	size_t i;

	len = min(len, room - 1);
	for (i = 0; i < len && from[i]; i++)
		to[i] = isascii(from[i]) && isprint(from[i]) ? from[i] : '?';
	to[i] = '\0';
}

#define COPY_STRING(to, from) copy_string(to, sizeof(to), from, sizeof(from))

static void decode_identify(struct fio_identity *id,
			    const struct fio_mb_identify *mb)
{
	int i;

	COPY_STRING(id->product, mb->product);
	COPY_STRING(id->part_number, mb->part_number);
	COPY_STRING(id->serial, mb->serial);
	COPY_STRING(id->adapter_product, mb->adapter_product);
	COPY_STRING(id->adapter_name, mb->adapter_name);
	COPY_STRING(id->adapter_part_number, mb->adapter_part_number);
	COPY_STRING(id->adapter_serial, mb->adapter_serial);
	COPY_STRING(id->adapter_fio_serial, mb->adapter_fio_serial);
	COPY_STRING(id->adapter_product_number, mb->adapter_product_number);
	COPY_STRING(id->slot_name, mb->slot_name);
	id->slot_index = mb->slot_index;
	id->adapter_modules = mb->adapter_modules;
	for (i = 0; i < ARRAY_SIZE(id->fw_version); i++)
		id->fw_version[i] = mb->fw_version[i];
	id->fw_revision = le32_to_cpu(mb->fw_revision);
	id->max_units = le32_to_cpu(mb->max_units);
	id->features = le64_to_cpu(mb->features);
	id->user_bytes = le64_to_cpu(mb->user_bytes);
	id->rated_bytes = le64_to_cpu(mb->rated_bytes);
}

struct range_check {
	const char *field;
	u64 value, min, max;
};

static int check_ranges(struct fio_card *card, const char *command,
			const struct range_check *checks, int n)
{
	int err = 0;

	for (; n--; checks++) {
		if (checks->value >= checks->min && checks->value <= checks->max)
			continue;
		fio_err(card, "%s: field %s is %llu, allowed are %llu to %llu",
			command, checks->field, checks->value, checks->min,
			checks->max);
		err = -ERANGE;
	}
	return err;
}

static int check_identify(struct fio_card *card, const struct fio_identity *id)
{
	const struct range_check checks[] = {
		{ "max_units", id->max_units, 1, FIO_MAX_UNITS },
		{ "user_bytes", id->user_bytes, FIO_UNIT_BYTES, S64_MAX },
	};

	if (check_ranges(card, "IDENTIFY", checks, ARRAY_SIZE(checks)))
		return -ERANGE;
	if (id->user_bytes % FIO_UNIT_BYTES) {
		fio_err(card, "IDENTIFY: field user_bytes is %llu, not a multiple of %u",
			id->user_bytes, FIO_UNIT_BYTES);
		return -ERANGE;
	}
	return 0;
}

/**
 * fio_mbox_identify() - who is the card?
 * @card: the card
 * @id: filled on success
 * Context: process. Return: 0, -ERANGE, or as fio_mbox_call().
 */
int fio_mbox_identify(struct fio_card *card, struct fio_identity *id)
{
	struct fio_mb_identify *mb;
	int err;

	mb = kzalloc(sizeof(*mb), GFP_NOIO);
	if (!mb)
		return -ENOMEM;
	err = fio_mbox_call(card, FIO_MB_IDENTIFY, NULL, 0, mb, sizeof(*mb),
			    sizeof(*mb));
	if (!err) {
		decode_identify(id, mb);
		err = check_identify(card, id);
	}
	kfree(mb);
	return err;
}

/* Every unit of the card must have a number in 32 bits, and one more for none. */
static int check_total(struct fio_card *card, const struct fio_geometry *geo)
{
	u64 units = (u64)geo->dies * geo->aus * geo->pages;

	if (units < U32_MAX)
		return 0;
	fio_err(card, "GEOMETRY: %u dies * %u append units * %u pages are %llu units, this driver can number %u",
		geo->dies, geo->aus, geo->pages, units, U32_MAX - 1);
	return -ERANGE;
}

static int check_geometry(struct fio_card *card,
			  const struct fio_mb_geometry *mb,
			  const struct fio_geometry *geo)
{
	const struct range_check checks[] = {
		{ "dies", geo->dies, 1, MAX_DIES },
		{ "aus", geo->aus, 1, MAX_AUS },
		{ "pages", geo->pages, 1, MAX_PAGES },
		{ "unit_bytes", le32_to_cpu(mb->unit_bytes), FIO_UNIT_BYTES,
		  FIO_UNIT_BYTES },
		{ "tag_bytes", le32_to_cpu(mb->tag_bytes), FIO_TAG_BYTES,
		  FIO_TAG_BYTES },
		{ "write_units", geo->write_units, 1, FIO_MAX_UNITS },
		{ "keep_behind", le32_to_cpu(mb->keep_behind), 0, 0 },
		{ "max_open", geo->max_open, MIN_OPEN, U32_MAX },
		{ "read_retries", geo->read_retries, 0, MAX_RETRIES },
	};

	if (check_ranges(card, "GEOMETRY", checks, ARRAY_SIZE(checks)))
		return -ERANGE;
	return check_total(card, geo);
}

/**
 * fio_mbox_geometry() - the shape of the flash
 * @card: the card
 * @geo: filled on success
 * Context: process. Return: 0, -ERANGE, or as fio_mbox_call().
 */
int fio_mbox_geometry(struct fio_card *card, struct fio_geometry *geo)
{
	struct fio_mb_geometry mb;
	int err;

	err = fio_mbox_call(card, FIO_MB_GEOMETRY, NULL, 0, &mb, sizeof(mb),
			    sizeof(mb));
	if (err)
		return err;
	geo->dies = le32_to_cpu(mb.dies);
	geo->aus = le32_to_cpu(mb.aus);
	geo->pages = le32_to_cpu(mb.pages);
	geo->write_units = le32_to_cpu(mb.write_units);
	geo->max_open = le32_to_cpu(mb.max_open);
	geo->endurance = le32_to_cpu(mb.endurance);
	geo->read_retries = le32_to_cpu(mb.read_retries);
	geo->xor_groups = le32_to_cpu(mb.xor_groups);
	return check_geometry(card, &mb, geo);
}

/**
 * fio_mbox_features() - enable features
 * @card: the card
 * @want: FIO_FEAT_*; a subset of what IDENTIFY offers
 * @enabled: receives what is enabled now
 * Context: process. Return: 0 or as fio_mbox_call().
 */
int fio_mbox_features(struct fio_card *card, u64 want, u64 *enabled)
{
	struct fio_mb_features in = { .features = cpu_to_le64(want) };
	struct fio_mb_features out;
	int err;

	err = fio_mbox_call(card, FIO_MB_FEATURES, &in, sizeof(in), &out,
			    sizeof(out), sizeof(out));
	if (!err)
		*enabled = le64_to_cpu(out.features);
	return err;
}

static void decode_electrics(struct fio_health *h, const struct fio_mb_health *mb)
{
	h->temp_mc = le32_to_cpu(mb->temp_mc);
	h->temp_max_mc = le32_to_cpu(mb->temp_max_mc);
	h->board_temp_mc = le32_to_cpu(mb->board_temp_mc);
	h->vccint_mv = le32_to_cpu(mb->vccint_mv);
	h->vccint_max_mv = le32_to_cpu(mb->vccint_max_mv);
	h->vccaux_mv = le32_to_cpu(mb->vccaux_mv);
	h->vccaux_max_mv = le32_to_cpu(mb->vccaux_max_mv);
	h->bus_mv = le32_to_cpu(mb->bus_mv);
	h->bus_min_mv = le32_to_cpu(mb->bus_min_mv);
	h->bus_max_mv = le32_to_cpu(mb->bus_max_mv);
	h->bus_ma = le32_to_cpu(mb->bus_ma);
	h->bus_max_ma = le32_to_cpu(mb->bus_max_ma);
	h->bus_mw = le32_to_cpu(mb->bus_mw);
	h->bus_max_mw = le32_to_cpu(mb->bus_max_mw);
	h->power_limit_mw = le32_to_cpu(mb->power_limit_mw);
	h->slot_power_mw = le32_to_cpu(mb->slot_power_mw);
}

static void decode_counters(struct fio_health *h, const struct fio_mb_health *mb)
{
	h->power_cycles = le32_to_cpu(mb->power_cycles);
	h->unsafe_shutdowns = le32_to_cpu(mb->unsafe_shutdowns);
	h->dies_offline = le32_to_cpu(mb->dies_offline);
	h->bad_aus_factory = le32_to_cpu(mb->bad_aus_factory);
	h->bad_aus_grown = le32_to_cpu(mb->bad_aus_grown);
	h->bytes_written = le64_to_cpu(mb->bytes_written);
	h->bytes_read = le64_to_cpu(mb->bytes_read);
	h->corrected_bits = le64_to_cpu(mb->corrected_bits);
	h->uncorrectable = le64_to_cpu(mb->uncorrectable);
	h->program_fails = le64_to_cpu(mb->program_fails);
	h->erase_fails = le64_to_cpu(mb->erase_fails);
	h->violations = le64_to_cpu(mb->violations);
	h->erase_total = le64_to_cpu(mb->erase_total);
	h->erase_min = le32_to_cpu(mb->erase_min);
	h->erase_max = le32_to_cpu(mb->erase_max);
	h->power_on_seconds = le64_to_cpu(mb->power_on_seconds);
}

/* Telemetry is shown, not computed with: only what selects something is checked. */
static int check_health(struct fio_card *card, const struct fio_health *h)
{
	const struct range_check checks[] = {
		{ "plp", h->plp, FIO_PLP_NONE, FIO_PLP_FAILED },
		{ "throttle", h->throttle == U8_MAX ? 0 : h->throttle, 0, 3 },
		{ "dies_offline", h->dies_offline == U32_MAX ? 0 : h->dies_offline,
		  0, MAX_DIES },
	};

	return check_ranges(card, "HEALTH", checks, ARRAY_SIZE(checks));
}

/**
 * fio_mbox_health() - telemetry and lifetime counters
 * @card: the card
 * @h: filled on success
 * Context: process. Return: 0, -ERANGE, or as fio_mbox_call().
 */
int fio_mbox_health(struct fio_card *card, struct fio_health *h)
{
	struct fio_mb_health mb;
	int err;

	err = fio_mbox_call(card, FIO_MB_HEALTH, NULL, 0, &mb, sizeof(mb),
			    sizeof(mb));
	if (err)
		return err;
	decode_electrics(h, &mb);
	decode_counters(h, &mb);
	h->plp = mb.plp;
	h->external_power = mb.external_power;
	h->throttle = mb.throttle;
	h->beacon = mb.beacon;
	return check_health(card, h);
}

/**
 * fio_mbox_create_qp() - make a queue pair known to the card
 * @card: the card
 * @qid: its number
 * @depth_log2: entries of both rings
 * @vector: interrupt vector of its completions
 * @sq: bus address of the submission ring
 * @cq: bus address of the completion ring
 * Context: process. Return: 0 or as fio_mbox_call().
 */
int fio_mbox_create_qp(struct fio_card *card, u16 qid, u32 depth_log2,
		       u16 vector, dma_addr_t sq, dma_addr_t cq)
{
	struct fio_mb_create_qp in = {
		.qid = cpu_to_le16(qid),
		.depth_log2 = depth_log2,
		.flags = FIO_MB_QP_IRQ,
		.vector = cpu_to_le16(vector),
		.sq_addr = cpu_to_le64(sq),
		.cq_addr = cpu_to_le64(cq),
	};

	return fio_mbox_call(card, FIO_MB_CREATE_QP, &in, sizeof(in), NULL, 0, 0);
}

/**
 * fio_mbox_event_queue() - tell the card where to write events
 * @card: the card
 * @addr: bus address of the ring, 0 to stop events
 * @depth_log2: its entries
 * Context: process. Return: 0 or as fio_mbox_call().
 */
int fio_mbox_event_queue(struct fio_card *card, dma_addr_t addr, u32 depth_log2)
{
	struct fio_mb_event_queue in = {
		.addr = cpu_to_le64(addr),
		.depth_log2 = depth_log2,
	};

	return fio_mbox_call(card, FIO_MB_EVENT_QUEUE, &in, sizeof(in), NULL, 0, 0);
}

/**
 * fio_mbox_beacon() - read or switch the locate light
 * @card: the card
 * @set: switch it to @on, else only read
 * @on: in and out
 * Context: process. Return: 0 or as fio_mbox_call().
 */
int fio_mbox_beacon(struct fio_card *card, bool set, bool *on)
{
	struct fio_mb_beacon in = { .op = set, .on = set && *on };
	struct fio_mb_beacon out;
	int err;

	err = fio_mbox_call(card, FIO_MB_BEACON, &in, sizeof(in), &out,
			    sizeof(out), sizeof(out));
	if (!err)
		*on = out.on;
	return err;
}
