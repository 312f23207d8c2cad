/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What main.c (the disk and its life) and queue.c (requests) of fio-blk share.
 */
#ifndef FIO_BLK_H
#define FIO_BLK_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <fio/hal.h>

#include "fio_compat_blk.h"

/*
 * Segments of one request. Each request carries its scatter list with it, so
 * that no I/O waits for memory; 128 entries are one page of list. A larger
 * request is split by the block layer.
 */
#define FIO_BLK_SEGMENTS	128U

/**
 * struct fio_blk - one disk
 * @unit: what it is a disk of; a reference is held until this structure goes
 * @info: the unit's constants
 * @disk: the gendisk
 * @set: tags and hardware queues
 * @lba_shift: 512-byte sectors per logical block, as a shift
 * @segments: entries of a request's scatter list
 * @sg_offset: where in a request's private area that list begins
 * @dead: the card is gone: requests fail at once. Read without a lock
 *
 * @cache_work: brings the write cache mode of the disk up to date
 *
 * @ref: one for the binding to the unit, one for the disk while it is added
 *
 * @stop_lock: protects @stopped, and @dead against it
 * @stopped: the queue is quiesced
 *
 * @users_lock: protects @users and @claimed
 * @users: opens of the disk or a partition that are not released yet
 * @claimed: a detach is under way: nobody may open
 * @idle: woken when @users becomes 0
 */
struct fio_blk {
	struct fio_unit *unit;
	struct fio_unit_info info;
	struct gendisk *disk;
	struct blk_mq_tag_set set;
	unsigned int lba_shift;
	unsigned int segments;
	size_t sg_offset;
	bool dead;
	struct work_struct cache_work;

	struct kref ref;

	struct mutex stop_lock;	/* quiesce and death */
	bool stopped;

	spinlock_t users_lock;	/* opens and claim */
	unsigned int users;
	bool claimed;
	wait_queue_head_t idle;
};

/* queue.c */
int fio_blk_queue_init(struct fio_blk *b);
void fio_blk_queue_exit(struct fio_blk *b);

#endif /* FIO_BLK_H */
