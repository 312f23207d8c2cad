/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts from the card to the client: one eventfd per vector.
 *
 * Owns: the eventfds and interrupts that found none. Does not know: MSI-X
 * tables, masks (the client keeps both) or what an interrupt is about.
 */
#ifndef VCARD_VFU_IRQ_H
#define VCARD_VFU_IRQ_H

#include <pthread.h>

#include <fio/types.h>

#define VFU_MAX_VECTORS 256

/**
 * struct vfu_irq - the vectors of one interrupt index
 * @lock: protects all below; the card's thread raises while the socket thread
 *	assigns
 * @count: vectors that can be assigned
 * @fds: eventfd of each vector, -1: none
 * @latched: raised while it had none
 *
 * A client that changes the number of vectors takes all eventfds away and gives
 * them again. What the card raises in between is kept, as a masked vector keeps
 * its pending bit, and delivered when the vector is back: a spurious interrupt is
 * harmless, a lost one stops a queue.
 */
struct vfu_irq {
	pthread_mutex_t lock;
	u32 count;
	int fds[VFU_MAX_VECTORS];
	bool latched[VFU_MAX_VECTORS];
};

/** vfu_irq_init() - there are no vectors; interrupts are kept already */
void vfu_irq_init(struct vfu_irq *q);

/** vfu_irq_set_count() - so many vectors can be assigned, at most VFU_MAX_VECTORS */
void vfu_irq_set_count(struct vfu_irq *q, u32 count);

/** vfu_irq_destroy() - close everything */
void vfu_irq_destroy(struct vfu_irq *q);

/**
 * vfu_irq_assign() - give a vector its eventfd
 * @q: vectors
 * @vector: below vfu_irq.count
 * @fd: an eventfd, owned by @q on success; -1 takes the present one away
 *
 * Return: 0, -ERANGE no such vector, -EINVAL @fd is not an eventfd.
 */
int vfu_irq_assign(struct vfu_irq *q, u32 vector, int fd);

/** vfu_irq_disable() - take all eventfds away */
void vfu_irq_disable(struct vfu_irq *q);

/** vfu_irq_forget() - drop interrupts that were kept: the card was reset */
void vfu_irq_forget(struct vfu_irq *q);

/**
 * vfu_irq_raise() - interrupt the guest
 * @q: vectors
 * @vector: which; one that does not exist is ignored
 *
 * Context: any thread, does not wait.
 */
void vfu_irq_raise(struct vfu_irq *q, u32 vector);

#endif /* VCARD_VFU_IRQ_H */
