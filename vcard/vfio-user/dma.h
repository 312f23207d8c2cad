/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory as the card sees it: I/O virtual addresses, given and taken by
 * the client with DMA_MAP and DMA_UNMAP while the card is working.
 *
 * Owns: the table of maps and the memory mapped for them. Does not know: the
 * socket, what is copied or why.
 *
 * Every access is translated anew under a read lock, nothing is cached: a map
 * that is gone when unmap returns is never touched again. An access may cross
 * maps (a guest under an IOMMU maps page by page).
 */
#ifndef VCARD_VFU_DMA_H
#define VCARD_VFU_DMA_H

#include <pthread.h>

#include <fio/types.h>

/**
 * struct vfu_range - one piece of guest memory
 * @iova: first address
 * @size: bytes
 * @mem: where it is mapped in this process
 * @prot: PROT_READ: the device may read, PROT_WRITE: it may write
 */
struct vfu_range {
	u64 iova;
	u64 size;
	u8 *mem;
	int prot;
};

/**
 * struct vfu_dma - the table
 * @lock: protects all below; held for writing by the socket thread to change the
 *	table, for reading by the card's thread while it copies
 * @ranges: sorted by iova, never overlapping
 * @count: entries in use
 * @room: entries allocated
 */
struct vfu_dma {
	pthread_rwlock_t lock;
	struct vfu_range *ranges;
	u32 count;
	u32 room;
};

/** vfu_dma_init() - an empty table. Return: 0 or -errno. */
int vfu_dma_init(struct vfu_dma *d);

/** vfu_dma_destroy() - unmap everything and free the table */
void vfu_dma_destroy(struct vfu_dma *d);

/**
 * vfu_dma_map() - make guest memory reachable
 * @d: the table
 * @iova: first address, a multiple of VFU_PAGE as @size and @offset
 * @size: bytes
 * @fd: memory to map, borrowed
 * @offset: where it begins in @fd
 * @prot: PROT_READ and/or PROT_WRITE, what the device may do
 *
 * Return: 0; -EINVAL not aligned, empty or wrapping; -EEXIST overlaps a map;
 *         -ENOSPC too many maps; -ERANGE @fd is shorter than that; or mmap's -errno.
 */
int vfu_dma_map(struct vfu_dma *d, u64 iova, u64 size, int fd, u64 offset, int prot);

/**
 * vfu_dma_unmap() - take guest memory away
 * @d: the table
 * @iova: first address
 * @size: bytes; may cover several maps, parts of maps, or nothing
 *
 * Context: returns when no access to it is under way any more.
 * Return: 0; -EINVAL not aligned or wrapping; -ENOMEM.
 */
int vfu_dma_unmap(struct vfu_dma *d, u64 iova, u64 size);

/** vfu_dma_unmap_all() - take all guest memory away */
void vfu_dma_unmap_all(struct vfu_dma *d);

/**
 * vfu_dma_read() - copy from guest memory
 * @d: the table
 * @iova: address
 * @buf: receives @len bytes
 * @len: bytes
 *
 * Context: any thread.
 * Return: 0, or -EFAULT when any byte is not mapped for this.
 */
int vfu_dma_read(struct vfu_dma *d, u64 iova, void *buf, size_t len);

/**
 * vfu_dma_write() - copy to guest memory
 * @d: the table
 * @iova: address
 * @buf: @len bytes
 * @len: bytes
 *
 * Ordered as PCI Express orders posted writes: everything written by earlier
 * calls of this thread is visible to the guest before anything of this call.
 *
 * Context: any thread.
 * Return: as vfu_dma_read(). Bytes before the failing one may have been written.
 */
int vfu_dma_write(struct vfu_dma *d, u64 iova, const void *buf, size_t len);

/**
 * vfu_dma_guard() - survive a client that shortens memory it has given us
 *
 * Touching a mapped page that its file no longer has raises SIGBUS. Afterwards
 * it fails that one access with -EFAULT; a SIGBUS of any other origin still
 * ends the process.
 *
 * Context: once, before threads exist.
 * Return: 0 or -errno.
 */
int vfu_dma_guard(void);

#endif /* VCARD_VFU_DMA_H */
