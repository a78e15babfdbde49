/* SPDX-License-Identifier: MIT */
/* Seals of memfds: what nobody can do any more, not even who made it. */
#include <errno.h>
#include <fcntl.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/map.h"

_Static_assert(SHUNT_SEAL_SEAL == F_SEAL_SEAL, "the kernel's numbers");
_Static_assert(SHUNT_SEAL_SHRINK == F_SEAL_SHRINK, "the kernel's numbers");
_Static_assert(SHUNT_SEAL_GROW == F_SEAL_GROW, "the kernel's numbers");
_Static_assert(SHUNT_SEAL_WRITE == F_SEAL_WRITE, "the kernel's numbers");
/* F_SEAL_FUTURE_WRITE, since Linux 5.1; not every libc names it. */
_Static_assert(SHUNT_SEAL_FUTURE_WRITE == 0x10, "the kernel's numbers");

#define ALL                                                                    \
	(SHUNT_SEAL_SEAL | SHUNT_SEAL_SHRINK | SHUNT_SEAL_GROW |               \
	    SHUNT_SEAL_WRITE | SHUNT_SEAL_FUTURE_WRITE)

static int
no_memfd(const char *shown)
{
	return shunt__fail(-ENOTSUP,
	    "%s: only memory without a name (shunt_segment_anon, a memfd) can "
	    "be sealed",
	    shunt__quote(shown));
}

/*
 * Its seals, or a code.  Every file of a tmpfs answers; what has a name there
 * bears the seal against seals from birth, and is none of ours.
 */
static int
seals_of(int fd, const char *shown)
{
	struct stat st;
	int e, seals;

	if (fd < 0)
		return no_memfd(shown);
	seals = shunt__os.fcntl(fd, F_GET_SEALS, 0);
	if (seals == -EINVAL)
		return no_memfd(shown);
	e = seals < 0 ? seals : shunt__os.fstat(fd, &st);
	if (e < 0)
		return shunt__fail(e, "%s: its seals cannot be read: %s",
		    shunt__quote(shown), shunt__why(e));
	return st.st_nlink > 0 ? no_memfd(shown) : seals & ALL;
}

int
shunt_segment_seals(const struct shunt_segment *seg)
{
	return seg == NULL ? -EINVAL : seals_of(seg->fd, seg->shown);
}

int
shunt__raw_sealed(int fd, const char *shown)
{
	int seals = seals_of(fd, shown);

	if (seals < 0 && seals != -ENOTSUP)
		return seals;
	if (seals >= 0 && (seals & SHUNT_SEAL_SHRINK))
		return 0;
	return shunt__fail(SHUNT_E_KIND,
	    "%s: it is not sealed against shrinking: whoever has it could "
	    "cut it under us",
	    shunt__quote(shown));
}

static int
explain(const struct shunt_segment *seg, int e)
{
	const char *shown = shunt__quote(seg->shown);

	if (e == -EPERM)
		return shunt__fail(
		    e, "%s: it is sealed against further seals", shown);
	if (e == -EBUSY)
		return shunt__fail(e,
		    "%s: another mapping of it can still write; its owner "
		    "must unmap it first (shunt stat shows pids)",
		    shown);
	return shunt__fail(
	    e, "%s: it cannot be sealed: %s", shown, shunt__why(e));
}

/*
 * The kernel wants nobody to be able to write, and that includes us: our own
 * mapping gives way, the seal is set, what was mapped is mapped again for
 * reading.  The descriptor goes with it: before Linux 6.7 one that can write
 * cannot be mapped at all once the seal is there.
 */
static int
seal_writing(struct shunt_segment *seg, uint32_t seals)
{
	int e = shunt__raw_hide(seg), shown;

	if (e < 0)
		return explain(seg, e);
	e = shunt__os.fcntl(seg->fd, F_ADD_SEALS, (int)seals);
	if (e == 0) {
		seg->readonly = 1;
		seg->prot &= ~(uint32_t)SHUNT_PROT_WRITE;
		if (seg->prot == 0)
			seg->prot = SHUNT_PROT_READ;
		shunt__raw_weaken(seg);
	}
	shown = shunt__raw_show(seg);
	if (shown < 0)
		return shown;
	return e < 0 ? explain(seg, e) : 0;
}

int
shunt_segment_seal(struct shunt_segment *seg, uint32_t seals)
{
	int have, e;

	if (seg == NULL)
		return -EINVAL;
	if (seals & ~(uint32_t)ALL)
		return shunt__fail(-EINVAL, "%s: a seal of a newer version",
		    shunt__quote(seg->shown));
	have = seals_of(seg->fd, seg->shown);
	if (have < 0)
		return have;
	if ((have & SHUNT_SEAL_SEAL) && (seals & ~(uint32_t)have))
		return explain(seg, -EPERM);
	seals &= ~(uint32_t)have;
	if (seals == 0)
		return 0;
	if (seg->readonly)
		return shunt__fail(-EACCES,
		    "%s: it was opened for reading only; only who can write "
		    "can seal",
		    shunt__quote(seg->shown));
	if (seals & SHUNT_SEAL_WRITE)
		return seal_writing(seg, seals);
	e = shunt__os.fcntl(seg->fd, F_ADD_SEALS, (int)seals);
	return e < 0 ? explain(seg, e) : 0;
}
