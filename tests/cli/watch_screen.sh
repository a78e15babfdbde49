#!/bin/sh
# SPDX-License-Identifier: MIT
# watch on a screen, in tmux as a person sees it: sizes, keys, what lights up,
# what happens to the segment, and the terminal afterwards.
. "$(dirname "$0")/lib.sh"
# Before the terminal's server starts, which hands it on.
s="$N-s"
export s
. "$(dirname "$0")/lib_screen.sh"

# sees WHAT PATTERN: sooner or later.
sees() {
	until_ok 5 shows "$2"
	has "$1" "$OUT" "$2"
}

# line N: of the screen.
line() {
	printf '%s\n' "$OUT" | sed -n "$1p"
}

put() {
	printf "$2" | "$SHUNT" write "$s" --at="$1"
}

# is_over WHAT CODE: the command has ended and left the terminal as it was.
is_over() {
	until_ok 5 shows over
	has "$1: exit" "$OUT" "exit $2
echo is on
over"
	is "$1: the terminal's own screen" "$(t display -p '#{alternate_on}')" 0
	is "$1: the cursor is there" "$(t display -p '#{cursor_flag}')" 1
}

# ---- 80x24

"$SHUNT" create "$s" 1M
put 0 '\001\000\000\000\002\000\000\000hello'
put 0x80000 'needle in the middle'
put 0xffffe 'ZZ'
on_screen 80 24 '"$SHUNT" watch "$s" --as "i32 count; i32 done; char buf[8]"'
sees 'it begins' 'bytes 0-*f of 100000'
is 'the title' "$(line 1)" " $s  raw  idle  1048576 bytes, 1M used  root  0600"
is 'who has it' "$(line 2)" ' attached nobody'
has 'the state' "$(line 3)" ' changed  never in these *'
is 'the fields' "$(line 4)" ' fields 1-3 of 3'
is 'a field' "$(line 5)" ' 00000000  count  1'
is 'a text' "$(line 7)" ' 00000008  buf    "hello"'
is 'bytes' "$(line 9)" ' 00000000  01 00 00 00 02 00 00 00  68 65 6c 6c 6f 00 00 00  ........hello...'
is 'keys' "$(line 24)" ' q quit  ? keys  arrows  g offset  / search  n next change  space pause'
hot="$esc[[]30m$esc[[]43m"
hasnt 'nothing is lit' "$INKS" "$hot"
put 4 '\011'
check 'what changes is lit' until_ok 5 lit "${hot}09"
has 'in its field too' "$INKS" "${hot}9"
sees 'and told' 's ago at 00000004, 1 change seen'
check 'and fades' until_ok 5 lit "$esc[[]30m$esc[[]46m09"

# ---- scrolling

key PgDn
sees 'a page on' 'bytes f0-1df'
key Down
sees 'a row on' 'bytes 100-1ef'
key Right
sees 'a byte on' 'bytes 101-1f0'
key Left PgUp Up
sees 'and back' 'bytes 0-ef'
key End
sees 'the end' '000ffff0  * 5a 5a  '
hasnt 'there is an end' "$OUT" 00100000
sees 'the last byte is told' 'bytes fff10-fffff of 100000'
key Home
sees 'the beginning' 'bytes 0-ef'
key g
sees 'g asks' ' offset: _'
key -l 0x80x
key BSpace
typed 00
sees 'and goes there' 'bytes 8000-80ef'
key g
typed zz
sees 'a mistake is told' 'that is no offset'
key g
typed 2M
sees 'and another' 'that is past the end'
key /
typed needle
sees 'a search' '00080000  6e 65 65 64 6c 65 '
check 'marks what it found' lit "$esc[[]7m6e$esc"
key /
typed 0x5a5a
sees 'for bytes' '000ffff0  '
key /
typed nowhere
sees 'in vain' 'there is nothing like it'
key Home
sees 'the beginning' 'bytes 0-ef'
put 0x40000 'x'
sees 'where it changed' 'ago at 00040000, 2 changes seen'
key n
sees 'n goes to a change' 'the byte at 00000004 changed'
key n
sees 'and to the next' 'the byte at 00040000 changed'
has 'which is shown' "$OUT" '
 00040000  78 00 '
key n
sees 'and around' 'the byte at 00000004 changed'
key '?'
sees 'the page of keys' 'Any key goes back'
key x
check 'and back' until_ok 5 unlike 'Any key'
key Space
sees 'a pause' ' PAUSED '
put 4 '\012'
key Home
sees 'has no looks' 'done   9'
key Space
sees 'and ends' 'done   10'

# ---- resized while it runs

t resize-window -x 132 -y 50
wide() {
	capture
	has_foot=$(line 50)
	[ -n "$has_foot" ] && [ -z "$(line 24 | grep quit)" ]
}
check 'larger' until_ok 5 wide
has 'more rows' "$OUT" 'bytes 0-28f of'
rows() {
	capture
	[ "$(printf '%s\n' "$OUT" | grep -c '^ 0000[0-9a-f]\{4\}  [0-9a-f][0-9a-f] ')" = "$1" ]
}
check 'all of them' until_ok 2 rows 41
has 'the foot moved' "$(line 50)" ' q quit '
# More fields than before push the bytes down: nothing is left out.
t resize-window -x 80 -y 10
sees 'a low one' 'bytes 0-f of'
t resize-window -x 170 -y 50
sees 'a wide one has 32 bytes a row' 'bytes 0-51f of'
t resize-window -x 50 -y 10
sees 'a small one has fewer' 'bytes 0-7 of'
t resize-window -x 12 -y 3
t resize-window -x 80 -y 24
sees 'and back' 'bytes 0-ef of'

# ---- what becomes of it

"$SHUNT" resize "$s" 4096
sees 'shrunk' ' resized: 1048576 -> 4096 bytes '
sees 'and shown so' 'of 1000'
"$SHUNT" rm "$s"
sees 'removed' ' removed * its last bytes are below; waiting for it'
has 'the bytes are' "$OUT" '68 65 6c 6c 6f'
"$SHUNT" create "$s" 32
sees 'there again' ' another one: 32 bytes '
sees 'it goes on' 'bytes 0-1f of 20'
start "$SHUNT" hold "$s" >/dev/null
sees 'who has it' " attached $PID (shunt)"
key q
is_over 'q' 0

# ---- small things

head -c 1 /dev/zero >"$SHM-one"
on_screen 80 24 '"$SHUNT" watch "$N-one"'
sees 'one byte' 'bytes 0-0 of 1
 00000000  00 '
: >"$SHM-none"
key q
is_over 'one byte' 0
evil="$N-ä${esc}[31mred $esc]0;title"
head -c 64 /dev/zero >"/dev/shm$evil"
"$SHUNT" hold "$evil" >/dev/null &
mine $!
printf %s "$evil" >"$T/evil"
on_screen 80 24 '"$SHUNT" watch "$(cat "$T/evil")"'
sees 'a name with escapes and UTF-8' ' *-ä\\x1b[[]31mred \\x1b]0;title'
lacks_red() {
	capture
	case $INKS in *"$esc[31m"*) return 1 ;; esac
}
check 'is harmless' lacks_red
hasnt 'and sets no title' "$(t display -p '#{pane_title}')" title
key q
is_over 'a strange name' 0
on_screen 80 24 'NO_COLOR=1 "$SHUNT" watch "$s"'
sees 'NO_COLOR' 'bytes 0-1f'
put 0 '\001'
check 'NO_COLOR: lit by reverse video' until_ok 5 lit "${esc}[[]*7m01"
hasnt 'NO_COLOR: no colour' "$INKS" "$esc[[]43m"
key q
is_over 'NO_COLOR' 0
on_screen 80 24 'TERM=dumb "$SHUNT" watch "$s" -i 0.01'
sees 'no screen to be had' 'lines in place of a screen: this terminal'
stirred() {
	put 0 "\\$((100 + _tries % 50))"
	shows '00000000 * -> '
}
check 'lines are' until_ok 5 stirred
key C-c
sees 'and end' 'exit'

# ---- the terminal after signals

# The program in the pane, a child of its shell.
watcher() {
	_pane=$(t display -p '#{pane_pid}')
	_child=$(cat "/proc/$_pane/task/$_pane/children" 2>/dev/null)
	echo "${_child%% *}"
}
sigs='INT TERM SEGV QUIT'
# A sanitizer has its own say about a fault.
[ "${SAN-plain}" = plain ] || sigs='INT TERM QUIT'
for sig in $sigs; do
	on_screen 80 24 'ulimit -c 0; "$SHUNT" watch "$s"'
	sees "$sig: it runs" 'bytes 0-1f'
	kill -$sig "$(watcher)"
	case $sig in
	SEGV) is_over $sig 139 ;;
	QUIT) is_over $sig 131 ;;
	*) is_over $sig 0 ;;
	esac
done
on_screen 80 24 '"$SHUNT" watch "$s"'
sees 'a terminal that goes' 'bytes 0-1f'
left=$(watcher)
t kill-session
check 'ends it' until_ok 5 gone "$left"
t kill-server
