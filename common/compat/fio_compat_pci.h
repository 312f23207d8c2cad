/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the PCI layers of kernels differ; for hal/ alone.
 */
#ifndef FIO_COMPAT_PCI_H
#define FIO_COMPAT_PCI_H

#include <linux/pci.h>

#include "fio_compat.h"

/* Without the callback nobody can count them: the value is unknown, not zero. */
#if FIO_HAVE_COR_ERROR_DETECTED
#define FIO_COR_ERROR_DETECTED(fn)	.cor_error_detected = (fn),
#else
#define FIO_COR_ERROR_DETECTED(fn)
#endif

#if !FIO_HAVE_VSEC_CAPABILITY
static inline u16 pci_find_vsec_capability(struct pci_dev *pdev, u16 vendor,
					   int id)
{
	u32 header;
	int pos = 0;

	/* the meaning of an id is up to the vendor of the device */
	if (pdev->vendor != vendor)
		return 0;
	while ((pos = pci_find_next_ext_capability(pdev, pos,
						   PCI_EXT_CAP_ID_VNDR))) {
		pci_read_config_dword(pdev, pos + PCI_VNDR_HEADER, &header);
		if (PCI_VNDR_HEADER_ID(header) == id)
			return pos;
	}
	return 0;
}
#endif

#if !FIO_HAVE_RESET_FLR
#define PCI_RESET_DO_RESET	false

static inline int pcie_reset_flr(struct pci_dev *pdev, bool probe)
{
	if (!pcie_has_flr(pdev))
		return -ENOTTY;
	return probe ? 0 : pcie_flr(pdev);
}
#endif

#endif /* FIO_COMPAT_PCI_H */
