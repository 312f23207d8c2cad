/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vfio-user client for tests: sends what it is told to, well-formed or not,
 * and reads answers. Fails the test when a read or write on the socket fails.
 */
#ifndef TESTS_UNIT_TEST_VFU_CLIENT_H
#define TESTS_UNIT_TEST_VFU_CLIENT_H

#include "vcard/vfio-user/proto.h"

/* Sends raw bytes with @nfds descriptors beside the first of them. */
void client_send_raw(int fd, const void *buf, size_t len, const int *fds, u32 nfds);

/* Sends a command. */
void client_send(int fd, u16 cmd, u32 flags, const void *payload, u32 len,
		 const int *fds, u32 nfds);

/*
 * Reads the answer to the last command, checks its id and command.
 * Returns 0 and the payload's length in @len, or the errno of an error reply.
 */
int client_recv(int fd, void *payload, u32 room, u32 *len);

/* Command and answer; the answer must have exactly @out_len bytes. */
int client_call(int fd, u16 cmd, const void *in, u32 in_len, const int *fds, u32 nfds,
		void *out, u32 out_len);

/* VERSION with what QEMU proposes. */
void client_hello(int fd);

int client_map(int fd, u64 iova, u64 size, int mem_fd, u64 offset);
int client_unmap(int fd, u64 iova, u64 size, u32 flags);
int client_set_irqs(int fd, u32 flags, u32 start, u32 count, const int *fds, u32 nfds);
int client_read(int fd, u32 region, u64 offset, void *buf, u32 count);
int client_write(int fd, u32 region, u64 offset, const void *buf, u32 count);
u32 client_get(int fd, u32 word);
void client_set(int fd, u32 word, u32 value);

/* True when the server has closed the connection; waits for something to read. */
bool client_closed(int fd);

#endif /* TESTS_UNIT_TEST_VFU_CLIENT_H */
