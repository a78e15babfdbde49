#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 120
# Whoever waits for the other side sleeps in the kernel and is not woken by a
# clock; and Ctrl-C, while it waits, removes what it has made.
. "$(dirname "$0")/lib.sh"

case $(uname -m) in
x86_64) FUTEX=202 ;;
aarch64) FUTEX=98 ;;
*) skip 'the number of futex(2) is not known here' ;;
esac
[ -r "/proc/$$/syscall" ] || skip 'this kernel does not show /proc/PID/syscall'

in_futex() {
	[ "$(cut -d' ' -f1 "/proc/$1/syscall" 2>/dev/null)" = $FUTEX ]
}

woken() {
	sed -n 's/^voluntary_ctxt_switches:[^0-9]*//p' "/proc/$1/status"
}

# still PROGRAM...: started together, each sleeps on a futex, and wakes at most
# so often in a second and a half: the queues do, to look who is alive.  Ctrl-C
# ends each of them.
still() {
	waiters=''
	for p; do
		launch "$p" "$T/$p"
		until_ok 10 settled "$PID" || fail "$p does not settle"
		check "$p sleeps on a futex" until_ok 10 in_futex "$PID"
		waiters="$waiters $p:$PID:$(woken "$PID")"
	done
	sleep 1.5
	for w in $waiters; do
		p=${w%%:*} pid=${w#*:}
		pid=${pid%:*}
		n=$(($(woken "$pid") - ${w##*:}))
		case $p in
		5_*_shunt) check "$p wakes $n times" [ $n -le 16 ] ;;
		*) is "$p wakes" $n 0 ;;
		esac
		kill -INT "$pid"
		ended "$pid"
		check "$p: Ctrl-C is not success" [ "$RC" -ne 0 ]
	done
}

for v in plain shunt; do
	still 1_consumer_$v 2_reader_$v 3_struct_reader_$v 3_list_reader_$v \
	    5_reader_$v
	[ $v = plain ] || pair after 5_reader_shunt 5_writer_shunt
	clean "readers, $v"
	still 2_writer_$v 3_struct_writer_$v 3_list_writer_$v 5_writer_$v
	# The greeting that was sent is answered: no greeting is lost.
	if [ $v = shunt ]; then
		launch 5_reader_shunt "$T/b"
		printed 5_reader_shunt "$PID" "$T/b" 'the greeting of the dead'
		rm -f /dev/shm/my_shm-answers
	fi
	clean "writers, $v"
done

# broken A B: B is stopped in the middle, so that A waits for it, and then A is
# interrupted.  Both end, and say so.
broken() {
	launch "$2" "$T/b"
	b=$PID
	until_ok 10 settled "$b"
	kill -STOP "$b"
	launch "$1" "$T/a"
	a=$PID
	until_ok 10 settled "$a"
	kill -INT "$a"
	ended "$a"
	is "$1, interrupted" "$RC" 1
	kill -CONT "$b"
	ended "$b"
	is "$2, deserted" "$RC" 1
	check "$2 says so" holds "$T/b.err" 'given up'
	clean "$1, interrupted, and $2"
}

for v in plain shunt; do
	for w in plain shunt; do
		broken 2_writer_$v 2_reader_$w
		broken 2_reader_$v 2_writer_$w
	done
done
