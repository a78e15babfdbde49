/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "fail.h"
#include "out.h"

int
fail_say(const struct command *cmd, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "shunt %s: ", cmd->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return CLI_FAILED;
}

/* A descriptor that whoever started us did not leave open. */
static int
not_open(const char *number)
{
	char *end;
	long fd = strtol(number, &end, 10);

	return end != number && *end == 0 && fd >= 0 && fd <= INT_MAX &&
	       fcntl((int)fd, F_GETFD) < 0 && errno == EBADF;
}

int
fail_cold(const struct command *cmd, const char *name, int code)
{
	const char *detail = shunt_error_detail();

	if (strncmp(name, "fd:", 3) == 0 && not_open(name + 3))
		fail_say(cmd, "%s: descriptor %s is not open", out_safe(name),
		    out_safe(name + 3));
	else if (*detail != 0)
		fail_say(cmd, "%s", detail);
	else
		fail_say(cmd, "%s: %s", out_safe(name), shunt_error_text(code));
	return code == -ETIMEDOUT ? CLI_TIMEOUT : CLI_FAILED;
}

/* What to do about a code, or NULL where its text says enough. */
static const char *
remedy(int code)
{
	switch (code) {
	case SHUNT_E_REMOVED:
		return "start again to use what bears the name now";
	case SHUNT_E_SLOTS:
		return "end some of its senders, see `shunt stat`";
	case SHUNT_E_CORRUPT:
		return "look with `shunt stat`, then remove it with "
		       "`shunt rm --force`";
	case SHUNT_E_TRUNCATED:
		return "remove it with `shunt rm --force` and start again";
	case SHUNT_E_NOSERVER:
		return "the messages stay in the log; start one with "
		       "`shunt logd -o FILE`";
	case -ENOSPC:
		return "make room in /dev/shm, see `shunt ls` and "
		       "`df /dev/shm`";
	case -ENOMEM:
		return "no memory could be had for its lane";
	}
	return NULL;
}

int
fail_hot(const struct command *cmd, const char *name, int code)
{
	const char *what = remedy(code);

	fail_say(cmd, "%s: %s%s%s", out_safe(name), shunt_error_text(code),
	    what != NULL ? "; " : "", what != NULL ? what : "");
	return code == -ETIMEDOUT || code == -EAGAIN ? CLI_TIMEOUT : CLI_FAILED;
}

int
fail_output(const struct command *cmd, int code)
{
	static int told; /* main() asks once more at the end */

	if (code != -EPIPE && !told)
		fail_say(cmd, "standard output: %s", strerror(-code));
	told = 1;
	return CLI_FAILED;
}
