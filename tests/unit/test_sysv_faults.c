/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * The k-th system call on a System V segment fails, for every k until none
 * does: each call answers with that error or does without, nothing stays
 * attached, and under the name there is nothing or something whole.
 */
#include "unit/unit.h"

#include <errno.h>
#include <sys/shm.h>

#include <cmocka.h>

#include <shunt.h>

#include "base/error.h"
#include "lib/peers.h"
#include "os/os.h"
#include "unit/faults.h"
#include "unit/sysv.h"

#define SIZE 5000

static key_t key;
static const char *name;

static int
close_it(int e, struct shunt_segment **seg)
{
	assert_true((e >= 0) == (*seg != NULL));
	shunt_segment_close(seg);
	return e < 0 ? e : 0;
}

static int
make(void)
{
	struct shunt_segment *seg;

	return close_it(shunt_segment_create(&seg, name, SIZE, NULL), &seg);
}

/* All that can be asked for at once. */
static int
make_special(void)
{
	struct shunt_segment_options o = {.sz = sizeof(o),
	    .mode = 0640,
	    .group = "0",
	    .flags = SHUNT_SEGMENT_HUGE | SHUNT_SEGMENT_LOCKED,
	    .prot = SHUNT_PROT_WRITE,
	    .offset = 100};
	struct shunt_segment *seg;

	return close_it(shunt_segment_create(&seg, name, SIZE, &o), &seg);
}

static int
open_it(void)
{
	struct shunt_segment_options o = {.sz = sizeof(o), .owner = "0"};
	struct shunt_segment *seg;

	if (geteuid() != 0)
		o.owner = NULL;
	return close_it(shunt_segment_open(&seg, name, &o), &seg);
}

static int
open_by_id(void)
{
	static char id[40];
	struct shunt_segment *seg;

	/* Not through the table: this is not what is tested. */
	snprintf(id, sizeof(id), "sysv:id=%d", shmget(key, 0, 0));
	int e = close_it(shunt_segment_open(&seg, id, NULL), &seg);
	if (e < 0 && strstr(shunt_error_detail(), id) == NULL)
		fail_msg("\"%s\"", shunt_error_detail());
	return e < 0 ? shunt__fail(e, "%s", name) : e;
}

static int
copy(void)
{
	char buf[8];
	ssize_t n = shunt_segment_write(name, 7, "text", 4, NULL);

	if (n < 0)
		return (int)n;
	assert_int_equal(n, 4);
	n = shunt_segment_read(name, 7, buf, 4, NULL);
	if (n < 0)
		return (int)n;
	assert_int_equal(n, 4);
	assert_memory_equal(buf, "text", 4);
	return 0;
}

static int
remove_it(void)
{
	return shunt_remove(name, NULL);
}

static int
change(void)
{
	int e = shunt_segment_set_mode(name, 0644);

	return e < 0 ? e : shunt_segment_set_owner(name, NULL, "0");
}

static int
lock_it(void)
{
	int e = shunt_sysv_lock(name, 1);

	return e < 0 ? e : shunt_sysv_lock(name, 0);
}

static int
look(void)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_sysv_info more = {.sz = sizeof(more)};
	int e = shunt_segment_stat(name, &info, NULL, 0);

	if (e < 0)
		return e;
	assert_int_equal(info.size, SIZE);
	return shunt_sysv_stat(name, &more);
}

/* Its sentences name no segment. */
static int
list(void)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_scan *scan;
	int e = shunt_scan_open(&scan, NULL);

	assert_true((e == 0) == (scan != NULL));
	while (e == 0 && (e = shunt_scan_next(scan, &info)) == 1)
		e = 0;
	shunt_scan_close(&scan);
	return e < 0 ? shunt__fail(e, "%s", name) : 0;
}

enum { NONE, PLAIN };

static void
prepare(int what)
{
	int id = shmget(key, 0, 0);

	if (id >= 0)
		assert_int_equal(shmctl(id, IPC_RMID, NULL), 0);
	if (what == PLAIN)
		sysv_plain(key, SIZE, 0600);
}

static void
is_whole(const char *what)
{
	struct shmid_ds ds;
	int id = shmget(key, 0, 0);

	if (id < 0)
		return;
	assert_int_equal(shmctl(id, IPC_STAT, &ds), 0);
	if (ds.shm_nattch != 0)
		fail_msg("%s: it stays attached", what);
	assert_int_equal(ds.shm_segsz, SIZE);
}

static int
is_right(int e, int err)
{
	if (e == 0 || e == -err)
		return 1;
	/* It was removed in between. */
	return (err == EIDRM || err == EINVAL) && (e == -ENOENT);
}

static const int errors[] = {
    EIO, ENOMEM, EMFILE, ENOSPC, EACCES, EPERM, EINTR, ENOSYS, EIDRM, EINVAL};

static void
try_all(int (*f)(void), int before, unsigned least)
{
	unsigned most = 0;

	prepare(before);
	assert_int_equal(f(), 0);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		for (unsigned k = 1;; k++) {
			prepare(before);
			int fds = test_fds();
			shunt__fail(0, "%s", "");
			faults_on(k, errors[i], 0);
			int e = f();
			int hit = faults_off();
			if (test_fds() != fds)
				fail_msg("%s (%u): a descriptor leaks",
				    faults_call(), k);
			if (!is_right(e, errors[i]))
				fail_msg("%s (%u) fails with %s: %s (%s)",
				    faults_call(), k,
				    shunt_error_name(-errors[i]),
				    shunt_error_name(e), shunt_error_detail());
			if (e < 0 && strstr(shunt_error_detail(), name) == NULL)
				fail_msg("%s (%u): \"%s\" does not name it",
				    faults_call(), k, shunt_error_detail());
			is_whole(faults_call());
			/* What could not be made as asked for is not there. */
			if (e < 0 && before == NONE && sysv_there(key))
				fail_msg("%s (%u): it was made nevertheless",
				    faults_call(), k);
			if (!hit)
				break;
			most = k > most ? k : most;
		}
	}
	if (most < least)
		fail_msg("%u calls are fewer than %u", most, least);
	prepare(NONE);
}

/* From the k-th call on all fail: nothing hangs, nothing stays attached. */
static void
for_ever(int (*f)(void), int before)
{
	for (unsigned k = 1;; k++) {
		prepare(before);
		int fds = test_fds();
		faults_on(k, EIO, 1);
		int e = f();
		int hit = faults_off();
		assert_int_equal(test_fds(), fds);
		is_whole(faults_call());
		if (!hit)
			break;
		if (e != 0 && e != -EIO)
			fail_msg("%s (%u): %s", faults_call(), k,
			    shunt_error_name(e));
	}
	prepare(NONE);
}

static const struct {
	int (*f)(void);
	int before;
	unsigned least;
} each[] = {
    {make, NONE, 4},
    {make, PLAIN, 6},
    {make_special, NONE, 9},
    {open_it, PLAIN, 5},
    {open_by_id, PLAIN, 5},
    {copy, PLAIN, 10},
    {remove_it, PLAIN, 3},
    {change, PLAIN, 6},
    {lock_it, PLAIN, 4},
    {look, PLAIN, 7},
    {list, PLAIN, 6},
};
#define EACH (sizeof(each) / sizeof(each[0]))

static void
one_call_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < EACH; i++)
		try_all(each[i].f, each[i].before, each[i].least);
}

static void
everything_fails_from_then_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < EACH; i++)
		for_ever(each[i].f, each[i].before);
}

static int
setup(void **state)
{
	sysv_setup(state);
	key = sysv_key();
	name = sysv_name(key);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(one_call_fails),
	    TEST(everything_fails_from_then_on),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
