/* SPDX-License-Identifier: MIT */
/* Raw segments that nobody has: who opens one between two steps of its removal
 * keeps it, and a remover that dies between them leaves nothing hidden. */
#include "unit/unit.h"
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <shunt.h>

#include "os/os.h"
#include "unit/faults.h"
#include "unit/raw.h"

static const struct shunt_remove_options orphan = {
    .sz = sizeof(orphan), .flags = SHUNT_REMOVE_ORPHAN};
static const struct shunt_remove_options idle = {
    .sz = sizeof(idle), .flags = SHUNT_REMOVE_IDLE};

/* The hidden name of @name, if there is one now. */
static int
hidden(const char *name, char *out, size_t room)
{
	char prefix[300];
	struct dirent *entry;
	DIR *dir = opendir("/dev/shm");
	int found = 0;

	snprintf(prefix, sizeof(prefix), ".shunt-removing.%s.", name + 1);
	while (!found && (entry = readdir(dir)) != NULL) {
		found = strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
		if (found)
			snprintf(out, room, "/%s", entry->d_name);
	}
	closedir(dir);
	return found;
}

static ino_t
inode(const char *name)
{
	struct stat st;

	return lstat(test_path(name), &st) == 0 ? st.st_ino : 0;
}

/* ---- who has it -------------------------------------------------------------
 */

struct other {
	struct step step;
	char name[64];
	int flags;
	int map, close;
};

static int
hold(void *arg)
{
	struct other *o = arg;
	int fd = open(test_path(o->name), o->flags | O_CLOEXEC);

	NEED(fd >= 0);
	if (o->map)
		NEED(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) !=
		     MAP_FAILED);
	if (o->close)
		close(fd);
	step_to(&o->step, 1);
	for (;;)
		pause();
}

static void
check_held(int flags, int map, int close_it)
{
	struct other *o = test_shared(sizeof(*o));
	const char *name = test_name("held");

	test_make(name, 4096);
	snprintf(o->name, sizeof(o->name), "%s", name);
	o->flags = flags;
	o->map = map;
	o->close = close_it;
	pid_t pid = peer_start(hold, o);
	step_wait(&o->step, 1);
	ino_t ino = inode(name);
	assert_refused(shunt_remove(name, &idle), -EBUSY, "open or mapped");
	assert_int_equal(inode(name), ino);
	peer_kill(pid);
	assert_int_equal(shunt_remove(name, &idle), 0);
	assert_false(test_there(name));
}

static void
who_has_it_keeps_it(void **state)
{
	(void)state;
	check_held(O_RDONLY, 0, 0);
	check_held(O_RDWR, 0, 0);
	check_held(O_RDONLY, 1, 1);
	check_held(O_RDWR, 1, 1);
}

/* ---- who comes in between ---------------------------------------------------
 */

static struct shunt__os real;
static struct other *comer; /* opens when a step is reached */
static pid_t comer_pid;
static int lease_fd;

/* Opens as shm_open(3) does, and waits where the kernel lets it wait. */
static int
come(void *arg)
{
	struct other *o = arg;
	struct stat st;

	int fd = open(test_path(o->name), o->flags | O_CLOEXEC);
	NEED(fd >= 0);
	NEED(fstat(fd, &st) == 0 && st.st_nlink == 1);
	step_to(&o->step, 1);
	step_wait(&o->step, 2);
	NEED(fstat(fd, &st) == 0 && st.st_nlink == 1);
	return 0;
}

/* From here on the kernel knows of the open that waits. */
static void
let_come(void)
{
	comer_pid = peer_start(come, comer);
	while (fcntl(lease_fd, F_GETLEASE) == F_WRLCK)
		usleep(100);
}

static int
leasing(int fd, int cmd, int arg)
{
	if (cmd == F_SETLEASE && arg == F_WRLCK)
		lease_fd = fd;
	return real.lease(fd, cmd, arg);
}

static int
rename_after_an_arrival(const char *from, const char *to)
{
	if (comer_pid == 0)
		let_come();
	return real.rename_new(from, to);
}

static void
arrive(int (*rename_hook)(const char *, const char *), int flags)
{
	const char *name = test_name("late");

	test_make(name, 4096);
	comer = test_shared(sizeof(*comer));
	snprintf(comer->name, sizeof(comer->name), "%s", name);
	comer->flags = flags;
	comer_pid = 0;
	ino_t ino = inode(name);
	real = shunt__os;
	shunt__os.lease = leasing;
	shunt__os.rename_new = rename_hook;
	int e = shunt_remove(name, &idle);
	shunt__os = real;
	assert_refused(e, -EBUSY, "opened it just now");
	assert_int_equal(inode(name), ino);
	step_wait(&comer->step, 1);
	assert_refused(shunt_remove(name, &idle), -EBUSY, "open or mapped");
	step_to(&comer->step, 2);
	assert_int_equal(peer_end(comer_pid), 0);
	assert_int_equal(shunt_remove(name, &idle), 0);
}

static void
who_found_it_before_the_rename_keeps_it(void **state)
{
	(void)state;
	arrive(rename_after_an_arrival, O_RDONLY);
	arrive(rename_after_an_arrival, O_RDWR);
}

/* Another one took the name, while the old one was hidden and found. */
static int
rename_then_taken(const char *from, const char *to)
{
	int e = rename_after_an_arrival(from, to);

	if (e == 0 && comer != NULL && comer_pid != 0 &&
	    strstr(to, ".shunt-removing.") != NULL) {
		int fd = open(from, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (fd < 0 || pwrite(fd, "new", 3, 0) != 3)
			return -EIO;
		close(fd);
	}
	return e;
}

static void
a_name_that_is_taken_is_left_alone(void **state)
{
	const char *name = test_name("taken");
	char at[300], bytes[4] = "";

	(void)state;
	test_make(name, 4096);
	comer = test_shared(sizeof(*comer));
	snprintf(comer->name, sizeof(comer->name), "%s", name);
	comer_pid = 0;
	real = shunt__os;
	shunt__os.lease = leasing;
	shunt__os.rename_new = rename_then_taken;
	int e = shunt_remove(name, &idle);
	shunt__os = real;
	assert_refused(e, -EBUSY, "cannot be given back");
	assert_true(hidden(name, at, sizeof(at)));
	assert_int_equal(shunt_segment_read(name, 0, bytes, 3, NULL), 3);
	assert_string_equal(bytes, "new");
	/* It is kept as long as somebody has it, then it is a leftover. */
	step_wait(&comer->step, 1);
	assert_refused(shunt_remove(at, &orphan), -EBUSY, "open or mapped");
	step_to(&comer->step, 2);
	assert_int_equal(peer_end(comer_pid), 0);
	assert_int_equal(shunt_remove(at, &orphan), 0);
	assert_false(test_there(at));
	assert_true(test_there(name));
}

/* What bears the name is replaced after it was opened, or after the look. */
static int
rename_of_another(const char *from, const char *to)
{
	if (strstr(to, ".shunt-removing.") != NULL) {
		unlink(from);
		close(open(from, O_RDWR | O_CREAT | O_EXCL, 0600));
	}
	return real.rename_new(from, to);
}

static void
what_replaced_it_gets_its_name_back(void **state)
{
	const char *name = test_name("swap");
	char at[300];

	(void)state;
	test_make(name, 4096);
	real = shunt__os;
	shunt__os.rename_new = rename_of_another;
	int e = shunt_remove(name, &idle);
	shunt__os = real;
	assert_refused(e, -EBUSY, "replaced");
	assert_true(test_there(name));
	assert_false(hidden(name, at, sizeof(at)));
}

/* A removal ends between the open and the look at the name. */
static int
open_and_lose(const char *path, int flags, mode_t mode)
{
	int fd = real.open(path, flags, mode);

	if (fd >= 0 && shunt__os.open != real.open) {
		shunt__os.open = real.open;
		unlink(path);
	}
	return fd;
}

static void
who_opens_what_goes_does_not_get_the_dead_one(void **state)
{
	const char *name = test_name("going");
	struct shunt_segment *seg;
	struct stat st;

	(void)state;
	test_make(name, 4096);
	real = shunt__os;
	shunt__os.open = open_and_lose;
	int e = shunt_segment_open(&seg, name, NULL);
	shunt__os = real;
	assert_refused(e, -ENOENT, "no such segment");
	test_make(name, 4096);
	shunt__os.open = open_and_lose;
	e = shunt_segment_create(&seg, name, 4096, NULL);
	shunt__os = real;
	assert_int_equal(e, 0);
	assert_int_equal(fstat(shunt_segment_fd(seg), &st), 0);
	assert_int_equal(st.st_ino, inode(name));
	shunt_segment_close(&seg);
}

/* ---- any call fails --------------------------------------------------------
 */

static void
check_failures(int err, int *gone)
{
	const char *name = test_name("fault");
	char at[300];
	int before = test_fds(), e;

	for (unsigned k = 1;; k++) {
		if (!test_there(name))
			test_make(name, 4096);
		ino_t ino = inode(name);
		faults_on(k, err, 0);
		e = shunt_remove(name, &idle);
		if (!faults_off())
			break;
		assert_int_equal(test_fds(), before);
		assert_false(hidden(name, at, sizeof(at)));
		if (e == 0)
			assert_false(test_there(name));
		else
			assert_int_equal(inode(name), ino);
		*gone += e == 0;
	}
	assert_int_equal(e, 0);
}

static void
any_call_may_fail(void **state)
{
	int gone = 0;

	(void)state;
	check_failures(EIO, &gone);
	check_failures(EACCES, &gone);
	check_failures(EINTR, &gone);
	assert_true(gone > 0);
}

/* ---- who dies in between ----------------------------------------------------
 */

static int
rename_and_die(const char *from, const char *to)
{
	real.rename_new(from, to);
	_exit(0);
}

/* A remover that died when the name was hidden. */
static void
cut_off(const char *name, char *at, size_t room)
{
	pid_t pid = fork();

	if (pid == 0) {
		real = shunt__os;
		shunt__os.rename_new = rename_and_die;
		shunt_remove(name, &idle);
		_exit(1);
	}
	assert_int_equal(peer_end(pid), 0);
	assert_false(test_there(name));
	assert_true(hidden(name, at, room));
}

static void
a_hidden_name_is_put_back(void **state)
{
	const char *name = test_name("cut");
	char at[300];

	(void)state;
	test_make(name, 4096);
	ino_t ino = inode(name);
	cut_off(name, at, sizeof(at));
	assert_int_equal(shunt_remove(at, &orphan), 1);
	assert_int_equal(inode(name), ino);
	assert_false(hidden(name, at, sizeof(at)));
	/* The same by its own name: put back, then decided anew. */
	cut_off(name, at, sizeof(at));
	assert_refused(shunt_remove(name, &orphan), -EBUSY, "raw segment");
	assert_int_equal(inode(name), ino);
	cut_off(name, at, sizeof(at));
	assert_int_equal(shunt_remove(name, &idle), 0);
	assert_false(test_there(name));
	assert_false(hidden(name, at, sizeof(at)));
}

/* Whoever cleans puts it back under a remover that is only slow. */
static int
unlink_after_a_clean(const char *path)
{
	const char *at = strrchr(path, '/');

	shunt__os.unlink = real.unlink;
	if (shunt_remove(at, &orphan) != 1)
		return -EIO;
	return real.unlink(path);
}

static void
what_was_put_back_is_not_removed(void **state)
{
	const char *name = test_name("slow");

	(void)state;
	test_make(name, 4096);
	real = shunt__os;
	shunt__os.unlink = unlink_after_a_clean;
	int e = shunt_remove(name, &idle);
	shunt__os = real;
	assert_refused(e, -EBUSY, "put it back");
	assert_true(test_there(name));
	assert_int_equal(shunt_remove(name, &idle), 0);
}

static void
what_a_maker_left_unfinished_is_an_orphan(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "/.shunt-new-%016x", (unsigned)getpid());
	int fd = open(test_path(name), O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	/* Its maker lives. */
	assert_refused(shunt_remove(name, &orphan), -EBUSY, "open or mapped");
	close(fd);
	assert_int_equal(shunt_remove(name, &orphan), 0);
	assert_false(test_there(name));
	/* Not of that form: somebody else's. */
	const char *other = test_name("x");
	fd = open(test_path(other), O_RDWR | O_CREAT | O_EXCL, 0600);
	close(fd);
	assert_int_equal(shunt_remove(other, &orphan), -EBUSY);
}

static void
a_name_too_long_to_hide_stays(void **state)
{
	char name[300];

	(void)state;
	snprintf(name, sizeof(name), "%s", test_name("long"));
	memset(name + strlen(name), 'x', 255 - strlen(name));
	name[255] = 0;
	test_make(name, 4096);
	int e = shunt_remove(name, &idle);
	int there = test_there(name);
	unlink(test_path(name));
	assert_int_equal(e, -EBUSY);
	assert_true(there);
}

/* Not its owner: the kernel does not answer, and unknown is not dead. */
static int
as_a_stranger(void *arg)
{
	NEED(setgid(STRANGER) == 0 && setuid(STRANGER) == 0);
	NEED(shunt_remove(arg, &idle) == -EBUSY);
	need_detail("cannot be told");
	return 0;
}

static void
who_may_not_ask_does_not_remove(void **state)
{
	char *name = (char *)(uintptr_t)test_name("strange");

	(void)state;
	if (geteuid() != 0)
		skip();
	test_make(name, 4096);
	chmod(test_path(name), 0666);
	assert_int_equal(peer_end(peer_start(as_a_stranger, name)), 0);
	assert_true(test_there(name));
}

/* What failed tests leave under names that are not of test_name(). */
static int
tidy(void **state)
{
	char own[32], path[300];
	struct dirent *entry;
	DIR *dir = opendir("/dev/shm");

	(void)state;
	snprintf(own, sizeof(own), "-%d-", (int)getpid());
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, ".shunt-removing.", 16) == 0 &&
		    strstr(entry->d_name, own) != NULL) {
			snprintf(
			    path, sizeof(path), "/dev/shm/%s", entry->d_name);
			unlink(path);
		}
	closedir(dir);
	snprintf(path, sizeof(path), "/dev/shm/.shunt-new-%016x",
	    (unsigned)getpid());
	unlink(path);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(who_has_it_keeps_it),
	    TEST(who_found_it_before_the_rename_keeps_it),
	    TEST(a_name_that_is_taken_is_left_alone),
	    TEST(what_replaced_it_gets_its_name_back),
	    TEST(who_opens_what_goes_does_not_get_the_dead_one),
	    TEST(any_call_may_fail),
	    TEST(a_hidden_name_is_put_back),
	    TEST(what_was_put_back_is_not_removed),
	    TEST(what_a_maker_left_unfinished_is_an_orphan),
	    TEST(a_name_too_long_to_hide_stays),
	    TEST(who_may_not_ask_does_not_remove),
	};

	return cmocka_run_group_tests(tests, NULL, tidy);
}
