/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "fail.h"
#include "holders.h"
#include "look.h"
#include "out.h"
#include "sem_posix.h"
#include "stat.h"

/* shunt sem with the named semaphores of POSIX: looking and removing. */

/* Its value, by libc's own look at a private copy: nothing is mapped.  -errno
 * if it cannot be read. */
static int
value_of(int dir, const char *name, uint32_t *value)
{
	int fd =
	    openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;
	sem_t copy;
	int v = 0;

	if (fd < 0)
		return -errno;
	n = pread(fd, &copy, sizeof(copy), 0);
	close(fd);
	if (n != (ssize_t)sizeof(copy) || sem_getvalue(&copy, &v) < 0)
		return -EIO;
	*value = (uint32_t)v;
	return 0;
}

static json_t *
describe(const char *name, const struct stat *st)
{
	char mode[8];

	snprintf(mode, sizeof(mode), "%04o", st->st_mode & 07777);
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:s, s:I}", "name",
	    out_json_text(name), "sort", "posix", "uid",
	    out_json_int(st->st_uid), "gid", out_json_int(st->st_gid), "owner",
	    out_json_text(out_user(st->st_uid)), "mode", mode, "mtime_ns",
	    (json_int_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec);
}

int
sem_posix_show(const struct sem *s)
{
	struct look_users users;
	struct sem_file f;
	uint32_t value;
	int rc = sem_posix_find(s, &f), r;

	if (rc == CLI_DONE)
		rc = sem_posix_check(s, &f);
	if (rc != CLI_DONE)
		return rc;
	r = value_of(AT_FDCWD, f.path, &value);
	if (r == -EACCES || r == -EPERM)
		return sem_posix_denied(s, &f, "read");
	if (r < 0)
		return fail_say(s->cmd, "%s: it cannot be read: %s",
		    out_safe(s->name), strerror(-r));
	/* A file of /dev/shm like any other. */
	if (look_users(&users, f.path + sizeof(SEM_POSIX_DIR) - 1) < 0)
		users = (struct look_users){0};
	if (s->json) {
		json_t *o = describe(s->name, &f.st);

		json_object_set_new(o, "value", out_json_int(value));
		json_object_set_new(o, "users", look_users_json(&users));
		rc = out_json(o, 1) < 0 ? CLI_FAILED : CLI_DONE;
	} else {
		holders_head(s->name,
		    "POSIX semaphore of libc, %" PRIu32 " free", value);
		stat_field("value", "%" PRIu32, value);
		stat_field("file", "%s", out_safe(f.path));
		stat_field("owner", "%s, group %s, mode %04o",
		    out_safe(out_user(f.st.st_uid)),
		    out_safe(out_group(f.st.st_gid)), f.st.st_mode & 07777);
		stat_field("open in", "%s",
		    users.count > 0 ? look_users_text(&users)
				    : "no process that can be seen");
		stat_field("holders", "unknown: libc keeps none, so what a "
				      "dead one held is lost");
	}
	look_users_free(&users);
	return rc;
}

int
sem_posix_remove(const struct sem *s)
{
	struct look_users users;
	struct sem_file f;
	int rc = sem_posix_find(s, &f);

	if (rc != CLI_DONE)
		return rc;
	if (look_users(&users, f.path + sizeof(SEM_POSIX_DIR) - 1) < 0)
		users = (struct look_users){0};
	if (sem_unlink(f.name) == 0) {
		if (users.count > 0)
			printf("%s: removed, but still used by %s\n",
			    out_safe(s->name), look_users_text(&users));
	} else if (errno == EACCES || errno == EPERM)
		rc = sem_posix_denied(s, &f, "remove");
	else
		rc = fail_say(s->cmd, "%s: it cannot be removed: %s",
		    out_safe(s->name), strerror(errno));
	look_users_free(&users);
	return rc;
}

static int
add(struct sem_list *list, int dir, const char *entry)
{
	char name[NAME_MAX + 16], number[24], mode[8];
	struct stat st;
	uint32_t value = 0;
	int r;

	if (fstatat(dir, entry, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	snprintf(name, sizeof(name), SEM_POSIX "/%s", entry + 4);
	r = sem_posix_sound(&st) ? value_of(dir, entry, &value) : -EIO;
	if (list->json != NULL) {
		json_t *o = describe(name, &st);

		json_object_set_new(
		    o, "value", r == 0 ? out_json_int(value) : json_null());
		json_object_set_new(
		    o, "corrupt", json_boolean(!sem_posix_sound(&st)));
		return json_array_append_new(list->json, o) < 0 ? -ENOMEM : 0;
	}
	snprintf(number, sizeof(number), "%" PRIu32, value);
	snprintf(mode, sizeof(mode), "%04o", st.st_mode & 07777);
	return sem_list_row(
	    list, (const char *const[SEM_COLUMNS]){out_safe(name), "posix",
		      !sem_posix_sound(&st) ? "corrupt"
		      : r == 0              ? number
					    : "?",
		      "-", "-", "-", out_safe(out_user(st.st_uid)), mode});
}

int
sem_posix_list(struct sem_list *list)
{
	struct dirent **names;
	int n = scandir(SEM_POSIX_DIR, &names, NULL, alphasort), r = 0;
	int dir = open(SEM_POSIX_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (n < 0 || dir < 0)
		r = -errno;
	for (int i = 0; i < n; i++) {
		if (r == 0 && strncmp(names[i]->d_name, "sem.", 4) == 0)
			r = add(list, dir, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (dir >= 0)
		close(dir);
	return r;
}
