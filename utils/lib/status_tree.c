// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-status for programs: a tree of strings, as JSON or XML, and single fields.
 *
 * The shape (adapter, iomemory, vsu) and the field names that public consumers of
 * the vendor's tool use are kept; so is that every value is a string. "version" is
 * that of this tree and grows when a field changes its meaning.
 */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/decode/decode.h"
#include "status.h"

#define TREE_VERSION "1"

struct scope {
	struct json_object *obj;
	bool unavailable;
};

static void __attribute__((__format__(__printf__, 3, 4)))
put(struct scope *s, const char *name, const char *fmt, ...)
{
	char buf[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	json_object_object_add(s->obj, name, json_object_new_string(buf));
}

static void put_missing(struct scope *s, const char *name)
{
	if (s->unavailable)
		put(s, name, "unavailable");
}

static void put_u32(struct scope *s, const char *name, unsigned int v)
{
	if (v == FIO_NO_VALUE)
		put_missing(s, name);
	else
		put(s, name, "%u", v);
}

static void put_u64(struct scope *s, const char *name, unsigned long long v)
{
	if (v == FIO_NO_VALUE64)
		put_missing(s, name);
	else
		put(s, name, "%llu", v);
}

static void put_milli(struct scope *s, const char *name, unsigned int v)
{
	if (v == FIO_NO_VALUE)
		put_missing(s, name);
	else
		put(s, name, "%.3f", v / 1000.0);
}

static void put_temp(struct scope *s, const char *name, int mc)
{
	if (mc == -1)
		put_missing(s, name);
	else
		put(s, name, "%.2f", mc / 1000.0);
}

static void put_percent(struct scope *s, const char *name, unsigned int permyriad)
{
	if (permyriad == FIO_NO_VALUE)
		put_missing(s, name);
	else
		put(s, name, "%.2f", permyriad / 100.0);
}

static void put_identity(struct scope *s, const struct card_status *c)
{
	const struct fio_ioc_info *i = &c->info;

	put(s, "ctrl_dev_path", "%s", c->dev.path);
	put(s, "state", "%s", fio_state_name(i->state));
	put(s, "state_text", "%s", fio_state_text(i->state));
	put(s, "reason", "%s", fio_reason_text(i->reason));
	put(s, "product", "%s", i->product);
	put(s, "serial_number", "%s", i->serial);
	put(s, "part_number", "%s", i->part_number);
	put(s, "slot_index", "%u", i->slot_index);
	put(s, "slot_name", "%s", i->slot_name);
	put(s, "pci_addr", "%s", i->pci_address);
	put_u32(s, "pci_slot_number", i->pci_slot);
	put(s, "vendor_id", "%04x", i->pci_vendor);
	put(s, "device_id", "%04x", i->pci_device);
	put(s, "subvendor_id", "%04x", i->pci_subvendor);
	put(s, "subdevice_id", "%04x", i->pci_subdevice);
	put(s, "firmware_version", "%u.%u.%u", i->fw_version[0], i->fw_version[1],
	    i->fw_version[2]);
	put(s, "firmware_revision", "%u", i->fw_revision);
	put(s, "interface_version", "%u.%u", i->interface_version >> 16,
	    i->interface_version & 0xffff);
	put(s, "pcie_link_lanes", "%u", i->link_width);
	put(s, "pcie_link_gt_per_sec", "%.1f", i->link_mtps / 1000.0);
	put(s, "pcie_link_bandwidth_bytes_per_sec", "%.0f", status_link_bytes(i));
	put(s, "irq_vectors", "%u", i->irq_vectors);
	put(s, "queues", "%u", i->queues);
	put(s, "numa_node", "%d", i->numa_node);
	put(s, "size_bytes", "%llu", (unsigned long long)i->advertised_bytes);
	put(s, "raw_bytes", "%llu", (unsigned long long)i->raw_bytes);
}

static void put_sensors(struct scope *s, const struct fio_ioc_health *h)
{
	put(s, "powerloss_protection", "%s", fio_plp_text(h->plp));
	put_temp(s, "temp_internal_deg_c", h->temp_mc);
	put_temp(s, "temp_internal_max_deg_c", h->temp_max_mc);
	put_temp(s, "temp_board_deg_c", h->board_temp_mc);
	put_milli(s, "voltage_internal_v", h->vccint_mv);
	put_milli(s, "voltage_internal_max_v", h->vccint_max_mv);
	put_milli(s, "voltage_aux_v", h->vccaux_mv);
	put_milli(s, "voltage_aux_max_v", h->vccaux_max_mv);
	put_milli(s, "slot_power_available_w", h->slot_power_mw);
	put_u32(s, "throttle_level", h->throttle);
	put_u32(s, "beacon", h->beacon);
	put_u64(s, "power_on_seconds", h->power_on_seconds);
	put_u32(s, "power_cycles", h->power_cycles);
	put_u32(s, "unsafe_shutdowns", h->unsafe_shutdowns);
}

static void put_errors(struct scope *s, const struct fio_ioc_health *h)
{
	bool any = h->pcie_correctable || h->pcie_nonfatal || h->pcie_fatal;

	put(s, "has_pcie_errors", "%s", any ? "true" : "false");
	put(s, "has_pcie_correctable_errors", "%s", h->pcie_correctable ? "true" : "false");
	put(s, "has_pcie_nonfatal_errors", "%s", h->pcie_nonfatal ? "true" : "false");
	put(s, "has_pcie_fatal_errors", "%s", h->pcie_fatal ? "true" : "false");
	put_u64(s, "corrected_bits", h->corrected_bits);
	put_u64(s, "uncorrectable_reads", h->uncorrectable);
	put_u64(s, "program_fails", h->program_fails);
	put_u64(s, "erase_fails", h->erase_fails);
	put_u32(s, "dies_offline", h->dies_offline);
	put_u32(s, "bad_append_units_factory", h->bad_aus_factory);
	put_u32(s, "bad_append_units_grown", h->bad_aus_grown);
}

static void put_wear(struct scope *s, const struct card_status *c)
{
	const struct fio_ioc_health *h = &c->health;

	put(s, "reserve_status", "%s",
	    fio_reserve_text(h->reserve_permyriad, h->reserve_warn_permyriad,
			     c->unit.attached && c->unit.read_only));
	put_percent(s, "reserve_space_pct", h->reserve_permyriad);
	put_percent(s, "reserve_warn_pct", h->reserve_warn_permyriad);
	put_percent(s, "active_media_pct", h->active_media_permyriad);
	put_u64(s, "rated_write_bytes", c->info.rated_bytes);
	put_percent(s, "rated_writes_remaining_percent", status_pbw_left(c));
	put_u64(s, "physical_bytes_written", h->bytes_written);
	put_u64(s, "physical_bytes_read", h->bytes_read);
	put_u32(s, "erase_count_min", h->erase_min);
	put_u32(s, "erase_count_max", h->erase_max);
}

static void put_media(struct scope *s, const struct fio_ioc_unit *u)
{
	put(s, "media_status", "%s", fio_health_text(u->health));
	put(s, "media_status_reason", "%s", u->health_text[0] ? u->health_text : "none");
	put_u32(s, "stripe_erases_min", u->erase_min);
	put_u32(s, "stripe_erases_max", u->erase_max);
	put_u32(s, "stripe_erases_mean", u->erase_mean);
	put_u32(s, "rated_erases", u->endurance);
	put_u64(s, "stripes_levelled", u->stripes_levelled);
	put_u64(s, "scrub_passes", u->scrub_passes);
	put_u64(s, "scrub_bytes", u->scrub_bytes);
	put_u64(s, "scrub_refreshes", u->scrub_refreshes);
}

static void put_ram(struct scope *s, const struct fio_ioc_unit *u)
{
	put(s, "ram_current_bytes", "%llu", (unsigned long long)u->ram_current);
	put(s, "ram_peak_bytes", "%llu", (unsigned long long)u->ram_peak);
	put_u64(s, "ram_map_bytes", u->ram_map);
	put_u64(s, "ram_map_peak_bytes", u->ram_map_peak);
	put_u64(s, "ram_core_bytes", u->ram_core);
	put_u64(s, "ram_core_peak_bytes", u->ram_core_peak);
	put_u64(s, "ram_buffer_bytes", u->ram_buffers);
	put_u64(s, "ram_buffer_peak_bytes", u->ram_buffers_peak);
	put_u64(s, "ram_scan_bytes", u->ram_scan);
	put_u64(s, "ram_scan_peak_bytes", u->ram_scan_peak);
	put_u64(s, "ram_ring_bytes", u->ram_rings);
	put(s, "ram_preallocated", "%s", u->preallocated == 1 ? "true" : "false");
}

static void put_unit(struct scope *s, const struct fio_ioc_unit *u)
{
	char uuid[37];

	put(s, "format_uuid", "%s", status_uuid(uuid, u->uuid));
	put(s, "format_version", "%u", u->format_version);
	put(s, "format_attach_count", "%llu", (unsigned long long)u->attach_count);
	put(s, "parity", "%s", u->parity == 1 ? "yes" : "no");
	put_ram(s, u);
	put_media(s, u);
	put(s, "user_bytes_written", "%llu", (unsigned long long)u->user_bytes_written);
	put(s, "user_bytes_read", "%llu", (unsigned long long)u->user_bytes_read);
	put(s, "gc_bytes_written", "%llu", (unsigned long long)u->gc_bytes_written);
	put(s, "metadata_bytes_written", "%llu", (unsigned long long)u->meta_bytes_written);
	put_u64(s, "parity_bytes_written", u->parity_bytes_written);
	put_u64(s, "units_rebuilt", u->units_rebuilt);
	put(s, "mapped_bytes", "%llu", (unsigned long long)u->mapped_bytes);
	put(s, "media_errors", "%llu", (unsigned long long)u->media_errors);
	put(s, "attach_was_clean", "%s", u->attach_clean ? "true" : "false");
	put(s, "attach_seconds", "%.3f", u->attach_ns / 1e9);
	put(s, "attach_scan_seconds", "%.3f", u->attach_scan_ns / 1e9);
	put(s, "attach_bytes_read", "%llu", (unsigned long long)u->attach_bytes_read);
	put(s, "attach_units_rewritten", "%llu",
	    (unsigned long long)u->attach_units_rewritten);
}

static void add_vsu(struct scope *s, const struct card_status *c)
{
	struct scope v = { json_object_new_object(), s->unavailable };
	struct json_object *list = json_object_new_array();
	char uuid[37];

	json_object_object_add(s->obj, "vsu", list);
	if (!c->unit.attached) {
		json_object_put(v.obj);
		return;
	}
	put(&v, "device_path", "/dev/%s", c->info.disk_name);
	put(&v, "id", "0");
	put(&v, "state", "online");
	put(&v, "type", "block device");
	put(&v, "uuid", "%s", status_uuid(uuid, c->unit.uuid));
	put(&v, "sector_bytes", "%u", c->unit.lba_bytes);
	put(&v, "sectors", "%llu", (unsigned long long)c->unit.blocks);
	put(&v, "size_bytes", "%llu",
	    (unsigned long long)c->unit.blocks * c->unit.lba_bytes);
	put(&v, "read_only", "%s", c->unit.read_only ? "true" : "false");
	put(&v, "write_cache", "%s", c->unit.volatile_cache ? "volatile" : "none");
	json_object_array_add(list, v.obj);
}

static struct json_object *card_tree(const struct card_status *c, bool unavailable)
{
	struct scope s = { json_object_new_object(), unavailable };
	struct json_object *warnings;
	const char *text;

	if (c->err) {
		put(&s, "ctrl_dev_path", "%s", c->dev.path);
		put(&s, "error", "%s", fio_dev_strerror(c->err));
		return s.obj;
	}
	put_identity(&s, c);
	if (c->has_health) {
		put_sensors(&s, &c->health);
		put_errors(&s, &c->health);
		put_wear(&s, c);
	}
	if (c->unit.attached)
		put_unit(&s, &c->unit);
	warnings = json_object_new_array();
	for (unsigned int i = 0; (text = status_problem(c, i)); i++)
		json_object_array_add(warnings, json_object_new_string(text));
	json_object_object_add(s.obj, "warnings", warnings);
	add_vsu(&s, c);
	return s.obj;
}

static struct json_object *adapter_tree(const struct card_status *c, bool unavailable)
{
	struct scope s = { json_object_new_object(), unavailable };
	const struct fio_ioc_health *h = &c->health;

	put(&s, "adapter_product", "%s", c->info.adapter_product);
	put(&s, "adapter_name", "%s", c->info.adapter_name);
	put(&s, "product_number", "%s", c->info.adapter_product_number);
	put(&s, "part_number", "%s", c->info.adapter_part_number);
	put(&s, "serial_number", "%s", c->info.adapter_serial);
	put(&s, "fio_serial_number", "%s", c->info.adapter_fio_serial);
	if (c->has_health) {
		put(&s, "external_power", "%s",
		    h->external_power == 1 ? "connected" : "not connected");
		put_milli(&s, "bus_voltage_avg_v", h->bus_mv);
		put_milli(&s, "bus_voltage_min_v", h->bus_min_mv);
		put_milli(&s, "bus_voltage_max_v", h->bus_max_mv);
		put_milli(&s, "bus_current_avg_a", h->bus_ma);
		put_milli(&s, "bus_current_max_a", h->bus_max_ma);
		put_milli(&s, "bus_power_avg_w", h->bus_mw);
		put_milli(&s, "bus_power_max_w", h->bus_max_mw);
		put_milli(&s, "power_limit_w", h->power_limit_mw);
		put_milli(&s, "slot_power_available_w", h->slot_power_mw);
	}
	json_object_object_add(s.obj, "iomemory", json_object_new_array());
	return s.obj;
}

/* The adapter of @c in @list, added if it is not there. */
static struct json_object *find_adapter(struct json_object *list,
					const struct card_status *c, bool unavailable)
{
	struct json_object *a, *sn;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		a = json_object_array_get_idx(list, i);
		if (json_object_object_get_ex(a, "serial_number", &sn) &&
		    !strcmp(json_object_get_string(sn), c->info.adapter_serial))
			return a;
	}
	a = adapter_tree(c, unavailable);
	json_object_array_add(list, a);
	return a;
}

static void put_secure(struct scope *s, const struct fio_secure *secure)
{
	if (secure->installed && secure->signer[0])
		put(s, "module_signer", "%s", secure->signer);
	else
		put_missing(s, "module_signer");
	if (secure->loaded)
		put(s, "module_trusted", "%s", secure->trusted ? "true" : "false");
	else
		put_missing(s, "module_trusted");
	if (secure->lockdown[0])
		put(s, "kernel_lockdown", "%s", secure->lockdown);
	else
		put_missing(s, "kernel_lockdown");
	put(s, "signatures_enforced", "%s", secure->enforced ? "true" : "false");
}

struct json_object *status_tree(const struct machine_status *m, bool unavailable)
{
	struct scope root = { json_object_new_object(), unavailable };
	struct json_object *list = json_object_new_array(), *modules;

	put(&root, "version", TREE_VERSION);
	put(&root, "driver_loaded", "%s", m->driver ? "true" : "false");
	if (m->cards && !m->card[0].err) {
		put(&root, "driver_version", "%s", m->card[0].info.driver_version);
		put(&root, "driver_build", "%s", m->card[0].info.driver_build);
	}
	put_secure(&root, &m->secure);
	put(&root, "device_count", "%d", m->cards);
	json_object_object_add(root.obj, "adapter", list);
	for (int i = 0; i < m->cards; i++) {
		struct json_object *a = find_adapter(list, &m->card[i], unavailable);

		json_object_object_get_ex(a, "iomemory", &modules);
		json_object_array_add(modules, card_tree(&m->card[i], unavailable));
	}
	return root.obj;
}

void status_print_json(FILE *f, struct json_object *tree)
{
	int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE;

	fprintf(f, "%s\n", json_object_to_json_string_ext(tree, flags));
}

static void xml_text(FILE *f, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		default:
			fputc(*s, f);
		}
	}
}

static void xml_node(FILE *f, const char *name, struct json_object *o, int depth)
{
	if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			xml_node(f, name, json_object_array_get_idx(o, i), depth);
		return;
	}
	fprintf(f, "%*s<%s>", depth * 2, "", name);
	if (json_object_is_type(o, json_type_object)) {
		fputc('\n', f);
		json_object_object_foreach(o, key, val)
			xml_node(f, key, val, depth + 1);
		fprintf(f, "%*s</%s>\n", depth * 2, "", name);
	} else {
		xml_text(f, json_object_get_string(o));
		fprintf(f, "</%s>\n", name);
	}
}

void status_print_xml(FILE *f, struct json_object *tree)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", f);
	xml_node(f, "fio-status", tree, 0);
}

/* Depth first; lists continue in their elements. */
static const char *find_string(struct json_object *o, const char *name)
{
	const char *found = NULL;

	if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o) && !found; i++)
			found = find_string(json_object_array_get_idx(o, i), name);
	} else if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, key, val) {
			if (!strcmp(key, name) && json_object_is_type(val, json_type_string))
				return json_object_get_string(val);
		}
		json_object_object_foreach(o, key2, val2) {
			(void)key2;
			if (!found)
				found = find_string(val2, name);
		}
	}
	return found;
}

/* The part of the tree that prefix @p of a field name selects. */
static struct json_object *subtree(struct json_object *tree, const char *p)
{
	static const char *const path[] = { "adapter", "iomemory", "vsu" };
	struct json_object *o = tree;
	int depth = !strcmp(p, "adapter") ? 1 : !strcmp(p, "iom") ? 2 :
		    !strcmp(p, "vsu") ? 3 : 0;

	for (int i = 0; i < depth && o; i++) {
		if (!json_object_object_get_ex(o, path[i], &o))
			return NULL;
		o = json_object_array_get_idx(o, 0);
	}
	return o;
}

const char *status_field(struct json_object *tree, const char *name)
{
	const char *dot = strchr(name, '.');
	char prefix[16];

	if (!dot)
		return find_string(tree, name);
	snprintf(prefix, sizeof(prefix), "%.*s", (int)(dot - name), name);
	tree = subtree(tree, prefix);
	return tree ? find_string(tree, dot + 1) : NULL;
}

static void list_level(FILE *f, struct json_object *o, const char *prefix)
{
	if (!o)
		return;
	json_object_object_foreach(o, key, val)
		if (json_object_is_type(val, json_type_string))
			fprintf(f, "%s%s\n", prefix, key);
}

void status_list_fields(FILE *f, struct json_object *tree)
{
	list_level(f, tree, "");
	list_level(f, subtree(tree, "adapter"), "adapter.");
	list_level(f, subtree(tree, "iom"), "iom.");
	list_level(f, subtree(tree, "vsu"), "vsu.");
}
