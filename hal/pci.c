// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI driver: which functions are ours, and a card's life from bind to unbind.
 *
 * Owns: discovery through config space, windows, DMA masks, the order in which the
 * parts of a card are made and taken apart, error recovery callbacks. Does not
 * know registers, commands or I/O.
 *
 * The numbers in the id table prove nothing: physical cards carry them too, and
 * their interface was never published. Only a function with our vendor-specific
 * capability is touched, and that is read through config space. If it announces a
 * version that we do not know, the card is shown (/dev/fctN, minimal mode) and
 * otherwise left alone. A card whose bring-up fails is shown in the same way.
 *
 * One release function takes a card apart, however far its making came.
 */

#include <linux/dma-mapping.h>
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "card.h"
#include "chan.h"
#include "fio_compat_pci.h"

static DEFINE_IDA(fio_indices);

static atomic_t fio_cards = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(fio_cards_gone);

/* ---- discovery: config space only ---- */

static int find_interface(struct pci_dev *pdev, u16 *pos)
{
	u32 header, signature;

	*pos = pci_find_vsec_capability(pdev, FIO_PCI_VENDOR, FIO_VSEC_ID);
	if (!*pos)
		return -ENODEV;
	pci_read_config_dword(pdev, *pos + FIO_VSEC_HDR, &header);
	pci_read_config_dword(pdev, *pos + FIO_VSEC_SIGNATURE, &signature);
	if (FIELD_GET(FIO_VSEC_HDR_REV, header) != FIO_VSEC_REV ||
	    FIELD_GET(FIO_VSEC_HDR_LEN, header) < FIO_VSEC_LEN ||
	    signature != FIO_SIGNATURE)
		return -ENODEV;
	return 0;
}

static void read_window(struct pci_dev *pdev, u16 pos, u32 *bar, u32 *off, u32 *len)
{
	u32 where;

	pci_read_config_dword(pdev, pos, &where);
	pci_read_config_dword(pdev, pos + 4, len);
	*bar = FIELD_GET(FIO_VSEC_BIR, where);
	*off = where & FIO_VSEC_OFFSET;
}

static void read_interface(struct fio_card *card, u16 pos)
{
	struct fio_interface *i = &card->iface;

	pci_read_config_dword(card->pdev, pos + FIO_VSEC_VERSION, &i->version);
	read_window(card->pdev, pos + FIO_VSEC_REGS, &i->regs_bar, &i->regs_off,
		    &i->regs_len);
	read_window(card->pdev, pos + FIO_VSEC_DB, &i->db_bar, &i->db_off, &i->db_len);
}

/* ---- windows ---- */

static int check_window(struct fio_card *card, const char *name, u32 bar, u32 off,
			u32 len, u32 least)
{
	if (bar < PCI_STD_NUM_BARS && len >= least &&
	    (pci_resource_flags(card->pdev, bar) & IORESOURCE_MEM) &&
	    (u64)off + len <= pci_resource_len(card->pdev, bar))
		return 0;
	fio_err(card, "the %s window, %#x bytes at %#x of BAR %u, is not in a memory BAR or shorter than %#x",
		name, len, off, bar, least);
	return -EPROTONOSUPPORT;
}

static int map_windows(struct fio_card *card)
{
	struct fio_interface *i = &card->iface;
	int err;

	err = check_window(card, "register", i->regs_bar, i->regs_off, i->regs_len,
			   FIO_REGS_LEN);
	if (!err)
		err = check_window(card, "doorbell", i->db_bar, i->db_off, i->db_len,
				   FIO_DB_STRIDE(0));
	if (err)
		return err;
	card->regs = pci_iomap_range(card->pdev, i->regs_bar, i->regs_off, i->regs_len);
	card->db = pci_iomap_range(card->pdev, i->db_bar, i->db_off, i->db_len);
	return card->regs && card->db ? 0 : -ENOMEM;
}

static int set_dma_masks(struct fio_card *card)
{
	struct device *dev = &card->pdev->dev;

	dma_set_max_seg_size(dev, UINT_MAX);
	if (!dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64)))
		return 0;
	return dma_set_mask_and_coherent(dev, DMA_BIT_MASK(32));
}

static int read_capabilities(struct fio_card *card)
{
	u32 queues, stride;

	card->timeout = HZ;
	card->cap = fio_reg_read(card, FIO_REG_CAP);
	if (READ_ONCE(card->gone))
		return -ENODEV;
	queues = FIELD_GET(FIO_CAP_QP_MAX, card->cap);
	stride = FIO_DB_STRIDE(FIELD_GET(FIO_CAP_DB_STRIDE_LOG2, card->cap));
	if (!queues || queues > FIO_QUEUES_MAX ||
	    (u64)queues * stride > card->iface.db_len ||
	    FIELD_GET(FIO_CAP_QDEPTH_LOG2, card->cap) < 2) {
		fio_err(card, "register CAP is %#x: %u queue pairs, stride %u, in %u bytes of doorbells",
			card->cap, queues, stride, card->iface.db_len);
		return -EPROTONOSUPPORT;
	}
	/* a little more than it says: its clock is not ours */
	card->timeout = max_t(unsigned long, HZ, HZ / 5 +
			      FIELD_GET(FIO_CAP_TIMEOUT, card->cap) * HZ / 10);
	return 0;
}

static int make_channel(struct fio_card *card)
{
	u32 depth = min_t(u32, FIELD_GET(FIO_CAP_QDEPTH_LOG2, card->cap), FIO_RING_LOG2);
	u32 queues = min_t(u32, FIELD_GET(FIO_CAP_QP_MAX, card->cap), num_online_cpus());
	int n, err;

	n = fio_irq_alloc(card, queues);
	if (n < 0)
		return n;
	err = fio_chan_create(card, n, depth);
	if (!err)
		err = fio_events_setup(card);
	if (!err)
		err = fio_irq_request(card);
	return err;
}

static int start_hardware(struct fio_card *card)
{
	struct pci_dev *pdev = card->pdev;
	int err;

	err = map_windows(card);
	if (err)
		return err;
	err = set_dma_masks(card);
	if (err) {
		fio_err(card, "no usable DMA addressing");
		return err;
	}
	err = read_capabilities(card);
	if (!err)
		err = make_channel(card);
	if (!err)
		err = fio_card_bring_up(card);
	/* with bus mastering and vectors as a function reset has to restore them */
	pci_save_state(pdev);
	return err;
}

static void stop_hardware(struct fio_card *card)
{
	fio_card_shutdown_hw(card);
	fio_card_tear_down(card);
	fio_irq_free(card);
	fio_events_free(card);
	fio_chan_kill(card);
	fio_chan_destroy(card);
	/* who still has a descriptor open may be in the middle of a command */
	mutex_lock(&card->mbox.lock);
	if (card->db)
		pci_iounmap(card->pdev, card->db);
	if (card->regs)
		pci_iounmap(card->pdev, card->regs);
	card->db = NULL;
	card->regs = NULL;
	mutex_unlock(&card->mbox.lock);
}

/* ---- the card ---- */

static void free_card(struct kref *ref)
{
	struct fio_card *card = container_of(ref, struct fio_card, ref);

	fio_io_exit(card);
	fio_env_free(card);
	if (card->name[0])
		ida_free(&fio_indices, card->index);
	pci_dev_put(card->pdev);
	kfree(card);
	if (atomic_dec_and_test(&fio_cards))
		wake_up_all(&fio_cards_gone);
}

/**
 * fio_cards_wait() - wait until the last card is freed
 *
 * The last reference to a device can be dropped by anybody, at any time after
 * the driver has let go of it; the code that then frees it is in this module.
 *
 * Context: module exit, when no card is bound and none can be.
 */
void fio_cards_wait(void)
{
	wait_event(fio_cards_gone, !atomic_read(&fio_cards));
}

/**
 * fio_card_get() - take a reference
 * @card: the card
 * Return: the card.
 */
struct fio_card *fio_card_get(struct fio_card *card)
{
	kref_get(&card->ref);
	return card;
}

/**
 * fio_card_put() - drop a reference
 * @card: the card, not to be used any more
 * Context: process.
 */
void fio_card_put(struct fio_card *card)
{
	kref_put(&card->ref, free_card);
}

static int name_card(struct fio_card *card)
{
	int index = ida_alloc(&fio_indices, GFP_KERNEL);

	if (index < 0)
		return index;
	card->index = index;
	snprintf(card->name, sizeof(card->name), "fct%d", index);
	return 0;
}

static struct fio_card *make_card(struct pci_dev *pdev)
{
	struct fio_card *card = kzalloc_node(sizeof(*card), GFP_KERNEL,
					     dev_to_node(&pdev->dev));
	int err;

	if (!card)
		return NULL;
	kref_init(&card->ref);
	atomic_inc(&fio_cards);
	if (!FIO_HAVE_COR_ERROR_DETECTED)
		atomic64_set(&card->pcie_correctable, (s64)FIO_NO_VALUE64);
	card->pdev = pci_dev_get(pdev);
	mutex_init(&card->unit_mutex);
	fio_state_init(card);
	fio_mbox_init(card);
	fio_health_init(card);
	fio_events_init(card);
	fio_reset_init(card);
	fio_attach_init(card);
	err = fio_io_init(card);
	if (!err)
		err = name_card(card);
	if (!err)
		err = fio_env_setup(card);
	if (err) {
		fio_card_put(card);
		return NULL;
	}
	pci_set_drvdata(pdev, card);
	return card;
}

static void log_card(struct fio_card *card)
{
	const struct fio_identity *id = &card->id;

	fio_info(card, "%s, serial %s, firmware %u.%u.%u rev %u, %llu bytes",
		 id->product, id->serial, id->fw_version[0], id->fw_version[1],
		 id->fw_version[2], id->fw_revision, id->user_bytes);
	fio_info(card, "%u dies, %u append units of %u pages each, %u queues, %u interrupt vectors",
		 card->geo.dies, card->geo.aus, card->geo.pages, card->queues,
		 card->irq_vectors);
}

static enum fio_reason reason_of(int err)
{
	switch (err) {
	case -ERANGE:
		return FIO_REASON_GEOMETRY;
	case -ETIMEDOUT:
	case -EPROTO:
		return FIO_REASON_MAILBOX;
	case -EPROTONOSUPPORT:
	case -EOPNOTSUPP:
		return FIO_REASON_INTERFACE;
	case -ENOMEM:
		return FIO_REASON_MEMORY;
	case -ENODEV:
		return FIO_REASON_GONE;
	default:
		return FIO_REASON_INTERNAL;
	}
}

/* Whatever is wrong, the card stays visible and says what. */
static void start_card(struct fio_card *card)
{
	u32 major = FIELD_GET(FIO_VERSION_MAJOR, card->iface.version);
	int err;

	if (major != FIO_IF_MAJOR) {
		fio_err(card, "interface version %u is unknown, this driver knows %u: the card is left untouched, a newer driver may know it",
			major, FIO_IF_MAJOR);
		fio_state_change(card, FIO_CARD_MINIMAL, FIO_REASON_INTERFACE);
		return;
	}
	fio_state_change(card, FIO_CARD_PROBING, FIO_REASON_NONE);
	err = start_hardware(card);
	if (err) {
		fio_err(card, "bring-up failed (%d)", err);
		fio_card_tear_down(card);
		fio_state_change(card, FIO_CARD_MINIMAL, reason_of(err));
		return;
	}
	log_card(card);
	fio_state_change(card, FIO_CARD_DETACHED, FIO_REASON_NONE);
	fio_chan_start(card);
	fio_reset_start(card);
}

static int enable_function(struct pci_dev *pdev)
{
	int err;

	err = pci_enable_device_mem(pdev);
	if (err)
		return err;
	err = pci_request_mem_regions(pdev, FIO_HAL_NAME);
	if (err)
		pci_disable_device(pdev);
	return err;
}

static void disable_function(struct pci_dev *pdev)
{
	pci_release_mem_regions(pdev);
	pci_disable_device(pdev);
}

/* The end of a card's binding; nothing of it is running when this returns. */
static void take_apart(struct fio_card *card)
{
	struct pci_dev *pdev = card->pdev;

	fio_attach_close(card);
	fio_reset_stop(card);
	fio_cdev_destroy(card);
	cancel_work_sync(&card->notify_work);
	cancel_delayed_work_sync(&card->ftl_later);
	cancel_work_sync(&card->ftl_work);
	stop_hardware(card);
	pci_set_drvdata(pdev, NULL);
	fio_card_put(card);
}

static int fio_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct fio_card *card;
	int err;
	u16 pos;

	err = find_interface(pdev, &pos);
	if (err) {
		dev_info(&pdev->dev, "physical ioMemory card %04x:%04x: its interface is not published, the card is left untouched\n",
			 pdev->vendor, pdev->device);
		return err;
	}
	err = enable_function(pdev);
	if (err)
		return dev_err_probe(&pdev->dev, err, "cannot enable the function\n");
	card = make_card(pdev);
	if (!card) {
		disable_function(pdev);
		return -ENOMEM;
	}
	read_interface(card, pos);
	start_card(card);
	err = fio_cdev_create(card);
	if (err) {
		take_apart(card);
		disable_function(pdev);
		return dev_err_probe(&pdev->dev, err, "cannot make a control node\n");
	}
	if (fio_auto_attach && fio_card_state(card) == FIO_CARD_DETACHED)
		fio_attach_start(card, 0);
	return 0;
}

static void fio_remove(struct pci_dev *pdev)
{
	struct fio_card *card = pci_get_drvdata(pdev);

	/* unplugged: let everything that waits for it know now, not at a timeout */
	if (!pci_device_is_present(pdev))
		fio_card_fault(card, FIO_REASON_GONE, "the card was removed");
	take_apart(card);
	disable_function(pdev);
}

static void fio_shutdown(struct pci_dev *pdev)
{
	struct fio_card *card = pci_get_drvdata(pdev);

	fio_attach_quiesce(card);
	fio_reset_stop(card);
	fio_card_shutdown_hw(card);
	fio_card_tear_down(card);
	pci_disable_device(pdev);
}

/* ---- PCI error recovery ---- */

static pci_ers_result_t fio_error_detected(struct pci_dev *pdev,
					   pci_channel_state_t state)
{
	struct fio_card *card = pci_get_drvdata(pdev);

	if (state == pci_channel_io_normal) {
		atomic64_inc(&card->pcie_nonfatal);
		return PCI_ERS_RESULT_CAN_RECOVER;
	}
	atomic64_inc(&card->pcie_fatal);
	if (state == pci_channel_io_perm_failure) {
		WRITE_ONCE(card->gone, true);
		fio_card_fault(card, FIO_REASON_GONE, "PCI gave the card up");
		return PCI_ERS_RESULT_DISCONNECT;
	}
	fio_card_freeze(card);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t fio_mmio_enabled(struct pci_dev *pdev)
{
	return PCI_ERS_RESULT_RECOVERED;
}

static pci_ers_result_t fio_slot_reset(struct pci_dev *pdev)
{
	pci_restore_state(pdev);
	pci_save_state(pdev);
	return PCI_ERS_RESULT_RECOVERED;
}

static void fio_resume(struct pci_dev *pdev)
{
	fio_card_thaw(pci_get_drvdata(pdev));
}

static void fio_reset_prepare(struct pci_dev *pdev)
{
	fio_card_freeze(pci_get_drvdata(pdev));
}

static void fio_reset_done(struct pci_dev *pdev)
{
	fio_card_thaw(pci_get_drvdata(pdev));
}

static void __maybe_unused fio_cor_error_detected(struct pci_dev *pdev)
{
	struct fio_card *card = pci_get_drvdata(pdev);

	atomic64_inc(&card->pcie_correctable);
}

static const struct pci_error_handlers fio_error_handlers = {
	.error_detected = fio_error_detected,
	.mmio_enabled = fio_mmio_enabled,
	.slot_reset = fio_slot_reset,
	.resume = fio_resume,
	.reset_prepare = fio_reset_prepare,
	.reset_done = fio_reset_done,
	FIO_COR_ERROR_DETECTED(fio_cor_error_detected)
};

static const struct pci_device_id fio_ids[] = {
	{ PCI_DEVICE(FIO_PCI_VENDOR, PCI_ANY_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, fio_ids);

struct pci_driver fio_pci_driver = {
	.name = FIO_HAL_NAME,
	.id_table = fio_ids,
	.probe = fio_probe,
	.remove = fio_remove,
	.shutdown = fio_shutdown,
	.err_handler = &fio_error_handlers,
	.driver = {
		.probe_type = PROBE_PREFER_ASYNCHRONOUS,
	},
};
