#!/bin/sh
# SPDX-License-Identifier: MIT
# top: what passes through, what waits, who has it; its orders; tables, JSON.
. "$(dirname "$0")/lib.sh"
q="$N-q"
l="$N-l"

top() {
	"$SHUNT" top "$N-*" --once --interval=0.1 "$@"
}

run top
is 'nothing matches: exit' "$RC" 0
is 'nothing matches' "$OUT" '0 segments, 0, 0 used, 0/s'
run top --json
is 'nothing matches, as JSON' "$OUT" '[]'

# A full disk is that of the output, not /dev/shm; one sentence.
top >/dev/full 2>"$T/err"
is 'nowhere to print: exit' "$?" 1
is 'nowhere to print' "$(cat "$T/err")" \
    'shunt top: standard output: No space left on device'

run "$SHUNT" create "$N-a" 40960
run "$SHUNT" create "$N-b" 4096
run "$SHUNT" send "$q" one two three
run top
went 'a table'
is 'its titles' "$(echo "$OUT" | sed -n 2p | tr -s ' ')" \
    'KIND STATE SIZE USED CHANGE USERS MSGS/S DEPTH NAME'
has 'a queue: no message a second, three wait' "$(echo "$OUT" | tr -s ' ')" \
    "queue idle [0-9.]*[KMG] [0-9.]*[KMG] 0 0 3 $q"
has 'a raw segment' "$OUT" "raw *idle *40K *0 *- *- $N-a"
[ "$(echo "$OUT" | head -n 1 | cut -c1-10)" = '3 segments' ] && pass ||
    fail 'the totals'

order() {
	run top --sort="$1" ${2-}
	echo "$OUT" | sed '1,2d' | grep -o "$N-[abq]" | sed 's/.*-//' | tr -d '\n'
}
is 'by name' "$(order name)" abq
is 'by name, reversed' "$(order name --reverse)" qba
is 'by used' "$(order used)" qab
is 'by size' "$(order size)" qab

# What passes through between two looks.
mkfifo "$T/lines"
start_to "$T/lines" yes 'some bytes that pass'
start_from "$T/lines" "$SHUNT" send "$q"
sender=$PID
start_to /dev/null "$SHUNT" recv "$q" -n 0
about() {
	top --json | jq -e ".[] | select(.name == \"$q\") | $1" >/dev/null
}
check 'what passes has a rate' until_ok 10 about '.messages_per_s > 100 and .bytes_per_s > .messages_per_s'
# A number, not a size.
rates() {
	top | tr -s ' ' | grep "$q" | grep -Eq ' [1-9][0-9.]*[kM]? [0-9]+ /'
}
check 'and in the table' until_ok 10 rates
check 'and users' until_ok 10 about '.users == 2 and .state == "live"'
kill "$PID"
ended "$PID"
check 'nobody takes it: messages wait' until_ok 10 about '.depth > 1000 and .lag > .depth'
kill "$sender"
ended "$sender"

# A topic that is overwritten while it is looked at; a stream, in bytes.
q="$N-t"
start_to "$T/lines" yes 'news that everybody gets'
start_from "$T/lines" "$SHUNT" pub "$q"
sender=$PID
check 'a topic has a rate, and keeps a ringful' until_ok 10 about \
    '.messages_per_s > 100 and .depth > 100 and .policy == "lossy" and .lag == 0'
check 'and in the table' until_ok 10 rates
kill "$sender"
ended "$sender"
q="$N-s"
start "$SHUNT" put "$q" /dev/zero
sender=$PID
start_to /dev/null "$SHUNT" get "$q"
check 'a stream has bytes' until_ok 10 about \
    '.bytes_per_s > 10000 and .messages_per_s == 0 and .depth == 0'
rates() {
	top | tr -s ' ' | grep "$q" | grep -Eq ' [1-9][0-9.]*[KMG]?B [0-9]+ /'
}
check 'and in the table, as bytes' until_ok 10 rates
kill "$PID" "$sender"
ended "$sender"

# A service: requests a second, and who serves them.
q="$N-v"
start "$SHUNT" serve "$q" -- cat
server=$PID
start_to "$T/lines" yes 'a request'
start_from "$T/lines" sh -c 'exec "$0" call "$1" --lines >/dev/null' \
    "$SHUNT" "$q"
sender=$PID
check 'a service has a rate' until_ok 10 about \
    '.messages_per_s > 1 and .receivers == 1 and .senders == 1 and .dropped == 0'
rates() {
	top | tr -s ' ' | grep "$q" | grep -Eq '^service live .* [1-9][0-9]* [01] /'
}
check 'and in the table' until_ok 10 rates
kill "$server" "$sender"
ended "$server"
ended "$sender"

# Of a topic what its subscriber is behind, what is dropped, and by rate.
q="$N-d"
"$SHUNT" create "$q" 4K --kind=topic --policy=drop
start "$SHUNT" sub "$q"
sub=$PID
attached() {
	about '.receivers == 1 and .asleep'
}
check 'a subscriber sleeps' until_ok 10 attached
kill -STOP "$sub"
seq 1 1000 | "$SHUNT" pub "$q" 2>/dev/null
check 'a subscriber that stands still is behind' about \
    '.lag > 3000 and .sent == .depth and .policy == "drop"'
kill -9 "$sub"
ended "$sub"

# Drops of a log that nobody serves.
i=0
while [ $i -lt 200 ]; do
	head -c 2000 /dev/zero | tr '\0' x
	echo
	i=$((i + 1))
done >"$T/much"
run "$SHUNT" create "$l" 64K --kind=log
run_from "$T/much" "$SHUNT" log -n "$l" --full=drop
run top --json
has 'what a log dropped' "$(echo "$OUT" | jq ".[] | select(.name == \"$l\") | .dropped > 0")" true

# A name with an escape sequence does no harm.
: >"/dev/shm/$(printf '%s-\033[31mred' "${N#/}")"
run top
has 'an escape in a name' "$OUT" '\x1b[[]31mred'
rm -f "/dev/shm/$(printf '%s-\033[31mred' "${N#/}")"

run "$SHUNT" top --sort=age
refused 'an unknown order' 2 '' --sort
is 'so many tables' "$("$SHUNT" top "$N-*" -n 3 --interval=0.05 --json | wc -l)" 3
