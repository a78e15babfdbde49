/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SEGMENT_OBJECT_H
#define SHUNT_SEGMENT_OBJECT_H

/*
 * An attachment: this handle's mapping of one object, the description that
 * holds its lock bytes, and the private copy of its geometry.  Geometry is
 * never read from shared memory again.
 */

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/checksum.h"
#include "base/name.h"
#include "segment/object_layout.h"

struct shunt__geometry {
	uint32_t kind;
	uint32_t lifetime;
	uint32_t lanes;
	uint32_t area_bytes;
	uint64_t lane_bytes; /* 0: lanes without rings */
	uint64_t param;      /* hd_param */
	uint64_t lanes_off;  /* of the lanes' control blocks */
	uint64_t rings_off;
	uint64_t size;
};

/* What to attach to, and what to make if it is missing. */
struct shunt__spec {
	uint32_t kind;
	uint32_t lanes;
	uint32_t area_bytes;
	uint64_t lane_bytes;
	uint64_t param;    /* hd_param of what is made */
	const void *init;  /* the area's first bytes in what is made, or NULL */
	size_t init_len;   /* zeros follow */
	uint64_t print;    /* fingerprint of the kind's shared structs */
	uint32_t mode;     /* 0: 0600 */
	int existing;      /* never make it */
	int exclusive;     /* never open it */
	int persistent;    /* what is made stays */
	int readonly;      /* look only: maps PROT_READ, claims nothing */
	uint64_t schema;   /* 0: any; else what is made has it, others must */
	const char *type;  /* likewise, at most 31 bytes; NULL or "": any */
	const char *group; /* or NULL */
	const char *owner; /* or NULL */
};

struct shunt__object {
	int fd; /* the description that holds our lock bytes */
	unsigned char *base;
	struct shunt__geometry geo;
	struct shunt__header_lay header; /* as it was validated */
	struct shunt__control_lay *control;
	unsigned char *area;
	uint64_t fork_mark; /* shunt__fork_mark() of the process that opened */
	int fence;          /* we could not register for the membarrier */
	int readonly;
	pthread_mutex_t mutex;                /* guards `held` and the seats */
	uint64_t held[SHUNT__LANES_MAX / 64]; /* lane bytes that we hold */
	dev_t dev;
	ino_t ino;
	struct shunt__object *next, *prev; /* all of the process; fork.c */
	struct shunt__name name;
};

/*
 * Attaches, and makes the object if it is missing and the spec allows.
 * 0 it was there, 1 made here, or a code as shunt_queue_open().
 */
int shunt__object_attach(struct shunt__object **out, const char *name,
    const struct shunt__spec *spec);

/*
 * Detaches.  An ephemeral object that nobody else has and for which @unread
 * answers 0 is removed; NULL never removes.  @obj may be NULL.
 */
void shunt__object_detach(
    struct shunt__object *obj, int (*unread)(struct shunt__object *obj));

/* Lock bytes.  try: 0 or -EBUSY (held by somebody, be it another handle of
 * ours) or -errno.  held: 1 somebody holds it (we, too), 0 nobody, -errno. */
int shunt__object_lock(struct shunt__object *obj, int64_t byte);
void shunt__object_unlock(struct shunt__object *obj, int64_t byte);
int shunt__object_held(struct shunt__object *obj, int64_t byte);

/* Lanes: the same with the private table, for threads share a description. */
int shunt__lane_lock(struct shunt__object *obj, uint32_t lane);
void shunt__lane_unlock(struct shunt__object *obj, uint32_t lane);
int shunt__lane_held(struct shunt__object *obj, uint32_t lane);

/* Reserves a lane's ring: ENOSPC here, not SIGBUS later.  0 or -errno. */
int shunt__object_reserve_lane(struct shunt__object *obj, uint32_t lane);

/* May the ring be touched by reading?  0, or SHUNT_E_TRUNCATED. */
int shunt__object_probe_lane(struct shunt__object *obj, uint32_t lane);

/* 0, or SHUNT_E_REMOVED / -ESTALE: the name is gone or names another inode,
 * or SHUNT_E_TRUNCATED.  A system call: for the slow path. */
int shunt__object_check(struct shunt__object *obj);

/* Lanes that were ever claimed, never more than there are. */
static inline uint32_t
shunt__object_high(const struct shunt__object *obj)
{
	/* H: pairs with H in shunt__object_raise(). */
	uint32_t high = shunt__acquire32(&obj->control->ct_high);

	return high < obj->geo.lanes ? high : obj->geo.lanes;
}

/* H: lanes below @count may hold records; before the first commit there. */
void shunt__object_raise(struct shunt__object *obj, uint32_t count);

/* A lane's control block; ring/lane_layout.h says what is in it. */
struct shunt__lane_lay;
static inline struct shunt__lane_lay *
shunt__object_lane(const struct shunt__object *obj, uint32_t lane)
{
	return (
	    struct shunt__lane_lay *)(void *)(obj->base + obj->geo.lanes_off +
					      (size_t)lane * SHUNT__LANE_BLOCK);
}

static inline void *
shunt__object_ring(const struct shunt__object *obj, uint32_t lane)
{
	return obj->base + obj->geo.rings_off + lane * obj->geo.lane_bytes;
}

/* fork.c: the mark is another one in a child, however it was made. */
extern const uint64_t *shunt__fork_page;
static inline int
shunt__object_forked(const struct shunt__object *obj)
{
	return (int)__builtin_expect(*shunt__fork_page != obj->fork_mark, 0);
}
uint64_t shunt__fork_mark(void); /* this process's; 0 if none can be had */
/* No thread forks between these two; for a few system calls. */
void shunt__fork_hold(void);
void shunt__fork_let_go(void);
void shunt__fork_enlist(struct shunt__object *obj);
void shunt__fork_delist(struct shunt__object *obj);

/* create.c, open.c: parts of attach that inspect and raw segments share.
 * header_read: 0 an object, 1 raw, or SHUNT_E_LAYOUT / SHUNT_E_CORRUPT. */
int shunt__geometry_make(
    struct shunt__geometry *geo, const struct shunt__spec *spec);
int shunt__header_read(int fd, struct shunt__header_lay *out,
    struct shunt__geometry *geo, const char *shown);
uint64_t shunt__fingerprint(uint64_t print);
int shunt__open_checked(const struct shunt__name *name, int flags,
    const char *owner, int any_owner, struct stat *st);
int shunt__publish_begin(const struct shunt__name *name, uint32_t mode,
    int use_umask, const char *group, char *temp, size_t room);
int shunt__publish_end(const struct shunt__name *name, int fd, char *temp);
int shunt__reserve(int fd, uint64_t off, uint64_t len, const char *shown);

/* make.c: makes it and holds its attached byte; 0, -EEXIST or a code. */
int shunt__object_make(
    struct shunt__object *obj, const struct shunt__spec *spec);

/* attach.c: gives its bytes back and closes it, if it is open. */
void shunt__object_drop(struct shunt__object *obj);

/* attach.c: does the name still lead to this file?  1, 0 or -errno. */
int shunt__is_named(const struct shunt__name *name, dev_t dev, ino_t ino);

/* kind.c: "a queue", for sentences; enum shunt_kind. */
const char *shunt__kind_name(uint32_t kind);

/* who.c: for people and for the clock. */
void shunt__who_comm(char comm[16]);
void shunt__who_boot(uint8_t boot[16]);
uint64_t shunt__who_timens(void);

#endif /* SHUNT_SEGMENT_OBJECT_H */
