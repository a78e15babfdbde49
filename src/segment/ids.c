/* SPDX-License-Identifier: MIT */
/* Users and groups, by name or by number. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "segment/raw.h"

/* A group of a thousand members needs more than a page; nobody needs this. */
#define ROOM_MAX ((size_t)1 << 22)

/* All digits, and no number that chown(2) takes for "leave it". */
static int
number(const char *text, uint32_t *out)
{
	uint64_t n = 0;

	if (*text == 0)
		return 0;
	for (const char *p = text; *p != 0; p++) {
		if (*p < '0' || *p > '9')
			return 0;
		n = n * 10 + (uint64_t)(*p - '0');
		if (n >= UINT32_MAX)
			return 0;
	}
	*out = (uint32_t)n;
	return 1;
}

/* 0 and *out, ERANGE for want of @room, or another errno; ENOENT: nobody. */
static int
find_user(const char *user, char *room, size_t len, uint32_t *out)
{
	struct passwd pw, *found = NULL;
	int e = getpwnam_r(user, &pw, room, len, &found);

	if (e != 0 || found == NULL)
		return e != 0 ? e : ENOENT;
	*out = pw.pw_uid;
	return 0;
}

static int
find_group(const char *group, char *room, size_t len, uint32_t *out)
{
	struct group gr, *found = NULL;
	int e = getgrnam_r(group, &gr, room, len, &found);

	if (e != 0 || found == NULL)
		return e != 0 ? e : ENOENT;
	*out = gr.gr_gid;
	return 0;
}

static int
look_up(const char *what, const char *name, uint32_t *out,
    int (*find)(const char *, char *, size_t, uint32_t *))
{
	int e = ERANGE;

	if (number(name, out))
		return 0;
	for (size_t len = 4096; e == ERANGE && len <= ROOM_MAX; len *= 2) {
		char *room = malloc(len);

		e = room == NULL ? ENOMEM : find(name, room, len, out);
		free(room);
	}
	if (e == 0)
		return 0;
	if (e == ENOMEM || e == EMFILE || e == ENFILE || e == ERANGE)
		return shunt__fail(-EINVAL, "%s \"%s\" cannot be looked up: %s",
		    what, shunt__quote(name), shunt__why(-e));
	return shunt__fail(
	    -EINVAL, "there is no %s \"%s\"", what, shunt__quote(name));
}

int
shunt__user_number(const char *user, uint32_t *out)
{
	return look_up("user", user, out, find_user);
}

int
shunt__group_number(const char *group, uint32_t *out)
{
	return look_up("group", group, out, find_group);
}

const char *
shunt__user_text(uint32_t uid, char room[SHUNT__USER_ROOM])
{
	struct passwd pw, *found = NULL;
	char fields[2048];

	if (getpwuid_r(uid, &pw, fields, sizeof(fields), &found) != 0 ||
	    found == NULL)
		snprintf(room, SHUNT__USER_ROOM, "%u", uid);
	else
		snprintf(room, SHUNT__USER_ROOM, "%u (%.40s)", uid,
		    shunt__quote(pw.pw_name));
	return room;
}
