// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space, registers, enable, shutdown, resets, fatal errors (hw.md sections
 * 2, 3, 9).
 */
#include <linux/pci_regs.h>

#include "tests/unit/test_model_rig.h"

static u32 cfg_rd(struct rig *r, u32 off, u32 len)
{
	__le32 val = 0;

	vcard_config_read(r->c, off, &val, len);
	return le32_to_cpu(val);
}

static void cfg_wr(struct rig *r, u32 off, u32 val, u32 len)
{
	__le32 v = cpu_to_le32(val);

	vcard_config_write(r->c, off, &v, len);
}

static u32 find_cap(struct rig *r, u32 id)
{
	u32 at = cfg_rd(r, PCI_CAPABILITY_LIST, 1), hops = 0;

	while (at && cfg_rd(r, at, 1) != id) {
		assert_true(++hops < 48);
		at = cfg_rd(r, at + 1, 1);
	}
	return at;
}

static u32 find_ext(struct rig *r, u32 id)
{
	u32 at = 0x100, hops = 0;

	while (at && PCI_EXT_CAP_ID(cfg_rd(r, at, 4)) != id) {
		assert_true(++hops < 48);
		at = PCI_EXT_CAP_NEXT(cfg_rd(r, at, 4));
	}
	return at;
}

static void identity(void **state)
{
	struct rig *r = *state;

	assert_int_equal(cfg_rd(r, PCI_VENDOR_ID, 4), 0x10051aed);
	assert_int_equal(cfg_rd(r, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x10101aed);
	assert_int_equal(cfg_rd(r, PCI_CLASS_REVISION, 4) >> 8, 0x018000);
	assert_int_equal(cfg_rd(r, PCI_HEADER_TYPE, 1), 0);
	assert_int_equal(cfg_rd(r, PCI_INTERRUPT_PIN, 1), 0);
	assert_true(cfg_rd(r, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
}

static void capabilities(void **state)
{
	struct rig *r = *state;
	u32 exp = find_cap(r, PCI_CAP_ID_EXP), msix = find_cap(r, PCI_CAP_ID_MSIX);

	assert_true(exp && msix && find_cap(r, PCI_CAP_ID_PM));
	assert_int_equal(find_cap(r, PCI_CAP_ID_MSI), 0);
	assert_true(cfg_rd(r, exp + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR);
	assert_int_equal(cfg_rd(r, exp + PCI_EXP_FLAGS, 2), 2);
	assert_int_equal(cfg_rd(r, exp + PCI_EXP_LNKSTA, 2), 1 | 4 << 4);
	assert_int_equal(cfg_rd(r, msix + PCI_MSIX_FLAGS, 2), 4);
	assert_int_equal(cfg_rd(r, msix + PCI_MSIX_TABLE, 4) & 7, 2);
	assert_int_equal(vcard_irq_count(r->c, VCARD_IRQ_MSIX), 5);
	assert_int_equal(vcard_irq_count(r->c, VCARD_IRQ_MSI), 0);
	assert_true(find_ext(r, PCI_EXT_CAP_ID_ERR));
}

static void vsec(void **state)
{
	struct rig *r = *state;
	u32 at = find_ext(r, PCI_EXT_CAP_ID_VNDR);
	u32 hdr = cfg_rd(r, at + FIO_VSEC_HDR, 4);

	assert_true(at);
	assert_int_equal(FIELD_GET(FIO_VSEC_HDR_ID, hdr), FIO_VSEC_ID);
	assert_int_equal(FIELD_GET(FIO_VSEC_HDR_REV, hdr), FIO_VSEC_REV);
	assert_int_equal(FIELD_GET(FIO_VSEC_HDR_LEN, hdr), FIO_VSEC_LEN);
	assert_int_equal(cfg_rd(r, at + FIO_VSEC_SIGNATURE, 4), FIO_SIGNATURE);
	assert_int_equal(cfg_rd(r, at + FIO_VSEC_VERSION, 4), FIO_IF_MAJOR << 16 | FIO_IF_MINOR);
	assert_int_equal(cfg_rd(r, at + FIO_VSEC_REGS, 4), 0);
	assert_int_equal(cfg_rd(r, at + FIO_VSEC_REGS_LEN, 4), FIO_REGS_LEN);
	assert_int_equal(cfg_rd(r, at + FIO_VSEC_DB, 4), FIO_REGS_LEN);
	assert_int_equal(cfg_rd(r, at + FIO_VSEC_DB_LEN, 4), 4 * 8);
	cfg_wr(r, at + FIO_VSEC_SIGNATURE, 0, 4);
	assert_int_equal(cfg_rd(r, at + FIO_VSEC_SIGNATURE, 4), FIO_SIGNATURE);
}

static void msi_mode(void **state)
{
	struct vcard_config cfg;
	struct rig *r;
	u32 msi, ext;

	rig_config(&cfg);
	cfg.irq_mode = VCARD_IRQ_MSI;
	cfg.if_major = 77;
	r = rig_new(&cfg);
	msi = find_cap(r, PCI_CAP_ID_MSI);
	assert_true(msi);
	assert_int_equal(find_cap(r, PCI_CAP_ID_MSIX), 0);
	assert_int_equal(cfg_rd(r, msi + PCI_MSI_FLAGS, 2), PCI_MSI_FLAGS_64BIT | 3 << 1);
	cfg_wr(r, msi + PCI_MSI_FLAGS, 0xffff, 2);
	assert_int_equal(cfg_rd(r, msi + PCI_MSI_FLAGS, 2), PCI_MSI_FLAGS_64BIT | 3 << 1 | 0x71);
	assert_int_equal(vcard_irq_count(r->c, VCARD_IRQ_MSI), 8);
	assert_int_equal(vcard_bar_size(r->c, 2), 0);
	assert_int_equal(rig_rd(r, FIO_REG_VERSION) >> 16, 77);
	ext = find_ext(r, PCI_EXT_CAP_ID_VNDR);
	assert_int_equal(cfg_rd(r, ext + FIO_VSEC_VERSION, 4) >> 16, 77);
	rig_free(r);
}

static void config_writes(void **state)
{
	struct rig *r = *state;

	cfg_wr(r, PCI_VENDOR_ID, 0, 4);
	assert_int_equal(cfg_rd(r, PCI_VENDOR_ID, 4), 0x10051aed);
	cfg_wr(r, PCI_BASE_ADDRESS_0, ~0U, 4);
	cfg_wr(r, PCI_BASE_ADDRESS_1, ~0U, 4);
	assert_int_equal(cfg_rd(r, PCI_BASE_ADDRESS_0, 4), ~(0x4000U - 1) | 4);
	assert_int_equal(cfg_rd(r, PCI_BASE_ADDRESS_1, 4), ~0U);
	cfg_wr(r, PCI_COMMAND, 0xffff, 2);
	assert_int_equal(cfg_rd(r, PCI_COMMAND, 2) & 7, 6);
	cfg_wr(r, PCI_COMMAND + 1, 0, 1);
	assert_int_equal(cfg_rd(r, PCI_COMMAND, 2) & 7, 6);
	/* outside */
	assert_int_equal(cfg_rd(r, 4094, 4), ~0U);
	cfg_wr(r, 4095, 1, 4);
	assert_int_equal(cfg_rd(r, 0xffffffff, 4), ~0U);
}

static void access_sizes(void **state)
{
	struct rig *r = *state;
	u8 buf[8] = { 0 };

	assert_int_equal(vcard_bar_size(r->c, 0), 0x4000);
	assert_int_equal(vcard_bar_size(r->c, 1), 0);
	assert_int_equal(vcard_bar_size(r->c, 2), 0x1000);
	assert_int_equal(vcard_bar_read(r->c, 0, 0, buf, 2), -EINVAL);
	assert_int_equal(vcard_bar_read(r->c, 0, 0, buf, 8), -EINVAL);
	assert_int_equal(vcard_bar_read(r->c, 0, 2, buf, 4), -EINVAL);
	assert_int_equal(vcard_bar_read(r->c, 0, 0x4000, buf, 4), -EINVAL);
	assert_int_equal(vcard_bar_read(r->c, 0, ~0ULL - 1, buf, 4), -EINVAL);
	assert_int_equal(vcard_bar_write(r->c, 0, 1, buf, 4), -EINVAL);
	assert_int_equal(vcard_bar_read(r->c, 1, 0, buf, 4), -EINVAL);
	assert_int_equal(vcard_bar_read(r->c, 2, 0x800, buf, 8), 0);
	assert_int_equal(rig_rd(r, 0x100), 0);
	assert_int_equal(rig_rd(r, 0x3ffc), 0);
}

static void fixed_registers(void **state)
{
	struct rig *r = *state;
	u32 cap = rig_rd(r, FIO_REG_CAP);

	assert_int_equal(rig_rd(r, FIO_REG_SIGNATURE), FIO_SIGNATURE);
	assert_int_equal(rig_rd(r, FIO_REG_VERSION), FIO_IF_MAJOR << 16 | FIO_IF_MINOR);
	assert_int_equal(FIELD_GET(FIO_CAP_QP_MAX, cap), 4);
	assert_int_equal(FIELD_GET(FIO_CAP_QDEPTH_LOG2, cap), 10);
	assert_int_equal(FIELD_GET(FIO_CAP_DB_STRIDE_LOG2, cap), 0);
	assert_true(FIELD_GET(FIO_CAP_TIMEOUT, cap) > 0);
	rig_wr(r, FIO_REG_CAP, 0);
	rig_wr(r, FIO_REG_STATUS, 0xffffffff);
	rig_wr(r, FIO_REG_FATAL, 5);
	rig_wr(r, FIO_REG_MBOX_STATUS, 5);
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_CAP), cap);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), 0);
	assert_int_equal(rig_rd(r, FIO_REG_FATAL), 0);
	assert_int_equal(rig_rd(r, FIO_REG_MBOX_STATUS), 0);
}

static void enable(void **state)
{
	struct rig *r = *state;
	s64 wait;

	assert_int_equal(rig_control(r, "ready-delay 20"), 0);
	rig_wr(r, FIO_REG_CTRL, FIO_CTRL_EN);
	wait = rig_run(r);
	assert_true(wait > 0 && wait <= 20000000);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), 0);
	r->now += 19000000;
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), 0);
	r->now += 1000000;
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), FIO_STATUS_RDY);
}

static void disable_is_a_reset(void **state)
{
	struct rig *r = *state;

	rig_up(r);
	rig_wr(r, FIO_REG_CTRL, 0);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), FIO_STATUS_RESETTING);
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), 0);
	rig_enable(r);
	assert_int_equal(rig_create_qp(r, 0, 4, 1), FIO_MBOX_OK);
}

static void register_reset(void **state)
{
	struct rig *r = *state;
	u64 addr = rig_addr(0, 0, 0);

	rig_up(r);
	assert_int_equal(rig_append(r, &addr, 1, 5, 0, NULL), FIO_SC_OK);
	rig_wr(r, FIO_REG_RESET, 0x12345678);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), FIO_STATUS_RDY);
	assert_int_equal(rig_rd(r, FIO_REG_RESET), 0);
	cfg_wr(r, PCI_COMMAND, 6, 2);
	rig_wr(r, FIO_REG_RESET, FIO_RESET_KEY);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), FIO_STATUS_RESETTING);
	assert_int_equal(rig_rd(r, FIO_REG_CTRL), 0);
	assert_int_equal(rig_rd(r, FIO_REG_SIGNATURE), FIO_SIGNATURE);
	rig_wr(r, FIO_REG_CTRL, FIO_CTRL_EN);
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), 0);
	assert_int_equal(rig_rd(r, FIO_REG_CTRL), 0);
	assert_int_equal(rig_rd(r, FIO_REG_INT_CAUSE), 0);
	assert_int_equal(cfg_rd(r, PCI_COMMAND, 2), 6);
	rig_up(r);
	assert_int_equal(rig_read(r, &addr, 1, 0, NULL), FIO_SC_OK);
	assert_true(rig_pattern_ok(r, 0, 5));
}

static void features_end_with_a_reset(void **state)
{
	struct rig *r = *state;
	u64 addr = rig_addr(0, 0, 0);

	rig_up(r);
	vcard_reset(r->c, VCARD_RESET_BUS);
	rig_enable(r);
	assert_int_equal(rig_create_qp(r, 0, 4, 1), FIO_MBOX_OK);
	assert_int_equal(rig_append(r, &addr, 1, 5, FIO_SQE_CRC, NULL), FIO_SC_INVALID_FIELD);
}

static void function_level_reset(void **state)
{
	struct rig *r = *state;
	u32 devctl = find_cap(r, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
	u32 kicks;

	rig_up(r);
	cfg_wr(r, PCI_COMMAND, 6, 2);
	kicks = r->kicks;
	cfg_wr(r, devctl, PCI_EXP_DEVCTL_BCR_FLR | 0x10, 2);
	assert_int_equal(r->kicks, kicks + 1);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), FIO_STATUS_RESETTING);
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), 0);
	assert_int_equal(cfg_rd(r, PCI_COMMAND, 2), 0);
	assert_int_equal(cfg_rd(r, devctl, 2) & PCI_EXP_DEVCTL_BCR_FLR, 0);
	assert_int_equal(rig_stat(r, "resets"), 1);
	/* one byte is enough */
	cfg_wr(r, devctl + 1, 0x80, 1);
	rig_run(r);
	assert_int_equal(rig_stat(r, "resets"), 2);
}

static void bus_reset(void **state)
{
	struct rig *r = *state;

	rig_up(r);
	cfg_wr(r, PCI_COMMAND, 6, 2);
	vcard_reset(r->c, VCARD_RESET_BUS);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), 0);
	assert_int_equal(cfg_rd(r, PCI_COMMAND, 2), 0);
}

/* After a reset the card touches neither memory nor interrupts. */
static void outstanding_commands_vanish(void **state)
{
	struct vcard_config cfg;
	u64 addr = rig_addr(0, 0, 0);
	struct fio_sqe sqe = rig_sqe(FIO_OP_READ, 1);
	struct fio_cqe cqe;
	struct rig *r;
	u32 writes, irqs;

	rig_config(&cfg);
	cfg.timing = NAND_TIMING_MLC;
	r = rig_new(&cfg);
	rig_up(r);
	rig_append(r, &addr, 1, 5, 0, NULL);
	sqe.flags = 0;
	sqe.addr = cpu_to_le64(rig_addr(0, 0, 0));
	rig_push(r, 0, &sqe);
	sqe.opcode = FIO_OP_RESET;
	sqe.addr = cpu_to_le64(rig_addr(1, 0, 0));
	rig_push(r, 0, &sqe);
	rig_doorbell(r, 0, FIO_DB_SQ_TAIL, r->q[0].sq_tail);
	rig_run(r);
	assert_int_equal(rig_stat(r, "outstanding"), 2);
	rig_wr(r, FIO_REG_RESET, FIO_RESET_KEY);
	writes = r->writes;
	irqs = r->irqs[1];
	rig_run_until_idle(r);
	assert_false(rig_peek(r, 0, &cqe));
	assert_int_equal(r->writes, writes);
	assert_int_equal(r->irqs[1], irqs);
	rig_up(r);
	/* nothing is busy any more */
	sqe.opcode = FIO_OP_APPEND;
	rig_push(r, 0, &sqe);
	rig_doorbell(r, 0, FIO_DB_SQ_TAIL, r->q[0].sq_tail);
	rig_run_until_idle(r);
	assert_true(rig_reap(r, 0, &cqe));
	assert_int_equal(le16_to_cpu(cqe.status), FIO_CQE_PHASE | FIO_SC_OK);
	sqe.opcode = FIO_OP_RESET;
	sqe.addr = cpu_to_le64(rig_addr(0, 0, 0));
	rig_push(r, 0, &sqe);
	rig_doorbell(r, 0, FIO_DB_SQ_TAIL, r->q[0].sq_tail);
	rig_run_until_idle(r);
	assert_true(rig_reap(r, 0, &cqe));
	assert_int_equal(le16_to_cpu(cqe.status), FIO_CQE_PHASE | FIO_SC_OK);
	rig_free(r);
}

static void shutdown(void **state)
{
	struct vcard_config cfg;
	u64 addr = rig_addr(0, 0, 0);
	struct rig *r;

	rig_config(&cfg);
	cfg.plp = FIO_PLP_NONE;
	r = rig_new(&cfg);
	rig_up(r);
	assert_int_equal(rig_append(r, &addr, 1, 5, 0, NULL), FIO_SC_OK);
	assert_int_equal(rig_stat(r, "buffered"), 1);
	rig_wr(r, FIO_REG_CTRL, FIO_CTRL_EN | FIO_CTRL_SHUTDOWN);
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), FIO_STATUS_RDY | FIO_STATUS_SHUTDOWN_DONE);
	assert_int_equal(rig_stat(r, "buffered"), 0);
	assert_int_equal(rig_mbox(r, FIO_MB_IDENTIFY, NULL, 0, NULL, NULL), ~0U);
	rig_wr(r, FIO_REG_RESET, FIO_RESET_KEY);
	rig_run(r);
	rig_up(r);
	assert_int_equal(rig_read(r, &addr, 1, 0, NULL), FIO_SC_OK);
	rig_free(r);
}

static void fatal_error(void **state)
{
	struct rig *r = *state;
	u32 irqs;

	rig_up(r);
	irqs = r->irqs[0];
	rig_wr(r, FIO_REG_INT_CAUSE, ~0U);
	assert_int_equal(rig_control(r, "fatal 1"), 0);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), FIO_STATUS_RDY | FIO_STATUS_FATAL);
	assert_int_equal(rig_rd(r, FIO_REG_FATAL), FIO_FATAL_INTERNAL);
	assert_int_equal(rig_rd(r, FIO_REG_INT_CAUSE), FIO_INT_FATAL);
	assert_int_equal(r->irqs[0], irqs + 1);
	assert_int_equal(rig_control(r, "fatal 6"), 0);
	assert_int_equal(rig_rd(r, FIO_REG_FATAL), FIO_FATAL_INTERNAL);
	assert_int_equal(rig_mbox(r, FIO_MB_IDENTIFY, NULL, 0, NULL, NULL), ~0U);
	rig_wr(r, FIO_REG_RESET, FIO_RESET_KEY);
	rig_run(r);
	assert_int_equal(rig_rd(r, FIO_REG_FATAL), 0);
	rig_up(r);
}

static void cause_edges(void **state)
{
	struct rig *r = *state;

	rig_enable(r);
	rig_mbox(r, FIO_MB_IDENTIFY, NULL, 0, NULL, NULL);
	assert_int_equal(r->irqs[0], 1);
	rig_mbox(r, FIO_MB_IDENTIFY, NULL, 0, NULL, NULL);
	assert_int_equal(r->irqs[0], 1);
	rig_wr(r, FIO_REG_INT_CAUSE, FIO_INT_EVENT);
	assert_int_equal(rig_rd(r, FIO_REG_INT_CAUSE), FIO_INT_MBOX);
	rig_wr(r, FIO_REG_INT_CAUSE, FIO_INT_MBOX);
	assert_int_equal(rig_rd(r, FIO_REG_INT_CAUSE), 0);
	rig_mbox(r, FIO_MB_IDENTIFY, NULL, 0, NULL, NULL);
	assert_int_equal(r->irqs[0], 2);
}

static void gone(void **state)
{
	struct rig *r = *state;
	u32 irqs, writes;

	rig_up(r);
	irqs = r->irqs[0];
	writes = r->writes;
	assert_int_equal(rig_control(r, "gone"), 0);
	assert_int_equal(rig_rd(r, FIO_REG_SIGNATURE), ~0U);
	assert_int_equal(rig_rd(r, FIO_REG_STATUS), ~0U);
	assert_int_equal(cfg_rd(r, PCI_VENDOR_ID, 4), ~0U);
	rig_wr(r, FIO_REG_RESET, FIO_RESET_KEY);
	rig_wr(r, FIO_REG_MBOX_CTRL, FIO_MBOX_CTRL_DOORBELL);
	vcard_reset(r->c, VCARD_RESET_BUS);
	assert_int_equal(rig_run(r), -1);
	assert_int_equal(rig_rd(r, FIO_REG_SIGNATURE), ~0U);
	assert_int_equal(r->irqs[0], irqs);
	assert_int_equal(r->writes, writes);
}

static int setup_off(void **state)
{
	struct vcard_config cfg;

	rig_config(&cfg);
	*state = rig_new(&cfg);
	return 0;
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup_off, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(identity), T(capabilities), T(vsec), cmocka_unit_test(msi_mode),
		T(config_writes), T(access_sizes), T(fixed_registers), T(enable),
		T(disable_is_a_reset), T(register_reset), T(features_end_with_a_reset),
		T(function_level_reset), T(bus_reset),
		cmocka_unit_test(outstanding_commands_vanish), cmocka_unit_test(shutdown),
		T(fatal_error), T(cause_edges), T(gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
