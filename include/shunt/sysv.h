/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SYSV_H
#define SHUNT_SYSV_H

/*
 * What System V shared memory alone has.  Creating, opening, reading, writing
 * and removing go through <shunt/segment.h> with names of the form "sysv:...".
 * System V segments are raw only: they have no inode to hold lock bytes, so
 * queues, logs and locks live in POSIX objects.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <shunt/segment.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every field of IPC_STAT, in units that need no second look. */
struct shunt_sysv_info {
	size_t sz;           /* sizeof(struct shunt_sysv_info), by the caller */
	int32_t id;          /* what shmget(2) answers */
	int32_t key;         /* 0: IPC_PRIVATE, or removed already */
	uint64_t size;       /* bytes as asked for */
	uint64_t rounded;    /* bytes it takes: whole pages */
	uint32_t uid, gid;   /* owner */
	uint32_t cuid, cgid; /* creator */
	uint32_t mode;       /* permission bits */
	uint32_t flags;      /* SHUNT_SYSV_... */
	uint64_t attached;   /* how often it is attached now */
	int64_t creator_pid; /* in the caller's pid namespace; 0: not in it */
	int64_t last_pid;    /* of the last attach or detach; 0 likewise */
	int64_t atime;       /* last attach, seconds since 1970; 0: never */
	int64_t dtime;       /* last detach */
	int64_t ctime;       /* made, or changed by IPC_SET */
};

enum {
	SHUNT_SYSV_DEST = 1u << 0,   /* removed: goes with the last detach */
	SHUNT_SYSV_LOCKED = 1u << 1, /* locked in memory */
};

/* The system's limits (IPC_INFO). */
struct shunt_sysv_limits {
	size_t sz;       /* sizeof(struct shunt_sysv_limits), by the caller */
	uint64_t shmmax; /* bytes of one segment */
	uint64_t shmmin; /* bytes, at least */
	uint64_t shmmni; /* segments in the system */
	uint64_t shmseg; /* segments a process; not enforced by Linux */
	uint64_t shmall; /* pages in the system */
	uint64_t page;   /* bytes of a page */
};

/* What the system has now (SHM_INFO). */
struct shunt_sysv_usage {
	size_t sz;         /* sizeof(struct shunt_sysv_usage), by the caller */
	uint64_t segments; /* that exist */
	uint64_t pages;    /* of all of them, asked for */
	uint64_t resident; /* of these, pages in memory */
	uint64_t swapped;  /* of these, pages in swap */
	int32_t highest;   /* index of the last one; -1: there is none */
};

/**
 * shunt_sysv_stat()  - what the system knows about one System V segment.
 * shunt_sysv_index() - the same by the kernel's index, to walk over all.
 * @name:  a "sysv:..." name.
 * @index: 0 to `highest` of shunt_sysv_usage().
 * @info:  a struct with `sz` set.
 *
 * Neither needs the right to read the segment where the kernel has
 * SHM_STAT_ANY (since Linux 4.17).
 *
 * Returns: 0 or a negative code:
 *   -ENOENT       no segment has that key or identifier.
 *   -EINVAL       index: no segment there; go on with the next.
 *   -EACCES       an older kernel, and its mode does not let this user look.
 *   SHUNT_E_NAME  not a System V name, or sysv:private.
 *
 * Memory:  fills @info.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   touches nothing shared.
 * Fork:    usable in the child.
 * Since:   0.1
 */
int shunt_sysv_stat(const char *name, struct shunt_sysv_info *info);
int shunt_sysv_index(int32_t index, struct shunt_sysv_info *info);

/**
 * shunt_sysv_id() - the identifier of an open System V segment.
 * @seg: an open segment.
 *
 * Returns: the identifier, or -EINVAL if @seg is no System V segment.
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: async-signal-safe.
 * Death:   touches nothing shared.
 * Fork:    valid in the child.
 * Since:   0.1
 */
int shunt_sysv_id(const struct shunt_segment *seg);

/**
 * shunt_sysv_lock() - keep a segment in memory (SHM_LOCK), or let it go.
 * @name: a "sysv:..." name.
 * @on:   1 to lock, 0 to unlock.
 *
 * Pages that are not in memory yet are not brought in by this.
 *
 * Returns: 0 or a negative code:
 *   -EPERM   neither owner nor creator, or RLIMIT_MEMLOCK is 0.
 *   -ENOMEM  more than RLIMIT_MEMLOCK allows.
 *   other codes as shunt_sysv_stat().
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   the lock is the segment's: it stays.
 * Fork:    usable in the child.
 * Since:   0.1
 */
int shunt_sysv_lock(const char *name, int on);

/**
 * shunt_sysv_limits() - what the system allows.
 * shunt_sysv_usage()  - what it has.
 * @limits: a struct with `sz` set.
 * @usage:  a struct with `sz` set.
 *
 * Returns: 0, or -EINVAL, or -ENOSYS: this kernel has no System V IPC.
 *
 * Memory:  fills the struct.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   touches nothing shared.
 * Fork:    usable in the child.
 * Since:   0.1
 */
int shunt_sysv_limits(struct shunt_sysv_limits *limits);
int shunt_sysv_usage(struct shunt_sysv_usage *usage);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_SYSV_H */
