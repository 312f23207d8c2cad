/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A medium for tests: the NAND model behind the FTL core's media contract,
 * single-stepped.
 *
 * Owns: commands, the write buffer, one FIFO of programs and erases per die,
 * states of append units, page tag CRCs, and what a power cut can leave of all
 * that. Nothing happens by itself: sim_step() does one thing at a time, so a
 * run is repeated exactly by repeating its steps.
 *
 * Does not know: the FTL. A command that the media contract forbids is refused
 * and remembered (sim_violation()), and the test that caused it must fail.
 *
 * Life of an append: submitted -> admitted (data taken, pages assigned, in the
 * buffer and in the queues of its dies) -> acknowledged -> programmed. With
 * durable set, an acknowledged append survives a cut; an admitted one may.
 * Without, each die keeps a prefix of its queue. Resets and retirements are
 * acknowledged when done.
 */
#ifndef TESTS_SIM_MEDIA_H
#define TESTS_SIM_MEDIA_H

#include "hal/ftl/ftl.h"
#include "vcard/nand/nand.h"

struct sim;
struct sim_image;

/* Bits kept per append unit over a power cut. */
#define SIM_AU_SUSPECT	BIT(0)
#define SIM_AU_FINISHED	BIT(1)	/* closed by command or by a failed program */
#define SIM_AU_XOR	BIT(2)	/* its units were added to their rows */

/**
 * enum sim_policy - what sim_step() does when there is a choice
 * @SIM_LAZY: acknowledge early, program late: queues are as long as they get
 * @SIM_EAGER: program early, acknowledge late
 * @SIM_RANDOM: anything possible, drawn from the seed, also across queues
 * @SIM_IMMEDIATE: done within submit(); only the completion waits for sim_step()
 */
enum sim_policy { SIM_LAZY, SIM_EAGER, SIM_RANDOM, SIM_IMMEDIATE };

/**
 * struct sim_config - shape and habits of the medium; zero means the default
 * @dies: 1..256
 * @aus: per die
 * @pages: units per append unit
 * @max_units: in one command, default 64
 * @write_units: default 1
 * @max_open: append units open at once, default all
 * @read_retries: default 0
 * @queues: default 1
 * @host_cmds: commands per queue, default 64
 * @internal_cmds: more commands for internal use, default 16
 * @buffer_units: units per die that wait in the buffer, default 4
 * @xor_groups: stripes with sums of their rows at once, default none
 * @endurance: erase cycles an append unit is rated for, default 1000000
 * @volatile_buffer: no power-loss protection
 * @keeps_open: after a cut, append units that were open and have no torn page
 *	are open still; by default they are suspect
 * @policy: enum sim_policy
 * @seed: for SIM_RANDOM
 */
struct sim_config {
	u32 dies, aus, pages;
	u32 max_units, write_units, max_open, read_retries, queues;
	u32 host_cmds, internal_cmds;
	u32 buffer_units;
	u32 xor_groups;
	u32 endurance;
	bool volatile_buffer;
	bool keeps_open;
	enum sim_policy policy;
	u64 seed;
};

/**
 * struct sim_io - a request and its data in plain memory
 * @io: the request; io.done is the owner's
 * @data: count logical blocks
 */
struct sim_io {
	struct ftl_io io;
	u8 *data;
};

/**
 * sim_create() - a medium over a fresh array
 * Return: the medium; aborts when out of memory or the shape is absurd.
 */
struct sim *sim_create(const struct sim_config *cfg);
/** sim_over() - a medium over an array of that shape, which it takes over */
struct sim *sim_over(const struct sim_config *cfg, struct nand *nand);
/** sim_over_used() - likewise; @au: SIM_AU_* of each append unit, die by die */
struct sim *sim_over_used(const struct sim_config *cfg, struct nand *nand, const u8 *au);
/** sim_au_flags() - what a card must keep of an append unit beside its pages: SIM_AU_* */
u8 sim_au_flags(const struct sim *s, u32 die, u32 au);
void sim_destroy(struct sim *s);

struct media *sim_media(struct sim *s);
/* For faults and counters; its pages are the medium's business. */
struct nand *sim_nand(struct sim *s);

/** sim_step() - do one thing; false: there is nothing to do */
bool sim_step(struct sim *s);

/** sim_set_durable() - power-loss protection fails or comes back */
void sim_set_durable(struct sim *s, bool durable);

/**
 * sim_set_die_offline() - a die stops answering, or is back
 *
 * What it has queued is done first: to lose what a card had acknowledged is a second
 * fault. It stays so over a cut.
 */
void sim_set_die_offline(struct sim *s, u32 die, bool offline);

/** sim_set_gone() - the card is gone: everything ends with MEDIA_GONE */
void sim_set_gone(struct sim *s);

/* The next @count programs or erases fail. Survives a power cut. */
void sim_fail_programs(struct sim *s, u32 count);
void sim_fail_erases(struct sim *s, u32 count);
/* Of the operations that are to fail, let so many pass first. */
void sim_skip_faults(struct sim *s, u32 skip);
bool sim_faults_armed(const struct sim *s);

/**
 * sim_fail_destages() - the next @count programs fail after they were acknowledged
 * @told: called with a unit of the append unit concerned; may be NULL
 *
 * What cannot be programmed is read from the buffer, until its append unit is
 * reset or retired. SYNC fails so long (hw.md 5.8 and 7).
 */
void sim_fail_destages(struct sim *s, u32 count, void (*told)(void *ctx, u32 unit),
		       void *ctx);

/**
 * sim_power_cut() - power fails, and the card is gone
 * @seed: chooses for each die what becomes of its queue
 *
 * Where sim_image_cut() makes another array, this changes the medium's own: for one
 * in a file, which cannot be copied. May be called from the hook.
 */
void sim_power_cut(struct sim *s, u64 seed);

/**
 * sim_set_hook() - call @hook before each program, erase and retirement, and when an
 * atomic write is in the buffer but not acknowledged
 */
void sim_set_hook(struct sim *s, void (*hook)(void *ctx), void *ctx);

/** sim_ops() - programs, erases and retirements performed since power on */
u64 sim_ops(const struct sim *s);

/** sim_violation() - the first broken rule of the contract, or NULL */
const char *sim_violation(const struct sim *s);

/** sim_cmds_busy() - commands got and not put: 0 when the core is idle */
u32 sim_cmds_busy(const struct sim *s);

/** sim_trace() - print what happens from now on to stderr */
void sim_trace(struct sim *s, bool on);

/*
 * Power cuts. A snapshot is the array with the queues of its dies; cutting it
 * chooses for each die how many queued operations were done and what became of
 * the one behind them. The result has empty queues and can be powered on.
 */
struct sim_choice {
	u32 prefix;
	enum nand_torn torn;
};

struct sim_image *sim_snapshot(const struct sim *s);
void sim_image_free(struct sim_image *img);
/** sim_image_choice() - choice @i of @die; false: there are no more */
bool sim_image_choice(const struct sim_image *img, u32 die, u32 i,
		      struct sim_choice *choice);
/** sim_image_queued() - operations queued on @die */
u32 sim_image_queued(const struct sim_image *img, u32 die);
struct sim_image *sim_image_cut(const struct sim_image *img,
				const struct sim_choice *choice);
/** sim_power_off() - orderly: the queues must be empty */
struct sim_image *sim_power_off(const struct sim *s);
/** sim_image_hash() - equal for images that behave alike; of a cut image */
u64 sim_image_hash(const struct sim_image *img);
/** sim_power_on() - a medium over a copy of a cut image */
struct sim *sim_power_on(const struct sim_config *cfg, const struct sim_image *img);

#endif /* TESTS_SIM_MEDIA_H */
