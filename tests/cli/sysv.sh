#!/bin/sh
# SPDX-License-Identifier: MIT
# System V segments: what shunt makes, ipcs, ipcrm and perl see, and the other
# way round.
. "$(dirname "$0")/lib.sh"
own_ipc

# field KEY COLUMN: of /proc/sysvipc/shm, the kernel's own word; KEY as 0x12.
field() {
	awk -v key="$(($1))" -v column="$2" '
	    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
	    NR > 1 && $1 == key { print $at[column] }' /proc/sysvipc/shm
}
key=${K#sysv:}

run "$SHUNT" create "${K}01" 5000
went 'create'
is 'what it takes is said' "$OUT" \
    "${K}01: 5000 bytes asked for; it takes 8192, whole pages"
is 'size' "$(field "${key}01" size)" 5000
is 'mode' "$(field "${key}01" perms)" 600
is 'not attached' "$(field "${key}01" nattch)" 0
id=$(field "${key}01" shmid)
run "$SHUNT" create "${K}02" 8192 --mode=0642
went 'create of whole pages'
is 'nothing to say' "$OUT" ''
is 'its mode' "$(field "${key}02" perms)" 642
run ipcs -m
has 'ipcs lists it' "$OUT" "$(printf '0x%08x %d' "$((${key}01))" "$id") "

# perl knows nothing of shunt.
run "$SHUNT" write "${K}01" 'from shunt'
went 'write'
is 'perl reads it' "$(perl -e '
    $id = shmget('"${key}01"', 0, 0) // die $!;
    shmread($id, $b, 0, 10) or die $!; print $b')" 'from shunt'
perl -e '$id = shmget('"${key}01"', 0, 0) // die $!;
    shmwrite($id, "from perl", 4096, 9) or die $!' || fail 'perl does not write'
run "$SHUNT" read "${K}01" --at=4K -n 9
is 'what perl wrote' "$OUT" 'from perl'
run "$SHUNT" read "sysv:id=$id" --at=4K -n 9
is 'by its identifier' "$OUT" 'from perl'
run "$SHUNT" read "${K}01"
is 'as many bytes as asked for' "$(wc -c <"$T/out" | tr -d ' ')" 5000
run "$SHUNT" dump "${K}01" -n 16
went 'dump'
has 'dump' "$OUT" '00000000  66 72 6f 6d 20 73 68 75 '
run "$SHUNT" dump "${K}01" --at=4999
is 'dump ends where asked' "$(tail -n 1 "$T/out")" 00001388
"$SHUNT" read "${K}01" >"$T/before"
run "$SHUNT" write "${K}01" --at=4999 ab
refused 'past the end, though not past the page' 1 "${K}01"
head -c 6000 /dev/zero >"$T/zeros"
run_from "$T/zeros" "$SHUNT" write "${K}01"
refused 'input past the end' 1 "${K}01" 5000 'nothing was written'
"$SHUNT" read "${K}01" >"$T/after"
check 'nothing was written' cmp -s "$T/before" "$T/after"
run "$SHUNT" read "${K}01" --at=5001
refused 'read past the end' 1 "${K}01" 5000

# ipcmk makes, shunt removes; shunt makes, ipcrm removes.
foreign=$(ipcmk -M 12345 -p 0640 | tr -dc '0-9')
run "$SHUNT" ls --sysv --json
went 'ls of what ipcmk made'
has 'ls of what ipcmk made' "$(compact)" '"size":12345,'
run "$SHUNT" stat "sysv:id=$foreign"
row 'what ipcmk made' attach never
row 'what ipcmk made' detach never
row 'what ipcmk made' changed 20
row 'what ipcmk made' 'last user' none
run "$SHUNT" stat "sysv:id=$foreign" --json
has 'what ipcmk made' "$(compact)" '"attach_time":0,"detach_time":0,"change_time":1*,'
run "$SHUNT" write "sysv:id=$foreign" hello
went 'write into what ipcmk made'
run "$SHUNT" stat "sysv:id=$foreign"
row 'what ipcmk made' size '12345 bytes asked for, 16384 taken'
row 'what ipcmk made' mode 0640
run "$SHUNT" rm "sysv:id=$foreign"
went 'rm of what ipcmk made'
hasnt 'it is gone' "$(ipcs -m)" " $foreign "
ipcrm -M "${key}02" || fail 'ipcrm does not remove ours'
run "$SHUNT" stat "${K}02"
refused 'ipcrm removed it' 1 "${K}02" 'no such segment'

# One without a key: its name alone on standard output.
run "$SHUNT" create sysv:private 8192
went 'private'
name=$OUT
has 'private: a name' "$name" 'sysv:id=[0-9]*'
is 'private: one line' "$(wc -l <"$T/out" | tr -d ' ')" 1
run "$SHUNT" write "$name" secret
went 'it is found by that name'
run "$SHUNT" create sysv:private 100
is 'another one: exit' "$RC" 0
hasnt 'another one' "$OUT" "$name
"
has 'its size is said beside' "$ERR" "$OUT: 100 bytes asked for; it takes 4096"
run "$SHUNT" rm "$OUT" "$name"
went 'rm of both'
run "$SHUNT" create sysv:private 100 --json
went 'private as JSON'
has 'private as JSON' "$(compact)" \
    '{"name":"sysv:id=[0-9]*","kind":"raw","made":true,"size":100,"rounded":4096,"id":[0-9]*,"key":"0x00000000","mode":"0600"}'
"$SHUNT" rm "$(sed -n 's/.*"name": "\(.*\)",/\1/p' "$T/out")"

# The key of a path, as ftok(3) makes it.
: >"$T/path"
# shellcheck disable=SC2046
set -- $(stat -c '%d %i' "$T/path")
ftok=$(printf '0x%02x%02x%04x' 65 $(($1 & 255)) $(($2 & 65535)))
run "$SHUNT" create "sysv:ftok=$T/path,65" 4096
went 'ftok'
is 'the key of ftok' "$(field "$ftok" size)" 4096
run "$SHUNT" write "sysv:$ftok" 'same one'
run "$SHUNT" read "sysv:ftok=$T/path,65" -n 8
is 'by path and by key' "$OUT" 'same one'
run "$SHUNT" rm "sysv:ftok=$T/path,65"
went 'rm by path'
run "$SHUNT" create "sysv:ftok=$T/no-such-path,65" 4096
refused 'ftok of nothing' 1 "$T/no-such-path"

# It exists.
run "$SHUNT" create "${K}01" 5000 --json
went 'create again'
has 'it was there' "$(compact)" '"made":false,"size":5000,"rounded":8192,'
run "$SHUNT" read "${K}01" -n 10
is 'left untouched' "$OUT" 'from shunt'
run "$SHUNT" create "${K}01" 6000
refused 'another size' 1 "${K}01" 5000
run "$SHUNT" create "${K}01" 100
refused 'a smaller size' 1 "${K}01" 5000
run "$SHUNT" create "${K}01" 5000 --excl
refused 'exclusive' 1 "${K}01" exists
run "$SHUNT" create "${K}01" 5000 --truncate
refused 'truncate' 1 "${K}01"
run "$SHUNT" create "${K}07" 5000 --umask
refused 'umask' 1 "${K}07"
for c in 'queue 64K' 'log 64K' lock semaphore event; do
	# shellcheck disable=SC2086
	run "$SHUNT" create --kind=${c% *} "${K}07" ${c#"${c% *}"}
	refused "create of a ${c% *}" 1 "${K}07" /name
done
is 'nothing was made' "$(field "${key}07" shmid)" ''

# What is in it, told whole.
run "$SHUNT" create "${K}03" 5000 --mode=0640 --group=daemon
is 'create with a group' "$RC" 0
run "$SHUNT" stat "${K}03"
went 'stat'
is 'stat: headline' "$(head -n 1 "$T/out")" "${K}03: raw, idle"
row stat state 'nobody has it'
row stat key "$(printf 0x%08x "$((${key}03))")"
row stat id "$(field "${key}03" shmid)"
row stat size '5000 bytes asked for, 8192 taken (whole pages)'
row stat used ' of memory ('
row stat owner "$(id -un) ($(id -u)), group daemon ($(id -g daemon))"
row stat creator "$(id -un) ($(id -u)), group $(id -gn) ($(id -g))"
row stat mode 0640
row stat 'made by' "process $(field "${key}03" cpid), which has ended"
row stat attached '0 times'
row stat 'last user' "process $(field "${key}03" lpid), which has ended"
row stat attach "$(date -d "@$(field "${key}03" atime)" '+%F %T'), "
row stat detach "$(date -d "@$(field "${key}03" dtime)" '+%F %T'), "
row stat changed "$(date -d "@$(field "${key}03" ctime)" '+%F %T'), "
row stat removed no
row stat locked no
row stat 'used by' nobody
run "$SHUNT" stat "${K}03" --json
went 'stat --json'
for f in '"kind":"raw"' '"state":"idle"' '"size":5000' '"rounded":8192' \
    "\"id\":$(field "${key}03" shmid)" "\"creator_uid\":$(id -u)" \
    "\"key\":\"$(printf 0x%08x "$((${key}03))")\"" \
    "\"creator_pid\":$(field "${key}03" cpid)" '"attached":0' '"dest":false' \
    '"locked":false' "\"change_time\":$(field "${key}03" ctime)" \
    "\"attach_time\":$(field "${key}03" atime)" \
    "\"detach_time\":$(field "${key}03" dtime)" '"users":[[]]'; do
	has "stat --json: $f" "$(compact)" "$f"
done

# Removed while it is held.
start_to "$T/held" "$SHUNT" hold "${K}03"
holder=$PID
check 'it is held' until_ok 10 lines "$T/held" 1
run "$SHUNT" stat "${K}03"
has 'it is live' "$OUT" "${K}03: raw, live"
row 'attached once' attached '1 time'
row 'the kernel names the holder' 'last user' "process $holder (shunt)"
row 'who has it' 'used by' "$holder (shunt)"
hold_id=$(field "${key}03" shmid)
run "$SHUNT" rm "${K}03"
went 'rm while it is held'
has 'rm says who keeps it' "$OUT" \
    "${K}03: removed, but still attached 1 time, by $holder (shunt)"
run "$SHUNT" stat "${K}03"
refused 'its key is gone' 1 "${K}03" 'no such segment'
run "$SHUNT" ls --sysv "sysv:id=$hold_id"
row 'ls shows dest' "sysv:id=$hold_id" 'raw *4.8K *root *dest * 1 '
run "$SHUNT" stat "sysv:id=$hold_id"
row 'stat shows dest' removed 'yes: it goes with the last detach'
run "$SHUNT" ls --json "sysv:id=$hold_id"
has 'ls --json shows dest' "$(compact)" '"dest":true'
has 'ipcs shows dest' "$(ipcs -m)" " $hold_id * dest"
run "$SHUNT" create "${K}03" 4096
went 'its key is free for another one'
kill "$holder"
ended "$holder"
run "$SHUNT" stat "sysv:id=$hold_id"
refused 'gone with the last detach' 1 "sysv:id=$hold_id" 'no such segment'

# Kept in memory.
run "$SHUNT" pin "${K}01"
went 'pin'
has 'ipcs shows it' "$(ipcs -m)" " $id *locked"
run "$SHUNT" stat "${K}01"
row 'stat shows it' locked 'in memory'
run "$SHUNT" pin --off "${K}01"
went 'pin --off'
run "$SHUNT" stat "${K}01" --json
has 'stat --json shows it' "$(compact)" '"locked":false'
run "$SHUNT" pin "$N-posix"
refused 'pin of another kind' 1 "$N-posix" 'shunt hold --memlock'
run "$SHUNT" pin "${K}77" "${K}01"
refused 'pin of nothing' 1 "${K}77"
run "$SHUNT" stat "${K}01"
row 'pin goes on' locked 'in memory'

# Huge pages are a wish.
run "$SHUNT" create "${K}05" 4M --huge
is 'huge pages, or others' "$RC" 0
is 'its size' "$(field "${key}05" size)" 4194304
run "$SHUNT" hold "${K}05" --huge --timeout=0
is 'held so' "$RC" 0
"$SHUNT" rm "${K}05"

# Names that are none, and names of nothing.
esc=$(printf '\033')
run "$SHUNT" create "sysv:${esc}[31m" 4K
refused 'an escape sequence in a name' 1 '\x1b[[]31m'
hasnt 'an escape sequence in a name' "$ERR" "$esc"
: >"$T/${esc}[31m"
run "$SHUNT" create "sysv:ftok=$T/${esc}[31m,1" 5000
went 'an escape sequence in the path of a key'
has 'an escape sequence in the path of a key' "$OUT" '\\x1b[[]31m,1: 5000 bytes'
hasnt 'an escape sequence in the path of a key' "$OUT" "$esc"
run "$SHUNT" hold "sysv:ftok=$T/${esc}[31m,1" --timeout=0
hasnt 'hold escapes' "$OUT" "$esc"
run "$SHUNT" rm "sysv:ftok=$T/${esc}[31m,1"
went 'it is removed'
for name in sysv: sysv:x sysv:0x sysv:0x123456789 sysv:id= sysv:id=x \
    sysv:id=-1 "sysv:ftok=$T" "sysv:ftok=$T,xy" "sysv:ftok=$T," \
    "sysv:ftok=,1" "sysv:ftok=$T,256" sysv:0x0 sysv:0; do
	for c in 'create -- NAME 4K' 'read --' 'stat --' 'rm --' 'hold --'; do
		case $c in
		*NAME*) run "$SHUNT" create -- "$name" 4K ;;
		*) # shellcheck disable=SC2086
			run "$SHUNT" $c "$name" ;;
		esac
		refused "$c \"$name\"" 1 sysv:
	done
done
for c in read dump stat rm hold pin; do
	run "$SHUNT" "$c" "${K}77"
	refused "$c of nothing" 1 "${K}77" 'no such segment'
done
run "$SHUNT" write "${K}77" x
refused 'write to nothing' 1 "${K}77"
run "$SHUNT" stat sysv:private
refused 'stat of private' 1 sysv:private sysv:id=N
run "$SHUNT" resize "${K}01" 8K
refused 'resize' 1 "${K}01"
for c in 'send --' 'recv --timeout=0' 'log -n' 'tail -n'; do
	# shellcheck disable=SC2086
	run "$SHUNT" $c "${K}01" </dev/null
	refused "$c" 1 "${K}01" /name
done
run "$SHUNT" create "${K}08" 0
refused 'a size of 0' 1 "${K}08" 'at least 1'
run "$SHUNT" create "${K}08" 0xffffffffffffffff
refused 'more than there can be' 1 "${K}08"

# The limits of System V are no disk.
mni=$(cat /proc/sys/kernel/shmmni)
if echo "$(awk 'END { print NR - 1 }' /proc/sysvipc/shm)" \
    2>/dev/null >/proc/sys/kernel/shmmni; then
	run "$SHUNT" create "${K}09" 4K
	refused 'too many segments' 1 "${K}09" SHMMNI
	hasnt 'too many segments' "$ERR" /dev/shm
	echo "$mni" >/proc/sys/kernel/shmmni
	all=$(cat /proc/sys/kernel/shmall)
	echo 4 >/proc/sys/kernel/shmall
	run "$SHUNT" create "${K}09" 1M
	refused 'too many pages' 1 "${K}09" SHMALL
	echo "$all" >/proc/sys/kernel/shmall
	max=$(cat /proc/sys/kernel/shmmax)
	echo 65536 >/proc/sys/kernel/shmmax
	run "$SHUNT" create "${K}09" 1M
	refused 'too large a segment' 1 "${K}09" SHMMAX
	echo "$max" >/proc/sys/kernel/shmmax
fi

# Other users.
as() {
	user=$1
	shift
	setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
}
chmod 755 "$T"
if [ "$(id -u)" = 0 ] && as nobody "$SHUNT" --version >/dev/null 2>&1; then
	run as nobody "$SHUNT" read "${K}01"
	refused 'mode 0600 keeps nobody from reading' 1 "${K}01" 0600
	run as nobody "$SHUNT" write "${K}01" x
	refused 'and from writing' 1 "${K}01" 0600
	run as nobody "$SHUNT" hold "${K}01"
	refused 'and from attaching' 1 "${K}01" 0600
	for c in "rm ${K}01" "chmod ${K}01 0666" "chown ${K}01 nobody" \
	    "pin ${K}01"; do
		# shellcheck disable=SC2086
		run as nobody "$SHUNT" $c
		refused "nobody may not $c" 1 "${K}01"
	done
	is 'nothing has changed' "$(field "${key}01" perms)" 2600
	run "$SHUNT" pin --off "${K}01"
	"$SHUNT" chmod "${K}01" 0604
	run as nobody "$SHUNT" read "${K}01" -n 10
	is 'nobody may read now' "$OUT" 'from shunt'
	run as nobody "$SHUNT" hold "${K}01" --readonly --timeout=0
	went 'nobody may attach for reading'
	run as nobody "$SHUNT" hold "${K}01"
	refused 'not for writing' 1 "${K}01"
	"$SHUNT" chmod "${K}01" 0600
	run as nobody "$SHUNT" stat "${K}01"
	went 'to look is no right'
	row 'to look is no right' mode 0600
	"$SHUNT" chmod "${K}01" 0604
	run as nobody "$SHUNT" ls --sysv
	went 'nobody may look'
	has 'nobody may look' "$OUT" 'raw *4.8K'
	run "$SHUNT" read "${K}01" --owner=nobody
	refused 'another owner than meant' 1 "${K}01" 'belongs to user 0'
fi

# The list.
run "$SHUNT" ls --sysv
went 'ls --sysv'
hasnt 'only System V' "$OUT" /shunt
"$SHUNT" create "$N-p" 4K
run "$SHUNT" ls --posix --json
hasnt 'only POSIX' "$OUT" sysv:
run "$SHUNT" ls
has 'both, POSIX first' "$(tr '\n' ' ' <"$T/out")" "$N-p * sysv:0x"
run "$SHUNT" ls 'sysv:*' "$N-*"
is 'patterns' "$(wc -l <"$T/out" | tr -d ' ')" \
    $(($(awk 'END { print NR - 1 }' /proc/sysvipc/shm) + 2))

"$SHUNT" rm "${K}01" "${K}03"
is 'nothing is left' "$(awk 'END { print NR - 1 }' /proc/sysvipc/shm)" 0

# Removed under its user: stat says what ls says.
"$SHUNT" create "${K}50" 4K
id=$("$SHUNT" stat "${K}50" --json | tr -d ' \n' |
    sed -n 's/.*"id":\([0-9]*\).*/\1/p')
: >"$T/held"
start_to "$T/held" "$SHUNT" hold "${K}50"
until_ok 10 lines "$T/held" 1
"$SHUNT" rm "${K}50" >/dev/null
run "$SHUNT" stat "sysv:id=$id"
is 'dest on its first line' "$(head -n 1 "$T/out")" "sysv:id=$id: raw, dest"
kill -TERM "$PID"
ended "$PID"
