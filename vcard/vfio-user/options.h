/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line of fio-vcard.
 *
 * Owns: names, ranges and the help text. Does not know: what a card does with
 * the values.
 */
#ifndef VCARD_VFU_OPTIONS_H
#define VCARD_VFU_OPTIONS_H

#include "vcard/model/model.h"

#define VFU_MAX_FAULTS 64

#define VFU_EXIT_OK 0
#define VFU_EXIT_FAILED 1
#define VFU_EXIT_USAGE 2

/**
 * struct vfu_options - a command line, checked
 * @socket: where to listen
 * @card: what card to build
 * @faults: control commands to execute before the first client
 * @nfaults: how many
 * @json: machine-readable output
 */
struct vfu_options {
	const char *socket;
	struct vcard_config card;
	const char *faults[VFU_MAX_FAULTS];
	u32 nfaults;
	bool json;
};

/**
 * vfu_parse_options() - read the command line
 * @argc: as main() has it
 * @argv: as main() has it; strings are borrowed
 * @o: receives the options
 * @exit_status: receives the status to exit with when it returns false
 *
 * Return: true to go on; false after --help, --version or an error, which has
 *         been printed.
 */
bool vfu_parse_options(int argc, char **argv, struct vfu_options *o, int *exit_status);

/**
 * vfu_parse_size() - a capacity
 * @text: decimal number of bytes, with an optional K, M, G or T (powers of 1024),
 *        or KiB, MiB, GiB, TiB
 * @bytes: receives it
 *
 * Return: 0, -EINVAL not a size, -ERANGE more than 64 bits hold.
 */
int vfu_parse_size(const char *text, u64 *bytes);

#endif /* VCARD_VFU_OPTIONS_H */
