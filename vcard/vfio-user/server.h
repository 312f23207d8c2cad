/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vfio-user server of one card: serves one client after the other.
 *
 * Owns: what each message makes happen. Does not know: framing, how memory is
 * mapped, what registers mean.
 */
#ifndef VCARD_VFU_SERVER_H
#define VCARD_VFU_SERVER_H

#include "vcard/vfio-user/front.h"
#include "vcard/vfio-user/log.h"
#include "vcard/vfio-user/msg.h"

/**
 * struct vfu_server - one card on one socket
 * @card: the card; its state outlives every client
 * @front: its front end
 * @listen_fd: listening socket, -1 when only vfu_serve_client() is used
 * @stop_fd: readable when the server is to stop
 * @conn: the present client
 * @versioned: it has said VERSION
 * @refused: log limit for messages that were refused
 * @reply: room for a region read
 *
 * Context: all by the one thread that serves.
 */
struct vfu_server {
	struct vcard *card;
	struct vfu_front *front;
	int listen_fd;
	int stop_fd;
	struct vfu_conn conn;
	bool versioned;
	struct vfu_limit refused;
	struct vfu_region_access *reply;
};

/**
 * vfu_server_init() - make a server
 * @s: receives it
 * @card: borrowed
 * @front: borrowed, the context @card was created with
 * @listen_fd: borrowed, or -1
 * @stop_fd: borrowed
 *
 * Return: 0 or -ENOMEM.
 */
int vfu_server_init(struct vfu_server *s, struct vcard *card, struct vfu_front *front,
		    int listen_fd, int stop_fd);

/** vfu_server_destroy() - after the last vfu_serve*() has returned */
void vfu_server_destroy(struct vfu_server *s);

/**
 * vfu_serve() - accept and serve clients until the server is to stop
 * @s: the server
 *
 * A second client is turned away while one is connected: two machines cannot
 * share a card, and a clear refusal beats a hang.
 *
 * Return: 0 when told to stop, or -errno of the listening socket.
 */
int vfu_serve(struct vfu_server *s);

/**
 * vfu_serve_client() - serve one client
 * @s: the server
 * @fd: connected socket, owned by this function
 *
 * When the client is gone its memory and interrupts are dropped and the card
 * sees a bus reset, as when a link goes down. Flash and settings stay.
 *
 * Return: 0 when it disconnected, -ECANCELED when told to stop, other -errno
 *         when it was disconnected for what it sent.
 */
int vfu_serve_client(struct vfu_server *s, int fd);

#endif /* VCARD_VFU_SERVER_H */
