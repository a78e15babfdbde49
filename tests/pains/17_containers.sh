#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 17: two containers see each other on the network, and their shared
# memory not: each has a /dev/shm of its own.
# Remedy: an object can be a file of any tmpfs that both have; memfds go over
# a socket (17_memfd_across.c); `doctor --peer` tells what differs.
. "$(dirname "$0")/../cli/lib.sh"
unshare -m -i -p -f --kill-child true 2>/dev/null || skip 'it needs root'

mkdir "$T/both"
mount -t tmpfs -o size=4m tmpfs "$T/both" 2>/dev/null || skip 'no tmpfs'
trap 'umount "$T/both"; finish' EXIT

# container COMMAND...: with its own /dev/shm, System V and processes.
cat >"$T/container" <<'END'
#!/bin/sh
exec unshare -m -i -p -f --kill-child sh -c '
	mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"' sh "$@"
END
chmod +x "$T/container"
container=$T/container

# The pain.
"$SHUNT" send "$N-q" hello
run "$container" "$SHUNT" recv "$N-q" --timeout=0.1
is 'the same name, another /dev/shm' "$RC" 3
# The remedy: a volume that both mount.
start_to "$T/got" "$container" "$SHUNT" recv "file:$T/both/q" -n 2 --timeout=10
run "$container" "$SHUNT" send "file:$T/both/q" one
went 'from a second container'
run "$SHUNT" send "file:$T/both/q" two
went 'and from outside'
ended "$PID"
is 'both came' "$(sort "$T/got" | tr '\n' ' ')" 'one two '
check 'nothing is left in the volume' [ ! -e "$T/both/q" ]
# Locks hold across, too.
run "$container" "$SHUNT" lock "file:$T/both/l" -- sh -c '
	unshare -p -f "$0" lock "$1" --try -- true; echo $?' \
    "$SHUNT" "file:$T/both/l"
is 'one at a time' "$OUT" 3

# What differs, told beforehand.
start "$container" sh -c 'echo >"$0"; exec sleep 60' "$T/up"
until_ok 5 [ -e "$T/up" ] || fail 'no peer'
peer=$(cut -d' ' -f1 "/proc/$PID/task/$PID/children")
mine "$peer"
run "$SHUNT" doctor --peer "$peer" --json
for what in /dev/shm IPC; do
	is "doctor: another $what" "$(jq -r --arg what "$what" '.checks[] |
	    select(.group == "Peer" and .check == $what).verdict' "$T/out")" \
	    trouble
done
run "$SHUNT" doctor --peer $$ --json
is 'but not of its own' "$(jq -r '.checks[] | select(.group == "Peer" and
    .check == "/dev/shm").verdict' "$T/out")" ok
