/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * User ABI of /dev/fctN.
 *
 * Every structure begins with its size, set by the caller: an old program on a
 * new driver sends less and gets zeroes assumed, a new program on an old driver
 * gets E2BIG if it sets a field the driver does not know. Reserved fields are
 * zero. Values that the card or the driver cannot give are FIO_NO_VALUE.
 */
#ifndef _UAPI_LINUX_FIO_IOCTL_H
#define _UAPI_LINUX_FIO_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define FIO_IOC_ABI	1
#define FIO_IOC_MAGIC	0xf1

#define FIO_NO_VALUE	0xffffffffU
#define FIO_NO_VALUE64	0xffffffffffffffffULL

/* Card states: number, NAME, what sysfs prints, what fio-status prints. Append only. */
#define FIO_CARD_STATES(X)						\
	X(0, NEW,		"new",		"Unknown")		\
	X(1, PROBING,		"probing",	"Busy: starting")	\
	X(2, MINIMAL,		"minimal",	"Minimal mode")		\
	X(3, DETACHED,		"detached",	"Detached")		\
	X(4, ATTACHING,		"attaching",	"Busy: attaching")	\
	X(5, LIVE,		"attached",	"Attached")		\
	X(6, DETACHING,		"detaching",	"Busy: detaching")	\
	X(7, FORMATTING,	"formatting",	"Busy: formatting")	\
	X(8, RESETTING,		"resetting",	"Busy: resetting")	\
	X(9, DEAD,		"dead",		"Failed")		\
	X(10, DELETING,		"deleting",	"Unknown")

enum fio_card_state {
#define FIO_CARD_STATE_ENUM(nr, name, sysfs, text) FIO_CARD_##name = nr,
	FIO_CARD_STATES(FIO_CARD_STATE_ENUM)
#undef FIO_CARD_STATE_ENUM
};

/* Why a card is in minimal mode, detached after a failed attach, or dead. */
#define FIO_REASONS(X)							\
	X(0, NONE,		"none")					\
	X(1, INTERFACE,		"the card's interface version is unknown to this driver") \
	X(2, GEOMETRY,		"the card reports a geometry that makes no sense") \
	X(3, MAILBOX,		"the card's firmware does not answer")	\
	X(4, NOT_FORMATTED,	"the card is not formatted: run fio-format") \
	X(5, FORMAT_UNKNOWN,	"the format on the card is newer than this driver") \
	X(6, MEDIA,		"the card's metadata cannot be read")	\
	X(7, MEMORY,		"not enough memory to attach")		\
	X(8, FATAL,		"the card reported a fatal error")	\
	X(9, GONE,		"the card does not answer any more")	\
	X(10, RESET_FAILED,	"the card did not come back from a reset") \
	X(11, USER,		"requested by the user")		\
	X(12, INTERNAL,		"driver error, see the kernel log")

enum fio_reason {
#define FIO_REASON_ENUM(nr, name, text) FIO_REASON_##name = nr,
	FIO_REASONS(FIO_REASON_ENUM)
#undef FIO_REASON_ENUM
};

/* Health of an attached medium: number, NAME, what sysfs prints, what fio-status prints. */
#define FIO_HEALTH_STATES(X)						\
	X(0, HEALTHY,		"healthy",	"Healthy")		\
	X(1, WARNING,		"warning",	"Warning")		\
	X(2, WRITE_REDUCED,	"write-reduced", "Write-reduced")	\
	X(3, READ_ONLY,		"read-only",	"Read-only")

enum fio_health_state {
#define FIO_HEALTH_STATE_ENUM(nr, name, sysfs, text) FIO_HEALTH_##name = nr,
	FIO_HEALTH_STATES(FIO_HEALTH_STATE_ENUM)
#undef FIO_HEALTH_STATE_ENUM
};

/* Why it is not healthy: bits of fio_ioc_unit.health_reasons, all that hold. */
#define FIO_WHY_RESERVE_LOW	(1U << 0)	/* at most reserve_warn_permyriad left */
#define FIO_WHY_RESERVE_OUT	(1U << 1)	/* none left: writes are slowed down */
#define FIO_WHY_WEAR		(1U << 2)	/* erased nearly as often as rated */
#define FIO_WHY_METADATA	(1U << 3)	/* a copy of metadata was lost */
#define FIO_WHY_DIE		(1U << 4)	/* a die does not answer */
#define FIO_WHY_DIES		(1U << 5)	/* several: writes are slowed down */
#define FIO_WHY_PLP		(1U << 6)	/* no power-loss protection */

struct fio_ioc_info {
	__u32 size;
	__u32 abi;		/* out: FIO_IOC_ABI */
	__u32 state;		/* enum fio_card_state */
	__u32 reason;		/* enum fio_reason */
	char driver_version[32];
	char driver_build[32];
	char card_name[16];	/* fct0 */
	char disk_name[16];	/* fioa; empty when not attached */
	char product[48];
	char part_number[24];
	char serial[24];
	char adapter_product[48];
	char adapter_name[32];
	char adapter_part_number[24];
	char adapter_serial[24];
	char adapter_fio_serial[24];
	char slot_name[16];
	__u32 slot_index;
	__u32 adapter_modules;
	__u32 fw_version[4];
	__u32 fw_revision;
	__u32 interface_version;	/* major << 16 | minor */
	char pci_address[16];	/* 0000:00:04.0 */
	__u16 pci_vendor, pci_device, pci_subvendor, pci_subdevice;
	__u32 pci_slot;		/* physical slot number, FIO_NO_VALUE unknown */
	__u32 link_width;	/* negotiated lanes */
	__u32 link_mtps;	/* megatransfers per second per lane */
	__u32 irq_mode;		/* 0 none 1 INTx 2 MSI 3 MSI-X */
	__u32 irq_vectors;
	__u32 queues;
	__u32 queue_depth;
	__s32 numa_node;
	__u64 features;
	/* geometry */
	__u32 dies, aus, pages, unit_bytes;
	__u64 raw_bytes;
	__u64 advertised_bytes;
	__u64 rated_bytes;	/* rated lifetime writes */
	char adapter_product_number[24];
	__u64 reserved[13];
};

struct fio_ioc_health {
	__u32 size;
	__u32 flags;
	__s32 temp_mc, temp_max_mc, board_temp_mc;	/* FIO_NO_VALUE as s32 -1: none */
	__u32 vccint_mv, vccint_max_mv;
	__u32 vccaux_mv, vccaux_max_mv;
	__u32 bus_mv, bus_min_mv, bus_max_mv;
	__u32 bus_ma, bus_max_ma;
	__u32 bus_mw, bus_max_mw;
	__u32 power_limit_mw;
	__u32 slot_power_mw;
	__u32 plp;		/* 0 none 1 ok 2 failed */
	__u32 external_power;
	__u32 throttle;
	__u32 beacon;
	__u32 power_cycles;
	__u32 unsafe_shutdowns;
	__u32 dies_offline;
	__u32 bad_aus_factory;
	__u32 bad_aus_grown;
	__u32 reserve_permyriad;	/* 10000: all of the spare is there */
	__u32 reserve_warn_permyriad;
	__u32 active_media_permyriad;	/* append units neither bad nor offline */
	__u32 pad[2];
	__u64 bytes_written, bytes_read;	/* lifetime, physical */
	__u64 corrected_bits, uncorrectable;
	__u64 program_fails, erase_fails, violations;
	__u64 erase_total;
	__u32 erase_min, erase_max;
	__u64 power_on_seconds;
	__u64 pcie_correctable, pcie_nonfatal, pcie_fatal;	/* seen since load */
	__u64 reserved[8];
	/* end of the structure's first version */
	__u64 format_most_bytes;	/* the largest format possible now, without parity */
	__u64 format_most_parity_bytes;	/* likewise with; 0: the card cannot have it */
};

/* The attached format. ENODEV-free: fields are FIO_NO_VALUE when not attached. */
struct fio_ioc_unit {
	__u32 size;
	__u32 attached;		/* 1: the rest is valid */
	__u8 uuid[16];
	__u32 format_version;
	__u32 lba_bytes;
	__u64 blocks;
	__u64 format_time;
	__u64 attach_count;
	__u32 read_only;
	__u32 volatile_cache;
	char read_only_reason[64];
	__u64 ram_current, ram_peak;	/* bytes */
	__u64 user_bytes_written, user_bytes_read;	/* since attach */
	__u64 gc_bytes_written, meta_bytes_written;
	__u64 bytes_trimmed;
	__u64 mapped_bytes;
	__u64 stripes, stripes_free, stripes_open;
	__u64 gc_victims, erases;
	__u64 read_retries, media_errors;
	/* the last attach */
	__u32 attach_clean;
	__u32 pad;
	__u64 attach_ns, attach_scan_ns, attach_map_ns, attach_refresh_ns;
	__u64 attach_bytes_read, attach_units_scanned, attach_units_rewritten;
	__u64 reserved[16];
	/* end of the structure's first version */
	__u32 health;		/* enum fio_health_state */
	__u32 health_reasons;	/* FIO_WHY_* */
	char health_text[96];	/* the gravest reason; empty when healthy */
	__u64 ram_map, ram_core, ram_buffers, ram_scan, ram_rings;	/* of ram_current */
	__u64 ram_map_peak, ram_core_peak, ram_buffers_peak, ram_scan_peak;
	__u32 preallocated;	/* 1: no memory is needed while attached */
	__u32 erase_min, erase_max, erase_mean;	/* cycles, by stripe */
	__u32 endurance;	/* rated erase cycles */
	__u32 pad2;
	__u64 stripes_levelled;	/* since attach: emptied to level wear */
	__u64 scrub_passes, scrub_bytes, scrub_refreshes;	/* since attach */
	__u32 parity;		/* 1: the format has parity */
	__u32 pad3;
	__u64 parity_bytes_written;	/* since attach */
	__u64 units_rebuilt;	/* since attach: units of 4096 bytes computed from it */
};

#define FIO_ATTACH_CLEAN_ONLY	(1U << 0)
#define FIO_ATTACH_RESCAN	(1U << 1)
/* 1U << 2 is not for users */
#define FIO_ATTACH_PREALLOCATE	(1U << 3)	/* all memory that it may ever need, now */
struct fio_ioc_attach {
	__u32 size;
	__u32 flags;
};

struct fio_ioc_detach {
	__u32 size;
	__u32 flags;
};

/* Parity survives the loss of a die, for one append unit of each stripe. */
#define FIO_PARITY_DEFAULT	0	/* where there is room for it, from 4 dies on */
#define FIO_PARITY_OFF		1
#define FIO_PARITY_ON		2	/* or fail: EINVAL, ENOSPC */

struct fio_ioc_format {
	__u32 size;
	__u32 lba_bytes;	/* 512 or 4096 */
	__u64 user_bytes;	/* 0: as advertised; a multiple of 4096 */
	__u8 uuid[16];		/* zero: the driver makes one */
	/* end of the structure's first version */
	__u32 parity;		/* FIO_PARITY_* */
	__u32 pad;
};

/*
 * ATTACH, DETACH and FORMAT only start; PROGRESS reports and, if asked, waits for
 * the next change: set @seen to the last @change and a timeout.
 */
struct fio_ioc_progress {
	__u32 size;
	__u32 timeout_ms;	/* in: 0: answer at once */
	__u64 seen;		/* in */
	__u64 change;		/* out: grows with every change of what follows */
	__u32 state;
	__u32 reason;
	__u32 percent;		/* of the operation under way */
	__s32 result;		/* of the last operation: 0 or -errno */
	__u32 busy;		/* 1: an operation is under way */
	__u32 pad;
};

struct fio_ioc_beacon {
	__u32 size;
	__u32 op;		/* 0 get, 1 set */
	__u32 on;
	__u32 pad;
};

/*
 * The raw flash of a card that is detached, for tools that examine or rescue it.
 * Units are numbered as in docs/spec/media.md; nothing is changed.
 */
enum fio_media_op {
	FIO_MEDIA_GEOMETRY	= 0,	/* only what is marked so */
	FIO_MEDIA_REPORT	= 1,	/* the append units of units[], struct fio_media_au[] */
	FIO_MEDIA_READ		= 2,	/* pages */
	FIO_MEDIA_SUMS		= 3,	/* what the card has of the rows of units[] */
};

enum fio_media_status {
	FIO_MEDIA_OK		= 0,
	FIO_MEDIA_ERASED	= 1,
	FIO_MEDIA_UNCORRECTABLE	= 2,
	FIO_MEDIA_CRC		= 3,	/* others: the append unit or its die cannot be read */
};

enum fio_media_au_state {
	FIO_MEDIA_AU_FREE	= 0,
	FIO_MEDIA_AU_OPEN	= 1,
	FIO_MEDIA_AU_CLOSED	= 2,
	FIO_MEDIA_AU_SUSPECT	= 3,
	FIO_MEDIA_AU_BAD	= 4,
	FIO_MEDIA_AU_OFFLINE	= 5,
};

struct fio_media_au {
	__u32 state;		/* enum fio_media_au_state */
	__u32 write_ptr;	/* FIO_NO_VALUE: not known */
	__u32 erase_count;
	__u32 read_count;
};

struct fio_ioc_media {
	__u32 size;
	__u32 op;		/* enum fio_media_op */
	__u32 count;		/* 1 to max_units */
	__u32 retry;		/* READ: retry level, 0 to read_retries */
	__u64 units;		/* address of count __u32 */
	__u64 data;		/* address of count * 4096 bytes or 0; REPORT: of the answer */
	__u64 tags;		/* address of count * 64 bytes, or 0 */
	__u64 failed;		/* out: bit i: units[i] failed; with what, ask for it alone */
	__u32 status;		/* out: the worst, enum fio_media_status */
	__u32 dies;		/* out, geometry */
	__u32 aus;		/* out, geometry: append units per die */
	__u32 pages;		/* out, geometry: units per append unit */
	__u32 max_units;	/* out, geometry */
	__u32 max_open;		/* out, geometry */
	__u32 read_retries;	/* out, geometry */
	__u32 xor_groups;	/* out, geometry: 0: there are no SUMS */
};

/* Number, NAME, direction bits for _IOC, struct, needs CAP_SYS_ADMIN. Append only. */
#define FIO_IOC_INFO		_IOWR(FIO_IOC_MAGIC, 1, struct fio_ioc_info)
#define FIO_IOC_HEALTH		_IOWR(FIO_IOC_MAGIC, 2, struct fio_ioc_health)
#define FIO_IOC_UNIT		_IOWR(FIO_IOC_MAGIC, 3, struct fio_ioc_unit)
#define FIO_IOC_ATTACH		_IOW(FIO_IOC_MAGIC, 4, struct fio_ioc_attach)
#define FIO_IOC_DETACH		_IOW(FIO_IOC_MAGIC, 5, struct fio_ioc_detach)
#define FIO_IOC_FORMAT		_IOW(FIO_IOC_MAGIC, 6, struct fio_ioc_format)
#define FIO_IOC_PROGRESS	_IOWR(FIO_IOC_MAGIC, 7, struct fio_ioc_progress)
#define FIO_IOC_BEACON		_IOWR(FIO_IOC_MAGIC, 8, struct fio_ioc_beacon)
#define FIO_IOC_MEDIA		_IOWR(FIO_IOC_MAGIC, 9, struct fio_ioc_media)

#endif /* _UAPI_LINUX_FIO_IOCTL_H */
