/* SPDX-License-Identifier: MIT */

/* The three semaphores and ten slots, for server and client alike. */

#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* "/NAME" is the memory; "/NAME-mutex" and so on are the semaphores. */
static const char *
part(char *out, size_t room, const char *name, const char *what)
{
	snprintf(out, room, "/%s-%s", name[0] == '/' ? name + 1 : name, what);
	return out;
}

static sem_t *
semaphore(const char *name, const char *what, int make, unsigned value)
{
	char full[250];

	part(full, sizeof full, name, what);
	return make ? sem_open(full, O_CREAT | O_EXCL, 0600, value)
		    : sem_open(full, 0);
}

void
textbook_unlink(const char *name)
{
	char full[250];

	shm_unlink(part(full, sizeof full, name, "slots"));
	sem_unlink(part(full, sizeof full, name, "mutex"));
	sem_unlink(part(full, sizeof full, name, "free"));
	sem_unlink(part(full, sizeof full, name, "filled"));
}

static int
attach(struct textbook *t, const char *name, int make)
{
	char full[250];
	int fd;

	memset(t, 0, sizeof *t);
	snprintf(t->name, sizeof t->name, "%s", name);
	t->mutex = t->free = t->filled = SEM_FAILED;
	fd = shm_open(part(full, sizeof full, name, "slots"),
	    O_RDWR | (make ? O_CREAT | O_EXCL : 0), 0600);
	if (fd < 0)
		return -1;
	if (make && ftruncate(fd, sizeof *t->slots) < 0) {
		close(fd);
		return -1;
	}
	t->slots = mmap(
	    NULL, sizeof *t->slots, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (t->slots == MAP_FAILED)
		return -1;
	t->mutex = semaphore(name, "mutex", make, 1);
	t->free = semaphore(name, "free", make, SLOTS);
	t->filled = semaphore(name, "filled", make, 0);
	if (t->mutex != SEM_FAILED && t->free != SEM_FAILED &&
	    t->filled != SEM_FAILED)
		return 0;
	return -1;
}

int
textbook_make(struct textbook *t, const char *name)
{
	int err;

	if (attach(t, name, 1) == 0)
		return 0;
	err = errno;
	textbook_close(t);
	if (err != EEXIST)
		textbook_unlink(name);
	errno = err;
	return -1;
}

int
textbook_open(struct textbook *t, const char *name)
{
	return attach(t, name, 0);
}

void
textbook_close(struct textbook *t)
{
	if (t->slots != NULL && t->slots != MAP_FAILED)
		munmap(t->slots, sizeof *t->slots);
	if (t->mutex != SEM_FAILED)
		sem_close(t->mutex);
	if (t->free != SEM_FAILED)
		sem_close(t->free);
	if (t->filled != SEM_FAILED)
		sem_close(t->filled);
	t->slots = NULL;
	t->mutex = t->free = t->filled = SEM_FAILED;
}

static int
wait_for(sem_t *sem)
{
	while (sem_wait(sem) < 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

/*
 * The stamp is made inside the mutex, as the design has it: that is what puts
 * the lines in order.  And it is ctime(3), which looks up the time zone anew
 * for every line.
 */
int
textbook_put(struct textbook *t, const char *message)
{
	time_t now;

	if (wait_for(t->free) < 0 || wait_for(t->mutex) < 0)
		return -1;
	now = time(NULL);
	snprintf(t->slots->text[t->slots->next_in], SLOT_SIZE,
	    "%ld: %.24s %s\n", (long)getpid(), ctime(&now), message);
	t->slots->next_in = (t->slots->next_in + 1) % SLOTS;
	sem_post(t->mutex);
	sem_post(t->filled);
	return 0;
}

/*
 * The slot is copied out and given back before the line is written, so that
 * clients need not wait for the disk.  (A server killed in between loses the
 * line; that is the design's price for its speed.)
 */
int
textbook_take(struct textbook *t, int fd, const volatile int *stop)
{
	char line[SLOT_SIZE];
	size_t len;
	int left;

	if (wait_for(t->filled) < 0)
		return -1;
	if (*stop && sem_getvalue(t->filled, &left) == 0 && left == 0)
		return 0; /* this was the token of the one who set it */
	len = strnlen(t->slots->text[t->slots->next_out], SLOT_SIZE);
	memcpy(line, t->slots->text[t->slots->next_out], len);
	t->slots->next_out = (t->slots->next_out + 1) % SLOTS;
	sem_post(t->free);
	return write(fd, line, len) == (ssize_t)len ? 1 : -1;
}

int
textbook_file(const char *path, int osync)
{
	return open(path,
	    O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC | (osync ? O_SYNC : 0),
	    0600);
}
