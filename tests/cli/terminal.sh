#!/bin/sh
# SPDX-License-Identifier: MIT
# On a terminal: peers' bytes are escaped, colours, the prompt; and a server
# whose terminal is killed.
. "$(dirname "$0")/lib.sh"

script -qec true /dev/null </dev/null >/dev/null 2>&1 ||
    skip 'script(1) makes no terminal here'
esc=$(printf '\033')
export TERM=xterm SHUNT N T

# on_tty COMMAND: OUT is what the terminal got, without carriage returns.
on_tty() {
	script -qec "$1" /dev/null </dev/null >"$T/out" 2>&1
	RC=$?
	tr -d '\r' <"$T/out" >"$T/tty"
	LAST=$1 OUT=$(cat "$T/tty") ERR=''
}
evil="x${esc}]0;title${esc}[31mred"

"$SHUNT" send "$N-q" "$evil" "$evil"
on_tty 'NO_COLOR=1 "$SHUNT" recv "$N-q"'
is 'recv escapes' "$OUT" 'x\x1b]0;title\x1b[31mred'
run "$SHUNT" recv "$N-q"
is 'but not into a pipe' "$OUT" "$evil"

"$SHUNT" create "$N-r" 4K
"$SHUNT" write "$N-r" "$evil"
on_tty 'NO_COLOR=1 "$SHUNT" read "$N-r"'
is 'read escapes' "$OUT" 'x\x1b]0;title\x1b[31mred\x00 * 4078'
on_tty 'NO_COLOR=1 "$SHUNT" dump "$N-r"'
hasnt 'dump escapes' "$OUT" "$esc"
has 'dump shows it' "$OUT" 'x.[]]0;title.'
on_tty '"$SHUNT" ls'
has 'ls is coloured' "$OUT" "${esc}[[]1m"
on_tty 'NO_COLOR=1 "$SHUNT" ls'
hasnt 'NO_COLOR' "$OUT" "$esc"
on_tty 'TERM=dumb "$SHUNT" ls'
hasnt 'TERM=dumb' "$OUT" "$esc"
on_tty 'TERM=dumb "$SHUNT" ls nothing-like-this'
has 'an empty list says so' "$OUT" 'Nothing matches.'

# A table fits its terminal: names that are too long stand above their row.
"$SHUNT" create "$N-a-name-that-is-so-long-that-a-row-of-80-columns-has-no-room" 4K
on_tty 'stty cols 80; NO_COLOR=1 "$SHUNT" ls "$N-*"'
is 'ls: no line is too long' "$(grep -c '.\{81,\}' "$T/tty")" 0
has 'ls: the long name is whole' "$OUT" "$N-a-name-that-is-so-long-that-a-row-of-80-columns-has-no-room
  * raw * 4K "
on_tty 'stty cols 200; NO_COLOR=1 "$SHUNT" ls "$N-*"'
has 'ls: a wide one has room' "$OUT" '-has-no-room  raw * 4K '

# A program whose name is an escape sequence.
cp "$(command -v sleep)" "$T/${esc}[31mx"
start "$T/${esc}[31mx" 60 3<"$SHM-r"
on_tty 'NO_COLOR=1 "$SHUNT" stat "$N-r"'
hasnt 'stat escapes program names' "$OUT" "$esc"
kill "$PID"

# A log: the file's own bytes are escaped too.
"$SHUNT" log -n "$N-l" "$evil"
on_tty 'NO_COLOR=1 "$SHUNT" tail -n "$N-l"'
has 'tail escapes' "$OUT" ' x\\x1b]0;title\\x1b[[]31mred'

# The prompt, and the end of input.
mkfifo "$T/keys"
script -qec '"$SHUNT" log -n "$N-p"' /dev/null <"$T/keys" >"$T/tty" 2>&1 &
PID=$!
mine "$PID"
exec 6>"$T/keys"
check 'the prompt' until_ok 10 holds "$T/tty" 'Please type a message: '
echo 'typed by hand' >&6
typed() {
	"$SHUNT" tail -n "$N-p" >"$T/out" 2>/dev/null &&
	    holds "$T/out" 'typed by hand'
}
check 'what was typed is logged at once' until_ok 10 typed
prompts() {
	[ "$(grep -o 'Please type' "$T/tty" | wc -l)" -ge "$1" ]
}
check 'it asks again' until_ok 10 prompts 2
printf '\004' >&6
ended "$PID"
is 'the end of input is the regular end' "$RC" 0
exec 6>&-
run "$SHUNT" log -n "$N-p" no prompt into a pipe
is 'no prompt without a terminal' "$OUT" ''

# A terminal that is killed takes its server along, with all that was logged.
"$SHUNT" create "$N-k" 64K --kind=log
server_pid() {
	"$SHUNT" logd --status --json -n "$N-k" 2>/dev/null |
	    sed -n 's/.*"server_pid": \([1-9][0-9]*\).*/\1/p'
}
served() {
	[ -n "$(server_pid)" ]
}
unserved() {
	[ -z "$(server_pid)" ]
}
for how in '' 'exec '; do
	start setsid script -qc "$how"'"$SHUNT" logd -n "$N-k" -o "$T/killed"' \
	    /dev/null >"$T/tty" 2>&1
	until_ok 10 served
	server=$(server_pid)
	[ -n "$server" ] || fail 'no server on the terminal'
	mine "$server"
	"$SHUNT" log -n "$N-k" "last words $how"
	kill -9 "$PID"
	wait "$PID" 2>/dev/null
	check "a killed terminal ends its server ($how)" until_ok 10 unserved
	check 'with all that was logged' holds "$T/killed" "last words $how"
done

# SIGHUP from a rotation tool does not end it: its terminal is there.
mkfifo "$T/keys2"
start_from "$T/keys2" setsid script -qc \
    '"$SHUNT" logd -n "$N-k" -o "$T/hup"' /dev/null >"$T/tty" 2>&1
exec 6>"$T/keys2"
until_ok 10 served
server=$(server_pid)
mine "$server"
mv "$T/hup" "$T/hup.1"
kill -HUP "$server"
check 'SIGHUP opens the file anew' until_ok 10 [ -e "$T/hup" ]
"$SHUNT" log -n "$N-k" --flush still here
check 'and it serves on' holds "$T/hup" 'still here'
printf '\003' >&6
check 'Ctrl-C ends it' until_ok 10 unserved
exec 6>&-

# Under nohup SIGHUP never ends it.
start setsid script -qc 'nohup "$SHUNT" logd -n "$N-k" -o "$T/nohup" \
    >"$T/nohup.out" 2>&1' /dev/null </dev/null >"$T/tty" 2>&1
until_ok 10 served
server=$(server_pid)
mine "$server"
kill -9 "$PID"
wait "$PID" 2>/dev/null
"$SHUNT" log -n "$N-k" --flush --timeout=10 after the terminal
is 'nohup: it serves on' "$?" 0
check 'nohup: it serves on' holds "$T/nohup" 'after the terminal'
"$SHUNT" logd --stop -n "$N-k"
check 'nohup: it can be stopped' until_ok 10 unserved
