// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-status for people. The layout follows the vendor's tool line for line, so
 * that scripts which grep it keep working ("Physical bytes read   :" included).
 */
#include <stdio.h>
#include <string.h>

#include "common/decode/decode.h"
#include "status.h"

static double gbytes(const struct card_status *c)
{
	if (c->unit.attached)
		return (double)c->unit.blocks * c->unit.lba_bytes / 1e9;
	return c->info.advertised_bytes / 1e9;
}

/* Cards of one adapter share its serial number; it is shown with the first. */
static bool first_of_adapter(const struct machine_status *m, int i)
{
	for (int j = 0; j < i; j++)
		if (!m->card[j].err &&
		    !strcmp(m->card[j].info.adapter_serial, m->card[i].info.adapter_serial))
			return false;
	return !m->card[i].err && m->card[i].info.adapter_serial[0];
}

static int count_adapters(const struct machine_status *m)
{
	int n = 0;

	for (int i = 0; i < m->cards; i++)
		n += first_of_adapter(m, i);
	return n;
}

static void print_signature(FILE *f, const struct machine_status *m)
{
	char text[192];

	fprintf(f, "Driver modules: %s\n", fio_secure_text(&m->secure, text, sizeof(text)));
	if (m->secure.lockdown[0])
		fprintf(f, "Kernel lockdown: %s\n", m->secure.lockdown);
}

static void print_header(FILE *f, const struct machine_status *m, enum status_detail d)
{
	int adapters = count_adapters(m);

	fprintf(f, "\nFound %d ioMemory device%s in this system", m->cards,
		m->cards == 1 ? "" : "s");
	if (adapters)
		fprintf(f, " with %d %s", adapters,
			adapters == 1 ? m->card[0].info.adapter_name : "adapters");
	fputc('\n', f);
	if (!m->driver)
		fprintf(f, "Driver not loaded\n");
	else if (m->cards && !m->card[0].err)
		fprintf(f, "Driver version: %s build %s\n",
			m->card[0].info.driver_version, m->card[0].info.driver_build);
	if (d == STATUS_ALL && m->pci_cards)
		print_signature(f, m);
	if (m->pci_cards > m->cards)
		fprintf(f, "WARNING: %d card%s on PCI that no driver uses: %s\n",
			m->pci_cards - m->cards, m->pci_cards - m->cards == 1 ? "" : "s",
			m->driver ? "see the kernel log (dmesg)" : "'modprobe fio-blk'");
	fio_secure_print_refusal(f, &m->secure);
}

static const char *adapter_kind(unsigned int modules)
{
	switch (modules) {
	case 1: return "Single Adapter";
	case 2: return "Dual Adapter";
	case 4: return "Quad Adapter";
	}
	return "Adapter";
}

static void print_bus_power(FILE *f, const struct fio_ioc_health *h)
{
	char a[24], b[24], c[24];

	fprintf(f, "\tExternal Power: %s\n",
		h->external_power == 1 ? "connected" : "NOT connected");
	fprintf(f, "\tPCIe Bus voltage: avg %s min %s max %s\n",
		status_milli(a, sizeof(a), h->bus_mv, "V"),
		status_milli(b, sizeof(b), h->bus_min_mv, "V"),
		status_milli(c, sizeof(c), h->bus_max_mv, "V"));
	fprintf(f, "\tPCIe Bus current: avg %s max %s\n",
		status_milli(a, sizeof(a), h->bus_ma, "A"),
		status_milli(b, sizeof(b), h->bus_max_ma, "A"));
	fprintf(f, "\tPCIe Bus power: avg %s max %s\n",
		status_milli(a, sizeof(a), h->bus_mw, "W"),
		status_milli(b, sizeof(b), h->bus_max_mw, "W"));
	fprintf(f, "\tPCIe Power limit threshold: %s\n",
		status_milli(a, sizeof(a), h->power_limit_mw, "W"));
	fprintf(f, "\tPCIe slot available power: %s\n",
		status_milli(a, sizeof(a), h->slot_power_mw, "W"));
}

static void print_adapter(FILE *f, const struct machine_status *m, int i)
{
	const struct fio_ioc_info *info = &m->card[i].info;

	fprintf(f, "\nAdapter: %s\n", adapter_kind(info->adapter_modules));
	fprintf(f, "\t%s, Product Number:%s, SN:%s, FIO SN:%s\n",
		info->adapter_product, info->adapter_product_number,
		info->adapter_serial, info->adapter_fio_serial);
	fprintf(f, "\t%s, PN:%s\n", info->adapter_name, info->adapter_part_number);
	if (m->card[i].has_health)
		print_bus_power(f, &m->card[i].health);
	fprintf(f, "\tConnected ioMemory modules:\n");
	for (int j = i; j < m->cards; j++)
		if (!m->card[j].err && !strcmp(m->card[j].info.adapter_serial,
					       info->adapter_serial))
			fprintf(f, "\t  %s:\tSN:%s\n", m->card[j].dev.name,
				m->card[j].info.serial);
}

static void print_problems(FILE *f, const struct card_status *c)
{
	const char *text;

	if (!status_problem(c, 0))
		return;
	fprintf(f, "\t!! ---> There are active errors or warnings on this device!  Read below for details.\n");
	fprintf(f, "\tACTIVE WARNINGS:\n");
	for (unsigned int i = 0; (text = status_problem(c, i)); i++)
		fprintf(f, "\t    %s\n", text);
}

/* A card in minimal mode may never have said who it is. */
static bool identified(const struct card_status *c)
{
	return c->info.product[0];
}

static void print_identity(FILE *f, const struct card_status *c)
{
	const struct fio_ioc_info *i = &c->info;
	const char *pci = strncmp(i->pci_address, "0000:", 5) ? i->pci_address :
			  i->pci_address + 5;

	if (identified(c)) {
		fprintf(f, "\t%s, SN:%s\n", i->product, i->serial);
		fprintf(f, "\t%s, PN:%s\n", i->product, i->part_number);
		fprintf(f, "\tLocated in slot %u %s of %s SN:%s\n", i->slot_index,
			i->slot_name, i->adapter_name, i->adapter_serial);
	}
	if (c->has_health)
		fprintf(f, "\tPowerloss protection: %s\n", fio_plp_text(c->health.plp));
	fprintf(f, "\tPCI:%s", pci);
	if (i->pci_slot != FIO_NO_VALUE)
		fprintf(f, ", Slot Number:%u", i->pci_slot);
	fprintf(f, "\n\tVendor:%04x, Device:%04x, Sub vendor:%04x, Sub device:%04x\n",
		i->pci_vendor, i->pci_device, i->pci_subvendor, i->pci_subdevice);
	if (identified(c))
		fprintf(f, "\tFirmware v%u.%u.%u, rev %u %s\n", i->fw_version[0],
			i->fw_version[1], i->fw_version[2], i->fw_revision,
			i->fw_version[3] ? "Internal" : "Public");
}

static void print_format(FILE *f, const struct card_status *c)
{
	if (identified(c))
		fprintf(f, "\t%.2f GBytes device size\n", gbytes(c));
	if (c->unit.attached)
		fprintf(f, "\tFormat: v%u, %llu sectors of %u bytes\n",
			c->unit.format_version, (unsigned long long)c->unit.blocks,
			c->unit.lba_bytes);
}

static void print_link(FILE *f, const struct card_status *c)
{
	char a[24];

	if (c->has_health)
		fprintf(f, "\tPCIe slot available power: %s\n",
			status_milli(a, sizeof(a), c->health.slot_power_mw, "W"));
	fprintf(f, "\tPCIe negotiated link: %u lane%s at %.1f Gt/sec each, %.2f MBytes/sec total\n",
		c->info.link_width, c->info.link_width == 1 ? "" : "s",
		c->info.link_mtps / 1000.0, status_link_bytes(&c->info) / 1e6);
}

static void print_temperature(FILE *f, const char *name, int mc, int max_mc)
{
	if (mc == -1)
		return;
	fprintf(f, "\t%s temperature: %.2f degC", name, mc / 1000.0);
	if (max_mc != -1)
		fprintf(f, ", max %.2f degC", max_mc / 1000.0);
	fputc('\n', f);
}

static void print_sensors(FILE *f, const struct fio_ioc_health *h)
{
	char a[24], b[24];

	print_temperature(f, "Internal", h->temp_mc, h->temp_max_mc);
	print_temperature(f, "Board", h->board_temp_mc, -1);
	fprintf(f, "\tInternal voltage: avg %s, max %s\n",
		status_milli(a, sizeof(a), h->vccint_mv, "V"),
		status_milli(b, sizeof(b), h->vccint_max_mv, "V"));
	fprintf(f, "\tAux voltage: avg %s, max %s\n",
		status_milli(a, sizeof(a), h->vccaux_mv, "V"),
		status_milli(b, sizeof(b), h->vccaux_max_mv, "V"));
}

static void print_wear(FILE *f, const struct card_status *c)
{
	const struct fio_ioc_health *h = &c->health;
	unsigned int left = status_pbw_left(c);

	fprintf(f, "\tReserve space status: %s; ",
		fio_reserve_text(h->reserve_permyriad, h->reserve_warn_permyriad,
				 c->unit.attached && c->unit.read_only));
	if (h->reserve_permyriad == FIO_NO_VALUE)
		fprintf(f, "Reserves: unavailable\n");
	else
		fprintf(f, "Reserves: %.2f%%, warn at %.2f%%\n",
			h->reserve_permyriad / 100.0, h->reserve_warn_permyriad / 100.0);
	if (c->unit.attached && c->unit.health)
		fprintf(f, "\tMedia status: %s: %s\n", fio_health_text(c->unit.health),
			c->unit.health_text);
	if (h->active_media_permyriad == FIO_NO_VALUE)
		fprintf(f, "\tActive media: unavailable\n");
	else
		fprintf(f, "\tActive media: %.2f%%\n", h->active_media_permyriad / 100.0);
	if (left != FIO_NO_VALUE)
		fprintf(f, "\tRated PBW: %.2f PB, %.2f%% remaining\n",
			c->info.rated_bytes / 1e15, left / 100.0);
}

static void print_volumes(FILE *f, const struct card_status *c)
{
	char a[32];

	if (!c->has_health)
		return;
	fprintf(f, "\tLifetime data volumes:\n");
	fprintf(f, "\t   Physical bytes written: %s\n",
		fio_commas(c->health.bytes_written, a));
	fprintf(f, "\t   Physical bytes read   : %s\n",
		fio_commas(c->health.bytes_read, a));
}

static void print_ram_kind(FILE *f, const char *name, unsigned long long now,
			   unsigned long long peak)
{
	char a[32], b[32];

	if (now || peak)
		fprintf(f, "\t   %-8s %s bytes, peak %s\n", name, fio_commas(now, a),
			fio_commas(peak, b));
}

/* A driver of an older version does not say: then all are zero. */
static void print_ram_kinds(FILE *f, const struct fio_ioc_unit *u)
{
	print_ram_kind(f, "Map:", u->ram_map, u->ram_map_peak);
	print_ram_kind(f, "Core:", u->ram_core, u->ram_core_peak);
	print_ram_kind(f, "Buffers:", u->ram_buffers, u->ram_buffers_peak);
	print_ram_kind(f, "Scan:", u->ram_scan, u->ram_scan_peak);
	print_ram_kind(f, "Rings:", u->ram_rings, u->ram_rings);
	if (u->preallocated == 1)
		fprintf(f, "\t   Preallocated: no more is needed while attached\n");
}

static void print_ram(FILE *f, const struct card_status *c)
{
	char a[32];

	if (!c->unit.attached)
		return;
	fprintf(f, "\tRAM usage:\n");
	fprintf(f, "\t   Current: %s bytes\n", fio_commas(c->unit.ram_current, a));
	fprintf(f, "\t   Peak   : %s bytes\n", fio_commas(c->unit.ram_peak, a));
	print_ram_kinds(f, &c->unit);
}

static void print_contained(FILE *f, const struct card_status *c, bool all)
{
	char uuid[37];

	if (!c->unit.attached)
		return;
	fprintf(f, "\tContained VSUs:\n");
	fprintf(f, "\t  %s:\tID:0, UUID:%s\n", c->info.disk_name,
		status_uuid(uuid, c->unit.uuid));
	fprintf(f, "\n%s\tState: %s, Type: block device\n", c->info.disk_name,
		c->unit.read_only ? "Online (read-only)" : "Online");
	fprintf(f, "\tID:0, UUID:%s\n", uuid);
	fprintf(f, "\t%.2f GBytes device size\n", gbytes(c));
	if (!all)
		return;
	fprintf(f, "\tFormat: %llu sectors of %u bytes\n",
		(unsigned long long)c->unit.blocks, c->unit.lba_bytes);
	fprintf(f, "\tParity: %s\n", c->unit.parity ? "yes" : "no");
}

static void print_state(FILE *f, const struct card_status *c)
{
	fprintf(f, "\n%s\t%s", c->dev.name, fio_state_text(c->info.state));
	if (c->info.reason != FIO_REASON_NONE && c->info.reason != FIO_REASON_USER)
		fprintf(f, " (%s)", fio_reason_text(c->info.reason));
	fputc('\n', f);
}

static void print_card(FILE *f, const struct card_status *c, enum status_detail d)
{
	if (c->err) {
		fprintf(f, "\n%s\tUnknown: %s\n", c->dev.name, fio_dev_strerror(c->err));
		return;
	}
	print_state(f, c);
	print_problems(f, c);
	if (d == STATUS_ERRORS)
		return;
	print_identity(f, c);
	print_format(f, c);
	if (d == STATUS_ALL)
		print_link(f, c);
	if (c->has_health && d == STATUS_ALL)
		print_sensors(f, &c->health);
	else if (c->has_health)
		print_temperature(f, "Internal", c->health.temp_mc, c->health.temp_max_mc);
	if (c->has_health)
		print_wear(f, c);
	if (d == STATUS_ALL || d == STATUS_VOLUMES)
		print_volumes(f, c);
	if (d == STATUS_ALL)
		print_ram(f, c);
	print_contained(f, c, d == STATUS_ALL);
}

void status_print_text(FILE *f, const struct machine_status *m, enum status_detail d)
{
	if (d != STATUS_ERRORS)
		print_header(f, m, d);
	for (int i = 0; i < m->cards && d != STATUS_ERRORS; i++)
		if (first_of_adapter(m, i))
			print_adapter(f, m, i);
	for (int i = 0; i < m->cards; i++)
		if (d != STATUS_ERRORS || m->card[i].err || status_problem(&m->card[i], 0))
			print_card(f, &m->card[i], d);
	if (d != STATUS_ERRORS)
		fputc('\n', f);
}
