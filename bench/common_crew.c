/* SPDX-License-Identifier: MIT */

/* A crew: freshly forked, pinned children that start at one moment. */

#include "common.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The machine's processors as this process found them, before any pin(). */
static cpu_set_t allowed;
static int n_allowed;

int
cpus(void)
{
	if (n_allowed == 0) {
		if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
			CPU_SET(0, &allowed);
		n_allowed = CPU_COUNT(&allowed);
	}
	return n_allowed;
}

int
nth_cpu(int i)
{
	int left = i % cpus();

	for (int c = 0; c < CPU_SETSIZE; c++)
		if (CPU_ISSET(c, &allowed) && left-- == 0)
			return c;
	return 0;
}

int
pin(int cpu)
{
	cpu_set_t set;

	if (cpu == ANY_CPU)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set) == 0)
		return 0;
	return fail("cannot pin to processor %d: %s", cpu, strerror(errno));
}

static void
child(struct crew *crew, int seat, int cpu, crew_work *work, void *arg)
{
	struct seat *mine = &crew->mail->seat[seat];

	die_with_parent();
	alarm(120); /* a hung child ends by itself, whatever its parent does */
	if (pin(cpu) == 0 && work(crew->mail, seat, arg) == 0)
		_exit(0);
	snprintf(mine->error, sizeof mine->error, "%s", why());
	_exit(1);
}

int
crew_start(struct crew *crew, int n, const int *cpu, crew_work *work, void *arg)
{
	memset(crew, 0, sizeof *crew);
	cpus();
	crew->mail = mmap(NULL, sizeof *crew->mail, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (crew->mail == MAP_FAILED)
		return fail("mmap: %s", strerror(errno));
	crew->mail->n = n;
	fflush(NULL);
	for (int i = 0; i < n; i++) {
		crew->pid[i] = fork();
		if (crew->pid[i] == 0)
			child(crew, i, cpu ? cpu[i] : ANY_CPU, work, arg);
		if (crew->pid[i] < 0) {
			fail("fork: %s", strerror(errno));
			crew_free(crew);
			return -1;
		}
		crew->n++;
	}
	return 0;
}

void
crew_ready(struct mail *mail)
{
	int crowded = mail->n > cpus(); /* then spinning starves the others */

	atomic_fetch_add(&mail->ready, 1);
	while (atomic_load_explicit(&mail->go, memory_order_acquire) == 0)
		if (crowded)
			sleep_ns(50000);
}

/* True once a child has ended before its time. */
static int
somebody_ended(struct crew *crew)
{
	siginfo_t info;

	for (int i = 0; i < crew->n; i++) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)crew->pid[i], &info,
			WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid != 0)
			return 1;
	}
	return 0;
}

uint64_t
crew_go(struct crew *crew)
{
	uint64_t limit = clock_ns() + 30000000000u, now;

	while (atomic_load(&crew->mail->ready) < crew->n) {
		if (clock_ns() > limit || somebody_ended(crew))
			return 0;
		sleep_ns(100000);
	}
	sleep_ns(1000000); /* the last to be ready reaches its loop */
	now = clock_ns();
	atomic_store_explicit(&crew->mail->go, 1, memory_order_release);
	return now;
}

static int
collect(struct crew *crew, int i, uint64_t limit)
{
	const char *said = crew->mail->seat[i].error;
	int status, ended;

	while ((ended = waitpid(crew->pid[i], &status, WNOHANG)) == 0) {
		if (clock_ns() > limit) {
			kill(crew->pid[i], SIGKILL);
			waitpid(crew->pid[i], &status, 0);
			crew->pid[i] = 0;
			return fail("child %d did not end in time", i);
		}
		sleep_ns(200000);
	}
	crew->pid[i] = 0;
	if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (said[0])
		return fail("%s", said);
	return fail("child %d ended badly (status 0x%x)", i, status);
}

int
crew_finish(struct crew *crew, int seconds)
{
	uint64_t limit = clock_ns() + (uint64_t)seconds * 1000000000u;
	int bad = 0;

	for (int i = 0; i < crew->n && !bad; i++)
		bad = collect(crew, i, limit);
	return bad;
}

uint64_t
crew_begin(const struct crew *crew)
{
	uint64_t t = UINT64_MAX;

	for (int i = 0; i < crew->n; i++)
		if (crew->mail->seat[i].begin_ns < t)
			t = crew->mail->seat[i].begin_ns;
	return t;
}

uint64_t
crew_end(const struct crew *crew)
{
	uint64_t t = 0;

	for (int i = 0; i < crew->n; i++)
		if (crew->mail->seat[i].end_ns > t)
			t = crew->mail->seat[i].end_ns;
	return t;
}

void
crew_free(struct crew *crew)
{
	for (int i = 0; i < crew->n; i++) {
		if (crew->pid[i] <= 0)
			continue;
		kill(crew->pid[i], SIGKILL);
		waitpid(crew->pid[i], NULL, 0);
	}
	if (crew->mail != NULL && crew->mail != MAP_FAILED)
		munmap(crew->mail, sizeof *crew->mail);
	crew->mail = NULL;
	crew->n = 0;
}
