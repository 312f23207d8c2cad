#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Does the judge of a power cut judge? ackwrite on a plain file: killed in the
middle it must find nothing wrong; after each kind of damage that a card could do
it must name exactly that. Prints one line per case, as ci/test counts them.
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "build/host/ackwrite"
BLOCK, BLOCKS, SEED, BATCH = 4096, 256, 7, 8


def load(path, acks, count):
    """Writes until `count` acknowledgements came, then kills; returns the last."""
    r, w = os.pipe()
    p = subprocess.Popen([PROGRAM, "write", path, "0", str(BLOCKS), str(SEED), f"/dev/fd/{w}", "A",
                          "done", acks], pass_fds=[w])
    os.close(w)
    last = 0
    with os.fdopen(r) as lines:
        for _ in range(count):
            last = int(lines.readline().split()[1])
        p.kill()
        p.wait()
        for line in lines.read().splitlines(keepends=True):
            if line.endswith("\n"):
                last = int(line.split()[1])
    return last


def verify(path, acks):
    r = subprocess.run([PROGRAM, "verify", path, "0", str(BLOCKS), str(SEED), acks],
                       capture_output=True, text=True, check=False)
    return r.returncode, r.stdout + r.stderr


def old_and_new(before, after, acked):
    """A block that both hold, the newer one acknowledged: (index, old, new)"""
    for b in range(BLOCKS):
        old, new = (x[b * BLOCK:(b + 1) * BLOCK] for x in (before, after))
        op = int.from_bytes(new[16:24], "little")
        if old != new and any(old) and 0 < op <= acked:
            return b, old, new
    raise SystemExit("no block was written twice: the load is too short")


def main():
    bad = 0

    def case(name, path, acks, wanted):
        nonlocal bad
        rc, out = verify(path, acks)
        ok = wanted in out and (rc != 0) == (wanted != " 0 wrong")
        bad += not ok
        print(f"{'pass' if ok else 'fail'} judge.{name}" + ("" if ok else f": {out}"))

    # O_DIRECT is refused by tmpfs, so not in /tmp but beside the program
    with tempfile.TemporaryDirectory(dir=PROGRAM.parent) as d:
        path = Path(d) / "disk"
        with open(path, "wb") as f:
            f.truncate(BLOCKS * BLOCK)
        first = load(path, "-", 40)
        case("first-cut", path, str(first), " 0 wrong")
        before = path.read_bytes()
        second = load(path, str(first), 60)
        acks = f"{first},{second}"
        case("second-cut", path, acks, " 0 wrong")
        good = path.read_bytes()
        index, old, new = old_and_new(before, good, second)
        other = (index + 1) % BLOCKS
        damages = [
            ("stale", index, old, "older than what was acknowledged"),
            ("lost", index, bytes(BLOCK), "lost: reads zero"),
            ("foreign", other, new, "another block's data"),
            ("torn", index, new[:512] + old[512:], "torn or damaged"),
            ("bit-flip", index, new[:-1] + bytes([new[-1] ^ 1]), "torn or damaged"),
            ("garbage", index, b"\x55" * BLOCK, "not a block of this load"),
        ]
        for name, where, data, message in damages:
            path.write_bytes(good[:where * BLOCK] + data + good[(where + 1) * BLOCK:])
            case(name, path, acks, message)
        path.write_bytes(good)
        early = first - 5 * BATCH
        case("too-new", path, str(early), " wrong")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
