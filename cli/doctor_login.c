/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "doctor.h"
#include "out.h"

/*
 * RemoveIPC of systemd's logind: when the last session of a user ends, all
 * his shared memory goes.  System users and lingering ones are spared.
 */

#define LINGER "/var/lib/systemd/linger/"

/* What "RemoveIPC=" says, also behind a "#", where it stands for the default:
 * 1 yes, 0 no, -1 nothing. */
static int
read_conf(const char *path, int comments)
{
	FILE *f = fopen(path, "re");
	char line[256];
	int v = -1;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		char *p = line + strspn(line, " \t");
		int comment = *p == '#' || *p == ';';

		if (comment && !comments)
			continue;
		p += comment ? strspn(p, "#; \t") : 0;
		if (strncmp(p, "RemoveIPC", 9) != 0)
			continue;
		p += 9 + strspn(p + 9, " \t");
		if (*p != '=')
			continue;
		p += 1 + strspn(p + 1, " \t");
		v = strncasecmp(p, "no", 2) != 0 && *p != '0' &&
		    strncasecmp(p, "false", 5) != 0 &&
		    strncasecmp(p, "off", 3) != 0;
	}
	if (f != NULL)
		fclose(f);
	return v;
}

static const char *const roots[] = {"/etc/systemd", "/run/systemd",
    "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd"};
#define ROOTS (sizeof(roots) / sizeof(roots[0]))

struct answer {
	int value; /* 1, 0, or -1: nobody says */
	char from[512];
	char last[256]; /* name of the drop-in that said it */
};

/* Drop-ins count in the order of their names; of one name, the first root's. */
static void
read_dropins(struct answer *a, const char *root)
{
	char dir[128], path[512];
	struct dirent **list;
	int n, v;

	snprintf(dir, sizeof(dir), "%s/logind.conf.d", root);
	n = scandir(dir, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		size_t len = strlen(name);

		snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (len > 5 && strcmp(name + len - 5, ".conf") == 0 &&
		    strcmp(name, a->last) > 0 &&
		    (v = read_conf(path, 0)) >= 0) {
			a->value = v;
			snprintf(a->from, sizeof(a->from), "%s", path);
			snprintf(a->last, sizeof(a->last), "%s", name);
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static void
ask(struct answer *a)
{
	char path[128];

	*a = (struct answer){.value = -1};
	for (size_t i = 0; i < ROOTS; i++) {
		snprintf(path, sizeof(path), "%s/logind.conf", roots[i]);
		if (access(path, R_OK) != 0)
			continue;
		a->value = read_conf(path, 0);
		/* systemd ships the default it was built with as a comment. */
		if (a->value < 0)
			a->value = read_conf(path, 1);
		snprintf(a->from, sizeof(a->from), "%s", path);
		break;
	}
	for (size_t i = 0; i < ROOTS; i++)
		read_dropins(a, roots[i]);
}

/* The last user id that is the system's. */
static unsigned long
system_most(void)
{
	FILE *f = fopen("/etc/login.defs", "re");
	unsigned long most = 999, v;
	char line[256];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, " SYS_UID_MAX %lu", &v) == 1)
			most = v;
	if (f != NULL)
		fclose(f);
	return most;
}

static int
lingers(uid_t uid)
{
	struct passwd *pw = getpwuid(uid);
	char path[512];

	if (pw == NULL)
		return 0;
	snprintf(path, sizeof(path), LINGER "%.400s", pw->pw_name);
	return access(path, F_OK) == 0;
}

static void
removed(struct doctor *d, const struct answer *a)
{
	uid_t uid = geteuid();

	if (uid <= system_most()) {
		doctor_say(d, DOCTOR_OK,
		    "RemoveIPC is on (%s), but spares the system's users, of "
		    "whom you are one; it takes those of user %lu and up at "
		    "their last log-out.",
		    a->from[0] != 0 ? out_safe(a->from) : "systemd's default",
		    system_most() + 1);
	} else if (lingers(uid)) {
		doctor_say(d, DOCTOR_OK,
		    "RemoveIPC is on, but spares %s, who lingers.",
		    out_safe(out_user(uid)));
	} else {
		doctor_say(d, DOCTOR_WARNING,
		    "RemoveIPC is on (%s): when %s logs out for the last "
		    "time, systemd removes all his segments, semaphores and "
		    "queues, those in use too.",
		    a->from[0] != 0 ? out_safe(a->from) : "systemd's default",
		    out_safe(out_user(uid)));
		doctor_fix(d, "sudo loginctl enable-linger %s",
		    out_safe(out_user(uid)));
	}
}

static void
remove_ipc(struct doctor *d)
{
	struct answer a;

	if (access("/run/systemd/users", F_OK) != 0) {
		doctor_say(d, DOCTOR_OK,
		    "systemd's logind does not run here: nobody removes what "
		    "a user leaves when he logs out.");
		return;
	}
	ask(&a);
	if (a.value == 0)
		doctor_say(
		    d, DOCTOR_OK, "RemoveIPC is off (%s).", out_safe(a.from));
	else
		removed(d, &a);
}

const struct doctor_check doctor_login[] = {
    {"RemoveIPC", remove_ipc},
    {0},
};
