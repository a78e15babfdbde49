/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "holders.h"
#include "proc.h"

/*
 * Who keeps bytes of an object locked without having it attached: read from
 * /proc/PID/fd and fdinfo, which show the processes of others to root alone.
 */

struct search {
	const struct look_users *attached;
	struct look_users *kept;
	struct stat file;
};

static int
collect(int64_t pid, void *arg)
{
	struct search *s = arg;

	for (size_t i = 0; i < s->attached->count; i++)
		if (!s->attached->list[i].unseen &&
		    s->attached->list[i].pid == pid)
			return 0;
	if (proc_keeps(pid, &s->file, PROC_ANY) != 1)
		return 0;
	return look_users_add(s->kept, &(struct look_user){.pid = pid});
}

int
holders_keepers(struct look_users *kept, const char *name)
{
	struct look_users users = {0};
	struct search s = {.attached = &users, .kept = kept};
	int r = proc_file(name, &s.file);

	*kept = (struct look_users){0};
	if (r == 0)
		r = look_users(&users, name);
	if (r < 0)
		return r;
	r = proc_each(collect, &s);
	look_users_free(&users);
	if (r < 0)
		look_users_free(kept);
	return r;
}
