/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The front end of one card: everything the card model asks for, tied together.
 *
 * Owns: struct vfu_front, which the model gets as its context, and the table of
 * functions it calls. Does not know: the socket.
 */
#ifndef VCARD_VFU_FRONT_H
#define VCARD_VFU_FRONT_H

#include "vcard/model/model.h"
#include "vcard/vfio-user/dma.h"
#include "vcard/vfio-user/irq.h"
#include "vcard/vfio-user/worker.h"

/* Exit status of a server whose card lost power by a fault switch. */
#define VFU_EXIT_POWER_CUT 3

/**
 * struct vfu_front - what one card stands on
 * @dma: guest memory
 * @irq: interrupt vectors
 * @worker: the thread that runs the card
 */
struct vfu_front {
	struct vfu_dma dma;
	struct vfu_irq irq;
	struct vfu_worker worker;
};

/* Functions for vcard_create(); the context is a struct vfu_front. */
extern const struct vcard_front vfu_front_ops;

/**
 * vfu_front_init() - make @f usable as a context for vcard_create()
 *
 * The number of interrupt vectors is set later, by vfu_front_start().
 *
 * Return: 0 or -errno.
 */
int vfu_front_init(struct vfu_front *f);

/** vfu_front_destroy() - after vfu_front_stop() */
void vfu_front_destroy(struct vfu_front *f);

/** vfu_front_start() - run @card. Return: 0 or -errno. */
int vfu_front_start(struct vfu_front *f, struct vcard *card);

/** vfu_front_stop() - the card is not run any more when this returns */
void vfu_front_stop(struct vfu_front *f);

#endif /* VCARD_VFU_FRONT_H */
