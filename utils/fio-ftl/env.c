// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the FTL core links instead of calling through pointers: locks, CRC32C, line
 * formatting, for a program of one thread.
 *
 * Does not know: media, images. A lock that is taken twice or released unheld is a
 * mistake of the core's that the tool must not hide.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "hal/ftl/env.h"

static void misuse(const char *what)
{
	fprintf(stderr, "fio-ftl: internal error: %s\n", what);
	abort();
}

void ftl_lock_init(struct ftl_lock *l)
{
	memset(l, 0, sizeof(*l));
}

unsigned long ftl_lock(struct ftl_lock *l)
{
	if (l->opaque[0]++)
		misuse("a lock is taken twice");
	return 0;
}

void ftl_unlock(struct ftl_lock *l, unsigned long flags)
{
	if (--l->opaque[0])
		misuse("a lock is released that is not held");
}

static u32 crc_table[8][256];

/* Eight tables take eight bytes a step ("slicing by 8"). */
__attribute__((constructor)) static void crc_init(void)
{
	u32 i, j, c;

	for (i = 0; i < 256; i++) {
		for (c = i, j = 0; j < 8; j++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
		crc_table[0][i] = c;
	}
	for (i = 0; i < 256; i++)
		for (j = 1; j < 8; j++) {
			c = crc_table[j - 1][i];
			crc_table[j][i] = c >> 8 ^ crc_table[0][c & 0xff];
		}
}

static u32 crc_step(u32 crc, const u8 *p)
{
	u32 c = 0, i;

	for (i = 0; i < 4; i++)
		c ^= crc_table[7 - i][p[i] ^ (crc >> 8 * i & 0xff)];
	for (; i < 8; i++)
		c ^= crc_table[7 - i][p[i]];
	return c;
}

u32 ftl_crc32c(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

	crc = ~crc;
	for (; len >= 8; len -= 8, p += 8)
		crc = crc_step(crc, p);
	for (; len; len--)
		crc = crc >> 8 ^ crc_table[0][(crc ^ *p++) & 0xff];
	return ~crc;
}

int ftl_format_line(char *buf, size_t len, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, len, fmt, ap);
	va_end(ap);
	return n;
}
