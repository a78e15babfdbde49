/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt/segment.h>

#include "lib/log_scene.h"
#include "os/os.h"

static struct shunt_logd *served;
static struct scene *scene;

void
scene_begin(struct scene *s, const char *what, unsigned limit)
{
	const char *dir = getenv("TMPDIR");

	alarm(limit);
	snprintf(s->name, sizeof(s->name), "/shunt-test-%s-%d", what, getpid());
	snprintf(s->path, sizeof(s->path), "%s/shunt-test-%s-%d.log",
	    dir != NULL ? dir : "/tmp", what, getpid());
	s->shared = mmap(NULL, sizeof(*s->shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->lanes == 0)
		s->lanes = 16;
	if (s->lane_bytes == 0)
		s->lane_bytes = 65536;
}

static void
notice(void *arg, const char *line)
{
	struct scene *s = arg;

	s->shared->full += strstr(line, "the records stay") != NULL;
	s->shared->resumed += strstr(line, "written again") != NULL;
	s->shared->repeated += strstr(line, "repeated") != NULL;
	s->shared->vanished += strstr(line, "served on") != NULL;
	s->shared->reopened += strstr(line, "written on") != NULL;
	printf("notice: %s\n", line);
	fflush(stdout);
}

static void
on_hup(int signal)
{
	(void)signal;
	shunt_logd_reopen(served);
}

static void
serve(struct scene *s)
{
	struct shunt_logd_options o = {.sz = sizeof(o),
	    .file = s->path,
	    .notice = notice,
	    .notice_arg = s,
	    .sync_ns = s->sync_ns};
	struct shunt_logd_stat st = {.sz = sizeof(st)};

	if (s->in_server != NULL)
		s->in_server(s);
	int e = shunt_logd_open(&served, s->name, &o);
	if (e == 0) {
		signal(SIGHUP, on_hup);
		s->shared->ready++;
		e = shunt_logd_run(served);
	}
	if (e < 0) {
		printf("server: %d %s\n", e, shunt_error_detail());
		fflush(stdout);
		_exit(1);
	}
	shunt_logd_stat(served, &st);
	s->shared->late = st.late;
	s->shared->lines = st.lines;
	s->shared->dropped = st.dropped;
	shunt_logd_close(&served);
	_exit(0);
}

/* When the log is removed: again, by name, as a client of ours does. */
static int
attach(struct scene *s, struct producer *p)
{
	struct shunt__spec spec;

	shunt__log_spec(&spec, s->lanes, s->lane_bytes);
	int e = producer_open(p, s->name, &spec);
	if (e < 0) {
		printf("client: %d %s\n", e, shunt_error_detail());
		fflush(stdout);
		_exit(1);
	}
	return 0;
}

static void
client(struct scene *s, unsigned id)
{
	struct producer p;
	uint64_t rng = id * 77 + (uint64_t)getpid();
	_Atomic uint64_t *count = &s->shared->committed[id];

	attach(s, &p);
	while (!s->shared->stop && (s->messages == 0 || *count < s->messages)) {
		uint64_t most = log_check_random(&rng) % 64 ? 100 : 2000;
		/* On each message: the tests want to be at the edge. */
		if (shunt__load32(&p.obj->control->ct_removed) != 0 ||
		    (*count % 256 == 0 && shunt__object_check(p.obj) < 0)) {
			producer_close(&p);
			attach(s, &p);
			s->shared->reattached++;
		}
		if (log_check_put(&p, id, *count,
			(unsigned)(log_check_random(&rng) % most)) < 0)
			_exit(1);
		++*count;
		if (s->burst != 0 && *count % s->burst == 0)
			shunt__os.nanosleep(100000);
	}
	producer_close(&p);
	_exit(0);
}

static pid_t
child(struct scene *s, void (*run)(struct scene *, unsigned), unsigned arg)
{
	fflush(stdout);
	scene = s;
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run(s, arg);
	_exit(1);
}

static void
serve_child(struct scene *s, unsigned arg)
{
	(void)arg;
	serve(s);
}

void
scene_serve(struct scene *s)
{
	int before = s->shared->ready;

	s->server = child(s, serve_child, 0);
	/* The alarm ends this if it must. */
	while (s->shared->ready == before &&
	       waitpid(s->server, NULL, WNOHANG) == 0)
		shunt__os.nanosleep(500000);
}

void
scene_client(struct scene *s, unsigned id)
{
	s->clients[id] = child(s, client, id);
}

int
scene_kill(pid_t *pid)
{
	int status;

	kill(*pid, SIGKILL);
	waitpid(*pid, &status, 0);
	*pid = 0;
	return !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static int
await(pid_t *pid, const char *who)
{
	int status;

	if (*pid == 0)
		return 0;
	waitpid(*pid, &status, 0);
	*pid = 0;
	if (status != 0)
		printf("a %s ended with status %#x\n", who, (unsigned)status);
	return status != 0;
}

int
scene_clients_end(struct scene *s)
{
	int bad = 0;

	s->shared->stop = s->messages == 0;
	for (unsigned i = 0; i < SCENE_CLIENTS; i++)
		bad |= await(&s->clients[i], "client");
	return bad;
}

int
scene_server_end(struct scene *s)
{
	int e = shunt_logd_request_stop(s->name, NULL, 20000000000);

	if (e < 0)
		printf("stop: %d %s\n", e, shunt_error_detail());
	return (e < 0) | await(&s->server, "server");
}

int
scene_judge(struct scene *s, struct log_check *check, const char *what)
{
	int bad = log_check_verdict(check, what);

	for (unsigned i = 0; i < SCENE_CLIENTS; i++)
		if (check->next[i] != s->shared->committed[i]) {
			printf("client %u: %llu in the file, %llu logged\n", i,
			    (unsigned long long)check->next[i],
			    (unsigned long long)s->shared->committed[i]);
			bad = 1;
		}
	return bad;
}

int
scene_finish(struct scene *s)
{
	struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};
	int left = shunt_remove(s->name, &force) == 0;

	if (left)
		printf("the log was left behind\n");
	unlink(s->path);
	return left;
}
