// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-crash: cut the power of the FTL core everywhere and look at what is left.
 *
 * Owns: which workloads are run on which variants, worker processes, what is
 * printed.
 *
 * Does not know: how a workload is explored (explore.c).
 *
 * Each worker is a process of its own, so that a core that crashes or spins is one
 * more violation with a case ID and not the end of the run. Workers take the next
 * workload when they are done with one, the short ones first. Who takes which, and
 * who is first at a state that several workloads lead to, depends on speed; which
 * states are looked at does not.
 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

#define MAX_VARIANTS	20
#define MAX_JOBS	64
#define NESTED_BY_DEPTH	~0u
#define SPIN_SECONDS	20	/* of CPU time without a new case */
#define TELL_SECONDS	60	/* a long run says how far it is */
#define LONG		4	/* workloads of this length are taken in a random order */

static const struct setup setups[] = {
	{
		.name = "2d", .units = 12, .lba_bytes = 4096, .wrap = true,
		.sim = { .dies = 2, .aus = 12, .pages = 4, .max_units = 4, .queues = 2,
			 .host_cmds = 4, .internal_cmds = 4, .buffer_units = 2 },
	}, {
		.name = "3d", .units = 12, .lba_bytes = 4096, .wrap = true,
		.sim = { .dies = 3, .aus = 10, .pages = 4, .max_units = 4, .queues = 2,
			 .host_cmds = 4, .internal_cmds = 4, .buffer_units = 1 },
	}, {
		.name = "512", .units = 12, .lba_bytes = 512, .wrap = true,
		.sim = { .dies = 2, .aus = 12, .pages = 4, .max_units = 4, .queues = 2,
			 .host_cmds = 4, .internal_cmds = 4, .buffer_units = 2 },
	}, {
		/* as full as a format can be: there is no room to put things off */
		.name = "full", .units = 12, .lba_bytes = 4096, .wrap = true, .no_faults = true,
		.sim = { .dies = 2, .aus = 11, .pages = 4, .max_units = 4, .queues = 2,
			 .host_cmds = 4, .internal_cmds = 4, .buffer_units = 2 },
	}, {
		/* an append unit in three holds parity */
		.name = "par", .units = 12, .lba_bytes = 4096, .wrap = true, .parity = true,
		.sim = { .dies = 3, .aus = 22, .pages = 4, .max_units = 4, .queues = 2,
			 .host_cmds = 4, .internal_cmds = 4, .buffer_units = 1,
			 .xor_groups = 10 },
	}, {
		/* the same with stripes enough for a ladder of four streams */
		.name = "lad", .units = 60, .lba_bytes = 4096, .wrap = true, .no_faults = true,
		.sim = { .dies = 1, .aus = 36, .pages = 4, .max_units = 4, .queues = 2,
			 .host_cmds = 4, .internal_cmds = 4, .buffer_units = 2 },
	}, {
		/* the map goes to flash all the time, so that recovery builds on it */
		.name = "roll", .units = 12, .lba_bytes = 4096, .wrap = true, .roll = 2,
		.sim = { .dies = 2, .aus = 12, .pages = 4, .max_units = 4, .queues = 2,
			 .host_cmds = 4, .internal_cmds = 4, .buffer_units = 2 },
	}, {
		/* the same with parity, where requests are served before the map is there */
		.name = "late", .units = 12, .lba_bytes = 4096, .wrap = true, .parity = true,
		.roll = 2,
		.sim = { .dies = 3, .aus = 22, .pages = 4, .max_units = 4, .queues = 2,
			 .host_cmds = 4, .internal_cmds = 4, .buffer_units = 1,
			 .xor_groups = 10 },
	},
};

/**
 * struct shared - what a worker leaves for its parent, whatever becomes of it
 * @id: case under way
 * @cases: cases announced
 * @spun: ended because a case never did
 */
struct shared {
	char id[CASE_LEN];
	u64 cases;
	bool spun;
};

/* A variant and how long its workloads get; @x once this process has met it. */
struct plan {
	struct variant v;
	u32 depth;
	struct explore *x;
};

/* A workload of a variant. */
struct work {
	u8 plan, nr, steps[RIG_MAX_STEPS];
};

static struct {
	u32 depth, jobs, nested_every, combinations, max_violations, minutes;
	u64 seed;
	const char *mode, *only, *json, *regress, *variant, *resume;
	bool verbose;
	const char *argv0;
} opt = {
	.depth = 2, .jobs = 1, .nested_every = NESTED_BY_DEPTH, .combinations = 2000,
	.max_violations = 5, .seed = 1, .mode = "both",
};

static struct plan plan[MAX_VARIANTS];
static u32 nr_plan;
static struct work *work;
static u32 nr_work;
static struct shared *shared, *mine;
static struct progress *progress;
static struct seen_set *seen;
static u64 violations;	/* of this worker */
static time_t started, last_told;

/* ---- variants ---------------------------------------------------------------- */

static bool add_variant(const struct setup *s, char mode, const char *policy, u64 seed,
			u32 depth)
{
	struct plan *p = &plan[nr_plan];

	if (nr_plan == MAX_VARIANTS)
		return false;
	p->v.setup = *s;
	p->depth = depth;
	p->v.setup.sim.volatile_buffer = mode == 'v';
	p->v.setup.sim.seed = seed;
	p->v.setup.sim.keeps_open = strcmp(policy, "lazy");
	if (!strcmp(policy, "lazy"))
		p->v.setup.sim.policy = SIM_LAZY;
	else if (!strcmp(policy, "eager"))
		p->v.setup.sim.policy = SIM_EAGER;
	else if (!strcmp(policy, "rnd"))
		p->v.setup.sim.policy = SIM_RANDOM;
	else
		return false;
	if (seed)
		snprintf(p->v.name, sizeof(p->v.name), "%s-%c-%s%llu", s->name, mode,
			 policy, (unsigned long long)seed);
	else
		snprintf(p->v.name, sizeof(p->v.name), "%s-%c-%s", s->name, mode, policy);
	if (!opt.variant || strstr(p->v.name, opt.variant))
		nr_plan++;
	return true;
}

/*
 * "2d-v-rnd7": setup, durable or volatile, order. The other orders also stand for
 * a card that after a cut finds open what it did not tear.
 */
static bool parse_variant(const char *name, u32 depth)
{
	char setup[8] = "", policy[8] = "";
	unsigned long long seed = 0;
	char mode;
	size_t i;

	if (sscanf(name, "%7[^-]-%c-%7[a-z]%llu", setup, &mode, policy, &seed) < 3)
		return false;
	if (mode != 'd' && mode != 'v')
		return false;
	for (i = 0; i < ARRAY_SIZE(setups); i++)
		if (!strcmp(setup, setups[i].name))
			return add_variant(&setups[i], mode, policy, seed, depth);
	return false;
}

/* The first setup to full depth; one step less for what takes longer or adds less. */
static void make_plan(void)
{
	const char *mode;

	for (mode = "dv"; *mode; mode++) {
		u32 less = opt.depth > 1 ? opt.depth - 1 : opt.depth;

		if (strcmp(opt.mode, "both") && *opt.mode != *mode)
			continue;
		add_variant(&setups[0], *mode, "lazy", 0, opt.depth);
		add_variant(&setups[0], *mode, "eager", 0, less);
		add_variant(&setups[0], *mode, "rnd", opt.seed, less);
		add_variant(&setups[1], *mode, "lazy", 0, less);
		add_variant(&setups[2], *mode, "lazy", 0, less);
		add_variant(&setups[3], *mode, "lazy", 0, less);
		/* without protection parity adds little, and a third die many combinations */
		if (*mode == 'd' || opt.depth > 1)
			add_variant(&setups[4], *mode, "lazy", 0, less);
		add_variant(&setups[5], *mode, "lazy", 0, 1);
		add_variant(&setups[6], *mode, "lazy", 0, less);
		if (*mode == 'd' || opt.depth > 1)
			add_variant(&setups[7], *mode, "lazy", 0, less);
	}
}

/* ---- work ---------------------------------------------------------------------- */

static void add_work(u32 p, u64 nr, u32 steps)
{
	struct work *w;
	u32 i;

	if (!(nr_work & (nr_work - 1)))
		work = realloc(work, (nr_work ? 2 * nr_work : 1) * sizeof(*work));
	if (!work) {
		perror("fio-crash");
		exit(2);
	}
	w = &work[nr_work++];
	*w = (struct work){ .plan = p, .nr = steps };
	for (i = 0; i < steps; i++, nr /= STEP_COUNT) {
		w->steps[steps - 1 - i] = nr % STEP_COUNT;
		if (!explore_allows(&plan[p].v, nr % STEP_COUNT)) {
			nr_work--;
			return;
		}
	}
}

/* So that part of a long run is a sample of all of it. */
static void shuffle_long(void)
{
	u64 chance = opt.seed;
	u32 first = 0, i, j;

	while (first < nr_work && work[first].nr < LONG)
		first++;
	for (i = first; i + 1 < nr_work; i++) {
		struct work w = work[i];

		chance = chance * 6364136223846793005ULL + 1442695040888963407ULL;
		j = i + (u32)((chance >> 33) % (nr_work - i));
		work[i] = work[j];
		work[j] = w;
	}
}

/*
 * Shortest first: what a bug needs is then reported by the shortest workload, and
 * a state is looked at with the care that the shortest one gets.
 */
static void make_work(void)
{
	u32 length, p;
	u64 nr, count;

	nr_work = 0;
	for (length = 0, count = 1; length <= opt.depth; length++, count *= STEP_COUNT)
		for (p = 0; p < nr_plan; p++)
			for (nr = 0; length <= plan[p].depth && nr < count; nr++)
				add_work(p, nr, length);
	shuffle_long();
}

/* ---- workers ------------------------------------------------------------------- */

static void on_announce(const char *id)
{
	memcpy(mine->id, id, CASE_LEN);
	mine->cases++;
}

static void on_report(const char *id, const char *why)
{
	printf("VIOLATION %s\n    reproduce: %s --case %s -v\n", why, opt.argv0, id);
	if (opt.only)
		exit(1);	/* what follows would bury it */
	fflush(stdout);
}

/* A case that uses so much time without getting anywhere never ends. */
static void on_timer(int sig)
{
	static u64 last;

	if (mine->cases == last) {
		mine->spun = true;
		_exit(3);
	}
	last = mine->cases;
}

static void watch_for_spinning(void)
{
	struct itimerval it = {
		.it_interval.tv_sec = SPIN_SECONDS, .it_value.tv_sec = SPIN_SECONDS,
	};

	signal(SIGVTALRM, on_timer);
	setitimer(ITIMER_VIRTUAL, &it, NULL);
}

/* What a recovery does depends little on what came before: the short ones get it all. */
static const struct nested nested_by_length[RIG_MAX_STEPS + 1] = {
	{ 1, ~0U }, { 1, 4 }, { NESTED_DRAWN, 2 }, { NESTED_DRAWN, 1 }, { NESTED_DRAWN, 1 },
};

static const struct explore_options *explore_opt(void)
{
	static struct explore_options o;
	u32 i;

	o = (struct explore_options){
		.combinations = opt.combinations, .verbose = opt.verbose, .seen = seen,
		.seed = opt.seed,
		.announce = on_announce, .report = on_report,
	};
	for (i = 0; i <= RIG_MAX_STEPS; i++)
		o.nested[i] = opt.nested_every == NESTED_BY_DEPTH ? nested_by_length[i] :
			      (struct nested){ opt.nested_every, ~0U };
	return &o;
}

static struct explore_stats stats_less(const struct explore_stats *a,
				       const struct explore_stats *b)
{
	return (struct explore_stats){
		.workloads = a->workloads - b->workloads, .points = a->points - b->points,
		.states = a->states - b->states, .nested = a->nested - b->nested,
		.seen = a->seen - b->seen, .again = a->again - b->again,
		.again_seen = a->again_seen - b->again_seen,
		.capped = a->capped - b->capped,
		.violations = a->violations - b->violations,
	};
}

/* What it did is known to all when it ends: a worker that dies leaves what it has done. */
static bool do_work(u32 nr, bool again)
{
	enum rig_step steps[RIG_MAX_STEPS];
	const struct work *w = &work[nr];
	struct plan *p = &plan[w->plan];
	struct explore_stats before;
	u32 i;

	if (!p->x) {
		snprintf(mine->id, CASE_LEN, "%s/-", p->v.name);
		p->x = explore_new(&p->v, explore_opt());
	}
	if (!p->x) {
		__atomic_add_fetch(&progress->total.violations, 1, __ATOMIC_RELAXED);
		return false;
	}
	for (i = 0; i < w->nr; i++)
		steps[i] = w->steps[i];
	before = *explore_stats(p->x);
	explore_again(p->x, again);
	explore_workload(p->x, steps, w->nr);
	before = stats_less(explore_stats(p->x), &before);
	progress_add(progress, nr, &before);
	violations += before.violations;
	return violations < opt.max_violations;
}

static int worker_main(u32 worker)
{
	bool again;
	u32 i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_IGN);	/* the parent lets the workload end */
	signal(SIGTERM, SIG_DFL);
	mine = &shared[worker];
	watch_for_spinning();
	do {
		i = progress_take(progress, &again);
	} while (i < nr_work && do_work(i, again));
	for (i = 0; i < nr_plan; i++)
		explore_free(plan[i].x);
	return 0;
}

static void worker_died(u32 worker, int status)
{
	const struct shared *w = &shared[worker];

	if (w->spun)
		printf("VIOLATION the core never came back\n");
	else if (WIFSIGNALED(status))
		printf("VIOLATION the core crashed: signal %d\n", WTERMSIG(status));
	else
		printf("VIOLATION a worker ended with status %d\n", WEXITSTATUS(status));
	printf("    reproduce: %s --case %s -v\n", opt.argv0, w->id);
	fflush(stdout);
	if (progress)
		__atomic_add_fetch(&progress->total.violations, 1, __ATOMIC_RELAXED);
}

/* Of all runs that this one goes on from. */
static u64 seconds(void)
{
	time_t now = time(NULL);

	progress->seconds += (u64)(now - last_told);
	last_told = now;
	return progress->seconds;
}

static void json_number(FILE *f, const char *name, u64 n)
{
	fprintf(f, "  \"%s\": %llu,\n", name, (unsigned long long)n);
}

/* Whole at any time: a long run writes it again and again. */
static void write_json(void)
{
	const struct explore_stats *t = &progress->total;
	char new[512];
	FILE *f;

	snprintf(new, sizeof(new), "%s.new", opt.json);
	f = fopen(new, "w");
	if (!f) {
		perror(new);
		exit(2);
	}
	fprintf(f, "{\n");
	json_number(f, "workloads_of", nr_work);
	json_number(f, "workloads_done", progress_done(progress));
	json_number(f, "sessions", progress->sessions);
	json_number(f, "seconds", seconds());
	json_number(f, "workloads", t->workloads);
	json_number(f, "states", t->states);
	json_number(f, "violations", t->violations);
	json_number(f, "cut_points", t->points);
	json_number(f, "states_in_recovery", t->nested);
	json_number(f, "seen_before", t->seen);
	json_number(f, "second_cuts", t->again);
	json_number(f, "capped", t->capped);
	fprintf(f, "  \"depth\": %u\n}\n", opt.depth);
	if (fclose(f) || rename(new, opt.json)) {
		perror(opt.json);
		exit(2);
	}
}

/* SIGALRM: it is time to tell; others: no workload is begun any more. */
static void on_signal(int sig)
{
	if (sig != SIGALRM)
		__atomic_store_n(&progress->stop, 1, __ATOMIC_RELAXED);
}

/* waitpid() is to end with EINTR. */
static void catch(int sig)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(sig, &sa, NULL);
}

static void tell(void)
{
	u32 done = progress_done(progress);

	printf("crash: %u of %u workloads, %llu states, %llu violations, %llu min\n", done,
	       nr_work, (unsigned long long)progress->total.states,
	       (unsigned long long)progress->total.violations,
	       (unsigned long long)seconds() / 60);
	fflush(stdout);
	if (opt.json)
		write_json();
	if (opt.minutes && time(NULL) - started >= 60 * (time_t)opt.minutes)
		progress->stop = 1;
	alarm(TELL_SECONDS);
}

static void run_workers(void)
{
	pid_t pid[MAX_JOBS], got;
	int status;
	u32 i;

	fflush(stdout);
	catch(SIGINT);
	catch(SIGTERM);
	for (i = 0; i < opt.jobs; i++) {
		pid[i] = fork();
		if (pid[i] < 0) {
			perror("fio-crash: fork");
			exit(2);
		}
		if (!pid[i])
			_exit(worker_main(i));
	}
	if (opt.resume || opt.minutes) {
		catch(SIGALRM);
		alarm(TELL_SECONDS);
	}
	for (i = 0; i < opt.jobs; i++) {
		while ((got = waitpid(pid[i], &status, 0)) < 0 && errno == EINTR)
			tell();
		if (got < 0 || status)
			worker_died(i, status);
	}
	alarm(0);
}

/* ---- one case, or those of a file -------------------------------------------------- */

/* VARIANT/STEPS followed by a slash and a star: all cuts of a workload. */
static bool take_star(char *id)
{
	size_t len = strlen(id);

	if (len < 2 || strcmp(id + len - 2, "/*"))
		return false;
	id[len - 2] = 0;
	return true;
}

static bool run_case(const char *given)
{
	char id[CASE_LEN];
	const char *slash;
	struct crash_case c;
	bool all;
	char name[32] = "";
	struct explore *x;
	bool ok;

	snprintf(id, sizeof(id), "%s", given);
	all = take_star(id);
	slash = strchr(id, '/');
	if (slash && slash - id < (long)sizeof(name))
		memcpy(name, id, slash - id);
	nr_plan = 0;
	if (!slash || !parse_variant(name, 0) || case_parse(slash + 1, &c)) {
		fprintf(stderr, "fio-crash: %s is no case ID\n", given);
		exit(2);
	}
	x = explore_new(&plan[0].v, explore_opt());
	if (!x)
		return false;
	if (all)
		explore_workload(x, c.steps, c.nr_steps);
	else
		explore_case(x, &c);
	ok = !explore_stats(x)->violations;
	explore_free(x);
	return ok;
}

/* A worker runs the cases; the file may name one that crashes. */
static bool run_case_in_child(const char *id)
{
	pid_t pid;
	int status;

	fflush(stdout);
	snprintf(mine->id, CASE_LEN, "%s", id);
	pid = fork();
	if (pid < 0) {
		perror("fio-crash: fork");
		exit(2);
	}
	if (!pid) {
		watch_for_spinning();
		_exit(!run_case(id));
	}
	if (waitpid(pid, &status, 0) < 0)
		return false;
	if (status && (WIFSIGNALED(status) || WEXITSTATUS(status) == 3)) {
		worker_died(0, status);
		return false;
	}
	return !status;
}

static u32 run_file(const char *path)
{
	FILE *f = fopen(path, "r");
	u32 failed = 0, run = 0;
	char line[512], id[CASE_LEN];

	if (!f) {
		perror(path);
		exit(2);
	}
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%191s", id) != 1 || id[0] == '#')
			continue;
		run++;
		failed += !run_case_in_child(id);
	}
	fclose(f);
	printf("crash: %u known cases, %u failed\n", run, failed);
	return failed;
}

/* ---- command line ------------------------------------------------------------------ */

static const struct option options[] = {
	{ "depth", required_argument, NULL, 'd' },
	{ "mode", required_argument, NULL, 'm' },
	{ "case", required_argument, NULL, 'c' },
	{ "json", required_argument, NULL, 'J' },
	{ "seed", required_argument, NULL, 's' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "regress", required_argument, NULL, 'r' },
	{ "variant", required_argument, NULL, 'V' },
	{ "nested-every", required_argument, NULL, 'n' },
	{ "combinations", required_argument, NULL, 'C' },
	{ "max-violations", required_argument, NULL, 'M' },
	{ "resume", required_argument, NULL, 'R' },
	{ "minutes", required_argument, NULL, 't' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static void print_help(FILE *to)
{
	u32 s;

	fprintf(to, "usage: fio-crash [options]\n"
		"  --depth N           workloads of up to N steps (default 2)\n"
		"  --mode M            durable, volatile or both (default)\n"
		"  --variant TEXT      only variants whose name contains TEXT\n"
		"  --seed N            of the variants with random order\n"
		"  --jobs N            worker processes\n"
		"  --nested-every K    cut recovery at every Kth operation, 0 never\n"
		"                      (default: 1 after workloads of up to 1 step, else at one\n"
		"                      that is drawn by --seed)\n"
		"  --combinations N    at most N outcomes per cut point (default 2000)\n"
		"  --max-violations N  stop a worker after N (default 5)\n"
		"  --case ID [-v]      run one case, -v: print everything that happens;\n"
		"                      VARIANT/STEPS/* is all cuts of one workload\n"
		"  --regress FILE      run the cases named in FILE first\n"
		"  --json FILE         write the totals there\n"
		"  --resume FILE       keep there, and in FILE.seen, what has been done, and go on\n"
		"                      from it; say each minute how far it is\n"
		"  --minutes N         begin no workload after N minutes\n"
		"exit status: 0 no violation, 1 violations, 2 bad usage\n"
		"steps of workloads:\n");
	for (s = 0; s < STEP_COUNT; s++)
		fprintf(to, "  %s  %s\n", rig_step_name(s), rig_step_text(s));
}

static u64 parse_number(const char *text, u64 least, u64 most, const char *what)
{
	char *end;
	u64 n = strtoull(text, &end, 10);

	if (*end || end == text || n < least || n > most) {
		fprintf(stderr, "fio-crash: %s must be a number from %llu to %llu, not '%s'\n",
			what, (unsigned long long)least, (unsigned long long)most, text);
		exit(2);
	}
	return n;
}

static void set_option(int c)
{
	switch (c) {
	case 'd':
		opt.depth = parse_number(optarg, 0, RIG_MAX_STEPS, "--depth");
		break;
	case 'm':
		opt.mode = optarg;
		break;
	case 'c':
		opt.only = optarg;
		break;
	case 'J':
		opt.json = optarg;
		break;
	case 's':
		opt.seed = parse_number(optarg, 1, 1u << 30, "--seed");
		break;
	case 'j':
		opt.jobs = parse_number(optarg, 1, MAX_JOBS, "--jobs");
		break;
	case 'r':
		opt.regress = optarg;
		break;
	case 'V':
		opt.variant = optarg;
		break;
	case 'n':
		opt.nested_every = parse_number(optarg, 0, 1000, "--nested-every");
		break;
	case 'C':
		opt.combinations = parse_number(optarg, 1, 1u << 30, "--combinations");
		break;
	case 'M':
		opt.max_violations = parse_number(optarg, 1, 1u << 30, "--max-violations");
		break;
	case 'R':
		opt.resume = optarg;
		break;
	case 't':
		opt.minutes = parse_number(optarg, 1, 1u << 20, "--minutes");
		break;
	case 'v':
		opt.verbose = true;
		break;
	case 'h':
		print_help(stdout);
		exit(0);
	default:
		print_help(stderr);
		exit(2);
	}
}

static void parse_options(int argc, char **argv)
{
	int c;

	opt.argv0 = argv[0];
	while ((c = getopt_long(argc, argv, "vh", options, NULL)) != -1)
		set_option(c);
	if (strcmp(opt.mode, "both") && strcmp(opt.mode, "durable") &&
	    strcmp(opt.mode, "volatile")) {
		fprintf(stderr, "fio-crash: --mode must be durable, volatile or both, not '%s'\n",
			opt.mode);
		exit(2);
	}
	if (optind < argc) {
		fprintf(stderr, "fio-crash: '%s' is not understood\n", argv[optind]);
		exit(2);
	}
}

static void print_totals(void)
{
	const struct explore_stats *t = &progress->total;
	u32 done = progress_done(progress);

	printf("crash: %llu workloads of up to %u steps, %llu cut points\n",
	       (unsigned long long)t->workloads, opt.depth, (unsigned long long)t->points);
	printf("crash: %llu distinct states recovered, %llu of them left by a cut recovery;\n"
	       "crash: %llu were met again; of %llu second cuts right behind an attach %llu\n",
	       (unsigned long long)t->states, (unsigned long long)t->nested,
	       (unsigned long long)t->seen, (unsigned long long)t->again,
	       (unsigned long long)t->again_seen);
	if (seen_full(seen))
		printf("crash: %llu states were not remembered\n",
		       (unsigned long long)seen_full(seen));
	if (t->capped)
		printf("crash: %llu cut points had more than %u outcomes: a sample was tried\n",
		       (unsigned long long)t->capped, opt.combinations);
	if (done < nr_work)
		printf("crash: %u of %u workloads are done%s\n", done, nr_work,
		       opt.resume ? "; the same command goes on from here" : "");
	printf("crash: %llu violations\n", (unsigned long long)t->violations);
}

static void *share(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("fio-crash: mmap");
		exit(2);
	}
	return p;
}

/* Room for the states that a run meets, with some to spare. */
static const u64 keys_by_depth[RIG_MAX_STEPS + 1] = {
	1 << 18, 1 << 21, 1 << 21, 1 << 24, 1 << 26,
};

/* All that decides which states are met, beside the program itself. */
static u64 run_key(void)
{
	char text[256];

	snprintf(text, sizeof(text), "%u %s %s %llu %u %u", opt.depth, opt.mode,
		 opt.variant ? opt.variant : "", (unsigned long long)opt.seed,
		 opt.nested_every, opt.combinations);
	return progress_key(text);
}

static int run_all(u32 failed)
{
	memset(shared, 0, MAX_JOBS * sizeof(*shared));
	nr_plan = 0;
	make_plan();
	make_work();
	progress = progress_new(opt.resume, opt.resume ? run_key() : 0, nr_work,
				keys_by_depth[opt.depth]);
	seen = progress->seen;
	started = time(NULL);
	last_told = started;
	run_workers();
	print_totals();
	if (opt.json)
		write_json();
	return failed || progress->total.violations;
}

int main(int argc, char **argv)
{
	bool ok;

	parse_options(argc, argv);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);	/* each state frees what the next one takes */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	shared = share(MAX_JOBS * sizeof(*shared));
	mine = &shared[0];
	seen = seen_new(keys_by_depth[1]);
	if (opt.only) {
		ok = run_case(opt.only);
		printf("%s: %s\n", opt.only, ok ? "ok" : "FAILED");
		return !ok;
	}
	return run_all(opt.regress ? run_file(opt.regress) : 0);
}
