/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "bench.h"

/* What an object costs before the first message, and while nothing comes. */

#define ROUNDS 51
#define WAIT   INT64_C(2000000000)

struct note {
	_Atomic int made, done;
	uint64_t began, got;
	int wakeups;
	double seconds;
};

/* The one who attaches, and gets the first message. */
static int
receiver(const char *name, struct note *note)
{
	const struct shunt_recv_options o = {sizeof(o), WAIT};
	struct shunt_queue *queue;
	char buf[64];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!atomic_load(&note->made))
		if (bench_stopped)
			return 1;
	if (shunt_queue_open(&queue, name, NULL) < 0 ||
	    shunt_queue_recv(queue, buf, sizeof(buf), NULL, &o) != sizeof(buf))
		return 1;
	note->got = bench_now();
	shunt_queue_close(&queue);
	return 0;
}

static int
sender(const char *name, struct note *note)
{
	struct shunt_queue *queue;
	char buf[64] = {0};
	int r;

	note->began = bench_now();
	r = shunt_queue_open(&queue, name, NULL);
	if (r < 0)
		return bench_fail("%s", shunt_error_detail());
	atomic_store(&note->made, 1);
	r = shunt_queue_send(queue, buf, sizeof(buf), NULL);
	while (r == 0 && note->got == 0 && !atomic_load(&note->done) &&
	       bench_now() - note->began < (uint64_t)WAIT)
		bench_sleep(20000);
	shunt_queue_close(&queue);
	return r < 0 ? bench_fail("%s", shunt_error_text(r)) : 0;
}

static struct note *
new_note(void)
{
	struct note *n = mmap(NULL, sizeof(*n), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return n == MAP_FAILED ? NULL : n;
}

static int
first_message(double *us)
{
	struct note *note = new_note();
	char name[BENCH_NAME];
	int status = 0, bad;
	pid_t pid;

	bench_name(name);
	pid = note != NULL ? fork() : -1;
	if (pid == 0)
		_exit(receiver(name, note));
	if (pid < 0)
		return bench_fail("fork: %s", strerror(errno));
	bad = sender(name, note);
	if (bad || note->got == 0)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (!bad && (status != 0 || note->got == 0))
		bad = bench_fail("the first message did not arrive");
	*us = (double)(note->got - note->began) / 1000;
	munmap(note, sizeof(*note));
	if (bad)
		shunt_remove(
		    name, &(struct shunt_remove_options){
			      .sz = sizeof(struct shunt_remove_options),
			      .flags = SHUNT_REMOVE_FORCE});
	return bad;
}

/* Each time that a waiting receiver gets the processor. */
static int
idle(const char *name, struct note *note, int64_t ns)
{
	const struct shunt_recv_options o = {sizeof(o), ns};
	struct shunt_queue *queue;
	struct rusage a, b;
	uint64_t began;
	char buf[8];
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (shunt_queue_open(&queue, name, NULL) < 0)
		return 1;
	shunt_queue_recv(queue, buf, sizeof(buf), NULL,
	    &(struct shunt_recv_options){sizeof(o), SHUNT_NOWAIT});
	began = bench_now();
	getrusage(RUSAGE_SELF, &a);
	r = (int)shunt_queue_recv(queue, buf, sizeof(buf), NULL, &o);
	getrusage(RUSAGE_SELF, &b);
	/* The last one is the end of its time, not of its sleep. */
	note->wakeups = (int)(b.ru_nvcsw - a.ru_nvcsw) - 1;
	note->seconds = (double)(bench_now() - began) / 1e9;
	shunt_queue_close(&queue);
	return r != -ETIMEDOUT;
}

static int
wakeups(double seconds, struct bench_cost *out)
{
	struct note *note = new_note();
	char name[BENCH_NAME];
	int status = 0;
	pid_t pid;

	bench_name(name);
	pid = note != NULL ? fork() : -1;
	if (pid == 0)
		_exit(idle(name, note, (int64_t)(seconds * 1e9)));
	if (pid < 0)
		return bench_fail("fork: %s", strerror(errno));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		if (bench_stopped)
			kill(pid, SIGKILL);
	if (status != 0)
		return bench_fail("the waiting receiver did not end well");
	out->wakeups = note->wakeups / note->seconds;
	munmap(note, sizeof(*note));
	return 0;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int
bench_cost(struct bench_cost *out, double idle_seconds)
{
	double us[ROUNDS];

	*out = (struct bench_cost){0};
	for (int i = 0; i < ROUNDS; i++)
		if (bench_stopped || first_message(&us[i]) < 0)
			return -1;
	qsort(us, ROUNDS, sizeof(us[0]), by_size);
	out->first_us = us[ROUNDS / 2];
	return wakeups(idle_seconds, out);
}
