# SPDX-License-Identifier: MIT
# NAME READY GO PROGRAM: a process of that program name, which has one of each
# kind of shared memory, says so to READY and ends when GO does.
import ctypes, mmap, os, sys
n, ready, go, evil = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(15, evil.encode(), 0, 0, 0)
kept = []
def have(fd, size):
    os.ftruncate(fd, size)
    m = mmap.mmap(fd, size)
    m[:4096] = b"x" * 4096
    kept.append(m)
def shm(name, mode=0o600):
    return os.open("/dev/shm" + name, os.O_RDWR | os.O_CREAT, mode)
fd = shm(n + "-live"); have(fd, 1 << 20); os.close(fd)
fd = shm(n + "-unl"); have(fd, 8192); os.close(fd); os.unlink("/dev/shm" + n + "-unl")
kept.append(os.memfd_create("mem")); have(kept[-1], 12288)
libc.shmat.restype = ctypes.c_void_p
libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
for key, size in ((0x5101, 5000), (0x5102, 6000)):
    i = libc.shmget(key, size, 0o1600)
    libc.shmat(i, None, 0)
libc.shmctl(i, 0, None)
q = libc.mq_open(b"/" + n[1:].encode() + b"-mq", os.O_RDWR | os.O_CREAT, 0o600, None)
libc.mq_send(q, b"hello", 5, 0)
if q < 0 or i < 0:
    sys.exit("no message queue or segment: %d" % ctypes.get_errno())
open(ready, "w").close()
open(go).read()
