// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-detach: take a card's disk away, in order.
 *
 * Owns: options and messages. The driver refuses while somebody uses the disk,
 * and writes the checkpoint that makes the next attach quick.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/decode/decode.h"
#include "utils/lib/sys.h"

static void usage(FILE *f)
{
	fputs("Usage: fio-detach [options] <device>...\n"
	      "Detach a card: take its disk away and write its map to flash.\n\n"
	      "  <device>              control node of the card, /dev/fctN\n"
	      "  -q, --quiet           print nothing but errors\n"
	      "  -Q, --quiet-progress  no progress, only the result\n"
	      "  -h, --help            this text\n"
	      "  -v, --version         version\n\n"
	      "A disk that is mounted or open is not detached.\n"
	      "Exit codes: 0 detached, 1 failed, 2 wrong usage, 3 no such device.\n", f);
}

static int start_failed(const struct fio_dev *dev, int err)
{
	if (err == -EALREADY)
		fio_error("%s: already detached", dev->path);
	else
		fio_error("%s: cannot detach: %s", dev->path, fio_dev_strerror(err));
	return FIO_EXIT_ERROR;
}

static int detach(const char *arg, void *ctx)
{
	enum fio_verbosity v = *(enum fio_verbosity *)ctx;
	struct fio_ioc_detach req = { .size = sizeof(req) };
	struct fio_ioc_progress p;
	struct fio_dev dev;
	int ret = fio_dev_open(arg, &dev), err;

	if (ret)
		return ret;
	err = fio_sys->ioctl(dev.fd, FIO_IOC_DETACH, &req);
	if (err) {
		ret = start_failed(&dev, err);
	} else {
		err = fio_dev_wait(&dev, "Detaching", v, &p);
		if (err) {
			fio_error("%s: detach failed: %s", dev.path, fio_dev_strerror(err));
			ret = FIO_EXIT_ERROR;
		} else if (v != FIO_QUIET) {
			printf("%s: detached\n", dev.path);
		}
	}
	fio_dev_close(&dev);
	return ret;
}

static const struct option long_options[] = {
	FIO_COMMON_OPTIONS,
	{ }
};

int main(int argc, char **argv)
{
	enum fio_verbosity v = FIO_PROGRESS;
	int c, ret;

	fio_progname = "fio-detach";
	while ((c = getopt_long(argc, argv, FIO_COMMON_LETTERS, long_options, NULL)) != -1) {
		ret = fio_common_option(c, &v, usage);
		if (ret >= 0)
			return ret;
	}
	return fio_each_device(argv + optind, detach, &v, usage);
}
