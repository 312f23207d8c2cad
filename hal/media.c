// SPDX-License-Identifier: GPL-2.0-only
/*
 * The raw flash of a detached card, for tools that examine or rescue it.
 *
 * Owns: FIO_IOC_MEDIA: geometry, append unit reports, pages and sums of rows, as they
 * are. Does not know what any of it means, and changes nothing: there is no operation
 * here that could.
 *
 * The card is held detached for the length of one call, so that no attach or format
 * comes in between; between two calls one may.
 */

#include <linux/slab.h>
#include <linux/uaccess.h>

#include "card.h"
#include "chan.h"

/* One command under way. */
struct look {
	struct fio_card *card;
	bool done;
};

static void look_done(struct media_cmd *cmd)
{
	struct look *l = cmd->priv;

	/* pairs with is_done(): the answer is there before the flag */
	smp_store_release(&l->done, true);
	fio_env_wake(l->card);
}

static bool is_done(void *arg)
{
	struct look *l = arg;

	/* pairs with look_done() */
	return smp_load_acquire(&l->done);
}

/* The numbers that programs see are the core's. */
static_assert((int)FIO_MEDIA_ERASED == (int)MEDIA_ERASED);
static_assert((int)FIO_MEDIA_UNCORRECTABLE == (int)MEDIA_UNCORRECTABLE);
static_assert((int)FIO_MEDIA_CRC == (int)MEDIA_CRC);
static_assert((int)FIO_MEDIA_AU_CLOSED == (int)MEDIA_AU_CLOSED);
static_assert((int)FIO_MEDIA_AU_SUSPECT == (int)MEDIA_AU_SUSPECT);
static_assert((int)FIO_MEDIA_AU_OFFLINE == (int)MEDIA_AU_OFFLINE);

static void fill_geometry(const struct media_geometry *g, struct fio_ioc_media *m)
{
	m->dies = g->dies;
	m->aus = g->aus;
	m->pages = g->pages;
	m->max_units = g->max_units;
	m->read_retries = g->read_retries;
	m->xor_groups = g->xor_groups;
	m->max_open = g->max_open;
}

static int fill_cmd(struct fio_card *card, struct media_cmd *cmd, struct media_buf *buf,
		    const struct fio_ioc_media *m)
{
	u32 i;

	if (copy_from_user(cmd->unit, u64_to_user_ptr(m->units), m->count * sizeof(u32)))
		return -EFAULT;
	for (i = 0; i < m->count; i++)
		if (cmd->unit[i] >= card->chan->units)
			return -EINVAL;
	cmd->op = m->op == FIO_MEDIA_REPORT ? MEDIA_REPORT : MEDIA_READ;
	cmd->n = m->count;
	cmd->flags = m->op == FIO_MEDIA_SUMS ? MEDIA_F_PARITY : 0;
	cmd->retry = m->retry;
	cmd->io = NULL;
	cmd->skip = 0;
	cmd->buf = m->op != FIO_MEDIA_REPORT && m->data ? buf : NULL;
	cmd->buf_off = 0;
	cmd->len = cmd->buf ? m->count * FIO_UNIT_BYTES : 0;
	if (cmd->buf)
		memset(buf->va, 0, cmd->len);
	return 0;
}

static int run_cmd(struct fio_card *card, struct media_cmd *cmd)
{
	struct media *medium = &card->chan->media;
	struct look l = { .card = card };

	cmd->done = look_done;
	cmd->priv = &l;
	medium->ops->submit(medium, cmd);
	medium->ops->commit(medium, cmd->queue);
	return card->env.wait(card, is_done, &l);
}

static int copy_report(const struct media_cmd *cmd, void __user *to)
{
	struct fio_media_au au;
	u32 i;

	for (i = 0; i < cmd->n; i++) {
		au = (struct fio_media_au){
			.state = cmd->au[i].state,
			.write_ptr = cmd->au[i].wp_unknown ? FIO_NO_VALUE : cmd->au[i].write_ptr,
			.erase_count = cmd->au[i].erase_count,
			.read_count = cmd->au[i].read_count,
		};
		if (copy_to_user(to + i * sizeof(au), &au, sizeof(au)))
			return -EFAULT;
	}
	return 0;
}

static int copy_answer(const struct media_cmd *cmd, struct fio_ioc_media *m)
{
	m->status = cmd->status;
	m->failed = cmd->status && !cmd->failed ? ~0ULL : cmd->failed;
	if (m->op == FIO_MEDIA_REPORT)
		return copy_report(cmd, u64_to_user_ptr(m->data));
	if (m->tags && copy_to_user(u64_to_user_ptr(m->tags), cmd->tag,
				    cmd->n * sizeof(*cmd->tag)))
		return -EFAULT;
	if (cmd->buf && copy_to_user(u64_to_user_ptr(m->data), cmd->buf->va, cmd->len))
		return -EFAULT;
	return 0;
}

static int look(struct fio_card *card, struct fio_ioc_media *m)
{
	struct media *medium = &card->chan->media;
	struct media_buf buf = { 0 };
	struct media_cmd *cmd;
	int err = medium->ops->buf_alloc(medium, m->count, &buf);

	if (err)
		return err;
	cmd = medium->ops->get(medium, 0, true);
	err = cmd ? fill_cmd(card, cmd, &buf, m) : -EBUSY;
	if (!err)
		err = run_cmd(card, cmd);
	if (!err)
		err = copy_answer(cmd, m);
	/* a card that died keeps its commands until they are recycled */
	if (err == -ENODEV)
		fio_chan_recycle(card);
	else if (cmd)
		medium->ops->put(medium, cmd);
	medium->ops->buf_free(medium, &buf);
	return err;
}

/**
 * fio_media_look() - one FIO_IOC_MEDIA
 * @card: the card
 * @m: in and out
 *
 * Context: process; sleeps.
 * Return: 0; -EINVAL; -EBUSY: attached, or an operation is under way; -EOPNOTSUPP:
 * minimal mode; -ENODEV; -EFAULT; -ENOMEM.
 */
int fio_media_look(struct fio_card *card, struct fio_ioc_media *m)
{
	int err = fio_hold_detached(card);

	if (err)
		return err;
	fill_geometry(&card->chan->media.geo, m);
	if (m->op != FIO_MEDIA_GEOMETRY) {
		if (m->op > FIO_MEDIA_SUMS || !m->count || m->count > m->max_units ||
		    m->retry > m->read_retries || (m->op == FIO_MEDIA_SUMS && !m->xor_groups))
			err = -EINVAL;
		else
			err = look(card, m);
	}
	fio_release_detached(card);
	return err;
}
