/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The little JSON that the card's programs need: quoting a string for output,
 * and printing an answer so that a person can read it.
 *
 * Does not know: what the answers mean. No library is used because nothing here
 * needs to build or keep a tree.
 */
#ifndef VCARD_VFU_JSON_H
#define VCARD_VFU_JSON_H

#include <stdio.h>

#include <fio/types.h>

/**
 * vfu_json_escape() - the inside of a JSON string
 * @out: receives the escaped text, NUL-terminated, cut short when it is full
 * @out_len: bytes at @out, at least 8
 * @text: any bytes up to a NUL
 *
 * Return: bytes written, without the NUL.
 */
size_t vfu_json_escape(char *out, size_t out_len, const char *text);

/**
 * vfu_json_one_line() - make a JSON text fit the line protocol
 * @text: changed in place: line ends, which JSON allows only between tokens,
 *        become spaces
 */
void vfu_json_one_line(char *text);

/**
 * vfu_json_print() - print a JSON text as indented "name: value" lines
 * @f: where to
 * @text: one JSON value; text that is not JSON is printed as it is
 */
void vfu_json_print(FILE *f, const char *text);

#endif /* VCARD_VFU_JSON_H */
