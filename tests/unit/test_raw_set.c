/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Mode and owner of what has a name. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include "os/os.h"
#include "unit/raw.h"

static struct stat
stat_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(test_path(name), &st), 0);
	return st;
}

/* In a child: the rest of it as a user without rights. */
static void
become_stranger(void)
{
	NEED(setresgid(STRANGER, STRANGER, STRANGER) == 0);
	NEED(setresuid(STRANGER, STRANGER, STRANGER) == 0);
}

static void
the_mode_exactly(void **state)
{
	const uint32_t modes[] = {0, 0600, 0777, 0200, 0444, 0000, 0640, 0111};
	const char *name = test_name("mode");
	mode_t old = umask(0077);

	(void)state;
	test_make(name, 10);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(shunt_segment_set_mode(name, modes[i]), 0);
		assert_int_equal(stat_of(name).st_mode & 07777, modes[i]);
	}
	assert_refused(shunt_segment_set_mode(name, 01000), -EINVAL,
	    "a mode is 0 to 0777, not 01000");
	assert_int_equal(shunt_segment_set_mode(name, UINT32_MAX), -EINVAL);
	assert_int_equal(stat_of(name).st_mode & 07777, 0111);
	umask(old);
	assert_int_equal(shunt_remove(name, NULL), 0);
	assert_int_equal(shunt_segment_set_mode(name, 0600), -ENOENT);
	assert_int_equal(shunt_segment_set_mode("a/b", 0600), SHUNT_E_NAME);
}

/* A mode that keeps its owner out does not keep him from changing it. */
static int
change_what_cannot_be_read(void *name)
{
	struct shunt_segment *seg;

	become_stranger();
	NEED(shunt_segment_create(&seg, name, 10, NULL) == 0);
	shunt_segment_close(&seg);
	for (int i = 0; i < 2; i++) {
		NEED(shunt_segment_set_mode(name, i == 0 ? 0 : 0200) == 0);
		NEED(shunt_segment_open(&seg, name, NULL) == -EACCES);
		NEED(shunt_segment_set_owner(name, NULL, "65534") == 0);
		NEED(shunt_segment_set_mode(name, 0600) == 0);
	}
	NEED(shunt_segment_open(&seg, name, NULL) == 0);
	shunt_segment_close(&seg);
	NEED(shunt_segment_set_mode(name, 0) == 0);
	return 0;
}

static int
change_what_is_another_s(void *name)
{
	become_stranger();
	NEED(shunt_segment_set_mode(name, 0666) == -EPERM);
	need_detail("only its owner or root");
	NEED(shunt_segment_set_owner(name, "65534", NULL) == -EPERM);
	need_detail("only root");
	return 0;
}

static void
only_by_its_owner(void **state)
{
	const char *name = test_name("owner");
	struct shunt_segment *seg;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(
	    peer_end(peer_start(change_what_cannot_be_read, (void *)name)), 0);
	assert_int_equal(shunt_remove(name, NULL), 0);
	for (uint32_t mode = 0600; mode <= 0644; mode += 044) {
		assert_int_equal(
		    shunt_segment_create(&seg, name, 10, OPTIONS(.mode = mode)),
		    0);
		shunt_segment_close(&seg);
		assert_int_equal(peer_end(peer_start(
				     change_what_is_another_s, (void *)name)),
		    0);
		assert_int_equal(stat_of(name).st_mode & 0777, mode);
		assert_int_equal(stat_of(name).st_uid, 0);
		assert_int_equal(shunt_remove(name, NULL), 0);
	}
}

static void
owner_and_group_by_name_and_number(void **state)
{
	const char *name = test_name("chown");

	(void)state;
	if (geteuid() != 0)
		skip();
	test_make(name, 10);
	assert_int_equal(shunt_segment_set_owner(name, "12345", NULL), 0);
	assert_int_equal(stat_of(name).st_uid, 12345);
	assert_int_equal(stat_of(name).st_gid, getegid());
	assert_int_equal(shunt_segment_set_owner(name, NULL, "54321"), 0);
	assert_int_equal(stat_of(name).st_uid, 12345);
	assert_int_equal(stat_of(name).st_gid, 54321);
	assert_int_equal(shunt_segment_set_owner(name, NULL, NULL), 0);
	assert_int_equal(stat_of(name).st_uid, 12345);
	assert_int_equal(shunt_segment_set_owner(name, "0", "0"), 0);
	assert_int_equal(stat_of(name).st_uid, 0);
	assert_int_equal(stat_of(name).st_gid, 0);
	struct passwd *pw = getpwnam("nobody");
	struct group *gr = getgrnam("daemon");
	if (pw != NULL && gr != NULL) {
		assert_int_equal(
		    shunt_segment_set_owner(name, "nobody", "daemon"), 0);
		assert_int_equal(stat_of(name).st_uid, pw->pw_uid);
		assert_int_equal(stat_of(name).st_gid, gr->gr_gid);
	}
	struct stat before = stat_of(name), after;
	const char *const none[] = {"no-such-name", "", "-1", "4294967295",
	    "4294967296", "99999999999999999999", "1x", " 1", "+1", "0x1"};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_refused(shunt_segment_set_owner(name, none[i], NULL),
		    -EINVAL, "there is no user");
		assert_refused(shunt_segment_set_owner(name, "0", none[i]),
		    -EINVAL, "there is no group");
	}
	after = stat_of(name);
	assert_true(
	    before.st_uid == after.st_uid && before.st_gid == after.st_gid);
	assert_int_equal(shunt_remove(name, NULL), 0);
	assert_int_equal(shunt_segment_set_owner(name, "0", NULL), -ENOENT);
	assert_int_equal(shunt_segment_set_owner("", "0", NULL), SHUNT_E_NAME);
}

static void
objects_too(void **state)
{
	const struct shunt_queue_options small = {
	    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
	const char *name = test_name("object");
	struct shunt_queue *queue;

	(void)state;
	assert_int_equal(shunt_queue_open(&queue, name, &small), 1);
	assert_int_equal(shunt_segment_set_mode(name, 0660), 0);
	assert_int_equal(stat_of(name).st_mode & 07777, 0660);
	if (geteuid() == 0) {
		assert_int_equal(
		    shunt_segment_set_owner(name, NULL, "4242"), 0);
		assert_int_equal(stat_of(name).st_gid, 4242);
	}
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	char buf[4];
	assert_int_equal(
	    shunt_queue_recv(queue, buf, sizeof(buf), NULL, NULL), 1);
	shunt_queue_close(&queue);
}

/* What is no regular file is not touched, and what a link leads to neither. */
static void
nothing_but_regular_files(void **state)
{
	const char *name = test_name("fifo"), *link = test_name("link");

	(void)state;
	assert_int_equal(mkfifo(test_path(name), 0600), 0);
	/* It would wait for a writer. */
	assert_refused(
	    shunt_segment_set_mode(name, 0666), SHUNT_E_KIND, "FIFO");
	assert_refused(
	    shunt_segment_set_owner(name, "1", NULL), SHUNT_E_KIND, "FIFO");
	assert_int_equal(shunt_segment_set_size(name, 10), SHUNT_E_KIND);
	assert_int_equal(stat_of(name).st_mode & 0777, 0600);
	assert_int_equal(stat_of(name).st_uid, geteuid());
	unlink(test_path(name));
	test_make(name, 10);
	char target[256];
	snprintf(target, sizeof(target), "%s", test_path(name));
	assert_int_equal(symlink(target, test_path(link)), 0);
	assert_refused(
	    shunt_segment_set_mode(link, 0666), SHUNT_E_KIND, "symbolic link");
	assert_int_equal(
	    shunt_segment_set_owner(link, "1", NULL), SHUNT_E_KIND);
	assert_int_equal(shunt_segment_set_size(link, 20), SHUNT_E_KIND);
	assert_int_equal(stat_of(name).st_mode & 0777, 0600);
	assert_int_equal(stat_of(name).st_uid, geteuid());
	assert_int_equal(stat_of(name).st_size, 10);
	unlink(test_path(link));
	assert_int_equal(shunt_remove(name, NULL), 0);
	assert_int_equal(
	    shunt_segment_set_mode("file:/dev/shm", 0700), SHUNT_E_KIND);
	assert_int_equal(
	    shunt_segment_set_mode("file:/dev/null", 0700), SHUNT_E_KIND);
}

static int
replace_unreadable(void *arg)
{
	const char *const *names = arg;

	become_stranger();
	/* Nobody may read the link's target; the link is not followed either
	 * by the way that needs no reading. */
	NEED(shunt_segment_set_mode(names[0], 0666) == SHUNT_E_KIND);
	NEED(shunt_segment_set_mode(names[1], 0666) == SHUNT_E_KIND);
	return 0;
}

static void
nor_where_reading_is_not_allowed(void **state)
{
	const char *names[] = {test_name("unlink"), test_name("unfifo")};
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(symlink("/etc/shadow", test_path(names[0])), 0);
	assert_int_equal(mkfifo(test_path(names[1]), 0), 0);
	assert_int_equal(lchown(test_path(names[0]), STRANGER, STRANGER), 0);
	assert_int_equal(chown(test_path(names[1]), STRANGER, STRANGER), 0);
	assert_int_equal(peer_end(peer_start(replace_unreadable, names)), 0);
	st = stat_of(names[1]);
	assert_int_equal(st.st_mode & 0777, 0);
	unlink(test_path(names[0]));
	unlink(test_path(names[1]));
}

static void
by_a_descriptor(void **state)
{
	struct shunt_segment *seg;
	struct stat st;
	char name[32];

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, 100, NULL), 0);
	snprintf(name, sizeof(name), "fd:%d", shunt_segment_fd(seg));
	assert_int_equal(shunt_segment_set_size(name, 300), 0);
	assert_int_equal(fstat(shunt_segment_fd(seg), &st), 0);
	assert_int_equal(st.st_size, 300);
	assert_int_equal(shunt_segment_set_mode(name, 0400), 0);
	assert_int_equal(fstat(shunt_segment_fd(seg), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0400);
	shunt_segment_close(&seg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_mode_exactly),
	    TEST(only_by_its_owner),
	    TEST(owner_and_group_by_name_and_number),
	    TEST(objects_too),
	    TEST(nothing_but_regular_files),
	    TEST(nor_where_reading_is_not_allowed),
	    TEST(by_a_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
