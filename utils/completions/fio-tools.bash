# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion for bash, one file under the name of each tool: options from the
# tool's own --help, devices from what is there.

# The options and commands that --help begins a line with.
_fio_tools_words() {
	"$1" --help 2>/dev/null | sed -nE '
		s/^ +(-[A-Za-z0-9], )?(--[a-z0-9-]+).*/\2/p
		s/^ +([a-z]+) {2,}.*/\1/p'
}

_fio_tools() {
	local cur=${COMP_WORDS[COMP_CWORD]} tool=${COMP_WORDS[0]##*/}
	case $cur in
	-*) mapfile -t COMPREPLY < <(compgen -W "$(_fio_tools_words "$1")" -- "$cur") ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "$(compgen -G '/dev/fct[0-9]*')" -- "$cur")
		case $tool in
		fio-status) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -G "$cur*" | grep '^/dev/fio[a-z]*$') ;;
		fio-ftl)
			[ "$COMP_CWORD" != 1 ] ||
				mapfile -t COMPREPLY < <(compgen -W "$(_fio_tools_words "$1")" -- "$cur")
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
			;;
		esac
		;;
	esac
} && complete -F _fio_tools fio-status fio-attach fio-detach fio-format fio-ftl
