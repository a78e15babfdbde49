#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 8: the mode comes out other than asked for, and the second user is shut
# out without a word of why.
# Remedy: exact modes, a group by name, and a sentence that names the owner.
. "$(dirname "$0")/../cli/lib.sh"

(umask 077 && "$SHUNT" create "$N-a" 4K --mode=0666)
is 'the mode that was asked for' "$(stat -c %a "$SHM-a")" 666
(umask 000 && "$SHUNT" create "$N-b" 4K)
is 'private if none was' "$(stat -c %a "$SHM-b")" 600
(umask 027 && "$SHUNT" create "$N-c" 4K --mode=0666 --umask)
is 'the umask, when asked for' "$(stat -c %a "$SHM-c")" 640

[ "$(id -u)" = 0 ] || skip 'a second user needs root'
nobody() {
	setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
}
nobody "$SHUNT" --version >/dev/null 2>&1 || skip 'nobody cannot run it'

# root was first: who comes later learns whose it is.
run nobody "$SHUNT" write "$N-b" x
refused 'a private one' 1 "$N-b" 'you may not open it' \
    'user 0 (root)' 'mode is 0600'
run nobody "$SHUNT" why "$N-b"
has 'why: its owner' "$OUT" root
has 'why: its mode' "$OUT" 0600
"$SHUNT" create "$N-q" 64K --kind=queue --mode=0660 --group=nogroup
run nobody "$SHUNT" send "$N-q" 'from nobody'
went 'the group may'
run "$SHUNT" recv "$N-q"
is 'one queue for both' "$OUT" 'from nobody'

# A leftover of another user in a sticky directory cannot be removed.
run nobody "$SHUNT" rm "$N-a"
refused 'a leftover of another' 1 "$N-a" root
check 'it is still there' [ -e "$SHM-a" ]
# And a name that somebody else squats is no trap.
nobody "$SHUNT" create "$N-z" 64K --kind=queue --mode=0666
run "$SHUNT" send "$N-z" secret
refused 'a squatted name' 1 "$N-z" "user $(id -u nobody)" '--owner='
run "$SHUNT" send "$N-z" open --owner=nobody
went 'unless it is meant'
