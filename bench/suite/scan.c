/* SPDX-License-Identifier: MIT */

/*
 * What an operator waits for: a list of 10,000 segments with all that use
 * them, among 500 processes.  In a /dev/shm of its own, so that nothing of the
 * machine's stands in the way, and nothing is left.
 */

#include "suite.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt/error.h>
#include <shunt/inspect.h>

#define SEGMENTS  10000
#define PROCESSES 500
#define EACH      20 /* segments that a process has mapped */

static const char *
scan_lacks(void)
{
	return geteuid() == 0 ? NULL
			      : "only root may have a /dev/shm of his own";
}

static int
open_segment(int i, int flags)
{
	char path[64];

	snprintf(path, sizeof path, "/dev/shm/segment-%05d", i);
	return open(path, flags | O_CLOEXEC, 0600);
}

static int
make_segments(void)
{
	for (int i = 0; i < SEGMENTS; i++) {
		int fd = open_segment(i, O_CREAT | O_EXCL | O_RDWR);

		if (fd < 0 || write(fd, "some bytes", 10) != 10)
			return fail("segment %d cannot be made", i);
		close(fd);
	}
	return 0;
}

/* One of the 500; killed by its parent's end at the latest. */
static void
use_segments(int process, _Atomic int *ready)
{
	die_with_parent();
	for (int k = 0; k < EACH; k++) {
		int i = (process * 7 + k * 11) % SEGMENTS;
		int fd = open_segment(i, O_RDONLY);

		if (fd < 0 ||
		    mmap(NULL, 10, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
			_exit(1);
		close(fd);
	}
	atomic_fetch_add(ready, 1);
	for (;;)
		pause();
}

static int
start_users(pid_t *users)
{
	_Atomic int *ready = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t begin = clock_ns();

	if (ready == MAP_FAILED)
		return fail("no memory");
	for (int i = 0; i < PROCESSES; i++) {
		users[i] = fork();
		if (users[i] < 0)
			return fail("no process %d", i);
		if (users[i] == 0)
			use_segments(i, ready);
	}
	while (atomic_load(ready) < PROCESSES) {
		if (clock_ns() - begin > 30000000000u)
			return fail("the processes do not come");
		sleep_ns(1000000);
	}
	munmap(ready, 4096);
	return 0;
}

/* All places, as `shunt ls` asks for them. */
static int
scan_once(double *figure)
{
	struct shunt_scan_options o = {.sz = sizeof o,
	    .places = (1u << SHUNT_PLACES) - 1,
	    .flags = SHUNT_SCAN_USERS};
	struct shunt_segment_info info = {.sz = sizeof info};
	struct shunt_scan *scan;
	struct rusage usage;
	uint64_t begin = clock_ns(), users = 0;
	int n = 0;

	if (shunt_scan_open(&scan, &o) < 0)
		return fail("%s", shunt_error_detail());
	while (shunt_scan_next(scan, &info) == 1) {
		if (info.place != SHUNT_PLACE_POSIX)
			continue;
		n++;
		users += info.users;
	}
	shunt_scan_close(&scan);
	figure[0] = (double)(clock_ns() - begin) / 1e9;
	getrusage(RUSAGE_SELF, &usage);
	figure[1] = (double)usage.ru_maxrss / 1024;
	if (n != SEGMENTS || users != PROCESSES * EACH)
		return fail("%d segments with %llu users were told", n,
		    (unsigned long long)users);
	return 0;
}

static int
scanner(struct mail *mail, int seat, void *arg)
{
	pid_t *users = calloc(PROCESSES, sizeof *users);
	int bad;

	(void)arg;
	if (users == NULL || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "/dev/shm", "tmpfs", 0, "size=1g") != 0)
		return fail("no /dev/shm of our own can be had");
	bad = make_segments();
	if (!bad)
		bad = start_users(users);
	crew_ready(mail);
	if (!bad)
		bad = scan_once(mail->seat[seat].figure);
	for (int i = 0; i < PROCESSES; i++)
		if (users[i] > 0)
			kill(users[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	free(users);
	return bad;
}

static int
scan_many(const struct bench *b, struct sample *s)
{
	struct crew crew = {0};
	int bad;

	(void)b;
	bad = crew_start(&crew, 1, NULL, scanner, NULL);
	if (!bad) {
		crew_go(&crew);
		bad = crew_finish(&crew, 60);
	}
	if (!bad) {
		s->value = crew.mail->seat[0].figure[0];
		s->extra[0] = crew.mail->seat[0].figure[1];
	}
	crew_free(&crew);
	return bad;
}

const struct bench scan_benches[] = {
    {
	.name = "scan.many",
	.unit = "s",
	.what = "10,000 segments with all users among 500 processes are told",
	.bar = 1,
	.pairs = 11,
	.quick = 3,
	.measure = scan_many,
	.extra = {"MiB"},
	.lacks = scan_lacks,
    },
    {.name = NULL},
};
