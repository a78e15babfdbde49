/* SPDX-License-Identifier: MIT */
/* Everything about one segment. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <shunt/inspect.h>

#include "base/error.h"
#include "base/options.h"
#include "inspect/inspect.h"
#include "inspect/look.h"
#include "inspect/parts.h"
#include "inspect/users.h"
#include "os/os.h"

static int64_t
nanoseconds(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec;
}

void
shunt__info_file(
    struct shunt_segment_info *info, const char *shown, const struct stat *st)
{
	memset(info, 0, sizeof(*info));
	info->sz = sizeof(*info);
	snprintf(info->name, sizeof(info->name), "%s", shown);
	info->size = (uint64_t)st->st_size;
	info->used = (uint64_t)st->st_blocks * 512;
	info->uid = st->st_uid;
	info->gid = st->st_gid;
	info->mode = st->st_mode & 07777;
	info->mtime_ns = nanoseconds(&st->st_mtim);
	info->inode = st->st_ino;
	info->device = st->st_dev;
	info->sysv_id = -1;
}

/*
 * Has anybody a foreign file open or mapped, in any namespace?  The kernel
 * grants a lease for writing only if nobody has.  It is given back at once;
 * whoever opens the file in between makes the kernel send a signal, so it is
 * one that is ignored unless somebody asked for it.
 */
static uint32_t
ask_lease(const struct shunt__look *look)
{
	int e;

	shunt__os.lease(look->fd, F_SETSIG, SIGURG);
	e = shunt__os.lease(look->fd, F_SETLEASE, F_WRLCK);
	if (e == 0) {
		shunt__os.lease(look->fd, F_SETLEASE, F_UNLCK);
		return SHUNT_STATE_IDLE;
	}
	return e == -EAGAIN ? SHUNT_STATE_LIVE : SHUNT_STATE_UNKNOWN;
}

/* Is somebody to be seen who has it?  0 also where /proc cannot be read. */
static int
seen(const struct shunt__look *look, struct shunt__users *users,
    const struct shunt_segment_info *info)
{
	shunt__users_device(users, look->st.st_dev);
	return shunt__users_read(users, look->fd) == 0 &&
	       shunt__users_of(users, info) != NULL;
}

static uint32_t
raw_state(const struct shunt__look *look, struct shunt__users *users,
    const struct shunt_segment_info *info)
{
	uint32_t state;

	/* Who names it has it.  On memfds a lease is granted all the same: the
	 * kernel does not count their first descriptor as a writer. */
	if (info->place == SHUNT_PLACE_MEMFD ||
	    info->place == SHUNT_PLACE_UNLINKED)
		return SHUNT_STATE_HELD;
	state = ask_lease(look);
	/* Not ours to lease: then whoever can be seen. */
	if (state == SHUNT_STATE_UNKNOWN && seen(look, users, info))
		state = SHUNT_STATE_LIVE;
	return state;
}

/*
 * Nobody has attached the object.  Somebody may have it open or mapped all the
 * same, as any file.  Where users are not asked for, this is not, either: the
 * lease makes those wait who open it now.
 */
static uint32_t
unattached_state(const struct shunt__look *look, struct shunt__users *users,
    const struct shunt_segment_info *info)
{
	uint32_t lease;

	if (!users->wanted)
		return info->state;
	lease = ask_lease(look);
	if (lease == SHUNT_STATE_LIVE ||
	    (lease == SHUNT_STATE_UNKNOWN && seen(look, users, info)))
		return SHUNT_STATE_LIVE;
	return info->state;
}

static void
stat_object(const struct shunt__look *look, struct shunt__users *users,
    struct shunt_segment_info *info, struct shunt__parts *parts)
{
	/* Something for the next one who comes? */
	int left = shunt__info_object(look, info, parts);

	/* Asked last: who came while we looked is not nobody. */
	if (shunt__look_held(look, SHUNT__BYTE_ATTACHED))
		info->state = SHUNT_STATE_LIVE;
	else if (!info->persistent && !left)
		info->state = SHUNT_STATE_ORPHAN;
	else
		info->state = SHUNT_STATE_IDLE;
	if (info->state != SHUNT_STATE_LIVE)
		info->state = unattached_state(look, users, info);
}

/* A memfd and a file whose name is gone are told apart by what /proc calls
 * them; only a descriptor of ours leads to either. */
static uint32_t
place_of_fd(const struct shunt__look *look)
{
	char link[16] = "";

	if (look->st.st_nlink != 0)
		return SHUNT_PLACE_FILE;
	shunt__os.readlink(look->name.path, link, sizeof(link) - 1);
	if (strncmp(link, "/memfd:", 7) == 0)
		return SHUNT_PLACE_MEMFD;
	return strncmp(link, SHUNT__SHM_DIR "/", 9) == 0 ? SHUNT_PLACE_UNLINKED
							 : SHUNT_PLACE_FILE;
}

/* Another file system may be mounted in a directory of /dev/shm. */
static uint32_t
place_of(const struct shunt__look *look)
{
	const char *path = look->name.path;
	size_t dir = strlen(SHUNT__SHM_DIR "/");
	int in_shm = strncmp(path, SHUNT__SHM_DIR "/", dir) == 0;
	struct statfs sf;

	if (look->name.backend == SHUNT__FD)
		return place_of_fd(look);
	if (shunt__is_sem(path, (uint64_t)look->st.st_size))
		return SHUNT_PLACE_SEM;
	if (in_shm && strchr(path + dir, '/') == NULL)
		return SHUNT_PLACE_POSIX;
	if (shunt__os.fstatfs(look->fd, &sf) == 0 &&
	    (uint32_t)sf.f_type == HUGETLBFS_MAGIC)
		return SHUNT_PLACE_HUGETLB;
	return in_shm ? SHUNT_PLACE_POSIX : SHUNT_PLACE_FILE;
}

/* After the state, which is asked of the kernel, and settles most of it. */
static void
stat_users(const struct shunt__look *look, struct shunt__users *users,
    struct shunt_segment_info *info)
{
	if (!users->wanted)
		return;
	shunt__users_device(users, look->st.st_dev);
	if (info->state != SHUNT_STATE_IDLE || info->kind != SHUNT_KIND_RAW)
		shunt__users_read(users, look->fd);
	shunt__users_tell(users, info);
}

int
shunt__info_fill(const struct shunt__look *look, struct shunt__users *users,
    struct shunt_segment_info *info, struct shunt_participant *to, size_t cap)
{
	struct shunt__parts parts = {to, to != NULL ? cap : 0, 0};

	shunt__info_file(info, look->name.shown, &look->st);
	info->place = place_of(look);
	if (look->code == 1) {
		info->kind = SHUNT_KIND_RAW;
		info->state = raw_state(look, users, info);
	} else if (look->code < 0) {
		info->kind = SHUNT_KIND_OTHER;
		info->state = SHUNT_STATE_UNKNOWN;
		info->layout = look->header.hd_layout;
	} else {
		stat_object(look, users, info, &parts);
	}
	stat_users(look, users, info);
	return (int)parts.n; /* of a lane or a slot each */
}

int
shunt_segment_stat(const char *name, struct shunt_segment_info *info,
    struct shunt_participant *list, size_t cap)
{
	struct shunt_segment_info all;
	struct shunt__look look;
	struct shunt__name parsed;
	struct shunt__users users = {.wanted = 1};
	int n = 0, e;

	if (info == NULL)
		return shunt__fail(-EINVAL, "no place for the answer");
	e = shunt__name_parse(&parsed, name);
	if (e == 0 && parsed.backend == SHUNT__SYSV) {
		e = shunt__info_sysv(&parsed, &all);
		if (e == 0 && all.attached > 0)
			e = shunt__users_read(&users, -1);
		if (e == 0)
			shunt__users_tell(&users, &all);
	} else if (e == 0) {
		e = shunt__look_open(&look, name, NULL, 1);
		if (e == 0) {
			users.anon = parsed.backend == SHUNT__FD;
			n = shunt__info_fill(&look, &users, &all, list, cap);
			shunt__look_close(&look);
		}
	}
	shunt__users_clear(&users);
	if (e < 0)
		return e;
	e = shunt__answer_write(info, &all, sizeof(all));
	return e < 0 ? shunt__fail(e, "sz is not set") : n;
}
