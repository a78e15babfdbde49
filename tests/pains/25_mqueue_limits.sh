#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 25: POSIX message queues hold 10 messages of 8 KiB and fail with EMFILE
# or EINVAL that nobody understands.
# Remedy: a queue needs no sysctl and no ulimit; `doctor` shows those of mq.
. "$(dirname "$0")/../cli/lib.sh"

# The pain, as this machine is set.
cat >"$T/mq.py" <<'END'
import ctypes, errno, os, sys
class attr(ctypes.Structure):
    _fields_ = [(n, ctypes.c_long) for n in
                ('flags', 'maxmsg', 'msgsize', 'curmsgs')] + [
                ('pad', ctypes.c_long * 4)]
libc = ctypes.CDLL(None, use_errno=True)
want = attr(0, 1000000, 16384, 0)
q = libc.mq_open(sys.argv[1].encode(), os.O_CREAT | os.O_RDWR, 0o600,
                 ctypes.byref(want))
print(errno.errorcode[ctypes.get_errno()] if q < 0 else 'made')
END
run python3 "$T/mq.py" "$N-mq"
has 'an mq of a million messages' "$OUT" E

# 2,000 messages of up to 16 KiB wait at once, and none may be in any mq.
awk 'BEGIN { x = "."; while (length(x) < 16000) x = x x
    for (i = 0; i < 2000; i++) print i substr(x, 1, i % 16 * 1000) }' >"$T/in"
"$SHUNT" create "$N-q" 64M --kind=queue
run_from "$T/in" prlimit --msgqueue=0 "$SHUNT" send "$N-q" --timeout=5
went 'sent with no memory for message queues'
run "$SHUNT" recv "$N-q" -n 2000 --timeout=5
check 'all of them came' cmp -s "$T/in" "$T/out"

run "$SHUNT" doctor --json
has 'doctor: what EINVAL means' "$OUT" 'fs.mqueue.msg_max'
has 'doctor: what EMFILE means' "$OUT" 'RLIMIT_MSGQUEUE'
