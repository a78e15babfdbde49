#!/bin/sh
# SPDX-License-Identifier: MIT
# The README of the textbook programs names every program, and its commands run
# as they stand in it; each plain file compiles alone, with a bare cc.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2086

SRC=$TOP/examples/textbook

# The commands of the table: ./PROGRAM [ARGUMENT], one or two a row.
grep '^|.*`\./' "$SRC/README.md" | awk -F'|' '{
	n = 0
	for (i = 3; i <= 4; i++)
		if ($i ~ /`\.\//) {
			gsub(/^ *`|` *$/, "", $i)
			printf "%s%s", n++ ? "|" : "", $i
		}
	print "" }' >"$T/rows"

for source in "$SRC"/[1-6]_*.c; do
	program=$(basename "$source" .c)
	check "the README names $program" grep -qE "\./$program( |\||\$)" \
	    "$T/rows"
done
check 'and no other' [ "$(tr '|' '\n' <"$T/rows" | wc -l)" = \
    "$(ls "$SRC"/[1-6]_*.c | wc -l)" ]

# A row with a log server: one message goes through.
logs() {
	start $1
	server=$PID
	echo hello | timeout 10 $2 >"$T/other"
	is "$2" $? 0
	until_ok 10 holds all.log ' hello' || fail "$2 does not log"
	kill -INT "$server"
	ended "$server"
	is "$1" "$RC" 0
	rm -f all.log
}

# Any other row.
talk() {
	start $1 >"$T/one"
	first=$PID
	if [ -n "$2" ]; then
		timeout 10 $2 >"$T/other"
		is "$2" $? 0
		wanted "${2#./}" >"$T/wanted"
		check "what $2 prints" cmp -s "$T/wanted" "$T/other"
	fi
	ended "$first"
	is "$1" "$RC" 0
	wanted "${1#./}" >"$T/wanted"
	check "what $1 prints" cmp -s "$T/wanted" "$T/one"
}

mkdir "$T/here" && cd "$T/here" && ln -s "$BIN"/* . || exit 1
ROUNDS=10
while IFS='|' read -r one other; do
	case $one in
	./4_*) logs "$one" "$other" ;;
	*) talk "$one" "$other" ;;
	esac
	clean "$one"
done <"$T/rows"

for source in "$SRC"/[1-6]_*_plain.c; do
	run cc -Werror -o "$T/program" "$source"
	went "cc $(basename "$source")"
done

# Each plain file says what tutorials get wrong, before its first line of code.
for source in "$SRC"/[1-6]_*_plain.c; do
	check "$(basename "$source") says what tutorials get wrong" sh -c \
	    'sed "/^#include/,\$d" "$1" | grep -q "What tutorials get wrong"' \
	    sh "$source"
done
