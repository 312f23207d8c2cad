#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
The lint gates that read text: `ci/gates.py [GATE...]` over the files that git
knows, `ci/gates.py --prove` over seeded bad ones.

  includes  who may include what: the table of docs/architecture.md
  lengths   functions: median <= 15 lines, 90 % <= 45, none above 100
  words     words that only unfinished or forbidden code has
  heads     licence line first, then a comment that opens the file
  names     nothing at the top level that the tree does not name

--prove writes one bad file per rule into a scratch tree and fails unless the
gate names it, so that a gate that stopped biting is seen. Words that are
forbidden are put together from halves here, or this file would not pass.
It knows the tree's rules, and neither compilers nor other checkers.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
CODE = re.compile(r"\.[ch]$")
SCRIPT = re.compile(r"(\.(sh|py|mk)|(^|/)(Makefile|Kbuild|\.ci/run)|^ci/[a-z-]+)$")
MEDIAN, P90, LONGEST = 15, 45, 100

STD = r"[a-z0-9_/-]+\.h"        # a header of the C library, of Linux' user API, of a package
FIO = r"include/fio/"
# folder -> (may include, never), both as expressions over the path in the tree,
# or over the name as written for a header from outside. First match wins.
INCLUDES = [
    ("include/uapi/", r"linux/(types|ioctl)\.h$", None),
    ("include/fio/types.h", r"(linux|asm)/|std(int|def|bool|arg)\.h$|endian\.h$|string\.h$|assert\.h$"
                            r"|limits\.h$|errno\.h$|sys/types\.h$|inttypes\.h$|stdio\.h$", None),
    ("include/fio/hal.h", r"linux/types\.h$", None),
    ("include/fio/", FIO + r"types\.h$", None),
    ("hal/ftl/build", r"", None),
    ("hal/ftl/", FIO + r"(types|media_format)\.h$|hal/ftl/", None),
    ("hal/", FIO + r"|include/uapi/|common/|hal/|(linux|asm|uapi|generated|trace)/", r"linux/blk|blk/"),
    ("blk/", FIO + r"hal\.h$|common/compat/|blk/|(linux|asm|uapi|trace)/", r"hal/|" + FIO + "hw_"),
    ("vcard/", FIO + r"(types|hw_[a-z]+)\.h$|vcard/|" + STD,
     r"hal/|blk/|common/|utils/|" + FIO + "(media_format|hal)"),
    ("utils/fio-ftl/", FIO + r"(types|media_format|hw_desc)\.h$|include/uapi/|common/decode/|utils/|" + STD,
     r"hal/(?!ftl/(ftl|media|env)\.h$)|blk/|vcard/(?!nand/nand\.h$|model/image\.h$)|" + FIO + r"(hal|hw_(?!desc))"),
    ("utils/", r"include/uapi/|common/decode/|utils/|" + STD, r"hal/|blk/|vcard/|include/fio/"),
    ("common/compat/", r"(linux|asm|uapi)/|common/compat/|fio_compat_gen\.h$", None),
    ("common/", r"include/|common/|" + STD, r"hal/|blk/|vcard/|utils/"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)

TOP_NAMES = re.compile(
    r"^(Makefile|Kbuild|README\.md|COPYING|LICENSES|VERSION|CHANGELOG\.md|CONTRIBUTING\.md|MAINTAINERS"
    r"|hal|blk|common|include|dkms|ci|docs|utils|vcard|tests|\..*)$")


def word(*halves):
    return "".join(halves)


# rule -> (expression, files it holds for, files it does not)
WORDS = {
    "unfinished": (r"\b(" + "|".join((word("TO", "DO"), word("FIX", "ME"), word("XX", "X"), word("HA", "CK")))
                   + r")\b|" + word("not ", "implemented") + "|" + word("not yet ", "implemented")
                   + "|" + word("place", "holder"), r".", r"^docs/spec/"),
    "version test": (word("LINUX_VERSION", "_CODE") + r"|" + word("KERNEL_VER", r"SION\("),
                     r"\.[ch]$|Kbuild$", r"^common/compat/"),
    "kernel stop": (r"\b" + word("BUG", r"(_ON)?\("), r"\.[ch]$", r"^tests/"),
    "C bit-field on the wire": (r"^\s*(__)?[lbu]e?\d+\s+\w+\s*:\s*\d+\s*;", r"^include/", None),
}


def tracked(top):
    if (top / ".git").exists():
        text = subprocess.run(["git", "-C", top, "ls-files", "-co", "--exclude-standard"], check=True, text=True,
                              capture_output=True).stdout
        return sorted(f for f in text.splitlines() if (top / f).is_file())
    return sorted(str(p.relative_to(top)) for p in top.rglob("*") if p.is_file())


def read(top, name):
    return (top / name).read_text(encoding="utf-8", errors="replace")


def resolve(top, name, quote, header):
    """A header's path in the tree, or its name as written when it is not ours."""
    places = [Path(name).parent] if quote == '"' else []
    places += [Path(p) for p in ("include", "include/uapi", ".", "common", "common/compat")] + [Path(name).parts[0]]
    for place in places:
        path = os.path.normpath(Path(place) / header)
        if (top / path).is_file():
            return path
    return header


def gate_includes(top, files):
    for name in files:
        if not CODE.search(name):
            continue
        rule = next((r for r in INCLUDES if name.startswith(r[0])), None)
        if not rule:
            continue
        folder, may, never = rule
        text = read(top, name)
        for m in INCLUDE.finditer(text):
            target = resolve(top, name, m[1], m[2])
            if (never and re.match(never, target)) or not re.match(may, target):
                line = text.count("\n", 0, m.start(2)) + 1
                yield f"{name}:{line}: {folder} must not include {target}"


def functions(top, files):
    """(file, name, lines) of every function"""
    names = [f for f in files if f.endswith(".c")]
    if not names:
        return []
    out = subprocess.run(
        ["ctags", "-L", "-", "--languages=C", "--kinds-C=f", "--fields=+ne", "-f", "-", "--sort=no"],
        cwd=top, input="\n".join(names), check=True, text=True, capture_output=True).stdout
    found = []
    for tag in out.splitlines():
        m = re.match(r"([^\t]+)\t([^\t]+)\t.*\tline:(\d+).*\tend:(\d+)", tag)
        if m:
            found.append((m[2], m[1], int(m[4]) - int(m[3]) + 1))
    return found


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def gate_lengths(top, files):
    found = functions(top, files)
    for name, function, lines in found:
        if lines > LONGEST:
            yield f"{name}: {function}() has {lines} lines, {LONGEST} is the limit"
    product = [f for f in found if not f[0].startswith("tests/")]
    groups = sorted({f[0].split("/")[0] for f in product})
    for group in [*groups, "all"]:
        lines = [f[2] for f in product if group == "all" or f[0].startswith(group + "/")]
        if not lines:
            continue
        median, p90 = percentile(lines, 0.5), percentile(lines, 0.9)
        print(f"  {group:8} {len(lines):5} functions, median {median:3}, 90 % {p90:3}, "
              f"longest {max(lines):3}")
        if group == "all" and (median > MEDIAN or p90 > P90):
            longest = sorted(product, key=lambda f: -f[2])[:10]
            yield (f"functions are too long: median {median} (limit {MEDIAN}), 90 % {p90} "
                   f"(limit {P90}); longest: " + ", ".join(f"{f[1]}() {f[2]}" for f in longest))


def gate_words(top, files):
    for name in files:
        if not (CODE.search(name) or SCRIPT.search(name) or name.endswith(".md")):
            continue
        for number, line in enumerate(read(top, name).splitlines(), 1):
            for rule, (expression, where, but) in WORDS.items():
                if name.endswith(".md") and rule != "unfinished":
                    continue
                if (re.search(where, name) and not (but and re.search(but, name))
                        and re.search(expression, line)):
                    yield f"{name}:{number}: {rule}: {line.strip()[:80]}"


def licence_line(name):
    tag = "GPL-2.0-only WITH Linux-syscall-note" if name.startswith("include/uapi/") else "GPL-2.0-only"
    line = "SPDX-License-Identifier: " + tag
    if name.endswith(".c"):
        return [f"// {line}"]
    if name.endswith(".h"):
        return [f"/* {line} */"]
    return [f"# {line}"]


def gate_heads(top, files):
    for name in files:
        code = CODE.search(name)
        if not code and not SCRIPT.search(name):
            continue
        lines = read(top, name).splitlines()
        if lines and lines[0].startswith("#!"):
            lines.pop(0)
        if not lines or lines[0] not in licence_line(name):
            yield f"{name}:1: the first line is to be '{licence_line(name)[0]}'"
        elif code and not any(line.startswith("/*") for line in lines[1:3]):
            yield f"{name}:2: a comment that says what the file owns is to come next"


def gate_names(_top, files):
    for first in sorted({f.split("/")[0] for f in files}):
        if not TOP_NAMES.match(first):
            yield f"{first}: no such name at the top level in docs/architecture.md"


GATES = {n[5:]: f for n, f in list(globals().items()) if n.startswith("gate_")}
C_HEAD = "// SPDX-License-Identifier: GPL-2.0-only\n/* seeded */\n"
H_HEAD = "/* SPDX-License-Identifier: GPL-2.0-only */\n/* seeded */\n"


def long_function(lines):
    return C_HEAD + "void f(void)\n{\n" + "\tg();\n" * (lines - 3) + "}\n"


# gate, file, content: each must be named by its gate
SEEDS = [
    ("includes", "hal/ftl/x.c", C_HEAD + "#include <linux/slab.h>\n"),
    ("includes", "hal/ftl/y.c", C_HEAD + "#include <fio/hw_regs.h>\n"),
    ("includes", "hal/x.c", C_HEAD + "#include <linux/blkdev.h>\n"),
    ("includes", "blk/x.c", C_HEAD + '#include "../hal/card.h"\n'),
    ("includes", "vcard/model/x.c", C_HEAD + "#include <fio/media_format.h>\n"),
    ("includes", "utils/x.c", C_HEAD + '#include "hal/card.h"\n'),
    ("includes", "utils/y.c", C_HEAD + '#include "hal/ftl/ftl.h"\n'),
    ("includes", "utils/fio-ftl/x.c", C_HEAD + '#include "hal/ftl/ftl_priv.h"\n'),
    ("includes", "utils/fio-ftl/y.c", C_HEAD + '#include "vcard/model/card.h"\n'),
    ("includes", "include/uapi/linux/x.h", H_HEAD + "#include <linux/slab.h>\n"),
    ("includes", "include/fio/hw_x.h", H_HEAD + "#include <linux/types.h>\n"),
    ("lengths", "hal/long.c", long_function(LONGEST + 1)),
    ("words", "hal/w.c", C_HEAD + "/* " + word("TO", "DO") + ": later */\n"),
    ("words", "hal/v.c", C_HEAD + "#if " + word("LINUX_VERSION", "_CODE") + " > 1\n#endif\n"),
    ("words", "hal/b.c", C_HEAD + "void f(void) { " + word("BUG", "_ON(1)") + "; }\n"),
    ("heads", "hal/n.c", "int x;\n"),
    ("heads", "hal/m.c", "// SPDX-License-Identifier: GPL-2.0-only\nint x;\n"),
    ("heads", "ci/x.sh", "#!/bin/sh\ntrue\n"),
    ("names", "drivers/x.c", C_HEAD),
]
SCENERY = ["hal/card.h", "include/fio/hw_regs.h", "include/fio/media_format.h", "include/fio/types.h"]


def prove():
    missed = []
    with tempfile.TemporaryDirectory(prefix="fio-gates.") as d:
        top = Path(d)
        for name, content in [(n, H_HEAD) for n in SCENERY] + [s[1:] for s in SEEDS]:
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_text(content)
        files = tracked(top)
        for gate, name, _ in SEEDS:
            what = name if gate != "names" else name.split("/", 1)[0]
            seen = [m for m in GATES[gate](top, files) if m.startswith(what)]
            if not seen:
                missed.append(f"{gate} passed the seeded {name}")
        clean = [m for m in gate_includes(top, SCENERY)] + [m for m in gate_heads(top, SCENERY)]
        missed += [f"a good file was refused: {m}" for m in clean]
    return missed


def main():
    if sys.argv[1:] == ["--prove"]:
        missed = prove()
        print("\n".join(missed) or f"  {len(SEEDS)} seeded files, all caught")
        return bool(missed)
    bad = 0
    files = tracked(TOP)
    for gate in sys.argv[1:] or GATES:
        for message in GATES[gate](TOP, files):
            print(message)
            bad += 1
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
