// SPDX-License-Identifier: GPL-2.0-only
/*
 * A medium for tests; see sim_media.h.
 *
 * Owns: commands from get() to done(), the buffer, the queues of the dies, the
 * states of append units, tag CRCs.
 *
 * Does not know: what a power cut leaves (sim_image.c), how flash behaves
 * (vcard/nand), what the FTL wants.
 *
 * A failing program is never acknowledged early: a card that acknowledges into
 * a buffer and then finds that the page is bad has its own spare for that.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim_priv.h"

#define SENTENCE 256

enum cmd_state { CMD_IDLE, CMD_GOT, CMD_SUBMITTED, CMD_ADMITTED, CMD_ENDED };

/**
 * struct sim_cmd - a command and what the medium keeps of it
 * @next: in the submission or the completion list
 * @waits: queued operations it waits for
 * @mark: SYNC: what each die must have done
 */
struct sim_cmd {
	struct media_cmd cmd;
	struct sim_cmd *next;
	u8 state;
	bool internal;
	u32 waits;
	u64 *mark;
};

struct sim_list {
	struct sim_cmd *head, *tail;
};

struct sim_au {
	u8 state;
	u32 wp;			/* next page to assign */
	bool opened;		/* since power on */
	bool failed;		/* closed because a program failed */
	u32 appends;		/* commands whose completion is outstanding */
};

/**
 * struct sim - the medium
 * @flags: per append unit, as in struct sim_image
 * @cmds: all of them; host commands queue by queue, then the internal ones
 * @submitted: per queue
 * @ended: completions to be delivered
 * @syncs: admitted SYNC commands
 * @turn: die that programs next
 * @own: per page: programmed since power on, so that its CRC is right
 * @stranded: per die: acknowledged units that cannot be programmed
 * @told: who hears of them
 */
struct sim {
	struct media media;
	struct sim_config cfg;
	struct nand *nand;
	struct sim_au *au;
	u8 *flags;
	struct sim_queue *queue;
	struct sim_sums *sums;
	bool *own;
	struct sim_cmd *cmds;
	u32 nr_cmds;
	u32 busy;
	struct sim_list *submitted;
	struct sim_list ended, syncs;
	u32 turn;
	u32 open;
	u32 fail_programs, fail_erases, fail_destages, skip_faults;
	struct sim_queue *stranded;
	void (*told)(void *ctx, u32 unit);
	void *told_ctx;
	u64 rng;
	u64 ops;
	bool gone, trace;
	void (*hook)(void *ctx);
	void *hook_ctx;
	char violation[SENTENCE];
};

/* Tests cannot go on without memory. */
void *sim_alloc(size_t bytes)
{
	void *p = calloc(1, bytes ? bytes : 1);

	if (!p) {
		perror("sim_media");
		abort();
	}
	return p;
}

static struct sim *to_sim(struct media *m)
{
	return container_of(m, struct sim, media);
}

static __printf(2, 3) void violate(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (s->violation[0])
		return;
	va_start(ap, fmt);
	vsnprintf(s->violation, sizeof(s->violation), fmt, ap);
	va_end(ap);
	if (s->trace)
		fprintf(stderr, "    medium VIOLATION: %s\n", s->violation);
}

static __printf(2, 3) void trace(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->trace)
		return;
	fputs("    medium ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* ---- lists, pages, queues ------------------------------------------------- */

static void list_add(struct sim_list *l, struct sim_cmd *c)
{
	c->next = NULL;
	if (l->tail)
		l->tail->next = c;
	else
		l->head = c;
	l->tail = c;
}

static struct sim_cmd *list_take(struct sim_list *l, u32 skip)
{
	struct sim_cmd **at = &l->head, *prev = NULL, *c;

	for (; skip && (*at)->next; skip--) {
		prev = *at;
		at = &(*at)->next;
	}
	c = *at;
	*at = c->next;
	if (l->tail == c)
		l->tail = prev;
	return c;
}

static u32 list_len(const struct sim_list *l)
{
	const struct sim_cmd *c;
	u32 n = 0;

	for (c = l->head; c; c = c->next)
		n++;
	return n;
}

void sim_page_put(struct sim_page *p)
{
	if (p && !--p->refs)
		free(p);
}

/* Takes over the reference to the content. */
void sim_queue_push(struct sim_queue *q, const struct sim_op *op)
{
	if (q->len == q->cap) {
		q->cap = q->cap ? 2 * q->cap : 8;
		q->op = realloc(q->op, q->cap * sizeof(*q->op));
		if (!q->op)
			abort();
	}
	q->op[q->len++] = *op;
}

static struct sim_op queue_pop(struct sim_queue *q)
{
	struct sim_op op = q->op[0];

	memmove(q->op, q->op + 1, --q->len * sizeof(*q->op));
	q->done++;
	return op;
}

/* xorshift: any will do, as long as it is the same everywhere */
static u32 draw(struct sim *s, u32 below)
{
	s->rng ^= s->rng << 13;
	s->rng ^= s->rng >> 7;
	s->rng ^= s->rng << 17;
	return (u32)(s->rng >> 33) % below;
}

/* ---- addresses and append units ------------------------------------------- */

struct place {
	u32 die, block, page;
};

static bool locate(const struct sim *s, u32 unit, struct place *p)
{
	const struct media_geometry *g = &s->media.geo;
	u32 au = unit / g->pages;

	p->page = unit % g->pages;
	p->die = au % g->dies;
	p->block = au / g->dies;
	return p->block < g->aus;
}

static u32 unit_of(const struct sim *s, const struct place *p)
{
	const struct media_geometry *g = &s->media.geo;

	return (p->block * g->dies + p->die) * g->pages + p->page;
}

static u32 au_index(const struct sim *s, const struct place *p)
{
	return p->die * s->media.geo.aus + p->block;
}

static u64 page_index(const struct sim *s, const struct place *p)
{
	return (u64)au_index(s, p) * s->media.geo.pages + p->page;
}

static struct sim_au *au_at(struct sim *s, const struct place *p)
{
	return &s->au[au_index(s, p)];
}

static void au_set(struct sim *s, struct sim_au *au, enum media_au_state state)
{
	bool was = au->opened && au->state == MEDIA_AU_OPEN;
	bool is = state == MEDIA_AU_OPEN;

	if (is)
		au->opened = true;
	s->open += (is && au->opened) - was;
	au->state = state;
}

/* What the card makes of its array at power on. */
static void au_load(struct sim *s, u32 die, u32 block)
{
	struct place p = { die, block, 0 };
	struct sim_au *au = au_at(s, &p);
	struct nand_block_info info;

	nand_block_info(s->nand, die, block, &info);
	*au = (struct sim_au){ .wp = info.write_ptr };
	if (info.bad)
		au->state = MEDIA_AU_BAD;
	else if (info.torn_erase || s->flags[au_index(s, &p)] & SIM_AU_SUSPECT)
		au->state = MEDIA_AU_SUSPECT;
	else if (info.write_ptr == s->media.geo.pages ||
		 s->flags[au_index(s, &p)] & SIM_AU_FINISHED)
		au->state = MEDIA_AU_CLOSED;
	else
		au->state = info.write_ptr ? MEDIA_AU_OPEN : MEDIA_AU_FREE;
}

static const char *au_name(u8 state)
{
	static const char *const name[] = {
		"free", "open", "closed", "suspect", "bad", "offline"
	};

	return name[state];
}

/* ---- completion ------------------------------------------------------------ */

static void unit_failed(struct sim_cmd *c, u32 i, enum media_status status)
{
	c->cmd.failed |= BIT_ULL(i);
	c->cmd.status = max_t(u8, c->cmd.status, status);
}

static void end_cmd(struct sim *s, struct sim_cmd *c)
{
	c->state = CMD_ENDED;
	list_add(&s->ended, c);
}

static void op_acked(struct sim *s, struct sim_op *op)
{
	struct sim_cmd *c = op->cmd;

	if (!c || op->acked)
		return;
	op->acked = true;
	op->cmd = NULL;
	if (!--c->waits && c->state == CMD_ADMITTED)
		end_cmd(s, c);
}

/* The command is about to be reported done: from now on a cut keeps its units. */
static void make_durable(struct sim *s, struct sim_cmd *c)
{
	u32 d, i;

	if (!s->media.durable)
		return;
	for (d = 0; d < s->media.geo.dies; d++)
		for (i = 0; i < s->queue[d].len; i++)
			if (s->queue[d].op[i].owner == c && s->queue[d].op[i].acked)
				s->queue[d].op[i].must = true;
}

static void note_ended_appends(struct sim *s, struct sim_cmd *c)
{
	struct place p;
	u32 i;

	if (c->cmd.op != MEDIA_APPEND)
		return;
	for (i = 0; i < c->cmd.n; i++)
		if (locate(s, c->cmd.unit[i], &p) && au_at(s, &p)->appends)
			au_at(s, &p)->appends--;
}

static const char *op_name(u8 op)
{
	static const char *const name[] = {
		"append", "read", "reset", "report", "sync", "retire", "finish"
	};

	return op < ARRAY_SIZE(name) ? name[op] : "?";
}

static void deliver(struct sim *s, u32 skip)
{
	struct sim_cmd *c = list_take(&s->ended, skip);

	make_durable(s, c);
	note_ended_appends(s, c);
	c->state = CMD_GOT;
	trace(s, "%s of %u ends: status %u failed %llx", op_name(c->cmd.op),
	      c->cmd.n, c->cmd.status, (unsigned long long)c->cmd.failed);
	c->cmd.done(&c->cmd);
}

/* ---- dies: programs and erases --------------------------------------------- */

static void arm_fault(struct sim *s, u32 die, const struct sim_op *op)
{
	enum nand_fault f = op->kind == SIM_ERASE ? NAND_FAULT_ERASE : NAND_FAULT_PROGRAM;

	if (op->fail)
		nand_set_fault(s->nand, f, die, op->block, -1, 0, 1);
}

static enum nand_result perform_op(struct sim *s, u32 die, const struct sim_op *op)
{
	arm_fault(s, die, op);
	switch (op->kind) {
	case SIM_PROGRAM:
		return nand_program(s->nand, die, op->block, op->page,
				    op->content->data, &op->content->tag);
	case SIM_ERASE:
		return nand_erase(s->nand, die, op->block);
	default:
		nand_mark_bad(s->nand, die, op->block);
		return NAND_OK;
	}
}

static enum media_status to_status(struct sim *s, enum nand_result r)
{
	switch ((int)r) {
	case NAND_OK:
		return MEDIA_OK;
	case NAND_ERASED:
		return MEDIA_ERASED;
	case NAND_UNCORRECTABLE:
		return MEDIA_UNCORRECTABLE;
	case NAND_PROGRAM_FAIL:
		return MEDIA_PROGRAM_FAIL;
	case NAND_ERASE_FAIL:
		return MEDIA_ERASE_FAIL;
	case NAND_BAD_BLOCK:
		return MEDIA_AU_STATE;
	case NAND_DIE_OFFLINE:
		return MEDIA_DIE_OFFLINE;
	default:
		violate(s, "rule of flash: %s", nand_violation(s->nand));
		return MEDIA_INVALID;
	}
}

/* A stripe's sums are forgotten, or what they were made of is. */
static void end_sums(struct sim *s, u32 block)
{
	struct place p = { 0, block, 0 };

	for (; p.die < s->media.geo.dies; p.die++)
		s->flags[au_index(s, &p)] &= ~SIM_AU_XOR;
	sim_sums_end(s->sums, block);
}

static void close_au(struct sim *s, const struct place *p, bool failed)
{
	au_set(s, au_at(s, p), MEDIA_AU_CLOSED);
	au_at(s, p)->failed = failed;
	s->flags[au_index(s, p)] |= SIM_AU_FINISHED;
}

static bool take_fault(u32 *skip, u32 *count)
{
	if (!*count)
		return false;
	if (*skip) {
		--*skip;
		return false;
	}
	--*count;
	return true;
}

static bool any_stranded(const struct sim *s)
{
	u32 d;

	for (d = 0; d < s->media.geo.dies; d++)
		if (s->stranded[d].len)
			return true;
	return false;
}

static bool is_stranded(const struct sim *s, u32 die, u32 block)
{
	const struct sim_queue *q = &s->stranded[die];
	u32 i;

	for (i = 0; i < q->len; i++)
		if (q->op[i].block == block)
			return true;
	return false;
}

static void drop_stranded(struct sim *s, u32 die, u32 block)
{
	struct sim_queue *q = &s->stranded[die];
	u32 i, n = 0;

	for (i = 0; i < q->len; i++)
		if (q->op[i].block == block)
			sim_page_put(q->op[i].content);
		else
			q->op[n++] = q->op[i];
	q->len = n;
}

/* Its program fails, or that of a page before it in its append unit has. */
static bool strands(struct sim *s, u32 die, const struct sim_op *op)
{
	u32 none = 0;

	return op->kind == SIM_PROGRAM && !op->fail &&
	       (is_stranded(s, die, op->block) ||
		(op->acked && take_fault(&none, &s->fail_destages)));
}

/* The array is not touched: a page that failed is as good as one never programmed. */
static void strand(struct sim *s, u32 die, struct sim_op *op)
{
	struct place p = { die, op->block, op->page };

	close_au(s, &p, true);
	if (!op->acked) {
		unit_failed(op->cmd, op->index, MEDIA_AU_STATE);
		op_acked(s, op);
		sim_page_put(op->content);
		return;
	}
	sim_queue_push(&s->stranded[die], op);
	if (s->told)
		s->told(s->told_ctx, unit_of(s, &p));
}

static void op_finish_au(struct sim *s, u32 die, const struct sim_op *op, bool ok)
{
	struct place p = { die, op->block, 0 };
	struct sim_au *au = au_at(s, &p);

	if (op->kind != SIM_PROGRAM && s->flags[au_index(s, &p)] & SIM_AU_XOR)
		end_sums(s, op->block);
	if (op->kind == SIM_RETIRE || (op->kind == SIM_ERASE && ok))
		drop_stranded(s, die, op->block);
	if (op->kind == SIM_RETIRE) {
		au_set(s, au, MEDIA_AU_BAD);
	} else if (op->kind == SIM_ERASE && ok) {
		s->flags[au_index(s, &p)] = 0;
		au_set(s, au, MEDIA_AU_FREE);
		au->opened = false;
		au->failed = false;
		au->wp = 0;
	} else if (op->kind == SIM_ERASE) {
		au_set(s, au, MEDIA_AU_SUSPECT);
	}
}

static void sync_check(struct sim *s)
{
	struct sim_list left = { NULL, NULL };
	struct sim_cmd *c;
	u32 d;

	while (s->syncs.head) {
		c = list_take(&s->syncs, 0);
		for (d = 0; d < s->media.geo.dies; d++)
			if (s->queue[d].done < c->mark[d])
				break;
		if (d == s->media.geo.dies) {
			c->cmd.status = any_stranded(s) ? MEDIA_PROGRAM_FAIL : MEDIA_OK;
			end_cmd(s, c);
		} else {
			list_add(&left, c);
		}
	}
	s->syncs = left;
}

static void mix(struct sim *s, u32 die, const struct sim_op *op, s32 by)
{
	if (!sim_sums_mix(s->sums, op->block, op->page, op->content->data, &op->content->tag, by))
		violate(s, "die %u append unit %u page %u: its row had its parity already", die,
			op->block, op->page);
}

static void perform(struct sim *s, u32 die)
{
	static const char *const name[] = { "program", "erase", "retire" };
	struct sim_op op;
	enum media_status status;

	if (s->hook)
		s->hook(s->hook_ctx);
	if (s->gone)
		return;	/* power went here */
	op = queue_pop(&s->queue[die]);
	trace(s, "#%llu %s die %u au %u page %u%s", (unsigned long long)s->ops,
	      name[op.kind], die, op.block, op.page, op.fail ? " FAILS" : "");
	s->ops++;
	if (strands(s, die, &op)) {
		strand(s, die, &op);
		sync_check(s);
		return;
	}
	status = to_status(s, perform_op(s, die, &op));
	if (op.kind == SIM_PROGRAM && !status)
		s->own[page_index(s, &(struct place){ die, op.block, op.page })] = true;
	op_finish_au(s, die, &op, status == MEDIA_OK);
	if (status && op.cmd) {
		unit_failed(op.cmd, op.index, status);
		if (op.added)
			mix(s, die, &op, -1);
	}
	op_acked(s, &op);
	sim_page_put(op.content);
	sync_check(s);
}

/* ---- admission --------------------------------------------------------------- */

static void copy_in(struct sim *s, const struct sim_cmd *c, u32 i, u8 *to)
{
	const struct media_cmd *cmd = &c->cmd;
	u32 off = i * FIO_MEDIA_UNIT;

	if (cmd->io)
		memcpy(to, container_of(cmd->io, struct sim_io, io)->data + cmd->io_off + off,
		       FIO_MEDIA_UNIT);
	else if (cmd->buf)
		memcpy(to, (u8 *)cmd->buf->va + cmd->buf_off + off, FIO_MEDIA_UNIT);
}

static u32 tag_crc(const void *data, const struct fio_tag *tag)
{
	u32 crc = ftl_crc32c(0, data, FIO_MEDIA_UNIT);

	return ftl_crc32c(crc, tag, offsetof(struct fio_tag, crc));
}

static struct sim_page *make_page(struct sim *s, const struct sim_cmd *c, u32 i,
				  const struct place *at)
{
	struct sim_page *p = malloc(sizeof(*p));	/* all of it is set here */

	if (!p)
		abort();
	p->refs = 1;
	p->tag = c->cmd.tag[i];
	if (c->cmd.flags & MEDIA_F_PARITY)
		sim_sums_get(s->sums, at->block, at->page, p->data, &p->tag, false);
	else
		copy_in(s, c, i, p->data);
	p->tag.crc = cpu_to_le32(tag_crc(p->data, &p->tag));
	return p;
}

/* May this append unit take one more page? */
static bool append_allowed(struct sim *s, const struct place *p)
{
	struct sim_au *au = au_at(s, p);

	if (au->failed)
		return false;	/* it closed by itself: nobody's fault */
	if (au->state != MEDIA_AU_FREE && au->state != MEDIA_AU_OPEN) {
		violate(s, "append to %s append unit %u of die %u", au_name(au->state),
			p->block, p->die);
		return false;
	}
	if (!(au->opened && au->state == MEDIA_AU_OPEN) && s->open >= s->media.geo.max_open) {
		violate(s, "append opens append unit %u of die %u: %u are open already",
			p->block, p->die, s->open);
		return false;
	}
	return true;
}

/* May this append unit take a unit that is added, or is not, or is a sum? */
static bool sums_allow(struct sim *s, const struct place *p, u8 flags)
{
	bool adds = flags & MEDIA_F_XOR;
	bool open = sim_sums_open(s->sums, p->block);

	if (flags & MEDIA_F_PARITY && !open)
		return false;
	if (au_at(s, p)->wp && (adds != !!(s->flags[au_index(s, p)] & SIM_AU_XOR) ||
				(adds && !open))) {
		violate(s, "append to append unit %u of die %u: some units are added, some not",
			p->block, p->die);
		return false;
	}
	if (adds && !sim_sums_begin(s->sums, p->block)) {
		violate(s, "append to append unit %u of die %u: too many stripes have sums",
			p->block, p->die);
		return false;
	}
	return true;
}

static void add_unit(struct sim *s, const struct place *p, struct sim_op *op)
{
	static const u8 zero[sizeof(op->content->tag.reserved)];

	/* those bytes of a sum hold something else */
	if (memcmp(op->content->tag.reserved, zero, sizeof(zero)))
		violate(s, "die %u append unit %u page %u: reserved bytes of its tag are lost in the sum",
			p->die, p->block, p->page);
	s->flags[au_index(s, p)] |= SIM_AU_XOR;
	op->added = !op->fail;
	if (op->added)
		mix(s, p->die, op, 1);
}

static void append_unit(struct sim *s, struct sim_cmd *c, u32 i)
{
	struct sim_op op = { .kind = SIM_PROGRAM, .index = i, .cmd = c, .owner = c };
	struct place p;
	struct sim_au *au;

	locate(s, c->cmd.unit[i], &p);
	au = au_at(s, &p);
	if (nand_die_is_offline(s->nand, p.die)) {
		unit_failed(c, i, MEDIA_DIE_OFFLINE);
		return;
	}
	if (!append_allowed(s, &p) || !sums_allow(s, &p, c->cmd.flags)) {
		unit_failed(c, i, MEDIA_AU_STATE);
		return;
	}
	p.page = au->wp++;
	au_set(s, au, MEDIA_AU_OPEN);
	if (au->wp == s->media.geo.pages)
		au_set(s, au, MEDIA_AU_CLOSED);
	au->appends++;
	op.block = p.block;
	op.page = p.page;
	op.fail = take_fault(&s->skip_faults, &s->fail_programs);
	if (op.fail)
		close_au(s, &p, true);
	else
		c->cmd.unit[i] = unit_of(s, &p);
	op.content = make_page(s, c, i, &p);
	if (c->cmd.flags & MEDIA_F_XOR)
		add_unit(s, &p, &op);
	c->waits++;
	sim_queue_push(&s->queue[p.die], &op);
	trace(s, "  unit %u: die %u au %u page %u type %u lba %llu seq %llx", i, p.die,
	      p.block, p.page, op.content->tag.type,
	      (unsigned long long)le64_to_cpu(op.content->tag.lba),
	      (unsigned long long)le64_to_cpu(op.content->tag.seq));
}

/* Units in the buffer are as good as written, unless durability was asked for. */
static void ack_buffered(struct sim *s, struct sim_cmd *c)
{
	u32 d, i;

	if (c->cmd.flags & MEDIA_F_FUA)
		return;
	for (d = 0; d < s->media.geo.dies; d++)
		for (i = 0; i < s->queue[d].len; i++) {
			struct sim_op *op = &s->queue[d].op[i];

			if (op->cmd == c && !op->fail)
				op_acked(s, op);
		}
}

static void admit_append(struct sim *s, struct sim_cmd *c)
{
	u32 i;

	c->waits = 1;	/* not before all units are in */
	for (i = 0; i < c->cmd.n; i++)
		append_unit(s, c, i);
	c->state = CMD_ADMITTED;
	/* They enter the buffer one by one, and a cut may come between two of them. */
	if (s->hook && c->cmd.n > 1 && c->cmd.tag[0].group)
		s->hook(s->hook_ctx);
	ack_buffered(s, c);
	if (!--c->waits)
		end_cmd(s, c);
}

/* The newest queued program of that page, if any. */
static const struct sim_page *buffered(const struct sim *s, const struct place *p)
{
	const struct sim_queue *q = &s->queue[p->die];
	u32 i;

	for (i = q->len; i--;)
		if (q->op[i].kind == SIM_PROGRAM && q->op[i].block == p->block &&
		    q->op[i].page == p->page)
			return q->op[i].content;
	for (q = &s->stranded[p->die], i = q->len; i--;)
		if (q->op[i].block == p->block && q->op[i].page == p->page)
			return q->op[i].content;
	return NULL;
}

/*
 * Pages whose tag CRC has been found right before, by the hash of all they hold:
 * the crash runner reads the same few contents millions of times.
 */
static __thread u64 sound[1 << 12];

/* @data may be NULL: nobody wants it. */
static bool crc_wrong(struct sim *s, const struct place *p, u64 hash, const u8 *data,
		      const struct fio_tag *tag)
{
	u64 *known = &sound[hash % ARRAY_SIZE(sound)];
	u8 fetched[FIO_MEDIA_UNIT];

	if (hash && *known == hash)
		return false;
	if (!data && nand_peek(s->nand, p->die, p->block, p->page, fetched, NULL) != NAND_OK)
		return true;
	if (le32_to_cpu(tag->crc) != tag_crc(data ? data : fetched, tag))
		return true;
	*known = hash;
	return false;
}

static enum media_status read_flash(struct sim *s, const struct place *p, u32 retry,
				    u8 *data, struct fio_tag *tag, u32 *corrected)
{
	bool own = s->own[page_index(s, p)] &&
		   nand_page_is_true(s->nand, p->die, p->block, p->page);
	u64 hash = own ? 0 : nand_page_hash(s->nand, p->die, p->block, p->page);
	u8 unwanted[FIO_MEDIA_UNIT];
	u32 flips = 0;
	enum media_status status;

	if (!hash && !own && !data)
		data = unwanted;	/* what this read gives, another may not */
	status = to_status(s, nand_read(s->nand, p->die, p->block, p->page, data, tag, retry,
					&flips));
	*corrected += flips;
	if (!status && !own && crc_wrong(s, p, hash, data, tag))
		return MEDIA_CRC;
	return status;
}

static void copy_page(u8 *data, struct fio_tag *tag, const struct sim_page *page)
{
	if (data)
		memcpy(data, page->data, FIO_MEDIA_UNIT);
	*tag = page->tag;
}

/* @data: NULL: only the tag is wanted */
static enum media_status read_page(struct sim *s, struct sim_cmd *c, u32 i, u8 *data,
				   struct fio_tag *tag)
{
	const struct sim_page *page;
	struct place p;

	if (c->cmd.unit[i] == FIO_UNIT_NONE) {
		if (data)
			memset(data, 0, FIO_MEDIA_UNIT);
		memset(tag, 0, sizeof(*tag));
		return MEDIA_OK;
	}
	locate(s, c->cmd.unit[i], &p);
	if (c->cmd.flags & MEDIA_F_PARITY) {
		memset(tag, 0, sizeof(*tag));
		return sim_sums_get(s->sums, p.block, p.page, data, tag, true) ? MEDIA_OK :
									       MEDIA_ERASED;
	}
	page = buffered(s, &p);
	if (!page)
		return read_flash(s, &p, c->cmd.retry, data, tag, &c->cmd.corrected);
	copy_page(data, tag, page);
	return MEDIA_OK;
}

/* Where the data of a command is to go, or NULL: it wants none. */
static u8 *destination(const struct media_cmd *cmd)
{
	if (cmd->io)
		return container_of(cmd->io, struct sim_io, io)->data + cmd->io_off;
	return cmd->buf ? (u8 *)cmd->buf->va + cmd->buf_off : NULL;
}

/* The part of unit @i that lies within skip and len. */
static void copy_out(const struct media_cmd *cmd, u32 i, const u8 *data, u8 *dst)
{
	u32 from = max(i * FIO_MEDIA_UNIT, cmd->skip);
	u32 to = min((i + 1) * FIO_MEDIA_UNIT, cmd->skip + cmd->len);

	if (from < to)
		memcpy(dst + (from - cmd->skip), data + from % FIO_MEDIA_UNIT, to - from);
}

static void admit_read(struct sim *s, struct sim_cmd *c)
{
	u8 page[FIO_MEDIA_UNIT], *dst = destination(&c->cmd);
	enum media_status status;
	u32 i;

	for (i = 0; i < c->cmd.n; i++) {
		status = read_page(s, c, i, dst ? page : NULL, &c->cmd.tag[i]);
		if (status)
			unit_failed(c, i, status);
		else if (dst)
			copy_out(&c->cmd, i, page, dst);
	}
	end_cmd(s, c);
}

static bool reset_allowed(struct sim *s, const struct place *p)
{
	struct sim_au *au = au_at(s, p);

	if (au->state == MEDIA_AU_BAD) {
		violate(s, "reset of bad append unit %u of die %u", p->block, p->die);
		return false;
	}
	if (au->appends) {
		violate(s, "reset of append unit %u of die %u with %u appends outstanding",
			p->block, p->die, au->appends);
		return false;
	}
	return true;
}

/* RESET and RETIRE: one operation per append unit. */
static void admit_au_op(struct sim *s, struct sim_cmd *c, enum sim_op_kind kind)
{
	struct sim_op op = { .kind = kind, .cmd = c };
	struct place p;
	u32 i;

	c->waits = 1;
	for (i = 0; i < c->cmd.n; i++) {
		locate(s, c->cmd.unit[i], &p);
		if (kind == SIM_ERASE && !reset_allowed(s, &p)) {
			unit_failed(c, i, MEDIA_AU_STATE);
			continue;
		}
		au_set(s, au_at(s, &p), MEDIA_AU_CLOSED);
		op.index = i;
		op.block = p.block;
		op.fail = kind == SIM_ERASE && take_fault(&s->skip_faults, &s->fail_erases);
		c->waits++;
		sim_queue_push(&s->queue[p.die], &op);
	}
	c->state = CMD_ADMITTED;
	if (!--c->waits)
		end_cmd(s, c);
}

/* Takes effect at once and for good: the card keeps such things itself. */
static void admit_finish(struct sim *s, struct sim_cmd *c)
{
	struct place p;
	u32 i;

	for (i = 0; i < c->cmd.n; i++) {
		locate(s, c->cmd.unit[i], &p);
		if (c->cmd.flags & MEDIA_F_XOR)
			end_sums(s, p.block);
		switch (au_at(s, &p)->state) {
		case MEDIA_AU_FREE:
		case MEDIA_AU_OPEN:
			close_au(s, &p, false);
			break;
		case MEDIA_AU_SUSPECT:
			unit_failed(c, i, MEDIA_AU_STATE);
			break;
		default:
			break;
		}
	}
	end_cmd(s, c);
}

static void admit_report(struct sim *s, struct sim_cmd *c)
{
	struct nand_block_info info;
	struct place p;
	u32 i;

	for (i = 0; i < c->cmd.n; i++) {
		struct sim_au *au;

		locate(s, c->cmd.unit[i], &p);
		au = au_at(s, &p);
		nand_block_info(s->nand, p.die, p.block, &info);
		c->cmd.au[i] = (struct media_au){
			.state = au->state,
			.wp_unknown = au->state == MEDIA_AU_SUSPECT,
			/* unknown: an upper bound */
			.write_ptr = au->state == MEDIA_AU_SUSPECT ? s->media.geo.pages : au->wp,
			.erase_count = info.erase_count,
			.read_count = info.read_count,
		};
		if (nand_die_is_offline(s->nand, p.die))
			c->cmd.au[i] = (struct media_au){ .state = MEDIA_AU_OFFLINE };
	}
	end_cmd(s, c);
}

static void admit_sync(struct sim *s, struct sim_cmd *c)
{
	u32 d;

	for (d = 0; d < s->media.geo.dies; d++)
		c->mark[d] = s->queue[d].done + s->queue[d].len;
	list_add(&s->syncs, c);
	sync_check(s);
}

static void admit(struct sim *s, struct sim_cmd *c)
{
	c->state = CMD_ADMITTED;
	trace(s, "%s of %u%s, first unit %u", op_name(c->cmd.op), c->cmd.n,
	      c->cmd.flags & MEDIA_F_FUA ? " FUA" : "", c->cmd.n ? c->cmd.unit[0] : 0);
	switch (c->cmd.op) {
	case MEDIA_APPEND:
		admit_append(s, c);
		break;
	case MEDIA_READ:
		admit_read(s, c);
		break;
	case MEDIA_RESET:
		admit_au_op(s, c, SIM_ERASE);
		break;
	case MEDIA_RETIRE:
		admit_au_op(s, c, SIM_RETIRE);
		break;
	case MEDIA_REPORT:
		admit_report(s, c);
		break;
	case MEDIA_FINISH:
		admit_finish(s, c);
		break;
	default:
		admit_sync(s, c);
	}
}

/* ---- steps --------------------------------------------------------------------- */

/* Is there room in the buffer? One command may overfill it. */
static bool admissible(struct sim *s, const struct sim_cmd *c)
{
	struct place p;
	u32 i;

	if (c->cmd.op != MEDIA_APPEND)
		return true;
	for (i = 0; i < c->cmd.n; i++) {
		locate(s, c->cmd.unit[i], &p);
		if (s->queue[p.die].len >= s->cfg.buffer_units)
			return false;
	}
	return true;
}

static bool step_deliver(struct sim *s, bool random)
{
	if (!s->ended.head)
		return false;
	deliver(s, random ? draw(s, list_len(&s->ended)) : 0);
	return true;
}

static bool step_admit(struct sim *s, bool random)
{
	u32 queues = s->media.geo.queues;
	u32 first = random ? draw(s, queues) : 0;
	u32 i;

	for (i = 0; i < queues; i++) {
		struct sim_list *l = &s->submitted[(first + i) % queues];

		if (!l->head || !admissible(s, l->head))
			continue;
		admit(s, list_take(l, 0));
		return true;
	}
	return false;
}

static bool step_perform(struct sim *s, bool random)
{
	u32 dies = s->media.geo.dies;
	u32 first = random ? draw(s, dies) : s->turn;
	u32 i;

	for (i = 0; i < dies; i++) {
		u32 die = (first + i) % dies;

		if (!s->queue[die].len)
			continue;
		s->turn = (die + 1) % dies;
		perform(s, die);
		return true;
	}
	return false;
}

static bool step_random(struct sim *s)
{
	static bool (*const step[])(struct sim *s, bool random) = {
		step_deliver, step_admit, step_perform,
	};
	u32 first = draw(s, 3);
	u32 i;

	for (i = 0; i < 3; i++)
		if (step[(first + i) % 3](s, true))
			return true;
	return false;
}

bool sim_step(struct sim *s)
{
	switch (s->cfg.policy) {
	case SIM_EAGER:
		return step_perform(s, false) || step_admit(s, false) || step_deliver(s, false);
	case SIM_RANDOM:
		return step_random(s);
	default:
		return step_deliver(s, false) || step_admit(s, false) || step_perform(s, false);
	}
}

/* ---- media_ops ------------------------------------------------------------------ */

static struct sim_cmd *to_cmd(struct media_cmd *cmd)
{
	return container_of(cmd, struct sim_cmd, cmd);
}

static struct sim_cmd *find_idle(struct sim *s, u32 first, u32 count)
{
	u32 i;

	for (i = first; i < first + count; i++)
		if (s->cmds[i].state == CMD_IDLE)
			return &s->cmds[i];
	return NULL;
}

/* Left over from the last use would be luck: poison the arrays. */
static void cmd_reset(struct sim *s, struct sim_cmd *c, u32 queue)
{
	struct media_cmd *cmd = &c->cmd;
	u32 n = s->media.geo.max_units;

	*cmd = (struct media_cmd){
		.queue = queue, .unit = cmd->unit, .tag = cmd->tag, .au = cmd->au,
	};
	memset(cmd->unit, 0xa5, n * sizeof(*cmd->unit));
	memset(cmd->tag, 0, n * sizeof(*cmd->tag));
	memset(cmd->au, 0xa5, n * sizeof(*cmd->au));
	c->state = CMD_GOT;
	c->waits = 0;
	s->busy++;
}

static struct media_cmd *sim_get(struct media *m, u32 queue, bool internal)
{
	struct sim *s = to_sim(m);
	struct sim_cmd *c;

	if (queue >= m->geo.queues) {
		violate(s, "command got for queue %u of %u", queue, m->geo.queues);
		return NULL;
	}
	c = find_idle(s, queue * s->cfg.host_cmds, s->cfg.host_cmds);
	if (!c && internal)
		c = find_idle(s, m->geo.queues * s->cfg.host_cmds, s->cfg.internal_cmds);
	if (!c)
		return NULL;
	cmd_reset(s, c, queue);
	return &c->cmd;
}

static void sim_put(struct media *m, struct media_cmd *cmd)
{
	struct sim *s = to_sim(m);
	struct sim_cmd *c = to_cmd(cmd);

	if (c->state != CMD_GOT)
		violate(s, "a command that is %s is put back",
			c->state == CMD_IDLE ? "free" : "under way");
	c->state = CMD_IDLE;
	s->busy--;
}

static bool units_valid(struct sim *s, const struct media_cmd *cmd)
{
	struct place p;
	u32 i;

	for (i = 0; i < cmd->n; i++) {
		if (cmd->op == MEDIA_READ && cmd->unit[i] == FIO_UNIT_NONE)
			continue;
		if (!locate(s, cmd->unit[i], &p)) {
			violate(s, "%s names unit %u: outside the geometry",
				op_name(cmd->op), cmd->unit[i]);
			return false;
		}
	}
	return true;
}

static bool data_valid(struct sim *s, const struct media_cmd *cmd)
{
	u32 bytes = cmd->n * FIO_MEDIA_UNIT;
	bool data = cmd->io || cmd->buf;
	bool bad = cmd->io && cmd->buf;

	if (cmd->op == MEDIA_APPEND && cmd->flags & MEDIA_F_PARITY)
		bad |= data || cmd->len || cmd->flags & MEDIA_F_XOR;
	else if (cmd->op == MEDIA_APPEND)
		bad |= !data || cmd->skip || cmd->len != bytes;
	else if (cmd->op == MEDIA_READ && data)
		bad |= cmd->skip >= bytes || !cmd->len || cmd->len > bytes - cmd->skip;
	if (data && cmd->buf)
		bad |= (u64)cmd->buf_off + cmd->len > (u64)cmd->buf->units * FIO_MEDIA_UNIT;
	if (bad)
		violate(s, "%s of %u units with skip %u len %u: not what the buffer allows",
			op_name(cmd->op), cmd->n, cmd->skip, cmd->len);
	return !bad;
}

static bool cmd_valid(struct sim *s, const struct sim_cmd *c)
{
	const struct media_cmd *cmd = &c->cmd;
	u32 least = cmd->op == MEDIA_SYNC ? 0 : 1;
	u32 most = cmd->op == MEDIA_SYNC ? 0 : s->media.geo.max_units;

	if (cmd->op > MEDIA_FINISH || cmd->n < least || cmd->n > most || !cmd->done) {
		violate(s, "malformed command: op %u, %u units", cmd->op, cmd->n);
		return false;
	}
	return units_valid(s, cmd) &&
	       ((cmd->op != MEDIA_APPEND && cmd->op != MEDIA_READ) || data_valid(s, cmd));
}

static void refuse(struct sim *s, struct sim_cmd *c, enum media_status status)
{
	c->cmd.failed = c->cmd.n ? ~0ULL >> (64 - c->cmd.n) : 0;
	c->cmd.status = status;
	end_cmd(s, c);
}

static void do_now(struct sim *s, struct sim_cmd *c)
{
	u32 die;

	admit(s, c);
	for (die = 0; die < s->media.geo.dies; die++)
		while (s->queue[die].len)
			perform(s, die);
}

static void sim_submit(struct media *m, struct media_cmd *cmd)
{
	struct sim *s = to_sim(m);
	struct sim_cmd *c = to_cmd(cmd);

	if (c->state != CMD_GOT) {
		violate(s, "a command is submitted twice");
		return;
	}
	cmd->status = MEDIA_OK;
	cmd->failed = 0;
	cmd->corrected = 0;
	c->state = CMD_SUBMITTED;
	if (s->gone)
		refuse(s, c, MEDIA_GONE);
	else if (!cmd_valid(s, c))
		refuse(s, c, MEDIA_INVALID);
	else if (s->cfg.policy == SIM_IMMEDIATE)
		do_now(s, c);
	else
		list_add(&s->submitted[cmd->queue], c);
}

static void sim_commit(struct media *m, u32 queue)
{
	struct sim *s = to_sim(m);

	if (queue >= m->geo.queues)
		violate(s, "commit of queue %u of %u", queue, m->geo.queues);
}

static void sim_io_copy(struct media *m, struct ftl_io *io, u32 io_off, void *va,
			u32 len, bool to_io)
{
	u8 *data = container_of(io, struct sim_io, io)->data + io_off;

	if (to_io)
		memcpy(data, va, len);
	else
		memcpy(va, data, len);
}

static void sim_io_zero(struct media *m, struct ftl_io *io, u32 io_off, u32 len)
{
	memset(container_of(io, struct sim_io, io)->data + io_off, 0, len);
}

static int sim_buf_alloc(struct media *m, u32 units, struct media_buf *buf)
{
	/* not cleared: memory for DMA holds anything */
	buf->va = malloc((size_t)units * FIO_MEDIA_UNIT);
	if (!buf->va)
		return -ENOMEM;
	buf->dma = 0;
	buf->units = units;
	return 0;
}

static void sim_buf_free(struct media *m, struct media_buf *buf)
{
	free(buf->va);
	buf->va = NULL;
}

static const struct media_ops sim_ops_table = {
	.get = sim_get,
	.put = sim_put,
	.submit = sim_submit,
	.commit = sim_commit,
	.io_copy = sim_io_copy,
	.io_zero = sim_io_zero,
	.buf_alloc = sim_buf_alloc,
	.buf_free = sim_buf_free,
};

/* ---- life ------------------------------------------------------------------------- */

static void fill_defaults(struct sim_config *cfg)
{
	cfg->max_units = cfg->max_units ? cfg->max_units : FTL_MAX_UNITS;
	cfg->write_units = cfg->write_units ? cfg->write_units : 1;
	cfg->max_open = cfg->max_open ? cfg->max_open : cfg->dies * cfg->aus;
	cfg->queues = cfg->queues ? cfg->queues : 1;
	cfg->host_cmds = cfg->host_cmds ? cfg->host_cmds : 64;
	cfg->internal_cmds = cfg->internal_cmds ? cfg->internal_cmds : 16;
	cfg->buffer_units = cfg->buffer_units ? cfg->buffer_units : 4;
	cfg->endurance = cfg->endurance ? cfg->endurance : 1000000;
}

static void make_cmds(struct sim *s)
{
	u32 n = s->cfg.max_units;
	u32 i;

	s->nr_cmds = s->cfg.queues * s->cfg.host_cmds + s->cfg.internal_cmds;
	s->cmds = sim_alloc(s->nr_cmds * sizeof(*s->cmds));
	for (i = 0; i < s->nr_cmds; i++) {
		s->cmds[i].cmd.unit = sim_alloc(n * sizeof(u32));
		s->cmds[i].cmd.tag = sim_alloc(n * sizeof(struct fio_tag));
		s->cmds[i].cmd.au = sim_alloc(n * sizeof(struct media_au));
		s->cmds[i].mark = sim_alloc(s->cfg.dies * sizeof(u64));
	}
}

/* Takes over @nand. */
struct sim *sim_new(const struct sim_config *cfg, struct nand *nand)
{
	struct sim *s = sim_alloc(sizeof(*s));

	s->cfg = *cfg;
	fill_defaults(&s->cfg);
	s->nand = nand;
	s->rng = s->cfg.seed * 0x9e3779b97f4a7c15ULL + 0x853c49e6748fea9bULL;
	s->media.ops = &sim_ops_table;
	s->media.durable = !s->cfg.volatile_buffer;
	s->media.geo = (struct media_geometry){
		.dies = cfg->dies, .aus = cfg->aus, .pages = cfg->pages,
		.write_units = s->cfg.write_units, .max_units = s->cfg.max_units,
		.max_open = s->cfg.max_open, .read_retries = s->cfg.read_retries,
		.queues = s->cfg.queues, .xor_groups = s->cfg.xor_groups,
		.endurance = s->cfg.endurance,
	};
	s->sums = sim_sums_new(cfg->xor_groups, cfg->pages);
	s->au = sim_alloc((size_t)cfg->dies * cfg->aus * sizeof(*s->au));
	s->flags = sim_alloc((size_t)cfg->dies * cfg->aus);
	s->own = sim_alloc((size_t)cfg->dies * cfg->aus * cfg->pages);
	s->queue = sim_alloc(cfg->dies * sizeof(*s->queue));
	s->stranded = sim_alloc(cfg->dies * sizeof(*s->stranded));
	s->submitted = sim_alloc(s->cfg.queues * sizeof(*s->submitted));
	make_cmds(s);
	return s;
}

/* What a card with good capacitors still has: what flash holds for good. */
static void load_sums(struct sim *s, struct place p)
{
	u8 *flags = &s->flags[au_index(s, &p)];
	u8 data[FIO_MEDIA_UNIT];
	struct fio_tag tag;

	if (!au_at(s, &p)->wp || !s->media.durable)
		*flags &= ~SIM_AU_XOR;
	if (!(*flags & SIM_AU_XOR))
		return;
	sim_sums_begin(s->sums, p.block);
	for (p.page = 0; p.page < s->media.geo.pages; p.page++)
		if (nand_peek(s->nand, p.die, p.block, p.page, data, &tag) == NAND_OK)
			sim_sums_mix(s->sums, p.block, p.page, data, &tag, 1);
}

static void load_aus(struct sim *s)
{
	u32 d, b;

	for (d = 0; d < s->cfg.dies; d++)
		for (b = 0; b < s->cfg.aus; b++) {
			au_load(s, d, b);
			load_sums(s, (struct place){ d, b, 0 });
		}
}

void sim_load(struct sim *s, const struct sim_image *img)
{
	memcpy(s->flags, img->au, (size_t)img->dies * img->aus);
	s->fail_programs = img->fail_programs;
	s->fail_erases = img->fail_erases;
	load_aus(s);
}

struct sim *sim_over_used(const struct sim_config *cfg, struct nand *nand, const u8 *au)
{
	struct sim *s = sim_new(cfg, nand);

	if (au)
		memcpy(s->flags, au, (size_t)cfg->dies * cfg->aus);
	load_aus(s);
	return s;
}

struct sim *sim_over(const struct sim_config *cfg, struct nand *nand)
{
	return sim_over_used(cfg, nand, NULL);
}

u8 sim_au_flags(const struct sim *s, u32 die, u32 au)
{
	return s->flags[die * s->cfg.aus + au];
}

struct sim *sim_create(const struct sim_config *cfg)
{
	struct nand_geometry geo = {
		.dies = cfg->dies, .blocks = cfg->aus, .pages = cfg->pages,
		.page_bytes = FIO_MEDIA_UNIT, .oob_bytes = FIO_MEDIA_TAG,
		.endurance = cfg->endurance ? cfg->endurance : 1000000,
	};
	struct nand *nand = nand_create_mem(&geo);

	if (!nand) {
		perror("sim_create");
		abort();
	}
	return sim_over(cfg, nand);
}

static void free_queue(struct sim_queue *q)
{
	u32 i;

	for (i = 0; i < q->len; i++)
		sim_page_put(q->op[i].content);
	free(q->op);
}

void sim_destroy(struct sim *s)
{
	u32 i;

	if (!s)
		return;
	for (i = 0; i < s->nr_cmds; i++) {
		free(s->cmds[i].cmd.unit);
		free(s->cmds[i].cmd.tag);
		free(s->cmds[i].cmd.au);
		free(s->cmds[i].mark);
	}
	for (i = 0; i < s->cfg.dies; i++) {
		free_queue(&s->queue[i]);
		free_queue(&s->stranded[i]);
	}
	free(s->stranded);
	sim_sums_free(s->sums);
	free(s->cmds);
	free(s->queue);
	free(s->submitted);
	free(s->au);
	free(s->flags);
	free(s->own);
	nand_close(s->nand);
	free(s);
}

struct media *sim_media(struct sim *s)
{
	return &s->media;
}

struct nand *sim_nand(struct sim *s)
{
	return s->nand;
}

void sim_set_durable(struct sim *s, bool durable)
{
	ftl_store(&s->media.durable, (u32)durable);
}

void sim_set_die_offline(struct sim *s, u32 die, bool offline)
{
	while (offline && s->queue[die].len)
		perform(s, die);
	nand_set_die_offline(s->nand, die, offline);
}

void sim_set_gone(struct sim *s)
{
	u32 i;

	s->gone = true;
	for (i = 0; i < s->nr_cmds; i++) {
		struct sim_cmd *c = &s->cmds[i];

		if (c->state == CMD_SUBMITTED || c->state == CMD_ADMITTED)
			refuse(s, c, MEDIA_GONE);
	}
	memset(s->submitted, 0, s->cfg.queues * sizeof(*s->submitted));
	s->syncs = (struct sim_list){ NULL, NULL };
	for (i = 0; i < s->cfg.dies; i++) {
		free_queue(&s->queue[i]);
		s->queue[i] = (struct sim_queue){ .done = s->queue[i].done };
	}
}

void sim_fail_programs(struct sim *s, u32 count)
{
	s->fail_programs = count;
}

void sim_fail_erases(struct sim *s, u32 count)
{
	s->fail_erases = count;
}

void sim_skip_faults(struct sim *s, u32 skip)
{
	s->skip_faults = skip;
}

bool sim_faults_armed(const struct sim *s)
{
	return s->fail_programs || s->fail_erases;
}

void sim_fail_destages(struct sim *s, u32 count, void (*told)(void *ctx, u32 unit),
		       void *ctx)
{
	s->fail_destages = count;
	s->told = told;
	s->told_ctx = ctx;
}

void sim_set_hook(struct sim *s, void (*hook)(void *ctx), void *ctx)
{
	s->hook = hook;
	s->hook_ctx = ctx;
}

u64 sim_ops(const struct sim *s)
{
	return s->ops;
}

const char *sim_violation(const struct sim *s)
{
	return s->violation[0] ? s->violation : NULL;
}

u32 sim_cmds_busy(const struct sim *s)
{
	return s->busy;
}

void sim_trace(struct sim *s, bool on)
{
	s->trace = on;
}

/* Lends what an image is made of. */
void sim_view(const struct sim *s, struct sim_image *img)
{
	*img = (struct sim_image){
		.nand = s->nand, .dies = s->cfg.dies, .aus = s->cfg.aus,
		.au = s->flags, .queue = s->queue,
		.fail_programs = s->fail_programs, .fail_erases = s->fail_erases,
		.keeps_open = s->cfg.keeps_open,
	};
}
