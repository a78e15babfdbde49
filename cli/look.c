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
	case SHUNT_KIND_TOPIC:
		return "topic";
	case SHUNT_KIND_STREAM:
		return "stream";
	case SHUNT_KIND_SERVICE:
		return "service";
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
look_dest(const struct shunt_segment_info *info)
{
	return look_sysv(info->name) && (info->sysv_flags & SHUNT_SYSV_DEST);
}

int
look_has_lanes(uint32_t kind)
{
	return kind == SHUNT_KIND_QUEUE || kind == SHUNT_KIND_LOG ||
	       kind == SHUNT_KIND_TOPIC || kind == SHUNT_KIND_STREAM ||
	       kind == SHUNT_KIND_SERVICE;
}

const char *
look_sender(uint32_t kind)
{
	switch (kind) {
	case SHUNT_KIND_TOPIC:
		return "publisher";
	case SHUNT_KIND_STREAM:
		return "writer";
	case SHUNT_KIND_SERVICE:
		return "client";
	}
	return "sender";
}

const char *
look_awaited(uint32_t kind)
{
	return kind == SHUNT_KIND_SERVICE ? "a reply" : "room";
}

const char *
look_end(uint32_t kind)
{
	switch (kind) {
	case SHUNT_KIND_LOG:
	case SHUNT_KIND_SERVICE:
		return "server";
	case SHUNT_KIND_TOPIC:
		return "subscriber";
	case SHUNT_KIND_STREAM:
		return "reader";
	}
	return "receiver";
}

const char *
look_role(uint32_t role)
{
	static const char *const words[] = {"uses", "sends", "receives",
	    "publishes", "subscribes", "writes", "reads", "calls", "serves"};

	return role < sizeof(words) / sizeof(words[0]) ? words[role] : "uses";
}

const char *
look_policy(uint32_t policy)
{
	static const char *const words[] = {
	    "any", "lossy", "block", "drop", "evict"};

	return policy < sizeof(words) / sizeof(words[0]) ? words[policy]
							 : "unknown";
}

const char *
look_schema(uint64_t schema)
{
	static char text[24];

	snprintf(text, sizeof(text), "0x%016" PRIx64, schema);
	return text;
}
