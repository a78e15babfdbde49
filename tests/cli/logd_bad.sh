#!/bin/sh
# SPDX-License-Identifier: MIT
# Servers that cannot serve: the file is a directory, read-only, already
# served; the disk is full.
. "$(dirname "$0")/lib.sh"
l="$N-l"

mkdir "$T/dir"
run "$SHUNT" logd -n "$l" -o "$T/dir"
refused 'a directory' 1 "$T/dir" directory
run "$SHUNT" logd -n "$l" -o "$T/none/log"
refused 'no such directory' 1 "$T/none/log"
run "$SHUNT" logd -n "$l" -o ''
check 'an empty name' [ "$RC" -ne 0 ]
run "$SHUNT" logd -n "$l" -o "$T/$(printf '%0300d' 0)"
refused 'too long a name' 1 name
run "$SHUNT" logd -n "$l" -o "$T/x$(printf '\033')[31m/y"
refused 'an escape sequence in a path' 1 '\x1b'
check 'no log is left behind' [ ! -e "$SHM-l" ]

serve "$l" "$T/log"
first=$PID
run "$SHUNT" logd -n "$l" -o "$T/other"
refused 'a second server' 1 "$l" "$first"
check 'a second server makes no file' [ ! -e "$T/other" ]
run "$SHUNT" logd -n "$N-m" -o "$T/log"
refused 'a file that is served' 1 "$T/log" 'another log'
ln "$T/log" "$T/link"
run "$SHUNT" logd -n "$N-m" -o "$T/link"
refused 'the same file by another name' 1 "$T/link" 'another log'
check 'no log is left behind' [ ! -e "$SHM-m" ]
run "$SHUNT" log -n "$l" --flush fine
check 'the first goes on' holds "$T/log" fine
run "$SHUNT" logd --stop -n "$l"
went 'stop'
ended "$first"

# Read-only: for a user by the mode, for root by the mount.
: >"$T/ro"
chmod 444 "$T/ro"
if [ "$(id -u)" != 0 ]; then
	run "$SHUNT" logd -n "$l" -o "$T/ro"
	refused 'a read-only file' 1 "$T/ro"
	[ "$failed" = 0 ] || exit 1
	skip 'a full disk needs root'
fi
unshare -m true 2>/dev/null || skip 'no mount namespaces here'
chmod 755 "$T"
if setpriv --reuid=nobody --regid=nogroup --clear-groups "$SHUNT" --version \
    >/dev/null 2>&1; then
	run setpriv --reuid=nobody --regid=nogroup --clear-groups \
	    "$SHUNT" logd -n "$l" -o "$T/ro"
	refused 'a read-only file' 1 "$T/ro"
fi
export SHUNT N T l
run unshare -m sh -c 'mount -t tmpfs -o ro tmpfs "$T/dir" &&
	exec "$SHUNT" logd -n "$l" -o "$T/dir/log"'
refused 'a read-only disk' 1 "$T/dir/log" 'ead-only'
check 'no log is left behind' [ ! -e "$SHM-l" ]

# A full disk: told, nothing lost, no half line, goes on with room.
mkfifo "$T/go" "$T/ready"
start unshare -m sh -c '
	mount -t tmpfs -o size=64k tmpfs "$T/dir" || exit 99
	head -c 40000 /dev/zero >"$T/dir/ballast"
	"$SHUNT" logd -n "$l" -o "$T/dir/log" --ready-fd=9 9>"$T/ready" \
	    2>"$T/full" &
	read -r _ <"$T/go"
	cp "$T/dir/log" "$T/half"
	echo >"$T/copied"
	rm "$T/dir/ballast"
	read -r _ <"$T/go"
	cp "$T/dir/log" "$T/whole"
	read -r _ <"$T/go"
	kill $!
	wait $!'
mounter=$PID
read -r _ <"$T/ready"
i=0
while [ $i -lt 700 ]; do
	i=$((i + 1))
	echo "message number $i of seven hundred"
done >"$T/in"
run_from "$T/in" "$SHUNT" log -n "$l"
went 'clients are not held up'
check 'a full disk is told' until_ok 10 holds "$T/full" "$T/dir/log"
has 'a full disk is told' "$(cat "$T/full")" 'shunt logd: '
run "$SHUNT" logd --status --json -n "$l"
has 'status knows' "$(compact)" '"disk_full":true'
echo >"$T/go"
until_ok 10 [ -s "$T/copied" ]
check 'no half line' [ -z "$(tail -c 1 "$T/half" | tr -d '\n')" ]
run "$SHUNT" log -n "$l" --flush --timeout=20 end
went 'with room it goes on'
echo >"$T/go"
until_ok 10 holds "$T/whole" ' end'
is 'every line once' "$(grep -o 'message number [0-9]*' "$T/whole" | sort -u |
    wc -l) $(grep -c 'message number' "$T/whole")" '700 700'
check 'and says so' lines "$T/full" 2
echo >"$T/go"
ended "$mounter"

# A full disk, as /dev/full plays it: the server can still be ended.
start "$SHUNT" logd -n "$l" -o /dev/full 2>"$T/full"
run "$SHUNT" log -n "$l" nowhere
until_ok 10 [ -s "$T/full" ]
check 'a device that is full is told' [ -s "$T/full" ]
kill -TERM "$PID"
ended "$PID"
check 'it ends' [ "$RC" -le 1 ]
run "$SHUNT" tail -n "$l"
has 'and the message is still there' "$OUT" nowhere
