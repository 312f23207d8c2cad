// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI config space: 4096 bytes with a write mask.
 *
 * Owns: header, capabilities, our VSEC, what a write changes, the start of a
 * function-level reset. Does not know: how a front end emulates MSI-X tables or
 * maps BARs; it reads the same bytes as the guest.
 *
 * Accesses may come from any thread while the card runs: bytes are atomics.
 */
#include <linux/pci_regs.h>

#include "vcard/model/card.h"

#define CAP_PM		0x40
#define CAP_EXP		0x50
#define CAP_INT		0x90
#define EXT_AER		0x100
#define EXT_DSN		0x150
#define EXT_VSEC	0x160
#define EXP_LEN		0x3c
#define SLOT_WATTS	25
#define LINK_GEN1	1
#define LINK_LANES	4

static void put(struct vcard *c, u32 off, u64 val, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		c->space.reset_val[off + i] = (u8)(val >> (8 * i));
}

static void allow(struct vcard *c, u32 off, u64 mask, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		c->space.writable[off + i] = (u8)(mask >> (8 * i));
}

static void put_header(struct vcard *c)
{
	put(c, PCI_VENDOR_ID, FIO_PCI_VENDOR, 2);
	put(c, PCI_DEVICE_ID, FIO_PCI_DEVICE, 2);
	put(c, PCI_STATUS, PCI_STATUS_CAP_LIST, 2);
	put(c, PCI_CLASS_REVISION, FIO_PCI_CLASS << 8 | 1, 4);
	put(c, PCI_SUBSYSTEM_VENDOR_ID, FIO_PCI_SUBVENDOR, 2);
	put(c, PCI_SUBSYSTEM_ID, FIO_PCI_SUBDEVICE, 2);
	put(c, PCI_CAPABILITY_LIST, CAP_PM, 1);
	allow(c, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
	      PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE, 2);
	allow(c, PCI_CACHE_LINE_SIZE, 0xff, 1);
	allow(c, PCI_INTERRUPT_LINE, 0xff, 1);
}

static void put_bar(struct vcard *c, u32 bar, u64 size)
{
	u32 off = PCI_BASE_ADDRESS_0 + 4 * bar;

	if (!size)
		return;
	put(c, off, PCI_BASE_ADDRESS_MEM_TYPE_64, 8);
	allow(c, off, ~(size - 1), 8);
}

static void put_pm(struct vcard *c)
{
	put(c, CAP_PM, PCI_CAP_ID_PM | CAP_EXP << 8, 2);
	put(c, CAP_PM + PCI_PM_PMC, 3, 2);
	put(c, CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET, 2);
	allow(c, CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK, 2);
}

static void put_express(struct vcard *c)
{
	u32 link = LINK_GEN1 | LINK_LANES << 4;

	put(c, CAP_EXP, PCI_CAP_ID_EXP | CAP_INT << 8, 2);
	put(c, CAP_EXP + PCI_EXP_FLAGS, 2, 2);
	put(c, CAP_EXP + PCI_EXP_DEVCAP, 1 | PCI_EXP_DEVCAP_RBER |
	    (u32)SLOT_WATTS << 18 | PCI_EXP_DEVCAP_FLR, 4);
	put(c, CAP_EXP + PCI_EXP_DEVCTL, 0x2810, 2);
	allow(c, CAP_EXP + PCI_EXP_DEVCTL, 0x78ff, 2);
	put(c, CAP_EXP + PCI_EXP_LNKCAP, link, 4);
	allow(c, CAP_EXP + PCI_EXP_LNKCTL, 0x01cb, 2);
	put(c, CAP_EXP + PCI_EXP_LNKSTA, link, 2);
	put(c, CAP_EXP + PCI_EXP_DEVCAP2, PCI_EXP_DEVCAP2_COMP_TMOUT_DIS, 4);
	allow(c, CAP_EXP + PCI_EXP_DEVCTL2, PCI_EXP_DEVCTL2_COMP_TIMEOUT | 0x10, 2);
	put(c, CAP_EXP + PCI_EXP_LNKCAP2, BIT(LINK_GEN1), 4);
	put(c, CAP_EXP + PCI_EXP_LNKCTL2, LINK_GEN1, 2);
	allow(c, CAP_EXP + PCI_EXP_LNKCTL2, 0xf, 2);
}

static void put_msix(struct vcard *c)
{
	put(c, CAP_INT, PCI_CAP_ID_MSIX, 2);
	put(c, CAP_INT + PCI_MSIX_FLAGS, vcard_irq_count(c, VCARD_IRQ_MSIX) - 1, 2);
	allow(c, CAP_INT + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, 2);
	put(c, CAP_INT + PCI_MSIX_TABLE, 2, 4);
	put(c, CAP_INT + PCI_MSIX_PBA, VCARD_PBA_OFFSET | 2, 4);
}

static void put_msi(struct vcard *c)
{
	u32 log2_vectors = __builtin_ctz(VCARD_MSI_VECTORS);

	put(c, CAP_INT, PCI_CAP_ID_MSI, 2);
	put(c, CAP_INT + PCI_MSI_FLAGS, PCI_MSI_FLAGS_64BIT | log2_vectors << 1, 2);
	allow(c, CAP_INT + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE, 2);
	allow(c, CAP_INT + PCI_MSI_ADDRESS_LO, ~3U, 4);
	allow(c, CAP_INT + PCI_MSI_ADDRESS_HI, ~0U, 4);
	allow(c, CAP_INT + PCI_MSI_DATA_64, 0xffff, 2);
}

static void put_extended(struct vcard *c, u32 off, u32 id, u32 version, u32 next)
{
	put(c, off, id | version << 16 | next << 20, 4);
}

static void put_aer(struct vcard *c)
{
	put_extended(c, EXT_AER, PCI_EXT_CAP_ID_ERR, 1, EXT_DSN);
	put(c, EXT_AER + PCI_ERR_UNCOR_SEVER, 0x00062030, 4);
	put(c, EXT_AER + PCI_ERR_COR_MASK, 0x00002000, 4);
	allow(c, EXT_AER + PCI_ERR_UNCOR_MASK, 0x003ff030, 4);
	allow(c, EXT_AER + PCI_ERR_UNCOR_SEVER, 0x003ff030, 4);
	allow(c, EXT_AER + PCI_ERR_COR_MASK, 0x000031c1, 4);
}

static void put_vsec(struct vcard *c)
{
	u32 v = EXT_VSEC;

	put_extended(c, EXT_DSN, PCI_EXT_CAP_ID_DSN, 1, EXT_VSEC);
	put(c, EXT_DSN + 4, c->persist->seed, 8);
	put_extended(c, v, PCI_EXT_CAP_ID_VNDR, 1, 0);
	put(c, v + FIO_VSEC_HDR, FIELD_PREP(FIO_VSEC_HDR_ID, FIO_VSEC_ID) |
	    FIELD_PREP(FIO_VSEC_HDR_REV, FIO_VSEC_REV) |
	    FIELD_PREP(FIO_VSEC_HDR_LEN, FIO_VSEC_LEN), 4);
	put(c, v + FIO_VSEC_SIGNATURE, FIO_SIGNATURE, 4);
	put(c, v + FIO_VSEC_VERSION, FIELD_PREP(FIO_VERSION_MAJOR, c->cfg.if_major) |
	    FIELD_PREP(FIO_VERSION_MINOR, FIO_IF_MINOR), 4);
	put(c, v + FIO_VSEC_REGS, 0, 4);
	put(c, v + FIO_VSEC_REGS_LEN, FIO_REGS_LEN, 4);
	put(c, v + FIO_VSEC_DB, VCARD_DB_OFFSET, 4);
	put(c, v + FIO_VSEC_DB_LEN, FIO_DB_STRIDE(VCARD_DB_STRIDE_LOG2) * c->cfg.queues, 4);
}

/**
 * config_init() - lay out config space
 * @c: the card, with its configuration and persistent state
 */
void config_init(struct vcard *c)
{
	put_header(c);
	put_bar(c, 0, vcard_bar_size(c, 0));
	put_bar(c, 2, vcard_bar_size(c, 2));
	put_pm(c);
	put_express(c);
	if (c->cfg.irq_mode == VCARD_IRQ_MSIX)
		put_msix(c);
	else
		put_msi(c);
	put_aer(c);
	put_vsec(c);
	config_reset(c);
}

/**
 * config_reset() - everything back to its default
 * @c: the card
 *
 * Context: any thread.
 */
void config_reset(struct vcard *c)
{
	u32 i;

	for (i = 0; i < VCARD_CONFIG_SPACE; i++)
		__atomic_store_n(&c->space.val[i], c->space.reset_val[i], __ATOMIC_RELAXED);
}

static bool in_space(u32 off, u32 len)
{
	return off < VCARD_CONFIG_SPACE && len <= VCARD_CONFIG_SPACE - off;
}

void vcard_config_read(struct vcard *c, u32 off, void *buf, u32 len)
{
	u8 *out = buf;
	u32 i;

	memset(buf, 0xff, len);
	if (reg_get(&c->regs.gone) || !in_space(off, len))
		return;
	for (i = 0; i < len; i++)
		out[i] = __atomic_load_n(&c->space.val[off + i], __ATOMIC_RELAXED);
}

static void write_byte(struct vcard *c, u32 off, u8 val)
{
	u8 mask = c->space.writable[off];
	u8 old = __atomic_load_n(&c->space.val[off], __ATOMIC_RELAXED);

	__atomic_store_n(&c->space.val[off], (old & ~mask) | (val & mask), __ATOMIC_RELAXED);
}

void vcard_config_write(struct vcard *c, u32 off, const void *buf, u32 len)
{
	const u32 flr_byte = CAP_EXP + PCI_EXP_DEVCTL + 1;
	const u8 *in = buf;
	bool flr = false;
	u32 i;

	if (reg_get(&c->regs.gone) || !in_space(off, len))
		return;
	for (i = 0; i < len; i++) {
		if (off + i == flr_byte && in[i] & (PCI_EXP_DEVCTL_BCR_FLR >> 8))
			flr = true;
		else
			write_byte(c, off + i, in[i]);
	}
	if (!flr)
		return;
	__atomic_fetch_or(&c->regs.reset_wanted, BIT(VCARD_RESET_FLR), __ATOMIC_ACQ_REL);
	c->front.kick(c->ctx);
}

u32 vcard_irq_count(const struct vcard *c, enum vcard_irq_mode mode)
{
	if (mode != c->cfg.irq_mode)
		return 0;
	return mode == VCARD_IRQ_MSIX ? c->cfg.queues + 1 : VCARD_MSI_VECTORS;
}
