#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
The cost of the FTL core per 4 KiB (tests/perf/ftl_bench.c says what is measured):
a table, and build/ftl-bench.json [{op, threads, batch, ns, floor_ns, ratio, ...}].

--smoke runs it short and checks that every figure is there and makes sense; it
asserts no speed, for that depends on what else the machine does.
"""
import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PROGRAM = TOP / "build/host/fio-ftlbench"
BATCHES = (1, 8, 32)


def thread_counts(most):
    counts = {most}
    n = 1
    while n < most:
        counts.add(n)
        n *= 2
    return counts


def expected(most):
    want = {("lookup", 1, 1), ("write-crc", 1, 1), ("worker", 1, 1)}
    for op in ("read", "write"):
        want |= {(op, t, b) for t in thread_counts(most) for b in BATCHES}
    return want


def problems(figures, most):
    """What is wrong with a run's answer, in words."""
    got = {(f["op"], f["threads"], f["batch"]) for f in figures}
    for key in sorted(expected(most) - got):
        yield "no figure for %s, %d threads, batch %d" % key
    if len(got) != len(figures):
        yield "a figure is there twice"
    for f in figures:
        name = "%(op)s, %(threads)d threads, batch %(batch)d" % f
        for field in ("ns", "floor_ns", "ratio"):
            if not f[field] > 0:
                yield f"{name}: {field} is {f[field]}"
        # rounded to 0.1 ns and 0.001 when written
        if f["floor_ns"] > 1 and abs(f["ratio"] * f["floor_ns"] / f["ns"] - 1) > 0.1:
            yield f"{name}: the ratio is not that of its figures"


def scaling(figures, most):
    """One thread's time over that of all: 1 is linear."""
    ns = {(f["op"], f["threads"], f["batch"]): f["ns"] for f in figures}
    for op in ("read", "write"):
        for b in BATCHES:
            yield op, b, ns[op, 1, b] / ns[op, most, b]


def main():
    p = argparse.ArgumentParser(description="ns per 4 KiB through the FTL core, beside floors")
    p.add_argument("--json", type=Path, default=TOP / "build/ftl-bench.json")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--smoke", action="store_true")
    options = p.parse_args()
    most = min(options.threads, 64)
    subprocess.run([PROGRAM, "--json", options.json, "--threads", str(most)] +
                   ["--quick"] * options.smoke, check=True)
    figures = json.loads(options.json.read_text())
    wrong = list(problems(figures, most))
    if wrong:
        sys.exit("\n".join(f"ftl-bench: {w}" for w in wrong))
    if most > 1 and not options.smoke:
        for op, batch, x in scaling(figures, most):
            print(f"scaling {op:6} batch {batch:2}: {x:.2f} of linear with {most} threads")
    print(f"ftl-bench: {options.json}, {len(figures)} figures")


if __name__ == "__main__":
    main()
