/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * The k-th system call fails, for every k until none does, at locks,
 * semaphores and events: each call answers with that error or does without,
 * leaks nothing, and leaves under its name nothing or something whole.  And
 * a file system that is full.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <shunt.h>

#include "base/error.h"
#include "lib/peers.h"
#include "lock/layout.h"
#include "os/os.h"
#include "segment/object.h"
#include "unit/faults.h"

#define SOON (2 * (int64_t)MS)

static const int errors[] = {
    EIO, ENOMEM, EMFILE, EINTR, ENOSPC, EACCES, EPERM, ENOSYS, EAGAIN};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

static const char *name;

/* A word in the area, as a dead owner may have left it: number 200 is the
 * lane of nobody. */
static void
put(size_t at, uint32_t w)
{
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(
	    pwrite(fd, &w, sizeof(w), (off_t)(SHUNT__AREA_OFF + at)),
	    sizeof(w));
	close(fd);
}

#define DEAD   200u
#define PERMIT offsetof(struct shunt__semaphore_lay, sm_permit)

/* ---- what is tried: each answers 0 or a code --------------------------------
 */

static int
use_lock(void)
{
	struct shunt_lock *lock;
	int e = shunt_lock_open(&lock, name, NULL);

	assert_true((e < 0) == (lock == NULL));
	if (e < 0)
		return e;
	e = shunt_lock_acquire(lock, SOON);
	if (e == 0)
		assert_int_equal(shunt_lock_release(lock), 0);
	int fd = shunt_lock_fd(lock);
	if (fd >= 0)
		close(fd);
	else if (e == 0)
		e = fd;
	shunt_lock_close(&lock);
	return e;
}

static int
wait_at_lock(void)
{
	struct shunt_lock *holder, *lock;
	int e = shunt_lock_open(&holder, name, NULL);

	if (e < 0)
		return e;
	e = shunt_lock_acquire(holder, SOON);
	int o = shunt_lock_open(&lock, name, NULL);
	if (e == 0 && o >= 0) {
		e = shunt_lock_acquire(lock, SOON);
		assert_int_not_equal(e, 0);
		e = e == -ETIMEDOUT ? 0 : e;
		assert_int_equal(shunt_lock_release(holder), 0);
	} else if (e == 0) {
		e = o;
		assert_int_equal(shunt_lock_release(holder), 0);
	}
	shunt_lock_close(&lock);
	shunt_lock_close(&holder);
	return e;
}

static int
inherit_lock(void)
{
	struct shunt_lock *lock;
	int e = shunt_lock_open(&lock, name, NULL);

	if (e < 0)
		return e;
	put(0, DEAD);
	e = shunt_lock_acquire(lock, SOON);
	/* Told, or not to be had; but never as if it were sound. */
	assert_int_not_equal(e, 0);
	if (e == 1)
		assert_int_equal(shunt_lock_release(lock), 0);
	put(0, 0);
	shunt_lock_close(&lock);
	return e == 1 || e == -ETIMEDOUT ? 0 : e;
}

static int
use_semaphore(void)
{
	struct shunt_semaphore *sem;
	int e = shunt_semaphore_open(&sem, name, NULL);

	assert_true((e < 0) == (sem == NULL));
	if (e < 0)
		return e;
	e = shunt_semaphore_wait(sem, SOON);
	if (e == 0) {
		assert_int_equal(shunt_semaphore_value(sem), 0);
		e = shunt_semaphore_wait(sem, SOON);
		assert_int_not_equal(e, 0);
		e = e == -ETIMEDOUT ? 0 : e;
		assert_int_equal(shunt_semaphore_post(sem), 0);
	}
	assert_int_equal(shunt_semaphore_value(sem), 1);
	shunt_semaphore_close(&sem);
	return e;
}

static int
inherit_permit(void)
{
	struct shunt_semaphore *sem;
	int e = shunt_semaphore_open(&sem, name, NULL);

	if (e < 0)
		return e;
	put(PERMIT, DEAD);
	e = shunt_semaphore_wait(sem, SOON);
	if (e == 0)
		assert_int_equal(shunt_semaphore_post(sem), 0);
	put(PERMIT, SHUNT__PERMIT_FREE);
	shunt_semaphore_close(&sem);
	return e == -ETIMEDOUT ? 0 : e;
}

static int
use_event(void)
{
	struct shunt_event *event;
	int e = shunt_event_open(&event, name, NULL);

	assert_true((e < 0) == (event == NULL));
	if (e < 0)
		return e;
	e = shunt_event_wait(event, SOON);
	assert_int_not_equal(e, 0);
	e = e == -ETIMEDOUT ? 0 : e;
	assert_int_equal(shunt_event_notify(event, SHUNT_EVENT_ONE), 0);
	assert_int_equal(shunt_event_wait(event, SHUNT_FOREVER), 0);
	shunt_event_close(&event);
	return e;
}

static int
tell_recoveries(void)
{
	struct shunt_recovery r[16];
	int e = shunt_recoveries(name, r, 16);

	return e < 0 ? e : 0;
}

/* ---- the loop ---------------------------------------------------------------
 */

static void
made(uint32_t kind)
{
	const struct shunt_lock_options l = {
	    .sz = sizeof(l), .flags = SHUNT_LOCK_PERSISTENT};
	const struct shunt_semaphore_options s = {
	    .sz = sizeof(s), .flags = SHUNT_SEMAPHORE_PERSISTENT};
	const struct shunt_event_options v = {
	    .sz = sizeof(v), .flags = SHUNT_EVENT_PERSISTENT};
	struct shunt_lock *lock = NULL;
	struct shunt_semaphore *sem = NULL;
	struct shunt_event *event = NULL;
	int e = 1;

	if (test_there(name))
		assert_int_equal(shunt_remove(name, NULL), 0);
	if (kind == SHUNT_KIND_LOCK)
		e = shunt_lock_open(&lock, name, &l);
	else if (kind == SHUNT_KIND_SEMAPHORE)
		e = shunt_semaphore_open(&sem, name, &s);
	else if (kind == SHUNT_KIND_EVENT)
		e = shunt_event_open(&event, name, &v);
	assert_int_equal(e, 1);
	shunt_lock_close(&lock);
	shunt_semaphore_close(&sem);
	shunt_event_close(&event);
}

/* Whatever is there now must be whole, and not be left held. */
static void
is_whole(int (*f)(void))
{
	if (!test_there(name))
		return;
	int e = f();
	if (e != 0)
		fail_msg("afterwards: %s (%s)", shunt_error_name(e),
		    shunt_error_detail());
}

/* Some errors have a meaning of their own at the place where they come. */
static int
is_right(int e, int err, const char *call)
{
	if (e == 0 || e == -err)
		return 1;
	return (err == EACCES || err == EAGAIN) && strcmp(call, "lock") == 0 &&
	       (e == -EBUSY || e == SHUNT_E_SLOTS);
}

/* By a signal, on a local file system. */
static int
can_be_interrupted(const char *call)
{
	return strstr("pread pwrite ftruncate fallocate lock madvise "
		      "futex_wait nanosleep",
		   call) != NULL;
}

static void
try_all(int (*f)(void), uint32_t kind)
{
	unsigned most = 0;

	name = test_name("lockfault");
	made(kind);
	assert_int_equal(f(), 0); /* and what is made once is made now */
	for (size_t i = 0; i < ERRORS; i++) {
		for (unsigned k = 1;; k++) {
			made(kind);
			int fds = test_fds();
			faults_on(k, errors[i], 0);
			int e = f();
			int hit = faults_off();
			if (test_fds() != fds)
				fail_msg("%s (%u): a descriptor leaks",
				    faults_call(), k);
			if (!is_right(e, errors[i], faults_call()))
				fail_msg("%s (%u) fails with %s: %s (%s)",
				    faults_call(), k,
				    shunt_error_name(-errors[i]),
				    shunt_error_name(e), shunt_error_detail());
			if (errors[i] == EINTR && e != 0 &&
			    can_be_interrupted(faults_call()))
				fail_msg("%s (%u) is interrupted: %s",
				    faults_call(), k, shunt_error_name(e));
			is_whole(f);
			if (!hit)
				break;
			most = k > most ? k : most;
		}
	}
	assert_true(most > 3);
	made(0);
}

static void
making_a_lock(void **state)
{
	(void)state;
	try_all(use_lock, 0);
}

static void
using_a_lock(void **state)
{
	(void)state;
	try_all(use_lock, SHUNT_KIND_LOCK);
}

static void
waiting_at_a_lock(void **state)
{
	(void)state;
	try_all(wait_at_lock, SHUNT_KIND_LOCK);
}

static void
inheriting_a_lock(void **state)
{
	(void)state;
	try_all(inherit_lock, SHUNT_KIND_LOCK);
}

static void
making_a_semaphore(void **state)
{
	(void)state;
	try_all(use_semaphore, 0);
}

static void
using_a_semaphore(void **state)
{
	(void)state;
	try_all(use_semaphore, SHUNT_KIND_SEMAPHORE);
}

static void
inheriting_a_permit(void **state)
{
	(void)state;
	try_all(inherit_permit, SHUNT_KIND_SEMAPHORE);
}

static void
making_an_event(void **state)
{
	(void)state;
	try_all(use_event, 0);
}

static void
using_an_event(void **state)
{
	(void)state;
	try_all(use_event, SHUNT_KIND_EVENT);
}

static void
looking_at_recoveries(void **state)
{
	(void)state;
	try_all(tell_recoveries, SHUNT_KIND_SEMAPHORE);
}

/* Everything fails from the k-th call on: nothing hangs and nothing leaks. */
static void
everything_fails_from_then_on(void **state)
{
	static const struct {
		int (*f)(void);
		uint32_t kind;
	} all[] = {{use_lock, 0}, {wait_at_lock, SHUNT_KIND_LOCK},
	    {inherit_lock, SHUNT_KIND_LOCK}, {use_semaphore, 0},
	    {inherit_permit, SHUNT_KIND_SEMAPHORE}, {use_event, 0}};

	(void)state;
	name = test_name("lockfault");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (unsigned k = 1;; k++) {
			made(all[i].kind);
			int fds = test_fds();
			faults_on(k, EIO, 1);
			int e = all[i].f();
			int hit = faults_off();
			assert_int_equal(test_fds(), fds);
			if (e != 0 && e != -EIO)
				fail_msg("%s (%u): %s", faults_call(), k,
				    shunt_error_name(e));
			is_whole(all[i].f);
			if (!hit)
				break;
		}
	made(0);
}

/* ---- a full file system
 * ------------------------------------------------------
 */

static char dir[256];

static int
entries(void)
{
	DIR *d = opendir(".");
	int n = 0;

	NEED(d != NULL);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

/* In a child: a tmpfs of 64 KiB that nobody else sees. */
static int
make_too_much(void *arg)
{
	const struct shunt_lock_options few = {
	    .sz = sizeof(few), .threads = 32};
	const struct shunt_semaphore_options many = {
	    .sz = sizeof(many), .threads = 32, .permits = 65536};
	struct shunt_semaphore *sem;
	struct shunt_event *event;
	struct shunt_lock *lock;

	(void)arg;
	NEED(unshare(CLONE_NEWNS) == 0);
	NEED(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	NEED(mount("none", dir, "tmpfs", 0, "size=64k") == 0);
	NEED(chdir(dir) == 0);
	NEED(shunt_lock_open(&lock, "file:l", NULL) == -ENOSPC);
	NEED(strstr(shunt_error_detail(), "64 KiB free") != NULL);
	NEED(lock == NULL && entries() == 0);
	NEED(shunt_semaphore_open(&sem, "file:s", &many) == -ENOSPC);
	NEED(sem == NULL && entries() == 0);
	/* What could be made has all the memory it will ever want. */
	NEED(shunt_lock_open(&lock, "file:l", &few) == 1);
	NEED(shunt_event_open(&event, "file:e", NULL) == 1);
	NEED(shunt_semaphore_open(&sem, "file:s", NULL) == -ENOSPC);
	int fd = open("full", O_RDWR | O_CREAT, 0600);
	while (write(fd, "x", 1) == 1)
		;
	NEED(shunt_lock_acquire(lock, 0) == 0);
	NEED(shunt_lock_release(lock) == 0);
	NEED(shunt_event_notify(event, SHUNT_EVENT_ALL) == 0);
	NEED(shunt_event_wait(event, 0) == 0);
	shunt_event_close(&event);
	shunt_lock_close(&lock);
	NEED(entries() == 1);
	return 0;
}

static void
a_full_file_system(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/shunt-locks-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	if (geteuid() != 0) {
		rmdir(dir);
		skip();
	}
	assert_int_equal(peer_end(peer_start(make_too_much, NULL)), 0);
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(making_a_lock),
	    TEST(using_a_lock),
	    TEST(waiting_at_a_lock),
	    TEST(inheriting_a_lock),
	    TEST(making_a_semaphore),
	    TEST(using_a_semaphore),
	    TEST(inheriting_a_permit),
	    TEST(making_an_event),
	    TEST(using_an_event),
	    TEST(looking_at_recoveries),
	    TEST(everything_fails_from_then_on),
	    TEST(a_full_file_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
