// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-faults: every fault of the medium at every place, against the oracle.
 *
 * Owns: the cards, the work done on them, which faults are tried and what may come
 * of each: right data or a medium error, never other data; no loss at all where
 * something else holds the data.
 *
 * --known names a file of "card: fault" lines, rows that are known to go wrong:
 * these do not fail the run, but one of them that goes well does, so that the list
 * cannot outlive what it excuses.
 *
 * Does not know: what may be read (tests/crash/oracle.h), how flash fails
 * (vcard/nand).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/crash/rig.h"

#define MAX_SHOWN 5

/**
 * struct result - a kind of fault on a card
 * @cases: faults tried
 * @reads: blocks read under them
 * @lost: of these, medium errors
 * @refused: attaches that ended with an error
 * @wrong: cases in which something else than that came
 * @known: it is known to go wrong
 */
struct result {
	const char *card, *fault;
	u64 cases, reads, lost, refused, wrong;
	bool known;
};

/* A card in use, as a cut and as an orderly detach leave it. */
struct card {
	const struct setup *setup;
	struct sim_image *image[2];
	struct oracle o[2];
};

enum { DIRTY, CLEAN };

static const struct setup setups[] = {
	{
		.name = "2d", .units = 12, .lba_bytes = 4096,
		.sim = { .dies = 2, .aus = 12, .pages = 4, .max_units = 4, .queues = 2,
			 .host_cmds = 4, .internal_cmds = 4, .buffer_units = 2 },
	}, {
		.name = "par", .units = 12, .lba_bytes = 4096, .parity = true,
		.sim = { .dies = 3, .aus = 14, .pages = 4, .max_units = 4, .queues = 2,
			 .host_cmds = 4, .internal_cmds = 4, .buffer_units = 1,
			 .xor_groups = 10 },
	},
};

static struct result results[64];
static u32 nr_results;
static u64 corruptions = 100000;
static const char *json, *known;
static bool verbose;

static void wrong(struct result *res, const struct rig *r, const char *where)
{
	if (res->wrong++ < MAX_SHOWN)
		printf("WRONG %s %s %s: %s\n", res->card, res->fault, where, r->why);
}

static struct result *result_new(const struct setup *s, const char *fault)
{
	struct result *res = &results[nr_results++];

	if (nr_results > ARRAY_SIZE(results))
		abort();
	*res = (struct result){ .card = s->name, .fault = fault };
	return res;
}

/* ---- work ---------------------------------------------------------------------- */

static bool work(struct rig *r)
{
	u32 i, units = r->setup->units;

	for (i = 0; i < units; i++)
		if (!rig_write(r, i, 1, 0))
			return false;
	for (i = 0; i < 2 * units; i++)
		if (!rig_write(r, i * 5 % units, 1, i % 7 ? 0 : FTL_IO_FUA))
			return false;
	return rig_trim(r, 2, 3) && rig_flush(r) && rig_do(r, STEP_GC) &&
	       rig_write(r, 3, 2, 0) && rig_do(r, STEP_CHECKPOINT) && rig_trim(r, 8, 1) &&
	       rig_write(r, 6, 1, 0) && rig_do(r, STEP_GC);
}

/* What cannot be lost any more is as it was cut: nothing queued is kept. */
static struct sim_image *cut_image(struct rig *r)
{
	struct sim_choice least[RIG_MAX_DIES];
	struct sim_image *snap = sim_snapshot(r->sim), *cut;
	u32 d;

	for (d = 0; d < r->setup->sim.dies; d++)
		sim_image_choice(snap, d, 0, &least[d]);
	cut = sim_image_cut(snap, least);
	sim_image_free(snap);
	return cut;
}

static void make_card(struct card *c, const struct setup *s)
{
	struct oracle o;
	struct rig r;
	bool ok;

	memset(c, 0, sizeof(*c));
	c->setup = s;
	oracle_init(&o, rig_blocks(s), s->lba_bytes);
	rig_on(&r, s, NULL, &o, false);
	ok = rig_format(&r, 0) && rig_attach(&r) && work(&r) && rig_settle(&r);
	if (ok) {
		c->image[DIRTY] = cut_image(&r);
		c->o[DIRTY] = o;
		oracle_cut(&c->o[DIRTY]);
		ok = rig_detach(&r);
		sim_drive(&r.env, NULL);
		c->image[CLEAN] = sim_power_off(r.sim);
		c->o[CLEAN] = o;
	}
	rig_off(&r);
	if (!ok || r.why[0]) {
		fprintf(stderr, "fio-faults: no card to start from: %s\n", r.why);
		exit(2);
	}
}

static void free_card(struct card *c)
{
	sim_image_free(c->image[DIRTY]);
	sim_image_free(c->image[CLEAN]);
}

/* Right data or a medium error. */
static bool read_all(struct rig *r, struct result *res)
{
	const char *why;
	u32 lba;
	int err;

	for (lba = 0; lba < rig_blocks(r->setup); lba++) {
		err = sim_do(&r->env, r->f, FTL_READ, 0, lba, 1, r->data);
		res->reads++;
		if (err == -ENODATA || err == -EIO) {
			res->lost++;
			continue;
		}
		if (err)
			return rig_fail(r, "read of block %u: error %d", lba, err);
		why = oracle_read(r->o, lba, r->data, false);
		if (why)
			return rig_fail(r, "%s", why);
	}
	return true;
}

/* ---- programs and erases ------------------------------------------------------------ */

static bool after_work(struct rig *r)
{
	return rig_check(r) && rig_read_all(r, false) && rig_detach(r) && rig_attach(r) &&
	       rig_read_all(r, false) && rig_check(r);
}

/* Operation @nr of its kind fails. False: there is none of that number. */
static bool fail_one(const struct setup *s, bool erase, u32 nr, struct result *res)
{
	struct oracle o;
	struct rig r;
	char where[32];
	bool met;

	oracle_init(&o, rig_blocks(s), s->lba_bytes);
	rig_on(&r, s, NULL, &o, verbose);
	if (rig_format(&r, 0) && rig_attach(&r)) {
		sim_skip_faults(r.sim, nr);
		if (erase)
			sim_fail_erases(r.sim, 1);
		else
			sim_fail_programs(r.sim, 1);
		if (work(&r))
			after_work(&r);
	}
	met = !sim_faults_armed(r.sim);
	rig_off(&r);
	res->cases += met;
	snprintf(where, sizeof(where), "%u", nr);
	if (r.why[0])
		wrong(res, &r, where);
	return met;
}

static void fail_each(const struct setup *s, bool erase)
{
	struct result *res = result_new(s, erase ? "an erase fails" : "a program fails");
	u32 nr;

	for (nr = 0; fail_one(s, erase, nr, res); nr++)
		;
}

/* ---- what cannot be read -------------------------------------------------------------- */

/**
 * struct loss - what does not answer
 * @die: a die that is gone, or -1
 * @bad_die: die of an append unit, or page, that cannot be read, or -1
 * @page: -1: all of the append unit
 */
struct loss {
	s32 die, bad_die, au, page;
};

static void lose(struct rig *r, const struct loss *l)
{
	struct nand *nand = sim_nand(r->sim);

	if (l->die >= 0)
		nand_set_die_offline(nand, l->die, true);
	if (l->bad_die >= 0)
		nand_set_fault(nand, NAND_FAULT_READ, l->bad_die, l->au, l->page, 0, -1);
}

/* @before: already at attach, else afterwards. */
static void try_loss(const struct card *c, u32 which, const struct loss *l, bool before,
		     struct result *res)
{
	struct oracle o = c->o[which];
	struct rig r;
	char where[64];
	int err;

	rig_on(&r, c->setup, c->image[which], &o, verbose);
	if (before)
		lose(&r, l);
	err = ftl_attach(sim_media(r.sim), &r.env.env, 0, &r.f);
	res->cases++;
	if (err) {
		r.f = NULL;
		res->refused++;
	} else {
		if (!before)
			lose(&r, l);
		read_all(&r, res);
	}
	if (r.env.hung)
		rig_fail(&r, "the core waits for something that cannot happen");
	rig_off(&r);
	snprintf(where, sizeof(where), "%s die %d, die %d au %d page %d",
		 which == CLEAN ? "clean" : "cut", l->die, l->bad_die, l->au, l->page);
	if (r.why[0])
		wrong(res, &r, where);
}

static bool is_written(const struct card *c, u32 which, s32 die, s32 au, s32 page)
{
	struct nand_block_info info;
	struct sim *s = sim_power_on(&c->setup->sim, c->image[which]);
	bool yes;

	nand_block_info(sim_nand(s), die, au, &info);
	yes = (s32)info.write_ptr > page;
	sim_destroy(s);
	return yes;
}

static void each_page(const struct card *c, u32 which, bool before, struct result *res)
{
	const struct sim_config *g = &c->setup->sim;
	struct loss l = { .die = -1 };

	for (l.bad_die = 0; l.bad_die < (s32)g->dies; l.bad_die++)
		for (l.au = 0; l.au < (s32)g->aus; l.au++)
			for (l.page = 0; l.page < (s32)g->pages; l.page++)
				if (is_written(c, which, l.bad_die, l.au, l.page))
					try_loss(c, which, &l, before, res);
}

static void each_au(const struct card *c, s32 die, struct result *res)
{
	const struct sim_config *g = &c->setup->sim;
	struct loss l = { .die = die, .page = -1 };

	for (l.bad_die = 0; l.bad_die < (s32)g->dies; l.bad_die++)
		for (l.au = 0; l.au < (s32)g->aus; l.au++)
			if (l.bad_die != die && is_written(c, CLEAN, l.bad_die, l.au, 0))
				try_loss(c, CLEAN, &l, false, res);
}

/* Something else holds the data: a loss is wrong. */
static void must_not_lose(const struct card *c, struct result *res)
{
	if (!c->setup->parity || !res->lost)
		return;
	printf("WRONG %s %s: %llu blocks lost in spite of parity\n", res->card, res->fault,
	       (unsigned long long)res->lost);
	res->wrong++;
}

static void losses(const struct card *c)
{
	struct loss l = { .bad_die = -1 };
	struct result *res;

	res = result_new(c->setup, "a page is lost, running");
	each_page(c, CLEAN, false, res);
	must_not_lose(c, res);
	each_page(c, CLEAN, true, result_new(c->setup, "a page is lost, attach"));
	each_page(c, DIRTY, true, result_new(c->setup, "a page is lost, recovery"));
	res = result_new(c->setup, "an append unit is lost");
	each_au(c, -1, res);
	must_not_lose(c, res);
	res = result_new(c->setup, "a die is lost");
	for (l.die = 0; l.die < (s32)c->setup->sim.dies; l.die++)
		try_loss(c, CLEAN, &l, false, res);
	must_not_lose(c, res);
	res = result_new(c->setup, "a die and an append unit");
	for (l.die = 0; l.die < (s32)c->setup->sim.dies; l.die++)
		each_au(c, l.die, res);
}

/* ---- corruption --------------------------------------------------------------------------- */

/* Every read returns a page with a bit flipped, another one each time. */
static void corrupt(const struct card *c)
{
	struct result *res = result_new(c->setup, "a page comes back changed");
	u64 pass = 0, hits = 0;

	while (hits < corruptions) {
		struct oracle o = c->o[CLEAN];
		struct nand *nand;
		struct rig r;
		char where[32];
		u32 i;

		rig_on(&r, c->setup, c->image[CLEAN], &o, verbose);
		nand = sim_nand(r.sim);
		if (rig_attach(&r))
			nand_set_fault(nand, NAND_FAULT_CORRUPT, -1, -1, -1, 0, -1);
		for (i = 0; r.f && i < 8 && !r.why[0]; i++) {
			nand_set_seed(nand, ++pass);
			read_all(&r, res);
		}
		rig_off(&r);
		hits = res->lost;
		snprintf(where, sizeof(where), "seed %llu", (unsigned long long)pass);
		if (r.why[0])
			wrong(res, &r, where);
		if (res->wrong > MAX_SHOWN || (pass > 80 && !hits))
			break;
	}
	res->cases = hits;
	if (!hits)
		res->wrong++;	/* nothing was noticed at all */
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void write_json(void)
{
	FILE *f = fopen(json, "w");
	u32 i;

	if (!f) {
		perror(json);
		exit(2);
	}
	fprintf(f, "[\n");
	for (i = 0; i < nr_results; i++) {
		const struct result *r = &results[i];
		const char *comma = i + 1 < nr_results ? "," : "";

		fprintf(f, "  {\"card\": \"%s\", \"fault\": \"%s\", \"cases\": %llu, \"reads\": %llu, \"lost\": %llu, \"refused\": %llu, \"wrong\": %llu}%s\n",
			r->card, r->fault, (unsigned long long)r->cases,
			(unsigned long long)r->reads, (unsigned long long)r->lost,
			(unsigned long long)r->refused, (unsigned long long)r->wrong, comma);
	}
	fprintf(f, "]\n");
	if (fclose(f)) {
		perror(json);
		exit(2);
	}
}

static void mark_known(const char *line)
{
	char row[64];
	u32 i;

	for (i = 0; i < nr_results; i++) {
		snprintf(row, sizeof(row), "%s: %s\n", results[i].card, results[i].fault);
		if (!strcmp(row, line)) {
			results[i].known = true;
			return;
		}
	}
	fprintf(stderr, "fio-faults: %s: there is no row %s", known, line);
	exit(2);
}

static void read_known(void)
{
	FILE *f = fopen(known, "r");
	char line[128];

	if (!f) {
		perror(known);
		exit(2);
	}
	while (fgets(line, sizeof(line), f))
		if (line[0] != '#' && line[0] != '\n')
			mark_known(line);
	fclose(f);
}

static bool as_expected(const struct result *r)
{
	if (!r->known || r->wrong)
		return r->known || !r->wrong;
	printf("%s: %s goes well now: take it off %s\n", r->card, r->fault, known);
	return false;
}

static int print_results(void)
{
	u64 bad = 0;
	u32 i;

	printf("%-5s %-26s %9s %9s %9s %8s %6s\n", "card", "fault", "cases", "reads",
	       "lost", "refused", "wrong");
	for (i = 0; i < nr_results; i++) {
		const struct result *r = &results[i];
		const char *known = r->known ? " known" : "";

		printf("%-5s %-26s %9llu %9llu %9llu %8llu %6llu%s\n", r->card, r->fault,
		       (unsigned long long)r->cases, (unsigned long long)r->reads,
		       (unsigned long long)r->lost, (unsigned long long)r->refused,
		       (unsigned long long)r->wrong, known);
		bad += !as_expected(r);
	}
	printf("faults: %llu kinds not as expected\n", (unsigned long long)bad);
	return !!bad;
}

static const struct option options[] = {
	{ "corruptions", required_argument, NULL, 'c' },
	{ "known", required_argument, NULL, 'k' },
	{ "json", required_argument, NULL, 'j' },
	{ "verbose", no_argument, NULL, 'v' },
	{ }
};

static void parse_options(int argc, char **argv)
{
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "v", options, NULL)) != -1) {
		end = "";
		if (c == 'c')
			corruptions = strtoull(optarg, &end, 10);
		else if (c == 'j')
			json = optarg;
		else if (c == 'k')
			known = optarg;
		else if (c == 'v')
			verbose = true;
		if (c == '?' || *end || (c == 'c' && !corruptions)) {
			fprintf(stderr, "usage: fio-faults [--corruptions N] [--known FILE] [--json FILE] [--verbose]\n");
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	struct card c;
	u32 i;

	parse_options(argc, argv);
	for (i = 0; i < ARRAY_SIZE(setups); i++) {
		fail_each(&setups[i], false);
		fail_each(&setups[i], true);
		make_card(&c, &setups[i]);
		losses(&c);
		corrupt(&c);
		free_card(&c);
	}
	if (known)
		read_known();
	if (json)
		write_json();
	return print_results();
}
