// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vfio-user server of one card.
 *
 * One thread receives a message, does what it says, answers, and only then looks
 * at the next. Nothing in here waits for the card: config space and registers
 * answer at once, the slow work is done in the worker's thread. The exception is
 * a reset, which returns when the card has stopped using guest memory.
 *
 * No region can be mapped by the client. QEMU posts writes (REGION_WRITE_MULTI,
 * not answered) only for devices without such a region, and a posted doorbell
 * costs a fifteenth of a trapped one.
 *
 * A refused message is answered with an errno and the connection goes on. Only
 * what breaks the stream itself ends it.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vcard/vfio-user/server.h"

/* A handler answers the message in s->conn, or returns an errno to answer with. */
struct handler {
	const char *name;
	u32 least;	/* shortest payload */
	int (*fn)(struct vfu_server *s);
};

#define MESSAGES_PER_TURN 64

#define CAPABILITIES							\
	"{\"capabilities\":{\"max_msg_fds\":%u,\"max_data_xfer_size\":%u,"	\
	"\"pgsizes\":%u,\"max_dma_maps\":%u%s}}"

/* Handlers return HANDLED after they have sent an answer of their own. */
#define HANDLED 1

static int answer(struct vfu_server *s, const void *payload, u32 len)
{
	int err = vfu_reply(&s->conn, payload, len);

	return err ? err : HANDLED;
}

/* Is `"name" : true` in the client's JSON; a parser would be more than is needed. */
static bool offers(const char *json, const char *name)
{
	const char *p = strstr(json, name);

	if (!p)
		return false;
	p += strlen(name);
	p += strspn(p, "\" \t\r\n:");
	return !strncmp(p, "true", 4);
}

/*
 * The client has room for an answer as long as its own proposal, so less is said
 * to one that said little: the defaults of the protocol then hold.
 */
static u32 version_text(char *out, u32 room, const char *proposal)
{
	const char *multi = offers(proposal, "\"write_multiple\"") ?
			    ",\"write_multiple\":true" : "";
	int len;

	len = snprintf(out, room, CAPABILITIES, VFU_MAX_FDS, VFU_MAX_XFER,
		       VFU_PAGE, VFU_MAX_MAPS, multi);
	if ((u32)len >= room)
		len = snprintf(out, room, "{\"capabilities\":{\"max_msg_fds\":%u%s}}",
			       VFU_MAX_FDS, multi);
	if ((u32)len >= room)
		len = snprintf(out, room, "{}");
	return (u32)len < room ? len + 1 : 0;
}

static int do_version(struct vfu_server *s)
{
	const struct vfu_version *in = (void *)s->conn.data;
	u32 room = vfu_payload_len(&s->conn) - sizeof(*in);
	struct {
		struct vfu_version v;
		char text[512];
	} __packed out;
	u32 len;

	if (le16_to_cpu(in->major) != VFU_VERSION_MAJOR) {
		if (vfu_limited(&s->refused))
			return -ENOTSUP;
		vfu_log("client speaks vfio-user %u.%u, this server %u.%u",
			le16_to_cpu(in->major), le16_to_cpu(in->minor),
			VFU_VERSION_MAJOR, VFU_VERSION_MINOR);
		return -ENOTSUP;
	}
	if (room && in->data[room - 1])
		return -EINVAL;
	out.v.major = cpu_to_le16(VFU_VERSION_MAJOR);
	out.v.minor = cpu_to_le16(VFU_VERSION_MINOR);
	len = version_text(out.text, min_t(u32, room, sizeof(out.text)),
			   room ? in->data : "");
	s->versioned = true;
	return answer(s, &out, sizeof(out.v) + len);
}

static int do_dma_map(struct vfu_server *s)
{
	const struct vfu_dma_map *in = (void *)s->conn.data;
	u32 flags = le32_to_cpu(in->flags);
	int prot = (flags & VFU_DMA_READ ? PROT_READ : 0) |
		   (flags & VFU_DMA_WRITE ? PROT_WRITE : 0);
	int fd, err;

	if (le32_to_cpu(in->argsz) < sizeof(*in) || s->conn.nfds > 1)
		return -EINVAL;
	fd = vfu_take_fd(&s->conn, 0);
	/* ROM, or a BAR of some device: no memory that a card would reach. */
	if (fd < 0)
		return 0;
	err = vfu_dma_map(&s->front->dma, le64_to_cpu(in->iova),
			  le64_to_cpu(in->size), fd, le64_to_cpu(in->fd_offset), prot);
	close(fd);
	return err;
}

static int do_dma_unmap(struct vfu_server *s)
{
	const struct vfu_dma_unmap *in = (void *)s->conn.data;
	int err = 0;

	if (le32_to_cpu(in->argsz) < sizeof(*in))
		return -EINVAL;
	if (le32_to_cpu(in->flags) & VFU_UNMAP_ALL)
		vfu_dma_unmap_all(&s->front->dma);
	else
		err = vfu_dma_unmap(&s->front->dma, le64_to_cpu(in->iova),
				    le64_to_cpu(in->size));
	return err ? err : answer(s, in, sizeof(*in));
}

static int do_device_info(struct vfu_server *s)
{
	struct vfu_device_info out = {
		.argsz = cpu_to_le32(sizeof(out)),
		.flags = cpu_to_le32(VFU_DEVICE_RESETS | VFU_DEVICE_PCI),
		.num_regions = cpu_to_le32(VFU_NUM_REGIONS),
		.num_irqs = cpu_to_le32(VFU_NUM_IRQS),
	};

	return answer(s, &out, sizeof(out));
}

static u64 region_size(const struct vfu_server *s, u32 region)
{
	if (region <= VFU_REGION_BAR5)
		return vcard_bar_size(s->card, region);
	return region == VFU_REGION_CONFIG ? VCARD_CONFIG_SPACE : 0;
}

static int do_region_info(struct vfu_server *s)
{
	const struct vfu_region_info *in = (void *)s->conn.data;
	u32 region = le32_to_cpu(in->index);
	struct vfu_region_info out = {
		.argsz = cpu_to_le32(sizeof(out)),
		.index = in->index,
	};

	if (le32_to_cpu(in->argsz) < sizeof(*in) || region >= VFU_NUM_REGIONS)
		return -EINVAL;
	out.size = cpu_to_le64(region_size(s, region));
	if (out.size)
		out.flags = cpu_to_le32(VFU_REGION_RD | VFU_REGION_WR);
	return answer(s, &out, sizeof(out));
}

/* ERR and REQ have no vectors: a signal on ERR would stop the whole machine. */
static u32 irq_count(const struct vfu_server *s, u32 index)
{
	switch (index) {
	case VFU_IRQ_MSI:
		return vcard_irq_count(s->card, VCARD_IRQ_MSI);
	case VFU_IRQ_MSIX:
		return vcard_irq_count(s->card, VCARD_IRQ_MSIX);
	default:
		return 0;
	}
}

static int do_irq_info(struct vfu_server *s)
{
	const struct vfu_irq_info *in = (void *)s->conn.data;
	u32 index = le32_to_cpu(in->index);
	struct vfu_irq_info out = {
		.argsz = cpu_to_le32(sizeof(out)),
		.index = in->index,
	};

	if (index >= VFU_NUM_IRQS)
		return -EINVAL;
	out.count = cpu_to_le32(irq_count(s, index));
	if (out.count)
		out.flags = cpu_to_le32(VFU_IRQ_EVENTFD);
	return answer(s, &out, sizeof(out));
}

/* One eventfd per vector, or none at all: take away those of the range. */
static int assign_irqs(struct vfu_server *s, u32 start, u32 count)
{
	u32 i;
	int fd, err;

	if (s->conn.nfds && s->conn.nfds != count)
		return -EINVAL;
	for (i = 0; i < count; i++) {
		fd = vfu_take_fd(&s->conn, i);
		err = vfu_irq_assign(&s->front->irq, start + i, fd);
		if (err && fd >= 0)
			close(fd);
		if (err)
			return err;
	}
	return 0;
}

static int do_set_irqs(struct vfu_server *s)
{
	const struct vfu_irq_set *in = (void *)s->conn.data;
	u32 start = le32_to_cpu(in->start), count = le32_to_cpu(in->count), i;
	u32 have = irq_count(s, le32_to_cpu(in->index));

	if (le32_to_cpu(in->argsz) < sizeof(*in) || start > have || count > have - start)
		return -EINVAL;
	switch (le32_to_cpu(in->flags)) {
	case VFU_IRQ_SET_FD | VFU_IRQ_SET_TRIGGER:
		return assign_irqs(s, start, count);
	case VFU_IRQ_SET_NONE | VFU_IRQ_SET_TRIGGER:
		if (!count && have)
			vfu_irq_disable(&s->front->irq);
		for (i = 0; i < count; i++)
			vfu_irq_raise(&s->front->irq, start + i);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Is [offset, offset + count) inside the region. */
static bool in_region(const struct vfu_server *s, u32 region, u64 offset, u32 count)
{
	u64 size = region < VFU_NUM_REGIONS ? region_size(s, region) : 0;

	return count && offset < size && count <= size - offset;
}

/*
 * An access the card does not support inside its BAR (a byte of a register, say)
 * is the guest's doing, not the client's: as on a bus it reads as all-ones and
 * writes nothing.
 */
static void region_read(struct vfu_server *s, u32 region, u64 offset, void *buf, u32 count)
{
	if (region == VFU_REGION_CONFIG)
		vcard_config_read(s->card, offset, buf, count);
	else if (vcard_bar_read(s->card, region, offset, buf, count))
		memset(buf, 0xff, count);
}

static void region_write(struct vfu_server *s, u32 region, u64 offset, const void *buf,
			 u32 count)
{
	if (region == VFU_REGION_CONFIG)
		vcard_config_write(s->card, offset, buf, count);
	else if (vcard_bar_write(s->card, region, offset, buf, count) &&
		 !vfu_limited(&s->refused))
		vfu_log("dropped a guest's write of %u bytes at BAR%u+%#llx: not supported",
			count, region, (unsigned long long)offset);
}

static int do_region_read(struct vfu_server *s)
{
	const struct vfu_region_access *in = (void *)s->conn.data;
	u32 count = le32_to_cpu(in->count), region = le32_to_cpu(in->region);
	u64 offset = le64_to_cpu(in->offset);

	if (count > VFU_MAX_XFER || !in_region(s, region, offset, count))
		return -EINVAL;
	*s->reply = *in;
	region_read(s, region, offset, s->reply + 1, count);
	return answer(s, s->reply, sizeof(*in) + count);
}

static int do_region_write(struct vfu_server *s)
{
	const struct vfu_region_access *in = (void *)s->conn.data;
	u32 count = le32_to_cpu(in->count), region = le32_to_cpu(in->region);
	u64 offset = le64_to_cpu(in->offset);

	if (count != vfu_payload_len(&s->conn) - sizeof(*in) ||
	    !in_region(s, region, offset, count))
		return -EINVAL;
	region_write(s, region, offset, in + 1, count);
	return answer(s, in, sizeof(*in));
}

static int write_one(struct vfu_server *s, const struct vfu_write_one *w)
{
	u32 count = le32_to_cpu(w->count), region = le32_to_cpu(w->region);
	u64 offset = le64_to_cpu(w->offset);

	if (count > sizeof(w->data) || !in_region(s, region, offset, count))
		return -EINVAL;
	region_write(s, region, offset, w->data, count);
	return 0;
}

/* In order; a bad one does not keep the others from happening. */
static int do_write_multi(struct vfu_server *s)
{
	const struct vfu_write_multi *in = (void *)s->conn.data;
	u32 room = vfu_payload_len(&s->conn) - sizeof(*in);
	u64 i, count = le64_to_cpu(in->count);
	int err = 0;

	if (room % sizeof(in->writes[0]) || count != room / sizeof(in->writes[0]))
		return -EINVAL;
	for (i = 0; i < count; i++)
		if (write_one(s, &in->writes[i]))
			err = -EINVAL;
	return err ? err : answer(s, in, sizeof(*in));
}

static void reset_card(struct vfu_server *s)
{
	vcard_reset(s->card, VCARD_RESET_BUS);
	vfu_irq_forget(&s->front->irq);
}

static int do_reset(struct vfu_server *s)
{
	reset_card(s);
	return 0;
}

static int do_feature(struct vfu_server *s)
{
	return -ENOTTY;
}

static const struct handler handlers[] = {
	[VFU_VERSION] = { "VERSION", sizeof(struct vfu_version), do_version },
	[VFU_DMA_MAP] = { "DMA_MAP", sizeof(struct vfu_dma_map), do_dma_map },
	[VFU_DMA_UNMAP] = { "DMA_UNMAP", sizeof(struct vfu_dma_unmap), do_dma_unmap },
	[VFU_DEVICE_GET_INFO] = { "DEVICE_GET_INFO", sizeof(struct vfu_device_info),
				  do_device_info },
	[VFU_GET_REGION_INFO] = { "GET_REGION_INFO", sizeof(struct vfu_region_info),
				  do_region_info },
	[VFU_GET_IRQ_INFO] = { "GET_IRQ_INFO", sizeof(struct vfu_irq_info), do_irq_info },
	[VFU_SET_IRQS] = { "SET_IRQS", sizeof(struct vfu_irq_set), do_set_irqs },
	[VFU_REGION_READ] = { "REGION_READ", sizeof(struct vfu_region_access),
			      do_region_read },
	[VFU_REGION_WRITE] = { "REGION_WRITE", sizeof(struct vfu_region_access),
			       do_region_write },
	[VFU_DEVICE_RESET] = { "DEVICE_RESET", 0, do_reset },
	[VFU_REGION_WRITE_MULTI] = { "REGION_WRITE_MULTI", sizeof(struct vfu_write_multi),
				     do_write_multi },
	[VFU_DEVICE_FEATURE] = { "DEVICE_FEATURE", 0, do_feature },
};

static const struct handler *find_handler(u16 cmd)
{
	static const struct handler unknown = { "an unknown command", 0, do_feature };

	if (cmd >= ARRAY_SIZE(handlers) || !handlers[cmd].fn)
		return &unknown;
	return &handlers[cmd];
}

static void log_refusal(struct vfu_server *s, const struct handler *h, int err)
{
	/* A client may ask for optional features; that is no trouble of anyone. */
	if (err == -ENOTTY || vfu_limited(&s->refused))
		return;
	vfu_log("refused %s (%u) of the client, %u bytes, %u descriptors: %s",
		h->name, le16_to_cpu(s->conn.hdr.cmd), vfu_payload_len(&s->conn),
		s->conn.nfds, strerror(-err));
}

/* Return: 0, or -errno when the connection cannot go on. */
static int handle(struct vfu_server *s)
{
	u16 cmd = le16_to_cpu(s->conn.hdr.cmd);
	const struct handler *h = find_handler(cmd);
	int res;

	/* VERSION comes first: before it the peer may be anything. */
	if (vfu_payload_len(&s->conn) < h->least || (!s->versioned && cmd != VFU_VERSION))
		res = -EINVAL;
	else
		res = h->fn(s);
	if (res < 0 && res != -ECANCELED && res != -EPIPE && res != -ECONNRESET) {
		log_refusal(s, h, res);
		return vfu_reply_error(&s->conn, -res);
	}
	return res ? min(res, 0) : vfu_reply(&s->conn, NULL, 0);
}

/*
 * Handles the messages that are there, but not so many that a client which never
 * stops keeps the server from being told to.
 */
static int receive(struct vfu_server *s)
{
	int i, got, err = 0;

	for (i = 0; !err && i < MESSAGES_PER_TURN; i++) {
		got = vfu_recv(&s->conn);
		if (got <= 0)
			return got;
		err = handle(s);
		vfu_done(&s->conn);
	}
	return err;
}

/*
 * Someone else connects. Our client may just have died without our having read
 * the end of its stream; then the newcomer waits its turn instead.
 */
static void turn_away(struct vfu_server *s, short client_events)
{
	int fd;

	if (client_events & (POLLHUP | POLLRDHUP))
		return;
	fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	close(fd);
	if (!vfu_limited(&s->refused))
		vfu_log("another client connected while one is served: turned away");
}

static int client_loop(struct vfu_server *s)
{
	struct pollfd pfd[3] = {
		{ .fd = s->stop_fd, .events = POLLIN },
		{ .fd = s->conn.fd, .events = POLLIN | POLLRDHUP },
		{ .fd = s->listen_fd, .events = POLLIN },
	};
	int err = 0;

	while (!err) {
		if (poll(pfd, 3, -1) < 0) {
			err = errno == EINTR ? 0 : -errno;
			continue;
		}
		if (pfd[0].revents)
			return -ECANCELED;
		if (pfd[2].revents)
			turn_away(s, pfd[1].revents);
		if (pfd[1].revents)
			err = receive(s);
	}
	return err;
}

static void drop_client(struct vfu_server *s)
{
	vfu_irq_disable(&s->front->irq);
	if (s->versioned)
		reset_card(s);
	vfu_dma_unmap_all(&s->front->dma);
	vfu_conn_close(&s->conn);
}

int vfu_serve_client(struct vfu_server *s, int fd)
{
	int err = vfu_conn_init(&s->conn, fd, s->stop_fd);

	if (err)
		return err;
	s->versioned = false;
	s->refused.count = 0;
	err = client_loop(s);
	drop_client(s);
	if (err == -ECONNRESET || err == -EPIPE)
		return 0;
	if (err != -ECANCELED)
		vfu_log("disconnected the client, what it sent makes no sense: %s",
			strerror(-err));
	return err;
}

static int accept_client(struct vfu_server *s)
{
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return errno == EINTR || errno == ECONNABORTED ? 0 : -errno;
	vfu_log("client connected");
	if (vfu_serve_client(s, fd) == -ECANCELED)
		return -ECANCELED;
	vfu_log("client disconnected");
	return 0;
}

int vfu_serve(struct vfu_server *s)
{
	struct pollfd pfd[2] = {
		{ .fd = s->stop_fd, .events = POLLIN },
		{ .fd = s->listen_fd, .events = POLLIN },
	};
	int err = 0;

	while (!err) {
		if (poll(pfd, 2, -1) < 0)
			err = errno == EINTR ? 0 : -errno;
		else if (pfd[0].revents)
			err = -ECANCELED;
		else
			err = accept_client(s);
	}
	return err == -ECANCELED ? 0 : err;
}

int vfu_server_init(struct vfu_server *s, struct vcard *card, struct vfu_front *front,
		    int listen_fd, int stop_fd)
{
	memset(s, 0, sizeof(*s));
	s->card = card;
	s->front = front;
	s->listen_fd = listen_fd;
	s->stop_fd = stop_fd;
	s->reply = malloc(sizeof(*s->reply) + VFU_MAX_XFER);
	return s->reply ? 0 : -ENOMEM;
}

void vfu_server_destroy(struct vfu_server *s)
{
	free(s->reply);
	s->reply = NULL;
}
