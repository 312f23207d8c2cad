// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device nodes, ioctls, messages: what every tool needs of the machine.
 *
 * Owns: finding and opening cards, the wait for an operation, error texts. Does
 * not know: what a tool wants with them, nor any output format.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sys.h"

#ifndef FIO_VERSION
#define FIO_VERSION "unversioned"
#endif

const char *fio_progname = "fio";
const struct fio_sys *fio_sys = &fio_sys_host;

static int host_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int host_ioctl(int fd, unsigned long req, void *arg)
{
	return ioctl(fd, req, arg) < 0 ? -errno : 0;
}

static void host_close(int fd)
{
	close(fd);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int host_list(int *nr, int max)
{
	DIR *d = opendir("/dev");
	struct dirent *e;
	int n = 0;

	if (!d)
		return 0;
	while ((e = readdir(d)) && n < max) {
		int card, end = 0;

		if (sscanf(e->d_name, "fct%d%n", &card, &end) == 1 &&
		    !e->d_name[end] && card >= 0)
			nr[n++] = card;
	}
	closedir(d);
	qsort(nr, n, sizeof(*nr), by_number);
	return n;
}

static bool pci_is_card(const char *slot)
{
	char path[PATH_MAX], buf[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vendor", slot);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(buf, sizeof(buf), f))
		buf[0] = '\0';
	fclose(f);
	return strtoul(buf, NULL, 16) == 0x1aed;
}

static int host_pci_count(void)
{
	DIR *d = opendir("/sys/bus/pci/devices");
	struct dirent *e;
	int n = 0;

	if (!d)
		return 0;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && pci_is_card(e->d_name))
			n++;
	closedir(d);
	return n;
}

static bool host_driver_loaded(void)
{
	return !access("/sys/module/fio_hal", F_OK);
}

static bool first_line(FILE *f, char *buf, size_t len)
{
	bool found = fgets(buf, (int)len, f);

	if (!found)
		buf[0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return found;
}

static bool host_read_line(const char *path, char *buf, size_t len)
{
	FILE *f = fopen(path, "re");
	bool found;

	if (!f)
		return false;
	found = first_line(f, buf, len);
	fclose(f);
	return found;
}

/* modinfo knows where modules lie and how they are compressed. */
static bool host_module_signer(char *buf, size_t len)
{
	FILE *f = popen("PATH=$PATH:/usr/sbin:/sbin modinfo -F signer fio-hal 2>/dev/null", "re");

	if (!f)
		return false;
	first_line(f, buf, len);
	return !pclose(f);
}

const struct fio_sys fio_sys_host = {
	.open = host_open,
	.ioctl = host_ioctl,
	.close = host_close,
	.list = host_list,
	.pci_count = host_pci_count,
	.driver_loaded = host_driver_loaded,
	.read_line = host_read_line,
	.module_signer = host_module_signer,
};

void fio_error(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", fio_progname);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void fio_version(void)
{
	printf("%s %s\n", fio_progname, FIO_VERSION);
}

int fio_common_option(int c, enum fio_verbosity *v, void (*usage)(FILE *f))
{
	switch (c) {
	case 'q':
		*v = FIO_QUIET;
		return -1;
	case 'Q':
		*v = FIO_NO_PROGRESS;
		return -1;
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

bool fio_yes_no(const char *question)
{
	char line[16];

	printf("%s [y/N]? ", question);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin)) {
		putchar('\n');
		return false;
	}
	return tolower((unsigned char)line[0]) == 'y';
}

int fio_get_info(int fd, struct fio_ioc_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return fio_sys->ioctl(fd, FIO_IOC_INFO, info);
}

int fio_get_health(int fd, struct fio_ioc_health *health)
{
	memset(health, 0, sizeof(*health));
	health->size = sizeof(*health);
	return fio_sys->ioctl(fd, FIO_IOC_HEALTH, health);
}

int fio_get_unit(int fd, struct fio_ioc_unit *unit)
{
	memset(unit, 0, sizeof(*unit));
	unit->size = sizeof(*unit);
	return fio_sys->ioctl(fd, FIO_IOC_UNIT, unit);
}

/* The card whose disk is called @disk, or -1. */
static int card_of_disk(const char *disk)
{
	int nr[FIO_MAX_CARDS], n = fio_sys->list(nr, FIO_MAX_CARDS);

	for (int i = 0; i < n; i++) {
		struct fio_ioc_info info;
		char path[32];
		int fd, err;

		snprintf(path, sizeof(path), "/dev/fct%d", nr[i]);
		fd = fio_sys->open(path);
		if (fd < 0)
			continue;
		err = fio_get_info(fd, &info);
		fio_sys->close(fd);
		if (!err && !strncmp(info.disk_name, disk, sizeof(info.disk_name)))
			return nr[i];
	}
	return -1;
}

static enum fio_exit open_failed(const struct fio_dev *dev)
{
	int nr[FIO_MAX_CARDS];

	if (dev->fd == -EACCES || dev->fd == -EPERM) {
		fio_error("%s: permission denied: run this as root", dev->path);
		return FIO_EXIT_ERROR;
	}
	if (dev->fd != -ENOENT && dev->fd != -ENXIO && dev->fd != -ENODEV) {
		fio_error("%s: cannot open: %s", dev->path, strerror(-dev->fd));
		return FIO_EXIT_ERROR;
	}
	if (!fio_sys->driver_loaded())
		fio_error("%s: no such card, the driver is not loaded: 'modprobe fio-blk'",
			  dev->path);
	else if (!fio_sys->list(nr, FIO_MAX_CARDS))
		fio_error("%s: no such card, and the driver found none: see the kernel log (dmesg)",
			  dev->path);
	else
		fio_error("%s: no such card: 'fio-status -L' lists those present",
			  dev->path);
	return FIO_EXIT_NODEV;
}

enum fio_exit fio_dev_open(const char *arg, struct fio_dev *dev)
{
	const char *base = strncmp(arg, "/dev/", 5) ? arg : arg + 5;
	int card, end = 0;

	if (!strncmp(base, "fio", 3) && base[3]) {
		card = card_of_disk(base);
		if (card < 0) {
			fio_error("%s: no card has this disk: 'fio-status -L' lists the cards",
				  arg);
			return FIO_EXIT_NODEV;
		}
	} else if (sscanf(base, "fct%d%n", &card, &end) != 1 || base[end] ||
		   card < 0 || card > 9999) {
		fio_error("%s: not a card: give its control node, /dev/fctN ('fio-status -L' lists them)",
			  arg);
		return FIO_EXIT_USAGE;
	}
	snprintf(dev->name, sizeof(dev->name), "fct%d", card);
	snprintf(dev->path, sizeof(dev->path), "/dev/fct%d", card);
	dev->fd = fio_sys->open(dev->path);
	return dev->fd < 0 ? open_failed(dev) : FIO_EXIT_OK;
}

void fio_dev_close(struct fio_dev *dev)
{
	if (dev->fd >= 0)
		fio_sys->close(dev->fd);
	dev->fd = -1;
}

/* On a terminal one line that counts up; in a log a line per ten percent. */
static void show_progress(const struct fio_dev *dev, const char *what,
			  enum fio_verbosity v, unsigned int percent, bool end)
{
	static unsigned int shown;
	bool tty = isatty(STDOUT_FILENO);

	if (v != FIO_PROGRESS)
		return;
	if (tty) {
		printf("\r%s %s: %3u%%%s", what, dev->path, percent, end ? "\n" : "");
	} else if (percent >= shown + 10 || percent < shown || (end && shown < 100)) {
		printf("%s %s: %u%%\n", what, dev->path, percent);
		shown = percent;
	}
	if (end)
		shown = 0;
	fflush(stdout);
}

int fio_dev_wait(const struct fio_dev *dev, const char *what,
		 enum fio_verbosity v, struct fio_ioc_progress *p)
{
	int err;

	memset(p, 0, sizeof(*p));
	do {
		p->size = sizeof(*p);
		p->seen = p->change;
		p->timeout_ms = 60000;
		err = fio_sys->ioctl(dev->fd, FIO_IOC_PROGRESS, p);
		if (err == -EINTR)
			err = 0;
		if (err)
			return err;
		if (p->busy)
			show_progress(dev, what, v, p->percent, false);
	} while (p->busy);
	if (!p->result)
		show_progress(dev, what, v, 100, true);
	return p->result;
}

int fio_each_device(char **argv, int (*fn)(const char *arg, void *ctx), void *ctx,
		    void (*usage)(FILE *f))
{
	int ret = FIO_EXIT_OK;

	if (!*argv) {
		fio_error("no device given");
		usage(stderr);
		return FIO_EXIT_USAGE;
	}
	for (; *argv; argv++) {
		int r = fn(*argv, ctx);

		ret = ret ? ret : r;
	}
	return ret;
}

const char *fio_dev_strerror(int err)
{
	switch (err < 0 ? -err : err) {
	case EBUSY:
		return "it is in use: unmount it, close it, or wait for what is under way";
	case ENODEV:
		return "the card is gone or dead: see the kernel log (dmesg)";
	case ENOMEDIUM:
		return "the card is not formatted: run fio-format";
	case EPROTONOSUPPORT:
		return "its format is unknown here: use a newer driver, or fio-format it";
	case EUCLEAN:
		return "it was not detached in order: attach without --clean to recover";
	case EALREADY:
		return "it is already so";
	case EOPNOTSUPP:
		return "the card is in minimal mode: 'fio-status' says why";
	case ENOSPC:
		return "too large for the flash that is left: give a smaller --device-size";
	case EPERM:
	case EACCES:
		return "permission denied: run this as root";
	case ENOMEM:
		return "not enough memory in the host for the card's map";
	case EIO:
		return "the card's flash reported errors: see the kernel log (dmesg)";
	case EINVAL:
		return "not possible with these values: see the kernel log (dmesg)";
	}
	return strerror(err < 0 ? -err : err);
}

int fio_parse_size(const char *s, unsigned long long whole,
		   unsigned long long *bytes)
{
	static const char suffix[] = "KMGTP";
	double v, mul = 1;
	const char *at;
	char *end;

	if (!isdigit((unsigned char)s[0]) || s[0] == '0')
		return -EINVAL;
	v = strtod(s, &end);
	if (*end == '%') {
		if (!whole || v > 100)
			return -EINVAL;
		mul = whole / 100.0;
		end++;
	}
	at = *end ? strchr(suffix, toupper((unsigned char)*end)) : NULL;
	if (at) {
		for (; at >= suffix; at--)
			mul *= 1000;
		end++;
	}
	if (toupper((unsigned char)*end) == 'B' && end[-1] != '%')
		end++;
	if (*end || !(v > 0) || v * mul >= 18e18)
		return -EINVAL;
	*bytes = (unsigned long long)(v * mul);
	return 0;
}

const char *fio_commas(unsigned long long v, char *buf)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%llu", v), o = 0;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			buf[o++] = ',';
		buf[o++] = digits[i];
	}
	buf[o] = '\0';
	return buf;
}
