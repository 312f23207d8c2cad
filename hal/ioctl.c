// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be asked of /dev/fctN: one table, one way in and out.
 *
 * Owns: the rules of uapi/linux/fio_ioctl.h, which are checked here once for all
 * commands (size, unknown fields, reserved fields, privilege). Does not know how
 * a card does what it is asked.
 *
 * The number in the command decides, not the size encoded in it: programs of
 * other versions encode other sizes. The size that holds is the structure's first
 * field.
 */

#include <linux/capability.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "card.h"

/* No structure will ever need more, and a size is not a way to ask for memory. */
#define FIO_IOC_MAX_SIZE	PAGE_SIZE

/**
 * struct fio_ioctl_row - one command
 * @cmd: as the header defines it
 * @size: of the structure as this driver knows it
 * @min: of the structure's first version
 * @reserved: what comes in must be zero from this byte to @min; 0: nothing must be.
 *	Later versions only add what comes out
 * @admin: needs CAP_SYS_ADMIN
 * @waits: may wait for long: runs with the card only kept in memory
 * @fn: does it; @arg is in and out
 */
struct fio_ioctl_row {
	unsigned int cmd;
	u16 size;
	u16 min;
	u16 reserved;
	bool admin;
	bool waits;
	int (*fn)(struct fio_card *card, void *arg);
};

static int do_info(struct fio_card *card, void *arg)
{
	struct fio_ioc_info *info = arg;

	fio_card_fill_info(card, info);
	fio_unit_disk_name(card, info->disk_name, sizeof(info->disk_name));
	return 0;
}

static int do_health(struct fio_card *card, void *arg)
{
	return fio_card_fill_health(card, arg);
}

static int do_unit(struct fio_card *card, void *arg)
{
	fio_card_fill_unit(card, arg);
	return 0;
}

static int do_attach(struct fio_card *card, void *arg)
{
	const struct fio_ioc_attach *a = arg;

	if (a->flags & ~FIO_ATTACH_FLAGS)
		return -EINVAL;
	return fio_attach_start(card, a->flags);
}

static int do_detach(struct fio_card *card, void *arg)
{
	return fio_detach_start(card);
}

static int do_format(struct fio_card *card, void *arg)
{
	return fio_format_start(card, arg);
}

static int do_progress(struct fio_card *card, void *arg)
{
	return fio_card_progress(card, arg);
}

static int do_beacon(struct fio_card *card, void *arg)
{
	const struct fio_ioc_beacon *b = arg;

	if (b->op > 1 || b->on > 1)
		return -EINVAL;
	if (b->op && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return fio_card_beacon(card, arg);
}

static int do_media(struct fio_card *card, void *arg)
{
	return fio_media_look(card, arg);
}

#define ROW(name, type, v1_end, ...)					\
	[_IOC_NR(FIO_IOC_##name)] = {					\
		.cmd = FIO_IOC_##name,					\
		.size = sizeof(struct type),				\
		.min = offsetofend(struct type, v1_end),		\
		__VA_ARGS__						\
	}

static const struct fio_ioctl_row rows[] = {
	ROW(INFO, fio_ioc_info, reserved, .fn = do_info,
	    .reserved = offsetof(struct fio_ioc_info, reserved)),
	ROW(HEALTH, fio_ioc_health, reserved, .fn = do_health,
	    .reserved = offsetof(struct fio_ioc_health, reserved)),
	ROW(UNIT, fio_ioc_unit, reserved, .fn = do_unit,
	    .reserved = offsetof(struct fio_ioc_unit, reserved)),
	ROW(ATTACH, fio_ioc_attach, flags, .fn = do_attach, .admin = true),
	ROW(DETACH, fio_ioc_detach, flags, .fn = do_detach, .admin = true,
	    .reserved = offsetof(struct fio_ioc_detach, flags)),
	ROW(FORMAT, fio_ioc_format, uuid, .fn = do_format, .admin = true),
	ROW(PROGRESS, fio_ioc_progress, pad, .fn = do_progress, .waits = true,
	    .reserved = offsetof(struct fio_ioc_progress, pad)),
	ROW(BEACON, fio_ioc_beacon, pad, .fn = do_beacon,
	    .reserved = offsetof(struct fio_ioc_beacon, pad)),
	ROW(MEDIA, fio_ioc_media, xor_groups, .fn = do_media, .admin = true),
};

static const struct fio_ioctl_row *find_row(unsigned int cmd)
{
	unsigned int nr = _IOC_NR(cmd);
	const struct fio_ioctl_row *row;

	if (_IOC_TYPE(cmd) != FIO_IOC_MAGIC || nr >= ARRAY_SIZE(rows))
		return NULL;
	row = &rows[array_index_nospec(nr, ARRAY_SIZE(rows))];
	return row->fn && _IOC_DIR(row->cmd) == _IOC_DIR(cmd) ? row : NULL;
}

/* The caller's structure, zero-extended to ours; the caller's size in @usize. */
static void *copy_in(const struct fio_ioctl_row *row, void __user *user,
		     u32 *usize)
{
	void *arg;
	int err;

	if (get_user(*usize, (u32 __user *)user))
		return ERR_PTR(-EFAULT);
	if (*usize < row->min)
		return ERR_PTR(-EINVAL);
	if (*usize > FIO_IOC_MAX_SIZE)
		return ERR_PTR(-E2BIG);
	arg = kzalloc(row->size, GFP_KERNEL);
	if (!arg)
		return ERR_PTR(-ENOMEM);
	err = copy_struct_from_user(arg, row->size, user, *usize);
	if (!err && row->reserved &&
	    memchr_inv(arg + row->reserved, 0, row->min - row->reserved))
		err = -EINVAL;
	if (!err)
		return arg;
	kfree(arg);
	return ERR_PTR(err);
}

/* What both sides know; the size that the caller set stays as it is. */
static int copy_out(const struct fio_ioctl_row *row, void __user *user,
		    const void *arg, u32 usize)
{
	size_t len = min_t(size_t, usize, row->size) - sizeof(u32);

	if (!(_IOC_DIR(row->cmd) & _IOC_READ))
		return 0;
	return copy_to_user(user + sizeof(u32), arg + sizeof(u32), len) ?
		-EFAULT : 0;
}

static int run_row(const struct fio_ioctl_row *row, struct file *file, void *arg)
{
	struct fio_card *card = fio_cdev_enter(file);
	int err;

	if (!card)
		return -ENODEV;
	/* the descriptor keeps the card's memory; removal ends the wait */
	if (row->waits)
		fio_cdev_leave(file);
	err = row->fn(card, arg);
	if (!row->waits)
		fio_cdev_leave(file);
	return err;
}

/**
 * fio_ioctl() - .unlocked_ioctl of control nodes
 * @file: the node
 * @cmd: FIO_IOC_*
 * @arg: user address of the command's structure
 *
 * Context: process; may sleep.
 * Return: 0 or -errno: -ENOTTY unknown command, -EINVAL too small, unknown flag
 * or reserved field set, -E2BIG a field set that this driver does not know, -EPERM,
 * -ENODEV card gone, -EFAULT, or the command's own.
 */
long fio_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct fio_ioctl_row *row = find_row(cmd);
	void __user *user = (void __user *)arg;
	void *data;
	u32 usize;
	int err;

	if (!row)
		return -ENOTTY;
	if (row->admin && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	data = copy_in(row, user, &usize);
	if (IS_ERR(data))
		return PTR_ERR(data);
	err = run_row(row, file, data);
	if (!err)
		err = copy_out(row, user, data, usize);
	kfree(data);
	return err;
}
