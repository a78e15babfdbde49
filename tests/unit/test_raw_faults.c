/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * The k-th system call fails, for every k until none does, in what is done
 * with raw segments: each call answers with that error or does without, leaks
 * nothing, and leaves the segment as it was or as it was asked to be.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/error.h"
#include "os/os.h"
#include "unit/faults.h"
#include "unit/raw.h"

static const int errors[] = {EIO, ENOMEM, EMFILE, EINTR, ENOSPC, EACCES, EPERM,
    ENOSYS, EAGAIN, EINVAL, EBUSY};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

#define OLD 5000u
#define NEW (5000u + 40 * 4096u)

static const char *name;
static int for_ever; /* all calls fail from the k-th on */

/* A sanitizer, and the malloc() of musl, have many mappings of their own that
 * come and go. */
#ifdef __GLIBC__
#define ALL_OURS (!UNDER_SANITIZER)
#else
#define ALL_OURS 0
#endif

/* Mappings of this process; where there are others' too, those of segments. */
static int
map_count(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	int n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		n += ALL_OURS || strstr(line, "/dev/shm/") != NULL ||
		     strstr(line, "memfd:") != NULL;
	if (f != NULL)
		fclose(f);
	return n;
}

/* ---- what is tried ---------------------------------------------------------
 */

/* Every option that costs a call. */
static int
make_with_all(void)
{
	struct shunt_segment *seg;
	int e = shunt_segment_create(&seg, name, OLD,
	    OPTIONS(.offset = 4097, .length = 100, .prot = SHUNT_PROT_READ,
		.flags = SHUNT_SEGMENT_LOCKED | SHUNT_SEGMENT_INHERIT));

	assert_true(e < 0 ? seg == NULL : e == 0);
	if (e < 0)
		assert_false(test_there(name));
	shunt_segment_close(&seg);
	return e;
}

static int
make_huge(void)
{
	struct shunt_segment *seg;
	int e = shunt_segment_anon(
	    &seg, 3 << 20, OPTIONS(.flags = SHUNT_SEGMENT_HUGE));

	assert_true((e == 0) == (seg != NULL));
	if (e == 0)
		assert_int_equal(shunt_segment_size(seg), 3 << 20);
	shunt_segment_close(&seg);
	return e;
}

static int
open_at_an_address(void)
{
	struct shunt_segment *seg;
	void *at = test_free_room(PAGE);
	int e = shunt_segment_open(
	    &seg, name, OPTIONS(.address = at, .offset = 4096, .length = 10));

	assert_true((e == 0) == (seg != NULL));
	if (e == 0)
		assert_ptr_equal(shunt_segment_data(seg), at);
	shunt_segment_close(&seg);
	return e;
}

static int
protect(void)
{
	struct shunt_segment *seg;
	int e = shunt_segment_open(&seg, name, NULL);

	if (e < 0)
		return e;
	e = shunt_segment_protect(seg, SHUNT_PROT_READ);
	if (e < 0) /* as it was */
		*(char *)shunt_segment_data(seg) = (char)test_byte(0);
	shunt_segment_close(&seg);
	return e;
}

/* The old size and its bytes, or the new one with zeros behind them. */
static void
check_bytes(const unsigned char *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(p[i], i < OLD ? test_byte(i) : 0);
}

static int
resize_to(size_t to)
{
	struct shunt_segment *seg;
	struct stat st;
	int e = shunt_segment_open(&seg, name, NULL);

	if (e < 0)
		return e;
	size_t from = shunt_segment_size(seg);
	e = shunt_segment_resize(seg, to);
	size_t size = e == 0 ? to : from;
	assert_int_equal(shunt_segment_size(seg), size);
	assert_int_equal(fstat(shunt_segment_fd(seg), &st), 0);
	/* What failed cannot be taken back where taking back fails, too. */
	assert_true((size_t)st.st_size == size ||
		    (for_ever && (size_t)st.st_size == to));
	check_bytes(shunt_segment_data(seg), size);
	shunt_segment_close(&seg);
	return e;
}

static int
grow(void)
{
	return resize_to(NEW);
}

static int
shrink(void)
{
	return resize_to(100);
}

static int
seal(void)
{
	struct shunt_segment *seg;
	int e = shunt_segment_anon(&seg, OLD, NULL);

	if (e < 0)
		return e;
	unsigned char *p = shunt_segment_data(seg);
	p[0] = 'x';
	e = shunt_segment_seal(seg, SHUNT_SEAL_SHRINK | SHUNT_SEAL_WRITE);
	if (shunt_segment_data(seg) == NULL)
		fail();
	int seals = fcntl(shunt_segment_fd(seg), F_GET_SEALS);
	assert_true(
	    seals == 0 || seals == (SHUNT_SEAL_SHRINK | SHUNT_SEAL_WRITE));
	if (e == 0)
		assert_true(seals != 0);
	/* If it did not come to the seal, everything is as it was; if it can
	 * neither be mapped again, it cannot be touched. */
	if (seals == 0 && !for_ever) {
		assert_ptr_equal(shunt_segment_data(seg), p);
		assert_int_equal(p[0], 'x');
		p[0] = 'y';
	} else if (e == 0) {
		assert_int_equal(*(char *)shunt_segment_data(seg), 'x');
	}
	shunt_segment_close(&seg);
	return e;
}

/* What was sent is taken, or is still to be taken. */
static int
hand_over(void)
{
	struct shunt_segment *seg, *got = NULL;
	int s[2];
	int e = shunt_segment_open(&seg, name, NULL);

	if (e < 0)
		return e;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, s), 0);
	e = shunt_segment_send(seg, s[0]);
	if (e == 0) {
		e = shunt_segment_recv(&got, s[1],
		    OPTIONS(.offset = 10, .length = 5,
			.flags = SHUNT_SEGMENT_READONLY));
		assert_true((e == 0) == (got != NULL));
	}
	if (e == 0)
		assert_int_equal(
		    *(unsigned char *)shunt_segment_data(got), test_byte(10));
	shunt_segment_close(&got);
	shunt_segment_close(&seg);
	close(s[0]);
	close(s[1]);
	return e;
}

static int
set_size(void)
{
	return shunt_segment_set_size(name, NEW);
}

static int
set_mode(void)
{
	return shunt_segment_set_mode(name, 0640);
}

static int
set_owner(void)
{
	return shunt_segment_set_owner(name, NULL, "0");
}

/* ---- the loop --------------------------------------------------------------
 */

static void
prepare(int there)
{
	unlink(test_path(name));
	if (there)
		test_make(name, OLD);
}

/* Some errors have a meaning of their own at the place where they come. */
static int
is_right(int e, int err, const char *call)
{
	if (e == 0 || e == -err)
		return 1;
	return (err == EINVAL && strcmp(call, "fcntl") == 0 && e == -ENOTSUP) ||
	       (err == ENOTSUP && e == -ENOTSUP);
}

static int
can_be_interrupted(const char *call)
{
	return strstr("pread pwrite ftruncate fallocate madvise sendmsg "
		      "recvmsg",
		   call) != NULL;
}

static void
sane(void)
{
	struct stat st;
	unsigned char buf[100];

	if (lstat(test_path(name), &st) != 0)
		return;
	assert_true(
	    st.st_size == OLD || st.st_size == NEW || st.st_size == 100);
	assert_true(
	    (st.st_mode & 07777) == 0600 || (st.st_mode & 07777) == 0640);
	assert_int_equal(shunt_segment_read(name, 0, buf, 100, NULL), 100);
	for (size_t i = 0; i < 100; i++)
		assert_true(buf[i] == test_byte(i) || buf[i] == 0);
}

static void
once(int (*f)(void), int there, unsigned k, int err, int forever, int *hit)
{
	prepare(there);
	int fds = test_fds(), maps = map_count();
	shunt__fail(0, "%s", "");
	for_ever = forever;
	faults_on(k, err, forever);
	int e = f();
	*hit = faults_off();
	if (test_fds() != fds)
		fail_msg("%s (%u): a descriptor leaks", faults_call(), k);
	if (map_count() > maps)
		fail_msg("%s (%u): a mapping leaks", faults_call(), k);
	if (!forever && !is_right(e, err, faults_call()))
		fail_msg("%s (%u) fails with %s: %s (%s)", faults_call(), k,
		    shunt_error_name(-err), shunt_error_name(e),
		    shunt_error_detail());
	if (e < 0 && strlen(shunt_error_detail()) < 10)
		fail_msg("%s (%u): no sentence", faults_call(), k);
	if (!forever && err == EINTR && e != 0 &&
	    can_be_interrupted(faults_call()))
		fail_msg("%s (%u) is interrupted: %s", faults_call(), k,
		    shunt_error_name(e));
	sane();
}

static void
try_all(int (*f)(void), int there)
{
	unsigned most = 0;
	int hit;

	name = test_name("fault");
	prepare(there);
	assert_int_equal(f(), 0); /* and what libc makes once is made now */
	for (size_t i = 0; i < ERRORS; i++) {
		hit = 1;
		for (unsigned k = 1; hit; k++) {
			once(f, there, k, errors[i], 0, &hit);
			most = k > most ? k : most;
		}
	}
	hit = 1;
	for (unsigned k = 1; hit; k++)
		once(f, there, k, EIO, 1, &hit);
	assert_true(most > 3);
	prepare(0);
}

#define TRY(f, there)                                                          \
	static void when_calls_fail_in_##f(void **state)                       \
	{                                                                      \
		(void)state;                                                   \
		try_all(f, there);                                             \
	}

TRY(make_with_all, 0)
TRY(make_huge, 0)
TRY(open_at_an_address, 1)
TRY(protect, 1)
TRY(grow, 1)
TRY(shrink, 1)
TRY(seal, 0)
TRY(hand_over, 1)
TRY(set_size, 1)
TRY(set_mode, 1)
TRY(set_owner, 1)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(when_calls_fail_in_make_with_all),
	    TEST(when_calls_fail_in_make_huge),
	    TEST(when_calls_fail_in_open_at_an_address),
	    TEST(when_calls_fail_in_protect),
	    TEST(when_calls_fail_in_grow),
	    TEST(when_calls_fail_in_shrink),
	    TEST(when_calls_fail_in_seal),
	    TEST(when_calls_fail_in_hand_over),
	    TEST(when_calls_fail_in_set_size),
	    TEST(when_calls_fail_in_set_mode),
	    TEST(when_calls_fail_in_set_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
