/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_WHY_H
#define SHUNT_CLI_WHY_H

/*
 * shunt why: what each kind of shared memory has to say for itself, collected
 * as sentences under a few titles.  A sentence states what was seen; what was
 * not seen is told as unknown.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <jansson.h>
#include <shunt.h>

#include "command.h"
#include "look.h"

enum why_title {
	WHY_MADE,
	WHY_USED,
	WHY_INSIDE,
	WHY_STATE,
	WHY_REMOVE,
	WHY_LOST,
	WHY_KNOWN,
	WHY_TITLES
};

/* May it be removed?  Of what is idle its owner alone knows. */
enum why_safe { WHY_UNKNOWN, WHY_SAFE, WHY_ASK, WHY_UNSAFE };

/* What could not be looked at, and so may hold more users. */
struct why_hidden {
	size_t processes; /* seen, but not to be looked into */
	int proc;         /* 1: /proc cannot be read at all */
	int hidepid;      /* 1: /proc leaves out those of others */
	int pidns;        /* 1: processes outside of this PID namespace */
};

struct why {
	const struct command *cmd;
	const char *name;  /* as given */
	const char *what;  /* "queue", "System V segment" */
	const char *place; /* for programs */
	uint32_t state;    /* enum shunt_state */
	enum why_safe safe;
	struct look_users users;
	struct why_hidden hidden;
	json_t *told[WHY_TITLES]; /* sentences, escaped */
	char remove[2400];        /* a line to paste, or "" */
	char seen_at[96];         /* a path of /proc to the file, or "" */
};

void why_say(struct why *w, enum why_title title, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* @text as one word of a shell, harmless on a terminal. */
const char *why_quote(const char *text);
/* The line that removes it: @fmt has one %s, for the quoted @name. */
void why_command(struct why *w, const char *before, const char *name);

/* why_users.c: who has it. */

/* Everybody who has the file open or mapped, into w->users; 0 or -errno. */
int why_users_file(struct why *w, const struct stat *st);
/* The same of a System V segment. */
int why_users_sysv(struct why *w);
/* Sentences about w->users and w->hidden. */
void why_users_tell(struct why *w);
/* Is there anybody who cannot be seen from here? */
int why_users_hidden(const struct why_hidden *hidden);
/* "process 12 (make)", and whether it is the one that was there at @at_ns (0:
 * not known); in buffers that take turns. */
const char *why_process(int64_t pid, int64_t at_ns);

/* why_remove.c: state and what follows from it. */

/* w->state, what to do about it, and how it is known. */
void why_state_tell(struct why *w, uint32_t kind, int persistent);
/* That only @uid may remove it, if that is another user. */
void why_rights_tell(struct why *w, uint32_t uid);
void why_owner_tell(struct why *w, uint32_t uid, uint32_t gid, uint32_t mode);

/* One a place: 0, or the exit code after telling what is wrong. */
int why_segment(struct why *w);  /* /name, file:PATH, fd:N */
int why_sem(struct why *w);      /* sem:/name */
int why_sysv(struct why *w);     /* sysv:... */
int why_semset(struct why *w);   /* semset:... */
int why_msg(struct why *w);      /* msg:... */
int why_mq(struct why *w);       /* mq:/name */
int why_memfd(struct why *w);    /* memfd:NAME@PID/FD */
int why_unlinked(struct why *w); /* unlinked:/name@INODE */

/* why_object.c: what lies in an object, who holds it, who died with it. */
void why_object_tell(struct why *w, const struct shunt_segment_info *info,
    const struct shunt_participant *list, int n);

#endif /* SHUNT_CLI_WHY_H */
