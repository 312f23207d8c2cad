#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
The main job, checked end to end: a virtual card in a VM becomes /dev/fioa, holds
file systems and survives power cuts.

  run.py [--kernel 6.1] [--only a,e] [--smoke] [--json FILE] [--shell] [--seed N]

Each step prints what it is, how it ended and how long it took. The first that
fails ends the run, with what was seen and where the logs are: what comes after
would only fail because of it. Everything random follows from the seed, which is
printed, except the moment of a power cut, which no seed can fix.

It knows what is to hold; the guest's side is in tests/vm/guest/check, the
machinery in tests/vm/vm.py.
"""
import argparse
import contextlib
import json
import random
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import vm

LETTERS = "abcdgefijh"
UP = "sh /check/up"


class CheckFailed(Exception):
    pass


class Load:
    """What the guest acknowledged, over all cuts: the only memory of a load."""
    BATCH = 8
    REGIONS = {"A": (1 << 30, 8192, 0), "B": (2 << 30, 2048, 1)}

    def __init__(self, seed):
        self.seed = seed
        self.acks = {tag: [] for tag in self.REGIONS}
        self.files = []

    def listed(self, tag):
        return ",".join(map(str, self.acks[tag])) or "-"

    def close_round(self, acked):
        """acked: the last number seen for each tag since the load began"""
        for tag, rounds in self.acks.items():
            none = rounds[-1] + self.BATCH if rounds else 0
            rounds.append(max(acked.get(tag, none), none))
        self.files.append(acked.get("F", 0))


class Run:
    def __init__(self, options):
        self.kernel = vm.Kernel(options.kernel, options.modules)
        self.smoke = options.smoke
        self.seed = options.seed
        self.random = random.Random(options.seed)
        self.logs = vm.BUILD / "log" / (("smoke-" if options.smoke else "run-") + options.kernel)
        self.results = []
        self.guests = []
        self.guest = None
        self.card = None
        self.initrd = None
        self.dev = "/dev/fioa"

    # --- reporting -------------------------------------------------------------

    @contextlib.contextmanager
    def step(self, ident, title):
        """One line, one entry: the body may set .detail on what it is given."""
        result = {"id": ident, "ok": False, "seconds": 0.0, "detail": ""}
        self.results.append(result)
        print(f"{ident:14} {title} ... ", end="", flush=True)
        t0 = time.monotonic()
        try:
            yield result
            result["ok"] = True
        except Exception as e:
            result["detail"] = str(e)
            raise
        finally:
            result["seconds"] = round(time.monotonic() - t0, 1)
            first, *rest = (result["detail"] if result["ok"] else "").splitlines() or [""]
            print(f"{'ok' if result['ok'] else 'FAILED'} ({result['seconds']} s)"
                  + (f" {first}" if first else ""))
            for line in rest:
                print(" " * 15 + line)

    def command(self, ident, title, command, limit=120, detail=None, fails=False):
        """A step that is one guest command; `detail` picks what to show of it."""
        with self.step(ident, title) as result:
            r = self.guest.run(command, limit)
            if (r.rc == 0) == fails:
                raise CheckFailed(f"'{command}' ended with {r.rc}:\n{r.out.strip()}")
            result["detail"] = detail(r.out) if detail else ""
        return r.out

    # --- machines --------------------------------------------------------------

    def prepare(self, run_dir):
        self.logs.mkdir(parents=True, exist_ok=True)
        for old in self.logs.glob("*.log"):
            old.unlink()
        with self.step("prepare", f"initramfs for {self.kernel.krel}"):
            self.initrd = self.kernel.initrd()
        if not (vm.CACHE / "accel").exists():
            with self.step("accel", "does KVM boot a guest here?") as result:
                accel, why = vm.probe_kvm(self.kernel, self.initrd, self.logs)
                result["detail"] = accel if accel == why else f"{accel}, because: {why}"
        self.card = vm.Card(run_dir, "card-" + self.logs.name, self.logs)

    def boot(self, label, iommu=False, **card_options):
        """A new guest with the card in its present state; nothing is loaded yet."""
        self.close()
        with self.step(label, "card and guest start"
                       + (" with a translating IOMMU" if iommu else "")) as result:
            self.card.start(**card_options)
            self.guest = vm.Guest(self.kernel, self.initrd, self.logs, label, [self.card],
                                  iommu=iommu)
            self.guests.append(self.guest)
            seconds = self.guest.boot()
            result["detail"] = f"{self.guest.accel}, {seconds:.1f} s to the first command"

    def need_card(self):
        """For checks that start from a living card, in whatever order they are asked."""
        if not self.guest:
            self.new_card()
            self.guest.run(UP, check=True)

    def new_card(self):
        self.card.erase()
        self.boot("boot1")
        self.command("format", "a new card gets its first format", "sh /check/newcard", limit=180)

    def close(self):
        if self.guest:
            self.guest.kill()
            self.guest = None
        if self.card:
            self.card.kill()

    # --- a: it comes up ----------------------------------------------------------

    def check_a(self):
        self.new_card()
        self.command("a.modprobe", "modprobe fio-blk alone brings up /dev/fct0 and /dev/fioa",
                     UP)
        self.command("a.version", "the driver says its version once",
                     "dmesg | grep -iE 'fio.*version' | tee /tmp/v; [ $(wc -l < /tmp/v) = 1 ]",
                     detail=str.strip)
        self.command("a.status", "fio-status -a", "fio-status -a", detail=str.rstrip)
        with self.step("a.json", "fio-status -fj is JSON") as result:
            tree = json.loads(self.guest.run("fio-status -fj", check=True).out)
            result["detail"] = f"{len(json.dumps(tree))} bytes"

    # --- b: data integrity ---------------------------------------------------------

    def check_b(self):
        self.need_card()
        job = "short" if self.smoke else "verify"
        self.command("b.verify", "checksummed writes read back in every shape",
                     f"sh /check/tester {job} {self.dev}", limit=600, detail=str.strip)

    # --- c: file systems -------------------------------------------------------------

    def check_c(self):
        self.need_card()
        for kind in ("ext4", "xfs"):
            self.command(f"c.{kind}", f"{kind}: real files copied, compared, trimmed, checked",
                         f"modprobe -q {kind}; sh /check/filesystem {kind} {self.dev}", limit=300,
                         detail=lambda out: out.strip().splitlines()[-1])

    # --- d: the tools ------------------------------------------------------------------

    def check_d(self):
        self.need_card()
        self.command("d.refuse", "wrong device, mounted device, bad size are refused",
                     "sh /check/refuse", detail=str.strip)
        self.command("d.tools", "detach, attach, reformat 4096 -> 512 -> 4096",
                     "sh /check/tools", limit=300)

    # --- g: unload and load --------------------------------------------------------------

    def check_g(self):
        self.need_card()
        times = 3 if self.smoke else 20
        self.command("g.reload", f"unload is refused in use, works when idle, {times} times",
                     f"sh /check/reload {times}", limit=600)

    # --- e: power cuts ---------------------------------------------------------------------

    def check_e(self):
        rounds = [{}, {}, {"plp": "failed"}] if not self.smoke else [{"plp": "failed"}]
        load = Load(self.random.getrandbits(40))
        self.need_card()
        self.command("e.prepare", "a file system and two discarded regions",
                     f"{UP} && blkdiscard -o 1G -l 64M {self.dev} && "
                     f"blkdiscard -o 2G -l 64M {self.dev} && mkfs.ext4 -q -F {self.dev} 512M && "
                     f"mount {self.dev} /mnt")
        for i, options in enumerate(rounds, 1):
            if options:
                self.guest.run("umount /mnt; sync", check=True)
                self.orderly_off()
                self.boot(f"e.start{i}", **options)
                self.come_back(load, f"e.attach{i}")
            self.cut(i, load, options.get("plp", "ok"))
            self.look_at_image(f"e.image{i}")
            self.boot(f"e.boot{i}")
            self.come_back(load, f"e.recover{i}")
            self.command(f"e.fsck{i}", "the file system is clean",
                         f"umount /mnt && e2fsck -fn {self.dev} 2>&1 && mount {self.dev} /mnt",
                         detail=lambda out: out.strip().splitlines()[-1])
        self.guest.run("umount /mnt", check=True)

    def orderly_off(self):
        self.guest.power_off()
        self.card.stop()
        self.guest = None

    def cut(self, i, load, plp):
        sync = "done" if plp == "ok" else "fsync"
        with self.step(f"e.cut{i}", f"power cut in the middle of writes, protection {plp}") as result:
            self.guest.run(f"FIO_DEV={self.dev} sh /check/load {load.seed} {i} {sync} {load.listed('A')} "
                           f"{load.listed('B')}", check=True)
            wanted, acked = self.random.randint(200, 1000), {}
            for _ in range(wanted):
                tag, number = self.guest.acked(60)
                if tag == "DEAD":
                    raise CheckFailed("a writer stopped by itself:\n" + self.guest.post_mortem())
                acked[tag] = number
            # not only in the moment after an acknowledgement
            threading.Event().wait(random.uniform(0, 0.03))
            self.guest.power_cut(torn=plp != "ok" or i == 2)
            acked.update(self.guest.acked_left())
            self.guest = None
            load.close_round(acked)
            result["detail"] = (f"acknowledged: {acked.get('A', 0)} and {acked.get('B', 0)} "
                                f"operations, {acked.get('F', 0)} files")

    def look_at_image(self, ident):
        """The driver's core and an independent reader on what the card left, from outside."""
        with self.step(ident, "what the cut left holds together, by fio-ftl") as result:
            r = subprocess.run([vm.BUILD / "host/fio-ftl", "check", "-j", self.card.state],
                               capture_output=True, text=True, timeout=300, check=False)
            if r.returncode:
                raise CheckFailed(f"fio-ftl check ended with {r.returncode}:\n{r.stdout[-4000:]}{r.stderr}")
            said = json.loads(r.stdout)
            result["detail"] = (f"{len(said['checks'])} checks, {said['attach']['units_mapped']} units mapped, "
                                f"{said['unreadable_pages']} pages unreadable")

    def come_back(self, load, ident):
        took = " ".join(f"$(fio-status -F iom.attach_{what} /dev/fct0)"
                        for what in ("seconds", "scan_seconds", "bytes_read"))
        self.command(ident, "attach recovers",
                     f"{UP} && dmesg | grep -E 'fio|fct' && set -- {took} && "
                     'echo "the attach took $1 s, $2 of it scanning, and read $3 bytes"',
                     limit=180, detail=recovery_lines)
        for tag, (offset, blocks, n) in load.REGIONS.items():
            self.command(f"{ident}.{tag}", "every acknowledged write is there, nothing else is",
                         f"ackwrite verify {self.dev} {offset} {blocks} {load.seed + n} "
                         f"{load.listed(tag)}", detail=str.strip)
        with self.step(f"{ident}.F", "every acknowledged file is there") as result:
            self.guest.run(f"mount {self.dev} /mnt", check=True)
            for i, count in enumerate(load.files, 1):
                self.guest.run(f"ackwrite checkfiles /mnt/r{i} {load.seed + 10 + i} {count}", check=True)
            result["detail"] = f"{sum(load.files)} files"

    # --- j: atomic writes ------------------------------------------------------------------

    PAGES = 4096  # of a database, 16 KiB each

    def check_j(self):
        self.need_card()
        limits = self.command("j.limits", "the kernel says which writes are atomic, or knows none",
                              f"pagewrite limits {self.dev}", detail=str.strip)
        path = f"/sys/block/{Path(self.dev).name}/queue"
        if "bytes" not in limits:
            self.command("j.none", "then the disk advertises nothing",
                         f"! cat {path}/atomic_write_max_bytes")
            return
        self.command("j.sysfs", "4 KiB to 256 KiB, without a boundary",
                     f"cd {path}; [ $(cat atomic_write_unit_min_bytes) = 4096 ] && "
                     "[ $(cat atomic_write_unit_max_bytes) = 262144 ] && "
                     "[ $(cat atomic_write_max_bytes) = 262144 ] && "
                     "[ $(cat atomic_write_boundary_bytes) = 0 ]")
        for size in (4, 16, 64, 256):
            self.command(f"j.fio{size}", f"the I/O tester's atomic writes of {size} KiB read back",
                         f"FIO_SIZE={size}k sh /check/tester atomic {self.dev}", limit=300,
                         detail=str.strip)
        rounds = [{}, {"plp": "failed"}] if not self.smoke else [{}]
        for i, options in enumerate(rounds, 1):
            self.page_round(i, options)

    def page_round(self, i, options):
        """Four writers of pages, a cut, and a look at every page."""
        where = f"{self.dev} {(3 + i) << 30} {self.PAGES} {self.seed + i}"
        self.orderly_off()
        self.boot(f"j.start{i}", **options)
        with self.step(f"j.cut{i}", "power cut in the middle of 16 KiB pages, protection "
                       + options.get("plp", "ok")) as result:
            self.guest.run(UP, check=True)
            for tag in "ABCD":
                self.guest.run(f"(setsid pagewrite write {where} /dev/ttyS2 {tag} >/dev/console 2>&1; "
                               "echo DEAD 0 >/dev/ttyS2) </dev/null >/dev/null 2>&1 &", check=True)
            acked = dict.fromkeys("ABCD", 0)
            for _ in range(self.random.randint(200, 600)):
                tag, number = self.guest.acked(60)
                if tag == "DEAD":
                    raise CheckFailed("a writer stopped by itself:\n" + self.guest.post_mortem())
                acked[tag] = number
            threading.Event().wait(random.uniform(0, 0.03))
            self.guest.power_cut(torn=True)
            acked.update(self.guest.acked_left())
            self.guest = None
            result["detail"] = f"acknowledged: {sum(acked.values())} pages"
        self.look_at_image(f"j.image{i}")
        self.boot(f"j.boot{i}")
        self.command(f"j.pages{i}", "no page is torn, every acknowledged one is there",
                     f"{UP} && pagewrite verify {where} "
                     + " ".join(f"{tag}={n}" for tag, n in acked.items()),
                     limit=180, detail=lambda out: out.strip().splitlines()[-1])

    # --- f: IOMMU ------------------------------------------------------------------------------

    def check_f(self):
        self.need_card()
        self.orderly_off()
        self.boot("f.boot", iommu=True)
        self.command("f.domain", "the card's DMA is translated, strictly",
                     UP + " && d=/sys/class/block/fioa/device; "
                     "for g in /sys/kernel/iommu_groups/*; do for p in $g/devices/*; do "
                     "[ $(cat $p/vendor) = 0x1aed ] && cat $g/type; done; done | sort -u | tee /tmp/t; "
                     "[ \"$(cat /tmp/t)\" = DMA ]", detail=str.strip)
        self.command("f.verify", "checksummed writes read back under the IOMMU",
                     f"sh /check/tester short {self.dev}", limit=600, detail=str.strip)
        self.command("f.reload", "unload and load under the IOMMU", "sh /check/reload 1", limit=180)

    # --- i: a die is lost ------------------------------------------------------------------------

    def check_i(self):
        self.need_card()
        self.command("i.format", "a format with parity, and data",
                     "fio-detach -q /dev/fct0 && fio-format -q -y --parity on -s 80% /dev/fct0 && "
                     "fio-attach -q /dev/fct0 && waitdev /sys/class/fio/fct0/state=attached 120 && "
                     "[ \"$(fio-status -F iom.parity /dev/fct0)\" = yes ] && "
                     "dd if=/dev/urandom of=/tmp/ref bs=1M count=32 2>/dev/null && "
                     f"dd if=/tmp/ref of={self.dev} bs=1M seek=512 oflag=direct 2>/dev/null", limit=300)
        self.card.control("die-offline", "1")
        self.command("i.read", "a die stops answering: all reads are right",
                     f"dd if={self.dev} bs=1M skip=512 count=32 iflag=direct 2>/dev/null | cmp - /tmp/ref && "
                     "{ fio-status -F iom.units_rebuilt /dev/fct0 || [ $? = 4 ]; }",
                     detail=lambda out: f"{out.strip()} units computed")
        self.command("i.verify", "writes go on",
                     f"sh /check/tester short {self.dev}", limit=600, detail=str.strip)
        self.command("i.status", "fio-status says that a die does not answer",
                     "fio-status -F iom.media_status_reason /dev/fct0 | grep 'a die does not answer'",
                     detail=str.strip)

    # --- h: the kernel's own opinion -------------------------------------------------------------

    def check_h(self):
        with self.step("h.log", "no warning, oops or lockdep line in any kernel log") as result:
            bad = [f"{g.label}: {line}" for g in self.guests for line in g.bad_kernel_lines()]
            if bad:
                raise CheckFailed("\n".join(bad[:20]))
            result["detail"] = f"{len(self.guests)} boots"


def recovery_lines(out):
    """Of the driver's lines, those that tell what attach found and did."""
    lines = [re.sub(r"^\[\s*[\d.]+\] ", "", x) for x in out.splitlines()]
    told = [x for x in lines if re.search(r"recover|attach|checkpoint|replay|scan", x)]
    return "\n".join(told[-6:])


def report(run, path, seconds, failed, again=None):
    ok = failed is None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"ok": ok, "kernel": run.kernel.krel, "seed": run.seed,
                                "seconds": round(seconds, 1), "checks": run.results}, indent=1) + "\n")
    if ok:
        print(f"RUN OK: {len(run.results)} checks")
        return 0
    last = run.results[-1] if run.results else {"id": "prepare"}
    print(f"\nwhat was seen:\n{failed}")
    print(f"logs: {run.logs.relative_to(vm.TOP)}/")
    print("again: " + (again or f"make run KERNEL={run.kernel.name} ONLY={last['id'][0]}"))
    print(f"RUN FAILED: {last['id']}")
    return 1


def shell(run, run_dir):
    """A card of its own, which keeps what is put on it from one time to the next."""
    run.prepare(run_dir)
    card = vm.Card(run_dir, "card-shell", run.logs)
    fresh = "" if card.state.exists() else "newcard"
    card.start()
    with vm.Guest(run.kernel, run.initrd, run.logs, "shell", [card], shell=True, append=fresh) as guest:
        guest.start()
        guest.process.proc.wait()
    card.stop()
    return 0


def main():
    p = argparse.ArgumentParser(description="run the checks of the main job in a VM")
    p.add_argument("--kernel", default="6.1")
    p.add_argument("--only", default="", help="letters of checks, as in a,e")
    p.add_argument("--smoke", action="store_true", help="the short form of a, b, e")
    p.add_argument("--modules", type=Path, help="where RELEASE/.../*.ko are, if not in build/kmod")
    p.add_argument("--shell", action="store_true", help="leave a prompt in the guest")
    p.add_argument("--json", type=Path, default=vm.BUILD / "run.json")
    p.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(31))
    options = p.parse_args()
    wanted = [c for c in options.only if c in LETTERS] or list("abeh" if options.smoke else LETTERS)
    t0, failed = time.monotonic(), None
    try:
        run = Run(options)
    except vm.VmError as e:
        sys.exit(f"run: {e}")
    with vm.RunDir() as run_dir:
        if options.shell:
            return shell(run, run_dir)
        print(f"kernel {run.kernel.krel}, seed {run.seed}")
        try:
            run.prepare(run_dir)
            for letter in LETTERS:
                if letter in wanted:
                    getattr(run, f"check_{letter}")()
        except (vm.VmError, CheckFailed, OSError, ValueError) as e:
            failed = str(e)
        finally:
            run.close()
    return report(run, options.json, time.monotonic() - t0, failed)


if __name__ == "__main__":
    sys.exit(main())
