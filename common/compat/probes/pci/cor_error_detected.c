// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drivers hear of correctable PCIe errors.
 * 6.2, "PCI/AER: Add optional logging callback for correctable error".
 */
#include <linux/pci.h>

static void probe_error(struct pci_dev *pdev)
{
}

const struct pci_error_handlers fio_probe = {
#if PROBE_NEW
	.cor_error_detected = probe_error,
#else
	.resume = probe_error,
#endif
};
