#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Bad input, as people and hostile cards give it: each must end in a clear error,
with nothing hung and nothing lost.

  badinput.py [--only TEXT] [--kernel 6.1]

First the virtual card's own command line and files, on the host. Then, in one
guest, cards that lie: an interface version that nobody knows, a geometry that
cannot be. Prints "pass|fail bad:NAME[: reason]" per case, as ci/test counts them.
"""
import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import vm

VCARD = vm.BUILD / "host/fio-vcard"
CTL = vm.BUILD / "host/fio-vcardctl"


class Bad(Exception):
    pass


def refused(argv, words, rc=None):
    """Ends by itself, not with 0 and not by a signal, and says what is wrong."""
    r = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60, check=False)
    said = r.stdout + r.stderr
    if r.returncode <= 0 or (rc is not None and r.returncode != rc):
        raise Bad(f"exit {r.returncode}: {said.strip()}")
    if not re.search(words, said, re.I):
        raise Bad(f"exit {r.returncode}, but not a word of /{words}/: {said.strip()}")
    return said


class Host:
    """Cases that need no guest."""

    def __init__(self, run_dir):
        self.dir = Path(run_dir)
        self.number = 0
        self.logs = vm.BUILD / "log/bad-input"
        self.card = vm.Card(run_dir, "bad-input", self.logs, size="1G")

    def fresh(self):
        """A path that no case has used: some leave a new state file behind."""
        self.number += 1
        return self.dir / f"{self.number}.state"

    def vcard(self, *args, state=None):
        return [VCARD, "--socket", self.dir / "x.sock", "--state", state or self.fresh(), *args]

    def case_no_arguments(self):
        refused([VCARD], "socket|state", 2)

    def case_unknown_option(self):
        refused(self.vcard("--sise", "1G"), "sise|--help", 2)

    def case_size_too_small(self):
        refused(self.vcard("--size", "100"), "1G", 2)

    def case_size_no_number(self):
        refused(self.vcard("--size", "huge"), "size", 2)

    def case_size_too_large(self):
        refused(self.vcard("--size", "99999999T"), "1T|size", 2)

    def case_plp_unknown(self):
        refused(self.vcard("--size", "1G", "--plp", "maybe"), "plp", 2)

    def case_queues_absurd(self):
        refused(self.vcard("--size", "1G", "--queues", "0"), "queues", 2)

    def case_fault_unknown(self):
        refused(self.vcard("--size", "1G", "--fault", "set-on-fire"), "set-on-fire")

    def case_state_missing_without_size(self):
        refused(self.vcard(), "size")

    def case_state_foreign(self):
        path = self.dir / "foreign"
        path.write_bytes(b"This is somebody's letter.\n" * 1000)
        before = path.read_bytes()
        refused(self.vcard("--size", "1G", state=path), "not a state file")
        if path.read_bytes() != before:
            raise Bad("the foreign file was changed")

    def case_state_is_directory(self):
        refused(self.vcard("--size", "1G", state=self.dir), "director|regular|not a state file|open")

    def stopped_card(self):
        self.card.erase()
        self.card.start()
        self.card.stop()
        return self.card.state

    def case_state_truncated(self):
        state = self.stopped_card()
        for size in (0, 17, 4096, state.stat().st_size // 2):
            copy = self.dir / "truncated"
            copy.write_bytes(state.read_bytes()[:1 << 16])
            os.truncate(copy, size)
            refused(self.vcard(state=copy), "truncated|not a state file|short|size|bytes|empty")
            copy.unlink()

    def case_state_other_size(self):
        state = self.stopped_card()
        refused(self.vcard("--size", "2G", state=state), "2147483648|size|bytes")
        self.card.start()
        self.card.stop()

    def case_socket_busy(self):
        self.card.erase()
        self.card.start()
        refused([VCARD, "--socket", self.card.socket, "--state", self.dir / "other.state", "--size", "1G"],
                "in use|busy|listen|already")
        if "user_bytes" not in self.card.control("stats"):
            raise Bad("the first card no longer answers")
        self.card.stop()

    def case_state_busy(self):
        self.card.erase()
        self.card.start()
        refused(self.vcard(state=self.card.state), "in use|lock|another")
        self.card.control("stats")
        self.card.stop()

    def case_socket_path_too_long(self):
        refused([VCARD, "--socket", self.dir / ("s" * 120), "--state", self.dir / "y.state", "--size", "1G"],
                "long|socket")

    def case_control_no_card(self):
        refused([CTL, self.dir / "nobody.ctl", "stats"], "no card|reach|answers", 3)

    def case_control_unknown(self):
        self.card.erase()
        self.card.start()
        refused([CTL, self.card.socket + ".ctl", "explode"], "explode", 1)
        refused([CTL, self.card.socket + ".ctl", "die-offline", "4000"], "die", 1)
        self.card.stop()

    def case_tools_usage(self):
        for tool in ("fio-status", "fio-attach", "fio-detach", "fio-format"):
            refused([vm.BUILD / "host" / tool, "--no-such-option"], "usage|option", 2)
        refused([vm.BUILD / "host/fio-format", "-y", "-b", "1000", "/dev/fct0"], "1000|512", 2)
        refused([vm.BUILD / "host/fio-format", "-y", "/dev/null"], "null")
        refused([vm.BUILD / "host/fio-attach", "/dev/fct77"], "fct77", 3)


class Liar:
    """Cases in one guest; the card lies between two loads of the driver."""
    LIES = ("dies=0", "dies=4294967295", "aus=0", "aus=4294967295", "pages=0", "pages=4294967295",
            "unit_bytes=0", "unit_bytes=1000", "tag_bytes=0", "write_units=0", "max_open=0")

    def __init__(self, run_dir, kernel):
        self.logs = vm.BUILD / "log/bad-input"
        self.kernel = vm.Kernel(kernel)
        self.initrd = self.kernel.initrd()
        self.card = vm.Card(run_dir, "liar", self.logs, size="1G")

    def guest(self, label):
        return vm.Guest(self.kernel, self.initrd, self.logs, label, [self.card])

    def case_unknown_interface_version(self):
        self.card.erase()
        self.card.start(if_version=99)
        with self.guest("version") as g:
            g.boot()
            g.run("modprobe fio-blk", check=True)
            said = g.run("dmesg | grep -iE 'fio|fct'").out
            if not re.search("version", said):
                raise Bad(f"the driver does not say that it does not know version 99:\n{said}")
            # named, so that it can be asked about, but neither attached nor attachable
            state = g.run("cat /sys/class/fio/fct0/state").out.strip()
            if state != "minimal" or not g.run("[ -e /dev/fioa ]").rc:
                raise Bad(f"the driver took a card whose interface it does not know: {state}")
            if not g.run("fio-attach /dev/fct0", limit=60).rc:
                raise Bad("a card of unknown interface was attached on request")
            g.run("modprobe -r fio-blk", check=True)
            self.no_complaint(g)
        self.card.kill()

    def case_absurd_geometry(self):
        """One by one; after each the driver unloads, and in the end the data is there."""
        self.card.erase()
        self.card.start()
        with self.guest("geometry") as g:
            g.boot()
            g.run("sh /check/newcard", check=True)
            g.run("sh /check/up", check=True)
            g.run("dd if=/dev/urandom of=/tmp/d bs=64k count=16 2>/dev/null; "
                  "dd if=/tmp/d of=/dev/fioa bs=64k oflag=direct 2>/dev/null", check=True)
            g.run("modprobe -r fio-blk", check=True)
            for lie in self.LIES:
                self.card.control("identify-absurd", lie)
                g.run("dmesg -c >/dev/null; modprobe fio-hal auto_attach=N; modprobe fio-blk")
                r = g.run("[ ! -e /dev/fct0 ] || fio-attach -q /dev/fct0", limit=90)
                if not g.run("[ -e /dev/fioa ]").rc:
                    raise Bad(f"{lie}: the driver believed it")
                said = g.run("dmesg | grep -iE 'fio|fct'").out
                if not re.search(r"geometry|identify|" + lie.split("=", 1)[0], said + r.out, re.I):
                    raise Bad(f"{lie}: no word about it:\n{said}{r.out}")
                g.run("modprobe -r fio-blk", check=True)
                self.card.control("identify-absurd", "off")
            g.run("sh /check/up", check=True)
            g.run("dd if=/dev/fioa of=/tmp/e bs=64k count=16 iflag=direct 2>/dev/null; cmp /tmp/d /tmp/e",
                  check=True)
            self.no_complaint(g)
        self.card.kill()

    def no_complaint(self, guest):
        bad = guest.bad_kernel_lines()
        if bad:
            raise Bad("in the kernel log:\n" + "\n".join(bad[:10]))


def cases(owner):
    for name in dir(owner):
        if name.startswith("case_"):
            yield name[5:].replace("_", "-"), getattr(owner, name)


def run_all(owner, only):
    bad = 0
    for name, function in cases(owner):
        if only and only not in name:
            continue
        try:
            function()
            print(f"pass bad:{name}", flush=True)
        except (Bad, vm.VmError, OSError, subprocess.TimeoutExpired) as e:
            bad += 1
            first, _, rest = str(e).partition("\n")
            print(f"fail bad:{name}: {first}; again: make repro ID=bad:{name}", flush=True)
            print(rest, file=sys.stderr)
        finally:
            owner.card.kill()
    return bad


def main():
    p = argparse.ArgumentParser(description="bad input must end in a clear error")
    p.add_argument("--only", default="")
    p.add_argument("--kernel", default="6.1")
    options = p.parse_args()
    with vm.RunDir() as run_dir:
        bad = run_all(Host(run_dir), options.only)
        bad += run_all(Liar(run_dir, options.kernel), options.only)
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
