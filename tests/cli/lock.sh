#!/bin/sh
# SPDX-License-Identifier: MIT
# lock: one program at a time, whoever is killed; exit codes, signals, status.
# limit: 120
. "$(dirname "$0")/lib.sh"
l="$N-l"
esc=$(printf '\033')

# What the lock says of itself, as JSON without blanks.
status() {
	"$SHUNT" lock "$1" --status --json 2>/dev/null | tr -d ' \n'
}
says() {
	case $(status "$1") in
	*"$2"*) ;;
	*) return 1 ;;
	esac
}

# holds_it LOCK NAME [OPTION...]: starts `shunt lock` with a program that
# lives until something is written into $T/NAME.end; HOLDER, CHILD are pids.
holds_it() {
	_lock=$1 _n=$2
	shift 2
	mkfifo "$T/$_n.end"
	start "$SHUNT" lock "$_lock" "$@" -- sh -c \
	    'echo $$ >"$1.pid.new"; mv "$1.pid.new" "$1.pid"; read -r _ <"$1.end"
	    exit 9' sh "$T/$_n" 2>"$T/$_n.err"
	HOLDER=$PID
	until_ok 10 [ -s "$T/$_n.pid" ] || fail "no program in $_lock"
	CHILD=$(cat "$T/$_n.pid")
	mine "$CHILD"
}
end_child() {
	echo >"$T/$1.end"
}

# Waits until it sleeps, with the lock open.
waits_for() {
	until_ok 10 says "$2" "{\"pid\":$1," && until_ok 10 sleeps "$1"
}

# The program: its arguments, its input, its exit code.
run "$SHUNT" lock "$l" -- printf '%s|' one 'two words' --try -- -n
went 'a program'
is 'its arguments' "$OUT" 'one|two words|--try|--|-n|'
echo 'from outside' >"$T/in"
run_from "$T/in" "$SHUNT" lock "$l" -- cat
is 'its input' "$OUT" 'from outside'
check 'an ephemeral lock goes' [ ! -e "$SHM-l" ]
for rc in 0 1 3 7 255; do
	run "$SHUNT" lock "$l" -- sh -c "exit $rc"
	is 'its exit code' "$RC" $rc
	is 'and no word about it' "$ERR" ''
done
for sig in 9 15 6; do
	run "$SHUNT" lock "$l" -- sh -c "ulimit -c 0; kill -$sig \$\$"
	is "ended by signal $sig" "$RC" $((128 + sig))
done
run "$SHUNT" lock "$l" -- "$T/no-such-program"
refused 'no such program' 127 no-such-program
run "$SHUNT" lock "$l" -- "$T"
refused 'no program' 126 "$T"
echo 'echo it ran' >"$T/script"
chmod +x "$T/script"
run "$SHUNT" lock "$l" -- "$T/script"
is 'a script without a first line' "$OUT" 'it ran'
check 'nothing is left' [ ! -e "$SHM-l" ]

# A wrong command line, and what is no lock.
run "$SHUNT" lock "$l"
refused 'no program given' 2 'behind --'
run "$SHUNT" lock "$l" --
refused 'nothing behind --' 2 'behind --'
run "$SHUNT" lock "$l" true
refused 'no --' 2 '"true"' 'behind --'
run "$SHUNT" lock "$l" --status -- true
refused 'status and a program' 2 '--status'
run "$SHUNT" lock "$l" --json -- true
refused 'json without status' 2 '--json'
run "$SHUNT" lock "$l" --try --timeout=1 -- true
refused 'try and timeout' 2 '--try'
run "$SHUNT" lock "$l" --status
refused 'status of nothing' 1 "$l" 'no such lock'
run "$SHUNT" lock / -- true
refused 'a bad name' 1 'name'
"$SHUNT" create "$N-raw" 4K
"$SHUNT" send "$N-q" x
for other in raw q; do
	run "$SHUNT" lock "$N-$other" -- true
	refused "lock of $other" 1 "$N-$other"
	run "$SHUNT" lock "$N-$other" --status
	refused "status of $other" 1 "$N-$other" 'no lock'
done
run "$SHUNT" lock sysv:0x1234 -- true
refused 'a System V name' 1 'sysv:0x' 'posix:/name'

# One at a time: a count that is read, and written a moment later.
echo 0 >"$T/count"
cat >"$T/step" <<'END'
mkdir "$1/inside" || echo overlap >>"$1/overlaps"
read -r n <"$1/count"
echo $((n + 1)) >"$1/count"
rmdir "$1/inside"
END
many=''
for i in 1 2 3 4 5 6 7 8; do
	start sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		"$1" lock "$2" --timeout=60 -- sh "$3/step" "$3" || echo "$?"
	done' sh "$SHUNT" "$N-m" "$T" >"$T/many.$i" 2>&1
	many="$many $PID"
done
for pid in $many; do
	until_ok 60 gone "$pid"
	wait "$pid"
done
is 'one at a time: the count is exact' "$(cat "$T/count")" 120
check 'one at a time: nobody met anybody' [ ! -e "$T/overlaps" ]
is 'one at a time: nobody complained' "$(cat "$T"/many.*)" ''
check 'one at a time: nothing is left' [ ! -e "$SHM-m" ]

# Held: others wait as long as they like.
holds_it "$l" a
run "$SHUNT" lock "$l" --try -- touch "$T/ran"
refused 'try' 3 "$l" "process $HOLDER (shunt:sh)" 'in time'
run "$SHUNT" lock "$l" --timeout=0 -- touch "$T/ran"
refused 'a limit of 0' 3 "$l"
run "$SHUNT" lock "$l" --timeout=0.05 -- touch "$T/ran"
refused 'a limit' 3 "$l" "process $HOLDER"
check 'nothing ran' [ ! -e "$T/ran" ]
run "$SHUNT" lock "$l" --status
went 'status'
has 'status' "$OUT" "$l: lock, held"
has 'status: by whom' "$OUT" "process $HOLDER (shunt:sh)"
has 'status: for what' "$OUT" "$CHILD (sh)"
check 'status for programs' says "$l" "\"held\":true,\"holder_pid\":$HOLDER"
check 'status: the program keeps it' says "$l" \
    "\"kept_by\":[{\"pid\":$CHILD,\"command\":\"sh\"}]"
start "$SHUNT" lock "$l" --timeout=30 -- echo 'now I' >"$T/next"
next=$PID
check 'a waiter sleeps' waits_for "$next" "$l"
end_child a
ended "$next"
is 'a waiter gets it' "$RC$(cat "$T/next")" '0now I'
ended "$HOLDER"
is "the holder's program said 9" "$RC" 9
is 'and no warning' "$(cat "$T/a.err")" ''

# Killed: the program keeps the lock until it ends, then the next is told.
holds_it "$l" b --persistent
kill -9 "$HOLDER"
ended "$HOLDER"
run "$SHUNT" lock "$l" --try -- touch "$T/ran"
refused 'killed: still held' 3 "process $HOLDER, which died" "$CHILD (sh)"
check 'killed: status, too' says "$l" '"held":true'
run "$SHUNT" lock "$l" --status
has 'killed: status says who keeps it' "$OUT" "kept by $CHILD (sh)"
end_child b
check 'the program ends' until_ok 10 gone "$CHILD"
check 'free, but unrepaired' until_ok 10 says "$l" '"held":false,"holder_pid":0,"unrepaired":true'
run "$SHUNT" lock "$l" --status
has 'unrepaired' "$OUT" 'free, but unrepaired'
run "$SHUNT" lock "$l" -- echo on
is 'the next one runs' "$RC$OUT" 0on
is 'with one sentence' "$(wc -l <"$T/err")" 1
has 'that says who' "$ERR" "$l: the last holder, process $HOLDER (shunt:sh)"
has 'and what' "$ERR" 'died with it'
dead=$HOLDER
run "$SHUNT" lock "$l" -- echo on
went 'the one after it hears nothing'
run "$SHUNT" lock "$l" --status
has 'history' "$OUT" '1 time from a holder that died'
has 'history: who' "$OUT" " $dead "
check 'history for programs' says "$l" "\"dead_pid\":$dead,\"dead_uid\":$(id -u),\"command\":\"shunt:sh\""
check 'history for programs: how many' says "$l" '"recoveries":1'

# Both killed, while somebody waits for ever.
holds_it "$l" c
start "$SHUNT" lock "$l" -- echo 'now I' >"$T/next" 2>"$T/next.err"
next=$PID
check 'both killed: a waiter sleeps' waits_for "$next" "$l"
kill -9 "$HOLDER"
ended "$HOLDER"
check 'both killed: still held' says "$l" '"held":true'
check 'both killed: it waits on' sleeps "$next"
kill -9 "$CHILD"
ended "$next"
is 'both killed: the waiter gets it' "$RC$(cat "$T/next")" '0now I'
has 'both killed: it is told' "$(cat "$T/next.err")" "process $HOLDER"
check 'both killed: counted' says "$l" '"recoveries":2'

# --close: the program keeps nothing.
holds_it "$l" d --close
kill -9 "$HOLDER"
ended "$HOLDER"
run "$SHUNT" lock "$l" --try -- echo on
is 'close: free, though the program runs' "$RC$OUT" 0on
has 'close: with the warning' "$ERR" "process $HOLDER"
check 'close: it runs' kill -0 "$CHILD"
end_child d

# What a program leaves behind keeps nothing once that program has ended.
run "$SHUNT" lock "$l" -- sh -c 'sleep 60 >/dev/null 2>&1 & echo $!'
went 'a program that leaves another'
mine "$OUT"
check 'the other one lives' kill -0 "$OUT"
run "$SHUNT" lock "$l" --try -- true
went 'and the lock is free'

# Repair, before anybody else enters.
died() {
	holds_it "$l" "$1"
	kill -9 "$HOLDER" "$CHILD"
	ended "$HOLDER"
	until_ok 10 says "$l" '"held":false'
}
died e
run "$SHUNT" lock "$l" --repair='exit 5' -- touch "$T/ran"
is 'a repair that fails: exit' "$RC" 1
has 'a repair that fails' "$ERR" "$l: the repair ended with exit 5"
has 'a repair that fails: who had died' "$ERR" "process $HOLDER"
check 'a repair that fails: nothing ran' [ ! -e "$T/ran" ]
check 'a repair that fails: unrepaired' says "$l" '"held":false,"holder_pid":0,"unrepaired":true'
run "$SHUNT" lock "$l" --repair='echo repair' -- echo program
is 'a repair: exit' "$RC" 0
is 'a repair: first it, then the program' "$OUT" "$(printf 'repair\nprogram')"
has 'a repair: who had died' "$ERR" "process $HOLDER"
check 'a repair: done' says "$l" '"unrepaired":false'
run "$SHUNT" lock "$l" --repair='echo repair' -- echo program
went 'nothing to repair'
is 'nothing to repair' "$OUT" program
died f
mkfifo "$T/r.end"
R=$T/r
export R
start "$SHUNT" lock "$l" --repair='echo $$ >"$R.new"; mv "$R.new" "$R"
    read -r _ <"$R.end"' -- touch "$T/ran" 2>"$T/r.err"
first=$PID
check 'a repair runs' until_ok 10 [ -s "$T/r" ]
repairer=$(cat "$T/r")
mine "$repairer"
run "$SHUNT" lock "$l" --try -- true
refused 'meanwhile it is held' 3 "process $first"
run "$SHUNT" lock "$l" --status
has 'meanwhile it is being repaired' "$OUT" 'held, being repaired'
kill -9 "$first"
ended "$first"
run "$SHUNT" lock "$l" --try -- true
refused 'killed in it: the repair keeps it' 3 "kept by $repairer"
kill -9 "$repairer"
until_ok 10 says "$l" '"held":false'
check 'killed in it: unrepaired' says "$l" '"unrepaired":true'
run "$SHUNT" lock "$l" --repair='echo anew' -- echo program
is 'the next one repairs anew' "$RC$OUT" "$(printf '0anew\nprogram')"
check 'nothing ran in between' [ ! -e "$T/ran" ]

# Who has looked at nothing does not say that it is sound.
died dirty
run "$SHUNT" lock "$l" -- "$T/no-such-program"
is 'dirty, and no such program: exit' "$RC" 127
has 'dirty, and no such program' "$ERR" "process $HOLDER"
check 'it stays unrepaired' says "$l" '"unrepaired":true'
run "$SHUNT" lock "$l" -- true
has 'the next one is told too' "$ERR" 'died with it'
check 'a program that ran says it is sound' says "$l" '"unrepaired":false'

# Asked to stop while it repairs: repaired, and no more.
died stopped
rm -f "$T/r" "$T/r.end"
mkfifo "$T/r.end"
start "$SHUNT" lock "$l" --repair='trap : TERM
    echo $$ >"$R.new"; mv "$R.new" "$R"; read -r _ <"$R.end"
    read -r _ <"$R.end"; exit 0' -- touch "$T/ran" 2>"$T/r.err"
check 'a repair that SIGTERM does not end' until_ok 10 [ -s "$T/r" ]
mine "$(cat "$T/r")"
kill -TERM "$PID"
# Kept open: what is in a fifo goes with the last one who has it open.
exec 9<>"$T/r.end"
printf '\n\n' >&9
ended "$PID"
exec 9>&-
check 'asked to stop in a repair: nothing ran' [ ! -e "$T/ran" ]
check 'and it is repaired' says "$l" '"unrepaired":false'

# Signals go to the program; a waiter ends.
start "$SHUNT" lock "$l" -- perl -e '$SIG{TERM} = sub { exit 5 };
    open(F, ">", "$ARGV[0].up"); print F "up\n"; close F; sleep 1 while 1' \
    "$T/sig"
check 'a program with a trap' until_ok 10 [ -s "$T/sig.up" ]
kill -TERM "$PID"
ended "$PID"
is 'SIGTERM is passed on' "$RC" 5
holds_it "$l" g
kill -TERM "$HOLDER"
ended "$HOLDER"
is 'SIGTERM ends a program without a trap' "$RC" 143
check 'it has ended' gone "$CHILD"
run "$SHUNT" lock "$l" --try -- true
went 'and the lock was given back'
holds_it "$l" h
start "$SHUNT" lock "$l" -- touch "$T/ran"
next=$PID
check 'a waiter for a signal' waits_for "$next" "$l"
kill -TERM "$next"
ended "$next"
is 'SIGTERM ends a waiter' "$RC" 143
check 'it ran nothing' [ ! -e "$T/ran" ]
end_child h
ended "$HOLDER"
run "$SHUNT" lock "$l" --try -- true
went 'a waiter that ended left nothing'
run "$SHUNT" lock "$l" -- sh -c 'trap - PIPE; kill -PIPE $$'
is 'SIGPIPE is as it was' "$RC" 141

# Removed under its users.
holds_it "$l" i
start "$SHUNT" lock "$l" -- touch "$T/ran" 2>"$T/removed"
next=$PID
check 'a waiter for a removal' waits_for "$next" "$l"
run "$SHUNT" rm "$l"
refused 'rm of a lock in use' 1 "$l" --force
run "$SHUNT" rm --force "$l"
is 'rm --force' "$RC" 0
ended "$next"
is 'a waiter is told: exit' "$RC" 1
check 'a waiter is told' holds "$T/removed" removed
check 'and runs nothing' [ ! -e "$T/ran" ]
end_child i
ended "$HOLDER"
is "the holder's program is left alone" "$RC" 9

# The history of a lock counts no permits.
"$SHUNT" create "$l" --kind=lock
died history
run "$SHUNT" lock "$l" --repair=true -- true
run "$SHUNT" lock "$l" --status
has 'the history' "$OUT" 'NOTICED BY'
hasnt 'the history counts no permits' "$OUT" PERMITS
"$SHUNT" rm "$l"

# Two that are both process 1, each in a namespace of its own.
if [ "$(id -u)" = 0 ] && unshare -pf true 2>/dev/null; then
	mkfifo "$T/ns.end"
	start unshare -pf --kill-child "$SHUNT" lock "$l" --persistent -- \
	    sh -c 'echo up >"$1.up"; read -r _ <"$1.end"' sh "$T/ns"
	first=$PID
	check 'in a namespace' until_ok 10 [ -s "$T/ns.up" ]
	run unshare -pf "$SHUNT" lock "$l" --try -- touch "$T/ran"
	refused 'in another namespace' 3 "$l" 'held by process [1-9]*(shunt:sh)'
	run "$SHUNT" lock "$l" --status
	outer=$(pgrep -P "$first")
	has 'from outside: its number here' "$OUT" \
	    "held by *process $outer (shunt:sh)"
	hasnt 'from outside: nobody died' "$OUT" 'which died'
	run "$SHUNT" lock "$l" --try -- true
	refused 'from outside' 3 "process $outer (shunt:sh)"
	run "$SHUNT" stat "$l"
	is 'from outside: used by' "$(sed -n 's/^ *used by  *//p' "$T/out")" \
	    "$outer (shunt:sh)"
	run unshare -pf --mount-proc "$SHUNT" lock "$l" --status
	has 'from a third' "$OUT" 'process 1 of another PID namespace (shunt:sh)'
	hasnt 'from a third: nobody died' "$OUT" 'which died'
	run unshare -pf --mount-proc "$SHUNT" stat "$l"
	has 'from a third: used by' "$OUT" \
	    'used by *process 1 of another PID namespace (shunt:sh)'
	run unshare -pf --mount-proc "$SHUNT" stat "$l" --json
	has 'from a third, for programs' "$(compact)" \
	    '"users":\[{"pid":null,"command":"shunt:sh","pid_there":1}]'
	run unshare -pf --mount-proc "$SHUNT" rm "$l"
	refused 'rm from a third' 1 'process 1 of another PID namespace'
	run "$SHUNT" lock "$N-nest" -- unshare -pf --mount-proc \
	    "$SHUNT" lock "$N-nest" --status
	has 'its program is in a namespace: who started it' "$OUT" \
	    'of another PID namespace (shunt:unshare)'
	has 'its program is in a namespace: itself' "$OUT" 'run by it *1 (shunt)'
	start unshare -pf --kill-child "$SHUNT" lock "$l" -- echo 'now I' \
	    >"$T/next" 2>"$T/next.err"
	next=$PID
	check 'it opens the lock' until_ok 10 says "$l" '"command":"shunt:echo"'
	run unshare -pf "$SHUNT" lock "$l" --timeout=0.3 -- touch "$T/ran"
	is 'a process 1 that lives is not taken for dead' "$RC" 3
	check 'the waiter waits on' [ ! -s "$T/next" ]
	kill -9 "$first"
	ended "$next"
	is 'one that died is' "$RC$(cat "$T/next")" '0now I'
	check 'and the next one is told' holds "$T/next.err" 'process 1 (shunt:sh)'
	"$SHUNT" rm "$l"
fi

# Modes, and bytes of others on a terminal.
"$SHUNT" lock "$N-mode" --mode=0640 --persistent -- true
is 'mode' "$(stat -c %a "$SHM-mode")" 640
cp "$(command -v sleep)" "$T/${esc}[31mx"
start "$SHUNT" lock "$N-esc" -- "$T/${esc}[31mx" 60
until_ok 10 says "$N-esc" '"held":true'
run "$SHUNT" lock "$N-esc" --status
has 'a program with an escape sequence' "$OUT" '\x1b'
hasnt 'a program with an escape sequence' "$OUT" "$esc"
run "$SHUNT" lock "$N-esc" --try -- true
hasnt 'nor in a sentence' "$ERR" "$esc"
kill -TERM "$PID"
ended "$PID"

# Ctrl-C comes to the program once, and ends both as the shell wants to see.
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	mkfifo "$T/keys"
	cat >"$T/ints.pl" <<'END'
$| = 1;
$SIG{INT} = sub { $n++; print "int $n\n" };
$SIG{TERM} = sub { print "total $n\n"; exit 0 };
print "up $$ ", getppid, "\n";
sleep 1 while 1;
END
	export N T SHUNT
	script -qec '"$SHUNT" lock "$N-tty" -- perl "$T/ints.pl"' \
	    /dev/null <"$T/keys" >"$T/tty" 2>&1 &
	PID=$!
	mine "$PID"
	exec 6>"$T/keys"
	check 'a program on a terminal' until_ok 10 holds "$T/tty" 'up '
	printf '\003' >&6
	check 'Ctrl-C comes to it' until_ok 10 holds "$T/tty" 'int 1'
	kill -TERM "$(sed -n 's/^up [0-9]* \([0-9]*\).*/\1/p' "$T/tty")"
	ended "$PID"
	check 'once' holds "$T/tty" 'total 1'
	# The shell lets what it starts in the background ignore SIGINT.
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' \
	    script -qec 'bash -c "\"\$SHUNT\" lock \"\$N-tty\" -- sleep 60; echo not me"' \
	    /dev/null <"$T/keys" >"$T/tty" 2>&1 &
	PID=$!
	mine "$PID"
	exec 6>"$T/keys"
	check 'a script on a terminal' until_ok 10 says "$N-tty" '"command":"sleep"'
	printf '\003' >&6
	ended "$PID"
	hasnt 'Ctrl-C ends the script, too' "$(cat "$T/tty")" 'not me'
	exec 6>&-
fi
:
