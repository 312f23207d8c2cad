// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module entry and exit, parameters, and what all cards share.
 *
 * Owns: the order in which the module's parts come and go. Does not know cards:
 * pci.c makes them.
 */

#include <linux/module.h>

#include "card.h"

bool fio_auto_attach = true;
module_param_named(auto_attach, fio_auto_attach, bool, 0444);
MODULE_PARM_DESC(auto_attach, "Attach formatted cards when they are found (default: Y)");

bool fio_preallocate;
module_param_named(preallocate, fio_preallocate, bool, 0444);
MODULE_PARM_DESC(preallocate,
		 "Take all memory that cards may ever need when they attach, for swap (default: N)");

unsigned int fio_scrub_days = 14;
module_param_named(scrub_days, fio_scrub_days, uint, 0444);
MODULE_PARM_DESC(scrub_days, "Days in which all data is read once and refreshed if need be, 0: never (default: 14)");

unsigned int fio_command_timeout = 15;
module_param_named(command_timeout, fio_command_timeout, uint, 0444);
MODULE_PARM_DESC(command_timeout,
		 "Seconds after which a command without an answer resets the card (default: 15)");

/* Attach, detach, format. A dying card waits for them, so it has a rescuer too. */
struct workqueue_struct *fio_op_workqueue;
/* Resets: never behind anything that waits for one, rescuer included. */
struct workqueue_struct *fio_reset_workqueue;
/* Ends of commands that never reached a card; resets wait for these. */
struct workqueue_struct *fio_end_workqueue;

/**
 * fio_build() - identifies the sources this module was built from
 * Return: a constant string.
 */
const char *fio_build(void)
{
	return THIS_MODULE->srcversion ? THIS_MODULE->srcversion : "unknown";
}

static int make_workqueues(void)
{
	fio_op_workqueue = alloc_workqueue("fio-op", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	fio_reset_workqueue = alloc_workqueue("fio-reset", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	fio_end_workqueue = alloc_workqueue("fio-end", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return fio_op_workqueue && fio_reset_workqueue && fio_end_workqueue ? 0 : -ENOMEM;
}

static void destroy_workqueues(void)
{
	if (fio_end_workqueue)
		destroy_workqueue(fio_end_workqueue);
	if (fio_reset_workqueue)
		destroy_workqueue(fio_reset_workqueue);
	if (fio_op_workqueue)
		destroy_workqueue(fio_op_workqueue);
}

static int __init fio_hal_init(void)
{
	int err;

	pr_info(FIO_HAL_NAME ": ioMemory-class flash cards, version %s, build %s\n",
		FIO_HAL_VERSION, fio_build());
	fio_scrub_days = min(fio_scrub_days, 3650U);
	fio_command_timeout = clamp(fio_command_timeout, 1U, 3600U);
	err = make_workqueues();
	if (err)
		goto out_workqueues;
	err = fio_bus_init();
	if (err)
		goto out_workqueues;
	err = fio_cdev_init();
	if (err)
		goto out_bus;
	err = pci_register_driver(&fio_pci_driver);
	if (err)
		goto out_cdev;
	return 0;

out_cdev:
	fio_cdev_exit();
out_bus:
	fio_bus_exit();
out_workqueues:
	destroy_workqueues();
	return err;
}

static void __exit fio_hal_exit(void)
{
	pci_unregister_driver(&fio_pci_driver);
	fio_cards_wait();
	fio_cdev_exit();
	fio_bus_exit();
	destroy_workqueues();
}

module_init(fio_hal_init);
module_exit(fio_hal_exit);

MODULE_AUTHOR("The fio-flash authors");
MODULE_DESCRIPTION("Hardware layer and FTL for ioMemory-class flash cards");
MODULE_VERSION(FIO_HAL_VERSION);
MODULE_LICENSE("GPL");
