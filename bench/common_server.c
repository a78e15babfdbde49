/* SPDX-License-Identifier: MIT */

/* The programs that are measured: `shunt logd` and the textbook logger. */

#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* $SHUNT, or the command of the build that this program is part of. */
static void
command_path(char *out)
{
	const char *set = getenv("SHUNT");

	if (set != NULL && set[0] != '\0')
		snprintf(out, PATH_ROOM, "%s", set);
	else
		beside(out, "../shunt");
}

static void
become_server(
    const char *log, const char *file, const char *sync, int cpu, int ready)
{
	char command[PATH_ROOM], ready_arg[32], sync_arg[32];

	die_with_parent();
	if (cpu != ANY_CPU && pin(cpu) < 0)
		_exit(126);
	fcntl(ready, F_SETFD, 0);
	command_path(command);
	snprintf(ready_arg, sizeof ready_arg, "--ready-fd=%d", ready);
	snprintf(sync_arg, sizeof sync_arg, "--sync=%s", sync);
	execl(command, "shunt", "logd", "-n", log, "-o", file, sync_arg,
	    ready_arg, (char *)NULL);
	fprintf(stderr, "cannot run %s: %s\n", command, strerror(errno));
	_exit(127);
}

int
server_start(struct server *server, const char *log, const char *file,
    const char *sync, int cpu)
{
	struct pollfd p;
	int ends[2];
	char byte;

	cpus(); /* look before the child narrows itself */
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail("pipe: %s", strerror(errno));
	fflush(NULL);
	server->pid = fork();
	if (server->pid == 0)
		become_server(log, file, sync, cpu, ends[1]);
	close(ends[1]);
	p.fd = ends[0];
	p.events = POLLIN;
	if (server->pid > 0 && poll(&p, 1, 10000) == 1 &&
	    read(ends[0], &byte, 1) == 1) {
		close(ends[0]);
		return 0;
	}
	close(ends[0]);
	server_kill(server);
	return fail("the log server did not start");
}

static int
ended_well(pid_t pid, int seconds, const char *what)
{
	uint64_t limit = clock_ns() + (uint64_t)seconds * 1000000000u;
	int status;
	pid_t ended;

	while ((ended = waitpid(pid, &status, WNOHANG)) == 0) {
		if (clock_ns() > limit) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return fail("%s did not end in %d s", what, seconds);
		}
		sleep_ns(500000);
	}
	if (ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return fail("%s ended with status 0x%x", what, status);
}

int
server_stop(struct server *server)
{
	pid_t pid = server->pid;

	server->pid = 0;
	if (pid <= 0)
		return 0;
	kill(pid, SIGTERM);
	return ended_well(pid, 20, "the log server");
}

void
server_kill(struct server *server)
{
	if (server->pid <= 0)
		return;
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

int
run_program(char *const argv[], char *out, size_t room, int seconds)
{
	int ends[2];
	size_t have = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail("pipe: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		die_with_parent();
		alarm((unsigned)seconds);
		dup2(ends[1], STDOUT_FILENO);
		execvp(argv[0], argv);
		fprintf(
		    stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(ends[1]);
	while (pid > 0 && have + 1 < room &&
	       (n = read(ends[0], out + have, room - 1 - have)) > 0)
		have += (size_t)n;
	out[have] = '\0';
	close(ends[0]);
	if (pid < 0)
		return fail("fork: %s", strerror(errno));
	return ended_well(pid, seconds + 1, argv[0]);
}

int
textbook_rate(int clients, double seconds, int osync, const char *input,
    double *rate, double *cpu_ns_each)
{
	char program[PATH_ROOM], name[NAME_ROOM], file[PATH_ROOM], out[256];
	char count[16], limit[32];
	char *argv[16] = {
	    program, "-n", name, "-o", file, "-c", count, "-t", limit};
	int n = 9, bad;

	beside(program, "textbook/flood");
	fresh_name(name, "textbook");
	scratch_path(file, "textbook.log");
	snprintf(count, sizeof count, "%d", clients);
	snprintf(limit, sizeof limit, "%g", seconds);
	if (osync)
		argv[n++] = "-s";
	if (input != NULL) {
		argv[n++] = "-i";
		argv[n++] = (char *)input;
	}
	bad = run_program(argv, out, sizeof out, (int)seconds + 30);
	unlink(file);
	if (bad)
		return -1;
	if (sscanf(out, "rate %lf cpu_ns %lf", rate, cpu_ns_each) != 2)
		return fail("the textbook logger answered: %s", out);
	return 0;
}
