/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How large a format becomes: from what the user wishes and what the card has.
 */
#ifndef FIO_UTILS_CAPACITY_H
#define FIO_UTILS_CAPACITY_H

#include "sys.h"

/**
 * struct fio_capacity_wish - at most one is given
 * @size: a size, or a percentage of the advertised capacity, up to it
 * @overformat: likewise, and beyond it
 * @spare: over-provisioning in per cent of the capacity: "28%" or "28"
 */
struct fio_capacity_wish {
	const char *size;
	const char *overformat;
	const char *spare;
};

/**
 * struct fio_capacity_limits - of a card, in bytes
 * @advertised: what it is sold as
 * @raw: all of its flash
 * @most: the largest format that is possible now; 0: the driver does not say
 */
struct fio_capacity_limits {
	unsigned long long advertised, raw, most;
};

/**
 * fio_capacity() - the capacity to ask the driver for
 * @dev: for messages
 * @bytes: receives it, a multiple of 4096; 0: the driver's default
 * Return: FIO_EXIT_OK, or FIO_EXIT_USAGE after a message.
 */
enum fio_exit fio_capacity(const char *dev, const struct fio_capacity_wish *wish,
			   const struct fio_capacity_limits *card,
			   unsigned long long *bytes);

/** fio_spare_percent() - over-provisioning of a format of @bytes; 0 when unknown */
double fio_spare_percent(const struct fio_capacity_limits *card, unsigned long long bytes);

#endif /* FIO_UTILS_CAPACITY_H */
