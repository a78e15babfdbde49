/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * The log's name is unlinked again and again while clients with two threads
 * each log, some at a trickle and one in bursts.  They come back to the new
 * log by themselves, nothing is lost or doubled, and what was old is let go.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shunt/inspect.h>
#include <shunt/log.h>

#include "lib/log_lines.h"
#include "lib/peers.h"
#include "log/client.h"
#include "os/os.h"

#define CLIENTS 3
#define THREADS 2
#define TIMES   4

static struct shared {
	_Atomic uint64_t put[CLIENTS][THREADS];
	_Atomic int stop;
	_Atomic int held; /* attachments that a client has at its end */
} * shared;

static const char *name;

struct thread {
	struct shunt_log *log;
	unsigned client;
	unsigned me;
};

static void *
run(void *arg)
{
	struct thread *t = arg;
	_Atomic uint64_t *put = &shared->put[t->client][t->me];

	while (!shared->stop) {
		int e = shunt_log_printf(t->log, 6, "%u.%u %llu", t->client,
		    t->me, (unsigned long long)*put);
		if (e != 0)
			fprintf(stderr, "%s\n", shunt_error_name(e));
		NEED(e == 0);
		(*put)++;
		/* In bursts, so that the file stays small. */
		if (t->client != 0 || *put % 256 == 0)
			shunt__os.nanosleep(500000);
	}
	return NULL;
}

static int
client(void *arg)
{
	struct thread t[THREADS];
	pthread_t id[THREADS];
	struct shunt_log *log;
	struct shunt_log_options o = {.sz = sizeof(o), .lane_bytes = 65536};

	NEED(shunt_log_open(&log, name, &o) >= 0);
	for (unsigned i = 0; i < THREADS; i++) {
		t[i] = (struct thread){log, (unsigned)(uintptr_t)arg, i};
		NEED(pthread_create(&id[i], NULL, run, &t[i]) == 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		NEED(pthread_join(id[i], NULL) == 0);
	NEED(shunt_log_flush(log, 20000000000) == 0);
	/* Nobody has a seat in an old one, and all in it is written. */
	shared->held += 1 + (atomic_load(&log->old) != NULL);
	shunt_log_close(&log);
	return 0;
}

/* A file of that name that has senders, another one than @old. */
static int
came_back(ino_t old)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct stat st;

	return stat(test_path(name), &st) == 0 && st.st_ino != old &&
	       shunt_segment_stat(name, &info, NULL, 0) >= 0 &&
	       info.senders == CLIENTS * THREADS;
}

int
main(void)
{
	const char *path = log_path("clientvanish");
	struct log_server server;
	struct log_lines lines;
	pid_t pid[CLIENTS];
	struct stat st = {0};

	name = test_name("clientvanish");
	shared = test_shared(sizeof(*shared));
	for (unsigned i = 0; i < CLIENTS; i++)
		pid[i] = peer_start(client, (void *)(uintptr_t)i);
	log_server_start(&server, name, path, 0);
	for (int i = 0; i <= TIMES; i++) {
		uint64_t until = test_now() + 10000 * MS;
		while (!came_back(st.st_ino) && test_now() < until)
			shunt__os.nanosleep(5000000);
		NEED(came_back(st.st_ino));
		NEED(stat(test_path(name), &st) == 0);
		if (i < TIMES)
			NEED(unlink(test_path(name)) == 0);
	}
	shared->stop = 1;
	for (unsigned i = 0; i < CLIENTS; i++)
		NEED(peer_end(pid[i]) == 0);
	log_server_stop(&server);
	NEED(shared->held == CLIENTS);
	log_lines_read(&lines, path);
	unsigned char *seen[CLIENTS][THREADS];
	uint64_t next[CLIENTS][THREADS] = {{0}}, late = 0, n_seen = 0,
		 n_put = 0;
	for (unsigned c = 0; c < CLIENTS; c++)
		for (unsigned t = 0; t < THREADS; t++) {
			seen[c][t] = calloc(shared->put[c][t] + 1, 1);
			NEED(seen[c][t] != NULL);
			n_put += shared->put[c][t];
		}
	for (size_t i = 0; i < lines.n; i++) {
		unsigned c, t;
		unsigned long long n;
		if (strcmp(lines.line[i].tag, "shunt") == 0)
			continue;
		NEED(sscanf(lines.line[i].msg, "%u.%u %llu", &c, &t, &n) == 3);
		NEED(c < CLIENTS && t < THREADS);
		NEED(n < shared->put[c][t] && seen[c][t][n]++ == 0);
		n_seen++;
		/* Between two logs of one name there is no order. */
		late += n < next[c][t];
		next[c][t] = n + 1;
	}
	for (unsigned c = 0; c < CLIENTS; c++)
		for (unsigned t = 0; t < THREADS; t++)
			free(seen[c][t]);
	printf("%zu lines through %d logs, %llu late\n", lines.n, TIMES + 1,
	    (unsigned long long)late);
	NEED(n_seen == n_put);
	log_lines_free(&lines);
	NEED(!test_there(name));
	return 0;
}
