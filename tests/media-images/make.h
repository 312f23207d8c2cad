/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes the golden images of the version that the core writes.
 *
 * Does not know: how they are packed and kept (make-images).
 */
#ifndef TESTS_IMAGE_MAKE_H
#define TESTS_IMAGE_MAKE_H

#include "image.h"

/**
 * images_make() - NAME.img and NAME.txt of every state, into a folder that exists
 *
 * Ends the program when the core finds in one of them what cannot be in it.
 * Return: how many.
 */
u32 images_make(const char *dir);

#endif /* TESTS_IMAGE_MAKE_H */
