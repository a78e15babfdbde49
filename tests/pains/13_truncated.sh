#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 13: a peer cuts a named segment, and who maps it dies of SIGBUS.
# Remedy: no cut while somebody has it; our commands end with a sentence when
# another program did it.
. "$(dirname "$0")/../cli/lib.sh"

"$SHUNT" create "$N-a" 64K
start_to "$T/held" "$SHUNT" hold "$N-a" --readonly
until_ok 5 lines "$T/held" 1 || fail 'it does not hold it'
run "$SHUNT" resize "$N-a" 4K
refused 'a cut under somebody' 1 "$N-a" "$PID" SIGBUS --force
is 'nothing was cut' "$(stat -c %s "$SHM-a")" 65536
kill "$PID"
ended "$PID"
run "$SHUNT" resize "$N-a" 4K
went 'when nobody has it'

# Another program cuts what our command has attached: no crash.
start "$SHUNT" recv "$N-q" --timeout=20 2>"$T/why"
victim=$PID
until_ok 5 sleeps "$victim" || fail 'it does not wait'
truncate -s 0 "$SHM-q"
ended "$victim"
check 'it ends by itself, not by a signal' [ "$RC" -lt 128 ]
has 'and says why' "$(cat "$T/why")" "$N-q"
