/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The API that fio-hal exports to personalities (fio-blk).
 *
 * A unit is an attached card: a device on the fio bus, in existence from the end
 * of attach to the beginning of detach or death. A personality is a driver on
 * that bus. Nothing of the block layer is named here.
 *
 * All symbols are exported in the namespace FIO_HAL.
 */
#ifndef FIO_HAL_H
#define FIO_HAL_H

#include <linux/types.h>

struct cpumask;
struct device;
struct fio_unit;
struct module;
struct scatterlist;

enum fio_io_op {
	FIO_IO_READ,
	FIO_IO_WRITE,
	FIO_IO_FLUSH,
	FIO_IO_DISCARD,
	FIO_IO_WRITE_ZEROES,
};

#define FIO_IO_FUA	0x01
#define FIO_IO_ATOMIC	0x02	/* WRITE: a power cut leaves all of it or nothing */

#define FIO_WRITE_STREAMS 4

/**
 * struct fio_io - one request on its way through a unit
 * @op: enum fio_io_op
 * @flags: FIO_IO_*
 * @queue: submission queue, below fio_unit_info.queues
 * @nents: entries of @sg; READ and WRITE only
 * @lba: first logical block
 * @blocks: logical blocks
 * @stream: WRITE: data to be kept apart from that of other streams, 1 to
 *	FIO_WRITE_STREAMS; 0: none
 * @sg: the data, not DMA mapped: fio_submit() maps and unmaps it
 * @done: called once when finished, in interrupt or any other context, perhaps
 *	before fio_submit() returns. @err: 0 or -errno (-ENODATA uncorrectable
 *	media error, -ENODEV card gone, -EROFS, -EIO, -ENOMEM mapping failed,
 *	-EINVAL outside the device, or not possible with FIO_IO_ATOMIC)
 * @err: hal's answer, for an owner that completes later than @done (set before @done)
 *
 * The owner provides fio_unit_info.io_bytes bytes for it: the part behind the
 * struct is hal's. It must stay valid until @done.
 */
struct fio_io {
	u8 op;
	u8 flags;
	u16 queue;
	u32 nents;
	u64 lba;
	u32 blocks;
	int err;
	u8 stream;
	struct scatterlist *sg;
	void (*done)(struct fio_io *io, int err);
	u64 priv[] __aligned(8);
};

/**
 * struct fio_unit_info - constants of a unit while it exists
 * @index: 0 for fct0 and fioa
 * @name: control node, "fct0"
 * @uuid: of the format
 * @lba_bytes: logical block size
 * @physical_bytes: 4096: smaller writes are read-modify-write
 * @blocks: capacity in logical blocks
 * @max_bytes: largest READ or WRITE
 * @atomic_bytes: largest WRITE with FIO_IO_ATOMIC, which begins and ends at a multiple of
 *	@physical_bytes; 0: the format has none
 * @max_discard_bytes: largest DISCARD or WRITE_ZEROES
 * @discard_granularity: bytes
 * @max_segments: largest nents
 * @max_segment_bytes: largest single segment
 * @dma_alignment: mask that buffer addresses must satisfy, 3
 * @queues: submission queues
 * @depth: requests that may be outstanding per queue
 * @volatile_cache: completion is not durable: flush and FUA matter
 * @io_bytes: room for a struct fio_io
 * @node: NUMA node of the card
 */
struct fio_unit_info {
	u32 index;
	char name[16];
	u8 uuid[16];
	u32 lba_bytes;
	u32 physical_bytes;
	u64 blocks;
	u32 max_bytes;
	u32 atomic_bytes;
	u64 max_discard_bytes;
	u32 discard_granularity;
	u32 max_segments;
	u32 max_segment_bytes;
	u32 dma_alignment;
	u32 queues;
	u32 depth;
	bool volatile_cache;
	size_t io_bytes;
	int node;
};

enum fio_timeout_action {
	FIO_TIMEOUT_DONE,	/* it was completed meanwhile, by a lost interrupt for one */
	FIO_TIMEOUT_WAIT,	/* reset is under way: done() will be called */
};

/**
 * struct fio_personality - a driver for units
 * @name: driver name
 * @owner: THIS_MODULE
 * @probe: a unit appeared. May sleep
 * @remove: the unit goes: stop submitting, wait for what is outstanding, let go.
 *	When the card is dead everything outstanding completes with -ENODEV
 * @quiesce: @stop true: submit nothing until false (reset under way); calls pair
 * @dead: the card died: fail what comes from now on; remove() follows
 * @claim_idle: detach asks for the unit: return -EBUSY when somebody uses it, else
 *	0, and refuse new users until remove() or release_idle()
 * @release_idle: detach was called off
 * @cache_changed: fio_unit_info.volatile_cache changed
 */
struct fio_personality {
	const char *name;
	struct module *owner;
	int (*probe)(struct fio_unit *u);
	void (*remove)(struct fio_unit *u);
	void (*quiesce)(struct fio_unit *u, bool stop);
	void (*dead)(struct fio_unit *u);
	int (*claim_idle)(struct fio_unit *u);
	void (*release_idle)(struct fio_unit *u);
	void (*cache_changed)(struct fio_unit *u);
	/* private: the driver-core driver, made by fio_personality_register() */
	void *priv;
};

int fio_personality_register(struct fio_personality *p);
void fio_personality_unregister(struct fio_personality *p);

void fio_unit_info(struct fio_unit *u, struct fio_unit_info *info);
struct device *fio_unit_device(struct fio_unit *u);
void fio_unit_set_data(struct fio_unit *u, void *data);
void *fio_unit_data(struct fio_unit *u);

/* A unit stays in memory while somebody holds a reference. */
void fio_unit_get(struct fio_unit *u);
void fio_unit_put(struct fio_unit *u);

/** fio_queue_cpus() - CPUs whose interrupts queue @queue serves, for mapping; NULL: any */
const struct cpumask *fio_queue_cpus(struct fio_unit *u, u32 queue);

/**
 * fio_submit() - start a request
 * @last: nothing follows at once: ring the doorbell
 * Context: any, does not sleep or allocate.
 * Return: 0: done() will be or was called; -EAGAIN: out of resources, one of the
 * unit's own completions will free some; -ENODEV.
 */
int fio_submit(struct fio_unit *u, struct fio_io *io, bool last);

/** fio_commit() - ring the doorbell for what was submitted to @queue with last=false */
void fio_commit(struct fio_unit *u, u32 queue);

/** fio_poll() - reap completions of @queue; returns how many */
int fio_poll(struct fio_unit *u, u32 queue);

/** fio_timeout() - a request is overdue: look for a lost interrupt, else reset the card */
enum fio_timeout_action fio_timeout(struct fio_unit *u, struct fio_io *io);

#endif /* FIO_HAL_H */
