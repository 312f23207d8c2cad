// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vfio-user server against a client that behaves and one that does not.
 *
 * Each test has a server with a card in a thread, on one end of a socket pair.
 * Nothing here waits for time to pass: answers and eventfds are waited for, and
 * an alarm ends a test that would hang.
 */
#include <dirent.h>
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

#include "test_vfu_card.h"
#include "test_vfu_client.h"
#include "vcard/vfio-user/server.h"

#define WATCHDOG_S 60
#define MEM_SIZE (64 * 1024)

/**
 * struct bench - one server and the end of the client
 * @fd: the client's socket
 * @result: what vfu_serve_client() returned
 */
struct bench {
	struct vfu_front front;
	struct vfu_server server;
	struct vcard *card;
	pthread_t thread;
	int server_fd;
	int fd;
	int stop_fd;
	int result;
	bool connected;
};

static void *serve_one(void *arg)
{
	struct bench *b = arg;

	b->result = vfu_serve_client(&b->server, b->server_fd);
	return NULL;
}

static void connect_client(struct bench *b)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	b->fd = pair[0];
	b->server_fd = pair[1];
	assert_int_equal(pthread_create(&b->thread, NULL, serve_one, b), 0);
	b->connected = true;
}

static int disconnect_client(struct bench *b)
{
	if (!b->connected)
		return b->result;
	close(b->fd);
	pthread_join(b->thread, NULL);
	b->connected = false;
	return b->result;
}

static int set_up_quiet(void **state)
{
	struct vcard_config cfg = { 0 };
	struct bench *b = calloc(1, sizeof(*b));

	alarm(WATCHDOG_S);
	assert_non_null(b);
	b->stop_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(vfu_front_init(&b->front), 0);
	b->card = vcard_create(&cfg, &vfu_front_ops, &b->front, NULL, 0);
	assert_non_null(b->card);
	assert_int_equal(vfu_front_start(&b->front, b->card), 0);
	assert_int_equal(vfu_server_init(&b->server, b->card, &b->front, -1, b->stop_fd), 0);
	connect_client(b);
	*state = b;
	return 0;
}

static int set_up(void **state)
{
	struct bench *b;

	set_up_quiet(state);
	b = *state;
	client_hello(b->fd);
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	disconnect_client(b);
	vfu_front_stop(&b->front);
	vfu_server_destroy(&b->server);
	vcard_close(b->card);
	vfu_front_destroy(&b->front);
	close(b->stop_fd);
	free(b);
	alarm(0);
	return 0;
}

static int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* ---- VERSION ---- */

static u32 say_version(int fd, u16 major, const char *text, char *out, u32 room)
{
	struct {
		struct vfu_version v;
		char text[512];
	} __packed in = { .v.major = cpu_to_le16(major) };
	u32 len;

	snprintf(in.text, sizeof(in.text), "%s", text);
	client_send(fd, VFU_VERSION, 0, &in, sizeof(in.v) + strlen(text) + 1, NULL, 0);
	memset(out, 0, room);
	if (client_recv(fd, out, room, &len))
		return 0;
	assert_true(len <= sizeof(in.v) + strlen(text) + 1);
	assert_int_equal(out[len - 1], 0);
	return len;
}

static void version_grants_what_was_offered(void **state)
{
	struct bench *b = *state;
	char spaces[256], out[512];
	u32 len;

	snprintf(spaces, sizeof(spaces), "%-200s", "{\"capabilities\":{}}");
	len = say_version(b->fd, 0, spaces, out, sizeof(out));
	assert_true(len > sizeof(struct vfu_version));
	assert_non_null(strstr(out + 4, "\"max_msg_fds\":16"));
	assert_non_null(strstr(out + 4, "\"max_data_xfer_size\":1048576"));
	assert_null(strstr(out + 4, "write_multiple"));

	snprintf(spaces, sizeof(spaces), "%-200s",
		 "{\"capabilities\":{\"write_multiple\" : true}}");
	say_version(b->fd, 0, spaces, out, sizeof(out));
	assert_non_null(strstr(out + 4, "\"write_multiple\":true"));
}

static void version_answer_fits_a_short_question(void **state)
{
	struct bench *b = *state;
	char out[64];

	assert_int_equal(say_version(b->fd, 0, "{}", out, sizeof(out)), 4 + 3);
	assert_string_equal(out + 4, "{}");
}

static void version_of_another_major_is_refused(void **state)
{
	struct bench *b = *state;
	char out[64];

	assert_int_equal(say_version(b->fd, 1, "{}", out, sizeof(out)), 0);
}

static void version_comes_first(void **state)
{
	struct bench *b = *state;
	u32 word;

	assert_int_equal(client_read(b->fd, 0, 0, &word, 4), EINVAL);
	assert_int_equal(client_call(b->fd, VFU_DEVICE_RESET, NULL, 0, NULL, 0, NULL, 0), EINVAL);
	assert_int_equal(atomic_load(&b->card->resets), 0);
	client_hello(b->fd);
	assert_int_equal(client_read(b->fd, 0, 0, &word, 4), 0);
}

/* ---- what the device is ---- */

static void device_info(void **state)
{
	struct bench *b = *state;
	struct vfu_device_info in = { .argsz = cpu_to_le32(sizeof(in)) }, out;

	assert_int_equal(client_call(b->fd, VFU_DEVICE_GET_INFO, &in, sizeof(in), NULL, 0,
				     &out, sizeof(out)), 0);
	assert_int_equal(le32_to_cpu(out.argsz), 16);
	assert_int_equal(le32_to_cpu(out.flags), 3);
	assert_int_equal(le32_to_cpu(out.num_regions), 9);
	assert_int_equal(le32_to_cpu(out.num_irqs), 5);
}

static int region_info(int fd, u32 index, struct vfu_region_info *out)
{
	struct vfu_region_info in = {
		.argsz = cpu_to_le32(sizeof(in)),
		.index = cpu_to_le32(index),
	};

	return client_call(fd, VFU_GET_REGION_INFO, &in, sizeof(in), NULL, 0, out, sizeof(*out));
}

static void regions_have_sizes_and_no_maps(void **state)
{
	static const u64 sizes[VFU_NUM_REGIONS] = {
		[0] = TC_BAR0_SIZE, [2] = TC_BAR2_SIZE, [VFU_REGION_CONFIG] = 4096,
	};
	struct bench *b = *state;
	struct vfu_region_info info;
	u32 i;

	for (i = 0; i < VFU_NUM_REGIONS; i++) {
		assert_int_equal(region_info(b->fd, i, &info), 0);
		assert_int_equal(le32_to_cpu(info.index), i);
		assert_int_equal(le32_to_cpu(info.argsz), sizeof(info));
		assert_int_equal(le64_to_cpu(info.size), sizes[i]);
		assert_int_equal(le32_to_cpu(info.flags), sizes[i] ? 3 : 0);
	}
	assert_int_equal(region_info(b->fd, VFU_NUM_REGIONS, &info), EINVAL);
	assert_int_equal(region_info(b->fd, ~0u, &info), EINVAL);
}

static void interrupts_are_counted(void **state)
{
	struct bench *b = *state;
	struct vfu_irq_info in = { .argsz = cpu_to_le32(sizeof(in)) }, out;
	u32 i;

	for (i = 0; i <= VFU_NUM_IRQS; i++) {
		in.index = cpu_to_le32(i);
		if (i == VFU_NUM_IRQS) {
			assert_int_equal(client_call(b->fd, VFU_GET_IRQ_INFO, &in, sizeof(in),
						     NULL, 0, &out, sizeof(out)), EINVAL);
			continue;
		}
		assert_int_equal(client_call(b->fd, VFU_GET_IRQ_INFO, &in, sizeof(in), NULL, 0,
					     &out, sizeof(out)), 0);
		assert_int_equal(le32_to_cpu(out.count), i == VFU_IRQ_MSIX ? TC_VECTORS : 0);
	}
}

/* ---- registers and config space ---- */

static void registers_and_config_space(void **state)
{
	struct bench *b = *state;
	u8 config[4096], byte;
	u64 both;

	client_set(b->fd, TC_SCRATCH, 0x12345678);
	assert_int_equal(client_get(b->fd, TC_SCRATCH), 0x12345678);
	assert_int_equal(client_read(b->fd, VFU_REGION_CONFIG, 0, config, 4096), 0);
	assert_memory_equal(config, "\xed\x1a\x05\x10", 4);
	assert_int_equal(client_write(b->fd, VFU_REGION_CONFIG, 0x3c, "\x0b", 1), 0);
	assert_int_equal(client_read(b->fd, VFU_REGION_CONFIG, 0x3c, &byte, 1), 0);
	assert_int_equal(byte, 0x0b);

	/* Inside the BAR, but no access the card knows: as on a bus. */
	assert_int_equal(client_read(b->fd, 0, 0, &both, 8), 0);
	assert_true(both == ~0ULL);
	assert_int_equal(client_write(b->fd, 0, 0, &both, 8), 0);
	assert_int_equal(client_get(b->fd, TC_SCRATCH), 0x12345678);
}

static void accesses_outside_a_region_are_refused(void **state)
{
	struct bench *b = *state;
	struct vfu_region_access lie = { .count = cpu_to_le32(64) };
	u8 buf[64] = { 0 };

	assert_int_equal(client_read(b->fd, 0, TC_BAR0_SIZE, buf, 4), EINVAL);
	assert_int_equal(client_read(b->fd, 0, TC_BAR0_SIZE - 2, buf, 4), EINVAL);
	assert_int_equal(client_read(b->fd, 0, ~0ULL - 1, buf, 4), EINVAL);
	assert_int_equal(client_read(b->fd, 0, 0, buf, 0), EINVAL);
	assert_int_equal(client_read(b->fd, 1, 0, buf, 4), EINVAL);
	assert_int_equal(client_read(b->fd, VFU_NUM_REGIONS, 0, buf, 4), EINVAL);
	assert_int_equal(client_read(b->fd, VFU_REGION_CONFIG, 4095, buf, 2), EINVAL);
	assert_int_equal(client_write(b->fd, VFU_REGION_CONFIG, 4096, buf, 1), EINVAL);
	assert_int_equal(client_call(b->fd, VFU_REGION_READ, &(struct vfu_region_access){
				     .count = cpu_to_le32(~0u) }, sizeof(lie), NULL, 0,
				     NULL, 0), EINVAL);
	/* Says it brings 64 bytes and brings none. */
	assert_int_equal(client_call(b->fd, VFU_REGION_WRITE, &lie, sizeof(lie), NULL, 0,
				     NULL, 0), EINVAL);
	client_set(b->fd, TC_SCRATCH, 1);
}

static u32 fill_writes(struct vfu_write_multi *m, u32 n)
{
	u32 i;

	m->count = cpu_to_le64(n);
	for (i = 0; i < n; i++) {
		m->writes[i].offset = cpu_to_le64(i % 2 ? 4 * TC_LEN : 4 * TC_SCRATCH);
		m->writes[i].region = 0;
		m->writes[i].count = cpu_to_le32(4);
		m->writes[i].data[0] = i + 1;
	}
	return sizeof(*m) + n * sizeof(m->writes[0]);
}

static void posted_writes_happen_in_order_and_unanswered(void **state)
{
	struct bench *b = *state;
	union {
		struct vfu_write_multi m;
		u8 room[8 + 8 * sizeof(struct vfu_write_one)];
	} u = { .room = { 0 } };
	u32 len = fill_writes(&u.m, 7);

	client_send(b->fd, VFU_REGION_WRITE_MULTI, VFU_FLAG_NO_REPLY, &u, len, NULL, 0);
	assert_int_equal(client_get(b->fd, TC_SCRATCH), 7);
	assert_int_equal(client_get(b->fd, TC_LEN), 6);
}

static void bad_posted_writes_are_dropped_silently(void **state)
{
	struct bench *b = *state;
	union {
		struct vfu_write_multi m;
		u8 room[8 + 8 * sizeof(struct vfu_write_one)];
	} u = { .room = { 0 } };
	u32 len = fill_writes(&u.m, 4);

	/* Count and length disagree, up to an overflow of their product. */
	u.m.count = cpu_to_le64(5);
	client_send(b->fd, VFU_REGION_WRITE_MULTI, VFU_FLAG_NO_REPLY, &u, len, NULL, 0);
	u.m.count = cpu_to_le64(0x0aaaaaaaaaaaaaafULL);
	client_send(b->fd, VFU_REGION_WRITE_MULTI, VFU_FLAG_NO_REPLY, &u, len, NULL, 0);
	client_send(b->fd, VFU_REGION_WRITE_MULTI, VFU_FLAG_NO_REPLY, &u, 4, NULL, 0);
	assert_int_equal(client_get(b->fd, TC_SCRATCH), 0);

	/* One of four is longer than its data: the others happen. */
	u.m.count = cpu_to_le64(4);
	u.m.writes[3].count = cpu_to_le32(9);
	client_send(b->fd, VFU_REGION_WRITE_MULTI, VFU_FLAG_NO_REPLY, &u, len, NULL, 0);
	assert_int_equal(client_get(b->fd, TC_SCRATCH), 3);
	assert_int_equal(client_get(b->fd, TC_LEN), 2);
}

/* ---- DMA and interrupts ---- */

static int make_memory(u8 **mem, size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	*mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(*mem != MAP_FAILED);
	return fd;
}

static void wait_irq(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	u64 count;

	assert_int_equal(poll(&pfd, 1, -1), 1);
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
}

static bool irq_pending(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

static int assign(int fd, u32 vector, int event_fd)
{
	return client_set_irqs(fd, VFU_IRQ_SET_FD | VFU_IRQ_SET_TRIGGER, vector, 1,
			       &event_fd, event_fd >= 0);
}

static void start_copy(struct bench *b, u64 src, u64 dst, u32 len, u32 vector)
{
	client_set(b->fd, TC_SRC_LO, src);
	client_set(b->fd, TC_SRC_HI, src >> 32);
	client_set(b->fd, TC_DST_LO, dst);
	client_set(b->fd, TC_DST_HI, dst >> 32);
	client_set(b->fd, TC_LEN, len);
	client_set(b->fd, TC_VECTOR, vector);
	client_set(b->fd, TC_GO, 1);
}

/* Makes the card copy and returns what came of it. */
static u32 card_copies(struct bench *b, int irq, u64 src, u64 dst, u32 len)
{
	start_copy(b, src, dst, len, 1);
	wait_irq(irq);
	return client_get(b->fd, TC_RESULT);
}

static void the_card_reaches_mapped_memory(void **state)
{
	const u64 base = 0x100000000ULL;
	struct bench *b = *state;
	int irq = eventfd(0, EFD_CLOEXEC);
	u8 *mem;
	int fd = make_memory(&mem, MEM_SIZE);

	assert_int_equal(assign(b->fd, 1, irq), 0);
	/* Two neighbours in I/O addresses, apart in memory, and one far away. */
	assert_int_equal(client_map(b->fd, base, 4096, fd, 8192), 0);
	assert_int_equal(client_map(b->fd, base + 4096, 4096, fd, 32768), 0);
	assert_int_equal(client_map(b->fd, 0x1000, 8192, fd, 0), 0);
	memset(mem + 8192 + 3000, 'a', 1096);
	memset(mem + 32768, 'b', 2000);
	assert_int_equal(card_copies(b, irq, base + 3000, 0x1003, 3096), 0);
	assert_memory_equal(mem + 3, mem + 8192 + 3000, 1096);
	assert_memory_equal(mem + 3 + 1096, mem + 32768, 2000);
	assert_int_equal(mem[2], 0);
	assert_int_equal(mem[3 + 3096], 0);
	/* Small aligned pieces go another way. */
	assert_int_equal(card_copies(b, irq, base + 3040, 0x2000 + 64, 32), 0);
	assert_memory_equal(mem + 4096 + 64, mem + 8192 + 3040, 32);
	assert_int_equal(card_copies(b, irq, base + 3040, 0x2000, 4), 0);
	assert_memory_equal(mem + 4096, "aaaa\0", 5);

	assert_int_equal(card_copies(b, irq, base + 8192 - 4, 0x1000, 8), EFAULT);
	assert_int_equal(card_copies(b, irq, 0x1000, base - 4, 8), EFAULT);
	assert_int_equal(card_copies(b, irq, ~0ULL - 3, 0x1000, 8), EFAULT);
	munmap(mem, MEM_SIZE);
	close(fd);
	close(irq);
}

static void unmapped_memory_is_out_of_reach(void **state)
{
	struct bench *b = *state;
	int irq = eventfd(0, EFD_CLOEXEC);
	u8 *mem;
	int fd = make_memory(&mem, MEM_SIZE);

	assert_int_equal(assign(b->fd, 1, irq), 0);
	assert_int_equal(client_map(b->fd, 0x10000, MEM_SIZE, fd, 0), 0);
	assert_int_equal(client_unmap(b->fd, 0x400000, 4096, 0), 0);
	/* A hole in the middle leaves a head and a tail. */
	assert_int_equal(client_unmap(b->fd, 0x14000, 4096, 0), 0);
	assert_int_equal(card_copies(b, irq, 0x13ffc, 0x10000, 4), 0);
	assert_int_equal(card_copies(b, irq, 0x13ffd, 0x10000, 4), EFAULT);
	assert_int_equal(card_copies(b, irq, 0x14ffc, 0x10000, 4), EFAULT);
	memcpy(mem + 0x5000, "tail", 4);
	assert_int_equal(card_copies(b, irq, 0x15000, 0x10000, 4), 0);
	assert_memory_equal(mem, "tail", 4);
	/* The hole can be filled with something else, then everything goes at once. */
	assert_int_equal(client_map(b->fd, 0x14000, 4096, fd, 0), 0);
	assert_int_equal(card_copies(b, irq, 0x14000, 0x10800, 4), 0);
	assert_memory_equal(mem + 0x800, "tail", 4);
	assert_int_equal(client_unmap(b->fd, 0x11000, 0x100000, 0), 0);
	assert_int_equal(card_copies(b, irq, 0x10000, 0x10ffc, 4), 0);
	assert_int_equal(card_copies(b, irq, 0x10000, 0x11000, 4), EFAULT);
	assert_int_equal(client_unmap(b->fd, 0, 0, VFU_UNMAP_ALL), 0);
	assert_int_equal(card_copies(b, irq, 0x10000, 0x10ffc, 4), EFAULT);
	munmap(mem, MEM_SIZE);
	close(fd);
	close(irq);
}

static void bad_maps_are_refused(void **state)
{
	struct bench *b = *state;
	int no_memory = eventfd(0, EFD_CLOEXEC);
	u8 *mem;
	int fd = make_memory(&mem, MEM_SIZE);
	int two[2] = { fd, fd };
	struct vfu_dma_map in = { .argsz = cpu_to_le32(sizeof(in)) };

	assert_int_equal(client_map(b->fd, 0x10000, 8192, fd, 0), 0);
	assert_int_equal(client_map(b->fd, 0x11000, 8192, fd, 0), EEXIST);
	assert_int_equal(client_map(b->fd, 0xf000, 8192, fd, 0), EEXIST);
	assert_int_equal(client_map(b->fd, 0x20000, 0, fd, 0), EINVAL);
	assert_int_equal(client_map(b->fd, 0x20001, 4096, fd, 0), EINVAL);
	assert_int_equal(client_map(b->fd, 0x20000, 4095, fd, 0), EINVAL);
	assert_int_equal(client_map(b->fd, 0x20000, 4096, fd, 1), EINVAL);
	assert_int_equal(client_map(b->fd, ~0xfffULL, 8192, fd, 0), EINVAL);
	assert_int_equal(client_map(b->fd, 0x20000, 4096, fd, MEM_SIZE), ERANGE);
	assert_int_equal(client_map(b->fd, 0x20000, MEM_SIZE * 2, fd, 0), ERANGE);
	assert_int_equal(client_map(b->fd, 0x20000, 4096, no_memory, 0), ENODEV);
	assert_int_equal(client_call(b->fd, VFU_DMA_MAP, &in, sizeof(in), two, 2, NULL, 0), EINVAL);
	/* Without memory: accepted, and not there. */
	assert_int_equal(client_map(b->fd, 0x30000, 4096, -1, 0), 0);
	assert_int_equal(client_unmap(b->fd, 0x30000, 4096, 0), 0);
	assert_int_equal(client_unmap(b->fd, 0x10001, 4096, 0), EINVAL);
	assert_int_equal(client_unmap(b->fd, ~0xfffULL, 8192, 0), EINVAL);
	munmap(mem, MEM_SIZE);
	close(fd);
	close(no_memory);
}

static void shortened_memory_fails_the_access_alone(void **state)
{
	struct bench *b = *state;
	int irq = eventfd(0, EFD_CLOEXEC);
	u8 *mem;
	int fd = make_memory(&mem, MEM_SIZE);

	/* Here and not in main(): cmocka has a handler of its own around each test. */
	assert_int_equal(vfu_dma_guard(), 0);
	assert_int_equal(assign(b->fd, 1, irq), 0);
	assert_int_equal(client_map(b->fd, 0x10000, MEM_SIZE, fd, 0), 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(card_copies(b, irq, 0x10000, 0x18000, 64), EFAULT);
	assert_int_equal(card_copies(b, irq, 0x18000, 0x10000, 4096), EFAULT);
	assert_int_equal(card_copies(b, irq, 0x10000, 0x10800, 64), 0);
	munmap(mem, MEM_SIZE);
	close(fd);
	close(irq);
}

static void an_interrupt_without_a_vector_is_kept(void **state)
{
	struct bench *b = *state;
	int one = eventfd(0, EFD_CLOEXEC), two = eventfd(0, EFD_CLOEXEC);
	u8 *mem;
	int fd = make_memory(&mem, MEM_SIZE);

	assert_int_equal(client_map(b->fd, 0x10000, MEM_SIZE, fd, 0), 0);
	assert_int_equal(assign(b->fd, 1, one), 0);
	assert_int_equal(client_set_irqs(b->fd, VFU_IRQ_SET_NONE | VFU_IRQ_SET_TRIGGER,
					 0, 0, NULL, 0), 0);
	start_copy(b, 0x10000, 0x11000, 4, 2);
	/* The worker raises vector 2 in its own time; assigning it must not lose it. */
	assert_int_equal(assign(b->fd, 2, two), 0);
	wait_irq(two);
	assert_false(irq_pending(one));
	/* By request of the client, and dropped by a reset. */
	assert_int_equal(assign(b->fd, 2, -1), 0);
	assert_int_equal(client_set_irqs(b->fd, VFU_IRQ_SET_NONE | VFU_IRQ_SET_TRIGGER,
					 2, 1, NULL, 0), 0);
	assert_int_equal(client_call(b->fd, VFU_DEVICE_RESET, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(atomic_load(&b->card->resets), 1);
	assert_int_equal(assign(b->fd, 2, two), 0);
	assert_false(irq_pending(two));
	munmap(mem, MEM_SIZE);
	close(fd);
	close(one);
	close(two);
}

static void bad_interrupts_are_refused(void **state)
{
	const u32 set = VFU_IRQ_SET_FD | VFU_IRQ_SET_TRIGGER;
	struct bench *b = *state;
	int fds[TC_VECTORS + 1], i, before;
	int not_one = memfd_create("test", MFD_CLOEXEC);

	for (i = 0; i <= TC_VECTORS; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC);
	before = open_fds();
	assert_int_equal(client_set_irqs(b->fd, set, 0, TC_VECTORS + 1, fds, TC_VECTORS + 1),
			 EINVAL);
	assert_int_equal(client_set_irqs(b->fd, set, TC_VECTORS, 1, fds, 1), EINVAL);
	assert_int_equal(client_set_irqs(b->fd, set, ~0u, 2, fds, 2), EINVAL);
	assert_int_equal(client_set_irqs(b->fd, set, 0, 3, fds, 2), EINVAL);
	assert_int_equal(client_set_irqs(b->fd, VFU_IRQ_SET_BOOL | VFU_IRQ_SET_TRIGGER, 0, 1,
					 NULL, 0), EINVAL);
	assert_int_equal(client_set_irqs(b->fd, VFU_IRQ_SET_NONE | VFU_IRQ_SET_MASK, 0, 1,
					 NULL, 0), EINVAL);
	assert_int_equal(client_set_irqs(b->fd, set, 0, 1, &not_one, 1), EINVAL);
	assert_int_equal(open_fds(), before);
	assert_int_equal(client_set_irqs(b->fd, set, 0, TC_VECTORS, fds, TC_VECTORS), 0);
	assert_int_equal(open_fds(), before + TC_VECTORS);
	/* Again: the old ones are closed. Nothing: all are. */
	assert_int_equal(client_set_irqs(b->fd, set, 0, TC_VECTORS, fds, TC_VECTORS), 0);
	assert_int_equal(open_fds(), before + TC_VECTORS);
	assert_int_equal(client_set_irqs(b->fd, set, 0, TC_VECTORS, NULL, 0), 0);
	assert_int_equal(open_fds(), before);
	for (i = 0; i <= TC_VECTORS; i++)
		close(fds[i]);
	close(not_one);
}

/* ---- the stream ---- */

static void unknown_and_short_commands_are_refused(void **state)
{
	static const u8 short_payload[8];
	struct bench *b = *state;
	int fd = memfd_create("test", MFD_CLOEXEC), before = open_fds();
	u32 cmd;

	for (cmd = VFU_DMA_MAP; cmd <= VFU_REGION_WRITE; cmd++) {
		u32 len = cmd == 6 ? 0 : sizeof(short_payload);

		assert_int_equal(client_call(b->fd, cmd, short_payload, len, &fd, 1, NULL, 0),
				 cmd == 6 ? ENOTTY : EINVAL);
	}
	assert_int_equal(client_call(b->fd, VFU_DEVICE_FEATURE, short_payload, 8, NULL, 0,
				     NULL, 0), ENOTTY);
	assert_int_equal(client_call(b->fd, 0, NULL, 0, NULL, 0, NULL, 0), ENOTTY);
	assert_int_equal(client_call(b->fd, 0xffff, NULL, 0, NULL, 0, NULL, 0), ENOTTY);
	/* Not even an error is sent to one who asked for no reply. */
	client_send(b->fd, 0xffff, VFU_FLAG_NO_REPLY, NULL, 0, NULL, 0);
	client_set(b->fd, TC_SCRATCH, 5);
	assert_int_equal(open_fds(), before);
	close(fd);
}

static void broken_stream_ends(struct bench *b, u32 size, u32 flags)
{
	struct vfu_hdr hdr = {
		.cmd = cpu_to_le16(VFU_REGION_READ),
		.size = cpu_to_le32(size),
		.flags = cpu_to_le32(flags),
	};

	client_send_raw(b->fd, &hdr, sizeof(hdr), NULL, 0);
	assert_true(client_closed(b->fd));
	assert_true(disconnect_client(b) < 0);
}

static void a_message_shorter_than_its_header_ends_it(void **state)
{
	broken_stream_ends(*state, 15, 0);
}

static void a_message_longer_than_announced_ends_it(void **state)
{
	broken_stream_ends(*state, sizeof(struct vfu_hdr) + VFU_MAX_PAYLOAD + 1, 0);
}

static void a_reply_to_nothing_ends_it(void **state)
{
	broken_stream_ends(*state, sizeof(struct vfu_hdr), VFU_TYPE_REPLY);
}

static void too_many_descriptors_end_it(void **state)
{
	struct bench *b = *state;
	struct vfu_hdr hdr = { .size = cpu_to_le32(sizeof(hdr)) };
	int fds[VFU_MAX_FDS + 1], i, fd = memfd_create("test", MFD_CLOEXEC);
	int before = open_fds();

	for (i = 0; i <= VFU_MAX_FDS; i++)
		fds[i] = fd;
	client_send_raw(b->fd, &hdr, sizeof(hdr), fds, VFU_MAX_FDS + 1);
	assert_true(client_closed(b->fd));
	assert_true(disconnect_client(b) < 0);
	/* Both ends of the connection, and nothing else. */
	assert_int_equal(open_fds(), before - 2);
	close(fd);
}

static void a_message_may_arrive_in_pieces(void **state)
{
	struct bench *b = *state;
	struct vfu_region_access in = { .count = cpu_to_le32(4) };
	struct vfu_hdr hdr = {
		.id = cpu_to_le16(9), .cmd = cpu_to_le16(VFU_REGION_READ),
		.size = cpu_to_le32(sizeof(hdr) + sizeof(in)),
	};
	u8 msg[sizeof(hdr) + sizeof(in)], reply[sizeof(msg) + 4];
	size_t i;

	client_set(b->fd, TC_SCRATCH, 0x55);
	memcpy(msg, &hdr, sizeof(hdr));
	memcpy(msg + sizeof(hdr), &in, sizeof(in));
	for (i = 0; i < sizeof(msg); i++)
		client_send_raw(b->fd, msg + i, 1, NULL, 0);
	assert_int_equal(recv(b->fd, reply, sizeof(reply), MSG_WAITALL), sizeof(reply));
	assert_int_equal(reply[0], 9);
	assert_int_equal(reply[sizeof(msg)], 0x55);
}

static void half_a_message_does_not_keep_the_server(void **state)
{
	struct bench *b = *state;

	client_send_raw(b->fd, "half", 4, NULL, 0);
	assert_int_equal(eventfd_write(b->stop_fd, 1), 0);
	pthread_join(b->thread, NULL);
	b->connected = false;
	close(b->fd);
	assert_int_equal(b->result, -ECANCELED);
}

static void the_card_outlives_its_client(void **state)
{
	struct bench *b = *state;
	int irq = eventfd(0, EFD_CLOEXEC);
	u8 *mem;
	int fd = make_memory(&mem, MEM_SIZE);

	assert_int_equal(client_map(b->fd, 0x10000, MEM_SIZE, fd, 0), 0);
	client_set(b->fd, TC_SCRATCH, 77);
	assert_int_equal(disconnect_client(b), 0);
	assert_int_equal(atomic_load(&b->card->resets), 1);
	connect_client(b);
	client_hello(b->fd);
	assert_int_equal(client_get(b->fd, TC_SCRATCH), 77);
	assert_int_equal(assign(b->fd, 1, irq), 0);
	assert_int_equal(card_copies(b, irq, 0x10000, 0x11000, 4), EFAULT);
	munmap(mem, MEM_SIZE);
	close(fd);
	close(irq);
}

/* ---- hostile ---- */

#define HOSTILE_MESSAGES 20000
#define HOSTILE_WORDS 32

static u32 next_random(u64 *rng)
{
	*rng = *rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return *rng >> 33;
}

/* Fields are more often near a limit than not. */
static u32 hostile_word(u64 *rng)
{
	static const u32 likely[] = {
		0, 0, 0, 1, 2, 3, 4, 7, 8, 16, 20, 24, 32, 36, 0x1000, 0x1000, 0x2000, 0xf000,
		0x10000, 0x100000, 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff,
	};
	u32 r = next_random(rng);

	return r % 8 ? likely[next_random(rng) % ARRAY_SIZE(likely)] : next_random(rng);
}

static void send_hostile(struct bench *b, u64 *rng, const int *fds, u32 nfds)
{
	static u8 reply[sizeof(struct vfu_region_access) + VFU_MAX_XFER];
	u32 payload[HOSTILE_WORDS], i, len;
	u32 flags = next_random(rng) % 4 ? 0 : VFU_FLAG_NO_REPLY;
	u16 cmd = next_random(rng) % 18;

	for (i = 0; i < HOSTILE_WORDS; i++)
		payload[i] = hostile_word(rng);
	/* The first word of many is the length of what follows. */
	if (next_random(rng) % 2)
		payload[0] = sizeof(struct vfu_dma_map);
	len = next_random(rng) % (sizeof(payload) + 1);
	nfds = next_random(rng) % 3 ? 0 : next_random(rng) % (nfds + 1);
	client_send(b->fd, cmd, flags, payload, len, fds, nfds);
	if (!flags)
		client_recv(b->fd, reply, sizeof(reply), &len);
}

/*
 * Twenty thousand messages of a client that means harm, always the same ones. The
 * sanitizers watch; afterwards the server still serves and holds no descriptor.
 */
static void a_hostile_client_breaks_nothing(void **state)
{
	struct bench *b = *state;
	u64 rng = 20261123;
	u8 *mem;
	int fds[4], i, before;

	fds[0] = make_memory(&mem, MEM_SIZE);
	for (i = 1; i < 4; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC);
	before = open_fds();
	for (i = 0; i < HOSTILE_MESSAGES; i++)
		send_hostile(b, &rng, fds, 4);
	assert_int_equal(disconnect_client(b), 0);
	assert_int_equal(open_fds(), before - 2);
	assert_int_equal(b->front.dma.count, 0);
	connect_client(b);
	client_hello(b->fd);
	client_set(b->fd, TC_SCRATCH, 99);
	assert_int_equal(client_get(b->fd, TC_SCRATCH), 99);
	munmap(mem, MEM_SIZE);
	for (i = 0; i < 4; i++)
		close(fds[i]);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
#define TQ(fn) cmocka_unit_test_setup_teardown(fn, set_up_quiet, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TQ(version_grants_what_was_offered),
		TQ(version_answer_fits_a_short_question),
		TQ(version_of_another_major_is_refused),
		TQ(version_comes_first),
		T(device_info),
		T(regions_have_sizes_and_no_maps),
		T(interrupts_are_counted),
		T(registers_and_config_space),
		T(accesses_outside_a_region_are_refused),
		T(posted_writes_happen_in_order_and_unanswered),
		T(bad_posted_writes_are_dropped_silently),
		T(the_card_reaches_mapped_memory),
		T(unmapped_memory_is_out_of_reach),
		T(bad_maps_are_refused),
		T(shortened_memory_fails_the_access_alone),
		T(an_interrupt_without_a_vector_is_kept),
		T(bad_interrupts_are_refused),
		T(unknown_and_short_commands_are_refused),
		T(a_message_shorter_than_its_header_ends_it),
		T(a_message_longer_than_announced_ends_it),
		T(a_reply_to_nothing_ends_it),
		T(too_many_descriptors_end_it),
		T(a_message_may_arrive_in_pieces),
		T(half_a_message_does_not_keep_the_server),
		T(the_card_outlives_its_client),
		T(a_hostile_client_breaks_nothing),
	};

	return cmocka_run_group_tests_name("vfio-user server", tests, NULL, NULL);
}
