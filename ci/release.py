#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
What a release is called and when it was: from VERSION and CHANGELOG.md alone, so
that a clone, a tarball and a package build agree without asking git.

  release.py version            "0.1.0"
  release.py epoch              SOURCE_DATE_EPOCH: noon UTC of the release's day, or the
                                environment's
  release.py files              the files of a release: git's, or all but what is built
  release.py debian-changelog [VERSION]   CHANGELOG.md in Debian's form; VERSION: the
                                newest entry under that version
  release.py rpm-changelog      and in RPM's
  release.py sbom TARBALL       SPDX 2.3 in JSON of the tarball and all files in it

It knows the two files' form and those of others; it builds nothing.
"""
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
from email.utils import format_datetime
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
AUTHORS = "The fio-flash authors"
MAIL = "fio-flash@example.org"
HEADING = re.compile(r"^## (\d+\.\d+\.\d+) - (\d{4})-(\d\d)-(\d\d)$")
BUILT = re.compile(r"^(build/|\.git/|compile_commands\.json$)|(^|/)__pycache__/|\.(o|d|ko|mod|mod\.c|cmd)$")


class ReleaseError(Exception):
    pass


def version():
    return (TOP / "VERSION").read_text().strip()


def entries():
    """[(version, noon of its day, [lines])], newest first"""
    found = []
    for line in (TOP / "CHANGELOG.md").read_text().splitlines():
        m = HEADING.match(line)
        if m:
            day = datetime.datetime(*map(int, m.groups()[1:]), 12, tzinfo=datetime.timezone.utc)
            found.append((m[1], day, []))
        elif line.startswith("## "):
            raise ReleaseError(f"CHANGELOG.md: '{line}' is not '## VERSION - YEAR-MONTH-DAY'")
        elif found:
            found[-1][2].append(line)
    if not found or found[0][0] != version():
        raise ReleaseError(f"CHANGELOG.md: the first entry is not that of VERSION, {version()}")
    return found


def epoch():
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given) if given else int(entries()[0][1].timestamp())


def files():
    if (TOP / ".git").exists():
        out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=TOP, check=True,
                             capture_output=True, text=True).stdout.splitlines()
        return sorted(f for f in out if (TOP / f).is_file() and not f.startswith("debian/"))
    found = (str(p.relative_to(TOP)) for p in TOP.rglob("*") if p.is_file())
    return sorted(f for f in found if not BUILT.search(f) and not f.startswith("debian/"))


def items(lines):
    """The points of an entry, each as one line; other text is a point of its own."""
    out = []
    for line in lines:
        text = line.strip()
        if not text:
            out.append("")
        elif line.startswith("- ") or not out or not out[-1]:
            out.append(text.removeprefix("- "))
        else:
            out[-1] += " " + text
    return [o.replace("`", "") for o in out if o]


def wrap(text, first, rest, width=78):
    lines, line = [], first
    for word in text.split():
        if len(line) + len(word) > width and line.strip(" *-"):
            lines.append(line.rstrip())
            line = rest
        line += word + " "
    return "\n".join([*lines, line.rstrip()])


def debian_changelog(*older):
    """older: print the newest entry under this version, for tests of an upgrade"""
    for number, day, lines in [(*older, *e[1:]) for e in entries()[:1]] if older else entries():
        print(f"fio-driver ({number}-1) unstable; urgency=medium\n")
        print("\n".join(wrap(i, "  * ", "    ") for i in items(lines)))
        print(f"\n -- {AUTHORS} <{MAIL}>  {format_datetime(day)}\n")


def rpm_changelog():
    for number, day, lines in entries():
        print(f"* {day.strftime('%a %b %d %Y')} {AUTHORS} <{MAIL}> - {number}-1")
        print("\n".join(wrap(i, "- ", "  ") for i in items(lines)) + "\n")


def licence_of(data):
    m = re.search(rb"SPDX-License-Identifier: ([A-Za-z0-9.+-]+(?: WITH [A-Za-z0-9.-]+)?)", data[:4096])
    return m[1].decode() if m else "NOASSERTION"


def spdx_file(number, name, data):
    return {
        "SPDXID": f"SPDXRef-File-{number}", "fileName": "./" + name,
        "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(data).hexdigest()},
                      {"algorithm": "SHA256", "checksumValue": hashlib.sha256(data).hexdigest()}],
        "licenseConcluded": "NOASSERTION", "licenseInfoInFiles": [licence_of(data)],
        "copyrightText": "NOASSERTION",
    }


def build_needs(first):
    """What the tools link and the modules are built against, none of it in the tarball."""
    for number, (name, licence, relation) in enumerate([
            ("json-c", "MIT", "DYNAMIC_LINK"), ("linux-headers", "GPL-2.0-only", "BUILD_DEPENDENCY_OF")], first):
        ref = f"SPDXRef-Package-{number}"
        package = {"SPDXID": ref, "name": name, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
                   "licenseConcluded": licence, "licenseDeclared": licence, "copyrightText": "NOASSERTION"}
        ends = ("SPDXRef-Package-0", ref) if relation == "DYNAMIC_LINK" else (ref, "SPDXRef-Package-0")
        yield package, {"spdxElementId": ends[0], "relationshipType": relation, "relatedSpdxElement": ends[1]}


def sbom(tarball):
    with tarfile.open(tarball) as tar:
        members = [(m.name.split("/", 1)[1], tar.extractfile(m).read()) for m in tar if m.isfile()]
    found = [spdx_file(i, name, data) for i, (name, data) in enumerate(sorted(members))]
    # SPDX 2.3, 7.9: SHA1 over the sorted SHA1 of the files
    code = hashlib.sha1("".join(sorted(f["checksums"][0]["checksumValue"] for f in found)).encode()).hexdigest()
    whole = Path(tarball).read_bytes()
    main = {
        "SPDXID": "SPDXRef-Package-0", "name": "fio-flash", "versionInfo": version(),
        "packageFileName": Path(tarball).name, "downloadLocation": "NOASSERTION", "filesAnalyzed": True,
        "packageVerificationCode": {"packageVerificationCodeValue": code},
        "checksums": [{"algorithm": "SHA256", "checksumValue": hashlib.sha256(whole).hexdigest()}],
        "licenseConcluded": "GPL-2.0-only", "licenseDeclared": "GPL-2.0-only",
        "licenseInfoFromFiles": sorted({f["licenseInfoInFiles"][0] for f in found}),
        "copyrightText": AUTHORS, "supplier": "Organization: " + AUTHORS,
    }
    needs = list(build_needs(1))
    stamp = datetime.datetime.fromtimestamp(epoch(), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha256(whole).hexdigest()
    json.dump({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"fio-flash-{version()}",
        "documentNamespace": f"https://spdx.org/spdxdocs/fio-flash-{version()}-{digest[:32]}",
        "creationInfo": {"created": stamp, "creators": ["Tool: ci/release.py", "Organization: " + AUTHORS]},
        "packages": [main, *(n[0] for n in needs)], "files": found,
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
             "relatedSpdxElement": "SPDXRef-Package-0"},
            *({"spdxElementId": "SPDXRef-Package-0", "relationshipType": "CONTAINS",
               "relatedSpdxElement": f["SPDXID"]} for f in found), *(n[1] for n in needs)],
    }, sys.stdout, indent=1)
    print()


def main():
    commands = {"version": lambda: print(version()), "epoch": lambda: print(epoch()),
                "files": lambda: print("\n".join(files())), "debian-changelog": debian_changelog,
                "rpm-changelog": rpm_changelog, "sbom": sbom}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        commands[sys.argv[1]](*sys.argv[2:])
    except ReleaseError as e:
        print(f"release: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
