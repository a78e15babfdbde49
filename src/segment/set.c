/* SPDX-License-Identifier: MIT */
/* Mode and owner of what has a name.  Objects keep theirs in the inode, too. */
#include <errno.h>
#include <fcntl.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/map.h"
#include "segment/object.h"

/*
 * By a descriptor of the file that was looked at, never by its path: between
 * look and change the path may become somebody else's.  What its own mode
 * keeps us from reading we may still own: *path says that it is open as a
 * path only.
 */
static int
open_inode(const struct shunt__name *name, int *path)
{
	struct stat st;
	int fd = shunt__open_checked(name, O_RDONLY, NULL, 1, &st);

	*path = fd == -EACCES;
	if (*path)
		fd = shunt__open_checked(name, O_PATH, NULL, 1, &st);
	return fd;
}

static int
explain(const struct shunt__name *name, const char *what, int e)
{
	if (e == -EPERM)
		return shunt__fail(e, "%s: its %s: only %s may change that",
		    shunt__quote(name->shown), what,
		    *what == 'm' ? "its owner or root"
				 : "root, or its owner among his own groups,");
	return shunt__fail(e, "%s: its %s cannot be changed: %s",
	    shunt__quote(name->shown), what, shunt__why(e));
}

int
shunt_segment_set_mode(const char *text, uint32_t mode)
{
	struct shunt__name name;
	int path, fd, e = shunt__name_parse(&name, text);

	if (e < 0)
		return e;
	if (mode > 0777)
		return shunt__fail(-EINVAL, "%s: a mode is 0 to 0777, not %#o",
		    shunt__quote(name.shown), mode);
	if (name.backend == SHUNT__SYSV)
		return shunt__sysv_set_mode(&name, mode);
	fd = open_inode(&name, &path);
	if (fd < 0)
		return fd;
	e = path ? shunt__os.chmod_path(fd, mode) : shunt__os.fchmod(fd, mode);
	shunt__os.close(fd);
	return e < 0 ? explain(&name, "mode", e) : 0;
}

int
shunt_segment_set_owner(const char *text, const char *user, const char *group)
{
	uint32_t uid = UINT32_MAX, gid = UINT32_MAX; /* as they are */
	struct shunt__name name;
	int path, fd, e = shunt__name_parse(&name, text);

	if (e < 0)
		return e;
	if (name.backend == SHUNT__SYSV)
		return shunt__sysv_set_owner(&name, user, group);
	if (user != NULL)
		e = shunt__user_number(user, &uid);
	if (e == 0 && group != NULL)
		e = shunt__group_number(group, &gid);
	if (e < 0)
		return e;
	fd = open_inode(&name, &path);
	if (fd < 0)
		return fd;
	e = path ? shunt__os.chown_path(fd, uid, gid)
		 : shunt__os.fchown(fd, uid, gid);
	shunt__os.close(fd);
	return e < 0 ? explain(&name, "owner", e) : 0;
}
