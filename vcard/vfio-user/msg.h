/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages on one vfio-user connection: framing, descriptors, replies.
 *
 * Owns: the stream. Does not know: what any message means; the payload is bytes.
 * Nothing here trusts the peer: lengths are bounded before memory is touched,
 * descriptors that nobody takes are closed.
 */
#ifndef VCARD_VFU_MSG_H
#define VCARD_VFU_MSG_H

#include "vcard/vfio-user/proto.h"

/**
 * struct vfu_conn - one connection and the message being received on it
 * @fd: the socket, non-blocking
 * @stop_fd: readable when the server is to stop, ends a reply that cannot be sent
 * @hdr: header of the message, as received
 * @have: bytes of the message received so far, header included
 * @data: its payload, room for VFU_MAX_PAYLOAD bytes
 * @fds: descriptors that came with it; -1 once taken
 * @nfds: entries in @fds
 */
struct vfu_conn {
	int fd;
	int stop_fd;
	struct vfu_hdr hdr;
	u32 have;
	u8 *data;
	int fds[VFU_MAX_FDS];
	u32 nfds;
};

/**
 * vfu_conn_init() - take over a connected socket
 * @c: receives the connection
 * @fd: connected stream socket, owned by @c afterwards, even on failure
 * @stop_fd: borrowed
 *
 * Return: 0 or -errno.
 */
int vfu_conn_init(struct vfu_conn *c, int fd, int stop_fd);

/** vfu_conn_close() - close the socket and everything received but not taken */
void vfu_conn_close(struct vfu_conn *c);

/**
 * vfu_recv() - receive as much as there is of the next message
 * @c: the connection
 *
 * Context: never waits. Call it when the socket is readable.
 * Return: 1 a whole message is in @c (end it with vfu_done()), 0 not yet,
 *         -ECONNRESET the peer is gone, other -errno: the stream is of no use.
 */
int vfu_recv(struct vfu_conn *c);

/** vfu_done() - the message has been dealt with: make room for the next one */
void vfu_done(struct vfu_conn *c);

/** vfu_payload_len() - payload bytes of the received message */
u32 vfu_payload_len(const struct vfu_conn *c);

/**
 * vfu_take_fd() - take a descriptor of the received message
 * @c: the connection
 * @index: which one
 *
 * Return: the descriptor, owned by the caller, or -1 when there is none.
 */
int vfu_take_fd(struct vfu_conn *c, u32 index);

/**
 * vfu_reply() - answer the received message
 * @c: the connection
 * @payload: @len bytes, may be NULL when @len is 0
 * @len: payload bytes
 *
 * Sends nothing when the peer asked for no reply.
 *
 * Context: waits until the peer takes the answer or the server is to stop.
 * Return: 0 or -errno, after which the stream is of no use.
 */
int vfu_reply(struct vfu_conn *c, const void *payload, u32 len);

/**
 * vfu_reply_error() - refuse the received message
 * @c: the connection
 * @err: positive errno
 *
 * Return: as vfu_reply().
 */
int vfu_reply_error(struct vfu_conn *c, int err);

#endif /* VCARD_VFU_MSG_H */
