// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-vcardctl: one command to a virtual card's control socket.
 *
 * It knows none of the commands: they belong to the card, which lists them when
 * asked for "help". What it adds is a readable print-out and an exit status that
 * a script can rely on.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vcard/vfio-user/control.h"
#include "vcard/vfio-user/json.h"
#include "vcard/vfio-user/listen.h"

#define EXIT_REFUSED 1
#define EXIT_USAGE 2
#define EXIT_NO_SERVER 3

#define ERR_LEN 512

static const char help_text[] =
	"usage: fio-vcardctl [--json] SOCKET COMMAND [ARGUMENT]...\n"
	"\n"
	"Sends one command to a running fio-vcard and prints its answer. SOCKET is the\n"
	"control socket, or the socket that fio-vcard was given (\".ctl\" is appended).\n"
	"\n"
	"  --json     print the answer as one line of JSON\n"
	"  --help     print this text\n"
	"  --version  print the version\n"
	"\n"
	"The command \"help\" lists the commands of the card, for example:\n"
	"  fio-vcardctl vc.sock stats\n"
	"  fio-vcardctl vc.sock die-offline 3\n"
	"  fio-vcardctl vc.sock power-cut\n"
	"\n"
	"exit status: 0 done, 1 the card refused the command, 2 wrong usage, 3 no card\n"
	"answers at SOCKET\n";

static int usage_error(const char *what)
{
	fprintf(stderr, "fio-vcardctl: %s\nTry 'fio-vcardctl --help'.\n", what);
	return EXIT_USAGE;
}

static int no_server(const char *why)
{
	fprintf(stderr, "fio-vcardctl: %s\n", why);
	return EXIT_NO_SERVER;
}

/* "--" and "-x" after the socket belong to the command. */
static int parse(int argc, char **argv, bool *json)
{
	static const struct option lo[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "+", lo, NULL)) != -1) {
		if (opt == 'j') {
			*json = true;
		} else if (opt == 'h') {
			fputs(help_text, stdout);
			return EXIT_SUCCESS;
		} else if (opt == 'v') {
			printf("fio-vcardctl %s\n", FIO_VERSION);
			return EXIT_SUCCESS;
		} else {
			return usage_error("wrong usage");
		}
	}
	if (argc - optind < 2)
		return usage_error(argc == optind ? "SOCKET and COMMAND are missing" :
						    "COMMAND is missing");
	return -1;
}

/* The words of the command line, joined to the line that is sent. */
static int join(char **words, char *line, size_t room)
{
	size_t len = 0;

	for (; *words; words++) {
		if (strpbrk(*words, "\r\n") || len + strlen(*words) + 2 > room)
			return -EINVAL;
		len += sprintf(line + len, "%s%s", len ? " " : "", *words);
	}
	line[len] = '\n';
	line[len + 1] = '\0';
	return 0;
}

static int connect_control(const char *path, char *err, size_t err_len)
{
	size_t len = strlen(path), suffix = strlen(VFU_CONTROL_SUFFIX);
	char full[256];

	if (len >= suffix && !strcmp(path + len - suffix, VFU_CONTROL_SUFFIX))
		return vfu_connect(path, err, err_len);
	if (snprintf(full, sizeof(full), "%s%s", path, VFU_CONTROL_SUFFIX) >= (int)sizeof(full)) {
		snprintf(err, err_len, "the socket path is too long");
		return -1;
	}
	return vfu_connect(full, err, err_len);
}

static int send_line(int fd, const char *line)
{
	size_t len = strlen(line);
	ssize_t done;

	while (len) {
		done = send(fd, line, len, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		line += done;
		len -= done;
	}
	return 0;
}

/* The answer without its line end, or NULL when the server went away before it. */
static char *read_answer(int fd)
{
	FILE *f = fdopen(fd, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	if (!f)
		return NULL;
	len = getline(&line, &room, f);
	fclose(f);
	if (len <= 0 || line[len - 1] != '\n') {
		free(line);
		return NULL;
	}
	line[len - 1] = '\0';
	return line;
}

/* What is in the answer beside "ok", for a person. */
static void print_readably(FILE *f, char *answer, const char *head)
{
	char *rest = answer + strlen(head);

	if (*rest != ',') {
		fputs("done\n", f);
		return;
	}
	*rest = '{';
	vfu_json_print(f, rest);
}

static int print_answer(char *answer, bool json)
{
	int status = EXIT_REFUSED;

	if (!strncmp(answer, VFU_CONTROL_OK, strlen(VFU_CONTROL_OK)))
		status = EXIT_SUCCESS;
	else if (strncmp(answer, VFU_CONTROL_REFUSED, strlen(VFU_CONTROL_REFUSED)))
		return no_server("what answered there is not a fio-vcard");
	if (json)
		printf("%s\n", answer);
	else if (status == EXIT_SUCCESS)
		print_readably(stdout, answer, VFU_CONTROL_OK);
	else
		print_readably(stderr, answer, VFU_CONTROL_REFUSED);
	return status;
}

static int talk(int fd, const char *line, bool json)
{
	char *answer;
	int status;

	if (send_line(fd, line)) {
		close(fd);
		return no_server("the card went away before it got the command");
	}
	answer = read_answer(fd);
	if (!answer)
		return no_server("the card went away before it answered");
	status = print_answer(answer, json);
	free(answer);
	return status;
}

int main(int argc, char **argv)
{
	char line[VFU_CONTROL_LINE], err[ERR_LEN];
	bool json = false;
	int fd, status = parse(argc, argv, &json);

	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	if (join(argv + optind + 1, line, sizeof(line)))
		return usage_error("the command is too long or has more than one line");
	fd = connect_control(argv[optind], err, sizeof(err));
	if (fd < 0)
		return no_server(err);
	return talk(fd, line, json);
}
