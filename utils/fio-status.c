// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-status: what cards there are and how they are.
 *
 * Owns: options. Gathering is lib/status.c, the outputs are lib/status_*.c.
 */
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utils/lib/status.h"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_XML };

#define MAX_FIELDS 64

struct options {
	enum status_detail detail;
	enum format format;
	bool count, list_devices, list_fields, unavailable;
	const char *field[MAX_FIELDS];
	int fields;
	const char *device;
};

static void usage(FILE *f)
{
	fputs("Usage: fio-status [options] [<device>]\n"
	      "Show the cards of this system, or one of them.\n\n"
	      "  <device>               control node, /dev/fctN, or disk, /dev/fioX\n"
	      "  -a, --all              everything there is to know\n"
	      "  -c, --count            only the number of cards\n"
	      "  -d, --data-volume      basic information and lifetime data volumes\n"
	      "  -e, --err-warn         only cards with errors or warnings\n"
	      "  -f, --format FORMAT    j: JSON, x: XML, s: text\n"
	      "  -u, --unavailable      with -f: include fields without a value\n"
	      "  -F, --field NAME       only the value of this field; may be repeated; needs\n"
	      "                         a device\n"
	      "  -l, --list-fields      names for -F\n"
	      "  -L, --list-devices     control nodes, one a line\n"
	      "  -h, --help             this text\n"
	      "  -v, --version          version\n\n"
	      "Exit codes: 0 all is well, 1 error, 2 wrong usage, 3 no such device,\n"
	      "4 a card needs attention.\n", f);
}

static int parse_format(const char *s, enum format *format)
{
	if (!strcmp(s, "j") || !strcmp(s, "json"))
		*format = FORMAT_JSON;
	else if (!strcmp(s, "x") || !strcmp(s, "xml"))
		*format = FORMAT_XML;
	else if (!strcmp(s, "s") || !strcmp(s, "text"))
		*format = FORMAT_TEXT;
	else
		return -1;
	return 0;
}

static int print_fields(const struct options *o, struct json_object *tree)
{
	for (int i = 0; i < o->fields; i++) {
		const char *v = status_field(tree, o->field[i]);

		if (!v) {
			fio_error("no field '%s': 'fio-status -l' lists them", o->field[i]);
			return FIO_EXIT_USAGE;
		}
		printf("%s\n", v);
	}
	return FIO_EXIT_OK;
}

static int print_tree(const struct options *o, const struct machine_status *m)
{
	struct json_object *tree = status_tree(m, o->unavailable);
	int ret = FIO_EXIT_OK;

	if (o->fields)
		ret = print_fields(o, tree);
	else if (o->list_fields)
		status_list_fields(stdout, tree);
	else if (o->format == FORMAT_JSON)
		status_print_json(stdout, tree);
	else
		status_print_xml(stdout, tree);
	json_object_put(tree);
	return ret;
}

static void list_devices(const struct machine_status *m)
{
	for (int i = 0; i < m->cards; i++)
		printf("%s\n", m->card[i].dev.path);
}

static int show(const struct options *o)
{
	static struct machine_status m;
	int ret = status_gather(&m, o->device);

	if (ret)
		return ret;
	if (o->count) {
		printf("%d\n", m.cards);
		return FIO_EXIT_OK;
	}
	if (o->list_devices) {
		list_devices(&m);
		return FIO_EXIT_OK;
	}
	if (o->fields || o->list_fields || o->format != FORMAT_TEXT)
		ret = print_tree(o, &m);
	else
		status_print_text(stdout, &m, o->detail);
	if (!ret && !m.cards)
		ret = FIO_EXIT_NODEV;
	return !ret && status_degraded(&m) ? FIO_EXIT_DEGRADED : ret;
}

static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "count", no_argument, NULL, 'c' },
	{ "data-volume", no_argument, NULL, 'd' },
	{ "err-warn", no_argument, NULL, 'e' },
	{ "format", required_argument, NULL, 'f' },
	{ "unavailable", no_argument, NULL, 'u' },
	{ "field", required_argument, NULL, 'F' },
	{ "list-fields", no_argument, NULL, 'l' },
	{ "list-devices", no_argument, NULL, 'L' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ }
};

static int bad_usage(const char *why, const char *what)
{
	fio_error("%s%s%s", why, what ? ": " : "", what ? what : "");
	usage(stderr);
	return FIO_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct options o = { .detail = STATUS_BASIC };
	int c;

	fio_progname = "fio-status";
	while ((c = getopt_long(argc, argv, "acdef:uF:lLhv", long_options, NULL)) != -1) {
		switch (c) {
		case 'a':
			o.detail = STATUS_ALL;
			break;
		case 'c':
			o.count = true;
			break;
		case 'd':
			o.detail = STATUS_VOLUMES;
			break;
		case 'e':
			o.detail = STATUS_ERRORS;
			break;
		case 'f':
			if (parse_format(optarg, &o.format))
				return bad_usage("unknown format", optarg);
			break;
		case 'u':
			o.unavailable = true;
			break;
		case 'F':
			if (o.fields == MAX_FIELDS)
				return bad_usage("too many fields", NULL);
			o.field[o.fields++] = optarg;
			break;
		case 'l':
			o.list_fields = true;
			break;
		case 'L':
			o.list_devices = true;
			break;
		case 'h':
			usage(stdout);
			return FIO_EXIT_OK;
		case 'v':
			fio_version();
			return FIO_EXIT_OK;
		default:
			usage(stderr);
			return FIO_EXIT_USAGE;
		}
	}
	if (argc - optind > 1)
		return bad_usage("more than one device", argv[optind + 1]);
	o.device = argv[optind];
	if (o.fields && !o.device)
		return bad_usage("--field needs a device", NULL);
	return show(&o);
}
