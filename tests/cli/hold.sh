#!/bin/sh
# SPDX-License-Identifier: MIT
# shunt hold: attaches where and how it was asked to, and stays until told.
. "$(dirname "$0")/lib.sh"
own_ipc

# hold NAME [OPTION...]: begins to hold; LINE is what it says, PID who it is.
hold() {
	: >"$T/held"
	start_to "$T/held" "$SHUNT" hold "$@"
	until_ok 10 lines "$T/held" 1 || fail "hold $*: no line"
	LINE=$(cat "$T/held")
}
# let_go SIGNAL
let_go() {
	kill -"$1" "$PID"
	ended "$PID"
	is "SIG$1 is the regular end" "$RC" 0
}
# mapped PID ADDRESS: flags and name of the mapping there, as the kernel says.
mapped() {
	awk -v at="${2#0x}-" 'index($1, at) == 1 { print $2, $6 }' \
	    "/proc/$1/maps"
}
users() {
	"$SHUNT" stat "$1" --json | tr -d ' \n' |
	    sed -n 's/.*"users":\[\([^]]*\)\].*/\1/p'
}
state() {
	"$SHUNT" stat "$1" --json | tr -d ' \n' |
	    sed -n 's/.*"state":"\([a-z]*\)".*/\1/p'
}

"$SHUNT" create "$N-a" 64K
"$SHUNT" create "${K}01" 64K
for name in "$N-a" "${K}01"; do
	for sig in INT TERM HUP; do
		hold "$name"
		has "the line of $name" "$LINE" \
		    "$name: attached at 0x[0-9a-f]*, 65536 bytes"
		at=$(sed 's/.*at \(0x[0-9a-f]*\),.*/\1/' "$T/held")
		has 'it is mapped there' "$(mapped "$PID" "$at")" 'rw-s '
		is 'it is live' "$(state "$name")" live
		has 'and known' "$(users "$name")" "\"pid\":$PID,\"command\":\"shunt\""
		let_go $sig
		is 'it is idle again' "$(state "$name")" idle
	done
	hold "$name"
	kill -9 "$PID"
	ended "$PID"
	is 'idle after kill -9 too' "$(state "$name")" idle

	hold "$name" --readonly
	has 'read-only is said' "$LINE" '65536 bytes, read-only'
	has 'read-only is so' "$(mapped "$PID" "$(sed \
	    's/.*at \(0x[0-9a-f]*\),.*/\1/' "$T/held")")" 'r--s '
	let_go TERM
	hold "$name" --exec
	has 'executable' "$(mapped "$PID" "$(sed \
	    's/.*at \(0x[0-9a-f]*\),.*/\1/' "$T/held")")" 'rwxs '
	let_go TERM
	hold "$name" --exec --readonly
	has 'executable, not writable' "$(mapped "$PID" "$(sed \
	    's/.*at \(0x[0-9a-f]*\),.*/\1/' "$T/held")")" 'r-xs '
	let_go TERM

	run "$SHUNT" hold "$name" --at=0x300000000000 --timeout=0.01
	went 'at an address'
	has 'at an address' "$OUT" 'attached at 0x300000000000, '
	run "$SHUNT" hold "$name" --at=0x300000000123 --timeout=0
	refused 'at an address within a page' 1 "$name" --round
	run "$SHUNT" hold "$name" --at=0x300000000123 --round --timeout=0
	went 'rounded'
	has 'rounded' "$OUT" 'attached at 0x300000000000, '
	run "$SHUNT" hold "$name" --at=0x300000000000 --replace --timeout=0
	went 'replace where nothing is'
	run "$SHUNT" hold "$name" --timeout=0 --json
	went 'as JSON'
	has 'as JSON' "$OUT" '{"name":"'"$name"'","address":"0x[0-9a-f]*","size":65536,"readonly":false}'
	run "$SHUNT" hold "$name" --owner=nobody --timeout=0
	refused 'another owner than meant' 1 "$name" 'belongs to user 0'
done

# What stands at an address already: without the layout being random, a
# library that nobody calls.
idle_lib=$(ls /lib/*-linux-gnu*/libutil.so.1 /lib64/libutil.so.1 2>/dev/null |
    head -n 1)
if [ -n "$idle_lib" ] && [ "${SAN:-plain}" = plain ] &&
    setarch -R true 2>/dev/null; then
	start_to "$T/held" env LD_PRELOAD="$idle_lib" setarch -R \
	    "$SHUNT" hold "$N-a"
	until_ok 10 lines "$T/held" 1
	taken=0x$(awk '/libutil/ { sub(/-.*/, "", $1); print $1; exit }' \
	    "/proc/$PID/maps")
	let_go TERM
	for name in "$N-a" "${K}01"; do
		run env LD_PRELOAD="$idle_lib" setarch -R "$SHUNT" hold \
		    "$name" --at="$taken" --timeout=0
		refused "taken, $name" 1 "$name" "${taken#0x}" --replace
	done
	"$SHUNT" create "${K}02" 4K
	: >"$T/held"
	start_to "$T/held" env LD_PRELOAD="$idle_lib" setarch -R \
	    "$SHUNT" hold "${K}02" --at="$taken" --replace
	until_ok 10 lines "$T/held" 1
	has 'replaced' "$(cat "$T/held")" "attached at $taken, 4096 bytes"
	has 'replaced' "$(mapped "$PID" "$taken")" SYSV
	let_go TERM
fi
for o in --round --replace; do
	run "$SHUNT" hold "$N-a" $o
	refused "$o without an address" 2 "$o" --at=ADDR
done

# A window: any byte, not only pages.
printf %s 'in the window' | "$SHUNT" write "$N-a" --at=5000
run "$SHUNT" hold "$N-a" --from=5000 -n 13 --timeout=0
went 'a window'
has 'a window' "$OUT" "$N-a: attached at 0x[0-9a-f]*388, 13 bytes"
run "$SHUNT" hold "$N-a" --from=65K --timeout=0
refused 'a window past the end' 1 "$N-a"
run "$SHUNT" hold "$N-a" --from=60K --bytes=8K --timeout=0
refused 'a window that goes past the end' 1 "$N-a"
run "$SHUNT" hold "${K}01" --from=4K --timeout=0
has 'a window of System V' "$OUT" ', 61440 bytes'

# Kept in memory while it is held.
locked() {
	awk '/^VmLck/ { print $2 }' "/proc/$PID/status"
}
hold "$N-a" --memlock
has 'memlock is said' "$LINE" 'locked in memory'
[ "${SAN:-plain}" != plain ] || is 'memlock' "$(locked)" 64
let_go TERM
hold "${K}01" --memlock
run "$SHUNT" stat "${K}01"
row 'memlock of System V' locked 'in memory'
let_go TERM
# Without the right to lock any; a sanitizer keeps mlock(2) from happening.
none() {
	# shellcheck disable=SC3045
	ulimit -l 0 && exec setpriv --reuid=65534 --regid=65534 \
	    --clear-groups "$SHUNT" "$@"
}
chmod 755 "$T"
"$SHUNT" chmod "$N-a" 0666
if [ "${SAN:-plain}" = plain ] && (none --version) >/dev/null 2>&1; then
	LAST='hold --memlock without the right'
	(none hold "$N-a" --memlock --timeout=0) >"$T/out" 2>"$T/err" </dev/null
	RC=$?
	seen "$LAST"
	refused 'more than may be locked' 1 "$N-a" 'ulimit -l'
fi

# Time.
run "$SHUNT" hold "$N-a" --timeout=0.05
went 'a timeout is no failure'
run "$SHUNT" hold "$N-a" --timeout=soon
refused 'no time' 2 seconds

# It sleeps: nothing wakes it but a signal.
hold "$N-a"
check 'it sleeps' until_ok 10 sleeps "$PID"
let_go TERM
# nohup: SIGHUP is not for it.
: >"$T/held"
start_to "$T/held" nohup "$SHUNT" hold "$N-a" 2>/dev/null
until_ok 10 lines "$T/held" 1
kill -HUP "$PID"
# Delivered before this one is, if at all.
let_go TERM

# A standard output that is closed is no reason to stay.
"$SHUNT" hold "$N-a" >/dev/full 2>"$T/err"
RC=$? OUT='' LAST='hold >/dev/full' ERR=$(cat "$T/err")
is 'nobody hears its line: exit' "$RC" 1
has 'nobody hears its line' "$ERR" 'standard output'

# What cannot be held.
"$SHUNT" create "$N-q" 64K --kind=queue
run "$SHUNT" hold "$N-q" --timeout=0
refused 'an object' 1 "$N-q"
run "$SHUNT" hold "$N-none" --timeout=0
refused 'nothing' 1 "$N-none"
: >"$SHM-empty"
run "$SHUNT" hold "$N-empty" --timeout=0
refused 'nothing in it yet' 1 "$N-empty"
run "$SHUNT" hold sysv:private --timeout=0
refused 'private' 1 sysv:

# Removed under the holder.
hold "$N-a"
run "$SHUNT" rm "$N-a"
went 'rm'
has 'rm says who holds it' "$OUT" "$N-a: removed, but still mapped by $PID (shunt)"
let_go TERM

# Huge pages that could not be had are told, where the kernel can tell.
if [ "$(cat /proc/sys/vm/nr_hugepages 2>/dev/null)" = 0 ]; then
	run "$SHUNT" create "${K}60" 4M --huge
	is 'create --huge of System V: exit' "$RC" 0
	is 'create --huge of System V' "$ERR" "shunt create: ${K}60: no huge pages are free (shunt limits shows them); ordinary ones were taken"
	run "$SHUNT" hold "${K}60" --huge --timeout=0
	has 'hold --huge of System V' "$ERR" "${K}60: it is not of huge pages"
	run "$SHUNT" create "${K}60" 4M --huge
	went 'it was there'
	run "$SHUNT" create "${K}61" 4M
	went 'no huge pages asked for'
fi
if grep -q THPeligible /proc/self/smaps; then
	run "$SHUNT" create "$N-huge" 64K --huge
	is 'create --huge of what is smaller: exit' "$RC" 0
	is 'create --huge of what is smaller' "$ERR" "shunt create: $N-huge: no huge pages could be had for it; ordinary ones were taken"
	run "$SHUNT" hold "$N-huge" --huge --timeout=0
	has 'hold --huge of what is smaller' "$ERR" "$N-huge: it is not of huge"
	run "$SHUNT" hold "$N-huge" --timeout=0
	went 'hold without --huge'
fi
if unshare -m sh -c 'mount -t tmpfs -o huge=always tmpfs /dev/shm' \
    2>/dev/null; then
	export SHUNT
	run unshare -m sh -c 'mount -t tmpfs -o huge=always tmpfs /dev/shm &&
	    "$SHUNT" create /a 4M --huge && "$SHUNT" hold /a --huge --timeout=0'
	is 'where they can be had nothing is said' "$ERR" ''
fi

# Addresses that are none.
run "$SHUNT" hold "${K}01" --at=zzz
refused 'no address' 2 --at 'an address such as 0x700000000000' zzz
for name in "${K}01" "$N-b"; do
	"$SHUNT" create "$name" 64K
	run "$SHUNT" hold "$name" --at=0x123 --round --timeout=0
	refused 'rounded to nothing' 1 "$name" '0x123 is rounded to 0' \
	    'the lowest is 0x1'
done
