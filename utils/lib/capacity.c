// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capacity of a format.
 *
 * Owns: the meaning of --device-size, --overformat and --over-provisioning, and
 * the messages when a wish cannot be met. Does not know: how the driver divides
 * what is left.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capacity.h"

#define UNIT 4096

static double gb(unsigned long long bytes)
{
	return bytes / 1e9;
}

/* "28%", or "28" if @bare; -1: not a percentage, or absurd. */
static double parse_percent(const char *s, bool bare)
{
	char *end;
	double v;

	if (!isdigit((unsigned char)s[0]))
		return -1;
	v = strtod(s, &end);
	if (*end == '%')
		end++;
	else if (!bare)
		return -1;
	return *end || v > 1000 ? -1 : v;
}

static enum fio_exit not_a_size(const char *dev, const char *s)
{
	fio_error("%s: '%s' is not a size: give for example 6G, 500000M or 80%%", dev, s);
	return FIO_EXIT_USAGE;
}

static enum fio_exit by_size(const char *dev, const char *s,
			     const struct fio_capacity_limits *card,
			     unsigned long long *bytes)
{
	if (fio_parse_size(s, card->advertised, bytes))
		return not_a_size(dev, s);
	if (!card->advertised || *bytes <= card->advertised)
		return FIO_EXIT_OK;
	fio_error("%s: %s is more than the advertised capacity of %.2f GB: --overformat takes it from the spare, at the price of endurance and speed",
		  dev, s, gb(card->advertised));
	return FIO_EXIT_USAGE;
}

static enum fio_exit by_overformat(const char *dev, const char *s,
				   const struct fio_capacity_limits *card,
				   unsigned long long *bytes)
{
	double percent = parse_percent(s, false);

	if (percent > 0 && card->advertised)
		*bytes = (unsigned long long)(card->advertised / 100.0 * percent);
	else if (percent >= 0 || fio_parse_size(s, 0, bytes))
		return not_a_size(dev, s);
	return FIO_EXIT_OK;
}

static enum fio_exit by_spare(const char *dev, const char *s,
			      const struct fio_capacity_limits *card,
			      unsigned long long *bytes)
{
	double percent = parse_percent(s, true);

	if (percent <= 0 || !card->raw) {
		fio_error("%s: '%s' is not an amount of over-provisioning: give for example 28%%",
			  dev, s);
		return FIO_EXIT_USAGE;
	}
	*bytes = (unsigned long long)(card->raw / (100 + percent) * 100);
	if (*bytes <= card->advertised)
		return FIO_EXIT_OK;
	fio_error("%s: over-provisioning of %s makes %.2f GB of the advertised %.2f GB: give at least %.1f%%, or --overformat",
		  dev, s, gb(*bytes), gb(card->advertised),
		  fio_spare_percent(card, card->advertised));
	return FIO_EXIT_USAGE;
}

static int count(const struct fio_capacity_wish *w)
{
	return !!w->size + !!w->overformat + !!w->spare;
}

int fio_parse_parity(const char *s, __u32 *parity)
{
	static const char *const name[] = {
		[FIO_PARITY_DEFAULT] = "default", [FIO_PARITY_OFF] = "off", [FIO_PARITY_ON] = "on",
	};

	for (__u32 i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (!strcmp(s, name[i])) {
			*parity = i;
			return 0;
		}
	return -EINVAL;
}

/* @bytes 0: the default, which is what is advertised. */
static enum fio_exit check_parity(const char *dev, const struct fio_capacity_limits *card,
				  unsigned long long bytes)
{
	if (!card->most_parity) {
		fio_error("%s: this card cannot keep parity: it takes 3 dies or more, and firmware that sums up rows of pages; format it without --parity on",
			  dev);
		return FIO_EXIT_ERROR;
	}
	if (!bytes)
		bytes = card->advertised;
	if (bytes <= card->most_parity)
		return FIO_EXIT_OK;
	fio_error("%s: %.2f GB and parity are more than its flash allows now: give a --device-size of at most %.2f GB (%llu bytes), or --parity off",
		  dev, gb(bytes), gb(card->most_parity), card->most_parity);
	return FIO_EXIT_USAGE;
}

static enum fio_exit check(const char *dev, const struct fio_capacity_wish *wish,
			   const struct fio_capacity_limits *card, unsigned long long bytes)
{
	if (!bytes && count(wish)) {
		fio_error("%s: a capacity of less than one block of %u bytes", dev, UNIT);
		return FIO_EXIT_USAGE;
	}
	if (wish->parity == FIO_PARITY_ON)
		return check_parity(dev, card, bytes);
	if (!card->most || bytes <= card->most)
		return FIO_EXIT_OK;
	fio_error("%s: %.2f GB are more than its flash allows now: at most %.2f GB (%llu bytes)",
		  dev, gb(bytes), gb(card->most), card->most);
	return FIO_EXIT_USAGE;
}

enum fio_exit fio_capacity(const char *dev, const struct fio_capacity_wish *wish,
			   const struct fio_capacity_limits *card,
			   unsigned long long *bytes)
{
	enum fio_exit ret = FIO_EXIT_OK;

	*bytes = 0;
	if (count(wish) > 1) {
		fio_error("%s: --device-size, --overformat and --over-provisioning exclude each other",
			  dev);
		return FIO_EXIT_USAGE;
	}
	if (wish->size)
		ret = by_size(dev, wish->size, card, bytes);
	else if (wish->overformat)
		ret = by_overformat(dev, wish->overformat, card, bytes);
	else if (wish->spare)
		ret = by_spare(dev, wish->spare, card, bytes);
	*bytes -= *bytes % UNIT;
	return ret ? ret : check(dev, wish, card, *bytes);
}

/* The largest possible format is part of HEALTH; a card need not answer that. */
enum fio_exit fio_ask_capacity(const struct fio_dev *dev, const struct fio_ioc_info *info,
			       const struct fio_capacity_wish *wish,
			       struct fio_capacity_limits *card, __u64 *bytes)
{
	struct fio_ioc_health health;
	unsigned long long v;
	enum fio_exit ret;

	*card = (struct fio_capacity_limits) {
		.advertised = info->advertised_bytes, .raw = info->raw_bytes,
		.most_parity = FIO_NO_VALUE64,
	};
	if (!fio_get_health(dev->fd, &health) &&
	    health.format_most_bytes != FIO_NO_VALUE64) {
		card->most = health.format_most_bytes;
		card->most_parity = health.format_most_parity_bytes;
	}
	ret = fio_capacity(dev->path, wish, card, &v);
	*bytes = v;
	return ret;
}

double fio_spare_percent(const struct fio_capacity_limits *card, unsigned long long bytes)
{
	if (!bytes || card->raw <= bytes)
		return 0;
	return (double)(card->raw - bytes) / bytes * 100;
}
