// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory as the card sees it.
 *
 * The table is a sorted array: QEMU keeps some thirty maps, a guest under a
 * translating IOMMU thousands, all looked up by binary search and changed a few
 * thousand times a second at most.
 *
 * The lock prefers the writer. The card's thread takes it for reading over and
 * over; with the default policy an unmap, for which the guest's processor waits,
 * could be overtaken for ever.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "vcard/vfio-user/dma.h"
#include "vcard/vfio-user/proto.h"

/* Where a copy continues when the memory is not there any more. */
struct escape {
	sigjmp_buf buf;
};

/* Set while this thread copies from or to guest memory. */
static __thread struct escape *copy_escape;

static void on_sigbus(int sig)
{
	if (copy_escape)
		siglongjmp(copy_escape->buf, 1);
	/* Not ours: the default action takes effect when the access repeats. */
	signal(sig, SIG_DFL);
}

int vfu_dma_guard(void)
{
	struct sigaction sa = { .sa_handler = on_sigbus, .sa_flags = SA_NODEFER };

	return sigaction(SIGBUS, &sa, NULL) ? -errno : 0;
}

int vfu_dma_init(struct vfu_dma *d)
{
	pthread_rwlockattr_t attr;
	int err;

	memset(d, 0, sizeof(*d));
	err = pthread_rwlockattr_init(&attr);
	if (err)
		return -err;
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	err = pthread_rwlock_init(&d->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	return -err;
}

void vfu_dma_destroy(struct vfu_dma *d)
{
	vfu_dma_unmap_all(d);
	free(d->ranges);
	d->ranges = NULL;
	d->room = 0;
	pthread_rwlock_destroy(&d->lock);
}

/* First range that ends above @iova; d->count when there is none. */
static u32 find(const struct vfu_dma *d, u64 iova)
{
	u32 lo = 0, hi = d->count, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (d->ranges[mid].iova + (d->ranges[mid].size - 1) < iova)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Room for one more entry. */
static int reserve(struct vfu_dma *d)
{
	struct vfu_range *bigger;
	u32 room;

	if (d->count < d->room)
		return 0;
	room = d->room ? d->room * 2 : 64;
	bigger = reallocarray(d->ranges, room, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	d->ranges = bigger;
	d->room = room;
	return 0;
}

static void insert(struct vfu_dma *d, u32 at, const struct vfu_range *r)
{
	memmove(&d->ranges[at + 1], &d->ranges[at],
		(d->count - at) * sizeof(*d->ranges));
	d->ranges[at] = *r;
	d->count++;
}

static void delete(struct vfu_dma *d, u32 at)
{
	d->count--;
	memmove(&d->ranges[at], &d->ranges[at + 1],
		(d->count - at) * sizeof(*d->ranges));
}

static bool aligned(u64 iova, u64 size)
{
	return size && !((iova | size) % VFU_PAGE) && iova + (size - 1) >= iova;
}

static int insert_checked(struct vfu_dma *d, const struct vfu_range *r)
{
	u32 at = find(d, r->iova);
	int err;

	if (at < d->count && d->ranges[at].iova <= r->iova + (r->size - 1))
		return -EEXIST;
	if (d->count >= VFU_MAX_MAPS)
		return -ENOSPC;
	err = reserve(d);
	if (!err)
		insert(d, at, r);
	return err;
}

/* A map longer than its file would be a SIGBUS waiting for the first access. */
static int check_file(int fd, u64 offset, u64 size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	if (offset > (u64)st.st_size || size > (u64)st.st_size - offset)
		return -ERANGE;
	return 0;
}

int vfu_dma_map(struct vfu_dma *d, u64 iova, u64 size, int fd, u64 offset, int prot)
{
	struct vfu_range r = { .iova = iova, .size = size, .prot = prot };
	int err;

	if (!aligned(iova, size) || offset % VFU_PAGE || offset > INT64_MAX)
		return -EINVAL;
	err = check_file(fd, offset, size);
	if (err)
		return err;
	r.mem = mmap(NULL, size, prot, MAP_SHARED | MAP_NORESERVE, fd, offset);
	if (r.mem == MAP_FAILED)
		return -errno;
	pthread_rwlock_wrlock(&d->lock);
	err = insert_checked(d, &r);
	pthread_rwlock_unlock(&d->lock);
	if (err)
		munmap(r.mem, size);
	return err;
}

/*
 * Removes [iova, iova + size) from range @at, which overlaps it. What is left of
 * the range stays: nothing, a head, a tail, or both (@at then has a new
 * neighbour). Returns how many ranges are left of it.
 */
static u32 cut(struct vfu_dma *d, u32 at, u64 iova, u64 last)
{
	struct vfu_range r = d->ranges[at], tail = r;
	u64 from = max(iova, r.iova) - r.iova;
	u64 to = min(last, r.iova + (r.size - 1)) - r.iova + 1;
	u32 left = 0;

	delete(d, at);
	munmap(r.mem + from, to - from);
	if (to < r.size) {
		tail.iova += to;
		tail.mem += to;
		tail.size -= to;
		insert(d, at, &tail);
		left++;
	}
	if (from) {
		r.size = from;
		insert(d, at, &r);
		left++;
	}
	return left;
}

int vfu_dma_unmap(struct vfu_dma *d, u64 iova, u64 size)
{
	u64 last = iova + (size - 1);
	u32 at;
	int err;

	if (!aligned(iova, size))
		return -EINVAL;
	pthread_rwlock_wrlock(&d->lock);
	/* Only the first cut can leave two pieces. */
	err = reserve(d);
	at = find(d, iova);
	while (!err && at < d->count && d->ranges[at].iova <= last)
		at += cut(d, at, iova, last);
	pthread_rwlock_unlock(&d->lock);
	return err;
}

void vfu_dma_unmap_all(struct vfu_dma *d)
{
	u32 i;

	pthread_rwlock_wrlock(&d->lock);
	for (i = 0; i < d->count; i++)
		munmap(d->ranges[i].mem, d->ranges[i].size);
	d->count = 0;
	pthread_rwlock_unlock(&d->lock);
}

/*
 * Ring entries are polled by the guest: their words become visible in ascending
 * order, so that the phase in the last one is the last to appear. A plain
 * memcpy() promises no order.
 */
static void store_entry(u8 *to, const u8 *from, size_t len)
{
	u64 word;
	size_t i;

	for (i = 0; i < len; i += sizeof(word)) {
		memcpy(&word, from + i, sizeof(word));
		__atomic_store_n((u64 *)(to + i), word, __ATOMIC_RELEASE);
	}
}

/* The whole of a word that is not part of a larger entry appears at once. */
static bool store_word(u8 *to, const u8 *from, size_t len)
{
	u32 word;

	if (len != sizeof(word) || (uintptr_t)to % sizeof(word))
		return false;
	memcpy(&word, from, sizeof(word));
	__atomic_store_n((u32 *)to, word, __ATOMIC_RELEASE);
	return true;
}

static void copy_to_guest(u8 *to, const u8 *from, size_t len)
{
	/* Orders this call after the earlier ones of this thread. */
	atomic_thread_fence(memory_order_release);
	if (store_word(to, from, len))
		return;
	if (len <= 64 && !(((uintptr_t)to | len) % sizeof(u64)))
		store_entry(to, from, len);
	else
		memcpy(to, from, len);
}

static void copy_from_guest(u8 *to, const u8 *from, size_t len)
{
	memcpy(to, from, len);
	/* Whatever is read next is read after this. */
	atomic_thread_fence(memory_order_acquire);
}

/* Copies the part of [iova, iova + len) that range @at holds. 0: it holds none. */
static size_t copy_part(struct vfu_dma *d, u32 at, u64 iova, u8 *buf, size_t len,
			int prot)
{
	const struct vfu_range *r;
	u64 skip;

	if (at >= d->count)
		return 0;
	r = &d->ranges[at];
	if (r->iova > iova || !(r->prot & prot))
		return 0;
	skip = iova - r->iova;
	len = min_t(u64, len, r->size - skip);
	if (prot == PROT_WRITE)
		copy_to_guest(r->mem + skip, buf, len);
	else
		copy_from_guest(buf, r->mem + skip, len);
	return len;
}

static int copy_locked(struct vfu_dma *d, u64 iova, u8 *buf, size_t len, int prot)
{
	u32 at = find(d, iova);
	size_t done;

	for (; len; at++) {
		done = copy_part(d, at, iova, buf, len, prot);
		if (!done)
			return -EFAULT;
		iova += done;
		buf += done;
		len -= done;
	}
	return 0;
}

/*
 * The compiler sees no use of @copy_escape between setting and clearing it: the
 * fences tell it that a signal handler may look at any point between them.
 */
static void set_escape(struct escape *e)
{
	atomic_signal_fence(memory_order_seq_cst);
	copy_escape = e;
	atomic_signal_fence(memory_order_seq_cst);
}

static int copy(struct vfu_dma *d, u64 iova, u8 *buf, size_t len, int prot)
{
	struct escape escape;
	int err;

	if (len && iova + (len - 1) < iova)
		return -EFAULT;
	pthread_rwlock_rdlock(&d->lock);
	if (!sigsetjmp(escape.buf, 0)) {
		set_escape(&escape);
		err = copy_locked(d, iova, buf, len, prot);
	} else {
		err = -EFAULT;
	}
	set_escape(NULL);
	pthread_rwlock_unlock(&d->lock);
	return err;
}

int vfu_dma_read(struct vfu_dma *d, u64 iova, void *buf, size_t len)
{
	return copy(d, iova, buf, len, PROT_READ);
}

int vfu_dma_write(struct vfu_dma *d, u64 iova, const void *buf, size_t len)
{
	return copy(d, iova, (u8 *)buf, len, PROT_WRITE);
}
