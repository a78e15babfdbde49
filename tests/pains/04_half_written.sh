#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 4: a robust lock comes free, and what it guards is half written.
# Remedy: the next holder is told, or its repair runs first, with the lock
# held; and `stat` remembers who died.
. "$(dirname "$0")/../cli/lib.sh"

# An account: what leaves the first line must come to the second.
printf '100\n0\n' >"$T/sum"
"$SHUNT" create "$N-l" --kind=lock
start "$SHUNT" lock "$N-l" --close -- sh -c '
	printf "60\n0\n" >"$0/sum"; echo $$ >"$0/child.new"
	mv "$0/child.new" "$0/child"; exec sleep 60' "$T"
victim=$PID
until_ok 5 [ -s "$T/child" ] || fail 'the program does not run'
kill -9 "$victim" "$(cat "$T/child")"
wait "$victim" 2>/dev/null
is 'half written' "$(tr '\n' ' ' <"$T/sum")" '60 0 '

cat >"$T/repair" <<'END'
read -r from <"$1/sum"
printf "%s\n%s\n" "$from" $((100 - from)) >"$1/sum"
echo repaired
END
# A repair that fails lets nobody in.
run "$SHUNT" lock "$N-l" --repair='exit 4' --timeout=5 -- echo 'in it'
check 'a repair that fails' [ "$RC" -ne 0 ]
is 'lets nobody in' "$OUT" ''
run "$SHUNT" lock "$N-l" --repair="sh '$T/repair' '$T'" --timeout=5 -- cat \
    "$T/sum"
is 'repaired before anybody enters' "$(tr '\n' ' ' <"$T/out")" \
    'repaired 60 40 '
run "$SHUNT" lock "$N-l" --repair='echo again' -- echo sound
is 'once' "$OUT" sound
run "$SHUNT" stat "$N-l"
has 'stat remembers the dead' "$OUT" "$victim"
