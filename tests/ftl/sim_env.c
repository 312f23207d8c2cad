// SPDX-License-Identifier: GPL-2.0-only
/*
 * The FTL core's environment for tests; see sim_env.h.
 *
 * Owns: also the linked services (locks, CRC32C, line formatting), so that a
 * test program links the core, this and the medium, and nothing else.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched.h>

#include "sim_env.h"

static __thread u32 locks_held;
static __thread char this_thread;

static void misuse(const char *what)
{
	fprintf(stderr, "sim_env: %s\n", what);
	abort();
}

/* opaque[0]: taken, opaque[1]: by which thread */
void ftl_lock_init(struct ftl_lock *l)
{
	memset(l, 0, sizeof(*l));
}

unsigned long ftl_lock(struct ftl_lock *l)
{
	unsigned long me = (unsigned long)&this_thread;

	while (__atomic_exchange_n(&l->opaque[0], 1UL, __ATOMIC_ACQUIRE)) {
		if (__atomic_load_n(&l->opaque[1], __ATOMIC_RELAXED) == me)
			misuse("a lock is taken twice by one thread");
		sched_yield();
	}
	__atomic_store_n(&l->opaque[1], me, __ATOMIC_RELAXED);
	locks_held++;
	return 0x10c;
}

void ftl_unlock(struct ftl_lock *l, unsigned long flags)
{
	if (flags != 0x10c || !l->opaque[0] ||
	    l->opaque[1] != (unsigned long)&this_thread)
		misuse("a lock is released that is not held, or with foreign flags");
	locks_held--;
	__atomic_store_n(&l->opaque[1], 0UL, __ATOMIC_RELAXED);
	__atomic_store_n(&l->opaque[0], 0UL, __ATOMIC_RELEASE);
}

/*
 * CRC32C decides how long the crash runner takes, so three parts of a page are
 * done side by side and joined: the CRC of a part followed by zeroes is a linear
 * function of the CRC of the part, by bytes in crc_shift.
 */
#define CRC_WORDS 170
#define CRC_PART (CRC_WORDS * 8)

static u32 crc_table[256];
static u32 crc_shift[4][256];

static u32 crc_soft(u32 c, const u8 *p, size_t len)
{
	for (; len; len--)
		c = c >> 8 ^ crc_table[(c ^ *p++) & 0xff];
	return c;
}

__attribute__((constructor)) static void crc_init(void)
{
	static const u8 zeroes[CRC_PART];
	u32 i, j, c;

	for (i = 0; i < 256; i++) {
		for (c = i, j = 0; j < 8; j++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
		crc_table[i] = c;
	}
	for (j = 0; j < 4; j++)
		for (i = 1; i < 256; i++) {
			if (i & (i - 1))
				c = crc_shift[j][i & (i - 1)] ^ crc_shift[j][i & -i];
			else
				c = crc_soft(i << 8 * j, zeroes, sizeof(zeroes));
			crc_shift[j][i] = c;
		}
}

#ifdef __x86_64__
static u32 shift(u32 c)
{
	return crc_shift[0][c & 0xff] ^ crc_shift[1][c >> 8 & 0xff] ^
	       crc_shift[2][c >> 16 & 0xff] ^ crc_shift[3][c >> 24];
}

static u64 word(const u8 *p)
{
	u64 w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/* Three chains of three cycles each hide each other's latency. */
__attribute__((target("sse4.2"))) static u32 crc_parts(u32 crc, const u8 *p)
{
	u64 a = crc, b = 0, c = 0;
	u32 i;

	for (i = 0; i < CRC_PART; i += 8) {
		a = __builtin_ia32_crc32di(a, word(p + i));
		b = __builtin_ia32_crc32di(b, word(p + CRC_PART + i));
		c = __builtin_ia32_crc32di(c, word(p + 2 * CRC_PART + i));
	}
	return shift(shift((u32)a) ^ (u32)b) ^ (u32)c;
}

__attribute__((target("sse4.2"))) static u32 crc_hard(u32 crc, const u8 *p, size_t len)
{
	u64 c = crc;

	for (; len >= 3 * CRC_PART; len -= 3 * CRC_PART, p += 3 * CRC_PART)
		c = crc_parts((u32)c, p);
	for (; len >= 8; len -= 8, p += 8)
		c = __builtin_ia32_crc32di(c, word(p));
	return crc_soft((u32)c, p, len);
}
#endif

u32 ftl_crc32c(u32 crc, const void *p, size_t len)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc_hard(~crc, p, len);
#endif
	return ~crc_soft(~crc, p, len);
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

/* A header before each block remembers its size: free() must name it exactly. */
static void *env_alloc(void *ctx, size_t bytes)
{
	struct sim_env *e = ctx;
	u64 *p;

	if (locks_held)
		misuse("memory is allocated under a lock");
	if (!e->fail_alloc)
		return NULL;
	if (e->fail_alloc > 0)
		e->fail_alloc--;
	p = aligned_alloc(64, 64 + ((bytes + 63) & ~(size_t)63));
	if (!p)
		return NULL;
	memset(p, 0, 64 + bytes);
	p[0] = bytes;
	e->allocs++;
	e->bytes += bytes;
	e->peak = max(e->peak, e->bytes);
	return p + 8;
}

static void env_free(void *ctx, void *mem, size_t bytes)
{
	struct sim_env *e = ctx;
	u64 *p = mem;

	if (!p)
		return;
	p -= 8;
	if (p[0] != bytes)
		misuse("memory is freed with another size than it was allocated with");
	e->allocs--;
	e->bytes -= bytes;
	free(p);
}

static void env_log(void *ctx, enum ftl_log_level level, const char *line)
{
	static const char *const name[] = { "err", "warn", "info", "debug" };
	struct sim_env *e = ctx;

	snprintf(e->log[e->lines++ % SIM_LOG_LINES], SIM_LOG_LEN, "%s: %s",
		 name[level], line);
	if (level == FTL_ERR)
		e->errors++;
	if (e->verbose)
		fprintf(stderr, "    ftl %s: %s\n", name[level], line);
}

static void env_kick(void *ctx)
{
	struct sim_env *e = ctx;

	__atomic_store_n(&e->kicked, true, __ATOMIC_RELEASE);
}

static u64 env_now_ns(void *ctx)
{
	struct sim_env *e = ctx;

	return ++e->clock;
}

static u64 env_now_sec(void *ctx)
{
	struct sim_env *e = ctx;

	return 1700000000 + e->clock / 1000000000;
}

static void env_kick_later(void *ctx, u64 ns)
{
	struct sim_env *e = ctx;

	e->later = e->clock + ns;
}

static void env_health(void *ctx)
{
	struct sim_env *e = ctx;

	e->health_changes++;
}

void sim_env_timer(struct sim_env *e)
{
	e->env.kick_later = env_kick_later;
}

void sim_env_pass(struct sim_env *e, u64 ns)
{
	e->clock += ns;
	if (!e->later || e->clock < e->later)
		return;
	e->later = 0;
	e->kicked = true;
}

static int env_wait(void *ctx, bool (*cond)(void *arg), void *arg)
{
	struct sim_env *e = ctx;

	if (locks_held)
		misuse("the core waits under a lock");
	while (!cond(arg)) {
		if (e->on_wait)
			e->on_wait(e->wait_ctx);
		if (sim_step(e->sim))
			continue;
		if (cond(arg))
			break;
		e->hung = true;
		return -ENODEV;
	}
	return 0;
}

static void env_wake(void *ctx)
{
}

static void env_progress(void *ctx, u32 percent)
{
	struct sim_env *e = ctx;

	e->progress = percent;
}

void sim_env_init(struct sim_env *e, struct sim *sim)
{
	memset(e, 0, sizeof(*e));
	e->sim = sim;
	e->fail_alloc = -1;
	e->env = (struct ftl_env){
		.ctx = e,
		.alloc = env_alloc,
		.free = env_free,
		.log = env_log,
		.kick = env_kick,
		.now_ns = env_now_ns,
		.now_sec = env_now_sec,
		.wait = env_wait,
		.wake = env_wake,
		.progress = env_progress,
		.health = env_health,
	};
}

static u32 first_kept(const struct sim_env *e)
{
	return e->lines > SIM_LOG_LINES ? e->lines - SIM_LOG_LINES : 0;
}

bool sim_env_logged(const struct sim_env *e, const char *text)
{
	u32 i;

	for (i = first_kept(e); i < e->lines; i++)
		if (strstr(e->log[i % SIM_LOG_LINES], text))
			return true;
	return false;
}

void sim_env_dump(const struct sim_env *e)
{
	u32 i;

	for (i = first_kept(e); i < e->lines; i++)
		fprintf(stderr, "    %s\n", e->log[i % SIM_LOG_LINES]);
}
