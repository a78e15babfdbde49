/* SPDX-License-Identifier: MIT */
/* What System V allows on this machine, and what it has. */
#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "base/options.h"
#include "os/os.h"
#include "segment/sysv.h"

static int
answer(void *dst, const void *src, size_t size)
{
	return dst != NULL && shunt__answer_write(dst, src, size) == 0
		   ? 0
		   : shunt__fail(-EINVAL, "sz is not set");
}

static int
failed(int e)
{
	return shunt__fail(e, "System V shared memory: %s",
	    e == -ENOSYS ? "this kernel has none" : shunt__why(e));
}

int
shunt_sysv_limits(struct shunt_sysv_limits *limits)
{
	struct shunt_sysv_limits all = {.sz = sizeof(all)};
	struct shminfo info;
	int e = shunt__os.shmctl(0, IPC_INFO, &info);

	if (e < 0)
		return failed(e);
	all.shmmax = info.shmmax;
	all.shmmin = info.shmmin;
	all.shmmni = info.shmmni;
	all.shmseg = info.shmseg;
	all.shmall = info.shmall;
	all.page = (uint64_t)getpagesize();
	return answer(limits, &all, sizeof(all));
}

int
shunt_sysv_usage(struct shunt_sysv_usage *usage)
{
	struct shunt_sysv_usage all = {.sz = sizeof(all)};
	struct shm_info info;
	int e = shunt__os.shmctl(0, SHM_INFO, &info);

	if (e < 0)
		return failed(e);
	all.segments = (uint64_t)info.used_ids;
	all.pages = info.shm_tot;
	all.resident = info.shm_rss;
	all.swapped = info.shm_swp;
	/* The kernel says 0 both for the first and for none. */
	all.highest = info.used_ids == 0 ? -1 : e;
	return answer(usage, &all, sizeof(all));
}
