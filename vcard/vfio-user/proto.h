/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vfio-user protocol as far as a PCI device server needs it.
 *
 * Owns: message numbers, flags and the layout of every message on the socket.
 * Does not know: sockets, the card, what a message makes happen.
 *
 * Everything is little-endian and unpadded. A message is a header and a payload;
 * file descriptors travel as ancillary data beside its first bytes. A reply
 * repeats id and command of its request; an error reply is a header alone. A
 * command with VFU_FLAG_NO_REPLY is never answered, not even with an error: the
 * peer would take the answer for the start of another message.
 */
#ifndef VCARD_VFU_PROTO_H
#define VCARD_VFU_PROTO_H

#include <fio/types.h>

#define VFU_VERSION_MAJOR	0
#define VFU_VERSION_MINOR	0

/* What this server announces in VERSION. */
#define VFU_MAX_FDS		16
#define VFU_MAX_XFER		(1024u * 1024)	/* bytes in one region access */
#define VFU_MAX_MAPS		65535
#define VFU_PAGE		4096u		/* DMA maps are whole pages */

/* The longest payload accepted: a region write of the largest size, and some. */
#define VFU_MAX_PAYLOAD		(VFU_MAX_XFER + 4096u)

enum vfu_cmd {
	VFU_VERSION		= 1,
	VFU_DMA_MAP		= 2,
	VFU_DMA_UNMAP		= 3,
	VFU_DEVICE_GET_INFO	= 4,
	VFU_GET_REGION_INFO	= 5,
	VFU_GET_IRQ_INFO	= 7,
	VFU_SET_IRQS		= 8,
	VFU_REGION_READ		= 9,
	VFU_REGION_WRITE	= 10,
	VFU_DEVICE_RESET	= 13,
	VFU_REGION_WRITE_MULTI	= 15,
	VFU_DEVICE_FEATURE	= 16,
};

#define VFU_FLAG_TYPE		GENMASK(3, 0)
#define   VFU_TYPE_COMMAND	0u
#define   VFU_TYPE_REPLY	1u
#define VFU_FLAG_NO_REPLY	BIT(4)
#define VFU_FLAG_ERROR		BIT(5)

/**
 * struct vfu_hdr - what every message starts with
 * @id: chosen by the sender of a command, repeated in the reply
 * @cmd: enum vfu_cmd
 * @size: bytes of the message, this header included
 * @flags: VFU_FLAG_*
 * @error: errno of a reply with VFU_FLAG_ERROR
 */
struct vfu_hdr {
	__le16 id;
	__le16 cmd;
	__le32 size;
	__le32 flags;
	__le32 error;
} __packed;

/* VERSION: followed by a JSON object as a NUL-terminated string. */
struct vfu_version {
	__le16 major;
	__le16 minor;
	char data[];
} __packed;

struct vfu_dma_map {
	__le32 argsz;
	__le32 flags;
	__le64 fd_offset;
	__le64 iova;
	__le64 size;
} __packed;
#define VFU_DMA_READ		BIT(0)	/* the device may read */
#define VFU_DMA_WRITE		BIT(1)

struct vfu_dma_unmap {
	__le32 argsz;
	__le32 flags;
	__le64 iova;
	__le64 size;
} __packed;
#define VFU_UNMAP_ALL		BIT(1)

struct vfu_device_info {
	__le32 argsz;
	__le32 flags;
	__le32 num_regions;
	__le32 num_irqs;
} __packed;
#define VFU_DEVICE_RESETS	BIT(0)	/* DEVICE_RESET works */
#define VFU_DEVICE_PCI		BIT(1)

enum vfu_region {
	VFU_REGION_BAR0		= 0,
	VFU_REGION_BAR5		= 5,
	VFU_REGION_ROM		= 6,
	VFU_REGION_CONFIG	= 7,
	VFU_REGION_VGA		= 8,
	VFU_NUM_REGIONS,
};

struct vfu_region_info {
	__le32 argsz;
	__le32 flags;
	__le32 index;
	__le32 cap_offset;
	__le64 size;
	__le64 offset;
} __packed;
#define VFU_REGION_RD		BIT(0)
#define VFU_REGION_WR		BIT(1)

enum vfu_irq_index {
	VFU_IRQ_INTX		= 0,
	VFU_IRQ_MSI		= 1,
	VFU_IRQ_MSIX		= 2,
	VFU_IRQ_ERR		= 3,
	VFU_IRQ_REQ		= 4,
	VFU_NUM_IRQS,
};

struct vfu_irq_info {
	__le32 argsz;
	__le32 flags;
	__le32 index;
	__le32 count;
} __packed;
#define VFU_IRQ_EVENTFD		BIT(0)

struct vfu_irq_set {
	__le32 argsz;
	__le32 flags;
	__le32 index;
	__le32 start;
	__le32 count;
} __packed;
#define VFU_IRQ_SET_NONE	BIT(0)	/* kind of data: one of these three */
#define VFU_IRQ_SET_BOOL	BIT(1)
#define VFU_IRQ_SET_FD		BIT(2)
#define VFU_IRQ_SET_MASK	BIT(3)	/* action: one of these three */
#define VFU_IRQ_SET_UNMASK	BIT(4)
#define VFU_IRQ_SET_TRIGGER	BIT(5)

/* REGION_READ and REGION_WRITE, request and reply; data follows. */
struct vfu_region_access {
	__le64 offset;
	__le32 region;
	__le32 count;
} __packed;

/* REGION_WRITE_MULTI: a count, then so many of these. */
struct vfu_write_one {
	__le64 offset;
	__le32 region;
	__le32 count;		/* 1..8 */
	__u8 data[8];
} __packed;

struct vfu_write_multi {
	__le64 count;
	struct vfu_write_one writes[];
} __packed;

static_assert(sizeof(struct vfu_hdr) == 16);
static_assert(sizeof(struct vfu_version) == 4);
static_assert(sizeof(struct vfu_dma_map) == 32);
static_assert(sizeof(struct vfu_dma_unmap) == 24);
static_assert(sizeof(struct vfu_device_info) == 16);
static_assert(sizeof(struct vfu_region_info) == 32);
static_assert(sizeof(struct vfu_irq_info) == 16);
static_assert(sizeof(struct vfu_irq_set) == 20);
static_assert(sizeof(struct vfu_region_access) == 16);
static_assert(sizeof(struct vfu_write_one) == 24);

#endif /* VCARD_VFU_PROTO_H */
