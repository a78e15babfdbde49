/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "doctor.h"
#include "out.h"

/* What memory may be locked, reserved, and how much the cgroup allows. */

#define CGROUP "/sys/fs/cgroup"
#define SHMEM  "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define LITTLE (UINT64_C(64) << 10)

static void
memlock(struct doctor *d)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_MEMLOCK, &r) < 0)
		return;
	if (r.rlim_cur == RLIM_INFINITY) {
		doctor_say(d, DOCTOR_OK,
		    "RLIMIT_MEMLOCK sets no limit on what is kept out of "
		    "swap.");
		return;
	}
	doctor_say(d, r.rlim_cur < LITTLE ? DOCTOR_WARNING : DOCTOR_OK,
	    "RLIMIT_MEMLOCK lets this user keep %s out of swap; locking more "
	    "fails with ENOMEM.",
	    out_size(r.rlim_cur));
	if (r.rlim_cur < LITTLE)
		doctor_fix(d, "ulimit -l %s",
		    r.rlim_max == RLIM_INFINITY ? "unlimited" : "8192");
}

/* The number behind @key in /proc/meminfo, or -1. */
static int64_t
meminfo(const char *key)
{
	FILE *f = fopen("/proc/meminfo", "re");
	size_t len = strlen(key);
	char line[128];
	int64_t v = -1;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, len) == 0 && line[len] == ':')
			v = strtoll(line + len + 1, NULL, 10);
	if (f != NULL)
		fclose(f);
	return v;
}

static void
huge(struct doctor *d)
{
	int64_t all = meminfo("HugePages_Total"), left, kept;

	if (all < 0) {
		doctor_say(d, DOCTOR_UNKNOWN,
		    "/proc/meminfo tells nothing of huge pages.");
		return;
	}
	left = meminfo("HugePages_Free");
	kept = meminfo("HugePages_Rsvd");
	if (all == 0) {
		doctor_say(d, DOCTOR_OK,
		    "No huge pages are reserved: who needs them (hugetlbfs, "
		    "SHM_HUGETLB) gets ENOMEM.");
	} else if (left - (kept > 0 ? kept : 0) <= 0) {
		doctor_say(d, DOCTOR_WARNING,
		    "All %" PRId64 " huge pages are taken or promised: the "
		    "next who maps one gets ENOMEM or SIGBUS.",
		    all);
		doctor_fix(d, "sysctl vm.nr_hugepages=%" PRId64, all * 2);
	} else {
		doctor_say(d, DOCTOR_OK,
		    "%" PRId64 " of %" PRId64 " huge pages are free.", left,
		    all);
	}
}

static void
shmem(struct doctor *d)
{
	char line[128], *word, *end;

	if (doctor_line(SHMEM, line, sizeof(line)) < 0 ||
	    (word = strchr(line, '[')) == NULL ||
	    (end = strchr(word, ']')) == NULL) {
		doctor_say(d, DOCTOR_UNKNOWN,
		    "Whether shared memory may use transparent huge pages is "
		    "not told here.");
		return;
	}
	*end = 0;
	doctor_say(d, DOCTOR_OK,
	    "Transparent huge pages for shared memory: %s%s.",
	    out_safe(word + 1),
	    strcmp(word + 1, "never") == 0 || strcmp(word + 1, "deny") == 0
		? ", so a large segment takes small pages"
		: "");
}

/* The cgroup of memory that this process is in, as a directory; 0 or -1. */
static int
cgroup_of(char *dir, size_t room, int *old)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[1024], path[900];
	int found = -1;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "%*d:memory:%899[^\n]", path) == 1) {
			snprintf(dir, room, CGROUP "/memory%s", path);
			*old = 1;
			found = 0;
			break;
		}
		if (sscanf(line, "0::%899[^\n]", path) == 1) {
			snprintf(dir, room, CGROUP "%s", path);
			*old = 0;
			found = 0;
		}
	}
	if (f != NULL)
		fclose(f);
	return found;
}

/* Limit and use of this cgroup, the tightest on the way up; 0 or -1. */
static int
cgroup_read(uint64_t *limit, uint64_t *used)
{
	char dir[1024], path[1100], *slash;
	int old = 0, seen = -1;

	*limit = UINT64_MAX;
	if (cgroup_of(dir, sizeof(dir), &old) < 0)
		return -1;
	while (strlen(dir) >= strlen(CGROUP)) {
		uint64_t most, now;

		snprintf(path, sizeof(path), "%s/%s", dir,
		    old ? "memory.limit_in_bytes" : "memory.max");
		if (doctor_number(path, &most) == 0) {
			snprintf(path, sizeof(path), "%s/%s", dir,
			    old ? "memory.usage_in_bytes" : "memory.current");
			if (doctor_number(path, &now) == 0 && most < *limit) {
				*limit = most;
				*used = now;
			}
			seen = 0;
		}
		slash = strrchr(dir, '/');
		*slash = 0;
	}
	return seen;
}

static void
cgroup(struct doctor *d)
{
	uint64_t limit, used = 0, shm = 0;
	struct statvfs fs;

	if (cgroup_read(&limit, &used) < 0) {
		doctor_say(d, DOCTOR_UNKNOWN,
		    "The memory limit of this cgroup is not told here.");
		return;
	}
	/* The old kind says "no limit" by a number near 2^63. */
	if (limit > UINT64_MAX / 4) {
		doctor_say(d, DOCTOR_OK, "No cgroup limits the memory.");
		return;
	}
	if (statvfs(DOCTOR_SHM, &fs) == 0)
		shm = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (doctor_percent(used, limit) >= 90) {
		doctor_say(d, DOCTOR_WARNING,
		    "The cgroup has used %s of %s: shared memory counts for "
		    "whoever touches it first, and the end of it is an OOM "
		    "kill.",
		    out_size(used), out_size(limit));
		doctor_fix(d, "shunt ls; shunt clean");
	} else if (shm > limit) {
		doctor_say(d, DOCTOR_WARNING,
		    "The cgroup allows %s, " DOCTOR_SHM " has %s free: who "
		    "fills it is killed (OOM) before he gets ENOSPC.",
		    out_size(limit), out_size(shm));
		doctor_fix(d, "mount -o remount,size=%" PRIu64 "M " DOCTOR_SHM,
		    limit / 2 >> 20);
	} else {
		doctor_say(d, DOCTOR_OK, "The cgroup has used %s of %s.",
		    out_size(used), out_size(limit));
	}
}

static void
core(struct doctor *d)
{
	char line[256];

	if (doctor_line("/proc/sys/kernel/core_pattern", line, sizeof(line)) <
	    0)
		doctor_say(d, DOCTOR_UNKNOWN,
		    "kernel.core_pattern cannot be read here.");
	else
		doctor_say(d, DOCTOR_OK,
		    "Core dumps go to %s%s: a process that dumps counts as "
		    "alive until that ends, and the dump holds what it has "
		    "mapped of shared memory (/proc/PID/coredump_filter).",
		    line[0] == '|' ? "a program, " : "",
		    line[0] != 0 ? out_safe(line) : "nothing");
}

const struct doctor_check doctor_memory[] = {
    {"memlock", memlock},
    {"huge pages", huge},
    {"shmem", shmem},
    {"cgroup", cgroup},
    {"core dumps", core},
    {0},
};
