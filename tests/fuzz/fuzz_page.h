/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which pages fuzz_page.c changes; each program that it is part of says so.
 */
#ifndef TESTS_FUZZ_PAGE_H
#define TESTS_FUZZ_PAGE_H

#include "card.h"

/** fuzz_page_is_target() - are pages with that tag type to be changed */
bool fuzz_page_is_target(u8 type);

#endif /* TESTS_FUZZ_PAGE_H */
