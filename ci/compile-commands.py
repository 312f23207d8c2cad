#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Prints compile_commands.json for clangd: host code as make would compile it now,
kernel code as Kbuild last did (its .cmd files in build/kmod), with the paths of
the copy turned back into those of the tree.
"""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]


def host_commands():
    text = subprocess.run(["make", "-Bnk", "V=1", "host", "unit-build"], cwd=TOP, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    for line in text.splitlines():
        m = re.search(r" -c -o (\S+) (\S+\.c)$", line)
        if m:
            yield {"directory": str(TOP), "command": line.strip(), "file": m[2]}


def compiler_root(name):
    """The root in which ci/kmod-build ran make for this kernel, and its release."""
    cache = os.environ.get("FIO_CACHE") or Path.home() / ".cache/fio-flash"
    env = Path(cache) / f"kernel/{name}.env"
    values = dict(x.split("=", 1) for x in env.read_text().splitlines())
    return values["ROOT"], values["KREL"]


def kernel_commands():
    """One copy is enough: the first kernel that was built."""
    for copy in sorted((TOP / "build/kmod").glob("[0-9]*[0-9]")):
        root, krel = compiler_root(copy.name)
        found = sorted(copy.glob("**/.*.o.cmd"))
        for cmd in found:
            m = re.match(r"(?:saved)?cmd_\S+ := (.* -c -o \S+ (\S+\.c))", cmd.read_text())
            if m and not m[2].endswith(".mod.c"):
                command = m[1].split(" ; ")[0].replace("/usr/src/", f"{root}/usr/src/")
                yield {"directory": f"{root}/usr/src/linux-headers-{krel}",
                       "command": command.replace("/fio/", f"{TOP}/").strip(),
                       "file": m[2].replace("/fio/", f"{TOP}/")}
        if found:
            return


def main():
    json.dump([*host_commands(), *kernel_commands()], sys.stdout, indent=1)


main()
