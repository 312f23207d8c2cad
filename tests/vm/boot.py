#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
A machine whose root file system lies on the card, and one that has to wait for it.

  boot.py [--json FILE]

An installed Debian with this project's packages (ci/boot-root) is written to a
partition of /dev/fioa and booted from there by its own initramfs: names, links,
volume group and array are looked at. Then attaches are made to last longer than
anything waits by itself (the first reads of the card get no answer until the driver
has reset it): the root file system is waited for in the initramfs, file systems on a
card are waited for by fio-attach.service, and without that service the same boot
ends in emergency mode, so that the check is seen to check something.

It knows what is to hold; the machinery is in vm.py and run.py.
"""
import argparse
import subprocess
import sys
import time
from pathlib import Path

import run
import vm
from run import CheckFailed

SERIAL = "BOOT-4711"
BY_ID = f"/dev/disk/by-id/fio-{SERIAL}"
LAYOUT = ("label: gpt\n1: size=2G, name=fioroot\n2: size=256M, name=fiodata\n3: size=256M, name=fiolvm\n"
          "4: size=64M\n5: size=64M\n")
# longer than the 30 s of initramfs-tools and the 20 s of /data in the image's fstab
STALL = 60
SLOW = {"fault": "timeout op=read"}


def mounted(where, device):
    """A shell condition: by whatever link it was named"""
    return f'[ "$(readlink -f "$(findmnt -no SOURCE {where})")" = /dev/{device} ]'


class Boot(run.Run):
    def __init__(self, options):
        super().__init__(options)
        self.logs = vm.BUILD / "log" / f"boot-{options.kernel}"
        self.image = vm.BUILD / "boot/root.img"

    def drive(self):
        return ["-drive", f"file={self.image},format=raw,if=none,id=root,snapshot=on",
                "-device", "virtio-blk-pci,drive=root"]

    def start(self, label, title, root, extra=(), append="", limit=300, initrd="initrd", **card_options):
        """The installed system, from one disk or the other."""
        self.close()
        with self.step(label, title) as result:
            self.card.start(**card_options)
            self.guest = vm.Guest(self.kernel, vm.BUILD / "boot" / initrd, self.logs, label, [self.card],
                                  extra=extra, append=f"root={root} rw {append}")
            self.guests.append(self.guest)
            result["detail"] = f"{self.guest.boot(limit):.1f} s to the first command"

    def shut_down(self):
        self.guest.ports["agent"].ours.sendall(b"R systemctl poweroff\n")
        try:
            self.guest.process.proc.wait(120)
        except subprocess.TimeoutExpired:
            raise vm.VmError(f"the guest did not shut down\n{self.guest.post_mortem()}") from None
        self.card.stop()
        self.guest = None

    def holds(self, ident, title, command, detail=str.strip, limit=120):
        return self.command(ident, title, command, limit, detail)

    # --- steps -----------------------------------------------------------------------

    def write_card(self):
        """By the small guest of the other checks: it has the image as a second disk."""
        self.card.erase()
        self.initrd = self.kernel.initrd()
        with self.step("write", "the system onto a partition of the card") as result:
            self.card.start(serial=SERIAL)
            self.guest = vm.Guest(self.kernel, self.initrd, self.logs, "write", [self.card],
                                  extra=self.drive())
            self.guests.append(self.guest)
            self.guest.boot()
            self.guest.run("sh /check/newcard && sh /check/up && modprobe virtio_pci && modprobe virtio_blk && "
                           "waitdev /dev/vda 60", limit=180, check=True)
            layout = LAYOUT.replace("\n", "\\n")
            # the small guest has no such programs, the system to be written has
            self.guest.run("mount -o ro /dev/vda /mnt && mount --bind /dev /mnt/dev && "
                           f"printf '{layout}' | chroot /mnt sfdisk -q /dev/fioa && waitdev /dev/fioa5 60", check=True)
            r = self.guest.run("chroot /mnt dd if=/dev/vda of=/dev/fioa1 bs=1M conv=sparse,fsync 2>&1 && "
                               "umount /mnt/dev /mnt && mkfs.ext4 -q -L fiodata /dev/fioa2", limit=600, check=True)
            result["detail"] = r.out.strip().splitlines()[-1]
        self.orderly_off()

    def first_boot(self):
        self.start("boot", "boots from the card, by its initramfs", f"{BY_ID}-part1", serial=SERIAL)
        self.holds("root", "the root file system is on /dev/fioa1",
                   mounted("/", "fioa1") + " && findmnt -no SOURCE,FSTYPE,OPTIONS /")
        self.holds("settled", "the boot ends without a failed unit",
                   "systemctl is-system-running --wait || { systemctl --failed --no-legend; false; }", limit=300)
        links = [f"{BY_ID}:fioa", f"{BY_ID}-part1:fioa1", f"{BY_ID}-part5:fioa5",
                 "/dev/disk/by-id/fio-$(cat /sys/block/fioa/uuid):fioa",
                 "/dev/disk/by-id/fio-$(cat /sys/block/fioa/uuid)-part2:fioa2",
                 "/dev/disk/by-path/pci-0000:01:00.0-fio:fioa", "/dev/disk/by-path/pci-0000:01:00.0-fio-part3:fioa3",
                 "/dev/disk/by-label/fiodata:fioa2", "/dev/disk/by-partlabel/fiolvm:fioa3",
                 "/dev/disk/by-uuid/$(blkid -o value -s UUID /dev/fioa2):fioa2",
                 "/dev/disk/by-partuuid/$(blkid -o value -s PARTUUID /dev/fioa4):fioa4"]
        self.holds("links", "stable names of disk and partitions",
                   "udevadm settle; for l in " + " ".join(links) + "; do "
                   "[ \"$(readlink -f ${l%:*})\" = /dev/${l##*:} ] || { echo ${l%:*} is not ${l##*:}; exit 1; }; "
                   "done; ls /dev/disk/by-id | tr '\\n' ' '")
        self.holds("quiet", "no rule for the card runs a program",
                   "udevadm info -q property /dev/fioa | grep -E '^(ID_SERIAL|ID_MODEL|FIO_)' && "
                   "! udevadm test /sys/block/fioa 2>&1 | grep -i '^run:'")
        self.holds("volumes", "a volume group and an array are made on other partitions",
                   "pvcreate -q /dev/fioa3 && vgcreate -q vgf /dev/fioa3 && lvcreate -q -y -L 64M -n lv vgf && "
                   "mkfs.ext4 -q /dev/vgf/lv && mdadm --create /dev/md/flash --run --level=1 --raid-devices=2 "
                   "--metadata=1.2 /dev/fioa4 /dev/fioa5 2>&1 && mkfs.ext4 -q -L fiomd /dev/md/flash && "
                   "mkdir /lv /md && echo '/dev/vgf/lv /lv ext4 defaults 0 2' >>/etc/fstab && "
                   "echo 'LABEL=fiomd /md ext4 defaults 0 2' >>/etc/fstab", detail=None, limit=240)
        self.shut_down()

    def second_boot(self):
        self.start("again", "boots again, after an orderly end", f"{BY_ID}-part1")
        self.holds("found", "volume group and array are found and mounted",
                   "findmnt -no SOURCE,TARGET /lv && findmnt -no SOURCE,TARGET /md && findmnt -no SOURCE,TARGET /data")
        self.command("load", "power is cut in the middle of writes", "(while :; do dd if=/dev/urandom of=/data/x bs=64k "
                     "count=256 conv=fsync 2>/dev/null; done) >/dev/null 2>&1 & sync; ls /data")
        self.guest.power_cut(torn=True)
        self.guest = None

    def wait_in_initramfs(self, label, initrd):
        self.start(label, f"{label}: root on a card that needs {STALL} s to attach", f"{BY_ID}-part1",
                   append=f"fio_hal.command_timeout={STALL}", limit=400, initrd=initrd, **SLOW)
        self.holds(label + ".wait", "the initramfs has waited and said so",
                   "dmesg | grep -E 'fct0: (recovered|.*-> attached)' && " + mounted("/", "fioa1") + " && "
                   + mounted("/data", "fioa2") + " && findmnt -no SOURCE /lv && findmnt -no SOURCE /md",
                   detail=lambda out: out.splitlines()[0])
        with self.step(label + ".told", "the console shows the progress of the attach") as result:
            text = self.guest.console_log.read_text(errors="replace")
            lines = [x.strip() for x in text.splitlines() if "/dev/fct0" in x]
            if not any("Waiting for /dev/fct0 to attach" in x for x in lines):
                raise CheckFailed("nothing about it on the console")
            result["detail"] = "; ".join(lines[:3])
        self.shut_down()

    def wait_by_service(self):
        slow = f"fio_hal.command_timeout={STALL}"
        self.start("data", f"root elsewhere, /data on a card that needs {STALL} s", "/dev/vda",
                   extra=self.drive(), append=slow, limit=400, **SLOW)
        self.holds("mounted", "/data is mounted, the boot was not given up",
                   mounted("/data", "fioa2") + " && ! systemctl -q is-active emergency.target && "
                   "journalctl -b -u fio-attach -o cat | grep -E 'Waiting|Attaching' | tr '\\n' ' '")
        self.shut_down()
        self.start("control", "the same without fio-attach.service", "/dev/vda", extra=self.drive(),
                   append=slow + " systemd.mask=fio-attach.service", limit=400, **SLOW)
        self.holds("emergency", "ends in emergency mode: the service is what prevents it",
                   "systemctl -q is-active emergency.target && ! findmnt /data && echo emergency")
        self.close()

    def check_log(self):
        with self.step("log", "no warning, oops or lockdep line in any kernel log") as result:
            bad = [f"{g.label}: {line}" for g in self.guests for line in g.bad_kernel_lines()
                   # md's, on the array that is on one card
                   if "same physical disk" not in line]
            if bad:
                raise CheckFailed("\n".join(bad[:20]))
            result["detail"] = f"{len(self.guests)} boots"

    def all(self, run_dir):
        self.logs.mkdir(parents=True, exist_ok=True)
        for old in self.logs.glob("*.log"):
            old.unlink()
        self.card = vm.Card(run_dir, "card-boot", self.logs)
        self.write_card()
        self.first_boot()
        self.second_boot()
        self.wait_in_initramfs("initramfs-tools", "initrd")
        self.wait_in_initramfs("dracut", "initrd.dracut")
        self.wait_by_service()
        self.check_log()


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    p.add_argument("--json", type=Path, default=vm.BUILD / "boot.json")
    options = p.parse_args()
    # that of the Debian which ci/boot-root installs
    options.kernel, options.modules = "6.1", vm.BUILD / "kmod"
    options.smoke, options.seed = False, 1
    t0 = time.monotonic()
    boot, failed = Boot(options), None
    with vm.RunDir() as run_dir:
        try:
            boot.all(run_dir)
        except (CheckFailed, vm.VmError) as e:
            failed = str(e)
        finally:
            boot.close()
    return run.report(boot, options.json, time.monotonic() - t0, failed,
                      "make vm-boot")


if __name__ == "__main__":
    sys.exit(main())
