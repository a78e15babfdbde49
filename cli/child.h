/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_CHILD_H
#define SHUNT_CLI_CHILD_H

/* A program that runs while something is held for it. */

#include "command.h"

/* No program ran: a signal asked to stop before. */
#define CHILD_STOPPED (-1)

/*
 * Cuts the command line at the first "--": what stands behind it is returned,
 * NULL if there is no "--", and @argc counts what stands before.
 */
char **child_split(int *argc, char **argv);

/*
 * Processes that are looked at are told apart by the program's name: this one
 * is called "shunt:PROGRAM" from now on.
 */
void child_announce(char *const *argv);

/*
 * Starts @argv and waits for its end; signals that other processes send here
 * are passed on to it.  Returns its exit code, 128 + N if signal N ended it,
 * 127 or 126 if it cannot be run (told), CLI_FAILED if nothing can be started
 * (told), or CHILD_STOPPED, also after SIGINT, SIGTERM or SIGHUP that came
 * while a program before this one ran.
 */
int child_run(const struct command *cmd, char *const *argv);

/*
 * Between two programs, where this one waits for something else: signals come
 * to it again.  1 if one that asks to stop came while the last one ran.
 */
int child_rest(void);

/* Was the last one begun?  If not, nothing was done by it. */
int child_ran(void);

/*
 * Becomes @argv; returns only if it cannot be run: 127 or 126, after telling
 * why.
 */
int child_become(const struct command *cmd, char *const *argv);

/*
 * The end of a subcommand: as the signal that asked us to stop, or that
 * stopped both us and the program, so that shells see it; else @exit_code.
 */
int child_end(int exit_code);

#endif /* SHUNT_CLI_CHILD_H */
