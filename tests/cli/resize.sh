#!/bin/sh
# SPDX-License-Identifier: MIT
# shunt resize: larger, smaller, and whom that would hurt.
. "$(dirname "$0")/lib.sh"

size() {
	stat -c %s "$SHM-$1"
}

"$SHUNT" create "$N-a" 8K
"$SHUNT" write "$N-a" 'stays'
run "$SHUNT" resize "$N-a" 64K
went 'grow'
is 'grown' "$(size a)" 65536
is 'and reserved' "$(stat -c %b "$SHM-a")" 128
run "$SHUNT" read "$N-a" -n 5
is 'what was in it stays' "$OUT" stays
"$SHUNT" read "$N-a" --at=8K >"$T/added"
check 'what is added is zero' cmp -s -n 57344 "$T/added" /dev/zero
run "$SHUNT" resize "$N-a" 5000
went 'shrink'
is 'shrunk' "$(size a)" 5000
run "$SHUNT" resize "$N-a" 64K --json
went 'as JSON'
is 'as JSON' "$(compact)" \
    '{"name":"'"$N-a"'","before":5000,"size":65536,"users":[]}'
run "$SHUNT" resize "$N-a" 64K
went 'the size that it has'

# Somebody has it.
start_to "$T/held" "$SHUNT" hold "$N-a" --readonly
until_ok 10 lines "$T/held" 1
run "$SHUNT" resize "$N-a" 4K
refused 'cutting what is mapped' 1 "$N-a" "$PID (shunt)" SIGBUS --force
is 'it was not cut' "$(size a)" 65536
run "$SHUNT" resize "$N-a" 128K
went 'growing what is mapped'
has 'who sees it later' "$OUT" "$N-a: grown; $PID (shunt) "
run "$SHUNT" resize "$N-a" 4K --force
went 'cutting by force'
has 'and who is hurt' "$OUT" "$N-a: cut under $PID (shunt)*SIGBUS"
is 'it was cut' "$(size a)" 4096
run "$SHUNT" resize "$N-a" 100 --force --json
has 'as JSON' "$(compact)" "\"users\":[[]{\"pid\":$PID,\"command\":\"shunt\"}[]]"
kill "$PID"
ended "$PID"
"$SHUNT" resize "$N-a" 64K
run "$SHUNT" resize "$N-a" 4K
went 'nobody has it any more'
# One that only has it open would see less, too.
exec 5<"$SHM-a"
run "$SHUNT" resize "$N-a" 100
refused 'cutting what is open' 1 "$N-a" --force
exec 5<&-

# One that its maker has not sized yet.
: >"$SHM-empty"
run "$SHUNT" resize "$N-empty" 4K
went 'an empty one'
is 'an empty one' "$(size empty)" 4096

run "$SHUNT" resize "$N-a" 0
refused 'size 0' 1 "$N-a"
run "$SHUNT" resize "$N-a" 15T
refused 'more than there is' 1 "$N-a"
is 'it is as it was' "$(size a)" 4096
for s in '' x 12Q -1; do
	run "$SHUNT" resize "$N-a" -- "$s"
	refused "size \"$s\"" 2 SIZE
done
run "$SHUNT" resize "$N-none" 4K
refused 'nothing' 1 "$N-none"
"$SHUNT" create "$N-q" 64K --kind=queue
run "$SHUNT" resize "$N-q" 4K
refused 'an object' 1 "$N-q"
run "$SHUNT" resize "$N-q" 4K --force
refused 'an object by force' 1 "$N-q"
mkfifo "$SHM-fifo"
run timeout 5 "$SHUNT" resize "$N-fifo" 4K
refused 'a fifo' 1 "$N-fifo"

if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	export SHUNT N
	run unshare -m sh -c '
		mount -t tmpfs -o size=64k tmpfs /dev/shm || exit 99
		"$SHUNT" create "$N-a" 4K
		"$SHUNT" resize "$N-a" 1M
		rc=$?
		stat -c %s "/dev/shm$N-a" >"$0/size"
		exit $rc' "$T"
	refused 'larger than the mount' 1 "$N-a" free
	is 'it has its old size' "$(cat "$T/size")" 4096
fi
run "$SHUNT" create "file:$T/f" 4K
run "$SHUNT" resize "file:$T/f" 8K
went 'a mapped file'
is 'a mapped file' "$(stat -c %s "$T/f")" 8192
