// SPDX-License-Identifier: GPL-2.0-only
/*
 * The front end of one card: what the model calls.
 */
#include <unistd.h>

#include "vcard/vfio-user/control.h"
#include "vcard/vfio-user/front.h"
#include "vcard/vfio-user/log.h"
#include "vcard/vfio-user/proto.h"

static int front_dma_read(void *ctx, u64 iova, void *buf, size_t len)
{
	struct vfu_front *f = ctx;

	return vfu_dma_read(&f->dma, iova, buf, len);
}

static int front_dma_write(void *ctx, u64 iova, const void *buf, size_t len)
{
	struct vfu_front *f = ctx;

	return vfu_dma_write(&f->dma, iova, buf, len);
}

static void front_irq(void *ctx, u32 vector)
{
	struct vfu_front *f = ctx;

	vfu_irq_raise(&f->irq, vector);
}

static void front_kick(void *ctx)
{
	struct vfu_front *f = ctx;

	vfu_worker_kick(&f->worker);
}

static void front_log(void *ctx, const char *line)
{
	vfu_log("%s", line);
}

/*
 * The process is the card's power: it ends here, at once. No destructor and no
 * exit handler runs, another thread's next access does not happen.
 */
static void front_power_cut(void *ctx)
{
	vfu_log("power cut: the card is off, its state file holds what was durable");
	vfu_control_last_words();
	_exit(VFU_EXIT_POWER_CUT);
}

const struct vcard_front vfu_front_ops = {
	.dma_read = front_dma_read,
	.dma_write = front_dma_write,
	.irq = front_irq,
	.kick = front_kick,
	.log = front_log,
	.power_cut = front_power_cut,
};

int vfu_front_init(struct vfu_front *f)
{
	int err = vfu_dma_init(&f->dma);

	if (err)
		return err;
	err = vfu_worker_init(&f->worker);
	if (err) {
		vfu_dma_destroy(&f->dma);
		return err;
	}
	vfu_irq_init(&f->irq);
	return 0;
}

void vfu_front_destroy(struct vfu_front *f)
{
	vfu_irq_destroy(&f->irq);
	vfu_worker_destroy(&f->worker);
	vfu_dma_destroy(&f->dma);
}

/* A card has one of the two kinds; QEMU is told which by the count of each. */
int vfu_front_start(struct vfu_front *f, struct vcard *card)
{
	vfu_irq_set_count(&f->irq, vcard_irq_count(card, VCARD_IRQ_MSIX) +
				   vcard_irq_count(card, VCARD_IRQ_MSI));
	return vfu_worker_start(&f->worker, card);
}

void vfu_front_stop(struct vfu_front *f)
{
	vfu_worker_stop(&f->worker);
}
