// SPDX-License-Identifier: GPL-2.0-only
/*
 * See cache.h. A file is named after the job and a hash of this program's text: a
 * changed core, model or workload begins anew. It is written under another name
 * first, so that what has the name is whole.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"

#define SUFFIX	".run"

static char folder[256];
static u64 program;

/* FNV-1a, 64 bits; 0: unreadable. */
static u64 hash_file(const char *path)
{
	FILE *in = fopen(path, "r");
	u64 h = 0xcbf29ce484222325ull;
	u8 text[4096];
	size_t n, i;

	if (!in)
		return 0;
	while ((n = fread(text, 1, sizeof(text), in)))
		for (i = 0; i < n; i++)
			h = (h ^ text[i]) * 0x100000001b3ull;
	if (ferror(in))
		h = 0;
	fclose(in);
	return h;
}

static bool is_stale(const char *name)
{
	size_t len = strlen(name), end = strlen(SUFFIX);
	char mine[20];

	snprintf(mine, sizeof(mine), "%016llx-", (unsigned long long)program);
	return len > end && !strcmp(name + len - end, SUFFIX) && strncmp(name, mine, strlen(mine));
}

static void drop_stale(DIR *dir)
{
	struct dirent *e;

	while ((e = readdir(dir)))
		if (is_stale(e->d_name))
			unlinkat(dirfd(dir), e->d_name, 0);
}

static int refuse(const char *dir, int err)
{
	fprintf(stderr, "fio-wa: %s: %s; choose another --cache\n", dir, strerror(err));
	return -err;
}

int cache_open(const char *dir)
{
	DIR *d;

	program = hash_file("/proc/self/exe");
	if (!program) {
		fprintf(stderr, "fio-wa: cannot read its own text through /proc/self/exe: --cache needs that\n");
		return -EIO;
	}
	if (strlen(dir) >= sizeof(folder))
		return refuse(dir, ENAMETOOLONG);
	if (mkdir(dir, 0777) && errno != EEXIST)
		return refuse(dir, errno);
	d = opendir(dir);
	if (!d)
		return refuse(dir, errno);
	drop_stale(d);
	closedir(d);
	strcpy(folder, dir);
	return 0;
}

static void name_of(const struct wa_job *job, char *path, size_t len)
{
	snprintf(path, len, "%s/%016llx-%s-%.6f-%u-%llu-%u-%u-%u-%u" SUFFIX, folder,
		 (unsigned long long)program, job->load->name, job->op, job->policy,
		 (unsigned long long)job->seed, job->lbas, job->unit_pages, job->passes,
		 job->parity);
}

bool cache_load(const struct wa_job *job, struct wa_result *r)
{
	struct wa_result found;
	char path[512];
	bool whole;
	FILE *in;

	if (!*folder || job->trace)
		return false;
	name_of(job, path, sizeof(path));
	in = fopen(path, "r");
	if (!in)
		return false;
	whole = fread(&found, sizeof(found), 1, in) == 1 && fgetc(in) == EOF;
	fclose(in);
	if (whole)
		*r = found;
	return whole;
}

void cache_store(const struct wa_job *job, const struct wa_result *r)
{
	char path[512], part[544];
	FILE *out;
	bool whole;

	if (!*folder || job->trace || r->error[0])
		return;
	name_of(job, path, sizeof(path));
	snprintf(part, sizeof(part), "%s.%d", path, (int)getpid());
	out = fopen(part, "w");
	if (!out)
		return;
	whole = fwrite(r, sizeof(*r), 1, out) == 1;
	whole &= !fclose(out);
	/* Not kept is not lost: it would be computed again. */
	if (!whole || rename(part, path))
		unlink(part);
}
