#!/bin/sh
# SPDX-License-Identifier: MIT
# Locks, semaphores and events: made, listed, told and removed.
. "$(dirname "$0")/lib.sh"

for kind in lock semaphore event; do
	run "$SHUNT" create "$N-$kind" --kind=$kind
	went "create a $kind"
	is 'nothing to say' "$OUT" ''
	check "the $kind stays" [ -e "$SHM-$kind" ]
	run "$SHUNT" create "$N-$kind" --kind=$kind --json
	went "the $kind is there"
	is "the $kind is there" "$(compact)" \
	    '{"name":"'"$N-$kind"'","kind":"'$kind'","made":false,"mode":"0600"}'
	run "$SHUNT" create "$N-$kind" --kind=$kind --excl
	refused "$kind: exclusive" 1 "$N-$kind" exists
	run "$SHUNT" ls --kind=$kind
	went "ls --kind=$kind"
	row "ls --kind=$kind" "$N-$kind" "$kind * idle *0 "
	is 'and no other' "$(wc -l <"$T/out" | tr -d ' ')" 2
	run "$SHUNT" stat "$N-$kind"
	went "stat of a $kind"
	has "stat of a $kind" "$OUT" "$N-$kind: $kind, idle"
	row "stat of a $kind" lifetime 'persistent'
	hasnt "stat of a $kind" "$OUT" lanes
	run "$SHUNT" write "$N-$kind" x
	refused "write onto a $kind" 1 "$N-$kind"
	run "$SHUNT" resize "$N-$kind" 4K
	refused "resize of a $kind" 1 "$N-$kind"
	run "$SHUNT" send "$N-$kind" x
	refused "send to a $kind" 1 "$N-$kind"
done
run "$SHUNT" stat "$N-lock"
row 'a free lock' held 'by nobody'
row 'a lock that nobody died with' recovered '0 times'
run "$SHUNT" stat "$N-lock" --json
has 'a free lock as JSON' "$(compact)" \
    '"held":false,"holder_pid":0,"unrepaired":false,"recoveries":0'
has 'its recoveries as JSON' "$(compact)" '"recovered":[[]]'
run "$SHUNT" stat "$N-event"
row 'an event' pending '0 '

run "$SHUNT" stat "$N-semaphore"
row 'one permit' permits '1 free, 0 held, at most 1'
run "$SHUNT" create "$N-pool" 5 --kind=semaphore
went 'five permits'
run "$SHUNT" stat "$N-pool" --json
has 'five permits' "$(compact)" '"free":5,"held":0,"most":5,'
run "$SHUNT" create "$N-pool" 5 --kind=semaphore
went 'five permits again'
run "$SHUNT" create "$N-pool" --kind=semaphore
went 'as many as there are'
run "$SHUNT" create "$N-pool" 6 --kind=semaphore
refused 'six permits' 1 "$N-pool" 5 6
run "$SHUNT" create "$N-count" 0 --kind=semaphore
went 'no permit yet'
run "$SHUNT" stat "$N-count"
row 'no permit yet' permits '0 free, 0 held, at most 1024'
run "$SHUNT" create "$N-count" 0 --kind=semaphore
went 'no permit yet, again'
run "$SHUNT" create "$N-some" 2 --max=9 --kind=semaphore --mode=0640
went 'two of nine'
is 'its mode' "$(stat -c %a "$SHM-some")" 640
run "$SHUNT" stat "$N-some"
row 'two of nine' permits '2 free, 0 held, at most 9'
run "$SHUNT" create "$N-bad" 9 --max=2 --kind=semaphore
refused 'more than there may be' 1 "$N-bad"
run "$SHUNT" create "$N-bad" 70000 --kind=semaphore
refused 'too many' 1 "$N-bad"
run "$SHUNT" create "$N-bad" 0x100000001 --kind=semaphore
refused 'far too many' 1 "$N-bad" 65536
check 'nothing was made' [ ! -e "$SHM-bad" ]

# A holder, its death, and what is remembered of it.
mkfifo "$T/in" "$T/go"
start "$SHUNT" lock "$N-lock" -- sh -c "echo in >'$T/in'; read -r _ <'$T/go'"
holder=$PID
read -r _ <"$T/in"
run "$SHUNT" stat "$N-lock"
is 'a held lock is live' "$(head -n 1 "$T/out")" "$N-lock: lock, live"
row 'a held lock' held "by process $holder (shunt:sh)"
run "$SHUNT" stat "$N-lock" --json
has 'a held lock as JSON' "$(compact)" "\"held\":true,\"holder_pid\":$holder,"
run "$SHUNT" rm "$N-lock"
refused 'rm of a held lock' 1 "$N-lock" "$holder" --force
kill -9 "$holder"
ended "$holder"
run "$SHUNT" stat "$N-lock"
row 'its program keeps it' held "process $holder, which died, and kept by "
echo >"$T/go"
run timeout 10 "$SHUNT" lock "$N-lock" -- true
is 'the next one has it' "$RC" 0
run "$SHUNT" stat "$N-lock"
row 'free again' held 'by nobody'
row 'one holder died' recovered '1 time '
row 'who, and of which program' '20[0-9-]* [0-9:]*' "$holder  shunt:sh *$(id -un)  *[1-9]"
is 'at most 80 columns' "$(grep -c '.\{81,\}' "$T/out")" 0
run "$SHUNT" stat "$N-lock" --json
has 'as JSON' "$(compact)" \
    "\"dead_pid\":$holder,\"dead_uid\":$(id -u),\"command\":\"shunt:sh\",\"permits\":1,"

run "$SHUNT" create "$N-lock" --kind=event
refused 'an event over a lock' 1 "$N-lock" lock
run "$SHUNT" create "$N-x" 4K --kind=lock
refused 'a lock has no size' 2 SIZE
run "$SHUNT" create "$N-x" 4K --kind=event
refused 'an event has no size' 2 SIZE
run "$SHUNT" create "$N-x" --kind=queue
refused 'a queue has one' 2 SIZE
run "$SHUNT" create "$N-x" 4K --max=3
refused 'permits of a raw segment' 2 --max
run "$SHUNT" create "$N-x" --kind=lock --umask
refused 'umask of an object' 2 --umask
run "$SHUNT" rm "$N-lock" "$N-semaphore" "$N-event" "$N-pool" "$N-count" \
    "$N-some"
went 'rm of all'
is 'rm of all' "$(ls /dev/shm | grep -c "^${N#/}")" 0

# A mode that an existing one does not have is told; it is no failure.
for kind in raw queue topic stream service log lock semaphore event; do
	case $kind in
	raw | queue | topic | stream | service | log) size=64K ;;
	*) size='' ;;
	esac
	# shellcheck disable=SC2086
	for mode in 0644 0644 0600; do
		run "$SHUNT" create "$N-m-$kind" $size --kind=$kind --mode=$mode
		is "$kind, mode $mode: exit" "$RC" 0
		[ $mode = 0600 ] || is "$kind, mode $mode" "$ERR" ''
	done
	is "$kind: the mode that it has" "$ERR" \
	    "shunt create: $N-m-$kind: exists with mode 0644, not 0600; shunt chmod changes it"
	# shellcheck disable=SC2086
	run "$SHUNT" create "$N-m-$kind" $size --kind=$kind --json
	went "$kind: no mode asked for"
	has "$kind: for programs" "$(compact)" '"made":false,*"mode":"0644"'
done
"$SHUNT" create "${K}70" 4K --mode=0644
run "$SHUNT" create "${K}70" 4K --mode=0600
is 'System V: exit' "$RC" 0
has 'System V: the mode that it has' "$ERR" \
    "${K}70: exists with mode 0644, not 0600; shunt chmod changes it"
run "$SHUNT" create "${K}70" 4K --json
has 'System V: for programs' "$(compact)" '"mode":"0644"'
(umask 077 && "$SHUNT" create "$N-m-raw" 64K --mode=0666 --umask) 2>"$T/err"
has 'with a umask' "$(cat "$T/err")" 'exists with mode 0644, not 0600'
run "$SHUNT" sem create "$N-m-semaphore" --mode=0600
has 'sem create' "$ERR" 'exists with mode 0644, not 0600'
run "$SHUNT" create "$N-event" 5 --kind=event
refused 'an event has no SIZE' 2 'an event has no SIZE'
