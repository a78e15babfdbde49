/* SPDX-License-Identifier: MIT */
/*
 * Log server, with libshunt: the same lines in the same file, from a log
 * object in place of slots and semaphores.  What that buys:
 *
 *	Any process may be killed with -9 at any moment, this one too.  What
 *	was logged is in the file exactly once; nobody waits for the dead.
 *	Clients do not wait for each other, nor for the disk: a call takes
 *	some tens of nanoseconds and no system call.
 *	Lines stand in the order of the clock, with no mutex.
 *	A second server, a full disk, another user's log are sentences.
 *	Bytes that would break a line, or a terminal, are escaped.
 *
 * `shunt logd` is this program with options, `shunt log` the client.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>

#include <shunt.h>

static struct shunt_logd *logd;

static void
stop(int sig)
{
	(void)sig;
	shunt_logd_stop(logd);
}

/* Disk full, disk free again: what a person should hear. */
static void
notice(void *arg, const char *line)
{
	(void)arg;
	warnx("%s", line);
}

int
main(int argc, char **argv)
{
	struct shunt_logd_options o = {.sz = sizeof(o), .notice = notice};
	struct sigaction sa = {.sa_handler = stop};
	int e;

	if (argc != 2)
		errx(2, "usage: 4_logserver_shunt FILE");
	o.file = argv[1];
	if (shunt_logd_open(&logd, "/textbook-shunt-log", &o) < 0)
		errx(1, "%s", shunt_error_detail());
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	e = shunt_logd_run(logd); /* drains and syncs before it returns */
	shunt_logd_close(&logd);
	if (e < 0)
		errx(1, "%s: %s", argv[1], shunt_error_text(e));
	return 0;
}
