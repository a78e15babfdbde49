/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Raw segments: plain shared memory, and every way it is refused. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <shunt.h>

#include "lib/peers.h"
#include "os/os.h"

typedef struct shunt_segment_options options;
#define OPTIONS(...) (&(options){.sz = sizeof(options), __VA_ARGS__})

static void
made_zeroed_reserved_and_persistent(void **state)
{
	const char *name = test_name("raw");
	struct shunt_segment *seg;
	struct stat st;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 100001, NULL), 0);
	assert_int_equal(shunt_segment_size(seg), 100001);
	unsigned char *p = shunt_segment_data(seg);
	for (size_t i = 0; i < 100001; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(fstat(shunt_segment_fd(seg), &st), 0);
	assert_int_equal(st.st_size, 100001);
	assert_true(st.st_blocks * 512 >= 100001);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(fcntl(shunt_segment_fd(seg), F_GETFD) & FD_CLOEXEC);
	strcpy((char *)p, "text");
	shunt_segment_close(&seg);
	assert_null(seg);
	shunt_segment_close(&seg);
	shunt_segment_close(NULL);
	assert_true(test_there(name));

	/* There with that size: left untouched. */
	assert_int_equal(shunt_segment_create(&seg, name, 100001, NULL), 1);
	assert_string_equal(shunt_segment_data(seg), "text");
	shunt_segment_close(&seg);
	assert_int_equal(
	    shunt_segment_create(&seg, name, 100000, NULL), -EEXIST);
	assert_null(seg);
	assert_detail("it exists with 100001 bytes, not 100000");
	assert_int_equal(shunt_segment_create(&seg, name, 100001,
			     OPTIONS(.flags = SHUNT_SEGMENT_EXCLUSIVE)),
	    -EEXIST);
	assert_int_equal(shunt_remove(name, NULL), 0);
	assert_false(test_there(name));
	assert_int_equal(shunt_remove(name, NULL), -ENOENT);
}

static void
truncating_cuts_and_zeroes(void **state)
{
	const char *name = test_name("trunc");
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 5000, NULL), 0);
	memset(shunt_segment_data(seg), 'x', 5000);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_segment_create(&seg, name, 9000,
			     OPTIONS(.flags = SHUNT_SEGMENT_TRUNCATE)),
	    1);
	unsigned char *p = shunt_segment_data(seg);
	assert_int_equal(shunt_segment_size(seg), 9000);
	for (size_t i = 0; i < 9000; i++)
		assert_int_equal(p[i], 0);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static int (*fallocate_before)(int fd, int mode, off_t off, off_t len);
static int room_for; /* so many more reservations */

static int
full_fallocate(int fd, int mode, off_t off, off_t len)
{
	return room_for-- > 0 ? fallocate_before(fd, mode, off, len) : -ENOSPC;
}

/* Also if somebody else takes the room between the cut and the new bytes. */
static void
what_cannot_be_renewed_keeps_its_size(void **state)
{
	const char *name = test_name("full");
	struct shunt_segment *seg;
	char byte;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 5000, NULL), 0);
	memset(shunt_segment_data(seg), 'x', 5000);
	fallocate_before = shunt__os.fallocate;
	for (int room = 0; room < 2; room++) {
		struct shunt_segment *other;
		struct stat st;

		room_for = room;
		shunt__os.fallocate = full_fallocate;
		assert_int_equal(shunt_segment_create(&other, name, 1 << 20,
				     OPTIONS(.flags = SHUNT_SEGMENT_TRUNCATE)),
		    -ENOSPC);
		shunt__os.fallocate = fallocate_before;
		assert_null(other);
		assert_int_equal(stat(test_path(name), &st), 0);
		assert_int_equal(st.st_size, 5000);
		assert_int_equal(
		    shunt_segment_read(name, 4999, &byte, 1, NULL), 1);
		assert_int_equal(byte, room == 0 ? 'x' : 0);
	}
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
opened_as_shm_open_made_it_and_back(void **state)
{
	const char *name = test_name("plain");
	struct shunt_segment *seg;
	int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(
	    shunt_segment_open(&seg, name, NULL), SHUNT_E_NOTREADY);
	assert_detail("its size is 0");
	assert_int_equal(
	    shunt_segment_create(&seg, name, 100, NULL), SHUNT_E_NOTREADY);
	assert_detail("its size is 0");
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
	strcpy(shunt_segment_data(seg), "ours");
	char *p = mmap(NULL, 100, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(p != MAP_FAILED);
	assert_string_equal(p, "ours");
	shunt_segment_close(&seg);
	munmap(p, 100);
	close(fd);
	assert_int_equal(shm_unlink(name), 0);
	assert_int_equal(shunt_segment_open(&seg, name, NULL), -ENOENT);
	assert_null(seg);
}

static int
write_there(void *arg)
{
	*(volatile char *)arg = 1;
	return 0;
}

static void
read_only_is_read_only(void **state)
{
	const char *name = test_name("ro");
	struct shunt_segment *seg, *ro;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 4096, NULL), 0);
	assert_int_equal(shunt_segment_open(&ro, name,
			     OPTIONS(.flags = SHUNT_SEGMENT_READONLY)),
	    0);
	strcpy(shunt_segment_data(seg), "seen");
	assert_string_equal(shunt_segment_data(ro), "seen");
	assert_int_equal(
	    peer_end(peer_start(write_there, shunt_segment_data(ro))),
	    -SIGSEGV);
	shunt_segment_close(&ro);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
modes_and_umask(void **state)
{
	const char *name = test_name("mode");
	struct shunt_segment *seg;
	struct stat st;
	mode_t old = umask(0027);

	(void)state;
	assert_int_equal(
	    shunt_segment_create(&seg, name, 1, OPTIONS(.mode = 0666)), 0);
	fstat(shunt_segment_fd(seg), &st);
	assert_int_equal(st.st_mode & 07777, 0666);
	shunt_segment_close(&seg);
	shunt_remove(name, NULL);
	assert_int_equal(
	    shunt_segment_create(&seg, name, 1,
		OPTIONS(.mode = 0666, .flags = SHUNT_SEGMENT_UMASK)),
	    0);
	fstat(shunt_segment_fd(seg), &st);
	assert_int_equal(st.st_mode & 07777, 0640);
	shunt_segment_close(&seg);
	shunt_remove(name, NULL);
	umask(old);
}

static void
bad_requests(void **state)
{
	const char *name = test_name("bad");
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 0, NULL), -EINVAL);
	assert_detail("at least 1 byte");
	/* Of 64 bits it is no size, of 32 one that nobody can map. */
	assert_int_equal(shunt_segment_create(&seg, name, SIZE_MAX, NULL),
	    SIZE_MAX > UINT32_MAX ? -EINVAL : -ENOMEM);
	/* Over the limit of a file, or of this file system first. */
	int e = shunt_segment_create(&seg, name, INT64_MAX, NULL);
	assert_true(e == -EINVAL || e == -ENOSPC || SIZE_MAX == UINT32_MAX);
	assert_int_equal(
	    shunt_segment_create(&seg, "a/b", 1, NULL), SHUNT_E_NAME);
	assert_int_equal(shunt_segment_create(&seg, "fd:0", 1, NULL), -EINVAL);
	assert_int_equal(
	    shunt_segment_create(&seg, name, 1, OPTIONS(.flags = 1u << 30)),
	    -EINVAL);
	assert_int_equal(
	    shunt_segment_create(&seg, name, 1, OPTIONS(.mode = 010000)),
	    -EINVAL);
	assert_int_equal(shunt_segment_create(&seg, name, 1,
			     OPTIONS(.group = "no-such-group-here")),
	    -EINVAL);
	options o = {.sz = 3};
	assert_int_equal(shunt_segment_create(&seg, name, 1, &o), -EINVAL);
	assert_int_equal(shunt_segment_open(&seg, name, &o), -EINVAL);
	assert_int_equal(shunt_segment_anon(&seg, 1, &o), -EINVAL);
	assert_int_equal(shunt_segment_read(name, 0, &o, 1, &o), -EINVAL);
	assert_null(seg);
	assert_false(test_there(name));
}

/* More than there is: told at once, and nothing is left of it. */
static void
more_than_the_file_system_has(void **state)
{
	const char *name = test_name("big");
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(
	    shunt_segment_create(&seg, name, (size_t)1 << 44, NULL), -ENOSPC);
	assert_detail("KiB free and 17179869184 KiB are wanted");
	assert_false(test_there(name));
}

static void
an_object_is_no_raw_segment(void **state)
{
	const struct shunt_queue_options small = {
	    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
	const char *name = test_name("queue");
	struct shunt_queue *queue;
	struct shunt_segment *seg;
	char magic[8], *text = "x";

	(void)state;
	assert_int_equal(shunt_queue_open(&queue, name, &small), 1);
	assert_int_equal(shunt_segment_open(&seg, name, NULL), SHUNT_E_KIND);
	assert_int_equal(
	    shunt_segment_create(&seg, name, 4096, NULL), SHUNT_E_KIND);
	assert_int_equal(shunt_segment_create(&seg, name, 4096,
			     OPTIONS(.flags = SHUNT_SEGMENT_TRUNCATE)),
	    SHUNT_E_KIND);
	assert_int_equal(
	    shunt_segment_write(name, 0, text, 1, NULL), SHUNT_E_KIND);
	assert_detail("it is an object of shunt");
	/* Reading is no harm. */
	assert_int_equal(shunt_segment_read(name, 0, magic, 8, NULL), 8);
	assert_memory_equal(magic, "SHUNTOBJ", 8);
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	shunt_queue_close(&queue);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
bytes_are_copied_within_the_segment(void **state)
{
	const char *name = test_name("bytes");
	struct shunt_segment *seg;
	char buf[16];

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 10, NULL), 0);
	assert_int_equal(shunt_segment_write(name, 3, "seven", 5, NULL), 5);
	assert_int_equal(shunt_segment_read(name, 0, buf, 16, NULL), 10);
	assert_memory_equal(buf, "\0\0\0seven\0\0", 10);
	assert_int_equal(shunt_segment_read(name, 9, buf, 16, NULL), 1);
	assert_int_equal(shunt_segment_read(name, 10, buf, 16, NULL), 0);
	assert_int_equal(shunt_segment_read(name, 99, buf, 16, NULL), 0);
	assert_int_equal(
	    shunt_segment_read(name, UINT64_MAX, buf, 16, NULL), 0);
	/* Past the end: refused whole. */
	assert_int_equal(
	    shunt_segment_write(name, 6, "seven", 5, NULL), -ERANGE);
	assert_detail("nothing was written");
	assert_int_equal(shunt_segment_write(name, 11, "", 0, NULL), -ERANGE);
	assert_int_equal(
	    shunt_segment_write(name, UINT64_MAX, "x", 1, NULL), -ERANGE);
	assert_int_equal(shunt_segment_write(name, 10, "", 0, NULL), 0);
	assert_int_equal(shunt_segment_read(name, 0, buf, 16, NULL), 10);
	assert_memory_equal(buf, "\0\0\0seven\0\0", 10);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
	assert_int_equal(shunt_segment_read(name, 0, buf, 16, NULL), -ENOENT);
	assert_int_equal(shunt_segment_write(name, 0, buf, 16, NULL), -ENOENT);
}

static int
add_one(void *seg)
{
	__atomic_fetch_add((int *)shunt_segment_data(seg), 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void
anonymous_memory_is_shared_with_children(void **state)
{
	struct shunt_segment *seg, *again;
	char name[32];

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, 4096, NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(peer_end(peer_start(add_one, seg)), 0);
	assert_int_equal(*(int *)shunt_segment_data(seg), 3);
	/* By its descriptor it can be opened again. */
	snprintf(name, sizeof(name), "fd:%d", shunt_segment_fd(seg));
	assert_int_equal(shunt_segment_open(&again, name, NULL), 0);
	assert_int_equal(*(int *)shunt_segment_data(again), 3);
	shunt_segment_close(&again);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_segment_anon(&seg, 0, NULL), -EINVAL);
	assert_null(seg);
	assert_null(shunt_segment_data(NULL));
	assert_int_equal(shunt_segment_size(NULL), 0);
	assert_int_equal(shunt_segment_fd(NULL), -EINVAL);
}

/* What cannot be mapped is not left behind under its name. */
static int
no_mmap(void **at, size_t size, int prot, int flags, int fd, off_t off)
{
	(void)size, (void)prot, (void)flags, (void)fd, (void)off;
	*at = NULL;
	return -ENOMEM;
}

static void
what_cannot_be_mapped_is_not_made(void **state)
{
	int (*real)(void **, size_t, int, int, int, off_t) = shunt__os.mmap_at;
	const char *name = test_name("nomap");
	struct shunt_segment *seg;

	(void)state;
	shunt__os.mmap_at = no_mmap;
	int e = shunt_segment_create(&seg, name, 4096, NULL);
	shunt__os.mmap_at = real;
	assert_int_equal(e, -ENOMEM);
	assert_null(seg);
	assert_false(test_there(name));
}

/* A profiler's timer interrupts the kernel again and again while it zeroes
 * the pages; it must get on nevertheless. */
static void
on_timer(int sig)
{
	(void)sig;
}

static int
create_in_a_storm(void *name)
{
	const struct sigaction sa = {.sa_handler = on_timer};
	const struct itimerval often = {{0, 100}, {0, 100}};
	struct shunt_segment *seg;

	alarm(0);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	NEED(shunt_segment_create(&seg, name, 8 << 20, NULL) == 0);
	NEED(shunt_segment_write(name, 7, name, 5, NULL) == 5);
	return 0;
}

/* What kernels before 6.8 do: interrupted, they give all back. */
static int (*real_fallocate)(int fd, int mode, off_t off, off_t len);
static int
impatient_fallocate(int fd, int mode, off_t off, off_t len)
{
	if (len > 200000)
		return -EINTR;
	return real_fallocate(fd, mode, off, len);
}

static void
a_storm_of_signals_does_not_stop_it(void **state)
{
	const char *name = test_name("storm");
	struct shunt_segment *seg;
	struct stat st;

	(void)state;
	assert_int_equal(
	    peer_end(peer_start(create_in_a_storm, (void *)name)), 0);
	assert_int_equal(shunt_remove(name, NULL), 0);

	real_fallocate = shunt__os.fallocate;
	shunt__os.fallocate = impatient_fallocate;
	int e = shunt_segment_create(&seg, name, 1000001, NULL);
	shunt__os.fallocate = real_fallocate;
	assert_int_equal(e, 0);
	fstat(shunt_segment_fd(seg), &st);
	assert_true(st.st_size == 1000001 && st.st_blocks * 512 >= 1000001);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(made_zeroed_reserved_and_persistent),
	    TEST(truncating_cuts_and_zeroes),
	    TEST(what_cannot_be_renewed_keeps_its_size),
	    TEST(opened_as_shm_open_made_it_and_back),
	    TEST(read_only_is_read_only),
	    TEST(modes_and_umask),
	    TEST(bad_requests),
	    TEST(more_than_the_file_system_has),
	    TEST(an_object_is_no_raw_segment),
	    TEST(bytes_are_copied_within_the_segment),
	    TEST(anonymous_memory_is_shared_with_children),
	    TEST(what_cannot_be_mapped_is_not_made),
	    TEST(a_storm_of_signals_does_not_stop_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
