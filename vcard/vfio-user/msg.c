// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages on one vfio-user connection.
 *
 * A message is received in exactly two pieces, header and payload, and never a
 * byte beyond it: descriptors ride with the bytes they were sent with, and this
 * is what keeps those of one message from being taken for those of the next.
 *
 * The socket does not block. A peer that sends half a message and falls silent
 * must not keep the server from noticing a signal; the caller polls, vfu_recv()
 * continues where it stopped.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vcard/vfio-user/msg.h"

#define HDR_LEN ((u32)sizeof(struct vfu_hdr))

int vfu_conn_init(struct vfu_conn *c, int fd, int stop_fd)
{
	int flags;

	memset(c, 0, sizeof(*c));
	c->fd = fd;
	c->stop_fd = stop_fd;
	c->data = malloc(VFU_MAX_PAYLOAD);
	flags = fcntl(fd, F_GETFL);
	if (c->data && flags >= 0 && !fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return 0;
	vfu_conn_close(c);
	return flags < 0 ? -EBADF : -ENOMEM;
}

void vfu_conn_close(struct vfu_conn *c)
{
	vfu_done(c);
	free(c->data);
	c->data = NULL;
	close(c->fd);
	c->fd = -1;
}

void vfu_done(struct vfu_conn *c)
{
	u32 i;

	for (i = 0; i < c->nfds; i++)
		if (c->fds[i] >= 0)
			close(c->fds[i]);
	c->nfds = 0;
	c->have = 0;
}

u32 vfu_payload_len(const struct vfu_conn *c)
{
	return le32_to_cpu(c->hdr.size) - HDR_LEN;
}

int vfu_take_fd(struct vfu_conn *c, u32 index)
{
	int fd;

	if (index >= c->nfds)
		return -1;
	fd = c->fds[index];
	c->fds[index] = -1;
	return fd;
}

/* One control message; every descriptor in it is ours to close from here on. */
static int keep_fds(struct vfu_conn *c, const struct cmsghdr *cm)
{
	size_t i, n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fd, err = 0;

	for (i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(cm) + i * sizeof(fd), sizeof(fd));
		if (c->nfds < VFU_MAX_FDS) {
			c->fds[c->nfds++] = fd;
		} else {
			close(fd);
			err = -EPROTO;
		}
	}
	return err;
}

static int collect_fds(struct vfu_conn *c, struct msghdr *mh)
{
	int err = mh->msg_flags & MSG_CTRUNC ? -EPROTO : 0;
	struct cmsghdr *cm;

	for (cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm))
		if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS &&
		    keep_fds(c, cm))
			err = -EPROTO;
	return err;
}

/* Bytes received, 0: none there now, or -errno. */
static ssize_t recv_some(struct vfu_conn *c, void *buf, size_t len)
{
	union {
		char room[CMSG_SPACE(VFU_MAX_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room, .msg_controllen = sizeof(control.room),
	};
	ssize_t got = recvmsg(c->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (collect_fds(c, &mh))
		return -EPROTO;
	return got ? got : -ECONNRESET;
}

static int check_header(const struct vfu_conn *c)
{
	u32 size = le32_to_cpu(c->hdr.size);

	if (size < HDR_LEN || size - HDR_LEN > VFU_MAX_PAYLOAD)
		return -EMSGSIZE;
	/* We send no commands, so no reply can be expected. */
	if (FIELD_GET(VFU_FLAG_TYPE, le32_to_cpu(c->hdr.flags)) != VFU_TYPE_COMMAND)
		return -EPROTO;
	return 0;
}

/* Is all of the message here; its length is only known after the header. */
static bool complete(const struct vfu_conn *c)
{
	return c->have >= HDR_LEN && c->have == le32_to_cpu(c->hdr.size);
}

int vfu_recv(struct vfu_conn *c)
{
	ssize_t got;
	int err;

	do {
		if (c->have < HDR_LEN)
			got = recv_some(c, (u8 *)&c->hdr + c->have, HDR_LEN - c->have);
		else
			got = recv_some(c, c->data + c->have - HDR_LEN,
					le32_to_cpu(c->hdr.size) - c->have);
		if (got <= 0)
			return got;
		c->have += got;
		err = c->have == HDR_LEN ? check_header(c) : 0;
		if (err)
			return err;
	} while (!complete(c));
	return 1;
}

/* Waits until the peer takes more, or the server is to stop. */
static int wait_writable(struct vfu_conn *c)
{
	struct pollfd pfd[2] = {
		{ .fd = c->fd, .events = POLLOUT },
		{ .fd = c->stop_fd, .events = POLLIN },
	};

	if (poll(pfd, 2, -1) < 0 && errno != EINTR)
		return -errno;
	return pfd[1].revents ? -ECANCELED : 0;
}

static void advance(struct iovec *iov, size_t done)
{
	size_t n = min(done, iov[0].iov_len);

	iov[0].iov_base = (u8 *)iov[0].iov_base + n;
	iov[0].iov_len -= n;
	iov[1].iov_base = (u8 *)iov[1].iov_base + (done - n);
	iov[1].iov_len -= done - n;
}

static int send_all(struct vfu_conn *c, struct iovec *iov)
{
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t done;
	int err = 0;

	while (!err && iov[0].iov_len + iov[1].iov_len) {
		done = sendmsg(c->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (done >= 0)
			advance(iov, done);
		else if (errno == EAGAIN)
			err = wait_writable(c);
		else if (errno != EINTR)
			err = -errno;
	}
	return err;
}

static int send_reply(struct vfu_conn *c, u32 flags, int error,
		      const void *payload, u32 len)
{
	struct vfu_hdr hdr = {
		.id = c->hdr.id,
		.cmd = c->hdr.cmd,
		.size = cpu_to_le32(HDR_LEN + len),
		.flags = cpu_to_le32(VFU_TYPE_REPLY | flags),
		.error = cpu_to_le32(error),
	};
	static u8 nothing;
	struct iovec iov[2] = {
		{ .iov_base = &hdr, .iov_len = sizeof(hdr) },
		{ .iov_base = payload ? (void *)payload : &nothing, .iov_len = len },
	};

	if (le32_to_cpu(c->hdr.flags) & VFU_FLAG_NO_REPLY)
		return 0;
	return send_all(c, iov);
}

int vfu_reply(struct vfu_conn *c, const void *payload, u32 len)
{
	return send_reply(c, 0, 0, payload, len);
}

int vfu_reply_error(struct vfu_conn *c, int err)
{
	return send_reply(c, VFU_FLAG_ERROR, err, NULL, 0);
}
