// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function-level reset and the question whether there is one are one call.
 * 5.15, "PCI: Add pcie_reset_flr() with 'probe' argument".
 */
#include <linux/pci.h>

int fio_probe(struct pci_dev *pdev);
int fio_probe(struct pci_dev *pdev)
{
#if PROBE_NEW
	return pcie_reset_flr(pdev, PCI_RESET_DO_RESET);
#else
	return pcie_has_flr(pdev) ? pcie_flr(pdev) : -ENOTTY;
#endif
}
