#!/bin/sh
# SPDX-License-Identifier: MIT
# top on a screen, in tmux: sizes, orders, many rows, none, and the end.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_screen.sh"

run "$SHUNT" create "$N-a" 40960
run "$SHUNT" create "$N-b" 4096
on_screen 80 24 '"$SHUNT" top "$N-*" --interval=0.2'
check 'its title' until_ok 10 shows 'shunt top *2 segments'
check 'a row' until_ok 10 shows "$N-a *raw *idle *40K *40K *0"
check 'keys' shows 'q end'
hasnt '80 columns: no lag' "$OUT" LAG
key n
check 'by name' until_ok 10 shows 'by name'
key r
check 'reversed' until_ok 10 shows 'reversed'
key '?'
check 'help' until_ok 10 shows 'any key goes back'
key x
check 'and back' until_ok 10 unlike 'any key goes back'
key Space
check 'paused' until_ok 10 shows PAUSED
run "$SHUNT" create "$N-c" 4096
key Space
check 'it goes on' until_ok 10 shows '3 segments'
t resize-window -x 132 -y 40
check 'wider: more columns' until_ok 10 shows 'DEPTH *LAG *DROPS'
t resize-window -x 20 -y 4
check 'tiny' until_ok 10 shows 'shunt top'
t resize-window -x 80 -y 24
check 'as before' until_ok 10 shows "$N-c *raw"
key q
check 'it ends' until_ok 10 shows over
has 'exit' "$OUT" 'exit 0'
has 'the terminal is sane' "$OUT" 'echo is on'

# Many rows: the last ones are a key away.
i=0
while [ $i -lt 300 ]; do
	: >"/dev/shm/${N#/}-m$i"
	i=$((i + 1))
done
on_screen 80 24 '"$SHUNT" top "$N-m*" --sort=name --interval=0.2'
check 'many rows' until_ok 10 shows '300 segments'
key End
check 'the last row' until_ok 10 shows "$N-m99 *raw"
key Home
check 'the first row' until_ok 10 shows "$N-m0 *raw"
key q
check 'it ends' until_ok 10 shows over
rm -f "/dev/shm/${N#/}"-m*
for i in a b c; do
	run "$SHUNT" rm "$N-$i"
done
on_screen 80 24 'NO_COLOR=1 "$SHUNT" top "$N-*"'
check 'nothing at all' until_ok 10 shows 'no shared memory'
capture
hasnt 'NO_COLOR' "$INKS" "$esc\[3[0-7]m"
key q
check 'it ends' until_ok 10 shows over
