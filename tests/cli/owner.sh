#!/bin/sh
# SPDX-License-Identifier: MIT
# Objects of another user: an error, not a leak; --owner accepts them.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip 'only root can be two users'
command -v setpriv >/dev/null || skip 'there is no setpriv'
as() {
	user=$1
	shift
	setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
}
chmod 755 "$T"
as nobody "$SHUNT" --version >/dev/null 2>&1 || skip 'nobody cannot run it'

run as nobody "$SHUNT" send "$N-n" squatted
went 'another user makes a queue'
nobody=$(id -u nobody)
for c in 'send --' 'recv --timeout=0 --'; do
	# shellcheck disable=SC2086
	run "$SHUNT" $c "$N-n"
	refused "$c: root refuses it" 1 "$N-n" "user $nobody" --owner
done
run "$SHUNT" recv "$N-n" --owner=daemon --timeout=0
refused 'the wrong owner' 1 "$N-n" "user $nobody"
run "$SHUNT" recv "$N-n" --owner=nobody --timeout=0
went 'the right owner'
is 'the right owner' "$OUT" squatted
run as nobody "$SHUNT" send "$N-n" kept
run "$SHUNT" recv "$N-n" --owner=no-such-user --timeout=0
refused 'no such user' 1 no-such-user

run as nobody "$SHUNT" create "$N-l" 64K --kind=log --mode=0666
went 'another user makes a log'
run "$SHUNT" log -n "$N-l" x
refused 'root does not log to it' 1 "$N-l" "user $nobody" --owner
run "$SHUNT" logd -n "$N-l" -o "$T/l"
refused 'root does not serve it' 1 "$N-l" "user $nobody" --owner
run "$SHUNT" log -n "$N-l" --owner=nobody x
went 'but may'
run "$SHUNT" create "$N-l" 64K --kind=log
refused 'create does not take it over' 1 "$N-l" "user $nobody"

# root's things are accepted by everybody, as far as the mode lets them in.
run "$SHUNT" create "$N-r" 64K --kind=queue --mode=0666
went 'root makes an open queue'
run as nobody "$SHUNT" send "$N-r" hello
went 'nobody sends'
run "$SHUNT" recv "$N-r"
is 'root receives' "$OUT" hello
run "$SHUNT" create "$N-p" 64K --kind=queue
run as nobody "$SHUNT" send "$N-p" x
refused 'mode 0600 keeps nobody out' 1 "$N-p"
run as daemon "$SHUNT" send "$N-n" x
refused 'one user, another user' 1 "$N-n"
run as nobody "$SHUNT" rm "$N-p"
refused 'nobody may not remove' 1 "$N-p"
check 'it is still there' [ -e "$SHM-p" ]
run as nobody "$SHUNT" ls "$N-*"
went 'nobody may look'
has 'nobody may look' "$OUT" "$N-p"

# The default log is each user's own.
run as nobody "$SHUNT" log hello
went 'the default log'
uid=$nobody
check 'the default log' [ -e "/dev/shm/shunt-log-$uid" ]
run as nobody "$SHUNT" tail
has 'the default log' "$OUT" hello
run as nobody "$SHUNT" rm "shunt-log-$uid"
went 'the default log goes'
rm -f "/dev/shm/shunt-log-$uid"

# Not allowed: whose it is, its mode, and who can change it.
run "$SHUNT" create "$N-m" 100
for c in read dump rm 'write x'; do
	run as nobody "$SHUNT" "${c% x}" "$N-m" ${c#"${c% x}"}
	refused "$c of what is not for all" 1 "$N-m" 'you may not open it' \
	    'user 0 (root)' 'mode is 0600' 'shunt chmod'
done
run "$SHUNT" rm "$N-m"
