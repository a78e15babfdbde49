/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "fail.h"
#include "out.h"
#include "serve.h"
#include "signals.h"

/*
 * One program on one request: bytes in, bytes out.  It leads a process group,
 * so that what it started ends with it when it takes too long, prints too
 * much, or nobody waits for it any more.
 */

#define LOOK_MS 100 /* between two looks at clock, signals and the client */
#define GRACE   20  /* looks from SIGTERM to SIGKILL */

struct run {
	struct serve *s;
	pid_t pid;
	int in, out; /* our ends of its pipes; -1: closed */
	const char *msg;
	size_t left; /* of it, to be written */
	size_t len;  /* of s->out */
	struct wait wait;
	int ending;      /* looks since it was told to end; 0: it was not */
	int32_t verdict; /* why it was; 0 */
};

static void
close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* In the child. */
static void
become(const struct serve *s, int in, int out, pid_t server)
{
	setpgid(0, 0);
	/* Who dies with a request open must not leave its program behind, nor
	 * have it begun if he was dead before we asked. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != server)
		_exit(SERVE_FAILED);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(SERVE_FAILED);
	_exit(child_become(s->cmd, s->argv));
}

static int
start(struct run *r)
{
	int in[2], out[2] = {-1, -1};
	pid_t server = getpid();

	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) == 0)
		r->pid = fork();
	if (r->pid < 0) {
		int e = -errno;
		for (int i = 0; i < 2; i++) {
			close_end(&in[i]);
			close_end(&out[i]);
		}
		return e;
	}
	if (r->pid == 0)
		become(r->s, in[0], out[1], server);
	setpgid(r->pid, r->pid); /* whichever of us is first */
	close(in[0]);
	close(out[1]);
	r->in = in[1];
	r->out = out[0];
	fcntl(r->in, F_SETFL, O_NONBLOCK);
	return 0;
}

/* A program need not read its request: then the rest goes nowhere. */
static void
feed(struct run *r)
{
	ssize_t n = write(r->in, r->msg, r->left);

	if (n > 0) {
		r->msg += n;
		r->left -= (size_t)n;
	} else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	} else {
		r->left = 0;
	}
	if (r->left == 0)
		close_end(&r->in);
}

static void
end(struct run *r, int32_t verdict)
{
	if (r->ending != 0)
		return;
	r->ending = 1;
	r->verdict = verdict;
	kill(-r->pid, SIGTERM);
}

/* One byte more than fits tells that it was too much. */
static void
drain(struct run *r)
{
	char rest[4096];
	size_t room = r->s->max + 1 - r->len;
	ssize_t n = read(r->out, room != 0 ? r->s->out + r->len : rest,
	    room != 0 ? room : sizeof(rest));

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		close_end(&r->out);
	if (n <= 0 || room == 0)
		return;
	r->len += (size_t)n;
	if (r->len > r->s->max) {
		fail_say(r->s->cmd,
		    "%s: %s printed more than the %zu bytes that a reply has "
		    "room for; make the service of longer lanes with "
		    "`shunt create NAME SIZE --kind=service`",
		    out_safe(r->s->name), out_safe(r->s->argv[0]), r->s->max);
		end(r, SERVE_FAILED);
	}
}

/* Now and then. */
static void
look(struct run *r)
{
	if (r->ending != 0 && r->ending++ == GRACE)
		kill(-r->pid, SIGKILL);
	if (r->ending > GRACE)
		close_end(&r->out); /* somebody else keeps it open */
	if (wait_over(&r->wait)) {
		if (r->ending == 0)
			fail_say(r->s->cmd,
			    "%s: %s took longer than --timeout allows, and "
			    "was told to end",
			    out_safe(r->s->name), out_safe(r->s->argv[0]));
		end(r, SERVE_TIMEOUT);
	}
	/* Nobody would read what it prints. */
	if (shunt_service_cancelled(r->s->service))
		end(r, SERVE_FAILED);
}

static void
converse(struct run *r)
{
	while (r->out >= 0) {
		struct pollfd p[2] = {{.fd = r->out, .events = POLLIN},
		    {.fd = r->in, .events = POLLOUT}};

		if (poll(p, 2, LOOK_MS) > 0) {
			if (p[1].revents != 0)
				feed(r);
			if (p[0].revents != 0)
				drain(r);
		}
		look(r);
	}
}

/* It may go on after it has closed its output. */
static int32_t
await(struct run *r)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(r->pid, &status, WNOHANG)) == 0 ||
	       (pid < 0 && errno == EINTR)) {
		struct pollfd in = {.fd = r->in, .events = POLLOUT};

		if (poll(&in, r->in >= 0, 1) > 0)
			feed(r);
		look(r);
	}
	if (r->verdict != 0)
		return r->verdict;
	if (pid < 0)
		return SERVE_FAILED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

size_t
serve_run(struct serve *s, const void *msg, size_t len, int32_t *status)
{
	struct run r = {
	    .s = s, .pid = -1, .in = -1, .out = -1, .msg = msg, .left = len};
	int e = start(&r);

	if (e < 0) {
		fail_say(s->cmd, "%s: %s cannot be started: %s",
		    out_safe(s->name), out_safe(s->argv[0]), strerror(-e));
		*status = SERVE_FAILED;
		return 0;
	}
	wait_start(&r.wait, s->timeout_ns);
	if (r.left == 0)
		close_end(&r.in);
	converse(&r);
	*status = await(&r);
	close_end(&r.in);
	return r.verdict != 0 ? 0 : r.len;
}
