/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * A peer writes rubbish over everything that it may write, while servers come
 * and go.  No server may crash, read or write out of bounds (the sanitizers
 * watch), or hang: each ends when it is told to, or by an error code.
 *
 * usage: log_scribble [SERVERS [SEED]]
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt/segment.h>

#include "lib/log_check.h"
#include "log/server.h"
#include "os/os.h"

#define LANES 4
#define LANE  16384

static char name[64], path[256];

static uint64_t
word(uint64_t *rng)
{
	uint64_t x = log_check_random(rng);

	switch (x % 8) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return x >> 40;
	case 3: /* nearly a header */
		return SHUNT__LANE_REC | (x >> 16 & 0x7ff) |
		       (x & 1 ? UINT64_C(6) << 32 : 0);
	case 4:
		return SHUNT__LANE_REC | SHUNT__LANE_PAD;
	case 5: /* nearly a position */
		return x >> 48 & ~UINT64_C(7);
	default:
		return x;
	}
}

/* Everything behind the header that lanes of ours take. */
static void
scribble(uint64_t seed)
{
	struct shunt__spec spec;
	struct shunt__object *obj;

	shunt__log_spec(&spec, LANES, LANE);
	if (shunt__object_attach(&obj, name, &spec) < 0)
		_exit(1);
	for (uint32_t i = 0; i < LANES; i++)
		shunt__object_reserve_lane(obj, i);
	shunt__object_raise(obj, LANES);
	uint64_t words = (obj->geo.size - SHUNT__CONTROL_OFF) / 8;
	uint64_t rings = obj->geo.rings_off - SHUNT__CONTROL_OFF;
	for (unsigned n = 0;; n++) {
		uint64_t x = log_check_random(&seed);
		/* Half of it where the words are. */
		uint64_t at = x & 1 ? x % words : x % (rings / 8);
		uint64_t *to = (void *)(obj->base + SHUNT__CONTROL_OFF);
		/* To be told to stop or that it was removed is no lie that
		 * a server could see through; rarely is enough. */
		if ((at * 8 < 128 || to + at == (void *)obj->area) &&
		    x >> 20 & 1023)
			continue;
		__atomic_store_n(to + at, word(&seed), __ATOMIC_RELAXED);
		if (n % 64 == 0)
			shunt__os.nanosleep(1000);
	}
}

static void
flood(uint64_t seed)
{
	struct shunt__spec spec;
	struct producer p;

	shunt__log_spec(&spec, LANES, LANE);
	for (;;) {
		int e = producer_open(&p, name, &spec);
		p.wait = 0;
		while (e == 0) {
			seed++;
			e = log_check_put(&p, 0, seed, (unsigned)(seed % 500));
			if (e == -EAGAIN) {
				shunt__os.nanosleep(100000);
				e = p.tx.tail_seen & 7 ? -EAGAIN : 0;
			}
		}
		if (p.obj != NULL)
			producer_close(&p);
		shunt__os.nanosleep(1000000);
	}
}

static struct shunt_logd *logd;

static void
on_term(int signal)
{
	(void)signal;
	shunt_logd_stop(logd);
}

static void
serve(uint64_t sync)
{
	struct shunt_logd_options o = {.sz = sizeof(o),
	    .file = path,
	    .format = (uint32_t)(sync % 3),
	    .sync_ns = sync % 2 ? SHUNT_SYNC_BATCH : SHUNT_SYNC_NEVER};
	struct shunt_logd_stat st = {.sz = sizeof(st)};

	int e = shunt_logd_open(&logd, name, &o);
	if (e < 0)
		_exit(2);
	signal(SIGTERM, on_term);
	for (int i = 0; i < 3 && e >= 0; i++) {
		for (int k = 0; k < 30 && e >= 0; k++)
			e = (int)shunt_logd_step(logd, 1000000);
		shunt_logd_stat(logd, &st);
	}
	if (e >= 0)
		shunt_logd_run(logd);
	shunt_logd_close(&logd);
	_exit(0);
}

static pid_t
child(void (*run)(uint64_t), uint64_t arg)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(arg);
		_exit(1);
	}
	return pid;
}

/* 0 if it ended by itself in 5 s, with a code; or by the signal that came
 * before it listened. */
static int
ended(pid_t pid, int *status)
{
	for (int i = 0; i < 5000; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return (WIFSIGNALED(*status) &&
				   WTERMSIG(*status) != SIGTERM) ||
			       *status == 1;
		shunt__os.nanosleep(1000000);
	}
	printf("a server hangs\n");
	kill(pid, SIGABRT);
	waitpid(pid, status, 0);
	return 1;
}

int
main(int argc, char **argv)
{
	int servers = argc > 1 ? atoi(argv[1]) : 100, bad = 0, served = 0;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	const char *dir = getenv("TMPDIR");
	struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};
	pid_t peers[2] = {0, 0};

	alarm(55);
	snprintf(name, sizeof(name), "/shunt-test-scribble-%d", getpid());
	snprintf(path, sizeof(path), "%s/shunt-test-scribble-%d",
	    dir != NULL ? dir : "/tmp", getpid());
	for (int i = 0; i < servers && !bad; i++) {
		int status;
		if (i % 10 == 0) { /* new lanes, for the old ones are closed */
			for (int k = 0; k < 2 && peers[k] != 0; k++) {
				kill(peers[k], SIGKILL);
				waitpid(peers[k], NULL, 0);
			}
			shunt_remove(name, &force);
			unlink(path);
			peers[0] = child(flood, seed);
			peers[1] = child(scribble, seed + (uint64_t)i);
		}
		pid_t server = child(serve, (uint64_t)i);
		shunt__os.nanosleep(30000000);
		kill(server, SIGTERM);
		bad |= ended(server, &status);
		if (bad)
			printf("server %d: status %#x\n", i, (unsigned)status);
		served += status == 0;
	}
	for (int k = 0; k < 2; k++) {
		kill(peers[k], SIGKILL);
		waitpid(peers[k], NULL, 0);
	}
	shunt_remove(name, &force);
	unlink(path);
	printf("%d servers, %d of them served\n", servers, served);
	return bad || served < servers / 10;
}
