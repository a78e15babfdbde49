/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Mappings of raw segments: windows, addresses, protection, huge pages, locks
 * in memory, descriptors that are inherited. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "os/os.h"
#include "unit/raw.h"

/* ---- windows ---------------------------------------------------------------
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

/* ---- addresses -------------------------------------------------------------
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

/* ---- protection ------------------------------------------------------------
 */

static int
read_it(void *p)
{
	return *(volatile char *)p == 1 ? 0 : 1;
}

static int
write_it(void *p)
{
	*(volatile char *)p = 1;
	return 0;
}

static void
may(void *p, int read, int write)
{
	assert_int_equal(
	    peer_end(peer_start(write_it, p)), write ? 0 : -SIGSEGV);
	assert_int_equal(peer_end(peer_start(read_it, p)), read ? 0 : -SIGSEGV);
}

static void
protection_as_asked_for_and_changed(void **state)
{
	const char *name = test_name("prot");
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 100, NULL), 0);
	void *p = shunt_segment_data(seg);
	*(char *)p = 1;
	may(p, 1, 1);
	assert_int_equal(shunt_segment_protect(seg, SHUNT_PROT_READ), 0);
	may(p, 1, 0);
	assert_int_equal(shunt_segment_protect(seg, SHUNT_PROT_NONE), 0);
	may(p, 0, 0);
	assert_int_equal(
	    shunt_segment_protect(seg, SHUNT_PROT_READ | SHUNT_PROT_WRITE), 0);
	may(p, 1, 1);
	shunt_segment_close(&seg);

	/* Without access, until it is given. */
	assert_int_equal(
	    shunt_segment_open(&seg, name, OPTIONS(.prot = SHUNT_PROT_NONE)),
	    0);
	p = shunt_segment_data(seg);
	may(p, 0, 0);
	assert_int_equal(shunt_segment_protect(seg, SHUNT_PROT_READ), 0);
	may(p, 1, 0);
	assert_int_equal(
	    fcntl(shunt_segment_fd(seg), F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_refused(
	    shunt_segment_protect(seg, SHUNT_PROT_READ | SHUNT_PROT_WRITE),
	    -EACCES, "opened for reading only");
	may(p, 1, 0);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
protection_that_makes_no_sense(void **state)
{
	const char *name = test_name("sense");
	struct shunt_segment *seg, *no;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 100, NULL), 0);
	assert_int_equal(shunt_segment_protect(NULL, SHUNT_PROT_READ), -EINVAL);
	assert_refused(
	    shunt_segment_protect(seg, 0), -EINVAL, "a protection is");
	assert_int_equal(shunt_segment_protect(seg, 1u << 4), -EINVAL);
	assert_int_equal(
	    shunt_segment_protect(seg, SHUNT_PROT_NONE | SHUNT_PROT_READ),
	    -EINVAL);
	assert_refused(shunt_segment_open(&no, name,
			   OPTIONS(.prot = SHUNT_PROT_NONE | SHUNT_PROT_READ)),
	    -EINVAL, "SHUNT_PROT_NONE alone");
	assert_int_equal(
	    shunt_segment_open(&no, name, OPTIONS(.prot = 1u << 9)), -EINVAL);
	assert_refused(shunt_segment_open(&no, name,
			   OPTIONS(.prot = SHUNT_PROT_WRITE,
			       .flags = SHUNT_SEGMENT_READONLY)),
	    -EINVAL, "contradict");
	assert_int_equal(shunt_segment_open(&no, name,
			     OPTIONS(.prot = SHUNT_PROT_NONE,
				 .flags = SHUNT_SEGMENT_LOCKED)),
	    -EINVAL);
	assert_int_equal(
	    shunt_segment_open(&no, name, OPTIONS(.reserved = 1)), -EINVAL);
	assert_refused(shunt_segment_create(&no, name, 100,
			   OPTIONS(.flags = SHUNT_SEGMENT_SEALED)),
	    -EINVAL, "SHUNT_SEGMENT_SEALED");
	assert_int_equal(shunt_segment_anon(
			     &no, 100, OPTIONS(.flags = SHUNT_SEGMENT_SEALED)),
	    -EINVAL);
	assert_null(no);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* What is made for reading has a descriptor that hands nobody more. */
static void
read_only_from_the_beginning(void **state)
{
	const char *name = test_name("weak");
	struct shunt_segment *seg;

	(void)state;
	for (int i = 0; i < 2; i++) { /* made, and there */
		assert_int_equal(shunt_segment_create(&seg, name, 100,
				     OPTIONS(.flags = SHUNT_SEGMENT_READONLY)),
		    i);
		assert_int_equal(
		    fcntl(shunt_segment_fd(seg), F_GETFL) & O_ACCMODE,
		    O_RDONLY);
		assert_true(fcntl(shunt_segment_fd(seg), F_GETFD) & FD_CLOEXEC);
		assert_int_equal(
		    peer_end(peer_start(write_it, shunt_segment_data(seg))),
		    -SIGSEGV);
		shunt_segment_close(&seg);
	}
	assert_int_equal(
	    shunt_segment_create(&seg, name, 200,
		OPTIONS(.prot = SHUNT_PROT_READ,
		    .flags = SHUNT_SEGMENT_TRUNCATE | SHUNT_SEGMENT_READONLY)),
	    1);
	assert_int_equal(
	    fcntl(shunt_segment_fd(seg), F_GETFL) & O_ACCMODE, O_RDONLY);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
	assert_int_equal(
	    shunt_segment_anon(&seg, 10, OPTIONS(.prot = SHUNT_PROT_READ)), 0);
	assert_int_equal(
	    fcntl(shunt_segment_fd(seg), F_GETFL) & O_ACCMODE, O_RDONLY);
	shunt_segment_close(&seg);
}

#if defined(__x86_64__)
static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};
#elif defined(__aarch64__)
static const unsigned char code[] = {
    0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6};
#endif

static int
run_it(void *p)
{
	int (*f)(void);

	memcpy(&f, &p, sizeof(f));
	return f();
}

/* Bytes that return 42: run where that was asked for, and only there. */
static void
code_is_run_only_where_asked_for(void **state)
{
	struct shunt_segment *seg, *run;
	char name[32];

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, 100, NULL), 0);
	memcpy(shunt_segment_data(seg), code, sizeof(code));
	__builtin___clear_cache(shunt_segment_data(seg),
	    (char *)shunt_segment_data(seg) + sizeof(code));
	assert_int_equal(
	    peer_end(peer_start(run_it, shunt_segment_data(seg))), -SIGSEGV);
	snprintf(name, sizeof(name), "fd:%d", shunt_segment_fd(seg));
	assert_int_equal(
	    shunt_segment_open(
		&run, name, OPTIONS(.prot = SHUNT_PROT_READ | SHUNT_PROT_EXEC)),
	    0);
	assert_int_equal(
	    peer_end(peer_start(run_it, shunt_segment_data(run))), 42);
	assert_int_equal(shunt_segment_protect(run, SHUNT_PROT_READ), 0);
	assert_int_equal(
	    peer_end(peer_start(run_it, shunt_segment_data(run))), -SIGSEGV);
	assert_int_equal(
	    shunt_segment_protect(seg, SHUNT_PROT_READ | SHUNT_PROT_EXEC), 0);
	assert_int_equal(
	    peer_end(peer_start(run_it, shunt_segment_data(seg))), 42);
	shunt_segment_close(&run);
	shunt_segment_close(&seg);
}

/* ---- memory ----------------------------------------------------------------
 */

/* A number of kB of the mapping at @p, as smaps has it. */
static long
smaps(const void *p, const char *field)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long from, to;
	char line[512];
	long n = -1;
	int here = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here =
			    (unsigned long)p >= from && (unsigned long)p < to;
		else if (here && strncmp(line, field, strlen(field)) == 0)
			n = strtol(line + strlen(field) + 1, NULL, 10);
	}
	if (f != NULL)
		fclose(f);
	return n;
}

static void
huge_pages_are_a_wish(void **state)
{
	const size_t mb = 1 << 20;
	const char *name = test_name("huge");
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 8 * mb + 5,
			     OPTIONS(.flags = SHUNT_SEGMENT_HUGE)),
	    0);
	assert_int_equal(shunt_segment_size(seg), 8 * mb + 5);
	unsigned char *p = shunt_segment_data(seg);
	assert_int_equal((uintptr_t)p % (2 * mb), 0);
	/* Linux 6.1 and later do it even where the system's setting is not
	 * to; what others do is their own affair. */
	if (smaps(p, "ShmemPmdMapped:") != 8192)
		print_message("huge pages: %ld of 8192 kB\n",
		    smaps(p, "ShmemPmdMapped:"));
	for (size_t i = 0; i < 8 * mb + 5; i += 997)
		assert_int_equal(p[i], 0);
	memset(p, 7, 8 * mb + 5);
	shunt_segment_close(&seg);
	assert_false(test_mapped(p));
	assert_false(test_mapped(p + 8 * mb));
	/* A window that begins in the middle of a huge page. */
	assert_int_equal(
	    shunt_segment_open(&seg, name,
		OPTIONS(.offset = 3 * mb + 1, .flags = SHUNT_SEGMENT_HUGE)),
	    0);
	p = shunt_segment_data(seg);
	assert_int_equal((uintptr_t)p % (2 * mb), mb + 1);
	assert_int_equal(p[5 * mb + 3], 7);
	shunt_segment_close(&seg);
	/* One that is small. */
	assert_int_equal(
	    shunt_segment_open(&seg, name,
		OPTIONS(.length = 100, .flags = SHUNT_SEGMENT_HUGE)),
	    0);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* Anonymous memory asks for the pool first, and does without. */
static void
huge_pages_of_the_pool(void **state)
{
	const size_t mb = 1 << 20;
	struct shunt_segment *seg, *again;
	char name[32];
	struct stat st;

	(void)state;
	int fds = test_fds();
	assert_int_equal(shunt_segment_anon(&seg, 3 * mb,
			     OPTIONS(.flags = SHUNT_SEGMENT_HUGE)),
	    0);
	assert_int_equal(test_fds(), fds + 1);
	assert_int_equal(shunt_segment_size(seg), 3 * mb);
	assert_int_equal(fstat(shunt_segment_fd(seg), &st), 0);
	assert_true((size_t)st.st_size >= 3 * mb);
	print_message("pages of %ld bytes\n", (long)st.st_blksize);
	unsigned char *p = shunt_segment_data(seg);
	for (size_t i = 0; i < 3 * mb; i++)
		assert_int_equal(p[i], 0);
	memset(p, 5, 3 * mb);
	snprintf(name, sizeof(name), "fd:%d", shunt_segment_fd(seg));
	assert_int_equal(shunt_segment_open(&again, name,
			     OPTIONS(.offset = 2 * mb + 7, .length = 10)),
	    0);
	assert_int_equal(*(char *)shunt_segment_data(again), 5);
	assert_int_equal(shunt_segment_protect(again, SHUNT_PROT_READ), 0);
	p = shunt_segment_data(again);
	shunt_segment_close(&again);
	assert_false(test_mapped(p));
	assert_int_equal(shunt_segment_resize(seg, 5 * mb), 0);
	p = shunt_segment_data(seg);
	assert_int_equal(p[3 * mb - 1], 5);
	p[5 * mb - 1] = 1;
	assert_int_equal(shunt_segment_resize(seg, mb), 0);
	p = shunt_segment_data(seg);
	assert_int_equal(p[mb - 1], 5);
	shunt_segment_close(&seg);
	assert_false(test_mapped(p));
	assert_int_equal(test_fds(), fds);
}

static int
lock_too_much(void *name)
{
	const struct rlimit little = {64 << 10, 64 << 10};
	struct shunt_segment *seg;
	void *at = NULL;

	NEED(setrlimit(RLIMIT_MEMLOCK, &little) == 0);
	NEED(geteuid() != 0 || setresuid(STRANGER, STRANGER, STRANGER) == 0);
	int fds = test_fds();
	int e = shunt_segment_open(
	    &seg, name, OPTIONS(.flags = SHUNT_SEGMENT_LOCKED));
	NEED(e == -ENOMEM || e == -EAGAIN || e == -EPERM);
	need_detail("RLIMIT_MEMLOCK");
	need_detail("64 KiB");
	NEED(seg == NULL && test_fds() == fds);
	NEED(shunt_segment_open(&seg, name,
		 OPTIONS(.length = 4096, .flags = SHUNT_SEGMENT_LOCKED)) == 0);
	at = shunt_segment_data(seg);
	NEED(smaps(at, "Locked:") > 0);
	shunt_segment_close(&seg);
	return 0;
}

static void
locked_in_memory(void **state)
{
	const char *name = test_name("lock");
	struct shunt_segment *seg;

	(void)state;
	if (UNDER_SANITIZER)
		skip();
	assert_int_equal(
	    shunt_segment_create(&seg, name, 1 << 20,
		OPTIONS(.mode = 0666, .flags = SHUNT_SEGMENT_LOCKED)),
	    0);
	assert_int_equal(smaps(shunt_segment_data(seg), "Locked:"), 1024);
	shunt_segment_close(&seg);
	assert_int_equal(peer_end(peer_start(lock_too_much, (void *)name)), 0);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* ---- descriptors -----------------------------------------------------------
 */

/* 0 if the descriptor is there after exec(3). */
static int
is_there_after_exec(void *seg)
{
	char test[64];

	snprintf(test, sizeof(test), "test -e /proc/self/fd/%d",
	    shunt_segment_fd(seg));
	execl("/bin/sh", "sh", "-c", test, (char *)NULL);
	return 2;
}

static void
inherited_over_exec_if_asked_for(void **state)
{
	const char *name = test_name("exec");
	struct shunt_segment *seg;

	(void)state;
	for (int i = 0; i < 4; i++) {
		uint32_t flags = (i & 1 ? SHUNT_SEGMENT_INHERIT : 0) |
				 (i & 2 ? SHUNT_SEGMENT_READONLY : 0);
		assert_int_equal(shunt_segment_create(
				     &seg, name, 10, OPTIONS(.flags = flags)),
		    i > 0);
		assert_int_equal(peer_end(peer_start(is_there_after_exec, seg)),
		    i & 1 ? 0 : 1);
		shunt_segment_close(&seg);
	}
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
	    TEST(protection_as_asked_for_and_changed),
	    TEST(protection_that_makes_no_sense),
	    TEST(read_only_from_the_beginning),
	    TEST(code_is_run_only_where_asked_for),
	    TEST(huge_pages_are_a_wish),
	    TEST(huge_pages_of_the_pool),
	    TEST(locked_in_memory),
	    TEST(inherited_over_exec_if_asked_for),
	    TEST(files_have_all_of_it_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
