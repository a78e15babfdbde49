#!/bin/sh
# SPDX-License-Identifier: MIT
# send and recv: messages, limits, waiting, interruption, failing output.
. "$(dirname "$0")/lib.sh"
q="$N-q"

run "$SHUNT" send "$q" one two 'three words'
went 'send texts'
is 'mode of a queue made by first use' "$(stat -c %a "$SHM-q")" 600
run "$SHUNT" recv "$q"
is 'recv takes one' "$OUT" one
run "$SHUNT" recv "$q" -n 2
is 'recv takes two' "$OUT" "$(printf 'two\nthree words')"
check 'an ephemeral queue goes' [ ! -e "$SHM-q" ]

printf 'a\n\nlast' >"$T/in"
run_from "$T/in" "$SHUNT" send "$q"
went 'send lines'
run "$SHUNT" recv "$q" -n 3
printf 'a\n\nlast\n' >"$T/want"
check 'lines come back, also the empty and the unended one' \
    cmp -s "$T/out" "$T/want"
printf 'new\nline\0\0no end' >"$T/in"
run_from "$T/in" "$SHUNT" send "$q" --null
went 'send --null'
run "$SHUNT" recv "$q" -n 3 --null
printf 'new\nline\0\0no end\0' >"$T/want"
check 'NUL ends messages' cmp -s "$T/out" "$T/want"
run "$SHUNT" send "$q" -- --dash -n
went 'send behind --'
run "$SHUNT" recv "$q" --count=2
is 'texts with a dash' "$OUT" "$(printf '%s\n' --dash -n)"
run "$SHUNT" send "$q" ''
run "$SHUNT" recv "$q"
is 'an empty message' "$(wc -c <"$T/out")" 1

# NUL, newline, invalid UTF-8: legal, and safe in JSON.
printf 'a\0b\nc\033d' >"$T/nul"
printf 'x\377\376y' >"$T/utf"
"$SHUNT" create "$q" 64K --kind=queue
tr '\n' '\1' <"$T/nul" >/dev/null
printf 'gr\303\274n\n' >"$T/in"
run_from "$T/in" "$SHUNT" send "$q"
run_from "$T/utf" "$SHUNT" send "$q"
run "$SHUNT" recv "$q" -n 2 --json
went 'recv --json'
is 'JSON text' "$(head -n 1 "$T/out")" '{"len":5,"lane":0,"text":"grün"}'
is 'JSON base64' "$(tail -n 1 "$T/out")" '{"len":4,"lane":0,"base64":"eP/+eQ=="}'
printf 'a\0b\033c\n' >"$T/in"
run_from "$T/in" "$SHUNT" send "$q"
run "$SHUNT" recv "$q" --json
is 'JSON of controls' "$OUT" '{"len":5,"lane":0,"text":"a\u0000b\u001Bc"}'

# Over the limit: refused, whole; what stood before went.
max=$(head -c 64K /dev/zero | tr '\0' x | "$SHUNT" send "$q" 2>&1 |
    sed -n 's/.*takes \([0-9]*\) bytes.*/\1/p')
check "the limit is told: $max" [ "${max:-0}" -gt 30000 ]
head -c "$max" /dev/zero | tr '\0' x >"$T/big"
run_from "$T/big" "$SHUNT" send "$q"
went 'a message of the limit'
run "$SHUNT" recv "$q"
is 'a message of the limit' "$(wc -c <"$T/out")" $((max + 1))
{ echo before; cat "$T/big"; printf 'x\nafter\n'; } >"$T/in"
run_from "$T/in" "$SHUNT" send "$q"
is 'one byte more: exit' "$RC" 1
has 'one byte more' "$ERR" "line 2 is too long"
has 'one byte more' "$ERR" "1 message went before"
run "$SHUNT" recv "$q" -n 0 --timeout=0
is 'what stood before it went' "$OUT" before
run "$SHUNT" send "$q" "$(cat "$T/big")x"
refused 'one byte more as a text' 1 "$q" "$((max + 1))" "$max"

# Waiting.
run "$SHUNT" recv "$q" --timeout=0
refused 'nothing there' 3 "$q" time
run "$SHUNT" recv "$q" --timeout=0.05
refused 'nothing comes' 3 "$q" time
start "$SHUNT" recv "$q" -n 2 --timeout=20 >"$T/later"
until_ok 10 sleeps "$PID"
run "$SHUNT" send "$q" now
until_ok 10 holds "$T/later" now
check 'a message wakes the receiver, and is there at once' holds "$T/later" now
run "$SHUNT" recv "$q" --timeout=0.05
refused 'a second receiver, and nothing for it' 3 "$q" time
run "$SHUNT" send "$q" then
ended "$PID"
is 'both came' "$(cat "$T/later")" "$(printf 'now\nthen')"
is 'both came: exit' "$RC" 0
run "$SHUNT" send "$q" --timeout=0 "$(cat "$T/big")"
run "$SHUNT" send "$q" --timeout=0.05 "$(cat "$T/big")" "$(cat "$T/big")"
is 'full: exit' "$RC" 3
has 'full' "$ERR" "$q: full"
run "$SHUNT" recv "$q" -n 0 --timeout=0
for sig in INT TERM; do
	start "$SHUNT" recv "$q" -n 0 >"$T/many"
	run "$SHUNT" send "$q" "m$sig"
	until_ok 10 holds "$T/many" "m$sig"
	kill -$sig "$PID"
	ended "$PID"
	is "recv -n 0 ends by SIG$sig" "$RC" 0
done
start "$SHUNT" recv "$q" >"$T/one"
until_ok 10 sleeps "$PID"
kill -TERM "$PID"
ended "$PID"
is 'recv of one is not done by SIGTERM' "$RC" 143

# A persistent queue stays; a removed one tells its users.
check 'a persistent queue stays' [ -e "$SHM-q" ]
start "$SHUNT" recv "$q" -n 0 >"$T/many" 2>"$T/removed"
user=$PID
until_ok 10 sleeps "$user"
run "$SHUNT" rm "$q"
refused 'rm of a queue in use' 1 "$q" "$user" --force
check 'it is still there' [ -e "$SHM-q" ]
run "$SHUNT" ls "$q"
has 'ls sees it live' "$OUT" "$q *queue *live *1[+ ]"
run "$SHUNT" stat "$q" --json
has 'stat sees the receiver' "$(compact)" '"role":"receives","lane":null,"alive":true,"pid":'"$user"
run "$SHUNT" stat "$q"
has 'stat sees the receiver' "$OUT" "process $user"
run "$SHUNT" rm "$q" --force
is 'rm --force' "$RC" 0
ended "$user"
is 'its user is told: exit' "$RC" 1
has 'its user is told' "$(cat "$T/removed")" removed

# Output that fails: the message stays.
"$SHUNT" send "$q" precious
"$SHUNT" recv "$q" >/dev/full 2>"$T/err"
RC=$? ERR=$(cat "$T/err") OUT='' LAST='recv >/dev/full'
refused 'output to a full disk' 1 'No space' "stays in $q"
"$SHUNT" recv "$q" >&- 2>"$T/err"
RC=$? ERR=$(cat "$T/err") OUT='' LAST='recv >&-'
refused 'closed output' 1 "stays in $q"
mkfifo "$T/pipe"
start_to "$T/pipe" "$SHUNT" recv "$q" -n 0 2>"$T/err"
receiver=$PID
exec 5<"$T/pipe"
read -r line <&5
is 'a pipe' "$line" precious
exec 5<&-
run "$SHUNT" send "$q" second
ended "$receiver"
is 'a broken pipe: exit' "$RC" 1
check 'a broken pipe' holds "$T/err" "stays in $q"

# A reader that reads no more: interrupted there, the message stays.
head -c 200000 /dev/zero | tr '\0' x >"$T/in"
"$SHUNT" create "$N-big" 1M --kind=queue
run_from "$T/in" "$SHUNT" send "$N-big"
start_to "$T/pipe" "$SHUNT" recv "$N-big" -n 0
exec 5<"$T/pipe"
until_ok 10 sleeps "$PID"
kill -TERM "$PID"
ended "$PID"
exec 5<&-
is 'a reader that reads no more: exit' "$RC" 143
run "$SHUNT" recv "$N-big" --timeout=0
is 'the message stayed' "$(wc -c <"$T/out")" 200001

# A receiver that is killed before it has printed all leaves the message.
run "$SHUNT" recv "$q" --timeout=0
is 'the broken pipe left it' "$OUT" second
run_from "$T/in" "$SHUNT" send "$N-big"
start_to "$T/pipe" "$SHUNT" recv "$N-big"
exec 5<"$T/pipe"
until_ok 10 sleeps "$PID"
kill -9 "$PID"
wait "$PID" 2>/dev/null
exec 5<&-
run "$SHUNT" recv "$N-big" --timeout=0
is 'killed in between: it comes again' "$(wc -c <"$T/out")" 200001
