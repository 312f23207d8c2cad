/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Card wire contract, part 2: the firmware mailbox (spec 4).
 *
 * One command at a time. The host writes the payload, CMD and SEQ, then rings
 * CTRL.DOORBELL; the card executes, writes the answer into the same window,
 * STATUS and ECHO, clears the doorbell and, if asked, raises vector 0.
 * Reserved fields are zero when sent and ignored when received.
 */
#ifndef FIO_HW_MBOX_H
#define FIO_HW_MBOX_H

#include <fio/types.h>

/*
 * Opcode, name, exact input length, least output length. Append only.
 * "Least": a later minor version may answer with more; the host ignores the rest.
 */
#define FIO_MBOX_COMMANDS(X)						\
	X(0x0001, IDENTIFY,	0,	sizeof(struct fio_mb_identify))	\
	X(0x0002, GEOMETRY,	0,	sizeof(struct fio_mb_geometry))	\
	X(0x0003, FEATURES,	sizeof(struct fio_mb_features),		\
				sizeof(struct fio_mb_features))		\
	X(0x0004, HEALTH,	0,	sizeof(struct fio_mb_health))	\
	X(0x0005, BAD_AUS,	sizeof(struct fio_mb_bad_aus_in),	\
				sizeof(struct fio_mb_bad_aus))		\
	X(0x0006, CREATE_QP,	sizeof(struct fio_mb_create_qp), 0)	\
	X(0x0007, DELETE_QP,	sizeof(struct fio_mb_delete_qp), 0)	\
	X(0x0008, EVENT_QUEUE,	sizeof(struct fio_mb_event_queue), 0)	\
	X(0x0009, BEACON,	sizeof(struct fio_mb_beacon),		\
				sizeof(struct fio_mb_beacon))		\
	X(0x000a, EVENT_LOG,	sizeof(struct fio_mb_event_log_in),	\
				sizeof(struct fio_mb_event_log))

enum fio_mbox_op {
#define FIO_MBOX_ENUM(op, name, in, out) FIO_MB_##name = (op),
	FIO_MBOX_COMMANDS(FIO_MBOX_ENUM)
#undef FIO_MBOX_ENUM
};

/* Return codes (MBOX_STATUS.CODE). */
#define FIO_MBOX_CODES(X)						\
	X(0, OK,		"success")				\
	X(1, UNSUPPORTED,	"command is not known to this firmware")\
	X(2, INVALID_LENGTH,	"payload length is wrong")		\
	X(3, INVALID_INPUT,	"a payload field is out of range")	\
	X(4, BUSY,		"the card is busy, try again")		\
	X(5, NO_RESOURCE,	"no queue pair, vector or memory left")	\
	X(6, WRONG_STATE,	"not allowed in this state")		\
	X(7, INTERNAL,		"firmware error")

enum fio_mbox_code {
#define FIO_MBOX_CODE_ENUM(nr, name, text) FIO_MBOX_##name = (nr),
	FIO_MBOX_CODES(FIO_MBOX_CODE_ENUM)
#undef FIO_MBOX_CODE_ENUM
};

/* Feature bits: IDENTIFY.features says what the card can, FEATURES enables. */
#define FIO_FEAT_CRC		BIT_ULL(0)	/* CRC32C of stored bytes, in tag and on read */
#define FIO_FEAT_XOR		BIT_ULL(1)	/* stripe XOR accumulators */
#define FIO_FEAT_COPY		BIT_ULL(2)	/* copy inside the card */
#define FIO_FEAT_ERASE_SUSPEND	BIT_ULL(3)
#define FIO_FEAT_READ_NULL	BIT_ULL(4)	/* FIO_ADDR_NULL in a read vector yields zeroes */

/* Power-loss protection of the write buffer (spec 7). */
enum fio_plp {
	FIO_PLP_NONE	= 0,	/* no capacitors: completion is not durable */
	FIO_PLP_OK	= 1,	/* completion is durable */
	FIO_PLP_FAILED	= 2,	/* capacitors broken: as NONE, and a fault */
};

struct fio_mb_identify {
	char product[48];	/* "ioDIMM3 320G MLC": NUL-padded ASCII, as all strings */
	char part_number[24];
	char serial[24];
	char adapter_product[48];
	char adapter_name[32];
	char adapter_part_number[24];
	char adapter_serial[24];
	char adapter_fio_serial[24];
	char slot_name[16];	/* "Upper" */
	__u8 slot_index;
	__u8 adapter_modules;	/* modules on this adapter */
	__u8 fw_version[4];	/* major, minor, patch, kind: 0 public, 1 internal */
	__u8 reserved0[2];
	__le32 fw_revision;
	__le32 max_units;	/* units in one command, 1..64 */
	__le64 features;
	__le64 user_bytes;	/* advertised capacity */
	__le64 rated_bytes;	/* rated lifetime host writes (PBW) */
	char adapter_product_number[24];
	__u8 reserved1[8];
} __packed;

struct fio_mb_geometry {
	__le32 dies;		/* 1..256 */
	__le32 aus;		/* append units per die, 1..2^20 */
	__le32 pages;		/* pages (units) per append unit, 1..65536 */
	__le32 unit_bytes;	/* 4096 */
	__le32 tag_bytes;	/* 64 */
	__le32 write_units;	/* units in the optimal append to one die */
	__le32 keep_behind;	/* units behind the write pointer that are not yet readable; 0 */
	__le32 max_open;	/* append units that may be open at once, whole card */
	__le32 endurance;	/* rated erase cycles */
	__le32 read_retries;	/* retry levels above 0 */
	__le32 xor_groups;	/* groups with accumulators at once; 0 without FIO_FEAT_XOR */
	__u8 reserved[20];
} __packed;

struct fio_mb_features {
	__le64 features;	/* in: wanted; out: enabled */
} __packed;

/* Values that do not exist on this card are all-ones. */
struct fio_mb_health {
	__le32 temp_mc;		/* controller, milli-degrees Celsius, signed */
	__le32 temp_max_mc;
	__le32 board_temp_mc;
	__le32 vccint_mv, vccint_max_mv;	/* internal voltage */
	__le32 vccaux_mv, vccaux_max_mv;
	__le32 bus_mv, bus_min_mv, bus_max_mv;
	__le32 bus_ma, bus_max_ma;
	__le32 bus_mw, bus_max_mw;
	__le32 power_limit_mw;
	__le32 slot_power_mw;	/* power the slot grants */
	__u8 plp;		/* enum fio_plp */
	__u8 external_power;	/* 1 connected */
	__u8 throttle;		/* 0 none .. 3 heavy */
	__u8 beacon;
	__le32 power_cycles;
	__le32 unsafe_shutdowns;
	__le32 dies_offline;
	__le32 bad_aus_factory;
	__le32 bad_aus_grown;
	__le64 bytes_written;	/* lifetime, physical */
	__le64 bytes_read;
	__le64 corrected_bits;
	__le64 uncorrectable;
	__le64 program_fails;
	__le64 erase_fails;
	__le64 violations;	/* rules of flash the host broke: driver bugs */
	__le64 erase_total;	/* sum over all append units */
	__le32 erase_min, erase_max;
	__le64 power_on_seconds;
	__u8 reserved[32];
} __packed;

struct fio_mb_bad_aus_in {
	__le32 die;
	__le32 first_au;
} __packed;

#define FIO_MB_BAD_AUS_MAX 1000
struct fio_mb_bad_aus {
	__le32 count;		/* entries in au[] */
	__le32 next_au;		/* ask again from here; 0: complete */
	__le32 reserved[2];
	__le32 au[];		/* ascending; bit 31: factory */
} __packed;
#define FIO_MB_BAD_AU_FACTORY	BIT(31)
#define FIO_MB_BAD_AU_NR	GENMASK(30, 0)

struct fio_mb_create_qp {
	__le16 qid;		/* 0..QP_MAX-1 */
	__u8 depth_log2;	/* 2..CAP.QDEPTH_LOG2, same for both rings */
	__u8 flags;		/* bit 0: interrupts on */
	__le16 vector;
	__le16 coalesce_us;	/* hold an interrupt at most so long; 0: at once */
	__le64 sq_addr;		/* 4 KiB aligned, contiguous */
	__le64 cq_addr;
	__le16 coalesce_count;
	__u8 reserved[6];
} __packed;
#define FIO_MB_QP_IRQ		BIT(0)

struct fio_mb_delete_qp {
	__le16 qid;
	__u8 reserved[6];
} __packed;

struct fio_mb_event_queue {
	__le64 addr;		/* 4 KiB aligned; 0 stops events */
	__u8 depth_log2;	/* 4..12 entries of struct fio_event */
	__u8 reserved[7];
} __packed;

struct fio_mb_beacon {
	__u8 op;		/* 0 get, 1 set */
	__u8 on;
	__u8 reserved[6];
} __packed;

struct fio_mb_event_log_in {
	__le64 first;		/* sequence number of the first entry wanted */
	__u8 reserved[8];
} __packed;

struct fio_mb_event_log {
	__le64 first;		/* oldest number still kept */
	__le64 next;		/* number the next event will get */
	__le32 count;		/* struct fio_event that follow */
	__u8 reserved[12];
} __packed;

static_assert(sizeof(struct fio_mb_identify) == 336);
static_assert(sizeof(struct fio_mb_geometry) == 64);
static_assert(sizeof(struct fio_mb_health) == 200);
static_assert(sizeof(struct fio_mb_create_qp) == 32);
static_assert(sizeof(struct fio_mb_event_log) == 32);

#endif /* FIO_HW_MBOX_H */
