// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts.
 *
 * Owns: vectors and handlers. Does not know what a completion or an event means.
 *
 * Vector 0 carries mailbox, events and fatal errors, and keeps out of the
 * affinity spreading; each queue has a vector of its own near its CPUs. With
 * fewer vectors than queues there are fewer queues; with a single one (plain MSI
 * and no interrupt remapping) vector 0 serves all queues.
 *
 * Interrupts are edges, so a handler that finds nothing says IRQ_NONE; a lost one
 * is found by the watchdog (reset.c).
 */

#include <linux/interrupt.h>

#include "card.h"
#include "chan.h"

#define IRQ_MODE_MSI	2
#define IRQ_MODE_MSIX	3

static void admin_causes(struct fio_card *card, u32 cause)
{
	/* Clear first, then look: what happens in between raises the edge anew. */
	fio_reg_write(card, FIO_REG_INT_CAUSE, cause);
	if (cause & FIO_INT_MBOX)
		complete(&card->mbox.done);
	if (cause & FIO_INT_EVENT)
		schedule_work(&card->event_work);
	if (cause & FIO_INT_FATAL)
		fio_card_fatal(card);
}

static irqreturn_t admin_irq(int irq, void *data)
{
	struct fio_card *card = data;
	int reaped = 0;
	u32 cause;

	if (READ_ONCE(card->frozen))
		return IRQ_NONE;
	cause = fio_reg_read(card, FIO_REG_INT_CAUSE);
	if (cause == ~0U)
		return IRQ_NONE;
	if (cause)
		admin_causes(card, cause);
	if (card->irq_vectors == 1)
		reaped = fio_chan_reap_all(card);
	return cause || reaped ? IRQ_HANDLED : IRQ_NONE;
}

static irqreturn_t queue_irq(int irq, void *data)
{
	return fio_queue_reap(data) ? IRQ_HANDLED : IRQ_NONE;
}

/**
 * fio_irq_alloc() - get vectors
 * @card: the card
 * @queues: queues wanted
 * Context: process.
 * Return: queues that can be served, at least 1; or -errno.
 */
int fio_irq_alloc(struct fio_card *card, u32 queues)
{
	struct irq_affinity affinity = { .pre_vectors = 1 };
	int n;

	n = pci_alloc_irq_vectors_affinity(card->pdev, 1, queues + 1,
					   PCI_IRQ_MSIX | PCI_IRQ_MSI |
					   PCI_IRQ_AFFINITY, &affinity);
	if (n < 0) {
		fio_err(card, "no interrupt vector to be had (%d)", n);
		return n;
	}
	card->irq_vectors = n;
	card->irq_mode = card->pdev->msix_enabled ? IRQ_MODE_MSIX : IRQ_MODE_MSI;
	return n == 1 ? queues : min_t(u32, queues, n - 1);
}

/**
 * fio_irq_request() - install the handlers
 * @card: the card; its channel exists
 * Context: process.
 * Return: 0 or -errno; fio_irq_free() cleans up after both.
 */
int fio_irq_request(struct fio_card *card)
{
	u32 i, vectors = card->irq_vectors == 1 ? 0 : card->chan->queues;
	int err;

	err = pci_request_irq(card->pdev, 0, admin_irq, NULL, card, "%s", card->name);
	if (err)
		return err;
	card->irq_requested = 1;
	for (i = 0; i < vectors; i++) {
		err = pci_request_irq(card->pdev, i + 1, queue_irq, NULL,
				      &card->chan->queue[i], "%s-q%u", card->name, i);
		if (err)
			return err;
		card->irq_requested++;
	}
	return 0;
}

/**
 * fio_irq_free() - remove handlers and vectors, however many there are
 * @card: the card
 * Context: process.
 */
void fio_irq_free(struct fio_card *card)
{
	u32 i;

	for (i = 1; i < card->irq_requested; i++)
		pci_free_irq(card->pdev, i, &card->chan->queue[i - 1]);
	if (card->irq_requested)
		pci_free_irq(card->pdev, 0, card);
	card->irq_requested = 0;
	if (card->irq_mode)
		pci_free_irq_vectors(card->pdev);
	card->irq_mode = 0;
}

/**
 * fio_irq_queue_vector() - which vector tells of a queue's completions
 * @card: the card
 * @queue: queue number
 * Return: vector number.
 */
u32 fio_irq_queue_vector(struct fio_card *card, u32 queue)
{
	return card->irq_vectors == 1 ? 0 : queue + 1;
}

/**
 * fio_irq_queue_cpus() - CPUs that take a queue's interrupts
 * @card: the card
 * @queue: queue number
 * Return: a mask, or NULL: any CPU.
 */
const struct cpumask *fio_irq_queue_cpus(struct fio_card *card, u32 queue)
{
	if (card->irq_vectors <= 1)
		return NULL;
	return pci_irq_get_affinity(card->pdev, fio_irq_queue_vector(card, queue));
}
