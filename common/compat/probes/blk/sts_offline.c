// SPDX-License-Identifier: GPL-2.0-only
/*
 * There is a status for a device that is gone, which readers see as ENODEV.
 * 5.18, "block: introduce BLK_STS_OFFLINE".
 */
#include <linux/blk_types.h>

#if PROBE_NEW
const blk_status_t fio_probe = BLK_STS_OFFLINE;
#else
const blk_status_t fio_probe = BLK_STS_IOERR;
#endif
