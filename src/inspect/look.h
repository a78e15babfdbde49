/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_INSPECT_LOOK_H
#define SHUNT_INSPECT_LOOK_H

/*
 * Looking at a segment without attaching: by pread alone.  Nothing is mapped,
 * so a hole that is looked at stays a hole and no truncation can hurt; no
 * lock is taken; where the owner allows it not even the time of access moves.
 * What is read is a private copy and is believed within the geometry only.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/name.h"
#include "ring/lane_layout.h"
#include "segment/object.h"

struct shunt__look {
	int fd;
	int code; /* 0 an object, 1 raw, else why its header is not understood
		   */
	struct shunt__name name;
	struct stat st;
	struct shunt__header_lay header;
	struct shunt__geometry geo;
	struct shunt__control_lay control; /* of an object */
	uint32_t high;                     /* lanes that were ever claimed */
};

/* Opens @text and reads header and control block.  @owner: whose segment is
 * acceptable, NULL: anybody's if @any.  0 or a code; what is open is to be
 * closed. */
int shunt__look_open(
    struct shunt__look *look, const char *text, const char *owner, int any);
void shunt__look_close(struct shunt__look *look);

/* Bytes at @off into @buf: all of them (0), or SHUNT_E_TRUNCATED or -errno. */
int shunt__look_read(
    const struct shunt__look *look, uint64_t off, void *buf, size_t len);

/* A lane's control block. */
int shunt__look_lane(
    const struct shunt__look *look, uint32_t lane, struct shunt__lane_lay *out);

/* 1 if somebody holds this lock byte. */
int shunt__look_held(const struct shunt__look *look, int64_t byte);

/* What a walk over a lane's committed records found. */
struct shunt__walk {
	uint64_t tail;    /* where it began */
	uint64_t count;   /* ln_count, as it was then */
	uint64_t end;     /* behind the last record, or where the fault is */
	uint64_t records; /* so many lie between */
	uint64_t newest;  /* the first 8 bytes of the last one's payload */
	uint64_t fresh;   /* records whose payload begins with 4 zeros */
	int cast;         /* given: its producer moves the tail, and may be
			     ahead of it by a ring at any time */
};

/*
 * Walks a lane's committed records from walk->tail.  Its users may be at work:
 * what is below the tail once it was fetched may have been overwritten before,
 * and is not believed; the walk begins again at that tail, and so do
 * walk->tail and walk->count.  0, or SHUNT_E_CORRUPT, SHUNT_E_TRUNCATED,
 * -errno.
 */
int shunt__look_walk(
    const struct shunt__look *look, uint32_t lane, struct shunt__walk *walk);

#endif /* SHUNT_INSPECT_LOOK_H */
