// SPDX-License-Identifier: GPL-2.0-only
/*
 * A source that is a card in this machine, detached, by its control node.
 *
 * Owns: FIO_IOC_MEDIA, and reading ahead, for pages are mostly wanted in order and a
 * call for each is dear. A page that was read ahead is given out once: who asks again
 * wants to know whether it reads well again. Does not know: retries, CRCs, the core.
 */
#include <errno.h>
#include <stdlib.h>

#include "utils/fio-ftl/fio-ftl.h"

/**
 * struct device - an open control node
 * @dev: the node
 * @au: reports of all append units
 * @first: unit that @data and @tag begin with
 * @ready: bit per unit: read well and not yet given out
 * @next: behind the last one asked for: who asks for that reads in order
 * @ahead: how many to read at once then
 */
struct device {
	struct fio_dev dev;
	struct fio_media_au *au;
	u32 first, next, ahead;
	u64 ready;
	struct fio_tag tag[FTL_MAX_UNITS];
	u8 data[FTL_MAX_UNITS * FIO_MEDIA_UNIT];
};

static void device_close(struct source *s)
{
	fio_dev_close(&s->device->dev);
	free(s->device->au);
	free(s->device);
}

static int ask(struct device *d, struct fio_ioc_media *m)
{
	m->size = sizeof(*m);
	return fio_sys->ioctl(d->dev.fd, FIO_IOC_MEDIA, m);
}

/* One page, or an error that no page has: the card is gone or was attached meanwhile. */
static u8 read_alone(struct device *d, enum fio_media_op op, u32 unit, u32 retry, void *data,
		     struct fio_tag *tag)
{
	struct fio_ioc_media m = {
		.op = op, .count = 1, .retry = retry, .units = (uintptr_t)&unit,
		.data = (uintptr_t)data, .tags = (uintptr_t)tag,
	};
	int err = ask(d, &m);

	if (!err)
		return (u8)m.status;
	fio_error("%s: unit %u cannot be asked for: %s", d->dev.path, unit, fio_dev_strerror(err));
	return MEDIA_GONE;
}

static void read_ahead(struct source *s, u32 unit)
{
	u32 list[FTL_MAX_UNITS], i, n = s->media.geo.pages - unit % s->media.geo.pages;
	struct device *d = s->device;
	struct fio_ioc_media m = {
		.op = FIO_MEDIA_READ, .units = (uintptr_t)list,
		.data = (uintptr_t)d->data, .tags = (uintptr_t)d->tag,
	};

	m.count = min(n, d->ahead);
	for (i = 0; i < m.count; i++)
		list[i] = unit + i;
	d->first = unit;
	d->ready = 0;
	if (ask(d, &m))
		return;
	d->ready = ~0ULL >> (64 - m.count);
	if (m.status)
		d->ready &= ~m.failed;
}

static u8 device_read(struct source *s, u32 unit, u32 retry, void *data, struct fio_tag *tag)
{
	struct device *d = s->device;
	bool in_order = unit == d->next;
	u32 i = unit - d->first;

	d->next = unit + 1;
	if (!retry && i >= d->ahead && in_order)
		read_ahead(s, unit);
	i = unit - d->first;
	if (retry || i >= d->ahead || !(d->ready >> i & 1))
		return read_alone(d, FIO_MEDIA_READ, unit, retry, data, tag);
	d->ready &= ~BIT_ULL(i);
	memcpy(data, d->data + i * FIO_MEDIA_UNIT, FIO_MEDIA_UNIT);
	*tag = d->tag[i];
	return MEDIA_OK;
}

static u8 device_sum(struct source *s, u32 unit, void *data, struct fio_tag *tag)
{
	return read_alone(s->device, FIO_MEDIA_SUMS, unit, 0, data, tag);
}

static struct media_au device_au(struct source *s, u32 au)
{
	const struct fio_media_au *a = &s->device->au[au];
	bool unknown = a->write_ptr == FIO_NO_VALUE;

	return (struct media_au){
		.state = (u8)a->state, .wp_unknown = unknown,
		.write_ptr = unknown ? s->media.geo.pages : a->write_ptr,
		.erase_count = a->erase_count, .read_count = a->read_count,
	};
}

static const struct source_ops device_ops = {
	.close = device_close, .read = device_read, .sum = device_sum, .au = device_au,
};

static int ask_geometry(struct source *s, struct device *d)
{
	struct fio_ioc_media m = { .op = FIO_MEDIA_GEOMETRY };
	struct fio_ioc_info info;
	int err = ask(d, &m);

	if (err)
		return err;
	s->media.geo = (struct media_geometry){
		.dies = m.dies, .aus = m.aus, .pages = m.pages, .max_open = m.max_open,
		.read_retries = m.read_retries, .xor_groups = m.xor_groups,
	};
	d->ahead = min_t(u32, m.max_units, FTL_MAX_UNITS);
	d->first = FIO_UNIT_NONE - FTL_MAX_UNITS;
	if (!fio_get_info(d->dev.fd, &info)) {
		s->info.user_bytes = info.advertised_bytes;
		memcpy(s->info.serial, info.serial, sizeof(s->info.serial) - 1);
	}
	return 0;
}

static int ask_aus(struct source *s, struct device *d)
{
	u32 list[FTL_MAX_UNITS], i, at = 0, aus = s->media.geo.dies * s->media.geo.aus;
	struct fio_ioc_media m;
	int err = 0;

	d->au = calloc(aus, sizeof(*d->au));
	if (!d->au)
		return -ENOMEM;
	for (; !err && at < aus; at += m.count) {
		m = (struct fio_ioc_media){
			.op = FIO_MEDIA_REPORT, .count = min(d->ahead, aus - at),
			.units = (uintptr_t)list, .data = (uintptr_t)(d->au + at),
		};
		for (i = 0; i < m.count; i++)
			list[i] = (at + i) * s->media.geo.pages;
		err = ask(d, &m);
	}
	return err;
}

bool device_open(struct source *s, const char *path)
{
	struct device *d = calloc(1, sizeof(*d));
	int err;

	if (!d || fio_dev_open(path, &d->dev)) {
		free(d);
		return false;
	}
	s->device = d;
	s->ops = &device_ops;
	err = ask_geometry(s, d);
	if (!err)
		err = ask_aus(s, d);
	if (!err)
		return true;
	if (err == -EBUSY)
		fio_error("%s: attached, or busy: run 'fio-detach %s' first", d->dev.path,
			  d->dev.path);
	else
		fio_error("%s: its flash cannot be looked at: %s", d->dev.path,
			  fio_dev_strerror(err));
	device_close(s);
	return false;
}
