// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/fctN: one control node per card, from probe to removal of the card.
 *
 * Owns: the class "fio", the node and its life, and the promise that nothing is
 * inside the card through a node once the node is destroyed. Does not know: what
 * can be asked of a card (ioctl.c) or read from it (sysfs.c).
 *
 * A descriptor keeps the node, and the node the card, in memory; what a gone
 * card answers is ENODEV.
 */

#include <linux/cdev.h>
#include <linux/fs.h>
#include <linux/slab.h>

#include "card.h"

#define FIO_NODES	256

/**
 * struct fio_node - a control node
 * @dev: fctN of class fio; holds the references, of which @cdev has one
 * @cdev: what open() finds
 * @card: a reference is held
 * @lock: read by who is inside the card; outside of all locks of the card
 * @gone: the card must not be entered any more; under @lock
 */
struct fio_node {
	struct device dev;
	struct cdev cdev;
	struct fio_card *card;
	struct rw_semaphore lock;
	bool gone;
};

static dev_t fio_devt;

/* protects card->cdev_dev; taken with no other lock held */
static DEFINE_MUTEX(fio_cdev_lock);

static struct class fio_class = {
	.name		= "fio",
	.dev_groups	= fio_card_groups,
};

static struct fio_node *to_node(struct device *dev)
{
	return container_of(dev, struct fio_node, dev);
}

/**
 * fio_cdev_enter() - begin to use the card behind a descriptor
 * @file: of a control node
 *
 * Context: may sleep. Ends with fio_cdev_leave(); wait for nothing that takes
 * long in between, because removal of the card waits.
 * Return: the card, or NULL when it is gone.
 */
struct fio_card *fio_cdev_enter(struct file *file)
{
	struct fio_node *node = file->private_data;

	down_read(&node->lock);
	if (!node->gone)
		return node->card;
	up_read(&node->lock);
	return NULL;
}

/**
 * fio_cdev_leave() - what fio_cdev_enter() began has ended
 * @file: the same
 */
void fio_cdev_leave(struct file *file)
{
	struct fio_node *node = file->private_data;

	up_read(&node->lock);
}

static int node_open(struct inode *inode, struct file *file)
{
	/* the descriptor holds the cdev, which holds the device around it */
	file->private_data = container_of(inode->i_cdev, struct fio_node, cdev);
	return nonseekable_open(inode, file);
}

static const struct file_operations node_fops = {
	.owner		= THIS_MODULE,
	.open		= node_open,
	.unlocked_ioctl	= fio_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static void node_release(struct device *dev)
{
	struct fio_node *node = to_node(dev);

	fio_card_put(node->card);
	kfree(node);
}

static struct fio_node *node_alloc(struct fio_card *card)
{
	struct fio_node *node = kzalloc(sizeof(*node), GFP_KERNEL);

	if (!node)
		return NULL;
	init_rwsem(&node->lock);
	node->card = fio_card_get(card);
	device_initialize(&node->dev);
	node->dev.class = &fio_class;
	node->dev.parent = &card->pdev->dev;
	node->dev.release = node_release;
	node->dev.devt = fio_devt + card->index;
	dev_set_drvdata(&node->dev, card);
	cdev_init(&node->cdev, &node_fops);
	node->cdev.owner = THIS_MODULE;
	return node;
}

static void set_device(struct fio_card *card, struct device *dev)
{
	mutex_lock(&fio_cdev_lock);
	card->cdev_dev = dev;
	mutex_unlock(&fio_cdev_lock);
}

/**
 * fio_cdev_create() - make the card's control node
 * @card: the card, with its name and index
 *
 * Context: may sleep.
 * Return: 0 or -errno.
 */
int fio_cdev_create(struct fio_card *card)
{
	struct fio_node *node;
	int err;

	if (card->index >= FIO_NODES)
		return -ENOSPC;
	node = node_alloc(card);
	if (!node)
		return -ENOMEM;
	err = dev_set_name(&node->dev, "%s", card->name);
	if (!err)
		err = cdev_device_add(&node->cdev, &node->dev);
	if (err)
		put_device(&node->dev);
	else
		set_device(card, &node->dev);
	return err;
}

/**
 * fio_cdev_destroy() - take the control node away
 * @card: the card, with or without a node
 *
 * Who is inside the card through the node has left when this returns, and
 * nobody enters any more. Descriptors stay valid and answer ENODEV.
 *
 * Context: may sleep; no lock of the card held.
 */
void fio_cdev_destroy(struct fio_card *card)
{
	struct device *dev = card->cdev_dev;
	struct fio_node *node;

	if (!dev)
		return;
	node = to_node(dev);
	set_device(card, NULL);
	down_write(&node->lock);
	node->gone = true;
	up_write(&node->lock);
	cdev_device_del(&node->cdev, &node->dev);
	put_device(&node->dev);
}

/**
 * fio_cdev_visit() - do something with a card's class device, if it has one
 * @card: the card
 * @fn: called with the device, which stays while it runs
 *
 * Context: may sleep.
 */
void fio_cdev_visit(struct fio_card *card,
		    void (*fn)(struct fio_card *card, struct device *dev))
{
	mutex_lock(&fio_cdev_lock);
	if (card->cdev_dev)
		fn(card, card->cdev_dev);
	mutex_unlock(&fio_cdev_lock);
}

/**
 * fio_cdev_init() - register the class and the range of numbers
 * Context: module load, before any card is probed.
 * Return: 0 or -errno.
 */
int fio_cdev_init(void)
{
	int err = alloc_chrdev_region(&fio_devt, 0, FIO_NODES, "fct");

	if (err)
		return err;
	err = class_register(&fio_class);
	if (err)
		unregister_chrdev_region(fio_devt, FIO_NODES);
	return err;
}

/**
 * fio_cdev_exit() - undo fio_cdev_init(); no node is left
 */
void fio_cdev_exit(void)
{
	class_unregister(&fio_class);
	unregister_chrdev_region(fio_devt, FIO_NODES);
}
