#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh NAME BUILD      NAME as in ci/kernels.list, BUILD a tree built for it
#
# Compares what the probes of both modules answered with what they are known to answer for this
# kernel, expected/NAME. A probe can lie (a header that moved makes a no of a
# yes), and a module can build and load with a lie in it. When a kernel update of
# the distribution really changes an answer, the file is updated in the commit
# that says so.
set -eu
here=$(dirname "$0")
[ $# = 2 ] || { echo "usage: $0 NAME BUILD" >&2; exit 2; }
want=$here/expected/$1
for file in "$want" "$2/hal/fio_compat_gen.h" "$2/blk/fio_compat_gen.h"; do
	[ -e "$file" ] || { echo "compat: $file is missing" >&2; exit 1; }
done
# a question that both ask and that is answered in two ways stays two lines
sed -n '/^#define/p' "$2/hal/fio_compat_gen.h" "$2/blk/fio_compat_gen.h" | sort -u | diff -u "$want" - || {
	echo "compat: the answers for kernel $1 differ from $want" >&2
	exit 1
}
echo "compat: $(wc -l <"$want") answers for $1 as expected"
