// SPDX-License-Identifier: GPL-2.0-only
/*
 * The firmware mailbox (hw.md section 4).
 *
 * Owns: the transport (doorbell, lengths, echo, interrupt) and one small function
 * per command, in a table. Lengths come from FIO_MBOX_COMMANDS, so that the card
 * and the header cannot disagree.
 */
#include "vcard/model/card.h"

/* Input and output share the window; the card answers into a copy. */
struct mbox_call {
	u8 in[FIO_MBOX_PAYLOAD_LEN];
	u8 out[FIO_MBOX_PAYLOAD_LEN];
	u32 out_len;
};

static void put_str(char *to, size_t len, const char *text)
{
	size_t n = strlen(text);

	memcpy(to, text, n < len ? n : len);
}

static void put_adapter(struct vcard *c, struct fio_mb_identify *id)
{
	char number[sizeof(id->adapter_product_number)];

	put_str(id->adapter_product, sizeof(id->adapter_product), "Virtual Flash Adapter");
	put_str(id->adapter_name, sizeof(id->adapter_name), "Virtual Adapter");
	put_str(id->adapter_part_number, sizeof(id->adapter_part_number), "VC-00001");
	snprintf(number, sizeof(number), "FVC-1-%03llu-VM",
		 (unsigned long long)(c->persist->user_bytes / 1000000000));
	put_str(id->adapter_product_number, sizeof(id->adapter_product_number), number);
	put_str(id->adapter_serial, sizeof(id->adapter_serial), c->persist->serial);
	put_str(id->adapter_fio_serial, sizeof(id->adapter_fio_serial), c->persist->serial);
	put_str(id->slot_name, sizeof(id->slot_name), "Upper");
	id->adapter_modules = 1;
}

/* Rated: half of what the flash could take if every cycle were a host write. */
static u64 rated_bytes(const struct vcard *c)
{
	return c->persist->user_bytes / 2 * c->geo->endurance;
}

static u8 mb_IDENTIFY(struct vcard *c, struct mbox_call *m)
{
	struct fio_mb_identify *id = (struct fio_mb_identify *)m->out;
	char product[sizeof(id->product)];

	snprintf(product, sizeof(product), "Virtual ioDIMM %lluG MLC",
		 (unsigned long long)(c->persist->user_bytes / 1000000000));
	put_str(id->product, sizeof(id->product), product);
	put_str(id->part_number, sizeof(id->part_number), "VM-00001");
	put_str(id->serial, sizeof(id->serial), c->persist->serial);
	put_adapter(c, id);
	id->fw_version[0] = 1;
	id->fw_revision = cpu_to_le32(1);
	id->max_units = cpu_to_le32(FIO_MAX_UNITS);
	id->features = cpu_to_le64(VCARD_FEATURES);
	id->user_bytes = cpu_to_le64(c->persist->user_bytes);
	id->rated_bytes = cpu_to_le64(rated_bytes(c));
	return FIO_MBOX_OK;
}

static u8 mb_GEOMETRY(struct vcard *c, struct mbox_call *m)
{
	struct fio_mb_geometry *g = (struct fio_mb_geometry *)m->out;

	g->dies = cpu_to_le32(c->geo->dies);
	g->aus = cpu_to_le32(c->geo->blocks);
	g->pages = cpu_to_le32(c->geo->pages);
	g->unit_bytes = cpu_to_le32(FIO_UNIT_BYTES);
	g->tag_bytes = cpu_to_le32(FIO_TAG_BYTES);
	g->write_units = cpu_to_le32(VCARD_WRITE_UNITS);
	g->max_open = cpu_to_le32(c->max_open);
	g->endurance = cpu_to_le32(c->geo->endurance);
	g->read_retries = cpu_to_le32(VCARD_READ_RETRIES);
	g->xor_groups = cpu_to_le32(VCARD_XOR_GROUPS);
	fault_absurd(c, g);
	return FIO_MBOX_OK;
}

static u8 mb_FEATURES(struct vcard *c, struct mbox_call *m)
{
	struct fio_mb_features *in = (struct fio_mb_features *)m->in;
	struct fio_mb_features *out = (struct fio_mb_features *)m->out;
	u64 wanted = le64_to_cpu(in->features);

	if (wanted & ~VCARD_FEATURES)
		return FIO_MBOX_INVALID_INPUT;
	c->features = wanted;
	out->features = cpu_to_le64(wanted);
	return FIO_MBOX_OK;
}

static u8 mb_HEALTH(struct vcard *c, struct mbox_call *m)
{
	telemetry_health(c, (struct fio_mb_health *)m->out);
	return FIO_MBOX_OK;
}

static u32 bad_entry(struct vcard *c, u32 die, u32 au)
{
	struct nand_block_info info;

	nand_block_info(c->nand, die, au, &info);
	return au | (info.factory_bad ? FIO_MB_BAD_AU_FACTORY : 0);
}

static u8 mb_BAD_AUS(struct vcard *c, struct mbox_call *m)
{
	struct fio_mb_bad_aus_in *in = (struct fio_mb_bad_aus_in *)m->in;
	struct fio_mb_bad_aus *out = (struct fio_mb_bad_aus *)m->out;
	u32 die = le32_to_cpu(in->die), au = le32_to_cpu(in->first_au);
	u32 n = 0;

	if (die >= c->geo->dies || au >= c->geo->blocks)
		return FIO_MBOX_INVALID_INPUT;
	for (; au < c->geo->blocks && n < FIO_MB_BAD_AUS_MAX; au++)
		if (au_of(c, die, au)->flags & AU_BAD)
			out->au[n++] = cpu_to_le32(bad_entry(c, die, au));
	out->count = cpu_to_le32(n);
	out->next_au = cpu_to_le32(au < c->geo->blocks ? au : 0);
	m->out_len += n * sizeof(out->au[0]);
	return FIO_MBOX_OK;
}

static u8 mb_CREATE_QP(struct vcard *c, struct mbox_call *m)
{
	return ring_create(c, (struct fio_mb_create_qp *)m->in);
}

static u8 mb_DELETE_QP(struct vcard *c, struct mbox_call *m)
{
	struct fio_mb_delete_qp *in = (struct fio_mb_delete_qp *)m->in;

	return ring_delete(c, le16_to_cpu(in->qid));
}

static u8 mb_EVENT_QUEUE(struct vcard *c, struct mbox_call *m)
{
	struct fio_mb_event_queue *in = (struct fio_mb_event_queue *)m->in;
	u64 addr = le64_to_cpu(in->addr);

	if (addr && (in->depth_log2 < 4 || in->depth_log2 > 12 || addr % 4096))
		return FIO_MBOX_INVALID_INPUT;
	event_ring(c, addr, addr ? 1U << in->depth_log2 : 0);
	return FIO_MBOX_OK;
}

static u8 mb_BEACON(struct vcard *c, struct mbox_call *m)
{
	struct fio_mb_beacon *in = (struct fio_mb_beacon *)m->in;
	struct fio_mb_beacon *out = (struct fio_mb_beacon *)m->out;

	if (in->op > 1 || in->on > 1)
		return FIO_MBOX_INVALID_INPUT;
	if (in->op == 1)
		c->tele.beacon = in->on;
	out->op = in->op;
	out->on = c->tele.beacon;
	return FIO_MBOX_OK;
}

static u8 mb_EVENT_LOG(struct vcard *c, struct mbox_call *m)
{
	struct fio_mb_event_log_in *in = (struct fio_mb_event_log_in *)m->in;
	struct fio_mb_event_log *out = (struct fio_mb_event_log *)m->out;

	m->out_len += event_read_log(c, le64_to_cpu(in->first), out,
				     sizeof(m->out) - sizeof(*out));
	return FIO_MBOX_OK;
}

static const struct mbox_cmd {
	u16 op;
	u16 in_len, out_len;
	u8 (*fn)(struct vcard *c, struct mbox_call *m);
} commands[] = {
#define MBOX_ROW(nr, name, in, out) { nr, in, out, mb_##name },
	FIO_MBOX_COMMANDS(MBOX_ROW)
#undef MBOX_ROW
};

static bool needs_ready(u16 op)
{
	return op == FIO_MB_FEATURES || op == FIO_MB_CREATE_QP || op == FIO_MB_DELETE_QP ||
	       op == FIO_MB_EVENT_QUEUE;
}

static const struct mbox_cmd *find(u16 op)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].op == op)
			return &commands[i];
	return NULL;
}

static u8 execute(struct vcard *c, u16 op, u32 len, struct mbox_call *m)
{
	const struct mbox_cmd *cmd = find(op);

	if (!cmd)
		return FIO_MBOX_UNSUPPORTED;
	if (len != cmd->in_len)
		return FIO_MBOX_INVALID_LENGTH;
	if (needs_ready(op) && !card_ready(c))
		return FIO_MBOX_WRONG_STATE;
	m->out_len = cmd->out_len;
	return cmd->fn(c, m);
}

static void load_payload(struct vcard *c, u8 *to, u32 len)
{
	__le32 word;
	u32 i;

	for (i = 0; i < len; i += 4) {
		word = cpu_to_le32(reg_get(&c->regs.payload[i / 4]));
		memcpy(to + i, &word, 4);
	}
}

static void store_payload(struct vcard *c, const u8 *from, u32 len)
{
	__le32 word;
	u32 i;

	for (i = 0; i < len; i += 4) {
		memcpy(&word, from + i, 4);
		reg_set(&c->regs.payload[i / 4], le32_to_cpu(word));
	}
}

static void answer(struct vcard *c, u8 code, u32 len)
{
	bool irq = reg_get(&c->regs.mbox_ctrl) & FIO_MBOX_CTRL_IRQ;

	reg_set(&c->regs.mbox_status, FIELD_PREP(FIO_MBOX_STATUS_CODE, code) |
		FIELD_PREP(FIO_MBOX_STATUS_LEN, len));
	reg_set(&c->regs.mbox_echo, reg_get(&c->regs.mbox_seq));
	reg_set(&c->regs.mbox_ctrl, 0);
	if (irq)
		regs_cause(c, FIO_INT_MBOX);
}

static void serve(struct vcard *c)
{
	u32 cmd = reg_get(&c->regs.mbox_cmd);
	u32 len = FIELD_GET(FIO_MBOX_CMD_LEN, cmd);
	u16 op = FIELD_GET(FIO_MBOX_CMD_OPCODE, cmd);
	struct mbox_call m = { .out_len = 0 };
	u8 code;

	c->stats.mbox++;
	load_payload(c, m.in, min_t(u32, len, sizeof(m.in)));
	code = execute(c, op, len, &m);
	if (code) {
		c->stats.mbox_errors++;
		m.out_len = 0;
	}
	m.out_len = fault_short_answer(c, op, m.out_len);
	store_payload(c, m.out, m.out_len);
	answer(c, code, m.out_len);
}

/**
 * mbox_run() - execute the command in the mailbox, if there is one
 * @c: the card
 *
 * Context: the card is locked.
 */
void mbox_run(struct vcard *c)
{
	if (reg_get(&c->regs.mbox_ctrl) & FIO_MBOX_CTRL_DOORBELL && !fault_mbox_hang(c))
		serve(c);
}
