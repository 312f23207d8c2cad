/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names and texts of the numbers in the user ABI, so that kernel log, sysfs and
 * tools print alike.
 *
 * Knows: include/uapi. Does not know: where a number came from. Plain C, built
 * into fio-hal.ko and into the tools.
 */
#ifndef FIO_DECODE_H
#define FIO_DECODE_H

#include <linux/fio_ioctl.h>

/** fio_state_name() - what sysfs shows: "attached"; "unknown" for a bad number */
const char *fio_state_name(unsigned int state);

/** fio_state_text() - what fio-status shows: "Attached" */
const char *fio_state_text(unsigned int state);

/** fio_reason_text() - a sentence without a stop: why a card is in that state */
const char *fio_reason_text(unsigned int reason);

/** fio_plp_text() - power-loss protection: "protected", "FAILED", "none" */
const char *fio_plp_text(unsigned int plp);

/** fio_health_name() - what sysfs shows: "write-reduced"; "unknown" for a bad number */
const char *fio_health_name(unsigned int health);

/** fio_health_text() - what fio-status shows: "Write-reduced" */
const char *fio_health_text(unsigned int health);

/** fio_reserve_text() - the vendor's word for the state of the spare */
const char *fio_reserve_text(unsigned int permyriad, unsigned int warn_permyriad,
			     int read_only);

#endif /* FIO_DECODE_H */
