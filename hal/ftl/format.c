// SPDX-License-Identifier: GPL-2.0-only
/*
 * Format: erase everything and lay down an empty device.
 *
 * Owns: the checks of what the user asked for, the order that makes a format
 * that is cut recognisable. Does not know: what was there before, except the
 * generation of its superblock.
 */
#include "ftl_priv.h"

#define DEFAULT_DIES	4

static int check_params(struct ftl *f, const struct ftl_format_params *p, u64 units)
{
	if (p->lba_bytes != 512 && p->lba_bytes != FIO_MEDIA_UNIT) {
		ftl_say(f, FTL_ERR, "format refused: blocks of %u bytes; 512 and 4096 are possible",
			p->lba_bytes);
		return -EINVAL;
	}
	if (!units) {
		ftl_say(f, FTL_ERR, "format refused: a capacity of 0");
		return -EINVAL;
	}
	if (p->parity != FTL_PARITY_ON || ftl_can_have_parity(&f->m->geo))
		return 0;
	ftl_say(f, FTL_ERR, "format refused: parity needs 3 dies or more and a medium that sums up rows; this one has %u dies and sums of %u stripes",
		f->m->geo.dies, f->m->geo.xor_groups);
	return -EINVAL;
}

/* By default where a die in four or less is lost to it, and where there is room. */
static void choose_parity(struct ftl *f, u8 parity, u64 units)
{
	bool on = parity == FTL_PARITY_ON;

	if (parity == FTL_PARITY_DEFAULT)
		on = f->geo.dies >= DEFAULT_DIES && ftl_can_have_parity(&f->m->geo) &&
		     units <= ftl_max_user_units(&f->m->geo, f->bad_aus);
	ftl_set_parity(f, on);
}

static int check_capacity(struct ftl *f, u64 units)
{
	u64 most = ftl_max_user_units(&f->geo, f->bad_aus);

	if (units <= most)
		return 0;
	ftl_say(f, FTL_ERR, "format refused: %llu units of 4 KiB wanted, at most %llu are possible with %u bad append units",
		(unsigned long long)units, (unsigned long long)most, f->bad_aus);
	return -ENOSPC;
}

static void new_super(struct ftl *f, const struct ftl_format_params *p, u64 units)
{
	struct fio_super *s = f->super;
	u32 i;

	memset(s, 0, sizeof(*s));
	s->magic = cpu_to_le64(FIO_SUPER_MAGIC);
	memcpy(s->uuid, p->uuid, sizeof(s->uuid));
	f->media_id = ftl_crc32c(0, p->uuid, sizeof(p->uuid));
	s->media_id = cpu_to_le32(f->media_id);
	s->dies = cpu_to_le32(f->geo.dies);
	s->aus = cpu_to_le32(f->geo.aus);
	s->pages = cpu_to_le32(f->geo.pages);
	s->lba_bytes = cpu_to_le32(p->lba_bytes);
	if (ftl_has_parity(f))
		s->features.incompat = cpu_to_le32(FIO_INCOMPAT_PARITY);
	s->user_units = cpu_to_le64(units);
	s->seq_base = cpu_to_le64(p->seq_base);
	s->format_time = cpu_to_le64(f->env.now_sec(f->env.ctx));
	for (i = 0; i < 2; i++) {
		s->sys_au[i] = cpu_to_le32(f->sys_au[i]);
		s->sys_die[i] = cpu_to_le32(f->sys_die[i]);
	}
	f->seq = p->seq_base;
	ftl_group_format(f);
}

static int erase_all(struct ftl *f)
{
	u32 s, pct, last = 0;
	int err;

	for (s = 0; s < f->geo.aus; s++) {
		err = ftl_au_list_op(f, s, MEDIA_RESET, 0, FTL_AU_ERASED);
		if (err)
			return err;
		pct = (u32)((u64)(s + 1) * 99 / f->geo.aus);
		if (pct != last)
			f->env.progress(f->env.ctx, pct);
		last = pct;
	}
	return 0;
}

/* Those whose erase failed go into the medium's bad table. */
static void retire_failed(struct ftl *f, u32 bad_before)
{
	u32 s;

	for (s = 0; f->bad_aus != bad_before && s < f->geo.aus; s++)
		ftl_au_list_op(f, s, MEDIA_RETIRE, FTL_AU_BAD | FTL_AU_RETIRE, 0);
}

static int lay_down(struct ftl *f, const struct ftl_format_params *p, u64 units)
{
	u32 s, bad;
	int err;

	new_super(f, p, units);
	ftl_super_claim(f);
	for (s = 0; s < f->geo.aus; s++)
		ftl_stripe_init(f, s);
	err = ftl_super_begin(f);
	if (!err)
		err = ftl_super_write(f, FIO_SUPER_FORMATTING);
	/* The newest superblock is ours now: the old one may go. */
	if (!err)
		err = ftl_super_begin(f);
	if (!err)
		err = ftl_super_write(f, FIO_SUPER_FORMATTING);
	bad = f->bad_aus;
	if (!err)
		err = erase_all(f);
	if (err)
		return err;
	retire_failed(f, bad);
	err = check_capacity(f, units);
	return err ? err : ftl_super_write(f, FIO_SUPER_CLEAN);
}

static int format(struct ftl *f, const struct ftl_format_params *p)
{
	u64 units = p->user_units ? p->user_units : p->default_units;
	int err = check_params(f, p, units);

	if (!err)
		err = ftl_report_aus(f);
	if (err)
		return err;
	choose_parity(f, p->parity, units);
	err = check_capacity(f, units);
	if (err)
		return err;
	/* Ours must be newer than one of an earlier format. */
	err = ftl_super_find(f);
	if (err && err != -ENOMEDIUM)
		return err;
	err = ftl_super_place(f);
	if (err)
		return err;
	/* Erase the pair first that does not hold it. */
	f->sys_pair = f->sys_found != f->sys_au[0];
	return lay_down(f, p, units);
}

int ftl_format(struct media *m, const struct ftl_env *env, const struct ftl_format_params *p)
{
	struct ftl *f;
	int err = ftl_check_geometry(&m->geo, env);

	if (err)
		return err;
	f = ftl_create(m, env);
	if (!f)
		return -ENOMEM;
	err = format(f, p);
	if (!err)
		env->progress(env->ctx, 100);
	ftl_destroy(f);
	return err;
}
