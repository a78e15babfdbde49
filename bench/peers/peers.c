/* SPDX-License-Identifier: MIT */

/*
 * ./dev bench --peers: all kinds of ours and all peers, in one run, by the
 * same loops, sizes and processors; then the bars.
 */

#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peers.h"

#define MOST_SIZES   8
#define MOST_DRIVERS 40

static const struct bench_driver *const all[] = {&bench_bare, &bench_futex,
    &bench_memcpy, BENCH_OURS_ALL, &peer_pipe, &peer_unix_stream,
    &bench_seqpacket, &peer_mq, &peer_sysv, &peer_eventfd, &peer_zmq, &peer_nng,
    &peer_boost, &peer_ck, &peer_qb_ring, &peer_qb_ipc, &peer_iceoryx, NULL};

static const struct bench_driver *chosen[MOST_DRIVERS];
static size_t sizes[MOST_SIZES + 1] = {8, 64, 1024, 65536, 1048576, 0};
static char command[512];
static int json;

static void
stop(int sig)
{
	(void)sig;
	bench_stopped = 1;
}

static int
usage(int rc)
{
	FILE *to = rc ? stderr : stdout;

	fputs("usage: ./dev bench --peers [OPTION...]\n"
	      "  --quick          a sixth of the time, rougher\n"
	      "  --seconds=S      of each row; 0.12 by default\n"
	      "  --peer=A,B       only these, and their controls\n"
	      "  --size=8,64,...  sizes of messages in bytes\n"
	      "  --pattern=1:1,.. also 4:1, 1:4, 4:4\n"
	      "  --only=TEXT      part of \"trips 1:1 64 polling NAME \"\n"
	      "  --json           a line for each row, bar, and the machine\n"
	      "  --list           what there is\n",
	    to);
	return rc;
}

static int
list(void)
{
	struct bench_cell c = {64, 1, 1, 0, 1};

	for (int i = 0; all[i] != NULL; i++) {
		const char *why =
		    all[i]->lacks != NULL ? all[i]->lacks(&c) : NULL;

		printf("%-20s %s%s%s\n", all[i]->id, all[i]->what,
		    why ? "; " : "", why ? why : "");
	}
	return 0;
}

/* Those named in @text, or all. */
static int
choose(const char *text)
{
	char copy[256], *save = NULL;
	int n = 0, before;

	snprintf(copy, sizeof copy, "%s", text != NULL ? text : "");
	for (int i = 0; text == NULL && all[i] != NULL; i++)
		chosen[n++] = all[i];
	for (char *t = strtok_r(copy, ",", &save); t != NULL && n < 32;
	     t = strtok_r(NULL, ",", &save)) {
		before = n;
		for (int i = 0; all[i] != NULL && n < 32; i++)
			if (strncmp(all[i]->id, t, strlen(t)) == 0)
				chosen[n++] = all[i];
		if (n == before) {
			fprintf(stderr,
			    "peers: nothing is called %s; see "
			    "--list\n",
			    t);
			return -1;
		}
	}
	chosen[n] = NULL;
	return 0;
}

static int
read_sizes(char *text)
{
	char *save = NULL, *end;
	int n = 0;

	for (char *t = strtok_r(text, ",", &save); t != NULL;
	     t = strtok_r(NULL, ",", &save)) {
		unsigned long v = strtoul(t, &end, 10);

		v <<= *end == 'K' ? 10 : *end == 'M' ? 20 : 0;
		if (v < 8 || v > 16 << 20 || n == MOST_SIZES) {
			fprintf(stderr,
			    "peers: sizes are from 8 to 16M, at most %d\n",
			    MOST_SIZES);
			return -1;
		}
		sizes[n++] = v;
	}
	sizes[n] = 0;
	return n > 0 ? 0 : -1;
}

static void
set_limit(const char *path, int value)
{
	FILE *f = fopen(path, "we");

	if (f == NULL)
		return;
	fprintf(f, "%d\n", value);
	fclose(f); /* refused: the cells concerned say so */
}

/*
 * Root has an IPC namespace of its own for this: message queues go with it,
 * and its limits can be raised for nobody else.
 */
static void
own_ipc(void)
{
	if (unshare(CLONE_NEWIPC) < 0)
		return;
	set_limit("/proc/sys/kernel/msgmax", 16 << 20);
	set_limit("/proc/sys/kernel/msgmnb", 16 << 20);
	set_limit("/proc/sys/fs/mqueue/msg_max", 4096);
	set_limit("/proc/sys/fs/mqueue/msgsize_max", 16 << 20);
}

/* Removes what libraries whose processes were killed have left of ours. */
static void
sweep(const char *path, const char *mark, int deep)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		char inside[600];

		if (strstr(e->d_name, mark) != NULL)
			unlinkat(dirfd(dir), e->d_name, 0);
		else if (deep && strncmp(e->d_name, "qb-", 3) == 0) {
			snprintf(
			    inside, sizeof inside, "%s/%s", path, e->d_name);
			sweep(inside, mark, 0);
			rmdir(inside); /* only if it is empty now */
		}
	}
	if (dir != NULL)
		closedir(dir);
}

static void
clean(void)
{
	char mark[64];

	peer_iceoryx_stop();
	snprintf(mark, sizeof mark, "shunt-bench-%ld-", (long)getpid());
	sweep("/dev/shm", mark, 1);
	sweep("/tmp", mark, 0);
}

static int
print_row(const struct bench_row *row, void *arg)
{
	(void)arg;
	return json && bench_json_row(row) < 0;
}

static int
report(const struct bench_row *rows, const struct bench_cost *cost)
{
	static struct bar bar[BARS_MOST];
	int n = bars_judge(rows, cost, bar), failed = 0;

	if (json)
		bars_json(bar, n);
	else {
		bench_table(rows);
		bars_text(bar, n);
		putchar('\n');
		bench_text_machine(stdout, command);
	}
	/* A peer that fails is a finding; ours that fails is a fault. */
	for (; rows->driver != NULL; rows++)
		failed |= !rows->ok && !rows->skipped &&
			  (rows->driver->can & BENCH_OURS);
	return failed;
}

static int
measure(const struct bench_plan *plan, double idle)
{
	struct bench_cost cost;
	struct bench_row *rows;
	int costed, rc;

	if (json)
		bench_json_machine(command);
	rows = bench_all(plan);
	costed = rows != NULL && !bench_stopped && plan->only == NULL &&
		 bench_cost(&cost, idle) == 0;
	if (rows == NULL)
		fprintf(stderr, "peers: %s\n", bench_why());
	rc = rows == NULL ? 1 : report(rows, costed ? &cost : NULL);
	free(rows);
	if (bench_stopped)
		fprintf(stderr, "peers: stopped: not all was measured\n");
	return bench_stopped ? 130 : rc;
}

static void
say_command(int argc, char **argv)
{
	size_t n =
	    (size_t)snprintf(command, sizeof command, "./dev bench --peers");

	for (int i = 1; i < argc && n < sizeof command; i++)
		n += (size_t)snprintf(
		    command + n, sizeof command - n, " %s", argv[i]);
}

static const struct option options[] = {
    {"json", no_argument, NULL, 'j'},
    {"quick", no_argument, NULL, 'q'},
    {"seconds", required_argument, NULL, 's'},
    {"peer", required_argument, NULL, 'p'},
    {"size", required_argument, NULL, 'z'},
    {"pattern", required_argument, NULL, 't'},
    {"only", required_argument, NULL, 'o'},
    {"list", no_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* -1 to go on, or the exit code. */
static int
read_options(int argc, char **argv, struct bench_plan *plan)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'j':
			json = 1;
			break;
		case 'q':
			plan->seconds = 0.03;
			plan->tries = 1;
			break;
		case 's':
			plan->seconds = strtod(optarg, NULL);
			if (!(plan->seconds >= 0.01 && plan->seconds <= 60))
				return usage(2);
			break;
		case 'p':
			if (choose(optarg) < 0)
				return 2;
			break;
		case 'z':
			if (read_sizes(optarg) < 0)
				return 2;
			break;
		case 't':
			plan->patterns = optarg;
			break;
		case 'o':
			plan->only = optarg;
			break;
		case 'l':
			return list();
		default:
			return usage(c == 'h' ? 0 : 2);
		}
	return optind < argc ? usage(2) : -1;
}

int
main(int argc, char **argv)
{
	struct bench_plan plan = {.drivers = chosen,
	    .sizes = sizes,
	    .seconds = 0.12,
	    .modes = BENCH_POLL | BENCH_SLEEP,
	    .kinds = BENCH_TRIPS | BENCH_FLOOD,
	    .tries = 3,
	    .each = print_row};
	struct sigaction sa = {.sa_handler = stop};
	int rc;

	say_command(argc, argv);
	choose(NULL);
	rc = read_options(argc, argv, &plan);
	if (rc >= 0)
		return rc;
	plan.progress = isatty(STDERR_FILENO) == 1;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	own_ipc();
	rc = measure(&plan, plan.tries > 1 ? 4 : 2);
	clean();
	return rc;
}
