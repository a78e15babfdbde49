#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 2: what crashed processes leave in /dev/shm stays for ever.
# Remedy: proof of life that the kernel gives back; who comes next adopts what
# is there, and `clean` removes what is provably nobody's.
. "$(dirname "$0")/../cli/lib.sh"

state() {
	"$SHUNT" ls "$1" --json | jq -r '.[].state'
}
attached() {
	[ "$(state "$1")" = live ]
}

# One killed while it waits: nothing unread, nobody there.
start "$SHUNT" recv "$N-a" -n 0
until_ok 5 attached "$N-a" || fail 'it does not wait'
kill -9 "$PID"
wait "$PID" 2>/dev/null
is 'its queue is nobody'"'"'s' "$(state "$N-a")" orphan
# The next one works on with it, and takes it along.
run "$SHUNT" send "$N-a" again
went 'the next sender'
run "$SHUNT" recv "$N-a"
is 'and receiver' "$OUT" again
check 'no leak' [ ! -e "$SHM-a" ]

# Messages of the dead are no leak: somebody may want them.
start "$SHUNT" recv "$N-b" -n 0
until_ok 5 attached "$N-b" || fail 'it does not wait'
kill -STOP "$PID"
"$SHUNT" send "$N-b" unread
kill -9 "$PID"
wait "$PID" 2>/dev/null
is 'unread is not orphan' "$(state "$N-b")" idle

# A cleaner: it says what it would do, does it when told, spares the rest.
start "$SHUNT" recv "$N-c" -n 0
until_ok 5 attached "$N-c" || fail 'it does not wait'
kill -9 "$PID"
wait "$PID" 2>/dev/null
start "$SHUNT" recv "$N-d" -n 0
until_ok 5 attached "$N-d" || fail 'it does not wait'
run "$SHUNT" clean
has 'clean names it' "$OUT" "$N-c"
hasnt 'clean spares the living' "$OUT" "$N-d"
check 'a dry run' [ -e "$SHM-c" ]
run "$SHUNT" clean --yes
check 'the orphan is gone' [ ! -e "$SHM-c" ]
check 'the living one is not' [ -e "$SHM-d" ]
check 'nor what is unread' [ -e "$SHM-b" ]
# Raw memory is never an orphan: it may be meant to stay.
"$SHUNT" create "$N-raw" 4K
run "$SHUNT" clean --yes
check 'raw memory is left alone' [ -e "$SHM-raw" ]
run "$SHUNT" clean --idle --name="$N-raw" --yes
check 'unless that was asked for' [ ! -e "$SHM-raw" ]
run "$SHUNT" recv "$N-b"
is 'it is still to be had' "$OUT" unread
