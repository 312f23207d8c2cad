// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a long run of the crash runner keeps: nothing that was done is done again,
 * what was under way is, and a file of another run is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "progress.h"

#define WORK	5
#define KEY	0x1234

static char path[64], seen_path[80];

/* A run of its own, in a process of its own, that ends without a word. */
static void in_child(void (*run)(struct progress *p), u64 key, int code)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		if (code && !freopen("/dev/null", "w", stderr))
			_exit(9);
		run(progress_new(path, key, WORK, 100));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
}

static void expect(bool is, const char *what)
{
	if (is)
		return;
	fprintf(stderr, "not so: %s\n", what);
	_exit(1);
}

static void first_run(struct progress *p)
{
	const struct explore_stats of_it = { .workloads = 1, .states = 10, .violations = 1 };
	bool again = true;

	expect(progress_take(p, &again) == 0 && !again, "workload 0 is new");
	expect(progress_take(p, &again) == 1 && !again, "workload 1 is new");
	expect(progress_take(p, &again) == 2 && !again, "workload 2 is new");
	progress_add(p, 0, &of_it);
	progress_add(p, 2, &of_it);
	expect(seen_add(p->seen, 77), "77 is new");
	expect(!seen_add(p->seen, 77), "77 is there");
	expect(progress_done(p) == 2, "two are done");
}

static void second_run(struct progress *p)
{
	const struct explore_stats of_it = { .workloads = 1, .states = 5 };
	bool again;

	expect(p->sessions == 2 && p->total.states == 20 && p->total.violations == 2,
	       "sums are kept");
	expect(!seen_add(p->seen, 77), "77 is still there");
	expect(progress_take(p, &again) == 1 && again, "workload 1 was under way");
	expect(progress_take(p, &again) == 3 && !again, "workload 3 is new");
	progress_add(p, 1, &of_it);
	progress_add(p, 3, &of_it);
	p->stop = 1;
	expect(progress_take(p, &again) == WORK, "nothing is begun after the stop");
}

static void third_run(struct progress *p)
{
	bool again;

	expect(p->total.workloads == 4 && p->total.states == 30, "sums are kept again");
	expect(progress_take(p, &again) == 4 && !again, "workload 4 is left");
	expect(progress_take(p, &again) == WORK, "there is no more");
}

static void nothing(struct progress *p)
{
}

static void test_goes_on(void **state)
{
	in_child(first_run, KEY, 0);
	in_child(second_run, KEY, 0);
	in_child(third_run, KEY, 0);
}

static void test_other_run(void **state)
{
	in_child(first_run, KEY, 0);
	in_child(nothing, KEY + 1, 2);
	in_child(second_run, KEY, 0);
}

static void test_in_use(void **state)
{
	struct progress *p = progress_new(path, KEY, WORK, 100);

	assert_non_null(p);
	in_child(nothing, KEY, 2);
}

static int make_path(void **state)
{
	static u32 nr;

	snprintf(path, sizeof(path), "/tmp/test_progress.%d.%u", getpid(), nr++);
	snprintf(seen_path, sizeof(seen_path), "%s.seen", path);
	return 0;
}

static int remove_files(void **state)
{
	unlink(path);
	unlink(seen_path);
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make_path, remove_files)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_goes_on), CASE(test_other_run), CASE(test_in_use),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
