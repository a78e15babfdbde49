/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_INSPECT_H
#define SHUNT_INSPECT_H

/*
 * Looking without touching, for tools: what shared memory of any kind there is
 * on the machine, who uses it, what lies unread in a log.  Nothing here
 * changes a segment.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <shunt/error.h>
#include <shunt/logd.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shunt_kind {
	SHUNT_KIND_RAW = 0, /* no header of ours */
	SHUNT_KIND_QUEUE = 1,
	SHUNT_KIND_LOG = 2,
	SHUNT_KIND_LOCK = 3,
	SHUNT_KIND_SEMAPHORE = 4,
	SHUNT_KIND_EVENT = 5,
	SHUNT_KIND_TOPIC = 6,
	SHUNT_KIND_STREAM = 7,
	SHUNT_KIND_SERVICE = 8,
	SHUNT_KIND_OTHER = 99 /* ours, of a kind or version not known here */
};

enum shunt_state {
	SHUNT_STATE_UNKNOWN = 0, /* cannot be told from here */
	SHUNT_STATE_LIVE = 1,    /* somebody has it attached or mapped */
	SHUNT_STATE_IDLE = 2,    /* nobody has, but it may be meant to stay */
	SHUNT_STATE_ORPHAN = 3,  /* provably nobody's any more */
	SHUNT_STATE_HELD = 4     /* without a name, but somebody has it still */
};

/* Where it lives, and so what it is to the system. */
enum shunt_place {
	SHUNT_PLACE_POSIX = 0,    /* /dev/shm: raw or an object of ours */
	SHUNT_PLACE_FILE = 1,     /* a file elsewhere */
	SHUNT_PLACE_SYSV = 2,     /* System V shared memory */
	SHUNT_PLACE_SEMSET = 3,   /* System V semaphore set */
	SHUNT_PLACE_MSGQUEUE = 4, /* System V message queue */
	SHUNT_PLACE_SEM = 5,      /* POSIX named semaphore: /dev/shm/sem.NAME */
	SHUNT_PLACE_MQ = 6,       /* POSIX message queue */
	SHUNT_PLACE_MEMFD = 7, /* anonymous, held by descriptors and mappings */
	SHUNT_PLACE_UNLINKED = 8, /* a file of /dev/shm that has no name any
				     more, held as a memfd */
	SHUNT_PLACE_HUGETLB = 9,  /* a file of a hugetlbfs mount */
	SHUNT_PLACES = 10
};

/* One segment, as scan and stat tell it. */
struct shunt_segment_info {
	size_t sz;           /* sizeof(struct shunt_segment_info), by caller */
	char name[288];      /* full name as open takes it; not escaped */
	uint32_t kind;       /* enum shunt_kind */
	uint32_t state;      /* enum shunt_state */
	uint64_t size;       /* bytes as the file says */
	uint64_t used;       /* bytes of memory it really takes */
	uint32_t uid, gid;   /* owner */
	uint32_t mode;       /* permission bits */
	uint32_t persistent; /* objects: 1 if it stays until removed */
	int64_t mtime_ns;    /* of the file, wall clock */
	int64_t created_ns;  /* objects: wall clock, 0 if unknown */
	int64_t creator_pid; /* objects: for people; 0 if unknown */
	uint32_t layout;     /* objects: layout version */
	uint32_t lanes;      /* objects: room for so many senders */
	uint64_t lane_bytes; /* objects: size of each lane */
	uint32_t lanes_used; /* objects: lanes that were ever claimed */
	uint32_t senders;    /* objects: lanes whose owner lives */
	uint32_t receiver;   /* objects: 1 if a receiver or server lives */
	uint32_t reserved;
	int64_t receiver_pid; /* for people; 0 if none */
	uint64_t unread;      /* objects: bytes of records not yet released */
	uint64_t attached;    /* System V: how often it is attached */
	int32_t sysv_id;      /* System V: identifier; else -1 */
	int32_t sysv_key;     /* System V: key, 0 if it has none */
	uint32_t sysv_flags;  /* System V: SHUNT_SYSV_... */
	uint32_t held;        /* locks: 1 if a live thread holds it;
				 semaphores: permits held */
	int64_t last_pid;     /* System V: last to attach or detach */
	int64_t holder_pid;   /* locks: of the holder, for people; 0: none */
	uint32_t value;       /* semaphores: permits free; events: pending */
	uint32_t most;        /* semaphores: permits there may be; semaphore
				 sets: semaphores */
	uint32_t unrepaired;  /* locks: 1 if the last holder died with it;
				 semaphores: permits of holders that died,
				 which the next wait brings back */
	uint32_t held_by;     /* locks: the holder's lane among participants */
	uint64_t recoveries;  /* locks, semaphores: holders that died */
	uint32_t place;       /* enum shunt_place */
	uint32_t users;       /* processes seen that have it open or mapped */
	uint32_t hidden;      /* 1: there may be users that cannot be seen from
				 here (hidepid, not root, other namespaces) */
	uint32_t reserved3;
	uint64_t messages; /* message queues: that wait in it */
	uint64_t inode;    /* with `device`, what tells it from all others */
	uint64_t device;
	uint64_t depth;   /* what carries messages: those not yet released */
	uint64_t passed;  /* queues, logs: bytes of records ever sent */
	uint64_t dropped; /* logs: messages given up on */
	uint64_t sent;    /* queues, logs: messages ever sent */
	char type[32];    /* objects: what messages hold, as their maker calls
			     it; not escaped; "" if it says nothing */
	uint64_t high_water; /* objects: the most bytes that senders saw
				 unread in their lanes, who look once a lap */
	uint64_t schema;     /* objects: hash of what messages hold; 0: none */
	uint32_t policy;     /* topics: enum shunt_topic_policy */
	uint32_t finished;   /* objects: 1 if nothing more will be sent;
				streams: if what was written has its end, and
				what is written next is another stream */
	uint32_t receivers;  /* objects: receiving ends that live */
	uint32_t slots_used; /* objects: places of such that were ever taken */
	uint32_t asleep;     /* objects: 1 if one of them sleeps until something
				comes */
	uint32_t waiting;    /* objects: senders that wait for room;
				services: clients that wait for a reply */
};

/* One recovery of a lock or semaphore from a holder that died. */
struct shunt_recovery {
	int64_t at_ns;      /* wall clock */
	int64_t dead_pid;   /* as it saw itself; for people */
	int64_t by_pid;     /* who noticed; likewise */
	uint32_t dead_uid;  /* likewise */
	uint32_t permits;   /* semaphores: that came back; locks: 1 */
	char dead_comm[20]; /* its program, not escaped */
	uint32_t reserved;
};

/* What a participant does. */
enum shunt_role {
	SHUNT_ROLE_USES = 0, /* a lock, a semaphore, an event */
	SHUNT_ROLE_SENDS = 1,
	SHUNT_ROLE_RECEIVES = 2,
	SHUNT_ROLE_PUBLISHES = 3,
	SHUNT_ROLE_SUBSCRIBES = 4,
	SHUNT_ROLE_WRITES = 5,
	SHUNT_ROLE_READS = 6,
	SHUNT_ROLE_CALLS = 7,
	SHUNT_ROLE_SERVES = 8
};

/* One participant of an object: a sending thread or a receiving end. */
struct shunt_participant {
	uint32_t lane;    /* lane number, or UINT32_MAX: a receiving end */
	uint32_t alive;   /* 1 if its lock byte is held */
	int64_t pid;      /* as it saw itself; for people */
	int64_t tid;      /* likewise */
	uint32_t uid;     /* likewise */
	char comm[20];    /* its program, not escaped */
	uint64_t unread;  /* bytes in its lane not yet released */
	uint64_t dropped; /* messages given up on (log) */
	uint32_t role;    /* enum shunt_role */
	uint32_t slot;    /* of a receiving end; else UINT32_MAX */
	uint64_t lag;     /* subscribers: bytes it is behind */
	uint64_t lost;    /* subscribers: messages that it missed */
	uint32_t waiting; /* senders: 1 if it waits for room */
	uint32_t knows;   /* 1 if lag and lost are known */
};

struct shunt_scan; /* an iteration */

/* Options of shunt_scan_open(); zeroed with `sz` set, or NULL: defaults. */
struct shunt_scan_options {
	size_t sz;         /* sizeof(struct shunt_scan_options) */
	uint32_t places;   /* 1u << SHUNT_PLACE_...; 0: POSIX and SYSV */
	uint32_t flags;    /* SHUNT_SCAN_USERS */
	uint32_t reserved; /* must be 0 */
};

enum {
	SHUNT_SCAN_USERS = 1u << 0, /* look through /proc once, for `users` */
};

/**
 * shunt_scan_open()  - begin to list the shared memory of the machine.
 * shunt_scan_next()  - the next one: place by place in the order of enum
 *                      shunt_place, within one by name or identifier.
 * shunt_scan_users() - the processes that have the last one open or mapped.
 * shunt_scan_close() - end; sets the handle to NULL.
 * @out:  set to the iteration, or NULL on failure.
 * @opts: NULL for the defaults.
 * @scan: the iteration.
 * @info: a struct with `sz` set.
 * @pids: room for @cap process ids, in ascending order.
 *
 * Directories are entered.  What is no regular file is passed over.  Foreign
 * memory is read by pread(2) alone.  With SHUNT_SCAN_USERS /proc is read once
 * for all: 10,000 segments and 500 processes take well under a second.
 * Names that shunt_segment_open() does not take have a form of their own:
 * "sem:/n", "semset:0x12", "semset:id=7", "msg:0x12", "msg:id=7", "mq:/n",
 * "memfd:n@PID/FD", or "memfd:n@PID/map" where no descriptor is left, and
 * "unlinked:/n@INODE".  Of message queues `size` is what fits in; of those of
 * POSIX `used` is 0, for the kernel takes the asking for a change.  Semaphore
 * sets and message queues of System V are nobody's: always unknown.
 *
 * Returns: open: 0 or -errno; next: 1 with @info filled, 0 at the end; users:
 *   their number (it may be over @cap), or -EINVAL without SHUNT_SCAN_USERS.
 *
 * Memory:  the iteration belongs to the caller, until close.
 * Threads: one thread at a time.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   touches nothing shared.
 * Fork:    usable in the child.
 * Since:   0.1
 */
int shunt_scan_open(
    struct shunt_scan **out, const struct shunt_scan_options *opts);
int shunt_scan_next(struct shunt_scan *scan, struct shunt_segment_info *info);
int shunt_scan_users(struct shunt_scan *scan, int64_t *pids, size_t cap);
void shunt_scan_close(struct shunt_scan **scan);

/**
 * shunt_segment_stat() - everything about one segment, by name.
 * @name:  as shunt_segment_open().
 * @info:  a struct with `sz` set.
 * @list:  NULL, or room for @cap participants.
 * @cap:   entries of room in @list.
 *
 * Returns: the number of participants that were found (it may be over @cap;
 *   0 for a raw segment), or a negative code as shunt_segment_open().
 *
 * Memory:  fills @info and @list.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   touches nothing shared.
 * Fork:    usable in the child.
 * Since:   0.1
 */
int shunt_segment_stat(const char *name, struct shunt_segment_info *info,
    struct shunt_participant *list, size_t cap);

/**
 * shunt_recoveries() - the last holders of a lock or semaphore that died.
 * @name: as shunt_segment_open().
 * @list: room for @cap recoveries; the newest is first.
 * @cap:  entries of room; at most 16 are kept.
 *
 * Returns: the number filled in, or a negative code; SHUNT_E_KIND if it is
 *   neither a lock nor a semaphore.
 *
 * Memory:  fills @list.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   touches nothing shared.
 * Fork:    usable in the child.
 * Since:   0.1
 */
int shunt_recoveries(const char *name, struct shunt_recovery *list, size_t cap);

/**
 * shunt_segment_mappers() - processes that map a segment, as far as visible.
 * @name: as shunt_segment_open().
 * @pids: room for @cap process ids.
 * @cap:  entries of room.
 *
 * Reads /proc; processes of others are seen by root alone.
 *
 * Returns: the number found (it may be over @cap), or a negative code.
 *
 * Memory:  fills @pids.
 * Threads: safe from any thread.
 * Blocks:  never for long.
 * Signals: not from a handler.
 * Death:   touches nothing shared.
 * Fork:    usable in the child.
 * Since:   0.1
 */
int shunt_segment_mappers(const char *name, int64_t *pids, size_t cap);

struct shunt_tail; /* a look at the unread records of a log */

/**
 * shunt_tail_open()  - look at the records that no server has written yet.
 * shunt_tail_next()  - the next one in the order of time, as a line.
 * shunt_tail_file()  - the file that the log's server names, or "".
 * shunt_tail_close() - end; sets the handle to NULL.
 * @out:    set to the handle, or NULL on failure.
 * @name:   as shunt_log_open(); NULL is the default log.
 * @owner:  whose log is acceptable besides mine, or NULL.
 * @format: enum shunt_format.
 * @tail:   the handle.
 * @line:   set to the line, with its newline and a NUL behind it.
 *
 * Works with and without a server, and on the log of processes that are all
 * dead: a flight recorder.  A snapshot: records that come later are not seen.
 *
 * Returns: open: 0 or a negative code as shunt_log_open() (-ENOENT: no such
 *   log); next: the line's bytes, 0 at the end, SHUNT_E_CORRUPT or
 *   SHUNT_E_TRUNCATED if the log lies.
 *
 * Memory:  lines belong to the handle and are valid until the next call.
 * Threads: one thread at a time.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   touches nothing shared.
 * Fork:    usable in the child.
 * Since:   0.1
 */
int shunt_tail_open(struct shunt_tail **out, const char *name,
    const char *owner, uint32_t format);
ssize_t shunt_tail_next(struct shunt_tail *tail, const char **line);
const char *shunt_tail_file(const struct shunt_tail *tail);
void shunt_tail_close(struct shunt_tail **tail);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_INSPECT_H */
