/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "look.h"
#include "out.h"

#define USERS_SHOWN 8

const char *
look_kind(uint32_t kind)
{
	switch (kind) {
	case SHUNT_KIND_RAW:
		return "raw";
	case SHUNT_KIND_QUEUE:
		return "queue";
	case SHUNT_KIND_LOG:
		return "log";
	case SHUNT_KIND_LOCK:
		return "lock";
	case SHUNT_KIND_SEMAPHORE:
		return "semaphore";
	case SHUNT_KIND_EVENT:
		return "event";
	}
	return "other";
}

const char *
look_state(uint32_t state)
{
	switch (state) {
	case SHUNT_STATE_LIVE:
		return "live";
	case SHUNT_STATE_IDLE:
		return "idle";
	case SHUNT_STATE_ORPHAN:
		return "orphan";
	}
	return "unknown";
}

const char *
look_comm(int64_t pid)
{
	char path[48], comm[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return "?";
	n = read(fd, comm, sizeof(comm) - 1);
	close(fd);
	if (n <= 1)
		return "?";
	comm[n - 1] = 0; /* the kernel ends it with a newline */
	return out_safe(comm);
}

const char *
look_log_name(const char *given)
{
	static char name[40];
	const char *env = getenv("SHUNT_LOG");

	/* Empty is an unset variable of a script, not the default log. */
	if (given != NULL)
		return *given != 0 ? given : "/";
	if (env != NULL && *env != 0)
		return env;
	if (geteuid() == 0)
		return "/shunt-log";
	snprintf(name, sizeof(name), "/shunt-log-%u", (unsigned)geteuid());
	return name;
}

int
look_stat(const char *name, struct shunt_segment_info *info,
    struct shunt_participant **list)
{
	size_t cap = 64;
	int n;

	for (;;) {
		*list = calloc(cap, sizeof(**list));
		if (*list == NULL)
			return -ENOMEM;
		memset(info, 0, sizeof(*info));
		info->sz = sizeof(*info);
		n = shunt_segment_stat(name, info, *list, cap);
		/* Others come and go meanwhile: leave some to spare. */
		if (n >= 0 && (size_t)n <= cap)
			return n;
		free(*list);
		*list = NULL;
		if (n < 0)
			return n;
		cap = (size_t)n + 64;
	}
}

static int
mappers(struct look_users *users, const char *name)
{
	size_t cap = 64;
	int n;

	for (;;) {
		users->pids = calloc(cap, sizeof(*users->pids));
		if (users->pids == NULL)
			return -ENOMEM;
		n = shunt_segment_mappers(name, users->pids, cap);
		if (n >= 0 && (size_t)n <= cap) {
			users->count = (size_t)n;
			return 0;
		}
		free(users->pids);
		users->pids = NULL;
		if (n < 0)
			return n;
		cap = (size_t)n + 64;
	}
}

static int
add(struct look_users *users, int64_t pid)
{
	int64_t *more;

	for (size_t i = 0; i < users->count; i++)
		if (users->pids[i] == pid)
			return 0;
	more = realloc(users->pids, (users->count + 1) * sizeof(*users->pids));
	if (more == NULL)
		return -ENOMEM;
	more[users->count++] = pid;
	users->pids = more;
	return 0;
}

int
look_users(struct look_users *users, const char *name)
{
	struct shunt_segment_info info;
	struct shunt_participant *list;
	int r, n;

	*users = (struct look_users){0};
	r = mappers(users, name);
	if (r < 0)
		return r;
	/* Users that /proc hides from us tell their pid in the object. */
	n = look_stat(name, &info, &list);
	for (int i = 0; i < n && r == 0; i++)
		if (list[i].alive && list[i].pid > 0)
			r = add(users, list[i].pid);
	if (n >= 0)
		free(list);
	return r;
}

void
look_users_free(struct look_users *users)
{
	free(users->pids);
	*users = (struct look_users){0};
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
		at += (size_t)snprintf(text + at, sizeof(text) - at,
		    "%s%" PRId64 " (%s)", i > 0 ? ", " : "", users->pids[i],
		    look_comm(users->pids[i]));
	if (shown < users->count)
		snprintf(text + at, sizeof(text) - at, " and %zu more",
		    users->count - shown);
	return text;
}

json_t *
look_users_json(const struct look_users *users)
{
	json_t *array = json_array();

	for (size_t i = 0; i < users->count; i++)
		json_array_append_new(array,
		    json_pack("{s:I, s:o}", "pid", (json_int_t)users->pids[i],
			"command", out_json_text(look_comm(users->pids[i]))));
	return array;
}

int
look_sysv(const char *name)
{
	return strncmp(name, "sysv:", 5) == 0;
}

const char *
look_key(int32_t key)
{
	static char text[16];

	snprintf(text, sizeof(text), "0x%08" PRIx32, (uint32_t)key);
	return text;
}

int
look_has_lanes(uint32_t kind)
{
	return kind == SHUNT_KIND_QUEUE || kind == SHUNT_KIND_LOG;
}
