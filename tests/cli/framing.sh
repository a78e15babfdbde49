#!/bin/sh
# SPDX-License-Identifier: MIT
# Where messages begin and end on standard input and output: each framing there
# and back, what is cut off, what is too long.
. "$(dirname "$0")/lib.sh"
q="$N-q"

# framed FRAMING: $T/in comes back as $T/out has it.
framed() {
	run_from "$T/in" "$SHUNT" send "$q" --framing="$1"
	went "send --framing=$1"
	run "$SHUNT" recv "$q" -n "$2" --framing="$1" --timeout=5
	went "recv --framing=$1"
	check "--framing=$1: the same comes back" cmp -s "$T/in" "$T/out"
}
printf 'one\n\ntwo \0 x\n' >"$T/in"
framed line 3
printf 'a\nline\0\0last\0' >"$T/in"
framed nul 3
printf '\3\0\0\0a\nb\0\0\0\0\5\0\0\0\0\1\2\377\n' >"$T/in"
framed length 3
printf '\3\0\0\0\0\0\0\0a\nb\0\0\0\0\0\0\0\0' >"$T/in"
framed length8 2
{ printf '\0\4\0\0'; head -c 1024 /dev/urandom; } >"$T/in"
framed length 1
: >"$T/in"
for f in line nul length length8; do
	run_from "$T/in" "$SHUNT" send "$q" -f $f
	went "nothing, $f"
done
run "$SHUNT" recv "$q" --timeout=0
is 'of nothing comes nothing' "$RC" 3

# What one framing wrote, another one reads.
printf '\3\0\0\0abc\2\0\0\0de' >"$T/in"
run_from "$T/in" "$SHUNT" send "$q" -f length
run "$SHUNT" recv "$q" -n 2
is 'length in, lines out' "$OUT" "$(printf 'abc\nde')"
run "$SHUNT" send "$q" abc
run "$SHUNT" recv "$q" -f length8
printf '\3\0\0\0\0\0\0\0abc' >"$T/want"
check 'text in, length8 out' cmp -s "$T/out" "$T/want"
run "$SHUNT" send "$q" abc
run "$SHUNT" recv "$q" -f length --json
is 'JSON is an object a line in each framing' "$OUT" \
    '{"len":3,"lane":0,"text":"abc"}'
printf 'a\0b' >"$T/in"
run_from "$T/in" "$SHUNT" send "$q" --null --framing=length
run "$SHUNT" recv "$q" -n 2 -0
check '--null is --framing=nul' [ "$(wc -c <"$T/out")" = 4 ]

# Cut off: within a length, within a message; what stood before went.
"$SHUNT" create "$q" 64K --kind=queue
for cut in '\2\0\0\0ab\3\0' '\2\0\0\0ab\3\0\0\0cd'; do
	# shellcheck disable=SC2059
	printf "$cut" >"$T/in"
	run_from "$T/in" "$SHUNT" send "$q" -f length
	is "cut off $cut: exit" "$RC" 1
	has "cut off $cut" "$ERR" 'ends within message'
	has "cut off $cut" "$ERR" '1 message went before'
	run "$SHUNT" recv "$q" -n 0 --timeout=0
	is "cut off $cut: what stood before" "$OUT" ab
done
printf '\377\377\377\377\377\377\377\377' >"$T/in"
run_from "$T/in" "$SHUNT" send "$q" -f length8
refused 'a length over all' 1 "$q" 'message 1 is too long' 'takes 32'
run_from "$T/in" "$SHUNT" send "$q" -f length
refused 'a length over the limit' 1 'message 1 is too long'
run "$SHUNT" send "$q" -f words x
refused 'no such framing' 2 'framing wants one of: line nul length length8' words
