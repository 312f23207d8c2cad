// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts from the card to the client.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "vcard/vfio-user/irq.h"

void vfu_irq_init(struct vfu_irq *q)
{
	u32 i;

	memset(q, 0, sizeof(*q));
	pthread_mutex_init(&q->lock, NULL);
	for (i = 0; i < VFU_MAX_VECTORS; i++)
		q->fds[i] = -1;
}

void vfu_irq_set_count(struct vfu_irq *q, u32 count)
{
	pthread_mutex_lock(&q->lock);
	q->count = min_t(u32, count, VFU_MAX_VECTORS);
	pthread_mutex_unlock(&q->lock);
}

void vfu_irq_destroy(struct vfu_irq *q)
{
	vfu_irq_disable(q);
	pthread_mutex_destroy(&q->lock);
}

/*
 * Raising must never block the card's thread nor write into a file: whatever
 * else a client passes off as an eventfd is refused.
 */
static int check_eventfd(int fd)
{
	char path[64], target[64];
	ssize_t len;
	int flags;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -EINVAL;
	target[len] = '\0';
	if (strcmp(target, "anon_inode:[eventfd]"))
		return -EINVAL;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -EINVAL;
	return 0;
}

/* A full counter (EAGAIN) is an interrupt that is pending already. */
static void signal_fd(int fd)
{
	u64 one = 1;
	ssize_t done;

	do {
		done = write(fd, &one, sizeof(one));
	} while (done < 0 && errno == EINTR);
}

static void replace(struct vfu_irq *q, u32 vector, int fd)
{
	if (q->fds[vector] >= 0)
		close(q->fds[vector]);
	q->fds[vector] = fd;
	if (fd >= 0 && q->latched[vector]) {
		q->latched[vector] = false;
		signal_fd(fd);
	}
}

int vfu_irq_assign(struct vfu_irq *q, u32 vector, int fd)
{
	int err;

	if (vector >= q->count)
		return -ERANGE;
	if (fd >= 0) {
		err = check_eventfd(fd);
		if (err)
			return err;
	}
	pthread_mutex_lock(&q->lock);
	replace(q, vector, fd);
	pthread_mutex_unlock(&q->lock);
	return 0;
}

void vfu_irq_disable(struct vfu_irq *q)
{
	u32 i;

	pthread_mutex_lock(&q->lock);
	for (i = 0; i < q->count; i++)
		replace(q, i, -1);
	pthread_mutex_unlock(&q->lock);
}

void vfu_irq_forget(struct vfu_irq *q)
{
	pthread_mutex_lock(&q->lock);
	memset(q->latched, 0, sizeof(q->latched));
	pthread_mutex_unlock(&q->lock);
}

void vfu_irq_raise(struct vfu_irq *q, u32 vector)
{
	pthread_mutex_lock(&q->lock);
	if (vector < VFU_MAX_VECTORS) {
		if (q->fds[vector] >= 0)
			signal_fd(q->fds[vector]);
		else
			q->latched[vector] = true;
	}
	pthread_mutex_unlock(&q->lock);
}
