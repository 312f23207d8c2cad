// SPDX-License-Identifier: GPL-2.0-only
/*
 * The card as a whole: built over its state file, run, switched off.
 *
 * Owns: the state file's part that is not flash (identity, lifetime counters,
 * power cycles, protection), the order in which a run serves the parts, the lock.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "vcard/model/card.h"

#define NS_PER_S	1000000000ULL
#define SERIAL_LEN	((int)sizeof(((struct vcard_persist *)0)->serial))
#define MAX_PASSES	64	/* of one run, so that others get the lock */

void vcard_log(struct vcard *c, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	c->front.log(c->ctx, line);
}

u64 vcard_random(struct vcard *c)
{
	c->rng ^= c->rng << 13;
	c->rng ^= c->rng >> 7;
	c->rng ^= c->rng << 17;
	return c->rng;
}

/**
 * vcard_life() - lifetime counters as of now
 * @c: the card
 * @life: receives them
 */
void vcard_life(struct vcard *c, struct vcard_life *life)
{
	const struct vcard_life *base = &c->life_base;
	struct nand_stats st;

	nand_get_stats(c->nand, &st);
	*life = (struct vcard_life){
		.bytes_written = base->bytes_written + st.bytes_written,
		.bytes_read = base->bytes_read + st.bytes_read,
		.corrected_bits = base->corrected_bits + st.corrected_bits,
		.uncorrectable = base->uncorrectable + st.uncorrectable,
		.program_fails = base->program_fails + st.program_fails,
		.erase_fails = base->erase_fails + st.erase_fails,
		.violations = base->violations + st.violations + c->stats.violations,
		.power_on_seconds = base->power_on_seconds + (c->now - c->started) / NS_PER_S,
	};
}

/**
 * vcard_save_life() - put the lifetime counters into the state file
 * @c: the card
 */
void vcard_save_life(struct vcard *c)
{
	vcard_life(c, &c->persist->life);
}

/* ---- the state file ---- */

static bool file_exists(const char *path)
{
	struct stat st;

	return path && !stat(path, &st) && st.st_size;
}

static struct nand *open_memory(struct vcard *c, const struct nand_geometry *geo,
				char *err, size_t len)
{
	struct nand *n = nand_create_mem(geo);

	c->mem_user = calloc(1, VCARD_USER_BYTES);
	if (n && c->mem_user)
		return n;
	snprintf(err, len, "no memory for a card without a state file");
	nand_close(n);
	return NULL;
}

static struct nand *new_flash(struct vcard *c, char *err, size_t len)
{
	const char *path = c->cfg.state_path;
	struct nand_geometry geo;

	if (!c->cfg.user_bytes)
		snprintf(err, len, "%s does not exist: give a capacity to create it",
			 path ? path : "the state file");
	else if (!vcard_plan_geometry(&c->cfg, &geo, err, len))
		return path ? nand_open_file(path, &geo, VCARD_USER_BYTES, err, len) :
			      open_memory(c, &geo, err, len);
	return NULL;
}

static int open_flash(struct vcard *c, char *err, size_t len)
{
	const char *path = c->cfg.state_path;

	if (file_exists(path))
		c->nand = nand_open_file(path, NULL, VCARD_USER_BYTES, err, len);
	else
		c->nand = new_flash(c, err, len);
	if (!c->nand)
		return -EIO;
	c->geo = nand_geometry(c->nand);
	c->persist = c->mem_user ? c->mem_user : nand_user(c->nand);
	c->au_persist = (u8 *)c->persist + VCARD_PERSIST_HEADER;
	return 0;
}

static u64 fresh_seed(void)
{
	u64 seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed) || !seed)
		seed = 0x5eed;
	return seed;
}

static u32 count_bad(struct vcard *c)
{
	struct nand_block_info info;
	u32 die, nr, bad = 0;

	for (die = 0; die < c->geo->dies; die++)
		for (nr = 0; nr < c->geo->blocks; nr++) {
			nand_block_info(c->nand, die, nr, &info);
			bad += info.factory_bad;
		}
	return bad;
}

static int make_card(struct vcard *c, char *err, size_t len)
{
	struct vcard_persist *p = c->persist;

	if (!c->cfg.user_bytes) {
		snprintf(err, len, "%s holds flash but no card: give a capacity to complete it",
			 c->cfg.state_path);
		return -EINVAL;
	}
	p->version = VCARD_PERSIST_VERSION;
	p->user_bytes = c->cfg.user_bytes;
	p->seed = c->cfg.seed ? c->cfg.seed : fresh_seed();
	p->spare_percent = c->cfg.spare_percent;
	p->plp = c->cfg.plp;
	p->clean = 1;
	snprintf(p->serial, sizeof(p->serial), "%06u", (u32)(p->seed % 900000 + 100000));
	if (nand_set_factory_bad(c->nand, c->cfg.factory_bad_permille, p->seed)) {
		snprintf(err, len, "%u permille of bad blocks cannot be had",
			 c->cfg.factory_bad_permille);
		return -EINVAL;
	}
	p->factory_bad = count_bad(c);
	__atomic_store_n(&p->magic, VCARD_PERSIST_MAGIC, __ATOMIC_RELEASE);
	return 0;
}

static int check_card(struct vcard *c, char *err, size_t len)
{
	const struct vcard_persist *p = c->persist;
	const char *path = c->cfg.state_path;

	if (p->magic != VCARD_PERSIST_MAGIC || p->version != VCARD_PERSIST_VERSION)
		snprintf(err, len, "%s was not made by this version of the virtual card", path);
	else if (c->cfg.user_bytes && c->cfg.user_bytes != p->user_bytes)
		snprintf(err, len, "%s holds a card of %llu bytes, not %llu", path,
			 (unsigned long long)p->user_bytes,
			 (unsigned long long)c->cfg.user_bytes);
	else if (c->cfg.dies && c->cfg.dies != c->geo->dies)
		snprintf(err, len, "%s holds a card of %u dies, not %u", path, c->geo->dies,
			 c->cfg.dies);
	else if (c->geo->page_bytes != FIO_UNIT_BYTES || c->geo->oob_bytes != FIO_TAG_BYTES ||
		 (u64)c->geo->dies * c->geo->blocks > VCARD_MAX_AUS)
		snprintf(err, len, "%s holds flash of another shape than a virtual card's", path);
	else
		return 0;
	return -EINVAL;
}

static bool power_on(struct vcard *c, bool *kept)
{
	struct vcard_persist *p = c->persist;
	bool unclean = !p->clean;

	*kept = !unclean || p->plp == FIO_PLP_OK;
	p->power_cycles++;
	p->unsafe_shutdowns += unclean;
	p->plp = c->cfg.plp;
	c->plp = p->plp;
	c->life_base = p->life;
	c->rng = (c->cfg.seed ? c->cfg.seed : p->seed) ^ p->power_cycles;
	c->rng = c->rng ? c->rng : 1;
	if (c->cfg.serial)
		snprintf(p->serial, sizeof(p->serial), "%s", c->cfg.serial);
	return unclean;
}

static int build(struct vcard *c, char *err, size_t len)
{
	int ret = open_flash(c, err, len);
	bool unclean, kept;

	if (!ret && !c->persist->magic)
		ret = make_card(c, err, len);
	if (!ret)
		ret = check_card(c, err, len);
	if (ret)
		return ret;
	unclean = power_on(c, &kept);
	nand_set_timing(c->nand, c->cfg.timing);
	nand_set_bitflips(c->nand, 0, VCARD_ECC_BITS);
	c->fault.ecc_bits = VCARD_ECC_BITS;
	if (buffer_init(c) || cmd_init(c) || xor_init(c) || au_load(c, unclean)) {
		snprintf(err, len, "no memory for %u dies", c->geo->dies);
		return -ENOMEM;
	}
	xor_load(c, kept);
	c->persist->clean = 1;
	config_init(c);
	telemetry_init(c);
	return 0;
}

static void destroy(struct vcard *c)
{
	xor_free(c);
	if (c->nand)
		nand_close(c->nand);
	buffer_free(c);
	free(c->cmds);
	free(c->aus);
	free(c->mem_user);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static int check_config(const struct vcard_config *cfg, char *err, size_t len)
{
	const char *p;

	if (cfg->queues > VCARD_MAX_QUEUES) {
		snprintf(err, len, "%u queues: give 1 to %u", cfg->queues, VCARD_MAX_QUEUES);
		return -EINVAL;
	}
	for (p = cfg->serial; p && *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			break;
	if (!p || (!*p && p != cfg->serial && p - cfg->serial < SERIAL_LEN))
		return 0;
	snprintf(err, len, "serial number: give 1 to %d letters, digits, '-', '_' or '.'",
		 SERIAL_LEN - 1);
	return -EINVAL;
}

struct vcard *vcard_create(const struct vcard_config *cfg, const struct vcard_front *front,
			   void *ctx, char *err, size_t err_len)
{
	struct vcard *c = calloc(1, sizeof(*c));

	if (!c) {
		snprintf(err, err_len, "no memory for a card");
		return NULL;
	}
	c->cfg = *cfg;
	c->front = *front;
	c->ctx = ctx;
	c->cfg.queues = cfg->queues ? cfg->queues : VCARD_MAX_QUEUES;
	c->cfg.if_major = cfg->if_major ? cfg->if_major : FIO_IF_MAJOR;
	pthread_mutex_init(&c->lock, NULL);
	if (check_config(cfg, err, err_len) || build(c, err, err_len)) {
		destroy(c);
		return NULL;
	}
	return c;
}

void vcard_close(struct vcard *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	if (!c->dead) {
		cmd_forget(c);
		buffer_drain_all(c);
		vcard_save_life(c);
		c->persist->clean = 1;
	}
	pthread_mutex_unlock(&c->lock);
	destroy(c);
}

/* ---- running ---- */

static bool run_queues(struct vcard *c)
{
	bool worked = false;
	u32 i;

	for (i = 0; i < c->cfg.queues; i++)
		if (c->queues[i].live && card_ready(c))
			worked |= ring_run(c, &c->queues[i]);
	return worked;
}

static bool run_once(struct vcard *c)
{
	u32 wanted = reg_get(&c->regs.reset_wanted);
	bool worked = false;
	u32 i;

	if (wanted)
		reset_do(c, wanted);
	ctrl_run(c);
	if (!(reg_get(&c->regs.status) & (FIO_STATUS_FATAL | FIO_STATUS_SHUTDOWN_DONE)))
		mbox_run(c);
	if (card_ready(c)) {
		worked = run_queues(c);
		cmd_run_due(c, c->now);
	}
	for (i = 0; i < c->cfg.queues; i++)
		ring_interrupt(c, &c->queues[i]);
	event_post(c);
	return worked;
}

static void sooner(s64 *wait, u64 now, u64 at)
{
	s64 until = at > now ? (s64)(at - now) : 0;

	if (*wait < 0 || until < *wait)
		*wait = until;
}

/* When the card wants to run again though nobody kicks it. */
static s64 next_run(const struct vcard *c)
{
	u32 status = reg_get(&c->regs.status);
	s64 wait = -1;
	u32 i;

	if (c->nr_pending && card_ready(c))
		sooner(&wait, c->now, c->pending.next->due);
	if (c->buf.nr_queued && c->plp != FIO_PLP_OK)
		sooner(&wait, c->now, c->buf.idle_at);
	if (c->ready_at > c->now && !(status & FIO_STATUS_RDY))
		sooner(&wait, c->now, c->ready_at);
	for (i = 0; i < c->cfg.queues; i++)
		if (c->queues[i].live && c->queues[i].irq && c->queues[i].unsignalled)
			sooner(&wait, c->now, c->queues[i].irq_at);
	return wait;
}

s64 vcard_run(struct vcard *c, u64 now_ns)
{
	u32 passes = 0;
	bool more;
	s64 wait;

	pthread_mutex_lock(&c->lock);
	c->started = c->started ? c->started : now_ns;
	c->now = now_ns;
	if (!c->dead)
		telemetry_run(c);
	do {
		more = !c->dead && run_once(c);
	} while (more && ++passes < MAX_PASSES);
	if (!c->dead)
		buffer_idle(c);
	wait = more ? 0 : next_run(c);
	if (c->dead)
		wait = -1;
	pthread_mutex_unlock(&c->lock);
	return wait;
}
