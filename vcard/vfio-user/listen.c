// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local sockets by path.
 *
 * A server killed like a power cut leaves its socket behind. Whether one is in
 * use is found by connecting to it: nobody accepts for a dead process.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vcard/vfio-user/listen.h"

#define BACKLOG 4

static int set_address(struct sockaddr_un *sa, const char *path, char *err, size_t err_len)
{
	size_t len = strlen(path);

	if (!len || len >= sizeof(sa->sun_path)) {
		snprintf(err, err_len,
			 "socket path '%s' has %zu characters, between 1 and %zu are possible: use a shorter directory",
			 path, len, sizeof(sa->sun_path) - 1);
		return -1;
	}
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	memcpy(sa->sun_path, path, len);
	return 0;
}

static int fail(int fd, const char *what, const char *path, char *err, size_t err_len)
{
	snprintf(err, err_len, "cannot %s '%s': %s", what, path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Is anybody listening there. */
static bool alive(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes;

	if (fd < 0)
		return true;
	/* EAGAIN: alive, with a full backlog. */
	yes = !connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) || errno == EAGAIN;
	close(fd);
	return yes;
}

/* Makes way at @path, where something exists. */
static int replace_stale(const struct sockaddr_un *sa, char *err, size_t err_len)
{
	struct stat st;

	if (lstat(sa->sun_path, &st))
		return fail(-1, "look at", sa->sun_path, err, err_len);
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(err, err_len,
			 "'%s' exists and is not a socket: remove it or choose another path",
			 sa->sun_path);
		return -1;
	}
	if (alive(sa)) {
		snprintf(err, err_len,
			 "another server is listening on '%s': stop it or choose another path",
			 sa->sun_path);
		return -1;
	}
	if (unlink(sa->sun_path))
		return fail(-1, "remove the unused socket", sa->sun_path, err, err_len);
	return 0;
}

/* Whoever can connect owns the card, so nobody else may from the first moment. */
static int bind_private(int fd, const struct sockaddr_un *sa)
{
	mode_t old = umask(0177);
	int res = bind(fd, (const struct sockaddr *)sa, sizeof(*sa));
	int saved = errno;

	umask(old);
	errno = saved;
	return res;
}

static int make_socket(struct sockaddr_un *sa, const char *path, char *err, size_t err_len)
{
	int fd;

	if (set_address(sa, path, err, err_len))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? fail(fd, "make a socket for", path, err, err_len) : fd;
}

int vfu_listen(const char *path, char *err, size_t err_len)
{
	struct sockaddr_un sa;
	int fd = make_socket(&sa, path, err, err_len);

	if (fd < 0)
		return -1;
	if (bind_private(fd, &sa)) {
		if (errno != EADDRINUSE)
			return fail(fd, "create the socket", path, err, err_len);
		if (replace_stale(&sa, err, err_len)) {
			close(fd);
			return -1;
		}
		if (bind_private(fd, &sa))
			return fail(fd, "create the socket", path, err, err_len);
	}
	if (listen(fd, BACKLOG))
		return fail(fd, "listen on", path, err, err_len);
	return fd;
}

int vfu_connect(const char *path, char *err, size_t err_len)
{
	struct sockaddr_un sa;
	int fd = make_socket(&sa, path, err, err_len);

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return fail(fd, "reach a card at", path, err, err_len);
	return fd;
}
