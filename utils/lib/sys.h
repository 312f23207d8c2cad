/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tools' world: device nodes and ioctls, behind one table so that unit tests
 * can put a made-up machine in its place.
 */
#ifndef FIO_UTILS_SYS_H
#define FIO_UTILS_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <linux/fio_ioctl.h>

#define FIO_MAX_CARDS 64

/**
 * struct fio_sys - what a tool asks of the machine
 * @open: open a control node; file descriptor or -errno
 * @ioctl: 0 or -errno
 * @close: the counterpart of @open
 * @list: numbers of the control nodes present, ascending; count
 * @pci_count: PCI functions that look like cards, with a driver or not
 * @driver_loaded: is fio-hal there, with a card or without
 * @read_line: the first line of a file without its end; false when there is none
 * @module_signer: who signed the file of fio-hal for the running kernel, "" for
 *	nobody; false when there is no such file
 */
struct fio_sys {
	int (*open)(const char *path);
	int (*ioctl)(int fd, unsigned long req, void *arg);
	void (*close)(int fd);
	int (*list)(int *nr, int max);
	int (*pci_count)(void);
	bool (*driver_loaded)(void);
	bool (*read_line)(const char *path, char *buf, size_t len);
	bool (*module_signer)(char *buf, size_t len);
};

extern const struct fio_sys fio_sys_host;
extern const struct fio_sys *fio_sys;

/* Exit codes of all tools; documented in every manual page. */
enum fio_exit {
	FIO_EXIT_OK = 0,
	FIO_EXIT_ERROR = 1,	/* the operation failed */
	FIO_EXIT_USAGE = 2,	/* wrong arguments */
	FIO_EXIT_NODEV = 3,	/* no driver or no such device */
	FIO_EXIT_DEGRADED = 4,	/* fio-status: a card needs attention */
};

extern const char *fio_progname;

/** fio_error() - "prog: message" to stderr */
void fio_error(const char *fmt, ...) __attribute__((__format__(__printf__, 1, 2)));

/** fio_version() - print name and version for -v */
void fio_version(void);

/** fio_yes_no() - ask on the terminal; false at end of file */
bool fio_yes_no(const char *question);

/**
 * struct fio_dev - an open control node
 * @fd: descriptor
 * @name: "fct0"
 * @path: "/dev/fct0"
 */
struct fio_dev {
	int fd;
	char name[16];
	char path[32];
};

/**
 * fio_dev_open() - open what the user named
 * @arg: "/dev/fct0", "fct0", or a disk, "/dev/fioa", "fioa", which is looked up
 * @dev: receives the open node
 * Return: FIO_EXIT_OK; FIO_EXIT_USAGE or FIO_EXIT_NODEV after an error message.
 */
enum fio_exit fio_dev_open(const char *arg, struct fio_dev *dev);
void fio_dev_close(struct fio_dev *dev);

int fio_get_info(int fd, struct fio_ioc_info *info);
int fio_get_health(int fd, struct fio_ioc_health *health);
int fio_get_unit(int fd, struct fio_ioc_unit *unit);

enum fio_verbosity { FIO_QUIET, FIO_NO_PROGRESS, FIO_PROGRESS };

/* The options that every tool has, for getopt_long(). */
#define FIO_COMMON_LETTERS "qQhv"
#define FIO_COMMON_OPTIONS				\
	{ "quiet", no_argument, NULL, 'q' },		\
	{ "quiet-progress", no_argument, NULL, 'Q' },	\
	{ "help", no_argument, NULL, 'h' },		\
	{ "version", no_argument, NULL, 'v' }

/**
 * fio_common_option() - handle an option that every tool has
 * @c: what getopt_long() returned, and the tool itself does not know
 * @v: changed by -q and -Q
 * @usage: prints the tool's help
 * Return: negative: go on; else the exit code with which the tool ends now.
 */
int fio_common_option(int c, enum fio_verbosity *v, void (*usage)(FILE *f));

/**
 * fio_dev_wait() - follow the operation under way to its end
 * @what: "Attaching": shown with the percentage
 * @p: receives the last report
 * Return: 0; the operation's -errno; or -errno of the ioctl.
 */
int fio_dev_wait(const struct fio_dev *dev, const char *what,
		 enum fio_verbosity v, struct fio_ioc_progress *p);

/**
 * fio_each_device() - call @fn for every device argument
 * @argv: arguments from optind on, NULL-terminated
 * @fn: does one; returns enum fio_exit
 * @usage: printed when there is no argument
 * Return: the first exit code that was not 0. One failure does not stop the rest.
 */
int fio_each_device(char **argv, int (*fn)(const char *arg, void *ctx), void *ctx,
		    void (*usage)(FILE *f));

/** fio_dev_strerror() - what an error of an operation on a card means, and what to do */
const char *fio_dev_strerror(int err);

/**
 * fio_parse_size() - a size with a suffix
 * @s: "160G", "1.5T", "4096", "80%"; K to P are powers of ten, B is bytes
 * @whole: what 100 % means; 0: no percentages
 * @bytes: result
 * Return: 0 or -EINVAL.
 */
int fio_parse_size(const char *s, unsigned long long whole,
		   unsigned long long *bytes);

/** fio_commas() - 29684767106744 as "29,684,767,106,744"; @buf of 32 bytes */
const char *fio_commas(unsigned long long v, char *buf);

#endif /* FIO_UTILS_SYS_H */
