/* SPDX-License-Identifier: MIT */
/*
 * How long a server sleeps and what ends that early; what a pass does when
 * the file refuses; what a stop still writes.  The table of system calls tells
 * how long a sleep would be, and has the moment in which it is slept.
 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <shunt/log.h>
#include <shunt/logd.h>

#include "lib/log_lines.h"
#include "lib/peers.h"
#include "log/server.h"
#include "os/os.h"
#include "sync/bell.h"

#define HOUR INT64_C(3600000000000)

static struct shunt__os real;
static const char *name, *path;
static char moved[280], said[512];
static struct shunt_log *client;
static struct shunt_logd *logd;
static int64_t slept;
static int sleeps;
static void (*asleep)(void);

static int
sleeping(const void *word, uint32_t expect, int64_t ns)
{
	void (*now)(void) = asleep;

	(void)word;
	(void)expect;
	sleeps++;
	slept = ns;
	asleep = NULL;
	if (now != NULL)
		now();
	return now != NULL ? 0 : -ETIMEDOUT;
}

static void
hear(void *arg, const char *line)
{
	(void)arg;
	snprintf(said, sizeof(said), "%s", line);
}

static int
serve(int64_t sync_ns)
{
	struct shunt_logd_options o = {.sz = sizeof(o),
	    .file = path,
	    .format = SHUNT_FORMAT_ISO,
	    .notice = hear,
	    .sync_ns = sync_ns};

	return shunt_logd_open(&logd, name, &o);
}

static int
setup(void **state)
{
	struct shunt_log_options o = {
	    .sz = sizeof(o), .lanes = 4, .lane_bytes = 16384, .tag = "test"};

	(void)state;
	real = shunt__os;
	name = test_name("pace");
	path = log_path("pace");
	snprintf(moved, sizeof(moved), "%s.1", path);
	said[0] = 0;
	sleeps = 0;
	asleep = NULL;
	assert_int_equal(shunt_log_open(&client, name, &o), 1);
	shunt__os.futex_wait = sleeping;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shunt__os = real;
	shunt_logd_close(&logd);
	shunt_log_close(&client);
	unlink(test_path(name));
	unlink(moved);
	return 0;
}

static void
say(const char *text)
{
	assert_int_equal(
	    shunt_log_write(client, SHUNT_LOG_INFO, text, strlen(text)), 0);
}

static size_t
lines(void)
{
	struct log_lines l;

	log_lines_read(&l, path);
	size_t n = l.n;
	log_lines_free(&l);
	return n;
}

static void
rest(enum shunt__pace pace, uint64_t deadline)
{
	sleeps = 0;
	slept = 0;
	logd->pace = pace;
	logd->gathers = 0;
	shunt__logd_rest(logd, deadline);
}

static void
a_sleep_ends_with_the_deadline_of_the_step(void **state)
{
	(void)state;
	assert_int_equal(serve(0), 0);
	rest(SHUNT__PARKED, 0);
	assert_int_equal(slept, SHUNT__SLEEP_FIRST);
	rest(SHUNT__PARKED, shunt__now() + 5 * MS);
	assert_in_range(slept, 1, 5 * MS);
	rest(SHUNT__PARKED, shunt__now() - 1);
	assert_int_equal(sleeps, 0);
	/* A nap: NAP is set first, then it is slept. */
	rest(SHUNT__NAPPING, 0);
	assert_int_equal(sleeps, 0);
	rest(SHUNT__NAPPING, shunt__now() - 1);
	assert_int_equal(sleeps, 0);
	assert_false(logd->napping);
	rest(SHUNT__NAPPING, 0);
	rest(SHUNT__NAPPING, 0);
	assert_int_equal(slept, MS);
	assert_true(logd->napping);
	/* As a whole. */
	assert_int_equal(shunt_logd_step(logd, MS / 100), 0);
}

static void
a_sleep_ends_with_the_interval_of_the_syncs(void **state)
{
	(void)state;
	assert_int_equal(serve(20 * MS), 0);
	rest(SHUNT__PARKED, 0);
	assert_int_equal(slept, SHUNT__SLEEP_FIRST); /* nothing to sync */
	say("x");
	assert_int_equal(shunt_logd_step(logd, SHUNT_NOWAIT), 1);
	logd->file.dirty = 1; /* however long that took */
	logd->file.synced = shunt__now();
	logd->park_ns = SHUNT__SLEEP_FIRST;
	rest(SHUNT__PARKED, 0);
	assert_in_range(slept, 0, 20 * MS);
	/* Where no sync helps any more, none is waited for. */
	logd->sync_failed = 1;
	logd->park_ns = SHUNT__SLEEP_FIRST;
	rest(SHUNT__PARKED, 0);
	assert_int_equal(slept, SHUNT__SLEEP_FIRST);
}

static void
ask_to_stop(void)
{
	shunt_logd_stop(logd);
}

static void
who_is_called_does_not_sleep(void **state)
{
	(void)state;
	assert_int_equal(serve(0), 0);
	shunt_logd_reopen(logd);
	rest(SHUNT__PARKED, 0);
	rest(SHUNT__NAPPING, 0);
	rest(SHUNT__NAPPING, 0);
	assert_int_equal(sleeps, 0);
	shunt__store32(&logd->reopen, 0);
	/* A stop that comes in the sleep ends a step without an end. */
	asleep = ask_to_stop;
	logd->pace = SHUNT__PARKED;
	assert_int_equal(shunt_logd_step(logd, SHUNT_FOREVER), 0);
	rest(SHUNT__PARKED, 0);
	assert_int_equal(sleeps, 0);
}

static void
say_something(void)
{
	say("x");
}

static void
a_record_ends_a_step_without_an_end(void **state)
{
	(void)state;
	assert_int_equal(serve(0), 0);
	logd->pace = SHUNT__PARKED;
	logd->seen = 0;
	asleep = say_something;
	assert_int_equal(shunt_logd_step(logd, SHUNT_FOREVER), 1);
	/* One that came before the sleep as well. */
	say("x");
	rest(SHUNT__PARKED, 0);
	assert_int_equal(sleeps, 0);
	assert_int_equal(shunt_logd_step(logd, SHUNT_NOWAIT), 1);
	/* A flush too is something to get up for; not after a failed sync. */
	logd->file.dirty = 1;
	struct shunt__cursor *c = &logd->sources[0]->lanes[0];
	shunt__store64(&c->ctl->ln_flush, c->tail);
	rest(SHUNT__PARKED, 0);
	assert_int_equal(sleeps, 0);
	logd->sync_failed = 1;
	rest(SHUNT__PARKED, 0);
	assert_int_equal(sleeps, 1);
}

static int
one_cpu(void)
{
	return 1;
}

static void
on_a_single_processor_nobody_spins(void **state)
{
	(void)state;
	assert_int_equal(serve(0), 0);
	say("x");
	logd->pace = SHUNT__RUNNING;
	assert_int_equal(shunt_logd_step(logd, SHUNT_NOWAIT), 1);
	assert_int_equal(logd->pace, SHUNT__RUNNING);
	assert_int_equal(logd->gathers, 1);
	shunt__os.cpus = one_cpu;
	say("x");
	assert_int_equal(shunt_logd_step(logd, SHUNT_NOWAIT), 1);
	assert_int_equal(logd->pace, SHUNT__NAPPING);
}

/* ---- a file that refuses ---- */

static int refusal, writes_left;

static ssize_t
refuse(int fd, const void *buf, size_t n, off_t off)
{
	if (writes_left-- > 0)
		return real.pwrite(fd, buf, n, off);
	return refusal;
}

static void
refuse_writes(int e, int after)
{
	refusal = e;
	writes_left = after;
	shunt__os.pwrite = refuse;
}

static void
what_may_pass_is_waited_out_and_nothing_else(void **state)
{
	static const int full[] = {-EDQUOT, -EFBIG, -ENOMEM, -EIO};

	(void)state;
	assert_int_equal(serve(0), 0);
	say("x");
	for (int i = 0; i < 4; i++) {
		refuse_writes(full[i], 0);
		logd->retry = 0;
		assert_int_equal(shunt_logd_step(logd, SHUNT_NOWAIT), 0);
		assert_true(logd->full);
	}
	/* Clients may ring: only time helps, or a call. */
	rest(SHUNT__RUNNING, 0);
	assert_in_range(slept, 1, SHUNT__SLEEP_LAST);
	rest(SHUNT__RUNNING, shunt__now() + 5 * MS);
	assert_in_range(slept, 1, 5 * MS);
	shunt__store32(&logd->reopen, 1);
	rest(SHUNT__RUNNING, 0);
	assert_int_equal(sleeps, 0);
	shunt__store32(&logd->reopen, 0);
	logd->retry = 0;
	rest(SHUNT__RUNNING, 0);
	assert_int_equal(sleeps, 0);
	refuse_writes(-EBADF, 0);
	assert_int_equal(shunt_logd_step(logd, SHUNT_NOWAIT), -EBADF);
	assert_detail(path);
	shunt_logd_stop(logd);
	assert_int_equal(shunt_logd_run(logd), -EBADF);
	shunt__os.pwrite = real.pwrite;
	logd->retry = 0;
	assert_int_equal(shunt_logd_run(logd), 0);
	assert_int_equal(lines(), 1);
}

static int
no_cut(int fd, off_t size)
{
	(void)fd;
	(void)size;
	return -EIO;
}

static void
a_new_file_ends_what_was_wrong_with_the_old_one(void **state)
{
	struct shunt_logd_stat st = {.sz = sizeof(st)};

	(void)state;
	assert_int_equal(serve(0), 0);
	say("x");
	/* Half a batch that cannot be taken back. */
	refuse_writes(-ENOSPC, 0);
	shunt__os.ftruncate = no_cut;
	assert_int_equal(shunt_logd_step(logd, SHUNT_NOWAIT), 0);
	assert_true(logd->full && logd->sources[0]->stuck);
	assert_int_equal(rename(path, moved), 0);
	shunt__os.pwrite = real.pwrite;
	shunt_logd_reopen(logd);
	assert_int_equal(shunt_logd_step(logd, SHUNT_NOWAIT), 1);
	assert_non_null(strstr(said, "repeated in the new file"));
	assert_int_equal(lines(), 1);
	assert_int_equal(shunt_logd_stat(logd, &st), 0);
	assert_int_equal(st.repeated, 1);
	assert_int_equal(st.disk_full, 0);
}

/* A file of others in our place that ends in half a line. */
static void
half_a_line(void)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
}

static void
a_disk_that_is_full_for_a_newline_is_full(void **state)
{
	struct shunt_logd_stat st = {.sz = sizeof(st)};

	(void)state;
	assert_int_equal(serve(0), 0);
	assert_int_equal(rename(path, moved), 0);
	half_a_line();
	refuse_writes(-ENOSPC, 0);
	shunt_logd_reopen(logd);
	assert_int_equal(shunt_logd_step(logd, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_logd_stat(logd, &st), 0);
	assert_int_equal(st.disk_full, 1);
	/* Nothing waits for room: it is not full for anybody. */
	logd->retry = 0;
	assert_int_equal(shunt_logd_step(logd, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_logd_stat(logd, &st), 0);
	assert_int_equal(st.disk_full, 0);
	/* The same with the file deleted, and a stop. */
	assert_int_equal(unlink(path), 0);
	half_a_line();
	say("x");
	shunt_logd_stop(logd);
	assert_int_equal(shunt_logd_run(logd), -ENOSPC);
	assert_detail("the next server");
	shunt__os.pwrite = real.pwrite;
	shunt_logd_close(&logd);
	assert_int_equal(serve(0), 0);
	assert_int_equal(shunt_logd_step(logd, SHUNT_NOWAIT), 1);
}

static void
a_stop_writes_more_than_one_batch(void **state)
{
	(void)state;
	assert_int_equal(serve(0), 0);
	logd->stage.room = 1000;
	for (int i = 0; i < 40; i++)
		say("one of many");
	shunt_logd_stop(logd);
	assert_int_equal(shunt_logd_run(logd), 0);
	assert_int_equal(lines(), 40);
}

/* ---- clocks ---- */

static void
a_step_of_the_clock_moves_the_lines_behind_it(void **state)
{
	(void)state;
	assert_int_equal(serve(0), 0);
	assert_int_equal(shunt_logd_step(logd, SHUNT_NOWAIT), 0);
	int64_t right = logd->wall_off;
	static const int64_t wrong[] = {HOUR, -HOUR};
	for (int i = 0; i < 2; i++) {
		logd->wall_off = right + wrong[i];
		assert_int_equal(shunt_logd_step(logd, SHUNT_NOWAIT), 0);
		int64_t off = logd->wall_off - right;
		assert_true(off > -HOUR / 60 && off < HOUR / 60);
	}
}

static void
records_of_another_boot_keep_its_clock_over_many_batches(void **state)
{
	struct shunt__source *s;

	(void)state;
	assert_int_equal(serve(0), 0);
	s = logd->sources[0];
	s->foreign_boot = 1;
	shunt__store64(&s->server->sv_wall, (uint64_t)HOUR);
	logd->stage.room = 1000;
	for (int i = 0; i < 30; i++)
		say("one of many");
	assert_true(shunt_logd_step(logd, SHUNT_NOWAIT) < 30);
	assert_true(s->foreign_boot);
	assert_int_equal(logd->format.wall_off, HOUR);
	while (shunt_logd_step(logd, SHUNT_NOWAIT) > 0)
		;
	assert_false(s->foreign_boot);
	assert_int_equal(lines(), 30);
	shunt_logd_step(logd, SHUNT_NOWAIT);
	assert_int_equal(logd->format.wall_off, logd->wall_off);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    CASE(a_sleep_ends_with_the_deadline_of_the_step),
	    CASE(a_sleep_ends_with_the_interval_of_the_syncs),
	    CASE(who_is_called_does_not_sleep),
	    CASE(a_record_ends_a_step_without_an_end),
	    CASE(on_a_single_processor_nobody_spins),
	    CASE(what_may_pass_is_waited_out_and_nothing_else),
	    CASE(a_new_file_ends_what_was_wrong_with_the_old_one),
	    CASE(a_disk_that_is_full_for_a_newline_is_full),
	    CASE(a_stop_writes_more_than_one_batch),
	    CASE(a_step_of_the_clock_moves_the_lines_behind_it),
	    CASE(records_of_another_boot_keep_its_clock_over_many_batches),
	};

	alarm(50);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
