// SPDX-License-Identifier: GPL-2.0-only
/*
 * CRC32C (Castagnoli), reflected, initial value and final xor all-ones.
 *
 * Owns: the sum and the choice of how to compute it: the processor's
 * instruction where there is one, else a table. The card has its own copy so
 * that it cannot share a mistake with the driver.
 */
#include "vcard/model/card.h"

#define POLY	0x82f63b78

static u32 table[256];

static void __attribute__((constructor)) make_table(void)
{
	u32 i, bit, v;

	for (i = 0; i < 256; i++) {
		v = i;
		for (bit = 0; bit < 8; bit++)
			v = v & 1 ? v >> 1 ^ POLY : v >> 1;
		table[i] = v;
	}
}

static u32 crc_table(u32 crc, const u8 *p, size_t len)
{
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2")))
static u32 crc_sse42(u32 crc, const u8 *p, size_t len)
{
	u64 v, sum = crc;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&v, p, 8);
		sum = __builtin_ia32_crc32di(sum, v);
	}
	for (; len; len--)
		sum = __builtin_ia32_crc32qi((u32)sum, *p++);
	return (u32)sum;
}

static bool have_sse42(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#else
#define crc_sse42 crc_table
static bool have_sse42(void)
{
	return false;
}
#endif

/**
 * crc32c() - add bytes to a CRC
 * @crc: sum so far, 0 to begin
 * @buf: bytes
 * @len: how many
 *
 * Context: any thread.
 * Return: the sum; pass it on to add more bytes.
 */
u32 crc32c(u32 crc, const void *buf, size_t len)
{
	if (have_sse42())
		return ~crc_sse42(~crc, buf, len);
	return ~crc_table(~crc, buf, len);
}
