#!/bin/bash
# SPDX-License-Identifier: MIT
# shunt doctor: each trouble is made in a namespace of its own, and is found;
# each fix that can be tried there is.
. "$(dirname "$0")/lib.sh"
own_ipc
PATH=$(dirname "$SHUNT"):$PATH
# The loader finds the library through /proc, which some of these lack.
LD_LIBRARY_PATH=$(dirname "$SHUNT")
export LD_LIBRARY_PATH SHUNT T N

# flat: OUT with single blanks.
flat() {
	OUT=$(tr -s ' \n' ' ' <"$T/out")
}

# doctor SETUP: in namespaces of its own, as SETUP leaves them.  Nothing is
# said but the report; it fits its terminal.
doctor() {
	run unshare -m -i bash -c "$1
	    exec \"\$SHUNT\" doctor"
	is "doctor: no errors" "$ERR" ''
	is "doctor: at most 80 columns" \
	    "$(grep -v '^           ' "$T/out" | grep -c '.\{81,\}')" 0
	flat
}

# found WHAT VERDICT CHECK PATTERN: and its exit code.
found() {
	has "$1" "$OUT" " $2 $3 $4"
	case $2 in
	trouble) is "$1: exit" "$RC" 1 ;;
	esac
}

run "$SHUNT" doctor
is 'as it is: no errors' "$ERR" ''
flat
has 'as it is: it counts' "$OUT" ' ok, [0-9]* warning*, [0-9]* trouble*unknown'
for check in mounted mode size free names RemoveIPC segments semaphores \
    messages queues memlock 'huge pages' cgroup 'core dumps' membarrier \
    O_TMPFILE 'lock bytes' leases memfd nameless stale; do
	has "as it is: $check" "$OUT" " $check "
done
run "$SHUNT" doctor --json
is 'json: no errors' "$ERR" ''
check 'json' jq -e '.ok + .warnings + .troubles + .unknown ==
    (.checks | length) and (.checks | all(.group and .check and .text and
    (.verdict | IN("ok", "warning", "trouble", "unknown"))))' \
    "$T/out" >/dev/null
check 'json: exit' [ "$(jq .troubles "$T/out" | sed 's/[1-9].*/1/')" = "$RC" ]
run "$SHUNT" doctor --peer=x
refused 'no process' 2 '"x"'
run "$SHUNT" doctor --peer=4194304
refused 'no such process' 1 'no process 4194304'
run "$SHUNT" doctor --peer=$$
flat
has 'a peer at home' "$OUT" 'have the same /dev/shm: POSIX'
has 'a peer at home: IPC' "$OUT" 'The same IPC namespace'
has 'a peer at home: PIDs' "$OUT" 'The same PID namespace'
has 'a peer at home: clocks' "$OUT" 'ok clocks'
has 'a peer at home: owner' "$OUT" 'It runs as you do'

[ "$(id -u)" = 0 ] && unshare -m -i true 2>/dev/null || exit

# /dev/shm itself.  A tmpfs of our own, of 100M, is in order.
mine='mount -t tmpfs -o mode=1777,size=100m tmpfs /dev/shm;'
doctor "$mine"
found 'in order' ok mounted 'A tmpfs is mounted'
found 'in order: mode' ok mode 'Mode 1777'
found 'in order: size' ok size 'It has room for 100M'
found 'in order: names' ok nameless 'Names explain'
is 'in order: no trouble' "$RC" 0
doctor 'mount -t tmpfs -o mode=1777,size=64m tmpfs /dev/shm;'
found "docker's size" warning size "It has 64M, which is docker's default"
has "docker's size: fix" "$OUT" 'mount -o remount,size=1G /dev/shm '
is 'a warning is no trouble' "$RC" 0
doctor 'mount -t tmpfs -o mode=1777,size=64m tmpfs /dev/shm;
    mount -o remount,size=1G /dev/shm'
found 'its fix' ok size 'It has room for 1G'
doctor 'mount -t tmpfs -o mode=1777,size=0 tmpfs /dev/shm;'
found 'no limit' warning size 'It has no limit'
doctor 'mount -t tmpfs -o mode=1777,size=64k tmpfs /dev/shm;
    head -c 65536 /dev/zero >/dev/shm/x'
found 'full' trouble free 'It is full: 0 of 64K'
has 'full: fix' "$OUT" 'shunt ls; shunt clean '
doctor 'mount -t tmpfs -o mode=1777,size=10m tmpfs /dev/shm;
    head -c 9600000 /dev/zero >/dev/shm/x'
found 'nearly full' warning free 'It is full by 9[0-9] %'
doctor 'mount -t tmpfs -o mode=1777,size=10m tmpfs /dev/shm;
    head -c 10400000 /dev/zero >/dev/shm/x'
found 'full but for a crumb' trouble free 'It is full: 8'
doctor 'mount -t tmpfs -o mode=1777,nr_inodes=3 tmpfs /dev/shm;
    : >/dev/shm/a; : >/dev/shm/b'
found 'no inodes' trouble names '0 of 3 inodes are left'
doctor 'mount -t tmpfs -o mode=1777,noexec tmpfs /dev/shm;'
found 'noexec' warning flags 'It is mounted noexec'
doctor 'mount -t tmpfs -o mode=1777,ro tmpfs /dev/shm;'
found 'read-only' trouble flags 'It is mounted read-only'
doctor 'mount -t tmpfs -o mode=755 tmpfs /dev/shm;'
found 'mode 0755' trouble mode 'Mode 0755: not everybody'
has 'mode 0755: fix' "$OUT" 'chmod 1777 /dev/shm '
doctor 'mount -t tmpfs -o mode=777 tmpfs /dev/shm;'
found 'mode 0777' warning mode 'Mode 0777: without the sticky bit'
doctor 'mount -t ramfs ramfs /dev/shm;'
found 'no tmpfs' trouble mounted '/dev/shm is no tmpfs'
doctor 'mount -t tmpfs tmpfs /dev;'
found 'none' trouble mounted 'There is no /dev/shm'
has 'none: fix' "$OUT" \
    'mkdir -p /dev/shm && mount -t tmpfs -o mode=1777 tmpfs /dev/shm '
doctor 'mount -t tmpfs tmpfs /dev; mkdir /dev/shm'
found 'a directory' warning mounted '*no mount of its own'

# RemoveIPC.
systemd='mount -t tmpfs tmpfs /etc/systemd; mkdir -p /run/systemd;
    mount -t tmpfs tmpfs /run/systemd; mkdir -p /run/systemd/users;
    mkdir -p /var/lib/systemd; mount -t tmpfs tmpfs /var/lib/systemd;
    mkdir /etc/systemd/logind.conf.d;
    echo "#RemoveIPC=yes" >/etc/systemd/logind.conf;'
user='exec setpriv --reuid=65534 --regid=65534 --clear-groups "$SHUNT" doctor'
doctor "$systemd $user"
found 'RemoveIPC' warning RemoveIPC 'RemoveIPC is on (/etc/systemd/logind.conf)'
has 'RemoveIPC: fix' "$OUT" 'sudo loginctl enable-linger nobody '
doctor "$systemd"
found 'RemoveIPC spares the system' ok RemoveIPC '*of whom you are one'
doctor "$systemd mkdir -p /var/lib/systemd/linger;
    : >/var/lib/systemd/linger/nobody; $user"
found 'RemoveIPC spares who lingers' ok RemoveIPC '*nobody, who lingers'
doctor "$systemd echo 'RemoveIPC=no' >/etc/systemd/logind.conf.d/a.conf; $user"
found 'RemoveIPC: a drop-in' ok RemoveIPC \
    'RemoveIPC is off (/etc/systemd/logind.conf.d/a.conf)'
doctor "$systemd echo RemoveIPC=no >/etc/systemd/logind.conf.d/a.conf
    mkdir /run/systemd/logind.conf.d
    echo RemoveIPC=yes >/run/systemd/logind.conf.d/b.conf; $user"
found 'RemoveIPC: the last drop-in' warning RemoveIPC \
    'RemoveIPC is on (/run/systemd/logind.conf.d/b.conf)'
doctor "$systemd echo '#RemoveIPC=no' >/etc/systemd/logind.conf; $user"
found 'RemoveIPC: built without' ok RemoveIPC 'RemoveIPC is off'
doctor "$systemd rmdir /run/systemd/users; $user"
found 'no logind' ok RemoveIPC "systemd's logind does not run"

# Limits of System V, of queues, of locked memory.
doctor 'echo 1 >/proc/sys/kernel/shmmni; ipcmk -M 4096 >/dev/null'
found 'SHMMNI' trouble segments '1 of 1 segments exist (SHMMNI)'
has 'SHMMNI: fix' "$OUT" 'sysctl kernel.shmmni=2 '
doctor 'echo 65536 >/proc/sys/kernel/shmmax'
found 'SHMMAX' warning segments 'One may have 64K (SHMMAX)'
doctor 'echo 2 >/proc/sys/kernel/shmall; ipcmk -M 8192 >/dev/null'
found 'SHMALL' trouble segments 'Together they have 8K'
doctor 'echo "250 32000 32 1" >/proc/sys/kernel/sem; ipcmk -S 1 >/dev/null'
found 'SEMMNI' trouble semaphores '1 of 1 semaphore sets'
has 'SEMMNI: fix' "$OUT" "sysctl kernel.sem='250 32000 32 2' "
doctor 'echo 1 >/proc/sys/kernel/msgmni; ipcmk -Q >/dev/null'
found 'MSGMNI' trouble messages '1 of 1 System V message queues'
doctor 'mkdir -p /dev/mqueue; mount -t mqueue none /dev/mqueue;
    echo 1 >/proc/sys/fs/mqueue/queues_max; : >/dev/mqueue/a'
found 'queues_max' trouble queues '1 of 1 POSIX message queues'
has 'msg_max' "$OUT" 'at most 10 messages of 8192 bytes'
doctor 'ulimit -q 4096'
found 'RLIMIT_MSGQUEUE' warning 'queue bytes' '*have 4K in queues: about 0'
doctor 'ulimit -l 16'
found 'RLIMIT_MEMLOCK' warning memlock '*keep 16K out of swap'

# What is left behind.
doctor "$mine"'
    (exec 5>/dev/shm/gone; rm /dev/shm/gone; head -c 3145728 /dev/zero >&5
     echo >"$T/there"; exec sleep 60) >/dev/null 2>&1 &
    echo $! >"$T/pid"
    until [ -e "$T/there" ] && grep -q sleep "/proc/$!/comm"
    do sleep 0.02; done
    "$SHUNT" doctor >"$T/first"
    eval "$(sed -n "s/^           shunt why/shunt why/p" "$T/first")" \
	>"$T/why" 2>&1
    disown; kill -9 "$(cat "$T/pid")"
    while [ -e "/proc/$(cat "$T/pid")" ]; do sleep 0.02; done'
found 'nameless: gone with its holder' ok nameless 'Names explain'
OUT=$(tr -s ' \n' ' ' <"$T/first") RC=0
found 'nameless' warning nameless '3M of /dev/shm belong to no name'
has 'nameless: who' "$OUT" "held by $(cat "$T/pid") (sleep)"
has 'nameless: its fix tells more' "$(cat "$T/why")" 'nameless file'
doctor "$mine"'
    "$SHUNT" recv "$N-o" -n 1 >/dev/null & p=$!
    until "$SHUNT" stat "$N-o" 2>/dev/null | grep -q "queue, live"
    do sleep 0.02; done
    disown; kill -9 $p; while [ -e /proc/$p ]; do sleep 0.02; done'
found 'an orphan' warning stale "1 orphan, provably nobody's"
has 'an orphan: fix' "$OUT" 'shunt clean --yes '
doctor "$mine"'
    head -c 4096 /dev/zero >/dev/shm/old; touch -d "3 days ago" /dev/shm/old
    head -c 32 /dev/zero >/dev/shm/sem.old
    touch -d "3 days ago" /dev/shm/sem.old'
found 'old and idle' warning stale '1 segment that nobody has open now has'
found 'an old semaphore' warning stale '1 named semaphore has not been used'
has 'an old semaphore: fix' "$OUT" "shunt why 'sem:/old' "
doctor "$mine : >/dev/shm/new"
hasnt 'what is new is not stale' "$OUT" 'warning stale'

# Peers elsewhere.  peer OPTION... -- SETUP: PID is the peer, which is there.
mkfifo "$T/there.fifo"
peer() {
	_opts=()
	while [ "$1" != -- ]; do
		_opts+=("$1")
		shift
	done
	start unshare "${_opts[@]}" bash -c "$2
	    echo \$\$ >\"\$T/there.fifo\"; exec sleep 60"
	read -r _ <"$T/there.fifo"
	until_ok 5 holds "/proc/$PID/comm" sleep
	run "$SHUNT" doctor --peer="$PID"
	is 'a peer: no errors' "$ERR" ''
	flat
}
away() {
	kill -9 "$PID"
	ended "$PID"
}
peer -m -- 'mount -t tmpfs tmpfs /dev/shm'
found 'a /dev/shm of its own' trouble /dev/shm \
    "You and process $PID (sleep) cannot see each other's /dev/shm, because"
has 'because' "$OUT" 'in different mount namespaces'
has 'fix' "$OUT" "nsenter -t $PID -m -i shunt ls"
run setpriv --reuid=65534 --regid=65534 --clear-groups "$SHUNT" doctor \
    --peer="$PID"
flat
found 'may not be asked' unknown /dev/shm 'Its mount namespace may not be'
found 'another user' warning owner 'It runs as root, you as nobody'
away
peer -m -- :
found 'mounts alone' ok /dev/shm "*the same /dev/shm, though in different"
away
peer -i -- :
found 'IPC' trouble IPC 'Different IPC namespaces'
away
peer -U -r -- :
found 'user' warning users 'Different user namespaces'
away
if unshare -T true 2>/dev/null; then
	# The namespace is the children's.
	start unshare -T -f bash -c 'echo $$ >"$T/there.fifo"; exec sleep 60'
	read -r inside <"$T/there.fifo"
	run "$SHUNT" doctor --peer="$inside"
	flat
	found 'clocks' trouble clocks 'Different time namespaces'
	kill -9 "$inside"
	ended "$PID"
fi
start unshare -p -f --kill-child sh -c 'echo >"$T/there.fifo"; exec sleep 60'
read -r _ <"$T/there.fifo"
inside=$(pgrep -P "$PID")
run "$SHUNT" doctor --peer="$inside"
flat
found 'PIDs' warning PIDs 'Different PID namespaces'
kill -9 "$inside"
ended "$PID"

# Less to see, and no errors.
run setpriv --reuid=65534 --regid=65534 --clear-groups "$SHUNT" doctor
is 'a plain user: no errors' "$ERR" ''
is 'a plain user: no trouble' "$RC" 0
if [ "${SAN:-plain}" = plain ]; then # a sanitizer reads /proc itself
	doctor 'mount -t tmpfs none /proc'
	found 'no /proc' unknown semaphores 'System V semaphores cannot'
fi
doctor 'mount -t tmpfs none /sys'
has 'no /sys' "$OUT" ' unknown shmem '
:
