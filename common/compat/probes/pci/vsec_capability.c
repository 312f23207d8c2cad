// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vendor-specific extended capability is found by the PCI core.
 * 5.13, "PCI: Add pci_find_vsec_capability() to find a specific VSEC".
 */
#include <linux/pci.h>

int fio_probe(struct pci_dev *pdev);
int fio_probe(struct pci_dev *pdev)
{
#if PROBE_NEW
	return pci_find_vsec_capability(pdev, 1, 1);
#else
	return pci_find_next_ext_capability(pdev, 0, PCI_EXT_CAP_ID_VNDR);
#endif
}
