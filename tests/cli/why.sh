#!/bin/bash
# SPDX-License-Identifier: MIT
# shunt why: every kind of shared memory in every state, and that what it says
# is so.
. "$(dirname "$0")/lib.sh"
own_ipc
PATH=$(dirname "$SHUNT"):$PATH

# why NAME: OUT is its text with single blanks; JSON its other form; REMOVE the
# line to paste.
why() {
	run "$SHUNT" why "$1" --json
	went "why $1 --json"
	JSON=$(compact)
	run "$SHUNT" why "$1"
	went "why $1"
	is "why $1: at most 80 columns" \
	    "$(sed '1d; /^            /d' "$T/out" | grep -c '.\{81,\}')" 0
	REMOVE=$(sed -n 's/^            //p' "$T/out")
	OUT=$(tr -s ' \n' ' ' <"$T/out")
}

# verdict NAME STATE SAFE
verdict() {
	why "$1"
	has "$1: state" "$OUT" "$1: *, $2 made"
	has "$1: state for programs" "$JSON" "\"state\":\"$2\""
	has "$1: safe" "$JSON" "\"safe_to_remove\":\"$3\""
}

# held NAME: a process maps it; PID is the process.
held() {
	mkfifo "$T/held" 2>/dev/null
	start_to "$T/held" "$SHUNT" hold "$1"
	exec 8<"$T/held"
	read -r _ <&8
}

let_go() {
	exec 8<&-
	kill -9 "$PID"
	ended "$PID"
}

for name in "$N-no" "sem:$N-no" "${K}01" semset:0x7fff0001 msg:0x7fff0001 \
    "mq:$N-no" memfd:x@$$/999 unlinked:/x@4294967295 file:/nowhere/at/all; do
	run "$SHUNT" why "$name"
	refused "no $name" 1 "${name#unlinked:}"
done
for name in semset:zz msg: memfd:x unlinked:x "$N/a/b"; do
	run "$SHUNT" why "$name"
	refused "no name: $name" 1 'shunt why: '
done
run "$SHUNT" why
refused 'no NAME' 2 'NAME'

# A raw segment: nobody's, held by a mapping alone, by a descriptor alone.
"$SHUNT" create "$N-raw" 8K
stat -c '%s %b %X %Y %Z' "$SHM-raw" >"$T/before"
verdict "$N-raw" idle ask
has 'raw: owner' "$OUT" "belongs to $(id -un), group $(id -gn), mode 0600"
has 'raw: no creator' "$OUT" 'by which process, the kernel does not note'
has 'raw: how it is known' "$OUT" 'granted a lease'
has 'raw: lost' "$OUT" 'lost Its bytes, for good: 8K of memory'
has 'raw: no users' "$JSON" '"users":\[\]'
is 'raw: how' "$REMOVE" "shunt rm $N-raw"
stat -c '%s %b %X %Y %Z' "$SHM-raw" >"$T/after"
check 'raw: nothing is touched' cmp "$T/before" "$T/after"
held "$N-raw"
verdict "$N-raw" live no
has 'raw: mapped' "$OUT" "used $PID (shunt) has it open or mapped"
has 'raw: not now' "$OUT" 'Not now.'
has 'raw: users for programs' "$JSON" "\"pid\":$PID,\"command\":\"shunt\""
let_go
verdict "$N-raw" idle ask
start sleep 60 5<"$SHM-raw"
until_ok 5 holds "/proc/$PID/comm" sleep
verdict "$N-raw" live no
has 'raw: open' "$OUT" "used $PID (sleep) has it open or mapped"
kill -9 "$PID"
ended "$PID"
eval "$REMOVE"
check 'raw: the line to paste removes it' [ ! -e "$SHM-raw" ]

# A name that is known, and one that is hostile.
: >"/dev/shm/psm_shunt$$"
why "/psm_shunt$$"
rm "/dev/shm/psm_shunt$$"
has 'a habit is a hint' "$OUT" 'a hint, no proof'
esc=$(printf '\033')
evil="$N-a b'${esc}[31m"
: >"/dev/shm$evil"
run "$SHUNT" why "$evil"
went 'an evil name'
hasnt 'an evil name is escaped' "$OUT" "$esc"
REMOVE=$(sed -n 's/^            //p' "$T/out")
eval "$REMOVE"
check 'the line to paste is quoted' [ ! -e "/dev/shm$evil" ]
evil="$N-a b'c"
: >"/dev/shm$evil"
run "$SHUNT" why "$evil"
eval "$(sed -n 's/^            //p' "$T/out")"
check 'a blank and a quote are quoted' [ ! -e "/dev/shm$evil" ]

# An object: unread, with a dead sender; then an orphan by kill -9.
"$SHUNT" send "$N-q" one two
verdict "$N-q" idle ask
has 'queue: creator' "$OUT" ', by process [0-9]* (not there now'
has 'queue: unread' "$OUT" '32 bytes of records in it are unread'
has 'queue: the dead sender' "$OUT" '(shunt) ended and left 32 bytes'
has 'queue: lost' "$OUT" 'lost 32 bytes of records that nobody has read'
has 'queue: lock bytes' "$OUT" 'holds a lock byte'
"$SHUNT" recv "$N-q" -n 2 >"$T/got"
start "$SHUNT" recv "$N-o" -n 1
recv_waits() {
	"$SHUNT" stat "$N-o" 2>/dev/null | grep -q 'queue, live'
}
until_ok 5 recv_waits
verdict "$N-o" live no
has 'queue: receiver' "$OUT" "Its receiver lives: process $PID (shunt)"
has 'queue: creator lives' "$OUT" "by process $PID (shunt)."
kill -9 "$PID"
ended "$PID"
verdict "$N-o" orphan yes
has 'orphan' "$OUT" "provably nobody's"
has 'orphan: nothing is lost' "$OUT" 'Nothing that is unread'
eval "$REMOVE"
check 'orphan: the line removes it' [ ! -e "$SHM-o" ]

# A lock whose holder dies, a semaphore, an event.
mkfifo "$T/locked"
start_to "$T/locked" "$SHUNT" lock "$N-l" --persistent -- \
    sh -c 'echo $PPID; exec sleep 60'
read -r holder <"$T/locked"
why "$N-l"
has 'lock: held' "$OUT" "It is held by process $holder (shunt"
child=$(pgrep -P "$holder")
kill -9 "$holder" "$child"
ended "$PID"
until_ok 5 gone "$child"
"$SHUNT" lock "$N-l" -- true 2>/dev/null
why "$N-l"
has 'lock: nobody' "$OUT" 'Nobody holds it'
has 'lock: who died' "$OUT" "process $holder (shunt"
"$SHUNT" rm "$N-l"
"$SHUNT" sem create "$N-s" --permits=3
why "$N-s"
has 'semaphore' "$OUT" '3 permits are free, 0 are held'
"$SHUNT" rm "$N-s"
"$SHUNT" event notify "$N-e"
why "$N-e"
has 'event' "$OUT" 'A notification waits in it'
"$SHUNT" rm "$N-e"

# libc's named semaphore: what one took who died stays taken.
{
	printf '\2'
	head -c 31 /dev/zero
} >"/dev/shm/sem.${N#/}"
verdict "sem:$N" idle ask
has 'sem: value' "$OUT" 'Its value is 2'
has 'sem: no holders' "$OUT" 'Who holds it is unknown'
start sleep 60 5<"/dev/shm/sem.${N#/}"
verdict "sem:$N" live no
kill -9 "$PID"
ended "$PID"
eval "$REMOVE"
check 'sem: removed' [ ! -e "/dev/shm/sem.${N#/}" ]

# System V.
"$SHUNT" create "${K}01" 5000 >/dev/null
verdict "${K}01" idle ask
has 'System V: attached' "$OUT" 'attached 0 times'
has 'System V: creator' "$OUT" 'Made by process [0-9]* (not there now'
held "${K}01"
verdict "${K}01" live no
has 'System V: who' "$OUT" "$PID (shunt) has it"
has 'System V: count' "$OUT" 'attached 1 time.'
eval "$REMOVE" # IPC_RMID: it has no key, and goes with the last detach
id=${REMOVE##*=}
why "sysv:id=$id"
has 'System V: removed already' "$OUT" 'goes with the last detach'
let_go
run "$SHUNT" why "sysv:id=$id"
refused 'System V: gone' 1 "sysv:id=$id"
id=$(ipcmk -S 1 | sed 's/.* //')
verdict "semset:id=$id" unknown unknown
has 'set: values' "$OUT" 'Semaphore 0 is 0, 0 wait.'
start "$SHUNT" sem wait "semset:id=$id"
until_ok 5 sleeps "$PID"
until_ok 5 sh -c "'$SHUNT' why semset:id=$id | grep -q live"
verdict "semset:id=$id" live no
has 'set: waiting' "$OUT" 'Semaphore 0 is 0, 1 waits.'
"$SHUNT" sem post "semset:id=$id"
ended "$PID"
eval "$REMOVE"
run "$SHUNT" why "semset:id=$id"
refused 'set: gone' 1 'no such semaphore set'
id=$(ipcmk -Q | sed 's/.* //')
verdict "msg:id=$id" unknown unknown
has 'messages' "$OUT" '0 messages of 0 bytes wait'
key=$(($(awk 'NR == 2 { print $1 }' /proc/sysvipc/msg) & 0xffffffff))
why "msg:$(printf 0x%x $key)"
has 'messages: by key' "$OUT" '0 messages of 0 bytes wait'
eval "$REMOVE"
run "$SHUNT" why "msg:id=$id"
refused 'messages: gone' 1 'no such message queue'

# Every name that ls gives, with the state that it gives.
mkdir "$SHM-dir"
: >"$SHM-dir/file"
ipcmk -S 1 >"$T/made"
ipcmk -Q >>"$T/made"
"$SHUNT" create sysv:private 4K >>"$T/made"
"$SHUNT" ls --json --place=posix,sysv,semset,msg,sem |
    jq -r '.[] | .name + "\t" + .state' |
    grep -e "$N" -e '^sysv' -e '^semset' -e '^msg' >"$T/listed"
check 'ls lists them' lines "$T/listed" 4
while IFS="$(printf '\t')" read -r name state; do
	why "$name"
	has "as ls has it: $name" "$JSON" "\"state\":\"$state\""
	case $name in
	sysv* | semset* | msg*) eval "$REMOVE" ;;
	esac
done <"$T/listed"
rm -r "$SHM-dir"

# Held without a name.
(
	exec 5>"$SHM-gone"
	rm "$SHM-gone"
	head -c 9000 /dev/zero >&5
	stat -L -c %i /proc/self/fd/5 >"$T/inode.new"
	mv "$T/inode.new" "$T/inode"
	exec sleep 60
) &
PID=$!
mine "$PID"
until_ok 5 [ -e "$T/inode" ]
verdict "unlinked:$N-gone@$(cat "$T/inode")" unlinked-held no
has 'unlinked: who' "$OUT" "$PID ("
has 'unlinked: size' "$OUT" '9000 bytes, of which 12K'
has 'unlinked: how to save it' "$OUT" "cp /proc/$PID/fd/5 FILE"
is 'unlinked: nothing to remove' "$REMOVE" ''
kill -9 "$PID"
ended "$PID"
case $(uname -m) in
x86_64) memfd_create=319 ;;
*) memfd_create=279 ;;
esac
mkfifo "$T/memfd"
start_to "$T/memfd" perl -e '$| = 1; $n = "why test";
    $fd = syscall('$memfd_create', $n, 0); open(F, ">&=$fd");
    truncate(F, 4096); print "$fd\n"; sleep 60'
exec 8<"$T/memfd"
read -r fd <&8
verdict "memfd:why test@$PID/$fd" unlinked-held no
has 'memfd: who' "$OUT" "$PID (perl) has it open"
has 'memfd: size' "$OUT" '4096 bytes'
exec 8<&-
kill -9 "$PID"
ended "$PID"

if [ "$(id -u)" != 0 ]; then
	exit
fi

# A message queue of POSIX, through its file system.
mkdir "$T/mq"
if unshare -m true 2>/dev/null; then
	unshare -m sh -c 'mount -t mqueue none "$1" && : >"$1/$2" &&
	    exec sleep 60 5<"$1/$2"' - "$T/mq" "${N#/}" &
	PID=$!
	mine "$PID"
	until_ok 5 holds "/proc/$PID/comm" sleep
	verdict "mq:$N" live no
	has 'mq: who' "$OUT" "$PID (sleep) has it open"
	kill -9 "$PID"
	ended "$PID"
	why "mq:$N"
	has 'mq' "$OUT" '0 of 10 messages wait in it'
	has 'mq: nobody is seen, which proves nothing' "$JSON" \
	    '"state":"unknown","safe_to_remove":"unknown"'
	unshare -m sh -c 'mount -t mqueue none /dev/mqueue && eval "$1"' - \
	    "${REMOVE##*&& }"
	run "$SHUNT" why "mq:$N"
	refused 'mq: gone' 1 'no such message queue'
fi

# A plain user sees less and gets no error; a guess is never made.
"$SHUNT" create "$N-u" 8K
nobody() {
	run setpriv --reuid=65534 --regid=65534 --clear-groups \
	    "$SHUNT" why "$@"
	went "as nobody: $*"
	OUT=$(tr -s ' \n' ' ' <"$T/out")
}
nobody "$N-u"
has 'a plain user' "$OUT" 'may not be read, unknown made'
has 'a plain user: unknown' "$OUT" 'Unknown, and so no.'
nobody "$N-u" --json
has 'a plain user: safe' "$(compact)" '"safe_to_remove":"unknown"'
nobody "$N-u"
has 'a plain user: how many are hidden' "$OUT" 'cannot be looked into'
has 'a plain user: who may' "$OUT" "Only root may do it: sudo shunt rm $N-u"
chmod 644 "$SHM-u"
nobody "$N-u"
has 'readable, but no proof' "$OUT" 'raw segment, unknown made'
chown 65534 "$SHM-u"
held "$N-u"
nobody "$N-u"
has "the owner's lease" "$OUT" 'who cannot be seen from here'
has "the owner's lease is the proof" "$OUT" 'refused a lease'

# Another PID namespace, a /proc that hides, no /proc at all.
if unshare -m -p -f --mount-proc true 2>/dev/null; then
	run unshare -m -p -f --mount-proc "$SHUNT" why "$N-u"
	OUT=$(tr -s ' \n' ' ' <"$T/out")
	has 'from inside: live' "$OUT" 'raw segment, live made'
	has 'from inside: unseen' "$OUT" 'PID namespace of its own'
	hasnt 'from inside: nobody is named' "$OUT" "$PID (shunt)"
	run unshare -m -p -f sh -c 'mount -t proc -o hidepid=2 proc /proc &&
	    exec setpriv --reuid=65534 --clear-groups "$1" why "$2"' - \
	    "$SHUNT" "$N-u"
	OUT=$(tr -s ' \n' ' ' <"$T/out")
	has 'hidepid' "$OUT" 'mounted with hidepid'
	# The loader finds the library through /proc, too.
	run unshare -m sh -c 'mount -t tmpfs none /proc &&
	    LD_LIBRARY_PATH=${1%/*} exec "$1" why "$2"' - "$SHUNT" "$N-u"
	OUT=$(tr -s ' \n' ' ' <"$T/out")
	has 'no /proc' "$OUT" 'there is no /proc to read here'
	has 'no /proc: the lease still tells' "$OUT" 'live made'
fi
let_go
"$SHUNT" rm "$N-u" "$N-q" 2>/dev/null
:
