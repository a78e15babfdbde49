/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_INSPECT_PARTS_H
#define SHUNT_INSPECT_PARTS_H

/* What the kinds of objects say of themselves, and who takes part. */

#include <shunt/inspect.h>

struct shunt__look;
struct shunt__geometry;

/* Participants, as far as there is room for them; all are counted. */
struct shunt__parts {
	struct shunt_participant *to;
	size_t cap;
	size_t n;
};

void shunt__parts_add(
    struct shunt__parts *parts, const struct shunt_participant *one);

/* Fingerprint of the structs of this kind; 0: not known here, or not with
 * this geometry. */
uint64_t shunt__kind_print(const struct shunt__geometry *geo);

/* Of any object.  1 if there is something in it for which it stays, though
 * nobody has it attached. */
int shunt__info_object(const struct shunt__look *look,
    struct shunt_segment_info *info, struct shunt__parts *parts);

/* Topics: topics.c. */
uint64_t shunt__info_topic_print(const struct shunt__geometry *geo);
void shunt__info_topic(const struct shunt__look *look,
    struct shunt_segment_info *info, struct shunt__parts *parts);

/* Those who receive, of a kind where there may be several: what they do is
 * @role.  @more adds what the kind knows, or NULL. */
struct shunt__slot_lay;
typedef void shunt__info_more(const struct shunt__look *look,
    const struct shunt__slot_lay *slot, struct shunt_participant *one,
    void *arg);
void shunt__info_slots(const struct shunt__look *look,
    struct shunt_segment_info *info, struct shunt__parts *parts, uint32_t role,
    shunt__info_more *more, void *arg);

/* Who has this lane, and whether he waits for room. */
struct shunt__lane_lay;
void shunt__info_owner(const struct shunt__look *look, uint32_t lane,
    const struct shunt__lane_lay *ctl, struct shunt_segment_info *info,
    struct shunt_participant *one);

#endif /* SHUNT_INSPECT_PARTS_H */
