#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 16: two containers both have a process 1, pids are used again, EPERM is
# taken for death.
# Remedy: the kernel's lock on the file tells who lives; pids are for people.
# shellcheck disable=SC2086
. "$(dirname "$0")/../cli/lib.sh"
unshare -p -f --kill-child true 2>/dev/null || skip 'PID namespaces need root'

held() {
	[ "$("$SHUNT" lock "$N-l" --status --json 2>/dev/null | jq .held)" = true ]
}
# As process 1 of a PID namespace of its own.
lonely='unshare -p -f --kill-child'

mkfifo "$T/end"
start $lonely "$SHUNT" lock "$N-l" -- sh -c 'read -r _ <"$1"' sh "$T/end"
outer=$PID
until_ok 5 held || fail 'the first does not hold it'
is 'it calls itself 1' "$("$SHUNT" lock "$N-l" --status --json |
    jq .holder_pid)" 1
# Another process 1 does not take it for itself, nor for dead.
run $lonely "$SHUNT" lock "$N-l" --try -- true
is 'the other process 1 is another' "$RC" 3
run $lonely "$SHUNT" lock "$N-l" --timeout=0.6 -- true
is 'nor is it dead, with time' "$RC" 3
run $lonely "$SHUNT" ls "$N-l" --json
is 'seen from there it lives' "$(jq -r '.[].state' "$T/out")" live
run $lonely "$SHUNT" clean --yes
check 'clean spares it' [ -e "$SHM-l" ]
# Somebody who may not signal it sees it live as well.
if setpriv --reuid=nobody --regid=nogroup --clear-groups true 2>/dev/null; then
	"$SHUNT" chmod "$N-l" 0666
	run setpriv --reuid=nobody --regid=nogroup --clear-groups \
	    "$SHUNT" ls "$N-l" --json
	is 'EPERM is no death' "$(jq -r '.[].state' "$T/out")" live
fi

# Its death is seen from the other namespace.
kill -9 "$outer"
wait "$outer" 2>/dev/null
run $lonely "$SHUNT" lock "$N-l" --timeout=5 -- echo mine
is 'the other has it after the kill' "$OUT" mine
