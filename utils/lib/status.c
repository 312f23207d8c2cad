// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gathering what fio-status shows, and what follows from it.
 *
 * Owns: asking each card, judging whether it needs attention. Does not know:
 * output formats.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/decode/decode.h"
#include "status.h"

static void gather_card(struct card_status *c)
{
	c->err = fio_get_info(c->dev.fd, &c->info);
	if (!c->err)
		c->err = fio_get_unit(c->dev.fd, &c->unit);
	if (!c->err)
		c->has_health = !fio_get_health(c->dev.fd, &c->health);
	fio_dev_close(&c->dev);
}

static enum fio_exit gather_one(struct machine_status *m, const char *only)
{
	enum fio_exit ret = fio_dev_open(only, &m->card[0].dev);

	if (ret)
		return ret;
	m->cards = 1;
	gather_card(&m->card[0]);
	return FIO_EXIT_OK;
}

enum fio_exit status_gather(struct machine_status *m, const char *only)
{
	int nr[FIO_MAX_CARDS];

	memset(m, 0, sizeof(*m));
	m->driver = fio_sys->driver_loaded();
	m->pci_cards = fio_sys->pci_count();
	fio_secure_gather(&m->secure);
	if (only)
		return gather_one(m, only);
	m->cards = fio_sys->list(nr, FIO_MAX_CARDS);
	for (int i = 0; i < m->cards; i++) {
		struct card_status *c = &m->card[i];

		snprintf(c->dev.name, sizeof(c->dev.name), "fct%d", nr[i]);
		snprintf(c->dev.path, sizeof(c->dev.path), "/dev/fct%d", nr[i]);
		c->dev.fd = fio_sys->open(c->dev.path);
		c->err = c->dev.fd < 0 ? c->dev.fd : 0;
		if (!c->err)
			gather_card(c);
	}
	return FIO_EXIT_OK;
}

static bool is_minimal(const struct card_status *c)
{
	return c->info.state == FIO_CARD_MINIMAL;
}

static bool is_dead(const struct card_status *c)
{
	return c->info.state == FIO_CARD_DEAD;
}

static bool is_read_only(const struct card_status *c)
{
	return c->unit.attached && c->unit.read_only;
}

/* Of a card that is in service; the two above need not answer. */
static bool no_telemetry(const struct card_status *c)
{
	return !c->has_health && !is_dead(c) && !is_minimal(c);
}

static bool plp_bad(const struct card_status *c)
{
	return c->has_health && c->health.plp != 1;
}

static bool reserve_low(const struct card_status *c)
{
	return c->has_health && c->health.reserve_permyriad != FIO_NO_VALUE &&
	       c->health.reserve_permyriad <= c->health.reserve_warn_permyriad;
}

static bool write_reduced(const struct card_status *c)
{
	return c->unit.attached && c->unit.health == FIO_HEALTH_WRITE_REDUCED;
}

static bool why(const struct card_status *c, unsigned int reason)
{
	return c->unit.attached && c->unit.health_reasons != FIO_NO_VALUE &&
	       c->unit.health_reasons & reason;
}

static bool worn(const struct card_status *c)
{
	return why(c, FIO_WHY_WEAR);
}

static bool metadata_lost(const struct card_status *c)
{
	return why(c, FIO_WHY_METADATA);
}

static bool dies_offline(const struct card_status *c)
{
	return c->has_health && c->health.dies_offline &&
	       c->health.dies_offline != FIO_NO_VALUE;
}

static bool throttled(const struct card_status *c)
{
	return c->has_health && c->health.throttle && c->health.throttle <= 3;
}

static const struct {
	bool (*is)(const struct card_status *c);
	const char *text;
} problems[] = {
	{ is_dead, "Failed: DEVICE IS OFFLINE. ALL READS AND WRITES WILL FAIL!" },
	{ is_minimal, "The card is in minimal mode and cannot be attached" },
	{ is_read_only, "WARNING: READ-ONLY MODE. ALL WRITES WILL FAIL!" },
	{ write_reduced, "WARNING: WRITE-REDUCED MODE. WRITES ARE SLOWED DOWN!" },
	{ no_telemetry, "The card did not answer when asked for telemetry: see the kernel log" },
	{ plp_bad, "Powerloss protection is not working: data not flushed may not survive a cut" },
	{ reserve_low, "Reserve space is low: replace the card soon" },
	{ worn, "The flash has nearly been erased as often as it is rated for" },
	{ metadata_lost, "A copy of the card's metadata was lost: back up the data" },
	{ dies_offline, "Flash dies do not answer" },
	{ throttled, "Writes are throttled (temperature or power)" },
};

const char *status_problem(const struct card_status *c, unsigned int i)
{
	for (size_t p = 0; p < sizeof(problems) / sizeof(problems[0]); p++)
		if (!c->err && problems[p].is(c) && !i--)
			return problems[p].text;
	return NULL;
}

bool status_degraded(const struct machine_status *m)
{
	for (int i = 0; i < m->cards; i++)
		if (m->card[i].err || status_problem(&m->card[i], 0))
			return true;
	return false;
}

const char *status_milli(char *buf, size_t len, unsigned int v, const char *unit)
{
	if (v == FIO_NO_VALUE)
		snprintf(buf, len, "unavailable");
	else
		snprintf(buf, len, "%.2f%s", v / 1000.0, unit);
	return buf;
}

const char *status_uuid(char *buf, const unsigned char *u)
{
	int o = 0;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			buf[o++] = '-';
		o += sprintf(buf + o, "%02x", u[i]);
	}
	return buf;
}

unsigned int status_pbw_left(const struct card_status *c)
{
	double used;

	if (!c->has_health || !c->info.rated_bytes ||
	    c->info.rated_bytes == FIO_NO_VALUE64 ||
	    c->health.bytes_written == FIO_NO_VALUE64)
		return FIO_NO_VALUE;
	used = (double)c->health.bytes_written / c->info.rated_bytes;
	return used >= 1 ? 0 : (unsigned int)((1 - used) * 10000 + 0.5);
}

double status_link_bytes(const struct fio_ioc_info *info)
{
	/* 8b/10b up to 5 GT/s, 128b/130b above (PCIe base specification 4.2). */
	double coding = info->link_mtps <= 5000 ? 0.8 : 128.0 / 130;

	return info->link_mtps * 1e6 / 8 * coding * info->link_width;
}
