/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * Many segments and many processes: each is told with its own users and no
 * others, and what has no name as well.  In a /dev/shm of its own.
 *
 *	scan_many [SEGMENTS [PROCESSES]]
 *
 * prints how long a scan of all of them takes, and in how much memory.  What
 * operators are promised is 10000 and 500 in a second and 50 MB.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define EACH 20 /* segments that a process has */

static int segments, processes;
static pid_t *pids;

static void
path_of(int i, char *path, size_t room)
{
	snprintf(path, room, "/dev/shm/%s-%05d", i % 7 == 3 ? "dir/x" : "x", i);
}

static void
make_all(void)
{
	char path[64], text[16] = "some bytes";

	NEED(mkdir("/dev/shm/dir", 0700) == 0);
	for (int i = 0; i < segments; i++) {
		path_of(i, path, sizeof(path));
		int fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0600);
		NEED(fd >= 0);
		NEED(write(fd, text, sizeof(text)) == sizeof(text));
		close(fd);
	}
}

/* The k-th segment of a process: some have many users, many have none. */
static int
segment_of(int process, int k)
{
	return k < 2 ? k : (process * 7 + k * 11) % (segments / 2);
}

/* Every other one is mapped with its descriptor closed, the rest is open. */
static int
use(int process)
{
	char path[64];
	int fd;

	for (int k = 0; k < EACH; k++) {
		path_of(segment_of(process, k), path, sizeof(path));
		fd = open(path, O_RDONLY | O_CLOEXEC);
		NEED(fd >= 0);
		if (k % 2 != 0)
			continue;
		NEED(
		    mmap(NULL, 16, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
		close(fd);
	}
	snprintf(path, sizeof(path), "/dev/shm/gone-%d", process);
	fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	NEED(fd >= 0 && unlink(path) == 0);
	NEED(memfd_create("many", MFD_CLOEXEC) >= 0);
	return 0;
}

static void
start_all(void)
{
	struct step *ready = test_shared(sizeof(*ready));

	for (int i = 0; i < processes; i++) {
		pid_t pid = fork();
		NEED(pid >= 0);
		if (pid != 0) {
			pids[i] = pid;
			continue;
		}
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (use(i) != 0)
			_exit(1);
		atomic_fetch_add(&ready->n, 1);
		alarm(50);
		for (;;)
			pause();
	}
	step_wait(ready, (uint32_t)processes);
}

static int
has(int process, int segment)
{
	for (int k = 0; k < EACH; k++)
		if (segment_of(process, k) == segment)
			return 1;
	return 0;
}

static void
check_one(struct shunt_scan *scan, const struct shunt_segment_info *info)
{
	const char *number = strrchr(info->name, '-');
	int64_t users[1024];
	int n = shunt_scan_users(scan, users, 1024), want = 0;

	NEED(number != NULL);
	for (int p = 0; p < processes; p++) {
		if (!has(p, atoi(number + 1)))
			continue;
		NEED(want < n && users[want] == pids[p]);
		want++;
	}
	NEED(n == want && info->users == (uint32_t)n);
	NEED(info->size == 16 && info->used == 4096);
	NEED(info->state == (n > 0 ? SHUNT_STATE_LIVE : SHUNT_STATE_IDLE));
}

static void
check_held(struct shunt_scan *scan, const struct shunt_segment_info *info)
{
	int64_t user = 0;

	NEED(shunt_scan_users(scan, &user, 1) == 1);
	NEED(info->state == SHUNT_STATE_HELD && info->users == 1);
	for (int p = 0; p < processes; p++)
		if (pids[p] == user)
			return;
	NEED(0 && "a user of ours");
}

/* Counts all; @check: slow, so not while the time is taken. */
static void
scan_all(int check)
{
	struct shunt_scan_options o = {.sz = sizeof(o),
	    .flags = SHUNT_SCAN_USERS,
	    .places = 1u << SHUNT_PLACE_POSIX | 1u << SHUNT_PLACE_MEMFD |
		      1u << SHUNT_PLACE_UNLINKED};
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_scan *scan;
	int n[SHUNT_PLACES] = {0};

	NEED(shunt_scan_open(&scan, &o) == 0);
	while (shunt_scan_next(scan, &info) == 1) {
		/* Other processes of the machine may have memfds. */
		if (info.place == SHUNT_PLACE_MEMFD &&
		    strncmp(info.name, "memfd:many@", 11) != 0)
			continue;
		if (info.place == SHUNT_PLACE_UNLINKED &&
		    strncmp(info.name, "unlinked:/gone-", 15) != 0)
			continue;
		n[info.place]++;
		if (check && info.place == SHUNT_PLACE_POSIX)
			check_one(scan, &info);
		else if (check)
			check_held(scan, &info);
	}
	NEED(n[SHUNT_PLACE_POSIX] == segments);
	NEED(n[SHUNT_PLACE_MEMFD] == processes);
	NEED(n[SHUNT_PLACE_UNLINKED] == processes);
	shunt_scan_close(&scan);
}

static void
take_time(void)
{
	struct rusage before, after;
	uint64_t begin = test_now();

	getrusage(RUSAGE_SELF, &before);
	scan_all(0);
	begin = test_now() - begin;
	getrusage(RUSAGE_SELF, &after);
	printf("%d segments, %d processes: %.3f s, %ld KiB (%ld before)\n",
	    segments, processes, (double)begin / 1e9, after.ru_maxrss,
	    before.ru_maxrss);
}

int
main(int argc, char **argv)
{
	segments = argc > 1 ? atoi(argv[1]) : 1000;
	processes = argc > 2 ? atoi(argv[2]) : 50;
	alarm(55);
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "/dev/shm", "tmpfs", 0, "size=1g") != 0)
		return 77; /* only root may have a /dev/shm of his own */
	pids = test_shared((size_t)processes * sizeof(*pids));
	make_all();
	start_all();
	take_time();
	scan_all(1);
	for (int i = 0; i < processes; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < processes; i++) {
		int status;
		NEED(waitpid(pids[i], &status, 0) == pids[i]);
	}
	return 0;
}
