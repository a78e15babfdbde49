/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/peers.h"

#define NAMES 4096

static char *names[NAMES];
static int n_names;
static pid_t owner;

/* At exit of the process that made the names, not of its children. */
static void
remove_names(void)
{
	if (getpid() != owner)
		return;
	for (int i = 0; i < n_names; i++) {
		unlink(test_path(names[i]));
		free(names[i]);
	}
	n_names = 0;
}

/* Over its limit, or told to end: not without cleaning up.  The children end
 * with us. */
static void
on_end(int sig)
{
	static const char text[] = "ended by a signal\n";

	if (getpid() == owner) {
		for (int i = 0; i < n_names; i++)
			unlink(test_path(names[i]));
		if (write(2, text, sizeof(text) - 1) < 0)
			_exit(128 + sig);
	}
	_exit(128 + sig);
}

static const int ends[] = {SIGALRM, SIGTERM, SIGINT, SIGHUP};
#define ENDS (sizeof(ends) / sizeof(ends[0]))

const char *
test_name(const char *what)
{
	char *name;

	if (owner != getpid()) {
		owner = getpid();
		n_names = 0;
		atexit(remove_names);
		for (size_t i = 0; i < ENDS; i++)
			signal(ends[i], on_end);
	}
	if (n_names == NAMES ||
	    asprintf(&name, "/shunt-%s-%d-%d", what, (int)owner, n_names) < 0)
		abort();
	names[n_names++] = name;
	return name;
}

const char *
test_path(const char *name)
{
	static _Thread_local char path[512];

	snprintf(path, sizeof(path), "/dev/shm%s", name);
	return path;
}

int
test_there(const char *name)
{
	struct stat st;

	return lstat(test_path(name), &st) == 0;
}

void *
test_shared(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		abort();
	return at;
}

int
test_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (dir == NULL)
		return -1;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

uint64_t
test_switches(pid_t pid)
{
	char path[64], line[256];
	unsigned long long n = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1)
			break;
	fclose(f);
	return n;
}

pid_t
peer_start(int (*f)(void *arg), void *arg)
{
	pid_t parent = getpid();

	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		abort();
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(98);
	/* cmocka's handlers would go on in the parent's test. */
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	for (size_t i = 0; i < ENDS; i++)
		signal(ends[i], SIG_DFL);
	alarm(60);
	int e = f(arg);
	fflush(NULL);
	_exit(e);
}

int
peer_end(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1000;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void
peer_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	peer_end(pid);
}

int
peer_succeed(int (*take)(void *arg), void *arg)
{
	uint64_t end = test_now() + 10000 * MS;
	int e;

	while ((e = take(arg)) == -EBUSY && test_now() < end)
		usleep(500);
	return e;
}

void
step_to(struct step *step, uint32_t n)
{
	atomic_store(&step->n, n);
	syscall(SYS_futex, &step->n, FUTEX_WAKE, 1 << 20, NULL, NULL, 0);
}

void
step_wait(struct step *step, uint32_t n)
{
	uint64_t end = test_now() + 30000 * MS;
	struct timespec ts = {1, 0};
	uint32_t now;

	while ((now = atomic_load(&step->n)) < n) {
		if (test_now() > end)
			peer_fail(__FILE__, __LINE__, "a step within 30 s");
		syscall(SYS_futex, &step->n, FUTEX_WAIT, now, &ts, NULL, 0);
	}
}

void
peer_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	fflush(NULL);
	if (getpid() == owner) {
		remove_names();
		_exit(1);
	}
	_exit(99);
}

uint64_t
test_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
