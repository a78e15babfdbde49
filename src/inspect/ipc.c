/* SPDX-License-Identifier: MIT */
/*
 * System V semaphore sets and message queues.  Nobody has them open: the
 * kernel cannot tell who means to come back, so their state is not known.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "inspect/places.h"
#include "os/os.h"

static struct shunt_segment_info *
add(struct shunt__infos *list, int id, const struct ipc_perm *perm,
    const char *what)
{
	struct shunt_segment_info *info = shunt__infos_add(list);

	if (info == NULL)
		return NULL;
	if (perm->__key != 0)
		snprintf(info->name, sizeof(info->name), "%s:0x%08x", what,
		    (uint32_t)perm->__key);
	else
		snprintf(info->name, sizeof(info->name), "%s:id=%d", what, id);
	info->uid = perm->uid;
	info->gid = perm->gid;
	info->mode = perm->mode & 0777;
	info->sysv_id = id;
	info->sysv_key = perm->__key;
	info->inode = (uint32_t)id;
	return info;
}

static int
by_id(const void *va, const void *vb)
{
	const struct shunt_segment_info *a = va, *b = vb;

	return (a->sysv_id > b->sysv_id) - (a->sysv_id < b->sysv_id);
}

static void
sort(struct shunt__infos *list)
{
	if (list->n > 1)
		qsort(list->all, list->n, sizeof(list->all[0]), by_id);
}

/* Not in this kernel, or forbidden to us: then there are none. */
static int
none_or(int e, const char *what)
{
	if (e == -ENOSYS || e == -EPERM || e == -EACCES)
		return 0;
	return shunt__fail(e, "%s of System V: %s", what, shunt__why(e));
}

int
shunt__list_semsets(struct shunt__infos *list)
{
	struct shunt_segment_info *info;
	struct semid_ds ds;
	struct seminfo all;
	int last = shunt__os.semctl(0, 0, SEM_INFO, &all);

	if (last < 0)
		return none_or(last, "semaphore sets");
	for (int i = 0; i <= last; i++) {
		int id = shunt__os.semctl(i, 0, SEM_STAT_ANY, &ds);
		if (id == -EINVAL) /* a gap, or before Linux 4.17 */
			id = shunt__os.semctl(i, 0, SEM_STAT, &ds);
		if (id < 0)
			continue;
		info = add(list, id, &ds.sem_perm, "semset");
		if (info == NULL)
			return -ENOMEM;
		info->place = SHUNT_PLACE_SEMSET;
		info->most = (uint32_t)ds.sem_nsems;
		info->mtime_ns = (ds.sem_otime > ds.sem_ctime ? ds.sem_otime
							      : ds.sem_ctime) *
				 INT64_C(1000000000);
	}
	sort(list);
	return 0;
}

int
shunt__list_msgqueues(struct shunt__infos *list)
{
	struct shunt_segment_info *info;
	struct msqid_ds ds;
	struct msginfo all;
	int last = shunt__os.msgctl(0, MSG_INFO, &all);

	if (last < 0)
		return none_or(last, "message queues");
	for (int i = 0; i <= last; i++) {
		int id = shunt__os.msgctl(i, MSG_STAT_ANY, &ds);
		if (id == -EINVAL) /* a gap, or before Linux 4.17 */
			id = shunt__os.msgctl(i, MSG_STAT, &ds);
		if (id < 0)
			continue;
		info = add(list, id, &ds.msg_perm, "msg");
		if (info == NULL)
			return -ENOMEM;
		info->place = SHUNT_PLACE_MSGQUEUE;
		info->size = ds.msg_qbytes;
		info->used = ds.__msg_cbytes;
		info->messages = ds.msg_qnum;
		info->last_pid =
		    ds.msg_stime > ds.msg_rtime ? ds.msg_lspid : ds.msg_lrpid;
		int64_t t = ds.msg_ctime;
		t = ds.msg_stime > t ? ds.msg_stime : t;
		t = ds.msg_rtime > t ? ds.msg_rtime : t;
		info->mtime_ns = t * INT64_C(1000000000);
	}
	sort(list);
	return 0;
}
