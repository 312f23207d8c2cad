// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-wa: write amplification of the driver's FTL core, by simulation.
 *
 * The core itself runs, over a medium that answers at once and keeps tags and
 * metadata; beside it, on the same writes: theory, and models of other policies
 * (ref.h). Runs are independent: each is a job for one of --jobs processes,
 * which put their results into shared memory.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache.h"
#include "drive.h"
#include "ref.h"
#include "report.h"
#include "store.h"
#include "trace.h"

#define MAX_OPS		8
#define MAX_LOADS	32

struct options {
	const struct load_kind *load[MAX_LOADS];
	double op[MAX_OPS];
	u32 loads, ops, seeds, ref_seeds, lbas, unit_pages, jobs;
	u32 policies;		/* bit per enum wa_policy */
	u32 passes;
	const char *json, *plots, *trace, *cache;
	bool check, parity, midas;
	enum trace_format format;
};

struct task {
	struct wa_job job;
	struct wa_result *result;
	u32 row;
};

struct run {
	struct options o;
	struct trace trace;
	struct wa_row *row;
	struct task *task;
	struct wa_result *result;	/* shared */
	u32 *next;			/* shared: the first task that nobody took */
	u32 rows, tasks;
	u32 shown;			/* rows whose line is printed */
	u32 ended;			/* tasks that are over */
	int over[2];			/* pipe: a byte for each task that is over */
};

/* ---- options ------------------------------------------------------------ */

static const char usage_text[] =
	"usage: fio-wa [options]\n"
	"Write amplification of the FTL core, its parts, and what others reach.\n\n"
	"  --workload NAME,...  of those that --list names (all)\n"
	"  --op PERCENT,...     over-provisioning: physical / logical - 1 (7,12.5,20,28)\n"
	"  --seeds N            runs of the driver per row (3)\n"
	"  --ref-seeds N        runs of each reference policy per row (1)\n"
	"  --lbas N             logical units of 4 KiB (131072)\n"
	"  --unit-pages N       units collected as one: 16 to 16384, a power of two (64)\n"
	"  --policies NAME,...  driver,ladder,greedy,sepbit,oracle (all)\n"
	"  --trace FILE         replay the writes of a recorded trace once instead\n"
	"  --format NAME        of the trace: msr or alibaba\n"
	"  --jobs N             processes (as many as processors)\n"
	"  --json FILE          results as an array of objects\n"
	"  --plots DIR          one SVG per workload\n"
	"  --cache DIR          keep the result of each run, and begin where it was interrupted\n"
	"  --passes N           writes, as a multiple of the capacity (16)\n"
	"  --parity             format with parity, 15 + 1; it counts apart from all targets\n"
	"  --midas              one more row: Zipf 1.0 at 7.37 % in units of 1024, 12 passes\n"
	"  --check              fail on figures that cannot be right: see report_check()\n"
	"  --list               name the workloads\n"
	"  --help               this text\n\n"
	"A run fills the space in order, then writes 16 times its capacity; the second\n"
	"half counts. Physical is what user data and its copies can use: all units but\n"
	"the system append units and the place of one snapshot of the map.\n";

static void fail(const char *what, const char *which)
{
	fprintf(stderr, "fio-wa: %s '%s'; see fio-wa --help\n", what, which);
	exit(2);
}

static u32 number(const char *option, const char *text, u32 low, u32 high)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (!*text || *end || v < low || v > high) {
		fprintf(stderr, "fio-wa: --%s takes a number from %u to %u, not '%s'\n", option,
			low, high, text);
		exit(2);
	}
	return (u32)v;
}

static void add_load(struct options *o, const char *name)
{
	o->load[o->loads] = load_find(name);
	if (!o->load[o->loads] || ++o->loads == MAX_LOADS)
		fail("no such workload, or too many:", name);
}

static void add_op(struct options *o, const char *text)
{
	char *end;
	double op = strtod(text, &end);

	if (*end || !(op >= 1 && op <= 400) || o->ops == MAX_OPS)
		fail("not an over-provisioning of 1 to 400 percent, or too many:", text);
	o->op[o->ops++] = op / 100;
}

static void add_policy(struct options *o, const char *name)
{
	u32 p = 0;

	while (p < WA_POLICIES && strcmp(wa_policy_names[p], name))
		p++;
	if (p == WA_POLICIES)
		fail("no such policy:", name);
	o->policies |= 1u << p;
}

static void each(struct options *o, char *list, void (*add)(struct options *o, const char *name))
{
	char *save, *word;

	for (word = strtok_r(list, ",", &save); word; word = strtok_r(NULL, ",", &save))
		add(o, word);
}

static void list_loads(void)
{
	u32 i;

	for (i = 0; i < load_kind_count; i++)
		printf("%-14s %s\n", load_kinds[i].name, load_kinds[i].about);
	exit(0);
}

static void set_format(struct options *o, const char *name)
{
	if (!strcmp(name, "msr"))
		o->format = TRACE_MSR;
	else if (!strcmp(name, "alibaba"))
		o->format = TRACE_ALIBABA;
	else
		fail("unknown format of a trace:", name);
}

static u32 unit_pages(const char *text)
{
	u32 n = number("unit-pages", text, 16, 16384);

	if (n & (n - 1))
		fail("not a power of two:", text);
	return n;
}

static void take_option(struct options *o, int c)
{
	switch (c) {
	case 'w':
		each(o, optarg, add_load);
		break;
	case 'o':
		each(o, optarg, add_op);
		break;
	case 'p':
		each(o, optarg, add_policy);
		break;
	case 's':
		o->seeds = number("seeds", optarg, 1, WA_MAX_SEEDS);
		break;
	case 'r':
		o->ref_seeds = number("ref-seeds", optarg, 1, WA_MAX_SEEDS);
		break;
	case 'n':
		o->lbas = number("lbas", optarg, 4096, 1u << 26);
		break;
	case 'u':
		o->unit_pages = unit_pages(optarg);
		break;
	case 't':
		o->trace = optarg;
		break;
	case 'f':
		set_format(o, optarg);
		break;
	case 'j':
		o->jobs = number("jobs", optarg, 1, 256);
		break;
	case 'J':
		o->json = optarg;
		break;
	case 'P':
		o->plots = optarg;
		break;
	case 'C':
		o->cache = optarg;
		break;
	case 'a':
		o->passes = number("passes", optarg, 2, 1000);
		break;
	case 'x':
		o->parity = true;
		break;
	case 'm':
		o->midas = true;
		break;
	case 'c':
		o->check = true;
		break;
	case 'l':
		list_loads();
		break;
	case 'h':
		fputs(usage_text, stdout);
		exit(0);
	default:
		exit(2);
	}
}

static void defaults(struct options *o)
{
	static const double op[] = { .07, .125, .20, .28 };
	u32 i;

	for (i = 0; !o->ops && i < ARRAY_SIZE(op); i++)
		o->op[i] = op[i];
	o->ops = o->ops ? o->ops : ARRAY_SIZE(op);
	for (i = 0; !o->loads && !o->trace && i < load_kind_count; i++)
		o->load[i] = &load_kinds[i];
	o->loads = o->loads ? o->loads : o->trace ? 1 : load_kind_count;
	o->policies = o->policies ? o->policies : (1u << WA_POLICIES) - 1;
	o->jobs = o->jobs ? o->jobs : (u32)sysconf(_SC_NPROCESSORS_ONLN);
	if (o->trace && o->load[0])
		fail("either --workload or --trace, not both:", o->trace);
}

static void parse(struct options *o, int argc, char **argv)
{
	static const struct option names[] = {
		{ "workload", 1, NULL, 'w' }, { "op", 1, NULL, 'o' }, { "seeds", 1, NULL, 's' },
		{ "ref-seeds", 1, NULL, 'r' }, { "lbas", 1, NULL, 'n' },
		{ "unit-pages", 1, NULL, 'u' }, { "policies", 1, NULL, 'p' },
		{ "trace", 1, NULL, 't' }, { "format", 1, NULL, 'f' }, { "jobs", 1, NULL, 'j' },
		{ "json", 1, NULL, 'J' }, { "plots", 1, NULL, 'P' }, { "list", 0, NULL, 'l' },
		{ "check", 0, NULL, 'c' }, { "passes", 1, NULL, 'a' },
		{ "cache", 1, NULL, 'C' },
		{ "parity", 0, NULL, 'x' }, { "midas", 0, NULL, 'm' },
		{ "help", 0, NULL, 'h' }, { 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		take_option(o, c);
	if (optind < argc)
		fail("unknown argument", argv[optind]);
	defaults(o);
}

/* ---- rows and tasks ----------------------------------------------------- */

static void load_trace(struct run *run)
{
	struct trace *t = &run->trace;
	FILE *in = fopen(run->o.trace, "r");

	if (!in) {
		fprintf(stderr, "fio-wa: %s: %s\n", run->o.trace, strerror(errno));
		exit(1);
	}
	if (trace_load(in, run->o.trace, run->o.format, t, stderr)) {
		fprintf(stderr, "fio-wa: %s: %llu of %llu lines are bad, %llu are reads: nothing to replay; is --format right?\n",
			run->o.trace, (unsigned long long)t->bad, (unsigned long long)t->lines,
			(unsigned long long)t->reads);
		exit(1);
	}
	fclose(in);
	printf("%s: %llu writes of %llu units to %u different ones; %llu reads, %llu bad lines left out\n",
	       run->o.trace, (unsigned long long)t->count, (unsigned long long)t->units, t->lbas,
	       (unsigned long long)t->reads, (unsigned long long)t->bad);
	run->o.lbas = t->lbas;
}

static void add_task(struct run *run, struct wa_row *row, const struct load_kind *load,
		     u32 policy, u32 seed)
{
	struct task *t = &run->task[run->tasks];

	t->job = (struct wa_job){
		.load = load, .trace = run->o.trace ? &run->trace : NULL, .policy = policy,
		.op = row->op, .seed = seed + 1, .lbas = row->lbas,
		.unit_pages = row->unit_pages, .passes = row->passes, .parity = row->parity,
	};
	t->result = &run->result[run->tasks++];
	t->row = (u32)(row - run->row);
	row->result[policy][row->ran[policy]++] = t->result;
}

static void add_tasks(struct run *run, struct wa_row *row, const struct load_kind *load)
{
	u32 p, s, seeds;

	for (p = 0; p < WA_POLICIES; p++) {
		seeds = p == WA_DRIVER ? run->o.seeds : run->o.ref_seeds;
		if (run->o.trace || row->limit > 0)
			seeds = 1;
		for (s = 0; s < seeds && run->o.policies >> p & 1; s++)
			add_task(run, row, load, p, s);
	}
}

static void add_row(struct run *run, const struct load_kind *kind, double op)
{
	struct wa_row *row = &run->row[run->rows++];

	*row = (struct wa_row){
		.name = kind ? kind->name : "trace",
		.about = kind ? kind->about : run->o.trace,
		.class = kind ? kind->class : LOAD_OTHER,
		.op = op, .lbas = run->o.lbas, .unit_pages = run->o.unit_pages,
		.passes = run->o.passes, .parity = run->o.parity,
	};
	add_tasks(run, row, kind);
}

/* The geometry and the workload that MiDAS (FAST'24) reports 3.36 for, SepBIT 3.76. */
static void add_midas(struct run *run)
{
	struct wa_row *row = &run->row[run->rows++];
	const struct load_kind *kind = load_find("zipf1.0");

	*row = (struct wa_row){
		.name = "midas", .about = "Zipf 1.0 in the geometry of MiDAS (FAST'24)",
		.class = kind->class, .op = .0737, .lbas = 1953125, .unit_pages = 1024,
		.passes = 12, .parity = run->o.parity, .limit = 3.12,
	};
	add_tasks(run, row, kind);
}

static void plan(struct run *run)
{
	u32 rows = run->o.loads * run->o.ops + 1, most = rows * WA_POLICIES * WA_MAX_SEEDS, i, k;
	size_t bytes = most * sizeof(*run->result) + sizeof(*run->next);

	run->row = must_alloc(rows, sizeof(*run->row));
	run->task = must_alloc(most, sizeof(*run->task));
	run->result = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run->result == MAP_FAILED)
		fail("no shared memory for results:", strerror(errno));
	run->next = (u32 *)(run->result + most);
	/* the longest first */
	if (run->o.midas)
		add_midas(run);
	for (i = 0; i < run->o.loads; i++)
		for (k = 0; k < run->o.ops; k++)
			add_row(run, run->o.load[i], run->o.op[k]);
}

/* ---- running ------------------------------------------------------------ */

static void run_task(struct task *t)
{
	struct wa_result r = { 0 };

	/* It keeps this if its process dies. */
	snprintf(t->result->error, sizeof(t->result->error), "ended early");
	if (cache_load(&t->job, &r)) {
		*t->result = r;
		return;
	}
	if (t->job.policy == WA_DRIVER)
		drive_run(&t->job, &r);
	else
		ref_run(&t->job, &r);
	cache_store(&t->job, &r);
	*t->result = r;
}

static void take_tasks(struct run *run)
{
	u32 i;

	for (;;) {
		i = __atomic_fetch_add(run->next, 1, __ATOMIC_RELAXED);
		if (i >= run->tasks)
			break;
		run_task(&run->task[i]);
		__atomic_store_n(&run->task[i].result->over, true, __ATOMIC_RELEASE);
		if (write(run->over[1], "", 1) != 1)
			break;
	}
}

static bool row_over(const struct wa_row *row)
{
	u32 p, i;

	for (p = 0; p < WA_POLICIES; p++)
		for (i = 0; i < row->ran[p]; i++)
			if (!__atomic_load_n(&row->result[p][i]->over, __ATOMIC_ACQUIRE))
				return false;
	return true;
}

/* On a terminal only: lines of rows are what a log keeps. */
static void show_progress(const struct run *run)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%u of %u runs \r", run->ended, run->tasks);
}

/* Lines come in order, each as soon as it and those before it are complete. */
static void show_rows(struct run *run, bool all)
{
	for (; run->shown < run->rows; run->shown++) {
		struct wa_row *row = &run->row[run->shown];

		if (!all && !row_over(row))
			break;
		report_row(row);
		report_line(row);
	}
}

static void start_jobs(struct run *run)
{
	u32 i, jobs = min(run->o.jobs, run->tasks);

	fflush(NULL);
	for (i = 0; i < jobs; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("cannot fork:", strerror(errno));
		if (!pid) {
			close(run->over[0]);
			take_tasks(run);
			fflush(NULL);
			_exit(0);
		}
	}
	close(run->over[1]);
}

/* The pipe ends with the last process that could write to it. */
static void run_tasks(struct run *run)
{
	int status;
	char byte;

	if (pipe(run->over))
		fail("no pipe:", strerror(errno));
	report_head();
	start_jobs(run);
	show_progress(run);
	while (read(run->over[0], &byte, 1) == 1) {
		run->ended++;
		show_rows(run, false);
		show_progress(run);
	}
	show_rows(run, true);
	while (wait(&status) > 0)
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			fprintf(stderr, "fio-wa: a process died (status %#x)\n", status);
}

/* Runs that failed or whose counters are wrong: returns how many. */
static u32 check_results(const struct run *run)
{
	u32 i, bad = 0;

	for (i = 0; i < run->tasks; i++) {
		const struct task *t = &run->task[i];
		const struct wa_result *r = t->result;
		const struct wa_row *row = &run->row[t->row];

		if (!r->error[0] && !r->unaccounted)
			continue;
		bad++;
		fprintf(stderr, "fio-wa: %s at %.1f %%, %s, seed %llu: ", row->name, row->op * 100,
			wa_policy_names[t->job.policy], (unsigned long long)t->job.seed);
		if (r->error[0])
			fprintf(stderr, "%s\n", r->error);
		else
			fprintf(stderr, "%lld of %llu units on the medium are in no counter of the core\n",
				(long long)r->unaccounted, (unsigned long long)r->writes);
	}
	return bad;
}

static double cpu_seconds(const struct run *run)
{
	double sum = 0;
	u32 i;

	for (i = 0; i < run->tasks; i++)
		sum += run->result[i].seconds;
	return sum;
}

static int report(struct run *run)
{
	u32 bad = check_results(run);
	int err = 0;

	report_misses(run->row, run->rows);
	if (run->o.check)
		bad += report_check(run->row, run->rows);
	printf("%u runs, %.0f s of CPU time\n", run->tasks, cpu_seconds(run));
	if (run->o.json)
		err = report_json(run->row, run->rows, run->o.json);
	if (!err && run->o.plots)
		err = report_plots(run->row, run->rows, run->o.plots);
	return bad || err;
}

int main(int argc, char **argv)
{
	static struct run run = {
		.o = { .seeds = 3, .ref_seeds = 1, .lbas = 1u << 17, .unit_pages = 64,
			.passes = WA_PASSES },
	};

	parse(&run.o, argc, argv);
	if (run.o.trace)
		load_trace(&run);
	if (run.o.cache && cache_open(run.o.cache))
		return 1;
	plan(&run);
	run_tasks(&run);
	return report(&run);
}
