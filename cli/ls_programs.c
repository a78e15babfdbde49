/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ls.h"

/*
 * The programs of processes.  Ten thousand segments are had by a few hundred
 * processes: each is asked for once.
 */

#define SLOTS    8192 /* a power of two; those beyond it are read each time */
#define PROGRAM  64
#define NS_PER_S INT64_C(1000000000)

struct program {
	int64_t pid; /* 0: free */
	int64_t began_ns;
	char name[PROGRAM]; /* "": it cannot be seen */
};

/* Wall clock at the start of the clock that /proc counts in. */
static int64_t
boot_ns(void)
{
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return (now.tv_sec - up.tv_sec) * NS_PER_S + now.tv_nsec - up.tv_nsec;
}

/* Name and beginning stand in one line, the name in brackets that may hold
 * brackets. */
static void
parse(struct program *p, char *text)
{
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	unsigned long long ticks = 0;
	char *at = close;

	if (open == NULL || close == NULL || close < open)
		return;
	*close = 0;
	snprintf(p->name, sizeof(p->name), "%s", open + 1);
	/* The 22nd field; behind the bracket stand a blank and the third. */
	for (int field = 2; field < 22 && at != NULL; field++)
		at = strchr(at + 1, ' ');
	if (at != NULL)
		ticks = strtoull(at + 1, NULL, 10);
	p->began_ns =
	    boot_ns() + (int64_t)ticks * (NS_PER_S / sysconf(_SC_CLK_TCK));
}

static void
look(struct program *p, int64_t pid)
{
	char path[48], text[1024];
	ssize_t n;
	int fd;

	*p = (struct program){.pid = pid};
	snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return;
	text[n] = 0;
	parse(p, text);
}

static const struct program *
find(int64_t pid)
{
	static struct program table[SLOTS], spare;
	size_t at = (size_t)pid & (SLOTS - 1);

	for (int i = 0; i < 16; i++, at = (at + 1) & (SLOTS - 1)) {
		if (table[at].pid == pid)
			return &table[at];
		if (table[at].pid == 0) {
			look(&table[at], pid);
			return &table[at];
		}
	}
	look(&spare, pid);
	return &spare;
}

const char *
ls_program(int64_t pid, int64_t before_ns)
{
	const struct program *p;

	if (pid <= 0)
		return NULL;
	p = find(pid);
	/* A second to spare: the wall clock may have been set meanwhile. */
	if (p->name[0] == 0 ||
	    (before_ns != 0 && p->began_ns > before_ns + NS_PER_S))
		return NULL;
	return p->name;
}

const char *
ls_creator(const struct shunt_segment_info *info)
{
	return ls_program(info->creator_pid, ls_since(info));
}
