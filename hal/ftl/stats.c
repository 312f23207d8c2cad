// SPDX-License-Identifier: GPL-2.0-only
/*
 * What others may know of an instance.
 *
 * Owns: the answers to ftl_get_*(). Does not know: who asks.
 */
#include "ftl_priv.h"

void ftl_get_info(const struct ftl *f, struct ftl_info *info)
{
	memset(info, 0, sizeof(*info));
	memcpy(info->uuid, f->super->uuid, sizeof(info->uuid));
	info->lba_bytes = f->lba_bytes;
	info->max_blocks = FTL_MAX_UNITS << f->lba_shift;
	info->atomic_blocks = f->group.max << f->lba_shift;
	info->blocks = f->user_units << f->lba_shift;
	info->user_units = f->user_units;
	info->parity = ftl_has_parity(f);
	info->format_version = le32_to_cpu(f->super->version);
	info->format_time = le64_to_cpu(f->super->format_time);
	info->attach_count = le64_to_cpu(f->super->attach_count);
}

void ftl_get_stats(struct ftl *f, struct ftl_stats *st)
{
	unsigned long flags = ftl_lock(&f->lock);
	u32 i;

	*st = f->st;
	st->user_units_read = ftl_units_read(f);
	st->user_units_written += ftl_units_fast(f);
	st->units_written_life += ftl_units_fast(f);
	for (i = 0; i < f->geo.aus; i++) {
		st->stripes_free += f->stripe[i].state == FTL_S_FREE ||
				    f->stripe[i].state == FTL_S_READY;
		st->stripes_open += f->stripe[i].state == FTL_S_OPEN;
	}
	st->reserve_permille = ftl_reserve_left(f) / 10;
	ftl_unlock(&f->lock, flags);
	st->stripes = f->geo.aus;
	st->stripes_bad_aus = f->bad_aus;
	st->read_only = f->read_only;
	st->read_only_reason = f->read_only_reason;
}

void ftl_get_recovery(const struct ftl *f, struct ftl_recovery *rec)
{
	*rec = f->rec;
}
