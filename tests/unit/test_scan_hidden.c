/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* What cannot be seen is never taken for nobody: other users' processes, other
 * namespaces, no /proc at all, calls that fail. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <shunt.h>

#include "lib/peers.h"
#include "os/os.h"
#include "unit/faults.h"
#include "unit/sysv.h"

#define FOUND_NONE UINT32_MAX

static int64_t pids[4]; /* of what was found last */

static int
open_all(struct shunt_scan **scan)
{
	struct shunt_scan_options o = {.sz = sizeof(o),
	    .places = (1u << SHUNT_PLACES) - 1,
	    .flags = SHUNT_SCAN_USERS};

	return shunt_scan_open(scan, &o);
}

/* 0 or a code; not there: state is FOUND_NONE. */
static int
find(const char *name, struct shunt_segment_info *found)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_scan *scan;
	int e = open_all(&scan);

	memset(found, 0, sizeof(*found));
	found->state = FOUND_NONE;
	while (e == 0 && shunt_scan_next(scan, &info) == 1) {
		if (strcmp(info.name, name) != 0)
			continue;
		*found = info;
		memset(pids, 0, sizeof(pids));
		shunt_scan_users(scan, pids, 4);
	}
	shunt_scan_close(&scan);
	return e;
}

static int
told(const char *name, uint32_t state, uint32_t users, uint32_t hidden)
{
	struct shunt_segment_info info;

	NEED(find(name, &info) == 0);
	if (info.state == state && info.users == users &&
	    info.hidden == hidden) {
		/* And one by itself, where that may be opened. */
		info = (struct shunt_segment_info){.sz = sizeof(info)};
		return shunt_segment_stat(name, &info, NULL, 0) < 0 ||
		       (info.state == state && info.users == users &&
			   info.hidden == hidden);
	}
	fprintf(stderr, "%s: state %u users %u hidden %u\n", name, info.state,
	    info.users, info.hidden);
	return 0;
}

static void
make(const char *name, uid_t owner, mode_t mode)
{
	int fd =
	    open(test_path(name), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

	NEED(fd >= 0 && ftruncate(fd, 5000) == 0);
	NEED(fchown(fd, owner, owner) == 0 && fchmod(fd, mode) == 0);
	close(fd);
}

static void *maps[32];
static int nmaps;

/* In a child: it has what its parent has, until it lets go. */
static void
unmap_all(void)
{
	while (nmaps > 0)
		NEED(munmap(maps[--nmaps], 4096) == 0);
}

/* Maps it and keeps no descriptor. */
static void
map(const char *name)
{
	int fd = open(test_path(name), O_RDONLY | O_CLOEXEC);
	void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	NEED(fd >= 0 && at != MAP_FAILED);
	close(fd);
	maps[nmaps++] = at;
}

struct names {
	const char *theirs, *secret, *ours, *unused, *mine;
};

static int
look_as_nobody(void *arg)
{
	const struct names *n = arg;

	unmap_all();
	sysv_nobody();
	/* Root has all but one mapped; a lease is for the owner. */
	NEED(told(n->theirs, SHUNT_STATE_UNKNOWN, 0, 1));
	NEED(told(n->secret, SHUNT_STATE_UNKNOWN, 0, 1));
	NEED(told(n->ours, SHUNT_STATE_LIVE, 0, 1));
	NEED(told(n->unused, SHUNT_STATE_IDLE, 0, 0));
	/* Changing the user made it one that /proc hides from itself. */
	NEED(prctl(PR_SET_DUMPABLE, 1) == 0);
	map(n->mine);
	NEED(told(n->mine, SHUNT_STATE_LIVE, 1, 1) && pids[0] == getpid());
	/* No lease, but somebody is seen. */
	map(n->theirs);
	NEED(told(n->theirs, SHUNT_STATE_LIVE, 1, 1));
	return 0;
}

static struct names
make_names(void)
{
	struct names n = {test_name("a"), test_name("b"), test_name("c"),
	    test_name("d"), test_name("e")};

	make(n.theirs, 0, 0644);
	make(n.secret, 0, 0600);
	make(n.ours, NOBODY, 0600);
	make(n.unused, NOBODY, 0600);
	make(n.mine, NOBODY, 0600);
	map(n.theirs);
	map(n.secret);
	map(n.ours);
	return n;
}

static void
processes_of_others_are_hidden_but_never_nobody(void **state)
{
	struct names n;

	(void)state;
	if (geteuid() != 0)
		skip();
	n = make_names();
	assert_int_equal(peer_end(peer_start(look_as_nobody, &n)), 0);
	unmap_all();
}

static int
look_with_hidepid(void *arg)
{
	NEED(unshare(CLONE_NEWNS) == 0);
	NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	if (mount("proc", "/proc", "proc", 0, "hidepid=2") != 0)
		return 77;
	return look_as_nobody(arg);
}

static void
with_hidepid_there_are_others(void **state)
{
	struct names n;
	int e;

	(void)state;
	if (!sysv_may_unshare())
		skip();
	n = make_names();
	e = peer_end(peer_start(look_with_hidepid, &n));
	unmap_all();
	if (e == 77)
		skip();
	assert_int_equal(e, 0);
}

static int
look_without_proc(void *arg)
{
	const struct names *n = arg;

	unmap_all();
	NEED(unshare(CLONE_NEWNS) == 0);
	NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	NEED(mount("none", "/proc", "tmpfs", 0, NULL) == 0);
	NEED(told(n->theirs, SHUNT_STATE_LIVE, 0, 1));
	NEED(told(n->unused, SHUNT_STATE_IDLE, 0, 0));
	sysv_nobody();
	NEED(told(n->theirs, SHUNT_STATE_UNKNOWN, 0, 1));
	NEED(told(n->ours, SHUNT_STATE_LIVE, 0, 1));
	NEED(told(n->unused, SHUNT_STATE_IDLE, 0, 0));
	return 0;
}

static void
without_proc_the_lease_tells(void **state)
{
	struct names n;

	(void)state;
	if (!sysv_may_unshare())
		skip();
	n = make_names();
	assert_int_equal(peer_end(peer_start(look_without_proc, &n)), 0);
	unmap_all();
}

/* As PID 1 of a namespace with nobody else, and its own /proc. */
static int (*inside)(const char *name);

static int
in_own_namespace(void *arg)
{
	int status;

	unmap_all();
	NEED(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC) == 0);
	NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(50);
		if (mount("proc", "/proc", "proc", 0, NULL) != 0)
			_exit(77);
		_exit(inside(arg));
	}
	NEED(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void
alone(int (*f)(const char *name), const char *name)
{
	inside = f;
	int e = peer_end(peer_start(in_own_namespace, (void *)(uintptr_t)name));
	if (e == 77)
		skip();
	assert_int_equal(e, 0);
}

static int
look_from_inside(const char *name)
{
	NEED(told(name, SHUNT_STATE_LIVE, 0, 1));
	return 0;
}

static void
users_outside_a_namespace_are_hidden(void **state)
{
	const char *name = test_name("ns");

	(void)state;
	if (!sysv_may_unshare())
		skip();
	make(name, 0, 0600);
	map(name);
	alone(look_from_inside, name);
	unmap_all();
}

/* As if it were the first namespace, beside which there is none. */
static ssize_t (*real_readlink)(const char *path, char *buf, size_t n);

static ssize_t
first_namespace(const char *path, char *buf, size_t n)
{
	if (strcmp(path, "/proc/self/ns/pid") != 0)
		return real_readlink(path, buf, n);
	memcpy(buf, "pid:[4026531836]", 16);
	return 16;
}

static void
see_all(void)
{
	real_readlink = shunt__os.readlink;
	shunt__os.readlink = first_namespace;
}

/* One process may not be looked at. */
static int (*real_open)(const char *path, int flags, mode_t mode);
static char closed[32];

static int
open_but_one(const char *path, int flags, mode_t mode)
{
	return strcmp(path, closed) == 0 ? -EACCES
					 : real_open(path, flags, mode);
}

static int (*real_opendir)(const char *path, DIR **out);

static int
opendir_but_one(const char *path, DIR **out)
{
	return strcmp(path, closed) == 0 ? -EACCES : real_opendir(path, out);
}

static int
see_all_but_one(const char *name)
{
	int fd = open(test_path(name), O_RDONLY | O_CLOEXEC);

	NEED(told(name, SHUNT_STATE_LIVE, 1, 1));
	see_all();
	NEED(told(name, SHUNT_STATE_LIVE, 1, 0));
	real_open = shunt__os.open;
	real_opendir = shunt__os.opendir;
	shunt__os.open = open_but_one;
	shunt__os.opendir = opendir_but_one;
	pid_t child = fork();
	if (child == 0)
		for (;;)
			pause();
	NEED(told(name, SHUNT_STATE_LIVE, 2, 0));
	snprintf(closed, sizeof(closed), "/proc/%d/maps", child);
	NEED(told(name, SHUNT_STATE_LIVE, 1, 1));
	snprintf(closed, sizeof(closed), "/proc/%d/fd", child);
	NEED(told(name, SHUNT_STATE_LIVE, 1, 1));
	closed[0] = 0;
	peer_kill(child);
	NEED(told(name, SHUNT_STATE_LIVE, 1, 0));
	/* Somebody outside has it still, as the lease says. */
	close(fd);
	NEED(told(name, SHUNT_STATE_LIVE, 0, 1));
	return 0;
}

static void
one_that_is_closed_to_us_makes_the_rest_doubtful(void **state)
{
	const char *name = test_name("one");

	(void)state;
	if (!sysv_may_unshare())
		skip();
	make(name, 0, 0600);
	map(name);
	alone(see_all_but_one, name);
	unmap_all();
}

/* Nobody can lease a queue: it is idle where all could be seen. */
static int
queue_without_users(const char *name)
{
	int fd = (int)syscall(
	    SYS_mq_open, "q", O_CREAT | O_RDWR | O_CLOEXEC, 0600, NULL);

	if (fd < 0 || mount("none", "/mnt", "mqueue", 0, NULL) != 0)
		return 77;
	NEED(told(name, SHUNT_STATE_LIVE, 1, 1));
	close(fd);
	NEED(told(name, SHUNT_STATE_UNKNOWN, 0, 1));
	see_all();
	NEED(told(name, SHUNT_STATE_IDLE, 0, 0));
	return 0;
}

static void
a_queue_is_idle_only_where_all_is_seen(void **state)
{
	(void)state;
	if (!sysv_may_unshare())
		skip();
	alone(queue_without_users, "mq:/q");
}

static void
foreign_users_of_an_object_are_seen(void **state)
{
	const char *name = test_name("queue");
	struct shunt_queue_options keep = {
	    .sz = sizeof(keep), .flags = SHUNT_QUEUE_PERSISTENT};
	struct shunt_segment_info info;
	struct shunt_queue *queue;

	(void)state;
	assert_int_equal(shunt_queue_open(&queue, name, &keep), 1);
	assert_int_equal(find(name, &info), 0);
	assert_int_equal(info.state, SHUNT_STATE_LIVE);
	assert_int_equal(info.users, 1);
	assert_int_equal(pids[0], getpid());
	shunt_queue_close(&queue);
	assert_int_equal(find(name, &info), 0);
	assert_int_equal(info.state, SHUNT_STATE_IDLE);
	assert_int_equal(info.users, 0);
	/* Not attached, as no lock says; mapped as any file. */
	map(name);
	assert_int_equal(find(name, &info), 0);
	assert_int_equal(info.state, SHUNT_STATE_LIVE);
	assert_int_equal(info.users, 1);
	unmap_all();
}

static struct step *step;

static void *
stay(void *arg)
{
	(void)arg;
	step_to(step, 1);
	while (pause() < 0)
		; /* until it is killed */
	return NULL;
}

static int
leave_to_a_thread(void *arg)
{
	pthread_t t;

	map(arg);
	NEED(pthread_create(&t, NULL, stay, NULL) == 0);
	pthread_exit(NULL);
	return 0;
}

static int
first_thread_is_dead(pid_t pid)
{
	char path[64], text[64] = "", *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = fopen(path, "re");
	NEED(f != NULL && fgets(text, sizeof(text), f) != NULL);
	fclose(f);
	at = strrchr(text, ')');
	return at != NULL && at[2] == 'Z';
}

static void
a_process_without_its_first_thread_is_a_user(void **state)
{
	const char *name = test_name("thread");
	struct shunt_segment_info info;

	(void)state;
	step = test_shared(sizeof(*step));
	make(name, geteuid(), 0600);
	pid_t child = peer_start(leave_to_a_thread, (void *)(uintptr_t)name);
	step_wait(step, 1);
	while (!first_thread_is_dead(child))
		usleep(1000);
	assert_int_equal(find(name, &info), 0);
	assert_int_equal(info.state, SHUNT_STATE_LIVE);
	assert_int_equal(info.users, 1);
	assert_int_equal(pids[0], child);
	peer_kill(child);
}

/* The k-th call fails: the answer is a code, or owns that it does not know
 * all, or is right. */
static void
fail_each(const char *name, int err)
{
	struct shunt_segment_info info;
	int fds = test_fds(), e, failed = 1;

	for (unsigned k = 1; failed; k++) {
		faults_on(k, err, 0);
		e = find(name, &info);
		failed = faults_off();
		NEED(test_fds() == fds);
		if (e < 0 || info.state == FOUND_NONE)
			continue;
		if (info.state == SHUNT_STATE_LIVE && info.users == 1)
			continue;
		if (info.state == SHUNT_STATE_UNKNOWN ||
		    (info.state == SHUNT_STATE_LIVE && info.hidden))
			continue;
		fprintf(stderr, "call %u, %s: state %u users %u\n", k,
		    faults_call(), info.state, info.users);
		NEED(0 && "a right answer");
	}
}

static int
fail_all(const char *name)
{
	map(name);
	see_all();
	fail_each(name, EIO);
	fail_each(name, EACCES);
	fail_each(name, ENOMEM);
	return 0;
}

static void
what_fails_is_told_or_unknown(void **state)
{
	const char *name = test_name("fail");

	(void)state;
	if (!sysv_may_unshare())
		skip();
	make(name, 0, 0600);
	alone(fail_all, name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(processes_of_others_are_hidden_but_never_nobody),
	    TEST(with_hidepid_there_are_others),
	    TEST(without_proc_the_lease_tells),
	    TEST(users_outside_a_namespace_are_hidden),
	    TEST(one_that_is_closed_to_us_makes_the_rest_doubtful),
	    TEST(a_queue_is_idle_only_where_all_is_seen),
	    TEST(foreign_users_of_an_object_are_seen),
	    TEST(a_process_without_its_first_thread_is_a_user),
	    TEST(what_fails_is_told_or_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
