/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* What a process may do with a raw segment that it mapped, and what with its
 * descriptor: read, write, run, hand it on over exec(3). */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "unit/raw.h"

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

#if defined(__x86_64__) || defined(__i386__)
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

/* ---- descriptors ---------------------------------------------------------
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(protection_as_asked_for_and_changed),
	    TEST(protection_that_makes_no_sense),
	    TEST(read_only_from_the_beginning),
	    TEST(code_is_run_only_where_asked_for),
	    TEST(inherited_over_exec_if_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
