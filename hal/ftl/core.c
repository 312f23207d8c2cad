// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instance: memory, the log, geometry and capacity rules.
 *
 * Owns: what every other file needs and none of them owns. Does not know: the
 * order in which an instance comes up (attach.c).
 */
#include "ftl_priv.h"

#define MIN_AUS		8
#define MIN_PAGES	4
#define MAX_PAGES	65536
#define MAX_QUEUES	1024
#define OWN_META_STRIPES 32
#define LADDER_STRIPES	32
#define MIN_RUNGS	2	/* fewer tell nothing apart that USER and GC do not */

void *ftl_alloc(struct ftl *f, size_t bytes, enum ftl_mem kind)
{
	void *p = f->env.alloc(f->env.ctx, bytes);

	if (!p)
		return NULL;
	f->st.mem[kind] += bytes;
	f->st.mem_kind_peak[kind] = max(f->st.mem_kind_peak[kind], f->st.mem[kind]);
	f->mem_now += bytes;
	if (f->mem_now > f->st.mem_peak)
		f->st.mem_peak = f->mem_now;
	return p;
}

void ftl_free(struct ftl *f, void *p, size_t bytes, enum ftl_mem kind)
{
	if (!p)
		return;
	f->env.free(f->env.ctx, p, bytes);
	f->st.mem[kind] -= bytes;
	f->mem_now -= bytes;
}

/* Memory of the medium's buf_alloc(); it lives as long as the instance. */
void ftl_account_buffer(struct ftl *f, size_t bytes)
{
	f->st.mem[FTL_MEM_BUFFER] += bytes;
	f->st.mem_kind_peak[FTL_MEM_BUFFER] = f->st.mem[FTL_MEM_BUFFER];
	f->mem_now += bytes;
	f->st.mem_peak = max(f->st.mem_peak, f->mem_now);
}

/* Any context. */
void ftl_kick(struct ftl *f)
{
	f->env.kick(f->env.ctx);
}

void ftl_set_gone(struct ftl *f)
{
	if (ftl_swap(&f->gone, 1))
		return;
	ftl_say(f, FTL_ERR, "the card is gone: all requests fail from now on");
	ftl_kick(f);
}

struct limit {
	const char *name;
	u32 value, lowest, highest;
};

static int check_limits(const struct media_geometry *g, const struct ftl_env *env)
{
	const struct limit limit[] = {
		{ "dies", g->dies, 1, 256 },
		{ "append units per die", g->aus, MIN_AUS, 1U << 24 },
		{ "units per append unit", g->pages, MIN_PAGES, MAX_PAGES },
		{ "units in one command", g->max_units, 1, FTL_MAX_UNITS },
		{ "units of an optimal append", g->write_units, 1, MAX_PAGES },
		{ "queues", g->queues, 1, MAX_QUEUES },
		{ "open append units", g->max_open, 2 * g->dies + 2, FTL_NONE },
		{ "read retry levels", g->read_retries, 0, 64 },
	};
	char line[160];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(limit); i++) {
		if (limit[i].value >= limit[i].lowest && limit[i].value <= limit[i].highest)
			continue;
		ftl_format_line(line, sizeof(line),
				"geometry refused: %u %s, this driver handles %u to %u",
				limit[i].value, limit[i].name, limit[i].lowest,
				limit[i].highest);
		env->log(env->ctx, FTL_ERR, line);
		return -EINVAL;
	}
	return 0;
}

/**
 * ftl_check_geometry() - could this core drive such a medium
 * @g: what the medium says of itself; not to be trusted
 * @env: where to complain
 *
 * Context: any.
 * Return: 0 or -EINVAL, with a line that names the field and the value.
 */
int ftl_check_geometry(const struct media_geometry *g, const struct ftl_env *env)
{
	char line[160];
	u64 units;
	int err = check_limits(g, env);

	if (err)
		return err;
	units = (u64)g->dies * g->aus * g->pages;
	if (units < FIO_UNIT_NONE)
		return 0;
	ftl_format_line(line, sizeof(line),
			"geometry refused: %u x %u x %u units, this driver addresses fewer than 2^32",
			g->dies, g->aus, g->pages);
	env->log(env->ctx, FTL_ERR, line);
	return -EINVAL;
}

/* Metadata gets a frontier of its own where that costs little. */
static u32 nr_streams(const struct media_geometry *g)
{
	return g->aus >= OWN_META_STRIPES && g->max_open >= 3 * g->dies + 2 ? 3 : 2;
}

/* Units of a stripe that hold something else than parity. */
static u64 stripe_data(const struct media_geometry *g)
{
	return (u64)(g->dies - !!g->xor_groups) * g->pages;
}

/*
 * How long the ladder may be. Each rung costs an open stripe, a second one while
 * the last appends of the first are under way; copies and metadata may need as many.
 */
static u32 max_rungs(const struct media_geometry *g)
{
	u32 n = 0;

	if (g->aus < LADDER_STRIPES)
		return 0;
	while (n < FTL_RUNGS && 2 * (n + 1 + 2) * (u64)g->dies + 2 <= g->max_open &&
	       (!g->xor_groups || 2 * (n + 1) + FTL_SUMS_KEPT <= g->xor_groups))
		n++;
	return n < MIN_RUNGS ? 0 : n;
}

/**
 * ftl_set_rungs() - length of the ladder
 * @f: the instance; capacity and stripes are known
 *
 * An open stripe is half empty on average: room that collection cannot use. So the
 * ladder gets a quarter of the spare stripes at most; it uses what it has use for.
 *
 * Context: attach.
 */
void ftl_set_rungs(struct ftl *f)
{
	u64 need = f->user_units + ftl_meta_units(f->user_units);
	u64 spare = f->usable_units > need ? f->usable_units - need : 0;
	u32 n = 0;

	while (n < max_rungs(&f->geo) && (n + 1ULL) * f->stripe_data * 4 <= spare)
		n++;
	f->rungs = n < MIN_RUNGS ? 0 : n;
	f->ready_goal = f->streams + min(f->rungs, 4U);
}

/*
 * Room that is never given to user data.
 *
 * Collection copies a victim of at most one stripe before it frees it, so with
 * one stripe of room it always ends; a cut may strand what it was writing to,
 * so that a second stripe keeps one free whatever the moment of the cut; and a
 * cut of the recovery strands what that was writing to, so that a third lets the
 * next recovery save the pages that may be torn. The slack covers append units
 * that fail meanwhile and the refresh itself.
 */
static u64 reserve_units(const struct media_geometry *g)
{
	u64 slack = max(2 * (nr_streams(g) + max_rungs(g)) * g->dies, 2 * g->pages);

	return 3 * stripe_data(g) + slack;
}

/*
 * What must exist beyond live data so that a victim with something to gain
 * exists whenever user data waits for room. It waits when less than
 * reserve + one stripe is free; other streams hold one open stripe each. If all
 * live units fit into the rest with one unit to spare, then some closed stripe
 * is not full of them, and collecting it gains at least one unit. Repeating
 * that frees a stripe after at most one stripe's worth of victims: no deadlock
 * at the worst valid ratio.
 *
 * Rungs of the ladder add nothing. They open stripes above the reserve only,
 * whoever writes, so that users who write to them cannot use it up; copies for
 * which no rung has room go to FTL_GC, which opens whatever is free. And user data
 * that finds no room in its rung takes another's: while it waits, none has an open
 * stripe with room, so that none holds anything that cannot be collected.
 */
static u64 overhead_units(const struct media_geometry *g)
{
	return reserve_units(g) + nr_streams(g) * stripe_data(g) + 1;
}

/**
 * ftl_set_shape() - derive sizes and reserves from the geometry
 * @f: the instance
 * @g: checked geometry; xor_groups 0: the format has no parity
 *
 * Context: any.
 */
void ftl_set_shape(struct ftl *f, const struct media_geometry *g)
{
	f->geo = *g;
	f->stripe_units = g->dies * g->pages;
	f->stripe_data = (u32)stripe_data(g);
	f->total_units = f->stripe_units * g->aus;
	f->streams = nr_streams(g);
	f->ready_goal = f->streams;
	f->reserve = reserve_units(g);
	f->meta_reserve = f->reserve - f->stripe_data;
}

u64 ftl_overhead_units(const struct ftl *f)
{
	return overhead_units(&f->geo);
}

u32 ftl_journal_max(u64 user_units)
{
	u64 n = (user_units >> 10) / 8;

	return n < 2 ? 2 : n > 64 ? 64 : (u32)n;
}

/* Snapshots of the map, their directory, the journal, the root and the one before. */
u64 ftl_meta_units(u64 user_units)
{
	u64 leaves = (user_units + FIO_MAP_FANOUT - 1) >> 10;
	u64 dirs = (leaves + FIO_MAP_FANOUT - 1) >> 10;

	u64 root = leaves / FIO_ROOT_WORDS + 1;

	return leaves + dirs + 1 + ftl_journal_max(user_units) + 2 * root;
}

/**
 * ftl_max_user_units() - capacity rule
 * @g: geometry; xor_groups 0: without parity
 * @bad_aus: append units that are bad now
 *
 * All units, less one append unit of each stripe for parity, the system append units,
 * bad ones, one in 128 (at least one) for those that will go bad, the overhead that
 * keeps collection going, and metadata.
 *
 * Context: any.
 * Return: 4 KiB units, 0 when the medium is too small for anything.
 */
u64 ftl_max_user_units(const struct media_geometry *g, u64 bad_aus)
{
	u64 aus = (u64)g->dies * g->aus;
	u64 lost = bad_aus + 4 + max_t(u64, 1, aus >> 7) + (g->xor_groups ? g->aus : 0);
	u64 over = overhead_units(g);
	u64 units, meta;

	if (aus <= lost || (aus - lost) * g->pages <= over)
		return 0;
	units = (aus - lost) * g->pages - over;
	meta = ftl_meta_units(units);
	if (units <= meta)
		return 0;
	return min_t(u64, units - meta, (u64)FIO_SUPER_DIRS << 20);
}

static size_t front_bytes(const struct ftl *f)
{
	return FTL_STREAMS * f->geo.dies * sizeof(u32);
}

/**
 * ftl_alloc_unit_state() - tables whose size the geometry sets
 * @f: the instance, shape set
 *
 * Context: worker; may sleep.
 * Return: 0 or -ENOMEM.
 */
int ftl_alloc_unit_state(struct ftl *f)
{
	u32 i;

	f->au = ftl_alloc(f, (size_t)f->geo.aus * f->geo.dies, FTL_MEM_CORE);
	f->stripe = ftl_alloc(f, f->geo.aus * sizeof(*f->stripe), FTL_MEM_CORE);
	f->free_heap.item = ftl_alloc(f, f->geo.aus * sizeof(u32), FTL_MEM_CORE);
	f->ready_heap.item = ftl_alloc(f, f->geo.aus * sizeof(u32), FTL_MEM_CORE);
	f->gc_units = ftl_alloc(f, f->stripe_units * sizeof(u32), FTL_MEM_CORE);
	f->pins_mem = ftl_alloc(f, (f->geo.queues + 1) * sizeof(*f->pins), FTL_MEM_CORE);
	f->super = ftl_alloc(f, sizeof(*f->super), FTL_MEM_CORE);
	if (!f->au || !f->stripe || !f->free_heap.item || !f->ready_heap.item || !f->gc_units ||
	    !f->pins_mem || !f->super)
		return -ENOMEM;
	f->pins = (void *)(((uintptr_t)f->pins_mem + 63) & ~(uintptr_t)63);
	f->front_used = ftl_alloc(f, front_bytes(f), FTL_MEM_CORE);
	for (i = 0; i < FTL_STREAMS; i++) {
		f->front[i].stripe = FTL_NONE;
		f->front[i].used = f->front_used + i * f->geo.dies;
	}
	return f->front_used ? 0 : -ENOMEM;
}

static void free_unit_state(struct ftl *f)
{
	ftl_free(f, f->front_used, front_bytes(f), FTL_MEM_CORE);
	ftl_free(f, f->super, sizeof(*f->super), FTL_MEM_CORE);
	ftl_free(f, f->pins_mem, (f->geo.queues + 1) * sizeof(*f->pins), FTL_MEM_CORE);
	ftl_free(f, f->gc_units, f->stripe_units * sizeof(u32), FTL_MEM_CORE);
	ftl_free(f, f->ready_heap.item, f->geo.aus * sizeof(u32), FTL_MEM_CORE);
	ftl_free(f, f->free_heap.item, f->geo.aus * sizeof(u32), FTL_MEM_CORE);
	ftl_free(f, f->stripe, f->geo.aus * sizeof(*f->stripe), FTL_MEM_CORE);
	ftl_free(f, f->au, (size_t)f->geo.aus * f->geo.dies, FTL_MEM_CORE);
}

static void init_lists(struct ftl *f)
{
	ftl_lock_init(&f->lock);
	ftl_list_init(&f->parked);
	ftl_list_init(&f->waiting);
	ftl_list_init(&f->admitted);
	ftl_list_init(&f->sequenced);
	ftl_list_init(&f->rmw_free);
	ftl_list_init(&f->cmd_wait);
	ftl_list_init(&f->flushes);
	ftl_list_init(&f->lost);
	ftl_list_init(&f->late_reads);
	ftl_list_init(&f->lost_rmw);
	ftl_list_init(&f->trims);
	ftl_list_init(&f->trim_group);
	ftl_list_init(&f->group.writes);
	f->group.page = FIO_UNIT_NONE;
}

/**
 * ftl_create() - an instance with its tables and buffers, knowing nothing yet
 * @m: the medium, geometry checked
 * @env: the environment, copied
 *
 * Context: worker; may sleep.
 * Return: the instance or NULL when memory ran out.
 */
struct ftl *ftl_create(struct media *m, const struct ftl_env *env)
{
	struct ftl *f = env->alloc(env->ctx, sizeof(*f));

	if (!f)
		return NULL;
	f->m = m;
	f->env = *env;
	f->st.mem[FTL_MEM_CORE] = sizeof(*f);
	f->st.mem_kind_peak[FTL_MEM_CORE] = sizeof(*f);
	f->mem_now = sizeof(*f);
	f->st.mem_peak = sizeof(*f);
	init_lists(f);
	f->roll.every = FTL_ROLL_DEFAULT;
	ftl_set_shape(f, &m->geo);
	ftl_set_parity(f, false);
	if (ftl_alloc_unit_state(f) || ftl_parity_init(f) || ftl_slots_init(f)) {
		ftl_say(f, FTL_ERR, "out of memory: %llu bytes were not enough to begin",
			(unsigned long long)f->st.mem_peak);
		ftl_destroy(f);
		return NULL;
	}
	return f;
}

/**
 * ftl_destroy() - free an instance without touching the medium
 * @f: the instance; no request and no media command may be outstanding
 *
 * Context: worker; may sleep.
 */
void ftl_destroy(struct ftl *f)
{
	struct ftl_env env = f->env;

	ftl_slots_free(f);
	ftl_late_free(f);
	ftl_map_free(f);
	ftl_group_free(f);
	ftl_parity_free(f);
	free_unit_state(f);
	env.free(env.ctx, f, sizeof(*f));
}
