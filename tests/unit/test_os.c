/* SPDX-License-Identifier: MIT */
/*
 * The table of system calls: what the kernel refuses comes back as -errno, of
 * every entry.  The faults of other tests stand in for these calls, so nobody
 * else sees whether they tell the truth.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "lib/peers.h"
#include "os/os.h"
#include "unit/sysv.h"

#define BAD (-1) /* no descriptor has this number */

static void
a_descriptor_that_is_none_is_refused_by_all(void **state)
{
	struct shunt__waitv none = {0};
	struct msghdr msg = {0};
	struct flock fl = {0};
	struct statfs sf;
	struct mq_attr attr;
	struct stat st;
	int64_t ns;
	char c = 0;

	(void)state;
	assert_int_equal(shunt__os.close(BAD), -EBADF);
	assert_int_equal(shunt__os.pread(BAD, &c, 1, 0), -EBADF);
	assert_int_equal(shunt__os.pwrite(BAD, &c, 1, 0), -EBADF);
	assert_int_equal(shunt__os.write(BAD, &c, 1), -EBADF);
	assert_int_equal(shunt__os.read(BAD, &c, 1), -EBADF);
	assert_int_equal(shunt__os.ftruncate(BAD, 1), -EBADF);
	assert_int_equal(shunt__os.fallocate(BAD, 0, 0, 1), -EBADF);
	assert_int_equal(shunt__os.fstat(BAD, &st), -EBADF);
	assert_int_equal(shunt__os.birth(BAD, &ns), -EBADF);
	assert_int_equal(shunt__os.fstatfs(BAD, &sf), -EBADF);
	assert_int_equal(shunt__os.fchmod(BAD, 0600), -EBADF);
	assert_int_equal(shunt__os.fchown(BAD, 0, 0), -EBADF);
	assert_int_equal(shunt__os.chown_path(BAD, 0, 0), -EBADF);
	assert_int_equal(shunt__os.lock(BAD, F_OFD_SETLK, &fl), -EBADF);
	assert_int_equal(shunt__os.lease(BAD, F_GETLEASE, 0), -EBADF);
	assert_int_equal(shunt__os.fcntl(BAD, F_GETFL, 0), -EBADF);
	assert_int_equal(shunt__os.sendmsg(BAD, &msg, 0), -EBADF);
	assert_int_equal(shunt__os.recvmsg(BAD, &msg, 0), -EBADF);
	assert_int_equal(shunt__os.sockopt(BAD, SO_TYPE), -EBADF);
	assert_int_equal(shunt__os.fdatasync(BAD), -EBADF);
	assert_int_equal(shunt__os.touch(BAD), -EBADF);
	assert_int_equal(shunt__os.inotify_watch(BAD, "/", 1), -EBADF);
	assert_int_equal(shunt__os.epoll_add(BAD, BAD), -EBADF);
	assert_int_equal(shunt__os.timer_set(BAD, 1), -EBADF);
	assert_int_equal(shunt__os.dup(BAD), -EBADF);
	assert_int_equal(shunt__os.mq_getattr(BAD, &attr), -EBADF);
	assert_true(shunt__os.futex_waitv(&none, 1, 1) < 0);
}

/* No such link in /proc: then the newer call is asked, and refuses. */
static void
descriptors_that_are_none_are_no_paths(void **state)
{
	(void)state;
	assert_true(shunt__os.chmod_path(BAD, 0600) < 0);
	assert_true(shunt__os.link_fd(BAD, "/dev/shm/shunt-none") < 0);
}

static void
paths_that_lead_nowhere_are_told(void **state)
{
	const char *none = "/nonexistent/at/all";
	struct stat st;
	DIR *dir;
	char c;

	(void)state;
	assert_int_equal(shunt__os.open(none, O_RDONLY, 0), -ENOENT);
	assert_int_equal(shunt__os.lstat(none, &st), -ENOENT);
	assert_int_equal(shunt__os.stat(none, &st), -ENOENT);
	assert_int_equal(shunt__os.unlink(none), -ENOENT);
	assert_int_equal(shunt__os.rename_new(none, none), -ENOENT);
	assert_int_equal(shunt__os.readlink(none, &c, 1), -ENOENT);
	assert_int_equal(shunt__os.opendir(none, &dir), -ENOENT);
	assert_null(dir);
}

/* The root directory may not be changed by its descriptor of O_RDONLY. */
static void
what_is_not_allowed_is_told(void **state)
{
	int fd = open("/proc/self/maps", O_PATH | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_true(shunt__os.chmod_path(fd, 0777) < 0);
	assert_true(shunt__os.link_fd(fd, "/dev/shm/shunt-none") < 0);
	close(fd);
}

static void
files_that_have_no_birth_say_so(void **state)
{
	int64_t ns = 0;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(shunt__os.birth(fd, &ns), -ENODATA);
	assert_int_equal(ns, 0);
	close(fd);
}

/* An own /proc, which is empty. */
static int
no_proc(void *arg)
{
	const char *path = arg;
	struct stat st;

	NEED(unshare(CLONE_NEWNS) == 0);
	NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	NEED(mount("none", "/proc", "tmpfs", 0, NULL) == 0);
	int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	NEED(fd >= 0);
	NEED(shunt__os.link_fd(fd, path) == 0);
	NEED(shunt__os.link_fd(fd, path) == -EEXIST);
	close(fd);
	fd = open(path, O_PATH | O_CLOEXEC);
	int e = shunt__os.chmod_path(fd, 0640);
	NEED(fstat(fd, &st) == 0);
	/* Since Linux 6.6 there is a call for it. */
	NEED(e == 0 ? (st.st_mode & 0777) == 0640 : e == -ENOSYS);
	close(fd);
	return unlink(path);
}

static void
without_proc_descriptors_get_names_all_the_same(void **state)
{
	char path[300];

	(void)state;
	if (!sysv_may_unshare())
		skip();
	snprintf(path, sizeof(path), "%s", test_path(test_name("os")));
	assert_int_equal(peer_end(peer_start(no_proc, path)), 0);
}

static void
memory_that_cannot_be_had_is_told(void **state)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *at = NULL;

	(void)state;
	assert_true(page != MAP_FAILED);
	assert_int_equal(
	    shunt__os.mmap(&at, 4096, PROT_READ, MAP_SHARED, BAD), -EBADF);
	assert_null(at);
	at = page;
	assert_int_equal(shunt__os.mmap_at(&at, 4096, PROT_READ,
			     MAP_SHARED | MAP_FIXED, BAD, 0),
	    -EBADF);
	assert_null(at);
	at = page + 1;
	assert_int_equal(shunt__os.mremap(&at, 4096, 8192, 0), -EINVAL);
	/* No machine has such rights; musl would round an address. */
	assert_int_equal(shunt__os.mprotect(page, 4096, ~0), -EINVAL);
	assert_int_equal(shunt__os.munmap(page + 1, 4096), -EINVAL);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	/* With a sanitizer it is the sanitizer's, and does nothing. */
	assert_true(shunt__os.mlock((void *)16, 4096) < 0);
#endif
	assert_true(shunt__os.madvise(page + 1, 1, MADV_DONTNEED) < 0);
	assert_int_equal(munmap(page, 4096), 0);
}

static void
words_that_are_none_are_no_futexes(void **state)
{
	static const uint32_t words[2];
	const char *word = (const char *)words;

	(void)state;

	assert_true(shunt__os.futex_wait(word + 1, 0, 1) < 0);
	assert_true(shunt__os.futex_wake(word + 1, 1) < 0);
	assert_true(shunt__os.membarrier(-1) < 0);
	assert_true(shunt__os.nanosleep(-1) < 0);
	assert_true(shunt__os.getrandom((void *)16, 8) < 0);
}

static void
a_sleep_is_as_long_as_asked(void **state)
{
	uint32_t word = 7;
	const int64_t ms = 1000000;

	(void)state;
	uint64_t begin = shunt__now();
	int e = shunt__os.futex_wait(&word, 7, 30 * ms);
	assert_int_equal(e, -ETIMEDOUT);
	assert_true(shunt__now() >= begin + 30 * ms);
}

static void
what_system_v_does_not_have_is_told(void **state)
{
	uint64_t most;
	void *at;

	(void)state;
	assert_int_equal(shunt__os.shmget(0x7357, 1, 0), -ENOENT);
	assert_int_equal(shunt__os.shmat(&at, BAD, NULL, 0), -EINVAL);
	assert_null(at);
	assert_int_equal(shunt__os.shmdt((void *)4096), -EINVAL);
	assert_true(shunt__os.shmctl(BAD, 0, NULL) < 0);
	assert_true(shunt__os.semctl(BAD, 0, 0, NULL) < 0);
	assert_true(shunt__os.msgctl(BAD, 0, NULL) < 0);
	assert_int_equal(shunt__os.rlimit(-1, &most), -EINVAL);
}

/* Whatever makes a descriptor, when there is room for none. */
static void
no_descriptor_left_is_told(void **state)
{
	struct rlimit was, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int e[] = {shunt__os.inotify(), shunt__os.epoll(), shunt__os.timer(),
	    shunt__os.memfd("none", 0)};
	int dup = shunt__os.dup(1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	for (size_t i = 0; i < sizeof(e) / sizeof(e[0]); i++)
		assert_int_equal(e[i], -EMFILE);
	assert_true(dup < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_descriptor_that_is_none_is_refused_by_all),
	    TEST(descriptors_that_are_none_are_no_paths),
	    TEST(paths_that_lead_nowhere_are_told),
	    TEST(what_is_not_allowed_is_told),
	    TEST(files_that_have_no_birth_say_so),
	    TEST(without_proc_descriptors_get_names_all_the_same),
	    TEST(memory_that_cannot_be_had_is_told),
	    TEST(words_that_are_none_are_no_futexes),
	    TEST(a_sleep_is_as_long_as_asked),
	    TEST(what_system_v_does_not_have_is_told),
	    TEST(no_descriptor_left_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
