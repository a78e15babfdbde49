/* SPDX-License-Identifier: MIT */
/* Changing and removing System V segments: IPC_SET, IPC_RMID, SHM_LOCK. */
#include <errno.h>

#include "base/error.h"
#include "base/options.h"
#include "os/os.h"
#include "segment/sysv.h"

/* Of shmctl(2) on what @info shows: what it means, in a sentence. */
static int
explain(int e, const struct shunt__name *name,
    const struct shunt_sysv_info *info, const char *what)
{
	if (shunt__sysv_code(e) == -ENOENT)
		return shunt__sysv_gone(name);
	if (e == -EPERM || e == -EACCES)
		return shunt__fail(e,
		    "%s: you may not %s: only its owner (user %u), its creator "
		    "(user %u) or root may",
		    shunt__quote(name->shown), what, info->uid, info->cuid);
	return shunt__fail(e, "%s: you cannot %s: %s",
	    shunt__quote(name->shown), what, shunt__why(e));
}

/*
 * Its count is right in every namespace, and drops with who dies.  Who attaches
 * between this look and IPC_RMID keeps it, as always, but without the key:
 * there is no lock that would keep him out.
 */
static int
may_go(const struct shunt__name *name, const struct shunt_sysv_info *info,
    uint32_t flags)
{
	const char *shown = shunt__quote(name->shown);

	if (!(flags & (SHUNT_REMOVE_ORPHAN | SHUNT_REMOVE_IDLE)))
		return 0;
	if (info->attached != 0)
		return shunt__fail(-EBUSY, "%s: it is attached %llu time%s",
		    shown, (unsigned long long)info->attached,
		    info->attached > 1 ? "s" : "");
	if (flags & SHUNT_REMOVE_IDLE)
		return 0;
	return shunt__fail(-EBUSY,
	    "%s: it is System V's: nobody can tell whether it is meant to "
	    "stay; shunt rm removes it, and shunt clean --idle with its name",
	    shown);
}

int
shunt__sysv_remove(
    const struct shunt__name *name, const char *owner, uint32_t flags)
{
	struct shunt_sysv_info info;
	int e = shunt__sysv_reach(name, owner, &info);

	if (e == 0)
		e = may_go(name, &info, flags);
	if (e < 0)
		return e;
	e = shunt__os.shmctl(info.id, IPC_RMID, NULL);
	return e < 0 ? explain(e, name, &info, "remove it") : 0;
}

/* IPC_SET takes owner, group and mode at once: the others as they are. */
static int
set(const struct shunt__name *name, const struct shunt_sysv_info *info,
    const char *what)
{
	struct shmid_ds ds = {0};
	int e;

	ds.shm_perm.uid = info->uid;
	ds.shm_perm.gid = info->gid;
	ds.shm_perm.mode = (unsigned short)info->mode;
	e = shunt__os.shmctl(info->id, IPC_SET, &ds);
	return e < 0 ? explain(e, name, info, what) : 0;
}

int
shunt__sysv_set_mode(const struct shunt__name *name, uint32_t mode)
{
	struct shunt_sysv_info info;
	int e = shunt__sysv_reach(name, NULL, &info);

	if (e < 0)
		return e;
	info.mode = mode;
	return set(name, &info, "change its mode");
}

int
shunt__sysv_set_owner(
    const struct shunt__name *name, const char *user, const char *group)
{
	struct shunt_sysv_info info;
	int e = shunt__sysv_reach(name, NULL, &info);

	if (e == 0 && user != NULL)
		e = shunt__user_number(user, &info.uid);
	if (e == 0 && group != NULL)
		e = shunt__group_number(group, &info.gid);
	return e < 0 ? e : set(name, &info, "change its owner");
}

int
shunt__sysv_keep(int id, int on, const struct shunt__name *name)
{
	int e = shunt__os.shmctl(id, on ? SHM_LOCK : SHM_UNLOCK, NULL);

	if (e >= 0)
		return 0;
	if (shunt__sysv_code(e) == -ENOENT)
		return shunt__sysv_gone(name);
	if (e == -EPERM)
		return shunt__fail(e,
		    "%s: only its owner, its creator or root may lock it in "
		    "memory and unlock it, and their RLIMIT_MEMLOCK (ulimit "
		    "-l) must not be 0",
		    shunt__quote(name->shown));
	if (e == -ENOMEM)
		return shunt__fail(e,
		    "%s: it is larger than what you may still lock in memory "
		    "(RLIMIT_MEMLOCK, ulimit -l)",
		    shunt__quote(name->shown));
	return shunt__sysv_failed(
	    e, name, on ? "locked in memory" : "unlocked");
}

static int
parse(struct shunt__name *name, const char *text)
{
	int e = shunt__name_parse(name, text);

	if (e == 0 && name->backend != SHUNT__SYSV)
		return shunt__fail(SHUNT_E_NAME,
		    "\"%s\" is no System V segment; write sysv:0x1234, "
		    "sysv:id=N or sysv:ftok=PATH,N",
		    shunt__quote(text));
	return e;
}

int
shunt_sysv_lock(const char *text, int on)
{
	struct shunt__name name;
	int e = parse(&name, text);

	if (e == 0)
		e = shunt__sysv_find(&name);
	return e < 0 ? e : shunt__sysv_keep(e, on, &name);
}

int
shunt_sysv_stat(const char *text, struct shunt_sysv_info *info)
{
	struct shunt_sysv_info all;
	struct shunt__name name;
	int e;

	if (info == NULL)
		return shunt__fail(-EINVAL, "no place for the answer");
	e = parse(&name, text);
	if (e == 0)
		e = shunt__sysv_reach(&name, NULL, &all);
	if (e == 0 && shunt__answer_write(info, &all, sizeof(all)) < 0)
		return shunt__fail(-EINVAL, "sz is not set");
	return e;
}

int
shunt_sysv_id(const struct shunt_segment *seg)
{
	return seg != NULL && seg->sysv_id >= 0 ? seg->sysv_id : -EINVAL;
}
