/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Card wire contract, part 3: ring entries, vector commands, page tags, events
 * (spec 5 and 6). All little-endian, reserved fields zero.
 */
#ifndef FIO_HW_DESC_H
#define FIO_HW_DESC_H

#include <fio/types.h>

#define FIO_UNIT_BYTES		4096
#define FIO_TAG_BYTES		64
#define FIO_MAX_UNITS		64	/* in one vector command */

/* A physical address of one unit, or of an append unit (page ignored). */
#define FIO_ADDR_PAGE		GENMASK_ULL(15, 0)
#define FIO_ADDR_AU		GENMASK_ULL(39, 16)
#define FIO_ADDR_DIE		GENMASK_ULL(55, 40)
#define FIO_ADDR_NULL		(~0ULL)

enum fio_opcode {
	FIO_OP_APPEND	= 0x01,	/* write units at the write pointers of the named AUs */
	FIO_OP_READ	= 0x02,	/* data and/or tags */
	FIO_OP_RESET	= 0x03,	/* erase the named AUs */
	FIO_OP_FINISH	= 0x04,	/* close the named AUs: no more appends until reset */
	FIO_OP_REPORT	= 0x05,	/* struct fio_au_report per named AU, into the data buffer */
	FIO_OP_SYNC	= 0x06,	/* everything completed before is on flash afterwards; units = 0 */
	FIO_OP_RETIRE	= 0x07,	/* enter the named AUs into the bad table for good */
};

enum fio_sgl_type {
	FIO_SGL_DATA	= 0,
	FIO_SGL_DISCARD	= 1,	/* reads only: drop so many bytes */
	FIO_SGL_LIST	= 2,	/* addr points to len / 16 descriptors, none of them a list */
};

struct fio_sgl {
	__le64 addr;		/* any byte alignment */
	__le32 len;		/* bytes */
	__u8 type;
	__u8 reserved[3];
} __packed;

/* fio_sqe.flags */
#define FIO_SQE_ADDR_LIST	BIT(0)	/* addr points to __le64[units], else is the one */
#define FIO_SQE_FUA		BIT(1)	/* append: complete when on flash, whatever PLP says */
#define FIO_SQE_CRC		BIT(2)	/* append: fill tag CRC; read: check it */
#define FIO_SQE_LOW		BIT(3)	/* background: serve after others */
#define FIO_SQE_XOR		BIT(4)	/* append: add to the rows; finish: end the groups */
#define FIO_SQE_PARITY		BIT(5)	/* append, read: the accumulators of the rows named */

/*
 * For READ and APPEND the data buffer described by @sgl is exactly
 * units * 4096 bytes, or absent (len 0: a read of tags only, an append of parity).
 */
struct fio_sqe {
	__u8 opcode;
	__u8 flags;
	__le16 cid;		/* host's number, echoed; unique among outstanding of this ring */
	__u8 units;		/* 1..64; 0 for SYNC */
	__u8 retry;		/* READ: retry level */
	__u8 reserved0[2];
	__le64 addr;
	__le64 tags;		/* struct of 64 bytes per unit; 0: no tags (READ only) */
	struct fio_sgl sgl;
	__u8 reserved1[24];
} __packed;

/*
 * Written after the data, the tags and the address list; the card writes the
 * last 4 bytes, which hold the phase, after the others.
 */
struct fio_cqe {
	__le64 addr;		/* APPEND of one unit: where it went. More: in the address list */
	__le64 failed;		/* bit i: unit i failed */
	__le32 corrected;	/* bits that ECC corrected */
	__le32 reserved0;
	__le16 sq_head;		/* entries up to here have been fetched */
	__u8 reserved1[2];
	__le16 cid;
	__le16 status;		/* FIO_CQE_PHASE | FIO_CQE_STATUS */
} __packed;
#define FIO_CQE_PHASE		BIT(15)
#define FIO_CQE_STATUS		GENMASK(14, 0)

/* Status: the worst of the command; fio_cqe.failed says which units. */
#define FIO_STATUSES(X)							\
	X(0x00, OK,		"success")				\
	X(0x01, INVALID_OPCODE,	"opcode is not known")			\
	X(0x02, INVALID_FIELD,	"a field of the command is wrong")	\
	X(0x03, INVALID_ADDR,	"an address is outside the geometry")	\
	X(0x04, DMA,		"host memory could not be reached")	\
	X(0x05, ABORTED,	"queue deleted or card reset")		\
	X(0x06, INTERNAL,	"card error")				\
	X(0x10, ERASED,		"unit was never programmed")		\
	X(0x11, UNCORRECTABLE,	"more bit errors than ECC corrects")	\
	X(0x12, CRC,		"stored CRC does not match stored data")\
	X(0x20, PROGRAM_FAIL,	"flash reported a failed program")	\
	X(0x21, AU_FULL,	"append unit has no room")		\
	X(0x22, AU_STATE,	"append unit is not in a state for this")	\
	X(0x23, MAX_OPEN,	"too many append units are open")	\
	X(0x24, ERASE_FAIL,	"flash reported a failed erase")	\
	X(0x25, AU_BAD,		"append unit is in the bad table")	\
	X(0x26, DIE_OFFLINE,	"die does not answer")			\
	X(0x27, AU_BUSY,	"append unit has commands outstanding")

enum fio_status {
#define FIO_STATUS_ENUM(nr, name, text) FIO_SC_##name = (nr),
	FIO_STATUSES(FIO_STATUS_ENUM)
#undef FIO_STATUS_ENUM
};

enum fio_au_state {
	FIO_AU_FREE	= 0,	/* erased, nothing programmed */
	FIO_AU_OPEN	= 1,	/* write pointer known */
	FIO_AU_CLOSED	= 2,	/* full or finished */
	FIO_AU_SUSPECT	= 3,	/* a cut interrupted a program or erase: reset it first */
	FIO_AU_BAD	= 4,
	FIO_AU_OFFLINE	= 5,	/* its die does not answer */
};

struct fio_au_report {
	__le64 addr;
	__u8 state;		/* enum fio_au_state */
	__u8 flags;		/* bit 0: write_ptr is unknown */
	__u8 reserved0[2];
	__le32 write_ptr;	/* units */
	__le32 erase_count;
	__le32 read_count;
	__u8 reserved1[8];
} __packed;
#define FIO_AU_WP_UNKNOWN	BIT(0)

/*
 * The last 4 bytes of a tag are CRC32C over the 4096 data bytes followed by the
 * first 60 tag bytes, computed by the card over what it stores. The rest of the
 * tag belongs to the host (media_format.h); the card does not interpret it.
 */
#define FIO_TAG_CRC_OFFSET	60

/**
 * struct fio_xor_tag - how the tag of a row's accumulator lies in 64 bytes (spec 5.9)
 * @fold0: bytes 0..15 of the tags added, XORed
 * @host0: from the tag that the host gave with the APPEND; in a READ bytes 16..29, XORed
 * @fold30: bytes 30..47, XORed
 * @fold60: bytes 60..63, their CRCs, XORed
 * @fold28: bytes 28 and 29, XORed
 * @count: units in the accumulator
 * @host56: from the host's tag
 * @crc: of this page, if asked for, else from the host's tag
 */
struct fio_xor_tag {
	__u8 fold0[16];
	__u8 host0[14];
	__u8 fold30[18];
	__u8 fold60[4];
	__u8 fold28[2];
	__le16 count;
	__u8 host56[4];
	__le32 crc;
} __packed;

/* Async events (spec 6): a ring in host memory, same phase rule, vector 0. */
#define FIO_EVENTS(X)							\
	X(1, OVERFLOW,		"events were lost")			\
	X(2, PLP,		"power-loss protection changed")	\
	X(3, TEMPERATURE,	"temperature crossed a threshold")	\
	X(4, POWER,		"power limit reached")			\
	X(5, DIE_OFFLINE,	"a die stopped answering")		\
	X(6, AU_REFRESH,	"an append unit should be rewritten soon")	\
	X(7, AU_RETIRE,		"an append unit should be retired")	\
	X(8, VIOLATION,		"the host broke a rule of flash")	\
	X(9, POWER_FAIL,	"power is failing")			\
	X(10, HEALTH,		"health data changed, read it again")

enum fio_event_type {
#define FIO_EVENT_ENUM(nr, name, text) FIO_EV_##name = (nr),
	FIO_EVENTS(FIO_EVENT_ENUM)
#undef FIO_EVENT_ENUM
};

struct fio_event {
	__le64 seq;
	__le64 seconds;		/* power-on seconds */
	__le64 addr;		/* die / AU concerned, or FIO_ADDR_NULL */
	__le32 value;		/* temperature in milli-degrees, enum fio_plp, ... */
	__le16 type;
	__le16 phase;		/* bit 0, written last */
} __packed;

static_assert(sizeof(struct fio_sgl) == 16);
static_assert(sizeof(struct fio_sqe) == 64);
static_assert(sizeof(struct fio_cqe) == 32);
static_assert(sizeof(struct fio_au_report) == 32);
static_assert(sizeof(struct fio_xor_tag) == FIO_TAG_BYTES);
static_assert(sizeof(struct fio_event) == 32);

#endif /* FIO_HW_DESC_H */
