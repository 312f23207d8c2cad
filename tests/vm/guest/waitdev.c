// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waits until a file appears: waitdev PATH SECONDS. Device nodes come when a
 * driver is ready, which is long after modprobe returns, and looking again and
 * again would disturb what is measured. Exit status 0 when it is there, 1 when
 * the time is over.
 *
 * It knows inotify and nothing of devices.
 */
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	struct pollfd pfd = { .events = POLLIN };
	char copy[256], events[4096];
	long deadline, left;

	if (argc != 3 || strlen(argv[1]) >= sizeof(copy)) {
		fprintf(stderr, "usage: waitdev PATH SECONDS\n");
		return 2;
	}
	deadline = now_ms() + 1000 * atol(argv[2]);
	pfd.fd = inotify_init1(IN_NONBLOCK);
	snprintf(copy, sizeof(copy), "%s", argv[1]);
	/* watch first and look then, or what appears in between is missed */
	if (inotify_add_watch(pfd.fd, dirname(copy), IN_CREATE | IN_MOVED_TO) < 0) {
		perror(argv[1]);
		return 1;
	}
	while (access(argv[1], F_OK)) {
		left = deadline - now_ms();
		if (left <= 0) {
			fprintf(stderr, "waitdev: no %s after %s s\n", argv[1], argv[2]);
			return 1;
		}
		poll(&pfd, 1, left);
		while (read(pfd.fd, events, sizeof(events)) > 0)
			;
	}
	return 0;
}
