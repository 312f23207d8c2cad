/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where kernels differ, outside the block layer.
 *
 * The code is written for the newest kernel. What an older one spells
 * differently gets the newest spelling here, decided by the answers of
 * probe.sh, never by a version number. A definition goes when the oldest
 * supported kernel has the real thing. PCI's differences are in fio_compat_pci.h,
 * for hal/ alone, the block layer's in fio_compat_blk.h, for blk/ alone.
 */
#ifndef FIO_COMPAT_H
#define FIO_COMPAT_H

#include <linux/module.h>

#include "fio_compat_gen.h"

/*
 * Symbol namespace. The name is written out in both branches: passed through a
 * macro, 5.10 exports into a namespace called like the macro and nothing notices.
 */
#if FIO_HAVE_NS_STRING
#define FIO_EXPORT(sym)	EXPORT_SYMBOL_NS_GPL(sym, "FIO_HAL")
#define FIO_IMPORT_NS()		MODULE_IMPORT_NS("FIO_HAL")
#else
#define FIO_EXPORT(sym)	EXPORT_SYMBOL_NS_GPL(sym, FIO_HAL)
#define FIO_IMPORT_NS()		MODULE_IMPORT_NS(FIO_HAL)
#endif

/*
 * Argument types of bus_type callbacks: const in the newest. bus_register() took
 * a const bus before match() took a const driver, so one answer does for both.
 */
#if FIO_HAVE_BUS_MATCH_CONST
#define fio_match_driver	const struct device_driver
#define fio_bus_type		const struct bus_type
#else
#define fio_match_driver	struct device_driver
#define fio_bus_type		struct \
				bus_type
#endif

#if FIO_HAVE_BUS_UEVENT_CONST
#define fio_uevent_device	const struct device
#else
#define fio_uevent_device	struct device
#endif

/*
 * FIO_BUS_REMOVE() - the .remove operation of a bus
 * @name: it becomes name_op() and calls void name(struct device *)
 */
#if FIO_HAVE_BUS_REMOVE_VOID
#define FIO_BUS_REMOVE(name)						\
static void name##_op(struct device *dev)				\
{									\
	name(dev);							\
}
#else
#define FIO_BUS_REMOVE(name)						\
static int name##_op(struct device *dev)				\
{									\
	name(dev);							\
	return 0;							\
}
#endif

#endif /* FIO_COMPAT_H */
