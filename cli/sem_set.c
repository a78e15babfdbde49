/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "out.h"
#include "sem_sysv.h"

/* Names of System V sets: semset:KEY, semset:id=N, semset:ftok=PATH,N, each
 * with :INDEX behind it for one semaphore of the set. */

static int
bad(const struct sem *s, const char *why)
{
	return fail_say(s->cmd,
	    "\"%s\" is no name of a semaphore set: %s; write semset:0x1234, "
	    "semset:id=N or semset:ftok=PATH,N, and :INDEX behind it for one "
	    "of the set",
	    out_safe(s->name), why);
}

/* A whole number from 0 to @most and nothing behind it; -1 if it is not. */
static int64_t
number(const char *text, int base, int64_t most)
{
	char *end;
	long long v;

	if (text[0] < '0' || text[0] > '9')
		return -1;
	errno = 0;
	v = strtoll(text, &end, base);
	return *end != 0 || errno != 0 || v > most ? -1 : v;
}

/* Cuts ":INDEX" off; a colon in a path has no number behind it. */
static int
cut_index(char *text)
{
	char *colon = strrchr(text, ':');
	int64_t v = colon != NULL ? number(colon + 1, 10, INT32_MAX) : -1;

	if (v >= 0)
		*colon = 0;
	return (int)v;
}

/* What the key of ftok(3) is made of. */
static int
by_ftok(const struct sem *s, char *path, key_t *key)
{
	char *comma = strrchr(path, ',');
	int64_t project = comma != NULL ? number(comma + 1, 0, 255) : -1;

	if (project <= 0)
		return bad(s, "behind the path stands a comma and a project "
			      "from 1 to 255");
	*comma = 0;
	*key = ftok(path, (int)project);
	if (*key == -1)
		return fail_say(s->cmd,
		    "%s: there is no file %s to make a key "
		    "of: %s",
		    out_safe(s->name), out_safe(path), strerror(errno));
	return CLI_DONE;
}

static int
missing(const struct sem *s)
{
	return fail_say(s->cmd,
	    "%s: there is no such set; `shunt sem ls` lists those that there "
	    "are",
	    out_safe(s->name));
}

/* The identifier that the name stands for. */
static int
identify(const struct sem *s, char *text, int *id)
{
	key_t key = 0;
	int64_t v;
	int rc;

	if (strncmp(text, "id=", 3) == 0) {
		v = number(text + 3, 10, INT32_MAX);
		if (v < 0)
			return bad(s, "that is no identifier");
		*id = (int)v;
		return CLI_DONE;
	}
	if (strncmp(text, "ftok=", 5) == 0) {
		rc = by_ftok(s, text + 5, &key);
		if (rc != CLI_DONE)
			return rc;
	} else {
		v = number(text, 0, UINT32_MAX);
		if (v < 0)
			return bad(s, "that is no key");
		key = (key_t)(uint32_t)v;
	}
	/* Key 0 would make a new, private set. */
	if (key == IPC_PRIVATE)
		return bad(s, "a set with key 0 is found by its identifier");
	*id = semget(key, 0, 0);
	if (*id >= 0)
		return CLI_DONE;
	return errno == ENOENT ? missing(s)
			       : fail_say(s->cmd, "%s: %s", out_safe(s->name),
				     strerror(errno));
}

int
sem_set_last(void)
{
	struct seminfo info;

	return semctl(0, 0, SEM_INFO, (union sem_arg){.info = &info});
}

int
sem_set_at(int at, struct sem_set *set)
{
	union sem_arg arg = {.buf = &set->ds};

	set->index = -1;
	/* Looking needs no right to read, where the kernel knows that call. */
	set->id = semctl(at, 0, SEM_STAT_ANY, arg);
	if (set->id < 0 && errno == EINVAL)
		set->id = semctl(at, 0, SEM_STAT, arg);
	return set->id < 0 ? -errno : 0;
}

int
sem_set_find(const struct sem *s, struct sem_set *set)
{
	char text[4096];
	int rc, index, id = -1, last = sem_set_last();

	if (strlen(s->name) >= sizeof(text))
		return bad(s, "it is too long");
	snprintf(text, sizeof(text), "%s", s->name + sizeof(SEM_SYSV) - 1);
	index = cut_index(text);
	rc = identify(s, text, &id);
	if (rc != CLI_DONE)
		return rc;
	for (int at = 0; at <= last; at++)
		if (sem_set_at(at, set) == 0 && set->id == id) {
			set->index = index;
			return CLI_DONE;
		}
	return missing(s);
}

const char *
sem_set_name(const struct sem_set *set)
{
	static char text[40];

	if (set->ds.sem_perm.__key != IPC_PRIVATE)
		snprintf(text, sizeof(text), SEM_SYSV "0x%08" PRIx32,
		    (uint32_t)set->ds.sem_perm.__key);
	else
		snprintf(text, sizeof(text), SEM_SYSV "id=%d", set->id);
	return text;
}

int
sem_set_index(const struct sem *s, const struct sem_set *set)
{
	unsigned long n = set->ds.sem_nsems;

	if (set->index < 0 && n > 1)
		fail_say(s->cmd,
		    "%s: the set has %lu semaphores; say which one: %s:0 to "
		    "%s:%lu",
		    out_safe(s->name), n, sem_set_name(set), sem_set_name(set),
		    n - 1);
	else if (set->index >= 0 && (unsigned long)set->index >= n)
		fail_say(s->cmd,
		    "%s: the set has %lu semaphores, numbered from 0",
		    out_safe(s->name), n);
	else
		return set->index < 0 ? 0 : set->index;
	return -1;
}
