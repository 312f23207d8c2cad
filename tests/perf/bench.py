#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
First figures, always as a ratio to a peer measured in the same boot:

  4 KiB random read and write at queue depth 1 and 32 on /dev/fioa, on null_blk
  (no device at all: the block layer's own cost) and on QEMU's emulated NVMe (a
  device that crosses the same emulator)
  the FTL core in user space, ns per operation, beside a dependent load from
  memory of the same size

Under emulation the absolute numbers say little; a ratio that moves says that
something changed. Devices take turns inside each figure, and the median of
ROUNDS is kept. Writes build/bench.json.
"""
import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "vm"))
import vm  # noqa: E402  (found through the line above)

DEVICES = {"fioa": "/dev/fioa", "null_blk": "/dev/nullb0", "nvme": "/dev/nvme0n1"}
PEERS = ("null_blk", "nvme")
REGION = "128M"
ROUNDS, SECONDS = 3, 2
# fields of fio's terse output, version 3, counted from 0
TERSE_IOPS = {"read": 7, "write": 48}
TERSE_LATENCY = {"read": 39, "write": 80}


def fill(guest, dev):
    """Mapped pages everywhere, or reads would measure the answer to a hole."""
    guest.run(f"fio --name=fill --filename={dev} --rw=write --bs=256k --size={REGION} --direct=1 "
              "--ioengine=libaio --iodepth=8 --output=/dev/null", limit=300, check=True)


def measure(guest, dev, direction, depth):
    """(I/O per second, mean latency in microseconds)"""
    out = guest.run(f"fio --name=m --filename={dev} --rw=rand{direction} --bs=4k --size={REGION} "
                    f"--direct=1 --ioengine=libaio --iodepth={depth} --runtime={SECONDS} --time_based "
                    "--randrepeat=0 --norandommap --output-format=terse --terse-version=3",
                    limit=120, check=True).out
    fields = [x for x in out.splitlines() if x.startswith("3;")][-1].split(";")
    return float(fields[TERSE_IOPS[direction]]), float(fields[TERSE_LATENCY[direction]])


def block_figures(guest):
    for dev in DEVICES.values():
        fill(guest, dev)
    for direction in ("read", "write"):
        for depth in (1, 32):
            got = {name: [] for name in DEVICES}
            for _ in range(ROUNDS):
                for name, dev in DEVICES.items():
                    got[name].append(measure(guest, dev, direction, depth))
            iops = {n: statistics.median(x[0] for x in v) for n, v in got.items()}
            delay = {n: statistics.median(x[1] for x in v) for n, v in got.items()}
            for peer in PEERS:
                yield {"name": f"4k-rand{direction}-qd{depth}", "unit": "IOPS", "peer": peer,
                       "value": round(iops["fioa"]), "peer_value": round(iops[peer]),
                       "ratio": round(iops["fioa"] / iops[peer], 4),
                       "latency_us": round(delay["fioa"], 1), "peer_latency_us": round(delay[peer], 1)}


def ftl_figures():
    program = vm.BUILD / "host/fio-ftlbench"
    if not program.exists():
        raise vm.VmError(f"{program} was not built: is the FTL core's library there?")
    path = vm.BUILD / "ftl-bench.json"
    subprocess.run([program, "--json", path], check=True, stdout=subprocess.DEVNULL)
    for f in json.loads(path.read_text()):
        yield {"name": f"ftl-{f['op']}-t{f['threads']}-b{f['batch']}", "unit": "ns", "peer": f["floor"],
               "value": f["ns"], "peer_value": f["floor_ns"], "ratio": f["ratio"]}


def show(figure):
    print(f"  {figure['name']:18} {figure['value']:>10} {figure['unit']:5} "
          f"{figure['peer']:>14} {figure['peer_value']:>10}   ratio {figure['ratio']}", flush=True)
    return figure


def nvme_disk(run_dir):
    path = Path(run_dir) / "nvme.img"
    with open(path, "wb") as f:
        f.truncate(1 << 30)
    return ["-drive", f"file={path},format=raw,if=none,id=peer,cache=writeback",
            "-device", "nvme,drive=peer,serial=peer"]


def run(options, run_dir):
    kernel = vm.Kernel(options.kernel)
    logs = vm.BUILD / "log/bench"
    card = vm.Card(run_dir, "bench", logs)
    card.erase()
    card.start()
    figures = [show(f) for f in ftl_figures()]
    with vm.Guest(kernel, kernel.initrd(), logs, "bench", [card], extra=nvme_disk(run_dir)) as guest:
        guest.boot()
        guest.run("sh /check/newcard", limit=180, check=True)
        guest.run("modprobe null_blk gb=1 memory_backed=1 && sh /check/up "
                  "&& waitdev /dev/nvme0n1 60 && waitdev /dev/nullb0 10", check=True)
        figures += [show(f) for f in block_figures(guest)]
        accel = guest.accel
        guest.power_off()
    card.stop()
    options.json.write_text(json.dumps({
        "kernel": kernel.krel, "accel": accel, "cpus": 2, "rounds": ROUNDS, "seconds_each": SECONDS,
        "figures": figures}, indent=1) + "\n")
    return 0


def main():
    p = argparse.ArgumentParser(description="figures beside their peers, in one boot")
    p.add_argument("--kernel", default="6.1")
    p.add_argument("--json", type=Path, default=vm.BUILD / "bench.json")
    options = p.parse_args()
    t0 = time.monotonic()
    with vm.RunDir() as run_dir:
        try:
            run(options, run_dir)
        except vm.VmError as e:
            sys.exit(f"bench: {e}")
    print(f"bench: {options.json}, {time.monotonic() - t0:.0f} s")


if __name__ == "__main__":
    main()
