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
for c in $(_shunt_commands); do
	completes shunt "$c" --h
	completes shunt "$c" --
	case $c in
	rm | tail | chmod | chown) ;;
	*) has "$c: options" "$OUT" ' --' ;;
	esac
done
completes shunt logd --st
is 'options' "$OUT" ' --status --stop '
completes shunt recv --n
is 'an option with a letter' "$OUT" ' --null '
completes shunt logd --format = i
is 'a choice' "$OUT" ' iso '
completes shunt recv -f len
is 'a framing' "$OUT" ' length length8 '
completes shunt ls --place = mem
is 'a place' "$OUT" ' memfd '
completes shunt ls --kind = sems
is 'a kind of the list' "$OUT" ' semset '
completes shunt ls --state = or
is 'a state' "$OUT" ' orphan '
completes shunt ls -s us
is 'an order' "$OUT" ' used users '
completes shunt log -p w
is 'a level' "$OUT" ' warning '
"$SHUNT" create "$N-raw" 4K
"$SHUNT" create "$N-queue" 4K --kind=queue
"$SHUNT" create "$N-log" 4K --kind=log
"$SHUNT" create "$N-topic" 4K --kind=topic
completes shunt clean --name = "$N-r"
is 'a name to clean' "$OUT" " $N-raw "
completes shunt sub "$N"
is 'a topic' "$OUT" " $N-topic "
completes shunt pub --policy = bl
is 'a policy' "$OUT" ' block '
completes shunt send "$N"
is 'a queue' "$OUT" " $N-queue "
completes shunt tail -n "$N"
is 'a log' "$OUT" " $N-log "
completes shunt stat "$N"
is 'any name' "$OUT" " $N-log $N-queue $N-raw $N-topic "
completes shunt why "$N"
is 'any name, for why' "$OUT" " $N-log $N-queue $N-raw $N-topic "
completes shunt doctor --peer = $$
has 'a process' "$OUT" " $$ "
for c in write hold resize; do
	completes shunt $c "$N"
	is "a raw one: $c" "$OUT" " $N-raw "
done

# As bash parts words: line 'shunt stat sysv:id='.
line() {
	COMP_LINE=$1 COMP_POINT=${#1}
	set -- ${1//:/ : }
	set -- ${*//=/ = }
	completes "$@"
	unset COMP_LINE COMP_POINT
}
"$SHUNT" create "${K}01" 4K
"$SHUNT" create "${K}02" 4K
id=$("$SHUNT" create sysv:private 4K)
line "shunt stat ${K}"
is 'keys, behind the colon' "$OUT" " ${K#sysv:}01 ${K#sysv:}02 "
line "shunt rm ${K}02"
is 'one key' "$OUT" " ${K#sysv:}02 "
line "shunt pin sysv:id=${id##*=}"
has 'an identifier, behind the equals sign' "$OUT" " ${id##*=} "
line 'shunt hold sys'
has 'the whole name' "$OUT" " ${K}01 "
"$SHUNT" rm "${K}01" "${K}02" "$id"

# Locks, semaphores, events; and behind -- any program.
"$SHUNT" lock "$N-lock" --persistent -- true
"$SHUNT" sem create "$N-sem"
"$SHUNT" event notify "$N-event"
completes shunt lock "$N"
is 'a lock' "$OUT" " $N-lock "
completes shunt sem p
is 'what to do with a semaphore' "$OUT" ' post '
completes shunt sem wait "$N"
is 'a semaphore' "$OUT" " $N-sem "
completes shunt event ''
is 'what to do with an event' "$OUT" ' wait notify show '
completes shunt event wait "$N"
is 'an event' "$OUT" " $N-event "
head -c 32 /dev/zero >"/dev/shm/sem.${N#/}-p"
line "shunt sem show sem:$N"
is "one of libc's, behind the colon" "$OUT" " $N-p "
rm "/dev/shm/sem.${N#/}-p"
completes shunt lock "$N-lock" -- tru
has 'a program behind --' "$OUT" ' true '
hasnt 'no name behind --' "$OUT" "$N"
completes shunt recv "$N-queue" -- tru
has 'a program for each message' "$OUT" ' true '
completes shunt sem wait "$N-sem" -- cat "$TOP/Make"
is 'a file for it' "$OUT" " $TOP/Makefile "
"$SHUNT" rm "$N-lock" "$N-sem" "$N-event"
"$SHUNT" rm "$N-raw" "$N-queue" "$N-log" "$N-topic"
:
