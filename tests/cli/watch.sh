#!/bin/sh
# SPDX-License-Identifier: MIT
# watch without a screen: present values, a line for each change, what becomes
# of the segment meanwhile.  The screen is in watch_screen.sh.
. "$(dirname "$0")/lib.sh"
s="$N-s"
as='i32 count; i32 done; char buf[16]; be_u16 port[2]'

# put OFF PRINTF-TEXT
put() {
	printf "$2" >"$T/bytes"
	"$SHUNT" write "$s" --at="$1" <"$T/bytes"
}

# ---- present values

"$SHUNT" create "$s" 64
put 0 '\001\000\000\000\002\000\000\000hello'
put 24 '\001\002\003\004'
run "$SHUNT" watch "$s" --once
went '--once'
run "$SHUNT" dump "$s"
cp "$T/out" "$T/dumped"
run "$SHUNT" watch "$s" --once
check '--once is what dump shows' cmp -s "$T/out" "$T/dumped"
run "$SHUNT" watch "$s" --once --at=8 -b 5
is '--at, --bytes' "$(sed 's/  *|/|/; 2d' "$T/out")" \
    '00000008  68 65 6c 6c 6f|hello|'
run "$SHUNT" watch "$s" --once --as "$as"
is '--as' "$OUT" 'count: 1
done: 2
buf: "hello"
port[0]: 258
port[1]: 772'
run "$SHUNT" watch "$s" --once --at=56 --as 'packed; hex a[7]; i32 b'
is 'a field past the end' "$OUT" 'a: 00 00 00 00 00 00 00
b: past the end'
run "$SHUNT" watch "$s" --once --json --as "$as"
has '--json' "$(compact)" '"name":"'"$s"'",*"size":64,*"users":[[][]],'
has '--json: the fields' "$(compact)" \
    '"fields":{"count":1,"done":2,"buf":"hello","port":[[]258,772[]]}}'

# ---- a line for each change

# watch_to FILE OPTION...: in the background, returns once it has looked: its
# first line is that the segment came to be there.
watch_to() {
	_seen=$1
	shift
	mv "$SHM-s" "$SHM-aside"
	start "$SHUNT" watch "$s" --wait -i 0.01 "$@" >"$_seen" 2>"$_seen.err"
	check 'it waits' until_ok 5 lines "$_seen.err" 1
	mv "$SHM-aside" "$SHM-s"
	check 'it has begun' until_ok 5 lines "$_seen" 1
}

# told WHAT FILE WANTED: the last line, without the time.
told() {
	is "$1" "$(tail -n 1 "$2" | sed 's/^[0-9:.]\{12\} //')" "$3"
}

watch_to "$T/a" -n 3
told 'it says so' "$T/a" 'there now: 64 bytes'
put 0 '\007'
check 'a change' until_ok 5 lines "$T/a" 2
told 'its line' "$T/a" '00000000 01 -> 07'
put 10 'LL'
check 'two bytes' until_ok 5 lines "$T/a" 3
told 'their line' "$T/a" '0000000a 6c 6c -> 4c 4c'
put 28 'a longer one, not shown whole'
ended "$PID"
is '-n ends it' "$RC" 0
told 'a long one is cut' "$T/a" '0000001c 00 00 00 00 00 00 00 00.. -> 61 20 6c 6f 6e 67 65 72.. (29 bytes)'
is 'what was said' "$(cat "$T/a.err")" \
    "shunt watch: $s: it is not there yet; waiting for it"
is 'the time' "$(sed -n '2s/^[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\.[0-9]\{3\} 0.*/time/p' "$T/a")" time

watch_to "$T/f" --as "$as" -n 4
put 0 '\377\377\377\377'
check 'a field' until_ok 5 lines "$T/f" 2
told 'its name and values' "$T/f" 'count: 7 -> -1'
put 26 '\377'
check 'an element' until_ok 5 lines "$T/f" 3
told 'with its index' "$T/f" 'port[1]: 772 -> 65284'
put 60 'xx'
put 16 'secret'
check 'behind the end of a text' until_ok 5 lines "$T/f" 4
told 'is no silent change' "$T/f" \
    'buf: "heLLo" -> "heLLo" (other bytes of it changed)'
put 8 'e\033[31m'
ended "$PID"
told 'texts are escaped' "$T/f" 'buf: "heLLo" -> "e\x1b[31m"'
is 'no line for bytes outside of the layout' "$(grep -c . "$T/f")" 5

watch_to "$T/j" --json --as "$as" -n 1
put 4 '\011'
ended "$PID"
is '--json' "$(tail -n 1 "$T/j" | jq -c '[.field, .old, .new, .offset,
    (.time_ns > 1700000000000000000)]')" '["done",2,9,4,true]'
watch_to "$T/j" --json -n 1
put 4 '\012\001'
ended "$PID"
is '--json without fields' "$(tail -n 1 "$T/j" | jq -c '[.offset, .old, .new]')" \
    '[4,"0900","0a01"]'

# ---- what becomes of it

watch_to "$T/e"
"$SHUNT" resize "$s" 96
check 'grown' until_ok 5 lines "$T/e" 2
told 'it says from what to what' "$T/e" 'resized: 64 -> 96 bytes'
put 95 'z'
check 'the new bytes are watched' until_ok 5 lines "$T/e" 3
told 'where they are' "$T/e" '0000005f 00 -> 7a'
"$SHUNT" resize "$s" 16
check 'shrunk' until_ok 5 lines "$T/e" 4
told 'it goes on' "$T/e" 'resized: 96 -> 16 bytes'
head -c 32 /dev/zero >"$SHM-t"
mv "$SHM-t" "$SHM-s"
check 'replaced' until_ok 5 lines "$T/e" 5
told 'another inode is another segment' "$T/e" 'another one: 32 bytes'
"$SHUNT" rm "$s"
check 'removed' until_ok 5 lines "$T/e" 6
told 'with --wait it waits' "$T/e" removed
"$SHUNT" create "$s" 64
check 'there again' until_ok 5 lines "$T/e" 7
told 'and goes on' "$T/e" 'another one: 64 bytes'
kill -INT "$PID"
ended "$PID"
is 'interrupted is the regular end' "$RC" 0
is 'no other lines' "$(grep -c . "$T/e")" 7

start "$SHUNT" watch "$s" -i 0.01 >"$T/r" 2>"$T/r.err"
stirred() {
	put 0 "\\$((100 + _tries % 50))"
	lines "$T/r" 1
}
check 'it watches' until_ok 5 stirred
"$SHUNT" rm "$s"
ended "$PID"
is 'removed: exit' "$RC" 1
is 'removed: a sentence' "$(cat "$T/r.err")" \
    "shunt watch: $s: it was removed while it was watched"

# ---- mistakes

run "$SHUNT" watch "$s"
refused 'no such segment' 1 "$s"
"$SHUNT" create "$s" 64
run "$SHUNT" watch "$s" --as 'i3 x'
refused 'no such type' 2 'no type "i3"' 'i8 u8'
run "$SHUNT" watch "$s" --as 'char *p'
refused 'a pointer' 2 'means nothing in another process'
run "$SHUNT" watch "$s" --as 'hex x[16M]'
refused 'no number' 2 'number of elements'
run "$SHUNT" watch "$s" --as 'hex x[99999999]'
refused 'too much' 2 '16 MiB'
run "$SHUNT" watch "$s" --at=65
refused 'past the end' 1 'past its end at 64'
run "$SHUNT" watch "$s" --timeout=0.05
is '--timeout' "$RC" 3
run "$SHUNT" watch "$s" --owner=nobody -n 1
refused 'of another owner' 1 nobody

# ---- it touches nothing

truncate -s 1M "$SHM-hole"
state() {
	stat -c '%b %x %y %z %s %i' "$SHM-hole"
}
# Older than it was ever read: the kernel would note that at once.
touch -a -d '2001-01-01' "$SHM-hole"
state >"$T/before"
run "$SHUNT" watch "$N-hole" --once
run "$SHUNT" watch "$N-hole" --timeout=0.05 -i 0.01
state >"$T/after"
check 'no page, no time is changed' cmp -s "$T/before" "$T/after"

# ---- other segments

"$SHUNT" create "${K}01" 32 >"$T/out" 2>&1
printf '\005' | "$SHUNT" write "${K}01"
run "$SHUNT" watch "${K}01" --once --as 'i32 n'
is 'System V' "$OUT" 'n: 5'
start "$SHUNT" watch "${K}01" -i 0.01 --as 'u8 n[32]' >"$T/v" 2>"$T/v.err"
stirred() {
	printf "\\$((100 + _tries % 50))" | "$SHUNT" write "${K}01" --at=3
	lines "$T/v" 1
}
check 'System V: changes' until_ok 5 stirred
has 'System V: which' "$(head -n 1 "$T/v")" ' n[[]3[]]: '
"$SHUNT" rm "${K}01"
ended "$PID"
is 'System V: removed' "$RC" 1
head -c 8 /dev/zero >"$T/file"
run "$SHUNT" watch "file:$T/file" --once --as 'u64 x'
is 'a file' "$OUT" 'x: 0'
"$SHUNT" create "$N-q" 4K --kind=queue
run "$SHUNT" watch "$N-q" --once --as 'char magic[8]'
went 'an object of ours'
evil="$N-$(printf '\033[31m')"
head -c 4 /dev/zero >"/dev/shm$evil"
start "$SHUNT" watch "$evil" -i 0.01 >"$T/x" 2>"$T/x.err"
stirred() {
	printf "\\$((100 + _tries % 50))" | "$SHUNT" write "$evil"
	lines "$T/x" 1
}
check 'a name with an escape' until_ok 5 stirred
"$SHUNT" rm "$evil"
ended "$PID"
hasnt 'is shown harmlessly' "$(cat "$T/x.err")" "$(printf '\033')"
has 'and said' "$(cat "$T/x.err")" '\\x1b[[]31m: it was removed'
