// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-ftl's command line: one table of commands, their options and their help.
 *
 * Owns: parsing, opening the image for a command. Does not know: what commands do.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "utils/fio-ftl/fio-ftl.h"

/* Options; a command takes those whose letters are in its table row. */
#define COMMON_HELP \
	"  -q, --quiet           nothing but errors\n" \
	"  -Q, --quiet-progress  no progress\n" \
	"  -h, --help            this text\n" \
	"  -v, --version         version\n"

static const struct command {
	const char *name;
	int (*run)(struct source *s, const struct options *o);
	const char *letters;
	int operands;		/* behind the image */
	const char *help;
} commands[] = {
	{ "check", cmd_check, "js", 0,
	  "Usage: fio-ftl check [options] <image>\n"
	  "Verify the invariants of the media format on the state that the driver would\n"
	  "recover, and that state against everything that lies on the flash.\n\n"
	  "  -s, --scan            recover by scanning even when the superblock is clean\n"
	  "  -j, --json            the answer as JSON\n"
	  COMMON_HELP
	  "\nExit codes: 0 all hold, 1 the check failed, 2 wrong usage, 4 problems found.\n" },
	{ "dump", cmd_dump, "jsua", 0,
	  "Usage: fio-ftl dump [options] <image>\n"
	  "Show geometry, superblocks, stripes, map pages and the journal; or one unit; or\n"
	  "the page tags of one append unit.\n\n"
	  "  -u, --unit N          one unit: where it is, its tag, its content\n"
	  "  -a, --au DIE:NUMBER   one append unit: the tags of its pages\n"
	  "  -s, --scan            recover by scanning even when the superblock is clean\n"
	  "  -j, --json            the answer as JSON\n"
	  COMMON_HELP
	  "\nExit codes: 0 shown, 1 failed, 2 wrong usage, 4 only part could be shown.\n" },
	{ "explain", cmd_explain, "j", 1,
	  "Usage: fio-ftl explain [options] <image> <block>\n"
	  "Show every version of a logical block that is on the flash, trims included, and\n"
	  "why the one that counts does.\n\n"
	  "  -j, --json            the answer as JSON\n"
	  COMMON_HELP
	  "\nExit codes: 0 shown, 1 failed, 2 wrong usage.\n" },
	{ "export", cmd_export, "srfm", 1,
	  "Usage: fio-ftl export [options] <image> <file>|-\n"
	  "Write the logical contents to a new sparse file, or to standard output. Blocks\n"
	  "that cannot be read are left as holes.\n\n"
	  "  -m, --map FILE        list what was read and what was not (ddrescue map file)\n"
	  "  -s, --scan            find data by scanning, not by the checkpoint\n"
	  "  -r, --raw             find data without superblock and checks: when nothing else\n"
	  "                        works\n"
	  "  -f, --force           overwrite files that exist\n"
	  COMMON_HELP
	  "\nExit codes: 0 all was read, 1 failed, 2 wrong usage, 4 some blocks are lost.\n" },
};

static const struct command *current;

static void usage(FILE *f)
{
	if (current) {
		fputs(current->help, f);
		return;
	}
	fputs("Usage: fio-ftl <command> [options] <image> ...\n"
	      "Examine a flash card or rescue its contents. <image> is the state file of a\n"
	      "virtual card that is switched off, or /dev/fctN of a card that is detached. It is\n"
	      "only read.\n\n"
	      "  check                 do the contents of the flash hold together\n"
	      "  dump                  superblocks, stripes, map pages, journal, single pages\n"
	      "  explain               the history of one logical block\n"
	      "  export                the logical contents, as much as can be had\n\n"
	      "'fio-ftl <command> --help' explains a command.\n", f);
}

static int parse_u64(const char *text, u64 *v)
{
	char *end;

	errno = 0;
	*v = strtoull(text, &end, 0);
	return errno || end == text || *end || *text == '-' ? -EINVAL : 0;
}

static bool parse_unit(struct options *o, const char *text)
{
	u64 v;

	if (parse_u64(text, &v) || v >= FIO_UNIT_NONE) {
		fio_error("'%s' is not the number of a unit", text);
		return false;
	}
	o->unit = (u32)v;
	return true;
}

static bool parse_au(struct options *o, const char *text)
{
	unsigned int die, au;
	int used = 0;

	if (sscanf(text, "%u:%u%n", &die, &au, &used) != 2 || text[used]) {
		fio_error("'%s' is not an append unit: give die and number, 0:17", text);
		return false;
	}
	o->die = die;
	o->au = au;
	return true;
}

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "scan", no_argument, NULL, 's' },
	{ "raw", no_argument, NULL, 'r' },
	{ "force", no_argument, NULL, 'f' },
	{ "map", required_argument, NULL, 'm' },
	{ "unit", required_argument, NULL, 'u' },
	{ "au", required_argument, NULL, 'a' },
	FIO_COMMON_OPTIONS,
	{ }
};

/* An option of this command; -1: go on, else the exit code. */
static int own_option(int c, struct options *o)
{
	switch (c) {
	case 'j':
		o->json = true;
		break;
	case 's':
		o->scan = true;
		break;
	case 'r':
		o->raw = true;
		break;
	case 'f':
		o->force = true;
		break;
	case 'm':
		o->map = optarg;
		break;
	case 'u':
		return parse_unit(o, optarg) ? -1 : FIO_EXIT_USAGE;
	case 'a':
		return parse_au(o, optarg) ? -1 : FIO_EXIT_USAGE;
	}
	return -1;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	int c, ret = -1;

	optind = 0;
	while (ret < 0 && (c = getopt_long(argc, argv, "jsrfm:u:a:" FIO_COMMON_LETTERS,
					   long_options, NULL)) != -1) {
		if (c != '?' && strchr(current->letters, c)) {
			ret = own_option(c, o);
		} else if (c != '?' && strchr("jsrfmua", c)) {
			fio_error("'%s' has no option -%c", current->name, c);
			ret = FIO_EXIT_USAGE;
		} else {
			ret = fio_common_option(c, &o->verbosity, usage);
		}
	}
	if (ret < 0 && argc - optind != 1 + current->operands) {
		usage(stderr);
		return FIO_EXIT_USAGE;
	}
	return ret;
}

static int run(char **operands, struct options *o)
{
	struct source s;
	int ret;

	if (current->run == cmd_explain && parse_u64(operands[1], &o->lba)) {
		fio_error("'%s' is not the number of a block", operands[1]);
		return FIO_EXIT_USAGE;
	}
	o->output = operands[1];
	if (!source_open(&s, operands[0], o->json))
		return FIO_EXIT_ERROR;
	ret = current->run(&s, o);
	source_close(&s);
	return ret;
}

static const struct command *find_command(const char *name)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* Help and version without a command. */
static int no_command(const char *arg)
{
	if (!strcmp(arg, "-h") || !strcmp(arg, "--help")) {
		usage(stdout);
		return FIO_EXIT_OK;
	}
	if (!strcmp(arg, "-v") || !strcmp(arg, "--version")) {
		fio_version();
		return FIO_EXIT_OK;
	}
	fio_error("'%s' is not a command", arg);
	usage(stderr);
	return FIO_EXIT_USAGE;
}

int fio_ftl_main(int argc, char **argv)
{
	struct options o = {
		.verbosity = isatty(STDERR_FILENO) ? FIO_PROGRESS : FIO_NO_PROGRESS,
		.unit = FIO_UNIT_NONE, .die = -1,
	};
	int ret;

	fio_progname = "fio-ftl";
	current = NULL;
	if (argc < 2) {
		usage(stderr);
		return FIO_EXIT_USAGE;
	}
	current = find_command(argv[1]);
	if (!current)
		return no_command(argv[1]);
	ret = parse_options(argc - 1, argv + 1, &o);
	return ret >= 0 ? ret : run(argv + 1 + optind, &o);
}
