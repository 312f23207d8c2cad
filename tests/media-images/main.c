// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-images: the golden images of the version that this tree's core writes.
 *
 * Called by make-images, which packs them. Memory that nobody has written is made
 * the same in every run, for the core may store some of it.
 */
#include <malloc.h>
#include <stdio.h>

#include "make.h"

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: fio-images DIR\n"
			"write NAME.img and NAME.txt of every state of a card into DIR\n");
		return 2;
	}
	mallopt(M_PERTURB, 0x5a);
	printf("%u images of version %u\n", images_make(argv[1]), FIO_MEDIA_VERSION);
	return 0;
}
