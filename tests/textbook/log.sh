#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 120
# The log server and its clients, both versions: several clients at once, the
# server first or last, prompts, tail -f, order, Ctrl-C; no line lost or twice.
. "$(dirname "$0")/lib.sh"

CLIENTS='1 2 3 4'
DATE='[A-Z][a-z][a-z] [A-Z][a-z][a-z] [ 0-9][0-9] [0-9:]{8} [0-9]{4}'

# begin SERVER: it runs and sleeps.  A plain one that has gone wrong shall not
# fill the disk; a log object is a large file, with holes.
begin() {
	case $1 in
	*_plain) ulimit -S -f 1000000 ;;
	*) ulimit -S -f unlimited ;;
	esac
	start "$BIN/$1" "$T/log"
	SERVER=$PID
	until_ok 10 settled "$SERVER" || fail "$1 does not settle"
}

# Ctrl-C: the server drains and ends.
finish_server() {
	kill -INT "$SERVER"
	ended "$SERVER"
	is "$1: exit" "$RC" 0
	clean "$1"
}

# talk CLIENT: all of them at once, each with its messages.  One that has
# nowhere to put them waits for the server.
talk() {
	talking=''
	for c in $CLIENTS; do
		seq -f "client $c message %g" $MESSAGES >"$T/in.$c"
		start_from "$T/in.$c" "$BIN/$1" >"$T/out.$c"
		talking="$talking $PID"
	done
}

talked() {
	for c in $talking; do
		ended "$c"
		is "$1: a client's exit" "$RC" 0
	done
}

# logged WHAT: every message exactly once, each client's in its order, nothing
# else, in the form "PID: DATE MESSAGE"; and the clients asked for each.
logged() {
	is "$1: lines" "$(wc -l <"$T/log")" $((MESSAGES * 4))
	is "$1: form" "$(grep -cvE \
	    "^[0-9]+: $DATE client [1-4] message [0-9]+\$" "$T/log")" 0
	for c in $CLIENTS; do
		sed -n "s/.* \(client $c \)/\1/p" "$T/log" >"$T/of.$c"
		check "$1: client $c" cmp -s "$T/in.$c" "$T/of.$c"
		is "$1: prompts" "$(grep -o 'Please type a message: ' \
		    "$T/out.$c" | wc -l)" $((MESSAGES + 1))
	done
	is "$1: pids" "$(cut -d: -f1 "$T/log" | sort -u | wc -l)" 4
	rm -f "$T/log"
}

for v in plain shunt; do
	MESSAGES=10000
	begin 4_logserver_$v
	talk 4_logclient_$v
	talked "$v, server first"
	until_ok 10 lines "$T/log" $((MESSAGES * 4))
	finish_server "$v, server first"
	logged "$v, server first"

	MESSAGES=200 # with nobody to take them there is not room for more
	talk 4_logclient_$v
	for c in $talking; do
		until_ok 10 settled "$c" || fail 'a client does not settle'
	done
	begin 4_logserver_$v
	talked "$v, clients first"
	finish_server "$v, clients first" # at once: it must drain
	logged "$v, clients first"

	# tail -f sees a line as soon as it is logged; the client stays.
	mkfifo "$T/keys"
	begin 4_logserver_$v
	start_to "$T/tail" tail -n +1 -f "$T/log"
	tail=$PID
	start_from "$T/keys" "$BIN/4_logclient_$v" >"$T/out"
	client=$PID
	exec 9>"$T/keys"
	for message in one two; do
		echo "message $message" >&9
		check "$v: tail -f sees it" until_ok 10 holds "$T/tail" \
		    " message $message"
	done
	run "$BIN/4_logserver_$v" "$T/log2"
	is "$v: a second server is refused" "$RC" 1
	has "$v: a second server" "$ERR" server
	exec 9>&-
	ended "$client"
	is "$v: Ctrl-D" "$RC" 0
	finish_server "$v, tail"
	kill "$tail"
	ended "$tail"
	rm -f "$T/keys" "$T/log"
done

# On a terminal: the message is typed, and Ctrl-C ends the client.
mkfifo "$T/keys"
begin 4_logserver_plain
start_from "$T/keys" script -qec "$BIN/4_logclient_plain" /dev/null \
    >"$T/screen"
terminal=$PID
exec 9>"$T/keys"
check 'it asks' until_ok 10 holds "$T/screen" 'Please type a message: '
echo 'typed by hand' >&9
check 'what was typed' until_ok 10 holds "$T/log" ' typed by hand'
printf '\003' >&9
ended "$terminal"
exec 9>&-

# The plain client asks on when a message is too long, and says so when the
# server ends while it waits.
head -c 300 /dev/zero | tr '\0' x >"$T/in"
run_from "$T/in" "$BIN/4_logclient_plain"
is 'a long message' "$RC" 0
has 'a long message' "$ERR" 'at most 208 bytes'
kill -STOP "$SERVER"
seq 30 >"$T/in"
start_from "$T/in" "$BIN/4_logclient_plain" 2>"$T/err" >"$T/out"
client=$PID
until_ok 10 settled "$client"
kill -INT "$SERVER"
kill -CONT "$SERVER"
ended "$SERVER"
is 'Ctrl-C' "$RC" 0
ended "$client"
is 'the server has ended: exit' "$RC" 1
check 'the client says so' holds "$T/err" 'is not logged'
refused=$(sed -n 's/.*"\([0-9]*\)" is not logged.*/\1/p' "$T/err")
is 'all before it are in the file' "$(tail -n 1 "$T/log" | sed 's/.* //')" \
    $((refused - 1))
clean 'the end of the server'
