#!/bin/sh
# SPDX-License-Identifier: MIT
# pub and sub: every subscriber gets every message; policies, losses, history,
# the end; what is refused.
. "$(dirname "$0")/lib.sh"
t="$N-t"

# subscribed NAME COUNT: so many are attached to it as subscribers.
subscribed() {
	[ "$("$SHUNT" stat "$1" --json 2>/dev/null |
	    sed -n 's/ *"receivers": \([0-9]*\),.*/\1/p')" = "$2" ]
}
# stopped PID
stopped() {
	[ "$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1)" = T ]
}

# Two subscribers, one message each way they can be given.
start "$SHUNT" sub "$t" -n 5 --timeout=20 >"$T/a"
a=$PID
start "$SHUNT" sub "$t" -n 5 --timeout=20 --json >"$T/b"
b=$PID
until_ok 10 subscribed "$t" 2 || fail 'no two subscribers'
is 'mode of a topic made by first use' "$(stat -c %a "$SHM-t")" 600
run "$SHUNT" pub "$t" one 'two words' ''
went 'pub texts'
printf 'l1\nl2' >"$T/in"
run_from "$T/in" "$SHUNT" pub "$t"
went 'pub lines'
ended "$a"
is 'a subscriber: exit' "$RC" 0
ended "$b"
is 'another one: exit' "$RC" 0
printf 'one\ntwo words\n\nl1\nl2\n' >"$T/want"
check 'the first got them all' cmp -s "$T/a" "$T/want"
is 'so did the other' "$(wc -l <"$T/b")" 5
is 'JSON of the first' "$(head -n 1 "$T/b")" \
    '{"len":3,"lane":0,"sequence":0,"text":"one"}'
check 'an ephemeral topic goes' [ ! -e "$SHM-t" ]
run "$SHUNT" pub "$t" 'to nobody'
went 'pub to nobody'
check 'and goes again' [ ! -e "$SHM-t" ]

# History: of a topic that stays.
run "$SHUNT" create "$t" 64K --kind=topic
went create
seq 1 9 | "$SHUNT" pub "$t"
run "$SHUNT" sub "$t" --history=1 -n 1 --timeout=5
is 'the last value' "$OUT" 9
run "$SHUNT" sub "$t" -H 3 -n 3 -t 5
is 'the last three' "$OUT" "$(seq 7 9)"
run "$SHUNT" sub "$t" --all -n 9 --timeout=5
is 'all' "$OUT" "$(seq 1 9)"
run "$SHUNT" sub "$t" --timeout=0
refused 'nothing of before' 3 "$t" time
run "$SHUNT" sub "$t" --all --timeout=0
is 'until there are no more: exit' "$RC" 3
is 'until there are no more' "$OUT" "$(seq 1 9)"
run "$SHUNT" sub "$t" --read-only --all -n 2 --timeout=5
is 'read-only' "$OUT" "$(seq 1 2)"
printf 'a\nb\0c\0' >"$T/in"
run_from "$T/in" "$SHUNT" pub "$t" --null
run "$SHUNT" sub "$t" -H 2 -n 2 --framing=nul --timeout=5
check 'framing by NUL' cmp -s "$T/out" "$T/in"
printf '\2\0\0\0\n\0\0\0\0\0' >"$T/in"
run_from "$T/in" "$SHUNT" pub "$t" -f length
run "$SHUNT" sub "$t" -H 2 -n 2 -f length --timeout=5
check 'framing by length' cmp -s "$T/out" "$T/in"
head -c 16384 /dev/zero | tr '\0' x >"$T/big"
run "$SHUNT" pub "$t" "$(cat "$T/big")"
refused 'too long' 1 "$t" 16384 'this topic takes 16368 at most' '128K --kind=topic'
run_from "$T/big" "$SHUNT" pub "$t"
refused 'too long a line' 1 'line 1 is too long' 16368

# What others see of it.
run "$SHUNT" ls "$t"
has 'ls' "$OUT" "$t *topic *idle *0 "
run "$SHUNT" stat "$t"
row 'stat' policy 'lossy: '
row 'stat' messages '13 still there, 13 sent so far'
row 'stat' publishers '0 alive'
row 'stat' subscriber none
run "$SHUNT" why "$t"
has 'why' "$(tr -s ' \n' ' ' <"$T/out")" '13 messages were published'
run "$SHUNT" rm "$t"
went rm

# Lossy: what a stopped subscriber misses is told, and by its exit code.
"$SHUNT" create "$t" 4K --kind=topic --policy=lossy
start "$SHUNT" sub "$t" -n 0 --timeout=20 >"$T/a" 2>"$T/err"
a=$PID
until_ok 10 subscribed "$t" 1
kill -STOP "$a"
until_ok 10 stopped "$a"
seq 1 1000 | "$SHUNT" pub "$t"
"$SHUNT" pub "$t" --finish last
kill -CONT "$a"
ended "$a"
is 'lossy: exit' "$RC" 1
lost=$(sed -n 's/.*lost \([0-9]*\) messages*$/\1/p' "$T/err" |
    awk '{ n += $1 } END { print n + 0 }')
check "lossy: some were lost: $lost" [ "$lost" -gt 500 ]
is 'lossy: received and lost are all' $((lost + $(wc -l <"$T/a"))) 1001
is 'lossy: the last one came' "$(tail -n 1 "$T/a")" last
run "$SHUNT" pub "$t" more
refused 'finished' 1 "$t" finished
run "$SHUNT" stat "$t"
row 'finished' finished 'nothing more'
run "$SHUNT" sub "$t" --all -n 5000 --timeout=5
is 'finished before: exit' "$RC" 1
has 'finished before' "$ERR" 'of 5000 messages'
"$SHUNT" rm "$t"

# The losses of JSON: each object tells those before it.
"$SHUNT" create "$t" 4K --kind=topic
start "$SHUNT" sub "$t" --timeout=20 --json >"$T/a" 2>"$T/err"
a=$PID
until_ok 10 subscribed "$t" 1
kill -STOP "$a"
until_ok 10 stopped "$a"
seq 1 1000 | "$SHUNT" pub "$t" --finish
kill -CONT "$a"
ended "$a"
is 'JSON: exit' "$RC" 1
lost=$(sed -n 's/.*"lost":\([0-9]*\).*/\1/p' "$T/a" |
    awk '{ n += $1 } END { print n + 0 }')
is 'JSON: received and lost are all' $((lost + $(wc -l <"$T/a"))) 1000
"$SHUNT" rm "$t"

# Block: the publisher waits, as long as it is told to; nothing is lost.
"$SHUNT" create "$t" 4K --kind=topic --policy=block
start "$SHUNT" sub "$t" --timeout=20 >"$T/a" 2>"$T/err"
a=$PID
until_ok 10 subscribed "$t" 1
kill -STOP "$a"
until_ok 10 stopped "$a"
seq 1 1000 >"$T/in"
run_from "$T/in" "$SHUNT" pub "$t" --timeout=0.1
is 'block: exit' "$RC" 3
has 'block' "$ERR" 'is there a subscriber'
went_before=$(printf %s "$ERR" | sed -n 's/.* \([0-9]*\) messages* went.*/\1/p')
run "$SHUNT" stat "$t" --json
has 'block: its lag is seen' "$(compact)" '"role":"subscribes",*"lag":40'
kill -CONT "$a"
run "$SHUNT" pub "$t" --finish last --timeout=10
went 'block: it goes on'
ended "$a"
is 'block: exit of the subscriber' "$RC" 0
is 'block: nothing is lost' "$(cat "$T/a")" "$(seq 1 "$went_before"; echo last)"
"$SHUNT" rm "$t"

# Drop: new ones are dropped, and the publisher is told.
"$SHUNT" create "$t" 4K --kind=topic --policy=drop
start "$SHUNT" sub "$t" --timeout=20 >"$T/a" 2>"$T/err"
a=$PID
until_ok 10 subscribed "$t" 1
kill -STOP "$a"
until_ok 10 stopped "$a"
run_from "$T/in" "$SHUNT" pub "$t" --finish
is 'drop: exit' "$RC" 1
dropped=$(printf %s "$ERR" | sed -n 's/.*: \([0-9]*\) messages* were dropped.*/\1/p')
kill -CONT "$a"
ended "$a"
is 'drop: received and dropped are all' \
    $((${dropped:-0} + $(wc -l <"$T/a"))) 1000
"$SHUNT" rm "$t"

# Evict: who is slow is told so and ends.
"$SHUNT" create "$t" 4K --kind=topic --policy=evict
start "$SHUNT" sub "$t" --timeout=20 >"$T/a" 2>"$T/err"
a=$PID
until_ok 10 subscribed "$t" 1
kill -STOP "$a"
until_ok 10 stopped "$a"
run_from "$T/in" "$SHUNT" pub "$t"
went 'evict: the publisher goes on'
kill -CONT "$a"
ended "$a"
is 'evict: exit' "$RC" 1
check 'evict: it is told' holds "$T/err" 'left behind'
"$SHUNT" rm "$t"

# Bad input.
run "$SHUNT" create "$t" 64K --kind=topic --type=prices --schema=7
went 'a type'
run "$SHUNT" pub "$t" --type=prices --schema=7 x
went 'the same type'
run "$SHUNT" pub "$t" --type=orders x
refused 'another type' 1 "$t" prices orders
run "$SHUNT" sub "$t" --schema=8 -t 0
refused 'another schema' 1 "$t"
run "$SHUNT" pub "$t" --policy=block x
refused 'another policy' 1 "$t" lossy block
run "$SHUNT" stat "$t" --json
has 'its type' "$(compact)" '"type":"prices","schema":"0x0000000000000007","policy":"lossy"'
run "$SHUNT" pub "$t" --policy=gentle x
refused 'no such policy' 2 lossy gentle
run "$SHUNT" create "$t-q" 64K --kind=queue
run "$SHUNT" pub "$t-q" x
refused 'a queue' 1 "$t-q" 'a queue'
run "$SHUNT" sub "$t-q" -t 0
refused 'a queue' 1 "$t-q" 'a queue'
run "$SHUNT" recv "$t" -t 0
refused 'recv of a topic' 1 "$t" 'a topic'
run "$SHUNT" create "$t" 64K --kind=queue
refused 'create as a queue' 1 "$t" 'a topic'
run "$SHUNT" create "$t" 4K --kind=topic
refused 'create with other lanes' 1 "$t" 65536 4096
run "$SHUNT" create "$t-x" 64K --policy=block
refused 'a policy without a topic' 2 'for topics'
run "$SHUNT" create "$t-x" 64K --type=x
refused 'a type without messages' 2 'for queues, topics'
run "$SHUNT" create "$t-x" --kind=topic
refused 'no size' 2 'NAME and SIZE'
"$SHUNT" rm "$t" "$t-q"

# Removed, interrupted, killed.
"$SHUNT" create "$t" 64K --kind=topic
start "$SHUNT" sub "$t" >"$T/a" 2>"$T/err"
a=$PID
until_ok 10 subscribed "$t" 1
run "$SHUNT" rm "$t"
refused 'rm of a topic in use' 1 "$t" "$a" --force
run "$SHUNT" rm "$t" --force
ended "$a"
is 'removed: exit' "$RC" 1
check 'removed' holds "$T/err" removed
for sig in INT TERM; do
	start "$SHUNT" sub "$t" >"$T/a"
	until_ok 10 subscribed "$t" 1
	kill -$sig "$PID"
	ended "$PID"
	is "sub ends by SIG$sig" "$RC" 0
done
start "$SHUNT" sub "$t" >"$T/a"
until_ok 10 subscribed "$t" 1
kill -9 "$PID"
ended "$PID"
run "$SHUNT" ls "$t"
has 'a killed subscriber leaves an orphan' "$OUT" "$t *topic *orphan *0 "
run "$SHUNT" clean --yes --name "$t"
check 'clean takes it' [ ! -e "$SHM-t" ]

# Output that fails.
"$SHUNT" create "$t" 64K --kind=topic
"$SHUNT" pub "$t" precious
"$SHUNT" sub "$t" --all >/dev/full 2>"$T/err"
RC=$? ERR=$(cat "$T/err") OUT='' LAST='sub >/dev/full'
refused 'output to a full disk' 1 'No space' 'was not printed'
