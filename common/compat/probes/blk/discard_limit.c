// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk that discards is one with a limit for it; the flag is gone.
 * 5.19, "block: remove QUEUE_FLAG_DISCARD".
 */
#include <linux/blkdev.h>

#if PROBE_NEW
#ifdef QUEUE_FLAG_DISCARD
#error "the flag is needed"
#endif
#else
const int fio_probe = QUEUE_FLAG_DISCARD;
#endif
