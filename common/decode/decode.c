// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers of the user ABI to text. The tables come from the X-macros of the ABI
 * header itself, so a number cannot lack its name.
 */
#include "decode.h"

const char *fio_state_name(unsigned int state)
{
	switch (state) {
#define STATE_NAME(nr, name, sysfs, text) case nr: return sysfs;
	FIO_CARD_STATES(STATE_NAME)
#undef STATE_NAME
	}
	return "unknown";
}

const char *fio_state_text(unsigned int state)
{
	switch (state) {
#define STATE_TEXT(nr, name, sysfs, text) case nr: return text;
	FIO_CARD_STATES(STATE_TEXT)
#undef STATE_TEXT
	}
	return "Unknown";
}

const char *fio_reason_text(unsigned int reason)
{
	switch (reason) {
#define REASON_TEXT(nr, name, text) case nr: return text;
	FIO_REASONS(REASON_TEXT)
#undef REASON_TEXT
	}
	return "unknown reason";
}

const char *fio_health_name(unsigned int health)
{
	switch (health) {
#define HEALTH_NAME(nr, name, sysfs, text) case nr: return sysfs;
	FIO_HEALTH_STATES(HEALTH_NAME)
#undef HEALTH_NAME
	}
	return "unknown";
}

const char *fio_health_text(unsigned int health)
{
	switch (health) {
#define HEALTH_TEXT(nr, name, sysfs, text) case nr: return text;
	FIO_HEALTH_STATES(HEALTH_TEXT)
#undef HEALTH_TEXT
	}
	return "Unknown";
}

const char *fio_plp_text(unsigned int plp)
{
	switch (plp) {
	case 0: return "none";
	case 1: return "protected";
	case 2: return "FAILED";
	}
	return "unknown";
}

const char *fio_reserve_text(unsigned int permyriad, unsigned int warn_permyriad,
			     int read_only)
{
	if (read_only)
		return "Read-only";
	if (permyriad == FIO_NO_VALUE)
		return "Unknown";
	if (permyriad == 0)
		return "Reduced-write";
	return permyriad <= warn_permyriad ? "Low metadata" : "Healthy";
}
