// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-format: erase a card and lay down an empty format.
 *
 * Owns: options, what is asked before data is destroyed, messages. Limits of
 * sizes are the driver's; only what no card can do is refused here.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/decode/decode.h"
#include "utils/lib/capacity.h"
#include "utils/lib/sys.h"

#define PARITY	256	/* an option without a letter */

struct options {
	enum fio_verbosity verbosity;
	bool yes;
	unsigned int lba_bytes;
	struct fio_capacity_wish wish;
};

static void usage(FILE *f)
{
	fputs("Usage: fio-format [options] <device>...\n"
	      "Format a detached card. ALL DATA ON IT IS DESTROYED.\n\n"
	      "  <device>              control node of the card, /dev/fctN\n"
	      "  -b, --block-size N    logical block: 512 or 4096 (also 4K), default 4096\n"
	      "  -s, --device-size N   capacity: bytes with suffix B, K, M, G, T or P (powers\n"
	      "                        of ten), or a percentage of the advertised capacity,\n"
	      "                        80%; default 100%\n"
	      "  -o, --overformat N    likewise, and more than advertised: from the spare, at\n"
	      "                        the price of endurance and speed\n"
	      "  -p, --over-provisioning N  flash beyond the capacity, in per cent of it, 28%:\n"
	      "                        more is faster under random writes, and wears less\n"
	      "      --parity on|off|default  survive the loss of any die, for one die's worth\n"
	      "                        of the flash; by default where there are at least 4\n"
	      "                        dies and the capacity leaves room for it\n"
	      "  -y, --yes             do not ask\n"
	      "  -q, --quiet           print nothing but errors\n"
	      "  -Q, --quiet-progress  no progress, only the result\n"
	      "  -h, --help            this text\n"
	      "  -v, --version         version\n\n"
	      "Exit codes: 0 formatted, 1 failed, 2 wrong usage, 3 no such device.\n", f);
}

/* 512, 4096, with B for bytes or K for 1024 (a block size is binary). */
static int parse_block_size(const char *s, unsigned int *bytes)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	if (end == s)
		return -EINVAL;
	if (!strcmp(end, "K") || !strcmp(end, "k"))
		v *= 1024;
	else if (*end && strcmp(end, "B") && strcmp(end, "b"))
		return -EINVAL;
	if (v != 512 && v != 4096)
		return -EINVAL;
	*bytes = v;
	return 0;
}

static int check_state(const struct fio_dev *dev, const struct fio_ioc_info *info)
{
	switch (info->state) {
	case FIO_CARD_DETACHED:
		return FIO_EXIT_OK;
	case FIO_CARD_LIVE:
		fio_error("%s: attached as /dev/%s: run 'fio-detach %s' first",
			  dev->path, info->disk_name, dev->path);
		return FIO_EXIT_ERROR;
	case FIO_CARD_MINIMAL:
		fio_error("%s: in minimal mode (%s): it cannot be formatted",
			  dev->path, fio_reason_text(info->reason));
		return FIO_EXIT_ERROR;
	}
	fio_error("%s: state is '%s': a card must be detached to be formatted",
		  dev->path, fio_state_text(info->state));
	return FIO_EXIT_ERROR;
}

static bool confirmed(const struct fio_dev *dev, const struct fio_ioc_info *info,
		      const struct fio_capacity_limits *card,
		      const struct fio_ioc_format *req, const struct options *o)
{
	static const char *const parity[] = {
		[FIO_PARITY_DEFAULT] = "", [FIO_PARITY_OFF] = ", no parity",
		[FIO_PARITY_ON] = ", parity",
	};
	unsigned long long bytes = req->user_bytes ? req->user_bytes : card->advertised;
	char q[200];

	snprintf(q, sizeof(q),
		 "%s (SN %.24s): format to %.2f GBytes, %.0f%% over-provisioning, %u-byte blocks%s; ALL DATA WILL BE LOST. Continue",
		 dev->path, info->serial, bytes / 1e9, fio_spare_percent(card, bytes),
		 req->lba_bytes, parity[req->parity]);
	return o->yes || fio_yes_no(q);
}

static int run_format(const struct fio_dev *dev, struct fio_ioc_format *req,
		      enum fio_verbosity v)
{
	struct fio_ioc_progress p;
	int err = fio_sys->ioctl(dev->fd, FIO_IOC_FORMAT, req);

	if (!err)
		err = fio_dev_wait(dev, "Formatting", v, &p);
	if (err) {
		fio_error("%s: format failed: %s", dev->path, fio_dev_strerror(err));
		return FIO_EXIT_ERROR;
	}
	if (v != FIO_QUIET)
		printf("%s: formatted; 'fio-attach %s' makes the disk available\n",
		       dev->path, dev->path);
	return FIO_EXIT_OK;
}

static int format(const char *arg, void *ctx)
{
	const struct options *o = ctx;
	struct fio_ioc_format req = {
		.size = sizeof(req), .lba_bytes = o->lba_bytes, .parity = o->wish.parity,
	};
	struct fio_capacity_limits card;
	struct fio_ioc_info info;
	struct fio_dev dev;
	int ret = fio_dev_open(arg, &dev), err;

	if (ret)
		return ret;
	err = fio_get_info(dev.fd, &info);
	if (err) {
		fio_error("%s: cannot ask the card: %s", dev.path, fio_dev_strerror(err));
		ret = FIO_EXIT_ERROR;
	}
	if (!ret)
		ret = check_state(&dev, &info);
	if (!ret)
		ret = fio_ask_capacity(&dev, &info, &o->wish, &card, &req.user_bytes);
	if (!ret && !confirmed(&dev, &info, &card, &req, o)) {
		fio_error("%s: not formatted: not confirmed", dev.path);
		ret = FIO_EXIT_ERROR;
	}
	if (!ret)
		ret = run_format(&dev, &req, o->verbosity);
	fio_dev_close(&dev);
	return ret;
}

static const struct option long_options[] = {
	{ "block-size", required_argument, NULL, 'b' },
	{ "device-size", required_argument, NULL, 's' },
	{ "overformat", required_argument, NULL, 'o' },
	{ "over-provisioning", required_argument, NULL, 'p' },
	{ "parity", required_argument, NULL, PARITY },
	{ "yes", no_argument, NULL, 'y' },
	FIO_COMMON_OPTIONS,
	{ }
};

int main(int argc, char **argv)
{
	struct options o = { .verbosity = FIO_PROGRESS, .lba_bytes = 4096 };
	int c, ret;

	fio_progname = "fio-format";
	while ((c = getopt_long(argc, argv, "b:o:p:s:y" FIO_COMMON_LETTERS, long_options,
				NULL)) != -1) {
		switch (c) {
		case 'b':
			if (!parse_block_size(optarg, &o.lba_bytes))
				break;
			fio_error("'%s' is not a block size: give 512 or 4096", optarg);
			return FIO_EXIT_USAGE;
		case 's':
			o.wish.size = optarg;
			break;
		case 'o':
			o.wish.overformat = optarg;
			break;
		case 'p':
			o.wish.spare = optarg;
			break;
		case PARITY:
			if (!fio_parse_parity(optarg, &o.wish.parity))
				break;
			fio_error("--parity: '%s' is none of on, off, default", optarg);
			return FIO_EXIT_USAGE;
		case 'y':
			o.yes = true;
			break;
		default:
			ret = fio_common_option(c, &o.verbosity, usage);
			if (ret >= 0)
				return ret;
		}
	}
	return fio_each_device(argv + optind, format, &o, usage);
}
