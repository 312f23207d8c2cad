// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's end of the control channel: runs shell commands that the host
 * sends over a serial port and sends back what they print and how they ended.
 *
 * The protocol is made for a byte stream that a kernel message can never get
 * into, and whose two ends are started together:
 *
 *	guest: H <release>\n			once, ready for commands
 *	host:  R <command line>\n		run it; one at a time
 *	guest: O <length>\n<bytes>		some of its output, as it comes
 *	guest: X <exit status>\n		it ended (128 + signal when killed)
 *
 * A command may leave processes behind: its end is the end of the shell, not of
 * everything that holds the pipe. It knows nothing of what it runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

static int port;

static void put(const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(port, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			perror("agent: write");
			exit(1);
		}
		p += n;
		len -= n;
	}
}

static __attribute__((format(printf, 1, 2))) void putf(const char *fmt, ...)
{
	char line[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	put(line, n);
}

/* One line without its end; false when the port is gone. */
static bool get_line(char *line, size_t size)
{
	size_t n = 0;

	while (n < size - 1) {
		ssize_t got = read(port, line + n, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		if (line[n] == '\n')
			break;
		n++;
	}
	line[n] = 0;
	return true;
}

static void forward(int from)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0) {
		putf("O %zd\n", n);
		put(buf, n);
	}
}

static pid_t start(const char *command, int out[2])
{
	sigset_t none;
	pid_t pid = fork();

	if (pid)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	close(out[0]);
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(out[1], 1);
	dup2(out[1], 2);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* As first process of the guest it also buries what others left behind. */
static bool has_ended(pid_t pid, int *status)
{
	pid_t dead;

	do {
		dead = waitpid(-1, status, WNOHANG);
	} while (dead > 0 && dead != pid);
	return dead == pid;
}

/*
 * The output is read without blocking, for a process left behind may keep the
 * pipe open; SIGCHLD ends the wait.
 */
static int collect(pid_t pid, int from)
{
	struct pollfd pfd = { .fd = from, .events = POLLIN };
	sigset_t none;
	int status;

	sigemptyset(&none);
	fcntl(from, F_SETFL, O_NONBLOCK);
	while (!has_ended(pid, &status)) {
		ppoll(pfd.fd < 0 ? NULL : &pfd, pfd.fd < 0 ? 0 : 1, NULL, &none);
		forward(from);
		if (pfd.revents & POLLHUP)
			pfd.fd = -1;
	}
	forward(from);
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

static void run(const char *command)
{
	int out[2];
	int status;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC)) {
		putf("X 126\n");
		return;
	}
	pid = start(command, out);
	close(out[1]);
	status = pid < 0 ? 126 : collect(pid, out[0]);
	close(out[0]);
	putf("X %d\n", status);
}

static void on_child(int sig)
{
	(void)sig;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_child };
	static char line[LINE_MAX_BYTES];
	struct utsname uts;
	sigset_t child;

	if (argc != 2) {
		fprintf(stderr, "usage: agent SERIAL-PORT\n");
		return 2;
	}
	port = open(argv[1], O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (port < 0) {
		perror(argv[1]);
		return 1;
	}
	/* let through only while waiting, so that no end of a child is missed */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	sigaction(SIGCHLD, &sa, NULL);
	uname(&uts);
	putf("H %s\n", uts.release);
	while (get_line(line, sizeof(line))) {
		if (line[0] == 'R' && line[1] == ' ')
			run(line + 2);
	}
	return 0;
}
