/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* What System V allows: told as the kernel has it, and explained when it is
 * reached.  Limits are those of a namespace: children lower their own. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/shm.h>

#include <cmocka.h>

#include <shunt.h>

#include "lib/peers.h"
#include "unit/sysv.h"

static uint64_t
sysctl(const char *what)
{
	char path[80], text[40] = "";
	ssize_t n = -1;

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", what);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	assert_true(n > 0);
	return strtoull(text, NULL, 10);
}

static void
set_sysctl(const char *what, const char *value)
{
	char path[80];

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", what);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	NEED(fd >= 0);
	NEED(write(fd, value, strlen(value)) == (ssize_t)strlen(value));
	close(fd);
}

static int
make(size_t size)
{
	struct shunt_segment *seg;
	int e = shunt_segment_create(&seg, "sysv:private", size, NULL);

	NEED((e == 0) == (seg != NULL));
	shunt_segment_close(&seg);
	return e;
}

static int
says(const char *part)
{
	if (strstr(shunt_error_detail(), part) != NULL)
		return 1;
	fprintf(stderr, "%s\n", shunt_error_detail());
	return 0;
}

static int
too_many(void *arg)
{
	(void)arg;
	NEED(unshare(CLONE_NEWIPC) == 0);
	set_sysctl("shmmni", "3");
	for (int i = 0; i < 3; i++)
		NEED(make(10) == 0);
	NEED(make(10) == -ENOSPC);
	NEED(says("there are 3 System V segments and there may be 3"));
	NEED(says("SHMMNI"));
	NEED(says("kernel.shmmni"));
	NEED(says("not a disk"));
	return 0;
}

static int
too_many_pages(void *arg)
{
	size_t page = (size_t)getpagesize();

	(void)arg;
	NEED(unshare(CLONE_NEWIPC) == 0);
	set_sysctl("shmall", "5");
	NEED(make(3 * page) == 0);
	NEED(make(2 * page + 1) == -ENOSPC);
	NEED(says("3 pages are wanted, and 3 of the 5"));
	NEED(says("SHMALL"));
	NEED(says("kernel.shmall"));
	NEED(make(2 * page) == 0);
	NEED(make(1) == -ENOSPC);
	/* More than all there may be, though none is taken. */
	NEED(make(6 * page) == -ENOSPC);
	NEED(says("6 pages are wanted, and 5 of the 5"));
	return 0;
}

static int
too_large(void *arg)
{
	(void)arg;
	NEED(unshare(CLONE_NEWIPC) == 0);
	set_sysctl("shmmax", "65536");
	NEED(make(65536) == 0);
	NEED(make(65537) == -EINVAL);
	NEED(says("65537 bytes are more"));
	NEED(says("65536 (SHMMAX)"));
	NEED(says("kernel.shmmax"));
	return 0;
}

static void
a_limit_that_is_reached_is_named(void **state)
{
	(void)state;
	if (!sysv_may_unshare()) {
		print_message("no namespace of our own: limits not lowered\n");
		skip();
	}
	assert_int_equal(peer_end(peer_start(too_many, NULL)), 0);
	assert_int_equal(peer_end(peer_start(too_many_pages, NULL)), 0);
	assert_int_equal(peer_end(peer_start(too_large, NULL)), 0);
}

static void
more_than_any_system_has(void **state)
{
	struct shunt_segment *seg;
	const char *name = sysv_name(sysv_key());
	int e;

	(void)state;
	e = shunt_segment_create(&seg, name, INT64_MAX, NULL);
	assert_true(e == -EINVAL || e == -ENOMEM || e == -ENOSPC);
	assert_detail(name);
	assert_true(says("9223372036854775807") || e == -ENOSPC);
	/* No kernel can promise so much memory. */
	e = shunt_segment_create(&seg, name, (size_t)1 << 50, NULL);
	assert_true(e == -EINVAL || e == -ENOMEM || e == -ENOSPC);
	if (e == -ENOMEM)
		assert_detail("cannot promise 1125899906842624 bytes");
	assert_int_equal(shunt_segment_open(&seg, name, NULL), -ENOENT);
}

static void
limits_are_those_of_the_kernel(void **state)
{
	struct shunt_sysv_limits limits = {.sz = sizeof(limits)};

	(void)state;
	assert_int_equal(shunt_sysv_limits(&limits), 0);
	assert_int_equal(limits.shmmax, sysctl("shmmax"));
	assert_int_equal(limits.shmmni, sysctl("shmmni"));
	assert_int_equal(limits.shmall, sysctl("shmall"));
	assert_int_equal(limits.shmmin, 1);
	assert_int_equal(limits.page, getpagesize());
	limits.sz = 0;
	assert_int_equal(shunt_sysv_limits(&limits), -EINVAL);
	assert_int_equal(shunt_sysv_limits(NULL), -EINVAL);
	/* A caller of an older release gets what it knows. */
	limits.sz = offsetof(struct shunt_sysv_limits, shmmni);
	limits.shmmni = 77;
	assert_int_equal(shunt_sysv_limits(&limits), 0);
	assert_int_equal(limits.shmmni, 77);
}

static int
count(void *arg)
{
	struct shunt_sysv_usage now = {.sz = sizeof(now)};
	struct shunt_sysv_info info = {.sz = sizeof(info)};
	struct shunt_segment *seg;
	size_t page = (size_t)getpagesize();

	(void)arg;
	NEED(unshare(CLONE_NEWIPC) == 0);
	NEED(shunt_sysv_usage(&now) == 0);
	NEED(now.segments == 0 && now.pages == 0 && now.resident == 0);
	NEED(now.highest == -1);
	NEED(shunt_segment_create(&seg, "sysv:0x77", 10 * page + 1, NULL) == 0);
	NEED(make(1) == 0);
	NEED(shunt_sysv_usage(&now) == 0);
	NEED(now.segments == 2 && now.pages == 12 && now.highest == 1);
	NEED(now.resident == 0 && now.swapped == 0);
	/* Its pages come with the first touch. */
	memset(shunt_segment_data(seg), 1, 2 * page);
	NEED(shunt_sysv_usage(&now) == 0);
	NEED(now.resident + now.swapped == 2);
	/* Walking over all, with a gap where one was. */
	NEED(shunt_sysv_index(0, &info) == 0);
	NEED(info.key == 0x77 && info.size == 10 * page + 1);
	NEED(info.rounded == 11 * page && info.attached == 1);
	NEED(info.id == shunt_sysv_id(seg));
	shunt_segment_close(&seg);
	NEED(shunt_remove("sysv:0x77", NULL) == 0);
	NEED(shunt_sysv_usage(&now) == 0);
	NEED(now.segments == 1 && now.pages == 1 && now.highest == 1);
	NEED(shunt_sysv_index(0, &info) == -EINVAL);
	NEED(shunt_sysv_index(1, &info) == 0);
	NEED(info.key == 0 && info.size == 1);
	NEED(shunt_sysv_index(2, &info) == -EINVAL);
	NEED(shunt_sysv_index(-1, &info) == -EINVAL);
	info.sz = 0;
	NEED(shunt_sysv_index(1, &info) == -EINVAL);
	NEED(shunt_sysv_index(1, NULL) == -EINVAL);
	return 0;
}

static void
usage_counts_and_a_walk_finds_all(void **state)
{
	(void)state;
	if (!sysv_may_unshare())
		skip();
	assert_int_equal(peer_end(peer_start(count, NULL)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_limit_that_is_reached_is_named),
	    TEST(more_than_any_system_has),
	    TEST(limits_are_those_of_the_kernel),
	    TEST(usage_counts_and_a_walk_finds_all),
	};

	return cmocka_run_group_tests(tests, sysv_setup, NULL);
}
