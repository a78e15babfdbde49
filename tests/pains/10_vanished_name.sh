#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 10: systemd's RemoveIPC, or `rm /dev/shm/*`, takes the names away under
# running programs.
# Remedy: users of a log notice and go on; memory without a name is listed;
# `doctor` tells beforehand.
. "$(dirname "$0")/../cli/lib.sh"

serve "$N-log" "$T/log" || fail 'no server'
log_pid=$PID
mkfifo "$T/in"
start_from "$T/in" "$SHUNT" log -n "$N-log"
exec 8>"$T/in"
echo before >&8
until_ok 5 holds "$T/log" before || fail 'the first line'
rm "$SHM-log"
# The same client, which has lost its log, and a new one.
until_ok 5 [ -e "$SHM-log" ] || fail 'the server makes it anew'
echo after >&8
until_ok 5 holds "$T/log" after || fail 'the client goes on'
run "$SHUNT" log -n "$N-log" 'a new client'
went 'a new client'
until_ok 5 holds "$T/log" 'a new client' || fail 'the new client'
exec 8>&-
is 'each line once' "$(grep -c before "$T/log")" 1
"$SHUNT" logd -n "$N-log" --stop
ended "$log_pid"

# Waiting receivers learn of it, too, rather than wait for nothing.
start "$SHUNT" recv "$N-q" --timeout=10 >"$T/got" 2>"$T/why"
until_ok 5 [ -e "$SHM-q" ] && until_ok 5 sleeps "$PID" ||
    fail 'it does not wait'
# A raw one that is still mapped.
"$SHUNT" create "$N-raw" 64K
start_to "$T/held" "$SHUNT" hold "$N-raw"
until_ok 5 lines "$T/held" 1 || fail 'it does not hold it'
rm "$SHM-raw"
run "$SHUNT" ls --json
is 'memory without a name' "$(jq -r --arg name "unlinked:$N-raw@" '
    .[] | select(.name | startswith($name)) | "\(.state) \(.size)"' "$T/out")" \
    'unlinked-held 65536'
run "$SHUNT" doctor --json
check 'doctor looks after it' [ "$(jq '[.checks[] |
    select(.check == "RemoveIPC")] | length' "$T/out")" -ge 1 ]
