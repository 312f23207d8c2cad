// SPDX-License-Identifier: GPL-2.0-only
/*
 * A card made for the tests of the vfio-user server. It implements the card
 * model's interface and nothing of a card.
 */
#include <stdio.h>
#include <stdlib.h>

#include "test_vfu_card.h"

struct vcard *vcard_create(const struct vcard_config *cfg, const struct vcard_front *front,
			   void *ctx, char *err, size_t err_len)
{
	struct vcard *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->front = front;
	c->ctx = ctx;
	memcpy(c->config, "\xed\x1a\x05\x10", 4);
	return c;
}

void vcard_close(struct vcard *c)
{
	free(c);
}

void vcard_config_read(struct vcard *c, u32 off, void *buf, u32 len)
{
	memcpy(buf, c->config + off, len);
}

void vcard_config_write(struct vcard *c, u32 off, const void *buf, u32 len)
{
	memcpy(c->config + off, buf, len);
}

u64 vcard_bar_size(const struct vcard *c, u32 bar)
{
	if (bar == 0)
		return TC_BAR0_SIZE;
	return bar == 2 ? TC_BAR2_SIZE : 0;
}

int vcard_bar_read(struct vcard *c, u32 bar, u64 off, void *buf, u32 len)
{
	u32 word;

	if (bar || len != sizeof(word) || off % sizeof(word))
		return -EINVAL;
	word = atomic_load(&c->word[off / sizeof(word)]);
	memcpy(buf, &word, sizeof(word));
	return 0;
}

int vcard_bar_write(struct vcard *c, u32 bar, u64 off, const void *buf, u32 len)
{
	u32 word;

	if (bar || len != sizeof(word) || off % sizeof(word))
		return -EINVAL;
	memcpy(&word, buf, sizeof(word));
	if (off / sizeof(word) == TC_GO)
		atomic_store(&c->word[TC_RESULT], TC_RESULT_NONE);
	atomic_store(&c->word[off / sizeof(word)], word);
	if (off / sizeof(word) == TC_GO)
		c->front->kick(c->ctx);
	return 0;
}

u32 vcard_irq_count(const struct vcard *c, enum vcard_irq_mode mode)
{
	return mode == VCARD_IRQ_MSIX ? TC_VECTORS : 0;
}

void vcard_reset(struct vcard *c, enum vcard_reset kind)
{
	if (kind == VCARD_RESET_BUS)
		atomic_fetch_add(&c->resets, 1);
}

static u64 address(struct vcard *c, u32 lo)
{
	return atomic_load(&c->word[lo]) | (u64)atomic_load(&c->word[lo + 1]) << 32;
}

static int copy(struct vcard *c)
{
	u32 len = atomic_load(&c->word[TC_LEN]);
	void *buf = len <= TC_MAX_COPY ? malloc(len) : NULL;
	int err;

	if (!buf)
		return -ENOMEM;
	err = c->front->dma_read(c->ctx, address(c, TC_SRC_LO), buf, len);
	if (!err)
		err = c->front->dma_write(c->ctx, address(c, TC_DST_LO), buf, len);
	free(buf);
	return err;
}

/* The result is there before the interrupt is. */
s64 vcard_run(struct vcard *c, u64 now_ns)
{
	atomic_fetch_add(&c->runs, 1);
	if (atomic_exchange(&c->word[TC_GO], 0)) {
		atomic_store(&c->word[TC_RESULT], -copy(c));
		c->front->irq(c->ctx, atomic_load(&c->word[TC_VECTOR]));
	}
	return -1;
}

int vcard_control(struct vcard *c, const char *cmd, char *out, size_t out_len)
{
	if (!strcmp(cmd, "stats")) {
		snprintf(out, out_len, "{\"ok\":true,\n\"runs\":[1,2]}");
		return 0;
	}
	if (!strcmp(cmd, "power-cut")) {
		c->front->power_cut(c->ctx);
		return 0;
	}
	snprintf(out, out_len, "{\"ok\":false,\"error\":\"no %s\"}", cmd);
	return -EINVAL;
}
