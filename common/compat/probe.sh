#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# probe.sh OUT DIR... -- COMPILER FLAGS...
#
# Asks the kernel that is being built for which APIs it has, by compiling, and
# writes the answers to the header OUT. Run by Kbuild (see the file beside this
# one) with the kernel's own compiler and flags. Version numbers are not asked:
# distributions and stable releases bring new APIs to old numbers.
#
# A probe is a file DIR/name.c. Its first comment says what changed, in which
# release and by which commit. It holds two forms: with PROBE_NEW=1 the newest
# kernel's, with PROBE_NEW=0 the older one's. The answer is 1 when the new form
# compiles. When it does not, the old form must: a probe that breaks for another
# reason, a header that moved for one, then stops the build with the compiler's
# words instead of quietly answering 0. The answer becomes FIO_HAVE_NAME in OUT.
set -eu
export LC_ALL=C

out=$1
shift
dirs=
while [ "$1" != -- ]; do
	dirs="$dirs $1"
	shift
done
shift

# Warnings of W=1 decide nothing; these three are what a changed prototype gives.
compiles() {
	new=$1 file=$2
	shift 2
	"$@" -Wno-error -Werror=implicit-function-declaration \
		-Werror=incompatible-pointer-types -Werror=int-conversion \
		-DPROBE_NEW="$new" -fsyntax-only -x c "$file" 2>"$out.err.$new"
}

answer() {
	probe=$1
	shift
	if compiles 1 "$probe" "$@"; then
		echo 1
	elif compiles 0 "$probe" "$@"; then
		echo 0
	else
		echo "compat: $probe compiles in neither form:" >&2
		cat "$out.err.1" "$out.err.0" >&2
		echo "compat: this kernel is not known; common/compat/ needs a look" >&2
		return 1
	fi
}

trap 'rm -f "$out.tmp" "$out.err.0" "$out.err.1"' EXIT
echo "/* Made by common/compat/probe.sh for one kernel; do not edit. */" >"$out.tmp"
for dir in $dirs; do
	for probe in "$dir"/*.c; do
		have=$(answer "$probe" "$@")
		name=$(basename "$probe" .c | tr '[:lower:]' '[:upper:]')
		echo "#define FIO_HAVE_$name $have" >>"$out.tmp"
	done
done
mv "$out.tmp" "$out"
