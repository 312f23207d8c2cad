// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers as the card sees them.
 *
 * Owns: DMA mapping of requests, and the descriptors that tell the card which
 * part of a buffer a command means. Does not know commands or addresses on flash.
 *
 * Only what the DMA API returned is ever shown to the card: an IOMMU may merge
 * entries of the scatter list, a bounce buffer may replace them. So after mapping
 * the list is walked by sg_dma_address() and sg_dma_len(), as many entries as
 * the mapping has, never by the lengths it was built with.
 *
 * Part of a read may be answered from memory while the card writes other parts
 * of the same buffer (zeroes of a hole, data not yet on flash). With a bounce
 * buffer such bytes would be overwritten when the mapping ends. Reads are
 * therefore mapped for both directions, and bytes written by the CPU are synced
 * to the device's side at once.
 */

#include <linux/dma-mapping.h>
#include <linux/scatterlist.h>

#include "card.h"
#include "chan.h"

static enum dma_data_direction direction(const struct fio_io *io)
{
	return io->op == FIO_IO_WRITE ? DMA_TO_DEVICE : DMA_BIDIRECTIONAL;
}

/**
 * fio_dma_map() - map a request's buffer
 * @card: the card
 * @io: READ or WRITE with nents > 0
 * Context: any.
 * Return: 0; -EAGAIN: no room in the IOMMU or bounce buffer now.
 */
int fio_dma_map(struct fio_card *card, struct fio_io *io)
{
	int n = dma_map_sg(&card->pdev->dev, io->sg, io->nents, direction(io));

	if (n <= 0)
		return -EAGAIN;
	fio_req_of(io)->mapped = n;
	return 0;
}

/**
 * fio_dma_unmap() - the card is done with a request's buffer
 * @card: the card
 * @io: the request; not mapped is fine
 * Context: any.
 */
void fio_dma_unmap(struct fio_card *card, struct fio_io *io)
{
	if (fio_req_of(io)->mapped)
		dma_unmap_sg(&card->pdev->dev, io->sg, io->nents, direction(io));
	fio_req_of(io)->mapped = 0;
}

/* ---- a range of a mapped buffer, piece by piece ---- */

struct piece_walk {
	struct scatterlist *sg;
	u32 left;	/* entries, @sg included */
	u32 off;	/* in @sg */
	u32 len;	/* of the range */
};

static void range_start(struct piece_walk *r, struct fio_io *io, u32 off, u32 len)
{
	r->sg = io->sg;
	r->left = fio_req_of(io)->mapped;
	r->off = off;
	r->len = len;
}

/* The next piece: its base (as mapped), offset in it and length; 0 at the end. */
static u32 range_next(struct piece_walk *r, dma_addr_t *base, u32 *off)
{
	u32 len;

	while (r->left && r->off >= sg_dma_len(r->sg)) {
		r->off -= sg_dma_len(r->sg);
		r->sg = sg_next(r->sg);
		r->left--;
	}
	if (!r->left || !r->len)
		return 0;
	len = min(r->len, sg_dma_len(r->sg) - r->off);
	*base = sg_dma_address(r->sg);
	*off = r->off;
	r->off += len;
	r->len -= len;
	return len;
}

/* ---- descriptors ---- */

struct list {
	struct fio_slot *slot;
	u32 n;
	u64 bytes;
};

static int add(struct list *l, u8 type, u64 addr, u32 len)
{
	struct fio_sgl *d = &l->slot->dma->sgl[l->n];

	if (!len)
		return 0;
	if (l->n == FIO_SGL_MAX)
		return -E2BIG;
	memset(d, 0, sizeof(*d));
	d->addr = cpu_to_le64(addr);
	d->len = cpu_to_le32(len);
	d->type = type;
	l->n++;
	l->bytes += len;
	return 0;
}

static int add_io(struct list *l, struct fio_io *io, u32 io_off, u32 len)
{
	dma_addr_t base;
	struct piece_walk r;
	u32 off, n;
	int err = 0;

	range_start(&r, io, io_off, len);
	while (!err && (n = range_next(&r, &base, &off)))
		err = add(l, FIO_SGL_DATA, base + off, n);
	return err;
}

static int add_buf(struct list *l, const struct media_cmd *cmd)
{
	if ((u64)cmd->buf_off + cmd->len > (u64)cmd->buf->units * FIO_UNIT_BYTES)
		return -EINVAL;
	return add(l, FIO_SGL_DATA, cmd->buf->dma + cmd->buf_off, cmd->len);
}

/* The entry takes one descriptor itself; more go into the slot's list. */
static void point_to(struct list *l, struct fio_sqe *sqe)
{
	if (l->n == 1) {
		sqe->sgl = l->slot->dma->sgl[0];
		return;
	}
	sqe->sgl.addr = cpu_to_le64(l->slot->dma_addr +
				    offsetof(struct fio_slot_dma, sgl));
	sqe->sgl.len = cpu_to_le32(l->n * sizeof(struct fio_sgl));
	sqe->sgl.type = FIO_SGL_LIST;
}

static int fill_data(struct fio_slot *slot)
{
	const struct media_cmd *cmd = &slot->cmd;
	u64 bytes = (u64)cmd->n * FIO_UNIT_BYTES;
	struct list l = { .slot = slot };
	int err;

	if ((u64)cmd->skip + cmd->len > bytes)
		return -EINVAL;
	err = add(&l, FIO_SGL_DISCARD, 0, cmd->skip);
	if (!err)
		err = cmd->io ? add_io(&l, fio_io_of(cmd->io), cmd->io_off, cmd->len) :
				add_buf(&l, cmd);
	if (!err && l.bytes != cmd->skip + cmd->len)
		err = -EINVAL;	/* the buffer ends before the range does */
	if (!err)
		err = add(&l, FIO_SGL_DISCARD, 0, bytes - l.bytes);
	if (!err && cmd->op == MEDIA_APPEND && (cmd->skip || cmd->len != bytes))
		err = -EINVAL;
	if (!err)
		point_to(&l, &slot->sqe);
	return err;
}

static void fill_report(struct fio_slot *slot)
{
	struct fio_sgl *d = &slot->sqe.sgl;

	d->addr = cpu_to_le64(slot->dma_addr + offsetof(struct fio_slot_dma, report));
	d->len = cpu_to_le32(slot->cmd.n * sizeof(struct fio_au_report));
	d->type = FIO_SGL_DATA;
}

/**
 * fio_dma_fill() - describe a command's data to the card
 * @slot: the slot; its sqe.sgl and descriptor list are filled
 * Context: any.
 * Return: 0; -EINVAL, -E2BIG: the command does not fit its buffer.
 */
int fio_dma_fill(struct fio_slot *slot)
{
	const struct media_cmd *cmd = &slot->cmd;

	switch (cmd->op) {
	case MEDIA_APPEND:
		if (cmd->flags & MEDIA_F_PARITY)
			return cmd->io || cmd->buf ? -EINVAL : 0;
		return cmd->io || cmd->buf ? fill_data(slot) : -EINVAL;
	case MEDIA_READ:
		return cmd->io || cmd->buf ? fill_data(slot) : 0;
	case MEDIA_REPORT:
		fill_report(slot);
		return 0;
	default:
		return 0;
	}
}

/* ---- access by the CPU ---- */

static void sync_for_card(struct fio_card *card, struct fio_io *io, u32 io_off,
			  u32 len)
{
	dma_addr_t base;
	struct piece_walk r;
	u32 off, n;

	range_start(&r, io, io_off, len);
	while ((n = range_next(&r, &base, &off)))
		dma_sync_single_range_for_device(&card->pdev->dev, base, off, n,
						 DMA_BIDIRECTIONAL);
}

/**
 * fio_dma_copy() - copy between a request's buffer and memory
 * @card: the card
 * @io: the request
 * @off: byte offset in its buffer
 * @va: memory
 * @len: bytes
 * @to_io: into the buffer (READ) rather than out of it (WRITE)
 * Context: any.
 */
void fio_dma_copy(struct fio_card *card, struct fio_io *io, u32 off, void *va,
		  u32 len, bool to_io)
{
	if (!to_io) {
		sg_pcopy_to_buffer(io->sg, io->nents, va, len, off);
		return;
	}
	sg_pcopy_from_buffer(io->sg, io->nents, va, len, off);
	sync_for_card(card, io, off, len);
}

/**
 * fio_dma_zero() - fill part of a READ's buffer with zeroes
 * @card: the card
 * @io: the request
 * @off: byte offset in its buffer
 * @len: bytes
 * Context: any.
 */
void fio_dma_zero(struct fio_card *card, struct fio_io *io, u32 off, u32 len)
{
	sg_zero_buffer(io->sg, io->nents, len, off);
	sync_for_card(card, io, off, len);
}
