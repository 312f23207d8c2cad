#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
How long an attach takes, against capacity and history: `make recovery`.

  recovery.py [--short] [--only TEXT] [--max-gib N] [--json FILE] [--svg FILE]

Runs build/host/fio-recovery for each capacity and history, prints a table beside the
targets, writes build/recovery.json and build/recovery.svg. Targets per TiB at 3 GB/s
media: 0.5 s dirty, 0.2 s to the first read, 1.06 GiB RAM; 0.1 s clean at any size.
A target that is missed is shown with the factor; it fails nothing. A capacity for which
this machine has too little memory is left out, and the table says so.

--short, in `make test`, takes small capacities and fails when an answer is incomplete
or contradicts itself, when an attach reads more than the documented bound of what it
does, or when it holds more memory than it may. It asserts no times.
"""
import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PROGRAM = TOP / "build/host/fio-recovery"
HISTORIES = ["filled", "over1", "over4", "trimmed"]
# GiB, histories: random overwrites of a tebibyte are hours of simulation
LONG = [(4, HISTORIES), (16, HISTORIES), (64, HISTORIES), (256, ["filled", "over1", "trimmed"]),
        (1024, ["filled", "trimmed"]), (2048, ["filled"]), (3584, ["filled"]), (4096, ["filled"])]
SHORT = [(0.5, HISTORIES), (2, HISTORIES)]
TARGETS = {"dirty_s": 0.5, "first_read_s": 0.2, "ram_gib_per_tib": 1.06}     # per TiB
CLEAN_S = 0.1
SIM_GIB_PER_TIB = 6.5       # what the simulation and the core take at their peak
LARGEST_GIB = 3584          # FIO_SUPER_DIRS: 896 directory pages
FIELDS = ["tib", "history", "dirty_s", "first_read_s", "clean_s", "bytes_read", "ram_gib_per_tib", "media_gbps"]
CONSTANT_MIB = 8            # buffers and tables that no capacity needs less of
COLOURS = {"filled": "#1f77b4", "over1": "#ff7f0e", "over4": "#d62728", "trimmed": "#2ca02c"}


def available_gib():
    for line in open("/proc/meminfo", encoding="ascii"):
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) / 1048576
    return 0


def measure(gib, history):
    r = subprocess.run([PROGRAM, "--gib", str(gib), "--history", history], capture_output=True, text=True, check=False)
    if r.returncode:
        raise SystemExit(f"recovery: {gib} GiB {history}: exit {r.returncode}: {r.stderr.strip()}\n"
                         f"recovery: again: {PROGRAM} --gib {gib} --history {history}")
    row = json.loads(r.stdout)
    if r.stderr:
        row["said"] = r.stderr.strip().splitlines()[-1]
    return row


def why_not(gib):
    if gib > LARGEST_GIB:
        return f"the media format addresses {LARGEST_GIB / 1024:g} TiB"
    need = gib / 1024 * SIM_GIB_PER_TIB
    if need > available_gib() * 0.85:
        return f"needs {need:.0f} GiB of memory, {available_gib():.0f} are free"
    return None


def run_all(plan, only, max_gib):
    rows, left_out = [], []
    for gib, histories in plan:
        for history in histories:
            if only and only not in f"{gib}:{history}":
                continue
            reason = "over --max-gib" if max_gib and gib > max_gib else why_not(gib)
            if reason:
                left_out.append(f"{gib:g} GiB {history}: {reason}")
                continue
            rows.append(measure(gib, history))
            print(line(rows[-1]), flush=True)
    return rows, left_out


def miss(value, target):
    return f"{value:8.3f} {'ok' if value <= target else f'{value / target:.1f} x':>6}"


def line(r):
    tib = r["tib"]
    return (f"{tib * 1024:8.4g} {r['history']:8} {miss(r['dirty_s'] / tib, TARGETS['dirty_s'])} "
            f"{r['dirty_cpu_s']:8.3f} {r['dirty_media_s']:8.3f} "
            f"{miss(r['first_read_s'] / tib, TARGETS['first_read_s'])} {miss(r['clean_s'], CLEAN_S)} "
            f"{r['bytes_read'] / 1e9:9.3f} {miss(r['ram_gib_per_tib'], TARGETS['ram_gib_per_tib'])} "
            f"{r['peak_gib_per_tib']:7.2f}")


HEAD = ("     GiB history   dirty s/TiB  target  (cpu s, media s)  first s/TiB target   clean s target "
        "   GB read   RAM/TiB target peak/TiB")


# ---- the picture -----------------------------------------------------------------------

class Chart:
    """Seconds against capacity, both logarithmic."""
    width, height, left, top, right, bottom = 760, 480, 70, 40, 150, 60

    def __init__(self, rows):
        self.x0, self.x1 = self.range([r["tib"] for r in rows])
        self.y0, self.y1 = self.range([r[k] for r in rows for k in ("dirty_s", "clean_s", "first_read_s")])
        self.parts = []

    @staticmethod
    def range(values):
        lo, hi = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        return lo, max(hi, lo + 1)

    def at(self, x, y):
        w, h = self.width - self.left - self.right, self.height - self.top - self.bottom
        return (self.left + w * (math.log10(x) - self.x0) / (self.x1 - self.x0),
                self.top + h * (1 - (math.log10(y) - self.y0) / (self.y1 - self.y0)))

    def text(self, x, y, words, more=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {more}>{words}</text>')

    def axes(self):
        for e in range(self.x0, self.x1 + 1):
            (x, y0), (_, y1) = self.at(10 ** e, 10 ** self.y0), self.at(10 ** e, 10 ** self.y1)
            self.parts.append(f'<path d="M{x:.1f} {y0:.1f}V{y1:.1f}" stroke="#ddd"/>')
            self.text(x, y0 + 18, f"{10 ** e:g}", 'text-anchor="middle"')
        for e in range(self.y0, self.y1 + 1):
            (x0, y), (x1, _) = self.at(10 ** self.x0, 10 ** e), self.at(10 ** self.x1, 10 ** e)
            self.parts.append(f'<path d="M{x0:.1f} {y:.1f}H{x1:.1f}" stroke="#ddd"/>')
            self.text(x0 - 8, y + 4, f"{10 ** e:g} s", 'text-anchor="end"')
        self.text(self.left, self.height - 14, "capacity, TiB; seconds = processor, measured, + bytes read at 3 GB/s")
        self.text(self.left, 22, "attach after a power cut (lines), after a clean detach (dashed), targets (dotted)")

    def curve(self, points, colour, dash=""):
        points = sorted(points)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*p) for p in points))
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" {dash}/>')
        if not dash:
            for p in points:
                x, y = self.at(*p)
                self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')

    def target(self, per_tib, words):
        lo = max(self.x0, math.log10(10 ** self.y0 / per_tib))
        hi = min(self.x1, math.log10(10 ** self.y1 / per_tib))
        if lo < hi:
            self.curve([(10 ** lo, 10 ** lo * per_tib), (10 ** hi, 10 ** hi * per_tib)], "#555",
                       'stroke-dasharray="2 4"')
            x, y = self.at(10 ** hi, 10 ** hi * per_tib)
            self.text(x + 4, y + 4, words)

    def svg(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
                f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
                + "\n".join(self.parts) + "</svg>\n")


def plot(rows):
    chart = Chart(rows)
    chart.axes()
    chart.target(TARGETS["dirty_s"], "0.5 s/TiB")
    chart.target(TARGETS["first_read_s"], "0.2 s/TiB")
    for i, (history, colour) in enumerate(COLOURS.items()):
        mine = [r for r in rows if r["history"] == history]
        if not mine:
            continue
        chart.curve([(r["tib"], r["dirty_s"]) for r in mine], colour)
        chart.curve([(r["tib"], r["clean_s"]) for r in mine], colour, 'stroke-dasharray="7 4"')
        chart.text(chart.width - chart.right + 20, chart.height - chart.bottom - 20 * i - 10, history,
                   f'fill="{colour}"')
    return chart.svg()


# ---- the short form --------------------------------------------------------------------

def raw_units(row):
    return row["tib"] * (1 << 28) * 1.35      # 28 % spare, rounded up to whole stripes


def complain(row):
    """What is wrong with one answer."""
    name = f"{row['tib'] * 1024:g} GiB {row['history']}"
    units = row["tib"] * (1 << 28)
    for field in FIELDS:
        if field not in row:
            yield f"{name}: no field {field}"
            return
    if not 0 < row["first_bytes"] or row["dirty_s"] <= 0 or row["clean_s"] <= 0 or row["bytes_read"] <= 0:
        yield f"{name}: a figure is not positive"
    # a MAP page per leaf, a DIR page per 1024 of those, and superblocks
    clean = (units / 1024 * 1.002 + 700) * 4160
    if row["clean_bytes"] > clean:
        yield f"{name}: a clean attach read {row['clean_bytes']} bytes, the map has {clean:.0f}"
    # every tag; the first page of each append unit (two per 256 pages); MAP pages; tails in full
    dirty = raw_units(row) * 64 + (raw_units(row) / 128 + units / 1024 + 64 * 256 * 8) * 4160
    if row["bytes_read"] > dirty:
        yield f"{name}: a recovery read {row['bytes_read']} bytes, all there is to read is {dirty:.0f}"
    held = row["ram_gib_per_tib"] * row["tib"] * 1024
    if held > 1.06 * row["tib"] * 1024 + CONSTANT_MIB:
        yield f"{name}: {held:.1f} MiB are held after the attach"


def short(rows):
    bad = [c for row in rows for c in complain(row)]
    for tib in sorted({r["tib"] for r in rows}):
        clean = [r["clean_bytes"] for r in rows if r["tib"] == tib]
        if max(clean) > 2 * min(clean):
            bad.append(f"{tib * 1024:g} GiB: what a clean attach reads depends on history: {clean}")
    if len(rows) != sum(len(h) for _, h in SHORT):
        bad.append(f"{len(rows)} answers are not all")
    for b in bad:
        print(f"recovery: {b}", file=sys.stderr)
    return 1 if bad else 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--short", action="store_true")
    p.add_argument("--only", default="")
    p.add_argument("--max-gib", type=float, default=0)
    p.add_argument("--json", default=str(TOP / "build/recovery.json"))
    p.add_argument("--svg", default=str(TOP / "build/recovery.svg"))
    a = p.parse_args()
    print(HEAD)
    rows, left_out = run_all(SHORT if a.short else LONG, a.only, a.max_gib)
    for text in left_out:
        print(f"left out: {text}")
    if not rows:
        raise SystemExit("recovery: nothing was measured")
    if a.short:
        return short(rows)
    Path(a.json).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    Path(a.svg).write_text(plot(rows), encoding="utf-8")
    print(f"{a.json}, {a.svg}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
