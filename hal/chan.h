/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rings and command slots: the data path between chan.c (the FTL's medium),
 * queue.c (rings) and dma.c (what the card sees of buffers).
 */
#ifndef FIO_HAL_CHAN_H
#define FIO_HAL_CHAN_H

#include <linux/dmapool.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <fio/hw_desc.h>
#include "ftl/media.h"

struct fio_card;
struct fio_io;

#define FIO_QUEUES_MAX		64
#define FIO_RING_LOG2		7	/* entries of a ring, if the card offers it */
#define FIO_SGL_MAX		224
/* Two descriptors are for DISCARD before and behind a partial read. */
#define FIO_SEGMENTS_MAX	(FIO_SGL_MAX - 2)

/* What one command shows the card: 8 KiB of coherent memory. */
struct fio_slot_dma {
	u8 tags[FIO_MAX_UNITS][FIO_TAG_BYTES];
	__le64 addr[FIO_MAX_UNITS];
	union {
		struct fio_sgl sgl[FIO_SGL_MAX];
		struct fio_au_report report[FIO_MAX_UNITS];
	};
};

static_assert(sizeof(struct fio_slot_dma) == 8192);
static_assert(sizeof(struct fio_tag) == FIO_TAG_BYTES);

enum fio_slot_state {
	FIO_SLOT_FREE,
	FIO_SLOT_TAKEN,		/* the FTL has it: before submit or after done */
	FIO_SLOT_HELD,		/* submitted while the card is being reset */
	FIO_SLOT_INFLIGHT,	/* the card has it */
	FIO_SLOT_ENDING,	/* done() is about to be called */
};

/**
 * struct fio_slot - room for one command
 * @cmd: what the FTL sees
 * @queue: the queue it belongs to, for good
 * @link: in the free, held or ended list of the queue
 * @state: enum fio_slot_state; under sq_lock, or cq_lock for INFLIGHT -> ENDING
 * @index: of the slot in the queue
 * @life: counts uses, so that a stale completion is recognised
 * @repeats: how often a reset has made it start again
 * @issued: jiffies when the card got it
 * @dma: what the card sees
 * @dma_addr: its bus address
 * @unit: storage of cmd.unit
 * @au: storage of cmd.au
 * @sqe: as it goes into the ring
 * @cqe: as it came out
 */
struct fio_slot {
	struct media_cmd cmd;
	struct fio_queue *queue;
	struct list_head link;
	u8 state;
	u16 index;
	u16 life;
	u8 repeats;
	unsigned long issued;
	struct fio_slot_dma *dma;
	dma_addr_t dma_addr;
	u32 unit[FIO_MAX_UNITS];
	struct media_au au[FIO_MAX_UNITS];
	struct fio_sqe sqe;
	struct fio_cqe cqe;
};

enum fio_queue_state {
	FIO_QUEUE_STOPPED,	/* submissions are held */
	FIO_QUEUE_RUNNING,
	FIO_QUEUE_DEAD,		/* submissions end with MEDIA_GONE */
};

/**
 * struct fio_queue - a queue pair
 * @sq_lock: submission: ring, slot lists, @state; interrupts off. Inside cq_lock
 *	when both are held (stop and start only)
 * @cq_lock: completion: ring, @cq_head, @phase; interrupts off. done() is never
 *	called with either held
 * @sq_rung: tail that the card has been told
 * @reserve: free slots that only internal commands may take
 * @ended: commands that never reached the card and wait for @end_work
 */
struct fio_queue {
	struct fio_card *card;
	u16 id;
	u32 depth_log2;
	u32 slots;
	u32 reserve;
	u8 state;
	void __iomem *db;

	spinlock_t sq_lock ____cacheline_aligned_in_smp;
	struct fio_sqe *sq;
	dma_addr_t sq_dma;
	u32 sq_tail;
	u32 sq_rung;
	u32 free_count;
	struct list_head free;
	struct list_head held;
	struct list_head ended;
	struct work_struct end_work;

	spinlock_t cq_lock ____cacheline_aligned_in_smp;
	struct fio_cqe *cq;
	dma_addr_t cq_dma;
	u32 cq_head;
	u16 phase;

	struct fio_slot *slot;
};

/**
 * struct fio_chan - the card as a medium
 * @media: what the FTL gets
 * @queue: @queues of them
 * @aborted: commands that a reset took back, until the queues run again
 * @units: of the whole medium
 */
struct fio_chan {
	struct media media;
	struct fio_card *card;
	struct dma_pool *pool;
	u32 queues;
	u32 depth_log2;
	u32 units;
	struct list_head aborted;
	struct fio_queue queue[];
};

/* The private part of a struct fio_io. */
struct fio_req {
	struct ftl_io ftl;
	struct fio_card *card;
	u32 mapped;		/* entries of the scatter list after mapping */
	u32 finished;
};

static inline struct fio_req *fio_req_of(struct fio_io *io)
{
	return (struct fio_req *)io->priv;
}

static inline struct fio_io *fio_io_of(struct ftl_io *ftl)
{
	return container_of((u64 *)container_of(ftl, struct fio_req, ftl),
			    struct fio_io, priv[0]);
}

/* chan.c */
int fio_chan_create(struct fio_card *card, u32 queues, u32 depth_log2);
void fio_chan_destroy(struct fio_card *card);
void fio_chan_set_geometry(struct fio_card *card);
int fio_chan_open(struct fio_card *card);
void fio_chan_start(struct fio_card *card);
void fio_chan_stop(struct fio_card *card);
void fio_chan_kill(struct fio_card *card);
void fio_chan_flush(struct fio_card *card);
void fio_chan_recycle(struct fio_card *card);
int fio_chan_reap_all(struct fio_card *card);
enum media_status fio_chan_prepare(struct fio_slot *slot);
void fio_chan_finish(struct fio_slot *slot);

/* queue.c */
int fio_queue_init(struct fio_chan *chan, u32 id);
void fio_queue_exit(struct fio_queue *q);
void fio_queue_rewind(struct fio_queue *q);
struct fio_slot *fio_queue_get(struct fio_queue *q, bool internal);
void fio_queue_put(struct fio_slot *slot);
void fio_queue_submit(struct fio_slot *slot);
void fio_queue_repeat(struct fio_slot *slot);
void fio_queue_commit(struct fio_queue *q);
int fio_queue_reap(struct fio_queue *q);
void fio_queue_stop(struct fio_queue *q, struct list_head *aborted);
void fio_queue_start(struct fio_queue *q);
void fio_queue_kill(struct fio_queue *q, struct list_head *gone);
void fio_queue_end_all(struct list_head *list, enum media_status status);
unsigned long fio_queue_oldest(struct fio_queue *q, unsigned long now);
u32 fio_queue_recycle(struct fio_queue *q);
void fio_queue_flush(struct fio_queue *q);

/* dma.c */
int fio_dma_map(struct fio_card *card, struct fio_io *io);
void fio_dma_unmap(struct fio_card *card, struct fio_io *io);
int fio_dma_fill(struct fio_slot *slot);
void fio_dma_copy(struct fio_card *card, struct fio_io *io, u32 off, void *va,
		  u32 len, bool to_io);
void fio_dma_zero(struct fio_card *card, struct fio_io *io, u32 off, u32 len);

#endif /* FIO_HAL_CHAN_H */
