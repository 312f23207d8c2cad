// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who signed the driver, and does this kernel care.
 *
 * Owns: what sysfs, securityfs and modinfo say about it, and the words for a user
 * whose driver is refused. Does not know cards.
 */
#include <string.h>

#include "secure.h"
#include "sys.h"

/* The current choice of "none [integrity] confidentiality". */
static void parse_lockdown(struct fio_secure *s, const char *line)
{
	const char *open = strchr(line, '['), *close = strchr(line, ']');

	if (open && close > open)
		snprintf(s->lockdown, sizeof(s->lockdown), "%.*s",
			 (int)(close - open - 1), open + 1);
}

void fio_secure_gather(struct fio_secure *s)
{
	char line[128];

	memset(s, 0, sizeof(*s));
	s->loaded = fio_sys->driver_loaded();
	/* E: loaded with a signature that is missing or by a key that is not known */
	if (s->loaded && fio_sys->read_line("/sys/module/fio_hal/taint", line, sizeof(line)))
		s->trusted = !strchr(line, 'E');
	if (fio_sys->read_line("/sys/kernel/security/lockdown", line, sizeof(line)))
		parse_lockdown(s, line);
	if (fio_sys->read_line("/sys/module/module/parameters/sig_enforce", line, sizeof(line)))
		s->enforced = line[0] == 'Y';
	if (s->lockdown[0] && strcmp(s->lockdown, "none"))
		s->enforced = true;
	s->installed = fio_sys->module_signer(s->signer, sizeof(s->signer));
}

const char *fio_secure_text(const struct fio_secure *s, char *buf, size_t len)
{
	const char *trust = !s->loaded ? "" : s->trusted ? ", trusted by this kernel" :
			    ", by a key this kernel does not trust";

	if (!s->installed)
		snprintf(buf, len, "no module file for this kernel");
	else if (s->signer[0])
		snprintf(buf, len, "signed by %s%s", s->signer, trust);
	else
		snprintf(buf, len, "not signed");
	return buf;
}

void fio_secure_print_refusal(FILE *f, const struct fio_secure *s)
{
	if (s->loaded || !s->enforced)
		return;
	fprintf(f, "This kernel loads only modules signed by a key it trusts (%s%s).\n",
		s->lockdown[0] && strcmp(s->lockdown, "none") ? "lockdown: " : "module.sig_enforce",
		s->lockdown[0] && strcmp(s->lockdown, "none") ? s->lockdown : "");
	if (!s->installed)
		fprintf(f, "There is no fio-hal for it: install fio-driver-dkms\n");
	else if (s->signer[0])
		fprintf(f, "fio-hal is signed by '%s': have the machine's firmware trust that key, 'mokutil --import', see fio-status(8)\n",
			s->signer);
	else
		fprintf(f, "fio-hal is not signed: build it with DKMS, which signs, or sign it, see fio-status(8)\n");
}
