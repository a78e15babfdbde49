/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_LOG_SPEC_H
#define SHUNT_LOG_SPEC_H

/* What clients, server and tools agree on about a log object. */

#include <stddef.h>
#include <stdint.h>

#include "log/log_layout.h"
#include "segment/object.h"

#define SHUNT__LOG_LANES      1024u
#define SHUNT__LOG_LANE_BYTES (UINT64_C(512) << 10)

/* Room for a name that shunt__log_name() makes. */
#define SHUNT__LOG_NAME_ROOM 64

/* What to attach to, or to make: zeroes @spec, sets kind, lanes, area and
 * lane bytes; 0 means the default of each. */
void shunt__log_spec(
    struct shunt__spec *spec, uint32_t lanes, uint64_t lane_bytes);

/* @name, or the default log's name: $SHUNT_LOG, "/shunt-log" for root and
 * "/shunt-log-UID" for others, made in @room if need be. */
const char *shunt__log_name(const char *name, char *room, size_t n);

/* Is this attached object a log that can be used here?  0, SHUNT_E_LAYOUT
 * (its area is too small for its lanes) or SHUNT_E_TIMENS. */
int shunt__log_check(struct shunt__object *obj);

/* 1 if a record lies there that no server has released; for detach. */
int shunt__log_unread(struct shunt__object *obj);

static inline struct shunt__log_server_lay *
shunt__log_server(const struct shunt__object *obj)
{
	return (struct shunt__log_server_lay *)(void *)obj->area;
}

static inline struct shunt__log_note_lay *
shunt__log_note(const struct shunt__object *obj)
{
	return (struct shunt__log_note_lay *)(void *)(obj->area +
						      SHUNT__LOG_NOTE_OFF);
}

/* The note's new tails, one a lane; behind them its counts of told drops. */
static inline uint64_t *
shunt__log_tails(const struct shunt__object *obj)
{
	return (uint64_t *)(void *)(obj->area + SHUNT__LOG_TAILS_OFF);
}

static inline uint64_t *
shunt__log_tolds(const struct shunt__object *obj)
{
	return shunt__log_tails(obj) + obj->geo.lanes;
}

#endif /* SHUNT_LOG_SPEC_H */
