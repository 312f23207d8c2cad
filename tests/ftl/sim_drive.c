// SPDX-License-Identifier: GPL-2.0-only
/*
 * Driving the FTL core by hand: background work, steps of the medium, requests.
 *
 * Apart from sim_env.c so that the medium can be used without the core.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim_env.h"

static void give_up(const char *what)
{
	fprintf(stderr, "sim_drive: %s\n", what);
	abort();
}

bool sim_advance(struct sim_env *e, struct ftl *f)
{
	bool kicked = f && __atomic_exchange_n(&e->kicked, false, __ATOMIC_ACQ_REL);

	if (kicked)
		ftl_run(f);
	if (sim_step(e->sim)) {
		e->idle_runs = 0;
		return true;
	}
	return kicked && ++e->idle_runs < SIM_MAX_IDLE_RUNS;
}

void sim_drive(struct sim_env *e, struct ftl *f)
{
	while (sim_advance(e, f))
		;
}

struct one_io {
	struct sim_io sio;
	bool done;
	int err;
};

static void one_done(struct ftl_io *io, int err)
{
	struct one_io *one = container_of(io, struct one_io, sio.io);

	if (one->done)
		give_up("a request completed twice");
	one->done = true;
	one->err = err;
}

/* Nothing can happen before the core's timer goes off. */
static bool skip_time(struct sim_env *e)
{
	if (!e->later)
		return false;
	sim_env_pass(e, e->later - min(e->later, e->clock));
	return true;
}

int sim_do(struct sim_env *e, struct ftl *f, enum ftl_op op, u8 flags, u64 lba,
	   u32 count, void *data)
{
	struct one_io *one = calloc(1, sizeof(*one));
	int err;

	if (!one)
		give_up("out of memory");
	one->sio.data = data;
	one->sio.io = (struct ftl_io){
		.op = op, .flags = flags, .lba = lba, .count = count,
		.done = one_done,
	};
	ftl_submit(f, &one->sio.io);
	while (!one->done && (sim_advance(e, f) || one->done || skip_time(e)))
		;
	if (!one->done)
		return -ETIME;	/* the core still holds it: leaked on purpose */
	err = one->err;
	free(one);
	return err;
}
