/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* System V segments: what is known of them, changed, removed, and who comes
 * in between. */
#include "unit/unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include <shunt.h>

#include "lib/peers.h"
#include "os/os.h"
#include "unit/sysv.h"

static struct shunt_segment *
made(const char *name, size_t size, uint32_t mode)
{
	struct shunt_segment_options o = {.sz = sizeof(o), .mode = mode};
	struct shunt_segment *seg;

	assert_int_equal(shunt_segment_create(&seg, name, size, &o), 0);
	return seg;
}

static void
same_as_the_kernel(const struct shunt_sysv_info *info)
{
	struct shmid_ds ds;

	assert_int_equal(shmctl(info->id, IPC_STAT, &ds), 0);
	assert_int_equal(info->key, ds.shm_perm.__key);
	assert_int_equal(info->size, ds.shm_segsz);
	assert_int_equal(info->uid, ds.shm_perm.uid);
	assert_int_equal(info->gid, ds.shm_perm.gid);
	assert_int_equal(info->cuid, ds.shm_perm.cuid);
	assert_int_equal(info->cgid, ds.shm_perm.cgid);
	assert_int_equal(info->mode, ds.shm_perm.mode & 0777);
	assert_int_equal(info->attached, ds.shm_nattch);
	assert_int_equal(info->creator_pid, ds.shm_cpid);
	assert_int_equal(info->last_pid, ds.shm_lpid);
	assert_int_equal(info->atime, ds.shm_atime);
	assert_int_equal(info->dtime, ds.shm_dtime);
	assert_int_equal(info->ctime, ds.shm_ctime);
}

static int
attach_once(void *arg)
{
	struct shunt_segment *seg;

	NEED(shunt_segment_open(&seg, arg, NULL) == 0);
	return 0;
}

static void
stat_tells_every_field(void **state)
{
	key_t key = sysv_key();
	const char *name = sysv_name(key);
	time_t begin = time(NULL);
	int id = sysv_plain(key, 7777, 0641);
	struct shunt_sysv_info info = sysv_stat(name);

	(void)state;
	same_as_the_kernel(&info);
	assert_int_equal(info.id, id);
	assert_int_equal(info.key, key);
	assert_int_equal(info.size, 7777);
	assert_int_equal(info.rounded % (uint64_t)getpagesize(), 0);
	assert_int_equal(info.mode, 0641);
	assert_int_equal(info.uid, geteuid());
	assert_int_equal(info.creator_pid, getpid());
	assert_int_equal(info.last_pid, 0);
	assert_int_equal(info.attached, 0);
	assert_int_equal(info.flags, 0);
	assert_int_equal(info.atime, 0);
	assert_int_equal(info.dtime, 0);
	assert_in_range(info.ctime, begin, time(NULL));
	pid_t pid = peer_start(attach_once, (void *)(uintptr_t)name);
	assert_int_equal(peer_end(pid), 0);
	info = sysv_stat(name);
	same_as_the_kernel(&info);
	assert_int_equal(info.last_pid, pid);
	assert_in_range(info.atime, begin, time(NULL));
	assert_in_range(info.dtime, info.atime, time(NULL));
	assert_int_equal(shunt_remove(name, NULL), 0);

	assert_int_equal(shunt_sysv_stat(name, &info), -ENOENT);
	assert_detail(name);
	assert_int_equal(shunt_sysv_stat("/x", &info), SHUNT_E_NAME);
	assert_detail("no System V segment");
	assert_int_equal(shunt_sysv_stat("sysv:private", &info), SHUNT_E_NAME);
	assert_int_equal(shunt_sysv_stat("sysv:x", &info), SHUNT_E_NAME);
	assert_int_equal(shunt_sysv_stat(name, NULL), -EINVAL);
}

static void
mode_owner_and_group_are_changed_one_by_one(void **state)
{
	const char *name = sysv_name(sysv_key());
	struct shunt_segment *seg = made(name, 10, 0);
	struct shunt_sysv_info info = sysv_stat(name);
	uint32_t gid = info.gid;

	(void)state;
	assert_int_equal(shunt_segment_set_mode(name, 0464), 0);
	info = sysv_stat(name);
	assert_int_equal(info.mode, 0464);
	assert_int_equal(info.uid, geteuid());
	assert_int_equal(info.gid, gid);
	assert_int_equal(shunt_segment_set_mode(name, 01000), -EINVAL);
	assert_int_equal(shunt_segment_set_owner(name, NULL, "12345"), 0);
	info = sysv_stat(name);
	assert_int_equal(info.mode, 0464);
	assert_int_equal(info.uid, geteuid());
	assert_int_equal(info.gid, 12345);
	assert_int_equal(
	    shunt_segment_set_owner(name, "no such user", NULL), -EINVAL);
	assert_int_equal(
	    shunt_segment_set_owner(name, NULL, "no such group"), -EINVAL);
	if (geteuid() == 0) {
		assert_int_equal(
		    shunt_segment_set_owner(name, "4711", NULL), 0);
		info = sysv_stat(name);
		assert_int_equal(info.mode, 0464);
		assert_int_equal(info.uid, 4711);
		assert_int_equal(info.gid, 12345);
		assert_int_equal(info.cuid, 0);
		assert_int_equal(
		    shunt_segment_set_owner(name, "root", "root"), 0);
		info = sysv_stat(name);
		assert_int_equal(info.uid, 0);
		assert_int_equal(info.gid, 0);
	}
	/* Nothing at all: no right may get lost by the look that comes first.
	 */
	assert_int_equal(shunt_segment_set_mode(name, 0), 0);
	assert_int_equal(shunt_segment_set_mode(name, 0600), 0);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
	assert_int_equal(shunt_segment_set_mode(name, 0600), -ENOENT);
	assert_int_equal(shunt_segment_set_owner(name, "0", NULL), -ENOENT);
}

static int
look_from_outside(void *arg)
{
	struct shunt_sysv_info info = {.sz = sizeof(info)};
	const char *name = arg;

	sysv_nobody();
	NEED(shunt_sysv_stat(name, &info) == 0);
	NEED(info.size == 4242 && info.mode == 0600 && info.uid == 0);
	NEED(shunt_segment_set_mode(name, 0666) == -EPERM);
	NEED(strstr(shunt_error_detail(), "only its owner (user 0)") != NULL);
	NEED(shunt_segment_set_owner(name, "65534", NULL) == -EPERM);
	NEED(shunt_remove(name, NULL) == -EPERM);
	NEED(strstr(shunt_error_detail(), "you may not remove it") != NULL);
	NEED(shunt_sysv_stat(name, &info) == 0);
	NEED(info.mode == 0600 && info.flags == 0);
	return 0;
}

static void
who_may_not_read_it_still_sees_it(void **state)
{
	const char *name = sysv_name(sysv_key());

	(void)state;
	if (geteuid() != 0)
		skip();
	struct shunt_segment *seg = made(name, 4242, 0600);
	assert_int_equal(
	    peer_end(peer_start(look_from_outside, (void *)(uintptr_t)name)),
	    0);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static int (*real_shmctl)(int id, int cmd, void *buf);

/* Linux 4.16. */
static int
older_kernel(int id, int cmd, void *buf)
{
	return cmd == SHM_STAT_ANY ? -EINVAL : real_shmctl(id, cmd, buf);
}

static int
look_on_an_older_kernel(void *arg)
{
	struct shunt_sysv_info info = {.sz = sizeof(info)};
	const char *name = arg;
	int seen = 0;

	real_shmctl = shunt__os.shmctl;
	shunt__os.shmctl = older_kernel;
	for (int i = 0; i < 10; i++)
		seen += shunt_sysv_index(i, &info) == 0;
	NEED(seen == 1);
	NEED(shunt_sysv_stat(name, &info) == 0);
	sysv_nobody();
	NEED(shunt_sysv_stat(name, &info) == -EACCES);
	NEED(strstr(shunt_error_detail(), name) != NULL);
	return 0;
}

static void
an_older_kernel_shows_what_is_readable(void **state)
{
	const char *name = sysv_name(sysv_key());

	(void)state;
	if (!sysv_may_unshare()) /* what others have would be counted too */
		skip();
	struct shunt_segment *seg = made(name, 4242, 0600);
	assert_int_equal(peer_end(peer_start(
			     look_on_an_older_kernel, (void *)(uintptr_t)name)),
	    0);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
what_is_removed_goes_with_its_last_user(void **state)
{
	key_t key = sysv_key();
	const char *name = sysv_name(key);
	struct shunt_segment *seg = made(name, 100, 0), *other;
	struct shunt_sysv_info info;
	char id[40];

	(void)state;
	snprintf(id, sizeof(id), "sysv:id=%d", shunt_sysv_id(seg));
	strcpy(shunt_segment_data(seg), "still here");
	assert_int_equal(shunt_remove(name, NULL), 0);
	/* The name is free, and who makes it anew makes another one. */
	assert_int_equal(shunt_remove(name, NULL), -ENOENT);
	other = made(name, 200, 0);
	assert_int_not_equal(shunt_sysv_id(seg), shunt_sysv_id(other));
	shunt_segment_close(&other);
	assert_int_equal(shunt_remove(name, NULL), 0);
	info = sysv_stat(id);
	assert_int_equal(info.flags, SHUNT_SYSV_DEST);
	assert_int_equal(info.key, 0);
	assert_int_equal(info.attached, 1);
	assert_int_equal(shunt_segment_open(&other, id, NULL), 0);
	assert_string_equal(shunt_segment_data(other), "still here");
	assert_int_equal(shunt_remove(id, NULL), 0); /* once more is no fault */
	shunt_segment_close(&seg);
	assert_int_equal(sysv_stat(id).attached, 1);
	shunt_segment_close(&other);
	assert_int_equal(shunt_sysv_stat(id, &info), -ENOENT);
}

/* Somebody removes it between our look and our attach, @times times; and then
 * makes it anew, if @again. */
static int (*real_shmat)(void **out, int id, void *at, int flags);
static int times, again;
static key_t rival_key;

static int
rival(void **out, int id, void *at, int flags)
{
	if (times > 0) {
		times--;
		shmctl(id, IPC_RMID, NULL);
		if (again)
			sysv_plain(rival_key, 100, 0600);
	}
	return real_shmat(out, id, at, flags);
}

static void
it_may_go_between_look_and_attach(void **state)
{
	struct shunt_segment *seg;
	const char *name;
	char byte;

	(void)state;
	rival_key = sysv_key();
	name = sysv_name(rival_key);
	real_shmat = shunt__os.shmat;
	shunt__os.shmat = rival;
	sysv_plain(rival_key, 100, 0600);
	times = 1;
	again = 0;
	assert_int_equal(shunt_segment_open(&seg, name, NULL), -ENOENT);
	assert_detail(name);
	/* The new one is found. */
	sysv_plain(rival_key, 100, 0600);
	times = 3;
	again = 1;
	assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
	assert_int_equal(times, 0);
	shunt_segment_close(&seg);
	times = 2;
	assert_int_equal(shunt_segment_read(name, 0, &byte, 1, NULL), 1);
	times = 2;
	assert_int_equal(shunt_segment_create(&seg, name, 100, NULL), 1);
	shunt_segment_close(&seg);
	/* Gone for good: then it is made. */
	times = 1;
	again = 0;
	assert_int_equal(shunt_segment_create(&seg, name, 100, NULL), 0);
	shunt_segment_close(&seg);
	/* By its identifier it is that one or none. */
	char id[40];
	snprintf(id, sizeof(id), "sysv:id=%d", sysv_stat(name).id);
	times = 1;
	again = 1;
	assert_int_equal(shunt_segment_open(&seg, id, NULL), -ENOENT);
	shunt__os.shmat = real_shmat;
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* An identifier that came round: what is attached is another segment. */
static int impostor;

static int
other_segment(void **out, int id, void *at, int flags)
{
	(void)id;
	return real_shmat(out, impostor, at, flags);
}

static int
other_size(int id, int cmd, void *buf)
{
	static int looks;
	int e = real_shmctl(id, cmd, buf);

	if (cmd == IPC_STAT && e == 0 && ++looks % 3 == 0)
		((struct shmid_ds *)buf)->shm_segsz -= 50;
	return e;
}

static void
what_is_attached_is_what_was_looked_at(void **state)
{
	struct shunt_segment *seg;
	char id[40];

	(void)state;
	impostor = sysv_plain(IPC_PRIVATE, 100, 0600);
	snprintf(id, sizeof(id), "sysv:id=%d", impostor);
	real_shmat = shunt__os.shmat;
	real_shmctl = shunt__os.shmctl;
	shunt__os.shmat = other_segment;
	shunt__os.shmctl = other_size; /* find, look, and look again */
	int e = shunt_segment_open(&seg, id, NULL);
	shunt__os.shmat = real_shmat;
	shunt__os.shmctl = real_shmctl;
	assert_int_equal(sysv_stat(id).attached, 0);
	assert_int_equal(e, -ENOENT);
	assert_null(seg);
	assert_int_equal(shunt_remove(id, NULL), 0);
}

struct race {
	struct step begin;
	_Atomic uint32_t made, found;
	char name[24];
};

static int
race_to_make(void *arg)
{
	struct race *race = arg;
	struct shunt_segment *seg;

	step_wait(&race->begin, 1);
	int e = shunt_segment_create(&seg, race->name, 5000, NULL);
	NEED(e == 0 || e == 1);
	(e == 0 ? &race->made : &race->found)[0]++;
	_Atomic uint32_t *n = shunt_segment_data(seg);
	*n += 1;
	shunt_segment_close(&seg);
	return 0;
}

static void
of_many_that_race_one_makes_it(void **state)
{
	struct race *race = test_shared(sizeof(*race));
	pid_t pids[6];
	uint32_t n;

	(void)state;
	strcpy(race->name, sysv_name(sysv_key()));
	for (int round = 0; round < 20; round++) {
		race->made = race->found = 0;
		race->begin.n = 0;
		for (int i = 0; i < 6; i++)
			pids[i] = peer_start(race_to_make, race);
		step_to(&race->begin, 1);
		for (int i = 0; i < 6; i++)
			assert_int_equal(peer_end(pids[i]), 0);
		assert_int_equal(race->made, 1);
		assert_int_equal(race->found, 5);
		assert_int_equal(
		    shunt_segment_read(race->name, 0, &n, 4, NULL), 4);
		assert_int_equal(n, 6);
		assert_int_equal(shunt_remove(race->name, NULL), 0);
	}
}

/* Dies with the segment made, before the second call that it takes. */
static int
die_at_set(int id, int cmd, void *buf)
{
	if (cmd == IPC_SET)
		raise(SIGKILL);
	return real_shmctl(id, cmd, buf);
}

static int
make_for_a_group(void *arg)
{
	struct shunt_segment_options o = {
	    .sz = sizeof(o), .mode = 0664, .group = "12345"};
	struct shunt_segment *seg;

	real_shmctl = shunt__os.shmctl;
	shunt__os.shmctl = die_at_set;
	shunt_segment_create(&seg, arg, 10, &o);
	return 0;
}

static void
a_group_gets_its_rights_with_its_name(void **state)
{
	struct shunt_segment_options o = {
	    .sz = sizeof(o), .mode = 0664, .group = "12345"};
	const char *name = sysv_name(sysv_key());
	struct shunt_segment *seg;
	struct shunt_sysv_info info;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 10, &o), 0);
	info = sysv_stat(name);
	assert_int_equal(info.gid, 12345);
	assert_int_equal(info.mode, 0664);
	assert_int_equal(info.uid, geteuid());
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
	/* Killed in between, nobody has rights who should not. */
	assert_int_equal(
	    peer_end(peer_start(make_for_a_group, (void *)(uintptr_t)name)),
	    -SIGKILL);
	assert_int_equal(sysv_stat(name).mode, 0604);
	assert_int_equal(shunt_remove(name, NULL), 0);
	o.group = "no such group";
	assert_int_equal(shunt_segment_create(&seg, name, 10, &o), -EINVAL);
	assert_null(seg);
	assert_int_equal(shunt_remove(name, NULL), -ENOENT);
}

/* 1 if a shell command succeeds. */
static int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int
shell(const char *fmt, ...)
{
	char command[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	int status = system(command);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
the_tools_of_the_system_know_it(void **state)
{
	key_t key = sysv_key();
	const char *name = sysv_name(key);
	struct shunt_segment *seg;
	struct shunt_sysv_info info = {.sz = sizeof(info)};

	(void)state;
	if (!shell("command -v ipcs >/dev/null && command -v ipcrm "
		   ">/dev/null && command -v ipcmk >/dev/null")) {
		print_message("ipcs, ipcrm and ipcmk are not here\n");
		skip();
	}
	seg = made(name, 12321, 0640);
	assert_true(shell("ipcs -m | grep -q '^0x%08x  *%d .* 640 .* 12321 "
			  ".* 1 '",
	    (uint32_t)key, shunt_sysv_id(seg)));
	assert_true(shell("ipcrm -M 0x%08x", (uint32_t)key));
	assert_false(sysv_there(key));
	assert_true(shell("ipcs -m | grep -q '^0x00000000  *%d .* dest'",
	    shunt_sysv_id(seg)));
	assert_int_equal(shunt_sysv_stat(name, &info), -ENOENT);
	shunt_segment_close(&seg);
	/* And the other way round: "Shared memory id: 5". */
	FILE *f = popen("LC_ALL=C ipcmk -M 999 -p 0600", "r");
	int id = -1;
	assert_non_null(f);
	assert_int_equal(fscanf(f, "Shared memory id: %d", &id), 1);
	pclose(f);
	char text[40];
	snprintf(text, sizeof(text), "sysv:id=%d", id);
	assert_int_equal(shunt_segment_write(text, 0, "x", 1, NULL), 1);
	assert_int_equal(sysv_stat(text).size, 999);
	assert_int_equal(shunt_remove(text, NULL), 0);
	assert_false(shell("ipcs -m | grep -q ' %d '", id));
	assert_int_equal(shunt_sysv_stat(text, &info), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(stat_tells_every_field),
	    TEST(mode_owner_and_group_are_changed_one_by_one),
	    TEST(who_may_not_read_it_still_sees_it),
	    TEST(an_older_kernel_shows_what_is_readable),
	    TEST(what_is_removed_goes_with_its_last_user),
	    TEST(it_may_go_between_look_and_attach),
	    TEST(what_is_attached_is_what_was_looked_at),
	    TEST(of_many_that_race_one_makes_it),
	    TEST(a_group_gets_its_rights_with_its_name),
	    TEST(the_tools_of_the_system_know_it),
	};

	return cmocka_run_group_tests(tests, sysv_setup, NULL);
}
