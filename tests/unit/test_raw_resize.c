/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Raw segments get another size: by handle, by name, and not at all. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "os/os.h"
#include "unit/raw.h"

static uint64_t
size_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(test_path(name), &st), 0);
	return (uint64_t)st.st_size;
}

static void
grows_and_shrinks(void **state)
{
	const size_t sizes[] = {1, 5000, 100, 4096, 8192, 4097, 300000, 4096,
	    4095, 4096, 200000, 2, 1};
	const char *name = test_name("grow");
	struct shunt_segment *seg;
	size_t before = 100, size;
	struct stat st;

	(void)state;
	test_make(name, before);
	assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
	for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
		size = sizes[n];
		assert_int_equal(shunt_segment_resize(seg, size), 0);
		assert_int_equal(shunt_segment_size(seg), size);
		assert_int_equal(size_of(name), size);
		assert_int_equal(fstat(shunt_segment_fd(seg), &st), 0);
		assert_true((size_t)st.st_blocks * 512 >= size);
		unsigned char *p = shunt_segment_data(seg);
		/* What was there is there; what was added is zero. */
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], i < before ? test_byte(i) : 0);
		for (size_t i = 0; i < size; i++)
			p[i] = test_byte(i);
		before = size;
	}
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* A page is mapped whole, so what somebody wrote past the end is there. */
static void
what_was_written_past_the_end_does_not_appear(void **state)
{
	const char *name = test_name("past");
	struct shunt_segment *seg, *other;

	(void)state;
	for (int i = 0; i < 2; i++) {
		test_make(name, 100);
		assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
		assert_int_equal(shunt_segment_open(&other, name, NULL), 0);
		memset((char *)shunt_segment_data(other) + 100, 'x', 3000);
		if (i == 0)
			assert_int_equal(shunt_segment_resize(seg, 5000), 0);
		else
			assert_int_equal(shunt_segment_set_size(name, 200), 0);
		unsigned char *p = shunt_segment_data(seg);
		for (size_t k = 0; k < (i == 0 ? 5000 : 200); k++)
			assert_int_equal(p[k], k < 100 ? test_byte(k) : 0);
		shunt_segment_close(&other);
		shunt_segment_close(&seg);
		assert_int_equal(shunt_remove(name, NULL), 0);
	}
}

static int
touch(void *p)
{
	return *(volatile char *)p == 'x' ? 0 : 1;
}

/* That is what the manual warns of: others who mapped it lose their memory. */
static void
shrinking_is_a_sigbus_for_others(void **state)
{
	const char *name = test_name("sigbus");
	struct shunt_segment *seg, *other;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 4 * PAGE, NULL), 0);
	assert_int_equal(shunt_segment_open(&other, name, NULL), 0);
	char *p = shunt_segment_data(other);
	memset(p, 'x', 4 * PAGE);
	assert_int_equal(peer_end(peer_start(touch, p + 3 * PAGE)), 0);
	assert_int_equal(shunt_segment_resize(seg, PAGE), 0);
	assert_int_equal(peer_end(peer_start(touch, p + 3 * PAGE)), -SIGBUS);
	assert_int_equal(peer_end(peer_start(touch, p + PAGE)), -SIGBUS);
	assert_int_equal(peer_end(peer_start(touch, p)), 0);
	/* Its handle does not know; opened again it does. */
	assert_int_equal(shunt_segment_size(other), 4 * PAGE);
	shunt_segment_close(&other);
	assert_int_equal(shunt_segment_open(&other, name, NULL), 0);
	assert_int_equal(shunt_segment_size(other), PAGE);
	shunt_segment_close(&other);
	/* Nor does the own handle show more than there is. */
	assert_int_equal(shunt_segment_size(seg), PAGE);
	p = shunt_segment_data(seg);
	assert_false(test_mapped(p + PAGE));
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* Somebody else changed it in the meantime: what counts is what it has. */
static void
others_resize_too(void **state)
{
	const char *name = test_name("others");
	struct shunt_segment *seg;
	unsigned char *p;

	(void)state;
	test_make(name, 2 * PAGE);
	assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
	assert_int_equal(shunt_segment_set_size(name, 10 * PAGE), 0);
	assert_int_equal(shunt_segment_size(seg), 2 * PAGE);
	assert_int_equal(shunt_segment_resize(seg, 5 * PAGE), 0);
	assert_int_equal(size_of(name), 5 * PAGE);
	p = shunt_segment_data(seg);
	p[5 * PAGE - 1] = 9;
	assert_int_equal(shunt_segment_set_size(name, PAGE), 0);
	assert_int_equal(shunt_segment_resize(seg, 3 * PAGE), 0);
	p = shunt_segment_data(seg);
	assert_int_equal(p[PAGE - 1], test_byte(PAGE - 1));
	for (size_t i = PAGE; i < 3 * PAGE; i++)
		assert_int_equal(p[i], 0);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* Pieces of different protection cannot be moved by the kernel in one. */
static void
protected_in_pieces(void **state)
{
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, 4 * PAGE, NULL), 0);
	unsigned char *p = shunt_segment_data(seg);
	memset(p, 3, 4 * PAGE);
	/* Something stands in the way, so that it has to move. */
	void *wall = mmap(p + 4 * PAGE, PAGE, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_int_equal(mprotect(p + PAGE, PAGE, PROT_READ), 0);
	assert_int_equal(shunt_segment_resize(seg, 64 * PAGE), 0);
	p = shunt_segment_data(seg);
	assert_int_equal(p[4 * PAGE - 1], 3);
	p[64 * PAGE - 1] = 1;
	shunt_segment_close(&seg);
	if (wall != MAP_FAILED)
		munmap(wall, PAGE);
}

static void
refused_to_whom_it_does_not_belong(void **state)
{
	const struct shunt_queue_options small = {
	    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
	const char *name = test_name("refused");
	struct shunt_segment *seg;
	struct shunt_queue *queue;

	(void)state;
	test_make(name, 5000);
	assert_int_equal(shunt_segment_resize(NULL, 1), -EINVAL);
	assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
	void *p = shunt_segment_data(seg);
	assert_refused(
	    shunt_segment_resize(seg, 0), -EINVAL, "at least 1 byte");
	assert_int_equal(shunt_segment_resize(seg, SIZE_MAX),
	    SIZE_MAX > UINT32_MAX ? -EINVAL : -ENOMEM);
	int e = shunt_segment_resize(seg, INT64_MAX);
	assert_true(e == -EINVAL || e == -ENOSPC || SIZE_MAX == UINT32_MAX);
	if (SIZE_MAX > UINT32_MAX)
		assert_refused(
		    shunt_segment_resize(seg, (size_t)(UINT64_C(1) << 44)),
		    -ENOSPC, "KiB are wanted");
	assert_ptr_equal(shunt_segment_data(seg), p);
	assert_int_equal(shunt_segment_size(seg), 5000);
	shunt_segment_close(&seg);
	/* A window, although it begins at the beginning. */
	assert_int_equal(
	    shunt_segment_open(&seg, name, OPTIONS(.length = 4999)), 0);
	assert_refused(
	    shunt_segment_resize(seg, 6000), -EINVAL, "only a window");
	shunt_segment_close(&seg);
	assert_int_equal(
	    shunt_segment_open(&seg, name, OPTIONS(.length = 5000)), 0);
	assert_int_equal(shunt_segment_resize(seg, 5000), 0);
	shunt_segment_close(&seg);
	for (int made = 0; made < 2; made++) {
		if (made)
			e = shunt_segment_create(&seg, name, 5000,
			    OPTIONS(.flags = SHUNT_SEGMENT_READONLY));
		else
			e = shunt_segment_open(
			    &seg, name, OPTIONS(.prot = SHUNT_PROT_READ));
		assert_int_equal(e, made);
		assert_refused(shunt_segment_resize(seg, 6000), -EACCES,
		    "opened for reading only");
		shunt_segment_close(&seg);
	}
	assert_int_equal(size_of(name), 5000);

	/* By name. */
	assert_int_equal(shunt_segment_set_size(name, 0), -EINVAL);
	assert_int_equal(shunt_segment_set_size(name, UINT64_MAX), -EINVAL);
	assert_int_equal(shunt_segment_set_size("a/b", 1), SHUNT_E_NAME);
	assert_refused(
	    shunt_segment_set_size("sysv:0x7e570001", 1), -ENOTSUP, "System V");
	assert_int_equal(size_of(name), 5000);
	assert_int_equal(shunt_remove(name, NULL), 0);
	assert_int_equal(shunt_segment_set_size(name, 1), -ENOENT);
	assert_int_equal(shunt_queue_open(&queue, name, &small), 1);
	uint64_t size = size_of(name);
	assert_refused(shunt_segment_set_size(name, 1), SHUNT_E_KIND,
	    "it is an object of shunt");
	assert_int_equal(size_of(name), size);
	shunt_queue_close(&queue);
}

/* shm_open(3) makes it empty; here it gets its size. */
static void
the_first_size_of_an_empty_one(void **state)
{
	const char *name = test_name("empty");
	struct shunt_segment *seg;
	struct stat st;
	int fd = open(test_path(name), O_RDWR | O_CREAT | O_EXCL, 0600);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(shunt_segment_set_size(name, 9000), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size == 9000 && st.st_blocks * 512 >= 9000);
	close(fd);
	assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
	assert_int_equal(shunt_segment_size(seg), 9000);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* ---- no room ---------------------------------------------------------------
 */

static char dir[256];

static int
in_a_full_tmpfs(void *arg)
{
	struct shunt_segment *seg;
	struct stat st;

	(void)arg;
	NEED(unshare(CLONE_NEWNS) == 0);
	NEED(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	NEED(mount("none", dir, "tmpfs", 0, "size=64k") == 0);
	NEED(chdir(dir) == 0);
	NEED(shunt_segment_create(&seg, "file:a", 30000, NULL) == 0);
	unsigned char *p = shunt_segment_data(seg);
	memset(p, 'x', 30000);
	NEED(shunt_segment_resize(seg, 65537) == -ENOSPC);
	need_detail("32 KiB free");
	NEED(shunt_segment_data(seg) == p && shunt_segment_size(seg) == 30000);
	NEED(stat("a", &st) == 0 && st.st_size == 30000);
	NEED(st.st_blocks * 512 <= 32768);
	NEED(shunt_segment_set_size("file:a", 100000) == -ENOSPC);
	NEED(stat("a", &st) == 0 && st.st_size == 30000);
	for (int i = 0; i < 30000; i++)
		NEED(p[i] == 'x');
	/* To the last byte, and no SIGBUS there. */
	NEED(shunt_segment_resize(seg, 65536) == 0);
	p = shunt_segment_data(seg);
	memset(p, 'y', 65536);
	NEED(shunt_segment_resize(seg, 65537) == -ENOSPC);
	NEED(stat("a", &st) == 0 && st.st_size == 65536);
	NEED(shunt_segment_resize(seg, 4096) == 0);
	NEED(shunt_segment_set_size("file:a", 65536) == 0);
	shunt_segment_close(&seg);
	return 0;
}

static void
a_full_file_system(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	if (geteuid() != 0)
		skip();
	snprintf(dir, sizeof(dir), "%s/shunt-small-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	int e = peer_end(peer_start(in_a_full_tmpfs, NULL));
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(e, 0);
}

/* Where the kernel cannot reserve, zeros are written; the disk is full in the
 * middle of them. */
static int
no_fallocate(int fd, int mode, off_t off, off_t len)
{
	(void)fd, (void)mode, (void)off, (void)len;
	return -EOPNOTSUPP;
}

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t
full_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	return off > 100000 ? -ENOSPC : real_pwrite(fd, buf, n, off);
}

static void
half_of_it_is_taken_back(void **state)
{
	int (*real)(int, int, off_t, off_t) = shunt__os.fallocate;
	const char *name = test_name("half");
	struct shunt_segment *seg;

	(void)state;
	test_make(name, 5000);
	assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
	shunt__os.fallocate = no_fallocate;
	int e = shunt_segment_resize(seg, 70000);
	real_pwrite = shunt__os.pwrite;
	shunt__os.pwrite = full_pwrite;
	int full = shunt_segment_resize(seg, 1 << 20);
	shunt__os.pwrite = real_pwrite;
	shunt__os.fallocate = real;
	assert_int_equal(e, 0);
	assert_int_equal(full, -ENOSPC);
	assert_int_equal(size_of(name), 70000);
	assert_int_equal(shunt_segment_size(seg), 70000);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* No room in the address space: the file is as it was. */
static int
in_a_small_process(void *name)
{
	const struct rlimit small = {256 << 20, 256 << 20};
	struct shunt_segment *seg;

	NEED(shunt_segment_open(&seg, name, NULL) == 0);
	NEED(setrlimit(RLIMIT_AS, &small) == 0);
	NEED(shunt_segment_resize(seg, 300 << 20) == -ENOMEM);
	need_detail("it cannot be mapped");
	NEED(shunt_segment_size(seg) == 5000);
	return 0;
}

static void
more_than_can_be_mapped(void **state)
{
	const char *name = test_name("as");

	(void)state;
	if (UNDER_SANITIZER)
		skip(); /* its shadow alone is more than any limit */
	test_make(name, 5000);
	assert_int_equal(
	    peer_end(peer_start(in_a_small_process, (void *)name)), 0);
	assert_int_equal(size_of(name), 5000);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* Killed anywhere in it: the old size or the new one, and its bytes. */
static struct step *turns;

static int
resize_for_ever(void *name)
{
	struct shunt_segment *seg;

	NEED(shunt_segment_open(&seg, name, NULL) == 0);
	for (uint32_t i = 1;; i++) {
		NEED(shunt_segment_resize(seg, 1 << 20) == 0);
		NEED(shunt_segment_resize(seg, 5000) == 0);
		step_to(turns, i);
	}
}

static void
killed_in_it(void **state)
{
	const char *name = test_name("killed");
	uint64_t seed = 88172645463325252u;
	unsigned char buf[5000];

	(void)state;
	for (int i = 0; i < 20; i++) {
		turns = test_shared(sizeof(*turns));
		test_make(name, 5000);
		pid_t pid = peer_start(resize_for_ever, (void *)name);
		/* Once it is at it; then at any time. */
		step_wait(turns, 3);
		for (uint64_t n = test_random(&seed) % 5000; n > 0; n--)
			getppid();
		peer_kill(pid);
		uint64_t size = size_of(name);
		assert_true(size == 5000 || size == 1 << 20);
		assert_int_equal(
		    shunt_segment_read(name, 0, buf, 5000, NULL), 5000);
		for (size_t k = 0; k < 5000; k++)
			assert_int_equal(buf[k], test_byte(k));
		assert_int_equal(shunt_remove(name, NULL), 0);
	}
}

/* Signals that interrupt the kernel do not stop it. */
static void
on_timer(int sig)
{
	(void)sig;
}

static int
resize_in_a_storm(void *name)
{
	const struct sigaction sa = {.sa_handler = on_timer};
	const struct itimerval often = {{0, 100}, {0, 100}};
	struct shunt_segment *seg;

	alarm(0);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	NEED(shunt_segment_open(&seg, name, NULL) == 0);
	for (int i = 0; i < 5; i++) {
		NEED(shunt_segment_resize(seg, 8 << 20) == 0);
		NEED(shunt_segment_resize(seg, 5000) == 0);
	}
	return 0;
}

static void
a_storm_of_signals_does_not_stop_it(void **state)
{
	const char *name = test_name("storm");

	(void)state;
	test_make(name, 5000);
	assert_int_equal(
	    peer_end(peer_start(resize_in_a_storm, (void *)name)), 0);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(grows_and_shrinks),
	    TEST(what_was_written_past_the_end_does_not_appear),
	    TEST(shrinking_is_a_sigbus_for_others),
	    TEST(others_resize_too),
	    TEST(protected_in_pieces),
	    TEST(refused_to_whom_it_does_not_belong),
	    TEST(the_first_size_of_an_empty_one),
	    TEST(a_full_file_system),
	    TEST(half_of_it_is_taken_back),
	    TEST(more_than_can_be_mapped),
	    TEST(killed_in_it),
	    TEST(a_storm_of_signals_does_not_stop_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
