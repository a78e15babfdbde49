/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Mappings of raw segments: windows of any bytes, at any address or one. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "os/os.h"
#include "unit/raw.h"

/* ---- windows -------------------------------------------------------------
 */

static void
shows(const char *name, uint64_t offset, size_t length, size_t want)
{
	struct shunt_segment *seg;

	assert_int_equal(shunt_segment_open(&seg, name,
			     OPTIONS(.offset = offset, .length = length)),
	    0);
	assert_int_equal(shunt_segment_size(seg), want);
	unsigned char *p = shunt_segment_data(seg);
	for (size_t i = 0; i < want; i++)
		assert_int_equal(p[i], test_byte(offset + i));
	p[0]++; /* it is the segment, not a copy */
	unsigned char c;
	assert_int_equal(shunt_segment_read(name, offset, &c, 1, NULL), 1);
	assert_int_equal(c, p[0]);
	p[0]--;
	shunt_segment_close(&seg);
	assert_false(test_mapped(p));
	assert_false(test_mapped(p + want - 1));
}

static void
a_window_of_any_bytes(void **state)
{
	const char *name = test_name("window");
	size_t size = 5 * PAGE + 100;

	(void)state;
	test_make(name, size);
	shows(name, 0, 0, size);
	shows(name, 0, size, size);
	shows(name, PAGE, PAGE, PAGE);
	shows(name, PAGE - 3, 7, 7); /* over a page border */
	shows(name, 1, 0, size - 1);
	shows(name, 2 * PAGE + 17, 2 * PAGE, 2 * PAGE);
	shows(name, size - 1, 1, 1);
	shows(name, size - 1, 0, 1);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
no_window(const char *name, uint64_t offset, size_t length)
{
	struct shunt_segment *seg = (void *)-1;

	assert_refused(shunt_segment_open(&seg, name,
			   OPTIONS(.offset = offset, .length = length)),
	    -EINVAL, "is not inside of its 5000 bytes");
	assert_null(seg);
	assert_int_equal(shunt_segment_create(&seg, name, 5000,
			     OPTIONS(.offset = offset, .length = length)),
	    -EINVAL);
	assert_null(seg);
}

static void
a_window_is_wholly_inside(void **state)
{
	const char *name = test_name("outside");
	struct shunt_segment *seg;

	(void)state;
	test_make(name, 5000);
	int fds = test_fds();
	no_window(name, 5000, 0);
	no_window(name, 5000, 1);
	no_window(name, 4999, 2);
	no_window(name, 0, 5001);
	no_window(name, 1, 5000);
	no_window(name, UINT64_MAX, 1);
	no_window(name, 1, SIZE_MAX);
	no_window(name, UINT64_MAX, SIZE_MAX);
	no_window(name, (uint64_t)1 << 63, (size_t)1 << 63);
	assert_int_equal(test_fds(), fds);
	/* Nothing is cut for it. */
	assert_int_equal(
	    shunt_segment_create(&seg, name, 5000,
		OPTIONS(.offset = 5000, .flags = SHUNT_SEGMENT_TRUNCATE)),
	    -EINVAL);
	shows(name, 0, 0, 5000);
	assert_int_equal(shunt_remove(name, NULL), 0);
	/* Nor is anything made for it. */
	assert_int_equal(
	    shunt_segment_create(&seg, name, 5000, OPTIONS(.offset = 5000)),
	    -EINVAL);
	assert_int_equal(
	    shunt_segment_anon(&seg, 5000, OPTIONS(.offset = 5000)), -EINVAL);
	assert_false(test_there(name));
}

static void
made_with_a_window(void **state)
{
	const char *name = test_name("made");
	struct shunt_segment *seg;
	unsigned char buf[8];
	struct stat st;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 3 * PAGE,
			     OPTIONS(.offset = PAGE + 5, .length = 3)),
	    0);
	memcpy(shunt_segment_data(seg), "abc", 3);
	assert_int_equal(shunt_segment_size(seg), 3);
	assert_int_equal(fstat(shunt_segment_fd(seg), &st), 0);
	assert_int_equal(st.st_size, 3 * PAGE);
	assert_int_equal(shunt_segment_read(name, PAGE + 4, buf, 5, NULL), 5);
	assert_memory_equal(buf, "\0abc\0", 5);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
	/* Anonymous memory has windows as well. */
	assert_int_equal(
	    shunt_segment_anon(&seg, 3 * PAGE, OPTIONS(.offset = 2 * PAGE + 1)),
	    0);
	assert_int_equal(shunt_segment_size(seg), PAGE - 1);
	memset(shunt_segment_data(seg), 1, PAGE - 1);
	shunt_segment_close(&seg);
}

/* ---- addresses -----------------------------------------------------------
 */

static void
at_an_address(void **state)
{
	const char *name = test_name("address");
	struct shunt_segment *seg, *other;
	char *at = test_free_room(8 * PAGE);

	(void)state;
	test_make(name, 4 * PAGE);
	assert_int_equal(
	    shunt_segment_open(&seg, name, OPTIONS(.address = at)), 0);
	assert_ptr_equal(shunt_segment_data(seg), at);
	/* Taken, by us or in part. */
	assert_refused(shunt_segment_open(&other, name, OPTIONS(.address = at)),
	    -EEXIST, "something is mapped within");
	assert_null(other);
	assert_int_equal(
	    shunt_segment_open(&other, name, OPTIONS(.address = at + 3 * PAGE)),
	    -EEXIST);
	assert_int_equal(*(unsigned char *)at, test_byte(0));
	/* Beside it there is room. */
	assert_int_equal(
	    shunt_segment_open(&other, name, OPTIONS(.address = at + 4 * PAGE)),
	    0);
	shunt_segment_close(&other);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
	/* Taken when it is made: nothing is left under the name. */
	char *taken =
	    mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(
	    shunt_segment_create(&seg, name, 10, OPTIONS(.address = taken)),
	    -EEXIST);
	assert_null(seg);
	assert_false(test_there(name));
	munmap(taken, PAGE);
}

static void
the_page_of_an_address(void **state)
{
	const char *name = test_name("round");
	struct shunt_segment *seg;
	char *at = test_free_room(4 * PAGE);

	(void)state;
	test_make(name, PAGE);
	assert_refused(
	    shunt_segment_open(&seg, name, OPTIONS(.address = at + 100)),
	    -EINVAL, "is not the address of a page");
	assert_int_equal(
	    shunt_segment_open(&seg, name,
		OPTIONS(.address = at + 100, .flags = SHUNT_SEGMENT_ROUND)),
	    0);
	assert_ptr_equal(shunt_segment_data(seg), at);
	shunt_segment_close(&seg);
	/* The first page is nobody's. */
	assert_int_equal(
	    shunt_segment_open(&seg, name,
		OPTIONS(.address = (void *)100, .flags = SHUNT_SEGMENT_ROUND)),
	    -EINVAL);
	/* A window: its pages begin there. */
	assert_int_equal(shunt_segment_open(
			     &seg, name, OPTIONS(.address = at, .offset = 100)),
	    0);
	assert_ptr_equal(shunt_segment_data(seg), at + 100);
	assert_int_equal(*(unsigned char *)(at + 100), test_byte(100));
	shunt_segment_close(&seg);
	/* Rounding is no wish for an address. */
	assert_int_equal(shunt_segment_open(
			     &seg, name, OPTIONS(.flags = SHUNT_SEGMENT_ROUND)),
	    0);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
in_place_of_what_is_there(void **state)
{
	const char *name = test_name("replace");
	struct shunt_segment *seg;
	char *at = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(at != MAP_FAILED);
	memset(at, 'x', 3 * PAGE);
	test_make(name, PAGE);
	assert_int_equal(
	    shunt_segment_open(&seg, name,
		OPTIONS(.address = at + PAGE, .flags = SHUNT_SEGMENT_REPLACE)),
	    0);
	assert_ptr_equal(shunt_segment_data(seg), at + PAGE);
	assert_int_equal(((unsigned char *)at)[PAGE], test_byte(0));
	assert_int_equal(at[PAGE - 1], 'x');
	assert_int_equal(at[2 * PAGE], 'x');
	shunt_segment_close(&seg);
	assert_refused(shunt_segment_open(
			   &seg, name, OPTIONS(.flags = SHUNT_SEGMENT_REPLACE)),
	    -EINVAL, "needs an address");
	assert_int_equal(shunt_remove(name, NULL), 0);
	munmap(at, 3 * PAGE);
}

/* Kernels before 4.17 know no MAP_FIXED_NOREPLACE and map somewhere else. */
static int (*real_mmap_at)(void **, size_t, int, int, int, off_t);
static int
old_mmap_at(void **at, size_t size, int prot, int flags, int fd, off_t off)
{
	return real_mmap_at(at, size, prot, flags & ~0x100000, fd, off);
}

static void
an_old_kernel_does_not_map_elsewhere(void **state)
{
	const char *name = test_name("old");
	struct shunt_segment *seg;
	char *taken =
	    mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = test_free_room(PAGE);

	(void)state;
	test_make(name, 10);
	real_mmap_at = shunt__os.mmap_at;
	shunt__os.mmap_at = old_mmap_at;
	int e = shunt_segment_open(&seg, name, OPTIONS(.address = taken));
	assert_int_equal(e, -EEXIST);
	e = shunt_segment_open(&seg, name, OPTIONS(.address = at));
	shunt__os.mmap_at = real_mmap_at;
	assert_int_equal(e, 0);
	assert_ptr_equal(shunt_segment_data(seg), at);
	shunt_segment_close(&seg);
	munmap(taken, PAGE);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
files_have_all_of_it_too(void **state)
{
	struct shunt_segment *seg;
	char name[128], path[100];
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(path, sizeof(path), "%.64s/shunt-map-%d",
	    tmp != NULL ? tmp : "/tmp", (int)getpid());
	snprintf(name, sizeof(name), "file:%s", path);
	unlink(path);
	assert_int_equal(shunt_segment_create(&seg, name, 3 * PAGE,
			     OPTIONS(.offset = PAGE + 1, .length = 2,
				 .flags = SHUNT_SEGMENT_HUGE)),
	    0);
	memcpy(shunt_segment_data(seg), "ab", 2);
	assert_int_equal(shunt_segment_protect(seg, SHUNT_PROT_NONE), 0);
	shunt_segment_close(&seg);
	assert_int_equal(
	    shunt_segment_open(&seg, name,
		OPTIONS(.offset = PAGE, .length = 4, .prot = SHUNT_PROT_READ)),
	    0);
	assert_memory_equal(shunt_segment_data(seg), "\0ab\0", 4);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_window_of_any_bytes),
	    TEST(a_window_is_wholly_inside),
	    TEST(made_with_a_window),
	    TEST(at_an_address),
	    TEST(the_page_of_an_address),
	    TEST(in_place_of_what_is_there),
	    TEST(an_old_kernel_does_not_map_elsewhere),
	    TEST(files_have_all_of_it_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
