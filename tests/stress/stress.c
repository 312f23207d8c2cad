// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio-stress: the FTL core among threads, for ThreadSanitizer and for its own
 * checks.
 *
 * Submitters read, write, some of it atomically, trim, zero and flush, each on a queue
 * of its own, over a medium whose completions come from other threads, while a worker collects.
 * The capacity is the largest that the medium gives, so collecting never ends.
 * In turn, a round ends in an orderly detach or in nothing at all, as a cut at a
 * quiet moment would; then the invariants are checked, and every block is read.
 *
 * What a block may hold: groups of blocks belong to one submitter, who has at
 * most one request under way to each block and numbers its versions. A read by
 * anybody may return any version from the newest acknowledged when it was
 * submitted to the newest issued when it completed. One group has no owner:
 * everybody writes there at once, and of it only is known what must never be
 * there: another block's content, or half of one and half of another.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "thread_media.h"

#define MAX_THREADS	16
#define SLOTS		8	/* requests under way of one submitter */
#define MAX_COUNT	8	/* blocks of one request */
#define GROUP		6	/* blocks of one owner: not a divisor of a unit's 8 */

struct block {
	u32 issued, acked;	/* versions */
	u32 zeroed;		/* newest version that is all zeroes */
	bool busy;
};

struct stress;

struct slot {
	struct ftl_io io;
	struct submitter *s;
	bool busy;
	u32 floor[MAX_COUNT];	/* read: the oldest version that is right */
	u32 version[MAX_COUNT];	/* others: what the blocks become */
	u8 *data;
};

struct submitter {
	struct stress *t;
	pthread_t id;
	u32 queue;
	u64 seed;
	pthread_mutex_t lock;
	pthread_cond_t come;
	u32 under_way;
	struct slot slot[SLOTS];
} __aligned(64);

struct stress {
	struct thread_media *m;
	struct ftl *f;
	struct ftl_info info;
	u32 threads, ops, rounds, lba_bytes, parity;
	u64 seed;
	struct block *block;
	struct submitter submitter[MAX_THREADS];
	pthread_t worker;
};

u8 *thread_io_data(struct ftl_io *io)
{
	return container_of(io, struct slot, io)->data;
}

/* ---- content --------------------------------------------------------------------- */

static u64 stamp(u64 lba, u32 version, u32 word)
{
	return (lba << 40 ^ (u64)version << 8 ^ word) * 0x9e3779b97f4a7c15ULL;
}

static void fill(u8 *data, u32 bytes, u64 lba, u32 version)
{
	u64 *w = (u64 *)data;
	u32 i;

	w[0] = lba;
	w[1] = version;
	for (i = 2; i < bytes / 8; i++)
		w[i] = stamp(lba, version, i);
}

/* The version in a block, 0: zeroes; ends the program if it is neither. */
static u32 version_of(const u8 *data, u32 bytes, u64 lba)
{
	const u64 *w = (const u64 *)data;
	u32 i;

	for (i = 2; i < bytes / 8; i++)
		if (w[i] != (w[1] ? stamp(lba, (u32)w[1], i) : 0))
			thread_die("block %llu: word %u is %llx, not of version %llu",
				   (unsigned long long)lba, i, (unsigned long long)w[i],
				   (unsigned long long)w[1]);
	if (w[1] && w[0] != lba)
		thread_die("block %llu holds block %llu", (unsigned long long)lba,
			   (unsigned long long)w[0]);
	return (u32)w[1];
}

static bool is_shared(u64 lba)
{
	return lba < GROUP;
}

static bool owns(const struct submitter *s, u64 lba)
{
	return lba / GROUP % s->t->threads == s->queue;
}

static void check_block(struct stress *t, const u8 *data, u64 lba, u32 floor)
{
	struct block *b = &t->block[lba];
	u32 version = version_of(data, t->lba_bytes, lba);
	u32 newest = ftl_load(&b->issued);

	if (is_shared(lba))
		return;
	if (version ? version < floor : ftl_load(&b->zeroed) < floor)
		thread_die("block %llu: version %u was read, %u had been acknowledged before",
			   (unsigned long long)lba, version, floor);
	if (version > newest)
		thread_die("block %llu: version %u was read, %u is the newest",
			   (unsigned long long)lba, version, newest);
}

/* ---- requests ----------------------------------------------------------------------- */

static void acknowledge(struct slot *s)
{
	struct stress *t = s->s->t;
	struct block *b;
	u32 i;

	for (i = 0; i < s->io.count; i++) {
		b = &t->block[s->io.lba + i];
		if (s->io.op == FTL_READ) {
			check_block(t, s->data + i * t->lba_bytes, s->io.lba + i, s->floor[i]);
		} else if (!is_shared(s->io.lba)) {
			ftl_store(&b->acked, s->version[i]);
			ftl_store(&b->busy, false);
		}
	}
}

static void io_done(struct ftl_io *io, int err)
{
	struct slot *s = container_of(io, struct slot, io);
	struct submitter *who = s->s;

	if (err)
		thread_die("operation %u of %u blocks at %llu failed: %d", io->op, io->count,
			   (unsigned long long)io->lba, err);
	if (io->op != FTL_FLUSH)
		acknowledge(s);
	pthread_mutex_lock(&who->lock);
	s->busy = false;
	who->under_way--;
	pthread_cond_signal(&who->come);
	pthread_mutex_unlock(&who->lock);
}

static struct slot *find_slot(struct submitter *s)
{
	struct slot *found = NULL;
	u32 i;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < SLOTS && !found; i++)
		if (!s->slot[i].busy)
			found = &s->slot[i];
	if (found) {
		found->busy = true;
		s->under_way++;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

static void wait_below(struct submitter *s, u32 most)
{
	pthread_mutex_lock(&s->lock);
	while (s->under_way > most)
		pthread_cond_wait(&s->come, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

/* Whoever waits commits first: what it waits for may be behind its own requests. */
static struct slot *free_slot(struct submitter *s, u32 *held)
{
	struct slot *slot = find_slot(s);

	if (slot)
		return slot;
	ftl_commit(s->t->f, s->queue);
	*held = 0;
	wait_below(s, SLOTS - 1);
	return find_slot(s);
}

static void prepare_change(struct stress *t, struct slot *s)
{
	bool zero = s->io.op != FTL_WRITE;
	u32 i;

	for (i = 0; i < s->io.count; i++) {
		struct block *b = &t->block[s->io.lba + i];

		s->version[i] = ftl_add(&b->issued, 1);
		ftl_store(&b->busy, true);
		if (zero)
			ftl_store(&b->zeroed, s->version[i]);
		else
			fill(s->data + i * t->lba_bytes, t->lba_bytes, s->io.lba + i,
			     s->version[i]);
	}
}

/* As many blocks from @lba on as the submitter may change, at most @count. */
static u32 mine(struct submitter *s, u64 lba, u32 count)
{
	u32 n = 0;

	while (n < count && lba + n < s->t->info.blocks && is_shared(lba + n) == is_shared(lba) &&
	       (is_shared(lba) ||
		(owns(s, lba + n) && !ftl_load(&s->t->block[lba + n].busy))))
		n++;
	return n;
}

/* A skewed choice: half of all requests go to an eighth of the blocks. */
static u64 some_lba(struct submitter *s)
{
	u64 r = thread_random(&s->seed), blocks = s->t->info.blocks;

	if (!(r >> 8 & 63))
		return thread_random(&s->seed) % GROUP;
	return thread_random(&s->seed) % (r & 1 ? blocks / 8 : blocks);
}

static enum ftl_op some_op(struct submitter *s)
{
	u32 r = thread_random(&s->seed) % 100;

	if (r < 40)
		return FTL_READ;
	if (r < 92)
		return FTL_WRITE;
	if (r < 98)
		/* A trim only takes whole units, write-zeroes any blocks. */
		return s->t->lba_bytes == FIO_MEDIA_UNIT && r & 1 ? FTL_TRIM : FTL_ZEROES;
	return FTL_FLUSH;
}

static void submit(struct submitter *s, struct slot *slot, u8 flags)
{
	slot->io.flags = flags;
	slot->io.queue = s->queue;
	slot->io.done = io_done;
	ftl_submit(s->t->f, &slot->io);
}

static bool prepare(struct submitter *s, struct slot *slot)
{
	struct ftl_io *io = &slot->io;
	u32 i, want = 1 + thread_random(&s->seed) % MAX_COUNT;

	io->op = some_op(s);
	io->lba = some_lba(s);
	if (io->op == FTL_FLUSH)
		io->count = 0;
	else if (io->op == FTL_READ)
		io->count = min(want, (u32)(s->t->info.blocks - io->lba));
	else
		io->count = mine(s, io->lba, want);
	if (!io->count)
		return io->op == FTL_FLUSH;
	if (io->op != FTL_READ)
		prepare_change(s->t, slot);
	for (i = 0; i < io->count; i++)
		slot->floor[i] = ftl_load(&s->t->block[io->lba + i].acked);
	return true;
}

/* A third of the writes that can be. */
static u8 atomic_flag(const struct submitter *s, const struct ftl_io *io, u64 r)
{
	return io->op == FTL_WRITE && s->t->lba_bytes == FIO_MEDIA_UNIT &&
	       io->count <= s->t->info.atomic_blocks && !(r % 3) ? FTL_IO_ATOMIC : 0;
}

static void return_slot(struct submitter *s, struct slot *slot)
{
	pthread_mutex_lock(&s->lock);
	slot->busy = false;
	s->under_way--;
	pthread_mutex_unlock(&s->lock);
}

static void *submit_all(void *arg)
{
	struct submitter *s = arg;
	u32 i, held = 0;

	for (i = 0; i < s->t->ops; i++) {
		struct slot *slot = free_slot(s, &held);
		u64 r = thread_random(&s->seed);
		bool more = r & 1;

		if (!prepare(s, slot)) {
			return_slot(s, slot);
			more = false;
		} else {
			submit(s, slot, (more ? FTL_IO_MORE : 0) | (r & 0x70 ? 0 : FTL_IO_FUA) |
			       atomic_flag(s, &slot->io, r >> 12));
		}
		if (held && !more)
			ftl_commit(s->t->f, s->queue);
		held = more ? held + 1 : 0;
		if (!(r >> 32 & 1023))
			thread_set_durable(s->t->m, r >> 42 & 3);
	}
	if (held)
		ftl_commit(s->t->f, s->queue);
	wait_below(s, 0);
	return NULL;
}

/* ---- rounds -------------------------------------------------------------------------- */

static void must(int err, const char *what)
{
	if (err)
		thread_die("%s: error %d", what, err);
}

static void *work(void *arg)
{
	struct stress *t = arg;

	thread_work(t->m, t->f);
	return NULL;
}

static void attach(struct stress *t)
{
	must(ftl_attach(thread_media(t->m), thread_env(t->m), 0, &t->f), "attach");
	ftl_get_info(t->f, &t->info);
	must(pthread_create(&t->worker, NULL, work, t), "thread");
}

static void stop_worker(struct stress *t)
{
	thread_work_stop(t->m);
	pthread_join(t->worker, NULL);
}

static void read_all(struct stress *t)
{
	struct submitter *s = &t->submitter[0];
	u32 held = 0;
	u64 lba;

	for (lba = 0; lba < t->info.blocks; lba++) {
		struct slot *slot = free_slot(s, &held);

		slot->io.op = FTL_READ;
		slot->io.lba = lba;
		slot->io.count = 1;
		slot->floor[0] = ftl_load(&t->block[lba].acked);
		submit(s, slot, 0);
	}
	wait_below(s, 0);
}

static void end_round(struct stress *t, bool orderly)
{
	/* Acknowledged is not durable otherwise: this one is no cut. */
	thread_set_durable(t->m, true);
	t->submitter[0].slot[0].io.op = FTL_FLUSH;
	t->submitter[0].slot[0].busy = true;
	t->submitter[0].under_way = 1;
	submit(&t->submitter[0], &t->submitter[0].slot[0], 0);
	wait_below(&t->submitter[0], 0);
	stop_worker(t);
	thread_quiesce(t->m);
	must(ftl_check(t->f, true), "the invariants do not hold");
	if (orderly)
		must(ftl_detach(t->f), "detach");
	else
		ftl_destroy(t->f);
	attach(t);
	read_all(t);
}

static void one_round(struct stress *t, u32 nr)
{
	struct ftl_stats st;
	u32 i;

	for (i = 0; i < t->threads; i++)
		must(pthread_create(&t->submitter[i].id, NULL, submit_all, &t->submitter[i]),
		     "thread");
	for (i = 0; i < t->threads; i++)
		pthread_join(t->submitter[i].id, NULL);
	ftl_get_stats(t->f, &st);
	end_round(t, nr & 1);
	printf("round %u: %llu units written, %llu read, %llu collected, %llu trimmed, %llu erases, %llu program failures, %llu atomic writes\n",
	       nr, (unsigned long long)st.user_units_written,
	       (unsigned long long)st.user_units_read, (unsigned long long)st.gc_units_written,
	       (unsigned long long)st.units_trimmed, (unsigned long long)st.erases,
	       (unsigned long long)st.program_fails, (unsigned long long)st.groups_written);
	fflush(stdout);
}

static void set_up(struct stress *t)
{
	const struct thread_shape shape = {
		.dies = 4, .aus = 24, .pages = 16, .queues = t->threads, .cmds = 6,
		.fails = 3, .seed = t->seed, .xor_groups = t->parity ? 16 : 0,
	};
	struct ftl_format_params p = {
		.lba_bytes = t->lba_bytes, .uuid = { 1 },
		.parity = t->parity ? FTL_PARITY_ON : FTL_PARITY_OFF,
	};
	u32 i, k;

	t->m = thread_media_create(&shape);
	/* Room for the append units that will fail. */
	p.user_units = ftl_max_user_units(&thread_media(t->m)->geo, shape.fails);
	must(ftl_format(thread_media(t->m), thread_env(t->m), &p), "format");
	attach(t);
	t->block = calloc(t->info.blocks, sizeof(*t->block));
	for (i = 0; i < t->threads; i++) {
		struct submitter *s = &t->submitter[i];

		s->t = t;
		s->queue = i;
		s->seed = t->seed * 1000 + i + 1;
		pthread_mutex_init(&s->lock, NULL);
		pthread_cond_init(&s->come, NULL);
		for (k = 0; k < SLOTS; k++) {
			s->slot[k].s = s;
			s->slot[k].data = aligned_alloc(64, MAX_COUNT * FIO_MEDIA_UNIT);
		}
	}
}

static void tear_down(struct stress *t)
{
	u32 i, k;

	stop_worker(t);
	thread_quiesce(t->m);
	must(ftl_detach(t->f), "detach");
	thread_media_destroy(t->m);
	free(t->block);
	for (i = 0; i < t->threads; i++)
		for (k = 0; k < SLOTS; k++)
			free(t->submitter[i].slot[k].data);
}

static void usage(void)
{
	fprintf(stderr, "usage: fio-stress [--threads N] [--ops N] [--rounds N] [--seed N] [--sector 512|4096] [--parity 1] [--limit SECONDS]\n"
		"  --limit  a run that takes longer hangs: it ends with SIGALRM (600)\n");
	exit(2);
}

static void parse(struct stress *t, int argc, char **argv)
{
	static const struct option options[] = {
		{ "threads", required_argument, NULL, 't' },
		{ "ops", required_argument, NULL, 'o' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 's' },
		{ "sector", required_argument, NULL, 'b' },
		{ "parity", required_argument, NULL, 'p' },
		{ "limit", required_argument, NULL, 'l' },
		{ },
	};
	u64 value[256] = {
		['t'] = t->threads, ['o'] = t->ops, ['r'] = t->rounds, ['s'] = t->seed,
		['b'] = t->lba_bytes, ['l'] = 600,
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			usage();
		value[c] = strtoull(optarg, NULL, 10);
	}
	t->threads = value['t'];
	t->ops = value['o'];
	t->rounds = value['r'];
	t->seed = value['s'];
	t->lba_bytes = value['b'];
	t->parity = value['p'];
	if (!t->threads || t->threads > MAX_THREADS || !t->seed ||
	    (t->lba_bytes != 512 && t->lba_bytes != 4096))
		usage();
	alarm(value['l']);
}

int main(int argc, char **argv)
{
	static struct stress t = {
		.threads = 3, .ops = 4000, .rounds = 2, .seed = 1, .lba_bytes = 4096,
	};
	u32 i;

	parse(&t, argc, argv);
	set_up(&t);
	for (i = 0; i < t.rounds; i++)
		one_round(&t, i);
	tear_down(&t);
	return 0;
}
