#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# dracut: the driver for flash cards in the initramfs, and what waits for it.
# shellcheck disable=SC2154	# dracut sets moddir

check() {
	# in an image for any machine, and where the root file system needs it
	[[ $hostonly ]] || return 0
	grep -qs '^fio_hal ' /proc/modules && return 0
	return 255
}

depends() {
	return 0
}

installkernel() {
	hostonly='' instmods fio-hal fio-blk
}

install() {
	inst_multiple fio-attach
	inst_multiple -o /etc/modprobe.d/fio-driver.conf
	inst_rules 60-fio-driver.rules
	inst_hook initqueue/settled 10 "$moddir/fio-driver-wait.sh"
}
