/* SPDX-License-Identifier: MIT */

/*
 * The textbook logger under full load: a server and some clients that log as
 * fast as they can for a while.  Prints "rate LINES_PER_SECOND cpu_ns NS":
 * lines until the last one was written, and a client's processor time each.
 */

#include "common.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST    64
#define MESSAGE 200

/* Shared by inheritance. */
struct board {
	_Atomic int go, stop;
	_Atomic int64_t lines, cpu_ns, written;
	_Atomic int64_t last_ns; /* when the server wrote its last line */
};

static struct board *board;
static char (*messages)[MESSAGE];
static int n_messages;

static int64_t
now_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int
read_messages(const char *path)
{
	FILE *f = path ? fopen(path, "r") : NULL;

	messages = calloc(10000, MESSAGE);
	if (messages == NULL || (path != NULL && f == NULL))
		return -1;
	if (f == NULL) { /* a hundred bytes, like the other benchmarks' */
		memset(messages[0], 'x', 100);
		n_messages = 1;
		return 0;
	}
	while (n_messages < 10000 &&
	       fgets(messages[n_messages], MESSAGE, f) != NULL) {
		char *line = messages[n_messages];

		line[strcspn(line, "\n")] = '\0';
		n_messages += line[0] != '\0';
	}
	fclose(f);
	return n_messages > 0 ? 0 : -1;
}

/* The stop flag is looked at after every line: one load of a quiet word. */
static int
client(const char *name)
{
	struct textbook book;
	int64_t lines = 0, cpu;

	if (textbook_open(&book, name) < 0)
		return 1;
	while (!atomic_load(&board->go))
		usleep(50);
	cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	while (!atomic_load_explicit(&board->stop, memory_order_relaxed)) {
		if (textbook_put(&book, messages[lines % n_messages]) < 0)
			return 1;
		lines++;
	}
	atomic_fetch_add(
	    &board->cpu_ns, now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	atomic_fetch_add(&board->lines, lines);
	return 0;
}

static volatile int no_more;
static struct textbook served;

static void
finish(int sig)
{
	(void)sig;
	no_more = 1;
	sem_post(served.filled);
}

static int
server(const char *name, const char *path, int osync)
{
	struct sigaction sa = {.sa_handler = finish};
	int got = -1, fd = textbook_file(path, osync);
	int64_t lines = 0;

	if (fd < 0 || textbook_open(&served, name) < 0)
		return 1;
	sigaction(SIGTERM, &sa, NULL);
	while ((got = textbook_take(&served, fd, &no_more)) > 0)
		lines++;
	atomic_store(&board->last_ns, now_ns(CLOCK_MONOTONIC));
	atomic_store(&board->written, lines);
	return got < 0;
}

static int
reap(pid_t pid)
{
	int status = 0;

	if (pid <= 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status == 0 ? 0 : -1;
}

static pid_t
spawn(int is_server, const char *name, const char *path, int osync)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(is_server ? server(name, path, osync) : client(name));
	}
	return pid;
}

static int
flood(const char *name, const char *path, int osync, int clients, double secs)
{
	pid_t pid[MOST], logger = spawn(1, name, path, osync);
	int64_t start;
	int bad = 0;

	for (int i = 0; i < clients; i++)
		pid[i] = spawn(0, name, path, osync);
	usleep(20000); /* every child has opened the semaphores by then */
	start = now_ns(CLOCK_MONOTONIC);
	atomic_store(&board->go, 1);
	usleep((useconds_t)(secs * 1e6));
	atomic_store(&board->stop, 1);
	for (int i = 0; i < clients; i++)
		bad |= reap(pid[i]);
	kill(logger, SIGTERM);
	bad |= reap(logger);
	if (bad || board->lines == 0 || board->written != board->lines) {
		fprintf(stderr, "flood: %lld lines logged, %lld written\n",
		    (long long)board->lines, (long long)board->written);
		return 1;
	}
	printf("rate %.1f cpu_ns %.1f\n",
	    (double)board->lines * 1e9 / (double)(board->last_ns - start),
	    (double)board->cpu_ns / (double)board->lines);
	return 0;
}

/* A wedge is this design's way to fail: it must not outlive its welcome. */
static const char *to_unlink;

static void
too_long(int sig)
{
	(void)sig;
	textbook_unlink(to_unlink);
	_exit(1);
}

static int
usage(void)
{
	fprintf(stderr, "usage: flood -n NAME -o FILE [-s] [-c CLIENTS]"
			" [-t SECONDS] [-i MESSAGES]\n");
	return 2;
}

int
main(int argc, char **argv)
{
	const char *name = NULL, *path = NULL, *input = NULL;
	int c, osync = 0, clients = 1, status;
	struct textbook book;
	double secs = 1;

	while ((c = getopt(argc, argv, "n:o:sc:t:i:")) != -1)
		switch (c) {
		case 'n':
			name = optarg;
			break;
		case 'o':
			path = optarg;
			break;
		case 's':
			osync = 1;
			break;
		case 'c':
			clients = atoi(optarg);
			break;
		case 't':
			secs = atof(optarg);
			break;
		case 'i':
			input = optarg;
			break;
		default:
			return usage();
		}
	if (name == NULL || path == NULL || clients < 1 || clients > MOST ||
	    secs <= 0 || secs > 60)
		return usage();
	board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED || read_messages(input) < 0 ||
	    textbook_make(&book, name) < 0) {
		perror("flood");
		return 1;
	}
	to_unlink = name;
	signal(SIGALRM, too_long);
	signal(SIGTERM, too_long);
	signal(SIGINT, too_long);
	alarm((unsigned)secs + 20);
	status = flood(name, path, osync, clients, secs);
	textbook_close(&book);
	textbook_unlink(name);
	return status;
}
