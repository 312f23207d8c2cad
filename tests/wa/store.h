/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a simulated medium remembers, and how fast simulations get an environment.
 *
 * Every page's tag is kept, and the content of metadata; of user data nothing is:
 * simulations of hundreds of gigabytes of writes look at where data goes, never
 * at what it says. Time, queues and completions are the business of the media
 * built on this: medium.h (at once) and tests/tail (a clock per die).
 */
#ifndef TESTS_STORE_H
#define TESTS_STORE_H

#include "hal/ftl/ftl.h"

#define STORE_TYPES	16

/**
 * struct store - pages of a medium
 * @pages: units in an append unit, @total: units in all
 * @tag: of each unit, @content: 4 KiB where it is kept, else NULL
 * @wp: write pointer of each append unit, @rich: does it hold contents
 * @appended: units ever appended, by tag type
 * @erases: append units ever erased
 */
struct store {
	u32 pages, total;
	struct fio_tag *tag;
	u8 **content;
	u32 *wp;
	u8 *rich;
	u64 appended[STORE_TYPES];
	u64 erases;
};

/** store_init() - an erased medium of that shape; exits when memory runs out */
void store_init(struct store *s, const struct media_geometry *g);
void store_free(struct store *s);

/** store_do() - perform a command: sets its answer, does not complete it */
void store_do(struct store *s, struct media_cmd *cmd);

/** store_units() - units ever appended, without the copies of the superblock */
u64 store_units(const struct store *s);

/** must_alloc() - zeroed memory or the end */
void *must_alloc(size_t n, size_t size);

/* Parts of an environment that every simulation shares; @ctx is not used. */
void *plain_alloc(void *ctx, size_t bytes);
void plain_free(void *ctx, void *p, size_t bytes);
void plain_log(void *ctx, enum ftl_log_level level, const char *line);
void plain_progress(void *ctx, u32 percent);
void plain_wake(void *ctx);
u64 plain_now_sec(void *ctx);

/* The same for a medium: buffers, and data that does not exist. */
int plain_buf_alloc(struct media *m, u32 units, struct media_buf *buf);
void plain_buf_free(struct media *m, struct media_buf *buf);
void plain_copy(struct media *m, struct ftl_io *io, u32 off, void *va, u32 len, bool to_io);
void plain_zero(struct media *m, struct ftl_io *io, u32 off, u32 len);

#endif /* TESTS_STORE_H */
