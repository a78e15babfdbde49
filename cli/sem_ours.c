/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "child.h"
#include "create.h"
#include "fail.h"
#include "holders.h"
#include "out.h"
#include "sem.h"
#include "stat.h"
#include "signals.h"

/* shunt sem with semaphores of ours. */

/* Is the name that of a file in which libc keeps a semaphore?  Then what has
 * to be written, in a static buffer; else NULL. */
static const char *
meant(const struct sem *s)
{
	static char text[300];
	const char *base = s->name;

	if (strncmp(base, "posix:", 6) == 0)
		base += 6;
	base += strspn(base, "/");
	if (strncmp(base, "sem.", 4) != 0)
		return NULL;
	snprintf(text, sizeof(text), SEM_POSIX "/%s", base + 4);
	return text;
}

static int
cold(const struct sem *s, int code)
{
	if (code == -ENOENT)
		return fail_say(s->cmd,
		    "%s: there is no such semaphore; make it with `shunt sem "
		    "create %s --permits=N`",
		    out_safe(s->name), out_safe(s->name));
	if (code == SHUNT_E_KIND && meant(s) != NULL)
		return fail_say(s->cmd,
		    "%s: it is the file of a POSIX semaphore; write %s",
		    out_safe(s->name), out_safe(meant(s)));
	return fail_cold(s->cmd, s->name, code);
}

static int
hot(const struct sem *s, int code)
{
	if (code == SHUNT_E_SLOTS)
		return fail_say(s->cmd,
		    "%s: too many processes use it at once; try again when "
		    "some have ended",
		    out_safe(s->name));
	return fail_hot(s->cmd, s->name, code);
}

/* As shunt_semaphore_open(). */
static int
attach(const struct sem *s, uint32_t flags, struct shunt_semaphore **sem)
{
	uint64_t permits = s->permits == SEM_UNSAID ? 1 : s->permits;
	uint64_t max = s->max == SEM_UNSAID ? 0 : s->max;
	struct shunt_semaphore_options opts = {.sz = sizeof(opts),
	    .flags = flags | (permits == 0 ? SHUNT_SEMAPHORE_EMPTY : 0),
	    .mode = s->mode,
	    .group = s->group,
	    .owner = s->owner,
	    .permits = (uint32_t)permits,
	    .max = (uint32_t)max};

	return shunt_semaphore_open(sem, s->name, &opts);
}

struct step {
	struct shunt_semaphore *sem;
	int hold;
};

static int
wait_step(void *arg, int64_t wait_ns)
{
	const struct step *step = arg;

	return step->hold ? shunt_semaphore_wait(step->sem, wait_ns)
			  : shunt_semaphore_consume(step->sem, wait_ns);
}

static int
run_child(const struct sem *s, struct shunt_semaphore *sem)
{
	int rc = child_run(s->cmd, s->child);
	int r = shunt_semaphore_post(sem);

	if (r < 0)
		hot(s, r);
	return rc == CHILD_STOPPED ? CLI_FAILED : rc;
}

static int
ours_wait(const struct sem *s)
{
	struct step step = {.hold = s->child != NULL};
	int r, rc, fd = -1;

	if (s->child != NULL)
		child_announce(s->child);
	r = attach(
	    s, s->child != NULL ? 0 : SHUNT_SEMAPHORE_EXISTING, &step.sem);
	if (r < 0)
		return cold(s, r);
	if (step.hold && !s->close_fd)
		r = fd = shunt_semaphore_fd(step.sem);
	if (r >= 0)
		r = wait_call(s->timeout_ns, wait_step, &step);
	if (r == -EINTR)
		rc = CLI_FAILED;
	else if (r == -ETIMEDOUT)
		rc = sem_late(s);
	else if (r < 0)
		rc = hot(s, r);
	else
		rc = step.hold ? run_child(s, step.sem) : CLI_DONE;
	if (fd >= 0)
		close(fd);
	shunt_semaphore_close(&step.sem);
	return rc;
}

static int
ours_post(const struct sem *s)
{
	uint64_t count = s->count == SEM_UNSAID ? 1 : s->count, done = 0;
	struct shunt_semaphore *sem;
	int r = attach(s, SHUNT_SEMAPHORE_EXISTING, &sem);

	if (r < 0)
		return cold(s, r);
	while (r >= 0 && done < count) {
		r = shunt_semaphore_post(sem);
		done += r >= 0;
	}
	shunt_semaphore_close(&sem);
	if (r == -EOVERFLOW)
		return fail_say(s->cmd,
		    "%s: it has as many permits as it may ever have; %" PRIu64
		    " of %" PRIu64 " went in",
		    out_safe(s->name), done, count);
	return r < 0 ? hot(s, r) : CLI_DONE;
}

/* CLI_DONE, or the exit code: there is none of ours. */
static int
look(const struct sem *s, struct shunt_segment_info *info)
{
	if (meant(s) != NULL) {
		*info = (struct shunt_segment_info){.sz = sizeof(*info)};
		if (shunt_segment_stat(s->name, info, NULL, 0) >= 0 &&
		    info->kind == SHUNT_KIND_RAW)
			return cold(s, SHUNT_E_KIND);
	}
	return holders_stat(s->cmd, s->name, SHUNT_KIND_SEMAPHORE, info);
}

/* Who has it attached, and what they run. */
static void
print_users(const char *name)
{
	struct look_users users, kept;

	if (look_users(&users, name) == 0 && users.count > 0)
		stat_field("open in", "%s", look_users_text(&users));
	look_users_free(&users);
	if (holders_keepers(&kept, name) == 0 && kept.count > 0)
		stat_field("programs", "%s", look_users_text(&kept));
	look_users_free(&kept);
}

static int
ours_show(const struct sem *s)
{
	struct shunt_segment_info info;
	int rc = look(s, &info);

	if (rc != CLI_DONE)
		return rc;
	if (s->json)
		return holders_json(s->name, &info);
	holders_head(s->name, "semaphore, %" PRIu32 " free", info.value);
	stat_held_permits(&info);
	print_users(s->name);
	holders_object(&info);
	stat_field("recovered", "%" PRIu64 " time%s from a holder that died",
	    info.recoveries, info.recoveries == 1 ? "" : "s");
	stat_held_recoveries(&info);
	return CLI_DONE;
}

static int
ours_remove(const struct sem *s)
{
	struct shunt_remove_options opts = {
	    .sz = sizeof(opts), .owner = s->owner};
	struct shunt_segment_info info;
	struct look_users users;
	int rc = look(s, &info), r;

	if (rc != CLI_DONE)
		return rc;
	r = shunt_remove(s->name, &opts);
	if (r != -EBUSY)
		return r < 0 ? cold(s, r) : CLI_DONE;
	if (look_users(&users, s->name) < 0)
		users = (struct look_users){0};
	rc = fail_say(s->cmd,
	    "%s: in use by %s; end them, or remove it all the same with "
	    "`shunt rm --force %s`",
	    out_safe(s->name),
	    users.count > 0 ? look_users_text(&users)
			    : "somebody who cannot be seen from here",
	    out_safe(s->name));
	look_users_free(&users);
	return rc;
}

/* An existing one is as wanted, or the difference is told. */
static int
compare(const struct sem *s, const struct shunt_segment_info *info)
{
	uint64_t want = s->max;

	if (want == SEM_UNSAID && s->permits != SEM_UNSAID)
		want = s->permits > 0 ? s->permits : 1024;
	if (want == SEM_UNSAID || info->most == want)
		return CLI_DONE;
	return fail_say(s->cmd,
	    "%s: it exists with at most %" PRIu32 " permits, not %" PRIu64
	    "; remove it with `shunt sem rm` first",
	    out_safe(s->name), info->most, want);
}

/* 0 it was there, and @info tells of it; 1 made here; or a code. */
static int
make(const struct sem *s, int excl, struct shunt_segment_info *info)
{
	struct shunt_semaphore *sem;
	int r = attach(s,
	    SHUNT_SEMAPHORE_PERSISTENT | (excl ? SHUNT_SEMAPHORE_EXCLUSIVE : 0),
	    &sem);

	*info = (struct shunt_segment_info){.sz = sizeof(*info)};
	if (r == 0) {
		int e = shunt_segment_stat(s->name, info, NULL, 0);

		if (e < 0)
			r = e;
	}
	shunt_semaphore_close(&sem);
	return r;
}

int
sem_create(const struct sem *s)
{
	struct shunt_segment_info info;
	int r = make(s, s->excl, &info);

	/* An ephemeral one that nobody needed went as we let go of it. */
	if (r == 0 && !info.persistent) {
		r = make(s, 1, &info);
		if (r == -EEXIST)
			return fail_say(s->cmd,
			    "%s: an ephemeral semaphore of that name is in "
			    "use; it goes when nobody needs it any more",
			    out_safe(s->name));
	}
	if (r < 0)
		return r == -EEXIST ? create_fail(s->cmd, s->name, s->excl, r)
				    : cold(s, r);
	if (r == 0)
		create_mode_note(s->cmd, s->name, s->mode, info.mode);
	return r == 0 ? compare(s, &info) : CLI_DONE;
}

const struct sem_sort sem_ours = {ours_wait, ours_post, ours_show, ours_remove};
