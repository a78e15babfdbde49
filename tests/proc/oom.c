/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * The kernel kills a peer for want of memory, in a cgroup of its own: a death
 * as any other.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc/libguest.h"

static char group[512]; /* of the guest; made by the host */
static int second;      /* version 2 of cgroups */

static int
put(const char *file, const char *text)
{
	char path[600];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* Below our own group; 0, or it cannot be had. */
static int
make_group(void)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[400], own[256] = "", *path;
	int n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = 0;
		path = strchr(line, '/');
		if (path == NULL)
			continue;
		if (strstr(line, ":memory:") != NULL ||
		    (strncmp(line, "0::", 3) == 0 && own[0] == 0)) {
			n = snprintf(own, sizeof(own), "%s", path);
			second = strncmp(line, "0::", 3) == 0;
		}
	}
	if (f != NULL)
		fclose(f);
	if (n == 0 || n >= (int)sizeof(own))
		return -1;
	snprintf(group, sizeof(group), "/sys/fs/cgroup%s%s/shunt-oom-%d",
	    second ? "" : "/memory", own, (int)getpid());
	if (mkdir(group, 0755) == 0 || errno != ENOENT)
		return access(group, F_OK);
	/* In a container our own group is the root that we see. */
	snprintf(group, sizeof(group), "/sys/fs/cgroup%s/shunt-oom-%d",
	    second ? "" : "/memory", (int)getpid());
	return mkdir(group, 0755);
}

static void
remove_group(void)
{
	for (int i = 0; i < 200 && rmdir(group) < 0 && errno == EBUSY; i++)
		usleep(10000);
}

static void
small_place(struct guest *g)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (put(second ? "memory.max" : "memory.limit_in_bytes", "25165824") <
		0 ||
	    put("cgroup.procs", pid) < 0)
		GUEST_CANNOT(g, "a limit of memory");
	if (second)
		put("memory.swap.max", "0");
}

static void
eat(struct guest *g)
{
	size_t size = (size_t)256 << 20;
	unsigned char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)g;
	NEED(p != MAP_FAILED);
	for (size_t i = 0; i < size; i += 4096)
		p[i] = 1;
	peer_fail(__FILE__, __LINE__, "256 MiB in a group of 24");
}

int
main(void)
{
	int e;

	alarm(55);
	if (make_group() < 0) {
		printf("no cgroup for memory is to be had here\n");
		return 77;
	}
	e = guest_scene("killed for want of memory", small_place, eat);
	remove_group();
	return e;
}
