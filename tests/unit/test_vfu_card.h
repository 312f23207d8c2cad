/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A card made for the tests of the vfio-user server: as little as shows that
 * what a client asks for reaches a card, and what a card asks for a client.
 *
 * BAR 0 holds 64 words. Most only store; TC_GO makes the card copy guest memory
 * in its thread and raise a vector. BAR 2 exists and supports no access.
 */
#ifndef TESTS_UNIT_TEST_VFU_CARD_H
#define TESTS_UNIT_TEST_VFU_CARD_H

#include <stdatomic.h>

#include "vcard/model/model.h"

#define TC_BAR0_SIZE 0x100
#define TC_BAR2_SIZE 0x1000
#define TC_VECTORS 4
#define TC_MAX_COPY (1024 * 1024)

/* Words of BAR 0. */
enum {
	TC_SCRATCH, TC_SRC_LO, TC_SRC_HI, TC_DST_LO, TC_DST_HI, TC_LEN, TC_VECTOR,
	TC_GO, TC_RESULT, TC_WORDS = TC_BAR0_SIZE / 4,
};

#define TC_RESULT_NONE 0xffffffffu

/**
 * struct vcard - the test's card
 * @front: what it was created with
 * @ctx: for @front
 * @word: BAR 0
 * @config: config space
 * @resets: bus resets seen
 * @runs: calls of vcard_run()
 */
struct vcard {
	const struct vcard_front *front;
	void *ctx;
	atomic_uint word[TC_WORDS];
	u8 config[VCARD_CONFIG_SPACE];
	atomic_uint resets;
	atomic_uint runs;
};

#endif /* TESTS_UNIT_TEST_VFU_CARD_H */
