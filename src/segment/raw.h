/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SEGMENT_RAW_H
#define SHUNT_SEGMENT_RAW_H

/*
 * An open raw segment, whatever holds its bytes: a file (POSIX, memfd, any
 * file system) in raw.c and its neighbours, or System V in sysv.c.
 */

#include <stddef.h>
#include <stdint.h>

#include <shunt/segment.h>

#include "base/name.h"

struct shunt_segment {
	unsigned char *data; /* the window's first byte */
	size_t size;         /* the window's bytes */
	uint64_t offset;     /* of the window in the segment */
	unsigned char *map;  /* the pages around it, as they were mapped */
	size_t map_size;
	int fd;         /* -1: System V */
	int sysv_id;    /* -1: a file */
	int readonly;   /* opened so: the descriptor cannot write */
	int window;     /* not mapped whole */
	uint32_t prot;  /* SHUNT_PROT_..., never 0 */
	uint32_t flags; /* SHUNT_SEGMENT_... of the options */
	char *shown;    /* for sentences; not escaped */
};

/* The options, checked and with the defaults filled in. */
int shunt__raw_options(
    struct shunt_segment_options *o, const struct shunt_segment_options *opts);

/* PROT_... of mmap(2) for SHUNT_PROT_... */
int shunt__raw_prot(uint32_t prot);

/*
 * sysv.c: what the calls of <shunt/segment.h> do for names with backend
 * SHUNT__SYSV; @o comes from shunt__raw_options().  Results and sentences as
 * the public calls.
 */
int shunt__sysv_create(struct shunt_segment **out,
    const struct shunt__name *name, size_t size,
    const struct shunt_segment_options *o);
int shunt__sysv_open(struct shunt_segment **out, const struct shunt__name *name,
    const struct shunt_segment_options *o);
void shunt__sysv_unmap(struct shunt_segment *seg); /* not the handle */
ssize_t shunt__sysv_read(const struct shunt__name *name, uint64_t off,
    void *buf, size_t len, const char *owner);
ssize_t shunt__sysv_write(const struct shunt__name *name, uint64_t off,
    const void *buf, size_t len, const char *owner);
/* @flags: SHUNT_REMOVE_... */
int shunt__sysv_remove(
    const struct shunt__name *name, const char *owner, uint32_t flags);
/* @mode: 0 to 0777. */
int shunt__sysv_set_mode(const struct shunt__name *name, uint32_t mode);
int shunt__sysv_set_owner(
    const struct shunt__name *name, const char *user, const char *group);

/* The identifier behind a name, or -ENOENT and other codes. */
int shunt__sysv_find(const struct shunt__name *name);

/* A user's or group's number by name or number: 0, or -EINVAL with a
 * sentence. */
int shunt__user_number(const char *user, uint32_t *out);

/* For a sentence: "1000 (alice)", or the number alone. */
enum { SHUNT__USER_ROOM = 64 };
const char *shunt__user_text(uint32_t uid, char room[SHUNT__USER_ROOM]);
int shunt__group_number(const char *group, uint32_t *out);

#endif /* SHUNT_SEGMENT_RAW_H */
