#!/bin/sh
# SPDX-License-Identifier: MIT
# event: who is woken, by whom, and who is not; nothing is lost or left.
. "$(dirname "$0")/lib.sh"
e="$N-e"

says() {
	case $("$SHUNT" event show "$1" --json 2>/dev/null | tr -d ' \n') in
	*"$2"*) ;;
	*) return 1 ;;
	esac
}

# waits NAME COUNT: starts so many that wait, each adds a line to $T/woken;
# returns when all of them sleep with the event open.
waits() {
	waiters=''
	for _i in $(seq "$2"); do
		start sh -c '"$1" event wait "$2" --timeout=60 && echo woken >>"$3"
		    exit' sh "$SHUNT" "$1" "$T/woken"
		waiters="$waiters $PID"
	done
	until_ok 20 asleep "$1" "$2"
}
# So many `shunt` have the event open, and sleep.
asleep() {
	users=$("$SHUNT" event show "$1" --json 2>/dev/null |
	    sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
	[ "$(echo $users | wc -w)" -eq "$2" ] || return 1
	for _user in $users; do
		sleeps "$_user" || return 1
	done
}
woken() {
	[ -e "$T/woken" ] || echo 0
	[ ! -e "$T/woken" ] || wc -l <"$T/woken"
}

# Notified before anybody waits: kept, once each.
run "$SHUNT" event notify "$e"
went 'notify'
check 'it is kept' says "$e" '"pending":1'
is 'its mode' "$(stat -c %a "$SHM-e")" 600
run "$SHUNT" event notify "$e"
run "$SHUNT" event show "$e"
went 'show'
has 'show' "$OUT" "$e: event, 2 pending"
run "$SHUNT" event wait "$e" --timeout=10
went 'wait takes one'
run "$SHUNT" event wait "$e" --try
went 'wait takes the other'
check 'then it goes' [ ! -e "$SHM-e" ]
run "$SHUNT" event wait "$e" --try
refused 'then there is none' 3 "$e" 'in time'
run "$SHUNT" event wait "$e" --timeout=0.05
refused 'nor comes one' 3 "$e" 'in time'

# One of three, another one, then all that are left.
check 'three sleep' waits "$e" 3
run "$SHUNT" event show "$e"
has 'show says who' "$OUT" '(shunt), '
"$SHUNT" event notify "$e"
check 'one wakes' until_ok 10 lines "$T/woken" 1
check 'two sleep on' until_ok 10 asleep "$e" 2
"$SHUNT" event notify "$e"
check 'another one wakes' until_ok 10 lines "$T/woken" 2
check 'one sleeps on' until_ok 10 asleep "$e" 1
is 'two notifications, two woken' "$(woken)" 2
check 'nothing is left over' says "$e" '"pending":0'
"$SHUNT" event notify "$e"
for pid in $waiters; do
	ended "$pid"
	is 'woken' "$RC" 0
done
is 'all three are woken' "$(woken)" 3
check 'nothing is left' [ ! -e "$SHM-e" ]
rm "$T/woken"

check 'four sleep' waits "$e" 4
run "$SHUNT" event notify "$e" --all
went 'notify all'
for pid in $waiters; do
	ended "$pid"
	is 'all are woken' "$RC" 0
done
is 'all four' "$(woken)" 4
check 'and nothing is left of it' [ ! -e "$SHM-e" ]
rm "$T/woken"
run "$SHUNT" event notify "$e" --all
went 'notify all where nobody is'
run "$SHUNT" event wait "$e" --try
is 'all: nothing for who comes later' "$RC" 3

# Who dies or is ended takes nothing along and leaves nothing.
start "$SHUNT" event wait "$e"
until_ok 10 asleep "$e" 1
kill -TERM "$PID"
ended "$PID"
is 'SIGTERM ends a wait' "$RC" 143
check 'and its event goes' [ ! -e "$SHM-e" ]
start "$SHUNT" event wait "$e"
until_ok 10 asleep "$e" 1
kill -9 "$PID"
ended "$PID"
check 'two more sleep' waits "$e" 2
"$SHUNT" event notify "$e"
check 'the dead one takes nothing' until_ok 10 lines "$T/woken" 1
"$SHUNT" event notify "$e" --all
for pid in $waiters; do
	ended "$pid"
done
is 'both are woken' "$(woken)" 2

# Removed under who waits.
start "$SHUNT" event wait "$e" 2>"$T/removed"
until_ok 10 asleep "$e" 1
run "$SHUNT" rm --force "$e"
is 'rm --force' "$RC" 0
ended "$PID"
is 'who waits is told: exit' "$RC" 1
check 'who waits is told' holds "$T/removed" "$e: it has been removed"

# A persistent one, its mode, its kind.
run "$SHUNT" event notify "$e" --all --persistent --mode=0640
went 'a persistent event'
is 'its mode' "$(stat -c %a "$SHM-e")" 640
run "$SHUNT" event show "$e"
has 'it stays' "$OUT" 'stays until removed'
run "$SHUNT" rm "$e"
went 'rm'
"$SHUNT" create "$N-raw" 4K
"$SHUNT" send "$N-q" x
for other in raw q; do
	run "$SHUNT" event notify "$N-$other"
	refused "notify $other" 1 "$N-$other"
	run "$SHUNT" event wait "$N-$other"
	refused "wait for $other" 1 "$N-$other"
	run "$SHUNT" event show "$N-$other"
	refused "show $other" 1 "$N-$other" 'no event'
done

# A wrong command line.
run "$SHUNT" event show "$e"
refused 'show of nothing' 1 "$e" 'no such event'
run "$SHUNT" event frob "$e"
refused 'an unknown word' 2 '"frob"' 'wait, notify, show'
run "$SHUNT" event wait
refused 'no name' 2 'NAME'
run "$SHUNT" event wait "$e" --all
refused 'wait --all' 2 '--all goes with notify'
run "$SHUNT" event notify "$e" --timeout=1
refused 'notify --timeout' 2 'go with wait'
run "$SHUNT" event notify "$e" --json
refused 'notify --json' 2 '--json goes with show'
run "$SHUNT" event wait "$e" --try --timeout=1
refused 'try and timeout' 2 '--try'
run "$SHUNT" event wait /
refused 'a bad name' 1 'name'
check 'nothing was made' [ ! -e "$SHM-e" ]
