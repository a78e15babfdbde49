#!/bin/bash
# SPDX-License-Identifier: MIT
# Completion for bash: subcommands, options, names.
. "$(dirname "$0")/lib.sh"

PATH=$(dirname "$SHUNT"):$PATH
. "$TOP/completions/shunt.bash"

# completes WORD...: what would be offered for the last word.
completes() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	_shunt
	LAST="complete $*" OUT=" ${COMPREPLY[*]} " ERR='' RC=0
}

completes shunt cr
is 'a subcommand' "$OUT" ' create '
for c in create write read dump send recv logd log tail ls stat rm; do
	completes shunt "$c" --h
	completes shunt "$c" --
	[ "$c" = rm ] || [ "$c" = tail ] || has "$c: options" "$OUT" ' --'
done
completes shunt logd --st
is 'options' "$OUT" ' --status --stop '
completes shunt recv --n
is 'an option with a letter' "$OUT" ' --null '
completes shunt logd --format = i
is 'a choice' "$OUT" ' iso '
completes shunt log -p w
is 'a level' "$OUT" ' warning '
"$SHUNT" create "$N-raw" 4K
"$SHUNT" create "$N-queue" 4K --kind=queue
"$SHUNT" create "$N-log" 4K --kind=log
completes shunt send "$N"
is 'a queue' "$OUT" " $N-queue "
completes shunt tail -n "$N"
is 'a log' "$OUT" " $N-log "
completes shunt stat "$N"
is 'any name' "$OUT" " $N-log $N-queue $N-raw "
"$SHUNT" rm "$N-raw" "$N-queue" "$N-log"
:
