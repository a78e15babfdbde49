/* SPDX-License-Identifier: MIT */

/*
 * System calls of a user in its steady state.  The user runs under strace
 * and writes two markers, which are failing system calls; whatever strace
 * shows between them, in any of its threads, is counted.
 */

#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt/error.h>
#include <shunt/lock.h>
#include <shunt/log.h>

#define MESSAGE 100
#define BEGIN   "shunt-bench-begin"
#define END     "shunt-bench-end"

static const char *
strace_lacks(void)
{
	return access("/usr/bin/strace", X_OK) == 0
		   ? NULL
		   : "strace is not here (Debian: strace)";
}

/* A call that fails and does nothing, to be found in strace's output. */
static void
marker(const char *text, size_t len)
{
	if (write(-1, text, len) >= 0)
		abort();
}

static int
log_paced(struct shunt_log *log, int count)
{
	char text[MESSAGE];
	uint64_t next = clock_ns();
	int r = 0;

	memset(text, 'x', sizeof text);
	for (int i = 0; i < count && r == 0; i++) {
		for (next += 100000; clock_ns() < next;)
			continue;
		r = shunt_log_write(log, SHUNT_LOG_INFO, text, MESSAGE);
	}
	return r;
}

static int
log_worker(const char *name, int count)
{
	struct shunt_log *log;
	int r;

	if (shunt_log_open(&log, name, NULL) < 0)
		return 1;
	pin(nth_cpu(1));
	r = log_paced(log, 5000);
	marker(BEGIN, sizeof BEGIN - 1);
	if (r == 0)
		r = log_paced(log, count);
	marker(END, sizeof END - 1);
	shunt_log_close(&log);
	return r != 0;
}

static int
lock_turns(struct shunt_lock *lock, int count)
{
	int r = 0;

	for (int i = 0; i < count && r == 0; i++) {
		r = shunt_lock_acquire(lock, SHUNT_FOREVER);
		if (r == 0)
			r = shunt_lock_release(lock);
	}
	return r;
}

static int
lock_worker(const char *name, int count)
{
	struct shunt_lock *lock;
	int r;

	if (shunt_lock_open(&lock, name, NULL) < 0)
		return 1;
	r = lock_turns(lock, 10); /* the first takes the thread's place */
	marker(BEGIN, sizeof BEGIN - 1);
	if (r == 0)
		r = lock_turns(lock, count);
	marker(END, sizeof END - 1);
	shunt_lock_close(&lock);
	return r != 0;
}

int
syscall_worker(int argc, char **argv)
{
	if (argc != 3)
		return 1;
	if (strcmp(argv[0], "lock") == 0)
		return lock_worker(argv[1], atoi(argv[2]));
	return log_worker(argv[1], atoi(argv[2]));
}

/* Lines between the markers, each of which is one system call. */
static int
count_calls(const char *path, double *calls)
{
	char line[1024];
	FILE *f = fopen(path, "r");
	int inside = 0, whole = 0, n = 0;

	if (f == NULL)
		return fail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof line, f) != NULL) {
		if (strstr(line, END) != NULL && inside) {
			whole = 1;
			inside = 0;
		}
		n += inside;
		if (inside && n == 1)
			fprintf(stderr, "the first: %s", line);
		if (strstr(line, BEGIN) != NULL)
			inside = 1;
	}
	fclose(f);
	*calls = n;
	return whole ? 0 : fail("strace's output has no two markers");
}

static int
trace(const char *what, const char *name, int count, double *calls)
{
	char self[PATH_ROOM], out[PATH_ROOM], number[16], said[64];
	char *argv[] = {"strace", "-f", "-qq", "-o", out, self,
	    "--syscall-worker", (char *)what, (char *)name, number, NULL};
	int bad;

	beside(self, "bench");
	scratch_path(out, "strace.out");
	snprintf(number, sizeof number, "%d", count);
	bad =
	    run_program(argv, said, sizeof said, 40) || count_calls(out, calls);
	unlink(out);
	return bad;
}

static void
count_of(struct sample *s, double calls, int count)
{
	s->value = calls / count;
	s->extra[0] = calls;
	s->extra[1] = count;
}

static int
lock_syscalls(const struct bench *b, struct sample *s)
{
	char name[NAME_ROOM];
	int count = quick_run ? 5000 : 50000, bad;
	double calls = 0;

	(void)b;
	cpus();
	fresh_name(name, "strace");
	bad = trace("lock", name, count, &calls);
	count_of(s, calls, count);
	return bad;
}

static int
log_syscalls(const struct bench *b, struct sample *s)
{
	char log[NAME_ROOM], file[PATH_ROOM];
	struct server server = {0};
	int count = quick_run ? 5000 : 50000, bad;
	double calls = 0;

	(void)b;
	fresh_name(log, "strace");
	scratch_path(file, "strace.log");
	cpus();
	if (server_start(&server, log, file, "never", nth_cpu(0)) < 0)
		return -1;
	bad = trace("log", log, count, &calls);
	if (bad)
		server_kill(&server);
	else
		bad = server_stop(&server);
	count_of(s, calls, count);
	return bad;
}

const struct bench syscall_benches[] = {
    {
	.name = "log.syscalls",
	.unit = "calls/msg",
	.what = "system calls of a client at 10,000 a second (strace)",
	.bar = 0,
	.pairs = 1,
	.quick = 1,
	.measure = log_syscalls,
	.extra = {"calls", "messages"},
	.lacks = strace_lacks,
    },
    {
	.name = "lock.syscalls",
	.unit = "calls/pair",
	.what = "system calls of acquire and release, uncontended (strace)",
	.bar = 0,
	.pairs = 1,
	.quick = 1,
	.measure = lock_syscalls,
	.extra = {"calls", "pairs"},
	.lacks = strace_lacks,
    },
    {.name = NULL},
};
