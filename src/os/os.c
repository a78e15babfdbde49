/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "os/os.h"

/* The value of a call, or -errno. */
#define RET(call)                                                              \
	do {                                                                   \
		__typeof__(call) r = (call);                                   \
		return r < 0 ? -errno : r;                                     \
	} while (0)

static int
os_open(const char *path, int flags, mode_t mode)
{
	RET(open(path, flags, mode));
}

static int
os_close(int fd)
{
	RET(close(fd));
}

static ssize_t
os_pread(int fd, void *buf, size_t n, off_t off)
{
	RET(pread(fd, buf, n, off));
}

static ssize_t
os_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	RET(pwrite(fd, buf, n, off));
}

static ssize_t
os_write(int fd, const void *buf, size_t n)
{
	RET(write(fd, buf, n));
}

static int
os_ftruncate(int fd, off_t size)
{
	RET(ftruncate(fd, size));
}

static int
os_fallocate(int fd, int mode, off_t off, off_t len)
{
	RET(fallocate(fd, mode, off, len));
}

static int
os_fstat(int fd, struct stat *st)
{
	RET(fstat(fd, st));
}

static int
os_lstat(const char *path, struct stat *st)
{
	RET(lstat(path, st));
}

#define DONT_SYNC 0x4000 /* AT_STATX_DONT_SYNC */

static int
os_stat(const char *path, struct stat *st)
{
	if (fstatat(AT_FDCWD, path, st, DONT_SYNC) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	RET(stat(path, st)); /* before Linux 4.11 */
}

/* The kernel's own layout of statx(2): not every libc declares it. */
#define STATX_BIRTH 0x800u

struct birth {
	uint32_t mask;
	uint32_t before[19];
	int64_t sec;
	uint32_t nsec;
	uint32_t after[41];
};

_Static_assert(offsetof(struct birth, sec) == 80, "stx_btime");
_Static_assert(sizeof(struct birth) == 256, "struct statx");

static int
os_birth(int fd, int64_t *ns)
{
	struct birth b;

	if (syscall(SYS_statx, fd, "", 0x1000 /* AT_EMPTY_PATH */, STATX_BIRTH,
		&b) < 0)
		return -errno;
	if (!(b.mask & STATX_BIRTH))
		return -ENODATA;
	*ns = b.sec * INT64_C(1000000000) + b.nsec;
	return 0;
}

static int
os_fstatfs(int fd, struct statfs *sf)
{
	RET(fstatfs(fd, sf));
}

static int
os_fchmod(int fd, mode_t mode)
{
	RET(fchmod(fd, mode));
}

static int
os_fchown(int fd, uid_t uid, gid_t gid)
{
	RET(fchown(fd, uid, gid));
}

/* fchmod(2) refuses such a descriptor; its link in /proc does not, and where
 * there is no /proc a newer kernel has a call for it. */
static int
os_chmod_path(int fd, mode_t mode)
{
	char self[40];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (chmod(self, mode) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	RET((int)syscall(
	    452 /* fchmodat2 */, fd, "", (unsigned)mode, AT_EMPTY_PATH));
}

static int
os_chown_path(int fd, uid_t uid, gid_t gid)
{
	RET(fchownat(fd, "", uid, gid, AT_EMPTY_PATH));
}

/*
 * By descriptor needs a capability before Linux 6.10, by /proc needs /proc:
 * one of the two is there nearly always.
 */
static int
os_link_fd(int fd, const char *path)
{
	char self[40];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	RET(linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH));
}

static int
os_rename_new(const char *from, const char *to)
{
	RET((int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to,
	    1u /* RENAME_NOREPLACE */));
}

static int
os_unlink(const char *path)
{
	RET(unlink(path));
}

static int
os_memfd(const char *name, unsigned flags)
{
	RET(memfd_create(name, flags));
}

static int
os_mmap(void **out, size_t size, int prot, int flags, int fd)
{
	void *at = mmap(NULL, size, prot, flags, fd, 0);

	*out = at == MAP_FAILED ? NULL : at;
	return at == MAP_FAILED ? -errno : 0;
}

static int
os_mmap_at(void **at, size_t size, int prot, int flags, int fd, off_t off)
{
	void *is = mmap(*at, size, prot, flags, fd, off);

	*at = is == MAP_FAILED ? NULL : is;
	return is == MAP_FAILED ? -errno : 0;
}

static int
os_mprotect(void *at, size_t size, int prot)
{
	RET(mprotect(at, size, prot));
}

static int
os_mremap(void **at, size_t old_size, size_t size, int flags)
{
	void *is = mremap(*at, old_size, size, flags);

	if (is == MAP_FAILED)
		return -errno;
	*at = is;
	return 0;
}

static int
os_mlock(const void *at, size_t size)
{
	RET(mlock(at, size));
}

static int
os_munmap(void *at, size_t size)
{
	RET(munmap(at, size));
}

static int
os_madvise(void *at, size_t size, int advice)
{
	RET(madvise(at, size, advice));
}

static int
os_lock(int fd, int cmd, struct flock *fl)
{
	RET(fcntl(fd, cmd, fl));
}

static int
os_lease(int fd, int cmd, int arg)
{
	RET(fcntl(fd, cmd, arg));
}

static int
os_fcntl(int fd, int cmd, int arg)
{
	RET(fcntl(fd, cmd, arg));
}

static ssize_t
os_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	RET(sendmsg(fd, msg, flags));
}

static ssize_t
os_recvmsg(int fd, struct msghdr *msg, int flags)
{
	RET(recvmsg(fd, msg, flags));
}

static int
os_sockopt(int fd, int option)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) < 0 ? -errno
								    : value;
}

static int
os_rlimit(int what, uint64_t *bytes)
{
	struct rlimit rl;

	if (getrlimit(what, &rl) < 0)
		return -errno;
	*bytes = rl.rlim_cur == RLIM_INFINITY ? UINT64_MAX : rl.rlim_cur;
	return 0;
}

static int
os_fdatasync(int fd)
{
	RET(fdatasync(fd));
}

static int
os_getrandom(void *buf, size_t n)
{
	RET((int)getrandom(buf, n, 0));
}

/*
 * Words are shared between processes, so never FUTEX_PRIVATE_FLAG.  The time
 * is relative: the kernel counts it on the monotonic clock.
 */
static int
os_futex_wait(const void *word, uint32_t expect, int64_t ns)
{
	/* As the kernel has it, also where time_t is wider than long. */
	__kernel_long_t ts[2] = {(__kernel_long_t)(ns / 1000000000),
	    (__kernel_long_t)(ns % 1000000000)};

	RET((int)syscall(SYS_futex, word, FUTEX_WAIT, expect, ts, NULL, 0));
}

static int
os_touch(int fd)
{
	RET(futimens(fd, NULL));
}

static ssize_t
os_read(int fd, void *buf, size_t n)
{
	RET(read(fd, buf, n));
}

static int
os_inotify(void)
{
	RET(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
}

static int
os_inotify_watch(int in, const char *path, uint32_t mask)
{
	RET(inotify_add_watch(in, path, mask));
}

static int
os_epoll(void)
{
	RET(epoll_create1(EPOLL_CLOEXEC));
}

static int
os_epoll_add(int ep, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	RET(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
}

static int
os_timer(void)
{
	RET(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
}

static int
os_timer_set(int fd, int64_t ns)
{
	struct itimerspec once = {
	    .it_value = {ns / 1000000000, ns % 1000000000}};

	RET(timerfd_settime(fd, 0, &once, NULL));
}

static int
os_futex_wake(const void *word, int n)
{
	RET((int)syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0));
}

_Static_assert(sizeof(struct shunt__waitv) == 24, "struct futex_waitv");

static int
os_futex_waitv(const struct shunt__waitv *of, int n, int64_t ns)
{
	/* Of this call the time is absolute. */
	uint64_t end = shunt__now() + (uint64_t)ns;
	/* As the kernel has it, also where long has 32 bits. */
	int64_t at[2] = {
	    (int64_t)(end / 1000000000u), (int64_t)(end % 1000000000u)};

	RET((int)syscall(449 /* futex_waitv, since Linux 5.16 */, of,
	    (unsigned)n, 0u, at, CLOCK_MONOTONIC));
}

static int
os_membarrier(int cmd)
{
	RET((int)syscall(SYS_membarrier, cmd, 0, 0));
}

/* For who must not sleep and is held up by others: receiver_wait.c alone. */
static int
os_yield(void)
{
	sched_yield(); /* on Linux it always succeeds */
	return 0;
}

static int
os_nanosleep(int64_t ns)
{
	struct timespec ts = {ns / 1000000000, ns % 1000000000};

	RET(nanosleep(&ts, NULL));
}

static int
os_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return -errno;
	return CPU_COUNT(&set);
}

static int
os_opendir(const char *path, DIR **out)
{
	*out = opendir(path);
	return *out == NULL ? -errno : 0;
}

/* 1 with an entry, 0 at the end. */
static int
os_readdir(DIR *dir, struct dirent **out)
{
	errno = 0;
	*out = readdir(dir);
	return *out != NULL ? 1 : -errno;
}

static void
os_closedir(DIR *dir)
{
	closedir(dir);
}

static ssize_t
os_readlink(const char *path, char *buf, size_t n)
{
	RET(readlink(path, buf, n));
}

static int
os_dup(int fd)
{
	RET(fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

static int
os_shmget(key_t key, size_t size, int flags)
{
	RET(shmget(key, size, flags));
}

static int
os_shmat(void **out, int id, void *at, int flags)
{
	void *got = shmat(id, at, flags);
	int bad = got == (void *)-1;

	*out = bad ? NULL : got;
	return bad ? -errno : 0;
}

static int
os_shmdt(void *at)
{
	RET(shmdt(at));
}

static int
os_shmctl(int id, int cmd, void *buf)
{
	RET(shmctl(id, cmd, buf));
}

static int
os_semctl(int id, int n, int cmd, void *buf)
{
	RET(semctl(id, n, cmd, buf));
}

static int
os_msgctl(int id, int cmd, void *buf)
{
	RET(msgctl(id, cmd, buf));
}

/* The call itself: some libc have theirs in a library of its own. */
static int
os_mq_getattr(int fd, struct mq_attr *attr)
{
	RET((int)syscall(SYS_mq_getsetattr, fd, NULL, attr));
}

struct shunt__os shunt__os = {
    .open = os_open,
    .close = os_close,
    .pread = os_pread,
    .pwrite = os_pwrite,
    .write = os_write,
    .ftruncate = os_ftruncate,
    .fallocate = os_fallocate,
    .fstat = os_fstat,
    .lstat = os_lstat,
    .stat = os_stat,
    .birth = os_birth,
    .fstatfs = os_fstatfs,
    .fchmod = os_fchmod,
    .fchown = os_fchown,
    .chmod_path = os_chmod_path,
    .chown_path = os_chown_path,
    .link_fd = os_link_fd,
    .rename_new = os_rename_new,
    .unlink = os_unlink,
    .memfd = os_memfd,
    .mmap = os_mmap,
    .mmap_at = os_mmap_at,
    .mprotect = os_mprotect,
    .mremap = os_mremap,
    .mlock = os_mlock,
    .munmap = os_munmap,
    .madvise = os_madvise,
    .lock = os_lock,
    .lease = os_lease,
    .fcntl = os_fcntl,
    .sendmsg = os_sendmsg,
    .recvmsg = os_recvmsg,
    .sockopt = os_sockopt,
    .rlimit = os_rlimit,
    .fdatasync = os_fdatasync,
    .touch = os_touch,
    .read = os_read,
    .inotify = os_inotify,
    .inotify_watch = os_inotify_watch,
    .epoll = os_epoll,
    .epoll_add = os_epoll_add,
    .timer = os_timer,
    .timer_set = os_timer_set,
    .getrandom = os_getrandom,
    .futex_wait = os_futex_wait,
    .futex_wake = os_futex_wake,
    .futex_waitv = os_futex_waitv,
    .membarrier = os_membarrier,
    .nanosleep = os_nanosleep,
    .yield = os_yield,
    .cpus = os_cpus,
    .opendir = os_opendir,
    .readdir = os_readdir,
    .closedir = os_closedir,
    .readlink = os_readlink,
    .getpid = getpid,
    .gettid = gettid,
    .geteuid = geteuid,
    .dup = os_dup,
    .shmget = os_shmget,
    .shmat = os_shmat,
    .shmdt = os_shmdt,
    .shmctl = os_shmctl,
    .semctl = os_semctl,
    .msgctl = os_msgctl,
    .mq_getattr = os_mq_getattr,
};
