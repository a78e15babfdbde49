/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * A peer in another user namespace, one that sees /dev/shm by another mount
 * and one whose /proc hides all other processes: messages, waits and the death
 * of a holder are what they are anywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc/libguest.h"

static int
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* Ourselves and nobody else, under the number of root. */
static void
other_user(struct guest *g)
{
	char map[64];
	unsigned uid = (unsigned)geteuid();

	if (unshare(CLONE_NEWUSER) < 0)
		GUEST_CANNOT(g, "a user namespace");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (put("/proc/self/uid_map", map) < 0)
		GUEST_CANNOT(g, "a map of users");
	NEED(geteuid() == 0);
}

/* The same memory, reached by another mount on top of the old one. */
static void
other_mount(struct guest *g)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		GUEST_CANNOT(g, "a mount namespace");
	if (mount("/dev/shm", "/mnt", NULL, MS_BIND, NULL) < 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL) < 0)
		GUEST_CANNOT(g, "a second mount");
	/* What bears the name here is another one; the file is the same. */
	snprintf(g->queue_seen, sizeof(g->queue_seen), "file:/mnt/%s",
	    strrchr(test_path(g->queue), '/') + 1);
	snprintf(g->lock_seen, sizeof(g->lock_seen), "file:/mnt/%s",
	    strrchr(test_path(g->lock), '/') + 1);
}

/* Its own /proc, and not a process of others in it. */
static void
hidden_proc(struct guest *g)
{
	struct stat st;
	char path[64];

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, "hidepid=2") < 0)
		GUEST_CANNOT(g, "a /proc that hides");
	if (setresgid(65534, 65534, 65534) < 0)
		GUEST_CANNOT(g, "another group");
	snprintf(path, sizeof(path), "/proc/%d", (int)getppid());
	/* Root sees through it; then it is at least another mount. */
	if (stat(path, &st) == 0)
		printf("hidepid: we see through it\n");
}

int
main(void)
{
	int skipped = 0;

	alarm(55);
	skipped += guest_scene("user namespace", other_user, NULL) != 0;
	skipped += guest_scene("another mount", other_mount, NULL) != 0;
	skipped += guest_scene("hidepid", hidden_proc, NULL) != 0;
	if (skipped == 3)
		printf("no namespace is to be had here\n");
	return skipped == 3 ? 77 : 0;
}
