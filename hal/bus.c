// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fio bus: attached cards as devices, personalities as drivers.
 *
 * Owns: struct fio_unit and its life, the binding of a personality to it, and
 * the order in which a personality hears of things. Does not know: what attach
 * or a reset do, nor what a personality makes of a unit.
 *
 * Two kinds of calls go to a personality. probe() and remove() come from the
 * driver core, under the device lock, with no lock of the card held: both do
 * I/O, which may need a reset to end. All others come from the card, under
 * unit_mutex, and only while the personality has its data set: it sets the data
 * when it is ready for them, and takes it back (which waits for a call under
 * way) when it is not any more. So a reset in the middle of probe() or remove()
 * reaches the personality, and none reaches one that has freed its disk.
 *
 * What a personality missed before it was ready is told to it when it sets its
 * data: a stop that is in force, or that the card is dead.
 */

#include <linux/slab.h>

#include "card.h"
#include "fio_compat.h"

/* udev loads what has this alias; one kind of unit so far */
#define FIO_UNIT_MODALIAS	"fio:block"

/**
 * struct fio_driver - a registered personality
 * @drv: what the driver core knows of it
 * @p: the personality
 */
struct fio_driver {
	struct device_driver drv;
	struct fio_personality *p;
};

static struct fio_unit *to_unit(struct device *dev)
{
	return container_of(dev, struct fio_unit, dev);
}

static struct fio_driver *to_driver(struct device_driver *drv)
{
	return container_of(drv, struct fio_driver, drv);
}

/* A unit is a plain array of blocks: every personality can take it. */
static int bus_match(struct device *dev, fio_match_driver *drv)
{
	return 1;
}

static int bus_uevent(fio_uevent_device *dev, struct kobj_uevent_env *env)
{
	const struct fio_unit *u = container_of(dev, struct fio_unit, dev);
	int err = add_uevent_var(env, "MODALIAS=" FIO_UNIT_MODALIAS);

	return err ? err : add_uevent_var(env, "FIO_CARD=%s", u->card->name);
}

static ssize_t modalias_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, FIO_UNIT_MODALIAS "\n");
}
static DEVICE_ATTR_RO(modalias);

static ssize_t control_node_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_unit(dev)->card->name);
}
static DEVICE_ATTR_RO(control_node);

/*
 * Parents of the disk are all that a udev rule can ask: what names are made of is
 * here and not only with the control node.
 */
static ssize_t serial_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_unit(dev)->card->id.serial);
}
static DEVICE_ATTR_RO(serial);

static ssize_t product_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_unit(dev)->card->id.product);
}
static DEVICE_ATTR_RO(product);

static struct attribute *unit_attrs[] = {
	&dev_attr_modalias.attr,
	&dev_attr_control_node.attr,
	&dev_attr_serial.attr,
	&dev_attr_product.attr,
	NULL,
};
ATTRIBUTE_GROUPS(unit);

static void unit_bind(struct fio_unit *u, struct fio_personality *p)
{
	mutex_lock(&u->card->unit_mutex);
	u->personality = p;
	u->data = NULL;
	mutex_unlock(&u->card->unit_mutex);
}

static int bus_probe(struct device *dev)
{
	struct fio_personality *p = to_driver(dev->driver)->p;
	struct fio_unit *u = to_unit(dev);
	int err;

	unit_bind(u, p);
	err = p->probe(u);
	if (err)
		unit_bind(u, NULL);
	return err;
}

static void bus_remove(struct device *dev)
{
	struct fio_unit *u = to_unit(dev);

	to_driver(dev->driver)->p->remove(u);
	unit_bind(u, NULL);
}

FIO_BUS_REMOVE(bus_remove)

static fio_bus_type fio_bus = {
	.name		= "fio",
	.match		= bus_match,
	.uevent		= bus_uevent,
	.probe		= bus_probe,
	.remove		= bus_remove_op,
	.dev_groups	= unit_groups,
};

/**
 * fio_bus_init() - register the bus
 * Context: module load, before any card is probed.
 * Return: 0 or -errno.
 */
int fio_bus_init(void)
{
	return bus_register(&fio_bus);
}

/**
 * fio_bus_exit() - unregister the bus; no unit and no personality is left
 */
void fio_bus_exit(void)
{
	bus_unregister(&fio_bus);
}

static void unit_release(struct device *dev)
{
	struct fio_unit *u = to_unit(dev);

	fio_card_put(u->card);
	mutex_destroy(&u->life);
	kfree(u);
}

static struct fio_unit *unit_alloc(struct fio_card *card)
{
	struct fio_unit *u = kzalloc(sizeof(*u), GFP_KERNEL);

	if (!u)
		return NULL;
	mutex_init(&u->life);
	u->card = fio_card_get(card);
	device_initialize(&u->dev);
	u->dev.bus = &fio_bus;
	u->dev.parent = &card->pdev->dev;
	u->dev.release = unit_release;
	set_dev_node(&u->dev, dev_to_node(&card->pdev->dev));
	return u;
}

static void set_unit(struct fio_card *card, struct fio_unit *u)
{
	mutex_lock(&card->unit_mutex);
	card->unit = u;
	mutex_unlock(&card->unit_mutex);
}

/**
 * fio_unit_create() - offer an attached card to personalities
 * @card: the card; its I/O path is open
 *
 * A personality that is loaded is bound before this returns, and may do I/O.
 *
 * Context: may sleep; no lock of the card held.
 * Return: 0 or -errno.
 */
int fio_unit_create(struct fio_card *card)
{
	struct fio_unit *u = unit_alloc(card);
	int err;

	if (!u)
		return -ENOMEM;
	err = dev_set_name(&u->dev, "unit%u", card->index);
	if (err)
		goto out_put;
	/* from here on, fio_unit_destroy() waits for what follows */
	mutex_lock(&u->life);
	set_unit(card, u);
	err = device_add(&u->dev);
	if (err)
		set_unit(card, NULL);
	mutex_unlock(&u->life);
	if (!err)
		return 0;
out_put:
	put_device(&u->dev);
	return err;
}

/* The card's unit with a reference, or NULL. */
static struct fio_unit *unit_of(struct fio_card *card)
{
	struct fio_unit *u;

	mutex_lock(&card->unit_mutex);
	u = card->unit;
	if (u)
		get_device(&u->dev);
	mutex_unlock(&card->unit_mutex);
	return u;
}

/**
 * fio_unit_destroy() - take the unit from its personality, wait until it has let go
 * @card: the card; dead, or able to end what is outstanding
 *
 * Of several callers at once one does it and all wait. The card's other calls
 * reach the personality until it is done.
 *
 * Context: may sleep; no lock of the card held.
 */
void fio_unit_destroy(struct fio_card *card)
{
	struct fio_unit *u = unit_of(card);

	if (!u)
		return;
	mutex_lock(&u->life);
	if (card->unit == u) {
		device_del(&u->dev);
		set_unit(card, NULL);
		put_device(&u->dev);
	}
	mutex_unlock(&u->life);
	put_device(&u->dev);
}

/* The unit, if somebody is there to be called. */
static struct fio_unit *bound_unit(struct fio_card *card)
{
	struct fio_unit *u = card->unit;

	lockdep_assert_held(&card->unit_mutex);
	return u && u->personality && u->data ? u : NULL;
}

/**
 * fio_unit_quiesce() - have the personality submit nothing, or go on
 * @card: the card
 * @stop: true: nothing is submitted once this has returned; calls pair
 *
 * Context: may sleep.
 */
void fio_unit_quiesce(struct fio_card *card, bool stop)
{
	struct fio_unit *u;

	mutex_lock(&card->unit_mutex);
	if (card->unit)
		card->unit->stopped = stop;
	u = bound_unit(card);
	if (u)
		u->personality->quiesce(u, stop);
	mutex_unlock(&card->unit_mutex);
}

/**
 * fio_unit_dead() - tell the personality that the card died
 * @card: the card; from now on fio_submit() answers -ENODEV
 *
 * Context: may sleep.
 */
void fio_unit_dead(struct fio_card *card)
{
	struct fio_unit *u;

	mutex_lock(&card->unit_mutex);
	if (card->unit)
		card->unit->dead = true;
	u = bound_unit(card);
	if (u)
		u->personality->dead(u);
	mutex_unlock(&card->unit_mutex);
}

/**
 * fio_unit_claim_idle() - refuse new users of the unit if there are none now
 * @card: the card
 *
 * Context: may sleep, for about a second while somebody uses the unit.
 * Return: 0, or -EBUSY when it is in use.
 */
int fio_unit_claim_idle(struct fio_card *card)
{
	struct fio_unit *u;
	int err = 0;

	mutex_lock(&card->unit_mutex);
	u = bound_unit(card);
	if (u && u->personality->claim_idle)
		err = u->personality->claim_idle(u);
	mutex_unlock(&card->unit_mutex);
	return err;
}

/**
 * fio_unit_release_idle() - a detach was called off: users are welcome again
 * @card: the card
 *
 * Context: may sleep.
 */
void fio_unit_release_idle(struct fio_card *card)
{
	struct fio_unit *u;

	mutex_lock(&card->unit_mutex);
	u = bound_unit(card);
	if (u && u->personality->release_idle)
		u->personality->release_idle(u);
	mutex_unlock(&card->unit_mutex);
}

/**
 * fio_unit_cache_changed() - tell the personality to read volatile_cache again
 * @card: the card
 *
 * Context: may sleep.
 */
void fio_unit_cache_changed(struct fio_card *card)
{
	struct fio_unit *u;

	mutex_lock(&card->unit_mutex);
	u = bound_unit(card);
	if (u && u->personality->cache_changed)
		u->personality->cache_changed(u);
	mutex_unlock(&card->unit_mutex);
}

/**
 * fio_unit_disk_name() - what the personality calls its disk
 * @card: the card
 * @buf: receives the name of the unit's child device, empty if it has none
 * @len: bytes in @buf
 *
 * Context: may sleep.
 */
void fio_unit_disk_name(struct fio_card *card, char *buf, size_t len)
{
	struct fio_unit *u = unit_of(card);
	struct device *child = u ? device_find_any_child(&u->dev) : NULL;

	strscpy(buf, child ? dev_name(child) : "", len);
	if (child)
		put_device(child);
	if (u)
		put_device(&u->dev);
}

/**
 * fio_personality_register() - become a driver for units
 * @p: stays until fio_personality_unregister()
 *
 * Units that exist are probed before this returns.
 *
 * Context: may sleep.
 * Return: 0 or -errno.
 */
int fio_personality_register(struct fio_personality *p)
{
	struct fio_driver *d = kzalloc(sizeof(*d), GFP_KERNEL);
	int err;

	if (!d)
		return -ENOMEM;
	d->p = p;
	d->drv.name = p->name;
	d->drv.owner = p->owner;
	d->drv.bus = &fio_bus;
	err = driver_register(&d->drv);
	if (err) {
		kfree(d);
		return err;
	}
	p->priv = d;
	return 0;
}

/**
 * fio_personality_unregister() - let go of all units
 * @p: the personality; its remove() has returned for every unit
 *
 * Context: may sleep.
 */
void fio_personality_unregister(struct fio_personality *p)
{
	struct fio_driver *d = p->priv;

	driver_unregister(&d->drv);
	p->priv = NULL;
	kfree(d);
}

/**
 * fio_unit_device() - the unit's device, parent of what a personality makes
 * @u: the unit
 * Return: the device; no reference is taken.
 */
struct device *fio_unit_device(struct fio_unit *u)
{
	return &u->dev;
}

/**
 * fio_unit_set_data() - say that callbacks may come, or that they must not
 * @u: the unit
 * @data: what fio_unit_data() returns; NULL: no callback runs any more once
 *	this has returned
 *
 * Context: probe() and remove() of the personality; may sleep.
 */
void fio_unit_set_data(struct fio_unit *u, void *data)
{
	mutex_lock(&u->card->unit_mutex);
	u->data = data;
	if (data && u->dead)
		u->personality->dead(u);
	else if (data && u->stopped)
		u->personality->quiesce(u, true);
	mutex_unlock(&u->card->unit_mutex);
}

/**
 * fio_unit_data() - the personality's own
 * @u: the unit
 * Return: what fio_unit_set_data() was given.
 */
void *fio_unit_data(struct fio_unit *u)
{
	return u->data;
}

/**
 * fio_unit_get() - keep a unit in memory
 * @u: the unit
 */
void fio_unit_get(struct fio_unit *u)
{
	get_device(&u->dev);
}

/**
 * fio_unit_put() - let a unit go
 * @u: the unit
 */
void fio_unit_put(struct fio_unit *u)
{
	put_device(&u->dev);
}
