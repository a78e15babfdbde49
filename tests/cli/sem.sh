#!/bin/sh
# SPDX-License-Identifier: MIT
# sem: pools and counters of ours, those of libc, System V sets.
# limit: 120
. "$(dirname "$0")/lib.sh"
s="$N-s"
p="sem:$N-p"
key=0x$(printf %06x $$)

# Semaphores of others go at the end, too, whatever happens.
sets_finish() {
	awk -v key=$$ 'NR > 1 && int($1 / 256) == key { print $2 }' \
	    /proc/sysvipc/sem 2>/dev/null | while read -r _id; do
		perl -e 'semctl($ARGV[0], 0, 0, 0)' "$_id" # IPC_RMID
	done
}
trap 'set -- $?; rm -f /dev/shm/sem."${N#/}"*; sets_finish
    (exit "$1"); finish' EXIT

says() {
	case $("$SHUNT" sem show "$1" --json 2>/dev/null | tr -d ' \n') in
	*"$2"*) ;;
	*) return 1 ;;
	esac
}

# holds_it SEM NAME [OPTION...]: starts a program with a permit held, until
# something is written into $T/NAME.end; HOLDER, CHILD are pids.
holds_it() {
	_sem=$1 _n=$2
	shift 2
	mkfifo "$T/$_n.end"
	start "$SHUNT" sem wait "$_sem" "$@" -- sh -c \
	    'echo $$ >"$1.pid.new"; mv "$1.pid.new" "$1.pid"; read -r _ <"$1.end"
	    exit 9' sh "$T/$_n" 2>"$T/$_n.err"
	HOLDER=$PID
	until_ok 10 [ -s "$T/$_n.pid" ] || fail "no program with $_sem"
	CHILD=$(cat "$T/$_n.pid")
	mine "$CHILD"
}
end_child() {
	echo >"$T/$1.end"
}

# --- ours: a counter ---

run "$SHUNT" sem show "$s"
refused 'show of nothing' 1 "$s" 'no such semaphore'
for what in 'wait --try' post rm; do
	run "$SHUNT" sem $what "$s"
	refused "$what of nothing" 1 "$s" 'no such semaphore'
done
run "$SHUNT" sem create "$s" --permits=2 --max=3 --mode=0640
went 'create'
is 'its mode' "$(stat -c %a "$SHM-s")" 640
run "$SHUNT" sem create "$s" --max=3
went 'create again'
run "$SHUNT" sem create "$s"
went 'create again, whatever it is'
run "$SHUNT" sem create "$s" --permits=4
refused 'create with another maximum' 1 "$s" 'at most 3 permits, not 4'
run "$SHUNT" sem create "$s" --excl
refused 'create --excl' 1 "$s" 'exists'
run "$SHUNT" sem show "$s"
went 'show'
has 'show' "$OUT" '2 free, 0 held, at most 3'
check 'show for programs' says "$s" '"free":2,"held":0,"most":3,"missing":0,"recoveries":0'
for i in 1 2; do
	run "$SHUNT" sem wait "$s" --timeout=10
	went 'wait'
done
run "$SHUNT" sem wait "$s" --try
refused 'wait --try of an empty one' 3 "$s" 'in time'
run "$SHUNT" sem wait "$s" --timeout=0.05
refused 'wait --timeout of an empty one' 3 "$s" 'in time'
check 'what was used up stays used up' says "$s" '"free":0,"held":0'
start "$SHUNT" sem wait "$s"
check 'a waiter sleeps' until_ok 10 sleeps "$PID"
run "$SHUNT" sem post "$s"
went 'post'
ended "$PID"
is 'a waiter gets it' "$RC" 0
run "$SHUNT" sem post "$s" -n 2
went 'post of two'
check 'post of two' says "$s" '"free":2'
run "$SHUNT" sem post "$s" --count=2
refused 'post beyond the maximum' 1 "$s" '1 of 2 went in'
check 'post beyond the maximum' says "$s" '"free":3'
run "$SHUNT" sem rm "$s"
went 'rm'
check 'rm' [ ! -e "$SHM-s" ]
run "$SHUNT" sem create "$s" --permits=0
check 'an empty one' says "$s" '"free":0,"held":0,"most":1024'
start "$SHUNT" sem wait "$s"
check 'a waiter for a signal' until_ok 10 sleeps "$PID"
kill -TERM "$PID"
ended "$PID"
is 'SIGTERM ends a wait' "$RC" 143
run "$SHUNT" sem post "$s"
check 'and it took nothing' says "$s" '"free":1'
run "$SHUNT" sem rm "$s"

# --- ours: a pool ---

# Never more than three at once, of 60 programs in 6 processes.
mkdir "$T/in"
cat >"$T/step" <<'END'
: >"$1/in/$$"
n=$(ls "$1/in" | wc -l)
[ "$n" -le 3 ] || echo "$n at once" >>"$1/crowded"
echo "$n" >>"$1/steps"
rm "$1/in/$$"
END
many=''
for i in 1 2 3 4 5 6; do
	start sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do
		"$1" sem wait "$2" --permits=3 --timeout=60 -- sh "$3/step" "$3" ||
		    echo "$?"
	done' sh "$SHUNT" "$s" "$T" >"$T/many.$i" 2>&1
	many="$many $PID"
done
for pid in $many; do
	until_ok 60 gone "$pid"
	wait "$pid"
done
is 'a pool: all ran' "$(wc -l <"$T/steps")" 60
is 'a pool: nobody complained' "$(cat "$T"/many.*)" ''
check 'a pool: never more than there are permits' [ ! -e "$T/crowded" ]
check 'a pool made by first use goes' [ ! -e "$SHM-s" ]

run "$SHUNT" sem wait "$s" --permits=3 -- sh -c 'exit 7'
is "the program's exit code" "$RC" 7
run "$SHUNT" sem wait "$s" -- "$T/no-such-program"
refused 'no such program' 127 no-such-program
run "$SHUNT" sem wait "$s" -- sh -c 'kill -9 $$'
is 'a signal' "$RC" 137

# All three held: no fourth; who dies gives back, but not before his program.
"$SHUNT" sem create "$s" --permits=3
for n in a b c; do
	holds_it "$s" $n
done
check 'three held' says "$s" '"free":0,"held":3,"most":3'
run "$SHUNT" sem wait "$s" --try -- touch "$T/ran"
refused 'no fourth' 3 "$s"
check 'no fourth: nothing ran' [ ! -e "$T/ran" ]
run "$SHUNT" sem show "$s"
has 'show: who has it' "$OUT" "$HOLDER (shunt:sh)"
has 'show: what they run' "$OUT" "$CHILD (sh)"
run "$SHUNT" sem post "$s"
refused 'a permit too many' 1 "$s" '0 of 1'
run "$SHUNT" sem rm "$s"
refused 'rm of one in use' 1 "$s" "$HOLDER"
start "$SHUNT" sem wait "$s" -- echo 'now I' >"$T/next"
next=$PID
until_ok 10 sleeps "$next"
kill -9 "$HOLDER"
ended "$HOLDER"
run "$SHUNT" sem wait "$s" --try
is 'killed: its program keeps the permit' "$RC" 3
check 'killed: its program keeps the permit' says "$s" '"held":3'
kill -9 "$CHILD"
ended "$next"
is 'both killed: who waits gets the permit' "$RC$(cat "$T/next")" '0now I'
dead=$HOLDER
check 'both killed: it came back' until_ok 10 says "$s" '"free":1,"held":2'
check 'both killed: remembered' says "$s" "\"recoveries\":1"
check 'both killed: who' says "$s" "\"dead_pid\":$dead,"
run "$SHUNT" sem show "$s"
has 'show: history' "$OUT" " $dead "
end_child a
end_child b
check 'given back' until_ok 10 says "$s" '"free":3,"held":0'
holds_it "$s" d --close
kill -9 "$HOLDER"
ended "$HOLDER"
for i in 1 2 3; do
	run "$SHUNT" sem wait "$s" --try
	went 'close: the permit is back though the program runs'
done
check 'close: it runs' kill -0 "$CHILD"
end_child d
start "$SHUNT" sem wait "$s" -- touch "$T/ran"
until_ok 10 sleeps "$PID"
kill -TERM "$PID"
ended "$PID"
is 'SIGTERM ends who waits' "$RC" 143
"$SHUNT" sem post "$s"
holds_it "$s" e
kill -TERM "$HOLDER"
ended "$HOLDER"
is 'SIGTERM goes to the program' "$RC" 143
check 'and the permit is back' says "$s" '"free":1'
check 'nothing ran' [ ! -e "$T/ran" ]
run "$SHUNT" sem ls
has 'ls' "$OUT" "$s *shunt *1 *3 *0 "
run "$SHUNT" sem rm "$s"
went 'rm of a pool'

# --- a wrong command line ---

run "$SHUNT" sem
refused 'no word' 2 'wait, post'
run "$SHUNT" sem frob "$s"
refused 'an unknown word' 2 '"frob"' 'wait, post'
run "$SHUNT" sem post
refused 'no name' 2 'post wants NAME'
run "$SHUNT" sem ls "$s"
refused 'ls of a name' 2 'no name'
run "$SHUNT" sem post "$s" -- true
refused 'post and a program' 2 'post'
run "$SHUNT" sem wait "$s" --
refused 'no program' 2 'behind --'
run "$SHUNT" sem show "$s" --try
refused 'show --try' 2 'show'
run "$SHUNT" sem wait "$s" -n 2
refused 'wait -n' 2 '--count'
run "$SHUNT" sem create "$s" --permits=70000
refused 'too many permits' 2 '65536'
run "$SHUNT" sem create "$s" --permits=4 --max=3
refused 'more permits than the maximum' 2 'from 0 to 3'
run "$SHUNT" sem create "$s" --max=0
refused 'a maximum of 0' 2 '--max'
run "$SHUNT" sem wait "$s" --try --timeout=1
refused 'try and timeout' 2 '--try'
run "$SHUNT" sem create "$p"
refused "create one of libc's" 1 "$p" '/name'
run "$SHUNT" sem wait "$p" --permits=2 -- true
refused "permits of one of libc's" 2 '--permits'
"$SHUNT" create "$N-raw" 4K
for what in 'wait --try' post show rm; do
	run "$SHUNT" sem $what "$N-raw"
	refused "$what of a raw segment" 1 "$N-raw"
done
check 'the raw segment is left' [ -e "$SHM-raw" ]

# --- POSIX named ones, of libc ---

for name in sem: sem:/ sem:/a/b "sem:/$(printf '%0252d' 0)"; do
	run "$SHUNT" sem show "$name"
	refused "name $name" 1 'sem:/name'
done
for what in 'wait --try' post show rm; do
	run "$SHUNT" sem $what "$p"
	refused "$what of nothing" 1 "$p" 'no such semaphore'
done
head -c 10 /dev/zero >"/dev/shm/sem.${N#/}-bad"
ln -s /etc/passwd "/dev/shm/sem.${N#/}-link"
for what in 'wait --try' post show; do
	run "$SHUNT" sem $what "sem:$N-bad"
	refused "$what of a corrupt one" 1 "sem:$N-bad" '10 bytes' 'corrupt'
	run "$SHUNT" sem $what "sem:$N-link"
	refused "$what of a link" 1 "sem:$N-link" 'no regular file'
done
run "$SHUNT" sem ls
has 'ls of a corrupt one' "$OUT" "sem:$N-bad *posix *corrupt"
hasnt 'ls of a link' "$OUT" "sem:$N-link"
run "$SHUNT" sem rm "sem:$N-bad"
went 'rm of a corrupt one'

cat >"$T/sem.c" <<'END'
#include <fcntl.h>
#include <semaphore.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
	sem_t *sem;
	if (argc == 3) {
		sem = sem_open(argv[1], O_CREAT | O_EXCL, 0600, atoi(argv[2]));
		return sem == SEM_FAILED;
	}
	sem = sem_open(argv[1], 0);
	return sem == SEM_FAILED || sem_post(sem) < 0;
}
END
if cc -pthread -o "$T/sem" "$T/sem.c" 2>"$T/cc.err"; then
	"$T/sem" "$N-p" 2
	check 'value' says "$p" '"value":2'
	run "$SHUNT" sem show "$p"
	went 'show'
	has 'show' "$OUT" "/dev/shm/sem.${N#/}-p"
	run "$SHUNT" sem show "/sem.${N#/}-p"
	refused 'the file, not the name' 1 "write $p"
	run "$SHUNT" sem ls
	has 'ls' "$OUT" "$p *posix *2 * 0600"
	run "$SHUNT" sem ls --json
	has 'ls for programs' "$(compact)" "{\"name\":\"$p\",\"sort\":\"posix\""
	for i in 1 2; do
		run "$SHUNT" sem wait "$p" --timeout=5
		went 'wait'
	done
	run "$SHUNT" sem wait "$p" --try
	refused 'wait --try' 3 "$p" 'in time'
	run "$SHUNT" sem wait "$p" --timeout=0.05
	refused 'wait --timeout' 3 "$p" 'in time'
	start "$SHUNT" sem wait "$p" --timeout=30
	until_ok 10 sleeps "$PID"
	"$T/sem" "$N-p"
	ended "$PID"
	is 'another program posts' "$RC" 0
	check 'and it was taken' says "$p" '"value":0'
	run "$SHUNT" sem post "$p" -n 3
	went 'post'
	check 'post' says "$p" '"value":3'
	holds_it "$p" f
	check 'held' says "$p" '"value":2'
	check 'show says by whom' says "$p" "{\"pid\":$HOLDER,"
	end_child f
	ended "$HOLDER"
	is "the program's exit code" "$RC" 9
	check 'given back' says "$p" '"value":3'
	holds_it "$p" g
	kill -9 "$HOLDER"
	ended "$HOLDER"
	end_child g
	until_ok 10 gone "$CHILD"
	check 'killed: it does not come back, as the help says' says "$p" '"value":2'
	run "$SHUNT" sem wait "$p" --timeout=10
	run "$SHUNT" sem wait "$p" --timeout=10
	start "$SHUNT" sem wait "$p"
	until_ok 10 sleeps "$PID"
	kill -TERM "$PID"
	ended "$PID"
	is 'SIGTERM ends a wait' "$RC" 143
	if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --clear-groups true; then
		for what in 'wait --try' post show; do
			run setpriv --reuid=65534 --regid=65534 --clear-groups \
			    "$SHUNT" sem $what "$p"
			refused "$what of another user's" 1 "$p" 'root' '0600'
		done
	fi
	run "$SHUNT" sem rm "$p"
	went 'rm'
	check 'rm' [ ! -e "/dev/shm/sem.${N#/}-p" ]
else
	echo "no C compiler: semaphores of libc are not tested"
fi

# --- System V sets ---

# set KEY COUNT MODE VALUE...: made by a program that knows nothing of shunt.
set_made() {
	perl -e '($k, $n, $m, @v) = @ARGV;
	    $id = semget(hex $k, $n, oct($m) | 01000 | 02000) // die "$!\n";
	    semctl($id, $_, 16, $v[$_]) // die "$!\n" for 0 .. $#v;
	    print "$id\n"' "$@"
}
for name in semset: semset:x semset:0 semset:-1 semset:0x1ffffffff \
    semset:id= semset:id=x semset:ftok=/etc semset:ftok=/etc,0; do
	run "$SHUNT" sem show "$name"
	refused "name $name" 1 "$name" 'semset:0x1234'
done
v="semset:${key}01"
for what in 'wait --try' post show rm; do
	run "$SHUNT" sem $what "$v"
	refused "$what of nothing" 1 "$v" 'no such set'
done
run "$SHUNT" sem show "semset:ftok=$T/none,1"
refused 'ftok of nothing' 1 "$T/none"
if id=$(set_made "${key}01" 3 0600 0 2 7); then
	run "$SHUNT" sem show "$v"
	went 'show of a set'
	has 'show of a set' "$OUT" "identifier $id"
	check 'show of a set for programs' says "$v" '"index":2,"value":7,"waiting":0'
	check 'by its identifier' says "semset:id=$id" '"index":1,"value":2'
	run "$SHUNT" sem wait "$v"
	refused 'one of three' 1 "$v" 'which one'
	run "$SHUNT" sem show "$v:3"
	refused 'none of three' 1 "$v:3" '3 semaphores'
	for i in 1 2; do
		run "$SHUNT" sem wait "$v:1" --timeout=10
		went 'wait'
	done
	check 'wait' says "$v:1" '[{"index":1,"value":0,'
	run "$SHUNT" sem wait "$v:1" --try
	refused 'wait --try' 3 "$v:1" 'in time'
	run "$SHUNT" sem wait "$v:1" --timeout=0.05
	refused 'wait --timeout' 3 "$v:1" 'in time'
	start "$SHUNT" sem wait "$v:1"
	check 'a waiter is counted' until_ok 10 says "$v:1" '"waiting":1'
	run "$SHUNT" sem ls
	has 'ls counts it, too' "$OUT" "$v *sysv *0 0 7 * 1 * 0600"
	perl -e 'semop($ARGV[0], pack("s!3", 1, 1, 0)) or die' "$id"
	ended "$PID"
	is 'another program posts' "$RC" 0
	run "$SHUNT" sem post "$v:1" -n 5
	went 'post'
	check 'post' says "$v:1" '"value":5'
	run "$SHUNT" sem post "$v:1" -n 32767
	refused 'post beyond the maximum' 1 "$v:1" '32767'
	run "$SHUNT" sem wait "$v:1" -- sh -c 'exit 7'
	is "the program's exit code" "$RC" 7
	check 'given back' says "$v:1" '"value":5'
	run "$SHUNT" sem wait "$v:1" -- "$T/no-such-program"
	refused 'no such program' 127 no-such-program
	check 'no such program: given back' says "$v:1" '"value":5'
	holds_it "$v:1" h
	check 'held' says "$v:1" '"value":4'
	is 'it has become the program' "$HOLDER" "$CHILD"
	kill -9 "$HOLDER"
	ended "$HOLDER"
	check 'killed: the kernel gives it back' says "$v:1" '"value":5'
	start "$SHUNT" sem wait "$v:0"
	until_ok 10 says "$v:0" '"waiting":1'
	kill -TERM "$PID"
	ended "$PID"
	is 'SIGTERM ends a wait' "$RC" 143
	start "$SHUNT" sem wait "$v:0" 2>"$T/removed"
	until_ok 10 says "$v:0" '"waiting":1'
	if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --clear-groups true; then
		for what in "wait --try $v:1" "post $v:1" "show $v" "rm $v"; do
			run setpriv --reuid=65534 --regid=65534 --clear-groups \
			    "$SHUNT" sem $what
			refused "$what of another user's" 1 "$v" 'root' '0600'
		done
	fi
	run "$SHUNT" sem rm "$v:1"
	refused 'rm of one' 1 'whole set'
	run "$SHUNT" sem rm "$v"
	went 'rm of a set'
	ended "$PID"
	is 'who waits is told: exit' "$RC" 1
	check 'who waits is told' holds "$T/removed" removed
	run "$SHUNT" sem show "$v"
	refused 'rm of a set: it is gone' 1 'no such set'
else
	fail 'perl cannot make a System V set'
fi
:

# A permit of a dead holder is missing until somebody waits; that is said.
s="$N-gone"
"$SHUNT" sem create "$s" --permits=3
mkfifo "$T/gone.end"
start "$SHUNT" sem wait "$s" -- sh -c 'echo up >"$1.up"; read -r _ <"$1.end"' \
    sh "$T/gone"
until_ok 10 [ -s "$T/gone.up" ]
run "$SHUNT" sem show "$s"
row 'its program' programs '[1-9]* (sh)'
hasnt 'nobody died' "$OUT" missing
program=$(pgrep -P "$PID")
mine "$program"
kill -9 "$PID" "$program"
ended "$PID"
until_ok 10 gone "$program"
run "$SHUNT" sem show "$s"
row 'one is missing' missing \
    '1 of a holder that died; the next wait brings it back'
row 'two are there' permits '2 free, 0 held, at most 3'
run "$SHUNT" sem show "$s" --json
has 'one is missing, for programs' "$(compact)" '"missing":1'
run "$SHUNT" sem wait "$s" -- true
run "$SHUNT" sem show "$s"
hasnt 'none is missing' "$OUT" missing
row 'it is back' permits '3 free, 0 held, at most 3'
row 'the history counts' RECOVERED '*PERMITS  NOTICED BY'
run "$SHUNT" sem post "$s" -n 0
refused 'post of none' 2 --count 'from 1 on'
run "$SHUNT" sem create "$s" --excl
refused 'sem create -x' 1 "$s" 'exists already; without --excl'
"$SHUNT" sem rm "$s"
