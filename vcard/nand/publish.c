// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one way in which records change.
 *
 * Owns: the order in which stores to records reach a mapped file.
 *
 * Does not know: what the records mean. It is a function in a file of its own,
 * and not an inline store, so that a test can put itself in its place and end
 * the process at every single step.
 *
 * The order holds for the death of the process: its stores are in the page
 * cache, in program order, when it is gone. It does not hold for the death of
 * the host, which writes the page cache back in any order.
 */
#include "nand_priv.h"

/**
 * nand_publish() - store to a record, after everything stored before
 * @field: the field
 * @value: its new value
 *
 * Context: any.
 */
void nand_publish(u32 *field, u32 value)
{
	__atomic_store_n(field, value, __ATOMIC_RELEASE);
}
