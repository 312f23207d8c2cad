// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space is shown of a card.
 *
 * Owns: the collection of values into the structures of the user ABI. Does not
 * know how they travel (ioctl.c, sysfs.c) and keeps nothing itself. A value that
 * is not known is FIO_NO_VALUE, never invented.
 */

#include <linux/math64.h>

#include "card.h"
#include "chan.h"

#define WARN_PERMYRIAD	1000	/* reserve space: warn at 10 % */

static void fill_names(struct fio_card *card, struct fio_ioc_info *info)
{
	const struct fio_identity *id = &card->id;

	strscpy(info->product, id->product, sizeof(info->product));
	strscpy(info->part_number, id->part_number, sizeof(info->part_number));
	strscpy(info->serial, id->serial, sizeof(info->serial));
	strscpy(info->adapter_product, id->adapter_product, sizeof(info->adapter_product));
	strscpy(info->adapter_name, id->adapter_name, sizeof(info->adapter_name));
	strscpy(info->adapter_part_number, id->adapter_part_number,
		sizeof(info->adapter_part_number));
	strscpy(info->adapter_serial, id->adapter_serial, sizeof(info->adapter_serial));
	strscpy(info->adapter_fio_serial, id->adapter_fio_serial,
		sizeof(info->adapter_fio_serial));
	strscpy(info->adapter_product_number, id->adapter_product_number,
		sizeof(info->adapter_product_number));
	strscpy(info->slot_name, id->slot_name, sizeof(info->slot_name));
	info->slot_index = id->slot_index;
	info->adapter_modules = id->adapter_modules;
}

static void fill_card(struct fio_card *card, struct fio_ioc_info *info)
{
	const struct fio_identity *id = &card->id;
	const struct fio_geometry *geo = &card->geo;
	int i;

	for (i = 0; i < ARRAY_SIZE(info->fw_version); i++)
		info->fw_version[i] = id->fw_version[i];
	info->fw_revision = id->fw_revision;
	info->interface_version = card->iface.version;
	info->features = id->features;
	info->advertised_bytes = id->user_bytes;
	info->rated_bytes = id->rated_bytes;
	info->dies = geo->dies;
	info->aus = geo->aus;
	info->pages = geo->pages;
	info->unit_bytes = geo->pages ? FIO_UNIT_BYTES : 0;
	info->raw_bytes = (u64)geo->dies * geo->aus * geo->pages * FIO_UNIT_BYTES;
}

static u32 link_mtps(u16 speed)
{
	static const u32 mtps[] = { 0, 2500, 5000, 8000, 16000, 32000, 64000 };

	return speed && speed < ARRAY_SIZE(mtps) ? mtps[speed] : FIO_NO_VALUE;
}

static void fill_link(struct pci_dev *pdev, struct fio_ioc_info *info)
{
	u16 status;

	info->link_width = FIO_NO_VALUE;
	info->link_mtps = FIO_NO_VALUE;
	/* an absent device reads all-ones, a function without a link zero */
	if (pcie_capability_read_word(pdev, PCI_EXP_LNKSTA, &status) ||
	    status == 0xffff || !status)
		return;
	info->link_width = FIELD_GET(PCI_EXP_LNKSTA_NLW, status);
	info->link_mtps = link_mtps(FIELD_GET(PCI_EXP_LNKSTA_CLS, status));
}

static void fill_pci(struct fio_card *card, struct fio_ioc_info *info)
{
	struct pci_dev *pdev = card->pdev;

	strscpy(info->pci_address, pci_name(pdev), sizeof(info->pci_address));
	info->pci_vendor = pdev->vendor;
	info->pci_device = pdev->device;
	info->pci_subvendor = pdev->subsystem_vendor;
	info->pci_subdevice = pdev->subsystem_device;
	if (!pdev->slot || kstrtou32(pci_slot_name(pdev->slot), 10, &info->pci_slot))
		info->pci_slot = FIO_NO_VALUE;
	fill_link(pdev, info);
	info->irq_mode = card->irq_mode;
	info->irq_vectors = card->irq_vectors;
	info->numa_node = dev_to_node(&pdev->dev);
}

/**
 * fio_card_fill_info() - what FIO_IOC_INFO answers
 * @card: the card
 * @info: all but size and disk_name is filled
 * Context: process.
 */
void fio_card_fill_info(struct fio_card *card, struct fio_ioc_info *info)
{
	struct fio_ioc_progress progress = {};

	fio_card_progress(card, &progress);
	info->abi = FIO_IOC_ABI;
	info->state = progress.state;
	info->reason = progress.reason;
	strscpy(info->driver_version, FIO_HAL_VERSION, sizeof(info->driver_version));
	strscpy(info->driver_build, fio_build(), sizeof(info->driver_build));
	strscpy(info->card_name, card->name, sizeof(info->card_name));
	fill_names(card, info);
	fill_card(card, info);
	fill_pci(card, info);
	info->queues = card->queues;
	info->queue_depth = card->queues ? card->queue_slots : 0;
}

static u64 permyriad(u64 part, u64 whole)
{
	return whole ? div64_u64(part * 10000, whole) : FIO_NO_VALUE;
}

static u64 lost_aus(struct fio_card *card, const struct fio_health *h)
{
	return (u64)h->bad_aus_factory + h->bad_aus_grown +
	       (u64)h->dies_offline * card->geo.aus;
}

static u32 active_media(struct fio_card *card, const struct fio_health *h)
{
	u64 all = (u64)card->geo.dies * card->geo.aus;
	u64 lost = lost_aus(card, h);

	return permyriad(all - min(lost, all), all);
}

/**
 * fio_card_media_health() - what the FTL thinks of its flash
 * @card: the card
 * @health: filled when attached
 * Context: process.
 * Return: whether the card is attached.
 */
bool fio_card_media_health(struct fio_card *card, struct ftl_health *health)
{
	bool attached;

	down_read(&card->ftl_rwsem);
	attached = card->ftl;
	if (attached)
		ftl_get_health(card->ftl, health);
	up_read(&card->ftl_rwsem);
	return attached;
}

static void fill_most(struct fio_card *card, const struct fio_health *h,
		      struct fio_ioc_health *out)
{
	struct media_geometry g;

	out->format_most_bytes = FIO_NO_VALUE64;
	out->format_most_parity_bytes = FIO_NO_VALUE64;
	if (!card->chan || !card->identified)
		return;
	g = card->chan->media.geo;
	out->format_most_parity_bytes = ftl_can_have_parity(&g) ?
		ftl_max_user_units(&g, lost_aus(card, h)) * FIO_UNIT_BYTES : 0;
	g.xor_groups = 0;
	out->format_most_bytes = ftl_max_user_units(&g, lost_aus(card, h)) * FIO_UNIT_BYTES;
}

static void fill_reserve(struct fio_card *card, struct fio_ioc_health *out)
{
	struct ftl_health h = {};
	bool attached = fio_card_media_health(card, &h);

	out->reserve_permyriad = attached ? h.reserve : FIO_NO_VALUE;
	out->reserve_warn_permyriad = attached ? h.warn_at : WARN_PERMYRIAD;
}

static void fill_electrics(const struct fio_health *h, struct fio_ioc_health *out)
{
	out->temp_mc = h->temp_mc;
	out->temp_max_mc = h->temp_max_mc;
	out->board_temp_mc = h->board_temp_mc;
	out->vccint_mv = h->vccint_mv;
	out->vccint_max_mv = h->vccint_max_mv;
	out->vccaux_mv = h->vccaux_mv;
	out->vccaux_max_mv = h->vccaux_max_mv;
	out->bus_mv = h->bus_mv;
	out->bus_min_mv = h->bus_min_mv;
	out->bus_max_mv = h->bus_max_mv;
	out->bus_ma = h->bus_ma;
	out->bus_max_ma = h->bus_max_ma;
	out->bus_mw = h->bus_mw;
	out->bus_max_mw = h->bus_max_mw;
	out->power_limit_mw = h->power_limit_mw;
	out->slot_power_mw = h->slot_power_mw;
}

static void fill_counters(const struct fio_health *h, struct fio_ioc_health *out)
{
	out->plp = h->plp;
	out->external_power = h->external_power == U8_MAX ? FIO_NO_VALUE : h->external_power;
	out->throttle = h->throttle == U8_MAX ? FIO_NO_VALUE : h->throttle;
	out->beacon = h->beacon == U8_MAX ? FIO_NO_VALUE : h->beacon;
	out->power_cycles = h->power_cycles;
	out->unsafe_shutdowns = h->unsafe_shutdowns;
	out->dies_offline = h->dies_offline;
	out->bad_aus_factory = h->bad_aus_factory;
	out->bad_aus_grown = h->bad_aus_grown;
	out->bytes_written = h->bytes_written;
	out->bytes_read = h->bytes_read;
	out->corrected_bits = h->corrected_bits;
	out->uncorrectable = h->uncorrectable;
	out->program_fails = h->program_fails;
	out->erase_fails = h->erase_fails;
	out->violations = h->violations;
	out->erase_total = h->erase_total;
	out->erase_min = h->erase_min;
	out->erase_max = h->erase_max;
	out->power_on_seconds = h->power_on_seconds;
}

/**
 * fio_card_fill_health() - what FIO_IOC_HEALTH answers
 * @card: the card
 * @out: all but size is filled
 * Context: process; may wait for the mailbox.
 * Return: 0 or -errno: the card cannot be asked.
 */
int fio_card_fill_health(struct fio_card *card, struct fio_ioc_health *out)
{
	struct fio_health h;
	int err;

	err = fio_health_get(card, &h);
	if (err)
		return err;
	fill_electrics(&h, out);
	fill_counters(&h, out);
	fill_reserve(card, out);
	out->active_media_permyriad = active_media(card, &h);
	fill_most(card, &h, out);
	out->pcie_correctable = atomic64_read(&card->pcie_correctable);
	out->pcie_nonfatal = atomic64_read(&card->pcie_nonfatal);
	out->pcie_fatal = atomic64_read(&card->pcie_fatal);
	return 0;
}

static void fill_format(struct ftl *ftl, struct fio_ioc_unit *unit)
{
	struct ftl_info info;

	ftl_get_info(ftl, &info);
	memcpy(unit->uuid, info.uuid, sizeof(unit->uuid));
	unit->format_version = info.format_version;
	unit->lba_bytes = info.lba_bytes;
	unit->blocks = info.blocks;
	unit->format_time = info.format_time;
	unit->attach_count = info.attach_count;
	unit->parity = info.parity;
}

static void fill_memory(struct fio_card *card, const struct ftl_stats *s,
			struct fio_ioc_unit *unit)
{
	unit->ram_current = atomic64_read(&card->ftl_mem) + card->chan_bytes;
	unit->ram_peak = atomic64_read(&card->ftl_mem_peak) + card->chan_bytes;
	unit->ram_map = s->mem[FTL_MEM_MAP];
	unit->ram_core = s->mem[FTL_MEM_CORE];
	unit->ram_buffers = s->mem[FTL_MEM_BUFFER];
	unit->ram_scan = s->mem[FTL_MEM_SCAN];
	unit->ram_rings = card->chan_bytes;
	unit->ram_map_peak = s->mem_kind_peak[FTL_MEM_MAP];
	unit->ram_core_peak = s->mem_kind_peak[FTL_MEM_CORE];
	unit->ram_buffers_peak = s->mem_kind_peak[FTL_MEM_BUFFER];
	unit->ram_scan_peak = s->mem_kind_peak[FTL_MEM_SCAN];
	unit->preallocated = s->preallocated;
}

static void fill_stats(struct fio_card *card, struct ftl *ftl,
		       struct fio_ioc_unit *unit)
{
	struct ftl_stats s = {};

	ftl_get_stats(ftl, &s);
	unit->read_only = s.read_only;
	if (s.read_only_reason)
		strscpy(unit->read_only_reason, s.read_only_reason,
			sizeof(unit->read_only_reason));
	fill_memory(card, &s, unit);
	unit->user_bytes_written = s.user_units_written * FIO_UNIT_BYTES;
	unit->user_bytes_read = s.user_units_read * FIO_UNIT_BYTES;
	unit->gc_bytes_written = s.gc_units_written * FIO_UNIT_BYTES;
	unit->meta_bytes_written = s.meta_units_written * FIO_UNIT_BYTES;
	unit->bytes_trimmed = s.units_trimmed * FIO_UNIT_BYTES;
	unit->mapped_bytes = s.units_mapped * FIO_UNIT_BYTES;
	unit->stripes = s.stripes;
	unit->stripes_free = s.stripes_free;
	unit->stripes_open = s.stripes_open;
	unit->gc_victims = s.gc_victims;
	unit->erases = s.erases;
	unit->read_retries = s.read_retries;
	unit->media_errors = s.media_errors;
	unit->stripes_levelled = s.stripes_levelled;
	unit->scrub_passes = s.scrub_passes;
	unit->scrub_bytes = s.scrub_units * FIO_UNIT_BYTES;
	unit->scrub_refreshes = s.scrub_refreshes;
	unit->parity_bytes_written = s.parity_units_written * FIO_UNIT_BYTES;
	unit->units_rebuilt = s.units_rebuilt;
}

static void fill_media_health(struct ftl *ftl, struct fio_ioc_unit *unit)
{
	struct ftl_health h;

	static_assert(FIO_HEALTH_READ_ONLY == (int)FTL_READ_ONLY);
	static_assert(FIO_WHY_PLP == FTL_WHY_PLP);
	ftl_get_health(ftl, &h);
	unit->health = h.state;
	unit->health_reasons = h.reasons;
	if (h.text)
		strscpy(unit->health_text, h.text, sizeof(unit->health_text));
	unit->erase_min = h.erase_min;
	unit->erase_max = h.erase_max;
	unit->erase_mean = h.erase_mean;
	unit->endurance = h.endurance ? h.endurance : FIO_NO_VALUE;
}

static void fill_recovery(struct ftl *ftl, struct fio_ioc_unit *unit)
{
	struct ftl_recovery r = {};

	ftl_get_recovery(ftl, &r);
	unit->attach_clean = r.clean;
	unit->attach_ns = r.ns_total;
	unit->attach_scan_ns = r.ns_scan;
	unit->attach_map_ns = r.ns_map;
	unit->attach_refresh_ns = r.ns_refresh;
	unit->attach_bytes_read = r.bytes_read;
	unit->attach_units_scanned = r.units_scanned;
	unit->attach_units_rewritten = r.units_rewritten;
}

/* Everything is FIO_NO_VALUE but the strings, the UUID and what comes before. */
static void fill_unattached(struct fio_ioc_unit *unit)
{
	memset(unit, 0xff, sizeof(*unit));
	memset(unit->reserved, 0, sizeof(unit->reserved));
	memset(unit->health_text, 0, sizeof(unit->health_text));
	unit->pad2 = 0;
	unit->attached = 0;
	unit->pad = 0;
	memset(unit->uuid, 0, sizeof(unit->uuid));
	memset(unit->read_only_reason, 0, sizeof(unit->read_only_reason));
}

/**
 * fio_card_fill_unit() - what FIO_IOC_UNIT answers
 * @card: the card
 * @unit: all but size is filled
 * Context: process.
 */
void fio_card_fill_unit(struct fio_card *card, struct fio_ioc_unit *unit)
{
	u32 size = unit->size;

	down_read(&card->ftl_rwsem);
	if (card->ftl) {
		unit->attached = 1;
		fill_format(card->ftl, unit);
		fill_stats(card, card->ftl, unit);
		fill_recovery(card->ftl, unit);
		fill_media_health(card->ftl, unit);
		unit->volatile_cache = READ_ONCE(card->plp) != FIO_PLP_OK;
	} else {
		fill_unattached(unit);
	}
	up_read(&card->ftl_rwsem);
	unit->size = size;
}

/**
 * fio_card_beacon() - what FIO_IOC_BEACON does
 * @card: the card
 * @beacon: op and on in, on out
 * Context: process; may wait for the mailbox.
 * Return: 0, -EINVAL, or as fio_mbox_call().
 */
int fio_card_beacon(struct fio_card *card, struct fio_ioc_beacon *beacon)
{
	bool on = beacon->on;
	int err;

	if (beacon->op > 1 || beacon->on > 1)
		return -EINVAL;
	err = fio_mbox_beacon(card, beacon->op, &on);
	if (err)
		return err;
	beacon->on = on;
	fio_health_stale(card);
	return 0;
}
