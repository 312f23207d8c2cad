// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operator's log of fio-vcard.
 *
 * A line is built in a buffer and written by one write(2), so that lines of the
 * three threads never mix and nothing is lost in a stdio buffer when the card's
 * power is cut, that is, when the process leaves by _exit().
 */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "vcard/vfio-user/json.h"
#include "vcard/vfio-user/log.h"

#define LINE_MAX_BYTES 1024
#define FREE_LINES 16

static bool as_json;

void vfu_log_json(bool on)
{
	as_json = on;
}

/* A log that cannot be written has nobody to be told to: errors are dropped. */
static void put_line(const char *line, int len)
{
	ssize_t done;

	do {
		done = write(STDERR_FILENO, line, len);
	} while (done < 0 && errno == EINTR);
}

static void log_json(const char *text)
{
	char line[LINE_MAX_BYTES * 2 + 64];
	size_t len;

	len = snprintf(line, sizeof(line), "{\"event\":\"log\",\"text\":\"");
	len += vfu_json_escape(line + len, sizeof(line) - len - 4, text);
	memcpy(line + len, "\"}\n", 3);
	put_line(line, len + 3);
}

void vfu_log(const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	char line[LINE_MAX_BYTES + 32];
	va_list ap;
	int len;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (as_json) {
		log_json(text);
		return;
	}
	len = snprintf(line, sizeof(line), "fio-vcard: %s\n", text);
	put_line(line, len);
}

bool vfu_limited(struct vfu_limit *l)
{
	l->count++;
	return l->count > FREE_LINES && (l->count & (l->count - 1));
}
