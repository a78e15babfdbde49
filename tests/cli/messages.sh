#!/bin/sh
# SPDX-License-Identifier: MIT
# Messages that could break a line or a terminal; messages that are too long.
. "$(dirname "$0")/lib.sh"
l="$N-l"
esc=$(printf '\033')

for format in classic iso json; do
	serve "$l" "$T/$format" --format=$format
	run "$SHUNT" log -n "$l" "two
lines"
	went "$format: a newline in a text"
	printf 'nul \0 esc \033[31m cr \r bell \a del \177 c1 \302\205 bad \377 utf gr\303\274n\n' >"$T/in"
	run_from "$T/in" "$SHUNT" log -n "$l" --flush
	went "$format: odd bytes"
	run "$SHUNT" log -n "$l" --flush ''
	is "$format: a line for a message" "$(wc -l <"$T/$format")" 3
	is "$format: nothing below a blank" \
	    "$(tr -d '\n' <"$T/$format" | tr -d '\040-\176\200-\377' | wc -c)" 0
	check "$format: it is UTF-8" iconv -f UTF-8 -t UTF-8 "$T/$format" >"$T/out"
	check "$format: UTF-8 stays" holds "$T/$format" 'grün'
	check "$format: the newline is told" holds "$T/$format" 'two\nlines'
	run "$SHUNT" logd --stop -n "$l"
	ended "$PID"
done
check 'classic: NUL' holds "$T/classic" 'nul \x00 esc \x1b[31m cr \r bell \x07'
check 'classic: no UTF-8' holds "$T/classic" 'bad \xff utf'
if command -v python3 >/dev/null; then
	check 'json: it is JSON' python3 -c '
import json, sys
for line in open(sys.argv[1], "rb"):
	json.loads(line)' "$T/json"
fi

# Too long: refused, not cut; what stands around it is logged.
"$SHUNT" create "$l" 64K --kind=log
serve "$l" "$T/long"
head -c 64K /dev/zero | tr '\0' x >"$T/big"
run "$SHUNT" log -n "$l" "$(cat "$T/big")"
refused 'too long a text' 1 "$l" 65536 'not logged'
{ echo before; cat "$T/big"; echo; echo after; } >"$T/in"
run_from "$T/in" "$SHUNT" log -n "$l" --flush
refused 'too long a line' 1 "$l" 'line 2'
is 'the lines around it' "$(sed 's/.* //' "$T/long" | tr '\n' ' ')" 'before after '
max=$(printf %s "$ERR" | sed -n 's/.*takes \([0-9]*\) bytes.*/\1/p')
head -c "$max" "$T/big" >"$T/in"
run_from "$T/in" "$SHUNT" log -n "$l" --flush
went 'a message of the limit'
check 'it is whole' [ "$(tail -n 1 "$T/long" | wc -c)" -gt "$max" ]
run "$SHUNT" logd --stop -n "$l"
run "$SHUNT" rm "$l"
went 'rm'
