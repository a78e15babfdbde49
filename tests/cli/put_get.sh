#!/bin/sh
# SPDX-License-Identifier: MIT
# put and get: files and pipes of any bytes, an end, a break, who is killed or
# stopped in the middle and who goes on, the progress line.
. "$(dirname "$0")/lib.sh"
s="$N-s"

# sum FILE
sum() {
	cksum <"$1"
}

# A file, either side first.
head -c 5000000 /dev/urandom >"$T/file"
start_to "$T/got" "$SHUNT" get "$s" --timeout=20
until_ok 10 [ -e "$SHM-s" ]
run "$SHUNT" put "$s" "$T/file"
went 'put'
is 'no output' "$OUT" ''
ended "$PID"
is 'get: exit' "$RC" 0
is 'the same bytes' "$(sum "$T/got")" "$(sum "$T/file")"
check 'the stream goes' [ ! -e "$SHM-s" ]
start "$SHUNT" put "$s" "$T/file"
echo 'what was there before, and is longer than nothing' >"$T/got"
run "$SHUNT" get "$s" "$T/got" --timeout=20
went 'get into a file'
ended "$PID"
is 'put first: exit' "$RC" 0
is 'put first: the same bytes' "$(sum "$T/got")" "$(sum "$T/file")"
check 'the stream goes again' [ ! -e "$SHM-s" ]

# Small things stay for who comes later.
printf 'a\0b\377' >"$T/in"
run_from "$T/in" "$SHUNT" put "$s"
went 'put from standard input'
is 'mode of a stream made by first use' "$(stat -c %a "$SHM-s")" 600
"$SHUNT" get "$s" >"$T/got"
check 'any bytes' cmp -s "$T/in" "$T/got"
run "$SHUNT" put "$s" /dev/null
went 'put nothing'
check 'an end is kept for its reader' [ -e "$SHM-s" ]
echo old >"$T/got"
run "$SHUNT" get "$s" "$T/got" --timeout=0
went 'get nothing'
check 'nothing came' [ ! -s "$T/got" ]
check 'nothing is left' [ ! -e "$SHM-s" ]
printf one | "$SHUNT" put "$s"
printf two | "$SHUNT" put "$s" -
run "$SHUNT" stat "$s"
row 'unread, with its end' finished 'has its end; what is put next is another'
hasnt 'unread, with its end' "$OUT" 'nothing more'
run "$SHUNT" why "$s"
has 'why, with its end' "$OUT" 'It has its end: what is put next'
run "$SHUNT" get "$s" -
is 'one stream after the other' "$OUT" one
run "$SHUNT" get "$s"
is 'one stream after the other' "$OUT" two

# From pipe to pipe, through a small buffer.
start "$SHUNT" get "$s" "$T/got" --buffer=8K
cat "$T/file" | "$SHUNT" put "$s" --timeout=20
ended "$PID"
is 'a pipe and a small buffer' "$(sum "$T/got")" "$(sum "$T/file")"

# A part, and the rest.
printf 0123456789 | "$SHUNT" put "$s"
run "$SHUNT" get "$s" -n 3
is 'a part' "$OUT" 012
run "$SHUNT" get "$s" --bytes=4
is 'the next part' "$OUT" 3456
run "$SHUNT" get "$s"
is 'the rest' "$OUT" 789

# What takes too long.
echo old >"$T/got"
run "$SHUNT" get "$s" "$T/got" --timeout=0
refused 'no stream' 3 "$s" 'no bytes came in time'
is 'the file is as it was' "$(cat "$T/got")" old
run "$SHUNT" get "$s" --timeout=0.05
refused 'nothing comes' 3 "$s" 'in time'
run "$SHUNT" put "$s" "$T/file" --timeout=0.05
is 'full: exit' "$RC" 3
has 'full' "$ERR" "$s: full"
has 'full: what becomes of it' "$ERR" 'broken off after [1-9]*bytes'
run "$SHUNT" get "$s" "$T/got"
is 'put gave up: exit' "$RC" 1
has 'put gave up' "$ERR" "$s: broken off after [1-9]*bytes: its writer"
check 'what came is in the file' cmp -s -n "$(wc -c <"$T/got")" "$T/got" "$T/file"
check 'and it is something' [ -s "$T/got" ]

# One of each.
"$SHUNT" put "$s" "$T/file" 2>/dev/null &
mine $!
writer=$!
until_ok 10 [ -e "$SHM-s" ]
until_ok 10 sleeps "$writer"
run "$SHUNT" put "$s" "$T/file"
refused 'a second writer' 1 "$s" "$writer" 'one writer'
run "$SHUNT" get "$s" "$T/nowhere/file"
refused 'a file that cannot be' 1 nowhere/file
mkfifo "$T/pipe"
start_to "$T/pipe" "$SHUNT" get "$s"
reader=$PID
exec 5<"$T/pipe"
until_ok 10 sleeps "$reader"
run "$SHUNT" get "$s" --timeout=1
refused 'a second reader' 1 "$s" "$reader" 'one reader'

# The reader is killed, stopped, or cannot write: others go on at the byte.
kill -9 "$reader"
wait "$reader" 2>/dev/null
cat <&5 >"$T/first"
exec 5<&-
check 'killed reader: it wrote something' [ -s "$T/first" ]
"$SHUNT" get "$s" "$T/rest" --timeout=20
ended "$writer"
is 'killed reader: put ends' "$RC" 0
# What the pipe had and get had not yet taken out comes again, no more.
again=$(($(wc -c <"$T/first") + $(wc -c <"$T/rest") - 5000000))
check "killed reader: $again bytes come again" [ "$again" -ge 0 ] &&
    check 'killed reader: at most one write' [ "$again" -le 131072 ]
tail -c +$((again + 1)) "$T/rest" >"$T/tail"
cat "$T/first" "$T/tail" >"$T/got"
is 'killed reader: all bytes' "$(sum "$T/got")" "$(sum "$T/file")"

printf precious | "$SHUNT" put "$s"
"$SHUNT" get "$s" >/dev/full 2>"$T/err"
RC=$? ERR=$(cat "$T/err") OUT='' LAST='get >/dev/full'
refused 'output to a full disk' 1 'No space' "stays in $s"
run "$SHUNT" get "$s"
is 'it stayed' "$OUT" precious
start_to "$T/pipe" "$SHUNT" get "$s" --timeout=20 2>"$T/err"
exec 5<"$T/pipe"
exec 5<&-
printf precious | "$SHUNT" put "$s"
ended "$PID"
is 'a broken pipe: exit' "$RC" 1
check 'a broken pipe' holds "$T/err" "stays in $s"
run "$SHUNT" get "$s"
is 'it stayed again' "$OUT" precious

# The writer is killed or stopped.
for sig in KILL INT TERM; do
	mkfifo "$T/in.$sig"
	start_from "$T/in.$sig" "$SHUNT" put "$s" 2>"$T/err.$sig"
	writer=$PID
	exec 6>"$T/in.$sig"
	start "$SHUNT" get "$s" "$T/got" --timeout=20 2>"$T/err"
	reader=$PID
	printf %s "by SIG$sig" >&6
	until_ok 10 holds "$T/got" "by SIG$sig"
	until_ok 10 sleeps "$writer"
	kill -$sig "$writer"
	ended "$writer"
	[ $sig = KILL ] || {
		check "SIG$sig: exit" [ "$RC" -gt 128 ]
		check "SIG$sig: it says so" holds "$T/err.$sig" \
		    'broken off after'
	}
	ended "$reader"
	exec 6>&-
	is "SIG$sig: get fails" "$RC" 1
	ERR=$(cat "$T/err")
	has "SIG$sig: get says so" "$ERR" "$s: broken off after [1-9]* bytes"
	is "SIG$sig: what came is there" "$(cat "$T/got")" "by SIG$sig"
done
printf anew | "$SHUNT" put "$s"
run "$SHUNT" get "$s"
went 'the next stream is whole'
is 'the next stream' "$OUT" anew

# Mistakes.
run "$SHUNT" put "$s" "$T/none"
refused 'no such file' 1 "$T/none" 'No such file'
check 'no stream was made' [ ! -e "$SHM-s" ]
run "$SHUNT" put "$s" /
refused 'a directory' 1 '/: Is a directory'
run "$SHUNT" put "$s" "$T/file" --buffer=5000
refused 'a size of buffer' 1 "$s" 'power of two'
run "$SHUNT" put
refused 'no name' 2 NAME
"$SHUNT" create "$N-q" 64K --kind=queue
run "$SHUNT" get "$N-q"
refused 'a queue' 1 "$N-q" 'a queue, not a stream'

# The progress line.
start_to "$T/got" "$SHUNT" get "$s"
run "$SHUNT" put "$s" "$T/file" --progress
is 'a progress line' "$RC" 0
has 'a progress line' "$ERR" "$s  4.7M in [0-9.]*s  *[0-9]*/s"
ended "$PID"
mkfifo "$T/slow"
start_from "$T/slow" "$SHUNT" put "$s" --progress 2>"$T/bar"
writer=$PID
exec 6>"$T/slow"
printf x >&6
until_ok 10 holds "$T/bar" 'waiting for input'
exec 6>&-
ended "$writer"
check 'the last line' holds "$T/bar" '1 in '
"$SHUNT" get "$s" >/dev/null

script -qec true /dev/null </dev/null >/dev/null 2>&1 || exit 0
export TERM=xterm SHUNT N T
esc=$(printf '\033')
# Full, so that the line stands still: a part of what is known.
start script -qfec 'stty cols 100; "$SHUNT" put "$N-s" "$T/file" >"$T/none"' \
    "$T/tty" </dev/null >/dev/null 2>&1
until_ok 10 holds "$T/tty" 'waiting for the reader'
OUT=$(tr '\r' '\n' <"$T/tty" | grep waiting | head -n 1)
has 'a bar' "$OUT" "$N-s  1*K of 4.7M  *[0-9]% [[]===*> *]  waiting for the reader${esc}[[]K"
"$SHUNT" get "$s" >"$T/got"
until_ok 10 gone "$PID"
has 'its last line' "$(cat "$T/tty")" "$N-s  4.7M in [0-9]*/s"
is 'the bytes behind the bar' "$(sum "$T/got")" "$(sum "$T/file")"
start script -qfec '"$SHUNT" put "$N-s" "$T/file" --quiet' \
    "$T/tty" </dev/null >/dev/null 2>&1
"$SHUNT" get "$s" >"$T/got"
until_ok 10 gone "$PID"
hasnt 'quiet' "$(cat "$T/tty")" 4.7M
printf '\033[31mred' | "$SHUNT" put "$s"
script -qec '"$SHUNT" get "$N-s"' "$T/tty" </dev/null >/dev/null 2>&1
OUT=$(tr -d '\r' <"$T/tty")
has 'a terminal gets it escaped' "$OUT" '\x1b[[]31mred'
hasnt 'a terminal gets it escaped' "$OUT" "${esc}[[]31"
