/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_OS_OS_H
#define SHUNT_OS_OS_H

/*
 * Every system call of the library, in one table, so that a test can make
 * the k-th one fail (tests/unit/faults.h).  Each entry returns the call's
 * value or -errno; none is restarted here.
 */

#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <time.h>

/* One word of several: the kernel's own struct futex_waitv, which not every
 * libc's headers know. */
struct shunt__waitv {
	uint64_t expect;
	uint64_t word;
	uint32_t flags; /* SHUNT__WAITV_FLAGS */
	uint32_t reserved;
};

#define SHUNT__WAITV_FLAGS 2u  /* of 32 bits, and not private */
#define SHUNT__WAITV_MOST  128 /* words of one call */

struct shunt__os {
	int (*open)(const char *path, int flags, mode_t mode);
	int (*close)(int fd);
	ssize_t (*pread)(int fd, void *buf, size_t n, off_t off);
	ssize_t (*pwrite)(int fd, const void *buf, size_t n, off_t off);
	ssize_t (*write)(int fd, const void *buf, size_t n);
	int (*ftruncate)(int fd, off_t size);
	int (*fallocate)(int fd, int mode, off_t off, off_t len);
	int (*fstat)(int fd, struct stat *st);
	int (*lstat)(const char *path, struct stat *st);
	/* What a link leads to, as far as it is known here: a file server that
	 * does not answer is not asked. */
	int (*stat)(const char *path, struct stat *st);
	int (*birth)(int fd, int64_t *ns); /* -ENODATA: not known */
	int (*fstatfs)(int fd, struct statfs *sf);
	int (*fchmod)(int fd, mode_t mode);
	int (*fchown)(int fd, uid_t uid, gid_t gid);
	/* The same through a descriptor of O_PATH, which may neither. */
	int (*chmod_path)(int fd, mode_t mode);
	int (*chown_path)(int fd, uid_t uid, gid_t gid);
	int (*link_fd)(int fd, const char *path);
	int (*rename_new)(const char *from, const char *to);
	int (*unlink)(const char *path);
	int (*memfd)(const char *name, unsigned flags);
	int (*mmap)(void **out, size_t size, int prot, int flags, int fd);
	/* *at: the address wanted, or NULL; then the one that it has. */
	int (*mmap_at)(
	    void **at, size_t size, int prot, int flags, int fd, off_t off);
	int (*mprotect)(void *at, size_t size, int prot);
	int (*mremap)(void **at, size_t old_size, size_t size, int flags);
	int (*mlock)(const void *at, size_t size);
	int (*munmap)(void *at, size_t size);
	int (*madvise)(void *at, size_t size, int advice);
	int (*lock)(int fd, int cmd, struct flock *fl); /* F_OFD_... */
	int (*lease)(int fd, int cmd, int arg); /* F_SETLEASE, F_SETSIG */
	int (*fcntl)(int fd, int cmd, int arg); /* flags and seals */
	ssize_t (*sendmsg)(int fd, const struct msghdr *msg, int flags);
	ssize_t (*recvmsg)(int fd, struct msghdr *msg, int flags);
	int (*sockopt)(int fd, int option); /* SO_DOMAIN, SO_TYPE */
	int (*rlimit)(int what, uint64_t *bytes);
	int (*fdatasync)(int fd);
	int (*touch)(int fd); /* its times become now: its watchers see it */
	ssize_t (*read)(int fd, void *buf, size_t n);
	int (*inotify)(void); /* O_NONBLOCK and O_CLOEXEC */
	int (*inotify_watch)(int in, const char *path, uint32_t mask);
	int (*epoll)(void);               /* O_CLOEXEC */
	int (*epoll_add)(int ep, int fd); /* to read; goes when @fd is closed */
	int (*timer)(void);               /* O_NONBLOCK and O_CLOEXEC */
	int (*timer_set)(int fd, int64_t ns);
	int (*getrandom)(void *buf, size_t n);
	int (*futex_wait)(const void *word, uint32_t expect, int64_t ns);
	int (*futex_wake)(const void *word, int n);
	/* Until one of @n words is woken or differs, at most @ns. */
	int (*futex_waitv)(const struct shunt__waitv *of, int n, int64_t ns);
	int (*membarrier)(int cmd);
	int (*nanosleep)(int64_t ns);
	int (*yield)(void);
	int (*cpus)(void);
	int (*opendir)(const char *path, DIR **out);
	int (*readdir)(DIR *dir, struct dirent **out);
	void (*closedir)(DIR *dir);
	ssize_t (*readlink)(const char *path, char *buf, size_t n);
	pid_t (*getpid)(void);
	pid_t (*gettid)(void);
	uid_t (*geteuid)(void);
	int (*dup)(int fd);
	int (*shmget)(key_t key, size_t size, int flags);
	int (*shmat)(void **out, int id, void *at, int flags);
	int (*shmdt)(void *at);
	int (*shmctl)(int id, int cmd, void *buf);
	int (*semctl)(int id, int n, int cmd, void *buf);
	int (*msgctl)(int id, int cmd, void *buf);
	/* Of a message queue's open file. */
	int (*mq_getattr)(int fd, struct mq_attr *attr);
};

/* Since Linux 5.14; not every libc has heard of them. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

/* Since Linux 4.17; musl does not name it. */
#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif
#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY 20
#endif
#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY 13
#endif

/* The table in use; only tests write it. */
extern struct shunt__os shunt__os;

/* Nanoseconds of a clock; the vDSO answers, so no table entry stands here. */
static inline uint64_t
shunt__clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline uint64_t
shunt__now(void)
{
	return shunt__clock(CLOCK_MONOTONIC);
}

#endif /* SHUNT_OS_OS_H */
