/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "child.h"
#include "fail.h"
#include "holders.h"
#include "look.h"
#include "out.h"
#include "sem_sysv.h"
#include "stat.h"
#include "signals.h"

/* shunt sem with System V sets. */

static int
failed(const struct sem *s, const struct sem_set *set, const char *what)
{
	const char *name = out_safe(s->name);

	switch (errno) {
	case EACCES:
	case EPERM:
		return fail_say(s->cmd,
		    "%s: it belongs to %s and its mode is %04o: you may not "
		    "%s it",
		    name, out_safe(out_user(set->ds.sem_perm.uid)),
		    set->ds.sem_perm.mode & 0777, what);
	case EIDRM:
	case EINVAL:
		return fail_say(s->cmd, "%s: it has been removed", name);
	case ERANGE:
		return fail_say(
		    s->cmd, "%s: its value would be over %d", name, SHRT_MAX);
	}
	return fail_say(s->cmd, "%s: %s", name, strerror(errno));
}

/*
 * One call for the whole time: whoever waits in slices loses his place in the
 * kernel's queue.  A signal ends us as if not caught.  0 or -1 and errno.
 */
static int
take(const struct sem *s, const struct sem_set *set, int index)
{
	struct sembuf op = {.sem_num = (unsigned short)index,
	    .sem_op = -1,
	    .sem_flg = s->child != NULL ? SEM_UNDO : 0};
	struct timespec limit = {.tv_sec = s->timeout_ns / 1000000000,
	    .tv_nsec = s->timeout_ns % 1000000000};
	int r;

	if (s->timeout_ns == SHUNT_NOWAIT) {
		op.sem_flg |= IPC_NOWAIT;
		return semop(set->id, &op, 1);
	}
	signals_mortal(1);
	do
		r = signals_stopped()
			? -1
			: semtimedop(set->id, &op, 1,
			      s->timeout_ns == WAIT_FOREVER ? NULL : &limit);
	while (r < 0 && errno == EINTR && !signals_stopped());
	signals_mortal(0);
	return r;
}

/*
 * The kernel keeps what is to be undone over exec(2), and not over fork(2):
 * so this process becomes the program.  When it ends, however it ends, the
 * permit comes back.
 */
static int
sysv_wait(const struct sem *s)
{
	struct sem_set set;
	int rc = sem_set_find(s, &set), index;

	if (rc != CLI_DONE)
		return rc;
	index = sem_set_index(s, &set);
	if (index < 0)
		return CLI_FAILED;
	if (take(s, &set, index) < 0) {
		if (errno == EAGAIN)
			return sem_late(s);
		return failed(s, &set, "wait on");
	}
	if (s->child == NULL || signals_stopped())
		return s->child == NULL ? CLI_DONE : CLI_FAILED;
	return child_become(s->cmd, s->child);
}

static int
sysv_post(const struct sem *s)
{
	uint64_t count = s->count == SEM_UNSAID ? 1 : s->count;
	struct sem_set set;
	struct sembuf op = {.sem_op = (short)count};
	int rc = sem_set_find(s, &set), index;

	if (rc != CLI_DONE)
		return rc;
	index = sem_set_index(s, &set);
	if (index < 0)
		return CLI_FAILED;
	/* 0 would wait for the value 0. */
	if (count == 0)
		return CLI_DONE;
	op.sem_num = (unsigned short)index;
	errno = ERANGE;
	if (count > SHRT_MAX || semop(set.id, &op, 1) < 0)
		return failed(s, &set, "post to");
	return CLI_DONE;
}

struct figures {
	int value, waiting, waiting_zero, pid;
};

/* 0 or -1 and errno. */
static int
figures(const struct sem_set *set, int index, struct figures *f)
{
	f->value = semctl(set->id, index, GETVAL);
	if (f->value < 0)
		return -1;
	f->waiting = semctl(set->id, index, GETNCNT);
	f->waiting_zero = semctl(set->id, index, GETZCNT);
	f->pid = semctl(set->id, index, GETPID);
	return f->waiting < 0 || f->waiting_zero < 0 || f->pid < 0 ? -1 : 0;
}

static json_t *
describe(const struct sem_set *set)
{
	const struct ipc_perm *perm = &set->ds.sem_perm;
	json_t *o, *array = json_array();
	struct figures f;
	char mode[8];

	for (int i = 0; i < (int)set->ds.sem_nsems; i++)
		if ((set->index < 0 || set->index == i) &&
		    figures(set, i, &f) == 0)
			json_array_append_new(array,
			    json_pack("{s:i, s:i, s:i, s:i, s:i, s:o}", "index",
				i, "value", f.value, "waiting", f.waiting,
				"waiting_zero", f.waiting_zero, "last_pid",
				f.pid, "last_command",
				out_json_text(look_comm(f.pid))));
	snprintf(mode, sizeof(mode), "%04o", perm->mode & 0777);
	o = json_pack("{s:s, s:s, s:i, s:s, s:I, s:o, s:o, s:o, s:s}", "name",
	    sem_set_name(set), "sort", "sysv", "id", set->id, "key",
	    look_key(perm->__key), "count", (json_int_t)set->ds.sem_nsems,
	    "uid", out_json_int(perm->uid), "gid", out_json_int(perm->gid),
	    "owner", out_json_text(out_user(perm->uid)), "mode", mode);
	json_object_set_new(o, "semaphores", array);
	return o;
}

/* CLI_DONE, or the exit code: it may not be read. */
static int
print(const struct sem *s, const struct sem_set *set)
{
	const struct ipc_perm *perm = &set->ds.sem_perm;
	struct figures f;

	if (figures(set, set->index < 0 ? 0 : set->index, &f) < 0)
		return failed(s, set, "read");
	holders_head(sem_set_name(set), "System V set of %lu, identifier %d",
	    (unsigned long)set->ds.sem_nsems, set->id);
	stat_field("owner", "%s, group %s, mode %04o, made by %s",
	    out_safe(out_user(perm->uid)), out_safe(out_group(perm->gid)),
	    perm->mode & 0777, out_safe(out_user(perm->cuid)));
	stat_field("used", "%s",
	    set->ds.sem_otime == 0
		? "never"
		: out_time((int64_t)set->ds.sem_otime * 1000000000));
	printf("\n%s%5s  %6s  %7s  %12s  %8s  %s%s\n", out_colour(OUT_BOLD),
	    "INDEX", "VALUE", "WAITING", "WAITING FOR 0", "LAST PID", "COMMAND",
	    out_colour(OUT_RESET));
	for (int i = 0; i < (int)set->ds.sem_nsems; i++)
		if ((set->index < 0 || set->index == i) &&
		    figures(set, i, &f) == 0)
			printf("%5d  %6d  %7d  %13d  %8d  %s\n", i, f.value,
			    f.waiting, f.waiting_zero, f.pid, look_comm(f.pid));
	return CLI_DONE;
}

static int
sysv_show(const struct sem *s)
{
	struct sem_set set;
	int rc = sem_set_find(s, &set);

	if (rc == CLI_DONE && set.index >= 0 && sem_set_index(s, &set) < 0)
		rc = CLI_FAILED;
	if (rc != CLI_DONE)
		return rc;
	if (s->json)
		return out_json(describe(&set), 1) < 0 ? CLI_FAILED : CLI_DONE;
	return print(s, &set);
}

static int
sysv_remove(const struct sem *s)
{
	struct sem_set set;
	int rc = sem_set_find(s, &set);

	if (rc != CLI_DONE)
		return rc;
	if (set.index >= 0)
		return fail_say(s->cmd,
		    "%s: only the whole set can be removed: `shunt sem rm %s`",
		    out_safe(s->name), sem_set_name(&set));
	if (semctl(set.id, 0, IPC_RMID) < 0)
		return failed(s, &set, "remove");
	return CLI_DONE;
}

/* "1 0 3" and how many wait, as far as there is room and the right to. */
static void
values(const struct sem_set *set, char *text, size_t room, int *waiting)
{
	struct figures f;
	size_t at = 0;

	*waiting = 0;
	snprintf(text, room, "?");
	for (int i = 0; i < (int)set->ds.sem_nsems; i++) {
		if (figures(set, i, &f) < 0)
			return;
		*waiting += f.waiting + f.waiting_zero;
		if (at + 16 < room)
			at += (size_t)snprintf(text + at, room - at, "%s%d",
			    i > 0 ? " " : "", f.value);
		else if (at < room - 4)
			at += (size_t)snprintf(text + at, room - at, "...");
	}
}

static int
add(struct sem_list *list, const struct sem_set *set)
{
	char text[32], wait[16], mode[8];
	int waiting;

	if (list->json != NULL)
		return json_array_append_new(list->json, describe(set)) < 0
			   ? -ENOMEM
			   : 0;
	values(set, text, sizeof(text), &waiting);
	snprintf(wait, sizeof(wait), "%d", waiting);
	snprintf(mode, sizeof(mode), "%04o", set->ds.sem_perm.mode & 0777);
	return sem_list_row(
	    list, (const char *const[SEM_COLUMNS]){sem_set_name(set), "sysv",
		      text, "-", "-", wait,
		      out_safe(out_user(set->ds.sem_perm.uid)), mode});
}

int
sem_sysv_list(struct sem_list *list)
{
	int last = sem_set_last(), r = 0;
	struct sem_set set;

	for (int at = 0; at <= last && r == 0; at++)
		if (sem_set_at(at, &set) == 0)
			r = add(list, &set);
	return r;
}

const struct sem_sort sem_sysv = {sysv_wait, sysv_post, sysv_show, sysv_remove};
