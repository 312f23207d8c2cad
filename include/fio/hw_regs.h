/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Card wire contract, part 1: PCI identity, the vendor-specific capability
 * (VSEC) that names the interface, and the register map.
 *
 * docs/spec/hw.md is the prose; where the two differ the prose is wrong.
 * Only hal/ and vcard/ include this. All registers are 32-bit little-endian and
 * are accessed with aligned 32-bit reads and writes.
 */
#ifndef FIO_HW_REGS_H
#define FIO_HW_REGS_H

#include <fio/types.h>

/* ---- PCI identity (spec 2.1) ---- */
#define FIO_PCI_VENDOR			0x1aed
#define FIO_PCI_DEVICE			0x1005
#define FIO_PCI_SUBVENDOR		0x1aed
#define FIO_PCI_SUBDEVICE		0x1010
#define FIO_PCI_CLASS			0x018000	/* mass storage, other */

/* ---- VSEC (spec 2.2): offsets from the extended capability header ---- */
#define FIO_VSEC_ID			0x0f10
#define FIO_VSEC_REV			1
#define FIO_VSEC_LEN			0x20
#define FIO_VSEC_HDR			0x04
#define   FIO_VSEC_HDR_ID		GENMASK(15, 0)
#define   FIO_VSEC_HDR_REV		GENMASK(19, 16)
#define   FIO_VSEC_HDR_LEN		GENMASK(31, 20)
#define FIO_VSEC_SIGNATURE		0x08
#define   FIO_SIGNATURE			0x484f4946	/* "FIOH" */
#define FIO_VSEC_VERSION		0x0c
#define   FIO_VERSION_MAJOR		GENMASK(31, 16)
#define   FIO_VERSION_MINOR		GENMASK(15, 0)
#define FIO_VSEC_REGS			0x10
#define FIO_VSEC_REGS_LEN		0x14
#define FIO_VSEC_DB			0x18
#define FIO_VSEC_DB_LEN			0x1c
#define   FIO_VSEC_BIR			GENMASK(2, 0)
#define   FIO_VSEC_OFFSET		GENMASK(31, 3)	/* bytes, 8-byte aligned: mask, no shift */

#define FIO_IF_MAJOR			1
#define FIO_IF_MINOR			1

/* ---- Registers (spec 3), offsets in the register window ---- */
#define FIO_REG_SIGNATURE		0x000
#define FIO_REG_VERSION			0x004	/* as in the VSEC */
#define FIO_REG_CAP			0x008
#define   FIO_CAP_QP_MAX		GENMASK(7, 0)	/* queue pairs, 1..64 */
#define   FIO_CAP_QDEPTH_LOG2		GENMASK(11, 8)	/* largest ring, entries */
#define   FIO_CAP_DB_STRIDE_LOG2	GENMASK(15, 12)	/* doorbell stride, 8 << n bytes */
#define   FIO_CAP_TIMEOUT		GENMASK(31, 16)	/* enable, reset, shutdown: 100 ms units */
#define FIO_REG_CTRL			0x010
#define   FIO_CTRL_EN			BIT(0)
#define   FIO_CTRL_SHUTDOWN		BIT(1)	/* destage the write buffer, stop */
#define FIO_REG_STATUS			0x014
#define   FIO_STATUS_RDY		BIT(0)
#define   FIO_STATUS_FATAL		BIT(1)
#define   FIO_STATUS_SHUTDOWN_DONE	BIT(2)
#define   FIO_STATUS_RESETTING		BIT(3)
#define FIO_REG_FATAL			0x018	/* enum fio_fatal */
#define FIO_REG_RESET			0x01c	/* write FIO_RESET_KEY */
#define   FIO_RESET_KEY			0x524f4946	/* "FIOR" */

#define FIO_REG_MBOX_CMD		0x020
#define   FIO_MBOX_CMD_OPCODE		GENMASK(15, 0)
#define   FIO_MBOX_CMD_LEN		GENMASK(31, 16)	/* input payload, bytes */
#define FIO_REG_MBOX_SEQ		0x024	/* host's number for this command */
#define FIO_REG_MBOX_CTRL		0x028
#define   FIO_MBOX_CTRL_DOORBELL	BIT(0)	/* set by host, cleared by card when done */
#define   FIO_MBOX_CTRL_IRQ		BIT(1)	/* raise vector 0 when done */
#define FIO_REG_MBOX_STATUS		0x02c
#define   FIO_MBOX_STATUS_CODE		GENMASK(15, 0)	/* enum fio_mbox_code */
#define   FIO_MBOX_STATUS_LEN		GENMASK(31, 16)	/* output payload, bytes */
#define FIO_REG_MBOX_ECHO		0x030	/* MBOX_SEQ of the command STATUS is about */
#define FIO_REG_INT_CAUSE		0x034	/* vector 0; write 1 to clear */
#define   FIO_INT_MBOX			BIT(0)
#define   FIO_INT_EVENT			BIT(1)
#define   FIO_INT_FATAL			BIT(2)
#define FIO_REG_MBOX_PAYLOAD		0x1000	/* window, shared by input and output */
#define   FIO_MBOX_PAYLOAD_LEN		0x1000
#define FIO_REGS_LEN			0x2000

/* ---- Doorbells (spec 3.4), offsets in the doorbell window, per queue pair ---- */
#define FIO_DB_SQ_TAIL			0x0
#define FIO_DB_CQ_HEAD			0x4
#define FIO_DB_STRIDE(log2)		(8u << (log2))

/* Register FATAL: why the card stopped. */
enum fio_fatal {
	FIO_FATAL_NONE		= 0,
	FIO_FATAL_INTERNAL	= 1,
	FIO_FATAL_DMA		= 2,	/* the card could not reach host memory */
	FIO_FATAL_RING		= 3,	/* a doorbell value is outside its ring */
	FIO_FATAL_MEDIA		= 4,	/* state storage failed */
	FIO_FATAL_TEMPERATURE	= 5,
	FIO_FATAL_POWER		= 6,
};

#endif /* FIO_HW_REGS_H */
