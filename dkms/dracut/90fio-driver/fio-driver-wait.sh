#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs in dracut's loop while the root device is not there. The loop gives up after
# some turns; a turn lasts as long as a card attaches. Its progress is shown.
if [ -e /sys/bus/pci/drivers/fio-hal ]; then
	fio-attach --wait >/dev/console 2>&1
	udevadm settle --timeout=10
fi
