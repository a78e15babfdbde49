#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 7: Python's resource_tracker unlinks segments that others use.
# There is no Python binding; what docs/limits.md tells to do instead is tried:
# the mmap module, and the library itself through ctypes, which have no tracker.
. "$(dirname "$0")/../cli/lib.sh"
command -v python3 >/dev/null || skip 'there is no python3'

"$SHUNT" create "$N-a" 4K
"$SHUNT" write "$N-a" 'from the shell'

# The pain: a look at it, and it is gone (until Python 3.13's track=False).
cat >"$T/tracked.py" <<'END'
import sys
from multiprocessing.shared_memory import SharedMemory
s = SharedMemory(name=sys.argv[1])
print(bytes(s.buf[:14]).decode())
s.close()
END
cp "$SHM-a" "$T/copy"
run python3 "$T/tracked.py" "${N#/}-a"
is 'the tracker reads it' "$OUT" 'from the shell'
gone() { [ ! -e "$SHM-a" ]; }
until_ok 2 gone || echo 'this Python spares it'
cp "$T/copy" "$SHM-a"

# The remedies.
cat >"$T/mapped.py" <<'END'
import mmap, os, sys
fd = os.open('/dev/shm' + sys.argv[1], os.O_RDWR)
m = mmap.mmap(fd, 0)
os.close(fd)
print(m[:14].decode())
m[5:8] = b'one'
END
run python3 "$T/mapped.py" "$N-a"
is 'mmap reads it' "$OUT" 'from the shell'
run "$SHUNT" read "$N-a" -n 14
is 'and it is still there' "$OUT" 'from one shell'

lib=$(dirname "$SHUNT")/libshunt.so.0
[ -e "$lib" ] && [ "${SAN:-plain}" = plain ] || skip 'no plain shared library'
cat >"$T/library.py" <<'END'
import ctypes, sys
shunt = ctypes.CDLL(sys.argv[1])
shunt.shunt_error_detail.restype = ctypes.c_char_p
q = ctypes.c_void_p()
if shunt.shunt_queue_open(ctypes.byref(q), sys.argv[2].encode(), None) < 0:
    sys.exit(shunt.shunt_error_detail().decode())
shunt.shunt_queue_send(q, b'from Python', ctypes.c_size_t(11), None)
shunt.shunt_queue_close(ctypes.byref(q))
END
run python3 "$T/library.py" "$lib" "$N-q"
went 'the library in Python'
run "$SHUNT" recv "$N-q" --timeout=5
is 'what it sent is there' "$OUT" 'from Python'
