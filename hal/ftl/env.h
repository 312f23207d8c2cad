/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything the FTL core needs from the world besides its medium.
 *
 * Owns: the list, short on purpose. hal/env.c implements it for the kernel,
 * tests/ftl for user space. Locks and atomics are here because the core runs
 * unchanged in interrupt handlers, in threads and single-stepped under test.
 */
#ifndef FTL_ENV_H
#define FTL_ENV_H

#include <fio/types.h>

enum ftl_log_level { FTL_ERR, FTL_WARN, FTL_INFO, FTL_DEBUG };

/* Kinds of memory, for exact accounting. */
enum ftl_mem { FTL_MEM_CORE, FTL_MEM_MAP, FTL_MEM_BUFFER, FTL_MEM_SCAN, FTL_MEM_KINDS };

/**
 * struct ftl_env - services of the host environment
 * @ctx: handed back to each call
 * @alloc: zeroed memory; may sleep, but must not wait for I/O to this device:
 *	attach and format, and ftl_run() when a piece of the map is first written
 * @free: its counterpart
 * @log: one line, no newline
 * @kick: there is background work: call ftl_run() soon. Any context
 * @now_ns: monotonic clock
 * @now_sec: seconds since the epoch
 * @wait: sleep until @cond(@arg) is true or the card is gone; worker context.
 *	Tests step their medium here. Returns 0, or -ENODEV
 * @wake: re-evaluate the conditions of sleepers in @wait. Any context
 * @progress: percent done of attach or format, for the user
 * @kick_later: as @kick, but in @ns nanoseconds, or somewhat later; a second wish
 *	replaces the first. NULL: there is no timer; what is paced by time is then
 *	paced by work alone, and patrols only when there is other work
 * @health: what ftl_get_health() answers has changed. Worker context; may be NULL
 */
struct ftl_env {
	void *ctx;
	void *(*alloc)(void *ctx, size_t bytes);
	void (*free)(void *ctx, void *p, size_t bytes);
	void (*log)(void *ctx, enum ftl_log_level level, const char *line);
	void (*kick)(void *ctx);
	u64 (*now_ns)(void *ctx);
	u64 (*now_sec)(void *ctx);
	int (*wait)(void *ctx, bool (*cond)(void *arg), void *arg);
	void (*wake)(void *ctx);
	void (*progress)(void *ctx, u32 percent);
	void (*kick_later)(void *ctx, u64 ns);
	void (*health)(void *ctx);
};

/*
 * Locks: linked, not called through pointers, because they are on the fast path.
 * Taken with interrupts off in the kernel. Never nested but in the order that
 * ftl_priv.h states.
 */
struct ftl_lock {
	unsigned long opaque[16] __aligned(8);	/* lockdep's are large */
};

void ftl_lock_init(struct ftl_lock *l);
unsigned long ftl_lock(struct ftl_lock *l);
void ftl_unlock(struct ftl_lock *l, unsigned long flags);

/*
 * CRC32C (Castagnoli), as in iSCSI. Start with 0; the answer of one call is @crc
 * of the next. The inversions at start and end are done inside.
 */
u32 ftl_crc32c(u32 crc, const void *p, size_t len);

/* Formats into a line for env->log(); the environment's vsnprintf. */
int ftl_format_line(char *buf, size_t len, const char *fmt, ...) __printf(3, 4);

/* Atomics: the compiler's, the same in both worlds; KCSAN and TSan see them. */
#define ftl_load(p)		__atomic_load_n(p, __ATOMIC_RELAXED)
#define ftl_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define ftl_store(p, v)		__atomic_store_n(p, v, __ATOMIC_RELAXED)
#define ftl_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define ftl_add(p, v)		__atomic_add_fetch(p, v, __ATOMIC_RELAXED)
#define ftl_swap(p, v)		__atomic_exchange_n(p, v, __ATOMIC_ACQ_REL)
#define ftl_cas(p, old, new) ({						\
	typeof(*(p)) _o = (old);					\
	__atomic_compare_exchange_n(p, &_o, new, false,			\
				    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED); })
#define ftl_fence()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
/* A fence, right behind an atomic that returns a value: on x86 that was one. */
#ifdef __x86_64__
#define ftl_fence_after_atomic() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#else
#define ftl_fence_after_atomic() ftl_fence()
#endif
#define ftl_prefetch(p)		__builtin_prefetch(p)
#define ftl_prefetch_write(p)	__builtin_prefetch(p, 1)

#endif /* FTL_ENV_H */
