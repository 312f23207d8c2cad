// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz-checkpoint: leaves of the map and their directory; see fuzz_page.c.
 */
#include "fuzz_page.h"

bool fuzz_page_is_target(u8 type)
{
	return type == FIO_TAG_MAP || type == FIO_TAG_DIR;
}
