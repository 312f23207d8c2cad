// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command line of fio-vcard. One table holds name, argument and help of
 * each option, so that the help cannot miss one; the manual page is checked
 * against --help by the unit test.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <fio/hw_regs.h>

#include "vcard/vfio-user/options.h"

#define GIB BIT_ULL(30)
#define MIN_SIZE GIB
#define MAX_SIZE (1024 * GIB)
#define UNIT_BYTES 4096

enum opt {
	OPT_SOCKET = 1, OPT_STATE, OPT_SIZE, OPT_DIES, OPT_QUEUES, OPT_IRQ, OPT_PLP,
	OPT_TIMING, OPT_BAD_BLOCKS, OPT_FAULT, OPT_SERIAL, OPT_SEED, OPT_IF_VERSION,
	OPT_JSON, OPT_HELP, OPT_VERSION,
};

static const struct {
	enum opt opt;
	const char *name;
	const char *arg;
	const char *help;
} opts[] = {
	{ OPT_SOCKET, "socket", "PATH", "listen for QEMU there; PATH.ctl is the control socket" },
	{ OPT_STATE, "state", "FILE", "the card's state, a sparse file; created if missing" },
	{ OPT_SIZE, "size", "SIZE", "capacity, 1G to 1T; needed for a new state file" },
	{ OPT_DIES, "dies", "N", "flash dies, 1 to 256 (default: by capacity)" },
	{ OPT_QUEUES, "queues", "N", "queue pairs, 1 to 8 (default: 8)" },
	{ OPT_IRQ, "irq", "KIND", "interrupts: msix (default) or msi" },
	{ OPT_PLP, "plp", "STATE", "power-loss protection: ok (default), failed or none" },
	{ OPT_TIMING, "timing", "PROFILE",
	  "time of flash operations: none (default), slc or mlc" },
	{ OPT_BAD_BLOCKS, "bad-blocks", "PERMILLE",
	  "blocks bad from the factory, 0 to 100 (default: 0)" },
	{ OPT_FAULT, "fault", "COMMAND", "execute a control command at start; may be repeated" },
	{ OPT_SERIAL, "serial", "TEXT",
	  "serial number, 1 to 23 characters (default: from the seed)" },
	{ OPT_SEED, "seed", "N", "seed of everything random (default: from the state file)" },
	{ OPT_IF_VERSION, "if-version", "N",
	  "interface major version to announce (default: the driver's)" },
	{ OPT_JSON, "json", NULL, "print events and errors as lines of JSON" },
	{ OPT_HELP, "help", NULL, "print this text" },
	{ OPT_VERSION, "version", NULL, "print the version" },
};

static void print_help(void)
{
	char left[40];
	size_t i;

	printf("usage: fio-vcard --socket PATH --state FILE [--size SIZE] [OPTION]...\n"
	       "\n"
	       "A virtual flash card for QEMU 10.1 or later, spoken to over vfio-user.\n"
	       "\n");
	for (i = 0; i < ARRAY_SIZE(opts); i++) {
		snprintf(left, sizeof(left), "--%s%s%s", opts[i].name,
			 opts[i].arg ? " " : "", opts[i].arg ? opts[i].arg : "");
		printf("  %-22s %s\n", left, opts[i].help);
	}
	printf("\n"
	       "SIZE takes K, M, G or T, powers of 1024. SIGTERM and SIGINT switch the\n"
	       "card off in order; SIGKILL cuts its power.\n"
	       "\n"
	       "exit status: 0 stopped, 1 failed, 2 wrong usage, 3 power cut by a fault\n");
}

static bool usage_error(const char *fmt, ...) __printf(1, 2);

static bool usage_error(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "fio-vcard: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry 'fio-vcard --help'.\n");
	return false;
}

static int suffix_shift(const char *suffix)
{
	static const char letters[] = "KMGT";
	const char *p;

	if (!*suffix)
		return 0;
	p = strchr(letters, *suffix);
	if (!p || (suffix[1] && strcmp(suffix + 1, "iB")))
		return -EINVAL;
	return 10 * (p - letters + 1);
}

/* Decimal digits only: strtoull() would take signs and spaces. */
static int parse_digits(const char *text, char **end, u64 *value)
{
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, end, 10);
	return errno ? -ERANGE : 0;
}

int vfu_parse_size(const char *text, u64 *bytes)
{
	char *end;
	int err = parse_digits(text, &end, bytes);
	int shift;

	if (err)
		return err;
	shift = suffix_shift(end);
	if (shift < 0)
		return shift;
	if (*bytes > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes <<= shift;
	return 0;
}

static bool set_size(u64 *bytes, const char *text)
{
	int err = vfu_parse_size(text, bytes);

	if (err == -EINVAL)
		return usage_error("--size %s: not a size; write a number and K, M, G or T",
				   text);
	if (err || *bytes < MIN_SIZE || *bytes > MAX_SIZE)
		return usage_error("--size %s: a card has between 1G and 1T", text);
	if (*bytes % UNIT_BYTES)
		return usage_error("--size %s: not a multiple of %u bytes", text, UNIT_BYTES);
	return true;
}

static bool set_number(const char *name, const char *text, u64 lo, u64 hi, u64 *out)
{
	char *end;

	if (parse_digits(text, &end, out) || *end || *out < lo || *out > hi)
		return usage_error("--%s %s: not a number from %llu to %llu", name, text,
				   (unsigned long long)lo, (unsigned long long)hi);
	return true;
}

static bool set_u32(const char *name, const char *text, u32 lo, u32 hi, u32 *out)
{
	u64 value;

	if (!set_number(name, text, lo, hi, &value))
		return false;
	*out = value;
	return true;
}

struct word {
	const char *word;
	int value;
};

static const struct word irq_words[] = {
	{ "msix", VCARD_IRQ_MSIX }, { "msi", VCARD_IRQ_MSI }, { NULL, 0 },
};

static const struct word plp_words[] = {
	{ "ok", FIO_PLP_OK }, { "failed", FIO_PLP_FAILED }, { "none", FIO_PLP_NONE },
	{ NULL, 0 },
};

static const struct word timing_words[] = {
	{ "none", NAND_TIMING_NONE }, { "slc", NAND_TIMING_SLC },
	{ "mlc", NAND_TIMING_MLC }, { NULL, 0 },
};

static bool find_word(const char *name, const char *text, const struct word *w, int *value)
{
	char known[64] = "";
	const struct word *p;

	for (p = w; p->word; p++) {
		if (!strcmp(p->word, text)) {
			*value = p->value;
			return true;
		}
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
			 p == w ? "" : ", ", p->word);
	}
	return usage_error("--%s %s: known are %s", name, text, known);
}

static bool set_serial(struct vfu_options *o, const char *text)
{
	const struct fio_mb_identify *id = NULL;
	size_t i, len = strlen(text);

	for (i = 0; i < len; i++)
		if (text[i] < 0x21 || text[i] > 0x7e)
			len = 0;
	if (!len || len >= sizeof(id->serial))
		return usage_error("--serial '%s': 1 to %zu printable characters without blanks",
				   text, sizeof(id->serial) - 1);
	o->card.serial = text;
	return true;
}

static bool add_fault(struct vfu_options *o, const char *text)
{
	if (o->nfaults == VFU_MAX_FAULTS)
		return usage_error("more than %u --fault options", VFU_MAX_FAULTS);
	o->faults[o->nfaults++] = text;
	return true;
}

static bool set_word_option(struct vfu_options *o, enum opt opt, const char *arg)
{
	int value;

	switch (opt) {
	case OPT_IRQ:
		if (!find_word("irq", arg, irq_words, &value))
			return false;
		o->card.irq_mode = value;
		return true;
	case OPT_PLP:
		if (!find_word("plp", arg, plp_words, &value))
			return false;
		o->card.plp = value;
		return true;
	default:
		if (!find_word("timing", arg, timing_words, &value))
			return false;
		o->card.timing = value;
		return true;
	}
}

static bool set_option(struct vfu_options *o, enum opt opt, const char *arg)
{
	switch (opt) {
	case OPT_SOCKET:
		o->socket = arg;
		return true;
	case OPT_STATE:
		o->card.state_path = arg;
		return true;
	case OPT_SIZE:
		return set_size(&o->card.user_bytes, arg);
	case OPT_DIES:
		return set_u32("dies", arg, 1, 256, &o->card.dies);
	case OPT_QUEUES:
		return set_u32("queues", arg, 1, 8, &o->card.queues);
	case OPT_BAD_BLOCKS:
		return set_u32("bad-blocks", arg, 0, 100, &o->card.factory_bad_permille);
	case OPT_FAULT:
		return add_fault(o, arg);
	case OPT_SERIAL:
		return set_serial(o, arg);
	case OPT_SEED:
		return set_number("seed", arg, 1, UINT64_MAX, &o->card.seed);
	case OPT_IF_VERSION:
		return set_u32("if-version", arg, 1, UINT16_MAX, &o->card.if_major);
	case OPT_JSON:
		o->json = true;
		return true;
	default:
		return set_word_option(o, opt, arg);
	}
}

static void set_defaults(struct vfu_options *o)
{
	memset(o, 0, sizeof(*o));
	o->card.spare_percent = 28;
	o->card.queues = 8;
	o->card.irq_mode = VCARD_IRQ_MSIX;
	o->card.plp = FIO_PLP_OK;
	o->card.timing = NAND_TIMING_NONE;
	o->card.if_major = FIO_IF_MAJOR;
}

/* What getopt_long() wants, from the one table. */
static void fill_long_options(struct option *lo)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(opts); i++)
		lo[i] = (struct option){
			.name = opts[i].name,
			.has_arg = opts[i].arg ? required_argument : no_argument,
			.val = opts[i].opt,
		};
	memset(&lo[i], 0, sizeof(lo[i]));
}

static bool check_complete(const struct vfu_options *o, int argc, char **argv)
{
	if (optind < argc)
		return usage_error("unexpected argument '%s'", argv[optind]);
	if (!o->socket || !*o->socket)
		return usage_error("--socket PATH is missing");
	if (!o->card.state_path || !*o->card.state_path)
		return usage_error("--state FILE is missing");
	return true;
}

bool vfu_parse_options(int argc, char **argv, struct vfu_options *o, int *exit_status)
{
	struct option lo[ARRAY_SIZE(opts) + 1];
	int opt;

	fill_long_options(lo);
	set_defaults(o);
	*exit_status = VFU_EXIT_USAGE;
	while ((opt = getopt_long(argc, argv, "", lo, NULL)) != -1) {
		if (opt == OPT_HELP || opt == OPT_VERSION) {
			if (opt == OPT_HELP)
				print_help();
			else
				printf("fio-vcard %s\n", FIO_VERSION);
			*exit_status = VFU_EXIT_OK;
			return false;
		}
		if (opt == '?')
			return usage_error("wrong usage");
		if (!set_option(o, opt, optarg))
			return false;
	}
	return check_complete(o, argc, argv);
}
