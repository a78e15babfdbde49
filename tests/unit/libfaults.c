/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>
#include <stddef.h>

#include "os/os.h"
#include "unit/faults.h"

static struct shunt__os real;
static atomic_uint calls;
static unsigned at;
static int code, for_ever;
static const char *_Atomic failed;

/* Is it this call's turn?  0 or the code. */
static int
fault(const char *name)
{
	unsigned n = atomic_fetch_add(&calls, 1) + 1;
	const char *none = "";

	if (n < at || (n > at && !for_ever))
		return 0;
	atomic_compare_exchange_strong(&failed, &none, name);
	return -code;
}

#define FAULT(type, name, params, args)                                        \
	static type fault_##name params                                        \
	{                                                                      \
		int e = fault(#name);                                          \
		return e != 0 ? e : real.name args;                            \
	}
#define FAULT_AFTER(type, name, params, args)                                  \
	static type fault_##name params                                        \
	{                                                                      \
		type done = real.name args;                                    \
		int e = fault(#name);                                          \
		return e != 0 ? e : done;                                      \
	}

FAULT(int, open, (const char *p, int f, mode_t m), (p, f, m))
FAULT_AFTER(int, close, (int fd), (fd))
FAULT(ssize_t, pread, (int fd, void *b, size_t n, off_t o), (fd, b, n, o))
FAULT(
    ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
FAULT(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n))
FAULT(int, ftruncate, (int fd, off_t s), (fd, s))
FAULT(int, fallocate, (int fd, int m, off_t o, off_t n), (fd, m, o, n))
FAULT(int, fstat, (int fd, struct stat *st), (fd, st))
FAULT(int, lstat, (const char *p, struct stat *st), (p, st))
FAULT(int, stat, (const char *p, struct stat *st), (p, st))
FAULT(int, birth, (int fd, int64_t *ns), (fd, ns))
FAULT(int, fstatfs, (int fd, struct statfs *sf), (fd, sf))
FAULT(int, fchmod, (int fd, mode_t m), (fd, m))
FAULT(int, fchown, (int fd, uid_t u, gid_t g), (fd, u, g))
FAULT(int, chmod_path, (int fd, mode_t m), (fd, m))
FAULT(int, chown_path, (int fd, uid_t u, gid_t g), (fd, u, g))
FAULT(int, link_fd, (int fd, const char *p), (fd, p))
FAULT(int, rename_new, (const char *a, const char *b), (a, b))
FAULT(int, unlink, (const char *p), (p))
FAULT(int, memfd, (const char *n, unsigned f), (n, f))
FAULT(
    int, mmap, (void **out, size_t n, int p, int f, int fd), (out, n, p, f, fd))
FAULT(int, mmap_at, (void **a, size_t n, int p, int f, int fd, off_t o),
    (a, n, p, f, fd, o))
FAULT(int, mprotect, (void *a, size_t n, int p), (a, n, p))
FAULT(int, mremap, (void **a, size_t o, size_t n, int f), (a, o, n, f))
FAULT(int, mlock, (const void *a, size_t n), (a, n))
FAULT_AFTER(int, munmap, (void *p, size_t n), (p, n))
FAULT(int, madvise, (void *p, size_t n, int a), (p, n, a))
FAULT(int, lease, (int fd, int cmd, int arg), (fd, cmd, arg))
FAULT(int, fcntl, (int fd, int cmd, int arg), (fd, cmd, arg))
FAULT(ssize_t, sendmsg, (int fd, const struct msghdr *m, int f), (fd, m, f))
FAULT(ssize_t, recvmsg, (int fd, struct msghdr *m, int f), (fd, m, f))
FAULT(int, sockopt, (int fd, int o), (fd, o))
FAULT(int, rlimit, (int what, uint64_t *b), (what, b))
FAULT(int, fdatasync, (int fd), (fd))
FAULT_AFTER(int, touch, (int fd), (fd))
FAULT(ssize_t, read, (int fd, void *b, size_t n), (fd, b, n))
FAULT(int, inotify, (void), ())
FAULT(int, inotify_watch, (int in, const char *p, uint32_t m), (in, p, m))
FAULT(int, epoll, (void), ())
FAULT(int, epoll_add, (int ep, int fd), (ep, fd))
FAULT(int, timer, (void), ())
FAULT(int, timer_set, (int fd, int64_t ns), (fd, ns))
FAULT(int, futex_waitv, (const struct shunt__waitv *of, int n, int64_t ns),
    (of, n, ns))
FAULT(int, getrandom, (void *b, size_t n), (b, n))
FAULT(int, futex_wait, (const void *w, uint32_t x, int64_t ns), (w, x, ns))
FAULT_AFTER(int, futex_wake, (const void *w, int n), (w, n))
FAULT(int, membarrier, (int cmd), (cmd))
FAULT(int, nanosleep, (int64_t ns), (ns))
FAULT(int, yield, (void), ())
FAULT(int, cpus, (void), ())
FAULT(int, opendir, (const char *p, DIR **out), (p, out))
FAULT(int, readdir, (DIR * d, struct dirent **out), (d, out))
FAULT(ssize_t, readlink, (const char *p, char *b, size_t n), (p, b, n))
FAULT(int, dup, (int fd), (fd))
FAULT(int, shmget, (key_t k, size_t n, int f), (k, n, f))
FAULT(int, shmat, (void **out, int id, void *p, int f), (out, id, p, f))
FAULT_AFTER(int, shmdt, (void *p), (p))
FAULT(int, shmctl, (int id, int cmd, void *b), (id, cmd, b))
FAULT(int, semctl, (int id, int n, int cmd, void *b), (id, n, cmd, b))
FAULT(int, msgctl, (int id, int cmd, void *b), (id, cmd, b))
FAULT(int, mq_getattr, (int fd, struct mq_attr *a), (fd, a))

static int
fault_lock(int fd, int cmd, struct flock *fl)
{
	int gives_back = fl->l_type == F_UNLCK;
	int done = gives_back ? real.lock(fd, cmd, fl) : 0;
	int e = fault("lock");

	return e != 0 ? e : gives_back ? done : real.lock(fd, cmd, fl);
}

void
faults_on(unsigned k, int err, int forever)
{
	real = shunt__os;
	atomic_store(&calls, 0);
	atomic_store(&failed, "");
	at = k;
	code = err;
	for_ever = forever;
	shunt__os = (struct shunt__os){
	    .open = fault_open,
	    .close = fault_close,
	    .pread = fault_pread,
	    .pwrite = fault_pwrite,
	    .write = fault_write,
	    .ftruncate = fault_ftruncate,
	    .fallocate = fault_fallocate,
	    .fstat = fault_fstat,
	    .lstat = fault_lstat,
	    .stat = fault_stat,
	    .birth = fault_birth,
	    .fstatfs = fault_fstatfs,
	    .fchmod = fault_fchmod,
	    .fchown = fault_fchown,
	    .chmod_path = fault_chmod_path,
	    .chown_path = fault_chown_path,
	    .link_fd = fault_link_fd,
	    .rename_new = fault_rename_new,
	    .unlink = fault_unlink,
	    .memfd = fault_memfd,
	    .mmap = fault_mmap,
	    .mmap_at = fault_mmap_at,
	    .mprotect = fault_mprotect,
	    .mremap = fault_mremap,
	    .mlock = fault_mlock,
	    .munmap = fault_munmap,
	    .madvise = fault_madvise,
	    .lock = fault_lock,
	    .lease = fault_lease,
	    .fcntl = fault_fcntl,
	    .sendmsg = fault_sendmsg,
	    .recvmsg = fault_recvmsg,
	    .sockopt = fault_sockopt,
	    .rlimit = fault_rlimit,
	    .fdatasync = fault_fdatasync,
	    .touch = fault_touch,
	    .read = fault_read,
	    .inotify = fault_inotify,
	    .inotify_watch = fault_inotify_watch,
	    .epoll = fault_epoll,
	    .epoll_add = fault_epoll_add,
	    .timer = fault_timer,
	    .timer_set = fault_timer_set,
	    .futex_waitv = fault_futex_waitv,
	    .getrandom = fault_getrandom,
	    .futex_wait = fault_futex_wait,
	    .futex_wake = fault_futex_wake,
	    .membarrier = fault_membarrier,
	    .nanosleep = fault_nanosleep,
	    .yield = fault_yield,
	    .cpus = fault_cpus,
	    .opendir = fault_opendir,
	    .readdir = fault_readdir,
	    .closedir = real.closedir,
	    .readlink = fault_readlink,
	    .getpid = real.getpid,
	    .gettid = real.gettid,
	    .geteuid = real.geteuid,
	    .dup = fault_dup,
	    .shmget = fault_shmget,
	    .shmat = fault_shmat,
	    .shmdt = fault_shmdt,
	    .shmctl = fault_shmctl,
	    .semctl = fault_semctl,
	    .msgctl = fault_msgctl,
	    .mq_getattr = fault_mq_getattr,
	};
}

int
faults_off(void)
{
	shunt__os = real;
	return *atomic_load(&failed) != 0;
}

const char *
faults_call(void)
{
	return atomic_load(&failed);
}
