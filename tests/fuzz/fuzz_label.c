// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz-label: the superblock; see fuzz_page.c.
 */
#include "fuzz_page.h"

bool fuzz_page_is_target(u8 type)
{
	return type == FIO_TAG_SUPER;
}
