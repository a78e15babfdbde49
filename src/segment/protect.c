/* SPDX-License-Identifier: MIT */
/* What this process may do with a mapping, and what its descriptor may. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/map.h"

void
shunt__raw_weaken(struct shunt_segment *seg)
{
	int flags = shunt__os.fcntl(seg->fd, F_GETFL, 0);
	char self[40];

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", seg->fd);
	int fd = shunt__os.open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0)
		return;
	shunt__os.close(seg->fd);
	seg->fd = fd;
}

int
shunt__raw_hide(struct shunt_segment *seg)
{
	void *at = seg->map;

	/* Not unmapped: else another thread's mapping might take the place. */
	return shunt__os.mmap_at(&at, seg->map_size, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

int
shunt__raw_show(struct shunt_segment *seg)
{
	void *at = seg->map;
	size_t lead = (size_t)(seg->data - seg->map);
	int e =
	    shunt__os.mmap_at(&at, seg->map_size, shunt__raw_prot(seg->prot),
		MAP_SHARED | MAP_FIXED, seg->fd, (off_t)(seg->offset - lead));

	if (e < 0)
		return shunt__fail(e,
		    "%s: it cannot be mapped again: %s; close it",
		    shunt__quote(seg->shown), shunt__why(e));
	return shunt__raw_settle(seg);
}

int
shunt_segment_protect(struct shunt_segment *seg, uint32_t prot)
{
	int e;

	if (seg == NULL)
		return -EINVAL;
	if (!shunt__raw_prot_ok(prot))
		return shunt__fail(-EINVAL,
		    "%s: a protection is SHUNT_PROT_NONE alone, or of READ, "
		    "WRITE and EXEC",
		    shunt__quote(seg->shown));
	if ((prot & SHUNT_PROT_WRITE) && seg->readonly)
		return shunt__fail(-EACCES,
		    "%s: it was opened for reading only; open it for writing",
		    shunt__quote(seg->shown));
	e = shunt__os.mprotect(seg->map, seg->map_size, shunt__raw_prot(prot));
	if (e < 0)
		return shunt__fail(e,
		    "%s: its protection cannot be changed: %s",
		    shunt__quote(seg->shown), shunt__why(e));
	seg->prot = prot;
	return 0;
}
