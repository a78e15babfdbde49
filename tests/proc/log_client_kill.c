/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * Clients are killed with -9 all the time, the server now and then.  What a
 * call has returned for is in the file, once, whole and in order; what it had
 * not may be there or not.
 *
 * usage: log_client_kill [SECONDS [SEED]]
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt/log.h>
#include <shunt/logd.h>

#include "lib/log_lines.h"
#include "lib/peers.h"
#include "os/os.h"

#define CLIENTS 4
#define FILL    120 /* bytes of filler, at most */

static struct shared {
	/* Returned, and begun: by all incarnations of the client. */
	_Atomic uint64_t done[CLIENTS];
	_Atomic uint64_t begun[CLIENTS];
	_Atomic uint64_t errors;
} * shared;

static const char *name, *path;

static int
client(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	struct shunt_log_options o = {.sz = sizeof(o),
	    .lane_bytes = 16384,
	    .tag = "victim",
	    .full = SHUNT_LOG_FULL_WAIT};
	struct shunt_log *log;
	char fill[FILL];

	memset(fill, 'f', sizeof(fill));
	NEED(shunt_log_open(&log, name, &o) >= 0);
	for (;;) {
		/* One that was begun by the one before us is not begun again:
		 * its number may be in the log. */
		uint64_t n = atomic_fetch_add(&shared->begun[me], 1);
		int e = shunt_log_printf(log, 6, "%u %llu %.*s.", me,
		    (unsigned long long)n, (int)(n * 7 % FILL), fill);
		if (e != 0)
			shared->errors++;
		atomic_store(&shared->done[me], n + 1);
		/* The file is to stay small enough for any machine. */
		if (n % 16 == 0)
			shunt__os.nanosleep(200000);
	}
}

static int
server(void *arg)
{
	struct shunt_logd_options o = {
	    .sz = sizeof(o), .file = path, .format = SHUNT_FORMAT_ISO};
	struct shunt_logd *logd;

	(void)arg;
	NEED(shunt_logd_open(&logd, name, &o) == 0);
	NEED(shunt_logd_run(logd) == 0);
	shunt_logd_close(&logd);
	return 0;
}

/* Numbers whose call returned, as the parent learned them: of each victim, the
 * one that it was at when it died may be missing. */
struct told {
	uint64_t *missing; /* numbers that may be missing */
	size_t n;
};

static void
may_miss(struct told *t, uint64_t n)
{
	t->missing = realloc(t->missing, (t->n + 1) * sizeof(t->missing[0]));
	if (t->missing == NULL)
		abort();
	t->missing[t->n++] = n;
}

static int
judge(const struct told *told)
{
	uint64_t next[CLIENTS] = {0}, lost = 0;
	size_t at[CLIENTS] = {0};
	struct log_lines lines;

	log_lines_read(&lines, path);
	for (size_t i = 0; i < lines.n; i++) {
		unsigned who;
		unsigned long long n;
		const char *msg = lines.line[i].msg;
		if (strcmp(lines.line[i].tag, "victim") != 0)
			continue;
		NEED(sscanf(msg, "%u %llu", &who, &n) == 2 && who < CLIENTS);
		NEED(n >= next[who]); /* once, and in order */
		const char *fill = strchr(strchr(msg, ' ') + 1, ' ') + 1;
		NEED(strspn(fill, "f") == n * 7 % FILL);
		NEED(strcmp(fill + n * 7 % FILL, ".") == 0);
		for (; next[who] < n; next[who]++) {
			const struct told *t = &told[who];
			while (
			    at[who] < t->n && t->missing[at[who]] < next[who])
				at[who]++;
			if (at[who] == t->n || t->missing[at[who]] != next[who])
				lost++;
		}
		next[who] = n + 1;
	}
	NEED(log_lines_in_order(&lines));
	for (int i = 0; i < CLIENTS; i++)
		if (next[i] < shared->done[i])
			lost++;
	printf("%zu lines, %llu lost, %llu errors\n", lines.n,
	    (unsigned long long)lost, (unsigned long long)shared->errors);
	NEED(lines.n > 1000);
	log_lines_free(&lines);
	return lost != 0 || shared->errors != 0;
}

static void
kill_client(pid_t *pid, struct told *told, unsigned i)
{
	peer_kill(*pid);
	/* Begun, and not returned: in the log or not. */
	if (shared->begun[i] != shared->done[i])
		may_miss(&told[i], shared->begun[i] - 1);
}

int
main(int argc, char **argv)
{
	uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 6;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 4711;
	struct told told[CLIENTS] = {{0}};
	pid_t pid[CLIENTS], serving;
	unsigned kills = 0;

	shared = test_shared(sizeof(*shared));
	name = test_name("clientkill");
	path = log_path("clientkill");
	serving = peer_start(server, NULL);
	for (unsigned i = 0; i < CLIENTS; i++)
		pid[i] = peer_start(client, (void *)(uintptr_t)i);
	uint64_t until = test_now() + seconds * 1000 * MS;
	while (test_now() < until) {
		shunt__os.nanosleep((int64_t)(test_random(&seed) % 8000000));
		unsigned i = (unsigned)(test_random(&seed) % (CLIENTS + 1));
		kills++;
		if (i == CLIENTS) {
			peer_kill(serving);
			serving = peer_start(server, NULL);
			continue;
		}
		kill_client(&pid[i], told, i);
		pid[i] = peer_start(client, (void *)(uintptr_t)i);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		kill_client(&pid[i], told, i);
	/* It may only just have been started. */
	int e = SHUNT_E_NOSERVER;
	for (until = test_now() + 20000 * MS;
	     e == SHUNT_E_NOSERVER && test_now() < until;)
		e = shunt_logd_request_stop(name, NULL, 20000000000);
	NEED(e == 0);
	NEED(peer_end(serving) == 0);
	printf("%u kills: ", kills);
	int bad = judge(told);
	for (unsigned i = 0; i < CLIENTS; i++)
		free(told[i].missing);
	return bad;
}
