#!/bin/sh
# SPDX-License-Identifier: MIT
# Several receivers of one queue: each message to one of them, again if he dies
# with it; a program for each message; a queue that is finished.
. "$(dirname "$0")/lib.sh"
q="$N-q"

# receiving COUNT: so many have it as receivers.
receiving() {
	[ "$("$SHUNT" stat "$q" --json 2>/dev/null |
	    sed -n 's/ *"receivers": \([0-9]*\),.*/\1/p')" = "$1" ]
}

# Each message is printed by exactly one, and all end with the queue.
"$SHUNT" create "$q" 64K --kind=queue
for i in 1 2 3; do
	start "$SHUNT" recv "$q" -n 0 --timeout=30 >"$T/out.$i"
	eval "r$i=$PID"
done
until_ok 10 receiving 3 || fail 'no three receivers'
run "$SHUNT" stat "$q"
row 'three receivers' receiver '3 receivers alive'
has 'each in a place' "$OUT" 's2  receives'
run "$SHUNT" why "$q"
has 'why' "$(tr -s ' \n' ' ' <"$T/out")" '3 receivers live'
for i in 1 2 3; do
	seq "$i"001 "$i"300 >"$T/in.$i"
	start_from "$T/in.$i" "$SHUNT" send "$q"
	eval "s$i=$PID"
done
# shellcheck disable=SC2154
for p in $s1 $s2 $s3; do
	ended "$p"
	is 'a sender: exit' "$RC" 0
done
run_from /dev/null "$SHUNT" send "$q" --finish
went 'finish'
# shellcheck disable=SC2154
for p in $r1 $r2 $r3; do
	ended "$p"
	is 'a receiver ends with the queue: exit' "$RC" 0
done
cat "$T/in.1" "$T/in.2" "$T/in.3" >"$T/want"
sort "$T/out.1" "$T/out.2" "$T/out.3" >"$T/got"
check 'each message came once' cmp -s "$T/got" "$T/want"
run "$SHUNT" send "$q" more
refused 'send to a finished queue' 1 "$q" finished 'no more messages'
run "$SHUNT" recv "$q" --timeout=5
refused 'recv of a finished queue' 1 "$q" 'finished after 0 of 1'
run "$SHUNT" recv "$q" -n 0 --timeout=5
went 'recv of all of a finished queue'
run "$SHUNT" stat "$q"
row 'stat' finished 'nothing more'
run "$SHUNT" stat "$q" --json
has 'stat' "$(compact)" '"finished":true'
"$SHUNT" rm "$q"

# Close and drain: what was in it comes first.
run "$SHUNT" send "$q" --finish one two
went 'send and finish'
run "$SHUNT" recv "$q" -n 0 --timeout=5
went 'drain'
is 'drain' "$OUT" "$(printf 'one\ntwo')"
check 'an ephemeral queue that is finished goes' [ ! -e "$SHM-q" ]

# Killed with a message in hand: it comes again, and says so.
"$SHUNT" create "$q" 64K --kind=queue
"$SHUNT" send "$q" precious next
mkfifo "$T/began"
start "$SHUNT" recv "$q" -- sh -c 'cat >/dev/null; echo >"$0"; exec sleep 60' \
    "$T/began"
receiver=$PID
timeout 10 cat "$T/began" >/dev/null || fail 'the program does not begin'
for p in $(cat "/proc/$receiver/task/$receiver/children"); do
	mine "$p"
	kill -9 "$receiver" "$p"
done
ended "$receiver"
run "$SHUNT" recv "$q" --json --timeout=5
is 'redelivered' "$OUT" \
    '{"len":8,"lane":0,"redelivered":true,"text":"precious"}'
run "$SHUNT" recv "$q" --json --timeout=5
is 'the next one is not' "$OUT" '{"len":4,"lane":0,"text":"next"}'

# A program for each message: what it ends with decides.
printf 'a\0b\n' >"$T/in"
run_from "$T/in" "$SHUNT" send "$q" -f nul
run "$SHUNT" recv "$q" -n 2 --timeout=5 -- sh -c 'cat; echo .'
went 'a program for each'
is 'a program for each' "$OUT" "$(printf 'a.\nb\n.')"
"$SHUNT" send "$q" bad good
# shellcheck disable=SC2016
run "$SHUNT" recv "$q" --timeout=5 -- sh -c 'echo "${SHUNT_REDELIVERED-no}"; exit 7'
is 'a program that fails: exit' "$RC" 1
is 'a program that fails: it is new' "$OUT" no
has 'a program that fails' "$ERR" "$q: sh ended with 7; the message stays"
# shellcheck disable=SC2016
run "$SHUNT" recv "$q" -n 0 --timeout=0.2 -- \
    sh -c 'echo "${SHUNT_REDELIVERED-no} $(cat)"'
is 'and those that do not: exit' "$RC" 3
is 'and those that do not' "$OUT" "$(printf '1 bad\nno good')"
"$SHUNT" send "$q" kept
run "$SHUNT" recv "$q" --timeout=5 -- "$T/none"
is 'no such program: exit' "$RC" 1
has 'no such program' "$ERR" 'no such program'
has 'no such program: the message' "$ERR" stays
run "$SHUNT" recv "$q" --timeout=5
is 'no such program: it is there' "$OUT" kept
run "$SHUNT" recv "$q" --
refused 'nothing behind --' 2 'a program'
run "$SHUNT" recv -t 0 -- "$q"
refused 'a queue behind --' 3 "$q" time
"$SHUNT" send "$q" y
run "$SHUNT" recv -t 5 -- "$q" -- cat
is 'a queue behind --, and a program' "$OUT" y
run "$SHUNT" recv -- "$q" cat
refused 'one too many' 2 'cat' 'one too many'
run "$SHUNT" recv --
refused 'no queue' 2 'it wants QUEUE'
start "$SHUNT" recv "$q" -n 0 -- cat >"$T/cat"
until_ok 10 receiving 1
"$SHUNT" send "$q" x
done_with() {
	"$SHUNT" stat "$q" | grep -q ' messages *0 in it'
}
until_ok 10 done_with
kill -TERM "$PID"
ended "$PID"
is 'between two programs SIGTERM is the end' "$RC" 0

# Types.
"$SHUNT" rm "$q"
run "$SHUNT" create "$q" 64K --kind=queue --type=jobs --schema=0x10
went 'a type'
run "$SHUNT" send "$q" --type=jobs --schema=16 x
went 'the same type'
run "$SHUNT" send "$q" --type=mail x
refused 'another type' 1 "$q" jobs mail
run "$SHUNT" recv "$q" --schema=17 -t 0
refused 'another schema' 1 "$q"
run "$SHUNT" recv "$q" --type=jobs -t 0
is 'who names it' "$OUT" x
