/* SPDX-License-Identifier: MIT */
/* limit: 30 */
/* What changes between two looks of one call, and what the kernel refuses: it
 * is told as it is now, or as not known, and never taken for nobody's. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <shunt.h>

#include "channel/queue_layout.h"
#include "lib/peers.h"
#include "os/os.h"
#include "unit/fakefs.h"
#include "unit/forge.h"

static struct shunt__os real;

static struct forged
a_queue(void)
{
	struct shunt__spec spec = {.kind = SHUNT_KIND_QUEUE,
	    .lanes = 4,
	    .area_bytes = 4096,
	    .lane_bytes = 4096,
	    .print = shunt__queue_fingerprint()};
	struct forged f = forge(&spec);

	forge_high(&f, 1, 1);
	return f;
}

static struct shunt_segment_info
look(const char *name)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};

	if (shunt_segment_stat(name, &info, NULL, 0) < 0)
		fail_msg("%s", shunt_error_detail());
	return info;
}

/* ---- removing what nobody has ---- */

static struct forged target;
static const char *other;

static int
remove_idle(void)
{
	static const struct shunt_remove_options idle = {
	    .sz = sizeof(idle), .flags = SHUNT_REMOVE_IDLE};

	return shunt_remove(target.name, &idle);
}

static void
attach(unsigned nth)
{
	if (nth == 0)
		forge_hold(&target, SHUNT__BYTE_ATTACHED);
}

static void
whose_lock_bytes_are_held_is_not_removed(void **state)
{
	(void)state;
	/* A child that was made past our handlers has a lane, or receives. */
	target = a_queue();
	forge_hold(&target, SHUNT__BYTE_LANE);
	assert_int_equal(remove_idle(), -EBUSY);
	assert_detail("somebody has it attached");
	assert_detail(target.name);
	forge_end(&target);
	target = a_queue();
	forge_hold(&target, SHUNT__BYTE_RECEIVER);
	assert_int_equal(remove_idle(), -EBUSY);
	assert_detail("somebody has it attached");
	forge_end(&target);
	/* Somebody who comes at the last moment. */
	target = a_queue();
	forge_watch(SHUNT__CONTROL_OFF, attach);
	assert_int_equal(remove_idle(), -EBUSY);
	forge_calm();
	assert_detail("somebody has it attached");
	assert_true(test_there(target.name));
	forge_end(&target);
}

static int
lstat_then_unlink(const char *path, struct stat *st)
{
	int e = real.lstat(path, st);

	if (strcmp(path, test_path(target.name)) == 0)
		unlink(path);
	return e;
}

static int
lstat_then_replace(const char *path, struct stat *st)
{
	int e = real.lstat(path, st);
	char from[300];

	snprintf(from, sizeof(from), "%s", test_path(other));
	if (strcmp(path, test_path(target.name)) == 0)
		rename(from, path);
	return e;
}

static int mounted;

/* Another file system is mounted there: its inode may be of the same number. */
static int
lstat_then_mount(const char *path, struct stat *st)
{
	mounted |= strcmp(path, test_path(target.name)) == 0;
	return real.lstat(path, st);
}

static int
fstat_mounted(int fd, struct stat *st)
{
	int e = real.fstat(fd, st);

	st->st_dev += (dev_t)mounted;
	return e;
}

static void
what_was_replaced_at_the_last_moment_stays(void **state)
{
	struct forged next;
	struct stat st;

	(void)state;
	real = shunt__os;
	target = a_queue();
	shunt__os.lstat = lstat_then_unlink;
	assert_int_equal(remove_idle(), -ENOENT);
	shunt__os = real;
	forge_end(&target);
	target = a_queue();
	next = a_queue();
	other = next.name;
	shunt__os.lstat = lstat_then_replace;
	assert_int_equal(remove_idle(), -EBUSY);
	shunt__os = real;
	assert_detail("replaced");
	assert_int_equal(stat(test_path(target.name), &st), 0);
	assert_int_equal(st.st_nlink, 1);
	forge_end(&next);
	forge_end(&target);
	target = a_queue();
	shunt__os.lstat = lstat_then_mount;
	shunt__os.fstat = fstat_mounted;
	assert_int_equal(remove_idle(), -EBUSY);
	shunt__os = real;
	assert_detail("replaced");
	assert_true(test_there(target.name));
	forge_end(&target);
}

/* ---- one segment ---- */

static ssize_t
readlink_closed(const char *path, char *buf, size_t n)
{
	if (strncmp(path, "/proc/self/fd/", 14) == 0)
		return -EACCES;
	return real.readlink(path, buf, n);
}

static void
descriptors_lead_to_what_lies_behind_them(void **state)
{
	char path[64], name[32];
	int fd = memfd_create("x", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(ftruncate(fd, 100), 0);
	snprintf(name, sizeof(name), "fd:%d", fd);
	assert_int_equal(look(name).place, SHUNT_PLACE_MEMFD);
	assert_int_equal(look(name).state, SHUNT_STATE_HELD);
	/* Not shown to us what it is: then it is a file like any other. */
	real = shunt__os;
	shunt__os.readlink = readlink_closed;
	assert_int_equal(look(name).place, SHUNT_PLACE_FILE);
	shunt__os = real;
	close(fd);
	/* In /dev/shm, and elsewhere; with its name, and without. */
	for (int n = 0; n < 2; n++) {
		snprintf(path, sizeof(path), "%s/shunt-scan-XXXXXX",
		    n == 0 ? "/dev/shm" : "/tmp");
		fd = mkostemp(path, O_CLOEXEC);
		assert_true(fd >= 0);
		snprintf(name, sizeof(name), "fd:%d", fd);
		struct shunt_segment_info named = look(name);
		unlink(path);
		assert_int_equal(named.place, SHUNT_PLACE_FILE);
		assert_int_equal(named.users, 1);
		struct shunt_segment_info i = look(name);
		assert_int_equal(
		    i.place, n == 0 ? SHUNT_PLACE_UNLINKED : SHUNT_PLACE_FILE);
		if (n == 0)
			assert_int_equal(i.state, SHUNT_STATE_HELD);
		close(fd);
	}
}

static int
no_lease(int fd, int cmd, int arg)
{
	return cmd == F_SETLEASE ? -EACCES : real.lease(fd, cmd, arg);
}

static void
where_no_lease_is_to_be_had_proc_tells(void **state)
{
	struct forged f = a_queue();
	struct shunt_segment_info i;

	(void)state;
	real = shunt__os;
	shunt__os.lease = no_lease;
	/* Nobody has attached it, but we have it open. */
	i = look(f.name);
	assert_int_equal(i.state, SHUNT_STATE_LIVE);
	assert_int_equal(i.users, 1);
	close(f.fd);
	i = look(f.name);
	shunt__os = real;
	assert_int_equal(i.state, SHUNT_STATE_IDLE);
	assert_int_equal(i.users, 0);
	unlink(test_path(f.name));
}

static int statfs_code;

static int
statfs_huge(int fd, struct statfs *sf)
{
	int e = real.fstatfs(fd, sf);

	sf->f_type = HUGETLBFS_MAGIC;
	return statfs_code < 0 ? statfs_code : e;
}

static void
the_file_system_tells_huge_pages(void **state)
{
	char path[] = "/tmp/shunt-scan-XXXXXX", name[40];
	int fd = mkostemp(path, O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	snprintf(name, sizeof(name), "file:%s", path);
	uint32_t as_it_is = look(name).place;
	real = shunt__os;
	shunt__os.fstatfs = statfs_huge;
	statfs_code = 0;
	uint32_t huge = look(name).place;
	statfs_code = -EIO;
	uint32_t unknown = look(name).place;
	shunt__os = real;
	unlink(path);
	assert_int_equal(as_it_is, SHUNT_PLACE_FILE);
	assert_int_equal(huge, SHUNT_PLACE_HUGETLB);
	assert_int_equal(unknown, SHUNT_PLACE_FILE);
}

/* ---- all of them ---- */

static struct shunt_scan *
scan_of(uint32_t places, uint32_t flags)
{
	struct shunt_scan_options o = {
	    .sz = sizeof(o), .places = places, .flags = flags};
	struct shunt_scan *scan;

	if (shunt_scan_open(&scan, &o) < 0)
		fail_msg("%s", shunt_error_detail());
	return scan;
}

/* Goes to @name; 0 if it is not among them. */
static int
find(struct shunt_scan *scan, const char *name, struct shunt_segment_info *info)
{
	*info = (struct shunt_segment_info){.sz = sizeof(*info)};
	while (shunt_scan_next(scan, info) == 1)
		if (strcmp(info->name, name) == 0)
			return 1;
	return 0;
}

static void
wrong_arguments_of_a_scan_are_refused(void **state)
{
	struct shunt_scan_options o = {.sz = 8};
	struct shunt_segment_info info = {.sz = 0};
	struct shunt_scan *scan;
	struct forged f = a_queue();
	int64_t pid;

	(void)state;
	assert_int_equal(shunt_scan_open(&scan, &o), -EINVAL);
	assert_null(scan);
	assert_int_equal(shunt_scan_open(NULL, NULL), -EINVAL);
	assert_int_equal(shunt_scan_users(NULL, &pid, 1), -EINVAL);
	scan = scan_of(0, SHUNT_SCAN_USERS);
	assert_int_equal(shunt_scan_next(NULL, &info), -EINVAL);
	assert_int_equal(shunt_scan_next(scan, NULL), -EINVAL);
	/* Nothing was told yet. */
	assert_int_equal(shunt_scan_users(scan, &pid, 1), 0);
	assert_int_equal(shunt_scan_users(scan, NULL, 1), -EINVAL);
	assert_int_equal(shunt_scan_users(scan, NULL, 0), 0);
	assert_int_equal(shunt_scan_next(scan, &info), -EINVAL);
	assert_int_equal(shunt_segment_stat(f.name, &info, NULL, 0), -EINVAL);
	assert_detail("sz");
	shunt_scan_close(&scan);
	shunt_scan_close(&scan);
	shunt_scan_close(NULL);
	forge_end(&f);
}

static void
what_is_gone_since_the_listing_is_passed_over(void **state)
{
	struct forged f[3] = {a_queue(), a_queue(), a_queue()};
	struct shunt_scan *scan = scan_of(1u << SHUNT_PLACE_POSIX, 0);
	struct shunt_segment_info info = {.sz = sizeof(info)};
	int seen[3] = {0};

	(void)state;
	unlink(test_path(f[0].name));
	unlink(test_path(f[1].name));
	assert_int_equal(mkdir(test_path(f[1].name), 0700), 0);
	while (shunt_scan_next(scan, &info) == 1)
		for (int n = 0; n < 3; n++)
			seen[n] += strcmp(info.name, f[n].name) == 0;
	rmdir(test_path(f[1].name));
	shunt_scan_close(&scan);
	for (int n = 0; n < 3; n++) {
		forge_end(&f[n]);
		assert_int_equal(seen[n], n == 2);
	}
}

static void
a_semaphore_that_is_cut_meanwhile_has_no_value(void **state)
{
	const char *plain = test_name("cut");
	char path[300], name[300];
	struct shunt_segment_info info;
	sem_t sem;

	(void)state;
	assert_int_equal(sem_init(&sem, 1, 5), 0);
	snprintf(path, sizeof(path), "/dev/shm/sem.%s", plain + 1);
	snprintf(name, sizeof(name), "sem:%s", plain);
	for (int cut = 0; cut < 2; cut++) {
		int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
		assert_int_equal(pwrite(fd, &sem, sizeof(sem), 0), sizeof(sem));
		struct shunt_scan *scan = scan_of(1u << SHUNT_PLACE_SEM, 0);
		if (cut)
			assert_int_equal(ftruncate(fd, 0), 0);
		close(fd);
		int found = find(scan, name, &info);
		shunt_scan_close(&scan);
		unlink(path);
		assert_int_equal(found, 1);
		assert_int_equal(info.value, cut ? 0 : 5);
	}
}

static void
what_has_no_name_is_found_without_its_users(void **state)
{
	struct shunt_segment_info info;
	int fd = memfd_create("nobody asked", MFD_CLOEXEC);
	struct shunt_scan *scan = scan_of(1u << SHUNT_PLACE_MEMFD, 0);
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "memfd:nobody asked@%d/%d", getpid(), fd);
	assert_int_equal(find(scan, name, &info), 1);
	assert_int_equal(info.state, SHUNT_STATE_HELD);
	assert_int_equal(info.users, 0);
	shunt_scan_close(&scan);
	close(fd);
}

#define QUEUES      "21 1 0:2 / /fake/mq rw - mqueue mqueue rw\n" OTHER_MOUNT
#define OTHER_MOUNT "22 1 0:3 / /fake/other rw - tmpfs tmpfs rw\n"

static void
message_queues_are_told_as_far_as_they_may_be_opened(void **state)
{
	struct fake files[] = {{"/proc/self", .link = "100"},
	    {"/proc/self/ns/pid", .link = "pid:[4026531836]"},
	    {"/proc/self/ns/ipc", .link = "ipc:[1]"},
	    {"/proc/self/mountinfo", .text = QUEUES},
	    {"/proc/1/maps", .text = ""},
	    {"/proc/100/maps", .text = "1-2 r 0 0:0 0\n"},
	    {"/proc/100/fd/4", .link = "/open", .ino = 1, .links = 1},
	    {"/fake/mq/open", .text = "", .ino = 1},
	    {"/fake/mq/closed", .ino = 2}, {"/fake/mq/gone", .ino = 3},
	    {"/fake/mq/else", .ino = 4}};
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_scan *scan;

	(void)state;
	for (uint32_t flags = 0; flags <= SHUNT_SCAN_USERS; flags++) {
		files[9].err = 0;
		files[10].mode = 0;
		fake_on(files, sizeof(files) / sizeof(files[0]));
		scan = scan_of(1u << SHUNT_PLACE_MQ, flags);
		files[9].err = ENOENT;
		files[10].mode = S_IFDIR;
		assert_int_equal(shunt_scan_next(scan, &info), 1);
		assert_string_equal(info.name, "mq:/closed");
		assert_int_equal(info.state, SHUNT_STATE_IDLE);
		assert_int_equal(info.users, 0);
		assert_int_equal(info.size, 0);
		assert_int_equal(shunt_scan_next(scan, &info), 1);
		assert_string_equal(info.name, "mq:/open");
		assert_int_equal(info.state, SHUNT_STATE_LIVE);
		assert_int_equal(info.users, flags);
		assert_int_equal(shunt_scan_next(scan, &info), 0);
		shunt_scan_close(&scan);
		/* One that is not shown to us may have them all. */
		files[4].err = EACCES;
		scan = scan_of(1u << SHUNT_PLACE_MQ, flags);
		assert_int_equal(shunt_scan_next(scan, &info), 1);
		assert_int_equal(info.state, SHUNT_STATE_UNKNOWN);
		shunt_scan_close(&scan);
		files[4].err = 0;
		fake_off();
	}
}

static int ipc_code;

static int
no_semctl(int id, int n, int cmd, void *buf)
{
	(void)id, (void)n, (void)cmd, (void)buf;
	return ipc_code;
}

static int
no_msgctl(int id, int cmd, void *buf)
{
	(void)id, (void)cmd, (void)buf;
	return ipc_code;
}

static void
a_kernel_that_refuses_system_v_has_none_of_it(void **state)
{
	static const int none[] = {-ENOSYS, -EPERM, -EACCES};
	static const uint32_t places[] = {
	    1u << SHUNT_PLACE_SEMSET, 1u << SHUNT_PLACE_MSGQUEUE};
	struct shunt_scan_options o = {.sz = sizeof(o)};
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_scan *scan;

	(void)state;
	real = shunt__os;
	shunt__os.semctl = no_semctl;
	shunt__os.msgctl = no_msgctl;
	for (int p = 0; p < 2; p++) {
		o.places = places[p];
		for (int n = 0; n < 3; n++) {
			ipc_code = none[n];
			assert_int_equal(shunt_scan_open(&scan, &o), 0);
			assert_int_equal(shunt_scan_next(scan, &info), 0);
			shunt_scan_close(&scan);
		}
		/* Anything else is no answer. */
		ipc_code = -EIO;
		assert_int_equal(shunt_scan_open(&scan, &o), -EIO);
		assert_null(scan);
		assert_detail(p == 0 ? "semaphore sets" : "message queues");
	}
	shunt__os = real;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(whose_lock_bytes_are_held_is_not_removed),
	    TEST(what_was_replaced_at_the_last_moment_stays),
	    TEST(descriptors_lead_to_what_lies_behind_them),
	    TEST(where_no_lease_is_to_be_had_proc_tells),
	    TEST(the_file_system_tells_huge_pages),
	    TEST(wrong_arguments_of_a_scan_are_refused),
	    TEST(what_is_gone_since_the_listing_is_passed_over),
	    TEST(a_semaphore_that_is_cut_meanwhile_has_no_value),
	    TEST(what_has_no_name_is_found_without_its_users),
	    TEST(message_queues_are_told_as_far_as_they_may_be_opened),
	    TEST(a_kernel_that_refuses_system_v_has_none_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
