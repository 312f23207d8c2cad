/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket of a card: a line in, a line of JSON out.
 *
 * Owns: the socket's clients. Does not know: the commands and their answers, which
 * are the card model's (vcard_control()): an object that begins with "ok", true or
 * false; when false "error" says why.
 */
#ifndef VCARD_VFU_CONTROL_H
#define VCARD_VFU_CONTROL_H

#include <pthread.h>

#include <fio/types.h>

struct vcard;

#define VFU_CONTROL_SUFFIX ".ctl"
#define VFU_CONTROL_CLIENTS 8
#define VFU_CONTROL_LINE 1024		/* bytes of a command, line end included */
#define VFU_CONTROL_REPLY (256u << 10)	/* bytes of an answer */

#define VFU_CONTROL_OK "{\"ok\":true"
#define VFU_CONTROL_REFUSED "{\"ok\":false"

/**
 * struct vfu_control_client - one connection
 * @fd: its socket, -1: this place is free
 * @len: bytes in @line
 * @line: the command as far as it has arrived
 */
struct vfu_control_client {
	int fd;
	u32 len;
	char line[VFU_CONTROL_LINE];
};

/**
 * struct vfu_control - the thread that serves them
 * @thread: valid while @running
 * @running: started and not yet stopped
 * @card: who answers
 * @listen_fd: borrowed
 * @stop_fd: eventfd that ends the thread
 * @out: room for an answer
 * @client: connections
 */
struct vfu_control {
	pthread_t thread;
	bool running;
	struct vcard *card;
	int listen_fd;
	int stop_fd;
	char *out;
	struct vfu_control_client client[VFU_CONTROL_CLIENTS];
};

/**
 * vfu_control_start() - serve a control socket
 * @ctl: receives the thread
 * @card: borrowed
 * @listen_fd: borrowed, listening
 *
 * Return: 0 or -errno.
 */
int vfu_control_start(struct vfu_control *ctl, struct vcard *card, int listen_fd);

/** vfu_control_stop() - end it; no command is being executed when this returns */
void vfu_control_stop(struct vfu_control *ctl);

/**
 * vfu_control_last_words() - answer a command that cuts the card's power
 *
 * The process is about to end inside vcard_control(). Does nothing in a thread
 * that is not executing a command.
 */
void vfu_control_last_words(void);

#endif /* VCARD_VFU_CONTROL_H */
