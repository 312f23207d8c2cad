#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
`make matrix`: every kernel of ci/kernels.list, built, checked, booted, cut.

  ci/matrix.py [NAME...]      these kernels, or all
  ci/matrix.py --readme       rewrite the table in README.md from build/matrix.json
  ci/matrix.py --check        fail when that table is not what --readme would write

For each: its own compiler in its own root, W=1, sparse over every file (counted: a
kernel whose checker is missing checks nothing and says nothing), the answers of the
compile probes, and in QEMU the checks that `make run` makes, in their short form.

A kernel that passed with these sources and this release is not run again, unless
FORCE=1. So an interrupted run goes on where it was, and nothing needs the network
that was had before. One that fails does not end the run. Results: a table, and
build/matrix.json. With names, the other kernels keep their last result there; `sources`
says of which tree each is. A kernel of role `early` may fail: it is only reported.

It knows what ci/kmod-build and tests/vm/run.py print and write, and no kernel.
"""
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
BUILD = TOP / "build"
DONE = BUILD / "matrix"
LOGS = BUILD / "log"
# what a result depends on, besides the kernel
SOURCES = ["include", "common", "hal", "blk", "vcard", "utils", "Kbuild", "VERSION", "Makefile",
           *("ci/" + x for x in "lib.sh kernel kmod-build clang-cc root setup qemu mk".split()), "tests/vm", "tests/fio"]
CHECKS = "abcegh"
STEPS = {"boot": "a", "verify": "bc", "cut": "e", "unload": "g", "log": "h"}
BEGIN, END = "<!-- kernels: made by ci/matrix.py --readme -->", "<!-- kernels: end -->"


def rows():
    """The lines of ci/kernels.list as dictionaries."""
    names = "name suite compiler from sparse release role".split()
    for line in (TOP / "ci/kernels.list").read_text().splitlines():
        if line and not line.startswith("#"):
            yield dict(zip(names, [*line.split(), ""]))


def run(argv, log):
    """Runs with everything it says in a log; returns the exit status."""
    with open(log, "w", encoding="utf-8") as out:
        return subprocess.run([str(a) for a in argv], cwd=TOP, stdin=subprocess.DEVNULL, stdout=out,
                              stderr=subprocess.STDOUT, check=False).returncode


def source_hash():
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z", "--", *SOURCES], cwd=TOP,
                           check=True, capture_output=True).stdout.split(b"\0")
    total = hashlib.sha256()
    for name in sorted(f for f in files if f and (TOP / f.decode()).is_file()):
        total.update(name + b"\0" + hashlib.sha256((TOP / name.decode()).read_bytes()).digest())
    return total.hexdigest()[:16]


def kernel_env(name):
    cache = os.environ.get("FIO_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fio-flash"
    path = Path(cache) / f"kernel/{name}.env"
    text = path.read_text() if path.exists() else ""
    return dict(line.split("=", 1) for line in text.splitlines())


class Kernel:
    def __init__(self, row, sources):
        self.row, self.name = row, row["name"]
        self.result = {"kernel": self.name, "role": row["role"], "release": "", "compiler": row["compiler"],
                       "sources": sources, "build": "", "sparse_files": 0, "warnings": 0, "probes": "",
                       **{step: "" for step in STEPS}, "seconds": 0, "why": ""}

    def log(self, what):
        return LOGS / f"matrix-{self.name}-{what}.log"

    def setup(self):
        if run(["ci/setup", "host", "vm", self.name], self.log("setup")):
            return "setup"
        self.result["release"] = kernel_env(self.name).get("KREL", "")
        return ""

    def build(self):
        rc = run(["ci/kmod-build", self.name, "C=2"], self.log("build"))
        text = self.log("build").read_text()
        raw = LOGS / f"kmod-{self.name}.log"
        checked = re.search(r"sparse checked (\d+) files", text)
        self.result["sparse_files"] = int(checked[1]) if checked else 0
        self.result["warnings"] = len(re.findall(r"warning: ", text))
        self.result["build"] = "ok" if not rc else "failed"
        return "" if not rc else f"build: {raw.relative_to(TOP)}"

    def probes(self):
        """Answers are pinned for kernels that do not change under us."""
        if not (TOP / "common/compat/expected" / self.name).exists():
            self.result["probes"] = "not pinned"
            return ""
        rc = run(["common/compat/check.sh", self.name, BUILD / "kmod" / self.name], self.log("probes"))
        self.result["probes"] = "ok" if not rc else "failed"
        return "" if not rc else f"probes: {self.log('probes').relative_to(TOP)}"

    def vm(self):
        path = BUILD / f"matrix/{self.name}.vm.json"
        path.unlink(missing_ok=True)
        rc = run(["python3", "tests/vm/run.py", "--smoke", "--only", ",".join(CHECKS), "--kernel", self.name,
                  "--json", path], self.log("vm"))
        checks = json.loads(path.read_text())["checks"] if path.exists() else []
        for step, letters in STEPS.items():
            found = [c for c in checks if c["id"][0] in letters]
            whole = {c["id"][0] for c in found} == set(letters)
            self.result[step] = "ok" if whole and all(c["ok"] for c in found) else "failed" if found else "-"
        bad = [c["id"] for c in checks if not c["ok"]]
        return "" if not rc else f"{' '.join(bad) or 'vm'}: {self.log('vm').relative_to(TOP)}"

    def run(self):
        t0 = time.monotonic()
        for step in (self.setup, self.build, self.probes, self.vm):
            self.result["why"] = step()
            if self.result["why"]:
                break
        self.result["seconds"] = round(time.monotonic() - t0)
        return not self.result["why"]

    def before(self):
        """The result of a run that need not be made again, or None."""
        path = DONE / f"{self.name}.json"
        old = json.loads(path.read_text()) if path.exists() and os.environ.get("FORCE") != "1" else {}
        same = all(old.get(k) == v for k, v in (
            ("sources", self.result["sources"]), ("why", ""), ("compiler", self.row["compiler"]),
            ("release", kernel_env(self.name).get("KREL"))))
        return old if same else None

    def keep(self):
        (DONE / f"{self.name}.json").write_text(json.dumps(self.result, indent=1) + "\n")


def table(results):
    heads = ["kernel", "release", "compiler", "build", "sparse", "warnings", "probes", *STEPS, "s"]
    lines = [[r["kernel"], r["release"] or "-", r["compiler"], r["build"] or "-", str(r["sparse_files"]),
              str(r["warnings"]), r["probes"] or "-", *(r[s] or "-" for s in STEPS), str(r["seconds"])]
             for r in results]
    width = [max(len(line[i]) for line in [heads, *lines]) for i in range(len(heads))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(line, width)).rstrip() for line in [heads, *lines]]


def matrix(names):
    LOGS.mkdir(parents=True, exist_ok=True)
    DONE.mkdir(parents=True, exist_ok=True)
    known = {r["name"]: r for r in rows()}
    unknown = [n for n in names if n not in known]
    if unknown:
        sys.exit(f"matrix: no kernel {' '.join(unknown)} in ci/kernels.list; there are: {' '.join(known)}")
    if run(["make", "-s", "host"], LOGS / "matrix-host.log"):
        sys.exit("matrix: card and tools did not build: see build/log/matrix-host.log")
    wanted, sources = names or list(known), source_hash()
    results = []
    for i, name in enumerate(wanted, 1):
        kernel = Kernel(known[name], sources)
        print(f"[{i}/{len(wanted)}] {name} ... ", end="", flush=True)
        old = kernel.before()
        if old:
            kernel.result = old
            print(f"passed before, {old['seconds']} s then")
        else:
            ok = kernel.run()
            print(f"{'ok' if ok else 'FAILED'} ({kernel.result['seconds']} s) {kernel.result['why']}".rstrip())
            kernel.keep()
        results.append(kernel.result)
    return finish(results)


def kept():
    """The last result of each kernel of the list, from this run or an earlier one."""
    paths = [DONE / f"{r['name']}.json" for r in rows()]
    return [json.loads(p.read_text()) for p in paths if p.exists()]


def finish(results):
    (BUILD / "matrix.json").write_text(json.dumps(kept(), indent=1) + "\n")
    print("\n" + "\n".join(table(results)) + "\n")
    bad = [r["kernel"] for r in results if r["why"] and r["role"] != "early"]
    early = [r["kernel"] for r in results if r["why"] and r["role"] == "early"]
    if early:
        print(f"matrix: early warning, fails and may: {' '.join(early)}")
    print(f"matrix: {'FAILED: ' + ' '.join(bad) if bad else 'OK'}: {len(results)} kernels, build/matrix.json")
    return bool(bad)


def readme_table(results):
    """Only what was tested, in the words of the results."""
    lines = ["| kernel | release tested | compiler | W=1, sparse | boot, verify, power cut, unload |",
             "|---|---|---|---|---|"]
    for r in results:
        ran = [r[s] for s in STEPS]
        passed = "pass" if not r["why"] and set(ran) == {"ok"} else f"fail: {r['why'].split(':')[0]}"
        clean = f"clean, {r['sparse_files']} files" if r["build"] == "ok" else "fail"
        early = " (release candidate)" if r["role"] == "early" else ""
        lines.append(f"| {r['kernel']}{early} | {r['release']} | {r['compiler']} | {clean} | {passed} |")
    return lines


def splice(text, lines):
    head, _, rest = text.partition(BEGIN)
    old, found, tail = rest.partition(END)
    if not found:
        sys.exit(f"matrix: README.md has no '{BEGIN}' and '{END}'")
    return f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{tail}", old


def readme():
    path = BUILD / "matrix.json"
    if not path.exists():
        sys.exit("matrix: no build/matrix.json: run `make matrix` first")
    results = json.loads(path.read_text())
    missing = [r["name"] for r in rows() if r["name"] not in {x["kernel"] for x in results}]
    if missing:
        sys.exit(f"matrix: build/matrix.json lacks {' '.join(missing)}: run `make matrix` without K")
    target = TOP / "README.md"
    target.write_text(splice(target.read_text(), readme_table(results))[0])
    return 0


def check():
    """The table must name the kernels of the list, whether or not the matrix ran here."""
    _, old = splice((TOP / "README.md").read_text(), [])
    told = re.findall(r"^\| (\S+)[^|]*\| (\S+) \| (\S+) \|", old, re.M)
    wanted = [(r["name"], r["compiler"]) for r in rows()]
    if [(name, compiler) for name, _, compiler in told] != wanted:
        sys.exit("README.md: the table of kernels is not of ci/kernels.list: `make matrix` and `ci/matrix.py --readme`")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--readme"]:
        sys.exit(readme())
    if sys.argv[1:] == ["--check"]:
        sys.exit(check())
    sys.exit(matrix(sys.argv[1:]))
