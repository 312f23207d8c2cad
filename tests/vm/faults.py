#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Every fault switch of the virtual card, and what the driver makes of it.

  faults.py [--kernel 6.1] [--only NAME,NAME] [--json FILE]

One guest, whose card is made to fail from outside while the guest uses it. Each
check holds when the driver ends in the state it should, the kernel log says what
happened and to which card, whoever asked got an answer, and no data is lost or
wrong. A check that fails does not end the run: the card is put right again and
the next one starts. A second boot shows that what was written survived it all.

Nothing here sleeps: a kernel line, a state in sysfs or the end of a command is
waited for. The shape of the card (4 dies, stripes of 4 MiB) follows from its size.

It knows the control commands (vcard/man/fio-vcardctl.1) and what each should
lead to; the machinery is in vm.py.
"""
import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import vm

DEV = "/dev/fioa"
SYSFS = "/sys/class/fio/fct0"
PCI = "$(basename $(dirname $(dirname $(readlink -f /sys/class/fio/fct0))))"
UP = "sh /check/up"
NAMED = re.compile(r"\bfio-hal [0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]: fct0: ")
OURS = re.compile(r"\bfio[-_](hal|blk)\b")
DIES = range(4)

# what a check may have left behind; a fault of flash is ended by its own words
CALM = ["mailbox-hang count=0", "timeout count=0", "no-irq count=0", "short-answer count=0",
        "identify-absurd off", "ready-delay 0", "bitflips ppm=0", "temp auto", "voltage 0",
        "plp ok"]
SMALL, BIG, SCRATCH = 65536, 131072, 163840      # first blocks of the regions, 4 KiB each


class CheckFailed(Exception):
    pass


class Lost(Exception):
    """The guest cannot be used any more."""


def need(condition, text):
    if not condition:
        raise CheckFailed(text)


class Machine:
    """The guest and the card, and what checks want to know of them."""

    def __init__(self, kernel, logs, run_dir):
        self.kernel, self.logs = kernel, logs
        self.card = vm.Card(run_dir, "card-" + logs.name, logs, size="1G", seed=20)
        self.initrd = kernel.initrd()
        self.guest, self.guests = None, []
        self.from_here = 0
        self.armed = []
        self.events = 0

    def boot(self, label):
        self.guest = vm.Guest(self.kernel, self.initrd, self.logs, label, [self.card])
        self.guests.append(self.guest)
        self.guest.boot()

    def close(self):
        if self.guest:
            self.guest.kill()
        self.card.kill()

    # --- the guest ----------------------------------------------------------------

    def sh(self, command, limit=120, check=True):
        try:
            r = self.guest.run(command, limit)
        except vm.VmError as e:
            raise Lost(str(e)) from e
        if check and r.rc:
            raise CheckFailed(f"'{command}' ended with {r.rc}: {r.out.strip()}")
        return r

    def refused(self, command, limit=60):
        """It must end by itself, and not well."""
        r = self.sh(command, limit, check=False)
        need(r.rc, f"'{command}' succeeded: {r.out.strip()}")
        told = [x.rsplit(": ", 1)[-1] for x in r.out.splitlines() if re.match(r"\w+: ", x)]
        return told[-1] if told else f"exit {r.rc}"

    def reads(self, block):
        return self.sh(f"dd if={DEV} bs=4096 skip={block} count=1 iflag=direct 2>&1 >/tmp/one && "
                       f"dd if=/tmp/small bs=4096 skip={block - SMALL} count=1 2>/dev/null | cmp - /tmp/one")

    def fails_to_read(self, block):
        return self.refused(f"dd if={DEV} bs=4096 skip={block} count=1 iflag=direct 2>&1 >/dev/null")

    def churn(self, times=1):
        """Data nobody wants, over and over in one place: stripes fill, die, are erased."""
        self.sh(f"for i in $(seq {times}); do dd if=/tmp/big of={DEV} bs=1M seek={SCRATCH // 256} "
                "oflag=direct 2>/dev/null || exit 1; done")

    def verify(self, job="short"):
        return self.sh(f"sh /check/tester {job} {DEV}", 300).out.strip()

    def small(self):
        """(blocks that could not be read, blocks that hold something else)"""
        out = self.sh(f"sh /check/blocks {DEV} {SMALL} /tmp/small").out
        got = dict(line.split(":", 1) for line in out.splitlines() if ":" in line)
        bad = {int(x) for x in got["bad"].split()}
        wrong = {int(x) for x in got["wrong"].split()}
        need(not got["others"].strip() and not got["short"].strip(), f"unexpected: {out}")
        need(int(got["errors"]) == len(bad - wrong),
             f"{got['errors']} reads failed, but {len(bad)} blocks differ, {len(wrong)} of them not zero")
        return bad - wrong, wrong

    def all_there(self):
        bad, wrong = self.small()
        need(not bad and not wrong, f"blocks {sorted(bad)} cannot be read, {sorted(wrong)} are wrong")
        self.sh(f"dd if={DEV} bs=1M skip={BIG // 256} count=16 iflag=direct 2>/tmp/dd.err >/tmp/got || "
                "{ cat /tmp/dd.err; exit 1; }; cmp /tmp/got /tmp/big", 120)

    def state(self):
        return self.sh(f"cat {SYSFS}/state").out.strip()

    def wait_state(self, state, limit=120):
        self.sh(f"waitdev {SYSFS}/state={state} {limit}", limit + 30)

    def status(self):
        r = self.sh("fio-status -fj", 90, check=False)
        need(r.rc in (0, 4), f"fio-status ended with {r.rc}: {r.out.strip()}")
        try:
            adapter = json.loads(r.out)["adapter"][0]
            return {**adapter, **adapter["iomemory"][0]}
        except (ValueError, LookupError) as e:
            raise CheckFailed(f"fio-status -fj: {e}: {r.out.strip()}") from e

    def fresh(self):
        """The driver keeps telemetry for a second; an event makes it ask anew."""
        self.events += 1
        self.mark()
        self.card.control("event", "POWER", f"value={self.events}")
        self.wait_log(rf"power limit reached \({self.events}\)")
        return self.status()

    # --- the kernel log -------------------------------------------------------------

    def mark(self):
        """Lines from here on count for wait_log()."""
        self.from_here = self.guest.console_log.stat().st_size

    def lines(self):
        data = self.guest.console_log.read_bytes()[self.from_here:]
        return data[:data.rfind(b"\n") + 1].decode(errors="replace").splitlines()

    def logged(self, pattern):
        return next((x for x in self.lines() if re.search(pattern, x)), None)

    def wait_log(self, pattern, limit=90):
        port, wanted = self.guest.ports["console"], re.compile(pattern)
        deadline = time.monotonic() + limit
        with port.changed:
            while True:
                found = self.logged(wanted)
                if found:
                    break
                if port.closed:
                    raise Lost(f"the guest went away before it logged /{pattern}/")
                if time.monotonic() > deadline:
                    raise CheckFailed(f"no kernel line /{pattern}/ within {limit} s; there were:\n"
                                      + "\n".join(self.lines()[-12:]))
                port.changed.wait(1.0)
        need(NAMED.search(found), f"names no card and address: {found}")
        return found

    def no_log(self, pattern):
        found = self.logged(pattern)
        need(not found, f"logged: {found}")

    # --- the card -------------------------------------------------------------------

    def fault(self, *words):
        if words[0].startswith(("fail-", "retry-", "corrupt")):
            where = [w for w in words[1:] if re.match(r"(die|au|page)=", w)]
            self.armed.append([words[0], *where, "count=0"])
        elif words[0] == "die-offline" and words[-1] != "on":
            self.armed.append([*words, "on"])
        self.card.control(*words)

    def disarm(self):
        while self.armed:
            self.card.control(*self.armed.pop())

    def stat(self, name):
        found = re.search(rf"^\s*{name}: (\d+)", self.card.control("stats"), re.M)
        need(found, f"the card has no statistic {name}")
        return int(found[1])

    def heal(self):
        """After a check that failed: the next one finds a card that works."""
        self.disarm()
        for words in CALM:
            self.card.control(*words.split())
        self.sh("umount /mnt 2>/dev/null; true")
        self.sh(f"waitdev {SYSFS}/state=attached 60 || {{ modprobe -r fio-blk && {UP}; }}", 240)


class Checks:
    """In this order; each is told in its first line."""

    def __init__(self, machine):
        self.m = machine
        self.on_die = {}

    def prepare(self):
        """card, guest and driver start; reference data is written"""
        m = self.m
        m.card.erase()
        m.card.start()
        m.boot("boot1")
        m.sh("sh /check/newcard", 180)
        m.sh(f"modprobe fio-hal command_timeout=5 && {UP}")
        self.write_reference()
        return m.sh("sha256sum /tmp/small /tmp/big | cut -c1-12").out.replace("\n", " ").strip()

    # --- flash ----------------------------------------------------------------------

    def program_fail(self):
        """programs fail: placed again, the append units retired, no error seen"""
        m = self.m
        before = m.fresh()
        m.mark()
        m.fault("fail-program", "skip=40", "count=1")
        m.fault("fail-program", "die=1", "skip=300", "count=3")
        done = m.verify()
        m.churn(2)
        m.wait_log(r"an append unit should be retired: die \d+, append unit \d+")
        m.wait_log(r"retired \d+ append units after failed programs")
        after = m.fresh()
        grown = int(after["bad_append_units_grown"]) - int(before["bad_append_units_grown"])
        fails = int(after["program_fails"]) - int(before["program_fails"])
        need(fails >= 2, f"the card counts {fails} failed programs")
        need(grown >= 1, "fio-status shows no more bad append units than before")
        need(after["media_errors"] == before["media_errors"], "a media error was counted")
        return f"{done}; {fails} programs failed, {grown} append units retired"

    def erase_fail(self):
        """erases fail: the append units are retired, others are used"""
        m = self.m
        failed = r"append unit \d+ of die \d+ cannot be erased"
        before = m.fresh()
        m.mark()
        m.fault("fail-erase", "count=2")
        # a new card has room for 1.3 GiB before it must erase anything
        for _ in range(12):
            m.churn(10)
            if m.logged(failed):
                break
        m.wait_log(failed)
        done = m.verify()
        named = sum(bool(re.search(failed, line)) for line in m.lines())
        after = m.fresh()
        grown = int(after["bad_append_units_grown"]) - int(before["bad_append_units_grown"])
        fails = int(after["erase_fails"]) - int(before["erase_fails"])
        # more may be retired now, for programs that failed in an earlier check
        need(fails == 2 and named == 2 and grown >= 2,
             f"{fails} erases failed, {named} were named and {grown} append units retired, not 2")
        return f"{done}; {fails} erases failed, {grown} append units retired"

    def read_fail_one(self):
        """one uncorrectable read: an error to exactly that read"""
        m = self.m
        before, card = m.fresh(), m.stat("uncorrectable")
        m.fault("fail-read", "count=4")
        said = m.fails_to_read(SMALL + 7)
        tried = m.stat("uncorrectable") - card
        need(tried == 4, f"the driver read {tried} times, not at each of 4 retry levels")
        m.reads(SMALL + 7)
        m.reads(SMALL + 8)
        after = m.fresh()
        errors = int(after["media_errors"]) - int(before["media_errors"])
        need(errors == 1, f"{errors} media errors counted for one")
        need(int(after["uncorrectable_reads"]) > int(before["uncorrectable_reads"]),
             "uncorrectable_reads did not rise")
        return f"'{said}' after 4 levels, then the same block reads well"

    def read_fail_die(self):
        """a die whose reads fail: errors for what lies there, and only for that"""
        m = self.m
        for die in DIES:
            m.fault("fail-read", f"die={die}", "count=-1")
            bad, wrong = m.small()
            m.disarm()
            need(not wrong, f"die {die}: wrong data in blocks {sorted(wrong)}")
            self.on_die[die] = bad
        together = [b for die in DIES for b in self.on_die[die]]
        need(sorted(together) == list(range(64)),
             f"each of 64 blocks should fail with one die: {self.on_die}")
        return "blocks per die: " + ", ".join(str(len(self.on_die[d])) for d in DIES)

    def read_retry(self):
        """reads that need a retry level: nobody notices"""
        m = self.m
        before, card = m.fresh(), m.stat("unit_errors")
        m.fault("retry-read", "count=-1")
        m.all_there()
        done = m.verify()
        m.disarm()
        retried = m.stat("unit_errors") - card
        need(retried >= 64, f"the fault hit only {retried} units")
        need(m.fresh()["media_errors"] == before["media_errors"], "a media error was counted")
        return f"{retried} units read again; {done}"

    def corrupt(self):
        """flash returns other data: caught by the checksum, never delivered"""
        m = self.m
        card = m.stat("crc_errors")
        m.fault("corrupt", "count=1")
        m.reads(SMALL + 3)
        need(m.stat("crc_errors") == card + 1, "the fault did not hit the read")
        m.fault("corrupt", "count=4")
        said = m.fails_to_read(SMALL + 3)
        m.disarm()
        m.reads(SMALL + 3)
        m.fault("corrupt", "die=1", "count=-1")
        bad, wrong = m.small()
        m.disarm()
        need(not wrong, f"wrong data in blocks {sorted(wrong)}")
        need(bad, "no block failed")
        need(not self.on_die or bad == self.on_die[1], f"{sorted(bad)} failed, not {self.on_die}")
        return (f"once: read again; always: '{said}'; a die: {len(bad)} errors, none wrong; "
                f"{m.stat('crc_errors') - card} checksum errors")

    def bitflips(self):
        """bits flip: corrected within the budget; beyond it errors, never wrong data"""
        m = self.m
        before = m.fresh()
        m.fault("bitflips", "ppm=2000")
        m.all_there()
        done = m.verify()
        after = m.fresh()
        bits = int(after["corrected_bits"]) - int(before["corrected_bits"])
        need(bits > 1000, f"only {bits} bits were corrected")
        need(after["media_errors"] == before["media_errors"], "a media error was counted")
        m.fault("bitflips", "ppm=150000")
        bad, wrong = m.small()
        m.fault("bitflips", "ppm=0")
        need(not wrong, f"wrong data in blocks {sorted(wrong)}")
        need(bad, "ten times what is corrected was no error at all")
        return f"{bits} bits corrected; {done}; far too many: {len(bad)} of 64 fail, none wrong"

    def die_offline(self):
        """a die stops answering: its data is an error, writes go elsewhere; then it is back"""
        m = self.m
        m.mark()
        m.fault("die-offline", "2")
        m.wait_log(r"a die stopped answering: die 2")
        bad, wrong = m.small()
        need(not wrong, f"wrong data in blocks {sorted(wrong)}")
        # which they are read_fail_die() has seen; some may have moved since
        need(0 < len(bad) < 64, f"{len(bad)} of 64 blocks failed with one die of 4")
        shown = m.fresh()
        need(shown["dies_offline"] == "1", f"fio-status shows {shown['dies_offline']} dies offline")
        need(any("dies" in w for w in shown["warnings"]), f"fio-status warns of {shown['warnings']}")
        for _ in range(3):
            m.churn()
            m.sh(f"dd if={DEV} bs=1M skip={SCRATCH // 256} count=16 iflag=direct 2>/dev/null | cmp - /tmp/big")
        need(m.state() == "attached", f"the card is {m.state()}")
        m.mark()
        m.disarm()
        m.wait_log(r"a die answers again: die 2")
        shown = m.fresh()
        need(shown["dies_offline"] == "0", f"fio-status shows {shown['dies_offline']} dies offline")
        return f"{len(bad)} of 64 blocks fail; 48 MiB written meanwhile read back well; all is there afterwards"

    # --- the card -------------------------------------------------------------------

    def comes_back(self):
        self.m.wait_log(r"the card is back")
        self.m.wait_state("attached")

    def load_again(self):
        self.m.sh("modprobe -r fio-blk", 120)
        self.m.sh(f"modprobe fio-hal command_timeout=5 && {UP}", 240)

    def timeout_append(self):
        """a write that never completes: the card is reset, the write repeated"""
        m = self.m
        m.mark()
        m.fault("timeout", "op=append", "count=1")
        done = m.verify()
        m.wait_log(r"command timeout, resetting the card")
        self.comes_back()
        return done

    def timeout_read(self):
        """a read that never completes: the card is reset, the read repeated"""
        m = self.m
        m.mark()
        m.fault("timeout", "op=read", "count=1")
        m.reads(SMALL + 11)
        m.wait_log(r"command timeout, resetting the card")
        self.comes_back()
        return "the read that was lost got its data"

    def no_irq(self):
        """an interrupt is lost: found without a reset"""
        m = self.m
        lost = m.stat("irqs_lost")
        m.mark()
        m.fault("no-irq", "count=1")
        m.reads(SMALL + 12)
        need(m.stat("irqs_lost") == lost + 1, "no interrupt was lost")
        m.wait_log(r"completion without an interrupt")
        m.no_log("resetting the card")
        return "found by the watchdog"

    def fatal(self):
        """the card stops with a fatal error in the middle of a load: reset, load goes on"""
        m = self.m
        m.mark()
        m.sh(f"(sh /check/tester short {DEV} >/tmp/load.out 2>&1; echo $? >/tmp/load.rc) </dev/null &")
        m.fault("fatal", "1")
        m.wait_log(r"the card reports fatal error 1: internal error")
        self.comes_back()
        m.sh("waitdev /tmp/load.rc 240 && [ \"$(cat /tmp/load.rc)\" = 0 ] || { cat /tmp/load.out; exit 1; }",
             300)
        return m.sh("cat /tmp/load.out").out.strip()

    def mailbox_hang(self):
        """the firmware does not answer: fio-status does, and the card comes back"""
        m = self.m
        m.fresh()
        m.mark()
        # whatever is kept is out of date, so that fio-status has to ask
        m.fault("mailbox-hang", "count=1")
        m.card.control("event", "POWER_FAIL", "value=1")
        m.wait_log(r"power is failing \(1\)")
        r = m.sh("fio-status -a", 90, check=False)
        need(r.rc == 4 and "telemetry" in r.out, f"fio-status ended with {r.rc} and does not say it: {r.out}")
        m.wait_log(r"mailbox command HEALTH: no answer within \d+ ms")
        self.comes_back()
        m.reads(SMALL + 13)
        need(m.status().get("power_cycles"), "fio-status shows no telemetry afterwards")
        return f"fio-status ended with {r.rc}, with telemetry again after the reset"

    def short_answer(self):
        """the firmware's answer is cut short: not believed"""
        m = self.m
        m.fresh()
        m.mark()
        m.fault("short-answer", "op=4", "count=1")
        m.card.control("event", "POWER_FAIL", "value=2")
        m.wait_log(r"power is failing \(2\)")
        r = m.sh("fio-status -a", 90, check=False)
        need(r.rc == 4 and "telemetry" in r.out, f"fio-status ended with {r.rc} and does not say it: {r.out}")
        line = m.wait_log(r"mailbox command HEALTH: answer has \d+ bytes, expected")
        self.comes_back()
        need(m.status().get("power_cycles"), "fio-status shows no telemetry afterwards")
        return f"fio-status ended with {r.rc}: {line.rsplit(': ', 1)[-1]}"

    def reset_fails(self):
        """a card that cannot be brought up again is dead; loading the driver again revives it"""
        m = self.m
        m.mark()
        m.fault("short-answer", "op=1", "count=-1")
        m.fault("fatal", "2")
        m.wait_log(r"the card is dead")
        m.wait_state("dead")
        m.refused(f"dd if={DEV} bs=4096 count=1 iflag=direct of=/dev/null 2>&1")
        r = m.sh("fio-status", 90, check=False)
        need("ailed" in r.out or "dead" in r.out, f"fio-status does not say it: {r.out.strip()}")
        m.fault("short-answer", "count=0")
        self.load_again()
        return f"state dead, fio-status exit {r.rc}; after loading again all data is there"

    def reset_by_user(self):
        """the function is reset under a load by the user, and takes its time"""
        m = self.m
        m.mark()
        m.fault("ready-delay", "2000")
        m.sh(f"(sh /check/tester short {DEV} >/tmp/load.out 2>&1; echo $? >/tmp/load.rc2) </dev/null &")
        m.sh(f"echo 1 > /sys/bus/pci/devices/{PCI}/reset", 120)
        self.comes_back()
        m.fault("ready-delay", "0")
        m.sh("waitdev /tmp/load.rc2 240 && [ \"$(cat /tmp/load.rc2)\" = 0 ] || { cat /tmp/load.out; exit 1; }",
             300)
        return m.sh("cat /tmp/load.out").out.strip()

    # --- environment ----------------------------------------------------------------

    def temperature(self):
        """too warm: told; too hot: the card stops and comes back when it is reset"""
        m = self.m
        m.mark()
        m.fault("temp", "90")
        m.wait_log(r"temperature crossed a threshold \(90000\)")
        shown = m.sh(f"cat {SYSFS}/temperature").out.strip()
        need(shown == "90000", f"sysfs shows {shown}")
        m.fault("temp", "110")
        m.wait_log(r"the card reports fatal error 5: it is too hot")
        self.comes_back()
        m.reads(SMALL + 14)
        m.fault("temp", "auto")
        return "90 C in sysfs and log, reset after 110 C"

    def plp(self):
        """power-loss protection fails and is repaired: the write cache follows"""
        m = self.m
        cache = "cat /sys/block/fioa/queue/write_cache"
        need(m.sh(cache).out.strip() == "write through", "the write cache is not 'write through' at first")
        m.mark()
        m.fault("plp", "failed")
        m.wait_log(r"power-loss protection: FAILED, completed writes are durable only after a flush")
        m.wait_log(r"fioa now has a volatile write cache")
        need(m.sh(cache).out.strip() == "write back", "the write cache is not 'write back' with failed protection")
        shown = m.status()
        need(shown["powerloss_protection"] == "FAILED" and shown["warnings"],
             f"fio-status: {shown['powerloss_protection']}, warnings {shown['warnings']}")
        done = m.verify()
        m.fault("timeout", "op=sync", "count=1")
        m.sh(f"dd if=/tmp/small of={DEV} bs=256k seek={SMALL // 64} oflag=direct conv=fsync 2>&1")
        m.wait_log(r"command timeout, resetting the card")
        self.comes_back()
        m.mark()
        m.fault("plp", "ok")
        m.wait_log(r"power-loss protection: protected, completed writes are durable")
        m.wait_log(r"fioa now has no volatile write cache")
        need(m.sh(cache).out.strip() == "write through", "the write cache is not 'write through' again")
        return f"write back and write through; a flush that was lost is repeated; {done}"

    def plp_program_fail(self):
        """without protection a program fails after it was acknowledged: moved, retired, flushed"""
        m = self.m
        m.mark()
        before = m.fresh()
        m.fault("plp", "failed")
        m.wait_log(r"fioa now has a volatile write cache")
        m.fault("fail-program", "die=1", "skip=5", "count=1")
        m.sh(f"dd if=/tmp/small of={DEV} bs=256k seek={SMALL // 64} oflag=direct conv=fsync 2>&1", 60)
        m.wait_log(r"an append unit should be retired: die 1, append unit \d+ \(1\)")
        m.wait_log(r"data that flash had not taken was stored elsewhere")
        m.all_there()
        m.churn()
        m.sh(f"sync {DEV}", 60)
        after = m.fresh()
        retired = int(after["bad_append_units_grown"]) - int(before["bad_append_units_grown"])
        need(retired == 1, f"{retired} append units were retired")
        need(after["media_status"] == "Warning", f"the medium is {after['media_status']}")
        m.mark()
        m.fault("plp", "ok")
        m.wait_log(r"power-loss protection: protected")
        m.wait_log(r"media health: warning -> healthy")
        return f"{after['media_status_reason']}; 1 append unit retired; {m.verify()}"

    def program_fail_all(self):
        """all programs fail: read-only, all data there; writable again after an attach"""
        m = self.m
        m.mark()
        m.fault("fail-program", "count=-1")
        said = m.refused(f"for i in $(seq 20); do dd if=/tmp/big of={DEV} bs=1M seek={SCRATCH // 256} "
                         "oflag=direct 2>&1 || exit 1; done", 120)
        m.wait_log(r"read-only|appends fail again and again")
        m.all_there()
        shown = m.status()
        need(shown["vsu"][0]["read_only"] == "true" and any("READ-ONLY" in w for w in shown["warnings"]),
             f"fio-status: {shown['vsu']}, {shown['warnings']}")
        m.disarm()
        m.sh("fio-detach -q /dev/fct0; fio-attach -q /dev/fct0", 200)
        m.wait_state("attached")
        return f"'{said}'; after a new attach: {m.verify()}"

    def timeout_always(self):
        """nothing completes any more: writes end in read-only, reads in giving the card up"""
        m = self.m
        m.sh("modprobe -r fio-blk", 120)
        m.sh(f"modprobe fio-hal command_timeout=2 && {UP}", 240)
        m.mark()
        m.fault("timeout", "op=append", "count=-1")
        said = m.refused(f"dd if=/tmp/big of={DEV} bs=1M seek={SCRATCH // 256} oflag=direct 2>&1", 300)
        m.wait_log(r"read-only from now on")
        m.wait_state("attached")
        m.all_there()
        m.fault("timeout", "op=read", "count=-1")
        m.fails_to_read(SMALL + 15)
        m.wait_log(r"resets within \d+ seconds, giving up")
        m.wait_state("dead")
        m.fault("timeout", "count=0")
        self.load_again()
        return f"writes: '{said}' and read-only; reads: state dead; after loading again all is there"

    def bring_up(self):
        """faults while the driver loads: minimal mode with a reason, or overcome; never a hang"""
        m = self.m
        seen = []
        for fault in ("mailbox-hang count=1", "short-answer op=1 count=1", "short-answer op=2 count=1",
                      "short-answer op=3 count=1", "short-answer op=4 count=1", "ready-delay 1500"):
            m.sh("modprobe -r fio-blk", 120)
            m.fault(*fault.split())
            m.sh("modprobe fio-hal; modprobe fio-blk", 120, check=False)
            r = m.sh("waitdev /dev/fct0 30", 60, check=False)
            state = "attached" if fault.startswith("ready") else "minimal"
            if not r.rc:
                m.wait_state(state, 60)
            seen.append(f"{fault}: {state if not r.rc else 'no device'}")
            for words in CALM[:6]:
                m.card.control(*words.split())
        self.load_again()
        return "; ".join(seen)

    def attach_faults(self):
        """faults in the middle of detach, attach and recovery: overcome"""
        m = self.m
        m.mark()
        for fault in ("timeout op=report count=1", "timeout op=read count=1", "fail-read count=1",
                      "retry-read count=-1"):
            m.sh("fio-detach -q /dev/fct0", 120)
            m.fault(*fault.split())
            m.sh("fio-attach -q /dev/fct0", 200)
            m.wait_state("attached")
            m.disarm()
        m.fault("timeout", "op=sync", "count=1")
        m.fault("fail-program", "count=1")
        m.sh("fio-detach -q /dev/fct0", 200)
        m.fault("timeout", "count=0")
        m.disarm()
        m.sh("fio-attach -q /dev/fct0", 200)
        m.wait_state("attached")
        return "detached and attached 5 times"

    def events(self):
        """what the card tells without being asked is logged, unknown values included"""
        m = self.m
        m.mark()
        m.card.control("event", "POWER", "value=25100")
        m.card.control("event", "POWER_FAIL", "value=3")
        m.card.control("event", "AU_RETIRE", "die=3", "au=9", "value=1")
        m.card.control("event", "AU_REFRESH", "die=3", "au=9", "value=30")
        m.card.control("event", "OVERFLOW", "value=7")
        m.wait_log(r"power limit reached \(25100\)")
        m.wait_log(r"power is failing \(3\)")
        m.wait_log(r"an append unit should be retired: die 3, append unit 9 \(1\)")
        m.wait_log(r"events were lost \(7\)")
        m.fault("voltage", "9000")
        low = float(m.fresh()["bus_voltage_min_v"])
        need(low <= 9.0, f"fio-status shows a bus voltage of at least {low} V")
        m.fault("voltage", "0")
        return f"5 events, lowest bus voltage {low} V"

    def gone(self):
        """the card vanishes under a mounted file system: errors, unmount, unload"""
        m = self.m
        m.sh(f"mkfs.ext4 -q -F {DEV} 128M && mount {DEV} /mnt && cp /tmp/small /mnt/a && sync")
        m.mark()
        m.fault("gone")
        m.refused("cp /tmp/big /mnt/b && sync /mnt/b && dd if=/mnt/b of=/dev/null iflag=direct bs=1M 2>&1")
        m.wait_log(r"the card is dead")
        m.wait_state("dead")
        m.refused(f"dd if={DEV} bs=4096 skip={SMALL} count=1 iflag=direct of=/dev/null 2>&1")
        reason = m.sh(f"cat {SYSFS}/reason").out.strip()
        m.sh("umount /mnt", 120)
        m.sh("modprobe -r fio-blk", 120)
        m.sh("! grep -q ^fio_ /proc/modules && [ ! -e /dev/fioa ] && [ ! -e /dev/fct0 ]")
        return f"dead ({reason}), unmounted, unloaded"

    def survived(self):
        """the card starts again in a new machine: everything is there"""
        m = self.m
        wanted = m.sh("cd /tmp; sha256sum small big").out.split()
        m.guest.power_off()
        m.card.kill()
        m.card.start()
        m.boot("boot2")
        m.sh(UP, 240)
        got = m.sh(f"dd if={DEV} bs=256k skip={SMALL // 64} count=1 iflag=direct 2>/dev/null | sha256sum; "
                   f"dd if={DEV} bs=1M skip={BIG // 256} count=16 iflag=direct 2>/dev/null | sha256sum").out.split()
        need(wanted[0::2] == got[0::2], f"wrote {wanted}, read {got}")
        m.sh(f"e2fsck -fp {DEV} >/tmp/fsck 2>&1; rc=$?; [ $rc -le 1 ] || {{ cat /tmp/fsck; exit $rc; }}; "
             f"mount {DEV} /mnt")
        kept = m.sh("sha256sum /mnt/a && umount /mnt").out.split()
        need(kept[0] == wanted[0], "the file that was synced before the card vanished is another")
        life = m.status()
        m.sh("modprobe -r fio-blk")
        return (f"{life['bad_append_units_grown']} grown bad append units kept, "
                f"attached in {life['attach_seconds']} s")

    # --- parity -----------------------------------------------------------------------

    def parity(self):
        """a card with parity loses a die: all reads, writes go on, fio-status says why"""
        m = self.m
        m.sh("modprobe -r fio-blk", 120)
        m.sh("modprobe fio-hal auto_attach=N && waitdev /dev/fct0 60")
        r = m.sh("fio-format -y --parity on /dev/fct0 2>&1", check=False)
        need(r.rc == 2 and "give a --device-size of at most" in r.out,
             f"no room for parity: fio-format ended with {r.rc}: {r.out.strip()}")
        # another card, of more dies: its data must fit on those that are left
        m.guest.power_off()
        m.card.kill()
        m.card.erase()
        m.card.start(dies=8)
        m.boot("boot3")
        m.sh("sh /check/newcard --parity on -s 80%", 180)
        m.sh(UP, 240)
        need(m.status()["parity"] == "yes", "fio-status shows no parity")
        self.write_reference()
        done = m.verify()
        m.mark()
        m.card.control("die-offline", "2")      # it stays away: see parity_cut()
        m.all_there()
        m.wait_log(r"die 2 does not answer: reads of what it holds are computed from parity")
        self.degraded()
        m.churn(3)
        m.sh(f"dd if={DEV} bs=1M skip={SCRATCH // 256} count=16 iflag=direct 2>/dev/null | cmp - /tmp/big")
        rebuilt = int(m.fresh()["units_rebuilt"])
        need(rebuilt, "nothing was computed from parity")
        return f"{done}; die 2 gone: {rebuilt} units computed, {m.verify()}"

    def parity_cut(self):
        """the power is cut while a die is gone and data is written: nothing acknowledged is lost"""
        m = self.m
        wanted = m.sh("sha256sum /tmp/small /tmp/big").out.split()[0::2]
        m.sh(f"(while dd if=/tmp/big of={DEV} bs=1M seek={SCRATCH // 256} oflag=direct 2>/dev/null; "
             "do echo >>/tmp/rounds; done) </dev/null >/dev/null 2>&1 &")
        m.sh("waitdev /tmp/rounds 120", 150)
        m.guest.power_cut(torn=True)
        r = subprocess.run([vm.BUILD / "host/fio-ftl", "check", m.card.state], capture_output=True,
                           text=True, timeout=300, check=False)
        need(not r.returncode, f"fio-ftl check ended with {r.returncode}: {r.stdout[-4000:]}{r.stderr}")
        m.card.start()
        m.card.control("die-offline", "2")
        m.boot("boot4")
        m.sh(UP, 240)
        got = m.sh(f"dd if={DEV} bs=256k skip={SMALL // 64} count=1 iflag=direct 2>/dev/null | sha256sum; "
                   f"dd if={DEV} bs=1M skip={BIG // 256} count=16 iflag=direct 2>/dev/null | sha256sum; "
                   f"dd if={DEV} bs=1M skip={SCRATCH // 256} count=16 iflag=direct 2>/dev/null | sha256sum").out.split()
        need(got[0::2] == [*wanted, wanted[1]], f"wrote {wanted}, read {got[0::2]}")
        self.degraded()
        self.write_reference()
        life = m.status()
        done = m.verify()
        m.card.control("die-offline", "2", "on")
        self.violations()
        return f"attached without die 2 in {life['attach_seconds']} s; {done}"

    def write_reference(self):
        m = self.m
        m.sh("dd if=/dev/urandom of=/tmp/big bs=1M count=16 2>/dev/null; "
             "dd if=/dev/urandom of=/tmp/small bs=4096 count=64 2>/dev/null")
        m.sh(f"for at in {BIG} {SCRATCH}; do dd if=/tmp/big of={DEV} bs=1M seek=$((at / 256)) oflag=direct "
             f"conv=fsync || exit 1; done; dd if=/tmp/small of={DEV} bs=256k seek={SMALL // 64} oflag=direct conv=fsync")
        m.all_there()

    def degraded(self):
        shown = self.m.fresh()
        need(shown["dies_offline"] == "1", f"fio-status shows {shown['dies_offline']} dies offline")
        need((shown["media_status"], shown["media_status_reason"]) == ("Warning", "a die does not answer"),
             f"the medium is {shown['media_status']}: {shown['media_status_reason']}")

    # --- the log ----------------------------------------------------------------------

    def violations(self):
        """the driver broke no rule of flash, whatever happened"""
        found = self.m.stat("violations")
        need(not found, f"{found} violations, see {self.m.card.log}")
        return "none in the life of the card"

    def log(self):
        """every line of the driver names card and address; no warning, oops or hung task"""
        lines = 0
        for guest in self.m.guests:
            bad = guest.bad_kernel_lines()
            need(not bad, f"{guest.label}: " + "\n".join(bad[:10]))
            for line in guest.console_log.read_text(errors="replace").splitlines():
                if not OURS.search(line) or "version" in line or "module" in line:
                    continue
                lines += 1
                need(NAMED.search(line), f"{guest.label}: {line}")
        return f"{lines} lines of the driver in {len(self.m.guests)} boots"


ORDER = """program_fail erase_fail read_fail_one read_fail_die read_retry corrupt bitflips
die_offline program_fail_all timeout_append timeout_read no_irq fatal mailbox_hang short_answer
reset_fails timeout_always bring_up attach_faults reset_by_user temperature plp plp_program_fail
events gone survived violations parity parity_cut log""".split()
# these leave no attached card behind, or need none
LAST = {"gone", "survived", "violations", "parity_cut", "log"}
# what a check needs done before it
NEEDS = {"survived": "gone", "parity_cut": "parity"}


class Runner:
    def __init__(self, machine):
        self.machine = machine
        self.checks = Checks(machine)
        self.results = []
        self.lost = ""

    def attempt(self, name):
        result = {"id": name.replace("_", "-"), "ok": False, "seconds": 0.0, "detail": ""}
        self.results.append(result)
        t0 = time.monotonic()
        try:
            result["detail"] = getattr(self.checks, name)() or ""
            if name not in LAST:
                self.machine.disarm()
                self.machine.all_there()
                need(self.machine.state() == "attached", "the card is " + self.machine.state())
            result["ok"] = True
        except Lost as e:
            self.lost = result["detail"] = str(e)
        except (CheckFailed, vm.VmError, OSError, ValueError, LookupError) as e:
            result["detail"] = f"{e}"
        result["seconds"] = round(time.monotonic() - t0, 1)
        word = "PASS" if result["ok"] else "FAIL"
        print(f"{word} {result['id']:15} {result['seconds']:6.1f} s  {result['detail']}", flush=True)
        if not result["ok"]:
            print(f"     again: make vm-faults KERNEL={self.machine.kernel.name} ONLY={result['id']}")
        return result["ok"]

    def heal(self):
        try:
            self.machine.heal()
        except (Lost, CheckFailed, vm.VmError) as e:
            self.lost = f"the card could not be put right again: {e}"
            print(self.lost)

    def skip(self, name):
        why = "the guest or the card was lost before"
        self.results.append({"id": name.replace("_", "-"), "ok": None, "seconds": 0.0, "detail": why})
        print(f"SKIP {name.replace('_', '-'):15} {why}")

    def run(self, names):
        if not self.attempt("prepare"):
            self.lost = self.lost or "no card"
        for name in names:
            if self.lost and name != "log":
                self.skip(name)
            elif not self.attempt(name) and name not in LAST and not self.lost:
                self.heal()


def report(runner, path, seconds):
    n = {word: sum(r["ok"] is ok for r in runner.results)
         for word, ok in (("passed", True), ("failed", False), ("skipped", None))}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({
        "ok": not n["failed"] and not n["skipped"], "kernel": runner.machine.kernel.krel,
        "seconds": round(seconds, 1), **n, "checks": runner.results}, indent=1) + "\n")
    if n["failed"]:
        print(f"logs: {runner.machine.logs.relative_to(vm.TOP)}/")
    print(f"{n['passed']} passed, {n['failed']} failed, {n['skipped']} skipped")
    return n["failed"] + n["skipped"] > 0


def chosen(only):
    wanted = [x.strip().replace("-", "_") for x in only.split(",") if x.strip()]
    unknown = [x for x in wanted if x not in ORDER]
    if unknown:
        sys.exit(f"faults: no check {', '.join(unknown)}; there are: {' '.join(ORDER).replace('_', '-')}")
    wanted += [NEEDS[x] for x in wanted if x in NEEDS]
    return [x for x in ORDER if not wanted or x in wanted or x == "log"]


def main():
    p = argparse.ArgumentParser(description="every fault switch of the card, in a VM")
    p.add_argument("--kernel", default="6.1")
    p.add_argument("--only", default="", help="names of checks, separated by commas")
    p.add_argument("--json", type=Path, default=vm.BUILD / "vm-faults.json")
    options = p.parse_args()
    names = chosen(options.only)
    logs = vm.BUILD / "log" / f"faults-{options.kernel}"
    logs.mkdir(parents=True, exist_ok=True)
    for old in logs.glob("*.log"):
        old.unlink()
    t0 = time.monotonic()
    with vm.RunDir() as run_dir:
        try:
            runner = Runner(Machine(vm.Kernel(options.kernel), logs, run_dir))
        except vm.VmError as e:
            sys.exit(f"faults: {e}")
        try:
            runner.run(names)
        finally:
            runner.machine.close()
    return report(runner, options.json, time.monotonic() - t0)


if __name__ == "__main__":
    sys.exit(main())
