/* SPDX-License-Identifier: MIT */
#ifndef TEXTBOOK_MEET_H
#define TEXTBOOK_MEET_H

/*
 * How the plain programs meet at a name, whichever starts first.
 *
 * The tutorial's way is shm_open(O_CREAT), ftruncate(), and then to set up
 * what lies in the memory.  It has three holes: the other process may map the
 * name before it has its size (SIGBUS), or read it before it is set up; both
 * may set it up, the second one over the first; and ftruncate() reserves
 * nothing, so that a full /dev/shm is a SIGBUS at some store later.
 *
 * Here the memory is made without a name, reserved and set up, and then linked
 * to its name in one step.  Of two that do so at once one gets EEXIST, and
 * takes what the other has made.  Killed before the link, it leaves nothing.
 *
 * With libshunt all this is shunt_segment_create().
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A descriptor of new memory under this name, or -1: somebody was quicker. */
static inline int
meet_first(const char *name, size_t size, void (*prepare)(void *memory))
{
	char unnamed[64], path[NAME_MAX + 16];
	int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	void *memory;

	if (fd < 0)
		err(1, "/dev/shm");
	errno = posix_fallocate(fd, 0, (off_t)size);
	if (errno != 0)
		err(1, "%s: %zu bytes", name, size);
	if (prepare != NULL) {
		memory =
		    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (memory == MAP_FAILED)
			err(1, "%s: mmap", name);
		prepare(memory);
		munmap(memory, size);
	}
	snprintf(unnamed, sizeof(unnamed), "/proc/self/fd/%d", fd);
	snprintf(path, sizeof(path), "/dev/shm%s", name);
	if (linkat(AT_FDCWD, unnamed, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
		return fd;
	if (errno != EEXIST)
		err(1, "%s", path);
	close(fd);
	return -1;
}

/*
 * A descriptor of the memory with this name, made if it is missing.  `prepare`
 * sets up new memory, which is all zeros; NULL if zeros are right.
 */
static inline int
meet(const char *name, size_t size, void (*prepare)(void *memory))
{
	struct stat st;
	int fd;

	while ((fd = shm_open(name, O_RDWR, 0)) < 0) {
		if (errno != ENOENT)
			err(1, "%s", name);
		fd = meet_first(name, size, prepare);
		if (fd >= 0)
			return fd;
	}
	if (fstat(fd, &st) < 0)
		err(1, "%s", name);
	if (st.st_size != (off_t)size)
		errx(1, "%s: it has %lld bytes, not %zu: it is somebody else's",
		    name, (long long)st.st_size, size);
	return fd;
}

#endif /* TEXTBOOK_MEET_H */
