#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 18: a slow or dead reader blocks the writer for ever, or messages get
# lost and nobody says so.
# Remedy: the sender says how long it waits; what was sent stays; what a log
# drops becomes a line of it; a topic has a policy, and losses are counted.
. "$(dirname "$0")/../cli/lib.sh"

# Full: an answer, no hang and no loss.
"$SHUNT" create "$N-q" 4K --kind=queue
seq -f %0500g 1 50 >"$T/in"
run_from "$T/in" "$SHUNT" send "$N-q" --timeout=0.1
is 'full is an answer' "$RC" 3
has 'and says so' "$ERR" 'full'
i=$("$SHUNT" stat "$N-q" --json | jq '.unread / 512 | floor')
check 'it is full' [ "$i" -gt 5 ]
# A reader that dies with a message in its hand, and one that takes over.
run "$SHUNT" recv "$N-q" -n 1
went 'one of them'
run "$SHUNT" recv "$N-q" -n $((i - 1)) --timeout=1
is 'the rest, in order' "$(sed 's/^0*//' "$T/out" | tr '\n' ' ')" \
    "$(seq 2 "$i" | tr '\n' ' ')"
start "$SHUNT" recv "$N-q" -n 0
until_ok 5 sleeps "$PID" || fail 'it does not wait'
kill -STOP "$PID"
"$SHUNT" send "$N-q" 'in its hand'
kill -9 "$PID"
wait "$PID" 2>/dev/null
run "$SHUNT" recv "$N-q" --timeout=5
is 'the next reader has it' "$OUT" 'in its hand'

# A log whose server is stopped: the client goes on, and what it gave up on
# is told in the file.
"$SHUNT" create "$N-log" 4K --kind=log
serve "$N-log" "$T/log" || fail 'no server'
server=$PID
kill -STOP "$server"
i=0
while [ $i -lt 400 ]; do
	echo "line $i"
	i=$((i + 1))
done >"$T/lines"
run_from "$T/lines" timeout 10 "$SHUNT" log -n "$N-log" --full=drop
check 'the client is not held up' [ "$RC" -ne 124 ]
kill -CONT "$server"
"$SHUNT" logd -n "$N-log" --stop
ended "$server"
written=$(grep -c 'line [0-9]' "$T/log")
lost=$(sed -n 's/.*shunt: \([0-9]*\) messages dropped from pid.*/\1/p' \
    "$T/log")
check 'some were lost' [ "${lost:-0}" -gt 0 ]
is 'written and told lost make the whole' $((written + ${lost:-0})) 400

# A topic: who is slow misses messages and knows how many, nobody waits for it.
"$SHUNT" create "$N-t" 4K --kind=topic --policy=lossy
start "$SHUNT" sub "$N-t" >"$T/heard" 2>"$T/err"
slow=$PID
listens() {
	"$SHUNT" stat "$N-t" | grep -q ' subscriber *process'
}
until_ok 10 listens
kill -STOP "$slow"
seq 1 1000 >"$T/news"
run_from "$T/news" timeout 10 "$SHUNT" pub "$N-t" --finish
is 'nobody waits for who is stopped' "$RC" 0
kill -CONT "$slow"
ended "$slow"
lost=$(sed -n 's/.*lost \([0-9]*\) message.*/\1/p' "$T/err" |
    awk '{ n += $1 } END { print n + 0 }')
is 'heard and told lost make the whole' $(($(wc -l <"$T/heard") + lost)) 1000
