/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How large a format becomes: from what the user wishes and what the card has.
 */
#ifndef FIO_UTILS_CAPACITY_H
#define FIO_UTILS_CAPACITY_H

#include "sys.h"

/**
 * struct fio_capacity_wish - of the first three at most one is given
 * @size: a size, or a percentage of the advertised capacity, up to it
 * @overformat: likewise, and beyond it
 * @spare: over-provisioning in per cent of the capacity: "28%" or "28"
 * @parity: FIO_PARITY_*
 */
struct fio_capacity_wish {
	const char *size;
	const char *overformat;
	const char *spare;
	__u32 parity;
};

/**
 * struct fio_capacity_limits - of a card, in bytes
 * @advertised: what it is sold as
 * @raw: all of its flash
 * @most: the largest format that is possible now; 0: the driver does not say
 * @most_parity: likewise with parity; 0: the card cannot have it, FIO_NO_VALUE64: the
 *	driver will say
 */
struct fio_capacity_limits {
	unsigned long long advertised, raw, most;
	unsigned long long most_parity;
};

/** fio_parse_parity() - "on", "off" or "default" to FIO_PARITY_*; 0 or -EINVAL */
int fio_parse_parity(const char *s, __u32 *parity);

/**
 * fio_capacity() - the capacity to ask the driver for
 * @dev: for messages
 * @bytes: receives it, a multiple of 4096; 0: the driver's default
 * Return: FIO_EXIT_OK, or after a message FIO_EXIT_USAGE, or FIO_EXIT_ERROR: no
 * capacity helps.
 */
enum fio_exit fio_capacity(const char *dev, const struct fio_capacity_wish *wish,
			   const struct fio_capacity_limits *card,
			   unsigned long long *bytes);

/**
 * fio_ask_capacity() - likewise, with the limits that the driver tells of
 * @dev: the card, @info: what it says of itself
 * @card: receives its limits
 */
enum fio_exit fio_ask_capacity(const struct fio_dev *dev, const struct fio_ioc_info *info,
			       const struct fio_capacity_wish *wish,
			       struct fio_capacity_limits *card, __u64 *bytes);

/** fio_spare_percent() - over-provisioning of a format of @bytes; 0 when unknown */
double fio_spare_percent(const struct fio_capacity_limits *card, unsigned long long bytes);

#endif /* FIO_UTILS_CAPACITY_H */
