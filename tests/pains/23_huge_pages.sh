#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 23: a mapping of huge pages succeeds, and the first touch is a SIGBUS.
# Remedy: huge pages are asked for, not demanded: with none reserved the segment
# is made of small ones, wholly reserved, and nothing fails late.
. "$(dirname "$0")/../cli/lib.sh"

run "$SHUNT" create "$N-a" 4M --huge
check 'made, with huge pages or without' [ "$RC" = 0 ]
# Every byte can be touched.
head -c 4M /dev/urandom >"$T/in"
run_from "$T/in" "$SHUNT" write "$N-a"
went 'filled'
"$SHUNT" read "$N-a" >"$T/back"
check 'all of it is there' cmp -s "$T/in" "$T/back"
start_to "$T/held" "$SHUNT" hold "$N-a" --huge
until_ok 5 lines "$T/held" 1 || fail 'it cannot be mapped'
kill "$PID"
ended "$PID"

run "$SHUNT" limits
has 'how many there are' "$OUT" 'huge pages'
has 'and what to turn' "$OUT" vm.nr_hugepages

# System V alone takes them from the reserve: none there, no late death.
run "$SHUNT" create "${K}01" 4M --huge
check 'System V: made, with huge pages or without' [ "$RC" = 0 ]
run_from "$T/in" "$SHUNT" write "${K}01"
check 'filled' [ "$RC" = 0 ]
