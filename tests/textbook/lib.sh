# SPDX-License-Identifier: MIT
# Sourced by the tests of examples/textbook/: starting programs in pairs, what
# each of them must print, and what must be left behind: nothing.

. "${TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/cli/lib.sh"

BIN=$(dirname "$SHUNT")/examples/textbook
NAMES='textbook shm-demo shm-demo-list textbook-log textbook-shunt-log my_shm
	my_shm-answers'
ROUNDS=1

[ -x "$BIN/1_producer_plain" ] || skip 'the examples are not built'

# The programs have fixed names: what is there already is somebody's.
[ "$(ipcs -m | grep -c 0x00001234)" = 0 ] || skip 'key 0x1234 is in use'
for _name in $NAMES; do
	[ ! -e "/dev/shm/$_name" ] || skip "/dev/shm/$_name is somebody's"
done

# Ends what was started, and removes what it may have left.
leave() {
	rc=$?
	for _pid in $pids; do
		[ "$(born "${_pid%:*}")" != "${_pid#*:}" ] ||
		    kill -9 "${_pid%:*}" 2>/dev/null
	done
	wait 2>/dev/null
	for _name in $NAMES; do
		rm -f "/dev/shm/$_name"
	done
	ipcrm -M 0x1234 2>/dev/null
	(exit "$rc")
	finish
}
trap leave EXIT

# All that shared memory and semaphores there are, by name.
left() {
	ls -A /dev/shm
	awk 'FNR > 1 { print FILENAME, $1, $2 }' /proc/sysvipc/shm \
	    /proc/sysvipc/sem
}
BEFORE=$(left)

# clean WHAT: nothing more is there than at the beginning.
clean() {
	is "$1: nothing is left" "$(left)" "$BEFORE"
}

hex() {
	{
		printf %s "$1" | od -An -v -tx1 | tr '\n' ' '
		echo
	} | awk '{
		for (i = 1; i <= 64; i++)
			printf "%s%s", i <= NF ? $i : "00", \
			    i % 16 ? " " : "\n" }'
}

TEXT='Shared memory is the same bytes in two processes.'

# wanted PROGRAM: what it prints; plain or shunt makes no difference.
wanted() {
	case $1 in
	1_producer*)
		echo before:
		hex ''
		echo after:
		hex "$TEXT"
		;;
	1_consumer*)
		echo seen:
		hex "$TEXT"
		echo "text: $TEXT"
		;;
	2_writer*) printf '1023 letters %s\n' A B C D E ;;
	2_reader*)
		for _letter in A B C D E; do
			printf '%01023d\n' 0 | tr 0 $_letter
		done
		;;
	3_struct_writer*) echo 'the reader says 42: as you asked.' ;;
	3_struct_reader*)
		echo 'number 21, reading 36.6: What is twice 21?'
		;;
	3_list_writer*) ;;
	3_list_reader*) printf '%s\n' Amazon Danube Niger Rhine Volga ;;
	5_writer*)
		seq -f "the reader says: Hello, writer! (%g of $ROUNDS)" "$ROUNDS"
		;;
	5_reader*)
		seq -f "the writer says: Hello, reader! (%g of $ROUNDS)" "$ROUNDS"
		;;
	6_*) echo 'the child says 55: the sum of 10 numbers' ;;
	*) echo "no such program: $1" ;;
	esac
}

# What waits at the gate begins with a line that is written to it.
mkfifo "$T/gate" && exec 8<>"$T/gate"
GATE=open

# launch PROGRAM OUT: in the background; PID is its process.  Ctrl-C shall end
# it, which the shell has its background jobs ignore.
launch() {
	_program=$1 _out=$2
	set --
	case $_program in
	5_writer_*) set -- "$ROUNDS" ;;
	esac
	# shellcheck disable=SC2016
	sh -c '[ "$0" = open ] || read -r _ <&8; exec 8<&-; exec "$@"' \
	    "$GATE" env --default-signal=INT "$BIN/$_program" "$@" \
	    >"$_out" 2>"$_out.err" </dev/null &
	PID=$!
	mine $PID
}

# It has ended, or it is the program itself, and asleep.
settled() {
	gone "$1" || case $(cat "/proc/$1/comm" 2>/dev/null) in
	[1-6]_*) sleeps "$1" ;;
	*) false ;;
	esac
}

# printed PROGRAM PID OUT WHAT: it ended well and printed what it must.
printed() {
	ended "$2"
	ERR=$(cat "$3.err")
	OUT=$(head -c 200 "$3")
	LAST="$4, of $1"
	went "$4: $1"
	wanted "$1" >"$T/wanted"
	check "$4: what $1 prints" cmp -s "$T/wanted" "$3"
}

# pair HOW A B: both run and print what they must, and leave nothing.  HOW is
# `after` (B starts when A sleeps or has ended) or `at-once`.
pair() {
	_pair="$2, $3 $1"
	[ "$1" = after ] || GATE=shut
	launch "$2" "$T/a"
	_a=$PID
	[ "$1" != after ] ||
	    until_ok 10 settled "$_a" || fail "$_pair: $2 does not settle"
	launch "$3" "$T/b"
	_b=$PID
	if [ $GATE = shut ]; then
		until_ok 10 both_sleep "$_a" "$_b" || fail "$_pair: no start"
		printf '\n\n' >&8
		GATE=open
	fi
	printed "$2" "$_a" "$T/a" "$_pair"
	printed "$3" "$_b" "$T/b" "$_pair"
	clean "$_pair"
}

both_sleep() {
	sleeps "$1" && sleeps "$2"
}
