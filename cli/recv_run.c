/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "fail.h"
#include "out.h"
#include "recv.h"

/*
 * The message lies in a memfd of its own, not in a pipe: a program that does
 * not read it does not hold us up.
 */
static int
lay_out(const void *msg, size_t len)
{
	int fd = memfd_create("shunt-recv", MFD_CLOEXEC);
	size_t done = 0;

	while (fd >= 0 && done < len) {
		ssize_t n = write(fd, (const char *)msg + done, len - done);

		if (n < 0 && errno != EINTR) {
			int e = -errno;

			close(fd);
			return e;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd >= 0 ? fd : -errno;
}

/* As our standard input, which nothing else reads: the program inherits it. */
static int
give(const void *msg, size_t len)
{
	int fd = lay_out(msg, len);

	if (fd < 0)
		return fd;
	if (dup2(fd, STDIN_FILENO) < 0) {
		int e = -errno;

		close(fd);
		return e;
	}
	close(fd);
	return 0;
}

int
recv_run(const struct command *cmd, const char *name, char *const *program,
    const void *msg, size_t len, int redelivered)
{
	int r = give(msg, len), code;

	if (r < 0)
		return fail_say(cmd,
		    "%s: a message cannot be handed to %s: %s; it stays in "
		    "the queue",
		    out_safe(name), out_safe(program[0]), strerror(-r));
	if (redelivered)
		setenv("SHUNT_REDELIVERED", "1", 1);
	else
		unsetenv("SHUNT_REDELIVERED");
	code = child_run(cmd, program);
	if (code == 0)
		return -1;
	if (code == CHILD_STOPPED)
		return CLI_FAILED;
	return fail_say(cmd,
	    "%s: %s ended with %d; the message stays in the queue",
	    out_safe(name), out_safe(program[0]), code);
}
