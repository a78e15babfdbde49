#!/bin/sh
# SPDX-License-Identifier: MIT
# shunt limits: what the kernel says, in words and as JSON.
. "$(dirname "$0")/lib.sh"
own_ipc

# number NAME: what the last output says behind it.
number() {
	awk -v name="$1" '$1 == name { print $2 }' "$T/out"
}

"$SHUNT" create "${K}01" 5000 >/dev/null
"$SHUNT" write "${K}01" x
run "$SHUNT" limits
went 'limits'
for f in SHMMAX SHMMIN SHMMNI SHMALL SHMSEG segments pages resident swapped \
    size free memlock 'huge pages'; do
	has "limits: $f" "$OUT" "  $f "
done
row limits SHMMNI "$(cat /proc/sys/kernel/shmmni)  segments"
is 'segments' "$(number segments)" 1
is 'pages' "$(number pages)" 2
row limits pages 'they were made with, 8K'
is 'at most 80 columns' "$(grep -c '.\{81,\}' "$T/out")" 0

run "$SHUNT" limits --json
went 'limits --json'
is 'limits --json is JSON' "$(perl -ne '$a .= $_; END {
    1 while $a =~ s/\{[^{}]*\}/0/; print $a =~ /^0\s*$/ ? "yes" : $a }' "$T/out")" yes
# number_or_null FILE: as the kernel says; its defaults, near 2^64, are none.
number_or_null() {
	perl -e 'print $ARGV[0] > 2 ** 62 ? "null" : $ARGV[0]' "$(cat "$1")"
}
for f in shmmni shmall shmmax; do
	has "limits --json: $f" "$(compact)" \
	    "\"$f\":$(number_or_null /proc/sys/kernel/$f),"
done
if echo 18446744073692774399 2>/dev/null >/proc/sys/kernel/shmmax; then
	run "$SHUNT" limits --json
	has 'no limit is null' "$(compact)" '"shmmax":null,'
	echo 1000000000000 >/proc/sys/kernel/shmmax
	run "$SHUNT" limits --json
	has 'a limit is a number' "$(compact)" '"shmmax":1000000000000,'
	echo 18446744073692774399 >/proc/sys/kernel/shmmax
fi
run "$SHUNT" limits --json
has 'usage' "$(compact)" '"segments":1,"pages":2,"resident":1,"swapped":0,"highest_index":0'
set -- $(stat -f -c '%S %b %a' /dev/shm)
has 'room' "$(compact)" "\"posix\":{\"path\":\"/dev/shm\",\"size\":$(($1 * $2)),\"free\":"

# memlock is this process's own.
lim() {
	ulimit -S -l "$1" && exec "$SHUNT" limits "$2"
}
LAST='limits with a memlock'
(lim 16 --json) >"$T/out" 2>"$T/err"
RC=$?
seen "$LAST"
has 'memlock' "$(compact)" '"memlock":{"soft":16384,"hard":'
(lim 16 --) >"$T/out" 2>"$T/err"
RC=$?
seen "$LAST"
is 'memlock' "$(number memlock)" 16K

# A limit that was turned is told.
if echo 77 2>/dev/null >/proc/sys/kernel/shmmni; then
	run "$SHUNT" limits
	is 'a limit that was turned' "$(number SHMMNI)" 77
	echo 65536 >/proc/sys/kernel/shmmax
	run "$SHUNT" limits
	is 'a size limit that was turned' "$(number SHMMAX)" 64K
fi
if unshare -m true 2>/dev/null; then
	export SHUNT
	run unshare -m sh -c 'mount -t tmpfs -o size=64k tmpfs /dev/shm &&
	    head -c 16384 /dev/zero >/dev/shm/x && "$SHUNT" limits'
	went 'a small /dev/shm'
	is 'its size' "$(number size)" 64K
	is 'its use' "$(number used)" 16K
	is 'its room' "$(number free)" 48K
	run unshare -m sh -c 'mount -t tmpfs -o size=0 tmpfs /dev/shm &&
	    "$SHUNT" limits'
	went 'a /dev/shm without a limit'
	row 'a /dev/shm without one' size 'no limit'
	run unshare -m sh -c 'mount -t tmpfs -o size=0 tmpfs /dev/shm &&
	    "$SHUNT" limits --json'
	has 'a /dev/shm without one' "$(compact)" '"size":null,"free":null,'
fi
run "$SHUNT" limits "$N-a"
refused 'it wants no name' 2 'no NAME'
"$SHUNT" rm "${K}01"
