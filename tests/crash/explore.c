// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power cuts at every point of a workload; see explore.h.
 *
 * A cut point is just before each media operation and just after each request.
 * Between those, what a cut can leave does not grow: operations that enter a
 * queue are still there at the next operation, and acknowledgements only make
 * the rules stricter.
 *
 * After each cut: attach, read everything, check the core's invariants, cut again
 * right behind the attach and compare, then work on the unit until it has been
 * written several times over, detach and attach in order. The recovery itself is
 * cut at its own media operations: at all of them after short workloads, at one that
 * is drawn after long ones.
 */
#include <stdio.h>
#include <stdlib.h>

#include "explore.h"

/* Writes until the core must have begun to collect. */
#define MAX_FILL(units)	max(60U, 3 * (units))
#define WRAP_WITHIN	3	/* sequence numbers */

/**
 * struct explore - a variant under exploration
 * @base: a card in use, detached in order, with @base_oracle
 * @now: the path being walked
 * @only: the one path wanted, or NULL
 * @armed: cut points count as such (those of the last step)
 * @name_hash: tells the states of variants apart
 * @met: cut points met so far, in the workload and in the recovery under way
 * @chance: what is drawn next
 * @drawn: the cut point drawn of the recovery under way, number @drawn_nr
 */
struct explore {
	struct variant v;
	struct explore_options opt;
	struct sim_image *base;
	struct oracle base_oracle;
	u64 name_hash;
	struct crash_case now;
	const struct crash_case *only;
	struct explore_stats stats;
	bool armed;
	u32 met[2];
	u64 chance;
	struct sim_image *drawn;
	u32 drawn_nr;
};

/* ---- case IDs --------------------------------------------------------------- */

static const char torn_letter[] = "npod";

static size_t put_cut(const struct explore *x, const struct cut *cut, char *id, size_t at)
{
	u32 d;

	at += snprintf(id + at, CASE_LEN - at, "/%u:", cut->nr);
	for (d = 0; d < x->v.setup.sim.dies; d++)
		at += snprintf(id + at, CASE_LEN - at, "%s%u%c", d ? "," : "",
			       cut->choice[d].prefix, torn_letter[cut->choice[d].torn]);
	return at;
}

static void case_format(const struct explore *x, char *id)
{
	const struct crash_case *c = &x->now;
	size_t at = snprintf(id, CASE_LEN, "%s/%s", x->v.name, c->nr_steps ? "" : "-");
	u32 i;

	for (i = 0; i < c->nr_steps; i++)
		at += snprintf(id + at, CASE_LEN - at, "%s%s", i ? "." : "",
			       rig_step_name(c->steps[i]));
	for (i = 0; i < 2 && c->cut[i].nr; i++)
		at = put_cut(x, &c->cut[i], id, at);
}

static const char *parse_steps(const char *p, struct crash_case *c)
{
	u32 s;

	if (*p == '-')
		return p + 1;
	for (;;) {
		for (s = 0; s < STEP_COUNT; s++)
			if (!strncmp(p, rig_step_name(s), 2))
				break;
		if (s == STEP_COUNT || c->nr_steps == RIG_MAX_STEPS)
			return NULL;
		c->steps[c->nr_steps++] = s;
		p += 2;
		if (*p != '.')
			return p;
		p++;
	}
}

static const char *parse_cut(const char *p, struct cut *cut)
{
	const char *letter;
	char *end;
	u32 d;

	cut->nr = strtoul(p, &end, 10);
	if (end == p || *end != ':' || !cut->nr)
		return NULL;
	for (d = 0; d < RIG_MAX_DIES; d++) {
		p = end + 1;
		cut->choice[d].prefix = strtoul(p, &end, 10);
		letter = *end ? strchr(torn_letter, *end) : NULL;
		if (end == p || !letter)
			return NULL;
		cut->choice[d].torn = letter - torn_letter;
		if (*++end != ',')
			return end;
	}
	return NULL;
}

int case_parse(const char *id, struct crash_case *c)
{
	const char *p;
	u32 i;

	memset(c, 0, sizeof(*c));
	p = parse_steps(id, c);
	for (i = 0; i < 2 && p && *p == '/'; i++)
		p = parse_cut(p + 1, &c->cut[i]);
	return p && !*p ? 0 : -EINVAL;
}

static void announce(struct explore *x)
{
	char id[CASE_LEN];

	if (!x->opt.announce)
		return;
	case_format(x, id);
	x->opt.announce(id);
}

static void violation(struct explore *x, const char *why)
{
	char id[CASE_LEN];

	x->stats.violations++;
	case_format(x, id);
	x->opt.report(id, why);
}

/* ---- states already seen ------------------------------------------------------ */

/* What is done with a state: all checks, only the short ones, or an attach. */
enum look { LOOK_FULL, LOOK_NESTED, LOOK_AGAIN };

static u64 name_hash(const char *name)
{
	u64 h = 0xcbf29ce484222325ULL;

	for (; *name; name++)
		h = (h ^ (u8)*name) * 0x100000001b3ULL;
	return h;
}

/* True when nobody has had such a look at that state. */
static bool is_new(const struct explore *x, const struct sim_image *img,
		   const struct oracle *o, enum look look)
{
	u64 key = (sim_image_hash(img) ^ x->name_hash) * 0x9e3779b97f4a7c15ULL + oracle_hash(o);

	key = ((key ^ key >> 32) + look) * 0x9e3779b97f4a7c15ULL;
	return x->only || seen_add(x->opt.seen, key ^ key >> 29);
}

static u32 draw(struct explore *x, u32 below)
{
	x->chance = x->chance * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(x->chance >> 33) % below;
}

/* ---- after a cut ---------------------------------------------------------------- */

static bool attach_and_read(struct explore *x, struct rig *first, const struct sim_image *cut,
			    struct oracle *o)
{
	struct rig r;
	bool ok;

	if (x->opt.verbose)
		fprintf(stderr, "  power cut right behind the attach, and again:\n");
	rig_on(&r, &x->v.setup, cut, o, x->opt.verbose);
	ok = rig_attach(&r) && rig_read_all(&r, true) && rig_check(&r);
	rig_off(&r);
	return ok && !r.why[0] ? true :
	       rig_fail(first, "after a second cut behind the attach: %s", r.why);
}

/*
 * Power goes again before anything is done, or when the core has done what an atomic
 * write in part leaves to do: the same must be found.
 */
static bool check_again(struct explore *x, struct rig *first, const struct sim_image *snap)
{
	struct sim_choice least[RIG_MAX_DIES];
	struct oracle o = *first->o;
	struct sim_image *cut;
	bool ok = true, new;
	u32 d;

	for (d = 0; d < x->v.setup.sim.dies; d++)
		sim_image_choice(snap, d, 0, &least[d]);
	cut = sim_image_cut(snap, least);
	oracle_cut(&o);
	new = is_new(x, cut, &o, LOOK_AGAIN);
	x->stats.again++;
	x->stats.again_seen += !new;
	if (new || x->opt.again)
		ok = attach_and_read(x, first, cut, &o);
	sim_image_free(cut);
	return ok;
}

static bool check_renewed(struct explore *x, struct rig *r)
{
	struct ftl_stats st;
	struct sim_image *snap;
	bool ok;

	ftl_get_stats(r->f, &st);
	if (!st.groups_dropped)
		return true;
	snap = sim_snapshot(r->sim);
	ok = check_again(x, r, snap);
	sim_image_free(snap);
	return ok;
}

static bool write_all(struct rig *r)
{
	u32 per = FIO_MEDIA_UNIT / r->setup->lba_bytes;
	u32 lba;

	for (lba = 0; lba < rig_blocks(r->setup); lba += per)
		if (!rig_write(r, lba, per, 0))
			return false;
	return true;
}

/* The unit is as good as any: it can be written for as long as one likes. */
static bool live_on(struct rig *r)
{
	u32 blocks = rig_blocks(r->setup);

	return write_all(r) && rig_read_all(r, false) &&
	       rig_trim(r, 0, blocks / 2) && rig_read_all(r, false) &&
	       write_all(r) && write_all(r) && rig_flush(r) &&
	       rig_check(r) && rig_read_all(r, false) && rig_detach(r) &&
	       rig_attach(r) && rig_read_all(r, false) && rig_check(r);
}

static void cut_recovery(struct rig *r, void *ctx);
static void cut_drawn(struct explore *x, const struct oracle *o);

static const struct nested *nested_by(const struct explore *x)
{
	return &x->opt.nested[x->now.nr_steps];
}

/* Have the recovery that follows cut. */
static void arm_nested(struct explore *x, struct rig *r, const struct sim_image *img)
{
	if (!(x->only ? x->only->cut[1].nr : nested_by(x)->every))
		return;
	r->cut_point = cut_recovery;
	r->ctx = x;
	x->met[1] = 0;
	x->chance = x->opt.seed ^ sim_image_hash(img);
}

static void check_image(struct explore *x, const struct sim_image *img,
			const struct oracle *before, bool nested)
{
	struct oracle o = *before;
	struct sim_image *snap = NULL;
	struct rig r;
	bool ok;

	oracle_cut(&o);
	rig_on(&r, &x->v.setup, img, &o, x->opt.verbose);
	if (!nested)
		arm_nested(x, &r, img);
	ok = rig_attach(&r);
	r.cut_point = NULL;
	if (!nested)
		cut_drawn(x, &o);
	if (ok)
		snap = sim_snapshot(r.sim);
	ok = ok && rig_read_all(&r, true) && rig_check(&r) && check_again(x, &r, snap) &&
	     check_renewed(x, &r) && (nested || live_on(&r));
	rig_off(&r);
	sim_image_free(snap);
	if (!ok || r.why[0])
		violation(x, r.why);
}

/* ---- cutting -------------------------------------------------------------------- */

static void one_cut(struct explore *x, const struct sim_image *snap,
		    const struct oracle *o, u32 level)
{
	struct sim_image *cut = sim_image_cut(snap, x->now.cut[level].choice);

	bool new = is_new(x, cut, o, level ? LOOK_NESTED : LOOK_FULL);

	x->stats.states += new;
	x->stats.nested += new && level;
	x->stats.seen += !new;
	if (new || x->opt.again) {
		if (x->opt.verbose)
			fprintf(stderr, "  power cut at point %u%s\n", x->now.cut[level].nr,
				level ? " of the recovery" : "");
		if (x->opt.verbose)
			oracle_print(o);
		announce(x);
		check_image(x, cut, o, level);
	}
	sim_image_free(cut);
}

/* Mixed radix: combination @nr of the dies' choices. */
static void pick(const struct sim_image *snap, u32 dies, const u32 *count, u64 nr,
		 struct sim_choice *choice)
{
	u32 d;

	for (d = 0; d < dies; d++) {
		sim_image_choice(snap, d, nr % count[d], &choice[d]);
		nr /= count[d];
	}
}

static void all_cuts(struct explore *x, const struct sim_image *snap,
		     const struct oracle *o, u32 level)
{
	u32 dies = x->v.setup.sim.dies;
	u32 most = level ? nested_by(x)->outcomes : x->opt.combinations;
	u32 count[RIG_MAX_DIES];
	struct sim_choice unused;
	u64 total = 1, step = 1, i = 0;
	u32 d;

	for (d = 0; d < dies; d++) {
		for (count[d] = 1; sim_image_choice(snap, d, count[d], &unused);)
			count[d]++;
		total *= count[d];
	}
	if (total > most) {
		/* odd: meets every choice of every die sooner or later */
		step = total / most | 1;
		x->stats.capped += !level;
		i = level ? draw(x, (u32)min(step, total)) : 0;
	}
	for (; i < total; i += step) {
		pick(snap, dies, count, i, x->now.cut[level].choice);
		one_cut(x, snap, o, level);
	}
}

static bool choices_fit(const struct explore *x, const struct sim_image *snap,
			const struct cut *cut)
{
	struct sim_choice c;
	u32 d, i;

	for (d = 0; d < x->v.setup.sim.dies; d++) {
		for (i = 0; sim_image_choice(snap, d, i, &c); i++)
			if (c.prefix == cut->choice[d].prefix && c.torn == cut->choice[d].torn)
				break;
		if (!sim_image_choice(snap, d, i, &c))
			return false;
	}
	return true;
}

static void cut_here(struct explore *x, struct rig *r, u32 level)
{
	struct sim_image *snap = sim_snapshot(r->sim);
	const struct cut *want = x->only ? &x->only->cut[level] : NULL;

	x->stats.points++;
	if (!want) {
		all_cuts(x, snap, r->o, level);
	} else if (choices_fit(x, snap, want)) {
		memcpy(x->now.cut[level].choice, want->choice, sizeof(want->choice));
		one_cut(x, snap, r->o, level);
	} else {
		violation(x, "the case does not fit: a die has no such operation queued here");
	}
	sim_image_free(snap);
}

static bool wanted(const struct explore *x, u32 level, u32 nr)
{
	if (x->only)
		return x->only->cut[level].nr == nr;
	return !level || !(nr % nested_by(x)->every);
}

static void cut_point(struct explore *x, struct rig *r, u32 level)
{
	u32 nr = ++x->met[level];

	if (!wanted(x, level, nr))
		return;
	x->now.cut[level].nr = nr;
	cut_here(x, r, level);
	x->now.cut[level].nr = 0;
	announce(x);
}

/* How many there are shows at the end: each takes the place of the one before by chance. */
static void draw_point(struct explore *x, struct rig *r)
{
	u32 nr = ++x->met[1];

	if (draw(x, nr))
		return;
	sim_image_free(x->drawn);
	x->drawn = sim_snapshot(r->sim);
	x->drawn_nr = nr;
}

static void cut_drawn(struct explore *x, const struct oracle *o)
{
	struct sim_image *snap = x->drawn;

	if (!snap)
		return;
	x->drawn = NULL;
	x->stats.points++;
	x->now.cut[1].nr = x->drawn_nr;
	all_cuts(x, snap, o, 1);
	x->now.cut[1].nr = 0;
	sim_image_free(snap);
	announce(x);
}

static void cut_recovery(struct rig *r, void *ctx)
{
	struct explore *x = ctx;

	if (!x->only && nested_by(x)->every == NESTED_DRAWN)
		draw_point(x, r);
	else
		cut_point(x, r, 1);
}

static void cut_workload(struct rig *r, void *ctx)
{
	struct explore *x = ctx;

	if (x->armed)
		cut_point(x, r, 0);
	else
		x->met[0]++;
}

/* ---- workloads -------------------------------------------------------------------- */

/* Nobody cut: everything must be there, now and after the next attach. */
static bool run_to_end(struct explore *x, struct rig *r)
{
	bool ok = rig_attach(r);
	u32 i;

	for (i = 0; ok && i < x->now.nr_steps; i++) {
		x->armed = i == x->now.nr_steps - 1;
		ok = rig_do(r, x->now.steps[i]);
	}
	ok = ok && rig_settle(r);
	r->cut_point = NULL;
	return ok && rig_check(r) && rig_read_all(r, false) && live_on(r);
}

static void run_workload(struct explore *x)
{
	struct oracle o = x->base_oracle;
	struct rig r;
	bool ok;

	rig_on(&r, &x->v.setup, x->base, &o, x->opt.verbose);
	r.cut_point = cut_workload;
	r.ctx = x;
	x->armed = !x->now.nr_steps || x->only;
	announce(x);
	ok = run_to_end(x, &r);
	rig_off(&r);
	x->stats.workloads++;
	if (!ok || r.why[0])
		violation(x, r.why);
}

void explore_workload(struct explore *x, const enum rig_step *steps, u32 nr)
{
	memset(&x->now, 0, sizeof(x->now));
	memset(x->met, 0, sizeof(x->met));
	memcpy(x->now.steps, steps, nr * sizeof(*steps));
	x->now.nr_steps = nr;
	run_workload(x);
}

void explore_case(struct explore *x, const struct crash_case *c)
{
	x->only = c;
	explore_workload(x, c->steps, c->nr_steps);
	if (c->cut[0].nr && !x->stats.points && !x->stats.violations)
		violation(x, "the case does not fit: the workload has no such cut point");
	x->only = NULL;
}

/* ---- life ------------------------------------------------------------------------- */

/*
 * Every block written, then some of them again and again, until the core has
 * begun to collect: the workloads shall meet that.
 */
static bool fill(struct rig *r, u64 seq_base)
{
	u32 per = FIO_MEDIA_UNIT / r->setup->lba_bytes;
	struct ftl_stats st = {};
	u32 i;

	if (!rig_format(r, seq_base) || !rig_attach(r) || !write_all(r))
		return false;
	for (i = 0; i < MAX_FILL(r->setup->units) && !st.gc_victims; i++) {
		if (!rig_write(r, i * 5 % r->setup->units * per, per, 0) || !rig_settle(r))
			return false;
		ftl_get_stats(r->f, &st);
	}
	return rig_settle(r) && rig_detach(r);
}

/* The newest sequence number on flash. */
static u64 newest_seq(struct sim *s, const struct sim_config *c)
{
	struct fio_tag tag;
	u64 newest = 0;
	u32 i, au;

	for (i = 0; i < c->dies * c->aus * c->pages; i++) {
		au = i / c->pages;
		if (!nand_read(sim_nand(s), au / c->aus, au % c->aus, i % c->pages, NULL,
			       &tag, 0, NULL))
			newest = max(newest, le64_to_cpu(tag.seq));
	}
	return newest;
}

static bool make_card(struct explore *x, u64 seq_base, u64 *newest)
{
	struct rig r;
	bool ok;

	oracle_init(&x->base_oracle, rig_blocks(&x->v.setup), x->v.setup.lba_bytes);
	rig_on(&r, &x->v.setup, NULL, &x->base_oracle, false);
	ok = fill(&r, seq_base);
	sim_drive(&r.env, NULL);
	*newest = newest_seq(r.sim, &x->v.setup.sim);
	sim_image_free(x->base);
	x->base = sim_power_off(r.sim);
	if (!ok) {
		fprintf(stderr, "fio-crash: %s: no card to start from: %s\n", x->v.name, r.why);
		sim_env_dump(&r.env);
	}
	rig_off(&r);
	return ok && !r.why[0];
}

/* Where sequence numbers wrap, they do so in the first steps of the workload. */
static bool make_base(struct explore *x)
{
	u64 newest;

	if (!make_card(x, 0, &newest))
		return false;
	return !x->v.setup.wrap || make_card(x, 0 - newest - WRAP_WITHIN, &newest);
}

struct explore *explore_new(const struct variant *v, const struct explore_options *opt)
{
	struct explore *x = calloc(1, sizeof(*x));

	if (!x)
		abort();
	x->v = *v;
	x->opt = *opt;
	x->name_hash = name_hash(v->name);
	if (make_base(x))
		return x;
	explore_free(x);
	return NULL;
}

void explore_free(struct explore *x)
{
	if (!x)
		return;
	sim_image_free(x->base);
	free(x);
}

bool explore_allows(const struct variant *v, enum rig_step step)
{
	if (step == STEP_DIE)
		return v->setup.parity && !v->setup.sim.volatile_buffer;
	return !v->setup.no_faults ||
	       (step != STEP_PROGRAM_FAIL && step != STEP_ERASE_FAIL);
}

void explore_again(struct explore *x, bool again)
{
	x->opt.again = again;
}

const struct explore_stats *explore_stats(const struct explore *x)
{
	return &x->stats;
}
