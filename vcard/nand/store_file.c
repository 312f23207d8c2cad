// SPDX-License-Identifier: GPL-2.0-only
/*
 * An array in one sparse file, mapped shared.
 *
 * Owns: the layout of a state file, the lock on it, and the judgement whether a
 * file is one of ours, whole, and fit for what the caller wants.
 *
 * Does not know: rules and states, except that records must be plausible before
 * anything indexes with them.
 *
 *	header		4 KiB: identity, geometry, layout; seed and clean flag
 *	user area	the caller's own bytes
 *	die table	struct nand_intent each
 *	block table	struct nand_block_rec each
 *	page table	struct nand_page_rec each
 *	OOB area	oob_bytes per page
 *	data area	page_bytes per page
 *
 * Everything is in the byte order of the host that made it. A hole reads as
 * zeroes, and zeroes mean erased, so a new file of any capacity is nearly empty;
 * an erase punches the block's hole again. Room is allocated before a mapped
 * page is first stored to: otherwise a full disk would be a SIGBUS.
 *
 * The mapping is what makes the state survive the death of the process: a store
 * is in the page cache as soon as it is executed. Nothing is ever synced, so the
 * file is not meant to survive a crash of the host.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nand_priv.h"

#define FILE_MAGIC	"FIOVCARD"
#define FILE_VERSION	1
#define FILE_ORDER	0x01020304U
#define FILE_ALIGN	4096U
#define MAX_USER_BYTES	0x10000000000ULL
#define RESERVE_BYTES	0x100000	/* content is allocated in steps of this */

/**
 * struct file_layout - byte offsets of the areas
 * @user: user area
 * @dies: die table
 * @blocks: block table
 * @pages: page table
 * @oob: OOB area
 * @data: data area
 * @size: of the file
 */
struct file_layout {
	u64 user;
	u64 dies;
	u64 blocks;
	u64 pages;
	u64 oob;
	u64 data;
	u64 size;
};

/**
 * struct file_header - first bytes of a state file
 * @magic: FILE_MAGIC, not terminated
 * @version: FILE_VERSION
 * @order: FILE_ORDER as the host stores it
 * @geo: shape of the array
 * @user_bytes: size of the user area
 * @layout: where everything is; follows from the two before
 * @crc: CRC32C of everything before it
 * @clean: 1 when the last user closed the array, else 0
 * @seed: see nand_set_seed()
 */
struct file_header {
	char magic[8];
	u32 version;
	u32 order;
	struct nand_geometry geo;
	u64 user_bytes;
	struct file_layout layout;
	u32 crc;
	u32 clean;
	u64 seed;
};

static_assert(sizeof(struct nand_geometry) == 24, "stored in files");
static_assert(sizeof(struct nand_intent) == 64, "stored in files");
static_assert(sizeof(struct nand_block_rec) == 16, "stored in files");
static_assert(sizeof(struct nand_page_rec) == 16, "stored in files");
static_assert(offsetof(struct file_header, crc) == 104, "stored in files");
static_assert(sizeof(struct file_header) == 120, "stored in files");

/**
 * struct file - an open state file
 * @n: the array
 * @fd: the file, locked
 * @map: the mapping of all of it
 * @hdr: header in @map
 */
struct file {
	struct nand n;
	int fd;
	u8 *map;
	struct file_header *hdr;
};

/**
 * struct opening - what a caller of nand_open_file() asked for
 * @path: state file
 * @geo: wanted shape, or NULL
 * @user_bytes: wanted user area
 * @look: nothing in the file may change
 * @err: buffer for the sentence
 * @err_len: its size
 */
struct opening {
	const char *path;
	const struct nand_geometry *geo;
	u64 user_bytes;
	bool look;
	char *err;
	size_t err_len;
};

static struct file *to_file(const struct nand *n)
{
	return container_of(n, struct file, n);
}

static __printf(2, 3) int refuse(const struct opening *o, const char *fmt, ...)
{
	va_list ap;
	int used;

	used = snprintf(o->err, o->err_len, "state file %s ", o->path);
	if (used < 0 || (size_t)used >= o->err_len)
		return -1;
	va_start(ap, fmt);
	vsnprintf(o->err + used, o->err_len - used, fmt, ap);
	va_end(ap);
	return -1;
}

static u32 crc32c(const void *buf, size_t len)
{
	const u8 *p = buf;
	u32 crc = ~0U;
	int bit;

	while (len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static u32 header_crc(const struct file_header *hdr)
{
	return crc32c(hdr, offsetof(struct file_header, crc));
}

static u64 area(u64 *at, u64 bytes)
{
	u64 start = *at;

	*at += (bytes + FILE_ALIGN - 1) / FILE_ALIGN * FILE_ALIGN;
	return start;
}

static struct file_layout lay_out(const struct nand_geometry *geo, u64 user_bytes)
{
	u64 at = FILE_ALIGN;
	u64 pages = nand_nr_pages(geo);
	struct file_layout l;

	l.user = area(&at, user_bytes);
	l.dies = area(&at, geo->dies * sizeof(struct nand_intent));
	l.blocks = area(&at, nand_nr_blocks(geo) * sizeof(struct nand_block_rec));
	l.pages = area(&at, pages * sizeof(struct nand_page_rec));
	l.oob = area(&at, pages * geo->oob_bytes);
	l.data = area(&at, pages * geo->page_bytes);
	l.size = at;
	return l;
}

/* --- contents ------------------------------------------------------------- */

static u8 *data_at(const struct file *f, u64 page)
{
	return f->map + f->hdr->layout.data + page * f->n.geo.page_bytes;
}

static u8 *oob_at(const struct file *f, u64 page)
{
	return f->map + f->hdr->layout.oob + page * f->n.geo.oob_bytes;
}

/* A file system that cannot allocate ahead gets no guarantee, but works. */
static int allocate(int fd, u64 start, u64 bytes)
{
	if (!bytes || !fallocate(fd, 0, (off_t)start, (off_t)bytes))
		return 0;
	return errno == EOPNOTSUPP ? 0 : -errno;
}

static int reserve_content(const struct file *f, u64 page, u32 in_block)
{
	const struct nand_geometry *geo = &f->n.geo;
	const struct file_layout *l = &f->hdr->layout;
	u32 step = max(RESERVE_BYTES / geo->page_bytes, 1U);
	u64 count = min(step, geo->pages - in_block);
	int err;

	if (in_block % step)
		return 0;
	err = allocate(f->fd, l->oob + page * geo->oob_bytes, count * geo->oob_bytes);
	if (err)
		return err;
	return allocate(f->fd, l->data + page * geo->page_bytes, count * geo->page_bytes);
}

static int file_reserve(struct nand *n, u64 page, bool content)
{
	const struct file *f = to_file(n);
	u32 in_block = page % n->geo.pages;
	u64 bytes = sizeof(struct nand_page_rec);
	int err;

	if (!in_block) {
		err = allocate(f->fd, f->hdr->layout.pages + page * bytes, n->geo.pages * bytes);
		if (err)
			return err;
	}
	return content ? reserve_content(f, page, in_block) : 0;
}

static int file_put(struct nand *n, u64 page, const void *data, const void *oob)
{
	struct file *f = to_file(n);

	memcpy(data_at(f, page), data, n->geo.page_bytes);
	if (n->geo.oob_bytes)
		memcpy(oob_at(f, page), oob, n->geo.oob_bytes);
	return 0;
}

static void file_get(const struct nand *n, u64 page, void *data, void *oob)
{
	const struct file *f = to_file(n);

	if (data)
		memcpy(data, data_at(f, page), n->geo.page_bytes);
	if (oob && n->geo.oob_bytes)
		memcpy(oob, oob_at(f, page), n->geo.oob_bytes);
}

/* The room goes back with the block's. */
static void file_drop(struct nand *n, u64 page)
{
}

/* Saves room only: what stays behind, no record refers to. */
static void punch(int fd, u64 start, u64 bytes)
{
	u64 first = (start + FILE_ALIGN - 1) / FILE_ALIGN * FILE_ALIGN;
	u64 end = (start + bytes) / FILE_ALIGN * FILE_ALIGN;

	if (end > first &&
	    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)first,
		      (off_t)(end - first)))
		return;
}

static void file_drop_block(struct nand *n, u64 first)
{
	const struct file *f = to_file(n);
	const struct file_layout *l = &f->hdr->layout;
	u64 oob = n->geo.oob_bytes, data = n->geo.page_bytes;

	punch(f->fd, l->oob + first * oob, n->geo.pages * oob);
	punch(f->fd, l->data + first * data, n->geo.pages * data);
}

static void unmap(struct file *f)
{
	if (f->map)
		munmap(f->map, f->hdr->layout.size);
	close(f->fd);
	free(f);
}

static bool is_idle(const struct nand *n)
{
	u32 die;

	for (die = 0; die < n->geo.dies; die++)
		if (n->intents[die].op)
			return false;
	return true;
}

static void file_destroy(struct nand *n)
{
	struct file *f = to_file(n);

	if (is_idle(n))
		nand_publish(&f->hdr->clean, 1);
	free(n->dies);
	unmap(f);
}

static const struct nand_store_ops file_ops = {
	.reserve = file_reserve,
	.put = file_put,
	.get = file_get,
	.drop = file_drop,
	.drop_block = file_drop_block,
	.destroy = file_destroy,
};

/* An image has no room for anything: what is there is mapped, and that privately. */
static int image_reserve(struct nand *n, u64 page, bool content)
{
	return -EROFS;
}

static void image_drop_block(struct nand *n, u64 first)
{
}

static const struct nand_store_ops image_ops = {
	.reserve = image_reserve,
	.put = file_put,
	.get = file_get,
	.drop = file_drop,
	.drop_block = image_drop_block,
	.destroy = file_destroy,
};

/* --- judging a file ------------------------------------------------------- */

static int check_identity(const struct opening *o, const struct file_header *hdr)
{
	if (memcmp(hdr->magic, FILE_MAGIC, sizeof(hdr->magic)))
		return refuse(o, "is not a state file of fio-vcard: it is left untouched");
	if (hdr->order != FILE_ORDER)
		return refuse(o, "was made on a machine of the other byte order");
	if (hdr->version > FILE_VERSION)
		return refuse(o,
			      "has version %u, this program knows up to %u: use a newer fio-vcard",
			      hdr->version, FILE_VERSION);
	if (!hdr->version)
		return refuse(o, "has version 0, which never existed: it is damaged");
	if (hdr->crc != header_crc(hdr))
		return refuse(o, "is damaged: its header has CRC %08x instead of %08x",
			      header_crc(hdr), hdr->crc);
	return 0;
}

static int check_shape(const struct opening *o, const struct file_header *hdr)
{
	const struct nand_geometry *have = &hdr->geo, *want = o->geo;
	struct file_layout l;

	if (nand_check_geometry(have) || hdr->user_bytes > MAX_USER_BYTES)
		return refuse(o,
			      "claims an absurd geometry: %u dies, %u blocks, %u pages of %u+%u bytes",
			      have->dies, have->blocks, have->pages, have->page_bytes,
			      have->oob_bytes);
	l = lay_out(have, hdr->user_bytes);
	if (memcmp(&l, &hdr->layout, sizeof(l)))
		return refuse(o, "is damaged: its layout does not follow from its geometry");
	if (want && memcmp(want, have, sizeof(*want)))
		return refuse(o,
			      "holds an array of %u dies x %u blocks x %u pages of %u+%u bytes (endurance %u), but %u x %u x %u of %u+%u (%u) is wanted: use another file",
			      have->dies, have->blocks, have->pages, have->page_bytes,
			      have->oob_bytes, have->endurance, want->dies, want->blocks,
			      want->pages, want->page_bytes, want->oob_bytes, want->endurance);
	if (hdr->user_bytes != o->user_bytes)
		return refuse(o,
			      "has a user area of %llu bytes, but %llu are wanted: it is from another fio-vcard",
			      (unsigned long long)hdr->user_bytes,
			      (unsigned long long)o->user_bytes);
	return 0;
}

static int check_size(const struct opening *o, const struct file_header *hdr, u64 size)
{
	unsigned long long have = size, want = hdr->layout.size;

	if (have < want)
		return refuse(o, "is truncated: %llu bytes of %llu", have, want);
	if (have > want)
		return refuse(o, "is %llu bytes long instead of %llu: something was appended to it",
			      have, want);
	return 0;
}

static int check_header(const struct opening *o, int fd)
{
	struct file_header hdr;
	struct stat st;
	ssize_t got;

	if (fstat(fd, &st))
		return refuse(o, "cannot be examined: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(o, "is not a regular file");
	got = pread(fd, &hdr, sizeof(hdr), 0);
	if (got < 0)
		return refuse(o, "cannot be read: %s", strerror(errno));
	if ((size_t)got < sizeof(hdr))
		return refuse(o,
			      "is truncated: %lld bytes are not even a header; remove it to have a new one made",
			      (long long)got);
	if (check_identity(o, &hdr) || check_shape(o, &hdr))
		return -1;
	return check_size(o, &hdr, st.st_size);
}

static int check_intents(const struct opening *o, const struct nand *n)
{
	u32 die;

	for (die = 0; die < n->geo.dies; die++) {
		const struct nand_intent *i = &n->intents[die];
		bool program = i->op == NAND_INTENT_PROGRAM || i->op == NAND_INTENT_STAGED;

		if (i->op > NAND_INTENT_ERASING ||
		    (i->op && i->block >= n->geo.blocks) ||
		    (program && i->page >= n->geo.pages))
			return refuse(o,
				      "is damaged: die %u was doing operation %u on block %u page %u",
				      die, i->op, i->block, i->page);
	}
	return 0;
}

static int check_blocks(const struct opening *o, const struct nand *n)
{
	u64 blocks = nand_nr_blocks(&n->geo);
	u64 i;

	for (i = 0; i < blocks; i++)
		if (n->blocks[i].write_ptr > n->geo.pages)
			return refuse(o,
				      "is damaged: die %llu block %llu has write pointer %u of %u pages",
				      (unsigned long long)(i / n->geo.blocks),
				      (unsigned long long)(i % n->geo.blocks),
				      n->blocks[i].write_ptr, n->geo.pages);
	return 0;
}

static int lock_file(const struct opening *o, int fd)
{
	if (!flock(fd, (o->look ? LOCK_SH : LOCK_EX) | LOCK_NB))
		return 0;
	if (errno == EWOULDBLOCK && o->look)
		return refuse(o, "is in use by a running fio-vcard: stop that first");
	if (errno == EWOULDBLOCK)
		return refuse(o, "is in use by another fio-vcard, or a tool is looking at it");
	return refuse(o, "cannot be locked: %s", strerror(errno));
}

/* --- making a file -------------------------------------------------------- */

static u64 random_seed(void)
{
	u64 seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (u64)getpid();
	return seed;
}

static int write_new(const struct opening *o, int fd)
{
	struct file_header hdr = {
		.version = FILE_VERSION,
		.order = FILE_ORDER,
		.geo = *o->geo,
		.user_bytes = o->user_bytes,
		.layout = lay_out(o->geo, o->user_bytes),
		.clean = 1,
		.seed = random_seed(),
	};
	int err;

	memcpy(hdr.magic, FILE_MAGIC, sizeof(hdr.magic));
	hdr.crc = header_crc(&hdr);
	if (ftruncate(fd, (off_t)hdr.layout.size))
		return refuse(o, "cannot be made %llu bytes long: %s",
			      (unsigned long long)hdr.layout.size, strerror(errno));
	err = allocate(fd, 0, hdr.layout.pages);
	if (err)
		return refuse(o, "cannot have %llu bytes allocated: %s",
			      (unsigned long long)hdr.layout.pages, strerror(-err));
	if (pwrite(fd, &hdr, sizeof(hdr), 0) != sizeof(hdr))
		return refuse(o, "cannot be written: %s", strerror(errno));
	return 0;
}

/* Neither way replaces a file that somebody else made meanwhile. */
static int give_name(const char *temp, const char *path)
{
	if (!link(temp, path))
		return 0;
	/* not every file system has links */
	if (errno != EPERM && errno != EOPNOTSUPP)
		return -1;
	return renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE);
}

static int make_at(const struct opening *o, char *temp)
{
	int fd = mkostemp(temp, O_CLOEXEC);
	int err;

	if (fd < 0)
		return refuse(o, "cannot be created: %s", strerror(errno));
	err = lock_file(o, fd);
	if (!err)
		err = write_new(o, fd);
	if (!err && give_name(temp, o->path))
		err = refuse(o, "cannot be created: %s", strerror(errno));
	unlink(temp);
	if (!err)
		return fd;
	close(fd);
	return -1;
}

/*
 * The file gets its name when it is whole and locked: nobody ever sees a half
 * made one, and a kill leaves at worst a stray temporary file.
 */
static int make_file(const struct opening *o)
{
	char *temp;
	int fd;

	if (nand_check_geometry(o->geo) || o->user_bytes > MAX_USER_BYTES)
		return refuse(o,
			      "cannot be made with an absurd geometry: %u dies, %u blocks, %u pages of %u+%u bytes",
			      o->geo->dies, o->geo->blocks, o->geo->pages,
			      o->geo->page_bytes, o->geo->oob_bytes);
	if (asprintf(&temp, "%s.XXXXXX", o->path) < 0)
		return refuse(o, "cannot be created: %s", strerror(ENOMEM));
	fd = make_at(o, temp);
	free(temp);
	return fd;
}

/* --- opening -------------------------------------------------------------- */

static int open_existing(const struct opening *o, int fd)
{
	if (!lock_file(o, fd) && !check_header(o, fd))
		return fd;
	close(fd);
	return -1;
}

static int open_or_make(const struct opening *o, bool *made)
{
	int fd = open(o->path, (o->look ? O_RDONLY : O_RDWR) | O_CLOEXEC);

	*made = fd < 0 && errno == ENOENT && o->geo;
	if (*made)
		return make_file(o);
	if (fd < 0)
		return refuse(o, "cannot be opened: %s", strerror(errno));
	return open_existing(o, fd);
}

static int map_file(const struct opening *o, struct file *f)
{
	struct stat st;
	void *map;

	if (fstat(f->fd, &st))
		return refuse(o, "cannot be examined: %s", strerror(errno));
	map = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE,
		   o->look ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED, f->fd, 0);
	if (map == MAP_FAILED)
		return refuse(o, "cannot be mapped: %s", strerror(errno));
	f->map = map;
	f->hdr = map;
	return 0;
}

static int set_up_array(const struct opening *o, struct file *f)
{
	const struct file_layout *l = &f->hdr->layout;
	struct nand *n = &f->n;

	n->geo = f->hdr->geo;
	n->ops = o->look ? &image_ops : &file_ops;
	n->intents = (void *)(f->map + l->dies);
	n->blocks = (void *)(f->map + l->blocks);
	n->pages = (void *)(f->map + l->pages);
	n->user = f->hdr->user_bytes ? f->map + l->user : NULL;
	n->seed = f->hdr->seed;
	n->seed_store = &f->hdr->seed;
	if (check_intents(o, n) || check_blocks(o, n))
		return -1;
	n->dies = calloc(n->geo.dies, sizeof(*n->dies));
	if (!n->dies)
		return refuse(o, "cannot be opened: %s", strerror(ENOMEM));
	n->was_closed = f->hdr->clean;
	nand_publish(&f->hdr->clean, 0);
	n->was_cut = nand_power_cut(n) > 0;
	return 0;
}

static struct nand *open_fd(const struct opening *o, int fd)
{
	struct file *f = calloc(1, sizeof(*f));

	if (!f) {
		refuse(o, "cannot be opened: %s", strerror(ENOMEM));
		close(fd);
		return NULL;
	}
	f->fd = fd;
	if (map_file(o, f) || set_up_array(o, f)) {
		unmap(f);
		return NULL;
	}
	return &f->n;
}

static struct nand *open_array(const struct opening *o)
{
	struct nand *n;
	bool made;
	int fd = open_or_make(o, &made);

	if (fd < 0)
		return NULL;
	n = open_fd(o, fd);
	if (n)
		n->is_new = made;
	return n;
}

struct nand *nand_open_file(const char *path, const struct nand_geometry *geo,
			    size_t user_bytes, char *err, size_t err_len)
{
	const struct opening o = {
		.path = path,
		.geo = geo,
		.user_bytes = user_bytes,
		.err = err,
		.err_len = err_len,
	};

	return open_array(&o);
}

struct nand *nand_open_image(const char *path, size_t user_bytes, char *err, size_t err_len)
{
	const struct opening o = {
		.path = path,
		.user_bytes = user_bytes,
		.look = true,
		.err = err,
		.err_len = err_len,
	};

	return open_array(&o);
}
