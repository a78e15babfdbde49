/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "command.h"
#include "fail.h"
#include "out.h"
#include "signals.h"

/* shunt: one command, a file a subcommand; only public headers in here. */

#define MOST 12 /* commands below one title */

/* The table of `shunt --help`: a title, then commands. */
static const struct {
	const char *title;
	const struct command *commands[MOST];
} tasks[] = {
    {"Segments", {&command_create, &command_write, &command_read, &command_dump,
		     &command_resize, &command_hold}},
    {"Messages", {&command_send, &command_recv, &command_pub, &command_sub}},
    {"Streams", {&command_put, &command_get}},
    {"Calls", {&command_call, &command_serve}},
    {"Locks", {&command_lock, &command_sem, &command_event}},
    {"Logs", {&command_logd, &command_log, &command_tail}},
    {"Looking and tidying",
	{&command_ls, &command_why, &command_watch, &command_top, &command_stat,
	    &command_doctor, &command_limits, &command_rm, &command_clean,
	    &command_bench}},
    {"Rights and memory", {&command_chmod, &command_chown, &command_pin}},
};
#define TASKS (sizeof(tasks) / sizeof(tasks[0]))

/* clang-format off */
static const char help_rest[] =
"\n"
"Every name of a segment is /name, seen as /dev/shm/name; file:PATH; fd:N, a\n"
"descriptor that the command inherits; or sysv:0x1234 and its like for System\n"
"V, see `shunt create --help`.\n"
"Processes may be killed at any moment: what was sent, logged or written is\n"
"there for the next one.\n"
"\n"
"Examples\n"
"  Two processes that know nothing of each other exchange messages:\n"
"      shunt send /jobs 'build it' 'test it'\n"
"      shunt recv /jobs -n 2\n"
"  One tells, everybody who wants to hears:\n"
"      shunt sub /news &\n"
"      shunt pub /news 'it works'\n"
"  Many processes log into one file, in the order of the clock:\n"
"      shunt logd -o /tmp/all.log &\n"
"      shunt log -t demo hello\n"
"      shunt logd --stop\n"
"  Scripts take turns:\n"
"      shunt lock /deploy -- sh -c 'echo one at a time'\n"
"  Whose is what lies in /dev/shm?\n"
"      shunt ls\n"
"\n"
"`shunt COMMAND --help` tells the rest; `shunt --version` the version.\n"
"Exit: 0 done, 1 failed, 2 wrong usage, 3 timed out.\n";
/* clang-format on */

static void
help_all(FILE *to)
{
	fputs("shunt: shared memory between Linux processes, made safe\n\n"
	      "Usage: shunt COMMAND [ARGUMENT...]\n",
	    to);
	for (size_t t = 0; t < TASKS; t++) {
		fprintf(to, "\n%s\n", tasks[t].title);
		for (int i = 0; i < MOST && tasks[t].commands[i] != NULL; i++)
			fprintf(to, "  %-8s %s\n", tasks[t].commands[i]->name,
			    tasks[t].commands[i]->summary);
	}
	fputs(help_rest, to);
}

void
command_help(const struct command *cmd)
{
	printf("shunt %s: %s\n\nUsage: shunt %s %s\n\n%s\n"
	       "Exit: 0 done, 1 failed, 2 wrong usage, 3 timed out.\n",
	    cmd->name, cmd->summary, cmd->name, cmd->synopsis, cmd->help);
}

static const struct command *
find(const char *name)
{
	for (size_t t = 0; t < TASKS; t++)
		for (int i = 0; i < MOST && tasks[t].commands[i] != NULL; i++)
			if (strcmp(tasks[t].commands[i]->name, name) == 0)
				return tasks[t].commands[i];
	return NULL;
}

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* How many letters to change, put in or leave out to get from @a to @b. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned row[16], n = (unsigned)strlen(b);

	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1] != 0; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned up = row[j];

			row[j] = least(up + 1, row[j - 1] + 1,
			    corner + (a[i - 1] != b[j - 1]));
			corner = up;
		}
	}
	return row[n];
}

static int
unknown(const char *name)
{
	/* What other tools call it. */
	static const char *const words[][2] = {{"list", "ls"}, {"remove", "rm"},
	    {"delete", "rm"}, {"unlink", "rm"}, {"prune", "clean"},
	    {"gc", "clean"}, {"info", "stat"}, {"show", "stat"},
	    {"receive", "recv"}, {"publish", "pub"}, {"subscribe", "sub"},
	    {"request", "call"}, {"rpc", "call"}, {"service", "serve"},
	    {"cat", "read"}, {"hexdump", "dump"}, {"pipe", "put"},
	    {"new", "create"}, {"server", "logd"}, {"follow", "tail"},
	    {"logger", "log"}, {"flock", "lock"}, {"mutex", "lock"},
	    {"semaphore", "sem"}, {"wait", "event"}, {"notify", "event"},
	    {"attach", "hold"}, {"truncate", "resize"}, {"grow", "resize"},
	    {"chgrp", "chown"}, {"mlock", "pin"}, {"ipcs", "ls"},
	    {"ipcrm", "rm"}, {"ipcmk", "create"}, {"df", "limits"}};
	const char *best = NULL;
	unsigned best_at = 3;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i][0], name) == 0)
			best = words[i][1];
	for (size_t t = 0; t < TASKS && best_at > 0; t++)
		for (int i = 0; i < MOST && tasks[t].commands[i] != NULL; i++) {
			const char *have = tasks[t].commands[i]->name;
			unsigned d = distance(name, have);

			if (d < best_at && d < strlen(have)) {
				best = have;
				best_at = d;
			}
		}
	fprintf(stderr, "shunt: there is no command \"%s\"", out_safe(name));
	if (best != NULL)
		fprintf(stderr, "; did you mean `shunt %s`?\n", best);
	else
		fprintf(stderr, "; try `shunt --help`\n");
	return CLI_USAGE;
}

/*
 * Started with a standard descriptor closed, the next open would get it, and
 * what we print would go into a segment.  Closed output must fail, not
 * vanish: so it is opened for reading only.
 */
static void
fill_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

static int
finish(const struct command *cmd, int rc)
{
	int code;

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return rc;
	code = -errno;
	/* A long text goes past the buffer: nothing is left to fail again. */
	if (code == 0)
		code = out_json_lost();
	fail_output(cmd, code != 0 ? code : -EIO);
	return rc == CLI_DONE ? CLI_FAILED : rc;
}

static int
version(void)
{
	printf("shunt %s\n", SHUNT_VERSION);
	if (strcmp(SHUNT_VERSION, shunt_version()) != 0)
		printf("with the library of version %s\n", shunt_version());
	return CLI_DONE;
}

int
main(int argc, char **argv)
{
	static const struct command self = {.name = "--help"};
	const struct command *cmd;
	const char *name = argc > 1 ? argv[1] : "";

	fill_descriptors();
	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");
	signals_setup(&self);
	if (argc < 2) {
		help_all(stderr);
		return CLI_USAGE;
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		return finish(&self, version());
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
	    (strcmp(name, "help") == 0 && argc == 2)) {
		help_all(stdout);
		return finish(&self, CLI_DONE);
	}
	cmd = find(strcmp(name, "help") == 0 ? argv[2] : name);
	if (cmd == NULL)
		return unknown(strcmp(name, "help") == 0 ? argv[2] : name);
	signals_setup(cmd);
	if (strcmp(name, "help") == 0) {
		command_help(cmd);
		return finish(cmd, CLI_DONE);
	}
	return finish(cmd, cmd->run(cmd, argc - 1, argv + 1));
}
