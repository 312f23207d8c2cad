# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What every script in ci/ shares: where things are, how they report, the cache
# and its locks, and private apt roots. Sourced, never run.
#
# It knows the machine (apt, namespaces, the per-user cache) and nothing about
# cards, kernels or tests. The cache lives outside the clone so that a second
# clone, or a clean one, downloads nothing again; several clones may use it at
# once, hence a lock around every piece that is made in it.

set -euo pipefail
export LC_ALL=C

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$TOP/build
LOGS=$BUILD/log
FIO_CACHE=${FIO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fio-flash}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
export FIO_CACHE
mkdir -p "$LOGS" "$FIO_CACHE"

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { warn "$*"; exit 1; }

# with_lock NAME COMMAND...: one maker at a time, over all clones of this user
with_lock() {
	local lock_file=$FIO_CACHE/lock.$1 lock_fd
	shift
	exec {lock_fd}>"$lock_file"
	flock "$lock_fd" || die "cannot lock $lock_file"
	# no `||` here: it would switch off `set -e` in all that is called
	"$@"
	exec {lock_fd}>&-
}

# mirror_of KIND: prints the address that this machine's own apt uses for the
# Debian archive (KIND=main) or its security archive (KIND=security).
mirror_of() {
	local kind=$1 re uri
	case $kind in
	main) re='^(bullseye|bookworm|trixie|forky|sid|stable|testing|unstable)$' ;;
	security) re='^(bullseye|bookworm|trixie|forky|stable|testing)-security$' ;;
	esac
	# shellcheck disable=SC2016
	uri=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
		awk -v re="$re" '$1 ~ re && !done { print $2; done = 1 }')
	uri=${uri%/}
	if [ "$kind" = main ]; then
		uri=${MIRROR:-$uri}
	else
		uri=${SECURITY_MIRROR:-${uri:-$(mirror_of main)-security}}
	fi
	[ -n "$uri" ] || die "apt names no Debian archive here; give one as MIRROR=<address>"
	printf '%s\n' "$uri"
}

# apt_line SUITE: the sources.list line of one suite. Release files of forky and
# experimental can be past their Valid-Until on a mirror, hence the option.
apt_line() {
	local m
	case $1 in
	*-security) m=$(mirror_of security) ;;
	*) m=$(mirror_of main) ;;
	esac
	printf 'deb [check-valid-until=no signed-by=%s] %s %s main\n' "$KEYRING" "$m" "$1"
}

# apt_root NAME SUITE...: a private apt root that sees these suites only, so the
# machine's own package lists and state are neither read nor touched. Exports
# APT_CONFIG; call it in a subshell.
apt_root() {
	local r=$FIO_CACHE/apt/$1 s
	shift
	[ -e "$KEYRING" ] || die "$KEYRING is missing: install debian-archive-keyring"
	mkdir -p "$r"/etc/apt/{preferences.d,apt.conf.d,trusted.gpg.d} "$r/var/lib/dpkg" \
		"$r"/var/lib/apt/lists/partial "$r"/var/cache/apt/archives/partial
	: >"$r/var/lib/dpkg/status"
	for s; do apt_line "$s"; done >"$r/etc/apt/sources.list"
	{
		# a proxy or a timeout set for this machine holds here too
		apt-config dump 2>/dev/null | grep -E '^Acquire::(http|https|ftp)::' || true
		printf '%s\n' "Dir \"$r\";" "Dir::State::status \"$r/var/lib/dpkg/status\";" \
			'APT::Architecture "amd64";' 'APT::Architectures { "amd64"; };' \
			'APT::Sandbox::User "root";' 'APT::Install-Recommends "false";' \
			'Acquire::Languages "none";' 'Acquire::Retries "3";' \
			'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";'
	} >"$r/apt.conf"
	export APT_CONFIG=$r/apt.conf
	apt-get update -qq >"$r/update.log" 2>&1 ||
		die "apt-get update for $* failed: $(tail -n 2 "$r/update.log" | tr '\n' ' ')"
}

# unpack DEB DIR: files only, no maintainer script. Not `dpkg-deb -x`: packages
# that carry ./lib/ turn the link /lib of a usr-merged root into a directory,
# and nothing runs in it any more.
unpack() {
	dpkg-deb --fsys-tarfile "$1" |
		tar -C "$2" -x --keep-directory-symlink --no-same-owner \
			--exclude='./usr/share/man/*' --exclude='./usr/share/doc/*' \
			--exclude='./usr/share/locale/*'
}

# root_of NAME: where `ci/root NAME` put that root
root_of() {
	local link=$FIO_CACHE/root/$1
	[ -e "$link/.ok" ] || die "no root '$1' in $FIO_CACHE: run ci/setup"
	readlink -f "$link"
}

# remove_tree DIR: never across a mount, and never below one
remove_tree() {
	[ -e "$1" ] || return 0
	if grep -q " $(readlink -f "$1")/" /proc/self/mountinfo; then
		die "something is mounted below $1: unmount it first"
	fi
	rm -rf --one-file-system "$1"
}

# in_root DIR COMMAND...: run in an unpacked root, in a mount namespace of its
# own that vanishes with the command. BIND=FROM:TO shows a directory inside. With
# OVER=DIR the root stays as it is and what is changed lies in DIR, for the next
# command too. objtool of 7.x reads /proc, gcc wants /dev/null.
in_root() {
	local root=$1 ns=(unshare -m)
	shift
	if [ "$(id -u)" != 0 ]; then
		ns=(unshare -rm)
		unshare -rm true 2>/dev/null ||
			die "user namespaces are closed here: run as root, or set kernel.unprivileged_userns_clone=1"
	elif ! unshare -m true 2>/dev/null; then
		# inside a plain chroot "/" is no mount point to make private
		ns=(unshare -m --propagation unchanged)
	fi
	[ -z "${OVER:-}" ] || mkdir -p "$OVER/upper" "$OVER/work" "$OVER/root"
	# the script below is for the inner shell, so nothing is to expand here
	# shellcheck disable=SC2016
	"${ns[@]}" sh -ec '
		root=$1; bind=$2; over=$3; shift 3
		if [ -n "$over" ]; then
			mount -t overlay -o "lowerdir=$root,upperdir=$over/upper,workdir=$over/work" \
				fio "$over/root"
			root=$over/root
		fi
		mkdir -p "$root${bind#*:}"
		mount --rbind /proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount --bind "${bind%:*}" "$root${bind#*:}"
		exec env -i PATH=/usr/local/bin:/usr/bin:/usr/sbin LANG=C HOME=/root \
			chroot "$root" "$@"' sh "$root" "$BIND" "${OVER:-}" "$@"
}

# chroot_of NAME: where `ci/chroot NAME` put that root
chroot_of() {
	local link=$FIO_CACHE/chroot/$1
	[ -e "$link/.ok" ] || die "no root '$1' in $FIO_CACHE: run ci/setup package"
	readlink -f "$link"
}

# the kernels of ci/kernels.list; those that have to work
kernel_names() { awk '/^[^#]/ { print $1 }' "$TOP/ci/kernels.list"; }
kernels_required() { awk '/^[^#]/ && NF == 6 { print $1 }' "$TOP/ci/kernels.list"; }

# kernel_env NAME: sets KREL ROOT VMLINUZ MODDIR SPARSE COMPILER of a kernel
kernel_env() {
	local env=$FIO_CACHE/kernel/$1.env
	[ -e "$env" ] || die "kernel $1 is not here yet: run ci/setup $1"
	# shellcheck disable=SC1090
	. "$env"
	# shellcheck disable=SC2034
	COMPILER=$(echo "$ROW" | cut -d ' ' -f 3)
}
