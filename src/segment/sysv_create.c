/* SPDX-License-Identifier: MIT */
/*
 * Making System V segments.  One call makes it, with its key and its mode, so
 * that nobody sees it half made; a creator that is killed behind that call
 * leaves it as it was asked for, but for the group (see first_mode()).
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/sysv.h"

#define TRIES 1000

static int
check(const struct shunt__name *name, size_t size,
    const struct shunt_segment_options *o)
{
	const char *shown = shunt__quote(name->shown);

	if (name->by == SHUNT__SYSV_ID)
		return shunt__fail(-EINVAL,
		    "%s: the kernel gives identifiers; create it by a key "
		    "(sysv:0x1234, sysv:ftok=PATH,N) or as sysv:private",
		    shown);
	if (size == 0)
		return shunt__fail(
		    -EINVAL, "%s: a segment has at least 1 byte", shown);
	if (o->mode & ~0777u)
		return shunt__fail(-EINVAL,
		    "%s: mode %04o: System V has permission bits up to 0777",
		    shown, o->mode);
	if (o->flags & SHUNT_SEGMENT_UMASK)
		return shunt__fail(-ENOTSUP,
		    "%s: System V knows no umask: its modes are exact", shown);
	if (o->flags & SHUNT_SEGMENT_TRUNCATE)
		return shunt__fail(-ENOTSUP,
		    "%s: System V segments cannot be cut; remove it and make "
		    "it anew",
		    shown);
	return 0;
}

/* Which limit is it that has been reached?  Neither is of a disk. */
static int
no_space(const struct shunt__name *name, size_t size)
{
	struct shunt_sysv_limits limit = {.sz = sizeof(limit)};
	struct shunt_sysv_usage usage = {.sz = sizeof(usage)};
	const char *shown = shunt__quote(name->shown);
	uint64_t pages;

	if (shunt_sysv_limits(&limit) < 0 || shunt_sysv_usage(&usage) < 0)
		return shunt__fail(-ENOSPC,
		    "%s: a limit of System V is reached (kernel.shmmni, "
		    "kernel.shmall), not of a disk",
		    shown);
	pages = size / limit.page + (size % limit.page != 0);
	if (pages > limit.shmall || usage.pages > limit.shmall - pages)
		return shunt__fail(-ENOSPC,
		    "%s: %llu pages are wanted, and %llu of the %llu that "
		    "System V may have in all are taken (SHMALL, not a disk); "
		    "remove segments (shunt ls, shunt rm) or raise it (sysctl "
		    "kernel.shmall)",
		    shown, (unsigned long long)pages,
		    (unsigned long long)usage.pages,
		    (unsigned long long)limit.shmall);
	return shunt__fail(-ENOSPC,
	    "%s: there are %llu System V segments and there may be %llu "
	    "(SHMMNI, not a disk); remove some (shunt ls, shunt rm) or raise "
	    "it (sysctl kernel.shmmni)",
	    shown, (unsigned long long)usage.segments,
	    (unsigned long long)limit.shmmni);
}

static int
bad_size(const struct shunt__name *name, size_t size)
{
	struct shunt_sysv_limits limit = {.sz = sizeof(limit)};
	const char *shown = shunt__quote(name->shown);

	if (shunt_sysv_limits(&limit) == 0 && size > limit.shmmax)
		return shunt__fail(-EINVAL,
		    "%s: %zu bytes are more than a System V segment may have: "
		    "%llu (SHMMAX); make it smaller or raise it (sysctl "
		    "kernel.shmmax)",
		    shown, size, (unsigned long long)limit.shmmax);
	return shunt__fail(-EINVAL,
	    "%s: %zu bytes are more than a segment can have", shown, size);
}

static int
explain(int e, const struct shunt__name *name, size_t size)
{
	const char *shown = shunt__quote(name->shown);

	if (e == -EEXIST)
		return shunt__fail(e, "%s: it exists already", shown);
	if (e == -ENOSPC)
		return no_space(name, size);
	if (e == -EINVAL)
		return bad_size(name, size);
	if (e == -ENOMEM)
		return shunt__fail(e,
		    "%s: the kernel cannot promise %zu bytes of memory; make "
		    "it smaller, or see what takes the memory (shunt ls, "
		    "free -h)",
		    shown, size);
	return shunt__sysv_failed(e, name, "made");
}

/* Another group comes a call later: until then nobody has a group's rights,
 * for these would be our own group's. */
static int
first_mode(const struct shunt_segment_options *o)
{
	return (int)(o->group != NULL ? o->mode & 0707u : o->mode);
}

/* Huge pages where they can be had; else, for whatever reason, normal ones. */
static int
get(key_t key, size_t size, const struct shunt_segment_options *o)
{
	int flags = IPC_CREAT | IPC_EXCL | first_mode(o);
	int id = -ENOMEM;

	if (o->flags & SHUNT_SEGMENT_HUGE)
		id = shunt__os.shmget(key, size, flags | SHM_HUGETLB);
	if (id < 0 && id != -EEXIST)
		id = shunt__os.shmget(key, size, flags);
	return id;
}

static int
give_group(const struct shunt__name *name, int id,
    const struct shunt_segment_options *o)
{
	struct shmid_ds ds;
	uint32_t gid;
	int e = shunt__group_number(o->group, &gid);

	if (e < 0)
		return e;
	e = shunt__os.shmctl(id, IPC_STAT, &ds);
	if (e >= 0) {
		ds.shm_perm.gid = gid;
		ds.shm_perm.mode = (unsigned short)o->mode;
		e = shunt__os.shmctl(id, IPC_SET, &ds);
	}
	if (e < 0)
		return shunt__fail(e, "%s: group \"%s\": %s",
		    shunt__quote(name->shown), shunt__quote(o->group),
		    shunt__why(e));
	return 0;
}

/* What was just made and cannot be used goes, unless others came already. */
static void
withdraw(int id)
{
	struct shunt_sysv_info info;

	if (shunt__sysv_look(id, &info) < 0 || info.attached == 0)
		shunt__os.shmctl(id, IPC_RMID, NULL);
}

static int
make(struct shunt_segment **out, const struct shunt__name *name, key_t key,
    size_t size, const struct shunt_segment_options *o)
{
	struct shunt__name made = *name;
	struct shunt_sysv_info info;
	int id = get(key, size, o);
	int e = 0;

	if (id < 0)
		return explain(id, name, size);
	/* From here on a private one can be told from others. */
	if (name->by == SHUNT__SYSV_PRIVATE)
		snprintf(made.shown, sizeof(made.shown), "sysv:id=%d", id);
	if (o->group != NULL)
		e = give_group(&made, id, o);
	if (e == 0) {
		e = shunt__sysv_look(id, &info);
		e = e < 0 ? shunt__sysv_failed(e, &made, "looked at")
			  : shunt__sysv_map(out, &made, &info, o);
	}
	if (e < 0)
		withdraw(id);
	return e;
}

/* There already: the same size is fine, another one is an error. */
static int
adopt(struct shunt_segment **out, const struct shunt__name *name, size_t size,
    const struct shunt_segment_options *o)
{
	struct shunt_sysv_info info;
	int e = shunt__sysv_reach(name, o->owner, &info);

	if (e < 0)
		return e;
	if (info.size != size)
		return shunt__fail(-EEXIST,
		    "%s: it exists with %llu bytes, not %zu; open it as it is, "
		    "or remove it (shunt rm)",
		    shunt__quote(name->shown), (unsigned long long)info.size,
		    size);
	e = shunt__sysv_map(out, name, &info, o);
	return e < 0 ? e : 1;
}

int
shunt__sysv_create(struct shunt_segment **out, const struct shunt__name *name,
    size_t size, const struct shunt_segment_options *o)
{
	key_t key;
	int e = check(name, size, o);

	if (e == 0)
		e = shunt__sysv_key(name, &key);
	if (e < 0)
		return e;
	/* Whoever is quicker makes it; it may also go between our looks. */
	for (int i = 0; i < TRIES; i++) {
		e = make(out, name, key, size, o);
		if (e != -EEXIST || (o->flags & SHUNT_SEGMENT_EXCLUSIVE))
			return e;
		e = adopt(out, name, size, o);
		if (e != -ENOENT)
			return e;
	}
	return e;
}
