/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * A server that opens its log and then forks: each child goes on with the
 * handle, on a lane of its own, and the parent's stays as it was.  Also past
 * the atfork handlers, and while another thread has the handle's lock.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt/inspect.h>
#include <shunt/log.h>

#include "lib/log_lines.h"
#include "lib/peers.h"
#include "log/client.h"
#include "os/os.h"

#define CHILDREN 6
#define LINES    2000

static struct shunt_log *log_;

static void
put(const char *who, int n)
{
	NEED(shunt_log_printf(log_, 6, "%s %d", who, n) == 0);
}

static int
child(void *arg)
{
	for (int i = 0; i < LINES; i++)
		put(arg, i);
	/* Threads of the parent that were at it are not counted here. */
	NEED(shunt__load32(&log_->users) == 0);
	/* A child of a child, too. */
	pid_t pid = fork();
	if (pid == 0) {
		put("grandchild", 0);
		shunt_log_close(&log_);
		_exit(0);
	}
	NEED(peer_end(pid) == 0);
	shunt_log_close(&log_);
	return 0;
}

static void
many_children(const char *name, const char *path)
{
	static char names[CHILDREN][16];
	struct log_server server;
	struct log_lines lines;
	pid_t pids[CHILDREN];

	NEED(shunt_log_open(&log_, name, NULL) == 1);
	put("parent", 0); /* it has a lane before it forks */
	for (int i = 0; i < CHILDREN; i++) {
		snprintf(names[i], sizeof(names[i]), "child%d", i);
		pids[i] = peer_start(child, names[i]);
	}
	for (int i = 1; i < LINES; i++)
		put("parent", i);
	for (int i = 0; i < CHILDREN; i++)
		NEED(peer_end(pids[i]) == 0);
	log_server_start(&server, name, path, 0);
	NEED(shunt_log_flush(log_, 20000000000) == 0);
	shunt_log_close(&log_);
	log_server_stop(&server);
	log_lines_read(&lines, path);
	NEED(lines.n == (CHILDREN + 1) * LINES + CHILDREN);
	NEED(log_lines_in_order(&lines));
	NEED(log_lines_count(&lines, "grandchild 0") == CHILDREN);
	/* Each line says who wrote it, and each writer's are in his order. */
	unsigned next[CHILDREN + 1] = {0};
	for (size_t i = 0; i < lines.n; i++) {
		const struct log_line *l = &lines.line[i];
		unsigned who = CHILDREN, n;
		if (sscanf(l->msg, "child%u %u", &who, &n) == 2)
			NEED(who < CHILDREN && (pid_t)l->pid == pids[who]);
		else if (sscanf(l->msg, "parent %u", &n) == 1)
			NEED((pid_t)l->pid == getpid());
		else
			continue;
		NEED(l->pid == l->tid && next[who]++ == n);
	}
	log_lines_free(&lines);
	NEED(!test_there(name));
}

static size_t
unread(const char *name)
{
	struct shunt_tail *tail;
	const char *line;
	size_t n = 0;

	NEED(shunt_tail_open(&tail, name, NULL, 0) == 0);
	while (shunt_tail_next(tail, &line) > 0)
		n++;
	shunt_tail_close(&tail);
	return n;
}

/* As some runtimes do: no atfork handler runs. */
static void
past_the_handlers(const char *name)
{
	NEED(shunt_log_open(&log_, name, NULL) >= 0);
	put("parent", 0);
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		int e = shunt_log_write(log_, 6, "clone", 5);
		if (e == 0)
			e = shunt_log_flush(log_, SHUNT_NOWAIT) ==
				    SHUNT_E_NOSERVER
				? 0
				: 1;
		syscall(SYS_exit_group, e == 0 ? 0 : 1);
	}
	NEED(peer_end(pid) == 0);
	put("parent", 1);
	NEED(unread(name) == 3);
	shunt_log_close(&log_);
}

/* The child must not wait for a thread that it does not have. */
static void
while_it_is_locked(const char *name)
{
	NEED(shunt_log_open(&log_, name, NULL) >= 0);
	put("parent", 0);
	size_t before = unread(name);
	shunt__log_lock(log_);
	shunt__add32(&log_->users, 3);
	pid_t pid = peer_start(child, "locked");
	NEED(peer_end(pid) == 0);
	shunt__add32(&log_->users, (uint32_t)-3);
	shunt__log_unlock(log_);
	NEED(unread(name) == before + LINES + 1);
	shunt_log_close(&log_);
}

/* A child that only closes, or does nothing, does no harm. */
static int
only_closes(void *arg)
{
	(void)arg;
	shunt_log_close(&log_);
	return log_ != NULL;
}

static void
idle_children(const char *name)
{
	NEED(shunt_log_open(&log_, name, NULL) >= 0);
	put("parent", 0);
	size_t before = unread(name);
	NEED(peer_end(peer_start(only_closes, NULL)) == 0);
	NEED(test_there(name));
	put("parent", 1);
	NEED(unread(name) == before + 1);
	shunt_log_close(&log_);
}

/* The parent is gone and its lane free, whatever its children hold. */
static int
parent_dies(void *arg)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct step *step = arg;

	NEED(shunt_log_open(&log_, (const char *)(step + 1), NULL) >= 0);
	put("parent", 0);
	NEED(shunt_segment_stat((const char *)(step + 1), &info, NULL, 0) >= 0);
	NEED(info.senders == 1);
	pid_t pid = fork();
	if (pid == 0) {
		step_to(step, 1);
		step_wait(step, 2);
		_exit(0);
	}
	step_wait(step, 1);
	raise(SIGKILL);
	return 1;
}

static void
a_child_does_not_keep_its_parent_alive(const char *name)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct step *step = test_shared(4096);

	strcpy((char *)(step + 1), name);
	NEED(peer_end(peer_start(parent_dies, step)) == -SIGKILL);
	NEED(shunt_segment_stat(name, &info, NULL, 0) >= 0);
	NEED(info.senders == 0);
	NEED(info.state == SHUNT_STATE_IDLE);
	step_to(step, 2);
}

int
main(void)
{
	many_children(test_name("fork"), log_path("fork"));
	past_the_handlers(test_name("fork"));
	while_it_is_locked(test_name("fork"));
	idle_children(test_name("fork"));
	a_child_does_not_keep_its_parent_alive(test_name("fork"));
	return 0;
}
