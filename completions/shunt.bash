# SPDX-License-Identifier: MIT
# Completion of shunt(1) for bash.  Names come from `shunt ls`, options from
# the help of each subcommand, so that nothing is told twice.

_shunt_names() {
	local kind=$1 dir=/dev/shm f
	if [ -n "$kind" ]; then
		shunt ls --kind="$kind" 2>/dev/null |
		    awk 'NR > 1 { print $1 }'
	else
		for f in "$dir"/*; do
			[ -f "$f" ] && printf '/%s\n' "${f##*/}"
		done
	fi
}

_shunt() {
	local cur prev sub words
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	sub=${COMP_WORDS[1]}
	words=
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		words='create write read dump send recv logd log tail ls stat
		    rm help --help --version'
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi
	# --option=value arrives as three words.
	[ "$cur" != = ] || cur=
	[ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]}
	case $sub:$prev in
	*:--kind | *:-k) words='raw queue log' ;;
	*:--format | logd:-f) words='classic iso json' ;;
	*:--sync | logd:-s) words='batch never' ;;
	*:--full) words='wait drop default' ;;
	*:--level | log:-p)
		words='emerg alert crit err warning notice info debug' ;;
	*:--owner) words=$(compgen -u) ;;
	*:--group | *:-g) words=$(compgen -g) ;;
	*:--log | logd:-n | log:-n | tail:-n) words=$(_shunt_names log) ;;
	logd:--output | logd:-o)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	help:*)
		words='create write read dump send recv logd log tail ls stat
		    rm'
		;;
	*)
		case $cur in
		-*)
			words=$(shunt "$sub" --help 2>/dev/null |
			    sed -n 's/^  \(-.,\|   \) \(--[a-z-]*\).*/\2/p')
			;;
		*)
			case $sub in
			send | recv) words=$(_shunt_names queue) ;;
			write) words=$(_shunt_names raw) ;;
			create | read | dump | ls | stat | rm)
				words=$(_shunt_names '')
				;;
			esac
			;;
		esac
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _shunt shunt
