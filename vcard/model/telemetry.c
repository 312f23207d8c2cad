// SPDX-License-Identifier: GPL-2.0-only
/*
 * Temperatures, voltages, currents and power, and the HEALTH answer.
 *
 * Owns: gauges that follow the load with a lag, their averages and extremes,
 * thresholds and the events at them. Does not know: clocks; it samples when
 * the card runs.
 */
#include "vcard/model/card.h"

#define SAMPLE_NS		100000000ULL
#define FULL_LOAD_BYTES_S	1500000000LL	/* what a x4 first-generation card can move */
#define POWER_LIMIT_MW		24750
#define SLOT_POWER_MW		25000
#define TEMP_IDLE_MC		48000
#define TEMP_LOAD_MC		16000
#define WARN_MC			85000
#define THROTTLE_MC		95000
#define SHUT_OFF_MC		105000
#define BUS_MV			11930
#define NO_FORCE		INT32_MIN

static void sample(struct vcard_gauge *g, s64 val)
{
	g->min = g->samples ? min(g->min, val) : val;
	g->max = g->samples ? max(g->max, val) : val;
	g->now = val;
	g->sum += val;
	g->samples++;
}

static s64 average(const struct vcard_gauge *g)
{
	return g->samples ? g->sum / (s64)g->samples : 0;
}

/* A quarter of the way to where the load would take it, and a little noise. */
static s64 approach(struct vcard *c, s64 now, s64 target, s64 noise)
{
	s64 jitter = noise ? (s64)(vcard_random(c) % (2 * noise + 1)) - noise : 0;

	return now + (target - now) / 4 + jitter;
}

static void update_load(struct vcard *c, u64 elapsed_ns)
{
	struct nand_stats st;
	u64 bytes;
	s64 rate;

	nand_get_stats(c->nand, &st);
	bytes = st.bytes_read + st.bytes_written;
	rate = (s64)((bytes - c->tele.last_bytes) * 1000000ULL / (elapsed_ns / 1000 + 1));
	c->tele.last_bytes = bytes;
	c->tele.load_permille = min(1000LL, (long long)rate * 1000 / FULL_LOAD_BYTES_S);
}

static u32 level_of(s64 temp)
{
	if (temp >= SHUT_OFF_MC)
		return 3;
	if (temp >= THROTTLE_MC)
		return 2;
	return temp >= WARN_MC;
}

static void watch_temperature(struct vcard *c)
{
	struct vcard_telemetry *t = &c->tele;
	u32 level = level_of(t->temp.now);

	if (level == t->level)
		return;
	t->level = level;
	event_raise(c, FIO_EV_TEMPERATURE, FIO_ADDR_NULL, (u32)(s32)t->temp.now);
	if (level == 3)
		card_fatal(c, FIO_FATAL_TEMPERATURE);
}

static void watch_power(struct vcard *c)
{
	bool over = c->tele.bus_mw.now > POWER_LIMIT_MW;

	if (over && !c->tele.over_power)
		event_raise(c, FIO_EV_POWER, FIO_ADDR_NULL, (u32)c->tele.bus_mw.now);
	c->tele.over_power = over;
}

static void sample_all(struct vcard *c)
{
	struct vcard_telemetry *t = &c->tele;
	s64 load = t->load_permille;
	s64 temp = approach(c, t->temp.now, TEMP_IDLE_MC + TEMP_LOAD_MC * load / 1000, 120);
	s64 mv = BUS_MV - load * 40 / 1000 + (s64)(vcard_random(c) % 11) - 5;

	if (t->forced_temp_mc != NO_FORCE)
		temp = t->forced_temp_mc;
	if (t->forced_bus_mv != NO_FORCE)
		mv = t->forced_bus_mv;
	sample(&t->temp, temp);
	sample(&t->board, approach(c, t->board.now, temp - 12000, 60));
	sample(&t->vccint, 1020 - load * 8 / 1000 + (s64)(vcard_random(c) % 5) - 2);
	sample(&t->vccaux, 2480 + (s64)(vcard_random(c) % 7) - 3);
	sample(&t->bus_mv, mv);
	sample(&t->bus_ma, approach(c, t->bus_ma.now, 820 + load * 460 / 1000, 10));
	sample(&t->bus_mw, t->bus_mv.now * t->bus_ma.now / 1000);
	watch_temperature(c);
	watch_power(c);
}

/**
 * telemetry_init() - a card that has just been switched on
 * @c: the card
 */
void telemetry_init(struct vcard *c)
{
	struct vcard_telemetry *t = &c->tele;

	t->forced_temp_mc = NO_FORCE;
	t->forced_bus_mv = NO_FORCE;
	t->temp.now = TEMP_IDLE_MC - 6000;
	t->board.now = TEMP_IDLE_MC - 16000;
	t->bus_ma.now = 820;
	sample_all(c);
}

/**
 * telemetry_run() - take samples when it is time
 * @c: the card
 *
 * Context: the card is locked.
 */
void telemetry_run(struct vcard *c)
{
	struct vcard_telemetry *t = &c->tele;

	if (c->now < t->next_sample)
		return;
	update_load(c, t->next_sample ? c->now - t->next_sample + SAMPLE_NS : SAMPLE_NS);
	t->next_sample = c->now + SAMPLE_NS;
	sample_all(c);
	vcard_save_life(c);
}

static void put_gauges(struct vcard *c, struct fio_mb_health *h)
{
	struct vcard_telemetry *t = &c->tele;

	h->temp_mc = cpu_to_le32((u32)t->temp.now);
	h->temp_max_mc = cpu_to_le32((u32)t->temp.max);
	h->board_temp_mc = cpu_to_le32((u32)t->board.now);
	h->vccint_mv = cpu_to_le32((u32)average(&t->vccint));
	h->vccint_max_mv = cpu_to_le32((u32)t->vccint.max);
	h->vccaux_mv = cpu_to_le32((u32)average(&t->vccaux));
	h->vccaux_max_mv = cpu_to_le32((u32)t->vccaux.max);
	h->bus_mv = cpu_to_le32((u32)average(&t->bus_mv));
	h->bus_min_mv = cpu_to_le32((u32)t->bus_mv.min);
	h->bus_max_mv = cpu_to_le32((u32)t->bus_mv.max);
	h->bus_ma = cpu_to_le32((u32)average(&t->bus_ma));
	h->bus_max_ma = cpu_to_le32((u32)t->bus_ma.max);
	h->bus_mw = cpu_to_le32((u32)average(&t->bus_mw));
	h->bus_max_mw = cpu_to_le32((u32)t->bus_mw.max);
	h->power_limit_mw = cpu_to_le32(POWER_LIMIT_MW);
	h->slot_power_mw = cpu_to_le32(SLOT_POWER_MW);
}

static void put_life(struct vcard *c, struct fio_mb_health *h)
{
	struct vcard_life life;

	vcard_life(c, &life);
	h->bytes_written = cpu_to_le64(life.bytes_written);
	h->bytes_read = cpu_to_le64(life.bytes_read);
	h->corrected_bits = cpu_to_le64(life.corrected_bits);
	h->uncorrectable = cpu_to_le64(life.uncorrectable);
	h->program_fails = cpu_to_le64(life.program_fails);
	h->erase_fails = cpu_to_le64(life.erase_fails);
	h->violations = cpu_to_le64(life.violations);
	h->power_on_seconds = cpu_to_le64(life.power_on_seconds);
}

static void put_wear(struct vcard *c, struct fio_mb_health *h)
{
	u32 die, nr, least = UINT32_MAX, most = 0;
	struct nand_block_info info;
	u64 total = 0;

	for (die = 0; die < c->geo->dies; die++)
		for (nr = 0; nr < c->geo->blocks; nr++) {
			nand_block_info(c->nand, die, nr, &info);
			if (info.bad)
				continue;
			least = min(least, info.erase_count);
			most = max(most, info.erase_count);
			total += info.erase_count;
		}
	h->erase_total = cpu_to_le64(total);
	h->erase_min = cpu_to_le32(least == UINT32_MAX ? 0 : least);
	h->erase_max = cpu_to_le32(most);
}

/**
 * telemetry_health() - mailbox command HEALTH
 * @c: the card
 * @h: zeroed
 *
 * Context: the card is locked.
 */
void telemetry_health(struct vcard *c, struct fio_mb_health *h)
{
	put_gauges(c, h);
	h->plp = (u8)c->plp;
	h->throttle = (u8)(c->tele.level >= 2 ? c->tele.level : 0);
	h->beacon = c->tele.beacon;
	h->power_cycles = cpu_to_le32(c->persist->power_cycles);
	h->unsafe_shutdowns = cpu_to_le32(c->persist->unsafe_shutdowns);
	h->dies_offline = cpu_to_le32(c->dies_offline);
	h->bad_aus_factory = cpu_to_le32(c->persist->factory_bad);
	h->bad_aus_grown = cpu_to_le32(c->persist->grown_bad);
	put_life(c, h);
	put_wear(c, h);
}
