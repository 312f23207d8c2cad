// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous events (hw.md section 6).
 *
 * Owns: the log of the last events, their numbers, the ring in host memory.
 * Does not know: why something happened.
 *
 * Events are raised at any time and posted to the host at the end of a run. What
 * piles up beyond the log in between is lost, and said to be.
 */
#include "vcard/model/card.h"

static const struct {
	u16 type;
	const char *name, *text;
} names[] = {
#define EVENT_NAME(nr, name, text) { nr, #name, text },
	FIO_EVENTS(EVENT_NAME)
#undef EVENT_NAME
};

/* Violations have lines of their own, which say more. */
static void log_event(struct vcard *c, u16 type, u64 addr, u32 value)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names) && type != FIO_EV_VIOLATION; i++)
		if (names[i].type == type)
			vcard_log(c, "event %s: %s, address %#llx, value %d", names[i].name,
				  names[i].text, (unsigned long long)addr, (s32)value);
}

/**
 * event_by_name() - event type of a name
 * @name: as in FIO_EVENTS
 *
 * Return: the type, or -EINVAL.
 */
int event_by_name(const char *name)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].name, name))
			return names[i].type;
	return -EINVAL;
}

static u64 seconds(struct vcard *c)
{
	return c->persist->life.power_on_seconds;
}

/**
 * event_raise() - something happened
 * @c: the card
 * @type: what
 * @addr: die or AU, or FIO_ADDR_NULL
 * @value: see hw.md section 6
 *
 * Context: the card is locked.
 */
void event_raise(struct vcard *c, enum fio_event_type type, u64 addr, u32 value)
{
	struct vcard_events *ev = &c->ev;
	struct fio_event *e = &ev->log[ev->next % VCARD_LOG_EVENTS];

	*e = (struct fio_event){
		.seq = cpu_to_le64(ev->next),
		.seconds = cpu_to_le64(seconds(c)),
		.addr = cpu_to_le64(addr),
		.value = cpu_to_le32(value),
		.type = cpu_to_le16(type),
	};
	ev->next++;
	log_event(c, type, addr, value);
}

/**
 * event_ring() - the host names a ring, or takes it away
 * @c: the card
 * @addr: iova, 0: none
 * @depth: entries, a power of two
 *
 * Context: the card is locked.
 */
void event_ring(struct vcard *c, u64 addr, u32 depth)
{
	struct vcard_events *ev = &c->ev;

	ev->ring = addr;
	ev->depth = depth;
	ev->index = 0;
	ev->phase = 1;
	ev->posted = ev->next;
}

static int post(struct vcard *c, struct fio_event *e)
{
	struct vcard_events *ev = &c->ev;
	const size_t body = offsetof(struct fio_event, phase);
	u64 at = ev->ring + (u64)ev->index * sizeof(*e);
	int err;

	e->phase = cpu_to_le16(ev->phase);
	err = c->front.dma_write(c->ctx, at, e, body);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (!err)
		err = c->front.dma_write(c->ctx, at + body, &e->phase, sizeof(e->phase));
	ev->index = (ev->index + 1) & (ev->depth - 1);
	if (!ev->index)
		ev->phase ^= 1;
	return err;
}

/* More happened in one run than the log holds: the first of them are gone. */
static void say_lost(struct vcard *c)
{
	struct vcard_events *ev = &c->ev;
	u64 oldest, lost;

	if (ev->next - ev->posted <= VCARD_LOG_EVENTS)
		return;
	lost = ev->next - ev->posted - VCARD_LOG_EVENTS + 1;
	event_raise(c, FIO_EV_OVERFLOW, FIO_ADDR_NULL, (u32)min_t(u64, lost, UINT32_MAX));
	oldest = ev->next - VCARD_LOG_EVENTS;
	ev->posted = oldest;
}

/**
 * event_post() - put what happened into the host's ring
 * @c: the card
 *
 * Context: the card is locked.
 */
void event_post(struct vcard *c)
{
	struct vcard_events *ev = &c->ev;

	if (!ev->ring || ev->posted == ev->next)
		return;
	say_lost(c);
	for (; ev->posted < ev->next; ev->posted++) {
		struct fio_event e = ev->log[ev->posted % VCARD_LOG_EVENTS];

		if (post(c, &e)) {
			card_fatal(c, FIO_FATAL_DMA);
			return;
		}
	}
	regs_cause(c, FIO_INT_EVENT);
}

/**
 * event_read_log() - mailbox command EVENT_LOG
 * @c: the card
 * @first: number of the first event wanted
 * @out: receives the header and the events
 * @room: bytes for events behind the header
 *
 * Context: the card is locked.
 * Return: bytes of events.
 */
u32 event_read_log(struct vcard *c, u64 first, struct fio_mb_event_log *out, u32 room)
{
	struct vcard_events *ev = &c->ev;
	u64 oldest = ev->next > VCARD_LOG_EVENTS ? ev->next - VCARD_LOG_EVENTS : 0;
	struct fio_event *to = (struct fio_event *)(out + 1);
	u32 n = 0;

	out->first = cpu_to_le64(oldest);
	out->next = cpu_to_le64(ev->next);
	for (first = max(first, oldest); first < ev->next; first++) {
		if ((n + 1) * sizeof(*to) > room)
			break;
		to[n++] = ev->log[first % VCARD_LOG_EVENTS];
	}
	out->count = cpu_to_le32(n);
	return n * sizeof(*to);
}
