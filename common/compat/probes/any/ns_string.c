// SPDX-License-Identifier: GPL-2.0-only
/*
 * A symbol namespace is a string literal, no longer a token.
 * 6.13, "module: Convert symbol namespace to string literal".
 * Where it is a token, the literal is stringified once more and grows by two quotes.
 */
#include <linux/module.h>

#undef MODULE_INFO
#define MODULE_INFO(tag, info) \
	static_assert(sizeof(#tag) && sizeof(info) == sizeof("FIO_HAL"))

#if PROBE_NEW
MODULE_IMPORT_NS("FIO_HAL");
#else
MODULE_IMPORT_NS(FIO_HAL);
#endif
