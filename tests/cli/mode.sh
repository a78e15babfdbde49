#!/bin/sh
# SPDX-License-Identifier: MIT
# shunt chmod and shunt chown: who may, what changes, what is refused.
. "$(dirname "$0")/lib.sh"
own_ipc

[ "$(id -u)" = 0 ] || skip 'only root can give things away'
as() {
	user=$1
	shift
	setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
}
chmod 755 "$T"
as nobody "$SHUNT" --version >/dev/null 2>&1 || skip 'nobody cannot run it'

# rights NAME: mode, user and group, as others tell them.
rights() {
	case $1 in
	sysv:*)
		awk -v key="$((${1#sysv:}))" '
		    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
		    NR > 1 && $1 == key { print $at["perms"], $at["uid"],
			$at["gid"] }' /proc/sysvipc/shm
		;;
	*) stat -c '%a %u %g' "/dev/shm/${1#/}" ;;
	esac
}
nobody=$(id -u nobody) group=$(id -g nobody) daemon=$(id -g daemon)

"$SHUNT" create "$N-raw" 4K
"$SHUNT" create "$N-queue" 64K --kind=queue
"$SHUNT" create "${K}01" 4K
for name in "$N-raw" "$N-queue" "${K}01"; do
	is "$name to begin with" "$(rights "$name")" '600 0 0'
	run "$SHUNT" chmod "$name" 0640
	went "chmod $name"
	is "chmod $name" "$(rights "$name")" '640 0 0'
	# The umask is not asked.
	(umask 077 && "$SHUNT" chmod "$name" 666)
	is "exact mode of $name" "$(rights "$name")" '666 0 0'
	run "$SHUNT" chmod "$name" 0
	is "mode 0 of $name" "$(rights "$name")" '0 0 0'
	run "$SHUNT" chmod "$name" 0600
	for mode in 8 0800 1777 u+w -1 '' 06666 0x1ff; do
		run "$SHUNT" chmod -- "$name" "$mode"
		refused "mode \"$mode\"" 2 octal
	done

	run "$SHUNT" chown "$name" nobody
	went "chown $name"
	is "chown to a name" "$(rights "$name")" "600 $nobody 0"
	run "$SHUNT" chown "$name" :daemon
	went "chown $name to a group"
	is "chown to a group" "$(rights "$name")" "600 $nobody $daemon"
	run "$SHUNT" chown "$name" "0:$group"
	is "chown by numbers" "$(rights "$name")" "600 0 $group"
	run "$SHUNT" chown "$name" root:root
	is "chown to both" "$(rights "$name")" '600 0 0'
	for who in no-such-user no-such-user:root; do
		run "$SHUNT" chown "$name" "$who"
		refused "chown to $who" 1 no-such-user
	done
	run "$SHUNT" chown "$name" root:no-such-group
	refused 'chown to an unknown group' 1 no-such-group
	for who in '' : root: ; do
		run "$SHUNT" chown "$name" "$who"
		refused "chown to \"$who\"" 2 USER:GROUP
	done
	is "nothing has changed" "$(rights "$name")" '600 0 0'

	# Another user may not; an owner may, of what is his.
	run as nobody "$SHUNT" chmod "$name" 0666
	refused "nobody's chmod of $name" 1 "$name"
	run as nobody "$SHUNT" chown "$name" nobody
	refused "nobody's chown of $name" 1 "$name"
	run as nobody "$SHUNT" chown "$name" :nogroup
	refused "nobody's chown of the group of $name" 1 "$name"
	is "nothing has changed" "$(rights "$name")" '600 0 0'
	"$SHUNT" chown "$name" nobody
	run as nobody "$SHUNT" chmod "$name" 0644
	went "the owner's chmod of $name"
	is "the owner's chmod of $name" "$(rights "$name")" "644 $nobody 0"
	"$SHUNT" chown "$name" root
done

# The creator keeps an owner's rights over a System V segment, and stat says
# who that is.
run as nobody "$SHUNT" create "${K}02" 4K
went 'nobody makes one'
"$SHUNT" chown "${K}02" daemon
run "$SHUNT" stat "${K}02"
row stat owner "daemon ($(id -u daemon)),"
row stat creator "nobody ($nobody),"
run as nobody "$SHUNT" chmod "${K}02" 0600
went "the creator's chmod"
run as nobody "$SHUNT" rm "${K}02"
went "the creator's rm"

# The mode is what lets others in.
"$SHUNT" chmod "$N-raw" 0604
run as nobody "$SHUNT" read "$N-raw" -n 1
went 'nobody may read now'
run as nobody "$SHUNT" write "$N-raw" x
refused 'but not write' 1 "$N-raw"
"$SHUNT" chmod "$N-raw" 0600
run as nobody "$SHUNT" read "$N-raw" -n 1
refused 'nor read now' 1 "$N-raw"

# An object lets in whom its mode lets in.
"$SHUNT" chmod "$N-queue" 0666
run as nobody "$SHUNT" send "$N-queue" hello
went 'a queue that was opened to others'

run "$SHUNT" chmod "$N-none" 0600
refused 'chmod of nothing' 1 "$N-none"
run "$SHUNT" chown "$N-none" root
refused 'chown of nothing' 1 "$N-none"
run "$SHUNT" chmod "${K}77" 0600
refused 'chmod of nothing' 1 "${K}77"
mkfifo "$SHM-fifo"
ln -s "$T/elsewhere" "$SHM-link"
: >"$T/elsewhere"
chmod 600 "$T/elsewhere"
for what in fifo link; do
	run timeout 5 "$SHUNT" chmod "$N-$what" 0666
	refused "chmod of a $what" 1 "$N-$what"
	run timeout 5 "$SHUNT" chown "$N-$what" nobody
	refused "chown of a $what" 1 "$N-$what"
done
is 'the link was not followed' "$(stat -c '%a %u' "$T/elsewhere")" '600 0'
