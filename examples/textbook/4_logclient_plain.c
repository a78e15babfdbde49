/* SPDX-License-Identifier: MIT */
/*
 * Client of the log server, with plain system calls: asks for messages and
 * logs each as "PID: DATE MESSAGE".  Any number of clients at once; end with
 * Ctrl-D.  See 4_logserver_plain.c.
 *
 * What tutorials get wrong here: the time is taken before the mutex, so that
 * lines stand in the wrong order; fgets() makes two messages of a long line;
 * sprintf() writes it past its slot; a client keeps asking after the server
 * is gone, and then hangs; Ctrl-C may come while it holds the mutex, and then
 * everybody hangs.  With kill -9 that is so here too.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "4_log.h"
#include "meet.h"

/* As long as pid, date and newline leave room for. */
#define MESSAGE_MAX (SLOT_SIZE - 48)

static volatile sig_atomic_t interrupted;

/* Only a flag: ended inside of the mutex, it would stop everybody. */
static void
interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* Waits for a free slot and fills it. */
static void
put(struct log *log, const char *message)
{
	time_t now;

	while (sem_wait(&log->free) < 0)
		if (errno != EINTR || interrupted)
			errx(1, "no free slot; \"%s\" is not logged", message);
	log_down(&log->mutex);
	if (log->over) {
		log_up(&log->mutex);
		log_up(&log->free); /* the next sleeper shall know it too */
		errx(1, "the server has ended; \"%s\" is not logged", message);
	}
	/* Inside of the mutex: that is what puts the lines in order. */
	now = time(NULL);
	snprintf(log->slot[log->next_in % SLOTS], SLOT_SIZE, "%ld: %.24s %s\n",
	    (long)getpid(), ctime(&now), message);
	log->next_in++;
	log_up(&log->mutex);
	log_up(&log->filled);
}

int
main(void)
{
	int fd = meet(LOG_NAME, sizeof(struct log), log_prepare);
	struct log *log =
	    mmap(NULL, sizeof(*log), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct sigaction sa = {.sa_handler = interrupt};
	size_t room = 0;
	char *line = NULL;
	ssize_t len;

	if (log == MAP_FAILED)
		err(1, "%s: mmap", LOG_NAME);
	close(fd);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	while (!interrupted) {
		printf("Please type a message: ");
		fflush(stdout);
		len = getline(&line, &room, stdin);
		if (len < 0)
			break;
		line[strcspn(line, "\n")] = '\0';
		if (strlen(line) > MESSAGE_MAX)
			warnx("at most %d bytes; not logged", MESSAGE_MAX);
		else
			put(log, line);
	}
	printf("\n");
	free(line);
	munmap(log, sizeof(*log));
	return 0;
}
