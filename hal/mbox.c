// SPDX-License-Identifier: GPL-2.0-only
/*
 * The firmware mailbox: carries one command to the card and its answer back.
 *
 * Owns: the register protocol of spec section 4, its time limit, and the mutex
 * that makes it one command at a time. Does not know what any command means:
 * mbox_cmds.c does, and checks what it gets.
 *
 * The interrupt only shortens the wait. The doorbell bit decides, and it is
 * looked at every POLL_MS as well, so a lost interrupt costs milliseconds and a
 * card that never answers costs CAP.TIMEOUT and then a reset.
 */

#include <linux/delay.h>
#include <linux/jiffies.h>

#include "card.h"

#define POLL_MS 20

static const int code_errnos[] = {
	[FIO_MBOX_OK] = 0,
	[FIO_MBOX_UNSUPPORTED] = -EOPNOTSUPP,
	[FIO_MBOX_INVALID_LENGTH] = -EPROTO,
	[FIO_MBOX_INVALID_INPUT] = -EINVAL,
	[FIO_MBOX_BUSY] = -EBUSY,
	[FIO_MBOX_NO_RESOURCE] = -ENOSPC,
	[FIO_MBOX_WRONG_STATE] = -EINVAL,
	[FIO_MBOX_INTERNAL] = -EIO,
};

/**
 * fio_mbox_name() - a command's name for messages
 * @op: opcode
 * Return: a constant string.
 */
const char *fio_mbox_name(u16 op)
{
	switch (op) {
#define MBOX_NAME(nr, cmd, in, out) case nr: return #cmd;
	FIO_MBOX_COMMANDS(MBOX_NAME)
#undef MBOX_NAME
	}
	return "unknown";
}

static const char *code_text(u32 code)
{
	switch (code) {
#define CODE_TEXT(nr, name, text) case nr: return text;
	FIO_MBOX_CODES(CODE_TEXT)
#undef CODE_TEXT
	}
	return "unknown return code";
}

/**
 * fio_mbox_init() - prepare the transport
 * @card: zeroed card
 */
void fio_mbox_init(struct fio_card *card)
{
	mutex_init(&card->mbox.lock);
	init_completion(&card->mbox.done);
}

/* The window takes aligned 32-bit accesses only; @len is padded with zeroes. */
static void write_payload(struct fio_card *card, const void *in, size_t len)
{
	size_t off;

	for (off = 0; off < len; off += 4) {
		__le32 word = 0;

		memcpy(&word, in + off, min_t(size_t, 4, len - off));
		fio_reg_write(card, FIO_REG_MBOX_PAYLOAD + off, le32_to_cpu(word));
	}
}

static void read_payload(struct fio_card *card, void *out, size_t len)
{
	size_t off;

	for (off = 0; off < len; off += 4) {
		__le32 word;

		/* all-ones is a value here, not a sign of absence */
		word = cpu_to_le32(readl(card->regs + FIO_REG_MBOX_PAYLOAD + off));
		memcpy(out + off, &word, min_t(size_t, 4, len - off));
	}
}

static bool doorbell_is_set(struct fio_card *card)
{
	return fio_reg_read(card, FIO_REG_MBOX_CTRL) & FIO_MBOX_CTRL_DOORBELL;
}

/* Step 4, seen from the host: wait for the doorbell to be cleared. */
static int wait_for_answer(struct fio_card *card)
{
	unsigned long end = jiffies + card->timeout;

	while (doorbell_is_set(card)) {
		if (READ_ONCE(card->gone) || READ_ONCE(card->frozen))
			return -ENODEV;
		if (time_after(jiffies, end))
			return -ETIMEDOUT;
		wait_for_completion_timeout(&card->mbox.done,
					    msecs_to_jiffies(POLL_MS));
	}
	return READ_ONCE(card->gone) ? -ENODEV : 0;
}

static int code_to_errno(struct fio_card *card, u16 op, u32 code)
{
	if (code == FIO_MBOX_OK)
		return 0;
	fio_warn_limited(card, "mailbox command %s: %s (%u)", fio_mbox_name(op),
			 code_text(code), code);
	return code < ARRAY_SIZE(code_errnos) ? code_errnos[code] : -EIO;
}

/* Step 5: is this the answer to our question, and how long is it? */
static int check_answer(struct fio_card *card, u16 op, size_t out_min,
			size_t *len)
{
	u32 status = fio_reg_read(card, FIO_REG_MBOX_STATUS);
	u32 echo = fio_reg_read(card, FIO_REG_MBOX_ECHO);
	int err;

	if (READ_ONCE(card->gone))
		return -ENODEV;
	if (echo != card->mbox.seq) {
		fio_err(card, "mailbox command %s: answer has number %u, expected %u",
			fio_mbox_name(op), echo, card->mbox.seq);
		return -EPROTO;
	}
	err = code_to_errno(card, op, FIELD_GET(FIO_MBOX_STATUS_CODE, status));
	if (err)
		return err;
	*len = FIELD_GET(FIO_MBOX_STATUS_LEN, status);
	if (*len < out_min || *len > FIO_MBOX_PAYLOAD_LEN) {
		fio_err(card, "mailbox command %s: answer has %zu bytes, expected %zu to %u",
			fio_mbox_name(op), *len, out_min, FIO_MBOX_PAYLOAD_LEN);
		return -EPROTO;
	}
	return 0;
}

static void send(struct fio_card *card, u16 op, const void *in, size_t in_len)
{
	/* 2. payload, command, number */
	write_payload(card, in, in_len);
	fio_reg_write(card, FIO_REG_MBOX_CMD,
		      FIELD_PREP(FIO_MBOX_CMD_OPCODE, op) |
		      FIELD_PREP(FIO_MBOX_CMD_LEN, in_len));
	/* 0xffffffff would read back like an absent card */
	card->mbox.seq = (card->mbox.seq + 1) & 0x7fffffff;
	fio_reg_write(card, FIO_REG_MBOX_SEQ, card->mbox.seq);
	/* 3. ring */
	reinit_completion(&card->mbox.done);
	fio_reg_write(card, FIO_REG_MBOX_CTRL,
		      FIO_MBOX_CTRL_DOORBELL | FIO_MBOX_CTRL_IRQ);
}

static int call_locked(struct fio_card *card, u16 op, const void *in,
		       size_t in_len, void *out, size_t out_min, size_t out_max)
{
	size_t len;
	int err;

	lockdep_assert_held(&card->mbox.lock);
	if (!card->regs || READ_ONCE(card->gone) || READ_ONCE(card->frozen))
		return -ENODEV;
	/* 1. the card is not busy with a command that nobody waits for */
	if (doorbell_is_set(card))
		return READ_ONCE(card->gone) ? -ENODEV : -ETIMEDOUT;
	send(card, op, in, in_len);
	err = wait_for_answer(card);
	if (err)
		return err;
	err = check_answer(card, op, out_min, &len);
	if (err)
		return err;
	if (out)
		read_payload(card, out, min(len, out_max));
	return fio_reg_read(card, FIO_REG_STATUS) == ~0U ? -ENODEV : 0;
}

/**
 * fio_mbox_call() - run one mailbox command
 * @card: the card
 * @op: opcode
 * @in: input payload
 * @in_len: its exact length in bytes
 * @out: receives the answer; NULL when there is none
 * @out_min: shortest valid answer in bytes
 * @out_max: room at @out; what is longer is ignored
 *
 * A card that does not answer in time, or answers something else, is reset.
 *
 * Context: process; sleeps up to CAP.TIMEOUT.
 * Return: 0; -ETIMEDOUT, -EPROTO (a reset was started); -ENODEV; or the errno
 * of the card's return code.
 */
int fio_mbox_call(struct fio_card *card, u16 op, const void *in, size_t in_len,
		  void *out, size_t out_min, size_t out_max)
{
	int err;

	mutex_lock(&card->mbox.lock);
	err = call_locked(card, op, in, in_len, out, out_min, out_max);
	mutex_unlock(&card->mbox.lock);
	if (err == -ETIMEDOUT)
		fio_err_limited(card, "mailbox command %s: no answer within %u ms",
				fio_mbox_name(op), jiffies_to_msecs(card->timeout));
	if (err == -ETIMEDOUT || err == -EPROTO)
		fio_card_fault(card, FIO_REASON_MAILBOX, "mailbox failure");
	return err;
}
