/* SPDX-License-Identifier: MIT */
/* Descriptors and lock bytes, as machine.h has them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"
#include "os/os.h"

enum { FDS = 64, LOCKS = 128 };

/* Descriptor and description: dup() makes several of one. */
static struct {
	struct machine_node *node;
	int description;
} fds[FDS];

static struct held {
	int description;
	short type;
	off_t start, len;
} locks[LOCKS];
static int nlocks;

static int last_description;
static struct shunt__os real;

/* ---- descriptors ---- */

struct machine_node *
machine_node(int fd)
{
	return fd >= MACHINE_FD && fd < MACHINE_FD + FDS
		   ? fds[fd - MACHINE_FD].node
		   : NULL;
}

static int
take(struct machine_node *node, int description)
{
	for (int i = 0; i < FDS; i++) {
		if (fds[i].node != NULL)
			continue;
		fds[i].node = node;
		fds[i].description = description;
		return MACHINE_FD + i;
	}
	return -EMFILE;
}

static int
fake_open(const char *path, int flags, mode_t mode)
{
	struct machine_node *node = machine_find(path);

	(void)mode;
	if (node == NULL && flags & O_CREAT)
		node = machine_new_file(path);
	else if (node != NULL && flags & O_CREAT && flags & O_EXCL)
		return -EEXIST;
	return node == NULL ? -ENOENT : take(node, ++last_description);
}

/* With the last descriptor of a description its locks go. */
static int
fake_close(int fd)
{
	int gone;

	if (machine_node(fd) == NULL)
		return fd >= MACHINE_FD ? -EBADF : real.close(fd);
	gone = fds[fd - MACHINE_FD].description;
	fds[fd - MACHINE_FD].node = NULL;
	for (int i = 0; i < FDS; i++)
		if (fds[i].node != NULL && fds[i].description == gone)
			return 0;
	for (int i = nlocks - 1; i >= 0; i--)
		if (locks[i].description == gone)
			locks[i] = locks[--nlocks];
	return 0;
}

static int
fake_dup(int fd)
{
	struct machine_node *node = machine_node(fd);

	return node == NULL ? real.dup(fd)
			    : take(node, fds[fd - MACHINE_FD].description);
}

static int
fake_fcntl(int fd, int cmd, int arg)
{
	if (machine_node(fd) == NULL)
		return real.fcntl(fd, cmd, arg);
	return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC ? fake_dup(fd) : 0;
}

static ssize_t
fake_pread(int fd, void *buf, size_t n, off_t off)
{
	const struct machine_node *node = machine_node(fd);

	if (node == NULL)
		return real.pread(fd, buf, n, off);
	if (off < 0)
		return -EINVAL;
	if ((uint64_t)off >= node->size)
		return 0;
	if (n > node->size - (size_t)off)
		n = node->size - (size_t)off;
	memcpy(buf, node->bytes + off, n);
	return (ssize_t)n;
}

static int
fake_ftruncate(int fd, off_t size)
{
	struct machine_node *node = machine_node(fd);

	if (node == NULL)
		return real.ftruncate(fd, size);
	if (size < 0)
		return -EINVAL;
	if ((uint64_t)size > node->room)
		return -EFBIG;
	if ((size_t)size > node->size)
		memset(node->bytes + node->size, 0, (size_t)size - node->size);
	node->size = (size_t)size;
	return 0;
}

static ssize_t
fake_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	struct machine_node *node = machine_node(fd);

	if (node == NULL)
		return real.pwrite(fd, buf, n, off);
	if (off < 0)
		return -EINVAL;
	if ((uint64_t)off > node->room || n > node->room - (size_t)off)
		return -EFBIG;
	if ((size_t)off + n > node->size)
		fake_ftruncate(fd, off + (off_t)n);
	memcpy(node->bytes + off, buf, n);
	return (ssize_t)n;
}

static int
fake_fstat(int fd, struct stat *st)
{
	const struct machine_node *node = machine_node(fd);

	return node == NULL ? real.fstat(fd, st) : machine_node_stat(node, st);
}

static int
fake_birth(int fd, int64_t *ns)
{
	struct stat st;
	int e = fake_fstat(fd, &st);

	*ns = (int64_t)st.st_ino;
	return e;
}

static int
fake_fstatfs(int fd, struct statfs *sf)
{
	(void)fd;
	memset(sf, 0, sizeof(*sf));
	sf->f_type = TMPFS_MAGIC;
	return 0;
}

static int
fake_fallocate(int fd, int mode, off_t off, off_t len)
{
	const struct machine_node *node = machine_node(fd);

	(void)mode;
	if (node == NULL)
		return -EBADF;
	return off < 0 || len <= 0                  ? -EINVAL
	       : (uint64_t)(off + len) > node->size ? -ENOSPC
						    : 0;
}

static int
fake_nothing(int fd)
{
	return machine_node(fd) == NULL ? -EBADF : 0;
}

static int
fake_lease(int fd, int cmd, int arg)
{
	(void)cmd;
	(void)arg;
	return fake_nothing(fd);
}

/* ---- lock bytes ---- */

static int
overlap(const struct held *h, const struct flock *fl)
{
	return (h->len == 0 || fl->l_start < h->start + h->len) &&
	       (fl->l_len == 0 || h->start < fl->l_start + fl->l_len);
}

/* The lock of another description that is in the way, or NULL. */
static const struct held *
in_the_way(int description, const struct flock *fl)
{
	for (int i = 0; i < nlocks; i++)
		if (locks[i].description != description &&
		    (locks[i].type == F_WRLCK || fl->l_type == F_WRLCK) &&
		    overlap(&locks[i], fl))
			return &locks[i];
	return NULL;
}

/* Ours are of the same extent always: bytes, or a whole file. */
static int
fake_lock(int fd, int cmd, struct flock *fl)
{
	const struct held *other;
	int mine, i = 0;

	if (machine_node(fd) == NULL)
		return -EBADF;
	/* Locks belong to a file, and one alone has bytes. */
	if (machine_node(fd)->kind != MACHINE_IMAGE)
		return 0;
	mine = fds[fd - MACHINE_FD].description;
	other = fl->l_type == F_UNLCK ? NULL : in_the_way(mine, fl);
	if (cmd == F_OFD_GETLK) {
		fl->l_type = other == NULL ? F_UNLCK : other->type;
		return 0;
	}
	if (other != NULL)
		return -EAGAIN;
	while (i < nlocks &&
	       (locks[i].description != mine || locks[i].start != fl->l_start))
		i++;
	if (fl->l_type == F_UNLCK) {
		if (i < nlocks)
			locks[i] = locks[--nlocks];
		return 0;
	}
	if (i == LOCKS)
		return -ENOLCK;
	nlocks += i == nlocks;
	locks[i] = (struct held){mine, fl->l_type, fl->l_start, fl->l_len};
	return 0;
}

static pid_t
pid(void)
{
	return MACHINE_PID;
}

static uid_t
root(void)
{
	return 0;
}

/* ---- all of it ---- */

static void
install(void)
{
	real = shunt__os;
	shunt__os.open = fake_open;
	shunt__os.close = fake_close;
	shunt__os.pread = fake_pread;
	shunt__os.pwrite = fake_pwrite;
	shunt__os.ftruncate = fake_ftruncate;
	shunt__os.fallocate = fake_fallocate;
	shunt__os.fstat = fake_fstat;
	shunt__os.birth = fake_birth;
	shunt__os.fstatfs = fake_fstatfs;
	shunt__os.mmap = machine_mmap;
	shunt__os.munmap = machine_munmap;
	shunt__os.mprotect = machine_mprotect;
	shunt__os.madvise = machine_madvise;
	shunt__os.lock = fake_lock;
	shunt__os.lease = fake_lease;
	shunt__os.fcntl = fake_fcntl;
	shunt__os.fdatasync = fake_nothing;
	shunt__os.touch = fake_nothing;
	shunt__os.getpid = pid;
	shunt__os.gettid = pid;
	shunt__os.geteuid = root;
	shunt__os.dup = fake_dup;
	machine_files_table();
	machine_time_table();
}

int
machine_begin(unsigned char *bytes, size_t size)
{
	if (real.open == NULL)
		install();
	machine_files_begin(bytes, size);
	machine_time(1);
	return fake_open("/proc/self/fd/image", 0, 0);
}

void
machine_move(unsigned char *bytes, size_t size)
{
	machine_files_begin(bytes, size);
}

void
machine_end(void)
{
	int open = 0;

	for (int i = 0; i < FDS; i++)
		open += fds[i].node != NULL;
	if (open != 1 || nlocks != 0 || machine_mapped() != 0)
		abort();
	fds[0].node = NULL;
	machine_time(0);
}
