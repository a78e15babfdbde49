/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * What kernels answer to those who make, find and attach System V segments:
 * each answer has its code and its sentence, and nothing stays attached.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <sys/shm.h>

#include "unit/answers.h"
#include "unit/raw.h"
#include "unit/sysv.h"

ANSWER(int, shmget, (key_t k, size_t n, int f), (k, n, f))
ANSWER(int, shmat, (void **out, int id, void *p, int f), (out, id, p, f))
ANSWER(int, open, (const char *p, int f, mode_t m), (p, f, m))

#define SIZE 5000

static key_t key;
static const char *name;
static int id;

/* Each test has a segment of its own. */
static int
begin(void **state)
{
	key = sysv_key();
	name = sysv_name(key);
	id = sysv_plain(key, SIZE, 0600);
	return answers_begin(state);
}

static int
end(void **state)
{
	struct shmid_ds ds;
	int left = shmctl(id, IPC_STAT, &ds) == 0 && ds.shm_nattch != 0;

	answers_end(state);
	shmctl(id, IPC_RMID, NULL);
	return left; /* attached: it leaks */
}

/* What shmctl(2) says to each command, 0: what it is. */
static struct {
	int stat, usage, limits, walk;
} says;

static int
shmctl_played(int n, int cmd, void *buf)
{
	int e = cmd == IPC_STAT                ? says.stat
		: cmd == SHM_INFO              ? says.usage
		: cmd == IPC_INFO              ? says.limits
		: cmd == SHM_STAT_ANY          ? says.walk
		: cmd == SHM_STAT && says.walk ? says.walk
					       : 0;

	return e != 0 ? e : real_os.shmctl(n, cmd, buf);
}

static void
play(int stat, int usage, int limits, int walk)
{
	says.stat = stat;
	says.usage = usage;
	says.limits = limits;
	says.walk = walk;
	shunt__os.shmctl = shmctl_played;
}

static void
who_may_not_read_it_asks_the_walk(void **state)
{
	struct shunt_sysv_info info = {.sz = sizeof(info)};
	key_t other = sysv_key();
	int id2 = sysv_plain(other, 2 * SIZE, 0600);

	(void)state;
	play(-EACCES, 0, 0, 0);
	/* Each is told from the other. */
	assert_int_equal(shunt_sysv_stat(name, &info), 0);
	assert_int_equal(info.id, id);
	assert_int_equal(shunt_sysv_stat(sysv_name(other), &info), 0);
	assert_int_equal(info.id, id2);
	assert_int_equal(info.size, 2 * SIZE);
	assert_int_equal(shmctl(id2, IPC_RMID, NULL), 0);
	/* It cannot walk, or nothing is shown there. */
	play(-EACCES, -EPERM, 0, 0);
	assert_refused(
	    shunt_sysv_stat(name, &info), -EACCES, "it cannot be looked at");
	play(-EACCES, 0, 0, -EINVAL);
	assert_refused(
	    shunt_sysv_stat(name, &info), -EACCES, "it cannot be looked at");
	play(-EACCES, 0, 0, -EACCES);
	assert_int_equal(shunt_sysv_stat(name, &info), -EACCES);
}

static void
a_key_that_never_leads_to_one(void **state)
{
	struct shunt_sysv_info info = {.sz = sizeof(info)};
	struct shunt_segment *seg;

	(void)state;
	play(-EIDRM, 0, 0, 0);
	assert_refused(
	    shunt_sysv_stat(name, &info), -ENOENT, "there is no such segment");
	assert_int_equal(shunt_segment_open(&seg, name, NULL), -ENOENT);
	/* Somebody has the key, and when it is asked for nobody has. */
	shunt__os = real_os;
	SAY(shmget, 0, FOR_EVER, -EEXIST);
	assert_int_equal(shunt_segment_create(&seg, name, SIZE, NULL), -EEXIST);
	assert_null(seg);
}

static int
shmget_in_between(key_t k, size_t size, int flags)
{
	(void)k;
	(void)size;
	return flags & IPC_CREAT ? -EEXIST : -ENOENT;
}

static void
one_that_always_goes_is_given_up(void **state)
{
	struct shunt_segment *seg;

	(void)state;
	shunt__os.shmget = shmget_in_between;
	assert_refused(shunt_segment_create(&seg, name, SIZE, NULL), -ENOENT,
	    "there is no such segment");
	assert_null(seg);
}

static void
wrong_questions(void **state)
{
	struct shunt_sysv_info info = {.sz = sizeof(info)};
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shunt_sysv_stat(name, NULL), -EINVAL);
	assert_int_equal(shunt_sysv_stat("/posix", &info), SHUNT_E_NAME);
	info.sz = 0;
	assert_refused(shunt_sysv_stat(name, &info), -EINVAL, "sz is not set");
	assert_int_equal(shunt_sysv_id(NULL), -EINVAL);
	assert_int_equal(shunt_segment_anon(&seg, 10, NULL), 0);
	assert_int_equal(shunt_sysv_id(seg), -EINVAL);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
	assert_int_equal(shunt_sysv_id(seg), id);
	shunt_segment_close(&seg);
	assert_refused(
	    shunt_segment_open(&seg, name, OPTIONS(.owner = "no such user")),
	    -EINVAL, "there is no user");
	assert_refused(shunt_segment_open(&seg, name, OPTIONS(.owner = "4711")),
	    SHUNT_E_OWNER, "not to user 4711");
}

static void
how_often_it_is_attached(void **state)
{
	const struct shunt_remove_options idle = {
	    .sz = sizeof(idle), .flags = SHUNT_REMOVE_IDLE};
	struct shunt_segment *a, *b;

	(void)state;
	assert_int_equal(shunt_segment_open(&a, name, NULL), 0);
	int once = shunt_remove(name, &idle);
	int said = strstr(shunt_error_detail(), "attached 1 time") != NULL &&
		   strstr(shunt_error_detail(), "1 times") == NULL;
	assert_int_equal(shunt_segment_open(&b, name, NULL), 0);
	int twice = shunt_remove(name, &idle);
	shunt_segment_close(&a);
	shunt_segment_close(&b);
	assert_int_equal(once, -EBUSY);
	assert_true(said);
	assert_refused(twice, -EBUSY, "it is attached 2 times");
	assert_int_equal(shunt_remove(name, &idle), 0);
}

static void
limits_that_nobody_tells(void **state)
{
	struct shunt_sysv_limits limits = {.sz = sizeof(limits)};
	struct shunt_sysv_usage usage = {.sz = sizeof(usage)};
	struct shunt_segment *seg;

	(void)state;
	play(0, -EPERM, -ENOSYS, 0);
	assert_refused(
	    shunt_sysv_limits(&limits), -ENOSYS, "this kernel has none");
	assert_int_equal(shunt_sysv_usage(&usage), -EPERM);
	for (int i = 0; i < 2; i++) {
		play(0, i == 0 ? -EPERM : 0, i == 0 ? 0 : -EPERM, 0);
		SAY(shmget, 0, 1, -ENOSPC);
		assert_refused(
		    shunt_segment_create(&seg, "sysv:private", SIZE, NULL),
		    -ENOSPC, "a limit of System V is reached");
	}
	SAY(shmget, 0, 1, -EINVAL);
	assert_refused(shunt_segment_create(&seg, "sysv:private", SIZE, NULL),
	    -EINVAL, "5000 bytes are more than a segment can have");
	/* It tells, and that is not what is wrong. */
	play(0, 0, 0, 0);
	SAY(shmget, 0, 1, -EINVAL);
	assert_refused(shunt_segment_create(&seg, "sysv:private", SIZE, NULL),
	    -EINVAL, "5000 bytes are more than a segment can have");
	assert_null(seg);
}

/* ---- attaching --------------------------------------------------------------
 */

static void
an_attach_that_is_refused_says_what_was_wanted(void **state)
{
	void *at = test_free_room(8192);
	const struct {
		uint32_t prot, flags;
		void *address;
		int says, code;
		const char *why;
	} each[] = {
	    {0, 0, NULL, -EACCES, -EACCES, "you may not write it"},
	    {0, SHUNT_SEGMENT_READONLY, NULL, -EACCES, -EACCES,
		"you may not read it"},
	    {SHUNT_PROT_READ | SHUNT_PROT_EXEC, 0, NULL, -EACCES, -EACCES,
		"you may not read and execute it"},
	    {SHUNT_PROT_READ | SHUNT_PROT_WRITE | SHUNT_PROT_EXEC, 0, NULL,
		-EACCES, -EACCES, "you may not read, write and execute it"},
	    {0, SHUNT_SEGMENT_REPLACE, at, -EINVAL, -EINVAL,
		"5000 bytes cannot be mapped at"},
	    {0, 0, at, -EINVAL, -EEXIST, "something is mapped there"},
	    {0, 0, at, -ENOMEM, -ENOMEM, "bytes cannot be mapped at"},
	    {0, 0, NULL, -EINVAL, -EINVAL, "bytes cannot be mapped: "},
	    {0, 0, NULL, -EMFILE, -EMFILE, "bytes cannot be mapped: "},
	};
	struct shunt_segment *seg;

	(void)state;
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		SAY(shmat, 0, 1, each[i].says);
		assert_refused(
		    shunt_segment_open(&seg, name,
			OPTIONS(.prot = each[i].prot, .flags = each[i].flags,
			    .address = each[i].address)),
		    each[i].code, each[i].why);
		assert_detail(name);
		assert_null(seg);
	}
}

static void *guest;
static int
shmat_after_a_guest(void **out, int n, void *at, int flags)
{
	(void)out;
	(void)at;
	(void)flags;
	guest = shmat(n, NULL, 0);
	return -ENOMEM;
}

static void
what_was_made_in_vain_goes_unless_somebody_came(void **state)
{
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shmctl(id, IPC_RMID, NULL), 0);
	SAY(shmat, 0, 1, -ENOMEM);
	assert_int_equal(shunt_segment_create(&seg, name, SIZE, NULL), -ENOMEM);
	assert_false(sysv_there(key));
	/* Looked at it cannot be: by nobody. */
	play(-EIO, 0, 0, 0);
	assert_int_equal(shunt_segment_create(&seg, name, SIZE, NULL), -EIO);
	assert_false(sysv_there(key));
	shunt__os = real_os;
	shunt__os.shmat = shmat_after_a_guest;
	assert_int_equal(shunt_segment_create(&seg, name, SIZE, NULL), -ENOMEM);
	assert_true(sysv_there(key));
	assert_int_equal(shmdt(guest), 0);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* Between look and attach the identifier went to another user's. */
static int looks;
static int
shmctl_of_another(int n, int cmd, void *buf)
{
	int e = real_os.shmctl(n, cmd, buf);

	if (cmd == IPC_STAT && e == 0 && ++looks % 2 == 0)
		((struct shmid_ds *)buf)->shm_perm.uid += 1;
	return e;
}

static void
another_user_s_is_not_what_was_looked_at(void **state)
{
	struct shunt_segment *seg;

	(void)state;
	shunt__os.shmctl = shmctl_of_another;
	assert_refused(shunt_segment_open(&seg, name, NULL), -ENOENT,
	    "there is no such segment");
	assert_null(seg);
	assert_true(looks >= 2);
}

/* ---- huge pages, played -----------------------------------------------------
 *
 * A mapping that begins where a huge page does may be longer than the segment
 * says; only /proc tells.
 */

#define HUGE ((size_t)2 << 20)

static unsigned char *aligned;
static size_t longer;

static int
shmat_huge(void **out, int n, void *at, int flags)
{
	(void)n;
	(void)at;
	(void)flags;
	*out = mmap(aligned, longer, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	return *out == MAP_FAILED ? -ENOMEM : 0;
}

static int
shmdt_huge(void *at)
{
	return munmap(at, longer);
}

static size_t protected;
static int
mprotect_watched(void *at, size_t size, int prot)
{
	protected = size;
	return real_os.mprotect(at, size, prot);
}

/* A /proc that no kernel has. */
static ssize_t
pread_nonsense(int fd, void *buf, size_t n, off_t off)
{
	(void)fd;
	return off == 0 ? snprintf(buf, n, "%lx to the end\n",
			      (unsigned long)(uintptr_t)aligned)
			: 0;
}

static void
huge_pages_are_protected_whole(void **state)
{
	static const struct {
		size_t mapped, whole;
		int no_proc; /* 2: it makes no sense */
	} each[] = {{HUGE, HUGE, 0}, {2 * HUGE, 2 * HUGE, 0}, {8192, 8192, 0},
	    {HUGE + 4096, 8192, 0}, {HUGE, 8192, 1}, {HUGE, 8192, 2}};
	unsigned char *room = test_free_room(5 * HUGE);
	struct shunt_segment *seg;

	(void)state;
	aligned = room + HUGE - (uintptr_t)room % HUGE + HUGE;
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		longer = each[i].mapped;
		shunt__os = real_os;
		shunt__os.shmat = shmat_huge;
		shunt__os.shmdt = shmdt_huge;
		shunt__os.mprotect = mprotect_watched;
		if (each[i].no_proc == 1)
			SAY(open, 0, 1, -ENOENT);
		if (each[i].no_proc == 2)
			shunt__os.pread = pread_nonsense;
		assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
		assert_int_equal(
		    shunt_segment_protect(seg, SHUNT_PROT_READ), 0);
		if (protected != each[i].whole)
			fail_msg("%zu: %zu bytes", i, protected);
		assert_int_equal(shunt_segment_size(seg), SIZE);
		shunt_segment_close(&seg);
	}
}

/* Whole huge pages need nobody to tell. */
static void
whole_huge_pages_are_what_they_say(void **state)
{
	unsigned char *room = test_free_room(3 * HUGE);
	key_t other = sysv_key();
	int id2 = sysv_plain(other, HUGE, 0600);
	struct shunt_segment *seg;

	(void)state;
	aligned = room + HUGE - (uintptr_t)room % HUGE;
	shunt__os.mprotect = mprotect_watched;
	SAY(open, 0, FOR_EVER, -ENOENT);
	int e = shunt_segment_open(
	    &seg, sysv_name(other), OPTIONS(.address = aligned));
	assert_int_equal(shmctl(id2, IPC_RMID, NULL), 0);
	assert_int_equal(e, 0);
	assert_int_equal(shunt_segment_protect(seg, SHUNT_PROT_READ), 0);
	assert_int_equal(protected, HUGE);
	assert_int_equal(open_answer.times, FOR_EVER);
	shunt_segment_close(&seg);
}

#define OWN(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    OWN(who_may_not_read_it_asks_the_walk),
	    OWN(a_key_that_never_leads_to_one),
	    OWN(one_that_always_goes_is_given_up),
	    OWN(wrong_questions),
	    OWN(how_often_it_is_attached),
	    OWN(limits_that_nobody_tells),
	    OWN(an_attach_that_is_refused_says_what_was_wanted),
	    OWN(what_was_made_in_vain_goes_unless_somebody_came),
	    OWN(another_user_s_is_not_what_was_looked_at),
	    OWN(huge_pages_are_protected_whole),
	    OWN(whole_huge_pages_are_what_they_say),
	};

	return cmocka_run_group_tests(tests, sysv_setup, NULL);
}
