/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_LOOK_H
#define SHUNT_CLI_LOOK_H

/* What ls, stat and rm say alike about segments and who uses them. */

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <shunt.h>

/* Words of enum shunt_kind and enum shunt_state. */
const char *look_kind(uint32_t kind);
const char *look_state(uint32_t state);

/* The program of a process as the kernel names it, escaped; "?" if unseen. */
const char *look_comm(int64_t pid);

/* Processes that use a segment, each once. */
struct look_user {
	int64_t pid;   /* the number it has here */
	int64_t self;  /* the one that it sees itself */
	int unseen;    /* it is nowhere in our /proc: pid is its own number */
	char comm[20]; /* of the unseen, as it noted it */
};
struct look_users {
	struct look_user *list;
	size_t count;
};

/* Those who map it, and the live participants of an object; 0 or -errno. */
int look_users(struct look_users *users, const char *name);
int look_users_add(struct look_users *users, const struct look_user *user);
void look_users_free(struct look_users *users);

/* "12 (cat), 13 (dd) and 4 more", in a static buffer. */
const char *look_users_text(const struct look_users *users);
json_t *look_users_json(const struct look_users *users);

/*
 * Which process a participant is whose lock byte is held: in *@user.  DIED:
 * it is no more, and who inherited its descriptor keeps the byte.
 */
enum look_fate { LOOK_SEEN, LOOK_UNSEEN, LOOK_DIED };
enum look_fate look_seat(const struct look_users *users, const char *name,
    const struct shunt_participant *p, struct look_user *user);
/* "12 (cat)" or "1 of another PID namespace (cat)", in a static buffer. */
const char *look_user_text(const struct look_user *user);
/* "process " and that, of a participant who lives; likewise. */
const char *look_process(const char *name, const struct shunt_participant *p);
/* The same of the receiver or server; "another process" if there is none. */
const char *look_receiver(const char *name);

/*
 * Everything about a segment, with its participants in *@list (to be freed).
 * Returns their number or a negative code.
 */
int look_stat(const char *name, struct shunt_segment_info *info,
    struct shunt_participant **list);

/* The name of the log that is meant: @given, $SHUNT_LOG or the default. */
const char *look_log_name(const char *given);

/* 1 if @name is in the grammar of System V segments. */
int look_sysv(const char *name);
/* "0x00001234", in a static buffer: as ipcs(1) shows a key. */
const char *look_key(int32_t key);
/* 1 if it was removed and is there only for those who have it attached. */
int look_dest(const struct shunt_segment_info *info);
/* 1 for the kinds that carry messages. */
int look_has_lanes(uint32_t kind);
/* What those who bring and those who get are called; "publisher". */
const char *look_sender(uint32_t kind);
/* What a sender that waits waits for. */
const char *look_awaited(uint32_t kind);
const char *look_end(uint32_t kind);
/* Words of enum shunt_role and enum shunt_topic_policy. */
const char *look_role(uint32_t role);
const char *look_policy(uint32_t policy);
/* In the order of enum shunt_topic_policy, from 1 on. */
#define TOPIC_POLICIES "lossy block drop evict"
/* "0x00000000000004d2", in a static buffer. */
const char *look_schema(uint64_t schema);

/* The keys that ls and stat have in common. */
json_t *look_info_json(const struct shunt_segment_info *info);

#endif /* SHUNT_CLI_LOOK_H */
