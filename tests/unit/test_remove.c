/* SPDX-License-Identifier: MIT */
/* What shunt_remove() decides when it may take only what nobody has. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include <shunt.h>

#include "os/os.h"
#include "segment/object.h"
#include "unit/raw.h"

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
static const struct shunt_remove_options orphan = {
    .sz = sizeof(orphan), .flags = SHUNT_REMOVE_ORPHAN};
static const struct shunt_remove_options idle = {
    .sz = sizeof(idle), .flags = SHUNT_REMOVE_IDLE};

static void
new_queue(const char *name, uint32_t flags, int message)
{
	struct shunt_queue_options o = small;
	struct shunt_queue *queue;

	o.flags = flags;
	assert_int_equal(shunt_queue_open(&queue, name, &o), 1);
	if (message)
		assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	shunt_queue_close(&queue);
}

static void
flags_that_contradict_are_refused(void **state)
{
	struct shunt_remove_options o = orphan;

	(void)state;
	o.flags |= SHUNT_REMOVE_FORCE;
	assert_refused(shunt_remove("/x", &o), -EINVAL, "not both");
	o.flags = SHUNT_REMOVE_IDLE | SHUNT_REMOVE_FORCE;
	assert_refused(shunt_remove("/x", &o), -EINVAL, "not both");
	o.flags = 1u << 3;
	assert_refused(shunt_remove("/x", &o), -EINVAL, "does not know");
	assert_int_equal(shunt_remove(test_name("none"), &orphan), -ENOENT);
	assert_int_equal(shunt_remove(test_name("none"), &idle), -ENOENT);
}

static void
a_raw_segment_is_no_orphan(void **state)
{
	const char *name = test_name("raw");

	(void)state;
	test_make(name, 4096);
	assert_refused(shunt_remove(name, &orphan), -EBUSY, "raw segment");
	assert_true(test_there(name));
	assert_int_equal(shunt_remove(name, &idle), 0);
	assert_false(test_there(name));
}

static void
a_persistent_queue_is_idle(void **state)
{
	const char *name = test_name("keep");

	(void)state;
	new_queue(name, SHUNT_QUEUE_PERSISTENT, 0);
	assert_refused(shunt_remove(name, &orphan), -EBUSY, "persistent");
	assert_true(test_there(name));
	assert_int_equal(shunt_remove(name, &idle), 0);
	assert_false(test_there(name));
}

static void
what_is_unread_is_no_orphan(void **state)
{
	const char *name = test_name("unread");

	(void)state;
	new_queue(name, 0, 1);
	assert_refused(shunt_remove(name, &orphan), -EBUSY, "something in it");
	assert_true(test_there(name));
	assert_int_equal(shunt_remove(name, &idle), 0);
	assert_false(test_there(name));
}

static int
attach_and_wait(void *arg)
{
	struct step *step = arg;
	struct shunt_queue *queue;

	NEED(shunt_queue_open(&queue, (char *)(step + 2), &small) >= 0);
	step_to(step, 1);
	for (;;)
		pause();
}

/* A queue whose one user @pid lives. */
static const char *
lived_in(const char *what, pid_t *pid)
{
	struct step *step = test_shared(256);
	const char *name = test_name(what);

	snprintf((char *)(step + 2), 128, "%s", name);
	*pid = peer_start(attach_and_wait, step);
	step_wait(step, 1);
	return name;
}

static void
what_the_last_one_died_with_is_an_orphan(void **state)
{
	pid_t pid;
	const char *name = lived_in("dead", &pid);

	(void)state;
	assert_refused(shunt_remove(name, &orphan), -EBUSY, "attached");
	assert_refused(shunt_remove(name, &idle), -EBUSY, "attached");
	assert_true(test_there(name));
	peer_kill(pid);
	assert_int_equal(shunt_remove(name, &orphan), 0);
	assert_false(test_there(name));
}

/* A tool that is not ours looks at its file. */
static void
an_orphan_that_somebody_has_open_stays(void **state)
{
	pid_t pid;
	const char *name = lived_in("open", &pid);

	(void)state;
	peer_kill(pid);
	int fd = open(test_path(name), O_RDONLY | O_CLOEXEC);
	assert_refused(shunt_remove(name, &orphan), -EBUSY, "open or mapped");
	void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(at != MAP_FAILED);
	close(fd);
	assert_refused(shunt_remove(name, &orphan), -EBUSY, "open or mapped");
	munmap(at, 4096);
	assert_int_equal(shunt_remove(name, &orphan), 0);
}

/* What stands in it is no one's word: a lock that nobody repaired. */
static void
an_unrepaired_lock_is_no_orphan(void **state)
{
	const struct shunt_lock_options few = {.sz = sizeof(few), .threads = 4};
	const char *name = test_name("lock");
	struct shunt_lock *lock;

	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		struct shunt_lock *mine;
		NEED(shunt_lock_open(&mine, name, &few) == 1);
		NEED(shunt_lock_acquire(mine, SHUNT_NOWAIT) == 0);
		_exit(0);
	}
	assert_int_equal(peer_end(pid), 0);
	assert_refused(shunt_remove(name, &orphan), -EBUSY, "something in it");
	/* Repaired, the last one takes it away himself. */
	assert_int_equal(shunt_lock_open(&lock, name, &few), 0);
	assert_int_equal(shunt_lock_acquire(lock, SHUNT_NOWAIT), 1);
	assert_int_equal(shunt_lock_release(lock), 0);
	shunt_lock_close(&lock);
	assert_false(test_there(name));
}

static void
what_is_not_understood_stays(void **state)
{
	const char *name = test_name("new");
	uint32_t layout = 0x7777;

	(void)state;
	new_queue(name, SHUNT_QUEUE_PERSISTENT, 0);
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, &layout, sizeof(layout),
			     offsetof(struct shunt__header_lay, hd_layout)),
	    sizeof(layout));
	close(fd);
	assert_refused(shunt_remove(name, &orphan), -EBUSY, "not understood");
	assert_refused(shunt_remove(name, &idle), -EBUSY, "not understood");
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* ---- somebody comes between two steps ------------------------------------ */

static const char *coming;
static struct shunt_queue *came;
static int (*real_lock)(int fd, int cmd, struct flock *fl);

/* Somebody attaches before the remover has the removing byte. */
static int
lock_after_an_arrival(int fd, int cmd, struct flock *fl)
{
	const char *name = coming;

	if (name != NULL && fl->l_start == SHUNT__BYTE_REMOVING &&
	    fl->l_type == F_WRLCK) {
		coming = NULL;
		if (shunt_queue_open(&came, name, &small) != 0)
			return -EIO;
	}
	return real_lock(fd, cmd, fl);
}

static void
who_attaches_at_the_last_moment_keeps_it(void **state)
{
	const char *name = test_name("late");
	char buf[4];

	(void)state;
	new_queue(name, SHUNT_QUEUE_PERSISTENT, 1);
	coming = name;
	real_lock = shunt__os.lock;
	shunt__os.lock = lock_after_an_arrival;
	int e = shunt_remove(name, &idle);
	shunt__os.lock = real_lock;
	assert_refused(e, -EBUSY, "attached");
	assert_true(test_there(name));
	assert_int_equal(
	    shunt_queue_recv(came, buf, sizeof(buf), NULL, NULL), 1);
	shunt_queue_close(&came);
	assert_int_equal(shunt_remove(name, &idle), 0);
}

/* Somebody has come, sent something and gone before the remover has it. */
static int
lock_after_a_message(int fd, int cmd, struct flock *fl)
{
	const char *name = coming;

	if (name != NULL && fl->l_start == SHUNT__BYTE_REMOVING) {
		coming = NULL;
		if (shunt_queue_open(&came, name, &small) != 0 ||
		    shunt_queue_send(came, "x", 1, NULL) != 0)
			return -EIO;
		shunt_queue_close(&came);
	}
	return real_lock(fd, cmd, fl);
}

static void
a_message_of_the_last_moment_keeps_it(void **state)
{
	pid_t pid;
	const char *name = lived_in("sent", &pid);

	(void)state;
	peer_kill(pid);
	coming = name;
	real_lock = shunt__os.lock;
	shunt__os.lock = lock_after_a_message;
	int e = shunt_remove(name, &orphan);
	shunt__os.lock = real_lock;
	assert_refused(e, -EBUSY, "something in it");
	assert_true(test_there(name));
	assert_int_equal(shunt_remove(name, &idle), 0);
}

/* ---- System V --------------------------------------------------------------
 */

static void
a_system_v_segment_goes_when_nobody_has_it(void **state)
{
	struct shmid_ds ds;
	char name[32];

	(void)state;
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	assert_true(id >= 0);
	snprintf(name, sizeof(name), "sysv:id=%d", id);
	void *at = shmat(id, NULL, SHM_RDONLY);
	assert_refused(shunt_remove(name, &idle), -EBUSY, "attached 1 time");
	shmdt(at);
	assert_refused(shunt_remove(name, &orphan), -EBUSY, "System V");
	assert_int_equal(shmctl(id, IPC_STAT, &ds), 0);
	assert_int_equal(shunt_remove(name, &idle), 0);
	assert_int_equal(shmctl(id, IPC_STAT, &ds), -1);
	assert_int_equal(shunt_remove(name, &idle), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(flags_that_contradict_are_refused),
	    TEST(a_raw_segment_is_no_orphan),
	    TEST(a_persistent_queue_is_idle),
	    TEST(what_is_unread_is_no_orphan),
	    TEST(what_the_last_one_died_with_is_an_orphan),
	    TEST(an_orphan_that_somebody_has_open_stays),
	    TEST(an_unrepaired_lock_is_no_orphan),
	    TEST(what_is_not_understood_stays),
	    TEST(who_attaches_at_the_last_moment_keeps_it),
	    TEST(a_message_of_the_last_moment_keeps_it),
	    TEST(a_system_v_segment_goes_when_nobody_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
