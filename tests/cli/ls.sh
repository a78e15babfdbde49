#!/bin/sh
# SPDX-License-Identifier: MIT
# ls: every place, order and filter, by process, as JSON after its schema, and
# as a user who may see little.  In a world of its own, so that all that is
# listed is known.
. "$(dirname "$0")/lib.sh"

for tool in python3 jq setpriv; do
	command -v $tool >/dev/null || skip "there is no $tool"
done
if [ "${1-}" != private ]; then
	unshare -m -i -p -f --mount-proc true 2>/dev/null ||
	    skip 'a world of its own needs root'
	unshare -m -i -p -f --kill-child --mount-proc sh -c '
	    mount -t tmpfs -o mode=1777 tmpfs /dev/shm &&
	    mkdir -p /dev/mqueue && mount -t mqueue mqueue /dev/mqueue &&
	    exec "$0" private' "$0"
	rc=$?
	trap - EXIT
	rm -rf "$T"
	exit $rc
fi
chmod 755 "$T"
esc=$(printf '\033')
evil="x)${esc}[31mred"

# One process that has something of everything, under a name of its own.
mkfifo "$T/ready" "$T/go"
start python3 "$TOP/tests/cli/ls_has.py" "$N" "$T/ready" "$T/go" "$evil"
has=$PID
timeout 8 cat "$T/ready" || fail 'the process with everything does not start'

"$SHUNT" create "$N-idle" 64K
"$SHUNT" create "$N-his" 128K --mode=0640
chown nobody "$SHM-his"
touch -d '3 days ago' "$SHM-his"
mkdir -p "/dev/shm/dir/in"
head -c 100 /dev/zero >"/dev/shm/dir/in/deep"
head -c 32 /dev/zero >"/dev/shm/sem.${N#/}-sem"
ipcmk -S 3 >"$T/semid" && semid=$(tr -dc 0-9 <"$T/semid")
ipcmk -Q >"$T/msgid" && msgid=$(tr -dc 0-9 <"$T/msgid")
"$SHUNT" send "$N-queue" one two
for kind in lock semaphore event log topic stream service; do
	"$SHUNT" create "$N-$kind" 64K --kind=$kind 2>/dev/null ||
	    "$SHUNT" create "$N-$kind" --kind=$kind
done
# Whoever made it is killed, and left nothing in it.
start "$SHUNT" recv "$N-orphan"
attached() {
	"$SHUNT" stat "$N-orphan" 2>/dev/null | grep -q live
}
until_ok 10 attached || fail 'no receiver'
kill -9 "$PID"
ended "$PID"
orphans=$PID
mkdir "$T/huge"
mount -t hugetlbfs hugetlbfs "$T/huge" 2>/dev/null &&
    truncate -s 2M "$T/huge/page" && huge=yes

# line WHAT NAME PATTERN: the line of exactly this name.
line() {
	has "$1: $2" "$(awk -v n="$2" '$1 == n' "$T/out")" "$3"
}
names() {
	awk 'NR > 1 { print $1 }' "$T/out" | tr '\n' ' '
}

run "$SHUNT" ls
went 'ls'
is 'ls: title' "$(sed -n '1s/  */ /gp' "$T/out")" \
    'NAME KIND SIZE USED OWNER STATE USERS AGE'
line posix "$N-live" 'raw *1M *4K *root *live *1*s'
line posix "$N-idle" 'raw *64K *64K *root *idle *0 '
line posix "$N-his" 'raw *128K *128K *nobody *idle *0 *3d'
line 'a directory' file:/dev/shm/dir/in/deep 'raw *100 *4K *root *idle *0 '
line queue "$N-queue" 'queue *root *idle *0 '
line orphan "$N-orphan" 'queue *root *orphan *0 '
for kind in lock semaphore event log topic stream service; do
	line "$kind" "$N-$kind" " $kind *root *idle *0 "
done
line 'System V' sysv:0x00005101 'raw *4.8K *root *live *1 '
line 'System V, removed' 'sysv:id=[0-9]*' '' # has no key any more
has 'System V, removed' "$(grep '^sysv:id=' "$T/out")" 'raw *5.8K *root *dest *1 '
has 'semaphore set' "$(grep '^semset:' "$T/out")" ' semset *root '
has 'message queue' "$(grep '^msg:' "$T/out")" ' msg *root '
line 'named semaphore' "sem:$N-sem" 'sem *32 *4K *root '
line 'message queue of POSIX' "mq:$N-mq" ' mq *root '
has memfd "$(grep "^memfd:mem@$has/" "$T/out")" 'raw *12K *4K *root *unlinked-held *1*s'
has unlinked "$(grep "^unlinked:$N-unl@" "$T/out")" 'raw *8K *4K *root *unlinked-held *1*s'
[ -z "${huge-}" ] || line 'huge pages' "file:$T/huge/page" 'raw *2M *0 *root '
is 'no colour, no total in a pipe' "$(grep -c "$esc\\|in all" "$T/out")" 0
all=$(($(wc -l <"$T/out") - 1))

# Who has it, who made it.
run "$SHUNT" ls --wide
went 'ls --wide'
hasnt 'programs are escaped' "$OUT" "$esc"
line wide "$N-live" '0600 *live * 1* -  *'"$has"'(x)\\x1b\[31mred)'
line wide "$N-his" '0640 *idle * 0 *3d *-  *-'
line 'a creator that has ended' "$N-orphan" " $orphans  *-"
line 'a creator that has ended' sysv:0x00005101 " $has(x)\\\\x1b\\[31mred) *$has(x)"
hasnt 'a dead creator has no program' "$(grep -- "-orphan" "$T/out")" "$orphans("

# Filters; each also by its other spelling.
places() {
	run "$SHUNT" ls --place="$1"
	went "place $1"
	is "place $1" "$(awk 'NR > 1 { print $1 }' "$T/out" | grep -vc "$2")" 0
	is "place $1: so many" "$(awk 'NR > 1' "$T/out" | wc -l | tr -d ' ')" "$3"
}
places posix '^/\|^file:/dev/shm/' 13
places sysv '^sysv:' 2
places semset '^semset:' 1
places msg '^msg:' 1
places sem "^sem:" 1
places mq '^mq:' 1
places memfd '^memfd:mem@' 1
places unlinked '^unlinked:' 1
places mq,sem '^mq:\|^sem:' 2
[ -z "${huge-}" ] || places hugetlb "^file:$T/huge/page$" 1
places all . "$all"
run "$SHUNT" ls -p posix
posix=$(names)
run "$SHUNT" ls --posix
is '--posix' "$(names)" "$posix"
run "$SHUNT" ls --sysv
is '--sysv' "$(wc -l <"$T/out" | tr -d ' ')" 3
run "$SHUNT" ls -k queue,sem
is 'two kinds' "$(names)" "$N-orphan $N-queue sem:$N-sem "
run "$SHUNT" ls --kind=raw --place=posix "${N#/}-*"
is 'a kind, a place and a pattern' "$(names)" "$N-his $N-idle $N-live "
run "$SHUNT" ls --owner=nobody
is 'of another' "$(names)" "$N-his "
run "$SHUNT" ls --owner="$(id -u nobody)"
is 'of another, by number' "$(names)" "$N-his "
run "$SHUNT" ls --mine
is 'mine' "$(awk 'NR > 1' "$T/out" | wc -l | tr -d ' ')" $((all - 1))
run "$SHUNT" ls --state=orphan
is 'orphans' "$(names)" "$N-orphan "
run "$SHUNT" ls --state=dest,unlinked-held
is 'held' "$(awk 'NR > 1 { print $6 }' "$T/out" | sort | uniq -c |
    tr -s ' \n' ' ')" ' 1 dest 2 unlinked-held '
run "$SHUNT" ls --state=live -p posix
is 'live' "$(names)" "$N-live "
run "$SHUNT" ls --state=idle "$N-no*"
went 'nothing'
is 'nothing' "$OUT" ''
run "$SHUNT" ls --tree "$N-no*"
is 'nothing as a tree' "$OUT$ERR" ''

# Orders.  What is alike stays as it was.
order() {
	_want=$1
	shift
	run "$SHUNT" ls "$N-idle" "$N-live" "$N-his" "$@"
	is "order $*" "$(names)" "$_want"
}
order "$N-his $N-idle $N-live "
order "$N-his $N-idle $N-live " --sort=name
order "$N-live $N-idle $N-his " --sort=name -r
order "$N-live $N-his $N-idle " -s size
order "$N-idle $N-his $N-live " -rs size
order "$N-his $N-idle $N-live " --sort=used
order "$N-live $N-his $N-idle " --sort=users
order "$N-his $N-idle $N-live " --sort=owner
order "$N-live $N-idle $N-his " --sort=owner --reverse
order "$N-his $N-idle $N-live " --sort=state
run "$SHUNT" ls --sort=name
is 'by name, all places' "$(names)" "$(names | tr ' ' '\n' | grep . |
    LC_ALL=C sort | tr '\n' ' ')"
run "$SHUNT" ls --sort=owner
is 'by owner, all of them' "$(names | cut -d' ' -f1)" "$N-his"
touch -d '9 days ago' "$SHM-live"
order "$N-live $N-his $N-idle " --sort=age
run "$SHUNT" ls --sort=state
is 'what wants a look comes first' "$(awk 'NR > 1 { print $6 }' "$T/out" |
    uniq | head -n 3 | tr '\n' ' ')" 'orphan unlinked-held dest '

# By process.
run "$SHUNT" ls --tree
went 'tree'
has 'tree: the process' "$OUT" "
$has x)\\\\x1b[[]31mred: 6, * in memory
  $N-live "
branch=$(sed -n "/^$has /,/^[^ ]/p" "$T/out" | grep '^  ' | awk '{ print $1 }')
is 'tree: what it has' "$(echo "$branch" | sed 's/[@=].*//' | tr '\n' ' ')" \
    "$N-live sysv:0x00005101 sysv:id mq:$N-mq memfd:mem unlinked:$N-unl "
rest=$(sed -n '/^nobody: /,$p' "$T/out")
has 'tree: nobody' "$rest" "
  $N-idle "
has 'tree: nobody' "$rest" "
  $N-orphan "
hasnt 'tree: not what is had' "$rest" "$N-live "

# For programs: every key is in the schema, every row follows it.
run "$SHUNT" ls --json
went 'ls --json'
cp "$T/out" "$T/json"
run python3 "$TOP/tests/cli/ls_valid.py" "$TOP/docs/ls.schema.json" "$T/json" all
went 'it follows its schema'
is 'as many' "$(jq length "$T/json")" "$all"
told() {
	is "JSON: $1" "$(jq -c ".[] | select(.name == \"$2\") | $3" "$T/json")" "$4"
}
told live "$N-live" '[.kind, .place, .state, .size, .used, .mode, .owner]' \
    '["raw","posix","live",1048576,4096,"0600","root"]'
told 'its users' "$N-live" '.users' \
    '[{"pid":'"$has"',"command":"x)\u001b[31mred"}]'
told 'its inode' "$N-live" .inode "$(stat -c %i "$SHM-live")"
told 'its device' "$N-live" .device "$(stat -c %d "$SHM-live")"
told 'nobody' "$N-idle" '[.users, .user_count, .users_hidden]' '[[],0,false]'
told 'the creator' sysv:0x00005101 '[.creator_pid, .creator_command]' \
    '['"$has"',"x)\u001b[31mred"]'
told 'a dead creator' "$N-orphan" '[.creator_pid, .creator_command]' \
    "[$orphans,null]"
is 'JSON: semaphores of a set' "$(jq -c '.[] | select(.place == "semset") |
    [.kind, .id, .semaphores]' "$T/json")" '["semset",'"$semid"',3]'
is 'JSON: of System V' "$(jq -c '.[] | select(.place == "msg") |
    [.kind, .id, .messages]' "$T/json")" '["msg",'"$msgid"',0]'
told 'messages' "mq:$N-mq" .messages 1
is 'JSON: dest' "$(jq -c '.[] | select(.state == "dest") | .dest' \
    "$T/json")" true
run "$SHUNT" ls --json --sort=size --place=posix
is 'JSON in order' "$(jq -r '[.[].size] | . == (sort | reverse)' "$T/out")" true
run "$SHUNT" ls --json "$N-no*"
is 'JSON of nothing' "$OUT" '[]'

# Mistakes, each in a sentence.
run "$SHUNT" ls --place=posix,disk
refused 'a wrong place' 2 --place hugetlb '"posix,disk"'
run "$SHUNT" ls --kind=
refused 'no kind' 2 --kind semset '""'
run "$SHUNT" ls --state=dead
refused 'a wrong state' 2 --state orphan
run "$SHUNT" ls --sort=colour
refused 'a wrong order' 2 --sort users
run "$SHUNT" ls --owner=no-such-user
refused 'a wrong owner' 2 --owner no-such-user
run "$SHUNT" ls --mine --owner=nobody
refused 'two owners' 2 --mine --owner
run "$SHUNT" ls --tree --json
refused 'two forms' 2 --tree --json

# As a user who may see little: less, and no complaint.
as() {
	user=$1
	shift
	setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
}
held_open() {
	[ -e "/proc/$PID/fd/3" ]
}
little() {
	run as nobody "$SHUNT" ls --wide
	went "$1: ls"
	line "$1" "$N-his" 'nobody *0640 *idle *0 '
	line "$1" "$N-live" 'root *0600 *[lu][in][vk]*[+?]  * -  *-'
	line "$1" sysv:0x00005101 '0600 *live *1 '
	hasnt "$1" "$OUT" memfd:
	run as nobody "$SHUNT" ls --tree
	went "$1: tree"
	hasnt "$1: tree" "$(sed -n '/^nobody: /,$p' "$T/out")" "$N-live "
	has "$1: tree" "$OUT" " from here: "
	as nobody "$SHUNT" ls --json >"$T/json" || fail "$1: json"
	run python3 "$TOP/tests/cli/ls_valid.py" "$TOP/docs/ls.schema.json" "$T/json"
	went "$1: json"
	told "$1" "$N-live" '[.users, .users_hidden]' '[[],true]'
	start sleep 60 3<"$SHM-his"
	until_ok 10 held_open || fail 'it is not open'
	run as nobody "$SHUNT" ls "$N-his"
	line "$1: somebody who is not seen" "$N-his" ' live *1+ '
	run as nobody "$SHUNT" ls --tree "$N-his"
	has "$1: a branch for him" "$OUT" '
had by processes that cannot be seen from here: 1, 128K in memory
'
	kill -9 "$PID"
	ended "$PID"
	run as nobody "$SHUNT" ls --mine
	is "$1: mine" "$(names)" "$N-his "
}
if as nobody "$SHUNT" --version >/dev/null 2>&1; then
	little 'as nobody'
	if mount -t proc -o hidepid=2 proc /proc 2>/dev/null; then
		little 'with hidepid'
		umount /proc
	fi
fi

# Another process gets the number of the one that made it.
old() {
	[ $(($(date +%s) - $(jq -r ".[] | select(.name == \"$N-orphan\") |
	    .created_ns / 1000000000 | floor" "$T/json"))) -ge 2 ]
}
if echo $((orphans - 1)) 2>/dev/null >/proc/sys/kernel/ns_last_pid; then
	"$SHUNT" ls --json >"$T/json"
	until_ok 10 old
	echo $((orphans - 1)) >/proc/sys/kernel/ns_last_pid
	start sleep 60
	if [ "$PID" = "$orphans" ]; then
		run "$SHUNT" ls --wide
		line 'not its maker' "$N-orphan" " $orphans  *-"
		hasnt 'not its maker' "$OUT" "$orphans(sleep)"
	fi
fi

# Many.
for i in 0 1 2 3 4 5 6 7 8 9; do
	for j in 0 1 2 3 4 5 6 7 8 9; do
		for k in 0 1 2 3 4 5 6 7 8 9; do
			: >"$SHM-many-$i$j$k"
		done
	done
done
run "$SHUNT" ls "$N-many-*"
went 'a thousand'
is 'a thousand' "$(wc -l <"$T/out" | tr -d ' ')" 1001
is 'a thousand in order' "$(names | tr -d ' ')" \
    "$(names | tr ' ' '\n' | LC_ALL=C sort | tr -d '\n')"
run "$SHUNT" ls --json "$N-many-*"
is 'a thousand as JSON' "$(jq length "$T/out")" 1000
rm -f "$SHM"-many-*
umount "$T/huge" 2>/dev/null
:
