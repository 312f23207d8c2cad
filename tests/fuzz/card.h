/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small card for fuzzing: all its pages in plain memory, before they are put
 * onto an array.
 *
 * Owns: a card in use, as a cut and as an orderly detach leave it; mending of
 * checksums; the attach that must do no harm.
 *
 * Does not know: what the pages are changed to.
 */
#ifndef TESTS_FUZZ_CARD_H
#define TESTS_FUZZ_CARD_H

#include "tests/ftl/sim_env.h"

#define CARD_DIES	2
#define CARD_AUS	12
#define CARD_PAGES	4
#define CARD_ALL_PAGES	(CARD_DIES * CARD_AUS * CARD_PAGES)
#define CARD_UNITS	12

struct card_page {
	bool written;
	struct fio_tag tag;
	u8 data[FIO_MEDIA_UNIT];
};

/** card_copy() - the pages of a card in use; @clean: detached in order */
void card_copy(struct card_page *pages, bool clean);

/**
 * card_try() - attach to a card with these pages, use it, detach
 *
 * Checksums are mended first, so that the core sees absurd contents and not
 * merely bad CRCs. It may refuse to attach and return any data; a hang, a leak or
 * a broken rule of the medium ends the program.
 *
 * Return: true when it attached.
 */
bool card_try(struct card_page *pages);

/** card_give_up() - say @what and abort */
void card_give_up(const char *what);

#endif /* TESTS_FUZZ_CARD_H */
