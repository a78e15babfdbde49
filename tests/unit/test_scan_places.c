/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Each place that shared memory can be in: made by the system's own calls,
 * and told with its name, size, owner, users and state. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include <shunt.h>

#include "lib/peers.h"
#include "unit/sysv.h"

static int64_t pids[8]; /* of what was found last */

/* What stands in /dev/shm under no name of test_name(): removed at exit, also
 * where a test fails. */
static char left_sem[40], left_dir[300];
static pid_t tester;

static void
clean_up(void)
{
	if (getpid() != tester)
		return;
	if (left_sem[0] != 0)
		sem_unlink(left_sem);
	if (left_dir[0] != 0)
		rmdir(left_dir);
}

/* How often it is listed in these places, and how it was told last. */
static int
find(uint32_t places, const char *name, struct shunt_segment_info *found)
{
	struct shunt_scan_options o = {
	    .sz = sizeof(o), .places = places, .flags = SHUNT_SCAN_USERS};
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_scan *scan;
	uint32_t place = 0;
	int n = 0, e;

	NEED(shunt_scan_open(&scan, &o) == 0);
	while ((e = shunt_scan_next(scan, &info)) == 1) {
		NEED((places >> info.place & 1) != 0);
		NEED(info.place >= place);
		place = info.place;
		if (strcmp(info.name, name) != 0)
			continue;
		*found = info;
		memset(pids, 0, sizeof(pids));
		NEED(shunt_scan_users(scan, pids, 8) == (int)info.users);
		n++;
	}
	NEED(e == 0);
	shunt_scan_close(&scan);
	return n;
}

#define ALL       ((1u << SHUNT_PLACES) - 1)
#define ONLY(one) (1u << SHUNT_PLACE_##one)

static struct shunt_segment_info
must_find(uint32_t places, const char *name)
{
	struct shunt_segment_info info;

	if (find(places, name, &info) != 1)
		peer_fail(__FILE__, __LINE__, name);
	NEED((1u << info.place) == places);
	/* The same among all others. */
	NEED(find(ALL, name, &info) == 1);
	return info;
}

/* Runs in a child with mounts and System V of its own. */
static void
alone(int (*f)(void *), void *arg)
{
	if (!sysv_may_unshare())
		skip();
	assert_int_equal(peer_end(peer_start(f, arg)), 0);
}

static void
leave(void)
{
	NEED(unshare(CLONE_NEWIPC | CLONE_NEWNS) == 0);
	NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
}

static int
semaphore_sets(void *arg)
{
	struct shunt_segment_info info;
	char name[32];

	(void)arg;
	leave();
	NEED(find(ONLY(SEMSET), "", &info) == 0);
	int id = semget(0x1234, 5, IPC_CREAT | 0640);
	int other = semget(IPC_PRIVATE, 1, 0600);
	NEED(id >= 0 && other >= 0);
	info = must_find(ONLY(SEMSET), "semset:0x00001234");
	NEED(info.most == 5 && info.mode == 0640 && info.uid == 0);
	NEED(info.sysv_id == id && info.sysv_key == 0x1234);
	NEED(info.state == SHUNT_STATE_UNKNOWN && info.users == 0);
	NEED(info.mtime_ns > 0);
	snprintf(name, sizeof(name), "semset:id=%d", other);
	NEED(must_find(ONLY(SEMSET), name).most == 1);
	NEED(semctl(id, 0, IPC_RMID) == 0);
	NEED(find(ALL, "semset:0x00001234", &info) == 0);
	return 0;
}

static int
message_queues(void *arg)
{
	struct shunt_segment_info info;
	struct {
		long type;
		char text[30];
	} message = {1, "x"};

	(void)arg;
	leave();
	int id = msgget(0x77, IPC_CREAT | 0604);
	NEED(id >= 0);
	for (int i = 0; i < 3; i++)
		NEED(msgsnd(id, &message, 30, 0) == 0);
	info = must_find(ONLY(MSGQUEUE), "msg:0x00000077");
	NEED(info.messages == 3 && info.used == 90 && info.mode == 0604);
	NEED(info.last_pid == getpid() && info.sysv_id == id);
	NEED(info.state == SHUNT_STATE_UNKNOWN && info.size >= 90);
	NEED(msgctl(id, IPC_RMID, NULL) == 0);
	id = msgget(IPC_PRIVATE, 0600);
	char name[32];
	snprintf(name, sizeof(name), "msg:id=%d", id);
	NEED(must_find(ONLY(MSGQUEUE), name).messages == 0);
	return 0;
}

static void
semaphore_sets_are_listed(void **state)
{
	(void)state;
	alone(semaphore_sets, NULL);
}

static void
message_queues_are_listed(void **state)
{
	(void)state;
	alone(message_queues, NULL);
}

static int
same(const struct stat *a, const struct stat *b)
{
	return a->st_blocks == b->st_blocks && a->st_size == b->st_size &&
	       memcmp(&a->st_atim, &b->st_atim, sizeof(a->st_atim)) == 0 &&
	       memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0 &&
	       memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim)) == 0;
}

static void
named_semaphores_are_no_segments(void **state)
{
	struct shunt_segment_info info;
	char *file = left_sem, name[64];
	struct stat before, after;

	(void)state;
	snprintf(left_sem, sizeof(left_sem), "%.39s", test_name("sem"));
	sem_t *sem = sem_open(file, O_CREAT | O_EXCL, 0600, 7);
	assert_true(sem != SEM_FAILED);
	snprintf(name, sizeof(name), "/dev/shm/sem.%s", file + 1);
	assert_int_equal(stat(name, &before), 0);
	snprintf(name, sizeof(name), "sem:%s", file);
	info = must_find(ONLY(SEM), name);
	assert_int_equal(info.value, 7);
	assert_int_equal(info.size, sizeof(sem_t));
	assert_int_equal(info.mode, 0600);
	assert_int_equal(info.uid, geteuid());
	assert_int_equal(info.state, SHUNT_STATE_LIVE);
	assert_int_equal(info.users, 1);
	assert_int_equal(pids[0], getpid());
	assert_int_equal(info.inode, before.st_ino);
	sem_close(sem);
	info = must_find(ONLY(SEM), name);
	assert_int_equal(info.state, SHUNT_STATE_IDLE);
	assert_int_equal(info.users, 0);
	assert_int_equal(info.hidden, 0);
	snprintf(name, sizeof(name), "/sem.%s", file + 1);
	assert_int_equal(find(ALL, name, &info), 0);
	info = (struct shunt_segment_info){.sz = sizeof(info)};
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 0);
	assert_int_equal(info.place, SHUNT_PLACE_SEM);
	snprintf(name, sizeof(name), "/dev/shm/sem.%s", file + 1);
	assert_int_equal(stat(name, &after), 0);
	assert_true(same(&before, &after));
	/* Of another size it is anything else. */
	assert_int_equal(truncate(name, 33), 0);
	snprintf(name, sizeof(name), "/sem.%s", file + 1);
	info = must_find(ONLY(POSIX), name);
	sem_unlink(file);
	assert_int_equal(info.size, 33);
}

static int
posix_queues(void *arg)
{
	struct mq_attr attr = {.mq_maxmsg = 5, .mq_msgsize = 100};
	struct shunt_segment_info info;
	struct stat before, after;
	char path[300];

	leave();
	/* Its own call, by a name without the slash: no libmqueue needed. */
	int fd =
	    (int)syscall(SYS_mq_open, "que ue", O_CREAT | O_RDWR, 0620, &attr);
	NEED(fd >= 0);
	NEED(syscall(SYS_mq_timedsend, fd, "abc", 3, 0, NULL) == 0);
	NEED(syscall(SYS_mq_timedsend, fd, "de", 2, 0, NULL) == 0);
	/* Nothing shows them where they are mounted nowhere. */
	NEED(find(ONLY(MQ), "mq:/que ue", &info) == 0);
	NEED(mkdir(arg, 0700) == 0);
	NEED(mount("none", arg, "mqueue", 0, NULL) == 0);
	snprintf(path, sizeof(path), "%s/que ue", (char *)arg);
	NEED(stat(path, &before) == 0);
	info = must_find(ONLY(MQ), "mq:/que ue");
	NEED(info.messages == 2 && info.size == 500);
	NEED(info.uid == geteuid() && info.mode == before.st_mode % 01000);
	NEED(info.state == SHUNT_STATE_LIVE && info.users == 1);
	NEED(pids[0] == getpid());
	close(fd);
	info = must_find(ONLY(MQ), "mq:/que ue");
	NEED(info.state ==
	     (info.hidden ? SHUNT_STATE_UNKNOWN : SHUNT_STATE_IDLE));
	NEED(info.users == 0);
	NEED(stat(path, &after) == 0 && same(&before, &after));
	/* Mounted twice it is listed once. */
	NEED(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
	NEED(mkdir("/mnt/m q", 0700) == 0);
	NEED(mount("none", "/mnt/m q", "mqueue", 0, NULL) == 0);
	NEED(must_find(ONLY(MQ), "mq:/que ue").messages == 2);
	NEED(umount(arg) == 0);
	NEED(must_find(ONLY(MQ), "mq:/que ue").messages == 2);
	return 0;
}

static void
posix_queues_are_listed_where_they_are_mounted(void **state)
{
	char *dir = left_dir;

	(void)state;
	snprintf(left_dir, sizeof(left_dir), "%s", test_path(test_name("mq")));
	alone(posix_queues, dir);
	rmdir(dir);
}

static void
memfds_are_found_by_descriptors_and_mappings(void **state)
{
	struct shunt_segment_info info;
	char name[64];
	int fd = memfd_create("we ird\n@", MFD_CLOEXEC);
	pid_t pid = getpid();

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 100000), 0);
	assert_int_equal(pwrite(fd, "x", 1, 5000), 1);
	snprintf(name, sizeof(name), "memfd:we ird\n@@%d/%d", pid, fd);
	info = must_find(ONLY(MEMFD), name);
	assert_int_equal(info.size, 100000);
	assert_int_equal(info.used, 4096);
	assert_int_equal(info.uid, geteuid());
	assert_int_equal(info.state, SHUNT_STATE_HELD);
	assert_int_equal(info.users, 1);
	assert_int_equal(pids[0], pid);
	/* A second descriptor and a child's are of the same thing. */
	int two = dup(fd);
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	/* The lowest one's: identifiers begin anew when they are used up. */
	pid_t low = pid < child ? pid : child;
	snprintf(name, sizeof(name), "memfd:we ird\n@@%d/%d", low, fd);
	info = must_find(ONLY(MEMFD), name);
	assert_int_equal(info.users, 2);
	assert_true(pids[0] == low && pids[1] == pid + child - low);
	peer_kill(child);
	close(two);
	snprintf(name, sizeof(name), "fd:%d", fd);
	info = (struct shunt_segment_info){.sz = sizeof(info)};
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 0);
	assert_int_equal(info.place, SHUNT_PLACE_MEMFD);
	assert_int_equal(info.users, 1);
	assert_int_equal(info.state, SHUNT_STATE_HELD);
	void *at = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 4096);
	close(fd);
	snprintf(name, sizeof(name), "memfd:we ird\n@@%d/map", pid);
	info = must_find(ONLY(MEMFD), name);
	/* As far as it is mapped, to those who may not follow it. */
	assert_true(info.size == 100000 || info.size == 12288);
	assert_int_equal(info.users, 1);
	munmap(at, 8192);
	assert_int_equal(find(ALL, name, &info), 0);
}

static void
what_is_unlinked_is_held_until_it_is_closed(void **state)
{
	struct shunt_segment_info info;
	char path[300], other[320], name[64];
	const char *plain = test_name("gone");
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s", test_path(plain));
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
	assert_int_equal(pwrite(fd, "x", 1, 9999), 1);
	assert_int_equal(fstat(fd, &st), 0);
	snprintf(name, sizeof(name), "unlinked:%s@%llu", plain,
	    (unsigned long long)st.st_ino);
	/* It has a name, and after that another one. */
	assert_int_equal(find(ALL, name, &info), 0);
	snprintf(other, sizeof(other), "%s-2", path);
	assert_int_equal(link(path, other), 0);
	unlink(path);
	assert_int_equal(find(ALL, name, &info), 0);
	unlink(other);
	info = must_find(ONLY(UNLINKED), name);
	assert_int_equal(info.size, 10000);
	assert_int_equal(info.used, 4096);
	assert_int_equal(info.mode, 0644);
	assert_int_equal(info.state, SHUNT_STATE_HELD);
	assert_int_equal(info.users, 1);
	assert_int_equal(pids[0], getpid());
	assert_int_equal(info.inode, st.st_ino);
	assert_int_equal(info.device, st.st_dev);
	void *at = mmap(NULL, 10000, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	assert_int_equal(must_find(ONLY(UNLINKED), name).users, 1);
	munmap(at, 10000);
	assert_int_equal(find(ALL, name, &info), 0);
	/* One whose name ends so is not unlinked. */
	snprintf(other, sizeof(other), "%s (deleted)", path);
	fd = open(other, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	fstat(fd, &st);
	snprintf(name, sizeof(name), "unlinked:%s@%llu", plain,
	    (unsigned long long)st.st_ino);
	int n = find(ALL, name, &info);
	unlink(other);
	close(fd);
	assert_int_equal(n, 0);
}

static int
huge_pages(void *arg)
{
	struct shunt_segment_info info;
	struct stat before, after;
	char path[300], name[310];

	leave();
	NEED(mkdir(arg, 0700) == 0);
	if (mount("none", arg, "hugetlbfs", 0, NULL) != 0)
		return 77;
	snprintf(path, sizeof(path), "%s/d", (char *)arg);
	NEED(mkdir(path, 0700) == 0);
	snprintf(path, sizeof(path), "%s/d/big", (char *)arg);
	snprintf(name, sizeof(name), "file:%s", path);
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	NEED(fd >= 0 && fstat(fd, &before) == 0);
	NEED(ftruncate(fd, 4 * before.st_blksize) == 0);
	NEED(stat(path, &before) == 0);
	info = must_find(ONLY(HUGETLB), name);
	NEED(info.size == 4 * (uint64_t)before.st_blksize && info.used == 0);
	NEED(info.state == SHUNT_STATE_LIVE && info.users == 1);
	NEED(pids[0] == getpid());
	close(fd);
	info = must_find(ONLY(HUGETLB), name);
	NEED(info.state == SHUNT_STATE_IDLE && info.users == 0);
	info = (struct shunt_segment_info){.sz = sizeof(info)};
	NEED(shunt_segment_stat(name, &info, NULL, 0) == 0);
	NEED(info.place == SHUNT_PLACE_HUGETLB);
	NEED(stat(path, &after) == 0 && same(&before, &after));
	NEED(unlink(path) == 0);
	return 0;
}

static void
files_of_huge_pages_are_listed(void **state)
{
	char *dir = left_dir;

	(void)state;
	if (!sysv_may_unshare())
		skip();
	snprintf(
	    left_dir, sizeof(left_dir), "%s", test_path(test_name("huge")));
	int e = peer_end(peer_start(huge_pages, dir));
	rmdir(dir);
	if (e == 77)
		skip();
	assert_int_equal(e, 0);
}

static void
a_segment_of_system_v_has_users(void **state)
{
	key_t key = sysv_key();
	int id = sysv_plain(key, 5000, 0600);
	const char *name = sysv_name(key);
	struct shunt_segment_info info;

	(void)state;
	info = must_find(ONLY(SYSV), name);
	assert_int_equal(info.users, 0);
	assert_int_equal(info.hidden, 0);
	assert_int_equal(info.state, SHUNT_STATE_IDLE);
	void *at = shmat(id, NULL, SHM_RDONLY);
	assert_true(at != (void *)-1);
	info = must_find(ONLY(SYSV), name);
	assert_int_equal(info.users, 1);
	assert_int_equal(pids[0], getpid());
	info = (struct shunt_segment_info){.sz = sizeof(info)};
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 0);
	assert_int_equal(info.place, SHUNT_PLACE_SYSV);
	assert_int_equal(info.users, 1);
	assert_int_equal(info.inode, id);
	shmdt(at);
	shmctl(id, IPC_RMID, NULL);
}

static void
wrong_options_are_refused(void **state)
{
	struct shunt_scan_options o = {.sz = sizeof(o), .flags = 2};
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_scan *scan;
	int64_t pid;

	(void)state;
	assert_int_equal(shunt_scan_open(&scan, &o), -EINVAL);
	o.flags = 0;
	o.places = 1u << SHUNT_PLACES;
	assert_int_equal(shunt_scan_open(&scan, &o), -EINVAL);
	o.places = 0;
	o.reserved = 1;
	assert_int_equal(shunt_scan_open(&scan, &o), -EINVAL);
	assert_null(scan);
	o.reserved = 0;
	assert_int_equal(shunt_scan_open(&scan, &o), 0);
	while (shunt_scan_next(scan, &info) == 1)
		assert_true(info.users == 0 && info.hidden == 0);
	assert_int_equal(shunt_scan_users(scan, &pid, 1), -EINVAL);
	assert_detail("users");
	shunt_scan_close(&scan);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(semaphore_sets_are_listed),
	    TEST(message_queues_are_listed),
	    TEST(named_semaphores_are_no_segments),
	    TEST(posix_queues_are_listed_where_they_are_mounted),
	    TEST(memfds_are_found_by_descriptors_and_mappings),
	    TEST(what_is_unlinked_is_held_until_it_is_closed),
	    TEST(files_of_huge_pages_are_listed),
	    TEST(a_segment_of_system_v_has_users),
	    TEST(wrong_options_are_refused),
	};

	tester = getpid();
	atexit(clean_up);
	return cmocka_run_group_tests(tests, sysv_setup, NULL);
}
