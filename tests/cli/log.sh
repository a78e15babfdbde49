#!/bin/sh
# SPDX-License-Identifier: MIT
# log and logd as they should go: formats, levels, flush, rotation, readiness.
. "$(dirname "$0")/lib.sh"
l="$N-l"

# The server comes after the messages.
run "$SHUNT" log -n "$l" before the server
went 'log without a server'
run "$SHUNT" log -n "$l" --flush more
refused 'flush without a server' 1 "$l" logd
run "$SHUNT" logd --status -n "$l"
went 'status without a server'
has 'status without a server' "$OUT" "$l: no server"
run "$SHUNT" logd --stop -n "$l"
refused 'stop without a server' 1 "$l" 'no server'

serve "$l" "$T/log"
run "$SHUNT" log -n "$l" --flush 'third'
went 'log --flush'
check 'three lines' [ "$(wc -l <"$T/log")" = 3 ]
check 'the classic form' grep -Eqx \
    '[0-9]+: [A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4} before the server' \
    "$T/log"
printf 'line 1\n\nline 3\nno newline' >"$T/in"
run_from "$T/in" "$SHUNT" log -n "$l" --flush
went 'log lines'
is 'log lines' "$(tail -n 4 "$T/log" | sed 's/^.\{1,8\}: .\{24\} //')" \
    "$(cat "$T/in")"
SHUNT_LOG=$l run "$SHUNT" log --flush by environment
went 'SHUNT_LOG'
check 'SHUNT_LOG' holds "$T/log" 'by environment'
run "$SHUNT" log -n "$l" --flush -- -dash
went 'text with a dash'
check 'text with a dash' holds "$T/log" ' -dash'
run "$SHUNT" logd --status -n "$l"
has 'status' "$OUT" "served by process $PID"
has 'status' "$OUT" "$T/log"
run "$SHUNT" logd --status --json -n "$l"
has 'status --json' "$(compact)" '"server_pid":'"$PID"
has 'status --json' "$(compact)" '"lines":9,'
run "$SHUNT" ls "$l"
has 'ls of a log' "$OUT" "$l *log"
run "$SHUNT" stat "$l"
has 'stat of a log' "$OUT" "process $PID"
run "$SHUNT" rm "$l"
refused 'rm of a log in use' 1 "$l" "$PID"
server=$PID

# Rotation: the name goes, SIGHUP makes it anew, nothing is lost.
mv "$T/log" "$T/log.1"
run "$SHUNT" log -n "$l" --flush 'still the old file'
check 'still the old file' holds "$T/log.1" 'still the old file'
kill -HUP "$server"
check 'SIGHUP makes the file anew' until_ok 10 [ -e "$T/log" ]
run "$SHUNT" log -n "$l" --flush 'the new file'
check 'the new file' holds "$T/log" 'the new file'
run "$SHUNT" logd --stop -n "$l"
went 'stop'
ended "$server"
is 'the server ends well' "$RC" 0
is 'and says nothing' "$(cat "$LOGD_ERR")" ''
check 'an ephemeral log that is drained goes' [ ! -e "$SHM-l" ]

# The other formats, and a relative file name.
cd "$T" || exit 1
serve "$l" iso.log --format=iso --sync=batch
run "$SHUNT" log -n "$l" -t tagged -p err --flush hello
check 'iso' grep -Eq '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}.* err.*tagged.*hello$' iso.log
run "$SHUNT" logd --status -n "$l"
has 'a relative file is told whole' "$OUT" "$T/iso.log"
kill -TERM "$PID"
ended "$PID"
is 'SIGTERM' "$RC" 0
serve "$l" json.log --format=json --sync=5
printf 'quote " and \\\\ and \033 \377\n' >"$T/in"
run_from "$T/in" "$SHUNT" log -n "$l" -p 3 -t 'a"b' --flush
check 'json' grep -q '^{.*\\u001b.*}$' json.log
kill -INT "$PID"
ended "$PID"
is 'SIGINT' "$RC" 0
for level in emerg panic alert crit err error warn warning notice info debug \
    0 7 Err; do
	run "$SHUNT" log -n "$l" -p $level "level $level"
	went "level $level"
done
start "$SHUNT" logd -n "$l" -o - --format=iso >"$T/stdout"
check 'levels arrive on standard output' until_ok 10 lines "$T/stdout" 14
for level in emerg alert crit err warning notice info debug; do
	check "level $level" grep -qi "$level" "$T/stdout"
done
kill -TERM "$PID"
ended "$PID"

# A server whose reader goes away.
mkfifo "$T/pipe"
start_to "$T/pipe" "$SHUNT" logd -n "$l" -o - 2>"$T/gone"
exec 5<"$T/pipe"
run "$SHUNT" log -n "$l" heard
read -r line <&5
has 'a pipe' "$line" heard
exec 5<&-
run "$SHUNT" log -n "$l" unheard
ended "$PID"
is 'a broken pipe: exit' "$RC" 1
check 'a broken pipe' holds "$T/gone" "stays in $l"
run "$SHUNT" tail -n "$l"
has 'a broken pipe loses nothing' "$OUT" unheard

# Killed with -9 and started again: each line once.
serve "$l" "$T/k"
run "$SHUNT" log -n "$l" --flush k1
kill -9 "$PID"
wait "$PID" 2>/dev/null
run "$SHUNT" log -n "$l" k2
serve "$l" "$T/k"
run "$SHUNT" log -n "$l" --flush k3
is 'after kill -9' "$(sed 's/.* //' "$T/k" | tr '\n' ' ')" 'unheard k1 k2 k3 '
run "$SHUNT" logd --stop -n "$l"

# Full and no server: dropped, counted, told.
"$SHUNT" create "$N-s" 4K --kind=log
seq 1000 >"$T/in"
run_from "$T/in" "$SHUNT" log -n "$N-s" --full=drop
refused 'a full log' 1 "$N-s" dropped
n=$(printf %s "$ERR" | sed -n 's/.*full: \([0-9]*\) .*/\1/p')
serve "$N-s" "$T/s"
run "$SHUNT" log -n "$N-s" --flush end
check 'the file says how many' grep -q "\<$n\>.*dropped\|dropped.*\<$n\>" "$T/s"
is 'kept and dropped make all' "$(($(grep -c '2[0-9]* [0-9]*$' "$T/s") + n))" 1000
run "$SHUNT" logd --stop -n "$N-s"
start_from "$T/in" "$SHUNT" log -n "$N-s" --full=wait
until_ok 10 sleeps "$PID"
check 'waits while it is full' sleeps "$PID"
client=$PID
serve "$N-s" "$T/s2"
ended "$client"
is 'and goes on when a server comes' "$RC" 0
run "$SHUNT" logd --stop -n "$N-s"
is 'all of it' "$(wc -l <"$T/s2")" 1000
start_from "$T/in" "$SHUNT" log -n "$N-s" --full=wait
until_ok 10 sleeps "$PID"
kill -TERM "$PID"
ended "$PID"
is 'a client that waits for ever can be ended' "$RC" 143
run "$SHUNT" rm "$N-s"
went 'rm of a log'

# systemd is told.
if command -v python3 >/dev/null; then
	for at in "$T/sock" "@$N"; do
		start python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.settimeout(20)
s.bind(sys.argv[1].replace("@", "\0"))
open(sys.argv[2], "w").write("up\n")
for i in range(2):
	print(s.recv(100).decode(), flush=True)
' "$at" "$T/up" >"$T/notified"
		until_ok 10 holds "$T/up" up
		rm "$T/up"
		listener=$PID
		export NOTIFY_SOCKET="$at"
		serve "$l" "$T/n"
		unset NOTIFY_SOCKET
		check "READY=1 to $at" until_ok 10 holds "$T/notified" READY=1
		kill "$PID"
		ended "$PID"
		ended "$listener"
		check "STOPPING=1 to $at" holds "$T/notified" STOPPING=1
	done
fi
