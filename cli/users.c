/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "look.h"
#include "out.h"
#include "proc.h"

/*
 * Who uses a segment.  A participant of an object notes its process id as it
 * sees itself: in another PID namespace that is somebody else's here.  So a
 * number counts only where /proc shows that process with the segment mapped,
 * or hides from us whether it has; others are named as what they are.
 */

#define USERS_SHOWN 8

/* The bytes that tell who lives, see docs/layout.md. */
#define BYTE_LANE     (INT64_C(1) << 40)
#define BYTE_RECEIVER (BYTE_LANE + (INT64_C(1) << 20))

int
look_users_add(struct look_users *users, const struct look_user *user)
{
	struct look_user *more;

	for (size_t i = 0; i < users->count; i++)
		if (users->list[i].pid == user->pid &&
		    users->list[i].unseen == user->unseen &&
		    (!user->unseen ||
			strcmp(users->list[i].comm, user->comm) == 0))
			return 0;
	more = realloc(users->list, (users->count + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	more[users->count++] = *user;
	users->list = more;
	return 0;
}

static int
mappers(struct look_users *users, const char *name)
{
	size_t cap = 64;
	int64_t *pids;
	int n, r = 0;

	for (;;) {
		pids = calloc(cap, sizeof(*pids));
		if (pids == NULL)
			return -ENOMEM;
		n = shunt_segment_mappers(name, pids, cap);
		if (n < 0 || (size_t)n <= cap)
			break;
		free(pids);
		cap = (size_t)n + 64;
	}
	for (int i = 0; i < n && r == 0; i++)
		r = look_users_add(users, &(struct look_user){.pid = pids[i],
					      .self = proc_self(pids[i])});
	free(pids);
	return n < 0 ? n : r;
}

static int64_t
byte_of(const struct shunt_participant *p)
{
	return p->lane == UINT32_MAX ? BYTE_RECEIVER : BYTE_LANE + p->lane;
}

/* Somebody other than @self who keeps a participant's byte. */
struct left {
	struct stat file;
	int64_t byte, self;
	int outside; /* his parent is not of our PID namespace */
};

static int
find_left(int64_t pid, void *arg)
{
	struct left *left = arg;

	if (proc_keeps(pid, &left->file, left->byte) != 1 ||
	    proc_self(pid) == left->self)
		return 0;
	left->outside = proc_parent(pid) == 0;
	return 1;
}

/*
 * A participant whose byte is held, and nobody who maps the segment is it:
 * it died and its program, or a child that it forked, keeps the byte; or it
 * lives where we do not see it.  A program whose parent is outside of our
 * namespace was started from there.
 */
static int
died(const char *name, const struct shunt_participant *p)
{
	struct left left = {.self = p->pid, .byte = byte_of(p)};

	return proc_file(name, &left.file) == 0 &&
	       proc_each(find_left, &left) == 1 && !left.outside;
}

/* Another user's process that has the number and may well be it. */
static int
hidden(const char *name, const struct shunt_participant *p)
{
	struct stat st;

	return proc_file(name, &st) == 0 &&
	       proc_keeps(p->pid, &st, PROC_ANY) == -EACCES &&
	       proc_uid(p->pid) == p->uid;
}

/* One who has the segment mapped, sees itself under this number and keeps the
 * byte: process 1 of one namespace is not that of another. */
static const struct look_user *
mapper_of(const struct look_users *users, const char *name,
    const struct shunt_participant *p)
{
	struct stat st;

	if (proc_file(name, &st) < 0)
		return NULL;
	for (size_t i = 0; i < users->count; i++) {
		const struct look_user *u = &users->list[i];

		if (!u->unseen && u->self == p->pid &&
		    proc_keeps(u->pid, &st, byte_of(p)) == 1)
			return u;
	}
	return NULL;
}

enum look_fate
look_seat(const struct look_users *users, const char *name,
    const struct shunt_participant *p, struct look_user *user)
{
	const struct look_user *here = mapper_of(users, name, p);

	*user = (struct look_user){.pid = p->pid, .self = p->pid};
	memcpy(user->comm, p->comm, sizeof(user->comm));
	user->comm[sizeof(user->comm) - 1] = 0;
	if (here != NULL) {
		*user = *here;
		return LOOK_SEEN;
	}
	if (hidden(name, p))
		return LOOK_SEEN;
	user->unseen = 1;
	return died(name, p) ? LOOK_DIED : LOOK_UNSEEN;
}

int
look_users(struct look_users *users, const char *name)
{
	struct shunt_segment_info info;
	struct shunt_participant *list;
	struct look_user user = {0};
	int r, n;

	*users = (struct look_users){0};
	r = mappers(users, name);
	/* Users that /proc hides from us tell of themselves in the object. */
	n = r < 0 ? r : look_stat(name, &info, &list);
	for (int i = 0; i < n && r == 0; i++) {
		/* Threads of one process stand together. */
		if (!list[i].alive || list[i].pid <= 0 ||
		    (!user.unseen && user.self == list[i].pid))
			continue;
		if (look_seat(users, name, &list[i], &user) != LOOK_DIED)
			r = look_users_add(users, &user);
	}
	if (n >= 0)
		free(list);
	if (r < 0)
		look_users_free(users);
	return r;
}

void
look_users_free(struct look_users *users)
{
	free(users->list);
	*users = (struct look_users){0};
}

const char *
look_user_text(const struct look_user *user)
{
	static char text[256];
	const char *comm = look_comm(user->pid);

	if (user->unseen)
		/* Root sees every process of its own namespace. */
		snprintf(text, sizeof(text), "%" PRId64 " %s (%s)", user->pid,
		    geteuid() == 0 ? "of another PID namespace"
				   : "that cannot be seen from here",
		    out_safe(user->comm));
	else
		snprintf(text, sizeof(text), "%" PRId64 " (%s)", user->pid,
		    strcmp(comm, "?") == 0 && user->comm[0] != 0
			? out_safe(user->comm)
			: comm);
	return text;
}

const char *
look_process(const char *name, const struct shunt_participant *p)
{
	static char text[300];
	struct look_users users;
	struct look_user user = {.pid = p->pid};

	if (look_users(&users, name) >= 0)
		look_seat(&users, name, p, &user);
	look_users_free(&users);
	snprintf(text, sizeof(text), "process %s", look_user_text(&user));
	return text;
}

const char *
look_receiver(const char *name)
{
	struct shunt_segment_info info;
	struct shunt_participant *list;
	const char *text = "another process";
	int n = look_stat(name, &info, &list);

	for (int i = 0; i < n; i++)
		if (list[i].lane == UINT32_MAX && list[i].alive)
			text = look_process(name, &list[i]);
	if (n >= 0)
		free(list);
	return text;
}

const char *
look_users_text(const struct look_users *users)
{
	static char text[USERS_SHOWN * 320 + 40];
	size_t at = 0, shown = users->count;

	if (shown > USERS_SHOWN)
		shown = USERS_SHOWN;
	text[0] = 0;
	for (size_t i = 0; i < shown; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s%s",
		    i > 0 ? ", " : "", users->list[i].unseen ? "process " : "",
		    look_user_text(&users->list[i]));
	if (shown < users->count)
		snprintf(text + at, sizeof(text) - at, " and %zu more",
		    users->count - shown);
	return text;
}

/* One who is not seen has no number here, only the one that it sees. */
static json_t *
user_json(const struct look_user *user)
{
	if (!user->unseen)
		return json_pack("{s:I, s:o}", "pid", (json_int_t)user->pid,
		    "command", out_json_text(look_comm(user->pid)));
	return json_pack("{s:n, s:o, s:I}", "pid", "command",
	    out_json_text(user->comm), "pid_there", (json_int_t)user->pid);
}

json_t *
look_users_json(const struct look_users *users)
{
	json_t *array = json_array();

	for (size_t i = 0; i < users->count; i++)
		json_array_append_new(array, user_json(&users->list[i]));
	return array;
}
