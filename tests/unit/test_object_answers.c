/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * What kernels and others answer to those who attach to objects and remove
 * them: each answer has its code and its sentence, and what cannot be known
 * to be nobody's stays.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include <shunt/inspect.h>

#include "segment/lockbyte.h"
#include "segment/object.h"
#include "unit/answers.h"
#include "unit/raw.h"

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
static const struct shunt_recv_options briefly = {
    .sz = sizeof(briefly), .wait_ns = 5000};
static const struct shunt_remove_options force = {
    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};
static const struct shunt_remove_options idle = {
    .sz = sizeof(idle), .flags = SHUNT_REMOVE_IDLE};

ANSWER(ssize_t, pread, (int fd, void *b, size_t n, off_t o), (fd, b, n, o))
ANSWER(
    ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
ANSWER(int, fstat, (int fd, struct stat *st), (fd, st))
ANSWER(int, lstat, (const char *p, struct stat *st), (p, st))
ANSWER(int, open, (const char *p, int f, mode_t m), (p, f, m))
ANSWER(int, unlink, (const char *p), (p))
ANSWER(uid_t, geteuid, (void), ())

static struct shunt_queue *
open_queue(const char *name, int answer)
{
	struct shunt_queue *queue;

	assert_int_equal(shunt_queue_open(&queue, name, &small), answer);
	return queue;
}

/* ---- the name of what is attached -------------------------------------------
 */

/* lstat(2) shows another device's file of the same number. */
static int
lstat_elsewhere(const char *path, struct stat *st)
{
	int e = real_os.lstat(path, st);

	st->st_dev++;
	return e;
}

static void
a_name_that_leads_elsewhere_is_noticed(void **state)
{
	const char *name = test_name("where");
	struct shunt_queue *queue = open_queue(name, 1);
	char buf[8];

	(void)state;
	shunt__os.lstat = lstat_elsewhere;
	assert_int_equal(
	    shunt_queue_recv(queue, buf, 8, NULL, &briefly), SHUNT_E_REMOVED);
	assert_refused(
	    shunt_remove(name, &force), -EBUSY, "somebody replaced it");
	/* Nor does who leaves take away what is not his. */
	shunt_queue_close(&queue);
	shunt__os = real_os;
	assert_true(test_there(name));
	queue = open_queue(name, 0);
	/* A folder that became a file: the name is gone. */
	SAY(lstat, 0, FOR_EVER, -ENOTDIR);
	assert_int_equal(
	    shunt_queue_recv(queue, buf, 8, NULL, &briefly), SHUNT_E_REMOVED);
	shunt__os = real_os;
	shunt_queue_close(&queue);
	assert_false(test_there(name));
}

static void
a_name_that_never_stays_is_given_up(void **state)
{
	const char *name = test_name("flicker");
	struct shunt_queue *queue = open_queue(name, 1), *other;
	int fds = test_fds();

	(void)state;
	SAY(lstat, 0, FOR_EVER, -ENOENT);
	assert_refused(shunt_queue_open(&other, name, &small), -EBUSY,
	    "it comes and goes too fast");
	assert_null(other);
	shunt__os = real_os;
	SAY(lstat, 0, 1, -EIO);
	assert_refused(shunt_queue_open(&other, name, &small), -EIO,
	    "it cannot be attached");
	assert_int_equal(test_fds(), fds);
	shunt_queue_close(&queue);
}

static void
a_descriptor_that_is_not_there_is_not_made(void **state)
{
	struct shunt_queue *queue;

	(void)state;
	assert_refused(shunt_queue_open(&queue, "fd:987654", &small), -ENOENT,
	    "fd:987654: there is no such segment");
	assert_null(queue);
}

/* Neither root's nor mine, but named; root's is everybody's. */
static uid_t played_owner;
static int
fstat_of_an_owner(int fd, struct stat *st)
{
	int e = real_os.fstat(fd, st);

	st->st_uid = played_owner;
	return e;
}

static void
whose_it_is_decides(void **state)
{
	const char *name = test_name("whose");
	struct shunt_queue *queue = open_queue(name, 1), *other;

	(void)state;
	shunt__os.fstat = fstat_of_an_owner;
	SAY(geteuid, 0, FOR_EVER, 4711);
	played_owner = 0;
	other = open_queue(name, 0);
	shunt_queue_close(&other);
	played_owner = 4711;
	other = open_queue(name, 0);
	shunt_queue_close(&other);
	played_owner = 4712;
	assert_refused(shunt_queue_open(&other, name, &small), SHUNT_E_OWNER,
	    "it belongs to user 4712 and you are user 4711");
	shunt__os = real_os;
	shunt_queue_close(&queue);
}

/* ---- what was made and cannot be mapped -------------------------------------
 */

static const char *mapped;
static void (*when_mapped)(void);

static int
mmap_fails(void **out, size_t size, int prot, int flags, int fd)
{
	if (!(flags & MAP_SHARED))
		return real_os.mmap(out, size, prot, flags, fd);
	shunt__os.mmap = real_os.mmap;
	if (when_mapped != NULL)
		when_mapped();
	return -ENOMEM;
}

static struct shunt_queue *guest;

static void
a_guest_comes(void)
{
	guest = open_queue(mapped, 0);
}

static void
a_guest_sends_and_goes(void)
{
	a_guest_comes();
	assert_int_equal(shunt_queue_send(guest, "x", 1, NULL), 0);
	shunt_queue_close(&guest);
}

static void
it_cannot_be_read(void)
{
	SAY(pread, 0, 1, -EIO);
}

static void
it_cannot_be_looked_at(void)
{
	SAY(fstat, 0, 1, -EIO);
}

static void
it_is_replaced(void)
{
	shunt__os.lstat = lstat_elsewhere;
}

static int locks_fail;
static int
failing_lock(int fd, int cmd, struct flock *fl)
{
	if (fl->l_type == F_WRLCK && cmd == locks_fail)
		return -EIO;
	return real_os.lock(fd, cmd, fl);
}

static void
it_cannot_be_locked(void)
{
	locks_fail = F_OFD_SETLK;
	shunt__os.lock = failing_lock;
}

static void
nobody_knows_who_has_it(void)
{
	locks_fail = F_OFD_GETLK;
	shunt__os.lock = failing_lock;
}

static void
what_was_made_in_vain_goes_unless_somebody_came(void **state)
{
	static const struct {
		void (*then)(void);
		int stays;
	} each[] = {
	    {NULL, 0},
	    {a_guest_comes, 1},
	    {a_guest_sends_and_goes, 1},
	    {it_cannot_be_read, 1},
	    {it_cannot_be_looked_at, 1},
	    {it_is_replaced, 1},
	    {it_cannot_be_locked, 1},
	    {nobody_knows_who_has_it, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		struct shunt_queue *queue;
		int fds = test_fds();

		mapped = test_name("vain");
		when_mapped = each[i].then;
		shunt__os.mmap = mmap_fails;
		assert_refused(shunt_queue_open(&queue, mapped, &small),
		    -ENOMEM, "cannot be mapped");
		shunt__os = real_os;
		if (test_there(mapped) != each[i].stays)
			fail_msg("%zu: it is there: %d", i, !each[i].stays);
		shunt_queue_close(&guest);
		assert_int_equal(test_fds(), fds);
		shunt_remove(mapped, NULL);
	}
}

/* ---- those who hold it up ---------------------------------------------------
 */

struct holdup {
	const char *name;
	int fd;
	int code;
	char why[400];
};

/* Somebody holds the removing byte, and was stopped there. */
static void
hold_removing(struct holdup *h, const char *name)
{
	h->name = name;
	h->fd = open(test_path(name), O_RDWR | O_CLOEXEC);
	assert_true(h->fd >= 0);
	assert_int_equal(
	    shunt__byte_lock(h->fd, F_WRLCK, SHUNT__BYTE_REMOVING), 0);
}

static void *
attach_behind(void *arg)
{
	struct holdup *h = arg;
	struct shunt_queue *queue;

	h->code = shunt_queue_open(&queue, h->name, &small);
	snprintf(h->why, sizeof(h->why), "%s", shunt_error_detail());
	return NULL;
}

/* Somebody has a lease on it, and was stopped there. */
static void *
remove_behind(void *arg)
{
	struct holdup *h = arg;

	h->code = shunt_remove(h->name, &idle);
	snprintf(h->why, sizeof(h->why), "%s", shunt_error_detail());
	return NULL;
}

static void
who_is_stopped_holds_nobody_up_for_long(void **state)
{
	struct holdup removing, leased;
	struct shunt_queue *queue;
	pthread_t t[2];

	(void)state;
	removing.name = test_name("stopped");
	queue = open_queue(removing.name, 1);
	leased.name = test_name("leased");
	test_make(leased.name, 4096);
	leased.fd = open(test_path(leased.name), O_RDWR | O_CLOEXEC);
	signal(SIGIO, SIG_IGN);
	assert_int_equal(fcntl(leased.fd, F_SETLEASE, F_WRLCK), 0);
	hold_removing(&removing, removing.name);
	pthread_create(&t[0], NULL, attach_behind, &removing);
	pthread_create(&t[1], NULL, remove_behind, &leased);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	/* Who leaves waits still less, and leaves the name to others. */
	uint64_t start = test_now();
	shunt_queue_close(&queue);
	uint64_t took = test_now() - start;
	close(leased.fd);
	close(removing.fd);
	assert_int_equal(removing.code, -EBUSY);
	assert_non_null(strstr(removing.why, "removing it for a second"));
	assert_int_equal(leased.code, -EBUSY);
	assert_non_null(strstr(leased.why, "looks just now who has it"));
	assert_true(took >= 100 * MS);
	assert_true(test_there(removing.name));
	assert_int_equal(shunt_remove(removing.name, NULL), 0);
	assert_int_equal(shunt_remove(leased.name, &idle), 0);
}

/* ---- removing ---------------------------------------------------------------
 */

static void
its_users_are_told_although_a_signal_comes(void **state)
{
	const char *name = test_name("told");
	struct shunt_queue *queue = open_queue(name, 1);
	char buf[8];

	(void)state;
	SAY(pwrite, 0, 1, -EINTR);
	assert_int_equal(shunt_remove(name, &force), 0);
	assert_int_equal(pwrite_answer.times, 0);
	shunt__os = real_os;
	/* At once, by the word: the name is not looked at. */
	shunt__os.lstat = NULL;
	assert_int_equal(
	    shunt_queue_recv(queue, buf, 8, NULL, &briefly), SHUNT_E_REMOVED);
	shunt__os = real_os;
	shunt_queue_close(&queue);
}

static void
where_nothing_is_written_idle_ones_still_go(void **state)
{
	static const int codes[] = {-EACCES, -EROFS, -ETXTBSY};

	(void)state;
	for (int i = 0; i < 3; i++) {
		const char *name = test_name("readonly");
		test_make(name, 4096);
		SAY(open, 0, 1, codes[i]);
		assert_int_equal(shunt_remove(name, &idle), 0);
		assert_false(test_there(name));
	}
}

/* A file of whom and of what kind, as lstat(2) tells. */
static struct stat played;
static int
lstat_played(const char *path, struct stat *st)
{
	int e = real_os.lstat(path, st);

	st->st_uid = played.st_uid;
	st->st_mode = played.st_mode;
	return e;
}

static void
what_is_mine_goes_although_i_may_not_read_it(void **state)
{
	static const struct {
		uid_t me, owner;
		mode_t type;
		const char *named;
		int lstat_fails, answer;
	} each[] = {
	    {0, 0, S_IFREG, NULL, 0, -EACCES},
	    {4711, 4712, S_IFREG, NULL, 0, -EACCES},
	    {4711, 4711, S_IFIFO, NULL, 0, -EACCES},
	    {4711, 4711, S_IFREG, "4711", 0, -EACCES},
	    {4711, 4711, S_IFREG, NULL, 1, -EACCES},
	    {4711, 4711, S_IFREG, NULL, 0, 0},
	};
	const char *name = test_name("mine");

	(void)state;
	test_make(name, 4096);
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		struct shunt_remove_options o = {
		    .sz = sizeof(o), .owner = each[i].named};
		played.st_uid = each[i].owner;
		played.st_mode = each[i].type;
		shunt__os.lstat = lstat_played;
		/* One look for the sentence, one for the question. */
		if (each[i].lstat_fails)
			SAY(lstat, 0, 2, -EIO);
		SAY(geteuid, 0, FOR_EVER, each[i].me);
		SAY(open, 0, 1, -EACCES);
		int e = shunt_remove(name, &o);
		shunt__os = real_os;
		if (e != each[i].answer)
			fail_msg("%zu: %s", i, shunt_error_name(e));
		assert_int_equal(test_there(name), e != 0);
	}
}

static void
what_may_not_be_removed_is_told(void **state)
{
	const char *name = test_name("denied");

	(void)state;
	test_make(name, 4096);
	for (int i = 0; i < 2; i++) {
		SAY(unlink, 0, 1, i == 0 ? -EPERM : -EACCES);
		assert_refused(shunt_remove(name, i == 0 ? NULL : &idle),
		    i == 0 ? -EPERM : -EACCES, "it is another user's");
		assert_true(test_there(name));
	}
	SAY(unlink, 0, 1, -EIO);
	assert_refused(shunt_remove(name, &idle), -EIO, "it cannot be removed");
	assert_true(test_there(name));
	shunt__os = real_os;
	assert_int_equal(shunt_remove(name, &idle), 0);
}

/* ---- objects of others' versions, taken for raw
 * ------------------------------
 */

static void
overwrite(const char *name, off_t off, uint32_t by)
{
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);

	assert_int_equal(pwrite(fd, &by, sizeof(by), off), sizeof(by));
	close(fd);
}

static void
no_object_is_ever_raw(void **state)
{
	static const off_t at[] = {
	    offsetof(struct shunt__header_lay, hd_layout),
	    offsetof(struct shunt__header_lay, hd_lanes)};
	struct shunt_queue_options o = small;
	struct shunt_segment *seg;
	struct shunt_queue *queue;

	(void)state;
	o.flags = SHUNT_QUEUE_PERSISTENT;
	for (int i = 0; i < 2; i++) {
		const char *name = test_name("newer");

		assert_int_equal(shunt_queue_open(&queue, name, &o), 1);
		shunt_queue_close(&queue);
		overwrite(name, at[i], 0x7777);
		assert_refused(shunt_segment_open(&seg, name, NULL),
		    SHUNT_E_KIND, "an object of shunt, not a raw segment");
		assert_refused(shunt_segment_write(name, 0, "x", 1, NULL),
		    SHUNT_E_KIND, "writing into it would break it");
		/* What cannot be read may be one. */
		SAY(pread, 0, 2, -EIO);
		assert_refused(shunt_segment_open(&seg, name, NULL), -EIO,
		    "its header cannot be read");
		assert_refused(shunt_segment_write(name, 0, "x", 1, NULL), -EIO,
		    "its header cannot be read");
		assert_int_equal(shunt_remove(name, &force), 0);
	}
}

static void
a_geometry_that_makes_no_sense_is_none(void **state)
{
	static const struct shunt__spec none[] = {
	    {.kind = SHUNT_KIND_SEMAPHORE, .lanes = 1},
	    {.kind = SHUNT_KIND_SEMAPHORE,
		.lanes = 1,
		.param = (UINT64_C(2) << 32) | 3},
	    {.kind = SHUNT_KIND_LOCK, .lanes = 1, .param = 1},
	    {.kind = SHUNT_KIND_LOCK, .lanes = 1, .lane_bytes = 4096},
	    {.kind = SHUNT_KIND_QUEUE, .lanes = 1, .lane_bytes = 0},
	    {.kind = SHUNT_KIND_QUEUE, .lanes = 1, .lane_bytes = 2048},
	    {.kind = SHUNT_KIND_QUEUE,
		.lanes = 1,
		.lane_bytes = UINT64_C(1) << 31},
	    {.kind = SHUNT_KIND_QUEUE, .lanes = 0, .lane_bytes = 4096},
	    {.kind = SHUNT_KIND_QUEUE,
		.lanes = 1,
		.lane_bytes = 4096,
		.area_bytes = 5},
	};
	struct shunt__spec two = none[1];
	struct shunt__geometry geo;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(shunt__geometry_make(&geo, &none[i]), -EINVAL);
	two.param--;
	assert_int_equal(shunt__geometry_make(&geo, &two), 0);
}

static void
each_kind_has_its_words(void **state)
{
	(void)state;
	for (uint32_t a = 0; a < 12; a++)
		for (uint32_t b = 0; b < a; b++)
			assert_int_equal(strcmp(shunt__kind_name(a),
					     shunt__kind_name(b)) == 0,
			    strstr(shunt__kind_name(a), "another kind") &&
				strstr(shunt__kind_name(b), "another kind"));
	assert_string_equal(
	    shunt__kind_name(UINT32_MAX), "an object of another kind");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ANSWERED(a_name_that_leads_elsewhere_is_noticed),
	    ANSWERED(a_name_that_never_stays_is_given_up),
	    ANSWERED(a_descriptor_that_is_not_there_is_not_made),
	    ANSWERED(whose_it_is_decides),
	    ANSWERED(what_was_made_in_vain_goes_unless_somebody_came),
	    ANSWERED(who_is_stopped_holds_nobody_up_for_long),
	    ANSWERED(its_users_are_told_although_a_signal_comes),
	    ANSWERED(where_nothing_is_written_idle_ones_still_go),
	    ANSWERED(what_is_mine_goes_although_i_may_not_read_it),
	    ANSWERED(what_may_not_be_removed_is_told),
	    ANSWERED(no_object_is_ever_raw),
	    ANSWERED(a_geometry_that_makes_no_sense_is_none),
	    ANSWERED(each_kind_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
