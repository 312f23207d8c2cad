// SPDX-License-Identifier: GPL-2.0-only
/*
 * Placement: which stream a unit is written to, which stripe is collected next.
 *
 * Owns: estimates of how long units live, the meaning of the ladder's rungs, the
 * score of victims. Does not know: room, how stripes are opened, copied, freed.
 *
 * Units that die at about the same time should share a stripe: it is then nearly
 * empty or nearly full when it is looked at, and little is copied. Nothing is kept
 * per unit. A stripe has the mean interval T between updates of what was put into
 * it, and the times when it was opened and closed; time is counted in units written
 * by users. From these follows what to think of a unit that leaves it at age d:
 *
 *   overwritten:          it lives about (s T + w d) / (1 + w), w = 3/2 v
 *   copied:               it lives about s T + w d, w = 3/4 v
 *   never written before: as long as it takes to write everything once
 *
 * With lifetimes distributed exponentially and their rates by a Gamma law the mean
 * of the posterior has this form: it is linear in the exposure, and the death makes
 * one observation. So the stripe that a unit is in is its history, and users and
 * the collector may write to the same one.
 *
 * v, the spread of rates in a stripe, and s, by how much T is wrong, are found from
 * what happens. Intervals are sorted into classes, three for two octaves. Each class
 * hears of the units that leave its stripes, by death or by copy. If all of them have
 * one rate, deaths are spread evenly over the time under risk; if they are early, some
 * live much shorter than others. After a hot set has moved there are many such in the
 * classes of cold data, v is large, and what has become hot needs three writes to
 * be known instead of ten; without skew v is small, and T stays what it is. And there
 * should be as many deaths as T promises. A class whose units live for an equal time
 * (a log that goes round) fits neither law and is left alone. Of what is known a quarter
 * is forgotten each time a sixteenth of the capacity has been written.
 *
 * Neighbouring classes share a rung so that each rung holds at least one and a half
 * stripes and intervals that differ by a quarter; the sharing is found again at the
 * same times.
 *
 * A victim. Let u be the share of a stripe that is valid, of interval T and age tau.
 * Waiting longer lets more die, but keeps spare from the others. For exponential
 * lifetimes and a price for waiting the order in which stripes are due is that of
 *
 *   ((1 - u) / u + ln u) * (T / 5 + tau) / (1/5 - ln u)
 *
 * which for equal T and age is greedy and to second order is cost-benefit.
 *
 * All of it are hints: a value that is torn or lost costs copies, not data.
 */
#include "ftl_priv.h"

#define TICKS_PER_ROUND	BIT(26)	/* at most: time is 32 bits, differences half */
#define MAX_INTERVAL	(30U << 8)	/* as a logarithm */
#define INVERSE_ONE	40		/* 1 / T in units of 2^-40 */
#define STRIPES_AT_ONCE	4096U
#define TAG_CLOCK	8		/* tags count in 2^8 user units */

/* What is learned of classes; ratios have 8 fraction bits. */
#define ONE		256U
#define LOG_ONE		(8U << 8)	/* of ONE */
#define LN_2		177U
#define MAX_LOG_AGE	(20 << 8)	/* 2^12 intervals */
#define MAX_AGE_NOTED	(16 * ONE)	/* its cubes must not overflow */
#define ROUND_SAMPLED	BIT(17)		/* user units in a round that classes hear of */
#define PRIOR_SPREAD	85		/* a third */
#define PRIOR_WEIGHT	(10 * 256LL)
#define PRIOR_DEATHS	8
#define MIN_SPREAD	51LL
#define MAX_SPREAD	512LL
#define MAX_SPREAD_SEEN	(16 * 256LL)
#define MAX_LOG_SCALE	35		/* a tenth longer at a time */
#define MIN_LOG_SCALE	(-1024)
#define CAUTION		77		/* scales go three tenths of the way */
#define ODD		(4LL << 24)	/* two standard deviations */
#define MIN_DISTANCE	90		/* of rungs: a third of an octave */

/*
 * Logarithms to base 2 have 8 fraction bits. log2(1 + i / 256), 2^(i / 256) - 1,
 * and the logarithm of the factor of u = i / 256 in the score, times 256.
 */
static const u8 log2_table[256] = {
	0, 1, 3, 4, 6, 7, 9, 10, 11, 13, 14, 16, 17, 18, 20, 21,
	22, 24, 25, 26, 28, 29, 30, 32, 33, 34, 36, 37, 38, 40, 41, 42,
	44, 45, 46, 47, 49, 50, 51, 52, 54, 55, 56, 57, 59, 60, 61, 62,
	63, 65, 66, 67, 68, 69, 71, 72, 73, 74, 75, 77, 78, 79, 80, 81,
	82, 84, 85, 86, 87, 88, 89, 90, 92, 93, 94, 95, 96, 97, 98, 99,
	100, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 116, 117,
	118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130, 131, 132, 133,
	134, 135, 136, 137, 138, 139, 140, 141, 142, 143, 144, 145, 146, 147, 148, 149,
	150, 151, 152, 153, 154, 155, 155, 156, 157, 158, 159, 160, 161, 162, 163, 164,
	165, 166, 167, 168, 169, 169, 170, 171, 172, 173, 174, 175, 176, 177, 178, 178,
	179, 180, 181, 182, 183, 184, 185, 185, 186, 187, 188, 189, 190, 191, 192, 192,
	193, 194, 195, 196, 197, 198, 198, 199, 200, 201, 202, 203, 203, 204, 205, 206,
	207, 208, 208, 209, 210, 211, 212, 212, 213, 214, 215, 216, 216, 217, 218, 219,
	220, 220, 221, 222, 223, 224, 224, 225, 226, 227, 228, 228, 229, 230, 231, 231,
	232, 233, 234, 234, 235, 236, 237, 238, 238, 239, 240, 241, 241, 242, 243, 244,
	244, 245, 246, 247, 247, 248, 249, 249, 250, 251, 252, 252, 253, 254, 255, 255,
};

static const u8 exp2_table[256] = {
	0, 1, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 8, 9, 10, 11,
	11, 12, 13, 14, 14, 15, 16, 16, 17, 18, 19, 19, 20, 21, 22, 22,
	23, 24, 25, 25, 26, 27, 28, 29, 29, 30, 31, 32, 32, 33, 34, 35,
	36, 36, 37, 38, 39, 40, 40, 41, 42, 43, 44, 44, 45, 46, 47, 48,
	48, 49, 50, 51, 52, 53, 53, 54, 55, 56, 57, 58, 58, 59, 60, 61,
	62, 63, 64, 65, 65, 66, 67, 68, 69, 70, 71, 72, 72, 73, 74, 75,
	76, 77, 78, 79, 80, 81, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90,
	91, 92, 93, 94, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105,
	106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121,
	122, 123, 124, 125, 126, 127, 128, 129, 130, 131, 132, 133, 135, 136, 137, 138,
	139, 140, 141, 142, 143, 144, 145, 146, 147, 149, 150, 151, 152, 153, 154, 155,
	156, 157, 159, 160, 161, 162, 163, 164, 165, 166, 168, 169, 170, 171, 172, 173,
	175, 176, 177, 178, 179, 180, 182, 183, 184, 185, 186, 188, 189, 190, 191, 192,
	194, 195, 196, 197, 198, 200, 201, 202, 203, 205, 206, 207, 208, 210, 211, 212,
	214, 215, 216, 217, 219, 220, 221, 222, 224, 225, 226, 228, 229, 230, 232, 233,
	234, 236, 237, 238, 240, 241, 242, 244, 245, 246, 248, 249, 250, 252, 253, 255,
};

static const s16 score_table[257] = {
	1832, 1393, 1176, 1051, 961, 892, 835, 787, 745, 708, 674, 644,
	616, 590, 566, 543, 522, 502, 483, 465, 448, 432, 416, 401,
	386, 372, 358, 345, 332, 320, 307, 296, 284, 273, 262, 251,
	241, 231, 221, 211, 201, 192, 182, 173, 164, 155, 146, 138,
	129, 121, 113, 104, 96, 88, 81, 73, 65, 58, 50, 43,
	35, 28, 21, 13, 6, -1, -8, -15, -22, -28, -35, -42,
	-49, -55, -62, -69, -75, -82, -88, -95, -101, -107, -114, -120,
	-126, -133, -139, -145, -151, -158, -164, -170, -176, -182, -188, -195,
	-201, -207, -213, -219, -225, -231, -237, -243, -249, -255, -261, -267,
	-273, -279, -285, -291, -297, -303, -309, -315, -321, -327, -334, -340,
	-346, -352, -358, -364, -370, -376, -382, -388, -395, -401, -407, -413,
	-419, -426, -432, -438, -445, -451, -457, -464, -470, -477, -483, -489,
	-496, -503, -509, -516, -522, -529, -536, -543, -550, -556, -563, -570,
	-577, -584, -591, -598, -606, -613, -620, -627, -635, -642, -650, -657,
	-665, -673, -681, -688, -696, -704, -713, -721, -729, -737, -746, -754,
	-763, -772, -780, -789, -798, -807, -817, -826, -836, -845, -855, -865,
	-875, -885, -895, -906, -916, -927, -938, -949, -961, -972, -984, -996,
	-1008, -1021, -1034, -1046, -1060, -1073, -1087, -1101, -1116, -1130, -1145, -1161,
	-1177, -1193, -1210, -1227, -1245, -1263, -1282, -1301, -1321, -1342, -1363, -1385,
	-1408, -1432, -1457, -1483, -1510, -1538, -1567, -1598, -1631, -1665, -1702, -1740,
	-1781, -1825, -1872, -1923, -1978, -2038, -2104, -2178, -2260, -2355, -2464, -2594,
	-2754, -2961, -3256, -3763, -4783,
};

static u32 log2_of(u32 x)
{
	u32 n = x ? 31 - __builtin_clz(x) : 0;

	return x ? n << 8 | log2_table[(x << (31 - n) >> 23) & 255] : 0;
}

static u32 log2_of_long(u64 x)
{
	u32 shift = x >> 32 ? 32 - __builtin_clz((u32)(x >> 32)) : 0;

	return log2_of((u32)(x >> shift)) + (shift << 8);
}

static u32 exp2_of(u32 l)
{
	u32 n = l >> 8, m = 256 + exp2_table[l & 255];

	return n < 8 ? m >> (8 - n) : m << (n - 8);
}

/* ---- time ------------------------------------------------------------------------ */

static u32 now(const struct ftl *f)
{
	return (u32)(f->place.clock >> f->place.shift);
}

/* How much of an open stripe's rows is written. */
static u32 rows_of(const struct ftl *f, u32 s)
{
	const struct ftl_stripe *st = &f->stripe[s];
	const struct ftl_frontier *fr = &f->front[st->stream];
	u32 rows = f->geo.pages;

	if (fr->stripe == s)
		rows -= fr->room / max(1U, st->size / f->geo.pages);
	return max(rows, 1U);
}

static u32 row_of(const struct ftl *f, u32 unit)
{
	u32 pages = f->geo.pages;

	return pages & (pages - 1) ? unit % pages : unit & (pages - 1);
}

/*
 * When a unit was put where it is: a stripe is written row by row. Few units are
 * overwritten in a stripe that is open still, so only that division is done.
 */
static u32 time_of(const struct ftl *f, u32 unit, u32 s)
{
	const struct ftl_stripe *st = &f->stripe[s];
	u32 row = row_of(f, unit), rows, span;

	if (st->state != FTL_S_OPEN)
		return st->opened +
		       (u32)((u64)(st->closed - st->opened) * (row * f->place.row_part) >> 16);
	rows = rows_of(f, s);
	row = min(row, rows);
	span = now(f) - st->opened;
	return st->opened + span / rows * row + span % rows * row / rows;
}

static u32 age_of(const struct ftl *f, u32 unit, u32 s)
{
	u32 age = now(f) - time_of(f, unit, s);

	return age >> 31 ? 1 : max(age, 1U);
}

/* ---- where to ---------------------------------------------------------------------- */

static u32 class_of(u32 interval)
{
	return (3 * interval + 256) >> 9;
}

static void set_rung(const struct ftl *f, struct ftl_spot *at, u32 interval)
{
	at->interval = min(interval, MAX_INTERVAL);
	at->stream = FTL_LADDER + f->place.rung[class_of(at->interval)];
}

/*
 * What to expect of a unit that leaves stripe @s at @age: see the top. In logarithms,
 * relative to the stripe's interval, so that all factors are near to one.
 */
static struct ftl_spot spot_for(const struct ftl *f, u32 s, u32 age, bool died)
{
	u32 interval = f->stripe[s].interval, class = class_of(interval);
	const struct ftl_class *c = &f->place.class[class];
	s32 log_age = (s32)(log2_of(age) + LOG_ONE) - (s32)interval;
	struct ftl_spot at = {
		.died = died, .class = class, .age = exp2_of(max(min(log_age, MAX_LOG_AGE), 0)),
	};

	interval += log2_of(c->scale + (c->weight[died] * at.age >> 8));
	set_rung(f, &at, interval - min_t(u32, interval, c->less[died]));
	return at;
}

/**
 * ftl_place_user() - where to write a unit of user data
 * @f: the instance
 * @lu: logical unit
 * @named: ftl_io.stream: what users want kept apart is, however long it lives
 *
 * Context: lock held.
 * Return: a stream, and the interval to expect.
 */
struct ftl_spot ftl_place_user(const struct ftl *f, u64 lu, u8 named)
{
	struct ftl_spot at = { .stream = FTL_USER, .class = FTL_CLASSES };
	u32 old, s;

	if (!f->rungs)
		return at;
	old = ftl_lookup(f, lu);
	if (old == FIO_UNIT_NONE) {
		set_rung(f, &at, log2_of(f->place.round));
	} else {
		s = ftl_unit_stripe(f, old);
		at = spot_for(f, s, age_of(f, old, s), true);
	}
	if (named && named <= FTL_WRITE_STREAMS)
		at.stream = FTL_NAMED + named - 1;
	return at;
}

/**
 * ftl_place_copy() - where to write a unit that the collector moves
 * @f: the instance
 * @tag: its tag
 * @from: where it is
 *
 * Context: lock held.
 * Return: a stream, and the interval to expect.
 */
struct ftl_spot ftl_place_copy(const struct ftl *f, const struct fio_tag *tag, u32 from)
{
	u32 s = ftl_unit_stripe(f, from);
	const struct ftl_stripe *st = &f->stripe[s];
	struct ftl_spot at;

	/* Recovery looks for metadata where it belongs. */
	if (tag->type != FIO_TAG_DATA)
		return ftl_place_internal(f, FTL_META);
	if (!f->rungs)
		return (struct ftl_spot){ .stream = FTL_GC, .class = FTL_CLASSES };
	at = spot_for(f, s, age_of(f, from, s), false);
	if (st->stream >= FTL_NAMED)
		at.stream = st->stream;
	return at;
}

/*
 * What the core writes for itself lives until the checkpoint comes round again; what
 * it moves for a want of room, or when nothing rolls, for about a round.
 */
struct ftl_spot ftl_place_internal(const struct ftl *f, enum ftl_stream stream)
{
	u32 interval = log2_of(f->place.round), every = f->roll.every;

	if (stream == FTL_META && every && every < FIO_MAP_FANOUT)
		interval -= min(interval, log2_of(FIO_MAP_FANOUT / every));
	return (struct ftl_spot){
		.stream = stream, .class = FTL_CLASSES, .interval = interval,
	};
}

/* Lock held: is a unit expected to stay for more than two rounds? */
bool ftl_place_stays(const struct ftl *f, struct ftl_spot at)
{
	return f->rungs && at.interval > log2_of(f->place.round) + (1U << 8);
}

/* ---- what classes are like ----------------------------------------------------------- */

/* A unit has left a stripe. */
static void note_end(struct ftl *f, struct ftl_spot at)
{
	struct ftl_class *c = &f->place.class[min_t(u32, at.class, FTL_CLASSES - 1)];
	u64 age = min(at.age, MAX_AGE_NOTED);
	u32 log;

	if (at.class >= FTL_CLASSES || f->place.ended++ & f->place.sample)
		return;
	c->age += age;
	c->age2 += age * age / 2;
	c->age3 += age * age * age / 3;
	log = log2_of(ONE + (u32)(c->spread * age >> 8)) - LOG_ONE;
	c->due += log * LN_2 / c->spread;
	if (at.died) {
		c->died++;
		c->died_age += age;
	}
}

/*
 * Deaths early in the life of stripes rather than evenly over it: the rates of what
 * is in them differ. If hazard falls with age as spread / (1 + spread * age), deaths
 * are younger than the mean age under risk by spread * hazard * variance. How much
 * that says is the other factor. Few deaths leave the prior as it is.
 */
static s64 spread_seen(const struct ftl_class *c, u64 *weight)
{
	u64 mean = c->age2 / c->age, square = c->age3 / c->age;
	u64 variance = square > mean * mean ? square - mean * mean : 0;
	u64 hazard = (c->died << 16) / c->age;
	s64 early = (s64)mean - (s64)(c->died_age / c->died), seen;

	*weight = (c->died * hazard >> 8) * (hazard * variance >> 16);
	*weight = min_t(u64, *weight, 1U << 30);
	if (!*weight)
		return 0;
	seen = early * (s64)(c->age << 8) / (s64)(c->died * variance);
	return max(min(seen, MAX_SPREAD_SEEN), -MAX_SPREAD_SEEN);
}

static void learn_class(struct ftl_class *c)
{
	u64 weight = 0;
	s64 seen = c->died && c->age ? spread_seen(c, &weight) : 0, spread;
	s32 log = (s32)(log2_of_long(c->due + PRIOR_DEATHS * ONE) -
			log2_of_long((c->died + PRIOR_DEATHS) * ONE));

	spread = (PRIOR_WEIGHT * PRIOR_SPREAD + seen * (s64)weight) / (PRIOR_WEIGHT + (s64)weight);
	c->spread = (u16)max(min(spread, MAX_SPREAD), MIN_SPREAD);
	log = max(min(log * CAUTION / 256, MAX_LOG_SCALE), MIN_LOG_SCALE);
	c->scale = (u16)exp2_of(LOG_ONE + log);
	/* Certainly not exponential: what is written round and round, say. */
	if (seen < 0 && seen * seen * (s64)weight > ODD) {
		c->spread = PRIOR_SPREAD;
		c->scale = ONE;
	}
	/* Found by trial: a death says more than the law has it, surviving less. */
	c->weight[false] = c->spread * 3 / 4;
	c->weight[true] = c->spread * 3 / 2;
	c->less[false] = LOG_ONE;
	c->less[true] = log2_of(ONE + c->weight[true]);
}

/* A quarter is forgotten each time: what was true a round ago counts a hundredth. */
static void forget_some(struct ftl_class *c)
{
	c->died -= c->died / 4;
	c->died_age -= c->died_age / 4;
	c->age -= c->age / 4;
	c->age2 -= c->age2 / 4;
	c->age3 -= c->age3 / 4;
	c->due -= c->due / 4;
}

/* Lock held. */
static void learn_classes(struct ftl *f)
{
	u32 i;

	for (i = 0; i < FTL_CLASSES; i++) {
		learn_class(&f->place.class[i]);
		forget_some(&f->place.class[i]);
	}
}

/* ---- intervals of stripes -------------------------------------------------------------- */

/* 2^-interval, in units of 2^-INVERSE_ONE. */
static u64 inverse_of(u32 interval)
{
	u32 part = interval & 255;
	u64 m = part ? 256 + exp2_table[256 - part] : 512;

	return m << (INVERSE_ONE - 9) >> (interval >> 8);
}

/**
 * ftl_place_put() - a unit has been given room
 * @f: the instance
 * @fr: frontier that it got it from, which may have left the stripe since
 * @s: stripe
 * @at: where it should be, and what to expect of it
 *
 * The stripe's interval is the harmonic mean: rates add up.
 *
 * Context: lock held.
 */
void ftl_place_put(struct ftl *f, struct ftl_frontier *fr, u32 s, struct ftl_spot at)
{
	struct ftl_stripe *st = &f->stripe[s];
	u32 mean;

	note_end(f, at);
	fr->inverse += inverse_of(at.interval);
	fr->placed++;
	st->closed = now(f);
	/* After the first few it changes slowly. */
	if (fr->placed > 16 && fr->placed & 15)
		return;
	mean = log2_of(fr->placed) + (INVERSE_ONE << 8) - log2_of_long(fr->inverse | 1);
	ftl_store(&st->interval, (u16)min(mean, MAX_INTERVAL));
}

/* Lock held: a frontier begins with a stripe. */
void ftl_place_open(struct ftl *f, struct ftl_frontier *fr, u32 s)
{
	fr->inverse = 0;
	fr->placed = 0;
	ftl_store(&f->stripe[s].interval, 0);
	f->stripe[s].opened = now(f);
	f->stripe[s].closed = now(f);
}

/**
 * ftl_place_tick() - users write one unit more
 * @f: the instance
 *
 * Context: lock held.
 */
void ftl_place_tick(struct ftl *f)
{
	ftl_store(&f->place.clock, f->place.clock + 1);
	if (f->rungs && !f->place.due && (s32)(now(f) - f->place.next) >= 0) {
		ftl_store(&f->place.due, true);
		ftl_kick_later(f);
	}
}

/* ---- victims ----------------------------------------------------------------------- */

/**
 * ftl_place_score() - how much there is in collecting a stripe now
 * @f: the instance
 * @st: stripe
 * @valid: units of it, not 0
 *
 * Context: lock held or worker.
 * Return: a logarithm; the higher the sooner.
 */
s32 ftl_place_score(const struct ftl *f, const struct ftl_stripe *st, u32 valid)
{
	u32 shift = st->size >> 16 ? 16 - __builtin_clz(st->size) : 0;
	u32 u = (min(valid, st->size) >> shift << 16) / (st->size >> shift);
	u32 age = now(f) - st->opened - (st->closed - st->opened) / 2;
	const s16 *at = &score_table[min(u >> 8, 255U)];
	s32 part = u - (min(u >> 8, 255U) << 8);

	age = age >> 31 ? 0 : age;
	return at[0] + (at[1] - at[0]) * part / 256 +
	       (s32)log2_of(exp2_of(st->interval) / 5 + age);
}

/* ---- what rungs stand for ------------------------------------------------------------ */

struct census {
	u64 valid[FTL_CLASSES];
	u64 interval[FTL_CLASSES];	/* their sum */
};

static bool holds_data(const struct ftl_stripe *st)
{
	return (st->state == FTL_S_OPEN || st->state == FTL_S_CLOSED) && st->stream != FTL_META;
}

/* A stripe that nobody has touched for long must not seem young again. */
static void clamp_age(const struct ftl *f, struct ftl_stripe *st)
{
	u32 oldest = now(f) - (1U << 30);

	if ((s32)(oldest - st->opened) > 0)
		st->opened = oldest;
	if ((s32)(oldest - st->closed) > 0)
		st->closed = oldest;
}

/* So many stripes at a time that nobody has to wait long for the lock. */
static void count_some(struct ftl *f, struct census *c, u32 from, u32 to)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 s;

	for (s = from; s < to; s++) {
		struct ftl_stripe *st = &f->stripe[s];
		u32 valid = ftl_load(&st->valid), class = class_of(st->interval);

		if (!holds_data(st))
			continue;
		c->valid[class] += valid;
		c->interval[class] += (u64)valid * st->interval;
		clamp_age(f, st);
	}
	ftl_unlock(&f->lock, flags);
}

/*
 * Give classes to rungs, hot to cold, each at least @least units and at some distance
 * from that before; how many it takes.
 */
static u32 share_out(const struct census *c, u64 least, u8 *rung)
{
	u64 units = 0, interval = 0;
	u32 i, n = 0;

	for (i = 0; i < FTL_CLASSES; i++) {
		if (units >= least && c->valid[i] &&
		    c->interval[i] / c->valid[i] >= interval / units + MIN_DISTANCE) {
			units = 0;
			interval = 0;
			n++;
		}
		units += c->valid[i];
		interval += c->interval[i];
		rung[i] = n;
	}
	if (units >= least || !n)
		return n + 1;
	/* A short tail goes to the rung before. */
	for (i = 0; i < FTL_CLASSES; i++)
		rung[i] = min_t(u32, rung[i], n - 1);
	return n;
}

static void remap(struct ftl *f)
{
	struct census c = { };
	u64 least = f->stripe_units + f->stripe_units / 2;
	u8 rung[FTL_CLASSES];
	unsigned long flags;
	u32 s, n;

	for (s = 0; s < f->geo.aus; s += STRIPES_AT_ONCE)
		count_some(f, &c, s, min(s + STRIPES_AT_ONCE, f->geo.aus));
	for (n = share_out(&c, least, rung); n > f->rungs; n = share_out(&c, least, rung))
		least += least / 4 + 1;
	flags = ftl_lock(&f->lock);
	learn_classes(f);
	memcpy(f->place.rung, rung, sizeof(rung));
	f->place.used = n;
	f->place.next = now(f) + max(f->place.round / 16, 1U);
	ftl_store(&f->place.due, false);
	ftl_unlock(&f->lock, flags);
}

/* Has a rung an open stripe that nothing may be written to for long? */
static bool idle(const struct ftl *f, u32 stream)
{
	u32 s = f->front[stream].stripe;

	if (s == FTL_NONE)
		return false;
	if (stream < FTL_NAMED && stream >= FTL_LADDER + f->place.used)
		return true;
	return now(f) - f->stripe[s].closed > f->place.round / 2;
}

static void close_idle(struct ftl *f)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 i;

	for (i = FTL_LADDER; i < FTL_STREAMS; i++)
		if (idle(f, i))
			ftl_frontier_close(f, i);
	ftl_unlock(&f->lock, flags);
}

/* ---- what tags remember ---------------------------------------------------------------- */

/**
 * ftl_place_tag() - note in a tag what is known of its stripe
 * @f: the instance
 * @tag: to fill
 * @st: stripe that the page goes to
 *
 * Context: any.
 */
void ftl_place_tag(const struct ftl *f, struct fio_tag *tag, const struct ftl_stripe *st)
{
	u32 interval = ftl_load(&st->interval) + (f->place.shift << 8);

	tag->interval = f->rungs ? min((interval >> 5) + 1, 255U) : 0;
	tag->clock = cpu_to_le32((u32)(ftl_load(&f->place.clock) >> TAG_CLOCK));
}

/**
 * ftl_place_learn() - take back what a tag remembers
 * @f: the instance
 * @unit: where it is
 * @tag: a tag of this format
 *
 * In any order. What was written last knows best.
 *
 * Context: attach, or worker with the lock held.
 */
void ftl_place_learn(struct ftl *f, u32 unit, const struct fio_tag *tag)
{
	struct ftl_stripe *st = &f->stripe[ftl_unit_stripe(f, unit)];
	s32 ahead = (s32)(le32_to_cpu(tag->clock) - (u32)(f->place.clock >> TAG_CLOCK));
	u64 clock = ((f->place.clock >> TAG_CLOCK) + (s64)ahead) << TAG_CLOCK;
	s32 interval = tag->interval * 32 - 32 - (s32)(f->place.shift << 8);
	u32 then = (u32)(clock >> f->place.shift);

	if (ahead > 0)
		f->place.clock = clock;
	if (!tag->interval)
		return;
	if (!st->interval || (s32)(then - st->closed) >= 0) {
		st->opened = st->interval ? st->opened : then;
		st->closed = then;
		st->interval = min_t(u32, max(interval, 1), MAX_INTERVAL);
	}
	if ((s32)(st->opened - then) > 0)
		st->opened = then;
}

/* Two rows of each stripe, the first and the last. */
static bool learn_fill(struct ftl *f, struct ftl_slot *s, void *arg)
{
	u32 *end = arg, n = 0, d;

	for (; f->place.learned < *end && n + 2 <= f->geo.max_units; f->place.learned++) {
		u32 nr = f->place.learned;

		if (f->stripe[nr].state != FTL_S_CLOSED || f->stripe[nr].interval)
			continue;
		for (d = 0; d < f->geo.dies - 1; d++)
			if (!(f->au[ftl_au_index(f, nr, d)] & (FTL_AU_BAD | FTL_AU_SYSTEM)))
				break;
		s->cmd->unit[n++] = ftl_au_index(f, nr, d) * f->geo.pages;
		s->cmd->unit[n] = s->cmd->unit[n - 1] + f->geo.pages - 1;
		n++;
	}
	if (!n)
		return false;
	memcpy(s->old, s->cmd->unit, n * sizeof(u32));
	ftl_cmd_init(s->cmd, MEDIA_READ, n);
	return true;
}

static int learn_reap(struct ftl *f, struct ftl_slot *s, void *arg)
{
	u64 failed = s->cmd->status && !s->cmd->failed ? ~0ULL : s->cmd->failed;
	unsigned long flags = ftl_lock(&f->lock);
	u32 i;

	for (i = 0; i < s->cmd->n; i++) {
		struct ftl_stripe *st = &f->stripe[ftl_unit_stripe(f, s->old[i])];

		if (st->state == FTL_S_CLOSED && !(failed >> i & 1) &&
		    le32_to_cpu(s->cmd->tag[i].media_id) == f->media_id)
			ftl_place_learn(f, s->old[i], &s->cmd->tag[i]);
	}
	ftl_unlock(&f->lock, flags);
	return s->cmd->status == MEDIA_GONE ? -ENODEV : 0;
}

/* A clean attach reads no tags. What it left out is read while there is I/O already. */
static bool learn(struct ftl *f)
{
	static const struct ftl_pipe pipe = { learn_fill, learn_reap };
	u32 s, from = f->place.learned, end = min(from + STRIPES_AT_ONCE, f->geo.aus);
	unsigned long flags;

	ftl_pipe_run(f, &pipe, &end);
	flags = ftl_lock(&f->lock);
	for (s = from; s < end; s++) {
		struct ftl_stripe *st = &f->stripe[s];

		if (st->state != FTL_S_CLOSED || st->interval)
			continue;
		st->interval = log2_of(f->place.round);
		st->opened = now(f) - f->place.round;
		st->closed = st->opened;
	}
	f->place.learned = end;
	ftl_unlock(&f->lock, flags);
	return true;
}

/**
 * ftl_place_init() - before the first tag is looked at
 * @f: the instance; superblock and capacity known
 *
 * Context: attach.
 */
void ftl_place_init(struct ftl *f)
{
	struct ftl_place *p = &f->place;

	memset(p, 0, sizeof(*p));
	while (f->user_units >> p->shift > TICKS_PER_ROUND)
		p->shift++;
	p->round = max((u32)(f->user_units >> p->shift), 1U);
	p->clock = le64_to_cpu(f->super->user_units_written);
	p->used = 1;
	p->row_part = 65536 / f->geo.pages;
	while ((p->round >> 1) / (p->sample + 1) >= ROUND_SAMPLED)
		p->sample = p->sample * 2 + 1;
	learn_classes(f);
}

/**
 * ftl_place_step() - keep the ladder up to date
 * @f: the instance
 *
 * Context: worker.
 * Return: true when there was something to do.
 */
bool ftl_place_step(struct ftl *f)
{
	if (!f->rungs)
		return false;
	if (f->place.learned < f->geo.aus) {
		ftl_store(&f->place.due, true);
		return learn(f);
	}
	if (!ftl_load(&f->place.due))
		return false;
	remap(f);
	close_idle(f);
	return true;
}
