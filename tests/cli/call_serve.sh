#!/bin/sh
# SPDX-License-Identifier: MIT
# call and serve: what goes in comes out, with the program's status; servers
# and clients that die, wait, or ask for too much.
. "$(dirname "$0")/lib.sh"
s="$N-s"

attached() {
	[ "$(fuser "$SHM-s" 2>/dev/null | wc -w)" -ge "$1" ]
}
gone_name() {
	[ ! -e "$SHM-s" ]
}
programs() {
	[ "$(ps -o args= -e | grep -c "^$1\$")" -eq "$2" ]
}

# A text, a file with every byte, nothing at all; lines.
start "$SHUNT" serve "$s" -- cat
server=$PID
run "$SHUNT" call "$s" 'a request'
went 'call'
is 'the reply' "$OUT" 'a request'
i=0
while [ $i -lt 256 ]; do
	printf "\\$(printf %03o $i)"
	i=$((i + 1))
done >"$T/bytes"
run_from "$T/bytes" "$SHUNT" call "$s"
went 'every byte'
check 'as they were' cmp -s "$T/bytes" "$T/out"
run "$SHUNT" call "$s"
went 'an empty request'
is 'an empty reply' "$OUT" ''
head -c 65520 /dev/zero | tr '\0' x >"$T/most"
run_from "$T/most" "$SHUNT" call "$s"
check 'the longest' cmp -s "$T/most" "$T/out"
printf x >>"$T/most"
run_from "$T/most" "$SHUNT" call "$s"
refused 'one more' 1 "$s" '65520' 'longer lanes'
printf 'one\n\ntwo' >"$T/lines"
run_from "$T/lines" "$SHUNT" call "$s" --lines
went 'lines'
printf 'one\n\ntwo\n' >"$T/want"
check 'a line each' cmp -s "$T/want" "$T/out"
printf 'one\0two\n\0' >"$T/nul"
run_from "$T/nul" "$SHUNT" call "$s" --null
check 'with NUL' cmp -s "$T/nul" "$T/out"
# Lengths before and behind any bytes; JSON.
printf '\003\0\0\0a\nb\0\0\0\0\001\0\0\0\377' >"$T/counted"
run_from "$T/counted" "$SHUNT" call "$s" --framing=length
went 'lengths'
check 'as they came' cmp -s "$T/counted" "$T/out"
printf '\001\0\0\0\0\0\0\0x' >"$T/eight"
run_from "$T/eight" "$SHUNT" call "$s" --framing=length8
check 'of 8 bytes' cmp -s "$T/eight" "$T/out"
printf '\003\0\0\0ab' >"$T/cut"
run_from "$T/cut" "$SHUNT" call "$s" -f length
refused 'cut off' 1 'ends within message 1' 'framing=length'
run_from "$T/counted" "$SHUNT" call "$s" --framing=length --json
went 'JSON'
is 'an object a line' "$OUT" '{"len":3,"status":0,"text":"a\nb"}
{"len":0,"status":0,"text":""}
{"len":1,"status":0,"base64":"/w=="}'
run "$SHUNT" call "$s" 'one text' --json
is 'of TEXT, too' "$OUT" '{"len":8,"status":0,"text":"one text"}'
kill -TERM "$server"
ended "$server"
is 'told to end it ends' "$RC" 0
check 'and it goes' gone_name

# The status of the program is that of the call; the first that is not 0 ends.
start "$SHUNT" serve "$s" -- sh -c 'read -r n; echo "had $n"; exit "$n"'
server=$PID
run "$SHUNT" call "$s" '42'
is 'its status' "$RC" 42
is 'and its reply' "$OUT" 'had 42'
run "$SHUNT" call "$s" '42' --json
is 'in JSON, too' "$RC $OUT" '42 {"len":7,"status":42,"text":"had 42\n"}'
printf '0\n0\n5\n0\n' >"$T/lines"
run_from "$T/lines" "$SHUNT" call "$s" --lines
is 'the first bad one' "$RC" 5
is 'is the last' "$OUT" "$(printf 'had 0\nhad 0\nhad 5')"
# It does not read what it gets, and that is long.
kill -TERM "$server"
ended "$server"
start "$SHUNT" serve "$s" -n 1 -- echo fine
head -c 65520 "$T/most" >"$T/fits"
run_from "$T/fits" "$SHUNT" call "$s"
went 'unread'
is 'unread' "$OUT" fine
ended "$PID"
is 'so many, then the end' "$RC" 0

# No server: fails, gives up in time, or waits for one.
run "$SHUNT" call "$s" x --now
refused 'nobody serves' 1 "$s" 'nobody serves it' 'shunt serve'
run "$SHUNT" call "$s" x --timeout=0.05
refused 'nobody came' 3 "$s" 'in time' 'given up'
check 'nothing is left' gone_name
start_to "$T/late" "$SHUNT" call "$s" waited
check 'it waits' until_ok 10 attached 1
client=$PID
run "$SHUNT" serve "$s" -n 1 -- tr a-z A-Z
went 'a late server'
ended "$client"
is 'has its request' "$RC $(cat "$T/late")" '0 WAITED'
# Interrupted before: nobody begins it.
start_to "$T/late" "$SHUNT" call "$s" waited
check 'it waits' until_ok 10 sleeps "$PID"
check 'and is there' until_ok 10 attached 1
kill -TERM "$PID"
ended "$PID"
is 'by the signal' "$RC" 143
check 'and it goes' gone_name

# The server dies in the middle; the next request is another one's.
start "$SHUNT" serve "$s" -- sh -c 'kill -9 "$PPID"; exec sleep 35.$0' $$
before=$(date +%s%N)
run "$SHUNT" call "$s" x
refused 'its server died' 1 "$s" 'ended before it replied' 'no other server'
took=$((($(date +%s%N) - before) / 1000000))
check "told soon: $took ms" [ "$took" -lt 5000 ]
ended "$PID"
check 'its program ends with it' until_ok 10 programs "sleep 35.$$" 0

# What it had is neither waited for with room, nor answered by another one.
"$SHUNT" create "$s" 64K --kind=service
start "$SHUNT" serve "$s" -- sh -c 'exec sleep 38.$0' $$
server=$PID
start "$SHUNT" call "$s" x 2>"$T/said"
client=$PID
waits() {
	"$SHUNT" stat "$s" | grep -q '1 alive, 1 of them waits for a reply'
}
check 'it waits for a reply' until_ok 10 waits
check 'begun' until_ok 10 programs "sleep 38.$$" 1
run "$SHUNT" why "$s"
has 'why says so' "$(echo $OUT)" '1 client waits for a reply.'
kill -9 "$server"
ended "$client"
run "$SHUNT" why "$s"
has 'nobody answers what was begun' "$(echo $OUT)" \
    'answers what no server had begun'
hasnt 'so it is not kept' "$(echo $OUT)" 'are kept'
"$SHUNT" rm "$s" >"$T/said"
check 'its program ends with it' until_ok 10 programs "sleep 38.$$" 0

# Several at once, one killed and begun again; then all end.
start "$SHUNT" serve "$s" --jobs=3 -- sh -c 'cat; sleep 0.3'
server=$PID
for i in 1 2 3; do
	start_to "$T/job$i" "$SHUNT" call "$s" "job$i"
	eval "client$i=$PID"
done
before=$(date +%s%N)
for i in 1 2 3; do
	eval "ended \$client$i"
	is "job $i" "$RC $(cat "$T/job$i")" "0 job$i"
done
kill -9 "$(pgrep -P "$server" | head -n 1)"
three() {
	[ "$(pgrep -P "$server" | wc -l)" -eq 3 ]
}
check 'three again' until_ok 10 three
run "$SHUNT" call "$s" more
is 'and all is well' "$OUT" more
kill -TERM "$server"
ended "$server"
is 'all end' "$RC" 0
check 'and it goes' gone_name

# Programs that take too long, print too much, are not there, nobody wants.
start "$SHUNT" serve "$s" -n 1 --timeout=0.1 -- sleep "36.$$"
run "$SHUNT" call "$s"
is 'too long' "$RC" 124
ended "$PID"
check 'it is ended' until_ok 10 programs "sleep 36.$$" 0
start "$SHUNT" serve "$s" -n 1 -- seq 100000 2>"$T/said"
run "$SHUNT" call "$s"
is 'too much' "$RC" 125
ended "$PID"
start "$SHUNT" serve "$s" -n 1 -- "$T/nothing" 2>"$T/said"
run "$SHUNT" call "$s"
is 'not there' "$RC" 127
ended "$PID"
start "$SHUNT" serve "$s" -n 1 -- sh -c 'kill -15 $$'
run "$SHUNT" call "$s"
is 'by a signal' "$RC" 143
ended "$PID"
start "$SHUNT" serve "$s" -n 1 -- sleep "37.$$"
run "$SHUNT" call "$s" --timeout=0.2
is 'given up' "$RC" 3
ended "$PID"
check 'its program ends, too' until_ok 10 programs "sleep 37.$$" 0

# A client whose lane was written over: its server says so and serves others,
# and its own call does not wait for ever.
start_to "$T/late" "$SHUNT" call "$s" "scribbled$$" 2>"$T/said"
client=$PID
written() {
	grep -q "scribbled$$" "$SHM-s" 2>/dev/null
}
check 'its request is there' until_ok 10 written
at=$(grep -abo "scribbled$$" "$SHM-s" | head -n 1 | cut -d: -f1)
# The header stands 16 bytes before.
printf '\377\377\377\377\377\377\377\377' |
    dd of="$SHM-s" bs=1 seek=$((at - 16)) conv=notrunc 2>/dev/null
ended "$client"
is 'its call fails' "$RC" 1
check 'and says why' holds "$T/said" 'contradict'
start_to "$T/late" "$SHUNT" call "$s" "scribbled$$" 2>"$T/said"
client=$PID
check 'another request is there' until_ok 10 written
kill -STOP "$client"
at=$(grep -abo "scribbled$$" "$SHM-s" | head -n 1 | cut -d: -f1)
printf '\377\377\377\377\377\377\377\377' |
    dd of="$SHM-s" bs=1 seek=$((at - 16)) conv=notrunc 2>/dev/null
start "$SHUNT" serve "$s" -- cat 2>"$T/serve"
server=$PID
check 'the server says so' until_ok 10 holds "$T/serve" 'left alone'
run "$SHUNT" call "$s" other --timeout=10
is 'others are served' "$RC $OUT" '0 other'
kill -CONT "$client"
ended "$client"
is 'its call fails, too' "$RC" 1
kill -TERM "$server"
ended "$server"
is 'and goes on to its end' "$RC" 0
rm -f "$SHM-s"

# Mistakes.
run "$SHUNT" serve "$s"
refused 'no program' 2 'behind --'
run "$SHUNT" serve "$s" --jobs=0 -- cat
refused 'no jobs' 2 '1 to 256'
run "$SHUNT" serve "$s" --jobs=2 --count=1 -- cat
refused 'jobs and count' 2 'one job'
run "$SHUNT" call "$s" x --lines
refused 'text and lines' 2 'leave TEXT out'
run "$SHUNT" call "$s" x --framing=length
refused 'text and framing' 2 'leave TEXT out'
run "$SHUNT" call "$s" x y
refused 'two texts' 2
run "$SHUNT" call 'a/b' x
refused 'a bad name' 1 'a/b'
"$SHUNT" send "$N-q" x
run "$SHUNT" call "$N-q" x
refused 'a queue' 1 "$N-q" 'a queue' 'a service'
run "$SHUNT" serve "$N-q" -j 2 -- cat
refused 'a queue to serve' 1 "$N-q" 'a queue'
check 'nothing is left' gone_name
