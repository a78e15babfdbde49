#!/bin/sh
# SPDX-License-Identifier: MIT
# What the command teaches, and how it answers a wrong command line.
. "$(dirname "$0")/lib.sh"

# Every file of a subcommand says its name.
all=$(sed -n 's/^    \.name = "\([a-z]*\)",$/\1/p' "$TOP"/cli/*.c)

run "$SHUNT" --help
went 'help'
for c in $all; do
	has "help lists $c" "$OUT" "  $c "
done
has 'help has examples' "$OUT" 'shunt recv /jobs -n 2'
run "$SHUNT" --version
went 'version'
has 'version' "$OUT" 'shunt 0.'
run "$SHUNT"
is 'no command: exit' "$RC" 2
has 'no command: help on standard error' "$ERR" 'Usage: shunt COMMAND'

for c in $all; do
	run "$SHUNT" "$c" --help
	went "$c --help"
	has "$c: synopsis" "$OUT" "Usage: shunt $c "
	has "$c: examples" "$OUT" 'Examples:'
	has "$c: exit codes" "$OUT" 'Exit: 0 done, 1 failed, 2 wrong usage, 3'
	is "$c: at most 80 columns" "$(grep -c '.\{81,\}' "$T/out")" 0
	cp "$T/out" "$T/help"
	run "$SHUNT" help "$c"
	check "help $c is the same" cmp -s "$T/out" "$T/help"
	run "$SHUNT" "$c" --nonsense
	refused "$c: unknown option" 2 '--nonsense' "shunt $c --help"
	# Every long option that the help names is one.
	for o in $(grep -o -- '--[a-z][a-z-]*' "$T/help" | sort -u); do
		case $c$o in
		*--help | rm--force | recv--force | recv--finish | pub--kind) continue ;;
		create--kind | send--kind) ;;
		esac
		run "$SHUNT" "$c" "$o="
		hasnt "$c knows $o" "$ERR" "there is no option $o"
	done
done

check 'there are subcommands' [ "$(echo "$all" | wc -l)" -ge 18 ]

run "$SHUNT" lss
refused 'a near miss' 2 'did you mean `shunt ls`'
run "$SHUNT" recieve
refused 'another near miss' 2 '"recieve"' 'shunt'
run "$SHUNT" list
refused "another tool's word" 2 'did you mean `shunt ls`'
run "$SHUNT" frobnicate
refused 'nothing near' 2 'try `shunt --help`'
esc=$(printf '\033')
run "$SHUNT" "x${esc}[31m"
refused 'an escape sequence' 2 '\x1b[[]31m'
hasnt 'an escape sequence is escaped' "$ERR" "$esc"

run "$SHUNT" create
refused 'operands missing' 2 'NAME and SIZE'
run "$SHUNT" create "$N-a" 1 2
refused 'an operand too many' 2 '"2"'
for size in '' x 12Q 1KB -1 0x ' 1' 99999999999999999999 99999999T; do
	run "$SHUNT" create "$N-a" -- "$size"
	refused "size \"$size\"" 2 'SIZE'
done
for mode in 9 08 x 1777 -1 ''; do
	run "$SHUNT" create "$N-a" 1 --mode="$mode"
	refused "mode \"$mode\"" 2 'octal'
done
for s in x -1 '' nan inf 1s; do
	run "$SHUNT" recv "$N-a" --timeout="$s"
	refused "seconds \"$s\"" 2 'seconds'
done
run "$SHUNT" create "$N-a" 4K --kind=pipe
refused 'unknown kind' 2 'raw queue log'
run "$SHUNT" create "$N-a" 4K --kind=queue --truncate
refused 'truncate of an object' 2 '--truncate'
run "$SHUNT" create --mode
refused 'value missing' 2 '--mode wants a value'
run "$SHUNT" create --excl=1 "$N-a" 1
refused 'value too many' 2 '--excl=1 takes no value'
run "$SHUNT" write "$N-a" two words
refused 'two texts' 2 '"words"' 'quote'
run "$SHUNT" log -p loud hello
refused 'unknown level' 2 'warning' '"loud"'
run "$SHUNT" log -t 123456789012345678901234567890123 hello
refused 'tag too long' 2 '32 bytes'
run "$SHUNT" logd -n "$N-a"
refused 'no file' 2 '-o FILE'
run "$SHUNT" logd -n "$N-a" --status --stop
refused 'two things at once' 2 'one of'
run "$SHUNT" logd -n "$N-a" -o x --sync=often
refused 'unknown sync' 2 'batch'
run "$SHUNT" logd -n "$N-a" -o x --ready-fd=77
refused 'closed ready descriptor' 2 '--ready-fd=77'
check 'nothing was made' [ "$(ls /dev/shm | grep -c "^${N#/}")" = 0 ]

# What is printed must arrive.
for c in --help --version doctor 'doctor --json'; do
	"$SHUNT" $c >/dev/full 2>"$T/err"
	RC=$? OUT='' LAST="$c >/dev/full" ERR=$(cat "$T/err")
	is "$c to a full disk" "$RC" 1
	has "$c to a full disk" "$ERR" 'No space'
	"$SHUNT" $c >&- 2>"$T/err"
	RC=$? OUT='' LAST="$c >&-" ERR=$(cat "$T/err")
	is "$c to closed output" "$RC" 1
done
