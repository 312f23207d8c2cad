// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waits for a driver: waitdev PATH SECONDS until a file is there, waitdev
 * PATH=VALUE SECONDS until a sysfs attribute that notifies reads VALUE. Device
 * nodes come long after modprobe returns, and looking again and again would
 * disturb what is measured. Exit status 0 when it is so, 1 when time is over.
 *
 * It knows inotify and sysfs and nothing of devices.
 */
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

static long deadline_ms;

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static long left_ms(void)
{
	long left = deadline_ms - now_ms();

	return left > 0 ? left : 0;
}

static bool wait_file(const char *path)
{
	struct pollfd pfd = { .events = POLLIN };
	char copy[256], events[4096];

	snprintf(copy, sizeof(copy), "%s", path);
	pfd.fd = inotify_init1(IN_NONBLOCK);
	/* watch first and look then, or what appears in between is missed */
	if (inotify_add_watch(pfd.fd, dirname(copy), IN_CREATE | IN_MOVED_TO) < 0) {
		perror(path);
		return false;
	}
	while (access(path, F_OK)) {
		if (!left_ms())
			return false;
		poll(&pfd, 1, left_ms());
		while (read(pfd.fd, events, sizeof(events)) > 0)
			;
	}
	return true;
}

static bool wait_value(const char *path, const char *value)
{
	struct pollfd pfd = { .fd = open(path, O_RDONLY), .events = POLLPRI };
	char now[256] = "";
	ssize_t n;

	if (pfd.fd < 0) {
		perror(path);
		return false;
	}
	for (;;) {
		/* the look also arms the next notification */
		n = pread(pfd.fd, now, sizeof(now) - 1, 0);
		now[n > 0 ? n : 0] = 0;
		now[strcspn(now, "\n")] = 0;
		if (!strcmp(now, value))
			return true;
		if (!left_ms()) {
			fprintf(stderr, "waitdev: %s is '%s'\n", path, now);
			return false;
		}
		poll(&pfd, 1, left_ms());
	}
}

int main(int argc, char **argv)
{
	char *value;
	bool came;

	if (argc != 3) {
		fprintf(stderr, "usage: waitdev PATH[=VALUE] SECONDS\n");
		return 2;
	}
	deadline_ms = now_ms() + 1000 * atol(argv[2]);
	value = strchr(argv[1], '=');
	if (value)
		*value++ = 0;
	came = value ? wait_value(argv[1], value) : wait_file(argv[1]);
	if (!came)
		fprintf(stderr, "waitdev: no %s%s%s after %s s\n", argv[1], value ? "=" : "",
			value ? value : "", argv[2]);
	return !came;
}
