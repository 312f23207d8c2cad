#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Module signatures: what a kernel that enforces them does with the driver, and how
fio-status explains it.

  secure.py [--kernel 6.1] [--json FILE]

The distribution's own kernel, three times, over the same card: with modules that
nobody signed and with some signed by a key that no one knows, both under
module.sig_enforce=1, which refuses them; and under UEFI Secure Boot with that key
in the firmware's list, which has the kernel lock itself down and take them.

It knows what is to hold; keys and signing are ci/secure's, the machinery vm.py's.
"""
import argparse
import subprocess
import sys
import time
from pathlib import Path

import run
import vm
from run import CheckFailed

OUT = vm.BUILD / "secure"
KEY_NAME = "fio-flash test key"


def firmware():
    """UEFI whose variables nobody but itself may write: it runs in system management mode."""
    return ["-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1",
            "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={OUT / 'code.fd'}",
            "-drive", f"if=pflash,format=raw,unit=1,snapshot=on,file={OUT / 'vars.fd'}"]


class Secure(run.Run):
    def __init__(self, options):
        super().__init__(options)
        self.logs = vm.BUILD / "log" / f"secure-{options.kernel}"

    def start(self, label, title, modules, append, extra=(), vmlinuz=None, limit=vm.BOOT_LIMIT):
        self.close()
        kernel = vm.Kernel(self.kernel.name, OUT / modules)
        kernel.vmlinuz = vmlinuz or kernel.vmlinuz
        with self.step(label, title) as result:
            self.card.start()
            self.guest = vm.Guest(kernel, kernel.initrd(), self.logs, label, [self.card], append=append,
                                  extra=extra)
            self.guests.append(self.guest)
            result["detail"] = f"{self.guest.boot(limit):.1f} s to the first command"
            self.guest.run("mount -t securityfs none /sys/kernel/security", check=True)

    def refused(self, label, kernel_says, status_says):
        with self.step(label + ".refused", "the kernel refuses to load the driver") as result:
            r = self.guest.run("modprobe fio-blk")
            log = self.guest.run(f"dmesg | grep '{kernel_says}'")
            if r.rc == 0 or log.rc:
                raise CheckFailed(f"modprobe ended with {r.rc}: {r.out}{log.out}")
            result["detail"] = r.out.strip().splitlines()[-1]
        with self.step(label + ".told", "fio-status says why, and what to do") as result:
            out = self.guest.run("fio-status").out
            lines = [x for x in out.splitlines() if "This kernel loads only" in x or "fio-hal is" in x]
            if len(lines) != 2 or status_says not in out:
                raise CheckFailed(out)
            result["detail"] = "\n" + "\n".join(lines)

    def accepted(self):
        self.command("db.lockdown", "Secure Boot has locked the kernel down",
                     "grep -o '\\[.*\\]' /sys/kernel/security/lockdown && dmesg | grep -i 'secure boot'",
                     detail=lambda out: out.strip().splitlines()[0])
        self.command("db.loads", "the signed driver loads and the card is attached",
                     "modprobe fio-blk && waitdev /dev/fct0 60", limit=180)
        self.command("db.told", "fio-status -a says signed and trusted",
                     "fio-status -a | grep -E '^(Driver modules|Kernel lockdown)' | tee /tmp/said; "
                     f"grep -q 'signed by {KEY_NAME}, trusted' /tmp/said && grep -q 'lockdown: integrity' /tmp/said")
        with self.step("db.unsigned", "the same kernel refuses the module without its signature") as result:
            size = (OUT / "unsigned" / self.kernel.krel / "fio-hal.ko").stat().st_size
            self.guest.run(f"modprobe -r fio-blk && head -c {size} $(modinfo -F filename fio-hal) >/tmp/fio-hal.ko",
                           check=True)
            r = self.guest.run("insmod /tmp/fio-hal.ko")
            if r.rc == 0:
                raise CheckFailed("it was loaded")
            result["detail"] = r.out.strip().splitlines()[-1]

    def all(self, run_dir):
        self.logs.mkdir(parents=True, exist_ok=True)
        for old in self.logs.glob("*.log"):
            old.unlink()
        self.card = vm.Card(run_dir, "card-secure", self.logs)
        self.card.erase()
        enforce = "module.sig_enforce=1"
        self.start("unsigned", "modules that nobody signed, " + enforce, "unsigned", enforce)
        self.refused("unsigned", "unsigned module is rejected", "fio-hal is not signed")
        self.start("unknown", "modules signed by an unknown key, " + enforce, "signed", enforce)
        self.refused("unknown", "unavailable key is rejected", f"signed by '{KEY_NAME}'")
        self.start("db", "UEFI with Secure Boot, the same modules and their key in its list", "signed", "",
                   extra=firmware(), vmlinuz=OUT / "vmlinuz", limit=300)
        self.accepted()
        self.close()


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    p.add_argument("--kernel", default="6.1")
    p.add_argument("--json", type=Path, default=vm.BUILD / "secure.json")
    options = p.parse_args()
    options.smoke, options.seed, options.modules = False, 1, OUT / "signed"
    t0 = time.monotonic()
    secure, failed = Secure(options), None
    with vm.RunDir() as run_dir:
        try:
            secure.all(run_dir)
        except (CheckFailed, vm.VmError, subprocess.SubprocessError) as e:
            failed = str(e)
        finally:
            secure.close()
    return run.report(secure, options.json, time.monotonic() - t0, failed,
                      f"make vm-secure KERNEL={options.kernel}")


if __name__ == "__main__":
    sys.exit(main())
