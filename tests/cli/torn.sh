#!/bin/sh
# SPDX-License-Identifier: MIT
# Somebody wrote over a part of an object: what can still be read is shown, what
# cannot is said, and nothing of it is taken for nobody's.
. "$(dirname "$0")/lib.sh"

# over NAME TEXT BYTES: the header of the record that holds TEXT is garbage.
over() {
	at=$(grep -obUa -- "$2" "$SHM$1" | head -n 1 | cut -d: -f1)
	printf '\005\004\003\002\001\001\001\001' |
	    dd of="$SHM$1" bs=1 seek=$((at - $3)) conv=notrunc 2>"$T/dd"
}

# A log: what came before is there still.
"$SHUNT" log -n "$N-l" first
"$SHUNT" log -n "$N-l" second
"$SHUNT" log -n "$N-l" third
over -l second 24
run "$SHUNT" tail -n "$N-l" --format=iso
is 'tail of a torn log: exit' "$RC" 1
has 'what came before' "$OUT" '*first*'
hasnt 'and nothing that is garbage' "$OUT" '*third*'
has 'it is said' "$ERR" "*$N-l*cannot be read*"
run "$SHUNT" stat "$N-l"
went 'stat of a torn log'
run "$SHUNT" clean --yes --name="$N-l"
went 'clean where a log is torn'
check 'what has records left stays' [ -e "$SHM-l" ]

# A queue whose header says what cannot be.
"$SHUNT" create "$N-q" 64K --kind=queue
printf '\377\377\377\377' |
    dd of="$SHM-q" bs=1 seek=44 conv=notrunc 2>"$T/dd"
run "$SHUNT" ls
went 'ls of an object with a torn header'
row 'is of no known kind, and nobody knows whose' "$N-q" 'other *unknown*'
run "$SHUNT" clean --yes --idle --name="$N-q"
went 'clean where one has a torn header'
check 'it is nobody'"'"'s to clean' [ -e "$SHM-q" ]
run "$SHUNT" rm "$N-q"
check 'but rm takes it' [ ! -e "$SHM-q" ]
