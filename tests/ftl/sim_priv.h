/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two halves of the simulated medium share: sim_media.c (commands) and
 * sim_image.c (power cuts).
 */
#ifndef TESTS_SIM_PRIV_H
#define TESTS_SIM_PRIV_H

#include "sim_media.h"

enum sim_op_kind { SIM_PROGRAM, SIM_ERASE, SIM_RETIRE };

/* A page on its way to the array; shared by the queue and its snapshots. */
struct sim_page {
	u32 refs;
	struct fio_tag tag;
	u8 data[FIO_MEDIA_UNIT];
};

/**
 * struct sim_op - an operation queued on a die
 * @kind: enum sim_op_kind
 * @fail: it will fail; decided at admission, for it must not be acknowledged
 * @must: acknowledged and durable: a cut completes it
 * @acked: acknowledged
 * @added: in the sum of its row
 * @block: append unit
 * @page: page of a program
 * @index: unit within the command
 * @content: of a program
 * @cmd: the command that waits for it, or NULL
 * @owner: the command it came with, perhaps in another life by now
 */
struct sim_op {
	u8 kind;
	bool fail, must, acked, added;
	u32 block, page;
	u32 index;
	struct sim_page *content;
	struct sim_cmd *cmd;
	const struct sim_cmd *owner;
};

/* FIFO; @done counts what was ever taken from it. */
struct sim_queue {
	struct sim_op *op;
	u32 len, cap;
	u64 done;
};

/**
 * struct sim_image - all that a power cut can see
 * @au: SIM_AU_* per append unit, die by die
 * @queue: per die; empty once cut
 * @fail_programs: faults still armed
 * @fail_erases: likewise
 * @keeps_open: as in struct sim_config
 */
struct sim_image {
	struct nand *nand;
	u32 dies, aus;
	u8 *au;
	struct sim_queue *queue;
	u32 fail_programs, fail_erases;
	bool keeps_open;
};

/* sim_media.c */
void *sim_alloc(size_t bytes);
void sim_page_put(struct sim_page *p);
void sim_queue_push(struct sim_queue *q, const struct sim_op *op);
void sim_view(const struct sim *s, struct sim_image *img);
struct sim *sim_new(const struct sim_config *cfg, struct nand *nand);
void sim_load(struct sim *s, const struct sim_image *img);

/* sim_xor.c */
struct sim_sums;
struct sim_sums *sim_sums_new(u32 groups, u32 pages);
void sim_sums_free(struct sim_sums *x);
bool sim_sums_open(struct sim_sums *x, u32 au);
bool sim_sums_begin(struct sim_sums *x, u32 au);
void sim_sums_end(struct sim_sums *x, u32 au);
bool sim_sums_mix(struct sim_sums *x, u32 au, u32 page, const void *data,
		  const struct fio_tag *tag, s32 by);
bool sim_sums_get(struct sim_sums *x, u32 au, u32 page, void *data, struct fio_tag *tag,
		  bool raw);

#endif /* TESTS_SIM_PRIV_H */
