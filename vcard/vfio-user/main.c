// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-vcard: a virtual flash card as a vfio-user server.
 *
 * Three threads: this one serves QEMU and waits for signals, one runs the card
 * (worker.c), one answers the control socket (control.c).
 *
 * The life of the process is the card's power. SIGTERM and SIGINT are an orderly
 * power off. SIGKILL is a power cut: what that may lose is the business of the
 * card model, so nothing here tries to survive it.
 *
 * The sockets listen before the card is opened, so that a client started at the
 * same time waits instead of failing; they are removed again if the card cannot
 * be opened.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "vcard/vfio-user/control.h"
#include "vcard/vfio-user/json.h"
#include "vcard/vfio-user/listen.h"
#include "vcard/vfio-user/log.h"
#include "vcard/vfio-user/options.h"
#include "vcard/vfio-user/server.h"

#define ERR_LEN 512
#define ANSWER_LEN 4096

/**
 * struct program - everything that is open
 * @o: the command line
 * @ctl_path: control socket
 * @socket_fd: listening for QEMU
 * @ctl_fd: listening for control clients
 * @signal_fd: SIGTERM and SIGINT
 * @card: the card
 * @front: what it stands on
 * @server: the vfio-user side
 * @control: the control side
 */
struct program {
	struct vfu_options o;
	char ctl_path[256];
	int socket_fd;
	int ctl_fd;
	int signal_fd;
	struct vcard *card;
	struct vfu_front front;
	struct vfu_server server;
	struct vfu_control control;
};

static int report(const struct program *p, const char *why)
{
	char text[ERR_LEN * 2];

	if (p->o.json) {
		vfu_json_escape(text, sizeof(text), why);
		fprintf(stderr, "{\"event\":\"error\",\"text\":\"%s\"}\n", text);
	} else {
		fprintf(stderr, "fio-vcard: %s\n", why);
	}
	return -1;
}

static int report_errno(const struct program *p, const char *what, int err)
{
	char text[ERR_LEN];

	snprintf(text, sizeof(text), "%s: %s", what, strerror(-err));
	return report(p, text);
}

static void announce(const struct program *p)
{
	char socket[ERR_LEN], ctl[ERR_LEN];

	if (p->o.json) {
		vfu_json_escape(socket, sizeof(socket), p->o.socket);
		vfu_json_escape(ctl, sizeof(ctl), p->ctl_path);
		printf("{\"event\":\"listening\",\"socket\":\"%s\",", socket);
		printf("\"control\":\"%s\",\"pid\":%d}\n", ctl, (int)getpid());
	} else {
		printf("fio-vcard: listening on %s\n", p->o.socket);
	}
	fflush(stdout);
}

/* Blocked in every thread and read by one: no handler runs anywhere. */
static int open_signals(struct program *p)
{
	sigset_t set;
	int err;

	signal(SIGPIPE, SIG_IGN);
	err = vfu_dma_guard();
	if (err)
		return report_errno(p, "cannot catch SIGBUS", err);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p->signal_fd < 0)
		return report_errno(p, "cannot receive signals", -errno);
	return 0;
}

static int open_sockets(struct program *p)
{
	char err[ERR_LEN];

	if (snprintf(p->ctl_path, sizeof(p->ctl_path), "%s%s", p->o.socket,
		     VFU_CONTROL_SUFFIX) >= (int)sizeof(p->ctl_path))
		return report(p, "the socket path is too long: use a shorter directory");
	p->socket_fd = vfu_listen(p->o.socket, err, sizeof(err));
	if (p->socket_fd < 0)
		return report(p, err);
	p->ctl_fd = vfu_listen(p->ctl_path, err, sizeof(err));
	if (p->ctl_fd < 0)
		return report(p, err);
	return 0;
}

static void close_sockets(struct program *p)
{
	if (p->socket_fd >= 0) {
		unlink(p->o.socket);
		close(p->socket_fd);
	}
	if (p->ctl_fd >= 0) {
		unlink(p->ctl_path);
		close(p->ctl_fd);
	}
}

/* The reason in a refusal, {"ok":false,"error":"REASON"}; cut out in place. */
static const char *refusal_reason(char *answer)
{
	static const char head[] = "\"error\":\"";
	char *reason = strstr(answer, head), *end = strrchr(answer, '"');

	if (!reason || end < reason + sizeof(head) - 1)
		return answer;
	*end = '\0';
	return reason + sizeof(head) - 1;
}

/* The faults of the command line take effect before the guest sees the card. */
static int set_faults(struct program *p)
{
	char answer[ANSWER_LEN], text[ANSWER_LEN + ERR_LEN];
	u32 i;

	for (i = 0; i < p->o.nfaults; i++) {
		answer[0] = '\0';
		if (!vcard_control(p->card, p->o.faults[i], answer, sizeof(answer)))
			continue;
		snprintf(text, sizeof(text), "--fault '%s' was refused: %s",
			 p->o.faults[i], refusal_reason(answer));
		return report(p, text);
	}
	return 0;
}

static int open_card(struct program *p)
{
	char err[ERR_LEN] = "the card cannot be created";

	if (!p->o.card.user_bytes && access(p->o.card.state_path, F_OK)) {
		snprintf(err, sizeof(err),
			 "state file '%s' does not exist: give --size to make a new card",
			 p->o.card.state_path);
		return report(p, err);
	}
	p->card = vcard_create(&p->o.card, &vfu_front_ops, &p->front, err, sizeof(err));
	if (!p->card)
		return report(p, err);
	return set_faults(p);
}

/* The card is there and nobody uses it yet: start the threads and serve. */
static int start_and_serve(struct program *p)
{
	int err = vfu_server_init(&p->server, p->card, &p->front, p->socket_fd,
				  p->signal_fd);

	if (err)
		return report_errno(p, "cannot make the server", err);
	err = vfu_front_start(&p->front, p->card);
	if (!err)
		err = vfu_control_start(&p->control, p->card, p->ctl_fd);
	if (!err) {
		announce(p);
		err = vfu_serve(&p->server);
	}
	vfu_control_stop(&p->control);
	vfu_front_stop(&p->front);
	vfu_server_destroy(&p->server);
	return err ? report_errno(p, "cannot serve", err) : 0;
}

static int run_card(struct program *p)
{
	int err = vfu_front_init(&p->front);

	if (err)
		return report_errno(p, "cannot make the front end", err);
	err = open_card(p);
	if (!err)
		err = start_and_serve(p);
	if (p->card)
		vcard_close(p->card);
	vfu_front_destroy(&p->front);
	return err;
}

int main(int argc, char **argv)
{
	static struct program p = { .socket_fd = -1, .ctl_fd = -1, .signal_fd = -1 };
	int err, status;

	if (!vfu_parse_options(argc, argv, &p.o, &status))
		return status;
	vfu_log_json(p.o.json);
	err = open_signals(&p);
	if (!err)
		err = open_sockets(&p);
	if (!err)
		err = run_card(&p);
	close_sockets(&p);
	return err ? VFU_EXIT_FAILED : VFU_EXIT_OK;
}
