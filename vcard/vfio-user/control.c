// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control socket of a card.
 *
 * A thread of its own, because a command may have to wait for the card while the
 * guest's register accesses must not. Several clients may be connected, so that
 * a terminal left open does not lock out a test; their commands are executed one
 * after the other.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vcard/model/model.h"
#include "vcard/vfio-user/control.h"
#include "vcard/vfio-user/json.h"

/* A client that does not read its answer is given up after so long. */
#define SEND_TIMEOUT_S 5

/* The client whose command this thread is executing, or -1. */
static __thread int asking_fd = -1;

static int send_text(int fd, const char *text, size_t len)
{
	ssize_t done;

	while (len) {
		done = send(fd, text, len, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -EPIPE;
		text += done;
		len -= done;
	}
	return 0;
}

void vfu_control_last_words(void)
{
	static const char words[] = VFU_CONTROL_OK ",\"power\":\"cut\"}\n";

	if (asking_fd >= 0)
		send_text(asking_fd, words, sizeof(words) - 1);
}

static int execute(struct vfu_control *ctl, struct vfu_control_client *cl)
{
	int err;

	ctl->out[0] = '\0';
	asking_fd = cl->fd;
	vcard_control(ctl->card, cl->line, ctl->out, VFU_CONTROL_REPLY);
	asking_fd = -1;
	vfu_json_one_line(ctl->out);
	err = send_text(cl->fd, ctl->out, strlen(ctl->out));
	return err ? err : send_text(cl->fd, "\n", 1);
}

static void drop(struct vfu_control_client *cl)
{
	close(cl->fd);
	cl->fd = -1;
}

/* Executes every whole line received. Return: 0, or -errno to drop the client. */
static int execute_lines(struct vfu_control *ctl, struct vfu_control_client *cl)
{
	char *end;
	u32 used;
	int err = 0;

	while (!err && (end = memchr(cl->line, '\n', cl->len))) {
		used = end + 1 - cl->line;
		*end = '\0';
		if (end > cl->line && end[-1] == '\r')
			end[-1] = '\0';
		err = execute(ctl, cl);
		cl->len -= used;
		memmove(cl->line, cl->line + used, cl->len);
	}
	return err;
}

static void receive(struct vfu_control *ctl, struct vfu_control_client *cl)
{
	static const char too_long[] =
		VFU_CONTROL_REFUSED ",\"error\":\"the command is too long\"}\n";
	ssize_t got = recv(cl->fd, cl->line + cl->len, sizeof(cl->line) - cl->len,
			   MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		drop(cl);
		return;
	}
	cl->len += got;
	if (execute_lines(ctl, cl)) {
		drop(cl);
	} else if (cl->len == sizeof(cl->line)) {
		send_text(cl->fd, too_long, sizeof(too_long) - 1);
		drop(cl);
	}
}

static void accept_client(struct vfu_control *ctl)
{
	struct timeval tv = { .tv_sec = SEND_TIMEOUT_S };
	int i, fd = accept4(ctl->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	for (i = 0; i < VFU_CONTROL_CLIENTS; i++)
		if (ctl->client[i].fd < 0)
			break;
	if (i == VFU_CONTROL_CLIENTS) {
		close(fd);
		return;
	}
	ctl->client[i].fd = fd;
	ctl->client[i].len = 0;
}

static void *control_main(void *arg)
{
	struct vfu_control *ctl = arg;
	struct pollfd pfd[2 + VFU_CONTROL_CLIENTS];
	int i;

	prctl(PR_SET_NAME, "vcard-ctl");
	for (;;) {
		pfd[0] = (struct pollfd){ .fd = ctl->stop_fd, .events = POLLIN };
		pfd[1] = (struct pollfd){ .fd = ctl->listen_fd, .events = POLLIN };
		for (i = 0; i < VFU_CONTROL_CLIENTS; i++)
			pfd[2 + i] = (struct pollfd){ .fd = ctl->client[i].fd,
						      .events = POLLIN };
		if (poll(pfd, ARRAY_SIZE(pfd), -1) < 0)
			continue;
		if (pfd[0].revents)
			return NULL;
		for (i = 0; i < VFU_CONTROL_CLIENTS; i++)
			if (pfd[2 + i].revents)
				receive(ctl, &ctl->client[i]);
		if (pfd[1].revents)
			accept_client(ctl);
	}
}

static void release(struct vfu_control *ctl)
{
	int i;

	for (i = 0; i < VFU_CONTROL_CLIENTS; i++)
		if (ctl->client[i].fd >= 0)
			drop(&ctl->client[i]);
	free(ctl->out);
	if (ctl->stop_fd >= 0)
		close(ctl->stop_fd);
}

int vfu_control_start(struct vfu_control *ctl, struct vcard *card, int listen_fd)
{
	int i, err;

	memset(ctl, 0, sizeof(*ctl));
	ctl->card = card;
	ctl->listen_fd = listen_fd;
	for (i = 0; i < VFU_CONTROL_CLIENTS; i++)
		ctl->client[i].fd = -1;
	ctl->out = malloc(VFU_CONTROL_REPLY);
	ctl->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = !ctl->out || ctl->stop_fd < 0 ? ENOMEM :
	      pthread_create(&ctl->thread, NULL, control_main, ctl);
	ctl->running = !err;
	if (err)
		release(ctl);
	return -err;
}

void vfu_control_stop(struct vfu_control *ctl)
{
	if (!ctl->running)
		return;
	eventfd_write(ctl->stop_fd, 1);
	pthread_join(ctl->thread, NULL);
	ctl->running = false;
	release(ctl);
}
