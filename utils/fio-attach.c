// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-attach: bring a card's disk up.
 *
 * Owns: options and messages. The work is the driver's; this only starts it and
 * reports how it goes.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/decode/decode.h"
#include "utils/lib/sys.h"

struct options {
	enum fio_verbosity verbosity;
	unsigned int flags;
	bool wait;
};

static void usage(FILE *f)
{
	fputs("Usage: fio-attach [options] <device>...\n"
	      "Attach a card: make its disk (/dev/fioX) available.\n\n"
	      "  <device>              control node of the card, /dev/fctN\n"
	      "  -c, --clean           fail rather than recover a card that was not\n"
	      "                        detached in order\n"
	      "  -p, --preallocate     take all memory now that the card may ever need, so\n"
	      "                        that none is needed later: for swap\n"
	      "  -r, --rescan          rebuild the map from the flash even if not needed\n"
	      "  -w, --wait            start nothing: wait until no card is attaching any more\n"
	      "                        (all cards when none is named)\n"
	      "  -q, --quiet           print nothing but errors\n"
	      "  -Q, --quiet-progress  no progress, only the result\n"
	      "  -h, --help            this text\n"
	      "  -v, --version         version\n\n"
	      "Exit codes: 0 attached, 1 failed, 2 wrong usage, 3 no such device.\n", f);
}

static int start_failed(const struct fio_dev *dev, int err)
{
	if (err == -EALREADY)
		fio_error("%s: already attached", dev->path);
	else
		fio_error("%s: cannot attach: %s", dev->path, fio_dev_strerror(err));
	return FIO_EXIT_ERROR;
}

static int attach_failed(const struct fio_dev *dev, int err,
			 const struct fio_ioc_progress *p)
{
	if (p->reason != FIO_REASON_NONE && p->reason != FIO_REASON_USER)
		fio_error("%s: attach failed: %s", dev->path, fio_reason_text(p->reason));
	else
		fio_error("%s: attach failed: %s", dev->path, fio_dev_strerror(err));
	return FIO_EXIT_ERROR;
}

static int attach(const char *arg, void *ctx)
{
	const struct options *o = ctx;
	struct fio_ioc_attach req = { .size = sizeof(req), .flags = o->flags };
	struct fio_ioc_progress p;
	struct fio_ioc_info info;
	struct fio_dev dev;
	int ret = fio_dev_open(arg, &dev), err;

	if (ret)
		return ret;
	err = fio_sys->ioctl(dev.fd, FIO_IOC_ATTACH, &req);
	if (err) {
		ret = start_failed(&dev, err);
	} else {
		err = fio_dev_wait(&dev, "Attaching", o->verbosity, &p);
		if (err)
			ret = attach_failed(&dev, err, &p);
		else if (o->verbosity != FIO_QUIET && !fio_get_info(dev.fd, &info))
			printf("%s: attached%s%s\n", dev.path,
			       info.disk_name[0] ? " as /dev/" : "", info.disk_name);
	}
	fio_dev_close(&dev);
	return ret;
}

/*
 * For boot scripts: the driver attaches by itself, and what needs the disk is to
 * come after. A card that was never formatted has no disk to wait for.
 */
static int wait_for(const char *arg, void *ctx)
{
	const struct options *o = ctx;
	struct fio_ioc_progress p = { .size = sizeof(p) };
	struct fio_dev dev;
	int ret = fio_dev_open(arg, &dev), err;

	if (ret)
		return ret;
	err = fio_sys->ioctl(dev.fd, FIO_IOC_PROGRESS, &p);
	if (!err && p.busy) {
		if (o->verbosity == FIO_PROGRESS)
			printf("Waiting for %s to attach\n", dev.path);
		err = fio_dev_wait(&dev, "Attaching", o->verbosity, &p);
	} else if (!err) {
		err = p.result;
	}
	if (err && err != -ENOMEDIUM)
		ret = attach_failed(&dev, err, &p);
	fio_dev_close(&dev);
	return ret;
}

static int wait_for_all(struct options *o)
{
	int nr[FIO_MAX_CARDS], n = fio_sys->list(nr, FIO_MAX_CARDS);
	int ret = FIO_EXIT_OK;

	for (int i = 0; i < n; i++) {
		char name[16];
		int r;

		snprintf(name, sizeof(name), "fct%d", nr[i]);
		r = wait_for(name, o);
		ret = ret ? ret : r;
	}
	return ret;
}

static const struct option long_options[] = {
	{ "clean", no_argument, NULL, 'c' },
	{ "preallocate", no_argument, NULL, 'p' },
	{ "rescan", no_argument, NULL, 'r' },
	{ "wait", no_argument, NULL, 'w' },
	FIO_COMMON_OPTIONS,
	{ }
};

int main(int argc, char **argv)
{
	struct options o = { .verbosity = FIO_PROGRESS };
	int c, ret;

	fio_progname = "fio-attach";
	while ((c = getopt_long(argc, argv, "cprw" FIO_COMMON_LETTERS, long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o.flags |= FIO_ATTACH_CLEAN_ONLY;
			break;
		case 'p':
			o.flags |= FIO_ATTACH_PREALLOCATE;
			break;
		case 'r':
			o.flags |= FIO_ATTACH_RESCAN;
			break;
		case 'w':
			o.wait = true;
			break;
		default:
			ret = fio_common_option(c, &o.verbosity, usage);
			if (ret >= 0)
				return ret;
		}
	}
	if (o.wait && o.flags) {
		fio_error("--wait starts no attach: give it alone");
		return FIO_EXIT_USAGE;
	}
	if (o.wait && !argv[optind])
		return wait_for_all(&o);
	return fio_each_device(argv + optind, o.wait ? wait_for : attach, &o, usage);
}
