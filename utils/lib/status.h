/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What fio-status knows of the machine, gathered once, printed by one of the
 * outputs.
 */
#ifndef FIO_UTILS_STATUS_H
#define FIO_UTILS_STATUS_H

#include <stdio.h>
#include "secure.h"
#include "sys.h"

struct json_object;

/**
 * struct card_status - one card
 * @dev: its node
 * @err: 0, or why it could not be asked (-errno): then nothing else is valid
 * @has_health: @health is valid (a card in minimal mode may not answer)
 */
struct card_status {
	struct fio_dev dev;
	int err;
	bool has_health;
	struct fio_ioc_info info;
	struct fio_ioc_health health;
	struct fio_ioc_unit unit;
};

struct machine_status {
	bool driver;	/* loaded */
	int cards;
	int pci_cards;
	struct fio_secure secure;
	struct card_status card[FIO_MAX_CARDS];
};

/** status_gather() - ask all cards, or only @only ("/dev/fct0") */
enum fio_exit status_gather(struct machine_status *m, const char *only);

/** status_problem() - the @i-th reason why @c needs attention, NULL after the last */
const char *status_problem(const struct card_status *c, unsigned int i);

/* Whether any card needs attention. */
bool status_degraded(const struct machine_status *m);

enum status_detail { STATUS_BASIC, STATUS_VOLUMES, STATUS_ERRORS, STATUS_ALL };

/** status_print_text() - the form people read; layout is documented in fio-status(8) */
void status_print_text(FILE *f, const struct machine_status *m, enum status_detail d);

/**
 * status_tree() - the stable machine-readable form
 * @unavailable: include fields that have no value, as "unavailable"
 * Return: a json object; every value is a string, as consumers of the vendor's
 * tool expect. fio-status(8) lists the names.
 */
struct json_object *status_tree(const struct machine_status *m, bool unavailable);

void status_print_json(FILE *f, struct json_object *tree);
void status_print_xml(FILE *f, struct json_object *tree);

/** status_field() - the value of @name, with or without prefix "iom.", or NULL */
const char *status_field(struct json_object *tree, const char *name);

/** status_list_fields() - every name status_field() knows for this machine */
void status_list_fields(FILE *f, struct json_object *tree);

/* "avg 11.93V": units in thousandths, FIO_NO_VALUE as "unavailable". */
const char *status_milli(char *buf, size_t len, unsigned int v, const char *unit);

/* UUID in the usual form; @buf of 37 bytes. */
const char *status_uuid(char *buf, const unsigned char *uuid);

/* Remaining rated writes in hundredths of a percent. */
unsigned int status_pbw_left(const struct card_status *c);

/* PCIe payload bandwidth of the negotiated link, bytes per second. */
double status_link_bytes(const struct fio_ioc_info *info);

#endif /* FIO_UTILS_STATUS_H */
