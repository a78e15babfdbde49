/* SPDX-License-Identifier: MIT */
/* limit: 120 */
/*
 * The server is killed over and over while clients log: at random times, and
 * by itself in the middle of its system calls, where a write is torn.  Every
 * line that a client counts must be in the file, once, whole, in its order.
 *
 * usage: log_server_kill [KILLS [SEED [SYNC_NS]]]
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt/logd.h>
#include <shunt/segment.h>

#include "lib/log_check.h"
#include "os/os.h"

#define CLIENTS 3

static char name[64];
static char path[256];
static struct shared {
	_Atomic uint64_t committed[CLIENTS];
	_Atomic int stop;
	_Atomic uint64_t torn_kills;
	_Atomic uint64_t repeated;
	_Atomic uint64_t late;
	_Atomic uint64_t lines;
	_Atomic int ready; /* the last server serves */
} * shared;

static uint64_t seed;
static int64_t sync_ns;

/* System calls that kill their caller: before, in the middle, after. */
static struct shunt__os real;

static int
unlucky(void)
{
	return log_check_random(&seed) % 40 == 0;
}

static void
die(void)
{
	shared->torn_kills++;
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

static ssize_t
bad_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	if (unlucky()) {
		real.pwrite(fd, buf, log_check_random(&seed) % (n + 1), off);
		die();
	}
	/* Short counts are legal at any time. */
	if (log_check_random(&seed) % 8 == 0 && n > 1)
		n = 1 + log_check_random(&seed) % n;
	return real.pwrite(fd, buf, n, off);
}

static int
bad_ftruncate(int fd, off_t size)
{
	if (unlucky())
		die();
	int e = real.ftruncate(fd, size);
	if (unlucky())
		die();
	return e;
}

static int
bad_fdatasync(int fd)
{
	if (unlucky())
		die();
	return real.fdatasync(fd);
}

static int
bad_fstat(int fd, struct stat *st)
{
	if (log_check_random(&seed) % 400 == 0)
		die();
	return real.fstat(fd, st);
}

static void
notice(void *arg, const char *line)
{
	(void)arg;
	shared->repeated += strstr(line, "repeated") != NULL;
	printf("notice: %s\n", line);
	fflush(stdout);
}

static void
serve(int bad)
{
	struct shunt_logd_options o = {.sz = sizeof(o),
	    .file = path,
	    .notice = notice,
	    .sync_ns = sync_ns};
	struct shunt_logd_stat st = {.sz = sizeof(st)};
	struct shunt_logd *l;

	if (bad) {
		real = shunt__os;
		shunt__os.pwrite = bad_pwrite;
		shunt__os.ftruncate = bad_ftruncate;
		shunt__os.fdatasync = bad_fdatasync;
		shunt__os.fstat = bad_fstat;
	}
	int e = shunt_logd_open(&l, name, &o);
	shared->ready = !bad && e == 0;
	if (e == 0)
		e = shunt_logd_run(l);
	if (e < 0) {
		printf("server: %d %s\n", e, shunt_error_detail());
		_exit(1);
	}
	shunt_logd_stat(l, &st);
	shared->late = st.late;
	shared->lines = st.lines;
	shunt_logd_close(&l);
	_exit(0);
}

static void
client(unsigned id)
{
	struct shunt__spec spec;
	struct producer p;
	uint64_t rng = seed + id * 1000 + (uint64_t)getpid();

	shunt__log_spec(&spec, 16, 16384);
	int e = producer_open(&p, name, &spec);
	if (e < 0) {
		printf("client: %d %s\n", e, shunt_error_detail());
		_exit(1);
	}
	while (!shared->stop) {
		unsigned burst = 1 + (unsigned)(log_check_random(&rng) % 60);
		for (unsigned i = 0; i < burst && !shared->stop; i++) {
			uint64_t most = log_check_random(&rng) % 8 ? 100 : 3000;
			unsigned fill =
			    (unsigned)(log_check_random(&rng) % most);
			if (log_check_put(&p, id, shared->committed[id], fill) <
			    0)
				_exit(1);
			/* A kill before this: committed, not counted. */
			shared->committed[id]++;
		}
		shunt__os.nanosleep(200000);
	}
	producer_close(&p);
	_exit(0);
}

static pid_t
start(int is_client, unsigned arg)
{
	fflush(stdout);
	seed = log_check_random(&seed);
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (is_client)
		client(arg);
	serve((int)arg);
	_exit(1);
}

/* 0, or the status of a process that ended by itself and badly. */
static int
reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : status;
}

int
main(int argc, char **argv)
{
	unsigned kills = argc > 1 ? (unsigned)atoi(argv[1]) : 1500;
	const char *dir = getenv("TMPDIR");
	pid_t clients[CLIENTS], server;
	int bad = 0;

	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	sync_ns = argc > 3 ? atoll(argv[3]) : 0;
	snprintf(name, sizeof(name), "/shunt-test-kill-%d", getpid());
	snprintf(path, sizeof(path), "%s/kill-%d.log",
	    dir != NULL ? dir : "/tmp", getpid());
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	alarm(110); /* ends its children, too */
	for (unsigned i = 0; i < CLIENTS; i++)
		clients[i] = start(1, i);
	for (unsigned k = 0; k < kills && !bad; k++) {
		server = start(0, 1);
		shunt__os.nanosleep(
		    (int64_t)(log_check_random(&seed) % 4000000));
		kill(server, SIGKILL);
		bad = reap(server);
	}
	/* The last one may finish. */
	server = start(0, 0);
	while (!shared->ready && !bad) /* the limit of the test ends this */
		shunt__os.nanosleep(1000000);
	shared->stop = 1;
	for (unsigned i = 0; i < CLIENTS; i++)
		bad |= reap(clients[i]);
	int e = shunt_logd_request_stop(name, NULL, 20000000000);
	bad |= reap(server);
	if (e < 0)
		printf("stop: %d %s\n", e, shunt_error_detail());

	struct log_check check = {0};
	bad |= e < 0 || log_check_file(&check, path) < 0;
	bad |= log_check_verdict(&check, "after the kills");
	for (unsigned i = 0; i < CLIENTS; i++)
		if (check.next[i] != shared->committed[i]) {
			printf("client %u: %llu in the file, %llu logged\n", i,
			    (unsigned long long)check.next[i],
			    (unsigned long long)shared->committed[i]);
			bad = 1;
		}
	printf("%u kills, %llu of them in a system call, %llu batches "
	       "repeated, %llu late\n",
	    kills, (unsigned long long)shared->torn_kills,
	    (unsigned long long)shared->repeated,
	    (unsigned long long)shared->late);
	bad |= shared->repeated != 0;
	/* No client was ever stopped for a hold limit, so none is late: but a
	 * loaded machine may do that, and then the count must be exact. */
	bad |= shared->late != check.unordered;
	bad |= shared->lines != check.lines;
	struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};
	if (shunt_remove(name, &force) == 0) {
		printf("the log was left behind\n");
		bad = 1;
	}
	if (!bad)
		unlink(path);
	return bad != 0;
}
