/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The card around the NAND array: config space, registers, mailbox, rings,
 * protected write buffer, telemetry, events, faults.
 *
 * Owns: everything docs/spec/hw.md says. Does not know: vfio-user, sockets,
 * threads, signals. A front end (vfio-user/) supplies guest memory, interrupts
 * and a thread to run in, through struct vcard_front.
 *
 * Threads: vcard_run() is called by one thread. Config and BAR accesses may come
 * from another thread at any time and never wait for vcard_run(): they touch
 * atomics only. vcard_control(), vcard_reset() and vcard_close() exclude
 * vcard_run() by a lock inside the model.
 */
#ifndef VCARD_MODEL_H
#define VCARD_MODEL_H

#include <fio/types.h>
#include <fio/hw_mbox.h>
#include "vcard/nand/nand.h"

struct vcard;

/* What the front end does for the card. @ctx is from vcard_create(). */
struct vcard_front {
	/* Copy from or to guest memory; 0, or -EFAULT when any byte is not mapped. */
	int (*dma_read)(void *ctx, u64 iova, void *buf, size_t len);
	int (*dma_write)(void *ctx, u64 iova, const void *buf, size_t len);
	/* Raise an interrupt vector. */
	void (*irq)(void *ctx, u32 vector);
	/* There is work: call vcard_run() soon. Any thread, must not block. */
	void (*kick)(void *ctx);
	/* A line for the operator's log. */
	void (*log)(void *ctx, const char *line);
	/*
	 * Power is gone (fault switch): never returns to the guest. The front end
	 * exits the process without another access to the card's state.
	 */
	void (*power_cut)(void *ctx);
};

enum vcard_irq_mode { VCARD_IRQ_MSIX, VCARD_IRQ_MSI };

/**
 * struct vcard_config - how a card is built
 * @state_path: sparse state file, created if missing
 * @user_bytes: advertised capacity, 1 GiB..1 TiB; 0: take from the state file
 * @dies: 0: chosen from the capacity
 * @spare_percent: raw flash above user_bytes, default 28
 * @queues: queue pairs offered, 1..8
 * @irq_mode: MSI-X or MSI in config space
 * @plp: initial state of power-loss protection
 * @timing: NAND timing profile
 * @factory_bad_permille: bad blocks of a new card
 * @serial: NULL: derived from the state file's seed
 * @buffer_units: write buffer, units; used when PLP is not ok
 * @if_major: interface major version announced (tests: an unknown one)
 * @seed: for everything random; 0: from the state file
 */
struct vcard_config {
	const char *state_path;
	u64 user_bytes;
	u32 dies;
	u32 spare_percent;
	u32 queues;
	enum vcard_irq_mode irq_mode;
	enum fio_plp plp;
	enum nand_timing timing;
	u32 factory_bad_permille;
	const char *serial;
	u32 buffer_units;
	u32 if_major;
	u64 seed;
};

/**
 * vcard_create() - build the card over its state file
 * Return: the card, or NULL and a sentence for the user in @err.
 */
struct vcard *vcard_create(const struct vcard_config *cfg,
			   const struct vcard_front *front, void *ctx,
			   char *err, size_t err_len);

/** vcard_close() - orderly power off: destage the buffer, mark clean, free */
void vcard_close(struct vcard *c);

#define VCARD_CONFIG_SPACE 4096

/* Config space, PCIe: any offset and length within 4096 bytes. */
void vcard_config_read(struct vcard *c, u32 off, void *buf, u32 len);
void vcard_config_write(struct vcard *c, u32 off, const void *buf, u32 len);

/** vcard_bar_size() - bytes of BAR @bar, 0 when the card does not have it */
u64 vcard_bar_size(const struct vcard *c, u32 bar);
/* 0, or -EINVAL for a bad offset or access size. */
int vcard_bar_read(struct vcard *c, u32 bar, u64 off, void *buf, u32 len);
int vcard_bar_write(struct vcard *c, u32 bar, u64 off, const void *buf, u32 len);

/** vcard_irq_count() - vectors offered in @mode, 0 when that mode is absent */
u32 vcard_irq_count(const struct vcard *c, enum vcard_irq_mode mode);

enum vcard_reset { VCARD_RESET_BUS, VCARD_RESET_FLR, VCARD_RESET_REG };
void vcard_reset(struct vcard *c, enum vcard_reset kind);

/**
 * vcard_run() - do the work that registers and rings ask for
 * @now_ns: monotonic time
 * Return: nanoseconds until it wants to run again, -1: when kicked.
 */
s64 vcard_run(struct vcard *c, u64 now_ns);

/**
 * vcard_control() - one command of the control socket
 * @cmd: "stats", "power-cut", "die-offline 3", "fail-program die=2,count=1", ...;
 *       "help" lists them
 * @out: receives the answer, one JSON object, NUL-terminated
 * Return: 0, or -EINVAL (unknown command or bad argument; @out says what).
 */
int vcard_control(struct vcard *c, const char *cmd, char *out, size_t out_len);

#endif /* VCARD_MODEL_H */
