// SPDX-License-Identifier: GPL-2.0-only
/*
 * Placement: which stream a unit is written to.
 *
 * Owns: the meaning of the ladder's rungs. Does not know: stripes that are open,
 * room, the collector's choices.
 *
 * Units that die at about the same time should share a stripe: it is then empty
 * or full when it is collected, and little is copied. New data starts on the first
 * rung; each time it survives a collection it moves one rung on.
 */
#include "ftl_priv.h"

/**
 * ftl_place_user() - the stream of user data
 * @f: the instance
 * @lu: logical unit
 *
 * Context: lock held.
 * Return: a stream.
 */
enum ftl_stream ftl_place_user(const struct ftl *f, u64 lu)
{
	return f->rungs ? FTL_LADDER : FTL_USER;
}

/**
 * ftl_place_copy() - the stream of a unit that the collector moves
 * @f: the instance
 * @tag: its tag
 * @from: where it is
 *
 * Context: lock held.
 * Return: a stream.
 */
enum ftl_stream ftl_place_copy(const struct ftl *f, const struct fio_tag *tag, u32 from)
{
	u8 stream = f->stripe[ftl_unit_stripe(f, from)].stream;

	if (!f->rungs)
		return FTL_GC;
	if (tag->type != FIO_TAG_DATA)
		return FTL_META;
	if (stream < FTL_LADDER)
		return FTL_LADDER;
	return min(stream + 1, FTL_LADDER + (int)f->rungs - 1);
}
