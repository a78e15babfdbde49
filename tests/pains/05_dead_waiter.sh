#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 5: a condition variable wedges when one of its waiters is killed.
# Remedy: events keep nothing of their waiters that would have to be undone.
. "$(dirname "$0")/../cli/lib.sh"

waiting() {
	[ "$("$SHUNT" event show "$N-e" --json 2>/dev/null |
	    jq '.users | length')" = "$1" ]
}

victims='' living=''
for i in 1 2 3; do
	start "$SHUNT" event wait "$N-e" --timeout=10
	victims="$victims $PID"
	start "$SHUNT" event wait "$N-e" --timeout=10
	living="$living $PID"
done
until_ok 5 waiting 6 || fail 'they do not wait'
for pid in $victims $living; do
	until_ok 5 sleeps "$pid" || fail 'it does not sleep'
done
for pid in $victims; do
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
done
run "$SHUNT" event notify "$N-e" --all
went 'notify all'
for pid in $living; do
	ended "$pid"
	is 'the living return' "$RC" 0
done
# One at a time, with one killed before each.
for i in 1 2 3; do
	start "$SHUNT" event wait "$N-f" --timeout=10
	until_ok 5 sleeps "$PID" || fail 'it does not sleep'
	kill -9 "$PID"
	wait "$PID" 2>/dev/null
	run "$SHUNT" event notify "$N-f"
	went 'notify one'
	run "$SHUNT" event wait "$N-f" --timeout=5
	went 'the next waiter has it'
done
check 'nothing is left' [ ! -e "$SHM-e" ]
