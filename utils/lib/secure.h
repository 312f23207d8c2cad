/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Module signatures and what the kernel asks of them: why a driver that is
 * installed does not load.
 */
#ifndef FIO_UTILS_SECURE_H
#define FIO_UTILS_SECURE_H

#include <stdbool.h>
#include <stdio.h>

/**
 * struct fio_secure - signatures on this machine
 * @loaded: fio-hal is in the kernel
 * @trusted: and its signature was by a key that the kernel trusts
 * @installed: there is a module file for the running kernel
 * @signer: who signed that file; empty when nobody did
 * @enforced: the kernel refuses modules without a trusted signature
 * @lockdown: "none", "integrity", "confidentiality"; empty when it has no lockdown
 */
struct fio_secure {
	bool loaded;
	bool trusted;
	bool installed;
	char signer[128];
	bool enforced;
	char lockdown[32];
};

/** fio_secure_gather() - ask the kernel, and modinfo about the file */
void fio_secure_gather(struct fio_secure *s);

/** fio_secure_text() - "signed by X, trusted by this kernel"; @buf is returned */
const char *fio_secure_text(const struct fio_secure *s, char *buf, size_t len);

/** fio_secure_print_refusal() - why the driver cannot load and what to do, if that is so */
void fio_secure_print_refusal(FILE *f, const struct fio_secure *s);

#endif /* FIO_UTILS_SECURE_H */
