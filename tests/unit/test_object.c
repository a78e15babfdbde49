/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Life of an object: made, found, left, removed. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <shunt.h>

#include "lib/peers.h"
#include "os/os.h"
#include "ring/lane.h"
#include "segment/object.h"

static const struct shunt__spec spec = {
    .kind = SHUNT_KIND_QUEUE, .lanes = 4, .lane_bytes = 4096, .print = 7};

static int
no_unread(struct shunt__object *obj)
{
	(void)obj;
	return 0;
}

static int
some_unread(struct shunt__object *obj)
{
	(void)obj;
	return 1;
}

static void
the_first_makes_it_and_others_find_it(void **state)
{
	const char *name = test_name("obj");
	struct shunt__object *a, *b;
	struct stat st;

	(void)state;
	assert_int_equal(shunt__object_attach(&a, name, &spec), 1);
	/* That it was not there yet is no failure to tell of. */
	assert_string_equal(shunt_error_detail(), "");
	assert_int_equal(shunt__object_attach(&b, name, &spec), 0);
	assert_memory_equal(&a->geo, &b->geo, sizeof(a->geo));
	assert_int_equal(stat(test_path(name), &st), 0);
	assert_int_equal(st.st_size, (int64_t)a->geo.size);
	assert_int_equal(st.st_mode & 07777, 0600);
	shunt__store32(&a->control->ct_high, 3);
	assert_int_equal(shunt__object_high(b), 3);
	shunt__object_detach(b, no_unread);
	assert_true(test_there(name));
	shunt__object_detach(a, no_unread);
	assert_false(test_there(name));
}

static void
lifetimes(void **state)
{
	const char *name = test_name("life");
	struct shunt__spec lasting = spec;
	struct shunt__object *a;

	(void)state;
	/* Ephemeral, unread: stays; the next opener adopts it. */
	assert_int_equal(shunt__object_attach(&a, name, &spec), 1);
	shunt__object_detach(a, some_unread);
	assert_true(test_there(name));
	assert_int_equal(shunt__object_attach(&a, name, &spec), 0);
	shunt__object_detach(a, NULL);
	assert_true(test_there(name));
	assert_int_equal(shunt__object_attach(&a, name, &spec), 0);
	shunt__object_detach(a, no_unread);
	assert_false(test_there(name));
	/* Persistent: stays, whoever opens it how. */
	lasting.persistent = 1;
	assert_int_equal(shunt__object_attach(&a, name, &lasting), 1);
	shunt__object_detach(a, no_unread);
	assert_int_equal(shunt__object_attach(&a, name, &spec), 0);
	shunt__object_detach(a, no_unread);
	assert_true(test_there(name));
	assert_int_equal(shunt_remove(name, NULL), 0);
	assert_false(test_there(name));
}

static void
existing_and_exclusive(void **state)
{
	const char *name = test_name("flags");
	struct shunt__spec s = spec;
	struct shunt__object *a, *b;

	(void)state;
	s.existing = 1;
	assert_int_equal(shunt__object_attach(&a, name, &s), -ENOENT);
	assert_null(a);
	assert_detail("there is no such segment");
	assert_false(test_there(name));
	s.existing = 0;
	s.exclusive = 1;
	assert_int_equal(shunt__object_attach(&a, name, &s), 1);
	assert_int_equal(shunt__object_attach(&b, name, &s), -EEXIST);
	assert_detail("it exists already");
	shunt__object_detach(a, no_unread);
}

static void
its_mode_is_exact(void **state)
{
	const char *name = test_name("mode");
	struct shunt__spec s = spec;
	struct shunt__object *a;
	struct stat st;
	mode_t old = umask(0077);

	(void)state;
	s.mode = 0666;
	s.group = "12345";
	assert_int_equal(
	    shunt__object_attach(&a, name, &s), geteuid() == 0 ? 1 : -EPERM);
	umask(old);
	if (a == NULL)
		return;
	assert_int_equal(fstat(a->fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	assert_int_equal(st.st_gid, 12345);
	shunt__object_detach(a, no_unread);
	s.group = "no-such-group-here";
	assert_int_equal(shunt__object_attach(&a, name, &s), -EINVAL);
	assert_detail("there is no group");
	assert_false(test_there(name));
}

static void
sizes_that_cannot_be_are_refused(void **state)
{
	static const struct {
		uint32_t lanes;
		uint32_t area;
		uint64_t bytes;
	} bad[] = {{0, 0, 4096}, {4097, 0, 4096}, {4, 0, 0}, {4, 0, 2048},
	    {4, 0, 4097}, {4, 0, 12288}, {4, 0, UINT64_C(1) << 31},
	    {4, 0, UINT64_MAX}, {4, 100, 4096}, {4, 1u << 21, 4096}};
	const char *name = test_name("size");
	struct shunt__object *a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct shunt__spec s = spec;
		s.lanes = bad[i].lanes;
		s.area_bytes = bad[i].area;
		s.lane_bytes = bad[i].bytes;
		assert_int_equal(shunt__object_attach(&a, name, &s), -EINVAL);
		assert_detail("a power of two from 4 KiB to 1 GiB");
		assert_false(test_there(name));
	}
}

static void
only_what_is_used_takes_memory(void **state)
{
	const char *name = test_name("lean");
	struct shunt__spec s = spec;
	struct shunt__object *a;
	struct stat st;

	(void)state;
	s.lanes = 1024;
	s.lane_bytes = 128 << 10;
	assert_int_equal(shunt__object_attach(&a, name, &s), 1);
	assert_int_equal(fstat(a->fd, &st), 0);
	assert_true(st.st_size > 128 << 20);
	assert_true(st.st_blocks * 512 >= (int64_t)a->geo.rings_off);
	assert_true(st.st_blocks * 512 < 512 << 10);
	assert_int_equal(shunt__object_reserve_lane(a, 7), 0);
	assert_int_equal(fstat(a->fd, &st), 0);
	assert_true(st.st_blocks * 512 < 640 << 10);
	shunt__object_detach(a, no_unread);
}

static void
lock_bytes_tell_handles_and_threads_apart(void **state)
{
	const char *name = test_name("lock");
	struct shunt__object *a, *b;

	(void)state;
	assert_int_equal(shunt__object_attach(&a, name, &spec), 1);
	assert_int_equal(shunt__object_attach(&b, name, &spec), 0);
	assert_int_equal(shunt__lane_held(a, 2), 0);
	assert_int_equal(shunt__lane_lock(a, 2), 0);
	assert_int_equal(shunt__lane_lock(a, 2), -EBUSY); /* a thread of ours */
	assert_int_equal(shunt__lane_lock(b, 2), -EBUSY);
	assert_int_equal(shunt__lane_held(a, 2), 1);
	assert_int_equal(shunt__lane_held(b, 2), 1);
	assert_int_equal(shunt__lane_held(b, 1), 0);
	assert_int_equal(shunt__lane_held(b, 3), 0);
	shunt__lane_unlock(a, 2);
	assert_int_equal(shunt__lane_lock(b, 2), 0);
	shunt__lane_unlock(b, 2);
	/* A handle's end frees all that it had. */
	assert_int_equal(shunt__object_lock(a, SHUNT__BYTE_RECEIVER), 0);
	assert_int_equal(shunt__object_lock(b, SHUNT__BYTE_RECEIVER), -EBUSY);
	assert_int_equal(shunt__object_held(b, SHUNT__BYTE_RECEIVER), 1);
	shunt__object_detach(a, no_unread);
	assert_int_equal(shunt__object_lock(b, SHUNT__BYTE_RECEIVER), 0);
	shunt__object_detach(b, no_unread);
}

static void
the_count_of_lanes_is_bounded_whatever_it_says(void **state)
{
	const char *name = test_name("high");
	struct shunt__object *a;

	(void)state;
	assert_int_equal(shunt__object_attach(&a, name, &spec), 1);
	shunt__object_raise(a, 3);
	shunt__object_raise(a, 2); /* never lower */
	assert_int_equal(shunt__object_high(a), 3);
	shunt__store32(&a->control->ct_high, UINT32_MAX);
	assert_int_equal(shunt__object_high(a), 4);
	shunt__object_detach(a, no_unread);
}

static void
a_vanished_name_is_noticed(void **state)
{
	const char *name = test_name("gone");
	struct shunt__object *a, *b;

	(void)state;
	assert_int_equal(shunt__object_attach(&a, name, &spec), 1);
	assert_int_equal(shunt__object_check(a), 0);
	assert_int_equal(unlink(test_path(name)), 0);
	assert_int_equal(shunt__object_check(a), -ESTALE);
	/* Another one of that name is another one. */
	assert_int_equal(shunt__object_attach(&b, name, &spec), 1);
	assert_int_equal(shunt__object_check(a), -ESTALE);
	assert_int_equal(shunt__object_check(b), 0);
	/* Whoever has the old one does not take the new one away. */
	shunt__object_detach(a, no_unread);
	assert_true(test_there(name));
	assert_int_equal(ftruncate(b->fd, 12288), 0);
	assert_int_equal(shunt__object_check(b), SHUNT_E_TRUNCATED);
	shunt__object_detach(b, no_unread);
}

static void
in_use_it_is_removed_by_force_alone(void **state)
{
	const struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};
	const char *name = test_name("force");
	struct shunt__object *a;

	(void)state;
	assert_int_equal(shunt__object_attach(&a, name, &spec), 1);
	assert_int_equal(shunt_remove(name, NULL), -EBUSY);
	assert_detail("it is in use");
	assert_true(test_there(name));
	assert_int_equal(shunt__object_check(a), 0);
	assert_int_equal(shunt_remove(name, &force), 0);
	assert_false(test_there(name));
	assert_int_equal(shunt__object_check(a), SHUNT_E_REMOVED);
	shunt__object_detach(a, no_unread);
	assert_int_equal(shunt_remove(name, &force), -ENOENT);
}

static void
removing_takes_no_unknown_options(void **state)
{
	const char *name = test_name("opts");
	struct shunt_remove_options o = {.sz = sizeof(o), .flags = 1u << 31};
	struct shunt__object *a;

	(void)state;
	assert_int_equal(shunt__object_attach(&a, name, &spec), 1);
	assert_int_equal(shunt_remove(name, &o), -EINVAL);
	o.flags = 0;
	o.reserved = 1;
	assert_int_equal(shunt_remove(name, &o), -EINVAL);
	o.sz = 3;
	assert_int_equal(shunt_remove(name, &o), -EINVAL);
	assert_int_equal(shunt_remove("fd:0", NULL), -EINVAL);
	assert_detail("it has no name to remove");
	assert_true(test_there(name));
	shunt__object_detach(a, no_unread);
}

/* Where unnamed files are unknown (O_TMPFILE), the name comes by renaming. */
static int (*real_open)(const char *path, int flags, mode_t mode);
static int
open_without_tmpfile(const char *path, int flags, mode_t mode)
{
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return -EOPNOTSUPP;
	return real_open(path, flags, mode);
}

static void
made_without_unnamed_files(void **state)
{
	const char *name = test_name("temp");
	struct shunt__spec s = spec;
	struct shunt__object *a = NULL, *b = NULL;
	int made, bad;

	(void)state;
	real_open = shunt__os.open;
	shunt__os.open = open_without_tmpfile;
	made = shunt__object_attach(&a, name, &s);
	s.group = "no-such-group-here";
	bad = shunt__object_attach(&b, test_name("temp"), &s);
	shunt__os.open = real_open;
	assert_int_equal(made, 1);
	assert_int_equal(bad, -EINVAL);
	assert_int_equal(shunt__object_attach(&b, name, &spec), 0);
	shunt__object_detach(a, no_unread);
	shunt__object_detach(b, no_unread);
	assert_int_not_equal(system("ls -A /dev/shm | grep -q shunt-new"), 0);
}

static void
an_object_in_a_file(void **state)
{
	char name[128];
	struct shunt__object *a;

	(void)state;
	snprintf(name, sizeof(name), "file:%s/object",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	assert_int_equal(shunt__object_attach(&a, name, &spec), 1);
	assert_int_equal(access(name + 5, F_OK), 0);
	shunt__object_detach(a, no_unread);
	assert_int_equal(access(name + 5, F_OK), -1);
	assert_int_equal(
	    shunt__object_attach(&a, "file:/no/such/directory/x", &spec),
	    -ENOENT);
	assert_detail("/no/such/directory");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_first_makes_it_and_others_find_it),
	    TEST(lifetimes),
	    TEST(existing_and_exclusive),
	    TEST(its_mode_is_exact),
	    TEST(sizes_that_cannot_be_are_refused),
	    TEST(only_what_is_used_takes_memory),
	    TEST(lock_bytes_tell_handles_and_threads_apart),
	    TEST(the_count_of_lanes_is_bounded_whatever_it_says),
	    TEST(a_vanished_name_is_noticed),
	    TEST(in_use_it_is_removed_by_force_alone),
	    TEST(removing_takes_no_unknown_options),
	    TEST(made_without_unnamed_files),
	    TEST(an_object_in_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
