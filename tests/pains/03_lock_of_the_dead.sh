#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 3: a lock whose holder was killed hangs everybody for ever.
# Remedy: every lock and every permit knows its holder, and the kernel tells
# when that one has ended.
. "$(dirname "$0")/../cli/lib.sh"

held() {
	[ "$("$SHUNT" lock "$1" --status --json 2>/dev/null |
	    jq -r .held)" = true ]
}
free() {
	[ "$("$SHUNT" sem show "$1" --json 2>/dev/null | jq -r .value)" = "$2" ]
}

# hold COMMAND...: with a program that outlives it; VICTIM holds.
hold() {
	start "$SHUNT" "$@" --close -- sh -c 'echo $$ >"$0"; exec sleep 60' \
	    "$T/child"
	VICTIM=$PID
	until_ok 5 [ -s "$T/child" ] || fail 'its program does not run'
	mine "$(cat "$T/child")"
	rm "$T/child"
}

hold lock "$N-l"
until_ok 5 held "$N-l" || fail 'it does not hold the lock'
run "$SHUNT" lock "$N-l" --try -- true
refused 'while it lives' 3 "$N-l"
kill -9 "$VICTIM"
run "$SHUNT" lock "$N-l" --timeout=5 -- echo mine
is 'the next one has it' "$OUT" mine
is 'and no wait without end' "$RC" 0

hold sem wait "$N-s" --permits=1
until_ok 5 free "$N-s" 0 || fail 'it does not hold the permit'
run "$SHUNT" sem wait "$N-s" --try -- true
refused 'while it lives' 3 "$N-s"
kill -9 "$VICTIM"
run "$SHUNT" sem wait "$N-s" --timeout=5 -- echo mine
is 'its permit came back' "$OUT" mine

# The pain: a semaphore of libc has no holder.
cat >"$T/libc.py" <<'END'
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.sem_open.restype = ctypes.c_void_p
sem = ctypes.c_void_p(libc.sem_open(sys.argv[1].encode(), os.O_CREAT,
                                    0o600, 1))
if libc.sem_wait(sem) == 0:
    os.kill(os.getpid(), signal.SIGKILL)
END
run python3 "$T/libc.py" "$N-p"
is 'it was killed with the permit' "$RC" 137
run "$SHUNT" sem wait "sem:$N-p" --timeout=0.3 -- true
is 'a permit of libc does not come back' "$RC" 3
"$SHUNT" sem post "sem:$N-p"
run "$SHUNT" sem wait "sem:$N-p" --timeout=5 -- echo mine
is 'unless somebody posts it' "$OUT" mine
"$SHUNT" sem rm "sem:$N-p"
