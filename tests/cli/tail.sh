#!/bin/sh
# SPDX-License-Identifier: MIT
# tail: unread records without a server, then the file, each line once.
. "$(dirname "$0")/lib.sh"
l="$N-l"

"$SHUNT" log -n "$l" -p warn -t t1 first
"$SHUNT" log -n "$l" second
run "$SHUNT" tail -n "$l"
went 'tail without a server'
is 'unread records' "$(sed 's/^.*[0-9] //' "$T/out" | tr '\n' ' ')" 'first second '
cp "$T/out" "$T/once"
run "$SHUNT" tail -n "$l"
check 'tail takes nothing out' cmp -s "$T/out" "$T/once"
run "$SHUNT" tail -n "$l" --format=json
is 'tail --format=json' "$(grep -c '^{.*}$' "$T/out")" 2
run "$SHUNT" tail -n "$l" --format=iso
check 'tail --format=iso' grep -q 'T.*warning.*t1.*first' "$T/out"

# Following: before there is a server, with it, through rotation and a kill.
start "$SHUNT" tail -n "$l" -f >"$T/seen" 2>"$T/tail.err"
tail=$PID
check 'what is unread' until_ok 10 lines "$T/seen" 2
"$SHUNT" log -n "$l" third
check 'what comes without a server' until_ok 10 holds "$T/seen" third
serve "$l" "$T/log"
"$SHUNT" log -n "$l" fourth
check 'what comes with a server' until_ok 10 holds "$T/seen" fourth
mv "$T/log" "$T/log.1"
"$SHUNT" log -n "$l" --flush fifth
kill -HUP "$PID"
until_ok 10 [ -e "$T/log" ]
"$SHUNT" log -n "$l" sixth
check 'what comes after rotation' until_ok 10 holds "$T/seen" sixth
kill -9 "$PID"
wait "$PID" 2>/dev/null
"$SHUNT" log -n "$l" seventh
check 'what comes while no server runs' until_ok 10 holds "$T/seen" seventh
serve "$l" "$T/log"
"$SHUNT" log -n "$l" eighth
check 'what comes with the next server' until_ok 10 holds "$T/seen" eighth
: >"$T/marks"
"$SHUNT" logd --stop -n "$l"
ended "$PID"
serve "$l" "$T/log2"
"$SHUNT" log -n "$l" ninth
check 'another server, another file' until_ok 10 holds "$T/seen" ninth
is 'each once' "$(sed 's/^.*[0-9] //' "$T/seen" | tr '\n' ' ')" \
    'first second third fourth fifth sixth seventh eighth ninth '
kill -INT "$tail"
ended "$tail"
is 'interrupted is the regular end' "$RC" 0
is 'and nothing was said' "$(cat "$T/tail.err")" ''
"$SHUNT" logd --stop -n "$l"

# The file is truncated by somebody: its lines begin anew.
serve "$l" "$T/log3"
start "$SHUNT" tail -n "$l" -f >"$T/seen3"
tail=$PID
for i in 1 2 3 4 5 6 7 8; do
	"$SHUNT" log -n "$l" --flush "old $i"
done
check 'following a file' until_ok 10 holds "$T/seen3" 'old 8'
kill "$tail"
ended "$tail"
is 'ended by SIGTERM' "$RC" 0
