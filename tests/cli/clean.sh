#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 60
# shunt clean: a plan first, then only what is nobody's.
. "$(dirname "$0")/lib.sh"
own_ipc "$@"

# An ephemeral queue whose last user was killed, with nothing in it.
orphan() {
	start_to /dev/null "$SHUNT" recv "$1" -n 0
	until_ok 10 attached "$1" || fail "$1 is not attached"
	kill -9 "$PID"
	ended "$PID"
}
attached() {
	"$SHUNT" stat "$1" --json 2>/dev/null | tr -d ' \n' |
	    grep -q '"state":"live"'
}

there() {
	[ -e "/dev/shm$1" ]
}
gone_from_shm() {
	! there "$1"
}

run "$SHUNT" clean --help
went 'help'
run "$SHUNT" clean
went 'nothing to do'

orphan "$N-dead"
"$SHUNT" create "$N-raw" 4K
"$SHUNT" create "$N-keep" 4K --kind=queue
"$SHUNT" send "$N-unread" hello

run "$SHUNT" clean --name="$N-*"
went 'dry run'
row 'dry run' "$N-dead" '*nobody has it attached*'
hasnt 'dry run: raw' "$OUT" "$N-raw"
hasnt 'dry run: persistent' "$OUT" "$N-keep"
hasnt 'dry run: unread' "$OUT" "$N-unread"
has 'dry run: sum' "$OUT" '1 segment, *: nothing is removed yet, --yes does it'
check 'dry run removes nothing' there "$N-dead"

run "$SHUNT" clean --name="$N-*" --json
went 'dry run as JSON'
has 'dry run as JSON' "$(compact)" \
    '{"dry_run":true,"bytes":[1-9]*"segments":\[{"name":*"result":"wouldremove"}\]}*'

run "$SHUNT" clean --name="$N-*" --yes
went '--yes'
has '--yes' "$OUT" "$N-dead: removed, "
has '--yes: sum' "$OUT" '1 segment, * won'
check '--yes: it is gone' gone_from_shm "$N-dead"
for s in raw keep unread; do
	check "--yes: $s stays" there "$N-$s"
done
run "$SHUNT" clean --name="$N-*" --yes
went 'nothing left to do'
is 'nothing left to do' "$OUT" 'There is nothing to clean.'

# ---- --idle

run "$SHUNT" clean --idle
refused '--idle alone' 2 '--name=GLOB' '--owner=USER' '--older=2h'
run "$SHUNT" clean --idle --yes
refused '--idle --yes alone' 2 '--name=GLOB'
for d in '' 5 5w -1h h 5m5 99999999999d; do
	run "$SHUNT" clean --idle --older="$d"
	refused "--older=$d" 2 'such as 30s, 5m, 2h or 7d'
done
run "$SHUNT" clean --owner=no-such-user-at-all
refused '--owner' 2 'a user of this machine'
run "$SHUNT" clean "$N-raw"
refused 'a name' 2 '--name=GLOB'

# Somebody has the raw one; by a mapping alone.
start_to /dev/null "$SHUNT" hold "$N-raw"
until_ok 10 attached "$N-raw" || fail "$N-raw is not held"
run "$SHUNT" clean --idle --name="$N-*"
went 'idle ones'
hasnt 'idle: held' "$OUT" "$N-raw"
row 'idle' "$N-keep" '*persistent, but nobody has it attached*'
row 'idle' "$N-unread" '*unread*'
kill "$PID"
ended "$PID"
run "$SHUNT" clean --idle --name="$N-*" --older=1h
is 'too young' "$OUT" 'There is nothing to clean.'
run "$SHUNT" clean --idle --name="$N-*" --owner=4000000000
is 'of another' "$OUT" 'There is nothing to clean.'
run "$SHUNT" clean --idle --name="${N#/}-raw" --older=0s --owner="$(id -u)" --yes
went 'one by name, without its slash'
check 'one by name' gone_from_shm "$N-raw"
check 'no other' there "$N-keep"
run "$SHUNT" clean --idle --name="$N-*" --yes --json
went 'idle as JSON'
has 'idle as JSON' "$(compact)" '"dry_run":false*"result":"removed"*'
check 'idle: persistent' gone_from_shm "$N-keep"
check 'idle: unread' gone_from_shm "$N-unread"

# ---- a removal that was cut off

"$SHUNT" create "$N-cut" 4K
mv "/dev/shm$N-cut" "/dev/shm/.shunt-removing.${N#/}-cut.00112233445566aa"
run "$SHUNT" clean --name="$N-*"
went 'cut off: plan'
has 'cut off: plan' "$OUT" 'its name is put back'
check 'cut off: plan does nothing' gone_from_shm "$N-cut"
run "$SHUNT" clean --name="$N-*" --yes
went 'cut off'
check 'cut off: its name is back' there "$N-cut"
run "$SHUNT" clean --idle --name="$N-cut" --yes
check 'cut off: then as any other' gone_from_shm "$N-cut"

rm -f "/dev/shm/.shunt-removing.${N#/}-"*

# ---- System V

"$SHUNT" create "${K}01" 4K
run "$SHUNT" clean --idle --name="${K}01"
row 'System V' "${K}01" '*attached 0 times*'
start_to /dev/null "$SHUNT" hold "${K}01"
until_ok 10 attached "${K}01" || fail "${K}01 is not held"
run "$SHUNT" clean --idle --name="${K}01" --yes
is 'System V: held' "$OUT" 'There is nothing to clean.'
kill "$PID"
ended "$PID"
run "$SHUNT" clean --idle --name="${K}01" --yes
has 'System V: removed' "$OUT" "${K}01: removed, "

# ---- another user's

if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	orphan "$N-roots"
	chmod 666 "/dev/shm$N-roots"
	chmod 755 "$T"
	stranger() {
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	}
	if stranger test -x "$SHUNT"; then
		stranger "$SHUNT" clean --name="$N-*" --yes >"$T/out" 2>"$T/err"
		RC=$? OUT=$(cat "$T/out") ERR=$(cat "$T/err")
		went "another's: said, not failed"
		check "another's stays" there "$N-roots"
		has "another's: said" "$OUT" "kept: "
		has "another's: none" "$OUT" '0 segments, 0* won'
	fi
	run "$SHUNT" clean --name="$N-*" --yes
	check "root takes it" gone_from_shm "$N-roots"
fi
