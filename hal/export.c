// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every symbol that leaves fio-hal, in one place: what fio/hal.h declares and
 * nothing else, in the namespace FIO_HAL.
 */

#include <fio/hal.h>

#include "fio_compat.h"

FIO_EXPORT(fio_personality_register);
FIO_EXPORT(fio_personality_unregister);
FIO_EXPORT(fio_unit_info);
FIO_EXPORT(fio_unit_device);
FIO_EXPORT(fio_unit_set_data);
FIO_EXPORT(fio_unit_data);
FIO_EXPORT(fio_unit_get);
FIO_EXPORT(fio_unit_put);
FIO_EXPORT(fio_queue_cpus);
FIO_EXPORT(fio_submit);
FIO_EXPORT(fio_commit);
FIO_EXPORT(fio_poll);
FIO_EXPORT(fio_timeout);
