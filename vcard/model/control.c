// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control commands: faults, environment and statistics by name.
 *
 * Owns: the grammar ("name word key=value,key=value"), the table of commands, the
 * JSON answers. Does not know: sockets. Does nothing itself: each command sets
 * what another file acts on.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "vcard/model/card.h"

#define MAX_ARGS	8

struct arg {
	const char *key;	/* NULL: a bare word */
	const char *val;
};

struct call {
	struct vcard *c;
	struct arg args[MAX_ARGS];
	u32 nr;
	char *out;
	size_t len, used;
	bool failed;
};

struct control {
	const char *name;
	const char *args;
	const char *help;
	int (*fn)(struct call *x);
};

static void __printf(2, 3) say(struct call *x, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(x->out + x->used, x->len - x->used, fmt, ap);
	va_end(ap);
	x->used = min(x->used + (size_t)max(n, 0), x->len - 1);
}

/* An error: @text must need no escaping in JSON. */
static int __printf(2, 3) fail(struct call *x, const char *fmt, ...)
{
	char text[200];
	va_list ap;
	char *p;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (p = text; *p; p++)
		if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
			*p = '?';
	x->used = 0;
	say(x, "{\"ok\":false,\"error\":\"%s\"}", text);
	x->failed = true;
	return -EINVAL;
}

static int done(struct call *x)
{
	say(x, "{\"ok\":true}");
	return 0;
}

static const char *find(const struct call *x, const char *key)
{
	u32 i;

	for (i = 0; i < x->nr; i++)
		if (x->args[i].key && !strcmp(x->args[i].key, key))
			return x->args[i].val;
	return NULL;
}

static const char *word(const struct call *x, u32 nth)
{
	u32 i;

	for (i = 0; i < x->nr; i++)
		if (!x->args[i].key && !nth--)
			return x->args[i].val;
	return NULL;
}

static bool parse(const char *text, s64 *val)
{
	char *end;

	errno = 0;
	*val = strtoll(text, &end, 0);
	return *text && !*end && !errno;
}

/* Return: the value of @key, @otherwise when absent; flags the call when bad. */
static s64 number(struct call *x, const char *key, s64 otherwise, s64 lo, s64 hi)
{
	const char *text = find(x, key);
	s64 val = otherwise;

	if (text && (!parse(text, &val) || val < lo || val > hi))
		fail(x, "%s=%s: give a number from %lld to %lld", key, text, (long long)lo,
		     (long long)hi);
	return val;
}

static s64 word_number(struct call *x, const char *what, s64 lo, s64 hi)
{
	const char *text = word(x, 0);
	s64 val = 0;

	if (!text || !parse(text, &val) || val < lo || val > hi)
		fail(x, "give %s, from %lld to %lld", what, (long long)lo, (long long)hi);
	return val;
}

/* ---- statistics ---- */

static void say_ops(struct call *x)
{
	const struct vcard_stats *s = &x->c->stats;
	const char *sep = "";
	u32 op;

	say(x, "\"commands\":{");
	for (op = 0; op < ARRAY_SIZE(s->commands); op++) {
		const struct vcard_op *row = op_find((u8)op);

		if (!row)
			continue;
		say(x, "%s\"%s\":{\"commands\":%llu,\"units\":%llu}", sep, row->name,
		    (unsigned long long)s->commands[op], (unsigned long long)s->units[op]);
		sep = ",";
	}
	say(x, "},");
}

static void say_u64(struct call *x, const char *name, u64 val)
{
	say(x, "\"%s\":%llu,", name, (unsigned long long)val);
}

static void say_card(struct call *x)
{
	const struct vcard_stats *s = &x->c->stats;
	const struct vcard *c = x->c;

	say_u64(x, "unit_errors", s->unit_errors);
	say_u64(x, "refused", s->refused);
	say_u64(x, "swallowed", s->swallowed);
	say_u64(x, "irqs", s->irqs);
	say_u64(x, "irqs_lost", s->irqs_lost);
	say_u64(x, "mailbox", s->mbox);
	say_u64(x, "mailbox_errors", s->mbox_errors);
	say_u64(x, "resets", s->resets);
	say_u64(x, "destaged", s->destaged);
	say_u64(x, "buffer_reads", s->buffer_reads);
	say_u64(x, "crc_errors", s->crc_errors);
	say_u64(x, "buffered", c->buf.nr_queued);
	say_u64(x, "stranded", c->buf.nr_stranded);
	say_u64(x, "outstanding", c->nr_pending);
	say_u64(x, "open_aus", c->open_aus);
	say_u64(x, "events", c->ev.next);
	say_u64(x, "fatal", reg_get(&c->regs.fatal));
	say_u64(x, "plp", c->plp);
}

static void say_life(struct call *x)
{
	struct vcard_life life;

	vcard_life(x->c, &life);
	say_u64(x, "bytes_written", life.bytes_written);
	say_u64(x, "bytes_read", life.bytes_read);
	say_u64(x, "corrected_bits", life.corrected_bits);
	say_u64(x, "uncorrectable", life.uncorrectable);
	say_u64(x, "program_fails", life.program_fails);
	say_u64(x, "erase_fails", life.erase_fails);
	say_u64(x, "violations", life.violations);
	say_u64(x, "power_cycles", x->c->persist->power_cycles);
	say_u64(x, "unsafe_shutdowns", x->c->persist->unsafe_shutdowns);
}

static int do_stats(struct call *x)
{
	const struct nand_geometry *g = x->c->geo;

	say(x, "{\"ok\":true,\"serial\":\"%s\",", x->c->persist->serial);
	say_u64(x, "user_bytes", x->c->persist->user_bytes);
	say_ops(x);
	say_card(x);
	say_life(x);
	say(x, "\"geometry\":{\"dies\":%u,\"aus\":%u,\"pages\":%u},", g->dies, g->blocks, g->pages);
	say(x, "\"temperature_mc\":%lld}", (long long)x->c->tele.temp.now);
	return 0;
}

/* ---- power and environment ---- */

static int do_power_cut(struct call *x)
{
	s64 seed = number(x, "seed", 0, 0, INT64_MAX);
	s64 after = number(x, "after", 0, 0, INT64_MAX);

	if (x->failed)
		return -EINVAL;
	done(x);
	if (!after) {
		power_cut(x->c, (u64)seed, -1);
		return 0;
	}
	x->c->fault.cut_seed = (u64)seed;
	x->c->fault.cut_after = (u64)after;
	return 0;
}

static int do_plp(struct call *x)
{
	static const char *const states[] = {
		[FIO_PLP_NONE] = "none", [FIO_PLP_OK] = "ok", [FIO_PLP_FAILED] = "failed",
	};
	const char *text = word(x, 0);
	u32 i;

	for (i = 0; text && i < ARRAY_SIZE(states); i++)
		if (!strcmp(text, states[i])) {
			plp_set(x->c, i);
			return done(x);
		}
	return fail(x, "plp: give ok, failed or none");
}

static int do_temp(struct call *x)
{
	const char *text = word(x, 0);
	s64 celsius;

	if (text && !strcmp(text, "auto")) {
		x->c->tele.forced_temp_mc = INT32_MIN;
		return done(x);
	}
	celsius = word_number(x, "degrees Celsius or auto", -40, 150);
	if (x->failed)
		return -EINVAL;
	x->c->tele.forced_temp_mc = (s32)(celsius * 1000);
	x->c->tele.next_sample = 0;
	return done(x);
}

static int do_voltage(struct call *x)
{
	s64 mv = word_number(x, "millivolts of the bus, 0 for automatic", 0, 20000);

	if (x->failed)
		return -EINVAL;
	x->c->tele.forced_bus_mv = mv ? (s32)mv : INT32_MIN;
	x->c->tele.next_sample = 0;
	return done(x);
}

static int do_event(struct call *x)
{
	const char *name = word(x, 0);
	int type = name ? event_by_name(name) : -EINVAL;
	s64 value = number(x, "value", 0, 0, UINT32_MAX);
	s64 die = number(x, "die", -1, 0, x->c->geo->dies - 1);
	s64 au = number(x, "au", 0, 0, x->c->geo->blocks - 1);

	if (x->failed)
		return -EINVAL;
	if (type < 0)
		return fail(x, "event: give a type, such as TEMPERATURE or AU_REFRESH");
	event_raise(x->c, type, die < 0 ? FIO_ADDR_NULL : addr_make((u32)die, (u32)au, 0),
		    (u32)value);
	return done(x);
}

/* ---- faults of the card ---- */

static int do_mailbox_hang(struct call *x)
{
	s64 count = number(x, "count", 1, -1, INT32_MAX);

	if (x->failed)
		return -EINVAL;
	x->c->fault.mbox_hang = (s32)count;
	return done(x);
}

static int do_timeout(struct call *x)
{
	const char *op = find(x, "op");
	s64 count = number(x, "count", 1, -1, INT32_MAX);
	const struct vcard_op *row = op ? op_find_name(op) : NULL;

	if (x->failed)
		return -EINVAL;
	if (op && !row && strcmp(op, "any"))
		return fail(x, "timeout: op=%s is no operation: give read, append, ... or any", op);
	x->c->fault.swallow_op = row ? row->opcode : 0;
	x->c->fault.swallow = (s32)count;
	return done(x);
}

static int do_no_irq(struct call *x)
{
	s64 count = number(x, "count", 1, -1, INT32_MAX);

	if (x->failed)
		return -EINVAL;
	x->c->fault.no_irq = (s32)count;
	return done(x);
}

static int do_short_answer(struct call *x)
{
	s64 count = number(x, "count", 1, -1, INT32_MAX);
	s64 op = number(x, "op", 0, 0, UINT16_MAX);

	if (x->failed)
		return -EINVAL;
	x->c->fault.short_op = (u16)op;
	x->c->fault.short_answers = (s32)count;
	return done(x);
}

static int do_absurd(struct call *x)
{
	u32 i;
	s64 val;

	if (!x->nr)
		return fail(x, "identify-absurd: give FIELD=VALUE of the geometry, or off");
	if (word(x, 0) && !strcmp(word(x, 0), "off")) {
		x->c->fault.absurd_set = 0;
		return done(x);
	}
	for (i = 0; i < x->nr; i++)
		if (!x->args[i].key || !parse(x->args[i].val, &val) || val < 0 ||
		    fault_absurd_set(x->c, x->args[i].key, (u64)val))
			return fail(x, "identify-absurd: %s is not a field with a 32-bit value",
				    x->args[i].key ? x->args[i].key : x->args[i].val);
	return done(x);
}

static int do_ready_delay(struct call *x)
{
	s64 ms = word_number(x, "milliseconds", 0, 3600000);

	if (x->failed)
		return -EINVAL;
	x->c->fault.ready_delay_ns = (u64)ms * 1000000;
	return done(x);
}

static int do_gone(struct call *x)
{
	reg_set(&x->c->regs.gone, 1);
	x->c->dead = true;
	vcard_log(x->c, "the card is gone: everything reads all-ones");
	return done(x);
}

static int do_fatal(struct call *x)
{
	s64 code = word_number(x, "a fatal code", 1, UINT16_MAX);

	if (x->failed)
		return -EINVAL;
	card_fatal(x->c, (enum fio_fatal)code);
	return done(x);
}

static int do_die_offline(struct call *x)
{
	s64 die = word_number(x, "a die", 0, x->c->geo->dies - 1);
	const char *back = word(x, 1);

	if (x->failed)
		return -EINVAL;
	if (back && strcmp(back, "on"))
		return fail(x, "die-offline: only the word on may follow the die");
	fault_die_offline(x->c, (u32)die, !back);
	return done(x);
}

/* ---- faults of flash ---- */

static int flash_fault(struct call *x, enum nand_fault f)
{
	const struct nand_geometry *g = x->c->geo;
	s64 die = number(x, "die", -1, -1, g->dies - 1);
	s64 au = number(x, "au", -1, -1, g->blocks - 1);
	s64 page = number(x, "page", -1, -1, g->pages - 1);
	s64 skip = number(x, "skip", 0, 0, INT32_MAX);
	s64 count = number(x, "count", 1, -1, INT32_MAX);

	if (x->failed)
		return -EINVAL;
	if (nand_set_fault(x->c->nand, f, (s32)die, (s32)au, (s32)page, (s32)skip, (s32)count))
		return fail(x, "too many faults are armed: clear one with count=0");
	return done(x);
}

static int do_fail_program(struct call *x)
{
	return flash_fault(x, NAND_FAULT_PROGRAM);
}

static int do_fail_erase(struct call *x)
{
	return flash_fault(x, NAND_FAULT_ERASE);
}

static int do_fail_read(struct call *x)
{
	return flash_fault(x, NAND_FAULT_READ);
}

static int do_corrupt(struct call *x)
{
	return flash_fault(x, NAND_FAULT_CORRUPT);
}

static int do_retry_read(struct call *x)
{
	return flash_fault(x, NAND_FAULT_RETRY);
}

static int do_bitflips(struct call *x)
{
	s64 ppm = number(x, "ppm", 0, 0, 1000000);
	s64 ecc = number(x, "ecc", VCARD_ECC_BITS, 0, 4096);

	if (x->failed)
		return -EINVAL;
	x->c->fault.ecc_bits = (u32)ecc;
	nand_set_bitflips(x->c->nand, (u32)ppm, (u32)ecc);
	return done(x);
}

static int do_help(struct call *x);

#define WHERE "[die=D] [au=A] [page=P] [skip=N] [count=N]"

static const struct control controls[] = {
	{ "help", "", "list the commands", do_help },
	{ "stats", "", "what the card did and holds", do_stats },
	{ "power-cut", "[seed=N] [after=N]", "cut power now, or at the Nth program from now",
	  do_power_cut },
	{ "die-offline", "DIE [on]", "a die stops answering; on: answers again", do_die_offline },
	{ "temp", "CELSIUS|auto", "force the controller's temperature", do_temp },
	{ "voltage", "MILLIVOLTS|0", "force the bus voltage", do_voltage },
	{ "plp", "ok|failed|none", "change power-loss protection", do_plp },
	{ "mailbox-hang", "[count=N]", "mailbox commands that never end", do_mailbox_hang },
	{ "timeout", "[op=NAME|any] [count=N]", "commands that never complete", do_timeout },
	{ "no-irq", "[count=N]", "lose interrupts", do_no_irq },
	{ "short-answer", "[op=N] [count=N]", "mailbox answers cut in half", do_short_answer },
	{ "identify-absurd", "FIELD=VALUE|off", "lie in GEOMETRY", do_absurd },
	{ "ready-delay", "MS", "time from enable to ready", do_ready_delay },
	{ "gone", "", "the function vanishes from the bus", do_gone },
	{ "fatal", "CODE", "stop with a fatal error", do_fatal },
	{ "event", "TYPE [value=N] [die=D] [au=A]", "send an event", do_event },
	{ "fail-program", WHERE, "programs fail", do_fail_program },
	{ "fail-erase", WHERE, "erases fail", do_fail_erase },
	{ "fail-read", WHERE, "reads are uncorrectable", do_fail_read },
	{ "retry-read", WHERE, "reads need a retry level above 0", do_retry_read },
	{ "corrupt", WHERE, "reads return other data than was stored", do_corrupt },
	{ "bitflips", "ppm=N [ecc=BITS]", "flipped bits, and how many are corrected", do_bitflips },
};

static int do_help(struct call *x)
{
	u32 i;

	say(x, "{\"ok\":true,\"commands\":[");
	for (i = 0; i < ARRAY_SIZE(controls); i++)
		say(x, "%s{\"name\":\"%s\",\"args\":\"%s\",\"help\":\"%s\"}", i ? "," : "",
		    controls[i].name, controls[i].args, controls[i].help);
	say(x, "]}");
	return 0;
}

static int split(struct call *x, char *text)
{
	char *save = NULL, *tok, *eq;

	for (tok = strtok_r(text, " ,\t\n", &save); tok; tok = strtok_r(NULL, " ,\t\n", &save)) {
		if (x->nr == MAX_ARGS)
			return fail(x, "more than %u arguments", MAX_ARGS);
		eq = strchr(tok, '=');
		if (eq)
			*eq++ = '\0';
		x->args[x->nr++] = (struct arg){ .key = eq ? tok : NULL, .val = eq ? eq : tok };
	}
	return 0;
}

static int dispatch(struct call *x, const char *name)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(controls); i++)
		if (!strcmp(controls[i].name, name))
			return controls[i].fn(x);
	return fail(x, "%s is not a command, help lists them", name);
}

int vcard_control(struct vcard *c, const char *cmd, char *out, size_t out_len)
{
	struct call x = { .c = c, .out = out, .len = out_len };
	char text[256], *args;
	int ret;

	if (!out_len)
		return -EINVAL;
	*out = '\0';
	cmd += strspn(cmd, " \t\n");
	if (strlen(cmd) >= sizeof(text))
		return fail(&x, "command is longer than %zu bytes", sizeof(text) - 1);
	memcpy(text, cmd, strlen(cmd) + 1);
	args = text + strcspn(text, " \t\n");
	if (*args)
		*args++ = '\0';
	if (split(&x, args))
		return -EINVAL;
	pthread_mutex_lock(&c->lock);
	ret = dispatch(&x, text);
	pthread_mutex_unlock(&c->lock);
	c->front.kick(c->ctx);
	return ret;
}
