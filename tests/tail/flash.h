/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A medium in virtual time: dies that take as long as MLC flash does.
 *
 * Owns: the clock, the queues of each die, what the card's write buffer hides,
 * completions in the order of time. Does not know: who submits what, or why.
 *
 * The card that is modelled, and what it does not do:
 *   - a die does one thing at a time and finishes what it has begun: nothing is
 *     suspended
 *   - it takes the host's reads first, then erases and the host's programs in
 *     the order in which they came, then reads and programs marked MEDIA_F_LOW
 *   - units that follow each other on a die are read or programmed up to @planes
 *     at a time, in the time of one
 *   - an append is complete when its units are in the buffer, which power loss
 *     does not empty; each die has room for @buffer of them, of either class
 *   - a read of a unit in the buffer does not touch the die
 */
#ifndef TESTS_TAIL_FLASH_H
#define TESTS_TAIL_FLASH_H

#include "hal/ftl/ftl.h"

struct flash;

/**
 * struct flash_timing - nanoseconds
 * @read, @program, @erase: of the array
 * @bus: one unit with its tag between die and card
 * @link: a unit between card and host, and what a command costs at least
 */
struct flash_timing {
	u64 read, program, erase, bus, link;
};

/* As the virtual card's profile "mlc": vcard/nand/timing.c. */
extern const struct flash_timing flash_mlc;

/* @xor_groups: as media_geometry.xor_groups; the sums are not there, only their places */
struct flash_shape {
	u32 dies, aus, pages, planes, buffer, xor_groups;
};

struct flash *flash_create(const struct flash_shape *shape, const struct flash_timing *t);
void flash_destroy(struct flash *f);
struct media *flash_media(struct flash *f);
struct ftl_env *flash_env(struct flash *f);

/** flash_now() - virtual nanoseconds since creation */
u64 flash_now(const struct flash *f);

/** flash_call() - call @fn(@arg) when @delay nanoseconds have passed */
void flash_call(struct flash *f, u64 delay, void (*fn)(void *arg), void *arg);

/** flash_step() - let time pass until something happens; false: nothing is under way */
bool flash_step(struct flash *f);

/** flash_kicked() - did the core ask for ftl_run() since the last call */
bool flash_kicked(struct flash *f);

#endif /* TESTS_TAIL_FLASH_H */
