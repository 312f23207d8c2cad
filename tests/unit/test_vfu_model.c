// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vfio-user server with the real card behind it: a driver's first steps, from
 * another "machine". Registers, mailbox, a ring, DMA into memory mapped in pieces,
 * interrupts; then what happens when the memory or the client goes away under it.
 *
 * The card's own behaviour is tested in test_model_*.c; here it is that everything
 * arrives.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include <fio/hw_desc.h>
#include <fio/hw_mbox.h>
#include <fio/hw_regs.h>

#include "test_vfu_client.h"
#include "vcard/vfio-user/server.h"

#define WATCHDOG_S 120
#define MEM_SIZE 0x40000
#define IOVA 0x7f0000000ULL

/* Offsets in guest memory. The data crosses from one map into another. */
#define SQ 0x0000
#define CQ 0x1000
#define TAGS 0x2000
#define DATA_OUT 0x5800
#define DATA_IN 0x9800
#define MAP_SPLIT_1 0x6000
#define MAP_SPLIT_2 0xa000

#define DEPTH_LOG2 2
#define DEPTH 4
#define DB_SQ (FIO_REGS_LEN + FIO_DB_SQ_TAIL)
#define DB_CQ (FIO_REGS_LEN + FIO_DB_CQ_HEAD)

static_assert(DEPTH == 1 << DEPTH_LOG2);

/**
 * struct machine - a card, its server, and a client as a driver would be
 * @irq: eventfds of vectors 0 (mailbox) and 1 (queue 0)
 * @tail: next submission entry
 * @head: next completion entry
 * @laps: of the completion ring
 */
struct machine {
	struct vfu_front front;
	struct vfu_server server;
	struct vcard *card;
	pthread_t thread;
	int server_fd, fd, stop_fd, mem_fd;
	u8 *mem;
	int irq[2];
	u32 tail, head, laps;
	u32 seq;
};

static void *serve(void *arg)
{
	struct machine *m = arg;

	vfu_serve_client(&m->server, m->server_fd);
	return NULL;
}

static void connect_client(struct machine *m)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	m->fd = pair[0];
	m->server_fd = pair[1];
	assert_int_equal(pthread_create(&m->thread, NULL, serve, m), 0);
	client_hello(m->fd);
}

static void disconnect_client(struct machine *m)
{
	close(m->fd);
	pthread_join(m->thread, NULL);
}

static int set_up(void **state)
{
	struct vcard_config cfg = { .user_bytes = 1ULL << 30, .plp = FIO_PLP_OK,
				    .spare_percent = 28, .queues = 1 };
	struct machine *m = calloc(1, sizeof(*m));
	char err[256];

	alarm(WATCHDOG_S);
	assert_non_null(m);
	m->stop_fd = eventfd(0, EFD_CLOEXEC);
	m->irq[0] = eventfd(0, EFD_CLOEXEC);
	m->irq[1] = eventfd(0, EFD_CLOEXEC);
	m->mem_fd = memfd_create("guest", MFD_CLOEXEC);
	assert_int_equal(ftruncate(m->mem_fd, MEM_SIZE), 0);
	m->mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, m->mem_fd, 0);
	assert_true(m->mem != MAP_FAILED);
	assert_int_equal(vfu_front_init(&m->front), 0);
	m->card = vcard_create(&cfg, &vfu_front_ops, &m->front, err, sizeof(err));
	assert_non_null(m->card);
	assert_int_equal(vfu_front_start(&m->front, m->card), 0);
	assert_int_equal(vfu_server_init(&m->server, m->card, &m->front, -1, m->stop_fd), 0);
	connect_client(m);
	*state = m;
	return 0;
}

static int tear_down(void **state)
{
	struct machine *m = *state;

	disconnect_client(m);
	vfu_front_stop(&m->front);
	vfu_server_destroy(&m->server);
	vcard_close(m->card);
	vfu_front_destroy(&m->front);
	munmap(m->mem, MEM_SIZE);
	close(m->mem_fd);
	close(m->irq[0]);
	close(m->irq[1]);
	close(m->stop_fd);
	free(m);
	alarm(0);
	return 0;
}

static u32 rd(struct machine *m, u32 reg)
{
	return client_get(m->fd, reg / 4);
}

static void wr(struct machine *m, u32 reg, u32 val)
{
	client_set(m->fd, reg / 4, val);
}

/* As QEMU does it: posted, in a batch of one. */
static void post(struct machine *m, u32 reg, u32 val)
{
	struct {
		struct vfu_write_multi head;
		struct vfu_write_one one;
	} __packed msg = {
		.head.count = cpu_to_le64(1),
		.one.offset = cpu_to_le64(reg),
		.one.count = cpu_to_le32(4),
	};
	__le32 le = cpu_to_le32(val);

	memcpy(msg.one.data, &le, sizeof(le));
	client_send(m->fd, VFU_REGION_WRITE_MULTI, VFU_FLAG_NO_REPLY, &msg, sizeof(msg), NULL, 0);
}

static void wait_irq(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	u64 count;

	assert_int_equal(poll(&pfd, 1, -1), 1);
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
}

/* Every turn asks the card; it ends when the card is there or by the watchdog. */
static void wait_status(struct machine *m, u32 bit)
{
	while (!(rd(m, FIO_REG_STATUS) & bit))
		;
}

static u32 mailbox(struct machine *m, u16 op, const void *in, u32 len)
{
	u32 i, word;

	for (i = 0; i < len; i += 4) {
		memcpy(&word, (const u8 *)in + i, sizeof(word));
		wr(m, FIO_REG_MBOX_PAYLOAD + i, le32_to_cpu(word));
	}
	wr(m, FIO_REG_MBOX_SEQ, ++m->seq);
	wr(m, FIO_REG_MBOX_CMD, FIELD_PREP(FIO_MBOX_CMD_OPCODE, op) |
				FIELD_PREP(FIO_MBOX_CMD_LEN, len));
	post(m, FIO_REG_MBOX_CTRL, FIO_MBOX_CTRL_DOORBELL | FIO_MBOX_CTRL_IRQ);
	wait_irq(m->irq[0]);
	wr(m, FIO_REG_INT_CAUSE, FIO_INT_MBOX);
	assert_int_equal(rd(m, FIO_REG_MBOX_ECHO), m->seq);
	return FIELD_GET(FIO_MBOX_STATUS_CODE, rd(m, FIO_REG_MBOX_STATUS));
}

static void map_memory(struct machine *m)
{
	assert_int_equal(client_map(m->fd, IOVA, MAP_SPLIT_1, m->mem_fd, 0), 0);
	assert_int_equal(client_map(m->fd, IOVA + MAP_SPLIT_1, MAP_SPLIT_2 - MAP_SPLIT_1,
				    m->mem_fd, MAP_SPLIT_1), 0);
	assert_int_equal(client_map(m->fd, IOVA + MAP_SPLIT_2, MEM_SIZE - MAP_SPLIT_2,
				    m->mem_fd, MAP_SPLIT_2), 0);
}

static void bring_up(struct machine *m)
{
	struct fio_mb_create_qp qp = {
		.depth_log2 = DEPTH_LOG2, .flags = FIO_MB_QP_IRQ, .vector = cpu_to_le16(1),
		.sq_addr = cpu_to_le64(IOVA + SQ), .cq_addr = cpu_to_le64(IOVA + CQ),
	};

	memset(m->mem, 0, TAGS);
	m->tail = 0;
	m->head = 0;
	m->laps = 0;
	map_memory(m);
	assert_int_equal(client_set_irqs(m->fd, VFU_IRQ_SET_FD | VFU_IRQ_SET_TRIGGER, 0, 2,
					 m->irq, 2), 0);
	wr(m, FIO_REG_CTRL, FIO_CTRL_EN);
	wait_status(m, FIO_STATUS_RDY);
	assert_int_equal(mailbox(m, FIO_MB_CREATE_QP, &qp, sizeof(qp)), FIO_MBOX_OK);
}

static void submit(struct machine *m, u8 op, u64 addr, u32 data)
{
	struct fio_sqe sqe = {
		.opcode = op, .units = 1, .cid = cpu_to_le16(m->tail),
		.addr = cpu_to_le64(addr), .tags = cpu_to_le64(IOVA + TAGS),
		.sgl = { .addr = cpu_to_le64(IOVA + data), .len = cpu_to_le32(FIO_UNIT_BYTES) },
	};

	memcpy(m->mem + SQ + (m->tail % DEPTH) * sizeof(sqe), &sqe, sizeof(sqe));
	m->tail++;
	post(m, DB_SQ, m->tail % DEPTH);
}

/* Waits for the next completion, by interrupt; returns its status. */
static u16 complete(struct machine *m, struct fio_cqe *out)
{
	struct fio_cqe *cqe = (void *)(m->mem + CQ + (m->head % DEPTH) * sizeof(*cqe));
	u16 lap = m->head / DEPTH % 2 ? 0 : FIO_CQE_PHASE;

	/* One left from before an interrupt was assigned may come first. */
	do
		wait_irq(m->irq[1]);
	while ((__atomic_load_n(&cqe->status, __ATOMIC_ACQUIRE) & FIO_CQE_PHASE) != lap);
	memcpy(out, cqe, sizeof(*out));
	assert_int_equal(le16_to_cpu(out->cid), m->head);
	m->head++;
	post(m, DB_CQ, m->head % DEPTH);
	return FIELD_GET(FIO_CQE_STATUS, le16_to_cpu(out->status));
}

static void fill(u8 *p, u32 seed)
{
	u32 i;

	for (i = 0; i < FIO_UNIT_BYTES; i++)
		p[i] = seed * 31 + i * 7 + (i >> 8);
}

/* Appends and reads back units, several laps of the ring. */
static void write_and_read(struct machine *m, u32 rounds)
{
	const u64 au = 3ULL << 40;
	struct fio_cqe cqe;
	u32 i;

	for (i = 0; i < rounds; i++) {
		fill(m->mem + DATA_OUT, i);
		memset(m->mem + DATA_IN, 0xee, FIO_UNIT_BYTES);
		memset(m->mem + TAGS, i, FIO_TAG_BYTES);
		submit(m, FIO_OP_APPEND, au, DATA_OUT);
		assert_int_equal(complete(m, &cqe), FIO_SC_OK);
		assert_int_equal(le64_to_cpu(cqe.addr), au + i);
		submit(m, FIO_OP_READ, le64_to_cpu(cqe.addr), DATA_IN);
		assert_int_equal(complete(m, &cqe), FIO_SC_OK);
		assert_memory_equal(m->mem + DATA_IN, m->mem + DATA_OUT, FIO_UNIT_BYTES);
	}
}

static void a_driver_writes_and_reads(void **state)
{
	struct machine *m = *state;

	assert_int_equal(rd(m, FIO_REG_SIGNATURE), FIO_SIGNATURE);
	bring_up(m);
	write_and_read(m, 3 * DEPTH + 1);
}

/* An IOMMU that forgets the data buffer fails the command, not the card. */
static void unmapped_data_fails_the_command(void **state)
{
	struct machine *m = *state;
	struct fio_cqe cqe;

	bring_up(m);
	assert_int_equal(client_unmap(m->fd, IOVA + MAP_SPLIT_2, MEM_SIZE - MAP_SPLIT_2, 0), 0);
	submit(m, FIO_OP_APPEND, 0, DATA_IN);
	assert_int_equal(complete(m, &cqe), FIO_SC_DMA);
	submit(m, FIO_OP_APPEND, 0, DATA_OUT);
	assert_int_equal(complete(m, &cqe), FIO_SC_OK);
	assert_int_equal(rd(m, FIO_REG_STATUS) & FIO_STATUS_FATAL, 0);
}

static void an_unmapped_ring_is_fatal_until_a_reset(void **state)
{
	struct machine *m = *state;

	bring_up(m);
	assert_int_equal(client_unmap(m->fd, 0, 0, VFU_UNMAP_ALL), 0);
	submit(m, FIO_OP_READ, 0, DATA_IN);
	wait_status(m, FIO_STATUS_FATAL);
	assert_int_equal(rd(m, FIO_REG_FATAL), FIO_FATAL_DMA);
	assert_int_equal(client_call(m->fd, VFU_DEVICE_RESET, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(rd(m, FIO_REG_STATUS), 0);
	bring_up(m);
	write_and_read(m, 1);
}

/* The next machine finds the card as after a bus reset, with the flash as it was. */
static void another_client_starts_afresh(void **state)
{
	struct machine *m = *state;
	struct fio_cqe cqe;

	bring_up(m);
	write_and_read(m, 2);
	submit(m, FIO_OP_APPEND, 5ULL << 40, DATA_OUT);
	disconnect_client(m);
	connect_client(m);
	assert_int_equal(rd(m, FIO_REG_STATUS), 0);
	assert_int_equal(rd(m, FIO_REG_CTRL), 0);
	bring_up(m);
	submit(m, FIO_OP_READ, (3ULL << 40) + 1, DATA_IN);
	assert_int_equal(complete(m, &cqe), FIO_SC_OK);
	fill(m->mem + DATA_OUT, 1);
	assert_memory_equal(m->mem + DATA_IN, m->mem + DATA_OUT, FIO_UNIT_BYTES);
}

/*
 * Maps come and go next to the card's buffers while it copies, as they do when a
 * guest under an IOMMU works. Nothing may be lost and nothing be touched late.
 */
static void maps_change_while_the_card_works(void **state)
{
	const u64 elsewhere = IOVA + (1ULL << 32);
	struct machine *m = *state;
	struct fio_cqe cqe;
	u32 i;

	bring_up(m);
	for (i = 0; i < 200; i++) {
		fill(m->mem + DATA_OUT, i);
		submit(m, FIO_OP_APPEND, 1ULL << 40, DATA_OUT);
		assert_int_equal(client_map(m->fd, elsewhere, 0x10000, m->mem_fd, 0x20000), 0);
		assert_int_equal(client_map(m->fd, 0x1000, 0x1000, m->mem_fd, 0x30000), 0);
		assert_int_equal(client_unmap(m->fd, elsewhere + 0x4000, 0x4000, 0), 0);
		assert_int_equal(client_unmap(m->fd, elsewhere, 0x10000, 0), 0);
		assert_int_equal(client_unmap(m->fd, 0x1000, 0x1000, 0), 0);
		assert_int_equal(complete(m, &cqe), FIO_SC_OK);
	}
	submit(m, FIO_OP_READ, le64_to_cpu(cqe.addr), DATA_IN);
	assert_int_equal(complete(m, &cqe), FIO_SC_OK);
	assert_memory_equal(m->mem + DATA_IN, m->mem + DATA_OUT, FIO_UNIT_BYTES);
}

/* Both ways: each command is an item of the page, and there are no more. */
static void the_manual_page_has_every_command(void **state)
{
	static char page[64 * 1024], answer[64 * 1024];
	struct machine *m = *state;
	FILE *f = fopen("vcard/man/fio-vcardctl.1", "r");
	int in_card = 0, in_page = 0;
	char item[64], name[32];
	const char *p;

	if (!f)
		fail_msg("cannot open the manual page: run the test from the top of the tree");
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	fclose(f);
	assert_int_equal(vcard_control(m->card, "help", answer, sizeof(answer)), 0);
	for (p = strstr(answer, "{\"name\":"); p; p = strstr(p + 1, "{\"name\":")) {
		assert_int_equal(sscanf(p, "{\"name\":\"%31[a-z-]", name), 1);
		snprintf(item, sizeof(item), "\n.It Cm %s", name);
		p += strlen(name);
		if (!strstr(page, item))
			fail_msg("fio-vcardctl.1 does not explain '%s'", name);
		in_card++;
	}
	for (p = strstr(page, "\n.It Cm "); p; p = strstr(p + 1, "\n.It Cm "))
		in_page++;
	assert_true(in_card > 10);
	assert_int_equal(in_page, in_card);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_driver_writes_and_reads),
		T(unmapped_data_fails_the_command),
		T(an_unmapped_ring_is_fatal_until_a_reset),
		T(another_client_starts_afresh),
		T(maps_change_while_the_card_works),
		T(the_manual_page_has_every_command),
	};

	return cmocka_run_group_tests_name("a card over vfio-user", tests, NULL, NULL);
}
