# SPDX-License-Identifier: MIT
# Completion of shunt(1) for bash.  Names come from `shunt ls`, subcommands and
# their options from the help, so that nothing is told twice.

_shunt_commands() {
	shunt --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)  *.*/\1/p'
}

_shunt_names() {
	local kind=$1 dir=/dev/shm f
	if [ -n "$kind" ]; then
		shunt ls --posix --kind="$kind" 2>/dev/null |
		    awk 'NR > 1 { print $1 }'
	else
		for f in "$dir"/*; do
			[ -f "$f" ] && printf '/%s\n' "${f##*/}"
		done
	fi
}

# Names in the list that `shunt $2...` prints, of which $1 is the beginning.  A
# colon and an equals sign part words for bash: what stands before the last one
# it has.
_shunt_parted() {
	local typed=$1 had name
	shift
	had=${typed%"${typed##*[:=]}"}
	shunt "$@" 2>/dev/null | awk 'NR > 1 { print $1 }' |
	    while read -r name; do
		[ "${name#"$typed"}" = "$name" ] && [ -n "$typed" ] ||
		    printf '%s\n' "${name#"$had"}"
	done
}

# Behind -- stands another program and what it takes; 1 if we are not there.
_shunt_behind() {
	local cur=$1 i
	for ((i = 2; i < COMP_CWORD; i++)); do
		[ "${COMP_WORDS[i]}" = -- ] || continue
		if [ $((i + 1)) -eq "$COMP_CWORD" ]; then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
		return 0
	done
	return 1
}

_shunt() {
	local cur prev sub words typed
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	sub=${COMP_WORDS[1]}
	words=
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		words="$(_shunt_commands) help --help --version"
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi
	typed=${COMP_LINE-}
	typed=${typed:0:${COMP_POINT:-0}}
	typed=${typed##*[[:space:]]}
	case $sub in
	lock | sem | serve | recv) ! _shunt_behind "$cur" || return ;;
	esac
	# sysv:id=N arrives as five words, --option=value as three.
	case $sub:$typed in
	sem:s*:*)
		mapfile -t COMPREPLY < <(_shunt_parted "$typed" sem ls)
		return
		;;
	why:s* | write:s* | hold:s* | create:s* | read:s* | dump:s* | watch:s* | \
	    ls:s* | stat:s* | rm:s* | chmod:s* | chown:s* | pin:*)
		mapfile -t COMPREPLY < <(_shunt_parted "$typed" ls --sysv)
		[ ${#COMPREPLY[@]} -eq 0 ] || return
		;;
	esac
	[ "$cur" != = ] || cur=
	[ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]}
	case $sub:$prev in
	ls:--kind | ls:-k)
		words='raw queue topic stream service log lock semaphore event other sem semset msg mq'
		;;
	ls:--place | ls:-p)
		words='posix sysv semset msg sem mq memfd unlinked hugetlb'
		;;
	ls:--state) words='live idle orphan unlinked-held unknown dest' ;;
	ls:--sort | ls:-s) words='place name size used age users owner state' ;;
	*:--kind | *:-k)
		words='raw queue topic stream service log lock semaphore event'
		;;
	*:--framing | send:-f | recv:-f | pub:-f | sub:-f | call:-f)
		words='line nul length length8'
		;;
	*:--policy | pub:-p | sub:-p | create:-p) words='lossy block drop evict' ;;
	*:--format | logd:-f) words='classic iso json' ;;
	*:--sync | logd:-s) words='batch never' ;;
	*:--full) words='wait drop default' ;;
	bench:--mode) words='polling sleeping both' ;;
	bench:--what) words='trips flood both' ;;
	bench:--size) words='8 64 1K 64K 1M' ;;
	*:--level | log:-p)
		words='emerg alert crit err warning notice info debug' ;;
	doctor:--peer) words=$(cd /proc && echo [0-9]*) ;;
	*:--owner) words=$(compgen -u) ;;
	clean:--name) words=$(_shunt_names '') ;;
	clean:--older) words='5m 2h 7d' ;;
	*:--group | *:-g) words=$(compgen -g) ;;
	*:--log | logd:-n | log:-n | tail:-n) words=$(_shunt_names log) ;;
	logd:--output | logd:-o)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	help:*) words=$(_shunt_commands) ;;
	*)
		case $cur in
		-*)
			words=$(shunt "$sub" --help 2>/dev/null |
			    sed -n 's/^  \(-.,\|   \) \(--[a-z-]*\).*/\2/p')
			;;
		*)
			case $sub in
			send | recv) words=$(_shunt_names queue) ;;
			pub | sub) words=$(_shunt_names topic) ;;
			put | get)
				words=$(_shunt_names stream)
				[ "$COMP_CWORD" -eq 2 ] || {
					mapfile -t COMPREPLY < <(compgen -f -- "$cur")
					return
				}
				;;
			call | serve) words=$(_shunt_names service) ;;
			lock) words=$(_shunt_names lock) ;;
			event)
				words=$(_shunt_names event)
				[ "$COMP_CWORD" -gt 2 ] ||
				    words='wait notify show'
				;;
			sem)
				words=$(_shunt_parted '' sem ls)
				[ "$COMP_CWORD" -gt 2 ] ||
				    words='wait post show ls rm create'
				;;
			write | hold) words=$(_shunt_names raw) ;;
			resize) words=$(_shunt_names raw) ;;
			create | read | dump | watch | ls | stat | why | rm | \
			    chmod | chown)
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
