# SPDX-License-Identifier: GPL-2.0-only
"""
Builds the guest's initramfs: three archives laid end to end, which the kernel
unpacks one after the other.

  base      busybox, file system tools, the I/O tester, their libraries: from the
            unpacked guest root, made once and kept in the cache
  modules   what the guest needs of its kernel, and our modules: per kernel
  ours      tools, agent and check scripts: every time, they are small

The archives are written here rather than with cpio, so that no device node has
to be made and no extra package is needed. The host's programs run in the guest
through the loader and libraries they were linked with, laid under /opt/host:
the guest's user land is another distribution's.

It knows files and dependencies, and nothing of QEMU or of what is tested.
"""
import lzma
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

GUEST_PROGRAMS = """
    dash bash kmod fio mkfs.ext4 mke2fs e2fsck fsck.ext4 tune2fs dumpe2fs mkfs.xfs xfs_repair
    xfs_db fstrim blkdiscard lsblk wipefs blockdev findmnt mount umount losetup
    sfdisk chmem
""".split()
GUEST_MODULES = """
    xfs ext4 null_blk nvme virtio_blk virtio_pci loop crc32c_generic crc32c_intel
    libcrc32c dm_mod
""".split()
GUEST_HELPERS = ("agent", "ackwrite", "pagewrite", "waitdev")


class Cpio:
    """A newc archive, written as it is filled."""

    def __init__(self, path):
        self.out = open(path, "wb")
        self.seen = set()
        self.ino = 0

    def entry(self, name, mode, data=b"", rdev=(0, 0)):
        raw = name.encode() + b"\0"
        self.ino += 1
        fields = [self.ino, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(raw), 0]
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
        self.out.write(head + b"\0" * (-len(head) % 4))
        self.out.write(data + b"\0" * (-len(data) % 4))

    def parents(self, name):
        for parent in reversed(Path(name).parents):
            if str(parent) != "." and str(parent) not in self.seen:
                self.seen.add(str(parent))
                self.entry(str(parent), stat.S_IFDIR | 0o755)

    def directory(self, name):
        self.parents(name + "/x")

    def link(self, name, target):
        if name in self.seen:
            return
        self.parents(name)
        self.seen.add(name)
        self.entry(name, stat.S_IFLNK | 0o777, target.encode())

    def data(self, name, content, mode=0o644):
        if name in self.seen:
            return
        self.parents(name)
        self.seen.add(name)
        self.entry(name, stat.S_IFREG | mode, content)

    def file(self, name, source):
        mode = 0o755 if os.access(source, os.X_OK) else 0o644
        self.data(name, Path(source).read_bytes(), mode)

    def node(self, name, major, minor):
        self.parents(name)
        self.entry(name, stat.S_IFCHR | 0o600, rdev=(major, minor))

    def close(self):
        self.entry("TRAILER!!!", 0)
        self.out.close()


def loader_list(loader, library_path, program):
    """The libraries a program needs, as the loader finds them."""
    cmd = [str(loader)]
    if library_path:
        cmd += ["--library-path", library_path]
    text = subprocess.run(cmd + ["--list", str(program)], check=True, text=True,
                          capture_output=True).stdout
    return re.findall(r"=> (/\S+)", text)


def find_program(root, name):
    for d in ("usr/bin", "usr/sbin"):
        if (root / d / name).exists():
            return root / d / name
    return None


def build_base(root, path):
    """Busybox first for its names; a real program of the same name goes before."""
    c = Cpio(path)
    for link in ("bin", "sbin", "lib", "lib64"):
        c.link(link, "usr/" + link)
    for d in "proc sys dev tmp mnt run root etc usr/bin usr/sbin usr/lib/x86_64-linux-gnu usr/lib64".split():
        c.directory(d)
    c.node("dev/console", 5, 1)
    c.data("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    c.data("etc/group", b"root:x:0:\n")
    c.link("etc/mtab", "/proc/mounts")
    lib = root / "usr/lib/x86_64-linux-gnu"
    loader = root / "usr/lib64/ld-linux-x86-64.so.2"
    for name in GUEST_PROGRAMS:
        prog = find_program(root, name)
        if not prog:
            continue
        c.file("usr/bin/" + name, prog.resolve())
        # the I/O tester needs a library that Debian keeps in a folder of its own
        for so in loader_list(loader, f"{lib}:{lib}/ceph", prog.resolve()):
            c.file("usr/lib/x86_64-linux-gnu/" + os.path.basename(so), so)
    c.file("usr/lib64/ld-linux-x86-64.so.2", loader.resolve())
    for name in "modprobe rmmod insmod lsmod modinfo depmod".split():
        c.link("usr/bin/" + name, "kmod")
    # not busybox's shell: Debian's runs its own applets whatever PATH says
    c.link("usr/bin/sh", "dash")
    c.file("usr/bin/busybox", find_program(root, "busybox"))
    applets = subprocess.run([find_program(root, "busybox"), "--list"], check=True,
                             text=True, capture_output=True).stdout.split()
    for name in applets:
        c.link("usr/bin/" + name, "busybox")
    c.close()


def dependencies(modules_dep):
    """name -> (path, [paths it needs]), names with '-' as '_'"""
    table = {}
    for line in modules_dep.read_text().splitlines():
        path, _, needs = line.partition(":")
        name = os.path.basename(path).split(".ko")[0].replace("-", "_")
        table[name] = (path, needs.split())
    return table


def kmod(root, applet, *args):
    subprocess.run([root / "usr/lib64/ld-linux-x86-64.so.2", "--library-path",
                    root / "usr/lib/x86_64-linux-gnu", "--argv0", applet,
                    root / "usr/bin/kmod", *args], check=True)


def stage_modules(root, krel, moddir, ours, stage):
    """Lays the wanted modules, uncompressed, and ours into stage/lib/modules."""
    if not (moddir / "modules.dep").exists():
        base = str(moddir).rsplit("/lib/modules/", 1)[0]
        kmod(root, "depmod", "-b", base, krel)
    table = dependencies(moddir / "modules.dep")
    target = stage / "lib/modules" / krel
    shutil.rmtree(stage, ignore_errors=True)
    (target / "extra").mkdir(parents=True)
    for name in GUEST_MODULES:
        path, needs = table.get(name, (None, []))
        for p in [path, *needs] if path else []:
            data = (moddir / p).read_bytes()
            out = target / re.sub(r"\.xz$", "", p)
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_bytes(lzma.decompress(data) if p.endswith(".xz") else data)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        if (moddir / name).exists():
            shutil.copy(moddir / name, target / name)
    for ko in ours:
        shutil.copy(ko, target / "extra")
    kmod(root, "depmod", "-b", str(stage), krel)


def build_modules(stage, path):
    c = Cpio(path)
    # through /usr: a directory "lib" would replace the link of the base archive
    for f in sorted((stage / "lib").rglob("*")):
        if f.is_file():
            c.file("usr/" + str(f.relative_to(stage)), f)
    c.close()


def add_headers(c, headers):
    """Real files for the file system checks: the kernel's own header tree."""
    for part in ("linux", "uapi"):
        for f in sorted((headers / part).rglob("*.h")):
            c.data("usr/src/headers/" + str(f.relative_to(headers)), f.read_bytes())


def add_host_program(c, program):
    name = program.name
    if b"/ld-linux" not in program.read_bytes()[:4096]:     # static
        c.file("usr/bin/" + name, program)
        return
    c.file("opt/host/bin/" + name, program)
    for so in loader_list("/lib64/ld-linux-x86-64.so.2", None, program):
        c.file("opt/host/lib/" + os.path.basename(so), so)
    c.file("opt/host/ld.so", os.path.realpath("/lib64/ld-linux-x86-64.so.2"))
    c.data("usr/bin/" + name, (
        "#!/bin/sh\n"
        f'exec /opt/host/ld.so --library-path /opt/host/lib --argv0 {name} '
        f'/opt/host/bin/{name} "$@"\n').encode(), 0o755)


def build_ours(top, headers, path):
    c = Cpio(path)
    guest = top / "tests/vm/guest"
    host = top / "build/host"
    c.data("init", (guest / "init").read_bytes(), 0o755)
    for f in sorted((guest / "check").glob("*")):
        c.data("check/" + f.name, f.read_bytes(), 0o755)
    for f in sorted((top / "tests/fio").glob("*.fio")):
        c.file("fio/" + f.name, f)
    for name in GUEST_HELPERS:
        c.file("usr/bin/" + name, host / name)
    # a file or a folder each
    for tool in sorted({p.stem for p in (top / "utils").glob("fio-*")}):
        if (host / tool).exists():
            add_host_program(c, host / tool)
    if headers:
        add_headers(c, headers)
    c.close()


def concatenate(parts, path):
    with open(path, "wb") as out:
        for p in parts:
            with open(p, "rb") as f:
                shutil.copyfileobj(f, out)
            out.write(b"\0" * (-out.tell() % 512))
