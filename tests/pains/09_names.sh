#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 9: what a name may be: the leading slash, an inner one, 255 bytes.
# Remedy: one grammar everywhere; what is refused is told with the right form.
. "$(dirname "$0")/../cli/lib.sh"
bare=${N#/}

"$SHUNT" create "$N-a" 4K
"$SHUNT" write "$N-a" 'the same'
for name in "$N-a" "$bare-a" "posix:$N-a"; do
	run "$SHUNT" read "$name" -n 8
	is "$name" "$OUT" 'the same'
done
run "$SHUNT" create "/app/$bare" 4K
refused 'an inner slash' 1 "/app/$bare" slash
for name in '' / . .. /. /..; do
	run "$SHUNT" create -- "$name" 4K
	check "\"$name\" is refused" [ "$RC" -ne 0 ]
	is "\"$name\": one sentence" "$(wc -l <"$T/err" | tr -d ' ')" 1
done

longest=$N-$(printf "%0$((255 - ${#N}))d" 0)
run "$SHUNT" create "$longest" 4K
is '255 bytes behind the slash are a name' "${#longest} $RC" '256 0'
run "$SHUNT" create "${longest}y" 4K
check '256 are not' [ "$RC" -ne 0 ]
has '256 are not' "$ERR" 255

# UTF-8 and blanks are names; what would steer a terminal is shown escaped.
for end in 'Schlüssel' '数据' 'two words'; do
	run "$SHUNT" create "$N-$end" 4K
	went "$end"
	run "$SHUNT" ls "$N-$end" --json
	is "$end comes back" "$(jq -r '.[].name' "$T/out")" "$N-$end"
done
run "$SHUNT" create "$N-$(printf '\033[31m')" 4K
run "$SHUNT" ls "$N-*"
hasnt 'an escape sequence' "$OUT" "$(printf '\033')"
