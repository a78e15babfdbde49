/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* System V segments among all others: listed, looked at, and who maps them. */
#include "unit/unit.h"

#include <errno.h>
#include <sched.h>
#include <sys/shm.h>
#include <time.h>

#include <cmocka.h>

#include <shunt.h>

#include "lib/peers.h"
#include "os/os.h"
#include "unit/sysv.h"

static size_t page;

static struct shunt_segment_info
look(const char *name)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_participant who[2];

	int n = shunt_segment_stat(name, &info, who, 2);
	if (n < 0)
		fail_msg("%s", shunt_error_detail());
	assert_int_equal(n, 0);
	return info;
}

static void
stat_tells_what_system_v_has(void **state)
{
	struct shunt_segment_options o = {.sz = sizeof(o), .mode = 0640};
	key_t key = sysv_key();
	const char *name = sysv_name(key);
	struct shunt_segment_info info;
	struct shunt_segment *seg;
	time_t begin = time(NULL);

	(void)state;
	assert_int_equal(
	    shunt_segment_create(&seg, name, 10 * page + 1, &o), 0);
	memset(shunt_segment_data(seg), 1, 3 * page);
	info = look(name);
	assert_string_equal(info.name, name);
	assert_int_equal(info.kind, SHUNT_KIND_RAW);
	assert_int_equal(info.state, SHUNT_STATE_LIVE);
	assert_int_equal(info.size, 10 * page + 1);
	assert_int_equal(info.used, 3 * page);
	assert_int_equal(info.mode, 0640);
	assert_int_equal(info.uid, geteuid());
	assert_int_equal(info.attached, 1);
	assert_int_equal(info.sysv_id, shunt_sysv_id(seg));
	assert_int_equal(info.sysv_key, key);
	assert_int_equal(info.sysv_flags, 0);
	assert_int_equal(info.creator_pid, getpid());
	assert_int_equal(info.last_pid, getpid());
	assert_in_range(info.mtime_ns / 1000000000, begin, time(NULL));
	shunt_segment_close(&seg);
	info = look(name);
	assert_int_equal(info.state, SHUNT_STATE_IDLE);
	assert_int_equal(info.attached, 0);
	assert_int_equal(info.used, 3 * page);
	/* Removed while somebody has it: it has no key, and lives. */
	assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
	assert_int_equal(shunt_remove(name, NULL), 0);
	char id[40];
	snprintf(id, sizeof(id), "sysv:id=%d", shunt_sysv_id(seg));
	info = look(id);
	assert_string_equal(info.name, id);
	assert_int_equal(info.state, SHUNT_STATE_LIVE);
	assert_int_equal(info.sysv_flags, SHUNT_SYSV_DEST);
	assert_int_equal(info.sysv_key, 0);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_segment_stat(id, &info, NULL, 0), -ENOENT);
	assert_detail(id);
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), -ENOENT);
	assert_int_equal(
	    shunt_segment_stat("sysv:private", &info, NULL, 0), SHUNT_E_NAME);
}

static void
others_have_no_identifier(void **state)
{
	const char *name = test_name("sysv");
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 100, NULL), 0);
	shunt_segment_close(&seg);
	assert_int_equal(look(name).sysv_id, -1);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* The kernel gives indices in turn: until it comes back to the first. */
static struct shunt_segment *
made_at_the_first_index(const char *name, size_t size)
{
	struct shunt_sysv_info info = {.sz = sizeof(info)};
	struct shunt_segment *seg = NULL;

	for (int i = 0; i < 1000; i++) {
		NEED(shunt_segment_create(&seg, name, size, NULL) == 0);
		if (shunt_sysv_index(0, &info) == 0)
			break;
		shunt_segment_close(&seg);
		NEED(shunt_remove(name, NULL) == 0);
	}
	NEED(seg != NULL && info.id == shunt_sysv_id(seg));
	return seg;
}

/* In a namespace that has nothing else. */
static int
list_all(void *arg)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_segment *file, *seg[21];
	struct shunt_scan *scan;
	const char *name = arg;
	char text[40];
	int before = 1, n = 0, last = -1;

	NEED(unshare(CLONE_NEWIPC) == 0);
	NEED(shunt_segment_create(&file, name, 100, NULL) == 0);
	for (int i = 0; i < 20; i++) { /* keys fall, identifiers rise */
		snprintf(text, sizeof(text), "sysv:%d", 100 - i);
		NEED(shunt_segment_create(&seg[i],
			 i % 5 == 4 ? "sysv:private" : text, (size_t)i + 1,
			 NULL) == 0);
	}
	memset(shunt_segment_data(seg[7]), 1, 1);
	/* The first is no more, the second is marked, the third is empty. */
	shunt_segment_close(&seg[0]);
	NEED(shunt_remove("sysv:100", NULL) == 0);
	NEED(shunt_remove("sysv:99", NULL) == 0);
	/* The last one made has the first one's index. */
	seg[20] = made_at_the_first_index("sysv:80", 21);
	shunt_segment_close(&seg[2]);
	NEED(shunt_scan_open(&scan, NULL) == 0);
	while (shunt_scan_next(scan, &info) == 1) {
		if (info.sysv_id < 0) {
			before |= strcmp(info.name, name) == 0 ? 2 : 0;
			NEED(n == 0); /* all others come first */
			continue;
		}
		int i = (int)info.size - 1;
		NEED(i == ++n);
		NEED(info.sysv_id > last);
		last = info.sysv_id;
		snprintf(text, sizeof(text),
		    i % 5 == 4 || i == 1 ? "sysv:id=%d" : "sysv:0x%08x",
		    i % 5 == 4 || i == 1 ? info.sysv_id : 100 - i);
		NEED(strcmp(info.name, text) == 0);
		NEED(info.attached == (i != 2));
		NEED(info.state ==
		     (i != 2 ? SHUNT_STATE_LIVE : SHUNT_STATE_IDLE));
		NEED(info.sysv_flags == (i == 1 ? SHUNT_SYSV_DEST : 0));
		NEED(info.used == (i == 7 ? page : 0));
		/* What is listed can be opened by the name it is listed by. */
		struct shunt_segment *it;
		NEED(shunt_segment_open(&it, info.name, NULL) == 0);
		NEED(shunt_sysv_id(it) == info.sysv_id);
		shunt_segment_close(&it);
	}
	NEED(before == 3 && n == 20);
	NEED(shunt_scan_next(scan, &info) == 0);
	shunt_scan_close(&scan);
	return 0;
}

static void
a_scan_lists_them_behind_the_files(void **state)
{
	const char *name = test_name("sysv");

	(void)state;
	if (!sysv_may_unshare())
		skip();
	assert_int_equal(
	    peer_end(peer_start(list_all, (void *)(uintptr_t)name)), 0);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* Seccomp, or a kernel without it. */
static int refusal;

static int
refused(int id, int cmd, void *buf)
{
	(void)id;
	(void)cmd;
	(void)buf;
	return -refusal;
}

static void
where_there_is_no_system_v_the_files_are_listed(void **state)
{
	const int none[] = {ENOSYS, EPERM, EACCES};
	int (*real)(int id, int cmd, void *buf) = shunt__os.shmctl;
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_scan *scan;
	const char *name = sysv_name(sysv_key());
	int e;

	(void)state;
	for (int i = 0; i < 3; i++) {
		refusal = none[i];
		shunt__os.shmctl = refused;
		e = shunt_scan_open(&scan, NULL);
		shunt__os.shmctl = real;
		assert_int_equal(e, 0);
		while ((e = shunt_scan_next(scan, &info)) == 1)
			assert_int_equal(info.sysv_id, -1);
		assert_int_equal(e, 0);
		shunt_scan_close(&scan);
	}
	refusal = EIO;
	shunt__os.shmctl = refused;
	e = shunt_scan_open(&scan, NULL);
	shunt__os.shmctl = real;
	assert_int_equal(e, -EIO);
	assert_null(scan);
	refusal = ENOSYS;
	shunt__os.shmctl = refused;
	e = shunt_segment_stat("sysv:id=1", &info, NULL, 0);
	shunt__os.shmctl = real;
	assert_int_equal(e, -ENOSYS);
	assert_detail("no System V shared memory");
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), -ENOENT);
}

struct place {
	struct step step;
	char name[40];
	int id;
};

static int
map_and_wait(void *arg)
{
	struct place *place = arg;
	struct shunt_segment *seg;

	NEED(shunt_segment_open(&seg, place->name, NULL) == 0);
	step_to(&place->step, 1);
	step_wait(&place->step, 2);
	return 0;
}

/* Maps a segment of another namespace that has the same key and identifier. */
static int
map_elsewhere_and_wait(void *arg)
{
	struct place *place = arg;
	struct shunt_segment *seg;

	NEED(unshare(CLONE_NEWIPC) == 0);
	/* The kernel takes the next one at the index that is asked for. */
	FILE *f = fopen("/proc/sys/kernel/shm_next_id", "we");
	if (f != NULL) {
		fprintf(f, "%d", place->id);
		fclose(f);
	}
	NEED(shunt_segment_create(&seg, place->name, 100, NULL) == 0);
	place->id = shunt_sysv_id(seg);
	step_to(&place->step, 1);
	step_wait(&place->step, 2);
	return 0;
}

static void
mappers_are_seen_until_they_die(void **state)
{
	struct place *place = test_shared(sizeof(*place));
	struct shunt_segment *seg, *other;
	int64_t pids[4] = {0};
	int id;

	(void)state;
	strcpy(place->name, sysv_name(sysv_key()));
	assert_int_equal(shunt_segment_create(&seg, place->name, 100, NULL), 0);
	id = shunt_sysv_id(seg);
	assert_int_equal(
	    shunt_segment_create(&other, "sysv:private", 100, NULL), 0);
	assert_int_equal(shunt_segment_mappers(place->name, pids, 4), 1);
	assert_int_equal(pids[0], getpid());
	shunt_segment_close(&seg);
	assert_int_equal(shunt_segment_mappers(place->name, pids, 4), 0);
	pid_t child = peer_start(map_and_wait, place);
	step_wait(&place->step, 1);
	assert_int_equal(shunt_segment_mappers(place->name, pids, 4), 1);
	assert_int_equal(pids[0], child);
	assert_int_equal(shunt_segment_mappers(place->name, NULL, 0), 1);
	peer_kill(child);
	assert_int_equal(shunt_segment_mappers(place->name, pids, 4), 0);
	if (sysv_may_unshare()) {
		place->step.n = 0;
		place->id = id;
		child = peer_start(map_elsewhere_and_wait, place);
		step_wait(&place->step, 1);
		if (place->id != id)
			print_message("no segment of the same identifier\n");
		assert_int_equal(
		    shunt_segment_mappers(place->name, pids, 4), 0);
		peer_kill(child);
	}
	assert_int_equal(shunt_remove(place->name, NULL), 0);
	assert_int_equal(shunt_segment_mappers(place->name, pids, 4), -ENOENT);
	char text[40];
	snprintf(text, sizeof(text), "sysv:id=%d", shunt_sysv_id(other));
	assert_int_equal(shunt_segment_mappers(text, pids, 4), 1);
	assert_int_equal(shunt_remove(text, NULL), 0);
	shunt_segment_close(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(stat_tells_what_system_v_has),
	    TEST(others_have_no_identifier),
	    TEST(a_scan_lists_them_behind_the_files),
	    TEST(where_there_is_no_system_v_the_files_are_listed),
	    TEST(mappers_are_seen_until_they_die),
	};

	page = (size_t)getpagesize();
	return cmocka_run_group_tests(tests, sysv_setup, NULL);
}
