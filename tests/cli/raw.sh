#!/bin/sh
# SPDX-License-Identifier: MIT
# Raw segments: create, write, read, dump, ls, stat, rm, as they should go.
. "$(dirname "$0")/lib.sh"

run "$SHUNT" create "$N-a" 64K
went 'create'
is 'size' "$(stat -c %s "$SHM-a")" 65536
is 'mode' "$(stat -c %a "$SHM-a")" 600
is 'all reserved' "$(stat -c '%b' "$SHM-a")" 128
check 'zeroed' cmp -s -n 65536 "$SHM-a" /dev/zero

run "$SHUNT" write "$N-a" 'hello, other process'
went 'write'
run "$SHUNT" read "$N-a" -n 20
is 'read' "$OUT" 'hello, other process'
run "$SHUNT" create "$N-a" 64K
went 'create again'
run "$SHUNT" read "$N-a" -n 5
is 'left untouched' "$OUT" hello
run "$SHUNT" create "$N-a" 32K
refused 'another size' 1 "$N-a" 65536
run "$SHUNT" create "$N-a" 64K --excl
refused 'exclusive' 1 "$N-a" exists
run "$SHUNT" create "$N-a" 0x8000 --truncate
went 'truncate'
is 'new size' "$(stat -c %s "$SHM-a")" 32768
check 'zeroed again' cmp -s -n 32768 "$SHM-a" /dev/zero

head -c 30000 /dev/urandom >"$T/random"
run_from "$T/random" "$SHUNT" write "$N-a" --at=1K
went 'write standard input'
run "$SHUNT" read "$N-a" --at 1024 -n 30000
check 'bytes come back' cmp -s "$T/out" "$T/random"
run "$SHUNT" read "$N-a"
is 'read to the end' "$(wc -c <"$T/out")" 32768
cp "$SHM-a" "$T/before"
run_from "$T/random" "$SHUNT" write "$N-a" --at=4K
refused 'input past the end' 1 "$N-a" 28672 'nothing was written'
check 'nothing was written' cmp -s "$SHM-a" "$T/before"
run "$SHUNT" write "$N-a" --at=32766 abc
refused 'text past the end' 1 "$N-a"
run "$SHUNT" write "$N-a" --at=0xffffffffffffffff abc
refused 'text far past the end' 1 "$N-a"
check 'nothing was written' cmp -s "$SHM-a" "$T/before"
run "$SHUNT" write "$N-a" --at=32765 abc
went 'text up to the end'
run "$SHUNT" read "$N-a" --at=32K
went 'read at the end'
is 'reads nothing' "$(wc -c <"$T/out")" 0
run "$SHUNT" read "$N-a" --at=32769
refused 'read past the end' 1 "$N-a" 32768
yes | "$SHUNT" write "$N-a" 2>"$T/err"
RC=$? ERR=$(cat "$T/err") OUT='' LAST='yes | write'
refused 'endless input' 1 'does not fit'

run "$SHUNT" create "$N-d" 100
run "$SHUNT" write "$N-d" --at=16 'ABC|'
run "$SHUNT" dump "$N-d"
went 'dump'
cat >"$T/want" <<'EOF'
00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
00000010  41 42 43 7c 00 00 00 00  00 00 00 00 00 00 00 00  |ABC|............|
00000020  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
*
00000060  00 00 00 00                                       |....|
00000064
EOF
check 'dump shows the bytes' cmp -s "$T/out" "$T/want"
run "$SHUNT" dump "$N-d" --at=0x11 -n 2
is 'dump of a part' "$(tail -n 1 "$T/out")" 00000013
has 'dump of a part' "$OUT" '00000011  42 43 '
run "$SHUNT" dump "$N-d" --all
is 'dump of everything' "$(wc -l <"$T/out")" 8

run "$SHUNT" create "$N-m" 1 --mode=0640 --group=daemon
went 'mode and group'
is 'mode and group' "$(stat -c '%a %G' "$SHM-m")" '640 daemon'
run "$SHUNT" create "$N-j" 5000 --json
went 'create --json'
is 'create --json' "$(compact)" \
    '{"name":"'"$N-j"'","kind":"raw","made":true,"size":5000,"rounded":8192,"mode":"0600"}'
run "$SHUNT" create "$N-j" 5000 --json
has 'it was there' "$(compact)" '"made":false'
(umask 027 && "$SHUNT" create "$N-u" 1 --mode=0666 --umask)
is 'with the umask' "$(stat -c %a "$SHM-u")" 640
(umask 027 && "$SHUNT" create "$N-e" 1 --mode=0666)
is 'without it' "$(stat -c %a "$SHM-e")" 666
run "$SHUNT" create "$N-h" 4M --huge
is 'huge pages, or others' "$RC" 0
is 'its size' "$(stat -c %s "$SHM-h")" 4194304
"$SHUNT" rm "$N-j" "$N-u" "$N-e" "$N-h"
run "$SHUNT" create "$N-g" 1 --group=no-such-group
refused 'unknown group' 1 'no-such-group'
check 'unknown group makes nothing' [ ! -e "$SHM-g" ]

run "$SHUNT" ls
went 'ls'
has 'ls: title' "$OUT" 'NAME *KIND *SIZE *USED *OWNER *STATE *USERS *AGE'
has 'ls: a row' "$OUT" "$N-m *raw * 1 *4K *root *idle *0"
run "$SHUNT" ls --wide
has 'ls --wide: a row' "$OUT" "$N-m *raw * 1 *4K *root *0640 *idle *0"
run "$SHUNT" ls --json "$N-a"
went 'ls --json'
has 'ls --json' "$(compact)" '\[{"name":"'"$N-a"'","kind":"raw","state":"idle","size":32768,"used":32768,"uid":'
run "$SHUNT" ls --kind=queue "${N#/}*"
went 'ls of nothing'
is 'ls of nothing' "$OUT" ''
run "$SHUNT" ls --json --kind=log "$N*"
is 'ls of nothing as JSON' "$(compact)" '[]'

exec 5<"$SHM-a"
run "$SHUNT" stat "$N-a"
went 'stat'
has 'stat' "$OUT" "$N-a: raw"
has 'stat' "$OUT" '32K (32768 bytes)'
run "$SHUNT" stat "$N-a" --json
has 'stat --json' "$(compact)" '{"name":"'"$N-a"'","kind":"raw",'
exec 5<&-

run "$SHUNT" rm "$N-a" "$N-none" "$N-m"
is 'rm: exit' "$RC" 1
has 'rm names what is missing' "$ERR" "$N-none"
check 'rm goes on' [ ! -e "$SHM-a" ] && check 'rm goes on' [ ! -e "$SHM-m" ]
run "$SHUNT" rm --json "$N-d"
went 'rm --json'
has 'rm --json' "$(compact)" '"removed":true'

run "$SHUNT" create "file:$T/f" 4K
went 'a mapped file'
run "$SHUNT" write "file:$T/f" text
run "$SHUNT" read "file:$T/f" -n 4
is 'a mapped file' "$OUT" text
run "$SHUNT" stat "file:$T/f"
went 'stat of a mapped file'
run "$SHUNT" rm "file:$T/f"
went 'rm of a mapped file'
check 'rm of a mapped file' [ ! -e "$T/f" ]
for form in "posix:$N-p" "${N#/}-p"; do
	run "$SHUNT" create "$form" 1
	went "create $form"
	check "create $form" [ -e "$SHM-p" ]
	run "$SHUNT" rm "$form"
	went "rm $form"
done
check 'nothing is left' [ "$(ls /dev/shm | grep -c "^${N#/}")" = 0 ]

# A descriptor that is not open; a name that is taken.
exec 7<&-
run "$SHUNT" read fd:7
refused 'no such descriptor' 1 'fd:7: descriptor 7 is not open'
"$SHUNT" create "$N-x" 4K
run "$SHUNT" create "$N-x" 4K --excl
refused 'create -x' 1 "$N-x" 'exists already; without --excl' 'shunt rm'
"$SHUNT" create "$N-xl" --kind=lock
run "$SHUNT" create "$N-xl" --kind=lock --excl
refused 'create -x of a lock' 1 "$N-xl" 'exists already; without --excl'
run "$SHUNT" --help
has 'names of every sort' "$OUT" 'fd:N'
has 'names of every sort' "$OUT" 'sysv:0x1234'
