// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-blk: a unit of fio-hal as a disk, /dev/fioa.
 *
 * Owns: the gendisk and its life, its name, its limits, who has it open. Does
 * not know: the card, the FTL, how a request gets to them (queue.c, fio/hal.h).
 *
 * Life of a disk. probe() makes it; from fio_unit_set_data() on the unit's other
 * callbacks may come, also while the partition table is read. remove() runs with
 * descriptors still open: deleting the disk ends the queue, what is submitted later
 * fails in the block layer, and the memory goes when the last descriptor does
 * (free_disk), together with the reference to the unit.
 *
 * The major is the block layer's own for disks with many partitions, so LVM and
 * udev treat the disk as they treat an NVMe drive and need no configuration.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uuid.h>

#include "blk.h"

/* How long a detach waits for a passing opener, such as udev's prober. */
#define FIO_BLK_IDLE_WAIT	HZ

#define FIO_BLK_CACHE_FEATURES	(BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA)

static atomic_t fio_blk_disks = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(fio_blk_disks_gone);

static void fio_blk_free(struct kref *ref)
{
	struct fio_blk *b = container_of(ref, struct fio_blk, ref);

	fio_unit_put(b->unit);
	mutex_destroy(&b->stop_lock);
	kfree(b);
	if (atomic_dec_and_test(&fio_blk_disks))
		wake_up_all(&fio_blk_disks_gone);
}

/* Log lines name the card and its PCI address, as those of hal do. */
static struct device *fio_blk_log(struct fio_unit *u)
{
	return fio_unit_device(u)->parent;
}

static void fio_blk_put(struct fio_blk *b)
{
	kref_put(&b->ref, fio_blk_free);
}

/*
 * Users. Each open of the disk or of a partition counts; a mount, a volume
 * group or an array holds one.
 */

static int fio_blk_open(struct gendisk *disk)
{
	struct fio_blk *b = disk->private_data;
	int err = 0;

	spin_lock(&b->users_lock);
	if (READ_ONCE(b->dead))
		err = -ENXIO;
	else if (b->claimed)
		err = -EBUSY;
	else
		b->users++;
	spin_unlock(&b->users_lock);
	return err;
}

static void fio_blk_release(struct gendisk *disk)
{
	struct fio_blk *b = disk->private_data;
	bool idle;

	spin_lock(&b->users_lock);
	idle = !--b->users;
	spin_unlock(&b->users_lock);
	if (idle)
		wake_up_all(&b->idle);
}

static bool fio_blk_try_claim(struct fio_blk *b)
{
	bool claimed;

	spin_lock(&b->users_lock);
	if (!b->users)
		b->claimed = true;
	claimed = b->claimed;
	spin_unlock(&b->users_lock);
	return claimed;
}

/*
 * After a writer closes, udev opens the disk once more to look for a new file
 * system. A detach that follows a umount at once must not fail for that.
 */
static int fio_blk_claim_idle(struct fio_unit *u)
{
	struct fio_blk *b = fio_unit_data(u);

	if (!wait_event_timeout(b->idle, fio_blk_try_claim(b), FIO_BLK_IDLE_WAIT))
		return -EBUSY;
	return 0;
}

static void fio_blk_release_idle(struct fio_unit *u)
{
	struct fio_blk *b = fio_unit_data(u);

	spin_lock(&b->users_lock);
	b->claimed = false;
	spin_unlock(&b->users_lock);
}

static void fio_blk_free_disk(struct gendisk *disk)
{
	fio_blk_put(disk->private_data);
}

FIO_OPENERS(fio_blk)
FIO_FREE_DISK(fio_blk_free_disk)

static const struct block_device_operations fio_blk_fops = {
	.owner		= THIS_MODULE,
	.open		= fio_blk_fop_open,
	.release	= fio_blk_fop_release,
	FIO_FREE_DISK_OP(fio_blk_free_disk)
};

/* Attributes of the disk, for udev's names that survive a move to another slot. */

static struct fio_blk *dev_to_blk(struct device *dev)
{
	return dev_to_disk(dev)->private_data;
}

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%pUb\n", dev_to_blk(dev)->info.uuid);
}
static DEVICE_ATTR_RO(uuid);

static ssize_t control_node_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", dev_to_blk(dev)->info.name);
}
static DEVICE_ATTR_RO(control_node);

static struct attribute *fio_blk_attrs[] = {
	&dev_attr_uuid.attr,
	&dev_attr_control_node.attr,
	NULL,
};
ATTRIBUTE_GROUPS(fio_blk);

/* Without power-loss protection completion means "in the card's buffer". */
static blk_features_t fio_blk_cache_features(const struct fio_unit_info *info)
{
	return info->volatile_cache ? FIO_BLK_CACHE_FEATURES : 0;
}

static u32 fio_blk_discard_sectors(const struct fio_unit_info *info)
{
	u64 sectors = info->max_discard_bytes >> SECTOR_SHIFT;

	return min_t(u64, sectors, UINT_MAX >> SECTOR_SHIFT);
}

/*
 * The one place that tells the block layer what the disk can do.
 *
 * Stable pages are not asked for: the checksum that lies beside the data on the
 * flash is taken from what the card has received, so a page that changes under
 * way is stored as one of its versions or a mix, as on any disk, and never
 * becomes a checksum error.
 */
static void fio_blk_fill_limits(const struct fio_blk *b,
				struct fio_queue_limits *lim)
{
	const struct fio_unit_info *info = &b->info;

	lim->logical_block_size = info->lba_bytes;
	lim->physical_block_size = info->physical_bytes;
	lim->io_min = info->physical_bytes;
	/* the largest request that reaches the card in one piece */
	lim->io_opt = round_down(info->max_bytes, info->physical_bytes);
	lim->max_hw_sectors = info->max_bytes >> SECTOR_SHIFT;
	lim->max_segments = b->segments;
	lim->max_segment_size = info->max_segment_bytes;
	lim->dma_alignment = info->dma_alignment;
	lim->discard_granularity = info->discard_granularity;
	lim->max_hw_discard_sectors = fio_blk_discard_sectors(info);
	lim->max_write_zeroes_sectors = fio_blk_discard_sectors(info);
	fio_compat_wzeroes_unmap(lim);
	fio_compat_write_streams(lim, FIO_WRITE_STREAMS);
	lim->features = fio_blk_cache_features(info);
	fio_compat_atomic_writes(lim, info->physical_bytes, info->atomic_bytes);
}

/*
 * A worker, because the limits change with the queue frozen: that waits for
 * requests, which may wait for a reset, which waits for callbacks to return.
 */
static void fio_blk_cache_work(struct work_struct *work)
{
	struct fio_blk *b = container_of(work, struct fio_blk, cache_work);
	struct fio_unit *u = b->unit;
	struct fio_unit_info info = { };
	int err;

	fio_unit_info(u, &info);
	b->info.volatile_cache = info.volatile_cache;
	err = fio_compat_set_features(b->disk, FIO_BLK_CACHE_FEATURES,
				      fio_blk_cache_features(&info));
	if (err)
		dev_err(fio_blk_log(u), "%s: cannot change the write cache mode of %s, error %d: detach and attach the card\n",
			info.name, b->disk->disk_name, err);
	else
		dev_warn(fio_blk_log(u), "%s: %s now has %s write cache\n",
			 info.name, b->disk->disk_name,
			 info.volatile_cache ? "a volatile" : "no volatile");
}

/* fioa ... fioz, fioaa ...: bijective base 26, as sd names disks. */
static int fio_blk_name(u32 index, char *buf, size_t len)
{
	char letters[8], *p = &letters[sizeof(letters) - 1];
	u64 n = (u64)index + 1;

	*p = '\0';
	do {
		*--p = 'a' + (n - 1) % 26;
		n = (n - 1) / 26;
	} while (n && p > letters);
	if (n || strlen(p) + sizeof("fio") > len)
		return -EOVERFLOW;
	snprintf(buf, len, "fio%s", p);
	return 0;
}

static int fio_blk_alloc_disk(struct fio_blk *b)
{
	struct fio_queue_limits lim = { };
	struct gendisk *disk;
	int err;

	fio_blk_fill_limits(b, &lim);
	disk = fio_compat_alloc_disk(&b->set, &lim, b);
	if (IS_ERR(disk))
		return PTR_ERR(disk);
	disk->fops = &fio_blk_fops;
	disk->private_data = b;
	err = fio_blk_name(b->info.index, disk->disk_name, DISK_NAME_LEN);
	if (err) {
		fio_compat_drop_disk(disk);
		return err;
	}
	set_capacity(disk, b->info.blocks << b->lba_shift);
	b->disk = disk;
	return 0;
}

static struct fio_blk *fio_blk_alloc(struct fio_unit *u)
{
	struct fio_unit_info info = { };
	struct fio_blk *b;

	fio_unit_info(u, &info);
	b = kzalloc_node(sizeof(*b), GFP_KERNEL, info.node);
	if (!b)
		return NULL;
	b->unit = u;
	b->info = info;
	b->segments = min(info.max_segments, FIO_BLK_SEGMENTS);
	kref_init(&b->ref);
	mutex_init(&b->stop_lock);
	spin_lock_init(&b->users_lock);
	init_waitqueue_head(&b->idle);
	INIT_WORK(&b->cache_work, fio_blk_cache_work);
	fio_unit_get(u);
	atomic_inc(&fio_blk_disks);
	return b;
}

/*
 * From here on quiesce() and the others may come, and reading the partition
 * table needs them: an I/O of it may time out and reset the card.
 */
static int fio_blk_add_disk(struct fio_blk *b)
{
	int err;

	kref_get(&b->ref);	/* free_disk() drops it */
	fio_unit_set_data(b->unit, b);
	err = fio_compat_add_disk(fio_unit_device(b->unit), b->disk,
				  fio_blk_groups);
	if (err) {
		fio_unit_set_data(b->unit, NULL);
		cancel_work_sync(&b->cache_work);
		fio_blk_put(b);	/* the block layer calls free_disk only once added */
		return err;
	}
	fio_compat_on_free(b->disk, fio_blk_free_disk);
	return 0;
}

static int fio_blk_probe(struct fio_unit *u)
{
	struct fio_blk *b = fio_blk_alloc(u);
	int err;

	if (!b)
		return -ENOMEM;
	err = fio_blk_queue_init(b);
	if (err)
		goto out_put;
	err = fio_blk_alloc_disk(b);
	if (err)
		goto out_queue;
	err = fio_blk_add_disk(b);
	if (err)
		goto out_disk;
	dev_info(fio_blk_log(u), "%s: block device %s, %llu blocks of %u bytes\n",
		 b->info.name, b->disk->disk_name, b->info.blocks,
		 b->info.lba_bytes);
	return 0;

out_disk:
	fio_compat_drop_disk(b->disk);
out_queue:
	fio_blk_queue_exit(b);
out_put:
	fio_blk_put(b);
	dev_err(fio_blk_log(u), "no block device for this unit: error %d\n",
		err);
	return err;
}

static void fio_blk_set_stopped(struct fio_blk *b, bool stop)
{
	lockdep_assert_held(&b->stop_lock);
	if (b->stopped == stop)
		return;
	b->stopped = stop;
	if (stop)
		blk_mq_quiesce_queue(b->disk->queue);
	else
		blk_mq_unquiesce_queue(b->disk->queue);
}

/* A dead disk is never stopped: what is queued has to run to fail. */
static void fio_blk_quiesce(struct fio_unit *u, bool stop)
{
	struct fio_blk *b = fio_unit_data(u);

	mutex_lock(&b->stop_lock);
	fio_blk_set_stopped(b, stop && !b->dead);
	mutex_unlock(&b->stop_lock);
}

/*
 * First let everything that waits run and fail, then tell the block layer, which
 * tells file systems: they may hold locks over I/O that is waiting here.
 */
static void fio_blk_dead(struct fio_unit *u)
{
	struct fio_blk *b = fio_unit_data(u);

	mutex_lock(&b->stop_lock);
	WRITE_ONCE(b->dead, true);
	fio_blk_set_stopped(b, false);
	mutex_unlock(&b->stop_lock);
	blk_mark_disk_dead(b->disk);
}

/*
 * Deleting writes back what a live card can still take and waits for every
 * request. Callbacks come until the data is taken back, so a reset or a death
 * in the middle of it is handled like any other.
 */
static void fio_blk_remove(struct fio_unit *u)
{
	struct fio_blk *b = fio_unit_data(u);

	fio_compat_del_disk(b->disk);
	fio_unit_set_data(u, NULL);
	cancel_work_sync(&b->cache_work);
	put_disk(b->disk);
	fio_blk_queue_exit(b);
	fio_blk_put(b);
}

static void fio_blk_cache_changed(struct fio_unit *u)
{
	struct fio_blk *b = fio_unit_data(u);

	schedule_work(&b->cache_work);
}

static struct fio_personality fio_blk_personality = {
	.name		= "fio-blk",
	.owner		= THIS_MODULE,
	.probe		= fio_blk_probe,
	.remove		= fio_blk_remove,
	.quiesce	= fio_blk_quiesce,
	.dead		= fio_blk_dead,
	.claim_idle	= fio_blk_claim_idle,
	.release_idle	= fio_blk_release_idle,
	.cache_changed	= fio_blk_cache_changed,
};

static int __init fio_blk_init(void)
{
	return fio_personality_register(&fio_blk_personality);
}
module_init(fio_blk_init);

static void __exit fio_blk_exit(void)
{
	fio_personality_unregister(&fio_blk_personality);
	/* whoever drops a disk's last reference calls free_disk, which is ours */
	wait_event(fio_blk_disks_gone, !atomic_read(&fio_blk_disks));
}
module_exit(fio_blk_exit);

MODULE_DESCRIPTION("Block devices on fio-hal flash cards");
MODULE_AUTHOR("The fio-flash authors");
MODULE_LICENSE("GPL");
/* what a unit's uevent says, so that udev loads this module by itself */
MODULE_ALIAS("fio:block");
FIO_IMPORT_NS();
