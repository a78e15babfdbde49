/* SPDX-License-Identifier: MIT */
/* All shared memory of the machine, place by place. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt/inspect.h>

#include "base/error.h"
#include "base/options.h"
#include "inspect/files.h"
#include "inspect/inspect.h"
#include "inspect/look.h"
#include "inspect/places.h"
#include "inspect/users.h"
#include "os/os.h"

#define ALL_PLACES ((1u << SHUNT_PLACES) - 1)
#define FILES_OF   (1u << SHUNT_PLACE_POSIX | 1u << SHUNT_PLACE_SEM)

struct shunt_scan {
	uint32_t places;
	uint32_t place;          /* the one it is at */
	size_t at;               /* of its files or infos */
	struct shunt__files shm; /* of POSIX and SEM */
	struct shunt__files mq;
	struct shunt__files huge;
	struct shunt__infos infos[SHUNT_PLACES]; /* as it was at the begin */
	struct shunt__users users;
	const struct shunt__use *last; /* who has what was told last */
};

static int
wants(const struct shunt_scan *s, uint32_t place)
{
	return (s->places >> place & 1) != 0;
}

static int
list_shm(struct shunt_scan *s)
{
	int e = shunt__files_list(&s->shm, SHUNT__SHM_DIR, &s->users);

	if (e < 0)
		return shunt__fail(e, "%s: %s", SHUNT__SHM_DIR, shunt__why(e));
	shunt__files_sort(&s->shm);
	return 0;
}

static int
list_sysv(struct shunt_scan *s)
{
	int e = 0;

	if (wants(s, SHUNT_PLACE_SYSV))
		e = shunt__list_sysv(&s->infos[SHUNT_PLACE_SYSV]);
	if (e == 0 && wants(s, SHUNT_PLACE_SEMSET))
		e = shunt__list_semsets(&s->infos[SHUNT_PLACE_SEMSET]);
	if (e == 0 && wants(s, SHUNT_PLACE_MSGQUEUE))
		e = shunt__list_msgqueues(&s->infos[SHUNT_PLACE_MSGQUEUE]);
	return e;
}

static int
list_mounts(struct shunt_scan *s)
{
	int e = 0;

	if (wants(s, SHUNT_PLACE_MQ))
		e = shunt__list_mounts(&s->mq, "mqueue", &s->users);
	if (e == 0 && wants(s, SHUNT_PLACE_HUGETLB))
		e = shunt__list_mounts(&s->huge, "hugetlbfs", &s->users);
	return e < 0 ? shunt__fail(e, "out of memory") : 0;
}

static int
list_users(struct shunt_scan *s)
{
	int e = 0;

	if (s->users.wanted || s->users.anon)
		e = shunt__users_read(&s->users, -1);
	if (e < 0)
		return shunt__fail(e, "out of memory");
	for (uint32_t p = SHUNT_PLACE_MEMFD;
	     e == 0 && p <= SHUNT_PLACE_UNLINKED; p++)
		if (wants(s, p))
			e = shunt__list_anon(
			    &s->infos[p], p, &s->users, &s->shm);
	return e;
}

/* Names first, then /proc: what gets its name in between is not taken for
 * something without one. */
static int
list_all(struct shunt_scan *s)
{
	int e = 0;

	if (s->places & (FILES_OF | 1u << SHUNT_PLACE_UNLINKED))
		e = list_shm(s);
	if (e == 0)
		e = list_sysv(s);
	if (e == 0)
		e = list_mounts(s);
	return e < 0 ? e : list_users(s);
}

static int
read_options(struct shunt_scan *s, const struct shunt_scan_options *opts)
{
	struct shunt_scan_options o;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0 || o.reserved != 0 || o.flags > SHUNT_SCAN_USERS ||
	    (o.places & ~ALL_PLACES) != 0)
		return shunt__options_refuse(opts);
	s->places = o.places != 0
			? o.places
			: 1u << SHUNT_PLACE_POSIX | 1u << SHUNT_PLACE_SYSV;
	s->users.wanted = (o.flags & SHUNT_SCAN_USERS) != 0;
	s->users.anon =
	    wants(s, SHUNT_PLACE_MEMFD) || wants(s, SHUNT_PLACE_UNLINKED);
	return 0;
}

int
shunt_scan_open(struct shunt_scan **out, const struct shunt_scan_options *opts)
{
	struct shunt_scan *s;
	int e;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	e = read_options(s, opts);
	if (e == 0)
		e = list_all(s);
	if (e < 0) {
		shunt_scan_close(&s);
		return e;
	}
	*out = s;
	return 0;
}

static void
shown_name(const struct shunt__file *file, char *name, size_t room)
{
	shunt__files_name(file->path, name, room);
	if (file->sem) {
		/* "/sem.n" is five bytes before its name, and so is this. */
		memcpy(name, "sem:/", strlen("sem:/"));
	}
}

/* What may not be opened still has what stat(2) tells. */
static int
from_outside(struct shunt_scan *s, const struct shunt__file *file,
    struct shunt_segment_info *info)
{
	char name[PATH_MAX + 8];
	struct stat st;

	if (shunt__os.lstat(file->path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	shown_name(file, name, sizeof(name));
	shunt__info_file(info, name, &st);
	info->place = s->place;
	shunt__users_read(&s->users, -1);
	if (shunt__users_of(&s->users, info) != NULL)
		info->state = SHUNT_STATE_LIVE;
	if (s->users.wanted)
		shunt__users_tell(&s->users, info);
	return 1;
}

/*
 * libc's semaphore: its first word is what is free, in glibc and musl; in the
 * 16 bytes of glibc's of 32 bits a bit below it tells of sleepers.
 */
static void
tell_sem(const struct shunt__look *look, struct shunt_segment_info *info)
{
	int32_t value;

	if (shunt__look_read(look, 0, &value, sizeof(value)) != 0)
		return;
	info->value = sizeof(long) == 4 ? (uint32_t)value >> 1
					: (uint32_t)value & INT32_MAX;
}

/* 0 if it is gone since the listing. */
static int
from_file(struct shunt_scan *s, const struct shunt__file *file,
    struct shunt_segment_info *info)
{
	char name[PATH_MAX + 8];
	struct shunt__look look;

	shunt__files_name(file->path, name, sizeof(name));
	if (shunt__look_open(&look, name, NULL, 1) < 0)
		return from_outside(s, file, info);
	shunt__info_fill(&look, &s->users, info, NULL, 0);
	info->place = s->place;
	if (s->place == SHUNT_PLACE_SEM) {
		shown_name(file, info->name, sizeof(info->name));
		tell_sem(&look, info);
	}
	shunt__look_close(&look);
	return 1;
}

/* A descriptor is all that one can have of it; a queue without is idle, for
 * its messages wait for the next who comes. */
static int
next_mq(struct shunt_scan *s, struct shunt_segment_info *info)
{
	while (s->at < s->mq.n) {
		if (!shunt__info_mq(s->mq.all[s->at++].path, info))
			continue;
		shunt__users_read(&s->users, -1);
		if (shunt__users_of(&s->users, info) != NULL)
			info->state = SHUNT_STATE_LIVE;
		else if (s->users.read && !s->users.hidden)
			info->state = SHUNT_STATE_IDLE;
		if (s->users.wanted)
			shunt__users_tell(&s->users, info);
		return 1;
	}
	return 0;
}

/* The next of the files of this place that is still there: 1, or 0. */
static int
next_file(struct shunt_scan *s, const struct shunt__files *files,
    struct shunt_segment_info *info)
{
	int sem = s->place == SHUNT_PLACE_SEM;

	while (s->at < files->n) {
		const struct shunt__file *file = &files->all[s->at++];
		if (file->sem == sem && from_file(s, file, info))
			return 1;
	}
	return 0;
}

static int
next_info(struct shunt_scan *s, struct shunt_segment_info *info)
{
	const struct shunt__infos *list = &s->infos[s->place];

	if (s->at == list->n)
		return 0;
	*info = list->all[s->at++];
	if (s->users.wanted)
		shunt__users_tell(&s->users, info);
	return 1;
}

static int
next_of_place(struct shunt_scan *s, struct shunt_segment_info *info)
{
	if (!wants(s, s->place))
		return 0;
	switch (s->place) {
	case SHUNT_PLACE_POSIX:
	case SHUNT_PLACE_SEM:
		return next_file(s, &s->shm, info);
	case SHUNT_PLACE_MQ:
		return next_mq(s, info);
	case SHUNT_PLACE_HUGETLB:
		return next_file(s, &s->huge, info);
	default:
		return next_info(s, info);
	}
}

int
shunt_scan_next(struct shunt_scan *s, struct shunt_segment_info *info)
{
	struct shunt_segment_info all;
	int e;

	if (s == NULL || info == NULL)
		return -EINVAL;
	s->last = NULL;
	while (s->place < SHUNT_PLACES) {
		if (next_of_place(s, &all) == 0) {
			s->place++;
			s->at = 0;
			continue;
		}
		if (all.users > 0)
			s->last = shunt__users_of(&s->users, &all);
		e = shunt__answer_write(info, &all, sizeof(all));
		return e < 0 ? e : 1;
	}
	return 0;
}

int
shunt_scan_users(struct shunt_scan *s, int64_t *pids, size_t cap)
{
	if (s == NULL || !s->users.wanted || (pids == NULL && cap > 0))
		return shunt__fail(-EINVAL,
		    "the users were not asked for when the scan began");
	if (s->last == NULL)
		return 0;
	for (uint32_t i = 0; i < s->last->n && i < cap; i++)
		pids[i] = s->last->pids[i];
	return (int)s->last->n;
}

void
shunt_scan_close(struct shunt_scan **scan)
{
	struct shunt_scan *s = scan != NULL ? *scan : NULL;

	if (s == NULL)
		return;
	shunt__files_free(&s->shm);
	shunt__files_free(&s->mq);
	shunt__files_free(&s->huge);
	for (int i = 0; i < SHUNT_PLACES; i++)
		shunt__infos_free(&s->infos[i]);
	shunt__users_clear(&s->users);
	free(s);
	*scan = NULL;
}
