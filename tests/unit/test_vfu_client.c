// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vfio-user client for tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "test_vfu_client.h"

#define MAX_SEND_FDS 32

#define PROPOSAL							\
	"{\"capabilities\": {\"max_msg_fds\": 16, \"max_dma_maps\": 65535,"	\
	"\"migration\": {\"pgsize\": 4096}, \"pgsizes\": 4096,"		\
	"\"max_data_xfer_size\": 1048576, \"write_multiple\": true}}"

static u16 last_id;
static u16 last_cmd;

static void send_rest(int fd, const u8 *buf, size_t len)
{
	ssize_t done;

	while (len) {
		done = send(fd, buf, len, MSG_NOSIGNAL);
		assert_true(done > 0);
		buf += done;
		len -= done;
	}
}

void client_send_raw(int fd, const void *buf, size_t len, const int *fds, u32 nfds)
{
	union {
		char room[CMSG_SPACE(MAX_SEND_FDS * sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm = &control.align;
	ssize_t done;

	if (nfds) {
		mh.msg_control = control.room;
		mh.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, nfds * sizeof(int));
	}
	done = sendmsg(fd, &mh, MSG_NOSIGNAL);
	assert_true(done > 0);
	send_rest(fd, (const u8 *)buf + done, len - done);
}

void client_send(int fd, u16 cmd, u32 flags, const void *payload, u32 len,
		 const int *fds, u32 nfds)
{
	u32 size = sizeof(struct vfu_hdr) + len;
	u8 *msg = calloc(1, size);
	struct vfu_hdr hdr = {
		.id = cpu_to_le16(++last_id),
		.cmd = cpu_to_le16(cmd),
		.size = cpu_to_le32(size),
		.flags = cpu_to_le32(flags),
	};

	assert_non_null(msg);
	memcpy(msg, &hdr, sizeof(hdr));
	if (len)
		memcpy(msg + sizeof(hdr), payload, len);
	last_cmd = cmd;
	client_send_raw(fd, msg, size, fds, nfds);
	free(msg);
}

static void recv_all(int fd, void *buf, size_t len)
{
	if (len)
		assert_int_equal(recv(fd, buf, len, MSG_WAITALL), len);
}

int client_recv(int fd, void *payload, u32 room, u32 *len)
{
	struct vfu_hdr hdr;
	u32 flags;

	recv_all(fd, &hdr, sizeof(hdr));
	flags = le32_to_cpu(hdr.flags);
	*len = le32_to_cpu(hdr.size) - sizeof(hdr);
	assert_int_equal(le16_to_cpu(hdr.id), last_id);
	assert_int_equal(le16_to_cpu(hdr.cmd), last_cmd);
	assert_int_equal(flags & VFU_FLAG_TYPE, VFU_TYPE_REPLY);
	if (flags & VFU_FLAG_ERROR) {
		assert_int_equal(*len, 0);
		assert_int_not_equal(le32_to_cpu(hdr.error), 0);
		return le32_to_cpu(hdr.error);
	}
	assert_true(*len <= room);
	recv_all(fd, payload, *len);
	return 0;
}

int client_call(int fd, u16 cmd, const void *in, u32 in_len, const int *fds, u32 nfds,
		void *out, u32 out_len)
{
	u32 len;
	int err;

	client_send(fd, cmd, 0, in, in_len, fds, nfds);
	err = client_recv(fd, out, out_len, &len);
	if (!err)
		assert_int_equal(len, out_len);
	return err;
}

void client_hello(int fd)
{
	struct {
		struct vfu_version v;
		char text[256];
	} __packed in = {
		.text = PROPOSAL,
	};
	u8 out[sizeof(in)];
	u32 len;

	client_send(fd, VFU_VERSION, 0, &in, sizeof(in.v) + strlen(in.text) + 1, NULL, 0);
	assert_int_equal(client_recv(fd, out, sizeof(out), &len), 0);
}

int client_map(int fd, u64 iova, u64 size, int mem_fd, u64 offset)
{
	struct vfu_dma_map in = {
		.argsz = cpu_to_le32(sizeof(in)),
		.flags = cpu_to_le32(VFU_DMA_READ | VFU_DMA_WRITE),
		.fd_offset = cpu_to_le64(offset),
		.iova = cpu_to_le64(iova),
		.size = cpu_to_le64(size),
	};

	return client_call(fd, VFU_DMA_MAP, &in, sizeof(in), &mem_fd, mem_fd >= 0, NULL, 0);
}

int client_unmap(int fd, u64 iova, u64 size, u32 flags)
{
	struct vfu_dma_unmap in = {
		.argsz = cpu_to_le32(sizeof(in)),
		.flags = cpu_to_le32(flags),
		.iova = cpu_to_le64(iova),
		.size = cpu_to_le64(size),
	}, out;
	int err = client_call(fd, VFU_DMA_UNMAP, &in, sizeof(in), NULL, 0, &out, sizeof(out));

	if (!err)
		assert_memory_equal(&in, &out, sizeof(in));
	return err;
}

int client_set_irqs(int fd, u32 flags, u32 start, u32 count, const int *fds, u32 nfds)
{
	struct vfu_irq_set in = {
		.argsz = cpu_to_le32(sizeof(in)),
		.flags = cpu_to_le32(flags),
		.index = cpu_to_le32(VFU_IRQ_MSIX),
		.start = cpu_to_le32(start),
		.count = cpu_to_le32(count),
	};

	return client_call(fd, VFU_SET_IRQS, &in, sizeof(in), fds, nfds, NULL, 0);
}

static struct vfu_region_access access_to(u32 region, u64 offset, u32 count)
{
	return (struct vfu_region_access){
		.offset = cpu_to_le64(offset),
		.region = cpu_to_le32(region),
		.count = cpu_to_le32(count),
	};
}

int client_read(int fd, u32 region, u64 offset, void *buf, u32 count)
{
	struct vfu_region_access in = access_to(region, offset, count);
	u8 *out = calloc(1, sizeof(in) + VFU_MAX_XFER);
	u32 len;
	int err;

	assert_non_null(out);
	client_send(fd, VFU_REGION_READ, 0, &in, sizeof(in), NULL, 0);
	err = client_recv(fd, out, sizeof(in) + VFU_MAX_XFER, &len);
	if (!err) {
		assert_int_equal(len, sizeof(in) + count);
		assert_memory_equal(out, &in, sizeof(in));
		memcpy(buf, out + sizeof(in), count);
	}
	free(out);
	return err;
}

int client_write(int fd, u32 region, u64 offset, const void *buf, u32 count)
{
	struct vfu_region_access out, in = access_to(region, offset, count);
	u8 msg[4096 + sizeof(in)];

	assert_true(count <= 4096);
	memcpy(msg, &in, sizeof(in));
	memcpy(msg + sizeof(in), buf, count);
	return client_call(fd, VFU_REGION_WRITE, msg, sizeof(in) + count, NULL, 0,
			   &out, sizeof(out));
}

u32 client_get(int fd, u32 word)
{
	__le32 value;

	assert_int_equal(client_read(fd, 0, word * 4, &value, sizeof(value)), 0);
	return le32_to_cpu(value);
}

void client_set(int fd, u32 word, u32 value)
{
	__le32 le = cpu_to_le32(value);

	assert_int_equal(client_write(fd, 0, word * 4, &le, sizeof(le)), 0);
}

bool client_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) <= 0;
}
