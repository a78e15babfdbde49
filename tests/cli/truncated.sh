#!/bin/sh
# SPDX-License-Identifier: MIT
# Somebody truncates an object under recv, send, tail, log and logd: each ends
# with a sentence, none with a signal, none hangs.
. "$(dirname "$0")/lib.sh"

# told WHAT FILE: the process that just ended said so.
told() {
	LAST=$1 OUT='' ERR=$(cat "$2")
	is "$1: exit" "$RC" 1
	has "$1: the object is named" "$ERR" "$N-"
	has "$1: what happened" "$ERR" 'truncated\|cut'
	is "$1: one sentence" "$(wc -l <"$2" | tr -d ' ')" 1
}
# `has` takes a pattern of the shell, which has no "or".
has() {
	if printf '%s' "$2" | grep -q -- "$3"; then
		pass
	else
		fail "$1: nothing like \"$3\" in \"$2\""
	fi
}

"$SHUNT" create "$N-q" 64K --kind=queue
start "$SHUNT" recv "$N-q" -n 0 2>"$T/recv"
until_ok 10 sleeps "$PID"
truncate -s 0 "$SHM-q"
ended "$PID"
told 'recv' "$T/recv"
run "$SHUNT" send "$N-q" x
is 'send afterwards' "$RC" 1
run "$SHUNT" rm --force "$N-q"
went 'what is left can be removed'

"$SHUNT" create "$N-q" 4K --kind=queue
mkfifo "$T/in"
start_from "$T/in" "$SHUNT" send "$N-q" 2>"$T/send"
exec 6>"$T/in"
echo first >&6
run "$SHUNT" recv "$N-q"
is 'before' "$OUT" first
truncate -s 4096 "$SHM-q"
echo second >&6
exec 6>&-
ended "$PID"
told 'send' "$T/send"
run "$SHUNT" rm --force "$N-q"

# A topic: who listens, who publishes, who looks.
"$SHUNT" create "$N-t" 64K --kind=topic
start "$SHUNT" sub "$N-t" >"$T/out" 2>"$T/sub"
until_ok 10 sleeps "$PID"
truncate -s 0 "$SHM-t"
ended "$PID"
told 'sub' "$T/sub"
run "$SHUNT" pub "$N-t" x
is 'pub afterwards' "$RC" 1
run "$SHUNT" rm --force "$N-t"

"$SHUNT" create "$N-t" 4K --kind=topic
start_from "$T/in" "$SHUNT" pub "$N-t" 2>"$T/pub"
exec 6>"$T/in"
echo first >&6
run "$SHUNT" sub "$N-t" --all -n 1 --timeout=10
is 'before' "$OUT" first
run "$SHUNT" stat "$N-t"
went 'stat'
truncate -s 8192 "$SHM-t"
run "$SHUNT" stat "$N-t"
is 'stat of what was cut off: no signal' "$((RC < 2))" 1
run "$SHUNT" ls "$N-t"
went 'ls of what was cut off'
echo second >&6
exec 6>&-
ended "$PID"
told 'pub' "$T/pub"
run "$SHUNT" rm --force "$N-t"

"$SHUNT" create "$N-l" 64K --kind=log
serve "$N-l" "$T/log"
"$SHUNT" log -n "$N-l" --flush kept
truncate -s 0 "$SHM-l"
ended "$PID"
told 'logd' "$LOGD_ERR"
check 'logd: what was written stays' holds "$T/log" kept
run "$SHUNT" rm --force "$N-l"

"$SHUNT" create "$N-l" 64K --kind=log
start_from "$T/in" "$SHUNT" log -n "$N-l" 2>"$T/log.err"
exec 6>"$T/in"
echo first >&6
waits_first() {
	"$SHUNT" tail -n "$N-l" >"$T/out" 2>"$T/err" && holds "$T/out" first
}
until_ok 10 waits_first
truncate -s 0 "$SHM-l"
echo second >&6
exec 6>&-
ended "$PID"
told 'log' "$T/log.err"
run "$SHUNT" tail -n "$N-l"
is 'tail' "$RC" 1
is 'tail: one sentence' "$(wc -l <"$T/err" | tr -d ' ')" 1
run "$SHUNT" rm --force "$N-l"

# Cut to its header alone, so that opening it goes well as far as it can.
"$SHUNT" create "$N-l" 64K --kind=log
"$SHUNT" log -n "$N-l" something
start "$SHUNT" tail -n "$N-l" -f >"$T/seen" 2>"$T/tail"
until_ok 10 holds "$T/seen" something
truncate -s 8192 "$SHM-l"
ended "$PID"
told 'tail -f' "$T/tail"
run "$SHUNT" tail -n "$N-l"
is 'tail' "$RC" 1
run "$SHUNT" rm --force "$N-l"
went 'what is left can be removed'
