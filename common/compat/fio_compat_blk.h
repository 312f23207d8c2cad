/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the block layers of kernels differ; for blk/ alone.
 *
 * The block layer moves more than anything else that we use. What blk/ says is
 * the newest kernel's API or a fio_ name from here; nothing there asks which
 * kernel it is. The combinations that only 6.9 to 6.10 and 6.11 to 6.13 have
 * follow from the probes but are in no kernel that we test.
 */
#ifndef FIO_COMPAT_BLK_H
#define FIO_COMPAT_BLK_H

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/log2.h>

#include "fio_compat.h"

/*
 * Limits: one structure, filled before the disk exists. Where the kernel has
 * only setters (and features are flags of the queue), the structure is ours,
 * with the newest kernel's names for the fields that we set.
 */
#if FIO_HAVE_LIMITS_FEATURES

#define fio_queue_limits	queue_limits

static inline struct gendisk *
fio_compat_alloc_disk(struct blk_mq_tag_set *set, struct fio_queue_limits *lim,
		      void *data)
{
	return blk_mq_alloc_disk(set, lim, data);
}

/**
 * fio_compat_set_features() - change what the cache promises, on a live disk
 * @disk: the disk
 * @mask: features that are ours to decide
 * @on: those of @mask that hold from now on
 *
 * Context: may sleep; waits for the requests that are under way.
 * Return: 0 or -errno.
 */
static inline int fio_compat_set_features(struct gendisk *disk,
					  blk_features_t mask, blk_features_t on)
{
	struct queue_limits lim = queue_limits_start_update(disk->queue);

	lim.features = (lim.features & ~mask) | on;
#if FIO_HAVE_LIMITS_COMMIT_FROZEN
	return queue_limits_commit_update_frozen(disk->queue, &lim);
#else
	int err;

	blk_mq_freeze_queue(disk->queue);
	err = queue_limits_commit_update(disk->queue, &lim);
	blk_mq_unfreeze_queue(disk->queue);
	return err;
#endif
}

#else /* setters */

#define blk_features_t		unsigned int
#define BLK_FEAT_WRITE_CACHE	BIT(0)
#define BLK_FEAT_FUA		BIT(1)

struct fio_queue_limits {
	blk_features_t features;
	unsigned int logical_block_size;
	unsigned int physical_block_size;
	unsigned int io_min;
	unsigned int io_opt;
	unsigned int max_hw_sectors;
	unsigned int max_segment_size;
	unsigned int max_hw_discard_sectors;
	unsigned int discard_granularity;
	unsigned int max_write_zeroes_sectors;
	unsigned int dma_alignment;
	unsigned short max_segments;
};

static inline int fio_compat_set_features(struct gendisk *disk,
					  blk_features_t mask, blk_features_t on)
{
	blk_queue_write_cache(disk->queue, on & BLK_FEAT_WRITE_CACHE,
			      on & BLK_FEAT_FUA);
	return 0;
}

static inline void fio_compat_set_limits(struct request_queue *q,
					 const struct fio_queue_limits *lim)
{
	blk_queue_logical_block_size(q, lim->logical_block_size);
	blk_queue_physical_block_size(q, lim->physical_block_size);
	blk_queue_io_min(q, lim->io_min);
	blk_queue_io_opt(q, lim->io_opt);
	blk_queue_max_hw_sectors(q, lim->max_hw_sectors);
	blk_queue_max_segments(q, lim->max_segments);
	blk_queue_max_segment_size(q, lim->max_segment_size);
	blk_queue_dma_alignment(q, lim->dma_alignment);
	q->limits.discard_granularity = lim->discard_granularity;
	blk_queue_max_discard_sectors(q, lim->max_hw_discard_sectors);
	blk_queue_max_write_zeroes_sectors(q, lim->max_write_zeroes_sectors);
	/* the newest kernel takes a disk for solid state unless told otherwise */
	blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
}

static inline struct gendisk *
fio_compat_alloc_disk(struct blk_mq_tag_set *set, struct fio_queue_limits *lim,
		      void *data)
{
#if FIO_HAVE_ALLOC_DISK_LIMITS
	struct gendisk *disk = blk_mq_alloc_disk(set, NULL, data);
#else
	struct gendisk *disk = blk_mq_alloc_disk(set, data);
#endif

	if (!IS_ERR(disk)) {
		fio_compat_set_limits(disk->queue, lim);
		fio_compat_set_features(disk, lim->features, lim->features);
	}
	return disk;
}

#endif /* FIO_HAVE_LIMITS_FEATURES */

/* Write-zeroes of @sectors unmaps, so it is as cheap as a discard. */
static inline void fio_compat_wzeroes_unmap(struct fio_queue_limits *lim)
{
#if FIO_HAVE_WZEROES_UNMAP
	lim->max_hw_wzeroes_unmap_sectors = lim->max_write_zeroes_sectors;
#endif
}

/**
 * fio_compat_atomic_writes() - writes of which a cut leaves all or nothing
 * @lim: limits, features set
 * @unit: bytes of which such a write is made and to which it is aligned
 * @most: bytes of the largest one; 0: there are none
 *
 * Where the kernel has none it sends none, and nothing is advertised.
 *
 * Context: any.
 */
static inline void fio_compat_atomic_writes(struct fio_queue_limits *lim,
					    unsigned int unit, unsigned int most)
{
#if FIO_HAVE_ATOMIC_WRITE
	if (most < unit)
		return;
	lim->atomic_write_hw_max = most;
	lim->atomic_write_hw_unit_min = unit;
	lim->atomic_write_hw_unit_max = rounddown_pow_of_two(most);
#if FIO_HAVE_ATOMIC_FEATURE
	lim->features |= BLK_FEAT_ATOMIC_WRITES;
#endif
#endif
}

/* The block layer never splits one, and merges them up to atomic_write_hw_max. */
static inline bool fio_compat_is_atomic(const struct request *rq)
{
#if FIO_HAVE_ATOMIC_WRITE
	return rq->cmd_flags & REQ_ATOMIC;
#else
	return false;
#endif
}

/* How many streams bi_write_stream may name. */
static inline void fio_compat_write_streams(struct fio_queue_limits *lim,
					    unsigned short streams)
{
#if FIO_HAVE_WRITE_STREAM
	lim->max_write_streams = streams;
#endif
}

/**
 * fio_compat_write_stream() - the stream of a write
 * @rq: a write
 * @streams: how many there are
 *
 * The one it names; else one for each of the lifetimes that a file can be said to
 * have (short, medium, long, extreme), if there are as many.
 *
 * Context: any.
 * Return: 1 to @streams, 0: none.
 */
static inline u8 fio_compat_write_stream(const struct request *rq, u8 streams)
{
	u8 stream = 0;

#if FIO_HAVE_WRITE_STREAM
	stream = rq->bio->bi_write_stream;
#endif
#if FIO_HAVE_WRITE_HINT
	if (!stream && rq->bio->bi_write_hint >= WRITE_LIFE_SHORT)
		stream = rq->bio->bi_write_hint - WRITE_LIFE_SHORT + 1;
#endif
	return stream <= streams ? stream : 0;
}

#if FIO_HAVE_MERGE_ALWAYS
#define FIO_MQ_FLAGS	0
#else
#define FIO_MQ_FLAGS	BLK_MQ_F_SHOULD_MERGE
#endif

static inline int fio_compat_map_sg(struct request *rq, struct scatterlist *sg)
{
#if FIO_HAVE_MAP_SG_REQUEST
	return blk_rq_map_sg(rq, sg);
#else
	return blk_rq_map_sg(rq->q, rq, sg);
#endif
}

/*
 * A plugged list of requests. rq_list_pop() and rq_list_peek() are alike
 * everywhere when given one of these; putting back at the front is not.
 */
#if FIO_HAVE_RQ_LIST
#define fio_rq_list			struct rq_list
#define fio_rq_list_push(list, rq)	rq_list_add_head(list, rq)
#else
#define fio_rq_list			struct request *
#define fio_rq_list_push(list, rq)	rq_list_add(list, rq)
#endif

/*
 * FIO_OPENERS() - the .open and .release operations of a disk
 * @name: they become name_fop_open() and name_fop_release() and call
 *	int name_open(struct gendisk *) and void name_release(struct gendisk *)
 */
#if FIO_HAVE_OPEN_DISK
#define FIO_OPENERS(name)						\
static int name##_fop_open(struct gendisk *disk, blk_mode_t mode)	\
{									\
	return name##_open(disk);					\
}									\
									\
static void name##_fop_release(struct gendisk *disk)			\
{									\
	name##_release(disk);						\
}
#else
#define FIO_OPENERS(name)						\
static int name##_fop_open(struct block_device *bdev, fmode_t mode)	\
{									\
	return name##_open(bdev->bd_disk);				\
}									\
									\
static void name##_fop_release(struct gendisk *disk, fmode_t mode)	\
{									\
	name##_release(disk);						\
}
#endif

#endif /* FIO_COMPAT_BLK_H */
