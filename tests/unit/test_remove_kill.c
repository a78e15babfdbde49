/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* A remover that dies before any of its system calls, and then a clean: what
 * was removed is gone whole, and everything else has its name and its bytes. */
#include "unit/unit.h"
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <shunt.h>

#include "os/os.h"
#include "unit/raw.h"

static const struct shunt_remove_options orphan = {
    .sz = sizeof(orphan), .flags = SHUNT_REMOVE_ORPHAN};
static const struct shunt_remove_options idle = {
    .sz = sizeof(idle), .flags = SHUNT_REMOVE_IDLE};

/* ---- death at the k-th call -------------------------------------------------
 */

#define SURVIVED 7

static struct shunt__os real;
static unsigned left; /* calls until death */

static void
live_on(void)
{
	if (left-- == 1)
		_exit(0);
}

static int
k_open(const char *path, int flags, mode_t mode)
{
	live_on();
	return real.open(path, flags, mode);
}

static int
k_close(int fd)
{
	live_on();
	return real.close(fd);
}

static int
k_fstat(int fd, struct stat *st)
{
	live_on();
	return real.fstat(fd, st);
}

static int
k_lstat(const char *path, struct stat *st)
{
	live_on();
	return real.lstat(path, st);
}

static ssize_t
k_pread(int fd, void *buf, size_t n, off_t off)
{
	live_on();
	return real.pread(fd, buf, n, off);
}

static int
k_lock(int fd, int cmd, struct flock *fl)
{
	live_on();
	return real.lock(fd, cmd, fl);
}

static int
k_lease(int fd, int cmd, int arg)
{
	live_on();
	return real.lease(fd, cmd, arg);
}

static int
k_rename(const char *from, const char *to)
{
	live_on();
	return real.rename_new(from, to);
}

static int
k_unlink(const char *path)
{
	live_on();
	return real.unlink(path);
}

static int
k_random(void *buf, size_t n)
{
	live_on();
	return real.getrandom(buf, n);
}

static void
die_at(unsigned k)
{
	left = k;
	real = shunt__os;
	shunt__os.open = k_open;
	shunt__os.close = k_close;
	shunt__os.fstat = k_fstat;
	shunt__os.lstat = k_lstat;
	shunt__os.pread = k_pread;
	shunt__os.lock = k_lock;
	shunt__os.lease = k_lease;
	shunt__os.rename_new = k_rename;
	shunt__os.unlink = k_unlink;
	shunt__os.getrandom = k_random;
}

/* A remover that dies at its @k-th call; 0 once it has not so many. */
static int
cut_off(const char *name, const struct shunt_remove_options *o, unsigned k)
{
	pid_t pid = fork();
	int e;

	if (pid == 0) {
		die_at(k);
		e = shunt_remove(name, o);
		_exit(e == 0 || e == -EBUSY ? SURVIVED : 1);
	}
	e = peer_end(pid);
	assert_true(e == 0 || e == SURVIVED);
	return e == 0;
}

/* ---- what a clean does then
 * -------------------------------------------------- */

/* Puts back what is hidden of @name; how many there were. */
static int
put_back(const char *name)
{
	char prefix[300], at[300] = "";
	struct dirent *entry;
	DIR *dir = opendir("/dev/shm");
	int n = 0;

	snprintf(prefix, sizeof(prefix), ".shunt-removing.%s.", name + 1);
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
			snprintf(at, sizeof(at), "/%s", entry->d_name);
			n++;
		}
	closedir(dir);
	if (n == 1)
		assert_int_equal(shunt_remove(at, &orphan), 1);
	return n;
}

static void
whole(const char *name, ino_t ino)
{
	unsigned char bytes[4096];
	struct stat st;

	assert_int_equal(lstat(test_path(name), &st), 0);
	assert_int_equal(st.st_ino, ino);
	assert_int_equal(
	    shunt_segment_read(name, 0, bytes, sizeof(bytes), NULL), 4096);
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], test_byte(i));
}

static void
a_raw_segment_is_whole_or_gone(void **state)
{
	const char *name = test_name("raw");
	unsigned cut = 0, gone = 0, hidden = 0;
	struct stat st;

	(void)state;
	for (unsigned k = 1, died = 1; died; k++) {
		if (!test_there(name))
			test_make(name, 4096);
		assert_int_equal(lstat(test_path(name), &st), 0);
		died = (unsigned)cut_off(name, &idle, k);
		cut += died;
		int n = put_back(name);
		assert_true(n <= 1);
		hidden += n == 1;
		if (test_there(name))
			whole(name, st.st_ino);
		else
			gone++;
	}
	/* It died at each step, also when the name was hidden and after. */
	assert_true(cut >= 10 && gone >= 2 && hidden >= 2);
}

/* Somebody has it: no step of a remover that dies takes its name away. */
static void
what_somebody_has_is_never_hidden(void **state)
{
	const char *name = test_name("held");
	struct stat st;

	(void)state;
	test_make(name, 4096);
	int fd = open(test_path(name), O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	for (unsigned k = 1; cut_off(name, &idle, k); k++) {
		assert_int_equal(put_back(name), 0);
		whole(name, st.st_ino);
	}
	close(fd);
	assert_int_equal(shunt_remove(name, &idle), 0);
}

static void
a_queue_is_whole_or_gone(void **state)
{
	const struct shunt_queue_options o = {.sz = sizeof(o),
	    .lane_bytes = 4096,
	    .lanes = 4,
	    .flags = SHUNT_QUEUE_PERSISTENT};
	const char *name = test_name("queue");
	unsigned gone = 0, cut = 0;
	struct shunt_queue *queue;
	char byte;

	(void)state;
	for (unsigned k = 1, died = 1; died; k++) {
		assert_true(shunt_queue_open(&queue, name, &o) >= 0);
		assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
		shunt_queue_close(&queue);
		died = (unsigned)cut_off(name, &idle, k);
		cut += died;
		gone += !test_there(name);
		assert_int_equal(put_back(name), 0);
		/* Nothing of the dead one's stands in the way. */
		int made = shunt_queue_open(&queue, name, &o);
		assert_true(made >= 0);
		if (!made)
			assert_int_equal(
			    shunt_queue_recv(queue, &byte, 1, NULL, NULL), 1);
		shunt_queue_close(&queue);
	}
	assert_true(cut >= 10 && gone >= 1);
	assert_int_equal(shunt_remove(name, &idle), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_raw_segment_is_whole_or_gone),
	    TEST(what_somebody_has_is_never_hidden),
	    TEST(a_queue_is_whole_or_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
