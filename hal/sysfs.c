// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/class/fio/fctN: what scripts, udev and monitors read without a tool.
 *
 * Owns: the attributes listed in docs/abi/sysfs-class-fio and the news of a
 * change. Does not know how a value comes about. One value per file; a value
 * that the card does not have reads as ENODATA.
 */

#include <linux/sysfs.h>

#include "card.h"

static struct fio_card *to_card(struct device *dev)
{
	return dev_get_drvdata(dev);
}

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n", fio_state_name(fio_card_state(to_card(dev))));
}
static DEVICE_ATTR_RO(state);

static ssize_t reason_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	enum fio_reason reason = READ_ONCE(to_card(dev)->reason);

	return sysfs_emit(buf, "%s\n", fio_reason_text(reason));
}
static DEVICE_ATTR_RO(reason);

static ssize_t progress_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct fio_ioc_progress p = { };
	int err = fio_card_progress(to_card(dev), &p);

	return err ? err : sysfs_emit(buf, "%u\n", p.percent);
}
static DEVICE_ATTR_RO(progress);

static ssize_t interface_version_show(struct device *dev,
				      struct device_attribute *attr, char *buf)
{
	u32 version = to_card(dev)->iface.version;

	return sysfs_emit(buf, "%u.%u\n", version >> 16, version & 0xffff);
}
static DEVICE_ATTR_RO(interface_version);

static ssize_t firmware_version_show(struct device *dev,
				     struct device_attribute *attr, char *buf)
{
	const struct fio_identity *id = &to_card(dev)->id;

	return sysfs_emit(buf, "%u.%u.%u.%u\n", id->fw_version[0],
			  id->fw_version[1], id->fw_version[2], id->fw_version[3]);
}
static DEVICE_ATTR_RO(firmware_version);

static ssize_t firmware_revision_show(struct device *dev,
				      struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", to_card(dev)->id.fw_revision);
}
static DEVICE_ATTR_RO(firmware_revision);

#define IDENTITY_SHOW(name)						\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, "%s\n", to_card(dev)->id.name);		\
}

IDENTITY_SHOW(product)
static DEVICE_ATTR_RO(product);
IDENTITY_SHOW(part_number)
static DEVICE_ATTR_RO(part_number);
IDENTITY_SHOW(serial)
static DEVICE_ATTR_RO(serial);
IDENTITY_SHOW(adapter_serial)
static DEVICE_ATTR_RO(adapter_serial);

static ssize_t temperature_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	struct fio_health health;
	int err = fio_health_get(to_card(dev), &health);

	if (err)
		return err;
	if (health.temp_mc == FIO_NO_VALUE)
		return -ENODATA;
	return sysfs_emit(buf, "%d\n", (s32)health.temp_mc);
}
static DEVICE_ATTR_RO(temperature);

static ssize_t power_loss_protection_show(struct device *dev,
					  struct device_attribute *attr,
					  char *buf)
{
	static const char * const names[] = { "none", "ok", "failed" };
	struct fio_health health;
	int err = fio_health_get(to_card(dev), &health);

	if (err)
		return err;
	if (health.plp >= ARRAY_SIZE(names))
		return -ENODATA;
	return sysfs_emit(buf, "%s\n", names[health.plp]);
}
static DEVICE_ATTR_RO(power_loss_protection);

static ssize_t health_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ftl_health h;

	if (!fio_card_media_health(to_card(dev), &h))
		return -ENODATA;
	return sysfs_emit(buf, "%s\n", fio_health_name(h.state));
}
static DEVICE_ATTR_RO(health);

static ssize_t health_reason_show(struct device *dev, struct device_attribute *attr,
				  char *buf)
{
	struct ftl_health h;

	if (!fio_card_media_health(to_card(dev), &h))
		return -ENODATA;
	return sysfs_emit(buf, "%s\n", h.text ? h.text : "none");
}
static DEVICE_ATTR_RO(health_reason);

static ssize_t reserve_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ftl_health h;

	if (!fio_card_media_health(to_card(dev), &h))
		return -ENODATA;
	return sysfs_emit(buf, "%u.%02u\n", h.reserve / 100, h.reserve % 100);
}
static DEVICE_ATTR_RO(reserve);

static struct attribute *card_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_reason.attr,
	&dev_attr_progress.attr,
	&dev_attr_interface_version.attr,
	&dev_attr_firmware_version.attr,
	&dev_attr_firmware_revision.attr,
	&dev_attr_product.attr,
	&dev_attr_part_number.attr,
	&dev_attr_serial.attr,
	&dev_attr_adapter_serial.attr,
	&dev_attr_temperature.attr,
	&dev_attr_power_loss_protection.attr,
	&dev_attr_health.attr,
	&dev_attr_health_reason.attr,
	&dev_attr_reserve.attr,
	NULL,
};

static const struct attribute_group card_group = {
	.attrs = card_attrs,
};

const struct attribute_group *fio_card_groups[] = {
	&card_group,
	NULL,
};

static void notify_state(struct fio_card *card, struct device *dev)
{
	enum fio_card_state state = fio_card_state(card);
	char text[32];
	char *env[2] = { text };

	if (card->notified == state)
		return;
	card->notified = state;
	sysfs_notify(&dev->kobj, NULL, "state");
	sysfs_notify(&dev->kobj, NULL, "reason");
	snprintf(text, sizeof(text), "FIO_STATE=%s", fio_state_name(state));
	kobject_uevent_env(&dev->kobj, KOBJ_CHANGE, env);
}

/* Detaching is no news of the medium: only what an attached one changes to is. */
static void notify_health(struct fio_card *card, struct device *dev)
{
	struct ftl_health h;
	char text[32], reason[128];
	char *env[3] = { text, reason };

	if (!fio_card_media_health(card, &h) || card->notified_health == h.state)
		return;
	card->notified_health = h.state;
	sysfs_notify(&dev->kobj, NULL, "health");
	sysfs_notify(&dev->kobj, NULL, "health_reason");
	sysfs_notify(&dev->kobj, NULL, "reserve");
	snprintf(text, sizeof(text), "FIO_HEALTH=%s", fio_health_name(h.state));
	snprintf(reason, sizeof(reason), "FIO_HEALTH_REASON=%s", h.text ? h.text : "none");
	kobject_uevent_env(&dev->kobj, KOBJ_CHANGE, env);
}

/* A percent more is worth a wake-up of who polls, but no event for udev. */
static void notify(struct fio_card *card, struct device *dev)
{
	sysfs_notify(&dev->kobj, NULL, "progress");
	notify_state(card, dev);
	notify_health(card, dev);
}

/**
 * fio_sysfs_notify() - state or progress of a card has changed
 * @card: the card
 *
 * Context: may sleep; one caller at a time.
 */
void fio_sysfs_notify(struct fio_card *card)
{
	fio_cdev_visit(card, notify);
}
