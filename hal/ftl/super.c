// SPDX-License-Identifier: GPL-2.0-only
/*
 * The superblock: identity of a format and the way to the newest checkpoint.
 *
 * Owns: the system append units, finding the newest copy, writing the next.
 * Does not know: what attach and detach do between two of them.
 */
#include "ftl_priv.h"

static u32 super_crc(struct fio_super *s)
{
	__le32 kept = s->crc;
	u32 crc;

	s->crc = 0;
	crc = ftl_crc32c(0, s, sizeof(*s));
	s->crc = kept;
	return crc;
}

static bool is_super(struct ftl *f, struct fio_super *s)
{
	return f->xslot.cmd->tag[0].type == FIO_TAG_SUPER &&
	       le64_to_cpu(s->magic) == FIO_SUPER_MAGIC &&
	       le32_to_cpu(s->crc) == super_crc(s);
}

/*
 * Proof. Every superblock is written twice before it counts, one copy after the
 * other: to both mirrors or, when one fails, twice to the other. So a copy behind
 * which something was programmed is complete, and one that is the last of all
 * may be torn, was never acted upon, and must be ignored: it may read well now
 * and not next time, when its predecessor has been erased.
 */
#define MAX_TAILS	16

/* The last page of an append unit, if it is a superblock. */
struct tail {
	struct fio_super super;
	u32 au, page;
};

struct find {
	struct tail tail[MAX_TAILS];
	u32 tails;
	u32 last[FTL_SYSTEM_AUS * 256];	/* pages in use, by append unit */
	bool found;
};

static void see_generation(struct ftl *f, const struct fio_super *s, bool first)
{
	u64 gen = le64_to_cpu(s->generation);

	if (first || ftl_seq_after(gen, f->sys_gen))
		f->sys_gen = gen;
}

/* A proven superblock: the newest of them wins. */
static void consider(struct ftl *f, struct find *c, const struct fio_super *s, u32 au)
{
	if (c->found && !ftl_seq_after(le64_to_cpu(s->generation),
				       le64_to_cpu(f->super->generation)))
		return;
	memcpy(f->super, s, sizeof(*s));
	f->sys_found = au / f->geo.dies;
	c->found = true;
}

/* Read on from the first page, holding each superblock back until the next. */
static int scan_pages(struct ftl *f, struct find *c, u32 au)
{
	struct tail *t = &c->tail[c->tails];
	struct media_cmd *cmd = f->xslot.cmd;
	bool held = false;
	u32 page;
	int err;

	for (page = 0; page < f->geo.pages; page++) {
		err = ftl_exec_read(f, au * f->geo.pages + page, true);
		f->rec.bytes_read += FIO_MEDIA_UNIT;
		if (err == -ENODEV)
			return err;
		/* A die that does not answer has not shown that a page was begun. */
		if (cmd->status == MEDIA_ERASED || cmd->status == MEDIA_DIE_OFFLINE)
			break;
		c->last[au] = page + 1;
		if (held)
			consider(f, c, &t->super, au);
		held = !err && is_super(f, f->xslot.buf.va);
		if (!held && !page)
			return 0;
		if (!held)
			continue;
		memcpy(&t->super, f->xslot.buf.va, sizeof(t->super));
		t->au = au;
		t->page = page;
		see_generation(f, &t->super, !c->tails && !c->found && !page);
	}
	c->tails += held && c->tails < MAX_TAILS - 1;
	return 0;
}

static int scan_au(struct ftl *f, struct find *c, u32 au)
{
	int err;

	if (!ftl_exec_get(f))
		return -ENODEV;
	err = scan_pages(f, c, au);
	ftl_exec_put(f);
	return err;
}

static bool has_twin(const struct find *c, const struct tail *t)
{
	u32 i;

	for (i = 0; i < c->tails; i++)
		if (c->tail[i].au != t->au &&
		    c->tail[i].super.generation == t->super.generation)
			return true;
	return false;
}

/* On the first mirror: was the second one's page begun? */
static bool mirrored(const struct ftl *f, const struct find *c, const struct tail *t)
{
	u32 d0 = le32_to_cpu(t->super.sys_die[0]), d1 = le32_to_cpu(t->super.sys_die[1]);

	return d0 != d1 && d1 < f->geo.dies && t->au % f->geo.dies == d0 &&
	       c->last[t->au - d0 + d1] > t->page;
}

/*
 * The other mirror is on a die that does not answer; or this is the second one, and the
 * first one's page was programmed, before, but cannot be read any more.
 */
static bool lost_other(const struct ftl *f, const struct find *c, const struct tail *t)
{
	u32 d0 = le32_to_cpu(t->super.sys_die[0]), d1 = le32_to_cpu(t->super.sys_die[1]);
	u32 die = t->au % f->geo.dies, other = die == d0 ? d1 : d0, au = t->au - die + other;

	if (d0 == d1 || other >= f->geo.dies)
		return false;
	return f->au[au] & FTL_AU_OFFLINE || (die == d1 && c->last[au] > t->page);
}

/*
 * What reads well twice was programmed to its end, and is proof enough: it will be
 * there next time as well.
 */
static bool stands_alone(struct ftl *f, const struct find *c, const struct tail *t)
{
	bool same;

	if (!lost_other(f, c, t))
		return false;
	if (!ftl_exec_get(f))
		return false;
	same = !ftl_exec_read(f, t->au * f->geo.pages + t->page, true) &&
	       !memcmp(f->xslot.buf.va, &t->super, sizeof(t->super));
	ftl_exec_put(f);
	return same;
}

static void judge_tails(struct ftl *f, struct find *c)
{
	u32 i;

	for (i = 0; i < c->tails; i++)
		if (has_twin(c, &c->tail[i]) || mirrored(f, c, &c->tail[i]) ||
		    stands_alone(f, c, &c->tail[i]))
			consider(f, c, &c->tail[i].super, c->tail[i].au);
}

/**
 * ftl_super_find() - the newest superblock on the medium, into f->super
 * @f: the instance, append units reported
 *
 * Context: attach, format.
 * Return: 0; -ENOMEDIUM: there is none; -ENODEV.
 */
int ftl_super_find(struct ftl *f)
{
	u32 i, n = min(f->geo.aus, FTL_SYSTEM_AUS) * f->geo.dies;
	struct find *c = ftl_alloc(f, sizeof(*c), FTL_MEM_SCAN);
	int err = c ? 0 : -ENOMEM;

	f->sys_found = FTL_NONE;
	for (i = 0; !err && i < n; i++)
		if (!(f->au[i] & FTL_AU_ERASED))
			err = scan_au(f, c, i);
	if (!err) {
		judge_tails(f, c);
		err = c->found ? 0 : -ENOMEDIUM;
	}
	ftl_free(f, c, sizeof(*c), FTL_MEM_SCAN);
	return err;
}

static bool au_good(const struct ftl *f, u32 au, u32 die)
{
	return !(f->au[ftl_au_index(f, au, die)] & FTL_AU_BAD);
}

/* The first two AU numbers good on both dies. */
static bool place_on(struct ftl *f, u32 d0, u32 d1)
{
	u32 au, n = 0;

	for (au = 0; au < min(f->geo.aus, FTL_SYSTEM_AUS) && n < 2; au++)
		if (au_good(f, au, d0) && au_good(f, au, d1))
			f->sys_au[n++] = au;
	f->sys_die[0] = d0;
	f->sys_die[1] = d1;
	f->sys_mirrors = d0 == d1 ? 1 : 2;
	return n == 2;
}

/**
 * ftl_super_place() - choose the system append units of a new format
 * @f: the instance, append units reported
 *
 * Context: format.
 * Return: 0, or -ENOSPC: too many are bad.
 */
int ftl_super_place(struct ftl *f)
{
	u32 a, b;

	for (a = 0; a < f->geo.dies; a++)
		for (b = a + 1; b < f->geo.dies; b++)
			if (place_on(f, a, b))
				return 0;
	for (a = 0; a < f->geo.dies; a++)
		if (place_on(f, a, a))
			return 0;
	ftl_say(f, FTL_ERR, "no die has two good append units below %u for the superblock",
		FTL_SYSTEM_AUS);
	return -ENOSPC;
}

/* Take the system append units out of their stripes. */
void ftl_super_claim(struct ftl *f)
{
	u32 p, m;

	for (p = 0; p < 2; p++)
		for (m = 0; m < f->sys_mirrors; m++)
			f->au[ftl_au_index(f, f->sys_au[p], f->sys_die[m])] |= FTL_AU_SYSTEM;
}

static int check_shape(struct ftl *f, const struct fio_super *s)
{
	if (le32_to_cpu(s->dies) == f->geo.dies && le32_to_cpu(s->aus) == f->geo.aus &&
	    le32_to_cpu(s->pages) == f->geo.pages)
		return 0;
	ftl_say(f, FTL_ERR, "formatted as %u x %u x %u units, the medium is %u x %u x %u: format it again",
		le32_to_cpu(s->dies), le32_to_cpu(s->aus), le32_to_cpu(s->pages),
		f->geo.dies, f->geo.aus, f->geo.pages);
	return -EINVAL;
}

static int check_system(struct ftl *f, const struct fio_super *s)
{
	u32 i, au, die;

	for (i = 0; i < 2; i++) {
		au = le32_to_cpu(s->sys_au[i]);
		die = le32_to_cpu(s->sys_die[i]);
		if (au >= min(f->geo.aus, FTL_SYSTEM_AUS) || die >= f->geo.dies)
			return -EINVAL;
		f->sys_au[i] = au;
		f->sys_die[i] = die;
	}
	f->sys_mirrors = f->sys_die[0] == f->sys_die[1] ? 1 : 2;
	f->sys_pair = f->sys_found == f->sys_au[0] ? 0 : 1;
	return f->sys_au[0] == f->sys_au[1] ? -EINVAL : 0;
}

static int check_version(struct ftl *f, const struct fio_super *s)
{
	u32 version = le32_to_cpu(s->version);

	if (version >= FIO_MEDIA_VERSION_OLDEST && version <= FIO_MEDIA_VERSION &&
	    !(le32_to_cpu(s->features.incompat) & ~FIO_INCOMPAT_KNOWN))
		return 0;
	ftl_say(f, FTL_ERR, "media format version %u with features %x is not known to this driver (versions %u to %u): use a newer one",
		version, le32_to_cpu(s->features.incompat), FIO_MEDIA_VERSION_OLDEST,
		FIO_MEDIA_VERSION);
	return -EPROTONOSUPPORT;
}

/* The medium must be able to go on with what the format has. */
static int check_parity(struct ftl *f, const struct fio_super *s)
{
	bool on = le32_to_cpu(s->features.incompat) & FIO_INCOMPAT_PARITY;

	if (on && !ftl_can_have_parity(&f->m->geo)) {
		ftl_say(f, FTL_ERR, "the format has parity, and this medium cannot compute it (%u dies, sums of %u stripes): attach it to a card that can, or format it without",
			f->m->geo.dies, f->m->geo.xor_groups);
		return -EPROTONOSUPPORT;
	}
	ftl_set_parity(f, on);
	return 0;
}

static int check_values(struct ftl *f, const struct fio_super *s)
{
	u32 bytes = le32_to_cpu(s->lba_bytes);
	u64 units = le64_to_cpu(s->user_units);

	if ((bytes == 512 || bytes == FIO_MEDIA_UNIT) && units && units < f->total_units &&
	    units <= (u64)FIO_SUPER_DIRS << 20 && !check_system(f, s))
		return 0;
	ftl_say(f, FTL_ERR, "the superblock makes no sense (%u byte blocks, %llu units): format it again",
		bytes, (unsigned long long)units);
	return -EINVAL;
}

/**
 * ftl_super_check() - can this driver attach what f->super describes
 * @f: the instance
 *
 * Takes over identity and the place of the system append units.
 *
 * Context: attach.
 * Return: 0 or -errno.
 */
int ftl_super_check(struct ftl *f)
{
	const struct fio_super *s = f->super;
	int err = check_version(f, s);

	if (!err)
		err = check_shape(f, s);
	if (!err)
		err = check_values(f, s);
	if (err)
		return err;
	if (le32_to_cpu(s->state) == FIO_SUPER_FORMATTING) {
		ftl_say(f, FTL_ERR, "the last format did not finish: format again");
		return -ENOMEDIUM;
	}
	err = check_parity(f, s);
	if (err)
		return err;
	f->media_id = le32_to_cpu(s->media_id);
	f->lba_bytes = le32_to_cpu(s->lba_bytes);
	f->lba_shift = f->lba_bytes == 512 ? 3 : 0;
	f->user_units = le64_to_cpu(s->user_units);
	f->seq = le64_to_cpu(s->seq);
	f->st.units_written_life = le64_to_cpu(s->units_written);
	return 0;
}

static u32 sys_unit(const struct ftl *f, u32 mirror)
{
	return ftl_au_index(f, f->sys_au[f->sys_pair], f->sys_die[mirror]) * f->geo.pages;
}

static int erase_mirror(struct ftl *f, u32 mirror)
{
	struct media_cmd *cmd = ftl_exec_get(f);
	u32 unit = sys_unit(f, mirror);
	u8 *au = &f->au[ftl_unit_au(f, unit)];
	int err;

	if (!cmd)
		return -ENODEV;
	cmd->unit[0] = unit;
	ftl_cmd_init(cmd, MEDIA_RESET, 1);
	err = *au & FTL_AU_BAD ? -EIO : ftl_exec(f);
	ftl_exec_put(f);
	*au &= ~(FTL_AU_STOP | FTL_AU_ERASED);
	if (err == -EIO && !(*au & FTL_AU_BAD)) {
		*au |= FTL_AU_BAD;
		ftl_say(f, FTL_WARN, "system append unit %u of die %u cannot be erased",
			f->sys_au[f->sys_pair], f->sys_die[mirror]);
	}
	return err == -ENODEV ? err : 0;
}

/**
 * ftl_super_begin() - continue in the other pair of system append units
 * @f: the instance; sys_pair: the pair with the newest superblock
 *
 * Context: worker.
 * Return: 0 or -ENODEV.
 */
int ftl_super_begin(struct ftl *f)
{
	u32 m;
	int err = 0;

	f->sys_pair = !f->sys_pair;
	f->sys_page = 0;
	f->sys_proven = false;
	for (m = 0; !err && m < f->sys_mirrors; m++)
		err = erase_mirror(f, m);
	return err;
}

static int write_mirror(struct ftl *f, u32 mirror)
{
	struct media_cmd *cmd = ftl_exec_get(f);
	u32 unit = sys_unit(f, mirror);
	u8 *au = &f->au[ftl_unit_au(f, unit)];
	int err;

	if (!cmd)
		return -ENODEV;
	memcpy(f->xslot.buf.va, f->super, sizeof(*f->super));
	memset(&cmd->tag[0], 0, sizeof(cmd->tag[0]));
	cmd->tag[0].type = FIO_TAG_SUPER;
	cmd->tag[0].seq = f->super->seq;
	cmd->tag[0].media_id = f->super->media_id;
	cmd->unit[0] = unit;
	ftl_cmd_init(cmd, MEDIA_APPEND, 1);
	cmd->buf = &f->xslot.buf;
	cmd->flags = MEDIA_F_FUA;
	err = *au & (FTL_AU_BAD | FTL_AU_STOP) ? -EIO : ftl_exec(f);
	ftl_exec_put(f);
	if (err)
		*au |= FTL_AU_STOP;
	return err;
}

/* A copy on each mirror; when one fails, a second on the other. */
static int write_mirrors(struct ftl *f)
{
	u32 m, good = 0, copies = 0;
	int err;

	if (f->sys_page + 2 > f->geo.pages)
		return -EIO;
	for (m = 0; m < f->sys_mirrors; m++) {
		err = write_mirror(f, m);
		if (err == -ENODEV)
			return err;
		if (err) {
			ftl_say(f, FTL_WARN, "superblock not written to die %u", f->sys_die[m]);
			continue;
		}
		good = m;
		copies++;
	}
	f->sys_page++;
	if (copies == 1) {
		f->sys_page++;
		copies += !write_mirror(f, good);
	}
	f->sys_proven |= copies == 2;
	return copies == 2 ? 0 : -EIO;
}

static void fill_super(struct ftl *f, enum fio_super_state state)
{
	struct fio_super *s = f->super;
	unsigned long flags = ftl_lock(&f->lock);

	s->seq = cpu_to_le64(f->seq);
	s->units_written = cpu_to_le64(f->st.units_written_life + ftl_units_fast(f));
	s->user_units_written = cpu_to_le64(f->place.clock);
	s->group_seq = cpu_to_le64(f->group.proved);
	s->group_drops = cpu_to_le32(f->group.drops);
	ftl_unlock(&f->lock, flags);
	s->version = cpu_to_le32(FIO_MEDIA_VERSION);
	s->state = cpu_to_le32(state);
	s->generation = cpu_to_le64(++f->sys_gen);
	if (state != FIO_SUPER_CLEAN) {
		s->dirs = 0;
		s->root = cpu_to_le32(FIO_UNIT_NONE);
		memset(s->dir, 0xff, sizeof(s->dir));
	}
	s->crc = cpu_to_le32(super_crc(s));
}

/**
 * ftl_super_write() - make a new state the newest, durably
 * @f: the instance
 * @state: enum fio_super_state; for CLEAN dirs and dir[] are set
 *
 * Context: worker.
 * Return: 0 or -errno.
 */
int ftl_super_write(struct ftl *f, enum fio_super_state state)
{
	int err;

	fill_super(f, state);
	err = write_mirrors(f);
	if (err == -EIO && f->sys_proven) {
		/* Full, or it failed: the other pair holds older ones only. */
		err = ftl_super_begin(f);
		if (!err)
			err = write_mirrors(f);
	}
	if (err)
		ftl_say(f, FTL_ERR, "the superblock cannot be written (%d)", err);
	return err;
}
