/* SPDX-License-Identifier: MIT */
/* System V segments: finding one by its name, and opening it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/options.h"
#include "os/os.h"
#include "segment/sysv.h"

/* How often a search begins anew because somebody removes what it found. */
#define TRIES 1000

int
shunt__sysv_code(int e)
{
	return e == -EIDRM || e == -EINVAL ? -ENOENT : e;
}

int
shunt__sysv_gone(const struct shunt__name *name)
{
	return shunt__fail(-ENOENT,
	    "%s: there is no such segment; shunt ls shows those that there are",
	    shunt__quote(name->shown));
}

int
shunt__sysv_denied(int e, const struct shunt__name *name,
    const struct shunt_sysv_info *info, const char *what)
{
	return shunt__fail(e,
	    "%s: you may not %s: it belongs to user %u and group %u, and its "
	    "mode is %04o; they, its creator (user %u) or root can change that "
	    "(shunt chmod)",
	    shunt__quote(name->shown), what, info->uid, info->gid, info->mode,
	    info->cuid);
}

int
shunt__sysv_failed(int e, const struct shunt__name *name, const char *what)
{
	const char *shown = shunt__quote(name->shown);

	if (e == -ENOSYS)
		return shunt__fail(e,
		    "%s: this kernel has no System V shared memory; a POSIX "
		    "name (posix:/name) works everywhere",
		    shown);
	return shunt__fail(
	    e, "%s: it cannot be %s: %s", shown, what, shunt__why(e));
}

/* As ftok(3): the low bits of inode and device, and the project above them. */
int
shunt__sysv_key(const struct shunt__name *name, key_t *key)
{
	struct stat st;
	int fd, e;

	*key = name->by == SHUNT__SYSV_KEY ? name->number : IPC_PRIVATE;
	if (name->by != SHUNT__SYSV_FTOK)
		return 0;
	fd = shunt__os.open(name->path, O_PATH | O_CLOEXEC, 0);
	e = fd < 0 ? fd : shunt__os.fstat(fd, &st);
	if (fd >= 0)
		shunt__os.close(fd);
	if (e < 0)
		return shunt__fail(e,
		    "%s: its key is made from the file %s, which cannot be "
		    "found: %s",
		    shunt__quote(name->shown), shunt__quote(name->path),
		    shunt__why(e));
	*key = (key_t)(((uint32_t)name->number & 0xff) << 24 |
		       ((uint32_t)st.st_dev & 0xff) << 16 |
		       ((uint32_t)st.st_ino & 0xffff));
	return 0;
}

static void
tell(struct shunt_sysv_info *info, int id, const struct shmid_ds *ds)
{
	uint64_t page = (uint64_t)getpagesize();

	memset(info, 0, sizeof(*info));
	info->sz = sizeof(*info);
	info->id = id;
	info->key = ds->shm_perm.__key;
	info->size = ds->shm_segsz;
	info->rounded = (info->size + page - 1) / page * page;
	info->uid = ds->shm_perm.uid;
	info->gid = ds->shm_perm.gid;
	info->cuid = ds->shm_perm.cuid;
	info->cgid = ds->shm_perm.cgid;
	info->mode = ds->shm_perm.mode & 0777;
	info->flags = (ds->shm_perm.mode & SHM_DEST ? SHUNT_SYSV_DEST : 0) |
		      (ds->shm_perm.mode & SHM_LOCKED ? SHUNT_SYSV_LOCKED : 0);
	info->attached = ds->shm_nattch;
	info->creator_pid = ds->shm_cpid;
	info->last_pid = ds->shm_lpid;
	info->atime = ds->shm_atime;
	info->dtime = ds->shm_dtime;
	info->ctime = ds->shm_ctime;
}

int
shunt_sysv_index(int32_t index, struct shunt_sysv_info *info)
{
	struct shunt_sysv_info all;
	struct shmid_ds ds;
	int id;

	if (info == NULL)
		return shunt__fail(-EINVAL, "no place for the answer");
	id = shunt__os.shmctl(index, SHM_STAT_ANY, &ds);

	/* Before Linux 4.17 each command of that number is invalid. */
	if (id == -EINVAL)
		id = shunt__os.shmctl(index, SHM_STAT, &ds);
	if (id < 0)
		return shunt__fail(id, "segment %d of System V: %s", index,
		    id == -EINVAL ? "there is none" : shunt__why(id));
	tell(&all, id, &ds);
	return shunt__answer_write(info, &all, sizeof(all)) < 0
		   ? shunt__fail(-EINVAL, "sz is not set")
		   : 0;
}

int
shunt__sysv_look(int id, struct shunt_sysv_info *info)
{
	struct shunt_sysv_usage usage = {.sz = sizeof(usage)};
	struct shmid_ds ds;
	int e = shunt__os.shmctl(id, IPC_STAT, &ds);

	if (e >= 0) {
		tell(info, id, &ds);
		return 0;
	}
	if (e != -EACCES)
		return shunt__sysv_code(e);
	/* Not readable for us; the walk that ipcs(1) does shows it. */
	if (shunt_sysv_usage(&usage) < 0)
		return e;
	for (int32_t i = 0; i <= usage.highest; i++) {
		info->sz = sizeof(*info);
		if (shunt_sysv_index(i, info) == 0 && info->id == id)
			return 0;
	}
	return e;
}

int
shunt__sysv_find(const struct shunt__name *name)
{
	struct shmid_ds ds;
	key_t key;
	int id;

	if (name->by == SHUNT__SYSV_PRIVATE)
		return shunt__fail(SHUNT_E_NAME,
		    "sysv:private names no segment that exists, for each one "
		    "made so is new; use its identifier: sysv:id=N");
	if (name->by == SHUNT__SYSV_ID) {
		id = shunt__os.shmctl(name->number, IPC_STAT, &ds);
		id = id >= 0 || id == -EACCES ? name->number
					      : shunt__sysv_code(id);
	} else {
		int e = shunt__sysv_key(name, &key);
		if (e < 0)
			return e;
		/* No size and no mode: whoever may see it at all. */
		id = shunt__os.shmget(key, 0, 0);
	}
	if (id == -ENOENT)
		return shunt__sysv_gone(name);
	return id < 0 ? shunt__sysv_failed(id, name, "found") : id;
}

static int
check_owner(const struct shunt__name *name, const struct shunt_sysv_info *info,
    const char *owner)
{
	uint32_t wanted;
	int e;

	if (owner == NULL)
		return 0;
	e = shunt__user_number(owner, &wanted);
	if (e < 0 || wanted == info->uid)
		return e;
	return shunt__fail(SHUNT_E_OWNER,
	    "%s: it belongs to user %u, not to user %u; if that is meant, name "
	    "its owner (--owner=%u)",
	    shunt__quote(name->shown), info->uid, wanted, info->uid);
}

int
shunt__sysv_reach(const struct shunt__name *name, const char *owner,
    struct shunt_sysv_info *info)
{
	int e = -ENOENT;

	for (int i = 0; i < TRIES && e == -ENOENT; i++) {
		int id = shunt__sysv_find(name);
		if (id < 0)
			return id;
		e = shunt__sysv_look(id, info);
	}
	if (e == -ENOENT)
		return shunt__sysv_gone(name);
	if (e < 0)
		return shunt__sysv_failed(e, name, "looked at");
	return check_owner(name, info, owner);
}

int
shunt__sysv_open(struct shunt_segment **out, const struct shunt__name *name,
    const struct shunt_segment_options *o)
{
	struct shunt_sysv_info info;
	int e = -ENOENT;

	/* Removed between look and attach: then there may be a new one. */
	for (int i = 0; i < TRIES && e == -ENOENT; i++) {
		e = shunt__sysv_reach(name, o->owner, &info);
		if (e < 0)
			return e;
		e = shunt__sysv_map(out, name, &info, o);
	}
	return e;
}
