#!/bin/sh
# SPDX-License-Identifier: MIT
# Sizes of nothing and of too much; a full /dev/shm.
. "$(dirname "$0")/lib.sh"

run "$SHUNT" create "$N-a" 0
refused 'size 0' 1 "$N-a" 'at least 1'
run "$SHUNT" create "$N-a" 0 --kind=queue
refused 'lanes of 0' 1 "$N-a" 'at least 1'
run "$SHUNT" create "$N-a" 15T
refused 'more than the machine has' 1 "$N-a"
run "$SHUNT" create "$N-a" 0x7fffffffffffffff
refused 'more than a file can be' 1 "$N-a"
run "$SHUNT" create "$N-a" 0xffffffffffffffff
refused 'more than a number' 1 "$N-a"
check 'nothing was made' [ ! -e "$SHM-a" ]

[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || {
	[ "$failed" = 0 ] || exit 1
	skip 'a small /dev/shm needs root'
}

# The rest in a mount namespace of its own, with 64 KiB of /dev/shm.
small() {
	unshare -m sh -c '
		mount -t tmpfs -o size=64k tmpfs /dev/shm || exit 99
		'"$1"'
		rc=$?
		ls -A /dev/shm >"$0/left"
		exit $rc' "$T"
}
export SHUNT N
run small '"$SHUNT" create "$N-a" 128K'
refused 'larger than the mount' 1 "$N-a" 'free' shm-size
is 'larger than the mount leaves nothing' "$(cat "$T/left")" ''
run small '"$SHUNT" send "$N-a" x; echo $? >"$0/rc"'
is 'a queue that does not fit: exit' "$(cat "$T/rc")" 1
has 'a queue that does not fit' "$ERR" "$N-a"
is 'one sentence' "$(wc -l <"$T/err" | tr -d ' ')" 1
is 'a queue that does not fit leaves nothing' "$(cat "$T/left")" ''
run small '"$SHUNT" log -n "$N-a" x; echo $? >"$0/rc"'
is 'a log that does not fit: exit' "$(cat "$T/rc")" 1
has 'a log that does not fit' "$ERR" "$N-a"
is 'a log that does not fit leaves nothing' "$(cat "$T/left")" ''
run small '"$SHUNT" logd -n "$N-a" -o "$0/l"; echo $? >"$0/rc"'
is 'a server without room: exit' "$(cat "$T/rc")" 1
has 'a server without room' "$ERR" "$N-a"
is 'a server without room leaves nothing' "$(cat "$T/left")" ''
run small 'head -c 65536 /dev/zero >/dev/shm/full
	"$SHUNT" create "$N-a" 1; echo $? >"$0/rc"
	"$SHUNT" ls >"$0/ls"; rm /dev/shm/full'
is 'a full mount: exit' "$(cat "$T/rc")" 1
has 'a full mount' "$ERR" "$N-a"
has 'ls works all the same' "$(cat "$T/ls")" '/full'
is 'a full mount leaves nothing' "$(cat "$T/left")" ''

# Room for the queue itself but not for a lane: told at the first message.
lane() {
	unshare -m sh -c '
		mount -t tmpfs -o size=1200k tmpfs /dev/shm || exit 99
		"$SHUNT" create "$N-a" 128K --kind=queue || exit 98
		head -c 2M /dev/zero >/dev/shm/full 2>/dev/null
		"$SHUNT" send "$N-a" x
		echo $? >"$0/rc"
		rm /dev/shm/full
		"$SHUNT" send "$N-a" y && "$SHUNT" recv "$N-a"' "$T"
}
run lane
is 'no room for a lane: exit' "$(cat "$T/rc" 2>/dev/null)" 1
has 'no room for a lane' "$ERR" "$N-a"
is 'with room it works' "$OUT" y
