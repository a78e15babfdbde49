#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 1: /dev/shm is full, and somebody dies of SIGBUS far from the cause.
# Remedy: all memory is reserved before the name exists; the sentence tells
# what is free and what to turn.
. "$(dirname "$0")/../cli/lib.sh"
unshare -m true 2>/dev/null || skip 'a small /dev/shm needs root'

small() {
	unshare -m sh -c 'mount -t tmpfs -o size=1m tmpfs /dev/shm || exit 99
		'"$1"'
		rc=$?
		ls -A /dev/shm >"$0/left"
		exit $rc' "$T"
}
export SHUNT N

# The pain: a size is no memory.
run small 'truncate -s 8M "/dev/shm$N-plain" && rm "/dev/shm$N-plain"'
went 'ftruncate takes any size'

run small '"$SHUNT" create "$N-a" 8M'
refused 'larger than the mount' 1 "$N-a" '/dev/shm' \
    '1024 KiB free' '8192 KiB' 'shm-size'
is 'nothing of it is left' "$(cat "$T/left")" ''
# Filled up to the last page by somebody else.
run small 'head -c 1M /dev/zero >/dev/shm/full
	"$SHUNT" send "$N-a" x; rc=$?; rm /dev/shm/full; exit $rc'
refused 'a queue without room' 1 "$N-a"
is 'nothing is left' "$(cat "$T/left")" ''
# And it is told before anything fails.
small '"$SHUNT" doctor --json; true' >"$T/doctor"
is 'doctor warns of a small one' "$(jq -r '.checks[] |
    select(.group == "/dev/shm" and .check == "size").verdict' "$T/doctor")" \
    warning
# What was made can be filled: no byte of it is a hole.
run small '"$SHUNT" create "$N-a" 512K && head -c 1M /dev/zero >/dev/shm/full
	head -c 512K /dev/urandom | "$SHUNT" write "$N-a" && rm /dev/shm/*'
hasnt 'what was reserved is there' "$ERR" "$N-a"
