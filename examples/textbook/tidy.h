/* SPDX-License-Identifier: MIT */
#ifndef TEXTBOOK_TIDY_H
#define TEXTBOOK_TIDY_H

/*
 * A name in /dev/shm stays until somebody removes it, whatever becomes of the
 * programs that use it.  So Ctrl-C while waiting must remove it too.
 */

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static const char *tidy_path;

/* unlink(2) may be called here, shm_unlink(3) is not promised to. */
static inline void
tidy_up(int sig)
{
	unlink(tidy_path);
	raise(sig); /* SA_RESETHAND: now it ends the program, as it should */
}

static inline void
tidy_on_signal(const char *path)
{
	struct sigaction sa = {.sa_handler = tidy_up, .sa_flags = SA_RESETHAND};

	tidy_path = path;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

#endif /* TEXTBOOK_TIDY_H */
