/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_COMMAND_H
#define SHUNT_CLI_COMMAND_H

/* What main.c knows of a subcommand; each lives in a file of its own name. */

/* Exit codes of every subcommand. */
enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_TIMEOUT = 3 };

struct command {
	const char *name;
	const char *summary;  /* one line of the table in `shunt --help` */
	const char *synopsis; /* what stands behind `shunt NAME` */
	const char *help;     /* options and examples */
	int (*run)(const struct command *cmd, int argc, char **argv);
};

extern const struct command command_why, command_doctor, command_clean;
extern const struct command command_top, command_bench;
extern const struct command command_watch;
extern const struct command command_call, command_serve;
extern const struct command command_put, command_get;
extern const struct command command_lock, command_sem, command_event;
extern const struct command command_create, command_write, command_read,
    command_dump, command_ls, command_stat, command_rm, command_send,
    command_recv, command_pub, command_sub, command_logd, command_log,
    command_tail, command_resize, command_hold, command_pin, command_chmod,
    command_chown, command_limits;

/* Prints the page of `shunt NAME --help`. */
void command_help(const struct command *cmd);

#endif /* SHUNT_CLI_COMMAND_H */
