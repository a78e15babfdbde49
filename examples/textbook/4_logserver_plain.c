/* SPDX-License-Identifier: MIT */
/*
 * Log server, with plain system calls and semaphores: writes what the clients
 * send into a file, a line each, until Ctrl-C.  Watch it with tail -f.
 * Clients may come before it: ten messages wait for it.
 *
 * What tutorials get wrong here: the server must be first; it collects lines
 * in a buffer that tail -f does not see; Ctrl-C loses what the slots hold,
 * leaves every name behind and the clients asleep for ever; a second server
 * takes every other line; the result of write() is looked at by nobody.
 *
 * What remains wrong, as it is the design: a client that is killed with -9
 * between its down(mutex) and up(mutex) stops everybody for ever, and nobody
 * can tell.  A server that is killed with -9 has taken a token of `filled`
 * with it, so that from then on one line always waits for the next; and the
 * line in its hands is written twice, or its slot is lost to the clients.
 * `rm /dev/shm/textbook-log` and a new start are the only cure; what was in
 * the slots is lost.  See 4_logserver_shunt.c.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/file.h>

#include "4_log.h"
#include "meet.h"

static struct log *book;
static volatile sig_atomic_t stopped;

/* The token ends the server's sleep, also one that is about to begin. */
static void
stop(int sig)
{
	(void)sig;
	stopped = 1;
	sem_post(&book->filled);
}

/* One slot into the file, where tail -f sees it at once. */
static void
write_slot(FILE *file)
{
	const char *slot = book->slot[book->next_out % SLOTS];
	size_t len = strnlen(slot, SLOT_SIZE);

	if (fwrite(slot, 1, len, file) != len || fflush(file) != 0)
		err(1, "the file");
	book->next_out++;
	log_up(&book->free);
}

/*
 * No client adds anything after this.  One that sleeps for a free slot wakes
 * when the last slots are written, sees that it is over, and wakes the next.
 */
static void
close_door(void)
{
	shm_unlink(LOG_NAME); /* who comes now waits for the next server */
	log_down(&book->mutex);
	book->over = 1;
	log_up(&book->mutex);
}

int
main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = stop, .sa_flags = SA_RESETHAND};
	FILE *file;
	int fd;

	if (argc != 2)
		errx(2, "usage: 4_logserver_plain FILE");
	file = fopen(argv[1], "ae"); /* O_APPEND */
	if (file == NULL)
		err(1, "%s", argv[1]);
	fd = meet(LOG_NAME, sizeof(*book), log_prepare);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) /* gone with this process */
		errx(1, "%s: another server runs", LOG_NAME);
	book = mmap(
	    NULL, sizeof(*book), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (book == MAP_FAILED)
		err(1, "%s: mmap", LOG_NAME);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);

	while (log_down(&book->filled), !stopped)
		write_slot(file);
	close_door();
	while (book->next_out != book->next_in)
		write_slot(file);
	if (fclose(file) != 0)
		err(1, "%s", argv[1]);
	return 0;
}
