// SPDX-License-Identifier: GPL-2.0-only
/*
 * The thread the card runs in.
 *
 * Kicks arrive with every doorbell, far more often than the thread can sleep and
 * wake. The flag @kicked makes all but the first of a burst free of a system
 * call. The thread clears it before it runs the card: a kick during the run then
 * writes the eventfd again and the next sleep ends at once, so none is lost.
 */
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "vcard/model/model.h"
#include "vcard/vfio-user/worker.h"

#define NSEC_PER_SEC 1000000000LL

/* Flash timing is given in tens of microseconds; the default slack is 50 us. */
#define TIMER_SLACK_NS 1000UL

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* Sleeps @ns, or until kicked when @ns is negative. */
static void wait_for_work(struct vfu_worker *w, s64 ns)
{
	struct pollfd pfd = { .fd = w->kick_fd, .events = POLLIN };
	struct timespec ts;
	u64 count;

	if (ns >= 0) {
		ts.tv_sec = ns / NSEC_PER_SEC;
		ts.tv_nsec = ns % NSEC_PER_SEC;
	}
	if (ppoll(&pfd, 1, ns >= 0 ? &ts : NULL, NULL) != 1)
		return;
	/* Non-blocking: fails only when there is nothing to read. */
	if (read(w->kick_fd, &count, sizeof(count)) == sizeof(count))
		atomic_store(&w->kicked, 0);
}

static void *worker_main(void *arg)
{
	struct vfu_worker *w = arg;
	s64 next;

	prctl(PR_SET_NAME, "vcard-run");
	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	while (!atomic_load(&w->stop)) {
		next = vcard_run(w->card, now_ns());
		wait_for_work(w, next);
	}
	return NULL;
}

int vfu_worker_init(struct vfu_worker *w)
{
	memset(w, 0, sizeof(*w));
	w->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return w->kick_fd < 0 ? -errno : 0;
}

int vfu_worker_start(struct vfu_worker *w, struct vcard *card)
{
	int err;

	w->card = card;
	err = pthread_create(&w->thread, NULL, worker_main, w);
	w->running = !err;
	return -err;
}

void vfu_worker_stop(struct vfu_worker *w)
{
	if (!w->running)
		return;
	atomic_store(&w->stop, true);
	vfu_worker_kick(w);
	pthread_join(w->thread, NULL);
	w->running = false;
}

void vfu_worker_destroy(struct vfu_worker *w)
{
	close(w->kick_fd);
	w->kick_fd = -1;
}

void vfu_worker_kick(struct vfu_worker *w)
{
	u64 one = 1;

	if (atomic_exchange(&w->kicked, 1))
		return;
	/* One kick outstanding: the counter cannot be full. */
	if (write(w->kick_fd, &one, sizeof(one)) != sizeof(one))
		atomic_store(&w->kicked, 0);
}
