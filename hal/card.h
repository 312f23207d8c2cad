/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The card as fio-hal sees it: the one private header of hal/.
 *
 * Owns: struct fio_card, what lock protects what, and the prototypes of every
 * file, grouped by file. Rings and command slots are in chan.h, which only the
 * data path includes. Nothing here is seen by personalities (fio/hal.h is theirs)
 * or by the FTL core (ftl/ftl.h).
 */
#ifndef FIO_HAL_CARD_H
#define FIO_HAL_CARD_H

#include <linux/completion.h>
#include <linux/device.h>
#include <linux/io.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/percpu-refcount.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <linux/fio_ioctl.h>
#include <decode/decode.h>
#include <fio/hal.h>
#include <fio/hw_mbox.h>
#include <fio/hw_regs.h>

#include "ftl/ftl.h"

#define FIO_HAL_NAME	"fio-hal"

struct fio_chan;

/* Log lines carry card name and, through the device, the PCI address. */
#define fio_log(level, c, fmt, ...) do {				\
	const struct fio_card *_card = (c);				\
									\
	level(&_card->pdev->dev, "%s: " fmt "\n", _card->name, ##__VA_ARGS__); \
} while (0)
#define fio_err(c, ...)			fio_log(dev_err, c, __VA_ARGS__)
#define fio_warn(c, ...)		fio_log(dev_warn, c, __VA_ARGS__)
#define fio_info(c, ...)		fio_log(dev_info, c, __VA_ARGS__)
#define fio_dbg(c, ...)			fio_log(dev_dbg, c, __VA_ARGS__)
#define fio_err_limited(c, ...)		fio_log(dev_err_ratelimited, c, __VA_ARGS__)
#define fio_warn_limited(c, ...)	fio_log(dev_warn_ratelimited, c, __VA_ARGS__)

/**
 * struct fio_interface - what the VSEC says
 * @version: major << 16 | minor
 * @regs_bar, @regs_off, @regs_len: register window
 * @db_bar, @db_off, @db_len: doorbell window
 */
struct fio_interface {
	u32 version;
	u32 regs_bar, regs_off, regs_len;
	u32 db_bar, db_off, db_len;
};

/* IDENTIFY, checked and in CPU byte order; strings are terminated. */
struct fio_identity {
	char product[49];
	char part_number[25];
	char serial[25];
	char adapter_product[49];
	char adapter_name[33];
	char adapter_part_number[25];
	char adapter_serial[25];
	char adapter_fio_serial[25];
	char adapter_product_number[25];
	char slot_name[17];
	u32 slot_index;
	u32 adapter_modules;
	u32 fw_version[4];
	u32 fw_revision;
	u32 max_units;
	u64 features;
	u64 user_bytes;
	u64 rated_bytes;
};

/* GEOMETRY, checked. */
struct fio_geometry {
	u32 dies, aus, pages;
	u32 write_units;
	u32 max_open;
	u32 endurance;
	u32 read_retries;
	u32 xor_groups;
};

/* HEALTH in CPU byte order; all-ones where the card has no such value. */
struct fio_health {
	u32 temp_mc, temp_max_mc, board_temp_mc;
	u32 vccint_mv, vccint_max_mv;
	u32 vccaux_mv, vccaux_max_mv;
	u32 bus_mv, bus_min_mv, bus_max_mv;
	u32 bus_ma, bus_max_ma;
	u32 bus_mw, bus_max_mw;
	u32 power_limit_mw, slot_power_mw;
	u32 plp, external_power, throttle, beacon;
	u32 power_cycles, unsafe_shutdowns;
	u32 dies_offline, bad_aus_factory, bad_aus_grown;
	u64 bytes_written, bytes_read;
	u64 corrected_bits, uncorrectable;
	u64 program_fails, erase_fails, violations;
	u64 erase_total;
	u32 erase_min, erase_max;
	u64 power_on_seconds;
};

/* HEALTH as it was last read; all under @lock but @stale. */
struct fio_health_cache {
	struct mutex lock;	/* outside of mbox.lock */
	struct fio_health now;
	unsigned long when;
	bool stale;
};

/**
 * struct fio_mbox - the mailbox transport
 * @lock: one command at a time; taken before nothing else
 * @done: completed by vector 0
 * @seq: number of the last command
 */
struct fio_mbox {
	struct mutex lock;	/* one command at a time */
	struct completion done;
	u32 seq;
};

/* SHUTDOWN: a detach that leaves the unit, which nobody can use any more. */
enum fio_op_kind {
	FIO_OP_NONE,
	FIO_OP_ATTACH,
	FIO_OP_DETACH,
	FIO_OP_FORMAT,
	FIO_OP_SHUTDOWN,
};

/**
 * struct fio_operation - the long operation under way: attach, detach or format
 * @lock: starts and ends of operations; taken outside of state_lock
 * @work: runs it
 * @kind: FIO_OP_NONE when idle
 * @flags: FIO_ATTACH_*
 * @format: parameters of a format
 * @closed: the card is going: no operation may start any more
 */
struct fio_operation {
	struct mutex lock;	/* starts of operations */
	struct work_struct work;
	enum fio_op_kind kind;
	u32 flags;
	struct fio_ioc_format format;
	bool closed;
};

/* What a waiter for progress sees; under state_lock. */
struct fio_progress {
	u64 change;
	u32 percent;
	s32 result;
	bool busy;
};

/**
 * struct fio_card - one card
 * @ref: holders are the PCI binding, each open control node and the unit
 * @pdev: a reference is held as long as the card exists
 * @index: N of fctN
 * @name: "fctN"
 *
 * @state: enum fio_card_state; written by state.c only, under @state_lock;
 *	read with fio_card_state()
 * @resume: state to return to when a reset has succeeded; under @state_lock
 * @reason: enum fio_reason; under @state_lock
 * @progress: under @state_lock
 * @state_lock: innermost lock, interrupts off
 * @state_wq: woken at every change of state or progress
 * @notify_work: tells user space of changes (uevent, sysfs), which may sleep
 *
 * @regs, @db: register and doorbell windows, NULL when the card must not be touched
 * @cap: register CAP, read once at bring-up
 * @timeout: CAP.TIMEOUT in jiffies
 * @frozen: PCI says hands off (error recovery, reset by the user)
 * @freezes: how often that was
 * @thawed: the reset to come was not the card's fault
 * @gone: the card does not answer: no wait must be longer than it takes to see this
 * @identified: @id and @geo are valid; a reset must find the same card
 * @resets, @resets_since: how often lately; the reset worker's
 * @irq_vectors: granted; 1: vector 0 serves everything
 * @irq_mode: as fio_ioc_info.irq_mode
 * @irq_requested: handlers installed
 *
 * @event_lock: the event ring's reader
 * @cache_work: tells the personality that @plp changed
 * @plp: enum fio_plp, or U32_MAX before it was read
 *
 * @chan: queue pairs and command slots, while the PCI binding lasts
 * @queues, @queue_slots: their number and depth; also for who must not use @chan
 * @chan_bytes: memory of @chan
 * @gate: one reference per fio_io inside; live while the unit accepts requests
 * @gate_drained: completed when a killed @gate has run empty
 * @gate_open: @gate is live; the operation worker's
 * @ftl: the attached instance; written under @ftl_rwsem (write) by attach.c only.
 *	The I/O path reads it behind @gate, everyone else under @ftl_rwsem (read)
 * @ftl_rwsem: held for short moments only, never across media commands
 * @ftl_mutex: who may call ftl_attach/detach/format/run; outside of @ftl_rwsem
 * @ftl_work: background work of the FTL, on @ftl_workqueue
 * @ftl_later: starts @ftl_work when the FTL wants to run again after a while
 * @ftl_wait: sleepers of ftl_env.wait
 * @ftl_mem, @ftl_mem_peak: bytes the FTL has allocated
 *
 * @unit: the device on the fio bus while attached; bus.c's, under @unit_mutex
 * @unit_mutex: calls of personalities are made with it held; outside of all
 *	other locks but @op.lock
 *
 * @cdev_dev: fctN's class device; cdev.c's, see fio_cdev_visit()
 * @notified, @notified_health: what user space was last told of; sysfs.c's
 *
 * Lock order: op.lock > unit_mutex > ftl_mutex > ftl_rwsem > event_lock >
 * health.lock > mbox.lock > queue locks (chan.h) > state_lock.
 */
struct fio_card {
	struct kref ref;
	struct pci_dev *pdev;
	u32 index;
	char name[16];
	struct fio_interface iface;

	enum fio_card_state state;
	enum fio_card_state resume;
	enum fio_reason reason;
	struct fio_progress progress;
	spinlock_t state_lock;		/* innermost */
	wait_queue_head_t state_wq;
	struct work_struct notify_work;
	struct work_struct reset_work;
	struct delayed_work watchdog;

	void __iomem *regs;
	void __iomem *db;
	u32 cap;
	unsigned long timeout;
	bool frozen;
	u32 freezes;
	bool thawed;
	bool gone;
	bool identified;
	u32 resets;
	unsigned long resets_since;
	u32 irq_vectors;
	u32 irq_mode;
	u32 irq_requested;

	struct fio_mbox mbox;
	struct fio_identity id;
	struct fio_geometry geo;
	struct fio_health_cache health;

	struct fio_event *events;
	dma_addr_t events_dma;
	u32 event_head;
	u64 event_seq;
	struct mutex event_lock;	/* reader of @events */
	struct work_struct event_work;
	struct work_struct cache_work;
	u32 plp;

	struct fio_chan *chan;
	u32 queues;
	u32 queue_slots;
	u64 chan_bytes;
	struct percpu_ref gate;
	struct completion gate_drained;
	bool gate_open;
	struct ftl_env env;
	struct ftl *ftl;
	struct rw_semaphore ftl_rwsem;
	struct mutex ftl_mutex;		/* callers that may sleep in the FTL */
	struct workqueue_struct *ftl_workqueue;
	struct work_struct ftl_work;
	struct delayed_work ftl_later;
	wait_queue_head_t ftl_wait;
	atomic64_t ftl_mem;
	atomic64_t ftl_mem_peak;
	struct fio_operation op;

	struct fio_unit *unit;
	struct mutex unit_mutex;	/* calls of personalities */
	struct device *cdev_dev;
	enum fio_card_state notified;
	u32 notified_health;

	atomic64_t pcie_correctable, pcie_nonfatal, pcie_fatal;
};

/**
 * struct fio_unit - an attached card as a device on the fio bus (bus.c)
 * @dev: holds the references; release() drops @card
 * @card: a reference is held
 * @personality: bound driver or NULL, under card->unit_mutex
 * @data: the personality's; NULL: it must not be called. Under card->unit_mutex
 * @life: held while the device is added or removed; outside of card->unit_mutex
 * @stopped: submissions are to cease; under card->unit_mutex
 * @dead: the card died; under card->unit_mutex
 */
struct fio_unit {
	struct device dev;
	struct fio_card *card;
	struct fio_personality *personality;
	void *data;
	struct mutex life;	/* device_add() and device_del() */
	bool stopped;
	bool dead;
};

/* main.c */
extern struct workqueue_struct *fio_op_workqueue;
extern struct workqueue_struct *fio_reset_workqueue;
extern struct workqueue_struct *fio_end_workqueue;
extern bool fio_auto_attach;
extern bool fio_preallocate;
extern unsigned int fio_scrub_days;
extern unsigned int fio_command_timeout;
const char *fio_build(void);

/* pci.c */
extern struct pci_driver fio_pci_driver;
void fio_cards_wait(void);
struct fio_card *fio_card_get(struct fio_card *card);
void fio_card_put(struct fio_card *card);

/* state.c */
/** fio_card_state() - the state now; it may change at any time */
static inline enum fio_card_state fio_card_state(const struct fio_card *card)
{
	return READ_ONCE(card->state);
}

bool fio_state_change(struct fio_card *card, enum fio_card_state to,
		      enum fio_reason reason);
bool fio_state_settle(struct fio_card *card, enum fio_card_state to,
		      enum fio_reason reason, int result);
enum fio_card_state fio_state_resume(struct fio_card *card);
void fio_state_init(struct fio_card *card);
void fio_progress_set(struct fio_card *card, u32 percent);
int fio_card_progress(struct fio_card *card, struct fio_ioc_progress *p);

/* reset.c */
void fio_card_fault(struct fio_card *card, enum fio_reason reason,
		    const char *what);
void fio_card_fatal(struct fio_card *card);
void fio_card_check(struct fio_card *card);
int fio_card_bring_up(struct fio_card *card);
void fio_card_tear_down(struct fio_card *card);
void fio_card_shutdown_hw(struct fio_card *card);
void fio_card_freeze(struct fio_card *card);
void fio_card_thaw(struct fio_card *card);
void fio_reset_init(struct fio_card *card);
void fio_reset_start(struct fio_card *card);
void fio_reset_stop(struct fio_card *card);
u32 fio_reg_read(struct fio_card *card, u32 reg);
void fio_reg_write(struct fio_card *card, u32 reg, u32 value);

/* mbox.c */
void fio_mbox_init(struct fio_card *card);
int fio_mbox_call(struct fio_card *card, u16 op, const void *in, size_t in_len,
		  void *out, size_t out_min, size_t out_max);
const char *fio_mbox_name(u16 op);

/* mbox_cmds.c */
int fio_mbox_identify(struct fio_card *card, struct fio_identity *id);
int fio_mbox_geometry(struct fio_card *card, struct fio_geometry *geo);
int fio_mbox_features(struct fio_card *card, u64 want, u64 *enabled);
int fio_mbox_health(struct fio_card *card, struct fio_health *health);
int fio_mbox_create_qp(struct fio_card *card, u16 qid, u32 depth_log2,
		       u16 vector, dma_addr_t sq, dma_addr_t cq);
int fio_mbox_event_queue(struct fio_card *card, dma_addr_t addr, u32 depth_log2);
int fio_mbox_beacon(struct fio_card *card, bool set, bool *on);

/* irq.c */
int fio_irq_alloc(struct fio_card *card, u32 queues);
int fio_irq_request(struct fio_card *card);
void fio_irq_free(struct fio_card *card);
const struct cpumask *fio_irq_queue_cpus(struct fio_card *card, u32 queue);
u32 fio_irq_queue_vector(struct fio_card *card, u32 queue);

/* events.c */
void fio_events_init(struct fio_card *card);
int fio_events_setup(struct fio_card *card);
int fio_events_start(struct fio_card *card);
void fio_events_free(struct fio_card *card);
void fio_set_plp(struct fio_card *card, u32 plp);

/* health.c */
void fio_health_init(struct fio_card *card);
int fio_health_get(struct fio_card *card, struct fio_health *health);
void fio_health_stale(struct fio_card *card);

/* env.c */
int fio_env_setup(struct fio_card *card);
void fio_env_free(struct fio_card *card);
void fio_env_account(struct fio_card *card, s64 bytes);
void fio_env_kick(struct fio_card *card);
void fio_env_wake(struct fio_card *card);

/*
 * attach.c: start returns at once; fio_card_progress() tells how it goes.
 * -EBUSY: an operation or reset is under way, or (detach) somebody uses the
 * unit; -ENODEV: the card is gone; -EALREADY: it is so already; -EINVAL: a bad
 * parameter; -EOPNOTSUPP: the card is in minimal mode.
 */
#define FIO_ATTACH_FLAGS (FIO_ATTACH_CLEAN_ONLY | FIO_ATTACH_RESCAN | FIO_ATTACH_PREALLOCATE)
int fio_media_look(struct fio_card *card, struct fio_ioc_media *m);
int fio_hold_detached(struct fio_card *card);
void fio_release_detached(struct fio_card *card);
int fio_attach_start(struct fio_card *card, u32 flags);
int fio_detach_start(struct fio_card *card);
int fio_format_start(struct fio_card *card, const struct fio_ioc_format *f);
void fio_attach_init(struct fio_card *card);
void fio_attach_close(struct fio_card *card);
void fio_attach_quiesce(struct fio_card *card);
void fio_attach_abandon(struct fio_card *card);

/* io.c: the I/O half of fio/hal.h */
int fio_io_init(struct fio_card *card);
void fio_io_exit(struct fio_card *card);
void fio_io_open(struct fio_card *card);
void fio_io_close(struct fio_card *card);

/* info.c: what ioctl.c and sysfs.c show; they fill all but the size field */
void fio_card_fill_info(struct fio_card *card, struct fio_ioc_info *info);
int fio_card_fill_health(struct fio_card *card, struct fio_ioc_health *health);
void fio_card_fill_unit(struct fio_card *card, struct fio_ioc_unit *unit);
bool fio_card_media_health(struct fio_card *card, struct ftl_health *health);
int fio_card_beacon(struct fio_card *card, struct fio_ioc_beacon *beacon);

/*
 * bus.c. All may sleep and take unit_mutex; all but fio_unit_create() do
 * nothing when there is no unit. fio_unit_create() and fio_unit_destroy() wait
 * for I/O of the personality: call them with no lock held that a reset needs.
 */
int fio_bus_init(void);
void fio_bus_exit(void);
int fio_unit_create(struct fio_card *card);
void fio_unit_destroy(struct fio_card *card);
void fio_unit_quiesce(struct fio_card *card, bool stop);
void fio_unit_dead(struct fio_card *card);
int fio_unit_claim_idle(struct fio_card *card);
void fio_unit_release_idle(struct fio_card *card);
void fio_unit_cache_changed(struct fio_card *card);
void fio_unit_disk_name(struct fio_card *card, char *buf, size_t len);

/*
 * cdev.c. fio_cdev_destroy() waits for ioctls under way: call it with no lock of
 * the card held.
 */
struct file;
int fio_cdev_init(void);
void fio_cdev_exit(void);
int fio_cdev_create(struct fio_card *card);
void fio_cdev_destroy(struct fio_card *card);
struct fio_card *fio_cdev_enter(struct file *file);
void fio_cdev_leave(struct file *file);
void fio_cdev_visit(struct fio_card *card,
		    void (*fn)(struct fio_card *card, struct device *dev));

/* ioctl.c */
long fio_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* sysfs.c: attributes of cdev_dev, and the news of a change for poll() and udev */
extern const struct attribute_group *fio_card_groups[];
void fio_sysfs_notify(struct fio_card *card);

#endif /* FIO_HAL_CARD_H */
