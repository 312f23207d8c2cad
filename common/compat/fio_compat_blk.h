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
#if !FIO_HAVE_DISCARD_LIMIT
	blk_queue_flag_set(QUEUE_FLAG_DISCARD, q);
#endif
	blk_queue_max_write_zeroes_sectors(q, lim->max_write_zeroes_sectors);
	/* the newest kernel takes a disk for solid state unless told otherwise */
	blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
}

#if !FIO_HAVE_ALLOC_DISK
/* What the block layer's own helper does where there is one. */
static inline struct gendisk *
fio_compat_new_disk(struct blk_mq_tag_set *set, void *data)
{
	struct gendisk *disk = alloc_disk_node(0, set->numa_node);
	struct request_queue *q;

	if (!disk)
		return ERR_PTR(-ENOMEM);
	q = blk_mq_init_queue(set);
	if (IS_ERR(q)) {
		put_disk(disk);
		return ERR_CAST(q);
	}
	q->queuedata = data;
	disk->queue = q;
	disk->flags |= GENHD_FL_EXT_DEVT;
	return disk;
}
#elif FIO_HAVE_ALLOC_DISK_LIMITS
#define fio_compat_new_disk(set, data)	blk_mq_alloc_disk(set, NULL, data)
#else
#define fio_compat_new_disk(set, data)	blk_mq_alloc_disk(set, data)
#endif

static inline struct gendisk *
fio_compat_alloc_disk(struct blk_mq_tag_set *set, struct fio_queue_limits *lim,
		      void *data)
{
	struct gendisk *disk = fio_compat_new_disk(set, data);

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
 * everywhere when given one of these; putting back at the front is not. Where the
 * block layer hands over no lists, the function that would take them is compiled
 * with a list that is always empty, and dropped.
 */
#if FIO_HAVE_QUEUE_RQS
#define FIO_QUEUE_RQS(fn)		.queue_rqs = (fn),
#else
#define FIO_QUEUE_RQS(fn)
#endif

#if !FIO_HAVE_QUEUE_RQS
#define fio_rq_list			struct request *
#define rq_list_pop(list)		(*(list))
#define rq_list_peek(list)		(*(list))
#define fio_rq_list_push(list, rq)	(*(list) = (rq))
#elif FIO_HAVE_RQ_LIST
#define fio_rq_list			struct rq_list
#define fio_rq_list_push(list, rq)	rq_list_add_head(list, rq)
#else
#define fio_rq_list			struct request *
#define fio_rq_list_push(list, rq)	rq_list_add(list, rq)
#endif

/* The .timeout operation: calls name(struct request *). */
#if FIO_HAVE_TIMEOUT_REQUEST
#define FIO_TIMEOUT_OP(name)						\
static enum blk_eh_timer_return name##_op(struct request *rq)		\
{									\
	return name(rq);						\
}
#else
#define FIO_TIMEOUT_OP(name)						\
static enum blk_eh_timer_return name##_op(struct request *rq, bool res)	\
{									\
	return name(rq);						\
}
#endif

/* The .map_queues operation: calls void name(struct blk_mq_tag_set *). */
#if FIO_HAVE_MAP_QUEUES_VOID
#define FIO_MAP_QUEUES_OP(name)						\
static void name##_op(struct blk_mq_tag_set *set)			\
{									\
	name(set);							\
}
#else
#define FIO_MAP_QUEUES_OP(name)						\
static int name##_op(struct blk_mq_tag_set *set)			\
{									\
	name(set);							\
	return 0;							\
}
#endif

/* Readers of a disk that is gone then see EIO instead of ENODEV. */
#if !FIO_HAVE_STS_OFFLINE
#define BLK_STS_OFFLINE	BLK_STS_IOERR
#endif

#if !FIO_HAVE_MARK_DISK_DEAD
static inline void blk_mark_disk_dead(struct gendisk *disk)
{
	blk_set_queue_dying(disk->queue);
}
#endif

/*
 * FIO_FREE_DISK() - how the driver hears that the last reference to a disk is gone
 * @name: calls void name(struct gendisk *), once, and only for a disk that
 *	fio_compat_add_disk() has added
 *
 * Without the operation the disk's device has a release of its own that is called
 * first. It ends in the block layer's, as device_release() finds it.
 */
#if FIO_HAVE_FREE_DISK
#define FIO_FREE_DISK(name)
#define FIO_FREE_DISK_OP(name)	.free_disk = (name),
#define fio_compat_on_free(disk, name)	do { } while (0)
#else
#define FIO_FREE_DISK(name)						\
static void name##_device(struct device *dev)				\
{									\
	name(dev_to_disk(dev));						\
	if (dev->type && dev->type->release)				\
		dev->type->release(dev);				\
	else								\
		dev->class->dev_release(dev);				\
}

#define FIO_FREE_DISK_OP(name)
#define fio_compat_on_free(disk, name)	(disk_to_dev(disk)->release = name##_device)
#endif

/**
 * fio_compat_add_disk() - device_add_disk(), whose failure older kernels hide
 * @parent: the device above the disk
 * @disk: the disk
 * @groups: attributes of the disk
 *
 * Context: may sleep; reads the partition table.
 * Return: 0 or -errno.
 */
static inline int fio_compat_add_disk(struct device *parent, struct gendisk *disk,
				      const struct attribute_group **groups)
{
#if FIO_HAVE_ADD_DISK_RESULT
	return device_add_disk(parent, disk, groups);
#else
	device_add_disk(parent, disk, groups);
	return 0;
#endif
}

/**
 * fio_compat_del_disk() - del_gendisk(), after which no request is under way
 * @disk: a disk that was added
 *
 * Descriptors may still be open. Older kernels only unlink the disk, and requests
 * of those descriptors go on until the queue is ended.
 *
 * Context: may sleep; waits for requests.
 */
static inline void fio_compat_del_disk(struct gendisk *disk)
{
	del_gendisk(disk);
#if !FIO_HAVE_DISK_ENDS_QUEUE
	blk_cleanup_queue(disk->queue);
#endif
}

/**
 * fio_compat_drop_disk() - put_disk() of a disk that was never added
 * @disk: from fio_compat_alloc_disk()
 */
static inline void fio_compat_drop_disk(struct gendisk *disk)
{
#if !FIO_HAVE_DISK_ENDS_QUEUE
	blk_cleanup_queue(disk->queue);
#if !FIO_HAVE_ALLOC_DISK
	/* the disk has no reference to its queue before it is added */
	disk->queue = NULL;
#endif
#endif
	put_disk(disk);
}

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
