/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The thread the card runs in.
 *
 * Owns: when vcard_run() is called: after a kick, and when the card asked for
 * it. It sleeps in between; it never polls memory. Does not know: what the card
 * does there.
 */
#ifndef VCARD_VFU_WORKER_H
#define VCARD_VFU_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include <fio/types.h>

struct vcard;

/**
 * struct vfu_worker - the thread
 * @thread: valid while @running
 * @running: started and not yet stopped
 * @card: whom it runs
 * @kick_fd: eventfd it sleeps on
 * @kicked: a kick is on its way to the thread, further ones need no system call
 * @stop: leave at the next turn
 */
struct vfu_worker {
	pthread_t thread;
	bool running;
	struct vcard *card;
	int kick_fd;
	atomic_int kicked;
	atomic_bool stop;
};

/** vfu_worker_init() - kicks are kept from now on. Return: 0 or -errno. */
int vfu_worker_init(struct vfu_worker *w);

/** vfu_worker_start() - start the thread for @card. Return: 0 or -errno. */
int vfu_worker_start(struct vfu_worker *w, struct vcard *card);

/** vfu_worker_stop() - end the thread; returns when vcard_run() has returned */
void vfu_worker_stop(struct vfu_worker *w);

/** vfu_worker_destroy() - after vfu_worker_stop() */
void vfu_worker_destroy(struct vfu_worker *w);

/** vfu_worker_kick() - vcard_run() will be called soon. Context: any thread. */
void vfu_worker_kick(struct vfu_worker *w);

#endif /* VCARD_VFU_WORKER_H */
