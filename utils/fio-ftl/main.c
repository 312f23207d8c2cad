// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-ftl: the program. Everything else is a library, so that tests call it.
 */
#include "utils/fio-ftl/fio-ftl.h"

int main(int argc, char **argv)
{
	return fio_ftl_main(argc, argv);
}
