# SPDX-License-Identifier: GPL-2.0-only
"""
A virtual card and a guest that sees it: start, command, cut the power, stop.

Card    one fio-vcard process over a state file
Guest   one QEMU process: console to a log, commands over the second serial port,
        numbers that must outlive a power cut over the third
Kernel  what is booted, from $FIO_CACHE/kernel/NAME.env

Nothing here sleeps: every wait is for a line, an answer or the end of a process,
with a limit after which the error says what was awaited and shows the last of
the log. Processes are ended by their own pid and no other way. Sockets to QEMU
are pairs made beforehand, so none is waited for and its death is seen at once.

It knows QEMU's command line and the agent's protocol, and nothing of any check.
"""
import collections
import ctypes
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import initramfs

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / "build"
CACHE = Path(os.environ.get("FIO_CACHE") or
             Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fio-flash")

# A card answers register reads from another process: on a loaded machine a late
# reply would be taken for a dead card, hence the long limit.
CARD_TIMEOUT_MS = 60000
BOOT_LIMIT = 180
BAD_KERNEL_LINE = re.compile(
    r"WARNING:|BUG:|Oops|Call Trace|general protection|Kernel panic|KASAN|UBSAN|"
    r"INFO: (?:possible|task|rcu|trying)|possible (?:recursive|circular|irq)|lockdep|"
    r"refcount_t:|DMA-API|objtool|stack guard|Modules linked in|"
    r"module verification error|scheduling while atomic|sleeping function")


class VmError(Exception):
    """What went wrong, and where to look."""


class Kernel:
    def __init__(self, name, built=None):
        """built: where our modules are, in a directory for each release, if not in build/kmod/NAME"""
        env = CACHE / "kernel" / f"{name}.env"
        if not env.exists():
            raise VmError(f"kernel {name} is not here yet: run ci/setup {name}")
        values = dict(shlex.split(line)[0].split("=", 1) for line in env.read_text().splitlines())
        self.name = name
        self.krel = values["KREL"]
        self.vmlinuz = Path(values["VMLINUZ"])
        self.moddir = Path(values["MODDIR"])
        self.root = Path(values["ROOT"])
        self.built = Path(built) / self.krel if built else BUILD / "kmod" / name
        self.out = BUILD / "vm" / name

    def headers(self):
        """The directory include of this kernel's common headers."""
        base = re.sub(r"-cloud-amd64$|-amd64$", "", self.krel)
        found = sorted(self.root.glob(f"usr/src/linux-headers-{base}-common/include"))
        return found[0] if found else None

    def initrd(self):
        """Makes and returns the initramfs: cheap, so made for every run."""
        guest = (CACHE / "root/guest").resolve()
        if not (guest / ".ok").exists():
            raise VmError("the guest's user land is not here yet: run ci/setup vm")
        self.out.mkdir(parents=True, exist_ok=True)
        programs = re.sub(r"\W+", "-", " ".join(initramfs.GUEST_PROGRAMS))
        base = CACHE / "base" / f"{guest.name}-{abs(hash_text(programs)):08x}.cpio"
        if not base.exists():
            base.parent.mkdir(parents=True, exist_ok=True)
            part = base.with_suffix(f".{os.getpid()}")
            initramfs.build_base(guest, part)
            part.rename(base)
        ours = sorted(self.built.glob("**/fio-*.ko"))
        if not ours:
            raise VmError(f"no modules in {self.built}")
        initramfs.stage_modules(guest, self.krel, self.moddir, ours, self.out / "stage")
        initramfs.build_modules(self.out / "stage", self.out / "modules.cpio")
        initramfs.build_ours(TOP, self.headers(), self.out / "ours.cpio")
        path = self.out / "initrd"
        initramfs.concatenate([base, self.out / "modules.cpio", self.out / "ours.cpio"], path)
        return path


def hash_text(text):
    value = 0
    for b in text.encode():
        value = (value * 31 + b) & 0xffffffff
    return value


def die_with_parent():
    """In the child: the kernel kills it when this program is gone, however it went."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)      # PR_SET_PDEATHSIG


class Process:
    """A child that is ended by its own pid, with its output in a log."""

    def __init__(self, argv, log, **kwargs):
        self.log = Path(log)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.argv = [str(a) for a in argv]
        with open(self.log, "ab") as out:
            out.write(("$ " + " ".join(shlex.quote(a) for a in self.argv) + "\n").encode())
            out.flush()
            kwargs.setdefault("stdin", subprocess.DEVNULL)
            kwargs.setdefault("stdout", out)
            if not kwargs.pop("tty", False):
                kwargs["stderr"] = out
            self.proc = subprocess.Popen(self.argv, preexec_fn=die_with_parent, **kwargs)

    def kill(self):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()

    def tail(self, lines=20):
        text = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join("    " + line for line in text[-lines:])


class Card:
    """A virtual card over a state file, which outlives the process."""

    def __init__(self, run_dir, name, log_dir, size="8G", **options):
        self.socket = str(Path(run_dir) / f"{name}.sock")
        self.name = name
        self.size = size
        self.options = options
        self.state = BUILD / "vm" / f"{name}.state"
        self.log = Path(log_dir) / f"{name}.log"
        self.process = None

    def erase(self):
        self.state.parent.mkdir(parents=True, exist_ok=True)
        self.state.unlink(missing_ok=True)

    def start(self, **options):
        """Returns when it listens: it says so on its standard output."""
        argv = [BUILD / "host/fio-vcard", "--socket", self.socket, "--state", self.state,
                "--size", self.size]
        for key, value in {**self.options, **options}.items():
            argv += ["--" + key.replace("_", "-"), str(value)]
        for stale in (self.socket, self.socket + ".ctl"):
            Path(stale).unlink(missing_ok=True)
        self.process = Process(argv, self.log, stdout=subprocess.PIPE)
        ready = threading.Event()
        threading.Thread(target=self._read, args=(ready,), daemon=True).start()
        ready.wait(60)
        if self.process.proc.poll() is not None or not ready.is_set():
            self.process.kill()
            raise VmError(f"fio-vcard did not start:\n{self.process.tail()}")

    def _read(self, ready):
        with open(self.log, "ab", buffering=0) as log:
            for line in self.process.proc.stdout:
                log.write(line)
                if b"listening on" in line:
                    ready.set()
        ready.set()

    def control(self, *command):
        r = subprocess.run([BUILD / "host/fio-vcardctl", self.socket + ".ctl", *command],
                           capture_output=True, text=True, timeout=60)
        if r.returncode:
            raise VmError(f"fio-vcardctl {' '.join(command)}: {r.stdout}{r.stderr}".strip())
        return r.stdout

    def stop(self):
        """Switches it off in order, which a guest that has powered off allows."""
        self.process.proc.terminate()
        try:
            self.process.proc.wait(60)
        except subprocess.TimeoutExpired:
            raise VmError(f"{self.name} did not end on SIGTERM:\n{self.process.tail()}") from None

    def kill(self):
        if self.process:
            self.process.kill()


class Port:
    """One end of a byte stream to the guest, read by a thread of its own."""

    def __init__(self, name):
        self.ours, self.theirs = socket.socketpair()
        self.name = name
        self.data = bytearray()
        self.closed = False
        self.changed = threading.Condition()

    def started(self, log=None):
        self.theirs.close()
        threading.Thread(target=self._read, args=(log,), daemon=True).start()

    def _read(self, log):
        out = open(log, "ab", buffering=0) if log else None
        while True:
            try:
                got = self.ours.recv(65536)
            except OSError:
                got = b""
            if out and got:
                out.write(got)
            with self.changed:
                self.data += got
                self.closed = self.closed or not got
                self.changed.notify_all()
            if not got:
                return

    def take(self, match, deadline, what, alarm=None):
        """Waits until match(data) returns (value, bytes used); drops the used."""
        with self.changed:
            while True:
                found = match(self.data)
                if found:
                    del self.data[:found[1]]
                    return found[0]
                if self.closed:
                    raise VmError(f"the guest went away while waiting for {what}")
                if alarm and alarm():
                    raise VmError(alarm())
                left = deadline - time.monotonic()
                if left <= 0:
                    raise VmError(f"no answer in time while waiting for {what}")
                self.changed.wait(min(left, 1.0))


def match_line(data):
    end = data.find(b"\n")
    return (data[:end].decode(errors="replace"), end + 1) if end >= 0 else None


def match_frame(data):
    """('O', bytes) or ('X', status) or ('H', release)"""
    end = data.find(b"\n")
    if end < 0:
        return None
    kind, _, rest = data[:end].decode(errors="replace").partition(" ")
    if kind != "O":
        return ((kind, rest), end + 1)
    size = int(rest)
    if len(data) < end + 1 + size:
        return None
    return ((kind, bytes(data[end + 1:end + 1 + size])), end + 1 + size)


Result = collections.namedtuple("Result", "rc out seconds")


class Guest:
    """One boot. Use as a context manager: whatever happens, QEMU is gone after."""

    def __init__(self, kernel, initrd, log_dir, label, cards=(), iommu=False, append="",
                 extra=(), accel=None, smp=2, memory=1024, shell=False):
        self.kernel, self.initrd, self.cards = kernel, initrd, list(cards)
        self.log_dir, self.label = Path(log_dir), label
        self.iommu, self.append, self.extra = iommu, append, list(extra)
        self.accel = accel or accelerator()
        self.smp, self.memory, self.shell = smp, memory, shell
        self.console_log = self.log_dir / f"{label}.console.log"
        self.ports = {n: Port(n) for n in ("console", "agent", "ack", "qmp")}
        self.process = None
        self.uptime = 0.0

    def argv(self):
        share = f"memory-backend-memfd,id=m,size={self.memory}M,share=on"
        cmdline = f"console=ttyS0 panic=-1 oops=panic watchdog_thresh=60 {self.append}"
        argv = [TOP / "ci/qemu", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-accel", "kvm" if self.accel == "kvm" else "tcg,thread=multi", "-cpu", "max",
                "-smp", self.smp, "-m", self.memory, "-object", share,
                "-machine", "q35,memory-backend=m"
                + (",kernel-irqchip=split" if self.accel == "kvm" else ""),
                "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
                "-kernel", self.kernel.vmlinuz, "-initrd", self.initrd]
        if self.iommu:
            argv += ["-device", "intel-iommu,intremap=on,caching-mode=on"]
            cmdline += " intel_iommu=on iommu=nopt iommu.passthrough=0 iommu.strict=1"
        if self.shell:
            argv += ["-serial", "mon:stdio"]
            cmdline += " shell quiet"
        else:
            argv += self._serial("console")
        argv += self._serial("agent") + self._serial("ack")
        argv += ["-chardev", f"socket,id=qmp,fd={self.ports['qmp'].theirs.fileno()}",
                 "-mon", "chardev=qmp,mode=control"]
        for i, card in enumerate(self.cards):
            argv += ["-device", f"pcie-root-port,id=rp{i},bus=pcie.0,chassis={i + 1},slot={i + 1}",
                     "-device", json.dumps({
                         "driver": "vfio-user-pci", "id": f"vc{i}", "bus": f"rp{i}",
                         "x-msg-timeout": CARD_TIMEOUT_MS,
                         "socket": {"type": "unix", "path": card.socket}})]
        return argv + self.extra + ["-append", cmdline]

    def _serial(self, name):
        fd = self.ports[name].theirs.fileno()
        return ["-chardev", f"socket,id={name},fd={fd}", "-serial", f"chardev:{name}"]

    def start(self):
        fds = [p.theirs.fileno() for p in self.ports.values()]
        tty = {"stdin": None, "stdout": None, "tty": True} if self.shell else {}
        self.console_log.parent.mkdir(parents=True, exist_ok=True)
        self.console_log.write_bytes(b"")
        self.process = Process(self.argv(), self.log_dir / f"{self.label}.qemu.log",
                               pass_fds=fds, **tty)
        for name, port in self.ports.items():
            port.started(self.console_log if name == "console" else None)
        return self

    def boot(self, limit=BOOT_LIMIT):
        """Starts it and waits for the agent. Returns the seconds it took."""
        t0 = time.monotonic()
        self.start()
        kind, release = self._frame(t0 + limit, "the guest to boot")
        # UEFI talks on every serial port there is
        while kind != "H":
            kind, release = self._frame(t0 + limit, "the guest to boot")
        if release != self.kernel.krel:
            raise VmError(f"{self.label}: the guest answered '{kind} {release}' "
                          f"instead of its kernel {self.kernel.krel}")
        return time.monotonic() - t0

    def _frame(self, deadline, what):
        try:
            return self.ports["agent"].take(match_frame, deadline, what)
        except VmError as e:
            raise VmError(f"{self.label}: {e}\n{self.post_mortem()}") from e

    def post_mortem(self):
        """The last of the logs; a guest that still lives is asked what it is at."""
        if self.process.proc.poll() is None:
            self._ask_blocked_tasks()
        text = self.console_log.read_text(errors="replace").splitlines()[-40:]
        status = self.process.proc.poll()
        return ("    --- console, last lines ---\n" + "\n".join("    " + x for x in text)
                + f"\n    --- QEMU ({'alive' if status is None else f'ended, {status}'}) ---\n"
                + self.process.tail(8)
                + "".join(f"\n    --- {c.name} ---\n{c.process.tail(8)}"
                          for c in self.cards if c.process))

    def _ask_blocked_tasks(self):
        """Magic SysRq over the console: break, then w."""
        try:
            self.qmp("qmp_capabilities")
            self.qmp("chardev-send-break", id="console")
            self.ports["console"].ours.sendall(b"w")
            deadline = time.monotonic() + 5
            self.ports["console"].take(lambda d: None, deadline, "the list of blocked tasks")
        except (VmError, OSError):
            pass

    def qmp(self, command, **args):
        port = self.ports["qmp"]
        port.ours.sendall(json.dumps({"execute": command, "arguments": args}).encode() + b"\n")
        deadline = time.monotonic() + 10
        while True:
            answer = json.loads(port.take(match_line, deadline, f"QMP {command}"))
            if "return" in answer or "error" in answer:
                return answer

    def run(self, command, limit=120, check=False):
        """Runs a shell command in the guest: Result(rc, out, seconds)."""
        t0 = time.monotonic()
        if "\n" in command or len(command) > 4000:
            raise ValueError("one short line: put scripts into tests/vm/guest/check")
        self.ports["agent"].ours.sendall(b"R " + command.encode() + b"\n")
        out = bytearray()
        while True:
            kind, rest = self._frame(t0 + limit, f"'{command}' ({limit} s)")
            if kind == "O":
                out += rest
            elif kind == "X":
                break
            else:
                raise VmError(f"{self.label}: unknown frame {kind}")
        r = Result(int(rest), out.decode(errors="replace"), time.monotonic() - t0)
        with open(self.log_dir / f"{self.label}.commands.log", "a", encoding="utf-8") as log:
            log.write(f"$ {command}\n{r.out}[exit {r.rc}, {r.seconds:.1f} s]\n")
        if check and r.rc:
            raise VmError(f"{self.label}: '{command}' ended with {r.rc}:\n{r.out.strip()}")
        return r

    def acked(self, limit, what="an acknowledgement"):
        """The next 'TAG number' that the guest sent over the third port."""
        line = self.ports["ack"].take(match_line, time.monotonic() + limit, what)
        tag, number = line.split()
        return tag, int(number)

    def acked_left(self):
        """What had arrived, after the power was cut; a torn last line is dropped."""
        port, found = self.ports["ack"], []
        with port.changed:
            while not port.closed:
                port.changed.wait(1.0)
            *lines, _torn = port.data.decode(errors="replace").split("\n")
        for line in lines:
            tag, number = line.split()
            found.append((tag, int(number)))
        return found

    def power_cut(self, torn=False):
        """
        Card and machine at once, without a word to either. A killed card loses what
        its buffer holds, and tears only what a die was doing; @torn lets the card
        itself cut, which leaves each die at a point of its own in its queue.
        """
        for card in self.cards:
            if torn:
                card.control("power-cut")
            card.process.proc.kill()
        self.process.proc.kill()
        for card in self.cards:
            card.kill()
        self.process.kill()

    def power_off(self, limit=60):
        """An orderly end; the cards stay."""
        self.ports["agent"].ours.sendall(b"R sync; poweroff -f\n")
        try:
            self.process.proc.wait(limit)
        except subprocess.TimeoutExpired:
            raise VmError(f"{self.label}: the guest did not power off\n{self.post_mortem()}") from None

    def kill(self):
        if self.process:
            self.process.kill()

    def bad_kernel_lines(self):
        text = self.console_log.read_text(errors="replace").splitlines()
        return [line for line in text if BAD_KERNEL_LINE.search(line)]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.kill()


class RunDir:
    """A short path for sockets, which may be 107 characters at most."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="fio-vm.")
        return self.path

    def __exit__(self, *exc):
        shutil.rmtree(self.path, ignore_errors=True)


def accelerator():
    """`kvm` only when a guest was seen to boot with it: see probe_kvm."""
    wanted = os.environ.get("ACCEL")
    if wanted:
        return wanted
    cached = CACHE / "accel"
    return cached.read_text().strip() if cached.exists() else "tcg"


def probe_kvm(kernel, initrd, log_dir):
    """An openable /dev/kvm proves little (nesting may be broken): boot with it."""
    why = "kvm"
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
        with Guest(kernel, initrd, log_dir, "probe-kvm", accel="kvm") as g:
            g.boot(20)
    except (OSError, VmError) as e:
        why = str(e).splitlines()[0]
    accel = "kvm" if why == "kvm" else "tcg"
    (CACHE / "accel").write_text(accel + "\n")
    return accel, why
