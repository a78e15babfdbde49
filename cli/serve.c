/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "args.h"
#include "child.h"
#include "fail.h"
#include "out.h"
#include "serve.h"
#include "signals.h"

/*
 * shunt serve: a program for each request.  With --jobs there is a process of
 * ours for each job, which serves by itself: killed, it costs its one request.
 */

#define JOBS_MOST 256

/* Somebody wrote over the lanes of one client: the others are served on. */
static void
say_damaged(const struct serve *s)
{
	fail_say(s->cmd,
	    "%s: the lanes of one client contradict themselves: something "
	    "wrote over them; they are left alone, and the others are served",
	    out_safe(s->name));
}

/* -1 to go on, or the exit code. */
static int
serve_one(struct serve *s)
{
	struct shunt_call_options opts = {.sz = sizeof(opts)};
	struct wait wait;
	const void *msg;
	int32_t status;
	ssize_t n;
	int r;

	wait_start(&wait, WAIT_FOREVER);
	do {
		if (signals_stopped())
			return CLI_DONE;
		opts.wait_ns = wait_slice(&wait);
		n = shunt_service_next(s->service, &msg, NULL, &opts);
		if (n == SHUNT_E_CORRUPT)
			say_damaged(s);
	} while (n == -EAGAIN || n == -ETIMEDOUT || n == SHUNT_E_CORRUPT);
	if (n == SHUNT_E_CLOSED)
		return CLI_DONE;
	if (n < 0)
		return fail_hot(s->cmd, s->name, (int)n);
	size_t len = serve_run(s, msg, (size_t)n, &status);
	r = shunt_service_reply(s->service, status, s->out, len);
	if (r == SHUNT_E_CORRUPT) {
		say_damaged(s);
		return -1;
	}
	/* A client that is gone, or does not read, is no failure of ours. */
	if (r < 0 && r != SHUNT_E_PEERDEAD && r != -ETIMEDOUT)
		return fail_hot(s->cmd, s->name, r);
	return -1;
}

static int
serve_all(struct serve *s, const struct shunt_service_options *opts)
{
	int rc = -1, r = shunt_service_open(&s->service, s->name, opts);

	if (r < 0)
		return fail_cold(s->cmd, s->name, r);
	s->max = shunt_service_max(s->service);
	s->out = malloc(s->max + 1);
	if (s->out == NULL)
		rc = fail_cold(s->cmd, s->name, -ENOMEM);
	for (uint64_t i = 0; rc < 0 && (s->count == 0 || i < s->count); i++)
		rc = serve_one(s);
	shunt_service_close(&s->service);
	free(s->out);
	return rc < 0 ? CLI_DONE : rc;
}

static pid_t
start_job(struct serve *s, const struct shunt_service_options *opts)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(CLI_FAILED);
	_exit(serve_all(s, opts));
}

static void
stop_jobs(const pid_t *pid, uint64_t jobs)
{
	for (uint64_t i = 0; i < jobs; i++)
		if (pid[i] > 0)
			kill(pid[i], SIGTERM);
}

/* The one that has ended; -1: none has, for @ms or until a signal. */
static int
await_job(const pid_t *pid, uint64_t jobs, int *status, int ms)
{
	pid_t ended = waitpid(-1, status, WNOHANG);

	if (ended == 0)
		poll(NULL, 0, ms);
	for (uint64_t i = 0; i < jobs; i++)
		if (ended > 0 && pid[i] == ended)
			return (int)i;
	return -1;
}

/*
 * A job that was killed is begun again; one that fails by itself has said
 * why, and is the end of all.
 */
static int
serve_jobs(
    struct serve *s, const struct shunt_service_options *opts, uint64_t jobs)
{
	pid_t pid[JOBS_MOST] = {0};
	int rc = CLI_DONE, left = 0, stopped = 0;

	for (uint64_t i = 0; i < jobs; i++) {
		pid[i] = start_job(s, opts);
		if (pid[i] > 0)
			left++;
		else if (rc == CLI_DONE)
			rc = fail_say(s->cmd, "no process for a job: %s",
			    strerror(errno));
	}
	while (left > 0) {
		int status = 0;

		if (!stopped && (signals_stopped() || rc != CLI_DONE)) {
			stopped = 1;
			stop_jobs(pid, jobs);
		}
		int i = await_job(pid, jobs, &status, stopped ? 20 : 500);
		if (i < 0)
			continue;
		pid[i] = 0;
		left--;
		if (WIFEXITED(status)) {
			if (WEXITSTATUS(status) != CLI_DONE)
				rc = WEXITSTATUS(status);
		} else if (!stopped && !signals_stopped()) {
			pid[i] = start_job(s, opts);
			left += pid[i] > 0;
		}
	}
	return rc;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_service_options opts = {.sz = sizeof(opts)};
	struct serve s = {.cmd = cmd, .timeout_ns = WAIT_FOREVER};
	struct shunt_client *keeper;
	uint64_t jobs = 1;
	const struct arg table[] = {
	    {'j', "jobs", ARG_COUNT, &jobs, NULL},
	    {'t', "timeout", ARG_SECONDS, &s.timeout_ns, NULL},
	    {'n', "count", ARG_COUNT, &s.count, NULL},
	    {0, "type", ARG_TEXT, &opts.type, NULL},
	    {0, "schema", ARG_COUNT, &opts.schema, NULL},
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0},
	};
	const struct operands ops = {1, 1, "SERVICE, and behind -- a command"};
	int rc, r;

	s.argv = child_split(&argc, argv);
	rc = args_read(cmd, table, &ops, &argc, &argv);
	if (rc >= 0)
		return rc;
	if (s.argv == NULL || s.argv[0] == NULL)
		return args_usage(cmd, "it wants a command behind --");
	if (jobs == 0 || jobs > JOBS_MOST)
		return args_usage(cmd, "--jobs takes 1 to %d", JOBS_MOST);
	if (s.count != 0 && jobs != 1)
		return args_usage(cmd, "--count goes with one job");
	s.name = argv[0];
	signals_object(s.name);
	signals_catch_stop();
	/* Ignored, it would hide the programs' ends from us. */
	signal(SIGCHLD, SIG_DFL);
	if (jobs == 1) {
		rc = serve_all(&s, &opts);
		return rc == CLI_FAILED ? signals_reraise(rc) : rc;
	}
	/* Is it right at all?  And while jobs come and go it stays. */
	r = shunt_client_open(&keeper, s.name, &opts);
	if (r < 0)
		return fail_cold(cmd, s.name, r);
	rc = serve_jobs(&s, &opts, jobs);
	shunt_client_close(&keeper);
	return rc == CLI_FAILED ? signals_reraise(rc) : rc;
}

/* clang-format off */
static const char help[] =
"Runs CMD for each request: it finds the request on its standard input, what\n"
"it prints is the reply, and its exit status is what `shunt call` exits with.\n"
"Several of these may serve one service; each request goes to one of them.\n"
"A service that does not exist is made, with mode 0600; it goes again when\n"
"nobody has it and no request waits in it.  Runs until SIGTERM or Ctrl-C,\n"
"which let the program that runs come to its end.\n"
"\n"
"  -j, --jobs=N      so many requests at once, at most (1); those of one\n"
"                    client still one after the other\n"
"  -t, --timeout=S   a program that takes longer is told to end: status 124\n"
"  -n, --count=COUNT serve so many requests, then end\n"
"      --type=NAME   refuse a service whose messages are of another type; one\n"
"                    that is made here is of this type\n"
"      --schema=N    likewise, a number such as a hash of their layout\n"
"      --owner=USER  accept a service of this user\n"
"\n"
"A program whose client gave the call up is told to end, too.  Killed by a\n"
"signal, its status is 128 and the signal's number; one that cannot be found\n"
"is 127, and 125 means that it printed more than a reply can hold.  If this\n"
"command is killed, its program ends and the client is told within a moment.\n"
"\n"
"Examples:\n"
"  shunt serve /upper -- tr a-z A-Z\n"
"  shunt serve /thumbnail --jobs=4 --timeout=10 -- convert - -resize 200 -\n"
"  shunt serve /eval -- sh -c 'read -r n && seq \"$n\"'\n";
/* clang-format on */

const struct command command_serve = {
    .name = "serve",
    .summary = "answer each request to a service by a program",
    .synopsis = "SERVICE [--jobs=N] [--timeout=S] -- CMD [ARG...]",
    .run = run,
    .help = help,
};
