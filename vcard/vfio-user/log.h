/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operator's log of fio-vcard: one line per event on standard error.
 *
 * Owns: the form of a line (text or JSON) and that lines of several threads do
 * not mix. Does not know: who logs or why.
 */
#ifndef VCARD_VFU_LOG_H
#define VCARD_VFU_LOG_H

#include <fio/types.h>

/**
 * vfu_log_json() - choose the form of the lines
 * @on: each line is a JSON object {"event":"log","text":"..."}
 *
 * Context: before other threads exist.
 */
void vfu_log_json(bool on);

/**
 * vfu_log() - write one line
 * @fmt: text without the program's name and without a newline
 *
 * Context: any thread. A line is one write(2).
 */
void vfu_log(const char *fmt, ...) __printf(1, 2);

/**
 * struct vfu_limit - keeps a hostile or broken peer from flooding the log
 * @count: lines asked for so far
 *
 * The first lines are written, after them only the 2^n-th.
 */
struct vfu_limit {
	u64 count;
};

/**
 * vfu_limited() - count one line
 * @l: the counter of this source of lines
 *
 * Return: true when the line is to be left out.
 */
bool vfu_limited(struct vfu_limit *l);

#endif /* VCARD_VFU_LOG_H */
