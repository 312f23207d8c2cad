// SPDX-License-Identifier: GPL-2.0-only
/*
 * What stands around the vfio-user server: command line, sockets by path, the
 * control socket, JSON, and that the manual page names every option.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <getopt.h>
#include <cmocka.h>

#include <fio/hw_regs.h>

#include "test_vfu_card.h"
#include "test_vfu_client.h"
#include "vcard/vfio-user/control.h"
#include "vcard/vfio-user/json.h"
#include "vcard/vfio-user/listen.h"
#include "vcard/vfio-user/options.h"
#include "vcard/vfio-user/server.h"

#define WATCHDOG_S 60

/* A directory of its own for each test that needs paths. */
struct place {
	char dir[64];
	char socket[96];
	char err[512];
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	alarm(WATCHDOG_S);
	assert_non_null(p);
	snprintf(p->dir, sizeof(p->dir), "/tmp/test_vfu.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->socket, sizeof(p->socket), "%s/s", p->dir);
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;

	unlink(p->socket);
	rmdir(p->dir);
	free(p);
	alarm(0);
	return 0;
}

/* ---- command line ---- */

static void sizes(void **state)
{
	static const struct {
		const char *text;
		u64 bytes;
	} good[] = {
		{ "0", 0 }, { "4096", 4096 }, { "8G", 8ULL << 30 }, { "1T", 1ULL << 40 },
		{ "3MiB", 3 << 20 }, { "10K", 10240 }, { "18446744073709551615", ~0ULL },
	};
	static const char * const bad[] = {
		"", "G", "8g", "8GB", "8Gi", "8 G", "-1G", "+1G", " 1G", "0x10", "8G ", "1.5G",
	};
	u64 bytes;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(vfu_parse_size(good[i].text, &bytes), 0);
		assert_true(bytes == good[i].bytes);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(vfu_parse_size(bad[i], &bytes), -EINVAL);
	assert_int_equal(vfu_parse_size("18446744073709551616", &bytes), -ERANGE);
	assert_int_equal(vfu_parse_size("16777216T", &bytes), -ERANGE);
}

#define ALL_OPTIONS							\
	"--socket=s --state f --size 8G --dies 16 --queues 3 --irq msi --plp failed" \
	" --timing mlc --bad-blocks 5 --fault a --fault b --serial X1 --seed 9"	\
	" --if-version 7 --json"

/* Splits @line at blanks and parses it. */
static bool parse(const char *line, struct vfu_options *o, int *status)
{
	static char words[512];
	char *argv[32], *p;
	int argc = 0;

	snprintf(words, sizeof(words), "fio-vcard %s", line);
	for (p = strtok(words, " "); p; p = strtok(NULL, " "))
		argv[argc++] = p;
	argv[argc] = NULL;
	optind = 0;
	return vfu_parse_options(argc, argv, o, status);
}

static void options_reach_the_card(void **state)
{
	struct vfu_options o;
	int status;

	assert_true(parse("--socket s --state f", &o, &status));
	assert_string_equal(o.socket, "s");
	assert_string_equal(o.card.state_path, "f");
	assert_int_equal(o.card.user_bytes, 0);
	assert_int_equal(o.card.plp, FIO_PLP_OK);
	assert_int_equal(o.card.irq_mode, VCARD_IRQ_MSIX);
	assert_int_equal(o.card.if_major, FIO_IF_MAJOR);
	assert_true(parse(ALL_OPTIONS, &o, &status));
	assert_true(o.card.user_bytes == 8ULL << 30);
	assert_int_equal(o.card.dies, 16);
	assert_int_equal(o.card.queues, 3);
	assert_int_equal(o.card.irq_mode, VCARD_IRQ_MSI);
	assert_int_equal(o.card.plp, FIO_PLP_FAILED);
	assert_int_equal(o.card.timing, NAND_TIMING_MLC);
	assert_int_equal(o.card.factory_bad_permille, 5);
	assert_int_equal(o.nfaults, 2);
	assert_string_equal(o.faults[1], "b");
	assert_string_equal(o.card.serial, "X1");
	assert_int_equal(o.card.seed, 9);
	assert_int_equal(o.card.if_major, 7);
	assert_true(o.json);
}

static void wrong_options_are_refused(void **state)
{
	static const char * const bad[] = {
		"", "--socket s", "--state f", "--socket s --state f extra", "--nonsense",
		"--size", "--size 0", "--size 1M", "--size 1023M", "--size 1025G", "--size 2T",
		"--size 8589934593", "--size 8Q", "--dies 0", "--dies 257", "--dies x",
		"--queues 0", "--queues 9", "--queues 1x", "--irq intx", "--plp maybe",
		"--timing fast", "--bad-blocks 101", "--bad-blocks -1", "--seed 0",
		"--serial 123456789012345678901234", "--if-version 65536", "--if-version 0",
	};
	struct vfu_options o;
	int status;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		status = -1;
		assert_false(parse(bad[i], &o, &status));
		assert_int_equal(status, VFU_EXIT_USAGE);
	}
}

/* Everything that a program prints on standard output for --help. */
static size_t capture_help(char *text, size_t room)
{
	int saved = dup(STDOUT_FILENO), status;
	FILE *f = tmpfile();
	struct vfu_options o;
	size_t len;

	assert_non_null(f);
	fflush(stdout);
	assert_true(dup2(fileno(f), STDOUT_FILENO) >= 0);
	assert_false(parse("--help", &o, &status));
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	assert_int_equal(status, VFU_EXIT_OK);
	rewind(f);
	len = fread(text, 1, room - 1, f);
	text[len] = '\0';
	fclose(f);
	return len;
}

static char *read_page(const char *path)
{
	static char page[64 * 1024];
	FILE *f = fopen(path, "r");
	size_t len;

	if (!f)
		fail_msg("cannot open %s: run the test from the top of the tree", path);
	len = fread(page, 1, sizeof(page) - 1, f);
	page[len] = '\0';
	fclose(f);
	return page;
}

/* Both ways: each option of --help is an item of the page, and there are no more. */
static void the_manual_page_has_every_option(void **state)
{
	char help[8192], item[64], name[32];
	const char *page = read_page("vcard/man/fio-vcard.1"), *p;
	int in_help = 0, in_page = 0;

	capture_help(help, sizeof(help));
	for (p = strstr(help, "\n  --"); p; p = strstr(p + 1, "\n  --")) {
		assert_int_equal(sscanf(p, "\n  --%31[a-z-]", name), 1);
		snprintf(item, sizeof(item), "\n.It Fl \\-%s", name);
		if (!strstr(page, item))
			fail_msg("fio-vcard.1 does not explain --%s", name);
		in_help++;
	}
	for (p = strstr(page, "\n.It Fl \\-"); p; p = strstr(p + 1, "\n.It Fl \\-"))
		in_page++;
	assert_true(in_help > 10);
	assert_int_equal(in_page, in_help);
}

/* ---- JSON ---- */

static void json_strings_are_escaped(void **state)
{
	char out[64];

	assert_int_equal(vfu_json_escape(out, sizeof(out), "a\"b\\c\n\x01"), 19);
	assert_string_equal(out, "a\\\"b\\\\c\\u000a\\u0001");
	/* Cut short, never in the middle of an escape. */
	vfu_json_escape(out, 10, "abc\n\n\n");
	assert_string_equal(out, "abc");
}

static void print_to(char *out, size_t room, const char *json)
{
	FILE *f = fmemopen(out, room, "w");

	assert_non_null(f);
	vfu_json_print(f, json);
	fclose(f);
}

static void json_is_printed_readably(void **state)
{
	char out[512];

	print_to(out, sizeof(out),
		 "{\"a\":1,\"b\":\"x \\\"y\\\"\",\"c\":{\"d\":[1,2,3],\"e\":true},\"f\":null}");
	assert_string_equal(out, "a: 1\nb: x \"y\"\nc:\n  d: 1, 2, 3\n  e: true\nf: null\n");
	print_to(out, sizeof(out), "{\"t\":[{\"a\":1,\"b\":2},{\"a\":3}],\"u\":4}");
	assert_string_equal(out, "t:\n  a: 1, b: 2\n  a: 3\nu: 4\n");
	print_to(out, sizeof(out), "\"only text\"");
	assert_string_equal(out, "only text\n");
	print_to(out, sizeof(out), "{\"unfinished");
	assert_string_equal(out, "unfinished\n");
}

/* ---- sockets by path ---- */

static void a_live_socket_is_not_taken(void **state)
{
	struct place *p = *state;
	int fd = vfu_listen(p->socket, p->err, sizeof(p->err));
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(stat(p->socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(vfu_listen(p->socket, p->err, sizeof(p->err)), -1);
	assert_non_null(strstr(p->err, "another server is listening"));
	close(fd);
}

static void a_dead_socket_is_replaced(void **state)
{
	struct place *p = *state;
	int fd = vfu_listen(p->socket, p->err, sizeof(p->err));

	close(fd);
	assert_int_equal(vfu_connect(p->socket, p->err, sizeof(p->err)), -1);
	fd = vfu_listen(p->socket, p->err, sizeof(p->err));
	assert_true(fd >= 0);
	close(fd);
}

static void what_is_no_socket_is_left_alone(void **state)
{
	struct place *p = *state;
	FILE *f = fopen(p->socket, "w");
	char path[256];
	struct stat st;

	assert_non_null(f);
	fclose(f);
	assert_int_equal(vfu_listen(p->socket, p->err, sizeof(p->err)), -1);
	assert_non_null(strstr(p->err, "is not a socket"));
	assert_int_equal(stat(p->socket, &st), 0);
	snprintf(path, sizeof(path), "%s/none/s", p->dir);
	assert_int_equal(vfu_listen(path, p->err, sizeof(p->err)), -1);
	assert_non_null(strstr(p->err, path));
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(vfu_listen(path, p->err, sizeof(p->err)), -1);
	assert_non_null(strstr(p->err, "shorter"));
	assert_int_equal(vfu_listen("", p->err, sizeof(p->err)), -1);
}

/* ---- one client at a time ---- */

struct serving {
	struct vfu_front front;
	struct vfu_server server;
	int result;
};

static void *serve(void *arg)
{
	struct serving *s = arg;

	s->result = vfu_serve(&s->server);
	return NULL;
}

static void a_second_client_is_turned_away(void **state)
{
	struct place *p = *state;
	struct vcard_config cfg = { 0 };
	struct serving s;
	int stop = eventfd(0, EFD_CLOEXEC), first, second;
	int listener = vfu_listen(p->socket, p->err, sizeof(p->err));
	struct vcard *card;
	pthread_t thread;

	assert_int_equal(vfu_front_init(&s.front), 0);
	card = vcard_create(&cfg, &vfu_front_ops, &s.front, NULL, 0);
	assert_int_equal(vfu_front_start(&s.front, card), 0);
	assert_int_equal(vfu_server_init(&s.server, card, &s.front, listener, stop), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);

	first = vfu_connect(p->socket, p->err, sizeof(p->err));
	client_hello(first);
	second = vfu_connect(p->socket, p->err, sizeof(p->err));
	assert_true(client_closed(second));
	close(second);
	client_set(first, TC_SCRATCH, 3);
	close(first);
	/* The first is gone, seen or not: the next one is served. */
	second = vfu_connect(p->socket, p->err, sizeof(p->err));
	client_hello(second);
	assert_int_equal(client_get(second, TC_SCRATCH), 3);

	eventfd_write(stop, 1);
	pthread_join(thread, NULL);
	assert_int_equal(s.result, 0);
	assert_true(client_closed(second));
	close(second);
	close(listener);
	close(stop);
	vfu_front_stop(&s.front);
	vfu_server_destroy(&s.server);
	vcard_close(card);
	vfu_front_destroy(&s.front);
}

/* ---- control socket ---- */

static void expect_line(int fd, const char *expected)
{
	char got[256];
	size_t len = strlen(expected);

	assert_true(len < sizeof(got));
	assert_int_equal(recv(fd, got, len, MSG_WAITALL), len);
	got[len] = '\0';
	assert_string_equal(got, expected);
}

static void say(int fd, const char *text)
{
	client_send_raw(fd, text, strlen(text), NULL, 0);
}

static void commands_are_answered_by_lines(void **state)
{
	struct place *p = *state;
	struct vcard card = { 0 };
	struct vfu_control ctl;
	int listener = vfu_listen(p->socket, p->err, sizeof(p->err));
	char big[VFU_CONTROL_LINE + 1];
	int one, two;

	assert_int_equal(vfu_control_start(&ctl, &card, listener), 0);
	one = vfu_connect(p->socket, p->err, sizeof(p->err));
	two = vfu_connect(p->socket, p->err, sizeof(p->err));
	say(one, "sta");
	say(two, "stats\r\nnonsense\n");
	expect_line(two, "{\"ok\":true, \"runs\":[1,2]}\n");
	expect_line(two, "{\"ok\":false,\"error\":\"no nonsense\"}\n");
	say(one, "ts\n");
	expect_line(one, "{\"ok\":true, \"runs\":[1,2]}\n");
	memset(big, 'x', sizeof(big));
	client_send_raw(two, big, VFU_CONTROL_LINE, NULL, 0);
	expect_line(two, "{\"ok\":false,\"error\":\"the command is too long\"}\n");
	assert_true(client_closed(two));
	close(two);
	/* Stopping does not wait for clients to leave. */
	vfu_control_stop(&ctl);
	assert_true(client_closed(one));
	close(one);
	close(listener);
}

static void power_cut_child(const char *path)
{
	struct vcard card = { .front = &vfu_front_ops };
	struct vfu_control ctl;
	char err[512];
	int listener = vfu_listen(path, err, sizeof(err));

	if (listener < 0 || vfu_control_start(&ctl, &card, listener))
		_exit(99);
	pthread_join(ctl.thread, NULL);
	_exit(98);
}

/* A command may end the process: it is answered first, and the status says so. */
static void a_power_cut_is_answered_and_final(void **state)
{
	struct place *p = *state;
	int fd, status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		power_cut_child(p->socket);
	do {
		fd = vfu_connect(p->socket, p->err, sizeof(p->err));
	} while (fd < 0 && !waitpid(pid, &status, WNOHANG));
	assert_true(fd >= 0);
	say(fd, "power-cut\n");
	expect_line(fd, "{\"ok\":true,\"power\":\"cut\"}\n");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), VFU_EXIT_POWER_CUT);
	assert_true(client_closed(fd));
	close(fd);
}

#define P(fn) cmocka_unit_test_setup_teardown(fn, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(options_reach_the_card),
		cmocka_unit_test(wrong_options_are_refused),
		cmocka_unit_test(the_manual_page_has_every_option),
		cmocka_unit_test(json_strings_are_escaped),
		cmocka_unit_test(json_is_printed_readably),
		P(a_live_socket_is_not_taken),
		P(a_dead_socket_is_replaced),
		P(what_is_no_socket_is_left_alone),
		P(a_second_client_is_turned_away),
		P(commands_are_answered_by_lines),
		P(a_power_cut_is_answered_and_final),
	};

	return cmocka_run_group_tests_name("fio-vcard around the server", tests, NULL, NULL);
}
