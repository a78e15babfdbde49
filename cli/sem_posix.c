/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <shunt.h>

#include "child.h"
#include "fail.h"
#include "out.h"
#include "sem_posix.h"
#include "signals.h"

/* shunt sem with the named semaphores of POSIX: waiting and posting. */

/* 0, or the exit code after telling what is wrong with the name. */
static int
parse(const struct sem *s, struct sem_file *f)
{
	const char *base = s->name + sizeof(SEM_POSIX) - 1;

	base += strspn(base, "/");
	if (*base == 0 || strchr(base, '/') != NULL ||
	    strlen(base) > NAME_MAX - 4)
		return fail_say(s->cmd,
		    "\"%s\" is no name of a POSIX semaphore; write sem:/name, "
		    "of at most %d bytes and with no slash inside",
		    out_safe(s->name), NAME_MAX - 4);
	snprintf(f->name, sizeof(f->name), "/%s", base);
	snprintf(f->path, sizeof(f->path), SEM_POSIX_DIR "/sem.%s", base);
	return 0;
}

int
sem_posix_denied(
    const struct sem *s, const struct sem_file *f, const char *what)
{
	return fail_say(s->cmd,
	    "%s: it belongs to %s and its mode is %04o: you may not %s it",
	    out_safe(s->name), out_safe(out_user(f->st.st_uid)),
	    f->st.st_mode & 07777, what);
}

int
sem_posix_find(const struct sem *s, struct sem_file *f)
{
	int rc = parse(s, f);

	if (rc != 0)
		return rc;
	if (lstat(f->path, &f->st) == 0)
		return CLI_DONE;
	if (errno == ENOENT)
		return fail_say(s->cmd,
		    "%s: there is no such semaphore, for there is no %s; "
		    "`shunt sem ls` lists those that there are",
		    out_safe(s->name), out_safe(f->path));
	return fail_say(s->cmd, "%s: %s", out_safe(s->name), strerror(errno));
}

/* libc maps whatever bears the name: a file of another size would end us by
 * SIGBUS, or be no semaphore. */
int
sem_posix_sound(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_size == sizeof(sem_t);
}

int
sem_posix_check(const struct sem *s, const struct sem_file *f)
{
	if (sem_posix_sound(&f->st))
		return CLI_DONE;
	if (!S_ISREG(f->st.st_mode))
		return fail_say(s->cmd,
		    "%s: %s is no regular file, so it is "
		    "no semaphore",
		    out_safe(s->name), out_safe(f->path));
	return fail_say(s->cmd,
	    "%s: %s has %lld bytes, a semaphore of this libc has %zu; it is "
	    "corrupt, or another libc's: remove it with `shunt sem rm` if "
	    "nobody needs it",
	    out_safe(s->name), out_safe(f->path), (long long)f->st.st_size,
	    sizeof(sem_t));
}

/* Opens it for use; CLI_DONE or the exit code. */
static int
use(const struct sem *s, struct sem_file *f, sem_t **sem)
{
	int rc = sem_posix_find(s, f);

	if (rc == CLI_DONE)
		rc = sem_posix_check(s, f);
	if (rc != CLI_DONE)
		return rc;
	*sem = sem_open(f->name, 0);
	if (*sem != SEM_FAILED)
		return CLI_DONE;
	if (errno == EACCES || errno == EPERM)
		return sem_posix_denied(s, f, "use");
	return fail_say(s->cmd, "%s: it cannot be opened: %s",
	    out_safe(s->name), strerror(errno));
}

static int
wait_step(void *arg, int64_t wait_ns)
{
	struct timespec at;
	int64_t ns;

	if (wait_ns == SHUNT_NOWAIT)
		return sem_trywait(arg) == 0 ? 0 : -errno;
	clock_gettime(CLOCK_MONOTONIC, &at);
	ns = at.tv_nsec + wait_ns;
	at.tv_sec += ns / 1000000000;
	at.tv_nsec = ns % 1000000000;
	if (sem_clockwait(arg, CLOCK_MONOTONIC, &at) == 0)
		return 0;
	return errno == EINTR ? -EAGAIN : -errno;
}

static int
posix_wait(const struct sem *s)
{
	struct sem_file f;
	sem_t *sem;
	int rc = use(s, &f, &sem), r;

	if (rc != CLI_DONE)
		return rc;
	r = wait_call(s->timeout_ns, wait_step, sem);
	if (r == -EINTR)
		rc = CLI_FAILED;
	else if (r == -ETIMEDOUT)
		rc = sem_late(s);
	else if (r < 0)
		rc =
		    fail_say(s->cmd, "%s: %s", out_safe(s->name), strerror(-r));
	else if (s->child != NULL) {
		rc = child_run(s->cmd, s->child);
		/* Whoever posted too much meanwhile has overrun it. */
		if (sem_post(sem) < 0)
			fail_say(s->cmd,
			    "%s: the permit cannot be given back: "
			    "%s",
			    out_safe(s->name), strerror(errno));
		rc = rc == CHILD_STOPPED ? CLI_FAILED : rc;
	}
	sem_close(sem);
	return rc;
}

static int
posix_post(const struct sem *s)
{
	uint64_t count = s->count == SEM_UNSAID ? 1 : s->count, done = 0;
	struct sem_file f;
	sem_t *sem;
	int rc = use(s, &f, &sem);

	if (rc != CLI_DONE)
		return rc;
	while (done < count && sem_post(sem) == 0)
		done++;
	if (done < count)
		rc = fail_say(s->cmd,
		    "%s: %s; %" PRIu64 " of %" PRIu64 " went in",
		    out_safe(s->name), strerror(errno), done, count);
	sem_close(sem);
	return rc;
}

const struct sem_sort sem_posix = {
    posix_wait, posix_post, sem_posix_show, sem_posix_remove};
