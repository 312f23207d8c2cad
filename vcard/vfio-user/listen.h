/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Local sockets by path: listening on one that may be left over from a server
 * that died, and connecting to one.
 *
 * Does not know: what is spoken on them.
 */
#ifndef VCARD_VFU_LISTEN_H
#define VCARD_VFU_LISTEN_H

#include <fio/types.h>

/**
 * vfu_listen() - listen on a path
 * @path: created, readable and writable for the user alone; a socket that nobody
 *        listens on is replaced
 * @err: receives a sentence for the user on failure
 * @err_len: size of @err
 *
 * Return: the socket (close-on-exec, blocking), or -1.
 */
int vfu_listen(const char *path, char *err, size_t err_len);

/**
 * vfu_connect() - connect to a path
 * @path: the socket
 * @err: receives a sentence for the user on failure
 * @err_len: size of @err
 *
 * Return: the socket (close-on-exec, blocking), or -1.
 */
int vfu_connect(const char *path, char *err, size_t err_len);

#endif /* VCARD_VFU_LISTEN_H */
