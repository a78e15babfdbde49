/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Seals: what nobody can do to a memfd any more. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include "os/os.h"
#include "unit/raw.h"

static struct shunt_segment *
memory(size_t size)
{
	struct shunt_segment *seg;

	assert_int_equal(shunt_segment_anon(&seg, size, NULL), 0);
	memset(shunt_segment_data(seg), 'x', size);
	return seg;
}

static void
sealed_against_another_size(void **state)
{
	struct shunt_segment *seg = memory(2 * PAGE);
	int fd = shunt_segment_fd(seg);

	(void)state;
	assert_int_equal(shunt_segment_seals(seg), 0);
	assert_int_equal(shunt_segment_seal(seg, 0), 0);
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_SHRINK), 0);
	assert_int_equal(shunt_segment_seals(seg), SHUNT_SEAL_SHRINK);
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_SHRINK), 0);
	assert_int_equal(ftruncate(fd, (off_t)PAGE), -1);
	assert_refused(
	    shunt_segment_resize(seg, PAGE), -EPERM, "sealed against");
	assert_int_equal(shunt_segment_size(seg), 2 * PAGE);
	assert_int_equal(shunt_segment_resize(seg, 3 * PAGE), 0);
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_GROW), 0);
	assert_refused(
	    shunt_segment_resize(seg, 4 * PAGE), -EPERM, "sealed against");
	assert_int_equal(shunt_segment_resize(seg, 3 * PAGE), 0);
	assert_int_equal(
	    shunt_segment_seals(seg), SHUNT_SEAL_SHRINK | SHUNT_SEAL_GROW);
	*(char *)shunt_segment_data(seg) = 'y'; /* still ours to write */
	shunt_segment_close(&seg);
}

static int
write_byte(void *p)
{
	*(volatile char *)p = 'w';
	return 0;
}

static void
sealed_against_writing(void **state)
{
	struct shunt_segment *seg = memory(PAGE + 1);

	(void)state;
	int fds = test_fds();
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_WRITE), 0);
	assert_int_equal(shunt_segment_seals(seg), SHUNT_SEAL_WRITE);
	assert_int_equal(test_fds(), fds);
	char *p = shunt_segment_data(seg);
	assert_int_equal(p[0], 'x');
	assert_int_equal(p[PAGE], 'x');
	assert_int_equal(peer_end(peer_start(write_byte, p)), -SIGSEGV);
	assert_refused(
	    shunt_segment_protect(seg, SHUNT_PROT_READ | SHUNT_PROT_WRITE),
	    -EACCES, "reading only");
	assert_int_equal(pwrite(shunt_segment_fd(seg), "y", 1, 0), -1);
	assert_int_equal(
	    fcntl(shunt_segment_fd(seg), F_GETFL) & O_ACCMODE, O_RDONLY);
	/* Whoever opens it anew cannot write either. */
	struct shunt_segment *again;
	char name[32];
	snprintf(name, sizeof(name), "fd:%d", shunt_segment_fd(seg));
	int e = shunt_segment_open(&again, name, NULL);
	assert_int_equal(e, -EPERM);
	assert_int_equal(shunt_segment_open(&again, name,
			     OPTIONS(.flags = SHUNT_SEGMENT_READONLY)),
	    0);
	shunt_segment_close(&again);
	shunt_segment_close(&seg);
	assert_false(test_mapped(p));
}

/* A handle that shows a window, or was protected, shows the same after it. */
static void
what_is_shown_stays(void **state)
{
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, 3 * PAGE,
			     OPTIONS(.offset = PAGE + 7, .length = 20)),
	    0);
	memcpy(shunt_segment_data(seg), "window", 7);
	char *p = shunt_segment_data(seg);
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_WRITE), 0);
	assert_ptr_equal(shunt_segment_data(seg), p);
	assert_string_equal(shunt_segment_data(seg), "window");
	shunt_segment_close(&seg);

	seg = memory(PAGE);
	assert_int_equal(shunt_segment_protect(seg, SHUNT_PROT_READ), 0);
	assert_int_equal(
	    shunt_segment_seal(seg, SHUNT_SEAL_WRITE | SHUNT_SEAL_SEAL), 0);
	assert_int_equal(*(char *)shunt_segment_data(seg), 'x');
	shunt_segment_close(&seg);

	seg = memory(PAGE);
	assert_int_equal(shunt_segment_protect(seg, SHUNT_PROT_NONE), 0);
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_WRITE), 0);
	assert_int_equal(shunt_segment_protect(seg, SHUNT_PROT_READ), 0);
	assert_int_equal(*(char *)shunt_segment_data(seg), 'x');
	shunt_segment_close(&seg);

	/* Only for writing: then it is for reading. */
	seg = memory(PAGE);
	assert_int_equal(shunt_segment_protect(seg, SHUNT_PROT_WRITE), 0);
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_WRITE), 0);
	assert_int_equal(*(char *)shunt_segment_data(seg), 'x');
	shunt_segment_close(&seg);
}

struct holding {
	struct step *step;
	struct shunt_segment *seg;
};

static int
hold(void *arg)
{
	struct holding *h = arg;

	step_to(h->step, 1);
	step_wait(h->step, 2);
	return *(char *)shunt_segment_data(h->seg);
}

/* Somebody has it mapped for writing, be it without ever doing so. */
static void
busy_while_somebody_can_write(void **state)
{
	struct shunt_segment *seg = memory(PAGE);
	struct holding h = {test_shared(sizeof(struct step)), seg};

	(void)state;
	pid_t pid = peer_start(hold, &h);
	step_wait(h.step, 1);
	char *p = shunt_segment_data(seg);
	assert_refused(shunt_segment_seal(seg, SHUNT_SEAL_WRITE), -EBUSY,
	    "can still write");
	assert_int_equal(shunt_segment_seals(seg), 0);
	/* And here it is as it was. */
	assert_ptr_equal(shunt_segment_data(seg), p);
	assert_int_equal(p[0], 'x');
	p[0] = 'z';
	/* From now on nobody new. */
	int e = shunt_segment_seal(seg, SHUNT_SEAL_FUTURE_WRITE);
	assert_true(e == 0 || e == -EINVAL); /* since Linux 5.1 */
	if (e == 0) {
		p[0] = 'v';
		assert_int_equal(
		    shunt_segment_seals(seg), SHUNT_SEAL_FUTURE_WRITE);
		assert_true(
		    MAP_FAILED == mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				      MAP_SHARED, shunt_segment_fd(seg), 0));
	}
	step_to(h.step, 2);
	assert_int_equal(peer_end(pid), p[0]);
	if (e == -EINVAL)
		assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_WRITE), 0);
	shunt_segment_close(&seg);
}

static void
sealed_against_seals(void **state)
{
	struct shunt_segment *seg = memory(100);

	(void)state;
	assert_int_equal(
	    shunt_segment_seal(seg, SHUNT_SEAL_SEAL | SHUNT_SEAL_SHRINK), 0);
	assert_int_equal(
	    shunt_segment_seals(seg), SHUNT_SEAL_SEAL | SHUNT_SEAL_SHRINK);
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_SHRINK), 0);
	assert_refused(shunt_segment_seal(seg, SHUNT_SEAL_GROW), -EPERM,
	    "sealed against further seals");
	char *p = shunt_segment_data(seg);
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_WRITE), -EPERM);
	p[0] = 'y';
	shunt_segment_close(&seg);
}

static void
only_memory_without_a_name(void **state)
{
	const char *name = test_name("named");
	struct shunt_segment *seg, *other;
	char text[160];
	const char *tmp = getenv("TMPDIR");

	(void)state;
	assert_int_equal(shunt_segment_seal(NULL, 0), -EINVAL);
	assert_int_equal(shunt_segment_seals(NULL), -EINVAL);
	assert_int_equal(shunt_segment_create(&seg, name, 100, NULL), 0);
	assert_refused(shunt_segment_seal(seg, SHUNT_SEAL_SHRINK), -ENOTSUP,
	    "only memory without a name");
	assert_int_equal(shunt_segment_seals(seg), -ENOTSUP);
	assert_refused(shunt_segment_open(&other, name,
			   OPTIONS(.flags = SHUNT_SEGMENT_SEALED)),
	    SHUNT_E_KIND, "not sealed against shrinking");
	assert_null(other);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
	snprintf(text, sizeof(text), "file:%.64s/shunt-seal-%d",
	    tmp != NULL ? tmp : "/tmp", (int)getpid());
	unlink(text + 5);
	assert_int_equal(shunt_segment_create(&seg, text, 100, NULL), 0);
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_SHRINK), -ENOTSUP);
	assert_int_equal(shunt_segment_seals(seg), -ENOTSUP);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(text, NULL), 0);

	seg = memory(10);
	assert_refused(
	    shunt_segment_seal(seg, 1u << 5), -EINVAL, "newer version");
	snprintf(text, sizeof(text), "fd:%d", shunt_segment_fd(seg));
	assert_int_equal(shunt_segment_open(&other, text,
			     OPTIONS(.flags = SHUNT_SEGMENT_READONLY)),
	    0);
	assert_refused(shunt_segment_seal(other, SHUNT_SEAL_SHRINK), -EACCES,
	    "opened for reading only");
	assert_int_equal(shunt_segment_seals(other), 0);
	shunt_segment_close(&other);
	shunt_segment_close(&seg);
}

/* What is asked to be sealed cannot be cut under those who opened it. */
static void
opened_only_if_sealed(void **state)
{
	struct shunt_segment *seg = memory(PAGE), *other;
	char name[32];

	(void)state;
	snprintf(name, sizeof(name), "fd:%d", shunt_segment_fd(seg));
	assert_refused(shunt_segment_open(&other, name,
			   OPTIONS(.flags = SHUNT_SEGMENT_SEALED)),
	    SHUNT_E_KIND, "not sealed against shrinking");
	assert_null(other);
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_GROW), 0);
	assert_int_equal(shunt_segment_open(&other, name,
			     OPTIONS(.flags = SHUNT_SEGMENT_SEALED)),
	    SHUNT_E_KIND);
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_SHRINK), 0);
	assert_int_equal(shunt_segment_open(&other, name,
			     OPTIONS(.flags = SHUNT_SEGMENT_SEALED)),
	    0);
	assert_int_equal(*(char *)shunt_segment_data(other), 'x');
	shunt_segment_close(&other);
	shunt_segment_close(&seg);
}

/* Before Linux 6.7 a descriptor that can write cannot be mapped any more. */
static int (*real_mmap_at)(void **, size_t, int, int, int, off_t);
static int
old_mmap_at(void **at, size_t size, int prot, int flags, int fd, off_t off)
{
	int seals = fd < 0 ? 0 : fcntl(fd, F_GET_SEALS);

	if (seals > 0 && (seals & F_SEAL_WRITE) &&
	    (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
		return -EPERM;
	return real_mmap_at(at, size, prot, flags, fd, off);
}

static void
an_old_kernel_maps_it_too(void **state)
{
	struct shunt_segment *seg = memory(PAGE);

	(void)state;
	real_mmap_at = shunt__os.mmap_at;
	shunt__os.mmap_at = old_mmap_at;
	int e = shunt_segment_seal(seg, SHUNT_SEAL_WRITE);
	shunt__os.mmap_at = real_mmap_at;
	assert_int_equal(e, 0);
	assert_int_equal(*(char *)shunt_segment_data(seg), 'x');
	shunt_segment_close(&seg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(sealed_against_another_size),
	    TEST(sealed_against_writing),
	    TEST(what_is_shown_stays),
	    TEST(busy_while_somebody_can_write),
	    TEST(sealed_against_seals),
	    TEST(only_memory_without_a_name),
	    TEST(opened_only_if_sealed),
	    TEST(an_old_kernel_maps_it_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
